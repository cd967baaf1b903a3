"""The helper's desk against a real server: a number in two presses, whatever is held to the reader, and nothing by accident."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kiosk_page import DEAD_MS, KEYS, key_of
from outside import Outside, outside, refused
from playwright.sync_api import Browser, Page, expect
from running import OPEN, PASSWORD, until

pytestmark = pytest.mark.browser

OLD = "001044000123|012345678|NGUYỄN VĂN GIẢ|19111944|Nam|Số 1 Phố Thử, Phường Mẫu, Hà Nội|15042021"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    folder = tmp_path_factory.mktemp("office")
    written = Path(OPEN).read_text(encoding="utf-8")
    assert written.count("[[kiosks]]\n") == 1
    document = folder / "open.toml"
    document.write_text(written.replace("[[kiosks]]\n", "[[kiosks]]\ncards = true\n"), encoding="utf-8")
    with outside(folder, document=str(document)) as office:
        yield office


@pytest.fixture(scope="module")
def page(browser: Browser, office: Outside) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1366, "height": 768})
    sign_in(page, office, "hoa")
    page.locator(".desk").wait_for()
    yield page
    page.close()


@pytest.fixture
def desk(page: Page, office: Outside) -> Iterator[Page]:
    page.reload()
    page.locator(".desk").wait_for()
    yield page
    office.clear()


def sign_in(page: Page, office: Outside, who: str) -> None:
    page.goto(f"{office.url}/desk/open")
    page.locator("#user").fill(who)
    page.locator("#password").fill(PASSWORD)
    page.keyboard.press("Enter")


def read(page: Page, text: str) -> None:
    """The reader, wherever the keyboard's focus is."""
    page.evaluate(KEYS, [[*map(key_of, text), ("Enter", "Enter", False)], "none"])


def field(page: Page, service: str) -> Any:
    return page.locator(f'[data-field="{service}"]')


def issued(office: Outside) -> list[dict[str, Any]]:
    return [line for line in office.story() if line["kind"] == "TicketIssued"]


def remember(office: Outside, code: str) -> dict[str, Any]:
    ticket: dict[str, Any] = office["hoa"].get(f"/sites/open/tickets?code={code}")
    office._taken.append(ticket["id"])
    return ticket


def test_a_number_for_somebody_is_one_press_and_with_priority_two(desk: Page, office: Outside) -> None:
    field(desk, "A").click()
    expect(desk.locator(".done")).to_have_text("Đã lấy số")
    code = desk.locator(".code").inner_text()
    ticket = remember(office, code)
    assert (ticket["service"], ticket["priority"]) == ("A", False)
    assert issued(office)[-1]["event"]["kiosk"] == "k1" and issued(office)[-1]["actor"] == "staff:hoa"
    desk.get_by_role("button", name="Từ 60 tuổi trở lên").click()
    field(desk, "B").click()
    expect(desk.locator(".code")).to_have_text(re.compile(r"^B\d{3}$"))
    assert remember(office, desk.locator(".code").inner_text())["priority"]
    expect(desk.locator(".mark")).to_have_text("ƯU TIÊN")
    expect(desk.get_by_role("button", name="Thường")).to_have_attribute("aria-pressed", "true")


def test_by_keys_alone_as_well_and_without_paper_where_none_is_wanted(desk: Page, office: Outside) -> None:
    desk.locator("#kiosk").select_option("")
    field(desk, "A").focus()
    desk.keyboard.press("Enter")
    expect(desk.locator(".code")).to_be_visible()
    remember(office, desk.locator(".code").inner_text())
    assert "kiosk" not in issued(office)[-1]["event"]
    desk.locator("#kiosk").select_option("k1")


def test_a_card_proposes_priority_and_gives_one_number_in_a_field(desk: Page, office: Outside) -> None:
    read(desk, OLD)
    expect(desk.locator(".card-read")).to_contain_text("Từ 60 tuổi trở lên")
    assert OLD[:12] not in desk.content() and "GIẢ" not in desk.content()
    desk.get_by_role("button", name="Từ 60 tuổi trở lên").click()
    field(desk, "A").click()
    expect(desk.locator(".done")).to_be_visible()
    expect(desk.locator(".card-read")).to_have_count(0)
    code = desk.locator(".code").inner_text()
    assert remember(office, code)["priority"]
    before = len(office.story())
    read(desk, OLD)
    field(desk, "A").click()
    expect(desk.locator(".notice")).to_have_text(re.compile(rf"Thẻ này đã lấy số {code} lúc \d\d:\d\d\."))
    assert len(office.story()) == before
    desk.get_by_role("button", name="In lại phiếu").click()
    expect(desk.locator(".code")).to_have_text(code)
    # It may be the number that has stood there since before.
    until(lambda: office.story()[-1]["kind"] == "TicketReprinted")
    assert office.story()[-1]["event"]["kiosk"] == "k1"


