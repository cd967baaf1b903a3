"""Looks after the days when nobody asks for them: takes in what other processes have written and new versions of an office's document, lets
days to come hear of those, and closes old days that nobody closed."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import date, datetime, timedelta
from typing import Any

from server.books import Book, Books
from server.committer import Committer
from server.core import decide
from server.core import events as ev
from server.core.day import Day
from server.core.refused import Refused
from server.core.site import Site
from server.jobs import Job
from server.sites import Sites
from server.store import Store

LOOK_BACK = timedelta(days=31)
"""How far back days are looked for that nobody closed."""
FORGOTTEN = timedelta(hours=8)
"""At night a day in which nothing at all has happened for so long is closed, whoever still stands at a counter: the clerk went home without
pressing. Otherwise the first press of the morning would call the day before's leftovers."""
OPENED_AT_ONCE = 8
"""Days to come that are read at one look."""


class Caretaker:
    """`today` tells an office's date. `on_duty` tells whether this process looks after days that nobody has asked for."""

    def __init__(
        self,
        store: Store,
        sites: Sites,
        books: Books,
        committer: Committer,
        *,
        today: Callable[[str], date],
        offload: Callable[..., Any],
        on_duty: Callable[[], bool],
    ) -> None:
        self._store, self._sites, self._books, self._committer = store, sites, books, committer
        self._today, self._offload, self._on_duty = today, offload, on_duty
        self._heard: dict[str, int] = {}
        """By site: the version of its document for which the days to come have been looked up, and those still to be opened."""
        self._to_open: set[tuple[str, date]] = set()
        self._night_of: dict[str, date] = {}
        """By site: the day before which days that were left open have been looked for."""

    # -- in the committer's turn -------------------------------------------------------------------------------------------------

    def look_around(self) -> None:
        """Take in what others have written anywhere, hear of new documents, and put away days that are over."""
        self._sites.refresh()
        if self._on_duty():
            self._open_days_to_come()
        books = self._books.all()
        for book, last in zip(books, self._store.last_seqs([(book.site, book.date) for book in books]), strict=True):
            day, today, office = book.published, self._today(book.site), self._sites.current(book.site)
            if last > day.seq:
                self._books.catch_up(book)
            elif book.date < today - timedelta(days=1) and (day.closed or not day.opened):
                self._books.put_away(book)
            elif book.date >= today and day.site.version != office.version and not day.closed:
                self._adopt(book, office)

    def look_at(self, sites: Collection[str]) -> None:
        """Take in what others have written in these offices."""
        books = [book for book in self._books.all() if book.site in sites]
        lasts = self._offload(self._store.last_seqs, [(book.site, book.date) for book in books]) if books else []
        for book, last in zip(books, lasts, strict=True):
            if last > book.published.seq:
                self._books.catch_up(book)

    def _open_days_to_come(self) -> None:
        """Days ahead that hold bookings must hear of a new version, though nobody has asked for them since the start: whoever booked there
        may have lost the time. A few at a look: a start with three months of bookings must not hold up the first number."""
        for site in self._sites.ids():
            version = self._sites.current(site).version
            if self._heard.get(site) != version:
                self._heard[site] = version
                today = self._today(site)
                # Today is opened by whichever process of a shared store serves the office.
                first = today + timedelta(days=1) if self._store.shared else today
                self._to_open |= {(site, when) for when in self._offload(self._store.days, site) if when >= first}
        for site, when in sorted(self._to_open, key=lambda each: each[1])[:OPENED_AT_ONCE]:
            self._to_open.discard((site, when))
            self._books.open(site, when)

    def _adopt(self, book: Book, office: Site) -> None:
        """A new version of the site document: an event of a day that runs, and nobody's business on a day that has not begun."""
        if book.published.opened:
            self._committer.at_once([_revision(book, office.version)])
        else:
            book.published, book.ahead = Day(office, book.date), None

    # -- by the clock ------------------------------------------------------------------------------------------------------------

    def close_old_days(self) -> None:
        """Close days before today that nobody is served in any more.

        Also days that this process has never seen: most offices switch the computer off in the evening.
        """
        for site in self._sites.ids():
            today = self._today(site)
            if self._night_of.get(site) != today:
                for when in self._offload(self._left_open, site, today):
                    if self._books.get(site, when) is None:
                        self._committer.put(Job(site, when))
                self._night_of[site] = today
            for book in [book for book in self._books.all() if book.site == site and book.date < today]:
                day = book.published
                if day.opened and not day.closed:
                    self._close(book)

    def _left_open(self, site: str, today: date) -> list[date]:
        """Days of the last month whose story does not end with its close. A notice may be set after it; such a day is looked at in vain."""
        recent = [d for d in self._store.days(site) if today - LOOK_BACK <= d < today]
        return [d for d in recent if (last := self._store.last(site, d)) is not None and last.kind != ev.DayClosed.__name__]

    def _close(self, book: Book) -> None:
        def close(day: Day, now: datetime) -> list[ev.Event]:
            return decide.close_day(day, now, idle=FORGOTTEN)

        try:
            self._committer.put(Job(book.site, book.date, close, "clock", _nothing))
        except Refused:
            # Somebody is served; the next look finds out.
            return


def _revision(book: Book, version: int) -> Job:
    def revise(day: Day, now: datetime) -> list[ev.Event]:
        return [] if day.site.version == version or day.closed else [ev.SiteRevised(version)]

    return Job(book.site, book.date, revise, "clock", _nothing)


def _nothing(day: Day, now: datetime) -> tuple[int, Any]:
    """Nobody reads the answer."""
    return 200, {}
