"""The two engines a store can have, for tests that hold for both: SQLite in a file, and a PostgreSQL server of the tests' own. Beside it
a Redis server, through which several processes tell one another of news."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from ports import free_port

from server.commands import database, open_store
from server.store import Store

START_S = 120.0
"""Far beyond a start on a quiet machine, where each makes the whole of a database first: what is slow is not yet broken."""
SETTINGS = ("-c", "listen_addresses=127.0.0.1", "-c", "shared_buffers=32MB")


def _roomy() -> str | None:
    """Memory, where it has the room: forty databases are ten thousand files. None: the usual temporary folder."""
    memory = Path("/dev/shm")
    return str(memory) if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2**31 else None


class Postgres:
    """A PostgreSQL server in a folder of its own, on a port of its own; it ends with the tests."""

    def __init__(self, under: Path | None = None) -> None:
        """`under`: the disk it is to lie on; everybody may look into it."""
        self.programs = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        self.folder = Path(tempfile.mkdtemp(prefix="moiso-pg-", dir=under or _roomy()))
        self._data = self.folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self._names = (f"office{number}" for number in count(1))
        # It refuses to run as root.
        self._user = "postgres" if os.getuid() == 0 else None
        if self._user:
            shutil.chown(self.folder, self._user)
        self._run(
            "initdb", "--pgdata", self._data, "--username", "postgres", "--auth", "trust", "--encoding", "UTF8", "--no-locale", "--no-sync"
        )

    def _command(self, program: str, *arguments: Any) -> list[str]:
        return [str(self.programs / program), *map(str, arguments)]

    def _run(self, program: str, *arguments: Any) -> None:
        command = self._command(program, *arguments)
        done = subprocess.run(command, capture_output=True, text=True, user=self._user, cwd=self.folder, timeout=120)
        assert done.returncode == 0, done.stderr

    def start(self) -> Postgres:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command("postgres", "-D", self._data, "-k", self.folder, "-p", self.port, *SETTINGS),
                stdout=log,
                stderr=log,
                cwd=self.folder,
                user=self._user,
                env={**os.environ, "LC_ALL": "C"},
            )
        end = time.monotonic() + START_S
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
                return self
            except psycopg.OperationalError:
                assert time.monotonic() < end and self._process.poll() is None, (self.folder / "log").read_text()[-2000:]
                time.sleep(0.02)

    def stop(self, mode: str = "fast") -> None:
        """`fast` ends every connection first; `immediate` is as if the power went."""
        if self._process is not None and self._process.poll() is None:
            self._run("pg_ctl", "stop", "--pgdata", self._data, "--mode", mode)
            self._process.wait(timeout=START_S)

    def remove(self) -> None:
        self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, name: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def fresh(self) -> str:
        """The URL of a new empty database."""
        name = next(self._names)
        with closing(psycopg.connect(self.url("postgres"), autocommit=True)) as server:
            server.execute(f"create database {name}")
        return self.url(name)


class Redis:
    """A Redis server on a port of its own that keeps nothing; it can be stopped and started."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="moiso-redis-"))
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Redis:
        settings = ("--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no", "--dir", str(self.folder))
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(["redis-server", *settings], stdout=log, stderr=log)
        end = time.monotonic() + START_S
        while True:
            with socket.socket() as knock:
                if knock.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            assert time.monotonic() < end and self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
            time.sleep(0.02)

    def stop(self) -> None:
        """As if its machine had lost its power."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(timeout=START_S)

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass(frozen=True)
class Engine:
    """One of the two. `new` makes an empty database in a folder of the test; its URL."""

    name: str
    new: Callable[[Path], str]


SQLITE = Engine("sqlite", lambda folder: f"sqlite:///{folder / 'office.db'}")


def store_at(url: str) -> Any:
    """The store of a URL."""
    return open_store(database(url))


@contextmanager
def opened(url: str) -> Iterator[Store]:
    with closing(store_at(url)) as store:
        yield store


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Somebody else holds the database, so that nobody can write."""
    where = database(url)
    if isinstance(where, Path):
        with closing(sqlite3.connect(where, isolation_level=None, timeout=30)) as other:
            other.execute("begin immediate")
            yield
    else:
        with closing(psycopg.connect(where)) as other:
            other.execute("lock table events, answers in exclusive mode")
            yield
