"""One ticket to one printer: what became of it. Knows no driver and no picture, only bytes and answers.

A printer cannot prove that paper came out. So three outcomes are kept apart: `failed` promises that nothing of this ticket
reached the printer, `unknown` that something did and the end was not seen; only a person can tell then, and the kiosk asks.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from kiosk.receipt import Receipt, ReceiptError

log = logging.getLogger("moiso.printer")

# DLE EOT 1 to 4, answered at once, even while printing. The cause and the error are asked only of a printer that is not ready.
ASK_ONLINE, ASK_CAUSE, ASK_ERROR, ASK_PAPER = b"\x10\x04\x01", b"\x10\x04\x02", b"\x10\x04\x03", b"\x10\x04\x04"
OFFLINE, COVER_OPEN, CUTTER_JAMMED, BROKEN = 0x08, 0x04, 0x08, 0x20
ASK_S = 0.2  # for a beat, which asks twice within STATUS_S
PATIENT_S = 0.8  # before a ticket; a printer that stays silent so long is not asked before the next one
CONFIRM_S = 2.5  # the answer after a ticket waits behind the ticket
STATUS_S = 0.5
ENDED_S = 0.5  # how long a printer that never answers is given to break the connection
HELD_S = 4.0  # a question that hangs in a driver holds the line no longer than this against a ticket


@dataclass(frozen=True, slots=True)
class Printed:
    """What became of one ticket. `detail` begins with the outcome and is for staff and logs."""

    outcome: Literal["printed", "failed", "unknown"]
    detail: str

    @property
    def ok(self) -> bool:
        """Whether the ticket went out as far as anybody can know."""
        return self.outcome == "printed"


@dataclass(frozen=True, slots=True)
class Status:
    """What the printer says of itself; None where it does not say."""

    online: bool | None
    paper: Literal["ok", "low", "out"] | None
    detail: str
    fault: Literal["cover", "cutter", "broken"] | None = None
    """Why it is not ready, where it names a reason that a hand can do something about."""

    @property
    def refuses(self) -> bool:
        """Whether a ticket sent now would be lost, or come out later when nobody waits for it."""
        return self.online is False or self.paper == "out"


class Printer(Protocol):
    """Anything that takes tickets: a real printer, a file, the console."""

    def print(self, receipt: Receipt) -> Printed:
        """Print one ticket and cut. Never raises."""

    def status(self) -> Status:
        """Answer within STATUS_S, whatever the printer does."""


class Wire(Protocol):
    """A way to a printer. Its calls raise what the driver raises; `WirePrinter` turns that into outcomes."""

    keeps: bool
    """Whether the way stays open between tickets. A kept network connection may be dead and still swallow a ticket, and shuts
    others out of a printer that takes one at a time; opening USB resets the printer."""

    def open(self) -> None: ...
    def send(self, data: bytes) -> None: ...
    def ask(self, question: bytes, seconds: float) -> bytes:
        """The printer's answer, b"" if there is none in time. Raises ConnectionError when the printer has hung up."""

    def close(self) -> None: ...


