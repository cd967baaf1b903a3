/** Signing in, and changing a password that somebody else has given: the same forms on every page of staff. Drawn with lit-html. */
import { html, nothing } from "./vendor/lit-html.js";
import { command } from "./api.js";

export const NOT_REACHED = "Chưa nối được máy chủ. Đang thử lại.";
const NO_ANSWER = "Chưa nhận được trả lời. Xin bấm lại.";
export const PASSWORD_LEAST = 8;
/** Staff are spoken to in the language of their page, whatever their browser prefers. */
const VI = { lang: "vi" };

const alarm = html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="M12 4L22 20H2zM12 10v4M12 17v.2" /></svg>`;

export const notice = (text) => (text ? html`<p class="notice" role="alert">${alarm}<span>${text}</span></p>` : nothing);

const button = (page, words) =>
  html`<button class="strong" type="submit" ?disabled=${page.busy}>${page.busy ? "Đang hỏi máy chủ…" : words}</button>`;

/** `go.signIn(event)` is called on submit; `page` gives `trouble` (a sentence or null) and `busy`. */
export const signInView = (title) => (page, go) =>
  html`<main class="entry">
    <form class="card sign-in" @submit=${(event) => go.signIn(event)}>
      <h1>${title}</h1>
      ${notice(page.trouble)}
      <label for="user">Tên đăng nhập</label>
      <input id="user" name="user" autocomplete="username" autocapitalize="none" spellcheck="false" required />
      <label for="password">Mật khẩu</label>
      <input id="password" name="password" type="password" autocomplete="current-password" required />
      ${button(page, "Đăng nhập")}
    </form>
  </main>`;

/** The form that stands before everything else until the password is one's own. `go.password(event)`, `go.signOut()`. */
export const passwordView = (page, go) =>
  html`<main class="entry">
    <form class="card sign-in" @submit=${(event) => go.password(event)}>
      <h1>Đặt mật khẩu của riêng ông/bà</h1>
      <p>Mật khẩu được cấp chỉ dùng cho lần đăng nhập đầu. Đặt mật khẩu mới rồi làm việc tiếp.</p>
      ${notice(page.trouble)}
      <input name="user" autocomplete="username" .value=${page.me?.user ?? ""} hidden />
      <label for="old">Mật khẩu được cấp</label>
      <input id="old" name="old" type="password" autocomplete="current-password" required />
      <label for="new">Mật khẩu mới, ít nhất ${PASSWORD_LEAST} ký tự</label>
      <input id="new" name="new" type="password" autocomplete="new-password" required />
      <label for="again">Nhập lại mật khẩu mới</label>
      <input id="again" name="again" type="password" autocomplete="new-password" required />
      ${button(page, "Đặt mật khẩu")}
      <button class="plain" type="button" @click=${() => go.signOut()}>Đăng xuất</button>
    </form>
  </main>`;

/** Why a new password cannot be taken, before the server is asked; null when it can. */
export function passwordProblem({ old, fresh, again }) {
  if ([...fresh].length < PASSWORD_LEAST) return `Mật khẩu mới cần ít nhất ${PASSWORD_LEAST} ký tự.`;
  if (fresh === old) return "Mật khẩu mới phải khác mật khẩu được cấp.";
  if (fresh !== again) return "Hai lần nhập mật khẩu mới chưa giống nhau.";
  return null;
}

/** Ask for a session with what stands in the form. Null when it worked, else a sentence. */
export async function signIn(form) {
  const { user, password } = Object.fromEntries(new FormData(form));
  const { status, body } = await command("POST", "/api/v1/sessions", { user: user.trim(), password }, VI);
  return status === 201 ? null : body?.error?.message || NO_ANSWER;
}

/** Give oneself the new password of the form. Null when it worked, else a sentence. */
export async function changePassword(form) {
  const { old, new: fresh, again } = Object.fromEntries(new FormData(form));
  const problem = passwordProblem({ old, fresh, again });
  if (problem) return problem;
  const { status, body } = await command("POST", "/api/v1/session/password", { old, new: fresh }, VI);
  if (status === 200) return null;
  if (body?.error?.code === "wrong_password") return "Mật khẩu được cấp chưa đúng.";
  return body?.error?.message || NO_ANSWER;
}
