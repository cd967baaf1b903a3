"""What an agent has begun and ended, on disk: so that a ticket is not printed twice, nor a call said twice, by one that was restarted.

One line per step (`kiosk.lines`), on the disk before the step's effect: "started" is written before printing, so a torn one means that
nothing was printed.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kiosk.lines import InUse, Lines

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
        self._lines = Lines(path)
        self._entries: dict[str, Entry] = {}
        self.interrupted = False
        """Whether the agent before this one stopped while it printed."""
        try:
            self._lines.open()
            self._lines.read(self._remember)
            if not self._lines.begin(self._newest()):
                log.error("The disk is full: the journal %s is not kept; a restart now could print a ticket twice.", path)
        except InUse:
            raise JournalError(f"Another agent uses {path}; stop it, or give this one its own --journal.") from None
        except OSError as reason:
            self._lines.close()
            words = reason.strerror or reason
            raise JournalError(f"The journal {path} cannot be written ({words}); choose another with --journal.") from None

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; another agent may use it."""
        self._lines.close()

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
            self._lines.append(_line(moment, entry, state))
            # Not while one is begun: written anew, all of them look ended.
            if state == "ended" and len(self._entries) > 2 * KEPT:
                self._lines.write_anew(self._newest())
        except OSError as reason:
            # A full disk must not stop the paper: a second copy of one number is the smaller harm.
            log.error("The journal %s cannot be written (%s); a restart now could repeat a ticket or a call.", self.path, reason)

    def _remember(self, line: dict[str, Any]) -> None:
        self._entries[line["id"]] = Entry(line["ok"], line["detail"])
        self.interrupted = line["state"] == "started"

    def _newest(self) -> list[dict[str, Any]]:
        self._entries = dict(list(self._entries.items())[-KEPT:])
        return [_line(moment, entry) for moment, entry in self._entries.items()]


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


def _line(moment: str, entry: Entry, state: str = "ended") -> dict[str, Any]:
    return {"id": moment, "state": state, "ok": entry.ok, "detail": entry.detail}
