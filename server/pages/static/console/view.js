/** Draws the console; every value reaches the page as text. `go` is what main.js offers: press, row, tab, choose, answer, cancel, leave. */
import { html, nothing } from "../shared/vendor/lit-html.js";
import { classMap } from "../shared/vendor/directives/class-map.js";
import { keyed } from "../shared/vendor/directives/keyed.js";
import { repeat } from "../shared/vendor/directives/repeat.js";
import { plainName } from "../shared/words.js";
import { alarm, check, dot, sound } from "./icons.js";
import { care, compared, present, row, status, tabs } from "./lines.js";
import { big, clockText, helpLine, keys, press, strip, takenBy } from "./model.js";
import { panel } from "./panels.js";

/** Why nobody is at the counter, by its state. */
export const FREE_WORDS = { closed: "Quầy đang đóng", paused: "Quầy đang tạm nghỉ", open: "Quầy đang trống" };
export const SHAPES = { done: check, warn: alarm, wait: sound };

export function consoleView(page, time, go) {
  return html`
    ${bar(page, time, go)}
    <main class="desk" data-resting=${go.resting() ? "true" : "false"}>
      <div class="left">
        ${nowCard(page, time, go)} ${bigButton(page, time, go)} ${fiveKeys(page, time, go)} ${undoStrip(page, time, go)}
      </div>
      <div class="right">
        <section class="card" aria-label="Danh sách chờ">
          ${page.asking && page.asking.what !== "end" ? panel(page, go) : list(page, time, go)}
        </section>
        <div role="status">${careLine(page)} ${helpCall(page, go)}</div>
      </div>
    </main>
    ${statusBar(page, go)}
  `;
}

function bar(page, time, go) {
  const shown = page.console;
  const mine = (shown?.services ?? []).filter((service) => shown.counter.services.includes(service.id));
  const fields = mine.map((service) => plainName(service.name)).join(", ");
  const open = shown && shown.counter.state !== "closed" && !takenBy(page);
  const pauseText = shown?.counter.state === "paused" ? "Làm việc lại" : page.pausing ? "Thôi nghỉ" : "Tạm nghỉ";
  return html`<header class="bar">
    <h1>${shown?.counter.name ?? "Bàn gọi số"}</h1>
    <p class="who">${[page.me.name, fields].filter(Boolean).join(" · ")}</p>
    <p class="clock">${clockText(time, shown?.at)}</p>
    <button class="light" ?disabled=${!open || !page.connected} @click=${() => go.press("pause")}>${pauseText} (N)</button>
    <button class="light" ?disabled=${!open || !page.connected} @click=${() => go.press("close")}>Đóng quầy</button>
  </header>`;
}

function nowCard(page, time, go) {
  const card = present(page, time, page.procedures);
  if (!card) {
    const words = page.console ? FREE_WORDS[page.console.counter.state] : "";
    return html`<section class="now card free" aria-label="Đang phục vụ"><p>${words}</p></section>`;
  }
  return html`<section class="now card" aria-label="Đang phục vụ">
    <div class="whom">
      <p class=${classMap({ code: true, wide: card.code.length > 4 })} data-test="current">${card.code}</p>
      ${card.startable
        ? html`<button class="start" ?disabled=${!press(page, time, "start")} @click=${() => go.press("start")}>
            Đã đến <kbd>S</kbd>
          </button>`
        : nothing}
    </div>
    <div class="about">
      <p class="title">${card.title}</p>
      ${card.about ? html`<p class="procedure" title=${card.about}>${card.about}</p>` : nothing}
      <p class="detail">${card.detail}</p>
      <p class="call ${card.call.tone}" role="status" data-test="call">${SHAPES[card.call.tone]}<span>${card.call.text}</span></p>
    </div>
  </section>`;
}

