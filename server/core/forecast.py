"""Likely waits: never a promise, never a part of the order, always a range.

A `Pace` hears every event just after the day has folded it, and learns how fast the counters call; asked, it blends four estimates that
count people by their queue time, as the call does (`docs/forecast.md`). Inside, durations are minutes of opening time: a wait over lunch
is longer by the break, and nobody's pace is slowed by it. A question is O(log n) in those who wait.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import repeat
from math import inf
from typing import NamedTuple

from server.core import events as ev
from server.core.day import CounterNow, CounterState, Day, Ticket
from server.core.habit import Habit, Terms, Today
from server.core.queue import Place
from server.core.site import MINUTE
from server.core.ticket import State

LONGEST_CYCLE = 60.0
"""A longer time between two calls of one counter is a counter that forgot to pause."""
LEAST_CALLS = 3
"""In an office of which nothing is known, nothing is foretold before so many calls."""
ASKED_KEPT = 512
"""So many questions of people who have just joined are remembered until their tickets are heard of."""
NO_TIME, SECOND = timedelta(), timedelta(seconds=1)
LOOK_AGAIN = 5.0
"""So often it asks itself for those who wait already: a forecast on a telephone must be as true as one on paper."""


class Forecast(NamedTuple):
    """Time from now to the call. Eight of ten are called between `low` and `high`; `likely` is as often too long as too short."""

    low: timedelta
    likely: timedelta
    high: timedelta


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How forecasts given to people when they joined turned out, of those who have been called."""

    told: int = 0
    inside: int = 0
    error: timedelta = timedelta()
    """Sum of the distances between `likely` and the wait."""

    @property
    def coverage(self) -> float | None:
        return self.inside / self.told if self.told else None

    @property
    def mean_error(self) -> timedelta | None:
        return self.error / self.told if self.told else None

    def __add__(self, other: Accuracy) -> Accuracy:
        return Accuracy(self.told + other.told, self.inside + other.inside, self.error + other.error)


class _Clock:
    """Minutes of opening time of one date. Breaks do not count; after the last closing people are still served, so that counts."""

    def __init__(self, day: Day) -> None:
        self.site, self.today = day.site, day.today
        hours = [(day.site.at(day.date, s.start), day.site.at(day.date, s.end)) for s in day.site.hours.spans(day.date)]
        spans = [(_minutes(start), _minutes(end)) for start, end in hours if day.today.closes is None or start < day.today.closes]
        spans = spans or [(_minutes(day.site.at(day.date, timedelta())), inf)]
        self._spans = [*spans[:-1], (spans[-1][0], inf)]
        self._now: tuple[datetime | None, float] = None, 0.0
        """The moment that was last asked about, and what was answered: most questions are about one."""

    def holds(self, day: Day) -> bool:
        """Whether the hours are still the same."""
        return self.site is day.site and (self.today is day.today or self.today == day.today)

    def worked(self, at: datetime) -> float:
        now, worked = _minutes(at), 0.0
        for start, end in self._spans:
            if now > start:
                worked += min(now, end) - start
        return worked

    def worked_now(self, now: datetime) -> float:
        """The same, for the moment that everybody asks about."""
        if self._now[0] is not now:
            self._now = now, self.worked(now)
        return self._now[1]

    def open(self, at: datetime) -> bool:
        now = _minutes(at)
        for start, end in self._spans:  # noqa: SIM110 - asked with every forecast, and a generator costs more than all the rest of it
            if start <= now < end:
                return True
        return False

    def until(self, now: float, worked: float, work: float) -> timedelta:
        """How long it takes from now (a minute), when so much has been `worked`, until `work` more minutes have been."""
        rest = worked + work
        span = 0
        while rest >= (length := self._spans[span][1] - self._spans[span][0]):
            rest, span = rest - length, span + 1
        return max(0.0, self._spans[span][0] + rest - now) * MINUTE


def _minutes(at: datetime) -> float:
    return at.timestamp() / 60


class _Crew(NamedTuple):
    """Counters that will call one service (or one person who was sent to them)."""

    counters: Sequence[str]
    seats: Sequence[CounterNow]
    others: Sequence[tuple[str, float]]
    """Every service that they call, with their share of the counters that call it: of those who wait for another service they take that
    many; its other counters take the rest."""


