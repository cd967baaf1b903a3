"""Being told when a full day has a place again."""

from __future__ import annotations

import json
import secrets
from datetime import date
from urllib.parse import quote

from flask import Blueprint, request

from server import appointments, wire
from server.api import Context
from server.core import words
from server.core.refused import Refused
from server.ledger import KeyReused
from server.pages.booking import views
from server.pages.booking.steps import Page, anybody, bookable, from_here, go, once_of, show, way_of
from server.pages.booking.views import Way
from server.routes import STATUS, day_of, explained, validated


def routes(pages: Blueprint, ctx: Context) -> None:
    @pages.get("/book/<site>/wait")
    def wait(site: str) -> Page:
        way = bookable(ctx, site)
        return _form(way, _day(way, ctx))

    @pages.post("/book/<site>/wait")
    def do_wait(site: str) -> Page:
        from_here()
        way = bookable(ctx, site)
        when, service = _day(way, ctx), way.service
        assert service is not None
        email, key = request.form.get("email", "").strip(), request.form.get("key", "")
        wanted = {"service": service.id, "email": email, "consent": bool(request.form.get("consent")), "lang": way.lang}
        once = once_of(site, key, wanted | {"day": when.isoformat()})
        try:
            answer = appointments.await_place(
                ctx, anybody(way.lang, once), site, when, validated(wire.AwaitIn, json.dumps(wanted).encode())
            )
        except Refused as refused:
            if refused.code == "places_left":
                return go(way.step("time", day=when.isoformat()))
            return _form(way, when, refused, key)
        except KeyReused:
            return _form(way, when, Refused("idempotency_key_reused"))
        return go(way.step(f"waiting/{when.isoformat()}/{json.loads(answer.body)['wait']}"))

    @pages.get("/book/<site>/waiting/<day>/<name>")
    def waiting(site: str, day: str, name: str) -> Page:
        way = way_of(ctx, site)
        when = day_of(day)
        if not appointments.bookable_on(ctx, site, _service(way), when):
            raise Refused("not_found")
        waits = ctx.ledger.day(site, when).bookings.waits(name) is not None
        return show("book_waiting.html", way, private=True, waits=waits, date=_long(way, when), what=way.what)

    @pages.post("/book/<site>/waiting/<day>/<name>")
    def no_more(site: str, day: str, name: str) -> Page:
        from_here()
        way = way_of(ctx, site)
        when = day_of(day)
        if not appointments.bookable_on(ctx, site, _service(way), when):
            raise Refused("not_found")
        if ctx.ledger.day(site, when).bookings.waits(name):
            appointments.forgo_place(ctx, anybody(way.lang), site, when, name)
        return go(way.step(f"waiting/{when.isoformat()}/{quote(name)}"))


def _service(way: Way) -> str:
    if way.service is None:
        raise Refused("not_found")
    return way.service.id


def _day(way: Way, ctx: Context) -> date:
    """A day that can be booked; others are not read."""
    when = day_of(request.args.get("day", ""))
    if not ctx.can_mail or not appointments.bookable_on(ctx, way.site.id, _service(way), when):
        raise Refused("not_found")
    return when


def _long(way: Way, when: date) -> str:
    return words.capital(words.long_date(when, way.lang))


def _form(way: Way, when: date, refused: Refused | None = None, key: str = "") -> Page:
    faults = views.faults(way, Refused(refused.code, **explained(refused.details, way.lang))) if refused else {}
    return show(
        "book_wait.html",
        way,
        STATUS.get(refused.code, 409) if refused else 200,
        private=refused is not None,
        wait_s=refused.details.get("retry_after_s") if refused else None,
        key=key or secrets.token_hex(16),
        typed=request.form,
        faults=faults,
        date=_long(way, when),
        what=way.what,
        back=way.step("day"),
        consent=way.t["wait_consent"].format(office=way.site.name),
    )
