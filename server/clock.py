"""The hall clock: one time for kiosks, boards, tickets and decisions.

It has an anchor and runs on a monotonic counter, so a step of the computer's clock cannot make every booking late or send a queue time
into the past. In the demo and in tests it starts where told and runs `factor` times as fast. Instants are aware, in UTC.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

SLEW_PER_MINUTE = timedelta(seconds=1)
"""A small difference to the computer's clock is worked off this slowly: nobody sees a queue time jump."""
STEP = timedelta(minutes=5)
"""A larger one is adopted at once, but only while nobody waits."""
NOISE = timedelta(seconds=2)


def monotonic() -> float:
    """Seconds that go on while the machine sleeps, where the system has such a counter."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def wall() -> datetime:
    return datetime.now(UTC)


class HallClock:
    """`start` None follows the computer's clock; otherwise the hall's day begins there and owes the computer's clock nothing."""

    def __init__(
        self,
        start: datetime | None = None,
        factor: float = 1.0,
        *,
        wall: Callable[[], datetime] = wall,
        monotonic: Callable[[], float] = monotonic,
    ) -> None:
        self._wall, self._monotonic = wall, monotonic
        self.factor = factor
        self.follows = start is None
        self._anchor = start or wall()
        self._started = monotonic()
        self._adjusted = self._started

    def now(self) -> datetime:
        return self._anchor + timedelta(seconds=(self._monotonic() - self._started) * self.factor)

    def adjust(self, *, anybody_waits: bool) -> timedelta:
        """Come closer to the computer's clock; returns what is still missing (positive: the hall clock is behind).

        Called every few seconds. A difference above `STEP` is left alone while anybody waits.
        """
        if not self.follows:
            return timedelta()
        tick = self._monotonic()
        elapsed, self._adjusted = tick - self._adjusted, tick
        missing = self._wall() - self.now()
        if abs(missing) <= NOISE:
            return missing
        if abs(missing) > STEP:
            if anybody_waits:
                return missing
            correction = missing
        else:
            most = SLEW_PER_MINUTE * (elapsed / 60)
            correction = max(-most, min(most, missing))
        self._anchor += correction
        return missing - correction

    def seconds(self, span: timedelta) -> float:
        """Real seconds in a span of hall time."""
        return span.total_seconds() / self.factor
