"""Values to JSON and back. The only place that names a JSON field.

Outgoing shapes are `TypedDict`s (the OpenAPI description is generated from them, the functions here fill them); incoming bodies are
pydantic models. A null field is the same as an absent one. Instants are ISO 8601 with offset, in the site's zone.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from heapq import nsmallest
from math import ceil
from typing import Annotated, Any, Literal, NotRequired

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from server.core import decide, hall, words
from server.core import events as ev
from server.core.appointment import Appointment, spoken
from server.core.day import Day, Ticket
from server.core.forecast import Accuracy, Forecast
from server.core.outcome import CLASSES, Outcome
from server.core.refused import Refused
from server.core.report import Report
from server.core.site import AS_WRITTEN, Site
from server.core.ticket import AT_COUNTER, State

# -- the story -------------------------------------------------------------------------------------------------------------------

_EVENTS: dict[str, TypeAdapter[Any]] = {name: TypeAdapter(kind) for name, kind in ev.KINDS.items()}


def event_text(event: ev.Event) -> str:
    """The body of an event as it is stored: JSON without defaults. A null that is no default is a fact, and a day without it unreadable."""
    return _EVENTS[type(event).__name__].dump_json(event, exclude_defaults=True).decode()


def event_of(kind: str, body: str) -> ev.Event:
    return _EVENTS[kind].validate_json(body)  # type: ignore[no-any-return]


def dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def loads(text: str) -> Any:
    return json.loads(text)


class EntryOut(TypedDict):
    seq: int
    at: str
    actor: str
    kind: str
    event: dict[str, Any]


def entry(line: ev.Entry) -> EntryOut:
    return {
        "seq": line.seq,
        "at": instant(line.at),
        "actor": line.actor,
        "kind": type(line.event).__name__,
        "event": json.loads(event_text(line.event)),
    }


# -- incoming --------------------------------------------------------------------------------------------------------------------


def _text(value: str) -> str:
    """NFC, in one line: what staff and citizens type ends on screens, paper and in the voice.

    Control characters are refused. Invisible ones (zero width, change of direction) come along when text is pasted; they are dropped,
    since a line that reads backwards could say anything on a wall.
    """
    if any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in value):
        raise PydanticCustomError("control_characters", "Control characters are not allowed")
    visible = "".join(c for c in value if unicodedata.category(c) != "Cf")
    return unicodedata.normalize("NFC", visible.strip())


def _something(value: str) -> str:
    if not value:
        raise PydanticCustomError("string_too_short", "Nothing visible is in it")
    return value


def _of_our_time(value: datetime) -> datetime:
    """Years that every zone's arithmetic can bear."""
    if not 2000 <= value.year <= 9000:
        raise PydanticCustomError("datetime_year", "The year should be between 2000 and 9000")
    return value


Id = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_text), AfterValidator(_something)]
DisplayName = Annotated[str, StringConstraints(max_length=64), AfterValidator(_text)]
Line = Annotated[str, StringConstraints(min_length=1, max_length=300), AfterValidator(_text), AfterValidator(_something)]
Phone = Annotated[str, StringConstraints(pattern=r"^(?:\+?84|0)[0-9]{9}$")]
OwnPhone = Annotated[Phone, AfterValidator(lambda phone: "0" + phone[-9:])]
"""One number is one person, however it is written."""
Email = Annotated[str, StringConstraints(max_length=254, pattern=r"^[^@\s]{1,64}@[^@\s]+\.[^@\s]+$"), AfterValidator(_text)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Contact(_Body):
    """How to reach the citizen about this ticket; kept apart from the story and erased."""

    phone: Phone | None = None
    email: Email | None = None


class IssueIn(_Body):
    service: Id
    lang: Literal["vi", "en"] | None = None
    priority: Id | None = None
    procedure: Id | None = None
    contact: Contact | None = None


class SessionIn(_Body):
    user: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    password: Annotated[str, StringConstraints(min_length=1, max_length=256)]


class ReasonIn(_Body):
    reason: Line | None = None


class NextIn(_Body):
    finish: bool | None = None
    outcome: Literal["done", "no_show"] | None = None


class EmptyIn(_Body):
    pass


class CallIn(_Body):
    counter: Id
    reason: Line


class TransferIn(_Body):
    service: Id | None = None
    counter: Id | None = None


class NoticeIn(_Body):
    text: Annotated[str, StringConstraints(max_length=300), AfterValidator(_text)] | None = None
    until: Annotated[AwareDatetime, AfterValidator(_of_our_time)] | None = None


class ServicesIn(_Body):
    services: Annotated[list[Id], Field(min_length=1, max_length=100)]


ClockTime = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class HoursIn(_Body):
    """What holds today instead of the site document's hours; nothing means: as written there."""

    last_ticket: ClockTime | None = None
    closes: ClockTime | None = None


class StaffIn(_Body):
    name: Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_text)]
    role: Literal["clerk", "helper", "supervisor", "inspector", "admin"]
    password: Annotated[str, StringConstraints(min_length=8, max_length=256)]
    display_name: DisplayName | None = None


