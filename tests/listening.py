"""Ears on the server's sockets: a Socket.IO client that writes down what it hears, and a bare websocket for what no client would say."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import engineio
import socketio
import websocket

PATIENCE_S = 60.0
"""Far beyond an answer on a quiet machine: what is slow is not yet broken."""
BEAT_S = 1.0


@dataclass(frozen=True)
class Frame:
    event: str
    payload: Any
    at: float


class _InOrder(engineio.Client):  # type: ignore[misc]
    """Takes in each packet before it reads the next one. By itself the library begins a thread for each, and what was said first may then
    be heard second."""

    def _trigger_event(self, event: str, *arguments: Any, **options: Any) -> Any:
        return super()._trigger_event(event, *arguments, **options | {"run_async": False})


class _Client(socketio.Client):  # type: ignore[misc]
    def _engineio_client_class(self) -> type[engineio.Client]:
        return _InOrder


class Ears:
    """One socket of a browser or device. Frames are waited for, never slept for."""

    def __init__(self, url: str, key: str | None = None, **headers: str) -> None:
        self.frames: list[Frame] = []
        self._news = threading.Condition()
        self.closed = threading.Event()
        self.client = _Client(reconnection=False, handle_sigint=False, ssl_verify=False)
        self.client.on("*", self._heard)
        self.client.on("disconnect", lambda *_: self.closed.set())
        self.client.connect(url, auth={"key": key} if key else None, headers=headers, transports=["websocket"], wait_timeout=PATIENCE_S)

    def __enter__(self) -> Ears:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()

    def _heard(self, event: str, payload: Any = None, *_: Any) -> None:
        with self._news:
            self.frames.append(Frame(event, payload, time.monotonic()))
            self._news.notify_all()

    def call(self, event: str, data: Any = None) -> Any:
        """Say something and wait for the acknowledgement."""
        return self.client.call(event, data, timeout=PATIENCE_S)

    def hello(self, kind: str, id: str | None = None, site: str = "open") -> Any:
        return self.call("hello", {"site": site, "kind": kind} | ({} if id is None else {"id": id}))

    def next(
        self, event: str, fits: Callable[[Any], bool] = lambda payload: True, *, after: int = 0, patience_s: float = PATIENCE_S
    ) -> tuple[Frame, int]:
        """The first frame from number `after` on that fits, and the number behind it."""

        def found() -> tuple[Frame, int] | None:
            for number, frame in enumerate(self.frames[after:], after):
                if frame.event == event and fits(frame.payload):
                    return frame, number + 1
            return None

        with self._news:
            assert self._news.wait_for(lambda: found() is not None, patience_s), (event, [f.event for f in self.frames[after:]])
            result = found()
            assert result is not None
            return result

    def state(self, event: str, fits: Callable[[Any], bool], *, after: int = 0, patience_s: float = PATIENCE_S) -> Any:
        return self.next(event, fits, after=after, patience_s=patience_s)[0].payload

    def said(self, event: str) -> list[Any]:
        return [frame.payload for frame in self.frames if frame.event == event]

    def announced(self, ticket: dict[str, Any], kind: str = "call", *, after: int = 0) -> Any:
        """The announcement of a ticket; those that other tests have left unanswered are passed over."""
        return self.state("announcement", lambda m: m["code"] == ticket["code"] and m["kind"] == kind, after=after)

    def printed(self, ticket: dict[str, Any]) -> Any:
        return self.state("print", lambda m: m["ticket"] == ticket["id"])

    def is_let_go(self) -> bool:
        return self.closed.wait(PATIENCE_S)


@contextmanager
def beating(*ears: Ears, **facts: Any) -> Iterator[None]:
    """These go on saying that they live, and these facts, or that they sound, as their programs do: however long a test looks, none of
    them is taken for gone."""
    over, said = threading.Event(), facts or {"sound": "on"}

    def beat() -> None:
        while not over.wait(BEAT_S):
            for each in ears:
                each.client.emit("beat", said)

    for each in ears:
        each.call("beat", said)
    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class Bare:
    """A websocket without manners: sends any text, reads until the server ends it."""

    def __init__(self, url: str, auth: Any = None, query: str = "EIO=4&transport=websocket", origin: str | None = None) -> None:
        address = f"{url.replace('http', 'ws')}/socket.io/?{query}"
        self.socket = websocket.create_connection(address, timeout=PATIENCE_S, origin=origin)
        self.opened = json.loads(self.socket.recv()[1:])
        self.send("40" + (json.dumps(auth) if auth is not None else ""))
        self.welcome = self.socket.recv()

    def send(self, text: str) -> None:
        self.socket.send(text)

    def close(self) -> None:
        self.socket.close()
