"""Small offices as values, and a driver that lives a day in one of them: decisions become events, events are numbered and folded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sortedcontainers import SortedKeyList

from server.core import decide
from server.core import events as ev
from server.core.appointment import Appointment
from server.core.day import Day, Ticket, fold
from server.core.decide import By
from server.core.queue import Booking, Line
from server.core.refused import Refused
from server.core.site import Counter, Counting, Hall, Hours, Kiosk, PriorityGroup, Procedure, Service, Site, Span
from server.core.ticket import State

FRIDAY = date(2026, 11, 20)
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def at(clock: str, day: date = FRIDAY) -> datetime:
    """`08:12` or `08:12:34` of a day in the office's zone."""
    return datetime.combine(day, datetime.strptime(clock if clock.count(":") == 2 else f"{clock}:00", "%H:%M:%S").time(), ZONE)


def span(start: str, end: str) -> Span:
    def since_midnight(clock: str) -> timedelta:
        hours, minutes = clock.split(":")
        return timedelta(hours=int(hours), minutes=int(minutes))

    return Span(since_midnight(start), since_midnight(end))


WEEKDAY = (span("07:30", "11:30"), span("13:30", "17:00"))
HOURS = Hours(
    week=(WEEKDAY,) * 5 + ((), ()),
    holidays={date(2026, 9, 2): "Quốc khánh"},
    special={date(2026, 11, 21): (span("08:00", "11:00"),)},
    first_ticket_before=15 * MINUTE,
    last_ticket_before=30 * MINUTE,
)


def small_site(**changes: Any) -> Site:
    """A small ward: four services, four counters in two halls. `land` counts bookings from their registration."""
    site = Site(
        id="small",
        name="UBND phường An Mẫu",
        services=(
            Service("household", "A", "Hộ tịch", "Civil status"),
            Service("copies", "B", "Chứng thực"),
            Service("land", "C", "Đất đai", counting=Counting.REGISTERED),
            Service("health", "D", "Y tế", last_ticket=timedelta(hours=10, minutes=30)),
        ),
        counters=(
            Counter("1", "Quầy 1", "main", ("household", "copies")),
            Counter("2", "Quầy 2", "main", ("household",)),
            Counter("3", "Quầy 3", "main", ("copies", "land")),
            Counter("4", "Quầy 4", "upstairs", ("land", "health")),
        ),
        halls=(Hall("main", "Tầng 1"), Hall("upstairs", "Tầng 2")),
        kiosks=(Kiosk("k1", "Máy 1", "main"),),
        hours=HOURS,
        languages=("vi", "en"),
        priority_groups=(PriorityGroup("older", "Từ 60 tuổi"), PriorityGroup("pregnant", "Có thai")),
        procedures=(Procedure("birth", "Khai sinh", "household"),),
    )
    return replace(site, **changes)


CLERKS = {"1": By("lan"), "2": By("minh"), "3": By("hoa"), "4": By("tuan")}
SUPERVISOR = By("chief", supervisor=True)
KIOSK = By("k1", staff=False)
HOLDER = By("holder", staff=False)


