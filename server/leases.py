"""A kiosk on its own: what it is lent while it can be reached, and the numbers it brings in when it can be reached again."""

from __future__ import annotations

from datetime import datetime, timedelta

from server import wire
from server.api import Context, new_ticket_id, run
from server.core import events as ev
from server.core import lease
from server.core.day import Day
from server.core.refused import Refused
from server.routes import Call, Reply, Routes


def declare(routes: Routes, ctx: Context) -> None:
    """Declare every operation of this file."""

    @routes.add(
        "POST",
        "/sites/{site}/kiosks/{kiosk}/lease",
        summary="Numbers that this kiosk may give while it cannot reach the server, and all it has to know then",
        roles=("kiosk",),
        body=wire.LeaseIn,
        answers={200: wire.LeaseOut},
    )
    def borrow(call: Call) -> Reply:
        kiosk, holder = _own(ctx, call), call.body.holder
        return run(
            ctx,
            call,
            lambda day, now: lease.lease(day, now, kiosk=kiosk, holder=holder),
            lambda day, now: (200, wire.leased(day, now, kiosk, holder, ctx.factor)),
        )

    @routes.add(
        "POST",
        "/sites/{site}/kiosks/{kiosk}/tickets",
        summary="Bring in a number that this kiosk gave on its own, with the moment it was taken",
        roles=("kiosk",),
        body=wire.MergeIn,
        answers={201: wire.TicketOut},
        refuses=("day_over", "not_leased", "number_given"),
        once=True,
    )
    def merge(call: Call) -> Reply:
        body: wire.MergeIn = call.body
        site, kiosk, ticket = call.path["site"], _own(ctx, call), new_ticket_id()
        office, today = ctx.sites.current(site), ctx.ledger.today(site)
        taken_at = body.taken_at.astimezone(office.tz)
        when = min(office.business_day(taken_at), today)
        if when < today - timedelta(days=1):
            raise Refused("day_over", ticket=body.code, day=when.isoformat())
        intent = lease.intent_of(kiosk, body.key)

        def command(day: Day, now: datetime) -> list[ev.Event]:
            return lease.merge(
                day,
                now,
                ticket=ticket,
                kiosk=kiosk,
                service=body.service,
                number=int(body.code[1:]),
                taken_at=taken_at,
                version=body.version,
                intent=intent,
                priority=body.priority is not None,
                lang=body.lang or "vi",
            )

        return run(ctx, call, command, lambda day, now: (201, ctx.ticket(day, day.intents[intent], now)), day=when)


def _own(ctx: Context, call: Call) -> str:
    """The kiosk in the path, which has to be the caller's own."""
    kiosk = call.path["kiosk"]
    if kiosk != call.principal.place or kiosk not in ctx.sites.current(call.path["site"]).kiosk:
        raise Refused("not_found")
    return kiosk
