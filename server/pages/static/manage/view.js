/** Draws the manager's page: the frame and the day. Every value reaches the page as text; `go` is what main.js offers. */
import { html, nothing } from "../shared/vendor/lit-html.js";
import { hhmm } from "../shared/clock.js";
import { plainName } from "../shared/words.js";
import { clockTime, counters, foretold, hours, longest, services, TAB_NAMES, tabsFor } from "./model.js";
import { ailing } from "./devices.js";
import { alarmList, devicesTab } from "./devices-view.js";
import { checkupTab, reminder } from "./checkup.js";
import { reportTab, staffTab } from "./office.js";
import { paperTab } from "./sheets.js";
import { speakCard } from "./speak.js";

export const waitView = (page) => html`<main class="entry"><h1>Phụ trách</h1><p>${page.trouble ?? "Đang nối máy chủ…"}</p></main>`;

export const deniedView = (page, go) =>
  html`<main class="entry">
    <h1>Trang này dành cho phụ trách</h1>
    <p>${page.me.user} không có quyền mở trang này. Cán bộ tại quầy làm việc ở <a href="/console">bàn gọi số</a>.</p>
    <button class="plain" @click=${() => go.signOut()}>Đăng xuất</button>
  </main>`;

export const sitesView = (page, go) =>
  html`<main class="entry">
    <h1>Chọn bộ phận một cửa</h1>
    <ul class="offices">
      ${page.offices.map((site) => html`<li><button class="plain" @click=${() => go.site(site.id)}>${site.name}</button></li>`)}
    </ul>
  </main>`;

export function deskView(page, go) {
  return html`
    <header class="bar">
      <h1>${page.site.name}</h1>
      <p class="who">${[page.floor && hhmm(page.floor.at), page.me.name].filter(Boolean).join(" · ")}</p>
      <button class="light" @click=${() => go.signOut()}>Đăng xuất</button>
    </header>
    <nav class="tabs" aria-label="Phần">
      ${tabsFor(page.me.role).map((tab) => {
        const sick = tab !== "devices" ? 0 : (page.floor?.alarms.length ?? (page.devices ? ailing(page.devices) : 0));
        return html`<button aria-current=${page.tab === tab ? "page" : nothing} @click=${() => go.tab(tab)}>
          ${TAB_NAMES[tab]}${sick ? html` <span class="badge" title="cần xem">${sick}</span>` : nothing}
        </button>`;
      })}
    </nav>
    ${page.stale
      ? html`<p class="stale" role="status">Đang nối lại máy chủ. Số liệu lúc ${page.floor ? hhmm(page.floor.at) : "chưa có"}.</p>`
      : nothing}
    <main class="desk">${page.tab === "checkup" ? nothing : reminder(page, go)} ${body(page, go)}</main>
    <div class="toast" role="status">
      ${page.said ? html`<p class=${page.said.wrong ? "wrong" : "right"}>${page.said.words}</p>` : nothing}
    </div>
  `;
}

function body(page, go) {
  if (page.tab === "checkup") return checkupTab(page, go);
  if (page.tab === "staff") return staffTab(page, go);
  if (page.tab === "devices") return devicesTab(page, go);
  if (page.tab === "report") return reportTab(page, go);
  if (page.tab === "paper") return paperTab(page, go);
  return page.floor ? dayTab(page, go) : html`<p>Đang nối máy chủ…</p>`;
}

function dayTab(page, go) {
  const { floor } = page;
  return html`
    ${alarmList(page)}
    ${floor.help.map(
      (call) =>
        html`<p class="help">
          <strong>${call.name} cần người giúp</strong> <span>từ ${hhmm(call.at)}</span>
          <button class="strong" @click=${() => go.help(call)}>Tôi đến</button>
        </p>`,
    )}
    ${hoursCard(page, go)}
    <div class="columns">
      <div>${countersCard(page, go)} ${longestCard(floor)}</div>
      <div>${servicesCard(page, go)} ${heldCard(page, go)} ${noticeCard(page, go)} ${speakCard(page, go)}</div>
    </div>
  `;
}

const editing = (page, what, id) => page.open?.what === what && page.open.id === id;

