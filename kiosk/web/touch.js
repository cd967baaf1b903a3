/**
 * Fingers on glass: a target acts when the finger leaves it, with a slip of up to 10 mm, and looks pressed as soon as it is touched.
 * Nothing else of the browser answers.
 */

const SLIP_MM = 10;

/**
 * Listen to touches below `root`.
 * @param {HTMLElement} root holds elements with `data-touch="name"`
 * @param {() => number} mm pixels per millimetre
 * @param {(touch: {on: string|null, downAt: number}) => void} act what was touched; null for an empty place or a finger that slid away
 */
export function listen(root, mm, act) {
  const down = new Map();
  const targetAt = (element) => element?.closest?.("[data-touch]") ?? null;

  const release = (event) => {
    const press = down.get(event.pointerId);
    down.delete(event.pointerId);
    press?.target?.removeAttribute("data-pressed");
    return press;
  };

  root.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "mouse" && event.button !== 0) return;
    const target = targetAt(event.target);
    target?.setAttribute("data-pressed", "");
    down.set(event.pointerId, { target, on: target?.dataset.touch ?? null, x: event.clientX, y: event.clientY, at: performance.now() });
  });

  document.addEventListener("pointerup", (event) => {
    const press = release(event);
    if (!press) return;
    const slip = Math.hypot(event.clientX - press.x, event.clientY - press.y);
    const under = targetAt(document.elementFromPoint(event.clientX, event.clientY))?.dataset.touch ?? null;
    const meant = press.on !== null && (under === press.on || slip <= SLIP_MM * mm());
    act({ on: meant ? press.on : null, downAt: press.at });
  });
  document.addEventListener("pointercancel", release);

  // A click that no pointer made comes from a keyboard or an assistive device.
  root.addEventListener("click", (event) => {
    const target = targetAt(event.target);
    if (event.detail === 0 && target) act({ on: target.dataset.touch, downAt: performance.now() });
  });
  document.addEventListener("contextmenu", (event) => event.preventDefault());
  document.addEventListener("dragstart", (event) => event.preventDefault());
  // A kiosk has no keyboard; whoever plugs one in gets no zoom, no print and no search from the browser.
  document.addEventListener("wheel", (event) => event.ctrlKey && event.preventDefault(), { passive: false });
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey || /^(F\d+|ContextMenu|Browser.*|Launch.*)$/.test(event.key)) event.preventDefault();
    },
    true,
  );
}
