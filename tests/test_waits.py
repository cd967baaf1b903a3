"""Likely waits as an office tells them: on the ticket, the board and the paper, the next morning, and after a power cut."""

from __future__ import annotations

import queue
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
import requests
from browsing import chromium
from door import TODAY, Door
from playwright.sync_api import expect
from running import OPEN, Client, Server, until

from server.core import booking, decide
from server.core.appointment import new_codes
from server.core.decide import By
from server.core.events import TicketCalled
from server.device import Device
from server.foresight import COME, Foresight

FAST = ("--factor", "300")
"""Five hall minutes pass in a second: what a busy machine takes for the rest is no wait of hours."""


@contextmanager
def office(folder: Path, clock: str) -> Iterator[Server]:
    server = Server(folder, OPEN, "--hall-clock", clock, *FAST).start()
    try:
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.stop()


def board(server: Server) -> dict[str, Any]:
    rows = requests.get(f"{server.api}/sites/open/halls/main/board", timeout=60).json()["waiting"]
    return {row["service"]: row["wait"] for row in rows}


def hall_minutes_pass(server: Server, minutes: int) -> None:
    def clock() -> str:
        return str(requests.get(f"{server.api}/sites/open", timeout=60).json()["at"])

    start = clock()
    moved = int(start[11:13]) * 60 + int(start[14:16]) + minutes
    until(lambda: int(clock()[11:13]) * 60 + int(clock()[14:16]) >= moved)


def work(server: Server, clerk: Client, kiosk: Client, citizens: int) -> None:
    """One counter serves so many, and somebody always waits."""
    clerk.post("/sites/open/counters/1/open")
    kiosk.post("/sites/open/tickets", {"service": "A"}, expect=201)
    for _ in range(citizens):
        kiosk.post("/sites/open/tickets", {"service": "A"}, expect=201)
        clerk.post("/sites/open/counters/1/next", {"finish": True})
        hall_minutes_pass(server, 6)


def told(server: Server, service: str = "A") -> dict[str, Any]:
    """What the board says once it knows something."""
    found: dict[str, Any] = until(lambda: board(server)[service])
    return found


def is_a_range(wait: dict[str, Any]) -> bool:
    return set(wait) == {"low_s", "high_s"} and 0 <= wait["low_s"] <= wait["high_s"] < 3 * 3600


def test_waits_are_told_once_the_pace_is_known_and_outlive_a_power_cut_and_the_night(tmp_path: Path) -> None:
    with office(tmp_path, "2026-11-19T08:00:00+07:00") as server:
        clerk, chief = server.crew("lan")[0], server.crew("binh", role="supervisor")[0]
        kiosk = server.device("k1")
        first = kiosk.post("/sites/open/tickets", {"service": "A"}, expect=201)
        assert first["wait"] is None, "nothing is known yet of how fast anybody calls"
        assert board(server) == {"A": None, "B": None}
        work(server, clerk, kiosk, 6)
        assert is_a_range(told(server))
        ticket = kiosk.post("/sites/open/tickets", {"service": "A"}, expect=201)
        assert is_a_range(ticket["wait"])
        seen = server.anyone().get(f"/sites/open/tickets/{ticket['id']}")
        assert is_a_range(seen["wait"])
        floor = chief.get("/sites/open/floor")
        row = next(s for s in floor["services"] if s["id"] == "A")
        assert is_a_range(row["wait"]) and set(row["forecasts"]) == {"told", "inside", "coverage", "mean_error_s"}
        server.kill()
        server.start()
        assert is_a_range(told(server)), "the story teaches it again"
    with office(tmp_path, "2026-11-20T08:00:00+07:00") as server:
        kiosk, clerk = server.device("k2", place="k1"), server.crew("minh")[0]
        kiosk.post("/sites/open/tickets", {"service": "A"}, expect=201)
        clerk.post("/sites/open/counters/2/open")
        assert is_a_range(told(server)), "yesterday's habits speak before today's third call"


@pytest.mark.browser
def test_what_was_told_is_compared_with_what_came(tmp_path: Path) -> None:
    with office(tmp_path, "2026-11-19T08:00:00+07:00") as server:
        clerk, chief = server.crew("lan")[0], server.crew("binh", role="supervisor")[0]
        work(server, clerk, server.device("k1"), 8)
        forecasts = until(lambda: chief.get("/sites/open/floor")["forecasts"]["told"] and chief.get("/sites/open/floor")["forecasts"])
        assert 0 <= forecasts["inside"] <= forecasts["told"] and 0 <= forecasts["coverage"] <= 1
        assert forecasts["mean_error_s"] >= 0
        with chromium() as browser:
            page = browser.new_page(viewport={"width": 1366, "height": 768})
            page.context.add_cookies([{"name": "moiso_staff", "value": str(chief.key), "url": server.url}])
            page.goto(f"{server.url}/manage")
            expect(page.locator("[data-part=foretold]")).to_contain_text(
                re.compile(r"\d+ trong \d+ người được gọi trong khoảng đã báo \(\d+\s%, cần 80\s%\), lệch trung bình \d+\sphút\.")
            )
            expect(page.locator("[data-service=A] .wait")).to_contain_text(re.compile(r"lấy số bây giờ: (\d+–\d+|trên 90)\sphút"))


