"""The one door. Every command of every office goes through here: decided, appended, folded, and only after the durable commit answered
and told. Reads see what is published, so nobody is shown a number that a power cut could take back.

Behind the door, each in a file of its own: what is asked (`server.jobs`), the days as they are kept in memory (`server.books`), who enters
commands in them and stores what follows (`server.registrar`), in which order that goes on (`server.committer`), and who looks after days
that nobody asks for (`server.caretaker`). Everybody else knows the door alone.
"""

from __future__ import annotations

import queue
import secrets
from collections.abc import Callable, Collection
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import partial
from time import monotonic
from typing import Any, NamedTuple

from server.books import Books
from server.caretaker import Caretaker
from server.clock import HallClock
from server.committer import Committer
from server.core import events as ev
from server.core.alarms import Storage, Trouble
from server.core.day import CounterState, Day
from server.jobs import Answer, Both, Command, Idempotency, Job, KeyReused, Render
from server.registrar import Registrar
from server.relay import Back
from server.sites import Sites
from server.store import Broken, NoticeRow, Store, Unavailable, Write, Writing

BLIND_S = 2.0
"""A store that did not answer is not asked for so long by those who only look."""
PROVEN_S = 1.0
"""For so long a transaction tells how the next one would go."""
GONE_HOME = timedelta(hours=2)
"""After the office has closed."""

Codec = tuple[Callable[[ev.Event], str], Callable[[str, str], ev.Event]]


class _Date(NamedTuple):
    """A date, from when until when it is in a zone. Instants in UTC, as the clock tells them: with every command it is asked which day is
    today, and to tell the time in a zone for that costs more than the comparison."""

    date: date
    begins: datetime
    ends: datetime

    @classmethod
    def of(cls, now: datetime, zone: tzinfo) -> _Date:
        today = now.astimezone(zone).date()
        begins, ends = (datetime.combine(day, time.min, zone).astimezone(UTC) for day in (today, today + timedelta(days=1)))
        return cls(today, begins, ends)


