/**
 * What becomes of a ticket's paper, from two facts: what the printer beside the kiosk says of itself, and how its print job ended.
 *
 * "Please take your ticket" is said only when paper has come or is coming: somebody who waits at an empty slot loses the number as well.
 */
import { NUMBER_MORE_MS, NUMBER_MOST_MS, PRINT_MS } from "./times.js";
import { patience } from "./facts.js";

/** Why no paper can come now: "out", "resting" (switched off, open, no agent), or null when it can or nothing is known. */
export function printerTrouble(machine) {
  if (!machine) return null;
  if (!machine.printer.connected) return "resting";
  return { out: "out", none: "out", offline: "resting" }[machine.printer.paper] ?? null;
}

/** The paper of the number on the screen: "printing", "printed", "unknown", or why to remember the number: "out", "resting", "failed", "late". */
export function paperOf(state, now) {
  const { outcome } = state;
  if (outcome === "printed" || outcome === "unknown") return outcome;
  const trouble = printerTrouble(state.machine);
  if (trouble) return trouble;
  if (outcome && outcome !== "waiting") return "failed";
  return now - state.paperSince < PRINT_MS ? "printing" : "late";
}

/** The state with its paper looked at anew; the number stays as long as the paper's fate asks for. */
export function withPaper(state, now) {
  if (state.screen !== "number") return state;
  const paper = paperOf(state, now);
  if (paper === state.paper) return state;
  const slow = patience(state);
  if (paper === "printing") return { ...state, paper, quiet: false };
  const until = paper === "printed" ? now + NUMBER_MORE_MS * slow : Math.max(state.leaveAt, state.shownAt + NUMBER_MOST_MS * slow);
  return { ...state, paper, quiet: false, leaveAt: until, leaveSpan: until - now };
}
