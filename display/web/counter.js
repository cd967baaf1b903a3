/** Wires the small screen above a counter. */
import { alive } from "/static/shared/alive.js";
import { command } from "/static/shared/api.js";
import { hallClock } from "/static/shared/clock.js";
import { connect } from "/static/shared/connection.js";
import { fit } from "/static/shared/fit.js";
import { render } from "/static/shared/vendor/lit-html.js";
import { counterOf, start, step } from "./model.js";
import { counterView, problemView } from "./view.js";

const TICK_MS = 500;
/** Whether a counter is open is in the site's description, not on the board. */
const SITE_EVERY_MS = 10000;
const SITE_AFTER_BOARD_MS = 1000;

const [, , siteId, , counterId] = location.pathname.split("/").map(decodeURIComponent);
const root = document.getElementById("wall");
const clock = hallClock();
let state = start({ now: performance.now() });
let soon = null;

function dispatch(event) {
  state = step(state, { now: performance.now(), ...event });
  draw();
}

function draw() {
  if (state.problem) render(problemView(state.problem), root);
  else if (state.board) {
    const stale = state.stale ? "Màn hình đang nối lại. Xin hỏi cán bộ." : null;
    render(counterView(counterOf(state, counterId, performance.now()), { clock: clock.text(), stale }), root);
  } else if (state.stale) render(problemView(["Màn hình đang nối lại.", "Xin nghe loa hoặc hỏi cán bộ."]), root);
  fit(root);
}

async function loadSite() {
  const answer = await command("GET", `/api/v1/sites/${encodeURIComponent(siteId)}`, null, { patienceMs: 0 });
  if (answer.status === 200) dispatch({ type: "site", site: answer.body });
}

connect({
  site: siteId,
  kind: "counter",
  id: counterId,
  onState(board) {
    clock.set(board);
    const changed = board.revision !== state.board?.revision;
    dispatch({ type: "board", board });
    if (!changed) return;
    clearTimeout(soon);
    soon = setTimeout(loadSite, SITE_AFTER_BOARD_MS);
  },
  onStale: () => dispatch({ type: "stale" }),
  onBack: () => dispatch({ type: "back" }),
  onRefused(error) {
    if (!state.board) dispatch({ type: "problem", problem: [error.message, location.pathname, "Mời gọi quản trị."] });
  },
});
setInterval(() => dispatch({ type: "tick" }), TICK_MS);
setInterval(loadSite, SITE_EVERY_MS);
loadSite();
alive();
