"""The yardsticks: the least that the same libraries can do behind the same launcher.

    python -m tests.bench.bare PORT DATABASE KEY [straight [PING_S [BUFFER]]]

A bare Flask route that parses the same JSON and checks the same bearer key, with and without one SQLite insert and commit (FULL); a bare
Socket.IO echo; a bare room of as many sockets as there are, to which one body is sent. `straight`: as the product sends to its rooms; what
that gives, and that it stands slow and broken clients, is measured and tested here.
"""

from __future__ import annotations

import socket
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from server.__main__ import GreenServer, go_green


def application(database: Path, key: str, *, straight: bool = False, ping_s: int = 10) -> Namespace:
    """What the product's launcher serves in place of the product: same listener, same limits, same collector."""
    import hashlib
    import hmac
    import json
    import sqlite3

    from flask import Flask, Response, request
    from flask_socketio import SocketIO, join_room

    from server.straight import install

    flask = Flask("bare", static_folder=None)
    sio = SocketIO(
        flask,
        async_mode="eventlet",
        transports=["websocket"],
        allow_upgrades=False,
        http_compression=False,
        manage_session=False,
        ping_interval=ping_s,
        ping_timeout=ping_s,
    )
    straighter = install(sio) if straight else None
    known = hashlib.sha256(key.encode()).hexdigest()
    rows = sqlite3.connect(database, isolation_level=None)
    rows.execute("pragma journal_mode = wal")
    rows.execute("pragma synchronous = full")
    rows.execute("create table if not exists rows (id integer primary key, body text not null)")

    def asked() -> Any:
        _, _, shown = request.headers.get("Authorization", "").partition(" ")
        if not hmac.compare_digest(hashlib.sha256(shown.encode()).hexdigest(), known):
            return None
        return json.loads(request.get_data(cache=False))

    def answer(body: Any) -> Response:
        status = 401 if body is None else 201
        return Response(json.dumps({"you": body}), status, mimetype="application/json")

    @flask.get("/readyz")
    def ready() -> Response:
        return answer("ready")

    @flask.post("/route")
    def route() -> Response:
        return answer(asked())

    @flask.post("/insert")
    def insert() -> Response:
        body = asked()
        rows.execute("begin immediate")
        rows.execute("insert into rows (body) values (?)", (json.dumps(body),))
        rows.execute("commit")
        return answer(body)

    @flask.post("/broadcast")
    def broadcast() -> Response:
        body = asked()
        sio.emit("board", body, to="everybody")
        return answer("sent")

    @flask.get("/sent")
    def sent() -> Response:
        return answer({"sockets": len(sio.server.eio.sockets), **(straighter.sent if straighter else {})})

    @sio.on("hello")  # type: ignore[untyped-decorator]
    def hello(said: Any = None) -> Any:
        join_room("everybody")
        return said

    @sio.on("echo")  # type: ignore[untyped-decorator]
    def echo(said: Any = None) -> Any:
        return said

    def wsgi(environ: dict[str, Any], start_response: Any) -> Any:
        environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
        return flask(environ, start_response)

    return Namespace(wsgi=wsgi, start=lambda: None, stop=lambda: None, ledger=Namespace(ended=Namespace(wait=lambda seconds: True)))


if __name__ == "__main__":
    go_green()
    port, database, key, *options = sys.argv[1:]
    server = GreenServer("127.0.0.1", int(port))
    if options[2:]:
        # So much the kernel takes for somebody who does not read; accepted sockets inherit it.
        server.door.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, int(options[2]))
    bare = application(Path(database), key, straight=bool(options), ping_s=int(options[1]) if options[1:] else 10)
    sys.exit(server.run(bare, lambda: None))
