"""What a kiosk that is cut off has given, on disk: so that no number is given twice and none is forgotten.

One JSON line per step, flushed to the disk before anybody sees its effect: a line that a power cut tore is no line, and its number was
neither shown nor printed. Unlike the journal of the paper, a notebook that cannot be written stops the giving.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from io import FileIO
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

log = logging.getLogger("moiso.notebook")

KEPT = timedelta(days=2)
"""How long what has been brought in is remembered, by the days of the numbers."""
MOST_LINES = 2000
"""Longer than this the file is written anew when it is opened or a lease comes."""


class NotebookError(OSError):
    """The notebook cannot be used; the text is one sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Given:
    """One number given on its own. `key` is that of the touch; `state` is `waiting` until the server has answered with `merged` or
    `refused`; `answer` is then the code of the ticket, or why not. Instants are ISO 8601."""

    key: str
    day: str
    service: str
    number: int
    code: str
    taken_at: str
    queue_time: str
    version: int
    lang: str = "vi"
    priority: str | None = None
    state: str = "waiting"
    answer: str = ""


class Notebook:
    """The notebook of one agent. Use as a context manager; a second agent on the same file is refused.

    `holder` names it to the server, `lease` is the last one received with where the clock stood then (`Alone`), `given` all numbers by key
    in the order of taking.
    """

    def __init__(self, path: Path) -> None:
        """Read what is there. Raises NotebookError."""
        self.path = path
        self.holder = ""
        self.lease: dict[str, Any] | None = None
        self.given: dict[str, Given] = {}
        self._lines, self._torn = 0, False
        self._lock = FileLock(f"{path}.lock")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
            self._read()
            self.holder = self.holder or secrets.token_hex(8)
            self._file = self._rewritten()
        except Timeout:
            raise NotebookError(f"Another print agent uses {path}; stop it, or give this one its own --notebook.") from None
        except OSError as reason:
            self._lock.release()
            words = reason.strerror or reason
            raise NotebookError(f"The notebook {path} cannot be written ({words}); choose another with --notebook.") from None

    def __enter__(self) -> Notebook:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()
        self._lock.release()

    def lend(self, lease: dict[str, Any]) -> None:
        """A lease has come. Raises OSError, and then the one before still holds."""
        if self._lines > MOST_LINES:
            self._file.close()
            self._file = self._rewritten()
        self._write({"lease": lease})
        self.lease = lease

    def give(self, given: Given) -> None:
        """A number is about to be shown and printed. Raises OSError: then it must not be."""
        self._write({"given": asdict(given)})
        self.given[given.key] = given

    def end(self, key: str, state: str, answer: str) -> None:
        """The server has answered. A disk that does not take it costs one more question, which the server answers alike."""
        self.given[key] = replace(self.given[key], state=state, answer=answer)
        try:
            self._write({"given": asdict(self.given[key])})
        except OSError as reason:
            log.error("The notebook %s cannot be written (%s).", self.path, reason)

    def _write(self, line: dict[str, Any]) -> None:
        # A line that failed halfway must not swallow the one after it.
        raw = (b"\n" if self._torn else b"") + _line(line)
        self._torn = True
        if self._file.write(raw) != len(raw):
            raise OSError("the disk took only a part of the line")
        os.fsync(self._file.fileno())
        self._torn = False
        self._lines += 1

    def _read(self) -> None:
        for raw in self.path.read_bytes().splitlines() if self.path.exists() else []:
            try:
                line = json.loads(raw)
                if "given" in line:
                    given = Given(**line["given"])
                    self.given[given.key] = given
                elif "lease" in line:
                    self.lease = line["lease"]
                else:
                    self.holder = line["holder"]
            except (ValueError, KeyError, TypeError):
                log.warning("A torn line of %s was skipped.", self.path)

    def _rewritten(self) -> FileIO:
        """Write what still matters beside the file and put it in its place: a cut now leaves the old or the new one whole."""
        newest = max((given.day for given in self.given.values()), default="")
        oldest = (date.fromisoformat(newest) - KEPT).isoformat() if newest else ""
        self.given = {key: given for key, given in self.given.items() if given.state != "merged" or given.day >= oldest}
        lines: list[dict[str, Any]] = [{"holder": self.holder}]
        lines += [{"lease": self.lease}] if self.lease else []
        lines += [{"given": asdict(given)} for given in self.given.values()]
        fresh = self.path.with_name(self.path.name + ".new")
        with fresh.open("wb") as file:
            file.writelines(map(_line, lines))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)
        if os.name == "posix":  # the name itself is on disk only when its folder is
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        self._lines = len(lines)
        return self.path.open("ab", buffering=0)


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"
