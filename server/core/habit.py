"""How a service usually runs, and how one more call changes what is known of it.

Nothing here knows a ticket or an hour: a wait is a number of minutes, a forecast a blend of four others. `forecast` says which; where the
numbers come from, and how well they do on real days, is told in `docs/forecast.md`.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from math import exp, log

FADING = 120.0
"""A cycle counts for a third as much after so many minutes: the afternoon's clerks are not the morning's."""
HABIT_CALLS = 20.0
"""What was usual before today weighs at most as much as this many calls."""
DAYS_FADE = 0.8
"""Yesterday's calls count that much today."""

NOISE = 10.0
"""How little one call teaches. Its direction counts and its size hardly, so that the blend seeks the median: one forgotten ticket does
not move it."""
DOUBT = (0.5, 0.006, 0.004, 0.004)
"""How far from where it began a day may take each term of the blend (variances)."""
BOUNDS = ((-10.0, 20.0), (0.2, 2.0), (0.0, 1.0), (0.0, 1.0))
"""No term but the first may be negative: who stands further back is never told a shorter wait."""

SMALL = 3.0
"""Minutes added before two waits are compared as a ratio: between one minute and two there is no difference worth learning."""
KNOTS = tuple(log(minutes + SMALL) for minutes in (1, 5, 20, 60))
"""The range is learnt at forecasts of so many minutes, and drawn straight in between."""
TAIL = 0.08
"""Share of the waits that the range seeks to leave out on each side. A tenth is promised; but forecasts are given before the latest misses
are known, and on real days that costs two of a hundred on each side."""
STEP = 0.05
"""How fast a range moves after a miss (in logarithms of the ratio)."""

Terms = tuple[float, float, float, float]
"""One; the work before me; the wait of whom was called last; the wait so far of the head of the line. Minutes."""
Ratios = tuple[float, ...]
"""Logarithms of the ratio of a wait to its forecast (each with `SMALL` added), at the `KNOTS`."""


@dataclass(frozen=True, slots=True)
class Range:
    """Between which ratios to the forecast all waits lie but the tails."""

    low: Ratios
    high: Ratios

    def at(self, likely: float) -> tuple[float, float]:
        """The range of a forecast, in minutes."""
        size, low, high = log(likely + SMALL), 0.0, 0.0
        for knot, share in _shares(size):
            low, high = low + share * self.low[knot], high + share * self.high[knot]
        return max(0.0, exp(size + low) - SMALL), max(0.0, exp(size + high) - SMALL)

    def learnt(self, likely: float, wait: float) -> Range:
        """Stochastic approximation of quantiles: a miss moves its side out, a hit a little in."""
        size = log(likely + SMALL)
        ratio, shares = log(wait + SMALL) - size, _shares(size)
        low, high = list(self.low), list(self.high)
        for side, target in ((low, TAIL), (high, 1 - TAIL)):
            below = ratio < sum(share * side[knot] for knot, share in shares)
            for knot, share in shares:
                side[knot] += STEP * share * (target - below)
            # A longer forecast never has an earlier end.
            for knot in range(1, len(KNOTS)):
                side[knot] = max(side[knot], side[knot - 1] - (KNOTS[knot] - KNOTS[knot - 1]))
        return Range(tuple(low), tuple(max(pair) for pair in zip(low, high, strict=True)))


def _shares(size: float) -> list[tuple[int, float]]:
    """The knots around a size, and how near it is to each."""
    after = bisect_right(KNOTS, size)
    if after in (0, len(KNOTS)):
        return [(min(after, len(KNOTS) - 1), 1.0)]
    part = (size - KNOTS[after - 1]) / (KNOTS[after] - KNOTS[after - 1])
    return [(after - 1, 1 - part), (after, part)]


@dataclass(frozen=True, slots=True)
class Habit:
    """How a service usually runs, handed on from one day to the next. The defaults are for an office of which nothing is known."""

    cycle: float = 6.0
    """Minutes of one counter for one call;"""
    calls: float = 10.0
    """and how many calls tell it."""
    staff: float = 0.0
    """Counters usually open; 0: no day of this service is known."""
    blend: Terms = (-0.8, 0.8, 0.0, 0.1)
    alone: Range = Range((-0.5, -0.9, -1.2, -1.2), (0.45, 0.6, 0.6, 0.6))
    """Of those who come when nobody waits: many are called at once;"""
    line: Range = Range((-0.2, -0.5, -0.65, -0.65), (1.2, 1.0, 0.75, 0.65))
    """and of all others."""


@dataclass(slots=True)
class Today:
    """What today has taught about one service, beginning from its habit."""

    habit: Habit
    blend: list[float] = field(init=False)
    doubt: list[list[float]] = field(init=False)
    alone: Range = field(init=False)
    line: Range = field(init=False)
    work: float = 0.0
    calls: float = 0.0
    counted_at: float = 0.0
    """`work` minutes of counters for `calls` calls, fading, as of this minute."""
    all_work: float = 0.0
    all_calls: int = 0
    staff: int = 0
    turns: int = 0
    """Counters at work, summed over all calls, and how many those were."""

    def __post_init__(self) -> None:
        self.blend = list(self.habit.blend)
        self.doubt = [[doubt if i == j else 0.0 for j in range(len(DOUBT))] for i, doubt in enumerate(DOUBT)]
        self.alone, self.line = self.habit.alone, self.habit.line

    @property
    def cycle(self) -> float:
        """Minutes of a counter for one call: today's, drawn towards the habit while today has few."""
        usual = min(self.habit.calls, HABIT_CALLS)
        return (self.work + usual * self.habit.cycle) / (self.calls + usual)

    def count(self, cycle: float, now: float) -> None:
        """A counter took so long from one call to the next without lacking people."""
        fade = exp((self.counted_at - now) / FADING)
        self.work, self.calls, self.counted_at = self.work * fade + cycle, self.calls * fade + 1, now
        self.all_work, self.all_calls = self.all_work + cycle, self.all_calls + 1

    def guess(self, terms: Terms) -> float:
        """The blend; never negative."""
        (a, b, c, d), (one, work, last, head) = self.blend, terms
        return max(0.0, a * one + b * work + c * last + d * head)

    def learn(self, terms: Terms, likely: float, wait: float) -> None:
        """Recursive ridge regression, one call at a time. `likely` is what was answered then: it tells how large a miss is usual."""
        miss = wait - self.guess(terms)
        spread = [sum(doubt * term for doubt, term in zip(row, terms, strict=True)) for row in self.doubt]
        noise = NOISE * max(4.0, likely / 2) * abs(miss) + 1.0
        scale = noise + sum(term * part for term, part in zip(terms, spread, strict=True))
        for i, (least, most) in enumerate(BOUNDS):
            gain = spread[i] / scale
            self.blend[i] = min(most, max(least, self.blend[i] + gain * miss))
            for j in range(len(BOUNDS)):
                self.doubt[i][j] -= gain * spread[j]

    def handed_on(self) -> Habit:
        """What tomorrow begins with, after a day with calls."""
        past = self.habit.calls * DAYS_FADE
        calls = past + self.all_calls
        constant, work, last, head = self.blend
        return Habit(
            cycle=(past * self.habit.cycle + self.all_work) / calls,
            calls=calls,
            staff=self.staff / self.turns,
            blend=(constant, work, last, head),
            alone=self.alone,
            line=self.line,
        )
