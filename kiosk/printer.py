"""The machine that puts tickets on paper, and its stand-ins. The only file that knows python-escpos.

printer = open_printer("network://192.0.2.7:9100", paper=80)   # raises PrinterError, one sentence
printed = printer.print(receipt)                                # never raises; outcome printed, failed or unknown
printer.status()                                                # at most half a second
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import parse_qsl, urlsplit
from urllib.request import url2pathname

from PIL import Image

from kiosk.delivery import ASK_S, Printed, Printer, Status, Wire, WirePrinter, sentence
from kiosk.preview import terminal_lines
from kiosk.receipt import PAPERS, Receipt, ReceiptError, draw

__all__ = ["Console", "File", "Printed", "Printer", "PrinterError", "Status", "encode", "open_printer"]

log = logging.getLogger("moiso.printer")

BAND_ROWS = 128  # cheap printers lose the rest of a picture that is larger than their buffer
BLANK_ROWS = 8  # from this many white rows on, they are sent apart
CONNECT_S = 2.5
SEND_S = 2.5  # for one band
CUPS_STOPPED = 5
WAYS = (
    "network://host:9100",
    "usb://04b8:0e15",
    "serial:///dev/ttyUSB0?baud=115200",
    "cups://name",
    "file:///path.bin",
    "console:",
)


class PrinterError(ValueError):
    """The printer address cannot be used; the text is one sentence that says what to do."""


def open_printer(url: str, paper: int = 80, *, torn: bool = False) -> Printer:
    """The printer behind `--printer`; nothing is connected yet. Raises PrinterError.

    `paper` is 80 or 58 (mm). `torn`: the last ticket may have stopped halfway, so the paper is cut before the next.
    """
    if paper not in PAPERS:
        raise PrinterError(f"--paper is {' or '.join(map(str, PAPERS))}, not {paper}.")
    opener = _OPENERS.get(url.partition(":")[0])
    if opener is None:
        raise PrinterError(f"--printer is one of {', '.join(WAYS)}; {url!r} is none of these.")
    printer = opener(url, paper)
    if isinstance(printer, WirePrinter):
        printer.torn = torn
    return printer


def encode(picture: Image.Image) -> list[bytes]:
    """The picture as ESC/POS commands, one item a band: reset, raster bands, feed and cut.

    White rows are sent as a raster one byte wide and every band ends at its last black dot: a fifth less to send. A feed command
    would be shorter still, but its unit differs between models (1/203, 1/360, 1/406 inch) and would squash the ticket.
    """
    pen = _pen(picture.width)
    pen.hw("INIT")
    commands: list[bytes] = []
    for strip in _strips(picture):
        pen.image(strip, impl="bitImageRaster", fragment_height=BAND_ROWS)
        commands.append(pen.output)
        pen.clear()
    _cut(pen)
    return [*commands, pen.output]


def mend(width: int) -> bytes:
    """What ends a picture that broke off: zeros are its missing dots, in white; a printer that waits for none ignores them."""
    pen = _pen(width)
    pen.hw("INIT")
    _cut(pen)
    return bytes(BAND_ROWS * width // 8) + bytes(pen.output)


def _pen(width: int) -> Any:
    """An instance of the library that collects bytes."""
    from escpos.printer import Dummy  # its profiles take 10 MB and 0.2 s, which only a real printer needs

    pen: Any = Dummy()
    # Without a width in its profile the library writes a line to stdout for every band.
    pen.profile.profile_data = pen.profile.profile_data | {"media": {"width": {"pixels": width}}}
    return pen


def _cut(pen: Any) -> None:
    # Part of the width stays uncut, so that the ticket hangs in the slot instead of falling to the floor.
    pen.cut(mode="PART")


def _strips(picture: Image.Image) -> Iterator[Image.Image]:
    """The picture from top to bottom in strips of at most BAND_ROWS rows, each cut off right of its last black dot."""
    stride = picture.width // 8
    data = picture.tobytes()
    white = [data[y * stride : (y + 1) * stride] == b"\xff" * stride for y in range(picture.height)]
    top = 0
    while top < picture.height:
        bottom = top
        if white[top : top + BLANK_ROWS] == [True] * BLANK_ROWS:
            while bottom < picture.height and white[bottom] and bottom - top < BAND_ROWS:
                bottom += 1
            yield Image.new("1", (8, bottom - top), 1)
        else:
            while bottom < picture.height and bottom - top < BAND_ROWS and white[bottom : bottom + BLANK_ROWS] != [True] * BLANK_ROWS:
                bottom += 1
            strip = picture.crop((0, top, picture.width, bottom))
            ink = Image.eval(strip.convert("L"), lambda value: 255 - value).getbbox()
            yield strip.crop((0, 0, -(-ink[2] // 8) * 8 if ink else 8, bottom - top))
        top = bottom


class NetworkWire:
    """Raw ESC/POS over TCP, usually port 9100."""

    keeps = False

    def __init__(self, host: str, port: int) -> None:
        from escpos.printer import Network

        self._printer: Any = Network(host, port=port, timeout=CONNECT_S)

    def open(self) -> None:
        self._printer.open()

    def send(self, data: bytes) -> None:
        self._printer.device.settimeout(SEND_S)
        self._printer._raw(data)

    def ask(self, question: bytes, seconds: float) -> bytes:
        self._printer.device.settimeout(seconds)
        try:
            answer: bytes = self._printer.query_status(question)
        except TimeoutError:
            return b""
        if not answer:
            raise ConnectionError("the printer closed the connection")
        return answer

    def close(self) -> None:
        self._printer.close()


class UsbWire:
    """A printer on USB, by vendor and product id; endpoints as in the library unless given."""

    keeps = True

    def __init__(self, vendor: int, product: int, **endpoints: int) -> None:
        from escpos.printer import Usb

        if not Usb.is_usable():
            raise PrinterError("Printing over USB needs pyusb and libusb: pip install 'python-escpos[usb]', apt install libusb-1.0-0.")
        self._printer: Any = Usb(vendor, product, timeout=int(SEND_S * 1000), **endpoints)

    def open(self) -> None:
        self._printer.open()

    def send(self, data: bytes) -> None:
        self._printer._raw(data)

    def ask(self, question: bytes, seconds: float) -> bytes:
        self._printer.device.default_timeout = int(seconds * 1000)
        self._printer._raw(question)
        try:
            return bytes(self._printer._read())
        except OSError as silence:  # pyusb reports a silent endpoint and a missing one the same way
            log.debug("The USB printer gave no status: %s", silence)
            return b""

    def close(self) -> None:
        self._printer.close()


class SerialWire:
    """A printer on a serial line; `baud` decides how long a band may take."""

    keeps = True

    def __init__(self, device: str, baud: int, handshake: str) -> None:
        from escpos.printer import Serial

        if not Serial.is_usable():
            raise PrinterError("Printing over a serial line needs pyserial: pip install 'python-escpos[serial]'.")
        self._baud = baud
        flow = {"xonxoff": handshake == "xonxoff", "dsrdtr": handshake == "dsrdtr"}
        self._printer: Any = Serial(device, baudrate=baud, timeout=ASK_S, **flow)

    def open(self) -> None:
        self._printer.open()

    def send(self, data: bytes) -> None:
        # Without a limit a printer that is switched off holds the line, and the program, for ever.
        self._printer.device.write_timeout = SEND_S + len(data) * 10 / self._baud
        self._printer._raw(data)

    def ask(self, question: bytes, seconds: float) -> bytes:
        self._printer.device.timeout = seconds
        self._printer.device.write_timeout = seconds
        self._printer.device.reset_input_buffer()
        self._printer._raw(question)
        return bytes(self._printer.device.read(1))

    def close(self) -> None:
        self._printer.close()


class CupsWire:
    """A queue of the print system: the whole ticket becomes one raw job when the wire is closed."""

    keeps = False

    def __init__(self, name: str) -> None:
        from escpos.printer import CupsPrinter

        if not CupsPrinter.is_usable():
            raise PrinterError("Printing through CUPS needs pycups: apt install libcups2-dev gcc, pip install 'python-escpos[cups]'.")
        self._printer: Any = CupsPrinter(name)

    def open(self) -> None:
        self._printer.open(job_name="ticket")
        if self._printer.printers[self._printer.printer_name].get("printer-state") == CUPS_STOPPED:
            raise ConnectionError(f"the CUPS queue {self._printer.printer_name} is stopped")

    def send(self, data: bytes) -> None:
        self._printer._raw(data)

    def ask(self, question: bytes, seconds: float) -> bytes:
        return b""  # the queue stands between us and the paper sensor

    def close(self) -> None:
        self._printer.close()


class File:
    """Stand-in that appends what a printer would receive to a file; also for a device file such as /dev/usb/lp0."""

    def __init__(self, path: Path, paper: int) -> None:
        self.path = path
        self._paper = paper

    def print(self, receipt: Receipt) -> Printed:
        try:
            data = b"".join(encode(draw(receipt, self._paper)))
            with self.path.open("ab") as file:
                file.write(data)
        except ReceiptError as reason:
            return Printed("failed", f"failed: {reason}")
        except OSError as reason:
            return Printed("failed", f"failed: {sentence(reason)}")
        return Printed("printed", f"printed to {self.path}")

    def status(self) -> Status:
        there = self.path.parent.is_dir()
        return Status(there, None, "ready" if there else f"there is no folder {self.path.parent}")


class Console:
    """Stand-in that shows tickets where the program was started; what ships for trying things without hardware."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def print(self, receipt: Receipt) -> Printed:
        stream = self._stream or sys.stdout
        coding = stream.encoding or "utf-8"
        try:
            for line in terminal_lines(receipt):
                # A console of another code page shows "?" rather than nothing.
                stream.write(line.encode(coding, "replace").decode(coding) + "\n")
            stream.flush()
        except OSError as reason:
            return Printed("failed", f"failed: {sentence(reason)}")
        return Printed("printed", "printed to the console")

    def status(self) -> Status:
        return Status(True, "ok", "ready")


