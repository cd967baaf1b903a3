"""The disk fills up: numbers go on from what was kept for that hour, staff are told, and all is well again once there is room."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from databases import Postgres
from door import Door, failing
from outside import Outside
from running import MORNING, OPEN, Server, moiso, until

from server import machine
from server.core.alarms import Storage
from server.store import Broken, Full, Unavailable
from server.store.ballast import MEGABYTE, NEEDED, Ballast, beside
from server.store.copies import make
from server.store.postgres import PostgresStore
from server.store.replica import Replica
from server.store.sqlite import SqliteStore

SMALL = 64 * 1024


class Disk:
    """A folder whose free room is set by hand."""

    def __init__(self, folder: Path) -> None:
        self.free: int | None = 10 * SMALL
        self.ballast = Ballast(folder / "ward.db", SMALL, lambda folder: self.free)

    def tend(self, free: int | None) -> bool:
        """Whether there is a ballast when so much was free before."""
        self.free = free
        self.ballast.tend()
        return self.ballast.path.exists()


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path)


def test_the_ballast_really_takes_its_room_and_says_what_it_is(disk: Disk) -> None:
    assert disk.tend(2 * SMALL) and disk.ballast.low_since_s is None
    made = disk.ballast.path.stat()
    assert made.st_size == SMALL and made.st_blocks * 512 >= SMALL
    assert disk.ballast.path.name == "ward.db-ballast" and "chỗ trên đĩa" in disk.ballast.path.read_text(encoding="utf-8").splitlines()[0]


def test_a_disk_that_is_nearly_full_already_is_left_what_it_has_and_staff_hear_of_it(disk: Disk) -> None:
    assert not disk.tend(2 * SMALL - 1) and disk.ballast.low_since_s is not None
    since = disk.ballast.low_since_s
    assert not disk.tend(None) and disk.ballast.low_since_s == since
    assert disk.tend(2 * SMALL) and disk.ballast.low_since_s is None


def test_it_is_given_away_once_and_made_again_when_there_is_room(disk: Disk) -> None:
    disk.tend(10 * SMALL)
    assert disk.ballast.release() and not disk.ballast.path.exists() and disk.ballast.low_since_s is not None
    assert not disk.ballast.release()
    assert not disk.tend(SMALL)
    assert disk.tend(3 * SMALL) and disk.ballast.low_since_s is None


def test_one_that_a_power_cut_left_half_made_is_made_anew_and_one_that_nobody_wants_goes(disk: Disk) -> None:
    disk.ballast.path.write_bytes(b"half")
    assert disk.tend(10 * SMALL) and disk.ballast.path.stat().st_size == SMALL
    disk.ballast.size = 0
    assert not disk.tend(10 * SMALL) and disk.ballast.low_since_s is None


def test_where_it_cannot_be_made_the_office_goes_on_without(disk: Disk) -> None:
    disk.ballast.path.mkdir()
    disk.tend(10 * SMALL)
    assert disk.ballast.low_since_s is None and not disk.ballast.release()


def test_a_server_that_starts_on_a_full_disk_makes_room_first(disk: Disk) -> None:
    disk.tend(10 * SMALL)
    for free, there in ((NEEDED, True), (None, True), (NEEDED - 1, False)):
        disk.free = free
        disk.ballast.make_way()
        assert disk.ballast.path.exists() is there


# -- what is refused, and what staff are told --------------------------------------------------------------------------------------


def test_a_number_that_finds_the_disk_full_is_refused_until_there_is_room_and_nobody_has_to_press(tmp_path: Path) -> None:
    with Door(tmp_path) as door:
        pages = door.store._writer.conn
        door.issue()
        pages.execute(f"pragma max_page_count = {pages.execute('pragma page_count').fetchone()[0]}")
        with pytest.raises(Full):
            while True:
                door.issue()
        told = door.ledger.trouble
        assert told is not None and told.what is Storage.FULL
        codes = door.codes()
        pages.execute("pragma max_page_count = 100000")
        door.ledger.try_again()
        assert door.ledger.trouble is None
        door.issue()
        assert door.codes()[:-1] == codes


def test_the_ballast_is_given_for_the_first_number_that_finds_no_room(tmp_path: Path) -> None:
    with Door(tmp_path) as door:
        door.store.ballast = Ballast(door.store.path, SMALL)
        door.store.tend()
        pages = door.store._writer.conn
        pages.execute(f"pragma max_page_count = {pages.execute('pragma page_count').fetchone()[0]}")
        # This disk is full whatever is given away: it is given, and tried once more.
        with pytest.raises(Full):
            while True:
                door.issue()
        assert not door.store.ballast.path.exists()


def test_a_broken_disk_stays_so_until_the_server_is_started_anew(tmp_path: Path) -> None:
    def fail() -> None:
        raise Broken("no flush")

    with Door(tmp_path) as door:
        door.store.before.append(fail)
        for _ in range(2):
            with pytest.raises(Broken):
                door.issue()
        door.ledger.try_again()
        told = door.ledger.trouble
        assert told is not None and told.what is Storage.BROKEN


def test_probes_do_not_use_up_the_disk_they_ask_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Door(tmp_path) as door:
        monkeypatch.setattr("server.ledger.PROVEN_S", 600.0)
        door.issue()
        stored = len(door.store.batches)
        for _ in range(20):
            door.ledger.ready()
        assert len(door.store.batches) == stored, "the number has shown it"

        door.store.before.append(failing(Full("no room")))
        with pytest.raises(Full):
            door.issue()
        tried = len(door.store.batches)
        for _ in range(20):
            with pytest.raises(Unavailable):
                door.ledger.ready()
        assert len(door.store.batches) == tried

        monkeypatch.setattr("server.ledger.PROVEN_S", 0.0)
        door.ledger.ready()
        assert len(door.store.batches) == tried + 1 and door.ledger.trouble is None


def test_no_copy_of_the_database_has_the_ballast_in_it(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "ward.db")) as store:
        store.ballast = Ballast(store.path, MEGABYTE)
        store.tend()
        copies, second = tmp_path / "backups", tmp_path / "second"
        copies.mkdir()
        made = make(store.path, copies / "ward-2026.db")
        Replica(store.path, second).follow()
        assert made.size < MEGABYTE
        assert sum(file.stat().st_size for folder in (copies, second) for file in folder.iterdir()) < MEGABYTE
    assert {path.name for path in (*copies.iterdir(), *second.iterdir()) if "ballast" in path.name} == set()


def test_the_morning_check_says_when_there_is_no_room_to_keep(tmp_path: Path) -> None:
    database = tmp_path / "ward.db"
    # Enough is free here, and no server has been started yet: nothing to say.
    assert machine.spare(database) == []
    beside(database).touch()
    assert [(found.name, found.state.value) for found in machine.spare(database)] == [("ballast", "good")]


# -- a real disk of sixteen megabytes --------------------------------------------------------------------------------------------------


@contextmanager
def disk_of(megabytes: int, folder: Path) -> Iterator[Path]:
    options = ["-t", "tmpfs", "-o", f"size={megabytes}m"]
    mounted = subprocess.run(["mount", *options, "moiso", str(folder)], capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a disk of {megabytes} megabytes cannot be had here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    with disk_of(16, folder):
        yield folder


def fill(path: Path) -> None:
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass


def storage(told: list[dict[str, Any]]) -> list[str]:
    return [alarm["words"] for alarm in told if alarm["kind"] == "storage"]


def test_numbers_go_on_being_given_and_called_after_the_disk_filled_up(tmp_path: Path, small_disk: Path) -> None:
    server = Server(small_disk, OPEN, *MORNING, "--ballast", "4")
    server.log = tmp_path / "server.log"
    server.start()
    try:
        office = Outside(server)
        ballast = beside(server.database)
        assert ballast.stat().st_size == 4 * MEGABYTE
        office.open("1")
        assert storage(office["binh"].get("/sites/open/floor")["alarms"]) == []

        fill(small_disk / "videos")
        codes = [office.take()["code"] for _ in range(60)]
        assert office.call("1")["code"] == "A001"
        assert not ballast.exists()
        low = ["Đĩa của máy chủ sắp hết chỗ"]
        assert storage(office["binh"].get("/sites/open/floor")["alarms"]) == low
        assert storage(office["lan"].get("/sites/open/counters/1/console")["devices"]["alerts"]) == low

        # Nobody looks, and the rest fills up as well.
        fill(small_disk / "more videos")

        def press() -> bool:
            """Take a number; whether it was refused."""
            answer = office["k1"].send("POST", "/sites/open/tickets", {"service": "A"})
            if answer.status_code == 201:
                codes.append(answer.json()["code"])
                return False
            assert answer.status_code == 503 and answer.json()["error"]["code"] == "storage_unavailable"
            return True

        full = ["Đĩa của máy chủ đã đầy, không cấp và gọi số được"]
        # Who looks each second whether there is room again writes less than a number is, and may find it: then the next press tells.
        until(lambda: press() and storage(office["binh"].get("/sites/open/floor")["alarms"]) == full)
        assert office["nobody"].get("/sites/open/halls/main/board")["waiting"][0]["next"][0] == "A002"

        # Room is made, and nobody presses anything.
        for file in small_disk.glob("*videos"):
            file.unlink()
        until(lambda: storage(office["binh"].get("/sites/open/floor")["alarms"]) == [])
        # It is there before it has its size; the power must not go in between.
        until(lambda: ballast.exists() and ballast.stat().st_size == 4 * MEGABYTE)
        codes.append(office.take()["code"])
        assert codes == [f"A{number:03}" for number in range(1, len(codes) + 1)]

        # A machine that is started on a full disk starts.
        server.kill()
        fill(small_disk / "videos")
        server.start()
        assert not ballast.exists()
        codes.append(office.take()["code"])
        assert len(set(codes)) == len(codes)
    finally:
        server.stop()


def test_what_is_logged_before_a_server_begins_is_no_part_of_what_it_says(tmp_path: Path, small_disk: Path) -> None:
    with closing(SqliteStore(small_disk / "ward.db")) as store:
        store.ballast = Ballast(store.path, 4 * MEGABYTE)
        store.tend()
    fill(small_disk / "videos")
    # There is no office in it: the server ends before it would say where it is.
    words = ("serve", "--json", "--db", f"sqlite:///{small_disk / 'ward.db'}", "--ballast", "4", "--port", "0")
    told = moiso(*words)
    assert told.stdout == "" and json.loads(told.stderr.splitlines()[0])["event"] == "ballast_released", (told.stdout, told.stderr)

    # And once more, with nothing left to give away.
    fill(small_disk / "more videos")
    told = moiso(*words)
    assert told.returncode == 1 and told.stderr.count("\n") == 1, told.stderr
    assert "The disk of the database" in told.stderr and "is full: remove" in told.stderr and "I/O" not in told.stderr, told.stderr


@pytest.fixture
def small_database() -> Iterator[tuple[Postgres, Path]]:
    """A database server on a disk of its own, and that disk. Not in the test's folder, which is closed to the server's user."""
    with tempfile.TemporaryDirectory(prefix="moiso-disk-") as folder, disk_of(128, Path(folder)) as disk:
        server = Postgres(disk).start()
        try:
            yield server, disk
        finally:
            server.remove()


def test_the_alarm_of_a_database_server_whose_disk_is_full_lasts_until_there_is_room(small_database: tuple[Postgres, Path]) -> None:
    server, disk = small_database
    with Door(server.url("postgres")) as door:
        door.issue()
        fill(disk / "videos")
        with pytest.raises(Full):
            while True:
                door.issue()
        codes = door.codes()
        for _ in range(3):
            told = door.ledger.trouble
            assert told is not None and told.what is Storage.FULL
            with pytest.raises(Full):
                door.ledger.try_again()
        (disk / "videos").unlink()
        door.ledger.try_again()
        assert door.ledger.trouble is None
        door.issue()
        assert door.codes()[:-1] == codes


def test_asking_a_database_server_for_room_leaves_nothing_behind(postgres: Postgres) -> None:
    with closing(PostgresStore(postgres.fresh())) as store:
        for _ in range(3):
            store.write([lambda tx: tx.touch()])
        changed = store.write([lambda tx: tx.touch(), lambda tx: tx._run("select pg_current_xact_id_if_assigned()").fetchone()])
        assert changed[1] == (None,), "nothing in its journal"
        assert store._rows("select count(*) from pg_ls_tmpdir()") == [(0,)]
