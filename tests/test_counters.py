"""Counters, sentence by sentence: whose they are, and how they send people on."""

from __future__ import annotations

import pytest
from office import CLERKS, SUPERVISOR, Office, at, refused

from server.core.day import CounterState
from server.core.ticket import State

# -- sending on ----------------------------------------------------------------------------------------------------------------------


def test_sent_to_another_service_a_ticket_keeps_its_queue_time_and_its_code() -> None:
    office = Office(staffed="13")
    ticket = office.take()
    office.wait(minutes=10).take("land")
    office.next("1")
    office.transfer(ticket, service="land")
    assert (ticket.state, ticket.service, ticket.code, ticket.queue_time) == (State.WAITING, "land", "A001", at("07:30"))
    assert (ticket.transferred_from, office.day.at_counter("1"), office.order("3")) == ("1", None, ["A001", "C001"])
    assert office.day.counters_for(ticket) == ["3", "4"]


def test_sent_to_one_counter_a_ticket_waits_for_that_one_alone_in_its_old_place() -> None:
    office = Office(staffed="124")
    ticket = office.take()
    office.wait(minutes=1).take("health")
    office.next("1")
    office.transfer(ticket, counter="4")
    assert (office.order("4"), office.order("1"), office.day.counters_for(ticket)) == (["A001", "D001"], [], ["4"])
    assert ticket.service == "household"
    assert office.next("4") is ticket
    assert office.last().in_order


def test_a_ticket_sent_to_one_counter_and_back_to_a_service_waits_for_the_service() -> None:
    office = Office()
    ticket = office.take()
    office.transfer(ticket, counter="4")
    office.transfer(ticket, service="household")
    assert (ticket.directed, office.order("2"), office.order("4")) == (None, ["A001"], [])
    assert ticket.transferred_from is None, "nobody had called it"


def test_after_a_missed_call_it_is_not_the_counter_of_that_call_that_sent_a_ticket_on() -> None:
    office = Office(staffed="12")
    ticket = office.take()
    office.next("2")
    office.no_show(ticket)
    office.rejoin(ticket)
    office.transfer(ticket, by=CLERKS["1"], service="copies")
    assert ticket.transferred_from is None


def test_a_ticket_set_aside_after_being_sent_to_one_counter_returns_to_that_counters_line() -> None:
    office = Office(staffed="4")
    ticket = office.take()
    office.transfer(ticket, by=CLERKS["4"], counter="4")
    office.next("4")
    office.hold(ticket)
    office.release(ticket)
    assert office.order("4") == ["A001"]


@pytest.mark.parametrize(
    ("target", "code", "details"),
    [
        ({"service": "weddings"}, "unknown_service", {"service": "weddings", "known": ["household", "copies", "land", "health"]}),
        ({"counter": "9"}, "unknown_counter", {"counter": "9", "known": ["1", "2", "3", "4"]}),
        ({}, "unknown_service", {"service": None}),
    ],
)
def test_a_ticket_is_not_sent_where_nobody_is(target: dict[str, str], code: str, details: dict[str, object]) -> None:
    office = Office()
    ticket = office.take()
    with refused(code, **details):
        office.transfer(ticket, **target)


# -- counters ------------------------------------------------------------------------------------------------------------------------


def counter(office: Office, id: str = "1") -> tuple[CounterState, str | None, str | None]:
    now = office.day.counters[id]
    return now.state, now.clerk, now.reason


def test_a_counter_is_opened_paused_resumed_and_closed_by_its_clerk() -> None:
    office = Office()
    assert counter(office) == (CounterState.CLOSED, None, None)
    office.open("1")
    assert counter(office) == (CounterState.OPEN, "lan", None)
    office.wait(60).pause("1", "Nghỉ ngắn")
    assert counter(office) == (CounterState.PAUSED, "lan", "Nghỉ ngắn")
    assert office.day.counters["1"].since == at("07:31")
    office.resume("1")
    assert counter(office) == (CounterState.OPEN, "lan", None)
    office.close("1")
    assert counter(office) == (CounterState.CLOSED, None, None)


def test_pressing_the_same_key_twice_changes_nothing() -> None:
    office = Office(staffed="1")
    assert office.open("1") == office.resume("1") == []
    office.pause("1")
    assert office.pause("1") == office.open("1") == []
    assert counter(office)[0] is CounterState.PAUSED
    office.close("1")
    assert office.close("1") == []


@pytest.mark.parametrize("press", ["pause", "resume"])
def test_a_closed_counter_cannot_pause_or_resume(press: str) -> None:
    with refused("counter_closed", counter="1", state="closed"):
        getattr(Office(), press)("1")


def test_a_paused_counter_calls_nobody() -> None:
    office = Office(staffed="1")
    office.take()
    office.pause("1")
    with refused("counter_closed", counter="1", state="paused"):
        office.next()


@pytest.mark.parametrize("press", ["pause", "close"])
def test_a_counter_with_somebody_neither_pauses_nor_closes(press: str) -> None:
    office = Office(staffed="1")
    office.take()
    office.next()
    with refused("counter_busy", counter="1", ticket="A001"):
        getattr(office, press)("1")


def test_a_leased_counter_is_its_clerks_alone() -> None:
    office = Office(staffed="1")
    office.take()
    for press in (office.open, office.close, office.pause, office.resume):
        with refused("counter_taken", counter="1", clerk="lan"):
            press("1", by=CLERKS["2"])
    with refused("counter_taken", counter="1", clerk="lan"):
        office.next("1", by=CLERKS["2"])


def test_a_supervisor_takes_a_counter_over_with_whoever_is_being_served_there() -> None:
    office = Office(staffed="1")
    ticket = office.take()
    office.next()
    office.start(ticket)
    office.open("1", by=SUPERVISOR)
    assert (counter(office), office.day.at_counter("1")) == ((CounterState.OPEN, "chief", None), ticket)
    with refused("counter_taken", counter="1", clerk="chief"):
        office.finish(ticket, by=CLERKS["1"])
    office.finish(ticket, by=SUPERVISOR)
    assert ticket.state is State.DONE


def test_a_supervisor_closes_the_counter_of_a_clerk_who_has_gone() -> None:
    office = Office(staffed="1")
    office.pause("1")
    office.close("1", by=SUPERVISOR)
    assert counter(office) == (CounterState.CLOSED, None, None)


def test_the_finish_at_a_paused_counter_can_be_taken_back_and_the_ticket_finished_there() -> None:
    office = Office(staffed="1")
    ticket = office.take()
    office.next()
    office.finish(ticket)
    office.pause("1")
    office.undo(ticket)
    office.finish(ticket)
    assert counter(office)[0] is CounterState.PAUSED


def test_when_a_closed_counter_has_been_leased_anew_only_the_new_clerk_may_take_a_step_back() -> None:
    office = Office(staffed="1")
    ticket = office.take()
    office.next()
    office.finish(ticket)
    office.close("1")
    office.open("1", by=CLERKS["2"])
    with refused("counter_taken", counter="1", clerk="minh"):
        office.undo(ticket, by=CLERKS["1"])
    office.undo(ticket, by=CLERKS["2"])
    assert ticket.state is State.CALLED
