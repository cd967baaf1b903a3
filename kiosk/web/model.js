/**
 * The kiosk as a value: `step(state, event)` gives the next state. No clock, no network, no page.
 *
 * Every event carries `now`, real monotonic milliseconds. A touch names what was touched (`on`, null for an empty place), when the
 * finger came down (`downAt`) and a fresh idempotency key, which becomes the key of the intent if the touch starts one.
 */
import { checks, scanned, SHORT } from "/static/shared/reading.js";
import { SHORTEST } from "/static/shared/scanner.js";
import { gives, machineOf, onAway, stranded, withAlone } from "./alone.js";
import { keyed, missed, NOTHING_ENTERED } from "./appointment.js";
import { afterCard, choosesByCard, NO_CARD, readsCards } from "./card.js";
import { fieldPages, homeOf, isOpen, mayChange, patience, resultFields, typedCode } from "./facts.js";
import { glassOf } from "./glass.js";
import { withPaper } from "./paper.js";
import * as times from "./times.js";

export { GIVE_UP_MS } from "./times.js";

const NOTHING_TYPED = { letter: "", digits: "" };
const MOST_DIGITS = 4;
/** What can be done without the server. */
const ALONE = ["home", "priority", "field", "closed_field", "rules", "number", "desk"];

// How one person wants to use the kiosk. `quiet`: reading aloud has ended or was stopped; `mute`: there is no sound to be had.
const NO_MODES = { large: false, low: false, aloud: false, quiet: false, mute: false };

// What belongs to one person's journey and ends with it.
const journey = {
  path: null,
  priority: null,
  page: 0,
  field: null,
  refusal: null,
  intent: null,
  ticket: null,
  changed: false,
  givenBack: null,
  unsure: false,
  outcome: null,
  paper: null,
  paperSince: 0,
  help: null,
  from: null,
  typed: NOTHING_TYPED,
  ...NOTHING_ENTERED,
  ...NO_CARD,
  found: null,
  rejoined: false,
  cardAt: null,
};

/** The state of a kiosk that has just been switched on. */
export function start({ now = 0 } = {}) {
  return {
    ...journey,
    screen: "home",
    lang: "vi",
    ...NO_MODES,
    leaveAt: 0,
    leaveSpan: 1,
    shownAt: 0,
    changedAt: now,
    touchedAt: now,
    site: null,
    board: null,
    machine: null,
    problem: null,
    code: null,
    staleAt: null,
    alone: false,
    beside: null,
    misses: 0,
    missedAt: -Infinity,
    restUntil: 0,
    glass: glassOf(1080, 1920),
  };
}

const to = (state, screen, now, more = {}) => ({ ...state, quiet: false, ...more, screen, cardAt: null, changedAt: now, touchedAt: now });
const home = (state, now) => to(state, "home", now, { ...journey, ...NO_MODES, lang: "vi" });

/** The next state. */
export function step(state, event) {
  switch (event.type) {
    case "site":
      return { ...state, site: event.site, problem: state.problem === "unpaired" ? state.problem : null };
    case "board":
      return withAlone({ ...state, board: event.board, staleAt: null }, event.now);
    case "machine":
      return machine(state, event);
    case "beside":
      return beside(state, event);
    case "glass":
      return { ...state, glass: event.glass };
    case "stale":
      return { ...state, staleAt: state.staleAt ?? event.since ?? event.now };
    case "code":
      return { ...state, code: event.code };
    case "problem":
      return { ...state, problem: event.problem };
    case "paired":
      return state.problem === "unpaired" ? home({ ...state, problem: null, code: null }, event.now) : state;
    case "answer":
      return answer(state, event);
    case "rung":
      return rung(state, event);
    case "scan":
      return scan(state, event);
    case "read":
      return { ...state, quiet: true, touchedAt: event.now };
    case "mute":
      return { ...state, aloud: false, mute: true };
    case "tick":
      return tick(state, event.now);
    case "touch":
      return heard(state, touch(state, event), event);
    default:
      return state;
  }
}

// -- touches ------------------------------------------------------------------------------------------------------------------

/** Whoever touches has heard enough; in an empty place, after the reading has ended, they want to hear it again. */
function heard(before, state, { on, now, downAt = now }) {
  if (!before.aloud || !state.aloud || on === "aloud" || downAt - before.changedAt < times.DEAD_MS) return state;
  const moved = state.changedAt !== before.changedAt;
  return { ...state, quiet: moved ? false : on === null ? !before.quiet : true };
}

