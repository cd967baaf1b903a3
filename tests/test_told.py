"""Whoever has an appointment knows how it stands: what is told goes by what has really been told, and the last word is always true."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

import icalendar
import pytest
from door import NOON, WAIT_S, Door
from mail_gateway import Gateway
from test_outbox import LAN, Post, post, through

from server import notices, wire
from server.core import booking
from server.core import events as ev
from server.letters import Kind
from server.outbox import Outbox
from server.store import UNENDED, ContactRow, NoticeRow

CODE = "482137504582713063"
MONDAY = NOON.date() + timedelta(days=3)
NINE = NOON.replace(day=23, hour=9)
BOOKED, OFF, ON, REMINDED, MOVED = "Đã đặt", "Mời chọn giờ", "Lịch hẹn vẫn", "Nhắc", "Đã dời"


class Booked(Post):
    """Lan books Monday at nine, on the real ledger; what her notices say is read as the server reads it."""

    def opened(self, notifier: Any, read: Any = None) -> Outbox:
        self.door.causes = notices.caused
        return super().opened(notifier, read or notices.reading(self.door.store, self.door.ledger))

    def do(self, command: Any, **more: Any) -> int:
        """A second later than whatever was written before; the number of what has happened."""
        self.door.pass_time(seconds=1)
        return int(self.door.do(command, day=MONDAY, **more).body)

    def book(self) -> None:
        lan = ContactRow("lan", self.door.site, MONDAY, "appointment", wire.dumps({"email": LAN}), MONDAY + timedelta(days=99))
        more = {"codes": iter([CODE]), "service": "A", "start": NINE, "cycle": 6.0, "contact": "lan"}
        self.do(lambda day, now: booking.book(day, now, **more), also=lambda tx, entries: tx.put_contact(lan))

    def close(self) -> int:
        start, end = NINE - timedelta(hours=1), NINE + timedelta(hours=1)
        return self.do(lambda day, now: booking.close_slots(day, now, start=start, end=end, reason="tập huấn"))

    def reopen(self, closure: int) -> None:
        self.do(lambda day, now: booking.reopen_slots(day, now, closure=closure))

    def move(self, start: Any) -> None:
        def command(day: Any, now: Any) -> list[ev.Event]:
            moved = booking.move(day, day, now, code=CODE, start=start, cycle=6.0, chance=0.0, codes=iter([]))
            return [event for _, event in moved]

        self.do(command)

    def rows(self, kind: str) -> list[NoticeRow]:
        return [row for row in self.door.store.notices(self.door.site, CODE) if row.kind == kind]

    def settled(self) -> None:
        """Until nothing is due and nothing is on its way."""

        def idle() -> bool:
            due = self.door.store.due_notices(self.door.clock.now(), 9)
            return not due and not self.outbox._busy

        self.door.until(idle)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Booked]:
    with Door(tmp_path) as door, Gateway() as gateway:
        found = Booked(door, through(gateway))
        found.gateway = gateway  # type: ignore[attr-defined]
        found.start()
        try:
            yield found
        finally:
            found.stop()


@pytest.fixture
def gateway(office: Booked) -> Gateway:
    return office.gateway  # type: ignore[attr-defined,no-any-return]


def told(gateway: Gateway) -> list[str]:
    known = (BOOKED, OFF, ON, REMINDED, MOVED)
    return [next(said for said in known if said in mail.message["Subject"]) for mail in gateway.taken]


def entries(gateway: Gateway) -> list[tuple[str, int]]:
    """Status and number of the calendar's entry in each mail."""
    found = [icalendar.Calendar.from_ical(mail.part("calendar").get_payload(decode=True)).walk("VEVENT")[0] for mail in gateway.taken]
    assert len({str(entry["uid"]) for entry in found}) == 1
    return [(str(entry["status"]), int(entry["sequence"])) for entry in found]


def test_a_closing_taken_back_and_made_again_is_told_each_time_and_the_calendar_follows(office: Booked, gateway: Gateway) -> None:
    office.book()
    office.settled()
    closure = office.close()
    office.settled()
    office.reopen(closure)
    office.settled()
    again = gateway.taken[-1].part("plain").get_content()
    assert "Nay tiếp được: mời ông/bà đến như đã hẹn." in again and "482 1375" in again.replace("\u00a0", " ")
    # The reminder of the afternoon before was written down when she booked; it speaks of how things are by then.
    door = office.door
    door._passed = (NINE.replace(day=22, hour=16) - NOON).total_seconds()
    office.settled()
    office.close()
    office.settled()
    assert told(gateway) == [BOOKED, OFF, ON, REMINDED, OFF]
    statuses, numbers = zip(*entries(gateway), strict=True)
    assert statuses == ("CONFIRMED", "CANCELLED", "CONFIRMED", "CONFIRMED", "CANCELLED")
    assert list(numbers) == sorted(set(numbers))