def test_the_paper_names_a_likely_time(tmp_path: Path) -> None:
    with office(tmp_path, "2026-11-19T08:00:00+07:00") as server:
        clerk, kiosk = server.crew("lan")[0], server.device("k1")
        papers: queue.Queue[dict[str, Any]] = queue.Queue()

        def printed(event: str, payload: dict[str, Any]) -> tuple[bool, str]:
            papers.put(payload)
            return True, "printed"

        work(server, clerk, kiosk, 5)
        told(server)
        ended = threading.Event()
        agent = Device(server.url, kiosk.key or "", "kiosk", printed, lambda: {"paper": "ok"}, beat_every_s=0.2)
        thread = threading.Thread(target=agent.run_forever, args=(ended,), daemon=True)
        thread.start()
        try:
            ticket = kiosk.post("/sites/open/tickets", {"service": "A"}, expect=201)
            paper = next(p for p in iter(lambda: papers.get(timeout=60), None) if p["ticket"] == ticket["id"])
            start, end = paper["receipt"]["expected"].split("–")
            assert ticket["issued_at"][11:16] <= end and start < end and (int(start[3:]) % 5, int(end[3:]) % 5) == (0, 0)
        finally:
            ended.set()
            thread.join(timeout=60)


@pytest.fixture
def foresight() -> Foresight:
    return Foresight()


@pytest.fixture
def door(tmp_path: Path, foresight: Foresight) -> Iterator[Door]:
    """An office in which twelve have taken a number and eight were called, five minutes each."""
    with Door(tmp_path) as door:
        door.tell = lambda day, entry, fresh: foresight.hear(day, entry)
        listening = threading.Thread(target=foresight.run, args=(door.ledger, time.sleep), daemon=True)
        listening.start()
        try:
            lan = By("lan")
            door.do(lambda day, now: decide.open_counter(day, now, counter="1", by=lan))
            for _ in range(12):
                door.issue()
            for _ in range(8):
                door.do(lambda day, now: decide.call_next(day, now, counter="1", by=lan, finish=True))
                door.pass_time(minutes=5)
            # What was published before this listens is heard a moment later, everything else at once.
            until(lambda: foresight.likely(door.day(), "A", door.ledger.now("open")) is not None)
            yield door
        finally:
            foresight.stop()
            listening.join(timeout=10)


def test_booked_people_who_are_still_to_come_are_counted_in_advance(door: Door, foresight: Foresight) -> None:
    def likely() -> float:
        told = foresight.likely(door.day(), "A", door.ledger.now("open"))
        assert told is not None
        return told.likely.total_seconds()

    before = likely()
    codes = new_codes(Random(1))
    soon = door.ledger.now("open").replace(minute=50, second=0, microsecond=0)
    for _ in range(2):
        door.do(lambda day, now: booking.book(day, now, codes=codes, service="A", start=soon, cycle=6.0))
    assert likely() > before + 120, "two people who booked a place will be called before whoever comes now"
    kept, booked = COME
    assert foresight._coming(door.day(), "A", soon) == 2 * kept / booked
    assert foresight._heard["open", TODAY].day is door.day(), "no day is kept once more for the forecast alone"


def test_a_day_that_holds_bookings_alone_is_foretold_from_its_midnight_on(door: Door, foresight: Foresight) -> None:
    tomorrow = TODAY + timedelta(days=1)
    ten = (door.ledger.now("open") + timedelta(days=1)).replace(hour=10, minute=0, second=0, microsecond=0)
    codes = new_codes(Random(1))
    door.do(lambda day, now: booking.book(day, now, codes=codes, service="A", start=ten, cycle=6.0), day=tomorrow)
    foresight.look()
    door.issue()
    assert not foresight._heard["open", tomorrow].level, "it is not its turn"
    door.pass_time(hours=15)
    foresight.look()
    until(lambda: foresight._heard["open", tomorrow].level)
    assert foresight._heard["open", tomorrow].pace is not None and not foresight._heard["open", tomorrow].behind


def test_a_day_that_cannot_be_foretold_is_a_day_without_forecasts_and_nothing_else(door: Door, foresight: Foresight) -> None:
    call = next(entry for entry in door.ledger.story("open", TODAY) if isinstance(entry.event, TicketCalled))
    foresight.hear(door.day(), replace(call, event=replace(call.event, ticket="never-taken")))
    assert foresight.likely(door.day(), "A", door.ledger.now("open")) is None
    door.issue()
    assert foresight.likely(door.day(), "A", door.ledger.now("open")) is None
