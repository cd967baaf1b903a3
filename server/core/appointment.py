"""Appointments (lịch hẹn): their codes, their slots, and all bookings of one day.

A booking is an early event of its own day; checking it in turns it into a ticket, whose queue time is the business of `queue`. Codes are
digits only, because letters fail over a Vietnamese telephone; the Damm check digit catches every single wrong digit and every swap of
neighbours (H. M. Damm, Total anti-symmetrische Quasigruppen, Marburg 2004).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from math import floor
from random import Random
from typing import NamedTuple

from sortedcontainers import SortedKeyList

from server.core import events as ev
from server.core.site import MINUTE, BookingRules, Rules, Site, Span

# -- codes -----------------------------------------------------------------------------------------------------------------------

_DAMM = (
    (0, 3, 1, 7, 5, 9, 8, 6, 4, 2),
    (7, 0, 9, 2, 1, 5, 4, 8, 6, 3),
    (4, 2, 0, 6, 8, 7, 1, 3, 5, 9),
    (1, 7, 5, 0, 9, 8, 3, 4, 2, 6),
    (6, 1, 2, 3, 0, 4, 5, 9, 7, 8),
    (3, 6, 7, 4, 2, 0, 9, 5, 8, 1),
    (5, 8, 6, 9, 7, 2, 0, 1, 3, 4),
    (8, 9, 4, 5, 3, 6, 2, 0, 1, 7),
    (9, 4, 3, 8, 6, 1, 7, 2, 0, 5),
    (2, 5, 8, 1, 4, 3, 6, 7, 9, 0),
)
SPOKEN = 7
"""Digits that are read aloud and typed: six and a check digit, unique in its day. Enough for the kiosk and the helper's desk only;"""
WHOLE = 18
"""with eleven more, in link and QR, 53 bits: the code of the interface."""


def check_digit(digits: str) -> str:
    """The digit that makes `digits` right."""
    state = 0
    for digit in digits:
        state = _DAMM[state][int(digit)]
    return str(state)


def _right(digits: str) -> bool:
    return check_digit(digits) == "0"


def new_codes(random: Random) -> Iterator[str]:
    """Fresh whole codes without end; `random` should be the system's."""
    while True:
        spoken = str(random.randrange(100_000, 1_000_000))
        rest = f"{random.randrange(10**10):010d}"
        yield spoken + check_digit(spoken) + rest + check_digit(rest)


def code_in(text: str) -> str | None:
    """A spoken or a whole code in what somebody typed, dictated or scanned; spaces, dots and dashes do not count. None when it cannot be
    one: the check digits say so before anybody searches."""
    digits = text.translate({ord(c): None for c in " .-\u00a0"})
    if not (digits.isascii() and digits.isdigit()) or len(digits) not in (SPOKEN, WHOLE):
        return None
    return digits if _right(digits[:SPOKEN]) and _right(digits[SPOKEN:]) and digits[0] != "0" else None


def spoken(code: str) -> str:
    """`482 1375`: three, pause, four."""
    return f"{code[:3]} {code[3:SPOKEN]}"


# -- slots -----------------------------------------------------------------------------------------------------------------------


class Slot(NamedTuple):
    start: datetime
    end: datetime


def slots(site: Site, service: str, day: date) -> list[Slot]:
    """The slots of a service on a date, in order: within the office's hours and the service's own. None where nothing is booked."""
    rules = _rules(site, service)
    if rules is None:
        return []
    found = []
    for span in _hours(site, rules, day):
        start = span.start
        while start + rules.slot <= span.end:
            found.append(Slot(site.at(day, start), site.at(day, start + rules.slot)))
            start += rules.slot
    return found


def within_hours(site: Site, service: str, slot: Slot) -> bool:
    """Whether a time, booked at whatever length slots had then, still lies within the office's hours and the service's own."""
    day = site.business_day(slot.start)
    spans = _hours(site, _rules(site, service), day)
    return any(site.at(day, span.start) <= slot.start and slot.end <= site.at(day, span.end) for span in spans)


def _rules(site: Site, service: str) -> BookingRules | None:
    return site.service[service].booking if service in site.service else None


def _hours(site: Site, rules: BookingRules | None, day: date) -> Iterator[Span]:
    """A service that takes no bookings any more keeps those it has, in the office's hours."""
    own = rules.week[day.weekday()] if rules and rules.week else None
    for span in site.hours.spans(day):
        for other in (span,) if own is None else own:
            start, end = max(span.start, other.start), min(span.end, other.end)
            if start < end:
                yield Span(start, end)


