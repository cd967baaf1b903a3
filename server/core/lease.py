"""Decisions about numbers that a kiosk gives on its own: what it is lent while it can be reached, and what it brings back.

The number on a citizen's paper is a promise, whatever has happened at the office meanwhile: it is refused only when it cannot be
honoured. Its moment of taking is the kiosk's word, believed within the life of the lease.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from server.core import events as ev
from server.core.block import MOST_BLOCKS, Block
from server.core.day import Day, Ticket, code_of
from server.core.decide import Events, given
from server.core.refused import Refused
from server.core.site import HoursState
from server.core.ticket import LIFE, State, Verb


def intent_of(kiosk: str, key: str) -> str:
    """One touch at one kiosk, named in the story by a digest of the key that the page made for it."""
    return hashlib.sha256(f"{kiosk}\n{key}".encode()).hexdigest()[:16]


def free(day: Day, block: Block) -> list[int]:
    """The numbers of a block that nobody has brought back yet."""
    letter = day.services[block.service].letter
    return [number for number in block.numbers if code_of(letter, number) not in day.by_code]


def lease(day: Day, now: datetime, *, kiosk: str, holder: str) -> Events:
    """What a kiosk is lent of each service that gives numbers now or will within the life of a lease. A block is renewed when half of its
    life is over, and another one is lent when fewer than half of its numbers are left. Changes nothing while nothing is due."""
    terms = day.site.offline
    hours = day.hours(now)
    begins = hours.first_ticket is not None and hours.first_ticket - terms.life <= now
    if not terms.numbers or day.closed or not begins or hours.state not in (HoursState.BEFORE, HoursState.OPEN, HoursState.LUNCH):
        return []
    midnight = day.site.at(day.date, timedelta(days=1))
    until = min(now + terms.life, midnight).replace(microsecond=0)
    return [
        event
        for service in day.site.services
        if service.id not in day.stopped and (last := day.last_ticket(service.id, now)) is not None and now < last
        for event in _lease(day, now, kiosk, holder, service.id, until)
    ]


def _lease(day: Day, now: datetime, kiosk: str, holder: str, service: str, until: datetime) -> Events:
    terms, letter = day.site.offline, day.services[service].letter
    present = next(reversed(day.blocks.held(kiosk, service, holder)), None)
    if present is not None and 2 * len(free(day, present)) >= terms.numbers:
        if 2 * (present.until - now) >= terms.life or until <= present.until:
            return []
        return [ev.BlockLeased(kiosk, holder, service, present.first, present.last, until)]
    place = day.blocks.room(letter, terms.numbers, day.numbers.get(letter, 0))
    if place is None or len(day.blocks.held(kiosk, service)) >= MOST_BLOCKS:
        return []
    return [ev.BlockLeased(kiosk, holder, service, *place, until)]


def lent(day: Day, now: datetime, *, kiosk: str, holder: str) -> list[Block]:
    """The live block of each service, as this store may use it."""
    newest = [blocks[-1] for s in day.site.services if (blocks := day.blocks.held(kiosk, s.id, holder))]
    return [block for block in newest if now < block.until]


def merge(
    day: Day,
    now: datetime,
    *,
    ticket: str,
    kiosk: str,
    service: str,
    number: int,
    taken_at: datetime,
    version: int,
    intent: str,
    priority: bool = False,
    lang: str = "vi",
) -> Events:
    """A number that the kiosk gave on its own joins the queue, as of the moment it was taken and by the rules its paper was printed by.

    `intent` names the touch it was given for. If a ticket was issued for it whose answer the kiosk never saw, nobody holds that number:
    it is given back, and this one is counted from the earlier of the two moments; unless somebody has sat down with it, then it stays the
    only one. Refuses `day_over`, `not_leased`, `number_given`.
    """
    letter = day.services[service].letter if service in day.services else ""
    code = code_of(letter, number)
    known = day.tickets.get(day.intents.get(intent, ""))
    if known is not None and (known.code == code or _sat_down(known)):
        return []
    if day.closed:
        raise Refused("day_over", ticket=code, day=day.date.isoformat())
    block = day.blocks.of(letter, number)
    if block is None or block.kiosk != kiosk:
        raise Refused("not_leased", ticket=code)
    if code in day.by_code:
        raise Refused("number_given", ticket=code)
    entered = max(block.granted, min(taken_at, block.until, now))
    given_back: Events = []
    if known is not None:
        entered = min(entered, known.issued_at)
        given_back = [ev.TicketCancelled(known.id)] if (known.state, Verb.CANCEL) in LIFE else []
    return [
        *given_back,
        given(
            day,
            now,
            ticket=ticket,
            service=service,
            priority=priority,
            booking=None,
            lang=lang,
            procedure=None,
            kiosk=kiosk,
            contact=None,
            intent=intent,
            number=number,
            entered=entered,
            version=version if version in day.rules else day.site.version,
        ),
    ]


def _sat_down(ticket: Ticket) -> bool:
    return ticket.started_at is not None or ticket.state is State.DONE
