"""The HTTP interface of appointments: free slots, booking, moving, giving back, checking in, times that the office closes.

Who holds the whole code holds the booking. The spoken code alone is enough at a kiosk or a helper's desk only. Names and numbers go into
the contacts, never into the story; a day knows a person again by a hash under a key of its own, which is erased with the day.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import date, datetime, timedelta
from typing import Any

from flask import Response

from server import wire
from server.access import Principal
from server.api import Context, new_ticket_id, run
from server.core import appointment as appointments
from server.core import booking
from server.core import events as ev
from server.core.appointment import Appointment
from server.core.day import Day
from server.core.refused import Refused
from server.core.site import Site
from server.routes import Call, Reply, Routes, day_of, invalid
from server.store import ContactRow, Writing

FREE_SHOWN = booking.FREE_SHOWN
FULL = ("slot_full", "unknown_slot", "too_late_to_book")
BOOK_REFUSES = (
    *FULL,
    "too_early_to_book",
    "not_bookable",
    "start_missing",
    "already_booked",
    "consent_missing",
    "unknown_service",
    "unknown_procedure",
    "closed",
    "after_last_ticket",
    "service_stopped",
    "too_many_requests",
)
CONTACT_KEPT = timedelta(days=7)
"""After the appointment: for a question about it."""
LOOK_BACK = timedelta(days=7)
"""A spoken code of last week is told its day; an older one is unknown."""
HOUR_S, DAY_S, MINUTE_S = 3600, 86_400, 60
_random = secrets.SystemRandom()


def declare(routes: Routes, ctx: Context) -> None:
    """Declare every operation."""
    _free(routes, ctx)
    _book(routes, ctx)
    _own(routes, ctx)
    _check_in(routes, ctx)
    _awaiting(routes, ctx)
    _closures(routes, ctx)


# -- what is free ----------------------------------------------------------------------------------------------------------------


def _free(routes: Routes, ctx: Context) -> None:
    @routes.add(
        "GET",
        "/sites/{site}/slots",
        summary="The slots of a service on a date, and how many places are left",
        answers={200: list[wire.SlotOut]},
        query={"service": "whose slots", "date": "as 2026-11-23"},
        refuses=("unknown_service", "invalid_body"),
    )
    def slots(call: Call) -> Reply:
        site, service = call.path["site"], call.query.get("service", "")
        office = ctx.sites.current(site)
        if service not in office.service:
            raise Refused("unknown_service", service=service, known=list(office.service))
        try:
            when = day_of(call.query.get("date", ""))
        except Refused:
            raise Refused("invalid_body", fields=[invalid("date", "not_a_date")]) from None
        return 200, free_slots(ctx, site, service, when)


def free_slots(ctx: Context, site: str, service: str, when: date) -> list[wire.SlotOut]:
    """The slots of a day as they can be booked now; none outside the horizon, in the past, or where nothing is booked."""
    if not _bookable_on(ctx, site, service, when):
        return []
    day, now, cycle = ctx.ledger.day(site, when), ctx.ledger.now(site), ctx.cycle(site, service)
    with ctx.ledger.reading:
        if service in day.stopped or day.closed:
            return []
        return [
            {
                "start": wire.instant(slot.start),
                "end": wire.instant(slot.end),
                "capacity": booking.capacity(day, service, slot, cycle),
                "left": booking.left(day, service, slot, now, cycle),
            }
            for slot in day.slots(service).values()
        ]


def _bookable_on(ctx: Context, site: str, service: str, when: date) -> bool:
    """Whether a date is worth looking at: only such days are read from the store and kept."""
    rules, today = ctx.sites.current(site).service[service].booking, ctx.ledger.today(site)
    return rules is not None and today <= when <= today + timedelta(days=rules.horizon_days)


def _with_nearest(ctx: Context, site: str, service: str, refused: Refused) -> Refused:
    """A refusal that names the nearest free slots, also of other days."""
    office, wanted = ctx.sites.current(site), refused.details["start"]
    rules = office.service[service].booking
    assert rules is not None
    found: list[datetime] = refused.details.get("free", [])
    midnight = wanted.replace(hour=0, minute=0)
    if len(found) == FREE_SHOWN and abs(found[-1] - wanted) <= min(wanted - midnight, midnight + timedelta(days=1) - wanted):
        # No slot of another day can be nearer.
        return refused
    now, today, cycle = ctx.ledger.now(site), ctx.ledger.today(site), ctx.cycle(site, service)
    days = [today + timedelta(days=n) for n in range(rules.horizon_days + 1)]
    for when in sorted(days, key=lambda d: abs((d - wanted.date()).days)):
        apart = abs((when - wanted.date()).days)
        if not apart:
            continue
        if len(found) >= FREE_SHOWN and apart > 1:
            break
        day = ctx.ledger.day(site, when)
        with ctx.ledger.reading:
            if not day.closed and service not in day.stopped:
                found += booking.free(day, service, wanted, now, cycle)
    refused.details["free"] = sorted(found, key=lambda start: abs(start - wanted))[:FREE_SHOWN]
    return refused


# -- booking ---------------------------------------------------------------------------------------------------------------------


def _book(routes: Routes, ctx: Context) -> None:
    @routes.add(
        "POST",
        "/sites/{site}/appointments",
        summary="Book a place; with an Idempotency-Key a repeat gets the same place",
        body=wire.BookIn,
        answers={201: wire.AppointmentOut},
        refuses=BOOK_REFUSES,
        once=None,
    )
    def book(call: Call) -> Reply:
        body: wire.BookIn = call.body
        site = call.path["site"]
        office = ctx.sites.current(site)
        service = _service_of(office, body)
        start = body.start.astimezone(office.tz) if body.start else None
        when = start.date() if start else ctx.ledger.today(site)
        reach = {k: v for k, v in (("name", body.name), ("phone", body.phone), ("email", body.email)) if v}
        if reach and not body.consent:
            raise Refused("consent_missing")
        rules = office.service[service].booking if service in office.service else None
        if start is not None and rules is not None and not _bookable_on(ctx, site, service, when):
            # Far days are not even read.
            late = when < ctx.ledger.today(site)
            code = "too_late_to_book" if late else "too_early_to_book"
            raise Refused(code, start=start, days=rules.horizon_days)
        _slow_down(ctx, call, office, anonymous=body.phone is None)
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
                lang=body.lang or call.lang,
                procedure=body.procedure,
                person=person,
                contact=contact,
            )
            made[:] = [e.appointment for e in decided if isinstance(e, ev.AppointmentBooked)]
            return decided

        def keep(tx: Writing, entries: list[ev.Entry]) -> None:
            if contact:
                tx.put_contact(ContactRow(contact, site, when, "appointment", wire.dumps(reach), when + CONTACT_KEPT))

        def render(day: Day, now: datetime) -> tuple[int, Any]:
            return 201, wire.appointment(day, day.bookings.all[made[0]], now)

        try:
            return run(ctx, call, command, render, day=when, also=keep if contact else None)
        except Refused as refused:
            raise _with_nearest(ctx, site, service, refused) if refused.code in FULL else refused from None


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


def _slow_down(ctx: Context, call: Call, office: Site, *, anonymous: bool) -> None:
    """Brokers work from few addresses. Staff, who book for others all day, are not counted."""
    if call.who is not None and call.who.kind == "staff":
        return
    limits, who = office.limits, (office.id, call.address)
    ctx.access.count("bookings", limits.bookings_per_hour, HOUR_S, *who)
    if anonymous:
        ctx.access.count("anonymous", limits.anonymous_per_day, DAY_S, *who)


def _person(ctx: Context, site: str, when: date, phone: str | None) -> str | None:
    """Who books, as only this day knows: a keyed hash of the telephone number."""
    if phone is None:
        return None
    key = ctx.ledger.store.day_key(site, when)
    if key is None:
        fresh = secrets.token_hex(32)
        ctx.ledger.write(lambda tx: tx.put_day_key(site, when, fresh, when + timedelta(days=1)))
        key = ctx.ledger.store.day_key(site, when)
        assert key is not None
    return hmac.new(bytes.fromhex(key), phone.encode(), hashlib.sha256).hexdigest()[:32]


# -- one's own booking -----------------------------------------------------------------------------------------------------------


def _own(routes: Routes, ctx: Context) -> None:
    path = "/sites/{site}/appointments/{code}"

    @routes.add(
        "GET", path, summary="A booking, for whoever holds its code", answers={200: wire.AppointmentOut}, refuses=("too_many_requests",)
    )
    def look(call: Call) -> Reply:
        day, found = held(ctx, call)
        with ctx.ledger.reading:
            return 200, wire.appointment(day, found, ctx.ledger.now(day.site.id))

    @routes.add(
        "PATCH",
        path,
        summary="Move to another time, or take back the consent to be written to",
        body=wire.ChangeIn,
        answers={200: wire.AppointmentOut},
        refuses=(*FULL, "too_early_to_book", "too_late_to_move", "appointment_over", "already_booked", "not_bookable", "too_many_requests"),
    )
    def change(call: Call) -> Reply:
        body: wire.ChangeIn = call.body
        if (body.start is None) == (body.consent is None):
            raise Refused("invalid_body", fields=[invalid("start, consent", "one_of_two")])
        day, found = held(ctx, call)
        return _move(ctx, call, day, found, body.start) if body.start else _silence(ctx, call, day, found)

    @routes.add(
        "DELETE",
        path,
        summary="Give the place back",
        answers={200: wire.AppointmentOut},
        refuses=("appointment_over", "too_many_requests"),
    )
    def give_back(call: Call) -> Reply:
        day, found = held(ctx, call)
        chance = _random.random()

        def render(day: Day, now: datetime) -> tuple[int, Any]:
            return 200, wire.appointment(day, day.bookings.all[found.code], now)

        return run(ctx, call, lambda day, now: booking.cancel(day, now, code=found.code, chance=chance), render, day=day.date)


def held(ctx: Context, call: Call) -> tuple[Day, Appointment]:
    """The booking whose whole code stands in the path, with its day. Whoever guesses is slowed down."""
    site = call.path["site"]
    with _guarded(ctx, call):
        code = appointments.code_in(call.path["code"])
        where = ctx.ledger.day_of_appointment(code) if code and len(code) == appointments.WHOLE else None
        if where is None or where[0] != site:
            raise Refused("not_found")
        return _found(ctx, *where, code or "")


def _found(ctx: Context, site: str, when: date, code: str) -> tuple[Day, Appointment]:
    day = ctx.ledger.day(site, when) if when >= ctx.ledger.today(site) else ctx.ledger.history(site, when)
    found = day.bookings.find(code)
    if found is None:
        raise Refused("not_found")
    return day, found


class _guarded:
    """Counts wrong codes of an address, or of a kiosk, and of everybody. Beyond the limits nobody who guesses is answered."""

    def __init__(self, ctx: Context, call: Call) -> None:
        self._access, self._limits = ctx.access, ctx.sites.current(call.path["site"]).limits
        self._who = (call.path["site"], call.who.id if call.who else call.address)

    def __enter__(self) -> None:
        limits = self._limits
        self._access.not_beyond("wrong", limits.wrong_codes_per_minute, MINUTE_S, *self._who)
        if limits.wrong_codes_in_all and self._access.counted("guesser", 1, HOUR_S, *self._who):
            self._access.not_beyond("wrong in all", limits.wrong_codes_in_all, MINUTE_S, self._who[0])

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, Refused) and error.code == "not_found":
            limits = self._limits
            self._access.note("wrong", limits.wrong_codes_per_minute, MINUTE_S, *self._who)
            self._access.note("guesser", 1, HOUR_S, *self._who)
            self._access.note("wrong in all", limits.wrong_codes_in_all, MINUTE_S, self._who[0])


def _move(ctx: Context, call: Call, day: Day, found: Appointment, to: datetime) -> Reply:
    site = day.site.id
    start = to.astimezone(ctx.sites.current(site).tz)
    rules = ctx.sites.current(site).service[found.service].booking if found.service in ctx.sites.current(site).service else None
    if rules is None:
        raise Refused("not_bookable", service=found.service)
    if not _bookable_on(ctx, site, found.service, start.date()):
        late = start.date() < ctx.ledger.today(site)
        raise Refused("too_late_to_book" if late else "too_early_to_book", start=start, days=rules.horizon_days)
    contact = ctx.ledger.store.contact(found.contact) if found.contact else None
    phone = wire.loads(contact.body).get("phone") if contact else None
    person = _person(ctx, site, start.date(), phone) if start.date() != day.date else found.person
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
        return decided

    def keep(tx: Writing, entries: list[ev.Entry]) -> None:
        if contact is not None and start.date() != day.date:
            tx.erase_contact(contact.id)
            row = ContactRow(contact.id, site, start.date(), contact.purpose, contact.body, start.date() + CONTACT_KEPT)
            tx.put_contact(row)

    def render(day: Day, now: datetime) -> tuple[int, Any]:
        return 200, wire.appointment(day, day.bookings.all[code[0]], now)

    actor = call.who.id if call.who else "holder"
    try:
        answer = ctx.ledger.do_both(site, day.date, start.date(), command, actor=actor, render=render, also=keep if contact else None)
    except Refused as refused:
        raise _with_nearest(ctx, site, found.service, refused) if refused.code in FULL else refused from None
    return answer.status, answer.body


def _silence(ctx: Context, call: Call, day: Day, found: Appointment) -> Reply:
    """Consent taken back: the contact is erased at once, the booking stands."""
    if found.contact is not None:
        contact = found.contact
        ctx.ledger.write(lambda tx: tx.erase_contact(contact))
    with ctx.ledger.reading:
        return 200, wire.appointment(day, found, ctx.ledger.now(day.site.id))


# -- checking in -----------------------------------------------------------------------------------------------------------------


def _check_in(routes: Routes, ctx: Context) -> None:
    @routes.add(
        "POST",
        "/sites/{site}/appointments/{code}/check-in",
        summary="Turn a booking into a ticket; also by its spoken code",
        roles=("kiosk", "helper"),
        body=wire.CheckInIn,
        answers={201: wire.TicketOut},
        refuses=("already_checked_in", "wrong_day", "wrong_site", "cancelled", "closed", "unknown_priority", "too_many_requests"),
        once=True,
    )
    def check_in(call: Call) -> Reply:
        body: wire.CheckInIn = call.body
        site = call.path["site"]
        if body.priority is not None and body.priority not in ctx.sites.current(site).priority_group:
            raise Refused("unknown_priority", priority=body.priority, known=list(ctx.sites.current(site).priority_group))
        with _guarded(ctx, call):
            day, found = _for_today(ctx, call)
        return run(ctx, call, *checking_in(ctx, call.principal, found.code, body), day=day.date)


def checking_in(ctx: Context, who: Principal, code: str, body: wire.CheckInIn) -> tuple[Any, Any]:
    """The command that checks a booking in, and how its answer is told."""
    ticket = new_ticket_id()

    def command(day: Day, now: datetime) -> list[ev.Event]:
        return booking.check_in(
            day,
            now,
            code=code,
            ticket=ticket,
            kiosk=who.place if who.role == "kiosk" else None,
            priority=body.priority is not None,
            lang=body.lang,
        )

    return command, lambda day, now: (201, ctx.ticket(day, ticket, now))


def _for_today(ctx: Context, call: Call) -> tuple[Day, Appointment]:
    """The booking of this day that is meant. Refuses `not_found`, `wrong_site`, `wrong_day` and `cancelled`."""
    site, code = call.path["site"], appointments.code_in(call.path["code"])
    if code is None:
        raise Refused("not_found")
    day, found = _by_whole(ctx, site, code) if len(code) == appointments.WHOLE else _by_spoken(ctx, site, code)
    if day.date != ctx.ledger.today(site):
        if not found.live:
            raise Refused("cancelled")
        raise Refused("wrong_day", start=found.slot.start if found.slot else found.registered)
    return day, found


def _by_whole(ctx: Context, site: str, code: str) -> tuple[Day, Appointment]:
    where = ctx.ledger.day_of_appointment(code)
    if where is None:
        raise Refused("not_found")
    if where[0] != site:
        raise Refused("wrong_site", name=ctx.sites.current(where[0]).name)
    return _found(ctx, *where, code)


def _by_spoken(ctx: Context, site: str, code: str) -> tuple[Day, Appointment]:
    """Today's, else the only one of the days around: a spoken code is unique in its day alone."""
    today = ctx.ledger.today(site)
    day = ctx.ledger.day(site, today)
    found = day.bookings.find(code)
    if found is not None:
        return day, found
    others = []
    for when in ctx.ledger.days_before(site, today + timedelta(days=91), timedelta(days=91) + LOOK_BACK):
        if when != today:
            other = ctx.ledger.day(site, when) if when > today else ctx.ledger.history(site, when)
            if (found := other.bookings.find(code)) is not None:
                others.append((other, found))
    if len(others) != 1:
        raise Refused("not_found")
    return others[0]


