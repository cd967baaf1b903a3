"""`moiso simulate` and `moiso replay`: what a day would have been. Nothing here changes a database."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from config.profile import BusyDay, busy_day, recorded_day
from server import wire
from server.chart import waits_chart
from server.commands import Arguments, Failed, add_leaf, folded, known_site, office, opened, wanted_day
from server.comparison import COLUMNS, NAMES, table, ticket_rows
from server.core import events as ev
from server.core.crowd import Crowd, Part, Shape, duties, moments, people, pooled
from server.core.outcome import CLASSES, Outcome
from server.core.replay import Recast, recast
from server.core.simulate import FIRST_COME, STRICT, Person, live, unlimited
from server.core.site import MINUTE, Rules, Site

HOUR = 60 * MINUTE
OPENS = 8 * HOUR
MONDAY = (2026, 1, 5)
"""Any day will do: the hours of the office are not asked."""
RUSH, RUSH_LENGTH = 1.35, 90 * MINUTE
SLOT = 5 * MINUTE
TARGET_SHARE = 0.95
MOST_PEOPLE = 5_000_000
POLICIES = {"first-come": FIRST_COME, "strict": STRICT}

# -- simulate --------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Session:
    """What the arguments of `simulate` mean: so many days of these people at this office."""

    site: Site
    begins: datetime
    length: timedelta
    plan: tuple[int, ...]
    crowd: Crowd
    parts: tuple[Part, ...]
    recording: tuple[tuple[timedelta, str | None], ...] | None
    days: int
    seed: int

    @property
    def expected(self) -> int:
        """People, about."""
        once = len(self.recording) if self.recording is not None else sum(part.rate * (part.length / HOUR) for part in self.parts)
        return round(once * (1 - self.crowd.booked * self.crowd.no_show) * self.days)

    def people(self, number: int) -> list[Person]:
        """Those of one day: the same whatever the rule and the counters."""
        rng = Random(f"{self.seed}/{number}")
        planned = [(when, None) for when in moments(self.parts, rng)] if self.recording is None else self.recording
        return people(self.crowd, self.site, self.begins, planned, rng)

    def stories(self, site: Site, plan: Sequence[int]) -> Iterator[Iterator[ev.Entry]]:
        for number in range(self.days):
            yield live(site, self.people(number), duties(site, self.begins, self.length, plan))


def simulate(arguments: Arguments) -> None:
    session = _session(arguments)
    rows: list[list[object]] | None = [] if arguments.csv else None
    found = _lived(session.stories(session.site, session.plan), session.expected, "days", rows)
    needed = _needed(session, arguments.target) if arguments.target is not None else None
    if arguments.csv:
        _write_csv(arguments.csv, rows or [])
    if arguments.plot:
        _write(arguments.plot, waits_chart(_title(session), {NAMES[name]: found.waits[name] for name in CLASSES}))
    value = wire.outcome(found)
    if arguments.target is not None:
        value["counters_needed"] = {"target_min": arguments.target, "share": TARGET_SHARE, "counters": needed}
    if arguments.json:
        print(json.dumps(value, ensure_ascii=False), flush=True)
        return
    print(f"{_title(session)}; {session.expected // session.days} people a day\n")
    print(table({"": found}, session.site.rules))
    if needed is not None:
        print(f"{needed} counters are enough for {TARGET_SHARE:.0%} of all to wait at most {arguments.target:g} min.")


def _title(session: Session) -> str:
    plan = ", ".join(map(str, session.plan))
    return f"{session.days} days of {session.length / HOUR:g} h with {plan} counters at {session.site.name}"


def _session(arguments: Arguments) -> Session:
    site = unlimited(office(arguments.site or "demo", arguments.db), OPENS)
    site = replace(site, rules=_ruled(site.rules, arguments.rule))
    begins = datetime(*MONDAY, tzinfo=site.tz) + OPENS
    plan = tuple(arguments.counters or [len(site.counters)])
    if not plan[-1]:
        raise Failed("Somebody has to serve those who wait at the end: the last number of --counters is at least 1.")
    if arguments.counters:
        site = pooled(site, max(plan))
    length = arguments.hours * HOUR
    recording = None
    if arguments.recorded:
        day = _recording(arguments)
        letters = sorted(day.queues, key=lambda letter: -sum(letter == other for _, other in day.arrivals))
        service = {letter: site.services[rank % len(site.services)].id for rank, letter in enumerate(letters)}
        recording = tuple((when, service[letter]) for when, letter in day.arrivals)
        length = day.closes - day.opens
    slots = [service.booking.slot for service in site.services if service.booking is not None]
    crowd = Crowd(
        service_time=arguments.service_minutes * MINUTE,
        shape=Shape(arguments.service),
        cv=arguments.cv,
        booked=arguments.booked,
        no_show=arguments.no_show,
        late=arguments.late,
        slot=arguments.slot_minutes * MINUTE if arguments.slot_minutes else slots[0] if slots else SLOT,
        priority=arguments.priority,
        absent=arguments.absent,
    )
    rate = arguments.load * (sum(plan) / len(plan)) * (HOUR / crowd.service_time)
    session = Session(site, begins, length, plan, crowd, _parts(arguments, length, rate), recording, arguments.days, arguments.seed)
    if session.expected > MOST_PEOPLE:
        raise Failed(f"These would be {session.expected:,} people, more than the {MOST_PEOPLE:,} that fit: give fewer --days or --hours.")
    return session


def _parts(arguments: Arguments, length: timedelta, rate: float) -> tuple[Part, ...]:
    """Without weights the first ninety minutes are the rush with which the rule was measured."""
    if arguments.arrivals:
        return tuple(Part(length / len(arguments.arrivals), rate * weight) for weight in arguments.arrivals)
    rush = min(RUSH_LENGTH, length)
    return Part(rush, RUSH * rate), Part(length - rush, rate)


def _recording(arguments: Arguments) -> BusyDay:
    if arguments.recorded == "busy-day":
        return busy_day()
    try:
        return recorded_day(Path(arguments.recorded), arguments.office, arguments.date)
    except (OSError, ValueError) as error:
        text = str(error) if isinstance(error, ValueError) else f"{arguments.recorded} cannot be read: {error}"
        raise Failed(text.removesuffix(".") + ".") from error


def _needed(session: Session, target: float) -> int:
    """The fewest counters at any working time of the plan with which 95 of 100 wait at most so many minutes."""
    lower = upper = max(session.plan)

    def enough(counters: int) -> bool:
        more = counters - max(session.plan)
        plan = [max(at_work + more, 1) if at_work else 0 for at_work in session.plan]
        found = _lived(session.stories(pooled(session.site, counters), plan), session.expected, f"with {counters} counters")
        return (found.waits_of().p95 or 0) <= target

    if enough(upper):
        while lower > 1 and enough(lower - 1):
            lower -= 1
        return lower
    while not enough(upper + 1):
        upper += 1
    return upper + 1


# -- replay ----------------------------------------------------------------------------------------------------------------------


def replay(arguments: Arguments) -> None:
    when = wanted_day(arguments.day)
    with opened(arguments, create=False) as store:
        site = known_site(store, arguments.site)
        day, story = folded(store, site, when)
    try:
        cast = recast(day, story)
    except ValueError as error:
        raise Failed(f"Nobody took a number at {site} on {when}, or no counter was open: there is nothing to replay.") from error
    other = cast.under(_ruled(cast.site.rules, arguments.rule))
    try:
        other = other.with_counters(arguments.counters)
    except ValueError as error:
        raise Failed(f"Only {error} counters were at work on {when}: at least one has to stay.") from error
    columns = {"as it was": Outcome(), "replayed": Outcome(), "otherwise": Outcome()}
    columns["as it was"].add(story)
    rows: list[list[object]] | None = [] if arguments.csv else None
    for name, one, kept in (("replayed", cast, None), ("otherwise", other, rows)):
        columns[name] = _lived(iter([_again(one)]), len(one.people), name, kept)
    if arguments.csv:
        _write_csv(arguments.csv, rows or [])
    if arguments.plot:
        _write(arguments.plot, waits_chart(f"{site} on {when}", {n: [m for w in c.waits.values() for m in w] for n, c in columns.items()}))
    if arguments.json:
        keys = {"as it was": "was", "replayed": "replayed", "otherwise": "otherwise"}
        value = {"site": site, "day": when.isoformat(), **{keys[name]: wire.outcome(found) for name, found in columns.items()}}
        print(json.dumps(value, ensure_ascii=False), flush=True)
        return
    print(f"{site} on {when}: as it was, replayed under its own rule (how far the replay can be trusted), and otherwise.\n")
    print(table(columns, other.site.rules))


def _again(cast: Recast) -> Iterator[ev.Entry]:
    return live(cast.site, cast.people, cast.duties)


# -- living, counting, showing ---------------------------------------------------------------------------------------------------


def _lived(stories: Iterable[Iterator[ev.Entry]], expected: int, what: str, rows: list[list[object]] | None = None) -> Outcome:
    """Live through the days and count them; `rows` takes a line for each ticket. Says how far it is when it takes more than two seconds."""
    from tqdm import tqdm

    found = Outcome()
    with tqdm(total=expected, desc=what, unit=" people", delay=2, mininterval=0.5, file=sys.stderr, leave=False) as bar:
        for number, entries in enumerate(stories, start=1):
            story = []
            for entry in entries:
                story.append(entry)
                if isinstance(entry.event, ev.TicketIssued):
                    bar.update()
            found.add(story)
            if rows is not None:
                rows += ticket_rows(number, story)
    return found


@contextmanager
def _writing(path: str) -> Iterator[Any]:
    try:
        with Path(path).open("w", encoding="utf-8", newline="") as file:
            yield file
    except OSError as error:
        raise Failed(f"{path} cannot be written: {error.strerror or error}.") from error


def _write(path: str, text: str) -> None:
    with _writing(path) as file:
        file.write(text)


def _write_csv(path: str, rows: Iterable[Sequence[object]]) -> None:
    with _writing(path) as file:
        csv.writer(file).writerows([COLUMNS, *rows])


# -- arguments -------------------------------------------------------------------------------------------------------------------


def _ruled(rules: Rules, changes: Sequence[str]) -> Rules:
    """The rules with what `--rule` changes: a number by its name, or a whole way of ordering."""
    known = {field.name: field for field in fields(Rules)}
    for change in changes:
        name, equals, text = change.partition("=")
        name = name.removesuffix("_minutes")
        if not equals and name in POLICIES:
            rules = replace(POLICIES[name], rejoins=rules.rejoins, rejoin_within=rules.rejoin_within)
            continue
        if name not in known or not text.isascii() or not text.isdigit() or int(text) > 24 * 60:
            raise Failed(f"--rule {change} is not understood: give {', '.join(POLICIES)}, or NAME=NUMBER with one of {', '.join(known)}.")
        rules = replace(rules, **{name: int(text) if isinstance(getattr(rules, name), int) else int(text) * MINUTE})
    if rules.late_head > max(rules.appointment_head + rules.grace, timedelta()):
        raise Failed("late_head must not be longer than appointment_head and grace together: coming later would help.")
    return rules


def _numbers(least: float, most: float) -> Any:
    def number(text: str) -> float:
        value = float(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text} is not between {least:g} and {most:g}")
        return value

    return number


def _whole(least: int, most: int) -> Any:
    def number(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text} is not between {least} and {most}")
        return value

    return number


def _list(one: Any) -> Any:
    def numbers(text: str) -> list[Any]:
        found = [one(item) for item in text.split(",")]
        if not any(found) or len(found) > 1000:
            raise argparse.ArgumentTypeError(f"{text} needs a number above 0")
        return found

    return numbers


def add_parsers(commands: Any) -> None:
    share = _numbers(0, 1)
    what = "Live through days that did not happen, by the functions of those that do"
    run = add_leaf(commands, "simulate", what, "moiso simulate --site open --counters 5 --load 0.95 --booked 0.3 --days 300", simulate)
    run.add_argument("--hours", type=_numbers(0.01, 10_000), default=4.0, help="how long people come (default: 4)")
    run.add_argument(
        "--counters",
        type=_list(_whole(0, 200)),
        metavar="N[,N...]",
        help="so many that serve everything, in equal parts of the hours, as 5,5,0,3 (default: the office's own, each with its services)",
    )
    run.add_argument(
        "--load", type=_numbers(0.001, 20), default=0.95, help="people's work over the counters' time, at weight 1 (default: 0.95)"
    )
    run.add_argument("--service-minutes", type=_numbers(0.01, 1000), default=6.0, help="mean service time (default: 6)")
    run.add_argument("--service", choices=[shape.value for shape in Shape], default="lognormal", help="shape of service times")
    run.add_argument("--cv", type=_numbers(0, 10), default=0.8, help="spread of lognormal service times over their mean (default: 0.8)")
    run.add_argument("--booked", type=share, default=0.3, metavar="SHARE", help="of all (default: 0.3)")
    run.add_argument("--no-show", type=share, default=0.15, metavar="SHARE", help="of the booked, who stay away (default: 0.15)")
    run.add_argument("--late", type=share, default=0.05, metavar="SHARE", help="of the booked, who come 10-40 min late (default: 0.05)")
    run.add_argument("--priority", type=share, default=0.1, metavar="SHARE", help="of the others, in a priority group (default: 0.1)")
    run.add_argument("--absent", type=share, default=0.0, metavar="SHARE", help="of all, who miss their first call (default: 0)")
    run.add_argument("--slot-minutes", type=_numbers(1, 240), help="length of a slot (default: the office's, else 5)")
    run.add_argument(
        "--arrivals",
        type=_list(_numbers(0, 1000)),
        metavar="WEIGHT[,WEIGHT...]",
        help="how many come in equal parts of the hours, for 1 as the load says (default: 1.35 in the first 90 min, then 1)",
    )
    run.add_argument("--recorded", metavar="FILE", help="arrivals of a recorded day instead: busy-day, or a file of queue snapshots")
    run.add_argument("--office", help="whose day of the recording (default: the busiest)")
    run.add_argument("--date", help="which day of the recording, as 2020-01-03 (default: the busiest)")
    run.add_argument("--days", type=_whole(1, 100_000), default=30, help="default: 30")
    run.add_argument("--seed", type=int, default=1, help="the same seed, the same people (default: 1)")
    run.add_argument(
        "--target", type=_numbers(0.1, 1000), metavar="MIN", help="find the counters with which 95 of 100 wait at most so long"
    )

    again = add_leaf(
        commands,
        "replay",
        "A stored day as it would have been under another rule or with other counters",
        "moiso replay 2026-11-20 --rule priority_head=0 --counters +1",
        replay,
    )
    again.add_argument("day", help="the date, as 2026-11-20")
    again.add_argument("--counters", type=_whole(-200, 200), default=0, metavar="+N", help="so many more, or fewer, than were at work")
    for parser in (run, again):
        parser.add_argument(
            "--rule",
            action="append",
            default=[],
            metavar="NAME=MINUTES",
            help="a number of the rule, as priority_head=0, or first-come, or strict (bookings and priority before all); may be repeated",
        )
        parser.add_argument("--csv", metavar="FILE", help="a line for each ticket of the days that did not happen")
        parser.add_argument("--plot", metavar="FILE.svg", help="a picture of the waits")
