"""Reading a TOML document value by value: every mistake is noted with its place and a suggestion, and reading goes on.

A getter answers its default when the value is missing or wrong, so that one mistake hides no other.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from config.places import Path
from server.core.site import clock_time

NBSP = "\u00a0"
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
_TIME_NEARLY = re.compile(r"([0-9]{1,2})\s*(?:[:hg.]\s*([0-9]{2})?)?")
_DASH = re.compile(r"\s*[-–—]\s*")


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing to change. `place` is a path whose lists count from 1 (`services[2].letter`); `line` is None when the document has none."""

    place: str
    line: int | None
    message: str
    suggestion: str

    def __str__(self) -> str:
        where = ", ".join(part for part in (self.line and f"line {self.line}", self.place) if part)
        return f"{where}: {self.message} {self.suggestion}" if where else f"{self.message} {self.suggestion}"


MOST_MISTAKES = 200
"""Nobody reads further, and a document that is not a site at all must not cost minutes."""
MOST_ITEMS = 500


class Report:
    """What has been found so far. `lines` comes from `config.places`."""

    def __init__(self, lines: Mapping[Path, int]) -> None:
        self.mistakes: list[Mistake] = []
        self.warnings: list[Mistake] = []
        self._lines = lines

    def mistake(self, path: Path, message: str, suggestion: str) -> None:
        if not self.full:
            self.mistakes.append(Mistake(place(path), self._line(path), message, suggestion))

    @property
    def full(self) -> bool:
        return len(self.mistakes) >= MOST_MISTAKES

    def warning(self, path: Path, message: str, suggestion: str) -> None:
        self.warnings.append(Mistake(place(path), self._line(path), message, suggestion))

    def _line(self, path: Path) -> int | None:
        for length in range(len(path), 0, -1):
            if path[:length] in self._lines:
                return self._lines[path[:length]]
        return None


