"""So many clients with one connection each, every one of which asks again as soon as it is answered: closed-loop load on one core."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import quantiles

Request = Callable[[int], bytes]
"""The bytes of the n-th request."""


@dataclass
class Measured:
    """What one run showed. `seconds` are times to answer, in order of the answers."""

    took: float
    seconds: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)

    @property
    def per_second(self) -> float:
        return len(self.seconds) / self.took

    def percentile(self, percent: int) -> float:
        """Milliseconds."""
        return quantiles(self.seconds, n=100)[percent - 1] * 1000


def http(method: str, path: str, body: str = "", **headers: str) -> bytes:
    """One HTTP/1.1 request that keeps the connection."""
    lines = [f"{method} {path} HTTP/1.1", "Host: bench", f"Content-Length: {len(body.encode())}", "Content-Type: application/json"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body.encode()


def load(port: int, request: Request, *, clients: int, requests: int) -> Measured:
    """Send so many requests over so many connections, as fast as they are answered."""
    selector = selectors.DefaultSelector()
    sent: dict[socket.socket, float] = {}
    read: dict[socket.socket, bytes] = {}
    number, measured = 0, Measured(0.0)
    began = time.perf_counter()
    for _ in range(clients):
        line = socket.create_connection(("127.0.0.1", port))
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(line, selectors.EVENT_READ)
        sent[line], read[line] = time.perf_counter(), b""
        line.sendall(request(number))
        number += 1
    try:
        while len(measured.seconds) < requests:
            for key, _ in selector.select():
                line = key.fileobj
                assert isinstance(line, socket.socket)
                chunk = line.recv(65536)
                assert chunk, "the server hung up"
                read[line] += chunk
                if (status := _whole(read[line])) is None:
                    continue
                now = time.perf_counter()
                measured.seconds.append(now - sent[line])
                measured.statuses[status] = measured.statuses.get(status, 0) + 1
                sent[line], read[line] = now, b""
                line.sendall(request(number))
                number += 1
        measured.took = time.perf_counter() - began
        return measured
    finally:
        for key in list(selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        selector.close()


def _whole(answer: bytes) -> int | None:
    """The status of an answer that is there in full."""
    head, found, body = answer.partition(b"\r\n\r\n")
    if not found:
        return None
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(head.split(b" ", 2)[1]) if len(body) >= int(value) else None
    raise AssertionError(f"an answer without a length: {head!r}")
