"""Number LEDs on an RS-485 line: what they show is what stands at their counters."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rs485 import Leds, Line
from running import MORNING, OPEN, ROOT, Server, moiso, running, until

from display import led
from display.lamps import DARK, DIGITS, Lamp, Lamps, LampsInvalid, Mode, number_of, read, wanted
from display.led import LedAgent, LedFailed, Rs485

STEADY, BLINKING = int(Mode.STEADY), int(Mode.BLINKING)


@pytest.fixture
def line() -> Iterator[Line]:
    line = Line()
    yield line
    line.close()


class Ahead:
    """The clock of an agent, so many seconds ahead of the machine's."""

    seconds = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.seconds


@pytest.fixture
def brisk(monkeypatch: pytest.MonkeyPatch) -> Ahead:
    """A call blinks until the clock is put ahead by `BLINK_S`: a busy machine may need longer to light it than it should blink."""
    for name, seconds in (("ASK_EVERY_S", 0.1), ("AGAIN_S", 0.5), ("BLINK_S", 3600.0), ("REPLY_S", 1.0), ("ASK_TIMEOUT_S", 60.0)):
        monkeypatch.setattr(led, name, seconds)
    clock = Ahead()
    monkeypatch.setattr(led, "time", clock)
    return clock


@contextmanager
def lit(server: Server, line: Line, **counters: int) -> Iterator[LedAgent]:
    lamps = Lamps(line.near, {name.strip("q"): address for name, address in counters.items()})
    key = server.device("leds", "display").key or ""
    agent = LedAgent(server.url, key, lamps, Rs485(lamps.port, lamps.baud), beat_every_s=0.2)
    stop = threading.Event()
    thread = threading.Thread(target=agent.run, args=(stop,), daemon=True)
    thread.start()
    try:
        yield agent
    finally:
        stop.set()
        thread.join(timeout=60)
        assert not thread.is_alive()


# -- numbers ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "number"), [("A012", 1012), ("B999", 2999), ("A1001", 1001), ("I001", 9001), ("007", 7), ("K001", None), ("", None)]
)
def test_a_letter_stands_as_its_digit(code: str, number: int | None) -> None:
    assert number_of(code, DIGITS) == number


def test_an_led_shows_the_number_at_its_counter_and_blinks_only_while_it_is_called() -> None:
    lamps = Lamps("/dev/ttyUSB0", {"1": 1, "2": 2, "3": 3, "4": 4})
    counters = [
        {"id": "1", "code": "A001", "ticket_state": "called"},
        {"id": "2", "code": "A002", "ticket_state": "serving"},
        {"id": "3", "code": None, "ticket_state": None},
        {"id": "4", "code": "K001", "ticket_state": "called"},
        {"id": "5", "code": "A005", "ticket_state": "called"},
    ]
    assert wanted(counters, lamps, frozenset({"A001", "A002"})) == {
        "1": Lamp(1001, Mode.BLINKING),
        "2": Lamp(1002, Mode.STEADY),
        "3": DARK,
        "4": DARK,
    }
    assert wanted(counters, lamps)["1"] == Lamp(1001, Mode.STEADY)


def test_a_board_without_modes_is_darkened_by_a_number() -> None:
    lamps = read('port = "/dev/ttyS0"\nmodes = false\ndark_number = 10000\n[counters]\n1 = 7\n[letters]\nA = 0\nK = 8\n')
    assert lamps.values(DARK) == [10000] and lamps.values(Lamp(1012, Mode.BLINKING)) == [1012]
    assert number_of("A012", lamps.letters) == 12 and number_of("K012", lamps.letters) == 8012 and number_of("B012", lamps.letters) == 2012


def test_the_example_document_is_usable() -> None:
    lamps = read((ROOT / "display" / "leds.example.toml").read_text(encoding="utf-8"))
    assert lamps.counters == {"1": 1, "2": 2, "3": 3} and lamps.baud == 9600


def test_every_mistake_of_the_document_is_told_at_once() -> None:
    with pytest.raises(LampsInvalid) as refusal:
        read('baud = 1\nspeed = 3\nmodes = "no"\n[counters]\n1 = 0\n2 = 5\n3 = 5\n[letters]\nA = 12\n')
    told = str(refusal.value)
    for part in ("speed:", "port:", "counters.1:", "address 5 is given twice", "letters.A:", "baud:", "modes:"):
        assert part in told, part
    with pytest.raises(LampsInvalid, match="not TOML"):
        read("port = ")
    with pytest.raises(LampsInvalid, match="counters: write at least one"):
        read('port = "x"\nletters = 3\ncounters = 4')


# -- the line --------------------------------------------------------------------------------------------------------------------


