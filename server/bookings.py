"""The HTTP interface of appointments: free slots, booking, moving, giving back, checking in, times that the office closes.

The spoken code alone is enough at a kiosk or a helper's desk only.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from werkzeug.wrappers import Response

from server import appointments, wire
from server.api import Context, answered, new_ticket_id, paper_at, run
from server.appointments import FULL, Guard, asker, found_on, held
from server.core import booking
from server.core import events as ev
from server.core.appointment import WHOLE, Appointment, AppointmentState, code_in
from server.core.day import Day
from server.core.refused import Refused
from server.routes import Call, Reply, Routes, day_of, invalid

BOOK_REFUSES = (
    *FULL,
    "too_early_to_book",
    "not_bookable",
    "start_missing",
    "sum_needed",
    "already_booked",
    "consent_missing",
    "unknown_service",
    "unknown_procedure",
    "closed",
    "after_last_ticket",
    "service_stopped",
    "too_many_requests",
)
LOOK_BACK = timedelta(days=7)
"""A spoken code of last week is told its day; an older one is unknown."""


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
        return 200, [
            {"start": wire.instant(o.slot.start), "end": wire.instant(o.slot.end), "capacity": o.capacity, "left": o.left}
            for o in appointments.offers(ctx, site, service, when)
        ]


# -- booking ---------------------------------------------------------------------------------------------------------------------


def _book(routes: Routes, ctx: Context) -> None:
    @routes.add(
        "POST",
        "/sites/{site}/appointments",
        summary="Book a place; a repeat under its key gets the same place",
        body=wire.BookIn,
        answers={201: wire.AppointmentOut},
        refuses=BOOK_REFUSES,
        once=True,
    )
    def book(call: Call) -> Reply:
        return answered(appointments.book(ctx, asker(call), call.path["site"], call.body))


# -- one's own booking -----------------------------------------------------------------------------------------------------------


def _own(routes: Routes, ctx: Context) -> None:
    path = "/sites/{site}/appointments/{code}"

    @routes.add(
        "GET", path, summary="A booking, for whoever holds its code", answers={200: wire.AppointmentOut}, refuses=("too_many_requests",)
    )
    def look(call: Call) -> Reply:
        day, found = _held(ctx, call)
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
        day, found = _held(ctx, call)
        if body.start is not None:
            return answered(appointments.move(ctx, asker(call), day, found, body.start))
        appointments.silence(ctx, found)
        with ctx.ledger.reading:
            return 200, wire.appointment(day, found, ctx.ledger.now(day.site.id))

    @routes.add(
        "DELETE",
        path,
        summary="Give the place back",
        answers={200: wire.AppointmentOut},
        refuses=("appointment_over", "too_many_requests"),
    )
    def give_back(call: Call) -> Reply:
        return answered(appointments.give_back(ctx, asker(call), *_held(ctx, call)))


def _held(ctx: Context, call: Call) -> tuple[Day, Appointment]:
    return held(ctx, asker(call), call.path["code"], call.path["site"])


# -- checking in -----------------------------------------------------------------------------------------------------------------


def _check_in(routes: Routes, ctx: Context) -> None:
    @routes.add(
        "POST",
        "/sites/{site}/appointments/{code}/check-in",
        summary="Turn a booking into a ticket; also by its spoken code",
        roles=("kiosk", "helper"),
        body=wire.CheckInIn,
        answers={201: wire.TicketOut},
        refuses=(
            "already_checked_in",
            "wrong_day",
            "wrong_site",
            "cancelled",
            "closed",
            "unknown_priority",
            "unknown_place",
            "too_many_requests",
        ),
        once=True,
    )
    def check_in(call: Call) -> Reply:
        body: wire.CheckInIn = call.body
        site = call.path["site"]
        if body.priority is not None and body.priority not in ctx.sites.current(site).priority_group:
            raise Refused("unknown_priority", priority=body.priority, known=list(ctx.sites.current(site).priority_group))
        with Guard(ctx, asker(call), call.path["site"]):
            day, found = _for_today(ctx, call)
        return run(ctx, call, *checking_in(ctx, paper_at(ctx, call, body.kiosk), found.code, body), day=day.date)


def checking_in(ctx: Context, kiosk: str | None, code: str, body: wire.CheckInIn) -> tuple[Any, Any]:
    """The command that checks a booking in, and how its answer is told."""
    ticket = new_ticket_id()

    def command(day: Day, now: datetime) -> list[ev.Event]:
        return booking.check_in(
            day,
            now,
            code=code,
            ticket=ticket,
            kiosk=kiosk,
            priority=body.priority is not None,
            lang=body.lang,
        )

    return command, lambda day, now: (201, ctx.ticket(day, ticket, now))


def _for_today(ctx: Context, call: Call) -> tuple[Day, Appointment]:
    """The booking of this day that is meant. Refuses `not_found`, `wrong_site`, `wrong_day` and `cancelled`."""
    site, code = call.path["site"], code_in(call.path["code"])
    if code is None:
        raise Refused("not_found")
    day, found = _by_whole(ctx, site, code) if len(code) == WHOLE else _by_spoken(ctx, site, code)
    if day.date != ctx.ledger.today(site):
        if found.ticket is not None:
            taken = day.tickets[found.ticket]
            raise Refused("already_checked_in", ticket=taken.code, id=taken.id, at=taken.issued_at)
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
    return found_on(ctx, *where, code)


def _by_spoken(ctx: Context, site: str, code: str) -> tuple[Day, Appointment]:
    """Today's, else the only one of the days around: a spoken code is unique in its day alone."""
    today = ctx.ledger.today(site)
    day = ctx.ledger.day(site, today)
    found = day.bookings.find(code)
    if found is not None and found.state is not AppointmentState.MOVED:
        return day, found
    others = []
    for when in ctx.ledger.days_before(site, today + timedelta(days=91), timedelta(days=91) + LOOK_BACK):
        if when != today:
            other = ctx.ledger.day(site, when) if when > today else ctx.ledger.history(site, when)
            found = other.bookings.find(code)
            if found is not None and found.state is not AppointmentState.MOVED:
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
        refuses=("places_left", "already_waiting", "not_bookable", "unknown_service", "too_many_requests"),
        once=True,
    )
    def wait(call: Call) -> Reply:
        return answered(appointments.await_place(ctx, asker(call), call.path["site"], _near_day(ctx, call), call.body))

    @routes.add("DELETE", path + "/{wait}", summary="Wait for a place no longer", answers={204: None})
    def forgo(call: Call) -> Reply:
        appointments.forgo_place(ctx, asker(call), call.path["site"], _near_day(ctx, call), call.path["wait"])
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
