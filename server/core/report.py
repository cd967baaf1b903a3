"""The day in numbers: counted from the same events, so that any past day can be counted again; and the same as one flat sheet.

What a turn, a wait and a service time are: `turns`. Durations are whole seconds (`_s`) or minutes (`_min`).
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil

from server.core import events as ev
from server.core.appointment import AppointmentState
from server.core.day import CounterState, Day
from server.core.ticket import State, Verb
from server.core.turns import Turn, Turns, Visit, told


@dataclass(frozen=True, slots=True)
class Spread:
    """Durations in short. Percentiles by nearest rank; None where there is nothing to measure."""

    n: int = 0
    mean_s: float | None = None
    p50_s: int | None = None
    p90_s: int | None = None
    max_s: int | None = None

    @classmethod
    def of(cls, durations: Iterable[timedelta]) -> Spread:
        seconds = sorted(round(d.total_seconds()) for d in durations)
        n = len(seconds)
        if not n:
            return cls()
        return cls(n, round(sum(seconds) / n, 1), seconds[ceil(0.5 * n) - 1], seconds[ceil(0.9 * n) - 1], seconds[-1])


@dataclass(frozen=True, slots=True)
class ClassNumbers:
    """`name` is `walk_in`, `priority` or `booked`: whoever came with a booking is booked, also in a priority group."""

    name: str
    issued: int
    waits: Spread


@dataclass(frozen=True, slots=True)
class ServiceNumbers:
    """Tickets and waits belong to the service for which the number was taken, turns to the one in which they were called."""

    service: str
    letter: str
    name: str
    issued: int
    states: Mapping[State, int]
    waits: Spread
    calls: int
    service_times: Spread
    missed: int
    transferred_in: int
    transferred_out: int


@dataclass(frozen=True, slots=True)
class CounterNumbers:
    """`open_min` is time at work, without the pauses."""

    counter: str
    name: str
    calls: int
    served: int
    missed: int
    service_times: Spread
    open_min: float
    paused_min: float


@dataclass(frozen=True, slots=True)
class HourNumbers:
    """`waits` are those of the numbers taken in this hour."""

    start: datetime
    issued: int
    calls: int
    waits: Spread


@dataclass(frozen=True, slots=True)
class BookingNumbers:
    """What became of the day's bookings: `booked` without those given back or moved away. `punctual` were checked in by their slot, and of
    these `begun_in_time` were called within ten minutes of it: what an appointment promises."""

    booked: int
    checked_in: int
    missed: int
    cancelled: int
    punctual: int
    begun_in_time: int


@dataclass(frozen=True, slots=True)
class OutOfOrder:
    code: str
    counter: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    """`issued` is the sum over `states` (law I10). `until` is the last event counted; of a day not yet closed it is a report so far."""

    site: str
    name: str
    date: date
    until: datetime | None
    closed: bool
    issued: int
    states: Mapping[State, int]
    waits: Spread
    service_times: Spread
    calls: int
    recalls: int
    served: int
    starts_assumed: int
    """Finished turns whose beginning is a guess, because nobody pressed start;"""
    starts_unknown: int
    """and those finished so soon after the call that not even a guess is made."""
    missed: int
    missed_early: int
    rejoins: int
    out_of_order: tuple[OutOfOrder, ...]
    undone: Mapping[Verb, int]
    transfers: int
    holds: int
    cancelled: int
    served_after_closing: int
    overtime_min: float
    """From the office's closing time to the end of the last turn; 0 when all was done before."""
    classes: tuple[ClassNumbers, ...]
    services: tuple[ServiceNumbers, ...]
    counters: tuple[CounterNumbers, ...]
    hours: tuple[HourNumbers, ...]
    bookings: BookingNumbers


# -- counting ---------------------------------------------------------------------------------------------------------------------


def _minutes(duration: timedelta) -> float:
    return round(duration.total_seconds() / 60, 1)


def _spread(durations: Iterable[timedelta | None]) -> Spread:
    return Spread.of(d for d in durations if d is not None)


