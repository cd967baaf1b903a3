"""Where each key of a TOML document stands: `tomllib` gives values without places, and a mistake needs its line.

The scanner is used only on text that `tomllib` has accepted, so it needs no errors of its own; TOML 1.0, https://toml.io/en/v1.0.0.
"""

from __future__ import annotations

import re
import tomllib

Path = tuple[str | int, ...]
"""`("services", 1, "letter")`: list positions count from 0."""

_DEEPEST = 8
"""Longer keys are noted no further: no site document needs them, and a line of a thousand dots must stay cheap."""

_BLANK = re.compile(r"(?:[ \t]|\n|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SHORT_STRING = re.compile(r"'[^'\n]*'|\"(?:\\.|[^\"\\\n])*\"")
_LONG_STRING = re.compile(r"'''.*?'{3,5}|\"\"\"(?:\\.|[^\\])*?\"{3,5}", re.DOTALL)
_PLAIN_VALUE = re.compile(r"[^,\]}#\n]*")


def lines_of(text: str) -> dict[Path, int]:
    """The line (from 1) of every table, key and list item of a document that `tomllib.loads` accepts."""
    return _Scanner(text.replace("\r\n", "\n")).document()


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._counted_to = 0
        self._lines: dict[Path, int] = {}
        self._tables: dict[Path, int] = {}
        """How many tables each `[[list]]` has so far."""

    def document(self) -> dict[Path, int]:
        table: Path = ()
        while self._skip(_BLANK) < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
        return self._lines

    def _skip(self, pattern: re.Pattern[str]) -> int:
        match = pattern.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return self._at

    def _note(self, path: Path) -> None:
        self._line += self._text.count("\n", self._counted_to, self._at)
        self._counted_to = self._at
        self._lines.setdefault(path, self._line)

    def _header(self) -> Path:
        is_list = self._text.startswith("[[", self._at)
        start = self._at
        self._at += 2 if is_list else 1
        parts = self._key()
        path = self._inside(parts[:-1])
        after = self._at + (2 if is_list else 1)
        self._at = start
        for length in range(1, min(len(path), _DEEPEST) + 1):
            self._note(path[:length])
        path = (*path, parts[-1])
        if is_list:
            self._note(path)
            count = self._tables.get(path, 0)
            self._tables[path] = count + 1
            path = (*path, count)
        else:
            path = self._newest(path)
        self._note(path)
        self._at = after
        return path

    def _inside(self, parts: list[str]) -> Path:
        """A header below `[[list]]` means the list's newest table."""
        path: Path = ()
        for part in parts:
            path = self._newest((*path, part))
        return path

    def _newest(self, path: Path) -> Path:
        return (*path, self._tables[path] - 1) if path in self._tables else path

    def _pair(self, table: Path) -> None:
        start = self._at
        parts = self._key()
        after, self._at = self._at, start
        for length in range(1, min(len(parts), _DEEPEST) + 1):
            self._note((*table, *parts[:length]))
        self._at = after + 1
        self._skip(_SPACE)
        self._value((*table, *parts))

    def _key(self) -> list[str]:
        """A key, dotted or not; stops at the `=` or `]` behind it."""
        parts: list[str] = []
        while True:
            self._skip(_SPACE)
            start = self._at
            if self._text[start] in "\"'":
                raw = self._text[start : self._skip(_SHORT_STRING)]
                parts.append(str(tomllib.loads(f"key = {raw}")["key"]))
            else:
                parts.append(self._text[start : self._skip(_BARE_KEY)])
            self._skip(_SPACE)
            if self._text[self._at] != ".":
                return parts
            self._at += 1

    def _value(self, path: Path) -> None:
        head = self._text[self._at : self._at + 3]
        if head in ('"""', "'''"):
            self._skip(_LONG_STRING)
        elif head[0] in "\"'":
            self._skip(_SHORT_STRING)
        elif head[0] == "[":
            self._items(path)
        elif head[0] == "{":
            self._inline_table(path)
        else:
            self._skip(_PLAIN_VALUE)

    def _items(self, path: Path) -> None:
        self._at += 1
        index = 0
        while self._text[self._skip(_BLANK)] != "]":
            if self._text[self._at] == ",":
                self._at += 1
                continue
            self._note((*path, index))
            self._value((*path, index))
            index += 1
        self._at += 1

    def _inline_table(self, path: Path) -> None:
        self._at += 1
        while self._text[self._skip(_SPACE)] != "}":
            if self._text[self._at] == ",":
                self._at += 1
                continue
            self._pair(path)
        self._at += 1
