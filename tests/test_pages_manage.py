"""The manager's page in Chromium against the real server: what the head of the hall sees, and what a press there does to the hall."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
from browsing import PATIENCE_MS
from listening import Ears, beating
from outside import Outside, outside
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect
from running import Client

pytestmark = pytest.mark.browser

DESK = {"width": 1366, "height": 768}
PHONE = {"width": 360, "height": 800}
OWN = "mật khẩu của riêng tôi"

LAID_OUT = """(least) => {
  const wrong = [];
  const shown = (e) => e.getClientRects().length > 0;
  for (const e of [...document.querySelectorAll('button, input:not([type=checkbox]), select, a, .check')].filter(shown)) {
    const box = e.getBoundingClientRect();
    if (box.height < least || box.width < 40) wrong.push(`too small: ${e.textContent.trim() || e.id} ${box.width}x${box.height}`);
    if (box.left < 0 || box.right > innerWidth) wrong.push(`outside: ${e.textContent.trim() || e.id}`);
  }
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    if (!node.data.trim() || !shown(node.parentElement)) continue;
    const holder = (node.parentElement.closest('.card, .bar, .tabs, .toast p') ?? document.body).getBoundingClientRect();
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const r of range.getClientRects()) if (r.left < holder.left - 1 || r.right > holder.right + 1) wrong.push(`cut: ${node.data}`);
  }
  if (document.documentElement.scrollWidth > innerWidth) wrong.push('scrolls sideways');
  return wrong;
}"""


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with outside(tmp_path_factory.mktemp("managed")) as office:
        yield office


@pytest.fixture(autouse=True)
def empty(office: Outside) -> Iterator[None]:
    yield
    office.clear()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport=DESK, timezone_id="America/New_York", accept_downloads=True)  # type: ignore[arg-type]
    context.add_init_script(SAID)
    yield context
    context.close()


def signed_in(context: BrowserContext, office: Outside, user: str, where: str = "/manage") -> Page:
    context.add_cookies([{"name": "moiso_staff", "value": str(office[user].key), "url": office.url}])
    page = context.new_page()
    page.goto(office.url + where)
    return page


@pytest.fixture
def manager(context: BrowserContext, office: Outside) -> Page:
    """The head of the hall before the live floor."""
    page = signed_in(context, office, "binh")
    page.wait_for_selector("[data-counter='4']")
    return page


def counter(page: Page, number: str) -> Locator:
    return page.locator(f"[data-counter='{number}']")


def tab(page: Page, name: str) -> None:
    page.get_by_role("navigation").get_by_role("button", name=re.compile(name)).click()


def press(where: Page | Locator, name: str) -> None:
    where.get_by_role("button", name=name, exact=True).click()


SAID = """(() => {
  window.said = [];
  window.saying = "";
  const look = () => {
    const now = (document.querySelector(".toast")?.textContent ?? "").replace(/\\s+/g, " ").trim();
    if (now && now !== window.saying) window.said.push(now);
    window.saying = now;
  };
  new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true });
})();"""
"""A script for a page before it opens: it remembers what the page has said, which it takes back after six seconds."""
SAYS = """(words) => {
  const at = window.said.findIndex((each) => each.includes(words));
  if (at >= 0) window.said.splice(0, at + 1);
  return at >= 0 || window.saying.includes(words);
}"""


def says(page: Page, words: str) -> None:
    """Until the page has said this, since whatever was waited for last. The page is opened with `SAID`."""
    for _ in range(PATIENCE_MS // 50):
        if page.evaluate(SAYS, " ".join(words.split())):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"{words} is not said, but {page.locator('.toast').all_inner_texts()}")


# -- the day ---------------------------------------------------------------------------------------------------------------------


def test_the_floor_tells_how_long_each_field_waits_and_where_a_ticket_belongs(office: Outside) -> None:
    office.open("1")
    office.take("A")
    called = office.call("1")
    office.act(called["id"], "transfer", body={"service": "B"})
    assert office.call("1")["id"] == called["id"]
    office.take("A")
    floor = office["binh"].get("/sites/open/floor")
    rows = {row["id"]: (row["count"], row["longest_s"]) for row in floor["services"]}
    assert rows["B"] == (0, None) and rows["A"][0] == 1 and 0 <= rows["A"][1] < 600
    desk = next(c for c in floor["counters"] if c["id"] == "1")
    assert (desk["code"], desk["ticket_service"]) == (called["code"], "B")
    office.act(called["id"], "hold")
    held = office["binh"].get("/sites/open/floor")["held"]
    assert held == [{"ticket": called["id"], "code": called["code"], "service": "B", "counter": "1"}]


def test_the_manager_sees_the_hall_move(manager: Page, office: Outside) -> None:
    office.open("1")
    expect(counter(manager, "1")).to_contain_text("Đang mở")
    expect(counter(manager, "1")).to_contain_text("lan · từ 09:")
    first, second = office.take("A"), office.take("A")
    row = manager.locator("[data-service='A']")
    expect(row).to_contain_text("2 chờ, lâu nhất")
    expect(manager.locator("[aria-labelledby=longest] td.code")).to_have_text([first["code"], second["code"]])
    office.call("1")
    expect(counter(manager, "1")).to_contain_text(first["code"])
    expect(row).to_contain_text("1 chờ")
    office["k1"].post("/sites/open/help")
    press(manager.locator(".help"), "Tôi đến")
    expect(manager.locator(".help")).to_have_count(0)
    office["lan"].post("/sites/open/counters/1/next", {"finish": True})
    office["lan"].post("/sites/open/counters/1/next", {"finish": True})
    office["lan"].post("/sites/open/counters/1/close")
    office.take("B")
    expect(manager.locator("[data-service='B'] .warning")).to_have_text("Có người chờ, không quầy nào đang mở")


def test_a_stopped_field_gives_no_numbers_until_it_is_started_again(manager: Page, office: Outside) -> None:
    row = manager.locator("[data-service='B']")
    press(row, "Dừng cấp số")
    expect(row).to_contain_text("Đã dừng cấp số")
    refused = office["k1"].send("POST", "/sites/open/tickets", {"service": "B"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "service_stopped")
    press(row, "Cấp số lại")
    expect(row).to_contain_text("Đang cấp số")
    office.take("B")


def test_a_counter_is_given_other_fields_for_the_day(manager: Page, office: Outside) -> None:
    press(counter(manager, "2"), "Lĩnh vực")
    boxes = counter(manager, "2").get_by_role("checkbox")
    expect(boxes.first).to_be_focused()
    for box in boxes.all():
        box.uncheck()
    press(counter(manager, "2"), "Ghi cho hôm nay")
    says(manager, "Quầy phải phục vụ ít nhất một lĩnh vực.")
    counter(manager, "2").get_by_label("B · Chứng thực").check()
    # What happens meanwhile in the hall does not take the pen out of the hand.
    office.take("A")
    expect(manager.locator("[data-service='A']")).to_contain_text("1 chờ")
    press(counter(manager, "2"), "Ghi cho hôm nay")
    expect(counter(manager, "2").locator(".letters")).to_have_text("B")
    site = office["nobody"].get("/sites/open")
    assert next(c["services"] for c in site["counters"] if c["id"] == "2") == ["B"]
    office["binh"].post("/sites/open/counters/2/services", {"services": ["A", "B"]})


def test_the_office_closes_early_and_returns_to_its_usual_hours(manager: Page, office: Outside) -> None:
    hours = manager.get_by_role("region", name="Giờ làm việc hôm nay")
    expect(hours).to_contain_text("đóng cửa 24:00")
    press(hours, "Đổi giờ hôm nay")
    hours.get_by_label("Đóng cửa lúc").fill("khuya")
    manager.keyboard.press("Enter")
    says(manager, "Giờ viết như 16:30.")
    hours.get_by_label("Đóng cửa lúc").fill("9h20")
    manager.keyboard.press("Enter")
    expect(hours).to_contain_text("đóng cửa 09:20")
    expect(hours).to_contain_text("đã đổi riêng hôm nay")
    # The floor may tell of it before the answer, which closes the form.
    form = hours.locator(".panel")
    expect(form).to_have_count(0)
    for typed, shown in (("0900", "09:00"), ("9:15", "09:15")):
        press(hours, "Đổi giờ hôm nay")
        hours.get_by_label("Cấp số đến").fill(typed)
        manager.keyboard.press("Enter")
        expect(hours).to_contain_text(f"cấp số đến {shown} · đóng cửa 09:20")
        expect(form).to_have_count(0)
        if shown == "09:00":
            refused = office["k1"].send("POST", "/sites/open/tickets", {"service": "A"})
            assert (refused.status_code, refused.json()["error"]["code"]) == (409, "after_last_ticket")
    office.take("A")
    press(hours, "Đổi giờ hôm nay")
    press(hours, "Ngừng cấp số ngay")
    expect(hours).to_contain_text("Đã ngừng cấp số")
    expect(form).to_have_count(0)
    press(hours, "Đổi giờ hôm nay")
    press(hours, "Về giờ thường lệ")
    expect(hours).to_contain_text("Đang mở cửa")
    office.take("A")


def test_the_notice_is_on_the_wall_until_its_time_or_until_it_is_taken_away(
    manager: Page, office: Outside, context: BrowserContext
) -> None:
    wall = context.new_page()
    wall.goto(f"{office.url}/display/open/main")
    line = "Máy lạnh đang sửa <b>tầng 1</b>"
    form = manager.locator("[data-hall=main]")
    form.get_by_label("Dòng mới").fill(line)
    form.get_by_label("Đến").fill("11:30")
    manager.keyboard.press("Enter")
    # Until it is answered, another press there would be the same one.
    says(manager, "Dòng thông báo đang hiện.")
    expect(form.locator(".shown")).to_have_text(f"{line} đến 11:30")
    expect(wall.locator("body")).to_contain_text(line)
    assert office.board()["notice"] == line
    press(form, "Xóa dòng này")
    expect(form.locator(".shown")).to_have_text("Không có dòng nào.")
    expect(wall.locator("body")).not_to_contain_text(line)


def test_the_manager_reads_how_many_loudspeakers_have_played_what_was_said(manager: Page, office: Outside) -> None:
    with Ears(office.url, office["loa"].key) as speaker, Ears(office.url, office["tv"].key) as wall, ExitStack() as alive:
        speaker.hello("device", "loa")
        wall.hello("hall", "main")
        alive.enter_context(beating(speaker, wall))
        manager.get_by_label("Lời đọc").fill("Có thẻ rơi ở bàn hướng dẫn")
        press(manager, "Đọc")
        told = manager.locator("[data-said=main]")
        expect(told).to_have_text(re.compile(r"Lời thông báo lúc \d\d:\d\d: Đang phát, xong ở 0/2 loa\."))
        moment = speaker.state("announcement", lambda m: m["kind"] == "notice")
        speaker.call("done", {"id": moment["id"], "ok": True, "detail": "heard"})
        expect(told).to_have_text(re.compile(r"xong ở 1/2 loa\."))
        wall.call("done", {"id": moment["id"], "ok": True, "detail": "played"})
        expect(told).to_have_text(re.compile(r"Đã phát ở 2/2 loa\."))
        assert manager.evaluate(LAID_OUT, 40) == []


def test_the_manager_speaks_to_the_hall_and_an_emergency_wants_a_second_press(manager: Page, office: Outside) -> None:
    press(manager, "Trẻ lạc")
    words = manager.get_by_label("Lời đọc")
    expect(words).to_have_value(re.compile("cháu bé"))
    words.fill("Có thẻ rơi\nở bàn hướng dẫn")
    press(manager, "Đọc")
    says(manager, "Loa đọc sau các lời gọi đang chờ.")
    expect(words).to_have_value("")
    expect(manager.locator("[data-said=main]")).to_contain_text("không có loa nào đang nối")
    press(manager, "Khẩn cấp…")
    expect(words).to_have_value(re.compile("lối thoát hiểm"))
    assert office.story()[-1]["event"]["text"] == "Có thẻ rơi ở bàn hướng dẫn"
    assert manager.evaluate(LAID_OUT, 40) == []
    press(manager, "Đọc khẩn cấp")
    says(manager, "Loa đang đọc lời khẩn cấp.")
    expect(manager.locator("[data-hall=main]")).to_contain_text("lối thoát hiểm")
    assert [line["kind"] for line in office.story()[-2:]] == ["NoticeSpoken", "NoticeSet"]
    press(manager, "Xóa dòng này")


def test_a_stuck_ticket_goes_back_to_its_line_or_is_finished(manager: Page, office: Outside) -> None:
    office.open("1")
    ticket = office.take("A")
    office.call("1")
    press(counter(manager, "1"), "Gỡ phiếu")
    press(counter(manager, "1"), "Trả về hàng")
    says(manager, f"{ticket['code']} đã về hàng Hộ tịch.")
    back = office["nobody"].get(f"/sites/open/tickets/{ticket['id']}")
    assert (back["state"], back["queue_time"]) == ("waiting", ticket["queue_time"])
    office.call("1")
    office.act(ticket["id"], "hold")
    press(manager.locator("[aria-labelledby=held]"), "Cho chờ tiếp")
    # The answer closes whatever is open, also what is opened after the floor has told of it.
    says(manager, f"{ticket['code']} chờ tiếp ở chỗ cũ.")
    expect(manager.locator("[aria-labelledby=held]")).to_have_count(0)
    office.call("1")
    press(counter(manager, "1"), "Gỡ phiếu")
    press(counter(manager, "1"), "Hoàn tất")
    press(counter(manager, "1"), "Đóng quầy")
    says(manager, "Quầy 1 đã đóng.")
    expect(counter(manager, "1")).to_contain_text("Đóng")
    assert office["nobody"].get(f"/sites/open/tickets/{ticket['id']}")["state"] == "done"


def test_a_double_click_and_a_lost_answer_are_one_command(manager: Page, office: Outside) -> None:
    asked: list[str] = []

    def lose_the_first(route: Any) -> None:
        asked.append(route.request.headers["idempotency-key"])
        route.fetch()
        if len(asked) == 1:
            route.abort()
        else:
            route.continue_()

    manager.route("**/services/A/stop", lose_the_first)
    manager.locator("[data-service='A']").get_by_role("button", name="Dừng cấp số").dblclick()
    says(manager, "Hộ tịch: đã dừng cấp số.")
    assert len(asked) == 2 and len(set(asked)) == 1
    office["binh"].post("/sites/open/services/A/start")


def test_what_is_refused_is_said_in_words_and_changes_nothing(manager: Page, office: Outside) -> None:
    office.open("3")
    ticket = office.take("A")
    office.call("3")
    press(counter(manager, "3"), "Gỡ phiếu")
    manager.route("**/transfer", lambda route: (office.act(ticket["id"], "finish"), route.continue_()))
    press(counter(manager, "3"), "Trả về hàng")
    says(manager, f"Số {ticket['code']} đã hoàn tất, không chuyển được.")


# -- staff -----------------------------------------------------------------------------------------------------------------------


def test_a_new_clerk_must_have_a_password_of_their_own_before_the_first_call(manager: Page, office: Outside, browser: Browser) -> None:
    tab(manager, "Cán bộ")
    roles = manager.get_by_label("Vai trò").locator("option")
    roles.first.wait_for(state="attached")
    assert roles.all_inner_texts() == ["Cán bộ tại quầy", "Người hướng dẫn"]
    manager.get_by_label("Tên đăng nhập").fill("thu")
    first = manager.get_by_label("Mật khẩu lần đầu").input_value()
    press(manager, "Thêm")
    says(manager, f"Đã thêm thu. Mật khẩu lần đầu: {first}")
    expect(manager.locator("[data-member=thu]")).to_contain_text("chưa đổi mật khẩu được cấp")
    assert manager.get_by_label("Mật khẩu lần đầu").input_value() != first

    own = browser.new_context(viewport=DESK)  # type: ignore[arg-type]
    clerk = own.new_page()
    for where, inside in (("/console", "[data-test=counter-1]"), ("/manage", "text=Trang này dành cho phụ trách")):
        clerk.goto(office.url + where)
        if where == "/console":
            clerk.get_by_label("Tên đăng nhập").fill("thu")
            clerk.get_by_label("Mật khẩu").fill(first)
            clerk.keyboard.press("Enter")
            change_password(clerk, first)
        clerk.wait_for_selector(inside)
    own.close()
    tab(manager, "Cán bộ")
    expect(manager.locator("[data-member=thu]")).not_to_contain_text("chưa đổi mật khẩu được cấp")
    press(manager.locator("[data-member=thu]"), "Xóa")
    press(manager.locator("[data-member=thu]"), "Xóa tài khoản")
    expect(manager.locator("[data-member=thu]")).to_have_count(0)
    gone = requests.post(f"{office.api}/sessions", json={"user": "thu", "password": OWN}, timeout=60)
    assert gone.status_code == 401


def change_password(page: Page, given: str) -> None:
    """The form that stands before everything: it says what is wrong, survives a reload, and lets in only with a password of one's own."""
    expect(page.get_by_role("heading")).to_have_text("Đặt mật khẩu của riêng ông/bà")
    page.reload()
    for old, new, again, wrong in (
        (given, "ngắn", "ngắn", "Mật khẩu mới cần ít nhất 8 ký tự."),
        (given, given, given, "Mật khẩu mới phải khác mật khẩu được cấp."),
        (given, OWN, OWN + "x", "Hai lần nhập mật khẩu mới chưa giống nhau."),
        ("nham roi ma", OWN, OWN, "Mật khẩu được cấp chưa đúng."),
        (given, OWN, OWN, None),
    ):
        page.get_by_label("Mật khẩu được cấp").fill(old)
        page.get_by_label(re.compile("^Mật khẩu mới")).fill(new)
        page.get_by_label("Nhập lại mật khẩu mới").fill(again)
        page.keyboard.press("Enter")
        if wrong:
            expect(page.get_by_role("alert")).to_have_text(wrong)


