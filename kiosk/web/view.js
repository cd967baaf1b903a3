/** Draws the kiosk's state. Text reaches the page as text; what a touch means is written in `data-touch`. */
import { html, nothing } from "/static/shared/vendor/lit-html.js";
import { classMap } from "/static/shared/vendor/directives/class-map.js";
import { keyed } from "/static/shared/vendor/directives/keyed.js";
import { nameParts, plainName, serviceName, unbroken, waits } from "/static/shared/words.js";
import * as icons from "./icons.js";
import { fieldPages, homeOf, hoursOf, screenOf, secondsLeft, sendingStage, timeLeft } from "./model.js";
import { closedFieldSentence, hoursSentence, issuingLine, queueLine, texts } from "./texts.js";
import { numberScreen } from "./number.js";

const sentences = (text) => text.split(/(?<=[.?!])\s+(?=\p{Lu})/u).filter(Boolean);

/**
 * The whole page.
 * @param {object} state a kiosk state (`model.js`)
 * @param {{now: number, clock: string, at: string|null, landscape: boolean, canLow: boolean, kiosk?: object, siteId: string, kioskId: string}} around
 */
export function view(state, around) {
  const t = texts(state.lang);
  const screen = screenOf(state, around.now);
  const low = state.low && around.canLow;
  const classes = classMap({ kiosk: true, landscape: around.landscape, portrait: !around.landscape, large: state.large, low });
  const drawn = { home, priority, field, number: numberScreen, closed_field: closedField, refused, rules, away, problem, starting }[screen];
  // Each screen gets elements of its own, so that a pressed look never travels to the next screen.
  return html`<div class=${classes} data-screen=${screen}>
    ${keyed(screen, drawn(state, t, around))} ${sending(state, t, around)} ${stillThere(state, t, around, screen)}
  </div>`;
}

const second = (state, vi, en) => (state.lang === "vi" && (state.site?.languages ?? ["en"]).includes("en") ? en : state.lang === "en" ? vi : "");

function header(state, t, around) {
  const hours = hoursOf(state);
  const open = hours.state === "open";
  const line = open ? issuingLine(hours, state.lang) : "";
  return html`<header class="head">
    <div class="who"><b>${plainName((state.large && state.site.short_name) || state.site.name)}</b>${line ? html`<span class="line">${line}</span>` : nothing}</div>
    <div class="clock">${around.clock}</div>
  </header>`;
}

const question = (text, other, hint = "") =>
  html`<div class="question"><h1>${text}</h1>${other || hint ? html`<p>${[other, hint].filter(Boolean).join(" – ")}</p>` : nothing}</div>`;

const messages = (list) => html`<div class="message">${list.map((line, at) => html`<p class=${at === 0 ? "first" : ""}>${line}</p>`)}</div>`;

function home(state, t, around) {
  const { take, priority, result } = homeOf(state);
  const en = texts("en");
  const vi = texts("vi");
  const other = (key) => second(state, vi[key], en[key]);
  const told = hoursSentence(hoursOf(state), around.at, state.lang);
  const groups = state.site.priority_groups.map((group) => (state.lang === "en" && group.name_en ? group.name_en : group.name)).join(" · ");
  const main = html`<button class="main" data-touch="take" data-fit>
    <span class="big">${t.take}</span><span class="small">${other("take")}</span>
  </button>`;
  const others = [
    priority && html`<button class="other" data-touch="priority" data-fit>
      <span class="big">${t.priority}</span><span class="small" data-fit-drop>${groups}</span>
    </button>`,
    result && html`<button class="other" data-touch="result" data-fit>
      <span class="big">${t.result}</span><span class="small" data-fit-drop>${[t.resultHint, other("result")].filter(Boolean).join(" · ")}</span>
    </button>`,
  ].filter(Boolean);
  const hotline = state.site.hotline ? [`${t.hotline}: ${unbroken(state.site.hotline)}`] : [];
  return html`${header(state, t, around)}
    ${take || result
      ? html`${question(t.homeQuestion, other("homeQuestion"))} ${told ? html`<p class="told" data-fit>${told}</p>` : nothing}
          <main class=${classMap({ choices: true, alone: !take || !others.length })}>
            ${take ? main : nothing}${others.length ? html`<div class="others">${others}</div>` : nothing}
          </main>`
      : html`<main class="closed">${messages([...sentences(told || t.fieldClosed), ...hotline])}</main>`}
    ${homeBar(state, t, around)}`;
}

function homeBar(state, t, around) {
  const bilingual = (state.site.languages ?? []).includes("en");
  return html`<nav class="bar">
    ${bilingual ? html`<button class="quiet" data-touch="language" data-fit>${t.otherLanguage}</button>` : nothing}
    <button class="quiet" data-touch="large" data-fit>${state.large ? t.normal : t.large}</button>
    ${around.canLow
      ? html`<button class="quiet" data-touch="low" data-fit>${state.low ? t.high : t.low} ${state.low ? icons.up : icons.down}</button>`
      : nothing}
    ${state.site.rules?.lines?.length ? html`<button class="quiet" data-touch="rules" data-fit>${t.rulesShort}</button>` : nothing}
  </nav>`;
}

const backButton = (t) => html`<button class="quiet" data-touch="back" data-fit>${icons.left} ${t.back}</button>`;

function priority(state, t) {
  const groups = state.site.priority_groups;
  const name = (group) => (state.lang === "en" && group.name_en ? group.name_en : group.name);
  return html`${question(t.priorityQuestion, second(state, texts("vi").priorityQuestion, texts("en").priorityQuestion))}
    <main class="groups">
      ${groups.map((group) => html`<button class="other" data-touch=${`group:${group.id}`} data-fit><span class="big">${name(group)}</span></button>`)}
      <button class="other" data-touch="group:" data-fit><span class="big">${t.priorityNone}</span></button>
      <p class="foot">${t.priorityFoot}</p>
    </main>
    <nav class="bar two">${backButton(t)}</nav>`;
}

