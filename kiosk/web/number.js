/** The screen with the citizen's number: the number first, then why and when, then where the paper is. */
import { hhmm, hhmmss } from "/static/shared/clock.js";
import { html, nothing } from "/static/shared/vendor/lit-html.js";
import { counterLabel, expectedTimes, oneOf, people, plainName, serviceName } from "/static/shared/words.js";
import * as icons from "./icons.js";
import { timeLeft } from "./model.js";
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

/** @param {object} state with a ticket; `around` as in `view` */
export function numberScreen(state, t, around) {
  const { ticket, lang } = state;
  const ahead = ticket.people_ahead ?? 0;
  const expected = expectedTimes(ticket.issued_at, ticket.wait);
  const mark = ticket.slot ? t.appointment(hhmm(ticket.slot)) : ticket.priority ? t.priorityMark : null;
  const position = around.kiosk?.printer_position;
  return html`<main class="number">
      <div class="title"><h1>${t.numberTitle}</h1>${lang === "vi" ? html`<p>${texts("en").numberTitle}</p>` : nothing}</div>
      <p class="code" data-fit="width">${ticket.code}</p>
      <p class="where" data-fit data-fit-least="0.6">${where(state, t)}</p>
      ${mark ? html`<p class="mark">${mark}</p>` : nothing}
      <div class="facts" data-fit data-fit-least="0.7">
        ${ahead === 0 ? html`<p class="fact"><b>${t.aheadNobody}</b></p>` : row(t.ahead, people(ahead, lang))}
        ${expected ? row(t.expected, expected) : nothing}
        ${row(t.queueTime, queueTime(ticket, lang), ticket.reason?.words)}
        <p class="note">${t.mixed}</p>
      </div>
      <div class="paper" data-fit>
        ${icons.towards(position)}
        <div><p class="first">${t.paper(slot(position, lang))}</p>${lang === "vi" ? html`<p>${texts("en").paper(slot(position, "en"))}</p>` : nothing}</div>
      </div>
    </main>
    <nav class="bar two"><button class="primary" data-touch="done" data-fit>${t.done}</button></nav>
    <div class="left"><i style=${`width: ${(timeLeft(state, around.now) * 100).toFixed(1)}%`}></i></div>`;
}
