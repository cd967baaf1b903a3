"""A server that is told to stop answers what it has accepted and then ends; one that cannot start says why in one sentence."""

from __future__ import annotations

import json
import select
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path

import pytest
import requests
import socketio
from running import MORNING, OPEN, ROOT, START_S, Client, Server, moiso, running, until

from server.store.sqlite import SqliteStore

EXIT_S = 30.0
"""An answered connection may rest for twice as long, and keeps nobody from ending."""

PATIENT = (
    "-c",
    "import sys; from server import __main__ as program; program.go_green(); program.DRAIN_S = 60.0; "
    "from server.store import sqlite; sqlite.BUSY_MS = 60_000; sys.exit(program.main())",
)
"""A server that waits for the disk, and for its last answers, as long as it takes: a busy machine may come to the end of a lock, or of an
answer, only after its usual patience."""


@dataclass
class Taken:
    """What became of every request of one client, by idempotency key."""

    given: dict[str, str] = field(default_factory=dict)
    unanswered: set[str] = field(default_factory=set)
    other: list[str] = field(default_factory=list)


def refuses(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def take_until_nobody_answers(client: Client, port: int, taken: Taken, *, keep: bool) -> None:
    """Take numbers without a pause until the port is closed; over one connection, or each over a new one."""
    while True:
        key = uuid.uuid4().hex
        if not keep:
            client.http.close()
        try:
            answer = client.send("POST", "/sites/open/tickets", {"service": "A"}, once=key)
        except (requests.ConnectionError, requests.Timeout):
            taken.unanswered.add(key)
            if refuses(port):
                return
            continue
        if answer.status_code == 201:
            taken.given[key] = answer.json()["id"]
        else:
            taken.other.append(answer.text)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_stopped_in_a_busy_minute_answers_what_it_has_accepted(tmp_path: Path, number: signal.Signals) -> None:
    server = Server(tmp_path, OPEN, *MORNING, program=PATIENT).start()
    key = server.device("k1").key
    all_taken = [Taken() for _ in range(8)]
    threads = [
        threading.Thread(target=take_until_nobody_answers, args=(Client(server.api, key), server.port, taken), kwargs={"keep": n % 2 == 0})
        for n, taken in enumerate(all_taken)
    ]
    for thread in threads:
        thread.start()
    while sum(len(taken.given) for taken in all_taken) < 300:
        assert server.process is not None and server.process.poll() is None, server.log.read_text()
        threads[0].join(0.01)
    begin = time.monotonic()
    server.process.send_signal(number)
    assert server.process.wait(timeout=EXIT_S) == 0
    assert time.monotonic() - begin < EXIT_S
    for thread in threads:
        thread.join(timeout=START_S)
        assert not thread.is_alive()
    with closing(SqliteStore(server.database)) as store:
        for taken in all_taken:
            assert all(store.find_ticket(ticket) for ticket in taken.given.values()), "what was answered is on the disk"
            assert not taken.other
            # Not let in any more: then nothing of it was done.
            assert not [key for key in taken.unanswered if store.answer("device:open/k1", key)], "what was obeyed was answered"
        given = sum(len(taken.given) for taken in all_taken)
        day = store.days("open")[-1]
        assert [row.seq for row in store.story("open", day)] == list(range(1, given + 2))
    assert "Traceback" not in server.log.read_text()


def test_commands_that_wait_for_the_disk_are_answered_before_the_end(tmp_path: Path) -> None:
    server = Server(tmp_path, OPEN, *MORNING, program=PATIENT).start()
    assert server.process is not None
    key = server.device("k1").key
    with closing(sqlite3.connect(server.database, isolation_level=None)) as other, ExitStack() as lines:
        other.execute("begin immediate")
        waiting = [lines.enter_context(closing(HTTPConnection("127.0.0.1", server.port, timeout=START_S))) for _ in range(8)]
        for line in waiting:
            headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": uuid.uuid4().hex, "Content-Type": "application/json"}
            line.request("POST", "/api/v1/sites/open/tickets", '{"service": "A"}', headers)
        # All of it is on its way, and nobody has been answered.
        server.process.send_signal(signal.SIGTERM)
        until(lambda: refuses(server.port))
        assert not select.select([line.sock for line in waiting], [], [], 0)[0]
        other.execute("rollback")
        answers = [line.getresponse() for line in waiting]
        assert [answer.status for answer in answers] == [201] * 8
        codes = sorted(json.load(answer)["code"] for answer in answers)
    assert codes == [f"A{n:03d}" for n in range(1, 9)]
    assert server.process.wait(timeout=EXIT_S) == 0
    with closing(SqliteStore(server.database)) as store:
        assert store.last_seq("open", store.days("open")[-1]) == 9


def test_idle_half_open_and_live_connections_do_not_keep_a_server_from_ending(tmp_path: Path) -> None:
    server = Server(tmp_path, OPEN, *MORNING).start()
    assert server.process is not None
    kept = requests.Session()
    assert kept.get(f"{server.api}/sites/open", timeout=START_S).status_code == 200
    board, gone = socketio.Client(reconnection=False), threading.Event()
    board.on("disconnect", lambda *_: gone.set())
    board.connect(server.url, transports=["websocket"], wait_timeout=START_S)
    assert board.call("hello", {"site": "open", "kind": "hall", "id": "main"})["site"] == "open"
    half_open = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(50)]
    for number, half in enumerate(half_open):
        half.sendall((b"", b"GET /hea", b"POST /api/v1/sites/open/tickets HTTP/1.1\r\nContent-Le")[number % 3])
    begin = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - begin < EXIT_S
    assert gone.wait(START_S), "the screen knows that it is alone"
    for half in half_open:
        half.close()
    board.disconnect()
    assert "Traceback" not in server.log.read_text()


# -- starting --------------------------------------------------------------------------------------------------------------------


def serve(database: Path, port: int, *options: str) -> subprocess.CompletedProcess[str]:
    arguments = ("serve", "--site", OPEN, "--db", f"sqlite:///{database}", "--port", str(port), "--voice", "silent", *options)
    return subprocess.run([sys.executable, "-m", "server", *arguments], capture_output=True, text=True, timeout=120, cwd=ROOT)


def one_sentence(ended: subprocess.CompletedProcess[str]) -> str:
    assert ended.returncode not in (0, None) and ended.stdout == ""
    assert ended.stderr.count("\n") == 1 and ended.stderr.endswith(".\n"), ended.stderr
    return ended.stderr


def test_a_second_server_on_the_same_database_says_so(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        said = one_sentence(serve(server.database, 0))
        assert "already served by another server" in said and str(server.database) in said
        server.anyone().get("/sites/open")


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = one_sentence(serve(tmp_path / "office.db", port))
        assert f"Port {port}" in said and "--port" in said


def test_a_server_can_start_again_right_after_a_power_cut(tmp_path: Path) -> None:
    server = Server(tmp_path, OPEN, *MORNING).start()
    ticket = server.device("k1").post("/sites/open/tickets", {"service": "A"}, expect=201)
    server.kill()
    server.start()
    try:
        assert server.anyone().get(f"/sites/open/tickets/{ticket['id']}")["code"] == "A001"
    finally:
        assert server.stop() == 0


@pytest.mark.parametrize("port", ["99999", "abc", "-1"])
def test_a_port_that_is_none_is_said_in_one_sentence(tmp_path: Path, port: str) -> None:
    ended = moiso("serve", "--site", "open", "--db", f"sqlite:///{tmp_path}/office.db", f"--port={port}")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"{port} is not a port: give --port (or PORT) a number from 0 to 65535.\n"
