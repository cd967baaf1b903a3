/**
 * The wall as a value: boards and time in, what stands where out. No clock, no network, no page.
 *
 * Times are real monotonic milliseconds; a board's instants are turned into them when it arrives, by its own `at` and `factor`.
 */
import { pagesOf } from "./pages.js";
import { isQuiet, slidePages, turnedSlides } from "./slides.js";
import { clockTime, counterLabel, nextTime, people, unbroken, waiting, waits } from "/static/shared/words.js";

/** A big row is read by somebody in the last chair before it gives way. */
export const HOLD_MS = 6000;
export const PAGE_MS = 10000;
/** Waiting tiles keep still while a call is new, but in a busy hall some call nearly always is. */
export const PAGE_AT_LATEST_MS = 30000;
/** A row stays highlighted while its voice speaks, but not longer than this. */
export const NEW_AT_MOST_MS = 25000;
/** So long a wall says that it is being tried: time to look up, and no longer than that. */
export const TRIAL_MS = 5000;
export const LAYOUTS = {
  landscape: { big: 2, recent: 4, tiles: 3, notice: 72 },
  portrait: { big: 1, recent: 4, tiles: 1, notice: 64 },
};

/** A wall that has not heard anything yet. */
export function start({ now = 0, layout = "landscape" } = {}) {
  return {
    layout, site: null, board: null, frame: 0, calls: new Map(), big: [], speaking: null, stale: false, problem: null, tilePage: 0, tilesAt: now,
    noticePage: 0, noticeAt: now, heardAt: now, slides: { page: 0, at: null }, code: null, trial: null,
  };
}

/** The next state. */
export function step(state, event) {
  switch (event.type) {
    case "board":
      return placed(takeBoard({ ...state, problem: null, stale: false }, event.board, event.now), event.now);
    case "site":
      return { ...state, site: event.site };
    case "code":
      return { ...state, code: event.code };
    case "layout":
      return placed({ ...state, layout: event.layout }, event.now);
    case "stale":
      return { ...state, stale: true };
    case "back":
      return { ...state, stale: false };
    case "speaking":
      return { ...state, speaking: event.code };
    case "trial":
      // Sent again until it is answered, which takes a while where it is also said.
      return state.trial?.id === event.id ? state : { ...state, trial: { id: event.id, quiet: event.quiet, until: event.now + TRIAL_MS } };
    case "problem":
      return { ...state, problem: event.problem };
    case "tick":
      return turned(placed(state, event.now), event.now);
    default:
      return state;
  }
}

/** Remember of each call in which frame it came and until when it is new; a recall is a new call of the same ticket. */
function takeBoard(state, board, now) {
  const frame = state.frame + 1;
  const calls = new Map();
  for (const call of board.calls) {
    const known = state.calls.get(call.code);
    const left = (Date.parse(call.new_until) - Date.parse(board.at)) / (board.factor ?? 1);
    if (known?.seq === call.seq && state.board?.day === board.day) {
      // A wall that was away may come back to an hour in which this call is old.
      calls.set(call.code, left > 0 || known.until <= now ? known : { ...known, until: now });
    } else {
      // Where the hall's time stands still (a preview), what is new stays new.
      const until = left === Infinity ? left : now + Math.min(left, NEW_AT_MOST_MS);
      calls.set(call.code, { seq: call.seq, frame, from: now, until, shown: false });
    }
  }
  return { ...state, board, frame, calls, heardAt: now };
}

/** Whether a call stands out now. A wall that is not sure of the present lets nothing stand out. */
export function isNew(state, code, now) {
  const known = state.calls.get(code);
  if (!known || state.stale) return false;
  return known.until > now || (state.speaking === code && now - known.from < NEW_AT_MOST_MS);
}

/**
 * Which calls have the big rows: the newest, except that a row gives way only after HOLD_MS.
 * Of calls that came in different frames the earlier has its turn first; of one frame, the newest. When more come at once
 * than the wall has rows, whoever has stood in none of them yet has a turn too, before the newest stands there again.
 */
function placed(state, now) {
  if (!state.board) return state;
  const calls = state.board.calls;
  const { big: capacity, recent } = LAYOUTS[state.layout];
  const seqOf = new Map(calls.map((call) => [call.code, call.seq]));
  const since = (code) => (isNew(state, code, now) ? now : -Infinity);
  let big = state.big
    .filter((row) => seqOf.has(row.code))
    .map((row) => (seqOf.get(row.code) === row.seq ? row : { code: row.code, seq: seqOf.get(row.code), since: now }))
    .slice(0, capacity);
  for (;;) {
    const room = big.length < capacity;
    const giving = room ? null : big.filter((row) => now - row.since >= HOLD_MS).sort((a, b) => a.seq - b.seq)[0];
    if (!room && !giving) break;
    const others = calls.filter((call) => !big.some((row) => row.code === call.code));
    const unseen = others.slice(recent).filter((call) => !state.calls.get(call.code).shown && isNew(state, call.code, now));
    const able = others.filter((call) => room || call.seq > giving.seq || unseen.includes(call));
    const next = nextUp(able.filter((call) => isNew(state, call.code, now)), state) ?? able.sort((a, b) => b.seq - a.seq)[0];
    if (!next) break;
    big = [...big.filter((row) => row !== giving), { code: next.code, seq: next.seq, since: since(next.code) }];
  }
  big.sort((a, b) => b.seq - a.seq);
  const same = big.length === state.big.length && big.every((row, at) => row.seq === state.big[at].seq);
  return marked(same ? state : { ...state, big }, recent);
}