class Basis(NamedTuple):
    """What a forecast is made of."""

    terms: Terms
    alone: bool
    """Has just come, and nobody is before them."""
    calls: int
    """Made today by the counters that call this service."""
    worked: float
    """Minutes of opening time up to now."""


@dataclass(frozen=True, slots=True)
class _Question:
    """What was answered, to be compared with what comes."""

    at: datetime
    since: float
    """The same in minutes of opening time."""
    basis: Basis | None
    likely: float
    told: Forecast | None


@dataclass(slots=True)
class _Waiting:
    """A ticket that waits here."""

    joined: _Question
    regular: bool
    """Without a head start: its wait is what a newcomer may expect."""
    again: list[_Question] = field(default_factory=list)


Coming = Callable[[Day, str, datetime], float]
"""How many are expected still to join a service with an earlier queue time: booked and not checked in, times the share that comes."""


class Pace:
    """How fast the counters of one day call. Begins with the habits of the days before; `hear` the whole story in order, each entry with
    the day just after it."""

    def __init__(self, habits: Mapping[str, Habit] | None = None, coming: Coming | None = None) -> None:
        self._habits = dict(habits or {})
        self._coming = coming
        self._services: dict[str, Today] = {}
        self._uncalled: dict[str, Today] = {}
        """Services that nobody has been called for today: nothing has been learnt of them, nothing is handed on."""
        self._accuracy: dict[str, Accuracy] = {}
        self._last_wait: dict[str, float] = {}
        """By service: of the last one called who had no head start."""
        self._waiting: dict[str, _Waiting] = {}
        self._last_call: dict[str, tuple[float, str]] = {}
        """By counter: when it called last, if it has been at work ever since, and of which service."""
        self._calls: dict[str, int] = {}
        """By counter: calls today."""
        self._looked = -inf
        """When it last asked itself for those who wait, in minutes of opening time, and in hall time before when it is not due."""
        self._not_due: datetime | None = None
        self._hours: _Clock | None = None
        self._heard = 0
        """Calls heard: what is answered follows from these, from the day and from the moment, and from nothing else."""
        self._asked: dict[str, tuple[tuple[int, int, datetime], Basis | None, Forecast | None]] = {}
        """What was answered to people in the moment they joined: it is asked again when their tickets are heard of."""

    # -- hearing -----------------------------------------------------------------------------------------------------------------

    def hear(self, day: Day, entry: ev.Entry) -> None:
        """Learn from one event. `day` has folded it, and nothing after it."""
        match entry.event:
            case ev.TicketIssued():
                ticket = day.tickets[entry.event.ticket]
                self._join(day, ticket, entry.at, regular=ticket.queue_time == ticket.joined_at and not ticket.provisional)
            case ev.TicketRejoined() | ev.TicketReleased() | ev.TicketTransferred():
                self._join(day, day.tickets[entry.event.ticket], entry.at, regular=False)
            case ev.TicketCalled():
                self._call(day, entry.event, entry.at)
                # Counted afterwards: whoever asks in the middle of it has not heard it.
                self._heard += 1
            case ev.TicketCancelled():
                self._waiting.pop(entry.event.ticket, None)
            case ev.StepUndone():
                self._last_call.pop(entry.event.counter or "", None)
            case ev.CounterOpened() | ev.CounterPaused() | ev.CounterClosed():
                self._last_call.pop(entry.event.counter, None)
            case _:
                pass
        self._look_again(day, entry.at)

    def _join(self, day: Day, ticket: Ticket, at: datetime, *, regular: bool) -> None:
        self._waiting[ticket.id] = _Waiting(self._question(day, ticket, at), regular)

    def _question(self, day: Day, ticket: Ticket, at: datetime) -> _Question:
        asked = self._asked.pop(ticket.id, None)
        basis, told = asked[1:] if asked and asked[0] == (self._heard, day.seq, at) else self._answer(day, ticket, at)
        since = basis.worked if basis else self._clock(day).worked(at)
        return _Question(at, since, basis, self._service(ticket.service).guess(basis.terms) if basis else 0.0, told)

    def _look_again(self, day: Day, at: datetime) -> None:
        # Opening time passes no faster than any other, and to turn an instant into it costs more than all the rest of hearing.
        if self._not_due is not None and at < self._not_due:
            return
        now = self._clock(day).worked(at)
        if now - self._looked < LOOK_AGAIN:
            return
        self._looked, self._not_due = now, at + LOOK_AGAIN * MINUTE
        for line in day.lines.values():
            tickets = list(line)
            last, middle = len(tickets) - 1, (len(tickets) - 1) // 2
            for place in {last, middle} if tickets else ():
                # A ticket whose call was taken back has been learnt from already.
                if (waiting := self._waiting.get(tickets[place].id)) is not None:
                    waiting.again.append(self._question(day, tickets[place], at))

    def _call(self, day: Day, event: ev.TicketCalled, at: datetime) -> None:
        ticket, clock = day.tickets[event.ticket], self._clock(day)
        service = self._services.setdefault(ticket.service, self._service(ticket.service))
        now = clock.worked(at)
        service.staff += len(self._crew(day, ticket.service, None, at).counters)
        service.turns += 1
        before = self._last_call.pop(event.counter, None)
        if clock.open(at):
            self._last_call[event.counter] = (now, ticket.service)
        self._calls[event.counter] = self._calls.get(event.counter, 0) + 1
        waiting = self._waiting.pop(ticket.id, None)
        if waiting is None:
            return
        joined = waiting.joined
        # Whoever waited already at this counter's call before is proof that it has not lacked people since.
        if before is not None and joined.since <= before[0] and clock.open(at):
            self._services[before[1]].count(min(now - before[0], LONGEST_CYCLE), now)
        if joined.told is not None:
            waited = at - joined.at
            inside = joined.told.low <= waited <= joined.told.high
            self._accuracy[ticket.service] = self.accuracy(ticket.service) + Accuracy(1, int(inside), abs(waited - joined.told.likely))
        if not event.in_order:
            return
        if waiting.regular:
            self._last_wait[ticket.service] = now - joined.since
        if joined.basis is not None:
            service.learn(joined.basis.terms, joined.likely, now - joined.since)
        for asked in (joined, *waiting.again):
            if asked.basis is not None and asked.basis.alone:
                service.alone = service.alone.learnt(asked.likely, now - asked.since)
            elif asked.basis is not None:
                service.line = service.line.learnt(asked.likely, now - asked.since)

    # -- answering ---------------------------------------------------------------------------------------------------------------

    def likely(self, day: Day, who: Ticket | str, now: datetime) -> Forecast | None:
        """For a ticket, or for somebody who would take a number of this service now. None without a basis: the ticket does not wait,
        nobody calls this service, or nothing is known yet of how fast."""
        turns = self._heard
        basis, told = self._answer(day, who, now)
        if not isinstance(who, str) and who.place.seq == day.seq and now == day.at:
            if len(self._asked) >= ASKED_KEPT:
                self._asked.clear()
            self._asked[who.id] = (turns, day.seq, now), basis, told
        return told

    def _answer(self, day: Day, who: Ticket | str, now: datetime) -> tuple[Basis | None, Forecast | None]:
        service, basis = self._service(who if isinstance(who, str) else who.service), self.basis(day, who, now)
        return basis, self._forecast(day, service, basis, now)

    def basis(self, day: Day, who: Ticket | str, now: datetime) -> Basis | None:
        """What `likely` is made of."""
        if isinstance(who, str):
            return self._basis(day, who, None, Place(now, day.seq + 1), now, new=True)
        if who.state is not State.WAITING:
            return None
        return self._basis(day, who.service, who.directed, who.place, now, new=now - who.joined_at < MINUTE)

    def cycle(self, service: str) -> float:
        """Minutes of one counter for one call of this service, as measured; that of an unknown office where nothing is."""
        return self._service(service).cycle

    def accuracy(self, service: str | None = None) -> Accuracy:
        """Of one service, or of all."""
        if service is not None:
            return self._accuracy.get(service, Accuracy())
        return sum(self._accuracy.values(), Accuracy())

    def handed_on(self) -> dict[str, Habit]:
        """What the next day of this office begins with."""
        return self._habits | {id: service.handed_on() for id, service in self._services.items()}

    # -- what a forecast is made of ----------------------------------------------------------------------------------------------

    def _service(self, id: str) -> Today:
        if (today := self._services.get(id)) is not None:
            return today
        if id not in self._uncalled:
            self._uncalled[id] = Today(self._habits.get(id, Habit()))
        return self._uncalled[id]

    def _clock(self, day: Day) -> _Clock:
        if self._hours is None or not self._hours.holds(day):
            self._hours = _Clock(day)
        return self._hours

    def _crew(self, day: Day, service: str, directed: str | None, now: datetime) -> _Crew:
        if not self._clock(day).open(now):
            return self._gathered(day, service, directed, now)
        # While the office is open this follows from who is at work alone, and is asked for with every ticket.
        crew: _Crew | None = day.staffing.get((service, directed))
        if crew is None:
            crew = day.staffing[service, directed] = self._gathered(day, service, directed, now)
        return crew

    def _gathered(self, day: Day, service: str, directed: str | None, now: datetime) -> _Crew:
        crew = self._counters(day, service, directed, now)
        others = []
        for other in {s for c in crew for s in day.desks[c].services} | {service}:
            theirs = self._counters(day, other, None, now) or crew
            others.append((other, len(set(theirs) & set(crew)) / len(theirs) if theirs else 0.0))
        return _Crew(crew, [day.counters[c] for c in crew], others)

    def _counters(self, day: Day, service: str, directed: str | None, now: datetime) -> list[str]:
        """Counters that will call this service: those at work, else those in a pause, because it ends. Before the opening and over lunch
        those who called before, else as many as usual."""
        able = [directed] if directed else [c for c, desk in day.desks.items() if service in desk.services]
        at_work = [c for c in able if day.counters[c].state is CounterState.OPEN]
        if self._clock(day).open(now):
            return at_work or [c for c in able if day.counters[c].state is CounterState.PAUSED]
        back = [c for c in able if c in at_work or c in self._calls]
        return back or able[: round(self._service(service).habit.staff)]

    def _basis(self, day: Day, service: str, directed: str | None, place: Place, now: datetime, *, new: bool) -> Basis | None:
        crew = self._crew(day, service, directed, now)
        if not crew.counters or day.closed:
            return None
        mine, clock = self._service(service), self._clock(day)
        ahead = float(sum(day.directed[c].ahead_of(place) for c in crew.counters)) if any(map(len, day.sent.values())) else 0.0
        work = ahead * mine.cycle
        for other, part in crew.others:
            people = day.lines[other].ahead_of(place) + (self._coming(day, other, place.queue_time) if self._coming else 0.0)
            if people:
                ahead, work = ahead + people * part, work + people * part * self._service(other).cycle
        # Named once: to look a member of an enumeration up for each of thirty counters takes as long as all the rest of this.
        free, paused = 0, CounterState.PAUSED
        for seat in crew.seats:
            if seat.ticket is None and seat.state is not paused:
                free += 1
        work = max(0.0, work + (1 - free) * mine.cycle) / len(crew.counters)
        worked = clock.worked_now(now)
        # Whoever has a head start, or has waited for a while, is that much nearer to the call than a newcomer. Queue times are whole
        # seconds.
        age = 0.0 if NO_TIME <= now - place.queue_time < SECOND else worked - clock.worked(place.queue_time)
        last = max(0.0, self._last_wait[service] - age) if service in self._last_wait else work
        head = day.lines[service].first(1)
        since = worked - clock.worked(head[0].joined_at) if head else 0.0
        calls = sum(map(self._calls.get, crew.counters, repeat(0)))
        return Basis((1.0, work, last, max(0.0, since - age)), new and not ahead, calls, worked)

    def _forecast(self, day: Day, service: Today, basis: Basis | None, now: datetime) -> Forecast | None:
        if basis is None or (not service.habit.staff and basis.calls < LEAST_CALLS):
            return None
        likely, clock = service.guess(basis.terms), self._clock(day)
        low, high = (service.alone if basis.alone else service.line).at(likely)
        at, until = _minutes(now), clock.until
        return Forecast(until(at, basis.worked, low), until(at, basis.worked, min(max(likely, low), high)), until(at, basis.worked, high))
