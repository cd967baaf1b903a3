/** Draws the hall's equipment: what wants looking after, every device with its last sign of life, and how a new one is added. */
import { html, nothing } from "../shared/vendor/lit-html.js";
import { repeat } from "../shared/vendor/directives/repeat.js";
import { alarms, devices, howToUse, KIND_NAMES, placesOf } from "./devices.js";

const editing = (page, what, id) => page.open?.what === what && page.open.id === id;

/** The red list; nothing while all is well. */
export function alarmList(page) {
  const found = alarms(page.floor);
  if (!found.length) return nothing;
  return html`<section class="alarms" aria-labelledby="alarms">
    <h2 id="alarms">Cần xem ngay</h2>
    <ul>
      ${repeat(
        found,
        (alarm) => alarm.id,
        (alarm) =>
          html`<li class=${alarm.urgent ? "urgent" : "later"}>
            <p><strong>${alarm.words}</strong> <span>${alarm.since}</span></p>
            <p>${alarm.todo}</p>
          </li>`,
      )}
    </ul>
  </section>`;
}

const HEADS = ["Thiết bị", "Liên lạc", "Thấy lúc", "Giấy", "Âm lượng", "Đồng hồ", "Bản", ""];

export function devicesTab(page, go) {
  if (!page.devices) return html`<p>Đang hỏi máy chủ…</p>`;
  const { site } = page;
  const places = new Map([...site.kiosks, ...placesOf(site, "audio")].map((place) => [place.id, place.name]));
  const rows = devices(page.devices, places);
  return html`${alarmList(page)}
    <section class="card" aria-labelledby="devices">
      <h2 id="devices">Thiết bị</h2>
      ${rows.length
        ? html`<table class="equipment">
            <thead><tr>${HEADS.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
            ${repeat(
              rows,
              (row) => row.name,
              (row) => deviceRow(page, row, go),
            )}
          </table>`
        : html`<p class="second pad">Chưa có thiết bị nào.</p>`}
    </section>
    <section class="card" aria-labelledby="add-device">
      <h2 id="add-device">Thêm thiết bị</h2>
      ${page.made ? madePanel(page, go) : addDevice(page, go)}
    </section>`;
}

function deviceRow(page, row, go) {
  const open = editing(page, "revoke", row.name);
  const cell = (at, value, classes = "") => html`<td class=${classes} data-head=${HEADS[at]}>${value}</td>`;
  return html`<tbody data-device=${row.name}>
    ${row.programs.map(
      (one, number) =>
        html`<tr>
          <th scope="row">
            ${number ? nothing : html`<strong>${row.name}</strong> <span class="place">${row.place}</span>`}
            ${row.programs.length > 1 ? html`<span class="part">${one.what}</span>` : nothing}
          </th>
          ${cell(1, html`<strong>${one.life}</strong>`, `life ${one.alive ? "done" : "warn"}`)} ${cell(2, one.seen)}
          ${cell(3, one.paper, one.wrong.paper ? "warn" : "")} ${cell(4, one.volume, one.wrong.volume ? "warn" : "")}
          ${cell(5, one.clock, one.wrong.clock ? "warn" : "")} ${cell(6, one.version)}
          <td class="act">
            ${number
              ? nothing
              : html`<button class="plain" aria-expanded=${open} @click=${() => go.open("revoke", row.name)}>Thu hồi</button>`}
          </td>
        </tr>`,
    )}
    ${open
      ? html`<tr class="asks">
          <td colspan=${HEADS.length}>
            <div class="panel">
              <p>Thu hồi khóa của ${row.name}? Thiết bị này ngừng làm việc cho đến khi có khóa mới.</p>
              <p class="buttons">
                <button class="danger" @click=${() => go.revoke(row)}>Thu hồi khóa</button>
                <button class="plain" @click=${() => go.close()}>Thôi</button>
              </p>
            </div>
          </td>
        </tr>`
      : nothing}
  </tbody>`;
}

function addDevice(page, go) {
  const { kind } = page;
  const choices = placesOf(page.site, kind);
  return html`<form class="panel stack" @submit=${(event) => go.addDevice(event)}>
    <label for="code">Mã đang hiện trên máy</label>
    <input
      id="code"
      name="code"
      class="code"
      maxlength="12"
      autocomplete="off"
      autocapitalize="characters"
      spellcheck="false"
      .value=${page.code}
      @change=${(event) => go.code(event.target.value)}
    />
    <p class="second">Máy chưa hiện mã thì để trống: trang này cho một khóa để chép sang máy.</p>
    <label for="kind">Loại</label>
    <select id="kind" name="kind" @change=${(event) => go.kind(event.target.value)}>
      ${Object.entries(KIND_NAMES).map(([id, name]) => html`<option value=${id} .selected=${id === kind}>${name}</option>`)}
    </select>
    <label for="place">${kind === "kiosk" ? "Máy nào" : "Khu chờ nào"}</label>
    <select id="place" name="place">
      ${choices.map((place) => html`<option value=${place.id} .selected=${place.id === page.place}>${place.name}</option>`)}
    </select>
    <label for="device">Tên thiết bị</label>
    <input id="device" name="name" maxlength="64" autocomplete="off" spellcheck="false" placeholder="tự đặt nếu để trống" />
    <button class="strong" type="submit">Thêm</button>
  </form>`;
}

function madePanel(page, go) {
  return html`<div class="panel stack made">
    <p><strong>${page.made.name}</strong> đã được thêm. Khóa chỉ hiện lần này: chép lại rồi mới đóng.</p>
    ${howToUse(page.made, page.site.id, location.origin).map(
      ([words, line], number) =>
        html`<label for=${`use-${number}`}>${words}</label>
          <input id=${`use-${number}`} class="key" readonly .value=${line} @focus=${(event) => event.target.select()} />`,
    )}
    <button class="strong" @click=${() => go.seen()}>Đã chép, đóng</button>
  </div>`;
}
