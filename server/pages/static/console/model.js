/**
 * The console as values: what the one big button says and does, which keys are live, what the strip offers.
 *
 * Pure: everything is computed from the page's state and the time, so a table can test it. The server decides; this file only
 * chooses which question to ask it, and never asks one that the clerk did not see.
 *
 * page: {me: {user, role}, console: object|null, connected, sent: {calls, ms}|null, asking: {what, ...}|null, pausing: string|null,
 *        refusal: string|null, said: string|null, helping: {asked, name, done}|null}
 * time: {hallMs, factor}   hall time as epoch milliseconds, and hall seconds per real second
 * action: {verb, ticket?, code?, body?, calls?, asked?}   a command; `calls`: somebody would be called by it; `asked`: a call for help
 */
import { hhmm, hhmmss, isoAt, offsetOf } from "../shared/clock.js";
import { counterLabel, people, plainName } from "../shared/words.js";

/** A call younger than this, by the hall's clock, may not have been walked to yet: the big button asks before it ends it. */
export const YOUNG_MS = 60000;
/** After a change of state no press counts for this long: it was meant for what was there before. */
export const REST_MS = 800;
/** An answer slower than this is announced. */
export const SLOW_MS = 1000;
/** A loudspeaker begins no call that is older than this, */
export const SPEAK_MS = 20000;
/** has ended the longest one by now, */
export const SPOKEN_MS = 31000;
/** and after this the server may have forgotten how many of them spoke. */
export const COUNTED_MS = 120000;

export const PAUSES = ["Nghỉ ngắn", "Nghỉ trưa", "Họp", "Hỗ trợ quầy khác"];
/** None of them says anything about the person: the reason stays in the story for years. */
export const REASONS = [
  "Đã hẹn quay lại bổ sung giấy tờ",
  "Chỉ nộp hoặc nhận giấy, xong ngay",
  "Đã chờ lâu hơn giờ dự kiến",
  "Phụ trách yêu cầu",
];

const NB = "\u00a0";
const COUNTER_VERBS = new Set(["open", "close", "pause", "resume", "next"]);

/** The path of a command. */
export function pathOf(action, { site, counter }) {
  if (action.verb === "answer") return `/api/v1/sites/${site}/help/${action.asked}/answer`;
  if (COUNTER_VERBS.has(action.verb)) return `/api/v1/sites/${site}/counters/${encodeURIComponent(counter)}/${action.verb}`;
  return `/api/v1/sites/${site}/tickets/${encodeURIComponent(action.ticket)}/${action.verb}`;
}

/**
 * The idempotency key of a press: one for each revision, action and ticket shown. A double click, a second tab of the same sign-in and
 * a retry all ask the same question. The body is left out on purpose: done and no-show pressed together must not end two people.
 */
export function keyOf(action, shown, mark) {
  return [mark, shown.day, shown.counter.id, shown.revision, action.verb, action.ticket ?? ""].join("_");
}

/** One request for help is answered once, whatever else has happened meanwhile. */
export const helpKey = (asked, shown, mark) => [mark, shown.day, "help", asked].join("_");

/**
 * The line about a kiosk where somebody needs a person: {text, since, asked, name} of the oldest request, or {text, asked: null} that this
 * clerk goes; null without any. One line, whatever happens, so that nothing else has to move.
 */
export function helpLine(page) {
  const { helping } = page;
  const calls = (page.console?.help ?? []).filter((call) => !helping?.done || call.asked !== helping.asked);
  if (!page.connected) return null;
  if (!calls.length) return helping?.done ? { text: `Đã báo ông/bà đến ${helping.name}.`, asked: null } : null;
  const [{ asked, name, at }] = calls;
  const others = calls.length > 1 ? ` · còn${NB}${calls.length - 1}${NB}máy${NB}khác` : "";
  return { text: `${name.replaceAll(" ", NB)} cần người giúp`, since: `từ${NB}${hhmm(at)}${others}`, asked, name };
}

/** Real milliseconds since an instant of hall time. */
export const realSince = (instant, time) => (time.hallMs - Date.parse(instant)) / time.factor;

/** Whole hall minutes between two instants (the second: epoch milliseconds). */
export const minutesSince = (instant, hallMs) => Math.max(0, Math.floor((hallMs - Date.parse(instant)) / 60000));

const field = (ticket) => plainName(ticket.service_name ?? ticket.service);
const next = (body) => ({ verb: "next", calls: true, body });
const finishing = { finish: true, outcome: "done" };
const missing = { finish: true, outcome: "no_show" };

