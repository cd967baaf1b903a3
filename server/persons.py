"""Who somebody is, as one day alone knows: so that rules about "the same person" need no name, number or card in the story.

A keyed hash, under a key of that day which is kept outside the story. When the day is over the key is erased, and with it whatever could
tell that a hash belongs to a person: all telephone and card numbers there are can be tried in minutes, but not without the key.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import date

from server.ledger import Ledger


def mark(ledger: Ledger, site: str, day: date, what: str) -> str:
    """The mark of a telephone number or a card on this day; the same for the same text, and on no other day."""
    return hmac.new(bytes.fromhex(ledger.day_key(site, day)), what.encode(), hashlib.sha256).hexdigest()[:32]


def card(ledger: Ledger, site: str, day: date, service: str, number: str) -> str:
    """The mark of a card at one service: even within the day nothing says that two numbers of different services are one person's."""
    return mark(ledger, site, day, f"card {service} {number}")


def forget(ledger: Ledger, site: str, today: date) -> bool:
    """Erase the keys of days that are over; whether there were any. By the hall clock: the computer's may be in another zone, or wrong."""
    return bool(ledger.write(lambda tx: tx.erase_day_keys(site, today)))
