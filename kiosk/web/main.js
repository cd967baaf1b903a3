/** Wires the kiosk: events in, state on, drawing out, one command per intent. */
import { alive } from "/static/shared/alive.js";
import { command, newKey, speakAs } from "/static/shared/api.js";
import { hallClock } from "/static/shared/clock.js";
import { connect } from "/static/shared/connection.js";
import { fit } from "/static/shared/fit.js";
import { pairing } from "/static/shared/pairing.js";
import { readScans } from "/static/shared/scanner.js";
import { render } from "/static/shared/vendor/lit-html.js";
import { readAloud } from "./aloud.js";
import { besideAsk, besideRequest, keyOf } from "./beside.js";
import { glassOf } from "./glass.js";
import { GIVE_UP_MS, start, step } from "./model.js";
import { requestOf } from "./requests.js";
import { keepShell, remember, remembered } from "./shell.js";
import { listen } from "./touch.js";
import { view } from "./view.js";

const TICK_MS = 250;
const SITE_EVERY_MS = 15000;
const BOARD_POLL_MS = 3000;
/** A question to a server that may be away waits no longer: whether it is has to be known within 10 s of its last word. */
const LOOK_MS = 2500;
const PAIR_AGAIN_MS = 10000;
const RING_MS = 8000;
/** How often the kiosk asks after its own machine: no paper is told within two seconds, and the agent needs most of these to notice. */
const MACHINE_EVERY_MS = 600;
/** The agent beside the page is asked only when the server leaves somebody waiting. */
const BESIDE_EVERY_MS = 1000;
const BESIDE_AFTER_MS = 3000;

const [, , siteId, kioskId] = location.pathname.split("/").map(decodeURIComponent);
const SITE = `/api/v1/sites/${encodeURIComponent(siteId)}`;
speakAs("device");
const root = document.getElementById("kiosk");
const clock = hallClock();
let state = start({ now: performance.now() });
let connection = null;
let polling = null;
let isDevice = false;
let asker = null;
let asking = null;
let machineAsked = { at: -Infinity, running: false, news: false };
let besideAsked = { at: -Infinity, running: false };
let staleSince = null;
const follow = readAloud(root, { sounds, read: () => dispatch({ type: "read" }), failed: () => dispatch({ type: "mute" }) });

const kioskOf = (site) => site?.kiosks.find((kiosk) => kiosk.id === kioskId);

/** Measure the glass anew: the window or what the site document says of the kiosk has changed. */
function measure() {
  dispatch({ type: "glass", glass: glassOf(innerWidth, innerHeight, kioskOf(state.site)) });
}

function dispatch(event) {
  const before = state;
  state = step(state, { now: performance.now(), ...event });
  if (state !== before || event.type === "tick") draw();
  if (state.intent !== before.intent) ask(state.intent);
  if (state.help && state.help.key !== before.help?.key) ring(state.help.key);
  if (state.problem !== before.problem) showCode(state.problem === "unpaired");
  const news = state.screen !== before.screen || state.ticket !== before.ticket || state.paperSince !== before.paperSince;
  lookAtMachine(news);
  lookBeside();
}

function draw() {
  const { pixels, reach } = state.glass;
  document.documentElement.style.setProperty("--mm", `${pixels.toFixed(4)}px`);
  document.documentElement.style.setProperty("--reach", `${(reach * pixels).toFixed(1)}px`);
  document.documentElement.lang = state.lang;
  const surroundings = { now: performance.now(), clock: clock.text(), at: clock.instant(), kiosk: kioskOf(state.site), siteId, kioskId };
  render(view(state, surroundings), root);
  fit(root);
  // A new screen, a new page of it or a card over it is read from its beginning.
  follow(state.aloud && !state.quiet && !state.problem && !state.intent ? String(state.changedAt) : null);
}

