"""Pairing: a device without a key shows a short code, its manager types the code, and the device gets a key of its own, once.

A code is a note that lives for ten minutes: in memory where one process serves, in the database where several do. It holds no secret, only
the hashes of the device's secret and of the key, which is made from that secret. When the notes are lost the device asks for another code.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Protocol

from server import wire
from server.access import HEADS, hash_key, new_key
from server.api import Context
from server.core.refused import Refused
from server.manage import placed
from server.routes import Call, Reply, Routes
from server.store import DeviceRow

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Without 0 and O, 1, I and L, which are one another on a bad screen."""
LENGTH = 6
LASTS_S = 600
ASKED_MOST = 20
"""Codes for one address while a code lasts: a hall full of devices behind one router, and no more."""
OPEN_MOST = 1000
GUESSES_MOST = 30
KIND = "pairing"


class Notes(Protocol):
    """What `server.store.SharedStore` offers to several processes, and `Memory` to one."""

    def add_note(self, kind: str, name: str, text: str, lasts_s: float) -> bool: ...
    def note(self, kind: str, name: str) -> str | None: ...
    def swap_note(self, kind: str, name: str, before: str, after: str) -> bool: ...
    def take_note(self, kind: str, name: str, text: str) -> bool: ...
    def count_notes(self, kind: str) -> int: ...


class Memory:
    """Notes of one process. `now` gives seconds of a clock that never goes back."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._notes: dict[tuple[str, str], tuple[str, float]] = {}
        self._lock = threading.Lock()

    def add_note(self, kind: str, name: str, text: str, lasts_s: float) -> bool:
        with self._lock:
            self._let_go()
            return self._notes.setdefault((kind, name), mine := (text, self._now() + lasts_s)) is mine

    def note(self, kind: str, name: str) -> str | None:
        text, ends = self._notes.get((kind, name), ("", 0.0))
        return text if self._now() < ends else None

    def swap_note(self, kind: str, name: str, before: str, after: str) -> bool:
        with self._lock:
            same = self.note(kind, name) == before
            if same:
                self._notes[kind, name] = after, self._notes[kind, name][1]
            return same

    def take_note(self, kind: str, name: str, text: str) -> bool:
        with self._lock:
            same = self.note(kind, name) == text
            if same:
                del self._notes[kind, name]
            return same

    def count_notes(self, kind: str) -> int:
        with self._lock:
            self._let_go()
            return sum(1 for of, _ in self._notes if of == kind)

    def _let_go(self) -> None:
        for key in [key for key, (_, ends) in self._notes.items() if ends <= self._now()]:
            del self._notes[key]


@dataclass(frozen=True)
class Asking:
    """A device that waits. `name` is there once a manager has typed its code, with the place and site that were given; `until` is when
    the code runs out, seconds since the epoch."""

    code: str
    kind: str
    site: str | None
    place: str | None
    secret_hash: str
    key_hash: str
    until: float
    name: str | None = None

    @property
    def row(self) -> DeviceRow:
        assert self.name is not None and self.site is not None and self.place is not None
        return DeviceRow(self.name, self.site, self.kind, self.place, self.key_hash)


class Pairings:
    """The devices that wait for a key."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    def ask(self, kind: str, site: str | None, place: str | None) -> tuple[Asking, str]:
        """A new code, and the secret by which its device is known again. Refuses `too_many_requests` when too many wait."""
        secret = new_key()
        if self._notes.count_notes(KIND) >= OPEN_MOST:
            raise Refused("too_many_requests", retry_after_s=60)
        while True:
            asking = Asking(_code(), kind, site, place, hash_key(secret), hash_key(_key(secret)), time.time() + LASTS_S)
            if self._notes.add_note(KIND, asking.code, _text(asking), LASTS_S):
                return asking, secret

    def find(self, typed: str, site: str | None = None) -> Asking:
        """Who shows this code, however it was typed; a device that names its site waits for that one. Refuses `unknown_code`."""
        found = self._find(typed)
        if found is None or (site is not None and found.site not in (None, site)):
            raise Refused("unknown_code")
        return found

    def _find(self, typed: str) -> Asking | None:
        code = compact(typed)
        text = self._notes.note(KIND, code) if code.isascii() and code.isalnum() else None
        return Asking(**json.loads(text)) if text is not None else None

    def accept(self, asking: Asking, name: str, site: str, place: str, write: Callable[[DeviceRow], object]) -> DeviceRow:
        """Give the device its key and a name, once: of two managers the second finds no code any more."""
        given = replace(asking, name=name, site=site, place=place)
        if asking.name is not None or not self._notes.swap_note(KIND, asking.code, _text(asking), _text(given)):
            raise Refused("unknown_code")
        try:
            write(given.row)
        except BaseException:
            self._notes.swap_note(KIND, asking.code, _text(given), _text(asking))
            raise
        return given.row

    def collect(self, code: str, secret: str) -> tuple[DeviceRow, str] | None:
        """The row and the key, once; None while nobody has typed the code. Refuses `not_found` whatever else is wrong."""
        asking = self._find(code)
        if asking is None or not secrets.compare_digest(asking.secret_hash, hash_key(secret)):
            raise Refused("not_found")
        if asking.name is None:
            return None
        if not self._notes.take_note(KIND, asking.code, _text(asking)):
            raise Refused("not_found")
        return asking.row, _key(secret)


