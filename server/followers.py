"""Phones that follow a ticket: which of them are told, and when.

What happens to a ticket itself is told at once. What happens to others moves its place and its likely wait: of that the phones of an office
are told in turn, those who are next first, in slices between which everybody else is served, and only where something on the ticket has
changed. So a call costs its own phone and not two thousand, however many wait.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from server import wire
from server.core import events as ev
from server.core.day import Day

TURN_S = 1.0
"""An office's phones are told in turn once a second at most,"""
SLICE_S = 0.005
"""for so long at a time,"""
REST_S = 0.02
"""and so long is left to others in between, who may also interrupt it: at most a fifth of a core."""
MINUTE = 60
"""A likely wait that has moved by less is no news: phones show it in steps of five minutes."""


@dataclass(slots=True)
class _Followed:
    """One ticket with so many phones, and what they were told last."""

    phones: int = 0
    told: int | None = None
    """A digest of all but the likely wait, which is (low, high) in seconds."""
    wait: tuple[int, int] = (0, 0)

    def is_news(self, ticket: wire.TicketOut) -> bool:
        """Whether this differs from what was told last; it counts as told from now on."""
        wait = ticket["wait"]
        low, high = (wait["low_s"], wait["high_s"]) if wait else (0, 0)
        told = hash(wire.dumps({**ticket, "wait": wait is not None}))
        if told == self.told and abs(low - self.wait[0]) < MINUTE and abs(high - self.wait[1]) < MINUTE:
            return False
        self.told, self.wait = told, (low, high)
        return True


class Followers:
    """`state` draws a ticket of an office, told whether something has happened to the ticket itself (None: nothing is to be told), `send`
    tells its phones, `in_order` sorts an office's tickets, those who are next first."""

    def __init__(
        self,
        state: Callable[[str, str, bool], wire.TicketOut | None],
        send: Callable[[str, str, wire.TicketOut], None],
        in_order: Callable[[str, list[str]], list[str]],
    ) -> None:
        self._state, self._send, self._in_order = state, send, in_order
        self._of: dict[str, dict[str, _Followed]] = {}
        self._named: dict[tuple[str, str], None] = {}
        self._moved: set[str] = set()
        """Offices in which something has happened since their phones' last turn began, and when the next one may begin."""
        self._next: dict[str, float] = {}
        self._turn: deque[tuple[str, str]] = deque()
        self._lock = threading.Lock()
        """Held while phones come, go and are listed; matters where threads are real."""

    def came(self, site: str, ticket: str) -> None:
        with self._lock:
            followed = self._of.setdefault(site, {}).setdefault(ticket, _Followed())
            followed.phones += 1
            # This phone was told something of its own.
            followed.told = None

    def left(self, site: str, ticket: str) -> None:
        with self._lock:
            followed = self._of[site][ticket]
            followed.phones -= 1
            if not followed.phones:
                del self._of[site][ticket]

    def hear(self, day: Day, entry: ev.Entry) -> None:
        """An entry is durable and folded."""
        site = day.site.id
        with self._lock:
            if not (followed := self._of.get(site)):
                return
            self._moved.add(site)
            if isinstance(entry.event, ev.DayClosed):
                # Whoever still waits has waited in vain. The day may be past, and nobody on it has a turn any more.
                self._named |= dict.fromkeys((site, ticket) for ticket in followed if ticket in day.tickets)
            elif (ticket := getattr(entry.event, "ticket", None)) in followed:
                self._named[site, ticket] = None

    def tell_named(self) -> None:
        """Tell the phones of those to whom something has happened themselves."""
        with self._lock:
            named, self._named = self._named, {}
        for site, ticket in named:
            self._tell(site, ticket, named=True)

    def tell_some(self) -> float | None:
        """Begin a turn if it is time, and tell one slice of it. Seconds until there is more to do; None: when something happens."""
        now = time.monotonic()
        if not self._turn:
            self._begin(now)
        while self._turn and time.monotonic() < now + SLICE_S:
            self._tell(*self._turn.popleft())
        if self._turn:
            return REST_S
        return max(REST_S, min(self._next[site] for site in self._moved) - now) if self._moved else None

    def _begin(self, now: float) -> None:
        for site in [site for site in self._moved if self._next.get(site, now) <= now]:
            self._next[site] = now + TURN_S
            with self._lock:
                tickets = list(self._of.get(site, ()))
            ordered = self._in_order(site, tickets)
            # Whatever happens from here on is seen by those whose turn is still to come, but not by the others.
            self._moved.discard(site)
            self._turn.extend((site, ticket) for ticket in ordered)

    def _tell(self, site: str, ticket: str, *, named: bool = False) -> None:
        followed = self._of.get(site, {}).get(ticket)
        state = self._state(site, ticket, named) if followed else None
        if followed is not None and state is not None and followed.is_news(state):
            self._send(site, ticket, state)
