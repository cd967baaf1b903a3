/** Draws the paper: the last sheets of a kiosk, and the designer of the ticket with the exact picture that will be printed. */
import { html, nothing } from "../shared/vendor/lit-html.js";
import { hhmmss } from "../shared/clock.js";

/** The largest logo, in dots of 1/8 mm. */
export const DOTS = { width: 544, height: 240 };
const MM = { 80: 320, 58: 213 };
const LINES = {
  mark: "Khung CÓ HẸN, ƯU TIÊN",
  counters: "Số quầy phục vụ",
  ahead: "Số người chờ trước",
  expected: "Giờ dự kiến được gọi",
  qr: "Mã QR để theo dõi số",
  missed: "Dòng “Lỡ lượt?”",
  hotline: "Số hỏi đáp",
};
const STATES = {
  queued: ["Chờ máy in", ""],
  sent: ["Đã gửi, chờ máy in trả lời", ""],
  printed: ["Đã in", "done"],
  unknown: ["Chưa rõ đã in chưa", "warn"],
  failed: ["Không in được", "warn"],
  expired: ["Quá giờ nên không in", "warn"],
};
const WHY = [
  [/out of paper/, "hết giấy"],
  [/cover/, "đang mở nắp máy in"],
  [/cutter/, "kẹt dao cắt"],
  [/agent stopped/, "chương trình in bị dừng giữa chừng"],
  [/not ready|fault/, "máy in chưa sẵn sàng"],
  [/did not|closed|refused|reset|timed out|connect/i, "mất kết nối với máy in"],
];

/** What was typed, without the empty lines. */
export const lineList = (lines) => lines.map((line) => (line ?? "").trim()).filter(Boolean);

/** The rows of the list: what the sheet was, when, what became of it and why. */
export function sheets(prints) {
  return prints.map((row) => {
    const [words, tone] = STATES[row.state] ?? [row.state, ""];
    const why = row.state === "failed" || row.state === "unknown" ? WHY.find(([said]) => said.test(row.detail ?? "")) : null;
    return {
      ...row,
      name: row.kind === "test" ? "Thử máy" : row.code,
      again: row.kind === "again" ? "in lại" : "",
      time: row.at ? hhmmss(row.at) : "",
      words,
      tone,
      why: why?.[1] ?? "",
    };
  });
}

export function paperTab(page, go) {
  const { paper } = page;
  return html`
    ${paper.saved ? designer(page, go) : nothing}
    <section class="card" aria-labelledby="prints">
      <h2 id="prints">Phiếu in gần đây</h2>
      <p class="buttons pad">
        <label for="prints-of">Máy</label>
        <select id="prints-of" @change=${(event) => go.paper.kiosk(event.target.value)}>
          ${page.site.kiosks.map((kiosk) => html`<option value=${kiosk.id} ?selected=${kiosk.id === paper.kiosk}>${kiosk.name}</option>`)}
        </select>
        <button class="plain" @click=${() => go.paper.trial()}>In thử ở máy này</button>
      </p>
      ${paper.prints?.length ? nothing : html`<p class="second pad">${paper.prints ? "Hôm nay máy này chưa in phiếu nào." : "Đang hỏi máy chủ…"}</p>`}
      <ul class="rows">
        ${sheets(paper.prints ?? []).map(
          (row) =>
            html`<li class="sheet" data-print=${row.id} data-state=${row.state}>
              <p class="name"><strong>${row.name}</strong> <span>${row.again}</span></p>
              <p class="time">${row.time}</p>
              <p class="state ${row.tone}"><strong>${row.words}</strong>${row.why ? html`<span>${row.why}</span>` : nothing}</p>
              <p class="buttons">
                ${row.ticket ? html`<button class="plain" @click=${() => go.paper.again(row)}>In lại ${row.code}</button>` : nothing}
              </p>
            </li>`,
        )}
      </ul>
    </section>
  `;
}

function designer(page, go) {
  const { design, preview, problem, width } = page.paper;
  const lines = (part, label, most) =>
    html`<fieldset class="lines">
      <legend>${label}</legend>
      ${Array.from(
        { length: most },
        (_, at) =>
          html`<input
            name=${`${part}-${at}`} aria-label=${`${label}, dòng ${at + 1}`} maxlength="120" autocomplete="off"
            .value=${design[part][at] ?? ""} @input=${(event) => go.paper.line(part, at, event.target.value)}
          />`,
      )}
    </fieldset>`;
  return html`<section class="card" aria-labelledby="design">
    <h2 id="design">Mẫu phiếu</h2>
    <div class="design">
      <form class="panel stack" @submit=${(event) => go.paper.save(event)}>
        <fieldset class="lines">
          <legend>Biểu trưng (ảnh PNG, đen trắng)</legend>
          <p class="buttons">
            <label class="plain file">Chọn ảnh<input id="logo" type="file" accept="image/*" @change=${(event) => go.paper.logo(event)} /></label>
            ${design.logo ? html`<button class="plain" type="button" @click=${() => go.paper.noLogo()}>Bỏ biểu trưng</button>` : nothing}
          </p>
        </fieldset>
        ${lines("header", "Dưới tên bộ phận", 2)} ${lines("footer", "Cuối phiếu", 3)}
        <fieldset>
          <legend>Các dòng in trên phiếu</legend>
          ${Object.entries(LINES).map(
            ([line, label]) =>
              html`<label class="check">
                <input
                  type="checkbox" name=${line} .checked=${!design.without.includes(line)}
                  @change=${(event) => go.paper.toggle(line, event.target.checked)}
                />
                <span>${label}</span>
              </label>`,
          )}
        </fieldset>
        <p class="second">Số, lĩnh vực, giờ xếp hàng kèm lý do và ngày luôn có trên phiếu.</p>
        <button class="strong" type="submit" ?disabled=${Boolean(problem)}>Lưu mẫu phiếu</button>
      </form>
      <div class="preview">
        <p class="buttons" role="group" aria-label="Khổ giấy">
          ${[80, 58].map(
            (mm) => html`<button class="plain" aria-pressed=${width === mm} @click=${() => go.paper.width(mm)}>Giấy ${mm} mm</button>`,
          )}
        </p>
        ${problem ? html`<p class="warning" role="alert">${problem}</p>` : nothing}
        ${preview
          ? html`<img
              class=${problem ? "old" : ""} width=${MM[preview.paper]} height=${Math.round((preview.height * MM[preview.paper]) / preview.width)}
              alt="Phiếu mẫu, giấy ${preview.paper} mm" data-paper=${preview.paper} src=${`data:image/png;base64,${preview.png}`}
            />`
          : html`<p class="second">Đang vẽ phiếu mẫu…</p>`}
      </div>
    </div>
  </section>`;
}
