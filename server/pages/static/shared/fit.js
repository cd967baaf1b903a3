/**
 * Text that must not be cut: makes it smaller, in fixed steps, until it fits its box.
 *
 * An element marked `data-fit` uses `calc(SIZE * var(--fit, 1))` for its font size; with `data-fit="width"` only the width counts, for
 * rows whose line height is smaller than the letters. `data-fit-least` is the smallest share allowed (0.5 without it); a part marked
 * `data-fit-drop` may be left out first. Steps, not a computed share, so that two equal boards look equal to the pixel.
 */

const STEP = 0.05;
const fitted = new WeakMap();
let fonts = 0;

// What was measured in a substitute font must be measured again when the real one has come.
document.fonts?.addEventListener("loadingdone", () => {
  fonts += 1;
});

const signOf = (box) => `${box.textContent}|${box.clientWidth}x${box.clientHeight}|${box.className}|${fonts}`;

const overflows = (box) =>
  box.scrollWidth > box.clientWidth + 1 || (box.dataset.fit !== "width" && box.scrollHeight > box.clientHeight + 1);

/** Fit every marked element below `root`; elements whose text and size have not changed are left alone. */
export function fit(root) {
  for (const box of root.querySelectorAll("[data-fit]")) {
    if (fitted.get(box) === signOf(box)) continue;
    const least = Number(box.dataset.fitLeast ?? 0.5);
    const spare = box.querySelector("[data-fit-drop]");
    if (spare) spare.hidden = false;
    box.style.setProperty("--fit", "1");
    if (spare && overflows(box)) spare.hidden = true;
    for (let share = 1 - STEP; overflows(box) && share >= least - 0.001; share -= STEP) box.style.setProperty("--fit", share.toFixed(2));
    fitted.set(box, signOf(box));
  }
}