/** "QUẦY 3", whatever the site calls its counters. */
const counterName = (shown) => shown.counter.name.replaceAll(" ", NB);

/** Who else has leased this counter, as he is called; null for nobody. */
export const takenBy = (page) => {
  const { counter } = page.console;
  return counter.state !== "closed" && counter.clerk && counter.clerk !== page.me.user ? (counter.clerk_name ?? counter.clerk) : null;
};

/** Whether this clerk may take a counter over with the ticket that is there. */
export const supervises = (page) => page.me.role === "supervisor";

/** Whether a loudspeaker has played the present call. */
export const isHeard = (ticket) => Boolean(ticket?.heard?.at) && ticket.heard.speakers > 0;

/** The ticket at this counter that was called so recently that its citizen may still be walking. */
export function isYoung(shown, time) {
  const { current } = shown;
  return Boolean(current) && current.state === "called" && time.hallMs - Date.parse(current.called_at) < YOUNG_MS;
}

/** Whether the question "done or missed?" still stands for the ticket it was asked about. */
const asked = (page) => page.asking?.what === "end" && page.console.current?.id === page.asking.ticket;

/**
 * The big button: {kind, label, second, tone, act, choices?}.
 * `act` is null when a press does nothing, {send: action}, or {ask: {...}}; `choices` are the two answers of the question in place.
 */
export function big(page, time) {
  const shown = page.console;
  const slow = page.sent && page.sent.ms > SLOW_MS;
  if (slow) {
    const second = page.sent.trouble ?? "Đang hỏi lại máy chủ. Không gọi hai lần.";
    return button("sending", page.sent.calls ? "ĐANG GỌI…" : "ĐANG GỬI…", second, "wait");
  }
  if (!page.connected) return button("lost", "MẤT KẾT NỐI", lostWords(shown), "lost");
  if (!shown) return button("loading", "ĐANG NỐI…", "Đang hỏi máy chủ về quầy này.", "wait");
  return { ...atCounter(page, shown, time), refusal: page.refusal };
}

const button = (kind, label, second, tone, act = null, choices = null) => ({ kind, label, second, tone, act, choices, refusal: null });

function lostWords(shown) {
  if (shown?.current) return `Đang nối lại. Quầy vẫn đang phục vụ ${shown.current.code}.`;
  return "Đang nối lại. Việc ở quầy vẫn giữ nguyên.";
}

function atCounter(page, shown, time) {
  const { counter, current, next: first, waiting_count: count } = shown;
  const name = counterName(shown);
  const opening = { send: { verb: "open" } };
  if (counter.state === "closed") return button("open", `MỞ ${name.toUpperCase()}`, "Mở để bắt đầu gọi số", "go", opening);
  const other = takenBy(page);
  if (other && supervises(page)) {
    return button("takeover", `NHẬN ${name.toUpperCase()}`, `${other} đang mở quầy này`, "ask", opening);
  }
  if (other) return button("taken", "ĐÃ CÓ NGƯỜI", `${other} đang mở quầy này. Mời chọn quầy khác.`, "lost");
  if (counter.state === "paused") {
    const since = counter.since ? `Tạm nghỉ từ ${hhmm(counter.since)} · ${minutesSince(counter.since, time.hallMs)}${NB}phút` : "Tạm nghỉ";
    return button("paused", "LÀM VIỆC LẠI", `${since} · ${people(count)} chờ`, "go", { send: { verb: "resume" } });
  }
  if (current) return withTicket(page, shown, time);
  if (!first) return button("empty", "CHƯA CÓ AI CHỜ", "Sẽ báo bằng một tiếng nhẹ khi có người", "quiet");
  const second = `Kế tiếp: ${first.code} · ${field(first)} · ${people(count)} chờ`;
  return button("free", "GỌI TIẾP", second, "go", { send: next({}) });
}

function withTicket(page, shown, time) {
  const { current, next: first } = shown;
  const answers = endings(page, shown);
  if (asked(page)) return button("ask", `${current.code}: XONG HAY VẮNG?`, "", "ask", { send: answers.done }, answers);
  const young = isYoung(shown, time);
  const act = young ? { ask: { what: "end", ticket: current.id } } : { send: answers.done };
  const doubt = `${current.code} chưa đến? Gọi lại (G) hoặc Vắng (V)`;
  if (page.pausing) {
    return button("leaving", "HOÀN TẤT VÀ NGHỈ", young ? doubt : `${current.code} là người cuối trước khi nghỉ`, "go", act);
  }
  if (!first) return button("last", `HOÀN TẤT ${current.code}`, young ? doubt : "Chưa có ai chờ", "go", act);
  if (young) return button("young", "GỌI TIẾP", doubt, "go", act);
  return button("busy", "GỌI TIẾP", `Hoàn tất ${current.code} và gọi người kế tiếp (${first.code})`, "go", act);
}

