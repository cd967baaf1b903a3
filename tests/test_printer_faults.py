"""Whatever happens to the printer, the kiosk's screen, the staff and the reprint are right: a real office, agent and Chromium, a printer on
a socket with the faults real ones have. At most one sheet too many for one fault, never a second number."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from browsing import has_noted, note
from fake_printer import COVER, CUTTER, FATAL, NEAR_END, NO_PAPER, OFFLINE, PATIENT, PLENTY, READY, FakePrinter
from playwright.sync_api import Browser, Page, expect
from running import ROOT, Server, until
from test_kiosk_journeys import LOOK_MS, PORTRAIT

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NUMBER_IS_LARGE = "Xin nhớ số {code} hoặc chụp màn hình."


class Desk:
    """An office with one kiosk: its page, its printer, the program between them, and the staff who look after it."""

    def __init__(self, browser: Browser, server: Server, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.machine = FakePrinter()
        self.kiosk = server.device("k1")
        (self.clerk,) = server.crew("lan")
        (self.head,) = server.crew("binh", role="supervisor")
        self.agent: subprocess.Popen[bytes] | None = None
        self.page: Page = browser.new_page(viewport=PORTRAIT, has_touch=True)  # type: ignore[arg-type]
        self.numbers = 0

    def start_agent(self) -> None:
        journal = str(self.folder / "print.journal")
        command = [*PATIENT, "kiosk", "--server", self.server.url, "--printer", self.machine.url, "--journal", journal]
        env = {**os.environ, "MOISO_KEY": self.kiosk.key or ""}
        self.agent = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill_agent(self) -> None:
        assert self.agent is not None
        self.agent.kill()
        self.agent.wait(timeout=60)

    def well(self) -> None:
        """The printer is put in order, and the office knows; the kiosk waits for the next citizen."""
        vars(self.machine).update(paper=PLENTY, state=READY, cause=0x12, error=0x12, closes_after=None, mute_after_ticket=False)
        self.machine.after_ticket = {}
        self.machine.decoder.tickets.clear()
        until(lambda: self.now()["printer"] == {"connected": True, "paper": "ok"})
        self.page.goto(f"{self.server.url}/kiosk/demo/k1#key={self.kiosk.key}")
        self.page.reload()

    def now(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.kiosk.get("/sites/demo/kiosks/k1")
        return answer

    def touch(self, target: str) -> None:
        self.page.locator(f'[data-touch="{target}"]').wait_for()
        self.page.wait_for_timeout(LOOK_MS)
        self.page.locator(f'[data-touch="{target}"]').tap()

    def take(self) -> str:
        """Somebody takes a number; it stands large on the screen whatever the printer does."""
        self.touch("take")
        self.touch("field:civil")
        self.numbers += 1
        code = f"A{self.numbers:03}"
        expect(self.page.locator(".code")).to_have_text(code)
        expect(self.page.locator(".facts .qr, .facts svg, .facts img").first).to_be_visible()
        return code

    def sheet(self) -> dict[str, Any]:
        row: dict[str, Any] = self.head.get("/sites/demo/kiosks/k1/prints")[0]
        return row

    def office_knows(self, state: str) -> None:
        """What became of the sheet: the page may have it before the office does, from the agent beside it."""
        until(lambda: self.sheet()["state"] == state)

    def alarm(self, words: str) -> None:
        """What every clerk's console says is wrong here."""
        until(lambda: words in [a["words"] for a in self.clerk.get("/sites/demo/counters/1/console")["devices"]["alerts"]])

    def asks(self) -> None:
        # The agent has waited for the printer's answer first, or has just been started.
        expect(self.page.locator(".paper")).to_contain_text("Phiếu đã ra chưa?", timeout=60_000)

    def print_again(self, code: str) -> None:
        """ "Not yet, print it again": the same number, once more, marked."""
        before = self.machine.sheets
        self.touch("reprint")
        expect(self.page.locator(".paper.done")).to_be_visible()
        expect(self.page.locator(".code")).to_have_text(code)
        self.machine.until_idle()
        self.office_knows("printed")
        assert (self.sheet()["code"], self.sheet()["kind"]) == (code, "again")
        # What was torn, if it had ink, and the whole one: never a third.
        assert 1 <= self.machine.sheets - before <= 2

    def one_number(self, code: str) -> None:
        following = f"A{int(code[1:]) + 1:03}"
        assert self.kiosk.send("GET", f"/sites/demo/tickets?code={following}").status_code == 404
        assert self.kiosk.get(f"/sites/demo/tickets?code={code}")["state"] == "waiting"


@contextmanager
def opened(browser: Browser, folder: Path) -> Iterator[Desk]:
    document = folder / "demo.toml"
    text = (ROOT / "config" / "sites" / "demo.toml").read_text(encoding="utf-8")
    text = text.replace("# public_url", "public_url", 1)
    document.write_text(text, encoding="utf-8")
    server = Server(folder, str(document), "--hall-clock", "2026-11-20T09:14+07:00", site="demo").start()
    desk = Desk(browser, server, folder)
    desk.start_agent()
    try:
        yield desk
    finally:
        desk.page.close()
        desk.kill_agent()
        desk.machine.stop()
        server.kill()


