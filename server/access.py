"""Who is asking: staff sign-in, roles, device keys, and limits on guessing.

A key is 256 random bits and kept as its SHA-256; a password is kept as argon2id and checked off the event loop (it takes 100 ms, on
purpose). Browsers hold keys in HttpOnly, SameSite=Strict cookies, and commands that come with a cookie must carry `X-Moiso`, a header
that no foreign page can set.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import Any, NamedTuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError
from limits import RateLimitItem, RateLimitItemPerMinute, RateLimitItemPerSecond, WindowStats
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter, RateLimiter

from server.core.refused import Refused
from server.ledger import Ledger
from server.store import ELSEWHERE, PAGE, DeviceRow, SessionRow, SharedStore, StaffRow, Store, Writing

ROLES = ("clerk", "helper", "supervisor", "inspector", "admin")
HEADS = ("supervisor", "admin")
"""Who answers for the office: its machines, its papers, its accounts."""
DEVICE_KINDS = ("kiosk", "display", "audio")
SESSION_LASTS = timedelta(hours=12)
"""A working day; nobody types a password at half past two because the morning's has run out."""
ONE_PAGE = ("clerk",)
"""Who sits at one counter, and so needs one page. A supervisor walks between a console and the manager's page."""
PASSWORD_LEAST = 8
FAILURES_PER_MINUTE = 5
FAILURES_OF_ADDRESS = 60
"""A minute, under whatever names: far beyond an office in which everybody has forgotten a password, and a tenth of what would keep the
processor busy with strangers' guesses."""
CHECKS_AT_ONCE = 2
"""Passwords checked at the same time: each takes 64 MB and a processor, and the disk's commits wait for the same threads."""
CHECK_WITHIN_S = 5

STAFF_COOKIE = "moiso_staff"
DEVICE_COOKIE = "moiso_device"

_hasher = PasswordHasher()


@cache
def _nobody() -> str:
    """Verifying against this takes as long as a real one, so that the time of an answer does not tell which names exist."""
    return _hasher.hash(secrets.token_hex(8))


class Principal(NamedTuple):
    """Somebody with a key. `site` None: every site of the database. `place`: a kiosk, a hall, or "" for staff."""

    kind: str
    name: str
    role: str
    site: str | None
    place: str = ""
    key_hash: str = ""
    must_change: bool = False

    @property
    def id(self) -> str:
        """As the story names the actor, and as idempotency keys are told apart."""
        return f"staff:{self.name}" if self.kind == "staff" else f"device:{self.site}/{self.name}"

    @property
    def supervisor(self) -> bool:
        return self.role == "supervisor"

    def may_enter(self, site: str) -> bool:
        return self.site is None or self.site == site

    def can(self, roles: tuple[str, ...]) -> bool:
        """Whether the role is among those; a supervisor may do all that a clerk may."""
        return self.role in roles or (self.role == "supervisor" and "clerk" in roles)


def new_key() -> str:
    # Hexadecimal: a key that begins with a dash is taken for an option by every command line.
    return secrets.token_hex(32)


