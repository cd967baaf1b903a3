"""Notices on their way out: what the store says is due is read, written as a mail and handed to the channel, and the outcome is noted.

Nothing waits for it. A notice is stored with the event that causes it, and sent later, in lanes beside the loop, so that a slow gateway
delays a few mails and no citizen. Those of one appointment go one at a time: what may still be said depends on what has been. That a
try has begun is noted before it begins: after a crash in the middle the mail is sent once more, with the same Message-ID, and a notice that
brings the process down does so ever more rarely.
"""

from __future__ import annotations

import random
import threading
import traceback
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog

from server.ledger import Ledger
from server.letters import Kind, Letter, Mail, mail
from server.notifiers import Never, Notifier, NotYet
from server.store import UNENDED, Broken, NoticeRow, Store, Unavailable

log = structlog.get_logger("outbox")

LANES = 4
"""So many mails are on their way at once: one that takes a minute does not hold up the others."""
MOST = 64
LOOK_EVERY_S = 1.0
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=1)
LAST_WORD_S = 2.0
"""A process that ends waits for so long for the mails it is sending."""

Read = Callable[[NoticeRow], tuple[str, Letter | Mail] | None]
"""Where a notice goes and what it says, told on the event loop from what is published now. None: there is nobody or nothing to tell."""


def nobody(row: NoticeRow) -> tuple[str, Letter | Mail] | None:
    return None


def pause(tries: int) -> timedelta:
    """How long to wait after so many tries: ever longer, and never the same for many that failed together."""
    doubled: int = 2 ** min(tries - 1, 16)
    return min(LONGEST_PAUSE, FIRST_PAUSE * doubled * random.uniform(1, 1.5))