class DisplayNameIn(_Body):
    display_name: DisplayName | None = None


class NewPasswordIn(_Body):
    password: Annotated[str, StringConstraints(min_length=8, max_length=256)]


class OwnPasswordIn(_Body):
    old: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    new: Annotated[str, StringConstraints(min_length=8, max_length=256)]


class DeviceIn(_Body):
    name: Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_text)]
    kind: Literal["kiosk", "display", "audio"]
    place: Id | None = None


class BookIn(_Body):
    """A booking: of a service, or of a procedure and so of its service. Without `start` a live number for today, where there are any."""

    service: Id | None = None
    procedure: Id | None = None
    start: Annotated[AwareDatetime, AfterValidator(_of_our_time)] | None = None
    name: Annotated[str, StringConstraints(min_length=1, max_length=80), AfterValidator(_text), AfterValidator(_something)] | None = None
    phone: OwnPhone | None = None
    email: Email | None = None
    consent: bool | None = None
    lang: Literal["vi", "en"] | None = None


class ChangeIn(_Body):
    """Another time, or `consent: false`: the contact is erased."""

    start: Annotated[AwareDatetime, AfterValidator(_of_our_time)] | None = None
    consent: Literal[False] | None = None


class CheckInIn(_Body):
    lang: Literal["vi", "en"] | None = None
    priority: Id | None = None


class AwaitIn(_Body):
    """Whom to tell when a place comes free on a full day."""

    service: Id
    email: Email
    consent: Literal[True]
    lang: Literal["vi", "en"] | None = None


class ClosureIn(_Body):
    start: Annotated[AwareDatetime, AfterValidator(_of_our_time)]
    end: Annotated[AwareDatetime, AfterValidator(_of_our_time)]
    reason: Line
    service: Id | None = None


# -- outgoing --------------------------------------------------------------------------------------------------------------------


