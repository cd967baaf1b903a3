/** C: an appointment becomes a number, by its code, or a sentence says why it does not. */
import { html, nothing } from "/static/shared/vendor/lit-html.js";
import { SHORT } from "/static/shared/reading.js";
import { rests } from "./appointment.js";
import { homeOf } from "./facts.js";
import { backButton, bar, helpButton, messages, question, sentences } from "./parts.js";

const NOTES = { wrong: "appointmentWrong", unknown: "appointmentUnknown", resting: "appointmentResting", unread: "appointmentUnread" };

/** The keypad. Its digits stand in the two groups in which they are spoken. */
export function appointment(state, t, around) {
  const resting = rests(state, around.now) > 0;
  const key = (on, text, words) =>
    resting
      ? html`<button class="key resting ${words ?? ""}" disabled data-fit>${text}</button>`
      : html`<button class="key ${words ?? ""}" data-touch=${on} data-fit>${text}</button>`;
  const digit = (at) => html`<b class=${state.entered[at] ? "" : "empty"}>${state.entered[at] ?? "–"}</b>`;
  const group = (...places) => html`<div class="group">${places.map(digit)}</div>`;
  return html`${question(state, t, "appointmentQuestion")}
    <main class="keypad appointment">
      <div class="left-hand">
        <div class="typed" role="status" aria-label=${t.typed(state.entered)}>${group(0, 1, 2)} ${group(3, 4, 5, SHORT - 1)}</div>
        <p class=${state.note ? "note noted" : "note"}>${state.note ? t[NOTES[state.note]] : t.appointmentNoCode}</p>
        ${hallCode(state, t)}
      </div>
      <div class="keys digits">
        ${["1", "2", "3", "4", "5", "6", "7", "8", "9"].map((one) => key(`digit:${one}`, one))} ${key("erase", t.erase, "word")} ${key("digit:0", "0")}
      </div>
    </main>
    ${bar(backButton(t), helpButton(state, t))}`;
}

/** What proves on a citizen's own telephone that they stand here; nothing where the office does not ask for it. */
function hallCode({ machine }, t) {
  if (!machine?.hall_code) return nothing;
  const [before, after] = t.hallCode;
  return html`<p class="hall-code">${before} <b>${machine.hall_code}</b> ${after}</p>`;
}

/** Why an appointment gave no number, and what to do instead. */
export function notCheckedIn(state, t) {
  const { lines, next } = answer(state, t);
  const action = next && html`<nav class="bar action"><button class="primary" data-touch=${next.on} data-fit>${next.text}</button></nav>`;
  return html`<main class="closed">${messages(lines)}</main>
    ${action} ${bar(html`<button class="quiet" data-touch="leave" data-fit>${t.done}</button>`, helpButton(state, t))}`;
}

function answer(state, t) {
  const { code, message } = state.refusal;
  const why = sentences(message || t.awayAdvice);
  const take = (text) => ({ lines: why, next: homeOf(state).take ? { on: "take", text } : null });
  switch (code) {
    case "already_checked_in":
      return { lines: why, next: { on: "reprint", text: t.reprint } };
    case "wrong_day":
    case "cancelled":
      return take(t.takeToday);
    case "wrong_site":
      return take(t.takeHere);
    default:
      return { lines: [t.notTaken, ...why], next: null };
  }
}
