"""The device side of the wire: connect, hello, beat, moments once.

A print agent and a voice agent are the same program as far as the server can see: they show a key, say hello, beat every
five seconds and answer every moment. This file is that program without the printer and without the loudspeaker; it is also
the only file that imports the Socket.IO client. It knows nothing of tickets and never decides.

Promises:

* a moment id is acted on once in the life of the process, also across reconnects; sent again, it is answered again with
  the first answer;
* moments are handed over one at a time; two of the same instant may swap (the library gives each its own thread), so
  whoever needs an order takes it from the moment's id, `day-seq-n`;
* an answer that the server did not confirm is sent again after the next hello;
* the hall's time is the server's of the last beat, also when its clock was set back meanwhile;
* the connection is tried for ever, with growing pauses; a server that has gone silent is noticed within three beats.
"""

from __future__ import annotations

import logging
import queue
import random
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import socketio

log = logging.getLogger("moiso.device")

Answer = tuple[bool, str]
"""`(ok, detail)`: whether the moment was acted on, and what to tell staff about it."""

OnMoment = Callable[[str, dict[str, Any]], Answer | None]
"""`on_moment(event, payload)`: act and answer, or return None and call `Device.answer` later."""

MOMENTS: Mapping[str, tuple[str, ...]] = {"kiosk": ("print",), "audio": ("announcement",), "display": ("announcement",)}
BEAT_EVERY_S = 5.0
MISSED_BEATS = 3  # Engine.IO's own timeouts need 45 s to notice a pulled cable; a hall cannot wait that long.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 5.0
REFUSED_PAUSE_S = 15.0  # a revoked key does not get better by asking twice a second
HELLO_TIMEOUT_S = 10.0
ASK_TIMEOUT_S = 2.0  # longest wait for a beat's answer before what seems to have expired is refused
REMEMBERED = 2000  # answers kept; a busy hall makes about 1,500 moments a day


def own_version() -> str:
    """The version of this program, for staff who look after many machines."""
    try:
        return version("moiso")
    except PackageNotFoundError:
        return "0"


class Refused(Exception):
    """The server answered hello with an error; the text is its sentence."""


class KeyUnknown(Refused):
    """The key is none, or none any more."""


@dataclass
class _Given:
    """An answer and whether the server has confirmed it."""

    ok: bool
    detail: str
    confirmed: bool = False


class HallClock:
    """The hall's time as last told by the server, carried on by the monotonic clock.

    The hall clock may run faster than the wall (demo, tests), and the device's own clock may be wrong by hours:
    `expires_at` is only ever compared with this clock.
    """

    def __init__(self) -> None:
        # Replaced whole: it is set on the library's thread and read on others.
        self._told = datetime.now(UTC), time.monotonic(), 1.0

    def set(self, at: datetime, factor: float) -> None:
        """Take the server's instant `at` (with offset) and its hall seconds per real second."""
        self._told = at, time.monotonic(), factor if factor > 0 else 1.0

    def hear(self, at: datetime, factor: float, took_s: float) -> None:
        """Take an answer that came `took_s` after its question: the hall's time is between `at` and so much later. A clock that says
        so is left alone, since an answer that was long on its way would make fresh again what has expired; any other one is set, and
        is then late by that way, never early."""
        ahead = self._now_s(at)
        if self._told[2] != factor or not 0 <= ahead <= took_s:
            self.set(at, factor)

    def now(self) -> datetime:
        """The hall's instant, with the offset the server used."""
        at, since, factor = self._told
        return at + timedelta(seconds=(time.monotonic() - since) * factor)

    def seconds_until(self, instant: datetime) -> float:
        """Real seconds until the hall instant `instant`; negative when it has passed."""
        return -self._now_s(instant)

    def _now_s(self, instant: datetime) -> float:
        """Real seconds since the hall instant `instant`."""
        at, since, factor = self._told
        return (at - instant).total_seconds() / factor + time.monotonic() - since


