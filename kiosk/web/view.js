/** Draws the kiosk's state. Text reaches the page as text; what a touch means is written in `data-touch`. */
import { codeView } from "/static/shared/pairing.js";
import { html, nothing } from "/static/shared/vendor/lit-html.js";
import { classMap } from "/static/shared/vendor/directives/class-map.js";
import { keyed } from "/static/shared/vendor/directives/keyed.js";
import { nameParts, plainName, serviceName, unbroken, waits } from "/static/shared/words.js";
import { code, found, help, rules } from "./assist.js";
import { card, cardFoot, cardHint, hasNumber, misplaced } from "./card.js";
import { appointment, notCheckedIn } from "./checkin.js";
import { fieldPages, homeFields, homeOf, hoursOf, screenOf, secondsLeft, sendingStage, timeLeft } from "./facts.js";
import { isLow } from "./glass.js";
import * as icons from "./icons.js";
import { numberScreen } from "./number.js";
import { backButton, bar, bookingCode, helpButton, messages, paperBand, question, second, sentences, told } from "./parts.js";
import { closedFieldSentence, hoursSentence, issuingLine, queueLine, texts } from "./texts.js";

const SCREENS = {
  home,
  priority,
  field,
  number: numberScreen,
  closed_field: closedField,
  desk,
  refused,
  kept,
  unanswered,
  help,
  code,
  found,
  appointment,
  not_checked_in: notCheckedIn,
  card,
  misplaced,
  rules,
  away,
  problem,
  starting,
};

/**
 * The whole page.
 * @param {object} state a kiosk state (`model.js`)
 * @param {{now: number, clock: string, at: string|null, kiosk?: object, siteId: string, kioskId: string}} around
 */
export function view(state, around) {
  const t = texts(state.lang);
  const screen = screenOf(state, around.now);
  const { landscape } = state.glass;
  const classes = classMap({ kiosk: true, landscape, portrait: !landscape, large: state.large, low: isLow(state) });
  const drawn = SCREENS[screen];
  // Each screen gets elements of its own, so that a pressed look never travels to the next screen.
  return html`<div class=${classes} data-screen=${screen}>
    ${keyed(screen, drawn(state, t, around))} ${sending(state, t, around)} ${stillThere(state, t, around, screen)}
  </div>`;
}

function header(state, t, around) {
  const hours = hoursOf(state);
  const open = hours.state === "open";
  const line = open ? issuingLine(hours, state.lang) : "";
  return html`<header class="head">
    <div class="who"><b>${plainName((state.large && state.site.short_name) || state.site.name)}</b>${line ? html`<span class="line">${line}</span>` : nothing}</div>
    <div class="clock">${around.clock}</div>
  </header>`;
}

function home(state, t, around) {
  const { take, priority, appointment: booked, result, help: staff } = homeOf(state);
  const sentence = state.alone ? t.alone : hoursSentence(hoursOf(state), around.at, state.lang);
  const groups = state.site.priority_groups.map((group) => (state.lang === "en" && group.name_en ? group.name_en : group.name)).join(" · ");
  const choice = (kind, on, text, hint) => html`<button class="other ${kind}" data-touch=${on} data-fit>
    <span class="big">${text}</span><span class="small" data-fit-drop>${hint.filter(Boolean).join(" · ")}</span>
  </button>`;
  const helper = staff && choice("help", "help", t.help, [state.machine?.help ? t.helpKnown : t.helpHint, second(state, "help")]);
  const bookedChoice = booked && choice("", "appointment", t.appointmentChoice, [t.appointmentHint, second(state, "appointmentChoice")]);
  const hotline = state.site.hotline ? [`${t.hotline}: ${unbroken(state.site.hotline)}`] : [];
  if (!take && !result) {
    return html`${header(state, t, around)}
      <main class="closed">${messages([...sentences(sentence || t.fieldClosed), ...hotline])} ${bookingCode(state, t)}</main>
      ${bookedChoice || helper ? bar(bookedChoice, helper) : nothing} ${homeBar(state, t)}`;
  }
  const main = html`<button class="main" data-touch="take" data-fit>
    <span class="big">${t.take}</span><span class="small">${second(state, "take")}</span>
  </button>`;
  const others = [
    priority && choice("", "priority", t.priority, [groups]),
    bookedChoice,
    result && choice("", "result", t.result, [t.resultHint, second(state, "result")]),
    helper,
  ].filter(Boolean);
  const fields = take ? homeFields(state, around.kiosk) : [];
  return html`${header(state, t, around)} ${question(state, t, "homeQuestion", fields.length ? t.fieldHint : take ? cardHint(state, t, around) : "")}
    ${told(sentence)} ${take ? paperBand(state, t) : nothing}
    ${fields.length
      ? fieldsAtHome(state, t, fields, others)
      : html`<main class=${classMap({ choices: true, alone: !take || !others.length })}>
          ${take ? main : nothing}${others.length ? html`<div class="others">${others}</div>` : nothing}
        </main>`}
    ${homeBar(state, t)}`;
}

