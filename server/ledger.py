"""The one door. Every command of every office goes through here: decided, appended, folded, and only after the durable commit answered
and told.

One committer owns the days. It takes all commands that wait, decides them in turn on the state *ahead* of the disk, writes them in one
transaction off the event loop (one flush for all), folds them into the *published* state, and answers. Reads see the published state only,
so nobody is shown a number that a power cut could take back.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import structlog

from server.clock import HallClock, wall
from server.core import decide
from server.core import events as ev
from server.core.day import CounterState, Day
from server.core.refused import Refused
from server.sites import Sites
from server.store import AnswerRow, Broken, Conflict, EventRow, Poison, Store, Unavailable, Write, Writing

log = structlog.get_logger("ledger")

ANSWERS_KEPT = timedelta(hours=48)
BATCH = 256
"""Most commands in one flush; the wait of the last is then still below a tenth of a second on a slow disk."""
TRIES = 5

Command = Callable[[Day, datetime], list[ev.Event]]
Render = Callable[[Day, datetime], tuple[int, Any]]
"""The answer of a command, status and JSON value, told from the day just after it."""
Codec = tuple[Callable[[ev.Event], str], Callable[[str, str], ev.Event]]


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A client's key for one intent: unique per principal across paths and days. `request` is a digest of the whole request."""

    principal: str
    key: str
    request: str


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: str
    """JSON text."""
    replayed: bool = False


class KeyReused(Exception):
    """The same idempotency key came with another request."""


@dataclass
class _Job:
    """One command on its way through the committer."""

    site: str
    day: date | None
    command: Command | None
    actor: str
    render: Render | None
    once: Idempotency | None
    also: Callable[[Writing, list[ev.Entry]], None] | None
    done: threading.Event = field(default_factory=threading.Event)
    result: Any = None
    error: BaseException | None = None
    entries: list[ev.Entry] = field(default_factory=list)
    book: _Book | None = None
    row: AnswerRow | None = None
    write: Write | None = None

    def again(self) -> None:
        """Forget a decision that was not stored."""
        self.result = self.error = self.book = self.row = None
        self.entries = []


@dataclass
class _Book:
    """A day twice: `ahead` of the disk for decisions, `published` for everybody else."""

    ahead: Day
    published: Day


