"""Copies of a PostgreSQL database: made while it is served, never half, and put back in one transaction."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
import pytest
from databases import Postgres, opened
from running import MORNING, OPEN, ROOT, moiso, running

from server.store import EventRow, Unavailable, dumps
from server.store.copies import BadCopy
from server.store.tables import TABLES

AT = datetime(2026, 11, 20, 8, tzinfo=UTC)
DAYS = (date(2026, 10, 30), date(2026, 11, 20))
"""Of two months, which are two tables."""


def tell(url: str, events: int, body: str = "{}") -> str:
    """A story of so many events on each of two days; the URL."""
    with opened(url) as store:
        for day in DAYS:
            rows = [EventRow("ward", day, number, AT, "clock", "Something", body) for number in range(1, events + 1)]
            store.write([lambda tx, rows=rows: tx.append(rows)])
    return url


def told(url: str) -> int:
    """How many events each of the two days holds."""
    with opened(url) as store:
        first, second = (len(store.story("ward", day)) for day in DAYS)
    assert first == second, "half of it is there"
    return first


@pytest.fixture
def copy(postgres: Postgres, tmp_path: Path) -> Path:
    """A copy of two days with thirty events each."""
    path = tmp_path / "thirty.dump"
    assert dumps.make(tell(postgres.fresh(), 30), path).events == 60
    return path


def test_the_list_of_tables_is_what_a_new_database_has(postgres: Postgres) -> None:
    url = postgres.fresh()
    with opened(url), closing(psycopg.connect(url)) as asked:
        assert {name for (name,) in asked.execute("select tablename from pg_tables where schemaname = 'public'")} == set(TABLES)


def test_a_database_that_is_served_is_not_replaced(postgres: Postgres, copy: Path, tmp_path: Path) -> None:
    with running(tmp_path, OPEN, *MORNING, db=postgres.fresh()) as server:
        kiosk = server.device("k1")
        kiosk.post("/sites/open/tickets", {"service": "A"}, expect=201)
        refused = moiso("restore", str(copy), "--db", server.db)
        assert refused.returncode == 1 and refused.stderr.count("\n") == 1
        assert "is in use by" in refused.stderr and refused.stderr.endswith("stop its servers first.\n")
        assert kiosk.post("/sites/open/tickets", {"service": "A"}, expect=201)["code"] == "A002"


def test_what_was_there_is_kept_as_a_copy_of_its_own(postgres: Postgres, copy: Path) -> None:
    url = tell(postgres.fresh(), 7)
    done = moiso("restore", str(copy), "--db", url, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (told(url), said["events"], said["days"]) == (30, 60, 2)
    dumps.restore(Path(said["before"]), url, copy.with_name("again.dump"))
    assert told(url) == 7


def test_the_oldest_copies_are_removed_and_nothing_else(postgres: Postgres, tmp_path: Path) -> None:
    url = tell(postgres.fresh(), 1)
    name = url.rpartition("/")[2]
    old, other = tmp_path / f"{name}-2025-01-01T030000.dump", tmp_path / "mine.dump"
    old.touch()
    other.touch()
    done = moiso("backup", "--db", url, "--to", str(tmp_path), "--keep", "1", "--json")
    assert json.loads(done.stdout)["removed"] == [str(old)] and other.exists()


def test_a_file_that_is_no_whole_copy_is_refused_and_changes_nothing(postgres: Postgres, copy: Path, tmp_path: Path) -> None:
    url, aside = tell(postgres.fresh(), 7), tmp_path / "aside.dump"
    whole = copy.read_bytes()
    for end in range(0, len(whole), max(1, len(whole) // 40)):
        copy.write_bytes(whole[:end])
        with pytest.raises(BadCopy):
            dumps.restore(copy, url, aside)
    other = postgres.fresh()
    with closing(psycopg.connect(other, autocommit=True)) as somebody:
        somebody.execute("create table of_others (note text)")
    with pytest.raises(Unavailable, match="cannot be copied now"):
        dumps.make(other, aside)
    assert told(url) == 7 and not aside.exists()


def test_a_copy_of_a_newer_version_is_not_put_back(postgres: Postgres, tmp_path: Path) -> None:
    newer = tell(postgres.fresh(), 1)
    with closing(psycopg.connect(newer, autocommit=True)) as later:
        later.execute("insert into migrations values ('of_next_year')")
    with pytest.raises(BadCopy, match="made by a newer version of this program"):
        dumps.make(newer, tmp_path / "newer.dump")


def test_a_password_is_in_no_argument_and_in_no_sentence(postgres: Postgres, tmp_path: Path) -> None:
    where = postgres.fresh().removeprefix("postgresql://postgres@")
    address, secret = dumps._for_tools(f"postgresql://postgres:so%40mat@{where}?sslmode=prefer&password=khac")
    assert address == f"postgresql://postgres@{where}?sslmode=prefer" and secret == {"PGPASSWORD": "so@mat"}
    done = moiso("backup", "--db", "postgresql://postgres:so%40mat@127.0.0.1:1/ward", "--to", str(tmp_path))
    assert done.returncode == 1 and "mat" not in done.stderr
    assert done.stderr.startswith("postgresql://127.0.0.1:1/ward cannot be copied now (pg_dump: error: connection to server")


def test_without_the_tools_one_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dumps, "PROGRAMS", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="pg_dump is not on this machine: install PostgreSQL's own tools"):
        dumps.make("postgresql://127.0.0.1:1/ward", tmp_path / "ward.dump")


KILLED = """
import os, signal, sys
from pathlib import Path
from server.store import dumps
dumps.CHUNK, dumps.LINES, left = 16_384, 40, int(sys.argv[1])
def step(*_):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
real = dumps.subprocess.Popen
class Popen(real):
    def __init__(self, *args, **kwargs):
        step()
        super().__init__(*args, **kwargs)
        step()
    def wait(self, *args, **kwargs):
        step()
        ended = super().wait(*args, **kwargs)
        step()
        return ended
