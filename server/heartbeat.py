"""Which devices are there, from their signs of life: what each last said of itself, since when, and how far its clock is off.

Kept in memory and outside every story: presence is a state of now, and after a restart of the server the devices say it anew. Processes
that share a database tell one another what they have heard (`server.fellows`); of two that know a device, who heard it last is right.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, timedelta
from math import isfinite
from typing import Any

from server.access import Principal
from server.core.alarms import CLOCK_OFF_S, Alarm, Device, Trouble, Unanswered, alarms
from server.store import DeviceRow

FACTS_MOST = 20
FACT_LONGEST = 200
CLOCK_NOISE_S = 1.0
"""A clock that is off by so much more or less than before is news."""
PAGE, AGENT = "page", "agent"
GONE_S = 8.0
"""A process that has told nothing for so long holds no connection any more: four times it should have."""


@dataclass
class Life:
    """What is known of one program of a device. `sockets`: how many of it are connected."""

    sockets: int = 0
    seen_s: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)
    before: dict[str, Any] = field(default_factory=dict)
    """What it told last, also on an earlier connection: paper that is still out has been out since then."""
    since_s: dict[str, float] = field(default_factory=dict)
    offset_s: float | None = None
    key_hash: str = ""
    """Of the device: its successor of the same name has another key, and begins anew."""


@dataclass
class Elsewhere:
    """What another process has told of the devices and walls that are connected to it."""

    told_s: float
    lives: Mapping[tuple[str, str, str], Life]
    walls: Mapping[tuple[str, str], int]


class Presence:
    """The registered devices of every site and their lives. `now` gives seconds of a clock that never goes back, `wall` since 1970."""

    def __init__(self, now: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time) -> None:
        self._now, self._wall = now, wall
        self._started_s = now()
        self._lives: dict[tuple[str, str, str], Life] = {}
        self._registered: dict[str, list[DeviceRow]] = {}
        self._keys: dict[tuple[str, str], str] = {}
        self._elsewhere: dict[str, Elsewhere] = {}
        self._lock = threading.Lock()
        """Held while a life changes; matters where threads are real."""

    def registered(self, site: str, rows: list[DeviceRow]) -> None:
        """Which devices the site has now. A revoked one is forgotten, so that its successor of the same name begins anew."""
        self._registered[site] = rows
        known = {row.name for row in rows if not row.revoked}
        self._keys |= {(site, row.name): "" if row.revoked else row.key_hash for row in rows}
        with self._lock:
            for key in [k for k, life in self._lives.items() if k[0] == site and k[1] not in known and not life.sockets]:
                del self._lives[key]

    # -- signs of life -------------------------------------------------------------------------------------------------------------

    def came(self, device: Principal, part: str) -> None:
        with self._lock:
            life = self._lives.setdefault(_key(device, part), Life())
            if not life.sockets:
                other = self._heard_elsewhere(_key(device, part))
                if other is not None and other.seen_s > life.seen_s:
                    # It has moved here from another process: what it told there is what it told last.
                    life.before, life.since_s, life.offset_s = other.before, dict(other.since_s), other.offset_s
                life.facts = {}
            life.key_hash = device.key_hash
            life.sockets += 1
            life.seen_s = self._now()

    def left(self, device: Principal, part: str) -> None:
        with self._lock:
            self._lives[_key(device, part)].sockets -= 1

    def lives(self, device: Principal, part: str) -> None:
        """It has said something."""
        self._lives[_key(device, part)].seen_s = self._now()

    def said(self, device: Principal, part: str, facts: dict[str, Any]) -> bool:
        """Keep what it tells of itself; whether that is news. `clock` is its own time, in seconds since 1970."""
        told = {plain(k): plain(v) for k, v in list(facts.items())[:FACTS_MOST] if isinstance(v, str | int | float | bool | None)}
        clock = told.pop("clock", None)
        now, offset = self._now(), None
        if isinstance(clock, int | float) and not isinstance(clock, bool):
            offset = round(clock - self._wall(), 1)
        with self._lock:
            life = self._lives[_key(device, part)]
            changed = [name for name in told.keys() | life.before.keys() if told.get(name) != life.before.get(name)]
            was = life.offset_s
            moved = abs((offset or 0) - (was or 0)) >= CLOCK_NOISE_S or (offset is None) != (was is None) or told != life.facts
            life.offset_s = offset
            if (abs(offset or 0) > CLOCK_OFF_S) != (abs(was or 0) > CLOCK_OFF_S):
                changed.append("clock")
            life.since_s |= dict.fromkeys(changed, now)
            life.facts = life.before = told
        return bool(changed) or moved

    # -- several processes -----------------------------------------------------------------------------------------------------------

    def tells(self) -> list[dict[str, Any]]:
        """What this process knows, for the others; moments as seconds ago."""
        now = self._now()
        with self._lock:
            return [
                asdict(life)
                | {"site": site, "name": name, "part": part, "seen_s": now - life.seen_s}
                | {"since_s": {fact: now - since for fact, since in life.since_s.items()}}
                for (site, name, part), life in self._lives.items()
            ]

    def hears(self, process: str, ago_s: float, told: list[dict[str, Any]], walls: Mapping[tuple[str, str], int]) -> None:
        """What another process has told, so many seconds ago."""
        then, lives = self._now() - ago_s, {}
        for each in told:
            key = each.pop("site"), each.pop("name"), each.pop("part")
            since = {fact: then - ago for fact, ago in each.pop("since_s").items()}
            lives[key] = Life(**{**each, "seen_s": then - each["seen_s"], "since_s": since})
        self._elsewhere[process] = Elsewhere(then, lives, walls)

    def forget_processes(self, longest_s: float) -> None:
        for process in [name for name, other in self._elsewhere.items() if self._now() - other.told_s > longest_s]:
            del self._elsewhere[process]

    def walls_elsewhere(self, site: str, hall: str) -> int:
        """How many screens of a hall are connected to other processes."""
        now = self._now()
        return sum(other.walls.get((site, hall), 0) for other in list(self._elsewhere.values()) if now - other.told_s < GONE_S)

    def _heard_elsewhere(self, key: tuple[str, str, str]) -> Life | None:
        """What the others know of a program of a device, as one life."""
        found = None
        for other in list(self._elsewhere.values()):
            life = other.lives.get(key)
            if life is None or life.key_hash != self._keys.get(key[:2], life.key_hash):
                continue
            sockets = life.sockets if self._now() - other.told_s < GONE_S else 0
            found = _one(found, replace(life, sockets=sockets))
        return found

    def _life(self, key: tuple[str, str, str]) -> Life | None:
        here = self._lives.get(key)
        there = self._heard_elsewhere(key) if self._elsewhere else None
        return here if there is None else _one(here, there)

    # -- what follows from them ----------------------------------------------------------------------------------------------------

    def now_s(self) -> float:
        return self._now()

    def life(self, site: str, name: str, part: str) -> Life | None:
        return self._life((site, name, part))

    def part(self, row: DeviceRow) -> str:
        """Which of its programs stands for a device: of a display the one heard last, since it is a page, or lamps with a program."""
        if row.kind != "display":
            return AGENT
        page, agent = (self._life((row.site, row.name, part)) for part in (PAGE, AGENT))
        return AGENT if agent is not None and (page is None or agent.seen_s > page.seen_s) else PAGE

    def devices(self, site: str) -> list[Device]:
        """Every registered device as it was last heard; a kiosk's screen as one of its own once it has shown itself. Where
        two keys stand at one kiosk, one may be the page's alone."""
        rows = [row for row in self._registered.get(site, []) if not row.revoked]
        kiosks = Counter(row.place for row in rows if row.kind == "kiosk")
        found = []
        for row in rows:
            page = row.kind == "kiosk" and self._life((site, row.name, PAGE)) is not None
            alone = page and kiosks[row.place] > 1 and self._life((site, row.name, AGENT)) is None
            if not alone:
                found.append(self._device(row, self.part(row)))
            if page:
                found.append(self._device(row, PAGE, page=True))
        return found

    def _device(self, row: DeviceRow, part: str, *, page: bool = False) -> Device:
        life = self._life((row.site, row.name, part)) or Life(seen_s=self._started_s)
        return Device(
            row.name, row.kind, row.place, life.seen_s, life.sockets > 0, page, life.facts, dict(life.since_s), clock_offset_s=life.offset_s
        )

    def alarms(
        self,
        site: str,
        unanswered: Iterable[Unanswered] = (),
        *,
        lost: bool = False,
        apart: tuple[timedelta, float, date] | None = None,
        trouble: Trouble | None = None,
    ) -> list[Alarm]:
        """What of the office's equipment wants looking after. `lost`: the server itself has lost the time since it was started. `apart`:
        by how much its clock is ahead of the hall's, for how many seconds, and its date. `trouble`: what is wrong with its storage."""
        now = self._now()
        differs = (apart[0], now - apart[1], apart[2]) if apart is not None else None
        return alarms(self.devices(site), now, unanswered, self._started_s if lost else None, differs, trouble)


def _one(one: Life | None, other: Life) -> Life:
    """Two accounts of one program as one: of the two, whoever heard it last knows what it said."""
    if one is None:
        return other
    last = one if one.seen_s >= other.seen_s else other
    return replace(last, sockets=one.sockets + other.sockets)


def _key(device: Principal, part: str) -> tuple[str, str, str]:
    return device.site or "", device.name, part


def plain(value: Any) -> Any:
    """A fact that can be sent on: texts short and whole, numbers that JSON knows."""
    if isinstance(value, float) and not isfinite(value):
        return None
    return value[:FACT_LONGEST].encode("utf-8", "replace").decode() if isinstance(value, str) else value
