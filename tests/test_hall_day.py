"""Two walls of a real office, one lying and speaking, one standing: what is called is seen at once and heard, also in a rush and after
the server was away."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from browsing import LOUD, chromium
from playwright.sync_api import Browser, Page, expect
from running import ROOT, Client, Server

from audio import phrases
from server.store.sqlite import SqliteStore

pytestmark = [pytest.mark.browser, pytest.mark.slow]

DEMO = str(ROOT / "config" / "sites" / "demo.toml")
NINE, TEN_PAST_NINE = "2026-11-20T09:00:00+07:00", "2026-11-20T09:10:30+07:00"
RUSH = ("1", "2", "3", "4", "5", "6")
"""Counters that call in the same second."""
WAITING = ("civil", "civil", "civil", "certify", "certify", "certify", "land", "business")
"""Somebody for each of them, whoever calls first."""
SEEN_WITHIN_S = 1.0
SPOKEN_WITHIN_S = 45.0
STANDING_WITHIN_S = 20.0
"""A standing wall's big row gives way after six seconds, while the call is still new."""

# When each code first stood on the wall, and which files of the voice began to play: from inside the page, so that nothing is missed.
WITNESS = """
(() => {
  window.firstSeen = {};
  window.spoken = [];
  const look = () => document.querySelectorAll("ol.big .code, ol.recent .code").forEach((code) => {
    if (code.textContent) window.firstSeen[code.textContent] ??= (performance.timeOrigin + performance.now()) / 1000;
  });
  new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true });
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

    def call(self, counter: str) -> tuple[str, float]:
        """The code that was called, and when the clerk had the answer."""
        code = str(self.clerks[counter].post(f"/sites/demo/counters/{counter}/next", {"finish": True})["code"])
        return code, time.time()

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

    def until(self, question: Callable[[], bool], patience_s: float = SPOKEN_WITHIN_S) -> None:
        """Wait with both pages alive."""
        end = time.monotonic() + patience_s
        while not question():
            assert time.monotonic() < end, "it did not happen"
            self.lying.wait_for_timeout(50)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium(LOUD) as started:
        yield started


@pytest.fixture
def office(tmp_path: Path, browser: Browser) -> Iterator[Office]:
    server = Server(tmp_path, DEMO, "--hall-clock", NINE, site="demo").start()
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


def on_the_wall(wall: Page) -> list[tuple[str, str]]:
    rows: list[list[str]] = wall.locator(".big .row:not(.none), .recent .row:not(.none)").evaluate_all(
        "(rows) => rows.map((row) => ['.code', '.counter'].map((part) => row.querySelector(part).textContent))"
    )
    return [(code, counter) for code, counter in rows]


def test_six_calls_in_one_second_are_all_seen_at_once_and_heard_or_left_to_the_screen(office: Office) -> None:
    office.open(*RUSH)
    for service in WAITING:
        office.take(service)
    began = time.time()
    with ThreadPoolExecutor(len(RUSH)) as clerks:
        called = list(clerks.map(office.call, RUSH))
    codes, last_answer = {code for code, _ in called}, max(at for _, at in called)
    assert last_answer - began < 1.0, "one second"

    office.until(lambda: all(len(wall.evaluate("Object.keys(window.firstSeen)")) >= 5 for wall in (office.lying, office.standing)))
    seen = office.lying.evaluate("window.firstSeen")
    assert set(seen) == codes
    assert max(seen.values()) - last_answer < SEEN_WITHIN_S
    assert len(on_the_wall(office.lying)) == 6
    assert office.lying.locator(".row.new").count() == 6, "each of them stands out"
    # A standing wall has room for five; the sixth gets its big row when the others have had theirs.
    standing = office.standing.evaluate("window.firstSeen")
    assert set(standing) <= codes and max(standing.values()) - last_answer < SEEN_WITHIN_S
    office.until(lambda: set(office.standing.evaluate("window.firstSeen")) == codes, STANDING_WITHIN_S)

    office.until(lambda: len(office.answers()) == len(codes))
    answers = office.answers()
    heard = {seq for seq, detail in answers.items() if detail.startswith("played")}
    assert set(answers.values()) <= {"played", "played joined", "stale"}, "said, or too late to be said"
    assert "played joined" in answers.values() and len(heard) >= 5, answers
    assert {each["event"]["call"] for each in office.story("CallHeard")} == heard, "the clerk is told the truth"
    code_of = {call["seq"]: call["code"] for call in office.board()["calls"]}
    assert {each.split()[0] for each in office.spoken()} == {code_of[seq] for seq in heard}
    assert len(office.spoken()) == len(set(office.spoken())), "nothing is said twice"


def test_a_wall_that_was_without_its_server_says_so_is_whole_again_and_says_nothing_old(office: Office) -> None:
    office.open("1", "2", "3", "5")
    for service in WAITING:
        office.take(service)
    first, _ = office.call("1")
    office.until(lambda: len(office.answers()) == 1)
    late = [office.call(counter)[0] for counter in ("2", "3", "5")]
    for wall in (office.lying, office.standing):
        wall.get_by_text(late[-1]).first.wait_for()
    before = [on_the_wall(wall) for wall in (office.lying, office.standing)]
    office.server.kill()

    for wall, rows in zip((office.lying, office.standing), before, strict=True):
        expect(wall.locator(".stale")).to_have_text("Màn hình đang nối lại. Số hiện lúc 09:00. Xin nghe loa hoặc hỏi cán bộ.")
        assert {code for code, _ in on_the_wall(wall)} == {code for code, _ in rows}, "the last board stays"
        assert wall.locator(".row.new").count() == 0, "and nothing on it claims to be new"

    # The same database and port, and ten minutes later in the hall.
    office.server.options = ("--hall-clock", TEN_PAST_NINE)
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
    new, answered = office.call("1")
    office.until(lambda: office.lying.evaluate("(code) => window.firstSeen[code]", new) is not None, 5)
    assert office.lying.evaluate("(code) => window.firstSeen[code]", new) - answered < SEEN_WITHIN_S
    office.until(lambda: f"{new} again" in office.spoken())
    assert office.spoken() == [*already, new, f"{new} again"], "what was called while nobody could hear it is not called after people"
    assert office.lying.locator(".row.new .code").all_inner_texts() == [new]
