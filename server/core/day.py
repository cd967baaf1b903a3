"""A day of one office, folded from its story.

`Day.apply` (evolve) is the only code that changes a day, and it never refuses: what is in the story has happened. Decisions, which may
refuse, are in `decide`. A day is not copied: whoever wants yesterday's folds yesterday's story.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from server.core import events as ev
from server.core.appointment import Awaiting, Bookings, Closure, Slot, slots, within_hours
from server.core.block import Blocks
from server.core.queue import Line, Place, Term
from server.core.site import AS_WRITTEN, Counter, HoursNow, HoursState, Rules, Service, Site, Today, hours_now, last_ticket, open_until
from server.core.ticket import AT_COUNTER, State, Verb


class CounterState(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    PAUSED = "paused"


@dataclass(slots=True)
class Step:
    """The last call, finish or no-show of a ticket, as long as it may be undone."""

    verb: Verb
    at: datetime
    was: State
    counter: str


@dataclass(slots=True, eq=False)
class Ticket:
    """One wait of one citizen today."""

    id: str
    code: str
    service: str
    issued_at: datetime
    place: Place
    term: Term
    joined_at: datetime
    site_version: int = 1
    """Version of the site document whose rules set the queue time."""
    priority: bool = False
    slot: datetime | None = None
    registered: datetime | None = None
    lang: str = "vi"
    procedure: str | None = None
    kiosk: str | None = None
    contact: str | None = None
    appointment: str | None = None
    person: str | None = None
    provisional: bool = False
    """Given by a kiosk on its own, and merged later."""
    state: State = State.WAITING
    counter: str | None = None
    """Where it is called or served, or was last."""
    directed: str | None = None
    """The one counter it waits for after a transfer."""
    transferred_from: str | None = None
    """The counter that sent it on."""
    call: ev.TicketCalled | None = None
    turn_seq: int | None = None
    """Number of the event that began the present turn at a counter; `call_seq` is that of its last call."""
    call_seq: int | None = None
    call_no: int = 0
    called_at: datetime | None = None
    """First call of the present turn at a counter."""
    last_called_at: datetime | None = None
    heard_at: datetime | None = None
    """When the last call was played; None until then. `heard_call` is the last call of this turn that was played."""
    heard_call: int | None = None
    started_at: datetime | None = None
    start_assumed: bool = False
    ended_at: datetime | None = None
    missed_at: datetime | None = None
    missed_early: bool = False
    rejoins: int = 0
    step: Step | None = None
    first_called_at: datetime | None = None

    @property
    def queue_time(self) -> datetime:
        return self.place.queue_time


@dataclass(slots=True)
class CounterNow:
    """A counter as it stands: its state, the clerk who leases it, the ticket that is there."""

    id: str
    state: CounterState = CounterState.CLOSED
    clerk: str | None = None
    since: datetime | None = None
    reason: str | None = None
    ticket: str | None = None
    last_ticket: str | None = None
    """The ticket that was there before; the console offers its undo."""


@dataclass(frozen=True, slots=True)
class Checkup:
    """The last one of this day; its trials are the events that follow number `seq`: the kiosks', then the halls'."""

    seq: int
    at: datetime
    by: str
    halls: tuple[str, ...]
    kiosks: tuple[str, ...]
    quiet: bool

    @property
    def sheets(self) -> dict[str, int]:
        """The number of each kiosk's trial sheet."""
        return {kiosk: self.seq + number for number, kiosk in enumerate(self.kiosks, 1)}

    @property
    def trials(self) -> dict[str, int]:
        """The number of each hall's trial."""
        return {hall: self.seq + len(self.kiosks) + number for number, hall in enumerate(self.halls, 1)}


@dataclass(slots=True)
class Notice:
    text: str
    until: datetime | None


@dataclass(slots=True)
class CallRow:
    """One row of the hall's board. A recall moves it to the top, an undo removes it."""

    ticket: str
    counter: str
    seq: int
    call_no: int
    at: datetime


