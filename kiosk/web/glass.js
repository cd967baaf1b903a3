/**
 * The kiosk's glass in millimetres: its size, and how much of it a person in a wheelchair reaches. All pure.
 */

const DEFAULT_INCHES = 21.5;
const DEFAULT_BOTTOM_MM = 1012;
/** What a person in a wheelchair reaches, above the floor. */
const ARM_MM = 1220;
/** Above the highest target of an ordinary screen there is at least this much of head and question. */
const HEAD_MM = 25;
/** What stands below and around the fields within reach: the bar, and the edge of the glass. */
const BELOW_MM = 38;
/** The least height of a row of fields with its gap. */
const ROW_MM = 43;
const LARGE_ROW_MM = 57;
/** Less glass within reach than this does not hold the fields and the other choices together. */
const FIELDS_AND_CHOICES_MM = 190;

/**
 * The glass of a window.
 * @param {object|undefined} kiosk of the site document
 * @returns {{pixels: number, landscape: boolean, reach: number, short: boolean}} `pixels` per millimetre, from the diagonal in the site
 *   document and never from devicePixelRatio; `reach`: millimetres of glass within reach; `short`: ordinary buttons stand higher
 */
export function glassOf(width, height, kiosk) {
  const pixels = Math.hypot(width, height) / ((kiosk?.screen_inches || DEFAULT_INCHES) * 25.4);
  const reach = Math.max(0, Math.min(height / pixels, ARM_MM - (kiosk?.screen_bottom_mm ?? DEFAULT_BOTTOM_MM)));
  return { pixels, landscape: width > height, reach, short: reach < height / pixels - HEAD_MM };
}

/** Whether everything has to stand low now. */
export const isLow = (state) => state.low && state.glass.short;

/** How many fields fit one page without scrolling. */
export function pageSize(state) {
  const { large, glass } = state;
  if (!isLow(state) || glass.landscape) return large ? 4 : 8;
  const room = glass.reach - BELOW_MM + 5;
  return large ? Math.max(1, Math.min(4, Math.floor(room / LARGE_ROW_MM))) : 2 * Math.max(1, Math.min(4, Math.floor(room / ROW_MM)));
}

/** Whether the first screen has room for four fields beside the other choices; else they keep a screen of their own. */
export function fieldsFitAtHome(state) {
  const { large, glass } = state;
  if (large) return !glass.landscape && !isLow(state);
  return !isLow(state) || glass.landscape || glass.reach >= FIELDS_AND_CHOICES_MM;
}
