"""The forecasts in an invented ward hall, for what the recording does not hold: counters that share services, priority, bookings, lunch,
people who miss their call. The demo's site document; citizens as `config.profile` invents them, with bookings added."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import count
from random import Random

from config import bundled
from config.loader import load
from config.profile import Citizen, arrivals, municipal
from server.core import decide
from server.core.decide import By
from server.core.habit import Habit
from server.core.queue import Booking
from server.core.refused import Refused
from server.core.site import Site

from .forecast import MINUTE, SECOND, Asked, Life

WEEK = [date(2026, 11, 16) + timedelta(days=n) for n in range(5)]
LOOK = 5 * MINUTE
WALK = 30 * SECOND
BOOKED = 0.2
"""Share of those who come with a booking, to a slot of a quarter of an hour, eight minutes early give or take eight."""
OVERTIME = timedelta(hours=3)

Happening = Callable[[datetime], None]


@dataclass
class Workday:
    """One invented day, moment by moment."""

    site: Site
    day: date
    seed: int
    habits: Mapping[str, Habit]
    tickets: int
    staff: tuple[str, ...]
    slower: float
    todo: list[tuple[datetime, int, Happening]] = field(default_factory=list)
    people: dict[str, Citizen] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rng, self.order = Random(self.seed), count()
        self.life = Life(self.site, self.day, self.habits)
        self.spans = [(self.site.at(self.day, s.start), self.site.at(self.day, s.end)) for s in self.site.hours.spans(self.day)]

    def at(self, when: datetime, happens: Happening) -> None:
        heapq.heappush(self.todo, (when, next(self.order), happens))

    def live(self) -> Life:
        opens, closes = self.spans[0][0], self.spans[-1][1] + OVERTIME
        for number, citizen in enumerate(arrivals(municipal(), self.site, self.day, self.rng, tickets=self.tickets)):
            self.at(*self._coming(f"t{number}", citizen))
        for counter in self.staff:
            self.at(opens + self.rng.random() * 5 * MINUTE, self._opening(counter))
        self.at(opens, self._look)
        while self.todo and self.todo[0][0] < closes:
            when, _, happens = heapq.heappop(self.todo)
            happens(when)
        return self.life

    def _coming(self, ticket: str, citizen: Citizen) -> tuple[datetime, Happening]:
        at, booking = citizen.at, None
        if self.rng.random() < BOOKED:
            slot = at.replace(minute=at.minute // 15 * 15, second=0) + 15 * MINUTE
            booking, at = Booking(slot), slot - self.rng.gauss(8, 8) * MINUTE
            if not any(start <= at < end for start, end in self.spans):
                at = citizen.at

        def comes(now: datetime) -> None:
            try:
                issued = decide.issue(
                    self.life.day, now, ticket=ticket, service=citizen.service, priority=citizen.priority, booking=booking
                )
            except Refused:
                return
            self.people[ticket] = citizen
            self.life.tell(now, *issued)
            self.life.ask("newcomer", self.life.day.tickets[ticket], now)

        return at, comes

    def _look(self, now: datetime) -> None:
        for service in self.life.day.lines:
            self.life.look(service, now)
        self.at(now + LOOK, self._look)

    def _opening(self, counter: str) -> Happening:
        def opens(now: datetime) -> None:
            self.life.tell(now, *decide.open_counter(self.life.day, now, counter=counter, by=By(counter)))
            self._next(counter)(now)

        return opens

    def _next(self, counter: str) -> Happening:
        def calls(now: datetime) -> None:
            later = next((start for start, _ in self.spans if start > now), None)
            if later and not any(start <= now < end for start, end in self.spans):
                self.at(later + self.rng.random() * 3 * MINUTE, self._next(counter))
                return
            try:
                self.life.tell(now, *decide.call_next(self.life.day, now, counter=counter, by=By(counter)))
            except Refused:
                self.at(now + 20 * SECOND, self._next(counter))
                return
            ticket = self.life.day.at_counter(counter)
            assert ticket is not None
            citizen = self.people[ticket.id]
            end = decide.finish if citizen.comes else decide.no_show
            takes = WALK + citizen.service_time * self.slower if citizen.comes else 3 * MINUTE

            def ends(now: datetime) -> None:
                self.life.tell(now, *end(self.life.day, now, ticket=ticket.id, by=By(counter)))
                self.at(now + (5 + 20 * self.rng.random()) * SECOND, self._next(counter))

            self.at(now + takes, ends)

        return calls


def week(tickets: int = 420, staff: str = "12345678", slower: float = 1.0) -> list[Asked]:
    """The answered questions of the last four days of a week, in an office that began with nothing known."""
    habits: Mapping[str, Habit] = {}
    asked: list[Asked] = []
    for number, day in enumerate(WEEK):
        life = Workday(load(bundled("demo")), day, number, habits, tickets, tuple(staff), slower).live()
        habits = life.pace.handed_on()
        asked += life.answered() if number else []
    return asked
