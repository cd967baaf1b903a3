/** Pieces that several screens share. */
import { html, nothing } from "/static/shared/vendor/lit-html.js";
import { classMap } from "/static/shared/vendor/directives/class-map.js";
import { homeOf } from "./facts.js";
import * as icons from "./icons.js";
import { printerTrouble } from "./paper.js";
import { texts } from "./texts.js";

/** A text cut between its sentences. */
export const sentences = (text) => text.split(/(?<=[.?!])\s+(?=\p{Lu})/u).filter(Boolean);

/** The other language's words below the chosen one's; nothing where the office speaks one language. */
export const second = (state, key) => {
  if (state.lang === "en") return texts("vi")[key];
  return (state.site?.languages ?? ["en"]).includes("en") ? texts("en")[key] : "";
};

/** A screen's question, by the name of its text, which is also what is read aloud. */
export function question(state, t, key, hint = "") {
  const below = [second(state, key), hint].filter(Boolean).join(" – ");
  return html`<div class="question" data-read=${key}><h1>${t[key]}</h1>${below ? html`<p>${below}</p>` : nothing}</div>`;
}

/** Sentences in the place of buttons; the first is what happened, and the screen's heading. */
export const messages = (list) => html`<div class="message">
  ${list.map((line, at) => (at === 0 ? html`<h1 class="first">${line}</h1>` : html`<p>${line}</p>`))}
</div>`;

const hide = (event) => {
  event.target.closest(".qr").hidden = true;
};

/** A code to be scanned, and what for. A picture that cannot be had must not leave a broken frame. */
export const qr = (address, words) => html`<div class="qr"><img src=${address} alt="" @error=${hide} /><p>${words}</p></div>`;

/** Where an appointment is booked, of one service or of any; nothing where nobody outside could open the page. */
export function bookingCode(state, t, service = null) {
  const { site } = state;
  if (!site.public_url || !(service ? service.bookable : site.services.some((one) => one.bookable))) return nothing;
  const query = service ? `?service=${encodeURIComponent(service.id)}` : "";
  return qr(`/book/${encodeURIComponent(site.id)}/qr.svg${query}`, t.qrBooking);
}

export const told = (line) => (line ? html`<p class="told">${line}</p>` : nothing);

/** That no paper will come, before a number is taken. */
export function paperBand(state, t) {
  const trouble = printerTrouble(state.machine);
  if (!trouble) return nothing;
  return html`<p class="told quietly">${trouble === "out" ? t.paperOut : t.paperResting} ${t.paperStill}</p>`;
}

export const backButton = (t) => html`<button class="quiet" data-touch="back" data-fit>${icons.left} ${t.back}</button>`;

/** The way to a person, on every screen where somebody chooses. */
export const helpButton = (state, t) =>
  homeOf(state).help ? html`<button class="help" data-touch="help" data-fit>${t.help}</button>` : nothing;

/** The bar below: the way back first, the way on last. */
export const bar = (...buttons) => {
  const shown = buttons.filter((button) => button && button !== nothing);
  return html`<nav class=${classMap({ bar: true, two: true, three: shown.length > 2 })}>${shown}</nav>`;
};
