/**
 * Keys by their place on the keyboard, so that a Vietnamese input method cannot turn one into a letter. None is a vowel, W or an F key.
 */

const PLAIN = {
  Space: "big",
  NumpadEnter: "big",
  KeyG: "recall",
  KeyV: "no-show",
  KeyH: "finish",
  KeyC: "transfer",
  KeyT: "hold",
  KeyS: "start",
  KeyN: "pause",
  KeyM: "help-answer",
  KeyK: "mini",
  ArrowUp: "up",
  ArrowDown: "down",
  ArrowLeft: "left",
  ArrowRight: "right",
  Enter: "row",
  Escape: "cancel",
};

/** For the list of keys on the screen. */
export const LIST = [
  ["Space", "Nút lớn: gọi tiếp, hoàn tất, mở quầy (hoặc Enter của phím số)"],
  ["G", "Gọi lại"],
  ["V", "Vắng"],
  ["H", "Hoàn tất, không gọi ai"],
  ["C", "Chuyển sang lĩnh vực hoặc quầy khác"],
  ["T", "Tạm giữ"],
  ["S", "Đã đến: bắt đầu phục vụ"],
  ["N", "Tạm nghỉ, làm việc lại"],
  ["M", "Tôi đến máy lấy số đang cần người giúp"],
  ["K", "Mở, đóng cửa sổ nhỏ nằm trên phần mềm khác"],
  ["Ctrl Z", "Hoàn tác lần gọi, hoàn tất hoặc ghi vắng (10 giây)"],
  ["Mũi tên", "Lên, xuống: chọn người · Trái, phải: đổi thẻ Chờ, Vắng, Tạm giữ"],
  ["Enter", "Với người đang chọn: gọi trước (cần lý do), quay lại, tiếp tục chờ"],
  ["1 … 5", "Chọn một dòng đã đánh số"],
  ["Esc", "Thôi, đóng câu hỏi"],
  ["Tab", "Đi qua mọi nút; Space hoặc Enter để bấm nút đang có viền"],
  ["?", "Mở, đóng bảng phím tắt này"],
];

/**
 * What a keydown means, or null: {what}, or {what: "choice", number: 1..9} for a digit.
 * A held key is one press; with Ctrl, Alt or Meta only Ctrl+Z is ours.
 */
export function meaning(event) {
  if (event.repeat) return null;
  const { code } = event;
  if (event.ctrlKey || event.metaKey) return code === "KeyZ" && !event.shiftKey && !event.altKey ? { what: "undo" } : null;
  if (event.altKey) return null;
  if (event.key === "?") return { what: "help" };
  const digit = /^(?:Digit|Numpad)([1-9])$/.exec(code);
  if (digit) return { what: "choice", number: Number(digit[1]) };
  return PLAIN[code] ? { what: PLAIN[code] } : null;
}

/** Whether keys belong to a field in which somebody writes. */
export const isWriting = (element) => Boolean(element?.matches?.("input, textarea, select, [contenteditable]"));

/** Whether the focused control answers Space and Enter by itself. */
export const answersItself = (element) => Boolean(element?.matches?.("button, a[href], summary"));
