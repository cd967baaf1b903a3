"""Keeps the copy on a second disk up to date, beside everything else: that disk may be slow, full or gone; nobody in the hall notices."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import structlog

from server.store.replica import Replica, ReplicaFailed

log = structlog.get_logger("copying")

EVERY_S = 0.4
"""With the time that it takes, the copy is less than a second behind."""
AGAIN_S = 15.0


class Copying:
    """`run` as a background task until `stop`. `offload` runs a blocking call on another thread and waits."""

    def __init__(self, replica: Replica, offload: Callable[..., Any], sleep: Callable[[float], None]) -> None:
        self._replica, self._offload, self._sleep = replica, offload, sleep
        self._stopped = False
        self._failed = False
        self._busy = threading.Lock()
        self.kept_at: float | None = None
        """When the copy was last up to date, on the monotonic clock."""

    @property
    def age_s(self) -> float:
        """How old the copy may be; infinite before the first."""
        return float("inf") if self.kept_at is None else time.monotonic() - self.kept_at

    def run(self) -> None:
        while not self._stopped:
            begun = time.monotonic()
            wait = EVERY_S
            if self._follow():
                self.kept_at = begun
            else:
                wait = AGAIN_S
            end = time.monotonic() + wait
            while not self._stopped and time.monotonic() < end:
                self._sleep(min(EVERY_S, wait))

    def beside(self, work: Callable[[], Any]) -> Any:
        """Do to the journal what a copy cannot follow, while nobody looks at it; where it was done, the copy begins anew."""
        with self._busy:
            done = self._offload(work)
            if done:
                self._replica.begin_anew()
            return done

    def _follow(self) -> bool:
        try:
            with self._busy:
                self._offload(self._replica.follow)
        except ReplicaFailed as failure:
            if not self._failed:
                log.error("copy_failed", error=str(failure))
            self._failed = True
            return False
        except Exception:
            log.exception("copy_failed")
            return False
        if self._failed:
            log.warning("copy_kept_again", folder=str(self._replica.folder))
        self._failed = False
        return True

    def stop(self) -> None:
        """End soon; and once more, since the last commands of the day may be younger than the last look."""
        self._stopped = True
        self._follow()
