/** The morning check: the button, what it has found so far, and the quiet reminder while nobody has pressed it. */
import { html, nothing } from "../shared/vendor/lit-html.js";
import { repeat } from "../shared/vendor/directives/repeat.js";
import { hhmm } from "../shared/clock.js";

const RUNNING_EVERY_MS = 1000;
const EVERY_MS = 5000;
/** How often the page asks whether it is time, while another part of it is open. */
const DUE_EVERY_MS = 60000;

const ORDER = ["bad", "attention", "unknown", "running", "good"];
const STATES = { bad: "Hỏng", attention: "Cần xem", unknown: "Chưa thử", running: "Đang thử", good: "Tốt" };
const SHAPES = {
  bad: "M5 5l14 14M19 5L5 19",
  attention: "M12 3L22 21H2zM12 10v5M12 18v.2",
  unknown: "M9 9a3 3 0 1 1 4 3q-1 .5-1 2M12 18v.2",
  running: "M12 3a9 9 0 1 0 9 9M12 7v5l3 2",
  good: "M4 13l5 5L20 6",
};

/** What stands above the list, from the worst of its lines: pure. */
export function summary({ state, findings }) {
  const count = (...states) => findings.filter((one) => states.includes(one.state)).length;
  if (state === "running") return { state, words: `Đang kiểm tra: còn ${count("running")} mục` };
  const [bad, look] = [count("bad"), count("attention", "unknown")];
  if (state === "good") return { state, words: "Mọi thứ đều tốt" };
  return { state, words: [bad && `${bad} mục hỏng`, look && `${look} mục cần xem`].filter(Boolean).join(", ") };
}

/** The list, the worst first. */
export const lines = ({ findings }) => [...findings].sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state));

const shape = (state) => html`<svg class="shape" viewBox="0 0 24 24" aria-hidden="true"><path d=${SHAPES[state]} /></svg>`;

export function checkupTab(page, go) {
  const { checkup } = page;
  if (!checkup) return html`<p>Đang hỏi máy chủ…</p>`;
  const whole = summary(checkup);
  const { begun } = checkup;
  return html`<section class="card checkup" aria-labelledby="checkup">
    <h2 id="checkup">Kiểm tra buổi sáng</h2>
    <p class="second pad">In một phiếu thử ở mỗi máy, phát âm thử ở mỗi loa, bật hình thử ở mỗi màn hình, rồi xem máy chủ.</p>
    <p class="buttons pad">
      <button class="strong" @click=${() => go.checkup.begin(false)}>Kiểm tra buổi sáng</button>
      <button class="plain" @click=${() => go.checkup.begin(true)}>Kiểm tra yên lặng</button>
      <span class="second">
        ${begun ? `Lần cuối ${hhmm(begun.at)}, ${begun.by}${begun.quiet ? ", yên lặng" : ""}.` : "Hôm nay chưa kiểm tra."} Yên lặng: không in, không phát tiếng.
      </span>
    </p>
    <p class="whole ${whole.state}" role="status">${shape(whole.state)}<strong>${whole.words}</strong></p>
    <ul class="findings">
      ${repeat(
        lines(checkup),
        (one) => one.name,
        (one) =>
          html`<li class=${one.state} data-finding=${one.name}>
            <p class="state">${shape(one.state)}<strong>${STATES[one.state]}</strong></p>
            <p class="words">${one.words}</p>
            ${one.todo ? html`<p class="todo">${one.todo}</p>` : nothing}
          </li>`,
      )}
    </ul>
  </section>`;
}

/** While it is time and nobody has checked. */
export const reminder = (page, go) =>
  page.checkup?.due
    ? html`<p class="remind">
        <span>Hôm nay chưa kiểm tra máy in, loa và màn hình.</span>
        <button class="plain" @click=${() => go.tab("checkup")}>Kiểm tra</button>
      </p>`
    : nothing;

/**
 * What is done about the morning check.
 * @param {object} page the page's state; keeps `checkup`
 * @param {object} tools `get`, `act`, `draw`, `under` of main.js, and `may`: whether this person may check
 */
export function checking(page, { get, act, draw, under, may }) {
  let timer = null;
  async function ask() {
    clearTimeout(timer);
    if (page.screen !== "desk" || !may()) return;
    const site = page.site.id;
    const { status, body } = await get(under("/checkups/last"));
    if (page.screen !== "desk" || page.site.id !== site) return;
    if (status === 200) page.checkup = body;
    clearTimeout(timer);
    timer = setTimeout(ask, page.tab !== "checkup" ? DUE_EVERY_MS : page.checkup?.state === "running" ? RUNNING_EVERY_MS : EVERY_MS);
    draw();
  }
  return {
    ask,
    async begin(quiet) {
      const words = quiet ? "Đang kiểm tra yên lặng." : "Đang kiểm tra: nghe loa, nhìn màn hình, lấy phiếu thử.";
      if (await act("POST", "/checkups", { quiet }, words)) await ask();
    },
  };
}
