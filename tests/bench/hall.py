"""A call on its way to all screens of a hall, beside a bare room of as many sockets; what a socket costs in memory; and what is gained by
sending straight."""

from __future__ import annotations

import json
from pathlib import Path

from .call import shows
from .figures import TAIL, Figure, p
from .load import http
from .machine import KEY, bare, cpu_s, on_core, raise_open_files, resident_kb
from .screens import Screens

from running import MORNING, OPEN, running  # isort: skip

REST_S = 0.12
"""Between two calls: longer than the server gathers events for one board."""
NEXT = "/api/v1/sites/open/counters/1/next"
BODY = {"codes": [f"A{number:03}" for number in range(150)]}
"""As long as a board."""
HELLO = {"site": "open", "kind": "hall", "id": "main"}


def measure(folder: Path, sizes: tuple[int, ...], calls: int) -> list[Figure]:
    raise_open_files()
    found: list[Figure] = []
    with on_core(0), running(folder, OPEN, *MORNING) as server, bare(folder) as yard:
        clerk, kiosk = server.staff("lan"), server.device("k1")
        clerk.post("/sites/open/counters/1/open")
        codes = iter([kiosk.post("/sites/open/tickets", {"service": "A"}, expect=201)["code"] for _ in range(len(sizes) * (calls + 1))])
        board = clerk.get("/sites/open/halls/main/board")
        assert server.process is not None
        pid, most = server.process.pid, max(sizes)
        found.append(Figure("memory at rest", resident_kb(pid) / 1024, "MB", "bare server", resident_kb(yard.pid) / 1024))
        # First of all: sockets that have come and gone leave room for others, on either server as much as it happens to.
        each_kb = [_each_kb(*asked, most) for asked in ((server.port, pid, HELLO), (yard.port, yard.pid, {}))]
        for size in sizes:
            with on_core(1):
                with Screens(server.port, size, HELLO) as screens:
                    ours = called(screens, clerk.key or "", [next(codes) for _ in range(calls + 1)])
                with Screens(yard.port, size, {}) as screens:
                    plain = _broadcast(screens, board, calls + 1)
            name = f"call to {size} screen{'s' if size > 1 else ''}"
            found.append(Figure(f"{name}, p50", p(ours, 50), "ms", "bare broadcast", p(plain, 50)))
            promise = 1.3 if size == 500 else None
            found.append(Figure(f"{name}, p99", p(ours, 99), "ms", "bare broadcast", p(plain, 99), tolerance=TAIL, promise=promise))
        if most >= 100:
            found.append(Figure(f"memory per socket, {most} screens", each_kb[0], "KB", "bare socket", each_kb[1], promise=1.2))
    return found


def _each_kb(port: int, pid: int, hello: dict[str, str], size: int) -> float:
    """What each of so many sockets costs the server in memory."""
    before_kb = resident_kb(pid)
    with on_core(1), Screens(port, size, hello):
        return (resident_kb(pid) - before_kb) / size


def sent_straight(folder: Path, size: int, times: int) -> list[Figure]:
    """The bare room once as the product sends to it, and once as the library does: processor time for each message, and the way to all."""
    raise_open_files()
    each_us: list[float] = []
    ways: list[list[float]] = []
    for options in (("straight",), ()):
        with bare(folder, *options) as yard, on_core(1), Screens(yard.port, size, {}) as screens:
            _broadcast(screens, BODY, 5)
            used = cpu_s(yard.pid)
            ways.append(_broadcast(screens, BODY, times + 1))
            each_us.append((cpu_s(yard.pid) - used) / size / (times + 1) * 1e6)
    name = f"straight to {size} sockets"
    return [
        Figure(f"{name}, CPU per message", each_us[0], "µs", "through queues", each_us[1], promise=0.5),
        Figure(f"{name}, p50", p(ways[0], 50), "ms", "through queues", p(ways[1], 50)),
        Figure(f"{name}, p99", p(ways[0], 99), "ms", "through queues", p(ways[1], 99), tolerance=TAIL),
    ]


def called(screens: Screens, clerk: str, codes: list[str]) -> list[float]:
    """Seconds from each press on counter 1 to each screen, without the first: it warms what every later one finds warm."""
    seconds: list[float] = []
    for code in codes:
        press = http("POST", NEXT, '{"finish":true}', Authorization=f"Bearer {clerk}", Idempotency_Key=code)
        seen, _ = screens.press(press, shows(code))
        seconds += seen if code != codes[0] else []
        screens.rest(REST_S)
    return seconds


def _broadcast(screens: Screens, board: dict[str, object], times: int) -> list[float]:
    """The same body to a bare room, as often."""
    seconds: list[float] = []
    for number in range(times):
        mark = f"m{number}."
        press = http("POST", "/broadcast", json.dumps({**board, "mark": mark}), Authorization=f"Bearer {KEY}")
        seen, _ = screens.press(press, lambda said, mark=mark: f'"{mark}"'.encode() in said)
        seconds += seen if number else []
        screens.rest(REST_S)
    return seconds
