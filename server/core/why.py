"""Why one ticket goes before another: one sentence that is true, also where the honest answer is that the two do not compare."""

from __future__ import annotations

from typing import NamedTuple

from server.core import words
from server.core.day import Day, Ticket
from server.core.ticket import State


class Compared(NamedTuple):
    """`first` is who goes, or was called, first; None where nothing is promised between the two."""

    words: str
    first: Ticket | None


def compared(day: Day, mine: Ticket, other: Ticket, lang: str = "vi") -> Compared:
    """Two tickets of one day, as they stand now. A ticket that waits again after a call stands as if it had not been called.

    The queue times decide only among those who wait for the same counters (law I2). Who was called in order although somebody has the
    earlier queue time now was called while that one did not wait here: set aside, away after a call, elsewhere, not yet come, or holding a
    number of a kiosk that was cut off.
    """
    if set(day.counters_for(mine)) != set(day.counters_for(other)):
        return Compared(_apart(day, mine, other, lang), None)
    called = sorted((t for t in (mine, other) if t.call), key=lambda t: t.turn_seq or 0)
    if not called:
        for ticket in (other, mine):
            if ticket.state is not State.WAITING:
                return Compared(words.not_waiting_words(ticket.code, lang), None)
    first = called[0] if called else min(mine, other, key=lambda t: t.place)
    second = other if first is mine else mine
    if first.call and first.called_at and first.place > second.place:
        if not first.call.in_order:
            # The reason may name an age or a disability: it is for the one it is about, and for the inspector. Who stood behind anyway
            # was not passed, and hears of times.
            return Compared(words.aside_words(first.code, lang), first)
        if second.provisional and second.joined_at <= first.called_at and second.place.seq > (first.turn_seq or 0):
            # That one sat in the hall with paper, and the server could not know.
            return Compared(words.cut_off_words(first.code, first.called_at, second.code, lang), first)
        return Compared(words.away_words(first.code, first.called_at, second.code, lang), first)
    return Compared(words.first_words(first.code, first.queue_time, second.code, second.queue_time, lang), first)


def _apart(day: Day, mine: Ticket, other: Ticket, lang: str) -> str:
    if mine.service != other.service:
        fields = [(day.services[t.service].name_en if lang == "en" else "") or day.services[t.service].name for t in (other, mine)]
        return words.other_service_words(other.code, fields[0], mine.code, fields[1], lang)
    desks = [[words.counter_number(day.desks[c].name) for c in day.counters_for(ticket)] for ticket in (other, mine)]
    return words.other_counters_words(other.code, desks[0], mine.code, desks[1], lang)
