"""The order of the queue. Everything that asks "who is next?" asks here, and nowhere else.

Every ticket has one queue time, fixed when it joins; the earliest goes first, and of two equal ones the one that joined first.
The formula, its reasons and its laws: `docs/queue-time.md`. Instants are aware and whole seconds, because the paper prints seconds
and two citizens must be able to compare their tickets by eye.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from heapq import merge
from typing import Generic, NamedTuple, Protocol, TypeVar

from sortedcontainers import SortedKeyList

from server.core.site import Counting, Rules


class Term(StrEnum):
    """Which part of the rule set a queue time; printed on the ticket in words."""

    WALK_IN = "walk_in"
    PRIORITY = "priority"
    SLOT = "slot"
    LATE = "late"
    REGISTERED = "registered"
    REJOINED = "rejoined"


class QueueTime(NamedTuple):
    at: datetime
    term: Term


@dataclass(frozen=True, slots=True)
class Booking:
    """What a booking brings to its check-in: its slot, or under `registered` the moment it was taken online."""

    slot: datetime | None = None
    registered: datetime | None = None


def queue_time(
    rules: Rules,
    entered: datetime,
    *,
    priority: bool = False,
    booking: Booking | None = None,
    counting: Counting = Counting.SLOT,
    opening: datetime | None = None,
) -> QueueTime:
    """The queue time of a ticket issued or checked in at `entered`.

    `opening` is the opening of the day, before which a registration does not count. A booking is never worse than walking in.
    """
    own = QueueTime(entered - rules.priority_head, Term.PRIORITY) if priority else QueueTime(entered, Term.WALK_IN)
    if booking is None:
        return own
    if counting is Counting.REGISTERED and booking.registered is not None:
        booked = QueueTime(max(booking.registered, opening or booking.registered), Term.REGISTERED)
    elif booking.slot is None:
        # Nobody is late who had no slot: a live number of a service that counts by slots is a walk-in.
        return own
    elif entered <= booking.slot + rules.grace:
        booked = QueueTime(booking.slot - rules.appointment_head, Term.SLOT)
    else:
        booked = QueueTime(entered - rules.late_head, Term.LATE)
    # On a tie the booking is named: it is what the citizen asked for.
    return booked if booked.at <= own.at else own


def rejoined_time(rules: Rules, before: datetime, now: datetime) -> QueueTime:
    """The queue time after a missed call: close to now, but never better than it was."""
    return QueueTime(max(before, now - rules.rejoin_head), Term.REJOINED)


class Place(NamedTuple):
    """A ticket's place: compare two of them and you know who goes first."""

    queue_time: datetime
    seq: int
    """Sequence number of the event by which it joined."""


class Placed(Protocol):
    @property
    def place(self) -> Place: ...


def _place(placed: Placed) -> Place:
    return placed.place


T = TypeVar("T", bound=Placed)


class Line(Generic[T]):
    """Those who wait for one service, or for one counter, in order. Every operation is O(log n)."""

    def __init__(self) -> None:
        self._in_order: SortedKeyList = SortedKeyList(key=_place)

    def add(self, waiting: T) -> None:
        self._in_order.add(waiting)

    def remove(self, waiting: T) -> None:
        self._in_order.remove(waiting)

    def ahead_of(self, place: Place) -> int:
        """How many stand before `place`."""
        return int(self._in_order.bisect_key_left(place))

    def first(self, count: int) -> list[T]:
        return list(self._in_order[:count])

    def __len__(self) -> int:
        return len(self._in_order)

    def __iter__(self) -> Iterator[T]:
        return iter(self._in_order)


def in_order(lines: Iterable[Line[T]]) -> Iterator[T]:
    """Everybody who waits in these lines, in the order in which they will be called: the first of it is next. Takes the lines' heads
    as it goes, so asking for the first few costs no more than they are."""
    return merge(*lines, key=_place)
