"""Days as lines of a sheet, and what they were like in one table, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from server.core import events as ev
from server.core.day import code_of
from server.core.outcome import CLASSES, Outcome
from server.core.site import MINUTE, Rules
from server.core.turns import told

NAMES = {"walk_in": "walk-ins", "priority": "priority groups", "booked": "booked"}
COLUMNS = ("day", "code", "class", "service", "issued_at", "slot", "queue_time", "called_at", "ended_at", "wait_min", "outcome")


def ticket_rows(number: int, story: Sequence[ev.Entry]) -> Iterator[list[object]]:
    """A line for each ticket of day `number`, under `COLUMNS`; the call is its last one."""
    for visit in told(story).visits.values():
        issued, last = visit.issued, visit.turns[-1] if visit.turns else None
        yield [
            number,
            code_of(issued.service, issued.number),
            visit.class_name,
            issued.service,
            _clock(issued.issued_at),
            _clock(issued.slot),
            _clock(issued.queue_time),
            _clock(last.called_at if last else None),
            _clock(last.ended_at if last else None),
            round(visit.wait / MINUTE, 2) if visit.wait is not None else "",
            last.ended_by.value if last and last.ended_by else "never called",
        ]


def _clock(at: datetime | None) -> str:
    return f"{at:%H:%M:%S}" if at else ""


def table(columns: Mapping[str, Outcome], rules: Rules) -> str:
    """The same lines for every column of days."""
    lines: list[tuple[str, list[str]]] = []
    for name in CLASSES:
        waits = {title: found.waits_of(name) for title, found in columns.items()}
        lines.append((f"{NAMES[name]}: people", [f"{w.n:,}" for w in waits.values()]))
        for what, minutes in (("mean wait", "mean"), ("95 of 100 waited at most", "p95"), ("longest wait", "longest")):
            lines.append((f"  {what}, min", [_number(getattr(w, minutes)) for w in waits.values()]))
    lines += [
        ("not served", [f"{found.unserved:,}" for found in columns.values()]),
        ("booked and there in time: begun within 10 min of the slot", [_share(found.near_slot_share) for found in columns.values()]),
        ("most people who overtook one person", [str(found.overtaken) for found in columns.values()]),
        (
            f"  of whom the last came so much later, min (the rule allows {rules.bound / MINUTE:g})",
            [_number(found.latest / MINUTE) for found in columns.values()],
        ),
    ]
    wide = max(len(label) for label, _ in lines)
    titled = [("", list(columns)), *lines] if any(columns) else lines
    return "\n".join("  ".join([label.ljust(wide), *(cell.rjust(11) for cell in cells)]).rstrip() for label, cells in titled)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
