"""Paper: what became of each sheet, the same number again, a sheet to try a printer, and what the office's tickets look like.

The preview is drawn by the function that the print agent draws with, so what is seen is what comes out of the slot.
"""

from __future__ import annotations

import base64
import threading
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

from config.edit import pieces, with_table
from config.loader import load
from server import wire
from server.access import HEADS
from server.api import Context, find_ticket, run
from server.core import decide, hall
from server.core.refused import Refused
from server.core.site import ReceiptDesign, Site
from server.routes import Call, Reply, Routes
from server.store import Conflict, SiteRow, Unavailable

if TYPE_CHECKING:
    from PIL import Image

SHOWN = 20
TRIES = 5
PAPERS = (80, 58)


def declare(routes: Routes, ctx: Context) -> None:
    """Declare every operation of this file."""
    _sheets(routes, ctx)
    _design(routes, ctx)


# -- sheets ----------------------------------------------------------------------------------------------------------------------


def _kiosk(ctx: Context, call: Call) -> str:
    if call.path["kiosk"] not in ctx.sites.current(call.path["site"]).kiosk:
        raise Refused("not_found")
    return call.path["kiosk"]


def _sheets(routes: Routes, ctx: Context) -> None:
    @routes.add(
        "GET",
        "/sites/{site}/kiosks/{kiosk}/prints",
        summary="The last papers of a kiosk and what became of each, newest first",
        roles=("helper", *HEADS),
        answers={200: list[wire.PrintOut]},
    )
    def prints(call: Call) -> Reply:
        site, kiosk = call.path["site"], _kiosk(ctx, call)
        day = ctx.ledger.day(site)
        found = ctx.publisher.prints(site, day, SHOWN, kiosk=kiosk)
        with ctx.ledger.reading:
            return 200, [wire.printed(day, moment, ctx.ledger.now(site)) for moment in found]

    @routes.add(
        "POST",
        "/sites/{site}/tickets/{ticket}/reprint",
        summary="The same number on paper again",
        roles=("kiosk", "helper", "supervisor"),
        body=wire.ReprintIn,
        answers={200: wire.TicketOut},
        refuses=("not_allowed_now", "unknown_place"),
        once=True,
    )
    def reprint(call: Call) -> Reply:
        when, ticket = find_ticket(ctx, call)
        who, site = call.principal, ctx.sites.current(call.path["site"])
        asked = call.body.kiosk or (site.kiosks[0].id if site.kiosks else "")
        place = who.place if who.role == "kiosk" else asked
        if place not in site.kiosk:
            raise Refused("unknown_place", place=place, known=list(site.kiosk))
        return run(
            ctx,
            call,
            lambda day, now: decide.reprint(day, now, ticket=ticket, kiosk=place),
            lambda day, now: (200, ctx.ticket(day, ticket, now)),
            day=when,
        )

    @routes.add(
        "POST",
        "/sites/{site}/kiosks/{kiosk}/test-print",
        summary="A sheet that says that it is a trial, at this kiosk; it is no ticket and takes no number",
        roles=("helper", *HEADS),
        body=wire.EmptyIn,
        answers={200: wire.TestPrintOut},
        once=True,
    )
    def test_print(call: Call) -> Reply:
        kiosk = _kiosk(ctx, call)
        return run(
            ctx,
            call,
            lambda day, now: decide.try_printer(day, now, kiosk=kiosk),
            lambda day, now: (200, wire.test_print(day, kiosk)),
        )


# -- what a ticket looks like ----------------------------------------------------------------------------------------------------