/** Remember which calls have stood in a row, big or small. */
function marked(state, recent) {
  const isBig = (call) => state.big.some((row) => row.code === call.code);
  const { calls } = state.board;
  const standing = [...calls.filter(isBig), ...calls.filter((call) => !isBig(call)).slice(0, recent)];
  const first = standing.filter((call) => !state.calls.get(call.code).shown);
  if (!first.length) return state;
  const known = new Map(state.calls);
  for (const { code } of first) known.set(code, { ...known.get(code), shown: true });
  return { ...state, calls: known };
}

function nextUp(fresh, state) {
  const frame = (call) => state.calls.get(call.code).frame;
  return [...fresh].sort((a, b) => frame(a) - frame(b) || b.seq - a.seq)[0];
}

/** Turn the pages of the waiting tiles, of the notice line and of the slides. */
function turned(state, now) {
  let next = state;
  const tiles = tilePages(state);
  const still = state.board?.calls.some((call) => isNew(state, call.code, now));
  const due = now - state.tilesAt >= (still ? PAGE_AT_LATEST_MS : PAGE_MS);
  if (tiles > 1 && due && !state.stale) next = { ...next, tilePage: (state.tilePage + 1) % tiles, tilesAt: now };
  const notices = noticePages(state).length;
  if (notices > 1 && now - state.noticeAt >= PAGE_MS) next = { ...next, noticePage: (state.noticePage + 1) % notices, noticeAt: now };
  const slides = turnedSlides(state.slides, { may: mayTell(state, now), count: slidesOf(state).length, now });
  return slides === state.slides ? next : { ...next, slides };
}

const slidesOf = ({ site, board, layout, code }) => slidePages(site, board?.hall, layout, code);

/** Whether the big rows may give way to a slide: for long nobody was called, and the wall knows that. */
function mayTell(state, now) {
  const { board, stale } = state;
  return isQuiet(board, state.heardAt, now) && !stale && !cardOf(state, now) && !board.calls.some((call) => isNew(state, call.code, now));
}

/** The page of a slide that stands on the wall now; null for the big rows. */
function slideOf(state, now) {
  const pages = slidesOf(state);
  return state.slides.at !== null && pages.length && mayTell(state, now) ? pages[state.slides.page % pages.length] : null;
}

const tilePages = (state) => Math.ceil((state.board?.waiting.length ?? 0) / LAYOUTS[state.layout].tiles);

// -- what stands on the wall ----------------------------------------------------------------------------------------------------

/** What a counter is called on the wall. */
export const labelOf = (site, id) => counterLabel(site?.counters.find((counter) => counter.id === id)?.name ?? id);

const HELD_STATES = new Set(["called", "serving"]);

/** Everything the wall shows, as text. */
export function wall(state, now) {
  const { board, site, layout } = state;
  const { big, recent, tiles } = LAYOUTS[layout];
  const row = (call) => ({ code: call.code, counter: labelOf(site, call.counter), fresh: isNew(state, call.code, now) });
  const byCode = new Map(board.calls.map((call) => [call.code, call]));
  const bigCalls = state.big.map((place) => byCode.get(place.code)).filter(Boolean);
  const others = board.calls.filter((call) => !state.big.some((place) => place.code === call.code));
  const filled = (list, length) => Array.from({ length }, (_, at) => list[at] ?? null);
  const card = cardOf(state, now);
  const page = Math.min(state.tilePage, Math.max(0, tilePages(state) - 1));
  const notices = noticePages(state);
  const quiet = card && ["closed", "holiday"].includes(board.hours.state) && board.waiting.every((one) => !one.count);
  return {
    office: officeOf(site, layout),
    card,
    slide: slideOf(state, now),
    big: filled(bigCalls.map(row), big),
    recent: filled(others.map(row), recent),
    tiles: quiet ? [] : filled(board.waiting.slice(page * tiles, (page + 1) * tiles).map((one) => tileOf(one, board)), tiles),
    notice: notices[Math.min(state.noticePage, notices.length - 1)] ?? "",
    hotline: site?.hotline ? `Đường dây nóng ${unbroken(site.hotline)}` : "",
    trial: trialOf(state, now),
    stale: state.stale ? `Màn hình đang nối lại. Số hiện lúc ${clockTime(board.at)}. Xin nghe loa hoặc hỏi cán bộ.` : null,
  };
}

