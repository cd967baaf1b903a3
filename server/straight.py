"""States straight onto the wire: framed once for all, and handed to the kernel from the loop that sends them.

The library puts every message into the queue of every client, wakes that client's writer, and frames the message again there. Here a
message is framed once, and where nothing is ahead of it on a connection it is sent at once; where something is, or where the kernel takes
less than all of it, everything goes the library's way, in the order in which it was said. What is used of python-engineio's and eventlet's
insides stands in this file alone, is looked for when a connection begins, and is done without when it is not found.
"""

from __future__ import annotations

import _socket
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog

log = structlog.get_logger("straight")


def frame(text: str) -> bytes:
    """One unmasked, final text frame of RFC 6455."""
    body = text.encode()
    if len(body) < 126:
        return struct.pack("!BB", 0x81, len(body)) + body
    if len(body) < 65_536:
        return struct.pack("!BBH", 0x81, 126, len(body)) + body
    return struct.pack("!BBQ", 0x81, 127, len(body)) + body


class _Line:
    """One websocket: what is ahead on it, and the kernel's end of it. Raises AttributeError when the libraries are not as they were."""

    __slots__ = ("fd", "getters", "lock", "pending", "waiters", "ws")

    def __init__(self, peer: Any, ws: Any) -> None:
        self.ws, self.fd = ws, ws.socket.fd
        self.pending, self.getters = peer.queue.queue, peer.queue.getters
        self.lock, self.waiters = ws._sendlock, ws._sendlock._waiters
        plain = type(self.fd).send is _socket.socket.send and self.fd.gettimeout() == 0
        if not plain or ws.client or ws.extensions or ws.version not in (8, 13):
            raise AttributeError("not a plain websocket")
        self.clear(peer)
        peer.check_ping_timeout()

    def clear(self, peer: Any) -> bool:
        """Nothing is ahead: the queue is empty, its writer waits for more (and is not in the middle of a message), nobody else writes."""
        return (
            not self.pending
            and bool(self.getters)
            and self.lock.counter > 0
            and not self.waiters
            and not peer.closing
            and not peer.closed
            and not self.ws.websocket_closed
        )


class Straight:
    """Takes over how a room's messages reach the connections of this process, whoever sends them: the program itself, or another process
    through a message queue."""

    def __init__(self, sio: Any) -> None:
        self._spawn: Callable[..., Any] = sio.start_background_task
        self._complained = False
        self.sent = {"straight": 0, "in_parts": 0, "queued": 0}
        """Messages by how they left: at once, at once but for a rest that had to wait, through the client's queue."""
        server, engine = sio.server, sio.server.eio
        self._queue: Callable[[str, Any], None] = server._send_eio_packet
        self._peers: dict[str, Any] = engine.sockets
        library, met = engine._async["websocket"], self._met

        class Websocket(library):  # type: ignore[misc]
            """The library's talk with one client, its line known as soon as hands are shaken."""

            def _handle_hybi_request(self, environ: dict[str, Any]) -> Any:
                ws = super()._handle_hybi_request(environ)
                met(self.handler, ws)
                return ws

        engine._async = engine._async | {"websocket": Websocket}
        server._send_eio_packet = self._send

    def _met(self, handler: Any, ws: Any) -> None:
        try:
            peer = handler.__self__
            # Kept by the library's own object, and no longer than that.
            peer.line = _Line(peer, ws)
        except AttributeError as missing:
            if not self._complained:
                log.warning("straight_unfit", reason=str(missing))
            self._complained = True

    def _send(self, to: str, packet: Any) -> None:
        peer = self._peers.get(to)
        line: _Line | None = getattr(peer, "line", None)
        if peer is None or line is None or packet.binary or not line.clear(peer):
            self.sent["queued"] += 1
            self._queue(to, packet)
            return
        if not peer.check_ping_timeout():
            return
        framed: bytes | None = getattr(packet, "framed", None)
        if framed is None:
            framed = packet.framed = frame(packet.encode())
        try:
            sent = line.fd.send(framed)
        except OSError:
            # The kernel takes nothing now, or the client is gone: the library knows how to wait, and how to part.
            self.sent["queued"] += 1
            self._queue(to, packet)
            return
        if sent == len(framed):
            self.sent["straight"] += 1
            return
        self.sent["in_parts"] += 1
        # Until the rest has left, whoever else writes here waits for this lock, and whatever is said meanwhile waits in the queue.
        line.lock.acquire(blocking=False)
        self._spawn(self._finish, line, framed[sent:])

    def _finish(self, line: _Line, rest: bytes) -> None:
        try:
            line.ws.socket.sendall(rest)
        except Exception:
            # Half a frame is on its way: another one behind it would be read as its end, so nobody says anything more.
            line.ws.websocket_closed = True
            with suppress(OSError):
                line.ws.socket.shutdown(socket.SHUT_RDWR)
        finally:
            line.lock.release()


def install(sio: Any) -> Straight | None:
    """Let messages go straight, where the server runs on green threads whose insides are known; else None, and everything is queued."""
    if sio.async_mode != "eventlet":
        return None
    try:
        return Straight(sio)
    except (AttributeError, KeyError) as missing:
        log.warning("straight_unfit", reason=str(missing))
        return None