def test_a_given_password_is_changed_before_the_managers_page_opens(office: Outside, browser: Browser) -> None:
    given = "mot mat khau tam"
    office["quan"].send("POST", "/sites/open/staff", {"name": "phuc", "role": "supervisor", "password": given})
    own = browser.new_context(viewport=PHONE)  # type: ignore[arg-type]
    page = own.new_page()
    page.goto(f"{office.url}/manage")
    page.get_by_label("Tên đăng nhập").fill("phuc")
    page.get_by_label("Mật khẩu").fill("khong dung dau")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("Tên hoặc mật khẩu chưa đúng.")
    page.get_by_label("Mật khẩu").fill(given)
    page.keyboard.press("Enter")
    change_password(page, given)
    page.wait_for_selector("[data-counter='1']")
    own.close()
    office["quan"].send("DELETE", "/sites/open/staff/phuc")


def test_a_new_password_signs_the_clerk_out_and_must_be_changed(manager: Page, office: Outside) -> None:
    office.hire({"mai": "clerk"})
    tab(manager, "Cán bộ")
    row = manager.locator("[data-member=mai]")
    press(row, "Mật khẩu mới")
    fresh = row.get_by_label("Mật khẩu mới của mai").input_value()
    press(row, "Cấp mật khẩu")
    says(manager, f"Mật khẩu mới của mai: {fresh}")
    assert office["mai"].send("GET", "/session").status_code == 401
    answer = requests.post(f"{office.api}/sessions", json={"user": "mai", "password": fresh}, timeout=60)
    assert answer.json()["must_change"] is True
    # Nobody removes himself, and a supervisor neither changes nor removes those who are not his to change.
    for other in ("binh", "quan", "thanh"):
        assert manager.locator(f"[data-member={other}] button").count() == 0


