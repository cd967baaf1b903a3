/** What each intent of a citizen asks of the server. */

const part = encodeURIComponent;

/**
 * @param {object} intent of `model.js`
 * @returns {{method: string, path: string, body: object|null}} `path` below the site's own address
 */
export function requestOf(intent) {
  const ticket = intent.ticket ? `/tickets/${part(intent.ticket)}` : "";
  switch (intent.kind) {
    case "ticket": {
      const body = { service: intent.service };
      if (intent.lang !== "vi") body.lang = intent.lang;
      if (intent.priority) body.priority = intent.priority;
      if (intent.card) body.card = intent.card;
      return { method: "POST", path: "/tickets", body };
    }
    case "check_in":
      return { method: "POST", path: `/appointments/${part(intent.code)}/check-in`, body: intent.lang === "vi" ? {} : { lang: intent.lang } };
    case "find":
      return { method: "GET", path: intent.code ? `/tickets?code=${part(intent.code)}` : ticket, body: null };
    case "rejoin":
    case "cancel":
    case "reprint":
      return { method: "POST", path: `${ticket}/${intent.kind}`, body: {} };
    default:
      throw new Error(`No request is known for the intent ${intent.kind}.`);
  }
}
