/** Questions a state answers. All pure; `now` is real monotonic milliseconds. */
import { fieldsFitAtHome, pageSize } from "./glass.js";
import { gives, onAway, stranded } from "./alone.js";
import { AWAY_MS, CARD_MS, CHANGE_MS, SLOW_MS, SLOWER_MS } from "./times.js";

/** Large text is for people who take longer, and so is listening. */
export const patience = (state) => (state.large || state.aloud ? 2 : 1);

/** The hours as known best: the board's are 2 s old at most, the site's carry more. */
export const hoursOf = (state) => ({ state: "open", ...state.site?.hours, ...state.board?.hours });

const rowOf = (state, field) => state.board?.waiting?.find((row) => row.service === field.id);

/** Whether a field still gives numbers. */
export const isOpen = (state, field) => (state.alone ? gives(state, field.id) : rowOf(state, field)?.open ?? field.open ?? true);

/** The fields where results are collected. */
export const resultFields = (state) => (state.site?.services ?? []).filter((service) => service.result);

/** The fields that stand on the first screen itself; results have a button of their own there. */
export function homeFields(state, kiosk) {
  if (kiosk?.home !== "fields" || !fieldsFitAtHome(state)) return [];
  return (state.site?.services ?? []).filter((field) => !field.result).map((field) => entryOf(state, field));
}

const entryOf = (state, field) => ({ field, open: isOpen(state, field), row: (!state.alone && rowOf(state, field)) || null });

/** What stands on the home screen: which of its buttons lead anywhere now. */
export function homeOf(state) {
  const fields = state.site?.services ?? [];
  const open = fields.some((field) => isOpen(state, field));
  const booking = fields.some((field) => field.bookable);
  return {
    take: open,
    booking,
    // Whoever has an appointment is counted from the first number of the day to the last minute of work.
    appointment: booking && !state.alone && (hoursOf(state).issuing || ["open", "lunch", "last_ticket_passed"].includes(hoursOf(state).state)),
    priority: open && (state.site?.priority_groups ?? []).length > 0,
    result: resultFields(state).some((field) => isOpen(state, field)),
    help: staffed(state),
  };
}

/** Whether anybody could hear a call for help: at night and on holidays only if a counter is still at work. */
export function staffed(state) {
  // A call that reaches nobody would leave somebody waiting.
  if (state.alone) return false;
  if (!["closed", "holiday"].includes(hoursOf(state).state)) return true;
  return (state.site?.counters ?? []).some((counter) => counter.state !== "closed");
}

/** The fields of the present page, each with whether it is open and its row of the board, and how many pages there are. */
export function fieldPages(state) {
  const all = (state.site?.services ?? []).filter((field) => state.path !== "result" || field.result);
  const size = pageSize(state);
  const pages = Math.max(1, Math.ceil(all.length / size));
  const page = Math.min(state.page, pages - 1);
  const fields = all.slice(page * size, (page + 1) * size).map((field) => entryOf(state, field));
  return { fields, page, pages, size };
}

/** The letters a ticket of this office can begin with, in the order of the fields. */
export const letters = (state) => [...new Set((state.site?.services ?? []).map((service) => service.letter))];

/** The code that has been typed so far, as printed; null while something is missing. */
export const typedCode = ({ typed }) => (typed.letter && typed.digits ? `${typed.letter}${typed.digits.padStart(3, "0")}` : null);

/** Whether the number on the screen may still be exchanged for one of another field. */
export const mayChange = (state, now) => !state.changed && !state.ticket.provisional && state.paper !== "unknown" && now - state.shownAt < CHANGE_MS;

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
  if (sendingStage(state, now) === "away" || (stranded(state, now) && !state.intent)) return "away";
  return state.screen;
}

/** What is left of the present timeout, 1 to 0, for the shrinking bar. */
export function timeLeft(state, now) {
  if (state.screen === "number") return Math.max(0, Math.min(1, (state.leaveAt - now) / state.leaveSpan));
  if (state.cardAt !== null) return Math.max(0, 1 - (now - state.cardAt) / (CARD_MS * patience(state)));
  return 1;
}

/** Whole seconds until the card returns to the first screen. */
export const secondsLeft = (state, now) => Math.ceil((timeLeft(state, now) * CARD_MS * patience(state)) / 1000);