def test_a_number_travels_as_the_modbus_frame_of_the_standard(line: Line) -> None:
    """Device 1, function 16, register 0, two registers: 1012 blinking; the last two bytes are the CRC of Modbus RTU."""
    with pytest.raises(LedFailed, match="does not answer"):
        Rs485(line.near, 9600).write(1, 0, [1012, 2])
    frame = bytes.fromhex("01 10 0000 0002 04 03f4 0002")
    until(lambda: len(line.sent) >= len(frame) + 2)
    assert bytes(line.sent[: len(frame) + 2]) == frame + crc(frame).to_bytes(2, "little")


def crc(data: bytes) -> int:
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
    return value


def test_the_check_lights_each_led_with_its_address(line: Line, tmp_path: Path) -> None:
    document = tmp_path / "leds.toml"
    document.write_text(f'port = "{line.near}"\n[counters]\n1 = 4\n2 = 9\n')
    with Leds(line, 4):
        # A busy machine may keep the played LED from answering in time.
        checked = until(lambda: (told := moiso("led", "--leds", str(document), "--check")) and "shows" in told.stdout and told)
        assert checked.returncode == 1
        assert checked.stdout.splitlines() == ["Counter 1: address 4 shows 4.", "Counter 2: address 9 does not answer."]


def test_a_line_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(LedFailed, match="cannot be opened"):
        Rs485("/dev/no-such-line", 9600).write(1, 0, [1, 1])
    refused = moiso("led", "--leds", "/no/such/file.toml", "--check")
    assert refused.returncode == 2 and "No such file" in refused.stderr


# -- a hall with LEDs ------------------------------------------------------------------------------------------------------------


def test_a_call_blinks_above_its_counter_then_stands_and_goes_out_when_it_is_done(tmp_path: Path, line: Line, brisk: Ahead) -> None:
    with running(tmp_path, OPEN, *MORNING) as server, Leds(line, 1, 2) as leds, lit(server, line, q1=1, q2=2):
        clerk, kiosk, chief = server.staff("lan"), server.device("k1"), server.staff("truong", "supervisor")
        clerk.post("/sites/open/counters/1/open")
        for _ in range(2):
            kiosk.post("/sites/open/tickets", {"service": "A"}, expect=201)
        first = clerk.post("/sites/open/counters/1/next")
        until(lambda: (1001, BLINKING) in leds.has_shown(1))
        assert leds.shows(2)[1] == Mode.DARK
        brisk.seconds += led.BLINK_S
        until(lambda: leds.shows(1) == (1001, STEADY))
        before = len(leds.has_shown(1))
        clerk.post(f"/sites/open/tickets/{first['id']}/recall")
        until(lambda: (1001, BLINKING) in leds.has_shown(1)[before:])
        leds.forget(1)
        until(lambda: leds.shows(1)[0] == 1001)
        second = clerk.post("/sites/open/counters/1/next", {"finish": True})
        until(lambda: (1002, BLINKING) in leds.has_shown(1))
        clerk.post(f"/sites/open/tickets/{second['id']}/no-show")
        until(lambda: leds.shows(1)[1] == Mode.DARK)
        until(lambda: [d for d in chief.get("/sites/open/floor")["devices"] if d["name"] == "leds" and d["facts"].get("leds") == 2])


def test_an_led_that_is_silent_is_told_to_staff_and_keeps_no_other_waiting(tmp_path: Path, line: Line, brisk: Ahead) -> None:
    with running(tmp_path, OPEN, *MORNING) as server, Leds(line, 2) as leds, lit(server, line, q1=1, q2=2):
        clerks, kiosk, chief = server.crew("lan", "minh"), server.device("k1"), server.staff("truong", "supervisor")
        for number, clerk in enumerate(clerks, start=1):
            clerk.post(f"/sites/open/counters/{number}/open")
            kiosk.post("/sites/open/tickets", {"service": "A"}, expect=201)
            clerk.post(f"/sites/open/counters/{number}/next")
        until(lambda: leds.shows(2)[0] == 1002)

        def fault() -> str:
            return next(d["facts"].get("fault") or "" for d in chief.get("/sites/open/floor")["devices"] if d["name"] == "leds")

        until(lambda: "counter 1: does not answer" in fault())
        line.cut.set()
        until(lambda: "counter 2" in fault())
        line.cut.clear()
        until(lambda: fault() and "counter 2" not in fault())


def test_the_leds_are_dark_when_their_agent_ends(tmp_path: Path, line: Line, brisk: Ahead) -> None:
    with running(tmp_path, OPEN, *MORNING) as server, Leds(line, 1) as leds:
        with lit(server, line, q1=1):
            clerk = server.staff("lan")
            clerk.post("/sites/open/counters/1/open")
            server.device("k1").post("/sites/open/tickets", {"service": "B"}, expect=201)
            clerk.post("/sites/open/counters/1/next")
            until(lambda: leds.shows(1)[0] == 2001)
        # What an agent says last may still be on the line.
        until(lambda: leds.shows(1)[1] == Mode.DARK)
