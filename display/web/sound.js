/**
 * The voice of a hall page (`?sound=1`): a soft chime and the spoken call, one after the other.
 *
 * A moment is spoken once: an id that is known is only answered again. A call that has waited too long, or whose ticket is no longer
 * called, is not spoken, since a late voice sends people to the wrong counter; the wall has long shown it.
 */

const KNOWN_IDS = 500;
const VOICE_WAIT_MS = 8000;
const CHIME = { notes: [659.26, 523.25], noteS: 0.45, gapS: 0.25, level: 0.09 };
const PAUSE_MS = 400;
/** A board follows its announcement at once; after this a call the board does not know was taken back. */
const BOARD_FOLLOWS_MS = 700;

/**
 * @param {object} options
 * @param {(instant: string) => number} options.until real milliseconds until an instant of hall time
 * @param {(code: string) => string|undefined} options.stateOf the state the board shows for a code
 * @param {(id: string, ok: boolean, detail: string) => void} options.answer tells what became of a moment
 * @param {(code: string|null) => void} options.speaking whose call is being spoken now
 * @param {() => void} options.changed the sound was locked or unlocked
 */
export function voice({ until, stateOf, answer, speaking, changed }) {
  const context = new AudioContext();
  const answers = new Map();
  let queue = [];
  let busy = false;

  context.addEventListener("statechange", () => {
    changed();
    pump();
  });
  const unlock = () => context.state !== "running" && context.resume();
  for (const gesture of ["pointerdown", "keydown", "click"]) addEventListener(gesture, unlock);
  unlock();

  const locked = () => context.state !== "running";

  function tell(id, ok, detail) {
    answers.set(id, [ok, detail]);
    if (answers.size > KNOWN_IDS) answers.delete(answers.keys().next().value);
    answer(id, ok, detail);
  }

  /** Take a moment; the same id again is answered as before, never spoken again. */
  function take(moment) {
    if (answers.has(moment.id)) {
      const told = answers.get(moment.id);
      if (told) answer(moment.id, ...told);
      return;
    }
    answers.set(moment.id, null);
    // The server makes the voice while earlier calls are spoken.
    queue.push({ moment, arrived: performance.now(), full: load(moment.audio?.vi) });
    pump();
  }

  function sift() {
    const now = performance.now();
    queue = queue.filter(({ moment, arrived }) => {
      const why = until(moment.expires_at) <= 0 ? "stale" : gone(moment, now - arrived) ? "gone" : null;
      if (why) tell(moment.id, false, why);
      return !why;
    });
  }

  function gone(moment, waited) {
    if (moment.kind !== "call" && moment.kind !== "recall") return false;
    const state = stateOf(moment.code);
    return state === undefined ? waited > BOARD_FOLLOWS_MS : state !== "called";
  }

  async function pump() {
    if (busy) return;
    busy = true;
    for (sift(); queue.length && !locked(); sift()) {
      const at = Math.max(0, queue.findIndex(({ moment }) => moment.kind !== "notice"));
      const [next] = queue.splice(at, 1);
      await say(next, queue.length);
      await pause(PAUSE_MS);
    }
    busy = false;
  }

  /** Ladder: with nothing else to say the call and its short form, with one more the call, with two or more the short form alone. */
  async function say({ moment, full }, others) {
    speaking(moment.code ?? null);
    const short = others >= 2 && moment.repeat_audio?.vi;
    const sound = await (short ? load(moment.repeat_audio.vi) : full);
    await chime();
    if (sound) {
      await play(sound);
      if (moment.times > 1 && moment.repeat_audio?.vi && !short && queue.length === 0) {
        const again = await load(moment.repeat_audio.vi);
        if (again && queue.length === 0 && stateOf(moment.code) === "called") await play(again);
      }
      if (moment.audio?.en) await play(await load(moment.audio.en));
    }
    speaking(null);
    tell(moment.id, Boolean(sound), sound ? "played" : "no voice");
  }

  async function load(path) {
    if (!path) return null;
    try {
      const stop = new AbortController();
      const timer = setTimeout(() => stop.abort(), VOICE_WAIT_MS);
      const response = await fetch(path, { signal: stop.signal });
      const bytes = response.ok ? await response.arrayBuffer() : null;
      clearTimeout(timer);
      return bytes && (await context.decodeAudioData(bytes));
    } catch {
      return null;
    }
  }

  function play(sound) {
    if (!sound) return Promise.resolve();
    return new Promise((ended) => {
      const source = context.createBufferSource();
      source.buffer = sound;
      source.connect(context.destination);
      source.addEventListener("ended", ended);
      // A sound card that is pulled out never ends a sound; the next call must not wait for it.
      setTimeout(ended, sound.duration * 1000 + 2000);
      source.start();
    });
  }

  /** Two soft falling tones, low enough for old ears and quieter than the voice. */
  function chime() {
    const begin = context.currentTime + 0.02;
    CHIME.notes.forEach((hertz, at) => {
      const tone = context.createOscillator();
      const level = context.createGain();
      const from = begin + at * CHIME.noteS;
      tone.frequency.value = hertz;
      level.gain.setValueAtTime(0, from);
      level.gain.linearRampToValueAtTime(CHIME.level, from + 0.02);
      level.gain.exponentialRampToValueAtTime(0.001, from + CHIME.noteS);
      tone.connect(level).connect(context.destination);
      tone.start(from);
      tone.stop(from + CHIME.noteS);
    });
    return pause((CHIME.notes.length * CHIME.noteS + CHIME.gapS) * 1000);
  }

  // Calls that wait while the sound is locked grow old too.
  setInterval(() => queue.length && (locked() ? sift() : pump()), 1000);
  return { take, locked };
}

const pause = (ms) => new Promise((go) => setTimeout(go, ms));
