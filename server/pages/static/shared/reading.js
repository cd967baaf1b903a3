/**
 * What a text is that a reader read or somebody typed: a ticket, an appointment, a card. All pure.
 *
 * An appointment's short code is 6 digits and their check digit, spoken and typed; the long one has 11 more and stands in links and QR
 * codes only.
 */
import { cardIn, looksLikeCard } from "./card.js";

export const SHORT = 7;
const LONG = 18;

// H. M. Damm's table of order 10 (2004): every single wrong digit and every swap of neighbours leaves it elsewhere than at 0.
const DAMM = ["0317598642", "7092154863", "4206871359", "1750983426", "6123045978", "3674209581", "5869720134", "8945362017", "9438617205", "2581436790"];

/** Whether the last digit checks the ones before it. */
export const checks = (digits) => [...digits].reduce((row, digit) => Number(DAMM[row][digit]), 0) === 0;

/**
 * The code in a reading: the digits themselves, or at the end of an address; spaces, dots and dashes are nothing.
 * @returns {{appointment: string}|{misread: true}|null} null when it is no code of an appointment at all
 */
export function appointmentIn(text) {
  const tail = /(?:^|[/=])([\d\s.\-]+)\/?$/.exec(text.trim());
  const digits = tail?.[1].replace(/\D/g, "") ?? "";
  if (digits.length !== SHORT && digits.length !== LONG) return null;
  const right = checks(digits.slice(0, SHORT)) && (digits.length === SHORT || checks(digits.slice(SHORT)));
  return right ? { appointment: digits } : { misread: true };
}

/**
 * What a scanner or a keyboard read: the id behind a ticket's QR, a ticket's code, a citizen's card, or an appointment's code where the
 * office has any.
 * @returns {{id: string}|{code: string}|{card: object}|{appointment: string}|{misread: true}|null} null when it is none of them
 */
export function scanned(text, booking) {
  const behind = /\/t\/([\w-]{8,64})\/?$/i.exec(text.trim());
  // With Caps Lock on a reader writes capitals; an id of ours has none.
  if (behind) return { id: /^[\da-f]+$/i.test(behind[1]) ? behind[1].toLowerCase() : behind[1] };
  const code = /^([a-z])\s?(\d{1,4})$/i.exec(text.trim());
  if (code) return { code: `${code[1].toUpperCase()}${code[2].padStart(3, "0")}` };
  if (looksLikeCard(text)) {
    const card = cardIn(text);
    return card && { card };
  }
  return booking ? appointmentIn(text) : null;
}
