"""The booking pages against the real server: whole without a program, one question a page, and nobody's secret on them."""

from __future__ import annotations

import base64
import html
import re
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import icalendar
import pytest
import requests
from booking_office import MARRIAGE, MONDAY, PORTAL, PUBLIC, Ward, code_of, text_of, title_of, ward
from playwright.sync_api import Browser, Page, expect
from running import PASSWORD, until

from kiosk import qr
from server import appointments
from server.core import booking
from server.core.words import COUNTED as DIGITS

pytestmark = pytest.mark.browser

PHONE = {"width": 360, "height": 800}
AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
FOUND_BY_AXE = """async () => (await axe.run(document)).violations.map((one) =>
  `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 120)).join(" ; ")}`)"""
LAID_OUT = """() => {
  const wrong = [];
  const shown = (e) => e.getClientRects().length > 0;
  for (const e of [...document.querySelectorAll('button, input:not([type=hidden]), a, summary, .shut')].filter(shown)) {
    const box = (e.closest('label') ?? e).getBoundingClientRect();
    if (box.width < 48 || box.height < 52) wrong.push(`too small: ${e.textContent.trim()} ${box.width}x${box.height}`);
  }
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    if (!node.data.trim() || !shown(node.parentElement)) continue;
    const size = parseFloat(getComputedStyle(node.parentElement).fontSize);
    if (size < 16) wrong.push(`${size} px: ${node.data}`);
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const r of range.getClientRects()) if (r.left < 0 || r.right > innerWidth) wrong.push(`cut: ${node.data}`);
  }
  if (document.querySelectorAll('h1').length !== 1) wrong.push('not one h1');
  if (document.documentElement.scrollWidth > innerWidth) wrong.push('scrolls sideways');
  return wrong;
}"""


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    with ward(tmp_path_factory.mktemp("booking")) as office:
        yield office