@pytest.mark.parametrize("how", ["read", "typed"])
def test_an_appointment_is_checked_in_by_its_code(desk: Page, office: Outside, how: str) -> None:
    start = office["nobody"].get("/sites/open/slots?service=A&date=2026-11-20")[-1 if how == "read" else -2]["start"]
    made = office["nobody"].post("/sites/open/appointments", {"service": "A", "start": start}, expect=201)
    if how == "read":
        field(desk, "B").focus()
        read(desk, f"https://so.example/h/{made['code']}")
    else:
        desk.locator("#code").press_sequentially(made["code"][:3] + " " + made["code"][3:7], delay=80)
        desk.keyboard.press("Enter")
    expect(desk.locator(".done")).to_have_text("Đã nhận lịch hẹn")
    expect(desk.locator(".mark")).to_contain_text("CÓ HẸN")
    code = desk.locator(".code").inner_text()
    remember(office, code)
    read(desk, made["code"])
    expect(desk.locator(".notice")).to_contain_text(f"Lịch hẹn này đã nhận số {code}")


def test_a_missed_number_queues_again(desk: Page, office: Outside) -> None:
    ticket = office.take("A")
    office.open("1")
    office.call("1")
    office.act(ticket["id"], "no-show")
    read(desk, f"https://so.example/t/{ticket['id']}")
    expect(desk.locator(".ticket")).to_contain_text("mà chưa đến")
    desk.locator('[data-verb="rejoin"]').click()
    expect(desk.locator(".done")).to_have_text("Đã quay lại hàng")
    assert office["nobody"].get(f"/sites/open/tickets/{ticket['id']}")["state"] == "waiting"
    desk.locator("#code").press_sequentially(ticket["code"], delay=80)
    desk.keyboard.press("Enter")
    expect(desk.locator(".ticket")).to_contain_text("Đang chờ.")


@pytest.mark.parametrize("focus", ["a field", "the box"])
def test_a_reader_never_presses_a_button_and_leaves_nothing_in_the_box(desk: Page, office: Outside, focus: str) -> None:
    before = len(office.story())
    (field(desk, "A") if focus == "a field" else desk.locator("#code")).focus()
    for text in (OLD, "x" * 600, "<script>1</script>", "a b c d e f g h", "\x1b@\x1dV  \x00      ", "4821374"):
        read(desk, text)
    # A wrong check digit is told by the page, an unknown right one by the server.
    expect(desk.locator(".notice")).to_have_text("Có số chưa đúng. Xin xem lại mã\u00a0hẹn.")
    read(desk, "https://so.example/t/0123456789abcdef01234567")
    expect(desk.locator(".notice")).to_have_text("Phiếu này không phải của nơi đây.")
    read(desk, "x" * 600)
    expect(desk.locator(".notice")).to_contain_text("Không đọc được mã này.")
    expect(desk.locator("#code")).to_have_value("")
    assert len(office.story()) == before


def test_the_desk_is_for_helpers(browser: Browser, office: Outside) -> None:
    page = browser.new_page()
    sign_in(page, office, "lan")
    expect(page.locator(".notice")).to_have_text("Trang này dành cho tài khoản người hướng dẫn.")
    page.goto(f"{office.url}/")
    expect(page.get_by_role("link", name="Mở bàn hướng dẫn")).to_have_attribute("href", "/desk/open")
    page.close()


def test_paper_comes_out_of_a_kiosk_that_there_is_and_of_a_kiosks_own_alone(office: Outside) -> None:
    refused(office["hoa"].send("POST", "/sites/open/tickets", {"service": "A", "kiosk": "k9"}), 422, "unknown_place")
    ticket = office.take("A", kiosk="k9")
    assert issued(office)[-1]["event"]["kiosk"] == "k1", "a kiosk's key means its own"
    refused(office["hoa"].send("POST", f"/sites/open/tickets/{ticket['id']}/reprint", {"kiosk": "k9"}), 422, "unknown_place")
    office.clear()


def test_nothing_is_cut_or_scrolls_at_a_helpers_screen(desk: Page, office: Outside) -> None:
    field(desk, "A").click()
    expect(desk.locator(".code")).to_be_visible()
    remember(office, desk.locator(".code").inner_text())
    assert desk.evaluate("[document.documentElement.scrollWidth <= innerWidth, document.documentElement.scrollHeight <= innerHeight]") == [
        True,
        True,
    ]
    assert desk.evaluate("[...document.querySelectorAll('button')].every((b) => b.scrollWidth <= b.clientWidth + 1)")


def test_where_the_browser_is_also_a_kiosk_every_page_of_the_staff_asks_who_is_there(browser: Browser, office: Outside) -> None:
    both = browser.new_context()
    page = both.new_page()
    page.goto(f"{office.url}/kiosk/open/k1#key={office['k1'].key}")
    page.locator(".kiosk[data-screen=home] .bar").last.wait_for()
    for path in ("/console", "/manage", "/desk/open"):
        page.goto(office.url + path)
        expect(page.locator("#user")).to_be_visible()
    sign_in(page, office, "hoa")
    page.locator(".desk").wait_for()
    page.goto(f"{office.url}/kiosk/open/k1")
    page.locator('[data-touch="take"]').wait_for()
    page.wait_for_timeout(DEAD_MS)
    page.locator('[data-touch="take"]').click()
    page.wait_for_timeout(DEAD_MS)
    page.locator('[data-touch="field:A"]').click()
    expect(page.locator(".code")).to_be_visible()
    assert office.story()[-1]["actor"] == "device:open/k1"
    both.close()
    office.clear()
