"""The one door in this process: a real store of either engine that can be made to fail, a real committer on a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from databases import SQLITE, opened

from server import wire
from server.clock import HallClock
from server.commands import database
from server.core import decide
from server.core import events as ev
from server.core.day import Day
from server.jobs import Latch
from server.ledger import Answer, Command, Idempotency, Ledger
from server.sites import Sites, importing
from server.store import NoticeRow, Write, postgres
from server.store.postgres import PostgresStore
from server.store.sqlite import SqliteStore

# The library's own default draws every traceback as a picture, with all its values: a second each.
structlog.configure(
    processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer()], logger_factory=structlog.ReturnLoggerFactory()
)

# Whoever stands still in a decision gives the day back after three seconds: a busy machine may come to the end of a test's only later.
postgres.IDLE_MS = 60_000

OPEN = Path(__file__).resolve().parent.parent / "config" / "sites" / "open.toml"
NOON = datetime.fromisoformat("2026-11-20T12:00:00+07:00")
TODAY = NOON.date()
WAIT_S = 60.0


class _Fragile:
    """Makes a real store one that can be slow, full or broken. `batches` holds the size of every transaction asked for."""

    def __init__(self, where: Any) -> None:
        super().__init__(where)  # type: ignore[call-arg]
        self.batches: list[int] = []
        self.before: list[Callable[[], None]] = []
        """Each is called once, before one transaction; what it raises is what the transaction raises."""
        self.after: list[Callable[[], None]] = []
        """Likewise after the commit: it is there, and nobody is told so."""

    def write(self, steps: Sequence[Write]) -> list[Any]:
        self.batches.append(len(steps))
        if self.before:
            self.before.pop(0)()
        results = self.really_write(steps)
        if self.after:
            self.after.pop(0)()
        return results

    def really_write(self, steps: Sequence[Write]) -> list[Any]:
        """Whatever the disk is like."""
        return super().write(steps)  # type: ignore[misc,no-any-return]


class Disk(_Fragile, SqliteStore):  # type: ignore[misc]
    pass


class Remote(_Fragile, PostgresStore):  # type: ignore[misc]
    pass


def failing(error: Exception) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


class Slow:
    """A transaction that has begun and does not end until it is let go, and then perhaps badly."""

    def __init__(self, error: Exception | None = None) -> None:
        self.begun, self.go, self._error = threading.Event(), threading.Event(), error

    def __call__(self) -> None:
        self.begun.set()
        assert self.go.wait(WAIT_S), "nobody let the disk go on"
        if self._error is not None:
            raise self._error


class Door:
    """An office behind its door. `clock` stands still until `pass_time`."""

    def __init__(self, where: Path | str, document: str | None = None, start: datetime = NOON) -> None:
        """`where`: the URL of a database, or a folder for one on SQLite."""
        self.url = where if isinstance(where, str) else SQLITE.new(where)
        found = database(self.url)
        self.store: Any = Disk(found) if isinstance(found, Path) else Remote(found)
        self.site = self.import_site(document or OPEN.read_text(encoding="utf-8"))
        self._passed = 0.0
        self.clock = HallClock(start, monotonic=lambda: self._passed)
        self.sites = Sites(self.store)
        self.heard: list[tuple[int, ev.Entry]] = []
        self.tell: Callable[[Day, ev.Entry, bool], None] = lambda day, entry, fresh: self.heard.append((day.seq, entry))
        self.told: Callable[[], None] = lambda: None
        self.causes: Callable[[Day, ev.Entry], tuple[list[str], list[NoticeRow]]] = lambda day, entry: ([], [])
        """What the ledger calls; a test may put something else there at any time."""
        self.ledger = Ledger(
            self.store,
            self.sites,
            self.clock,
            (wire.event_text, wire.event_of),
            dumps=wire.dumps,
            offload=lambda work, *arguments: work(*arguments),
            causes=lambda day, entry: self.causes(day, entry),
            tell=lambda day, entry, fresh: self.tell(day, entry, fresh),
            told=lambda: self.told(),
        )
        self.pool = ThreadPoolExecutor(64)
        self._committer = threading.Thread(target=self.ledger.run, daemon=True)
        self._held: list[Slow] = []
        self._ids = iter(range(1, 1_000_000))

    def __enter__(self) -> Door:
        self._committer.start()
        return self

    def __exit__(self, *_: object) -> None:
        for slow in self._held:
            # A test that failed may have left a transaction waiting.
            slow.go.set()
        self.ledger.stop()
        assert self.ledger.ended.wait(WAIT_S), "the committer did not end"
        self.pool.shutdown()
        self.store.close()

    # -- doing -------------------------------------------------------------------------------------------------------------------

    def pass_time(self, **span: float) -> None:
        self._passed += timedelta(**span).total_seconds()

    def import_site(self, document: str) -> str:
        site, step = importing(self.store, document, "test")
        if step is not None:
            self.store.really_write([step])
        return site.id

    def look_around(self) -> None:
        """Let the ledger look for news of others, and wait until it has."""
        looked = threading.Event()
        self.ledger.refresh()
        self.ledger.committer.call(looked.set)
        assert looked.wait(WAIT_S)

    def do(self, command: Command, *, render: Any = None, once: str | None = None, request: str = "r", **more: Any) -> Answer:
        key = Idempotency("device:k1", once, request) if once else None
        return self.ledger.do(self.site, command, actor="device:k1", render=render or (lambda day, now: (200, day.seq)), once=key, **more)

    def issue(self, service: str = "A", **more: Any) -> Answer:
        """Take a number; the answer's body is its code."""
        ticket = f"t{next(self._ids)}"
        return self.do(issuing(ticket, service), render=lambda day, now: (201, day.tickets[ticket].code), **more)

    def spawn(self, work: Callable[..., Any], *arguments: Any, **more: Any) -> Future[Any]:
        return self.pool.submit(work, *arguments, **more)

    def together(self, *works: Callable[[], Any]) -> list[Future[Any]]:
        """Put all these into one batch: they queue while the disk is busy with something else, in this order."""
        slow = self.hold()
        futures = self.queue(*works)
        slow.go.set()
        return futures

    def queue(self, *works: Callable[[], Any]) -> list[Future[Any]]:
        """Begin these while a transaction is held, in this order: each when the one before it has been accepted, and where the committer
        decides ahead of the disk, has been decided. What comes behind something for which the committer itself waits is only accepted."""
        futures = []
        for work in works:
            accepted, handed = self.ledger.committer.accepted, self.ledger.committer.handed
            futures.append(self.spawn(work))
            self.until(lambda accepted=accepted: self.ledger.committer.accepted > accepted)  # type: ignore[misc]
            if not self.store.shared:
                self.until(lambda handed=handed: self.ledger.committer.handed > handed or self.committer_waits())  # type: ignore[misc]
        return futures

    def committer_waits(self) -> bool:
        """Whether the committer waits for the disk."""
        return any(isinstance(task, Latch) for task in list(self.ledger.committer.plans))

    def at_once(self, command: Command, *works: Callable[[], Any], **more: Any) -> list[Future[Any]]:
        """Begin this command, and these works while it is being decided: they are one batch, decided in this order when it has been."""
        slow, accepted = Slow(), self.ledger.committer.accepted
        self._held.append(slow)

        def slowly(day: Day, now: datetime) -> list[ev.Event]:
            slow()
            return command(day, now)

        futures = []
        for work in (partial(self.do, slowly, **more), *works):
            futures.append(self.spawn(work))
            accepted += 1
            self.until(lambda accepted=accepted: self.ledger.committer.accepted == accepted)  # type: ignore[misc]
            assert slow.begun.wait(WAIT_S)
        slow.go.set()
        return futures

    def hold(self) -> Slow:
        """Make the next transaction wait; returns once one is waiting."""
        slow = Slow()
        self._held.append(slow)
        self.store.before.insert(0, slow)
        self.spawn(self.ledger.write, lambda tx: None)
        assert slow.begun.wait(WAIT_S)
        return slow

    def flush(self, work: Callable[[], Any], error: Exception | None = None, *, stored: bool = False) -> tuple[Slow, Future[Any]]:
        """Begin this, and hold its transaction: before anything of it is written, or when it is `stored` and nobody has heard so. Let go,
        it ends with `error`."""
        slow = Slow(error)
        self._held.append(slow)
        (self.store.after if stored else self.store.before).append(slow)
        future = self.spawn(work)
        assert slow.begun.wait(WAIT_S)
        return slow, future

    def until(self, question: Callable[[], Any]) -> None:
        """Wait until something on another thread has come about."""
        end = datetime.now() + timedelta(seconds=WAIT_S)
        tick = threading.Event()
        while not question():
            assert datetime.now() < end, "waited in vain"
            tick.wait(0.001)

    # -- looking -----------------------------------------------------------------------------------------------------------------

    def day(self, when: date | None = None) -> Day:
        return self.ledger.day(self.site, when)

    def rows(self, when: date = TODAY) -> list[tuple[int, str]]:
        """Number and kind of every event on the disk, read by somebody else."""
        with opened(self.url) as other:
            return [(row.seq, row.kind) for row in other.story(self.site, when)]

    def codes(self, when: date | None = None) -> list[str]:
        return [t.code for t in self.day(when).tickets.values()]


def issuing(ticket: str, service: str = "A") -> Command:
    return lambda day, now: decide.issue(day, now, ticket=ticket, service=service, kiosk="k1")
