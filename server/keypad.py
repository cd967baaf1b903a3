"""`moiso keypad`: a numeric keypad as a clerk's console, for a counter without a screen.

It sends the console's own commands, one for each press, and says what became of it in one line and one or two beeps. A keypad that bounces,
or is pressed twice, gives one command: a press counts only when the hands have rested, and its key is made of what was there before it.

    Enter  the big button: open the counter, work again, end the present number and call the next
    *      call again        +  the citizen has come        -  nobody came        /  pause        .  take the last press back
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import re
import select
import signal
import struct
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.client import HTTPException
from typing import Any, Literal

log = logging.getLogger("moiso.keypad")

Press = Literal["big", "recall", "start", "no-show", "pause", "undo"]

CHARACTERS: dict[str, Press] = {
    "\r": "big",
    "\n": "big",
    "*": "recall",
    "+": "start",
    "-": "no-show",
    "/": "pause",
    ".": "undo",
    ",": "undo",
}
CODES: dict[int, Press] = {96: "big", 28: "big", 55: "recall", 78: "start", 74: "no-show", 98: "pause", 83: "undo", 111: "undo", 14: "undo"}
"""Linux's codes of the keys of a keypad (input-event-codes.h)."""
EVENT = struct.Struct("llHHi")
"""One `struct input_event`: seconds, microseconds, type, code, value."""
KEY_EVENT, KEY_DOWN = 1, 1
GRAB = 0x40044590  # EVIOCGRAB: the presses are ours, and write nothing into a login prompt

REST_S = 0.8
"""After an answer no press counts for this long: it was meant for what was there before."""
SURE_S = 5.0
YOUNG = timedelta(seconds=60)
"""A call younger than this, by the hall's clock: the citizen may still be walking, so the big key asks once."""
ANSWER_S = 10.0
DONE, ASKS = "\a", "\a\a"


class Away(Exception):
    """The server cannot be reached; nothing is known of what was asked."""


class NotLetIn(Exception):
    """The server knows neither this name nor this password."""


@dataclass(frozen=True)
class Said:
    """One answer of the server."""

    status: int
    body: dict[str, Any]

    @property
    def well(self) -> bool:
        return self.status < 300

    @property
    def sentence(self) -> str:
        """Why it was refused."""
        return str((self.body.get("error") or {}).get("message") or "Chưa làm được.")


class Office:
    """The server, as one clerk. Signs in again when a session has ended."""

    def __init__(self, server_url: str, user: str, password: str) -> None:
        self._base, self._user, self._password = server_url.rstrip("/") + "/api/v1", user, password
        self._token: str | None = None

    def sign_in(self) -> None:
        """Raises NotLetIn or Away."""
        self._token = None
        said = self._send("POST", "/sessions", {"user": self._user, "password": self._password}, None)
        if not said.well:
            raise NotLetIn(said.sentence)
        self._token = said.body["token"]

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None, once: str | None = None) -> Said:
        """One question, with one more try after a session that has ended. Raises Away or NotLetIn."""
        if self._token is None:
            self.sign_in()
        said = self._send(method, path, body, once)
        if said.status == 401:
            self.sign_in()
            said = self._send(method, path, body, once)
        return said

    def _send(self, method: str, path: str, body: dict[str, Any] | None, once: str | None) -> Said:
        headers = {"Accept-Language": "vi", "Content-Type": "application/json"}
        headers |= {"Idempotency-Key": once} if once else {}
        headers |= {"Authorization": f"Bearer {self._token}"} if self._token else {}
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._base + path, content, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_S) as answer:
                return Said(answer.status, json.load(answer))
        except urllib.error.HTTPError as refusal:
            with contextlib.suppress(ValueError):
                return Said(refusal.code, json.load(refusal))
            raise Away(f"HTTP {refusal.code}") from refusal
        except (OSError, HTTPException, ValueError) as problem:
            raise Away(str(problem)) from problem


