"""Booking, one question a page: what, what to bring, which day, which time, and how to reach whoever wants to be reminded."""

from __future__ import annotations

import json
import re
import secrets
from datetime import datetime
from typing import Any
from urllib.parse import quote

from flask import Blueprint, request

from server import appointments, notices, wire
from server.api import Context
from server.appointments import CONTACT_KEPT, FULL
from server.core import booking, words
from server.core.appointment import SPOKEN, code_in
from server.core.refused import Refused
from server.core.site import Counting
from server.ledger import KeyReused
from server.pages.booking import views
from server.pages.booking.steps import (
    Page,
    anybody,
    bookable,
    from_here,
    go,
    once_of,
    searched,
    show,
    show_days,
    show_full,
    show_times,
    start_of,
    way_of,
)
from server.pages.booking.views import Way
from server.routes import STATUS, day_of, explained, validated
from server.store import Broken, Poison, Unavailable

CODE_MOST = 40
"""Characters of a code with its spaces."""
_SEPARATORS = re.compile(r"[\s.()\u00a0-]")


def routes(pages: Blueprint, ctx: Context) -> None:
    @pages.get("/book/<site>")
    def need(site: str) -> Page:
        way = way_of(ctx, site)
        if way.procedure:
            return go(way.step("bring"))
        if way.service and way.service.booking is None:
            raise Refused("not_bookable", service=way.service.id)
        return show("book_need.html", way, **views.need(way, searched()))

    @pages.get("/book/<site>/bring")
    def bring(site: str) -> Page:
        way = bookable(ctx, site)
        if way.procedure is None:
            return go(way.step("day"))
        return show("book_bring.html", way, papers=views.papers(way.procedure), next=way.step("day"))

    @pages.get("/book/<site>/day")
    def days(site: str) -> Page:
        way = bookable(ctx, site)
        back = way.step("bring") if way.procedure else way.start
        live = way.step("you", live="1") if _live(ctx, way) else ""
        return show_days(
            ctx, way, lambda **more: way.step("day", **more), lambda when: way.step("time", day=when), step=3, back=back, live=live
        )

    @pages.get("/book/<site>/time")
    def times(site: str) -> Page:
        way = bookable(ctx, site)
        when = day_of(request.args.get("day", ""))
        return show_times(ctx, way, when, lambda start: way.step("you", start=start), step=4, back=way.step("day"))

    @pages.get("/book/<site>/you")
    def you(site: str) -> Page:
        way = bookable(ctx, site)
        start = start_of(way, request.args.get("start"))
        if start is None and not (request.args.get("live") and _live(ctx, way)):
            return go(way.step("day"))
        return _you(ctx, way, start)

    @pages.post("/book/<site>/you")
    def take(site: str) -> Page:
        from_here()
        way = bookable(ctx, site)
        start = start_of(way, request.form.get("start") or request.args.get("start"))
        wanted, key = _wanted(way, start), request.form.get("key", "")
        asked = anybody(way.lang, once_of(site, key, wanted))
        try:
            answer = appointments.book(ctx, asked, site, validated(wire.BookIn, json.dumps(wanted).encode()))
        except Refused as refused:
            if refused.code in FULL:
                typed = {k: request.form.get(k, "") for k in ("name", "phone", "email", "consent", "skip")}
                back = way.step("time", day=start.date().isoformat()) if start else way.step("day")
                return show_full(way, refused, start, key, {k: v for k, v in typed.items() if v}, back)
            return _you(ctx, way, start, refused, key)
        except KeyReused:
            return _you(ctx, way, start, Refused("idempotency_key_reused"))
        except (Unavailable, Broken, Poison):
            return _you(ctx, way, start, Refused("storage_unavailable"), key)
        return go(way.to(f"/h/{json.loads(answer.body)['code']}", fresh="booked"))

    @pages.get("/book/<site>/find")
    def find(site: str) -> Page:
        return show("book_find.html", way := way_of(ctx, site), back=way.start, typed="", fault="")

    @pages.post("/book/<site>/find")
    def found(site: str) -> Page:
        # By POST: the code stands in the address of its own page alone, which no other page links to.
        way, typed = way_of(ctx, site), request.form.get("code", "").strip()[:CODE_MOST]
        code = code_in(typed)
        if code is not None and len(code) > SPOKEN:
            return go(way.to(f"/h/{code}"))
        fault = way.t["find_spoken" if code else "find_wrong"]
        return show("book_find.html", way, 422, private=True, back=way.start, typed=typed, fault=fault)


def _live(ctx: Context, way: Way) -> bool:
    """Whether a number for today can be taken from home now."""
    service = way.service
    if service is None or service.booking is None or not service.booking.live or service.counting is not Counting.REGISTERED:
        return False
    day, now = ctx.ledger.day(way.site.id), ctx.ledger.now(way.site.id)
    with ctx.ledger.reading:
        return booking.gives_numbers(day, service.id, now)


def _wanted(way: Way, start: datetime | None) -> dict[str, Any]:
    """What the form asks for, as the interface would be asked."""
    form = request.form
    told = {} if form.get("skip") else {k: form.get(k, "").strip() for k in ("name", "phone", "email")}
    told["phone"] = _SEPARATORS.sub("", told.get("phone", ""))
    of = {"procedure": way.procedure.id} if way.procedure else {"service": way.service.id if way.service else ""}
    when = {"start": start.isoformat()} if start else {}
    proof = {"sum": {"token": form["sum_token"][:200], "answer": form.get("sum", "")[:10]}} if form.get("sum_token") else {}
    return {**of, **when, **{k: v for k, v in told.items() if v}, "consent": bool(form.get("consent")), "lang": way.lang, **proof}


def _you(ctx: Context, way: Way, start: datetime | None, refused: Refused | None = None, key: str = "") -> Page:
    """The form; with what was typed and what is wrong with it. Without `key` it gets a fresh one."""
    faults = {}
    if refused is not None:
        faults = views.faults(way, Refused(refused.code, **explained(refused.details, way.lang)))
    reminds = start is not None and notices.reminds(way.site, start.date(), ctx.ledger.now(way.site.id))
    mails = way.t["mails_remind" if reminds else "mails_code"]
    title = ("you" if reminds else "you_code") if ctx.can_mail else "you_no_mail" if start else "you_live_no_mail"
    consent = way.t["consent" if ctx.can_mail else "consent_no_mail"]
    when = f"{words.capital(words.long_date(start.date(), way.lang))}, {words.hhmm(start)}" if start else way.t["live"]
    return show(
        "book_you.html",
        way,
        STATUS.get(refused.code, 409) if refused else 200,
        private=refused is not None,
        wait_s=refused.details.get("retry_after_s") if refused else None,
        key=key or secrets.token_hex(16),
        typed=request.form,
        faults=faults,
        sum=refused.details if refused and refused.code == "sum_needed" else None,
        mails=ctx.can_mail,
        title=way.t[title],
        what=way.what,
        when=when,
        live=start is None,
        back=way.step("time", day=start.date().isoformat()) if start else way.step("day"),
        find=way.to(f"/book/{quote(way.site.id)}/find") if refused and refused.code == "already_booked" else "",
        consent=consent.format(office=way.site.name, days=CONTACT_KEPT.days, mails=mails),
    )
