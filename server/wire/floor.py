"""The whole office for its head."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from heapq import nsmallest

from typing_extensions import TypedDict

from server.core import hall
from server.core.day import Day
from server.core.forecast import Accuracy, Forecast
from server.core.site import AS_WRITTEN
from server.wire.office import Called, HoursOut, ServiceOut, StaffedCounterOut, hours, service, staffed_counter, unnamed
from server.wire.people import AlarmOut, DeviceRowOut
from server.wire.screens import HelpOut, help_calls
from server.wire.tickets import WaitOut, wait
from server.wire.values import instant, instant_or_none


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

    ticket_service: str | None
    called_at: str | None


class HeldOut(TypedDict):
    """A ticket set aside, and the counter that did it."""

    ticket: str
    code: str
    service: str
    counter: str | None


class SaidOut(TypedDict):
    """What staff have said to a hall a moment ago, and how many of its loudspeakers have played it. `over`: no other will any more."""

    id: str
    hall: str
    priority: str
    at: str
    speakers: int
    of: int
    over: bool


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
    said: list[SaidOut]
    services: list[FloorServiceOut]
    counters: list[FloorCounterOut]
    longest: list[LongestOut]
    held: list[HeldOut]
    help: list[HelpOut]
    devices: list[DeviceRowOut]
    alarms: list[AlarmOut]
    forecasts: ForecastsOut


def floor(
    day: Day,
    now: datetime,
    devices: list[DeviceRowOut],
    factor: float = 1,
    *,
    alarms: Sequence[AlarmOut] = (),
    said: Sequence[SaidOut] = (),
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
        "said": list(said),
        "services": [_floor_service(day, s.id, now, likely(day, s.id, now), accuracy(day, s.id)) for s in day.site.services],
        "counters": [_floor_counter(day, c.id, called) for c in day.site.counters],
        "longest": longest(day, now),
        "held": [{"ticket": t.id, "code": t.code, "service": t.service, "counter": t.counter} for t in day.held.values()],
        "help": help_calls(day),
        "devices": devices,
        "alarms": list(alarms),
        "forecasts": forecasts(accuracy(day, None)),
    }


def _notice_until(day: Day, hall_id: str, now: datetime) -> str | None:
    """Until when the line that staff set today is shown; None for the standing one of the site document."""
    today = day.notices.get(hall_id)
    return instant_or_none(today.until) if today is not None and today.until is not None and now < today.until else None


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
        "ticket_service": present.service if present else None,
        "called_at": instant_or_none(present.called_at) if present else None,
    }
