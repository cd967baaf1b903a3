/**
 * What the console reads out of a state, line by line: the person at the counter, the rows of the list, the status bar. Pure.
 */
import { hhmm, hhmmss } from "../shared/clock.js";
import { people, plainName, unbroken } from "../shared/words.js";
import { COUNTED_MS, isHeard, minutesSince, realSince, SPEAK_MS, SPOKEN_MS } from "./model.js";

const LANGUAGES = { en: "Tiếng Anh", zh: "Tiếng Trung", ko: "Tiếng Hàn", ja: "Tiếng Nhật" };
const TERMS = {
  walk_in: "Lấy số tại chỗ",
  priority: "Ưu tiên",
  registered: "Lấy số qua mạng",
  rejoined: "Quay lại sau khi vắng",
};
const NB = "\u00a0";

const capital = (text) => text.slice(0, 1).toUpperCase() + text.slice(1);
const fieldOf = (ticket) => plainName(ticket.service_name ?? ticket.service);

/** Why the ticket has its place, without anything about the person. */
function termOf(ticket) {
  if (ticket.slot) return `Có hẹn ${hhmm(ticket.slot)}`;
  return TERMS[ticket.reason?.term] ?? "Lấy số tại chỗ";
}

function elapsed(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/**
 * The card of the ticket at the counter: {code, title, about, detail, call: {tone, text}, startable}; null when the counter is free.
 * `procedures` names them by id.
 */
export function present(page, time, procedures) {
  const ticket = page.console?.current;
  if (!ticket) return null;
  const waited = minutesSince(ticket.issued_at, Date.parse(ticket.first_called_at ?? ticket.called_at));
  const times = ticket.call_no > 1 ? `đã${NB}gọi ${ticket.call_no}${NB}lần,${NB}` : `đã${NB}gọi${NB}`;
  const detail = [termOf(ticket), unbroken(`giờ xếp hàng ${hhmmss(ticket.queue_time)}`)];
  if (ticket.state === "called") detail.push(`${times}${elapsed(realSince(ticket.called_at, time))}`);
  return {
    code: ticket.code,
    title: `${fieldOf(ticket)} · chờ ${waited}${NB}phút`,
    about: [procedures?.get(ticket.procedure), LANGUAGES[ticket.lang]].filter(Boolean).join(" · "),
    detail: detail.join(" · "),
    call: ticket.state === "called" ? callState(page, ticket, time) : served(ticket, time),
    startable: ticket.state === "called",
  };
}

function served(ticket, time) {
  const since = ticket.started_at ?? ticket.called_at;
  return { tone: "done", text: `Đã đến lúc ${hhmm(since)} · đang phục vụ ${minutesSince(since, time.hallMs)}${NB}phút` };
}

/**
 * What became of the call in the hall, from how many loudspeakers have played it and how long ago it was: {tone, text}.
 * A loudspeaker that is alive and silent was too late; one that is registered and not there does not answer.
 */
export function callState(page, ticket, time) {
  const { speakers = 0, displays = 0, alerts = [] } = page.console.devices ?? {};
  const age = realSince(ticket.called_at, time);
  const { heard } = ticket;
  const lost = (kind) => alerts.filter((alert) => alert.kind === "silent" && alert.device === kind).length;
  if (isHeard(ticket) && (heard.speakers >= heard.of || age > COUNTED_MS)) {
    const spoke = age > COUNTED_MS ? "" : ` · loa${NB}${heard.speakers}/${Math.max(heard.of, heard.speakers)}`;
    const screens = displays ? ` · màn${NB}hình${NB}${displays}/${displays + lost("display")}` : "";
    return { tone: "done", text: `Đã phát ${hhmmss(heard.at)}${spoke}${screens}` };
  }
  if (!page.connected) return { tone: "wait", text: "Chưa biết loa đã phát hay chưa." };
  if (heard?.quiet && displays) return { tone: "wait", text: "Giờ yên lặng: chỉ hiện trên màn hình." };
  if (heard?.quiet) return { tone: "warn", text: "Giờ yên lặng và không có màn hình. Xin gọi trực tiếp." };
  if (isHeard(ticket)) {
    if (age < SPEAK_MS) return { tone: "wait", text: `Đang phát… loa${NB}${heard.speakers}/${heard.of}` };
    return { tone: "warn", text: `Chỉ ${heard.speakers}/${heard.of} loa phát được. Bấm${NB}G để gọi lại.` };
  }
  // An office may do without a voice; without a voice and without a screen nobody learns of the call.
  if (!speakers && !displays) return { tone: "warn", text: "Không có loa và màn hình nào đang nối. Xin gọi trực tiếp." };
  if (!speakers && lost("audio")) return { tone: "warn", text: "Loa không trả lời. Số vẫn hiện trên màn hình. Xin gọi trực tiếp." };
  if (!speakers) return { tone: "wait", text: "Không có loa. Số hiện trên màn hình." };
  if (age < SPOKEN_MS) return { tone: "wait", text: "Đang phát…" };
  return { tone: "warn", text: `Không phát vì đã trễ 20${NB}giây. Số vẫn hiện trên màn hình.` };
}

/** One row: {id, code, field, queueTime, waited, why}; `counters` of the console name where it came from. */
export function row(ticket, time, counters) {
  return {
    id: ticket.id,
    code: ticket.code,
    field: ticket.transferred_from ? `${fieldOf(ticket)} (chuyển)` : fieldOf(ticket),
    queueTime: hhmmss(ticket.queue_time),
    // A ticket that came back has not waited since it was issued.
    waited: ticket.reason?.term === "rejoined" ? "—" : `${minutesSince(ticket.issued_at, time.hallMs)}${NB}ph`,
    why: whyOf(ticket, counters),
    calledAt: ticket.called_at ? hhmm(ticket.called_at) : "",
    rejoins: ticket.rejoins_left,
  };
}

function whyOf(ticket, counters) {
  const from = ticket.transferred_from;
  if (from) {
    const name = counters?.find((counter) => counter.id === from)?.name ?? from;
    return `Chuyển từ ${unbroken(name.replace(/^Quầy/, "quầy"))}, giữ giờ xếp hàng`;
  }
  return capital(ticket.reason?.words ?? "").replace(/(\d+) phút/g, `$1${NB}phút`);
}

/** The two times that put one row before another, in words; null without a row before it. */
export function compared(first, second) {
  if (!first || !second) return null;
  const [a, b] = [hhmmss(first.queue_time), hhmmss(second.queue_time)];
  if (a === b) return `${first.code} trước ${second.code} vì cùng giờ xếp hàng ${a}, ${first.code} vào hàng trước.`;
  return `${first.code} trước ${second.code} vì ${a} sớm hơn ${b}.`;
}

/** The heads of the three lists. */
export function tabs(shown) {
  return [
    { id: "waiting", text: `Chờ quầy này: ${people(shown?.waiting_count ?? 0)}` },
    { id: "missed", text: `Vắng ${shown?.missed.length ?? 0}` },
    { id: "held", text: `Tạm giữ ${shown?.held.length ?? 0}` },
  ];
}

/** The status bar: word, shape and colour for server, loudspeakers, screens and kiosks. */
export function status(page) {
  const devices = page.console?.devices;
  const alarm = (text) => ({ tone: "warn", shape: "alarm", text });
  if (!page.connected) return [alarm("Mất kết nối")];
  const items = [{ tone: "done", shape: "dot", text: "Đang nối máy chủ" }];
  if (!devices) return items;
  items.push({ tone: "", text: devices.speakers ? `Loa ${devices.speakers}` : "Không có loa" });
  items.push(devices.displays ? { tone: "", text: `Màn hình ${devices.displays}` } : alarm("Không có màn hình"));
  items.push({ tone: "", text: devices.kiosks ? `Máy lấy số ${devices.kiosks}` : "Không có máy lấy số" });
  return items;
}

/** What of the hall's equipment wants looking after: the first in words with what to do, and how many more; null while all is well. */
export function care(page) {
  const alerts = (page.connected && page.console?.devices?.alerts) || [];
  if (!alerts.length) return null;
  return { text: alerts[0].words, todo: alerts[0].todo ?? "", more: alerts.slice(1).map((alert) => alert.words) };
}
