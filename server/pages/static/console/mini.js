/**
 * The window that stays above the one-stop software, where a clerk's eyes and keys are all day: the code, the big button, who waits,
 * what became of the call. It shows the page's own state and sends the page's own commands; closing it loses nothing.
 *
 * Document Picture-in-Picture stays on top by itself (https://wicg.github.io/document-picture-in-picture/); elsewhere it is a pop-up.
 */
import { render } from "../shared/vendor/lit-html.js";
import { miniView } from "./mini-view.js";

const SIZE = { width: 420, height: 240 };
const STYLES = ["/static/shared/tokens.css", "/static/shared/sign-in.css", "/static/console/console.css", "/static/console/mini.css"];

/**
 * @param {object} tools {changed(), onKey(event), onMouse(event), tick(), tickMs}: `tick` also runs on the small window's own timer,
 *   because a browser lets the timers of a page that is covered run once a minute
 */
export function miniWindow({ changed, onKey, onMouse, tick, tickMs }) {
  let shown = null;
  let root = null;

  async function open() {
    const fresh = (await floating()) ?? window.open("", "_blank", `popup,width=${SIZE.width},height=${SIZE.height}`);
    if (!fresh) return false;
    shown = fresh;
    root = dressed(fresh.document);
    fresh.document.addEventListener("keydown", onKey);
    fresh.document.addEventListener("mousedown", onMouse);
    fresh.addEventListener("pagehide", () => gone(fresh));
    fresh.setInterval(tick, tickMs);
    changed();
    return true;
  }

  function gone(closed) {
    if (shown !== closed) return;
    shown = root = null;
    window.focus();
    changed();
  }

  function draw(page, time, go) {
    if (shown?.closed) return gone(shown);
    if (!shown) return;
    shown.document.title = document.title;
    render(miniView(page, time, go), root, { creationScope: shown.document });
  }

  const isOpen = () => Boolean(shown) && !shown.closed;

  // A page that is left cannot be worked from its small window.
  addEventListener("pagehide", () => shown?.close());

  return {
    draw,
    isOpen,
    /** Whether that could be done: a browser may block the window. */
    async toggle() {
      if (!isOpen()) return open();
      shown.close();
      return true;
    },
    close: () => shown?.close(),
    /** The document that the keyboard writes in. */
    inUse: () => (isOpen() && shown.document.hasFocus() ? shown.document : document),
  };
}

/** Refused where the page is not secure, in other browsers, and by a policy. */
async function floating() {
  try {
    return (await window.documentPictureInPicture?.requestWindow(SIZE)) ?? null;
  } catch {
    return null;
  }
}

function dressed(target) {
  target.documentElement.lang = "vi";
  for (const path of STYLES) {
    const link = target.createElement("link");
    Object.assign(link, { rel: "stylesheet", href: new URL(path, location.href).href });
    target.head.append(link);
  }
  const root = target.createElement("div");
  root.className = "mini";
  target.body.replaceChildren(root);
  return root;
}
