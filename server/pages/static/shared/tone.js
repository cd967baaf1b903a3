/** Soft tones: somebody has come to an empty counter, needs help at a kiosk, or is called. Browsers allow sound only after a press. */

let context = null;

/** Call on the first press: it unlocks the sound. */
export function unlock() {
  context ??= window.AudioContext ? new AudioContext() : null;
  if (context?.state === "suspended") context.resume();
}

export const ARRIVED_HZ = 660;
export const HELP_HZ = 495;

export function softTone(hertz) {
  if (context?.state !== "running") return;
  const [tone, loudness] = [context.createOscillator(), context.createGain()];
  const now = context.currentTime;
  tone.frequency.value = hertz;
  loudness.gain.setValueAtTime(0, now);
  loudness.gain.linearRampToValueAtTime(0.15, now + 0.03);
  loudness.gain.exponentialRampToValueAtTime(0.001, now + 0.6);
  tone.connect(loudness).connect(context.destination);
  tone.start(now);
  tone.stop(now + 0.65);
}