# -- waiting for a place ---------------------------------------------------------------------------------------------------------


def _awaiting(routes: Routes, ctx: Context) -> None:
    path = "/sites/{site}/days/{date}/waiting"

    @routes.add(
        "POST",
        path,
        summary="Be told when a place comes free on a full day",
        body=wire.AwaitIn,
        answers={201: wire.AwaitingOut},
        refuses=("places_left", "not_bookable", "unknown_service", "too_many_requests"),
        once=None,
    )
    def wait(call: Call) -> Reply:
        body: wire.AwaitIn = call.body
        site, when = call.path["site"], _near_day(ctx, call)
        _slow_down(ctx, call, ctx.sites.current(site), anonymous=False)
        name, contact = f"w{secrets.token_hex(12)}", f"c{secrets.token_hex(12)}"

        def command(day: Day, now: datetime) -> list[ev.Event]:
            cycle, lang = ctx.cycle(site, body.service), body.lang or call.lang
            return booking.await_place(day, now, wait=name, service=body.service, contact=contact, cycle=cycle, lang=lang)

        def keep(tx: Writing, entries: list[ev.Entry]) -> None:
            tx.put_contact(ContactRow(contact, site, when, "waiting", wire.dumps({"email": body.email}), when + timedelta(days=1)))

        answer: wire.AwaitingOut = {"wait": name, "service": body.service, "day": when.isoformat()}
        return run(ctx, call, command, lambda day, now: (201, answer), day=when, also=keep)

    @routes.add("DELETE", path + "/{wait}", summary="Wait for a place no longer", answers={204: None})
    def forgo(call: Call) -> Reply:
        when, name = _near_day(ctx, call), call.path["wait"]
        awaiting = ctx.ledger.day(call.path["site"], when).bookings.awaiting.get(name)
        if awaiting is None:
            raise Refused("not_found")
        command, erase = (lambda day, now: booking.forgo_place(day, now, wait=name)), awaiting.contact
        run(ctx, call, command, lambda day, now: (204, {}), day=when, also=lambda tx, entries: tx.erase_contact(erase))
        return Response(status=204)


