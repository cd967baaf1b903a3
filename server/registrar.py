"""Enters commands in the books: decides them in turn, stores what follows in one transaction, and answers them when it is durable.

What could not be stored is seen to here as well. Whose fault it was is told so, and everything that was decided upon it is decided again.
Where several processes serve one store, the days are entered there first, and what the others have written is taken in.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import date, datetime, timedelta
from itertools import groupby
from time import monotonic
from typing import Any

import structlog

from server.books import Book, Books
from server.core import events as ev
from server.core.alarms import Storage, Trouble
from server.core.day import Day
from server.jobs import Answer, Idempotency, Job, Plan
from server.store import AnswerRow, Broken, Conflict, Full, NoticeRow, Overtaken, Poison, SharedStore, Store, Unavailable, Write

log = structlog.get_logger("ledger")

ANSWERS_KEPT = timedelta(hours=48)
TRIES = 5
"""How often a batch is decided anew because another process wrote first."""


class Registrar:
    """`now` tells the hall's time at an office, in its zone, `real_now` the time outside of rehearsals, by which answers are kept; `encode`
    makes an event's text and `dumps` an answer's. `causes` says which reminders an entry makes untrue and which notices follow from it:
    they are stored with it. `spread` hears in which offices something was written. `drain` waits until nothing is on its way that was
    decided ahead of the disk, and sees to what of it could not be stored. The writer calls `write`, the teller `settle` and `fail`; all
    else is the committer's."""

    def __init__(
        self,
        store: Store,
        books: Books,
        encode: Callable[[ev.Event], str],
        *,
        now: Callable[[str], datetime],
        real_now: Callable[[], datetime],
        dumps: Callable[[Any], str],
        offload: Callable[..., Any],
        causes: Callable[[Day, ev.Entry], tuple[list[str], list[NoticeRow]]],
        spread: Callable[[Collection[str]], None],
        drain: Callable[[], None],
    ) -> None:
        self._store, self._books, self._encode, self._now, self._real_now = store, books, encode, now, real_now
        self._dumps, self._offload, self._causes, self._spread, self._drain = dumps, offload, causes, spread, drain
        self._shared: SharedStore | None = store if store.shared else None  # type: ignore[assignment]
        self._inside = False
        """Days have been entered in a shared store, and not left yet."""
        self._kept: dict[tuple[str, str], AnswerRow] | None = None
        """Answers that were given before to those who ask in the present batch, as far as they could be read."""
        self._moments: dict[str, datetime] = {}
        """By office: the hall's time for the present batch."""
        self.firsts: dict[tuple[str, str], Job] = {}
        """By key: the commands on their way to the disk. The store does not know their answers yet."""
        self.broken: str | None = None
        """Why nothing is acknowledged any more; a restart is needed."""
        self.trouble: Trouble | None = None
        """Why the last transaction was not stored; none when it was."""
        self.ended_at = float("-inf")
        """When the last transaction ended, well or ill, by `time.monotonic`."""
        self.commits = 0
        self.commands = 0

    # -- deciding ----------------------------------------------------------------------------------------------------------------

    def plan(self, batch: list[Job]) -> Plan:
        """Decide these in turn."""
        plan = Plan(batch)
        # In this order: whoever is not on the way any more when we look has an answer in the store by then.
        firsts = dict(self.firsts)
        self._moments.clear()
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
                    firsts[job.once.name] = self.firsts[job.once.name] = job
        return plan

    def _answers(self, batch: list[Job]) -> dict[tuple[str, str], AnswerRow] | None:
        asked = [job.once.name for job in batch if job.once]
        try:
            return {(row.principal, row.key): row for row in self._store.answers(asked)} if asked else {}
        except Exception:
            # Each of them looks for itself, and hears why it cannot.
            return None

    def _answered(self, once: Idempotency) -> AnswerRow | None:
        if self._kept is None:
            return self._store.answer(once.principal, once.key)
        return self._kept.get(once.name)

    def _decide(self, job: Job) -> Write | None:
        """Fold the command's events ahead and return the step that stores them; None when there is nothing to store."""
        if self.broken and (job.write or job.command or job.both):
            raise Broken(self.broken)
        if job.write is not None:
            return job.write
        if job.once is not None:
            kept = self._answered(job.once)
            if kept is not None:
                job.result = Answer.again(kept, job.once)
                return None
        when = self._day_of(job)
        book = self._books.open(job.site, when)
        job.books = [book]
        if job.command is None and job.both is None:
            if job.behind:
                self._books.catch_up(book)
            job.result = book
            return None
        if job.other is not None and job.other != when:
            job.books.append(self._books.open(job.site, job.other))
        now = self._moment(job.site)
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
            until = (self._real_now() + ANSWERS_KEPT).timestamp()
            job.row = AnswerRow(job.once.principal, job.once.key, job.once.request, status, job.result.body, until)
        if not job.told and job.row is None and job.also is None:
            return None
        return lambda tx: job.store(tx, self._encode)

    def _day_of(self, job: Job) -> date:
        """The day it is decided on: that of the batch's moment. It must not become another at midnight, between lock and decision."""
        job.when = job.when or job.day or self._moment(job.site).date()
        return job.when

    def _moment(self, site: str) -> datetime:
        # Once for all who are decided on together: nobody of them was before another.
        now = self._moments.get(site)
        if now is None:
            now = self._moments[site] = self._now(site)
        return now

    def _ahead(self, book: Book) -> Day:
        if book.ahead is None:
            # What of this day is on its way would be missing in it, or be told twice.
            self._drain()
            self._books.read_ahead(book)
            assert book.ahead is not None
        return book.ahead

    def _note(self, job: Job, book: Book, now: datetime, event: ev.Event) -> None:
        """Number an event and fold it ahead of the disk; the first of a story comes after the opening of its day."""
        day = self._ahead(book)
        fresh = [] if day.opened else [ev.DayOpened(day.site.version)]
        for each in [*fresh, event]:
            entry = ev.Entry(day.seq + 1, now, job.actor, each)
            # First noted, then folded: whatever is raised here, somebody knows that the state ahead is spoilt.
            job.told.append((book, entry))
            day = book.ahead = self._books.evolve(day, entry)
            over, notices = self._causes(day, entry)
            job.over += over
            job.notices += notices

    # -- storing and answering ---------------------------------------------------------------------------------------------------

    def write(self, plan: Plan) -> None:
        """Store what was decided, in one transaction; blocks until it is durable. Raises what the store raises; then nothing of it was
        stored."""
        self._inside = False
        results = self._store.write([job.step for job in plan.writers])  # type: ignore[misc]
        for job, result in zip(plan.writers, results, strict=True):
            if job.write is not None:
                job.result = result

    def settle(self, plan: Plan) -> None:
        """These are durable, and what they were decided upon: tell everybody."""
        if plan.writers:
            self._count(plan.writers)
            sites = self._books.publish(told for job in plan.writers for told in job.told)
            if sites:
                self._spread(sites)
        for job in plan.writers:
            self._arrived(job)
        for job, first in plan.followers:
            job.follow(first)
        for job in plan.batch:
            job.finish()

    def fail(self, job: Job, error: BaseException) -> None:
        """Nothing will come of it: answer it so."""
        job.error = error
        self._arrived(job)
        job.finish()

    def _arrived(self, job: Job) -> None:
        """Not on its way any more: its answer is in the store, or will never be."""
        if job.once and self.firsts.get(job.once.name) is job:
            del self.firsts[job.once.name]

    def _count(self, writers: list[Job]) -> None:
        self.trouble = None if self.broken is None else self.trouble
        self.ended_at = monotonic()
        self.commits += 1
        self.commands += len(writers)

    def at_once(self, batch: list[Job]) -> None:
        """Decide and store these before anything else is decided. Every round answers somebody, unless another process has written in
        between; that is tried `TRIES` times."""
        left, conflicts = batch, 0
        while left and conflicts < TRIES:
            again = self._try(left)
            conflicts += len(again) == len(left)
            left = again
        for job in left:
            self.fail(job, Unavailable("The story of the day is being written by somebody else."))

    def _try(self, batch: list[Job]) -> list[Job]:
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

    def _enter(self, store: SharedStore, batch: list[Job]) -> None:
        """Keep the days that will be decided on to ourselves, and take in what others have written there. Where the store does not answer,
        whoever wanted a decision is told so: nothing was changed."""
        self._moments.clear()
        days: dict[tuple[str, date], Book] = {}
        asked = []
        deciding = [job for job in batch if job.command or job.both] if not self.broken else []
        for job in deciding:
            try:
                days.update({(job.site, at): self._books.open(job.site, at) for at in (self._day_of(job), job.other or self._day_of(job))})
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
                self.fail(job, error)
            return
        self._inside = True
        self._kept = {(row.principal, row.key): row for row in kept}
        for key, rows in groupby(news, lambda row: (row.site, row.day)):
            self._books.take_in(days[key], self._books.read(rows))

    def _decide_all(self, batch: list[Job]) -> list[Job]:
        self.firsts.clear()
        plan = self.plan(batch)
        if plan.half is not None:
            return self.without([plan.half], [*plan.writers, plan.half], batch)
        try:
            if plan.writers:
                self._offload(self.write, plan)
        except (Overtaken, Conflict, Poison, Unavailable, Broken) as error:
            return self.undone(plan, error)
        self.settle(plan)
        return []

    # -- what could not be stored ------------------------------------------------------------------------------------------------

    def undone(self, plan: Plan, error: Exception) -> list[Job]:
        """The transaction of these has failed: answer whose fault it is, and return the others to be decided again."""
        # Nothing is on its way any more, and nobody shall be told again what one of these would have been told.
        self.firsts.clear()
        if isinstance(error, Unavailable | Broken):
            return self._after_failure(plan.batch, plan.writers, error)
        if isinstance(error, Conflict | Poison):
            spoilt = plan.writers[error.index]
            if isinstance(error, Poison):
                log.error("write_refused", error=str(error))
            elif spoilt.write is None:
                return self.without([], plan.writers, plan.batch)
            spoilt.error = error
            return self.without([spoilt], plan.writers, plan.batch)
        if isinstance(error, Overtaken):
            return self.without([], plan.writers, plan.batch)
        log.error("batch_failed", exc_info=error)
        for job in plan.batch:
            if not job.answered:
                self.fail(job, error)
        return []

    def without(self, answered: list[Job], writers: list[Job], batch: list[Job]) -> list[Job]:
        """Nothing of these writers was stored: answer some of the batch, and return the others to be decided again."""
        for book in [book for job in writers for book in job.books]:
            book.ahead = None
        for job in answered:
            job.finish()
        return [job for job in batch if not job.answered]

    def _after_failure(self, batch: list[Job], writers: list[Job], error: Unavailable | Broken) -> list[Job]:
        """The commit failed. Look once whether it is there after all, then refuse: nothing was changed, or confirm: it was. Who wrote
        nothing was decided on a state that never came to be, and is decided again."""
        if not isinstance(error, Broken) and self._offload(self._is_there, writers):
            log.warning("stored_after_all", error=str(error))
            for book in {book for job in writers for book in job.books}:
                self._books.catch_up(book)
            self._spread({job.site for job in writers})
            self._count(writers)
            for job in writers:
                job.finish()
            return [job for job in batch if not job.answered]
        self._note_failure(error)
        for job in writers:
            job.error = error
        return self.without(writers, writers, batch)

    def _note_failure(self, error: Unavailable | Broken) -> None:
        what = Storage.BROKEN if isinstance(error, Broken) else Storage.FULL if isinstance(error, Full) else Storage.AWAY
        if self.trouble is None or self.trouble.what is not what:
            self.trouble = Trouble(what, monotonic())
        self.ended_at = monotonic()
        if isinstance(error, Broken):
            self.broken = str(error)
            log.critical("read_only", error=self.broken)
        else:
            log.error("not_stored", error=str(error))

    def _is_there(self, writers: list[Job]) -> bool:
        """Whether the store holds what these wrote; they were one transaction, so the first that can be found speaks for all."""
        for job in writers:
            if job.told:
                book, first = job.told[0]
                mine = [entry for other, entry in job.told if other is book]
                return self._books.entries(book.site, book.date, first.seq - 1)[: len(mine)] == mine
            if job.row is not None:
                return self._store.answer(job.row.principal, job.row.key) == job.row
        return False
