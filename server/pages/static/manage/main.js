/** Wires the manager's page: session, the live floor, the commands, the drawing. */
import { render } from "../shared/vendor/lit-html.js";
import { command, newKey, speakAs } from "../shared/api.js";
import { connect } from "../shared/connection.js";
import { changePassword, NOT_REACHED, passwordView, signIn, signInView } from "../shared/sign-in.js";
import { checking } from "./checkup.js";
import { freeName, typedCode } from "./devices.js";
import { clockTime, firstPassword, tabsFor, todayAt, typedTime } from "./model.js";
import { printing } from "./printing.js";
import { deniedView, deskView, sitesView, waitView } from "./view.js";

speakAs("staff");

const SAID_MS = 6000;
const AGAIN_MS = 2000;
const DEVICES_EVERY_MS = 5000;
const SITE = "moiso.manage.site";
const NO_ANSWER = "Chưa nhận được trả lời. Xem lại rồi bấm lần nữa.";
const NO_CODE = "Mã trên máy có 6 chữ và số, như ABC 234.";
const NO_TIME = "Giờ viết như 16:30.";

const page = {
  screen: "wait",
  trouble: null,
  busy: false,
  me: null,
  offices: [],
  site: null,
  tab: "day",
  floor: null,
  stale: false,
  staff: null,
  devices: null,
  report: null,
  checkup: null,
  open: null,
  said: null,
  made: null,
  kind: "kiosk",
  place: null,
  code: typedCode(new URLSearchParams(location.hash.slice(1)).get("pair") ?? "") ?? "",
  suggested: firstPassword(),
  /** What is said most often, as the voice knows it (`audio/phrases.py`); the words can still be changed. */
  spoken: JSON.parse(document.getElementById("told").textContent),
};
const VIEWS = {
  wait: waitView,
  signin: signInView("Đăng nhập trang phụ trách"),
  password: passwordView,
  sites: sitesView,
  denied: deniedView,
  desk: deskView,
};
const root = document.getElementById("page");
const under = (path) => `/api/v1/sites/${encodeURIComponent(page.site.id)}${path}`;
const get = (path) => command("GET", path, null, { lang: "vi", patienceMs: 0 });
/** Presses that are on their way, so that a double click is one. */
const sent = new Set();
let connection = null;
let saidTimer = null;
let focused = "";

function draw() {
  render(VIEWS[page.screen](page, go), root);
  document.title = ["Phụ trách", page.site?.name].filter(Boolean).join(" · ");
  const wanted = page.open ? `${page.open.what} ${page.open.id}` : page.screen;
  if (wanted !== focused) {
    focused = wanted;
    const first = page.open ? ".panel :is(input, button):not([type=hidden])" : page.screen === "signin" ? "#user" : "#old";
    const within = page.open && document.querySelector(`[aria-expanded=true]`)?.closest("li, section");
    (within || document).querySelector(first)?.focus();
  }
}

function show(screen, trouble = null) {
  if (screen !== "desk") disconnect();
  Object.assign(page, { screen, trouble, busy: false, open: null, said: null, made: null });
  draw();
}

function say(words, wrong = false, stays = wrong) {
  page.said = { words, wrong };
  clearTimeout(saidTimer);
  // A refusal stays until something else is said: who looked away must still learn that nothing happened.
  if (!stays) saidTimer = setTimeout(() => ((page.said = null), draw()), SAID_MS);
  draw();
}

// -- session ---------------------------------------------------------------------------------------------------------------------

async function begin() {
  const { status, body } = await get("/api/v1/session");
  if (status === 401) return show("signin");
  if (status !== 200) return again(begin);
  page.me = { user: body.user, name: body.display_name ?? body.user, role: body.role, site: body.site ?? null };
  if (body.must_change) return show("password");
  if (!tabsFor(body.role).length) return show("denied");
  const kept = localStorage.getItem(SITE);
  if (body.sites.length === 1) return enter(body.sites[0]);
  if (body.sites.includes(kept)) return enter(kept);
  const found = await Promise.all(body.sites.map((site) => get(`/api/v1/sites/${encodeURIComponent(site)}`)));
  page.offices = found.filter((answer) => answer.status === 200).map((answer) => answer.body);
  return show("sites");
}

