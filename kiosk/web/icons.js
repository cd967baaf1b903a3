/** Signs drawn as lines: the vendored font has no arrows. */
import { svg } from "/static/shared/vendor/lit-html.js";
import { html } from "/static/shared/vendor/lit-html.js";

const icon = (path) => html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">${path}</svg>`;

export const left = icon(svg`<path d="M20 12H4m7-7-7 7 7 7" />`);
export const right = icon(svg`<path d="M4 12h16m-7-7 7 7-7 7" />`);
export const up = icon(svg`<path d="M12 20V4m-7 7 7-7 7 7" />`);
export const down = icon(svg`<path d="M12 4v16m-7-7 7 7 7-7" />`);

/** The arrow towards the slot the paper comes from. */
export const towards = (position) => ({ left, right, top: up, above: up })[position] ?? down;
