"""The hall clock: one time for kiosks, boards, tickets and decisions.

It has an anchor and runs on a monotonic counter, so a step of the computer's clock cannot make every booking late or send a queue time
into the past. In the demo and in tests it starts where told and runs `factor` times as fast. Instants are aware, in UTC.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NamedTuple

SLEW = 1 / 60
"""A small difference to the computer's clock is worked off by this much of the time passed, a second a minute: nobody sees a queue time
jump."""
STEP = timedelta(minutes=5)
"""A larger one is adopted in one step, but only while nobody waits (`server.ledger`), and when it has stood for `STOOD`."""
NOISE = timedelta(seconds=2)
STOOD, LEAST = 600.0, 60.0
"""Seconds. A time server that is wrong is often put right within minutes. But when a machine is switched on its first time is the worst it
has: what contradicts a time need not stand longer than that time has, if only for `LEAST`."""
SETTLED = 3600.0
"""Seconds. What cannot be taken back, such as closing a day or erasing, is done by a date that nothing has contradicted for so long."""
ORDINARY = timedelta(days=14)
"""A start so long after what was recorded last, as after the longest holidays, is one like any other: its date is settled at once."""


monotonic: Callable[[], float] = partial(time.clock_gettime, time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic
"""Seconds that go on while the machine sleeps, where the system has such a counter."""


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
        tick = monotonic()
        self._pace = _Pace((start or wall()).astimezone(UTC), began if start and began is not None else tick, factor)
        self._apart: _Apart | None = None
        self._known: float | None = tick
        """Since when the hall goes by what the computer says; None while it has said nothing yet that can be true."""
        self._settles = self._started = tick
        self.begun = self._pace.anchor
        """The hall's time when this process began, or what it was set back to since: nothing that was recorded earlier says that the hall
        has been at work since then."""

    def now(self) -> datetime:
        return self._pace.at(self._monotonic())

    def real_now(self) -> datetime:
        """What time it is outside the hall: in a rehearsal the computer knows, else the hall knows better."""
        return self.now() if self.follows else self._wall()

    def not_before(self, happened: datetime) -> None:
        """Something happened at that instant: whatever the computer's clock says, it is not earlier. The hall goes on from there."""
        if self.follows:
            tick, wall = self._monotonic(), self._wall()
            self._happened, self._known = happened, None
            self._pace = _Pace(max(happened.astimezone(UTC), self._pace.at(tick)), tick, 1.0)
            self.begun = max(self._pace.anchor, happened.astimezone(UTC) + timedelta.resolution)
            if self._is_lost(wall, self._pace.anchor):
                self._settles = tick + SETTLED
            else:
                self._begin(tick, wall)

    def _begin(self, tick: float, wall: datetime) -> None:
        """The computer has said for the first time what time it is."""
        late = self._happened is not None and wall > self._happened + ORDINARY
        self._known, self._settles = tick, tick + (SETTLED if late else 0.0)

    def _is_lost(self, wall: datetime, now: datetime) -> bool:
        # A hall that is only carried on is late, if anything: a clock that was an hour behind is not right when that hour has passed.
        least = now if self._known is None else self._happened
        return least is not None and wall < least - STEP

    @property
    def lost(self) -> bool:
        """The computer has lost its time (a dead battery and no network): it is earlier there than what has happened."""
        return self._is_lost(self._wall(), self.now())

    @property
    def settled(self) -> bool:
        """Whether the hall's date is sure enough for what cannot be taken back: no step was taken and none was due for an hour. A hall that
        is only carried on, as its computer has lost the time, is late if anything, and goes by its own date after an hour. A rehearsal's
        date always is."""
        return not self.follows or self._monotonic() >= self._settles

    @property
    def apart(self) -> tuple[timedelta, float] | None:
        """By how much the computer's clock is ahead of the hall's, where that is more than `STEP`, and for how many seconds it has been."""
        apart = self._apart
        return (apart.missing, self._monotonic() - apart.since) if apart is not None else None

    def adjust(self, *, anybody_waits: bool, recorded: datetime | None = None) -> timedelta:
        """Come closer to the computer's clock; returns what is still missing (positive: the hall clock is behind).

        Called every few seconds. A small difference is worked off by going a little faster or slower until the next call, never by a jump
        back; one above `STEP` is adopted once it has stood, but left alone while anybody waits. A computer that has lost its time is not
        followed, nor one that goes back behind the date of what was `recorded` last, in its office's zone.
        """
        if not self.follows:
            return timedelta()
        tick = self._monotonic()
        now, wall = self._pace.at(tick), self._wall()
        if recorded is not None:
            midnight = recorded.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
            self._happened = midnight if self._happened is None else max(self._happened, midnight)
        missing, lost = wall - now, self._is_lost(wall, now)
        if abs(missing) <= STEP and not lost:
            self._apart = None
            if self._known is None:
                self._begin(tick, wall)
            self._pace = _Pace(now, tick, 1.0 + (math.copysign(SLEW, missing.total_seconds()) if abs(missing) > NOISE else 0.0))
            return missing
        same = self._apart is not None and abs(missing - self._apart.missing) <= NOISE
        since = self._apart.since if self._apart is not None and same else tick
        if lost or anybody_waits or tick - since < self._must_stand(since):
            self._apart, self._pace = _Apart(missing, since), _Pace(now, tick, 1.0)
            if not lost:
                self._settles = tick + SETTLED
            return missing
        self._apart, self._pace, self.begun = None, _Pace(wall, tick, 1.0), min(self.begun, wall)
        # Of a machine that starts where it was switched off, the better time is the first that it says.
        if self._known is None or (missing > timedelta() and tick - self._started <= STOOD):
            self._begin(tick, wall)
        else:
            self._known, self._settles = tick, tick + SETTLED
        return timedelta()

    def _must_stand(self, since: float) -> float:
        """How long a difference that began then must stand: what is only carried on from the last event gives way at once."""
        return 0.0 if self._known is None else min(STOOD, max(LEAST, since - self._known))

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


class _Apart(NamedTuple):
    """By how much the computer's clock is ahead, as it was at the last look, and since when it has been."""

    missing: timedelta
    since: float
