/** What the manager's page says, from the state of the floor: pure. */
import { hhmm } from "../shared/clock.js";
import { plainName, unbroken, waitRange } from "../shared/words.js";

export const ROLES = {
  clerk: "Cán bộ tại quầy",
  helper: "Người hướng dẫn",
  supervisor: "Phụ trách",
  inspector: "Thanh tra",
  admin: "Quản trị",
};
/** Which accounts a role may make and change; the server decides, the page only does not offer the rest. */
const OWN_ROLES = { supervisor: ["clerk", "helper"], admin: Object.keys(ROLES) };
const TABS = { supervisor: ["day", "checkup", "staff", "devices", "paper", "report"], admin: ["checkup", "staff", "devices", "paper"], inspector: ["report"], helper: ["paper"] };
export const TAB_NAMES = { day: "Hôm nay", checkup: "Kiểm tra", staff: "Cán bộ", devices: "Thiết bị", paper: "Phiếu in", report: "Báo cáo" };

export const rolesFor = (role) => OWN_ROLES[role] ?? [];
export const tabsFor = (role) => TABS[role] ?? [];
export const mayChange = (me, row) => rolesFor(me.role).includes(row.role) && row.name !== me.user && (row.site !== null || !me.site);

/** "12 phút", "2 giờ 05" of seconds. */
export function span(seconds) {
  const minutes = Math.floor(Math.max(0, seconds) / 60);
  if (minutes < 1) return "dưới 1\u00a0phút";
  if (minutes < 60) return unbroken(`${minutes} phút`);
  return unbroken(`${Math.floor(minutes / 60)} giờ ${String(minutes % 60).padStart(2, "0")}`);
}

const since = (floor, instant) => span((Date.parse(floor.at) - Date.parse(instant)) / 1000);

/** "16:30" of an instant; the end of the day is 24:00, not the next day's 00:00. */
export const clockTime = (instant, day) => (instant.slice(0, 10) > day && hhmm(instant) === "00:00" ? "24:00" : hhmm(instant));

const HOURS = { before: "Chưa mở cửa", open: "Đang mở cửa", lunch: "Nghỉ trưa", last_ticket_passed: "Đã ngừng cấp số", closed: "Đã đóng cửa", holiday: "Hôm nay nghỉ" };

/** State of the office's hours, and its times. */
export function hours(floor) {
  const { hours, day } = floor;
  const parts = [];
  if (hours.last_ticket) parts.push(`cấp số đến ${clockTime(hours.last_ticket, day)}`);
  if (hours.closes) parts.push(`đóng cửa ${clockTime(hours.closes, day)}`);
  return { state: HOURS[hours.state], times: parts.join(" · "), open: hours.state === "open", changed: floor.changed_hours };
}

/** "16:30" of what a person types: "16:30", "16h30", "1630", "9h"; null when it is no time of day. */
export function typedTime(text) {
  const found = /^\s*(\d{1,2})\s*(?:[:hg.]\s*(\d{2})?|(\d{2}))?\s*$/i.exec(text);
  if (!found) return null;
  const [hour, minute] = [Number(found[1]), Number(found[2] ?? found[3] ?? 0)];
  if (hour > 23 || minute > 59) return null;
  return `${String(hour).padStart(2, "0")}:${String(minute).padStart(2, "0")}`;
}

/** A time of today as an instant of the site's zone. */
export const todayAt = (floor, time) => `${floor.day}T${time}:00${/([+-]\d\d:\d\d|Z)$/.exec(floor.at)[1]}`;

const STATES = { called: "đã gọi", serving: "đang phục vụ" };

