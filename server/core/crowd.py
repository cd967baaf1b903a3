"""People who were never there: who comes to an office, when, with what claim, and how long their business takes.

Every number is drawn for everybody, whatever the shares, so that changing one share changes nobody else: the same `Random`, the same
people. A session is the time in which people come, from `begins` on; moments in it are `timedelta`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from math import log, sqrt
from random import Random

from server.core.simulate import Duty, Person, Stay
from server.core.site import MINUTE, Site
from server.core.ticket import Verb

LATE = (10.0, 40.0)
"""Minutes after their slot at which those come who are late."""
AWAY = (2.0, 20.0)
"""Minutes after a missed call at which people come back."""


class Shape(StrEnum):
    """How service times are spread around their mean."""

    LOGNORMAL = "lognormal"
    EXPONENTIAL = "exponential"


@dataclass(frozen=True, slots=True)
class Crowd:
    """The people of a session, in shares."""

    service_time: timedelta = 6 * MINUTE
    shape: Shape = Shape.LOGNORMAL
    cv: float = 0.8
    """Coefficient of variation of a lognormal service time."""
    booked: float = 0.3
    """Share of all who have a slot; `no_show` of them stay away, `late` of them are late."""
    no_show: float = 0.15
    late: float = 0.05
    early: timedelta = 6 * MINUTE
    """The others come this much before their slot on average, with a normal deviation of `early_deviation`."""
    early_deviation: timedelta = 8 * MINUTE
    slot: timedelta = 5 * MINUTE
    priority: float = 0.1
    """Share of those without a slot who are in a priority group."""
    absent: float = 0.0
    """Share of all who miss their first call; half of them come back."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the session, and its arrivals in an hour, people with a slot who stay away included."""

    length: timedelta
    rate: float


def moments(parts: Sequence[Part], rng: Random) -> Iterator[timedelta]:
    """When people decide to come, or the time for which they book: a Poisson process whose rate is that of the part."""
    begins = timedelta()
    owed = rng.expovariate(1.0)
    for part in parts:
        expected = part.rate * (part.length / timedelta(hours=1))
        while owed < expected:
            yield begins + part.length * (owed / expected)
            owed += rng.expovariate(1.0)
        owed -= expected
        begins += part.length


def service_time(crowd: Crowd, rng: Random) -> timedelta:
    mean = crowd.service_time.total_seconds()
    if crowd.shape is Shape.EXPONENTIAL:
        return timedelta(seconds=rng.expovariate(1 / mean))
    sigma = sqrt(log(1 + crowd.cv**2))
    return timedelta(seconds=rng.lognormvariate(log(mean) - sigma**2 / 2, sigma))


def people(crowd: Crowd, site: Site, begins: datetime, planned: Sequence[tuple[timedelta, str | None]], rng: Random) -> list[Person]:
    """Who comes, in order of time. `planned`: when, and for which service; None: any, by the counters' time for each. A slot is the last
    one that begins by then. Whoever would come before the session begins stands at the door."""
    services, shares = zip(*_shares(site).items(), strict=True)
    found = []
    for when, service in planned:
        booked, away, tardy, grouped, missed = (rng.random() for _ in range(5))
        before = rng.gauss(crowd.early.total_seconds(), crowd.early_deviation.total_seconds())
        after, back = rng.uniform(*LATE), rng.uniform(*AWAY)
        stays: tuple[Stay, ...] = (Stay(service_time(crowd, rng)),)
        chosen = rng.choices(services, shares)[0]
        if missed < crowd.absent:
            returns = back * MINUTE if missed < crowd.absent / 2 else None
            stays = (Stay(site.rules.no_show_after, Verb.NO_SHOW, back=returns), *stays)
        at, slot = begins + when, None
        if booked < crowd.booked:
            if away < crowd.no_show:
                continue
            slot = begins + when // crowd.slot * crowd.slot
            at = slot + (after * MINUTE if tardy < crowd.late else timedelta(seconds=-before))
        priority = slot is None and grouped < crowd.priority
        found.append(Person(max(at, begins), service or chosen, stays, priority=priority, slot=slot))
    return sorted(found, key=lambda person: person.at)


def _shares(site: Site) -> dict[str, float]:
    """The part of its counters' time that is each service's, if every counter divides its time evenly."""
    shares = dict.fromkeys((service.id for service in site.services), 0.0)
    for counter in site.counters:
        for service in counter.services:
            shares[service] += 1 / len(counter.services)
    return shares


def pooled(site: Site, counters: int) -> Site:
    """The office with so many counters, each of which serves everything."""
    every = tuple(service.id for service in site.services)
    desk = site.counters[0]
    return replace(site, counters=tuple(replace(desk, id=str(n), name=str(n), services=every) for n in range(1, counters + 1)))


def duties(site: Site, begins: datetime, length: timedelta, plan: Sequence[int]) -> list[Duty]:
    """The site's first counters at work, in each equal part of the session as many as the plan says; those of the last part stay until
    everybody is served."""
    part = length / len(plan)
    found = []
    for rank, counter in enumerate(site.counters):
        start = None
        for number, at_work in enumerate([*plan, 0]):
            if rank < at_work and start is None:
                start = begins + number * part
            elif rank >= at_work and start is not None:
                found.append(Duty(counter.id, start, begins + number * part if number < len(plan) else None))
                start = None
    return found