def places(rules: BookingRules, counters: float, cycle: float) -> int:
    """How many people one slot takes: `capacity`, and at most `share` of those whom so many counters call in it, at `cycle` minutes each.
    One at least; a share of 1 limits nothing."""
    if rules.share >= 1:
        return rules.capacity
    measured = counters * (rules.slot / MINUTE) / cycle
    return max(1, min(rules.capacity, floor(rules.share * measured)))


OFFER_STANDS = timedelta(minutes=30)
"""So long a place that somebody was told of is told to nobody else; not taken by then, it is told to whoever waits next."""


# -- the bookings of a day -------------------------------------------------------------------------------------------------------


class AppointmentState(StrEnum):
    BOOKED = "booked"
    CHECKED_IN = "checked_in"
    CANCELLED = "cancelled"
    MOVED = "moved"
    """Lives on in the story of another day."""


@dataclass(slots=True, eq=False)
class Appointment:
    """One booking of one citizen on one day. `slot` None: a live number of today, counted from `registered`."""

    code: str
    service: str
    slot: Slot | None
    registered: datetime
    lang: str = "vi"
    procedure: str | None = None
    person: str | None = None
    contact: str | None = None
    state: AppointmentState = AppointmentState.BOOKED
    ticket: str | None = None
    moved_to: date | None = None

    @property
    def live(self) -> bool:
        """Still to come."""
        return self.state is AppointmentState.BOOKED


class Awaiting(NamedTuple):
    """Somebody who wants a place of this day. A reference to how they are reached, nothing of who they are."""

    wait: str
    service: str
    contact: str
    lang: str
    person: str | None


class Closure(NamedTuple):
    """A time that the office has closed for bookings; `service` None: for all."""

    service: str | None
    start: datetime
    end: datetime
    reason: str

    def hits(self, service: str, slot: Slot) -> bool:
        return self.service in (None, service) and slot.start < self.end and self.start < slot.end


@dataclass(slots=True)
class _Places:
    """Of one slot: people who have one, when those given back are offered again, and when somebody was told of one that nobody has taken
    since."""

    taken: int = 0
    back: list[datetime] = field(default_factory=list)
    told: list[datetime] = field(default_factory=list)


def _due(appointment: Appointment) -> datetime:
    assert appointment.slot is not None
    return appointment.slot.start


