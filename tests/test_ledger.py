"""The one door, in this process: what it promises when many come at once, when the disk fails, and when somebody else writes too."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from databases import Engine, opened
from door import NOON, OPEN, TODAY, WAIT_S, Door, Slow, failing, issuing
from office import snapshot

from server import wire
from server.books import PAST_KEPT
from server.committer import WRITER_LOST
from server.core import decide
from server.core import events as ev
from server.core.day import CounterState, Day
from server.core.refused import Refused
from server.core.ticket import State
from server.ledger import Answer, Idempotency, KeyReused
from server.sites import UnknownSite
from server.store import Broken, Conflict, ContactRow, EventRow, Poison, Unavailable

TOMORROW = TODAY + timedelta(days=1)
LAN, MINH = decide.By("lan"), decide.By("minh")


@pytest.fixture
def url(engine: Engine, tmp_path: Path) -> str:
    """A new database of either engine."""
    return engine.new(tmp_path)


@pytest.fixture
def door(url: str) -> Iterator[Door]:
    with Door(url) as door:
        yield door


@pytest.fixture
def door_of_a_file(tmp_path: Path) -> Iterator[Door]:
    with Door(tmp_path) as door:
        yield door


def outcome(future: Future[Any]) -> Any:
    """The answer's value, or the exception."""
    error = future.exception(timeout=WAIT_S)
    return error if error is not None else json.loads(future.result().body)


def opening(counter: str = "1", by: decide.By = LAN) -> Any:
    return partial(decide.open_counter, counter=counter, by=by)


def calling(counter: str = "1", by: decide.By = LAN) -> Any:
    return partial(decide.call_next, counter=counter, by=by)


def by_other(door: Door, *events: ev.Event, when: Any = TODAY) -> None:
    """Another process writes into the story of the day."""
    with opened(door.url) as store:
        seq = store.last_seq(door.site, when)
        rows = [
            EventRow(door.site, when, seq + n, NOON, "staff:cli", type(event).__name__, wire.event_text(event))
            for n, event in enumerate(events, 1)
        ]
        store.write([lambda tx: tx.append(rows)])


# -- durable before told ---------------------------------------------------------------------------------------------------------


def test_who_reads_sees_only_what_is_on_the_disk(door: Door) -> None:
    door.issue()
    slow = Slow()
    door.store.before.append(slow)
    taking = door.spawn(door.issue)
    assert slow.begun.wait(WAIT_S)
    assert door.codes() == ["A001"] and len(door.heard) == 2
    assert not taking.done()
    slow.go.set()
    assert outcome(taking) == "A002"
    assert door.codes() == ["A001", "A002"]


def test_everybody_hears_every_entry_once_in_order_with_the_day_just_after_it(door: Door) -> None:
    for future in [door.spawn(door.issue) for _ in range(40)]:
        future.result(timeout=WAIT_S)
    assert [seq for seq, _ in door.heard] == [entry.seq for _, entry in door.heard] == list(range(1, 42))
    assert [(e.seq, type(e.event).__name__) for _, e in door.heard] == door.rows()


def test_who_was_answered_reads_his_own_ticket(door: Door) -> None:
    def take_and_look(n: int) -> bool:
        ticket = f"own{n}"
        door.do(issuing(ticket))
        return ticket in door.day().tickets and door.ledger.day_of_ticket(ticket) == (door.site, TODAY)

    assert all(f.result(timeout=WAIT_S) for f in [door.spawn(take_and_look, n) for n in range(50)])


def test_a_screen_that_cannot_be_told_does_not_stop_the_office(door: Door) -> None:
    def deaf(day: Day, entry: ev.Entry, fresh: bool) -> None:
        raise RuntimeError("no screen")

    door.tell = deaf
    assert json.loads(door.issue().body) == "A001"
    assert door.codes() == ["A001"]


# -- many at once ----------------------------------------------------------------------------------------------------------------


def test_those_who_wait_together_share_one_commit(door: Door) -> None:
    door.issue()
    commits, commands = door.ledger.commits, door.ledger.commands
    futures = door.together(*[door.issue] * 30)
    assert sorted(outcome(f) for f in futures) == [f"A{n:03d}" for n in range(2, 32)]
    assert door.store.batches[-1] == 30
    assert (door.ledger.commits - commits, door.ledger.commands - commands) == (2, 31)


