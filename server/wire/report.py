"""The day in numbers, and what a simulated one would have been."""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import TypedDict

from server.core.outcome import CLASSES, Outcome
from server.core.report import Report
from server.wire.values import as_json


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
    return as_json(numbers)  # type: ignore[no-any-return]


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
