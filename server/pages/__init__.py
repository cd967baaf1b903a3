"""What a browser opens: the office's own screens (kiosk, hall, counter) and a person's pages (console, manager, helper's desk, the ticket,
the directory; booking and the public catalogue are in `booking`).

Most are plain files, and what they show comes over the wire. A page answers 200 to anyone and says itself what it needs; one of an office,
place or ticket that is not there answers 404.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, abort, make_response, render_template, request
from jinja2 import DictLoader

from audio import phrases
from kiosk import qr
from server.core import hall
from server.core.day import Day
from server.core.hall import Likely
from server.core.site import Site
from server.ledger import Ledger
from server.pages import ticket as phone
from server.pages.assets import Edition, plain
from server.sites import Sites, UnknownSite

POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; media-src 'self' blob:; "
    "connect-src 'self' ws: wss:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
SECURE_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
}


CODE = re.compile(r"[2-9A-Z]{6}")
"""A pairing's code, as far as its looks go."""


@dataclass
class Extras:
    """What the directory page shows beside the addresses: in the demo, ready-made accounts and the keys of the screens."""

    demo: dict[str, Any] | None = None
    kiosk_keys: dict[tuple[str, str], str] = field(default_factory=dict)
    display_keys: dict[tuple[str, str], str] = field(default_factory=dict)


def _folder(package: str, *parts: str) -> Path:
    return Path(str(files(package))).joinpath(*parts)


def blueprint(sites: Sites, extras: Extras, ledger: Ledger, likely: Likely) -> Blueprint:
    kiosk, display, own = _folder("kiosk", "web"), _folder("display", "web"), _folder("server.pages")
    templates = own / "templates"
    trees = {"/static": own / "static", "/kiosk/static": kiosk, "/display/static": display}
    edition = Edition(trees)
    pages = Blueprint("pages", __name__)
    # The pages of the booking and of the interface's description are among them.
    pages.jinja_loader = DictLoader({path.name: edition.bound(path.read_text(encoding="utf-8")) for path in templates.glob("*.html")})

    def tree(prefix: str, folder: Path) -> None:
        def serve(name: str) -> Response:
            return plain(folder, name)

        pages.add_url_rule(f"{prefix}/<path:name>", f"tree_{prefix.strip('/').replace('/', '_')}", serve)

    for prefix, folder in trees.items():
        tree(prefix, folder)
    tree("/display/examples", _folder("display", "examples"))
    pages.add_url_rule("/v/<version>/<path:name>", "versioned", edition.file)

    console_html, desk_html = (edition.page(templates / f"{name}.html") for name in ("console", "desk"))
    manage_html = edition.page(templates / "manage.html", ready=phrases.READY, emergency=phrases.EMERGENCY)
    hall_html, plain_html, counter_html = (edition.page(display / f"{name}.html") for name in ("hall", "plain", "counter"))
    kiosk_html = edition.page(kiosk / "kiosk.html")

    def known(found: Callable[[], object]) -> None:
        if not found():
            abort(404)

    @pages.get("/")
    def directory() -> str:
        offices = [
            {"id": site, "name": sites.current(site).name, "screens": addresses(sites.current(site), extras)} for site in sites.ids()
        ]
        return render_template("directory.html", sites=offices, demo=extras.demo)

    @pages.get("/console")
    def console() -> Response:
        return console_html()

    @pages.get("/manage")
    def manage() -> Response:
        return manage_html()

    @pages.get("/desk/<site>")
    def desk(site: str) -> Response:
        known(lambda: site in sites.ids())
        return desk_html()

    @pages.get("/t/<ticket>")
    def ticket_page(ticket: str) -> Response:
        found = _day_of(ledger, ticket)
        if found is None:
            only = [sites.current(site) for site in sites.ids()]
            lost = render_template("ticket.html", lang="vi", ticket=None, hotline=only[0].hotline if len(only) == 1 else "")
            return _private(make_response(lost, 404))
        # `why` is a code, or 1 for the page that asks for one and therefore does not reload by itself.
        asked = request.args.get("why", "").strip()
        site = found.site.id
        with ledger.reading:
            own_ticket = found.tickets[ticket]
            now = ledger.now(site)
            shown = phone.page(found, own_ticket, now, ledger.clock.factor, ledger.today(site), likely(found, own_ticket, now))
            code = asked if asked != "1" else ""
            answer = phone.why(found, own_ticket, code) if code else None
        return _private(make_response(render_template("ticket.html", **shown, asking=bool(asked), asked=code, answer=answer)))

    @pages.get("/t/<ticket>/qr.svg")
    def ticket_code(ticket: str) -> Response:
        found = _day_of(ledger, ticket)
        url = hall.ticket_url(found, found.tickets[ticket]) if found else None
        picture = qr.svg(url) if url else None
        if picture is None:
            abort(404)
        return _private(Response(picture, mimetype="image/svg+xml"))

    @pages.get("/kiosk/<site>/<name>")
    def kiosk_page(site: str, name: str) -> Response:
        known(lambda: site in sites.ids() and name in sites.current(site).kiosk)
        response = kiosk_html()
        # The one page that speaks to something besides this server: the agent on its own machine.
        beside = f"connect-src http://127.0.0.1:{sites.current(site).offline.port} "
        response.headers["Content-Security-Policy"] = POLICY.replace("connect-src ", beside)
        return response

    worker = _worker((kiosk / "sw.js").read_text(encoding="utf-8"), edition)

    @pages.get("/kiosk/sw.js")
    def kiosk_worker() -> Response:
        return Response(worker, mimetype="text/javascript", headers={"Cache-Control": "no-cache"})

    @pages.get("/display/<site>/<name>")
    def hall_page(site: str, name: str) -> Response:
        known(lambda: site in sites.ids() and name in sites.current(site).hall)
        return hall_html()

    @pages.get("/display/<site>/<name>/plain")
    def plain_page(site: str, name: str) -> Response:
        known(lambda: site in sites.ids() and name in sites.current(site).hall)
        return plain_html()

    @pages.get("/display/<site>/counter/<name>")
    def counter_page(site: str, name: str) -> Response:
        known(lambda: site in sites.ids() and name in sites.current(site).counter)
        return counter_html()

    @pages.get("/pairing/<code>/qr.svg")
    def pairing_code(code: str) -> Response:
        # Whoever scans it reaches the server by the same name as the screen that shows it.
        picture = qr.svg(f"{request.host_url}manage#pair={code}") if CODE.fullmatch(code) else None
        if picture is None:
            abort(404)
        return _private(Response(picture, mimetype="image/svg+xml"))

    @pages.get("/favicon.ico")
    def icon() -> Response:
        return Response(status=204)

    return pages