def test_a_notice_that_is_found_before_its_event_was_told_here_waits_for_it(office: Booked, gateway: Gateway) -> None:
    slow, booked = office.door.flush(office.book, stored=True)
    office.door.until(lambda: office.outbox._busy)
    slow.go.set()
    booked.result(WAIT_S)
    office.settled()
    assert told(gateway) == [BOOKED]


def test_who_was_moved_away_and_back_is_told_when_the_time_is_closed_again(office: Booked, gateway: Gateway) -> None:
    office.book()
    office.settled()
    closure = office.close()
    office.settled()
    for start in (NINE + timedelta(hours=5), NINE):
        office.move(start)
        office.settled()
        if start != NINE:
            office.reopen(closure)
    office.close()
    office.settled()
    assert told(gateway) == [BOOKED, OFF, MOVED, MOVED, OFF]


def test_a_closing_that_nobody_heard_of_is_taken_back_in_silence_and_the_booking_is_still_confirmed(
    office: Booked, gateway: Gateway
) -> None:
    gateway.answer = lambda step, to: "451 Later"
    office.book()
    office.settled()
    closure = office.close()
    office.settled()
    office.reopen(closure)
    office.settled()
    gateway.answer = lambda step, to: None
    office.door.pass_time(hours=2)
    office.settled()
    assert told(gateway) == [BOOKED]
    office.close()
    office.settled()
    assert told(gateway) == [BOOKED, OFF]


def test_to_and_fro_between_two_looks_of_the_outbox_is_at_most_one_mail(office: Booked, gateway: Gateway) -> None:
    office.book()
    office.settled()
    office.stop()
    office.reopen(office.close())
    office.reopen(office.close())
    with post_again(office, gateway) as later:
        later.settled()
        assert told(gateway) == [BOOKED]
        closure = later.close()
        later.settled()
        assert told(gateway) == [BOOKED, OFF]
    later.reopen(closure)
    closure = later.close()
    with post_again(office, gateway) as last:
        last.settled()
        assert told(gateway) == [BOOKED, OFF], "it is off, as she knows"
        last.reopen(closure)
        last.settled()
        assert told(gateway) == [BOOKED, OFF, ON]


def post_again(office: Booked, gateway: Gateway) -> Any:
    """The same office with its outbox at work again."""
    return post(office.door, through(gateway), of=Booked)


def test_a_closing_taken_back_while_its_mail_is_on_the_way_is_told_after_it(office: Booked, gateway: Gateway) -> None:
    office.book()
    office.settled()
    go = Event()
    gateway.answer = lambda step, to: (go.wait(WAIT_S) and None) if step == "data" else None
    closure = office.close()
    gateway.wait(lambda: gateway.asked.count(("data", LAN)) == 2)
    office.reopen(closure)
    go.set()
    office.settled()
    assert told(gateway) == [BOOKED, OFF, ON]


def test_what_may_have_been_told_before_a_crash_is_taken_back(office: Booked, gateway: Gateway) -> None:
    office.book()
    office.settled()
    office.stop()
    closure = office.close()
    (off,) = office.rows(Kind.DISPLACED)
    begun = replace(off, tries=1, due_at=off.due_at + timedelta(minutes=1), detail=UNENDED)
    assert office.door.ledger.write(lambda tx: tx.begin_notice(begun))
    office.reopen(closure)
    with post_again(office, gateway) as later:
        later.settled()
        office.door.pass_time(hours=1)
        later.settled()
    assert told(gateway) == [BOOKED, ON]
    assert office.rows(Kind.DISPLACED)[0].detail == "a later notice says more"


def test_what_was_told_so_long_ago_that_no_row_is_left_is_taken_back_too(office: Booked, gateway: Gateway) -> None:
    office.book()
    office.settled()
    closure = office.close()
    office.settled()
    office.door.ledger.write(lambda tx: tx.forget(NOON + timedelta(days=31), NOON + timedelta(days=31)))
    assert office.rows(Kind.DISPLACED) == []
    office.reopen(closure)
    office.settled()
    assert told(gateway) == [BOOKED, OFF, ON]


def test_nobody_is_invited_to_a_time_that_was_closed_while_the_mail_waited(office: Booked, gateway: Gateway) -> None:
    gateway.answer = lambda step, to: "451 Later"
    waiting = ContactRow("minh", office.door.site, MONDAY, "waiting", wire.dumps({"email": "minh@example.vn"}), MONDAY + timedelta(days=1))
    offers = [ev.PlaceAwaited("w1", "A", "minh"), ev.PlaceOffered("w1", NINE, NINE + timedelta(minutes=10))]
    office.do(lambda day, now: offers, also=lambda tx, entries: tx.put_contact(waiting))
    office.settled()
    closure = office.close()
    gateway.answer = lambda step, to: None
    office.door.pass_time(minutes=30)
    office.settled()
    assert not gateway.taken
    office.reopen(closure)
    office.do(lambda day, now: [ev.PlaceAwaited("w2", "A", "minh"), ev.PlaceOffered("w2", NINE, NINE + timedelta(minutes=10))])
    office.settled()
    assert ["Vừa có chỗ trống" in mail.message["Subject"] for mail in gateway.taken] == [True]