function touch(state, { on, now, downAt = now, key }) {
  // The second half of a double tap must not fall through to what has just appeared under the finger.
  if (downAt - state.changedAt < times.DEAD_MS) return state;
  if (state.problem) return state;
  if (state.intent) return pressedWhileSending(state, on, now);
  if (state.cardAt !== null) {
    if (on === "start-over") return home(state, now);
    return { ...state, cardAt: null, touchedAt: now, changedAt: now };
  }
  if (state.screen === "number") return onNumber(state, on, now, key);
  const touched = { ...state, touchedAt: now };
  if (on === null || stranded(state, now)) return touched;
  const [what, id] = on.split(":");
  switch (what) {
    case "take":
      return to(touched, "field", now, { ...journey, path: "take" });
    case "priority":
      return to(touched, "priority", now, { ...journey, path: "priority" });
    case "card":
      return to(touched, "field", now, choosesByCard(state, id === "yes"));
    case "group":
      return to(touched, "field", now, { page: 0, path: "priority", priority: id || null });
    case "result": {
      const fields = resultFields(state);
      if (fields.length === 1 && isOpen(state, fields[0])) return takeNumber({ ...touched, path: "result" }, fields[0].id, now, key);
      return to(touched, "field", now, { ...journey, path: "result" });
    }
    case "field":
      return chooseField(touched, id, now, key);
    case "more":
      return { ...touched, page: (state.page + 1) % fieldPages(state).pages, changedAt: now };
    case "back":
      return back(touched, now);
    case "other":
      return otherField(touched, now);
    case "rules":
      return to(touched, "rules", now, { from: state.screen });
    case "help":
      return to(touched, "help", now, { ...journey, help: { key, status: "ringing", since: now } });
    case "unsure":
      return to(touched, "field", now, { ...journey, path: "take", unsure: true });
    case "missed":
      return to(touched, "code", now, { typed: NOTHING_TYPED, note: null, from: "help" });
    case "appointment":
      return to(touched, "appointment", now, { ...journey, note: touched.restUntil > now ? "resting" : null });
    case "letter":
    case "digit":
    case "erase":
      return state.screen === "appointment" ? enter(touched, what, id, now, key) : type(touched, what, id);
    case "find": {
      const code = typedCode(state);
      return code ? intend(touched, { kind: "find", code }, now, key) : { ...touched, note: "incomplete" };
    }
    case "rejoin":
      return intend(touched, { kind: "rejoin", ticket: state.found.id }, now, key);
    case "reprint":
      return intend(touched, { kind: "reprint", ticket: state.refusal.details.id }, now, key);
    case "language":
      return { ...touched, lang: state.lang === "vi" ? "en" : "vi", changedAt: now };
    case "large":
      return { ...touched, large: !state.large, page: 0, changedAt: now };
    case "aloud":
      // One button: read, stop for good, or read once more.
      if (state.aloud && state.quiet) return { ...touched, quiet: false };
      return { ...touched, aloud: !state.aloud, quiet: false, mute: false, changedAt: now };
    case "low":
      return { ...touched, low: !state.low, page: 0, changedAt: now };
    case "leave":
      return home(state, now);
    default:
      return touched;
  }
}

function type(state, what, id) {
  const { letter, digits } = state.typed;
  const typed = {
    letter: () => ({ letter: id, digits }),
    digit: () => ({ letter, digits: digits.length < MOST_DIGITS ? digits + id : digits }),
    erase: () => (digits ? { letter, digits: digits.slice(0, -1) } : { letter: "", digits }),
  }[what]();
  return { ...state, typed, note: null };
}

/** A digit of an appointment's code: the last one sends it, unless the check digit says that one is wrong. */
function enter(state, what, id, now, key) {
  const next = keyed(state, what, id, now);
  if (next.entered.length < SHORT) return next;
  return checks(next.entered) ? checkIn(next, next.entered, now, key) : { ...next, note: "wrong" };
}

const checkIn = (state, code, now, key) => intend(state, { kind: "check_in", code }, now, key);

function pressedWhileSending(state, on, now) {
  if (on === "try-again") return { ...state, intent: { ...state.intent, attempt: state.intent.attempt + 1 }, touchedAt: now };
  return { ...state, touchedAt: now };
}

function onNumber(state, on, now, key) {
  if (on === "done") return home(state, now);
  const ticket = state.ticket.id;
  if (on === "change" && mayChange(state, now)) return intend(state, { kind: "cancel", ticket }, now, key);
  if (on === "reprint" && state.paper === "unknown") return intend(state, { kind: "reprint", ticket }, now, key);
  const more = Math.min(state.leaveAt + times.NUMBER_MORE_MS, state.shownAt + times.NUMBER_MOST_MS * patience(state));
  const leaveAt = Math.max(more, state.leaveAt);
  return { ...state, leaveAt, leaveSpan: Math.max(state.leaveSpan, leaveAt - now), touchedAt: now };
}

function chooseField(state, id, now, key) {
  const field = state.site?.services.find((service) => service.id === id);
  if (!field) return state;
  if (!isOpen(state, field)) return to(state, "closed_field", now, { field: id, from: state.screen });
  return takeNumber(state, id, now, key);
}