export function bigButton(page, time, go) {
  const button = big(page, time);
  const second = button.refusal ?? button.second;
  const label = html`<span class=${classMap({ label: true, long: button.label.length > 15 })} data-test="label">${button.label}</span>`;
  if (button.choices) {
    return html`<div class="big ask" role="group" aria-label=${button.label} data-kind=${button.kind}>
      ${label}
      <span class="choices">
        <button id="big" @click=${() => go.press("big")}>Đã xong <kbd>Space</kbd></button>
        <button @click=${() => go.press("no-show")}>Vắng <kbd>V</kbd></button>
        <button class="quiet" @click=${() => go.cancel()}>Chờ thêm <kbd>Esc</kbd></button>
      </span>
      <span class=${classMap({ second: true, refusal: Boolean(button.refusal) })} role="status">${button.refusal ?? ""}</span>
    </div>`;
  }
  return html`<button
    id="big"
    class="big ${button.tone}"
    data-kind=${button.kind}
    aria-disabled=${button.act ? "false" : "true"}
    @click=${() => go.press("big")}
  >
    ${label}
    <span class=${classMap({ second: true, refusal: Boolean(button.refusal) })} role="status" data-test="second"
      >${button.refusal ? alarm : nothing}<span>${second}</span></span
    >
    ${button.act ? html`<kbd class="corner">Space</kbd>` : nothing}
  </button>`;
}

function fiveKeys(page, time, go) {
  return html`<div class="keys" role="group" aria-label="Các phím khác">
    ${keys(page, time).map(
      (key) => html`<button class="key" ?disabled=${!key.live} data-test=${key.what} @click=${() => go.press(key.what)}>
        <span>${key.label}</span><kbd>${key.key}</kbd>
      </button>`,
    )}
  </div>`;
}

function undoStrip(page, time, go) {
  const now = strip(page, time);
  if (now.kind === "undo") {
    return html`<div class="strip undo" data-test="strip">
      <span>${now.text}</span><button @click=${() => go.press("undo")}>${now.offer} <kbd>Ctrl Z</kbd></button>
    </div>`;
  }
  return html`<div class="strip ${now.kind}" role="status" data-test="strip"><span>${now.text}</span></div>`;
}

function list(page, time, go) {
  const shown = page.console;
  return html`
    <div class="tabs" role="tablist">
      ${tabs(shown).map(
        (tab) => html`<button role="tab" aria-selected=${page.tab === tab.id} data-test=${`tab-${tab.id}`} @click=${() => go.tab(tab.id)}>
          ${tab.text}
        </button>`,
      )}
    </div>
    ${keyed(page.tab, page.tab === "waiting" ? waitingRows(page, time, go) : asideRows(page, time, go))}
  `;
}

/** Under the list, where it covers nothing and moves nothing. */
function helpCall(page, go) {
  const line = helpLine(page);
  if (!line) return nothing;
  if (line.asked === null) return html`<p class="help done" data-test="help">${check}<span>${line.text}</span></p>`;
  return html`<p class="help" data-test="help">
    ${alarm}<strong>${line.text}</strong><span class="since">${line.since}</span>
    <button ?disabled=${!press(page, null, "help-answer")} @click=${() => go.press("help-answer")}>Tôi đến <kbd>M</kbd></button>
  </p>`;
}

/** What the equipment needs, for whoever has a hand free. */
function careLine(page) {
  const line = care(page);
  if (!line) return nothing;
  const { text, todo, more } = line;
  return html`<p class="care" data-test="care" title=${more.join("\n")}>
    ${alarm}<span><strong>${text}.</strong> ${todo}${more.length ? html` <em>Và ${more.length} việc khác.</em>` : nothing}</span>
  </p>`;
}

const heads = (fourth, last) => html`<thead>
  <tr>
    <th class="c-code">Số</th><th class="c-field">Lĩnh vực</th><th class="c-time">Giờ xếp hàng</th>
    <th class="c-wait">${fourth}</th><th>${last}</th>
  </tr>
</thead>`;

const cells = (one, fourth) => html`<td class="code">${one.code}</td><td class="field">${one.field}</td><td>${one.queueTime}</td><td>${fourth}</td>`;