@dataclass(slots=True)
class HelpCall:
    kiosk: str
    at: datetime


class _Open(NamedTuple):
    """What was said of the hours of an office that is open, and in what stretch of time it holds for this document and these changes."""

    site: Site
    today: Today
    since: datetime
    until: datetime
    hours: HoursNow


@dataclass
class Day:
    """The state of one date at one site; `seq` is the number of the last event and the revision of every board."""

    site: Site
    date: date
    seq: int = 0
    at: datetime | None = None
    """Hall time of the last event; decisions never go back before it."""
    opened: bool = False
    closed: bool = False
    tickets: dict[str, Ticket] = field(default_factory=dict)
    by_code: dict[str, Ticket] = field(default_factory=dict)
    by_person: dict[str, Ticket] = field(default_factory=dict)
    """Their last tickets, of those who used a card."""
    numbers: dict[str, int] = field(default_factory=dict)
    """Last number of each letter's series; `blocks` are lent to kiosks, and the series goes around them."""
    blocks: Blocks = field(default_factory=Blocks)
    intents: dict[str, str] = field(default_factory=dict)
    """The ticket that was given last for a touch at a kiosk."""
    counters: dict[str, CounterNow] = field(default_factory=dict)
    stopped: set[str] = field(default_factory=set)
    notices: dict[str, Notice] = field(default_factory=dict)
    calls: dict[str, CallRow] = field(default_factory=dict)
    """By ticket, oldest call first."""
    by_call: dict[int, str] = field(default_factory=dict)
    lines: dict[str, Line[Ticket]] = field(default_factory=dict)
    directed: dict[str, Line[Ticket]] = field(default_factory=dict)
    sent: dict[str, Line[Ticket]] = field(default_factory=dict)
    """The same tickets as in `directed`, by service: so that counting people never walks through a line."""
    held: dict[str, Ticket] = field(default_factory=dict)
    missed: dict[str, Ticket] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    """Every service and counter of the day, also one that a later version of the site document dropped. A dropped service only stops
    giving numbers: the counters that served it serve those who wait."""
    desks: dict[str, Counter] = field(default_factory=dict)
    rules: dict[int, Rules] = field(default_factory=dict)
    """By version of the site document."""
    assigned: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """What staff let a counter serve today instead of what the site document says."""
    today: Today = AS_WRITTEN
    bookings: Bookings = field(default_factory=Bookings)
    _slots: dict[str, dict[datetime, Slot]] = field(default_factory=dict, compare=False, repr=False)
    _open: _Open | None = field(default=None, compare=False, repr=False)
    staffing: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)
    """What follows from which counters there are, what they serve and who is at work: kept by whoever asks often, forgotten with the next
    change of any of these."""
    help: dict[int, HelpCall] = field(default_factory=dict)
    checkup: Checkup | None = None
    """Requests for a person at a kiosk that nobody has answered yet, by the number of their event."""

    def __post_init__(self) -> None:
        self.revise(self.site)

    def revise(self, site: Site) -> None:
        """Adopt another version of the site document. Lines and counters of the day stay, new ones appear."""
        self.site = site
        if not self.seq:
            # Nothing has happened yet: a version before this one never held on this day.
            for kept in (self.services, self.desks, self.lines, self.sent, self.directed, self.counters, self.rules):
                kept.clear()
        self._slots.clear()
        self.staffing.clear()
        self.rules[site.version] = site.rules
        self.services.update(site.service)
        before, self.desks = self.desks, dict(site.counter)
        for id, desk in before.items():
            now = self.desks.get(id)
            dropped = tuple(s for s in desk.services if s not in site.service)
            own = tuple(s for s in self.assigned.get(id, now.services) if s in site.service) if now else ()
            self.desks[id] = replace(now, services=own + dropped) if now else desk
        for service in site.services:
            self.lines.setdefault(service.id, Line())
            self.sent.setdefault(service.id, Line())
        for counter in site.counters:
            self.counters.setdefault(counter.id, CounterNow(counter.id))
            self.directed.setdefault(counter.id, Line())

    # -- questions ---------------------------------------------------------------------------------------------------------------

    def lines_of(self, counter: str) -> list[Line[Ticket]]:
        """The lines from which this counter calls: its services, and those sent to it by name."""
        return [self.directed[counter], *(self.lines[s] for s in self.desks[counter].services)]

    def slots(self, service: str) -> dict[datetime, Slot]:
        """The slots of a service on this date, by their start, in order."""
        if service not in self._slots:
            self._slots[service] = {slot.start: slot for slot in slots(self.site, service, self.date)}
        return self._slots[service]

    def keeps(self, service: str, slot: Slot) -> bool:
        """Whether the office still means to keep a time: not when it is closed for bookings, when staff close earlier today, or when a
        later version of the site document has taken it out of the hours."""
        early = self.today.closes is not None and slot.end > self.today.closes
        return not early and self.bookings.closed(service, slot) is None and within_hours(self.site, service, slot)

    def hours(self, now: datetime) -> HoursNow:
        """The state of the office's hours, with what staff have changed today."""
        kept = self._open
        if kept is not None and kept.site is self.site and kept.today is self.today and kept.since <= now < kept.until:
            return kept.hours
        hours = hours_now(self.site, now, self.today)
        if hours.state is HoursState.OPEN:
            # Asked for with every number, and the same for hours.
            self._open = _Open(self.site, self.today, now, open_until(self.site, now, self.today, hours), hours)
        return hours

    def last_ticket(self, service: str, now: datetime, hours: HoursNow | None = None) -> datetime | None:
        """Until when a service of the present site document gives numbers today. `hours`: those of `now`, if they are known already."""
        return last_ticket(self.site, self.site.service[service], now, hours or self.hours(now))

    def serving(self, service: str) -> list[str]:
        """Counters that serve this service today, in the site's order."""
        return [c.id for c in self.site.counters if service in self.desks[c.id].services]

    def next_number(self, letter: str) -> int:
        """The number that the series of a letter gives next."""
        return self.blocks.past(letter, self.numbers.get(letter, 0) + 1)

    def rules_of(self, ticket: Ticket) -> Rules:
        """The rules by which this ticket's queue time was set. Its reason is told in their minutes, whatever the site says by now."""
        return self.rules[ticket.site_version]

    def waiting(self, service: str) -> int:
        return len(self.lines[service]) + len(self.sent[service])

    def people_ahead(self, ticket: Ticket) -> int:
        """Waiting in the same service with a smaller (queue time, seq); 0 for a ticket that does not wait."""
        if ticket.state is not State.WAITING:
            return 0
        return self.lines[ticket.service].ahead_of(ticket.place) + self.sent[ticket.service].ahead_of(ticket.place)

    def counters_for(self, ticket: Ticket) -> list[str]:
        """Counters that call this ticket, in the site's order: of the present site document as long as it names any."""
        if ticket.directed:
            return [ticket.directed]
        if (named := self.staffing.get(ticket.service)) is None:
            able = [c for c in self.desks if self.calls_from(c, ticket)]
            named = self.staffing[ticket.service] = [c for c in able if c in self.site.counter] or able
        return list(named)

    def calls_from(self, counter: str, ticket: Ticket) -> bool:
        """Whether this ticket, when it waits, stands in one of the lines of this counter."""
        return ticket.directed == counter if ticket.directed else ticket.service in self.desks[counter].services

    def at_counter(self, counter: str) -> Ticket | None:
        ticket = self.counters[counter].ticket
        return self.tickets[ticket] if ticket else None

    # -- evolve ------------------------------------------------------------------------------------------------------------------

    def apply(self, entry: ev.Entry) -> None:
        """Fold one event. Events come in the order of their numbers."""
        self.seq, self.at = entry.seq, entry.at
        _EVOLVE[type(entry.event)](self, entry, entry.event)

    def _lines(self, ticket: Ticket) -> list[Line[Ticket]]:
        if ticket.directed:
            return [self.directed[ticket.directed], self.sent[ticket.service]]
        return [self.lines[ticket.service]]

    def _leave(self, ticket: Ticket) -> None:
        """Out of its line, of the held or missed, of the counter's chair: while the ticket still says where that is."""
        if ticket.state is State.WAITING:
            for line in self._lines(ticket):
                line.remove(ticket)
        self.held.pop(ticket.id, None)
        self.missed.pop(ticket.id, None)
        if ticket.counter and (seat := self.counters[ticket.counter]).ticket == ticket.id:
            seat.ticket, seat.last_ticket = None, ticket.id

    def _enter(self, ticket: Ticket, state: State) -> None:
        ticket.state = state
        match state:
            case State.WAITING:
                # It stands as if it had not been called: what explained that call does not explain where it waits now.
                ticket.call = None
                for line in self._lines(ticket):
                    line.add(ticket)
            case State.HELD:
                self.held[ticket.id] = ticket
            case State.NO_SHOW:
                self.missed[ticket.id] = ticket
            case State.CALLED | State.SERVING:
                assert ticket.counter is not None
                self.counters[ticket.counter].ticket = ticket.id
            case _:
                pass

    def _move(self, ticket: Ticket, state: State) -> None:
        self._leave(ticket)
        self._enter(ticket, state)