def instant(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds" if at.microsecond else "seconds")


def _instant(at: datetime | None) -> str | None:
    return instant(at) if at else None


class ReasonOut(TypedDict):
    term: str
    words: str


class WaitOut(TypedDict):
    low_s: int
    high_s: int


class TicketOut(TypedDict):
    id: str
    code: str
    service: str
    service_name: str
    state: Literal["waiting", "called", "serving", "held", "done", "no_show", "cancelled", "lapsed"]
    issued_at: str
    queue_time: str
    reason: ReasonOut
    counter: str | None
    counters: list[str]
    people_ahead: int
    wait: WaitOut | None
    priority: bool
    appointment: bool
    slot: str | None
    lang: str
    procedure: str | None
    rejoins_left: int
    called_at: str | None
    call_no: int
    url: str | None
    day: str


def wait(forecast: Forecast | None) -> WaitOut | None:
    return {"low_s": int(forecast.low.total_seconds()), "high_s": ceil(forecast.high.total_seconds())} if forecast else None


def ticket(day: Day, t: Ticket, lang: str | None = None, likely: Forecast | None = None) -> TicketOut:
    """A ticket without personal data. `lang` is the reader's language; without it the ticket's own. `likely`: its likely wait, if known."""
    lang = lang or t.lang
    return {
        "id": t.id,
        "code": t.code,
        "service": t.service,
        "service_name": plain(day.services[t.service].name),
        "state": t.state.value,
        "issued_at": instant(t.issued_at),
        "queue_time": instant(t.queue_time),
        "reason": reason(day, t, lang),
        "counter": t.counter if t.state in AT_COUNTER or t.state in (State.DONE, State.NO_SHOW) else None,
        "counters": day.counters_for(t),
        "people_ahead": day.people_ahead(t),
        "wait": wait(likely),
        "priority": t.priority,
        "appointment": t.slot is not None or t.registered is not None,
        "slot": _instant(t.slot),
        "lang": t.lang,
        "procedure": t.procedure,
        "rejoins_left": max(0, day.site.rules.rejoins - t.rejoins),
        "called_at": _instant(t.last_called_at),
        "call_no": t.call_no,
        "url": hall.ticket_url(day, t),
        "day": day.date.isoformat(),
    }


def plain(name: str) -> str:
    """A field's name without the `|` that marks its preferred line break on a button."""
    return name.replace("|", "")


def reason(day: Day, t: Ticket, lang: str) -> ReasonOut:
    return {"term": t.term.value, "words": words.reason_words(t.term, day.rules_of(t), joined_at=t.joined_at, slot=t.slot, lang=lang)}


class RunnerUpOut(TypedDict):
    code: str
    queue_time: str


class WhyOut(TypedDict):
    """The explanation as stored at the call; before a call, of the queue time alone."""

    code: str
    words: str
    term: str
    queue_time: str
    joined_at: str
    issued_at: str
    slot: str | None
    in_order: bool | None
    reason: str | None
    runner_up: RunnerUpOut | None
    rules_version: int
    other: NotRequired[WhyOtherOut]


class WhyOtherOut(TypedDict):
    code: str
    term: str
    queue_time: str
    goes_first: bool


def why(day: Day, t: Ticket, lang: str = "vi") -> WhyOut:
    call = t.call
    text = words.capital(words.reason_words(t.term, day.rules_of(t), joined_at=t.joined_at, slot=t.slot, lang=lang)) + "."
    if call is not None and not call.in_order and call.reason:
        text = f"Called out of order: {call.reason}" if lang == "en" else f"Gọi không theo thứ tự, lý do: {call.reason}"
    elif call is not None and call.runner_up and call.runner_up_queue_time:
        text += " " + words.first_words(t.code, call.queue_time, call.runner_up, call.runner_up_queue_time, lang)
    return {
        "code": t.code,
        "words": text,
        "term": (call.term if call else t.term).value,
        "queue_time": instant(call.queue_time if call else t.queue_time),
        "joined_at": instant(call.joined_at if call else t.joined_at),
        "issued_at": instant(t.issued_at),
        "slot": _instant(t.slot),
        "in_order": call.in_order if call else None,
        "reason": call.reason if call else None,
        "runner_up": {"code": call.runner_up, "queue_time": instant(call.runner_up_queue_time)}
        if call and call.runner_up and call.runner_up_queue_time
        else None,
        "rules_version": call.site_version if call else t.site_version,
    }


def why_other(day: Day, mine: Ticket, other: Ticket, lang: str = "vi") -> WhyOut:
    """Why `other` goes before mine, or does not: term and times, never the class."""
    out = why(day, mine, lang)
    first, second = sorted((mine, other), key=lambda t: t.place)
    out["words"] = words.first_words(first.code, first.queue_time, second.code, second.queue_time, lang)
    if other.call is not None and not other.call.in_order and other.call.reason:
        # The reason itself may name an age or a disability: it is for the one it is about, and for the inspector.
        aside = "was called out of order; the reason is recorded" if lang == "en" else "được gọi không theo thứ tự, lý do đã ghi lại"
        out["words"] = f"{other.code} {aside}."
    out["other"] = {
        "code": other.code,
        "term": other.term.value,
        "queue_time": instant(other.queue_time),
        "goes_first": other.place < mine.place,
    }
    return out


class CalledOut(TicketOut):
    why: WhyOut
    finished: NotRequired[TicketOut]


class NextOut(TypedDict):
    finished: TicketOut
    ticket: None


def called(day: Day, t: Ticket, finished: Ticket | None = None, lang: str | None = None) -> dict[str, Any]:
    out: dict[str, Any] = {**ticket(day, t, lang), "why": why(day, t, lang or "vi")}
    if finished is not None:
        out["finished"] = ticket(day, finished, lang)
    return out


class HoursOut(TypedDict):
    state: Literal["before", "open", "lunch", "last_ticket_passed", "closed", "holiday"]
    reason: str | None
    next_open: str | None
    last_ticket: str | None
    first_ticket: str | None
    opens: str | None
    closes: str | None
    issuing: bool


def hours(day: Day, now: datetime, lang: str = "vi") -> HoursOut:
    state = day.hours(now)
    return {
        "state": state.state.value,
        "reason": words.hours_words(state, now, lang),
        "next_open": _instant(state.next_open),
        "last_ticket": _instant(state.last_ticket),
        "first_ticket": _instant(state.first_ticket),
        "opens": _instant(state.opens),
        "closes": _instant(state.closes),
        "issuing": state.issuing,
    }


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
        "quiet_since": _instant(b.quiet_since),
    }


