/**
 * The hall clock on a page: the server's time, carried on by the browser's monotonic clock.
 *
 * A page never shows its own wall clock: a TV's may be years off, and in a demonstration the hall's runs faster.
 */

/** A frame that seems this much (real milliseconds) earlier than our clock was late on the way, not a new time. */
const JITTER_MS = 3000;

/** Minutes east of UTC written at the end of an ISO 8601 instant; 0 for "Z". */
export function offsetOf(instant) {
  const found = /([+-])(\d\d):?(\d\d)$/.exec(instant);
  if (!found) return 0;
  return (found[1] === "-" ? -1 : 1) * (Number(found[2]) * 60 + Number(found[3]));
}

/** The parts of an instant on the site's wall, whatever zone the browser believes in. */
export function partsOf(instant) {
  const local = new Date(Date.parse(instant) + offsetOf(instant) * 60000);
  return {
    year: local.getUTCFullYear(),
    month: local.getUTCMonth() + 1,
    day: local.getUTCDate(),
    weekday: local.getUTCDay(),
    hour: local.getUTCHours(),
    minute: local.getUTCMinutes(),
    second: local.getUTCSeconds(),
  };
}

const two = (number) => String(number).padStart(2, "0");

/** "08:12" of an instant. */
export function hhmm(instant) {
  const { hour, minute } = partsOf(instant);
  return `${two(hour)}:${two(minute)}`;
}

/** "08:12:34" of an instant. */
export function hhmmss(instant) {
  return `${hhmm(instant)}:${two(partsOf(instant).second)}`;
}

/**
 * A clock set by states that carry `at` (instant) and `factor` (hall seconds per real second).
 * `ticks` gives real monotonic milliseconds and is an argument so that a test can own the time.
 */
export function hallClock(ticks = () => performance.now()) {
  let anchor = null;

  const ms = () => (anchor === null ? null : anchor.at + (ticks() - anchor.ticks) * anchor.factor);
  return {
    /** Take the time of a state. */
    set(state) {
      if (!state?.at) return;
      const at = Date.parse(state.at);
      const factor = state.factor ?? 1;
      const now = ms();
      const late = now === null ? 0 : now - at;
      // Of many frames the one with the shortest way is the truest; the others would only make the clock step back.
      if (anchor && anchor.factor === factor && late >= 0 && late < JITTER_MS * factor) return;
      anchor = { at, factor, ticks: ticks(), offset: offsetOf(state.at) };
    },
    /** Hall time as epoch milliseconds, or null before the first state. */
    ms,
    /** Real milliseconds until an instant of hall time; negative when it is past. */
    until: (instant) => (anchor === null ? 0 : (Date.parse(instant) - ms()) / anchor.factor),
    /** Hall time as an ISO instant in the site's zone, or null. */
    instant() {
      const now = ms();
      return now === null ? null : isoAt(now, anchor.offset);
    },
    /** "HH:MM" in the site's zone; empty before the first state. */
    text() {
      const now = ms();
      return now === null ? "" : hhmm(isoAt(now, anchor.offset));
    },
  };
}

/** ISO 8601 of epoch milliseconds at an offset in minutes. */
export function isoAt(epochMs, offset) {
  const sign = offset < 0 ? "-" : "+";
  const size = Math.abs(offset);
  const local = new Date(epochMs + offset * 60000).toISOString().slice(0, 19);
  return `${local}${sign}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}
