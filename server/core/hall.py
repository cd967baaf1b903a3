"""What a hall sees and hears, and what the paper says: values computed from the day, never stored.

A `Board` is a state: whole, with a revision, may be lost. An `Announcement` and a `Receipt` belong to moments: said or printed once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from server.core import events as ev
from server.core import words
from server.core.day import Day, Ticket, code_of
from server.core.decide import may_issue
from server.core.forecast import Forecast
from server.core.queue import Place, Term, in_order
from server.core.refused import Refused
from server.core.site import FULL_VOLUME, HoursNow, HoursState, Site
from server.core.ticket import State

Likely = Callable[[Day, Ticket | str, datetime], Forecast | None]
"""Who knows the likely wait of a ticket, or of somebody who would take a number of this service now; None where it cannot be told."""


def untold(day: Day, who: Ticket | str, now: datetime) -> Forecast | None:
    """Nobody foretells."""
    return None


CALLS_SHOWN = 8
NEXT_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Call:
    seq: int
    code: str
    counter: str
    state: State
    call_no: int
    at: datetime
    new_until: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    service: str
    letter: str
    name: str
    count: int
    next: tuple[str, ...]
    open: bool
    wait: Forecast | None
    """Of somebody who would take a number now."""


@dataclass(frozen=True, slots=True)
class Board:
    """Everything one hall shows. `revision` is the day's; two boards of one revision differ only by the clock."""

    site: str
    hall: str
    day: Day
    revision: int
    at: datetime
    hours: HoursNow
    calls: tuple[Call, ...]
    waiting: tuple[Waiting, ...]
    notice: str | None
    quiet_since: datetime | None
    """When the last call came; None while somebody is called and has not come, and before the first call."""

    @property
    def open(self) -> bool:
        """Counters are at work: open, or past the last ticket."""
        return self.hours.state in (HoursState.OPEN, HoursState.LAST_TICKET_PASSED)


def gives_numbers(day: Day, now: datetime, service: str) -> bool:
    try:
        may_issue(day, now, service)
    except Refused:
        return False
    return True


def board(day: Day, hall: str, now: datetime, counter: str | None = None, likely: Likely = untold) -> Board:
    """The board of one hall: newest call first, what waits for each field served there.

    With `counter` its own last call is always there, however many others were called since: the small screen above it needs that one.
    """
    site = day.site
    calls: list[Call] = []
    found = counter is None
    for row in reversed(day.calls.values()):
        if day.desks[row.counter].hall != hall:
            continue
        own = row.counter == counter
        if len(calls) < CALLS_SHOWN or own:
            ticket = day.tickets[row.ticket]
            calls.append(Call(row.seq, ticket.code, row.counter, ticket.state, row.call_no, row.at, row.at + site.timing.new_for))
        found = found or own
        if len(calls) >= CALLS_SHOWN and found:
            break
    served = {s for c in site.counters if c.hall == hall for s in day.desks[c.id].services}
    waiting = tuple(
        Waiting(
            service=s.id,
            letter=s.letter,
            name=s.name,
            count=day.waiting(s.id),
            next=tuple(t.code for t in day.lines[s.id].first(NEXT_SHOWN)),
            open=gives_numbers(day, now, s.id),
            wait=likely(day, s.id, now),
        )
        for s in site.services
        if s.id in served
    )
    quiet = calls[0].at if calls and not _expected(day, hall) else None
    return Board(site.id, hall, day, day.seq, now, day.hours(now), tuple(calls), waiting, notice(day, hall, now), quiet)


def _expected(day: Day, hall: str) -> bool:
    """Whether somebody has been called to a counter of this hall and has not come yet."""
    present = (day.at_counter(counter) for counter in day.counters if day.desks[counter].hall == hall)
    return any(ticket is not None and ticket.state is State.CALLED for ticket in present)


def notice(day: Day, hall: str, now: datetime) -> str | None:
    """The notice line: what staff set today, else the standing one of the site document."""
    today = day.notices.get(hall)
    if today is not None and (today.until is None or now < today.until):
        return today.text or None
    return day.site.notice or None


@dataclass(frozen=True, slots=True)
class Announcement:
    """What the hall hears once. `kind` is `call`, `recall`, `correction`, `notice`, `emergency` or `test`; `n` numbers the moments of one
    event.

    The last three are no call and have neither code nor counter; a notice and an emergency have a `text` of the staff's own. A test that
    is said no times is only shown. `volume` is in percent, and 0 for what the hall's quiet hours leave to the screens; `zone` is "" for
    the whole hall.
    """

    seq: int
    n: int
    hall: str
    kind: str
    code: str
    counter: str
    counter_name: str
    call_no: int
    last_call: bool
    lang: str
    times: int
    expires_at: datetime
    text: str = ""
    volume: int = FULL_VOLUME
    zone: str = ""


def _volume(site: Site, hall: str, at: datetime, *, call: bool) -> int:
    """How loud something is said in a hall. What staff say themselves they want heard, also in quiet hours."""
    local, room = at.astimezone(site.tz), site.room(hall)
    clock = timedelta(hours=local.hour, minutes=local.minute, seconds=local.second)
    return 0 if call and room.quiet_at(clock) else room.volume_at(clock)


