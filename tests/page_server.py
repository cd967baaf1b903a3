"""A small real server behind the public pages: it serves the static trees and plays the part of an office by a script.

Tests of the pages drive it: they put a board on the wall, let an answer take its time, go silent, or count what arrived. The shapes are
those of the wire; the office is `display/examples/site.json`. Run it alone to look at a page: `python tests/page_server.py`.
"""

from __future__ import annotations

import copy
import io
import json
import math
import struct
import threading
import time
import wave
from pathlib import Path
from typing import Any

import segno
from flask import Flask, Response, jsonify, request, send_from_directory
from flask_socketio import SocketIO
from werkzeug.serving import WSGIRequestHandler, make_server

from audio.aloud import sentences
from server.core.site import Hours, PriorityGroup, Service, Site

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "display" / "examples"
CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; media-src 'self' blob:; "
    "connect-src 'self' ws: wss:"
)
REPEAT_S = 2.0
KIOSK_KEY = "kiosk-key"
DISPLAY_KEY = "display-key"


def example(name: str) -> dict[str, Any]:
    """One of `display/examples`."""
    loaded: dict[str, Any] = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    return loaded


def tone(seconds: float = 0.3) -> bytes:
    """A WAV that is not silent, in the place of a voice."""
    rate, out = 22_050, io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"".join(struct.pack("<h", int(9000 * math.sin(k / 8))) for k in range(int(rate * seconds))))
    return out.getvalue()


class _Quiet(WSGIRequestHandler):
    def log(self, *_: object, **__: object) -> None:
        pass


