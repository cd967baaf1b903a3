"""That somebody stands in the hall: four digits that are seen only there, and are others every five minutes.

They are made from the secret of the day, the hall and the clock, so that nothing is stored and every process shows the same. Devices of the
office show them, the board does not: it is public. The digits before the present ones are still right, for whoever walks from the screen to
a chair and types slowly. They open nothing by themselves: only whoever holds a booking can use them, and wrong ones are counted.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta

from server.core.site import Site
from server.ledger import Ledger
from server.store import Broken, Poison, Unavailable

LASTS = timedelta(minutes=5)
DIGITS = 4


def asked_for(office: Site) -> bool:
    """Whether anything of this office can be checked in by telephone."""
    return any(service.booking is not None and service.booking.phone_check_in for service in office.services)


def hall_code(ledger: Ledger, office: Site, hall: str) -> str | None:
    """What the devices of a hall show now; None where nobody is asked for it, and while the day has no secret because the disk fails."""
    if not asked_for(office):
        return None
    try:
        return _code(ledger, office, hall, ledger.now(office.id))
    except (Unavailable, Broken, Poison):
        return None


def is_here(ledger: Ledger, office: Site, typed: str) -> bool:
    """Whether somebody has seen the digits of one of the halls, now or a moment ago."""
    now = ledger.now(office.id)
    right = [_code(ledger, office, hall.id, at) for hall in office.halls for at in (now, now - LASTS)]
    # All of them, always: how long it takes must not tell how near a guess was.
    return sum(hmac.compare_digest(typed.encode(), code.encode()) for code in right) > 0


def _code(ledger: Ledger, office: Site, hall: str, at: datetime) -> str:
    window = int(at.timestamp() // LASTS.total_seconds())
    key = bytes.fromhex(ledger.day_key(office.id, at.date()))
    digest = hmac.new(key, f"hall {hall} {window}".encode(), hashlib.sha256).digest()
    return f"{int.from_bytes(digest[:8]) % 10**DIGITS:0{DIGITS}d}"
