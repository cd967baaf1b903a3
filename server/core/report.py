"""The day in numbers: a fold over the same events, so that any past day can be counted again.

Three words have one meaning each. A *turn* is one time at a counter: from a call that was not taken back to the finish, the absence,
the hold, the transfer or the cancelling that ended it. A *wait* is the citizen's own, of those who were served: from taking the number
to the call at which they first stood before a clerk; a call they missed does not end it. A *service time* is the length of one turn
with a known beginning that was not a missed call. Durations are whole seconds (`_s`) or minutes (`_min`).
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from math import ceil

from server.core import events as ev
from server.core.day import CounterState, Day
from server.core.ticket import State, Verb


@dataclass(frozen=True, slots=True)
class Spread:
    """Durations in short. Percentiles by nearest rank; None where there is nothing to measure."""

    n: int = 0
    mean_s: float | None = None
    p50_s: int | None = None
    p90_s: int | None = None
    max_s: int | None = None

    @classmethod
    def of(cls, durations: Iterable[timedelta]) -> Spread:
        seconds = sorted(round(d.total_seconds()) for d in durations)
        n = len(seconds)
        if not n:
            return cls()
        return cls(n, round(sum(seconds) / n, 1), seconds[ceil(0.5 * n) - 1], seconds[ceil(0.9 * n) - 1], seconds[-1])


@dataclass(frozen=True, slots=True)
class ClassNumbers:
    """`name` is `walk_in`, `priority` or `booked`: whoever came with a booking is booked, also in a priority group."""

    name: str
    issued: int
    waits: Spread


@dataclass(frozen=True, slots=True)
class ServiceNumbers:
    """Tickets and waits belong to the service for which the number was taken, turns to the one in which they were called."""

    service: str
    letter: str
    name: str
    issued: int
    states: Mapping[State, int]
    waits: Spread
    calls: int
    service_times: Spread
    missed: int
    transferred_in: int
    transferred_out: int


@dataclass(frozen=True, slots=True)
class CounterNumbers:
    """`open_min` is time at work, without the pauses."""

    counter: str
    name: str
    calls: int
    served: int
    missed: int
    service_times: Spread
    open_min: float
    paused_min: float


@dataclass(frozen=True, slots=True)
class HourNumbers:
    """`waits` are those of the numbers taken in this hour."""

    start: datetime
    issued: int
    calls: int
    waits: Spread


@dataclass(frozen=True, slots=True)
class OutOfOrder:
    code: str
    counter: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    """`issued` is the sum over `states` (law I10). `until` is the last event counted; of a day not yet closed it is a report so far."""

    site: str
    name: str
    date: date
    until: datetime | None
    closed: bool
    issued: int
    states: Mapping[State, int]
    waits: Spread
    service_times: Spread
    calls: int
    recalls: int
    served: int
    starts_assumed: int
    """Finished turns whose beginning is a guess, because nobody pressed start;"""
    starts_unknown: int
    """and those finished so soon after the call that not even a guess is made."""
    missed: int
    missed_early: int
    rejoins: int
    out_of_order: tuple[OutOfOrder, ...]
    undone: Mapping[Verb, int]
    transfers: int
    holds: int
    cancelled: int
    served_after_closing: int
    overtime_min: float
    """From the office's closing time to the end of the last turn; 0 when all was done before."""
    classes: tuple[ClassNumbers, ...]
    services: tuple[ServiceNumbers, ...]
    counters: tuple[CounterNumbers, ...]
    hours: tuple[HourNumbers, ...]

    @property
    def assumed_share(self) -> float | None:
        """Share of the finished turns whose beginning is a guess; None when nothing was finished."""
        return self.starts_assumed / self.served if self.served else None


# -- the fold --------------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Turn:
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
        if self.started_at is None or self.ended_at is None or self.ended_by is Verb.NO_SHOW:
            return None
        return self.ended_at - self.started_at