def test_a_display_name_is_given_and_stands_at_the_counter(manager: Page, office: Outside) -> None:
    office.open("1", "lan")
    tab(manager, "Cán bộ")
    row = manager.locator("[data-member=lan]")
    press(row, "Tên hiển thị")
    row.get_by_label("Họ tên hiển thị của lan").fill("Nguyễn Thị <b>Lan</b>")
    manager.keyboard.press("Enter")
    says(manager, "lan hiện trên màn hình là Nguyễn Thị <b>Lan</b>.")
    expect(row.locator(".name")).to_contain_text("Nguyễn Thị <b>Lan</b>")
    tab(manager, "Hôm nay")
    expect(counter(manager, "1")).to_contain_text("Nguyễn Thị <b>Lan</b>")
    tab(manager, "Cán bộ")
    press(row, "Tên hiển thị")
    expect(row.get_by_label("Họ tên hiển thị của lan")).to_have_value("Nguyễn Thị <b>Lan</b>")
    row.get_by_label("Họ tên hiển thị của lan").fill("")
    press(row, "Lưu tên")
    says(manager, "lan không còn tên hiển thị.")
    assert "display_name" not in office["lan"].get("/session")
    manager.get_by_label("Tên đăng nhập").fill("ngoc")
    manager.get_by_label("Họ tên hiển thị (không bắt buộc)").fill("Trần Bích Ngọc")
    press(manager, "Thêm")
    expect(manager.locator("[data-member=ngoc]")).to_contain_text("Trần Bích Ngọc")
    office["quan"].send("DELETE", "/sites/open/staff/ngoc")