class Ledger:
    """`offload` runs a blocking function on another thread and waits; `spawn` starts a background task. Both come from the launcher, so
    that the program does not know whether threads are green. `tell` hears every entry with the day just after it."""

    def __init__(
        self,
        store: Store,
        sites: Sites,
        clock: HallClock,
        codec: Codec,
        *,
        dumps: Callable[[Any], str],
        offload: Callable[..., Any],
        tell: Callable[[Day, ev.Entry], None] = lambda day, entry: None,
        told: Callable[[], None] = lambda: None,
    ) -> None:
        self.store, self.sites, self.clock = store, sites, clock
        self._encode, self._decode = codec
        self._dumps, self._offload, self._tell, self._told = dumps, offload, tell, told
        self._jobs: queue.Queue[_Job | Callable[[], None] | None] = queue.Queue()
        self._books: dict[tuple[str, date], _Book] = {}
        self.broken: str | None = None
        """Why nothing is acknowledged any more; a restart is needed."""
        self.reading = threading.RLock()
        """Held while published days change; readers hold it where threads are real. Green threads never wait for it."""
        self._stopped = False
        self.commits = 0
        self.commands = 0

    # -- for the edge ------------------------------------------------------------------------------------------------------------

    def now(self, site: str) -> datetime:
        """Hall time in the site's zone."""
        return self.clock.now().astimezone(self.sites.current(site).tz)

    def today(self, site: str) -> date:
        return self.now(site).date()

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
        job = _Job(site, day, command, actor, render, once, also)
        return self._put(job)  # type: ignore[no-any-return]

    def write(self, step: Write) -> Any:
        """Write something that is not a day's story (staff, sessions, devices), through the same committer."""
        job = _Job("", None, None, "", None, None, None)
        job.write = step
        return self._put(job)

    def day(self, site: str, day: date | None = None) -> Day:
        """The published state of a day: today's, or one still running. Do not change it."""
        when = day or self.today(site)
        book = self._books.get((site, when))
        if book is None:
            self._put(_Job(site, when, None, "", None, None, None))
            book = self._books[site, when]
        return book.published

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
        found = self.day(site, day) if (site, day) in self._books or self.store.last_seq(site, day) else None
        return found if found is not None and found.opened and not found.closed else None

    def day_of_ticket(self, ticket: str) -> tuple[str, date] | None:
        for (site, day), book in list(self._books.items()):
            if ticket in book.published.tickets:
                return site, day
        return self.store.find_ticket(ticket)

    def story(self, site: str, day: date, after: int = 0) -> list[ev.Entry]:
        return [self._entry(row) for row in self.store.story(site, day, after)]

    def history(self, site: str, day: date) -> Day:
        """Any day of the past, folded anew off the event loop and not kept."""
        if (site, day) in self._books:
            return self._books[site, day].published
        return self._offload(self._fold, site, day)[0]  # type: ignore[no-any-return]

    def anybody_waits(self) -> bool:
        return any(any(len(line) for line in b.published.lines.values()) for b in list(self._books.values()) if not b.published.closed)

    # -- the committer -----------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """The committer; run once, as a background task. Ends when `stop` has been called and everything accepted is answered."""
        while True:
            first = self._jobs.get()
            batch: list[_Job] = []
            while True:
                if callable(first):
                    self._survive(first, [])
                elif first is not None:
                    batch.append(first)
                if first is None or len(batch) >= BATCH:
                    break
                try:
                    first = self._jobs.get_nowait()
                except queue.Empty:
                    break
            self._survive(partial(self._commit, batch), batch)
            if first is None:
                return

    def _survive(self, work: Callable[[], None], batch: list[_Job]) -> None:
        """Whatever goes wrong in one batch, the next one finds a committer, and days as the store tells them."""
        try:
            work()
        except Exception as error:
            log.exception("batch_failed")
            self._books.clear()
            for job in batch:
                if not job.done.is_set():
                    self._fail(job, error if isinstance(error, Unavailable | Broken) else Unavailable(str(error)))

    def stop(self) -> None:
        """Answer what has been accepted, then end."""
        self._stopped = True
        self._jobs.put(None)

    def refresh(self) -> None:
        """Look for what another process wrote: new versions of site documents, entries by the command line. Once a second is enough."""
        self._jobs.put(self._look_around)

    def _put(self, job: _Job) -> Any:
        if self._stopped:
            raise Unavailable("The server is stopping.")
        self._jobs.put(job)
        job.done.wait()
        if job.error is not None:
            raise job.error
        return job.result

    def _commit(self, batch: list[_Job]) -> None:
        left = batch
        for _ in range(TRIES):
            if not left:
                return
            left = self._try(left)
        for job in left:
            self._fail(job, Unavailable("The story of the day is being written by somebody else."))

    def _try(self, batch: list[_Job]) -> list[_Job]:
        """Decide and store a batch; returns the jobs that must be decided again."""
        steps: list[Write] = []
        writers: list[_Job] = []
        keys: dict[tuple[str, str], _Job] = {}
        followers: list[tuple[_Job, _Job]] = []
        for job in batch:
            job.again()
            twin = keys.get((job.once.principal, job.once.key)) if job.once else None
            if twin is not None:
                followers.append((job, twin))
                continue
            try:
                step = self._decide(job)
            except Exception as error:
                job.error = error
                if not job.entries:
                    continue
                # Half decided: the state ahead holds events that nobody will store. Read the days again and decide the others anew.
                log.exception("decision_failed")
                self._rebuild([*writers, job])
                job.done.set()
                return [other for other in batch if other is not job]
            if step is not None:
                steps.append(step)
                writers.append(job)
                if job.once:
                    keys[job.once.principal, job.once.key] = job
        if steps:
            try:
                results = self._offload(self.store.write, steps)
            except Conflict:
                self._rebuild(writers)
                return batch
            except Poison as poison:
                self._rebuild(writers)
                spoilt = writers[poison.index]
                log.error("write_refused", error=str(poison))
                self._fail(spoilt, poison)
                return [job for job in batch if job is not spoilt]
            except (Unavailable, Broken) as error:
                return self._after_failure(batch, writers, error)
            self.commits += 1
            self.commands += len(writers)
            for job, result in zip(writers, results, strict=True):
                if job.write is not None:
                    job.result = result
        self._publish(writers)
        for job, twin in followers:
            self._follow(job, twin)
        return self._settle(batch, {})

    def _decide(self, job: _Job) -> Write | None:
        """Fold the command's events ahead and return the step that stores them; None when there is nothing to store."""
        if self.broken and (job.write or job.command):
            raise Broken(self.broken)
        if job.write is not None:
            return job.write
        if job.once is not None:
            kept = self.store.answer(job.once.principal, job.once.key)
            if kept is not None:
                job.result = self._replay(kept, job.once)
                return None
        when = job.day or self.today(job.site)
        book = job.book = self._open(job.site, when)
        if job.command is None:
            job.result = book
            return None
        day = book.ahead
        now = self.now(job.site)
        # The hall clock may have been corrected; the story's times never decrease (law I9).
        now = max(now, day.at.astimezone(now.tzinfo)) if day.at else now
        decided = job.command(day, now)
        if decided and not day.opened:
            decided = [ev.DayOpened(day.site.version), *decided]
        for event in decided:
            entry = ev.Entry(day.seq + 1, now, job.actor, event)
            self._revise(day, event)
            day.apply(entry)
            job.entries.append(entry)
        assert job.render is not None
        status, body = job.render(day, now)
        job.result = Answer(status, self._dumps(body))
        if job.once is not None:
            until = (wall() + ANSWERS_KEPT).timestamp()
            job.row = AnswerRow(job.once.principal, job.once.key, job.once.request, status, job.result.body, until)
        if not job.entries and job.row is None and job.also is None:
            return None
        return lambda tx: self._store(tx, job, when)

    def _store(self, tx: Writing, job: _Job, when: date) -> None:
        rows = [EventRow(job.site, when, e.seq, e.at, e.actor, type(e.event).__name__, self._encode(e.event)) for e in job.entries]
        tx.append(rows)
        tx.index_tickets([e.event.ticket for e in job.entries if isinstance(e.event, ev.TicketIssued)], job.site, when)
        if job.row is not None:
            tx.put_answer(job.row)
        if job.also is not None:
            job.also(tx, job.entries)

    def _replay(self, kept: AnswerRow, once: Idempotency) -> Answer:
        if kept.request != once.request:
            raise KeyReused(once.key)
        return Answer(kept.status, kept.body, replayed=True)

    def _follow(self, job: _Job, twin: _Job) -> None:
        """The second of two equal requests in one batch gets the first one's answer."""
        assert job.once is not None
        if twin.row is not None:
            try:
                job.result = self._replay(twin.row, job.once)
            except KeyReused as error:
                job.error = error

    def _publish(self, writers: Iterable[_Job]) -> None:
        heard = False
        with self.reading:
            for job in writers:
                for entry in job.entries if job.book else ():
                    heard = True
                    self._fold_published(job.book.published, entry)  # type: ignore[union-attr]
        if heard:
            self._told()

    def _fold_published(self, day: Day, entry: ev.Entry) -> None:
        self._revise(day, entry.event)
        day.apply(entry)
        try:
            self._tell(day, entry)
        except Exception:
            # What is durable is durable; a screen that was not told sees it with the next board.
            log.exception("tell_failed", seq=entry.seq)

    def _revise(self, day: Day, event: ev.Event) -> None:
        if isinstance(event, ev.DayOpened | ev.SiteRevised) and event.site_version != day.site.version:
            day.revise(self.sites.version(day.site.id, event.site_version))

    def _settle(self, batch: list[_Job], errors: dict[int, Exception]) -> list[_Job]:
        for job in batch:
            error = errors.get(id(job))
            if error is not None:
                job.error = error
            job.done.set()
        return []

    def _fail(self, job: _Job, error: BaseException) -> None:
        job.error = error
        job.done.set()

    def _after_failure(self, batch: list[_Job], writers: list[_Job], error: Exception) -> list[_Job]:
        """The commit failed. Look once whether it is there after all, then refuse: nothing was changed, or confirm: it was."""
        if isinstance(error, Broken):
            self.broken = str(error)
            log.critical("read_only", error=self.broken)
        else:
            log.error("not_stored", error=str(error))
        errors: dict[int, Exception] = {id(j): error for j in writers}
        if not self.broken:
            self._rebuild(writers)
            for job in writers:
                if job.entries and job.book and self._stored(job):
                    errors.pop(id(job))
        return self._settle(batch, errors)

    def _stored(self, job: _Job) -> bool:
        assert job.book is not None
        rows = self.story(job.site, job.book.published.date, after=job.entries[0].seq - 1)
        return rows[: len(job.entries)] == job.entries

    def _rebuild(self, writers: Iterable[_Job]) -> None:
        """Throw away what was decided ahead and read the days again."""
        for key in {(j.site, j.book.published.date) for j in writers if j.book is not None}:
            self._catch_up(*key)
            self._books[key].ahead = self._offload(self._fold, *key)[0]

    def _open(self, site: str, when: date) -> _Book:
        book = self._books.get((site, when))
        if book is None:
            ahead, story = self._offload(self._fold, site, when)
            published = Day(self.sites.current(site), when)
            for entry in story:
                self._fold_published(published, entry)
            book = self._books[site, when] = _Book(ahead, published)
        return book

    def _fold(self, site: str, when: date) -> tuple[Day, list[ev.Entry]]:
        story = self.story(site, when)
        day = Day(self.sites.current(site), when)
        for entry in story:
            self._revise(day, entry.event)
            day.apply(entry)
        return day, story

    def _entry(self, row: EventRow) -> ev.Entry:
        zone = self.sites.current(row.site).tz
        return ev.Entry(row.seq, row.at.astimezone(zone), row.actor, self._decode(row.kind, row.body))

    def _catch_up(self, site: str, when: date) -> bool:
        book = self._books[site, when]
        news = self.story(site, when, after=book.published.seq)
        for entry in news:
            self._fold_published(book.published, entry)
        return bool(news)

    def _look_around(self) -> None:
        changed = self.sites.refresh()
        heard = False
        for (site, when), book in list(self._books.items()):
            if self.store.last_seq(site, when) > book.published.seq and self._catch_up(site, when):
                book.ahead = self._fold(site, when)[0]
                heard = True
            if site in changed and book.ahead.opened and not book.ahead.closed:
                version = self.sites.current(site).version
                self._commit([_revision(site, when, version)])
            if book.published.closed and when < self.today(site) - timedelta(days=1):
                del self._books[site, when]
        if heard:
            self._told()

    def close_old_days(self) -> None:
        """Close days before today that nobody is served in any more; called by the clock after 03:00."""
        for site, when in list(self._books):
            day = self._books[site, when].published
            if when < self.today(site) and day.opened and not day.closed and not day.in_use():
                self.do(site, decide.close_day, actor="clock", render=lambda day, now: (200, {}), day=when)


def _revision(site: str, when: date, version: int) -> _Job:
    def revise(day: Day, now: datetime) -> list[ev.Event]:
        return [] if day.site.version == version else [ev.SiteRevised(version)]

    return _Job(site, when, revise, "clock", lambda day, now: (200, {}), None, None)


__all__ = ["Answer", "Idempotency", "KeyReused", "Ledger", "Refused"]
