"""Makes the two profiles beside this file from snapshots of municipal queues:

    python config/profiles/derive.py municipal_queues_2020-01.csv.gz

Columns: office, queue_id, queue_name, t (local time), current_number (being served), waiting, open_counters, service_estimate_min (the
office's own figure). One row about every five minutes; counters reset each morning. `municipal.json` is how people arrive at offices like
these; `busy_day.json` is one whole day of one of them, ticket by ticket. Both hold counts and times only.
"""

from __future__ import annotations

import csv
import gzip
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time, timedelta
from pathlib import Path
from statistics import mean, median
from typing import NamedTuple

MOST_BETWEEN_SAMPLES = 40
"""A number that grows by more in five minutes has jumped to tickets of another range: nobody arrived."""
MOST_JUMPS = 3
"""A queue that jumps more often in a day is not counted that day."""
BIN = timedelta(minutes=15)
OPENS, CLOSES = time(8), time(16)
"""Tuesday to Friday; on Mondays these offices stay open two hours longer, so Mondays are left out of the profile."""
LEAST_TICKETS = 250
"""An office-day with fewer is a closed office, a holiday or a broken recording."""
QUEUES = 10
LONGEST_SERVICE_MIN = 45
BUSY_OFFICE, BUSY_DATE = "UD_Zoliborz", "2020-01-03"

SOURCE = {
    "data": "City of Warsaw open data interface (api.um.warszawa.pl), ticket queues of 20 municipal offices, 2-15 January 2020",
    "collected_by": "https://github.com/HaZdula/kolejkeR",
    "licence": "MIT (collection); facts used with the source named",
    "made_by": "config/profiles/derive.py",
}


class Sample(NamedTuple):
    at: datetime
    current: int | None
    waiting: int
    estimate_min: int | None


class Growth(NamedTuple):
    """`people` arrived between two samples."""

    after: datetime
    until: datetime
    people: int


QueueDay = tuple[str, str, str, str]
"""Office, queue id, queue name, date."""


def read(path: Path) -> dict[QueueDay, list[Sample]]:
    """Samples of every queue and day, in order of time."""
    days: dict[QueueDay, list[Sample]] = defaultdict(list)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            key = (row["office"], row["queue_id"], row["queue_name"], row["t"][:10])
            sample = Sample(
                datetime.fromisoformat(row["t"]),
                _whole(row["current_number"]),
                _whole(row["waiting"]) or 0,
                _whole(row["service_estimate_min"]),
            )
            days[key].append(sample)
    return {key: sorted(samples, key=lambda sample: sample.at) for key, samples in days.items()}


def _whole(text: str) -> int | None:
    return int(float(text)) if text else None


def growths(samples: Sequence[Sample]) -> tuple[list[Growth], int]:
    """When people arrived at one queue on one day, and how often its numbers jumped.

    Arrivals are what `current + waiting` gains over its highest value so far: it falls when people leave, and their return is no arrival.
    """
    found: list[Growth] = []
    jumps = 0
    start = samples[0].at
    highest, current = 0, 0
    begun = False
    for sample in samples:
        if sample.current is None:
            # Before the first call of the morning there is no number yet; later it is a gap in the recording, and people came meanwhile.
            start = start if begun else sample.at
            continue
        issued = sample.current + sample.waiting
        jumped = issued - highest > MOST_BETWEEN_SAMPLES or abs(sample.current - current) > MOST_BETWEEN_SAMPLES
        people = max(issued - highest, 0)
        if jumped and not begun:
            # Numbers begin at 1 in the morning; a larger first number is of another range, and only those who wait are real.
            people = min(sample.waiting, MOST_BETWEEN_SAMPLES)
        elif jumped:
            people, jumps = 0, jumps + 1
        if people:
            found.append(Growth(start, sample.at, people))
        highest = issued if jumped else max(highest, issued)
        start, current, begun = sample.at, sample.current, True
    return found, jumps


def instants(found: Iterable[Growth]) -> list[datetime]:
    """One instant a ticket: the people of a growth spread evenly between its samples."""
    return [
        growth.after + (growth.until - growth.after) * ((number + 0.5) / growth.people)
        for growth in found
        for number in range(growth.people)
    ]


def office_days(days: Mapping[QueueDay, Sequence[Sample]]) -> dict[tuple[str, str], dict[str, list[datetime]]]:
    """Arrivals of each office and date by queue name; queues without any are left out."""
    found: dict[tuple[str, str], dict[str, list[datetime]]] = defaultdict(dict)
    for (office, _, name, date), samples in days.items():
        grown, jumps = growths(samples)
        if grown and jumps <= MOST_JUMPS:
            found[office, date].setdefault(name, []).extend(instants(grown))
    return found


