/** What this page keeps for a time without the server: its own files (`sw.js`), and the office as it was last described. */

const UPDATE_EVERY_MS = 3600000;

const name = (siteId) => `moiso.site.${siteId}`;

/** Remember the office. A browser that keeps nothing costs a reload during an outage, and nothing else. */
export function remember(siteId, site) {
  try {
    localStorage.setItem(name(siteId), JSON.stringify(site));
  } catch {
    // Private mode, or no room left.
  }
}

/** The office as it was last described; null when nothing is known. */
export function remembered(siteId) {
  try {
    return JSON.parse(localStorage.getItem(name(siteId)));
  } catch {
    return null;
  }
}

/**
 * Let the page's own files come from this machine. Browsers allow it to pages of https and of this machine only, unless a policy names
 * the office's address.
 * @param {() => boolean} idle whether nobody stands here: then a page of a newer version may take this one's place
 */
export async function keepShell(idle) {
  const workers = navigator.serviceWorker;
  if (!workers) return;
  // The first worker brings no newer page than this one; whichever comes after it does.
  let before = workers.controller;
  let renewed = false;
  workers.addEventListener("controllerchange", () => {
    renewed = Boolean(before);
    before = workers.controller;
  });
  setInterval(() => renewed && idle() && location.reload(), 1000);
  try {
    const registration = await workers.register("/kiosk/sw.js", { scope: "/kiosk/" });
    setInterval(() => registration.update().catch(() => {}), UPDATE_EVERY_MS);
  } catch {
    // The page works, and cannot be loaded anew while the server is away.
  }
}
