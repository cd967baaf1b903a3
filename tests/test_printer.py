"""A ticket reaches the printer whole, or the office is told truly what is known about it."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from escpos_decoder import Decoder, decode, trimmed
from fake_printer import COVER, CUTTER, FATAL, NEAR_END, NO_PAPER, OFFLINE, PLENTY, READY, FakePrinter
from PIL import Image, ImageChops
from ports import free_port
from running import until

from kiosk import delivery
from kiosk.delivery import ASK_CAUSE, ASK_ERROR, ASK_ONLINE, ASK_PAPER, STATUS_S, Status, WirePrinter, read_status
from kiosk.printer import BAND_ROWS, Console, Printed, PrinterError, encode, mend, open_printer
from kiosk.receipt import PAPERS, Receipt, draw


def receipt(code: str = "A012", **more: object) -> Receipt:
    return Receipt.from_json(
        {
            "office": "UBND phường An Mẫu",
            "code": code,
            "service": "Hộ tịch",
            "counters": "Quầy 3, 4 hoặc 5",
            "queue_time_label": "Giờ xếp hàng",
            "queue_time": "08:12:34",
            "reason": "lúc lấy số",
            "ahead": "Chờ trước: 5 người",
            "foot": ["Hỏi đáp: 0236 000 0000"],
            "date_line": "Thứ Sáu 20/11/2026 · lấy lúc 08:12 · máy 1",
        }
        | more
    )


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A printer that answers is heard, however busy the machine is on which it is played, and one that hangs up is found out."""
    for name, seconds in (("ASK_S", 50.0), ("PATIENT_S", 60.0), ("CONFIRM_S", 60.0), ("ENDED_S", 60.0), ("HELD_S", 120.0)):
        monkeypatch.setattr(delivery, name, seconds)


@pytest.fixture
def machine() -> Iterator[FakePrinter]:
    printer = FakePrinter()
    yield printer
    printer.stop()


def same(one: Image.Image, other: Image.Image) -> bool:
    return one.size == other.size and ImageChops.logical_xor(one, other).getbbox() is None


def whole(decoded: Image.Image, code: str = "A012", paper: int = 80) -> bool:
    drawn = draw(receipt(code), paper)
    return same(trimmed(decoded, drawn.height), drawn)


@pytest.mark.parametrize("paper", PAPERS)
def test_the_bytes_for_the_printer_are_the_picture_and_nothing_else(paper: int) -> None:
    commands = encode(draw(receipt(), paper))
    (ticket,) = decode(b"".join(commands), PAPERS[paper].width)
    assert whole(ticket, paper=paper)


