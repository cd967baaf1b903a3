/** Draws what the manager's page keeps beside the day: staff, devices, the report. */
import { html, nothing } from "../shared/vendor/lit-html.js";
import { date } from "../shared/words.js";
import { byCounter, byService, mayChange, numbers, ROLES, rolesFor } from "./model.js";

const editing = (page, what, id) => page.open?.what === what && page.open.id === id;

export function staffTab(page, go) {
  if (!page.staff) return html`<p>Đang hỏi máy chủ…</p>`;
  return html`<div class="columns">
    <section class="card" aria-labelledby="staff">
      <h2 id="staff">Ai được đăng nhập</h2>
      <ul class="rows">
        ${page.staff.map(
          (row) =>
            html`<li class="member" data-member=${row.name}>
              <p class="name"><strong>${row.name}</strong>${row.display_name ? html`<span class="second">${row.display_name}</span>` : nothing}</p>
              <p class="state">
                ${ROLES[row.role] ?? row.role}${row.must_change ? html`<span class="second">chưa đổi mật khẩu được cấp</span>` : nothing}
              </p>
              ${mayChange(page.me, row)
                ? html`<p class="buttons">
                    <button class="plain" aria-expanded=${editing(page, "rename", row.name)} @click=${() => go.open("rename", row.name)}>
                      Tên hiển thị
                    </button>
                    <button class="plain" aria-expanded=${editing(page, "reset", row.name)} @click=${() => go.open("reset", row.name)}>
                      Mật khẩu mới
                    </button>
                    <button class="plain" aria-expanded=${editing(page, "remove", row.name)} @click=${() => go.open("remove", row.name)}>
                      Xóa
                    </button>
                  </p>`
                : nothing}
              ${editing(page, "rename", row.name) ? renamePanel(page, row, go) : nothing}
              ${editing(page, "reset", row.name) ? resetPanel(page, row, go) : nothing}
              ${editing(page, "remove", row.name)
                ? html`<div class="panel">
                    <p>Xóa tài khoản ${row.name}? Người này không đăng nhập được nữa.</p>
                    <p class="buttons">
                      <button class="danger" @click=${() => go.removeMember(row)}>Xóa tài khoản</button>
                      <button class="plain" @click=${() => go.close()}>Thôi</button>
                    </p>
                  </div>`
                : nothing}
            </li>`,
        )}
      </ul>
    </section>
    <section class="card" aria-labelledby="add-member">
      <h2 id="add-member">Thêm cán bộ</h2>
      <form class="panel stack" @submit=${(event) => go.addMember(event)}>
        <label for="member">Tên đăng nhập</label>
        <input id="member" name="name" maxlength="64" autocomplete="off" autocapitalize="none" spellcheck="false" required />
        <label for="called">Họ tên hiển thị (không bắt buộc)</label>
        <input id="called" name="called" maxlength="64" autocomplete="off" spellcheck="false" />
        <label for="role">Vai trò</label>
        <select id="role" name="role">
          ${rolesFor(page.me.role).map((role) => html`<option value=${role}>${ROLES[role]}</option>`)}
        </select>
        <label for="first">Mật khẩu lần đầu</label>
        <input id="first" name="password" minlength="8" maxlength="256" autocomplete="off" .defaultValue=${page.suggested} required />
        <p class="second">Đọc mật khẩu này cho người đó. Lần đăng nhập đầu phải đổi.</p>
        <button class="strong" type="submit">Thêm</button>
      </form>
    </section>
  </div>`;
}

function renamePanel(page, row, go) {
  return html`<form class="panel" @submit=${(event) => go.renameMember(event, row)}>
    <p class="buttons">
      <label for="rename">Họ tên hiển thị của ${row.name}</label>
      <input id="rename" name="called" maxlength="64" autocomplete="off" spellcheck="false" .defaultValue=${row.display_name ?? ""} />
      <button class="strong" type="submit">Lưu tên</button>
      <button class="plain" type="button" @click=${() => go.close()}>Thôi</button>
    </p>
    <p class="second">Đồng nghiệp thấy tên này ở bàn gọi số; công dân chỉ thấy khi bộ phận cho hiện tên ở quầy. Để trống: bỏ tên.</p>
  </form>`;
}

function resetPanel(page, row, go) {
  return html`<form class="panel" @submit=${(event) => go.resetMember(event, row)}>
    <p class="buttons">
      <label for="reset">Mật khẩu mới của ${row.name}</label>
      <input id="reset" name="password" minlength="8" maxlength="256" autocomplete="off" .defaultValue=${page.suggested} required />
      <button class="strong" type="submit">Cấp mật khẩu</button>
      <button class="plain" type="button" @click=${() => go.close()}>Thôi</button>
    </p>
    <p class="second">Người này bị đăng xuất và phải đổi mật khẩu ở lần đăng nhập tới.</p>
  </form>`;
}

export function reportTab(page, go) {
  const { report, site } = page;
  const file = report ? `/api/v1/sites/${encodeURIComponent(site.id)}/days/${report.date}/report?format=csv` : "";
  return html`
    <section class="card" aria-labelledby="report">
      <h2 id="report">Báo cáo ${report ? date(`${report.date}T12:00:00+00:00`) : "hôm nay"}</h2>
      <p class="buttons pad">
        ${report ? html`<a class="strong" href=${file} download>Tải bảng tính (CSV)</a>` : nothing}
        <button class="plain" @click=${() => go.report()}>Cập nhật</button>
      </p>
      ${report
        ? html`<dl class="numbers">${numbers(report).map(([label, value]) => html`<div><dt>${label}</dt><dd>${value}</dd></div>`)}</dl>`
        : html`<p class="second pad">Đang tính…</p>`}
    </section>
    ${report
      ? html`<div class="columns">
          ${sheet("Theo lĩnh vực", ["Lĩnh vực", "Đã cấp", "Đã gọi", "Chờ trung bình", "Lâu nhất"], byService(report))}
          ${sheet("Theo quầy", ["Quầy", "Phục vụ", "Vắng", "Trung bình", "Mở"], byCounter(report))}
        </div>`
      : nothing}
  `;
}

const sheet = (title, heads, rows) =>
  html`<section class="card">
    <h2>${title}</h2>
    <table>
      <thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
      <tbody>${rows.map((row) => html`<tr>${row.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody>
    </table>
  </section>`;