def _design(routes: Routes, ctx: Context) -> None:
    store = ctx.ledger.store
    # Two who save at once make two versions, one after the other.
    turn = threading.Lock()

    def latest(site: str) -> SiteRow:
        row = store.site(site)
        if row is None:
            raise Refused("not_found")
        return row

    def save(site: str, values: dict[str, Any]) -> ReceiptDesign:
        for _ in range(TRIES):
            row = latest(site)
            document = with_table(row.document, "receipt", values)
            # The last import stays the last import: the same file given again does not take this back.
            fresh = SiteRow(site, row.version + 1, document, row.source, row.imported_sha)
            # Another process may have saved a version of its own in between: then this one comes after it.
            with suppress(Conflict):
                ctx.ledger.write(lambda tx, fresh=fresh: tx.put_site(fresh))  # type: ignore[misc]
                return load(document, row.source).receipt
        raise Unavailable("The document of the office is being written by somebody else.")

    @routes.add(
        "GET",
        "/sites/{site}/receipt",
        summary="What the office's tickets look like",
        roles=HEADS,
        answers={200: wire.ReceiptOut},
    )
    def look(call: Call) -> Reply:
        row = latest(call.path["site"])
        return 200, wire.receipt_design(load(row.document, row.source).receipt)

    @routes.add(
        "POST",
        "/sites/{site}/receipt/preview",
        summary="The exact picture of a ticket of this design, on one paper; nothing is kept",
        roles=HEADS,
        body=wire.PreviewIn,
        answers={200: wire.PreviewOut},
        refuses=REFUSES,
    )
    def preview(call: Call) -> Reply:
        site, now, paper = ctx.sites.current(call.path["site"]), ctx.ledger.now(call.path["site"]), call.body.paper
        design = ctx.offload(designed, call.body)
        return 200, ctx.offload(_preview, replace(site, receipt=design), now, paper)

    @routes.add(
        "PUT",
        "/sites/{site}/receipt",
        summary="Change what the office's tickets look like, from the next one on",
        roles=HEADS,
        body=wire.ReceiptIn,
        answers={200: wire.ReceiptOut},
        refuses=REFUSES,
    )
    def change(call: Call) -> Reply:
        site, now = call.path["site"], ctx.ledger.now(call.path["site"])
        design = ctx.offload(designed, call.body)
        for paper in PAPERS:
            # A design that some kiosk cannot print would be found out by a citizen.
            ctx.offload(picture, replace(ctx.sites.current(site), receipt=design), now, paper)
        values = {"header": design.header, "footer": design.footer, "without": design.without, "logo": pieces(design.logo)}
        with turn:
            kept = save(site, values)
        ctx.ledger.refresh()
        return 200, wire.receipt_design(kept)


REFUSES = ("logo_unreadable", "logo_too_large", "logo_blank", "receipt_too_long")


def designed(body: wire.ReceiptIn) -> ReceiptDesign:
    """The design of a body, its logo made of black and white dots. Refuses `logo_unreadable`, `logo_too_large`, `logo_blank`."""
    from kiosk.logo import MOST_BYTES, MOST_HEIGHT, MOST_WIDTH, LogoError, read_logo, written

    logo = ""
    if body.logo:
        try:
            logo = written(read_logo(body.logo))
        except LogoError as reason:
            raise Refused(f"logo_{reason.code}", width=MOST_WIDTH, height=MOST_HEIGHT, kilobytes=MOST_BYTES // 1024) from reason
    return ReceiptDesign(tuple(body.header), tuple(body.footer), tuple(dict.fromkeys(body.without)), logo)


def picture(site: Site, now: datetime, paper: int) -> Image.Image:
    """A ticket of this office as its print agent would draw it. Refuses `receipt_too_long`."""
    from kiosk.receipt import Receipt, ReceiptError, draw

    try:
        return draw(Receipt.from_json(wire.receipt(hall.sample_receipt(site, now))), paper)
    except ReceiptError as reason:
        raise Refused("receipt_too_long", paper=paper) from reason


def _preview(site: Site, now: datetime, paper: int) -> wire.PreviewOut:
    drawn, file = picture(site, now, paper), BytesIO()
    drawn.save(file, "PNG")
    return {"paper": paper, "width": drawn.width, "height": drawn.height, "png": base64.b64encode(file.getvalue()).decode("ascii")}
