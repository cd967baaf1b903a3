/**
 * Reads a screen aloud, from the kiosk's own loudspeaker: what is marked `data-read`, and the choices, in the order in which they stand.
 *
 * What is being read is outlined. Only sounds that the server has given a name are played; what has none is passed over.
 */

const READABLE = "[data-read], [data-touch]";
const nameOf = (element) => element.dataset.read ?? element.dataset.touch;
/** No sentence of a kiosk lasts so long; a sound that never ends must not keep the kiosk. */
const LONGEST_MS = 30000;

/**
 * @param {HTMLElement} root
 * @param {object} act
 * @param {() => Promise<Record<string, string>|null>} act.sounds paths by name, asked for at the beginning of each screen; null when there are none
 * @param {() => void} act.read everything on the screen has been read
 * @param {() => void} act.failed a sound could not be had
 * @returns {(version: string|null) => void} to be called after every drawing, with what tells this screen from others; null for silence
 */
export function readAloud(root, { sounds, read, failed }) {
  let running = null;
  let stop = () => {};

  const outline = (element) => {
    const shown = element?.closest("[data-touch]") ?? element;
    for (const other of root.querySelectorAll("[data-reading]")) if (other !== shown) other.removeAttribute("data-reading");
    shown?.setAttribute("data-reading", "");
  };

  async function run(version) {
    const here = () => running === version;
    const paths = await sounds();
    if (!here()) return;
    if (!paths) return failed();
    const done = new Set();
    for (let next = following(root, paths, done); next; next = following(root, paths, done)) {
      done.add(next.mark);
      outline(next.element);
      const [playing, ended] = play(paths[next.name]);
      stop = playing;
      const well = await ended;
      if (!here()) return;
      if (!well) return failed();
    }
    outline(null);
    read();
  }

  return (version) => {
    if (version === running) return;
    running = version;
    stop();
    outline(null);
    if (version !== null) run(version);
  };
}

/** The first thing on the screen that has a sound and was not read yet; a card over the screen is all there is. */
function following(root, paths, done) {
  const seen = new Map();
  for (const element of (root.querySelector(".over") ?? root).querySelectorAll(READABLE)) {
    const name = nameOf(element);
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    const mark = `${name} ${count}`;
    if (paths[name] && !done.has(mark) && element.getClientRects().length) return { element, name, mark };
  }
  return null;
}

/** Play one sound: how to stop it, and whether it ended well. */
function play(path) {
  const sound = new Audio(path);
  const ended = new Promise((settle) => {
    sound.addEventListener("ended", () => settle(true));
    sound.addEventListener("error", () => settle(false));
    setTimeout(() => settle(false), LONGEST_MS);
    sound.play().catch(() => settle(false));
  });
  return [() => sound.pause(), ended];
}
