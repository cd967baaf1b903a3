/** Draws the small window; its big button and its questions are the console's own. */
import { html, nothing } from "../shared/vendor/lit-html.js";
import { classMap } from "../shared/vendor/directives/class-map.js";
import { people } from "../shared/words.js";
import { present } from "./lines.js";
import { helpLine, keys, strip } from "./model.js";
import { panel } from "./panels.js";
import { bigButton, FREE_WORDS, SHAPES } from "./view.js";

export function miniView(page, time, go) {
  if (page.screen !== "console") return awayView(page, go);
  if (page.asking && page.asking.what !== "end") return html`<div class="asked" data-resting=${go.resting()}>${panel(page, go)}</div>`;
  return html`<main class="small" data-resting=${go.resting()}>
    ${top(page, time, go)} ${bigButton(page, time, go)} ${line(page, time)}
    <div class="keys" role="group" aria-label="Các phím khác">
      ${keys(page, time).map(
        (key) => html`<button class="key" ?disabled=${!key.live} data-test=${key.what} @click=${() => go.press(key.what)}>
          <span>${key.label}</span><kbd>${key.key}</kbd>
        </button>`,
      )}
    </div>
  </main>`;
}

function top(page, time, go) {
  const card = present(page, time, page.procedures);
  const undo = strip(page, time);
  return html`<header>
    ${card
      ? html`<p class=${classMap({ code: true, wide: card.code.length > 4 })} data-test="current">${card.code}</p>`
      : html`<p class="none">${page.console ? FREE_WORDS[page.console.counter.state] : ""}</p>`}
    <div class="about">
      ${card ? html`<p class="call ${card.call.tone}" role="status" data-test="call">${SHAPES[card.call.tone]}<span>${card.call.text}</span></p>` : nothing}
      <p class="count">
        <span data-test="count">${page.console ? `${people(page.console.waiting_count)} chờ` : ""}</span>
        ${undo.kind === "undo" ? html`<button class="plain" data-test="undo" @click=${() => go.press("undo")}>Hoàn tác <kbd>Ctrl Z</kbd></button>` : nothing}
      </p>
    </div>
  </header>`;
}

/** One line, only when there is something to say: somebody needs help at a kiosk, or what a command has done. */
function line(page, time) {
  const help = helpLine(page);
  const done = help?.asked === null ? help.text : page.said;
  const asks = help && help.asked !== null;
  return html`<p class=${classMap({ line: true, help: asks, said: !asks && done })} role="status" data-test="line">${asks ? `${help.text} (M)` : (done ?? nothing)}</p>`;
}

/** The console is not at a counter: its own window says why. */
const awayView = (page, go) => html`<main class="away">
  <p role="status">${page.trouble ?? "Bàn gọi số đang ở cửa sổ chính."}</p>
  <button class="strong" @click=${() => go.front()}>Về cửa sổ chính</button>
</main>`;
