/**
 * Telling the holder that the number is called: the phone shakes and sounds. Browsers allow both only after a touch, and let a page
 * work only while the screen is lit, so the screen is kept lit where that is possible.
 */
import { softTone, unlock } from "../shared/tone.js";

const SHAKE_MS = [400, 200, 400, 200, 800];
const TONES_HZ = [659, 523, 659, 523];
const TONE_EVERY_MS = 700;

let wanted = false;
let lamp = null;

export const isOn = () => wanted;

/** Switch on or off; call it from a touch. */
export function set(on) {
  wanted = on;
  if (on) {
    unlock();
    // So that a hand feels that it works.
    navigator.vibrate?.(80);
  }
  keepLit();
}

/** Keep the screen lit while wanted; the browser lets go whenever the page is hidden, so it is asked again. */
export async function keepLit() {
  try {
    if (wanted && document.visibilityState === "visible" && (!lamp || lamp.released)) lamp = await navigator.wakeLock?.request("screen");
    if (!wanted) await lamp?.release();
  } catch {
    // An office network without TLS, a low battery: then the phone's own time-out decides.
  }
}

export function ring() {
  if (!wanted) return;
  navigator.vibrate?.(SHAKE_MS);
  TONES_HZ.forEach((hertz, number) => setTimeout(() => softTone(hertz), number * TONE_EVERY_MS));
}