def report(day: Day, story: Iterable[ev.Entry]) -> Report:
    """The day in numbers. `day` is the day that `story` tells, whole or so far."""
    count = told(story)
    visits = list(count.visits.values())
    turns = [t for v in visits for t in v.turns]
    finished = [t for t in turns if t.ended_by is Verb.FINISH]
    missed = [t for t in turns if t.ended_by is Verb.NO_SHOW]
    spans = day.site.hours.spans(day.date)
    closing = day.site.at(day.date, spans[-1].end) if spans else None
    late = [(t, t.ended_at - closing) for t in turns if closing and t.ended_at and t.ended_at > closing]
    return Report(
        site=day.site.id,
        name=day.site.name,
        date=day.date,
        until=count.until,
        closed=day.closed,
        issued=len(visits),
        states=_states(day, day.tickets),
        waits=_spread(v.wait for v in visits),
        service_times=_spread(t.length for t in turns),
        calls=len(turns),
        recalls=sum(t.recalls for t in turns),
        served=len(finished),
        starts_assumed=sum(t.assumed for t in finished),
        starts_unknown=sum(t.started_at is None for t in finished),
        missed=len(missed),
        missed_early=sum(t.early for t in missed),
        rejoins=count.rejoins,
        out_of_order=tuple(_out_of_order(day, turns)),
        undone={verb: count.undone[verb] for verb in (Verb.CALL, Verb.FINISH, Verb.NO_SHOW)},
        transfers=len(count.moves),
        holds=count.holds,
        cancelled=count.cancelled,
        served_after_closing=sum(t.ended_by is Verb.FINISH for t, _ in late),
        overtime_min=_minutes(max((after for _, after in late), default=timedelta())),
        classes=tuple(_class(name, visits) for name in ("walk_in", "priority", "booked")),
        services=tuple(_service(day, id, visits, turns, count.moves) for id in day.services),
        counters=tuple(_counter(day, id, turns, count) for id in day.desks),
        hours=tuple(_hours(day, visits, turns)),
        bookings=_bookings(day),
    )


def _states(day: Day, tickets: Iterable[str]) -> dict[State, int]:
    tally = Tally(day.tickets[t].state for t in tickets)
    return {state: tally[state] for state in State}


def _out_of_order(day: Day, turns: list[Turn]) -> Iterator[OutOfOrder]:
    for turn in sorted(turns, key=lambda t: t.called_at):
        if not turn.call.in_order:
            yield OutOfOrder(day.tickets[turn.ticket].code, turn.counter, turn.called_at, turn.call.reason or "")


def _class(name: str, visits: list[Visit]) -> ClassNumbers:
    mine = [v for v in visits if v.class_name == name]
    return ClassNumbers(name, len(mine), _spread(v.wait for v in mine))


def _service(day: Day, id: str, visits: list[Visit], turns: list[Turn], moves: list[tuple[str, str]]) -> ServiceNumbers:
    service = day.services[id]
    mine = [v for v in visits if v.issued.service == id]
    here = [t for t in turns if t.service == id]
    return ServiceNumbers(
        service=id,
        letter=service.letter,
        name=service.name,
        issued=len(mine),
        states=_states(day, (v.issued.ticket for v in mine)),
        waits=_spread(v.wait for v in mine),
        calls=len(here),
        service_times=_spread(t.length for t in here),
        missed=sum(t.ended_by is Verb.NO_SHOW for t in here),
        transferred_in=sum(1 for start, end in moves if end == id != start),
        transferred_out=sum(1 for start, end in moves if start == id != end),
    )


def _counter(day: Day, id: str, turns: list[Turn], count: Turns) -> CounterNumbers:
    here = [t for t in turns if t.counter == id]
    return CounterNumbers(
        counter=id,
        name=day.desks[id].name,
        calls=len(here),
        served=sum(t.ended_by is Verb.FINISH for t in here),
        missed=sum(t.ended_by is Verb.NO_SHOW for t in here),
        service_times=_spread(t.length for t in here),
        open_min=_minutes(count.spent(id, CounterState.OPEN)),
        paused_min=_minutes(count.spent(id, CounterState.PAUSED)),
    )