def fold(site: Site, day: date, story: Iterable[ev.Entry], sites: Callable[[int], Site] | None = None) -> Day:
    """The day as its story tells it. `sites` finds a version of the site document; without it the one given serves all."""
    folded = Day(site, day)
    for entry in story:
        if sites is not None and isinstance(entry.event, ev.DayOpened | ev.SiteRevised):
            folded.revise(sites(entry.event.site_version))
        folded.apply(entry)
    return folded


def code_of(letter: str, number: int) -> str:
    """`A012`; after A999 comes A1000, so that a code is never given twice."""
    return f"{letter}{number:03d}"


def _opened(day: Day, entry: ev.Entry, event: ev.DayOpened) -> None:
    day.opened = True


def _revised(day: Day, entry: ev.Entry, event: ev.SiteRevised) -> None:
    """The version itself is found by the folder (`fold`, `Ledger`)."""
    day.bookings.look_again(entry.seq, entry.at, day.keeps)


def _placed(day: Day, entry: ev.Entry, queue_time: datetime) -> Place:
    """In the office's own zone: a story that was read has an offset of its own for each instant, and to compare two of those takes eight
    times as long. After a power cut a whole day would be slower than before it."""
    return Place(queue_time.astimezone(day.site.tz), entry.seq)


def _issued(day: Day, entry: ev.Entry, event: ev.TicketIssued) -> None:
    letter = day.services[event.service].letter
    ticket = Ticket(
        id=event.ticket,
        code=code_of(letter, event.number),
        service=event.service,
        issued_at=event.issued_at,
        place=_placed(day, entry, event.queue_time),
        term=event.term,
        joined_at=event.issued_at,
        site_version=day.site.version if event.provisional is None else event.provisional,
        priority=event.priority,
        slot=event.slot,
        registered=event.registered,
        lang=event.lang,
        procedure=event.procedure,
        kiosk=event.kiosk,
        contact=event.contact,
        appointment=event.appointment,
        person=event.person,
        provisional=event.provisional is not None,
    )
    if event.person is not None:
        day.by_person[event.person] = ticket
    if event.appointment is not None:
        day.bookings.check_in(event.appointment, ticket.id)
    if event.intent is not None:
        day.intents[event.intent] = ticket.id
    if not ticket.provisional:
        day.numbers[letter] = event.number
    day.tickets[ticket.id] = day.by_code[ticket.code] = ticket
    day.lines[ticket.service].add(ticket)


