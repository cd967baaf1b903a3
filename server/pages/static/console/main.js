/** Wires the console: session, choice of the counter, the desk, the keyboard, the drawing. */
import { render } from "../shared/vendor/lit-html.js";
import { command, newKey, speakAs } from "../shared/api.js";
import { hallClock } from "../shared/clock.js";
import { changePassword, NOT_REACHED, passwordView, signIn } from "../shared/sign-in.js";
import { desk } from "./desk.js";
import { countersView, signInView, sitesView, waitView } from "./entry.js";
import { miniWindow } from "./mini.js";
import { supervises } from "./model.js";
import { answersItself, isWriting, meaning } from "./keyboard.js";
import { consoleView } from "./view.js";

speakAs("staff");

const TICK_MS = 250;
const LOOK_AGAIN_MS = 5000;
const PLACE = "moiso.console.place";
const MARK = "moiso.console.mark";
const SHORTCUTS = "moiso.console.shortcuts";
const BLOCKED = "Trình duyệt chặn cửa sổ nhỏ. Mời cho phép cửa sổ bật lên ở trang này.";

const page = {
  screen: "wait",
  trouble: null,
  busy: false,
  me: null,
  offices: [],
  site: null,
  procedures: new Map(),
  clerks: new Map(),
  place: null,
  shortcuts: localStorage.getItem(SHORTCUTS) !== "off",
};
const clock = hallClock();
const root = document.getElementById("page");
const mini = miniWindow({ changed: draw, onKey, onMouse, tick, tickMs: TICK_MS });
const here = desk(page, { clock, draw, mark, expired, refused, field: (id) => mini.inUse().getElementById(id) });

const go = {
  ...here.go,
  signIn: (event) => submit(event, signIn),
  password: (event) => submit(event, changePassword),
  signOut,
  site: chooseCounter,
  counter: takeCounter,
  leave() {
    mini.close();
    return chooseCounter(page.place.site);
  },
  mini: async () => (await mini.toggle()) || here.refuse(BLOCKED),
  front() {
    window.focus();
    mini.close();
  },
  shortcuts(on) {
    page.shortcuts = on;
    localStorage.setItem(SHORTCUTS, on ? "on" : "off");
    draw();
  },
};

const VIEWS = { wait: waitView, signin: signInView, password: passwordView, sites: sitesView, counters: countersView };
const ENTRY_FOCUS = { signin: "user", password: "old" };
let focused = null;

function draw() {
  page.mini = mini.isOpen();
  if (page.screen === "console") {
    here.settle();
    render(consoleView(page, here.time(), go), root);
    const code = page.console?.current?.code;
    document.title = [code, page.console?.counter.name ?? "Bàn gọi số"].filter(Boolean).join(" · ");
  } else {
    render(VIEWS[page.screen](page, go), root);
    document.title = "Bàn gọi số";
  }
  mini.draw(page, here.time(), go);
  focusOnce();
}

/** A question or form that has just appeared takes the keyboard. */
function focusOnce() {
  const name = ENTRY_FOCUS[page.screen] ?? (page.screen === "console" && page.asking ? "panel-first" : null);
  const wanted = name && `${name} ${page.asking?.what ?? ""}`;
  if (wanted !== focused && name) mini.inUse().getElementById(name)?.focus();
  focused = wanted;
}

const ELSEWHERE = "Tài khoản này vừa đăng nhập ở máy khác, phiên ở đây đã hết.";
const isElsewhere = (body) => Boolean(body?.error?.details?.elsewhere);

const get = (path) => command("GET", path, null, { patienceMs: 0 });

/** One mark for all tabs of a sign-in: two tabs that press at the same revision ask the same question. */
function mark() {
  if (!localStorage.getItem(MARK)) localStorage.setItem(MARK, newKey());
  return localStorage.getItem(MARK);
}

const remembered = () => JSON.parse(localStorage.getItem(PLACE) ?? "null");

function show(screen, trouble = null) {
  if (screen !== "console") here.close();
  Object.assign(page, { screen, trouble, asking: null });
  draw();
}

/** Who am I, and where was I? */
async function begin() {
  const { status, body } = await get("/api/v1/session");
  if (status === 401) return show("signin", isElsewhere(body) ? `${ELSEWHERE} Mời đăng nhập lại.` : null);
  if (status !== 200) {
    show("wait", NOT_REACHED);
    return setTimeout(begin, 2000);
  }
  page.me = { user: body.user, name: body.display_name ?? body.user, role: body.role };
  if (body.must_change) return show("password");
  const sites = body.sites ?? [body.site];
  const place = remembered();
  if (place?.user === page.me.user && sites.includes(place.site)) return enter(place);
  if (sites.length === 1) return chooseCounter(sites[0]);
  const found = await Promise.all(sites.map((site) => get(`/api/v1/sites/${encodeURIComponent(site)}`)));
  page.offices = found.filter((answer) => answer.status === 200).map((answer) => answer.body);
  page.site = null;
  return show("sites");
}

