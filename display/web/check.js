/** What whoever hangs up a screen has to know (`?check=1`): how high the digits are, and from where they are read. Pure. */

/** Font size of the called number on the drawn stage of 1920 or 1080 units, the same in both layouts, and the share of it a digit is high. */
const EM = 286;
const DIGIT = 0.725;
const INCH_MM = 25.4;
/** A digit is read from a hundred times its height: 34 minutes of arc, for old eyes. */
const REACH = 100;

const decimal = (number) => number.toFixed(1).replace(".", ",").replace(",0", "");

/**
 * What the page says at set-up: {sentence, seat: {fits, text} | null}.
 * @param {{screen_inches: number|null, farthest_seat_m: number|null}} hall
 * @param {{unit: number, width: number, height: number}} screen `unit` is a pixel of the stage, the others the whole screen, in CSS pixels
 */
export function legibility(hall, { unit, width, height }) {
  const { screen_inches: inches, farthest_seat_m: seat } = hall;
  if (!inches) return { sentence: "Chưa biết cỡ màn hình: ghi screen_inches của khu chờ này.", seat: null };
  const pitch = (inches * INCH_MM) / Math.hypot(width, height);
  const high = EM * unit * DIGIT * pitch;
  const reach = (high * REACH) / 1000;
  const sentence = `Chữ số cao ${Math.round(high)} mm, đọc tốt đến ${decimal(reach)} m`;
  if (!seat) return { sentence, seat: { fits: null, text: "Chưa biết ghế xa nhất: ghi farthest_seat_m của khu chờ này." } };
  // Compared as it is written, so that the two numbers on the screen never contradict the verdict.
  if (seat <= Number(reach.toFixed(1))) return { sentence, seat: { fits: true, text: `Ghế xa nhất ${decimal(seat)} m: đọc tốt.` } };
  const needed = Math.ceil((inches * seat) / reach);
  return { sentence, seat: { fits: false, text: `Ghế xa nhất ${decimal(seat)} m: quá xa. Cần màn hình từ ${needed} inch, hoặc kê ghế gần hơn.` } };
}