def _leased(day: Day, entry: ev.Entry, event: ev.BlockLeased) -> None:
    day.blocks.lend(day.services[event.service].letter, event, entry.at, entry.seq)


def _reprinted(day: Day, entry: ev.Entry, event: ev.TicketReprinted | ev.PrinterTested) -> None:
    """Paper changes nothing in the queue."""


def _checkup_begun(day: Day, entry: ev.Entry, event: ev.CheckupBegun) -> None:
    day.checkup = Checkup(entry.seq, entry.at, entry.actor, event.halls, event.kiosks, event.quiet)


def _called(day: Day, entry: ev.Entry, event: ev.TicketCalled) -> None:
    ticket = day.tickets[event.ticket]
    step = Step(Verb.CALL, entry.at, ticket.state, event.counter)
    day._leave(ticket)
    ticket.counter = event.counter
    ticket.call, ticket.call_no = event, 1
    ticket.turn_seq = ticket.call_seq = entry.seq
    ticket.called_at = ticket.last_called_at = entry.at
    ticket.first_called_at = ticket.first_called_at or entry.at
    ticket.heard_at = ticket.heard_call = ticket.started_at = None
    day._enter(ticket, State.CALLED)
    ticket.step = step
    _show(day, ticket, entry)


def _show(day: Day, ticket: Ticket, entry: ev.Entry) -> None:
    assert ticket.counter is not None
    day.calls.pop(ticket.id, None)
    day.calls[ticket.id] = CallRow(ticket.id, ticket.counter, entry.seq, ticket.call_no, entry.at)
    day.by_call[entry.seq] = ticket.id


