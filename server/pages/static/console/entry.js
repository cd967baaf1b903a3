/** The pages before the console: choosing the office and the counter. */
import { html } from "../shared/vendor/lit-html.js";
import { notice, signInView as signInForm } from "../shared/sign-in.js";
import { plainName } from "../shared/words.js";

export function waitView(page) {
  return html`<main class="entry"><h1>Bàn gọi số</h1><p>${page.trouble ?? "Đang nối máy chủ…"}</p></main>`;
}

export const signInView = signInForm("Đăng nhập bàn gọi số");

export function sitesView(page, go) {
  return html`<main class="entry wide">
    ${head(page, "Chọn bộ phận một cửa", go)} ${notice(page.trouble)}
    <ul class="counters">
      ${page.offices.map(
        (site) => html`<li>
          <button class="counter card" @click=${() => go.site(site.id)}><strong>${site.name}</strong></button>
        </li>`,
      )}
    </ul>
  </main>`;
}

export function countersView(page, go) {
  return html`<main class="entry wide">
    ${head(page, "Chọn quầy của ông/bà hôm nay", go)} ${notice(page.trouble)}
    <ul class="counters">
      ${page.site.counters.map((counter) => {
        const fields = counter.services.map((id) => plainName(page.site.services.find((s) => s.id === id)?.name ?? id)).join(", ");
        const state = stateOf(counter, page);
        return html`<li>
          <button class="counter card ${state.tone}" data-test=${`counter-${counter.id}`} @click=${() => go.counter(counter)}>
            <strong>${counter.name}</strong><span class="fields">${fields}</span><span class="state">${state.text}</span>
          </button>
        </li>`;
      })}
    </ul>
  </main>`;
}

function head(page, title, go) {
  return html`<header class="entry-head">
    <h1>${title}</h1>
    <p>${[page.site?.name, page.me.name].filter(Boolean).join(" · ")}</p>
    <button class="plain" @click=${() => go.signOut()}>Đăng xuất</button>
  </header>`;
}

/** What is told about a counter, and whether it can be entered. */
function stateOf(counter, page) {
  if (counter.state === "closed") return { tone: "free", text: "Đang đóng, mở được" };
  const clerk = page.clerks.get(counter.id);
  const paused = counter.state === "paused" ? ", đang tạm nghỉ" : "";
  if (clerk?.user === page.me.user) return { tone: "mine", text: `Ông/bà đang mở${paused}` };
  return { tone: "taken", text: `${clerk?.name ?? "Cán bộ khác"} đang mở${paused}` };
}
