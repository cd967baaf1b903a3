"""Many hands at once, and a queue that behaves as if there were one."""

from __future__ import annotations

import os
import random
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from databases import Postgres, Redis
from linearizability import Answer, Hall, Operation, violation
from running import OPEN, START_S, Client, running
from several import several

BOTH = frozenset("AB")
CLOCK = ("--hall-clock", "2026-11-20T08:00+07:00", "--factor", "100")
"""A hall second is 10 ms, so that few queue times are equal. Before midnight there are nine minutes."""
BOOKED_FROM = "2026-11-20T21"
"""The times that are booked are so late that none of them has begun before a busy machine is through."""


# -- the checker itself ----------------------------------------------------------------------------------------------------------


class Desk:
    """A queue of one service behind many hands. `faults` are the two that real systems have shipped."""

    def __init__(self, faults: str = "") -> None:
        self._lock, self._faults = threading.Lock(), faults
        self.line: list[str] = []
        self._number = self._called = 0
        self._at: dict[str, str] = {}

    def issue(self) -> Answer:
        with self._lock:
            self._number += 1
            self.line.append(f"A{self._number:03}")
            return {"code": self.line[-1], "queue_time": f"{self._number:06}"}

    def next(self, counter: str) -> Answer:
        if "double" in self._faults:
            # Read, then write: what two clerks see in the same instant is the same.
            first = self.line[0] if self.line else None
            time.sleep(0)
            with self._lock:
                if first in self.line:
                    self.line.remove(first)
        else:
            with self._lock:
                self._called += 1
                skip = "skip" in self._faults and len(self.line) > 1 and self._called % 7 == 0
                first = self.line.pop(int(skip)) if self.line else None
        there = self._at.pop(counter, None)
        if first is None:
            return {"finished": there} if there else {"refused": "nobody_waiting"}
        self._at[counter] = first
        return {"code": first, "finished": there}


def lived(hands: int, each: int, work: Callable[[int, random.Random], Operation]) -> list[Operation]:
    """What so many hands did at once, each so many times."""
    barrier = threading.Barrier(hands)

    def one(hand: int) -> list[Operation]:
        chance = random.Random(hand)
        barrier.wait()
        return [work(hand, chance) for _ in range(each)]

    with ThreadPoolExecutor(hands) as pool:
        return [op for future in [pool.submit(one, hand) for hand in range(hands)] for op in future.result(timeout=200)]


def timed(what: str, about: tuple[str, ...], ask: Callable[[], Answer]) -> Operation:
    begun = time.monotonic()
    said = ask()
    return Operation(what, about, said, begun, time.monotonic())


def desk_history(desk: Desk) -> list[Operation]:
    def work(hand: int, chance: random.Random) -> Operation:
        if hand % 3:
            return timed("issue", ("A",), desk.issue)
        return timed("next", (str(hand),), lambda: desk.next(str(hand)))

    return lived(6, 60, work)


DESK = Hall(tuple((str(hand), frozenset("A")) for hand in range(6)))


def test_a_queue_with_one_lock_passes() -> None:
    assert violation(desk_history(Desk()), DESK) is None
    assert violation([], DESK) is None


@pytest.mark.parametrize("fault", ["double", "skip"])
def test_a_number_called_twice_or_passed_over_is_caught(fault: str) -> None:
    assert any(violation(desk_history(Desk(fault)), DESK) for _ in range(20))


def op(what: str, *about: str, at: tuple[float, float], **said: Any) -> Operation:
    return Operation(what, about, said, *at)


