/**
 * What the ticket page says of a ticket: pure. The sentences come with the page, written once by the server (`server/pages/ticket.py`),
 * so a page that has been open for an hour and one that was just loaded say the same.
 */
import { offsetOf } from "../shared/clock.js";
import { oneOf, waitRange } from "../shared/words.js";

/** Fill the places of a sentence: "Mời đến {counter}". */
export const filled = (sentence, values) => sentence.replace(/\{(\w+)\}/g, (place, name) => values[name] ?? place);

/** Which sentences of the catalogue: the state, or a case of it. */
function kindOf(ticket, office) {
  let kind = ticket.state;
  if (kind === "waiting" && ticket.people_ahead < 2) kind = ticket.people_ahead === 0 ? "waiting_first" : "waiting_one";
  else if (kind === "called" && ticket.call_no > 1) kind = "called_again";
  else if (kind === "no_show" && (ticket.rejoins_left === 0 || office.over)) kind = "no_show_last";
  return office.states[kind] ? kind : ticket.state;
}

/**
 * The parts of the page that change while it is open, by their `data-part`.
 * @param {object} ticket as on the wire
 * @param {object} office the catalogue and names that came with the page
 * @param {"vi"|"en"} lang
 */
export function shown(ticket, office, lang) {
  const { labels } = office;

  const values = {
    code: ticket.code,
    ahead: ticket.people_ahead,
    counter: office.counters[ticket.counter] ?? ticket.counter ?? "",
    called: ticket.called_at ? ticket.called_at.slice(11, 16) : "",
    call_no: ticket.call_no,
  };
  const [title, text] = office.states[kindOf(ticket, office)].map((sentence) => filled(sentence, values));
  const waiting = ticket.state === "waiting";
  const before = ticket.queue_time.slice(0, 10) < ticket.issued_at.slice(0, 10);
  return {
    title,
    text,
    wait: waiting && ticket.wait ? filled(labels.wait, { range: waitRange(ticket.wait, lang) }) : "",
    between: waiting ? labels.between : "",
    field: office.services[ticket.service] ?? ticket.service,
    // Breakable: eight counters do not fit one line of a phone.
    counters: oneOf(ticket.counters.map((id) => office.numbers[id] ?? id), lang).replaceAll("\u00a0", " "),
    queue_time: ticket.queue_time.slice(11, 19) + (before ? ` ${labels.the_day_before}` : ""),
    reason: ticket.reason.words,
  };
}

/** Whether `after` is a call that `before` did not tell of. */
export const isNewCall = (before, after) =>
  after.state === "called" && (before.state !== "called" || after.call_no > before.call_no || after.counter !== before.counter);

/** Whether nothing more will happen to it; an undo within seconds is the exception the page waits for. */
export const hasEnded = (ticket, office) => office.ended.includes(ticket.state) || (office.over && ticket.state === "no_show");

/** "08:15" at which the page last heard of its ticket, on the hall's clock. */
export const clockOf = (instant) => (instant ? new Date(Date.parse(instant) + offsetOf(instant) * 60000).toISOString().slice(11, 16) : "");
