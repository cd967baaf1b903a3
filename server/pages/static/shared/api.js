/**
 * Commands and queries over HTTP.
 *
 * A command that moves something carries one idempotency key for its whole life, so that asking again after a lost answer
 * repeats the question, never the act.
 */

const ATTEMPT_MS = 8000;
const PAUSES_MS = [300, 700, 1500, 2000];
/** Answers after which the same question may be asked again: the server, or something before it, was not ready. */
const TRY_AGAIN = new Set([502, 503, 504]);

let speaks = "1";

/**
 * As whom this page speaks, where its browser holds two keys: `staff` (an account that is signed in) or `device` (this kiosk, this screen).
 * A kiosk must not give numbers in the name of a helper who has signed in next door, nor a console be told that a hall screen may not call.
 */
export function speakAs(who) {
  speaks = who;
}

/** The version of the server at this page's first question: that is the version of the page. */
export let pageVersion = "";

/**
 * A new idempotency key. `crypto.randomUUID` would need a secure context, which a page in an office network without TLS is not.
 */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(10));
  // The moment comes first: answers of one day lie side by side in the store.
  return Date.now().toString(16).padStart(12, "0") + Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Send one command or query; never throws.
 *
 * @param {string} method "GET", "POST", ...
 * @param {string} path absolute path, e.g. "/api/v1/sites/demo/tickets"
 * @param {object|null} [body] sent as JSON
 * @param {object} [options]
 * @param {string} [options.key] device key for `Authorization: Bearer`; pages with a session cookie leave it out
 * @param {string} [options.idempotencyKey] the key of this intent; kept over all attempts
 * @param {"vi"|"en"} [options.lang] language of the sentence in a refusal
 * @param {number} [options.patienceMs=20000] how long to go on asking; 0 asks once
 * @param {number} [options.attemptMs=8000] how long to wait for one answer
 * @param {AbortSignal} [options.signal] gives up early
 * @returns {Promise<{status: number, body: any}>} the answer; when there was none, status 0 and body.error.code "no_answer".
 *   A POST without an idempotency key is sent once only: its fate would be unknown.
 */
export async function command(method, path, body = null, options = {}) {
  const { key, idempotencyKey, lang, patienceMs = 20000, attemptMs = ATTEMPT_MS, signal } = options;
  const headers = { Accept: "application/json", "X-Moiso": speaks };
  if (body !== null) headers["Content-Type"] = "application/json";
  if (lang) headers["Accept-Language"] = lang;
  if (key) headers.Authorization = `Bearer ${key}`;
  if (idempotencyKey) headers["Idempotency-Key"] = idempotencyKey;
  const request = { method, headers, credentials: "same-origin", cache: "no-store", body: body === null ? undefined : JSON.stringify(body) };
  const repeatable = method !== "POST" || Boolean(idempotencyKey);
  const until = performance.now() + patienceMs;

  for (let attempt = 0; ; attempt += 1) {
    const answer = await once(path, request, attemptMs, signal);
    if (answer.status !== 0 && !TRY_AGAIN.has(answer.status)) return answer;
    const pause = Math.max(PAUSES_MS[Math.min(attempt, PAUSES_MS.length - 1)], answer.retryAfterMs ?? 0);
    if (!repeatable || signal?.aborted || performance.now() + pause > until) return answer;
    await new Promise((go) => setTimeout(go, pause));
  }
}

async function once(path, request, attemptMs, signal) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), attemptMs);
  const abort = () => stop.abort();
  signal?.addEventListener("abort", abort);
  try {
    const response = await fetch(path, { ...request, signal: stop.signal });
    const text = await response.text();
    pageVersion ||= response.headers.get("X-Moiso-Version") ?? "";
    const seconds = Number(response.headers.get("Retry-After"));
    return { status: response.status, body: parsed(text), retryAfterMs: seconds > 0 ? seconds * 1000 : undefined };
  } catch {
    return { status: 0, body: { error: { code: "no_answer", message: "", details: {} } } };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

function parsed(text) {
  if (!text) return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
