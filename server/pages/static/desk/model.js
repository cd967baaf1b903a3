/** What the helper's desk knows and says. All pure. */
import { ageOn } from "../shared/card.js";
import { hhmm, hhmmss } from "../shared/clock.js";
import { scanned } from "../shared/reading.js";
import { counterLabel, date, oneOf, people, waitRange, waits } from "../shared/words.js";

export const UNREAD = "Không đọc được mã này. Mời gõ mã hẹn 7\u00a0số, hoặc số trên phiếu.";
export const WRONG_DIGIT = "Có số chưa đúng. Xin xem lại mã\u00a0hẹn.";
export const NO_CARDS = "Ở đây không dùng thẻ.";
export const ELSEWHERE = "Phiếu này không phải của nơi đây.";

/**
 * What was read or typed asks for.
 * @param {string|null} text null: too long to be any code
 * @returns {{find: string}|{checkIn: string}|{card: object}|{say: string}} `find`: a path below the site
 */
export function asked(text, site) {
  const booking = site.services.some((service) => service.bookable);
  const read = text === null ? null : scanned(text, booking);
  if (read?.card) return site.kiosks.some((kiosk) => kiosk.cards) ? { card: read.card } : { say: NO_CARDS };
  if (read?.id) return { find: `/tickets/${encodeURIComponent(read.id)}` };
  if (read?.code) return { find: `/tickets?code=${encodeURIComponent(read.code)}` };
  if (read?.appointment) return { checkIn: read.appointment };
  return { say: read?.misread ? WRONG_DIGIT : UNREAD };
}

/** The group for which a card speaks; null when it says nothing. */
export function groupByCard({ born }, site) {
  const age = ageOn(born, site.day);
  const fit = site.priority_groups.filter((group) => age !== null && group.from_age && age >= group.from_age);
  return fit.sort((one, other) => other.from_age - one.from_age)[0] ?? null;
}

/** The fields with what waits for each, from the boards of all halls. */
export function fieldsOf(site, boards) {
  const rows = boards.flatMap((board) => board.waiting);
  const forecast = waits(rows);
  return site.services.map((service) => {
    const row = rows.find((one) => one.service === service.id);
    const open = row?.open ?? service.open ?? true;
    const count = row?.count ?? 0;
    const wait = forecast.get(service.id);
    const line = count ? `Chờ ${people(count)}${wait === undefined ? "" : ` · ${waitRange(wait)}`}` : "Không ai chờ";
    return { service, open, line: open ? line : (service.closed_reason ?? "Hết nhận số") };
  });
}

const where = (ticket, site) =>
  oneOf((ticket.counters ?? []).map((id) => counterLabel(site.counters.find((one) => one.id === id)?.name ?? id)));

/** A ticket in sentences for the one who stands there. */
export function about(ticket, site) {
  const at = ticket.counter ? counterLabel(site.counters.find((one) => one.id === ticket.counter)?.name ?? ticket.counter) : "";
  if (ticket.day !== site.day) return [`Phiếu của ${date(`${ticket.day}T12:00:00Z`, "vi", true)}, không phải hôm nay.`];
  switch (ticket.state) {
    case "waiting":
      return [
        ticket.people_ahead ? `Đang chờ. Còn ${people(ticket.people_ahead)} trước.` : "Đang chờ. Không còn ai trước.",
        `Giờ xếp hàng ${hhmmss(ticket.queue_time)} (${ticket.reason.words}).`,
        where(ticket, site) ? `Gọi ở quầy ${where(ticket, site)}.` : "",
      ].filter(Boolean);
    case "called":
      return [`Đang được gọi. Mời đến quầy ${at} ngay.`];
    case "serving":
      return [`Đang được phục vụ ở quầy ${at}.`];
    case "held":
      return ["Đang được giữ chỗ. Cán bộ sẽ gọi lại."];
    case "no_show":
      return [`Đã được gọi lúc ${hhmm(ticket.called_at)} mà chưa đến.`, ticket.rejoins_left ? "Không cần lấy số mới." : "Mời lấy số mới."];
    case "done":
      return ["Đã làm xong."];
    case "cancelled":
      return ["Đã trả lại."];
    default:
      return ["Đã hết hiệu lực."];
  }
}

/** What a helper may do for a ticket. */
export function offers(ticket, site) {
  if (ticket.day !== site.day) return [];
  const offered = [];
  if (ticket.state === "no_show" && ticket.rejoins_left) offered.push({ verb: "rejoin", words: "Quay lại hàng", main: true });
  if (["waiting", "called", "serving", "held", "no_show"].includes(ticket.state) && site.kiosks.length) {
    offered.push({ verb: "reprint", words: "In lại phiếu" });
  }
  return offered;
}
