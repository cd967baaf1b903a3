"""Whole journeys at a kiosk: a real office, a real print agent, a printer on a socket, and fingers in Chromium."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from browsing import has_noted, note
from fake_printer import NO_PAPER, PATIENT, PLENTY, FakePrinter
from kiosk_page import scan
from PIL import Image, ImageOps
from playwright.sync_api import Browser, Page, expect
from running import PASSWORD, ROOT, Client, Server, running, until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

OPEN_AT = "2026-11-20T09:14+07:00"
PORTRAIT, LANDSCAPE = {"width": 1080, "height": 1920}, {"width": 1024, "height": 768}
LOOK_MS = 600
"""Nobody touches a screen within the first half second of it; the kiosk counts on that."""
NOTE_WHAT_IS_READ = """() => {
  window.read = [];
  const look = (marks) => marks.forEach(({ target }) => {
    if (target.hasAttribute("data-reading")) window.read.push(target.dataset.read ?? target.dataset.touch);
  });
  new MutationObserver(look).observe(document.body, { subtree: true, attributeFilter: ["data-reading"] });
}"""
"""From inside the page: some sentences are short."""
COUNT_FINGERS = "addEventListener('pointerdown', () => { window.fingers = (window.fingers ?? 0) + 1; }, true)"


class Kiosk:
    """A kiosk's page, its key, and what a finger does."""

    def __init__(self, browser: Browser, server: Server, client: Client, size: dict[str, int], folder: Path) -> None:
        self.server, self.client, self.folder = server, client, folder
        self.page: Page = browser.new_page(viewport={"width": size["width"], "height": size["height"]}, has_touch=True)
        self.page.add_init_script(COUNT_FINGERS)
        self.page.goto(f"{server.url}/kiosk/demo/k1#key={client.key}")

    def touch(self, *targets: str) -> None:
        for target in targets:
            self.page.locator(f'[data-touch="{target}"]').wait_for()
            self.page.wait_for_timeout(LOOK_MS)
            self.page.locator(f'[data-touch="{target}"]').tap()

    def shows(self, screen: str) -> None:
        expect(self.page.locator(f'.kiosk[data-screen="{screen}"]')).to_be_visible()

    def picture(self, name: str) -> Path:
        path = self.folder / f"{name}.png"
        self.page.screenshot(path=path)
        return path

    def words(self, part: str) -> str:
        return " ".join(self.page.locator(part).all_inner_texts()).replace("\u00a0", " ")

    def now(self, ticket: str = "") -> dict[str, Any]:
        answer: dict[str, Any] = self.client.get(f"/sites/demo/kiosks/k1{ticket and '?ticket=' + ticket}")
        return answer


@contextmanager
def printing(server: Server, client: Client, printer: FakePrinter) -> Iterator[None]:
    """The program beside the kiosk; it is connected and has said how its printer is."""
    agent = subprocess.Popen(
        [
            *(sys.executable, *PATIENT, "kiosk", "--server", server.url, "--printer", printer.url),
            *("--journal", str(server.folder / "print.journal")),
        ],
        env={**os.environ, "MOISO_KEY": client.key or ""},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: client.get("/sites/demo/kiosks/k1")["printer"]["paper"] is not None)
        yield
    finally:
        agent.terminate()
        agent.wait(timeout=60)