/** The sounds of this kiosk's own screens in the citizen's language, and of the number that is shown. */
async function sounds() {
  const whose = state.ticket ? `?ticket=${encodeURIComponent(state.ticket.id)}` : "";
  const { lang } = state;
  const answer = await command("GET", `${SITE}/kiosks/${encodeURIComponent(kioskId)}/voice${whose}`, null, { patienceMs: 0 });
  return answer.status === 200 ? answer.body[lang] : null;
}

/** Ask until there is an answer; a further attempt of the same intent replaces the running one. */
async function ask(intent) {
  asking?.abort();
  if (!intent) return;
  const stop = new AbortController();
  asking = stop;
  const beside = besideRequest(intent, state.ticket);
  if (beside) {
    const answer = await besideAsk(state.site?.offline?.port, "POST", beside.path, beside.body);
    if (asking === stop) dispatch({ type: "answer", key: intent.key, ...answer });
    return;
  }
  const { method, path, body } = requestOf(intent);
  const options = { idempotencyKey: method === "POST" ? intent.key : undefined, patienceMs: GIVE_UP_MS, signal: stop.signal, lang: intent.lang };
  const answer = await command(method, `${SITE}${path}`, body, options);
  if (asking === stop && !stop.signal.aborted) dispatch({ type: "answer", key: intent.key, ...answer });
  if (answer.status >= 400) loadSite();
}

/** Tell the staff that somebody here needs a person. */
async function ring(key) {
  const answer = await command("POST", `${SITE}/help`, {}, { idempotencyKey: key, patienceMs: RING_MS });
  dispatch({ type: "rung", key, ok: answer.status === 200 });
}

/** Ask after the printer, the call for help, and the paper of the number on the screen. */
async function lookAtMachine(now) {
  const due = machineAsked.at + MACHINE_EVERY_MS;
  machineAsked.news ||= now && machineAsked.running;
  if (machineAsked.running || !state.site || state.problem || state.ticket?.provisional || (!now && performance.now() < due)) return;
  const at = performance.now();
  machineAsked = { at, running: true, news: false };
  const whose = state.screen === "number" ? `?ticket=${encodeURIComponent(state.ticket.id)}` : "";
  const answer = await command("GET", `${SITE}/kiosks/${encodeURIComponent(kioskId)}${whose}`, null, { patienceMs: 0 });
  machineAsked.running = false;
  // An answer to an older question says nothing of a number that has come since; that is asked after at once.
  if (machineAsked.news) machineAsked.at = -Infinity;
  if (answer.status === 200) dispatch({ type: "machine", machine: answer.body, askedAt: at });
}

/** Ask the agent whether it gives numbers, and how the paper of one it gave went. */
async function lookBeside() {
  const { staleAt, intent, ticket, site } = state;
  const wanted = staleAt !== null || ticket?.provisional || (intent && performance.now() - intent.startedAt > BESIDE_AFTER_MS);
  if (!wanted || besideAsked.running || performance.now() < besideAsked.at + BESIDE_EVERY_MS) return;
  const at = performance.now();
  besideAsked = { at, running: true };
  const shown = ticket && (ticket.provisional ? ["key", keyOf(ticket)] : ["ticket", ticket.id]);
  const whose = shown ? `?${shown[0]}=${encodeURIComponent(shown[1])}` : "";
  const answer = await besideAsk(site?.offline?.port, "GET", `/state${whose}`);
  besideAsked.running = false;
  // A page that was loaded while the server was away knows the time from the agent alone.
  if (answer.status === 200 && clock.ms() === null) clock.set(answer.body);
  dispatch({ type: "beside", beside: answer.status === 200 ? answer.body : null, askedAt: at });
}

async function loadSite() {
  const answer = await command("GET", SITE, null, { patienceMs: 0, attemptMs: LOOK_MS });
  if (answer.status === 200) {
    clock.set(answer.body);
    remember(siteId, answer.body);
    dispatch({ type: "site", site: answer.body });
    measure();
    if (!kioskOf(answer.body)) dispatch({ type: "problem", problem: "kiosk" });
    else if (!connection) listenToHall(kioskOf(answer.body).hall);
  } else if (answer.status === 404) {
    dispatch({ type: "problem", problem: "site" });
  } else if (!connection) {
    dispatch({ type: "stale" });
    const before = remembered(siteId);
    if (before && kioskOf(before)) {
      dispatch({ type: "site", site: before });
      measure();
      listenToHall(kioskOf(before).hall);
    } else {
      setTimeout(loadSite, BOARD_POLL_MS);
    }
  }
}