class Keypad:
    """The console of one counter behind six keys. `say(beeps, line)` tells the clerk."""

    def __init__(self, office: Office, site: str, counter: str, say: Callable[[str, str], None], *, rest_s: float = REST_S) -> None:
        self._office, self._say, self._rest_s = office, say, rest_s
        self._site = f"/sites/{urllib.parse.quote(site, safe='')}"
        self._counter = f"{self._site}/counters/{urllib.parse.quote(counter, safe='')}"
        self._mark = uuid.uuid4().hex[:12]
        self._rested = 0.0
        self._asked: tuple[str, float] | None = None
        """The ticket about whose end the keypad has asked, and until when a second press is the answer."""

    def press(self, what: Press) -> None:
        """One key went down."""
        if time.monotonic() < self._rested:
            return
        try:
            beeps, line = self._act(what)
        except Away as reason:
            log.warning("The server is away: %s.", reason)
            beeps, line = ASKS, "Mất kết nối. Bấm lại khi có mạng; không gọi hai lần."
        except NotLetIn as refusal:
            beeps, line = ASKS, str(refusal)
        self._rested = time.monotonic() + self._rest_s
        self._say(beeps, line)

    def _act(self, what: Press) -> tuple[str, str]:
        seen = self._office.ask("GET", f"{self._counter}/console")
        if not seen.well:
            return ASKS, seen.sentence
        shown = seen.body
        match what:
            case "big":
                return self._big(shown)
            case "pause":
                verb = {"closed": None, "paused": "resume"}.get(shown["counter"]["state"], "pause")
                return self._at_counter(shown, verb, {}) if verb else (ASKS, "Quầy chưa mở.")
            case "undo":
                undo = shown["undo"]
                return self._with_ticket(shown, undo["ticket"], "undo") if undo else (ASKS, "Không còn gì để lấy lại.")
            case verb:
                current = shown["current"]
                return self._with_ticket(shown, current["id"], verb) if current else (ASKS, "Chưa có ai ở quầy.")

    def _big(self, shown: dict[str, Any]) -> tuple[str, str]:
        state, current = shown["counter"]["state"], shown["current"]
        if state != "open":
            return self._at_counter(shown, "open" if state == "closed" else "resume", {})
        if current is None:
            return self._at_counter(shown, "next", {})
        if current["state"] == "called" and self._is_young(shown, current) and not self._is_sure(current["id"]):
            self._asked = (current["id"], time.monotonic() + SURE_S)
            return ASKS, f"{current['code']} vừa được gọi. Bấm Enter lần nữa là hoàn tất; - là vắng; * là gọi lại."
        return self._at_counter(shown, "next", {"finish": True, "outcome": "done"})

    @staticmethod
    def _is_young(shown: dict[str, Any], current: dict[str, Any]) -> bool:
        called = current.get("called_at") or current.get("first_called_at")
        return bool(called) and datetime.fromisoformat(shown["at"]) - datetime.fromisoformat(called) < YOUNG

    def _is_sure(self, ticket: str) -> bool:
        return self._asked is not None and self._asked[0] == ticket and time.monotonic() < self._asked[1]

    def _at_counter(self, shown: dict[str, Any], verb: str, body: dict[str, Any]) -> tuple[str, str]:
        said = self._office.ask("POST", f"{self._counter}/{verb}", body, self._key(shown, verb, ""))
        if not said.well:
            return ASKS, said.sentence
        if verb != "next":
            return DONE, {"open": "Quầy đã mở.", "resume": "Làm việc lại.", "pause": "Tạm nghỉ."}[verb]
        if "code" not in said.body:
            return DONE, f"Hoàn tất {said.body['finished']['code']}. Chưa có ai chờ."
        return DONE, f"Mời {said.body['code']}."

    def _with_ticket(self, shown: dict[str, Any], ticket: str, verb: str) -> tuple[str, str]:
        said = self._office.ask("POST", f"{self._site}/tickets/{urllib.parse.quote(ticket)}/{verb}", {}, self._key(shown, verb, ticket))
        if not said.well:
            return ASKS, said.sentence
        what = {"recall": "Gọi lại", "start": "Bắt đầu", "no-show": "Vắng", "undo": "Đã lấy lại"}[verb]
        return DONE, f"{what} {said.body['code']}."

    def _key(self, shown: dict[str, Any], verb: str, ticket: str) -> str:
        """One for each revision and action, as on the console: pressed again before anything has changed, it is the same command."""
        return "_".join((self._mark, shown["day"], str(shown["revision"]), verb, ticket))


