"""Whoever tries the program gets a whole office at once: accounts, screens, paper, citizens. Nothing of it is left over."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from running import ROOT, Client, until

from server.serving import screen_lines


@contextmanager
def demo(folder: Path, *options: str) -> Iterator[tuple[dict[str, Any], subprocess.Popen[str]]]:
    """A demo whose morning begins within seconds, and what it said."""
    process = subprocess.Popen(
        [sys.executable, "-m", "server", "demo", "--port", "0", "--json", "--factor", "60", *options],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline()), process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def kiosk_of(told: dict[str, Any]) -> Client:
    """The first kiosk, with the key that stands behind its address."""
    address, _, key = next(s["url"] for s in told["screens"] if "/kiosk/" in s["url"]).partition("#key=")
    assert address.endswith("/kiosk/demo/k1") and key
    return Client(f"{told['url']}/api/v1", key)


def taken(kiosk: Client, service: str) -> bool:
    """Whether a number was given; the office opens soon."""
    return kiosk.send("POST", "/sites/demo/tickets", {"service": service}).status_code == 201


def every_screen_answers(told: dict[str, Any]) -> None:
    """All there are, of every kind; and a page that sends old browsers elsewhere sends them somewhere."""
    kinds = [screen["kind"] for screen in told["screens"]]
    assert set(kinds) == {"kiosk", "hall", "counter", "book", "procedures", "desk", "console", "manage"}
    for screen in told["screens"]:
        page = requests.get(screen["url"], timeout=60)
        assert page.status_code == 200, screen
        if "cùng địa chỉ với /plain" in page.text:
            assert requests.get(f"{screen['url'].partition('#')[0]}/plain", timeout=60).status_code == 200, screen
    lines = list(screen_lines(told["screens"]))
    assert len(lines) == len(kinds) - kinds.count("counter") + 1, "the counters share a line"
    assert all(any(screen["url"] in line for line in lines) for screen in told["screens"] if screen["kind"] != "counter")
    assert f"{told['url']}/display/demo/counter/1 (also 2, 3" in "\n".join(lines)


def test_what_a_demo_says_lets_in_and_nothing_is_left_of_it(tmp_path: Path) -> None:
    with demo(tmp_path, "--no-citizens") as (told, process):
        anyone = Client(f"{told['url']}/api/v1")
        roles = {a["role"] for a in told["accounts"]}
        assert roles == {"clerk", "helper", "supervisor", "inspector", "admin"}
        for account in told["accounts"]:
            anyone.post("/sessions", {"user": account["user"], "password": account["password"]}, expect=201)
        service = anyone.get("/sites/demo")["services"][0]["id"]
        every_screen_answers(told)
        kiosk = kiosk_of(told)
        until(lambda: taken(kiosk, service))
        until(lambda: [paper for paper in tmp_path.glob("moiso-demo-*/k1.bin") if paper.stat().st_size])
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    assert list(tmp_path.glob("moiso-demo-*")) == []


def test_citizens_come_and_are_called_and_the_keys_of_an_earlier_demo_count_no_longer(tmp_path: Path) -> None:
    database = ("--db", f"sqlite:///{tmp_path / 'demo.db'}")
    with demo(tmp_path, "--no-citizens", *database) as (told, _):
        earlier = kiosk_of(told)
        service = Client(earlier.base).get("/sites/demo")["services"][0]["id"]
        until(lambda: taken(earlier, service))
    with demo(tmp_path, *database) as (told, _):
        now = kiosk_of(told)
        assert Client(now.base, earlier.key).send("POST", "/sites/demo/tickets", {"service": service}).status_code == 401
        until(lambda: taken(now, service))
        until(lambda: Client(now.base).get("/sites/demo/halls/main/board")["calls"])
