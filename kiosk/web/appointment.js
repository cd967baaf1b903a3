/**
 * The code of an appointment at the kiosk, typed or read, and what its check-in says. All pure.
 *
 * The short code is 6 digits and their check digit, spoken and typed; the long one has 11 more and stands in links and QR codes only.
 */
import * as times from "./times.js";

export const SHORT = 7;
const LONG = 18;
/** After so many codes that nobody knows the keypad rests: a code must not be found by trying. */
const MOST_MISSES = 3;

// H. M. Damm's table of order 10 (2004): every single wrong digit and every swap of neighbours leaves it elsewhere than at 0.
const DAMM = ["0317598642", "7092154863", "4206871359", "1750983426", "6123045978", "3674209581", "5869720134", "8945362017", "9438617205", "2581436790"];

/** Whether the last digit checks the ones before it. */
export const checks = (digits) => [...digits].reduce((row, digit) => Number(DAMM[row][digit]), 0) === 0;

/**
 * The code in a reading: the digits themselves, or at the end of an address; spaces, dots and dashes are nothing.
 * @returns {{appointment: string}|{misread: true}|null} null when it is no code of an appointment at all
 */
export function appointmentIn(text) {
  const tail = /(?:^|[/=])([\d\s.\-]+)\/?$/.exec(text.trim());
  const digits = tail?.[1].replace(/\D/g, "") ?? "";
  if (digits.length !== SHORT && digits.length !== LONG) return null;
  const right = checks(digits.slice(0, SHORT)) && (digits.length === SHORT || checks(digits.slice(SHORT)));
  return right ? { appointment: digits } : { misread: true };
}

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
