"""Screens without a key in Chromium against the real server: the code they show, and what happens when it is typed or taken back."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from browsing import PATIENCE_MS
from outside import Outside, outside
from playwright.sync_api import Browser, BrowserContext, Page, expect
from running import until
from test_pages_manage import SAID, says

pytestmark = pytest.mark.browser

CODE = re.compile(r"[2-9A-Z]{3}\s[2-9A-Z]{3}")
SIZES = {"standing": (1080, 1920), "lying": (1024, 768), "wall": (1920, 1080), "large": (3840, 2160)}


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with outside(tmp_path_factory.mktemp("paired")) as office:
        yield office


@pytest.fixture
def screens(browser: Browser) -> Iterator[BrowserContext]:
    """The browser of a machine in the hall."""
    context = browser.new_context(viewport={"width": 1080, "height": 1920})
    yield context
    context.close()


@pytest.fixture
def manager(browser: Browser, office: Outside) -> Iterator[Page]:
    """The head of the hall at a desk."""
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    context.add_cookies([{"name": "moiso_staff", "value": str(office["binh"].key), "url": office.url}])
    context.add_init_script(SAID)
    yield context.new_page()
    context.close()


def code_on(page: Page) -> str:
    shown = page.locator(".pairing .code")
    expect(shown).to_have_text(CODE)
    return shown.inner_text().replace("\n", " ")


def test_a_kiosk_that_shows_a_code_gives_numbers_once_it_is_typed_and_shows_another_when_taken_back(
    office: Outside, screens: BrowserContext, manager: Page
) -> None:
    kiosk = screens.new_page()
    kiosk.goto(f"{office.url}/kiosk/open/k1")
    code = code_on(kiosk)
    expect(kiosk.locator(".pairing img")).to_have_js_property("complete", True)
    manager.goto(f"{office.url}/manage")
    manager.get_by_role("navigation").get_by_role("button", name=re.compile("Thiết bị")).click()
    manager.get_by_label("Mã đang hiện trên máy").fill(code.lower())
    manager.get_by_label("Tên thiết bị").fill("sảnh")
    manager.get_by_role("button", name="Thêm", exact=True).click()
    says(manager, "sảnh đã được ghép")
    # The kiosk is at its first question, staff see its screen, and its key stands nowhere in the page.
    expect(kiosk.locator("[data-touch]").first).to_be_visible()
    row = manager.locator("[data-device=sảnh]")
    expect(row).to_contain_text("Đang nối")
    expect(row.locator("tr")).to_have_count(1)
    assert "moiso_device" not in kiosk.evaluate("() => document.cookie + JSON.stringify(localStorage) + location.href")
    row.get_by_role("button", name="Thu hồi", exact=True).click()
    manager.get_by_role("button", name="Thu hồi khóa").click()
    assert code_on(kiosk) != code


def test_whoever_scans_the_code_finds_it_filled_in_with_kind_and_place(office: Outside, manager: Page) -> None:
    asked = office["nobody"].post("/pairings", {"kind": "display", "site": "open", "place": "main"}, expect=201)
    manager.goto(f"{office.url}/manage#pair={asked['code']}")
    expect(manager.get_by_label("Mã đang hiện trên máy")).to_have_value(asked["code"])
    expect(manager.get_by_label("Loại")).to_have_value("display")
    expect(manager.get_by_label("Khu chờ nào")).to_have_value("main")
    assert manager.url == f"{office.url}/manage"


def test_a_code_that_is_none_is_said_in_words(office: Outside, manager: Page) -> None:
    manager.goto(f"{office.url}/manage#pair=AAAAAA")
    says(manager, "Không có mã này hoặc mã đã hết hạn. Xem lại mã đang hiện trên máy.")
    manager.get_by_label("Mã đang hiện trên máy").fill("A1")
    manager.get_by_role("button", name="Thêm", exact=True).click()
    says(manager, "6 chữ và số")


def test_a_wall_is_paired_stays_so_and_serves_the_hall_when_its_key_is_taken_back(office: Outside, screens: BrowserContext) -> None:
    wall = screens.new_page()
    wall.goto(f"{office.url}/display/open/main?pair=1&layout=landscape")
    code = code_on(wall)
    office["binh"].post("/sites/open/pairings", {"code": code, "name": "tường"}, expect=201)
    expect(wall.locator(".stage")).to_be_visible()
    assert wall.url == f"{office.url}/display/open/main?layout=landscape"
    alive = lambda: next(d for d in office["binh"].get("/sites/open/devices") if d["name"] == "tường")  # noqa: E731
    beats: list[object] = []
    # On whichever connection: one that a busy machine is long about is given up for the next.
    wall.on("websocket", lambda opened: opened.on("framesent", lambda frame: beats.append(frame) if "beat" in str(frame) else None))
    wall.reload()
    for _ in range(PATIENCE_MS // 50):
        if beats:
            break
        wall.wait_for_timeout(50)
    assert beats
    expect(wall.locator(".stage")).to_be_visible()
    until(lambda: alive()["connected"] and alive()["version"])
    with wall.expect_websocket():
        office["binh"].send("DELETE", "/sites/open/devices/tường")
    expect(wall.locator(".stage")).to_be_visible()
    wall.reload()
    expect(wall.locator(".stage")).to_be_visible()


@pytest.mark.parametrize("size", SIZES)
def test_the_code_is_whole_and_large_on_every_screen(office: Outside, browser: Browser, size: str) -> None:
    width, height = SIZES[size]
    page = browser.new_page(viewport={"width": width, "height": height})
    page.goto(f"{office.url}/" + ("kiosk/open/k1" if "ing" in size else "display/open/main?pair=1"))
    code_on(page)
    box = page.locator(".pairing .code").bounding_box()
    frame = page.locator(".pairing").bounding_box()
    assert box is not None and frame is not None
    assert box["height"] >= 0.1 * min(width, height)
    assert frame["x"] >= 0 and frame["y"] >= 0 and frame["x"] + frame["width"] <= width and frame["y"] + frame["height"] <= height
    page.close()