# -- devices ---------------------------------------------------------------------------------------------------------------------


def test_a_device_is_added_with_a_key_shown_once_and_revoked(manager: Page, office: Outside, browser: Browser) -> None:
    tab(manager, "Thiết bị")
    expect(manager.locator("[data-device=k1]")).to_contain_text("Chưa thấy từ khi bật máy chủ")
    manager.get_by_label("Tên thiết bị").fill("máy cửa sau")
    press(manager, "Thêm")
    address = manager.get_by_label("Mở địa chỉ này một lần trên máy").input_value()
    key = address.partition("#key=")[2]
    assert address.startswith(f"{office.url}/kiosk/open/k1#key=")
    assert key in manager.get_by_label("Chạy bên cạnh máy in").input_value()
    assert manager.evaluate(LAID_OUT, 40) == []
    kiosk = Client(office.api, key)
    ticket = kiosk.post("/sites/open/tickets", {"service": "A"}, expect=201)
    office.act(ticket["id"], "cancel", who="binh")
    press(manager, "Đã chép, đóng")
    assert manager.get_by_text(key).count() == 0 and key not in manager.content()
    row = manager.locator("[data-device='máy cửa sau']")
    press(row, "Thu hồi")
    press(row, "Thu hồi khóa")
    expect(row).to_have_count(0)
    assert kiosk.send("POST", "/sites/open/tickets", {"service": "A"}).status_code == 401