@dataclass(slots=True)
class _Visit:
    issued: ev.TicketIssued
    service: str
    turns: list[_Turn] = field(default_factory=list)

    @property
    def class_name(self) -> str:
        if self.issued.slot is not None or self.issued.registered is not None:
            return "booked"
        return "priority" if self.issued.priority else "walk_in"

    @property
    def present(self) -> _Turn | None:
        """The turn that has not ended."""
        return self.turns[-1] if self.turns and self.turns[-1].ended_by is None else None

    @property
    def wait(self) -> timedelta | None:
        if not any(t.ended_by is Verb.FINISH for t in self.turns):
            return None
        return next(t.called_at for t in self.turns if t.ended_by is not Verb.NO_SHOW) - self.issued.issued_at


@dataclass(slots=True)
class _Shift:
    """One counter's time in each state."""

    state: CounterState = CounterState.CLOSED
    since: datetime | None = None
    spent: dict[CounterState, timedelta] = field(default_factory=dict)

    def turn_to(self, state: CounterState, at: datetime) -> None:
        if self.since is not None:
            self.spent[self.state] = self.spent.get(self.state, timedelta()) + (at - self.since)
        self.state, self.since = state, at


_SHIFTS: dict[type, CounterState] = {
    ev.CounterOpened: CounterState.OPEN,
    ev.CounterResumed: CounterState.OPEN,
    ev.CounterPaused: CounterState.PAUSED,
    ev.CounterClosed: CounterState.CLOSED,
}


@dataclass(slots=True)
class _Count:
    visits: dict[str, _Visit] = field(default_factory=dict)
    shifts: dict[str, _Shift] = field(default_factory=dict)
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
                self.visits[event.ticket] = _Visit(event, event.service)
            case ev.TicketCalled():
                visit = self.visits[event.ticket]
                visit.turns.append(_Turn(event.ticket, event.counter, visit.service, at, event))
            case ev.TicketRecalled():
                self._turn(event.ticket).recalls += 1
            case ev.TicketStarted():
                self._turn(event.ticket).started_at = at
            case ev.TicketFinished():
                turn = self._turn(event.ticket)
                turn.end(Verb.FINISH, at)
                if event.assumed_start is not None:
                    turn.started_at, turn.assumed = event.assumed_start, True
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
            case ev.CounterOpened() | ev.CounterResumed() | ev.CounterPaused() | ev.CounterClosed():
                self.shifts.setdefault(event.counter, _Shift()).turn_to(_SHIFTS[type(event)], at)
            case ev.DayClosed():
                for shift in self.shifts.values():
                    shift.turn_to(CounterState.CLOSED, at)
            case _:
                pass

    def _turn(self, ticket: str) -> _Turn:
        return self.visits[ticket].turns[-1]

    def _leave(self, visit: _Visit, verb: Verb, at: datetime) -> None:
        if visit.present is not None:
            visit.present.end(verb, at)

    def _undo(self, visit: _Visit) -> None:
        turn = visit.turns[-1]
        if turn.ended_by is None:
            visit.turns.pop()
            self.undone[Verb.CALL] += 1
            return
        self.undone[turn.ended_by] += 1
        turn.ended_by = turn.ended_at = None
        turn.early = False
        if turn.assumed:
            turn.started_at, turn.assumed = None, False

    def spent_min(self, counter: str, state: CounterState) -> float:
        shift = self.shifts.get(counter, _Shift())
        spent = shift.spent.get(state, timedelta())
        if shift.state is state and shift.since is not None and self.until is not None:
            spent += self.until - shift.since
        return _minutes(spent)


def _minutes(duration: timedelta) -> float:
    return round(duration.total_seconds() / 60, 1)


def _spread(durations: Iterable[timedelta | None]) -> Spread:
    return Spread.of(d for d in durations if d is not None)


