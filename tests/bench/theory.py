"""What is known about queues by mathematics or by a recursion, to hold the simulator to.

Minutes and exponential service times, unless said otherwise.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from math import sqrt
from random import Random
from statistics import mean, stdev
from typing import NamedTuple
from zoneinfo import ZoneInfo

from server.core import events as ev
from server.core.crowd import Crowd, Part, duties, moments, pooled
from server.core.crowd import people as invented_people
from server.core.outcome import Outcome
from server.core.simulate import FIRST_COME, STRICT, Duty, Person, Stay, live, unlimited
from server.core.site import MINUTE, Counter, Hall, Hours, Rules, Service, Site

BEGINS = datetime(2026, 11, 20, 8, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))
HOUR = 60 * MINUTE
SERVICE_MIN = 6.0

OFFICE = unlimited(
    Site(
        id="theory",
        name="One service",
        services=(Service("A", "A", "A"),),
        counters=(Counter("1", "1", "main", ("A",)),),
        halls=(Hall("main", "main"),),
        kiosks=(),
        hours=Hours(week=((),) * 7),
    ),
    8 * HOUR,
)

# -- first come, first served ------------------------------------------------------------------------------------------------------

ERLANG: dict[tuple[int, float], float] = {
    **{(1, 0.8): 24.0, (1, 0.9): 54.0, (1, 0.95): 114},
    **{(3, 0.8): 6.47, (3, 0.9): 16.34, (3, 0.95): 36.28},
    **{(5, 0.8): 3.32, (5, 0.9): 9.15, (5, 0.95): 21.07},
    **{(10, 0.8): 1.23, (10, 0.9): 4.01, (10, 0.95): 9.91},
    **{(20, 0.8): 0.38, (20, 0.9): 1.65, (20, 0.95): 4.53},
}
"""Mean wait by counters and load, as the rule's document has it."""


def erlang_c(counters: int, load: float) -> float:
    """The mean wait of M/M/c. The chance to wait comes from Erlang's B by its own recursion, which neither overflows nor cancels."""
    offered = counters * load
    blocked = 1.0
    for n in range(1, counters + 1):
        blocked = offered * blocked / (n + offered * blocked)
    waits = blocked / (1 - load * (1 - blocked))
    return waits * SERVICE_MIN / (counters * (1 - load))


def kiefer_wolfowitz(people: Iterable[tuple[float, float]], counters: int) -> Iterator[float]:
    """The waits of customers who come in order, each as (moment, service time), and are served in that order by whoever is free first:
    the recursion of Kiefer and Wolfowitz (1955), whose sorted vector of workloads is kept as a heap of the moments at which they end.
    Whole numbers stay whole."""
    ends = [0.0] * counters
    for moment, service in people:
        begins = max(moment, ends[0])
        heapq.heapreplace(ends, begins + service)
        yield begins - moment


def customers(counters: int, load: float, count: int, rng: Random) -> Iterator[tuple[float, float]]:
    """Poisson arrivals and exponential services, in minutes."""
    moment, between = 0.0, SERVICE_MIN / (counters * load)
    for _ in range(count):
        moment += rng.expovariate(1) * between
        yield moment, rng.expovariate(1) * SERVICE_MIN


class Estimate(NamedTuple):
    """A mean and its standard error."""

    mean: float
    error: float

    def within(self, errors: float, truth: float) -> bool:
        return abs(self.mean - truth) <= errors * self.error