@dataclass
class Bookings:
    """All bookings of one day. `Day.apply` alone changes it."""

    all: dict[str, Appointment] = field(default_factory=dict)
    by_spoken: dict[str, Appointment] = field(default_factory=dict)
    """Every code of the day, also of those given back: a spoken code means one booking."""
    closures: dict[int, Closure] = field(default_factory=dict)
    """By the number of their event."""
    awaiting: dict[str, Awaiting] = field(default_factory=dict)
    """In the order in which they came."""
    offered: dict[str, tuple[Awaiting, Slot]] = field(default_factory=dict)
    """Whoever has been told of a place, and of which. Told once: the next place is told to somebody else."""
    displaced: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """By the number of the event that took their times away: who has to be told of it."""
    restored: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """By the number of the event that gave their times back: whoever was displaced from them."""
    _off: set[str] = field(default_factory=set)
    """Whoever is displaced now: until the time is kept again, or the booking leaves it. Of one loss nobody is told twice, of the next one
    anew."""
    _places: dict[tuple[str, datetime], _Places] = field(default_factory=dict)
    _persons: dict[tuple[str, str], int] = field(default_factory=dict)
    _expected: dict[str, SortedKeyList] = field(default_factory=dict)

    # -- questions ---------------------------------------------------------------------------------------------------------------

    def find(self, code: str) -> Appointment | None:
        """By its whole or its spoken code."""
        found = self.by_spoken.get(code[:SPOKEN])
        return found if found is not None and (len(code) == SPOKEN or found.code == code) else None

    def taken(self, service: str, start: datetime, now: datetime) -> int:
        """Places of a slot that nobody can have: of people who hold one, and of some given back a moment ago."""
        kept = self._places.get((service, start))
        return kept.taken + sum(1 for back in kept.back if back > now) if kept else 0

    def told_of(self, service: str, start: datetime, now: datetime) -> int:
        """Places of a slot that somebody has been told of a moment ago, and may still be about to book."""
        kept = self._places.get((service, start))
        return sum(1 for at in kept.told if at + OFFER_STANDS > now) if kept else 0

    def next_free(self, service: str, now: datetime) -> datetime | None:
        """When, after `now`, a place of this service comes back or may be told to the next one, if nothing else happens."""
        soon = [
            at
            for (of, _), kept in self._places.items()
            if of == service
            for at in (*kept.back, *(at + OFFER_STANDS for at in kept.told))
            if at > now
        ]
        return min(soon, default=None)

    def closed(self, service: str, slot: Slot) -> Closure | None:
        return next((c for c in self.closures.values() if c.hits(service, slot)), None)

    def of_person(self, service: str, person: str) -> int:
        """Bookings that this person has or has had checked in today for this service."""
        return self._persons.get((service, person), 0)

    def expected(self, service: str, before: datetime, rules: Rules, now: datetime) -> int:
        """How many are still to come whose queue time will be earlier than `before`, if they are punctual."""
        line = self._expected.get(service)
        if not line:
            return 0
        return max(0, int(line.bisect_key_left(before + rules.appointment_head)) - int(line.bisect_key_left(now - rules.grace)))

    def waits(self, wait: str) -> Awaiting | None:
        """Whoever waits for a place, or has been offered one."""
        return self.awaiting.get(wait) or (self.offered[wait][0] if wait in self.offered else None)

    def forgo(self, wait: str) -> None:
        self.awaiting.pop(wait, None)
        self.offered.pop(wait, None)

    def affected(self, closure: Closure) -> list[Appointment]:
        """Whom a closure concerns: they are offered another time, and served if they come all the same."""
        return [a for a in self.all.values() if a.live and a.slot is not None and closure.hits(a.service, a.slot)]

    # -- evolve ------------------------------------------------------------------------------------------------------------------

    def look_again(self, seq: int, now: datetime, kept: Callable[[str, Slot], bool]) -> None:
        """An event may have taken times away, or given some back: remember whose, as far as they are still to come."""
        to_come = {a.code: kept(a.service, a.slot) for a in self.all.values() if a.live and a.slot is not None and a.slot.start > now}
        lost = tuple(code for code, stands in to_come.items() if not stands and code not in self._off)
        back = tuple(code for code, stands in to_come.items() if stands and code in self._off)
        if lost:
            self.displaced[seq] = lost
        if back:
            self.restored[seq] = back
        self._off = (self._off | set(lost)) - set(back)

    def book(self, event: ev.AppointmentBooked) -> None:
        slot = Slot(event.start, event.end) if event.start and event.end else None
        made = Appointment(
            code=event.appointment,
            service=event.service,
            slot=slot,
            registered=event.registered,
            lang=event.lang,
            procedure=event.procedure,
            person=event.person,
            contact=event.contact,
        )
        self.all[made.code] = self.by_spoken[made.code[:SPOKEN]] = made
        self._enter(made)

    def offer(self, event: ev.PlaceOffered, now: datetime) -> None:
        waits = self.awaiting.pop(event.wait)
        self.offered[event.wait] = waits, Slot(event.start, event.end)
        self._places.setdefault((waits.service, event.start), _Places()).told.append(now)

    def move(self, event: ev.AppointmentMoved, now: datetime) -> None:
        moved = self.all[event.appointment]
        self._leave(moved, event.free_at, now)
        moved.slot = Slot(event.start, event.end)
        self._enter(moved)

    def cancel(self, event: ev.AppointmentCancelled, now: datetime) -> None:
        gone = self.all[event.appointment]
        self._leave(gone, event.free_at, now)
        gone.state = AppointmentState.MOVED if event.moved_to else AppointmentState.CANCELLED
        gone.moved_to = event.moved_to

    def check_in(self, code: str, ticket: str) -> None:
        come = self.all[code]
        come.state, come.ticket = AppointmentState.CHECKED_IN, ticket
        if come.slot is not None:
            self._expected[come.service].remove(come)

    def _enter(self, a: Appointment) -> None:
        if a.person is not None:
            self._persons[a.service, a.person] = self.of_person(a.service, a.person) + 1
        if a.slot is not None:
            kept = self._places.setdefault((a.service, a.slot.start), _Places())
            kept.taken += 1
            # Whoever took it, somebody was told of this place, and it is gone: the next one that comes free is another.
            del kept.told[:1]
            self._expected.setdefault(a.service, SortedKeyList(key=_due)).add(a)

    def _leave(self, a: Appointment, free_at: datetime, now: datetime) -> None:
        if a.person is not None:
            self._persons[a.service, a.person] -= 1
        self._off.discard(a.code)
        if a.slot is not None:
            kept = self._places[a.service, a.slot.start]
            kept.taken -= 1
            kept.back = [*(back for back in kept.back if back > now), free_at]
            self._expected[a.service].remove(a)


def return_at(rules: BookingRules, now: datetime, chance: float) -> datetime:
    """When a place given back is offered again: after a random part (`chance`, 0 to 1) of the site's minutes, so that nobody can hand a
    place on by giving it back and booking it in the same second."""
    return now + timedelta(seconds=floor(rules.return_within.total_seconds() * chance))
