/**
 * What the kiosk says, in Vietnamese and English. Wording of the screen brief: "ông/bà" or no pronoun, one idea a sentence;
 * bad news says what happened, what stays valid and what to do now.
 */
import { clockTime, nextTime, people, plainName, serviceName, waitRange } from "/static/shared/words.js";

const TEXTS = {
  vi: {
    homeQuestion: "Ông/bà cần gì?",
    take: "Lấy số",
    priority: "Lấy số ưu tiên",
    result: "Nhận kết quả",
    resultHint: "Có giấy hẹn trả kết quả",
    fieldQuestion: "Làm thủ tục gì?",
    fieldHint: "Chạm một ô để lấy số",
    resultQuestion: "Nhận kết quả nào?",
    priorityQuestion: "Ông/bà thuộc diện nào?",
    priorityNone: "Không thuộc diện nào",
    priorityFoot: "Cán bộ có thể hỏi lại. Phiếu không ghi lý do.",
    back: "Quay lại",
    more: "Xem thêm lĩnh vực",
    moreFirst: "Về trang đầu",
    page: (page, pages) => `Trang ${page}/${pages}`,
    otherLanguage: "English",
    large: "Chữ to",
    normal: "Chữ nhỏ",
    low: "Nút thấp",
    high: "Nút cao",
    rules: "Quy định gọi số",
    hotline: "Hỏi đáp",
    rulesShort: "Quy định",
    fieldClosed: "Hết nhận số",
    fieldClosedAdvice: "Mời chọn việc khác, hoặc hỏi bàn hướng dẫn.",
    numberTitle: "Số của ông/bà",
    counters: (list) => `quầy ${list}`,
    ahead: "Chờ trước",
    aheadNobody: "Không ai chờ trước",
    expected: "Dự kiến gọi",
    queueTime: "Giờ xếp hàng",
    mixed: "Người có hẹn, người ưu tiên có thể được gọi xen vào.",
    appointment: (time) => `CÓ HẸN ${time}`,
    priorityMark: "ƯU TIÊN",
    paper: (place) => `Mời lấy phiếu ở khe ${place}`,
    done: "Xong",
    sending: "Đang lấy số…",
    stillSending: "Vẫn đang lấy số. Xin chờ, không cần chạm lại.",
    away: "Máy đang mất kết nối.",
    awayAdvice: "Mời lấy số tại bàn hướng dẫn.",
    awayKept: "Ai đã có số vẫn được gọi đúng thứ tự.",
    tryAgain: "Thử lại",
    otherField: "Chọn việc khác",
    leave: "Về trang đầu",
    notTaken: "Chưa lấy được số.",
    moreTimeQuestion: "Ông/bà cần thêm thời gian không?",
    moreTime: "Tôi cần thêm thời gian",
    startOver: "Bắt đầu lại",
    returnsIn: (seconds) => `Tự quay về sau ${seconds} giây.`,
    unpaired: "Máy này chưa được ghép.",
    unpairedAdvice: "Mời gọi quản trị.",
    unknownKiosk: (id) => `Bộ phận này không có máy “${id}”.`,
    unknownSite: (id) => `Máy chủ này không có bộ phận “${id}”.`,
    starting: "Máy đang khởi động.",
  },
  en: {
    homeQuestion: "What do you need?",
    take: "Take a number",
    priority: "Priority number",
    result: "Collect a result",
    resultHint: "With a result appointment slip",
    fieldQuestion: "Which service?",
    fieldHint: "Touch one to take a number",
    resultQuestion: "Which result?",
    priorityQuestion: "Which applies to you?",
    priorityNone: "None of these",
    priorityFoot: "Staff may ask. The ticket does not say why.",
    back: "Back",
    more: "More services",
    moreFirst: "First page",
    page: (page, pages) => `Page ${page} of ${pages}`,
    otherLanguage: "Tiếng Việt",
    large: "Large text",
    normal: "Small text",
    low: "Low buttons",
    high: "High buttons",
    rules: "How numbers are called",
    hotline: "Questions",
    rulesShort: "The rule",
    fieldClosed: "No more numbers",
    fieldClosedAdvice: "Please choose another service, or ask at the help desk.",
    numberTitle: "Your number",
    counters: (list) => `counter ${list}`,
    ahead: "Waiting before you",
    aheadNobody: "Nobody before you",
    expected: "Expected call",
    queueTime: "Queue time",
    mixed: "People with appointments or priority may be called in between.",
    appointment: (time) => `APPOINTMENT ${time}`,
    priorityMark: "PRIORITY",
    paper: (place) => `Please take your ticket ${place}`,
    done: "Done",
    sending: "Getting your number…",
    stillSending: "Still getting your number. Please wait, no need to touch again.",
    away: "This kiosk has no connection.",
    awayAdvice: "Please take a number at the help desk.",
    awayKept: "Numbers already taken are called in their order.",
    tryAgain: "Try again",
    otherField: "Choose another",
    leave: "To the first page",
    notTaken: "No number was taken.",
    moreTimeQuestion: "Do you need more time?",
    moreTime: "I need more time",
    startOver: "Start again",
    returnsIn: (seconds) => `Returns by itself in ${seconds} s.`,
    unpaired: "This kiosk is not paired yet.",
    unpairedAdvice: "Please call the administrator.",
    unknownKiosk: (id) => `This office has no kiosk “${id}”.`,
    unknownSite: (id) => `This server has no office “${id}”.`,
    starting: "The kiosk is starting.",
  },
};