function hoursCard(page, go) {
  const now = hours(page.floor);
  const open = editing(page, "hours", "");
  return html`<section class="card hours" aria-label="Giờ làm việc hôm nay">
    <p class="line">
      <strong class=${now.open ? "done" : ""}>${now.state}</strong> <span>${now.times}</span>
      ${now.changed ? html`<em>đã đổi riêng hôm nay</em>` : nothing}
      <button class="plain" aria-expanded=${open} @click=${() => go.open("hours", "")}>Đổi giờ hôm nay</button>
    </p>
    ${page.floor.hours.reason ? html`<p class="second">${page.floor.hours.reason}</p>` : nothing}
    ${open ? hoursForm(page, go) : nothing}
  </section>`;
}

function hoursForm(page, go) {
  const { hours: now, day } = page.open.floor;
  const field = (name, label, value, hint) =>
    html`<form class="field" @submit=${(event) => go.hours(event, name)}>
      <label for=${name}>${label}</label>
      <input id=${name} name="time" inputmode="numeric" size="6" autocomplete="off" .defaultValue=${value} required />
      <button class="strong" type="submit">Đổi</button>
      <span class="second">${hint}</span>
    </form>`;
  return html`<div class="panel">
    ${field("last_ticket", "Cấp số đến", now.last_ticket ? clockTime(now.last_ticket, day) : "", "Quầy vẫn phục vụ người đã có số.")}
    ${field("closes", "Đóng cửa lúc", now.closes ? clockTime(now.closes, day) : "", "Giờ ngừng cấp số tự tính theo giờ đóng cửa.")}
    <p class="buttons">
      <button class="plain" @click=${() => go.stopNumbers()}>Ngừng cấp số ngay</button>
      ${page.floor.changed_hours ? html`<button class="plain" @click=${() => go.usualHours()}>Về giờ thường lệ</button>` : nothing}
      <button class="plain" @click=${() => go.close()}>Thôi</button>
    </p>
  </div>`;
}

function countersCard(page, go) {
  return html`<section class="card" aria-labelledby="counters">
    <h2 id="counters">Quầy</h2>
    <ul class="rows">
      ${counters(page.floor).map(
        (counter) =>
          html`<li class="counter ${counter.state}" data-counter=${counter.id}>
            <p class="name"><strong>${counter.name}</strong> <span class="letters">${counter.letters}</span></p>
            <p class="state">
              <strong>${counter.words}</strong>${counter.about ? html`<span>${counter.about}</span>` : nothing}
            </p>
            <p class="ticket">${counter.code ? html`<strong>${counter.code}</strong> <span>${counter.at}</span>` : nothing}</p>
            <p class="buttons">
              ${counter.code
                ? html`<button class="plain" aria-expanded=${editing(page, "release", counter.id)} @click=${() => go.open("release", counter.id)}>
                    Gỡ phiếu
                  </button>`
                : counter.state !== "closed"
                  ? html`<button class="plain" @click=${() => go.closeCounter(counter)}>Đóng quầy</button>`
                  : nothing}
              <button class="plain" aria-expanded=${editing(page, "fields", counter.id)} @click=${() => go.open("fields", counter.id)}>
                Lĩnh vực
              </button>
            </p>
            ${editing(page, "fields", counter.id) ? fieldsPanel(page, counter, go) : nothing}
            ${editing(page, "release", counter.id) && counter.code ? releasePanel(counter, go) : nothing}
          </li>`,
      )}
    </ul>
  </section>`;
}

function fieldsPanel(page, counter, go) {
  const before = page.open.floor.counters.find((one) => one.id === counter.id).services;
  return html`<form class="panel" @submit=${(event) => go.fields(event, counter)}>
    <fieldset>
      <legend>${counter.name} hôm nay phục vụ</legend>
      ${page.open.floor.services.map(
        (service) =>
          html`<label class="check">
            <input type="checkbox" name="service" value=${service.id} ?checked=${before.includes(service.id)} />
            <span>${service.letter} · ${plainName(service.name)}</span>
          </label>`,
      )}
    </fieldset>
    <p class="buttons">
      <button class="strong" type="submit">Ghi cho hôm nay</button>
      <button class="plain" type="button" @click=${() => go.close()}>Thôi</button>
    </p>
  </form>`;
}

