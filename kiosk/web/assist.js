/** Screens for whoever needs more than a number: a person, the number they missed, the rule. */
import { hhmm } from "/static/shared/clock.js";
import { html, nothing } from "/static/shared/vendor/lit-html.js";
import { counterLabel, date } from "/static/shared/words.js";
import { homeOf, letters } from "./facts.js";
import { backButton, bar, helpButton, messages, question, second, sentences } from "./parts.js";
import { texts } from "./texts.js";

/** G: the staff have been told before anything else is asked. */
export function help(state, t) {
  const status = state.help?.status ?? "told";
  const en = texts("en");
  const words = (l) => ({ ringing: [l.ringing], told: [l.rung, l.waitHere], coming: [l.coming, l.waitHere], failed: [l.notRung, l.toTheDesk] })[status];
  const below = second(state, "rung") && state.lang === "vi" ? words(en).join(" ") : "";
  const choice = (on, text, hint) => html`<button class="other" data-touch=${on} data-fit>
    <span class="big">${text}</span>${hint ? html`<span class="small" data-fit-drop>${hint}</span>` : nothing}
  </button>`;
  return html`<div class="question status is-${status}" role="status" data-read=${`help.${status}`}><h1>${words(t).join(" ")}</h1>${below ? html`<p>${below}</p>` : nothing}</div>
    <main class="groups">
      ${choice("missed", t.missed, t.missedHint)} ${homeOf(state).take ? choice("unsure", t.unsure) : nothing}
      ${state.site.rules?.lines?.length ? choice("rules", t.rulesLong) : nothing}
    </main>
    ${bar(html`<button class="quiet" data-touch="leave" data-fit>${t.neverMind}</button>`)}`;
}

/** M, first half: the number on the ticket, typed or read. */
export function code(state, t) {
  const { letter, digits } = state.typed;
  const notes = { incomplete: t.codeIncomplete, unread: t.codeUnread, unknown: t.codeUnknown(`${letter}${digits.padStart(3, "0")}`) };
  const hint = state.site.public_url ? `${t.codeHint}, ${t.codeScan}` : t.codeHint;
  const key = (on, text) => html`<button class="key" data-touch=${on}>${text}</button>`;
  const columns = letters(state).length > 12 ? 5 : 4;
  const typed = html`<p class="typed" role="status" aria-label=${t.typed(letter + digits)}>
      <b class=${letter ? "" : "empty"}>${letter || "–"}</b>${[0, 1, 2].map((at) => html`<b class=${digits[at] ? "" : "empty"}>${digits[at] ?? "–"}</b>`)}${digits
        .slice(3)
        .split("")
        .map((digit) => html`<b>${digit}</b>`)}
      <span class=${state.note ? "noted" : ""}>${notes[state.note] ?? hint}</span>
    </p>`;
  return html`${question(state, t, "codeQuestion")}
    <main class="keypad">
      <div class="left-hand">
        ${typed}
        <div class="keys letters" style=${`--columns: ${columns}`}>${letters(state).map((one) => key(`letter:${one}`, one))}</div>
      </div>
      <div class="keys digits">
        ${["1", "2", "3", "4", "5", "6", "7", "8", "9"].map((one) => key(`digit:${one}`, one))}
        <button class="key word" data-touch="erase" data-fit>${t.erase}</button>${key("digit:0", "0")}
        <button class="key word primary" data-touch="find" data-fit>${t.find}</button>
      </div>
    </main>
    ${bar(backButton(t), helpButton(state, t))}`;
}

/** M, second half: what became of a number, and the way back into the queue. */
export function found(state, t) {
  const { lines, next } = foundWords(state, t);
  const said = html`<main class="closed">${messages(lines)}</main>`;
  if (state.rejoined) return html`${said}${bar(html`<button class="primary" data-touch="leave" data-fit>${t.done}</button>`)}`;
  // Far from "back": in Vietnamese the two begin with the same words.
  return html`${said}${next ? html`<nav class="bar action"><button class="primary" data-touch=${next} data-fit>${t[next]}</button></nav>` : nothing}
    ${bar(html`<button class="quiet" data-touch="leave" data-fit>${t.leave}</button>`, helpButton(state, t))}`;
}

function foundWords(state, t) {
  const { found: ticket, lang } = state;
  const take = homeOf(state).take ? "take" : null;
  const label = counterLabel(state.site.counters.find((one) => one.id === ticket.counter)?.name ?? ticket.counter ?? "");
  if (state.refusal) return { lines: sentences(state.refusal.message || t.unanswered), next: take };
  if (state.rejoined) return { lines: [t.rejoined, t.newQueueTime(hhmm(ticket.queue_time)), t.stillAhead(ticket.people_ahead), t.keepPaper], next: null };
  const today = state.board?.day ?? state.site.day;
  if (ticket.day && today && ticket.day !== today) {
    return { lines: [t.foundOtherDay(ticket.code, date(`${ticket.day}T12:00:00Z`, lang, true)), t.takeNew], next: take };
  }
  switch (ticket.state) {
    case "no_show":
      return { lines: [t.foundMissed(ticket.code, hhmm(ticket.called_at)), t.foundMissedAdvice], next: "rejoin" };
    case "waiting":
      return { lines: [t.foundWaiting(ticket.code), t.stillAhead(ticket.people_ahead), t.listen], next: null };
    case "called":
      return { lines: sentences(t.foundCalled(ticket.code, label)), next: null };
    case "serving":
      return { lines: [t.foundServing(ticket.code, label)], next: null };
    case "held":
      return { lines: [t.foundHeld(ticket.code), ...sentences(t.foundHeldAdvice)], next: null };
    case "done":
      return { lines: [t.foundDone(ticket.code), t.takeNew], next: take };
    case "cancelled":
      return { lines: [t.foundCancelled(ticket.code), t.takeNew], next: take };
    default:
      return { lines: [t.foundLapsed(ticket.code), t.takeNew], next: take };
  }
}

export function rules(state, t) {
  const lines = (state.lang === "en" ? state.site.rules.lines_en : null) ?? state.site.rules.lines;
  return html`<div class="question" data-read="rules"><h1>${t.rules}</h1></div>
    <main class="rules" data-fit><ol>${lines.map((line, at) => html`<li data-read=${`rule:${at + 1}`}><b>${at + 1}</b><span>${line}</span></li>`)}</ol></main>
    ${bar(backButton(t), helpButton(state, t))}`;
}