def test_no_transaction_holds_more_than_the_batch_allows(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.committer.BATCH", 8)
    jobs = door.together(*[door.issue] * 50)
    assert sorted(outcome(f) for f in jobs) == [f"A{n:03d}" for n in range(1, 51)]
    assert max(door.store.batches) == 8


def test_refusals_and_replays_wait_for_the_commit_of_their_batch(door: Door) -> None:
    door.issue(once="first")
    held, second = door.hold(), Slow()
    door.store.before.append(second)
    futures = door.queue(door.issue, partial(door.do, calling()), partial(door.issue, once="first"))
    held.go.set()
    assert second.begun.wait(WAIT_S)
    assert [f.done() for f in futures] == [False] * 3
    second.go.set()
    assert outcome(futures[0]) == "A002"
    assert isinstance(outcome(futures[1]), Refused)
    assert outcome(futures[2]) == "A001" and futures[2].result().replayed


@pytest.mark.parametrize("spoilt", [0, 3, 7])
def test_a_command_that_cannot_be_stored_spares_the_rest(door: Door, spoilt: int) -> None:
    def poison(tx: Any, entries: Any) -> None:
        raise ValueError("no room for this one")

    works = [partial(door.issue, also=poison) if n == spoilt else door.issue for n in range(8)]
    answers = [outcome(f) for f in door.together(*works)]
    assert isinstance(answers.pop(spoilt), Poison)
    assert answers == [f"A{n:03d}" for n in range(1, 8)]
    assert door.codes() == answers and len(door.rows()) == 8


def test_many_poisoned_commands_in_one_batch_spare_the_rest(door: Door) -> None:
    def poison(tx: Any, entries: Any) -> None:
        raise ValueError("no room for this one")

    works = [door.issue if n % 3 == 0 else partial(door.issue, also=poison) for n in range(30)]
    answers = [outcome(f) for f in door.together(*works)]
    assert answers[::3] == [f"A{n:03d}" for n in range(1, 11)]
    assert sum(isinstance(a, Poison) for a in answers) == 20


def test_an_entry_that_does_not_fit_its_column_is_nobody_elses_trouble(door: Door) -> None:
    def nobody() -> Any:
        # The column refuses it as it would refuse a number that is taken; only the latter is worth another try.
        return door.ledger.do(door.site, issuing("x"), actor=None, render=lambda day, now: (200, {}))  # type: ignore[arg-type]

    answers = [outcome(f) for f in door.together(door.issue, nobody, door.issue)]
    assert isinstance(answers[1], Poison)
    assert [answers[0], answers[2]] == ["A001", "A002"]


@pytest.mark.parametrize("times", [1, 8])
def test_an_answer_that_cannot_be_told_leaves_nothing_half_done(door: Door, times: int) -> None:
    def dumb(day: Day, now: datetime) -> tuple[int, Any]:
        raise LookupError("no words")

    works = [door.issue, *[partial(door.do, issuing(f"half{n}"), render=dumb) for n in range(times)], door.issue]
    answers = [outcome(f) for f in door.together(*works)]
    assert [answers[0], answers[-1]] == ["A001", "A002"]
    assert all(isinstance(a, LookupError) for a in answers[1:-1])
    assert door.codes() == ["A001", "A002"]
    assert json.loads(door.issue().body) == "A003"


@pytest.mark.parametrize(
    "impossible", [[ev.TicketStarted("nobody")], [ev.NoticeSet("main", "Xin chào"), ev.TicketStarted("nobody")]], ids=["first", "second"]
)
def test_a_decision_that_cannot_be_folded_leaves_nothing_half_done(door: Door, impossible: list[ev.Event]) -> None:
    door.issue()
    with pytest.raises(KeyError):
        door.do(lambda day, now: impossible)
    assert json.loads(door.issue().body) == "A002"
    assert door.day().seq == 3 and [seq for seq, _ in door.rows()] == [1, 2, 3]
    assert not door.day().notices


def test_what_belongs_elsewhere_is_written_with_the_story_or_not_at_all(door: Door) -> None:
    def keep(ref: str, tx: Any, entries: Any) -> None:
        tx.put_contact(ContactRow(ref, door.site, TODAY, "ticket", "{}", TOMORROW))

    door.issue(also=partial(keep, "c1"))
    door.store.before.append(failing(Unavailable("busy")))
    with pytest.raises(Unavailable):
        door.issue(also=partial(keep, "c2"))
    assert door.store.contact("c1") is not None and door.store.contact("c2") is None


# -- keys ------------------------------------------------------------------------------------------------------------------------


def test_one_key_is_one_ticket_however_often_it_comes_and_however_close(door: Door) -> None:
    answers = [f.result(timeout=WAIT_S) for f in door.together(*[partial(door.issue, once="k")] * 50)]
    assert {a.body for a in answers} == {'"A001"'}
    assert sum(a.replayed for a in answers) == 49
    later = door.issue(once="k")
    assert later.replayed and later.body == '"A001"' and later.status == 201
    assert door.codes() == ["A001"]


def test_a_key_is_one_intent_across_days_and_sites_of_a_principal(door: Door) -> None:
    door.issue(once="k")
    assert door.issue(once="k", day=TOMORROW).replayed
    other = door.ledger.do(door.site, issuing("o"), actor="x", render=lambda day, now: (200, 1), once=Idempotency("device:k2", "k", "r"))
    assert not other.replayed
    assert door.codes(TOMORROW) == []


@pytest.mark.parametrize("together", [False, True])
def test_a_key_with_another_request_is_refused_and_changes_nothing(door: Door, together: bool) -> None:
    works = [partial(door.issue, once="k"), partial(door.issue, once="k", request="other"), partial(door.issue, once="k")]
    if together:
        answers = [outcome(f) for f in door.together(*works)]
    else:
        answers = [outcome(door.spawn(work)) for work in works]
    assert answers[0] == answers[2] == "A001"
    assert isinstance(answers[1], KeyReused)
    assert door.codes() == ["A001"]


def test_refusals_are_not_remembered(door: Door) -> None:
    with pytest.raises(Refused):
        door.do(calling(), once="k")
    door.do(opening())
    with pytest.raises(Refused):
        door.do(calling(), once="k")
    door.issue()
    assert not door.do(calling(), once="k").replayed
    assert door.do(calling(), once="k").replayed


def test_a_command_that_changes_nothing_is_remembered_too(door: Door) -> None:
    door.do(opening())
    again = door.do(opening(), once="k")
    assert json.loads(again.body) == 2 and not again.replayed
    door.do(partial(decide.close_counter, counter="1", by=LAN))
    assert json.loads(door.do(opening(), once="k").body) == 2
    assert door.day().counters["1"].state is CounterState.CLOSED


def test_the_answer_of_a_lost_response_is_given_after_a_restart(url: str) -> None:
    with Door(url) as before:
        first = before.issue(once="k")
    with Door(url) as after:
        again = after.issue(once="k")
        assert (again.status, again.body, again.replayed) == (first.status, first.body, True)
        assert json.loads(after.issue().body) == "A002"


# -- when the disk fails ---------------------------------------------------------------------------------------------------------


def test_a_busy_or_full_disk_changes_nothing_and_the_next_command_works(door: Door) -> None:
    door.issue()
    held = door.hold()
    door.store.before.append(failing(Unavailable("database or disk is full")))
    futures = door.queue(*[partial(door.issue, once=f"k{n}") for n in range(5)])
    held.go.set()
    assert all(isinstance(outcome(f), Unavailable) for f in futures)
    assert door.codes() == ["A001"] and len(door.rows()) == 2
    assert door.ledger.broken is None
    # Nothing was remembered under the keys either: the same request now succeeds, with the next number.
    again = door.issue(once="k3")
    assert again.body == '"A002"' and not again.replayed
    assert door.codes() == ["A001", "A002"]


def test_two_equal_requests_whose_commit_fails_are_both_answered(door: Door) -> None:
    held = door.hold()
    door.store.before += [failing(Unavailable("busy")), failing(Unavailable("busy"))]
    futures = door.queue(*[partial(door.issue, once="k")] * 2)
    held.go.set()
    assert all(isinstance(outcome(f), Unavailable) for f in futures)
    assert door.codes() == []


def test_nobody_is_answered_from_a_state_that_never_came_to_be(door: Door) -> None:
    """A counter is opened twice in one batch: the second time changes nothing, so it must not succeed when the first is not stored."""
    held = door.hold()
    door.store.before += [failing(Unavailable("busy")), failing(Unavailable("busy"))]
    futures = door.queue(partial(door.do, opening()), partial(door.do, opening()), partial(door.do, calling(by=MINH)))
    held.go.set()
    first, second, stranger = [outcome(f) for f in futures]
    assert isinstance(first, Unavailable) and isinstance(second, Unavailable)
    assert isinstance(stranger, Refused) and stranger.code == "counter_closed"
    assert door.day().counters["1"].state is CounterState.CLOSED


def test_a_commit_that_is_there_after_all_is_confirmed(door: Door) -> None:
    door.issue()
    held = door.hold()
    door.store.after += [lambda: None, failing(Unavailable("the answer was lost"))]
    futures = door.queue(
        partial(door.issue, once="k"), door.issue, partial(door.issue, once="k"), partial(door.ledger.write, lambda tx: None)
    )
    held.go.set()
    assert [outcome(f) for f in futures[:3]] == ["A002", "A003", "A002"]
    assert futures[3].result(timeout=WAIT_S) is None
    assert door.codes() == ["A001", "A002", "A003"] and len(door.rows()) == 4
    assert [seq for seq, _ in door.heard] == [1, 2, 3, 4]
    assert json.loads(door.issue().body) == "A004"


def test_a_command_without_events_that_is_there_after_all_is_confirmed(door: Door) -> None:
    door.do(opening())
    door.store.after.append(failing(Unavailable("the answer was lost")))
    assert json.loads(door.do(opening(), once="k").body) == 2


def test_a_broken_disk_is_believed_nothing_more_until_a_restart(door: Door) -> None:
    door.issue(once="k")
    held = door.hold()
    door.store.before.append(failing(Broken("disk I/O error")))
    futures = door.queue(door.issue, partial(door.do, calling()), partial(door.day, TOMORROW))
    held.go.set()
    assert [type(outcome(f)) for f in futures[:2]] == [Broken, Broken]
    assert futures[2].result(timeout=WAIT_S).seq == 0
    assert door.ledger.broken == "disk I/O error"
    written = len(door.store.batches)
    for work in (door.issue, partial(door.issue, once="k"), partial(door.ledger.write, lambda tx: None)):
        with pytest.raises(Broken):
            work()
    assert len(door.store.batches) == written, "nothing more is tried on that disk"
    assert door.codes() == ["A001"] and door.ledger.history(door.site, TODAY).seq == 2
    door.look_around()


def test_the_committer_survives_a_store_that_cannot_even_be_read(door: Door) -> None:
    door.issue()
    door.store.before.append(failing(Unavailable("locked")))
    story, door.store.story = door.store.story, failing_read  # type: ignore[method-assign]
    try:
        futures = [door.spawn(door.issue) for _ in range(3)]
        assert all(isinstance(outcome(f), Unavailable) for f in futures)
        assert door.codes() == ["A001"], "what was published is still read"
    finally:
        door.store.story = story  # type: ignore[method-assign]
    assert json.loads(door.issue().body) == "A002"


def failing_read(*_: Any) -> Any:
    raise Unavailable("locked")


def test_a_full_disk_refuses_and_recovers_without_a_restart(door_of_a_file: Door) -> None:
    door = door_of_a_file
    writer = door.store._writer.conn
    pages = writer.execute("pragma page_count").fetchone()[0]
    writer.execute(f"pragma max_page_count = {pages + 4}")
    given: list[str] = []
    with pytest.raises(Unavailable, match="full"):
        for _ in range(2000):
            given.append(json.loads(door.issue().body))
    assert door.codes() == given and door.ledger.broken is None
    with pytest.raises(Unavailable, match="full"):
        door.issue()
    writer.execute("pragma max_page_count = 1000000")
    assert json.loads(door.issue().body) == f"A{len(given) + 1:03d}"
    assert len(door.rows()) == len(given) + 2
    door.store.check()


# -- deciding ahead of the disk --------------------------------------------------------------------------------------------------


def numbers(count: int, first: int = 1) -> list[str]:
    return [f"A{n:03d}" for n in range(first, first + count)]


def told_once(door: Door) -> bool:
    """What everybody has heard is what the store holds: each entry once, in order, without a gap."""
    heard = [(entry.seq, type(entry.event).__name__) for _, entry in door.heard]
    return heard == door.rows() and [seq for seq, _ in heard] == list(range(1, len(heard) + 1))


def unwritable(tx: Any, entries: Any) -> None:
    raise ValueError("no room for this one")


def test_the_next_is_decided_while_the_disk_is_busy_and_told_when_it_is_on_the_disk(door_of_a_file: Door) -> None:
    door = door_of_a_file
    first_flush, first = door.flush(door.issue)
    second_flush, asked = Slow(), threading.Event()
    door.store.before.append(second_flush)

    def command(day: Day, now: datetime) -> list[ev.Event]:
        asked.set()
        return issuing("next")(day, now)

    (second,) = door.queue(partial(door.do, command, render=lambda day, now: (201, day.tickets["next"].code)))
    assert asked.is_set() and not first.done() and not second.done()
    assert door.codes() == [] and door.heard == [] and door.ledger.day_of_ticket("next") is None
    first_flush.go.set()
    assert outcome(first) == "A001"
    assert second_flush.begun.wait(WAIT_S)
    assert not second.done() and door.codes() == ["A001"] and door.ledger.day_of_ticket("next") is None
    second_flush.go.set()
    assert outcome(second) == "A002"
    assert door.codes() == ["A001", "A002"] and told_once(door)
    assert door.ledger.commits == 2


def test_all_that_was_decided_meanwhile_shares_the_next_flush(door_of_a_file: Door) -> None:
    door = door_of_a_file
    slow, first = door.flush(door.issue)
    others = door.queue(*[door.issue] * 20)
    slow.go.set()
    assert [outcome(f) for f in [first, *others]] == numbers(21)
    assert door.store.batches == [1, 20]


@pytest.mark.parametrize("error", [Unavailable("busy"), MemoryError("of a library")], ids=["busy", "unforeseen"])
def test_what_was_decided_upon_a_flush_that_fails_is_decided_again(door_of_a_file: Door, error: Exception) -> None:
    door = door_of_a_file
    slow, first = door.flush(door.issue, error)
    others = door.queue(*[partial(door.issue, once=f"k{n}") for n in range(5)], partial(door.do, opening()), door.issue)
    slow.go.set()
    assert outcome(first) is error
    assert [outcome(f) for f in others] == [*numbers(5), 7, "A006"], "the lost number is given to the next"
    assert door.codes() == numbers(6) and told_once(door)
    assert json.loads(door.issue().body) == "A007"
    assert told_once(door)


def test_no_transaction_of_those_decided_again_holds_more_than_the_batch_allows(
    door_of_a_file: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.committer.BATCH", 8)
    door = door_of_a_file
    slow, first = door.flush(door.issue, Unavailable("busy"))
    others = door.queue(*[door.issue] * 30)
    slow.go.set()
    assert isinstance(outcome(first), Unavailable)
    assert [outcome(f) for f in others] == numbers(30)
    assert max(door.store.batches) == 8 and told_once(door)


def test_a_broken_disk_is_not_tried_by_those_who_were_decided_upon_it(door_of_a_file: Door) -> None:
    door = door_of_a_file
    door.issue(once="before")
    slow, first = door.flush(door.issue, Broken("disk I/O error"))
    others = door.queue(door.issue, partial(door.do, calling()), partial(door.issue, once="before"))
    slow.go.set()
    assert [type(outcome(f)) for f in [first, *others]] == [Broken] * 4
    assert door.store.batches == [1, 1] and door.codes() == ["A001"] and told_once(door)


def test_a_key_that_comes_again_while_its_number_is_on_the_way_to_the_disk_gets_that_number(door_of_a_file: Door) -> None:
    door = door_of_a_file
    slow, first = door.flush(partial(door.issue, once="k"))
    again, other, last = door.queue(partial(door.issue, once="k"), partial(door.issue, once="k", request="other"), door.issue)
    assert not again.done() and not other.done()
    slow.go.set()
    assert outcome(first) == outcome(again) == "A001"
    assert again.result().replayed and not first.result().replayed
    assert isinstance(outcome(other), KeyReused)
    assert outcome(last) == "A002" and door.codes() == ["A001", "A002"]
    assert not door.ledger.registrar.firsts, "what has arrived is the store's to remember"


def test_a_key_whose_flush_fails_is_one_ticket_for_whoever_comes_behind(door_of_a_file: Door) -> None:
    door = door_of_a_file
    slow, first = door.flush(partial(door.issue, once="k"), Unavailable("busy"))
    second, third = door.queue(*[partial(door.issue, once="k")] * 2)
    slow.go.set()
    assert isinstance(outcome(first), Unavailable)
    assert outcome(second) == outcome(third) == "A001"
    assert not second.result().replayed and third.result().replayed
    assert door.issue(once="k").replayed
    assert door.codes() == ["A001"] and told_once(door)


@pytest.mark.parametrize("how", ["busy", "unwritable"])
def test_a_key_that_failed_twice_is_not_answered_with_a_number_that_does_not_exist(door_of_a_file: Door, how: str) -> None:
    door = door_of_a_file
    slow, first = door.flush(door.issue, Unavailable("busy"))
    also = unwritable if how == "unwritable" else None
    if how == "busy":
        door.store.before.append(failing(Unavailable("still busy")))
    (second,) = door.queue(partial(door.issue, once="k", also=also))
    slow.go.set()
    assert isinstance(outcome(first), Unavailable) and isinstance(outcome(second), Poison if also else Unavailable)
    once_more = door.issue(once="k")
    assert not once_more.replayed and once_more.body == '"A001"'
    assert door.codes() == ["A001"] and told_once(door)


@pytest.mark.parametrize("error", [None, Unavailable("busy")], ids=["stored", "lost"])
def test_a_refusal_waits_for_what_it_was_decided_upon(door_of_a_file: Door, error: Exception | None) -> None:
    door = door_of_a_file
    door.issue()
    door.do(opening())
    door.do(opening("2", MINH))
    slow, first = door.flush(partial(door.do, calling()), error)
    (other,) = door.queue(partial(door.do, calling("2", MINH), render=lambda day, now: (200, day.counters["2"].ticket)))
    assert not other.done()
    slow.go.set()
    if error is None:
        assert outcome(first) == 5
        refusal = outcome(other)
        assert isinstance(refusal, Refused) and refusal.code == "nobody_waiting"
        return
    assert outcome(first) is error
    assert outcome(other) == door.day().by_code["A001"].id, "the ticket was never at the other counter"


def test_a_refusal_is_not_told_while_nobody_has_seen_to_what_it_was_decided_upon(door_of_a_file: Door) -> None:
    """The flush fails while the refusal is being decided: nothing is on its way any more, and what it stands on is lost all the same."""
    door = door_of_a_file
    door.issue()
    door.do(opening())
    door.do(opening("2", MINH))
    slow, first = door.flush(partial(door.do, calling()), Unavailable("busy"))

    def call(day: Day, now: datetime) -> list[ev.Event]:
        if not slow.go.is_set():
            slow.go.set()
            door.until(lambda: door.ledger.committer.landed == door.ledger.committer.handed)
        return calling("2", MINH)(day, now)  # type: ignore[no-any-return]

    ticket = door.do(call, render=lambda day, now: (200, day.counters["2"].ticket))
    assert isinstance(outcome(first), Unavailable)
    assert json.loads(ticket.body) == door.day().by_code["A001"].id, "it was never at the other counter"


def test_whatever_another_process_wrote_first_counts_for_all_that_was_decided_ahead(door_of_a_file: Door) -> None:
    door = door_of_a_file
    door.issue()
    slow, first = door.flush(door.issue)
    others = door.queue(door.issue, partial(door.issue, once="k"), partial(door.issue, once="k"), partial(door.do, calling()))
    by_other(door, ev.TicketIssued("cli", "A", 2, NOON, NOON, decide.queue_time(door.day().site.rules, NOON).term))
    slow.go.set()
    assert [outcome(f) for f in [first, *others[:3]]] == ["A003", "A004", "A005", "A005"]
    assert isinstance(outcome(others[3]), Refused)
    assert door.codes() == numbers(5) and told_once(door)


def test_whoever_cannot_be_stored_spares_those_who_were_decided_upon_him(door_of_a_file: Door) -> None:
    door = door_of_a_file
    slow, first = door.flush(partial(door.issue, also=unwritable, once="k"))
    others = door.queue(door.issue, partial(door.issue, also=unwritable), partial(door.issue, once="k"))
    slow.go.set()
    assert isinstance(outcome(first), Poison)
    assert outcome(others[0]) == "A001" and isinstance(outcome(others[1]), Poison) and outcome(others[2]) == "A002"
    assert door.codes() == numbers(2) and told_once(door)


def test_a_flush_that_is_there_after_all_stands_and_so_does_what_was_decided_upon_it(door_of_a_file: Door) -> None:
    door = door_of_a_file
    door.do(opening())
    slow, first = door.flush(partial(door.issue, once="k"), Unavailable("the answer was lost"), stored=True)
    others = door.queue(door.issue, partial(door.issue, once="k"), partial(door.do, calling()), partial(door.do, calling(), once="c"))
    slow.go.set()
    assert outcome(first) == outcome(others[1]) == "A001"
    assert outcome(others[0]) == "A002" and outcome(others[2]) == 5
    refusal = outcome(others[3])
    assert isinstance(refusal, Refused) and refusal.code == "counter_busy"
    assert door.day().by_code["A001"].state is State.CALLED and door.codes() == numbers(2) and told_once(door)


def dumb(day: Day, now: datetime) -> tuple[int, Any]:
    raise LookupError("no words")


@pytest.mark.parametrize("error", [None, Unavailable("busy")], ids=["stored", "lost"])
@pytest.mark.parametrize("how", ["untold", "impossible"])
def test_a_command_that_is_half_decided_loses_nothing_that_is_on_its_way(door_of_a_file: Door, how: str, error: Exception | None) -> None:
    door = door_of_a_file
    tried = threading.Event()

    def command(day: Day, now: datetime) -> list[ev.Event]:
        tried.set()
        return [ev.TicketStarted("nobody")] if how == "impossible" else issuing("half")(day, now)

    slow, first = door.flush(door.issue, error)
    (second,) = door.queue(partial(door.issue, once="k"))
    half, again, last = door.queue(partial(door.do, command, render=dumb), partial(door.issue, once="k"), door.issue)
    assert tried.wait(WAIT_S) and not half.done()
    slow.go.set()
    assert isinstance(outcome(half), KeyError if how == "impossible" else LookupError)
    given = numbers(3 if error is None else 2)
    assert [outcome(f) for f in [first, second, again, last]] == [given[0] if error is None else error, given[-2], given[-2], given[-1]]
    assert door.codes() == given and told_once(door)


def test_a_command_that_failed_upon_what_was_not_stored_is_decided_again(door_of_a_file: Door) -> None:
    """It cannot be told what to say when somebody is before it; he never was."""
    door, tried = door_of_a_file, threading.Event()

    def shy(day: Day, now: datetime) -> tuple[int, Any]:
        tried.set()
        if len(day.tickets) > 1:
            raise LookupError("no words")
        return 201, day.tickets["shy"].code

    slow, first = door.flush(door.issue, Unavailable("busy"))
    (second,) = door.queue(partial(door.do, issuing("shy"), render=shy))
    assert tried.wait(WAIT_S)
    slow.go.set()
    assert isinstance(outcome(first), Unavailable)
    assert outcome(second) == "A001"
    assert door.codes() == ["A001"] and told_once(door)


def test_what_was_decided_before_a_loss_came_to_light_is_decided_again(door_of_a_file: Door) -> None:
    """Tomorrow has to be read anew, and for that the committer waits for the disk in the middle of a batch. What it has decided until then
    stands on numbers that are lost: stored, they would leave a gap in the story, and a key would have been looked up for others."""
    door = door_of_a_file
    door.issue(once="before")
    door.day(TOMORROW)
    door.import_site(TWO)
    door.look_around()
    slow, first = door.flush(door.issue, Unavailable("busy"))
    others = door.at_once(
        issuing("second"),
        door.issue,
        partial(door.do, lambda day, now: [ev.NoticeSet("main", "Xin chào")], day=TOMORROW),
        partial(door.issue, once="before"),
        render=lambda day, now: (201, day.tickets["second"].code),
    )
    door.until(door.committer_waits)
    slow.go.set()
    assert isinstance(outcome(first), Unavailable)
    assert [outcome(f) for f in others] == ["A002", "A003", 2, "A001"]
    assert door.codes() == numbers(3) and [seq for seq, _ in door.rows()] == [1, 2, 3, 4, 5]
    assert json.loads(door.issue().body) == "A004"


def test_a_day_is_not_read_anew_while_something_of_it_is_on_its_way(door_of_a_file: Door) -> None:
    """Whoever should be told that there is news fails, so the days are read anew; meanwhile the next number is on the disk and nobody has
    been told of it. Read too early, it would be told twice, and the number behind it would be decided for nothing."""
    door = door_of_a_file
    door.issue()
    telling = Slow(RuntimeError("nobody can be woken"))

    def told() -> None:
        door.told = lambda: None
        telling()

    door.told = told
    first = door.spawn(door.issue)
    assert telling.begun.wait(WAIT_S)
    slow, second = door.flush(door.issue, stored=True)
    telling.go.set()
    assert isinstance(outcome(first), RuntimeError), "it is on the disk, and whoever asks again under its key is told so"
    (third,) = door.queue(door.issue)
    slow.go.set()
    assert [outcome(second), outcome(third)] == ["A003", "A004"]
    assert door.codes() == numbers(4) and told_once(door)
    assert door.store.batches == [1] * 4, "nothing was decided twice"


@pytest.mark.parametrize("look", [False, True], ids=["ticket", "look"])
def test_whoever_looks_between_the_disk_and_the_telling_has_nothing_told_twice(door_of_a_file: Door, look: bool) -> None:
    door = door_of_a_file
    door.issue()
    slow, taking = door.flush(partial(door.do, issuing("stored")), stored=True)
    if look:
        door.ledger.refresh()
    (finding,) = door.queue(partial(door.ledger.day_of_ticket, "stored"))
    assert not finding.done() and door.codes() == ["A001"], "it is on the disk, and nobody has been told"
    slow.go.set()
    assert finding.result(timeout=WAIT_S) == (door.site, TODAY) and outcome(taking) == 3
    assert door.codes() == numbers(2)
    door.look_around()
    assert door.codes() == numbers(2) and told_once(door)


def test_a_new_document_is_adopted_behind_what_is_on_its_way(door_of_a_file: Door) -> None:
    door = door_of_a_file
    door.issue()
    door.import_site(TWO)
    slow, first = door.flush(door.issue, Unavailable("busy"))
    (second,) = door.queue(door.issue)
    door.ledger.refresh()
    door.until(door.committer_waits)
    slow.go.set()
    assert isinstance(outcome(first), Unavailable)
    assert outcome(second) == "A002"
    assert json.loads(door.issue().body) == "A003"
    assert door.day().site.version == 2 and told_once(door)
    assert [kind for _, kind in door.rows()][2:] == ["TicketIssued", "SiteRevised", "TicketIssued"]


@pytest.mark.parametrize("error", [None, Unavailable("busy")], ids=["stored", "lost"])
def test_who_stops_waits_for_the_disk_and_for_all_that_was_decided_ahead_of_it(door_of_a_file: Door, error: Exception | None) -> None:
    door = door_of_a_file
    slow, first = door.flush(door.issue, error)
    others = door.queue(*[door.issue] * 5)
    door.ledger.stop()
    assert not door.ledger.ended.is_set() and not first.done()
    slow.go.set()
    assert door.ledger.ended.wait(WAIT_S)
    answers = [outcome(f) for f in [first, *others]]
    assert answers == (numbers(6) if error is None else [error, *numbers(5)])
    assert door.codes() == numbers(len(door.codes())) and told_once(door)


@pytest.mark.parametrize("seed", range(3))
def test_whatever_the_disk_does_every_answer_is_true(door: Door, seed: int) -> None:
    """Sixteen hands, a disk that fails, loses answers and lets others in between, and keys that come again: what was answered is in the
    story exactly once, what was refused is not in it, and everybody has heard the story that the store holds."""
    door.issue()
    door.heard.clear()
    dice = random.Random(seed)
    fates = [lambda: None] * 5 + [failing(Unavailable("busy")), partial(by_other, door, ev.NoticeSet("main", "Xin chào"))]
    door.store.before += dice.choices(fates, k=400)
    door.store.after += dice.choices([lambda: None] * 5 + [failing(Unavailable("the answer was lost"))], k=400)
    wrote: dict[str, list[ev.Entry]] = {}
    """By who asked: what the last try of a command has written, or would have."""
    answers: list[tuple[str, str | None, Any]] = []

    def hand(n: int) -> None:
        mine = random.Random(f"{seed} {n}")
        counter, by = str(n % 4 + 1), decide.By(f"clerk{n % 4 + 1}")
        for i in range(20):
            who = f"hand{n}-{i}"
            key = mine.choice([None, f"k{mine.randrange(30)}"])
            command: Any = mine.choice(
                [
                    issuing(who),
                    issuing(who),
                    opening(counter, by),
                    partial(decide.call_next, counter=counter, by=by, finish=True),
                    partial(decide.cancel, ticket=f"hand{mine.randrange(16)}-{mine.randrange(20)}", by=by),
                ]
            )
            once = Idempotency("device:k1", key, "r") if key else None
            also = partial(lambda who, tx, entries: wrote.update({who: list(entries)}), who)
            try:
                answer: Any = door.ledger.do(
                    door.site, command, actor=who, render=lambda day, now, who=who: (200, [who, day.seq]), once=once, also=also
                )
            except (Refused, Unavailable, KeyError) as error:
                answer = error
            answers.append((who, key, answer))

    for future in [door.spawn(hand, n) for n in range(16)]:
        future.result(timeout=WAIT_S)
    door.store.before.clear()
    door.store.after.clear()
    door.look_around()

    story = door.ledger.story(door.site, TODAY)
    assert [entry.seq for entry in story] == list(range(1, len(story) + 1))
    assert [entry for _, entry in door.heard] == story[2:]
    with Door(door.url) as afterwards:
        assert snapshot(afterwards.day()) == snapshot(door.day())
    by_who: dict[str, list[ev.Entry]] = {}
    for entry in story:
        by_who.setdefault(entry.actor, []).append(entry)
    done = {who: answer for who, _, answer in answers if isinstance(answer, Answer) and not answer.replayed}
    for who, key, answer in answers:
        if who in done:
            assert by_who.get(who, []) == wrote[who] and json.loads(answer.body)[0] == who
        else:
            assert who not in by_who, f"{who} was answered {answer!r}"
        if isinstance(answer, Answer) and answer.replayed:
            assert done[json.loads(answer.body)[0]].body == answer.body and key is not None
    keys = [key for who, key, _ in answers if who in done and key]
    assert len(keys) == len(set(keys)), "a key was one intent"
    assert len(done) > 50 and any(isinstance(answer, Unavailable) for _, _, answer in answers)


# -- when somebody else writes ---------------------------------------------------------------------------------------------------


def test_what_another_process_wrote_is_read_before_deciding_again(door: Door) -> None:
    door.issue()
    by_other(door, ev.TicketIssued("cli", "A", 2, NOON, NOON, decide.queue_time(door.day().site.rules, NOON).term))
    assert json.loads(door.issue().body) == "A003"
    assert door.codes() == ["A001", "A002", "A003"]
    assert [seq for seq, _ in door.heard] == [1, 2, 3, 4]


def test_a_whole_batch_is_decided_again_when_another_process_was_first(door: Door) -> None:
    held = door.hold()
    futures = door.queue(*[door.issue] * 5, partial(door.issue, once="k"), partial(door.issue, once="k"))
    by_other(door, ev.DayOpened(1), ev.NoticeSet("main", "Máy 2 đang sửa"))
    held.go.set()
    assert [outcome(f) for f in futures] == ["A001", "A002", "A003", "A004", "A005", "A006", "A006"]
    assert [seq for seq, _ in door.rows()] == list(range(1, 9))
    assert door.day().notices["main"].text == "Máy 2 đang sửa"


def test_somebody_who_is_always_first_does_not_keep_anybody_waiting_for_ever(door: Door) -> None:
    door.issue()
    door.store.before += [partial(by_other, door, ev.NoticeSet("main", str(n))) for n in range(20)]
    with pytest.raises(Unavailable):
        door.issue()
    assert 0 < len(door.store.before) < 20
    door.store.before.clear()
    assert json.loads(door.issue().body) == "A002"


def test_a_document_that_somebody_else_has_numbered_first_is_its_authors_business(door: Door) -> None:
    """Whoever writes it has to look at the other one; to try the same again would never succeed. A number in the same batch is given."""
    door.import_site(TWO)
    taken = door.store.site(door.site, 2)
    issued, written = door.together(door.issue, partial(door.ledger.write, lambda tx: tx.put_site(taken)))
    assert outcome(issued) == "A001" and isinstance(written.exception(timeout=WAIT_S), Conflict)
    assert len(door.store.batches) == 3, "once for both, and once for the number"


def test_news_of_another_process_is_told_once_a_second(door: Door) -> None:
    door.issue()
    by_other(door, ev.NoticeSet("main", "Xin chào"))
    door.look_around()
    assert door.day().notices["main"].text == "Xin chào"
    assert [seq for seq, _ in door.heard] == [1, 2, 3]


def test_two_ledgers_on_one_database_lose_nothing(url: str) -> None:
    """As on a database server: any process may serve any day, the primary key guards."""
    with Door(url) as one, Door(url) as two:
        futures = [door.spawn(door.do, issuing(f"{n}-{i}"), once=f"{n}-{i}") for i in range(40) for n, door in enumerate((one, two))]
        given = [f for f in futures if f.exception(timeout=WAIT_S) is None]
        assert all(isinstance(f.exception(), Unavailable) for f in futures if f not in given)
        one.look_around()
        two.look_around()
        assert one.codes() == two.codes() == [f"A{n:03d}" for n in range(1, len(given) + 1)]
        assert [seq for seq, _ in one.rows()] == list(range(1, len(given) + 2))


# -- the end ---------------------------------------------------------------------------------------------------------------------


def test_stopping_answers_what_was_accepted_and_refuses_the_rest(url: str) -> None:
    with Door(url) as door:
        held = door.hold()
        accepted = door.queue(*[door.issue] * 20)
        door.ledger.stop()
        with pytest.raises(Unavailable, match="stopping"):
            door.issue()
        held.go.set()
        assert sorted(outcome(f) for f in accepted) == [f"A{n:03d}" for n in range(1, 21)]


def test_nobody_waits_for_ever_who_comes_while_the_door_closes(tmp_path: Path) -> None:
    for round in range(20):
        folder = tmp_path / str(round)
        with Door(folder) as door:
            start = threading.Barrier(9)

            def take(door: Door = door, start: threading.Barrier = start) -> str:
                start.wait()
                try:
                    return str(json.loads(door.issue().body))
                except Unavailable:
                    return "stopping"

            futures = [door.spawn(take) for _ in range(8)]
            start.wait()
            door.ledger.stop()
            answers = [f.result(timeout=WAIT_S) for f in futures]
            given = [a for a in answers if a != "stopping"]
            assert sorted(given) == [f"A{n:03d}" for n in range(1, len(given) + 1)]
            assert len(door.rows()) == (len(given) + 1 if given else 0)


# -- days and times --------------------------------------------------------------------------------------------------------------


def test_times_in_the_story_never_decrease_when_the_clock_does(door: Door) -> None:
    door.issue()
    door.pass_time(minutes=10)
    door.issue()
    door.pass_time(minutes=-30)
    door.issue()
    door.pass_time(minutes=25)
    door.issue()
    times = [e.at for e in door.ledger.story(door.site, TODAY)]
    assert times == sorted(times)
    assert [t.queue_time for t in door.day().tickets.values()] == sorted(t.queue_time for t in door.day().tickets.values())


def test_the_date_turns_with_the_offices_midnight_and_turns_back_with_a_clock_that_was_corrected(tmp_path: Path) -> None:
    with Door(tmp_path, start=datetime.fromisoformat("2026-11-20T23:59:59+07:00")) as door:
        assert door.ledger.today("open") == TODAY
        door.pass_time(seconds=1)
        assert door.ledger.today("open") == TODAY + timedelta(days=1)
        door.pass_time(seconds=-1)
        assert door.ledger.today("open") == TODAY
        door.pass_time(days=3)
        assert door.ledger.today("open") == TODAY + timedelta(days=3)


def test_nobody_is_decided_on_before_the_date_that_he_is_decided_on(tmp_path: Path) -> None:
    """All of a batch are decided on at one moment, also when midnight falls into it: a day does not begin in the evening before."""
    with Door(tmp_path, start=datetime.fromisoformat("2026-11-20T23:59:59+07:00")) as door:

        def slowly(day: Day, now: datetime) -> list[ev.Event]:
            door.pass_time(seconds=2)
            return issuing("slow")(day, now)

        for each in door.at_once(issuing("first"), partial(door.do, slowly), door.issue):
            outcome(each)
        door.issue()
        for when in (TODAY, TOMORROW):
            assert {entry.at.date() for entry in door.ledger.story("open", when)} == {when}


LOST = """
import sys
from pathlib import Path
from door import Door

with Door(Path(sys.argv[1])) as door:
    door.issue()

    def full(item):
        raise MemoryError

    door.ledger.committer._written.put = full
    door.issue()
"""


def test_a_program_that_could_not_answer_anybody_any_more_ends_and_what_it_had_given_stands(tmp_path: Path) -> None:
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    ended = subprocess.run(
        [sys.executable, "-c", LOST, str(tmp_path)], env={**os.environ, "PYTHONPATH": path}, timeout=120, check=False, capture_output=True
    )
    assert ended.returncode == WRITER_LOST, ended.stderr
    with Door(tmp_path) as door:
        assert door.codes() == ["A001", "A002"], "it was stored, and nobody was told"


def test_a_day_that_runs_past_midnight_keeps_its_counters(url: str) -> None:
    with Door(url, start=NOON + timedelta(hours=11, minutes=50)) as door:
        door.issue()
        door.do(opening())
        assert door.ledger.day_of_counter(door.site, "1") == TODAY
        door.pass_time(minutes=20)
        assert json.loads(door.issue().body) == "A001"
        assert door.ledger.day_of_counter(door.site, "1") == TODAY
        assert door.ledger.day_of_counter(door.site, "2") == TOMORROW
        assert door.ledger.day_of_hall(door.site) == TODAY
        door.do(calling(), day=TODAY)
        assert door.ledger.day_of_counter(door.site, "1") == TODAY, "somebody sits there"
        door.do(lambda day, now: decide.finish(day, now, ticket=day.by_code["A001"].id, by=LAN), day=TODAY)
        assert door.ledger.day_of_counter(door.site, "1") == TOMORROW


def test_an_old_day_is_closed_when_nobody_is_served_in_it_any_more(door: Door) -> None:
    door.issue()
    door.issue()
    door.do(opening())
    door.do(calling())
    door.pass_time(hours=14)
    door.do(lambda day, now: decide.start(day, now, ticket=day.by_code["A001"].id, by=LAN), day=TODAY)
    door.pass_time(hours=2)
    door.ledger.close_old_days()
    assert not door.day(TODAY).closed, "somebody is being served"
    door.do(lambda day, now: decide.finish(day, now, ticket=day.by_code["A001"].id, by=LAN), day=TODAY)
    door.ledger.close_old_days()
    closed = door.day(TODAY)
    assert closed.closed and [t.state for t in closed.tickets.values()] == [State.DONE, State.LAPSED]
    door.ledger.close_old_days()
    assert [kind for _, kind in door.rows()].count("DayClosed") == 1


def test_a_ticket_forgotten_at_a_counter_does_not_keep_yesterday_open(door: Door) -> None:
    door.issue()
    door.issue()
    door.do(opening())
    door.do(calling())
    door.pass_time(hours=20)
    assert door.ledger.day_of_counter(door.site, "1") == TODAY, "the first press of the morning would still be yesterday's"
    door.ledger.close_old_days()
    assert door.ledger.day_of_counter(door.site, "1") == TODAY + timedelta(days=1)
    assert [t.state for t in door.day(TODAY).tickets.values()] == [State.DONE, State.LAPSED]


def test_days_left_open_by_a_computer_that_was_switched_off_are_closed_in_the_morning(url: str) -> None:
    with Door(url) as friday:
        friday.issue()
        friday.pass_time(days=1)
        friday.issue()
    with Door(url, start=NOON + timedelta(days=3)) as monday:
        monday.ledger.close_old_days()
        for when in (TODAY, TOMORROW):
            assert monday.rows(when)[-1][1] == "DayClosed"
            assert monday.ledger.history(monday.site, when).closed
        assert monday.rows(TODAY + timedelta(days=3)) == []


def test_a_day_is_not_closed_under_a_clerk_who_is_faster(door: Door) -> None:
    door.issue()
    door.do(opening())
    door.pass_time(hours=16)
    held = door.hold()
    call, closing = door.queue(partial(door.do, calling(), day=TODAY), door.ledger.close_old_days)
    held.go.set()
    outcome(call)
    closing.result(timeout=WAIT_S)
    assert not door.day(TODAY).closed


def test_a_day_of_the_past_is_folded_once_and_again_when_something_was_added(door: Door) -> None:
    past = [TODAY - timedelta(days=n) for n in range(2, 9)]
    for when in past:
        by_other(door, ev.DayOpened(1), when=when)
    first = door.ledger.history(door.site, past[0])
    assert door.ledger.history(door.site, past[0]) is first and first.opened and not first.closed
    by_other(door, ev.DayClosed(), when=past[0])
    second = door.ledger.history(door.site, past[0])
    assert second.closed and not first.closed and door.ledger.history(door.site, past[0]) is second
    for when in past[1:]:
        assert door.ledger.history(door.site, when).date == when
    assert len(door.ledger.books.past) == PAST_KEPT and door.ledger.history(door.site, past[0]) is not second


def test_places_of_a_day_that_was_read_are_in_the_offices_own_zone(door: Door) -> None:
    """Else each comparison after a power cut would ask both instants for their offsets."""
    first = door.issue()
    door.do(opening())
    door.do(calling())
    read = door.ledger.books.fold(door.site, TODAY)[0]
    assert json.loads(first.body) in read.by_code
    assert all(ticket.place.queue_time.tzinfo is read.site.tz for ticket in read.tickets.values())


def test_thirty_idle_days_leave_nothing_in_memory(door: Door) -> None:
    for _ in range(30):
        door.day()
        door.issue()
        door.pass_time(days=1)
        door.ledger.close_old_days()
        door.look_around()
    for _ in range(30):
        door.day()
        door.pass_time(days=1)
        door.look_around()
    assert len(door.ledger.books.all()) <= 3


def test_people_sent_to_one_counter_are_waiting_people(door: Door) -> None:
    door.issue()
    assert door.ledger.anybody_waits()
    door.do(lambda day, now: decide.transfer(day, now, ticket=day.by_code["A001"].id, by=LAN, counter="2"))
    assert door.ledger.anybody_waits()
    door.do(opening("2"))
    door.do(calling("2"))
    assert not door.ledger.anybody_waits()


def test_who_was_never_called_has_gone_home_two_hours_after_the_office_has_closed(tmp_path: Path) -> None:
    until_four = OPEN.read_text(encoding="utf-8").replace("00:00-24:00", "00:00-16:00")
    with Door(tmp_path, until_four) as door:
        door.issue()
        now = door.ledger.now(door.site)
        door.pass_time(hours=18 - now.hour, minutes=-now.minute - 1)
        assert door.ledger.anybody_waits()
        door.pass_time(minutes=2)
        assert not door.ledger.anybody_waits()


# -- the office's document -------------------------------------------------------------------------------------------------------

TWO = OPEN.read_text(encoding="utf-8").replace('name = "Chứng thực"', 'name = "Chứng thực và sao y"')
ONE_SERVICE = OPEN.read_text(encoding="utf-8").replace('services = ["A", "B"]', 'services = ["A"]')
ONE_SERVICE = ONE_SERVICE[: ONE_SERVICE.index('[[services]]\nid = "B"')] + ONE_SERVICE[ONE_SERVICE.index("[[counters]]") :]
FIFTH = OPEN.read_text(encoding="utf-8") + '\n[[counters]]\nid = "5"\nservices = ["A", "B"]\n'


def test_a_day_that_runs_adopts_a_new_document(door: Door) -> None:
    door.issue("B")
    door.import_site(TWO)
    door.look_around()
    assert door.rows()[-1] == (3, "SiteRevised")
    assert door.day().site.service["B"].name == "Chứng thực và sao y"
    assert door.codes() == ["B001"] and json.loads(door.issue("B").body) == "B002"
    door.look_around()
    assert len(door.rows()) == 4


def test_a_service_that_was_dropped_stops_giving_numbers_and_nothing_else(door: Door) -> None:
    door.issue("B")
    door.import_site(ONE_SERVICE)
    door.look_around()
    with pytest.raises(Refused) as refusal:
        door.issue("B")
    assert refusal.value.code == "service_stopped"
    door.do(opening())
    door.do(calling())
    assert door.day().by_code["B001"].state is State.CALLED
    assert [s.id for s in door.day(TOMORROW).site.services] == ["A"]


def test_a_revision_that_could_not_be_stored_is_tried_again(door: Door) -> None:
    door.issue()
    door.import_site(TWO)
    door.store.before.append(failing(Unavailable("busy")))
    door.look_around()
    assert door.rows()[-1][1] == "TicketIssued"
    door.look_around()
    assert door.rows()[-1][1] == "SiteRevised"


def test_a_revision_of_which_nobody_knows_whether_it_was_stored_leaves_no_gap(door: Door) -> None:
    door.issue()
    door.import_site(TWO)
    door.store.before.append(failing(Unavailable("busy")))
    story, door.store.story = door.store.story, failing_read  # type: ignore[method-assign]
    try:
        door.look_around()
    finally:
        door.store.story = story  # type: ignore[method-assign]
    assert json.loads(door.issue().body) == "A002"
    assert [seq for seq, _ in door.rows()] == [1, 2, 3]


def test_a_document_imported_while_nobody_served_is_adopted_at_the_next_start(url: str) -> None:
    with Door(url) as before:
        before.issue()
    with Door(url, TWO) as after:
        after.day()
        after.look_around()
        assert after.rows()[-1][1] == "SiteRevised"
        assert after.day().site.version == 2


def test_a_day_that_has_not_begun_begins_under_the_newest_document(door: Door) -> None:
    assert door.day().site.version == 1
    door.import_site(TWO)
    door.look_around()
    assert door.day().site.version == 2 and door.rows() == []
    door.issue()
    assert [kind for _, kind in door.rows()] == ["DayOpened", "TicketIssued"]
    assert door.ledger.story(door.site, TODAY)[0].event == ev.DayOpened(2)


def test_a_day_is_read_again_under_the_document_it_was_bound_to(url: str) -> None:
    """What a later version added is not there until the day adopts it: a replay of its story must find the same counters."""
    with Door(url) as before:
        before.issue()
    with Door(url, FIFTH) as after:
        assert "5" not in after.day().counters
        with pytest.raises(KeyError):
            after.do(opening("5"))
        after.look_around()
        after.do(opening("5"))
        assert after.ledger.history(after.site, TODAY).counters["5"].state is CounterState.OPEN
    with Door(url, FIFTH) as again:
        assert again.day().counters["5"].state is CounterState.OPEN


def test_the_same_text_imported_again_stores_nothing(door: Door) -> None:
    door.issue()
    door.import_site(OPEN.read_text(encoding="utf-8"))
    door.look_around()
    assert len(door.store.site_versions(door.site)) == 1 and len(door.rows()) == 2


def test_only_the_last_import_counts_as_the_same_text(door: Door) -> None:
    for text, version in ((TWO, 2), (TWO, 2), (OPEN.read_text(encoding="utf-8"), 3), (TWO, 4)):
        door.import_site(text)
        assert len(door.store.site_versions(door.site)) == version
    door.look_around()
    assert door.sites.current(door.site).version == 4 and door.sites.ids() == [door.site]
    assert (
        "sao y" in door.sites.version(door.site, 2).service["B"].name and "sao y" not in door.sites.version(door.site, 3).service["B"].name
    )
    with pytest.raises(UnknownSite):
        door.sites.version(door.site, 5)
    with pytest.raises(UnknownSite):
        door.sites.current("elsewhere")
