"""A whole working day of a real, busy office through the real server: kiosk, paper, voice, two hall screens, a console, eight clerks.

The arrivals are those of one municipal office on one day (`config/profiles/busy_day.json`, with its source). The hall clock runs fast, so
that queue times and head starts are those of a real day.
"""

from __future__ import annotations

import heapq
import io
import json
import os
import random
import subprocess
import sys
import threading
import time
import wave
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests
import socketio
from browsing import chromium
from fake_printer import PATIENT, FakePrinter
from playwright.sync_api import Page
from running import PASSWORD, ROOT, Client, Server, until
from several import Several, serving

from config.loader import load
from config.profile import BusyDay, busy_day
from server import wire
from server.core import events as ev
from server.core import hall
from server.core.day import Day

FACTOR = 150.0
"""Slow enough that a busy machine, late with everybody, is through before midnight of the hall."""
SERVED = os.environ.get("MOISO_SERVED", "sqlite")
"""In `make soak` also on `postgresql`, and by two `workers`: the hall is connected to one of them, the clerks to the other."""
COUNTERS = [str(n) for n in range(1, 9)]
AT_THE_CONSOLE = "8"
"""One of the eight is worked through its page, in Chromium, by keyboard."""
SERVICE_MINUTES = (2.0, 8.0)


def office(day: BusyDay) -> str:
    """The recorded office as a site document: its queues, eight counters that share them, its hours."""
    letters = sorted(day.queues)
    services = "".join(f'\n[[services]]\nid = "q{x}"\nletter = "{x}"\nname = "{day.queues[x]}"\n' for x in letters)
    counters = "".join(
        f'\n[[counters]]\nid = "{c}"\nservices = {json.dumps([f"q{x}" for x in served(letters, int(c))])}\n' for c in COUNTERS
    )
    kiosks = "".join(f'\n[[kiosks]]\nid = "k{n}"\nname = "Máy lấy số {n}"\n' for n in (1, 2))
    opens = f"{int(day.opens.total_seconds() // 3600):02d}:{int(day.opens.total_seconds() // 60) % 60:02d}"
    # It closes when everybody has come: on a busy machine they come late.
    return (
        f'id = "busy"\nname = "Văn phòng bận rộn"\n\n[hours.week]\nmon-sun = ["{opens}-24:00"]\n'
        f'\n[[halls]]\nid = "main"\nname = "Khu chờ"\n{kiosks}'
        f'\n[[priority_groups]]\nid = "older"\nname = "Từ 60 tuổi"\n{services}{counters}'
    )


def served(letters: list[str], counter: int) -> list[str]:
    """Every counter serves five of the ten queues; every queue is served by four counters."""
    return [x for number, x in enumerate(letters) if (number + counter) % 2 == 0]


# What a person who never looks away would have read on a wall: every pair of code and counter that stood on it.
REMEMBER_ROWS = """
(() => {
  const seen = new Map();
  const look = () => document.querySelectorAll("ol.big li, ol.recent li").forEach((row) => {
    const code = row.querySelector(".code")?.textContent, counter = row.querySelector(".counter")?.textContent;
    if (code) seen.set(code + "/" + counter, [code, counter]);
  });
  new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true });
  window.rowsSeen = () => [...seen.values()];
})();
"""


class Hurry:
    """Real instants of hall times."""

    def __init__(self, begins: datetime) -> None:
        self.begins, self.started = begins, time.monotonic()

    def now(self) -> datetime:
        return self.begins + timedelta(seconds=(time.monotonic() - self.started) * FACTOR)

    def until(self, at: datetime) -> None:
        left = (at - self.now()).total_seconds() / FACTOR
        if left > 0:
            time.sleep(left)  # the day's own pace, not a wait for an outcome


@dataclass
class Speaker:
    """A loudspeaker: fetches every announcement's sound, measures it, and answers."""

    url: str
    key: str
    heard: dict[str, float] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._client = socketio.Client(reconnection=False)
        self._client.on("announcement", self._play)
        self._client.connect(self.url, auth={"key": self.key}, transports=["websocket"], wait_timeout=60)
        assert self._client.call("hello", {"kind": "device"})["device"]["kind"] == "audio"

    def _play(self, said: dict[str, Any]) -> None:
        # A busy machine may come to a sound later than whoever asks is kept waiting.
        end = time.monotonic() + 120
        while (answer := requests.get(self.url + said["audio"]["vi"], timeout=60)).status_code != 200:
            if time.monotonic() > end:
                self.failed.append(f"{said['id']}: {answer.status_code}")
                return
            time.sleep(0.5)
        with wave.open(io.BytesIO(answer.content)) as sound:
            self.heard[said["id"]] = sound.getnframes() / sound.getframerate()
        self._client.emit("done", {"id": said["id"], "ok": True, "detail": "played"})

    def close(self) -> None:
        self._client.disconnect()


