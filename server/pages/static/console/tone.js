/** One soft tone, when somebody comes to an empty counter. Browsers allow sound only after a touch or a key. */

let context = null;

/** Call on the first press: it unlocks the sound. */
export function unlock() {
  context ??= window.AudioContext ? new AudioContext() : null;
  if (context?.state === "suspended") context.resume();
}

export function softTone() {
  if (context?.state !== "running") return;
  const [tone, loudness] = [context.createOscillator(), context.createGain()];
  const now = context.currentTime;
  tone.frequency.value = 660;
  loudness.gain.setValueAtTime(0, now);
  loudness.gain.linearRampToValueAtTime(0.15, now + 0.03);
  loudness.gain.exponentialRampToValueAtTime(0.001, now + 0.6);
  tone.connect(loudness).connect(context.destination);
  tone.start(now);
  tone.stop(now + 0.65);
}
