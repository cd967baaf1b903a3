"""Appointments as commands and questions, for programs (`server.bookings`) and for citizens' pages (`server.pages.booking`) alike.

Who holds the whole code holds the booking. Names and numbers go into the contacts, never into the story; a day knows a person again by a
hash under a key of its own, which is erased with the day.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from server import persons, presence, sums, wire
from server.access import Principal
from server.api import Context, new_ticket_id
from server.core import appointment as appointments
from server.core import booking
from server.core import events as ev
from server.core.appointment import Appointment, Slot
from server.core.day import Day
from server.core.refused import Refused
from server.core.site import Limits, Site
from server.ledger import Answer, Idempotency
from server.routes import Call, invalid
from server.store import Broken, ContactRow, Poison, Unavailable, Writing

FREE_SHOWN = booking.FREE_SHOWN
FULL = ("slot_full", "unknown_slot", "too_late_to_book")
"""Refusals that name free slots."""
GUESSED = ("not_found", "wrong_hall_code")
"""Refusals of somebody who may be guessing."""
HALL_CODES_PER_HOUR = 10
"""Digits of the hall that one booking may be tried with, from whatever addresses."""
CONTACT_KEPT = timedelta(days=7)
"""After the appointment: for a question about it."""
HOUR_S, DAY_S, MINUTE_S = 3600, 86_400, 60
_random = secrets.SystemRandom()


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: a key, if one came along, the network address, the language, and the key of a repeatable command."""

    who: Principal | None
    address: str
    lang: str
    once: Idempotency | None = None

    @property
    def actor(self) -> str:
        """As it is told in the story."""
        return self.who.id if self.who else "holder"


def asker(call: Call) -> Asker:
    return Asker(call.who, call.address, call.lang, call.once)


# -- what is free ----------------------------------------------------------------------------------------------------------------


class Offer(NamedTuple):
    """A slot as it can be booked now. `closed`: why the office takes no bookings then, if so."""

    slot: Slot
    capacity: int
    left: int
    closed: str | None


def offers(ctx: Context, site: str, service: str, when: date) -> list[Offer]:
    """The slots of a day as they can be booked now; none outside the horizon, in the past, or where nothing is booked."""
    if not bookable_on(ctx, site, service, when):
        return []
    day, now, cycle = ctx.ledger.day(site, when), ctx.ledger.now(site), ctx.cycle(site, service)
    with ctx.ledger.reading:
        if service in day.stopped or day.closed:
            return []
        found = []
        for slot in day.slots(service).values():
            closed = booking.why_unkept(day, service, slot)
            capacity, left = booking.capacity(day, service, slot, cycle), booking.left(day, service, slot, now, cycle)
            found.append(Offer(slot, capacity, left, closed))
        return found


def bookable_on(ctx: Context, site: str, service: str, when: date) -> bool:
    """Whether a date is worth looking at: only such days are read from the store and kept."""
    rules, today = ctx.sites.current(site).service[service].booking, ctx.ledger.today(site)
    return rules is not None and today <= when <= today + timedelta(days=rules.horizon_days)


def nearest(ctx: Context, site: str, service: str, wanted: datetime, known: list[datetime] | None = None) -> list[datetime]:
    """The free slots nearest to an instant, also of other days. `known`: those of its own day, nearest first, if they are known already."""
    rules = ctx.sites.current(site).service[service].booking
    if rules is None:
        return []
    found = list(known or [])
    midnight = wanted.replace(hour=0, minute=0)
    if len(found) == FREE_SHOWN and abs(found[-1] - wanted) <= min(wanted - midnight, midnight + timedelta(days=1) - wanted):
        # No slot of another day can be nearer.
        return found
    now, today, cycle = ctx.ledger.now(site), ctx.ledger.today(site), ctx.cycle(site, service)
    days = [today + timedelta(days=n) for n in range(rules.horizon_days + 1)]
    for when in sorted(days, key=lambda d: abs((d - wanted.date()).days)):
        apart = abs((when - wanted.date()).days)
        if not apart and known is not None:
            continue
        if len(found) >= FREE_SHOWN and apart > 1:
            break
        day = ctx.ledger.day(site, when)
        with ctx.ledger.reading:
            if not day.closed and service not in day.stopped:
                found += booking.free(day, service, wanted, now, cycle)
    return sorted(found, key=lambda start: abs(start - wanted))[:FREE_SHOWN]