dumps.subprocess.Popen = Popen
copy, url, aside = Path(sys.argv[3]), sys.argv[4], Path(sys.argv[5])
dumps.make(url, aside, step) if sys.argv[2] == "backup" else dumps.restore(copy, url, aside, step)
"""


@pytest.fixture
def long_copy(postgres: Postgres, tmp_path: Path) -> Path:
    path = tmp_path / "long.dump"
    dumps.make(tell(postgres.fresh(), 30, "x" * 1000), path)
    return path


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("what", ["backup", "restore"])
def test_killed_at_any_step_the_old_database_stands_or_the_new_one_whole(
    what: str, postgres: Postgres, long_copy: Path, tmp_path: Path
) -> None:
    """The process is killed before and after each start and end of a tool and between any two pieces, until it comes through."""
    folder = tmp_path / "asides"
    folder.mkdir()
    aside = folder / "aside.dump"
    seen, step, ended = set(), 0, -signal.SIGKILL
    while ended:
        step += 1
        url = tell(postgres.fresh(), 7)
        aside.unlink(missing_ok=True)
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(step), what, long_copy, url, aside], cwd=ROOT, capture_output=True, timeout=60
        )
        ended = done.returncode
        assert ended in (0, -signal.SIGKILL), done.stderr
        alone(url)
        seen.add(told(url))
        if aside.exists():
            assert dumps.look_at(aside).events in (14, 60), "what has the name of a copy is whole"
    assert step > 15 and seen == ({7} if what == "backup" else {7, 30})
    assert not list(folder.glob(".*.copying-*")), "the next copy clears away what the killed one left"


def alone(url: str) -> None:
    """Wait until the tools of a program that was killed have left the database."""
    ended = threading.Event()
    with closing(psycopg.connect(url, autocommit=True)) as asked:
        question = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        while asked.execute(question).fetchone() != (0,):
            ended.wait(0.01)
