"""Reading legal procedures (thủ tục): those of a catalogue that ships with the program and those an office writes itself."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from config.reader import Report, Table, did_you_mean, shown
from server.core.site import Procedure


@dataclass(frozen=True, slots=True)
class Entry:
    """A procedure before an office has said which of its services receives it. `field` is the catalogue's own grouping."""

    id: str
    name: str
    field: str
    documents: tuple[str, ...]
    time_limit: str
    fee: str
    sample: bool

    def for_service(self, service: str) -> Procedure:
        return Procedure(self.id, self.name, service, self.documents, self.time_limit, self.fee, self.sample)


def catalogue_names() -> list[str]:
    """Catalogues that ship with the program."""
    return sorted(entry.name.removesuffix(".toml") for entry in (files("config") / "catalogue").iterdir() if entry.name.endswith(".toml"))


@cache
def catalogue(name: str) -> Mapping[str, Entry]:
    """A bundled catalogue by procedure code. Every entry is a sample as long as the file says so."""
    values = tomllib.loads((files("config") / "catalogue" / f"{name}.toml").read_text(encoding="utf-8"))
    top = Table(Report({}), (), values)
    return MappingProxyType(read_entries(top, sample=top.flag("sample")))


def read_catalogue(top: Table) -> dict[str, Entry]:
    """What an office can offer: `catalogue = "procedures"` and its own `[[procedures]]`, which replace entries of the same code."""
    name = top.text("catalogue", most=40)
    entries: dict[str, Entry] = {}
    if name in catalogue_names():
        entries |= catalogue(name)
    elif name:
        top.mistake("catalogue", f'There is no catalogue "{shown(name)}".', did_you_mean(name, catalogue_names()))
    return entries | read_entries(top, sample=False)


def read_entries(top: Table, *, sample: bool) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for row in top.tables("procedures"):
        code = row.code("code", example="1.001193")
        entry = Entry(
            code,
            row.text("name", most=200, example="Đăng ký khai sinh"),
            row.text("field"),
            tuple(text for _, text in row.texts("documents", most=300)),
            row.text("time_limit", most=200),
            row.text("fee", most=200),
            sample,
        )
        row.done()
        if code in found:
            row.mistake("code", f'The code "{code}" is used twice.', "Each procedure has one code.")
        elif code:
            found[code] = entry
    return found


class Offered:
    """Which service receives which procedure: one each, so that the kiosk never has to ask."""

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self._entries = entries
        self._taken: dict[str, str] = {}

    def read(self, row: Table, service: str) -> tuple[str, ...]:
        """The codes of one service: `procedures` one by one, `procedure_fields` as whole fields of the catalogue."""
        found: list[str] = []
        fields = list(dict.fromkeys(entry.field for entry in self._entries.values() if entry.field))
        for path, name in row.texts("procedure_fields"):
            if name not in fields:
                row.report.mistake(path, f'The catalogue has no field "{shown(name)}".', did_you_mean(name, fields))
            found += [code for code, entry in self._entries.items() if entry.field == name]
        for path, code in row.texts("procedures", most=40):
            if code not in self._entries:
                row.report.mistake(path, f'The procedure "{shown(code)}" is not in the catalogue.', did_you_mean(code, self._entries))
            else:
                found.append(code)
        for code in found:
            other = self._taken.setdefault(code, service)
            if other != service:
                row.mistake("procedures", f'The procedure "{code}" belongs to "{other}" as well.', "Leave it to one service.")
        return tuple(dict.fromkeys(found))

    def procedures(self) -> tuple[Procedure, ...]:
        return tuple(self._entries[code].for_service(service) for code, service in self._taken.items())
