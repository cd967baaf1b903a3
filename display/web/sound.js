/**
 * The voice of a hall page (`?sound=1`): a soft chime and the spoken call, one after the other.
 *
 * A moment is spoken once: an id that is known is only answered again. A call that has waited too long, or whose ticket is no longer
 * called, is not spoken, since a late voice sends people to the wrong counter; the wall has long shown it. The ladder is that of
 * `audio/playlist.py`: a page has no speech engine, so several calls in one breath are their short forms in a row.
 */

const KNOWN_IDS = 500;
const VOICE_WAIT_MS = 8000;
const CHIME = { notes: [659.26, 523.25], noteS: 0.45, gapS: 0.25, level: 0.09 };
const FULL_VOLUME = 100;
const PAUSE_MS = 400;
const BETWEEN_MS = 200;
/** The ladder of `audio/playlist.py`: so many waiting calls, the first included, are said in one breath, up to so many of them. */
const JOINED_FROM = 3;
const JOINED_AT_MOST = 4;
/** Chime, sentence and pause of one full call: what would be late after it is said in the same breath. */
const FULL_CALL_MS = 6000;
/** A breath that began in time is finished, however its last part ages meanwhile; unless the wall was cut off in the middle of it. */
const OVERRUN_MS = 15000;
/** Calls of one instant arrive one by one. */
const GATHER_MS = 250;
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
  const loudness = context.createGain();
  loudness.connect(context.destination);
  const answers = new Map();
  let queue = [];
  let busy = false;
  /** Ends the sound that is being played; how often an emergency has cut what was said; whether one is being said. */
  let silence = null;
  let cuts = 0;
  let urgent = false;
  /** Percent at which was last spoken; null before. */
  let volume = null;

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

  /** Take a moment; the same id again is answered as before, never spoken again. A recall or a correction replaces a call that still waits. */
  function take(moment) {
    if (answers.has(moment.id)) {
      const told = answers.get(moment.id);
      if (told) answer(moment.id, ...told);
      return;
    }
    if (volumeOf(moment) === 0) {
      tell(moment.id, false, "quiet");
      return;
    }
    answers.set(moment.id, null);
    if (moment.kind === "emergency") {
      // Nobody is to be called to a counter while the hall is asked to leave it.
      drop((other) => (other.moment.kind === "emergency" ? null : "cut"));
      if (!urgent) {
        cuts += 1;
        silence?.();
      }
    }
    if (moment.kind === "recall" || moment.kind === "correction") drop((other) => (other.moment.code === moment.code && isToCome(other) ? "superseded" : null));
    // The server makes the voice while earlier calls are spoken.
    queue.push({ moment, arrived: performance.now(), full: load(moment.audio?.vi ?? moment.audio?.en) });
    pump();
  }

  function drop(reason) {
    const all = queue;
    queue = [];
    for (const one of all) {
      const why = reason(one);
      if (why) tell(one.moment.id, false, why);
      else queue.push(one);
    }
  }

  const sift = () => drop((one) => (until(one.moment.expires_at) <= 0 ? "stale" : gone(one) ? "gone" : null));

  function gone({ moment, arrived }) {
    if (!isToCome({ moment })) return false;
    const state = stateOf(moment.code);
    return state === undefined ? performance.now() - arrived > BOARD_FOLLOWS_MS : state !== "called";
  }

  /** Whether what was in time when its breath began may still be said. */
  const holds = (one) => !gone(one) && until(one.moment.expires_at) > -OVERRUN_MS;

  async function pump() {
    if (busy) return;
    busy = true;
    await pause(GATHER_MS);
    for (sift(); queue.length && !locked(); sift()) {
      const breath = nextBreath();
      queue = queue.filter((one) => !breath.includes(one));
      volume = volumeOf(breath[0].moment);
      loudness.gain.value = volume / FULL_VOLUME;
      await (breath.length > 1 ? sayJoined(breath) : say(breath[0]));
      await pause(PAUSE_MS);
    }
    busy = false;
  }

  /** Ladder: with nothing else to say the call and its short form, with one more the call, with two or more up to four short forms. */
  function nextBreath() {
    const alarm = queue.find(({ moment }) => moment.kind === "emergency");
    if (alarm) return [alarm];
    const calls = queue.filter(({ moment }) => moment.code);
    if (!calls.length) return [queue[0]];
    const hurried = calls.length >= JOINED_FROM || calls.slice(1).some(({ moment }) => until(moment.expires_at) <= FULL_CALL_MS);
    const alone = calls.findIndex((one) => !isToCome(one) || !one.moment.repeat_audio?.vi);
    const breath = calls.slice(0, alone === -1 ? JOINED_AT_MOST : Math.min(alone, JOINED_AT_MOST));
    return hurried && breath.length > 1 ? breath : [calls[0]];
  }

  async function say(one) {
    const { moment } = one;
    speaking(moment.code || null);
    const before = cuts;
    urgent = moment.kind === "emergency";
    const sound = await one.full;
    // Without a voice the chime at least makes people look up.
    await chime();
    if (sound && cuts === before) {
      await play(sound);
      if (cuts === before && moment.times > 1 && moment.repeat_audio?.vi && queue.length === 0) {
        const again = await load(moment.repeat_audio.vi);
        if (again && queue.length === 0 && holds(one)) await play(again);
      }
      const further = Object.keys(moment.audio ?? {}).filter((lang) => lang !== "vi");
      if (moment.audio?.vi && cuts === before) for (const lang of further) await play(await load(moment.audio[lang]));
      for (let again = 1; again < moment.times && !isToCome(one) && cuts === before; again += 1) {
        await pause(BETWEEN_MS);
        await play(sound);
      }
    }
    speaking(null);
    urgent = false;
    if (cuts !== before) tell(moment.id, false, "cut");
    else tell(moment.id, Boolean(sound), sound ? "played" : "no voice");
  }

  /** Several calls after one chime, each answered when it has been said. */
  async function sayJoined(breath) {
    const before = cuts;
    const coming = breath.map(({ moment }) => load(moment.repeat_audio.vi));
    await Promise.race([coming[0], pause(VOICE_WAIT_MS)]);
    await chime();
    for (const [at, one] of breath.entries()) {
      if (cuts !== before || !holds(one)) {
        tell(one.moment.id, false, cuts === before ? "gone" : "cut");
        continue;
      }
      speaking(one.moment.code);
      const sound = await coming[at];
      if (sound) {
        await play(sound);
        await pause(BETWEEN_MS);
      }
      tell(one.moment.id, Boolean(sound), sound ? "played joined" : "no voice");
    }
    speaking(null);
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
      source.connect(loudness);
      source.addEventListener("ended", ended);
      silence = () => source.stop();
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
      tone.connect(level).connect(loudness);
      tone.start(from);
      tone.stop(from + CHIME.noteS);
    });
    return pause((CHIME.notes.length * CHIME.noteS + CHIME.gapS) * 1000);
  }

  // Calls that wait while the sound is locked grow old too.
  setInterval(() => queue.length && (locked() ? sift() : pump()), 1000);
  return { take, locked, volume: () => volume };
}

/** Percent of full volume; 0 in the hall's quiet hours. */
const volumeOf = (moment) => Math.min(FULL_VOLUME, Math.max(0, moment.volume ?? FULL_VOLUME));
const isToCome = ({ moment }) => moment.kind === "call" || moment.kind === "recall";
const pause = (ms) => new Promise((go) => setTimeout(go, ms));
