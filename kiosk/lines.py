"""A file of JSON lines that one program keeps: what `append` has taken survives a power cut, and a line that the cut tore is no line."""

from __future__ import annotations

import errno
import json
import logging
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

log = logging.getLogger("moiso.lines")


class InUse(Exception):
    """Another program keeps this file."""


class Lines:
    """The lines of one file, between `open` and `close`. `count` is how many have been written to it since it was last written anew."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._lock = FileLock(f"{path}.lock")
        self._file: FileIO | None = None
        self._length: int | None = None
        """Of what has been taken, in bytes; None: of all that was found. What stands behind it was refused, and counts for nothing."""
        self._torn = True
        """Whether the last line may lack its end, or be followed by something that was refused."""

    def open(self) -> None:
        """Nobody else may have it from now on. Raises InUse, or OSError when the folder cannot be used."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise InUse(self.path) from None

    def close(self) -> None:
        """Let go of the file; another program may have it."""
        self._let_go()
        self._lock.release()

    def read(self, take: Callable[[Any], None]) -> None:
        """Hand each line to `take`; one that is torn, or that it does not understand (ValueError, KeyError, TypeError), is skipped."""
        for raw in self.path.read_bytes().splitlines() if self.path.exists() else []:
            try:
                if raw:
                    take(json.loads(raw))
            except (ValueError, KeyError, TypeError):
                log.warning("A torn line of %s was skipped.", self.path)

    def begin(self, lines: Iterable[Any]) -> bool:
        """`write_anew`, but for a disk that is full: then False, as one that filled up later must not keep a kiosk from starting. A
        folder that cannot be used is told to whoever installs it: raises OSError."""
        try:
            self.write_anew(lines)
        except OSError as reason:
            if reason.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            return False
        return True

    def append(self, line: Any) -> None:
        """On the disk when this returns. Raises OSError, and then it is not there; if it could not even be taken back, nothing is taken
        until it could: whoever opens the file would find a line that its writer was told had failed."""
        if self._file is None:
            self._file = self.path.open("ab", buffering=0)
        if self._length is None:
            self._length = os.fstat(self._file.fileno()).st_size
        raw = _raw(line)
        if self._torn:
            self._file.truncate(self._length)
            # Another program's line that a power cut tore must not swallow this one.
            raw = b"\n" + raw
        self._torn = True
        try:
            if self._file.write(raw) != len(raw):
                raise OSError("the disk took only a part of the line")
            os.fsync(self._file.fileno())
        except OSError:
            # At once, and not with the next line only: this may be the last one before the program ends, or the power.
            with suppress(OSError):
                self._file.truncate(self._length)
                os.fsync(self._file.fileno())
            raise
        self._length += len(raw)
        self._torn = False
        self.count += 1

    def write_anew(self, lines: Iterable[Any]) -> None:
        """Put these in the place of all: a cut leaves the old file or the new one, whole. Raises OSError; then the old one goes on."""
        fresh, raws = self.path.with_name(self.path.name + ".new"), [_raw(line) for line in lines]
        try:
            with fresh.open("wb") as file:
                file.writelines(raws)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            # Half of it would take the room in which the old one goes on.
            with suppress(OSError):
                fresh.unlink(missing_ok=True)
            raise
        self._let_go()  # Windows replaces no file that is open
        fresh.replace(self.path)
        self.count, self._length, self._torn = len(raws), sum(map(len, raws)), False
        if os.name == "posix":  # the name itself is on disk only when its folder is
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def _let_go(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _raw(line: Any) -> bytes:
    return json.dumps(line, ensure_ascii=False).encode() + b"\n"
