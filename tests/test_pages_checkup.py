"""The morning check on the screens: a wall says that it is being tried, and the manager sees what is right and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from browsing import LOUD, chromium, hears, hold, own_time
from listening import Ears, beating
from outside import Outside, outside
from page_server import DISPLAY_KEY, PageServer
from playwright.sync_api import Browser, Page, expect
from running import until
from test_pages_manage import DESK, LAID_OUT, PHONE, SAID, says

pytestmark = pytest.mark.browser

TRIED = "ĐANG THỬ MÀN HÌNH"
TV, STANDING = {"width": 1920, "height": 1080}, {"width": 1080, "height": 1920}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium(LOUD) as started:
        yield started


@pytest.fixture
def walls() -> Iterator[PageServer]:
    with PageServer() as server:
        yield server


def opened(browser: Browser, url: str, size: dict[str, int] = TV) -> Page:
    """A wall that shows its office, and whose time stands: it is tried for five seconds only."""
    page = browser.new_page(viewport=size)  # type: ignore[arg-type]
    own_time(page)
    page.goto(url)
    expect(page.locator(".head b")).not_to_be_empty()
    hold(page)
    return page


def shown(page: Page, walls: PageServer, trial: dict[str, Any]) -> None:
    """The wall answers with its next frame."""
    page.clock.run_for(100)
    until(lambda: [done for done in walls.done if done.get("id") == trial["id"] and done["ok"] and done.get("detail") == "shown"])


@pytest.mark.parametrize("size", [TV, STANDING])
def test_a_wall_says_in_large_letters_that_it_is_tried_answers_and_shows_the_numbers_again(
    browser: Browser, walls: PageServer, size: dict[str, int]
) -> None:
    walls.show("quiet")
    page = opened(browser, f"{walls.url}/display/demo/main#key={DISPLAY_KEY}", size)
    walls.announce(trial := walls.announcement(7, "", kind="test", counter="", times=1))
    expect(page.locator(".trial")).to_contain_text(TRIED)
    shown(page, walls, trial)
    box = page.locator(".trial p").first.bounding_box()
    assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= size["width"]
    # Sent again because the answer was late: it is not lit for longer.
    page.clock.run_for(3_000)
    walls.announce(trial)
    hears(page, "announcement", 2)
    expect(page.locator(".trial")).to_have_count(1)
    page.clock.run_for(2_500)
    expect(page.locator(".trial")).to_have_count(0)
    page.close()


def test_while_people_are_served_only_the_last_line_says_it(browser: Browser, walls: PageServer) -> None:
    walls.show("three")
    page = opened(browser, f"{walls.url}/display/demo/main?sound=1#key={DISPLAY_KEY}")
    walls.announce(trial := walls.announcement(7, "", kind="test", counter="", times=0, say={}, audio={}))
    expect(page.locator("footer")).to_have_text(TRIED)
    expect(page.locator(".big .row").first).to_be_visible()
    shown(page, walls, trial)
    page.clock.run_for(3_000)
    expect(page.locator("footer")).to_have_text(TRIED)
    page.clock.run_for(3_000)
    expect(page.locator("footer")).not_to_have_text(TRIED)
    page.close()


def test_a_wall_with_a_voice_shows_and_says_it_in_one(browser: Browser, walls: PageServer) -> None:
    walls.show("quiet")
    page = opened(browser, f"{walls.url}/display/demo/main?sound=1#key={DISPLAY_KEY}")
    sound = {"vi": "/api/v1/audio/A001.wav"}
    walls.announce(trial := walls.announcement(7, "", lasts_s=120, kind="test", counter="", times=1, audio=sound))
    expect(page.locator(".trial")).to_contain_text(TRIED)
    page.clock.resume()
    until(lambda: [done for done in walls.done if done.get("id") == trial["id"] and done.get("detail") == "played"])
    page.close()


# -- the manager -----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with outside(tmp_path_factory.mktemp("checked")) as office:
        yield office


def managed(browser: Browser, office: Outside, size: dict[str, int]) -> Page:
    context = browser.new_context(viewport=size)  # type: ignore[arg-type]
    context.add_init_script(SAID)
    context.add_cookies([{"name": "moiso_staff", "value": str(office["binh"].key), "url": office.url}])
    page = context.new_page()
    page.goto(f"{office.url}/manage")
    return page


def test_the_manager_is_reminded_presses_once_and_sees_the_list_fill_in_words(browser: Browser, office: Outside) -> None:
    with Ears(office.url, office["k1"].key) as kiosk, Ears(office.url, office["tv"].key) as tv, ExitStack() as alive:
        kiosk.hello("device", "k1")
        tv.hello("hall", "main")
        alive.enter_context(beating(kiosk, tv))
        page = managed(browser, office, DESK)
        expect(page.locator(".remind")).to_contain_text("Hôm nay chưa kiểm tra")
        page.locator(".remind").get_by_role("button", name="Kiểm tra").click()
        expect(page.locator(".checkup")).to_contain_text("Hôm nay chưa kiểm tra.")
        page.get_by_role("button", name="Kiểm tra buổi sáng", exact=True).click()
        expect(page.locator(".whole")).to_contain_text("Đang kiểm tra")
        expect(page.locator(".checkup")).to_contain_text(", binh.")
        sheet = kiosk.state("print", lambda m: m["ticket"] == "")
        kiosk.call("done", {"id": sheet["id"], "ok": False, "detail": "failed: cover"})
        lit = tv.state("announcement", lambda m: m["kind"] == "test")
        tv.call("done", {"id": lit["id"], "ok": True, "detail": "shown"})
        bad = page.locator("[data-finding='print k1']")
        expect(bad.locator(".state")).to_have_text("Hỏng")
        expect(bad.locator(".todo")).to_contain_text("Xem máy in")
        expect(page.locator("[data-finding='screen tv'] .state")).to_have_text("Tốt")
        expect(page.locator("[data-finding='database'] .state")).to_have_text("Tốt")
        # The worst stands first.
        expect(page.locator(".findings li").first).to_have_class("bad")
        assert page.evaluate(LAID_OUT, 40) == []
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        assert page.evaluate(LAID_OUT, 40) == []
        page.context.close()


def test_a_refused_check_says_why_and_the_quiet_one_goes_on(browser: Browser, office: Outside) -> None:
    office.take()
    office.open("1")
    office.call("1")
    page = managed(browser, office, DESK)
    page.get_by_role("navigation").get_by_role("button", name="Kiểm tra").click()
    page.get_by_role("button", name="Kiểm tra buổi sáng", exact=True).click()
    says(page, "Quầy 1 đang có người.")
    page.get_by_role("button", name="Kiểm tra yên lặng").click()
    expect(page.locator(".checkup")).to_contain_text(", binh, yên lặng.")
    expect(page.locator("[data-finding='print k1'] .state")).to_have_text("Chưa thử")
    expect(page.locator(".remind")).to_have_count(0)
    page.context.close()
    office.clear()