@pytest.fixture(params=[False, True], ids=["without programs", "with programs"])
def phone(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = browser.new_context(viewport=PHONE, java_script_enabled=request.param, has_touch=True)  # type: ignore[arg-type]
    yield context.new_page()
    context.close()


@pytest.fixture
def plain_phone(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport=PHONE, java_script_enabled=False)  # type: ignore[arg-type]
    yield context.new_page()
    context.close()


def asks(page: Page, question: str, step: int | None = None) -> None:
    """The page asks this, and everything on it is large enough and inside the screen."""
    expect(page.locator("h1")).to_have_text(question)
    if step:
        expect(page.locator(".where")).to_contain_text(f"Bước {step} trong 5")
    # Measured before its style has come, a page would be a list of small links.
    page.wait_for_load_state("load")
    assert page.evaluate(LAID_OUT) == []


def link(page: Page, name: str | re.Pattern[str]) -> None:
    page.locator("main a, header a", has_text=name).first.click()


# -- from the first question to the code -----------------------------------------------------------------------------------------


def test_a_phone_books_from_the_first_question_to_the_code(office: Ward, phone: Page) -> None:
    phone.goto(f"{office.url}/book/demo")
    asks(phone, "Ông/bà cần làm việc gì?", 1)
    assert phone.locator("h2", has_text="Nhiều người làm").count() == 1 and phone.locator(".choices").first.locator("li").count() == 6
    phone.get_by_label("Gõ tên việc").fill("dang ky ket hon")
    phone.get_by_role("button", name="Tìm").click()
    asks(phone, "Ông/bà cần làm việc gì?", 1)
    expect(phone.locator(".choices").first.locator("li").first).to_contain_text("Đăng ký kết hôn")
    link(phone, "Đăng ký kết hôn")
    asks(phone, "Cần mang những gì?", 2)
    for words in ("Tờ khai", "Hai bên có mặt", "Miễn phí", "Trong ngày", "1.000894", "Dữ liệu mẫu"):
        expect(phone.locator("main")).to_contain_text(words)
    link(phone, "Chọn ngày")
    asks(phone, "Ông/bà đến ngày nào?", 3)
    expect(phone.locator(".choice", has_text="Thứ Ba 24/11")).to_contain_text("nghỉ: Ngày Văn hóa Việt Nam")
    assert phone.locator("a.choice", has_text=re.compile("Thứ Ba 24/11|Chủ nhật 22/11")).count() == 0
    link(phone, re.compile(r"Thứ Hai 23/11 – còn \d+ chỗ"))
    asks(phone, "Ông/bà đến lúc mấy giờ?", 4)
    assert phone.locator("h2").all_inner_texts() == ["Buổi sáng", "Buổi chiều"]
    expect(phone.locator("main")).to_contain_text("Không đặt cũng được: lấy số tại chỗ, vẫn gọi theo giờ xếp hàng.")
    link(phone, re.compile(r"^\s*08:30"))
    asks(phone, "Nhắc lịch cho ông/bà qua email?", 5)
    expect(phone.locator("input[type=checkbox]")).not_to_be_checked()
    expect(phone.locator(".summary")).to_contain_text("Thứ Hai 23/11/2026, 08:30")
    phone.get_by_role("button", name="Bỏ qua, chỉ lấy mã hẹn").click()
    asks(phone, "Đã đặt lịch hẹn")
    shown = phone.locator("main")
    for words in ("Thứ Hai 23/11/2026, 08:30", "Đăng ký kết hôn", "Số 1 phố Thử", "trước 08:45", "Đến trễ quá 15 phút vẫn được phục vụ"):
        expect(shown).to_contain_text(words)
    code = phone.locator(".code")
    assert re.fullmatch(r"\d{3} \d{4}", code.inner_text())
    assert code.evaluate("e => [getComputedStyle(e).fontSize, e.getClientRects().length, e.offsetHeight < 70]") == ["46px", 1, True]
    assert phone.locator(".rules li").count() == 5
    whole = phone.url.split("/h/")[1][:18]
    assert office.anyone.get(f"/sites/demo/appointments/{whole}")["procedure"] == MARRIAGE
    phone.reload()
    expect(code).to_have_text(f"{whole[:3]} {whole[3:7]}")


PAGES = [
    "/book/demo",
    "/book/demo?q=xyz",
    "/book/demo?service=civil",
    f"/book/demo/bring?procedure={MARRIAGE}",
    "/book/demo/day?service=school",
    f"/book/demo/time?service=civil&day={MONDAY}",
    f"/book/demo/you?service=civil&start={MONDAY}T08:45",
    f"/book/demo/wait?service=civil&day={MONDAY}",
    "/book/demo/find",
    "/procedures/demo",
    "/procedures/demo?q=khai+sinh",
    "/book/demo?lang=en",
    f"/book/demo/time?service=civil&day={MONDAY}&lang=en",
]


def test_axe_finds_nothing_on_any_page_and_large_letters_stay_inside(office: Ward, browser: Browser) -> None:
    context = browser.new_context(viewport=PHONE, bypass_csp=True)  # type: ignore[arg-type]
    page = context.new_page()
    code = office.book(phone="0900000001", consent="1")
    held = [f"/h/{code}", f"/h/{code}/move", f"/h/{code}/cancel", f"/h/{code}/forget", "/h/482137504582713063"]
    for path in [*PAGES, *held]:
        page.goto(office.url + path)
        assert page.evaluate(LAID_OUT) == [], path
        page.evaluate(AXE)
        assert page.evaluate(FOUND_BY_AXE) == [], path
        page.evaluate(
            """() => {
              const sizes = [...document.querySelectorAll('body *')].map((e) => [e, parseFloat(getComputedStyle(e).fontSize)]);
              for (const [e, size] of sizes) e.style.fontSize = `${2 * size}px`;
            }"""
        )
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
    context.close()


@pytest.mark.parametrize("path", PAGES[:11])
def test_a_question_stands_at_the_head_of_every_page(office: Ward, path: str) -> None:
    page = office.get(path)
    heading = re.search(r"<h1[^>]*>(.*?)</h1>", page.text, re.DOTALL)
    assert heading is not None and heading[1].strip().endswith("?"), path
    for never in ("lỗi", "bạn", "quý khách", "←"):
        assert never not in text_of(page).lower(), (path, never)
    assert page.headers["Cache-Control"] == "no-store" and page.headers["Referrer-Policy"] == "no-referrer"


def test_what_is_not_found_names_the_fields_and_the_telephone(office: Ward) -> None:
    page = office.get("/book/demo", q="xyz<b>")
    sentence = "Không tìm thấy “xyz<b>”. Chọn lĩnh vực bên dưới, hoặc gọi 0236 000 0000."
    assert sentence in text_of(page) and title_of(page).replace("\u00a0", " ").startswith(sentence) and "<b>" not in page.text


def test_everyday_words_find_the_field(office: Ward) -> None:
    page = office.get("/book/demo", q="so do")
    first = re.search(r'<a class="choice" href="([^"]+)"', page.text)
    assert first is not None and first[1] == "/book/demo?service=land"
    assert "Hòa giải tranh chấp đất đai" in text_of(office.get("/book/demo", service="land"))


# -- what a person types about himself -------------------------------------------------------------------------------------------

WRONG = [
    ({"phone": "0912 345 67"}, 422, "Số điện thoại có 10 chữ số, ví dụ 0912 345 678."),
    ({"email": "an@"}, 422, "Địa chỉ email chưa đúng, ví dụ ten@example.vn."),
    ({"name": "x" * 81, "consent": "1"}, 422, "Họ tên dài quá 80 chữ hoặc có ký tự lạ."),
    ({"phone": "0912 345 678"}, 422, "chưa đồng ý cho dùng. Đánh dấu ô đồng ý, hoặc xóa đi."),
]


@pytest.mark.parametrize(("typed", "status", "sentence"), WRONG)
def test_what_is_wrong_stands_above_the_field_and_in_the_title(office: Ward, typed: dict[str, str], status: int, sentence: str) -> None:
    before = office.left()
    url, hidden = office.form()
    page = office.send(url, hidden | typed)
    assert page.status_code == status and sentence in text_of(page) and sentence in title_of(page)
    for value in set(typed.values()) - {"1"}:
        assert f'value="{value}"' in page.text, "nobody types it twice"
    assert f'value="{hidden["key"]}"' in page.text and "aria-invalid" in page.text
    assert office.left() == before


def test_who_skips_gives_nothing_whatever_was_typed(office: Ward) -> None:
    code = office.book(phone="không rõ", skip="1")
    assert "Nơi này đang giữ" not in text_of(office.get(f"/h/{code}"))


def test_one_telephone_number_has_one_booking_a_day_however_it_is_written(office: Ward) -> None:
    office.book(f"{MONDAY}T09:00", phone="0912 000 111", consent="1")
    url, hidden = office.form(f"{MONDAY}T10:00")
    page = office.send(url, {**hidden, "phone": "+84.912.000.111", "consent": "1"})
    assert page.status_code == 409 and "Số điện thoại này đã có lịch Hộ tịch ngày 23/11." in text_of(page)
    assert 'href="/book/demo/find"' in page.text


def test_a_form_sent_twice_books_once(office: Ward) -> None:
    url, hidden = office.form(f"{MONDAY}T09:15")
    typed = {**hidden, "name": "Nguyễn Thị An", "phone": "0912000222", "consent": "1"}
    before = office.left(f"{MONDAY}T09:15")
    first, second = office.send(url, typed), office.send(url, typed)
    assert (first.status_code, second.status_code) == (303, 303) and code_of(first) == code_of(second)
    assert office.left(f"{MONDAY}T09:15") == before - 1
    other = office.send(url, {**typed, "name": "Khác"})
    assert other.status_code == 422 and "Trang này đã đặt một lịch hẹn với nội dung khác." in text_of(other)
    assert f'value="{hidden["key"]}"' not in other.text, "pressed again, it books once more"
    assert office.left(f"{MONDAY}T09:15") == before - 1


def test_a_place_lost_meanwhile_offers_the_free_times_and_keeps_what_was_typed(office: Ward, plain_phone: Page) -> None:
    plain_phone.goto(f"{office.url}/book/demo/you?service=land&start={MONDAY}T10:00")
    office.fill(f"{MONDAY}T10:00", "land")
    plain_phone.get_by_label("Số điện thoại (").fill("0912000333")
    plain_phone.locator("input[type=checkbox]").check()
    plain_phone.get_by_role("button", name="Đặt lịch hẹn").click()
    expect(plain_phone.locator(".fault")).to_have_text(re.compile(r"^Khung 10:00 vừa hết chỗ\. Còn 09:45, 10:15, \d\d:\d\d\.$"))
    assert plain_phone.title().startswith("Xin xem lại: Khung 10:00 vừa hết chỗ.")
    assert plain_phone.evaluate(LAID_OUT) == []
    plain_phone.get_by_role("button", name="Đặt 10:15").click()
    expect(plain_phone.locator("h1")).to_have_text("Đã đặt lịch hẹn")
    expect(plain_phone.locator(".when")).to_have_text("Thứ Hai 23/11/2026, 10:15")
    expect(plain_phone.locator("main")).to_contain_text("Nơi này đang giữ số điện thoại của ông/bà.")
    plain_phone.goto(f"{office.url}/book/demo/time?service=land&day={MONDAY}")
    full = plain_phone.locator(".choice", has_text=re.compile(r"^\s*10:00"))
    expect(full).to_contain_text("hết chỗ")
    assert full.evaluate("e => e.tagName") == "P"


@pytest.mark.parametrize("start", ["2026-11-20T08:00", "2026-11-19T08:00", "2026-11-23T08:07", "2027-11-23T08:00"])
def test_a_time_that_cannot_be_booked_is_told_with_a_way_on(office: Ward, start: str) -> None:
    url, hidden = office.form(start)
    page = office.send(url, hidden)
    assert page.status_code in (409, 422) and page.headers["Content-Type"].startswith("text/html")
    assert re.search("quá gần|Không có khung giờ này|Chỉ đặt được trước", text_of(page)), text_of(page)


# -- a full day ------------------------------------------------------------------------------------------------------------------

FULL_DAY = "2026-12-02"


def test_who_finds_a_day_full_is_told_by_mail_when_a_place_comes_free(office: Ward, plain_phone: Page) -> None:
    slots = office.anyone.get(f"/sites/demo/slots?service=business&date={FULL_DAY}")
    for slot in slots:
        office.fill(slot["start"][:16], "business")
    assert office.get("/book/demo/wait", service="business", day="2026-12-03").status_code == 200
    plain_phone.goto(f"{office.url}/book/demo/day?service=business")
    expect(plain_phone.locator("li", has_text="Thứ Tư 02/12")).to_contain_text("hết chỗ")
    assert plain_phone.locator("a", has_text="Báo khi có chỗ").count() == 1
    link(plain_phone, "Báo khi có chỗ")
    asks(plain_phone, "Báo cho ông/bà khi có chỗ?")
    expect(plain_phone.locator("input[type=checkbox]")).not_to_be_checked()
    plain_phone.locator("#email").fill("dung@")
    plain_phone.get_by_role("button", name="Báo khi có chỗ").click()
    expect(plain_phone.locator(".fault")).to_have_text(["Địa chỉ email chưa đúng, ví dụ ten@example.vn.", "Chưa đánh dấu ô đồng ý."])
    plain_phone.locator("#email").fill("dung@example.vn")
    plain_phone.locator("input[type=checkbox]").check()
    plain_phone.get_by_role("button", name="Báo khi có chỗ").click()
    asks(plain_phone, "Sẽ báo qua email khi có chỗ")
    assert "dung@example.vn" not in plain_phone.content()
    plain_phone.get_by_role("button", name="Thôi, không báo nữa").click()
    asks(plain_phone, "Đã xóa email. Không báo nữa.")


def test_a_day_with_places_is_booked_and_not_waited_for(office: Ward) -> None:
    url = f"{office.url}/book/demo/wait?service=civil&day=2026-12-03"
    answer = office.send(url, {"email": "em@example.vn", "consent": "1", "key": uuid.uuid4().hex})
    assert answer.status_code == 303 and answer.headers["Location"] == "/book/demo/time?service=civil&day=2026-12-03"
    assert office.get("/book/demo/wait", service="civil", day="2027-12-03").status_code == 404


def test_a_reminder_is_promised_only_where_one_will_be_sent(office: Ward) -> None:
    monday = requests.get(office.form()[0], timeout=60)
    assert "<h1>Nhắc lịch cho ông/bà qua email?</h1>" in monday.text
    assert "dùng họ tên, email này để gửi mã hẹn, nhắc lịch và báo khi lịch thay đổi, số điện thoại này" in text_of(monday)
    today = office.get("/book/demo/you", service="civil", start="2026-11-20T15:00")
    assert "<h1>Gửi mã hẹn cho ông/bà qua email?</h1>" in today.text
    assert "nhắc lịch" not in text_of(today) and "để gửi mã hẹn và báo khi lịch thay đổi" in text_of(today)


def test_what_would_be_used_for_nothing_is_not_kept(office: Ward) -> None:
    made = office.anyone.post(
        "/sites/demo/appointments",
        {"service": "civil", "start": f"{MONDAY}T14:00:00+07:00", "name": "Võ Thị Em", "phone": "0912000888", "consent": True},
        expect=201,
    )
    assert "Nơi này đang giữ số điện thoại của ông/bà." in text_of(office.get(f"/h/{made['code']}"))
    assert booking.OWED < appointments.CONTACT_KEPT, "who must be written to once more is still known"


def test_an_office_without_a_gateway_promises_no_mail(office: Ward, tmp_path: Path) -> None:
    asked = text_of(requests.get(office.form()[0], timeout=60))
    assert "Nơi này chưa gửi được thư." not in asked and "Email" in asked
    with ward(tmp_path, mail=False) as quiet:
        form = requests.get(quiet.form()[0], timeout=60)
        assert "<h1>Đặt lịch hẹn này?</h1>" in form.text and 'name="email"' not in form.text and 'name="name"' not in form.text
        assert "Nơi này chưa gửi được thư." in text_of(form) and "nhắc lịch" not in text_of(form)
        code = quiet.book(phone="0912000777", consent="1")
        assert "Sẽ không có tin nhắn hay thư nào." in text_of(quiet.get(f"/h/{code}", fresh="booked"))
        assert quiet.get("/book/demo/wait", service="civil", day=MONDAY).status_code == 404


NOTHING_COMES = {
    "vi": ("13:45", "Sẽ không có tin nhắn hay thư nào. Xin ghi ra giấy hoặc chụp lại mã hẹn này.", "Không nhắn tin, không gọi tới số này."),
    "en": ("14:45", "No message and no mail will be sent. Please write this code down or take a picture of it.", "We send nothing to it"),
}


@pytest.mark.parametrize("lang", NOTHING_COMES)
def test_a_telephone_number_is_asked_for_what_it_is_for_and_nothing_is_promised_to_it(office: Ward, lang: str) -> None:
    clock, said, hint = NOTHING_COMES[lang]
    start = f"{MONDAY}T{clock}"
    form = text_of(requests.get(office.form(start, lang=lang)[0], timeout=60))
    assert hint in form and ("không ai giữ nhiều chỗ" if lang == "vi" else "nobody holds many places") in form
    assert not re.search("tin nhắn|nhắn tin nhắc|by message|in the message", form, re.IGNORECASE)
    url, hidden = office.form(start, lang=lang)
    alone = code_of(office.send(url, {**hidden, "phone": f"091200{clock.replace(':', '')}", "consent": "1"}))
    assert said in text_of(office.get(f"/h/{alone}", fresh="booked", lang=lang))
    assert said not in text_of(office.get(f"/h/{alone}", lang=lang)), "whoever comes back has the page"
    told = office.book(start, email="lan@example.vn", consent="1")
    assert said not in text_of(office.get(f"/h/{told}", fresh="booked", lang=lang))
    for page in (office.get("/book/demo/find", lang=lang), office.get("/h/482137504582713063", lang=lang)):
        assert "tin nhắn" not in text_of(page) and "message" not in text_of(page)


# -- one's own booking -----------------------------------------------------------------------------------------------------------


def test_a_booking_moves_and_is_cancelled_after_being_asked_once(office: Ward, plain_phone: Page) -> None:
    code = office.book(f"{MONDAY}T13:30")
    plain_phone.goto(f"{office.url}/h/{code}")
    asks(plain_phone, "Lịch hẹn của ông/bà")
    link(plain_phone, "Dời lịch")
    asks(plain_phone, "Ông/bà đến ngày nào?")
    expect(plain_phone.locator("main")).to_contain_text("Lịch hẹn hiện nay: 13:30 thứ Hai 23/11.")
    link(plain_phone, re.compile("Thứ Tư 25/11"))
    asks(plain_phone, "Ông/bà đến lúc mấy giờ?")
    link(plain_phone, re.compile(r"^\s*08:45"))
    asks(plain_phone, "Dời lịch sang 08:45 thứ Tư 25/11?")
    plain_phone.get_by_role("button", name="Dời lịch").click()
    asks(plain_phone, "Đã dời lịch hẹn")
    expect(plain_phone.locator(".when")).to_have_text("Thứ Tư 25/11/2026, 08:45")
    link(plain_phone, "Hủy lịch")
    asks(plain_phone, "Hủy lịch 08:45 thứ Tư 25/11?")
    link(plain_phone, "Giữ lịch")
    assert office.anyone.get(f"/sites/demo/appointments/{code}")["state"] == "booked"
    link(plain_phone, "Hủy lịch")
    plain_phone.get_by_role("button", name="Hủy lịch").click()
    asks(plain_phone, "Đã hủy lịch hẹn")
    assert office.anyone.get(f"/sites/demo/appointments/{code}")["state"] == "cancelled"
    assert plain_phone.locator(".code").count() == 0 and plain_phone.get_by_role("link", name="Đặt lịch khác").count() == 1
    for gone in ("move", "cancel"):
        plain_phone.goto(f"{office.url}/h/{code}/{gone}")
        expect(plain_phone.locator("h1")).to_have_text("Đã hủy lịch hẹn")


def test_a_move_to_a_time_that_is_full_offers_free_ones(office: Ward) -> None:
    code = office.book(f"{MONDAY}T14:00")
    office.fill(f"{MONDAY}T14:30")
    page = office.send(f"{office.url}/h/{code}/move?start={MONDAY}T14:30", {"key": uuid.uuid4().hex})
    assert page.status_code == 409 and "Khung 14:30 vừa hết chỗ." in text_of(page)
    times = re.findall(r'name="start" value="([^"]+)"', page.text)
    moved = office.send(f"{office.url}/h/{code}/move?start={MONDAY}T14:30", {"key": uuid.uuid4().hex, "start": times[0]})
    assert moved.status_code == 303 and code_of(moved) == code
    assert office.anyone.get(f"/sites/demo/appointments/{code}")["start"].startswith(times[0])


def test_consent_taken_back_erases_the_contact_and_keeps_the_booking(office: Ward) -> None:
    code = office.book(f"{MONDAY}T15:00", name="Trần Văn Bình", phone="0912000444", email="binh@example.vn", consent="1")
    page = office.get(f"/h/{code}")
    assert f'href="/h/{code}/forget"' in page.text
    assert (
        "Nơi này đang giữ họ tên, số điện thoại, email của ông/bà. Họ tên để ghi ở đầu thư. Số điện thoại để không ai giữ nhiều chỗ."
        in text_of(page)
    )
    asked = text_of(office.get(f"/h/{code}/forget"))
    assert "Xóa họ tên, số điện thoại, email?" in asked and "không nhắc lịch được nữa" in asked
    assert office.send(f"{office.url}/h/{code}/forget", {}).status_code == 303
    after = text_of(office.get(f"/h/{code}", fresh="forgotten"))
    assert "Đã xóa. Lịch hẹn vẫn giữ nguyên." in after and "Nơi này đang giữ" not in after
    assert office.anyone.get(f"/sites/demo/appointments/{code}")["state"] == "booked"


def test_nothing_personal_is_on_a_later_page_or_in_the_log_and_no_code_either(office: Ward) -> None:
    code = office.book(f"{MONDAY}T15:30", name="Lê Thị Chi", phone="0912 000 555", email="chi@example.vn", consent="1")
    office.send(f"{office.url}/book/demo/you?service=civil&start={MONDAY}T15:30", {"name": "Lê Thị Chi", "phone": "0912000555"})
    for path in (f"/h/{code}", f"/h/{code}/move", f"/h/{code}/cancel", f"/h/{code}/forget", "/book/demo", "/book/demo/find"):
        page = office.get(path)
        for secret in ("Lê Thị Chi", "912000555", "912 000 555", "chi@example"):
            assert secret not in page.text, (path, secret)
    page = office.get(f"/h/{code}")
    assert "noindex" in page.headers["X-Robots-Tag"] and page.headers["Cache-Control"] == "no-store"
    office.get(f"/h/{code[:-1]}")
    log = office.server.log.read_text(encoding="utf-8")
    for secret in (code, code[:17], code[:7], "Lê Thị Chi", "912000555", "chi@example"):
        assert secret not in log, secret
    assert "/h/<code>" in log or "/book/<site>/you" in log


def test_the_qr_code_holds_the_public_address_of_the_booking(office: Ward, tmp_path: Path) -> None:
    code = office.book(f"{MONDAY}T16:00")
    picture = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', office.get(f"/h/{code}").text)
    assert picture is not None and base64.b64decode(picture[1]) == qr.svg(f"{PUBLIC}/h/{code}")


def test_a_kiosk_shows_where_a_service_is_booked(office: Ward) -> None:
    for query, address in (({}, f"{PUBLIC}/book/demo"), ({"service": "civil"}, f"{PUBLIC}/book/demo?service=civil")):
        answer = office.get("/book/demo/qr.svg", **query)
        assert (answer.headers["Content-Type"], answer.content) == ("image/svg+xml; charset=utf-8", qr.svg(address))
    assert office.get("/book/demo/qr.svg", service="none").status_code == 422
    assert office.get("/book/none/qr.svg").status_code == 404


def test_a_booking_is_saved_in_a_calendar(office: Ward) -> None:
    code = office.book(f"{MONDAY}T16:30")
    assert f'href="/h/{code}/calendar.ics"' in office.get(f"/h/{code}").text
    file = office.get(f"/h/{code}/calendar.ics")
    assert file.headers["Content-Type"].startswith("text/calendar") and file.headers["Cache-Control"] == "no-store"
    assert file.headers["Content-Disposition"] == f'attachment; filename="{code[:7]}.ics"'
    (event,) = icalendar.Calendar.from_ical(file.content).walk("VEVENT")
    assert str(event["dtstart"].dt.astimezone(UTC)) == "2026-11-23 09:30:00+00:00" and "Đăng ký kết hôn" in event["summary"]
    office.send(f"{office.url}/h/{code}/cancel", {})
    assert office.get(f"/h/{code}/calendar.ics").headers["Content-Type"].startswith("text/html")


def test_a_time_that_the_office_closes_is_explained_and_others_are_offered(office: Ward) -> None:
    day = "2026-11-27"
    code = office.book(f"{day}T08:45")
    (chief,) = office.server.crew("binh", role="supervisor")
    closed = {"start": f"{day}T08:30:00+07:00", "end": f"{day}T09:30:00+07:00", "reason": "tập huấn"}
    chief.post(f"/sites/demo/days/{day}/closures", closed, expect=201)
    page = office.get(f"/h/{code}")
    assert "Giờ này bộ phận tạm nghỉ: tập huấn. Mời chọn giờ khác. Nếu vẫn đến, ông/bà vẫn được phục vụ." in text_of(page)
    offered = re.findall(rf'href="/h/{code}/move\?start=([^"]+)"', page.text)
    assert [start[-7:].replace("%3A", ":")[-5:] for start in offered] == ["08:15", "08:00", "09:30"]
    assert "Ngày này không còn khung giờ nào." in text_of(office.get("/book/demo/time", service="civil", day="2026-11-24"))
    times = text_of(office.get("/book/demo/time", service="civil", day=day))
    assert "08:30 – 08:45 tạm nghỉ" in times and "09:30 – 09:45 còn" in times


def test_a_time_that_today_s_early_closing_took_away_can_still_be_chosen_anew_after_the_weekend(tmp_path: Path) -> None:
    with ward(tmp_path) as office:
        code = office.book("2026-11-20T10:15", email="lan@example.vn", consent="1")
        (chief,) = office.server.crew("binh", role="supervisor")
        assert chief.send("POST", "/sites/demo/hours", {"closes": "10:00"}).status_code == 200
        page = office.get(f"/h/{code}")
        shown = text_of(page)
        assert "Giờ này bộ phận nghỉ: hôm đó đóng cửa lúc 10:00. Mời chọn giờ khác." in shown and "Nếu vẫn đến" not in shown
        assert (
            "<h1 >Mời chọn giờ hẹn khác</h1>" in page.text
            and "Dời được đến hết ngày 26/11." in shown
            and "Dời lịch" in shown
            and "data:image" not in page.text
        )
        assert "calendar.ics" not in page.text and office.get(f"/h/{code}/calendar.ics").headers["Content-Type"].startswith("text/html")
        until(lambda: any("Mời chọn giờ hẹn khác" in mail for mail in mails(tmp_path)))
        assert not [mail for mail in mails(tmp_path) if "Mời chọn giờ hẹn khác" in mail and "lấy số tại chỗ" in mail]
        office.later("2026-11-23T09:00+07:00")
        page = office.get(f"/h/{code}")
        assert "<h1 >Mời chọn giờ hẹn khác</h1>" in page.text and "Giờ còn chỗ gần nhất" in page.text
        offered = re.findall(rf'href="(/h/{code}/move\?start=2026-11-23[^"]+)"', page.text)
        url = office.url + html.unescape(offered[0])
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', requests.get(url, timeout=60).text))
        answer = office.send(url, hidden)
        assert answer.status_code == 303, text_of(answer)
        moved = text_of(office.get(f"/h/{code_of(answer)}"))
        assert "Thứ Hai 23/11/2026" in moved and "Mời chọn giờ khác" not in moved
        until(lambda: any("Đã dời lịch hẹn" in mail for mail in mails(tmp_path)))


def mails(folder: Path) -> list[str]:
    """Subject and text of each mail that was sent."""
    found = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in (folder / "mail").glob("*.eml")]
    return [f"{mail['Subject']}\n{mail.get_body(('plain',)).get_content()}" for mail in found]  # type: ignore[attr-defined]