class NameOut(TypedDict):
    id: str
    name: str


class HallOut(NameOut):
    screen_inches: float | None
    farthest_seat_m: float | None


class SlideOut(TypedDict):
    """One slide of today; `hall` null: of every hall."""

    hall: str | None
    title: str
    lines: list[str]


class LetterOut(NameOut):
    letter: str


class GroupOut(TypedDict):
    id: str
    name: str
    name_en: str


class ServiceOut(TypedDict):
    id: str
    letter: str
    name: str
    name_en: str
    everyday: str
    result: bool
    bookable: bool
    open: bool
    closed_reason: str | None
    last_ticket: str | None
    counters: list[str]
    procedures: list[NameOut]


class KioskOut(TypedDict):
    id: str
    name: str
    hall: str
    home: Literal["choices", "fields"]
    screen_inches: float
    screen_bottom_mm: int
    printer_position: str
    paper: int


class CounterOut(TypedDict):
    id: str
    name: str
    hall: str
    services: list[str]
    state: Literal["closed", "open", "paused"]


class RulesOut(TypedDict):
    lines: list[str]
    lines_en: list[str]
    appointment_head_minutes: int
    grace_minutes: int
    priority_head_minutes: int
    late_head_minutes: int
    rejoin_head_minutes: int
    rejoin_within_minutes: int
    rejoins: int
    calls_before_no_show: int
    no_show_after_minutes: int
    bound_minutes: int


class SiteOut(TypedDict):
    id: str
    name: str
    short_name: str
    address: str
    hotline: str
    languages: list[str]
    public_url: str | None
    day: str
    at: str
    factor: float
    hours: HoursOut
    services: list[ServiceOut]
    halls: list[HallOut]
    kiosks: list[KioskOut]
    counters: list[CounterOut]
    priority_groups: list[GroupOut]
    rules: RulesOut
    slides: list[SlideOut]
    slide_of_rules: bool


def rules(site: Site) -> RulesOut:
    r = site.rules
    return {
        "lines": words.rule_lines(r, site.counting),
        "lines_en": words.rule_lines(r, site.counting, "en"),
        "appointment_head_minutes": words.minutes(r.appointment_head),
        "grace_minutes": words.minutes(r.grace),
        "priority_head_minutes": words.minutes(r.priority_head),
        "late_head_minutes": words.minutes(r.late_head),
        "rejoin_head_minutes": words.minutes(r.rejoin_head),
        "rejoin_within_minutes": words.minutes(r.rejoin_within),
        "rejoins": r.rejoins,
        "calls_before_no_show": r.calls_before_no_show,
        "no_show_after_minutes": words.minutes(r.no_show_after),
        "bound_minutes": words.minutes(r.bound),
    }


def site(day: Day, now: datetime, factor: float = 1) -> SiteOut:
    s = day.site
    return {
        "id": s.id,
        "name": s.name,
        "short_name": s.short_name or s.name,
        "address": s.address,
        "hotline": s.hotline,
        "languages": list(s.languages),
        "public_url": s.public_url,
        "day": day.date.isoformat(),
        "at": instant(now),
        "factor": factor,
        "hours": hours(day, now),
        "services": [service(day, each.id, now) for each in s.services],
        "halls": [{"id": h.id, "name": h.name, "screen_inches": h.screen_inches, "farthest_seat_m": h.farthest_seat_m} for h in s.halls],
        "kiosks": [
            {
                "id": k.id,
                "name": k.name,
                "hall": k.hall,
                "home": k.home,
                "screen_inches": k.screen_inches,
                "screen_bottom_mm": k.screen_bottom_mm,
                "printer_position": k.printer_position,
                "paper": k.paper,
            }
            for k in s.kiosks
        ],
        "counters": [counter(day, c.id) for c in s.counters],
        "priority_groups": [{"id": g.id, "name": g.name, "name_en": g.name_en} for g in s.priority_groups],
        "rules": rules(s),
        "slides": [{"hall": one.hall, "title": one.title, "lines": list(one.lines)} for one in s.slides if one.on(day.date)],
        "slide_of_rules": s.slide_of_rules,
    }