@pytest.fixture(scope="module")
def desk(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with opened(browser, tmp_path_factory.mktemp("faults")) as desk:
        yield desk


@pytest.fixture(autouse=True)
def in_order(desk: Desk) -> None:
    desk.well()


BEFORE = [
    ("no-paper", {"paper": NO_PAPER}, "Máy hết giấy.", "hết giấy"),
    ("cover", {"state": OFFLINE, "cause": COVER}, "Máy in đang nghỉ.", "đang mở nắp máy in"),
    ("cutter", {"state": OFFLINE, "error": CUTTER}, "Máy in đang nghỉ.", "kẹt dao cắt giấy"),
    ("fault", {"state": OFFLINE, "error": FATAL}, "Máy in đang nghỉ.", "cần tắt mở lại máy in"),
    ("offline", {"state": OFFLINE}, "Máy in đang nghỉ.", "không in được"),
]


@pytest.mark.parametrize(("name", "answers", "told", "alarm"), BEFORE, ids=[row[0] for row in BEFORE])
def test_a_printer_that_cannot_print_leaves_the_number_on_the_screen_and_calls_the_staff(
    desk: Desk, name: str, answers: dict[str, int], told: str, alarm: str
) -> None:
    vars(desk.machine).update(answers)
    code = desk.take()
    # The printer refused before a byte of the ticket went out: the page says so long before it would have given up waiting for paper.
    expect(desk.page.locator(".paper.attention")).to_contain_text(NUMBER_IS_LARGE.format(code=code))
    expect(desk.page.locator(".paper")).to_contain_text(told)
    desk.page.screenshot(path=desk.folder / f"{name}.png")
    # The screen may know of the printer's trouble before the sheet's fate is told.
    desk.office_knows("failed")
    assert desk.machine.sheets == 0
    desk.alarm(f"Máy lấy số k1 {alarm}")
    desk.one_number(code)


def test_a_roll_that_is_nearly_at_its_end_prints_and_calls_the_staff(desk: Desk) -> None:
    desk.machine.paper = NEAR_END
    code = desk.take()
    expect(desk.page.locator(".paper.done")).to_be_visible()
    desk.alarm("Máy lấy số k1 sắp hết giấy")
    assert desk.machine.sheets == 1
    desk.one_number(code)


DURING = [
    ("no-paper", {"paper": NO_PAPER}),
    ("cover", {"state": OFFLINE, "cause": COVER}),
    ("cutter", {"state": OFFLINE, "error": CUTTER}),
    ("silence", {"paper": None, "state": None}),
]


@pytest.mark.parametrize(("name", "answers"), DURING, ids=[row[0] for row in DURING])
def test_trouble_in_the_middle_of_a_ticket_is_asked_about_and_the_same_number_printed_again(
    desk: Desk, name: str, answers: dict[str, int | None]
) -> None:
    desk.machine.after_ticket = answers
    code = desk.take()
    desk.asks()
    desk.page.screenshot(path=desk.folder / f"during-{name}.png")
    desk.office_knows("unknown")
    desk.machine.after_ticket = {}
    vars(desk.machine).update(paper=PLENTY, state=READY, cause=0x12, error=0x12)
    desk.print_again(code)
    desk.one_number(code)


@pytest.mark.parametrize("k", [2, 7, 40, 2_000, 9_000])
def test_a_line_that_breaks_after_k_bytes_costs_one_sheet_at_most(desk: Desk, k: int) -> None:
    desk.machine.closes_after = k
    code = desk.take()
    if k < 6:
        # Nothing of the ticket can have gone out: nobody is asked, the number is to be remembered, and staff print it again.
        expect(desk.page.locator(".paper.attention")).to_contain_text(NUMBER_IS_LARGE.format(code=code))
        desk.office_knows("failed")
        desk.machine.closes_after = None
        desk.head.post(f"/sites/demo/tickets/{desk.sheet()['ticket']}/reprint", {"kiosk": "k1"})
        desk.office_knows("printed")
        desk.machine.until_idle()
        assert desk.machine.sheets == 1
    else:
        desk.asks()
        desk.machine.closes_after = None
        desk.print_again(code)
    desk.one_number(code)


# -- kill -9 ---------------------------------------------------------------------------------------------------------------------


def test_an_agent_killed_in_the_middle_of_a_ticket_comes_back_and_the_kiosk_asks(desk: Desk) -> None:
    desk.machine.hold(4_000)
    code = desk.take()
    assert desk.machine.held.wait(60)
    desk.kill_agent()
    desk.machine.release()
    expect(desk.page.locator(".paper.attention")).to_contain_text(NUMBER_IS_LARGE.format(code=code))
    desk.start_agent()
    desk.asks()
    desk.page.screenshot(path=desk.folder / "killed-agent.png")
    desk.print_again(code)
    desk.one_number(code)


def test_server_and_agent_killed_in_the_middle_of_a_ticket_come_back_and_the_kiosk_asks(desk: Desk) -> None:
    desk.machine.hold(4_000)
    code = desk.take()
    assert desk.machine.held.wait(60)
    desk.server.kill()
    desk.kill_agent()
    desk.machine.release()
    desk.server.start()
    desk.start_agent()
    desk.asks()
    desk.print_again(code)
    desk.one_number(code)


def test_a_server_killed_while_a_ticket_is_printed_learns_that_it_was(desk: Desk) -> None:
    desk.machine.hold(4_000)
    code = desk.take()
    assert desk.machine.held.wait(60)
    note(desk.page, ".paper.done")
    desk.server.kill()
    desk.machine.release()
    desk.server.start()
    # The page may have had it from the agent long before the server was back, and has then gone home.
    has_noted(desk.page, ".paper.done", "Mời lấy phiếu")
    desk.office_knows("printed")
    assert desk.machine.sheets == 1
    desk.one_number(code)
