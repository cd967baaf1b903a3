/** The questions that take the list's place: pause, close, transfer, why out of order, the keys. Escape leaves each of them. */
import { html, nothing } from "../shared/vendor/lit-html.js";
import { counterLabel, plainName } from "../shared/words.js";
import { LIST } from "./keyboard.js";
import { orphaned, PAUSES, REASONS } from "./model.js";

const PANELS = {
  pause: pausePanel,
  close: closePanel,
  warn: warnPanel,
  transfer: transferPanel,
  reason: reasonPanel,
  help: helpPanel,
};

export function panel(page, go) {
  const { asking } = page;
  const drawn = PANELS[asking.what];
  return html`<div class="panel" data-test=${`panel-${asking.what}`}>
    ${drawn(page, asking, go)}
    ${asking.wrong ? html`<p class="wrong" role="alert">${asking.wrong}</p>` : nothing}
  </div>`;
}

const cancel = (go, words = "Thôi") => html`<button class="plain" @click=${() => go.cancel()}>${words} <kbd>Esc</kbd></button>`;

const choice = (key, text, act) => html`<li><button class="choice" @click=${act}><kbd>${key}</kbd> ${text}</button></li>`;

const numbered = (words, go) => html`<ol class="choices-list">
  ${words.map((text, index) => choice(index + 1, text, () => go.choice(index + 1)))}
</ol>`;

const confirm = (words, go) => html`<p class="row-end">
  <button class="strong" id="panel-first" @click=${() => go.confirm()}>${words} <kbd>Enter</kbd></button>${cancel(go)}
</p>`;

function pausePanel(page, asking, go) {
  const current = page.console.current;
  return html`<h2>Tạm nghỉ vì lý do gì?</h2>
    ${current ? html`<p>${current.code} vẫn được phục vụ xong rồi mới nghỉ.</p>` : nothing} ${numbered(PAUSES, go)}
    <p class="row-end">${cancel(go)}</p>`;
}

function closePanel(page, asking, go) {
  const warning = orphaned(page.console);
  return html`<h2>Đóng ${page.console.counter.name.toLowerCase()}?</h2>
    ${warning ? html`<p class="wrong">${warning}</p>` : nothing}
    <p>Ai đang chờ vẫn giữ nguyên chỗ. Mở lại lúc nào cũng được.</p>
    ${confirm("Đóng quầy", go)}`;
}

function warnPanel(page, asking, go) {
  return html`<h2>${asking.words}</h2>
    ${confirm(asking.yes, go)}`;
}

function transferPanel(page, asking, go) {
  const shown = page.console;
  const targets = [
    ...shown.services.filter((s) => s.id !== shown.current?.service).map((s) => [s.letter, plainName(s.name)]),
    ...shown.counters.filter((c) => c.id !== shown.counter.id).map((c) => [counterLabel(c.name), c.name + stateOf(c)]),
  ];
  return html`<h2>Chuyển ${asking.code} đến đâu?</h2>
    <form class="line" @submit=${(event) => go.submit(event)}>
      <label for="panel-first">Chữ của lĩnh vực hoặc số quầy</label>
      <input
        id="panel-first"
        name="typed"
        autocomplete="off"
        spellcheck="false"
        maxlength="12"
        @input=${(event) => go.typed(event.target.value)}
      />
      <output>${asking.found ?? ""}</output>
      <button class="strong" type="submit">Chuyển <kbd>Enter</kbd></button>
    </form>
    <ul class="targets">
      ${targets.map(([key, name]) => choice(key, name, () => go.transferTo(key)))}
    </ul>
    <p class="row-end">Giờ xếp hàng được giữ nguyên. ${cancel(go)}</p>`;
}

const stateOf = (counter) => (counter.state === "open" ? "" : counter.state === "paused" ? " (đang nghỉ)" : " (đang đóng)");

function reasonPanel(page, asking, go) {
  return html`<h2>Gọi ${asking.code} không theo thứ tự: vì sao?</h2>
    ${numbered(REASONS, go)}
    <form class="line" @submit=${(event) => go.submit(event)}>
      <label for="reason"><kbd>${REASONS.length + 1}</kbd> Lý do khác</label>
      <input id="reason" name="typed" autocomplete="off" maxlength="120" />
      <button class="strong" type="submit">Gọi ${asking.code} <kbd>Enter</kbd></button>
      ${cancel(go)}
    </form>
    <p>Lý do được lưu cùng lần gọi. Không ghi tên, số giấy tờ hay bệnh tật của công dân.</p>`;
}

function helpPanel(page, asking, go) {
  return html`<h2>Phím tắt</h2>
    <dl class="keys-list">${LIST.map(([key, words]) => html`<div><dt><kbd>${key}</kbd></dt><dd>${words}</dd></div>`)}</dl>
    <p class="row-end">
      <button class="plain" @click=${() => go.shortcuts(!page.shortcuts)}>${page.shortcuts ? "Tắt" : "Bật"} phím tắt</button>
      ${cancel(go, "Đóng bảng này")}
    </p>`;
}
