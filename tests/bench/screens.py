"""So many screens in one process: plain Socket.IO clients whose frames are noted with their instant, and one line for commands."""

from __future__ import annotations

import json
import os
import selectors
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import websocket

from .load import _whole

PATIENCE_S = 20.0


@dataclass
class Screen:
    """One socket, with what of its next frame has come, and the last one that was no ping."""

    line: websocket.WebSocket
    read: bytearray = field(default_factory=bytearray)
    said: bytes = b""
    frames: int = 0


class Screens:
    """`count` sockets that have said `hello`: all the same, or each its own. Use as a context manager.

    `press` sends a request on a connection of its own and waits until every screen has received what fits; `watch` also listens to a pipe.
    """

    def __init__(self, port: int, count: int, hello: dict[str, Any] | Sequence[dict[str, Any]]) -> None:
        self._selector = selectors.DefaultSelector()
        self.screens = []
        for number in range(count):
            line = websocket.create_connection(f"ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket", timeout=PATIENCE_S)
            line.recv()
            line.send("40")
            line.recv()
            line.send("420" + json.dumps(["hello", hello if isinstance(hello, dict) else hello[number]]))
            while not (said := str(line.recv())).startswith("430"):
                pass
            assert '"error"' not in said[:20], said
            line.sock.setblocking(False)
            line.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            screen = Screen(line, said=said.encode())
            self.screens.append(screen)
            self._selector.register(line.sock, selectors.EVENT_READ, screen)
            if number % 100 == 99:
                # Whoever came first is asked meanwhile whether he is still there.
                for key, _ in self._selector.select(0):
                    self._read(key.data, lambda *_: None)
        self._commands = socket.create_connection(("127.0.0.1", port))
        self._commands.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(self._commands, selectors.EVENT_READ, None)
        self._pipe: int | None = None
        self._piped = self._answer = b""
        self.status = 0

    def __enter__(self) -> Screens:
        return self

    def __exit__(self, *_: object) -> None:
        for key in list(self._selector.get_map().values()):
            if not isinstance(key.fileobj, int):
                key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()

    def watch(self, pipe: int) -> None:
        """Listen to a named pipe as well; its lines are handed to `press`."""
        self._pipe = pipe
        self._selector.register(pipe, selectors.EVENT_READ, None)

    def press(
        self,
        request: bytes,
        fits: Callable[[bytes], bool],
        *,
        heard: Callable[[bytes], bool] | None = None,
        on: Sequence[Screen] | None = None,
    ) -> tuple[list[float], float | None]:
        """Seconds from the press to a fitting frame on each screen (or each of `on`), and to a line of the pipe that fits `heard` if one is
        waited for."""
        waiting, shown, spoken = {id(screen) for screen in (self.screens if on is None else on)}, [], None
        self.status = 0
        began = time.perf_counter()
        self._commands.sendall(request)

        def note(screen: Screen | None, said: bytes, at: float) -> None:
            nonlocal spoken
            if screen is not None and id(screen) in waiting and fits(said):
                waiting.discard(id(screen))
                shown.append(at - began)
            elif screen is None and heard is not None and spoken is None and heard(said):
                spoken = at - began

        self._until(lambda: not waiting and self.status > 0 and (heard is None or spoken is not None), note)
        assert self.status in (200, 201), f"the press was answered {self.status}"
        return shown, spoken

    def echo(self, body: Any, times: int) -> list[float]:
        """Seconds for the first screen to say something and be answered, so many times one after another."""
        took, first = [], self.screens[0]
        for number in range(times):
            mark = f"43{number + 1}".encode()
            back: list[float] = []
            began = time.perf_counter()
            first.line.send(f"42{number + 1}" + json.dumps(["echo", body]))
            self._until(lambda back=back: bool(back), lambda screen, said, at, m=mark, b=back: b.append(at) if said.startswith(m) else None)
            took.append(back[0] - began)
        return took

    def settle(self, seconds: float) -> None:
        """Listen until nobody has been told anything for so long."""
        before = -1
        while (heard := self.frames) != before:
            before = heard
            self.rest(seconds)

    @property
    def frames(self) -> int:
        """How many they have been told, pings apart."""
        return sum(screen.frames for screen in self.screens)

    def rest(self, seconds: float, until: Callable[[bytes], bool] | None = None) -> None:
        """Keep the sockets alive for so long, or until a line of the pipe fits."""
        end, over = time.monotonic() + seconds, []

        def note(screen: Screen | None, said: bytes, at: float) -> None:
            if screen is None and until is not None and until(said):
                over.append(at)

        self._until(lambda: bool(over) or time.monotonic() >= end, note, patience_s=seconds + PATIENCE_S)

    def _until(
        self, done: Callable[[], bool], note: Callable[[Screen | None, bytes, float], object], patience_s: float = PATIENCE_S
    ) -> None:
        end = time.monotonic() + patience_s
        while not done():
            assert time.monotonic() < end, "a screen waited in vain"
            for key, _ in self._selector.select(0.02):
                if key.fileobj is self._commands:
                    self._answered()
                elif isinstance(key.fileobj, int):
                    self._piped += os.read(key.fileobj, 65536)
                    at = time.perf_counter()
                    *lines, self._piped = self._piped.split(b"\n")
                    for line in lines:
                        note(None, line, at)
                else:
                    self._read(key.data, note)

    def _answered(self) -> None:
        self._answer += self._commands.recv(65536)
        if (status := _whole(self._answer)) is not None:
            self.status, self._answer = status, b""

    def _read(self, screen: Screen, note: Callable[[Screen | None, bytes, float], object]) -> None:
        chunk = screen.line.sock.recv(1 << 18)
        at = time.perf_counter()
        assert chunk, "the server let a screen go"
        screen.read += chunk
        while (said := _frame(screen.read)) is not None:
            if said == b"2":
                screen.line.send("3")
            else:
                screen.said, screen.frames = said, screen.frames + 1
                note(screen, said, at)


def _frame(read: bytearray) -> bytes | None:
    """Take the first whole frame of a server out of what was read: RFC 6455, never masked from this side."""
    if len(read) < 2:
        return None
    length, start = read[1] & 0x7F, 2
    if length == 126:
        length, start = int.from_bytes(read[2:4], "big"), 4
    elif length == 127:
        length, start = int.from_bytes(read[2:10], "big"), 10
    if len(read) < start + length or start > len(read):
        return None
    said = bytes(read[start : start + length])
    del read[: start + length]
    return said