function field(state, t, around) {
  const { fields, page, pages, size } = fieldPages(state);
  const forecast = waits(state.board?.waiting ?? []);
  const results = state.path === "result";
  const asked = results ? "resultQuestion" : "fieldQuestion";
  const columns = fields.length <= 4 && pages === 1 && !around.landscape ? 1 : state.large && !around.landscape ? 1 : 2;
  // Pages of equal shape: a short last page keeps the places of a full one.
  const rows = pages > 1 ? Math.ceil(size / columns) : Math.ceil(fields.length / columns);
  const told = hoursSentence(hoursOf(state), around.at, state.lang);
  return html`${question(t[asked], second(state, texts("vi")[asked], texts("en")[asked]), t.fieldHint)} ${told ? html`<p class="told" data-fit>${told}</p>` : nothing}
    <main class="fields" style=${`--columns: ${columns}; --rows: ${rows}`}>
      ${fields.map((entry) => tile(state, t, entry, forecast))}
    </main>
    <nav class="bar two">
      ${backButton(t)}
      ${pages > 1
        ? html`<button class="other more" data-touch="more" data-fit>
            <span>${page + 1 < pages ? t.more : t.moreFirst} <small>${t.page(page + 1, pages)}</small></span> ${icons.right}
          </button>`
        : nothing}
    </nav>`;
}

function tile(state, t, { field: service, open, row }, forecast) {
  const chosen = state.intent?.service === service.id;
  const shut = (state.lang === "vi" && service.closed_reason?.replace(/\.$/, "")) || t.fieldClosed;
  const line = !open ? shut : row ? queueLine(row.count, forecast.get(service.id), state.lang) : "";
  const [first, ...rest] = nameParts(serviceName(service, state.lang));
  return html`<button
    class=${classMap({ tile: true, shut: !open, chosen })}
    data-touch=${`field:${service.id}`}
    data-fit
    data-fit-least="0.55"
  >
    <span class="name"><span>${first}</span>${rest.map((part) => html` <span>${part}</span>`)}</span>
    ${state.lang === "vi" && service.everyday ? html`<span class="everyday" data-fit-drop>${service.everyday}</span>` : nothing}
    <span class="waits">${line.split(" · ").map((part, at) => html`${at ? " · " : nothing}<span>${part}</span>`)}</span>
  </button>`;
}

function closedField(state, t) {
  const service = state.site.services.find((one) => one.id === state.field);
  return html`<main class="closed">${messages([service ? closedFieldSentence(service, state.lang) : t.fieldClosed, t.fieldClosedAdvice])}</main>
    <nav class="bar two">${backButton(t)}<button class="primary" data-touch="other" data-fit>${t.otherField}</button></nav>`;
}

function refused(state, t) {
  const told = state.refusal?.message ? sentences(state.refusal.message) : [t.awayAdvice];
  return html`<main class="closed">${messages([t.notTaken, ...told])}</main>
    <nav class="bar two">
      <button class="quiet" data-touch="leave" data-fit>${t.leave}</button>
      <button class="primary" data-touch="other" data-fit>${t.otherField}</button>
    </nav>`;
}

function rules(state, t) {
  const lines = (state.lang === "en" ? state.site.rules.lines_en : null) ?? state.site.rules.lines;
  return html`${question(t.rules, "")}
    <main class="rules" data-fit><ol>${lines.map((line, at) => html`<li><b>${at + 1}</b><span>${line}</span></li>`)}</ol></main>
    <nav class="bar two">${backButton(t)}</nav>`;
}

function away(state, t) {
  return html`<main class="closed">${messages([t.away, t.awayAdvice, t.awayKept])}
      ${state.lang === "vi" ? html`<p class="english">${texts("en").away} ${texts("en").awayAdvice}</p>` : nothing}</main>
    <nav class="bar two">
      <span></span>${state.intent ? html`<button class="primary" data-touch="try-again" data-fit>${t.tryAgain}</button>` : nothing}
    </nav>`;
}

function problem(state, t, around) {
  const told = {
    unpaired: [t.unpaired, t.unpairedAdvice, t.awayAdvice],
    kiosk: [t.unknownKiosk(around.kioskId), t.unpairedAdvice],
    site: [t.unknownSite(around.siteId), t.unpairedAdvice],
  }[state.problem];
  return html`<main class="closed">${messages(told)}</main>`;
}

const starting = (state, t) => html`<main class="closed">${messages([t.starting])}</main>`;

function sending(state, t, around) {
  const stage = sendingStage(state, around.now);
  if (stage !== "slow" && stage !== "slower") return nothing;
  return html`<div class="over"><div class="card" role="status"><p class="first">${stage === "slow" ? t.sending : t.stillSending}</p></div></div>`;
}

function stillThere(state, t, around, screen) {
  if (state.cardAt === null || screen === "away" || screen === "problem") return nothing;
  return html`<div class="over" role="alertdialog" aria-label=${t.moreTimeQuestion}>
    <div class="card">
      <p class="first">${t.moreTimeQuestion}</p>
      ${state.lang === "vi" ? html`<p class="english">${texts("en").moreTimeQuestion}</p>` : nothing}
      <button class="primary" data-touch="more-time" data-fit>${t.moreTime}</button>
      <button class="quiet" data-touch="start-over" data-fit>${t.startOver}</button>
      <p>${t.returnsIn(secondsLeft(state, around.now))}</p>
      <div class="left"><i style=${`width: ${(timeLeft(state, around.now) * 100).toFixed(1)}%`}></i></div>
    </div>
  </div>`;
}
