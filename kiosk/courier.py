"""Between the kiosk and the server: asks for the lease while there is an answer, and brings in what was given while there was none.

In the order of taking, one at a time, each until it is answered; a number that the server refuses is kept and told to staff.
"""

from __future__ import annotations

import json
import logging
import threading
import time
import urllib.error
import urllib.request
from typing import Any

from kiosk.alone import Alone

log = logging.getLogger("moiso.courier")

PATIENCE_S = 3.0
"""For one answer: a connection that was cut off in the middle would otherwise hold the next attempt for minutes."""
LOOK_EVERY_S = 1.0
LEASE_EVERY_S = 30.0
AWAY_AFTER_S = 10.0
REFUSALS = (400, 409, 422)
"""The server has understood, and it will not be otherwise tomorrow. Everything else is asked again."""


class Courier:
    """`run` it on a thread of its own."""

    def __init__(self, server: str, key: str, alone: Alone) -> None:
        self._server, self._key, self._alone = server.rstrip("/"), key, alone
        self._place: tuple[str, str] | None = None
        self._leased_at: float | None = None
        self._heard_at: float | None = None
        self._wake = threading.Event()

    @property
    def away(self) -> bool:
        """Whether the server has not answered for some time."""
        return self._heard_at is None or time.monotonic() - self._heard_at > AWAY_AFTER_S

    def hurry(self) -> None:
        """Something is there to be brought in."""
        self._wake.set()

    def run(self, stop: threading.Event) -> None:
        """Go between until `stop` is set."""
        while not stop.is_set():
            try:
                self._round()
            except (OSError, ValueError, KeyError, TypeError) as reason:
                # No connection, or an answer that is not the server's: a portal of the network in between, another version.
                log.debug("No answer from %s (%s).", self._server, reason)
            self._wake.wait(LOOK_EVERY_S)
            self._wake.clear()

    def _round(self) -> None:
        if self._place is None:
            me = self._ask("GET", "/device-sessions")[1]
            self._place = me["site"], me["place"]
        for given in self._alone.pending():
            if not self._bring_in(given.key):
                return
        if self._leased_at is None or time.monotonic() - self._leased_at >= LEASE_EVERY_S:
            self._borrow()

    def _path(self, what: str) -> str:
        assert self._place is not None
        site, kiosk = self._place
        return f"/sites/{site}/kiosks/{kiosk}/{what}"

    def _borrow(self) -> None:
        status, lease = self._ask("POST", self._path("lease"), {"holder": self._alone.holder})
        if status == 200:
            self._alone.lend(lease)
            self._leased_at = time.monotonic()

    def _bring_in(self, key: str) -> bool:
        """Whether this one is settled."""
        given = self._alone.find(key)
        assert given is not None
        body = {name: getattr(given, name) for name in ("service", "code", "taken_at", "key", "version", "lang")}
        if given.priority:
            body["priority"] = given.priority
        status, answer = self._ask("POST", self._path("tickets"), body, once=f"alone-{key}"[:200])
        if status == 201:
            self._alone.end(key, "merged", answer["code"])
            log.info("Number %s has been brought in.", given.code)
        elif status in REFUSALS:
            error = answer["error"]
            self._alone.end(key, "refused", error["message"])
            log.error("Number %s was refused: %s", given.code, error["message"])
        else:
            log.warning("Number %s could not be brought in yet (%s).", given.code, status)
            return False
        # The block has one number fewer, and perhaps needs another.
        self._leased_at = None
        return True

    def _ask(self, method: str, path: str, body: Any = None, once: str | None = None) -> tuple[int, Any]:
        """The server's answer, an error or not. Raises OSError when there is none, ValueError when it is not JSON."""
        headers = {"Authorization": f"Bearer {self._key}", "Accept": "application/json", "Accept-Language": "vi"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if once:
            headers["Idempotency-Key"] = once
        sent = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        request = urllib.request.Request(f"{self._server}/api/v1{path}", sent, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                told = answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                told = error.code, json.load(error)
        self._heard_at = time.monotonic()
        return told