def _with_nearest(ctx: Context, site: str, service: str, refused: Refused) -> Refused:
    if refused.code in FULL:
        refused.details["free"] = nearest(ctx, site, service, refused.details["start"], refused.details.get("free"))
    return refused


# -- booking ---------------------------------------------------------------------------------------------------------------------


def book(ctx: Context, asked: Asker, site: str, body: wire.BookIn) -> Answer:
    """Take a place. The answer is the booking as it is sent; a repeat under the same key gets the first one's."""
    if (kept := ctx.ledger.kept(asked.once)) is not None:
        return kept
    office = ctx.sites.current(site)
    service = _service_of(office, body)
    start = body.start.astimezone(office.tz) if body.start else None
    when = start.date() if start else ctx.ledger.today(site)
    reach = {k: v for k, v in (("name", body.name), ("phone", body.phone), ("email", body.email)) if v}
    if reach and not body.consent:
        raise Refused("consent_missing")
    if not body.email:
        # It greets in the mail; where none is written, nothing would ever read it.
        reach.pop("name", None)
    rules = office.service[service].booking if service in office.service else None
    if service not in office.service:
        raise Refused("unknown_service", service=service, known=list(office.service))
    if rules is None:
        raise Refused("not_bookable", service=service)
    if start is not None and not bookable_on(ctx, site, service, when):
        # Far days are not even read.
        late = when < ctx.ledger.today(site)
        refused = Refused("too_late_to_book" if late else "too_early_to_book", start=start, days=rules.horizon_days)
        raise _with_nearest(ctx, site, service, refused)
    slowed = Slowed(ctx, asked, office, anonymous=body.phone is None)
    slowed.prove(ctx, body.sum)
    slowed.ask()
    person = _person(ctx, site, when, body.phone)
    contact = f"c{secrets.token_hex(12)}" if reach else None
    made: list[str] = []

    def command(day: Day, now: datetime) -> list[ev.Event]:
        decided = booking.book(
            day,
            now,
            codes=appointments.new_codes(_random),
            service=service,
            start=start,
            cycle=ctx.cycle(site, service),
            lang=body.lang or asked.lang,
            procedure=body.procedure,
            person=person,
            contact=contact,
        )
        slowed.booked()
        made[:] = [e.appointment for e in decided if isinstance(e, ev.AppointmentBooked)]
        return decided

    def keep(tx: Writing, entries: list[ev.Entry]) -> None:
        if contact:
            tx.put_contact(ContactRow(contact, site, when, "appointment", wire.dumps(reach), when + CONTACT_KEPT))

    def render(day: Day, now: datetime) -> tuple[int, Any]:
        return 201, wire.appointment(day, day.bookings.all[made[0]], now)

    try:
        return ctx.ledger.do(site, command, actor=asked.actor, render=render, once=asked.once, day=when, also=keep if contact else None)
    except Refused as refused:
        raise _with_nearest(ctx, site, service, refused) from None
    except (Unavailable, Broken, Poison):
        slowed.not_made()
        raise


def _service_of(office: Site, body: wire.BookIn) -> str:
    """The service that is meant, by itself or by its procedure."""
    if (body.service is None) == (body.procedure is None) and body.service is None:
        raise Refused("invalid_body", fields=[invalid("service, procedure", "missing")])
    if body.procedure is not None and body.procedure not in office.procedure:
        raise Refused("unknown_procedure", procedure=body.procedure)
    of_procedure = office.procedure[body.procedure].service if body.procedure else None
    if body.service is not None and of_procedure is not None and of_procedure != body.service:
        raise Refused("invalid_body", fields=[invalid("service, procedure", "one_of_two")])
    return body.service or of_procedure or ""


MOVES_PER_HOUR = 4
UNLIMITED = Limits(bookings_per_hour=0, anonymous_per_day=0, sum_after_bookings=0, sum_in_all=0)