FIRST = op("issue", "A", at=(0, 1), code="A001", queue_time="1")
SECOND = op("issue", "A", at=(2, 3), code="A002", queue_time="2")


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ([op("next", "1", at=(4, 5), code="A002", finished=None)], [op("next", "1", at=(1.5, 5), code="A001", finished=None)]),
        (
            [op("next", "1", at=(4, 5), code="A001", finished=None), op("next", "2", at=(6, 7), code="A001", finished=None)],
            [op("next", "1", at=(4, 5), code="A001", finished=None), op("next", "2", at=(6, 7), code="A002", finished=None)],
        ),
        ([op("next", "1", at=(4, 5), refused="nobody_waiting")], [op("next", "1", at=(0, 5), refused="nobody_waiting")]),
        (
            [op("cancel", "A001", at=(4, 5), state="cancelled"), op("next", "1", at=(6, 7), code="A001", finished=None)],
            [op("cancel", "A001", at=(4, 7), state="cancelled"), op("next", "1", at=(6, 7), code="A001", finished=None)],
        ),
        (
            [op("transfer", "A001", "B", at=(4, 5), service="B", queue_time="3")],
            [op("transfer", "A001", "B", at=(4, 5), service="B", queue_time="1")],
        ),
        (
            [
                op("transfer", "A001", "A", at=(4, 5), service="A", queue_time="1"),
                *(op("next", n, at=(6, 9), code="A001", finished=None) for n in "12"),
            ],
            [
                op("transfer", "A001", "A", at=(4, 9), service="A", queue_time="1"),
                *(op("next", n, at=(6, 9), code="A001", finished=None) for n in "12"),
            ],
        ),
        ([op("rejoin", "A001", at=(4, 5), state="waiting", queue_time="9")], [op("rejoin", "A001", at=(4, 5), refused="not_allowed_now")]),
        (
            [op("book", "9:00", at=(4, 5), booking="x"), op("book", "9:00", at=(6, 7), booking="y")],
            [op("book", "9:00", at=(4, 5), booking="x"), op("book", "9:00", at=(6, 7), refused="slot_full")],
        ),
        (
            [op("check_in", "x", "A", at=(n, n + 1), code=f"A00{n - 1}", queue_time="5") for n in (4, 5)],
            [
                op("check_in", "x", "A", at=(4, 5), code="A003", queue_time="5"),
                op("check_in", "x", "A", at=(4, 6), refused="already_checked_in"),
            ],
        ),
        ([op("issue", "A", at=(4, 5), code="A004", queue_time="5")], [op("issue", "A", at=(4, 5), code="A003", queue_time="5")]),
    ],
)
def test_each_wrong_answer_is_seen_and_the_right_one_beside_it_is_not(wrong: list[Operation], right: list[Operation]) -> None:
    hall = Hall((("1", BOTH), ("2", BOTH)), places=(("9:00", 1),))
    assert violation([FIRST, SECOND, *wrong], hall) is not None
    assert violation([FIRST, SECOND, *right], hall) is None


# -- the program -----------------------------------------------------------------------------------------------------------------


class Everybody:
    """Kiosks, clerks and citizens at home, who do what comes to their minds."""

    def __init__(self, clerks: list[Client], kiosks: list[Client], slots: list[str]) -> None:
        self.clerks, self.kiosks, self.slots = clerks, kiosks, slots
        self._known: list[tuple[str, str, str]] = []
        """Code, id and service of tickets that somebody holds."""
        self._bookings: list[str] = []
        self._at: dict[int, tuple[str, str, str]] = {}
        self._turn = 0

    def act(self, hand: int, chance: random.Random) -> Operation:
        if hand < len(self.clerks):
            return self._clerk(hand, chance)
        what = chance.choices(("issue", "cancel", "rejoin", "transfer", "book", "check_in"), (8, 1, 2, 1, 2, 3))[0]
        if what == "book":
            slot = chance.choice(self.slots)
            return self._did("book", (slot,), "/sites/open/appointments", {"service": "A", "start": slot, "consent": True})
        if what == "check_in" and self._bookings:
            booking = chance.choice(self._bookings)
            return self._did("check_in", (booking, "A"), f"/sites/open/appointments/{booking}/check-in", {})
        if what in ("cancel", "rejoin", "transfer") and self._known:
            code, ticket, _ = chance.choice(self._known[-12:])
            about = (code, "B") if what == "transfer" else (code,)
            return self._did(what, about, f"/sites/open/tickets/{ticket}/{what}", {"service": "B"} if what == "transfer" else {})
        service = chance.choice("AB")
        return self._did("issue", (service,), "/sites/open/tickets", {"service": service})

    def _clerk(self, hand: int, chance: random.Random) -> Operation:
        counter, there = str(hand + 1), self._at.get(hand)
        if there is not None and chance.random() < 0.25:
            code, ticket, service = there
            return self._did("no_show", (code, counter, service), f"/sites/open/tickets/{ticket}/no-show", {}, self.clerks[hand], hand)
        return self._did("next", (counter,), f"/sites/open/counters/{counter}/next", {"finish": True}, self.clerks[hand], hand)

    def _did(
        self, what: str, about: tuple[str, ...], path: str, body: Any, client: Client | None = None, hand: int | None = None
    ) -> Operation:
        self._turn += 1
        some = [self.clerks[0]] if what in ("transfer", "cancel") else self.kiosks
        client = client or some[self._turn % len(some)]
        once = uuid.uuid4().hex
        begun = time.monotonic()
        # Whoever is told that nothing could be written just now asks again, as every page does: where a worker stands still with the pen in
        # its hand, the others wait for it only so long.
        while (answer := client.send("POST", path, body, once=once)).status_code in (502, 503, 504):
            assert time.monotonic() - begun < START_S, answer.text
        ended = time.monotonic()
        assert answer.status_code < 500, answer.text
        told = answer.json()
        if answer.status_code >= 400:
            said: Answer = {"refused": told["error"]["code"]}
        elif what == "book":
            said = {"booking": told["code"]}
            self._bookings.append(told["code"])
        else:
            finished = told.get("finished")
            said = {key: told[key] for key in ("code", "queue_time", "state", "service") if key in told}
            said |= {"finished": finished["code"] if finished else None}
        if "code" in said and "id" in told:
            held = (said["code"], told["id"], said["service"])
            if what in ("issue", "check_in"):
                self._known.append(held)
            if hand is not None and what == "next":
                self._at[hand] = held
        elif hand is not None:
            self._at.pop(hand, None)
        if what == "no_show" and hand is not None:
            self._at.pop(hand, None)
        return Operation(what, about, said, begun, ended)