/** How the wall says that it is being tried: over everything, or, where numbers matter, in its last line; null when it is not. */
function trialOf(state, now) {
  if (!state.trial || now >= state.trial.until) return null;
  return state.trial.quiet || state.board.calls.some((call) => isNew(state, call.code, now)) ? "line" : "whole";
}

const officeOf = (site, layout) => (layout === "portrait" ? site?.short_name || site?.name : site?.name) ?? "";

function tileOf(row, board) {
  const title = `${row.letter} · ${row.name}`;
  const over = !row.open && !["before", "lunch"].includes(board.hours.state);
  const line = waiting(row.count, waits(board.waiting).get(row.service));
  if (!over) return { title, line };
  return { title, line: row.count ? `${people(row.count)} · hết nhận số` : "Hết nhận số" };
}

/** The card in the place of the big rows: when nothing was called yet, or nothing more will be today. */
export function cardOf(state, now) {
  const { board } = state;
  const { hours, calls } = board;
  const again = hours.next_open ? `Mở lại ${nextTime(hours.next_open, board.at)}` : null;
  const busy = calls.some((call) => HELD_STATES.has(call.state) || isNew(state, call.code, now));
  if (hours.state === "closed" && !busy) return { title: "Hết giờ làm việc", lines: [again].filter(Boolean) };
  if (hours.state === "holiday" && !busy) {
    const day = /^Hôm nay nghỉ: ([^.]+)\./.exec(hours.reason ?? "")?.[1];
    return { title: "Hôm nay nghỉ", lines: [day, again].filter(Boolean) };
  }
  if (calls.length) return null;
  if (hours.state === "lunch") return { title: lunch(board), lines: ["Số buổi sáng vẫn giữ nguyên"] };
  const lines = [];
  if (hours.state === "before") {
    if (hours.issuing === false && hours.first_ticket) lines.push(`Bắt đầu cấp số lúc ${clockTime(hours.first_ticket)}`);
    const opens = hours.opens ?? hours.next_open;
    if (opens) lines.push(`Bắt đầu tiếp dân lúc ${clockTime(opens)}`);
  }
  if (hours.state === "last_ticket_passed") lines.push("Đã hết giờ cấp số", "Ai đã có số vẫn được phục vụ");
  else if (hours.issuing !== false) lines.push("Mời lấy số ở máy bên cửa vào");
  return { title: "Chưa gọi số nào", lines };
}

const lunch = (board) => (board.hours.next_open ? `Nghỉ trưa đến ${nextTime(board.hours.next_open, board.at)}` : "Nghỉ trưa");

/** The lines of the foot: what the hour means for those who wait, then the notice, each cut into pages that fit one line. */
export function noticePages(state) {
  const { board, layout } = state;
  if (!board) return [];
  const told = { lunch: `${lunch(board)}. Số buổi sáng vẫn giữ nguyên.`, last_ticket_passed: "Đã hết giờ cấp số. Ai đã có số vẫn được phục vụ." }[
    board.hours.state
  ];
  return [told, board.notice].filter(Boolean).flatMap((text) => pagesOf(text, LAYOUTS[layout].notice));
}

// -- the small screen above a counter -----------------------------------------------------------------------------------------------

/** What the screen above one counter shows. */
export function counterOf(state, id, now) {
  const { board, site } = state;
  const counter = site?.counters.find((one) => one.id === id);
  const call = board.calls.find((one) => one.counter === id && HELD_STATES.has(one.state));
  const names = (site?.services ?? []).filter((service) => counter?.services.includes(service.id)).map((service) => service.name.replaceAll("|", ""));
  const clerk = board.clerk_name ? `Cán bộ: ${unbroken(board.clerk_name)}` : "";
  const shown = { label: counter?.name ?? `Quầy ${id}`, services: names.join(" · "), clerk, code: null, state: "free", line: "Mời chờ gọi số" };
  if (call?.state === "called") return { ...shown, code: call.code, state: "called", line: "Mời đến quầy" };
  if (call) return { ...shown, code: call.code, state: "serving", line: "Đang phục vụ" };
  if (counter?.state === "closed") return { ...shown, state: "closed", line: "Quầy đóng" };
  if (counter?.state !== "paused") return shown;
  const open = site.counters.filter((one) => one.id !== id && one.state === "open" && one.services.some((service) => counter.services.includes(service)));
  const other = open[0] ? `mời chờ hoặc sang ${unbroken(`quầy ${counterLabel(open[0].name)}`)}` : "mời chờ";
  return { ...shown, state: "paused", line: `Tạm nghỉ – ${other}` };
}
