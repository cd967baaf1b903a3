"""Two walls of a real office, one lying and speaking, one standing: what is called is seen at once and heard, also in a rush and after
the server was away."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from browsing import LOUD, chromium
from playwright.sync_api import Browser, Page, expect
from running import ROOT, Client, Server

from audio import phrases
from server.store.sqlite import SqliteStore

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(1200)]

DEMO = str(ROOT / "config" / "sites" / "demo.toml")
NINE, TEN_PAST_NINE = "2026-11-20T09:00:00+07:00", "2026-11-20T09:10:30+07:00"
RUSH = ("1", "2", "3", "4", "5", "6")
"""Counters that call in the same second."""
WAITING = ("civil", "civil", "civil", "certify", "certify", "certify", "land", "business")
"""Somebody for each of them, whoever calls first."""
SLOW = ("--factor", "0.1")
"""The hall's time passes slowly: a machine that needs seconds for six calls still makes them within one second of the hall."""
TIMING = "\n[timing]\nnew_for_seconds = 25\nspeak_within_seconds = 60\n"
"""In real seconds, whatever the hall's clock: twice as long as usual, for a wall that is late with its turns and with its voice."""
PATIENCE_S = 180.0

# Which codes have stood on the wall, which of them stood out, which the hall was told to call before they stood there, and which files of
# the voice began to play: from inside the page, so that nothing is missed.
WITNESS = """
(() => {
  window.seen = [];
  window.stoodOut = [];
  window.told = [];
  window.toldUnseen = [];
  window.spoken = [];
  const add = (all, code) => code && !all.includes(code) && all.push(code);
  const look = () => {
    document.querySelectorAll("ol.big .code, ol.recent .code").forEach((code) => add(window.seen, code.textContent));
    document.querySelectorAll(".row.new .code").forEach((code) => add(window.stoodOut, code.textContent));
  };
  new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
  window.WebSocket = class extends WebSocket {
    constructor(...how) {
      super(...how);
      this.addEventListener("message", ({ data }) => {
        if (!String(data).startsWith('42["announcement"')) return;
        const { code } = JSON.parse(data.slice(2))[1];
        add(window.told, code);
        if (!window.seen.includes(code)) add(window.toldUnseen, code);
      });
    }
  };
  const bytes = Response.prototype.arrayBuffer;
  Response.prototype.arrayBuffer = async function () {
    return Object.assign(await bytes.call(this), { from: this.url });
  };
  const decode = BaseAudioContext.prototype.decodeAudioData;
  BaseAudioContext.prototype.decodeAudioData = async function (data) {
    const from = data.from;
    return Object.assign(await decode.call(this, data), { from });
  };
  const start = AudioBufferSourceNode.prototype.start;
  AudioBufferSourceNode.prototype.start = function (...when) {
    window.spoken.push(this.buffer.from.split("/").pop().replace(".wav", ""));
    return start.apply(this, when);
  };
})();
"""


def name_of(sentence: str) -> str:
    """How the server names the file of a Vietnamese sentence."""
    return hashlib.sha256(f"vi\n{sentence}".encode()).hexdigest()[:32]


@dataclass
class Office:
    """The demo's office with two walls, six clerks and somebody at the kiosk."""

    server: Server
    kiosk: Client
    clerks: dict[str, Client]
    inspector: Client
    lying: Page
    standing: Page

    def open(self, *counters: str) -> None:
        for counter in counters:
            self.clerks[counter].post(f"/sites/demo/counters/{counter}/open")

    def take(self, service: str) -> str:
        return str(self.kiosk.post("/sites/demo/tickets", {"service": service}, expect=201)["code"])

    def call(self, counter: str) -> str:
        """The code that was called."""
        return str(self.clerks[counter].post(f"/sites/demo/counters/{counter}/next", {"finish": True})["code"])

    def board(self) -> dict[str, Any]:
        board: dict[str, Any] = self.kiosk.get("/sites/demo/halls/main/board")
        return board

    def story(self, kind: str) -> list[dict[str, Any]]:
        events = self.inspector.get("/sites/demo/days/2026-11-20/events")["events"]
        return [each for each in events if each["kind"] == kind]

    def answers(self) -> dict[int, str]:
        """What the speaking wall said of each call, by the number of its event."""
        ids = [f"2026-11-20-{each['seq']}-1" for each in self.story("TicketCalled")]
        store = SqliteStore(self.server.database)
        try:
            return {int(row.moment.split("-")[3]): row.detail for row in store.done("demo", ids) if row.device == "tv"}
        finally:
            store.close()

    def spoken(self) -> list[str]:
        """What was said aloud, in order: the code, or the code and `again`."""
        board = self.board()
        said = {}
        for call in board["calls"]:
            counter = f"Quầy {call['counter']}"
            said[name_of(phrases.call(call["code"], counter).vi)] = call["code"]
            said[name_of(phrases.repeat(call["code"], counter))] = f"{call['code']} again"
        return [said[name] for name in self.lying.evaluate("window.spoken")]

    def until(self, question: Callable[[], bool]) -> None:
        """Wait with both pages alive."""
        end = time.monotonic() + PATIENCE_S
        while not question():
            assert time.monotonic() < end, "it did not happen"
            self.lying.wait_for_timeout(50)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium(LOUD) as started:
        yield started


