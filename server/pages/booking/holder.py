"""One's own booking, for whoever holds its code: look, move, give back, take consent back."""

from __future__ import annotations

import json
import secrets
from functools import partial
from typing import Any

from flask import Blueprint, Response, request

from server import appointments, letters, notices, wire
from server.api import Context
from server.appointments import FULL
from server.core import words
from server.core.appointment import SPOKEN, Appointment
from server.core.day import Day
from server.core.refused import Refused
from server.pages.booking import views
from server.pages.booking.steps import Page, anybody, from_here, go, manner, once_of, show, show_days, show_full, show_times, start_of
from server.pages.booking.views import Way
from server.routes import STATUS, day_of

HALL_CODE_MOST = 12


def routes(pages: Blueprint, ctx: Context) -> None:
    def held(code: str) -> tuple[Way, Day, Appointment]:
        day, found = appointments.held(ctx, anybody("vi"), code)
        office = ctx.sites.current(day.site.id)
        service, procedure = office.service.get(found.service), office.procedure.get(found.procedure or "")
        return Way(office, *manner(office.languages), service, procedure), day, found

    def look(way: Way, day: Day, found: Appointment) -> dict[str, Any]:
        known = kept(found)
        with ctx.ledger.reading:
            now, fresh = ctx.ledger.now(day.site.id), request.args.get("fresh", "")
            return views.appointment(way, day, found, now, kept=known, mails=ctx.can_mail and "email" in known, fresh=fresh)

    def kept(found: Appointment) -> list[str]:
        """What is kept of its holder."""
        contact = ctx.ledger.store.contact(found.contact) if found.contact is not None else None
        return list(wire.loads(contact.body)) if contact else []

    def at(way: Way, found: Appointment) -> str:
        return views.moment(found.slot.start, way.lang) if found.slot else ""

    def page(way: Way, day: Day, found: Appointment, fault: str = "", status: int = 200, wait_s: int | None = None) -> Page:
        shown = look(way, day, found)
        nearest = []
        if shown["closed"] and shown["move"] and found.slot:
            free = appointments.nearest(ctx, way.site.id, found.service, found.slot.start)
            nearest = [
                {"href": way.to(f"/h/{found.code}/move", start=one["start"]), "name": one["name"]}
                for one in views.free_times(way, free, found.slot.start)
            ]
        note = shown["forgotten"] or (way.t["new_code"] if shown["done"] and request.args.get("new") else "")
        here = way.to(f"/h/{found.code}/here") if appointments.by_phone(ctx, day, found) else ""
        key = secrets.token_hex(16)
        return show(
            "book_held.html", way, status, private=True, wait_s=wait_s, nearest=nearest, note=note, here=here, key=key, fault=fault, **shown
        )

    @pages.get("/h/<code>")
    def own(code: str) -> Page:
        return page(*held(code))

    @pages.post("/h/<code>/here")
    def here(code: str) -> Page:
        from_here()
        way, day, found = held(code)
        typed, key = "".join(request.form.get("hall", "").split())[:HALL_CODE_MOST], request.form.get("key", "")
        once = once_of(way.site.id, key, {"here": found.code})
        try:
            answer = appointments.check_in_here(ctx, anybody(way.lang, once), day, found, typed)
        except Refused as refused:
            if refused.code in ("wrong_hall_code", "too_many_requests"):
                said = words.sentence(refused.code, refused.details, way.lang)
                return page(way, day, found, said, STATUS[refused.code], refused.details.get("retry_after_s"))
            # Checked in meanwhile, or no longer to be: the booking's own page says how it stands.
            return go(way.to(f"/h/{found.code}"))
        return go(f"/t/{json.loads(answer.body)['id']}")

    @pages.get("/h/<code>/calendar.ics")
    def calendar(code: str) -> Page:
        way, day, found = held(code)
        if not found.live or found.slot is None or not day.keeps(found.service, found.slot):
            return go(way.to(f"/h/{found.code}"))
        with ctx.ledger.reading:
            letter = notices.letter(day, found, letters.Kind.BOOKED, ctx.ledger.now(day.site.id))
        response = Response(letters.calendar(letter), mimetype="text/calendar")
        # Named after the code that may be read aloud: a list of downloads shows it to whoever looks.
        response.headers["Content-Disposition"] = f'attachment; filename="{found.code[:SPOKEN]}.ics"'
        response.headers["Cache-Control"] = "no-store"
        return response

    @pages.get("/h/<code>/move")
    def move(code: str) -> Page:
        way, day, found = held(code)
        own, asked = f"/h/{found.code}", request.args
        if not look(way, day, found)["move"]:
            return go(way.to(own))
        start = start_of(way, asked.get("start"))
        if start is not None:
            title = way.t["sure_move"].format(at=views.moment(start, way.lang))
            hint = way.t["now_at"].format(at=at(way, found))
            return _sure(way, title, hint, way.t["do_move"], way.t["keep_it"], own)
        if asked.get("day"):
            when = day_of(asked["day"])
            return show_times(ctx, way, when, lambda s: way.to(f"{own}/move", start=s), back=way.to(f"{own}/move"), moving=at(way, found))
        there = partial(way.to, f"{own}/move")
        return show_days(ctx, way, there, lambda when: there(day=when), back=way.to(own), moving=at(way, found))

    @pages.post("/h/<code>/move")
    def do_move(code: str) -> Page:
        from_here()
        way, day, found = held(code)
        start = start_of(way, request.form.get("start") or request.args.get("start"))
        if start is None:
            raise Refused("start_missing")
        key = request.form.get("key", "")
        once = once_of(way.site.id, key, {"move": found.code, "start": start.isoformat()})
        try:
            answer = appointments.move(ctx, anybody(way.lang, once), day, found, start)
        except Refused as refused:
            if refused.code in FULL:
                return show_full(way, refused, start, key, {}, way.to(f"/h/{found.code}/move"))
            raise
        code = json.loads(answer.body)["code"]
        return go(way.to(f"/h/{code}", fresh="moved", new=None if code == found.code else "1"))

    @pages.get("/h/<code>/cancel")
    def cancel(code: str) -> Page:
        way, _, found = held(code)
        if not found.live:
            return go(way.to(f"/h/{found.code}"))
        title = way.t["sure_cancel"].format(at=at(way, found)) if found.slot else way.t["sure_cancel_live"]
        return _sure(way, title, "", way.t["cancel" if found.slot else "cancel_live"], way.t["keep_it"], f"/h/{found.code}", danger=True)

    @pages.post("/h/<code>/cancel")
    def do_cancel(code: str) -> Page:
        from_here()
        way, day, found = held(code)
        if found.live:
            appointments.give_back(ctx, anybody(way.lang), day, found)
        return go(way.to(f"/h/{found.code}"))

    @pages.get("/h/<code>/forget")
    def forget(code: str) -> Page:
        way, _, found = held(code)
        known = kept(found)
        if not known:
            return go(way.to(f"/h/{found.code}"))
        title, hint = (
            way.t["sure_forget"].format(what=views.of_holder(way, known)),
            "forget_hint_email" if "email" in known else "forget_hint",
        )
        return _sure(way, title, way.t[hint], way.t["do_forget"], way.t["keep_contact"], f"/h/{found.code}")

    @pages.post("/h/<code>/forget")
    def do_forget(code: str) -> Page:
        from_here()
        way, _, found = held(code)
        appointments.silence(ctx, found)
        return go(way.to(f"/h/{found.code}", fresh="forgotten"))


def _sure(way: Way, title: str, hint: str, yes: str, no: str, back: str, *, danger: bool = False) -> Page:
    """Asks once. The answer goes where the question stands."""
    key = secrets.token_hex(16)
    return show(
        "book_sure.html",
        way,
        private=True,
        title=title,
        hint=hint,
        yes=yes,
        no=no,
        back=way.to(back),
        danger=danger,
        key=key,
        what=way.what,
    )