/** The fields in the place of the button that would lead to them, the other choices below. */
function fieldsAtHome(state, t, fields, others) {
  const { landscape } = state.glass;
  const columns = landscape || isLow(state) ? Math.min(2, fields.length) : 1;
  const forecast = waits(state.board?.waiting ?? []);
  return html`<main class="choices with-fields">
    <div class="fields" style=${`--columns: ${columns}; --rows: ${Math.ceil(fields.length / columns)}`}>
      ${fields.map((entry) => tile(state, t, entry, forecast))}
    </div>
    <div class="lower" style=${`--columns: ${landscape && !isLow(state) ? others.length : Math.min(2, others.length)}`}>${others}</div>
  </main>`;
}

function homeBar(state, t) {
  const bilingual = (state.site.languages ?? []).includes("en");
  return html`<nav class="bar">
    ${bilingual ? html`<button class="quiet" data-touch="language" data-fit>${t.otherLanguage}</button>` : nothing}
    <button class="quiet" data-touch="large" data-fit>${state.large ? t.normal : t.large}</button>
    ${state.glass.short
      ? html`<button class="quiet" data-touch="low" data-fit>${state.low ? t.high : t.low} ${state.low ? icons.up : icons.down}</button>`
      : nothing}
    <button class="quiet" data-touch="aloud" data-fit>${aloudLabel(state, t)}</button>
    ${state.site.rules?.lines?.length ? html`<button class="quiet" data-touch="rules" data-fit>${t.rulesShort}</button>` : nothing}
  </nav>`;
}

const aloudLabel = (state, t) => (state.mute ? t.aloudNot : !state.aloud ? t.aloud : state.quiet ? t.aloudAgain : t.aloudStop);

function priority(state, t, around) {
  const groups = state.site.priority_groups;
  const name = (group) => (state.lang === "en" && group.name_en ? group.name_en : group.name);
  return html`${question(state, t, "priorityQuestion", cardHint(state, t, around))}
    <main class="groups">
      ${groups.map((group) => html`<button class="other" data-touch=${`group:${group.id}`} data-fit><span class="big">${name(group)}</span></button>`)}
      <button class="other" data-touch="group:" data-fit><span class="big">${t.priorityNone}</span></button>
      <p class="foot">${t.priorityFoot}</p>
    </main>
    ${bar(backButton(t), helpButton(state, t))}`;
}

function field(state, t, around) {
  const { fields, page, pages, size } = fieldPages(state);
  const forecast = waits(state.board?.waiting ?? []);
  const results = state.path === "result";
  const asked = results ? "resultQuestion" : "fieldQuestion";
  const { landscape } = state.glass;
  const columns = !landscape && (state.large || (fields.length <= 4 && pages === 1)) ? 1 : 2;
  // Pages of equal shape: a short last page keeps the places of a full one.
  const rows = pages > 1 ? Math.ceil(size / columns) : Math.ceil(fields.length / columns);
  const usual = () => (state.alone ? t.alone : hoursSentence(hoursOf(state), around.at, state.lang));
  const sentence = state.givenBack ? t.givenBack(state.givenBack) : state.unsure ? t.unsureTold : usual();
  const more =
    pages > 1 &&
    html`<button class="other more" data-touch="more" data-fit>
      <span>${page + 1 < pages ? t.more : t.moreFirst} <small data-fit-drop>${t.page(page + 1, pages)}</small></span> ${icons.right}
    </button>`;
  return html`<div class="top">${question(state, t, asked, [t.fieldHint, cardHint(state, t, around)].filter(Boolean).join(". "))}
      ${sentence ? told(sentence) : state.card ? cardFoot(state, t) : paperBand(state, t)}</div>
    <main class="fields" style=${`--columns: ${columns}; --rows: ${rows}`}>
      ${fields.map((entry) => tile(state, t, entry, forecast))}
    </main>
    ${bar(backButton(t), helpButton(state, t), more)}`;
}

function tile(state, t, { field: service, open, row }, forecast) {
  const chosen = state.intent?.service === service.id;
  const shut = state.alone ? t.aloneNone : (state.lang === "vi" && service.closed_reason?.replace(/\.$/, "")) || t.fieldClosed;
  const line = !open ? shut : row ? queueLine(row.count, forecast.get(service.id), state.lang) : "";
  const [first, ...rest] = nameParts(serviceName(service, state.lang));
  return html`<button
    class=${classMap({ tile: true, shut: !open, chosen })}
    data-touch=${`field:${service.id}`}
    data-fit
    data-fit-least="0.62"
  >
    <span class="name"><span>${first}</span>${rest.map((part) => html` <span>${part}</span>`)}</span>
    ${state.lang === "vi" && service.everyday ? html`<span class="everyday" data-fit-drop>${service.everyday}</span>` : nothing}
    <span class="waits" data-read=${open ? nothing : "fieldClosed"}>${line.split(" · ").map((part, at) => html`${at ? " · " : nothing}<span>${part}</span>`)}</span>
  </button>`;
}

