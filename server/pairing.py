"""Pairing: a device without a key shows a short code, its manager types the code, and the device gets a key of its own, once.

Kept in memory: a code lives for ten minutes, and after a restart of the server the device asks for another.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from server import wire
from server.access import hash_key, new_key
from server.api import Context
from server.clock import wall
from server.core.refused import Refused
from server.manage import HEADS, placed
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


@dataclass
class Asking:
    """A device that waits. `row` and `key` are there once a manager has typed its code."""

    code: str
    kind: str
    site: str | None
    place: str | None
    secret_hash: str
    ends_s: float
    row: DeviceRow | None = None
    key: str = ""


class Pairings:
    """The devices that wait for a key. `now` gives seconds of a clock that never goes back."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._open: dict[str, Asking] = {}
        self._lock = threading.Lock()

    def ask(self, kind: str, site: str | None, place: str | None) -> tuple[Asking, str]:
        """A new code, and the secret by which its device is known again. Refuses `too_many_requests` when too many wait."""
        secret = new_key()
        with self._lock:
            for code in [code for code, asking in self._open.items() if asking.ends_s <= self._now()]:
                del self._open[code]
            if len(self._open) >= OPEN_MOST:
                raise Refused("too_many_requests", retry_after_s=60)
            code = _code()
            while code in self._open:
                code = _code()
            asking = self._open[code] = Asking(code, kind, site, place, hash_key(secret), self._now() + LASTS_S)
        return asking, secret

    def find(self, typed: str, site: str | None = None) -> Asking:
        """Who shows this code, however it was typed; a device that names its site waits for that one. Refuses `unknown_code`."""
        asking = self._open.get(compact(typed))
        if asking is None or asking.ends_s <= self._now() or (site is not None and asking.site not in (None, site)):
            raise Refused("unknown_code")
        return asking

    def accept(self, asking: Asking, row: Callable[[str], DeviceRow], write: Callable[[DeviceRow], object]) -> DeviceRow:
        """Give the device its key and a name, once: of two managers the second finds no code any more."""
        with self._lock:
            if asking.row is not None or self._open.get(asking.code) is not asking:
                raise Refused("unknown_code")
            key = new_key()
            asking.row, asking.key = row(hash_key(key)), key
        try:
            write(asking.row)
        except BaseException:
            asking.row = None
            raise
        return asking.row

    def collect(self, code: str, secret: str) -> tuple[DeviceRow, str] | None:
        """The row and the key, once; None while nobody has typed the code. Refuses `not_found` whatever else is wrong."""
        with self._lock:
            asking = self._open.get(compact(code))
            known = asking is not None and asking.ends_s > self._now()
            if asking is None or not known or not secrets.compare_digest(asking.secret_hash, hash_key(secret)):
                raise Refused("not_found")
            if asking.row is None:
                return None
            del self._open[asking.code]
            return asking.row, asking.key

    def left_s(self, asking: Asking) -> int:
        return max(0, int(asking.ends_s - self._now()))


def _code() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def compact(typed: str) -> str:
    """`ab2 3cd` and `AB2-3CD` are one code."""
    return typed.upper().replace(" ", "").replace("-", "").replace("\u00a0", "")


def declare(routes: Routes, ctx: Context, pairings: Pairings) -> None:
    """The operations of a device that has no key yet, and of whoever gives it one."""

    def ends(asking: Asking) -> str:
        return wire.instant((wall() + timedelta(seconds=pairings.left_s(asking))).replace(microsecond=0))

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
        made = pairings.accept(
            asking,
            lambda key_hash: DeviceRow(body.name, site, asking.kind, place, key_hash),
            lambda row: ctx.ledger.write(lambda tx: tx.put_device(row)),
        )
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