def _recalled(day: Day, entry: ev.Entry, event: ev.TicketRecalled) -> None:
    ticket = day.tickets[event.ticket]
    ticket.call_no, ticket.call_seq = event.call_no, entry.seq
    ticket.last_called_at, ticket.heard_at = entry.at, None
    _show(day, ticket, entry)


def _started(day: Day, entry: ev.Entry, event: ev.TicketStarted) -> None:
    ticket = day.tickets[event.ticket]
    ticket.started_at = entry.at
    ticket.state, ticket.step = State.SERVING, None


def _ended(day: Day, entry: ev.Entry, ticket: Ticket, verb: Verb, state: State) -> None:
    assert ticket.counter is not None
    ticket.step = Step(verb, entry.at, ticket.state, ticket.counter)
    ticket.ended_at = entry.at
    day._move(ticket, state)


def _finished(day: Day, entry: ev.Entry, event: ev.TicketFinished) -> None:
    ticket = day.tickets[event.ticket]
    if event.assumed_start is not None:
        ticket.started_at, ticket.start_assumed = event.assumed_start, True
    _ended(day, entry, ticket, Verb.FINISH, State.DONE)


def _missed(day: Day, entry: ev.Entry, event: ev.TicketMissed) -> None:
    ticket = day.tickets[event.ticket]
    ticket.missed_at, ticket.missed_early = entry.at, event.early
    _ended(day, entry, ticket, Verb.NO_SHOW, State.NO_SHOW)


def _rejoined(day: Day, entry: ev.Entry, event: ev.TicketRejoined) -> None:
    ticket = day.tickets[event.ticket]
    ticket.place, ticket.term = _placed(day, entry, event.queue_time), Term.REJOINED
    ticket.joined_at, ticket.site_version = event.joined_at, day.site.version
    ticket.rejoins += 1
    ticket.step = ticket.ended_at = ticket.started_at = None
    day._move(ticket, State.WAITING)


def _held(day: Day, entry: ev.Entry, event: ev.TicketHeld) -> None:
    ticket = day.tickets[event.ticket]
    ticket.step = None
    day._move(ticket, State.HELD)


def _released(day: Day, entry: ev.Entry, event: ev.TicketReleased) -> None:
    day._move(day.tickets[event.ticket], State.WAITING)


