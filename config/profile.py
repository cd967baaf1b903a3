"""How citizens arrive: profiles of real offices, and the citizens invented from them for the demo.

Both profiles come from City of Warsaw open data; source and licence stand in the files, the derivation in `profiles/derive.py`.
"""

from __future__ import annotations

import csv
import json
import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from importlib.resources import files
from itertools import accumulate
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Any

from config.profiles import derive
from server.core.site import Service, Site, clock_time, hours_now, last_ticket

SERVICE_CV = 0.8
"""Coefficient of variation of service times; with a lognormal shape, as in the simulation the queue-time rule was measured with."""
SHORTEST_SERVICE = timedelta(seconds=40)
LONGEST_SERVICE = timedelta(minutes=45)
EARLY = 0.5
"""Share of the first quarter of an hour's people who stand at the kiosk before the office opens; the recordings begin at opening."""


@dataclass(frozen=True, slots=True)
class Queue:
    """One queue of a typical office: its share of the day's tickets and its mean service time."""

    share: float
    service_time: timedelta


@dataclass(frozen=True, slots=True)
class Profile:
    """A typical day: `arrivals` are shares of equal parts of the opening day, `queues` come largest first."""

    arrivals: tuple[float, ...]
    queues: tuple[Queue, ...]


@dataclass(frozen=True, slots=True)
class BusyDay:
    """One real office day, ticket by ticket. `arrivals`: time since opening and letter of the queue, in order."""

    office: str
    date: date
    opens: timedelta
    closes: timedelta
    queues: Mapping[str, str]
    arrivals: tuple[tuple[timedelta, str], ...]


@dataclass(frozen=True, slots=True)
class Mix:
    """Shares of the invented citizens: of a priority group, speaking another language, naming a procedure, missing their call."""

    priority: float = 0.12
    foreign: float = 0.02
    procedure: float = 0.1
    absent: float = 0.05


@dataclass(frozen=True, slots=True)
class Citizen:
    """Somebody invented who takes a number at `at`. `priority` is a group of the site; `comes` is False for who will miss the call."""

    at: datetime
    service: str
    priority: str | None
    lang: str
    procedure: str | None
    service_time: timedelta
    comes: bool


def _json(name: str) -> Any:
    return json.loads((files("config") / "profiles" / f"{name}.json").read_text(encoding="utf-8"))


@cache
def municipal() -> Profile:
    """The typical municipal office."""
    values = _json("municipal")
    queues = (Queue(queue["share"], timedelta(minutes=queue["service_minutes"])) for queue in values["queues"])
    return Profile(tuple(values["arrivals"]), tuple(queues))


@cache
def busy_day() -> BusyDay:
    """The busy day of a real office, for load tests: nothing in it is invented but the even spread between two recordings."""
    return _busy_day(_json("busy_day"))


def recorded_day(path: Path, office: str | None = None, day: str | None = None) -> BusyDay:
    """One office day of a recording (its columns: `profiles/derive.py`): of this office and this date, or else the one with the most
    tickets. Raises ValueError with a sentence when there is none, OSError when it cannot be read."""
    try:
        days = derive.read(path)
    except (KeyError, ValueError, EOFError, csv.Error) as error:
        raise ValueError(f"{path} is not a recording of queues.") from error
    found = {key: queues for key, queues in derive.office_days(days).items() if office in (None, key[0]) and day in (None, key[1])}
    if not found:
        raise ValueError(f"{path} holds no day of {office or 'any office'} on {day or 'any date'}.")
    chosen = max(found, key=lambda key: sum(map(len, found[key].values())))
    return _busy_day(derive.busy_day(days, *chosen))


def _busy_day(values: Any) -> BusyDay:
    arrivals = [(timedelta(seconds=at), letter) for letter, queue in values["queues"].items() for at in queue["arrivals"]]
    return BusyDay(
        office=values["office"],
        date=date.fromisoformat(values["date"]),
        opens=clock_time(values["opens"]),
        closes=clock_time(values["closes"]),
        queues=MappingProxyType({letter: queue["name"] for letter, queue in values["queues"].items()}),
        arrivals=tuple(sorted(arrivals)),
    )


