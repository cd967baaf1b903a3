"""What the head of the hall decides during the day, who may sign in, which devices stand where, and who goes to help at a kiosk.

Declared like `server.api`; every change of a day is an event of that day, every other one goes through the same writer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from werkzeug.wrappers import Response

from audio import aloud
from server import presence, wire
from server.access import HEADS, ROLES, Principal, composed, hash_key, new_key
from server.api import Context, known_counter, run, who_is
from server.core import decide
from server.core import events as ev
from server.core.day import Day
from server.core.refused import Refused
from server.core.site import clock_time
from server.routes import Call, Reply, Routes, invalid
from server.store import DeviceRow, StaffRow, Writing
from server.voice import style

OWN_ROLES = {"supervisor": ("clerk", "helper"), "admin": ROLES}
"""Which accounts a role may make and change: the head of a hall its clerks and helpers, the administrator all."""


def declare(routes: Routes, ctx: Context) -> None:
    """Declare every operation of this file."""
    _floor(routes, ctx)
    _help(routes, ctx)
    _paper(routes, ctx)
    _staff(routes, ctx)
    _devices(routes, ctx)


# -- the day ---------------------------------------------------------------------------------------------------------------------


def _floor(routes: Routes, ctx: Context) -> None:
    @routes.add("GET", "/sites/{site}/floor", summary="The whole office, live", roles=("supervisor",), answers={200: wire.FloorOut})
    def floor(call: Call) -> Reply:
        return 200, ctx.floor(call.path["site"])

    for verb, decision in (("stop", decide.stop_service), ("start", decide.start_service)):

        @routes.add(
            "POST",
            f"/sites/{{site}}/services/{{service}}/{verb}",
            summary=f"{verb.capitalize()} giving numbers for a field today",
            roles=("supervisor",),
            body=wire.EmptyIn,
            answers={200: wire.ServiceOut},
            once=True,
        )
        def toggle(call: Call, decision: Any = decision) -> Reply:
            service = call.path["service"]
            if service not in ctx.sites.current(call.path["site"]).service:
                raise Refused("not_found")
            return run(
                ctx,
                call,
                lambda day, now: decision(day, now, service=service),
                lambda day, now: (200, wire.service(day, service, now)),
            )

    @routes.add(
        "POST",
        "/sites/{site}/counters/{counter}/services",
        summary="Let a counter serve other fields for the rest of the day",
        roles=("supervisor",),
        body=wire.ServicesIn,
        answers={200: wire.StaffedCounterOut},
        refuses=("unknown_service",),
        once=True,
    )
    def assign(call: Call) -> Reply:
        counter, services = call.path["counter"], tuple(call.body.services)
        when = known_counter(ctx, call)
        return run(
            ctx,
            call,
            lambda day, now: decide.assign_counter(day, now, counter=counter, services=services),
            lambda day, now: (200, wire.staffed_counter(day, counter, ctx.names.shown)),
            day=when,
        )

    @routes.add(
        "POST",
        "/sites/{site}/hours",
        summary="Close early, stay on, or give numbers until another time today",
        roles=("supervisor",),
        body=wire.HoursIn,
        answers={200: wire.HoursOut},
        refuses=("wrong_hours",),
        once=True,
    )
    def hours(call: Call) -> Reply:
        body: wire.HoursIn = call.body

        def command(day: Day, now: datetime) -> list[ev.Event]:
            last, closes = (_instant(day, text) for text in (body.last_ticket, body.closes))
            return decide.change_hours(day, now, last_ticket=last, closes=closes)

        return run(ctx, call, command, lambda day, now: (200, wire.hours(day, now)))


def _instant(day: Day, text: str | None) -> datetime | None:
    return day.site.at(day.date, clock_time(text)) if text else None


# -- help ------------------------------------------------------------------------------------------------------------------------


def _help(routes: Routes, ctx: Context) -> None:
    @routes.add(
        "POST",
        "/sites/{site}/help",
        summary="Somebody at this kiosk needs a person",
        roles=("kiosk",),
        body=wire.EmptyIn,
        answers={200: list[wire.HelpOut]},
        once=True,
    )
    def ask(call: Call) -> Reply:
        kiosk = call.principal.place
        return run(ctx, call, lambda day, now: decide.ask_for_help(day, now, kiosk=kiosk), lambda day, now: (200, wire.help_calls(day)))

    @routes.add(
        "POST",
        "/sites/{site}/help/{asked}/answer",
        summary="I go there",
        roles=("clerk", "helper", "supervisor"),
        body=wire.EmptyIn,
        answers={200: list[wire.HelpOut]},
        once=True,
    )
    def answer(call: Call) -> Reply:
        asked = call.path["asked"]
        if not (asked.isascii() and asked.isdigit() and len(asked) < 10):
            raise Refused("not_found")
        return run(
            ctx,
            call,
            lambda day, now: decide.answer_help(day, now, asked=int(asked)),
            lambda day, now: (200, wire.help_calls(day)),
        )

    @routes.add(
        "GET",
        "/sites/{site}/tickets",
        summary="Find one of today's tickets by its code, for somebody who stands there with it",
        roles=("kiosk", "helper", "clerk"),
        answers={200: wire.TicketOut},
        query={"code": "as printed, A012"},
    )
    def find(call: Call) -> Reply:
        site = call.path["site"]
        code = call.query.get("code", "").strip().upper()
        day = ctx.ledger.day(site, ctx.ledger.day_of_hall(site))
        with ctx.ledger.reading:
            ticket = day.by_code.get(code)
            if ticket is None:
                raise Refused("not_found")
            return 200, ctx.ticket(day, ticket.id, ctx.ledger.now(site))


# -- paper -----------------------------------------------------------------------------------------------------------------------


def _paper(routes: Routes, ctx: Context) -> None:
    @routes.add(
        "GET",
        "/sites/{site}/kiosks/{kiosk}",
        summary="A kiosk's own machine: its printer, its call for help, what became of a ticket's paper",
        roles=("kiosk", "helper", "supervisor"),
        answers={200: wire.KioskNowOut},
        query={"ticket": "whose paper"},
    )
    def kiosk(call: Call) -> Reply:
        site, kiosk = call.path["site"], call.path["kiosk"]
        if kiosk not in ctx.sites.current(site).kiosk:
            raise Refused("not_found")
        office = ctx.sites.current(site)
        code = presence.hall_code(ctx.ledger, office, office.kiosk[kiosk].hall)
        return 200, {**ctx.kiosk(site, kiosk, call.query.get("ticket")), "hall_code": code}

    @routes.add(
        "GET",
        "/sites/{site}/halls/{hall}/code",
        summary="The digits that prove that somebody stands in this hall, for its screens; null where nobody is asked for them",
        roles=("display", "kiosk", "helper", "supervisor"),
        answers={200: wire.HallCodeOut},
    )
    def code(call: Call) -> Reply:
        office, hall = ctx.sites.current(call.path["site"]), call.path["hall"]
        if hall not in office.hall:
            raise Refused("not_found")
        return 200, {"code": presence.hall_code(ctx.ledger, office, hall)}

    @routes.add(
        "GET",
        "/sites/{site}/kiosks/{kiosk}/voice",
        summary="The sounds of what a kiosk reads aloud: its own questions and choices, and one ticket's number",
        roles=("kiosk", "helper", "supervisor"),
        answers={200: wire.AloudOut},
        query={"ticket": "whose number"},
    )
    def voice(call: Call) -> Reply:
        site = ctx.sites.current(call.path["site"])
        if call.path["kiosk"] not in site.kiosk:
            raise Refused("not_found")
        how = style(site.voice)
        said = aloud.sentences(site, how)
        day = ctx.ledger.day(site.id, ctx.ledger.day_of_hall(site.id))
        with ctx.ledger.reading:
            ticket = day.tickets.get(call.query.get("ticket", ""))
            names = tuple(day.desks[counter].name for counter in day.serving(ticket.service)) if ticket else ()
            if ticket and names:
                said["number"] = aloud.number(ticket.code, names, how)
        return 200, ctx.voice.paths(site.id, said, site.languages)


# -- staff -----------------------------------------------------------------------------------------------------------------------


def _staff(routes: Routes, ctx: Context) -> None:
    store, ledger = ctx.ledger.store, ctx.ledger

    @routes.add(
        "POST",
        "/session/password",
        summary="Change one's own password; every other session of the account ends",
        roles=ROLES,
        body=wire.OwnPasswordIn,
        answers={200: wire.WhoOut},
        refuses=("wrong_password", "too_many_requests"),
        any_password=True,
    )
    def own_password(call: Call) -> Reply:
        body: wire.OwnPasswordIn = call.body
        if composed(body.new) == composed(body.old):
            raise Refused("invalid_body", fields=[invalid("new", "unchanged")])
        row = ctx.access.verified(call.principal.name, body.old, call.address)
        hashed = ctx.access.hashed(body.new)

        def still() -> StaffRow:
            # Given anew or removed meanwhile: whoever knew the old one may not have the last word.
            now = store.staff(row.name)
            if now is None or now.password_hash != row.password_hash:
                raise Refused("wrong_password")
            return now

        # Whoever knew the old one may sit at another machine.
        return 200, who_is(ctx, change(still, but=call.principal.key_hash, password_hash=hashed, must_change=False))

    def change(read: Callable[[], StaffRow], *, but: str | None = None, **what: Any) -> StaffRow:
        """Change a member of staff as he is when it is written, whoever else changes him. With the password his sessions end, `but` one."""
        while True:
            was = read()
            now = replace(was, **what)

            def write(tx: Writing, was: StaffRow = was, now: StaffRow = now) -> bool:
                changed = tx.change_staff(was, now)
                if changed and was.password_hash != now.password_hash:
                    tx.remove_sessions_of(was.name, but=but)
                return changed

            if ledger.write(write):
                return now

    @routes.add("GET", "/sites/{site}/staff", summary="Who may sign in", roles=HEADS, answers={200: list[wire.StaffOut]})
    def listed(call: Call) -> Reply:
        return 200, [_member(row) for row in store.all_staff() if row.site in (None, call.path["site"])]

    @routes.add(
        "POST",
        "/sites/{site}/staff",
        summary="Add an account; its password is changed at the first sign-in",
        roles=HEADS,
        body=wire.StaffIn,
        answers={201: wire.StaffOut},
        refuses=("name_taken", "too_many_requests"),
    )
    def add(call: Call) -> Reply:
        body: wire.StaffIn = call.body
        _may_change(call.principal, body.role)
        hashed, called = ctx.access.hashed(body.password), body.display_name or ""
        row = StaffRow(body.name, body.role, hashed, call.path["site"], must_change=True, display_name=called)
        if store.staff(body.name) is not None or not ledger.write(lambda tx: tx.add_staff(row)):
            raise Refused("name_taken", name=body.name)
        ctx.names.changed()
        return 201, _member(row)

    @routes.add(
        "POST",
        "/sites/{site}/staff/{name}/display-name",
        summary="What a member of staff is called on the screens; nothing: by the account",
        roles=HEADS,
        body=wire.DisplayNameIn,
        answers={200: wire.StaffOut},
    )
    def rename(call: Call) -> Reply:
        fresh = change(lambda: _row(call), display_name=call.body.display_name or "")
        ctx.names.changed()
        return 200, _member(fresh)

    @routes.add(
        "POST",
        "/sites/{site}/staff/{name}/password",
        summary="Give a new password, to be changed at the next sign-in; the sessions of the account end",
        roles=HEADS,
        body=wire.NewPasswordIn,
        answers={200: wire.StaffOut},
        refuses=("too_many_requests",),
    )
    def reset(call: Call) -> Reply:
        _row(call)
        hashed = ctx.access.hashed(call.body.password)
        return 200, _member(change(lambda: _row(call), password_hash=hashed, must_change=True))

    @routes.add("DELETE", "/sites/{site}/staff/{name}", summary="Remove an account", roles=HEADS, answers={204: None})
    def remove(call: Call) -> Reply:
        row = _row(call)
        if row.name == call.principal.name:
            raise Refused("forbidden")
        ledger.write(lambda tx: tx.remove_staff(row.name))
        return Response(status=204)

    def _row(call: Call) -> StaffRow:
        row = store.staff(call.path["name"])
        if row is None or row.site not in (None, call.path["site"]):
            raise Refused("not_found")
        if row.site is None and call.principal.site is not None:
            raise Refused("forbidden")
        _may_change(call.principal, row.role)
        return row


def _may_change(who: Principal, role: str) -> None:
    if role not in OWN_ROLES[who.role]:
        raise Refused("forbidden")


def _member(row: StaffRow) -> wire.StaffOut:
    out: wire.StaffOut = {"name": row.name, "role": row.role, "site": row.site, "must_change": row.must_change}
    if row.display_name:
        out["display_name"] = row.display_name
    return out


# -- devices ---------------------------------------------------------------------------------------------------------------------


def _devices(routes: Routes, ctx: Context) -> None:
    store, ledger = ctx.ledger.store, ctx.ledger

    shown = {200: list[wire.DeviceRowOut]}

    @routes.add("GET", "/sites/{site}/devices", summary="Kiosks, displays and loudspeakers", roles=HEADS, answers=shown)
    def listed(call: Call) -> Reply:
        return 200, ctx.floor(call.path["site"])["devices"]

    @routes.add(
        "POST",
        "/sites/{site}/devices",
        summary="Register a device; its key is shown only now",
        roles=HEADS,
        body=wire.DeviceIn,
        answers={201: wire.NewDeviceOut},
        refuses=("name_taken", "unknown_place"),
    )
    def add(call: Call) -> Reply:
        site, body = call.path["site"], call.body
        place = placed(ctx, site, body.name, body.kind, body.place)
        key = new_key()
        ledger.write(lambda tx: tx.put_device(DeviceRow(body.name, site, body.kind, place, hash_key(key))))
        out: wire.NewDeviceOut = {"name": body.name, "kind": body.kind, "place": place, "key": key}
        return 201, out

    @routes.add("DELETE", "/sites/{site}/devices/{name}", summary="Make a device's key useless", roles=HEADS, answers={204: None})
    def revoke(call: Call) -> Reply:
        row = next((r for r in store.devices(call.path["site"]) if r.name == call.path["name"]), None)
        if row is None:
            raise Refused("not_found")
        ledger.write(lambda tx: tx.put_device(replace(row, revoked=True)))
        ctx.let_go()
        return Response(status=204)


def placed(ctx: Context, site: str, name: str, kind: str, place: str | None) -> str:
    """Where a new device stands. Refuses `unknown_place` and `name_taken`."""
    office = ctx.sites.current(site)
    places = office.places(kind)
    chosen = place or (name if kind == "kiosk" else places[0] if len(office.halls) == 1 else "")
    if chosen not in places:
        raise Refused("unknown_place", place=chosen, known=list(places))
    if any(row.name == name and not row.revoked for row in ctx.ledger.store.devices(site)):
        raise Refused("name_taken", name=name)
    return chosen
