"""What can happen in the day of an office. The story of a day is a numbered list of these.

Events hold facts and the numbers a later reader needs to understand a decision; they hold no name, phone number, identity or group of
a person. `kind` in the store is the class name. An event class is never changed in meaning, only added to: stories are kept for years.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import get_args

from server.core.queue import Term


@dataclass(frozen=True, slots=True)
class DayOpened:
    """First event of every story: binds the day to a version of the site document."""

    site_version: int


@dataclass(frozen=True, slots=True)
class SiteRevised:
    """A later version of the site document holds from here on."""

    site_version: int


@dataclass(frozen=True, slots=True)
class TicketIssued:
    ticket: str
    service: str
    number: int
    issued_at: datetime
    queue_time: datetime
    term: Term
    priority: bool = False
    slot: datetime | None = None
    registered: datetime | None = None
    lang: str = "vi"
    procedure: str | None = None
    kiosk: str | None = None
    contact: str | None = None
    """Reference into the contacts, which are kept apart and erased."""
    appointment: str | None = None
    """The booking that was checked in."""
    person: str | None = None
    """Who took it with a card, as this day and this service alone know: a keyed hash under the day's key, which is erased with the day."""
    intent: str | None = None
    """Which touch at a kiosk it was given for (`lease.intent_of`): one touch never gets two numbers."""
    provisional: int | None = None
    """Given by the kiosk on its own, out of a block that it was lent, and merged later: the version of the site document by whose rules
    its paper was printed."""


@dataclass(frozen=True, slots=True)
class BlockLeased:
    """These numbers are the kiosk's until `until`, to be given while it cannot reach the server; told again with a later `until`, they
    are for longer. `holder` names the store beside the kiosk."""

    kiosk: str
    holder: str
    service: str
    first: int
    last: int
    until: datetime


@dataclass(frozen=True, slots=True)
class TicketReprinted:
    """The same number on paper once more, marked so."""

    ticket: str
    kiosk: str


@dataclass(frozen=True, slots=True)
class TicketCalled:
    """`term`, `queue_time` and the runner-up are the explanation as it was; it can be recomputed and must agree (law I13).

    `site_version` holds the rules by which the queue time was set when the ticket joined, not those of the moment of the call.
    """

    ticket: str
    counter: str
    queue_time: datetime
    term: Term
    joined_at: datetime
    site_version: int
    in_order: bool = True
    reason: str | None = None
    runner_up: str | None = None
    runner_up_queue_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class TicketRecalled:
    ticket: str
    call_no: int


@dataclass(frozen=True, slots=True)
class TicketStarted:
    ticket: str


@dataclass(frozen=True, slots=True)
class TicketFinished:
    """`assumed_start`: nobody pressed start, so the beginning of the service is a guess, and says so."""

    ticket: str
    assumed_start: datetime | None = None


@dataclass(frozen=True, slots=True)
class TicketMissed:
    """`early`: marked before the site's number of calls and minutes; allowed, and visible in the report."""

    ticket: str
    early: bool = False


@dataclass(frozen=True, slots=True)
class TicketRejoined:
    ticket: str
    queue_time: datetime
    joined_at: datetime


@dataclass(frozen=True, slots=True)
class TicketHeld:
    ticket: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class TicketReleased:
    ticket: str


@dataclass(frozen=True, slots=True)
class TicketTransferred:
    """To another service, or to one counter; the queue time stays."""

    ticket: str
    service: str
    counter: str | None = None


@dataclass(frozen=True, slots=True)
class TicketCancelled:
    ticket: str


@dataclass(frozen=True, slots=True)
class StepUndone:
    """The last call, finish or no-show of this ticket is taken back. `heard`: a correction has to be announced, in the hall of
    `counter`, where the step was made."""

    ticket: str
    heard: bool = False
    counter: str | None = None


@dataclass(frozen=True, slots=True)
class CallHeard:
    """The first loudspeaker has played the call with this sequence number."""

    call: int


@dataclass(frozen=True, slots=True)
class PrinterTested:
    """A sheet for the staff, with no number on it: does this kiosk's printer print?"""

    kiosk: str


@dataclass(frozen=True, slots=True)
class CheckupBegun:
    """Staff have everything tried. What follows at once belongs to it: a trial sheet for each of `kiosks`, a trial of each of `halls`.

    `quiet`: citizens are being served, so nothing is printed and nothing is said.
    """

    halls: tuple[str, ...]
    kiosks: tuple[str, ...] = ()
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class HallTested:
    """Do this hall's loudspeakers speak (unless it is `quiet`), and do its screens show?"""

    hall: str
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class CounterOpened:
    counter: str
    clerk: str


