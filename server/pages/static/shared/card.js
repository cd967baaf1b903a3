/**
 * A citizen card's QR code. All pure.
 *
 * Fields with `|` between: number | old number or nothing | name | birth date | sex | address | date of issue, and perhaps more; some
 * readers and apps leave the old number out. The code is not signed and can be copied: it proves nothing, and nothing is decided by it but
 * a proposal. The name, the sex and the address are never looked at.
 */

const FEWEST_FIELDS = 5;
const OLDEST = 130;

/**
 * @param {string} text as read
 * @returns {{number: string, born: {year: number, month: number, day: number}}|null} month and day are 0 where only the year is known;
 *   null when it is no card
 */
export function cardIn(text) {
  const fields = text.split("|").map((field) => field.trim());
  if (fields.length < FEWEST_FIELDS || !/^\d{12}$/.test(fields[0])) return null;
  const withOld = fields[1] === "" || /^\d{9}$/.test(fields[1]);
  const born = birth(fields[withOld ? 3 : 2] ?? "");
  return born && { number: fields[0], born };
}

/** Whether a text has the shape of a card, readable or not. */
export const looksLikeCard = (text) => text.split("|").length >= FEWEST_FIELDS;

/** `01011999`, `01/01/1999`; older people's cards may hold the year alone. */
function birth(text) {
  const found = /^(?:(\d\d)[/.-]?(\d\d)[/.-]?)?(\d{4})$/.exec(text);
  if (!found) return null;
  const [day, month, year] = [Number(found[1] ?? 0), Number(found[2] ?? 0), Number(found[3])];
  if (!day && !month) return { year, month: 0, day: 0 };
  const real = new Date(Date.UTC(year, month - 1, day));
  return real.getUTCMonth() === month - 1 && real.getUTCDate() === day ? { year, month, day } : null;
}

/**
 * Whole years on a day; null where they cannot be a person's.
 * @param {string} today "2026-11-20", the hall's own date
 */
export function ageOn({ year, month, day }, today) {
  const [nowYear, nowMonth, nowDay] = today.split("-").map(Number);
  const before = month && (nowMonth < month || (nowMonth === month && nowDay < day));
  const age = nowYear - year - (before ? 1 : 0);
  return age >= 0 && age <= OLDEST ? age : null;
}
