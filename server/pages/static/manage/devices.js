/** What the manager's page says of the hall's equipment: pure. */
import { hhmm } from "../shared/clock.js";
import { unbroken } from "../shared/words.js";

export const KIND_NAMES = { kiosk: "Máy lấy số", display: "Màn hình", audio: "Loa" };
const PAPER = { ok: "còn giấy", low: "sắp hết giấy", near_end: "sắp hết giấy", out: "hết giấy", none: "hết giấy", offline: "không in được" };
/** As the server counts: two beats missed. */
const SILENT_S = 12;
const CLOCK_OFF_S = 60;
const ALARM_FIRST_S = 5;

/** "8 giây", "2 phút", "3 giờ 05" of seconds. */
export function lasting(seconds) {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) return unbroken(`${Math.max(0, Math.round(seconds))} giây`);
  if (minutes < 60) return unbroken(`${minutes} phút`);
  if (minutes < 48 * 60) return unbroken(`${Math.floor(minutes / 60)} giờ ${String(minutes % 60).padStart(2, "0")}`);
  return unbroken(`${Math.floor(minutes / 60 / 24)} ngày`);
}

const alive = (program) => program.connected && (program.seen_s_ago ?? 0) < SILENT_S;

function life(program) {
  if (alive(program)) return { words: "Đang nối", ok: true };
  if (program.seen_s_ago === null || program.seen_s_ago === undefined) return { words: "Chưa thấy từ khi bật máy chủ", ok: false };
  return { words: `Mất liên lạc ${lasting(program.seen_s_ago)}`, ok: false };
}

/** "nhanh 3 giây", "chậm 2 phút"; a second more or less is the way there. */
function clockOff(offset) {
  if (offset === null || offset === undefined) return "–";
  if (Math.abs(offset) < 2) return "đúng";
  return `${offset > 0 ? "nhanh" : "chậm"} ${lasting(Math.abs(offset))}`;
}

function program(what, own) {
  const { facts = {} } = own;
  const { words, ok } = life(own);
  const paper = ok ? (PAPER[facts.paper] ?? "") : "";
  const wrong = {
    paper: Boolean(paper) && facts.paper !== "ok",
    volume: ok && (facts.ok === false || facts.sound === "locked"),
    clock: Math.abs(own.clock_offset_s ?? 0) > CLOCK_OFF_S,
  };
  const volume = typeof facts.volume === "number" ? unbroken(`${Math.round(facts.volume)} %`) : wrong.volume ? "không phát" : "–";
  return {
    what,
    life: words,
    alive: ok,
    wrong,
    seen: own.seen_at ? hhmm(own.seen_at) : "–",
    paper: paper || "–",
    volume,
    clock: clockOff(own.clock_offset_s),
    version: own.version ?? "–",
    tone: !ok || Object.values(wrong).some(Boolean) ? "warn" : "done",
  };
}

/** A device's row: where it stands, and each of its programs. Revoked ones are not shown. */
export function devices(rows, places) {
  return rows
    .filter((row) => !row.revoked)
    .map((row) => {
      const own = program(row.kind === "kiosk" ? "Máy in" : KIND_NAMES[row.kind], row);
      const page = row.page && program("Màn hình", row.page);
      // Two keys at one kiosk: one may be the page's alone, and was never seen printing.
      const sibling = rows.some((other) => other !== row && !other.revoked && other.kind === "kiosk" && other.place === row.place);
      const programs = page && sibling && !row.seen_at ? [page] : [own, page].filter(Boolean);
      return {
        name: row.name,
        place: row.kind === "kiosk" ? (places.get(row.place) ?? row.place) : `${KIND_NAMES[row.kind] ?? row.kind} · ${places.get(row.place) ?? row.place}`,
        programs,
        tone: programs.some((one) => one.tone === "warn") ? "warn" : "done",
      };
    });
}

/** How many devices want somebody to look after them. */
export const ailing = (rows) => devices(rows, new Map()).filter((row) => row.tone === "warn").length;

/** What wants looking after: words, since when, what to do. */
export const alarms = (floor) =>
  (floor?.alarms ?? []).map((alarm) => ({
    id: `${alarm.kind} ${alarm.name}`,
    words: alarm.words,
    since: alarm.for_s < ALARM_FIRST_S ? `từ ${hhmm(alarm.since)}` : `từ ${hhmm(alarm.since)}, đã ${lasting(alarm.for_s)}`,
    todo: alarm.todo,
    urgent: alarm.urgent,
  }));

/** Where a new device's key is used: an address to open on it, or a command to start beside it. */
export function howToUse(made, site, origin) {
  const key = encodeURIComponent(made.key);
  if (made.kind === "audio") return [["Chạy trên máy có loa", `moiso audio --server ${origin} --key ${made.key}`]];
  const path = made.kind === "kiosk" ? "kiosk" : "display";
  const open = ["Mở địa chỉ này một lần trên máy", `${origin}/${path}/${encodeURIComponent(site)}/${encodeURIComponent(made.place)}#key=${key}`];
  if (made.kind === "display") return [open];
  return [open, ["Chạy bên cạnh máy in", `moiso kiosk --server ${origin} --key ${made.key} --printer network://ĐỊA-CHỈ-MÁY-IN:9100`]];
}

/** Where a device of a kind may stand, {id, name}: at a kiosk, in a hall, and a loudspeaker also in a zone of one. */
export function placesOf(site, kind) {
  if (kind === "kiosk") return site.kiosks;
  if (kind !== "audio") return site.halls;
  const zones = (hall) => (hall.zones ?? []).map((zone) => ({ id: `${hall.id}/${zone.id}`, name: `${hall.name} · ${zone.name}` }));
  return site.halls.flatMap((hall) => [hall, ...zones(hall)]);
}

/** A free name for a device at a place: the place itself, else with a number. */
export function freeName(place, rows) {
  const taken = new Set(rows.filter((row) => !row.revoked).map((row) => row.name));
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? place : `${place}-${number}`;
    if (!taken.has(name)) return name;
  }
}

/** A code as it is typed, in the form in which it is sent; null when it cannot be one. */
export function typedCode(text) {
  const code = text.toUpperCase().replace(/[\s-]/g, "");
  return /^[2-9A-Z]{6}$/.test(code) ? code : null;
}
