"""Which touches have got a number of the server's, though the page may never have heard so: its paper came, and the answer was lost.

Such a page asks the agent after ten seconds. It is told the answer that was lost, and no second number is given for the one touch. Kept in
memory: an agent that was restarted within those seconds gives one of its own, and the server's is given back when that is brought in.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from server.core.lease import intent_of

KEPT = 64
"""A kiosk gives so many in a quarter of an hour at most."""


@dataclass
class Touch:
    """`answer`: the ticket, as the server has told the page. `outcome`: what became of its paper."""

    answer: dict[str, Any]
    outcome: str = "waiting"


class Touches:
    """`kiosk` tells which kiosk this is; it is known once a moment has come. All methods may be called from any thread."""

    def __init__(self, kiosk: Callable[[], str] = str) -> None:
        self.kiosk = kiosk
        self.deciding = threading.Lock()
        """Held while it is decided whether a touch gets the server's number or one of our own."""
        self._kept: dict[str, Touch] = {}

    def note(self, intent: object, answer: object) -> Touch | None:
        """The server has given a number for this touch; None for a moment that names none."""
        if not isinstance(intent, str) or not isinstance(answer, dict):
            return None
        touch = self._kept[intent] = Touch(answer)
        if len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]
        return touch

    def find(self, key: str) -> Touch | None:
        """By the key that the page has made for it."""
        return self._kept.get(intent_of(self.kiosk(), key)) if self._kept else None

    def of(self, ticket: str) -> Touch | None:
        return next((touch for touch in list(self._kept.values()) if touch.answer.get("id") == ticket), None)
