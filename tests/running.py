"""A real server in a process of its own, and small clients for it. Every journey, race and power cut begins here."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import requests
from databases import opened
from ports import free_port

from server.access import hash_password
from server.commands import add_device
from server.store import StaffRow

ROOT = Path(__file__).resolve().parent.parent
OPEN = str(ROOT / "config" / "sites" / "open.toml")
PASSWORD = "mot mat khau dai"
MORNING = ("--hall-clock", "2026-11-20T08:00+07:00")
"""Options for a hall clock of its own: a test that happens to run at midnight is still one day."""
START_S = 60.0
"""Far beyond a start on a quiet machine: what is slow is not yet broken."""


def moiso(*arguments: str, stdin: str = "", env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run one `moiso` command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "server", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
    )


@dataclass
class Client:
    """Somebody with a key. Commands get a fresh idempotency key unless one is given."""

    base: str
    key: str | None = None
    http: requests.Session = field(default_factory=requests.Session)

    def send(self, method: str, path: str, body: Any = None, *, once: str | None = None, **headers: str) -> requests.Response:
        sent = {"Idempotency-Key": once or uuid.uuid4().hex} if method not in ("GET", "HEAD") else {}
        if self.key:
            sent["Authorization"] = f"Bearer {self.key}"
        sent |= headers
        return self.http.request(method, self.base + path, json=body, headers=sent, timeout=START_S)

    def post(self, path: str, body: Any = None, *, once: str | None = None, expect: int = 200) -> Any:
        answer = self.send("POST", path, {} if body is None else body, once=once)
        assert answer.status_code == expect, (path, answer.status_code, answer.text)
        return answer.json()

    def get(self, path: str, expect: int = 200) -> Any:
        answer = self.send("GET", path)
        assert answer.status_code == expect, (path, answer.status_code, answer.text)
        return answer.json()


class Server:
    """`moiso serve` on a free port. `site` is the id of the first document."""

    def __init__(
        self,
        folder: Path,
        document: str = OPEN,
        *options: str,
        site: str = "open",
        port: int | None = None,
        db: str | None = None,
        program: Sequence[str] = ("-m", "server"),
    ) -> None:
        self.folder, self.document, self.options, self.site, self.program = folder, document, options, site, program
        self.port = port or free_port()
        self.database = folder / "office.db"
        """Its file; of no meaning with another `db`."""
        self.db = db or f"sqlite:///{self.database}"
        self.url = f"http://127.0.0.1:{self.port}"
        self.api = f"{self.url}/api/v1"
        self.process: subprocess.Popen[str] | None = None
        self.log = folder / "server.log"

    def start(self) -> Server:
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, *self.program, "serve", "--site", self.document, "--db", self.db, "--port", str(self.port)),
                    # A hundred offices of a test run need no room for a full disk each.
                    *("--voice", "silent", "--ballast", "0", *self.options),
                ],
                stdout=log,
                stderr=log,
                text=True,
                cwd=ROOT,
            )
        self.wait_until_ready()
        return self

    def wait_until_ready(self) -> None:
        """Ask until it can commit; that nobody listens yet, or a busy machine has not come to the answer, is waited out."""
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            assert self.process is not None
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.returncode}: {self.log.read_text()[-2000:]}")
            try:
                if requests.get(f"{self.url}/readyz", timeout=START_S).status_code == 200:
                    return
            except (requests.ConnectionError, requests.Timeout):
                # Nobody listens or answers yet; the next connect is the wait.
                select_pause()
        raise AssertionError(f"the server is not ready after {START_S} s: {self.log.read_text()[-2000:]}")

    def kill(self) -> None:
        """A power cut, as far as one process can have it."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(timeout=START_S)

    def stop(self) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=START_S)

    def staff(self, name: str, role: str = "clerk") -> Client:
        """A signed-in member of staff; the account is made if it is not there yet."""
        return self.crew(name, role=role)[0]

    def crew(self, *names: str, role: str = "clerk") -> list[Client]:
        """Several members of staff at once, signed in, as `moiso user add` makes them but without a process for each."""
        with opened(self.db) as store:
            rows = [StaffRow(name, role, hashed_password(), self.site) for name in names if store.staff(name) is None]
            store.write([lambda tx: [tx.put_staff(row) for row in rows]])
        tokens = [Client(self.api).post("/sessions", {"user": name, "password": PASSWORD}, expect=201)["token"] for name in names]
        return [Client(self.api, token) for token in tokens]

    def device(self, name: str, kind: str = "kiosk", place: str | None = None) -> Client:
        """A new device with its key, as `moiso device add` makes it."""
        with opened(self.db) as store:
            return Client(self.api, add_device(store, self.site, name, kind, place)["key"])

    def anyone(self) -> Client:
        return Client(self.api)


@cache
def hashed_password() -> str:
    return hash_password(PASSWORD)


def until(question: Callable[[], Any], within_s: float = START_S) -> Any:
    """Ask again until the answer is yes; the answer."""
    end = time.monotonic() + within_s
    while not (answer := question()):
        assert time.monotonic() < end, "waited in vain"
        select_pause()
    return answer


def select_pause() -> None:
    """Give a starting process the processor for one scheduling tick."""
    time.sleep(0.02)


@contextmanager
def running(
    folder: Path,
    document: str = OPEN,
    *options: str,
    site: str = "open",
    db: str | None = None,
    program: Sequence[str] = ("-m", "server"),
) -> Iterator[Server]:
    server = Server(folder, document, *options, site=site, db=db, program=program)
    try:
        yield server.start()
    finally:
        if server.process is not None and server.process.poll() is None:
            server.stop()
