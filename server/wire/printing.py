"""Paper, as staff look after it: what became of each sheet, and what the office's tickets look like."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from typing_extensions import TypedDict

from server.core.day import Day
from server.core.site import RECEIPT_LINES, ReceiptDesign
from server.wire.values import instant, instant_or_none, moment_id


class PrintOut(TypedDict):
    """One sheet. `kind` is `first`, `again` or `test`; `state` `queued`, `sent`, `printed`, `unknown`, `failed` or `expired`; `detail` what
    the print agent said of it."""

    id: str
    kiosk: str
    kind: str
    ticket: str | None
    code: str | None
    at: str | None
    state: str
    answered_at: str | None
    detail: str | None


class _Answer(Protocol):
    @property
    def at(self) -> datetime: ...
    @property
    def detail(self) -> str: ...


class _Print(Protocol):
    """A print moment, as `server.publish` keeps it."""

    id: str
    place: str
    kind: str
    at: datetime | None
    payload: dict[str, str]

    @property
    def answers(self) -> Mapping[str, _Answer]: ...
    def paper(self, now: datetime) -> str: ...


def printed(day: Day, moment: _Print, now: datetime) -> PrintOut:
    answer = list(moment.answers.values())[-1] if moment.answers else None
    ticket = day.tickets.get(moment.payload["ticket"])
    return {
        "id": moment.id,
        "kiosk": moment.place,
        "kind": moment.kind,
        "ticket": ticket.id if ticket else None,
        "code": ticket.code if ticket else None,
        "at": instant_or_none(moment.at),
        "state": moment.paper(now),
        "answered_at": instant(answer.at.astimezone(day.site.tz)) if answer else None,
        "detail": answer.detail if answer else None,
    }


class TestPrintOut(TypedDict):
    """A trial sheet that was asked for; its `id` is that of its row among the prints."""

    id: str
    kiosk: str


def test_print(day: Day, kiosk: str) -> TestPrintOut:
    """Of the event that the day has just taken."""
    return {"id": moment_id(day.date, day.seq), "kiosk": kiosk}


class ReceiptOut(TypedDict):
    """What the tickets look like, and the lines that an office may do `without`."""

    header: list[str]
    footer: list[str]
    without: list[str]
    logo: str | None
    lines: list[str]


def receipt_design(design: ReceiptDesign) -> ReceiptOut:
    return {
        "header": list(design.header),
        "footer": list(design.footer),
        "without": list(design.without),
        "logo": design.logo or None,
        "lines": list(RECEIPT_LINES),
    }


class PreviewOut(TypedDict):
    """The picture that would be printed (PNG in base64), in dots of 1/8 mm."""

    paper: int
    width: int
    height: int
    png: str