/** What ends the ticket at the counter, in both ways: with a call of the next, or alone before a pause and when nobody waits. */
function endings(page, shown) {
  const { current, next: first } = shown;
  if (!page.pausing && first) return { done: next(finishing), missed: next(missing) };
  const about = { ticket: current.id, code: current.code };
  return { done: { verb: "finish", ...about }, missed: { verb: "no-show", ...about } };
}

/** Whether the counter is open, mine, and reachable: the ground under every key. */
function atWork(page) {
  const shown = page.console;
  return Boolean(page.connected && shown && shown.counter.state === "open" && !takenBy(page));
}

/** What a key means now: null, {send: action} or {ask: panel}. */
export function press(page, time, what) {
  const shown = page.console;
  if (what === "big") return big(page, time).act;
  if (!page.connected || !shown) return null;
  if (what === "help-answer") return helpPress(page);
  if (what === "undo") return undoable(page, time) ? { send: { verb: "undo", ticket: shown.undo.ticket, code: shown.undo.code } } : null;
  if (what === "pause") return pausePress(page, shown);
  if (what === "close") return shown.counter.state === "closed" || takenBy(page) ? null : { ask: { what: "close" } };
  if (!atWork(page) || !shown.current) return null;
  const { current } = shown;
  const verb = (name) => ({ send: { verb: name, ticket: current.id, code: current.code } });
  const called = current.state === "called";
  if (what === "no-show" && asked(page)) return { send: endings(page, shown).missed };
  if (what === "recall") return called ? { send: { ...verb("recall").send, calls: true } } : null;
  if (what === "start") return called ? verb("start") : null;
  if (what === "transfer") return { ask: { what: "transfer", ticket: current.id, code: current.code } };
  return verb(what);
}

function helpPress(page) {
  const line = helpLine(page);
  const underWay = page.helping && !page.helping.done;
  if (!line || line.asked === null || underWay) return null;
  return { answer: { verb: "answer", asked: line.asked, name: line.name } };
}

function pausePress(page, shown) {
  if (shown.counter.state === "closed" || takenBy(page)) return null;
  if (shown.counter.state === "paused") return { send: { verb: "resume" } };
  return page.pausing ? { stay: true } : { ask: { what: "pause" } };
}

/** What Enter, or a row's own button, does to a chosen row: rejoin, release, or the question why this one goes first. */
export function pressRow(page, tab, ticket) {
  if (!page.connected || !page.console || !ticket) return null;
  const about = { ticket: ticket.id, code: ticket.code };
  if (tab === "missed") return ticket.rejoins_left === 0 ? null : { send: { verb: "rejoin", ...about } };
  if (tab === "held") return { send: { verb: "release", ...about } };
  return callRow(page, ticket);
}

/** Calling one ticket out of order: asked for a reason, or refused in place with the server's own words. */
export function callRow(page, ticket) {
  if (!atWork(page)) return null;
  const { current } = page.console;
  if (current) return { refuse: `${counterName(page.console)} đang phục vụ ${current.code}. Bấm Hoàn tất hoặc Gọi tiếp.` };
  return { ask: { what: "reason", ticket: ticket.id, code: ticket.code } };
}

/** The five keys under the big button, in their places. */
export function keys(page, time) {
  const named = [
    ["recall", "Gọi lại", "G"],
    ["no-show", "Vắng", "V"],
    ["finish", "Hoàn tất", "H"],
    ["transfer", "Chuyển", "C"],
    ["hold", "Tạm giữ", "T"],
  ];
  return named.map(([what, label, key]) => ({ what, label, key, live: press(page, time, what) !== null }));
}

/** Whether the last step can still be taken back. */
export function undoable(page, time) {
  const undo = page.console?.undo;
  return Boolean(undo) && page.connected && Date.parse(undo.until) > time.hallMs;
}

const UNDO_WORDS = {
  call: ["Vừa gọi", "Gọi nhầm? Hoàn tác"],
  finish: ["Vừa hoàn tất", "Bấm nhầm? Hoàn tác"],
  "no-show": ["Vừa ghi vắng", "Bấm nhầm? Hoàn tác"],
};

