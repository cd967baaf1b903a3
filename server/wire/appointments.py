"""Slots, bookings, and times that the office closes."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from typing_extensions import TypedDict

from server.core.appointment import Appointment, spoken
from server.core.booking import why_unkept
from server.core.day import Day
from server.core.site import Site
from server.wire.values import instant, instant_or_none, plain


class SlotOut(TypedDict):
    start: str
    end: str
    capacity: int
    left: int


class CheckedInOut(TypedDict):
    """The ticket that a booking became."""

    id: str
    code: str


class AppointmentOut(TypedDict):
    """A booking without anything personal. `code` is its key, `spoken` what is read aloud and typed at the kiosk. `closed`: why the office
    cannot keep its time, if so; then it can be moved until seven days after its day, whatever the hour and the state."""

    code: str
    spoken: str
    site: str
    service: str
    service_name: str
    procedure: str | None
    day: str
    start: str | None
    end: str | None
    registered_at: str
    state: Literal["booked", "checked_in", "cancelled", "moved", "missed"]
    moved_to: str | None
    closed: str | None
    ticket: CheckedInOut | None
    lang: str
    url: str | None


def appointment(day: Day, a: Appointment, now: datetime) -> AppointmentOut:
    closed = why_unkept(day, a.service, a.slot, a.lang) if a.slot and a.live else None
    taken = day.tickets[a.ticket] if a.ticket else None
    over = a.live and (day.closed or day.date < day.site.business_day(now))
    return {
        "code": a.code,
        "spoken": spoken(a.code),
        "site": day.site.id,
        "service": a.service,
        "service_name": plain(day.services[a.service].name),
        "procedure": a.procedure,
        "day": day.date.isoformat(),
        "start": instant_or_none(a.slot.start if a.slot else None),
        "end": instant_or_none(a.slot.end if a.slot else None),
        "registered_at": instant(a.registered),
        "state": "missed" if over else a.state.value,
        "moved_to": a.moved_to.isoformat() if a.moved_to else None,
        "closed": closed,
        "ticket": {"id": taken.id, "code": taken.code} if taken else None,
        "lang": a.lang,
        "url": appointment_url(day.site, a.code),
    }


def appointment_url(site: Site, code: str) -> str | None:
    """Where the holder looks, moves and cancels; None unless the site has a public address."""
    return f"{site.public_url.rstrip('/')}/h/{code}" if site.public_url else None


def booking_url(site: Site, service: str | None = None) -> str | None:
    """Where a service, or any, is booked; None unless the site has a public address."""
    which = f"?service={service}" if service else ""
    return f"{site.public_url.rstrip('/')}/book/{site.id}{which}" if site.public_url else None


class AwaitingOut(TypedDict):
    """Somebody waits to be told of a free place; `wait` takes it back."""

    wait: str
    service: str
    day: str


class ClosureOut(TypedDict):
    """A time closed for bookings; `affected` have one in it."""

    closure: int
    service: str | None
    start: str
    end: str
    reason: str
    affected: int


def closure(day: Day, number: int) -> ClosureOut:
    c = day.bookings.closures[number]
    return {
        "closure": number,
        "service": c.service,
        "start": instant(c.start),
        "end": instant(c.end),
        "reason": c.reason,
        "affected": len(day.bookings.affected(c)),
    }
