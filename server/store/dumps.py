"""Whole copies of a PostgreSQL database, made and put back by its own tools: pg_dump, pg_restore and psql of Debian's postgresql-client.

A copy is made while servers serve, of one instant. It is put back in one transaction: until its commit the old tables stand.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import IO, Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from server.store import Unavailable
from server.store.copies import BadCopy, Copy, Progress, fresh_beside, settle
from server.store.postgres import BUSY_MS, CONNECTING, named
from server.store.tables import MIGRATIONS, TABLES

CHUNK = 1 << 16
LINES = 10_000
PROGRAMS = Path("/usr/lib/postgresql")
"""Where Debian keeps the programs of every version; in the path there is only a wrapper that needs a cluster."""

# Whoever says this says `commit` at the end.
EMPTYING = f"""begin;
set local lock_timeout = '{BUSY_MS}';
set local synchronous_commit = on;
drop table if exists {", ".join(TABLES)};
"""


def make(url: str, target: Path, progress: Progress = lambda done, of: None, *, site: str | None = None) -> Copy:
    """Copy the database at `url` to the file `target`: whole, looked at and with the office `site` in it, or not at all. Raises BadCopy,
    Unavailable or OSError."""
    address, secret = _for_tools(url)
    with fresh_beside(target) as fresh:
        tables = [word for name in (*TABLES, "events_*") for word in ("--table", name)]
        dumping = ("--format", "custom", "--no-owner", "--no-privileges", "--no-unlogged-table-data", *tables)
        failure = Unavailable(f"{named(url)} cannot be copied now")
        with _tool("pg_dump", *dumping, "--file", fresh, "--dbname", address, failure=failure, env=secret):
            pass
        found = look_at(fresh, progress)
        found.must_hold(site)
        settle(fresh, target)
    return replace(found, path=target)


def look_at(path: Path, progress: Progress = lambda done, of: None) -> Copy:
    """What a copy holds; every row of it is read, and `progress` is told how many. Raises BadCopy when it is damaged, of another program,
    or of a newer version of this one."""
    applied, days, sites, events, table = set[str](), set[tuple[bytes, ...]](), set[str](), 0, b""
    with _script(path) as lines:
        for number, line in enumerate(lines):
            if number % LINES == 0:
                progress(number, 0)
            if line == b"\\.\n":
                table = b""
            elif table.startswith(b"events_"):
                events += 1
                days.add(tuple(line.split(b"\t", 2)[:2]))
            elif table == b"migrations":
                applied.add(line.split(b"\t", 1)[0].decode())
            elif table == b"sites":
                sites.add(line.split(b"\t", 1)[0].decode())
            elif not table and line.startswith(b"COPY "):
                table = line.split(b" ", 2)[1].rpartition(b".")[2]
    if not applied:
        raise BadCopy(f"{path} is no copy of this program's database.")
    _known(applied, path)
    return Copy(path, path.stat().st_size, len(days), events, tuple(sorted(sites)))


def restore(copy: Path, url: str, aside: Path, progress: Progress = lambda done, of: None, *, site: str | None = None) -> Copy:
    """Put `copy`, which must hold the office `site`, in the place of what the database at `url` holds, which no server may be using; that
    is copied to `aside` first, if there is any.

    All of it is one transaction: whatever ends this program or its tools before the commit, the old tables stand. Raises BadCopy,
    Unavailable or OSError; then they stand, too.
    """
    name = named(url)
    found = look_at(copy)
    found.must_hold(site)
    there, others = _present(url)
    if others:
        raise Unavailable(f"{name} is in use by {others} other connections: stop its servers first.")
    if there:
        _known(there, Path(name))
        make(url, aside)
    refused = Unavailable(f"{name} could not be restored, and is what it was")
    with _psql(url, "--output", os.devnull, failure=refused, stdin=subprocess.PIPE) as psql:
        assert psql.stdin is not None
        with _script(copy) as lines:
            _pump(EMPTYING.encode(), lines, psql.stdin, progress)
        # Only now: a tool that comes to the end of what it is told, because this program was killed, must not commit.
        with suppress(BrokenPipeError):
            psql.stdin.write(b"commit;\n")
    return found


def _pump(first: bytes, lines: IO[bytes], into: IO[bytes], progress: Progress) -> None:
    """Say what comes first and then all lines, as long as somebody listens; read them to their end in any case."""
    written = 0
    with suppress(BrokenPipeError):
        for said in chain([first], iter(partial(lines.read, CHUNK), b"")):
            progress(written, 0)
            into.write(said)
            into.flush()
            written += len(said)
    while lines.read(CHUNK):
        pass


def _present(url: str) -> tuple[set[str], int]:
    """Which migrations a database has, none if it is empty, and how many connections of this program."""
    unasked = Unavailable(f"{named(url)} cannot be asked what it holds")

    def ask(question: str) -> list[str]:
        with _psql(url, "--no-align", "--tuples-only", "--command", question, failure=unasked, stdout=subprocess.PIPE) as psql:
            assert psql.stdout is not None
            return str(psql.stdout.read().decode()).split()

    name = dict(parse_qsl(urlsplit(url).query)).get("application_name", CONNECTING["application_name"]).replace("'", "''")
    others = ask(f"select count(*) from pg_stat_activity where datname = current_database() and application_name = '{name}'")
    made = ask("select to_regclass('migrations') is not null")
    return set(ask("select name from migrations")) if made == ["t"] else set(), int(others[0])


def _known(applied: set[str], what: Path) -> None:
    if not applied <= {name for name, _ in MIGRATIONS}:
        raise BadCopy(f"{what} was made by a newer version of this program: install that one first.")


# -- the tools -------------------------------------------------------------------------------------------------------------------


@contextmanager
def _script(path: Path) -> Iterator[IO[bytes]]:
    """The statements that make the database of a copy; to be read to the end. Raises BadCopy when there is no whole copy in it."""
    unread = BadCopy(f"{path} cannot be read")
    with _tool("pg_restore", "--no-owner", "--no-privileges", "--file", "-", path, failure=unread, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield process.stdout


def _for_tools(url: str) -> tuple[str, dict[str, str]]:
    """A database as these programs are told of it, and what goes by the environment: arguments are seen by every user of the machine."""
    parts = urlsplit(url)
    who, at, where = parts.netloc.rpartition("@")
    user, _, secret = who.partition(":")
    options = parse_qsl(parts.query, keep_blank_values=True)
    secret = unquote(secret) or dict(options).get("password", "")
    query = urlencode([option for option in options if option[0] != "password"], quote_via=quote)
    return urlunsplit(parts._replace(netloc=f"{user}{at}{where}", query=query)), {"PGPASSWORD": secret} if secret else {}


def _psql(url: str, *arguments: str, failure: Unavailable, **pipes: int) -> AbstractContextManager[subprocess.Popen[bytes]]:
    address, secret = _for_tools(url)
    settings = ("--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1")
    return _tool("psql", *settings, *arguments, "--dbname", address, failure=failure, env=secret, **pipes)


@contextmanager
def _tool(
    program: str, *arguments: Any, failure: BadCopy | Unavailable, env: Mapping[str, str] | None = None, **pipes: int
) -> Iterator[subprocess.Popen[bytes]]:
    """One of PostgreSQL's programs, waited for at the end. Raises `failure` with what it said when it did not come through."""
    versions = [path for path in PROGRAMS.glob(f"*/bin/{program}") if path.parts[-3].isdigit()]
    found = str(max(versions, key=lambda path: int(path.parts[-3]))) if versions else shutil.which(program)
    if found is None:
        raise Unavailable(f"{program} is not on this machine: install PostgreSQL's own tools (Debian: postgresql-client).")
    # Complaints go to a file: nobody reads them while rows are pumped, and a pipe that is full would stop the program.
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [found, *map(str, arguments)],
            stderr=said,
            env={**os.environ, "LC_ALL": "C", **(env or {})},
            **pipes,  # type: ignore[call-overload]
        )
        try:
            yield process
        except BaseException:
            process.kill()
            process.wait()
            raise
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
        if process.wait() != 0:
            said.seek(0)
            words = said.read().decode(errors="replace").strip().splitlines() or [f"ended with {process.returncode}"]
            raise type(failure)(f"{failure} ({words[0].rstrip('.')}).")


__all__ = ["look_at", "make", "named", "restore"]