class Clerk(threading.Thread):
    """Presses "Gọi tiếp" whenever the present citizen's time is over; goes home when everybody has come and nobody waits."""

    def __init__(self, client: Client, counter: str, hurry: Hurry, over: Callable[[], bool]) -> None:
        super().__init__(name=f"clerk {counter}", daemon=True)
        self.client, self.counter, self.hurry, self.over = client, counter, hurry, over
        self.random = random.Random(int(counter))
        self.called: list[str] = []
        self.problem: str | None = None

    def run(self) -> None:
        path = f"/sites/busy/counters/{self.counter}"
        self.client.post(f"{path}/open")
        while True:
            over = self.over()
            answer = self.client.send("POST", f"{path}/next", {"finish": True})
            body = answer.json()
            if answer.status_code == 200 and body.get("code"):
                self.called.append(body["code"])
                self.hurry.until(self.hurry.now() + timedelta(minutes=self.random.uniform(*SERVICE_MINUTES)))
                continue
            if answer.status_code not in (200, 409) or (answer.status_code == 409 and body["error"]["code"] != "nobody_waiting"):
                self.problem = answer.text
                return
            if over:
                return
            self.hurry.until(self.hurry.now() + timedelta(minutes=1))


@dataclass
class Kept:
    """What the day left behind."""

    day: BusyDay
    issued: list[dict[str, Any]]
    printers: list[FakePrinter]
    speaker: Speaker
    story: list[dict[str, Any]]
    report: dict[str, Any]
    walls: list[set[tuple[str, str]]]
    clerks: list[Clerk]
    pressed: int
    document: str
    server_log: str


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Kept]:
    folder = tmp_path_factory.mktemp("busy")
    day = busy_day()
    document = office(day)
    (folder / "busy.toml").write_text(document, encoding="utf-8")
    site = load(document)
    opening = site.at(day.date, day.opens)
    begins = opening - timedelta(minutes=6)
    clock = ("--hall-clock", begins.isoformat(), "--factor", str(FACTOR), "--voice", "espeak")
    printers = [FakePrinter(), FakePrinter()]
    with serving(SERVED, folder, request, *clock, document=str(folder / "busy.toml"), site="busy") as served_office:
        both = isinstance(served_office, Several)
        server, offices = (served_office.past_nginx(1), served_office.past_nginx(0)) if both else (served_office, served_office)
        # The clock started a moment ago; ask the server for its time instead of assuming.
        kiosks = [server.device("k1"), server.device("k2")]
        keys = {name: server.device(name, kind, "main").key for name, kind in (("loa", "audio"), ("tv1", "display"), ("tv2", "display"))}
        clients = {c: offices.staff(f"clerk{c}") for c in COUNTERS}
        head = server.staff("head", "supervisor")
        inspector = server.staff("inspector", "inspector")
        agents = [
            subprocess.Popen(
                [
                    *(sys.executable, *PATIENT, "kiosk", "--server", server.url, "--key", str(kiosk.key)),
                    *("--printer", printer.url, "--journal", str(folder / f"journal-{printer.port}")),
                ],
                cwd=ROOT,
                stderr=subprocess.DEVNULL,
            )
            for kiosk, printer in zip(kiosks, printers, strict=True)
        ]
        speaker = Speaker(server.url, str(keys["loa"]))
        with chromium() as browser:
            walls = [browser.new_page(viewport={"width": 1920, "height": 1080}) for _ in range(2)]
            for page, name in zip(walls, ("tv1", "tv2"), strict=True):
                page.add_init_script(REMEMBER_ROWS)
                page.goto(f"{server.url}/display/busy/main#key={keys[name]}")
            desk = browser.new_page(viewport={"width": 1366, "height": 620})
            sit_down(desk, offices, f"clerk{AT_THE_CONSOLE}")
            hurry = Hurry(datetime.fromisoformat(kiosks[0].get("/sites/busy")["at"]))
            issued: list[dict[str, Any]] = []
            citizens = threading.Thread(target=arrive, args=(day, opening, hurry, kiosks, issued), daemon=True)
            over = lambda: citizens.ident is not None and not citizens.is_alive()  # noqa: E731
            clerks = [Clerk(clients[c], c, hurry, over) for c in COUNTERS if c != AT_THE_CONSOLE]
            citizens.start()
            hurry.until(opening)
            for clerk in clerks:
                clerk.start()
            pressed = work_by_keyboard(desk, clients[AT_THE_CONSOLE], over)
            citizens.join(timeout=300)
            for clerk in clerks:
                clerk.join(timeout=300)
                clients[clerk.counter].post(f"/sites/busy/counters/{clerk.counter}/close")
            closes = datetime.fromisoformat(head.get("/sites/busy")["at"]) + timedelta(minutes=30)
            head.post("/sites/busy/hours", {"closes": f"{closes:%H:%M}"})
            for page in walls:
                page.get_by_text("Hết giờ làm việc").first.wait_for()
            shown = [{(code, counter) for code, counter in page.evaluate("() => window.rowsSeen()")} for page in walls]
        # The last papers and sounds come behind their numbers and calls.
        until(lambda: sum(len(printer.decoder.tickets) for printer in printers) >= len(issued), 120)
        for printer in printers:
            printer.until_idle()
        story = inspector.get(f"/sites/busy/days/{day.date}/events")["events"]
        calls = sum(line["kind"] == "TicketCalled" for line in story)
        until(lambda: len(speaker.heard) + len(speaker.failed) >= calls, 180)
        report = head.get(f"/sites/busy/days/{day.date}/report")
        speaker.close()
        for agent in agents:
            agent.terminate()
            agent.wait(timeout=60)
    yield Kept(day, issued, printers, speaker, story, report, shown, clerks, pressed, document, server.log.read_text())
    for printer in printers:
        printer.stop()


