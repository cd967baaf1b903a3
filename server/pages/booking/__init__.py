"""Serves the booking pages and the public catalogue: HTML forms that need no program in the browser.

Nobody is signed in here. A cookie that comes along opens nothing; who holds the code of a booking holds the booking, and whoever guesses is
slowed down as at the interface. A form carries a key made with it, so that sent twice it books once.
"""

from __future__ import annotations

import structlog
from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException

from kiosk import qr
from server import wire
from server.api import Context
from server.core import words
from server.core.refused import Refused
from server.pages.booking import book, holder, views, waiting
from server.pages.booking.steps import Page, manner, searched, show, way_of
from server.pages.booking.views import Way
from server.routes import STATUS, explained
from server.store import Broken, Poison, Unavailable

log = structlog.get_logger("book")


def blueprint(ctx: Context) -> Blueprint:
    pages = Blueprint("book", __name__)
    _errors(pages, ctx)
    _catalogue(pages, ctx)
    book.routes(pages, ctx)
    waiting.routes(pages, ctx)
    holder.routes(pages, ctx)
    return pages


def _errors(pages: Blueprint, ctx: Context) -> None:
    """What went wrong, as a page with one sentence and a way on."""

    @pages.errorhandler(Refused)
    def refused(error: Refused) -> Page:
        site = (request.view_args or {}).get("site")
        ids = ctx.sites.ids()
        # A link to a booking names no office; where there is one office only, it is that.
        known = site if site in ids else ids[0] if len(ids) == 1 and not site else None
        office = ctx.sites.current(known) if known else None
        way = Way(office, *manner(office.languages)) if office else None
        lang = way.lang if way else "vi"
        t = views.texts(lang)
        title, hint, again = words.sentence(error.code, explained(error.details, lang), lang), "", way.start if way else ""
        if error.code == "not_found":
            title, hint, again = (t["lost_page"], "", again) if site else (t["lost"], t["lost_hint"], "")
        wait = error.details.get("retry_after_s")
        return show("book_sorry.html", way, STATUS.get(error.code, 409), private=True, wait_s=wait, title=title, hint=hint, again=again)

    @pages.errorhandler(Unavailable)
    @pages.errorhandler(Broken)
    @pages.errorhandler(Poison)
    def unavailable(error: Exception) -> Page:
        return refused(Refused("storage_unavailable"))

    @pages.errorhandler(Exception)
    def broken(error: Exception) -> Page:
        if isinstance(error, HTTPException):
            return refused(Refused("too_large" if error.code == 413 else "not_found"))
        log.exception("unexpected", rule=request.url_rule.rule if request.url_rule else "unknown", method=request.method)
        return refused(Refused("internal"))


def _catalogue(pages: Blueprint, ctx: Context) -> None:
    @pages.get("/book/<site>/qr.svg")
    def code(site: str) -> Response:
        """Where a service is booked, for the kiosk's screen."""
        office, service = way_of(ctx, site).site, request.args.get("service")
        address = wire.booking_url(office, service) if service is None or service in office.service else None
        picture = qr.svg(address) if address else None
        if picture is None:
            raise Refused("not_found")
        return Response(picture, mimetype="image/svg+xml", headers={"Cache-Control": "max-age=3600"})

    @pages.get("/procedures/<site>")
    def procedures(site: str) -> Page:
        way = way_of(ctx, site)
        field = way.site.service.get(request.args.get("field", ""))
        way = Way(way.site, way.lang, way.embed, field)
        return show("procedures.html", way, **views.catalogue(way, searched()))
