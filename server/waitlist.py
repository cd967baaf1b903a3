"""Tells those who wait for a place when one comes free, however it does so: looked at once a second, decided through the one door.

A place given back returns after a while, places held back at their hour, and nothing happens then that anybody could hear of. So a day with
people waiting is looked at when its story has grown, and when it said itself that a place may be free by then. The offer is an event: it is
durable, and told once, also after a restart.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial

from server.core import booking
from server.core.day import Day
from server.ledger import Ledger

LOOK_AGAIN = timedelta(minutes=10)
"""At the latest: the measured pace of the counters changes how many places there are, and is in no story."""


class WaitingList:
    """`cycle` gives of a site and a service the minutes of a counter for one call, as measured."""

    def __init__(self, ledger: Ledger, cycle: Callable[[str, str], float]) -> None:
        self._ledger, self._cycle = ledger, cycle
        self._looked: dict[tuple[str, date], tuple[int, datetime]] = {}
        """By day: the number of its last event when it was looked at, and when it is to be looked at again."""

    def look(self) -> None:
        """Look at the days to come; offer what is free."""
        for day in self._ledger.days_to_come():
            now, key = self._ledger.now(day.site.id), (day.site.id, day.date)
            seq, due = self._looked.get(key, (-1, now))
            if not day.bookings.awaiting or (day.seq == seq and now < due):
                continue
            self._offer(day)
            with self._ledger.reading:
                soon = booking.offers_due(day, now)
                self._looked[key] = day.seq, min(soon or now + LOOK_AGAIN, now + LOOK_AGAIN)

    def _offer(self, day: Day) -> None:
        site = day.site.id
        cycle = partial(self._cycle, site)
        with self._ledger.reading:
            free = booking.offer_places(day, self._ledger.now(site), cycle=cycle)
        if free:
            self._ledger.do(
                site,
                lambda day, now: booking.offer_places(day, now, cycle=cycle),
                actor="clock",
                render=lambda day, now: (200, {}),
                day=day.date,
            )
