"""A figure beside its yardstick, the table of them, and what got slower since the committed baseline."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

BASELINE = Path(__file__).with_name("baseline.json")
STEADY, TAIL = 0.5, 2.0
"""How much worse than its baseline a ratio may be before it is called slower: half as much again; a p99, whose one slow answer in a hundred
comes from the rest of the machine as often as from us, three times."""


@dataclass(frozen=True)
class Figure:
    """One line of the table. `ours` and `yard` are in `unit`; `yardstick` says what the second one is."""

    what: str
    ours: float
    unit: str
    yardstick: str
    yard: float
    more_is_better: bool = False
    tolerance: float = STEADY
    promise: float | None = None
    """What the ratio may be at most (or at least, where more is better), of issue and design; `own` promises the figure itself."""
    own: bool = False

    @property
    def ratio(self) -> float:
        return self.ours / self.yard

    @property
    def kept(self) -> bool | None:
        if self.promise is None:
            return None
        value = self.ours if self.own else self.ratio
        return value >= self.promise if self.more_is_better else value <= self.promise

    def slower_than(self, before: float) -> float:
        """How many times worse than a ratio of the past; below 1 it is better."""
        return before / self.ratio if self.more_is_better else self.ratio / before


def p(seconds: Sequence[float], percent: int) -> float:
    """Milliseconds. Of fewer than a hundred values the 99th is hardly below the largest."""
    if len(seconds) < 2:
        return seconds[0] * 1000
    return quantiles(seconds, n=100, method="inclusive")[percent - 1] * 1000


def middle(figures: Iterable[Figure]) -> Figure:
    """Of several runs of one figure that whose ratio is in the middle."""
    ordered = sorted(figures, key=lambda figure: figure.ratio)
    return ordered[(len(ordered) - 1) // 2]


def table(figures: Iterable[Figure]) -> str:
    """Markdown, one line a figure."""
    lines = ["| what | measured | yardstick in the same run | ratio | promised |", "|---|---:|---|---:|---|"]
    for each in figures:
        promised = ""
        if each.promise is not None:
            bound = f"{'≥' if each.more_is_better else '≤'} {each.promise:g}{' ' + each.unit if each.own else ''}"
            promised = f"{bound}: {'kept' if each.kept else '**missed**'}"
        measured = f"{_short(each.ours)} {each.unit}"
        lines.append(f"| {each.what} | {measured} | {each.yardstick}: {_short(each.yard)} | {_short(each.ratio)} | {promised} |")
    return "\n".join(lines)


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def slower(figures: Iterable[Figure], baseline: Mapping[str, float]) -> list[str]:
    """A sentence for each figure that is worse than its baseline by more than its tolerance."""
    return [
        f"{each.what}: the ratio is {_short(each.ratio)}, the baseline's {_short(baseline[each.what])} "
        f"({each.slower_than(baseline[each.what]):.1f} times worse; tolerated: {1 + each.tolerance:g})."
        for each in figures
        if each.what in baseline and each.slower_than(baseline[each.what]) > 1 + each.tolerance
    ]


def read_baseline() -> dict[str, float]:
    found: dict[str, float] = json.loads(BASELINE.read_text(encoding="utf-8")) if BASELINE.exists() else {}
    return found


def write_baseline(figures: Iterable[Figure]) -> None:
    """Keeps what was not measured this time: a long run measures some of the figures with more phones than a short one."""
    ratios = {each.what: float(f"{each.ratio:.3g}") for each in figures}
    BASELINE.write_text(json.dumps(read_baseline() | ratios, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


__all__ = ["Figure", "median", "middle", "p", "read_baseline", "slower", "table", "write_baseline"]
