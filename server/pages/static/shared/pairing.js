/**
 * How a page without a key becomes a device: it shows a code, waits until somebody in charge has typed it, and exchanges the key that it
 * gets for a cookie no script can read.
 */
import { command } from "./api.js";
import { html } from "./vendor/lit-html.js";

const ASK_EVERY_MS = 2000;
const AGAIN_MS = 10000;

/**
 * Ask for a code now, and for another whenever it has run out.
 *
 * @param {object} device
 * @param {"kiosk"|"display"} device.kind
 * @param {string} device.site site id
 * @param {string} device.place kiosk or hall
 * @param {(code: string|null) => void} device.onCode what to show; null while there is no code
 * @param {() => void} device.onPaired the cookie is there
 * @returns {{stop: () => void}}
 */
export function pairing({ kind, site, place, onCode, onPaired }) {
  let stopped = false;
  let timer = null;
  const later = (action, ms) => (timer = setTimeout(() => !stopped && action(), ms));

  async function ask() {
    const { status, body, retryAfterMs } = await command("POST", "/api/v1/pairings", { kind, site, place }, { patienceMs: 0 });
    if (stopped) return;
    if (status !== 201) {
      onCode(null);
      later(ask, Math.max(AGAIN_MS, retryAfterMs ?? 0));
      return;
    }
    onCode(body.code);
    later(() => collect(body), ASK_EVERY_MS);
  }

  async function collect(asked) {
    const path = `/api/v1/pairings/${encodeURIComponent(asked.code)}/key`;
    const { status, body } = await command("POST", path, { secret: asked.secret }, { patienceMs: 0 });
    if (stopped) return;
    if (status === 404) ask();
    else if (status === 201) exchange(body.key);
    else later(() => collect(asked), ASK_EVERY_MS);
  }

  async function exchange(key) {
    const { status } = await command("POST", "/api/v1/device-sessions", null, { key, patienceMs: 0 });
    if (stopped) return;
    if (status === 201) onPaired();
    else if (status === 401) ask();
    else later(() => exchange(key), ASK_EVERY_MS);
  }

  ask();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

/** The code in two groups, where it is typed, and a QR that opens the manager's page with it. */
export const codeView = (code) => html`<section class="pairing" role="status">
  <div>
    <p>Người phụ trách: quét mã QR, hoặc mở</p>
    <p class="where">${location.host}/manage</p>
    <p>thẻ Thiết bị, và nhập mã</p>
    <p class="code"><span>${code.slice(0, 3)}</span> <span>${code.slice(3)}</span></p>
    <p class="lasts">Mã dùng trong 10 phút, rồi máy hiện mã mới.</p>
  </div>
  <img src=${`/pairing/${code}/qr.svg`} alt="Mã QR mở trang phụ trách" />
</section>`;
