"""The hall clock: one time for kiosks, boards, tickets and decisions.

It has an anchor and runs on a monotonic counter, so a step of the computer's clock cannot make every booking late or send a queue time
into the past. In the demo and in tests it starts where told and runs `factor` times as fast. Instants are aware, in UTC.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

SLEW = 1 / 60
"""A small difference to the computer's clock is worked off by this much of the time passed, a second a minute: nobody sees a queue time
jump."""
STEP = timedelta(minutes=5)
"""A larger one is adopted at once, but only while nobody waits."""
NOISE = timedelta(seconds=2)


def monotonic() -> float:
    """Seconds that go on while the machine sleeps, where the system has such a counter."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def wall() -> datetime:
    return datetime.now(UTC)


class HallClock:
    """`start` None follows the computer's clock; otherwise the hall's day begins there and owes the computer's clock nothing. So does a
    clock with a factor: it runs away from the computer's by design. `began`: when `start` was, on the monotonic counter; processes that
    share a hall agree on that."""

    def __init__(
        self,
        start: datetime | None = None,
        factor: float = 1.0,
        *,
        began: float | None = None,
        wall: Callable[[], datetime] = wall,
        monotonic: Callable[[], float] = monotonic,
    ) -> None:
        self._wall, self._monotonic = wall, monotonic
        self.factor = factor
        self.follows = start is None and factor == 1.0
        self._happened: datetime | None = None
        self._pace = _Pace(start or wall(), began if start and began is not None else monotonic(), factor)

    def now(self) -> datetime:
        return self._pace.at(self._monotonic())

    def not_before(self, happened: datetime) -> None:
        """Something happened at that instant: whatever the computer's clock says, it is not earlier. The hall goes on from there."""
        if self.follows:
            tick = self._monotonic()
            self._happened = happened
            self._pace = _Pace(max(happened, self._pace.at(tick)), tick, 1.0)

    @property
    def lost(self) -> bool:
        """The computer has lost its time (a dead battery and no network): it is earlier there than what has happened."""
        return self._happened is not None and self._wall() < self._happened - STEP

    def adjust(self, *, anybody_waits: bool) -> timedelta:
        """Come closer to the computer's clock; returns what is still missing (positive: the hall clock is behind).

        Called every few seconds. A small difference is worked off by going a little faster or slower until the next call, never by a jump
        back; one above `STEP` is adopted at once, but left alone while anybody waits. A computer that has lost its time is not followed.
        """
        if not self.follows or self.lost:
            return timedelta()
        tick = self._monotonic()
        now, wall = self._pace.at(tick), self._wall()
        missing = wall - now
        if abs(missing) > STEP and not anybody_waits:
            self._pace = _Pace(wall, tick, 1.0)
            return timedelta()
        slews = NOISE < abs(missing) <= STEP
        self._pace = _Pace(now, tick, 1.0 + (math.copysign(SLEW, missing.total_seconds()) if slews else 0.0))
        return missing

    def seconds(self, span: timedelta) -> float:
        """Real seconds in a span of hall time."""
        return span.total_seconds() / self.factor


class _Pace(NamedTuple):
    """Hall time as a line through one point. Replaced whole, so that a reader on another thread never sees half of a correction."""

    anchor: datetime
    since: float
    rate: float

    def at(self, tick: float) -> datetime:
        return self.anchor + timedelta(seconds=(tick - self.since) * self.rate)
