"""What days were like for the people in them: waits by class, service near the slot, and who was overtaken.

Counted from stories, so that a day that happened and one that did not are measured alike. What a wait is: `turns`. Somebody is *overtaken*
by whoever joined the same service later and was called in order while they waited; times of joining are compared in whole seconds, as the
paper prints them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import takewhile
from math import ceil

from sortedcontainers import SortedList

from server.core import events as ev
from server.core.site import MINUTE
from server.core.turns import Turn, Turns, Visit, told

CLASSES = ("walk_in", "priority", "booked")
NEAR_SLOT = 10 * MINUTE


@dataclass(frozen=True, slots=True)
class Waits:
    """Waits in minutes. The percentile is by nearest rank; None where nobody was served."""

    n: int = 0
    mean: float | None = None
    p95: float | None = None
    longest: float | None = None

    @classmethod
    def of(cls, minutes: Iterable[float]) -> Waits:
        ordered = sorted(minutes)
        n = len(ordered)
        return cls(n, sum(ordered) / n, ordered[ceil(0.95 * n) - 1], ordered[-1]) if n else cls()


@dataclass(slots=True)
class Outcome:
    """Any number of days, added one by one."""

    days: int = 0
    waits: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in CLASSES})
    """Minutes of those who were served, by class."""
    unserved: int = 0
    """Tickets that nobody served: absent, gone, or still waiting at the end."""
    punctual: int = 0
    """Booked people who were there by their slot, and how many of them stood before a clerk within ten minutes of it."""
    near_slot: int = 0
    overtaken: int = 0
    """The most people who overtook one person,"""
    latest: timedelta = timedelta()
    """and how much later than somebody they overtook anybody had joined, at most."""

    def add(self, story: Iterable[ev.Entry]) -> None:
        turns = told(story)
        self.days += 1
        for visit in turns.visits.values():
            self._visit(visit)
        self._overtaking(turns)

    def _visit(self, visit: Visit) -> None:
        wait, slot = visit.wait, visit.issued.slot
        if wait is None:
            self.unserved += 1
        else:
            self.waits[visit.class_name].append(wait / MINUTE)
        if slot is not None and visit.issued.issued_at <= slot:
            self.punctual += 1
            self.near_slot += wait is not None and visit.issued.issued_at + wait <= slot + NEAR_SLOT

    def _overtaking(self, turns: Turns) -> None:
        called: dict[str, list[Turn]] = defaultdict(list)
        joined: dict[str, SortedList] = defaultdict(SortedList)
        ended: dict[str, datetime | None] = {}
        for turn in sorted((t for v in turns.visits.values() for t in v.turns), key=lambda turn: turn.called_at):
            mine, since = turn.call.joined_at, ended.get(turn.ticket)
            ended[turn.ticket] = turn.ended_at
            later = joined[turn.service]
            if since is not None and since > mine:
                # Who was sent on stands in this line only since then, with the time of joining of before.
                while_waiting = takewhile(lambda other, since=since: other.called_at >= since, reversed(called[turn.service]))  # type: ignore[misc]
                later = SortedList(other.call.joined_at for other in while_waiting)
            passed = len(later) - later.bisect_right(mine)
            if passed:
                self.overtaken = max(self.overtaken, passed)
                self.latest = max(self.latest, later[-1] - mine)
            if turn.call.in_order:
                called[turn.service].append(turn)
                joined[turn.service].add(mine)

    def waits_of(self, *names: str) -> Waits:
        """Of some classes together; of all without names."""
        return Waits.of(minutes for name in names or CLASSES for minutes in self.waits[name])

    @property
    def near_slot_share(self) -> float | None:
        return self.near_slot / self.punctual if self.punctual else None
