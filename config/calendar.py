"""Public holidays and make-up working days of a country. The only file that knows the `holidays` package.

Lunar dates come from the package's tables. What the Prime Minister decides year by year (which days of Tết, swapped days) is known only
for the years the package was told; an office adds, removes and swaps days in its own document.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from types import MappingProxyType

from server.core.site import Span

YEARS = range(2020, 2070)
"""Read without a clock: fifty years cost 10 ms once per process, and an old day must replay with the holidays it had."""


class UnknownCountry(ValueError):
    """`nearest` is the code that was probably meant, or empty."""

    def __init__(self, country: str, nearest: str) -> None:
        super().__init__(f"No calendar is known for the country {country!r}.")
        self.nearest = nearest


@dataclass(frozen=True, slots=True)
class Days:
    """`holidays`: date to name, in the country's language. `make_up`: an extra working day to the day whose work is done on it."""

    holidays: Mapping[date, str] = field(default_factory=dict)
    make_up: Mapping[date, date] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Swap:
    """Hoán đổi: nobody works on `off`; its work is done on `work`, with the hours of `off`."""

    off: date
    work: date
    name: str


def public_days(country: str, years: Iterable[int] = YEARS) -> Days:
    """The days of a country by its two-letter code (`VN`). Raises UnknownCountry."""
    # Imported when first needed: it costs 40 ms, and `moiso user add` needs no calendar.
    from holidays.registry import COUNTRIES

    names = {codes[1]: module for module, codes in COUNTRIES.items()}
    if country not in names:
        meant = country.strip().lower().replace(" ", "_")
        raise UnknownCountry(country, next((code for code, name in names.items() if meant in (code.lower(), name)), ""))
    holidays: dict[date, str] = {}
    working: list[date] = []
    for year in sorted(set(years)):
        named, extra_working = _year(country, year)
        holidays |= named
        working += extra_working
    # The package keeps no pairs, but names the day off by its working day: "Ngày nghỉ (thay cho ngày 22/08/2026)".
    substitutes = {name[-11:-1]: day for day, name in holidays.items() if name.endswith(")")}
    make_up = {day: substitutes[f"{day:%d/%m/%Y}"] for day in working if f"{day:%d/%m/%Y}" in substitutes}
    return Days(holidays, make_up)


@cache
def _year(country: str, year: int) -> tuple[Mapping[date, str], Sequence[date]]:
    from holidays import country_holidays

    found = country_holidays(country, years=year, language="vi" if country == "VN" else None)
    named = {day: found[day] for day in sorted(found) if day.year == year}
    return MappingProxyType(named), tuple(sorted(found.weekend_workdays))


def own_days(public: Days, *, extra: Mapping[date, str], removed: Iterable[date], swaps: Iterable[Swap]) -> Days:
    """The country's days with what one office changes. `removed` names holidays it works on and make-up days it does not work on."""
    gone = set(removed)
    holidays = {day: name for day, name in public.holidays.items() if day not in gone}
    make_up = {work: off for work, off in public.make_up.items() if work not in gone}
    for swap in swaps:
        holidays[swap.off] = swap.name
        holidays.pop(swap.work, None)
        make_up.pop(swap.off, None)
        make_up[swap.work] = swap.off
    return Days(holidays | dict(extra), {work: off for work, off in make_up.items() if work not in extra})


def special_hours(
    week: Sequence[tuple[Span, ...]], make_up: Mapping[date, date], short: Mapping[date, tuple[Span, ...]]
) -> dict[date, tuple[Span, ...]]:
    """Dates with hours of their own: a make-up day has the hours of the day off, unless the office named its hours."""
    return {work: week[off.weekday()] for work, off in make_up.items() if week[off.weekday()]} | dict(short)