class WirePrinter:
    """A real printer. One ticket at a time; every ticket is tried anew, whatever became of the one before.

    `prepare(receipt)` gives the commands of a ticket, or raises ReceiptError. After a ticket that was torn `mend` comes first:
    it ends a picture that broke off and cuts, so that nobody gets half of another's number.
    """

    def __init__(self, wire: Wire, prepare: Callable[[Receipt], list[bytes]], mend: bytes) -> None:
        self._wire = wire
        self._prepare = prepare
        self._mend = mend
        self._lock = threading.Lock()  # tickets and questions share one line
        self._open = False
        self._answers = True  # until it is asked and stays silent
        self.torn = False
        """The printer may still wait for the rest of a picture."""
        self._last = Status(None, None, "not asked yet")

    def print(self, receipt: Receipt) -> Printed:
        try:
            commands = self._prepare(receipt)
        except ReceiptError as reason:
            return Printed("failed", f"failed: {reason}")
        if not self._lock.acquire(timeout=HELD_S):
            return Printed("failed", "failed: the printer driver does not come back")
        try:
            return self._deliver(receipt.code, commands)
        finally:
            self._lock.release()

    def status(self) -> Status:
        """Ask in a thread of its own: a name server, a driver or a cable may hold the question longer than we can wait."""
        if not self._lock.acquire(blocking=False):
            return self._last  # it prints, or the last question is still open
        finished = threading.Event()
        threading.Thread(target=self._look, args=(finished,), name="printer status", daemon=True).start()
        if not finished.wait(STATUS_S):
            self._last = Status(None, None, f"no answer within {STATUS_S} s")
        return self._last

    def _look(self, finished: threading.Event) -> None:
        try:
            self._connect()
            self._ask(ASK_S)
            self._hang_up()
        except Exception as reason:
            self._drop()
            self._last = Status(False, None, sentence(reason))
        finally:
            self._lock.release()
            finished.set()

    def _deliver(self, code: str, commands: list[bytes]) -> Printed:
        begun = False
        try:
            self._connect()
            if self._answers and (status := self._ask(PATIENT_S)).refuses:
                self._hang_up()
                return Printed("failed", f"failed: {status.detail}")
            begun = True
            for command in commands:
                self._wire.send(command)
            outcome = self._confirmed()
            self._hang_up()
        except Exception as reason:  # drivers raise all sorts; no paper is not no ticket, and not no program either
            self._drop()
            words = sentence(reason)
            log.warning("Ticket %s: %s", code, words)
            if not begun:
                self._last = Status(False, None, words)
                return Printed("failed", f"failed: {words}")
            outcome = Printed("unknown", f"unknown: {words}")
        self.torn = outcome.outcome == "unknown"
        return outcome

    def _connect(self) -> None:
        if not self._open:
            self._wire.open()
            self._open = True
        if self.torn:  # before any question: in the middle of a command its bytes would be taken for a size
            self._wire.send(self._mend)
            self.torn = False

    def _hang_up(self) -> None:
        """Close a way that is not kept. Raises: CUPS takes the job only here."""
        if not self._wire.keeps:
            self._open = False
            self._wire.close()

    def _drop(self) -> None:
        """Close after a failure; what goes wrong now changes nothing."""
        self._open = False
        try:
            self._wire.close()
        except Exception as reason:
            log.debug("Closing the printer failed: %s", reason)

    def _ask(self, seconds: float) -> Status:
        """Whether it is ready and has paper; `seconds` for each of the two. Raises what the wire raises."""
        paper = _answer(self._wire.ask(ASK_PAPER, seconds))
        if paper is not None or seconds >= PATIENT_S:
            self._answers = paper is not None
        # No answer is no news: the library would call it plenty of paper.
        self._last = self._readiness(paper) if paper is not None else read_status(None, None)
        return self._last

    def _readiness(self, paper: int) -> Status:
        """Ask a printer that has just answered whether it is ready, and if not, why. Raises what the wire raises."""
        state = _answer(self._wire.ask(ASK_ONLINE, ASK_S))
        if state is None or not state & OFFLINE:
            return read_status(state, paper)
        return read_status(state, paper, *(_answer(self._wire.ask(question, ASK_S)) for question in (ASK_CAUSE, ASK_ERROR)))

    def _confirmed(self) -> Printed:
        """After the last byte: did the printer receive it, has it still paper, and is it ready for the next?"""
        answer = _answer(self._wire.ask(ASK_PAPER, CONFIRM_S if self._answers else ENDED_S))
        if answer is None and self._answers:
            raise ConnectionError("the printer answered before the ticket and not after it")
        if answer is None:
            return Printed("printed", "printed, not confirmed by the printer")
        status = self._readiness(answer)
        if status.refuses:
            # Real-time answers overtake the ticket: a cover opened, or a knife stuck, in the middle of it is seen only here.
            self._last = status
            return Printed("unknown", f"unknown: during this ticket {status.detail}")
        return Printed("printed", "printed")


def _answer(received: bytes) -> int | None:
    """The status byte among what was received: bits 0 and 7 clear, 1 and 4 set; a printer may send other reports unasked."""
    return next((byte for byte in reversed(received) if byte & 0x93 == 0x12), None)


def read_status(state: int | None, paper: int | None, cause: int | None = None, error: int | None = None) -> Status:
    """What the answers to ASK_ONLINE, ASK_PAPER, ASK_CAUSE and ASK_ERROR mean; None is silence."""
    sheet: Literal["ok", "low", "out"] | None = None
    if paper is not None:
        sheet = "out" if paper & 0x60 else "low" if paper & 0x0C else "ok"
    online = None if state is None else not state & OFFLINE
    if sheet == "out":
        return Status(online, sheet, "the printer is out of paper")
    if online is False:
        return Status(online, sheet, *_why_offline(cause or 0, error or 0))
    if sheet == "low":
        return Status(online, sheet, "the paper roll is nearly at its end")
    return Status(online, sheet, "ready" if online or sheet else "the printer does not answer questions")


def _why_offline(cause: int, error: int) -> tuple[str, Literal["cover", "cutter", "broken"] | None]:
    if cause & COVER_OPEN:
        return "the cover of the printer is open", "cover"
    if error & CUTTER_JAMMED:
        return "the cutter of the printer is jammed", "cutter"
    if error & BROKEN:
        return "the printer has a fault that switching it off and on may clear", "broken"
    return "the printer is not ready: look at its cover, paper and lamps", None


def sentence(reason: Exception) -> str:
    """One line for staff; python-escpos puts the address and the system's words on two."""
    return re.sub(r"\s+", " ", str(reason)).strip() or type(reason).__name__
