"""A small office behind a real port, for the console's tests: the real core and the real wire, without store, accounts and devices.

It answers what the console asks, over HTTP and Socket.IO, and lets a test bring citizens, move the hall clock and pull the cable.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import socketio
from flask import Flask, Response, jsonify, render_template, request
from ports import free_port
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

import server.pages
from server import wire
from server.core import decide
from server.core import events as ev
from server.core.day import Day
from server.core.queue import Booking
from server.core.refused import Refused
from server.core.site import Counter, Hall, Hours, Kiosk, PriorityGroup, Procedure, Service, Site, Span
from server.core.ticket import State
from server.pages import Extras, addresses

PAGES = Path(server.pages.__file__).parent
POLICY = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'"
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
ACCOUNTS = {"mau": "clerk", "binh": "clerk", "phutrach": "supervisor"}
PASSWORD = "mot-mat-khau"
PACE = 0.2
"""Hall seconds per second: a call is young for five minutes of a busy machine."""

SITE = Site(
    id="thu",
    name="Bộ phận Một cửa phường An Mẫu",
    services=(
        Service("ho-tich", "A", "Hộ tịch", procedures=("khai-sinh",)),
        Service("chung-thuc", "B", "Chứng thực"),
        Service("dat-dai", "C", "Đất đai – |Xây dựng"),
        Service("cu-tru", "H", "Cư trú"),
    ),
    counters=(
        Counter("1", "Quầy 1", "main", ("ho-tich",)),
        Counter("3", "Quầy 3", "main", ("ho-tich", "chung-thuc")),
        Counter("5", "Quầy 5", "main", ("dat-dai",)),
        Counter("7", "Quầy 7", "main", ("cu-tru", "dat-dai")),
    ),
    halls=(Hall("main", "Khu chờ"),),
    kiosks=(Kiosk("k1", "Máy lấy số 1", "main"), Kiosk("k2", "Máy lấy số 2", "main")),
    procedures=(Procedure("khai-sinh", "Đăng ký khai sinh", "ho-tich", sample=True),),
    priority_groups=(PriorityGroup("older", "Người cao tuổi"),),
    hours=Hours(week=((Span(timedelta(hours=7), timedelta(hours=17)),),) * 7),
)


class _Quiet(WSGIRequestHandler):
    def log(self, *_: object, **__: object) -> None:
        pass


class SmallOffice:
    """One working day at one office. Use as a context manager; `url` is where it listens."""

    def __init__(self, at: str = "08:30:00", site: Site = SITE) -> None:
        self.lock = threading.RLock()
        self.day = Day(site, date(2026, 11, 20))
        self.story: list[ev.Entry] = []
        self.answers: dict[tuple[str, str], tuple[str, int, Any]] = {}
        self.sessions: dict[str, str] = {}
        self.watchers: dict[str, str] = {}
        self.names: dict[str, str] = {}
        """Display names, by account."""
        self.devices: dict[str, Any] = {"speakers": 2, "displays": 3, "kiosks": 2, "alerts": []}
        self._start, self._since = datetime.fromisoformat(f"2026-11-20T{at}").replace(tzinfo=ZONE), time.monotonic()
        self._server: BaseWSGIServer | None = None
        # Not one of those that clients are given: a page that knocks at it while it is closed must not be answered by itself.
        self._port = free_port()
        self.record("clock", [ev.DayOpened(1)])

    # -- what a test does ------------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def now(self) -> datetime:
        return self._start + timedelta(seconds=(time.monotonic() - self._since) * PACE)

    def pass_time(self, **span: float) -> None:
        """Let the hall's clock run ahead, and tell the consoles."""
        with self.lock:
            self._start += timedelta(**span)
        self.tell()

    def come(self, service: str, **how: Any) -> str:
        """A citizen takes a number; its code. `slot` books, `registered` and the rest go to `issue`."""
        with self.lock:
            slot = how.pop("slot", None)
            booking = Booking(slot=datetime.fromisoformat(f"2026-11-20T{slot}").replace(tzinfo=ZONE)) if slot else None
            ticket = secrets.token_hex(8)
            self.record("device:k1", decide.issue(self.day, self.now(), ticket=ticket, service=service, booking=booking, **how))
            return self.day.tickets[ticket].code

    def hear(self) -> None:
        """A loudspeaker has played the call that is open."""
        with self.lock:
            for seq in list(self.day.by_call):
                self.record("device:loa", decide.heard(self.day, self.now(), call=seq))

    def need_help(self, kiosk: str = "k1") -> None:
        """Somebody touches "Cần người giúp"."""
        with self.lock:
            self.record(f"device:{kiosk}", decide.ask_for_help(self.day, self.now(), kiosk=kiosk))

    def sit(self, counter: str, clerk: str) -> None:
        with self.lock:
            self.record(f"staff:{clerk}", decide.open_counter(self.day, self.now(), counter=counter, by=decide.By(clerk)))

    def happened(self, kind: type) -> list[Any]:
        """The events of one kind, in order."""
        with self.lock:
            return [entry.event for entry in self.story if isinstance(entry.event, kind)]

    def session(self, user: str) -> str:
        """The cookie of somebody who has signed in."""
        token = secrets.token_hex(8)
        self.sessions[token] = user
        return token

    def forget_sessions(self) -> None:
        self.sessions.clear()

    # -- the door --------------------------------------------------------------------------------------------------------------

    def record(self, actor: str, happened: list[ev.Event]) -> None:
        for event in happened:
            entry = ev.Entry(self.day.seq + 1, self.now().replace(microsecond=0), actor, event)
            self.day.apply(entry)
            self.story.append(entry)
        if happened:
            self.tell()

    def tell(self) -> None:
        for sid, counter in list(self.watchers.items()):
            self.sio.emit("console", self.console(counter), to=sid)

    def console(self, counter: str) -> dict[str, Any]:
        with self.lock:
            called = self.names.get
            return dict(wire.console(self.day, counter, self.now(), heard=None, devices=self.devices, factor=PACE, called=called))  # type: ignore[arg-type]

    def _counter(self, counter: str, verb: str, body: dict[str, Any], by: decide.By) -> Any:
        day, now = self.day, self.now()
        if verb == "next":
            before = day.at_counter(counter)
            outcome = State(body.get("outcome", "done"))
            self.record(by.name, decide.call_next(day, now, counter=counter, by=by, finish=body.get("finish", False), outcome=outcome))
            called = day.at_counter(counter)
            if called is None:
                assert before is not None
                return {"finished": wire.ticket(day, before), "ticket": None}
            return wire.called(day, called, before)
        decisions: dict[str, Callable[..., list[ev.Event]]] = {
            "open": decide.open_counter,
            "close": decide.close_counter,
            "pause": decide.pause_counter,
            "resume": decide.resume_counter,
        }
        self.record(by.name, decisions[verb](day, now, counter=counter, by=by, **body))
        return wire.counter(day, counter)

    def _ticket(self, ticket: str, verb: str, body: dict[str, Any], by: decide.By) -> Any:
        self.record(by.name, getattr(decide, verb.replace("-", "_"))(self.day, self.now(), ticket=ticket, by=by, **body))
        return wire.ticket(self.day, self.day.tickets[ticket])

    # -- the edge --------------------------------------------------------------------------------------------------------------

    def _user(self, cookies: Any) -> str | None:
        return self.sessions.get(cookies.get("moiso_staff", ""))

    def _command(self, act: Callable[[dict[str, Any], decide.By], Any]) -> Response:
        user = self._user(request.cookies)
        if user is None:
            return _refusal("unauthenticated", 401)
        key, asked = request.headers.get("Idempotency-Key"), f"{request.path} {request.get_data(as_text=True)}"
        if not key or "X-Moiso" not in request.headers:
            return _refusal("idempotency_key_missing", 400)
        with self.lock:
            known = self.answers.get((user, key))
            if known and known[0] != asked:
                return _refusal("idempotency_key_reused", 422)
            if known is None:
                try:
                    answer = act(request.get_json(), decide.By(user, supervisor=ACCOUNTS[user] == "supervisor"))
                except Refused as refused:
                    return _refusal(refused.code, 409, refused.details)
                known = self.answers[user, key] = (asked, 200, answer)
            return jsonify(known[2])

    def _flask(self) -> Flask:
        app = Flask(__name__, static_folder=str(PAGES / "static"), template_folder=str(PAGES / "templates"))

        @app.after_request
        def policy(response: Response) -> Response:
            response.headers["Content-Security-Policy"] = POLICY
            return response

        @app.get("/")
        def directory() -> str:
            own = {"id": SITE.id, "name": SITE.name, "screens": addresses(SITE, Extras())}
            accounts = [{"user": user, "password": PASSWORD, "role": role} for user, role in ACCOUNTS.items()]
            return render_template("directory.html", sites=[own], demo={"accounts": accounts})

        app.add_url_rule("/console", view_func=lambda: Response((PAGES / "templates/console.html").read_bytes(), mimetype="text/html"))

        @app.post("/api/v1/sessions")
        def sign_in() -> Response:
            body = request.get_json()
            if body["user"] not in ACCOUNTS or body["password"] != PASSWORD:
                return _refusal("wrong_password", 401)
            token = self.session(body["user"])
            response = jsonify({"token": token, "role": ACCOUNTS[body["user"]], "expires_at": "2026-11-20T20:00:00+07:00"})
            response.status_code = 201
            response.set_cookie("moiso_staff", token, httponly=True, samesite="Strict")
            return response

        @app.get("/api/v1/session")
        def who() -> Response:
            user = self._user(request.cookies)
            if user is None:
                return _refusal("unauthenticated", 401)
            named = {"display_name": self.names[user]} if user in self.names else {}
            return jsonify({"user": user, "role": ACCOUNTS[user], "site": None, "sites": [SITE.id], **named})

        @app.delete("/api/v1/session")
        def sign_out() -> tuple[str, int]:
            self.sessions.pop(request.cookies.get("moiso_staff", ""), None)
            return "", 204

        @app.get("/api/v1/sites/<site>")
        def office(site: str) -> Response:
            with self.lock:
                return jsonify(wire.site(self.day, self.now(), PACE))

        @app.get("/api/v1/sites/<site>/counters/<counter>/console")
        def console(site: str, counter: str) -> Response:
            return jsonify(self.console(counter)) if self._user(request.cookies) else _refusal("unauthenticated", 401)

        @app.post("/api/v1/sites/<site>/counters/<counter>/<verb>")
        def counters(site: str, counter: str, verb: str) -> Response:
            return self._command(lambda body, by: self._counter(counter, verb, body, by))

        @app.post("/api/v1/sites/<site>/help/<int:asked>/answer")
        def answer_help(site: str, asked: int) -> Response:
            def act(body: dict[str, Any], by: decide.By) -> Any:
                self.record(by.name, decide.answer_help(self.day, self.now(), asked=asked))
                return wire.help_calls(self.day)

            return self._command(act)

        @app.post("/api/v1/sites/<site>/tickets/<ticket>/<verb>")
        def tickets(site: str, ticket: str, verb: str) -> Response:
            return self._command(lambda body, by: self._ticket(ticket, verb, body, by))

        return app

    def _socket(self) -> socketio.Server:
        sio = socketio.Server(async_mode="threading")
        people: dict[str, str | None] = {}

        @sio.on("connect")
        def connect(sid: str, environ: dict[str, Any], auth: Any = None) -> None:
            cookies = dict(part.strip().split("=", 1) for part in environ.get("HTTP_COOKIE", "").split(";") if "=" in part)
            people[sid] = self._user(cookies)

        @sio.on("hello")
        def hello(sid: str, data: dict[str, Any]) -> Any:
            if people.get(sid) is None:
                return wire.error("unauthenticated")
            self.watchers[sid] = data["id"]
            return self.console(data["id"])

        @sio.on("disconnect")
        def disconnect(sid: str, reason: str = "") -> None:
            self.watchers.pop(sid, None)

        return sio

    def __enter__(self) -> SmallOffice:
        self.plug()
        return self

    def __exit__(self, *_: object) -> None:
        self.unplug()

    def plug(self) -> None:
        """Listen, on the same port as before if there was one."""
        self.sio = self._socket()
        self._server = make_server(
            "127.0.0.1", self._port, socketio.WSGIApp(self.sio, self._flask()), threaded=True, request_handler=_Quiet
        )
        self._server.daemon_threads = True
        self._port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def unplug(self) -> None:
        """Close the port and end every connection."""
        # The port first: a page that is let go would come back before it is closed, and stay connected.
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        watchers, self.watchers = list(self.watchers), {}
        for sid in watchers:
            self.sio.disconnect(sid)


def _refusal(code: str, status: int, details: dict[str, Any] | None = None) -> Response:
    response = jsonify(wire.error(code, details))
    response.status_code = status
    return response