class PageServer:
    """The stand-in office. Attributes are the script; `asked` and `done` are what the pages did."""

    def __init__(self, *, kept: bool = False) -> None:
        """Whoever opens many pages lets browsers keep the static files, as the real server does."""
        self._kept = kept
        self._listeners: set[str] = set()
        self._stop = threading.Event()
        self.machine_may_answer = threading.Event()
        """Cleared, questions after a kiosk's machine wait for it."""
        self.anew()
        self._app = Flask("pages", static_folder=None)
        # A test moves a page on by minutes between two pings of this server; the page must not take that for silence.
        self._sockets = SocketIO(self._app, async_mode="threading", cors_allowed_origins=[], ping_timeout=3600)
        self._routes()
        self._events()
        self._http = make_server("127.0.0.1", 0, self._app, threaded=True, request_handler=_Quiet)
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def anew(self) -> None:
        """An office to which nothing has happened yet."""
        self.site = example("site")
        self.board = example("one")
        self.paired = True
        self.silent = False
        """Says nothing more on sockets, as a hung server does."""
        self.away = False
        """Refuses every request and socket, as a proxy before a dead server does."""
        self.ticket_delay_s = 0.0
        self.ticket_answers: list[tuple[int, dict[str, Any]]] = []
        """Answers to the next ticket requests, before tickets are given again."""
        self.asked: list[dict[str, Any]] = []
        self.tickets: dict[str, dict[str, Any]] = {}
        self.printer: dict[str, Any] = {"connected": True, "paper": "ok"}
        self.machine_may_answer.set()
        self.machine_asked = 0
        self.outcome = self.outcome_of_reprint = "printed"
        """What becomes of every paper from now on."""
        self.helping = False
        self.hall_code: str | None = None
        """Whether a call for help is open."""
        self.help_answers: list[int] = []
        """Answers to the next calls for help, before they are accepted again."""
        self.verb_answers: list[tuple[int, dict[str, Any]]] = []
        """Answers to the next commands about a ticket, before they are carried out again."""
        self.verbs: list[tuple[str, str, str]] = []
        """What was asked of tickets: verb, code, idempotency key."""
        self.appointments: dict[str, dict[str, Any]] = {}
        """What differs from an ordinary number, by the code of an appointment: `service`, `slot`, `queue_time`, `reason`, ..."""
        self.check_in_answers: list[tuple[int, dict[str, Any]]] = []
        """Answers to the next check-ins, before appointments are looked for again."""
        self.check_ins: list[dict[str, Any]] = []
        self.done: list[dict[str, Any]] = []
        self.beats = 0
        self.facts: dict[str, Any] = {}
        """Of the last beat."""
        self.hellos: list[dict[str, Any]] = []
        self.beside: int | None = None
        """Where the kiosk's page finds an agent on its own machine."""
        self.voice_delay_s = 0.0
        self.voice_lasts_s = 0.3
        self.mute = False
        """Has no voice for what a kiosk reads aloud."""

    def __enter__(self) -> PageServer:
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        threading.Thread(target=self._repeat, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self.machine_may_answer.set()
        # Waiting for the last poll of every server would be the longest part of many tests.
        threading.Thread(target=self._http.shutdown, daemon=True).start()

    # -- the script ---------------------------------------------------------------------------------------------------------------

    def show(self, board: dict[str, Any] | str, **changes: Any) -> dict[str, Any]:
        """Put a board (or the example of that name) on every wall, with a revision newer than the last."""
        fresh = example(board) if isinstance(board, str) else copy.deepcopy(board)
        fresh["revision"] = max(fresh["revision"], self.board["revision"] + 1)
        fresh.update(changes)
        self.board = fresh
        self.push()
        return fresh

    def push(self) -> None:
        """Repeat the present board now."""
        if not self.silent and not self.away:
            for sid in list(self._listeners):
                self._sockets.emit("board", self.board, to=sid)

    def announce(self, moment: dict[str, Any]) -> None:
        for sid in list(self._listeners):
            self._sockets.emit("announcement", moment, to=sid)

    def drop(self) -> None:
        """Cut every socket."""
        for sid in list(self._listeners):
            self._listeners.discard(sid)
            self._sockets.server.disconnect(sid)

    def ticket(self, ticket: str) -> dict[str, Any] | None:
        """One of the tickets given so far, by id; change it to change the office's mind."""
        return next((t for t in self.tickets.values() if t["id"] == ticket), None)

    def give(self, service: str) -> dict[str, Any]:
        """A ticket as the office would give it, not yet anybody's."""
        return self._new_ticket({"service": service})

    def announcement(self, number: int, code: str, *, lasts_s: float = 120, **more: Any) -> dict[str, Any]:
        """A call to be spoken, made `lasts_s` before it expires on the hall clock: long, since a machine may be slow."""
        at = self.board["at"]
        expires = time.strftime("%H:%M:%S", time.gmtime(_seconds(at) + lasts_s))
        return {
            "id": f"{self.board['day']}-{number}-1",
            "kind": "call",
            "code": code,
            "counter": "3",
            "say": {"vi": f"Mời số {code}."},
            "audio": {"vi": f"/api/v1/audio/{code}.wav"},
            "repeat": {"vi": code},
            "repeat_audio": {"vi": f"/api/v1/audio/{code}-repeat.wav"},
            "times": 2,
            "expires_at": f"{at[:11]}{expires}{at[19:]}",
            **more,
        }

    # -- the stage ----------------------------------------------------------------------------------------------------------------

    def _repeat(self) -> None:
        while not self._stop.wait(REPEAT_S):
            self.push()

    def _routes(self) -> None:
        app = self._app

        @app.before_request
        def gone() -> Any:
            return Response(status=502) if self.away else None

        @app.after_request
        def guarded(response: Response) -> Response:
            beside = f"connect-src http://127.0.0.1:{self.beside} " if self.beside else "connect-src "
            response.headers["Content-Security-Policy"] = CSP.replace("connect-src ", beside)
            response.headers["Cache-Control"] = "max-age=3600" if self._kept and "/static/" in request.path else "no-cache"
            return response

        def tree(prefix: str, folder: str) -> None:
            app.add_url_rule(f"{prefix}/<path:path>", prefix, lambda path: send_from_directory(ROOT / folder, path))

        tree("/static", "server/pages/static")
        tree("/kiosk/static", "kiosk/web")
        tree("/display/static", "display/web")
        tree("/display/examples", "display/examples")

        def page(rule: str, folder: str, name: str) -> None:
            app.add_url_rule(rule, rule, lambda **_: send_from_directory(ROOT / folder, name))

        page("/kiosk/<site>/<kiosk>", "kiosk/web", "kiosk.html")
        page("/display/<site>/<hall>", "display/web", "hall.html")
        page("/display/<site>/<hall>/plain", "display/web", "plain.html")
        page("/display/<site>/counter/<counter>", "display/web", "counter.html")

        @app.get("/api/v1/sites/<site>")
        def site(site: str) -> Any:
            return jsonify(self.site) if site == self.site["id"] else _error(404, "not_found", "Không tìm thấy.")

        @app.get("/api/v1/sites/<site>/halls/<hall>/board")
        def board(site: str, hall: str) -> Any:
            return jsonify(self.board)

        @app.get("/api/v1/sites/<site>/sound-check")
        def sound_check(site: str) -> Any:
            return {"say": {"vi": "Đây là âm thử, số A không một hai."}, "audio": {"vi": "/api/v1/audio/thu.wav"}}

        @app.route("/api/v1/device-sessions", methods=["GET", "POST"])
        def device_session() -> Any:
            if request.method == "POST":
                self.paired = request.headers.get("Authorization") == f"Bearer {KIOSK_KEY}"
            if not self.paired:
                return _error(401, "unauthenticated", "Chưa đăng nhập.")
            answer = jsonify({"name": "k1", "kind": "kiosk", "place": "k1"})
            answer.status_code = 201 if request.method == "POST" else 200
            return answer

        @app.post("/api/v1/sites/<site>/tickets")
        def ticket(site: str) -> Any:
            key = request.headers.get("Idempotency-Key", "")
            self.asked.append({"key": key, "marked": request.headers.get("X-Moiso"), **request.get_json()})
            time.sleep(self.ticket_delay_s)
            if not self.paired:
                return _error(401, "unauthenticated", "Chưa đăng nhập.")
            if self.ticket_answers:
                status, body = self.ticket_answers.pop(0)
                return body, status
            if key not in self.tickets:
                self.tickets[key] = self._new_ticket(request.get_json())
            return self.tickets[key], 201

        @app.post("/api/v1/sites/<site>/appointments/<code>/check-in")
        def check_in(site: str, code: str) -> Any:
            key = request.headers["Idempotency-Key"]
            self.check_ins.append({"code": code, "key": key, "marked": request.headers.get("X-Moiso"), **request.get_json()})
            time.sleep(self.ticket_delay_s)
            if self.check_in_answers:
                status, body = self.check_in_answers.pop(0)
                return body, status
            if code not in self.appointments:
                return _error(404, "not_found", "Không tìm thấy.")
            changes = {"appointment": True, **self.appointments[code]}
            if key not in self.tickets:
                self.tickets[key] = {**self._new_ticket({**request.get_json(), **changes}), **changes}
            return self.tickets[key], 201

        @app.get("/api/v1/sites/<site>/tickets")
        def find(site: str) -> Any:
            code = request.args["code"]
            found = next((t for t in self.tickets.values() if t["code"] == code), None)
            return found or _error(404, "not_found", "Không tìm thấy.")

        @app.get("/api/v1/sites/<site>/tickets/<ticket>")
        def look(site: str, ticket: str) -> Any:
            return self.ticket(ticket) or _error(404, "not_found", "Không tìm thấy.")

        @app.post("/api/v1/sites/<site>/tickets/<ticket>/<verb>")
        def verb(site: str, ticket: str, verb: str) -> Any:
            found = self.ticket(ticket)
            if found is None:
                return _error(404, "not_found", "Không tìm thấy.")
            self.verbs.append((verb, found["code"], request.headers["Idempotency-Key"]))
            if verb == "reprint":
                self.outcome = self.outcome_of_reprint
            if self.verb_answers:
                status, body = self.verb_answers.pop(0)
                return body, status
            at = self.board["at"]
            found |= {"cancel": {"state": "cancelled"}, "rejoin": {"state": "waiting", "queue_time": at, "people_ahead": 2}}.get(verb, {})
            return found

        @app.get("/api/v1/sites/<site>/kiosks/<kiosk>")
        def machine(site: str, kiosk: str) -> Any:
            if not self.paired:
                return _error(401, "unauthenticated", "Chưa đăng nhập.")
            ticket = request.args.get("ticket")
            printed = {"ticket": ticket, "outcome": self.outcome} if ticket else None
            self.machine_asked += 1
            self.machine_may_answer.wait()
            return {"id": kiosk, "printer": self.printer, "help": self.helping, "print": printed, "hall_code": self.hall_code}

        @app.get("/api/v1/sites/<site>/halls/<hall>/code")
        def code(site: str, hall: str) -> Any:
            return {"code": self.hall_code}

        @app.get("/api/v1/sites/<site>/kiosks/<kiosk>/voice")
        def aloud(site: str, kiosk: str) -> Any:
            if self.mute:
                return _error(503, "voice_unavailable", "Chưa tạo được giọng đọc.")
            ticket = self.ticket(request.args.get("ticket", ""))
            said = sentences(_office(self.site))
            names = [*said, *(["number"] if ticket else [])]
            return {
                "vi": {name: f"/api/v1/audio/{name}.wav" for name in names},
                "en": {name: f"/api/v1/audio/en/{name}.wav" for name in names},
            }

        @app.post("/api/v1/sites/<site>/help")
        def helped(site: str) -> Any:
            if self.help_answers:
                return _error(self.help_answers.pop(0), "storage_unavailable", "Máy chủ chưa ghi được.")
            self.helping = True
            return jsonify([{"asked": 1, "kiosk": "k1", "name": "Máy 1", "at": self.board["at"]}])

        @app.get("/t/<ticket>/qr.svg")
        def qr(ticket: str) -> Any:
            out = io.BytesIO()
            segno.make(f"https://so.example/t/{ticket}", micro=False).save(out, kind="svg", border=4)
            return Response(out.getvalue(), mimetype="image/svg+xml")

        @app.get("/book/<site>/qr.svg")
        def booking(site: str) -> Any:
            return qr(f"book/{site}?{request.query_string.decode()}")

        @app.get("/api/v1/audio/<path:name>")
        def audio(name: str) -> Any:
            self.done.append({"fetched": name})
            time.sleep(self.voice_delay_s)
            return Response(tone(self.voice_lasts_s), mimetype="audio/wav")

    def _new_ticket(self, body: dict[str, Any]) -> dict[str, Any]:
        service = next(s for s in self.site["services"] if s["id"] == body["service"])
        number = 12 + len(self.tickets)
        row = next(w for w in self.board["waiting"] if w["service"] == service["id"])
        at = self.board["at"]
        return {
            "id": f"t{number:022d}",
            "code": f"{service['letter']}{number:03d}",
            "service": service["id"],
            "service_name": service["name"].replace("|", ""),
            "state": "waiting",
            "issued_at": at,
            "queue_time": at,
            "reason": {"term": "walk_in", "words": "lúc lấy số"},
            "counters": service["counters"],
            "people_ahead": row["count"],
            "wait": row["wait"],
            "priority": bool(body.get("priority")),
            "appointment": False,
            "rejoins_left": 2,
            "counter": None,
            "called_at": None,
            "url": f"https://so.example/t/t{number:022d}" if self.site.get("public_url") else None,
            "day": self.board["day"],
            "lang": body.get("lang", "vi"),
        }

    def _events(self) -> None:
        sockets = self._sockets

        @sockets.on("connect")
        def connect(auth: dict[str, Any] | None = None) -> bool | None:
            return False if self.away else None

        @sockets.on("hello")
        def hello(who: dict[str, Any]) -> dict[str, Any]:
            self.hellos.append(who)
            while self.silent and not self._stop.wait(0.05):
                # A hung server accepts a new socket as well, and answers nothing on it.
                pass
            if who.get("site") != self.site["id"]:
                return {"error": {"code": "not_found", "message": "Không tìm thấy.", "details": {}}}
            self._listeners.add(request.sid)  # type: ignore[attr-defined]
            return self.board

        @sockets.on("done")
        def done(what: dict[str, Any]) -> None:
            self.done.append(what)

        @sockets.on("beat")
        def beat(facts: dict[str, Any]) -> None:
            self.beats += 1
            self.facts = facts

        @sockets.on("disconnect")
        def gone(*_: object) -> None:
            self._listeners.discard(request.sid)  # type: ignore[attr-defined]


def _office(site: dict[str, Any]) -> Site:
    """The part of an office that a kiosk reads aloud, as values of the core."""
    return Site(
        id=site["id"],
        name=site["name"],
        services=tuple(Service(s["id"], s["letter"], s["name"], name_en=s["name_en"], everyday=s["everyday"]) for s in site["services"]),
        counters=(),
        halls=(),
        kiosks=(),
        hours=Hours(week=((),) * 7),
        priority_groups=tuple(PriorityGroup(g["id"], g["name"], g["name_en"]) for g in site["priority_groups"]),
    )


def _seconds(at: str) -> int:
    return int(at[11:13]) * 3600 + int(at[14:16]) * 60 + int(at[17:19])


def _error(status: int, code: str, message: str) -> tuple[dict[str, Any], int]:
    return {"error": {"code": code, "message": message, "details": {}}}, status


if __name__ == "__main__":
    with PageServer() as server:
        print(f"{server.url}/kiosk/demo/k1  {server.url}/display/demo/main", flush=True)
        threading.Event().wait()
