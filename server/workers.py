"""`moiso serve --workers N`: N server processes on ports one after the other, for a reverse proxy that spreads callers over them.

The one that starts them serves nobody. It starts a worker that ended again at once, and ends them all when it is told to.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

LOOK_S = 0.1
AGAIN_S = 1.0
"""A worker that did not come up is tried again after so long; one that had come up is started at once."""
END_S = 25.0
"""Longest wait for workers that were told to end: they answer what they have accepted."""
MOST = 64
LAST_PORT = 65_535


class Worker:
    """One of them. `told` is what it said of itself when it was ready, None before."""

    def __init__(self, command: Sequence[str], port: int) -> None:
        self._command, self.port = command, port
        self.told: str | None = None
        self.ended_at: float | None = None
        self.start()

    def start(self) -> None:
        self.told, self.ended_at = None, None
        self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._listen, args=(self._process,), daemon=True).start()

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if process is self._process and self.told is None:
                self.told = line

    @property
    def code(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.poll()

    def tell(self, number: signal.Signals) -> None:
        if self.code is None:
            self._process.send_signal(number)


def free(host: str, ports: Sequence[int]) -> str | None:
    """Why one of these ports cannot be listened to; None when all can."""
    for port in ports:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                return f"Port {port} at {host} cannot be used ({error.strerror or error}): stop the other program, or give another --port."
    return None


def supervise(command: Callable[[int], list[str]], ports: Sequence[int], ready: Callable[[list[dict[str, Any]]], None]) -> int:
    """Run workers until SIGTERM or SIGINT; the exit code. One that cannot start says why itself, and ends all the others."""
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    workers: list[Worker] = []
    try:
        # The first one by itself: what is wrong for all is said once.
        for some in (ports[:1], ports[1:]):
            workers += [Worker(command(port), port) for port in some]
            while not ending.is_set() and any(worker.told is None for worker in workers):
                if any(worker.code is not None for worker in workers):
                    return 1
                ending.wait(LOOK_S)
        if not ending.is_set():
            ready([json.loads(worker.told or "{}") for worker in workers])
        while not ending.wait(LOOK_S):
            for worker in workers:
                _look_after(worker)
        return 0
    finally:
        _end(workers)


def _look_after(worker: Worker) -> None:
    if worker.code is None:
        return
    now = time.monotonic()
    if worker.ended_at is None:
        worker.ended_at = now
        print(f"The worker at port {worker.port} has ended ({worker.code}) and is started again.", file=sys.stderr, flush=True)
    if worker.told is not None or now - worker.ended_at >= AGAIN_S:
        worker.start()


def _end(workers: list[Worker]) -> None:
    for worker in workers:
        worker.tell(signal.SIGTERM)
    last = time.monotonic() + END_S
    while any(worker.code is None for worker in workers):
        if time.monotonic() > last:
            for worker in workers:
                worker.tell(signal.SIGKILL)
        time.sleep(LOOK_S / 2)


def is_orphan(parent: int | None) -> bool:
    """Whether whoever started this worker is gone: then nobody would end it."""
    return parent is not None and os.getppid() != parent
