/**
 * How the office writes numbers, waits, times and lists, in Vietnamese and English.
 *
 * No-break spaces keep a number with its unit: a line that ends in "30" and goes on with "phút" is read wrongly from afar.
 */
import { hhmm, partsOf } from "./clock.js";

const NB = "\u00a0";
const WEEKDAYS = {
  vi: ["Chủ nhật", "thứ Hai", "thứ Ba", "thứ Tư", "thứ Năm", "thứ Sáu", "thứ Bảy"],
  en: ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"],
};
const two = (number) => String(number).padStart(2, "0");

/** Replace the spaces of a text that must not be broken. */
export const unbroken = (text) => String(text).replaceAll(" ", NB);

/** "5 người" / "5 people". */
export function people(count, lang = "vi") {
  if (lang === "en") return unbroken(count === 1 ? "1 person" : `${count} people`);
  return unbroken(`${count} người`);
}

/**
 * A wait on a screen, always a range in minutes: low rounded down to 5, high up to 5.
 * @param {{low_s: number, high_s: number}|null} wait seconds
 */
export function waitRange(wait, lang = "vi") {
  const en = lang === "en";
  if (!wait) return unbroken(en ? "wait not known yet" : "chưa ước được giờ");
  const low = Math.floor(wait.low_s / 300) * 5;
  const high = Math.max(Math.ceil(wait.high_s / 300) * 5, low + 5);
  if (low >= 90) return unbroken(en ? "over 90 min" : "trên 90 phút");
  return unbroken(en ? `${low}–${high} min` : `${low}–${high} phút`);
}

/**
 * One line about a field's waiting people: "5 người · 15–25 phút", or that nobody waits.
 * @param {{low_s: number, high_s: number}|null|undefined} wait null: not known for this field; undefined: this office makes no forecast
 */
export function waiting(count, wait, lang = "vi") {
  if (!count) return unbroken(lang === "en" ? "Nobody waiting" : "Không ai chờ");
  if (wait === undefined) return unbroken(lang === "en" ? `${people(count, lang)} waiting` : `${people(count, lang)} chờ`);
  return `${people(count, lang)} · ${waitRange(wait, lang)}`;
}

/**
 * The waits of a board's rows as `waiting` wants them. An office without any forecast does not say "not known" eight times over.
 * @returns {Map<string, object|null|undefined>} by service id
 */
export function waits(rows) {
  const any = rows.some((row) => row.wait);
  return new Map(rows.map((row) => [row.service, row.wait ?? (any ? null : undefined)]));
}

/** The clock times between which a number will probably be called: "08:30–08:45"; null without a forecast. */
export function expectedTimes(at, wait) {
  if (!wait) return null;
  const stamp = Date.parse(at);
  const low = Math.floor((stamp + wait.low_s * 1000) / 300000) * 300000;
  const high = Math.max(Math.ceil((stamp + wait.high_s * 1000) / 300000) * 300000, low + 300000);
  const zone = /([+-]\d\d:?\d\d)$/.exec(at)?.[1] ?? "Z";
  const shown = (ms) => hhmm(shifted(ms, zone));
  return `${shown(low)}–${shown(high)}`;
}

function shifted(ms, zone) {
  const minutes = zone === "Z" ? 0 : (zone[0] === "-" ? -1 : 1) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2)));
  return `${new Date(ms + minutes * 60000).toISOString().slice(0, 19)}${zone}`;
}

/** "3, 4 hoặc 5" of a list of labels. */
export function oneOf(labels, lang = "vi") {
  if (labels.length < 2) return labels.join("");
  const or = lang === "en" ? "or" : "hoặc";
  return unbroken(`${labels.slice(0, -1).join(", ")} ${or} ${labels.at(-1)}`);
}

/** What stands for a counter on a wall: its name without the word the heads already carry ("Quầy 3" gives "3"). */
export const counterLabel = (name) => String(name).replace(/^quầy(\s|\u00a0)+/i, "");

/** "thứ Hai 23/11/2026", or without the year when `short`. */
export function date(instant, lang = "vi", short = false) {
  const { year, month, day, weekday } = partsOf(instant);
  const numbers = short ? `${two(day)}/${two(month)}` : `${two(day)}/${two(month)}/${year}`;
  return unbroken(`${WEEKDAYS[lang === "en" ? "en" : "vi"][weekday]} ${numbers}`);
}

/** "08:12" of an instant, or of a time of day that is written so already. */
export const clockTime = (value) => (/^\d\d:\d\d$/.test(value) ? value : hhmm(value));

/** "07:30 thứ Hai 23/11", or only "13:30" when it is on the day of `now`. */
export function nextTime(instant, now, lang = "vi") {
  if (!instant) return "";
  if (now && instant.slice(0, 10) === now.slice(0, 10)) return hhmm(instant);
  return `${hhmm(instant)} ${date(instant, lang, true)}`;
}

/** A name as parts between which a line may best break: a "|" in the name marks the place. */
export const nameParts = (name) => String(name).split("|").map((part) => part.trim());

/** A name in one line, without the mark of the preferred break. */
export const plainName = (name) => String(name).replaceAll("|", "");

/** The name of a service in a language. */
export const serviceName = (service, lang = "vi") => (lang === "en" && service.name_en ? service.name_en : service.name);