/** Follow the hall's board; as a device, once the cookie is known to be one: then staff see whether this screen lives. */
function listenToHall(hall) {
  connection?.close();
  connection = connect({
    site: siteId,
    kind: "hall",
    id: hall,
    device: isDevice,
    beat: () => ({ revision: state.board?.revision ?? null }),
    onRefused(error) {
      if (!isDevice || !["unauthenticated", "forbidden"].includes(error.code)) return;
      isDevice = false;
      listenToHall(hall);
      pair();
    },
    onState: takeBoard,
    onStale() {
      staleSince = performance.now();
      clearInterval(polling);
      polling = setInterval(() => pollBoard(hall), BOARD_POLL_MS);
      pollBoard(hall);
    },
    onBack: () => clearInterval(polling),
  });
}

/** Where only the socket is cut, numbers can still be taken: the kiosk is away when plain requests fail as well. */
async function pollBoard(hall) {
  const answer = await command("GET", `${SITE}/halls/${encodeURIComponent(hall)}/board`, null, { patienceMs: 0, attemptMs: LOOK_MS });
  if (answer.status === 200) takeBoard(answer.body);
  else dispatch({ type: "stale", since: staleSince });
}

function takeBoard(board) {
  clock.set(board);
  const changed = opening(board) !== opening(state.board);
  dispatch({ type: "board", board });
  if (changed) loadSite();
}

/** What of a board makes the site's own description out of date: hours, and which fields give numbers. */
const opening = (board) => JSON.stringify([board?.day, board?.hours?.state, board?.waiting?.map((row) => row.open)]);

/** Exchange the key of the address for a cookie, once, and take it out of the address. */
async function pair() {
  const key = new URLSearchParams(location.hash.slice(1)).get("key");
  const answer = await command(key ? "POST" : "GET", "/api/v1/device-sessions", null, { key: key ?? undefined, patienceMs: 0 });
  const known = answer.status === 200 || answer.status === 201;
  const unknown = answer.status === 401 || answer.status === 403;
  if (key && (known || unknown)) history.replaceState(null, "", location.pathname + location.search);
  if (known) beDevice();
  if (unknown) dispatch({ type: "problem", problem: "unpaired" });
  if (key && !known && !unknown) setTimeout(pair, BOARD_POLL_MS);
}

/** The cookie is a kiosk's: take numbers with it, and be seen. */
function beDevice() {
  dispatch({ type: "paired" });
  if (isDevice) return;
  isDevice = true;
  const own = kioskOf(state.site);
  if (connection && own) listenToHall(own.hall);
}

/** While the kiosk has no key it shows a code by which it is given one. */
function showCode(wanted) {
  asker?.stop();
  asker = wanted
    ? pairing({ kind: "kiosk", site: siteId, place: kioskId, onCode: (code) => dispatch({ type: "code", code }), onPaired: beDevice })
    : null;
}

listen(root, () => state.glass.pixels, (touch) => dispatch({ type: "touch", key: newKey(), ...touch }));
readScans((text) => dispatch({ type: "scan", key: newKey(), text, cards: kioskOf(state.site)?.cards ?? false }));
addEventListener("resize", measure);
addEventListener("hashchange", pair);
setInterval(() => dispatch({ type: "tick" }), TICK_MS);
setInterval(loadSite, SITE_EVERY_MS);
setInterval(() => state.problem === "unpaired" && pair(), PAIR_AGAIN_MS);
keepShell(() => state.screen === "home" && !state.intent && state.staleAt === null);
measure();
pair();
loadSite();
alive();
