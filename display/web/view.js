/** Draws the wall. Rows keep their elements and change only their text, so that nothing flickers and nothing moves. */
import { html, nothing } from "/static/shared/vendor/lit-html.js";
import { classMap } from "/static/shared/vendor/directives/class-map.js";

/**
 * The hall's wall.
 * @param {object} shown what `wall` of the model gives
 * @param {{layout: string, clock: string, locked: boolean}} around `locked`: the browser waits for a gesture before it plays sound
 */
export function wallView(shown, { layout, clock, locked }) {
  return html`<div class=${classMap({ stage: true, [layout]: true, quiet: !shown.tiles.length })}>
    <header class="head"><b data-fit="width">${shown.office}</b><span class="clock">${clock}</span></header>
    <main aria-live="polite">${shown.card ? cardView(shown.card) : calls(shown, layout)}</main>
    <section class="tiles">${shown.tiles.map((tile) => tileView(tile))}</section>
    ${shown.stale
      ? html`<footer class="stale" role="status"><span data-fit="width">${shown.stale}</span></footer>`
      : html`<footer class="foot"><span class="notice" data-fit="width" data-fit-least="0.7">${shown.notice}</span><span class="hotline">${shown.hotline}</span></footer>`}
    ${locked ? html`<div class="unlock"><p>Bấm OK trên điều khiển để bật tiếng</p></div>` : nothing}
  </div>`;
}

const calls = (shown, layout) => html`
  ${layout === "landscape" ? html`<div class="heads big-heads"><span>Mời số</span><span>Đến quầy</span></div>` : nothing}
  <ol class="big">${shown.big.map((row) => bigRow(row, layout))}</ol>
  <div class="heads recent-heads"><span>Vừa gọi</span><span>Quầy</span></div>
  <ol class="recent">${shown.recent.map((row) => recentRow(row))}</ol>
`;

/** Counters are numbers; one with a name of words must not make the called code smaller. */
const counter = (row) => html`<span class=${classMap({ counter: true, named: /\p{L}{2}/u.test(row?.counter ?? "") })}>${row?.counter ?? ""}</span>`;

const classes = (row) => classMap({ row: true, new: Boolean(row?.fresh), none: !row });

function bigRow(row, layout) {
  if (layout === "portrait") {
    return html`<li class=${classes(row)}>
      <span class="code" data-fit="width">${row?.code ?? ""}</span>
      <span class="to" data-fit="width"><span class="word">${row ? "Đến quầy" : ""}</span> ${counter(row)}</span>
    </li>`;
  }
  return html`<li class=${classes(row)} data-fit="width"><span class="code">${row?.code ?? ""}</span>${counter(row)}</li>`;
}

const recentRow = (row) =>
  html`<li class=${classes(row)} data-fit="width"><span class="code">${row?.code ?? ""}</span>${counter(row)}</li>`;

const cardView = (card) => html`<div class="card">
  <p class="title" data-fit="width">${card.title}</p>
  ${card.lines.map((line) => html`<p data-fit="width">${line}</p>`)}
</div>`;

const tileView = (tile) => html`<div class=${classMap({ tile: true, none: !tile })}>
  <p class="name" data-fit="width">${tile?.title ?? ""}</p>
  <p class="line" data-fit="width">${tile?.line ?? ""}</p>
</div>`;

/** The small screen above a counter. */
export function counterView(shown, { clock, stale }) {
  return html`<div class=${`above ${shown.state}`}>
    <header><b>${shown.label}</b><span data-fit="width" data-fit-least="0.4">${shown.services}</span></header>
    <main class=${classMap({ row: true, new: shown.state === "called" && !stale, none: !shown.code })} data-fit="width">${shown.code ?? shown.line}</main>
    <p class="line" data-fit="width">${shown.code ? shown.line : ""}</p>
    <p class=${classMap({ small: true, two: Boolean(shown.clerk) && !stale })}>
      ${shown.clerk && !stale ? html`<span class="clerk" data-fit="width">${shown.clerk}</span>` : nothing}<span>${stale ?? clock}</span>
    </p>
  </div>`;
}

/** Instead of a wall: what is missing. */
export const problemView = (lines) => html`<div class="problem">${lines.map((line) => html`<p>${line}</p>`)}</div>`;
