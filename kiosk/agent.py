"""`moiso kiosk`: the agent beside a ticket machine. Receives print moments, puts each on paper once, says how it went; and while the
server cannot be reached it gives the numbers that it was lent (`alone`, `beside`, `courier`).

Nothing here decides anything about the queue, and nothing here may stop because a printer does: the next ticket is tried anew.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kiosk.journal import Journal, JournalError, usual_path
from kiosk.notebook import Notebook, NotebookError
from kiosk.touches import Touches
from server import paired
from server.core.site import Offline

if TYPE_CHECKING:
    from kiosk.delivery import Printed
    from kiosk.printer import Printer
    from kiosk.receipt import Receipt
    from server.device import Device

log = logging.getLogger("moiso.kiosk")

WATCH_EVERY_S = 0.8
"""Whoever stands before the kiosk sees within two seconds that it has no paper: this, the printer's half a second, and the page's look."""
LAST_TICKET_S = 10.0  # how long a ticket that is being printed may hold up the end of the program


class PrintAgent:
    """What happens to a print moment. `expired(instant)` says whether a hall instant has passed."""

    def __init__(self, printer: Printer, journal: Journal, expired: Callable[[datetime], bool]) -> None:
        self._printer = printer
        self._journal = journal
        self._expired = expired
        self._busy = threading.Lock()
        self.facts: Callable[[], dict[str, Any]] = dict
        """What the beat tells besides the printer's state."""
        self.has_own: Callable[[Any], bool] = lambda intent: False
        """Whether a number was given without the server for the touch that a moment names: the server's own is then on its way out."""
        self.touches = Touches()

    def on_moment(self, event: str, payload: dict[str, Any]) -> tuple[bool, str]:
        """Print once; answer `(ok, detail)`, the same again for a moment that was already answered."""
        from kiosk.receipt import Receipt, ReceiptError

        with self._busy:
            # A fresh database begins its moment ids anew; the ticket id tells its moments from those of the one before.
            moment = f"{payload['id']} {payload.get('ticket', '')}"
            known = self._journal.get(moment)
            if known is not None:
                return known.ok, known.detail
            try:
                if payload.get("expires_at") and self._expired(datetime.fromisoformat(payload["expires_at"])):
                    return False, "expired"
                paper = payload.get("receipt") or {}
                receipt = Receipt.from_json(paper)
                with self.touches.deciding:
                    if self.has_own(paper.get("intent")):
                        return False, "expired: the kiosk has given a number of its own for this touch"
                    touch = self.touches.note(paper.get("intent"), paper.get("answer"))
            except (ReceiptError, TypeError, ValueError) as reason:
                return False, f"failed: {reason}"
            self._journal.start(moment)
            printed = self._printer.print(receipt)
            if touch is not None:
                touch.outcome = printed.outcome
            self._journal.end(moment, printed.ok, printed.detail)
            log.info("Ticket %s: %s.", receipt.code, printed.detail)
            return printed.ok, printed.detail

    def print_now(self, receipt: Receipt) -> Printed:
        """Put a number on paper that did not come from the server."""
        with self._busy:
            printed = self._printer.print(receipt)
            log.info("Ticket %s: %s.", receipt.code, printed.detail)
            return printed

    def beat(self) -> dict[str, Any]:
        """The next beat: `paper` is ok, low, out, offline or null (it does not say), `fault` is cover, cutter, broken or null, `detail`
        the same in words."""
        status = self._printer.status()
        paper = "offline" if status.online is False and status.paper != "out" else status.paper
        return {"paper": paper, "fault": status.fault, "detail": status.detail, **self.facts()}

    def watch(self, stop: threading.Event, news: Callable[[], None]) -> None:
        """Look at the printer until `stop` is set; `news()` when it says something else than before."""
        before = self._printer.status()
        while not stop.wait(WATCH_EVERY_S):
            now = self._printer.status()
            if now != before:
                news()
            before = now

    def settle(self, seconds: float) -> None:
        """Wait for the ticket that is being printed, at most `seconds`; after that no other is begun."""
        self._busy.acquire(timeout=seconds)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `moiso kiosk`."""
    parser.epilog = parser.epilog or (
        "Example: moiso kiosk --server http://192.0.2.1:8000 --key KEY --printer network://192.0.2.7:9100. "
        "The key comes from `moiso device add k1 --kind kiosk`; instead of --key it may stand in the variable MOISO_KEY."
    )
    parser.add_argument("--server", required=True, metavar="URL", help="where the office's server is, such as http://192.0.2.1:8000")
    parser.add_argument(
        "--key", default=os.environ.get("MOISO_KEY"), help="the device key of this kiosk (default: MOISO_KEY, else the device is paired)"
    )
    paired.add_arguments(parser)
    parser.add_argument(
        "--printer",
        required=True,
        metavar="URL",
        help="network://host:9100, usb://vid:pid, serial:///dev/ttyUSB0?baud=115200, cups://name, file:///path.bin or console:",
    )
    parser.add_argument("--paper", type=int, choices=(80, 58), default=80, help="width of the paper in mm (default 80)")
    parser.add_argument(
        "--journal", type=Path, metavar="FILE", help="where the printed tickets are remembered (default: the user's state folder)"
    )
    parser.add_argument(
        "--notebook", type=Path, metavar="FILE", help="where numbers given without the server are remembered (default: the same folder)"
    )
    parser.add_argument(
        "--local-port",
        type=int,
        default=Offline().port,
        metavar="PORT",
        help="where this machine's own kiosk page finds the agent, 0: nowhere (default %(default)s; the port in the site's [offline])",
    )
    parser.add_argument("--page", metavar="URL", help="where the kiosk page is opened from, if not from --server")


def main(args: argparse.Namespace) -> int:
    """Run the agent until SIGINT or SIGTERM. Returns the exit status; a sentence on stderr when it cannot begin."""
    # What draws and prints is loaded here: the command line and the server do without it.
    from kiosk.printer import PrinterError

    if args.key == "":
        print("A device key is needed: give --key, from `moiso device add k1 --kind kiosk`.", file=sys.stderr)
        return 2
    # The printing library tells the root logger of every connection; ours says what staff need.
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    logging.getLogger("moiso").setLevel(logging.INFO)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        paired.serve_paired(args, args.server, "kiosk", args.key, stop, lambda key: _serve(args, key, stop))
    except (PrinterError, JournalError, NotebookError, OSError) as reason:
        print(reason, file=sys.stderr)
        return 2
    return 0


def _serve(args: argparse.Namespace, key: str, stop: threading.Event) -> bool:
    """Serve with this key; whether it ended because the server knows it no longer."""
    from kiosk.printer import open_printer

    with ExitStack() as open_files:
        journal = open_files.enter_context(Journal(args.journal or usual_path("print", args.server, key)))
        printer = open_printer(args.printer, args.paper, torn=journal.interrupted)
        own = None
        if args.local_port:
            notebook = open_files.enter_context(Notebook(args.notebook or usual_path("alone", args.server, key)))
            own = OnItsOwn(notebook, args.page or args.server, args.local_port)
        log.info("Printing on %s, %d mm.", args.printer, args.paper)
        return serve(args.server, key, printer, journal, stop, own)


@dataclass(frozen=True, slots=True)
class OnItsOwn:
    """What an agent needs to give numbers without the server: its notebook, where the page comes from, the port it is found at."""

    notebook: Notebook
    page: str
    port: int


def serve(
    server: str,
    key: str,
    printer: Printer,
    journal: Journal,
    stop: threading.Event,
    own: OnItsOwn | None = None,
    *,
    beat_every_s: float = 5.0,
) -> bool:
    """Print what the server sends until `stop` is set, and give numbers while it sends nothing; then end the ticket that is being
    printed. A key that the server knows no longer ends it too; whether it was that."""
    from server.device import Device

    agent = PrintAgent(printer, journal, lambda instant: device.clock.seconds_until(instant) <= 0)
    device = Device(server, key, "kiosk", agent.on_moment, agent.beat, beat_every_s=beat_every_s, may_leave=True)
    over = threading.Event()
    threading.Thread(target=agent.watch, args=(over, device.beat_soon), name="printer watch", daemon=True).start()
    with _beside(device, agent, own, over) if own else nullcontext():
        try:
            device.run_forever(stop)
        finally:
            over.set()
        agent.settle(LAST_TICKET_S)
    return device.left


@contextmanager
def _beside(device: Device, agent: PrintAgent, own: OnItsOwn, stop: threading.Event) -> Iterator[None]:
    from kiosk.alone import Alone, boot
    from kiosk.beside import Beside
    from kiosk.courier import Courier

    alone = Alone(own.notebook, started=boot())
    courier = Courier(device.server_url, device.key, alone)
    agent.facts = alone.facts
    agent.touches.kiosk = lambda: str(device.state["device"]["place"])
    agent.has_own = lambda intent: alone.has_given_for(intent, agent.touches.kiosk())
    try:
        beside = Beside(alone, own.page, own.port, agent.print_now, agent.beat, lambda: courier.away, courier.hurry, agent.touches)
    except OSError as reason:
        # Paper for the numbers of the server matters more than numbers without it.
        log.error("The port %d of this machine is taken (%s); no numbers are given without the server.", own.port, reason)
        yield
        return
    going = threading.Thread(target=courier.run, args=(stop,), name="courier", daemon=True)
    with beside:
        going.start()
        yield
        courier.hurry()
        going.join(timeout=LAST_TICKET_S)