def arrivals(
    profile: Profile,
    site: Site,
    day: date,
    rng: Random,
    *,
    tickets: int = 260,
    mix: Mix = Mix(),
) -> list[Citizen]:
    """Citizens who take `tickets` numbers on `day`, in order of time; none when the office is closed. The same `rng`, the same people.

    The profile's day is laid over the times at which the office gives numbers, breaks left out; the site's first service is taken for the
    profile's largest queue, and so on. A service that gives no more numbers is not chosen.
    """
    windows = _windows(site, day)
    if not windows:
        return []
    opens = windows[0][0]
    first = hours_now(site, opens).first_ticket or opens
    until = {service.id: last_ticket(site, service, opens) or opens for service in site.services}
    people = []
    for at in sorted(_instant(profile, windows, first, rng) for _ in range(tickets)):
        open_queues = [
            (service, queue) for service, queue in zip(site.services, _queues(profile, site), strict=True) if until[service.id] > at
        ]
        if open_queues:
            service, queue = rng.choices(open_queues, weights=[queue.share for _, queue in open_queues])[0]
            people.append(_citizen(site, service, queue, at, rng, mix))
    return people


def _queues(profile: Profile, site: Site) -> Sequence[Queue]:
    """A queue for each service of the site; beyond the profile's queues the smallest stands again."""
    return [profile.queues[min(rank, len(profile.queues) - 1)] for rank in range(len(site.services))]


def _windows(site: Site, day: date) -> list[tuple[datetime, datetime]]:
    """When the office is open and gives numbers."""
    spans = [(site.at(day, span.start), site.at(day, span.end)) for span in site.hours.spans(day)]
    if not spans:
        return []
    last = hours_now(site, spans[0][0]).last_ticket or spans[-1][1]
    return [(start, min(end, last)) for start, end in spans if start < last]


def _instant(profile: Profile, windows: Sequence[tuple[datetime, datetime]], first: datetime, rng: Random) -> datetime:
    """One moment of the day, whole seconds."""
    part = rng.choices(range(len(profile.arrivals)), weights=profile.arrivals)[0]
    within, early = rng.random(), rng.random()
    opens = windows[0][0]
    if part == 0 and early < EARLY and first < opens:
        return _whole_second(first + (opens - first) * within)
    lengths = [end - start for start, end in windows]
    into_day = sum(lengths, timedelta()) * ((part + within) / len(profile.arrivals))
    begun = [timedelta(), *accumulate(lengths)]
    window = min(bisect_right(begun, into_day), len(windows)) - 1
    return _whole_second(windows[window][0] + (into_day - begun[window]))


def _whole_second(at: datetime) -> datetime:
    return at.replace(microsecond=0)


def _citizen(site: Site, service: Service, queue: Queue, at: datetime, rng: Random, mix: Mix) -> Citizen:
    # Every number is drawn for everybody, so that changing one share changes nobody else.
    chances = [rng.random() for _ in range(4)]
    group, procedure = rng.random(), rng.random()
    foreign = [language for language in site.languages if language != "vi"]
    sigma = math.sqrt(math.log(1 + SERVICE_CV**2))
    seconds = rng.lognormvariate(math.log(queue.service_time.total_seconds()) - sigma**2 / 2, sigma)
    groups, procedures = site.priority_groups, service.procedures
    return Citizen(
        at=at,
        service=service.id,
        priority=groups[int(group * len(groups))].id if groups and chances[0] < mix.priority else None,
        lang=foreign[0] if foreign and chances[1] < mix.foreign else "vi",
        procedure=procedures[int(procedure * len(procedures))] if procedures and chances[2] < mix.procedure else None,
        service_time=min(max(timedelta(seconds=round(seconds)), SHORTEST_SERVICE), LONGEST_SERVICE),
        comes=chances[3] >= mix.absent,
    )
