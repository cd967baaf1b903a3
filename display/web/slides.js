/**
 * What a hall's wall tells while nobody is called: the office's slides and its rule. Pure.
 *
 * A slide stands in the place of the big rows and never delays a call: whether it may stand there is asked at every drawing.
 */
import { linesInPages } from "./pages.js";

/** So long after the last call nobody looks for a number any more. */
export const QUIET_MS = 90000;
/** Somebody who reads slowly reads a page twice. */
export const SLIDE_MS = 15000;
const RULE_TITLE = "Số nào được gọi trước?";
/** Letters in a row and rows of a page; a title as long as `title` takes a row more. */
const SPACE = { landscape: { columns: 41, rows: 6, title: 28 }, portrait: { columns: 32, rows: 6, title: 22 } };

/** For those who booked and have come: what their telephone asks for, to know that they are here. */
const codeSlide = (code) => ({
  title: "Đã đặt hẹn và đã đến nơi?",
  lines: ["Mở trang lịch hẹn trên điện thoại.", "Nhập mã này, rồi bấm “Nhận số tại đây”."],
  code,
});

/** Every page of today's slides for one hall: {title, lines, code, number, of}. `code`: the digits that are seen only here, if any are asked for. */
export function slidePages(site, hall, layout, code = null) {
  if (!site) return [];
  const own = (site.slides ?? []).filter((slide) => !slide.hall || slide.hall === hall);
  const rule = site.slide_of_rules ? [{ title: RULE_TITLE, lines: site.rules.lines }] : [];
  const here = code ? [codeSlide(code)] : [];
  return [...here, ...own, ...rule].flatMap(({ title, lines, code: digits = null }) => {
    const { columns, rows, title: wide } = SPACE[layout];
    const pages = linesInPages(lines, { columns, rows: rows - Math.floor(title.length / wide) });
    return pages.map((page, at) => ({ title, lines: page, code: digits, number: at + 1, of: pages.length }));
  });
}

/** Whether the hall has been quiet long enough; `heardAt` is when the board came, in real milliseconds. */
export function isQuiet(board, heardAt, now) {
  if (!board?.quiet_since) return false;
  const before = (Date.parse(board.at) - Date.parse(board.quiet_since)) / (board.factor ?? 1);
  return before + (now - heardAt) >= QUIET_MS;
}

/** The next page when it is due; a slide that was taken off for a call makes way for the next one. `slides`: {page, at}, `at` null while off. */
export function turnedSlides(slides, { may, count, now }) {
  if (!may || !count) return slides.at === null ? slides : { page: slides.page + 1, at: null };
  if (slides.at === null) return { ...slides, at: now };
  return count > 1 && now - slides.at >= SLIDE_MS ? { page: slides.page + 1, at: now } : slides;
}
