/** Wires the hall's wall: boards in, rows out; with a key it answers moments, with `?sound=1` it speaks them. */
import { alive } from "/static/shared/alive.js";
import { command } from "/static/shared/api.js";
import { hallClock, isoAt, offsetOf } from "/static/shared/clock.js";
import { connect } from "/static/shared/connection.js";
import { fit } from "/static/shared/fit.js";
import { codeView, pairing } from "/static/shared/pairing.js";
import { render } from "/static/shared/vendor/lit-html.js";
import { legibility } from "./check.js";
import { LAYOUTS, start, step, wall } from "./model.js";
import { voice } from "./sound.js";
import { problemView, wallView } from "./view.js";

const TICK_MS = 250;
const SITE_EVERY_MS = 60000;
const SITE_AGAIN_MS = 3000;
const CODE_EVERY_MS = 20000;
const TRIAL = "trial-";
const TRIAL_LASTS_MS = 20000;

const [, , siteId, hallId] = location.pathname.split("/").map(decodeURIComponent);
const wish = new URLSearchParams(location.search);
const key = new URLSearchParams(location.hash.slice(1)).get("key");
const root = document.getElementById("wall");
const clock = hallClock();
const layoutNow = () => (LAYOUTS[wish.get("layout")] ? wish.get("layout") : innerWidth >= innerHeight ? "landscape" : "portrait");
let state = start({ now: performance.now(), layout: layoutNow() });
/** Under this name a wall remembers that its cookie is a device's: a public one need not ask. */
const PAIRED = `moiso.display.${siteId}/${hallId}`;
let code = null;
let connection = null;
let speaker = null;
/** The sound check: what has become of the last one, in words. */
let tried = "";
let trials = 0;

function dispatch(event) {
  state = step(state, { now: performance.now(), ...event });
  draw();
}

function draw() {
  const around = { layout: state.layout, clock: clock.text(), locked: Boolean(speaker?.locked()), check: check() };
  if (wish.get("pair") === "1") render(code ? codeView(code) : problemView(["Màn hình đang hỏi mã ghép."]), root);
  else if (state.problem) render(problemView(state.problem), root);
  else if (state.board) render(wallView(wall(state, performance.now()), around), root);
  else if (state.stale) render(problemView(["Màn hình đang nối lại.", "Xin nghe loa hoặc hỏi cán bộ."]), root);
  fit(root);
}

/** What is shown at set-up; null on a wall that works. */
function check() {
  if (wish.get("check") !== "1" || !state.site) return null;
  const hall = state.site.halls.find((one) => one.id === hallId) ?? {};
  const [across, down] = state.layout === "portrait" ? [1080, 1920] : [1920, 1080];
  const measures = { unit: Math.min(innerWidth / across, innerHeight / down), width: screen.width, height: screen.height };
  const how = speaker ? tried : "Thử tiếng: thêm &sound=1 vào địa chỉ.";
  return { ...legibility(hall, measures), sound: { play: speaker ? trySound : null, words: how } };
}

async function trySound() {
  const { status, body } = await command("GET", `/api/v1/sites/${encodeURIComponent(siteId)}/sound-check`, null, { patienceMs: 0 });
  tried = status === 200 ? `Đang phát: ${body.say.vi}` : "Chưa nối được máy chủ. Xin bấm lại.";
  draw();
  if (status !== 200) return;
  const expires = isoAt(clock.ms() + TRIAL_LASTS_MS * (state.board.factor ?? 1), offsetOf(state.board.at));
  speaker.take({ id: `${TRIAL}${(trials += 1)}`, kind: "notice", say: body.say, audio: body.audio, times: 1, expires_at: expires });
}

/** What became of a moment; a sound check is told to whoever stands there, everything else to the server. */
function answer(id, ok, detail) {
  if (!id.startsWith(TRIAL)) return connection.done(id, ok, detail);
  tried = ok ? "Đã phát âm thử. Nghe rõ ở ghế xa nhất không?" : "Chưa có giọng đọc. Chỉ có tiếng chuông.";
  return draw();
}

