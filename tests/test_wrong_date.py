"""A computer whose date is wrong for a while costs the office nothing that cannot be got back, and an ordinary morning still ends the day
before."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from running import Client, until
from werkzeug.serving import make_server

from audio.voice import Silent
from config import bundled
from server.access import hash_key
from server.app import Application, Options
from server.clock import HallClock
from server.commands import newest
from server.sites import Sites, importing
from server.store import DeviceRow, SessionRow, StaffRow
from server.store.sqlite import SqliteStore

FRIDAY, MONDAY = "2026-11-20", "2026-11-23"
TEN = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
"""Ten o'clock of a working day, in Hà Nội."""
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


def here(work: Callable[..., Any], *arguments: Any) -> Any:
    return work(*arguments)


class Computer:
    """A machine whose clock is set by hand, and stands still meanwhile; so does its counter."""

    def __init__(self, at: datetime) -> None:
        self.at, self.counter, self.looks = at, 1000.0, 0

    def passes(self, span: timedelta) -> None:
        self.at += span
        self.counter += span.total_seconds()

    def wall(self) -> datetime:
        self.looks += 1
        return self.at

    def is_looked_at(self) -> None:
        """Let the housekeeping come by, and come to its end: once more than it is needed, since it may be at it."""
        before = self.looks
        until(lambda: self.looks >= before + 3)


@dataclass
class Hall:
    """An office that is served, and its file."""

    file: Path
    computer: Computer
    clock: HallClock
    api: str

    def rows(self, sql: str) -> list[Any]:
        with closing(sqlite3.connect(self.file)) as db:
            return db.execute(sql).fetchall()

    def kept(self) -> list[list[Any]]:
        tables = ("events", "contacts", "sessions", "answers", "day_keys", "notices")
        return [self.rows(f"select * from {table}") for table in tables]

    def closed(self) -> list[str]:
        return [day for (day,) in self.rows("select day from events where kind = 'DayClosed' order by day")]


