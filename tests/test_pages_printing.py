"""The paper on the manager's page in Chromium: the last sheets of a kiosk, and the designer with the picture that will be printed."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
from browsing import PATIENCE_MS
from fake_printer import NO_PAPER, FakePrinter
from outside import Outside, outside
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, BrowserContext, Page, expect
from test_pages_manage import DESK, LAID_OUT, PHONE, context, press, says, signed_in, tab  # noqa: F401

from kiosk import delivery
from kiosk.agent import serve
from kiosk.journal import Journal
from kiosk.printer import open_printer

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with outside(tmp_path_factory.mktemp("designed")) as office:
        yield office


@pytest.fixture
def machine(office: Outside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePrinter]:
    """A printer with its agent beside kiosk 1, whose answers take as long as a busy machine needs."""
    for name, seconds in (("ASK_S", 50.0), ("PATIENT_S", 60.0), ("CONFIRM_S", 60.0), ("HELD_S", 120.0)):
        monkeypatch.setattr(delivery, name, seconds)
    printer, stop = FakePrinter(), threading.Event()
    with Journal(tmp_path / "journal") as pages:
        arguments = (office.url, office["k1"].key, open_printer(printer.url), pages, stop)
        thread = threading.Thread(target=serve, args=arguments, daemon=True)
        thread.start()
        yield printer
        stop.set()
        thread.join(timeout=15)
    printer.stop()


@pytest.fixture
def page(context: BrowserContext, office: Outside) -> Page:  # noqa: F811
    page = signed_in(context, office, "binh")
    tab(page, "Phiếu in")
    return page


def picture(page: Page) -> Image.Image:
    source = page.locator(".preview img").get_attribute("src") or ""
    return Image.open(BytesIO(base64.b64decode(source.partition(",")[2])))


def becomes(page: Page, fits: Callable[[Image.Image], bool]) -> None:
    """Until the picture of what was changed last has come."""
    for _ in range(PATIENCE_MS // 50):
        if fits(picture(page)):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"the picture stays as it is, {picture(page).size}")


def emblem(folder: Path) -> Path:
    drawn = Image.new("RGB", (1200, 400), "white")
    ImageDraw.Draw(drawn).ellipse((420, 20, 780, 380), fill=(170, 20, 20), outline=(170, 20, 20))
    ImageDraw.Draw(drawn).regular_polygon((600, 200, 150), 5, fill=(255, 240, 80))
    drawn.save(folder / "emblem.png")
    return folder / "emblem.png"


def test_the_ticket_is_designed_before_the_exact_picture_and_tried_on_paper(
    page: Page, office: Outside, machine: FakePrinter, tmp_path: Path
) -> None:
    shown = page.locator(".preview img")
    expect(shown).to_have_attribute("data-paper", "80")
    plain = picture(page).size
    page.fill("[name=header-0]", "Tầng 1, nhà A · Trung tâm hành chính")
    page.fill("[name=footer-0]", "Giữ phiếu đến khi xong việc.")
    page.set_input_files("#logo", emblem(tmp_path))
    expect(page.get_by_role("button", name="Bỏ biểu trưng")).to_be_visible()
    becomes(page, lambda drawn: drawn.height > plain[1] + 80)
    before = shown.get_attribute("src")
    page.locator("[name=ahead]").uncheck()
    expect(shown).not_to_have_attribute("src", before or "")
    page.screenshot(path=tmp_path / "designer.png", full_page=True)
    assert page.evaluate(LAID_OUT, 40) == []
    press(page, "Lưu mẫu phiếu")
    says(page, "Đã lưu. Phiếu từ bây giờ in theo mẫu này.")
    becomes(page, lambda drawn: drawn.width == 576 and drawn.height > plain[1] + 80)
    press(page, "Giấy 58 mm")
    expect(shown).to_have_attribute("data-paper", "58")
    becomes(page, lambda drawn: drawn.width == 384)
    page.screenshot(path=tmp_path / "designer-58.png", full_page=True)
    saved = office["binh"].get("/sites/open/receipt")
    assert (saved["header"], saved["without"]) == (["Tầng 1, nhà A · Trung tâm hành chính"], ["ahead"])
    stored = Image.open(BytesIO(base64.b64decode(saved["logo"])))
    assert (stored.mode, stored.size) == ("1", (544, 181))
    press(page, "In thử ở máy này")
    row = page.locator(".sheet").first
    expect(row).to_contain_text("Thử máy")
    expect(row).to_have_attribute("data-state", "printed")
    machine.until_idle()
    machine.decoder.tickets[-1].save(tmp_path / "trial.png")
    assert machine.sheets == 1
    office["binh"].send("PUT", "/sites/open/receipt", {})


def test_a_file_that_is_no_picture_is_answered_with_one_sentence(page: Page, tmp_path: Path) -> None:
    page.locator(".preview img").wait_for()
    (tmp_path / "letter.png").write_text("Kính gửi")
    page.set_input_files("#logo", tmp_path / "letter.png")
    says(page, "Tệp này không phải là ảnh. Mời chọn ảnh PNG.")


def test_the_head_sees_that_a_sheet_did_not_come_and_prints_the_number_again(page: Page, office: Outside, machine: FakePrinter) -> None:
    machine.paper = NO_PAPER
    ticket = office.take()
    row = page.locator(".sheet", has_text=ticket["code"])
    expect(row).to_have_attribute("data-state", "failed")
    expect(row).to_contain_text("Không in được")
    expect(row).to_contain_text("hết giấy")
    machine.paper = 0x12
    press(row, f"In lại {ticket['code']}")
    expect(page.locator(".sheet").first).to_contain_text("in lại")
    expect(page.locator(".sheet").first).to_have_attribute("data-state", "printed")
    machine.until_idle()
    assert machine.sheets == 1
    assert office["nobody"].get(f"/sites/open/tickets/{ticket['id']}")["code"] == ticket["code"]


def test_the_helper_sees_the_sheets_and_nothing_that_is_not_theirs(context: BrowserContext, office: Outside, tmp_path: Path) -> None:  # noqa: F811
    ticket = office.take()
    page = signed_in(context, office, "hoa")
    expect(page.locator(".sheet", has_text=ticket["code"])).to_be_visible()
    assert page.locator(".tabs button").all_inner_texts() == ["Phiếu in"]
    assert page.locator("#design").count() == 0
    page.screenshot(path=tmp_path / "helper.png")


def test_the_designer_fits_a_telephone(browser: Browser, office: Outside, tmp_path: Path) -> None:
    context = browser.new_context(viewport=PHONE)  # type: ignore[arg-type] # noqa: F811
    page = signed_in(context, office, "binh")
    tab(page, "Phiếu in")
    page.locator(".preview img").wait_for()
    page.screenshot(path=tmp_path / "phone.png", full_page=True)
    assert page.evaluate(LAID_OUT, 48) == []
    context.close()