function again(action) {
  show("wait", NOT_REACHED);
  setTimeout(action, AGAIN_MS);
}

async function submit(event, ask) {
  event.preventDefault();
  const form = event.target;
  Object.assign(page, { busy: true, trouble: null });
  draw();
  const problem = await ask(form);
  page.busy = false;
  if (problem) {
    page.trouble = problem;
    return draw();
  }
  form.reset();
  return begin();
}

async function signOut() {
  await command("DELETE", "/api/v1/session", null, { patienceMs: 0 });
  localStorage.removeItem(SITE);
  Object.assign(page, { floor: null, staff: null, devices: null, report: null, checkup: null, me: null, site: null });
  show("signin");
}

const expired = () => show("signin", "Phiên làm việc đã hết. Mời đăng nhập lại.");

async function enter(site) {
  const { status, body } = await get(`/api/v1/sites/${encodeURIComponent(site)}`);
  if (status !== 200) return again(() => enter(site));
  localStorage.setItem(SITE, site);
  Object.assign(page, { site: body, floor: null, staff: null, devices: null, report: null, checkup: null, stale: false });
  show("desk");
  go.checkup.ask();
  if (tabsFor(page.me.role).includes("day")) follow();
  const tabs = tabsFor(page.me.role);
  if (page.code && tabs.includes("devices")) {
    // Scanned from a screen that shows a code.
    history.replaceState(null, "", location.pathname);
    choose("devices");
    return go.code(page.code);
  }
  return choose(tabs.includes(page.tab) ? page.tab : tabs[0]);
}

function disconnect() {
  connection?.close();
  connection = null;
}

function follow() {
  disconnect();
  connection = connect({
    site: page.site.id,
    kind: "floor",
    id: "",
    onState(floor) {
      Object.assign(page, { floor, devices: floor.devices, stale: false });
      draw();
    },
    onStale: () => ((page.stale = true), draw()),
    onBack: () => (page.stale = false),
    onRefused: (error) => (["unauthenticated", "forbidden"].includes(error.code) ? expired() : say(error.message, true)),
  });
}

// -- commands --------------------------------------------------------------------------------------------------------------------

/**
 * Do one thing; the same press is not sent twice. Commands of the day may be asked again after a lost answer, changes of accounts and
 * devices may not: their second attempt would find the name taken by the first.
 * @returns {Promise<any>} the answer's body (true for an empty one), or null when it was refused; the refusal is said
 */
async function act(method, path, body, words, { repeatable = true, stays = false } = {}) {
  const press = `${method} ${path}`;
  if (sent.has(press)) return null;
  sent.add(press);
  const options = { lang: "vi", ...(repeatable ? { idempotencyKey: newKey() } : { patienceMs: 0 }) };
  const { status, body: answer } = await command(method, under(path), body, options);
  sent.delete(press);
  if (status === 401) return expired(), null;
  if (status < 200 || status > 299) return say(answer?.error?.message || NO_ANSWER, true), null;
  page.open = null;
  say(words, false, stays);
  connection?.refresh();
  return answer ?? true;
}

const part = (id) => encodeURIComponent(id);
const verb = (ticket, name, body, words) => act("POST", `/tickets/${part(ticket)}/${name}`, body, words);
const once = { repeatable: false };
const values = (event) => {
  event.preventDefault();
  return Object.fromEntries(new FormData(event.target));
};

function hours(event, which) {
  const time = typedTime(values(event).time);
  if (!time) return say(NO_TIME, true);
  const { floor } = page;
  if (which === "closes") return act("POST", "/hours", { closes: time }, `Hôm nay đóng cửa lúc ${time}.`);
  return lastTicket(floor, time);
}