def report(day: Day, story: Iterable[ev.Entry]) -> Report:
    """The day in numbers. `day` is the day that `story` tells, whole or so far."""
    count = _Count()
    for entry in story:
        count.add(entry)
    visits = list(count.visits.values())
    turns = [t for v in visits for t in v.turns]
    finished = [t for t in turns if t.ended_by is Verb.FINISH]
    missed = [t for t in turns if t.ended_by is Verb.NO_SHOW]
    spans = day.site.hours.spans(day.date)
    closing = day.site.at(day.date, spans[-1].end) if spans else None
    late = [(t, t.ended_at - closing) for t in turns if closing and t.ended_at and t.ended_at > closing]
    return Report(
        site=day.site.id,
        name=day.site.name,
        date=day.date,
        until=count.until,
        closed=day.closed,
        issued=len(visits),
        states=_states(day, day.tickets),
        waits=_spread(v.wait for v in visits),
        service_times=_spread(t.length for t in turns),
        calls=len(turns),
        recalls=sum(t.recalls for t in turns),
        served=len(finished),
        starts_assumed=sum(t.assumed for t in finished),
        starts_unknown=sum(t.started_at is None for t in finished),
        missed=len(missed),
        missed_early=sum(t.early for t in missed),
        rejoins=count.rejoins,
        out_of_order=tuple(_out_of_order(day, turns)),
        undone={verb: count.undone[verb] for verb in (Verb.CALL, Verb.FINISH, Verb.NO_SHOW)},
        transfers=len(count.moves),
        holds=count.holds,
        cancelled=count.cancelled,
        served_after_closing=sum(t.ended_by is Verb.FINISH for t, _ in late),
        overtime_min=_minutes(max((after for _, after in late), default=timedelta())),
        classes=tuple(_class(name, visits) for name in ("walk_in", "priority", "booked")),
        services=tuple(_service(day, id, visits, turns, count.moves) for id in day.services),
        counters=tuple(_counter(day, id, turns, count) for id in day.desks),
        hours=tuple(_hours(day, visits, turns)),
    )


def _states(day: Day, tickets: Iterable[str]) -> dict[State, int]:
    tally = Tally(day.tickets[t].state for t in tickets)
    return {state: tally[state] for state in State}


def _out_of_order(day: Day, turns: list[_Turn]) -> Iterator[OutOfOrder]:
    for turn in sorted(turns, key=lambda t: t.called_at):
        if not turn.call.in_order:
            yield OutOfOrder(day.tickets[turn.ticket].code, turn.counter, turn.called_at, turn.call.reason or "")


def _class(name: str, visits: list[_Visit]) -> ClassNumbers:
    mine = [v for v in visits if v.class_name == name]
    return ClassNumbers(name, len(mine), _spread(v.wait for v in mine))


def _service(day: Day, id: str, visits: list[_Visit], turns: list[_Turn], moves: list[tuple[str, str]]) -> ServiceNumbers:
    service = day.services[id]
    mine = [v for v in visits if v.issued.service == id]
    here = [t for t in turns if t.service == id]
    return ServiceNumbers(
        service=id,
        letter=service.letter,
        name=service.name,
        issued=len(mine),
        states=_states(day, (v.issued.ticket for v in mine)),
        waits=_spread(v.wait for v in mine),
        calls=len(here),
        service_times=_spread(t.length for t in here),
        missed=sum(t.ended_by is Verb.NO_SHOW for t in here),
        transferred_in=sum(1 for start, end in moves if end == id != start),
        transferred_out=sum(1 for start, end in moves if start == id != end),
    )


def _counter(day: Day, id: str, turns: list[_Turn], count: _Count) -> CounterNumbers:
    here = [t for t in turns if t.counter == id]
    return CounterNumbers(
        counter=id,
        name=day.desks[id].name,
        calls=len(here),
        served=sum(t.ended_by is Verb.FINISH for t in here),
        missed=sum(t.ended_by is Verb.NO_SHOW for t in here),
        service_times=_spread(t.length for t in here),
        open_min=count.spent_min(id, CounterState.OPEN),
        paused_min=count.spent_min(id, CounterState.PAUSED),
    )


def _hours(day: Day, visits: list[_Visit], turns: list[_Turn]) -> Iterator[HourNumbers]:
    def hour(at: datetime) -> datetime:
        return at.astimezone(day.site.tz).replace(minute=0, second=0, microsecond=0)

    calls = Tally(hour(t.called_at) for t in turns)
    issued: dict[datetime, list[_Visit]] = {}
    for visit in visits:
        issued.setdefault(hour(visit.issued.issued_at), []).append(visit)
    for start in sorted(calls.keys() | issued.keys()):
        mine = issued.get(start, [])
        yield HourNumbers(start, len(mine), calls[start], _spread(v.wait for v in mine))