def arrive(day: BusyDay, opening: datetime, hurry: Hurry, kiosks: list[Client], issued: list[dict[str, Any]]) -> None:
    """Every recorded arrival takes a number at its hall time, at the one kiosk or the other; one in nine claims priority."""
    for number, (since_opening, letter) in enumerate(day.arrivals):
        hurry.until(opening + since_opening)
        claim = {"priority": "older"} if number % 9 == 0 else {}
        issued.append(kiosks[number % 2].post("/sites/busy/tickets", {"service": f"q{letter}", **claim}, expect=201))


def sit_down(desk: Page, server: Server, user: str) -> None:
    desk.goto(f"{server.url}/console")
    desk.locator("input:not([type=password])").first.fill(user)
    desk.locator("input[type=password]").fill(PASSWORD)
    desk.keyboard.press("Enter")
    desk.get_by_text(f"Quầy {AT_THE_CONSOLE}", exact=True).first.click()
    desk.get_by_text(f"MỞ QUẦY {AT_THE_CONSOLE}").wait_for()


def work_by_keyboard(desk: Page, client: Client, over: Callable[[], bool]) -> int:
    """Work one counter by the space bar until everybody has come and nobody waits; how often it was pressed."""
    pressed = 0
    while True:
        all_have_come = over()
        console = client.get(f"/sites/busy/counters/{AT_THE_CONSOLE}/console")
        if all_have_come and not console["waiting_count"] and console["current"] is None:
            desk.get_by_text("CHƯA CÓ AI CHỜ", exact=True).wait_for()
            return pressed
        if console["counter"]["state"] == "open" and not console["waiting_count"] and console["current"] is None:
            desk.wait_for_timeout(100)
            continue
        desk.keyboard.press("Space")
        pressed += 1
        desk.wait_for_timeout(900)  # the citizen is being served; the page rests 800 ms after each change as well
        # A busy machine takes longer: nobody presses again before anything has changed, unless nothing does.
        end = time.monotonic() + 3
        while time.monotonic() < end and the_same(console, client.get(f"/sites/busy/counters/{AT_THE_CONSOLE}/console")):
            desk.wait_for_timeout(50)


