"""A site as a TOML document: read, with every mistake reported at once, each with its place and a suggestion.

`load` answers the office or raises `SiteInvalid`; `read` answers mistakes and warnings as well. The keys: `config/README.md`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass

from config.office import read_office
from config.places import lines_of
from config.reader import Mistake, Report, Table
from server.core.site import Site

LONGEST_DOCUMENT = 200_000
LONGEST_LINE = 2_000
"""Characters. `tomllib` takes quadratic time over some long lines, and a document may come from a web page."""
_LINE_OF_ERROR = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


class SiteInvalid(ValueError):
    """A document that is not a site. `mistakes` holds all of them, in the order of the document."""

    def __init__(self, mistakes: list[Mistake], source: str = "site.toml") -> None:
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        super().__init__("\n  ".join([f"{source} has {count}:", *map(str, mistakes)]))
        self.mistakes = mistakes
        self.source = source


@dataclass(frozen=True, slots=True)
class Reading:
    """What a document says. `site` is None when there are mistakes; warnings never stop an office."""

    site: Site | None
    mistakes: list[Mistake]
    warnings: list[Mistake]


def load(text: str, source: str = "site.toml") -> Site:
    """The office of a document. Raises `SiteInvalid` with all mistakes; `source` is the name people know the document by."""
    reading = read(text)
    if reading.site is None:
        raise SiteInvalid(reading.mistakes, source)
    return reading.site


def check(text: str) -> list[Mistake]:
    """All mistakes of a document, in its order; empty when it is a site."""
    return read(text).mistakes


def warnings(text: str) -> list[Mistake]:
    """What is allowed but better otherwise, such as two letters that a loudspeaker confuses."""
    return read(text).warnings


def read(text: str) -> Reading:
    """Mistakes, warnings and, without mistakes, the office. Never raises, whatever the text."""
    text = text.removeprefix("\ufeff")
    unfit = _unfit(text)
    if unfit is not None:
        return Reading(None, [unfit], [])
    try:
        values: Mapping[str, object] = tomllib.loads(text)
        lines = lines_of(text)
    except RecursionError:
        return Reading(None, [Mistake("", None, "Lists or tables stand too deep within each other.", "A site needs three levels.")], [])
    except ValueError as error:
        return Reading(None, [_not_toml(str(error), text)], [])
    report = Report(lines)
    site = read_office(Table(report, (), values))
    mistakes = sorted(report.mistakes, key=lambda mistake: mistake.line or 0)
    return Reading(None if mistakes else site, mistakes, sorted(report.warnings, key=lambda warning: warning.line or 0))


def _unfit(text: str) -> Mistake | None:
    if len(text) > LONGEST_DOCUMENT:
        return Mistake("", None, "The document is too long to be a site.", f"Write at most {LONGEST_DOCUMENT} characters.")
    for number, line in enumerate(text.split("\n"), start=1):
        if len(line) > LONGEST_LINE:
            return Mistake("", number, "The line is too long.", f"Write at most {LONGEST_LINE} characters in a line.")
        if any("\ud800" <= character <= "\udfff" for character in line):
            return Mistake("", number, "The line contains a broken character.", "Save the file as UTF-8.")
    return None


def _not_toml(error: str, text: str) -> Mistake:
    found = _LINE_OF_ERROR.search(error)
    lines = text.split("\n")
    number = int(found[1]) if found and found[1] else len(lines)
    line = lines[number - 1] if number <= len(lines) else ""
    what = error[: found.start()] if found else error
    hint = "Look at the quotes and brackets of this line and of the one above."
    if any(quote in line for quote in "“”‘’"):
        hint = 'Write straight quotes ("), not the curly ones of a word processor.'
    elif re.search(r"[=\[,]\s*(0\d|\d{1,2}:\d\d)", line):
        hint = 'A time stands in quotes, like "07:30", and a number begins without a zero.'
    elif what == "Invalid value" and "=" in line and '"' not in line and "'" not in line:
        hint = 'A text stands in quotes, like name = "Hộ tịch".'
    return Mistake("", number, f"This is not TOML: {what}.", hint)