def test_a_code_typed_by_hand_opens_the_booking_and_the_spoken_one_does_not(office: Ward) -> None:
    code = office.book(f"{MONDAY}T16:15")
    find = f"{office.url}/book/demo/find"
    assert code_of(office.send(find, {"code": f"{code[:3]} {code[3:7]}-{code[7:]}"})) == code
    assert "Mã 7 số chỉ dùng ở máy lấy số." in text_of(office.send(find, {"code": code[:7]}))
    assert "Có số chưa đúng." in text_of(office.send(find, {"code": "482 1376"}))


def test_a_number_for_today_is_taken_from_home_where_the_office_allows_it(office: Ward, plain_phone: Page) -> None:
    plain_phone.goto(f"{office.url}/book/demo/day?service=school")
    link(plain_phone, "Lấy số qua mạng cho hôm nay")
    asks(plain_phone, "Gửi mã hẹn cho ông/bà qua email?", 5)
    plain_phone.get_by_role("button", name="Bỏ qua").click()
    asks(plain_phone, "Đã lấy số qua mạng")
    expect(plain_phone.locator("main")).to_contain_text("Số qua mạng, đăng ký lúc 09:")
    assert plain_phone.get_by_role("link", name="Dời lịch").count() == 0
    assert "Lấy số qua mạng" not in office.get("/book/demo/day", service="civil").text
    assert "Không chọn giờ" not in office.get("/book/demo/you", service="civil", live="1").text