class Slowed:
    """Brokers work from few addresses. Staff, who book for others all day, are not counted; a repeat is answered before it comes here.

    Attempts are counted by the hour. A booking without a telephone number is counted only when it has been made: whoever loses the last
    place of a slot twice has not had two.
    """

    def __init__(self, ctx: Context, asked: Asker, office: Site, *, anonymous: bool) -> None:
        staff = asked.who is not None and asked.who.kind == "staff"
        self._access, self._who, self._lang = ctx.access, (office.id, asked.address), asked.lang
        self._limits = UNLIMITED if staff else office.limits
        self._anonymous, self._counted = anonymous, False

    def prove(self, ctx: Context, told: wire.SumIn | None) -> None:
        """Where there is abuse, one small sum before anything else. Refuses `sum_needed` with the question."""
        limits, (site, _) = self._limits, self._who
        own = self._access.counted("asked", limits.sum_after_bookings, HOUR_S, *self._who)
        everybody = self._access.counted("asked by all", limits.sum_in_all, MINUTE_S, site)
        if told is not None and sums.is_right(ctx.ledger, self._access, site, told.token, told.answer):
            return
        if own or everybody:
            raise Refused("sum_needed", wrong=told is not None, **sums.asked(ctx.ledger, site, self._lang))
        self._access.note("asked", limits.sum_after_bookings, HOUR_S, *self._who)
        self._access.note("asked by all", limits.sum_in_all, MINUTE_S, site)

    def ask(self) -> None:
        self._access.count("bookings", self._limits.bookings_per_hour, HOUR_S, *self._who)

    def ask_again(self, code: str) -> None:
        """The same booking once more, from whatever address."""
        most = min(MOVES_PER_HOUR, self._limits.bookings_per_hour)
        self._access.count("moves", most, HOUR_S, self._who[0], code)

    def booked(self) -> None:
        # A decision that is made anew, because somebody else wrote first, is still one booking.
        if self._anonymous and not self._counted:
            try:
                self._access.count("anonymous", self._limits.anonymous_per_day, DAY_S, *self._who)
                self._counted = True
            except Refused as refused:
                # There is a better way on than to wait for a day.
                raise Refused(refused.code, **refused.details, without_phone=True) from None

    def not_made(self) -> None:
        """The disk did not take it: whoever is told that nothing was changed may try again."""
        if self._counted:
            self._access.forget("anonymous", self._limits.anonymous_per_day, DAY_S, *self._who)


def _person(ctx: Context, site: str, when: date, reached: str | None) -> str | None:
    """Who books or waits, as only this day knows: a keyed hash of the telephone number, or of the e-mail address."""
    return None if reached is None else persons.mark(ctx.ledger, site, when, reached)


# -- one's own booking -----------------------------------------------------------------------------------------------------------


def held(ctx: Context, asked: Asker, text: str, site: str | None = None) -> tuple[Day, Appointment]:
    """The booking whose whole code this is, with its day; only of this site, where one is named. Whoever guesses is slowed down.
    Refuses `not_found` and `too_many_requests`."""
    with Guard(ctx, asked, site):
        code = appointments.code_in(text)
        where = ctx.ledger.day_of_appointment(code) if code and len(code) == appointments.WHOLE else None
        if where is None or (site or where[0]) != where[0]:
            raise Refused("not_found")
        return found_on(ctx, *where, code or "")


def found_on(ctx: Context, site: str, when: date, code: str) -> tuple[Day, Appointment]:
    ctx.ledger.fresh(site)
    day = ctx.ledger.day(site, when) if when >= ctx.ledger.today(site) else ctx.ledger.history(site, when)
    found = day.bookings.find(code)
    if found is None:
        raise Refused("not_found")
    return day, found


