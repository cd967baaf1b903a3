/**
 * Makes the ticket page live. The server has drawn it whole; this file only changes the parts that time changes, and offers what needs
 * a program: being told of the call, asking why without a reload, giving the number back.
 */
import { command, newKey } from "../shared/api.js";
import { hallClock } from "../shared/clock.js";
import { connect } from "../shared/connection.js";
import { isOn, keepLit, ring, set } from "./alert.js";
import { clockOf, filled, hasEnded, isNewCall, shown } from "./model.js";

const POLL_MS = 10000;
/** An ended ticket can still be taken back for some seconds; after that nobody has to be listened to. */
const LISTEN_AFTER_END_MS = 60000;

const page = document.getElementById("ticket");
const office = JSON.parse(document.getElementById("office").textContent);
const { site, ticket: id, lang } = page.dataset;
const path = `/api/v1/sites/${encodeURIComponent(site)}/tickets/${encodeURIComponent(id)}`;
const part = (name) => page.querySelector(`[data-part="${name}"]`);
const button = (name) => page.querySelector(`[data-do="${name}"]`);
const clock = hallClock();

let ticket = null;
let heardAt = office.at;
let away = false;
let polling = null;
let leaving = null;

function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
  element.hidden = !text;
}

function draw() {
  const parts = shown(ticket, office, lang);
  for (const [name, text] of Object.entries(parts)) put(part(name), text);
  part("counters-row").hidden = !parts.counters;
  part("telling-box").hidden = !["waiting", "held"].includes(ticket.state);
  part("back-box").hidden = !office.cancellable.includes(ticket.state);
  page.dataset.state = ticket.state;
  document.title = filled(office.labels.title, { code: ticket.code, state: parts.title });
}

function take(state) {
  if (state.id !== id) return;
  const before = ticket;
  ticket = state;
  heardAt = clock.instant();
  setStale(false);
  draw();
  if (before && isNewCall(before, ticket)) ring();
  // A question asked of somebody who waited is not one for somebody who is called.
  if (before && before.state !== ticket.state) askBack(false, false);
  clearTimeout(leaving);
  if (hasEnded(ticket, office)) leaving = setTimeout(leave, LISTEN_AFTER_END_MS);
}

function leave() {
  connection?.close();
  away = false;
  clearTimeout(polling);
}

function setStale(on) {
  put(part("stale"), on ? filled(office.labels.stale, { at: clockOf(heardAt) }) : "");
}

/** Where no socket gets through, the page asks; only when nobody answers that either is it stale. */
async function poll() {
  clearTimeout(polling);
  const { status, body } = await command("GET", path, null, { lang, patienceMs: 0 });
  if (status === 200) take(body);
  else if (away) setStale(true);
  if (away) polling = setTimeout(poll, POLL_MS);
}

async function ask(event) {
  event.preventDefault();
  const field = event.target.elements.why;
  const code = field.value.trim().toUpperCase();
  if (!code) return;
  const answer = part("answer");
  const { status, body } = await command("GET", `${path}/why?code=${encodeURIComponent(code)}`, null, { lang, patienceMs: 3000 });
  const unknown = filled(office.labels.unknown_code, { other: code });
  put(answer, status === 200 ? body.words : status === 404 ? unknown : office.labels.no_answer);
}

function askBack(asking, focus = true) {
  part("sure").hidden = !asking;
  button("ask-back").hidden = asking;
  button("give-back").hidden = !asking;
  button("keep").hidden = !asking;
  put(part("wrong"), "");
  if (focus) (asking ? part("sure") : button("ask-back")).focus();
}

const intent = newKey();

async function giveBack() {
  button("give-back").disabled = true;
  const { status, body } = await command("POST", `${path}/cancel`, {}, { idempotencyKey: intent, lang });
  button("give-back").disabled = false;
  if (status === 200) {
    return take(body);
  }
  return put(part("wrong"), body?.error?.message || office.labels.no_answer);
}

function tell() {
  set(!isOn());
  button("tell").setAttribute("aria-pressed", String(isOn()));
  part("tell").textContent = isOn() ? office.labels.telling : office.labels.tell;
  part("keep-open").hidden = !isOn();
}

document.documentElement.classList.add("js");
clock.set({ at: office.at, factor: office.factor });
button("why").addEventListener("submit", ask);
button("tell").addEventListener("click", tell);
button("ask-back").addEventListener("click", () => askBack(true));
button("keep").addEventListener("click", () => askBack(false));
button("give-back").addEventListener("click", giveBack);

const connection = office.over
  ? null
  : connect({
      site,
      kind: "ticket",
      id,
      repeats: false,
      onState: take,
      onStale() {
        away = true;
        poll();
      },
      onBack() {
        away = false;
        clearTimeout(polling);
      },
    });

// A phone that slept has missed everything; what its screen shows must be true at the first glance.
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState !== "visible" || office.over) return;
  keepLit();
  connection.refresh();
  poll();
});
