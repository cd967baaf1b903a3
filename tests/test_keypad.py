"""A numeric keypad as a clerk's console: six keys at a real server, through a serial line or the system's input events."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from rs485 import Line
from running import MORNING, OPEN, PASSWORD, ROOT, START_S, Client, Server, moiso, running, until

from server import keypad
from server.keypad import CODES, DONE, EVENT, KEY_EVENT, Keypad, Office, Press, presses

SITE = "/sites/open"
KEYS: tuple[Press, ...] = ("big", "recall", "start", "no-show", "pause", "undo")


TIMING = "\n[timing]\nundo_within_seconds = 60\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("office")
    document = folder / "open.toml"
    # What was pressed can be taken back for so long that a busy machine comes to it.
    document.write_text(Path(OPEN).read_text(encoding="utf-8") + TIMING, encoding="utf-8")
    with running(folder, str(document), *MORNING) as server:
        yield server


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A keypad that waits as long as a busy machine takes: for an answer, and for the second press that it has asked for."""
    monkeypatch.setattr(keypad, "ANSWER_S", START_S)
    monkeypatch.setattr(keypad, "SURE_S", START_S)


@pytest.fixture(scope="module")
def kiosk(server: Server) -> Client:
    return server.device("k1")


class Desk:
    """A keypad at a counter of its own, and what it said."""

    def __init__(self, server: Server, user: str, counter: str) -> None:
        (self.clerk,) = server.crew(user)
        self.said: list[tuple[int, str]] = []
        office = Office(server.url, user, PASSWORD)
        self.keypad = Keypad(office, "open", counter, lambda beeps, line: self.said.append((len(beeps), line)), rest_s=0)

    def press(self, what: Press) -> tuple[int, str]:
        self.keypad.press(what)
        return self.said[-1]


def take(kiosk: Client, service: str = "A") -> str:
    return str(kiosk.post(f"{SITE}/tickets", {"service": service}, expect=201)["code"])


def test_the_big_key_opens_calls_asks_about_a_young_call_and_ends(server: Server, kiosk: Client) -> None:
    desk = Desk(server, "lan", "1")
    assert desk.press("big") == (1, "Quầy đã mở.")
    first, second = take(kiosk), take(kiosk)
    assert desk.press("big") == (1, f"Mời {first}.")
    beeps, line = desk.press("big")
    assert beeps == 2 and line.startswith(f"{first} vừa được gọi.")
    assert desk.press("start") == (1, f"Bắt đầu {first}.")
    assert desk.press("big") == (1, f"Mời {second}.")
    assert desk.press("recall") == (1, f"Gọi lại {second}.")
    assert desk.press("no-show") == (1, f"Vắng {second}.")
    assert desk.press("undo") == (1, f"Đã lấy lại {second}.")
    desk.press("big")
    assert desk.press("big") == (1, f"Hoàn tất {second}. Chưa có ai chờ.")
    beeps, line = desk.press("big")
    assert beeps == 2 and "chờ" in line
    assert desk.press("pause") == (1, "Tạm nghỉ.") and desk.press("big") == (1, "Làm việc lại.")
    assert desk.press("recall") == (2, "Chưa có ai ở quầy.")


def test_a_counter_that_somebody_else_has_opened_is_told_in_one_sentence(server: Server) -> None:
    Desk(server, "minh", "2").press("big")
    other = Desk(server, "hoa", "2")
    beeps, line = other.press("big")
    assert beeps == 2 and line and "_" not in line


def test_two_presses_before_anything_has_changed_are_one_command(server: Server, kiosk: Client) -> None:
    desk = Desk(server, "tuan", "3")
    desk.press("big")
    codes = [take(kiosk, "B"), take(kiosk, "B")]
    shown = desk.clerk.get(f"{SITE}/counters/3/console")
    both = [desk.keypad._at_counter(shown, "next", {}) for _ in range(2)]
    assert both == [(DONE, f"Mời {codes[0]}.")] * 2
    assert desk.clerk.get(f"{SITE}/counters/3/console")["waiting"][0]["code"] == codes[1]


def test_a_press_before_the_hands_have_rested_does_nothing(server: Server) -> None:
    desk = Desk(server, "nga", "4")
    desk.keypad._rest_s = 3600
    desk.press("big")
    desk.press("big")
    assert desk.said == [(1, "Quầy đã mở.")]


def test_a_keypad_says_that_the_server_is_away_or_does_not_know_it(server: Server) -> None:
    said: list[str] = []
    Keypad(Office("http://127.0.0.1:9", "lan", PASSWORD), "open", "1", lambda _, line: said.append(line)).press("big")
    Keypad(Office(server.url, "lan", "sai mat khau roi"), "open", "1", lambda _, line: said.append(line)).press("big")
    assert said[0].startswith("Mất kết nối.") and said[1] and "Mất kết nối" not in said[1]


def test_a_keypad_signs_in_again_when_its_session_has_ended(server: Server) -> None:
    server.crew("yen")
    office = Office(server.url, "yen", PASSWORD)
    office.sign_in()
    office._token = "khong con dung"
    assert office.ask("GET", f"{SITE}/counters/1/console").well


# -- keys ------------------------------------------------------------------------------------------------------------------------


def test_input_events_are_read_as_presses_and_nothing_else() -> None:
    ours, theirs = os.pipe()
    events = [(KEY_EVENT, code, value) for code in (*CODES, 30) for value in (1, 2, 0)] + [(4, 96, 1), (0, 0, 0)]
    data = b"".join(EVENT.pack(0, 0, *event) for event in events)
    for start in range(0, len(data), 7):
        os.write(theirs, data[start : start + 7])
    os.close(theirs)
    assert list(presses(ours, threading.Event(), events=True)) == list(CODES.values())
    os.close(ours)


def test_characters_of_a_serial_keypad_are_read_as_presses() -> None:
    ours, theirs = os.pipe()
    os.write(theirs, b"\r*+-/.x7\xff\x00,\n")
    os.close(theirs)
    assert list(presses(ours, threading.Event(), events=False)) == [*KEYS, "undo", "big"]
    os.close(ours)


def test_a_keypad_on_a_line_works_a_counter_from_the_command_line(server: Server, kiosk: Client, tmp_path: Path) -> None:
    server.crew("thu")
    line = Line()
    with subprocess.Popen(
        [
            *(sys.executable, "-m", "server", "keypad", "--server", server.url, "--site", "open", "--counter", "4", "--user", "thu"),
            *("--password-stdin", "--keys", line.near),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as agent:
        assert agent.stdin is not None and agent.stdout is not None
        agent.stdin.write(PASSWORD + "\n")
        agent.stdin.flush()

        def answered() -> bool:
            line.type(b"\r")
            return bool(select.select([agent.stdout], [], [], 0.5)[0])

        until(answered)
        assert agent.stdout.readline().strip("\a\n")
        agent.terminate()
        assert agent.wait(timeout=60) == 0
    line.close()


def test_a_keypad_that_is_not_there_is_one_sentence(server: Server) -> None:
    arguments = ("keypad", "--server", server.url, "--site", "open", "--counter", "1", "--user", "lan", "--password-stdin")
    gone = moiso(*arguments, "--keys", "/dev/no-such-line", stdin=PASSWORD + "\n")
    assert gone.returncode == 1 and gone.stderr.strip() == "The keypad /dev/no-such-line cannot be read: No such file or directory."
    wrong = moiso(*arguments, "--keys", "/dev/null", stdin="khong phai mat khau\n")
    assert wrong.returncode == 1 and wrong.stderr.count("\n") == 1