function takeBoard(board) {
  clock.set(board);
  const before = state.board;
  dispatch({ type: "board", board });
  if (before && before.day !== board.day) loadSite();
}

async function loadSite() {
  const answer = await command("GET", `/api/v1/sites/${encodeURIComponent(siteId)}`, null, { patienceMs: 0 });
  if (answer.status === 200) dispatch({ type: "site", site: answer.body });
  else if (!state.site) setTimeout(loadSite, SITE_AGAIN_MS);
}

/** The digits that are seen only in the hall: a screen without a key may hang anywhere. */
async function loadCode() {
  if (!connection?.keyed) return dispatch({ type: "code", code: null });
  const path = `/api/v1/sites/${encodeURIComponent(siteId)}/halls/${encodeURIComponent(hallId)}/code`;
  const answer = await command("GET", path, null, { key, patienceMs: 0 });
  // Digits that could not be asked for anew are soon wrong ones.
  return dispatch({ type: "code", code: answer.status === 200 ? answer.body.code : null });
}

function takeMoment(moment, event) {
  if (event !== "announcement") return;
  if (moment.kind === "test") dispatch({ type: "trial", id: moment.id, quiet: moment.times === 0 });
  if (speaker && Object.keys(moment.audio).length) speaker.take(moment);
  // A wall without a voice has done its part when the number stands on it, which is in the next frame.
  else requestAnimationFrame(() => connection.done(moment.id, true, "shown"));
}

function open(withKey, device = false) {
  connection = connect({
    site: siteId,
    kind: "hall",
    id: hallId,
    key: withKey,
    device,
    onState: takeBoard,
    onMoment: takeMoment,
    onStale: () => dispatch({ type: "stale" }),
    onBack: () => dispatch({ type: "back" }),
    onRefused: refused,
    beat: () => ({
      sound: speaker ? (speaker.locked() ? "locked" : "on") : "off",
      volume: speaker?.volume() ?? null,
      revision: state.board?.revision ?? null,
    }),
  });
}

function refused(error) {
  if (connection.keyed && ["unauthenticated", "forbidden"].includes(error.code)) {
    // A wall whose key was taken back still serves the hall; only staff no longer see that it does.
    localStorage.removeItem(PAIRED);
    connection.close();
    open(null);
  } else if (!state.board) {
    dispatch({ type: "problem", problem: [error.message, `${location.pathname}`, "Mời gọi quản trị."] });
  }
}

/** Show one of the example boards, with time standing still. */
async function preview(name) {
  const read = async (file) => (await command("GET", `/display/examples/${encodeURIComponent(file)}.json`)).body;
  const [site, board] = await Promise.all([read("site"), read(name)]);
  dispatch({ type: "site", site });
  takeBoard({ ...board, factor: 0 });
}

addEventListener("resize", () => dispatch({ type: "layout", layout: layoutNow() }));
setInterval(() => dispatch({ type: "tick" }), TICK_MS);
/** Show a code until it is typed, then be the wall that is opened without `pair`. */
function pair() {
  draw();
  pairing({
    kind: "display",
    site: siteId,
    place: hallId,
    onCode: (shown) => ((code = shown), draw()),
    onPaired() {
      localStorage.setItem(PAIRED, "1");
      wish.delete("pair");
      location.replace(`${location.pathname}${wish.size ? `?${wish}` : ""}`);
    },
  });
}

if (wish.get("pair") === "1") {
  pair();
} else if (wish.get("example")) {
  preview(wish.get("example"));
} else {
  if (wish.get("sound") === "1") {
    speaker = voice({
      until: (instant) => clock.until(instant),
      stateOf: (code) => state.board?.calls.find((call) => call.code === code)?.state,
      answer,
      speaking: (code) => dispatch({ type: "speaking", code }),
      changed: draw,
    });
  }
  open(key, !key && localStorage.getItem(PAIRED) === "1");
  loadSite();
  loadCode();
  setInterval(loadSite, SITE_EVERY_MS);
  setInterval(loadCode, CODE_EVERY_MS);
}
alive();
