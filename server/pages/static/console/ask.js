/**
 * One press, one question, asked until it is answered: every attempt carries the same idempotency key, so it is done once.
 */
import { command } from "../shared/api.js";

/** A press older than this is not sent any more: the clerk has gone on, and a call out of the blue would be worse than none. */
const PATIENCE_MS = 20000;
const PAUSES_MS = [300, 700, 1500, 2500];
const STORAGE_PAUSE_MS = 5000;

export const NO_ANSWER = "Chưa nhận được trả lời. Đang hỏi lại, không gọi hai lần.";
export const NOT_STORED = "Máy chủ chưa ghi được. Chưa gọi ai. Tự thử lại sau 5 giây.";
const GAVE_UP = "Chưa nhận được trả lời. Khi nối lại, xem ai đang ở quầy rồi bấm lại.";

/**
 * Send a command. `trouble(sentence)` is called when an attempt was not answered and another will follow.
 * @returns {Promise<{ok: boolean, status: number, body: any, message: string|null}>} `message` is the refusal's sentence
 */
export async function insist(path, body, idempotencyKey, trouble, post = command) {
  const until = performance.now() + PATIENCE_MS;
  for (let attempt = 0; ; attempt += 1) {
    const { status, body: answer } = await post("POST", path, body, { idempotencyKey, patienceMs: 0 });
    if (status >= 200 && status < 300) return { ok: true, status, body: answer, message: null };
    const lost = status === 0 || status === 502 || status === 504;
    const refused = answer?.error?.message;
    if (!lost && status !== 503) return { ok: false, status, body: answer, message: refused ?? `Máy chủ trả lời ${status}.` };
    const pause = lost ? PAUSES_MS[Math.min(attempt, PAUSES_MS.length - 1)] : STORAGE_PAUSE_MS;
    if (performance.now() + pause > until) return { ok: false, status, body: answer, message: (!lost && refused) || GAVE_UP };
    trouble(lost ? NO_ANSWER : NOT_STORED);
    await new Promise((go) => setTimeout(go, pause));
  }
}