@contextmanager
def served(file: Path, computer: Computer) -> Iterator[Hall]:
    store = SqliteStore(file)
    clock = HallClock(wall=computer.wall, monotonic=lambda: computer.counter)
    if (happened := newest(store)) is not None:
        clock.not_before(happened)
    application = Application(store, Sites(store), clock, Silent(file.parent / "voice"), Options("threading", here))
    server = make_server("127.0.0.1", 0, application.wsgi, threaded=True)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    application.start()
    serving.start()
    try:
        yield Hall(file, computer, clock, f"http://127.0.0.1:{server.port}/api/v1")
    finally:
        server.shutdown()
        server.server_close()
        application.stop()
        assert application.ledger.ended.wait(60)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An office with a kiosk, and a clerk and her supervisor who are signed in until the evening."""
    file = tmp_path / "office.db"
    with closing(SqliteStore(file)) as store:
        _, step = importing(store, bundled("open"), "open.toml")
        assert step is not None
        store.write(
            [
                step,
                lambda tx: tx.put_device(DeviceRow("k1", "open", "kiosk", "k1", hash_key("kiosk"))),
                lambda tx: tx.put_staff(StaffRow("lan", "clerk", "", "open")),
                lambda tx: tx.put_staff(StaffRow("binh", "supervisor", "", "open")),
                lambda tx: tx.put_session(SessionRow(hash_key("clerk"), "lan", (TEN + 8 * HOUR).timestamp())),
                lambda tx: tx.put_session(SessionRow(hash_key("supervisor"), "binh", (TEN + 2 * DAY).timestamp())),
            ]
        )
    return file


def a_morning(hall: Hall) -> None:
    """One citizen has been served, one has booked for Monday; nobody waits."""
    kiosk, lan = Client(hall.api, "kiosk"), Client(hall.api, "clerk")
    kiosk.post("/sites/open/tickets", {"service": "A"}, expect=201)
    lan.post("/sites/open/counters/1/open")
    ticket = lan.post("/sites/open/counters/1/next")
    lan.post(f"/sites/open/tickets/{ticket['id']}/finish")
    booking = {"service": "A", "start": f"{MONDAY}T09:00:00+07:00", "phone": "0912345678", "consent": True}
    Client(hall.api).post("/sites/open/appointments", booking, expect=201)
    # The office has no mail: the confirmation ends at once, the reminder when its time has come.
    until(lambda: hall.rows("select kind, state from notices order by kind") == [("booked", "expired"), ("reminder", "waiting")])


def test_seconds_of_a_wrong_date_close_no_day_erase_nothing_and_sign_nobody_out(file: Path) -> None:
    computer = Computer(TEN)
    with served(file, computer) as hall:
        a_morning(hall)
        before = hall.kept()
        assert all(before[:5]), "there is something to lose"
        for wrong in (DAY, 400 * DAY, -DAY):
            computer.at += wrong
            computer.is_looked_at()
            computer.passes(timedelta(seconds=4))
            computer.is_looked_at()
            assert hall.clock.apart is not None and hall.clock.now() == computer.at - wrong
            computer.at -= wrong
            computer.is_looked_at()
            assert hall.kept() == before and hall.clock.now() == computer.at
        assert Client(hall.api, "clerk").get("/session")["user"] == "lan"
        assert Client(hall.api, "kiosk").post("/sites/open/tickets", {"service": "A"}, expect=201)["code"] == "A002"


def test_a_true_correction_is_adopted_when_it_has_stood_and_closes_nothing_yet(file: Path) -> None:
    computer = Computer(TEN - 8 * HOUR)
    with served(file, computer) as hall:
        computer.passes(HOUR)
        computer.is_looked_at()
        computer.at += 2 * HOUR
        computer.is_looked_at()
        assert hall.clock.now() == TEN - 7 * HOUR
        binh = Client(hall.api, "supervisor")
        words = lambda: [alarm["words"] for alarm in binh.get("/sites/open/floor")["alarms"] if alarm["kind"] == "time"]  # noqa: E731
        assert words() == ["Giờ máy chủ nhanh hơn giờ khu chờ 2 giờ"]
        computer.passes(10 * MINUTE)
        computer.is_looked_at()
        assert hall.clock.now() == computer.at and not hall.clock.settled and words() == []


def test_an_ordinary_morning_closes_the_day_before_at_once_and_no_day_to_come(file: Path) -> None:
    with served(file, Computer(TEN)) as hall:
        a_morning(hall)
    with served(file, Computer(TEN + 3 * DAY - 4 * HOUR)) as hall:
        until(hall.closed)
        assert hall.closed() == [FRIDAY]
        until(lambda: hall.rows("select count(*) from sessions") == [(0,)])


def test_a_start_with_a_date_far_ahead_closes_the_booked_days_only_after_an_hour(file: Path) -> None:
    computer = Computer(TEN)
    with served(file, computer) as hall:
        a_morning(hall)
        kept = hall.kept()
    with served(file, Computer(TEN + 30 * DAY)) as hall:
        hall.computer.is_looked_at()
        assert hall.kept() == kept
        hall.computer.passes(HOUR)
        until(lambda: len(hall.closed()) == 2)
        assert hall.closed() == [FRIDAY, MONDAY]


def test_a_number_that_nobody_called_keeps_neither_a_correction_nor_the_night_away(file: Path) -> None:
    computer = Computer(TEN)
    with served(file, computer) as hall:
        Client(hall.api, "kiosk").post("/sites/open/tickets", {"service": "A"}, expect=201)
        computer.at += 20 * MINUTE
        computer.is_looked_at()
        computer.passes(HOUR)
        computer.is_looked_at()
        assert hall.clock.now() == computer.at - 20 * MINUTE, "somebody waits"
        computer.passes(14 * HOUR)
        computer.is_looked_at()
        assert hall.clock.now() == computer.at, "this office closes at midnight, and he has gone home"
        computer.passes(3 * HOUR)
        until(hall.closed)
        assert hall.closed() == [FRIDAY]


@pytest.mark.parametrize(("believes", "stands"), [(TEN + 7 * HOUR, MINUTE), (datetime(2012, 1, 1, tzinfo=UTC), timedelta())])
def test_a_number_left_over_from_friday_does_not_keep_mondays_correction_away(file: Path, believes: datetime, stands: timedelta) -> None:
    """A machine without a clock of its own goes on where it was switched off, one with an empty battery in 2012."""
    with served(file, Computer(TEN)) as hall:
        Client(hall.api, "kiosk").post("/sites/open/tickets", {"service": "A"}, expect=201)
    with served(file, Computer(believes)) as hall:
        computer = hall.computer
        # Somebody looks at the hall, and so the day is known.
        Client(hall.api, "supervisor").get("/sites/open/floor")
        computer.passes(timedelta(seconds=20))
        computer.is_looked_at()
        computer.at = TEN + 3 * DAY - 3 * HOUR
        computer.is_looked_at()
        computer.passes(stands)
        computer.is_looked_at()
        assert hall.clock.now() == computer.at
        ticket = Client(hall.api, "kiosk").post("/sites/open/tickets", {"service": "A"}, expect=201)
        assert (ticket["day"], ticket["code"]) == (MONDAY, "A001")


def test_after_a_power_cut_whoever_waits_keeps_his_place_and_the_hall_its_time_from_the_first_press_on(file: Path) -> None:
    with served(file, Computer(TEN)) as hall:
        codes = [Client(hall.api, "kiosk").post("/sites/open/tickets", {"service": "A"}, expect=201)["code"] for _ in range(3)]
    with served(file, Computer(TEN + MINUTE)) as hall:
        computer, lan = hall.computer, Client(hall.api, "clerk")
        Client(hall.api, "supervisor").get("/sites/open/floor")
        # The machine stood for half an hour and believed it had been a minute: nobody has pressed anything by that time.
        computer.at += 30 * MINUTE
        computer.is_looked_at()
        computer.passes(MINUTE)
        computer.is_looked_at()
        assert hall.clock.now() == computer.at

        def serve() -> str:
            ticket = lan.post("/sites/open/counters/1/next")
            lan.post(f"/sites/open/tickets/{ticket['id']}/finish")
            return str(ticket["code"])

        lan.post("/sites/open/counters/1/open")
        called = [serve()]
        computer.at += 2 * HOUR
        computer.is_looked_at()
        computer.passes(HOUR)
        computer.is_looked_at()
        assert hall.clock.now() == computer.at - 2 * HOUR, "two people wait"
        assert [*called, serve(), serve()] == codes
        computer.is_looked_at()
        assert hall.clock.now() == computer.at


def test_a_hall_whose_computer_has_lost_the_time_ends_its_days_too(file: Path) -> None:
    with served(file, Computer(TEN)) as hall:
        Client(hall.api, "kiosk").post("/sites/open/tickets", {"service": "A"}, expect=201)
    with served(file, Computer(datetime(2012, 1, 1, tzinfo=UTC))) as hall:
        hall.computer.passes(18 * HOUR)
        until(hall.closed)
        assert hall.clock.lost and hall.closed() == [FRIDAY]


def test_a_computer_that_is_set_back_two_days_at_night_gives_no_numbers_of_a_day_that_is_over(file: Path) -> None:
    computer = Computer(TEN)
    with served(file, computer) as hall:
        kiosk = Client(hall.api, "kiosk")
        kiosk.post("/sites/open/tickets", {"service": "A"}, expect=201)
        computer.passes(18 * HOUR)
        until(hall.closed)
        computer.at -= 2 * DAY
        computer.is_looked_at()
        computer.passes(11 * MINUTE)
        computer.is_looked_at()
        assert hall.clock.lost and hall.clock.now() == computer.at + 2 * DAY
        assert kiosk.post("/sites/open/tickets", {"service": "A"}, expect=201)["day"] == "2026-11-21"
