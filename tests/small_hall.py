"""A small real Socket.IO server that behaves towards devices as the contract says: for the tests of the agents.

It speaks the wire through python-socketio and Werkzeug, on a port of its own, and can be stopped and started again.
"""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import socketio
from werkzeug.serving import BaseWSGIServer, make_server

HANOI = timezone(timedelta(hours=7))
WAIT_S = 60.0
"""Far beyond a busy machine."""
UNCONFIRMED_S = 15.0
"""Longer than a device waits for the answer to its beat."""


def hall_now() -> datetime:
    """The instant in the office's zone."""
    return datetime.now(HANOI)


class SmallHall:
    """One hall with one key. Use as a context manager; `url` is where it listens."""

    def __init__(self, *, key: str = "secret", kind: str = "audio", confirm_beats: bool = True) -> None:
        self.key, self.kind, self.confirm_beats = key, kind, confirm_beats
        self.changed = threading.Condition()
        self.hellos: list[dict[str, Any]] = []
        self.beats: list[dict[str, Any]] = []
        self.done: list[dict[str, Any]] = []
        self.sids: list[str] = []
        self.pages: dict[str, bytes | Callable[[], bytes]] = {}
        self.requested: list[str] = []
        self.before_welcome: list[tuple[str, dict[str, Any]]] = []
        """What a device is sent before its hello is answered."""
        self.behind = timedelta()
        """How far the hall's clock is behind this machine's."""
        self._server: BaseWSGIServer | None = None
        self._port = 0

    def now(self) -> datetime:
        return hall_now() - self.behind

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> SmallHall:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen, on the same port as before if there was one."""
        self.sio = socketio.Server(async_mode="threading", cors_allowed_origins="*")
        keys: dict[str, str] = {}

        @self.sio.on("connect")
        def connect(sid: str, environ: dict[str, Any], auth: dict[str, Any] | None = None) -> None:
            keys[sid] = (auth or {}).get("key", "")

        @self.sio.on("hello")
        def hello(sid: str, data: dict[str, Any]) -> dict[str, Any]:
            with self.changed:
                self.hellos.append(data)
                self.changed.notify_all()
            if keys[sid] != self.key:
                return {"error": {"code": "unknown_key", "message": "This key is not known.", "details": {}}}
            with self.changed:
                self.sids.append(sid)
                self.changed.notify_all()
            for event, payload in self.before_welcome:
                self.sio.emit(event, payload, to=sid)
            now = self.now()
            device = {"name": "loa-1", "kind": self.kind, "place": "main"}
            return {"device": device, "site": "demo", "at": now.isoformat(), "factor": 1, "day": now.date().isoformat()}

        @self.sio.on("beat")
        def beat(sid: str, data: dict[str, Any]) -> dict[str, Any]:
            with self.changed:
                self.beats.append(data)
                self.changed.notify_all()
            if not self.confirm_beats:
                threading.Event().wait(UNCONFIRMED_S)
            return {"ok": True, "at": self.now().isoformat(), "factor": 1}

        @self.sio.on("done")
        def done(sid: str, data: dict[str, Any]) -> None:
            with self.changed:
                self.done.append(data)
                self.changed.notify_all()

        app = socketio.WSGIApp(self.sio, self._page)
        self._server = self._listen(app)
        self._server.daemon_threads = True
        self._port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def _listen(self, app: socketio.WSGIApp) -> BaseWSGIServer:
        """On the port we had, or on a free one below those that the system gives to clients.

        A client that keeps knocking at a closed port of its own range may be given that very port, and connect to itself.
        """
        end = time.monotonic() + WAIT_S
        while True:
            port = self._port or random.randrange(20_000, 30_000)
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    # Our own port may be held for a moment by a connection that is being closed.
                    assert time.monotonic() < end, f"the port {port} is taken"
                    threading.Event().wait(0.02)
                    continue
            return make_server("127.0.0.1", port, app, threaded=True)

    def stop(self) -> None:
        """Close the port and every connection."""
        # The port first: whoever is let go would come back before it is closed, and stay with a server that is none any more.
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        self.drop()

    def drop(self) -> None:
        """End every standing connection, as a restarted switch does."""
        with self.changed:
            sids, self.sids = self.sids, []
        for sid in sids:
            self.sio.disconnect(sid)

    def send(self, event: str, payload: dict[str, Any]) -> None:
        """Send one moment to every device that has said hello."""
        for sid in list(self.sids):
            self.sio.emit(event, payload, to=sid)

    def until(self, question: Callable[[], Any], timeout_s: float = WAIT_S) -> None:
        """Wait until `question()` is true; asked whenever something arrives, and 20 times a second for what happens elsewhere."""
        end = time.monotonic() + timeout_s
        with self.changed:
            while not question():
                assert time.monotonic() < end, "the hall waited in vain"
                self.changed.wait(0.05)

    def _page(self, environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        path = environ["PATH_INFO"]
        page = self.pages.get(path)
        with self.changed:
            self.requested.append(path)
            self.changed.notify_all()
        if page is None:
            start("404 Not Found", [("Content-Type", "application/json")])
            return [b"{}"]
        body = page() if callable(page) else page
        start("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(body)))])
        return [body]