function waitingRows(page, time, go) {
  const waiting = page.rows.waiting;
  const at = waiting.findIndex((ticket) => ticket.id === page.chosen);
  if (!waiting.length) return html`<p class="none">${page.console ? "Chưa có ai chờ quầy này." : ""}</p>`;
  return html`
    <div class="rows" tabindex="0" role="region" aria-label="Những người trong danh sách" @pointermove=${() => go.pointing()}>
      <table>
        ${heads("Chờ", "Vì sao ở vị trí này")}
        <tbody>
          ${repeat(
            waiting,
            (ticket) => ticket.id,
            (ticket, index) => {
              const one = row(ticket, time, page.console.counters);
              return html`<tr
                class=${classMap({ first: index === 0, chosen: ticket.id === page.chosen })}
                aria-current=${ticket.id === page.chosen ? "true" : "false"}
                data-code=${one.code}
                @click=${() => go.choose(ticket.id)}
              >
                ${cells(one, one.waited)}
                <td class="why">${one.why}</td>
              </tr>`;
            },
          )}
        </tbody>
      </table>
    </div>
    ${at < 0 ? nothing : chosenFoot(page, waiting, at, go)}
  `;
}

function chosenFoot(page, waiting, at, go) {
  const why = at === 0 ? compared(waiting[0], waiting[1]) : compared(waiting[at - 1], waiting[at]);
  const call = html`<button class="plain" @click=${() => go.row()}>Gọi ${waiting[at].code} trước… <kbd>Enter</kbd></button>`;
  return html`<div class="foot"><p role="status">${why ?? "Không có ai khác chờ."}</p>${at === 0 ? nothing : call}</div>`;
}

function asideRows(page, time, go) {
  const missed = page.tab === "missed";
  const tickets = page.rows[page.tab];
  if (!tickets.length) return html`<p class="none">${missed ? "Không có ai vắng." : "Không có ai tạm giữ."}</p>`;
  return html`<div class="rows" tabindex="0" role="region" aria-label="Những người trong danh sách" @pointermove=${() => go.pointing()}>
    <table>
      ${heads("Gọi lúc", "")}
      <tbody>
        ${repeat(
          tickets,
          (ticket) => ticket.id,
          (ticket) => {
            const one = row(ticket, time);
            const buttons = missed
              ? one.rejoins === 0
                ? html`<span class="why">Đã hết lượt quay lại. Mời lấy số mới.</span>`
                : html`<button class="plain" @click=${() => go.rowOf(ticket)}>Quay lại</button>`
              : html`<button class="plain" @click=${() => go.rowOf(ticket)}>Tiếp tục chờ</button>
                  <button class="plain" @click=${() => go.callOf(ticket)}>Gọi ngay…</button>`;
            const chosen = classMap({ chosen: ticket.id === page.chosen });
            return html`<tr class=${chosen} data-code=${one.code} @click=${() => go.choose(ticket.id)}>
              ${cells(one, one.calledAt)}
              <td class="act">${buttons}</td>
            </tr>`;
          },
        )}
      </tbody>
    </table>
  </div>`;
}

function statusBar(page, go) {
  const shapes = { dot, alarm };
  const away = !page.console || page.console.counter.state === "closed" || takenBy(page);
  return html`<footer class="status">
    ${status(page).map((item) => html`<span class=${item.tone}>${shapes[item.shape] ?? nothing}${item.text}</span>`)}
    <span class="links">
      <button @click=${() => go.mini()}>${page.mini ? "Đóng cửa sổ nhỏ" : "Cửa sổ nhỏ"} (K)</button>
      <button @click=${() => go.help()}>Phím tắt ${page.shortcuts ? "(?)" : "đang tắt"}</button>
      ${away
        ? html`<button @click=${() => go.leave()}>Đổi quầy</button><button @click=${() => go.signOut()}>Đăng xuất</button>`
        : nothing}
    </span>
  </footer>`;
}