/** The strip under the keys: what just happened, or the offer to take it back; never both, never another size. */
export function strip(page, time) {
  if (page.said) return { kind: "said", text: page.said };
  if (!undoable(page, time)) return { kind: "none", text: "" };
  const { verb, code } = page.console.undo;
  const [did, offer] = UNDO_WORDS[verb.replace("_", "-")] ?? UNDO_WORDS.finish;
  return { kind: "undo", text: `${did} ${code}`, offer };
}

/** A change of what a press would do, to whom; each makes the hands rest for REST_MS. */
export function signature(page, time) {
  const current = page.console?.current;
  // Waiting for an answer is not a state of the counter: a refusal that follows it must stay on the screen.
  return [big({ ...page, sent: null }, time).kind, current?.id, current?.state, current?.call_no, page.console?.counter.state].join(" ");
}

/** What is said in the strip when a command has succeeded; null when the screen itself says it. `before` is the console at the press. */
export function said(action, answer, before) {
  const code = action.code ?? "";
  const time = answer?.queue_time ? hhmmss(answer.queue_time) : "";
  switch (action.verb) {
    case "next":
      // Somebody was called after all: then the screen says whom.
      if (!answer?.finished || answer.id) return null;
      return `${answer.finished.code} ${action.body.outcome === "no_show" ? "đã ghi vắng" : "đã xong"}. Chưa có ai chờ.`;
    case "undo":
      return undoneWords(before, code);
    case "transfer": {
      const to = action.body.counter
        ? `đến ${nameOf(before.counters, action.body.counter, (c) => c.name.toLowerCase())}`
        : `sang ${nameOf(before.services, action.body.service, (s) => plainName(s.name))}`;
      const ahead = answer?.people_ahead ? `Còn ${people(answer.people_ahead)} trước.` : "Không ai chờ trước.";
      return `Đã chuyển ${code} ${to}, giữ giờ xếp hàng ${time}. ${ahead}`;
    }
    case "hold":
      return `Đã tạm giữ ${code}. Gọi lại từ thẻ Tạm giữ.`;
    case "release":
      return `${code} chờ tiếp, giữ giờ xếp hàng ${time}.`;
    case "rejoin":
      return `${code} đã quay lại, giờ xếp hàng ${time}.`;
    default:
      return null;
  }
}

const nameOf = (list, id, words) => {
  const found = list.find((one) => one.id === id);
  return found ? words(found) : id;
};

function undoneWords(before, code) {
  if (before.undo?.verb !== "call") return `Đã hoàn tác. ${code} lại ở quầy này.`;
  if (isHeard(before.current)) return `Đã hoàn tác. Loa đọc lời xin lỗi ${code}.`;
  return `Đã hoàn tác. ${code} về đúng chỗ cũ. Loa chưa đọc.`;
}

/** What leaving this counter means for the hall: a sentence when it is the last open one of a field, else null. */
export function orphaned(shown) {
  const elsewhere = new Set(shown.counters.filter((c) => c.id !== shown.counter.id && c.state === "open").flatMap((c) => c.services));
  const alone = shown.counter.services.filter((service) => !elsewhere.has(service));
  if (!alone.length) return null;
  const names = alone.map((service) => nameOf(shown.services, service, (s) => plainName(s.name)));
  const count = shown.waiting.filter((ticket) => alone.includes(ticket.service)).length;
  return `Lĩnh vực ${names.join(", ")} sẽ không còn quầy nào. ${count ? `${people(count)} đang chờ.` : "Chưa có ai chờ."}`;
}

/** What a typed letter or number means in a transfer: {body, name}, or null. The ticket's own field and counter are no targets. */
export function target(shown, typed) {
  // A Vietnamese keyboard may have turned a doubled D into Đ before it reaches the field.
  const text = typed.trim().toUpperCase().normalize("NFD").replace(/\p{M}/gu, "").replace("Đ", "D");
  if (!text) return null;
  const service = shown.services.find((s) => s.letter.toUpperCase() === text);
  if (service) return service.id === shown.current?.service ? null : { body: { service: service.id }, name: plainName(service.name) };
  const counter = shown.counters.find((c) => c.id.toUpperCase() === text || counterLabel(c.name) === text);
  if (!counter || counter.id === shown.counter.id) return null;
  return { body: { counter: counter.id }, name: counter.name };
}

/** The hall's clock time as the office writes it, "09:14". */
export const clockText = (time, at) => (at ? hhmm(isoAt(time.hallMs, offsetOf(at))) : "");