/** Numbers until another time; a closing time that was changed for today stays changed. */
function lastTicket(floor, time) {
  const closes = floor.changed_hours && floor.hours.closes ? clockTime(floor.hours.closes, floor.day) : null;
  const kept = closes && closes !== "24:00" ? { closes } : {};
  return act("POST", "/hours", { last_ticket: time, ...kept }, `Hôm nay cấp số đến ${time}.`);
}

function notice(event, hall) {
  const { text, until } = values(event);
  const time = until.trim() ? typedTime(until) : null;
  if (until.trim() && !time) return say(NO_TIME, true);
  const body = { text, ...(time ? { until: todayAt(page.floor, time) } : {}) };
  return act("PUT", `/halls/${part(hall.id)}/notice`, body, "Dòng thông báo đang hiện.").then((done) => done && event.target.reset());
}

async function loadStaff() {
  const { status, body } = await get(under("/staff"));
  if (status === 401) return expired();
  if (status === 200) page.staff = body;
  return draw();
}

async function loadDevices() {
  const { status, body } = await get(under("/devices"));
  if (status === 200) page.devices = body;
  draw();
}

async function loadReport() {
  const day = page.floor?.day ?? page.site.day;
  const { status, body } = await get(under(`/days/${day}/report`));
  if (status === 401) return expired();
  if (status === 200) page.report = body;
  else say(body?.error?.message || NO_ANSWER, true);
  return draw();
}

function choose(tab) {
  Object.assign(page, { tab, open: null, made: null, said: null });
  if (tab === "staff") loadStaff();
  if (tab === "devices") loadDevices();
  if (tab === "report") loadReport();
  if (tab === "checkup") go.checkup.ask();
  if (tab === "paper") go.paper.open();
  draw();
}

/** A password that was just given stays on the page until something else is done: it still has to be read out. */
async function changeMember(method, path, body, words) {
  const done = await act(method, path, body, words, { ...once, stays: Boolean(body?.password) });
  if (done) {
    page.suggested = firstPassword();
    await loadStaff();
  }
  return done;
}

