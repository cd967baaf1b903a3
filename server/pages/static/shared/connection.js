/**
 * The socket of a page: the only file that knows Socket.IO.
 *
 * States (`board`, `console`, `ticket`, `floor`) arrive whole, so a lost or late frame does not matter; moments (`announcement`,
 * `print`) arrive once per connection that is alive, and again with the same id while nobody answered them.
 */
import { pageVersion } from "./api.js";
import { io } from "./vendor/socket.io.esm.min.js";

/** A screen that has heard nothing for this long says that it is stale; the server repeats a board every 2 s. */
export const STALE_AFTER_MS = 5000;
const HELLO_TIMEOUT_MS = 4000;
const RETRY_MAX_MS = 2000;
/**
 * After a break a screen must be whole within 3 s. A network asks once more after 1 s whether anybody is there, and then only after 3: an
 * attempt that waits longer than this, or a longer pause before the next, could sleep through the return.
 */
const CONNECT_TIMEOUT_MS = 1800;
const RECONNECT_MAX_MS = 500;
const REFUSED_RETRY_MS = 5000;
const BEAT_EVERY_MS = 5000;
const STATES = ["board", "console", "ticket", "floor"];
const MOMENTS = ["announcement", "print"];

/**
 * Whether a state may replace the one shown.
 * A revision belongs to its day, so only two states of the same day can be compared; ISO days order as text.
 */
export function isNewer(state, shown) {
  if (!shown || !state.day || !shown.day || state.day > shown.day) return true;
  if (state.day < shown.day) return false;
  return (state.revision ?? 0) >= (shown.revision ?? 0);
}

/**
 * Open a connection that lives as long as the page.
 *
 * @param {object} options
 * @param {string} options.site site id
 * @param {"hall"|"counter"|"console"|"ticket"|"floor"|"device"} options.kind what is listened to
 * @param {string} options.id hall, counter, ticket or device id
 * @param {string} [options.key] device key; with one the page is a device: it beats every 5 s and may answer moments
 * @param {boolean} [options.device] the page is a device by its cookie; refused with `unauthenticated` when the cookie is none any more
 * @param {(state: object, event: string) => void} [options.onState] a whole state, from the hello answer (`"hello"`) or an event
 * @param {(moment: object, event: string) => void} [options.onMoment] an announcement or a print moment; ids may repeat
 * @param {() => void} [options.onStale] nothing heard for STALE_AFTER_MS; called once until the next frame
 * @param {() => void} [options.onBack] the first frame after onStale; called before its onState
 * @param {(error: {code: string, message: string, details?: object}) => void} [options.onRefused] the server said no to the hello
 *   (bad key, unknown hall, signed out); asked again every 5 s, since the reason may be repaired without touching this screen
 * @param {() => object} [options.beat] what a device tells with each beat; nothing by default
 * @param {boolean} [options.repeats=true] whether the server repeats this state every 2 s; without, only a broken socket is stale
 * @returns {{done: (id: string, ok: boolean, detail?: string) => void, refresh: () => void, close: () => void, connected: () => boolean,
 *   keyed: boolean}}
 */
export function connect(options) {
  const { site, kind, id, key, device = false, repeats = true } = options;
  const speaks = Boolean(key) || device;
  const call = (name, ...values) => options[name]?.(...values);
  let shown = null;
  let heardAt = performance.now();
  let stale = false;
  let closed = false;
  let retry = null;
  let welcome = false;

  const socket = io({
    transports: ["websocket"],
    auth: key ? { key } : {},
    reconnection: true,
    reconnectionAttempts: Infinity,
    reconnectionDelay: 250,
    reconnectionDelayMax: RECONNECT_MAX_MS,
    timeout: CONNECT_TIMEOUT_MS,
  });

  function heard() {
    heardAt = performance.now();
    if (stale) {
      stale = false;
      call("onBack");
    }
  }

  function take(state, event) {
    heard();
    shown = state;
    call("onState", state, event);
  }

  function later(action, ms) {
    clearTimeout(retry);
    retry = setTimeout(() => !closed && action(), ms);
  }

  function refused(error) {
    call("onRefused", error);
    later(() => (socket.connected ? hello() : socket.connect()), REFUSED_RETRY_MS);
  }

  function hello() {
    if (!socket.connected) return;
    socket.timeout(HELLO_TIMEOUT_MS).emit("hello", { site, kind, id, ...(device ? { device } : {}) }, (late, answer) => {
      if (closed) return;
      // A server that accepts sockets but does not answer is as good as none: start again from the connection.
      if (late) return void socket.io.engine?.close();
      if (answer?.error) return void refused(answer.error);
      welcome = true;
      // The first answer of a connection is the truth even if its revision is smaller: a server may have started over with an empty day.
      take(answer ?? {}, "hello");
      beat();
    });
  }

  socket.on("connect", hello);
  socket.on("connect_error", (problem) => {
    if (problem?.data?.error) refused(problem.data.error);
    else if (!socket.active) later(() => socket.connect(), RETRY_MAX_MS);
  });
  // Socket.IO does not come back by itself after the server closed the door; a wall screen always has to.
  socket.on("disconnect", (reason) => {
    welcome = false;
    if (reason === "io server disconnect") later(() => socket.connect(), RETRY_MAX_MS);
  });
  for (const event of STATES) {
    socket.on(event, (state) => {
      if (isNewer(state, shown)) take(state, event);
      else heard();
    });
  }
  for (const event of MOMENTS) {
    socket.on(event, (moment) => {
      heard();
      call("onMoment", moment, event);
    });
  }

  const watch = setInterval(() => {
    if (!repeats && socket.connected && shown) heardAt = performance.now();
    if (!stale && performance.now() - heardAt > STALE_AFTER_MS) {
      stale = true;
      // A connection that has gone silent may never say that it is dead; a new one knows at once when the server is back.
      socket.io.engine?.close();
      call("onStale");
    }
  }, 250);
  /** Tell staff that this screen lives. Only after a hello was accepted: before it, nobody is a device. */
  function beat() {
    if (!speaks || !socket.connected || !welcome) return;
    socket.emit("beat", { version: pageVersion, clock: Date.now() / 1000, ...options.beat?.() });
  }
  const beats = speaks ? setInterval(beat, BEAT_EVERY_MS) : null;

  return {
    /** Answer a moment; say it again for each time the moment is sent again. Without a key a page only listens, and this does nothing. */
    done(moment, ok, detail = "") {
      if (speaks && socket.connected) socket.emit("done", { id: moment, ok, detail });
    },
    /** Ask for the whole state now. */
    refresh: hello,
    /** End the connection for good. */
    close() {
      closed = true;
      clearInterval(watch);
      clearInterval(beats);
      clearTimeout(retry);
      socket.close();
    },
    connected: () => socket.connected,
    /** Whether the page speaks as a device. */
    keyed: speaks,
  };
}
