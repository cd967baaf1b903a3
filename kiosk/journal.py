"""What an agent has begun and ended, on disk: so that a ticket is not printed twice, nor a call said twice, by one that was restarted.

One JSON line per step, flushed to the disk before the step's effect. A line that a power cut tore is no line: "started" is
written before printing, so a torn one means that nothing was printed.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import sys
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from filelock import FileLock, Timeout

log = logging.getLogger("moiso.journal")

KEPT = 4000  # tickets; the busiest day of a hall has about 1,500


class JournalError(OSError):
    """The journal cannot be used; the text is one sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Entry:
    """The answer to one moment."""

    ok: bool
    detail: str


BEGUN = Entry(False, "unknown: the print agent stopped while it printed this ticket")
"""What is known of a moment between its beginning and its end: all there is to say if the agent dies in between."""


class Journal:
    """The journal of one agent. Use as a context manager; a second agent on the same file is refused."""

    def __init__(self, path: Path, begun: Entry = BEGUN) -> None:
        """Read what is there and keep the newest KEPT entries; `begun` is the answer to what was never ended. Raises JournalError."""
        self.path = path
        self._begun = begun
        self._lock = FileLock(f"{path}.lock")
        self._torn = False
        self.interrupted = False
        """Whether the agent before this one stopped while it printed."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
            self._entries = self._read()
            self._file = self._opened()
        except Timeout:
            raise JournalError(f"Another agent uses {path}; stop it, or give this one its own --journal.") from None
        except OSError as reason:
            self._lock.release()
            words = reason.strerror or reason
            raise JournalError(f"The journal {path} cannot be written ({words}); choose another with --journal.") from None

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; another agent may use it."""
        self._file.close()
        self._lock.release()

    def get(self, moment: str) -> Entry | None:
        """The answer to a moment; None if it was never begun."""
        return self._entries.get(moment)

    def start(self, moment: str) -> None:
        """The moment is about to be acted on."""
        self._note(moment, self._begun, "started")

    def end(self, moment: str, ok: bool, detail: str) -> None:
        """The moment was acted on, with this answer."""
        self._note(moment, Entry(ok, detail), "ended")

    def _note(self, moment: str, entry: Entry, state: str) -> None:
        self._entries[moment] = entry
        try:
            if len(self._entries) > 2 * KEPT:
                self._file.close()
                self._file = self._rewritten()
                return
            # A line that failed halfway must not swallow the one after it.
            line = (b"\n" if self._torn else b"") + _line(moment, entry, state)
            if self._file.write(line) != len(line):
                raise OSError("the disk took only a part of the line")
            os.fsync(self._file.fileno())
            self._torn = False
        except (OSError, ValueError) as reason:  # ValueError: the rewriting failed and left the file closed
            # A full disk must not stop the paper: a second copy of one number is the smaller harm.
            self._torn = True
            log.error("The journal %s cannot be written (%s); a restart now could repeat a ticket or a call.", self.path, reason)

    def _opened(self) -> FileIO:
        try:
            return self._rewritten()
        except OSError as reason:
            if reason.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            # A folder that cannot be used is told to whoever installs it; a disk that filled up later must not stop the paper.
            log.error("The disk is full: the journal %s is not kept; a restart now could print a ticket twice.", self.path)
            self._torn = True
            return self.path.open("ab", buffering=0)

    def _read(self) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        for raw in self.path.read_bytes().splitlines() if self.path.exists() else []:
            try:
                line = json.loads(raw)
                entries[line["id"]] = Entry(line["ok"], line["detail"])
                self.interrupted = line["state"] == "started"
            except (ValueError, KeyError, TypeError):
                log.warning("A torn line of %s was skipped.", self.path)
        return entries

    def _rewritten(self) -> FileIO:
        """Write the newest entries beside the file and put them in its place: a cut now leaves the old or the new one whole."""
        self._entries = dict(list(self._entries.items())[-KEPT:])
        fresh = self.path.with_name(self.path.name + ".new")
        with fresh.open("wb") as file:
            file.writelines(_line(moment, entry) for moment, entry in self._entries.items())
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)
        if os.name == "posix":  # the name itself is on disk only when its folder is
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        return self.path.open("ab", buffering=0)


def usual_path(what: str, server: str, key: str) -> Path:
    """Where the agent with this key keeps its journal unless it is told otherwise. Two agents on one machine keep two; the key itself is
    not written anywhere."""
    label = hashlib.sha256(f"{server}\0{key}".encode()).hexdigest()[:12]
    return state_folder() / f"{what}-{label}.journal"


def state_folder() -> Path:
    """Where this user's programs keep what they must remember."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "moiso"
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "moiso"


def _line(moment: str, entry: Entry, state: str = "ended") -> bytes:
    return json.dumps({"id": moment, "state": state, "ok": entry.ok, "detail": entry.detail}, ensure_ascii=False).encode() + b"\n"
