"""The bench of the forecasts reads a recording as its collectors say, and says in one sentence what it misses."""

from __future__ import annotations

import csv
import gzip
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from bench.forecast import MOST_JUMPS, ZONE, Snapshot, columns, main, steps, table
from bench.invented_hall import week

START = datetime(2026, 11, 20, 8, tzinfo=ZONE)
FIVE = timedelta(minutes=5)


def told(*seen: tuple[int | None, int]) -> list[tuple[str, str, int]]:
    """What happened between snapshots of (number being served, people waiting), five minutes apart from 08:00 on."""
    snapshots = [Snapshot(START + FIVE * n, current, waiting, 1, 5.0) for n, (current, waiting) in enumerate(seen)]
    return [(f"{step.at:%H:%M:%S}", step.what, step.number) for step in steps(snapshots) if step.what != "look"]


def test_people_join_and_are_called_evenly_between_two_snapshots() -> None:
    assert told((None, 0), (1, 1), (3, 0)) == [
        ("08:01:15", "join", 1),
        ("08:02:30", "call", 1),
        ("08:03:45", "join", 2),
        ("08:06:15", "call", 2),
        ("08:07:30", "join", 3),
        ("08:08:45", "call", 3),
    ]


def test_numbers_of_another_range_are_nobody_and_those_who_waited_are_lost_from_sight() -> None:
    assert told((1, 1), (901, 1)) == [
        ("08:00:00", "join", 1),
        ("08:00:00", "join", 2),
        ("08:00:00", "leave", 2),
        ("08:00:01", "call", 1),
        ("08:01:15", "join", 3),
        ("08:02:30", "call", 3),
        ("08:03:45", "join", 4),
    ]


def test_a_queue_whose_numbers_keep_jumping_is_not_believed() -> None:
    jumping = [(1 + 500 * (n % 2), 0) for n in range(MOST_JUMPS + 2)]
    assert told(*jumping[:-1])
    assert told(*jumping) == []


def recording(path: Path) -> Path:
    """Ten dates of one queue: a person every five minutes or so, and a counter that is about as fast."""
    random = Random(4)
    with gzip.open(path, "wt", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["office", "queue_id", "queue_name", "t", "current_number", "waiting", "open_counters", "service_estimate_min"])
        for day in range(10):
            current, waiting = 1, 3
            for n in range(80):
                waiting += random.choice((0, 1, 1, 2))
                served = min(waiting, random.choice((0, 1, 1, 2)))
                current, waiting = current + served, waiting - served
                rows.writerow(["O", "1", "A", START.replace(tzinfo=None) + timedelta(days=day) + FIVE * n, current, waiting, 1, 10])
    return path


@pytest.mark.parametrize("mode", [[], ["--first-day"]])
def test_one_command_prints_the_table_and_whether_the_promise_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], mode: list[str]
) -> None:
    failed = main([str(recording(tmp_path / "queues.csv.gz")), *mode])
    said = capsys.readouterr().out
    assert said.startswith("Recorded days 2026-11-26 to 2026-11-29, after 6 dates of training")
    assert "| mean absolute error of the forecast |" in said
    assert ("is kept." in said) is not bool(failed)


def test_the_fit_prints_a_blend_of_four(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(recording(tmp_path / "queues.csv.gz")), "--fit"]) == 0
    assert capsys.readouterr().out.splitlines()[0].count(",") == 3


def test_a_missing_recording_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none.csv.gz")]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)


def test_in_an_invented_hall_the_forecast_beats_what_the_others_say() -> None:
    scores = columns(week(tickets=300))
    assert "the offices' own formula" not in table(scores)
    for found in scores.values():
        assert found.ours < 0.75 * min(found.errors.values())