def _worker(text: str, edition: Edition) -> str:
    """The service worker of the kiosk's page, with the version and the addresses of the files that it keeps."""
    found = edition.addresses("/kiosk/static") + edition.addresses("/static/shared")
    kept = [address for address in found if address.endswith((".js", ".css", ".woff2")) and not address.endswith("/sw.js")]
    text = text.replace('const VERSION = "none";', f'const VERSION = "{edition.version}";')
    return text.replace("const FILES = [];", f"const FILES = {json.dumps(kept)};")


def _day_of(ledger: Ledger, ticket: str) -> Day | None:
    """The published day of a ticket, also of one whose day has ended; None for an unknown id."""
    found = ledger.day_of_ticket(ticket)
    if found is None:
        return None
    site, when = found
    ledger.fresh(site)
    try:
        day = ledger.day(site, when) if when >= ledger.today(site) else ledger.history(site, when)
    except UnknownSite:
        return None
    return day if ticket in day.tickets else None


def _private(response: Response) -> Response:
    """Whoever holds the address holds the ticket: kept by no cache and found by no search."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


def addresses(office: Site, extras: Extras) -> list[dict[str, str]]:
    """The screens of one office: kind, name as people there call it, and path; with the key of a screen where it is known."""

    def one(kind: str, name: str, path: str, key: str | None = None) -> dict[str, str]:
        return {"kind": kind, "name": name, "url": f"{path}#key={key}" if key else path}

    site = office.id
    return [
        *(one("kiosk", k.name, f"/kiosk/{site}/{k.id}", extras.kiosk_keys.get((site, k.id))) for k in office.kiosks),
        *(one("hall", h.name, f"/display/{site}/{h.id}", extras.display_keys.get((site, h.id))) for h in office.halls),
        *(one("counter", c.name, f"/display/{site}/counter/{c.id}") for c in office.counters),
        *([one("book", "Đặt lịch hẹn", f"/book/{site}")] if any(s.booking for s in office.services) else []),
        *([one("procedures", "Danh mục thủ tục", f"/procedures/{site}")] if office.procedures else []),
        one("desk", "Bàn hướng dẫn", f"/desk/{site}"),
    ]
