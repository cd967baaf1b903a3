"""States go straight onto the wire, whole and in order, also to who reads slowly or is gone; and else as the library would send them."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import requests
import websocket
from bench.machine import KEY, Yard, bare
from bench.screens import _frame
from listening import Ears
from outside import outside
from running import until

from server.straight import frame

BUFFER = 1 << 16
MUCH = "dài" * 30_000
"""Longer than what the kernel takes at once for somebody who does not read."""


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    """One that asks nobody whether he lives before a test is over: some here read late, or answer no such question."""
    with bare(tmp_path, "straight", "120", str(BUFFER)) as yard:
        yield yard


@pytest.fixture
def brisk(tmp_path: Path) -> Iterator[Yard]:
    """One that gives somebody up who has not answered for eight seconds: nobody who answers is kept from it for so long."""
    with bare(tmp_path, "straight", "8", str(BUFFER)) as yard:
        yield yard


def tell_all(yard: Yard, *bodies: Any) -> None:
    """Send each body to everybody in the room."""
    for body in bodies:
        answer = requests.post(f"http://127.0.0.1:{yard.port}/broadcast", json=body, headers={"Authorization": f"Bearer {KEY}"}, timeout=60)
        assert answer.status_code == 201


def sent(yard: Yard) -> dict[str, int]:
    found: dict[str, int] = requests.get(f"http://127.0.0.1:{yard.port}/sent", timeout=60).json()["you"]
    return found


def somebody(yard: Yard, *, reads: int = 1 << 18) -> websocket.WebSocket:
    """A client in the room that has read everything so far, and has room for so many bytes more."""
    line = websocket.create_connection(
        f"ws://127.0.0.1:{yard.port}/socket.io/?EIO=4&transport=websocket",
        timeout=60,
        sockopt=[(socket.SOL_SOCKET, socket.SO_RCVBUF, reads)],
    )
    line.recv()
    line.send("40")
    line.recv()
    line.send('420["hello",{}]')
    assert line.recv().startswith("430")
    return line


def heard(line: websocket.WebSocket) -> Any:
    """The next body, pings answered and acknowledgements passed over."""
    while not (said := line.recv()).startswith("42"):
        if said == "2":
            line.send("3")
    return json.loads(said[2:])[1]


@pytest.mark.parametrize("length", (0, 1, 125, 126, 65_535, 65_536))
def test_a_frame_is_what_the_library_would_send(length: int) -> None:
    from eventlet.websocket import RFC6455WebSocket

    ws = RFC6455WebSocket(None, {})
    for text in ("x" * length, "ế" * (length // 3) + "x" * (length % 3)):
        assert frame(text) == ws._pack_message(text, masked=False)


@pytest.mark.parametrize(("sending", "way"), (("straight", "straight"), ("queued", None)))
def test_with_the_libraries_of_today_a_board_goes_straight_unless_the_office_wants_it_queued(
    tmp_path: Path, sending: str, way: Any
) -> None:
    with outside(tmp_path, "--sending", sending) as office, Ears(office.url) as wall, Ears(office.url) as phone:
        ticket = office.take("A")
        wall.hello("hall", "main")
        phone.hello("ticket", ticket["id"])
        office.open("1")
        office.call("1")
        phone.state("ticket", lambda t: t["state"] == "called")
        _, after = wall.next("board", lambda b: b["calls"] and b["calls"][0]["code"] == ticket["code"])
        wall.next("board", after=after)
        told = requests.get(f"{office.url}/metrics", timeout=60).text
        counts = {
            line.split('"')[1]: float(line.split()[-1]) for line in told.splitlines() if line.startswith("moiso_socket_messages_total{")
        }
        assert "straight_unfit" not in office.server.log.read_text()
        if way is None:
            assert counts == {}
        else:
            assert counts["straight"] >= 3 and counts["straight"] > counts["queued"], counts


def test_who_reads_slowly_gets_everything_whole_and_in_order_and_holds_up_nobody(yard: Yard) -> None:
    bodies = [{"n": n, "text": MUCH if n % 3 else "ngắn"} for n in range(60)]
    slow, quick, behind = somebody(yard, reads=1 << 14), somebody(yard), 9
    for number, body in enumerate(bodies):
        tell_all(yard, body)
        quick.send(f'421["echo",{number}]')
        assert heard(quick) == body
        if number >= behind:
            # So there is always room for something in the kernel, and always something that should go before.
            slow.send(f'421["echo",{number}]')
            assert heard(slow) == bodies[number - behind]
    ways = sent(yard)
    assert ways["in_parts"] >= 1 and ways["queued"] >= behind and ways["straight"] >= len(bodies) // 3, ways
    assert [heard(slow) for _ in range(behind)] == bodies[-behind:]
    tell_all(yard, {"n": "after"})
    assert heard(slow) == heard(quick) == {"n": "after"}
    assert sent(yard)["straight"] >= ways["straight"] + 2, "whoever has caught up is told straight again"


def test_the_rest_of_a_message_goes_before_whatever_is_said_next(yard: Yard) -> None:
    slow = somebody(yard, reads=1 << 14)
    for n in range(4):
        tell_all(yard, {"n": n, "text": "x" * 2_000_000})
        read = bytearray(slow.sock.recv(1 << 16))
        # Now the kernel has room again, for something short too.
        tell_all(yard, {"n": "next"})
        said: list[Any] = []
        while len(said) < 2:
            if (one := _frame(read)) is None:
                read += slow.sock.recv(1 << 20)
            elif one.startswith(b"42"):
                said.append(json.loads(one[2:])[1]["n"])
        assert said == [n, "next"]
    assert sent(yard)["in_parts"] >= 4


@pytest.mark.parametrize("how", ("reset", "closed", "half closed", "mute"))
def test_who_is_gone_in_the_middle_of_a_message_is_forgotten_and_missed_by_nobody(brisk: Yard, how: str) -> None:
    gone, here = somebody(brisk, reads=1 << 14), somebody(brisk)
    for n in range(4):
        tell_all(brisk, {"n": n, "text": MUCH})
        assert heard(here)["n"] == n
    assert sent(brisk)["queued"] >= 3, "there is something left for him"
    if how == "reset":
        gone.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if how == "half closed":
        gone.sock.shutdown(socket.SHUT_WR)
    elif how != "mute":
        gone.sock.close()

    def forgotten() -> bool:
        tell_all(brisk, {"n": "still"})
        assert heard(here) == {"n": "still"}
        return sent(brisk)["sockets"] == 1

    until(forgotten)


def test_answers_and_messages_come_whole_and_in_the_order_in_which_they_were_said(yard: Yard) -> None:
    lines = [somebody(yard) for _ in range(5)]
    for n in range(30):
        for line in lines:
            line.send(f'42{n + 1}["echo",{n}]')
        tell_all(yard, {"n": n})
    for line in lines:
        # A machine that takes long over it is asked meanwhile whether it lives.
        said = list(islice((one for one in iter(line.recv, "") if one != "2"), 60))
        assert [one for one in said if one.startswith("42")] == [f'42["board",{{"n":{n}}}]' for n in range(30)]
        assert [one for one in said if one.startswith("43")] == [f"43{n + 1}[{n}]" for n in range(30)]
