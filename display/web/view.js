/** Draws the wall. Rows keep their elements and change only their text, so that nothing flickers and nothing moves. */
import { html, nothing } from "/static/shared/vendor/lit-html.js";
import { classMap } from "/static/shared/vendor/directives/class-map.js";
import { keyed } from "/static/shared/vendor/directives/keyed.js";

/**
 * The hall's wall.
 * @param {object} shown what `wall` of the model gives
 * @param {{layout: string, clock: string, locked: boolean, check: object|null}} around `locked`: the browser waits for a gesture before it
 *   plays sound; `check`: what is shown at set-up instead of tiles and foot
 */
export function wallView(shown, { layout, clock, locked, check }) {
  const stage = { stage: true, [layout]: true, quiet: !shown.tiles.length && !check };
  if (check) {
    return html`<div class=${classMap(stage)}>
      <header class="head"><b data-fit="width">${shown.office}</b><span class="clock">${clock}</span></header>
      <main>${calls({ ...shown, slide: null, big: shown.big.map((row, at) => (at ? row : SAMPLE)) }, layout)}</main>
      ${checkView(check)}
    </div>`;
  }
  return html`<div class=${classMap(stage)}>
    <header class="head"><b data-fit="width">${shown.office}</b><span class="clock">${clock}</span></header>
    <main aria-live="polite">${shown.card ? cardView(shown.card) : calls(shown, layout)}</main>
    <section class="tiles">${shown.tiles.map((tile) => tileView(tile))}</section>
    ${shown.stale
      ? html`<footer class="stale" role="status"><span data-fit="width">${shown.stale}</span></footer>`
      : shown.trial === "line"
        ? html`<footer class="stale" role="status"><span data-fit="width">${TRIAL}</span></footer>`
        : html`<footer class="foot"><span class="notice" data-fit="width" data-fit-least="0.7">${shown.notice}</span><span class="hotline">${shown.hotline}</span></footer>`}
    ${locked ? html`<div class="unlock"><p>Bấm OK trên điều khiển để bật tiếng</p></div>` : nothing}
    ${shown.trial === "whole"
      ? html`<div class="trial" role="status"><p data-fit="width">${TRIAL}</p><p class="clock">${clock}</p><p data-fit="width">Màn hình trở lại sau vài giây</p></div>`
      : nothing}
  </div>`;
}

const TRIAL = "ĐANG THỬ MÀN HÌNH";

/** What is read from the farthest seat when a screen is set up. */
const SAMPLE = { code: "A012", counter: "3", fresh: false };

const calls = (shown, layout) => html`
  ${layout === "landscape" && !shown.slide
    ? html`<div class="heads big-heads"><span>Mời số</span><span>Đến quầy</span></div>`
    : nothing}
  ${shown.slide ? slideView(shown.slide) : html`<ol class="big">${shown.big.map((row) => bigRow(row, layout))}</ol>`}
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

const slideView = (slide) =>
  keyed(
    `${slide.title} ${slide.number}`,
    html`<section class="slide" data-fit data-fit-least="0.6">
      <h2><span>${slide.title}</span>${slide.of > 1 ? html`<span class="page">${slide.number}/${slide.of}</span>` : nothing}</h2>
      ${slide.lines.map((line) => html`<p>${line}</p>`)}
      ${slide.code ? html`<p class="code">${slide.code}</p>` : nothing}
    </section>`,
  );

const TICK = html`<svg class="shape" viewBox="0 0 24 24" aria-hidden="true"><path d="M4 13l5 5L20 6" /></svg>`;
const ALARM = html`<svg class="shape" viewBox="0 0 24 24" aria-hidden="true"><path d="M12 4L22 20H2zM12 10v4M12 17v.2" /></svg>`;

/** At set-up: how far the number can be read, and the sentence by which the voice is set. */
const checkView = ({ sentence, seat, sound }) => html`<section class="check" role="status" data-fit data-fit-least="0.6">
  <p class="measure">${sentence}</p>
  ${seat
    ? html`<p class=${classMap({ seat: true, far: seat.fits === false })}>
        ${seat.fits === null ? nothing : seat.fits ? TICK : ALARM}<span>${seat.text}</span>
      </p>`
    : nothing}
  <p class="sound">
    ${sound.play ? html`<button @click=${sound.play}>Phát âm thử</button>` : nothing}<span>${sound.words}</span>
  </p>
</section>`;

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