class Outbox:
    """`offload` runs a blocking call on another thread, `sleep` gives the loop to others; both are the launcher's. Without a notifier
    nothing is promised, and every notice ends when it is due."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        notifier: Notifier | None,
        read: Read,
        offload: Callable[..., Any],
        sleep: Callable[[float], object],
        mine: Callable[[], bool] = lambda: True,
    ) -> None:
        """`mine` tells whether this process is the one that sends."""
        self._store, self._ledger, self._notifier, self._read, self._mine = store, ledger, notifier, read, mine
        self._offload, self._sleep = offload, sleep
        self._due: deque[NoticeRow] = deque()
        self._busy: set[str] = set()
        """Appointments of which something is on its way."""
        self._lock = threading.Lock()
        self._stopped = False
        self.ended: Counter[str] = Counter()
        """How many notices have ended in each state since the start."""

    def run(self) -> None:
        """Be one lane, until stopped; a background task, of which there may be several."""
        while not self._stopped:
            row = None
            try:
                row = self._next()
                if row is not None:
                    self._handle(row)
            except (Unavailable, Broken) as error:
                log.warning("outbox_waits", error=str(error))
                self._sleep(LOOK_EVERY_S)
            except Exception as error:
                self._stumble(row, error)
                self._sleep(LOOK_EVERY_S)
            finally:
                if row is not None:
                    with self._lock:
                        self._busy.discard(row.appointment)
            if row is None and not self._stopped:
                self._sleep(LOOK_EVERY_S)

    def stop(self) -> None:
        """Begin nothing more, and let what is being sent come to its end for a moment; then cut it short."""
        self._stopped = True
        self._wait()
        if self._notifier is not None:
            self._notifier.close()
        self._wait()

    def _wait(self) -> None:
        for _ in range(int(LAST_WORD_S / 0.05)):
            if not self._busy:
                return
            self._sleep(0.05)

    def _next(self) -> NoticeRow | None:
        """Claim the notice that is longest due, of an appointment that is in no other lane."""
        if self._ledger.broken:
            return None
        # Held while the store is asked: a notice that ends meanwhile is still in its lane, and not found due a second time.
        with self._lock:
            if not self._mine():
                self._due.clear()
                return None
            row = self._claimable()
            if row is None:
                due = partial(self._store.due_notices, over=self._ledger.clock.settled)
                rows = self._offload(due, self._ledger.clock.now(), MOST)
                self._due = deque(row for row in rows if row.appointment not in self._busy)
                row = self._claimable()
            if row is None or self._stopped:
                return None
            self._due.remove(row)
            self._busy.add(row.appointment)
            return row

    def _claimable(self) -> NoticeRow | None:
        return next((row for row in self._due if row.appointment not in self._busy), None)

    def _handle(self, row: NoticeRow) -> None:
        now = self._ledger.clock.now()
        if now >= row.expires_at:
            if not self._ledger.clock.settled:
                # By a date that may be wrong nothing expires: whoever booked for Monday would never hear of it.
                return None
            return self._end(row, "expired", row.detail or "its time has passed")
        if self._notifier is None:
            return self._end(row, "expired", "no channel")
        if self._overtaken(row):
            return self._end(row, "expired", "a later notice says more")
        found = self._read(row)
        if found is None:
            return self._end(row, "expired", "nobody to tell")
        to, letter = found
        written = letter if isinstance(letter, Mail) else mail(letter)
        begun = self._after(row, now, UNENDED)
        if not self._ledger.write(lambda tx: tx.begin_notice(begun)):
            # Taken back, or begun by another process, meanwhile.
            return None
        try:
            self._offload(self._notifier.send, to, written, row.id)
        except NotYet as reason:
            log.info("notice_not_yet", notice=row.id, tries=begun.tries, reason=str(reason))
            return self._note(self._after(row, self._ledger.clock.now(), str(reason)))
        except Never as reason:
            return self._end(begun, "failed", str(reason))
        return self._end(begun, "sent", "")

    def _overtaken(self, row: NoticeRow) -> bool:
        """Whether something newer has happened to the appointment, and was told or still can be: the older news would contradict it. What
        came to nothing meanwhile must not take the older news along."""
        if row.kind == Kind.REMINDER:
            return False
        others = self._offload(self._store.notices, row.site, row.appointment)
        newer = [other for other in others if other.created_at > row.created_at and other.kind != Kind.REMINDER]
        return any(other.told or (other.state == "waiting" and self._read(other) is not None) for other in newer)

    def _after(self, row: NoticeRow, now: datetime, detail: str) -> NoticeRow:
        """The notice after one more try; it comes up again when it is worth trying, or when it ends."""
        tries = row.tries + 1
        return replace(row, tries=tries, due_at=min(now + pause(tries), row.expires_at), detail=detail)

    def _end(self, row: NoticeRow, state: str, detail: str) -> None:
        log.info("notice_ended", notice=row.id, kind=row.kind, state=state, tries=row.tries, detail=detail)
        self._note(replace(row, state=state, due_at=self._ledger.clock.now(), detail=detail))

    def _note(self, row: NoticeRow) -> None:
        """Write down how it went, however long the disk is busy: a mail whose sending is forgotten is sent again."""
        while True:
            try:
                noted = self._ledger.write(lambda tx: tx.move_notice(row))
            except Unavailable:
                if self._stopped:
                    raise
                self._sleep(LOOK_EVERY_S)
                continue
            if noted and row.state != "waiting":
                self.ended[row.state] += 1
            return

    def _stumble(self, row: NoticeRow | None, error: Exception) -> None:
        """A mistake of ours, or of the office's data: it is one notice's trouble. The log gets its place, not its words: they may name
        somebody."""
        where = traceback.extract_tb(error.__traceback__)[-1]
        reason = type(error).__name__
        log.error("notice_stumbled", notice=row.id if row else None, error=reason, at=f"{where.filename}:{where.lineno}")
        if row is not None:
            with suppress(Unavailable, Broken):
                self._note(self._after(row, self._ledger.clock.now(), reason))


__all__ = ["LANES", "Outbox", "Read", "nobody", "pause"]