def _text(asking: Asking) -> str:
    return json.dumps(asdict(asking), sort_keys=True)


def _key(secret: str) -> str:
    """The key of the device that knows this secret; nobody else has to keep either."""
    return hmac.new(secret.encode(), b"device key", hashlib.sha256).hexdigest()


def _code() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def compact(typed: str) -> str:
    """`ab2 3cd` and `AB2-3CD` are one code."""
    return typed.upper().replace(" ", "").replace("-", "").replace("\u00a0", "")


def declare(routes: Routes, ctx: Context, pairings: Pairings) -> None:
    """The operations of a device that has no key yet, and of whoever gives it one."""

    def ends(asking: Asking) -> str:
        return wire.instant(datetime.fromtimestamp(int(asking.until), ctx.sites.zone(asking.site)))

    @routes.add(
        "POST",
        "/pairings",
        summary="A device without a key asks for a code to show",
        body=wire.PairingIn,
        answers={201: wire.PairingOut},
        refuses=("not_found", "too_many_requests"),
    )
    def ask(call: Call) -> Reply:
        body: wire.PairingIn = call.body
        if body.site is not None and body.site not in ctx.sites.ids():
            raise Refused("not_found")
        ctx.access.count("pairing", ASKED_MOST, LASTS_S, call.address)
        asking, secret = pairings.ask(body.kind, body.site, body.place)
        out: wire.PairingOut = {"code": asking.code, "secret": secret, "expires_at": ends(asking), "lasts_s": LASTS_S}
        return 201, out

    @routes.add(
        "POST",
        "/pairings/{code}/key",
        summary="The device that shows the code asks for its key, which is given once; 200 while nobody has typed the code",
        body=wire.PairingSecretIn,
        answers={200: wire.PairingWaitsOut, 201: wire.PairedOut},
    )
    def collect(call: Call) -> Reply:
        found = pairings.collect(call.path["code"], call.body.secret)
        if found is None:
            return 200, {"state": "waiting"}
        row, key = found
        out: wire.PairedOut = {"name": row.name, "kind": row.kind, "place": row.place, "site": row.site, "key": key}
        return 201, out

    @routes.add(
        "GET",
        "/sites/{site}/pairings/{code}",
        summary="What kind of device shows this code",
        roles=HEADS,
        answers={200: wire.PairingAskedOut},
        refuses=("unknown_code", "too_many_requests"),
    )
    def look(call: Call) -> Reply:
        asking = _typed(call, call.path["code"])
        out: wire.PairingAskedOut = {"code": asking.code, "kind": asking.kind, "place": asking.place, "expires_at": ends(asking)}
        return 200, out

    @routes.add(
        "POST",
        "/sites/{site}/pairings",
        summary="Give the device that shows this code a name, a place and its key",
        roles=HEADS,
        body=wire.PairIn,
        answers={201: wire.DeviceOut},
        refuses=("unknown_code", "other_kind", "name_taken", "unknown_place", "too_many_requests"),
    )
    def pair(call: Call) -> Reply:
        site, body = call.path["site"], call.body
        asking = _typed(call, body.code)
        if body.kind not in (None, asking.kind):
            raise Refused("other_kind", kind=asking.kind)
        place = placed(ctx, site, body.name, asking.kind, body.place or asking.place)
        made = pairings.accept(asking, body.name, site, place, lambda row: ctx.ledger.write(lambda tx: tx.put_device(row)))
        out: wire.DeviceOut = {"name": made.name, "kind": made.kind, "place": made.place, "site": site}
        return 201, out

    def _typed(call: Call, code: str) -> Asking:
        who = call.principal.id
        ctx.access.not_beyond("pairing_guess", GUESSES_MOST, LASTS_S, who)
        try:
            return pairings.find(code, call.path["site"])
        except Refused:
            ctx.access.note("pairing_guess", GUESSES_MOST, LASTS_S, who)
            raise
