"""Reading when an office is open: `[hours]` and `[holidays]` of a site document."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise

from config.calendar import Days, Swap, UnknownCountry, own_days, public_days, special_hours
from config.places import Path
from config.reader import Table, did_you_mean, shown
from server.core.site import Hours, Span

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_VIETNAMESE_DAYS = {"t2": "mon", "t3": "tue", "t4": "wed", "t5": "thu", "t6": "fri", "t7": "sat", "cn": "sun"}
LONGEST_BREAK = timedelta(days=31)
Week = tuple[tuple[Span, ...], ...]


def read_hours(hours: Table, holidays: Table) -> Hours:
    """Opening hours of every date."""
    week = _week(hours.table("week"))
    first = hours.minutes("first_ticket_before", timedelta(), most=720)
    last = hours.minutes("last_ticket_before", timedelta(), most=720)
    at_lunch = hours.flag("numbers_at_lunch")
    hours.done()
    for name, spans in zip(DAYS, week, strict=True):
        if spans and spans[-1].end - last <= spans[0].start - first:
            key = "last_ticket_before_minutes"
            hours.mistake(key, f"On {name} the last number would come before the first.", "Write fewer minutes.")
            break
    days, short = _days(holidays, week)
    return Hours(week, days.holidays, special_hours(week, days.make_up, short), first, last, at_lunch)


def _week(table: Table) -> Week:
    written: dict[int, str] = {}
    week: list[tuple[Span, ...]] = [()] * 7
    keys = table.keys()
    mistakes_before = len(table.report.mistakes)
    for key in keys:
        days = _weekdays(table, key)
        spans = read_spans(table, key)
        for day in days:
            if day in written:
                table.mistake(key, f'{DAYS[day]} stands in "{shown(written[day])}" as well.', "Write each weekday once.")
            else:
                written[day] = key
                week[day] = spans
    if not keys:
        table.report.mistake(table.path, "The opening hours are missing.", 'For example: mon-fri = ["07:30-11:30", "13:30-17:00"]')
    elif not any(week) and len(table.report.mistakes) == mistakes_before:
        table.report.mistake(table.path, "The office is never open.", 'For example: mon-fri = ["07:30-11:30", "13:30-17:00"]')
    return tuple(week)


def read_week(table: Table) -> Week:
    """Hours of their own by weekday, as of a service that is booked on Wednesdays only; empty when the table is."""
    return _week(table) if table.keys() else ()


def _weekdays(table: Table, key: str) -> list[int]:
    """The days of a key: `mon`, `mon-fri`, or several with commas."""
    found: list[int] = []
    for part in key.split(","):
        ends = [end.strip() for end in part.split("-")]
        wrong = next((end for end in ends if end not in DAYS), None)
        if wrong is not None:
            meant = _VIETNAMESE_DAYS.get(wrong.lower(), wrong.lower()[:3])
            hint = f'Did you mean "{meant}"?' if meant in DAYS else did_you_mean(wrong, DAYS)
            table.mistake(key, f'"{shown(wrong)}" is not a weekday.', hint)
            continue
        first, last = DAYS.index(ends[0]), DAYS.index(ends[-1])
        if first > last or len(ends) > 2:
            table.mistake(key, f'"{shown(part.strip())}" is not a row of weekdays.', 'The week runs from mon to sun, like "mon-fri".')
            continue
        found += range(first, last + 1)
    return found


def read_spans(table: Table, key: str) -> tuple[Span, ...]:
    """A list of spans like `"07:30-11:30"`, in order and apart from each other."""
    found: list[tuple[Span, Path]] = []
    for path, text in table.texts(key):
        ends = table.span_of(text, path)
        if ends is not None:
            found.append((Span(*ends), path))
    found.sort(key=lambda pair: pair[0].start)
    for (before, _), (after, path) in pairwise(found):
        if after.start < before.end:
            table.report.mistake(path, "This span overlaps another of the same day.", "Let each begin after the one before has ended.")
    return tuple(span for span, _ in found)


def _days(table: Table, week: Sequence[tuple[Span, ...]]) -> tuple[Days, dict[date, tuple[Span, ...]]]:
    public = Days()
    country = table.text("country", most=40)
    if country:
        try:
            public = public_days(country)
        except UnknownCountry as unknown:
            hint = f'Did you mean "{unknown.nearest}"?' if unknown.nearest else 'Write its two letters, like "VN".'
            table.mistake("country", f'No calendar is known for the country "{shown(country)}".', hint)
    removed = table.days("remove")
    extra: dict[date, str] = {}
    for row in table.tables("extra"):
        day, name, last = row.day("date"), row.text("name", example="Nghỉ sửa chữa trụ sở"), row.day("to", required=False)
        row.done()
        if day is None:
            continue
        last = last or day
        if not timedelta() <= last - day <= LONGEST_BREAK:
            row.mistake("to", "The last day must follow the first within a month.", "Write the last day off, like 2026-11-24.")
            continue
        extra |= {day + timedelta(days=ahead): name for ahead in range((last - day).days + 1)}
    swaps = [swap for swap in (_swap(row, week) for row in table.tables("swap")) if swap is not None]
    short: dict[date, tuple[Span, ...]] = {}
    for row in table.tables("short"):
        day, spans = row.day("date"), read_spans(row, "times")
        if not row.has("times"):
            row.mistake("times", '"times" is missing.', 'For example: times = ["07:30-11:30"]')
        row.done()
        if day is not None and spans:
            short[day] = spans
    table.done()
    return own_days(public, extra=extra, removed=removed, swaps=swaps), short


def _swap(row: Table, week: Sequence[tuple[Span, ...]]) -> Swap | None:
    off, work = row.day("off"), row.day("work")
    name = row.text("name", "Nghỉ hoán đổi")
    row.done()
    if off is None or work is None:
        return None
    if off == work or not week[off.weekday()]:
        row.mistake(
            "off", f"{off} is not a day this office could take off.", f"Name a working day; {DAYS[off.weekday()]} is the weekday of {off}."
        )
        return None
    return Swap(off, work, name)