def hash_key(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def composed(text: str) -> str:
    """NFC: `ễ` is one name however the keyboard composed it."""
    return unicodedata.normalize("NFC", text)


def hash_password(password: str) -> str:
    return _hasher.hash(composed(password))


def password_problem(password: str) -> str | None:
    """Why a password is not accepted; None when it is."""
    if len(password) < PASSWORD_LEAST:
        return f"A password has at least {PASSWORD_LEAST} characters."
    if len(password) > 256:
        return "A password has at most 256 characters."
    return None


def verify_password(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, composed(password))
    except (VerifyMismatchError, VerificationError, InvalidHashError):
        return False


class CountedTogether(RateLimiter):
    """A moving window that all processes of a shared store count in together. Addresses are kept as hashes."""

    def __init__(self, store: SharedStore) -> None:
        self._store = store

    def hit(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        return self._store.hit(_counted(item, identifiers), item.amount - cost + 1, item.get_expiry())

    def test(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        return self.get_window_stats(item, *identifiers).remaining >= cost

    def get_window_stats(self, item: RateLimitItem, *identifiers: str) -> WindowStats:
        ago, count = self._store.hits(_counted(item, identifiers), item.get_expiry())
        return WindowStats(time.time() - ago + item.get_expiry(), item.amount - count)

    def clear(self, item: RateLimitItem, *identifiers: str) -> None:
        self._store.clear_hits(_counted(item, identifiers))


def _counted(item: RateLimitItem, identifiers: tuple[str, ...]) -> str:
    return hash_key(item.key_for(*identifiers))


class Access:
    """Sign-in and the look-up of keys. `offload` runs argon2 on another thread."""

    def __init__(self, store: Store, ledger: Ledger, offload: Callable[..., Any]) -> None:
        self._store, self._ledger, self._offload = store, ledger, offload
        shared: SharedStore | None = store if store.shared else None  # type: ignore[assignment]
        self._limiter: RateLimiter = MovingWindowRateLimiter(MemoryStorage()) if shared is None else CountedTogether(shared)
        self._failures = RateLimitItemPerMinute(FAILURES_PER_MINUTE)
        self._turns = threading.BoundedSemaphore(CHECKS_AT_ONCE)

    # -- limits on what an address may do; 0 is none ------------------------------------------------------------------------------

    def count(self, what: str, most: int, seconds: int, *who: str) -> None:
        """Count one of at most `most` in so many seconds. Refuses `too_many_requests`."""
        if most and not self._limiter.hit(RateLimitItemPerSecond(most, seconds, what), *who):
            raise self._later(what, most, seconds, *who)

    def note(self, what: str, most: int, seconds: int, *who: str) -> None:
        """Count one without refusing it."""
        if most:
            self._limiter.hit(RateLimitItemPerSecond(most, seconds, what), *who)

    def counted(self, what: str, most: int, seconds: int, *who: str) -> bool:
        """Whether as many have been counted as may be."""
        return bool(most) and not self._limiter.test(RateLimitItemPerSecond(most, seconds, what), *who)

    def not_beyond(self, what: str, most: int, seconds: int, *who: str) -> None:
        """Refuses `too_many_requests` when as many have been counted as may be, and counts nothing."""
        if self.counted(what, most, seconds, *who):
            raise self._later(what, most, seconds, *who)

    def forget(self, what: str, most: int, seconds: int, *who: str) -> None:
        """Count anew: what was counted did not come to be."""
        if most:
            self._limiter.clear(RateLimitItemPerSecond(most, seconds, what), *who)

    def _later(self, what: str, most: int, seconds: int, *who: str) -> Refused:
        again = self._limiter.get_window_stats(RateLimitItemPerSecond(most, seconds, what), *who).reset_time
        return Refused("too_many_requests", retry_after_s=max(1, int(again - time.time()) + 1))

    # -- staff ---------------------------------------------------------------------------------------------------------------------

    def sign_in(self, user: str, password: str, address: str, *, page: bool = False) -> tuple[str, StaffRow, float]:
        """A session token, the staff member, and when the session ends (seconds since the epoch). At one of our pages (`page`) a clerk is
        signed in once: wherever a page was left open before, it is over. Raises what `verified` raises."""
        staff = self.verified(user, password, address)
        token = new_key()
        ends = self._now() + SESSION_LASTS.total_seconds()
        row = SessionRow(hash_key(token), staff.name, ends, PAGE if page else "program")

        def begin(tx: Writing) -> None:
            tx.put_session(row)
            if page and staff.role in ONE_PAGE:
                tx.end_pages_of(staff.name, but=row.token_hash)

        self._ledger.write(begin)
        now = self._store.staff(staff.name)
        if now is None or now.password_hash != staff.password_hash:
            # Changed between the check and the write, and with it every session ended but this one.
            self._ledger.write(lambda tx: tx.remove_session(hash_key(token)))
            raise Refused("wrong_password")
        return token, staff, ends

    def verified(self, user: str, password: str, address: str) -> StaffRow:
        """The staff member of this name and password.

        Raises Refused `wrong_password`, or `too_many_requests` with `retry_after_s` after five failures a minute for a name and address, or
        after sixty for an address.
        """
        self._not_guessing(address)
        user = composed(user)
        who = (hash_key(user), address)
        # Counted before it is checked, so that a hundred guesses at once are still five; taken back when it was no guess.
        if not self._limiter.hit(self._failures, *who):
            again = self._limiter.get_window_stats(self._failures, *who).reset_time
            raise Refused("too_many_requests", retry_after_s=max(1, int(again - time.time()) + 1))
        staff = self._store.staff(user) if user.isprintable() else None
        if not self._check(staff, password, address):
            raise Refused("wrong_password")
        assert staff is not None
        self._limiter.clear(self._failures, *who)
        return staff

    def hashed(self, password: str) -> str:
        """A new password as it is kept."""
        with self._turn():
            return self._offload(hash_password, password)  # type: ignore[no-any-return]

    def _check(self, staff: StaffRow | None, password: str, address: str) -> bool:
        with self._turn():
            # Of a crowd of guesses that came at once, most have waited for those before them.
            self._not_guessing(address)
            known: bool = self._offload(verify_password, staff.password_hash if staff else self._offload(_nobody), password)
            if known and staff is not None:
                return True
            self.note("guesses", FAILURES_OF_ADDRESS, 60, address)
            return False

    def _not_guessing(self, address: str) -> None:
        self.not_beyond("guesses", FAILURES_OF_ADDRESS, 60, address)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._turns.acquire(timeout=CHECK_WITHIN_S):
            raise Refused("too_many_requests", retry_after_s=CHECK_WITHIN_S)
        try:
            yield
        finally:
            self._turns.release()

    def sign_out(self, principal: Principal) -> None:
        self._ledger.write(lambda tx: tx.remove_session(principal.key_hash))

    def find(self, key: str | None) -> Principal | None:
        """The principal of a key, staff session or device; None for unknown, expired and revoked ones."""
        return self._of(hash_key(key)) if key else None

    def unknown(self, keys: Iterable[str]) -> Refused:
        """Why nobody is found by these keys; `elsewhere`: their user has signed in at another page since."""
        rows = [self._store.session(hash_key(key)) for key in keys]
        return Refused("unauthenticated", **({"elsewhere": True} if any(row and row.kind == ELSEWHERE for row in rows) else {}))

    def anew(self, principal: Principal) -> Principal | None:
        """What the same key opens now; None when it opens nothing any more."""
        return self._of(principal.key_hash)

    def still(self, principal: Principal) -> bool:
        """Whether the key still opens what it opened: for connections that outlive a sign-out or a revoked key."""
        if principal.kind == "device":
            # A device that beats every five seconds is not looked for among the staff.
            row = self._store.device(principal.key_hash)
            return row is not None and not row.revoked and device_principal(row) == principal
        return self.anew(principal) == principal

    def ended(self, principals: Collection[Principal]) -> set[Principal]:
        """Which of these keys do not open any more what they opened. Asked for all at once: there may be thousands."""
        if not principals:
            return set()
        staff = {row.name: row for row in self._store.all_staff()}
        sessions = self._store.sessions([p.key_hash for p in principals if p.kind == "staff"])
        at = self._now()
        now = {_signed_in(row, staff.get(row.user), at) for row in sessions}
        now |= {device_principal(row) for row in self._store.devices() if not row.revoked}
        return set(principals) - now

    def _of(self, hashed: str) -> Principal | None:
        found = self._store.holder(hashed)
        if isinstance(found, DeviceRow):
            return None if found.revoked else device_principal(found)
        if found is None or found[1] < self._now():
            return None
        staff, _ = found
        return Principal("staff", staff.name, staff.role, staff.site, key_hash=hashed, must_change=staff.must_change)

    def _now(self) -> float:
        """Seconds since the epoch, by which sessions end. Not the computer's own: a wrong date of seconds would sign everybody out."""
        return self._ledger.clock.real_now().timestamp()


def _signed_in(session: SessionRow, staff: StaffRow | None, now: float) -> Principal | None:
    if staff is None or session.kind == ELSEWHERE or session.expires_at < now:
        return None
    return Principal("staff", staff.name, staff.role, staff.site, key_hash=session.token_hash, must_change=staff.must_change)


def device_principal(device: DeviceRow) -> Principal:
    return Principal("device", device.name, device.kind, device.site, device.place, device.key_hash)