def announcement(day: Day, entry: ev.Entry) -> Announcement | None:
    """The announcement that an event causes, told from the day after it. None for silent events."""
    timing, site = day.site.timing, day.site
    match entry.event:
        case ev.NoticeSpoken() as said:
            until = entry.at + timing.notice_within
            loud = FULL_VOLUME if said.priority == "emergency" else _volume(site, said.hall, entry.at, call=False)
            return Announcement(entry.seq, 1, said.hall, said.priority, "", "", "", 1, False, said.lang, said.times, until, said.text, loud)
        case ev.HallTested() as tried:
            until, times = entry.at + timing.notice_within, 0 if tried.quiet else 1
            loud = 0 if tried.quiet else _volume(site, tried.hall, entry.at, call=False)
            return Announcement(entry.seq, 1, tried.hall, "test", "", "", "", 1, False, "vi", times, until, volume=loud)
        case ev.TicketCalled() | ev.TicketRecalled():
            ticket = day.tickets[entry.event.ticket]
            kind = "call" if isinstance(entry.event, ev.TicketCalled) else "recall"
            call_no = 1 if isinstance(entry.event, ev.TicketCalled) else entry.event.call_no
            row = entry.event.counter if isinstance(entry.event, ev.TicketCalled) else ticket.counter
        case ev.StepUndone(heard=True):
            ticket, kind, call_no = day.tickets[entry.event.ticket], "correction", 1
            row = entry.event.counter
        case _:
            return None
    assert row is not None
    desk = day.desks[row]
    return Announcement(
        seq=entry.seq,
        n=1,
        hall=desk.hall,
        kind=kind,
        code=ticket.code,
        counter=row,
        counter_name=desk.name,
        call_no=call_no,
        last_call=kind == "recall" and call_no >= max(site.rules.calls_before_no_show, 3),
        lang=ticket.lang,
        times=1 if kind == "correction" else site.voice.times,
        expires_at=entry.at + timing.speak_within,
        volume=_volume(site, desk.hall, entry.at, call=True),
        zone=site.room(desk.hall).zone_of(row),
    )


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a ticket's paper says, in words of the ticket's language; the drawing decides only the layout."""

    office: str
    code: str
    mark: str | None
    service: str
    counters: str
    queue_time_label: str
    queue_time: str
    reason: str
    ahead: str
    expected: str | None
    expected_label: str
    qr: str | None
    qr_hint: str | None
    foot: tuple[str, ...]
    date_line: str
    header: tuple[str, ...] = ()
    logo: str | None = None
    reprint: bool = False
    reprint_mark: str = "BẢN IN LẠI"


def receipt(day: Day, ticket: Ticket, now: datetime, *, likely: Likely = untold, reprint: bool = False) -> Receipt:
    """The paper of a ticket. Nothing personal, never which priority group; people ahead and the likely time of the call as at printing."""
    site, lang = day.site, ticket.lang
    both = lang == "en"
    service = day.services[ticket.service]
    desks = [words.counter_number(day.desks[c].name) for c in day.counters_for(ticket)]
    mark = None
    if ticket.slot is not None:
        mark = f"CÓ HẸN {words.hhmm(ticket.slot)}"
    elif ticket.priority:
        mark = "ƯU TIÊN"
    wait = likely(day, ticket, now)
    name = service.name.replace("|", "")
    taken = "nhận" if ticket.slot or ticket.registered else "lấy"
    url = ticket_url(day, ticket)
    plain = Receipt(
        office=site.name,
        code=ticket.code,
        mark=mark,
        service=f"{name} · {service.name_en}" if both and service.name_en else name,
        counters=f"Quầy {words.one_of(desks)}" if desks else "",
        queue_time_label="Giờ xếp hàng · Queue time" if both else "Giờ xếp hàng",
        queue_time=words.queue_time_text(ticket.queue_time, ticket.issued_at, lang),
        reason=words.reason_words(
            ticket.term, day.rules_of(ticket), joined_at=ticket.joined_at, slot=ticket.slot, provisional=ticket.provisional, lang=lang
        ),
        ahead=_ahead(day.people_ahead(ticket)),
        expected=words.clock_range(now + wait.low, now + wait.high) if wait else None,
        expected_label=EXPECTED,
        qr=url,
        qr_hint=SCAN if url else None,
        foot=(),
        date_line=_date_line(site, taken, ticket.issued_at, ticket.kiosk),
        reprint=reprint,
    )
    return _designed(plain, site, both)


def sample_receipt(site: Site, now: datetime, kiosk: str | None = None, *, mark: str | None = None) -> Receipt:
    """A paper with every line that this office's papers can have and no number that it could give. `mark` says above it what it is."""
    service = site.services[0]
    desks = [words.counter_number(counter.name) for counter in site.counters if service.id in counter.services]
    slot = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    plain = Receipt(
        office=site.name,
        code=f"{service.letter}000",
        mark=f"CÓ HẸN {words.hhmm(slot)}",
        service=service.name.replace("|", ""),
        counters=f"Quầy {words.one_of(desks)}" if desks else "",
        queue_time_label="Giờ xếp hàng",
        queue_time=words.queue_time_text(slot - site.rules.appointment_head, now),
        reason=words.reason_words(Term.SLOT, site.rules, joined_at=now, slot=slot),
        ahead=_ahead(12),
        expected=words.clock_range(now + timedelta(minutes=15), now + timedelta(minutes=35)),
        expected_label=EXPECTED,
        qr=f"{site.public_url.rstrip('/')}/t/{'0' * 24}" if site.public_url else None,
        qr_hint=SCAN if site.public_url else None,
        foot=(),
        date_line=_date_line(site, "nhận", now, kiosk),
        reprint=mark is not None,
        reprint_mark=mark or "",
    )
    return _designed(plain, site, both=False)


