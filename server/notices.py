"""Which notices an event causes, and what each of them says. The ledger stores them with the event; the outbox sends them.

A notice holds a reference to the contact, never an address; whom it goes to and what it says is looked up when it is sent, so that a
contact erased meanwhile is not written to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import NamedTuple

from server import alarm_mail, wire
from server.core import events as ev
from server.core.appointment import Appointment, Awaiting, Slot, spoken
from server.core.booking import gives_numbers, why_unkept
from server.core.day import Day
from server.core.site import Counting, Site
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
        case ev.SlotsClosed() | ev.SlotsReopened() | ev.HoursChanged() | ev.SiteRevised():
            bookings = day.bookings
            news = [(code, Kind.DISPLACED) for code in bookings.displaced.get(entry.seq, ())]
            news += [(code, Kind.RESTORED) for code in bookings.restored.get(entry.seq, ())]
            return Caused([], _notices(day, entry, [(bookings.all[code], kind, entry.at) for code, kind in news]))
        case _:
            return NOTHING


def _told(day: Day, entry: ev.Entry, code: str, kind: Kind) -> list[NoticeRow]:
    """The news, and a reminder the afternoon before."""
    found = day.bookings.all[code]
    remind = day.site.at(day.date - timedelta(days=1), REMIND_AT)
    wanted = [(found, kind, entry.at)]
    if reminds(day.site, day.date, entry.at):
        wanted.append((found, Kind.REMINDER, remind))
    return _notices(day, entry, wanted)


def reminds(site: Site, when: date, booked: datetime) -> bool:
    """Whether whoever books this day at that moment is reminded of it."""
    return booked + REMIND_LEAST <= site.at(when - timedelta(days=1), REMIND_AT)


def _notices(day: Day, entry: ev.Entry, wanted: list[tuple[Appointment, Kind, datetime]]) -> list[NoticeRow]:
    # The same event gives the same numbers, however often it is told.
    return [
        NoticeRow(
            id=_name(day, entry, str(number)),
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
        id=_name(day, entry, "place"),
        site=day.site.id,
        day=day.date,
        appointment=awaiting.wait,
        kind=Kind.PLACE_FREE.value,
        contact=awaiting.contact,
        created_at=entry.at,
        due_at=entry.at,
        expires_at=slot.start,
    )


def _name(day: Day, entry: ev.Entry, which: str) -> str:
    return f"{day.site.id}-{day.date.isoformat()}-{entry.seq}-{which}"


def _cause(row: NoticeRow) -> int:
    """The number of the entry that the notice was named after."""
    return int(row.id.rsplit("-", 2)[1])


def reading(store: Store, ledger: Ledger) -> Callable[[NoticeRow], tuple[str, Letter | Mail] | None]:
    """Where a notice goes and what it says; None when there is nobody, or nothing any more."""

    def read(row: NoticeRow) -> tuple[str, Letter | Mail] | None:
        contact = store.contact(row.contact)
        if row.kind == alarm_mail.KIND:
            return alarm_mail.addressed(contact)
        known = wire.loads(contact.body) if contact else {}
        address = known.get("email")
        if not address or row.day < ledger.today(row.site):
            return None
        day = ledger.day_at(row.site, row.day, _cause(row))
        if row.kind == Kind.PLACE_FREE:
            offer = day.bookings.offered.get(row.appointment)
            # Nobody is invited to a time that staff have closed since.
            stands = offer is not None and day.keeps(offer[0].service, offer[1])
            return (address, _place_free(day, *offer, ledger.now(row.site))) if offer and stands else None
        found = day.bookings.find(row.appointment)
        reason = why_unkept(day, found.service, found.slot, found.lang) if found and found.slot else None
        unkept = reason is not None
        if (
            found is None
            or (row.kind in STANDS and (unkept or not found.live))
            or (row.kind == Kind.DISPLACED and not (found.live and unkept))
            or (row.kind in (Kind.DISPLACED, Kind.RESTORED) and _thinks_it_off(store, row) == (row.kind == Kind.DISPLACED))
        ):
            return None
        return address, letter(day, found, row.kind, ledger.now(row.site), reason=reason or "", name=known.get("name", ""))

    return read


def _thinks_it_off(store: Store, row: NoticeRow) -> bool:
    """Whether the last that the holder has been told is that this time is off: of a closing that was taken back before anybody heard of it
    nobody need hear, nor twice of the same."""
    others = [other for other in store.notices(row.site, row.appointment) if other.id != row.id]
    if row.kind == Kind.RESTORED and not any(other.kind == Kind.DISPLACED for other in others):
        # So long ago that nobody knows any more whether it was sent: rather a mail too many.
        return True
    last = max((other for other in others if other.told), key=lambda told: (told.due_at, told.created_at), default=None)
    return last is not None and last.kind == Kind.DISPLACED and last.expires_at == row.expires_at


def _place_free(day: Day, awaiting: Awaiting, slot: Slot, now: datetime) -> Letter:
    """A place that can be booked; there is no booking yet, so there is no code."""
    there = Appointment("", awaiting.service, slot, slot.start, awaiting.lang)
    return replace(letter(day, there, Kind.PLACE_FREE, now), url=wire.booking_url(day.site, awaiting.service))


def letter(day: Day, a: Appointment, kind: str, now: datetime, *, reason: str = "", name: str = "") -> Letter:
    """What is written about a booking, as it stands `now`."""
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
        name=name,
        grace=site.rules.grace if service.counting is Counting.SLOT else None,
        at=now,
        registered=None if a.slot else a.registered,
        rules=() if a.slot else tuple(rule_lines(site.rules, service.counting, a.lang)),
        numbers=gives_numbers(day, a.service, a.slot.start if a.slot else now),
    )
