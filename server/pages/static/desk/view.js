/** Draws the helper's desk. */
import { html, nothing } from "../shared/vendor/lit-html.js";
import { classMap } from "../shared/vendor/directives/class-map.js";
import { hhmm } from "../shared/clock.js";
import { notice } from "../shared/sign-in.js";
import { plainName, serviceName } from "../shared/words.js";
import { about, fieldsOf, offers } from "./model.js";

export const waitView = (page) => html`<main class="entry"><h1>Bàn hướng dẫn</h1><p>${page.trouble ?? "Đang nối máy chủ…"}</p></main>`;

export const deniedView = (page, go) => html`<main class="entry">
  <h1>Bàn hướng dẫn</h1>
  ${notice(page.trouble)}
  <button class="strong" @click=${() => go.signOut()}>Đăng nhập bằng tài khoản khác</button>
</main>`;

export function deskView(page, go) {
  return html`<header class="bar">
      <h1>Bàn hướng dẫn</h1>
      <p>${plainName(page.site.short_name || page.site.name)} · ${page.me.name}</p>
      ${page.stale ? html`<p class="stale" role="status">Đang mất kết nối</p>` : nothing}
      <label>In phiếu ở ${kioskChoice(page, go)}</label>
      <button class="plain" @click=${() => go.signOut()}>Đăng xuất</button>
    </header>
    <main class="desk">${take(page, go)} ${look(page, go)}</main>`;
}

const kioskChoice = (page, go) => html`<select id="kiosk" @change=${(event) => go.kiosk(event.target.value)}>
  ${page.site.kiosks.map((kiosk) => html`<option value=${kiosk.id} ?selected=${kiosk.id === page.kiosk}>${kiosk.name}</option>`)}
  <option value="" ?selected=${!page.kiosk}>không in</option>
</select>`;

function take(page, go) {
  const { priority_groups: groups } = page.site;
  const kind = (value, words) => html`<button class="kind" aria-pressed=${page.priority === value} @click=${() => go.priority(value)}>${words}</button>`;
  return html`<section class="take" aria-labelledby="take">
    <h2 id="take">Lấy số cho công dân</h2>
    ${groups.length
      ? html`<div class="kinds" role="group" aria-label="Diện">${kind(null, "Thường")}${groups.map((group) => kind(group.id, group.name))}</div>`
      : nothing}
    ${page.site.kiosks.some((kiosk) => kiosk.cards) ? cardLine(page, go) : nothing}
    <div class="fields">
      ${fieldsOf(page.site, page.boards).map(
        ({ service, open, line }) => html`<button
          class=${classMap({ card: true, field: true, shut: !open })}
          data-field=${service.id}
          ?disabled=${page.busy || !open}
          @click=${() => go.take(service.id)}
        >
          <strong>${plainName(serviceName(service))}</strong><span>${line}</span>
        </button>`,
      )}
    </div>
  </section>`;
}

/** Always there, so that nothing moves under a finger when a card is read. */
function cardLine(page, go) {
  if (!page.card) return html`<p class="card-line">Không bắt buộc có thẻ. Mã QR trên thẻ: gợi ý diện, tránh lấy số trùng.</p>`;
  return html`<p class="card-line card-read" role="status">
    ${page.card.words} <button class="plain" @click=${() => go.dropCard()}>Bỏ thẻ</button>
  </p>`;
}

function look(page, go) {
  return html`<section class="look" aria-labelledby="look">
    <h2 id="look">Mã hẹn, hoặc phiếu đã có</h2>
    <form @submit=${(event) => go.typed(event)}>
      <input id="code" name="code" aria-label="Mã hẹn 7 số, hoặc số trên phiếu" placeholder="482 1375 hoặc A012" autocomplete="off" maxlength="40" />
      <button class="strong" type="submit" ?disabled=${page.busy}>Tìm</button>
    </form>
    <p class="hint">Đưa mã QR của lịch hẹn hoặc của phiếu vào đầu đọc cũng được.</p>
    <div class="answer" aria-live="polite">
      ${notice(page.trouble)} ${page.again ? html`<button class="strong" @click=${() => go.act("reprint", page.again)}>In lại phiếu</button>` : nothing}
      ${page.ticket ? ticket(page, go) : nothing}
    </div>
  </section>`;
}

function ticket(page, go) {
  const { ticket: shown, site } = page;
  const mark = shown.slot ? `CÓ HẸN ${hhmm(shown.slot)}` : shown.priority ? "ƯU TIÊN" : null;
  return html`<article class="card ticket">
    ${page.done ? html`<p class="done">${page.done}</p>` : nothing}
    <p class="code">${shown.code}</p>
    <p><b>${shown.service_name}</b>${mark ? html` <span class="mark">${mark}</span>` : nothing}</p>
    ${about(shown, site).map((line) => html`<p>${line}</p>`)}
    <div class="verbs">
      ${offers(shown, site).map(
        ({ verb, words, main }) =>
          html`<button class=${main ? "strong" : "plain"} data-verb=${verb} ?disabled=${page.busy} @click=${() => go.act(verb, shown.id)}>${words}</button>`,
      )}
      <button class="plain" @click=${() => go.clear()}>Xong</button>
    </div>
  </article>`;
}