def _real(wire: Wire, paper: int) -> Printer:
    return WirePrinter(wire, lambda receipt: encode(draw(receipt, paper)), mend(PAPERS[paper].width))


def _network(url: str, paper: int) -> Printer:
    address = re.fullmatch(r"network://([\w.-]+)(?::(\d{1,5}))?/?", url)
    port = int(address[2] or 9100) if address else 0
    if not address or not 0 < port < 65536:
        raise PrinterError(f"A network printer is written {WAYS[0]}, not {url!r}.")
    return _real(NetworkWire(address[1], port), paper)


def _usb(url: str, paper: int) -> Printer:
    ids = re.fullmatch(r"usb://([0-9a-fA-F]{1,4}):([0-9a-fA-F]{1,4})(?:\?(.*))?", url)
    options = dict(parse_qsl(ids[3] or "")) if ids else {}
    if not ids or not all(name in ("in", "out") and re.fullmatch("0x[0-9a-fA-F]{1,2}", value) for name, value in options.items()):
        raise PrinterError(f"A USB printer is written {WAYS[1]} (vendor:product, hexadecimal; ?in=0x82&out=0x01), not {url!r}.")
    return _real(UsbWire(int(ids[1], 16), int(ids[2], 16), **{f"{n}_ep": int(v, 16) for n, v in options.items()}), paper)


def _serial(url: str, paper: int) -> Printer:
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    device, baud, handshake = parts.path or parts.netloc, options.pop("baud", "115200"), options.pop("handshake", "dsrdtr")
    if not device or options or not baud.isdecimal() or not int(baud) or handshake not in ("dsrdtr", "xonxoff", "none"):
        raise PrinterError(f"A serial printer is written {WAYS[2]} (&handshake=dsrdtr, xonxoff or none), not {url!r}.")
    return _real(SerialWire(device, int(baud), handshake), paper)


def _cups(url: str, paper: int) -> Printer:
    name = urlsplit(url).netloc
    if not name:
        raise PrinterError(f"A printer of CUPS is written {WAYS[3]}, not {url!r}.")
    return _real(CupsWire(name), paper)


def _file(url: str, paper: int) -> Printer:
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost") or not parts.path:
        raise PrinterError(f"A file is written {WAYS[4]}, not {url!r}.")
    return File(Path(url2pathname(parts.path)), paper)


_OPENERS: dict[str, Callable[[str, int], Printer]] = {
    "network": _network,
    "usb": _usb,
    "serial": _serial,
    "cups": _cups,
    "file": _file,
    "console": lambda url, paper: Console(),
}
