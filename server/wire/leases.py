"""What a kiosk needs to go on alone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from typing_extensions import TypedDict

from server.core import hall, lease
from server.core.day import Day
from server.core.site import issuing_spans
from server.wire.office import SiteOut, site
from server.wire.screens import receipt
from server.wire.values import instant


class SpanOut(TypedDict):
    start: str
    end: str


class BlockOut(TypedDict):
    """`free`: what of `first` to `last` has not been brought in; `open`: when the service gives numbers today; `receipts`: by language, the
    paper of the first number as if it were taken at `at`."""

    service: str
    letter: str
    first: int
    last: int
    granted: str
    until: str
    free: list[int]
    open: list[SpanOut]
    receipts: dict[str, dict[str, Any]]


class LeaseOut(TypedDict):
    """All of it of one instant, and by one version of the site document."""

    day: str
    at: str
    factor: float
    version: int
    blocks: list[BlockOut]
    site: SiteOut


def leased(day: Day, now: datetime, kiosk: str, holder: str, factor: float = 1) -> LeaseOut:
    return {
        "day": day.date.isoformat(),
        "at": instant(now),
        "factor": factor,
        "version": day.site.version,
        "blocks": [
            {
                "service": block.service,
                "letter": day.services[block.service].letter,
                "first": block.first,
                "last": block.last,
                "granted": instant(block.granted),
                "until": instant(block.until),
                "free": lease.free(day, block),
                "open": [
                    {"start": instant(start), "end": instant(end)}
                    for start, end in issuing_spans(day.site, day.site.service[block.service], day.date, day.today)
                ],
                "receipts": {
                    lang: receipt(hall.provisional_receipt(day, block.service, now, kiosk=block.kiosk, number=block.first, lang=lang))
                    for lang in day.site.languages
                },
            }
            for block in lease.lent(day, now, kiosk=kiosk, holder=holder)
        ],
        "site": site(day, now, factor),
    }