function releasePanel(counter, go) {
  return html`<div class="panel">
    <p>${counter.code} đang ở ${counter.name.toLowerCase()}: ${counter.at}.</p>
    <p class="buttons">
      <button class="strong" @click=${() => go.back(counter)}>Trả về hàng</button>
      <button class="plain" @click=${() => go.finish(counter)}>Hoàn tất</button>
      <button class="plain" @click=${() => go.close()}>Thôi</button>
    </p>
    <p class="second">Trả về hàng: chờ lại ở ${counter.backName}, giữ nguyên giờ xếp hàng.</p>
  </div>`;
}

function servicesCard(page, go) {
  return html`<section class="card" aria-labelledby="services">
    <h2 id="services">Lĩnh vực</h2>
    <ul class="rows">
      ${services(page.floor).map(
        (service) =>
          html`<li class="service" data-service=${service.id}>
            <p class="name"><strong>${service.letter}</strong> <span>${service.name}</span></p>
            <p class="count">
              <strong>${service.count}</strong> chờ${service.longest ? html`<span>, lâu nhất ${service.longest}</span>` : nothing}
              ${service.wait ? html`<span class="wait">· lấy số bây giờ: ${service.wait}</span>` : nothing}
            </p>
            <p class="state ${service.tone}">${service.state}</p>
            <p class="buttons">
              <button class="plain" @click=${() => go.toggle(service)}>${service.stopped ? "Cấp số lại" : "Dừng cấp số"}</button>
            </p>
            ${service.warning ? html`<p class="warning">${service.warning}</p>` : nothing}
          </li>`,
      )}
    </ul>
    <p class="second pad" data-part="foretold">${foretold(page.floor)}</p>
  </section>`;
}

function longestCard(floor) {
  const rows = longest(floor);
  return html`<section class="card" aria-labelledby="longest">
    <h2 id="longest">Chờ lâu nhất</h2>
    ${rows.length
      ? html`<table>
          <thead><tr><th scope="col">Số</th><th scope="col">Lĩnh vực</th><th scope="col">Từ</th><th scope="col">Đã chờ</th></tr></thead>
          <tbody>
            ${rows.map((row) => html`<tr><td class="code">${row.code}</td><td>${row.field}</td><td>${row.since}</td><td>${row.waited}</td></tr>`)}
          </tbody>
        </table>`
      : html`<p class="second pad">Không ai chờ.</p>`}
  </section>`;
}

function heldCard(page, go) {
  const { held } = page.floor;
  if (!held.length) return nothing;
  const names = new Map(page.floor.counters.map((counter) => [counter.id, counter.name]));
  return html`<section class="card" aria-labelledby="held">
    <h2 id="held">Đang tạm giữ</h2>
    <ul class="rows">
      ${held.map(
        (one) =>
          html`<li class="held">
            <p class="name"><strong>${one.code}</strong> <span>${names.get(one.counter) ?? ""}</span></p>
            <p class="buttons"><button class="plain" @click=${() => go.release(one)}>Cho chờ tiếp</button></p>
          </li>`,
      )}
    </ul>
  </section>`;
}

function noticeCard(page, go) {
  const { floor, site } = page;
  return html`<section class="card" aria-labelledby="notice">
    <h2 id="notice">Dòng thông báo</h2>
    ${site.halls.map((hall) => {
      const until = floor.notices_until[hall.id];
      return html`<form class="panel" data-hall=${hall.id} @submit=${(event) => go.notice(event, hall)}>
        <p class="shown">
          ${site.halls.length > 1 ? `${hall.name}: ` : ""}${floor.notices[hall.id] ?? "Không có dòng nào."}${until
            ? html` <span class="second">đến ${hhmm(until)}</span>`
            : nothing}
        </p>
        <label for=${`text-${hall.id}`}>Dòng mới</label>
        <input id=${`text-${hall.id}`} name="text" maxlength="300" autocomplete="off" required />
        <p class="buttons">
          <label for=${`until-${hall.id}`}>Đến</label>
          <input id=${`until-${hall.id}`} name="until" size="6" inputmode="numeric" autocomplete="off" placeholder="hết ngày" />
          <button class="strong" type="submit">Hiện</button>
          ${floor.notices[hall.id] ? html`<button class="plain" type="button" @click=${() => go.clearNotice(hall)}>Xóa dòng này</button>` : nothing}
        </p>
      </form>`;
    })}
  </section>`;
}

