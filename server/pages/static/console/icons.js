/** The console's few shapes; the vendored font has no symbols. */
import { html } from "../shared/vendor/lit-html.js";

export const check = html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="M4 13l5 5L20 6" /></svg>`;
export const alarm = html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="M12 4L22 20H2zM12 10v4M12 17v.2" /></svg>`;
export const dot = html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
  <circle cx="12" cy="12" r="6" fill="currentColor" />
</svg>`;
export const sound = html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="M4 9v6h4l5 5V4L8 9zM17 8a5 5 0 010 8" /></svg>`;
