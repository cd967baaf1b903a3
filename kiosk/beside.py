"""The agent's own small service for the page on its screen: may a number be given without the server, give one, how did its paper go.

It listens on this machine alone, and answers only the page of the office's own server: a browser sends the page's origin, and that of no
other is let in.
"""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from kiosk.alone import Alone, CannotGive
from kiosk.delivery import Printed
from kiosk.notebook import Given
from kiosk.receipt import Receipt, ReceiptError
from kiosk.touches import Touches

log = logging.getLogger("moiso.beside")

LOCALHOST = "127.0.0.1"
BODY_MOST = 4096
PATIENCE_S = 5.0
_KEY = re.compile(r"[\x21-\x7e]{1,150}")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Beside:
    """Use as a context manager. `print_now(receipt)` puts a ticket on paper and says how it went, `beat()` what the printer says of itself,
    `away()` whether the server is, `given()` is called after each number. `touches` are those that have got a number of the server's."""

    def __init__(
        self,
        alone: Alone,
        origin: str,
        port: int,
        print_now: Callable[[Receipt], Printed],
        beat: Callable[[], dict[str, Any]],
        away: Callable[[], bool],
        given: Callable[[], None],
        touches: Touches | None = None,
    ) -> None:
        """Raises OSError when the port is taken."""
        self.alone, self.origin = alone, origin_of(origin)
        self._print_now, self._beat, self._away, self._given = print_now, beat, away, given
        self._touches = touches or Touches()
        self._outcomes: dict[str, str] = {}
        self._server = ThreadingHTTPServer((LOCALHOST, port), _handler(self))
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])

    def __enter__(self) -> Beside:
        threading.Thread(target=self._server.serve_forever, name="beside", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def state(self, key: str | None, ticket: str | None = None) -> dict[str, Any]:
        """What the page asks for; with the key of a touch, or a ticket of the server's that was printed here, also how its paper went."""
        given = self.alone.find(key) if key else None
        touch = self._touches.of(ticket) if ticket else None
        paper = None
        if given is not None:
            paper = {"ticket": f"alone-{given.key}", "outcome": self._outcomes.get(given.key, "unknown")}
        elif touch is not None:
            paper = {"ticket": ticket, "outcome": touch.outcome}
        return {
            **self.alone.state(),
            "away": self._away(),
            "printer": {"connected": True, "paper": self._beat()["paper"]},
            "print": paper,
        }

    def take(self, key: str, service: str, lang: str, priority: str | None) -> dict[str, Any]:
        """Give a number and print it; for a touch that has one, the same again, without paper: one of ours, or the server's, whose answer
        the page has not seen. Raises CannotGive."""
        with self._touches.deciding:
            touch = self._touches.find(key)
            if touch is not None:
                # The picture for the phone would come from the server; the paper has it.
                return {**touch.answer, "url": None}
            known = self.alone.find(key) is not None
            given = self.alone.take(key, service, lang=lang, priority=priority)
        if not known:
            self._print(given, reprint=False)
            self._given()
        return self.alone.ticket(given)

    def again(self, key: str) -> dict[str, Any] | None:
        """The same number on paper again; None when it was not given here."""
        given = self.alone.find(key)
        if given is None:
            return None
        self._print(given, reprint=True)
        return self.alone.ticket(given)

    def _print(self, given: Given, *, reprint: bool) -> None:
        """On a thread of its own: the number is on the screen whatever the printer does."""
        self._outcomes[given.key] = "waiting"

        def work() -> None:
            try:
                self._outcomes[given.key] = self._print_now(self.alone.receipt(given, reprint=reprint)).outcome
            except ReceiptError as reason:
                log.error("Number %s cannot be printed: %s", given.code, reason)
                self._outcomes[given.key] = "failed"

        threading.Thread(target=work, name=f"paper {given.code}", daemon=True).start()


def origin_of(url: str) -> str:
    """Scheme, host and port of an address, as a browser sends them: without the scheme's own port."""
    parts = urlsplit(url)
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port not in (None, usual) else "")


def _handler(beside: Beside) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = "moiso"
        sys_version = ""
        timeout = PATIENCE_S

        def do_OPTIONS(self) -> None:
            if self._welcome():
                self._answer(204, None, preflight=True)

        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            if self._welcome() and self._known(asked.path == "/state"):
                said = parse_qs(asked.query)
                self._answer(200, beside.state(*(next(iter(said.get(name, [])), None) for name in ("key", "ticket"))))

        def do_POST(self) -> None:
            if not self._welcome() or not self._known(self.path in ("/tickets", "/print")):
                return None
            body = self._body()
            if body is None:
                return self._refuse(400, "malformed")
            key, service, lang, priority = (body.get(name) for name in ("key", "service", "lang", "priority"))
            if not _fits(_KEY, key):
                return self._refuse(422, "invalid_body")
            if self.path == "/print":
                again = beside.again(key)
                return self._answer(200, again) if again else self._refuse(404, "not_found")
            if not _fits(_ID, service) or lang not in (None, "vi", "en") or not (priority is None or _fits(_ID, priority)):
                return self._refuse(422, "invalid_body")
            try:
                self._answer(201, beside.take(key, service, lang or "vi", priority))
            except CannotGive as reason:
                self._refuse(409, reason.code)

        def _welcome(self) -> bool:
            """Only this machine's own name, so that no other name can be made to lead here; only the page of our server."""
            host, origin = self.headers.get("Host", ""), self.headers.get("Origin")
            if host not in (f"{LOCALHOST}:{beside.port}", f"localhost:{beside.port}") or origin != beside.origin:
                self._refuse(403, "forbidden")
                return False
            return True

        def _known(self, known: bool) -> bool:
            if not known:
                self._refuse(404, "not_found")
            return known

        def _body(self) -> dict[str, Any] | None:
            length = self.headers.get("Content-Length", "")
            if not (length.isascii() and length.isdigit()) or int(length) > BODY_MOST:
                self.close_connection = True
                return None
            raw = self.rfile.read(int(length))
            if self.headers.get_content_type() != "application/json":
                return None
            try:
                body = json.loads(raw)
            except (ValueError, RecursionError):
                return None
            return body if isinstance(body, dict) else None

        def _refuse(self, status: int, code: str) -> None:
            self.close_connection = True
            self._answer(status, {"error": {"code": code}})

        def _answer(self, status: int, body: Any, *, preflight: bool = False) -> None:
            raw = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
            self.send_response(status)
            if self.headers.get("Origin") == beside.origin:
                self.send_header("Access-Control-Allow-Origin", beside.origin)
            self.send_header("Vary", "Origin")
            if preflight:
                self.send_header("Access-Control-Allow-Methods", "GET, POST")
                self.send_header("Access-Control-Allow-Headers", "Content-Type")
                self.send_header("Access-Control-Allow-Private-Network", "true")
                self.send_header("Access-Control-Max-Age", "600")
            self.send_header("Cache-Control", "no-store")
            if raw:
                self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            # A page that was closed meanwhile hears nothing, and need not.
            with suppress(ConnectionError):
                self.end_headers()
                self.wfile.write(raw)

        def log_message(self, format: str, *args: Any) -> None:
            log.debug(format, *args)

    return Handler


def _fits(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None
