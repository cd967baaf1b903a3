/**
 * A code reader types what it read and ends with Enter, as a keyboard of US layout does.
 *
 * What counts is which key it pressed, not what became of it: a Vietnamese input method or another layout would turn "a1" into "á".
 * Nothing of a reading is kept longer than it takes.
 */

const FORGET_MS = 3000;
/** Longer texts are nobody's code; of them nothing is kept. */
export const LONGEST = 512;
/** Fewer keys are a person's. */
export const SHORTEST = 6;
/** Stands for whatever is no key of a reader: text that an input method has put in. */
const UNREADABLE = "\ufffd";

const SHIFTED_DIGITS = ")!@#$%^&*(";
/** By physical key: plain, and with Shift. */
const MARKS = {
  Minus: "-_",
  Equal: "=+",
  BracketLeft: "[{",
  BracketRight: "]}",
  Backslash: "\\|",
  IntlBackslash: "\\|",
  Semicolon: ";:",
  Quote: "'\"",
  Backquote: "`~",
  Comma: ",<",
  Period: ".>",
  Slash: "/?",
  Space: "  ",
  NumpadDivide: "//",
  NumpadMultiply: "**",
  NumpadSubtract: "--",
  NumpadAdd: "++",
  NumpadDecimal: "..",
};

/** What a press of a key means, whatever the machine makes of it; null for a key that writes nothing. */
export function character({ code = "", key = "", shiftKey = false }) {
  const letter = /^Key([A-Z])$/.exec(code)?.[1];
  if (letter) return shiftKey ? letter : letter.toLowerCase();
  const digit = /^Digit(\d)$/.exec(code)?.[1];
  if (digit) return shiftKey ? SHIFTED_DIGITS[digit] : digit;
  const pad = /^Numpad(\d)$/.exec(code)?.[1];
  if (pad) return pad;
  if (MARKS[code]) return MARKS[code][shiftKey ? 1 : 0];
  // No key at all: a program typed it.
  if ((code && code !== "Unidentified") || [...key].length !== 1) return null;
  return /[ -~]/.test(key) ? key : UNREADABLE;
}

const isEnd = ({ code, key }) => ["Enter", "NumpadEnter", "Tab"].includes(code) || (!code && ["Enter", "Tab"].includes(key));

/**
 * Hand every reading to `act`: its text, or null when it was too long to be any code. Half a reading is forgotten after 3 s.
 * @param {(text: string|null) => void} act
 * @param {{withinMs?: number}} [options] `withinMs`: on a page where people type, the longest time between two keys of a reader; what
 *   comes slower, or is shorter than 6 keys, is theirs and reaches the field they type in
 */
export function readScans(act, { withinMs = Infinity } = {}) {
  let text = "";
  let tooLong = false;
  let lastAt = -Infinity;
  let alt = "";
  let forget = null;
  const wipe = () => {
    text = "";
    alt = "";
    tooLong = false;
    clearTimeout(forget);
  };
  const add = (written, at) => {
    if (at - lastAt > withinMs) wipe();
    lastAt = at;
    // A text does not begin with a space: that is somebody pressing a button.
    if (written === null || (written === " " && !text)) return;
    if (text.length < LONGEST) text += written;
    else tooLong = true;
    clearTimeout(forget);
    forget = setTimeout(wipe, FORGET_MS);
  };
  const holdsBack = (event) => {
    // A space within a reading must not press the button that has the focus.
    if (event.code === "Space" && text && event.timeStamp - lastAt <= withinMs) event.preventDefault();
  };
  const ends = (event) => {
    const late = event.timeStamp - lastAt > withinMs;
    const read = tooLong ? null : text;
    const short = text.length < SHORTEST && withinMs !== Infinity;
    wipe();
    if (late || short) return;
    // The Enter of a reader must not press the button that has the focus.
    event.preventDefault();
    event.stopPropagation();
    act(read);
  };
  document.addEventListener(
    "keydown",
    (event) => {
      // Held by a hand: a reader lets go of every key.
      if (event.repeat || event.ctrlKey || event.metaKey) return;
      const pad = event.altKey && /^Numpad(\d)$/.exec(event.code)?.[1];
      if (pad) alt += pad;
      if (event.altKey) return;
      if (isEnd(event)) return void (text && ends(event));
      holdsBack(event);
      add(character(event), event.timeStamp);
    },
    true,
  );
  document.addEventListener(
    "keyup",
    (event) => {
      // Some readers write every letter as Alt and its number, which no layout and no input method can change.
      if (event.key !== "Alt" || !alt) return;
      const number = Number(alt);
      alt = "";
      add(number >= 32 && number < 127 ? String.fromCharCode(number) : UNREADABLE, event.timeStamp);
    },
    true,
  );
}