EXPECTED, SCAN = "giờ dự kiến được gọi", "Quét mã để theo dõi số"


def _ahead(people: int) -> str:
    return "Không ai chờ trước" if people == 0 else f"Chờ trước: {people} người"


def _date_line(site: Site, taken: str, at: datetime, kiosk: str | None) -> str:
    where = site.kiosk.get(kiosk or "")
    line = f"{words.capital(words.long_date(site.business_day(at)))} · {taken} lúc {words.hhmm(at)}"
    return f"{line} · {where.name.lower()}" if where else line


def _designed(plain: Receipt, site: Site, both: bool) -> Receipt:
    """The paper as this office wants it; `both`: in two languages."""
    design = site.receipt
    gone = set(design.without)
    foot = []
    if "missed" not in gone:
        foot.append("Lỡ lượt? Đến máy lấy số hoặc bàn hướng dẫn, không cần lấy số mới.")
    if site.hotline and "hotline" not in gone:
        foot.append(f"Hỏi đáp: {site.hotline}")
    if both and "missed" not in gone:
        foot.append("Missed your call? Come to the kiosk or help desk.")
    return replace(
        plain,
        header=design.header,
        logo=design.logo or None,
        mark=None if "mark" in gone else plain.mark,
        counters="" if "counters" in gone else plain.counters,
        ahead="" if "ahead" in gone else plain.ahead,
        expected=None if "expected" in gone else plain.expected,
        qr=None if "qr" in gone else plain.qr,
        qr_hint=None if "qr" in gone else plain.qr_hint,
        foot=(*foot, *design.footer),
    )


def provisional_receipt(day: Day, service: str, now: datetime, *, kiosk: str, number: int, lang: str) -> Receipt:
    """The paper of a number that a kiosk gives on its own, as if it were taken `now`: the kiosk sets its own number and times. It knows
    neither who waits nor how long that takes, and no telephone could follow the number yet."""
    pattern = Ticket(
        id="",
        code=code_of(day.services[service].letter, number),
        service=service,
        issued_at=now,
        place=Place(now, 0),
        term=Term.WALK_IN,
        joined_at=now,
        site_version=day.site.version,
        lang=lang,
        kiosk=kiosk,
        provisional=True,
    )
    return replace(receipt(day, pattern, now), mark="SỐ TẠM", ahead="", qr=None, qr_hint=None)


def ticket_url(day: Day, ticket: Ticket) -> str | None:
    """The phone page behind the ticket's QR; None unless the site has a public address."""
    return f"{day.site.public_url.rstrip('/')}/t/{ticket.id}" if day.site.public_url else None


@dataclass(frozen=True, slots=True)
class Undoable:
    ticket: Ticket
    until: datetime


@dataclass(frozen=True, slots=True)
class ConsoleView:
    """What one clerk's console shows: whom I serve, who waits for me in order, what I can still take back."""

    counter: str
    current: Ticket | None
    waiting: tuple[Ticket, ...]
    waiting_count: int
    missed: tuple[Ticket, ...]
    held: tuple[Ticket, ...]
    undo: Undoable | None


WAITING_SHOWN = 50


def console(day: Day, counter: str, now: datetime) -> ConsoleView:
    """The console of a counter. The first of `waiting` is whom `call_next` will call."""
    seat = day.counters[counter]
    lines = day.lines_of(counter)
    waiting = []
    for ticket in in_order(lines):
        waiting.append(ticket)
        if len(waiting) == WAITING_SHOWN:
            break
    mine = set(day.desks[counter].services)

    def ours(ticket: Ticket) -> bool:
        return ticket.counter == counter or ticket.service in mine

    return ConsoleView(
        counter=counter,
        current=day.at_counter(counter),
        waiting=tuple(waiting),
        waiting_count=sum(len(line) for line in lines),
        missed=tuple(t for t in day.missed.values() if ours(t)),
        held=tuple(t for t in day.held.values() if ours(t)),
        undo=_undoable(day, seat.ticket or seat.last_ticket, now),
    )


def _undoable(day: Day, ticket: str | None, now: datetime) -> Undoable | None:
    found = day.tickets.get(ticket or "")
    if found is None or found.step is None:
        return None
    until = found.step.at + day.site.timing.undo_within
    return Undoable(found, until) if now < until else None
