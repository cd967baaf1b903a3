"""The program `moiso`, and the launcher of a server: the only file that mentions eventlet.

It begins here because that library has to replace the blocking parts of Python before anything else is imported: so nothing of ours is
imported at the top, and whatever serves gets the launcher's class handed in.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

CONNECTIONS = 10_000
"""eventlet's own limit is 1,024, and at 1,024 sockets it stops answering anybody."""
SOCKET_TIMEOUT_S = 5
"""A connection that says nothing for this long is closed: two thousand half-open ones must not stop a clerk."""
KEPT_S = 60
"""One that has been answered may rest for this long: a server that closes it just as the next request arrives would lose that request."""
HEARD_AT_ONCE = 12
"""So many sockets are heard before the loop looks again who has something to say; each costs it a sixth of a millisecond."""
SPARE_FILES = 64
"""Files a server needs besides its connections: the database, the voice, its log."""
DRAIN_S = 10.0
"""Longest wait for answers when the server is told to stop."""
LAST_WORD_S = 0.2
"""A stopping server listens for so long to connections that say nothing: a request may be on its way."""


def main() -> int:
    """Run one command; the exit code. Failures are one sentence on standard error."""
    if len(sys.argv) > 1 and sys.argv[1] in ("serve", "demo") and _workers(sys.argv) == "1":
        go_green()
    from config.loader import SiteInvalid
    from server.command_line import parser
    from server.commands import Failed
    from server.store import AlreadyServed, Broken, Unavailable

    arguments = parser(GreenServer).parse_args()
    try:
        return arguments.run(arguments) or 0
    except (Failed, SiteInvalid, AlreadyServed, Broken, Unavailable) as error:
        print(str(error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _workers(words: Sequence[str]) -> str:
    """What a command line says of workers, before anything is loaded that could read it: whoever only starts them must not be green."""
    said = [after for word, after in zip(words, [*words[1:], ""], strict=True) if word == "--workers"]
    said += [word.partition("=")[2] for word in words if word.startswith("--workers=")]
    return said[-1] if said else "1"


def go_green() -> None:
    """Replace the blocking parts of Python, so that whoever waits lets others have their turn."""
    with warnings.catch_warnings():
        # eventlet announces its retirement at every import; why it is still here stands in server/DECISIONS.md.
        warnings.simplefilter("ignore")
        import eventlet

        eventlet.monkey_patch()
    warnings.filterwarnings("ignore", message=".*[Ee]ventlet.*")


class GreenServer:
    """eventlet's WSGI server with what was measured to matter; `server/DECISIONS.md` has the numbers. A `server.serving.Launcher`."""

    async_mode = "eventlet"

    def __init__(self, host: str, port: int) -> None:
        import eventlet
        from eventlet import tpool
        from eventlet.hubs import trampoline

        from server.relay import Relay

        self._eventlet = eventlet
        self.sleep, self.offload = eventlet.sleep, tpool.execute
        self.relay = partial(Relay, partial(trampoline, read=True))
        self.background: list[Callable[[], Any]] = []
        self.on_stop: list[Callable[[], Any]] = []
        self.at_end: list[Callable[[], Any]] = []
        self.door = _Door(self._listen(host, port))
        host, port = self.door.getsockname()[:2]
        shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host
        self.url = f"http://{shown}:{port}"
        self._talks: set[Any] = set()
        self._stopping = False

    def _listen(self, host: str, port: int) -> Any:
        import socket

        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = self._eventlet.listen((host, port), family=family, backlog=2048, reuse_port=False)
        # Accepted sockets inherit it: without, the first frame after a quiet minute waits 40 ms for an acknowledgement.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener

    def run(self, application: Any, ready: Callable[[], None], parent: int | None = None) -> int:
        """Serve until SIGTERM or SIGINT, or until the process `parent` is gone; then answer what has been accepted, and end."""
        import signal

        from server.workers import is_orphan

        calm_collector()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: setattr(self, "_stopping", True))
        _take_turns(self._eventlet.hubs.get_hub())
        application.start()
        ready()
        serving = self._eventlet.spawn(self._serve, application.wsgi, raise_open_files())
        for task in self.background:
            self._eventlet.spawn(task)
        while not self._stopping and not serving.dead:
            self._eventlet.sleep(0.1)
            self._stopping = self._stopping or is_orphan(parent)
        self._drain(application)
        if not self._stopping:
            print("The server can no longer be reached and has ended: look at its log, and start it again.", file=sys.stderr)
        return 0 if self._stopping else 1

    def _serve(self, wsgi_application: Any, files: int) -> None:
        from eventlet import wsgi

        wsgi.server(
            self.door,
            wsgi_application,
            protocol=_talk(self._talks, lambda: self._stopping),
            max_size=max(1, min(CONNECTIONS, files - SPARE_FILES)),
            socket_timeout=SOCKET_TIMEOUT_S,
            keepalive=True,
            log_output=False,
            debug=False,
            minimum_chunk_size=2**14,
        )

    def _drain(self, application: Any) -> None:
        """Let nobody else in, answer whoever has said what he wants, hang up on whoever says nothing, and end when all are gone."""
        import time

        begin = time.monotonic()
        self.door.close()
        for stop in self.on_stop:
            stop()
        while (self._talks or not self.door.closed) and time.monotonic() - begin < DRAIN_S:
            if time.monotonic() - begin > LAST_WORD_S:
                for talk in list(self._talks):
                    talk.hang_up()
            self._eventlet.sleep(0.02)
        application.stop()
        application.ledger.ended.wait(DRAIN_S)
        for end in self.at_end:
            end()


class _Door:
    """The listening socket as eventlet's server sees it: it never fails, and once closed it lets in whoever had already knocked."""

    def __init__(self, listener: Any) -> None:
        self._listener = listener
        self._listener.settimeout(0.1)
        self._closing = False
        self.closed = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._listener, name)

    def close(self) -> None:
        self._closing = True

    def accept(self) -> Any:
        import structlog
        from eventlet import sleep
        from eventlet.greenio import GreenSocket

        while not self._closing:
            try:
                return self._listener.accept()
            except TimeoutError:
                continue
            except OSError as error:
                # No files left, or a caller that was gone before it was let in: neither is a reason to close the office.
                structlog.get_logger("door").warning("accept_failed", error=str(error))
                sleep(0.1)
        try:
            caller, address = self._listener.fd.accept()
            return GreenSocket(caller), address
        except OSError:
            self._listener.close()
            self.closed = True
        while True:
            # eventlet's server would now cut off whoever it is talking to.
            sleep(3600)