def the_same(before: dict[str, Any], now: dict[str, Any]) -> bool:
    """Whether nothing has happened at a counter between these two."""
    return all(before[what] == now[what] for what in ("current", "counter"))


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.timeout(1200)
class TestABusyDay:
    def test_every_citizen_got_a_number_and_no_code_was_given_twice(self, kept: Kept) -> None:
        assert len(kept.issued) == len(kept.day.arrivals) >= 500
        assert len({t["code"] for t in kept.issued}) == len(kept.issued)
        assert len({t["id"] for t in kept.issued}) == len(kept.issued)

    def test_the_report_counts_what_came_in(self, kept: Kept) -> None:
        came = Counter(f"q{letter}" for _, letter in kept.day.arrivals)
        by_service = {s["service"]: s["issued"] for s in kept.report["services"]}
        assert kept.report["issued"] == len(kept.day.arrivals)
        assert {s: n for s, n in by_service.items() if n} == dict(came)
        assert sum(kept.report["states"].values()) == kept.report["issued"]
        assert kept.report["states"]["done"] == kept.report["issued"]

    def test_everybody_was_called_once_by_one_of_eight_counters(self, kept: Kept) -> None:
        called = [e["event"]["ticket"] for e in kept.story if e["kind"] == "TicketCalled"]
        assert Counter(called) == Counter(t["id"] for t in kept.issued)
        assert {e["event"]["counter"] for e in kept.story if e["kind"] == "TicketCalled"} == set(COUNTERS)
        assert [clerk.problem for clerk in kept.clerks if clerk.problem] == []

    def test_the_first_on_the_board_is_whom_a_clerk_of_that_field_calls_next(self, kept: Kept) -> None:
        site = load(kept.document)
        day = Day(site, kept.day.date)
        checked = 0
        for line in kept.story:
            event = wire.event_of(line["kind"], wire.dumps(line["event"]))
            at = datetime.fromisoformat(line["at"]).astimezone(site.tz)
            if isinstance(event, ev.TicketCalled):
                ticket = day.tickets[event.ticket]
                shown = {w.service: w.next for w in hall.board(day, "main", at).waiting}
                assert shown[ticket.service][0] == ticket.code, (line["seq"], ticket.code, shown)
                checked += 1
            day.apply(ev.Entry(line["seq"], at, line["actor"], event))
        assert checked == len(kept.issued)

    def test_the_order_is_the_rule_worked_out_by_hand(self, kept: Kept) -> None:
        """Among the queues of a counter the smallest (queue time, sequence number) is called: here with a heap and no code of ours."""
        letters = sorted(kept.day.queues)
        lines: dict[str, list[tuple[str, int, str]]] = {f"q{x}": [] for x in letters}
        for line in kept.story:
            event = line["event"]
            if line["kind"] == "TicketIssued":
                heapq.heappush(lines[event["service"]], (event["queue_time"], line["seq"], event["ticket"]))
            elif line["kind"] == "TicketCalled":
                mine = [lines[f"q{x}"] for x in served(letters, int(event["counter"]))]
                first = min((queue[0], queue) for queue in mine if queue)
                assert first[0][2] == event["ticket"], line
                heapq.heappop(first[1])

    def test_every_ticket_was_printed_once_on_paper(self, kept: Kept) -> None:
        assert sum(len(printer.decoder.tickets) for printer in kept.printers) == len(kept.issued)

    def test_every_call_became_a_sound_that_lasts(self, kept: Kept) -> None:
        calls = [f"{kept.day.date}-{e['seq']}-1" for e in kept.story if e["kind"] == "TicketCalled"]
        assert kept.speaker.failed == []
        assert set(kept.speaker.heard) == set(calls)
        assert min(kept.speaker.heard.values()) > 1.5

    def test_both_walls_showed_the_calls_with_their_counters(self, kept: Kept) -> None:
        codes = {t["id"]: t["code"] for t in kept.issued}
        called = {(codes[e["event"]["ticket"]], e["event"]["counter"]) for e in kept.story if e["kind"] == "TicketCalled"}
        for wall in kept.walls:
            assert wall <= called
            # At this speed five calls come a second and a big row is held for six: a few find no free row on the wall.
            assert len(called - wall) <= 0.05 * len(called), called - wall

    def test_one_counter_was_worked_by_the_space_bar_alone(self, kept: Kept) -> None:
        calls = sum(1 for e in kept.story if e["kind"] == "TicketCalled" and e["event"]["counter"] == AT_THE_CONSOLE)
        assert calls > 10
        assert kept.pressed <= 2.2 * calls + 5

    def test_nothing_went_wrong_that_nobody_saw(self, kept: Kept) -> None:
        # Five calls a second are more than the voice of a busy machine can follow: whoever asks again gets the sound.
        said = [line for line in kept.server_log.splitlines() if "The voice had others to speak for" not in line]
        assert not [line for line in said if "error" in line.lower().replace("--log", "")], said[-20:]
