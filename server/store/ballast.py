"""Room for the hour in which the disk fills up: a file beside the database that takes it now and can be given away then.

A disk is filled by others: logs, copies, videos. The first number that it does not take any more has the ballast given away and is written
into its place; with 64 MB a busy office goes on for days, while staff read on their screens what is to be removed.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import structlog

log = structlog.get_logger("ballast")

MEGABYTE = 2**20
SIZE = 64 * MEGABYTE
NEEDED = MEGABYTE
"""With less than this a server does not begin: SQLite's index of the journal and what is to be migrated."""
AGAIN_S = 60.0
"""A file that could not be made is not tried again each second."""
NOTE = (
    "Mời Số để dành chỗ trên đĩa bằng tệp này. Khi đĩa đầy, chương trình tự xóa tệp để còn cấp và gọi số; có chỗ thì tạo lại.\n"
    "This file only keeps room on the disk, so that numbers can still be given when it is full. It holds nothing and need not be copied.\n"
).encode()


def beside(database: Path) -> Path:
    return database.with_name(f"{database.name}-ballast")


def free(folder: Path) -> int | None:
    """Bytes that may still be written there; None where nobody knows."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


class Ballast:
    """The ballast of one database, of `size` bytes; of 0 there is none. Not locked: whoever gives it away while it is being made has the
    room when it is."""

    def __init__(self, database: Path, size: int = SIZE, free: Callable[[Path], int | None] = free) -> None:
        self.path, self.size, self._free = beside(database), size, free
        self.low_since_s: float | None = None
        """Since when there is neither ballast nor room for it."""
        self._not_before_s = 0.0

    def make_way(self) -> None:
        """Give it away if a database could not even be opened."""
        found = self._free(self.path.parent)
        if found is not None and found < NEEDED:
            self.release()

    def tend(self) -> None:
        """Make it where it is missing and as much again stays free. About once a second; blocks, the first time until the disk has given
        so much."""
        if not self.size:
            with suppress(OSError):
                self.path.unlink(missing_ok=True)
            return
        if self._is_there():
            self._tell(low=False)
            return
        found = self._free(self.path.parent)
        if found is None:
            return
        room = found >= 2 * self.size
        if room and time.monotonic() >= self._not_before_s:
            self._make()
        self._tell(low=not room)

    def release(self) -> bool:
        """Give the room away; False when there is none to give."""
        try:
            # Whoever reads the file, as a copy of the whole disk does, would hold the room of one that only lost its name.
            os.truncate(self.path, 0)
            self.path.unlink()
        except OSError:
            return False
        self._tell(low=True)
        if os.name == "posix":
            # Some file systems give room back with their next flush only.
            with suppress(OSError):
                folder = os.open(self.path.parent, os.O_RDONLY)
                try:
                    os.fsync(folder)
                finally:
                    os.close(folder)
        log.critical("ballast_released", path=str(self.path), bytes=self.size)
        return True

    def _tell(self, *, low: bool) -> None:
        self.low_since_s = (self.low_since_s or time.monotonic()) if low else None

    def _is_there(self) -> bool:
        try:
            return self.path.stat().st_size == self.size
        except OSError:
            return False

    def _make(self) -> None:
        try:
            with self.path.open("wb") as file:
                self.path.chmod(0o600)
                file.write(NOTE)
                file.flush()
                _take(file, self.size)
        except OSError as reason:
            # A disk that cannot: the office goes on without.
            log.warning("no_ballast", path=str(self.path), error=str(reason))
            self._not_before_s = time.monotonic() + AGAIN_S
            with suppress(OSError):
                self.path.unlink(missing_ok=True)


def _take(file: BinaryIO, size: int) -> None:
    """Make the file so long that its bytes really are on the disk."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
        return
    while file.tell() < size:
        file.write(bytes(min(MEGABYTE, size - file.tell())))
