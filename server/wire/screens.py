"""What screens of the office follow: the board, the console, a kiosk's own machine, and the paper."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from typing_extensions import TypedDict

from server.core import hall
from server.core.day import Day, Ticket
from server.wire.office import Called, HoursOut, LetterOut, StaffedCounterOut, hours, staffed_counter, unnamed
from server.wire.people import AlarmOut
from server.wire.tickets import TicketOut, WaitOut, ticket, wait
from server.wire.values import instant, instant_or_none, plain


class CallOut(TypedDict):
    seq: int
    code: str
    counter: str
    state: str
    call_no: int
    at: str
    new_until: str


class WaitingOut(TypedDict):
    service: str
    letter: str
    name: str
    count: int
    next: list[str]
    wait: WaitOut | None
    open: bool


class BoardOut(TypedDict):
    site: str
    hall: str
    day: str
    revision: int
    at: str
    factor: float
    open: bool
    hours: HoursOut
    calls: list[CallOut]
    waiting: list[WaitingOut]
    notice: str | None
    quiet_since: str | None


class CounterBoardOut(BoardOut):
    """The board as the small screen above one counter gets it: with who sits there, if the office shows that."""

    clerk_name: str


def board(b: hall.Board, factor: float = 1) -> BoardOut:
    return {
        "site": b.site,
        "hall": b.hall,
        "day": b.day.date.isoformat(),
        "revision": b.revision,
        "at": instant(b.at),
        "factor": factor,
        "open": b.open,
        "hours": hours(b.day, b.at),
        "calls": [
            {
                "seq": c.seq,
                "code": c.code,
                "counter": c.counter,
                "state": c.state.value,
                "call_no": c.call_no,
                "at": instant(c.at),
                "new_until": instant(c.new_until),
            }
            for c in b.calls
        ],
        "waiting": [
            {
                "service": w.service,
                "letter": w.letter,
                "name": plain(w.name),
                "count": w.count,
                "next": list(w.next),
                "wait": wait(w.wait),
                "open": w.open,
            }
            for w in b.waiting
        ],
        "notice": b.notice,
        "quiet_since": instant_or_none(b.quiet_since),
    }


class HeardOut(TypedDict):
    """How many loudspeakers have played a call. `quiet`: none shall, it is only shown."""

    speakers: int
    of: int
    at: str | None
    quiet: bool


class CurrentOut(TicketOut):
    first_called_at: str | None
    started_at: str | None
    heard: HeardOut


class QueuedOut(TicketOut):
    transferred_from: str | None


class UndoOut(TypedDict):
    ticket: str
    code: str
    verb: str
    until: str


class DevicesOut(TypedDict):
    speakers: int
    displays: int
    kiosks: int
    alerts: list[AlarmOut]


class ConsoleOut(TypedDict):
    site: str
    day: str
    revision: int
    at: str
    factor: float
    hours: HoursOut
    counter: StaffedCounterOut
    services: list[LetterOut]
    counters: list[StaffedCounterOut]
    current: CurrentOut | None
    next: QueuedOut | None
    waiting_count: int
    waiting: list[QueuedOut]
    missed: list[QueuedOut]
    held: list[QueuedOut]
    undo: UndoOut | None
    devices: DevicesOut
    help: list[HelpOut]


def queued(day: Day, t: Ticket) -> QueuedOut:
    return {**ticket(day, t, "vi"), "transferred_from": t.transferred_from}


def console(
    day: Day,
    counter_id: str,
    now: datetime,
    *,
    heard: HeardOut | None,
    devices: DevicesOut,
    factor: float = 1,
    row: Callable[[Day, Ticket], QueuedOut] = queued,
    called: Called = unnamed,
) -> ConsoleOut:
    """`row` makes the row of a ticket that waits; whoever sends many consoles of one revision may remember rows."""
    view = hall.console(day, counter_id, now)
    current: CurrentOut | None = None
    if view.current is not None:
        t = view.current
        at = instant_or_none(t.heard_at)
        own: HeardOut = heard or {"speakers": int(at is not None), "of": devices["speakers"], "at": at, "quiet": False}
        current = {
            **ticket(day, t, "vi"),
            "first_called_at": instant_or_none(t.called_at),
            "started_at": instant_or_none(t.started_at),
            "heard": own,
        }
    waiting = [row(day, t) for t in view.waiting]
    return {
        "site": day.site.id,
        "day": day.date.isoformat(),
        "revision": day.seq,
        "at": instant(now),
        "factor": factor,
        "hours": hours(day, now),
        "counter": staffed_counter(day, counter_id, called),
        "services": [{"id": s.id, "letter": s.letter, "name": plain(s.name)} for s in day.site.services],
        "counters": [staffed_counter(day, c.id, called) for c in day.site.counters],
        "current": current,
        "next": waiting[0] if waiting else None,
        "waiting_count": view.waiting_count,
        "waiting": waiting,
        "missed": [row(day, t) for t in view.missed],
        "held": [row(day, t) for t in view.held],
        "undo": None
        if view.undo is None or view.undo.ticket.step is None
        else {
            "ticket": view.undo.ticket.id,
            "code": view.undo.ticket.code,
            "verb": view.undo.ticket.step.verb.value.replace("-", "_"),
            "until": instant(view.undo.until),
        },
        "devices": devices,
        "help": help_calls(day),
    }


def receipt(r: hall.Receipt) -> dict[str, Any]:
    out = {name: getattr(r, name) for name in r.__slots__}
    out |= {"foot": list(r.foot), "header": list(r.header)}
    return out


class HelpOut(TypedDict):
    """A request for a person at a kiosk; `asked` names it."""

    asked: int
    kiosk: str
    name: str
    at: str


def help_calls(day: Day) -> list[HelpOut]:
    """Open requests for help, oldest first."""
    kiosks = day.site.kiosk
    return [
        {"asked": asked, "kiosk": h.kiosk, "name": kiosks[h.kiosk].name if h.kiosk in kiosks else h.kiosk, "at": instant(h.at)}
        for asked, h in day.help.items()
    ]


class PrinterOut(TypedDict):
    connected: bool
    paper: str | None


class KioskNowOut(TypedDict):
    """What a kiosk's page has to know of its own machine."""

    id: str
    printer: PrinterOut
    help: bool
    print: dict[str, str] | None
    hall_code: str | None


class HallCodeOut(TypedDict):
    """Four digits that are seen only in a hall, and are others every five minutes."""

    code: str | None


class AloudOut(TypedDict):
    """Paths of sounds, by the name of what is read; a language the office does not speak has none."""

    vi: dict[str, str]
    en: dict[str, str]


class SoundCheckOut(TypedDict):
    """What is said at set-up, and where its sound is."""

    say: dict[str, str]
    audio: dict[str, str]
