"""Brokers against people: whoever is quick and has a few telephones gets a few places, and no more."""

from __future__ import annotations

import heapq
import json
import random
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from running import MORNING, Server, running

PLACES, BOTS, PEOPLE = 300, 50, 500
BOT_PHONES, BOT_ADDRESSES, BOT_S, BOT_TRIES = 20, 10, 0.05, 40
FORM_S = (4, 40)
"""So long a person takes to fill in the form."""
DAY = "2026-11-23"
OFFICE = """
id = "ward"
name = "UBND phường An Mẫu"
[hours.week]
mon-fri = ["07:30-12:30"]
[booking]
slot_minutes = 10
capacity = 10
share = 1.0
# These bots do sums as well as anybody.
[limits]
sum_after_bookings = 0
sum_in_all = 0
[[halls]]
id = "main"
name = "Khu chờ"
[[kiosks]]
id = "k1"
[[services]]
id = "A"
letter = "A"
name = "Hộ tịch"
[[counters]]
id = "1"
services = ["A"]
"""


class Town:
    """Requests from many addresses of this machine, in the order in which they would be made; limits last longer than the rush."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.free = [s["start"] for s in server.anyone().get(f"/sites/ward/slots?service=A&date={DAY}")]

    def ask(self, address: str, start: str, phone: str | None) -> tuple[int, Any]:
        body: dict[str, Any] = {"service": "A", "start": start}
        if phone:
            body |= {"phone": phone, "consent": True}
        headers = {"Content-Type": "application/json", "Idempotency-Key": uuid.uuid4().hex}
        with self._line(address) as line:
            line.request("POST", "/api/v1/sites/ward/appointments", json.dumps(body), headers)
            response = line.getresponse()
            return response.status, json.loads(response.read())

    @contextmanager
    def _line(self, address: str) -> Iterator[HTTPConnection]:
        line = HTTPConnection("127.0.0.1", self._server.port, timeout=60, source_address=(address, 0))
        try:
            yield line
        finally:
            line.close()


@pytest.mark.slow
def test_fifty_bots_get_at_most_a_tenth_of_the_places(tmp_path: Path) -> None:
    document = tmp_path / "ward.toml"
    document.write_text(OFFICE, encoding="utf-8")
    chance = random.Random(4)
    with running(tmp_path, str(document), *MORNING, site="ward") as server:
        town = Town(server)
        assert len(town.free) * 10 == PLACES
        won: Counter[str] = Counter()
        wanted: dict[int, str] = {}
        rush: list[tuple[float, int, str, int]] = [(n * BOT_S / BOTS, n, "bot", BOT_TRIES) for n in range(BOTS)]
        rush += [(chance.uniform(*FORM_S), n, "person", 3) for n in range(PEOPLE)]
        heapq.heapify(rush)
        while rush:
            at, number, who, tries = heapq.heappop(rush)
            start = wanted.get(number, "") if who == "person" else ""
            start = start or chance.choice(town.free)
            if who == "bot":
                # Every other try without a telephone, which costs nothing to invent.
                phone = f"09{number % BOT_PHONES:08d}" if tries % 2 else None
                status, answer = town.ask(f"127.0.9.{1 + chance.randrange(BOT_ADDRESSES)}", start, phone)
                again = at + BOT_S
            else:
                status, answer = town.ask(f"127.1.{number // 200}.{1 + number % 200}", start, f"08{number:08d}")
                again = at + chance.uniform(*FORM_S)
            if who == "person" and status == 409 and (offered := answer["error"]["details"].get("free")):
                # A person takes what the page offers instead.
                wanted[number] = chance.choice(offered)
            if status == 201:
                won[who] += 1
            if tries > 1 and (status != 201 or who == "bot"):
                heapq.heappush(rush, (again, number, who, tries - 1))
        assert 0 < won["bot"] <= PLACES * 0.10, won
        assert won["person"] >= PLACES * 0.85, won
