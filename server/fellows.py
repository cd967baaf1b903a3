"""The other processes of the same database: once a second this one looks for what they have written, every two seconds it tells what only
it can know, which devices and walls are connected to it.

Whoever has written something may say so at once (`server.news`); that saves the second, and nothing else depends on it.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime

import structlog

from server.heartbeat import Presence
from server.store import Broken, SharedStore, Unavailable

log = structlog.get_logger("fellows")

TELL_S = 2.0
KEPT_S = 86_400.0
"""What a process that has ended knew of devices is worth something for a day: when each was last seen."""
KIND = "process"


class Fellows:
    """`run` as a background task until `stop`. `walls` tells how many screens of each hall are connected here; `heard` is called after news
    of devices."""

    def __init__(
        self,
        store: SharedStore,
        presence: Presence,
        walls: Callable[[], Mapping[tuple[str, str], int]],
        heard: Callable[[], None],
        sleep: Callable[[float], object],
    ) -> None:
        self._store, self._presence, self._walls, self._heard, self._sleep = store, presence, walls, heard, sleep
        self.name = secrets.token_hex(8)
        """Of this process, for as long as it runs."""
        self._since: datetime | None = None
        self._stopped = False

    def run(self) -> None:
        while not self._stopped:
            try:
                self.tell()
                self.hear()
            except (Unavailable, Broken) as error:
                log.warning("fellows_unheard", error=str(error))
            except Exception:
                log.exception("fellows_failed")
            self._sleep(TELL_S)

    def stop(self) -> None:
        self._stopped = True

    def tell(self) -> None:
        walls = [[site, hall, count] for (site, hall), count in self._walls().items()]
        text = json.dumps({"lives": self._presence.tells(), "walls": walls}, ensure_ascii=False, separators=(",", ":"))
        self._store.put_note(KIND, self.name, text, KEPT_S)

    def hear(self) -> None:
        for name, text, put, ago_s in self._store.notes_since(KIND, self._since):
            self._since = put
            if name != self.name:
                told = json.loads(text)
                walls = {(site, hall): count for site, hall, count in told["walls"]}
                self._presence.hears(name, ago_s, told["lives"], walls)
        self._presence.forget_processes(KEPT_S)
        self._heard()
