/** The agent beside this page, on this machine: the only file that speaks to it. */

const PATIENCE_MS = 5000;

/**
 * Ask the agent; never throws.
 * @param {number|undefined} port of the agent, from the site's own description
 * @returns {Promise<{status: number, body: any}>} status 0 when there is no agent
 */
export async function besideAsk(port, method, path, body = null) {
  if (!port) return { status: 0, body: null };
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), PATIENCE_MS);
  try {
    const request = { method, credentials: "omit", cache: "no-store", signal: stop.signal };
    if (body !== null) Object.assign(request, { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
    const response = await fetch(`http://127.0.0.1:${port}${path}`, request);
    return { status: response.status, body: await response.json() };
  } catch {
    return { status: 0, body: null };
  } finally {
    clearTimeout(timer);
  }
}

/** The key of the touch that a number of the agent's was given for. */
export const keyOf = (ticket) => ticket.id.slice("alone-".length);

/** What an intent asks of the agent; null for those that only the server can answer. */
export function besideRequest(intent, ticket) {
  const { key, kind, service, lang, priority } = intent;
  if (kind === "ticket" && intent.alone) return { path: "/tickets", body: { key, service, lang, ...(priority ? { priority } : {}) } };
  if (kind === "reprint" && ticket?.provisional) return { path: "/print", body: { key: keyOf(ticket) } };
  return null;
}
