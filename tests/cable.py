"""A network cable between somebody and a server, as a TCP proxy that can be cut and mended.

While it is cut nothing passes and nobody is told: connections stand, new ones are accepted, and no byte comes through. When it is mended
what was on its way arrives late, as it does on a real network.
"""

from __future__ import annotations

import contextlib
import socket
import threading


class Cable:
    """Use as a context manager; `url` is the near end."""

    def __init__(self, port: int) -> None:
        """`port` of this machine is the far end."""
        self._far = port
        self._whole = threading.Event()
        self._whole.set()
        self._near = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._near.getsockname()[1]}"

    def __enter__(self) -> Cable:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._near.close()
        self._whole.set()

    def cut(self) -> None:
        self._whole.clear()

    def mend(self) -> None:
        self._whole.set()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                one, _ = self._near.accept()
                threading.Thread(target=self._join, args=(one,), daemon=True).start()

    def _join(self, one: socket.socket) -> None:
        self._whole.wait()
        with contextlib.suppress(OSError):
            other = socket.create_connection(("127.0.0.1", self._far))
            threading.Thread(target=self._carry, args=(one, other), daemon=True).start()
            self._carry(other, one)

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._whole.wait()
                target.sendall(data)
        self._whole.wait()
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
