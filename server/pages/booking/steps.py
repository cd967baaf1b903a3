"""What the booking pages share: how a page is answered, what its address says, and the questions that booking and moving both ask."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from flask import Response, make_response, redirect, render_template, request

from server import appointments, wire
from server.api import Context
from server.appointments import Asker
from server.core import words
from server.core.refused import Refused
from server.ledger import Idempotency
from server.pages import POLICY
from server.pages.booking import views
from server.pages.booking.views import Way
from server.routes import RETRY_AFTER_S, STATUS, network, stranger

ASKED_MOST = 100
"""Letters of a search; more say nothing more."""
_MINUTE = re.compile(r"[2-8][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}")

Page = Response


def show(template: str, way: Way | None, status: int = 200, *, private: bool = False, wait_s: int | None = None, **values: Any) -> Page:
    """A page that no cache keeps: it names places that may be gone, and keys that are used once."""
    here = f"{quote(request.path)}?{urlencode({k: v for k, v in request.args.items() if k != 'lang'})}".rstrip("?")
    shared = way.common(here) if way else {"t": views.texts("vi"), "lang": "vi", "embed": False}
    response = make_response(render_template(template, **shared, **values), status)
    response.headers["Cache-Control"] = "no-store"
    if private:
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
    if way and way.embed and way.site.embed_from:
        framed = f"frame-ancestors {' '.join(way.site.embed_from)}"
        response.headers["Content-Security-Policy"] = POLICY.replace("frame-ancestors 'none'", framed)
    if status in (429, 503):
        response.headers["Retry-After"] = str(wait_s or RETRY_AFTER_S)
    return response


def go(to: str) -> Page:
    """To another page, by GET: a reload there changes nothing."""
    response = make_response(redirect(to, 303))
    response.headers["Cache-Control"] = "no-store"
    return response


def way_of(ctx: Context, site: str) -> Way:
    """What the address says has been chosen. Refuses what this office does not have."""
    if site not in ctx.sites.ids():
        raise Refused("not_found")
    office, asked = ctx.sites.current(site), request.args
    procedure, service = asked.get("procedure"), asked.get("service")
    if procedure and procedure not in office.procedure:
        raise Refused("unknown_procedure", procedure=procedure)
    chosen = office.procedure[procedure] if procedure else None
    of = chosen.service if chosen else service
    if of and of not in office.service:
        raise Refused("unknown_service", service=of, known=list(office.service))
    return Way(office, *manner(office.languages), office.service[of] if of else None, chosen)


def manner(languages: tuple[str, ...]) -> tuple[str, bool]:
    lang = "en" if request.args.get("lang") == "en" and "en" in languages else "vi"
    return lang, request.args.get("embed") == "1"


def searched() -> str:
    return request.args.get("q", "").strip()[:ASKED_MOST]


def bookable(ctx: Context, site: str) -> Way:
    """A step that needs to know for what."""
    way = way_of(ctx, site)
    if way.service is None:
        raise Refused("unknown_service", known=list(way.site.service))
    if way.service.booking is None:
        raise Refused("not_bookable", service=way.service.id)
    return way


def anybody(way_lang: str, once: Idempotency | None = None) -> Asker:
    return Asker(None, network(request), way_lang, once)


def from_here() -> None:
    """A form of another web site would book in its visitors' names. Browsers that do not say where a form stood are believed."""
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        raise Refused("csrf")


def start_of(way: Way, text: str | None) -> datetime | None:
    if text and _MINUTE.fullmatch(text):
        try:
            return datetime.strptime(text, views.MINUTE).replace(tzinfo=way.site.tz)
        except ValueError:
            return None
    return None


# -- which day, which time ----


def show_days(ctx: Context, way: Way, here: Callable[..., str], href: Callable[[str], str], **values: Any) -> Page:
    assert way.service is not None and way.service.booking is not None
    site, horizon = way.site.id, way.service.booking.horizon_days
    first = request.args.get("from", "0")
    first_n = min(int(first) if first.isascii() and first.isdigit() and len(first) < 4 else 0, horizon)
    today, now = ctx.ledger.today(site), ctx.ledger.now(site)
    dates = [today + timedelta(days=n) for n in range(first_n, min(first_n + views.DAYS_A_PAGE, horizon + 1))]
    offered = [(when, appointments.offers(ctx, site, way.service.id, when)) for when in dates]
    # Somebody who moves has a place already.
    waits = ctx.can_mail and "moving" not in values
    lines = views.days(
        way, now, offered, lambda when: href(when.isoformat()), (lambda when: way.step("wait", day=when.isoformat())) if waits else None
    )
    more = first_n + len(dates)
    return show(
        "book_day.html",
        way,
        lines=lines,
        nothing="" if any(line["href"] for line in lines) else way.t["no_day"],
        later=here(**{"from": str(more)}) if more <= horizon else "",
        earlier=here(**{"from": str(max(0, first_n - views.DAYS_A_PAGE))}) if first_n else "",
        what=way.what,
        walk_in=views.walk_in(way),
        **values,
    )


def show_times(ctx: Context, way: Way, when: date, href: Callable[[str], str], **values: Any) -> Page:
    assert way.service is not None
    now = ctx.ledger.now(way.site.id)
    offered = appointments.offers(ctx, way.site.id, way.service.id, when)
    parts = views.times(way, now, offered, lambda start: href(f"{start:{views.MINUTE}}"))
    return show(
        "book_time.html",
        way,
        parts=parts,
        nothing="" if parts else way.t["no_time"],
        date=words.capital(words.long_date(when, way.lang)),
        release=views.release(way, when, now),
        walk_in=views.walk_in(way),
        **values,
    )


def show_full(way: Way, refused: Refused, wanted: datetime | None, key: str, carried: dict[str, str], back: str) -> Page:
    """The place was taken meanwhile: the nearest free times, each one press away."""
    return show(
        "book_full.html",
        way,
        STATUS.get(refused.code, 409),
        private=True,
        sentence=words.sentence(refused.code, refused.details, way.lang),
        free=views.free_times(way, refused.details.get("free", []), wanted),
        carried=carried,
        key=key,
        back=back,
        what=way.what,
    )


# -- forms -----


def once_of(site: str, key: str, wanted: dict[str, Any]) -> Idempotency | None:
    if not wire.VISIBLE_ASCII.fullmatch(key):
        return None
    return Idempotency(stranger(f"book:{site}", key, request), key, hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest())
