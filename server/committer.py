"""The order in which everything happens: one committer owns the days, a writer the disk, a teller what is published.

The committer takes all commands that wait and has them decided on the state *ahead* of the disk. The writer takes all that has been decided
and stores it in one transaction off the event loop (one flush for all), while the committer goes on with what comes next. The teller
publishes what is stored, and answers. What could not be stored comes back to the committer, with everything that was decided upon it.

Where several processes serve one store nothing is decided ahead. The committer has a day entered in the store, decided on, written and
left, all in its own turn: nobody may decide on a day that he has left.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

import structlog

from server.books import Books
from server.jobs import Job, Latch, Plan
from server.registrar import Registrar
from server.relay import Back
from server.store import Unavailable

log = structlog.get_logger("ledger")

BATCH = 256
"""Most commands in one flush; the wait of the last is then still below a tenth of a second on a slow disk."""


WRITER_LOST = 70
"""Exit code of a program that could not answer anybody any more: a fault in itself (EX_SOFTWARE)."""


class Committer:
    """`ahead`: whether it may decide ahead of the disk. `offload` runs a function on another thread and waits, `relay` makes a queue that
    leads back from there."""

    def __init__(
        self, books: Books, registrar: Registrar, *, ahead: bool, offload: Callable[..., Any], relay: Callable[[], Back] = queue.Queue
    ) -> None:
        self._books, self._registrar, self._decides_ahead, self._offload = books, registrar, ahead, offload
        self._jobs: queue.Queue[Job | Callable[[], None] | None] = queue.Queue()
        self.plans: deque[Plan | Latch | None] = deque()
        """What the writer is given: what was decided, and the latch of a committer that waits until all of it has been told."""
        self._planned = threading.Event()
        self._written = relay()
        self.accepted = 0
        """Commands that will be answered, or have been."""
        self.handed = self.landed = 0
        """Plans the writer has been given, and those that are done with, well or ill."""
        self._failed: tuple[Plan, Exception] | None = None
        """What could not be stored, and why; the writer stores nothing more until the committer has seen to it."""
        self._spoilt: list[Job] = []
        """What was decided upon that."""
        self._failures = 0
        """How often something that was decided has turned out not to be so."""
        self._latches: list[Latch] = []
        """Of those who have been answered."""
        self._gate = threading.Lock()
        """Between the last command and the word that there will be no more: what is behind that word would never be answered."""
        self._stopped = False
        self.ended = threading.Event()
        """Set when everything is answered and the committer has ended."""

    # -- for whoever asks --------------------------------------------------------------------------------------------------------

    def put(self, job: Job) -> Any:
        """Have this decided, and wait until it is durable. Returns its result, or raises its error."""
        with self._gate:
            if self._stopped:
                raise Unavailable("The server is stopping.")
            self.accepted += 1
            job.latch = latch = self._latches.pop() if self._latches else Latch()
            self._jobs.put(job)
        latch.wait()
        # Shut again behind the one who has gone through: to make one costs more than to wait at it.
        self._latches.append(latch)
        # It holds the job that holds it, and with both the whole request: left to the collector, a load of commands is half of its work.
        job.step = None
        if job.error is not None:
            raise job.error
        return job.result

    def call(self, task: Callable[[], None]) -> None:
        """Have this done in the committer's turn, when nothing is on its way; nobody waits for it."""
        self._jobs.put(task)

    def stop(self) -> None:
        """Answer what has been accepted, then end."""
        with self._gate:
            self._stopped = True
            self._jobs.put(None)

    # -- the committer -----------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """The committer; run once, as a background task. Ends when `stop` has been called and everything accepted is answered."""
        if self._decides_ahead:
            for work in (self._write_on, self._tell_on):
                threading.Thread(target=work, daemon=True).start()
        more = True
        while more:
            batch: list[Job] = []
            task = self._jobs.get()
            while True:
                if callable(task):
                    # It may read the store, and publish what it finds there: nobody else may be about to.
                    self._survive(self.drain, [])
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
        self._survive(self.drain, [])
        self._hand(None)
        self.ended.set()

    def _survive(self, work: Callable[[], None], batch: list[Job]) -> None:
        """Whatever goes wrong in one batch, everybody in it is answered, and the next one finds a committer and days as the store tells
        them. What is published stays: it is durable."""
        try:
            work()
        except Exception as error:
            log.exception("batch_failed")
            if batch:
                self._failures += 1
                self._books.give_up_ahead()
            for job in batch:
                if not job.answered:
                    self._registrar.fail(job, error)

    def _commit(self, batch: list[Job]) -> None:
        """Decide these. They are answered when they are durable, and everything they were decided upon."""
        if not self._decides_ahead:
            self._registrar.at_once(batch)
            return
        if any(job.behind for job in batch):
            self.drain()
        failures = self._failures
        plan = self._registrar.plan(batch)
        if plan.half is not None or failures != self._failures:
            # What was decided here stands on something that is not so, or that is not durable yet.
            self.drain()
            half = [plan.half] if plan.half is not None else []
            left = self._registrar.without(half if failures == self._failures else [], [*plan.writers, *half], batch)
            self._registrar.at_once(left)
        elif plan.writers or self.handed != self.landed or self._failed is not None:
            self.handed += 1
            self._hand(plan)
        else:
            self._registrar.settle(plan)

    def at_once(self, batch: list[Job]) -> None:
        """Decide and store these between two batches. For a task in the committer's turn: when nothing is on its way."""
        self._survive(partial(self._registrar.at_once, batch), batch)

    def drain(self) -> None:
        """Wait until all that was handed over is durable. What could not be stored is seen to here: answered, or decided again."""
        if self.handed != self.landed:
            latch = Latch()
            self._hand(latch)
            latch.wait()
        if self._failed is None:
            return
        (plan, error), spoilt = self._failed, self._spoilt
        self._failed, self._spoilt = None, []
        self._failures += 1
        self._books.give_up_ahead()
        left: list[Job] = []
        self._survive(lambda: left.extend(self._registrar.undone(plan, error)), plan.batch)
        left += spoilt
        for first in range(0, len(left), BATCH):
            self.at_once(left[first : first + BATCH])

    # -- the writer and the teller -----------------------------------------------------------------------------------------------

    def _hand(self, task: Plan | Latch | None) -> None:
        self.plans.append(task)
        # Asked first, because to set it again costs ten times as much. The writer clears it before he looks.
        if not self._planned.is_set():
            self._planned.set()

    def _write_on(self) -> None:
        """The writer: goes to the disk whenever something has been decided. Ends at None."""
        more = True
        while more:
            self._planned.wait()
            self._planned.clear()
            try:
                more = not self.plans or self._offload(self._write_all)
            except Exception:
                # What it had begun is stored or not, nobody here knows, and nobody would ever be answered again. Begun anew, by whoever
                # watches over it, the program reads what is true.
                log.critical("writer_lost", exc_info=True)
                for stream in (sys.stdout, sys.stderr):
                    stream.flush()
                os._exit(WRITER_LOST)

    def _write_all(self) -> bool:
        """On a thread of the system: stores what has been decided, in that order, all there is in one transaction, and begins the next one
        with what was decided meanwhile. It comes by the loop for neither: the disk is what everybody waits for, and the loop has others
        to hear. Returns when nothing is left; whether more may come."""
        while self.plans:
            task = self.plans.popleft()
            if isinstance(task, Plan):
                self._store(task)
            self._written.put(task)
            if task is None:
                return False
        return True

    def _store(self, plan: Plan) -> None:
        while self.plans and isinstance(later := self.plans[0], Plan) and len(plan.batch) + len(later.batch) <= BATCH:
            plan.add(self.plans.popleft())
        if self._failed is not None:
            self._spoilt += plan.batch
            return
        try:
            if plan.writers:
                self._registrar.write(plan)
            plan.stored = True
        except Exception as error:
            self._failed = plan, error

    def _tell_on(self) -> None:
        """The teller: publishes and answers what the writer has stored. Ends at None."""
        while (task := self._written.get()) is not None:
            if isinstance(task, Latch):
                task.set()
                continue
            if task.stored:
                self._survive(partial(self._registrar.settle, task), task.batch)
            elif self._failed is not None and self._failed[0] is task:
                self.call(self.drain)
            self.landed += task.parts
