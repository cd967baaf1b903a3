/** Speaking to the whole hall: ready-made sentences, free words, and the emergency, which wants a second press. */
import { hhmm } from "../shared/clock.js";
import { html, nothing } from "../shared/vendor/lit-html.js";

/** What became of what was said last in a hall: {tone, text}. */
export function played({ priority, at, speakers, of, over }) {
  const what = `${priority === "emergency" ? "Lời khẩn cấp" : "Lời thông báo"} lúc ${hhmm(at)}:`;
  if (!of) return { tone: "warn", text: `${what} không có loa nào đang nối.` };
  if (speakers >= of) return { tone: "done", text: `${what} Đã phát ở ${speakers}/${of} loa.` };
  if (over) return { tone: "warn", text: `${what} Chỉ phát được ở ${speakers}/${of} loa.` };
  return { tone: "wait", text: `${what} Đang phát, xong ở ${speakers}/${of} loa.` };
}

function playedLines({ site, floor }) {
  const name = (id) => (site.halls.length > 1 ? `${site.halls.find((hall) => hall.id === id)?.name ?? id}: ` : "");
  return (floor?.said ?? []).map((said) => {
    const { tone, text } = played(said);
    return html`<p class=${`pad ${tone}`} role="status" data-said=${said.hall}>${name(said.hall)}${text}</p>`;
  });
}

export function speakCard(page, go) {
  const { site, spoken } = page;
  const sure = page.open?.what === "emergency";
  return html`<section class="card" aria-labelledby="speak">
    <h2 id="speak">Đọc qua loa</h2>
    <form class="panel" @submit=${(event) => go.speak(event)}>
      ${site.halls.length > 1
        ? html`<label for="speak-hall">Khu chờ</label>
            <select id="speak-hall" name="hall">
              ${site.halls.map((hall) => html`<option value=${hall.id}>${hall.name}</option>`)}
            </select>`
        : html`<input type="hidden" name="hall" value=${site.halls[0].id} />`}
      <p class="buttons ready">
        ${spoken.ready.map(([name, text]) => html`<button class="plain" type="button" @click=${(event) => go.ready(event, text)}>${name}</button>`)}
      </p>
      <label for="speak-text">Lời đọc</label>
      <textarea id="speak-text" name="text" maxlength="200" rows="3" required></textarea>
      <p class="buttons">
        <button class="strong" type="submit" name="priority" value="notice">Đọc</button>
        <button class="plain" type="button" aria-expanded=${sure} @click=${(event) => go.askEmergency(event, spoken.emergency)}>Khẩn cấp…</button>
      </p>
      ${sure
        ? html`<div class="panel">
            <p>Đọc ba lần ngay bây giờ, cắt mọi lời gọi, và hiện lên màn hình 30 phút?</p>
            <p class="buttons">
              <button class="danger" type="submit" name="priority" value="emergency">Đọc khẩn cấp</button>
              <button class="plain" type="button" @click=${() => go.close()}>Thôi</button>
            </p>
          </div>`
        : nothing}
    </form>
    ${playedLines(page)}
  </section>`;
}