const takeNumber = (state, service, now, key) => intend(state, { kind: "ticket", service, priority: state.priority, card: state.card }, now, key);

/** One touch, one intent, one key: it lives until an answer, whatever happens to the wire in between. */
function intend(state, what, now, key) {
  const alone = what.kind === "ticket" && state.alone;
  return { ...state, intent: { ...what, key, lang: state.lang, startedAt: now, attempt: 0, alone }, touchedAt: now };
}

/** The same touch, with the same key, asked of the agent: the server has not answered, and may have given a number all the same. */
const toTheAgent = (state, now) => ({ ...state, intent: { ...state.intent, alone: true }, touchedAt: now });

/** To the fields: a screen of their own, or the first one. */
const otherField = (state, now) => to(state, state.from === "home" ? "home" : "field", now, { field: null, refusal: null, from: null });

function back(state, now) {
  const { screen, from } = state;
  if (screen === "field" && state.path === "priority") return to(state, "priority", now, { priority: null, page: 0 });
  if (screen === "closed_field" || screen === "refused") return otherField(state, now);
  if ((screen === "rules" || screen === "code") && from === "help" && state.help) return to(state, "help", now, { from: null });
  return to(state, "home", now, { ...journey });
}

/** A QR, or a code typed on a real keyboard: works on the first screen and wherever a code is asked for, without a touch; so does a card
 * wherever somebody chooses. `text` is null when it was too long to be anything. */
function scan(state, { text, now, key, cards = false }) {
  if (state.problem || state.intent || onAway(state, now)) return state;
  const asked = ["home", "help", "code", "found", "appointment", "not_checked_in", "misplaced"].includes(state.screen);
  const read = text === null ? null : scanned(text, homeOf(state).booking);
  const fresh = { ...state, cardAt: null };
  if (read?.card && (asked || readsCards(state))) return carded(fresh, read.card, now, cards);
  if (!asked) return state;
  // A stray key is no reading.
  if (!read && text !== null && text.length < SHORTEST) return state;
  if (read?.appointment) return checkIn(fresh, read.appointment, now, key);
  if (read?.misread || (!read && state.screen === "appointment")) return to(fresh, "appointment", now, { entered: "", note: "unread" });
  if (!read) return to(fresh, "code", now, { typed: NOTHING_TYPED, note: "unread" });
  return intend(fresh, { kind: "find", code: read.code, ticket: read.id }, now, key);
}

/** Of a card only the age and the number go on, and they end with the journey. */
function carded(state, card, now, cards) {
  if (!cards) return to(state, "misplaced", now, { ...journey, misplaced: "card" });
  if (!homeOf(state).take) return to(state, "home", now, { ...journey });
  const { screen, more } = afterCard(state, card);
  return to(state, screen, now, more);
}

// -- answers ------------------------------------------------------------------------------------------------------------------

/** The answer to an intent; one that belongs to an intent already given up is not shown to the next person. */
function answer(state, { key, status, body, now }) {
  const { intent } = state;
  if (!intent || intent.key !== key) return state;
  if (intent.alone && status !== 200 && status !== 201) return to(state, "desk", now, { intent: null });
  // Nothing is known yet: the same question goes on being asked with the same key.
  if (status === 0 || (status > 500 && status < 600)) return state;
  if (status === 401 || status === 403) return { ...to(state, "home", now, journey), problem: "unpaired" };
  const ok = status === 200 || status === 201;
  return (ok ? accepted : declined)[intent.kind](state, now, ok ? body : (body?.error ?? { code: "refused", message: "" }), intent);
}

const accepted = {
  ticket(state, now, ticket) {
    const stay = times.NUMBER_MS * patience(state);
    const shown = { intent: null, refusal: null, ticket, shownAt: now, leaveAt: now + stay, leaveSpan: stay, outcome: null, paper: null, paperSince: now };
    return withPaper(to(state, "number", now, shown), now);
  },
  cancel(state, now, ticket) {
    const path = state.priority ? "priority" : "take";
    return to(state, "field", now, { intent: null, ticket: null, path, page: 0, changed: true, givenBack: ticket.code });
  },
  // An appointment belongs to its field: a number given back would take it along.
  check_in: (state, now, ticket) => accepted.ticket({ ...state, changed: true, misses: 0 }, now, ticket),
  reprint(state, now, ticket) {
    if (state.screen !== "number") return accepted.check_in(state, now, ticket);
    const stay = times.NUMBER_MS * patience(state);
    return withPaper({ ...state, intent: null, outcome: null, paperSince: now, leaveAt: now + stay, leaveSpan: stay, changedAt: now }, now);
  },
  find: (state, now, found) => to(state, "found", now, { intent: null, found, refusal: null, rejoined: false, note: null }),
  rejoin: (state, now, found) => to(state, "found", now, { intent: null, found, refusal: null, rejoined: true }),
};