def test_the_address_of_a_new_screen_makes_it_a_device_that_lives(manager: Page, office: Outside, browser: Browser) -> None:
    tab(manager, "Thiết bị")
    manager.get_by_label("Loại").select_option("display")
    press(manager, "Thêm")
    address = manager.get_by_label("Mở địa chỉ này một lần trên máy").input_value()
    assert address.startswith(f"{office.url}/display/open/main#key=")
    screen = browser.new_page(viewport=DESK)  # type: ignore[arg-type]
    screen.goto(address)
    row = manager.locator("[data-device=display-main]")
    expect(row).to_contain_text("Đang nối")
    screen.close()
    expect(row).to_contain_text("Mất liên lạc")
    press(row, "Thu hồi")
    press(row, "Thu hồi khóa")
    expect(row).to_have_count(0)


# -- the report ------------------------------------------------------------------------------------------------------------------


def test_the_days_report_is_there_in_numbers_and_as_a_sheet(manager: Page, office: Outside, tmp_path: Path) -> None:
    office.open("1")
    office.take("A")
    office.call("1")
    tab(manager, "Báo cáo")
    report = office["binh"].get(f"/sites/open/days/{office.today}/report")
    expect(manager.locator(".numbers div").first).to_contain_text(str(report["issued"]))
    with manager.expect_download() as download:
        manager.get_by_role("link", name="Tải bảng tính (CSV)").click()
    assert download.value.suggested_filename == f"moiso-open-{office.today}.csv"
    download.value.save_as(tmp_path / "day.csv")
    text = (tmp_path / "day.csv").read_text(encoding="utf-8-sig")
    assert "Hộ tịch" in text.replace("\u00a0", " ") and len(list(csv.reader(io.StringIO(text)))) > 5
    assert manager.evaluate(LAID_OUT, 40) == []