def _talk(talks: set[Any], stopping: Callable[[], bool]) -> Any:
    """eventlet's side of a connection; it stands in `talks` from the first byte until the last one is sent. While the server is stopping,
    every answer is the last of its connection and says so."""
    import contextlib
    import socket

    from eventlet import wsgi

    class Talk(wsgi.HttpProtocol):  # type: ignore[misc]
        _answered = False

        def setup(self) -> None:
            talks.add(self)
            # Names of headers are sent as they are written: to write each of eleven anew cost an answer of the interface fifteen
            # microseconds. Said here, because eventlet warns whoever says it to the server.
            self.capitalize_response_headers = False
            super().setup()

        def _read_request_line(self) -> Any:
            self.connection.settimeout(KEPT_S if self._answered else SOCKET_TIMEOUT_S)
            return super()._read_request_line()

        def handle_one_response(self) -> None:
            super().handle_one_response()
            self._answered = True

        def finish(self) -> None:
            try:
                super().finish()
            finally:
                talks.discard(self)

        @property
        def close_connection(self) -> bool:
            return self._last or stopping()

        @close_connection.setter
        def close_connection(self, last: bool) -> None:
            self._last = bool(last)

        def hang_up(self) -> None:
            """End a connection that says nothing. Only its listening side: what has arrived meanwhile is still read and answered."""
            if self.conn_state[2] == wsgi.STATE_IDLE:
                with contextlib.suppress(OSError):
                    self.connection.shutdown(socket.SHUT_RD)

    return Talk


def _take_turns(hub: Any) -> None:
    """Let the loop take a few of those who have said something at a time, not all of them: else those whose numbers are durable meanwhile
    wait until the last of the others has been heard, and the disk until they ask again."""
    if type(hub).__module__ == "eventlet.hubs.epolls":
        poll = hub.poll
        hub.do_poll = lambda seconds: poll.poll(seconds, HEARD_AT_ONCE)


def calm_collector() -> None:
    """A hall's thousands of long-lived objects make the default collector stop everything for 200 ms."""
    import gc

    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def raise_open_files() -> int:
    """Ask for as many open files as this process may have; how many it got."""
    try:
        import resource
    except ImportError:
        return CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = hard if hard != resource.RLIM_INFINITY else 65_536
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return max(soft, wanted)


if __name__ == "__main__":
    sys.exit(main())
