/**
 * The kiosk as a value: `step(state, event)` gives the next state. No clock, no network, no page.
 *
 * Every event carries `now`, real monotonic milliseconds. A touch names what was touched (`on`, null for an empty place), when the
 * finger came down (`downAt`) and a fresh idempotency key, which becomes the key of the intent if the touch starts one.
 */

export const DEAD_MS = 500;
export const IDLE_MS = 40000;
export const CARD_MS = 20000;
export const HOME_RESET_MS = 60000;
export const NUMBER_MS = 20000;
export const NUMBER_MORE_MS = 15000;
export const NUMBER_MOST_MS = 60000;
export const SLOW_MS = 300;
export const SLOWER_MS = 3000;
export const AWAY_MS = 10000;
/** A stale connection has already lasted 5 s when it is told. */
export const AWAY_AFTER_STALE_MS = 5000;
/** Nobody stands longer than this before a machine that does not answer; the desk has helped them by then. */
export const GIVE_UP_MS = 60000;

/** The state of a kiosk that has just been switched on. */
export function start({ now = 0 } = {}) {
  return {
    screen: "home",
    lang: "vi",
    large: false,
    low: false,
    path: null,
    priority: null,
    page: 0,
    field: null,
    refusal: null,
    intent: null,
    ticket: null,
    leaveAt: 0,
    shownAt: 0,
    cardAt: null,
    changedAt: now,
    touchedAt: now,
    site: null,
    board: null,
    problem: null,
    staleAt: null,
  };
}

const resets = { path: null, priority: null, page: 0, field: null, refusal: null, intent: null, ticket: null, cardAt: null };
const to = (state, screen, now, more = {}) => ({ ...state, ...more, screen, cardAt: null, changedAt: now, touchedAt: now });
const home = (state, now, more = {}) => to(state, "home", now, { ...resets, lang: "vi", large: false, low: false, ...more });
const patience = (state) => (state.large ? 2 : 1);

/** The next state. */
export function step(state, event) {
  switch (event.type) {
    case "site":
      return { ...state, site: event.site, problem: state.problem === "unpaired" ? state.problem : null };
    case "board":
      return { ...state, board: event.board, staleAt: null };
    case "stale":
      return { ...state, staleAt: state.staleAt ?? event.now };
    case "problem":
      return { ...state, problem: event.problem };
    case "paired":
      return state.problem === "unpaired" ? home({ ...state, problem: null }, event.now) : state;
    case "answer":
      return answer(state, event);
    case "tick":
      return tick(state, event.now);
    case "touch":
      return touch(state, event);
    default:
      return state;
  }
}

function touch(state, { on, now, downAt = now, key }) {
  // The second half of a double tap must not fall through to what has just appeared under the finger.
  if (downAt - state.changedAt < DEAD_MS) return state;
  if (state.problem) return state;
  if (state.intent) return pressedWhileSending(state, on, now);
  if (state.cardAt !== null) {
    if (on === "start-over") return home(state, now);
    return { ...state, cardAt: null, touchedAt: now, changedAt: now };
  }
  if (state.screen === "number") return onNumber(state, on, now);
  const touched = { ...state, touchedAt: now };
  if (on === null || onAway(state, now)) return touched;
  const [what, id] = on.split(":");
  switch (what) {
    case "take":
      return to(touched, "field", now, { ...resets, path: "take" });
    case "priority":
      return to(touched, "priority", now, { ...resets, path: "priority" });
    case "group":
      return to(touched, "field", now, { ...resets, path: "priority", priority: id || null });
    case "result": {
      const fields = resultFields(state);
      if (fields.length === 1 && isOpen(state, fields[0])) return intend({ ...touched, path: "result" }, fields[0].id, now, key);
      return to(touched, "field", now, { ...resets, path: "result" });
    }
    case "field":
      return chooseField(touched, id, now, key);
    case "more":
      return { ...touched, page: (state.page + 1) % fieldPages(state).pages, changedAt: now };
    case "back":
      return back(touched, now);
    case "other":
      return to(touched, "field", now, { refusal: null, field: null });
    case "rules":
      return to(touched, "rules", now);
    case "language":
      return { ...touched, lang: state.lang === "vi" ? "en" : "vi", changedAt: now };
    case "large":
      return { ...touched, large: !state.large, page: 0, changedAt: now };
    case "low":
      return { ...touched, low: !state.low, page: 0, changedAt: now };
    case "leave":
      return home(state, now);
    default:
      return touched;
  }
}

function pressedWhileSending(state, on, now) {
  if (on === "try-again") return { ...state, intent: { ...state.intent, attempt: state.intent.attempt + 1 }, touchedAt: now };
  return { ...state, touchedAt: now };
}

function onNumber(state, on, now) {
  if (on === "done") return home(state, now);
  const more = Math.min(state.leaveAt + NUMBER_MORE_MS, state.shownAt + NUMBER_MOST_MS * patience(state));
  return { ...state, leaveAt: Math.max(more, state.leaveAt), touchedAt: now };
}

function chooseField(state, id, now, key) {
  const field = state.site?.services.find((service) => service.id === id);
  if (!field) return state;
  if (!isOpen(state, field)) return to(state, "closed_field", now, { field: id });
  return intend(state, id, now, key);
}

