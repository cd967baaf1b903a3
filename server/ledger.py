"""The one door. Every command of every office goes through here: decided, appended, folded, and only after the durable commit answered
and told.

One committer owns the days. It takes all commands that wait and decides them in turn on the state *ahead* of the disk. A writer takes all
that has been decided and stores it in one transaction off the event loop (one flush for all), while the committer decides what comes next.
A teller folds what is stored into the *published* state, and answers. Reads see the published state only, so nobody is shown a number that
a power cut could take back. What could not be stored is answered so, and everything that was decided upon it is decided again.

Where several processes serve one store, each of them decides on any day: it enters the day in the store, takes in what the others have
written there meanwhile, decides, writes and leaves. There the committer writes itself: it may not decide on a day that it has left.
"""

from __future__ import annotations

import queue
import secrets
import threading
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from itertools import groupby
from typing import Any

import structlog

from server.clock import HallClock, wall
from server.core import decide
from server.core import events as ev
from server.core.day import CounterState, Day
from server.core.refused import Refused
from server.core.site import Site
from server.sites import Sites
from server.store import (
    AnswerRow,
    Broken,
    Conflict,
    EventRow,
    NoticeRow,
    Overtaken,
    Poison,
    SharedStore,
    Store,
    Unavailable,
    Write,
    Writing,
)

log = structlog.get_logger("ledger")

ANSWERS_KEPT = timedelta(hours=48)
BATCH = 256
"""Most commands in one flush; the wait of the last is then still below a tenth of a second on a slow disk."""
LOOK_BACK = timedelta(days=31)
"""How far back days are looked for that nobody closed."""
FORGOTTEN = timedelta(hours=8)
"""At night a day in which nothing at all has happened for so long is closed, whoever still stands at a counter: the clerk went home without
pressing. Otherwise the first press of the morning would call the day before's leftovers."""
OPENED_AT_ONCE = 8
"""Days to come that are read at one look."""
BLIND_S = 2.0
"""A store that did not answer is not asked for so long by those who only look."""
PAST_KEPT = 4
"""Days of the past that are kept; one of 3,000 tickets takes some 5 MB."""
TRIES = 5
"""How often a batch is decided anew because another process wrote first."""

Command = Callable[[Day, datetime], list[ev.Event]]
Both = Callable[[Day, Day, datetime], list[tuple[date, ev.Event]]]
"""A decision on two days, as a booking that moves: it sees both before anything is folded, so a refusal leaves no trace."""
Render = Callable[[Day, datetime], tuple[int, Any]]
"""The answer of a command, status and JSON value, told from the day just after it."""
Codec = tuple[Callable[[ev.Event], str], Callable[[str, str], ev.Event]]


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A client's key for one intent: unique per principal across paths and days. `request` is a digest of the whole request."""

    principal: str
    key: str
    request: str

    @property
    def name(self) -> tuple[str, str]:
        return self.principal, self.key

    def also(self, mark: str | None) -> Idempotency:
        """The same intent of a request that says something more, of which no plain digest may be kept: `mark` stands for it."""
        return self if mark is None else replace(self, request=f"{self.request} {mark}")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: str
    """JSON text."""
    replayed: bool = False


class KeyReused(Exception):
    """The same idempotency key came with another request."""


