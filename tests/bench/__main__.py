"""Every figure beside its yardstick, in one table, and what got slower.

    python -m tests.bench                  # or make bench: some six minutes
    python -m tests.bench --long           # also 128 clients, 2,000 phones, more requests and calls in each run
    python -m tests.bench --only commands  # one part: commands, hall, call, followers, growth, start or workers
    python -m tests.bench --keep           # also writes docs/benchmarks.md and the baseline, of one and the same run

Exit code 1 when a ratio is worse than its baseline by more than is tolerated. `tests/bench/README.md` says how to read it.
"""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tqdm import tqdm

from . import call, commands, followers, growth, hall, start, workers
from .figures import STEADY, TAIL, Figure, p, read_baseline, slower, table, write_baseline
from .machine import CORES

DOCUMENT = Path(__file__).parents[2] / "docs" / "benchmarks.md"
RUNS = 5
"""Of each figure whose runs differ, the one in the middle counts."""
NOT_HERE = "Not measured by this command: other engines."
Part = Callable[[Path, bool], list[Figure]]


def _commands(folder: Path, long: bool) -> list[Figure]:
    clients = (1, 8, 32, 128) if long else (1, 8, 32)
    requests = 1200 if long else 600
    return [*commands.measure(folder, clients, requests, RUNS), *commands.slow_disk(folder, RUNS)]


def _hall(folder: Path, long: bool) -> list[Figure]:
    return [*hall.measure(folder, (1, 50, 500), 50 if long else 15), *hall.sent_straight(folder, 500, 100 if long else 40)]


def _followers(folder: Path, long: bool) -> list[Figure]:
    """The same pace in the short run; the same figures under another name."""
    return followers.measure(folder, 2_000, 500, 180) if long else followers.measure(folder, 300, 50, 18)


def _call(folder: Path, long: bool) -> list[Figure]:
    found = call.measure(call.LONG if long else call.CALLS)
    figures = []
    for name, seconds, aim in (("loudspeaker", found.voice, call.AIM_VOICE_MS), ("each of 20 screens", found.screen, call.AIM_SCREEN_MS)):
        for percent in (50, 99):
            echo, ours = p(found.echo, percent), p(seconds, percent)
            promise = aim if percent == 99 else None
            tolerance = TAIL if percent == 99 else STEADY
            what = f"press to the {name}, p{percent}" if name == "loudspeaker" else f"press to {name}, p{percent}"
            figures.append(Figure(what, ours, "ms", "bare echo", echo, tolerance=tolerance, promise=promise, own=True))
    return figures


def _growth(folder: Path, long: bool) -> list[Figure]:
    ledger = growth.through_the_ledger(folder, times=400 if long else 120)
    return [*growth.waiting(), *ledger, *growth.replay(folder), growth.paper(), growth.foretold()]


def _start(folder: Path, long: bool) -> list[Figure]:
    return start.measure(folder, (1, 500), RUNS)


def _workers(folder: Path, long: bool) -> list[Figure]:
    return workers.measure(folder, 1000 if long else 400, RUNS)


PARTS: dict[str, Part] = {
    "commands": _commands,
    "hall": _hall,
    "call": _call,
    "followers": _followers,
    "growth": _growth,
    "start": _start,
    "workers": _workers,
}


def measured(parts: Sequence[str], *, long: bool) -> list[Figure]:
    found: list[Figure] = []
    for name in tqdm(parts, desc="measuring", file=sys.stderr, leave=False):
        with tempfile.TemporaryDirectory() as folder:
            found += PARTS[name](Path(folder), long)
    return found


def document(figures: Sequence[Figure], took_s: float, *, long: bool) -> str:
    """What is printed, and what `docs/benchmarks.md` holds."""
    missed = [each.what for each in figures if each.kept is False]
    cores = f"{len(CORES)} cores, server and load {'apart' if len(CORES) > 1 else 'together'}"
    kept = sum(1 for each in figures if each.kept)
    return "\n".join(
        [
            "# Benchmarks",
            "",
            f"Printed by `python -m tests.bench{' --long' if long else ''}` in {took_s:.0f} s; [how to read it](../tests/bench/README.md). "
            f"{cores}; load average at the end {os.getloadavg()[0]:.1f}; "
            f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}.",
            "",
            table(figures),
            "",
            f"Promises kept: {kept}. Promises missed: {'; '.join(missed) if missed else 'none'}.",
            "",
            NOT_HERE,
            "",
        ]
    )


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--long", action="store_true", help="also 128 clients, 2,000 phones, more requests and calls in each run")
    parser.add_argument("--only", action="append", choices=tuple(PARTS), help="one part; may be repeated")
    parser.add_argument("--keep", action="store_true", help="write docs/benchmarks.md and the baseline")
    options = parser.parse_args(argv)
    if options.keep and options.only:
        parser.error("what is kept holds every part: leave out --only")
    began = time.perf_counter()
    figures = measured(options.only or tuple(PARTS), long=options.long)
    said = document(figures, time.perf_counter() - began, long=options.long)
    print(said)
    if options.keep:
        DOCUMENT.write_text(said, encoding="utf-8")
        write_baseline(figures)
        return 0
    return compared(figures)


def compared(figures: Sequence[Figure]) -> int:
    """Say what got slower than the committed baseline; the exit code."""
    baseline = read_baseline()
    worse = slower(figures, baseline)
    print(
        f"Slower than the baseline ({len(baseline)} ratios):" if worse else f"Nothing is slower than the baseline ({len(baseline)} ratios)."
    )
    for sentence in worse:
        print(f"* {sentence}")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