class Device:
    """One device with a key, connected for as long as `run_forever` runs.

    `kind_hint` is `kiosk`, `audio` or `display`: which moments are listened to, and a check that the key is of that kind.
    `site` and `name` go into hello when given; otherwise the server knows them from the key. `beat()` returns the facts of
    the next beat (a small dict); this file adds its version and the machine's clock. `on_hello(state)` receives the
    acknowledged state after every connect. With `may_leave` a key that the server does not know ends `run_forever`, and `left` is set:
    whoever looks at the machine can give it another. Without, it is tried for ever.
    `on_moment` and `beat` run on threads of this object, one call at a time each; what they raise is logged and answered
    as a failure, never fatal.
    """

    def __init__(
        self,
        server_url: str,
        key: str,
        kind_hint: str,
        on_moment: OnMoment,
        beat: Callable[[], dict[str, Any]],
        *,
        site: str | None = None,
        name: str | None = None,
        on_hello: Callable[[dict[str, Any]], None] | None = None,
        beat_every_s: float = BEAT_EVERY_S,
        may_leave: bool = False,
    ) -> None:
        if kind_hint not in MOMENTS:
            raise ValueError(f"A device is one of {', '.join(MOMENTS)}, not {kind_hint!r}.")
        self.server_url = server_url.rstrip("/")
        self.key = key
        self.kind_hint = kind_hint
        self.clock = HallClock()
        self.state: dict[str, Any] = {}
        self._on_moment = on_moment
        self._beat = beat
        self._on_hello = on_hello
        self._beat_every_s = beat_every_s
        self._may_leave = may_leave
        self.left = False
        self._hello = {"kind": "device"} | ({"site": site} if site else {}) | ({"id": name} if name else {})
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._greeted = threading.Event()
        self._answered = threading.Event()
        """A beat has been answered."""
        self._given: OrderedDict[str, _Given] = OrderedDict()
        self._begun: set[str] = set()
        self._inbox: queue.Queue[tuple[str, dict[str, Any]] | None] = queue.Queue()
        self._client: socketio.Client | None = None

    @property
    def connected(self) -> bool:
        """True while the server has accepted our hello and the connection stands."""
        client = self._client
        return client is not None and client.connected

    def run_forever(self, stop: threading.Event) -> None:
        """Connect, serve and reconnect until `stop` is set, or `left`. Returns within about a second of it."""
        worker = threading.Thread(target=self._work, name="moments", daemon=True)
        worker.start()
        pause = FIRST_PAUSE_S
        while not stop.is_set():
            try:
                self._serve(stop)
                pause = FIRST_PAUSE_S
            except KeyUnknown as refusal:
                log.error("The server refuses this device: %s", refusal)
                pause = REFUSED_PAUSE_S
                if self._may_leave:
                    self.left = True
                    break
            except Refused as refusal:
                log.error("The server refuses this device: %s", refusal)
                pause = REFUSED_PAUSE_S
            except Exception as problem:  # "for ever" means whatever the network, the proxy or the library throws
                log.warning("No connection to %s (%s); trying again.", self.server_url, problem or type(problem).__name__)
                pause = min(max(pause * 2, FIRST_PAUSE_S), LONGEST_PAUSE_S)
            # Spread the pauses: after a power cut every device of a building comes back in the same second.
            stop.wait(pause * random.uniform(0.75, 1.25))
        self._inbox.put(None)
        worker.join(timeout=1.0)

    def beat_soon(self) -> None:
        """There is news: say it now rather than with the next beat."""
        self._news.set()

    def answer(self, moment_id: str, ok: bool, detail: str) -> None:
        """Answer a moment for which `on_moment` returned None. The first answer stands; later ones are ignored."""
        with self._lock:
            if moment_id in self._given:
                return
            self._begun.discard(moment_id)
            self._given[moment_id] = _Given(ok, detail)
            while len(self._given) > REMEMBERED:
                self._given.popitem(last=False)
        self._send_answer(moment_id)

    def _serve(self, stop: threading.Event) -> None:
        """One connection from connect to its end. Raises Refused, or any connection error of the library."""
        # A fresh client each time: a half-dead one must not carry its queue or its callbacks into the next connection.
        client = socketio.Client(reconnection=False, handle_sigint=False)
        for event in MOMENTS[self.kind_hint]:
            client.on(event, lambda payload, event=event: self._arrived(event, payload))
        client.connect(self.server_url, auth={"key": self.key}, transports=["websocket"], wait_timeout=HELLO_TIMEOUT_S)
        try:
            self._greet(client)
            self._client = client
            log.info("Connected to %s.", self.server_url)
            self._send_unconfirmed()
            self._keep_alive(client, stop)
        finally:
            self._client = None
            # Not waited for: on a dead link the library's goodbye takes seconds that the next connection should have.
            threading.Thread(target=client.disconnect, name="goodbye", daemon=True).start()

    def _greet(self, client: socketio.Client) -> None:
        state = client.call("hello", self._hello, timeout=HELLO_TIMEOUT_S)
        if not isinstance(state, dict):
            raise ConnectionError("hello was not answered with a state")
        if "error" in state:
            kind_of = KeyUnknown if state["error"].get("code") == "unauthenticated" else Refused
            raise kind_of(state["error"].get("message") or state["error"].get("code"))
        kind = (state.get("device") or {}).get("kind")
        if kind not in (None, self.kind_hint):
            raise Refused(f"this key belongs to a device of kind {kind!r}, but {self.kind_hint!r} was started with it.")
        if state.get("at"):
            self.clock.set(datetime.fromisoformat(state["at"]), float(state.get("factor") or 1))
        self.state = state
        self._greeted.set()
        if self._on_hello:
            self._on_hello(state)

    def _keep_alive(self, client: socketio.Client, stop: threading.Event) -> None:
        """Beat until the connection ends, `stop` is set, or the server stops confirming beats."""
        confirmed = threading.Event()
        unconfirmed = 0
        due = time.monotonic()
        while client.connected and not stop.is_set():
            if self._news.is_set() and time.monotonic() < due:
                self._news.clear()
                self._say(client, confirmed)
            if time.monotonic() >= due:
                self._news.clear()
                unconfirmed = 1 if confirmed.is_set() else unconfirmed + 1
                if unconfirmed > MISSED_BEATS:
                    raise ConnectionError(f"the server has not confirmed {MISSED_BEATS} beats")
                confirmed.clear()
                due = time.monotonic() + self._beat_every_s
                self._say(client, confirmed)
            stop.wait(min(0.1, self._beat_every_s))

    def _say(self, client: socketio.Client, confirmed: threading.Event) -> None:
        """Beat once. The answer tells what time it is in the hall."""
        facts, asked = self._facts(), time.monotonic()

        def answered(answer: Any = None, *_: Any) -> None:
            confirmed.set()
            if isinstance(answer, dict) and answer.get("at"):
                self.clock.hear(datetime.fromisoformat(answer["at"]), float(answer.get("factor") or 1), time.monotonic() - asked)
            self._answered.set()

        client.emit("beat", facts, callback=answered)

    def _facts(self) -> dict[str, Any]:
        own = {"version": own_version(), "clock": time.time()}
        try:
            return own | self._beat()
        except Exception as problem:  # a beat without facts still says "I live"
            log.exception("The facts of a beat could not be gathered.")
            return own | {"ok": False, "detail": str(problem)}

    def _arrived(self, event: str, payload: dict[str, Any]) -> None:
        """A moment came in, for the first time or again. Runs on the library's thread: it must not wait for anything."""
        moment_id = payload.get("id") if isinstance(payload, dict) else None
        if not isinstance(moment_id, str):
            log.error("A moment without an id was ignored: %s.", event)
            return
        with self._lock:
            if moment_id in self._begun:
                return
            again = moment_id in self._given
            if not again:
                self._begun.add(moment_id)
        if again:
            self._send_answer(moment_id)
        else:
            self._inbox.put((event, payload))

    def _work(self) -> None:
        while (item := self._inbox.get()) is not None:
            event, payload = item
            # A moment may overtake the answer to hello, and until that has told the hall's time everything could seem to have expired.
            self._greeted.wait()
            if self._seems_over(payload):
                # Perhaps the hall's clock was set back a moment ago, and no beat has told it yet.
                self._answered.clear()
                self.beat_soon()
                self._answered.wait(ASK_TIMEOUT_S)
            try:
                answer = self._on_moment(event, payload)
            except Exception as problem:  # one bad moment must not silence the ones behind it
                log.exception("Moment %s failed.", payload["id"])
                answer = (False, f"{type(problem).__name__}: {problem}")
            if answer is not None:
                self.answer(payload["id"], *answer)

    def _seems_over(self, payload: dict[str, Any]) -> bool:
        try:
            return self.clock.seconds_until(datetime.fromisoformat(payload["expires_at"])) <= 0
        except (KeyError, TypeError, ValueError):
            return False

    def _send_unconfirmed(self) -> None:
        with self._lock:
            waiting = [moment_id for moment_id, given in self._given.items() if not given.confirmed]
        for moment_id in waiting:
            self._send_answer(moment_id)

    def _send_answer(self, moment_id: str) -> None:
        """Emit `done` if connected; otherwise the answer waits for the next hello."""
        client = self._client
        with self._lock:
            given = self._given.get(moment_id)
        if given is None or client is None:
            return

        def confirm(*_: Any) -> None:
            given.confirmed = True

        try:
            client.emit("done", {"id": moment_id, "ok": given.ok, "detail": given.detail}, callback=confirm)
        except socketio.exceptions.SocketIOError:  # the connection ended between the look and the word
            log.info("The answer to %s waits for the next connection.", moment_id)