def service(day: Day, service: str, now: datetime) -> ServiceOut:
    s = day.site.service[service]
    closed: str | None = None
    try:
        decide.may_issue(day, now, service)
    except Refused as refused:
        closed = words.closed_reason(refused.code, refused.details)
    return {
        "id": s.id,
        "letter": s.letter,
        "name": s.name,
        "name_en": s.name_en,
        "everyday": s.everyday,
        "result": s.result,
        "bookable": s.booking is not None,
        "open": closed is None,
        "closed_reason": closed,
        "last_ticket": _instant(day.last_ticket(service, now)),
        "counters": day.serving(service),
        "procedures": [{"id": p, "name": day.site.procedure[p].name} for p in s.procedures if p in day.site.procedure],
    }


def counter(day: Day, counter_id: str) -> CounterOut:
    desk, seat = day.desks[counter_id], day.counters[counter_id]
    return {"id": desk.id, "name": desk.name, "hall": desk.hall, "services": list(desk.services), "state": seat.state.value}


class StaffedCounterOut(CounterOut):
    """A counter as staff see it: with who sits there, by account and, if there is one, by display name."""

    clerk: str | None
    clerk_name: str | None
    since: str | None
    reason: str | None
    ticket: str | None


Called = Callable[[str | None], str | None]
"""The display name of an account, as `server.names` answers it."""


def unnamed(account: str | None) -> str | None:
    """Nobody has a display name."""
    return None


def staffed_counter(day: Day, counter_id: str, called: Called = unnamed) -> StaffedCounterOut:
    seat = day.counters[counter_id]
    return {
        **counter(day, counter_id),
        "clerk": seat.clerk,
        "clerk_name": called(seat.clerk),
        "since": _instant(seat.since),
        "reason": seat.reason,
        "ticket": seat.ticket,
    }


