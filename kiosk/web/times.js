/** How long things last at the kiosk as citizens notice it, in real milliseconds. */

export const DEAD_MS = 500;
export const IDLE_MS = 40000;
export const CARD_MS = 20000;
export const HOME_RESET_MS = 60000;
/** The number stays this long while nobody knows whether paper came. */
export const NUMBER_MS = 20000;
/** And this long after the printer's "done", or after a touch. */
export const NUMBER_MORE_MS = 15000;
/** Whoever has no paper needs time to remember or photograph the number. */
export const NUMBER_MOST_MS = 60000;
/** How long a wrong field may be corrected. */
export const CHANGE_MS = 20000;
/** A ticket that has not come out of the slot by now may not come at all. */
export const PRINT_MS = 10000;
/** Who has called for help waits here; a card asking for haste would be rude. */
export const HELP_MS = 120000;
/** The keypad for appointments rests after codes that nobody knows; a wrong one is remembered for so long. */
export const REST_MS = 60000;
export const MISS_KEPT_MS = 120000;
export const SLOW_MS = 300;
export const SLOWER_MS = 3000;
export const AWAY_MS = 10000;
/** A stale connection has already lasted 5 s when it is told. */
export const AWAY_AFTER_STALE_MS = 5000;
/** Nobody stands longer than this before a machine that does not answer; the desk has helped them by then. */
export const GIVE_UP_MS = 60000;
