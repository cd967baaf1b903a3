"""`moiso led`: the agent beside the number LEDs above the counters, on one RS-485 line (Modbus RTU, 8N1).

An LED shows a state: the number at its counter, asked of the server every two seconds and at every call, and written again every ten,
so that an LED that was switched off finds its number. A call makes it blink. One that does not answer is left alone for ten seconds:
its silence must not keep the next counter waiting. The only file that imports pymodbus.

What it answers to a call: `shown`, or not ok and `led: ...` when the LED of that counter cannot be written, or `no led` when there is none.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import re
import signal
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any, Protocol

from pymodbus import ModbusException
from pymodbus.client import ModbusSerialClient

from display.lamps import DARK, Lamp, Lamps, LampsInvalid, Mode, number_of, read, wanted
from server.device import Answer, Device

log = logging.getLogger("moiso.led")

ASK_EVERY_S = 2.0
ASK_TIMEOUT_S = 3.0
BLINK_S = 8.0
AGAIN_S = 10.0
REPLY_S = 0.25  # 17 bytes at 9600 8N1 take 18 ms; the slow boards answer within 100


class LedFailed(Exception):
    """An LED was not written; the text is for staff."""


class Line(Protocol):
    """Anything that reaches LEDs by their address."""

    def write(self, address: int, register: int, values: list[int]) -> None:
        """Raises LedFailed."""

    def close(self) -> None: ...


class Rs485:
    """A serial line with LEDs that speak Modbus RTU."""

    def __init__(self, port: str, baud: int) -> None:
        self._port = port
        self._client = ModbusSerialClient(port, baudrate=baud, timeout=REPLY_S, retries=1)

    def write(self, address: int, register: int, values: list[int]) -> None:
        try:
            if not self._client.connected and not self._client.connect():
                raise LedFailed(f"the line {self._port} cannot be opened")
            if len(values) == 1:
                answer = self._client.write_register(register, values[0], device_id=address)
            else:
                answer = self._client.write_registers(register, values, device_id=address)
        except (ModbusException, OSError) as problem:
            # A converter that was pulled out leaves a dead handle; the next write opens the line anew.
            if not Path(self._port).exists():
                self._client.close()
                raise LedFailed(f"the line {self._port} is gone") from problem
            raise LedFailed("does not answer") from problem
        if answer.isError():
            raise LedFailed(f"refuses the number ({answer})")

    def close(self) -> None:
        self._client.close()


class LedAgent:
    """The LEDs of one line. `run` until stopped."""

    def __init__(self, server_url: str, key: str, lamps: Lamps, line: Line, *, beat_every_s: float = 5.0) -> None:
        self._device = Device(server_url, key, "display", self._arrived, self._facts, beat_every_s=beat_every_s)
        self._server_url, self._lamps, self._line = server_url.rstrip("/"), lamps, line
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._calls: dict[str, tuple[str, str]] = {}
        """Moment id -> code and counter of calls that are still to be answered."""
        self._blinking: dict[str, float] = {}
        self._written: dict[str, tuple[Lamp, float]] = {}
        self._rests: dict[str, float] = {}
        self._faults: dict[str, str] = {}
        self._no_digit: set[str] = set()

    def run(self, stop: threading.Event) -> None:
        """Serve until `stop` is set; then the LEDs are dark."""
        showing = threading.Thread(target=self._show_forever, args=(stop,), name="led", daemon=True)
        showing.start()
        try:
            self._device.run_forever(stop)
        finally:
            stop.set()
            self._wake.set()
            showing.join(timeout=5)
            for counter in self._lamps.counters:
                with contextlib.suppress(LedFailed):
                    self._write(counter, DARK)
            self._line.close()

    def _arrived(self, event: str, payload: dict[str, Any]) -> Answer | None:
        """A call, a recall or a correction; answered when the LED shows it."""
        code, counter = str(payload.get("code") or ""), str(payload.get("counter") or "")
        if not code or counter not in self._lamps.counters:
            return False, "no led"
        with self._lock:
            if payload.get("kind") in (None, "call", "recall"):
                self._blinking[code] = time.monotonic() + BLINK_S
            self._calls[payload["id"]] = (code, counter)
            self._rests.pop(counter, None)
        self._wake.set()
        return None

    def _facts(self) -> dict[str, Any]:
        """What the next beat tells staff."""
        faults = [f"counter {counter}: {why}" for counter, why in sorted(self._faults.items())]
        faults += [f"the letter {letter} has no digit" for letter in sorted(self._no_digit)]
        return {"ok": not faults, "fault": "; ".join(faults)[:180] or None, "leds": len(self._lamps.counters) - len(self._faults)}

    def _show_forever(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self._wake.clear()
            try:
                self._show()
            except Exception:  # this thread is the LEDs; if it ended, the beats would still say that all is well
                log.exception("The LEDs stumbled.")
            self._wake.wait(ASK_EVERY_S)

    def _show(self) -> None:
        """Write every LED that differs from what the server says, those of new calls first; then answer the calls."""
        with self._lock:
            asked = dict(self._calls)
            now = time.monotonic()
            self._blinking = {code: until for code, until in self._blinking.items() if until > now}
            blinking = frozenset(self._blinking)
        counters = self._ask()
        if counters is not None:
            shown = wanted(counters, self._lamps, blinking)
            codes = [str(each["code"]) for each in counters if each["id"] in self._lamps.counters and each.get("code")]
            self._no_digit = {code.rstrip("0123456789") for code in codes if number_of(code, self._lamps.letters) is None}
            for counter in sorted(shown, key=lambda each: shown[each].mode is not Mode.BLINKING):
                self._refresh(counter, shown[counter])
        for moment, (_, counter) in asked.items():
            fault = self._faults.get(counter) or ("the server does not say what is at the counter" if counters is None else None)
            with self._lock:
                self._calls.pop(moment, None)
            self._device.answer(moment, not fault, f"led: {fault}" if fault else "shown")

    def _ask(self) -> list[dict[str, Any]] | None:
        """What stands at the counters; None when the server does not say. What the LEDs show then stays: it is still true."""
        site = self._device.state.get("site")
        if not site:
            return None
        try:
            path = f"{self._server_url}/api/v1/sites/{urllib.parse.quote(site)}"
            with urllib.request.urlopen(path, timeout=ASK_TIMEOUT_S) as response:
                counters: list[dict[str, Any]] = json.load(response)["counters"]
        except (OSError, HTTPException, ValueError, KeyError) as problem:
            log.info("The counters are not to be had: %s.", problem)
            return None
        return counters

    def _refresh(self, counter: str, lamp: Lamp) -> None:
        now = time.monotonic()
        before = self._written.get(counter)
        if self._rests.get(counter, 0) > now or (before and before[0] == lamp and now - before[1] < AGAIN_S):
            return
        try:
            self._write(counter, lamp)
        except LedFailed as failure:
            if counter not in self._faults:
                log.error("The LED of counter %s %s.", counter, failure)
            self._faults[counter] = str(failure)
            self._rests[counter] = now + AGAIN_S
            self._written.pop(counter, None)
        else:
            if self._faults.pop(counter, None):
                log.info("The LED of counter %s shows numbers again.", counter)
            self._written[counter] = (lamp, now)

    def _write(self, counter: str, lamp: Lamp) -> None:
        self._line.write(self._lamps.counters[counter], self._lamps.register, self._lamps.values(lamp))


def check(lamps: Lamps, line: Line, say: Callable[[str], None]) -> bool:
    """Light each LED with its address, so that somebody who looks up sees which is which; whether all answered."""
    well = True
    for counter, address in lamps.counters.items():
        try:
            line.write(address, lamps.register, lamps.values(Lamp(address, Mode.STEADY)))
            say(f"Counter {counter}: address {address} shows {address}.")
        except LedFailed as failure:
            well = False
            say(f"Counter {counter}: address {address} {failure}.")
    return well


def main(args: argparse.Namespace) -> int:
    """Run the command with parsed options; the exit status. Ends on SIGTERM and Ctrl-C."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    logging.getLogger("moiso").setLevel(logging.INFO)
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # a board that does not answer is told once, by us
    try:
        lamps = read(Path(args.leds).read_text(encoding="utf-8"))
        line = Rs485(lamps.port, lamps.baud)
        if args.check:
            return 0 if check(lamps, line, print) else 1
        key = args.key or os.environ.get("MOISO_KEY")
        if not key or not re.match(r"https?://[^/]", args.server or ""):
            raise ValueError("Give --server http://HOST:PORT and --key KEY (made by `moiso device add NAME --kind display`).")
    except LampsInvalid as problem:
        print(f"{args.leds} is not usable:\n{problem}", file=sys.stderr)
        return 2
    except (OSError, ValueError) as problem:
        print(problem, file=sys.stderr)
        return 2
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    LedAgent(args.server, key, lamps, line).run(stop)
    return 0