class HeardOut(TypedDict):
    speakers: int
    of: int
    at: str | None


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
    alerts: list[dict[str, str]]


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
        own: HeardOut = heard or {"speakers": int(t.heard_at is not None), "of": devices["speakers"], "at": _instant(t.heard_at)}
        current = {
            **ticket(day, t, "vi"),
            "first_called_at": _instant(t.called_at),
            "started_at": _instant(t.started_at),
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
    out["foot"] = list(r.foot)
    return out


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
    cannot keep its time, if so."""

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
    closure = day.bookings.closed(a.service, a.slot) if a.slot and a.live else None
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
        "start": _instant(a.slot.start if a.slot else None),
        "end": _instant(a.slot.end if a.slot else None),
        "registered_at": instant(a.registered),
        "state": "missed" if over else a.state.value,
        "moved_to": a.moved_to.isoformat() if a.moved_to else None,
        "closed": closure.reason if closure else None,
        "ticket": {"id": taken.id, "code": taken.code} if taken else None,
        "lang": a.lang,
        "url": appointment_url(day.site, a.code),
    }


def appointment_url(site: Site, code: str) -> str | None:
    """Where the holder looks, moves and cancels; None unless the site has a public address."""
    return f"{site.public_url.rstrip('/')}/h/{code}" if site.public_url else None


def booking_url(site: Site, service: str) -> str | None:
    """Where a service is booked; None unless the site has a public address."""
    return f"{site.public_url.rstrip('/')}/book/{site.id}?service={service}" if site.public_url else None


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


class ErrorBodyOut(TypedDict):
    code: str
    message: str
    details: dict[str, Any]


class ErrorOut(TypedDict):
    error: ErrorBodyOut


def error(code: str, details: dict[str, Any] | None = None, lang: str = "vi") -> ErrorOut:
    """The one shape of everything that did not work. Details are made plain for JSON."""
    given = details or {}
    shown = {k: _plain(tuple(v) if isinstance(v, list) else v) for k, v in given.items() if v is not None}
    return {"error": {"code": code, "message": words.sentence(code, given, lang), "details": shown}}


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


class LongestOut(TypedDict):
    """Somebody who waits, for the head of the hall: since when, and for which field."""

    ticket: str
    code: str
    service: str
    since: str
    waited_s: int


def longest(day: Day, now: datetime, most: int = 10) -> list[LongestOut]:
    """Who waits longest, from taking the number."""
    waiting = [t for lines in (day.lines, day.directed) for line in lines.values() for t in line]
    oldest = nsmallest(most, waiting, key=lambda t: t.issued_at)
    return [
        {
            "ticket": t.id,
            "code": t.code,
            "service": t.service,
            "since": instant(t.issued_at),
            "waited_s": int((now - t.issued_at).total_seconds()),
        }
        for t in oldest
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


class AloudOut(TypedDict):
    """Paths of sounds, by the name of what is read; a language the office does not speak has none."""

    vi: dict[str, str]
    en: dict[str, str]


class StaffOut(TypedDict):
    name: str
    role: str
    site: str | None
    must_change: bool
    display_name: NotRequired[str]


class DeviceRowOut(TypedDict):
    name: str
    kind: str
    place: str
    revoked: bool
    connected: bool
    seen_s_ago: float | None
    facts: dict[str, Any]


class NewDeviceOut(TypedDict):
    name: str
    kind: str
    place: str
    key: str


class ForecastsOut(TypedDict):
    """How the waits told today have turned out: of how many who were called, how many of their waits lay in the range (a share of 0.8 is
    promised), and the mean distance from the likely wait."""

    told: int
    inside: int
    coverage: float | None
    mean_error_s: int | None


def forecasts(a: Accuracy) -> ForecastsOut:
    return {
        "told": a.told,
        "inside": a.inside,
        "coverage": round(a.coverage, 3) if a.coverage is not None else None,
        "mean_error_s": int(a.mean_error.total_seconds()) if a.mean_error is not None else None,
    }


class FloorServiceOut(ServiceOut):
    """`wait` is of somebody who would take a number now."""

    count: int
    longest_s: int | None
    stopped: bool
    wait: WaitOut | None
    forecasts: ForecastsOut


class FloorCounterOut(StaffedCounterOut):
    """`ticket_service` is where a stuck ticket goes back to."""

    code: str | None
    ticket_service: str | None
    ticket_state: str | None
    called_at: str | None


class HeldOut(TypedDict):
    """A ticket set aside, and the counter that did it."""

    ticket: str
    code: str
    service: str
    counter: str | None


class FloorOut(TypedDict):
    """The whole office for its head: live, with nothing personal."""

    site: str
    name: str
    day: str
    revision: int
    at: str
    factor: float
    hours: HoursOut
    changed_hours: bool
    notices: dict[str, str | None]
    notices_until: dict[str, str | None]
    services: list[FloorServiceOut]
    counters: list[FloorCounterOut]
    longest: list[LongestOut]
    held: list[HeldOut]
    help: list[HelpOut]
    devices: list[DeviceRowOut]
    forecasts: ForecastsOut


def floor(
    day: Day,
    now: datetime,
    devices: list[DeviceRowOut],
    factor: float = 1,
    *,
    likely: hall.Likely = hall.untold,
    accuracy: Callable[[Day, str | None], Accuracy] = lambda day, service: Accuracy(),
    called: Called = unnamed,
) -> FloorOut:
    return {
        "site": day.site.id,
        "name": day.site.name,
        "day": day.date.isoformat(),
        "revision": day.seq,
        "at": instant(now),
        "factor": factor,
        "hours": hours(day, now),
        "changed_hours": day.today != AS_WRITTEN,
        "notices": {h.id: hall.notice(day, h.id, now) for h in day.site.halls},
        "notices_until": {h.id: _notice_until(day, h.id, now) for h in day.site.halls},
        "services": [_floor_service(day, s.id, now, likely(day, s.id, now), accuracy(day, s.id)) for s in day.site.services],
        "counters": [_floor_counter(day, c.id, called) for c in day.site.counters],
        "longest": longest(day, now),
        "held": [{"ticket": t.id, "code": t.code, "service": t.service, "counter": t.counter} for t in day.held.values()],
        "help": help_calls(day),
        "devices": devices,
        "forecasts": forecasts(accuracy(day, None)),
    }


def _notice_until(day: Day, hall_id: str, now: datetime) -> str | None:
    """Until when the line that staff set today is shown; None for the standing one of the site document."""
    today = day.notices.get(hall_id)
    return _instant(today.until) if today is not None and today.until is not None and now < today.until else None


def _floor_service(day: Day, service_id: str, now: datetime, likely: Forecast | None, told: Accuracy) -> FloorServiceOut:
    oldest = min((t.issued_at for line in (day.lines[service_id], day.sent[service_id]) for t in line), default=None)
    return {
        **service(day, service_id, now),
        "count": day.waiting(service_id),
        "longest_s": int((now - oldest).total_seconds()) if oldest else None,
        "stopped": service_id in day.stopped,
        "wait": wait(likely),
        "forecasts": forecasts(told),
    }


def _floor_counter(day: Day, counter_id: str, called: Called) -> FloorCounterOut:
    present = day.at_counter(counter_id)
    return {
        **staffed_counter(day, counter_id, called),
        "code": present.code if present else None,
        "ticket_service": present.service if present else None,
        "ticket_state": present.state.value if present else None,
        "called_at": _instant(present.called_at) if present else None,
    }


class WhoOut(TypedDict):
    user: str
    role: str
    site: str | None
    sites: list[str]
    must_change: bool
    display_name: NotRequired[str]


class SessionOut(WhoOut):
    token: str
    expires_at: str


class DeviceOut(TypedDict):
    name: str
    kind: str
    place: str
    site: str


class SoundCheckOut(TypedDict):
    """What is said at set-up, and where its sound is."""

    say: dict[str, str]
    audio: dict[str, str]


class NoticeOut(TypedDict):
    hall: str
    text: str | None
    until: str | None


class StoryOut(TypedDict):
    site: str
    day: str
    events: list[EntryOut]


class SpreadOut(TypedDict):
    n: int
    mean_s: float | None
    p50_s: int | None
    p90_s: int | None
    max_s: int | None


class ClassNumbersOut(TypedDict):
    name: Literal["walk_in", "priority", "booked"]
    issued: int
    waits: SpreadOut


class ServiceNumbersOut(TypedDict):
    service: str
    letter: str
    name: str
    issued: int
    states: dict[str, int]
    waits: SpreadOut
    calls: int
    service_times: SpreadOut
    missed: int
    transferred_in: int
    transferred_out: int


class CounterNumbersOut(TypedDict):
    counter: str
    name: str
    calls: int
    served: int
    missed: int
    service_times: SpreadOut
    open_min: float
    paused_min: float


class HourNumbersOut(TypedDict):
    start: str
    issued: int
    calls: int
    waits: SpreadOut


class BookingNumbersOut(TypedDict):
    booked: int
    checked_in: int
    missed: int
    cancelled: int
    punctual: int
    begun_in_time: int


class OutOfOrderOut(TypedDict):
    code: str
    counter: str
    at: str
    reason: str


class ReportOut(TypedDict):
    """The day in numbers; what each of them counts stands in `server.core.report`."""

    site: str
    name: str
    date: str
    until: str | None
    closed: bool
    issued: int
    states: dict[str, int]
    waits: SpreadOut
    service_times: SpreadOut
    calls: int
    recalls: int
    served: int
    starts_assumed: int
    starts_unknown: int
    missed: int
    missed_early: int
    rejoins: int
    out_of_order: list[OutOfOrderOut]
    undone: dict[str, int]
    transfers: int
    holds: int
    cancelled: int
    served_after_closing: int
    overtime_min: float
    classes: list[ClassNumbersOut]
    services: list[ServiceNumbersOut]
    counters: list[CounterNumbersOut]
    hours: list[HourNumbersOut]
    bookings: BookingNumbersOut


def report(numbers: Report) -> ReportOut:
    """The day in numbers; field names are those of `server.core.report`."""
    return _plain(numbers)  # type: ignore[no-any-return]


def outcome(found: Outcome) -> dict[str, Any]:
    """What days were like, in minutes; a number that nobody gave is null."""

    def rounded(value: float | None) -> float | None:
        return None if value is None else round(value, 3)

    classes = {}
    for name in CLASSES:
        waits = found.waits_of(name)
        classes[name] = {
            "n": waits.n,
            "wait_mean_min": rounded(waits.mean),
            "wait_p95_min": rounded(waits.p95),
            "wait_max_min": rounded(waits.longest),
        }
    return {
        "days": found.days,
        "classes": classes,
        "unserved": found.unserved,
        "begun_within_10_min_of_slot": rounded(found.near_slot_share),
        "max_overtaken": found.overtaken,
        "latest_overtaker_min": rounded(found.latest.total_seconds() / 60),
    }


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


VISIBLE_ASCII = re.compile(r"[\x21-\x7e]{1,200}")
