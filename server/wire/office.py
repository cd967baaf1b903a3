"""The office: its hours, services, counters, kiosks and rules."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from typing_extensions import TypedDict

from server.core import decide, words
from server.core.day import Day
from server.core.refused import Refused
from server.core.site import Site
from server.wire.values import instant, instant_or_none


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
        "next_open": instant_or_none(state.next_open),
        "last_ticket": instant_or_none(state.last_ticket),
        "first_ticket": instant_or_none(state.first_ticket),
        "opens": instant_or_none(state.opens),
        "closes": instant_or_none(state.closes),
        "issuing": state.issuing,
    }


class NameOut(TypedDict):
    id: str
    name: str


class HallOut(NameOut):
    """`zones`: its parts with loudspeakers of their own, whose place is `hall/zone`."""

    screen_inches: float | None
    farthest_seat_m: float | None
    zones: list[NameOut]


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
    from_age: int


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
    cards: bool


class CounterOut(TypedDict):
    """A counter as everybody sees it; `code` is the number that stands above it, and `ticket_state` `called` or `serving`."""

    id: str
    name: str
    hall: str
    services: list[str]
    state: Literal["closed", "open", "paused"]
    code: str | None
    ticket_state: str | None


class OfflineOut(TypedDict):
    """Where a kiosk's page finds the agent on its own machine, which gives numbers while the server is away."""

    port: int


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
    offline: OfflineOut | None
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
        "halls": [
            {
                "id": h.id,
                "name": h.name,
                "screen_inches": h.screen_inches,
                "farthest_seat_m": h.farthest_seat_m,
                "zones": [{"id": zone.id, "name": zone.name} for zone in h.zones],
            }
            for h in s.halls
        ],
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
                "cards": k.cards,
            }
            for k in s.kiosks
        ],
        "counters": [counter(day, c.id) for c in s.counters],
        "priority_groups": [{"id": g.id, "name": g.name, "name_en": g.name_en, "from_age": g.from_age} for g in s.priority_groups],
        "rules": rules(s),
        "offline": {"port": s.offline.port} if s.offline.numbers else None,
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
        "last_ticket": instant_or_none(day.last_ticket(service, now)),
        "counters": day.serving(service),
        "procedures": [{"id": p, "name": day.site.procedure[p].name} for p in s.procedures if p in day.site.procedure],
    }


def counter(day: Day, counter_id: str) -> CounterOut:
    desk, seat, present = day.desks[counter_id], day.counters[counter_id], day.at_counter(counter_id)
    return {
        "id": desk.id,
        "name": desk.name,
        "hall": desk.hall,
        "services": list(desk.services),
        "state": seat.state.value,
        "code": present.code if present else None,
        "ticket_state": present.state.value if present else None,
    }


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
        "since": instant_or_none(seat.since),
        "reason": seat.reason,
        "ticket": seat.ticket,
    }


class SpokenOut(TypedDict):
    """A notice on its way to the loudspeakers: the id of its moment, and what is said."""

    id: str
    hall: str
    text: str
    priority: str
    lang: str
    times: int
    expires_at: str


class NoticeOut(TypedDict):
    hall: str
    text: str | None
    until: str | None
