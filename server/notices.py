"""Which notices an event causes, and what each of them says. The ledger stores them with the event; the outbox sends them.

A notice holds a reference to the contact, never an address; whom it goes to and what it says is looked up when it is sent, so that a
contact erased meanwhile is not written to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from server import alarm_mail, wire
from server.core import events as ev
from server.core.appointment import Appointment, Awaiting, Slot, spoken
from server.core.booking import why_unkept
from server.core.day import Day
from server.core.site import Counting
from server.core.words import rule_lines
from server.ledger import Ledger
from server.letters import STANDS, Kind, Letter, Mail
from server.store import NoticeRow, Store

REMIND_AT = timedelta(hours=16)
"""The afternoon before: papers can still be looked for."""
REMIND_LEAST = timedelta(hours=12)
"""Whoever has booked later than this before the reminder needs none."""


class Caused(NamedTuple):
    """`over`: bookings whose reminders are no longer true."""

    over: list[str]
    notices: list[NoticeRow]


NOTHING = Caused([], [])


def caused(day: Day, entry: ev.Entry) -> Caused:
    """The notices of one entry, told from the day just after it."""
    match entry.event:
        case ev.AppointmentBooked(appointment=code, moved_from=before):
            return Caused([], _told(day, entry, code, Kind.MOVED if before else Kind.BOOKED))
        case ev.AppointmentMoved(appointment=code):
            return Caused([code], _told(day, entry, code, Kind.MOVED))
        case ev.AppointmentCancelled(appointment=code, moved_to=to):
            return Caused([code], [] if to else _notices(day, entry, [(day.bookings.all[code], Kind.CANCELLED, entry.at)]))
        case ev.PlaceOffered(wait=wait):
            return Caused([], [_place(day, entry, *day.bookings.offered[wait])])
        case ev.TicketIssued(appointment=str(code)):
            return Caused([code], [])
        case ev.SlotsClosed() | ev.HoursChanged() | ev.SiteRevised():
            lost = [day.bookings.all[code] for code in day.bookings.displaced.get(entry.seq, ())]
            return Caused([], _notices(day, entry, [(each, Kind.DISPLACED, entry.at) for each in lost]))
        case _:
            return NOTHING


def _told(day: Day, entry: ev.Entry, code: str, kind: Kind) -> list[NoticeRow]:
    """The news, and a reminder the afternoon before."""
    found = day.bookings.all[code]
    remind = day.site.at(day.date - timedelta(days=1), REMIND_AT)
    wanted = [(found, kind, entry.at)]
    if entry.at + REMIND_LEAST <= remind:
        wanted.append((found, Kind.REMINDER, remind))
    return _notices(day, entry, wanted)


def _notices(day: Day, entry: ev.Entry, wanted: list[tuple[Appointment, Kind, datetime]]) -> list[NoticeRow]:
    # The same event gives the same numbers, however often it is told.
    return [
        NoticeRow(
            id=f"{day.site.id}-{day.date.isoformat()}-{entry.seq}-{number}",
            site=day.site.id,
            day=day.date,
            appointment=a.code,
            kind=kind.value,
            contact=a.contact,
            created_at=entry.at,
            due_at=due,
            # A number for today has no time of its own: it is worth knowing as long as the day lasts.
            expires_at=a.slot.start if a.slot else day.site.at(day.date, timedelta(days=1)),
        )
        for number, (a, kind, due) in enumerate(wanted, 1)
        if a.contact is not None
    ]


def _place(day: Day, entry: ev.Entry, awaiting: Awaiting, slot: Slot) -> NoticeRow:
    """A place has come free, and somebody waits for one."""
    return NoticeRow(
        id=f"{day.site.id}-{day.date.isoformat()}-{entry.seq}-place",
        site=day.site.id,
        day=day.date,
        appointment=awaiting.wait,
        kind=Kind.PLACE_FREE.value,
        contact=awaiting.contact,
        created_at=entry.at,
        due_at=entry.at,
        expires_at=slot.start,
    )


def reading(store: Store, ledger: Ledger) -> Callable[[NoticeRow], tuple[str, Letter | Mail] | None]:
    """Where a notice goes and what it says; None when there is nobody, or nothing any more."""

    def read(row: NoticeRow) -> tuple[str, Letter | Mail] | None:
        contact = store.contact(row.contact)
        if row.kind == alarm_mail.KIND:
            return alarm_mail.addressed(contact)
        address = wire.loads(contact.body).get("email") if contact else None
        if not address or row.day < ledger.today(row.site):
            return None
        day = ledger.day(row.site, row.day)
        if row.kind == Kind.PLACE_FREE:
            offer = day.bookings.offered.get(row.appointment)
            return (address, _place_free(day, *offer)) if offer else None
        found = day.bookings.find(row.appointment)
        reason = why_unkept(day, found.service, found.slot, found.lang) if found and found.slot else None
        unkept = reason is not None
        if (
            found is None
            or (row.kind in STANDS and (unkept or not found.live))
            or (row.kind == Kind.DISPLACED and not (found.live and unkept))
        ):
            return None
        return address, letter(day, found, row.kind, reason=reason or "")

    return read


def _place_free(day: Day, awaiting: Awaiting, slot: Slot) -> Letter:
    """A place that can be booked; there is no booking yet, so there is no code."""
    there = Appointment("", awaiting.service, slot, slot.start, awaiting.lang)
    return replace(letter(day, there, Kind.PLACE_FREE), url=wire.booking_url(day.site, awaiting.service))


def letter(day: Day, a: Appointment, kind: str, *, reason: str = "", at: datetime | None = None) -> Letter:
    """What is written about a booking. `at`: when this was decided."""
    site, service = day.site, day.services[a.service]
    procedure = site.procedure.get(a.procedure or "")
    return Letter(
        kind=kind,
        lang=a.lang,
        office=site.name,
        office_address=site.address,
        hotline=site.hotline,
        service=service.name_en if a.lang == "en" and service.name_en else wire.plain(service.name),
        procedure=procedure.name if procedure else None,
        documents=procedure.documents if procedure else (),
        start=a.slot.start if a.slot else None,
        end=a.slot.end if a.slot else None,
        code=a.code,
        spoken=spoken(a.code),
        url=wire.appointment_url(site, a.code),
        reason=reason,
        grace=site.rules.grace if service.counting is Counting.SLOT else None,
        at=at,
        registered=None if a.slot else a.registered,
        rules=() if a.slot else tuple(rule_lines(site.rules, service.counting, a.lang)),
    )