# -- who, where ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "tabs"),
    [
        ("binh", ["Hôm nay", "Kiểm tra", "Cán bộ", "Thiết bị", "Phiếu in", "Báo cáo"]),
        ("quan", ["Kiểm tra", "Cán bộ", "Thiết bị", "Phiếu in"]),
        ("thanh", ["Báo cáo"]),
        ("hoa", ["Phiếu in"]),
    ],
)
def test_each_role_sees_the_parts_that_are_its_own(context: BrowserContext, office: Outside, user: str, tabs: list[str]) -> None:
    page = signed_in(context, office, user)
    page.wait_for_selector("main.desk .card")
    shown = page.get_by_role("navigation").get_by_role("button").all_inner_texts()
    assert [re.sub(r"\s*\d+$", "", name.strip()) for name in shown] == tabs
    assert page.locator(".toast .wrong").count() == 0


def test_a_clerk_is_sent_to_the_console(context: BrowserContext, office: Outside) -> None:
    page = signed_in(context, office, "lan")
    expect(page.get_by_role("link", name="bàn gọi số")).to_have_attribute("href", "/console")


def test_the_directory_leads_to_the_managers_page(context: BrowserContext, office: Outside) -> None:
    page = signed_in(context, office, "binh", "/")
    page.get_by_role("link", name="Mở trang phụ trách").click()
    page.wait_for_selector("[data-counter='1']")


