/** K: what a citizen's card changes at the kiosk, and what was held to the reader in the wrong place. */
import { html, nothing } from "/static/shared/vendor/lit-html.js";
import { ageOn } from "/static/shared/card.js";
import { homeOf } from "./facts.js";
import { backButton, bar, helpButton, messages, second, sentences } from "./parts.js";
import { texts } from "./texts.js";

/** `card`: its number; `proposed`: the group that its birth date shows; `misplaced`: what was held here in vain. */
export const NO_CARD = { card: null, proposed: null, misplaced: null };

/** Besides the places where any code is read: wherever somebody chooses. */
export const readsCards = (state) => ["field", "priority", "card", "closed_field", "refused"].includes(state.screen);

/** Where somebody stands after a card was read. Priority is proposed, never given. */
export function afterCard(state, { number, born }) {
  const age = ageOn(born, state.board?.day ?? state.site.day);
  const fits = (group) => age !== null && group.from_age && age >= group.from_age;
  const group = state.site.priority_groups.filter(fits).sort((one, other) => other.from_age - one.from_age)[0];
  const more = { card: number, proposed: null, path: state.path ?? "take", refusal: null, from: null };
  if (!group || state.priority) return { screen: "field", more };
  return { screen: "card", more: { ...more, proposed: group.id } };
}

/** The answer to the proposal. */
export const choosesByCard = (state, yes) => ({ path: yes ? "priority" : "take", priority: yes ? state.proposed : null, page: 0 });

export function card(state, t) {
  const { from_age: age } = state.site.priority_groups.find((group) => group.id === state.proposed) ?? {};
  const other = second(state, "cardYes") ? texts(state.lang === "en" ? "vi" : "en") : null;
  const choice = (on, text, below) => html`<button class="other" data-touch=${on} data-fit>
    <span class="big">${text}</span>${below ? html`<span class="small" data-fit-drop>${below}</span>` : nothing}
  </button>`;
  return html`<div class="question" data-read="cardQuestion"><h1>${t.cardQuestion(age)}</h1>${other ? html`<p>${other.cardQuestion(age)}</p>` : nothing}</div>
    <main class="groups">
      ${choice("card:yes", t.cardYes, other?.cardYes)} ${choice("card:no", t.cardNo, other?.cardNo)}
      <p class="foot">${t.cardFoot}</p>
    </main>
    ${bar(backButton(t), helpButton(state, t))}`;
}

/** That a card may be used, where it may and none has been. */
export const cardHint = (state, t, around) => (around.kiosk?.cards && !state.card ? t.cardHint : "");

/** What a card is used for, told as long as one is. */
export const cardFoot = (state, t) => html`<p class="told quietly">${t.cardFoot}</p>`;

/** The card has a number in this field already: the same one on paper again, or a person. */
export function hasNumber(state, t) {
  return html`<main class="closed">${messages(sentences(state.refusal.message))}</main>
    <nav class="bar action"><button class="primary" data-touch="reprint" data-fit>${t.reprint}</button></nav>
    ${bar(html`<button class="quiet" data-touch="leave" data-fit>${t.leave}</button>`, helpButton(state, t))}`;
}

export function misplaced(state, t) {
  const { take } = homeOf(state);
  const lines = { card: [t.cardNotRead, t.cardNotNeeded], ticket: [t.ticketElsewhere, take ? t.takeNew : t.toTheDesk] }[state.misplaced];
  const action = take ? html`<nav class="bar action"><button class="primary" data-touch="take" data-fit>${t.take}</button></nav>` : nothing;
  return html`<main class="closed">${messages(lines)}</main>
    ${action} ${bar(html`<button class="quiet" data-touch="leave" data-fit>${t.leave}</button>`, helpButton(state, t))}`;
}
