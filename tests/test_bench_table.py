"""The bench runs at all, holds a figure against its yardstick, its promise and its baseline, and says so."""

from __future__ import annotations

from pathlib import Path

from bench import commands, growth, hall, start
from bench.__main__ import compared, document
from bench.figures import Figure, middle, read_baseline, slower, table

FAST = Figure("issue", 650.0, "a second", "bare route", 1000.0, more_is_better=True, promise=0.65)
SLOW = Figure("issue", 640.0, "a second", "bare route", 1000.0, more_is_better=True, promise=0.65)
LATE = Figure("issue, p99", 31.0, "ms", "bare route", 10.0, promise=3.0)


def test_a_promise_is_kept_or_missed_by_the_ratio_and_some_by_the_figure_itself() -> None:
    assert (FAST.kept, SLOW.kept, LATE.kept) == (True, False, False)
    assert Figure("replay", 19.0, "µs", "bare loop", 1.0, promise=20.0, own=True).kept
    assert Figure("picture", 19.0, "ms", "blank", 1.0).kept is None
    assert "≥ 0.65: **missed**" in table([SLOW])
    assert "Promises missed: issue, p99." in document([FAST, LATE], 1.0, long=False)


def test_what_got_slower_by_more_than_is_tolerated_is_said_in_a_sentence() -> None:
    assert slower([FAST, LATE], {"issue": 0.9, "issue, p99": 2.1}) == []
    said = slower([FAST, LATE], {"issue": 1.0, "issue, p99": 2.0})
    assert [sentence.partition(":")[0] for sentence in said] == ["issue", "issue, p99"]
    assert compared([Figure("board, 10,000 waiting", 1e9, "µs", "100 waiting", 1.0)]) == 1
    assert compared([Figure("board, 10,000 waiting", 1e-9, "µs", "100 waiting", 1.0)]) == 0


def test_of_several_runs_the_one_in_the_middle_counts() -> None:
    runs = [Figure("x", ours, "ms", "y", 1.0) for ours in (9.0, 1.0, 3.0)]
    assert middle(runs).ours == 3.0


def test_commands_are_measured_beside_a_bare_route_and_a_bare_insert(tmp_path: Path) -> None:
    found = {figure.what: figure for figure in commands.measure(tmp_path, (2,), 20, 1)}
    assert {"issue, 2 clients", "call-next, 2 clients, p99", "book, 2 clients, p50", "board, 2 clients"} <= set(found)
    assert found["issue, 2 clients, beside an insert"].yardstick == "bare insert + commit"
    assert all(figure.ours > 0 and figure.yard > 0 for figure in found.values())


def test_a_slow_disk_is_the_product_with_a_writer_that_waits(tmp_path: Path) -> None:
    assert [figure.yardstick for figure in commands.slow_disk(tmp_path, 1, 40)] == ["own disk"]


def test_a_call_is_followed_to_every_screen_beside_a_bare_broadcast(tmp_path: Path) -> None:
    found = hall.measure(tmp_path, (1, 3), 2)
    assert [figure.what for figure in found][:3] == ["memory at rest", "call to 1 screen, p50", "call to 1 screen, p99"]
    found += hall.sent_straight(tmp_path, 5, 5)
    assert [figure.what for figure in found][-3::2] == ["straight to 5 sockets, CPU per message", "straight to 5 sockets, p99"]
    assert all(figure.ours >= 0 and figure.yard >= 0 for figure in found)


def test_what_grows_with_the_queue_the_day_and_the_years_is_measured(tmp_path: Path) -> None:
    found = [*growth.waiting((5, 50), 5), *growth.through_the_ledger(tmp_path, (5, 50), 5), *growth.replay(tmp_path, 20, 1)]
    found += [growth.paper(1), growth.foretold(20, 1), *start.measure(tmp_path, (2,), 1)]
    assert [figure.what for figure in found][:2] == ["call-next, 50 waiting", "board, 50 waiting"]
    assert found[-1].what == "start to first ticket, 2 past days"
    assert all(figure.ours > 0 and figure.yard > 0 for figure in found)


def test_the_document_and_the_baseline_are_of_one_run() -> None:
    text = (Path(__file__).parents[1] / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    lines = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")][1:]
    kept = {cells[0].removeprefix("| "): cells[3] for cells in lines}
    ratios = read_baseline()
    assert len(kept) > 50
    assert all(abs(float(shown) / ratios[what] - 1) < 0.5 for what, shown in kept.items())
