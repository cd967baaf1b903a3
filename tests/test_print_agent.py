"""The print agent puts each ticket on paper once, says how it went, and outlives its printer, its server and itself."""

from __future__ import annotations

import argparse
import errno
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from io import FileIO
from pathlib import Path
from typing import Any

import pytest
from escpos_decoder import decode
from fake_printer import COVER, CUTTER, NEAR_END, NO_PAPER, OFFLINE, PLENTY, FakePrinter
from running import until
from small_hall import SmallHall, hall_now

from kiosk import delivery
from kiosk import journal as journals
from kiosk.agent import PrintAgent, add_arguments, serve
from kiosk.journal import BEGUN, Entry, Journal, JournalError, state_folder
from kiosk.printer import Printer, open_printer

RECEIPT = {
    "office": "UBND phường An Mẫu",
    "code": "A012",
    "service": "Hộ tịch",
    "queue_time_label": "Giờ xếp hàng",
    "queue_time": "08:12:34",
    "reason": "lúc lấy số",
    "date_line": "Thứ Sáu 20/11/2026 · lấy lúc 08:12 · máy 1",
}


def moment(n: int = 1, *, ticket: str | None = None, expires_in_s: float = 60, **receipt: Any) -> dict[str, Any]:
    return {
        "id": f"2026-11-20-{n}-1",
        "ticket": ticket or f"ticket-{n}",
        "receipt": RECEIPT | {"code": f"A{n:03}"} | receipt,
        "expires_at": (hall_now() + timedelta(seconds=expires_in_s)).isoformat(timespec="milliseconds"),
    }


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A printer that answers is heard, however busy the machine is on which it is played."""
    monkeypatch.setattr(delivery, "PATIENT_S", 20.0)
    monkeypatch.setattr(delivery, "HELD_S", 60.0)
    monkeypatch.setattr(delivery, "CONFIRM_S", 8.0)
    monkeypatch.setattr("server.device.ASK_TIMEOUT_S", 30.0)


@pytest.fixture
def machine() -> Iterator[FakePrinter]:
    printer = FakePrinter()
    yield printer
    printer.stop()


@pytest.fixture
def hall() -> Iterator[SmallHall]:
    with SmallHall(kind="kiosk") as server:
        yield server


@contextmanager
def at_work(hall: SmallHall, printer: Printer, journal: Path) -> Iterator[None]:
    """An agent connected to the hall; it has ended when the block has."""
    stop, beats = threading.Event(), len(hall.beats)
    with Journal(journal) as pages:
        thread = threading.Thread(target=serve, args=(hall.url, "secret", printer, pages, stop), daemon=True)
        thread.start()
        try:
            # What is answered before the first beat may be said twice.
            hall.until(lambda: hall.sids and len(hall.beats) > beats)
            yield
        finally:
            stop.set()
            thread.join(timeout=60)
            assert not thread.is_alive()
            hall.drop()


@contextmanager
def started(hall: SmallHall, *arguments: str, confirm_s: float = 60.0) -> Iterator[subprocess.Popen[str]]:
    """The agent as a program of its own, with more patience for a printer that is played, and more time for the last ticket."""
    program = (
        "import argparse, sys\nfrom kiosk import agent, delivery\nfrom kiosk.agent import *\n"
        f"delivery.PATIENT_S, delivery.CONFIRM_S, delivery.HELD_S, agent.LAST_TICKET_S = 60.0, {confirm_s}, 60.0, 60.0\n"
        "parser = argparse.ArgumentParser()\nadd_arguments(parser)\nsys.exit(main(parser.parse_args()))"
    )
    command = [sys.executable, "-c", program, "--server", hall.url, "--key", "secret", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def restart(hall: SmallHall) -> None:
    """Stop and start the server; its port is free only when the thread that served it has ended."""
    serving = [thread for thread in threading.enumerate() if "serve_forever" in thread.name]
    hall.stop()
    for thread in serving:
        thread.join(timeout=60)
    hall.start()


def answers(hall: SmallHall, number: int) -> list[tuple[str, bool, str]]:
    hall.until(lambda: len(hall.done) >= number)
    return [(done["id"], done["ok"], done["detail"]) for done in hall.done]


def test_a_number_that_came_too_late_for_the_kiosks_own_one_is_not_printed(machine: FakePrinter, tmp_path: Path) -> None:
    with Journal(tmp_path / "journal") as journal:
        agent = PrintAgent(open_printer(machine.url), journal, lambda instant: False)
        agent.has_own = lambda intent: intent == "this touch"
        ok, detail = agent.on_moment("print", moment(1, intent="this touch"))
        assert (ok, detail.partition(":")[0]) == (False, "expired")
        assert agent.on_moment("print", moment(2, intent="another")) == (True, "printed")
    machine.until_idle()
    assert machine.sheets == 1


def test_a_print_moment_becomes_a_ticket_and_an_answer(hall: SmallHall, machine: FakePrinter, tmp_path: Path) -> None:
    with at_work(hall, open_printer(machine.url), tmp_path / "journal"):
        hall.send("print", moment())
        assert answers(hall, 1) == [("2026-11-20-1-1", True, "printed")]
    machine.until_idle()
    assert len(machine.decoder.tickets) == 1


def test_a_moment_sent_again_is_answered_again_and_printed_once_also_after_a_restart(hall: SmallHall, tmp_path: Path) -> None:
    path = tmp_path / "tickets.bin"
    for _ in range(3):
        with at_work(hall, open_printer(f"file://{path}"), tmp_path / "journal"):
            for _ in range(2):
                seen = len(hall.done)
                hall.send("print", moment())
                hall.until(lambda seen=seen: len(hall.done) > seen)
    assert answers(hall, 6) == [("2026-11-20-1-1", True, f"printed to {path}")] * 6
    assert len(decode(path.read_bytes())) == 1


def test_an_agent_killed_while_it_prints_says_unknown_and_does_not_print_by_itself(
    hall: SmallHall, machine: FakePrinter, tmp_path: Path
) -> None:
    machine.mute_after_ticket = True  # the agent waits for the printer's word: time to kill it
    arguments = ("--printer", machine.url, "--journal", str(tmp_path / "journal"))
    with started(hall, *arguments) as process:
        hall.until(lambda: hall.beats)
        hall.send("print", moment())
        hall.until(lambda: machine.decoder.tickets)
        process.send_signal(signal.SIGKILL)
        process.wait()
        hall.drop()
    assert hall.done == []
    machine.mute_after_ticket = False
    hall.beats.clear()
    with started(hall, *arguments):
        hall.until(lambda: hall.beats)
        hall.send("print", moment())
        hall.send("print", moment(2))
        first, second = sorted(answers(hall, 2))
    assert first[:2] == ("2026-11-20-1-1", False) and first[2].startswith("unknown: ")
    assert second == ("2026-11-20-2-1", True, "printed")
    machine.until_idle()
    assert machine.sheets == 2


def test_a_terminated_agent_ends_the_ticket_it_prints_and_remembers_it(hall: SmallHall, machine: FakePrinter, tmp_path: Path) -> None:
    machine.mute_after_ticket = True
    with started(hall, "--printer", machine.url, "--journal", str(tmp_path / "journal"), confirm_s=2.5) as process:
        hall.until(lambda: hall.beats)
        hall.send("print", moment())
        hall.until(lambda: machine.decoder.tickets)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    with Journal(tmp_path / "journal") as pages:
        entry = pages.get("2026-11-20-1-1 ticket-1")
        assert not pages.interrupted
    assert entry is not None and entry.detail == "unknown: the printer answered before the ticket and not after it"


def test_a_printer_without_paper_costs_its_ticket_and_not_the_next(hall: SmallHall, machine: FakePrinter, tmp_path: Path) -> None:
    machine.paper = NO_PAPER
    with at_work(hall, open_printer(machine.url), tmp_path / "journal"):
        hall.until(lambda: hall.beats and hall.beats[-1]["paper"] == "out")
        hall.send("print", moment(1))
        assert answers(hall, 1)[0][1:] == (False, "failed: the printer is out of paper")
        machine.paper = PLENTY
        hall.until(lambda: hall.beats[-1]["paper"] == "ok")
        hall.send("print", moment(2))
        assert answers(hall, 2)[1][1:] == (True, "printed")
        # A beat on a busy machine may say that the printer did not answer in time; the next one asks again.
        hall.until(lambda: {"paper": "ok", "fault": None, "detail": "ready"}.items() <= hall.beats[-1].items())


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({}, ("ok", None, "ready")),
        ({"paper": NEAR_END}, ("low", None, "the paper roll is nearly at its end")),
        ({"paper": NO_PAPER, "state": OFFLINE}, ("out", None, "the printer is out of paper")),
        ({"state": OFFLINE}, ("offline", None, "the printer is not ready: look at its cover, paper and lamps")),
        ({"state": OFFLINE, "cause": COVER}, ("offline", "cover", "the cover of the printer is open")),
        ({"state": OFFLINE, "error": CUTTER}, ("offline", "cutter", "the cutter of the printer is jammed")),
        ({"paper": None, "state": None}, (None, None, "the printer does not answer questions")),
    ],
)
def test_each_beat_tells_staff_what_to_look_after(
    machine: FakePrinter, tmp_path: Path, answers: dict[str, int | None], expected: tuple[str | None, str | None, str]
) -> None:
    vars(machine).update(answers)
    with Journal(tmp_path / "journal") as pages:
        agent = PrintAgent(open_printer(machine.url), pages, lambda _: False)
        # A busy machine may keep the fake printer from answering in time; the next beat asks again when that question has ended.
        until(lambda: agent.beat() == dict(zip(("paper", "fault", "detail"), expected, strict=True)))


def test_a_change_of_the_printer_is_told_at_once_and_not_with_the_next_beat(
    hall: SmallHall, machine: FakePrinter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What a beat could not wait for would be told with the next one only.
    monkeypatch.setattr(delivery, "ASK_S", 20.0)
    monkeypatch.setattr(delivery, "STATUS_S", 60.0)
    stop = threading.Event()
    with Journal(tmp_path / "print.journal") as journal:
        printer: Any = open_printer(machine.url, 80)
        arguments = (hall.url, hall.key, printer, journal, stop)
        agent = threading.Thread(target=serve, args=arguments, kwargs={"beat_every_s": 3600.0})
        agent.start()
        try:
            # The first one may find the watch asking for the first time, and say that it does not know yet.
            hall.until(lambda: hall.beats and printer._last.paper == "ok")
            machine.paper = NO_PAPER
            hall.until(lambda: hall.beats[-1]["paper"] == "out")
            machine.paper = PLENTY
            hall.until(lambda: hall.beats[-1]["paper"] == "ok")
        finally:
            stop.set()
            agent.join(timeout=60)


def test_a_hall_set_back_by_six_minutes_goes_on_printing(hall: SmallHall, machine: FakePrinter, tmp_path: Path) -> None:
    with at_work(hall, open_printer(machine.url), tmp_path / "journal"):
        hall.send("print", moment(1))
        assert answers(hall, 1) == [("2026-11-20-1-1", True, "printed")]
        hall.behind = timedelta(minutes=6)
        hall.send("print", moment(2, expires_in_s=60 - 6 * 60))
        assert answers(hall, 2)[1] == ("2026-11-20-2-1", True, "printed")
        assert len(hall.hellos) == 1


def test_an_expired_moment_is_not_printed(hall: SmallHall, tmp_path: Path) -> None:
    path = tmp_path / "tickets.bin"
    with at_work(hall, open_printer(f"file://{path}"), tmp_path / "journal"):
        hall.send("print", moment(1, expires_in_s=-1))
        hall.send("print", moment(2))
        assert sorted(answers(hall, 2)) == [("2026-11-20-1-1", False, "expired"), ("2026-11-20-2-1", True, f"printed to {path}")]
    assert len(decode(path.read_bytes())) == 1


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"receipt": {}}, "office is missing"),
        ({"receipt": None}, "office is missing"),
        ({"receipt": "A012"}, "JSON object"),
        ({"expires_at": "soon"}, "soon"),
        ({"expires_at": 5}, "failed: "),
    ],
)
def test_a_moment_that_makes_no_sense_is_answered_and_the_next_is_printed(
    hall: SmallHall, tmp_path: Path, wrong: dict[str, Any], words: str
) -> None:
    path = tmp_path / "tickets.bin"
    with at_work(hall, open_printer(f"file://{path}"), tmp_path / "journal"):
        hall.send("print", moment(1) | wrong)
        hall.until(lambda: len(hall.done) == 1)
        hall.send("print", moment(2))
        (_, ok, detail), (_, second, _) = answers(hall, 2)
    assert not ok and detail.startswith("failed: ") and words in detail
    assert second and len(decode(path.read_bytes())) == 1


def test_the_same_moment_id_of_a_fresh_database_is_another_ticket(tmp_path: Path) -> None:
    path = tmp_path / "tickets.bin"
    for ticket in ("one", "another", "one"):
        with Journal(tmp_path / "journal") as pages:
            agent = PrintAgent(open_printer(f"file://{path}"), pages, lambda _: False)
            assert agent.on_moment("print", moment(1, ticket=ticket))[0]
    assert len(decode(path.read_bytes())) == 2


def test_a_server_that_restarts_in_the_middle_gets_the_answer_afterwards(hall: SmallHall, machine: FakePrinter, tmp_path: Path) -> None:
    machine.mute_after_ticket = True
    with at_work(hall, open_printer(machine.url), tmp_path / "journal"):
        hall.send("print", moment())
        hall.until(lambda: machine.decoder.tickets)
        restart(hall)
        assert answers(hall, 1)[0][1] is False
        hall.send("print", moment())
        assert len(answers(hall, 2)) >= 2
    assert machine.sheets == 1


def test_a_journal_torn_by_a_power_cut_keeps_every_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with Journal(path) as pages:
        pages.start("1")
        pages.end("1", True, "printed")
        pages.start("2")
        pages.start("3")
    whole = path.read_bytes()
    last = len(whole.splitlines()[-1])
    for cut in range(1, last + 1):
        path.write_bytes(whole[:-cut])
        with Journal(path) as pages:
            assert pages.get("1") == Entry(True, "printed")
            assert pages.get("2") == BEGUN and pages.interrupted
            assert pages.get("3") == (BEGUN if cut == 1 else None)


def test_the_journal_forgets_the_oldest_and_stays_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "KEPT", 10)
    with Journal(tmp_path / "journal") as pages:
        for n in range(100):
            pages.start(str(n))
            pages.end(str(n), True, "printed")
    assert len((tmp_path / "journal").read_bytes().splitlines()) <= 40
    with Journal(tmp_path / "journal") as pages:
        assert pages.get("99") == Entry(True, "printed") and pages.get("50") is None


def test_a_full_disk_does_not_stop_the_paper(tmp_path: Path) -> None:
    path = tmp_path / "tickets.bin"
    with Journal(tmp_path / "journal") as pages:
        pages._lines._let_go()
        pages._lines._file = FileIO("/dev/full", "a")
        agent = PrintAgent(open_printer(f"file://{path}"), pages, lambda _: False)
        assert agent.on_moment("print", moment(1))[0]
        assert agent.on_moment("print", moment(1))[0]
    assert len(decode(path.read_bytes())) == 1


def test_a_disk_that_filled_up_overnight_does_not_keep_the_agent_from_starting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Journal(tmp_path / "journal") as pages:
        pages.start("1")

    def no_room(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_room)
    with Journal(tmp_path / "journal") as pages:
        assert pages.get("1") == BEGUN
        pages.start("2")
    monkeypatch.undo()
    with Journal(tmp_path / "journal") as pages:
        assert pages.get("1") == BEGUN


def test_a_second_agent_on_the_same_journal_is_refused(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal"), pytest.raises(JournalError, match="Another agent"):
        Journal(tmp_path / "journal")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--printer", "epson"], "--printer is one of"),
        (["--printer", "network://x:y"], "A network printer is written"),
        (["--printer", "console:", "--key", ""], "A device key is needed"),
        (["--printer", "console:", "--journal", "/proc/no/journal"], "The journal /proc/no/journal cannot be written"),
    ],
)
def test_an_agent_that_cannot_begin_says_why_in_one_sentence(hall: SmallHall, arguments: list[str], words: str) -> None:
    with started(hall, *arguments) as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 2 and out == ""
    assert words in err and err.count("\n") == 1


def test_the_console_stand_in_needs_no_hardware(hall: SmallHall, tmp_path: Path) -> None:
    with started(hall, "--printer", "console:", "--paper", "58", "--journal", str(tmp_path / "journal")) as process:
        hall.until(lambda: hall.beats)
        hall.send("print", moment())
        assert answers(hall, 1) == [("2026-11-20-1-1", True, "printed to the console")]
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0 and "08:12:34" in out


def test_the_key_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOISO_KEY", "from-outside")
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    args = parser.parse_args(["--server", "http://x", "--printer", "console:"])
    assert (args.key, args.paper, args.journal) == ("from-outside", 80, None)
    assert "Example: moiso kiosk" in parser.format_help()


def test_the_command_line_costs_nothing_until_the_agent_starts() -> None:
    program = "import sys, json, kiosk.agent; print(json.dumps(sorted({m.partition('.')[0] for m in sys.modules})))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout)
    assert not {"PIL", "escpos", "socketio", "segno"} & set(loaded)


def test_the_journal_lies_where_a_user_may_write(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_folder() == tmp_path / "moiso"


def test_times_of_the_hall_decide_what_is_expired(tmp_path: Path) -> None:
    asked: list[datetime] = []
    with Journal(tmp_path / "journal") as pages:
        agent = PrintAgent(open_printer(f"file://{tmp_path}/t.bin"), pages, lambda instant: bool(asked.append(instant)) or True)
        sent = moment()
        assert agent.on_moment("print", sent) == (False, "expired")
    assert asked == [datetime.fromisoformat(sent["expires_at"])]
    assert not (tmp_path / "t.bin").exists()
