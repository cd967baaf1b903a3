"""Copies of the database: made while it is served, never half, and put back without a moment in which there is none."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import requests
from databases import Engine
from running import MORNING, OPEN, ROOT, Server, moiso, running, until

from server import copying
from server.copying import Copying
from server.store import EventRow, Unavailable, copies, replica
from server.store.copies import BadCopy
from server.store.replica import Replica, copies_of
from server.store.sqlite import AlreadyServed, SqliteStore, claim

DAY = date(2026, 11, 20)
AT = datetime(2026, 11, 20, 8, tzinfo=UTC)


def tell(store: SqliteStore, *numbers: int, body: str = "{}") -> None:
    store.write([lambda tx: tx.append([EventRow("ward", DAY, n, AT, "clock", "Something", body) for n in numbers])])


def told(path: Path) -> int:
    """How many events a database holds, its journal included; it must be whole."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("pragma integrity_check").fetchall() == [("ok",)]
        assert db.execute("select count(*) = coalesce(max(seq), 0) from events").fetchone()[0] == 1, "a story has no holes"
        return int(db.execute("select count(*) from events").fetchone()[0])


def database(path: Path, events: int, body: str = "{}") -> Path:
    with contextlib.closing(SqliteStore(path)) as store:
        tell(store, *range(1, events + 1), body=body)
    return path


# -- a copy ----------------------------------------------------------------------------------------------------------------------


def test_a_copy_is_made_while_tickets_are_given_and_holds_every_ticket_given_before(engine: Engine, tmp_path: Path) -> None:
    with running(tmp_path, OPEN, *MORNING, db=engine.new(tmp_path)) as server:
        kiosk = server.device("k1")
        codes: list[str] = []
        stop = threading.Event()

        def give() -> None:
            while not stop.is_set():
                codes.append(kiosk.post("/sites/open/tickets", {"service": "A"}, expect=201)["code"])

        giving = threading.Thread(target=give)
        giving.start()
        until(lambda: len(codes) >= 5)
        before = list(codes)
        made = moiso("backup", "--db", server.db, "--to", str(tmp_path / "usb"), "--json")
        stop.set()
        giving.join()
        assert made.returncode == 0, made.stderr
        copy = Path(json.loads(made.stdout)["path"])
        assert copy.parent == tmp_path / "usb" and copy.stat().st_mode & 0o777 == 0o600
        server.stop()
        empty = engine.new(tmp_path / "other")
        restored = moiso("restore", str(copy), "--db", empty, "--json")
        assert restored.returncode == 0, restored.stderr
        assert json.loads(restored.stdout)["before"] is None
    elsewhere = Server(tmp_path, OPEN, *MORNING, db=empty)
    elsewhere.start()
    try:
        story = elsewhere.staff("ha", "inspector").get("/sites/open/days/2026-11-20/events")
        assert sum(each["kind"] == "TicketIssued" for each in story["events"]) >= len(before)
    finally:
        elsewhere.stop()


def test_the_oldest_copies_are_removed_and_nothing_else(tmp_path: Path) -> None:
    source = database(tmp_path / "ward.db", 3)
    folder = tmp_path / "usb"
    folder.mkdir()
    for name in ("ward-2026-01-01T000000.db", "ward-2026-01-02T000000.db", "ward-precious.db", "other-2026-01-01T000000.db"):
        (folder / name).touch()
    made = moiso("backup", "--db", f"sqlite:///{source}", "--to", str(folder), "--keep", "2", "--json")
    assert json.loads(made.stdout)["removed"] == [str(folder / "ward-2026-01-01T000000.db")]
    assert {path.name for path in folder.iterdir()} >= {"ward-precious.db", "other-2026-01-01T000000.db", "ward-2026-01-02T000000.db"}