def batch_means(values: Iterable[float], batches: int, count: int) -> list[float]:
    """The means of so many equal batches of `count` values: long enough ones are nearly independent, which waits are not."""
    sums = [0.0] * batches
    for number, value in enumerate(values):
        sums[number * batches // count] += value
    return [total * batches / count for total in sums]


def estimate(means: Sequence[float]) -> Estimate:
    return Estimate(mean(means), stdev(means) / sqrt(len(means)))


def recursion(counters: int, load: float, count: int, seed: int, batches: int = 100) -> Estimate:
    """The mean wait by the recursion; each cell of a table with people of its own."""
    people = customers(counters, load, count, Random(f"{seed}/{counters}/{load}"))
    return estimate(batch_means(kiefer_wolfowitz(people, counters), batches, count))


# -- the engine on the same people -------------------------------------------------------------------------------------------------


def office(counters: int, rules: Rules) -> Site:
    return replace(pooled(OFFICE, counters), rules=rules)


def at_work(site: Site) -> list[Duty]:
    """All day, until everybody is served."""
    return [Duty(counter.id, BEGINS) for counter in site.counters]


def waits(site: Site, crowd: Sequence[Person]) -> list[int]:
    """The wait of everybody, in microseconds and in the order of the crowd, as the engine has it. One call for each."""
    found = [0] * len(crowd)
    for entry in live(site, crowd, at_work(site)):
        if isinstance(entry.event, ev.TicketCalled):
            number = int(entry.event.ticket[1:])
            found[number] = (entry.at - crowd[number].at) // timedelta(microseconds=1)
    return found


# -- head starts -------------------------------------------------------------------------------------------------------------------

HEADS = (0, 10, 20)
SHARES = (0.6, 0.3, 0.1)
HEAD_RULES = Rules(priority_head=10 * MINUTE, appointment_head=20 * MINUTE)
"""A priority group with the second head start, and bookings for the very moment at which they come with the third."""
HEAD_STARTS: dict[tuple[int, float], tuple[float, float, float]] = {
    (3, 0.9): (19.70, 13.67, 9.09),
    (5, 0.9): (11.35, 6.30, 3.26),
    (5, 0.95): (24.03, 16.90, 11.35),
}
"""Mean waits of the three classes, as the rule's document has them: simulated, so that even their mean misses Erlang's, in the first row by
half a minute."""


def by_key(people: Sequence[tuple[float, float]], keys: Sequence[float], counters: int) -> list[float]:
    """The waits of customers, in order of coming, when whoever is free first takes the smallest key of those who wait: the recursion above
    with a second heap. With moments as keys the two are the same."""
    ends, waiting = [0.0] * counters, list[tuple[float, int]]()
    found, come = [0.0] * len(people), 0
    for _ in people:
        begins = ends[0] if waiting else max(ends[0], people[come][0])
        while come < len(people) and people[come][0] <= begins:
            heapq.heappush(waiting, (keys[come], come))
            come += 1
        number = heapq.heappop(waiting)[1]
        found[number] = begins - people[number][0]
        heapq.heapreplace(ends, begins + people[number][1])
    return found


def head_starts(counters: int, load: float, count: int, seed: int, batches: int = 100) -> tuple[list[Estimate], list[float], Estimate]:
    """The mean waits of the three classes by that recursion, with their slopes on the wait of all, and the wait of all.

    A head start takes from one what it gives to another, so the mean over all is Erlang's, but for chance, and that is most of the chance
    in the classes' means as well: by regression over the batches it is taken out of them, and the error is that of what is left.
    """
    rng = Random(f"{seed}/{counters}/{load}")
    came = list(customers(counters, load, count, rng))
    kinds = rng.choices(range(len(HEADS)), SHARES, k=count)
    found = by_key(came, [moment - HEADS[kind] for (moment, _), kind in zip(came, kinds, strict=True)], counters)
    everybody = batch_means(found, batches, count)
    estimates, slopes = [], []
    for kind in range(len(HEADS)):
        means = []
        for start in range(0, count, count // batches):
            means.append(mean(found[n] for n in range(start, start + count // batches) if kinds[n] == kind))
        slopes.append(covariance(means, everybody) / covariance(everybody, everybody))
        estimates.append(estimate(without_chance(means, everybody, slopes[-1], erlang_c(counters, load))))
    return estimates, slopes, estimate(everybody)


def without_chance(values: Sequence[float], everybody: Sequence[float], slope: float, truth: float) -> list[float]:
    """Waits as they would be if all had waited for `truth` on average."""
    return [value + slope * (truth - of_all) for value, of_all in zip(values, everybody, strict=True)]


def covariance(one: Sequence[float], other: Sequence[float]) -> float:
    a, b = mean(one), mean(other)
    return sum((x - a) * (y - b) for x, y in zip(one, other, strict=True)) / (len(one) - 1)


class HeadStart(NamedTuple):
    """One number of the document's table: as it stands, without its own chance, and as it is found here."""

    known: float
    cleared: float
    found: Estimate

    @property
    def agrees(self) -> bool:
        """Within two standard errors of the difference: the table was simulated as well, with about as many people."""
        return self.found.within(2 * sqrt(2), self.cleared)


def compared_head_starts(counters: int, load: float, count: int, seed: int) -> tuple[list[HeadStart], Estimate]:
    """A row of the table beside what is found here, chance taken out of both; and the mean wait of all here, as it came."""
    estimates, slopes, everybody = head_starts(counters, load, count, seed)
    known = HEAD_STARTS[counters, load]
    of_all = sum(share * wait for share, wait in zip(SHARES, known, strict=True))
    truth = erlang_c(counters, load)
    cleared = [wait + slope * (truth - of_all) for wait, slope in zip(known, slopes, strict=True)]
    return [HeadStart(*row) for row in zip(known, cleared, estimates, strict=True)], everybody


def exact(counters: int, load: float, count: int, rng: Random, shares: Sequence[float] = (1,)) -> tuple[list[Person], list[int]]:
    """The same kind of people to the microsecond, so that two engines can agree on everybody; and the class of each."""
    found = []
    kinds = rng.choices(range(len(shares)), shares, k=count)
    for (moment, service), kind in zip(customers(counters, load, count, rng), kinds, strict=True):
        at = BEGINS + timedelta(minutes=moment)
        slot = at.replace(microsecond=0) if kind == 2 else None
        found.append(Person(at, "A", (Stay(timedelta(minutes=service)),), priority=kind == 1, slot=slot))
    return found, kinds


def microseconds(crowd: Sequence[Person]) -> list[tuple[int, int]]:
    """Moment and service time of everybody, in whole microseconds."""
    tick = timedelta(microseconds=1)
    return [((person.at - BEGINS) // tick, person.stays[0].takes // tick) for person in crowd]


# -- three ways of ordering the same mornings ---------------------------------------------------------------------------------------

POLICIES = {"the rule": Rules(), "strict priority": STRICT, "first come": FIRST_COME}
RUSH, RUSH_LENGTH, SESSION = 1.35, 90 * MINUTE, 4 * HOUR
COUNTERS, LOAD = 5, 0.95


def morning(crowd: Crowd, seed: int, number: int) -> list[Person]:
    """The people of one morning; the same whatever the rule."""
    rate = LOAD * COUNTERS * (HOUR / crowd.service_time)
    rng = Random(f"{seed}/{number}")
    parts = [Part(RUSH_LENGTH, RUSH * rate), Part(SESSION - RUSH_LENGTH, rate)]
    return invented_people(crowd, office(COUNTERS, Rules()), BEGINS, [(when, None) for when in moments(parts, rng)], rng)


def mornings(days: int, seed: int) -> dict[str, Outcome]:
    """The comparison of the rule's document."""
    found = {name: Outcome() for name in POLICIES}
    for number in range(days):
        crowd = morning(Crowd(), seed, number)
        for name, rules in POLICIES.items():
            site = office(COUNTERS, rules)
            found[name].add(live(site, crowd, duties(site, BEGINS, SESSION, [COUNTERS])))
    return found