class Ledger:
    """`offload` runs a blocking function on another thread and waits, `relay` makes a queue that leads back from there; both come from the
    launcher, so that the program does not know whether threads are green. `causes` says which reminders an entry makes untrue and which
    notices follow from it: they are stored with it. `tell` hears every entry with the day just after it, and whether this process has only
    now written it; `told` that there was something to hear, `spread` in which offices this process has written something that the others
    have to look at. `on_duty` tells whether this process looks after days that nobody has asked for."""

    def __init__(
        self,
        store: Store,
        sites: Sites,
        clock: HallClock,
        codec: Codec,
        *,
        dumps: Callable[[Any], str],
        offload: Callable[..., Any],
        causes: Callable[[Day, ev.Entry], tuple[list[str], list[NoticeRow]]] = lambda day, entry: ([], []),
        tell: Callable[[Day, ev.Entry, bool], None] = lambda day, entry, fresh: None,
        told: Callable[[], None] = lambda: None,
        spread: Callable[[Collection[str]], None] = lambda sites: None,
        on_duty: Callable[[], bool] = lambda: True,
        relay: Callable[[], Back] = queue.Queue,
    ) -> None:
        self.store, self.sites, self.clock = store, sites, clock
        self._offload = offload
        encode, decode = codec
        # Each holds its own state, and none of it is the edge's business.
        self.books = Books(store, sites, decode, offload, tell, told)
        self.registrar = Registrar(
            store,
            self.books,
            encode,
            now=self.now,
            real_now=clock.real_now,
            dumps=dumps,
            offload=offload,
            causes=causes,
            spread=spread,
            drain=lambda: self.committer.drain(),
        )
        self.committer = Committer(self.books, self.registrar, ahead=not store.shared, offload=offload, relay=relay)
        self._caretaker = Caretaker(store, sites, self.books, self.committer, today=self.today, offload=offload, on_duty=on_duty)
        self.reading = self.books.reading
        """Held while published days change; readers hold it where threads are real. Green threads never wait for it."""
        self.ended = self.committer.ended
        """Set when the committer has answered everything and ended."""
        self._dates: dict[tzinfo, _Date] = {}
        """By zone: today, as it was when somebody asked last."""
        self._blind_until = 0.0
        self._nothing: dict[str, date] = {}
        """Of each office the newest day before today that is known to have no story."""

    # -- time --------------------------------------------------------------------------------------------------------------------

    def now(self, site: str) -> datetime:
        """Hall time in the site's zone."""
        return self.clock.now().astimezone(self.sites.current(site).tz)

    def today(self, site: str) -> date:
        now, zone = self.clock.now(), self.sites.current(site).tz
        known = self._dates.get(zone)
        if known is None or not known.begins <= now < known.ends:
            known = self._dates[zone] = _Date.of(now, zone)
        return known.date

    # -- doing -------------------------------------------------------------------------------------------------------------------

    def do(
        self,
        site: str,
        command: Command,
        *,
        actor: str,
        render: Render,
        once: Idempotency | None = None,
        day: date | None = None,
        also: Callable[[Writing, list[ev.Entry]], None] | None = None,
    ) -> Answer:
        """Decide and append, durably. `render` makes the answer from the day just after the command; it is stored with it under `once`.
        `also` writes in the same transaction what does not belong in the story (contacts).

        Raises `Refused`, `KeyReused`, `Unavailable` (nothing was changed) or `Broken` (restart needed).
        """
        return self.committer.put(Job(site, day, command, actor, render, once, also))  # type: ignore[no-any-return]

    def do_both(
        self,
        site: str,
        day: date,
        other: date,
        command: Both,
        *,
        actor: str,
        render: Render,
        once: Idempotency | None = None,
        also: Callable[[Writing, list[ev.Entry]], None] | None = None,
    ) -> Answer:
        """Decide on two days at once, and append to both in one transaction. `render` makes the answer from the other day."""
        return self.committer.put(Job(site, day, None, actor, render, once, also, other=other, both=command))  # type: ignore[no-any-return]

    def kept(self, once: Idempotency | None) -> Answer | None:
        """The first answer under this key, for whoever has to look at anything before the door: it holds even when nothing else does any
        more, because the day or the place has gone meanwhile. None for a request that says more than its digest (`also`):
        only the door can compare that. Raises `KeyReused`."""
        row = self.store.answer(once.principal, once.key) if once is not None else None
        if row is None or once is None or row.request.startswith(f"{once.request} "):
            return None
        return Answer.again(row, once)

    def write(self, step: Write) -> Any:
        """Write something that is not a day's story (staff, sessions, devices), through the same committer."""
        return self.committer.put(Job("", write=step))

    def day_key(self, site: str, day: date) -> str:
        """The secret of a day, as hexadecimal digits; made when it is first asked for, and erased with the day."""
        key = self.store.day_key(site, day)
        if key is None:
            fresh = secrets.token_hex(32)
            self.write(lambda tx: tx.put_day_key(site, day, fresh, day + timedelta(days=1)))
            key = self.store.day_key(site, day)
            assert key is not None
        return key

    # -- looking -----------------------------------------------------------------------------------------------------------------

    def day(self, site: str, day: date | None = None) -> Day:
        """The published state of a day: today's, or one still running. Do not change it."""
        when = day or self.today(site)
        book = self.books.get(site, when) or self.committer.put(Job(site, when))
        return book.published

    def day_at(self, site: str, day: date, seq: int) -> Day:
        """The published state of a day, with this number in it at least: somebody has found in the store what follows from it, and it may
        not be told here yet. Raises `Unavailable` when the server is stopping."""
        found = self.day(site, day)
        return found if found.seq >= seq else self.committer.put(Job(site, day, behind=True)).published  # type: ignore[no-any-return]

    def known(self, site: str) -> Day | None:
        """Today's published state, where this process follows it."""
        book = self.books.get(site, self.today(site))
        return book.published if book else None

    def days_to_come(self) -> list[Day]:
        """The published states of today and later days that are known: all that hold bookings, soon after the start."""
        return [book.published for book in self.books.all() if book.date >= self.today(book.site)]

    def anybody_waits(self) -> bool:
        """Somewhere, in a line of a service or of one counter. A number that nobody called stays in its line until the night, and the night
        waits for the clock: it counts no longer than its citizen may still be there. Nor does a line count in which nothing has happened
        since the start: what it is as late as the machine believes on being switched on is not proven by what an evening left behind."""
        return any(self._is_waited_in(book.published) for book in self.books.all() if not book.published.closed)

    def _is_waited_in(self, day: Day) -> bool:
        if day.at is None or day.at < self.clock.begun or not any(len(line) for line in [*day.lines.values(), *day.directed.values()]):
            return False
        now = self.now(day.site.id)
        if day.date != now.date():
            return False
        closes = day.hours(now).closes
        return closes is not None and now < closes + GONE_HOME

    def recorded(self) -> datetime | None:
        """When something was last written anywhere, in its office's zone, as far as it is known here. What is later than now, as a
        rehearsal has left it, was not written by this clock."""
        now = self.clock.now()
        return max((day.at for book in self.books.all() if (day := book.published).at is not None and day.at <= now), default=None)

    def day_of_counter(self, site: str, counter: str) -> date:
        """A counter keeps the day it opened in, as long as that day still has somebody there or waiting for it."""
        today = self.today(site)
        before = self._running(site, today - timedelta(days=1))
        if before is not None and counter in before.counters and before.counters[counter].state is not CounterState.CLOSED:
            waits = any(len(line) for line in before.lines_of(counter))
            if waits or before.counters[counter].ticket:
                return before.date
        return today

    def day_of_hall(self, site: str) -> date:
        """The day a hall's board shows: yesterday's while its people are still called and nobody has opened today's counters."""
        today = self.today(site)
        before = self._running(site, today - timedelta(days=1))
        if before is None or not any(c.state is not CounterState.CLOSED for c in before.counters.values()):
            return today
        now = self.day(site, today)
        return today if any(c.state is not CounterState.CLOSED for c in now.counters.values()) else before.date

    def _running(self, site: str, day: date) -> Day | None:
        book = self.books.get(site, day)
        # Looked up beside the committer, which may be waiting for the disk. Once: a board must not ask the database each time it is drawn,
        # and a day that is over and never began stays so.
        if book is None and (self._nothing.get(site) == day or not self.store.last_seq(site, day)):
            self._nothing[site] = day
            return None
        found = book.published if book else self.day(site, day)
        return found if found.opened and not found.closed else None

    def day_of_ticket(self, ticket: str) -> tuple[str, date] | None:
        for book in self.books.all():
            if ticket in book.published.tickets:
                return book.site, book.date
        found = self.store.find_ticket(ticket)
        if found is not None and self.books.get(*found) is not None:
            # Another process has given it, and this one has not looked since.
            self.committer.put(Job(*found, behind=True))
        return found

    def day_of_appointment(self, code: str) -> tuple[str, date] | None:
        """Where a booking stands now, by its whole code; of one that was moved, the day it was moved to."""
        return self.store.find_appointment(code)

    def story(self, site: str, day: date, after: int = 0) -> list[ev.Entry]:
        """The entries of any day, read off the event loop."""
        return self._offload(self.books.entries, site, day, after)  # type: ignore[no-any-return]

    def evolve(self, day: Day, entry: ev.Entry) -> Day:
        """Fold one entry, under the version of the site document that it names."""
        return self.books.evolve(day, entry)

    def history(self, site: str, day: date) -> Day:
        """Any day of the past, read off the event loop. Do not change it."""
        return self.books.history(site, day)

    def days_before(self, site: str, day: date, back: timedelta) -> list[date]:
        """Days with a story, oldest first; read off the event loop."""
        return [d for d in self._offload(self.store.days, site) if day - back <= d < day]

    # -- news of other processes, and the night ----------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Look for what another process wrote: new versions of site documents, entries by the command line. Once a second is enough."""
        self.committer.call(self._caretaker.look_around)

    def look(self, sites: Collection[str]) -> None:
        """Another process has written something in these offices: look soon, where a day of theirs is known here."""
        known = {book.site for book in self.books.all()} & set(sites)
        if known:
            self.committer.call(partial(self._caretaker.look_at, known))

    def fresh(self, site: str) -> None:
        """Whoever asks after this is told at least what anybody has been answered before, by whichever process of a shared store. While
        that does not answer, he is told what is known."""
        known = [(site, book.date) for book in self.books.all() if book.site == site] if self.store.shared else []
        if not known or monotonic() < self._blind_until:
            return
        try:
            for key, last in zip(known, self._offload(self.store.last_seqs, known), strict=True):
                book = self.books.get(*key)
                if book is not None and last > book.published.seq:
                    self.committer.put(Job(*key, behind=True))
        except (Unavailable, Broken):
            self._blind_until = monotonic() + BLIND_S

    def close_old_days(self) -> None:
        """Close days before today that nobody is served in any more; called by the clock after 03:00. Not by a date that may be wrong:
        people hold numbers and appointments of the days that it would close."""
        if not self.broken and self.clock.settled:
            self._caretaker.close_old_days()

    # -- the committer -----------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """The committer; run once, as a background task. Ends when `stop` has been called and everything accepted is answered."""
        self.committer.run()

    def stop(self) -> None:
        """Answer what has been accepted, then end."""
        self.committer.stop()

    @property
    def broken(self) -> str | None:
        """Why nothing is acknowledged any more; a restart is needed."""
        return self.registrar.broken

    @property
    def trouble(self) -> Trouble | None:
        """What is wrong with the storage, as far as is known: what keeps it from being written comes first."""
        low = self.store.low_since_s
        return self.registrar.trouble or (Trouble(Storage.LOW, low) if low is not None else None)

    def try_again(self) -> None:
        """After a transaction that was not stored: whether one would be now, though nobody presses anything. Raises `Unavailable`."""
        if self.registrar.trouble is not None and not self.broken:
            self.write(lambda tx: tx.touch())

    def ready(self) -> None:
        """Whether something would be stored now: as the last transaction was or not, and if that is too long ago, as one is that changes
        nothing. Raises `Unavailable` or `Broken`. So probes, which anybody near may send, cost a disk one flush a second at most."""
        if monotonic() - self.registrar.ended_at >= PROVEN_S:
            self.write(lambda tx: tx.touch())
        elif self.registrar.trouble is not None:
            raise Unavailable("What was to be written last could not be.")

    @property
    def commits(self) -> int:
        """Durable transactions, and `commands` what was written in them."""
        return self.registrar.commits

    @property
    def commands(self) -> int:
        return self.registrar.commands


__all__ = ["Answer", "Command", "Idempotency", "KeyReused", "Ledger", "Render"]
