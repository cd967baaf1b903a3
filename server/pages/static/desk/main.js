/** Wires the helper's desk: session, what waits, numbers for citizens, what a reader reads. */
import { render } from "../shared/vendor/lit-html.js";
import { command, newKey, speakAs } from "../shared/api.js";
import { readScans } from "../shared/scanner.js";
import { changePassword, NOT_REACHED, passwordView, signIn, signInView } from "../shared/sign-in.js";
import { asked, ELSEWHERE, groupByCard } from "./model.js";
import { deniedView, deskView, waitView } from "./view.js";

speakAs("staff");

const LOOK_MS = 3000;
const AGAIN_MS = 2000;
/** A reader presses a key every few milliseconds; nobody types so fast. */
const READER_MS = 50;
/** A card belongs to who stands there. */
const CARD_MS = 60000;
const KIOSK = "moiso.desk.kiosk";
const NO_ANSWER = "Chưa nhận được trả lời. Xem lại rồi bấm lần nữa.";
const VIEWS = {
  wait: waitView,
  signin: signInView("Đăng nhập bàn hướng dẫn"),
  password: passwordView,
  denied: deniedView,
  desk: deskView,
};

const siteId = decodeURIComponent(location.pathname.split("/")[2]);
const SITE = `/api/v1/sites/${encodeURIComponent(siteId)}`;
const root = document.getElementById("page");
const NOBODY = { ticket: null, trouble: null, again: null, done: null };
const page = { screen: "wait", me: null, site: null, boards: [], stale: false, busy: false, priority: null, card: null, kiosk: "", ...NOBODY };
let focused = null;
let cardTimer = null;

const get = (path) => command("GET", path, null, { patienceMs: 0, lang: "vi" });

const go = {
  signIn: (event) => submit(event, signIn),
  password: (event) => submit(event, changePassword),
  async signOut() {
    await command("DELETE", "/api/v1/session", null, { patienceMs: 0 });
    dropCard();
    show("signin", { me: null, ...NOBODY });
  },
  kiosk(id) {
    localStorage.setItem(KIOSK, id);
    change({ kiosk: id });
  },
  priority: (group) => change({ priority: group }),
  dropCard() {
    dropCard();
    draw();
  },
  clear: () => change(NOBODY),
  take(service) {
    const body = { service, ...printing() };
    if (page.priority) body.priority = page.priority;
    if (page.card) body.card = page.card.number;
    return send("/tickets", body, "Đã lấy số");
  },
  typed(event) {
    event.preventDefault();
    const text = event.target.elements.code.value.trim();
    if (text) act(text);
  },
  act: (verb, ticket) =>
    send(`/tickets/${encodeURIComponent(ticket)}/${verb}`, verb === "reprint" ? printing() : {}, verb === "reprint" ? "Đang in lại phiếu" : "Đã quay lại hàng"),
};

const printing = () => (page.kiosk ? { kiosk: page.kiosk } : {});

function change(more) {
  Object.assign(page, more);
  draw();
}

function show(screen, more = {}) {
  change({ screen, trouble: null, ...more });
}

function draw() {
  render(VIEWS[page.screen](page, go), root);
  const first = { signin: "user", password: "old", desk: "code" }[page.screen];
  if (page.screen !== focused) document.getElementById(first)?.focus();
  focused = page.screen;
}

/** One press is one command with one key; the second press of a double click meets a busy page. */
async function send(path, body, done) {
  if (page.busy) return;
  change({ busy: true, ...NOBODY });
  const { status, body: answer } = await command("POST", `${SITE}${path}`, body, { idempotencyKey: newKey(), lang: "vi" });
  page.busy = false;
  answered(status, answer, done);
}

async function find(path) {
  change({ busy: true, ...NOBODY });
  const { status, body } = await get(`${SITE}${path}`);
  page.busy = false;
  // An id that nobody knows is of another office; a number can be typed wrongly.
  if (status === 404 && !path.includes("?")) return change({ trouble: ELSEWHERE });
  answered(status, body, null);
}

function answered(status, body, done) {
  if (status === 401) return show("signin", { trouble: "Phiên làm việc đã hết. Mời đăng nhập lại." });
  if (status !== 200 && status !== 201) {
    const refused = body?.error ?? {};
    const again = ["already_has_number", "already_checked_in"].includes(refused.code) ? refused.details.id : null;
    return change({ trouble: refused.message || NO_ANSWER, again });
  }
  // The next citizen begins with nothing of this one.
  if (done) {
    dropCard();
    page.priority = null;
  }
  change({ ticket: body, done });
  look();
}

function dropCard() {
  clearTimeout(cardTimer);
  if (page.card?.group === page.priority) page.priority = null;
  page.card = null;
}

function readCard(card) {
  dropCard();
  const group = groupByCard(card, page.site);
  const words = group ? `Đã đọc thẻ: ${group.name}. Chọn diện này nếu công dân muốn.` : "Đã đọc thẻ.";
  cardTimer = setTimeout(go.dropCard, CARD_MS);
  change({ ...NOBODY, card: { number: card.number, group: group?.id ?? null, words } });
}

function act(text) {
  const field = document.getElementById("code");
  if (field) field.value = "";
  if (page.busy) return;
  const meant = asked(text, page.site);
  if (meant.card) readCard(meant.card);
  else if (meant.find) find(meant.find);
  else if (meant.checkIn) send(`/appointments/${meant.checkIn}/check-in`, printing(), "Đã nhận lịch hẹn");
  else change({ ...NOBODY, trouble: meant.say });
}

async function submit(event, ask) {
  event.preventDefault();
  const form = event.target;
  change({ busy: true, trouble: null });
  const problem = await ask(form);
  page.busy = false;
  if (problem) return change({ trouble: problem });
  form.reset();
  return begin();
}

async function begin() {
  const { status, body } = await get("/api/v1/session");
  if (status === 401) return show("signin");
  if (status !== 200) {
    show("wait", { trouble: NOT_REACHED });
    return setTimeout(begin, AGAIN_MS);
  }
  page.me = { user: body.user, name: body.display_name ?? body.user };
  if (body.must_change) return show("password");
  if (body.role !== "helper") return show("denied", { trouble: "Trang này dành cho tài khoản người hướng dẫn." });
  if (!body.sites.includes(siteId)) return show("denied", { trouble: "Tài khoản này thuộc bộ phận khác." });
  if (!(await look())) {
    show("wait", { trouble: NOT_REACHED });
    return setTimeout(begin, AGAIN_MS);
  }
  const kept = localStorage.getItem(KIOSK);
  const known = kept === "" || page.site.kiosks.some((kiosk) => kiosk.id === kept);
  return show("desk", { kiosk: known ? kept : (page.site.kiosks[0]?.id ?? "") });
}

/** What waits, and which fields are open. */
async function look() {
  const { status, body } = await get(SITE);
  page.stale = status !== 200;
  if (status === 200) {
    page.site = body;
    const boards = await Promise.all(body.halls.map((hall) => get(`${SITE}/halls/${encodeURIComponent(hall.id)}/board`)));
    page.boards = boards.filter((answer) => answer.status === 200).map((answer) => answer.body);
  }
  if (page.screen === "desk") draw();
  return status === 200;
}

readScans((text) => page.screen === "desk" && act(text), { withinMs: READER_MS });
setInterval(() => page.screen === "desk" && look(), LOOK_MS);
draw();
begin();
