"""A receipt printer on a TCP port of this machine, over a real socket, with the faults real ones have."""

from __future__ import annotations

import contextlib
import socket
import threading

from escpos_decoder import Decoder

# Answers to DLE EOT 4 (paper) and DLE EOT 1 (state).
PLENTY, NEAR_END, NO_PAPER = 0x12, 0x1E, 0x72
READY, COVER_OPEN = 0x12, 0x1A


class FakePrinter:
    """A printer on a TCP port of this machine. `paper` and `state` are its answers to DLE EOT 4 and 1; None: it never answers.

    It hangs up after `closes_after` bytes of a connection; once paper was cut it may fall mute, or answer `paper_after_ticket`.
    """

    def __init__(self, *, paper: int | None = PLENTY, state: int | None = READY, width: int = 576, port: int = 0) -> None:
        self.paper, self.state = paper, state
        self.closes_after: int | None = None
        self.mute_after_ticket = False
        self.paper_after_ticket: int | None = None
        self.connections = 0
        self.received = b""
        self.decoder = Decoder(width)
        self.changed = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"network://127.0.0.1:{self.port}"

    def until_idle(self) -> None:
        """Wait until the last connection has been read to its end."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.connections == 0, timeout=10)

    def stop(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            with self.changed:
                self.connections += 1
            threading.Thread(target=self._attend, args=(line,), daemon=True).start()

    def _attend(self, line: socket.socket) -> None:
        with line, contextlib.suppress(OSError):  # the program hung up while it was answered
            self._talk(line)
        with self.changed:
            self.connections -= 1
            self.changed.notify_all()

    def _talk(self, line: socket.socket) -> None:
        left = self.closes_after
        while left is None or left > 0:
            data = line.recv(4096 if left is None else min(left, 4096))
            if not data:
                return
            left = None if left is None else left - len(data)
            self.received += data
            for question in self.decoder.feed(data):
                if self.decoder.tickets and self.paper_after_ticket is not None:
                    self.paper = self.paper_after_ticket
                answer = {1: self.state, 4: self.paper}[question]
                if answer is not None and not (self.mute_after_ticket and self.decoder.tickets):
                    line.sendall(bytes([answer]))