export function services(floor) {
  return floor.services.map((service) => {
    const seats = floor.counters.filter((counter) => counter.services.includes(service.id));
    const nobody = service.count > 0 && !seats.some((counter) => counter.state === "open");
    return {
      id: service.id,
      letter: service.letter,
      name: plainName(service.name),
      count: service.count,
      longest: service.longest_s === null || service.longest_s === undefined ? "" : span(service.longest_s),
      wait: service.count && service.wait ? waitRange(service.wait) : "",
      stopped: service.stopped,
      state: service.stopped ? "Đã dừng cấp số" : service.open ? "Đang cấp số" : (service.closed_reason ?? "Không cấp số"),
      tone: service.open ? "done" : service.stopped ? "warn" : "",
      warning: nobody ? "Có người chờ, không quầy nào đang mở" : null,
    };
  });
}

/** How today's forecasts have turned out so far, in one sentence; the range is made to hold for eight of ten. */
export function foretold({ forecasts: { told, inside, mean_error_s: error } }) {
  if (!told) return "Ước lượng giờ chờ: hôm nay chưa có lượt nào để so.";
  const share = Math.round((inside / told) * 100);
  return `Ước lượng giờ chờ: ${inside} trong ${told} người được gọi trong khoảng đã báo (${unbroken(`${share} %`)}, cần 80\u00a0%), lệch trung bình ${minutes(error)}.`;
}

export function counters(floor) {
  const letters = new Map(floor.services.map((service) => [service.id, service.letter]));
  const names = new Map(floor.services.map((service) => [service.id, plainName(service.name)]));
  return floor.counters.map((counter) => {
    const words = { closed: "Đóng", open: "Đang mở", paused: "Tạm nghỉ" }[counter.state];
    const about = counter.state === "closed" ? [] : [counter.clerk_name ?? counter.clerk, counter.since && `từ ${hhmm(counter.since)}`, counter.reason];
    return {
      id: counter.id,
      name: unbroken(counter.name),
      state: counter.state,
      words,
      about: about.filter(Boolean).join(" · "),
      letters: counter.services.map((id) => letters.get(id) ?? id).join(" "),
      services: counter.services,
      ticket: counter.ticket ?? null,
      code: counter.code ?? null,
      back: counter.ticket_service ?? null,
      backName: names.get(counter.ticket_service) ?? "",
      at: counter.code ? `${STATES[counter.ticket_state] ?? ""}${counter.called_at ? `, ${since(floor, counter.called_at)}` : ""}` : "",
    };
  });
}

export function longest(floor) {
  const names = new Map(floor.services.map((service) => [service.id, plainName(service.name)]));
  return floor.longest.map((one) => ({
    ticket: one.ticket,
    code: one.code,
    field: names.get(one.service) ?? one.service,
    since: hhmm(one.since),
    waited: span(one.waited_s),
  }));
}

/** A first password that is easily read out: digits only, in three groups. */
export function firstPassword() {
  const digits = Array.from(crypto.getRandomValues(new Uint32Array(9)), (number) => number % 10).join("");
  return digits.replace(/(\d{3})(?=\d)/g, "$1-");
}

const minutes = (seconds) => (seconds === null || seconds === undefined ? "–" : unbroken(`${Math.round(seconds / 60)} phút`));

/** The report's first numbers, as label and value. */
export const numbers = (report) => [
  ["Số đã cấp", report.issued],
  ["Đã phục vụ", report.served],
  ["Đang chờ", report.states.waiting ?? 0],
  ["Vắng", report.missed],
  ["Chờ trung bình", minutes(report.waits.mean_s)],
  ["9 trong 10 người chờ không quá", minutes(report.waits.p90_s)],
  ["Chờ lâu nhất", minutes(report.waits.max_s)],
  ["Phục vụ trung bình", minutes(report.service_times.mean_s)],
  ["Gọi không theo thứ tự", report.out_of_order.length],
];

export const byService = (report) =>
  report.services.map((row) => [`${row.letter} · ${plainName(row.name)}`, row.issued, row.calls, minutes(row.waits.mean_s), minutes(row.waits.max_s)]);

export const byCounter = (report) =>
  report.counters.map((row) => [unbroken(row.name), row.served, row.missed, minutes(row.service_times.mean_s), unbroken(`${Math.round(row.open_min)} phút`)]);