def test_no_band_is_higher_than_a_cheap_printer_can_hold_and_white_rows_cost_one_byte() -> None:
    decoder = Decoder()
    decoder.feed(b"".join(encode(draw(receipt()))))
    assert max(rows for _, rows in decoder.rasters) <= BAND_ROWS
    assert all(len(command) <= 8 + BAND_ROWS * 576 // 8 + 2 for command in encode(draw(receipt())))
    assert [stride for stride, _ in decoder.rasters].count(1) >= 5
    blank = encode(Image.new("1", (576, 300), 1))
    assert sum(map(len, blank)) < 400


def test_the_paper_is_fed_past_the_knife_before_it_is_cut() -> None:
    drawn = draw(receipt())
    (ticket,) = decode(b"".join(encode(drawn)))
    assert ticket.height - drawn.height >= 15 * 8


def test_nothing_is_written_to_the_standard_output_by_the_printing_library(capsys: pytest.CaptureFixture[str]) -> None:
    encode(draw(receipt()))
    assert capsys.readouterr().out == ""


def test_a_ticket_is_printed_and_confirmed_by_a_printer_that_answers(machine: FakePrinter) -> None:
    printer = open_printer(machine.url)
    printed = printer.print(receipt())
    assert (printed.ok, printed.outcome, printed.detail) == (True, "printed", "printed")
    machine.until_idle()
    assert whole(machine.decoder.tickets[0]) and machine.decoder.letters == b""


def test_a_printer_that_never_answers_prints_nevertheless(machine: FakePrinter, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("ASK_S", 0.2), ("PATIENT_S", 0.8), ("ENDED_S", 0.5)):
        monkeypatch.setattr(delivery, name, seconds)
    machine.paper = machine.state = None
    printer = open_printer(machine.url)
    for code in ("A012", "A013"):
        printed = printer.print(receipt(code))
        assert printed.ok and "not confirmed" in printed.detail
    machine.until_idle()
    assert [whole(ticket, code) for ticket, code in zip(machine.decoder.tickets, ("A012", "A013"), strict=True)] == [True, True]


TROUBLE = [
    ({"paper": NO_PAPER}, "out of paper"),
    ({"paper": NO_PAPER, "state": OFFLINE}, "out of paper"),
    ({"state": OFFLINE}, "not ready"),
    ({"state": OFFLINE, "cause": COVER}, "the cover of the printer is open"),
    ({"state": OFFLINE, "error": CUTTER}, "the cutter of the printer is jammed"),
    ({"state": OFFLINE, "error": FATAL}, "switching it off and on"),
]


@pytest.mark.parametrize(("answers", "words"), TROUBLE)
def test_a_printer_that_cannot_print_gets_no_ticket_that_would_come_out_later(
    machine: FakePrinter, answers: dict[str, int], words: str
) -> None:
    well = {name: getattr(machine, name) for name in answers}
    vars(machine).update(answers)
    printer = open_printer(machine.url)
    printed = printer.print(receipt())
    assert printed.outcome == "failed" and words in printed.detail
    machine.until_idle()
    assert machine.received == ASK_PAPER + ASK_ONLINE + (ASK_CAUSE + ASK_ERROR if "state" in answers else b"")
    vars(machine).update(well)
    assert printer.print(receipt("A013")).ok
    machine.until_idle()
    assert whole(machine.decoder.tickets[0], "A013")


def test_nobody_at_the_address_is_a_failure_and_the_next_ticket_is_tried_anew() -> None:
    port = free_port()
    printer = open_printer(f"network://127.0.0.1:{port}")
    printed = printer.print(receipt())
    assert printed.outcome == "failed" and "127.0.0.1" in printed.detail and "\n" not in printed.detail
    # The question is put on a thread, which a busy machine may keep from its half second; the next beat asks again.
    until(lambda: printer.status().online is False)
    machine = FakePrinter(port=port)
    try:
        assert printer.print(receipt("A013")).ok
        machine.until_idle()
        assert whole(machine.decoder.tickets[0], "A013")
    finally:
        machine.stop()


TICKET_BYTES = sum(map(len, encode(draw(receipt()))))


@pytest.mark.parametrize("k", [0, 1, 2, 3, 5, 6, 7, 8, 9, 100, 4095, 4096, 9000, TICKET_BYTES // 2, TICKET_BYTES - 1, TICKET_BYTES + 5])
def test_a_printer_that_hangs_up_after_k_bytes_is_never_called_printed(machine: FakePrinter, k: int) -> None:
    machine.closes_after = k
    printed = open_printer(machine.url).print(receipt())
    machine.until_idle()
    # Two questions of three bytes come first: before their answers nothing of the ticket is sent.
    assert printed.outcome == ("failed" if k < 6 else "unknown")
    assert machine.decoder.tickets == [] or k > TICKET_BYTES


def test_a_mute_printer_that_hangs_up_is_found_out_too(machine: FakePrinter, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("ASK_S", 0.2), ("PATIENT_S", 0.8)):
        monkeypatch.setattr(delivery, name, seconds)
    machine.paper = machine.state = None
    machine.closes_after = 6000
    assert open_printer(machine.url).print(receipt()).outcome == "unknown"


def test_a_printer_that_falls_silent_during_a_ticket_is_unknown(machine: FakePrinter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "CONFIRM_S", 2.5)
    machine.mute_after_ticket = True
    printed = open_printer(machine.url).print(receipt())
    assert printed.outcome == "unknown" and printed.detail.startswith("unknown: ")


@pytest.mark.parametrize(("answers", "words"), TROUBLE)
def test_trouble_that_comes_during_a_ticket_is_unknown(machine: FakePrinter, answers: dict[str, int | None], words: str) -> None:
    machine.after_ticket = answers
    printer = open_printer(machine.url)
    printed = printer.print(receipt())
    assert printed.outcome == "unknown" and words in printed.detail
    assert printer.print(receipt("A013")).outcome == "failed"


class Shredder:
    """A way to a printer in memory that breaks after `left` bytes, once. What was taken until then is as if it had come by a cable."""

    keeps = False

    def __init__(self, left: int, decoder: Decoder) -> None:
        self.left, self.decoder, self.broken = left, decoder, False

    def open(self) -> None: ...
    def close(self) -> None: ...

    def send(self, data: bytes) -> None:
        taken = data if self.broken else data[: self.left]
        self.decoder.feed(taken)
        self.left -= len(taken)
        if len(taken) < len(data):
            self.broken = True
            raise ConnectionResetError("the printer closed the connection")

    def ask(self, question: bytes, seconds: float) -> bytes:
        self.send(question)
        return bytes([PLENTY])


ONE, OTHER = receipt(), receipt("A013")


def shredded(k: int, first: list[bytes], second: list[bytes]) -> tuple[Printed, Decoder]:
    """A ticket on a line that breaks after k bytes, then another one on the line when it has been plugged in again."""
    paper = Decoder(384)
    printer = WirePrinter(Shredder(k, paper), lambda receipt: first if receipt is ONE else second, mend(384))
    printed = printer.print(ONE)
    assert printer.print(OTHER).ok
    return printed, paper


def test_wherever_the_line_breaks_the_outcome_is_true_and_the_next_ticket_is_whole() -> None:
    first, second = encode(draw(receipt(), 58)), encode(draw(receipt("A013"), 58).crop((0, 40, 384, 80)))
    (clean,) = decode(b"".join(second), 384)
    size = sum(map(len, first))
    for k in range(6 + size + 6):
        printed, paper = shredded(k, first, second)
        assert printed.outcome == ("failed" if k < 6 else "unknown"), k
        inked = [piece for piece in paper.tickets if piece.convert("L").getextrema()[0] == 0]
        assert same(inked[-1], clean), k
        assert len(inked) <= 2 and len(paper.letters) <= 2, k
        assert len(inked) == 1 or k >= 6, "a ticket that failed has left no ink"
    assert shredded(2 * size + 99, first, second)[0].outcome == "printed"


@pytest.mark.parametrize("k", [*range(7, 17), 100, 2000, 9000, TICKET_BYTES // 2, TICKET_BYTES])
def test_the_ticket_after_a_torn_one_is_whole_although_the_printer_waits_for_the_rest(machine: FakePrinter, k: int) -> None:
    machine.closes_after = k
    printer = open_printer(machine.url)
    assert printer.print(receipt()).outcome == "unknown"
    machine.until_idle()
    machine.closes_after = None
    assert printer.print(receipt("A013")).ok
    machine.until_idle()
    assert len(machine.decoder.tickets) == 2 and whole(machine.decoder.tickets[1], "A013")
    assert len(machine.decoder.letters) <= 2  # of the torn command, on the torn piece


@pytest.mark.parametrize(
    ("state", "paper", "expected"),
    [
        (READY, PLENTY, Status(True, "ok", "ready")),
        (READY, NEAR_END, Status(True, "low", "the paper roll is nearly at its end")),
        (READY, NO_PAPER, Status(True, "out", "the printer is out of paper")),
        (OFFLINE, PLENTY, Status(False, "ok", "the printer is not ready: look at its cover, paper and lamps")),
        (OFFLINE, NO_PAPER, Status(False, "out", "the printer is out of paper")),
        (None, PLENTY, Status(None, "ok", "ready")),
        (None, None, Status(None, None, "the printer does not answer questions")),
    ],
)
def test_what_the_answers_of_a_printer_mean(state: int | None, paper: int | None, expected: Status) -> None:
    assert read_status(state, paper) == expected


@pytest.mark.parametrize(
    ("paper", "state", "expected"),
    [(PLENTY, READY, (True, "ok")), (NEAR_END, READY, (True, "low")), (NO_PAPER, OFFLINE, (False, "out")), (None, None, (None, None))],
)
def test_the_state_of_a_network_printer(
    machine: FakePrinter, paper: int | None, state: int | None, expected: tuple[object, object]
) -> None:
    machine.paper, machine.state = paper, state
    printer = open_printer(machine.url)
    # A busy machine may keep the fake printer from answering in time; the next beat asks again.
    until(lambda: (status := printer.status()) and (status.online, status.paper) == expected)


def test_a_report_sent_unasked_is_not_taken_for_the_answer(machine: FakePrinter) -> None:
    machine.paper = 0x10  # the first byte of an automatic status: bit 1 is clear
    status = open_printer(machine.url).status()
    assert (status.online, status.paper) == (None, None)


class StuckWire:
    """A driver that does not come back from a question until it is let go."""

    keeps = True

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.sent: list[bytes] = []

    def open(self) -> None: ...
    def send(self, data: bytes) -> None:
        self.sent.append(data)

    def ask(self, question: bytes, seconds: float) -> bytes:
        self.let_go.wait(250)
        return b"\x12"

    def close(self) -> None: ...


def timed(act: Callable[[], object]) -> tuple[object, float]:
    begun = os.times().elapsed
    return act(), os.times().elapsed - begun


def test_the_state_is_told_within_half_a_second_whatever_the_driver_does() -> None:
    wire = StuckWire()
    printer = WirePrinter(wire, lambda _: [b"ticket"], mend=b"")
    for _ in range(2):
        status, seconds = timed(printer.status)
        assert isinstance(status, Status) and (status.online, status.paper) == (None, None)
        # Whoever waited for the driver would wait as long as it stands still.
        assert STATUS_S == 0.5 and seconds < 60
    wire.let_go.set()
    assert printer.print(receipt()).ok
    assert wire.sent == [b"ticket"]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "--printer is one of network://host:9100"),
        ("epson", "is none of these"),
        ("http://192.0.2.7", "is none of these"),
        ("network://", "A network printer is written network://host:9100"),
        ("network://192.0.2.7:port", "A network printer is written"),
        ("network://192.0.2.7:99999", "A network printer is written"),
        ("network://192.0.2.7/x", "A network printer is written"),
        ("network://[", "A network printer is written"),
        ("usb://epson", "A USB printer is written usb://04b8:0e15"),
        ("usb://04b8:0e15?in=2", "A USB printer is written"),
        ("serial://", "A serial printer is written serial:///dev/ttyUSB0?baud=115200"),
        ("serial:///dev/ttyUSB0?baud=fast", "A serial printer is written"),
        ("serial:///dev/ttyUSB0?speed=9600", "A serial printer is written"),
        ("cups://", "A printer of CUPS is written cups://name"),
        ("file://", "A file is written file:///path.bin"),
        ("file://host/path.bin", "A file is written"),
    ],
)
def test_an_address_that_cannot_be_used_is_answered_with_one_sentence(url: str, words: str) -> None:
    with pytest.raises(PrinterError) as refusal:
        open_printer(url)
    assert words in str(refusal.value) and "\n" not in str(refusal.value)


def test_a_paper_that_does_not_exist_is_refused() -> None:
    with pytest.raises(PrinterError, match="--paper is 80 or 58, not 76"):
        open_printer("console:", paper=76)


@pytest.mark.parametrize(
    ("url", "module", "words"),
    [
        ("usb://04b8:0e15", "usb", "needs pyusb"),
        ("serial:///dev/ttyUSB0?baud=9600", "serial", "needs pyserial"),
        ("cups://kiosk", "cups", "needs pycups"),
    ],
)
def test_a_missing_driver_is_named_with_the_command_that_installs_it(url: str, module: str, words: str) -> None:
    program = (
        f"import sys; sys.modules[{module!r}] = None\n"
        f"from kiosk.printer import *\ntry: open_printer({url!r})\nexcept PrinterError as refusal: print(refusal)"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert words in told and "pip install" in told and told.count("\n") == 1


def test_the_file_collects_tickets_one_after_the_other(tmp_path: Path) -> None:
    printer = open_printer(f"file://{tmp_path}/tickets.bin", paper=58)
    for code in ("A012", "A013"):
        assert printer.print(receipt(code)).ok
    first, second = decode((tmp_path / "tickets.bin").read_bytes(), 384)
    assert whole(first, "A012", 58) and whole(second, "A013", 58)
    assert printer.status() == Status(True, None, "ready")


def test_a_file_in_a_folder_that_is_not_there_fails_with_its_name(tmp_path: Path) -> None:
    printer = open_printer(f"file://{tmp_path}/no/tickets.bin")
    printed = printer.print(receipt())
    assert printed.outcome == "failed" and "no/tickets.bin" in printed.detail
    assert printer.status().online is False


def test_the_console_shows_the_ticket_in_a_straight_frame() -> None:
    stream = io.StringIO()
    printer = Console(stream)
    assert printer.print(receipt(mark="ƯU TIÊN", qr="https://so.example.vn/t/1", reprint=True, reprint_mark="BẢN IN LẠI")).ok
    shown = stream.getvalue()
    for words in (
        "BẢN IN LẠI",
        "UBND phường An Mẫu",
        "ƯU TIÊN",
        "Hộ tịch",
        "Quầy 3, 4 hoặc 5",
        "08:12:34",
        "lúc lấy số",
        "https://so.example.vn/t/1",
    ):
        assert words in shown
    assert len({len(line) for line in shown.splitlines()}) == 1
    assert len([line for line in shown.splitlines() if re.search("[█▀▄]{2}", line)]) >= 5
    assert printer.status() == Status(True, "ok", "ready")


def test_a_console_without_vietnamese_letters_still_shows_the_ticket() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    assert Console(stream).print(receipt()).ok
    assert b"08:12:34" in stream.buffer.getvalue()  # type: ignore[attr-defined]


def test_a_number_too_long_for_the_console_is_shown_as_text() -> None:
    stream = io.StringIO()
    assert Console(stream).print(receipt("A" * 40)).ok
    assert "A" * 40 in stream.getvalue()