def presses(source: int, stop: threading.Event, events: bool) -> Iterator[Press]:
    """Key after key from an open file, until it ends or `stop` is set: input events, or characters of a serial keypad."""
    left = b""
    while not stop.is_set():
        if not select.select([source], [], [], 0.2)[0]:
            continue
        try:
            got = os.read(source, 1024)
        except OSError:  # pulled out
            return
        if not got:
            return
        left += got
        if events:
            while len(left) >= EVENT.size:
                _, _, kind, code, value = EVENT.unpack(left[: EVENT.size])
                left = left[EVENT.size :]
                if kind == KEY_EVENT and value == KEY_DOWN and code in CODES:
                    yield CODES[code]
        else:
            text, left = left.decode("ascii", "ignore"), b""
            yield from (CHARACTERS[each] for each in text if each in CHARACTERS)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `moiso keypad`."""
    parser.add_argument("--server", required=True, metavar="URL", help="the server, for example http://192.168.1.10:8000")
    parser.add_argument("--site", required=True, help="the office's id")
    parser.add_argument("--counter", required=True, help="the counter's id")
    parser.add_argument("--user", required=True, help="the clerk's account")
    parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input (default: MOISO_PASSWORD)")
    parser.add_argument(
        "--keys", required=True, metavar="DEVICE", help="/dev/input/by-id/...-event-kbd, or the serial line of a keypad, as /dev/ttyUSB1"
    )


def main(args: argparse.Namespace) -> int:
    """Run the command with parsed options; the exit status. Ends on SIGTERM and Ctrl-C."""
    password = sys.stdin.readline().rstrip("\n") if args.password_stdin else os.environ.get("MOISO_PASSWORD", "")
    if not password or not re.match(r"https?://[^/]", args.server):
        print("Give --server http://HOST:PORT, and the password with --password-stdin or in MOISO_PASSWORD.", file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    office = Office(args.server, args.user, password)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        office.sign_in()
    except NotLetIn as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except Away as reason:  # the server of a morning may start later than the keypad
        log.warning("The server is away (%s); signing in at the first press.", reason)
    events = "/input/" in args.keys
    keypad = Keypad(office, args.site, args.counter, lambda beeps, line: print(beeps + line, flush=True))
    try:
        return serve(keypad, args.keys, events, stop)
    except OSError as problem:
        print(f"The keypad {args.keys} cannot be read: {problem.strerror or problem}.", file=sys.stderr)
        return 1


def serve(keypad: Keypad, path: str, events: bool, stop: threading.Event) -> int:
    """Act on the presses of the device at `path` until `stop` is set. Raises OSError when it cannot be opened or is pulled out."""
    source = os.open(path, os.O_RDWR | os.O_NOCTTY) if not events else os.open(path, os.O_RDONLY)
    try:
        _alone(source, events)
        for each in presses(source, stop, events):
            keypad.press(each)
    finally:
        os.close(source)
    if not stop.is_set():
        raise OSError("it was pulled out")
    return 0


def _alone(source: int, events: bool) -> None:
    """Make the presses ours alone: no login prompt gets them, and a serial line gives each at once and echoes nothing."""
    if events:
        import fcntl

        with contextlib.suppress(OSError):
            fcntl.ioctl(source, GRAB, 1)
    else:
        import termios
        import tty

        with contextlib.suppress(termios.error):
            tty.setraw(source)
