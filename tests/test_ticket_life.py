"""The life of a ticket: what may happen in each state, and that nothing else may."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from office import CLERKS, KIOSK, Office, refused, snapshot

from server.core import decide
from server.core.day import Ticket
from server.core.ticket import AT_COUNTER, ENDED, LIFE, State, Verb, diagram

W, C, S, H = State.WAITING, State.CALLED, State.SERVING, State.HELD
DONE, NO_SHOW, CANCELLED, LAPSED = State.DONE, State.NO_SHOW, State.CANCELLED, State.LAPSED


def in_state(state: State) -> tuple[Office, Ticket]:
    """An office with one ticket in this state, and a free counter 2 that serves it too."""
    office = Office(staffed="12")
    ticket = office.take()
    ways: dict[State, Callable[[], object]] = {
        W: lambda: None,
        C: lambda: office.next(),
        S: lambda: (office.next(), office.start(ticket)),
        H: lambda: (office.next(), office.hold(ticket)),
        DONE: lambda: (office.next(), office.finish(ticket)),
        NO_SHOW: lambda: (office.next(), office.no_show(ticket)),
        CANCELLED: lambda: office.cancel(ticket),
        LAPSED: lambda: (office.close("1"), office.close("2"), office.do(decide.close_day), office.day.counters),
    }
    ways[state]()
    assert ticket.state is state
    return office, ticket


def attempt(office: Office, ticket: Ticket, verb: Verb) -> None:
    clerk = CLERKS["1"]
    match verb:
        case Verb.CALL:
            office.call(ticket, "2", by=CLERKS["2"])
        case Verb.TRANSFER:
            office.transfer(ticket, by=clerk, service="copies")
        case Verb.REJOIN:
            office.rejoin(ticket, by=KIOSK)
        case _:
            office.press(getattr(decide, verb.value.replace("-", "_")), ticket, by=clerk)


PAIRS = [(state, verb) for state in State for verb in Verb if verb is not Verb.LAPSE]


@pytest.mark.parametrize(("state", "verb"), [pair for pair in PAIRS if pair in LIFE])
def test_what_the_table_holds_is_done_and_leads_where_the_table_says(state: State, verb: Verb) -> None:
    office, ticket = in_state(state)
    attempt(office, ticket, verb)
    assert ticket.state in LIFE[state, verb]


@pytest.mark.parametrize(("state", "verb"), [pair for pair in PAIRS if pair not in LIFE])
def test_what_the_table_does_not_hold_is_refused_naming_state_and_verb_and_changes_nothing(state: State, verb: Verb) -> None:
    office, ticket = in_state(state)
    before, written = snapshot(office.day), len(office.story)
    with refused("not_allowed_now", ticket="A001", state=state.value, verb=verb.value):
        attempt(office, ticket, verb)
    assert (snapshot(office.day), len(office.story)) == (before, written)


@pytest.mark.parametrize("state", list(State))
def test_the_end_of_the_day_takes_those_who_wait_and_those_set_aside(state: State) -> None:
    office, ticket = in_state(state)
    if state in AT_COUNTER:
        with refused("day_in_use", counters=["1"]):
            office.do(decide.close_day)
        assert ticket.state is state
        return
    office.do(decide.close_day)
    assert ticket.state is (LAPSED if (state, Verb.LAPSE) in LIFE else state)


@pytest.mark.parametrize(
    ("before", "step", "back"),
    [
        (W, "next", W),
        (H, "call", H),
        (C, "finish", C),
        (S, "finish", S),
        (C, "no_show", C),
        (S, "no_show", S),
    ],
)
def test_an_undo_leads_back_to_the_state_before_the_step(before: State, step: str, back: State) -> None:
    office, ticket = in_state(before)
    if step == "next":
        office.next("1")
    else:
        getattr(office, step)(ticket)
    assert ticket.state is not before
    office.undo(ticket)
    assert ticket.state is back
    assert ticket.state in LIFE[{"next": C, "call": C, "finish": DONE, "no_show": NO_SHOW}[step], Verb.UNDO]


def test_every_state_can_be_reached_and_every_end_is_an_end_but_for_coming_back() -> None:
    reached = {end for ends in LIFE.values() for end in ends} | {W}
    assert reached == set(State)
    assert {(state, verb) for state, verb in LIFE if state in ENDED} == {
        (NO_SHOW, Verb.REJOIN),
        (NO_SHOW, Verb.UNDO),
        (DONE, Verb.UNDO),
    }


def test_only_undo_has_two_ends() -> None:
    assert {verb for (_, verb), ends in LIFE.items() if len(ends) > 1} == {Verb.UNDO}


def test_the_diagram_draws_every_arrow_of_the_table_and_no_other() -> None:
    lines = [line.strip() for line in diagram().splitlines()]
    assert lines[:2] == ["stateDiagram-v2", "[*] --> waiting: issue"]
    drawn = set()
    for line in lines[2:]:
        if line.endswith("[*]"):
            continue
        pair, verbs = line.split(": ")
        start, end = pair.split(" --> ")
        drawn |= {(State(start), Verb(verb), State(end)) for verb in verbs.split(", ")}
    assert drawn == {(state, verb, end) for (state, verb), ends in LIFE.items() for end in ends}
    assert {line.split(" --> ")[0] for line in lines if line.endswith("[*]")} == {state.value for state in ENDED}