def test_what_cannot_be_trusted_is_no_copy(tmp_path: Path) -> None:
    good = database(tmp_path / "good.db", 50, "x" * 2000)
    damaged, text, newer = tmp_path / "damaged.db", tmp_path / "text.db", tmp_path / "newer.db"
    data = bytearray(good.read_bytes())
    for place in range(8192, len(data), 4096):
        data[place : place + 64] = bytes(64)
    damaged.write_bytes(data)
    text.write_text("not a database, but long enough to be read as one\n" * 40)
    shutil.copy(good, newer)
    with contextlib.closing(sqlite3.connect(newer, isolation_level=None)) as db:
        db.execute("insert into _sqlite_migrations (migration_set, name, applied_at) values ('moiso', 'of_tomorrow', '')")
    target = database(tmp_path / "office.db", 7)
    for copy, reason in ((damaged, ""), (text, ""), (newer, "newer version"), (tmp_path / "nowhere.db", "There is no file")):
        refused = moiso("restore", str(copy), "--db", f"sqlite:///{target}")
        assert refused.returncode == 1 and refused.stderr.count("\n") == 1 and reason in refused.stderr, refused.stderr
        assert told(target) == 7 and len(list(tmp_path.glob("office.db*"))) <= 3
    with pytest.raises(BadCopy, match="same file"):
        copies.restore(target, target, tmp_path / "aside.db")
    with pytest.raises(BadCopy, match="no database at"):
        copies.make(tmp_path / "nowhere.db", tmp_path / "copy.db")
    nothing = moiso("restore", str(tmp_path), "--db", f"sqlite:///{target}")
    assert nothing.returncode == 1 and "There is no copy of" in nothing.stderr


@pytest.mark.parametrize("what", ["backup", "restore"])
def test_the_database_of_another_office_is_not_taken_for_this_one(what: str, engine: Engine, tmp_path: Path) -> None:
    source, target = engine.new(tmp_path), engine.new(tmp_path / "other")
    for url in (source, target):
        assert moiso("site", "import", "open", "--db", url).returncode == 0
    if what == "restore":
        made = json.loads(moiso("backup", "--db", source, "--to", str(tmp_path / "usb"), "--json").stdout)["path"]
    command = ("backup", "--db", source, "--to", str(tmp_path / "usb")) if what == "backup" else ("restore", made, "--db", target)
    refused = moiso(*command, "--site", "demo")
    assert (refused.returncode, refused.stderr) == (1, "The office demo is not in it, only open: nothing was changed.\n")
    assert not list(tmp_path.rglob("*.before-*")) and len(list(tmp_path.glob("usb/*"))) == (what == "restore")
    done = moiso(*command, "--site", str(ROOT / "config" / "sites" / "open.toml"), "--json")
    assert done.returncode == 0, done.stderr


def test_a_database_that_is_served_is_not_replaced(tmp_path: Path) -> None:
    copy, target = database(tmp_path / "copy.db", 3), database(tmp_path / "office.db", 7)
    held = claim(target)
    try:
        with pytest.raises(AlreadyServed):
            copies.restore(copy, target, tmp_path / "aside.db")
    finally:
        held.release()
    with contextlib.closing(sqlite3.connect(target, isolation_level=None)) as other:
        other.execute("begin")
        other.execute("select count(*) from events").fetchone()
        with contextlib.closing(SqliteStore(target)) as store:
            tell(store, 8)
            with pytest.raises(Unavailable, match="in use"):
                copies.restore(copy, target, tmp_path / "aside.db")
    assert told(target) == 8 and not (tmp_path / "aside.db").exists()


def test_what_was_there_before_keeps_another_name_with_all_it_held(tmp_path: Path) -> None:
    copy = database(tmp_path / "copy.db", 3)
    target = tmp_path / "office.db"
    store = SqliteStore(target)
    tell(store, *range(1, 8))
    # Killed: the last commits are only in the journal.
    kept = {end: Path(f"{target}{end}").read_bytes() for end in ("", "-wal")}
    store.close()
    for end, data in kept.items():
        Path(f"{target}{end}").write_bytes(data)
    restored = moiso("restore", str(copy), "--db", f"sqlite:///{target}", "--json")
    assert told(target) == 3
    assert told(Path(json.loads(restored.stdout)["before"])) == 7


def test_a_database_that_is_damaged_is_replaced_and_kept(tmp_path: Path) -> None:
    copy, target = database(tmp_path / "copy.db", 3), tmp_path / "office.db"
    target.write_bytes(b"what the disk left of it" * 500)
    (tmp_path / "office.db-wal").write_bytes(b"and of its journal" * 500)
    copies.restore(copy, target, tmp_path / "aside.db")
    assert told(target) == 3 and (tmp_path / "aside.db").read_bytes().startswith(b"what the disk left")


