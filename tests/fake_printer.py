"""A receipt printer on a TCP port of this machine, over a real socket, with the faults real ones have."""

from __future__ import annotations

import contextlib
import socket
import threading

from escpos_decoder import Decoder

# Answers to DLE EOT 4 (paper), 1 (state), 2 (why it is offline) and 3 (which error).
PLENTY, NEAR_END, NO_PAPER = 0x12, 0x1E, 0x72
READY, OFFLINE = 0x12, 0x1A
NO_CAUSE, COVER = 0x12, 0x16
NO_ERROR, CUTTER, FATAL = 0x12, 0x1A, 0x32
PATIENT = (
    "-c",
    "import sys; from kiosk import delivery; delivery.ASK_S, delivery.PATIENT_S, delivery.CONFIRM_S = 1.0, 8.0, 12.0; "
    "from server.__main__ import main; sys.exit(main())",
)
"""The program `moiso`, whose print agent has more patience for the answers of a printer that is played on a busy machine."""


class FakePrinter:
    """A printer on a TCP port of this machine. `paper`, `state`, `cause` and `error` are its answers to DLE EOT 4, 1, 2 and 3; None: it
    never answers.

    As a real one it attends to one connection after the other: what a program sent before it gave up is printed before what comes next.
    It hangs up after `closes_after` bytes of a connection; once paper was cut it may fall mute, or change (`after_ticket`) its answers.
    `hold_at`: it reads so many bytes of a connection and then no more, until `release` is called.
    """

    def __init__(self, *, paper: int | None = PLENTY, state: int | None = READY, width: int = 576, port: int = 0) -> None:
        self.paper, self.state = paper, state
        self.cause: int | None = NO_CAUSE
        self.error: int | None = NO_ERROR
        self.closes_after: int | None = None
        self.mute_after_ticket = False
        self.after_ticket: dict[str, int | None] = {}
        self.hold_at: int | None = None
        self.held = threading.Event()
        self._released = threading.Event()
        self.connections = 0
        self._attending = threading.Lock()
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
            assert self.changed.wait_for(lambda: self.connections == 0, timeout=60)

    def hold(self, at: int) -> None:
        """From the next connection on, stop reading after so many bytes of it until `release`."""
        self.held.clear()
        self._released.clear()
        self.hold_at = at

    def release(self) -> None:
        self.hold_at = None
        self._released.set()

    @property
    def sheets(self) -> int:
        """The pieces of paper with ink; after one that may be torn the printer cuts off a white piece."""
        return sum(piece.convert("L").getextrema()[0] == 0 for piece in self.decoder.tickets)

    def stop(self) -> None:
        self.release()
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
        with self._attending, line, contextlib.suppress(OSError):  # the program hung up while it was answered
            self._talk(line)
        with self.changed:
            self.connections -= 1
            self.changed.notify_all()

    def _talk(self, line: socket.socket) -> None:
        closes, hold, read = self.closes_after, self.hold_at, 0
        while closes is None or read < closes:
            if read == hold:
                self.held.set()
                self._released.wait(60)
                hold = None
            # Nothing is taken from the line that it would not have read: what it leaves is what the program is told was refused.
            data = line.recv(min([4096, *(end - read for end in (closes, hold) if end is not None)]))
            if not data:
                return
            read += len(data)
            self.received += data
            for question in self.decoder.feed(data):
                if self.decoder.tickets:
                    vars(self).update(self.after_ticket)
                answer = {1: self.state, 2: self.cause, 3: self.error, 4: self.paper}.get(question)
                if answer is not None and not (self.mute_after_ticket and self.decoder.tickets):
                    line.sendall(bytes([answer]))
