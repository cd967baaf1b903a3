"""What a kiosk that is cut off has given, on disk: so that no number is given twice and none is forgotten.

One line per step (`kiosk.lines`), on the disk before anybody sees its effect: the number of a line that a power cut tore was neither shown
nor printed. Unlike the journal of the paper, a notebook that cannot be written stops the giving.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from kiosk.lines import InUse, Lines

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
        self._lines = Lines(path)
        try:
            self._lines.open()
            self._lines.read(self._remember)
            self.holder = self.holder or secrets.token_hex(8)
            self._whole = self._lines.begin(self._what_matters())
            if not self._whole:
                # Paper for the numbers of the server matters more than numbers without it.
                log.error("The disk is full: the notebook %s is not kept, and no numbers are given without the server.", path)
        except InUse:
            raise NotebookError(f"Another print agent uses {path}; stop it, or give this one its own --notebook.") from None
        except OSError as reason:
            self._lines.close()
            words = reason.strerror or reason
            raise NotebookError(f"The notebook {path} cannot be written ({words}); choose another with --notebook.") from None

    def __enter__(self) -> Notebook:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._lines.close()

    def lend(self, lease: dict[str, Any]) -> None:
        """A lease has come. Raises OSError, and then the one before still holds."""
        if not self._whole or self._lines.count > MOST_LINES:
            self._lines.write_anew(self._what_matters())
            self._whole = True
        self._lines.append({"lease": lease})
        self.lease = lease

    def give(self, given: Given) -> None:
        """A number is about to be shown and printed. Raises OSError: then it must not be."""
        self._lines.append({"given": asdict(given)})
        self.given[given.key] = given

    def end(self, key: str, state: str, answer: str) -> None:
        """The server has answered. A disk that does not take it costs one more question, which the server answers alike."""
        self.given[key] = replace(self.given[key], state=state, answer=answer)
        try:
            self._lines.append({"given": asdict(self.given[key])})
        except OSError as reason:
            log.error("The notebook %s cannot be written (%s).", self.path, reason)

    def _remember(self, line: dict[str, Any]) -> None:
        if "given" in line:
            given = Given(**line["given"])
            self.given[given.key] = given
        elif "lease" in line:
            self.lease = line["lease"]
        else:
            self.holder = line["holder"]

    def _what_matters(self) -> list[dict[str, Any]]:
        newest = max((given.day for given in self.given.values()), default="")
        oldest = (date.fromisoformat(newest) - KEPT).isoformat() if newest else ""
        self.given = {key: given for key, given in self.given.items() if given.state != "merged" or given.day >= oldest}
        lines: list[dict[str, Any]] = [{"holder": self.holder}]
        lines += [{"lease": self.lease}] if self.lease else []
        return lines + [{"given": asdict(given)} for given in self.given.values()]
