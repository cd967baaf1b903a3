"""A copy on a second disk that is never more than a second behind.

It is the file of the database as it was at some moment, and beside it SQLite's own journal (WAL) as it has grown since, byte for byte:
whoever opens the copy has the database. The journal grows only; when it is long, it is brought into the file here and into the copy
there, and a new one begins. Nobody else may do that meanwhile (`SqliteStore.keep_journal`); if somebody does, as a command line at its end
may, that is seen by the journal's number, and the copy begins anew.

The journal's format: https://www.sqlite.org/walformat.html
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import struct
import time
from dataclasses import dataclass
from pathlib import Path

from server.store.copies import copy_pages, fresh_beside, settle

LONG = 1000
"""Frames: a journal of 4 MB is brought into the file."""
TURN_BUSY_S = 0.2
ATTEMPTS = 5
NEVER_WRITTEN = (b"", bytes(8))
_HEADER = 32
_FRAME = 24


class ReplicaFailed(Exception):
    """The copy cannot be kept now; the text is for staff. The database itself is not touched by that."""


@dataclass(frozen=True, slots=True)
class Journal:
    """The journal as everybody who writes it knows it: `frames` that are committed, of `page` bytes; `salts` name it, `number` counts."""

    frames: int
    page: int
    salts: bytes

    def end(self, frames: int) -> int:
        """Where so many frames end in the file."""
        return _HEADER + frames * (_FRAME + self.page) if frames else 0


class Replica:
    """The copy of one database in `folder`. Not for two threads at once; every call may wait for both disks."""

    def __init__(self, database: Path, folder: Path) -> None:
        self.database, self.folder = database, folder
        self._copy: Path | None = None
        self._salts = b""
        self._frames = 0
        self._number = 0
        self._turned = False
        self._index: int | None = None

    def follow(self) -> None:
        """Bring the copy up to date. Raises ReplicaFailed; the next call begins anew then."""
        try:
            if self._copy is None or not self._copy.exists():
                self._begin()
            if not self._catch_up():
                self._begin()
                self._catch_up()
            if self._frames >= LONG:
                self._turn()
        except (OSError, sqlite3.Error) as problem:
            self._copy = None
            raise ReplicaFailed(f"The copy in {self.folder} cannot be kept: {problem}.") from problem

    def begin_anew(self) -> None:
        """Follow no further: the next look copies all of the database, and the copy before goes with whatever it still held."""
        self._copy = None

    def _begin(self) -> None:
        """Copy all of the database. The copy before stands until this one is complete."""
        self.folder.mkdir(parents=True, exist_ok=True)
        target = self.folder / f"{self.database.stem}-{time.time_ns()}.db"
        for _ in range(ATTEMPTS):
            before = self._journal()
            with fresh_beside(target) as fresh:
                copy_pages(self.database, fresh)
                with contextlib.closing(sqlite3.connect(fresh)) as db:
                    db.execute("pragma journal_mode = wal")
                settle(fresh, target)
            if self._journal().salts != before.salts:
                # Begun anew while the file was copied: what stood in the journal may be in neither.
                target.unlink(missing_ok=True)
                continue
            self._copy, self._salts, self._frames, self._turned = target, before.salts, 0, False
            self._number = self._number_of(before) if before.frames else 0
            if self._catch_up():
                break
        else:
            raise OSError("the journal is emptied by another program again and again")
        for other in copies_of(self.database, self.folder):
            if other != target:
                for end in ("-wal", "-shm", ""):
                    Path(f"{other}{end}").unlink(missing_ok=True)

    def _catch_up(self) -> bool:
        """Append what the journal has grown by; whether it is still the one that is being followed."""
        now = self._journal()
        if now.salts != self._salts:
            if not now.frames:
                # A new journal has been begun in memory and holds nothing yet.
                return self._turned or self._frames == 0
            number = self._number_of(now)
            # The next one after ours, or the first there ever was: of any other we may have missed what was before it.
            if not (self._turned and number == self._number + 1) and not (self._frames == 0 and self._salts in NEVER_WRITTEN):
                return False
            self._salts, self._number, self._frames, self._turned = now.salts, number, 0, False
        elif now.frames and not self._number:
            self._number = self._number_of(now)
        if now.frames > self._frames:
            if self._turned:
                # Somebody reads an old state, and the journal could not begin anew.
                return False
            return self._append(now, now.frames)
        return True

    def _append(self, journal: Journal, frames: int) -> bool:
        assert self._copy is not None
        begin, end = journal.end(self._frames), journal.end(frames)
        with Path(f"{self.database}-wal").open("rb") as file:
            file.seek(begin)
            data = file.read(end - begin)
        if len(data) != end - begin or self._journal().salts != journal.salts:
            # It has been begun anew while it was being read: these may be bytes of both.
            return False
        handle = os.open(f"{self._copy}-wal", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.pwrite(handle, data, begin)
            os.fsync(handle)
        finally:
            os.close(handle)
        self._frames = frames
        return True

    def _turn(self) -> None:
        """Bring the journal into the file, here and in the copy; the next write begins a new one."""
        with contextlib.closing(sqlite3.connect(self.database, timeout=TURN_BUSY_S, isolation_level=None)) as db:
            busy, frames, _ = db.execute("pragma wal_checkpoint(restart)").fetchone()
        if busy:
            return
        now = self._journal()
        if frames > self._frames and not (now.salts == self._salts and self._append(now, frames)):
            # Written between our last look and the checkpoint, and overwritten already.
            self._copy = None
            return
        with contextlib.closing(sqlite3.connect(self._copy or "", isolation_level=None)) as db:
            db.execute("pragma wal_checkpoint(truncate)")
        self._turned = True

    def _journal(self) -> Journal:
        """What the journal's index in memory says. It is kept twice; while somebody writes it, the two differ."""
        for _ in range(1000):
            try:
                kept = self._read_index(2 * 48)
            except FileNotFoundError:
                return Journal(0, 4096, b"")
            first, second = kept[:48], kept[48:]
            if len(second) == 48 and first == second and first[12]:
                page, frames = struct.unpack_from("=HI", first, 14)
                return Journal(frames, 65536 if page == 1 else page, first[32:40])
            time.sleep(0.001)
        raise OSError("the journal's index does not come to rest")

    def _read_index(self, size: int) -> bytes:
        """Its first bytes, by a handle that is never closed while this process lives: closing one takes all locks on the file from the
        whole process, SQLite's own ones with them, and the next program to come would empty the index under whoever writes
        (https://www.sqlite.org/howtocorrupt.html, section 2.2)."""
        path = Path(f"{self.database}-shm")
        found = path.stat()
        if self._index is None or not os.path.samestat(os.fstat(self._index), found):
            self._index = os.open(path, os.O_RDONLY)
        return os.pread(self._index, size, 0)

    def _number_of(self, journal: Journal) -> int:
        """How many journals there have been before: each one is the next."""
        with Path(f"{self.database}-wal").open("rb") as file:
            header = file.read(_HEADER)
        if header[16:24] != journal.salts:
            return -1
        number: int = struct.unpack_from(">I", header, 12)[0]
        return number


def copies_of(database: Path, folder: Path) -> list[Path]:
    """The complete copies in a folder, the newest last."""
    return sorted(folder.glob(f"{database.stem}-*.db"))
