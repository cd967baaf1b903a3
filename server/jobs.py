"""Commands on their way through the door: what is asked, under which key, and what has become of it.

Whoever asks puts a `Job` into the committer's queue and waits at its latch. The committer decides jobs in turn into a `Plan`, the writer
stores a plan, and only then is anybody answered.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from server.books import Book
from server.core import events as ev
from server.core.day import Day
from server.store import AnswerRow, EventRow, NoticeRow, Write, Writing

Command = Callable[[Day, datetime], list[ev.Event]]
Both = Callable[[Day, Day, datetime], list[tuple[date, ev.Event]]]
"""A decision on two days, as a booking that moves: it sees both before anything is folded, so a refusal leaves no trace."""
Render = Callable[[Day, datetime], tuple[int, Any]]
"""The answer of a command, status and JSON value, told from the day just after it."""


class Idempotency(NamedTuple):
    """A client's key for one intent: unique per principal across paths and days. `request` is a digest of the whole request."""

    principal: str
    key: str
    request: str

    @property
    def name(self) -> tuple[str, str]:
        return self.principal, self.key

    def also(self, mark: str | None) -> Idempotency:
        """The same intent of a request that says something more, of which no plain digest may be kept: `mark` stands for it."""
        return self if mark is None else self._replace(request=f"{self.request} {mark}")


class KeyReused(Exception):
    """The same idempotency key came with another request."""


class Answer(NamedTuple):
    status: int
    body: str
    """JSON text."""
    replayed: bool = False

    @classmethod
    def again(cls, kept: AnswerRow, once: Idempotency) -> Answer:
        """What was answered first under this key. Raises `KeyReused`."""
        if kept.request != once.request:
            raise KeyReused(once.key)
        return cls(kept.status, kept.body, replayed=True)


class Latch:
    """Opens for one who waits, and is shut again behind him: what `threading.Event` does for many, at a fraction of the price."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def set(self) -> None:
        self._lock.release()

    def wait(self) -> None:
        self._lock.acquire()


@dataclass
class Job:
    """One command on its way through the committer; without `command`, `both` and `write`, somebody who looks at a day."""

    site: str
    day: date | None = None
    command: Command | None = None
    actor: str = ""
    render: Render | None = None
    once: Idempotency | None = None
    also: Callable[[Writing, list[ev.Entry]], None] | None = None
    latch: Latch | None = None
    """Of the one who waits for the answer."""
    answered: bool = False
    result: Any = None
    error: BaseException | None = None
    other: date | None = None
    """The second day of a decision on two, and `both` that decision."""
    both: Both | None = None
    told: list[tuple[Book, ev.Entry]] = field(default_factory=list)
    """What was decided, each entry with the day it belongs to."""
    books: list[Book] = field(default_factory=list)
    over: list[str] = field(default_factory=list)
    """Bookings whose reminders are no longer true, and the notices that follow from what was decided."""
    notices: list[NoticeRow] = field(default_factory=list)
    row: AnswerRow | None = None
    write: Write | None = None
    """What is to be written that is no day's story."""
    step: Write | None = None
    """What the store is asked to do once it is decided."""
    when: date | None = None
    """The day it is decided on."""
    behind: bool = False
    """The day is known to be behind the store, and whoever asks shall not be told less than what was answered to others."""

    @property
    def entries(self) -> list[ev.Entry]:
        return [entry for _, entry in self.told]

    def store(self, tx: Writing, encode: Callable[[ev.Event], str]) -> None:
        """Write what was decided, and what belongs to it, in one transaction."""
        rows = [EventRow(b.site, b.date, e.seq, e.at, e.actor, type(e.event).__name__, encode(e.event)) for b, e in self.told]
        tx.append(rows)
        for book, entry in self.told:
            if isinstance(entry.event, ev.TicketIssued):
                tx.index_tickets([entry.event.ticket], book.site, book.date)
            elif isinstance(entry.event, ev.AppointmentBooked):
                tx.index_appointment(entry.event.appointment, book.site, book.date)
        for code in self.over:
            tx.drop_notices(code)
        for notice in self.notices:
            tx.put_notice(notice)
        if self.row is not None:
            tx.put_answer(self.row)
        if self.also is not None:
            self.also(tx, self.entries)

    def follow(self, first: Job) -> None:
        """The second of two equal requests that are on their way together gets the first one's answer."""
        assert self.once is not None and first.row is not None
        try:
            self.result = Answer.again(first.row, self.once)
        except KeyReused as error:
            self.error = error

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


@dataclass(slots=True)
class Plan:
    """Commands that were decided in turn: those that write, and those that say again what one of them has said."""

    batch: list[Job]
    writers: list[Job] = field(default_factory=list)
    followers: list[tuple[Job, Job]] = field(default_factory=list)
    half: Job | None = None
    """Raised in the middle of its events: the state ahead holds some that nobody will store, and nothing after it was decided."""

    parts: int = 1
    stored: bool = False

    def add(self, later: Plan) -> None:
        """Share one transaction with what was decided behind it."""
        self.parts += later.parts
        self.batch += later.batch
        self.writers += later.writers
        self.followers += later.followers