def _hours(day: Day, visits: list[Visit], turns: list[Turn]) -> Iterator[HourNumbers]:
    def hour(at: datetime) -> datetime:
        return at.astimezone(day.site.tz).replace(minute=0, second=0, microsecond=0)

    calls = Tally(hour(t.called_at) for t in turns)
    issued: dict[datetime, list[Visit]] = {}
    for visit in visits:
        issued.setdefault(hour(visit.issued.issued_at), []).append(visit)
    for start in sorted(calls.keys() | issued.keys()):
        mine = issued.get(start, [])
        yield HourNumbers(start, len(mine), calls[start], _spread(v.wait for v in mine))


IN_TIME = timedelta(minutes=10)


def _bookings(day: Day) -> BookingNumbers:
    live = [a for a in day.bookings.all.values() if a.live or a.ticket]
    come = [(a.slot.start, day.tickets[a.ticket]) for a in live if a.ticket and a.slot]
    punctual = [(start, t.first_called_at) for start, t in come if t.issued_at <= start]
    return BookingNumbers(
        booked=len(live),
        checked_in=sum(a.ticket is not None for a in live),
        missed=sum(a.live for a in live) if day.closed else 0,
        cancelled=sum(a.state is AppointmentState.CANCELLED for a in day.bookings.all.values()),
        punctual=len(punctual),
        begun_in_time=sum(called is not None and called <= start + IN_TIME for start, called in punctual),
    )


# -- the sheet --------------------------------------------------------------------------------------------------------------------

Cell = str | int | float

HEADING: list[Cell] = ["Phần", "Đối tượng", "Chỉ số", "Giá trị", "Đơn vị"]

STATE_WORDS = {
    State.WAITING: "Đang chờ",
    State.CALLED: "Đang gọi",
    State.SERVING: "Đang phục vụ",
    State.HELD: "Đang tạm giữ",
    State.DONE: "Hoàn tất",
    State.NO_SHOW: "Vắng",
    State.CANCELLED: "Đã hủy",
    State.LAPSED: "Hết ngày chưa được phục vụ",
}
CLASS_WORDS = {"walk_in": "Lấy số tại chỗ", "priority": "Ưu tiên", "booked": "Có hẹn"}
UNDONE_WORDS = {Verb.CALL: "Hoàn tác lời gọi", Verb.FINISH: "Hoàn tác hoàn tất", Verb.NO_SHOW: "Hoàn tác ghi vắng"}


def rows(report: Report) -> list[list[Cell]]:
    """The report as one flat sheet: a heading, then one number a row (part, subject, measure, value, unit), in words of the office.

    Durations are minutes. A text that a spreadsheet would take for a formula is disarmed: reasons are typed by hand.
    """
    return [list(HEADING), *([_disarmed(cell) for cell in row] for row in _rows(report))]