# -- killed on the way -----------------------------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from pathlib import Path
from server.store import copies
copies.STEP, left = 4, int(sys.argv[1])
def counted(name, of):
    real = getattr(of, name)
    def call(*args, **kwargs):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **kwargs)
    setattr(of, name, call)
for name in ("link", "fsync", "replace", "close"):
    counted(name, os)
for name in ("chmod", "replace", "unlink"):
    counted(name, Path)
real_connect = copies.sqlite3.connect
def connect(*args, **kwargs):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return real_connect(*args, **kwargs)
copies.sqlite3.connect = connect
def progress(done, of):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
copy, target, aside = map(Path, sys.argv[3:6])
copies.make(copy, target, progress) if sys.argv[2] == "backup" else copies.restore(copy, target, aside, progress)
"""


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("what", ["backup", "restore"])
def test_killed_at_any_step_the_old_database_stands_or_the_new_one_whole(what: str, tmp_path: Path) -> None:
    """The process is killed at its first system call, at its second, ... until it comes through."""
    copy = database(tmp_path / "copy.db", 30, "x" * 1500)
    target, aside = tmp_path / "office.db", tmp_path / "aside.db"
    seen = set()
    step = 1
    while True:
        for path in tmp_path.glob("office.db*"):
            path.unlink()
        aside.unlink(missing_ok=True)
        database(target, 7)
        ended = subprocess.run(
            [sys.executable, "-c", KILLED, str(step), what, copy, target, aside], cwd=ROOT, capture_output=True, timeout=60
        )
        assert ended.returncode in (0, -signal.SIGKILL), ended.stderr
        assert told(copy) == 30
        seen.add(told(target))
        if ended.returncode == 0:
            break
        step += 1
    assert step > 15 and seen == {7, 30}
    assert not list(tmp_path.glob(".*.copying-*")), "the next copy clears away what the killed one left"


# -- the copy on the second disk -------------------------------------------------------------------------------------------------


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal is long after a few commits."""
    monkeypatch.setattr(replica, "LONG", 60)


def taken_away(database: Path, folder: Path, to: Path) -> Path:
    """The newest copy as whoever finds the second disk has it."""
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir()
    newest = copies_of(database, folder)[-1]
    for end in ("", "-wal"):
        if Path(f"{newest}{end}").exists():
            shutil.copy(f"{newest}{end}", to / f"found.db{end}")
    return to / "found.db"


TAKES_THE_LOCK = """
import fcntl, sys
with open(sys.argv[1], "r+b") as file:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 128)
    except OSError:
        print("held")
"""
"""Whether somebody has this database open, as SQLite asks before it empties the journal's index: byte 128 of it is locked then."""


def test_following_the_journal_takes_no_lock_from_the_server(tmp_path: Path) -> None:
    path = tmp_path / "ward.db"
    with contextlib.closing(SqliteStore(path)) as store:
        replica = Replica(path, tmp_path / "second")
        for _ in range(3):
            store.write([lambda tx: tx.touch()])
            replica.follow()
            asked = subprocess.run([sys.executable, "-c", TAKES_THE_LOCK, f"{path}-shm"], capture_output=True, text=True, timeout=60)
            assert (asked.stdout.strip(), asked.stderr) == ("held", ""), "another program would take itself for the first one"


@pytest.mark.parametrize("seed", range(4))
def test_after_every_look_the_copy_is_the_database(seed: int, tmp_path: Path, brief: None) -> None:
    """Bursts of commits, a reader that holds an old state, other programs that empty the journal, a server that starts again."""
    chance = random.Random(seed)
    path, folder = tmp_path / "ward.db", tmp_path / "second"
    store = SqliteStore(path)
    store.keep_journal()
    following, number = Replica(path, folder), 0
    reader: sqlite3.Connection | None = None
    for _ in range(120):
        for _ in range(chance.randrange(4)):
            number += 1
            tell(store, number, body="x" * chance.randrange(9000))
        what = chance.random()
        if what < 0.03:
            with contextlib.closing(sqlite3.connect(path, timeout=0)) as other:
                other.execute(f"pragma wal_checkpoint({chance.choice(('passive', 'restart', 'truncate'))})")
        elif what < 0.06 and reader is None:
            reader = sqlite3.connect(path, isolation_level=None)
            reader.execute("begin")
            reader.execute("select count(*) from events").fetchone()
        elif what < 0.12 and reader is not None:
            reader.close()
            reader = None
        elif what < 0.14:
            store.close()
            store = SqliteStore(path)
            store.keep_journal()
            following = Replica(path, folder)
        following.follow()
        assert told(taken_away(path, folder, tmp_path / "found")) == number
    store.close()
    assert len(copies_of(path, folder)) == 1


