"""The morning check on the screens: a wall says that it is being tried, and the manager sees what is right and what to do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from page_server import DISPLAY_KEY, PageServer
from playwright.sync_api import Browser, Page, expect, sync_playwright
from running import until

pytestmark = pytest.mark.browser

TRIED = "ĐANG THỬ MÀN HÌNH"
TV, STANDING = {"width": 1920, "height": 1080}, {"width": 1080, "height": 1920}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def walls() -> Iterator[PageServer]:
    with PageServer() as server:
        yield server


def opened(browser: Browser, url: str, size: dict[str, int] = TV) -> Page:
    page = browser.new_page(viewport=size)  # type: ignore[arg-type]
    page.set_default_timeout(8000)
    page.goto(url)
    return page


@pytest.mark.parametrize("size", [TV, STANDING])
def test_a_wall_says_in_large_letters_that_it_is_tried_answers_and_shows_the_numbers_again(
    browser: Browser, walls: PageServer, size: dict[str, int]
) -> None:
    walls.show("quiet")
    page = opened(browser, f"{walls.url}/display/demo/main#key={DISPLAY_KEY}", size)
    expect(page.locator(".head b")).not_to_be_empty()
    walls.announce(trial := walls.announcement(7, "", kind="test", counter="", times=1))
    expect(page.locator(".trial")).to_contain_text(TRIED)
    until(lambda: [done for done in walls.done if done["id"] == trial["id"] and done["ok"] and done["detail"] == "shown"])
    box = page.locator(".trial p").first.bounding_box()
    assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= size["width"]
    # Sent again because the answer was late: it is not lit for longer.
    walls.announce(trial)
    expect(page.locator(".trial")).to_have_count(0, timeout=9000)
    page.close()


def test_while_people_are_served_only_the_last_line_says_it(browser: Browser, walls: PageServer) -> None:
    walls.show("three")
    page = opened(browser, f"{walls.url}/display/demo/main?sound=1#key={DISPLAY_KEY}")
    expect(page.locator(".head b")).not_to_be_empty()
    walls.announce(trial := walls.announcement(7, "", kind="test", counter="", times=0, say={}, audio={}))
    expect(page.locator("footer")).to_have_text(TRIED)
    expect(page.locator(".big .row").first).to_be_visible()
    until(lambda: [done for done in walls.done if done["id"] == trial["id"] and done["detail"] == "shown"])
    expect(page.locator("footer")).not_to_have_text(TRIED, timeout=9000)
    page.close()
