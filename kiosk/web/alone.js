/**
 * The kiosk on its own: what it may still do while the server is away, from what the agent beside it says (`GET /state`).
 *
 * The agent holds numbers that the server has lent it. Without agent, lease or numbers left, people are sent to the help desk.
 */
import { AWAY_AFTER_STALE_MS } from "./times.js";

/** Whether the server has been away for 10 s. */
export const onAway = (state, now) => state.staleAt !== null && now - state.staleAt >= AWAY_AFTER_STALE_MS;

/** Whether the agent gives numbers now, at all or of one service. */
export function gives(state, service = null) {
  const { beside } = state;
  if (!beside || beside.why_not) return false;
  return service === null || beside.services?.[service]?.why_not === null;
}

/** Whether the server is away and nobody here gives numbers either. */
export const stranded = (state, now) => onAway(state, now) && !gives(state);

/** The state with `alone` looked at anew: nobody but the agent gives numbers now. */
export function withAlone(state, now) {
  const alone = onAway(state, now) && gives(state);
  return alone === state.alone ? state : { ...state, alone };
}

/** What the agent says, in the shape in which the server speaks of a kiosk's machine. */
export const machineOf = (beside) => ({ printer: beside.printer, help: false, print: beside.print });