def _disarmed(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def _measures(what: str, spread: Spread) -> Iterator[tuple[str, Cell, str]]:
    yield f"{what}: số lượt đo", spread.n, "lượt"
    values = {"trung bình": spread.mean_s, "một nửa không quá": spread.p50_s, "90% không quá": spread.p90_s, "lâu nhất": spread.max_s}
    for name, seconds in values.items():
        yield f"{what}: {name}", "" if seconds is None else round(seconds / 60, 1), "phút"


def _rows(r: Report) -> Iterator[list[Cell]]:
    day: list[tuple[str, Cell, str]] = [
        ("Ngày", r.date.isoformat(), ""),
        ("Số phiếu đã cấp", r.issued, "phiếu"),
        *((f"Phiếu: {STATE_WORDS[state].lower()}", number, "phiếu") for state, number in r.states.items()),
        *_measures("Chờ", r.waits),
        *_measures("Phục vụ một lượt", r.service_times),
        ("Lượt gọi", r.calls, "lượt"),
        ("Lượt gọi lại", r.recalls, "lượt"),
        ("Lượt hoàn tất", r.served, "lượt"),
        ("Lượt hoàn tất có giờ bắt đầu ước tính", r.starts_assumed, "lượt"),
        ("Lượt hoàn tất không rõ giờ bắt đầu", r.starts_unknown, "lượt"),
        ("Lượt gọi vắng", r.missed, "lượt"),
        ("Lượt ghi vắng sớm hơn quy định", r.missed_early, "lượt"),
        ("Lượt quay lại sau khi vắng", r.rejoins, "lượt"),
        ("Lượt gọi không theo thứ tự", len(r.out_of_order), "lượt"),
        *((UNDONE_WORDS[verb], number, "lượt") for verb, number in r.undone.items()),
        ("Lượt chuyển", r.transfers, "lượt"),
        ("Lượt tạm giữ", r.holds, "lượt"),
        ("Lượt hủy", r.cancelled, "lượt"),
        ("Lượt hoàn tất sau giờ đóng cửa", r.served_after_closing, "lượt"),
        ("Làm ngoài giờ", r.overtime_min, "phút"),
    ]
    yield from (["Cả ngày", r.name, *row] for row in day)
    booked: tuple[tuple[str, Cell, str], ...] = (
        ("Đã đặt", r.bookings.booked, "lượt"),
        ("Đã đến nhận số", r.bookings.checked_in, "lượt"),
        ("Không đến", r.bookings.missed, "lượt"),
        ("Đã hủy", r.bookings.cancelled, "lượt"),
        ("Đến đúng giờ", r.bookings.punctual, "lượt"),
        ("Đến đúng giờ, được gọi trong 10 phút từ giờ hẹn", r.bookings.begun_in_time, "lượt"),
    )
    yield from (["Lịch hẹn", "Cả ngày", *row] for row in booked)
    for c in r.classes:
        yield from (
            ["Loại phiếu", CLASS_WORDS[c.name], *row] for row in (("Số phiếu đã cấp", c.issued, "phiếu"), *_measures("Chờ", c.waits))
        )
    for s in r.services:
        service: list[tuple[str, Cell, str]] = [
            ("Số phiếu đã cấp", s.issued, "phiếu"),
            *((f"Phiếu: {STATE_WORDS[state].lower()}", number, "phiếu") for state, number in s.states.items()),
            *_measures("Chờ", s.waits),
            ("Lượt gọi", s.calls, "lượt"),
            ("Lượt gọi vắng", s.missed, "lượt"),
            *_measures("Phục vụ một lượt", s.service_times),
            ("Lượt chuyển đến", s.transferred_in, "lượt"),
            ("Lượt chuyển đi", s.transferred_out, "lượt"),
        ]
        yield from (["Lĩnh vực", f"{s.letter} · {s.name}", *row] for row in service)
    for d in r.counters:
        desk: list[tuple[str, Cell, str]] = [
            ("Lượt gọi", d.calls, "lượt"),
            ("Lượt hoàn tất", d.served, "lượt"),
            ("Lượt gọi vắng", d.missed, "lượt"),
            *_measures("Phục vụ một lượt", d.service_times),
            ("Mở quầy", d.open_min, "phút"),
            ("Tạm nghỉ", d.paused_min, "phút"),
        ]
        yield from (["Quầy", d.name, *row] for row in desk)
    for h in r.hours:
        hour = (("Số phiếu đã cấp", h.issued, "phiếu"), ("Lượt gọi", h.calls, "lượt"), *_measures("Chờ", h.waits))
        yield from (["Giờ", f"{h.start:%H:%M}", *row] for row in hour)
    for o in r.out_of_order:
        yield ["Gọi không theo thứ tự", f"{o.code} · quầy {o.counter} · {o.at:%H:%M:%S}", "Lý do", o.reason, ""]