def test_a_key_that_ends_sends_the_page_to_the_sign_in(context: BrowserContext, office: Outside) -> None:
    office.hire({"ngan": "supervisor"})
    page = signed_in(context, office, "ngan")
    page.wait_for_selector("[data-counter='1']")
    office["ngan"].send("DELETE", "/session")
    expect(page.get_by_role("alert")).to_have_text("Phiên làm việc đã hết. Mời đăng nhập lại.")


OPENINGS: dict[str, Callable[[Page], None]] = {
    "the day": lambda page: None,
    "fields": lambda page: press(counter(page, "1"), "Lĩnh vực"),
    "a stuck ticket": lambda page: press(counter(page, "1"), "Gỡ phiếu"),
    "hours": lambda page: press(page, "Đổi giờ hôm nay"),
    "staff": lambda page: (tab(page, "Cán bộ"), press(page.locator("[data-member=lan]"), "Mật khẩu mới")),  # type: ignore[func-returns-value]
    "names": lambda page: press(page.locator("[data-member=lan]"), "Tên hiển thị"),
    "devices": lambda page: (tab(page, "Thiết bị"), press(page.locator("[data-device=tv]"), "Thu hồi")),  # type: ignore[func-returns-value]
    "report": lambda page: (tab(page, "Báo cáo"), page.wait_for_selector(".numbers")),  # type: ignore[func-returns-value]
}


@pytest.mark.parametrize(("size", "least"), [(DESK, 40), (PHONE, 48)], ids=["desk", "phone"])
def test_everything_fits_a_desk_and_a_phone(
    context: BrowserContext, manager: Page, office: Outside, size: dict[str, int], least: int
) -> None:
    office.open("1")
    office.take("A")
    office.call("1")
    office.take("B")
    manager.set_viewport_size(size)  # type: ignore[arg-type]
    expect(counter(manager, "1")).to_contain_text("Gỡ phiếu")
    found = {}
    for name, opened in OPENINGS.items():
        opened(manager)
        found[name] = manager.evaluate(LAID_OUT, least)
        manager.keyboard.press("Escape")
    assert found == {name: [] for name in OPENINGS}


def test_the_keyboard_alone_stops_a_field(manager: Page, office: Outside) -> None:
    button = manager.locator("[data-service='A']").get_by_role("button")
    for _ in range(80):
        if button.evaluate("(b) => b === document.activeElement"):
            break
        manager.keyboard.press("Tab")
    expect(button).to_be_focused()
    assert button.evaluate("(b) => getComputedStyle(b).outlineStyle") != "none"
    manager.keyboard.press("Enter")
    expect(button).to_have_text("Cấp số lại")
    expect(button).to_be_focused()
    manager.keyboard.press("Enter")
    expect(button).to_have_text("Dừng cấp số")