class _Latch:
    """Opens for one who waits, and is shut again behind him: what `threading.Event` does for many, at a fraction of the price."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def set(self) -> None:
        self._lock.release()

    def wait(self) -> None:
        self._lock.acquire()


NOTHING = _Latch()
"""For which nobody waits."""


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
    latch: _Latch | None = None
    """Of the one who waits for the answer."""
    answered: bool = False
    result: Any = None
    error: BaseException | None = None
    other: date | None = None
    """The second day of a decision on two, and `both` that decision."""
    both: Both | None = None
    told: list[tuple[_Book, ev.Entry]] = field(default_factory=list)
    """What was decided, each entry with the day it belongs to."""
    books: list[_Book] = field(default_factory=list)
    over: list[str] = field(default_factory=list)
    """Bookings whose reminders are no longer true, and the notices that follow from what was decided."""
    notices: list[NoticeRow] = field(default_factory=list)
    row: AnswerRow | None = None
    write: Write | None = None
    step: Write | None = None
    when: date | None = None
    """The day it is decided on."""
    behind: bool = False
    """The day is known to be behind the store, and whoever asks shall not be told less than what was answered to others."""

    def again(self) -> None:
        """Forget a decision that was not stored."""
        self.result = self.error = self.row = self.step = self.when = None
        self.told, self.books, self.over, self.notices = [], [], [], []

    def finish(self) -> None:
        """Answered: by `result`, or by `error`."""
        if not self.answered:
            self.answered = True
            if self.latch is not None:
                self.latch.set()

    @property
    def entries(self) -> list[ev.Entry]:
        return [entry for _, entry in self.told]


@dataclass(slots=True)
class _Plan:
    """Commands that were decided in turn: those that write, and those that say again what one of them has said."""

    batch: list[_Job]
    writers: list[_Job] = field(default_factory=list)
    followers: list[tuple[_Job, _Job]] = field(default_factory=list)
    half: _Job | None = None
    """Raised in the middle of its events: the state ahead holds some that nobody will store, and nothing after it was decided."""

    parts: int = 1
    stored: bool = False

    def add(self, later: _Plan) -> None:
        self.parts += later.parts
        self.batch += later.batch
        self.writers += later.writers
        self.followers += later.followers


@dataclass(eq=False)
class _Book:
    """A day twice: `ahead` of the disk for decisions, `published` for everybody else. `ahead` is None when it held what was not stored in
    the end; it is then read again before the next decision, and nobody else notices."""

    site: str
    date: date
    published: Day
    ahead: Day | None


class Ledger:
    """`offload` runs a blocking function on another thread and waits; it comes from the launcher, so that the program does not know whether
    threads are green. `causes` says which reminders an entry makes untrue and which notices follow from it: they are stored with it. `tell`
    hears every entry with the day just after it, and whether this process has only now written it; `told` that there was something to
    hear, `spread` in which offices this process has written something that the others have to look at. `on_duty` tells whether this process
    looks after days that nobody has asked for."""

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
    ) -> None:
        self.store, self.sites, self.clock = store, sites, clock
        self._encode, self._decode = codec
        self._dumps, self._offload, self._causes, self._tell, self._told = dumps, offload, causes, tell, told
        self._kept: dict[tuple[str, str], AnswerRow] | None = None
        """Answers that were given before to those who ask in the present batch, as far as they could be read."""
        self._shared: SharedStore | None = store if store.shared else None  # type: ignore[assignment]
        self._spread, self._on_duty = spread, on_duty
        self._blind_until = 0.0
        self._inside = False
        """Days have been entered in a shared store, and not left yet."""
        self._jobs: queue.Queue[_Job | Callable[[], None] | None] = queue.Queue()
        self._plans: queue.Queue[_Plan | _Latch | None] = queue.Queue()
        self._written: queue.Queue[_Plan | _Latch | None] = queue.Queue()
        self._handed = self._landed = 0
        """Plans the writer has been given, and those that are done with, well or ill."""
        self._failed: tuple[_Plan, Exception] | None = None
        """What could not be stored, and why; the writer stores nothing more until the committer has seen to it."""
        self._spoilt: list[_Job] = []
        """What was decided upon that."""
        self._latches: list[_Latch] = []
        """Of those who have been answered."""
        self._failures = 0
        self._firsts: dict[tuple[str, str], _Job] = {}
        """By key: the commands on their way to the disk. The store does not know their answers yet."""
        self._books: dict[tuple[str, date], _Book] = {}
        self.broken: str | None = None
        """Why nothing is acknowledged any more; a restart is needed."""
        self.reading = threading.RLock()
        """Held while published days change; readers hold it where threads are real. Green threads never wait for it."""
        self._gate = threading.Lock()
        """Between the last command and the word that there will be no more: what is behind that word would never be answered."""
        self._stopped = False
        self.ended = threading.Event()
        """Set when the committer has answered everything and ended."""
        self._past: dict[tuple[str, date], Day] = {}
        """Days of the past that were asked for, the last one last."""
        self._night_of: dict[str, date] = {}
        self._nothing: dict[str, date] = {}
        """Of each office the newest day before today that is known to have no story."""
        self._heard: dict[str, int] = {}
        """By site: the version of its document for which the days to come have been looked up, and those still to be opened."""
        self._to_open: set[tuple[str, date]] = set()
        self.accepted = 0
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

    def kept(self, once: Idempotency | None) -> Answer | None:
        """The first answer under this key, for whoever has to look at anything before the door: it holds even when nothing else does any
        more, because the day or the place has gone meanwhile. None for a request that says more than its digest (`also`):
        only the door can compare that. Raises `KeyReused`."""
        row = self.store.answer(once.principal, once.key) if once is not None else None
        if row is None or once is None or row.request.startswith(f"{once.request} "):
            return None
        return self._replay(row, once)

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
        job = _Job(site, day, None, actor, render, once, also, other=other, both=command)
        return self._put(job)  # type: ignore[no-any-return]

    def write(self, step: Write) -> Any:
        """Write something that is not a day's story (staff, sessions, devices), through the same committer."""
        job = _Job("", None, None, "", None, None, None)
        job.write = step
        return self._put(job)

    def day_key(self, site: str, day: date) -> str:
        """The secret of a day, as hexadecimal digits; made when it is first asked for, and erased with the day."""
        key = self.store.day_key(site, day)
        if key is None:
            fresh = secrets.token_hex(32)
            self.write(lambda tx: tx.put_day_key(site, day, fresh, day + timedelta(days=1)))
            key = self.store.day_key(site, day)
            assert key is not None
        return key

    def day(self, site: str, day: date | None = None) -> Day:
        """The published state of a day: today's, or one still running. Do not change it."""
        when = day or self.today(site)
        book = self._books.get((site, when)) or self._put(_Job(site, when, None, "", None, None, None))
        return book.published

    def known(self, site: str) -> Day | None:
        """Today's published state, where this process follows it."""
        book = self._books.get((site, self.today(site)))
        return book.published if book else None

    def days_to_come(self) -> list[Day]:
        """The published states of today and later days that are known: all that hold bookings, soon after the start."""
        return [b.published for b in list(self._books.values()) if b.date >= self.today(b.site)]

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
        book = self._books.get((site, day))
        # Looked up beside the committer, which may be waiting for the disk. Once: a board must not ask the database each time it is drawn,
        # and a day that is over and never began stays so.
        if book is None and (self._nothing.get(site) == day or not self.store.last_seq(site, day)):
            self._nothing[site] = day
            return None
        found = book.published if book else self.day(site, day)
        return found if found.opened and not found.closed else None

    def day_of_ticket(self, ticket: str) -> tuple[str, date] | None:
        for (site, day), book in list(self._books.items()):
            if ticket in book.published.tickets:
                return site, day
        found = self.store.find_ticket(ticket)
        if found in self._books:
            # Another process has given it, and this one has not looked since.
            self._put(_Job(*found, None, "", None, None, None, behind=True))  # type: ignore[misc]
        return found

    def day_of_appointment(self, code: str) -> tuple[str, date] | None:
        """Where a booking stands now, by its whole code; of one that was moved, the day it was moved to."""
        return self.store.find_appointment(code)

    def story(self, site: str, day: date, after: int = 0) -> list[ev.Entry]:
        """The entries of any day, read off the event loop."""
        return self._offload(self._entries, site, day, after)  # type: ignore[no-any-return]

    def history(self, site: str, day: date) -> Day:
        """Any day of the past, folded off the event loop. The last few are kept: a phone asks for the same old ticket again and again. Do
        not change it."""
        book = self._books.get((site, day))
        if book is not None:
            return book.published
        found = self._past.pop((site, day), None)
        if found is None or found.seq != self.store.last_seq(site, day):
            found = self._offload(self._fold, site, day)[0]
        if not found.opened:
            # Without a story a day is what the newest document makes of it.
            return found
        self._past[site, day] = found
        for oldest in list(self._past)[:-PAST_KEPT]:
            self._past.pop(oldest, None)
        return found

    def days_before(self, site: str, day: date, back: timedelta) -> list[date]:
        """Days with a story, oldest first; read off the event loop."""
        return [d for d in self._offload(self.store.days, site) if day - back <= d < day]

    def anybody_waits(self) -> bool:
        """Somewhere, in a line of a service or of one counter."""
        days = [b.published for b in list(self._books.values()) if not b.published.closed]
        return any(len(line) for day in days for line in [*day.lines.values(), *day.directed.values()])

    # -- the committer -----------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """The committer; run once, as a background task. Ends when `stop` has been called and everything accepted is answered."""
        if self._shared is None:
            for work in (self._write_on, self._tell_on):
                threading.Thread(target=work, daemon=True).start()
        more = True
        while more:
            batch: list[_Job] = []
            task = self._jobs.get()
            while True:
                if callable(task):
                    # It may read the store, and publish what it finds there: nobody else may be about to.
                    self._survive(self._drain, [])
                    self._survive(task, [])
                elif task is not None:
                    batch.append(task)
                more = task is not None
                if not more or len(batch) >= BATCH:
                    break
                try:
                    task = self._jobs.get_nowait()
                except queue.Empty:
                    break
            self._survive(partial(self._commit, batch), batch)
        self._survive(self._drain, [])
        self._plans.put(None)
        self.ended.set()

    def _survive(self, work: Callable[[], None], batch: list[_Job]) -> None:
        """Whatever goes wrong in one batch, everybody in it is answered, and the next one finds a committer and days as the store tells
        them. What is published stays: it is durable."""
        try:
            work()
        except Exception as error:
            log.exception("batch_failed")
            self._failures += 1 if batch else 0
            for book in list(self._books.values()) if batch else []:
                book.ahead = None
            for job in batch:
                if not job.answered:
                    self._fail(job, error)

    def stop(self) -> None:
        """Answer what has been accepted, then end."""
        with self._gate:
            self._stopped = True
            self._jobs.put(None)

    def refresh(self) -> None:
        """Look for what another process wrote: new versions of site documents, entries by the command line. Once a second is enough."""
        self._jobs.put(self._look_around)

    def look(self, sites: Collection[str]) -> None:
        """Another process has written something in these offices: look soon, where a day of theirs is known here."""
        known = {site for site, _ in list(self._books)} & set(sites)
        if known:
            self._jobs.put(partial(self._look_at, known))

    def fresh(self, site: str) -> None:
        """Whoever asks after this is told at least what anybody has been answered before, by whichever process of a shared store. While
        that does not answer, he is told what is known."""
        known = [key for key in list(self._books) if key[0] == site] if self._shared else []
        if not known or time.monotonic() < self._blind_until:
            return
        try:
            for key, last in zip(known, self._offload(self.store.last_seqs, known), strict=True):
                if key in self._books and last > self._books[key].published.seq:
                    self._put(_Job(*key, None, "", None, None, None, behind=True))
        except (Unavailable, Broken):
            self._blind_until = time.monotonic() + BLIND_S

    def _put(self, job: _Job) -> Any:
        with self._gate:
            if self._stopped:
                raise Unavailable("The server is stopping.")
            self.accepted += 1
            job.latch = latch = self._latches.pop() if self._latches else _Latch()
            self._jobs.put(job)
        latch.wait()
        # Shut again behind the one who has gone through: to make one costs more than to wait at it.
        self._latches.append(latch)
        # It holds the job that holds it, and with both the whole request: left to the collector, a load of commands is half of its work.
        job.step = None
        if job.error is not None:
            raise job.error
        return job.result

    def _commit(self, batch: list[_Job]) -> None:
        """Decide these. They are answered when they are durable, and everything they were decided upon."""
        if self._shared is not None:
            self._at_once(batch)
            return
        if any(job.behind for job in batch):
            self._drain()
        failures = self._failures
        plan = self._plan(batch)
        if plan.half is not None or failures != self._failures:
            # What was decided here stands on something that is not so, or that is not durable yet.
            self._drain()
            half = [plan.half] if plan.half is not None else []
            self._at_once(self._without(half if failures == self._failures else [], [*plan.writers, *half], batch))
        elif plan.writers or self._handed != self._landed or self._failed is not None:
            self._handed += 1
            self._plans.put(plan)
        else:
            self._settle(plan)

    def _drain(self) -> None:
        """Wait until all that was handed over is durable. What could not be stored is seen to here: answered, or decided again."""
        if self._handed != self._landed:
            latch = _Latch()
            self._plans.put(latch)
            latch.wait()
        if self._failed is None:
            return
        (plan, error), spoilt = self._failed, self._spoilt
        self._failed, self._spoilt = None, []
        self._failures += 1
        for book in list(self._books.values()):
            book.ahead = None
        left: list[_Job] = []
        self._survive(lambda: left.extend(self._undone(plan, error)), plan.batch)
        left += spoilt
        for first in range(0, len(left), BATCH):
            some = left[first : first + BATCH]
            self._survive(partial(self._at_once, some), some)

    def _write_on(self) -> None:
        """The writer: stores what has been decided, in that order, all there is in one transaction. It does not wait until those have been
        told: the disk is what everybody waits for. Ends at None."""
        task = self._plans.get()
        while task is not None:
            if isinstance(task, _Latch):
                if task is not NOTHING:
                    self._written.put(task)
                task = self._plans.get()
                continue
            plan, task = task, self._decided()
            while isinstance(task, _Plan) and len(plan.batch) + len(task.batch) <= BATCH:
                plan.add(task)
                task = self._decided()
            if self._failed is not None:
                self._spoilt += plan.batch
            else:
                try:
                    self._write(plan)
                    plan.stored = True
                except Exception as error:
                    self._failed = plan, error
                    self._jobs.put(self._drain)
            self._written.put(plan)
        self._written.put(None)

    def _decided(self) -> _Plan | _Latch | None:
        """What was decided meanwhile."""
        try:
            return self._plans.get_nowait()
        except queue.Empty:
            return NOTHING

    def _tell_on(self) -> None:
        """Publishes and answers what the writer has stored. Ends at None."""
        while (task := self._written.get()) is not None:
            if isinstance(task, _Latch):
                task.set()
                continue
            if task.stored:
                self._survive(partial(self._settle, task), task.batch)
            self._landed += task.parts

    def _at_once(self, batch: list[_Job]) -> None:
        """Decide and store these before anything else is decided. Every round answers somebody, unless another process has written in
        between; that is tried `TRIES` times."""
        left, conflicts = batch, 0
        while left and conflicts < TRIES:
            again = self._try(left)
            conflicts += len(again) == len(left)
            left = again
        for job in left:
            self._fail(job, Unavailable("The story of the day is being written by somebody else."))

    def _try(self, batch: list[_Job]) -> list[_Job]:
        """Decide and store a batch; returns the jobs that must be decided again."""
        for job in batch:
            job.again()
        if self._shared is None:
            return self._decide_all(batch)
        try:
            self._enter(self._shared, batch)
        except Overtaken:
            return batch
        try:
            return self._decide_all([job for job in batch if not job.answered])
        finally:
            if self._inside:
                self._inside = False
                self._offload(self._shared.leave)

    def _enter(self, store: SharedStore, batch: list[_Job]) -> None:
        """Keep the days that will be decided on to ourselves, and take in what others have written there. Where the store does not answer,
        whoever wanted a decision is told so: nothing was changed."""
        days: dict[tuple[str, date], _Book] = {}
        asked = []
        deciding = [job for job in batch if job.command or job.both] if not self.broken else []
        for job in deciding:
            try:
                days.update({(job.site, at): self._open(job.site, at) for at in (self._day_of(job), job.other or self._day_of(job))})
            except Exception:
                # It will be raised again where it is answered.
                continue
            if job.once is not None:
                asked.append((job.once.principal, job.once.key))
        if not days:
            return
        try:
            news, kept = self._offload(store.enter, [(*key, book.published.seq) for key, book in days.items()], asked)
        except (Unavailable, Broken) as error:
            self._note_failure(error)
            for job in deciding:
                self._fail(job, error)
            return
        self._inside = True
        self._kept = {(row.principal, row.key): row for row in kept}
        for key, rows in groupby(news, lambda row: (row.site, row.day)):
            self._take_in(days[key], self._read(rows))

    def _day_of(self, job: _Job) -> date:
        """The day it is decided on: it must not become another at midnight, between the lock and the decision."""
        job.when = job.when or job.day or self.today(job.site)
        return job.when

    def _decide_all(self, batch: list[_Job]) -> list[_Job]:
        self._firsts.clear()
        plan = self._plan(batch)
        if plan.half is not None:
            return self._without([plan.half], [*plan.writers, plan.half], batch)
        try:
            self._write(plan)
        except (Overtaken, Conflict, Poison, Unavailable, Broken) as error:
            return self._undone(plan, error)
        self._settle(plan)
        return []

    def _plan(self, batch: list[_Job]) -> _Plan:
        """Decide these in turn."""
        plan = _Plan(batch)
        # In this order: whoever is not on the way any more when we look has an answer in the store by then.
        firsts = dict(self._firsts)
        if not self._inside:
            self._kept = self._answers(batch)
        for job in batch:
            first = firsts.get(job.once.name) if job.once else None
            if first is not None:
                plan.followers.append((job, first))
                continue
            try:
                job.step = self._decide(job)
            except Exception as error:
                job.error = error
                if not job.told:
                    continue
                log.exception("decision_failed")
                plan.half = job
                return plan
            if job.step is not None:
                plan.writers.append(job)
                if job.once:
                    firsts[job.once.name] = self._firsts[job.once.name] = job
        return plan

    def _write(self, plan: _Plan) -> None:
        if plan.writers:
            self._inside = False
            results = self._offload(self.store.write, [job.step for job in plan.writers])
            for job, result in zip(plan.writers, results, strict=True):
                if job.write is not None:
                    job.result = result

    def _settle(self, plan: _Plan) -> None:
        """These are durable, and what they were decided upon: tell everybody."""
        if plan.writers:
            self._stored(plan.writers)
        for job in plan.writers:
            self._arrived(job)
        for job, first in plan.followers:
            self._follow(job, first)
        for job in plan.batch:
            job.finish()

    def _undone(self, plan: _Plan, error: Exception) -> list[_Job]:
        """The transaction of these has failed: answer whose fault it is, and return the others to be decided again."""
        # Nothing is on its way any more, and nobody shall be told again what one of these would have been told.
        self._firsts.clear()
        if isinstance(error, Unavailable | Broken):
            return self._after_failure(plan.batch, plan.writers, error)
        if isinstance(error, Conflict | Poison):
            spoilt = plan.writers[error.index]
            if isinstance(error, Poison):
                log.error("write_refused", error=str(error))
            elif spoilt.write is None:
                return self._without([], plan.writers, plan.batch)
            spoilt.error = error
            return self._without([spoilt], plan.writers, plan.batch)
        if isinstance(error, Overtaken):
            return self._without([], plan.writers, plan.batch)
        log.error("batch_failed", exc_info=error)
        for job in plan.batch:
            if not job.answered:
                self._fail(job, error)
        return []

    def _without(self, answered: list[_Job], writers: list[_Job], batch: list[_Job]) -> list[_Job]:
        """Nothing of these writers was stored: answer some of the batch, and return the others to be decided again."""
        for book in [book for job in writers for book in job.books]:
            book.ahead = None
        for job in answered:
            job.finish()
        return [job for job in batch if not job.answered]

    def _answers(self, batch: list[_Job]) -> dict[tuple[str, str], AnswerRow] | None:
        asked = [job.once.name for job in batch if job.once]
        try:
            return {(row.principal, row.key): row for row in self.store.answers(asked)} if asked else {}
        except Exception:
            # Each of them looks for itself, and hears why it cannot.
            return None

    def _answered(self, once: Idempotency) -> AnswerRow | None:
        if self._kept is None:
            return self.store.answer(once.principal, once.key)
        return self._kept.get(once.name)

    def _decide(self, job: _Job) -> Write | None:
        """Fold the command's events ahead and return the step that stores them; None when there is nothing to store."""
        if self.broken and (job.write or job.command or job.both):
            raise Broken(self.broken)
        if job.write is not None:
            return job.write
        if job.once is not None:
            kept = self._answered(job.once)
            if kept is not None:
                job.result = self._replay(kept, job.once)
                return None
        when = self._day_of(job)
        book = self._open(job.site, when)
        job.books = [book]
        if job.command is None and job.both is None:
            if job.behind:
                self._catch_up(book)
            job.result = book
            return None
        if job.other is not None and job.other != when:
            job.books.append(self._open(job.site, job.other))
        now = self.now(job.site)
        days = [self._ahead(each) for each in job.books]
        for day in days:
            # The hall clock may have been corrected; the story's times never decrease (law I9).
            now = max(now, day.at.astimezone(now.tzinfo)) if day.at else now
        if job.both is not None:
            decided = job.both(days[0], days[-1], now)
        else:
            assert job.command is not None
            decided = [(when, event) for event in job.command(days[0], now)]
        for at, event in decided:
            self._note(job, next(each for each in job.books if each.date == at), now, event)
        assert job.render is not None
        status, body = job.render(self._ahead(job.books[-1]), now)
        job.result = Answer(status, self._dumps(body))
        if job.once is not None:
            until = (wall() + ANSWERS_KEPT).timestamp()
            job.row = AnswerRow(job.once.principal, job.once.key, job.once.request, status, job.result.body, until)
        if not job.told and job.row is None and job.also is None:
            return None
        return lambda tx: self._store(tx, job)

    def _note(self, job: _Job, book: _Book, now: datetime, event: ev.Event) -> None:
        """Number an event and fold it ahead of the disk; the first of a story comes after the opening of its day."""
        day = self._ahead(book)
        fresh = [] if day.opened else [ev.DayOpened(day.site.version)]
        for each in [*fresh, event]:
            entry = ev.Entry(day.seq + 1, now, job.actor, each)
            # First noted, then folded: whatever is raised here, somebody knows that the state ahead is spoilt.
            job.told.append((book, entry))
            day = book.ahead = self.evolve(day, entry)
            over, notices = self._causes(day, entry)
            job.over += over
            job.notices += notices

    def _store(self, tx: Writing, job: _Job) -> None:
        rows = [EventRow(b.site, b.date, e.seq, e.at, e.actor, type(e.event).__name__, self._encode(e.event)) for b, e in job.told]
        tx.append(rows)
        for book, entry in job.told:
            if isinstance(entry.event, ev.TicketIssued):
                tx.index_tickets([entry.event.ticket], book.site, book.date)
            elif isinstance(entry.event, ev.AppointmentBooked):
                tx.index_appointment(entry.event.appointment, book.site, book.date)
        for code in job.over:
            tx.drop_notices(code)
        for notice in job.notices:
            tx.put_notice(notice)
        if job.row is not None:
            tx.put_answer(job.row)
        if job.also is not None:
            job.also(tx, job.entries)

    def _replay(self, kept: AnswerRow, once: Idempotency) -> Answer:
        if kept.request != once.request:
            raise KeyReused(once.key)
        return Answer(kept.status, kept.body, replayed=True)

    def _follow(self, job: _Job, first: _Job) -> None:
        """The second of two equal requests in one batch gets the first one's answer."""
        assert job.once is not None and first.row is not None
        try:
            job.result = self._replay(first.row, job.once)
        except KeyReused as error:
            job.error = error

    def _stored(self, writers: list[_Job]) -> None:
        """These are durable: publish them, in the order of their numbers."""
        self.commits += 1
        self.commands += len(writers)
        sites = set()
        with self.reading:
            for book, entry in [told for job in writers for told in job.told]:
                self._publish(book, entry, fresh=True)
                sites.add(book.site)
        if sites:
            self._told()
            self._spread(sites)

    def _publish(self, book: _Book, entry: ev.Entry, *, fresh: bool = False) -> None:
        book.published = self.evolve(book.published, entry)
        self._say(book.published, entry, fresh)

    def _say(self, day: Day, entry: ev.Entry, fresh: bool) -> None:
        try:
            self._tell(day, entry, fresh)
        except Exception:
            # What is durable is durable; a screen that was not told sees it with the next board.
            log.exception("tell_failed", seq=entry.seq)

    def _arrived(self, job: _Job) -> None:
        """Not on its way any more: its answer is in the store, or will never be."""
        if job.once and self._firsts.get(job.once.name) is job:
            del self._firsts[job.once.name]

    def _fail(self, job: _Job, error: BaseException) -> None:
        job.error = error
        self._arrived(job)
        job.finish()

    def _after_failure(self, batch: list[_Job], writers: list[_Job], error: Unavailable | Broken) -> list[_Job]:
        """The commit failed. Look once whether it is there after all, then refuse: nothing was changed, or confirm: it was. Who wrote
        nothing was decided on a state that never came to be, and is decided again."""
        if not isinstance(error, Broken) and self._offload(self._is_there, writers):
            log.warning("stored_after_all", error=str(error))
            for book in {book for job in writers for book in job.books}:
                self._catch_up(book)
            self._spread({job.site for job in writers})
            self.commits += 1
            self.commands += len(writers)
            for job in writers:
                job.finish()
            return [job for job in batch if not job.answered]
        self._note_failure(error)
        for job in writers:
            job.error = error
        return self._without(writers, writers, batch)

    def _note_failure(self, error: Unavailable | Broken) -> None:
        if isinstance(error, Broken):
            self.broken = str(error)
            log.critical("read_only", error=self.broken)
        else:
            log.error("not_stored", error=str(error))

    def _is_there(self, writers: list[_Job]) -> bool:
        """Whether the store holds what these wrote; they were one transaction, so the first that can be found speaks for all."""
        for job in writers:
            if job.told:
                book, first = job.told[0]
                mine = [entry for other, entry in job.told if other is book]
                return self._entries(book.site, book.date, first.seq - 1)[: len(mine)] == mine
            if job.row is not None:
                return self.store.answer(job.row.principal, job.row.key) == job.row
        return False

    # -- days --------------------------------------------------------------------------------------------------------------------

    def _open(self, site: str, when: date) -> _Book:
        book = self._books.get((site, when))
        if book is None:
            ahead, story = self._offload(self._fold, site, when)
            published = Day(self.sites.current(site), when)
            with self.reading:
                for entry in story:
                    published = self.evolve(published, entry)
                    self._say(published, entry, fresh=False)
            book = self._books[site, when] = _Book(site, when, published, ahead)
        return book

    def _ahead(self, book: _Book) -> Day:
        if book.ahead is None:
            self._drain()
            ahead = self._offload(self._fold, book.site, book.date)[0]
            # In this order: if somebody writes in between, the published day is the newer one, and the next decision conflicts.
            self._catch_up(book)
            book.ahead = ahead
        return book.ahead

    def _catch_up(self, book: _Book) -> None:
        """Publish what the store has and we have not."""
        news = self._offload(self._entries, book.site, book.date, book.published.seq)
        if news:
            self._take_in(book, news)

    def _take_in(self, book: _Book, news: list[ev.Entry]) -> None:
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
                self._publish(book, entry)
        self._told()

    def evolve(self, day: Day, entry: ev.Entry) -> Day:
        """Fold one entry, under the version of the site document that it names."""
        event = entry.event
        if isinstance(event, ev.DayOpened) and event.site_version != day.site.version:
            # Born again: under the present version it may hold services and counters that this day never had.
            day = Day(self.sites.version(day.site.id, event.site_version), day.date)
        elif isinstance(event, ev.SiteRevised) and event.site_version != day.site.version:
            day.revise(self.sites.version(day.site.id, event.site_version))
        day.apply(entry)
        return day

    def _fold(self, site: str, when: date) -> tuple[Day, list[ev.Entry]]:
        story = self._entries(site, when)
        day = Day(self.sites.current(site), when)
        for entry in story:
            day = self.evolve(day, entry)
        return day, story

    def _entries(self, site: str, when: date, after: int = 0) -> list[ev.Entry]:
        return self._read(self.store.story(site, when, after))

    def _read(self, rows: Iterable[EventRow]) -> list[ev.Entry]:
        return [ev.Entry(r.seq, r.at.astimezone(self.sites.current(r.site).tz), r.actor, self._decode(r.kind, r.body)) for r in rows]

    def _look_around(self) -> None:
        self.sites.refresh()
        if self._on_duty():
            self._open_days_to_come()
        books = list(self._books.items())
        for ((site, when), book), last in zip(books, self.store.last_seqs([key for key, _ in books]), strict=True):
            day = book.published
            if last > day.seq:
                self._catch_up(book)
            elif when < self.today(site) - timedelta(days=1) and (day.closed or not day.opened):
                del self._books[site, when]
            elif when >= self.today(site) and day.site.version != self.sites.current(site).version and not day.closed:
                self._adopt(book, self.sites.current(site))

    def _look_at(self, sites: Collection[str]) -> None:
        books = [book for (site, _), book in self._books.items() if site in sites]
        lasts = self._offload(self.store.last_seqs, [(book.site, book.date) for book in books]) if books else []
        for book, last in zip(books, lasts, strict=True):
            if last > book.published.seq:
                self._catch_up(book)

    def _open_days_to_come(self) -> None:
        """Days ahead that hold bookings must hear of a new version, though nobody has asked for them since the start: whoever booked there
        may have lost the time. A few at a look: a start with three months of bookings must not hold up the first number."""
        for site in self.sites.ids():
            version = self.sites.current(site).version
            if self._heard.get(site) != version:
                self._heard[site] = version
                today = self.today(site)
                # Today is opened by whichever process of a shared store serves the office.
                first = today + timedelta(days=1) if self._shared else today
                self._to_open |= {(site, when) for when in self._offload(self.store.days, site) if when >= first}
        for site, when in sorted(self._to_open, key=lambda each: each[1])[:OPENED_AT_ONCE]:
            self._to_open.discard((site, when))
            self._open(site, when)

    def _adopt(self, book: _Book, office: Site) -> None:
        """A new version of the site document: an event of a day that runs, and nobody's business on a day that has not begun."""
        if book.published.opened:
            revision = [_revision(book, office.version)]
            self._survive(partial(self._at_once, revision), revision)
        else:
            book.published, book.ahead = Day(office, book.date), None

    def close_old_days(self) -> None:
        """Close days before today that nobody is served in any more; called by the clock after 03:00.

        Also days that this process has never seen: most offices switch the computer off in the evening.
        """
        for site in self.sites.ids() if not self.broken else ():
            today = self.today(site)
            if self._night_of.get(site) != today:
                for when in self._offload(self._left_open, site, today):
                    self.day(site, when)
                self._night_of[site] = today
            for book in [b for b in list(self._books.values()) if b.site == site and b.date < today]:
                day = book.published
                if day.opened and not day.closed:
                    self._close(book)

    def _left_open(self, site: str, today: date) -> list[date]:
        """Days of the last month whose story does not end with its close. A notice may be set after it; such a day is looked at in vain."""
        recent = [d for d in self.store.days(site) if today - LOOK_BACK <= d < today]
        return [d for d in recent if (last := self.store.last(site, d)) is not None and last.kind != ev.DayClosed.__name__]

    def _close(self, book: _Book) -> None:
        try:
            self.do(
                book.site,
                lambda day, now: decide.close_day(day, now, idle=FORGOTTEN),
                actor="clock",
                render=lambda day, now: (200, {}),
                day=book.date,
            )
        except Refused:
            # Somebody is served; the next look finds out.
            return


def _revision(book: _Book, version: int) -> _Job:
    def revise(day: Day, now: datetime) -> list[ev.Event]:
        return [] if day.site.version == version or day.closed else [ev.SiteRevised(version)]

    return _Job(book.site, book.date, revise, "clock", lambda day, now: (200, {}), None, None)


__all__ = ["Answer", "Idempotency", "KeyReused", "Ledger", "Refused"]