def _transferred(day: Day, entry: ev.Entry, event: ev.TicketTransferred) -> None:
    ticket = day.tickets[event.ticket]
    if ticket.state in AT_COUNTER:
        ticket.transferred_from = ticket.counter
    day._leave(ticket)
    ticket.service, ticket.directed, ticket.step = event.service, event.counter, None
    day._enter(ticket, State.WAITING)


def _cancelled(day: Day, entry: ev.Entry, event: ev.TicketCancelled) -> None:
    ticket = day.tickets[event.ticket]
    ticket.step, ticket.ended_at = None, entry.at
    day._move(ticket, State.CANCELLED)


def _undone(day: Day, entry: ev.Entry, event: ev.StepUndone) -> None:
    ticket = day.tickets[event.ticket]
    step = ticket.step
    assert step is not None
    ticket.step = None
    if step.verb is Verb.CALL:
        day.calls.pop(ticket.id, None)
        # Who was there before is again the last one: its own finish can still be taken back.
        seat = day.counters[step.counter]
        before = seat.last_ticket
        day._move(ticket, step.was)
        seat.last_ticket = before
        if ticket.first_called_at == step.at:
            ticket.first_called_at = None
        ticket.counter = ticket.call = ticket.turn_seq = ticket.call_seq = None
        ticket.called_at = ticket.last_called_at = ticket.heard_at = ticket.heard_call = None
        ticket.call_no = 0
        return
    ticket.ended_at = ticket.missed_at = None
    ticket.missed_early = False
    if ticket.start_assumed:
        ticket.started_at, ticket.start_assumed = None, False
    day._move(ticket, step.was)


def _heard(day: Day, entry: ev.Entry, event: ev.CallHeard) -> None:
    ticket = day.tickets[day.by_call[event.call]]
    ticket.heard_call = event.call
    if ticket.call_seq == event.call:
        ticket.heard_at = entry.at


def _counter(state: CounterState) -> Callable[[Day, ev.Entry, Any], None]:
    def evolve(day: Day, entry: ev.Entry, event: Any) -> None:
        day.staffing.clear()
        counter = day.counters[event.counter]
        counter.state, counter.since = state, entry.at
        counter.reason = getattr(event, "reason", None)
        counter.clerk = getattr(event, "clerk", counter.clerk)
        if state is CounterState.CLOSED:
            counter.clerk = None

    return evolve


def _stopped(day: Day, entry: ev.Entry, event: ev.ServiceStopped) -> None:
    day.stopped.add(event.service)


def _service_started(day: Day, entry: ev.Entry, event: ev.ServiceStarted) -> None:
    day.stopped.discard(event.service)


def _spoken(day: Day, entry: ev.Entry, event: ev.NoticeSpoken | ev.HallTested) -> None:
    """Nothing of the day is another for it."""


def _notice(day: Day, entry: ev.Entry, event: ev.NoticeSet) -> None:
    # An empty text is remembered too: it silences the standing notice of the site document for this day.
    day.notices[event.hall] = Notice(event.text or "", event.until)


def _assigned(day: Day, entry: ev.Entry, event: ev.CounterAssigned) -> None:
    desk = day.desks[event.counter]
    dropped = tuple(s for s in desk.services if s not in day.site.service)
    day.staffing.clear()
    day.assigned[event.counter] = event.services
    day.desks[event.counter] = replace(desk, services=event.services + dropped)


def _hours_changed(day: Day, entry: ev.Entry, event: ev.HoursChanged) -> None:
    day.today = Today(event.last_ticket, event.closes)
    day.bookings.look_again(entry.seq, entry.at, day.keeps)


def _help_asked(day: Day, entry: ev.Entry, event: ev.HelpAsked) -> None:
    day.help[entry.seq] = HelpCall(event.kiosk, entry.at)


def _help_answered(day: Day, entry: ev.Entry, event: ev.HelpAnswered) -> None:
    del day.help[event.asked]


def _booked(day: Day, entry: ev.Entry, event: ev.AppointmentBooked) -> None:
    day.bookings.book(event)