# -- times that the office closes ------------------------------------------------------------------------------------------------


def _closures(routes: Routes, ctx: Context) -> None:
    path = "/sites/{site}/days/{date}/closures"

    @routes.add(
        "POST",
        path,
        summary="Close a time for bookings; who has one is offered another",
        roles=("supervisor",),
        body=wire.ClosureIn,
        answers={201: wire.ClosureOut},
        refuses=("unknown_service", "wrong_hours"),
        once=True,
    )
    def close(call: Call) -> Reply:
        body: wire.ClosureIn = call.body
        when = _near_day(ctx, call)
        tz = ctx.sites.current(call.path["site"]).tz

        def command(day: Day, now: datetime) -> list[ev.Event]:
            start, end = body.start.astimezone(tz), body.end.astimezone(tz)
            return booking.close_slots(day, now, start=start, end=end, reason=body.reason, service=body.service)

        return run(ctx, call, command, lambda day, now: (201, wire.closure(day, max(day.bookings.closures))), day=when)

    @routes.add("GET", path, summary="Times closed for bookings", roles=("supervisor", "helper"), answers={200: list[wire.ClosureOut]})
    def closed(call: Call) -> Reply:
        day = ctx.ledger.day(call.path["site"], _near_day(ctx, call))
        with ctx.ledger.reading:
            return 200, [wire.closure(day, number) for number in day.bookings.closures]

    @routes.add(
        "DELETE",
        path + "/{closure}",
        summary="Open a closed time again",
        roles=("supervisor",),
        answers={200: list[wire.ClosureOut]},
    )
    def reopen(call: Call) -> Reply:
        when = _near_day(ctx, call)
        number = call.path["closure"]
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            raise Refused("not_found")
        if int(number) not in ctx.ledger.day(call.path["site"], when).bookings.closures:
            raise Refused("not_found")
        return run(
            ctx,
            call,
            lambda day, now: booking.reopen_slots(day, now, closure=int(number)),
            lambda day, now: (200, [wire.closure(day, each) for each in day.bookings.closures]),
            day=when,
        )


def _near_day(ctx: Context, call: Call) -> date:
    """A date that can still be booked or is today; others are unknown."""
    when, today = day_of(call.path["date"]), ctx.ledger.today(call.path["site"])
    if not today <= when <= today + timedelta(days=91):
        raise Refused("not_found")
    return when