const go = {
  signIn: (event) => submit(event, signIn),
  password: (event) => submit(event, changePassword),
  signOut,
  site: enter,
  tab: choose,
  /** Open a panel, or close it when it is open; it keeps the floor as it was, so that what is being filled in does not move. */
  open(what, id) {
    const same = page.open?.what === what && page.open.id === id;
    Object.assign(page, { open: same ? null : { what, id, floor: page.floor }, said: null });
    draw();
  },
  close() {
    page.open = null;
    draw();
  },
  help: (call) => act("POST", `/help/${call.asked}/answer`, {}, `Đã nhận: ${call.name}.`),
  hours,
  stopNumbers: () => lastTicket(page.floor, page.floor.at.slice(11, 16)),
  usualHours: () => act("POST", "/hours", {}, "Hôm nay theo giờ thường lệ."),
  toggle: ({ id, name, stopped }) =>
    act("POST", `/services/${part(id)}/${stopped ? "start" : "stop"}`, {}, stopped ? `${name}: cấp số lại.` : `${name}: đã dừng cấp số.`),
  closeCounter: ({ id, name }) => act("POST", `/counters/${part(id)}/close`, {}, `${name} đã đóng.`),
  fields(event, { id, name }) {
    event.preventDefault();
    const chosen = new FormData(event.target).getAll("service");
    if (!chosen.length) return say("Quầy phải phục vụ ít nhất một lĩnh vực.", true);
    return act("POST", `/counters/${part(id)}/services`, { services: chosen }, `${name}: đã đổi lĩnh vực cho hôm nay.`);
  },
  back: ({ ticket, code, back, backName }) => verb(ticket, "transfer", { service: back }, `${code} đã về hàng ${backName}.`),
  finish: ({ ticket, code }) => verb(ticket, "finish", {}, `${code} đã hoàn tất.`),
  release: ({ ticket, code }) => verb(ticket, "release", {}, `${code} chờ tiếp ở chỗ cũ.`),
  notice,
  /** A ready-made sentence goes into the field, where it can still be changed. */
  ready(event, text) {
    event.target.form.elements.text.value = text;
    event.target.form.elements.text.focus();
  },
  askEmergency(event, text) {
    const field = event.target.form.elements.text;
    if (!field.value.trim()) field.value = text;
    go.open("emergency", "");
  },
  async speak(event) {
    const form = event.target;
    const { hall, text } = values(event);
    const priority = event.submitter?.value ?? "notice";
    const words = priority === "emergency" ? "Loa đang đọc lời khẩn cấp." : "Loa đọc sau các lời gọi đang chờ.";
    if (await act("POST", `/halls/${part(hall)}/announcements`, { text: text.replace(/\s+/g, " ").trim(), priority }, words)) form.reset();
  },
  clearNotice: (hall) => act("PUT", `/halls/${part(hall.id)}/notice`, { text: null }, "Đã xóa dòng thông báo."),
  addMember(event) {
    const { name, role, password, called } = values(event);
    const words = `Đã thêm ${name.trim()}. Mật khẩu lần đầu: ${password}`;
    return changeMember("POST", "/staff", { name: name.trim(), role, password, display_name: called }, words).then((done) => done && event.target.reset());
  },
  resetMember(event, { name }) {
    const { password } = values(event);
    return changeMember("POST", `/staff/${part(name)}/password`, { password }, `Mật khẩu mới của ${name}: ${password}`);
  },
  renameMember(event, { name }) {
    const called = values(event).called.trim();
    const words = called ? `${name} hiện trên màn hình là ${called}.` : `${name} không còn tên hiển thị.`;
    return changeMember("POST", `/staff/${part(name)}/display-name`, { display_name: called }, words);
  },
  removeMember: ({ name }) => changeMember("DELETE", `/staff/${part(name)}`, null, `Đã xóa tài khoản ${name}.`),
  kind(kind) {
    page.kind = kind;
    draw();
  },
  /** A code was typed: the device that shows it says what it is. */
  async code(text) {
    const code = typedCode(text);
    page.code = code ?? text;
    if (text.trim() && !code) return say(NO_CODE, true);
    if (!code) return draw();
    const { status, body } = await get(under(`/pairings/${code}`));
    if (status === 200) Object.assign(page, { kind: body.kind, place: body.place, said: null });
    else say(body?.error?.message || NO_ANSWER, true);
    return draw();
  },
  async addDevice(event) {
    const { kind, place, name, code: typed } = values(event);
    const body = { kind, place, name: name.trim() || freeName(kind === "kiosk" ? place : `${kind}-${place.replace("/", "-")}`, page.devices) };
    const code = typedCode(typed);
    if (typed.trim() && !code) return say(NO_CODE, true);
    if (code) {
      const done = await act("POST", "/pairings", { ...body, code }, `${body.name} đã được ghép. Máy làm việc sau vài giây.`, once);
      if (done) page.code = "";
      return loadDevices();
    }
    const made = await act("POST", "/devices", body, `Đã thêm ${body.name}.`, once);
    if (made) page.made = made;
    return loadDevices();
  },
  seen() {
    page.made = null;
    draw();
  },
  async revoke({ name }) {
    await act("DELETE", `/devices/${part(name)}`, null, `Đã thu hồi khóa của ${name}.`, once);
    return loadDevices();
  },
  report: loadReport,
  checkup: checking(page, { get, act, draw, under, may: () => tabsFor(page.me?.role).includes("checkup") }),
  paper: printing(page, {
    get, act, draw, say, under, send: (method, path, body) => command(method, under(path), body, { lang: "vi", patienceMs: 0 }),
  }),
};

document.addEventListener("keydown", (event) => event.key === "Escape" && page.open && go.close());
// Whoever has no live floor sees the devices by asking.
setInterval(() => page.screen === "desk" && page.tab === "devices" && !connection && loadDevices(), DEVICES_EVERY_MS);
draw();
begin();
