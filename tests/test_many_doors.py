"""Several processes behind one database on PostgreSQL: each decides on any day, and the story is as if there were one."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from databases import Postgres
from door import TODAY, WAIT_S, Door, Slow, failing, issuing

from server import wire
from server.core import decide
from server.core.refused import Refused
from server.store import EventRow, Overtaken, StaffRow, Unavailable

LAN, MINH = decide.By("lan"), decide.By("minh")


@pytest.fixture
def doors(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Door, Door]]:
    """Two processes, as far as the database knows."""
    # Whoever waits for the other goes after five seconds: a busy machine may come to the end of a decision only later.
    monkeypatch.setattr("server.store.postgres.BUSY_MS", 60_000)
    url = postgres.fresh()
    with Door(url) as one, Door(url) as other:
        other._ids = iter(range(1_000_001, 2_000_000))
        yield one, other


def outcome(future: Future[Any]) -> Any:
    error = future.exception(timeout=WAIT_S)
    return error if error is not None else json.loads(future.result().body)


def call(door: Door, counter: str, by: decide.By, **more: Any) -> Any:
    told = door.do(
        partial(decide.call_next, counter=counter, by=by, **more),
        render=lambda day, now: (200, day.tickets[day.counters[counter].ticket].code),
    )
    return json.loads(told.body)


def test_numbers_given_at_two_doors_at_once_are_one_series(doors: tuple[Door, Door]) -> None:
    futures = [door.spawn(door.issue) for _ in range(60) for door in doors]
    codes = [outcome(future) for future in futures]
    assert sorted(codes) == [f"A{n:03}" for n in range(1, 121)]
    rows = doors[0].rows()
    assert [seq for seq, _ in rows] == list(range(1, 122)) and [kind for _, kind in rows].count("DayOpened") == 1


def test_each_decides_on_what_the_other_has_answered(doors: tuple[Door, Door]) -> None:
    one, other = doors
    one.do(partial(decide.open_counter, counter="1", by=LAN))
    other.do(partial(decide.open_counter, counter="2", by=MINH))
    given = [json.loads(door.issue().body) for door in (one, other, one, other)]
    assert [call(other, "2", MINH), call(one, "1", LAN)] == given[:2]
    assert [call(other, "2", MINH, finish=True), call(one, "1", LAN, finish=True)] == given[2:]
    with pytest.raises(Refused, match="counter_busy"):
        call(one, "2", MINH)
    with pytest.raises(Refused, match="counter_taken"):
        other.do(partial(decide.open_counter, counter="1", by=MINH))


def test_nothing_is_read_twice_to_follow_the_other(doors: tuple[Door, Door], monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = doors
    one.issue(), other.issue()
    read: list[int] = []
    monkeypatch.setattr(other.ledger.books, "fold", lambda *_: read.append(1))
    for _ in range(5):
        one.issue()
        other.issue()
    one.issue()
    other.look_around()
    assert len(other.codes()) == 13 and not read
    assert [entry.seq for _, entry in other.heard] == list(range(1, 15)), "everything is told once, in its order"


def test_one_key_at_two_doors_is_one_number(doors: tuple[Door, Door]) -> None:
    together = threading.Barrier(2)

    def touch(door: Door, key: str) -> Any:
        together.wait()
        return door.issue(once=key).body

    with ThreadPoolExecutor(2) as pool:
        for n in range(20):
            first, second = (pool.submit(touch, door, f"touch-{n}") for door in doors)
            assert first.result(WAIT_S) == second.result(WAIT_S)
    assert len(doors[0].rows()) == 21


def test_a_key_that_another_day_has_used_meanwhile_is_answered_as_there(doors: tuple[Door, Door]) -> None:
    one, other = doors
    # Two days have two locks: over midnight only the key itself stands between one touch and two numbers.
    other.pass_time(hours=13)
    assert other.ledger.today(other.site) > TODAY
    first: list[bytes] = []
    one.store.before.append(lambda: first.append(other.issue(once="touch").body))
    assert one.issue(once="touch").body == first[0]
    assert one.rows() == []


def test_a_lock_that_was_lost_is_guarded_by_the_number(doors: tuple[Door, Door]) -> None:
    one, other = doors
    one.issue()
    event = replace(one.heard[-1][1].event, ticket="t9", number=2)

    def somebody_writes() -> None:
        row = EventRow(one.site, TODAY, 3, one.clock.now(), "device:k1", "TicketIssued", wire.event_text(event))
        other.store.really_write([lambda tx: tx.append([row])])

    one.store.before.append(somebody_writes)
    assert json.loads(one.issue().body) == "A003"


def test_who_had_to_yield_decides_again_a_few_times_and_then_says_so(doors: tuple[Door, Door]) -> None:
    door = doors[0]
    door.store.before += [failing(Overtaken("deadlock detected"))] * 2
    assert json.loads(door.issue().body) == "A001"
    door.store.before += [failing(Overtaken("deadlock detected"))] * 50
    with pytest.raises(Unavailable):
        door.issue()
    door.store.before.clear()
    assert json.loads(door.issue().body) == "A002"


def test_whoever_asks_is_told_what_the_other_has_answered_before(doors: tuple[Door, Door]) -> None:
    one, other = doors
    other.issue()
    one.do(issuing("found"))
    assert other.codes() == ["A001"]
    other.ledger.fresh(other.site)
    assert other.codes() == ["A001", "A002"]
    one.do(issuing("looked for"))
    assert other.ledger.day_of_ticket("looked for") == (one.site, TODAY)
    assert "looked for" in other.day().tickets


def test_a_day_is_kept_from_others_only_while_somebody_decides(doors: tuple[Door, Door]) -> None:
    one, other = doors
    one.do(partial(decide.open_counter, counter="1", by=LAN))
    slow = Slow()
    one.store.before.append(slow)
    writing = one.spawn(one.issue)
    assert slow.begun.wait(WAIT_S)
    waiting = other.spawn(other.issue)
    assert not waiting.done()
    slow.go.set()
    assert (outcome(writing), outcome(waiting)) == ("A001", "A002")
    with pytest.raises(Refused):
        # A refusal writes nothing, and leaves the day all the same.
        one.do(partial(decide.open_counter, counter="1", by=MINH))
    assert json.loads(other.issue().body) == "A003"


def test_what_is_no_days_business_needs_no_day(doors: tuple[Door, Door]) -> None:
    for number, door in enumerate(doors):
        door.ledger.write(lambda tx, number=number: tx.put_staff(StaffRow(f"s{number}", "clerk", "x", None)))
    assert [row.name for row in doors[0].store.all_staff()] == ["s0", "s1"]