@pytest.fixture
def office(tmp_path: Path, browser: Browser) -> Iterator[Office]:
    document = tmp_path / "demo.toml"
    document.write_text(Path(DEMO).read_text(encoding="utf-8") + TIMING, encoding="utf-8")
    server = Server(tmp_path, str(document), "--hall-clock", NINE, *SLOW, site="demo").start()
    (lan,) = server.crew("lan")
    clerks = {counter: Client(server.api, lan.key) for counter in RUSH}
    (inspector,) = server.crew("thanh", role="inspector")
    screen = server.device("tv", "display")
    walls = [browser.new_page(viewport={"width": w, "height": h}) for w, h in ((1920, 1080), (1080, 1920))]
    for wall, query in zip(walls, (f"?sound=1#key={screen.key}", ""), strict=True):
        wall.add_init_script(WITNESS)
        wall.goto(f"{server.url}/display/demo/main{query}")
        expect(wall.get_by_text("Chưa gọi số nào")).to_be_visible()
    yield Office(server, server.device("k1", "kiosk"), clerks, inspector, *walls)
    for wall in walls:
        wall.close()
    server.stop()


def witnessed(wall: Page, what: str) -> set[str]:
    return set(wall.evaluate(f"window.{what}"))


def on_the_wall(wall: Page) -> list[tuple[str, str]]:
    rows: list[list[str]] = wall.locator(".big .row:not(.none), .recent .row:not(.none)").evaluate_all(
        "(rows) => rows.map((row) => ['.code', '.counter'].map((part) => row.querySelector(part).textContent))"
    )
    return [(code, counter) for code, counter in rows]


def test_six_calls_in_one_second_are_all_seen_at_once_and_heard_or_left_to_the_screen(office: Office) -> None:
    office.open(*RUSH)
    for service in WAITING:
        office.take(service)
    with ThreadPoolExecutor(len(RUSH)) as clerks:
        codes = set(clerks.map(office.call, RUSH))
    at = [datetime.fromisoformat(call["at"]) for call in office.board()["calls"]]
    assert len(codes) == 6 and max(at) - min(at) <= timedelta(seconds=1), "one second of the hall"

    # At once: before the hall is told to call anybody, whose number stands on the wall.
    office.until(lambda: witnessed(office.lying, "told") == witnessed(office.standing, "told") == codes)
    assert witnessed(office.lying, "seen") == witnessed(office.lying, "stoodOut") == codes, "each of them stands out"
    assert witnessed(office.lying, "toldUnseen") == set()
    assert {code for code, _ in on_the_wall(office.lying)} == codes
    # A standing wall has room for five; the sixth gets its big row when the others have had theirs, while it is still new.
    assert len(witnessed(office.standing, "toldUnseen")) <= 1
    office.until(lambda: witnessed(office.standing, "seen") == codes)
    assert witnessed(office.standing, "stoodOut") == codes

    office.until(lambda: len(office.answers()) == len(codes))
    answers = office.answers()
    heard = {seq for seq, detail in answers.items() if detail.startswith("played")}
    assert set(answers.values()) <= {"played", "played joined", "stale"}, "said, or too late to be said"
    assert "played joined" in answers.values() and len(heard) >= 5, answers
    # An answer is written down before the clerk is told of it.
    office.until(lambda: len(office.story("CallHeard")) >= len(heard))
    assert {each["event"]["call"] for each in office.story("CallHeard")} == heard, "the clerk is told the truth"
    code_of = {call["seq"]: call["code"] for call in office.board()["calls"]}
    assert {each.split()[0] for each in office.spoken()} == {code_of[seq] for seq in heard}
    assert len(office.spoken()) == len(set(office.spoken())), "nothing is said twice"


def test_a_wall_that_was_without_its_server_says_so_is_whole_again_and_says_nothing_old(office: Office) -> None:
    office.open("1", "2", "3", "5")
    for service in WAITING:
        office.take(service)
    first = office.call("1")
    office.until(lambda: len(office.answers()) == 1)
    late = [office.call(counter) for counter in ("2", "3", "5")]
    for wall in (office.lying, office.standing):
        wall.get_by_text(late[-1]).first.wait_for()
    before = [on_the_wall(wall) for wall in (office.lying, office.standing)]
    office.server.kill()

    for wall, rows in zip((office.lying, office.standing), before, strict=True):
        expect(wall.locator(".stale")).to_have_text("Màn hình đang nối lại. Số hiện lúc 09:00. Xin nghe loa hoặc hỏi cán bộ.")
        assert {code for code, _ in on_the_wall(wall)} == {code for code, _ in rows}, "the last board stays"
        assert wall.locator(".row.new").count() == 0, "and nothing on it claims to be new"

    # The same database and port, and ten minutes later in the hall.
    office.server.options = ("--hall-clock", TEN_PAST_NINE, *SLOW)
    office.server.start()
    expect(office.lying.locator(".stale")).to_have_count(0)
    already = office.spoken()
    assert already[0] == first
    for wall in (office.lying, office.standing):
        expect(wall.locator(".stale")).to_have_count(0)
        expect(wall.locator(".clock")).to_have_text(re.compile(r"09:1\d"))
        # Whom the voice is just naming stands out until it has ended.
        expect(wall.locator(".row.new")).to_have_count(0)
    calls = [(call["code"], call["counter"]) for call in office.board()["calls"]]
    assert sorted(on_the_wall(office.lying)) == sorted(calls)

    office.take("civil")
    new = office.call("1")
    office.until(lambda: new in witnessed(office.lying, "told"))
    assert new not in witnessed(office.lying, "toldUnseen"), "it stood on the wall before the hall was told to call it"
    assert office.lying.locator(".row.new .code").all_inner_texts() == [new]
    office.until(lambda: f"{new} again" in office.spoken())
    assert office.spoken() == [*already, new, f"{new} again"], "what was called while nobody could hear it is not called after people"