const declined = {
  ticket: (state, now, refusal) => to(state, "refused", now, { intent: null, refusal, ticket: null, from: state.screen }),
  cancel: (state, now, refusal) => to(state, "kept", now, { intent: null, refusal }),
  check_in(state, now, refusal, intent) {
    const restMs = refusal.code === "too_many_requests" ? 1000 * (refusal.details?.retry_after_s ?? 0) || times.REST_MS : 0;
    if (refusal.code !== "not_found" && !restMs) return to(state, "not_checked_in", now, { intent: null, refusal });
    const entered = intent.code.length === SHORT ? intent.code : "";
    return to(state, "appointment", now, { intent: null, entered, ...missed(state, now, restMs) });
  },
  reprint(state, now, refusal) {
    if (state.screen !== "number") return to(state, "unanswered", now, { intent: null, refusal });
    return withPaper({ ...state, intent: null, outcome: "failed" }, now);
  },
  find(state, now, refusal, intent) {
    if (refusal.code !== "not_found") return to(state, "unanswered", now, { intent: null, refusal });
    // A number typed here would be somebody else's: the paper is of another office, or long past.
    if (!intent.code) return to(state, "misplaced", now, { intent: null, misplaced: "ticket" });
    return to(state, "code", now, { intent: null, note: "unknown", typed: split(intent.code) });
  },
  rejoin: (state, now, refusal) => to(state, "found", now, { intent: null, refusal }),
};

const split = (code) => ({ letter: code[0], digits: code.slice(1) });

/** Whether the call for help has reached the staff. */
function rung(state, { key, ok, now }) {
  if (state.help?.key !== key) return state;
  const known = ok && state.machine ? { ...state.machine, help: true } : state.machine;
  return { ...state, machine: known, quiet: false, help: { ...state.help, status: ok ? "told" : "failed", since: now } };
}

/** News of the kiosk's own machine. `askedAt`: an answer to an older question says nothing of what happened since. */
function machine(state, { machine: news, askedAt, now }) {
  let next = { ...state, machine: news };
  const { help, ticket } = state;
  if (help?.status === "told" && askedAt > help.since && !news.help) next = { ...next, quiet: false, help: { ...help, status: "coming" } };
  if (ticket && news.print?.ticket === ticket.id && askedAt >= state.paperSince) next = { ...next, outcome: news.print.outcome };
  return withPaper(next, now);
}

/** News of the agent beside the kiosk; null when it does not answer. While the server is away it also speaks for the printer. */
function beside(state, { beside: news, askedAt, now }) {
  const next = withAlone({ ...state, beside: news }, now);
  const speaks = news && (next.alone || next.ticket?.provisional);
  return speaks ? machine(next, { machine: machineOf(news), askedAt, now }) : next;
}

// -- time ---------------------------------------------------------------------------------------------------------------------

function tick(before, now) {
  if (before.problem) return before;
  const state = withAlone(before, now);
  if (state.intent) return whileSending(state, now);
  if (state.note === "resting" && state.restUntil <= now) return tick({ ...state, ...NOTHING_ENTERED }, now);
  if (state.screen === "number") return now >= state.leaveAt ? home(state, now) : withPaper(state, now);
  if (state.alone && !ALONE.includes(state.screen)) return home(state, now);
  const slow = patience(state);
  if (state.cardAt !== null) return now - state.cardAt >= times.CARD_MS * slow ? home(state, now) : state;
  const idle = now - state.touchedAt;
  if (state.screen === "home") {
    const changed = state.lang !== "vi" || state.large || state.low || state.aloud || state.mute;
    return changed && idle >= times.HOME_RESET_MS * slow ? home(state, now) : state;
  }
  // Time in which the kiosk could do nothing is not the citizen's hesitation.
  if (stranded(state, now)) return home(state, now);
  if (state.rejoined) return idle >= times.NUMBER_MS * slow ? home(state, now) : state;
  const patient = state.screen === "help" ? times.HELP_MS : times.IDLE_MS;
  return idle >= patient * slow ? { ...state, quiet: false, cardAt: now, changedAt: now } : state;
}

/** A number is asked for until nobody can be standing there; everything else can be done at the desk as well. */
function whileSending(state, now) {
  const { kind, startedAt, alone, service } = state.intent;
  if (kind === "ticket") {
    if (!alone && now - startedAt > times.AWAY_MS && gives(state, service)) return toTheAgent(state, now);
    return now - startedAt > times.GIVE_UP_MS ? home(state, now) : state;
  }
  if (now - startedAt <= times.AWAY_MS) return state;
  if (kind === "reprint" && state.screen === "number") return withPaper({ ...state, intent: null, outcome: "failed" }, now);
  return to(state, "unanswered", now, { intent: null, refusal: null });
}
