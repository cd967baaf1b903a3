"""How good the forecasts are: the product's own `Pace` lives through recorded days and is asked as citizens ask.

    python -m tests.bench.forecast [QUEUES.csv.gz]

The recording (its columns: `config/profiles/derive.py`) holds snapshots about every five minutes. Each date of an office becomes a story:
people join and are called evenly between two snapshots, each queue at one counter of its own, because the recording does not tell which
counter called. Habits are handed on from date to date. The last four dates are the test; what ships was fitted to the dates before them.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import sys
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import log
from pathlib import Path
from statistics import mean
from typing import NamedTuple
from zoneinfo import ZoneInfo

from config.profiles.derive import MOST_BETWEEN_SAMPLES, MOST_JUMPS
from server.core import events as ev
from server.core.day import Day, Ticket
from server.core.forecast import Basis, Forecast, Pace
from server.core.habit import SMALL, Habit
from server.core.queue import Term
from server.core.site import Counter, Hall, Hours, Service, Site, Span

DATA = Path(__file__).parents[3] / "shared" / "data" / "municipal_queues_2020-01.csv.gz"
TEST_DATES = 4
LEAST_CALLED = 5
"""A queue with fewer calls in a day was hardly open."""
ZONE = ZoneInfo("Europe/Warsaw")
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
OPEN = Span(8 * HOUR, 18 * HOUR)

OWN, PACE, LES, HOL = "the offices' own formula", "queue x pace of the last hour", "last-served wait (LES)", "head-of-line wait (HOL)"


class Snapshot(NamedTuple):
    at: datetime
    current: int | None
    waiting: int
    counters: int
    estimate_min: float


Queue = tuple[str, str]
"""Office; id and name of the queue."""


def read(path: Path) -> dict[date, dict[Queue, list[Snapshot]]]:
    """Snapshots of every date and queue, in order of time."""
    found: dict[date, dict[Queue, list[Snapshot]]] = defaultdict(lambda: defaultdict(list))
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            at = datetime.fromisoformat(row["t"]).replace(tzinfo=ZONE)
            waiting, counters, estimate = (float(row[name] or 0) for name in ("waiting", "open_counters", "service_estimate_min"))
            current = int(float(row["current_number"])) if row["current_number"] else None
            queue = (row["office"], f"{row['queue_id']} {row['queue_name']}")
            found[at.date()][queue].append(Snapshot(at, current, int(waiting), int(counters), estimate))
    return {day: {queue: sorted(s, key=lambda s: s.at) for queue, s in sorted(queues.items())} for day, queues in sorted(found.items())}


# -- a recorded day as a story ---------------------------------------------------------------------------------------------------


class Step(NamedTuple):
    """`what` is `join`, `call`, `look` or `leave`; `number` counts the queue's tickets from 1 and is 0 for a look at the queue."""

    at: datetime
    what: str
    number: int
    seen: Snapshot


ORDER = ("join", "call", "look", "leave")


def steps(snapshots: Sequence[Snapshot]) -> list[Step]:
    """What happened at one queue on one day. Empty when its numbers jump too often to be believed."""
    found: list[Step] = []
    joined_at: dict[int, datetime] = {}
    issued = called = shift = jumps = 0
    start, begun = snapshots[0].at, False
    for seen in snapshots:
        if seen.current is None:
            # Before the first call of the morning there is no number yet; later it is a gap in the recording.
            start = start if begun else seen.at
            continue
        grown = seen.current + seen.waiting - shift - issued
        if grown > MOST_BETWEEN_SAMPLES or abs(seen.current - shift - called) > MOST_BETWEEN_SAMPLES:
            # Tickets of another range. Those who waited are lost from sight; those who wait now have come since.
            jumps += begun
            found += [Step(start, "leave", number, seen) for number in range(called + 1, issued + 1)]
            shift, called = seen.current - issued - 1, issued
        for number, at in _spread(issued, seen.current + seen.waiting - shift, start, seen.at):
            joined_at[number] = at
            found.append(Step(at, "join", number, seen))
        issued = max(issued, seen.current + seen.waiting - shift)
        for number, at in _spread(called, seen.current - shift, start, seen.at):
            found.append(Step(max(at, joined_at[number] + SECOND), "call", number, seen))
        called = max(called, seen.current - shift)
        found.append(Step(seen.at, "look", 0, seen))
        start, begun = seen.at, True
    return sorted(found, key=lambda step: (step.at, ORDER.index(step.what), step.number)) if jumps <= MOST_JUMPS else []