def place(path: Path) -> str:
    """`("services", 1, "letter")` as `services[2].letter`: people count from one."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            text += f".{part}" if text else part
    return shown(text) if text else text


def shown(text: str) -> str:
    """Text of the document as it may stand in a message: one short printable line."""
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= 60 else text[:57] + "..."


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """The nearest of `known`, or the first of them."""
    choices = list(dict.fromkeys(choice for choice in known if choice))
    by_lower = {choice.lower(): choice for choice in choices}
    given = given[:64].lower()
    without_unit = [choice for choice in by_lower if given and choice.startswith(f"{given}_")]
    near = without_unit or difflib.get_close_matches(given, by_lower, n=1, cutoff=0.6)
    if near:
        return f'Did you mean "{by_lower[near[0]]}"?'
    return f"Known: {', '.join(choices[:25])}." if choices else "There is none yet."


def kind(value: object) -> str:
    """What a TOML value is, in words."""
    match value:
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case datetime() | date() | time():
            return "a date or time"
        case list():
            return "a list"
    return "a table"


def quoted(value: object) -> str:
    """A value as the text that was probably meant."""
    small = isinstance(value, float | date | time) or (isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18)
    return f'"{value}"' if small else '"..."'


def unbroken(name: str, *, whole: int = 16) -> str:
    """A name that no screen breaks in the wrong place: `|` is where its line may break, and then nowhere else.

    `Đất đai –|Xây dựng` has one breaking space and three non-breaking ones. A name without `|` of up to `whole` characters stays whole;
    a longer one may break at every space, because an office that did not think of it must still fit on the button.
    """
    if "|" in name:
        return " ".join(part.strip().replace(" ", NBSP) for part in name.split("|"))
    return name.replace(" ", NBSP) if len(name) <= whole else name


class Table:
    """One table of the document. Every key that is asked for becomes known; `done` reports the others."""

    def __init__(self, report: Report, path: Path, values: Mapping[str, object]) -> None:
        self.report, self.path = report, path
        self._values = values
        self._asked: list[str] = []

    def has(self, key: str) -> bool:
        return key in self._values

    def is_empty_list(self, key: str) -> bool:
        return self._values.get(key) == []

    def keys(self) -> list[str]:
        """Every key that was written; for tables whose keys are free."""
        self._asked += list(self._values)
        return list(self._values)

    def mistake(self, key: str, message: str, suggestion: str) -> None:
        self.report.mistake((*self.path, key), message, suggestion)

    def done(self) -> None:
        for key in self._values:
            if key not in self._asked and not self.report.full:
                self.mistake(key, f'The key "{shown(key)}" is not known here.', did_you_mean(key, self._asked))

    def _missing(self, key: str, example: str) -> None:
        self.mistake(key, f'"{key}" is missing.', f"Add a line: {key} = {example}")

    def _get(self, key: str) -> object:
        self._asked.append(key)
        return self._values.get(key)

    # --- texts ---

    def text(self, key: str, default: str = "", *, most: int = 80, example: str | None = None) -> str:
        """One line of NFC text without control characters. Required when there is an `example`."""
        value = self._get(key)
        if value is None:
            if example is not None:
                self._missing(key, f'"{example}"')
            return default
        text = self.line_of_text(value, (*self.path, key), most)
        if text is None:
            return default
        if not text and example is not None:
            self.mistake(key, f'"{key}" is empty.', f'For example: {key} = "{example}"')
            return default
        return text

    def line_of_text(self, value: object, path: Path, most: int) -> str | None:
        if not isinstance(value, str):
            self.report.mistake(path, f"This must be a text, not {kind(value)}.", f"Put it in quotes: {quoted(value)}")
            return None
        text = re.sub(" {2,}", " ", unicodedata.normalize("NFC", value)).strip()
        bad = next((c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")), None)
        if bad is not None:
            self.report.mistake(path, f"The text contains the invisible character U+{ord(bad):04X}.", "Delete it and type the text again.")
            return None
        if len(text) > most:
            self.report.mistake(path, f"The text has {len(text)} characters.", f"Shorten it to at most {most}.")
            return None
        return text

    def id(self, key: str = "id", *, example: str) -> str:
        """A short name that is safe in addresses and file names. Empty when it is wrong."""
        text = self.text(key, most=200, example=example)
        if text and not ID.fullmatch(text):
            self.mistake(
                key, f'"{shown(text)}" cannot be an id: it stands in addresses.', f'Use up to 32 of a-z, 0-9, - and _, like "{example}".'
            )
            return ""
        return text

    def code(self, key: str, *, example: str) -> str:
        """A procedure's national code. Empty when it is wrong."""
        text = self.text(key, most=200, example=example)
        if text and not CODE.fullmatch(text):
            self.mistake(key, f'"{shown(text)}" cannot be a procedure code.', f'Write it as in the national catalogue, like "{example}".')
            return ""
        return text

    def one_of(self, key: str, choices: Sequence[str], default: str) -> str:
        text = self.text(key, default)
        if text not in choices:
            self.mistake(key, f'"{shown(text)}" is not a choice here.', did_you_mean(text, choices))
            return default
        return text

    def texts(self, key: str, *, most: int = 80) -> list[tuple[Path, str]]:
        """A list of texts with the path of each. One text stands for a list of one."""
        value = self._get(key)
        path = (*self.path, key)
        if value is None:
            return []
        if isinstance(value, str):
            text = self.line_of_text(value, path, most)
            return [(path, text)] if text else []
        if not isinstance(value, list):
            self.report.mistake(path, f"This must be a list of texts, not {kind(value)}.", f'For example: {key} = ["...", "..."]')
            return []
        found = [((*path, at), self.line_of_text(item, (*path, at), most)) for at, item in enumerate(self._not_too_many(path, value))]
        return [(where, text) for where, text in found if text]

    def _not_too_many(self, path: Path, items: list[object]) -> list[object]:
        if len(items) > MOST_ITEMS:
            self.report.mistake(path, f"The list has {len(items)} entries.", f"At most {MOST_ITEMS} are allowed.")
        return items[:MOST_ITEMS]

    # --- numbers and durations ---

    def whole(self, key: str, default: int, *, least: int = 0, most: int) -> int:
        value = self._get(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int):
            self._not_a_number(key, value, "a whole number", default)
            return default
        if not least <= value <= most:
            self.mistake(
                key,
                f"{shown(str(value)) if abs(value) < 10**18 else 'This number'} is out of range.",
                f"Write a number from {least} to {most}.",
            )
            return default
        return value

    def number(self, key: str, default: float, *, least: float, most: float) -> float:
        value = self._get(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._not_a_number(key, value, "a number", default)
            return default
        if not least <= value <= most:
            self.mistake(key, "This number is out of range.", f"Write a number from {least:g} to {most:g}.")
            return default
        return float(value)

    def measure(self, key: str, *, least: float, most: float) -> float | None:
        """A number that may be unknown."""
        self._asked.append(key)
        return self.number(key, least, least=least, most=most) if self.has(key) else None

    def _not_a_number(self, key: str, value: object, wanted: str, default: float) -> None:
        bare = isinstance(value, str) and re.fullmatch(r"\s*-?[0-9]{1,9}\s*", value)
        hint = f"Write it without quotes: {key} = {str(value).strip()}" if bare else f"For example: {key} = {default:g}"
        self.mistake(key, f"This must be {wanted}, not {kind(value)}.", hint)

    def minutes(self, key: str, default: timedelta, *, least: int = 0, most: int = 240) -> timedelta:
        """Whole minutes, because the wall, the paper and the voice say whole minutes."""
        return timedelta(minutes=self.whole(f"{key}_minutes", round(default / timedelta(minutes=1)), least=least, most=most))

    def seconds(self, key: str, default: timedelta, *, least: int = 0, most: int = 600) -> timedelta:
        return timedelta(seconds=self.whole(f"{key}_seconds", round(default.total_seconds()), least=least, most=most))

    def flag(self, key: str, default: bool = False) -> bool:
        value = self._get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.mistake(key, f"This must be true or false, not {kind(value)}.", f"Write {key} = true or {key} = false.")
            return default
        return value

    # --- times and dates ---

    def clock(self, key: str) -> timedelta | None:
        """A time of day, `"07:30"`."""
        value = self._get(key)
        return None if value is None else self.clock_of(value, (*self.path, key))

    def clock_of(self, value: object, path: Path) -> timedelta | None:
        if isinstance(value, time):
            self.report.mistake(path, "A time of day stands in quotes.", f'Write "{value:%H:%M}".')
            return None
        if not isinstance(value, str):
            self.report.mistake(path, f"This must be a time of day, not {kind(value)}.", 'For example: "07:30".')
            return None
        try:
            return clock_time(value.strip())
        except ValueError:
            near = _TIME_NEARLY.fullmatch(value.strip())
            hint = 'Write a time from "00:00" to "24:00".'
            if near and int(near[1]) < 24 and int(near[2] or 0) < 60:
                hint = f'Did you mean "{int(near[1]):02}:{int(near[2] or 0):02}"?'
            self.report.mistake(path, f'"{shown(value)}" is not a time of day.', hint)
            return None

    def span_of(self, value: str, path: Path) -> tuple[timedelta, timedelta] | None:
        """Two times of day, `"07:30-11:30"`; the second is later."""
        ends = _DASH.split(value.strip())
        if len(ends) != 2:
            self.report.mistake(path, f'"{shown(value)}" is not a span of time.', 'Write two times with a dash: "07:30-11:30".')
            return None
        start, end = (self.clock_of(part, path) for part in ends)
        if start is None or end is None:
            return None
        if start >= end:
            hint = f'Did you mean "{ends[1]}-{ends[0]}"?' if start > end else 'Write two times with a dash: "07:30-11:30".'
            self.report.mistake(path, f'The span "{shown(value)}" ends before it has begun.', hint)
            return None
        return start, end

    def day(self, key: str, *, required: bool = True) -> date | None:
        value = self._get(key)
        if value is None:
            if required:
                self._missing(key, "2026-11-24")
            return None
        return self.day_of(value, (*self.path, key))

    def days(self, key: str) -> list[date]:
        value = self._get(key)
        if value is None:
            return []
        path = (*self.path, key)
        items = self._not_too_many(path, value) if isinstance(value, list) else [value]
        found = [self.day_of(item, (*path, at)) for at, item in enumerate(items)]
        return [day for day in found if day is not None]

    def day_of(self, value: object, path: Path) -> date | None:
        """A date, `2026-11-24` with or without quotes."""
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        written = value.strip() if isinstance(value, str) else ""
        try:
            if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", written):
                return date.fromisoformat(written)
        except ValueError:
            self.report.mistake(path, f'"{written}" is not in the calendar.', "Look at the month and the day; the order is year-month-day.")
            return None
        local = re.fullmatch(r"([0-9]{1,2})[/.-]([0-9]{1,2})[/.-]([0-9]{4})", written)
        hint = (
            f"Write year-month-day: {local[3]}-{int(local[2]):02}-{int(local[1]):02}" if local else "Write year-month-day, like 2026-11-24."
        )
        self.report.mistake(path, f"{f'{chr(34)}{shown(written)}{chr(34)}' if written else 'This'} is not a date.", hint)
        return None

    # --- tables ---

    def table(self, key: str) -> Table:
        """A table within this one; an empty one when it is not there."""
        value = self._get(key)
        if value is not None and not isinstance(value, dict):
            self.mistake(key, f'"{key}" must be a table, not {kind(value)}.', f"Begin it with a line of its own: [{key}]")
        return Table(self.report, (*self.path, key), value if isinstance(value, dict) else {})

    def tables(self, key: str) -> list[Table]:
        """A list of tables, `[[services]]`."""
        value = self._get(key)
        path = (*self.path, key)
        if value is None:
            return []
        if not isinstance(value, list):
            hint = f"Write double brackets: [[{place(path)}]]" if isinstance(value, dict) else f"Begin each with a line [[{place(path)}]]"
            self.report.mistake(path, f'"{key}" must be a list of tables, not {kind(value)}.', hint)
            return []
        found = []
        for at, item in enumerate(self._not_too_many(path, value)):
            if isinstance(item, dict):
                found.append(Table(self.report, (*path, at), item))
            else:
                self.report.mistake((*path, at), f"This must be a table, not {kind(item)}.", f"Begin it with a line [[{place(path)}]]")
        return found


class Unique:
    """Ids of one list. Capitals do not tell two ids apart, because people read them to each other."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def id(self, row: Table, *, example: str, key: str = "id") -> str:
        found = row.id(key, example=example)
        if found and found.lower() in self._seen:
            row.mistake(key, f'The id "{found}" is used twice.', f'Choose another, like "{self._free(found)}".')
        self._seen.add(found.lower())
        return found

    def _free(self, taken: str) -> str:
        stem, number = taken.rstrip("0123456789")[:24], 2
        while f"{stem}{number}".lower() in self._seen:
            number += 1
        return f"{stem}{number}"
