"""The last place of a slot is given once, however many ask for it at the same moment, and however the server ends."""

from __future__ import annotations

import json
import threading
from collections import Counter
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import pytest
import requests
from running import MORNING, OPEN, Server, running, until

from server import wire

CLIENTS, ROUNDS, CUTS = 200, 100, 5
PLACES = 2
DAYS = [f"2026-11-2{n}" for n in range(1, 7)]
STARTS = [f"{day}T{hour:02}:{minute}0:00+07:00" for day in DAYS for hour in range(24) for minute in range(6)]


class Crowd:
    """So many clients, each with a connection of its own. All their requests are on their way before the first answer is read."""

    def __init__(self, server: Server, size: int) -> None:
        self._lines = [HTTPConnection("127.0.0.1", server.port, timeout=60) for _ in range(size)]

    def ask(self, body: dict[str, Any], once: str, keys: list[str | None] | None = None, path: str = "") -> list[tuple[int, Any] | None]:
        """Status and answer of everybody; None for whom the line was cut."""
        for number, line in enumerate(self._lines):
            key = keys[number] if keys else None
            headers = {"Content-Type": "application/json", "Idempotency-Key": f"{once}/{number}"}
            with suppress(OSError):
                line.request(
                    "POST",
                    f"/api/v1/sites/open/appointments{path}",
                    json.dumps(body),
                    headers | ({"Authorization": f"Bearer {key}"} if key else {}),
                )
        return [self._answer(line) for line in self._lines]

    def _answer(self, line: HTTPConnection) -> tuple[int, Any] | None:
        try:
            response = line.getresponse()
            return response.status, json.loads(response.read())
        except (OSError, HTTPException):
            line.close()
            return None

    def __enter__(self) -> Crowd:
        return self

    def __exit__(self, *_: object) -> None:
        for line in self._lines:
            line.close()


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_last_place_is_given_once_a_hundred_times_over(tmp_path: Path) -> None:
    with running(tmp_path, OPEN, *MORNING) as server, Crowd(server, CLIENTS) as crowd:
        inspector = server.crew("thanh", role="inspector")[0]
        acknowledged: dict[str, list[str]] = {}
        for start in STARTS[:: len(STARTS) // ROUNDS][:ROUNDS]:
            body = {"service": "A", "start": start}
            first = server.anyone().post("/sites/open/appointments", body, expect=201)
            acknowledged.setdefault(start[:10], []).append(first["code"])
            answers = [answer for answer in crowd.ask(body, start) if answer is not None]
            assert Counter(status for status, _ in answers) == {201: 1, 409: CLIENTS - 1}, start
            for status, answer in answers:
                if status == 201:
                    acknowledged[start[:10]].append(answer["code"])
                else:
                    error = answer["error"]
                    assert error["code"] == "slot_full" and len(error["details"]["free"]) == 3 and start not in error["details"]["free"]
        for day, codes in acknowledged.items():
            story = inspector.get(f"/sites/open/days/{day}/events")["events"]
            assert sorted(code for code, _ in booked(story)) == sorted(map(wire.masked, codes))
            assert set(Counter(start for _, start in booked(story)).values()) == {PLACES}


@pytest.mark.timeout(1200)
def test_a_power_cut_among_bookings_loses_none_and_doubles_none(tmp_path: Path) -> None:
    server = Server(tmp_path, OPEN, *MORNING).start()
    try:
        acknowledged: dict[str, str] = {}
        for start in STARTS[10 : 10 + CUTS]:
            body = {"service": "A", "start": start}
            with Crowd(server, 24) as crowd:
                # The power goes while the first of them are being answered.
                cut = threading.Thread(target=lambda: (until(lambda: places(server, start) < PLACES), server.kill()))  # noqa: B023
                cut.start()
                told = crowd.ask(body, start)
                cut.join()
            server.start()
            with Crowd(server, 24) as crowd:
                # Who was not answered asks again with the same key, as a phone does, and nobody gets a second place.
                again = crowd.ask(body, start)
                assert all(answer is not None and answer[0] in (201, 409) for answer in again), again
                for answer in [*told, *again]:
                    if answer is not None and answer[0] == 201:
                        acknowledged[answer[1]["code"]] = start
        inspector = server.crew("thanh", role="inspector")[0]
        story = inspector.get(f"/sites/open/days/{STARTS[0][:10]}/events")["events"]
        assert sorted(booked(story)) == sorted((wire.masked(code), start) for code, start in acknowledged.items())
        assert set(Counter(start for _, start in booked(story)).values()) == {PLACES}
    finally:
        if server.process is not None and server.process.poll() is None:
            server.stop()


def booked(story: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Code, as an inspector reads it, and slot of every booking in a story."""
    return [(e["event"]["appointment"], e["event"]["start"]) for e in story if e["kind"] == "AppointmentBooked"]


def places(server: Server, start: str) -> int:
    """Places left of a slot; none when nobody answers any more."""
    try:
        slots = requests.get(f"{server.api}/sites/open/slots?service=A&date={start[:10]}", timeout=60).json()
    except requests.RequestException:
        return 0
    return int(next(s["left"] for s in slots if s["start"] == start))


def test_one_code_shown_at_two_kiosks_is_one_ticket(tmp_path: Path) -> None:
    with running(tmp_path, OPEN, *MORNING) as server, Crowd(server, 2) as crowd:
        kiosks = [server.device(name, place="k1").key for name in ("k1", "k1-b")]
        for minute in range(1, 6):
            start = f"2026-11-20T09:{minute}0:00+07:00"
            made = server.anyone().post("/sites/open/appointments", {"service": "B", "start": start}, expect=201)
            answers = [a for a in crowd.ask({}, start, kiosks, f"/{made['code']}/check-in") if a is not None]
            (status, taken), (other, told) = sorted(answers, key=lambda answer: answer[0])
            assert (status, other, told["error"]["code"]) == (201, 409, "already_checked_in")
            assert told["error"]["details"]["ticket"] == taken["code"]
