"""The product on another engine than eventlet, to know what each gives.

    pip install gevent gevent-websocket gunicorn simple-websocket       # not among the product's own packages
    python -m tests.bench.engine                               # the table: eventlet, gevent and threads
    python -m tests.bench.engine gevent serve --db sqlite:///office.db ...

Only the launcher differs: application, limits and collector are the product's. `server/DECISIONS.md` says what came of it.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from server.__main__ import calm_collector, raise_open_files

ENGINES = ("eventlet", "gevent", "threading")
SCREENS, CALLS = 500, 15


class Other:
    """A launcher on another engine, for `serve`."""

    application: Any

    def __init__(self, host: str, port: int) -> None:
        self._port, self.url = port, f"http://127.0.0.1:{port}"
        self.async_mode, self.offload, self.relay = ENGINE, _offload(), _relay()
        self.at_end: list[Callable[[], Any]] = []

    def run(self, application: Any, ready: Callable[[], None], parent: int | None = None) -> int:
        calm_collector()
        raise_open_files()
        application.start()
        ready()
        if ENGINE == "gevent":
            server = _greenlets(self._port, application.wsgi)
            signal.signal(signal.SIGTERM, lambda *_: server.stop())
            server.serve_forever()
        Other.application = application
        return 0


def _serve() -> int:
    from server.command_line import parser

    arguments = parser(Other).parse_args()
    return arguments.run(arguments)


def _offload() -> Callable[..., Any]:
    if ENGINE == "threading":
        return lambda work, *arguments: work(*arguments)
    import gevent

    return lambda work, *arguments: gevent.get_hub().threadpool.apply(work, arguments)


def _relay() -> Callable[[], Any]:
    if ENGINE == "threading":
        return queue.Queue
    from gevent.socket import wait_read

    from server.relay import Relay

    return partial(Relay, wait_read)


def _greenlets(port: int, wsgi: Any) -> Any:
    import socket

    from gevent.pywsgi import WSGIServer
    from geventwebsocket.handler import WebSocketHandler

    server = WSGIServer(("127.0.0.1", port), wsgi, backlog=2048, log=None, handler_class=WebSocketHandler)
    server.init_socket()
    # Without, each answer on a kept connection waits for the acknowledgement of its head.
    server.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return server


def _threads() -> None:
    """gunicorn with a thread for each connection: it forks, and the application must be made behind the fork."""
    from gunicorn.app.base import BaseApplication

    port = sys.argv[sys.argv.index("--port") + 1]

    class Threads(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            options = {"bind": f"127.0.0.1:{port}", "worker_class": "gthread", "threads": SCREENS + 100, "keepalive": 75}
            for name, value in {**options, "worker_connections": 5000, "graceful_timeout": 1, "loglevel": "error"}.items():
                self.cfg.set(name, value)

        def load(self) -> Any:
            assert _serve() == 0
            return Other.application.wsgi

    Threads().run()


def _resident_kb(pid: int) -> int:
    """Of a process and of those it has forked."""
    from .machine import resident_kb

    forked = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
    return sum(resident_kb(int(each)) for each in (pid, *forked))


def table() -> str:
    """Each engine's figures, beside those of eventlet in the same run."""
    from .commands import asked, office
    from .figures import Figure, p, table
    from .hall import HELLO, called
    from .machine import on_core
    from .screens import Screens

    from running import Client  # isort: skip

    raise_open_files()
    # Through the library's queues on every engine: what goes straight onto the wire knows eventlet's insides.
    os.environ["MOISO_SENDING"] = "queued"
    found: dict[str, dict[str, float]] = {}
    for engine in ENGINES:
        program = ("-m", "server") if engine == "eventlet" else ("-m", "tests.bench.engine", engine)
        with tempfile.TemporaryDirectory() as folder, office(Path(folder), program=program) as place, on_core(1):
            port, process = place.server.port, place.server.process
            assert process is not None
            kiosk = Client(place.server.api, place.kiosk)
            codes = [kiosk.post("/sites/open/tickets", {"service": "A"}, expect=201)["code"] for _ in range(CALLS + 1)]
            empty_kb = _resident_kb(process.pid)
            with Screens(port, SCREENS, HELLO) as screens:
                each_kb = (_resident_kb(process.pid) - empty_kb) / SCREENS
                seconds = called(screens, place.clerk, codes)
            found[engine] = {
                f"call to {SCREENS} screens, p50, ms": p(seconds, 50),
                f"call to {SCREENS} screens, p99, ms": p(seconds, 99),
                "memory per socket, KB": each_kb,
                **{f"{what}, 32 clients, a second": asked(port, place.request(what), 32, 800).per_second for what in ("issue", "board")},
            }
    return table(
        Figure(f"{engine}: {what}", value, "", "eventlet", found["eventlet"][what])
        for engine in ENGINES
        for what, value in found[engine].items()
    )


if __name__ == "__main__":
    if len(sys.argv) == 1:
        sys.exit(print(table()))
    ENGINE = sys.argv.pop(1)
    if ENGINE == "gevent":
        from gevent import monkey

        monkey.patch_all()
    sys.exit(_threads() if ENGINE == "threading" else _serve())
