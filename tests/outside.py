"""An office seen from outside: a real server in its own process, one client for each kind of caller, and what is asked of every answer."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from running import OPEN, PASSWORD, START_S, Client, Server

from server.access import hash_password
from server.commands import add_device
from server.store import StaffRow
from server.store.sqlite import SqliteStore

NINE = "2026-11-20T09:00:00+07:00"
"""The hall clock begins here: a Friday morning, far from midnight."""
STAFF = {"lan": "clerk", "minh": "clerk", "hoa": "helper", "binh": "supervisor", "thanh": "inspector", "quan": "admin"}
DEVICES = {"k1": "kiosk", "tv": "display", "loa": "audio"}
WHO = ("nobody", *STAFF, *DEVICES)
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+07:00")


class Outside:
    """The running office and its callers. `office["lan"]` is somebody with a key, `office["nobody"]` has none."""

    def __init__(self, server: Server) -> None:
        self.server, self.url, self.api = server, server.url, server.api
        self._password = hash_password(PASSWORD)
        self.callers = {"nobody": Client(server.api)}
        self._taken: list[str] = []
        self.hire(STAFF)
        self.install(DEVICES)

    def __getitem__(self, who: str) -> Client:
        return self.callers[who]

    @contextmanager
    def database(self) -> Iterator[SqliteStore]:
        store = SqliteStore(self.server.database)
        try:
            yield store
        finally:
            store.close()

    def hire(self, staff: dict[str, str], site: str | None = "open") -> None:
        """Accounts as `moiso user add` makes them, in one go, signed in."""
        with self.database() as store:
            store.write([lambda tx, n=n, r=r: tx.put_staff(StaffRow(n, r, self._password, site)) for n, r in staff.items()])
        for name in staff:
            # Not through a caller: its browser would keep the cookie.
            signed_in = requests.post(f"{self.api}/sessions", json={"user": name, "password": PASSWORD}, timeout=START_S)
            self.callers[name] = Client(self.api, signed_in.json()["token"])

    def install(self, devices: dict[str, str], place: str | None = None) -> None:
        """Devices as `moiso device add` makes them."""
        with self.database() as store:
            for name, kind in devices.items():
                self.callers[name] = Client(self.api, add_device(store, self.server.site, name, kind, place)["key"])

    # -- small journeys --------------------------------------------------------------------------------------------------------

    def take(self, service: str = "A", who: str = "k1", **body: Any) -> dict[str, Any]:
        taken: dict[str, Any] = self[who].post("/sites/open/tickets", {"service": service, **body}, expect=201)
        self._taken.append(taken["id"])
        return taken

    def open(self, counter: str = "1", who: str = "lan") -> None:
        self[who].post(f"/sites/open/counters/{counter}/open")

    def call(self, counter: str = "1", who: str = "lan", **body: Any) -> dict[str, Any]:
        called: dict[str, Any] = self[who].post(f"/sites/open/counters/{counter}/next", body)
        return called

    def act(self, ticket: str, verb: str, who: str = "lan", body: Any = None, expect: int = 200) -> dict[str, Any]:
        answer: dict[str, Any] = self[who].post(f"/sites/open/tickets/{ticket}/{verb}", body, expect=expect)
        return answer

    def board(self, hall: str = "main") -> dict[str, Any]:
        board: dict[str, Any] = self["nobody"].get(f"/sites/open/halls/{hall}/board")
        return board

    @property
    def today(self) -> str:
        return str(self.board()["day"])

    def story(self) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = self["thanh"].get(f"/sites/open/days/{self.today}/events")["events"]
        return events

    def clear(self) -> None:
        """Nobody waits, is called, or set aside; every counter is closed: the office as it opens."""
        while self._taken:
            ticket = self._taken.pop()
            state = self["nobody"].get(f"/sites/open/tickets/{ticket}")["state"]
            if state == "serving":
                self.act(ticket, "finish", who="binh")
            elif state in ("waiting", "called", "held"):
                self.act(ticket, "cancel", who="binh")
        for counter in self["nobody"].get("/sites/open")["counters"]:
            if counter["state"] != "closed":
                self["binh"].post(f"/sites/open/counters/{counter['id']}/close")

    def raw(self, request: bytes, patience_s: float = START_S) -> bytes:
        """Bytes to the port, and all bytes that come back until the server ends the connection."""
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=patience_s) as connection:
            connection.sendall(request)
            return b"".join(iter(lambda: connection.recv(65536), b""))


@contextmanager
def outside(folder: Path, *options: str, document: str = OPEN, site: str = "open") -> Iterator[Outside]:
    server = Server(folder, document, "--hall-clock", NINE, "--log", "info", *options, site=site)
    try:
        yield Outside(server.start())
    finally:
        server.stop()


def refused(answer: requests.Response, status: int, code: str) -> dict[str, Any]:
    """The answer is an error of the one shape; its details."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    assert answer.headers["Content-Type"] == "application/json"
    body = answer.json()
    assert set(body) == {"error"} and set(body["error"]) == {"code", "message", "details"}, body
    assert body["error"]["code"] == code, body
    message = body["error"]["message"]
    assert message[0].isupper() and message.endswith("."), message
    if status in (429, 503):
        assert int(answer.headers["Retry-After"]) > 0
    if status == 401:
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    details: dict[str, Any] = body["error"]["details"]
    return details
