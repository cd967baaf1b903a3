/** The code of an appointment typed at the kiosk, and what its check-in says. All pure. */
import { SHORT } from "/static/shared/reading.js";
import * as times from "./times.js";

/** After so many codes that nobody knows the keypad rests: a code must not be found by trying. */
const MOST_MISSES = 3;

/** What stands at the beginning of a keypad. */
export const NOTHING_ENTERED = { entered: "", note: null };

/** How much longer the keypad rests, in milliseconds. */
export const rests = (state, now) => Math.max(0, state.restUntil - now);

/** The state after a key of the keypad. The first digit after a code that was not right begins a new one; until then it can be compared. */
export function keyed(state, what, digit, now) {
  if (rests(state, now)) return state;
  const kept = state.note ? "" : state.entered;
  return { ...state, note: null, entered: what === "erase" ? state.entered.slice(0, -1) : (kept + digit).slice(0, SHORT) };
}

/** What becomes of the keypad after a code that nobody knows. Misses are counted across journeys, or going home would forget them. */
export function missed(state, now, restMs = 0) {
  const misses = now - state.missedAt < times.MISS_KEPT_MS ? state.misses + 1 : 1;
  if (misses < MOST_MISSES && !restMs) return { misses, missedAt: now, note: "unknown" };
  return { misses: 0, missedAt: now, restUntil: now + (restMs || times.REST_MS), entered: "", note: "resting" };
}

const MINUTE = 60000;
const minutesBetween = (from, until) => Math.floor((Date.parse(until) - Date.parse(from)) / MINUTE);

/**
 * Whether somebody came too early or too late for the appointment, by the ticket's own times and the site's minutes.
 * @returns {{late: number, head: number}|{early: true}|null} `late`: minutes after the slot; `head`: minutes that are counted for nothing
 */
export function punctuality(ticket, rules) {
  if (!ticket.slot || ticket.reason?.term === "registered") return null;
  const late = minutesBetween(ticket.slot, ticket.issued_at);
  if (ticket.reason?.term === "late" || late > (rules?.grace_minutes ?? Infinity)) {
    return { late, head: minutesBetween(ticket.queue_time, ticket.issued_at) };
  }
  return -late > (rules?.appointment_head_minutes ?? Infinity) ? { early: true } : null;
}