def test_a_quiet_hall_copies_its_database_once(tmp_path: Path, brief: None) -> None:
    store = SqliteStore(tmp_path / "ward.db")
    store.keep_journal()
    following = Replica(tmp_path / "ward.db", tmp_path / "second")
    first: list[Path] = []
    for number in range(1, 200):
        tell(store, number, body="x" * 3000)
        following.follow()
        first = first or copies_of(tmp_path / "ward.db", tmp_path / "second")
    assert copies_of(tmp_path / "ward.db", tmp_path / "second") == first, "many journals have come and gone meanwhile"
    store.close()
    assert told(taken_away(tmp_path / "ward.db", tmp_path / "second", tmp_path / "found")) == 199


def test_a_second_disk_that_is_gone_is_told_and_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "AGAIN_S", 0.1)
    store = SqliteStore(tmp_path / "ward.db")
    store.keep_journal()
    tell(store, 1)
    (tmp_path / "second").write_text("no folder can be here")
    keeping = Copying(Replica(tmp_path / "ward.db", tmp_path / "second"), lambda f, *a: f(*a), time.sleep)
    assert keeping.age_s == float("inf")
    thread = threading.Thread(target=keeping.run)
    thread.start()
    until(lambda: keeping._failed)
    (tmp_path / "second").unlink()
    until(lambda: keeping.age_s < 1)
    tell(store, 2)
    keeping.stop()
    thread.join()
    assert told(taken_away(tmp_path / "ward.db", tmp_path / "second", tmp_path / "found")) == 2
    store.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path, OPEN, *MORNING, "--replica", str(tmp_path / "second")) as server:
        yield server


def test_the_disk_dies_and_the_hall_goes_on_from_the_second_one_having_lost_at_most_a_second(served: Server, tmp_path: Path) -> None:
    kiosk = served.device("k1")
    given: list[tuple[float, str]] = []
    until(lambda: copies_of(served.database, tmp_path / "second"))

    def copied() -> float | None:
        """Until when everything is in the copy, as the server says; None while a busy machine has come to no look in the last second."""
        asked = time.monotonic()
        told = requests.get(f"{served.url}/metrics", timeout=60).text
        age = float(next(line.split()[1] for line in told.splitlines() if line.startswith("moiso_copy_age_seconds ")))
        return asked - age if age < 1 else None

    until(copied)
    end = time.monotonic() + 3
    while time.monotonic() < end or (promised_until := copied()) is None or not any(at < promised_until for at, _ in given):
        code = kiosk.post("/sites/open/tickets", {"service": "A"}, expect=201)["code"]
        given.append((time.monotonic(), code))
    served.kill()
    for path in tmp_path.glob("office.db*"):
        path.unlink()
    restored = moiso("restore", str(tmp_path / "second"), "--db", served.db)
    assert restored.returncode == 0, restored.stderr
    served.start()
    story = served.staff("ha", "inspector").get("/sites/open/days/2026-11-20/events")["events"]
    kept = sum(each["kind"] == "TicketIssued" for each in story)
    promised = sum(at < promised_until for at, _ in given)
    assert promised <= kept <= len(given) and promised > 0
    assert kiosk.post("/sites/open/tickets", {"service": "A"}, expect=201)["code"] == f"A{kept + 1:03}"


def test_a_stopped_server_leaves_a_copy_that_lacks_nothing(served: Server, tmp_path: Path) -> None:
    kiosk = served.device("k1")
    until(lambda: copies_of(served.database, tmp_path / "second"))
    for _ in range(5):
        kiosk.post("/sites/open/tickets", {"service": "B"}, expect=201)
    served.stop()
    assert told_of(taken_away(served.database, tmp_path / "second", tmp_path / "found")) == told_of(served.database)


def told_of(path: Path) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(path)) as db:
        return db.execute("select site, day, seq, kind, body from events order by 1, 2, 3").fetchall()