def _moved(day: Day, entry: ev.Entry, event: ev.AppointmentMoved) -> None:
    day.bookings.move(event, entry.at)


def _given_back(day: Day, entry: ev.Entry, event: ev.AppointmentCancelled) -> None:
    day.bookings.cancel(event, entry.at)


def _awaited(day: Day, entry: ev.Entry, event: ev.PlaceAwaited) -> None:
    day.bookings.awaiting[event.wait] = Awaiting(event.wait, event.service, event.contact, event.lang, event.person)


def _offered(day: Day, entry: ev.Entry, event: ev.PlaceOffered) -> None:
    day.bookings.offer(event, entry.at)


def _forgone(day: Day, entry: ev.Entry, event: ev.PlaceForgone) -> None:
    day.bookings.forgo(event.wait)


def _slots_closed(day: Day, entry: ev.Entry, event: ev.SlotsClosed) -> None:
    day.bookings.closures[entry.seq] = Closure(event.service, event.start, event.end, event.reason)
    day.bookings.look_again(entry.seq, entry.at, day.keeps)


def _slots_reopened(day: Day, entry: ev.Entry, event: ev.SlotsReopened) -> None:
    del day.bookings.closures[event.closure]
    day.bookings.look_again(entry.seq, entry.at, day.keeps)


def _closed(day: Day, entry: ev.Entry, event: ev.DayClosed) -> None:
    day.closed = True
    day.staffing.clear()
    for ticket in _unserved(day):
        ticket.ended_at = entry.at
        day._move(ticket, State.LAPSED)
    for counter in day.counters.values():
        if counter.state is not CounterState.CLOSED:
            counter.state, counter.clerk, counter.since, counter.reason = CounterState.CLOSED, None, entry.at, None


def _unserved(day: Day) -> Iterator[Ticket]:
    return iter([t for t in day.tickets.values() if t.state in (State.WAITING, State.HELD)])


_EVOLVE: dict[type, Callable[[Day, ev.Entry, Any], None]] = {
    ev.DayOpened: _opened,
    ev.SiteRevised: _revised,
    ev.TicketIssued: _issued,
    ev.BlockLeased: _leased,
    ev.TicketReprinted: _reprinted,
    ev.PrinterTested: _reprinted,
    ev.CheckupBegun: _checkup_begun,
    ev.HallTested: _spoken,
    ev.TicketCalled: _called,
    ev.TicketRecalled: _recalled,
    ev.TicketStarted: _started,
    ev.TicketFinished: _finished,
    ev.TicketMissed: _missed,
    ev.TicketRejoined: _rejoined,
    ev.TicketHeld: _held,
    ev.TicketReleased: _released,
    ev.TicketTransferred: _transferred,
    ev.TicketCancelled: _cancelled,
    ev.StepUndone: _undone,
    ev.CallHeard: _heard,
    ev.CounterOpened: _counter(CounterState.OPEN),
    ev.CounterPaused: _counter(CounterState.PAUSED),
    ev.CounterResumed: _counter(CounterState.OPEN),
    ev.CounterClosed: _counter(CounterState.CLOSED),
    ev.ServiceStopped: _stopped,
    ev.ServiceStarted: _service_started,
    ev.NoticeSet: _notice,
    ev.NoticeSpoken: _spoken,
    ev.CounterAssigned: _assigned,
    ev.HoursChanged: _hours_changed,
    ev.HelpAsked: _help_asked,
    ev.HelpAnswered: _help_answered,
    ev.AppointmentBooked: _booked,
    ev.AppointmentMoved: _moved,
    ev.AppointmentCancelled: _given_back,
    ev.PlaceAwaited: _awaited,
    ev.PlaceOffered: _offered,
    ev.PlaceForgone: _forgone,
    ev.SlotsClosed: _slots_closed,
    ev.SlotsReopened: _slots_reopened,
    ev.DayClosed: _closed,
}