@pytest.fixture
def at(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Opens the demo's office at an instant of the hall, with a kiosk before it."""
    opened: list[Page] = []

    @contextmanager
    def open_office(instant: str = OPEN_AT, *, size: dict[str, int] = PORTRAIT, printer: FakePrinter | None = None) -> Iterator[Kiosk]:
        with running(tmp_path, "demo", "--hall-clock", instant, site="demo") as server:
            client = server.device("k1")
            if printer is None:
                opened.append((kiosk := Kiosk(browser, server, client, size, tmp_path)).page)
                yield kiosk
            else:
                with printing(server, client, printer):
                    opened.append((kiosk := Kiosk(browser, server, client, size, tmp_path)).page)
                    yield kiosk

    yield open_office
    for page in opened:
        page.close()


@pytest.fixture
def machine() -> Iterator[FakePrinter]:
    printer = FakePrinter()
    yield printer
    printer.stop()


def tallest_line(ticket: Image.Image) -> Image.Image:
    """The line with the tallest letters: what is read from afar. Its number, if the ticket is any good."""
    grey = ticket.convert("L")
    inked = [grey.crop((0, y, grey.width, y + 1)).getextrema()[0] == 0 for y in range(grey.height)] + [False]
    lines, start = [], 0
    for y, ink in enumerate(inked):
        if not ink:
            lines.append((y - start, start))
            start = y + 1
    height, top = max(lines)
    letters = grey.crop((0, top, grey.width, top + height))
    line = letters.resize((letters.width // 4, letters.height // 4))
    return ImageOps.expand(line, 20, fill=255)


def read_number(printer: FakePrinter, folder: Path) -> str:
    """What eyes other than ours read in the big line of the last ticket."""
    printer.until_idle()
    ticket = next(piece for piece in reversed(printer.decoder.tickets) if piece.convert("L").getextrema()[0] == 0)
    ticket.save(folder / "ticket.png")
    tallest_line(ticket).save(folder / "line.png")
    command = ["tesseract", str(folder / "line.png"), "-", "--psm", "7"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_from_the_first_touch_to_the_printed_number_are_two_touches(at: Callable[..., Any], machine: FakePrinter, tmp_path: Path) -> None:
    with at(printer=machine) as kiosk:
        kiosk.shows("home")
        kiosk.touch("take", "field:civil")
        expect(kiosk.page.locator(".code")).to_have_text("A001")
        expect(kiosk.page.locator(".paper.done")).to_contain_text("Mời lấy phiếu ở khe bên dưới")
        kiosk.picture("number")
        assert kiosk.page.evaluate("window.fingers") == 2
        assert read_number(machine, tmp_path) == "A001"
        kiosk.shows("home")
        assert kiosk.page.evaluate("window.fingers") == 2
    assert len(machine.decoder.tickets) == 1


CLOSED = [
    ("2026-11-20T06:30+07:00", "before", "Chưa đến giờ lấy số. Bắt đầu cấp số lúc 07:00.", True),
    ("2026-11-20T11:40+07:00", "lunch", "Đang nghỉ trưa, làm việc lại lúc 13:30. Số buổi sáng vẫn giữ nguyên.", True),
    (
        "2026-11-20T16:40+07:00",
        "last-ticket",
        "Đã hết giờ cấp số hôm nay (16:30). Ai đã có số vẫn được phục vụ. Mở lại 07:30 thứ Bảy 21/11.",
        True,
    ),
    ("2026-11-20T17:30+07:00", "closed", "Hết giờ làm việc. Mở lại 07:30 thứ Bảy 21/11.", False),
    ("2026-11-24T09:00+07:00", "holiday", "Hôm nay nghỉ: Ngày Văn hóa Việt Nam. Mở lại 07:30 thứ Tư 25/11.", False),
]


@pytest.mark.parametrize(("instant", "name", "told", "help"), CLOSED, ids=[row[1] for row in CLOSED])
def test_an_office_that_gives_no_numbers_names_a_next_time(at: Callable[..., Any], instant: str, name: str, told: str, help: bool) -> None:
    with at(instant) as kiosk:
        expect(kiosk.page.locator(".message")).to_contain_text("Hỏi đáp")
        assert told in kiosk.words(".message > *")
        assert "Hỏi đáp: 0236 000 0000" in kiosk.words(".message > *")
        assert (kiosk.page.locator('[data-touch="help"]').count() == 1) is help
        assert kiosk.page.locator('[data-touch="take"]').count() == 0
        kiosk.picture(name)
        kiosk.page.set_viewport_size(LANDSCAPE)  # type: ignore[arg-type]
        kiosk.picture(f"{name}-landscape")


def test_a_field_past_its_own_last_ticket_says_so(at: Callable[..., Any]) -> None:
    with at("2026-11-20T10:40+07:00", size=LANDSCAPE) as kiosk:
        kiosk.touch("take", "field:school")
        kiosk.shows("closed_field")
        assert "Giáo dục – Y tế đã hết giờ nhận số lúc 10:30." in kiosk.words(".message > *")
        kiosk.picture("closed-field")


def test_a_kiosk_left_alone_asks_and_goes_home(at: Callable[..., Any]) -> None:
    with at() as kiosk:
        kiosk.page.clock.install()
        kiosk.page.reload()
        kiosk.shows("home")
        kiosk.page.clock.run_for(LOOK_MS)
        kiosk.page.locator('[data-touch="take"]').tap()
        kiosk.shows("field")
        kiosk.page.clock.fast_forward(40_500)
        expect(kiosk.page.locator(".card")).to_contain_text("Ông/bà cần thêm thời gian không?")
        kiosk.picture("idle")
        kiosk.page.clock.fast_forward(20_500)
        kiosk.shows("home")


def test_without_its_server_the_kiosk_says_where_to_go_and_comes_back(at: Callable[..., Any]) -> None:
    with at() as kiosk:
        kiosk.shows("home")
        kiosk.server.stop()
        kiosk.shows("away")
        assert "Máy đang mất kết nối. Mời lấy số tại bàn hướng dẫn." in kiosk.words(".message > *")
        kiosk.picture("away")
        kiosk.server.start()
        kiosk.shows("home")
        kiosk.touch("take", "field:civil")
        expect(kiosk.page.locator(".code")).to_have_text("A001")


def test_a_touch_that_meets_no_server_is_one_number_when_it_is_back(at: Callable[..., Any]) -> None:
    with at() as kiosk:
        kiosk.touch("take")
        kiosk.page.locator('[data-touch="field:civil"]').wait_for()
        note(kiosk.page, ".card")
        kiosk.server.kill()
        kiosk.touch("field:civil")
        # From three seconds on until ten.
        has_noted(kiosk.page, ".card", "Vẫn đang lấy số. Xin chờ, không cần chạm lại.")
        kiosk.server.start()
        expect(kiosk.page.locator(".code")).to_have_text("A001")
        assert kiosk.client.send("GET", "/sites/demo/tickets?code=A002").status_code == 404


def test_without_paper_the_number_is_on_the_screen(at: Callable[..., Any]) -> None:
    printer = FakePrinter(paper=NO_PAPER)
    with at(printer=printer) as kiosk:
        expect(kiosk.page.locator(".told")).to_have_text("Máy hết giấy. Vẫn lấy được số, số hiện trên màn hình.")
        kiosk.picture("home-without-paper")
        kiosk.touch("take", "field:civil")
        expect(kiosk.page.locator(".paper")).to_have_text("Máy hết giấy. Xin nhớ số A001 hoặc chụp màn hình.")
        expect(kiosk.page.locator('[data-touch="done"]')).to_have_text("Tôi đã nhớ số")
        kiosk.picture("paper-out")
        kiosk.page.set_viewport_size(LANDSCAPE)  # type: ignore[arg-type]
        kiosk.picture("paper-out-landscape")
        kiosk.touch("done")
        printer.paper = PLENTY
        expect(kiosk.page.locator(".told")).to_have_count(0, timeout=60_000)
    printer.stop()


def test_without_a_print_agent_nobody_is_sent_to_an_empty_slot(at: Callable[..., Any]) -> None:
    with at() as kiosk:
        expect(kiosk.page.locator(".told")).to_have_text("Máy in đang nghỉ. Vẫn lấy được số, số hiện trên màn hình.")
        kiosk.touch("take", "field:civil")
        expect(kiosk.page.locator(".paper")).to_have_text("Máy in đang nghỉ. Xin nhớ số A001 hoặc chụp màn hình.")


def test_a_ticket_nobody_can_vouch_for_is_printed_again_with_the_same_number(
    at: Callable[..., Any], machine: FakePrinter, tmp_path: Path
) -> None:
    machine.mute_after_ticket = True
    with at(printer=machine) as kiosk:
        kiosk.touch("take", "field:civil")
        # The agent has waited for the printer's answer first.
        expect(kiosk.page.locator(".paper")).to_contain_text("Phiếu đã ra chưa?", timeout=60_000)
        kiosk.picture("print-unknown")
        machine.mute_after_ticket = False
        kiosk.touch("reprint")
        expect(kiosk.page.locator(".paper.done")).to_be_visible()
        assert read_number(machine, tmp_path) == "A001"
        assert kiosk.client.send("GET", "/sites/demo/tickets?code=A002").status_code == 404


def missed(kiosk: Kiosk) -> dict[str, Any]:
    """A001 has been taken, called by counter 1, and has not come."""
    ticket = kiosk.client.post("/sites/demo/tickets", {"service": "civil"}, expect=201)
    clerk = kiosk.server.staff("lan")
    clerk.post("/sites/demo/counters/1/open")
    clerk.post("/sites/demo/counters/1/next")
    answer: dict[str, Any] = clerk.post(f"/sites/demo/tickets/{ticket['id']}/no-show")
    return answer


def test_a_missed_number_is_typed_at_the_kiosk_and_queues_again(at: Callable[..., Any]) -> None:
    with at() as kiosk:
        ticket = missed(kiosk)
        kiosk.touch("help", "missed", "letter:A", "digit:1")
        kiosk.picture("code")
        kiosk.touch("find")
        kiosk.shows("found")
        assert re.search(r"Số A001 đã được gọi lúc 09:1\d\.", kiosk.words(".message > *"))
        kiosk.picture("missed")
        kiosk.touch("rejoin")
        expect(kiosk.page.locator("h1")).to_have_text("Đã quay lại.")
        assert re.search(r"Giờ xếp hàng mới: 09:\d\d\. Không còn ai trước\.", kiosk.words(".message > *"))
        kiosk.picture("rejoined")
        assert kiosk.client.get(f"/sites/demo/tickets/{ticket['id']}")["state"] == "waiting"


def test_the_ticket_itself_under_the_reader_is_one_touch(at: Callable[..., Any]) -> None:
    with at() as kiosk:
        ticket = missed(kiosk)
        kiosk.shows("home")
        scan(kiosk.page, f"https://so.example/t/{ticket['id']}")
        kiosk.touch("rejoin")
        expect(kiosk.page.locator("h1")).to_have_text("Đã quay lại.")
        assert kiosk.page.evaluate("window.fingers") == 1


def test_a_number_that_came_back_too_often_is_offered_a_new_one(at: Callable[..., Any]) -> None:
    with at() as kiosk:
        ticket = missed(kiosk)
        clerk = Client(
            kiosk.server.api, kiosk.server.anyone().post("/sessions", {"user": "lan", "password": PASSWORD}, expect=201)["token"]
        )
        for _ in range(2):
            clerk.post(f"/sites/demo/tickets/{ticket['id']}/rejoin")
            clerk.post("/sites/demo/counters/1/next")
            clerk.post(f"/sites/demo/tickets/{ticket['id']}/no-show")
        kiosk.touch("help", "missed", "letter:A", "digit:0", "digit:0", "digit:1", "find", "rejoin")
        expect(kiosk.page.locator("h1")).to_have_text("A001 đã quay lại 2 lần.")
        kiosk.touch("take")
        kiosk.shows("field")


def test_help_is_called_with_one_touch_and_the_console_answers(at: Callable[..., Any], browser: Browser) -> None:
    with at() as kiosk:
        kiosk.server.staff("lan").post("/sites/demo/counters/1/open")
        kiosk.touch("help")
        expect(kiosk.page.locator(".status h1")).to_have_text("Đã báo nhân viên. Xin chờ tại đây.")
        kiosk.picture("help")
        desk = browser.new_page(viewport={"width": 1366, "height": 620})
        desk.goto(f"{kiosk.server.url}/console")
        desk.fill("#user", "lan")
        desk.fill("#password", PASSWORD)
        desk.keyboard.press("Enter")
        desk.locator('[data-counter="1"], button:has-text("Quầy 1")').first.click()
        call = desk.locator('[data-test="help"]')
        expect(call).to_contain_text("Máy lấy số 1")
        call.locator("button").click()
        expect(kiosk.page.locator(".status h1")).to_have_text("Nhân viên đang đến. Xin chờ tại đây.")
        kiosk.picture("help-coming")
        desk.close()


def test_a_wrong_field_costs_two_touches_and_leaves_one_number(at: Callable[..., Any]) -> None:
    with at() as kiosk:
        kiosk.touch("take", "field:civil", "change", "field:land")
        expect(kiosk.page.locator(".code")).to_have_text("H001")
        assert kiosk.page.evaluate("window.fingers") == 4
        assert kiosk.client.get("/sites/demo/tickets?code=A001")["state"] == "cancelled"
        assert kiosk.client.get("/sites/demo/tickets?code=H001")["state"] == "waiting"
        board = kiosk.client.get("/sites/demo/halls/main/board")
        assert sum(row["count"] for row in board["waiting"]) == 1


def test_the_kiosk_reads_its_own_screens_aloud(at: Callable[..., Any]) -> None:
    with at() as kiosk:
        kiosk.page.evaluate(NOTE_WHAT_IS_READ)
        kiosk.touch("aloud")
        until(lambda: kiosk.page.evaluate("window.read.slice(0, 2)") == ["homeQuestion", "take"])
        kiosk.picture("reading")
        kiosk.touch("take")
        until(lambda: "fieldQuestion" in kiosk.page.evaluate("window.read"))
        kiosk.touch("field:civil")
        until(lambda: "number" in kiosk.page.evaluate("window.read"))
        kiosk.picture("reading-number")


def booked(kiosk: Kiosk, service: str, date: str = "2026-11-20", nth: int = 0) -> dict[str, Any]:
    """A booking made from home, of the free slot with this number."""
    free = [slot for slot in kiosk.client.get(f"/sites/demo/slots?service={service}&date={date}") if slot["left"]]
    body = {"service": service, "start": free[nth]["start"], "phone": "0905000001", "consent": True}
    answer: dict[str, Any] = kiosk.server.anyone().post("/sites/demo/appointments", body, expect=201)
    return answer


def test_an_appointment_is_one_touch_and_seven_digits(at: Callable[..., Any], machine: FakePrinter) -> None:
    with at(printer=machine) as kiosk:
        mine = booked(kiosk, "certify", nth=3)
        slot = mine["start"][11:16]
        kiosk.touch("appointment")
        kiosk.page.wait_for_timeout(LOOK_MS)
        for digit in mine["code"][:7]:
            kiosk.page.locator(f'[data-touch="digit:{digit}"]').tap()
        expect(kiosk.page.locator(".code")).to_have_text("B001")
        expect(kiosk.page.locator(".mark")).to_have_text(f"CÓ HẸN {slot}")
        assert re.fullmatch(r"Đến sớm không sao\. Giờ xếp hàng: 09:1\d\.", kiosk.words(".arrival"))
        assert kiosk.page.evaluate("window.fingers") == 8
        expect(kiosk.page.locator(".paper.done")).to_be_visible()
        machine.until_idle()
        assert len(machine.decoder.tickets) == 1


def test_an_appointments_qr_is_no_touch_at_all_and_counts_once(at: Callable[..., Any], machine: FakePrinter) -> None:
    with at(printer=machine) as kiosk:
        mine = booked(kiosk, "certify")
        kiosk.shows("home")
        scan(kiosk.page, f"https://so.example/h/{mine['code']}")
        expect(kiosk.page.locator(".code")).to_have_text("B001")
        assert kiosk.page.evaluate("window.fingers ?? 0") == 0
        kiosk.touch("done")
        scan(kiosk.page, mine["code"])
        kiosk.shows("not_checked_in")
        assert re.fullmatch(r"Lịch hẹn này đã nhận số B001 lúc 09:1\d\.", kiosk.words(".message > *"))
        kiosk.touch("reprint")
        expect(kiosk.page.locator(".code")).to_have_text("B001")
        expect(kiosk.page.locator(".paper.done")).to_be_visible()
        machine.until_idle()
        assert len(machine.decoder.tickets) == 2
        assert kiosk.client.send("GET", "/sites/demo/tickets?code=B002").status_code == 404


def test_an_appointment_of_another_day_or_given_back_leads_to_a_number_for_today(at: Callable[..., Any]) -> None:
    with at() as kiosk:
        later, given_back = booked(kiosk, "certify", "2026-11-23"), booked(kiosk, "civil")
        kiosk.server.anyone().send("DELETE", f"/sites/demo/appointments/{given_back['code']}")
        kiosk.shows("home")
        scan(kiosk.page, later["code"])
        kiosk.shows("not_checked_in")
        assert kiosk.words(".message > *") == "Lịch hẹn này là thứ Hai 23/11, không phải hôm nay."
        kiosk.touch("leave")
        scan(kiosk.page, given_back["code"])
        kiosk.shows("not_checked_in")
        assert kiosk.words(".message > *") == "Lịch hẹn này đã hủy."
        kiosk.touch("take", "field:civil")
        expect(kiosk.page.locator(".code")).to_have_text("A001")
