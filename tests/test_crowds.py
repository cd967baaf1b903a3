"""Crowds at the port: thousands who say nothing must not keep a clerk from working."""

from __future__ import annotations

import contextlib
import resource
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from running import MORNING, OPEN, Client, Server, running, until

HALF_OPEN = 2000
ANSWERS_WITHIN_S = 30.0
"""Far more than a clerk would accept, far less than for ever: what is shown is that the server lives; the figures are printed."""
RECOVERS_WITHIN_S = 120.0
HEARS_SILENCE = (
    "-c",
    "import sys; from server import __main__ as program; program.SOCKET_TIMEOUT_S = 600; sys.exit(program.main())",
)
"""A server that hangs up on nobody who says nothing: on a busy machine a crowd comes more slowly than in the usual five seconds."""
SAYINGS = (b"", b"G", b"GET /healthz HT", b"POST /api/v1/sites/open/tickets HTTP/1.1\r\nHost: x\r\nContent-Le")


@pytest.fixture
def many_files() -> Iterator[None]:
    """Allow this process the sockets of a crowd."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = HALF_OPEN + 500
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"this machine allows only {hard} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Crowd:
    """Connections that begin a request and do not end it."""

    def __init__(self, port: int, size: int) -> None:
        self.port, self.size = port, size
        self.callers: list[socket.socket] = []

    def __enter__(self) -> Crowd:
        for n in range(self.size):
            caller = socket.create_connection(("127.0.0.1", self.port), timeout=ANSWERS_WITHIN_S)
            caller.sendall(SAYINGS[n % len(SAYINGS)])
            self.callers.append(caller)
        return self

    def __exit__(self, *_: object) -> None:
        for caller in self.callers:
            caller.close()


def timed(ask, *arguments, **more):  # type: ignore[no-untyped-def]
    """The answer, and the seconds it took."""
    begin = time.perf_counter()
    answer = ask(*arguments, **more)
    return answer, time.perf_counter() - begin


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_thousand_half_open_connections_do_not_keep_a_clerk_from_calling(tmp_path: Path, many_files: None) -> None:
    with running(tmp_path, OPEN, *MORNING, program=HEARS_SILENCE) as server:
        kiosk, clerk = server.device("k1"), server.staff("lan")
        for _ in range(30):
            kiosk.post("/sites/open/tickets", {"service": "A"}, expect=201)
        clerk.post("/sites/open/counters/1/open")
        took: dict[str, list[float]] = {"healthz": [], "console": [], "next": [], "issue": [], "new connection": []}
        with Crowd(server.port, HALF_OPEN):
            until(lambda: connections_inside(server) >= HALF_OPEN, 300)
            for n in range(1, 21):
                answer, seconds = timed(clerk.http.get, f"{server.url}/healthz", timeout=ANSWERS_WITHIN_S)
                assert answer.status_code == 200
                took["healthz"].append(seconds)
                console, seconds = timed(clerk.get, "/sites/open/counters/1/console")
                assert console["next"]["code"] == f"A{n:03d}"
                took["console"].append(seconds)
                called, seconds = timed(clerk.post, "/sites/open/counters/1/next", {"finish": True})
                assert called["code"] == f"A{n:03d}"
                took["next"].append(seconds)
                _, seconds = timed(kiosk.post, "/sites/open/tickets", {"service": "A"}, expect=201)
                took["issue"].append(seconds)
                answer, seconds = timed(requests.get, f"{server.url}/healthz", timeout=ANSWERS_WITHIN_S)
                assert answer.status_code == 200
                took["new connection"].append(seconds)
            assert connections_inside(server) >= HALF_OPEN, "the crowd was there all the time"
        worst = {what: max(times) for what, times in took.items()}
        print({what: f"{1000 * sorted(times)[len(times) // 2]:.0f} ms, worst {1000 * max(times):.0f} ms" for what, times in took.items()})
        assert max(worst.values()) < ANSWERS_WITHIN_S, worst

        # The crowd has gone: nothing of it is left, and the server is as before.
        begin = time.monotonic()
        while (left := connections_inside(server)) > 50:
            assert time.monotonic() - begin < RECOVERS_WITHIN_S, f"{left} connections are still held"
            clerk.get("/sites/open/counters/1/console")
        assert clerk.post("/sites/open/counters/1/next", {"finish": True})["code"] == "A021"


def connections_inside(server: Server) -> int:
    """Sockets the server holds open."""
    assert server.process is not None
    found = 0
    for file in Path(f"/proc/{server.process.pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found += "socket:" in str(file.readlink())
    return found


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux can take files away from a running process")
def test_a_server_out_of_files_lets_people_wait_and_does_not_end(tmp_path: Path, many_files: None) -> None:
    with running(tmp_path, OPEN, *MORNING) as server:
        assert server.process is not None
        kiosk = server.device("k1")
        kiosk.post("/sites/open/tickets", {"service": "A"}, expect=201)
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (128, 128))
        with Crowd(server.port, 400):
            begin = time.monotonic()
            while "accept_failed" not in server.log.read_text():
                assert time.monotonic() - begin < ANSWERS_WITHIN_S
                kiosk.get("/sites/open")
            # Who is inside already is served; who knocks now waits until the silent ones are hung up on.
            assert kiosk.post("/sites/open/tickets", {"service": "A"}, expect=201)["code"] == "A002"
        assert Client(server.api, kiosk.key).post("/sites/open/tickets", {"service": "A"}, expect=201)["code"] == "A003"
        assert server.stop() == 0
