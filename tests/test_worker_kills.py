"""Workers are killed and Redis is stopped in the middle of a busy hour: no acknowledged command is lost, none is done twice, and every
screen is whole again within three seconds of its return.

Five blows in `make test`, fifty in `make soak` (`MOISO_BLOWS`).
"""

from __future__ import annotations

import os
import random
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import socketio
from databases import Postgres, Redis
from running import MORNING, START_S, Client, until
from several import Several, several

BLOWS = int(os.environ.get("MOISO_BLOWS", "5"))
SEED = int(os.environ.get("MOISO_SEED", "7"))
WHOLE_S = 3.0
LATE_S = 15.0
"""On whatever machine."""
SCREENS = 4
PAUSE_S = 0.05


@dataclass
class Hand(threading.Thread):
    """Somebody who presses a button again and again, and asks until there is an answer, as every page and agent does."""

    press: Any
    told: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        while not self.done.wait(PAUSE_S):
            once = uuid.uuid4().hex
            while True:
                try:
                    answer: requests.Response = self.press(once)
                except requests.RequestException:
                    continue
                if answer.status_code not in (502, 503, 504):
                    break
            if answer.status_code >= 500 or (answer.status_code >= 400 and answer.json()["error"]["code"] != "nobody_waiting"):
                self.problems.append(f"{answer.status_code} {answer.text[:200]}")
            elif answer.status_code < 300:
                self.told.append(answer.json())


class Screen:
    """A wall that connects again by itself and says hello, and remembers when it was back and what it showed since, by the hall's clock: a
    busy machine may bring a board late, but what was drawn then is in it."""

    def __init__(self, url: str) -> None:
        self.back_at = datetime.min.replace(tzinfo=UTC)
        self.board: Any = None
        self.shown: list[tuple[datetime, int]] = []
        self.returns = 0
        self._news = threading.Condition()
        self.client = socketio.Client(
            reconnection_delay=0.1, reconnection_delay_max=0.75, randomization_factor=0.2, handle_sigint=False, ssl_verify=False
        )
        self.client.on("connect", self._hello)
        self.client.on("board", self._show)
        # It goes on by itself if this first attempt comes to nothing.
        self.client.connect(url, transports=["websocket"], wait_timeout=20, retry=True)

    def _hello(self) -> None:
        self.client.emit("hello", {"site": "open", "kind": "hall", "id": "main"}, callback=self._greeted)
        self.returns += 1

    def _greeted(self, board: Any) -> None:
        self.back_at = datetime.fromisoformat(board["at"])
        self._show(board)

    def _show(self, board: Any) -> None:
        with self._news:
            self.board = board
            self.shown.append((datetime.fromisoformat(board["at"]), board["revision"]))
            self._news.notify_all()

    def shows(self, truth: Any) -> None:
        """Wait until it shows at least this; whatever was drawn later than the promised time after its return, or after this, shows it."""
        revision = truth["revision"]
        with self._news:
            assert self._news.wait_for(lambda: self.board is not None and self.board["revision"] >= revision, START_S), (
                self.board,
                revision,
            )
            since = max(datetime.fromisoformat(truth["at"]), self.back_at)
            first = min(at for at, seen in self.shown if seen >= revision)
            stale = [at for at, seen in self.shown if seen < revision and at > since + timedelta(seconds=WHOLE_S)]
        assert not stale and first < since + timedelta(seconds=LATE_S), (stale, first, since)


@dataclass
class Hour:
    """A busy hour: two kiosks, two clerks, some walls."""

    office: Several
    hands: list[Hand]
    screens: list[Screen]
    inspector: Client
    chance: random.Random

    def truth(self, number: int) -> Any:
        return self.office.at(number, self.office.anyone()).get("/sites/open/halls/main/board")


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, redis: Redis) -> Iterator[Hour]:
    folder = tmp_path_factory.mktemp("hour")
    with several(folder, postgres.fresh(), *MORNING, "--queue", redis.url) as office:
        kiosk = office.device("k1")
        clerks = office.crew("lan", "minh")
        (inspector,) = office.crew("thanh", role="inspector")
        hands = []
        for counter, clerk in enumerate(clerks, start=1):
            clerk.post(f"/sites/open/counters/{counter}/open")
            path, own = f"/sites/open/counters/{counter}/next", Client(office.api, clerk.key)
            hands.append(Hand(lambda once, own=own, path=path: own.send("POST", path, {"finish": True}, once=once)))
        for _ in range(2):
            own = Client(office.api, kiosk.key)
            hands.append(Hand(lambda once, own=own: own.send("POST", "/sites/open/tickets", {"service": "A"}, once=once)))
        screens = [Screen(office.url) for _ in range(SCREENS)]
        for hand in hands:
            hand.start()
        try:
            yield Hour(office, hands, screens, inspector, random.Random(SEED))
        finally:
            for hand in hands:
                hand.done.set()
            for screen in screens:
                screen.client.disconnect()
            for hand in hands:
                hand.join(timeout=60)


def nothing_is_lost(hour: Hour) -> None:
    """Stop pressing, and compare what was told with the story."""
    for hand in hour.hands:
        hand.done.set()
    for hand in hour.hands:
        hand.join(timeout=60)
        assert not hand.is_alive() and not hand.problems, hand.problems[:3]
    story = hour.inspector.get("/sites/open/days/2026-11-20/events")["events"]
    assert [line["seq"] for line in story] == list(range(1, len(story) + 1))
    issued = {line["event"]["ticket"]: line["event"]["number"] for line in story if line["kind"] == "TicketIssued"}
    given = [ticket for hand in hour.hands[2:] for ticket in hand.told]
    assert len(given) > BLOWS and {ticket["id"]: int(ticket["code"][1:]) for ticket in given} == issued, "each once, none lost, none more"
    assert sorted(issued.values()) == list(range(1, len(issued) + 1))
    called = [line["event"]["ticket"] for line in story if line["kind"] == "TicketCalled"]
    answered = [ticket["id"] for hand in hour.hands[:2] for ticket in hand.told if ticket.get("id")]
    assert sorted(called) == sorted(answered) and len(set(called)) == len(called), "nobody is called twice or in vain"


@pytest.mark.slow
@pytest.mark.timeout(0 if BLOWS > 5 else 300)
def test_whoever_is_killed_nothing_told_is_lost_and_screens_are_whole_within_three_seconds(hour: Hour, redis: Redis) -> None:
    office = hour.office
    for blow in range(BLOWS):
        threading.Event().wait(hour.chance.uniform(0.1, 0.6))
        if blow % 3 == 2:
            redis.stop()
        number = hour.chance.randrange(office.count)
        before = office.kill_worker(number)
        for screen in hour.screens:
            until(lambda screen=screen: screen.client.connected and screen.board is not None)
        truth = hour.truth(1 - number)
        for screen in hour.screens:
            screen.shows(truth)
        office.until_started_again(number, before)
        if blow % 3 == 2:
            redis.start()
        truth = hour.truth(number)
        for screen in hour.screens:
            screen.shows(truth)
    # Some were connected to whoever fell.
    until(lambda: sum(screen.returns for screen in hour.screens) > SCREENS)
    nothing_is_lost(hour)