# -- who asks --------------------------------------------------------------------------------------------------------------------


def test_a_form_of_another_web_site_books_nothing(office: Ward) -> None:
    before = office.left(f"{MONDAY}T10:30")
    url, hidden = office.form(f"{MONDAY}T10:30")
    assert office.send(url, hidden, **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert office.left(f"{MONDAY}T10:30") == before


def test_limits_hold_for_staff_cookies_too_and_a_repeat_is_not_counted(tmp_path: Path) -> None:
    with ward(tmp_path, "anonymous_per_day = 1\nwrong_codes_per_minute = 3") as office:
        (clerk,) = office.server.crew("lan")
        session = requests.Session()
        signed_in = session.post(f"{office.server.api}/sessions", json={"user": "lan", "password": PASSWORD}, timeout=60)
        assert signed_in.status_code == 201 and session.cookies
        url, hidden = office.form()
        for _ in range(3):
            assert session.post(url, hidden, timeout=60, allow_redirects=False).status_code == 303
        # Somebody who loses a place is not counted; somebody who gets one is, whoever is signed in beside it.
        second_url, second = office.form(f"{MONDAY}T10:00")
        refused = session.post(second_url, second, timeout=60, allow_redirects=False)
        assert refused.status_code == 429 and int(refused.headers["Retry-After"]) > 1
        assert "đã đặt đủ lịch không ghi số điện thoại. Mời ghi số điện thoại, hoặc lấy số tại chỗ." in text_of(refused)
        assert (
            session.post(second_url, {**second, "phone": "0912000666", "consent": "1"}, timeout=60, allow_redirects=False).status_code
            == 303
        )
        for _ in range(2):
            assert office.get("/h/482137504582713063").status_code == 404
        # Pages and interface count together.
        assert office.anyone.send("GET", "/sites/demo/appointments/482137504582713063").status_code == 404
        page = office.get("/h/482137504582713063")
        assert page.status_code == 429 and page.headers["Content-Type"].startswith("text/html")
        assert clerk.send("GET", "/sites/demo/appointments/482137504582713063").status_code in (404, 429)


COUNTED = {word: n for n, word in enumerate(DIGITS)}


def solved(page: str) -> dict[str, str]:
    """What somebody who reads the sum of a form would send back with it."""
    found = re.search(r'name="sum_token" value="([^"]+)".*<label for="sum">(\w+) cộng (\w+) bằng mấy', page, re.DOTALL)
    assert found is not None
    token, first, second = found.groups()
    return {"sum_token": token, "sum": str(COUNTED[first.lower()] + COUNTED[second])}


def test_who_books_and_books_is_asked_a_sum_that_is_good_once(tmp_path: Path) -> None:
    limits = "bookings_per_hour = 0\nanonymous_per_day = 0\nsum_after_bookings = 2\nsum_in_all = 0"
    with ward(tmp_path, limits) as office:
        slots = [f"{MONDAY}T{clock}" for clock in ("08:00", "08:15", "08:30", "08:45", "09:00")]
        for start in slots[:2]:
            office.book(start, name="Nguyễn Văn Thử", consent="1")
        url, hidden = office.form(slots[2])
        asked = office.send(url, {**hidden, "name": "Nguyễn Văn Thử", "consent": "1"})
        assert asked.status_code == 422 and "Đang có nhiều lượt đặt." in text_of(asked) and "Nguyễn Văn Thử" in asked.text
        right = solved(asked.text)
        wrong = office.send(url, {**hidden, **right, "sum": "1"})
        assert wrong.status_code == 422 and "Kết quả chưa đúng." in text_of(wrong)
        stale = office.send(url, {**hidden, **right})
        assert stale.status_code == 422, "a sum is asked once, whatever was answered"
        taken = {**hidden, **solved(stale.text)}
        first, again = office.send(url, taken), office.send(url, taken)
        assert first.status_code == again.status_code == 303 and code_of(first) == code_of(again), "a form sent twice books once"
        body = {"service": "civil", "start": f"{slots[3]}:00+07:00"}
        refused = office.anyone.post("/sites/demo/appointments", body, expect=422)["error"]
        assert refused["code"] == "sum_needed" and refused["details"]["question"].endswith("bằng mấy?")
        token = refused["details"]["token"]
        # Of the last letter of a signature a few bits are nobody's: another one may say the same.
        forged = {"token": token[:-4] + ("AAAA" if token[-4:-1] != "AAA" else "BBBB"), "answer": "10"}
        assert office.anyone.post("/sites/demo/appointments", body | {"sum": forged}, expect=422)["error"]["code"] == "sum_needed"
        first_word, second_word = re.match(r"(\w+) cộng (\w+) bằng", refused["details"]["question"]).groups()  # type: ignore[union-attr]
        proof = {"token": token, "answer": str(COUNTED[first_word.lower()] + COUNTED[second_word])}
        office.anyone.post("/sites/demo/appointments", body | {"sum": proof}, expect=201)
        (clerk,) = office.server.crew("truong", role="supervisor")
        clerk.post("/sites/demo/appointments", {"service": "civil", "start": f"{slots[4]}:00+07:00"}, expect=201)


def test_when_everybody_books_too_much_everybody_is_asked(tmp_path: Path) -> None:
    with ward(tmp_path, "bookings_per_hour = 0\nanonymous_per_day = 0\nsum_after_bookings = 0\nsum_in_all = 1") as office:
        office.book(f"{MONDAY}T08:00")
        url, hidden = office.form(f"{MONDAY}T08:15")
        assert office.send(url, hidden).status_code == 422


def test_places_lost_are_not_counted_against_who_lost_them(tmp_path: Path) -> None:
    with ward(tmp_path, "anonymous_per_day = 1") as office:
        (clerk,) = office.server.crew("lan")
        url, hidden = office.form(f"{MONDAY}T10:00")
        while office.left(f"{MONDAY}T10:00"):
            clerk.post("/sites/demo/appointments", {"service": "civil", "start": f"{MONDAY}T10:00:00+07:00"}, expect=201)
        for _ in range(3):
            assert office.send(url, hidden).status_code == 409
        assert office.send(url, {**hidden, "start": f"{MONDAY}T10:15"}).status_code == 303


STRANGE = [
    "/book/nowhere",
    "/book/demo/bring?procedure=9",
    "/book/demo/day?service=x",
    "/book/demo/day",
    "/book/demo/day?service=results",
    "/book/demo?service=results",
    "/book/demo/time?service=civil&day=2026-02-30",
    "/book/demo/time?service=civil&day=0001-01-01",
    "/book/demo/you?service=civil&start=2026-02-30T08:00",
    "/book/demo/you?service=civil&start=%00",
    "/book/demo/day?service=civil&from=999999999999999999999",
    "/book/demo/day?service=civil&from=-1",
    "/h/x",
    "/h/%00",
    "/h/" + "1" * 300,
    "/procedures/nowhere",
    "/procedures/demo?field=x&q=" + "a%20" * 400,
]


@pytest.mark.parametrize("path", STRANGE)
def test_a_strange_address_is_a_page_that_says_so(office: Ward, path: str) -> None:
    page = office.get(path)
    assert page.status_code < 500 and page.headers["Content-Type"].startswith("text/html"), (path, page.status_code)
    assert "<h1" in page.text


# -- in a frame, in English, in the catalogue ------------------------------------------------------------------------------------


@contextmanager
def portal_page(body: str) -> Iterator[None]:
    """Another web site with this page."""

    class Portal(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    host, _, port = PORTAL.removeprefix("http://").partition(":")
    server = ThreadingHTTPServer((host, int(port)), Portal)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def test_the_portal_of_the_authority_may_show_the_pages_in_a_frame(office: Ward, browser: Browser) -> None:
    for path, framed in (("/book/demo?embed=1", True), ("/book/demo", False), ("/t/x?embed=1", False)):
        policy = office.get(path).headers["Content-Security-Policy"]
        assert (f"frame-ancestors {PORTAL}" in policy) == framed and ("frame-ancestors 'none'" in policy) != framed
    page = office.get("/book/demo", embed="1")
    assert "<header>" not in page.text and "embed=1" in page.text
    context = browser.new_context(viewport=PHONE, java_script_enabled=False)  # type: ignore[arg-type]
    portal = context.new_page()
    with portal_page(f'<iframe src="{office.url}/book/demo?embed=1" width="340" height="700"></iframe>'):
        portal.goto(f"{PORTAL}/")
        inside = portal.frame_locator("iframe")
        inside.get_by_role("link", name="Đăng ký kết hôn").first.click()
        inside.get_by_role("link", name="Chọn ngày").click()
        inside.locator("a", has_text="Thứ Năm 26/11").click()
        inside.locator("a", has_text=re.compile(r"^\s*08:45")).click()
        inside.get_by_role("button", name="Bỏ qua").click()
        expect(inside.locator("h1")).to_have_text("Đã đặt lịch hẹn")
    context.close()


def test_a_site_that_names_no_portal_is_in_no_frame(tmp_path: Path) -> None:
    with ward(tmp_path, change=lambda text: text.replace(f'embed_from = ["{PORTAL}"]\n', "")) as office:
        assert "frame-ancestors 'none'" in office.get("/book/demo", embed="1").headers["Content-Security-Policy"]


def test_who_reads_no_vietnamese_books_in_english(office: Ward, plain_phone: Page) -> None:
    plain_phone.goto(f"{office.url}/book/demo")
    link(plain_phone, "English")
    asks(plain_phone, "What do you need?")
    link(plain_phone, "Education, health")
    asks(plain_phone, "Which day will you come?")
    link(plain_phone, re.compile("Monday 23/11 – .* left"))
    link(plain_phone, re.compile(r"^\s*08:45"))
    plain_phone.get_by_role("button", name="Skip").click()
    asks(plain_phone, "Booked")
    assert plain_phone.locator("html").get_attribute("lang") == "en"
    code = plain_phone.url.split("/h/")[1][:18]
    assert office.anyone.get(f"/sites/demo/appointments/{code}")["lang"] == "en"


def test_the_catalogue_shows_every_procedure_with_what_it_takes(office: Ward) -> None:
    page = office.get("/procedures/demo")
    shown = text_of(page)
    for words in ("Hộ tịch", "Đăng ký kết hôn", "Hai bên có mặt", "Lệ phí Miễn phí", "Mã thủ tục 1.000894", "Dữ liệu mẫu"):
        assert words in shown, words
    assert f'href="/book/demo/bring?procedure={MARRIAGE}"' in page.text
    field = text_of(office.get("/procedures/demo", field="land"))
    assert "Hòa giải tranh chấp đất đai" in field and "Đăng ký kết hôn" not in field
    found = re.findall(r"<summary[^>]*>(.*?)</summary>", office.get("/procedures/demo", q="so do").text)
    assert found == ["Hòa giải tranh chấp đất đai", "Cấp giấy phép xây dựng nhà ở riêng lẻ"]
    assert re.findall(r"<summary[^>]*>(.*?)</summary>", office.get("/procedures/demo", q="ket hon").text) == ["Đăng ký kết hôn"]


def test_the_directory_points_to_what_citizens_can_open(office: Ward) -> None:
    page = office.get("/").text
    assert 'href="/book/demo"' in page and 'href="/procedures/demo"' in page


def without_bookings(document: str) -> str:
    return re.sub(r"\[booking\].*?\n\n", "\n", document.replace("booking = { live = true }", ""), flags=re.DOTALL)


def test_an_office_that_takes_no_bookings_says_so(tmp_path: Path) -> None:
    with ward(tmp_path, change=without_bookings) as office:
        page = office.get("/book/demo")
        assert page.status_code == 200 and "Nơi này không nhận đặt lịch. Mời lấy số tại chỗ." in text_of(page)
        assert 'href="/book/demo"' not in office.get("/").text
        assert "Không đặt lịch: mời lấy số tại chỗ." in text_of(office.get("/procedures/demo"))
