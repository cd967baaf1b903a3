"""Phones that follow a ticket while the hall works: an hour of calls played in minutes, beside as many bare sockets."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .figures import TAIL, Figure, p
from .load import http
from .machine import KEY, Yard, bare, cpu_s, on_core, raise_open_files, resident_kb
from .screens import Screens

from running import MORNING, OPEN, Client, Server, running  # isort: skip

COUNTERS = "1234"
HOUR_S = 3600
QUIET_S = 2.0
"""Phones are told in turn once a second; whoever has heard nothing for so long has heard everything."""
YARD_S = 30.0
"""As many messages as the phones got are sent to the bare room for so long at most, at the same pace."""
LAST = ("state", "counter", "call_no", "called_at", "people_ahead")
"""What a phone must be right about in the end; a likely wait goes on changing by itself."""


@dataclass
class Played:
    """What an hour has shown. `right`: phones that show in the end what the office says; `called`: seconds from each press to the phone of
    whoever is called; `messages`: to all phones together."""

    right: int
    called: list[float]
    messages: int
    took_s: float
    each_kb: float
    cpu_s: float
    ticket: dict[str, Any]


def play(server: Server, *, phones: int, calls: int, seconds: float) -> Played:
    """So many phones follow a ticket each, all of them waiting; so many are called in so many seconds."""
    assert server.process is not None
    pid, clerks = server.process.pid, server.crew(*(f"clerk{counter}" for counter in COUNTERS))
    for counter, clerk in zip(COUNTERS, clerks, strict=True):
        clerk.post(f"/sites/open/counters/{counter}/open")
    kiosk = server.device("k1")
    tickets = [kiosk.post("/sites/open/tickets", {"service": "AB"[n % 2]}, expect=201) for n in range(phones)]
    before_kb = resident_kb(pid)
    hellos = [{"site": "open", "kind": "ticket", "id": ticket["id"]} for ticket in tickets]
    with on_core(1), Screens(server.port, phones, hellos) as screens:
        each_kb = (resident_kb(pid) - before_kb) / phones
        began, used = time.monotonic(), cpu_s(pid)
        called = _hour(screens, clerks, calls, seconds)
        screens.settle(QUIET_S)
        took_s, used, messages = time.monotonic() - began, cpu_s(pid) - used, screens.frames
        right = _right(server.anyone(), tickets, [screen.said for screen in screens.screens])
    return Played(right, called, messages, took_s, each_kb, used, tickets[-1])


def measure(folder: Path, phones: int, calls: int, seconds: float) -> list[Figure]:
    """An hour of so many calls, played in so many seconds, and afterwards as many messages to as many bare sockets."""
    raise_open_files()
    with on_core(0), running(folder, OPEN, *MORNING, "--factor", f"{HOUR_S / seconds:.3f}") as server, bare(folder) as yard:
        ours = play(server, phones=phones, calls=calls, seconds=seconds)
        before_kb = resident_kb(yard.pid)
        with on_core(1), Screens(yard.port, phones, {}) as screens:
            yard_kb = (resident_kb(yard.pid) - before_kb) / phones
            echo = screens.echo(ours.ticket, 200)
            yard_share = _as_many(screens, yard, ours.ticket, ours.messages / ours.took_s, min(YARD_S, ours.took_s))
    many = f"{phones:,} phones"
    share = ours.cpu_s / ours.took_s * 100
    return [
        Figure(f"{many}, right about the end", ours.right, "phones", "phones", phones, more_is_better=True, promise=1.0),
        Figure(f"{many}, memory per phone", ours.each_kb, "KB", "bare socket", yard_kb, promise=1.2),
        Figure(f"{many}, press to the phone called, p50", p(ours.called, 50), "ms", "bare echo", p(echo, 50)),
        Figure(f"{many}, press to the phone called, p99", p(ours.called, 99), "ms", "bare echo", p(echo, 99), tolerance=TAIL),
        Figure(f"{many}, {calls} calls in {seconds:.0f} s", share, "% of a core", "as many bare messages", yard_share),
    ]


def _hour(screens: Screens, clerks: Sequence[Client], calls: int, seconds: float) -> list[float]:
    """Seconds from each press to the phone of whoever is called. Everybody is called in the order of the tickets."""
    took: list[float] = []
    began = time.monotonic()
    for n in range(calls):
        counter, clerk = COUNTERS[n % len(COUNTERS)], clerks[n % len(COUNTERS)]
        headers = {"Authorization": f"Bearer {clerk.key}", "Idempotency_Key": f"n{n}"}
        press = http("POST", f"/api/v1/sites/open/counters/{counter}/next", '{"finish":true}', **headers)
        shown, _ = screens.press(press, lambda said: b'"state":"called"' in said, on=[screens.screens[n]])
        took += shown
        screens.rest(max(0.0, began + (n + 1) * seconds / calls - time.monotonic()))
    return took


def _right(anyone: Client, tickets: Sequence[dict[str, Any]], said: Sequence[bytes]) -> int:
    """How many phones show what the office says."""
    with ThreadPoolExecutor(4) as four:
        true = list(four.map(lambda ticket: anyone.get(f"/sites/open/tickets/{ticket['id']}"), tickets))
    shown = [json.loads(frame[frame.index(b"[") :])[-1] for frame in said]
    return sum(all(now[name] == last[name] for name in ("id", *LAST)) for now, last in zip(true, shown, strict=True))


def _as_many(screens: Screens, yard: Yard, body: dict[str, Any], per_second: float, seconds: float) -> float:
    """Per cent of a core that a bare room needs for so many messages a second."""
    rounds = max(1, round(per_second * seconds / len(screens.screens)))
    began, used = time.monotonic(), cpu_s(yard.pid)
    for number in range(rounds):
        mark = f"m{number}."
        press = http("POST", "/broadcast", json.dumps({**body, "mark": mark}), Authorization=f"Bearer {KEY}")
        screens.press(press, lambda said, mark=mark: f'"{mark}"'.encode() in said)  # type: ignore[misc]
        screens.rest(max(0.0, began + (number + 1) * seconds / rounds - time.monotonic()))
    return (cpu_s(yard.pid) - used) / (time.monotonic() - began) * 100