def numbered(history: list[Operation], story: list[dict[str, Any]]) -> list[Operation]:
    """The history with the number in the story of each joining, which must agree with the clock on the wall."""
    codes = {
        line["event"]["ticket"]: f"{line['event']['service']}{line['event']['number']:03}"
        for line in story
        if line["kind"] == "TicketIssued"
    }
    joinings: dict[tuple[str, str], list[int]] = {}
    for line in story:
        if line["kind"] in ("TicketIssued", "TicketRejoined"):
            joinings.setdefault((line["kind"], codes[line["event"]["ticket"]]), []).append(line["seq"])
    told = []
    for op in sorted(history, key=lambda op: op.ended):
        kind = "TicketRejoined" if op.what == "rejoin" else "TicketIssued"
        joins = op.what in ("issue", "check_in", "rejoin") and "refused" not in op.said
        told.append(replace(op, said={**op.said, "joined": joinings[kind, op.said["code"]].pop(0)}) if joins else op)
    joined = [op for op in told if "joined" in op.said]
    assert all(one.said["joined"] < other.said["joined"] for one in joined for other in joined if one.ended < other.begun)
    return told


SIXTEEN = 16
SEVERAL = int(os.environ.get("MOISO_OPERATIONS", "304"))
"""Commands to two workers; a thousand in `make soak`."""


def lived_at(servers: list[Any], each: int) -> tuple[list[Operation], Hall]:
    """What sixteen hands did at one office, each at the next of its addresses; as the first server tells it."""
    server = servers[0]
    keys = [server.staff("truong", "supervisor"), *server.crew("lan", "minh", "hoa")]
    clerks = [Client(servers[n % len(servers)].api, clerk.key) for n, clerk in enumerate(keys)]
    for counter, clerk in enumerate(clerks, start=1):
        clerk.post(f"/sites/open/counters/{counter}/open")
    free = server.anyone().get("/sites/open/slots?service=A&date=2026-11-20")
    slots = [slot["start"] for slot in free if slot["start"] > BOOKED_FROM][:12]
    kiosk = server.device("k1").key
    everybody = Everybody(clerks, [Client(each.api, kiosk) for each in servers], slots)
    history = lived(SIXTEEN, each, everybody.act)
    history = numbered(history, server.staff("ha", "inspector").get("/sites/open/days/2026-11-20/events")["events"])
    return history, Hall(tuple((str(n), BOTH) for n in range(1, 5)), places=tuple(sorted((slot, 2) for slot in slots)))


@pytest.mark.slow
def test_what_sixteen_hands_are_told_could_have_been_told_by_one(tmp_path: Path) -> None:
    with running(tmp_path, OPEN, *CLOCK) as server:
        history, hall = lived_at([server], 63)
        assert len(history) >= 1000
        assert {op.what for op in history} == {"issue", "next", "cancel", "no_show", "rejoin", "transfer", "book", "check_in"}
        assert violation(history, hall) is None


@pytest.mark.slow
def test_nor_can_it_be_told_that_there_were_two_workers(tmp_path: Path, postgres: Postgres, redis: Redis) -> None:
    with several(tmp_path, postgres.fresh(), *CLOCK, "--queue", redis.url) as office:
        history, hall = lived_at([office.past_nginx(number) for number in range(office.count)], SEVERAL // SIXTEEN)
        assert len(history) >= 300
        assert violation(history, hall) is None