class Guard:
    """Counts wrong codes of an address, or of a kiosk, and of everybody. Beyond the limits nobody who guesses is answered.

    A short link names no site: it is counted at the only one there is, or under the usual limits at all of them together.
    """

    def __init__(self, ctx: Context, asked: Asker, site: str | None) -> None:
        only = ctx.sites.ids()
        place = site or (only[0] if len(only) == 1 else None)
        self._access, self._limits = ctx.access, ctx.sites.current(place).limits if place else Limits()
        self._who = (place or "", asked.who.id if asked.who else asked.address)

    def __enter__(self) -> None:
        limits = self._limits
        self._access.not_beyond("wrong", limits.wrong_codes_per_minute, MINUTE_S, *self._who)
        if limits.wrong_codes_in_all and self._access.counted("guesser", 1, HOUR_S, *self._who):
            self._access.not_beyond("wrong in all", limits.wrong_codes_in_all, MINUTE_S, self._who[0])

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, Refused) and error.code in GUESSED:
            limits = self._limits
            self._access.note("wrong", limits.wrong_codes_per_minute, MINUTE_S, *self._who)
            self._access.note("guesser", 1, HOUR_S, *self._who)
            self._access.note("wrong in all", limits.wrong_codes_in_all, MINUTE_S, self._who[0])


def move(ctx: Context, asked: Asker, day: Day, found: Appointment, to: datetime) -> Answer:
    """Another time of the same service; the answer is the booking as it stands then."""
    if (kept := ctx.ledger.kept(asked.once)) is not None:
        return kept
    site = day.site.id
    start = to.astimezone(ctx.sites.current(site).tz)
    rules = ctx.sites.current(site).service[found.service].booking if found.service in ctx.sites.current(site).service else None
    if rules is None:
        raise Refused("not_bookable", service=found.service)
    if not bookable_on(ctx, site, found.service, start.date()):
        late = start.date() < ctx.ledger.today(site)
        refused = Refused("too_late_to_book" if late else "too_early_to_book", start=start, days=rules.horizon_days)
        raise _with_nearest(ctx, site, found.service, refused)
    contact = ctx.ledger.store.contact(found.contact) if found.contact else None
    phone = wire.loads(contact.body).get("phone") if contact else None
    person = _person(ctx, site, start.date(), phone) if start.date() != day.date else found.person
    # Whoever moves from slot to slot would empty a day for everybody else, and whoever takes the consent back first is nobody's person.
    slowed = Slowed(ctx, asked, ctx.sites.current(site), anonymous=found.person is not None and person is None)
    slowed.ask()
    slowed.ask_again(found.code)
    chance, code = _random.random(), [found.code]

    def command(day: Day, other: Day, now: datetime) -> list[tuple[date, ev.Event]]:
        decided = booking.move(
            day,
            other,
            now,
            code=found.code,
            start=start,
            cycle=ctx.cycle(site, found.service),
            chance=chance,
            codes=appointments.new_codes(_random),
            person=person,
        )
        code[:] = [e.appointment for _, e in decided if isinstance(e, ev.AppointmentBooked)] or [found.code]
        if decided:
            slowed.booked()
        return decided

    def keep(tx: Writing, entries: list[ev.Entry]) -> None:
        if contact is not None and start.date() != day.date:
            tx.keep_contact(contact.id, start.date(), start.date() + CONTACT_KEPT)

    def render(day: Day, now: datetime) -> tuple[int, Any]:
        return 200, wire.appointment(day, day.bookings.all[code[0]], now)

    try:
        return ctx.ledger.do_both(
            site, day.date, start.date(), command, actor=asked.actor, render=render, once=asked.once, also=keep if contact else None
        )
    except Refused as refused:
        raise _with_nearest(ctx, site, found.service, refused) from None


def give_back(ctx: Context, asked: Asker, day: Day, found: Appointment) -> Answer:
    """The answer is the booking, cancelled. Refuses `appointment_over`."""
    chance = _random.random()

    def render(day: Day, now: datetime) -> tuple[int, Any]:
        return 200, wire.appointment(day, day.bookings.all[found.code], now)

    return ctx.ledger.do(
        day.site.id,
        lambda day, now: booking.cancel(day, now, code=found.code, chance=chance),
        actor=asked.actor,
        render=render,
        once=asked.once,
        day=day.date,
    )


def by_phone(ctx: Context, day: Day, found: Appointment) -> bool:
    """Whether the booking can be checked in now, by its holder, in the hall."""
    service = ctx.sites.current(day.site.id).service.get(found.service)
    if service is None or service.booking is None or not service.booking.phone_check_in or day.date != ctx.ledger.today(day.site.id):
        return False
    with ctx.ledger.reading:
        try:
            booking.check_in(day, ctx.ledger.now(day.site.id), code=found.code, ticket="", kiosk=None)
        except Refused:
            return False
        return True


