"""A citizen books at home on a phone, comes, and is called in the right order between two who just came; and the phone says why."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from booking_office import Ward, ward
from playwright.sync_api import Browser, Page, expect
from running import Client

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LOOK_MS = 600
"""Nobody touches a screen within the first half second of it; the kiosk counts on that."""


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 360, "height": 800})
    yield page
    page.close()


def checked_in(phone: Page, office: Ward, kiosk: Client, spoken: str) -> dict[str, Any]:
    """The seven digits, typed with a finger at the kiosk's screen; the ticket they become."""
    touch = phone.context.browser.new_page(viewport={"width": 1080, "height": 1920}, has_touch=True)  # type: ignore[union-attr]
    touch.goto(f"{office.url}/kiosk/demo/k1#key={kiosk.key}")
    touch.locator('[data-touch="appointment"]').wait_for()
    touch.wait_for_timeout(LOOK_MS)
    touch.locator('[data-touch="appointment"]').tap()
    touch.locator('[data-touch="digit:1"]').wait_for()
    touch.wait_for_timeout(LOOK_MS)
    with touch.expect_response(lambda answer: answer.url.endswith("/check-in")) as answer:
        for digit in spoken.replace(" ", ""):
            touch.locator(f'[data-touch="digit:{digit}"]').tap()
    assert answer.value.status == 201, answer.value.text()
    ticket: dict[str, Any] = answer.value.json()
    expect(touch.get_by_text(ticket["code"]).first).to_be_visible()
    expect(touch.get_by_text("CÓ HẸN 10:15").first).to_be_visible()
    return ticket


def test_who_booked_is_called_between_two_who_just_came_and_sees_why(tmp_path: Path, phone: Page) -> None:
    with ward(tmp_path) as office:
        kiosk, (clerk,) = office.server.device("k1"), office.server.crew("lan")
        phone.goto(f"{office.url}/book/demo")
        phone.get_by_label("Gõ tên việc").fill("dang ky ket hon")
        phone.get_by_role("button", name="Tìm").click()
        phone.locator("a.choice", has_text="Đăng ký kết hôn").click()
        phone.get_by_role("link", name="Chọn ngày").click()
        phone.locator("a.choice", has_text="Hôm nay").click()
        phone.locator("a.choice", has_text=re.compile(r"^\s*10:15")).click()
        phone.get_by_role("button", name="Bỏ qua, chỉ lấy mã hẹn").click()
        expect(phone.locator(".when")).to_have_text("Thứ Sáu 20/11/2026, 10:15")
        spoken, address = phone.locator(".code").inner_text(), phone.url

        # Whoever comes at nine is before the appointment's 09:45, whoever comes at ten to ten is after it.
        first = kiosk.post("/sites/demo/tickets", {"service": "civil"}, expect=201)
        office.later("2026-11-20T09:50:00+07:00")
        second = kiosk.post("/sites/demo/tickets", {"service": "civil"}, expect=201)
        booked = checked_in(phone, office, kiosk, spoken)

        phone.goto(address)
        expect(phone.locator("h1")).to_have_text(f"Đã nhận số {booked['code']}")
        phone.get_by_role("link", name=f"Theo dõi số {booked['code']}").click()
        expect(phone.locator("[data-part=text]")).to_have_text("Còn 1 người trước ông/bà.")
        expect(phone.locator("[data-part=queue_time]")).to_have_text("09:45:00")
        expect(phone.locator("[data-part=reason]")).to_have_text("hẹn 10:15, tính như đến trước giờ hẹn 30 phút")
        phone.get_by_label("Số của người đó").fill(second["code"])
        phone.get_by_role("button", name="Xem vì sao").click()
        expect(phone.locator("[data-part=answer]")).to_contain_text(f"{booked['code']} trước {second['code']} vì 09:45:00 sớm hơn 09:50:")

        clerk.post("/sites/demo/counters/1/open")
        order = []
        for _ in range(3):
            order.append(clerk.post("/sites/demo/counters/1/next", {"finish": bool(order)})["code"])
            if order[-1] == booked["code"]:
                expect(phone.locator("[data-part=title]")).to_have_text(re.compile(r"Mời đến quầy\s1"))
        assert order == [first["code"], booked["code"], second["code"]]
