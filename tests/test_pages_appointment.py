"""What a citizen with an appointment meets at the kiosk: seven digits or a QR code become a number, or a sentence says why not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from browsing import comes, passes
from kiosk_page import LANDSCAPE, PORTRAIT, kiosks, shows, touch
from page_server import PageServer
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser

SHORT, LONG = "4821375", "482137504582713063"
ELSEWHERE = "1234566"
"""A code with a right check digit that no appointment has."""
SLOT = {
    "service": "chung-thuc",
    "slot": "2026-11-20T09:15:00+07:00",
    "queue_time": "2026-11-20T08:45:00+07:00",
    "reason": {"term": "slot", "words": "hẹn 09:15, tính như đến trước giờ hẹn 30 phút"},
}
"""An appointment at 09:15; it is 09:14 in the office."""


@pytest.fixture
def office() -> Iterator[PageServer]:
    with PageServer() as server:
        server.appointments = {SHORT: SLOT, LONG: SLOT}
        yield server


@pytest.fixture
def kiosk(browser: Browser, office: PageServer) -> Iterator[Callable[..., Page]]:
    with kiosks(browser, office) as open_kiosk:
        yield open_kiosk


def enter(page: Page, digits: str) -> None:
    """Type on the keypad, as fast as fingers do."""
    for digit in digits:
        page.locator(f'[data-touch="digit:{digit}"]').tap()
        page.clock.run_for(50)


def refuse(office: PageServer, status: int, code: str, message: str = "", **details: Any) -> None:
    office.check_in_answers.append((status, {"error": {"code": code, "message": message, "details": details}}))


def said(page: Page) -> str:
    return " ".join(page.locator(".message > *").all_inner_texts()).replace("\u00a0", " ")


def test_seven_digits_are_a_number_without_another_touch(kiosk: Callable[..., Page], office: PageServer) -> None:
    page = kiosk()
    touch(page, "appointment")
    page.clock.run_for(550)
    enter(page, SHORT[:4])
    expect(page.locator(".typed b")).to_have_text([*SHORT[:4], *"–––"])
    groups = page.locator(".typed .group")
    assert [groups.nth(at).locator("b").count() for at in (0, 1)] == [3, 4]
    enter(page, SHORT[4:])
    expect(page.locator(".code")).to_have_text("B012")
    expect(page.locator(".mark")).to_have_text("CÓ HẸN 09:15")
    expect(page.locator(".facts")).to_contain_text("hẹn 09:15, tính như đến trước giờ hẹn 30 phút")
    assert page.locator('[data-touch="change"]').count() == 0, "a number given back would take the appointment along"
    assert [(one["code"], one["marked"]) for one in office.check_ins] == [(SHORT, "device")]


@pytest.mark.parametrize("size", [PORTRAIT, LANDSCAPE], ids=["portrait", "landscape"])
def test_the_keypad_names_the_digits_that_a_telephone_here_asks_for(
    kiosk: Callable[..., Page], office: PageServer, size: tuple[int, int, str]
) -> None:
    office.hall_code = "4821"
    page = kiosk(size)
    touch(page, "appointment")
    expect(page.locator(".hall-code")).to_have_text("Dùng điện\u00a0thoại? Nhập mã 4821 vào trang lịch\u00a0hẹn.")
    office.hall_code = None
    passes(page, office, 10_500)
    expect(page.locator(".hall-code")).to_have_count(0)


def test_an_office_without_appointments_does_not_ask_for_them(kiosk: Callable[..., Page], office: PageServer) -> None:
    for service in office.site["services"]:
        service["bookable"] = False
    page = kiosk()
    assert page.locator('[data-touch="appointment"]').count() == 0
    page.keyboard.type(f"{LONG}\n")
    expect(page.locator(".noted")).to_have_text("Không đọc được mã này. Mời bấm số in trên phiếu.")
    assert office.check_ins == []


@pytest.mark.parametrize("state", ["lunch", "last-ticket", "closed", "holiday"])
def test_whoever_has_an_appointment_is_counted_while_no_other_numbers_are_given(
    kiosk: Callable[..., Page], office: PageServer, state: str
) -> None:
    office.site["hours"] = office.show(state)["hours"]
    for field in office.site["services"]:
        field["open"] = False
    page = kiosk()
    expect(page.locator(".message")).to_be_visible()
    assert page.locator('[data-touch="appointment"]').count() == (state in ("lunch", "last-ticket"))


def test_a_wrong_digit_never_leaves_the_kiosk_and_can_be_corrected(kiosk: Callable[..., Page], office: PageServer) -> None:
    page = kiosk()
    touch(page, "appointment")
    page.clock.run_for(550)
    enter(page, "4831375")
    expect(page.locator(".noted")).to_have_text("Có số chưa đúng. Xin xem lại mã\u00a0hẹn.")
    expect(page.locator(".typed b"), "they stay to be compared").to_have_text([*"4831375"])
    enter(page, SHORT)
    expect(page.locator(".code")).to_have_text("B012")
    assert [one["code"] for one in office.check_ins] == [SHORT]


def test_the_last_digit_alone_can_be_taken_back(kiosk: Callable[..., Page], office: PageServer) -> None:
    page = kiosk()
    touch(page, "appointment")
    page.clock.run_for(550)
    enter(page, "4821374")
    expect(page.locator(".noted")).to_be_visible()
    page.locator('[data-touch="erase"]').tap()
    expect(page.locator(".noted")).to_have_count(0)
    enter(page, "5")
    expect(page.locator(".code")).to_have_text("B012")


def test_after_three_unknown_codes_the_keypad_rests_a_minute_and_leads_to_a_person(kiosk: Callable[..., Page], office: PageServer) -> None:
    page = kiosk()
    touch(page, "appointment")
    for _ in range(2):
        page.clock.run_for(550)
        enter(page, ELSEWHERE)
        expect(page.locator(".noted")).to_have_text("Chưa tìm thấy lịch\u00a0hẹn. Xin xem lại mã\u00a0hẹn.")
    touch(page, "back")
    touch(page, "appointment")
    page.clock.run_for(550)
    enter(page, ELSEWHERE)
    expect(page.locator(".noted")).to_have_text("Chưa tìm thấy lịch\u00a0hẹn. Mời đưa mã QR hoặc gặp cán\u00a0bộ hướng dẫn.")
    assert page.locator('[data-touch^="digit:"]').count() == 0
    expect(page.locator('[data-touch="help"]')).to_be_visible()
    touch(page, "back")
    touch(page, "appointment")
    expect(page.locator('[data-touch^="digit:"]'), "going home does not wake it").to_have_count(0)
    assert len(office.check_ins) == 3
    for _ in range(3):
        passes(page, office, 20_000)
        page.touchscreen.tap(540, 1600)
    page.clock.run_for(1_000)
    enter(page, SHORT)
    expect(page.locator(".code")).to_have_text("B012")


@pytest.mark.parametrize("reading", [LONG, f"https://so.example/h/{LONG}", "482 1375 045 8271 3063", SHORT])
def test_the_appointments_qr_is_a_number_without_a_touch(kiosk: Callable[..., Page], office: PageServer, reading: str) -> None:
    page = kiosk(LANDSCAPE)
    page.keyboard.type(f"{reading}\n")
    expect(page.locator(".code")).to_have_text("B012")
    assert office.check_ins[0]["code"] == re.sub(r"\D", "", reading.rpartition("/")[2])


def test_readers_work_on_the_keypad_too(kiosk: Callable[..., Page], office: PageServer) -> None:
    ticket = office.give("ho-tich") | {"state": "no_show", "called_at": "2026-11-20T09:02:00+07:00", "counter": "3"}
    office.tickets["planted"] = ticket
    page = kiosk()
    touch(page, "appointment")
    page.keyboard.type("482137504582713064\n")
    expect(page.locator(".noted")).to_have_text("Không đọc được mã này. Mời bấm 7\u00a0số mã\u00a0hẹn.")
    page.keyboard.type(f"/t/{ticket['id']}\n")
    expect(page.locator("h1")).to_have_text("Số A012 đã được gọi lúc\u00a009:02.")
    touch(page, "leave")
    touch(page, "appointment")
    page.keyboard.type(f"{LONG}\n")
    expect(page.locator(".code")).to_have_text("B013")
    assert [one["code"] for one in office.check_ins] == [LONG]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {
                "slot": "2026-11-20T08:52:00+07:00",
                "queue_time": "2026-11-20T09:04:05+07:00",
                "reason": {"term": "late", "words": "hẹn 08:52, đến trễ 22 phút, tính sớm 10 phút"},
            },
            "Đến sau giờ hẹn 22 phút. Vẫn được phục vụ. Giờ xếp hàng: 09:04, sớm hơn lúc đến 10 phút.",
        ),
        (
            {
                "slot": "2026-11-20T10:00:00+07:00",
                "queue_time": "2026-11-20T09:14:05+07:00",
                "reason": {"term": "walk_in", "words": "lúc nhận số, sớm hơn cả giờ hẹn 10:00"},
            },
            "Đến sớm không sao. Giờ xếp hàng: 09:14.",
        ),
        ({"slot": "2026-11-20T09:00:00+07:00", "queue_time": "2026-11-20T08:30:00+07:00"}, None),
        ({"slot": "2026-11-20T09:44:00+07:00", "queue_time": "2026-11-20T09:14:00+07:00"}, None),
    ],
    ids=["late", "early", "within the grace", "half an hour before"],
)
def test_the_number_says_what_coming_early_or_late_means(
    kiosk: Callable[..., Page], office: PageServer, changes: dict[str, Any], told: str | None
) -> None:
    office.appointments[LONG] = SLOT | changes
    page = kiosk()
    page.keyboard.type(f"{LONG}\n")
    expect(page.locator(".code")).to_have_text("B012")
    assert [line.replace("\u00a0", " ") for line in page.locator(".arrival").all_inner_texts()] == ([told] if told else [])


@pytest.mark.parametrize(
    ("code", "told", "button"),
    [
        ("wrong_day", "Lịch hẹn này là thứ Ba 24/11, không phải hôm nay.", "Lấy số hôm nay"),
        ("wrong_site", "Lịch hẹn này ở UBND phường Mẫu Khác.", "Lấy số ở đây"),
        ("cancelled", "Lịch hẹn này đã hủy.", "Lấy số hôm nay"),
    ],
)
def test_an_appointment_that_is_not_for_here_and_now_leads_to_a_number(
    kiosk: Callable[..., Page], office: PageServer, code: str, told: str, button: str
) -> None:
    refuse(office, 409, code, told)
    page = kiosk()
    page.keyboard.type(f"{LONG}\n")
    page.locator('.kiosk[data-screen="not_checked_in"]').wait_for()
    assert said(page) == told
    expect(page.locator('[data-touch="leave"]')).to_have_text("Xong")
    expect(page.locator('[data-touch="take"]')).to_have_text(button)
    touch(page, "take")
    shows(page, "field")


def test_an_appointment_that_has_its_number_already_is_printed_again(kiosk: Callable[..., Page], office: PageServer) -> None:
    ticket = office.give("chung-thuc") | SLOT | {"code": "B105", "appointment": True}
    office.tickets["planted"] = ticket
    told = "Lịch hẹn này đã nhận số B105 lúc 08:31."
    refuse(office, 409, "already_checked_in", told, ticket="B105", id=ticket["id"], at="2026-11-20T08:31:00+07:00")
    page = kiosk()
    page.keyboard.type(f"{LONG}\n")
    page.locator('.kiosk[data-screen="not_checked_in"]').wait_for()
    assert said(page) == told
    touch(page, "reprint")
    expect(page.locator(".code")).to_have_text("B105")
    expect(page.locator(".paper")).to_contain_text("Mời lấy phiếu ở khe bên dưới")
    assert [(verb, code) for verb, code, _ in office.verbs] == [("reprint", "B105")]


def test_a_lost_check_in_is_asked_again_with_the_same_key_and_in_the_language_of_the_screen(
    kiosk: Callable[..., Page], office: PageServer
) -> None:
    refuse(office, 503, "storage_unavailable")
    office.ticket_delay_s = 0.5
    page = kiosk()
    touch(page, "language")
    page.keyboard.type(f"{LONG}\n")
    comes(page, ".card")
    expect(page.locator(".card")).to_have_text("Getting your number…")
    comes(page, ".mark")
    expect(page.locator(".mark")).to_have_text("APPOINTMENT 09:15")
    assert len(office.check_ins) == 2
    assert len({one["key"] for one in office.check_ins}) == 1
    assert {one["lang"] for one in office.check_ins} == {"en"}


def test_every_single_wrong_digit_and_every_swap_of_neighbours_is_noticed(kiosk: Callable[..., Page], office: PageServer) -> None:
    passed = kiosk().evaluate(
        """async (right) => {
          const { checks } = await import('/static/shared/reading.js');
          const wrong = [...right].flatMap((digit, at) => [
            ...[..."0123456789"].filter((other) => other !== digit).map((other) => right.slice(0, at) + other + right.slice(at + 1)),
            ...(at && right[at - 1] !== digit ? [right.slice(0, at - 1) + digit + right[at - 1] + right.slice(at + 1)] : []),
          ]);
          return [checks(right), wrong.length, wrong.filter(checks)];
        }""",
        SHORT,
    )
    assert passed == [True, 69, []]