@dataclass(frozen=True, slots=True)
class CounterPaused:
    counter: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class CounterResumed:
    counter: str


@dataclass(frozen=True, slots=True)
class CounterClosed:
    counter: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ServiceStopped:
    """Gives no more numbers today; those who wait are served."""

    service: str


@dataclass(frozen=True, slots=True)
class ServiceStarted:
    service: str


@dataclass(frozen=True, slots=True)
class NoticeSet:
    hall: str
    text: str | None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class NoticeSpoken:
    """Staff speak to everybody in a hall. `priority`: `notice` waits for the calls, `emergency` cuts everything."""

    hall: str
    text: str
    priority: str = "notice"
    lang: str = "vi"
    times: int = 1


@dataclass(frozen=True, slots=True)
class CounterAssigned:
    """From here on this counter serves these services, until the day ends; the site document is untouched."""

    counter: str
    services: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HoursChanged:
    """Staff close early, stay on, or give numbers until another time. None: as the site document says."""

    last_ticket: datetime | None = None
    closes: datetime | None = None


@dataclass(frozen=True, slots=True)
class HelpAsked:
    """Somebody at a kiosk needs a person. The number of this event names the request."""

    kiosk: str


@dataclass(frozen=True, slots=True)
class HelpAnswered:
    """Somebody of the staff goes there."""

    asked: int


@dataclass(frozen=True, slots=True)
class AppointmentBooked:
    """A place of this day is taken, usually days before. `start` and `end` None: a live number of today, counted from `registered`.

    `person` is a keyed hash under this day's key, which is erased with the day; `moved_from` the day of a booking that was moved here.
    """

    appointment: str
    service: str
    registered: datetime
    start: datetime | None = None
    end: datetime | None = None
    lang: str = "vi"
    procedure: str | None = None
    person: str | None = None
    contact: str | None = None
    moved_from: date | None = None


@dataclass(frozen=True, slots=True)
class AppointmentMoved:
    """To another slot of the same day. Its former place is offered again at `free_at`."""

    appointment: str
    start: datetime
    end: datetime
    free_at: datetime


@dataclass(frozen=True, slots=True)
class AppointmentCancelled:
    """Its place is offered again at `free_at`. `moved_to`: it lives on in the story of that day."""

    appointment: str
    free_at: datetime
    moved_to: date | None = None


@dataclass(frozen=True, slots=True)
class PlaceAwaited:
    """Somebody wants to be told when a place of this service comes free on this day; first come, first told. `person` is a keyed hash of
    the address under this day's key, like that of a booking."""

    wait: str
    service: str
    contact: str
    lang: str = "vi"
    person: str | None = None


@dataclass(frozen=True, slots=True)
class PlaceOffered:
    """Whoever waits is told of a place that can be booked; it is kept for nobody."""

    wait: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class PlaceForgone:
    """No longer waits for a place."""

    wait: str


@dataclass(frozen=True, slots=True)
class SlotsClosed:
    """The office cannot keep these times; who has one is offered another. `service` None: of all services."""

    start: datetime
    end: datetime
    reason: str
    service: str | None = None


@dataclass(frozen=True, slots=True)
class SlotsReopened:
    """The closure with this number is taken back."""

    closure: int


@dataclass(frozen=True, slots=True)
class DayClosed:
    """Who still waits or is set aside lapses."""


Event = (
    DayOpened
    | SiteRevised
    | TicketIssued
    | BlockLeased
    | TicketReprinted
    | PrinterTested
    | CheckupBegun
    | HallTested
    | TicketCalled
    | TicketRecalled
    | TicketStarted
    | TicketFinished
    | TicketMissed
    | TicketRejoined
    | TicketHeld
    | TicketReleased
    | TicketTransferred
    | TicketCancelled
    | StepUndone
    | CallHeard
    | CounterOpened
    | CounterPaused
    | CounterResumed
    | CounterClosed
    | ServiceStopped
    | ServiceStarted
    | NoticeSet
    | NoticeSpoken
    | CounterAssigned
    | HoursChanged
    | HelpAsked
    | HelpAnswered
    | AppointmentBooked
    | AppointmentMoved
    | AppointmentCancelled
    | PlaceAwaited
    | PlaceOffered
    | PlaceForgone
    | SlotsClosed
    | SlotsReopened
    | DayClosed
)

KINDS: dict[str, type[Event]] = {kind.__name__: kind for kind in get_args(Event)}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the story: an event with its number, the hall time at which it happened and who caused it.

    `actor` is `staff:NAME`, `device:NAME`, `holder`, or `clock`.
    """

    seq: int
    at: datetime
    actor: str
    event: Event
