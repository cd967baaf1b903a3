"""The days as they are kept in memory. Each is held twice: *ahead* of the disk, where the next command is decided, and *published*, folded
only from what is durable, which is all that anybody is shown.

A book is opened, read anew and followed by whoever decides, in turn with the decisions; what is stored is published by the teller. Both
copies come from the same fold, so neither can be wrong in a way of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import structlog

from server.core import events as ev
from server.core.day import Day
from server.sites import Sites
from server.store import EventRow, Store

log = structlog.get_logger("ledger")

PAST_KEPT = 4
"""Days of the past that are kept; one of 3,000 tickets takes some 5 MB."""


@dataclass(eq=False)
class Book:
    """A day twice: `ahead` of the disk for decisions, `published` for everybody else. `ahead` is None when it held what was not stored in
    the end; it is then read again before the next decision, and nobody else notices."""

    site: str
    date: date
    published: Day
    ahead: Day | None


class Books:
    """All days that this process follows. `decode` makes an event of its kind and text, `offload` runs a read on another thread; `tell`
    hears every entry with the day just after it, and whether this process has only now written it; `told` that there was something to
    hear."""

    def __init__(
        self,
        store: Store,
        sites: Sites,
        decode: Callable[[str, str], ev.Event],
        offload: Callable[..., Any],
        tell: Callable[[Day, ev.Entry, bool], None],
        told: Callable[[], None],
    ) -> None:
        self._store, self._sites, self._decode, self._offload, self._tell, self._told = store, sites, decode, offload, tell, told
        self._books: dict[tuple[str, date], Book] = {}
        self.reading = threading.RLock()
        """Held while published days change; readers hold it where threads are real. Green threads never wait for it."""
        self.past: dict[tuple[str, date], Day] = {}
        """Days of the past that were asked for, the last one last."""

    # -- which there are ---------------------------------------------------------------------------------------------------------

    def get(self, site: str, when: date) -> Book | None:
        """The day, if this process follows it."""
        return self._books.get((site, when))

    def all(self) -> list[Book]:
        """Those there are now, whoever opens another meanwhile."""
        return list(self._books.values())

    def open(self, site: str, when: date) -> Book:
        """The day, read from the store when this process does not follow it yet. For whoever decides."""
        book = self._books.get((site, when))
        if book is None:
            ahead, story = self._offload(self.fold, site, when)
            published = Day(self._sites.current(site), when)
            with self.reading:
                for entry in story:
                    published = self.evolve(published, entry)
                    self._say(published, entry, fresh=False)
            book = self._books[site, when] = Book(site, when, published, ahead)
        return book

    def put_away(self, book: Book) -> None:
        """Nobody needs it any more."""
        del self._books[book.site, book.date]

    # -- ahead of the disk -------------------------------------------------------------------------------------------------------

    def read_ahead(self, book: Book) -> None:
        """Read a day anew whose state ahead was given up. Nothing of it may be on its way to the disk, nor to its telling."""
        ahead = self._offload(self.fold, book.site, book.date)[0]
        # In this order: if somebody writes in between, the published day is the newer one, and the next decision conflicts.
        self.catch_up(book)
        book.ahead = ahead

    def give_up_ahead(self) -> None:
        """Nothing that was decided ahead counts any more, on whatever day."""
        for book in self.all():
            book.ahead = None

    # -- what others have written, and what is stored ----------------------------------------------------------------------------

    def catch_up(self, book: Book) -> None:
        """Publish what the store has and we have not."""
        news = self._offload(self.entries, book.site, book.date, book.published.seq)
        if news:
            self.take_in(book, news)

    def take_in(self, book: Book, news: list[ev.Entry]) -> None:
        """Fold and publish what another process has written. The state ahead goes along, so that it need not be read anew."""
        ahead, book.ahead = book.ahead, None
        if ahead is not None and ahead.seq == book.published.seq:
            for entry in news:
                ahead = self.evolve(ahead, entry)
            book.ahead = ahead
        elif ahead is not None and ahead.seq >= news[-1].seq:
            book.ahead = ahead
        with self.reading:
            for entry in news:
                self._publish(book, entry, fresh=False)
        self._told()

    def publish(self, stored: Iterable[tuple[Book, ev.Entry]]) -> set[str]:
        """These are durable: publish them, in the order of their numbers. Returns the offices they belong to."""
        sites = set()
        with self.reading:
            for book, entry in stored:
                self._publish(book, entry, fresh=True)
                sites.add(book.site)
        if sites:
            self._told()
        return sites

    def _publish(self, book: Book, entry: ev.Entry, *, fresh: bool) -> None:
        book.published = self.evolve(book.published, entry)
        self._say(book.published, entry, fresh)

    def _say(self, day: Day, entry: ev.Entry, fresh: bool) -> None:
        try:
            self._tell(day, entry, fresh)
        except Exception:
            # What is durable is durable; a screen that was not told sees it with the next board.
            log.exception("tell_failed", seq=entry.seq)

    # -- stories -----------------------------------------------------------------------------------------------------------------

    def evolve(self, day: Day, entry: ev.Entry) -> Day:
        """Fold one entry, under the version of the site document that it names."""
        event = entry.event
        if isinstance(event, ev.DayOpened) and event.site_version != day.site.version:
            # Born again: under the present version it may hold services and counters that this day never had.
            day = Day(self._sites.version(day.site.id, event.site_version), day.date)
        elif isinstance(event, ev.SiteRevised) and event.site_version != day.site.version:
            day.revise(self._sites.version(day.site.id, event.site_version))
        day.apply(entry)
        return day

    def fold(self, site: str, when: date) -> tuple[Day, list[ev.Entry]]:
        """A day as the store tells it, and its story; blocks for as long as it takes to read."""
        story = self.entries(site, when)
        day = Day(self._sites.current(site), when)
        for entry in story:
            day = self.evolve(day, entry)
        return day, story

    def entries(self, site: str, when: date, after: int = 0) -> list[ev.Entry]:
        """The story of any day, behind that number; blocks likewise."""
        return self.read(self._store.story(site, when, after))

    def read(self, rows: Iterable[EventRow]) -> list[ev.Entry]:
        """Lines of a story as entries."""
        return [ev.Entry(r.seq, r.at.astimezone(self._sites.current(r.site).tz), r.actor, self._decode(r.kind, r.body)) for r in rows]

    def history(self, site: str, when: date) -> Day:
        """Any day of the past, folded off the event loop. The last few are kept: a phone asks for the same old ticket again and again. Do
        not change it."""
        book = self._books.get((site, when))
        if book is not None:
            return book.published
        found = self.past.pop((site, when), None)
        if found is None or found.seq != self._store.last_seq(site, when):
            found = self._offload(self.fold, site, when)[0]
        if not found.opened:
            # Without a story a day is what the newest document makes of it.
            return found
        self.past[site, when] = found
        for oldest in list(self.past)[:-PAST_KEPT]:
            self.past.pop(oldest, None)
        return found
