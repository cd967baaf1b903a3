"""The day turn by turn: who was at which counter from when to when. The report counts these; a forecast can learn from them.

A *turn* is one time at a counter: from a call that was not taken back to the finish, the absence, the hold, the transfer or the
cancelling that ended it. A *wait* is the citizen's own, of those who were served: from taking the number to the call at which they first
stood before a clerk; a call they missed does not end it. A *service time* is the length of one turn with a known beginning that was not
a missed call.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from server.core import events as ev
from server.core.day import CounterState
from server.core.ticket import Verb


@dataclass(slots=True)
class Turn:
    """One time at a counter, from a call that was not taken back to what ended it; None while it lasts."""

    ticket: str
    counter: str
    service: str
    called_at: datetime
    call: ev.TicketCalled
    recalls: int = 0
    started_at: datetime | None = None
    assumed: bool = False
    ended_at: datetime | None = None
    ended_by: Verb | None = None
    early: bool = False

    def end(self, verb: Verb, at: datetime) -> None:
        self.ended_by, self.ended_at = verb, at

    @property
    def length(self) -> timedelta | None:
        """The service time; None without a known beginning, and of a missed call."""
        if self.started_at is None or self.ended_at is None or self.ended_by is Verb.NO_SHOW:
            return None
        return self.ended_at - self.started_at


@dataclass(slots=True)
class Visit:
    """One ticket with its turns. `service` is where it waits or was called last."""

    issued: ev.TicketIssued
    service: str
    turns: list[Turn] = field(default_factory=list)

    @property
    def class_name(self) -> str:
        """`walk_in`, `priority` or `booked`: whoever came with a booking is booked, also in a priority group."""
        if self.issued.slot is not None or self.issued.registered is not None:
            return "booked"
        return "priority" if self.issued.priority else "walk_in"

    @property
    def present(self) -> Turn | None:
        """The turn that has not ended."""
        return self.turns[-1] if self.turns and self.turns[-1].ended_by is None else None

    @property
    def wait(self) -> timedelta | None:
        """The citizen's own wait; None of those who were not served."""
        if not any(t.ended_by is Verb.FINISH for t in self.turns):
            return None
        return next(t.called_at for t in self.turns if t.ended_by is not Verb.NO_SHOW) - self.issued.issued_at


@dataclass(slots=True)
class Shift:
    """One counter's time in each state."""

    state: CounterState = CounterState.CLOSED
    since: datetime | None = None
    spent: dict[CounterState, timedelta] = field(default_factory=dict)

    def turn_to(self, state: CounterState, at: datetime) -> None:
        if self.since is not None:
            self.spent[self.state] = self.spent.get(self.state, timedelta()) + (at - self.since)
        self.state, self.since = state, at


@dataclass(slots=True)
class Turns:
    """The day turn by turn."""

    visits: dict[str, Visit] = field(default_factory=dict)
    shifts: dict[str, Shift] = field(default_factory=dict)
    undone: Tally[Verb] = field(default_factory=Tally)
    moves: list[tuple[str, str]] = field(default_factory=list)
    """Transfers: from which service to which."""
    rejoins: int = 0
    holds: int = 0
    cancelled: int = 0
    until: datetime | None = None

    def add(self, entry: ev.Entry) -> None:
        self.until = entry.at
        at, event = entry.at, entry.event
        match event:
            case ev.TicketIssued():
                self.visits[event.ticket] = Visit(event, event.service)
            case ev.TicketCalled():
                visit = self.visits[event.ticket]
                visit.turns.append(Turn(event.ticket, event.counter, visit.service, at, event))
            case ev.TicketRecalled():
                self._turn(event.ticket).recalls += 1
            case ev.TicketStarted():
                self._turn(event.ticket).started_at = at
            case ev.TicketFinished():
                turn = self._turn(event.ticket)
                if event.assumed_start is not None:
                    turn.started_at, turn.assumed = event.assumed_start, True
                turn.end(Verb.FINISH, at)
            case ev.TicketMissed():
                turn = self._turn(event.ticket)
                turn.end(Verb.NO_SHOW, at)
                turn.early = event.early
            case ev.TicketRejoined():
                self.rejoins += 1
            case ev.TicketHeld():
                self.holds += 1
                self._turn(event.ticket).end(Verb.HOLD, at)
            case ev.TicketTransferred():
                visit = self.visits[event.ticket]
                self.moves.append((visit.service, event.service))
                visit.service = event.service
                self._leave(visit, Verb.TRANSFER, at)
            case ev.TicketCancelled():
                self.cancelled += 1
                self._leave(self.visits[event.ticket], Verb.CANCEL, at)
            case ev.StepUndone():
                self._undo(self.visits[event.ticket])
            case ev.CounterOpened() | ev.CounterResumed():
                self._shift(event.counter).turn_to(CounterState.OPEN, at)
            case ev.CounterPaused():
                self._shift(event.counter).turn_to(CounterState.PAUSED, at)
            case ev.CounterClosed():
                self._shift(event.counter).turn_to(CounterState.CLOSED, at)
            case ev.DayClosed():
                for shift in self.shifts.values():
                    shift.turn_to(CounterState.CLOSED, at)
            case _:
                pass

    def _turn(self, ticket: str) -> Turn:
        return self.visits[ticket].turns[-1]

    def _shift(self, counter: str) -> Shift:
        return self.shifts.setdefault(counter, Shift())

    def _leave(self, visit: Visit, verb: Verb, at: datetime) -> None:
        if visit.present is not None:
            visit.present.end(verb, at)

    def _undo(self, visit: Visit) -> None:
        turn = visit.turns[-1]
        if turn.ended_by is None:
            visit.turns.pop()
            self.undone[Verb.CALL] += 1
            return
        self.undone[turn.ended_by] += 1
        turn.ended_by = turn.ended_at = None
        if turn.assumed:
            turn.started_at, turn.assumed = None, False

    def spent(self, counter: str, state: CounterState) -> timedelta:
        """How long a counter has been in a state, to the last event."""
        shift = self.shifts.get(counter, Shift())
        spent = shift.spent.get(state, timedelta())
        if shift.state is state and shift.since is not None and self.until is not None:
            spent += self.until - shift.since
        return spent


def told(story: Iterable[ev.Entry]) -> Turns:
    """The turns of a story, whole or so far."""
    turns = Turns()
    for entry in story:
        turns.add(entry)
    return turns
