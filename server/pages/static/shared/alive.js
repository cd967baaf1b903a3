/**
 * What a page's title carries until its script works. The guard of the screen (`kiosk/setup/screen`) lets such a page load in peace, and
 * starts the browser anew when it never begins.
 */
const OPENING = " (đang mở)";

/** The page works: its title says so. */
export function alive() {
  document.title = document.title.replace(OPENING, "");
}
