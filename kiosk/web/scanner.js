/**
 * A code reader types what it read and ends with Enter, as a keyboard does. Nothing of it is kept longer than the reading takes.
 */

const FORGET_MS = 3000;
const LONGEST = 300;

/** Hand every text that ends with Enter to `act`; half a text is forgotten after 3 s. */
export function readScans(act) {
  let text = "";
  let forget = null;
  const wipe = () => {
    text = "";
    clearTimeout(forget);
  };
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      if (event.key === "Enter" && text) {
        // The Enter of a reader must not press the button that has the focus.
        event.preventDefault();
        event.stopPropagation();
        const read = text;
        wipe();
        act(read);
      } else if (event.key.length === 1 && (event.key !== " " || text) && text.length < LONGEST) {
        text += event.key;
        clearTimeout(forget);
        forget = setTimeout(wipe, FORGET_MS);
      }
    },
    true,
  );
}
