"""From the clerk's press to the loudspeaker and to the screens of the hall.

    python -m tests.bench.call            # some twenty seconds
    python -m tests.bench.call --long     # five times as many calls

Twenty hall screens and one real voice agent. The press is the instant at which `next` is sent over HTTP; a call has reached the loudspeaker
when the player's program, started by the agent, has opened the file; a screen when the frame that shows the call has been read. The
sentences have been rendered before. In the same run a bare Socket.IO echo with as many sockets beside it. Exit code 1: the aim is missed.
"""

from __future__ import annotations

import argparse
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from audio import phrases, playlist
from audio.voice import Silent

from .figures import p
from .load import http
from .machine import bare, on_core
from .screens import Screens

from running import MORNING, OPEN, ROOT, Server, running  # isort: skip

SCREENS, CALLS, LONG, ECHOES = 20, 20, 100, 400
AIM_VOICE_MS, AIM_SCREEN_MS = 300.0, 100.0
AFTER_S = 0.8
"""The voice is at rest again: it pauses for 0.4 s behind a call."""


@dataclass
class Found:
    """Seconds of one run."""

    voice: list[float]
    screen: list[float]
    echo: list[float]


def measure(calls: int = CALLS, screens: int = SCREENS, echoes: int = ECHOES) -> Found:
    """One run: so many calls, one after another, each when the voice is at rest."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with bare(folder) as yard, Screens(yard.port, screens, {}) as plain:
            echo = plain.echo({"hello": "hall"}, echoes)
        with _office(folder) as server, _voice(folder, server) as pipe:
            voice, screen = _calls(server, pipe, calls, screens)
    return Found(voice, screen, echo)


@contextmanager
def _office(folder: Path) -> Iterator[Server]:
    """The smallest office, whose calls are said once."""
    document = folder / "open.toml"
    document.write_text(Path(OPEN).read_text(encoding="utf-8") + "\n[voice]\ntimes = 1\n", encoding="utf-8")
    with on_core(0), running(folder, str(document), *MORNING) as server:
        yield server


@contextmanager
def _voice(folder: Path, server: Server) -> Iterator[int]:
    """The voice agent with a player that names each file as soon as it has it; the pipe on which it does."""
    said, program = folder / "said", folder / "player"
    os.mkfifo(said)
    program.write_text(f'#!/bin/sh\nexec 3< "$1"\necho "$1" > "{said}"\n', encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    pipe = os.open(said, os.O_RDWR | os.O_NONBLOCK)
    key = server.device("loa-1", "audio").key or ""
    arguments = ["--server", server.url, "--output", f"command:{program}", "--journal", str(folder / "voice.journal")]
    arguments += ["--cache", str(folder / "own-voice")]
    with on_core(1), (folder / "audio.log").open("w") as log:
        agent = subprocess.Popen(
            [sys.executable, "-m", "server", "audio", *arguments], cwd=ROOT, env={**os.environ, "MOISO_KEY": key}, stderr=log
        )
    try:
        yield pipe
    finally:
        agent.terminate()
        agent.wait(timeout=30)
        os.close(pipe)


def _calls(server: Server, pipe: int, calls: int, screens: int) -> tuple[list[float], list[float]]:
    clerk, boss, kiosk = server.staff("lan"), server.staff("binh", "supervisor"), server.device("k1")
    clerk.post("/sites/open/counters/1/open")
    codes = [kiosk.post("/sites/open/tickets", {"service": "A"}, expect=201)["code"] for _ in range(calls + 1)]
    cache = Silent(server.database.parent / f"{server.database.stem}-voice")
    for code in codes:
        cache.say(phrases.call(code, "1").vi)
    voice: list[float] = []
    shown: list[float] = []
    with on_core(1), Screens(server.port, screens, {"site": "open", "kind": "hall", "id": "main"}) as hall:
        hall.watch(pipe)
        # The agent tries its loudspeaker with a moment of silence, and then says hello.
        hall.rest(20.0, until=lambda said: said.endswith(b"silence.wav"))
        while not any(device["connected"] for device in boss.get("/sites/open/floor")["devices"] if device["kind"] == "audio"):
            hall.rest(0.1)
        for number, code in enumerate(codes):
            press = http(
                "POST",
                "/api/v1/sites/open/counters/1/next",
                '{"finish": true}',
                Authorization=f"Bearer {clerk.key}",
                Idempotency_Key=f"n{number}",
            )
            screen, heard = hall.press(press, shows(code), heard=lambda said: said.endswith(b".wav") and b"silence" not in said)
            assert heard is not None
            if number:
                # The first one warms what every later one finds warm.
                voice.append(heard)
                shown += screen
            hall.rest(AFTER_S)
    return voice, shown


def shows(code: str) -> Callable[[bytes], bool]:
    """A board on which this number is called."""
    mark = f'"code":"{code}"'.encode()
    return lambda said: said.startswith(b'42["board"') and mark in said


def table(found: Found) -> tuple[str, bool]:
    """What is printed, and whether the aims are kept."""
    echo = [p(found.echo, percent) for percent in (50, 99)]
    lines = [
        f"{len(found.voice)} calls, {SCREENS} screens, one voice agent that gathers calls for {playlist.GATHER_S * 1000:.0f} ms on purpose",
        f"{'':30}{'p50 ms':>9}{'p99 ms':>9}{'p50 / echo':>12}{'p99 / echo':>12}   aim at p99",
        f"{f'bare echo beside {SCREENS} sockets':30}{echo[0]:9.1f}{echo[1]:9.1f}{1:12.1f}{1:12.1f}",
    ]
    kept = True
    for name, seconds, aim in (
        ("press to the loudspeaker", found.voice, AIM_VOICE_MS),
        ("press to a changed screen", found.screen, AIM_SCREEN_MS),
    ):
        values = [p(seconds, percent) for percent in (50, 99)]
        ratios = [value / bare for value, bare in zip(values, echo, strict=True)]
        kept = kept and values[1] <= aim
        verdict = f"{aim:.0f} ms: {'kept' if values[1] <= aim else 'MISSED'}"
        lines.append(f"{name:30}{values[0]:9.1f}{values[1]:9.1f}{ratios[0]:12.1f}{ratios[1]:12.1f}   {verdict}")
    return "\n".join(lines), kept


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.call", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--long", action="store_true", help="five times as many calls")
    options = parser.parse_args(argv)
    said, kept = table(measure(LONG if options.long else CALLS))
    print(said)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
