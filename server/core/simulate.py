"""A day that did not happen, lived through the functions of one that does: `decide` says what may happen, `Day.apply` makes it so, and
who is next is asked where the clerk's button asks.

People and counters are given (`crowd` invents them, `replay` takes them from a story); from there on nothing is left to chance. Of two
things at the same instant, what was planned first happens first, so whoever comes at the very moment a counter gets free is in line.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from server.core import decide
from server.core import events as ev
from server.core.day import CounterState, Day, Ticket
from server.core.decide import By
from server.core.queue import Booking
from server.core.refused import Refused
from server.core.site import Hours, PriorityGroup, Rules, Site, Span
from server.core.ticket import State, Verb

NONE, DAY = timedelta(), timedelta(days=1)
GROUP = PriorityGroup("priority", "Diện ưu tiên")
CITIZEN = By("citizen", staff=False)

FIRST_COME = Rules(appointment_head=NONE, grace=-DAY, priority_head=NONE, late_head=NONE, rejoin_head=NONE)
"""Plain first come, first served, as minutes of the same rule: nobody is on time for a slot, and nothing else counts either."""
STRICT = Rules(appointment_head=DAY, priority_head=DAY, late_head=DAY)
"""Bookings and priority groups before everybody else: no wait is as long as their head start."""


@dataclass(frozen=True, slots=True)
class Stay:
    """One time at a counter, which is taken for `takes` from the call and rests for `rest` before its clerk presses next."""

    takes: timedelta
    ends: Verb = Verb.FINISH
    """`finish`, `no-show`, `hold` or `transfer`."""
    rest: timedelta = timedelta()
    back: timedelta | None = None
    """After a missed call or a hold: how long until the ticket rejoins or is released; None: never."""
    service: str | None = None
    """Where a transfer leads: to a service or to a counter."""
    counter: str | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """Who takes a number or checks in at `at`. One stay for each call to come, in order."""

    at: datetime
    service: str
    stays: tuple[Stay, ...]
    priority: bool = False
    slot: datetime | None = None
    registered: datetime | None = None
    leaves: datetime | None = None
    """When whoever still waits goes home."""


@dataclass(frozen=True, slots=True)
class Duty:
    """A counter at work from `start` to `end`, or until nobody is left to serve; whoever is there at `end` is served. `services`: those it
    serves from here on, if not as the site document says."""

    counter: str
    start: datetime
    end: datetime | None = None
    services: tuple[str, ...] | None = None


def unlimited(site: Site, opens: timedelta) -> Site:
    """The same office without any limit of hours: whoever comes gets a number. `opens` is still its opening, since midnight."""
    hours = Hours(week=((Span(opens, DAY),),) * 7, first_ticket_before=DAY)
    services = tuple(replace(service, last_ticket=None) for service in site.services)
    return replace(site, hours=hours, services=services, priority_groups=site.priority_groups or (GROUP,))


def live(site: Site, people: Sequence[Person], duties: Iterable[Duty]) -> Iterator[ev.Entry]:
    """The story of the day on which these people met these counters. Tickets are `t0`, `t1` and so on, in the order of `people`, who come
    in order of time, to an office that gives numbers at any time (`unlimited`). Who still waits when nothing more will happen lapses."""
    living = _Living(site, people, list(duties))
    while living.todo:
        now, _, happens, what = heapq.heappop(living.todo)
        happens(now, *what)
        if not living.todo:
            living.tell(now, "clock", decide.close_day(living.day, now))
        yield from living.told
        living.told.clear()


@dataclass(slots=True)
class _Living:
    site: Site
    people: Sequence[Person]
    duties: Sequence[Duty]
    day: Day = field(init=False)
    told: list[ev.Entry] = field(default_factory=list)
    """What has just happened."""
    todo: list[tuple[datetime, int, Callable[..., None], tuple[Any, ...]]] = field(default_factory=list)
    order: count[int] = field(default_factory=count)
    free: dict[str, None] = field(default_factory=dict)
    """Counters at work where nobody is, the longest free first: that clerk looks up when somebody comes."""
    ending: set[str] = field(default_factory=set)
    """Counters that close as soon as they are empty."""
    stays: dict[str, list[Stay]] = field(default_factory=dict)
    """What is left of each ticket's stays, the next one last."""

    def __post_init__(self) -> None:
        begins = [duty.start for duty in self.duties] + [person.at for person in self.people]
        self.day = Day(self.site, self.site.business_day(min(begins)))
        for duty in self.duties:
            self.at(duty.start, self.opens, duty)
            if duty.end is not None:
                self.at(duty.end, self.ends, duty.counter)
        for number, person in enumerate(self.people):
            self.at(person.at, self.comes, f"t{number}", person)

    def at(self, when: datetime, happens: Callable[..., None], *what: Any) -> None:
        heapq.heappush(self.todo, (when, next(self.order), happens, what))

    def tell(self, now: datetime, actor: str, events: Iterable[ev.Event]) -> None:
        for event in events:
            entry = ev.Entry(self.day.seq + 1, now, actor, event)
            self.told.append(entry)
            self.day.apply(entry)

    # -- counters ----------------------------------------------------------------------------------------------------------------

    def opens(self, now: datetime, duty: Duty) -> None:
        counter, by = duty.counter, By(duty.counter)
        if duty.services is not None:
            self.tell(now, "clock", decide.assign_counter(self.day, now, counter=counter, services=duty.services))
        self.ending.discard(counter)
        if self.day.counters[counter].state is CounterState.CLOSED:
            self.tell(now, f"staff:{counter}", decide.open_counter(self.day, now, counter=counter, by=by))
            self.presses(now, counter)
        elif counter in self.free:
            self.presses(now, counter)

    def ends(self, now: datetime, counter: str) -> None:
        self.ending.add(counter)
        if counter in self.free:
            self.presses(now, counter)

    def presses(self, now: datetime, counter: str) -> None:
        """The clerk of an empty counter asks who is next, or goes home."""
        if counter in self.ending:
            self.ending.discard(counter)
            self.free.pop(counter, None)
            self.tell(now, f"staff:{counter}", decide.close_counter(self.day, now, counter=counter, by=By(counter)))
        elif not any(map(len, self.day.lines_of(counter))):
            self.free.setdefault(counter, None)
        else:
            self.free.pop(counter, None)
            actor, by = f"staff:{counter}", By(counter)
            self.tell(now, actor, decide.call_next(self.day, now, counter=counter, by=by))
            ticket = self.day.at_counter(counter)
            assert ticket is not None
            stay = self.stays[ticket.id].pop()
            if stay.ends is not Verb.NO_SHOW:
                self.tell(now, actor, decide.start(self.day, now, ticket=ticket.id, by=by))
            self.at(now + stay.takes, self.leaves_counter, counter, ticket, stay)

    def leaves_counter(self, now: datetime, counter: str, ticket: Ticket, stay: Stay) -> None:
        by = By(counter)
        match stay.ends:
            case Verb.NO_SHOW:
                events = decide.no_show(self.day, now, ticket=ticket.id, by=by)
            case Verb.HOLD:
                events = decide.hold(self.day, now, ticket=ticket.id, by=by)
            case Verb.TRANSFER:
                events = decide.transfer(self.day, now, ticket=ticket.id, by=by, service=stay.service, counter=stay.counter)
            case _:
                events = decide.finish(self.day, now, ticket=ticket.id, by=by)
        self.tell(now, f"staff:{counter}", events)
        if stay.back is not None:
            self.at(now + stay.back, self.returns, ticket, stay)
        self.joins(now, ticket)
        if stay.rest:
            self.at(now + stay.rest, self.presses, counter)
        else:
            self.presses(now, counter)

    # -- citizens ----------------------------------------------------------------------------------------------------------------

    def comes(self, now: datetime, id: str, person: Person) -> None:
        booking = Booking(person.slot, person.registered) if person.slot or person.registered else None
        group = self.site.priority_groups[0].id if person.priority else None
        self.tell(now, "device:kiosk", decide.issue(self.day, now, ticket=id, service=person.service, priority=group, booking=booking))
        self.stays[id] = list(reversed(person.stays))
        ticket = self.day.tickets[id]
        if person.leaves is not None:
            self.at(person.leaves, self.goes_home, ticket)
        self.joins(now, ticket)

    def joins(self, now: datetime, ticket: Ticket) -> None:
        """Somebody stands in a line: the clerk who has been free longest presses next."""
        if ticket.state is State.WAITING and self.free:
            counter = next((c for c in self.free if self.day.calls_from(c, ticket)), None)
            if counter is not None:
                self.presses(now, counter)

    def returns(self, now: datetime, ticket: Ticket, stay: Stay) -> None:
        back = decide.release if stay.ends is Verb.HOLD else decide.rejoin
        try:
            events = back(self.day, now, ticket=ticket.id, by=CITIZEN)
        except Refused:
            # Too late, or once too often: the rule sends them home.
            return
        self.tell(now, "device:kiosk", events)
        self.joins(now, ticket)

    def goes_home(self, now: datetime, ticket: Ticket) -> None:
        if ticket.state is State.WAITING:
            self.tell(now, "holder", decide.cancel(self.day, now, ticket=ticket.id, by=CITIZEN))