const otherField = (t) => html`<button class="primary" data-touch="other" data-fit>${t.otherField}</button>`;

function closedField(state, t) {
  const service = state.site.services.find((one) => one.id === state.field);
  if (state.alone) return html`<main class="closed">${messages([t.aloneNone, t.fieldClosedAdvice])}</main> ${bar(backButton(t), otherField(t))}`;
  return html`<main class="closed">${messages([service ? closedFieldSentence(service, state.lang) : t.fieldClosed, t.fieldClosedAdvice])}
      ${service ? bookingCode(state, t, service) : nothing}</main>
    ${bar(backButton(t), helpButton(state, t), otherField(t))}`;
}

const leave = (t, main = false) => html`<button class=${main ? "primary" : "quiet"} data-touch="leave" data-fit>${t.leave}</button>`;

function refused(state, t) {
  if (state.refusal?.code === "already_has_number") return hasNumber(state, t);
  const why = state.refusal?.message ? sentences(state.refusal.message) : [t.awayAdvice];
  return html`<main class="closed">${messages([t.notTaken, ...why])}</main>
    ${bar(leave(t), helpButton(state, t), otherField(t))}`;
}

/** A number that could not be given back is still the citizen's. */
function kept(state, t) {
  return html`<main class="closed">${messages([t.notChanged, ...sentences(state.refusal?.message ?? "")])}</main>
    ${bar(helpButton(state, t), leave(t, true))}`;
}

function unanswered(state, t) {
  const why = state.refusal?.message ? sentences(state.refusal.message) : [t.unanswered];
  return html`<main class="closed">${messages([...why, t.toTheDesk, t.awayKept])}</main>
    ${bar(leave(t, true))}`;
}

function away(state, t) {
  const again = state.intent?.kind === "ticket";
  return html`<main class="closed">${messages([t.away, t.awayAdvice, t.awayKept])}
      ${state.lang === "vi" ? html`<p class="english">${texts("en").away} ${texts("en").awayAdvice}</p>` : nothing}</main>
    ${again ? bar(html`<span></span>`, html`<button class="primary" data-touch="try-again" data-fit>${t.tryAgain}</button>`) : nothing}`;
}

/** The agent has no number to give after all. */
function desk(state, t) {
  return html`<main class="closed">${messages([t.away, t.awayAdvice, t.awayKept])}</main>
    ${bar(leave(t, true))}`;
}

function problem(state, t, around) {
  const why = {
    unpaired: [t.unpaired, t.unpairedAdvice, t.awayAdvice],
    kiosk: [t.unknownKiosk(around.kioskId), t.unpairedAdvice],
    site: [t.unknownSite(around.siteId), t.unpairedAdvice],
  }[state.problem];
  const code = state.problem === "unpaired" && state.code;
  return html`<main class="closed">${messages(why)}${code ? codeView(code) : nothing}</main>`;
}

function starting(state, t) {
  return html`<main class="closed">${messages([t.starting])}</main>`;
}

function sending(state, t, around) {
  const stage = sendingStage(state, around.now);
  if (stage !== "slow" && stage !== "slower") return nothing;
  const number = ["ticket", "check_in"].includes(state.intent.kind);
  const words = stage === "slow" ? (number ? t.sending : t.busy) : number ? t.stillSending : t.stillBusy;
  return html`<div class="over"><div class="card" role="status"><p class="first">${words}</p></div></div>`;
}

function stillThere(state, t, around, screen) {
  if (state.cardAt === null || screen === "away" || screen === "problem") return nothing;
  return html`<div class="over" role="alertdialog" aria-label=${t.moreTimeQuestion}>
    <div class="card">
      <p class="first" data-read="moreTimeQuestion">${t.moreTimeQuestion}</p>
      ${state.lang === "vi" ? html`<p class="english">${texts("en").moreTimeQuestion}</p>` : nothing}
      <button class="primary" data-touch="more-time" data-fit>${t.moreTime}</button>
      <button class="quiet" data-touch="start-over" data-fit>${t.startOver}</button>
      <p>${t.returnsIn(secondsLeft(state, around.now))}</p>
      <div class="left"><i style=${`width: ${(timeLeft(state, around.now) * 100).toFixed(1)}%`}></i></div>
    </div>
  </div>`;
}
