"""The power goes out at the worst moment, again and again, and nobody's number is lost or given twice."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import requests
from databases import Engine, locked, opened
from running import MORNING, OPEN, Client, Server

from server import wire
from server.core import events as ev

CUTS = {"sqlite": 20, "postgresql": 4}
"""The database itself is not cut off from power here: what PostgreSQL has committed is PostgreSQL's promise."""
PATIENT = (
    "-c",
    "import sys; from server import __main__ as program; program.go_green(); from server.store import postgres, sqlite; "
    "postgres.BUSY_MS = sqlite.BUSY_MS = 60_000; sys.exit(program.main())",
)
"""A server that waits for the disk as long as it takes: the power may go after its usual patience with somebody who holds it, and what it
refuses by then is no loss."""
KIOSKS = 8
CLERKS = 4


@dataclass
class Hand:
    """Somebody who presses one button as fast as it answers. Every press has a key; what was answered under it is remembered."""

    client: Client
    path: str
    body: dict[str, Any]
    answered: dict[str, dict[str, Any]] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    pressed: int = 0

    def press_until_the_power_goes(self, answers: threading.Semaphore) -> None:
        while True:
            key = uuid.uuid4().hex
            self.pressed += 1
            try:
                answer = self.client.send("POST", self.path, self.body, once=key)
            except requests.RequestException:
                self.open.append(key)
                return
            self._remember(key, answer)
            answers.release()

    def _remember(self, key: str, answer: requests.Response) -> None:
        if answer.status_code in (200, 201):
            self.answered[key] = answer.json()
        elif answer.status_code != 409:
            self.other.append(answer.text)

    def press_again(self) -> None:
        """The presses nobody answered, once more under the same keys: as a kiosk does when it is back."""
        for key in self.open:
            self._remember(key, self.client.send("POST", self.path, self.body, once=key))
        self.open.clear()


def press_together(hands: list[Hand], presses: int, server: Server, *, mid_commit: bool) -> None:
    """All at once, until so many presses have been answered; then the power goes. With `mid_commit` it goes while the disk, held by
    somebody else, has not yet taken what was pressed last."""
    answers = threading.Semaphore(0)
    threads = [threading.Thread(target=hand.press_until_the_power_goes, args=(answers,)) for hand in hands]
    for thread in threads:
        thread.start()
    for _ in range(presses):
        assert answers.acquire(timeout=60), "nobody is served any more"
    with locked(server.db) if mid_commit else nullcontext():
        if mid_commit:
            anyone = server.anyone()
            for _ in range(10):
                # Long enough for an answer that should not be given.
                anyone.get("/sites/open/halls/main/board")
        server.kill()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_power_cuts_lose_no_number_and_give_none_twice(tmp_path: Path, engine: Engine) -> None:
    # The hall's clock begins anew with every start, as on a machine whose own clock has lost the time.
    server = Server(tmp_path, OPEN, *MORNING, db=engine.new(tmp_path), program=PATIENT).start()
    cuts = CUTS[engine.name]
    key = server.device("k1").key
    crew = server.crew(*[f"clerk{n}" for n in range(1, CLERKS + 1)])
    for n, clerk in enumerate(crew, 1):
        clerk.post(f"/sites/open/counters/{n}/open")
    kiosks = [Hand(Client(server.api, key), "/sites/open/tickets", {"service": "AB"[n % 2]}) for n in range(KIOSKS)]
    clerks = [Hand(clerk, f"/sites/open/counters/{n}/next", {"finish": True}) for n, clerk in enumerate(crew, 1)]
    hands = kiosks + clerks
    chance = random.Random(20)
    until_first: list[float] = []

    for cut in range(cuts):
        before = [len(kiosk.answered) for kiosk in kiosks]
        press_together(hands, chance.randint(15, 50), server, mid_commit=cut % 3 == 2)
        down = time.monotonic()
        server.start()
        for hand in hands:
            hand.press_again()
            hand.client.http.close()
        until_first.append(time.monotonic() - down)
        anyone = server.anyone()
        for kiosk, known in zip(kiosks, before, strict=True):
            for ticket in list(kiosk.answered.values())[known:]:
                assert anyone.get(f"/sites/open/tickets/{ticket['id']}")["code"] == ticket["code"], f"cut {cut}"
        again = chance.choice(hands)
        asked = chance.choice(list(again.answered))
        repeated = again.client.send("POST", again.path, again.body, once=asked)
        assert repeated.headers["Idempotency-Replayed"] == "true" and repeated.json() == again.answered[asked]

    for kiosk in kiosks:
        for ticket in kiosk.answered.values():
            assert anyone.get(f"/sites/open/tickets/{ticket['id']}")["code"] == ticket["code"]
    server.kill()
    assert [hand.other for hand in hands if hand.other] == []

    with opened(server.db) as store:
        (day,) = store.days("open")
        story = [(row.seq, row.at, wire.event_of(row.kind, row.body)) for row in store.story("open", day)]
    assert [seq for seq, _, _ in story] == list(range(1, len(story) + 1)), "a story without gaps"
    assert all(earlier[1] <= later[1] for earlier, later in pairwise(story)), "times never decrease"
    issued = [event for _, _, event in story if isinstance(event, ev.TicketIssued)]
    given = [ticket for kiosk in kiosks for ticket in kiosk.answered.values()]
    assert len(issued) == len(given) == sum(kiosk.pressed for kiosk in kiosks), "one ticket for one press, whatever happened in between"
    assert Counter((event.service, event.number) for event in issued).most_common(1)[0][1] == 1, "no number twice"
    assert len({ticket["code"] for ticket in given}) == len(given)

    called = [(event.ticket, event.counter) for _, _, event in story if isinstance(event, ev.TicketCalled)]
    assert len(set(called)) == len(called) == len({ticket for ticket, _ in called}), "nobody is called twice"
    told = [answer for clerk in clerks for answer in clerk.answered.values() if answer.get("id")]
    assert {(answer["id"], answer["counter"]) for answer in told} == set(called), "every call was told, every call told was made"
    finished = [event.ticket for _, _, event in story if isinstance(event, ev.TicketFinished)]
    assert len(set(finished)) == len(finished) and set(finished) <= {ticket for ticket, _ in called}
    print(
        f"{len(given)} numbers and {len(called)} calls over {cuts} cuts; serving again {max(until_first):.1f} s after a cut at the latest"
    )