def check_in_here(ctx: Context, asked: Asker, day: Day, found: Appointment, typed: str) -> Answer:
    """Turn a booking into a ticket by its holder's telephone; the answer is the ticket. `typed` are the digits that are seen in the hall:
    whoever is at home would be called to an empty chair. Refuses `wrong_hall_code`, `too_many_requests`, `not_found` where it is not
    offered, and what checking in refuses."""
    if (kept := ctx.ledger.kept(asked.once)) is not None:
        return kept
    office = ctx.sites.current(day.site.id)
    if not by_phone(ctx, day, found):
        raise Refused("not_found")
    with Guard(ctx, asked, office.id):
        ctx.access.count("hall code", HALL_CODES_PER_HOUR, HOUR_S, office.id, found.code)
        if not presence.is_here(ctx.ledger, office, typed):
            raise Refused("wrong_hall_code")
    ticket = new_ticket_id()
    return ctx.ledger.do(
        office.id,
        lambda day, now: booking.check_in(day, now, code=found.code, ticket=ticket, kiosk=None),
        actor=asked.actor,
        render=lambda day, now: (201, ctx.ticket(day, ticket, now)),
        once=asked.once,
        day=day.date,
    )


def silence(ctx: Context, found: Appointment) -> None:
    """Consent taken back: the contact is erased at once, the booking stands."""
    if found.contact is not None:
        contact = found.contact
        ctx.ledger.write(lambda tx: tx.erase_contact(contact))


# -- waiting for a place ---------------------------------------------------------------------------------------------------------


def await_place(ctx: Context, asked: Asker, site: str, when: date, body: wire.AwaitIn) -> Answer:
    """Be told when a place of a full day comes free. Refuses `places_left` as long as there are any, and `already_waiting`: an
    address waits once for a service and a day."""
    if (kept := ctx.ledger.kept(asked.once)) is not None:
        return kept
    office = ctx.sites.current(site)
    if body.service not in office.service:
        raise Refused("unknown_service", service=body.service, known=list(office.service))
    if not (ctx.can_mail and bookable_on(ctx, site, body.service, when)):
        # Nothing is promised that cannot be kept.
        raise Refused("not_bookable", service=body.service)
    Slowed(ctx, asked, office, anonymous=False).ask()
    person = _person(ctx, site, when, _mailbox(body.email))
    name, contact = f"w{secrets.token_hex(12)}", f"c{secrets.token_hex(12)}"

    def command(day: Day, now: datetime) -> list[ev.Event]:
        cycle, lang = ctx.cycle(site, body.service), body.lang or asked.lang
        return booking.await_place(day, now, wait=name, service=body.service, contact=contact, cycle=cycle, lang=lang, person=person)

    def keep(tx: Writing, entries: list[ev.Entry]) -> None:
        tx.put_contact(ContactRow(contact, site, when, "waiting", wire.dumps({"email": body.email}), when + timedelta(days=1)))

    answer: wire.AwaitingOut = {"wait": name, "service": body.service, "day": when.isoformat()}
    return ctx.ledger.do(site, command, actor=asked.actor, render=lambda day, now: (201, answer), once=asked.once, day=when, also=keep)


def _mailbox(email: str) -> str:
    """Where mail to this address arrives, as far as one can know: however it is written, and whatever stands after a plus."""
    name, _, domain = email.casefold().rpartition("@")
    return f"{name.partition('+')[0]}@{domain}"


def forgo_place(ctx: Context, asked: Asker, site: str, when: date, name: str) -> None:
    """Wait no longer; the contact is erased at once. Refuses `not_found`."""
    awaiting = ctx.ledger.day(site, when).bookings.waits(name)
    if awaiting is None:
        raise Refused("not_found")
    erase = awaiting.contact
    ctx.ledger.do(
        site,
        lambda day, now: booking.forgo_place(day, now, wait=name),
        actor=asked.actor,
        render=lambda day, now: (204, {}),
        once=asked.once,
        day=when,
        also=lambda tx, entries: tx.erase_contact(erase),
    )
