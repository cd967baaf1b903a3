"""Whoever booked and stands in the hall takes the number on the telephone; whoever is at home does not know what the hall shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from booking_office import MONDAY, Ward, text_of, title_of, ward
from door import OPEN, Door

from server import presence

TODAY = "2026-11-20"
LIMITS = "bookings_per_hour = 0\nanonymous_per_day = 0\nwrong_codes_per_minute = 3\nwrong_codes_in_all = 0"
OFFER = "Nhận số tại đây"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Ward]:
    with ward(tmp_path, LIMITS) as office:
        yield office


def form(office: Ward, code: str) -> dict[str, str]:
    page = office.get(f"/h/{code}").text
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))


def test_who_stands_in_the_hall_takes_the_number_on_the_telephone(office: Ward) -> None:
    code, later = office.book(f"{TODAY}T10:30"), office.book(f"{MONDAY}T08:45")
    assert OFFER in office.get(f"/h/{code}").text
    assert OFFER not in office.get(f"/h/{later}").text, "only on the day itself"
    screen, kiosk = office.server.device("tv", kind="display", place="main"), office.server.device("k1")
    shown = screen.get("/sites/demo/halls/main/code")["code"]
    assert re.fullmatch(r"\d{4}", shown) and kiosk.get("/sites/demo/kiosks/k1")["hall_code"] == shown
    assert f"'{shown}'" not in str(office.anyone.get("/sites/demo/halls/main/board")), "the board is for everybody"

    here, hidden = f"{office.url}/h/{code}/here", form(office, code)
    wrong = office.send(here, {**hidden, "hall": f"{(int(shown) + 1) % 10_000:04}"})
    assert wrong.status_code == 422 and "Mã ở khu chờ chưa đúng." in text_of(wrong) and title_of(wrong).startswith("Xin xem lại")
    right = office.send(here, {**hidden, "hall": f" {shown[:2]} {shown[2:]}"})
    assert right.status_code == 303 and right.headers["Location"].startswith("/t/")
    ticket = office.anyone.get(f"/sites/demo/tickets/{right.headers['Location'][3:]}")
    assert ticket["appointment"] and ticket["state"] == "waiting" and ticket["queue_time"].startswith(f"{TODAY}T09:0")
    assert office.send(here, {**hidden, "hall": shown}).headers["Location"] == right.headers["Location"], "sent twice it is one number"
    assert OFFER not in office.get(f"/h/{code}").text
    assert office.send(here, {"hall": shown, "key": "another"}).headers["Location"] == f"/h/{code}"
    assert office.send(f"{office.url}/h/{later}/here", {"hall": shown, "key": "x"}).headers["Location"] == f"/h/{later}"


def test_who_guesses_the_digits_of_the_hall_waits(office: Ward) -> None:
    code = office.book(f"{TODAY}T10:30")
    shown = office.server.device("tv", kind="display", place="main").get("/sites/demo/halls/main/code")["code"]
    here = f"{office.url}/h/{code}/here"
    for number in range(1, 4):
        assert office.send(here, {"hall": f"{(int(shown) + number) % 10_000:04}", "key": "x"}).status_code == 422
    slowed = office.send(here, {"hall": shown, "key": "x"})
    assert slowed.status_code == 429 and int(slowed.headers["Retry-After"]) > 0


def test_an_office_that_has_not_asked_for_it_offers_nothing_and_shows_nothing(tmp_path: Path) -> None:
    with ward(tmp_path, change=lambda text: text.replace("phone_check_in = true\n", "")) as office:
        code = office.book(f"{TODAY}T10:30")
        assert OFFER not in office.get(f"/h/{code}").text
        assert office.server.device("tv", kind="display", place="main").get("/sites/demo/halls/main/code")["code"] is None
        assert office.server.device("k1").get("/sites/demo/kiosks/k1")["hall_code"] is None
        for number in range(20):
            answer = office.send(f"{office.url}/h/{code}/here", {"hall": f"{number:04}", "key": "x"})
            assert answer.headers["Location"] == f"/h/{code}"


def test_the_digits_change_every_five_minutes_and_those_before_are_right_a_while_longer(tmp_path: Path) -> None:
    document = OPEN.read_text(encoding="utf-8").replace("[booking]\n", "[booking]\nphone_check_in = true\n", 1)
    with Door(tmp_path, document) as door:
        # A secret that never gives the same digits twice in these minutes.
        door.ledger.write(lambda tx: tx.put_day_key("open", date(2026, 11, 20), "0a" * 32, date(2026, 11, 21)))
        site = door.sites.current(door.site)

        def shown(hall: str = "main") -> str:
            return presence.hall_code(door.ledger, site, hall) or ""

        seen = [shown()]
        assert shown("upstairs") != seen[0], "every hall has its own"
        door.pass_time(minutes=4, seconds=59)
        assert shown() == seen[0]
        for _ in range(3):
            door.pass_time(minutes=5)
            seen.append(shown())
        assert [presence.is_here(door.ledger, site, code) for code in seen] == [False, False, True, True]
        assert not presence.is_here(door.ledger, site, shown("upstairs")), "a hall that this office does not have"
        assert not presence.is_here(door.ledger, site, "") and not presence.is_here(door.ledger, site, "１２３４")
