"""Likely waits beside the days.

Every entry that the ledger publishes is heard here with the day just after it, which costs about as much as the fold did. What was
published before this began to hear is heard later and in small slices, on a day folded for that alone: a morning's story, and the six days
whose habits it begins with, are seconds of work for which the first citizen after a power cut does not wait. Habits are not stored: they
are heard again from the stories, which cannot disagree with themselves.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import structlog

from server.core import events as ev
from server.core.day import Day, Ticket
from server.core.forecast import Accuracy, Forecast, Pace
from server.core.habit import Habit
from server.ledger import Ledger

log = structlog.get_logger("foresight")

LOOK_BACK = timedelta(days=31)
DAYS_HEARD = 6
"""So many past days are heard for the habits; with yesterday's calls counting 0.8 today, older ones hardly matter."""
COME = (17.0, 20.0)
"""Of so many bookings so many are kept, before an office's own days have told."""
SLICE_S = 0.005
"""Longest time the loop is kept from others,"""
REST_S = 0.02
"""and how long it is theirs in between: at most a fifth of a core, also while a month of stories is heard."""


@dataclass
class _Heard:
    """One day as far as it has been heard: `day` is the published one once everything has been (`level`), and until then one of our own.
    `behind` are entries that were published and not heard yet. Without a `pace` the day is not foretold."""

    day: Day
    pace: Pace | None = None
    behind: deque[ev.Entry] = field(default_factory=deque)
    level: bool = False


class Foresight:
    """What is foretold, for all days that run. `hear` is called by the ledger for every published entry, in order."""

    def __init__(self) -> None:
        self._heard: dict[tuple[str, date], _Heard] = {}
        self._come: dict[str, tuple[float, float]] = {}
        """By site: bookings of the last days that were kept, and all of them."""
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._stopped = False

    def hear(self, day: Day, entry: ev.Entry) -> None:
        """An entry is durable and folded. The first one of a story begins a day here."""
        key = (day.site.id, day.date)
        if entry.seq == 1:
            self._heard[key] = _Heard(Day(day.site, day.date))
        heard = self._heard.get(key)
        if heard is None:
            return
        if not heard.level:
            with self._lock:
                if not heard.level:
                    heard.behind.append(entry)
                    self._news.set()
                    return
        heard.day = day
        if heard.pace is not None:
            try:
                heard.pace.hear(day, entry)
            except Exception:
                self._give_up(heard)

    # -- questions ---------------------------------------------------------------------------------------------------------------

    def likely(self, day: Day, who: Ticket | str, now: datetime) -> Forecast | None:
        """For a ticket of this day, or for somebody who would take a number of this service now. None where nothing is known."""
        pace = self._pace(day)
        return pace.likely(day, who, now) if pace else None

    def accuracy(self, day: Day, service: str | None = None) -> Accuracy:
        """How today's forecasts have turned out, of one service or of all."""
        pace = self._pace(day)
        return pace.accuracy(service) if pace else Accuracy()

    def cycle(self, site: str, service: str) -> float:
        """How many minutes a counter of this office needs for one call of a service, as measured lately."""
        heard = [(day, each.pace) for (of, day), each in list(self._heard.items()) if of == site and each.pace is not None]
        pace = max(heard, key=lambda one: one[0])[1] if heard else None
        return (pace or Pace()).cycle(service)

    def _pace(self, day: Day) -> Pace | None:
        heard = self._heard.get((day.site.id, day.date))
        return heard.pace if heard else None

    # -- hearing -----------------------------------------------------------------------------------------------------------------

    def run(self, ledger: Ledger, sleep: Callable[[float], object]) -> None:
        """Hear what was published; run once, as a background task. `sleep` gives the loop to others."""
        while not self._stopped:
            self._news.wait()
            self._news.clear()
            # What has begun a day has woken whoever tells the hall as well: he goes first.
            sleep(REST_S)
            for heard in self._due(ledger):
                try:
                    self._catch_up(heard, ledger, sleep)
                except Exception:
                    self._give_up(heard)

    def look(self) -> None:
        """It may be another day: one that held bookings only is due then, and no entry says so. Once a second is enough."""
        self._news.set()

    def stop(self) -> None:
        self._stopped = True
        self._news.set()

    def _catch_up(self, heard: _Heard, ledger: Ledger, sleep: Callable[[float], object]) -> None:
        """Hear what is behind; from then on each entry is heard as it is published."""
        day = heard.day
        pace = Pace(self._habits(day.site.id, day.date, ledger, sleep), self._coming)
        while not heard.level and not self._stopped:
            day = self._listen(pace, day, heard.behind, ledger, sleep)
            with self._lock:
                if not heard.behind:
                    heard.day, heard.pace, heard.level = day, pace, True

    def _give_up(self, heard: _Heard) -> None:
        """A day that cannot be foretold is a day without forecasts, and nothing else."""
        log.exception("foresight_failed", site=heard.day.site.id, day=heard.day.date.isoformat())
        with self._lock:
            heard.pace, heard.level = None, True
            heard.behind.clear()

    def _listen(self, pace: Pace, day: Day, story: deque[ev.Entry], ledger: Ledger, sleep: Callable[[float], object]) -> Day:
        until = time.monotonic() + SLICE_S
        while story and not self._stopped:
            entry = story.popleft()
            day = ledger.evolve(day, entry)
            pace.hear(day, entry)
            if time.monotonic() >= until:
                sleep(REST_S)
                until = time.monotonic() + SLICE_S
        return day

    def _habits(self, site: str, day: date, ledger: Ledger, sleep: Callable[[float], object]) -> Mapping[str, Habit]:
        """What the days before have taught: of the last one if it was heard here, else heard anew."""
        before = [d for (s, d), heard in list(self._heard.items()) if s == site and d < day and heard.pace is not None]
        if before and (last := self._heard[site, max(before)].pace) is not None:
            self._learn_who_comes(self._heard[site, max(before)].day)
            return last.handed_on()
        habits: Mapping[str, Habit] = {}
        for past in ledger.days_before(site, day, LOOK_BACK)[-DAYS_HEARD:]:
            pace = Pace(habits, self._coming)
            over = self._listen(pace, Day(ledger.sites.current(site), past), deque(ledger.story(site, past)), ledger, sleep)
            self._learn_who_comes(over)
            habits = pace.handed_on()
        return habits

    def _due(self, ledger: Ledger) -> list[_Heard]:
        """The days to be heard: today and yesterday. Those to come have bookings only and wait for their day; older ones are forgotten."""
        for site, day in list(self._heard):
            if day < ledger.today(site) - timedelta(days=1):
                self._heard.pop((site, day), None)
        return [heard for (site, day), heard in sorted(self._heard.items()) if day <= ledger.today(site) and not heard.level]

    def _coming(self, day: Day, service: str, before: datetime) -> float:
        """Booked people who will come with an earlier queue time: those still to come, times the share that does come."""
        expected = day.bookings.expected(service, before, day.site.rules, day.at or before)
        kept, booked = self._come.get(day.site.id, COME)
        return expected * kept / booked

    def _learn_who_comes(self, day: Day) -> None:
        over = [a for a in day.bookings.all.values() if a.live or a.ticket]
        kept, booked = self._come.get(day.site.id, COME)
        self._come[day.site.id] = (kept + sum(1 for a in over if a.ticket), booked + len(over))