class Office:
    """A day being lived. Every method decides at `now`, and folds what was decided; a refusal is left to the caller."""

    def __init__(self, site: Site | None = None, clock: str = "07:30", staffed: str = "") -> None:
        self.site = site or small_site()
        self.sites = {self.site.version: self.site}
        self.now = at(clock)
        self.day = Day(self.site, self.now.date())
        self.story: list[ev.Entry] = []
        self.heard_by: list[Callable[[ev.Entry], None]] = []
        self.tell(ev.DayOpened(self.site.version))
        for counter in staffed:
            self.open(counter)

    # -- the clock and the story ----------------------------------------------------------------------------------------------

    def at(self, clock: str) -> Office:
        """Move the clock forward to a time of this day."""
        later = at(clock, self.day.date)
        assert later >= self.now, "the hall clock never runs back"
        self.now = later
        return self

    def wait(self, seconds: float = 0, *, minutes: float = 0) -> Office:
        self.now += timedelta(seconds=seconds, minutes=minutes)
        return self

    def tell(self, *events: ev.Event, actor: str = "clock") -> None:
        """Number events, write them down, fold them."""
        for event in events:
            entry = ev.Entry(self.day.seq + 1, self.now, actor, event)
            for listener in self.heard_by:
                listener(entry)
            self.story.append(entry)
            self.day.apply(entry)

    def do(self, decision: Callable[..., list[Any]], actor: str = "clock", **arguments: Any) -> list[Any]:
        events = decision(self.day, self.now, **arguments)
        self.tell(*events, actor=actor)
        return events

    def revise(self, **changes: Any) -> Site:
        """A new version of the site document from now on."""
        self.site = replace(self.site, version=self.site.version + 1, **changes)
        self.sites[self.site.version] = self.site
        self.day.revise(self.site)
        self.tell(ev.SiteRevised(self.site.version), actor="staff:chief")
        return self.site

    def replayed(self) -> Day:
        return fold(self.site, self.day.date, self.story, self.sites.__getitem__)

    # -- citizens -------------------------------------------------------------------------------------------------------------

    def take(self, service: str = "household", *, slot: datetime | None = None, registered: datetime | None = None, **more: Any) -> Ticket:
        booking = Booking(slot, registered) if slot or registered else None
        self.do(decide.issue, ticket=f"t{len(self.day.tickets) + 1}", service=service, booking=booking, actor="device:k1", **more)
        return list(self.day.tickets.values())[-1]

    def rejoin(self, ticket: Ticket, by: By = KIOSK) -> None:
        self.do(decide.rejoin, ticket=ticket.id, by=by)

    def cancel(self, ticket: Ticket, by: By = HOLDER) -> None:
        self.do(decide.cancel, ticket=ticket.id, by=by, actor="holder")

    # -- clerks ---------------------------------------------------------------------------------------------------------------

    def open(self, counter: str, by: By | None = None) -> list[Any]:
        return self.do(decide.open_counter, counter=counter, by=by or CLERKS[counter])

    def close(self, counter: str, by: By | None = None) -> list[Any]:
        return self.do(decide.close_counter, counter=counter, by=by or CLERKS[counter])

    def pause(self, counter: str, reason: str | None = None, by: By | None = None) -> list[Any]:
        return self.do(decide.pause_counter, counter=counter, by=by or CLERKS[counter], reason=reason)

    def resume(self, counter: str, by: By | None = None) -> list[Any]:
        return self.do(decide.resume_counter, counter=counter, by=by or CLERKS[counter])

    def next(self, counter: str = "1", *, by: By | None = None, **more: Any) -> Ticket | None:
        """Press "Gọi tiếp"; who is called, or None when a ticket was finished and nobody waits."""
        self.do(decide.call_next, counter=counter, by=by or CLERKS[counter], **more)
        return self.day.at_counter(counter)

    def call(self, ticket: Ticket, counter: str = "1", reason: str = "con nhỏ khóc", by: By | None = None) -> None:
        self.do(decide.call, ticket=ticket.id, counter=counter, reason=reason, by=by or CLERKS[counter])

    def press(self, decision: Callable[..., list[Any]], ticket: Ticket, by: By | None = None, **more: Any) -> list[Any]:
        """A verb upon a ticket, by default by the clerk of the counter where it is or was."""
        return self.do(decision, ticket=ticket.id, by=by or CLERKS[ticket.counter or "1"], **more)

    def start(self, ticket: Ticket, by: By | None = None) -> None:
        self.press(decide.start, ticket, by)

    def recall(self, ticket: Ticket, by: By | None = None) -> None:
        self.press(decide.recall, ticket, by)

    def finish(self, ticket: Ticket, by: By | None = None) -> None:
        self.press(decide.finish, ticket, by)

    def no_show(self, ticket: Ticket, by: By | None = None) -> None:
        self.press(decide.no_show, ticket, by)

    def hold(self, ticket: Ticket, by: By | None = None) -> None:
        self.press(decide.hold, ticket, by, reason="thiếu bản sao")

    def release(self, ticket: Ticket, by: By | None = None) -> None:
        self.press(decide.release, ticket, by)

    def transfer(self, ticket: Ticket, by: By | None = None, **target: str) -> None:
        self.press(decide.transfer, ticket, by, **target)

    def undo(self, ticket: Ticket, by: By | None = None) -> None:
        self.press(decide.undo, ticket, by)

    def hear(self) -> list[Any]:
        """A loudspeaker has played the last call."""
        return self.do(decide.heard, call=max(self.day.by_call))

    def serve(self, ticket: Ticket, minutes: float) -> None:
        """Start, serve and finish a called ticket."""
        self.start(ticket)
        self.wait(minutes=minutes)
        self.finish(ticket)

    # -- questions ------------------------------------------------------------------------------------------------------------

    def last(self) -> Any:
        return self.story[-1].event

    def order(self, counter: str) -> list[str]:
        """Codes in the order in which this counter will call them."""
        return [t.code for t in decide.in_order(self.day.lines_of(counter))]


@contextmanager
def refused(code: str, **details: Any) -> Iterator[None]:
    """The decision inside is refused with this code, and with at least these details."""
    with pytest.raises(Refused) as refusal:
        yield
    assert refusal.value.code == code
    assert {key: refusal.value.details.get(key) for key in details} == details


def snapshot(value: Any) -> Any:
    """A day, or a part of it, as plain comparable values."""
    if isinstance(value, Line):
        return [ticket.id for ticket in value]
    if isinstance(value, list | SortedKeyList):
        return [snapshot(item) for item in value]
    if isinstance(value, Day | Ticket | Appointment) or (is_dataclass(value) and not value.__hash__):
        return {f.name: snapshot(getattr(value, f.name)) for f in fields(value) if f.compare}
    if isinstance(value, dict):
        return [(key, snapshot(item)) for key, item in value.items()]
    if isinstance(value, set):
        return sorted(value)
    return value


def states(office: Office) -> dict[str, State]:
    return {t.code: t.state for t in office.day.tickets.values()}
