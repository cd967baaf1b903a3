/**
 * What the kiosk says, in Vietnamese and English. Wording of the screen brief: "ông/bà" or no pronoun, one idea a sentence;
 * bad news says what happened, what stays valid and what to do now.
 */
import { clockTime, nextTime, people, plainName, serviceName, waitRange } from "/static/shared/words.js";

const TEXTS = {
  vi: {
    homeQuestion: "Ông/bà cần gì?",
    take: "Lấy số",
    priority: "Lấy số ưu\u00a0tiên",
    appointmentChoice: "Tôi có lịch\u00a0hẹn",
    appointmentHint: "Đưa mã QR vào ô đọc, hoặc chạm vào đây",
    appointmentQuestion: "Đưa mã QR vào ô đọc, hoặc bấm 7\u00a0số mã\u00a0hẹn",
    appointmentNoCode: "Không có mã? Chạm “Cần\u00a0người\u00a0giúp”.",
    hallCode: ["Dùng điện\u00a0thoại? Nhập mã", "vào trang lịch\u00a0hẹn."],
    appointmentWrong: "Có số chưa đúng. Xin xem lại mã\u00a0hẹn.",
    appointmentUnknown: "Chưa tìm thấy lịch\u00a0hẹn. Xin xem lại mã\u00a0hẹn.",
    appointmentResting: "Chưa tìm thấy lịch\u00a0hẹn. Mời đưa mã QR hoặc gặp cán\u00a0bộ hướng dẫn.",
    appointmentUnread: "Không đọc được mã này. Mời bấm 7\u00a0số mã\u00a0hẹn.",
    cardHint: "Đưa mã QR trên thẻ vào ô có đèn. Không bắt buộc.",
    cardQuestion: (age) => `Theo thẻ, ông/bà từ ${age}\u00a0tuổi. Lấy số ưu\u00a0tiên?`,
    cardYes: "Có, ưu\u00a0tiên",
    cardNo: "Không",
    cardFoot: "Chỉ dùng năm sinh và kiểm tra lấy số trùng. Không lưu số thẻ, không lưu ảnh. Mã kiểm tra xóa cuối ngày.",
    cardNotRead: "Máy này không dùng thẻ.",
    cardNotNeeded: "Lấy số ở đây không cần thẻ.",
    ticketElsewhere: "Phiếu này không phải của nơi đây.",
    cameLate: (minutes, time, head) =>
      `Đến sau giờ hẹn ${minutes}\u00a0phút. Vẫn được phục vụ. Giờ xếp hàng: ${time}, sớm hơn lúc đến ${head}\u00a0phút.`,
    cameEarly: (time) => `Đến sớm không sao. Giờ xếp hàng: ${time}.`,
    reprint: "In lại phiếu",
    takeToday: "Lấy số hôm nay",
    takeHere: "Lấy số ở đây",
    result: "Nhận kết\u00a0quả",
    resultHint: "Có giấy hẹn trả kết quả",
    fieldQuestion: "Làm thủ tục gì?",
    fieldHint: "Chạm một ô để lấy số",
    resultQuestion: "Nhận kết quả nào?",
    priorityQuestion: "Ông/bà thuộc diện nào?",
    priorityNone: "Không thuộc diện nào",
    priorityFoot: "Cán bộ có thể hỏi lại. Phiếu không ghi lý do.",
    back: "Quay lại",
    more: "Xem thêm",
    moreFirst: "Về trang đầu",
    page: (page, pages) => `Trang ${page}/${pages}`,
    otherLanguage: "English",
    large: "Chữ to",
    normal: "Chữ nhỏ",
    aloud: "Nghe đọc",
    aloudStop: "Dừng đọc",
    aloudAgain: "Nghe lại",
    aloudNot: "Chưa đọc được",
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
    alone: "Máy đang mất kết nối. Vẫn lấy được số\u00a0tạm, được gọi đúng thứ tự.",
    aloneNone: "Mời lấy số tại bàn hướng dẫn.",
    provisionalTitle: "Số tạm của ông/bà",
    provisionalMark: "SỐ TẠM",
    provisional: (code) => `Số tạm ${code}. Vẫn được gọi đúng thứ tự.`,
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
    help: "Cần người\u00a0giúp",
    helpHint: "Báo nhân viên đến",
    helpKnown: "Đã báo nhân viên",
    ringing: "Đang báo nhân viên…",
    rung: "Đã báo nhân viên.",
    waitHere: "Xin chờ tại đây.",
    coming: "Nhân viên đang đến.",
    notRung: "Chưa báo được nhân viên.",
    toTheDesk: "Mời đến bàn hướng dẫn.",
    missed: "Tôi bị lỡ số",
    missedHint: "Đã gọi mà chưa đến quầy",
    unsure: "Không biết chọn lĩnh\u00a0vực",
    rulesLong: "Xem quy định gọi số",
    neverMind: "Thôi, quay lại",
    unsureTold: "Xem dòng chữ nhỏ ở mỗi ô, hoặc chờ nhân viên.",
    codeQuestion: "Số trên phiếu là số nào?",
    codeHint: "Bấm chữ, rồi bấm các số",
    codeScan: "hoặc đưa mã QR trên phiếu vào ô đọc",
    erase: "Xóa",
    find: "Tìm số",
    codeIncomplete: "Bấm một chữ và các số, như trên phiếu.",
    codeUnknown: (code) => `Hôm nay chưa có số ${code}. Xin xem lại phiếu.`,
    codeUnread: "Không đọc được mã này. Mời bấm số in trên phiếu.",
    typed: (code) => `Đã bấm: ${code}`,
    foundMissed: (code, time) => `Số ${code} đã được gọi lúc\u00a0${time}.`,
    foundMissedAdvice: "Không cần lấy số mới.",
    rejoin: "Quay lại hàng",
    rejoined: "Đã quay lại.",
    newQueueTime: (time) => `Giờ xếp hàng mới: ${time}.`,
    stillAhead: (count) => (count ? `Còn ${people(count)} trước.` : "Không còn ai trước."),
    keepPaper: "Phiếu cũ vẫn dùng được.",
    foundWaiting: (code) => `Số ${code} chưa được gọi.`,
    listen: "Xin chờ nghe gọi.",
    foundCalled: (code, counter) => `Số ${code} đang được gọi.${counter ? ` Mời đến quầy ${counter} ngay.` : ""}`,
    foundServing: (code, counter) => `Số ${code} đang được phục vụ${counter ? ` ở quầy ${counter}` : ""}.`,
    foundHeld: (code) => `Số ${code} đang được giữ chỗ.`,
    foundHeldAdvice: "Cán bộ sẽ gọi lại. Xin chờ.",
    foundDone: (code) => `Số ${code} đã làm xong.`,
    foundCancelled: (code) => `Số ${code} đã trả lại.`,
    foundLapsed: (code) => `Số ${code} đã hết hiệu lực.`,
    foundOtherDay: (code, day) => `Số ${code} là của ${day}, không phải hôm nay.`,
    takeNew: "Mời lấy số mới.",
    change: "Chọn nhầm? Đổi\u00a0lĩnh\u00a0vực",
    givenBack: (code) => `Đã trả số ${code}. Mời chọn lại lĩnh vực.`,
    notChanged: "Chưa đổi được.",
    unanswered: "Máy đang mất kết nối.",
    qr: "Quét mã để theo dõi số",
    qrBooking: "Hoặc quét mã để đặt lịch hẹn",
    printing: (place) => `Phiếu đang in, ra ở khe ${place}`,
    paperAsked: "Phiếu đã ra chưa?",
    paperHere: "Đã có phiếu",
    paperAgain: "Chưa, in lại",
    remember: (code) => `Xin nhớ số ${code} hoặc chụp màn hình.`,
    remembered: "Tôi đã nhớ số",
    paperOut: "Máy hết giấy.",
    paperResting: "Máy in đang nghỉ.",
    paperFailed: "Phiếu chưa in được.",
    paperLate: "Phiếu chưa ra.",
    paperStill: "Vẫn lấy được số, số hiện trên màn hình.",
    busy: "Xin chờ…",
    stillBusy: "Xin chờ thêm, không cần chạm lại.",
  },
  en: {
    homeQuestion: "What do you need?",
    take: "Take a number",
    priority: "Priority number",
    appointmentChoice: "I have an appointment",
    appointmentHint: "Hold the QR code to the reader, or touch here",
    appointmentQuestion: "Scan, or type the 7 digits",
    appointmentNoCode: "No code? Touch “I\u00a0need\u00a0help”.",
    hallCode: ["On your phone? Type", "on your appointment\u00a0page."],
    appointmentWrong: "One digit is not right. Please look at the code again.",
    appointmentUnknown: "No such appointment was found. Please look at the code again.",
    appointmentResting: "No such appointment was found. Please scan the QR code or ask a member of staff.",
    appointmentUnread: "This code could not be read. Please type the 7 digits.",
    cardHint: "Hold the QR code of your card to the lit reader. Not required.",
    cardQuestion: (age) => `Your card says you are ${age} or over. Take a priority number?`,
    cardYes: "Yes, priority",
    cardNo: "No",
    cardFoot: "Only the year of birth is used, and a check for second numbers. No card number, no picture is kept. The check is erased tonight.",
    cardNotRead: "This kiosk does not use cards.",
    cardNotNeeded: "No card is needed for a number here.",
    ticketElsewhere: "This ticket is not from here.",
    cameLate: (minutes, time, head) =>
      `You came ${minutes}\u00a0min after your appointment. You will be served. Queue time: ${time}, ${head}\u00a0min before you came.`,
    cameEarly: (time) => `Coming early costs nothing. Queue time: ${time}.`,
    reprint: "Print again",
    takeToday: "Number for today",
    takeHere: "Number for here",
    result: "Collect a result",
    resultHint: "With a result appointment slip",
    fieldQuestion: "Which service?",
    fieldHint: "Touch one to take a number",
    resultQuestion: "Which result?",
    priorityQuestion: "Which applies to you?",
    priorityNone: "None of these",
    priorityFoot: "Staff may ask. The ticket does not say why.",
    back: "Back",
    more: "More",
    moreFirst: "First page",
    page: (page, pages) => `Page ${page} of ${pages}`,
    otherLanguage: "Tiếng Việt",
    large: "Large text",
    normal: "Small text",
    aloud: "Read aloud",
    aloudStop: "Stop reading",
    aloudAgain: "Read again",
    aloudNot: "No sound now",
    low: "Lower",
    high: "Higher",
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
    alone: "This kiosk has no connection. It still gives provisional numbers, called in their order.",
    aloneNone: "Please take a number at the help desk.",
    provisionalTitle: "Your provisional number",
    provisionalMark: "PROVISIONAL",
    provisional: (code) => `Provisional number ${code}. It is called in its order.`,
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
    help: "I need help",
    helpHint: "Call a member of staff",
    helpKnown: "Staff have been told",
    ringing: "Calling staff…",
    rung: "Staff have been told.",
    waitHere: "Please wait here.",
    coming: "Somebody is coming.",
    notRung: "Staff could not be told.",
    toTheDesk: "Please go to the help desk.",
    missed: "I missed my call",
    missedHint: "Called, but not at the counter",
    unsure: "Which service do I need?",
    rulesLong: "How numbers are called",
    neverMind: "No, go back",
    unsureTold: "Read the small line of each service, or wait for staff.",
    codeQuestion: "Which number is on your ticket?",
    codeHint: "Touch the letter, then the digits",
    codeScan: "or hold the QR code to the reader",
    erase: "Erase",
    find: "Find it",
    codeIncomplete: "Touch one letter and the digits, as on the ticket.",
    codeUnknown: (code) => `There is no number ${code} today. Please look at the ticket again.`,
    codeUnread: "This code could not be read. Please type the number.",
    typed: (code) => `Typed: ${code}`,
    foundMissed: (code, time) => `Number ${code} was called at\u00a0${time}.`,
    foundMissedAdvice: "No new number is needed.",
    rejoin: "Rejoin the queue",
    rejoined: "You are back in the queue.",
    newQueueTime: (time) => `New queue time: ${time}.`,
    stillAhead: (count) => (count ? `${people(count, "en")} before you.` : "Nobody before you."),
    keepPaper: "Your ticket stays valid.",
    foundWaiting: (code) => `Number ${code} has not been called yet.`,
    listen: "Please wait for your call.",
    foundCalled: (code, counter) => `Number ${code} is being called.${counter ? ` Please go to counter ${counter} now.` : ""}`,
    foundServing: (code, counter) => `Number ${code} is being served${counter ? ` at counter ${counter}` : ""}.`,
    foundHeld: (code) => `Number ${code} has been set aside.`,
    foundHeldAdvice: "Staff will call it again. Please wait.",
    foundDone: (code) => `Number ${code} has been served.`,
    foundCancelled: (code) => `Number ${code} was given back.`,
    foundLapsed: (code) => `Number ${code} is no longer valid.`,
    foundOtherDay: (code, day) => `Number ${code} is of ${day}, not today.`,
    takeNew: "Please take a new number.",
    change: "Wrong service? Change it",
    givenBack: (code) => `Number ${code} was given back. Please choose again.`,
    notChanged: "It could not be changed.",
    unanswered: "This kiosk has no connection.",
    qr: "Scan to follow your number",
    qrBooking: "Or scan to book an appointment",
    printing: (place) => `Your ticket is being printed, ${place}`,
    paperAsked: "Has your ticket come out?",
    paperHere: "Yes, I have it",
    paperAgain: "No, print again",
    remember: (code) => `Please remember ${code} or take a photo.`,
    remembered: "I remember it",
    paperOut: "The kiosk is out of paper.",
    paperResting: "The printer is resting.",
    paperFailed: "The ticket could not be printed.",
    paperLate: "The ticket has not come out.",
    paperStill: "You still get a number, on the screen.",
    busy: "Please wait…",
    stillBusy: "Please wait a little longer, no need to touch again.",
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
