/**
 * The clerk's desk: takes states from the server, turns presses into commands, keeps what only this page knows (which question is
 * open, which row is chosen). Decides nothing about the queue.
 */
import { connect } from "../shared/connection.js";
import { insist } from "./ask.js";
import { ARRIVED_HZ, HELP_HZ, softTone, unlock } from "../shared/tone.js";
import { callRow, helpKey, keyOf, orphaned, pathOf, PAUSES, press, pressRow, REASONS, REST_MS, said, signature, target } from "./model.js";

/** Rows stay under a moving pointer for this long. */
const STILL_MS = 2000;
const SAID_MS = 6000;
const REFUSAL_MS = 8000;
const GOING_MS = 6000;
/** The server repeats a console every 2 s; a page that has heard nothing asks, so that a dead cable is noticed either way. */
const ASK_AFTER_MS = 3000;
/** An older answer that was overtaken on its way is not a new truth. */
const OVERTAKEN_MS = 1500;
const EMPTY = { waiting: [], missed: [], held: [] };

/**
 * @param {object} page the page's state (see model.js), changed in place
 * @param {object} tools {clock, draw, mark(), expired(), refused(message), field(id)}: `field` is an element of the window in use
 */
export function desk(page, { clock, draw, mark, expired, refused, field }) {
  const now = () => performance.now();
  let connection = null;
  let heardAt = 0;
  let pointedAt = -STILL_MS;
  let restUntil = 0;
  let lastSignature = "";
  let saidAt = 0;
  let refusedAt = 0;
  let goingAt = 0;
  let lastHelp = 0;

  const time = () => ({ hallMs: clock.ms() ?? 0, factor: page.console?.factor ?? 1 });

  function open(place) {
    close();
    Object.assign(page, { place, console: null, connected: true, sent: null, asking: null, pausing: null, refusal: null, said: null });
    Object.assign(page, { tab: "waiting", chosen: null, rows: EMPTY, helping: null });
    lastHelp = 0;
    heardAt = now();
    connection = connect({
      site: place.site,
      kind: "console",
      id: place.counter,
      onState: receive,
      onStale: () => ((page.connected = false), (page.asking = null), draw()),
      onBack: () => (page.connected = true),
      onRefused: (error) => (error.code === "unauthenticated" ? expired() : refused(error.message)),
    });
  }

  function close() {
    connection?.close();
    connection = null;
  }

  function receive(state) {
    const before = page.console;
    const overtaken = before && state.day === before.day && state.revision < before.revision && now() - heardAt < OVERTAKEN_MS;
    heardAt = now();
    if (overtaken) return;
    clock.set(state);
    page.console = state;
    page.connected = true;
    if (before && isFree(before) && isFree(state) && before.waiting_count === 0 && state.waiting_count > 0) softTone(ARRIVED_HZ);
    ringFor(state, before);
    if (page.asking?.what === "transfer" && state.current?.id !== page.asking.ticket) page.asking = null;
    if (page.asking?.what === "end" && state.current?.id !== page.asking.ticket) page.asking = null;
    if (state.counter.state !== "open") page.pausing = null;
    settleRows();
    draw();
    pauseWhenFree();
  }

  /** One tone for each request; a clerk who has just opened the page is told as well. */
  function ringFor(state, before) {
    if (before && before.day !== state.day) lastHelp = 0;
    const latest = Math.max(0, ...(state.help ?? []).map((call) => call.asked));
    if (latest > lastHelp) softTone(HELP_HZ);
    lastHelp = Math.max(latest, lastHelp);
  }

  const isFree = (state) => state.counter.state === "open" && !state.current;

  /** A pause asked for while somebody was at the counter begins when nobody is, however that came. */
  function pauseWhenFree() {
    if (!page.pausing || page.sent || !isFree(page.console)) return;
    const reason = page.pausing;
    page.pausing = null;
    send({ verb: "pause", body: { reason } });
  }

  function settleRows() {
    if (!page.console || now() - pointedAt < STILL_MS) return;
    const { waiting, missed, held } = page.console;
    page.rows = { waiting, missed, held };
    if (!page.rows[page.tab].some((ticket) => ticket.id === page.chosen)) page.chosen = null;
  }

  /** Called several times a second: what only time changes. */
  function tick() {
    if (!connection) return;
    if (connection.connected() && now() - heardAt > ASK_AFTER_MS) {
      heardAt = now();
      connection.refresh();
    }
    if (page.said && now() - saidAt > SAID_MS) page.said = null;
    if (page.refusal && now() - refusedAt > REFUSAL_MS) page.refusal = null;
    if (page.helping?.done && now() - goingAt > GOING_MS) page.helping = null;
    settleRows();
  }

  /** Before each drawing: a press that was meant for what the screen said a moment ago must not count. */
  function settle() {
    if (page.sent) page.sent.ms = now() - page.sent.since;
    const present = signature(page, time());
    if (present === lastSignature) return;
    lastSignature = present;
    rest();
    page.refusal = null;
  }

  function rest() {
    restUntil = now() + REST_MS;
    setTimeout(draw, REST_MS);
  }

  const resting = () => Boolean(page.sent) || now() < restUntil;

  function refuse(message) {
    page.refusal = message;
    refusedAt = now();
    draw();
  }

  function act(intent) {
    if (intent?.answer) return void answerHelp(intent.answer);
    if (!intent || resting()) return;
    if (intent.send) return void send(intent.send);
    if (intent.stay) page.pausing = null;
    if (intent.refuse) return refuse(intent.refuse);
    if (intent.ask) Object.assign(page, { asking: intent.ask, refusal: null });
    draw();
  }

  /** Going to a kiosk is no step of the queue: the big button neither waits for it nor rests after it. */
  async function answerHelp(action) {
    const helping = (page.helping = { asked: action.asked, name: action.name, done: false });
    draw();
    const answer = await insist(pathOf(action, page.place), {}, helpKey(action.asked, page.console, mark()), () => {});
    if (page.helping !== helping) return;
    if (answer.status === 401) return expired();
    page.helping = answer.ok ? { ...helping, done: true } : null;
    goingAt = now();
    if (!answer.ok) refuse(answer.message);
    connection?.refresh();
    draw();
  }

  async function send(action) {
    const shown = page.console;
    page.sent = { calls: Boolean(action.calls), since: now(), ms: 0, trouble: null };
    Object.assign(page, { asking: null, refusal: null, said: null });
    draw();
    const answer = await insist(pathOf(action, page.place), action.body ?? {}, keyOf(action, shown, mark()), (words) => {
      if (page.sent) page.sent.trouble = words;
      draw();
    });
    page.sent = null;
    if (answer.status === 401) return expired();
    if (answer.ok) {
      rest();
      page.said = said(action, answer.body, shown);
      saidAt = now();
      page.chosen = null;
      // Who came back stands in the line again: there the clerk looks next.
      if (["release", "rejoin"].includes(action.verb)) go.tab("waiting");
      pauseWhenFree();
    } else {
      // Asked twice with different words at one revision: the first one counts, and the state will show it.
      const again = answer.body?.error?.code === "idempotency_key_reused";
      refuse(again ? "Lần bấm trước đã được ghi. Xem ai đang ở quầy." : answer.message);
    }
    if (page.console === shown) connection?.refresh();
    return draw();
  }

  function pauseFor(reason) {
    const warning = page.asking.what === "pause" && orphaned(page.console);
    if (warning) {
      page.asking = { what: "warn", words: warning, yes: "Vẫn nghỉ", reason };
      return draw();
    }
    page.asking = null;
    if (page.console.current) {
      page.pausing = reason;
      return draw();
    }
    return send({ verb: "pause", body: { reason } });
  }

  function callFor(reason) {
    const { ticket, code } = page.asking;
    if (!reason) {
      page.asking.wrong = "Gọi không theo thứ tự thì phải chọn lý do.";
      return draw();
    }
    return send({ verb: "call", ticket, code, calls: true, body: { counter: page.place.counter, reason } });
  }

  function transfer(typed) {
    const { ticket, code } = page.asking;
    const to = target(page.console, typed);
    if (to) return send({ verb: "transfer", ticket, code, body: to.body });
    page.asking.wrong = "Không có lĩnh vực hoặc quầy nào như vậy. Gõ chữ của lĩnh vực hoặc số quầy.";
    return draw();
  }

  function move(step) {
    const rows = page.rows[page.tab];
    if (!rows.length) return;
    const at = rows.findIndex((ticket) => ticket.id === page.chosen);
    page.chosen = rows[Math.min(rows.length - 1, Math.max(0, at < 0 ? (step > 0 ? 0 : rows.length - 1) : at + step))].id;
    draw();
    document.querySelector("tr.chosen")?.scrollIntoView({ block: "nearest" });
  }

  const chosen = () => page.rows[page.tab].find((ticket) => ticket.id === page.chosen);
  const order = ["waiting", "missed", "held"];

  /** Everything the views and the keyboard may do. */
  const go = {
    resting,
    press(what) {
      unlock();
      act(press(page, time(), what));
    },
    row: () => act(pressRow(page, page.tab, chosen())),
    rowOf: (ticket) => act(pressRow(page, page.tab, ticket)),
    callOf: (ticket) => act(callRow(page, ticket)),
    tab(id) {
      Object.assign(page, { tab: id, chosen: null, asking: null });
      pointedAt = -STILL_MS;
      settleRows();
      draw();
    },
    tabBy: (step) => go.tab(order[(order.indexOf(page.tab) + step + order.length) % order.length]),
    choose(id) {
      page.chosen = page.chosen === id ? null : id;
      draw();
    },
    move,
    pointing: () => (pointedAt = now()),
    cancel() {
      if (page.asking) page.asking = null;
      else page.chosen = null;
      draw();
    },
    choice(number) {
      if (resting() || !page.asking) return;
      if (page.asking.what === "pause" && PAUSES[number - 1]) pauseFor(PAUSES[number - 1]);
      else if (page.asking.what === "reason" && REASONS[number - 1]) callFor(REASONS[number - 1]);
      else if (page.asking.what === "reason" && number === REASONS.length + 1) field("reason")?.focus();
    },
    confirm() {
      if (resting() || !page.asking) return;
      if (page.asking.what === "warn") pauseFor(page.asking.reason);
      else send({ verb: "close", body: {} });
    },
    typed(text) {
      page.asking.found = target(page.console, text)?.name ?? "";
      page.asking.wrong = null;
      draw();
    },
    transferTo: (typed) => !resting() && transfer(typed),
    submit(event) {
      event.preventDefault();
      if (resting()) return;
      const typed = new FormData(event.target).get("typed").trim();
      if (page.asking.what === "transfer") transfer(typed);
      else callFor(typed);
    },
    help() {
      page.asking = page.asking?.what === "help" ? null : { what: "help" };
      draw();
    },
  };

  return { open, close, tick, settle, time, go, refuse, asking: () => page.asking && page.asking.what !== "end" };
}