/** One touch, one intent, one key: it lives until an answer, whatever happens to the wire in between. */
function intend(state, service, now, key) {
  return { ...state, intent: { service, key, lang: state.lang, priority: state.priority, startedAt: now, attempt: 0 }, touchedAt: now };
}

function back(state, now) {
  if (state.screen === "field" && state.path === "priority") return to(state, "priority", now, { priority: null, page: 0 });
  if (state.screen === "closed_field" || state.screen === "refused") return to(state, "field", now, { field: null, refusal: null });
  return to(state, "home", now, resets);
}

/** The answer to an intent; one that belongs to an intent already given up is not shown to the next person. */
function answer(state, { key, status, body, now }) {
  if (!state.intent || state.intent.key !== key) return state;
  if (status === 200 || status === 201) {
    const stay = NUMBER_MS * patience(state);
    return to(state, "number", now, { intent: null, ticket: body, shownAt: now, leaveAt: now + stay });
  }
  // Nothing is known yet: the same question goes on being asked with the same key.
  if (status === 0 || (status > 500 && status < 600)) return state;
  if (status === 401 || status === 403) return { ...to(state, "home", now, resets), problem: "unpaired" };
  return to(state, "refused", now, { intent: null, refusal: body?.error ?? { code: "refused", message: "" } });
}

function tick(state, now) {
  if (state.problem) return state;
  if (state.intent) return now - state.intent.startedAt > GIVE_UP_MS ? home(state, now) : state;
  if (state.screen === "number") return now >= state.leaveAt ? home(state, now) : state;
  const slow = patience(state);
  if (state.cardAt !== null) return now - state.cardAt >= CARD_MS * slow ? home(state, now) : state;
  if (state.screen !== "home") {
    // Time in which the kiosk could do nothing is not the citizen's hesitation.
    if (onAway(state, now)) return home(state, now);
    return now - state.touchedAt >= IDLE_MS * slow ? { ...state, cardAt: now, changedAt: now } : state;
  }
  const changed = state.lang !== "vi" || state.large || state.low;
  return changed && now - state.touchedAt >= HOME_RESET_MS * slow ? home(state, now) : state;
}

// -- questions ----------------------------------------------------------------------------------------------------------------

/** The hours as known best: the board's are 2 s old at most, the site's carry more. */
export const hoursOf = (state) => ({ state: "open", ...state.site?.hours, ...state.board?.hours });

const rowOf = (state, field) => state.board?.waiting?.find((row) => row.service === field.id);

/** Whether a field still gives numbers. */
export const isOpen = (state, field) => rowOf(state, field)?.open ?? field.open ?? true;

const resultFields = (state) => (state.site?.services ?? []).filter((service) => service.result);

/** Whether the server has been away for 10 s. */
export const onAway = (state, now) => state.staleAt !== null && now - state.staleAt >= AWAY_AFTER_STALE_MS;

/** What stands on the home screen: which of its buttons lead anywhere now. */
export function homeOf(state) {
  const fields = state.site?.services ?? [];
  const open = fields.some((field) => isOpen(state, field));
  const results = resultFields(state);
  return {
    take: open,
    priority: open && (state.site?.priority_groups ?? []).length > 0,
    result: results.some((field) => isOpen(state, field)),
  };
}

/** How many fields fit one page without scrolling. */
export const pageSize = ({ large, low }) => (large ? (low ? 3 : 4) : 8);

/** The fields of the present page, each with whether it is open and its row of the board, and how many pages there are. */
export function fieldPages(state) {
  const all = (state.site?.services ?? []).filter((field) => state.path !== "result" || field.result);
  const size = pageSize(state);
  const pages = Math.max(1, Math.ceil(all.length / size));
  const page = Math.min(state.page, pages - 1);
  const fields = all.slice(page * size, (page + 1) * size).map((field) => ({ field, open: isOpen(state, field), row: rowOf(state, field) ?? null }));
  return { fields, page, pages, size };
}

/** How the wait for an answer is told: "quiet" first, since most answers come before anybody could read. */
export function sendingStage(state, now) {
  if (!state.intent) return null;
  const waited = now - state.intent.startedAt;
  if (waited < SLOW_MS) return "quiet";
  if (waited < SLOWER_MS) return "slow";
  return waited < AWAY_MS ? "slower" : "away";
}

/** Which screen is drawn; a problem, an absent server and a long silence come before where the citizen stands. */
export function screenOf(state, now) {
  if (state.problem) return "problem";
  if (!state.site) return onAway(state, now) ? "away" : "starting";
  if (state.screen === "number") return "number";
  if (sendingStage(state, now) === "away" || (onAway(state, now) && !state.intent)) return "away";
  return state.screen;
}

/** What is left of the present timeout, 1 to 0, for the shrinking bar. */
export function timeLeft(state, now) {
  if (state.screen === "number") return Math.max(0, Math.min(1, (state.leaveAt - now) / (NUMBER_MS * patience(state))));
  if (state.cardAt !== null) return Math.max(0, 1 - (now - state.cardAt) / (CARD_MS * patience(state)));
  return 1;
}

/** Whole seconds until the card returns to the first screen. */
export const secondsLeft = (state, now) => Math.ceil((timeLeft(state, now) * CARD_MS * patience(state)) / 1000);
