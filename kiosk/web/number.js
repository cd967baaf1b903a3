/** The screen with the citizen's number: the number first, then why and when, then where the paper is. */
import { hhmm, hhmmss } from "/static/shared/clock.js";
import { html, nothing } from "/static/shared/vendor/lit-html.js";
import { counterLabel, expectedTimes, oneOf, people, plainName, serviceName } from "/static/shared/words.js";
import { punctuality } from "./appointment.js";
import { mayChange, timeLeft } from "./facts.js";
import * as icons from "./icons.js";
import { bar, qr } from "./parts.js";
import { slot, texts } from "./texts.js";

/** Queue time with seconds: two tickets of one minute must be comparable by eye. */
function queueTime(ticket, lang) {
  const before = ticket.queue_time.slice(0, 10) < ticket.issued_at.slice(0, 10);
  return `${hhmmss(ticket.queue_time)}${before ? (lang === "en" ? " the day before" : " hôm trước") : ""}`;
}

function where(state, t) {
  const { ticket, site, lang } = state;
  const service = site.services.find((one) => one.id === ticket.service);
  const name = service ? plainName(serviceName(service, lang)) : ticket.service_name ?? "";
  const labels = (ticket.counters ?? []).map((id) => counterLabel(site.counters.find((one) => one.id === id)?.name ?? id));
  return html`<b>${name}</b>${labels.length ? html` <b>· ${t.counters(oneOf(labels, lang))}</b>` : nothing}`;
}

const row = (label, value, why) =>
  html`<p class="fact"><span>${label}:</span> <b>${value}</b>${why ? html` <span class="why">(${why})</span>` : nothing}</p>`;

function facts(state, t) {
  const { ticket, site, lang } = state;
  const came = punctuality(ticket, site.rules);
  const early = () => t.cameEarly(hhmm(ticket.queue_time));
  const late = () => t.cameLate(came.late, hhmm(ticket.queue_time), came.head);
  // Who came late is told why in a whole sentence; the short reason beside the time would say it twice.
  const why = came && !came.early ? "" : ticket.reason?.words;
  if (ticket.provisional) {
    return html`<div class="facts" data-fit data-fit-least="0.6">
      <div class="list">
        ${row(t.queueTime, queueTime(ticket, lang), why)}
        <p class="arrival">${t.away}</p>
        <p class="arrival">${t.provisional(ticket.code)}</p>
      </div>
    </div>`;
  }
  const ahead = ticket.people_ahead ?? 0;
  const expected = expectedTimes(ticket.issued_at, ticket.wait);
  return html`<div class="facts" data-fit data-fit-least="0.6">
    <div class="list">
      ${ahead === 0 ? html`<p class="fact"><b>${t.aheadNobody}</b></p>` : row(t.ahead, people(ahead, lang))}
      ${expected ? row(t.expected, expected) : nothing} ${row(t.queueTime, queueTime(ticket, lang), why)}
      ${came ? html`<p class="arrival">${came.early ? early() : late()}</p>` : html`<p class="note">${t.mixed}</p>`}
    </div>
    ${ticket.url ? qr(`/t/${encodeURIComponent(ticket.id)}/qr.svg`, t.qr) : nothing}
  </div>`;
}

const read = (paper) => (["printing", "printed", "unknown"].includes(paper) ? paper : "none");

/** Where the paper is, or why to remember the number. */
function paper(state, t, around) {
  const position = around.kiosk?.printer_position;
  const band = (kind, icon, words, below) => html`<div class="paper ${kind}" role="status" data-read=${`paper.${read(state.paper)}`} data-fit>
    ${icon}
    <div class="words"><p class="first">${words(t, state.lang)}</p>${below && state.lang === "vi" ? html`<p>${words(texts("en"), "en")}</p>` : nothing}</div>
  </div>`;
  switch (state.paper) {
    case "printing":
      return band("coming", icons.towards(position), (l, lang) => l.printing(slot(position, lang)), true);
    case "printed":
      return band("done", icons.towards(position), (l, lang) => l.paper(slot(position, lang)), true);
    case "unknown":
      return band("attention", nothing, (l) => l.paperAsked, true);
    default: {
      const why = { out: "paperOut", resting: "paperResting", failed: "paperFailed", late: "paperLate" }[state.paper];
      return band("attention", nothing, (l) => `${l[why]} ${l.remember(state.ticket.code)}`, false);
    }
  }
}

function buttons(state, t, around) {
  if (state.paper === "unknown") {
    return bar(
      html`<button class="quiet" data-touch="reprint" data-fit>${t.paperAgain}</button>`,
      html`<button class="primary" data-touch="done" data-fit>${t.paperHere}</button>`,
    );
  }
  const here = state.paper === "printing" || state.paper === "printed";
  // The place of a button that has gone stays empty: "done" must not grow under a finger that was about to touch it.
  return bar(
    mayChange(state, around.now) ? html`<button class="quiet" data-touch="change" data-fit>${t.change}</button>` : html`<span></span>`,
    html`<button class="primary" data-touch="done" data-fit>${here ? t.done : t.remembered}</button>`,
  );
}

/** @param {object} state with a ticket; `around` as in `view` */
export function numberScreen(state, t, around) {
  const { ticket, lang } = state;
  const marks = [
    ticket.provisional && t.provisionalMark,
    ticket.slot ? t.appointment(hhmm(ticket.slot)) : ticket.priority && t.priorityMark,
  ].filter(Boolean);
  const title = (l) => (ticket.provisional ? l.provisionalTitle : l.numberTitle);
  return html`<main class="number">
      <div class="whose">
        <div class="title"><h1>${title(t)}</h1>${lang === "vi" ? html`<p>${title(texts("en"))}</p>` : nothing}</div>
        <p class="code" data-read="number" data-fit="width">${ticket.code}</p>
        <p class="where" data-fit data-fit-least="0.6">${where(state, t)}</p>
        ${marks.length ? html`<p class="mark">${marks.join(" · ")}</p>` : nothing}
      </div>
      ${facts(state, t)} ${paper(state, t, around)}
    </main>
    ${buttons(state, t, around)}
    <div class="left"><i style=${`width: ${(timeLeft(state, around.now) * 100).toFixed(1)}%`}></i></div>`;
}