def _spread(before: int, after: int, start: datetime, end: datetime) -> Iterator[tuple[int, datetime]]:
    for place in range(after - before):
        yield before + place + 1, (start + (end - start) * ((place + 0.5) / (after - before))).replace(microsecond=0)


# -- asking on the way -----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Asked:
    """One question and how it turned out, in minutes. `who` asked: a `newcomer` when taking a number, the `last` or the `middle` one of
    the line at a snapshot. `said`: what the rivals would have answered, None where they could not."""

    who: str
    day: date
    ticket: str
    asked_at: datetime
    in_line: bool
    basis: Basis
    forecast: Forecast | None
    said: dict[str, float | None]
    wait: float = 0.0


class Life:
    """One day of one office, folded by the product, with a question at every turn."""

    def __init__(self, site: Site, day: date, habits: Mapping[str, Habit]) -> None:
        self.day = Day(site, day)
        self.pace = Pace(habits)
        self.asked: list[Asked] = []
        self.calls: dict[str, list[datetime]] = defaultdict(list)
        self.last_wait: dict[str, float] = {}

    def tell(self, at: datetime, *events: ev.Event) -> None:
        for event in events:
            entry = ev.Entry(self.day.seq + 1, at, "clock", event)
            self.day.apply(entry)
            self.pace.hear(self.day, entry)
            if isinstance(event, ev.TicketCalled):
                ticket = self.day.tickets[event.ticket]
                self.calls[ticket.service].append(at)
                self.last_wait[ticket.service] = _minutes(at - ticket.issued_at)

    def ask(self, who: str, ticket: Ticket, now: datetime, **more: float) -> None:
        basis = self.pace.basis(self.day, ticket, now)
        if basis is None:
            return
        before_me = self.day.people_ahead(ticket) + 1
        waited = _minutes(now - ticket.issued_at)
        head = self.day.lines[ticket.service].first(1)[0]
        calls, last_wait = self.calls[ticket.service], self.last_wait.get(ticket.service)
        recent = len(calls) - bisect_right(calls, now - HOUR)
        said: dict[str, float | None] = {
            # Those who have waited for a part of it already have only the rest before them: better for the rivals than the whole.
            LES: None if last_wait is None else max(0.0, last_wait - waited),
            HOL: max(0.0, _minutes(now - head.issued_at) - waited),
            PACE: before_me * _minutes(min(HOUR, now - calls[0])) / recent if recent else None,
            **more,
        }
        forecast = self.pace.likely(self.day, ticket, now)
        self.asked.append(Asked(who, self.day.date, ticket.id, now, before_me > 1, basis, forecast, said))

    def look(self, service: str, now: datetime, each: float | None = None) -> None:
        """Ask for the last and the middle one of a line; `each`: minutes for a person by the office's own formula, where it has one."""
        line = list(self.day.lines[service])
        for who, place in (("last", len(line) - 1), ("middle", (len(line) - 1) // 2)):
            if line and (who == "last" or len(line) > 1):
                self.ask(who, line[place], now, **({} if each is None else {OWN: each * (place + 1)}))

    def answered(self) -> list[Asked]:
        """The questions that a call has answered."""
        for asked in self.asked:
            if called := self.day.tickets[asked.ticket].first_called_at:
                asked.wait = _minutes(called - asked.asked_at)
        return [asked for asked in self.asked if self.day.tickets[asked.ticket].first_called_at]


def _minutes(span: timedelta) -> float:
    return span / MINUTE


def live(office: str, day: date, queues: Mapping[str, Sequence[Step]], habits: Mapping[str, Habit]) -> Life:
    """One recorded day."""
    site = Site(
        id="recorded",
        name=office,
        services=tuple(Service(queue, queue, queue) for queue in queues),
        counters=tuple(Counter(queue, queue, "hall", (queue,)) for queue in queues),
        halls=(Hall("hall", "hall"),),
        kiosks=(),
        hours=Hours(week=((OPEN,),) * 7),
        zone=str(ZONE),
    )
    life = Life(site, day, habits)
    for step, queue in sorted(((step, queue) for queue, steps in queues.items() for step in steps), key=lambda pair: pair[0].at):
        ticket, at = f"{queue}-{step.number}", step.at
        each = step.seen.estimate_min / max(step.seen.counters, 1)
        if life.day.counters[queue].clerk is None:
            life.tell(at, ev.CounterOpened(queue, "clerk"))
        match step.what:
            case "join":
                life.tell(at, ev.TicketIssued(ticket, queue, step.number, at, at, Term.WALK_IN))
                mine = life.day.tickets[ticket]
                life.ask("newcomer", mine, at, **{OWN: each * (life.day.people_ahead(mine) + 1)})
            case "call":
                present, called = life.day.at_counter(queue), life.day.tickets[ticket]
                if present is not None:
                    life.tell(at, ev.TicketFinished(present.id))
                life.tell(at, ev.TicketCalled(ticket, queue, called.queue_time, called.term, called.joined_at, 1))
            case "leave":
                life.tell(at, ev.TicketCancelled(ticket))
            case _:
                life.look(queue, at, each)
    return life


def replay(days: Mapping[date, Mapping[Queue, Sequence[Snapshot]]], *, handed_on: bool = True) -> list[Asked]:
    """Every answered question of all days. Without `handed_on` every day is the first one of its office."""
    asked: list[Asked] = []
    habits: dict[str, Mapping[str, Habit]] = {}
    for day, queues in days.items():
        offices: dict[str, dict[str, list[Step]]] = defaultdict(dict)
        for (office, queue), snapshots in queues.items():
            happened = steps(snapshots)
            if sum(step.what == "call" for step in happened) >= LEAST_CALLED:
                offices[office][queue] = happened
        for office, happenings in offices.items():
            life = live(office, day, happenings, habits.get(office, {}) if handed_on else {})
            asked += life.answered()
            habits[office] = life.pace.handed_on()
    return asked


# -- counting --------------------------------------------------------------------------------------------------------------------

BETTER_THAN_LES = 0.75
COVERED = (0.77, 0.83)
JUDGED = "number taken, others waiting"
"""When nobody waits the screens say so, and no forecast is needed."""


class Score(NamedTuple):
    """Mean absolute errors of us and of the rivals, in minutes, over those questions that everybody could answer; how often our range held
    the wait, and how wide it was."""

    questions: int
    wait: float
    errors: dict[str, float]
    ours: float
    covered: float
    width: float
    unanswered: float


def score(asked: Sequence[Asked]) -> Score:
    answered = [(a, a.forecast) for a in asked if a.forecast is not None]
    fair = [(a, forecast, {name: said for name, said in a.said.items() if said is not None}) for a, forecast in answered]
    fair = [(a, forecast, said) for a, forecast, said in fair if len(said) == len(a.said)]
    return Score(
        questions=len(fair),
        wait=mean(a.wait for a, _, _ in fair),
        errors={name: mean(abs(said[name] - a.wait) for a, _, said in fair) for name in (OWN, PACE, LES, HOL) if name in fair[0][2]},
        ours=mean(abs(_minutes(forecast.likely) - a.wait) for a, forecast, _ in fair),
        covered=mean(_minutes(forecast.low) <= a.wait <= _minutes(forecast.high) for a, forecast in answered),
        width=mean(_minutes(forecast.high - forecast.low) for _, forecast in answered),
        unanswered=1 - len(answered) / len(asked),
    )


def columns(asked: Sequence[Asked]) -> dict[str, Score]:
    return {
        "number taken": score([a for a in asked if a.who == "newcomer"]),
        JUDGED: score([a for a in asked if a.who == "newcomer" and a.in_line]),
        "last in line": score([a for a in asked if a.who == "last"]),
        "middle of line": score([a for a in asked if a.who == "middle"]),
    }


def table(scores: Mapping[str, Score]) -> str:
    """A Markdown table, one column for each kind of question."""
    found = list(scores.values())
    rows = [
        ("", list(scores)),
        (":--", ["--:"] * len(found)),
        ("questions", [f"{s.questions:,}" for s in found]),
        ("mean wait, min", [f"{s.wait:.1f}" for s in found]),
        *((f"mean absolute error of {name}", [f"{s.errors[name]:.2f}" for s in found]) for name in found[0].errors),
        ("mean absolute error of the forecast", [f"{s.ours:.2f}" for s in found]),
        ("share of LES's error", [f"{s.ours / s.errors[LES]:.3f}" for s in found]),
        ("waits within the range (80 % promised)", [f"{s.covered:.1%}" for s in found]),
        ("mean width of the range, min", [f"{s.width:.1f}" for s in found]),
        ("questions without an answer", [f"{s.unanswered:.1%}" for s in found]),
    ]
    return "\n".join(f"| {title} | {' | '.join(cells)} |" for title, cells in rows)


def broken(judged: Score) -> list[str]:
    """What is promised and not kept, one sentence each."""
    found = []
    if judged.ours > BETTER_THAN_LES * judged.errors[LES]:
        found.append(f"The error is {judged.ours / judged.errors[LES]:.3f} of that of LES; at most {BETTER_THAN_LES} is promised.")
    found += [f"The error is not below that of {name}." for name in (PACE, OWN) if judged.ours >= judged.errors.get(name, judged.ours + 1)]
    if not COVERED[0] <= judged.covered <= COVERED[1]:
        found.append(f"The range held {judged.covered:.1%} of the waits; {COVERED[0]:.0%} to {COVERED[1]:.0%} is promised.")
    return found


# -- fitting ---------------------------------------------------------------------------------------------------------------------


def fit(asked: Sequence[Asked]) -> str:
    """The blend with the least absolute error (reweighted least squares), and the ratios around it at the knots of the range."""
    rows = [(a.basis.terms, a.wait) for a in asked]
    blend = [0.0, 1.0, 0.0, 0.0]
    for _ in range(20):
        normal = [[1e-3 * (i == j) for j in range(4)] + [0.0] for i in range(4)]
        for terms, wait in rows:
            weight = 1 / max(0.5, abs(wait - _blended(blend, terms)))
            for i in range(4):
                for j in range(4):
                    normal[i][j] += weight * terms[i] * terms[j]
                normal[i][4] += weight * terms[i] * wait
        blend = _solved(normal)
    lines = [f"blend: {', '.join(f'{weight:.3f}' for weight in blend)}"]
    for alone in (True, False):
        for minutes in (1, 5, 20, 60):
            ratios = sorted(
                log((a.wait + SMALL) / (likely + SMALL))
                for a in asked
                if a.basis.alone is alone
                and minutes / 1.6 <= (likely := max(0.0, _blended(blend, a.basis.terms))) + (minutes == 1) <= minutes * 1.6
            )
            if len(ratios) > 100:
                low, high = ratios[len(ratios) // 10], ratios[len(ratios) * 9 // 10]
                lines.append(
                    f"{'alone' if alone else 'in line'}, forecasts of about {minutes} min: {low:.2f} to {high:.2f}, {len(ratios)} waits"
                )
    return "\n".join(lines)


def _blended(blend: Sequence[float], terms: Sequence[float]) -> float:
    return sum(weight * term for weight, term in zip(blend, terms, strict=True))


def _solved(rows: list[list[float]]) -> list[float]:
    """Gauss and Jordan; the normal matrix is positive definite."""
    for i in range(len(rows)):
        rows[i] = [value / rows[i][i] for value in rows[i]]
        for j in range(len(rows)):
            if j != i:
                rows[j] = [value - rows[j][i] * pivot for value, pivot in zip(rows[j], rows[i], strict=True)]
    return [row[-1] for row in rows]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.forecast", description=__doc__.splitlines()[0])
    parser.add_argument("recording", nargs="?", type=Path, default=DATA, help=f"snapshots of queues; without it {DATA}")
    parser.add_argument("--test-dates", type=int, default=TEST_DATES, metavar="N", help="how many of the last dates are the test")
    parser.add_argument("--hall", action="store_true", help="an invented hall with shared counters, priority, bookings and lunch instead")
    parser.add_argument("--first-day", action="store_true", help="every day as the first one of its office: nothing is handed on")
    parser.add_argument("--fit", action="store_true", help="fit the blend and the range to the dates before the test")
    asked_for = parser.parse_args(arguments)
    if asked_for.hall:
        from .invented_hall import week

        print(table(columns(week())))
        return 0
    if not asked_for.recording.is_file():
        print(f"There is no recording at {asked_for.recording}; name one: python -m tests.bench.forecast QUEUES.csv.gz", file=sys.stderr)
        return 2
    days = read(asked_for.recording)
    training, test = list(days)[: -asked_for.test_dates], list(days)[-asked_for.test_dates :]
    if asked_for.fit:
        print(fit(replay({day: days[day] for day in training})))
        return 0
    asked = [a for a in replay(days, handed_on=not asked_for.first_day) if a.day in test]
    scores = columns(asked)
    print(f"Recorded days {test[0]} to {test[-1]}, after {len(training)} dates of training\n\n{table(scores)}\n")
    complaints = broken(scores[JUDGED])
    print("\n".join(complaints) or f'What is promised for "{JUDGED}" is kept.')
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
