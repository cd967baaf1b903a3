"""A ticket, and why it stands where it stands."""

from __future__ import annotations

from math import ceil
from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from server.core import hall, words
from server.core.day import Day, Ticket
from server.core.forecast import Forecast
from server.core.ticket import AT_COUNTER, State
from server.core.why import compared
from server.wire.values import instant, instant_or_none, plain


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
        "slot": instant_or_none(t.slot),
        "lang": t.lang,
        "procedure": t.procedure,
        "rejoins_left": max(0, day.site.rules.rejoins - t.rejoins),
        "called_at": instant_or_none(t.last_called_at),
        "call_no": t.call_no,
        "url": hall.ticket_url(day, t),
        "day": day.date.isoformat(),
    }


def reason(day: Day, t: Ticket, lang: str) -> ReasonOut:
    return {
        "term": t.term.value,
        "words": words.reason_words(t.term, day.rules_of(t), joined_at=t.joined_at, slot=t.slot, provisional=t.provisional, lang=lang),
    }


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
    goes_first: bool | None
    """None: nothing is promised between the two."""


def why(day: Day, t: Ticket, lang: str = "vi") -> WhyOut:
    call = t.call
    text = (
        words.capital(words.reason_words(t.term, day.rules_of(t), joined_at=t.joined_at, slot=t.slot, provisional=t.provisional, lang=lang))
        + "."
    )
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
        "slot": instant_or_none(t.slot),
        "in_order": call.in_order if call else None,
        "reason": call.reason if call else None,
        "runner_up": {"code": call.runner_up, "queue_time": instant(call.runner_up_queue_time)}
        if call and call.runner_up and call.runner_up_queue_time
        else None,
        "rules_version": call.site_version if call else t.site_version,
    }


def why_other(day: Day, mine: Ticket, other: Ticket, lang: str = "vi") -> WhyOut:
    """Why `other` goes before mine, or does not: term and times, never the class."""
    out, between = why(day, mine, lang), compared(day, mine, other, lang)
    out["words"] = plain(between.words)
    out["other"] = {
        "code": other.code,
        "term": other.term.value,
        "queue_time": instant(other.queue_time),
        "goes_first": between.first is other if between.first else None,
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