async function submit(event, ask) {
  event.preventDefault();
  const form = event.target;
  Object.assign(page, { busy: true, trouble: null });
  draw();
  const problem = await ask(form);
  page.busy = false;
  if (problem) return show(page.screen, problem);
  form.reset();
  localStorage.setItem(MARK, newKey());
  return begin();
}

async function signOut() {
  mini.close();
  await command("DELETE", "/api/v1/session", null, { patienceMs: 0 });
  localStorage.removeItem(PLACE);
  localStorage.removeItem(MARK);
  show("signin");
}

/** The session is over; why, and whether another tab of this browser has begun one, is asked once more. */
async function expired() {
  const code = page.console?.current?.code;
  here.close();
  const { status, body } = await get("/api/v1/session");
  if (status === 200) return begin();
  const why = isElsewhere(body) ? ELSEWHERE : "Phiên làm việc đã hết.";
  return show("signin", code ? `${why} Đăng nhập lại; ${code} vẫn ở quầy này.` : `${why} Mời đăng nhập lại.`);
}

function refused(message) {
  localStorage.removeItem(PLACE);
  chooseCounter(page.place.site, message);
}

async function loadSite(site) {
  const { status, body } = await get(`/api/v1/sites/${encodeURIComponent(site)}`);
  if (status !== 200) return false;
  page.site = body;
  page.procedures = new Map(body.services.flatMap((service) => (service.procedures ?? []).map((one) => [one.id, one.name])));
  return true;
}

async function chooseCounter(site, trouble = null) {
  here.close();
  localStorage.removeItem(PLACE);
  if (!(await loadSite(site))) {
    show("wait", NOT_REACHED);
    return setTimeout(() => chooseCounter(site, trouble), 2000);
  }
  await loadClerks();
  return show("counters", trouble);
}

/** Who sits where is told to staff only, with every console. */
async function loadClerks() {
  const any = page.site.counters[0]?.id ?? "";
  const { body } = await get(`/api/v1/sites/${encodeURIComponent(page.site.id)}/counters/${encodeURIComponent(any)}/console`);
  const seats = (body?.counters ?? []).filter((counter) => counter.clerk);
  page.clerks = new Map(seats.map(({ id, clerk, clerk_name: name }) => [id, { user: clerk, name: name ?? clerk }]));
}

async function lookAgain() {
  if (page.screen !== "counters") return;
  if (await loadSite(page.site.id)) await loadClerks();
  if (page.screen === "counters") draw();
}

function takeCounter(counter) {
  const clerk = page.clerks.get(counter.id);
  const taken = counter.state !== "closed" && clerk && clerk.user !== page.me.user;
  if (taken && !supervises(page)) {
    return show("counters", `${counter.name} đang do ${clerk.name} mở. Mời chọn quầy khác, hoặc nhờ phụ trách nhận quầy.`);
  }
  return enter({ site: page.site.id, counter: counter.id });
}

async function enter({ site, counter }) {
  if (page.site?.id !== site && !(await loadSite(site))) {
    show("wait", NOT_REACHED);
    return setTimeout(() => enter({ site, counter }), 2000);
  }
  if (!page.site.counters.some((one) => one.id === counter)) return chooseCounter(site);
  localStorage.setItem(PLACE, JSON.stringify({ site, counter, user: page.me.user }));
  here.open({ site, counter });
  return show("console");
}

function onKey(event) {
  if (page.screen !== "console") return;
  if (isWriting(event.target)) {
    if (event.code === "Escape") go.cancel();
    return;
  }
  const own = ["Space", "Enter", "NumpadEnter"].includes(event.code);
  if (event.repeat && own) return void event.preventDefault();
  const meant = meaning(event);
  if (!meant || (own && answersItself(event.target.ownerDocument.activeElement))) return;
  if (!page.shortcuts && meant.what !== "cancel") return;
  event.preventDefault();
  dispatch(meant);
}

function dispatch({ what, number }) {
  const moves = { up: () => go.move(-1), down: () => go.move(1), left: () => go.tabBy(-1), right: () => go.tabBy(1) };
  if (what === "choice") return go.choice(number);
  if (what === "cancel") return go.cancel();
  if (what === "help") return go.help();
  if (what === "mini") return go.mini();
  // A question left open must not swallow a key of the desk; going to a kiosk takes nothing from it.
  if (here.asking() && what !== "help-answer") go.cancel();
  if (moves[what]) return moves[what]();
  return what === "row" ? go.row() : go.press(what);
}

/** A clicked button must not keep the keyboard: Space belongs to the big one. */
function onMouse(event) {
  if (page.screen === "console" && event.target.closest("button, tr")) event.preventDefault();
}

function tick() {
  if (page.screen !== "console") return;
  here.tick();
  draw();
}

document.addEventListener("keydown", onKey);
document.addEventListener("mousedown", onMouse);
setInterval(tick, TICK_MS);
setInterval(lookAgain, LOOK_AGAIN_MS);
draw();
begin();
