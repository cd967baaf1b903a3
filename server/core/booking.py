"""Decisions about appointments: book, move, give back, check in, close times. Like `decide`, functions of the day and the time.

Capacity is checked here, inside the door of the slot's own day, so that the last place is given once. `cycle` is how many minutes a
counter usually needs for one call of the service, as measured; it is an argument, like the time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta

from server.core import events as ev
from server.core import words
from server.core.appointment import SPOKEN, Appointment, Slot, places, return_at
from server.core.day import Day
from server.core.decide import Events, given, may_issue
from server.core.queue import Booking
from server.core.refused import Refused
from server.core.site import BookingRules, Counting, HoursState

FREE_SHOWN = 3
"""Nearest free slots that are offered instead of a full one."""
OWED = timedelta(days=6)
"""So long after its day a booking is still moved whose time the office itself has not kept: the news may have come an hour before. The
address that the new time is written to is kept a day longer than this."""


def rules_of(day: Day, service: str) -> BookingRules:
    """Refuses `unknown_service`, and `not_bookable` for a service that takes no bookings."""
    site = day.site
    if service not in site.service:
        raise Refused("unknown_service", service=service, known=list(site.service))
    rules = site.service[service].booking
    if rules is None or service in day.stopped or day.closed:
        raise Refused("not_bookable", service=service)
    return rules


def capacity(day: Day, service: str, slot: Slot, cycle: float) -> int:
    """Places of a slot: none while the office has closed the time. A counter with several services counts for each in part."""
    rules = day.site.service[service].booking
    if rules is None or not day.keeps(service, slot):
        return 0
    desks = [day.desks[c] for c in day.serving(service)]
    return places(rules, sum(1 / len(desk.services) for desk in desks), cycle)


def why_unkept(day: Day, service: str, slot: Slot, lang: str = "vi") -> str | None:
    """Why the office cannot keep a time, as a clause for "tạm nghỉ: …"; None when it can. The clauses of staff are in their language."""
    if day.keeps(service, slot):
        return None
    if closure := day.bookings.closed(service, slot):
        return closure.reason
    hours, closes = day.site.hours, day.today.closes
    holiday = None if hours.spans(day.date) else hours.holidays.get(day.date)
    return words.out_of_hours(closes if closes is not None and slot.end > closes else None, holiday, lang)


def gives_numbers(day: Day, service: str, at: datetime) -> bool:
    """Whether somebody without a booking gets a number then, as far as is known now."""
    try:
        may_issue(day, at, service)
    except Refused:
        return False
    return True


def finds_somebody(day: Day, slot: Slot, now: datetime) -> bool:
    """Whether whoever comes to a time that is closed for bookings finds the office at work, and is served all the same."""
    at = max(now, slot.start)
    if day.closed or day.site.business_day(at) != day.date:
        return False
    hours = day.hours(at)
    return hours.opens is not None and hours.closes is not None and hours.opens <= at < hours.closes


def left(day: Day, service: str, slot: Slot, now: datetime, cycle: float) -> int:
    """Places of a slot that can be booked at `now`: none before the horizon, after the lead, and of those held back none before their
    hour."""
    rules = rules_of(day, service)
    today = day.site.business_day(now)
    if day.date > today + timedelta(days=rules.horizon_days) or slot.start < now + rules.lead:
        return 0
    kept = 0 if now >= day.site.at(day.date, rules.release) else rules.held_back
    return max(0, capacity(day, service, slot, cycle) - kept - day.bookings.taken(service, slot.start, now))


def free(day: Day, service: str, near: datetime, now: datetime, cycle: float) -> list[datetime]:
    """Slots of this day that can be booked, nearest first. Looks outwards from `near`, so that a full morning costs no more than a full
    hour."""
    slots = list(day.slots(service).values())
    after = bisect_left(slots, near, key=lambda slot: slot.start)
    before = after - 1
    found: list[datetime] = []
    while len(found) < FREE_SHOWN and (before >= 0 or after < len(slots)):
        if after == len(slots) or (before >= 0 and near - slots[before].start <= slots[after].start - near):
            nearest, before = slots[before], before - 1
        else:
            nearest, after = slots[after], after + 1
        if left(day, service, nearest, now, cycle):
            found.append(nearest.start)
    return found


def _slot(day: Day, service: str, start: datetime, now: datetime, cycle: float) -> Slot:
    """The slot that begins then. Refuses `unknown_slot`, `too_late_to_book`, `too_early_to_book` and `slot_full`."""
    rules = rules_of(day, service)
    slot = day.slots(service).get(start)
    if slot is None:
        raise Refused("unknown_slot", service=service, start=start, free=free(day, service, start, now, cycle))
    if start < now + rules.lead:
        raise Refused("too_late_to_book", start=start, free=free(day, service, start, now, cycle))
    if day.date > day.site.business_day(now) + timedelta(days=rules.horizon_days):
        raise Refused("too_early_to_book", start=start, days=rules.horizon_days)
    if not left(day, service, slot, now, cycle):
        raise Refused("slot_full", service=service, start=start, free=free(day, service, start, now, cycle))
    return slot


def book(
    day: Day,
    now: datetime,
    *,
    codes: Iterator[str],
    service: str,
    start: datetime | None,
    cycle: float,
    lang: str = "vi",
    procedure: str | None = None,
    person: str | None = None,
    contact: str | None = None,
) -> Events:
    """Take a place. `codes` are fresh ones; the first whose spoken part is new today is used. Without `start`: a live number of today,
    where the service gives them. Refuses what `_slot` refuses, `not_bookable`, `unknown_procedure`, `already_booked`, and for a live
    number what taking one at the kiosk refuses."""
    rules = rules_of(day, service)
    if procedure is not None and procedure not in day.site.procedure:
        raise Refused("unknown_procedure", procedure=procedure)
    slot = None
    if start is not None:
        slot = _slot(day, service, start, now, cycle)
    elif rules.live and day.site.service[service].counting is Counting.REGISTERED:
        may_issue(day, now, service)
    else:
        raise Refused("start_missing", service=service)
    _once(day, rules, service, person)
    return [
        ev.AppointmentBooked(
            appointment=_fresh(day, codes),
            service=service,
            registered=now.replace(microsecond=0),
            start=slot.start if slot else None,
            end=slot.end if slot else None,
            lang=lang if lang in day.site.languages else day.site.languages[0],
            procedure=procedure,
            person=person,
            contact=contact,
        )
    ]


def _once(day: Day, rules: BookingRules, service: str, person: str | None) -> None:
    if person is not None and rules.per_person and day.bookings.of_person(service, person) >= rules.per_person:
        name = day.services[service].name.replace("|", "")
        raise Refused("already_booked", service=service, name=name, day=day.date.isoformat())


def _fresh(day: Day, codes: Iterator[str]) -> str:
    # A thousand random spoken codes of one day collide with a probability of 0.43: the door has to look.
    return next(code for code in codes if day.bookings.find(code[:SPOKEN]) is None)


def _live(day: Day, code: str, now: datetime) -> Appointment:
    """The booking, still to come: what happened on a day that is over stays as it was."""
    found = day.bookings.all[code]
    if not found.live:
        raise Refused("appointment_over", state=found.state.value)
    if _over(day, now):
        raise Refused("appointment_over", state="missed")
    return found


def _over(day: Day, now: datetime) -> bool:
    return day.closed or day.date < day.site.business_day(now)


def owed(day: Day, found: Appointment, now: datetime) -> bool:
    """Whether the office owes another time for one that it does not keep itself: no limit of its own making stands in the way of that, not
    even the end of the day."""
    if not found.live or found.slot is None or day.keeps(found.service, found.slot):
        return False
    return day.site.business_day(now) <= day.date + OWED


def movable(day: Day, found: Appointment, rules: BookingRules, now: datetime) -> bool:
    """Whether its holder may choose another time."""
    if owed(day, found, now):
        return True
    return found.live and found.slot is not None and not _over(day, now) and now <= found.slot.start - rules.move_before


def move(
    day: Day,
    to: Day,
    now: datetime,
    *,
    code: str,
    start: datetime,
    cycle: float,
    chance: float,
    codes: Iterator[str],
    person: str | None = None,
) -> list[tuple[date, ev.Event]]:
    """Another time of the same service, on the same day or another. The code stays, unless its spoken part is taken on the other day. A
    time that the office does not keep is left whenever its holder hears of it, until `OWED` after its day.

    `person` is who it is under the other day's key; on the same day that is known. `chance` (0 to 1) and `codes` are fresh. Refuses
    `appointment_over`, `too_late_to_move`, and what booking refuses; then it stands as it was.
    """
    found = day.bookings.all[code]
    if not owed(day, found, now):
        _live(day, code, now)
    # Of the day that is left nothing is asked: a service that stops today is why people move to another day.
    rules = rules_of(to, found.service)
    if found.slot is None or not movable(day, found, rules, now):
        raise Refused("too_late_to_move", minutes=int(rules.move_before.total_seconds() // 60))
    if found.slot.start == start:
        return []
    slot = _slot(to, found.service, start, now, cycle)
    back = return_at(rules, now, chance)
    if to is day:
        return [(day.date, ev.AppointmentMoved(code, slot.start, slot.end, back))]
    _once(to, rules, found.service, person)
    there = to.bookings.find(code[:SPOKEN])
    booked = ev.AppointmentBooked(
        appointment=code if there is None or there.code == code else _fresh(to, codes),
        service=found.service,
        registered=found.registered,
        start=slot.start,
        end=slot.end,
        lang=found.lang,
        procedure=found.procedure,
        person=person,
        contact=found.contact,
        moved_from=day.date,
    )
    return [(to.date, booked), (day.date, ev.AppointmentCancelled(code, back, moved_to=to.date))]


def cancel(day: Day, now: datetime, *, code: str, chance: float) -> Events:
    """Give a place back. Refuses `appointment_over`."""
    found = _live(day, code, now)
    rules = day.site.service[found.service].booking if found.service in day.site.service else None
    return [ev.AppointmentCancelled(code, return_at(rules or BookingRules(), now, chance))]


def check_in(
    day: Day, now: datetime, *, code: str, ticket: str, kiosk: str | None, priority: bool = False, lang: str | None = None
) -> Events:
    """Turn a booking of this day into a ticket. Possible from the first number of the day until it closes, and until the end of its own
    grace; also over lunch, after the last ticket and in a field that gives no more numbers.

    Refuses `already_checked_in`, `cancelled`, `closed`.
    """
    found = day.bookings.all[code]
    if found.ticket is not None:
        taken = day.tickets[found.ticket]
        raise Refused("already_checked_in", ticket=taken.code, id=taken.id, at=taken.issued_at)
    if not found.live:
        raise Refused("cancelled")
    hours = day.hours(now)
    early = hours.state is HoursState.BEFORE and not hours.issuing
    # Who was told that a quarter of an hour late is on time is on time for the last slot too.
    shut = hours.state is HoursState.CLOSED and (found.slot is None or now > found.slot.start + day.site.rules.grace)
    if day.closed or hours.opens is None or early or shut:
        raise Refused("closed", state=hours.state.value, next_open=hours.next_open, first_ticket=hours.first_ticket)
    return [
        given(
            day,
            now,
            ticket=ticket,
            service=found.service,
            priority=priority,
            booking=Booking(
                slot=found.slot.start if found.slot else None,
                registered=found.registered if day.services[found.service].counting is Counting.REGISTERED else None,
            ),
            lang=lang or found.lang,
            procedure=found.procedure,
            kiosk=kiosk,
            contact=found.contact,
            appointment=code,
        )
    ]


def await_place(
    day: Day, now: datetime, *, wait: str, service: str, contact: str, cycle: float, lang: str = "vi", person: str | None = None
) -> Events:
    """Be told when a place of this day comes free. Refuses `not_bookable`, `places_left` with the free slots as long as there are any, and
    `already_waiting`: a line is fair when everybody stands in it once."""
    rules_of(day, service)
    if not any(slot.start > now for slot in day.slots(service).values()):
        # A holiday, or a day that is over: no place will ever come free.
        raise Refused("not_bookable", service=service)
    if found := free(day, service, now, now, cycle):
        raise Refused("places_left", start=found[0], free=found)
    if person is not None and any((w.service, w.person) == (service, person) for w in day.bookings.awaiting.values()):
        raise Refused("already_waiting", day=day.date.isoformat())
    return [ev.PlaceAwaited(wait, service, contact, lang if lang in day.site.languages else day.site.languages[0], person)]


def offer_places(day: Day, now: datetime, *, cycle: Callable[[str], float]) -> Events:
    """Tell those who wait of the places that can be booked now, in the order in which they came: one each, and as many as there are places
    that nobody has been told of a moment ago. However a place became free, it is found here: given back, held back until its hour, closed
    and opened again, or added by a new site document. `cycle` by service."""
    told: Events = []
    for service in _awaited(day):
        line = [w.wait for w in day.bookings.awaiting.values() if w.service == service]
        for slot in day.slots(service).values():
            news = left(day, service, slot, now, cycle(service)) - day.bookings.told_of(service, slot.start, now)
            told += [ev.PlaceOffered(wait, slot.start, slot.end) for wait in line[: max(0, news)]]
            line = line[max(0, news) :]
    return told


def offers_due(day: Day, now: datetime) -> datetime | None:
    """When a place may come free though nothing happens; None when that cannot be while the day stands as it does."""
    found = []
    for service in _awaited(day):
        found += [day.site.at(day.date, rules_of(day, service).release), day.bookings.next_free(service, now)]
    return min((at for at in found if at is not None and at > now), default=None)


def _awaited(day: Day) -> list[str]:
    """Services that somebody waits for, and that take bookings."""
    able = [] if day.closed else [s.id for s in day.site.services if s.booking is not None and s.id not in day.stopped]
    waited = {w.service for w in day.bookings.awaiting.values()}
    return [service for service in able if service in waited]


def forgo_place(day: Day, now: datetime, *, wait: str) -> Events:
    """Wait for a place no longer."""
    return [ev.PlaceForgone(wait)] if day.bookings.waits(wait) else []


def close_slots(day: Day, now: datetime, *, start: datetime, end: datetime, reason: str, service: str | None = None) -> Events:
    """No bookings between these instants. Who has one keeps it, and is offered another time. Refuses `unknown_service` and
    `wrong_hours`."""
    if service is not None and service not in day.site.service:
        raise Refused("unknown_service", service=service, known=list(day.site.service))
    if start >= end or day.site.business_day(start) != day.date:
        raise Refused("wrong_hours")
    return [ev.SlotsClosed(start, end, reason, service)]


def reopen_slots(day: Day, now: datetime, *, closure: int) -> Events:
    """Take a closure back."""
    return [ev.SlotsReopened(closure)] if closure in day.bookings.closures else []