/** The catalogue of a language; Vietnamese for any other. */
export const texts = (lang) => TEXTS[lang] ?? TEXTS.vi;

const SLOTS = {
  vi: { bottom: "bên dưới", below: "bên dưới", top: "bên trên", above: "bên trên", left: "bên trái", right: "bên phải" },
  en: { bottom: "below", below: "below", top: "above", above: "above", left: "on the left", right: "on the right" },
};

/** Where the paper comes out, in words. */
export const slot = (position, lang) => (SLOTS[lang] ?? SLOTS.vi)[position] ?? (SLOTS[lang] ?? SLOTS.vi).bottom;

/** The line under the office's name: until when numbers are given. */
export function issuingLine(hours, lang) {
  const last = hours.last_ticket ? clockTime(hours.last_ticket) : null;
  if (lang === "en") return last ? `Taking numbers until ${last}` : "Taking numbers";
  return last ? `Đang cấp số – đến ${last}` : "Đang cấp số";
}

/** What the home and field screens say when the office is not simply open; empty when it is. Names a next time where there is one. */
export function hoursSentence(hours, now, lang) {
  const again = hours.next_open ? nextTime(hours.next_open, now, lang) : "";
  const last = hours.last_ticket ? clockTime(hours.last_ticket) : "";
  const first = hours.first_ticket ?? hours.opens ?? hours.next_open;
  if (lang === "en") {
    const reopen = again ? ` Open again ${again}.` : "";
    switch (hours.state) {
      case "before":
        return hours.issuing ? `Work starts at ${clockTime(hours.opens)}.` : `Too early for numbers.${first ? ` Numbers from ${clockTime(first)}.` : ""}`;
      case "lunch":
        return `Lunch break${again ? `, back at ${again}` : ""}. Morning numbers stay valid.`;
      case "last_ticket_passed":
        return `No more numbers today${last ? ` (until ${last})` : ""}. Everybody with a number will be served.${reopen}`;
      case "closed":
        return `Closed now.${reopen}`;
      case "holiday":
        return `Closed today for a holiday.${reopen}`;
      default:
        return "";
    }
  }
  const reopen = again ? ` Mở lại ${again}.` : "";
  switch (hours.state) {
    case "before":
      if (hours.issuing) return `Bắt đầu tiếp dân lúc ${clockTime(hours.opens)}.`;
      return `Chưa đến giờ lấy số.${first ? ` Bắt đầu cấp số lúc ${clockTime(first)}.` : ""}`;
    case "lunch":
      return `Đang nghỉ trưa${again ? `, làm việc lại lúc ${again}` : ""}. Số buổi sáng vẫn giữ nguyên.`;
    case "last_ticket_passed":
      return `Đã hết giờ cấp số hôm nay${last ? ` (${last})` : ""}. Ai đã có số vẫn được phục vụ.${reopen}`;
    case "closed":
      return hours.reason ?? `Hết giờ làm việc.${reopen}`;
    case "holiday":
      return hours.reason ?? `Hôm nay nghỉ.${reopen}`;
    default:
      return "";
  }
}

/**
 * How many wait for a field and how long that may take: "Chờ 5 người · 15–25 phút".
 * @param {object|null|undefined} wait as `waits` of words.js gives it
 */
export function queueLine(count, wait, lang) {
  if (!count) return lang === "en" ? "Nobody waiting" : "Không ai chờ";
  const range = wait === undefined ? "" : ` · ${waitRange(wait, lang)}`;
  return lang === "en" ? `${people(count, lang)} waiting${range}` : `Chờ ${people(count)}${range}`;
}

/** What a touch on a field that gives no numbers answers. */
export function closedFieldSentence(service, lang) {
  const name = plainName(serviceName(service, lang));
  if (lang === "en") return `${name} gives no numbers now.`;
  const reason = service.closed_reason ?? "";
  const last = /^Hết giờ nhận số lúc (\d\d:\d\d)/.exec(reason);
  if (last) return `${name} đã hết giờ nhận số lúc ${last[1]}.`;
  return reason ? `${name}: ${reason.replace(/\.?$/, ".")}` : `${name} đã hết nhận số.`;
}