def service_minutes(days: Mapping[QueueDay, Sequence[Sample]]) -> dict[tuple[str, str], float]:
    """The mean service time of a queue by its office's own figure, where that figure is measured: many stand at 10 or 60 all month."""
    figures: dict[tuple[str, str], list[int]] = defaultdict(list)
    for (office, _, name, _), samples in days.items():
        figures[office, name] += [s.estimate_min for s in samples if s.estimate_min and s.current and s.estimate_min <= LONGEST_SERVICE_MIN]
    return {queue: mean(values) for queue, values in figures.items() if len(set(values)) > 2}


def municipal(days: Mapping[QueueDay, Sequence[Sample]]) -> dict[str, object]:
    """Shares of a day's tickets by quarter of an hour and by queue (largest first), each office-day with the same weight."""
    bins = round((_on(CLOSES) - _on(OPENS)) / BIN)
    by_bin: list[list[float]] = []
    by_rank: list[list[float]] = []
    totals: list[int] = []
    minutes_by_rank: dict[int, list[float]] = defaultdict(list)
    minutes = service_minutes(days)
    for (office, date), queues in sorted(office_days(days).items()):
        total = sum(map(len, queues.values()))
        if total < LEAST_TICKETS or datetime.fromisoformat(date).weekday() == 0:
            continue
        totals.append(total)
        counts = [0] * bins
        for arrived in queues.values():
            for at in arrived:
                counts[min(max(int((_on(at.time()) - _on(OPENS)) / BIN), 0), bins - 1)] += 1
        by_bin.append([count / total for count in counts])
        ranked = sorted(queues, key=lambda name: -len(queues[name]))[:QUEUES]
        kept = sum(len(queues[name]) for name in ranked)
        by_rank.append([len(queues[name]) / kept for name in ranked] + [0.0] * (QUEUES - len(ranked)))
        for rank, name in enumerate(ranked):
            if (office, name) in minutes:
                minutes_by_rank[rank].append(minutes[office, name])
    return {
        "source": SOURCE,
        "office_days": len(totals),
        "tickets_a_day": {"median": round(median(totals)), "most": max(totals)},
        "bin_minutes": round(BIN / timedelta(minutes=1)),
        "arrivals": [round(mean(column), 5) for column in zip(*by_bin, strict=True)],
        "queues": [
            {"share": round(mean(column), 4), "service_minutes": round(median(minutes_by_rank[rank]), 1)}
            for rank, column in enumerate(zip(*by_rank, strict=True))
            if minutes_by_rank[rank]
        ],
    }


def busy_day(days: Mapping[QueueDay, Sequence[Sample]], office: str, date: str) -> dict[str, object]:
    """Every ticket of one office-day as seconds since opening, by the letter before the queue's name."""
    queues = {}
    for name, arrived in sorted(office_days(days)[office, date].items()):
        letter, _, field = name.partition(":")
        seconds = sorted(max(round((_on(at.time()) - _on(OPENS)).total_seconds()), 0) for at in arrived)
        queues[letter] = {"name": field.strip(), "arrivals": seconds}
    return {"source": SOURCE, "office": office, "date": date, "opens": f"{OPENS:%H:%M}", "closes": f"{CLOSES:%H:%M}", "queues": queues}


def _on(moment: time) -> datetime:
    return datetime.combine(datetime.min, moment)


def write(path: Path, profile: Mapping[str, object]) -> None:
    """Readable JSON with lists of numbers on one line."""
    parts = [f"  {json.dumps(key)}: {_compact(value)}" for key, value in profile.items()]
    path.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


def _compact(value: object) -> str:
    if isinstance(value, dict) and any(isinstance(item, dict | list) for item in value.values()):
        return "{\n" + ",\n".join(f"    {json.dumps(key)}: {json.dumps(item, ensure_ascii=False)}" for key, item in value.items()) + "\n  }"
    return json.dumps(value, ensure_ascii=False)


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 1:
        print("Usage: python config/profiles/derive.py QUEUES.csv.gz", file=sys.stderr)
        return 2
    days = read(Path(arguments[0]))
    here = Path(__file__).parent
    write(here / "municipal.json", municipal(days))
    write(here / "busy_day.json", busy_day(days, BUSY_OFFICE, BUSY_DATE))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
