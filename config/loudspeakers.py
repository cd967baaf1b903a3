"""How loud a hall is, when it is quiet, and which of its loudspeakers call for which counters: the sound of a `[[halls]]` table."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from config.hours import read_spans
from config.reader import Table, Unique, did_you_mean, shown
from server.core.site import FULL_VOLUME, Counter, Hall, Span, Zone

LEAST_VOLUME = 5
"""Percent; -26 dB is about the noise of a hall, and nobody hears what is below it."""


def read_volume(hall: Table) -> tuple[tuple[Span, int], ...]:
    """`volume = { "07:00-11:30" = 80 }`: percent of full volume, spans in order and apart from each other."""
    table = hall.table("volume")
    spans, found = table.keys(), []
    for key in spans:
        percent = table.whole(key, FULL_VOLUME, least=LEAST_VOLUME, most=FULL_VOLUME)
        ends = table.span_of(key, (*table.path, key))
        if ends is not None:
            found.append((Span(*ends), percent, key))
    found.sort(key=lambda row: row[0].start)
    for (before, _, _), (after, _, key) in pairwise(found):
        if after.start < before.end:
            table.mistake(key, "This span overlaps another of the same day.", "Let each begin after the one before has ended.")
    return tuple((span, percent) for span, percent, _ in found)


def read_quiet(hall: Table) -> tuple[Span, ...]:
    """`quiet = ["11:30-13:30"]`: spans in which no call is spoken."""
    return read_spans(hall, "quiet")


def read_zones(hall: Table) -> tuple[Zone, ...]:
    """`[[halls.zones]]`; that the counters fit is seen when they have been read."""
    unique = Unique()
    found = []
    for row in hall.tables("zones"):
        zone = unique.id(row, example="left")
        name = row.text("name", example="Bên trái")
        counters = tuple(text for _, text in row.texts("counters"))
        if not row.has("counters") or row.is_empty_list("counters"):
            row.mistake("counters", "Nothing is called in this zone.", 'For example: counters = ["1", "2"]')
        row.done()
        found.append(Zone(zone, name, counters))
    return tuple(found)


def check_zones(top: Table, halls: Sequence[Hall], counters: Sequence[Counter]) -> None:
    """Every counter of a zone is of its hall, and of no other zone."""
    for at, hall in enumerate(halls):
        here = [counter.id for counter in counters if counter.hall == hall.id]
        taken: dict[str, str] = {}
        for number, zone in enumerate(hall.zones):
            for place, counter in enumerate(zone.counters):
                path = ("halls", at, "zones", number, "counters", place)
                if counter not in here:
                    top.report.mistake(path, f'There is no counter "{shown(counter)}" in this hall.', did_you_mean(counter, here))
                elif counter in taken:
                    message = f'The counter "{counter}" is called in "{taken[counter]}" as well.'
                    top.report.mistake(path, message, "Name each counter in one zone; what both shall hear is of no zone.")
                else:
                    taken[counter] = zone.id
