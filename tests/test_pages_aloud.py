"""A citizen who cannot read hears the kiosk's question and choices, and sees which of them is being read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from browsing import chromium, comes, own_time
from kiosk_page import DEAD_MS, LANDSCAPE, kiosks, shows, touch
from page_server import PageServer
from playwright.sync_api import Browser, Locator, Page, expect
from test_pages_kiosk import SCREENS, walk

pytestmark = pytest.mark.browser

LISTEN = """() => {
  const play = HTMLMediaElement.prototype.play;
  HTMLMediaElement.prototype.play = function () { window.sound = this; return play.call(this); };
}"""
"""Keeps the sound that began last, so that a test can hear it."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium("--autoplay-policy=user-gesture-required") as started:
        yield started


@pytest.fixture
def office() -> Iterator[PageServer]:
    with PageServer() as server:
        yield server


@pytest.fixture
def kiosk(browser: Browser, office: PageServer) -> Iterator[Callable[..., Page]]:
    with kiosks(browser, office) as open_kiosk:

        def listening(*size: Any) -> Page:
            page = open_kiosk(*size)
            page.evaluate(LISTEN)
            return page

        yield listening


def outlined(page: Page) -> Locator:
    return page.locator("[data-reading]")


def heard(office: PageServer) -> list[str]:
    return [one["fetched"].removesuffix(".wav") for one in office.done if "fetched" in one]


def sounding(page: Page) -> str | None:
    """The name of the sound that is playing now."""
    now = page.evaluate("window.sound && !window.sound.paused && !window.sound.ended ? decodeURIComponent(window.sound.src) : null")
    return re.sub(r"^.*/audio/|\.wav$", "", now) if now else None


def test_the_choice_that_is_read_is_outlined_while_its_sound_plays(kiosk: Callable[..., Page], office: PageServer) -> None:
    office.voice_lasts_s = 1.5
    page = kiosk()
    touch(page, "aloud")
    expect(page.locator(".question[data-reading]")).to_be_visible()
    assert sounding(page) == "homeQuestion"
    for choice in ("take", "priority", "appointment"):
        expect(page.locator(f'[data-touch="{choice}"][data-reading]')).to_be_visible()
        assert sounding(page) == choice
        assert outlined(page).count() == 1
        width = "getComputedStyle(document.querySelector('[data-reading]')).outlineWidth"
        assert page.evaluate(f"parseFloat({width})") >= 6


def test_a_touch_beside_the_choices_stops_the_reading_and_another_begins_it_again(kiosk: Callable[..., Page], office: PageServer) -> None:
    office.voice_lasts_s = 30
    page = kiosk()
    touch(page, "aloud")
    expect(outlined(page)).to_have_count(1)
    page.clock.run_for(DEAD_MS)
    page.touchscreen.tap(540, 8)
    expect(outlined(page)).to_have_count(0)
    assert sounding(page) is None
    shows(page, "home")
    expect(page.locator('[data-touch="aloud"]')).to_have_text("Nghe lại")
    page.clock.run_for(DEAD_MS)
    page.touchscreen.tap(540, 8)
    expect(page.locator(".question[data-reading]")).to_be_visible()
    assert sounding(page) == "homeQuestion"


def test_a_touch_on_a_choice_goes_on_and_the_next_screen_is_read(kiosk: Callable[..., Page], office: PageServer) -> None:
    office.voice_lasts_s = 30
    page = kiosk(LANDSCAPE)
    touch(page, "aloud")
    expect(page.locator(".question[data-reading]")).to_be_visible()
    touch(page, "take")
    expect(page.locator('.question[data-read="fieldQuestion"][data-reading]')).to_be_visible()
    assert sounding(page) == "fieldQuestion"
    assert outlined(page).count() == 1


def test_a_screen_is_read_once_in_the_order_in_which_it_stands(kiosk: Callable[..., Page], office: PageServer) -> None:
    office.voice_lasts_s = 0.1
    page = kiosk()
    touch(page, "aloud")
    expect(page.locator('[data-touch="aloud"]')).to_have_text("Nghe lại")
    assert heard(office) == ["homeQuestion", "take", "priority", "appointment", "help", "language", "large", "low", "aloud", "rules"]
    office.done.clear()
    touch(page, "take")
    expect(outlined(page)).to_have_count(1)
    expect(outlined(page)).to_have_count(0)
    fields = [f"field:{service['id']}" for service in office.site["services"]]
    shut = fields.index("field:giao-duc") + 1
    assert heard(office) == ["fieldQuestion", *fields[:shut], "fieldClosed", *fields[shut:], "back", "help"]


def test_the_number_is_read_and_where_its_paper_is(kiosk: Callable[..., Page], office: PageServer) -> None:
    office.voice_lasts_s, office.outcome = 3, "waiting"
    page = kiosk()
    for what in ("aloud", "take", "field:ho-tich"):
        touch(page, what)
    expect(page.locator(".code[data-reading]")).to_be_visible()
    assert sounding(page) == "number"
    expect(page.locator('.paper.coming[data-read="paper.printing"][data-reading]')).to_be_visible()
    office.outcome = "printed"
    comes(page, ".paper.done")
    expect(page.locator('[data-touch="change"][data-reading]')).to_be_visible(timeout=20_000)
    said = heard(office)
    assert said[said.index("number") :] == ["number", "paper.printing", "paper.printed", "change"]


def test_reading_aloud_takes_its_time_and_ends_with_the_persons_journey(kiosk: Callable[..., Page], office: PageServer) -> None:
    office.voice_lasts_s = 0.1
    page = kiosk()
    touch(page, "aloud")
    touch(page, "take")
    expect(outlined(page)).to_have_count(1)
    expect(outlined(page)).to_have_count(0)
    page.clock.fast_forward(75_000)
    page.clock.run_for(500)
    assert page.locator(".card").count() == 0, "40 s for readers are 80 s for listeners"
    page.clock.fast_forward(6_000)
    expect(page.locator('.card [data-read="moreTimeQuestion"]')).to_be_visible()
    page.clock.fast_forward(41_000)
    page.clock.run_for(500)
    shows(page, "home")
    expect(page.locator('[data-touch="aloud"]')).to_have_text("Nghe đọc")
    office.done.clear()
    touch(page, "take")
    page.wait_for_timeout(300)
    assert heard(office) == [], "the next person did not ask for it"


def test_the_other_language_is_read_in_its_own_words(kiosk: Callable[..., Page], office: PageServer) -> None:
    page = kiosk()
    touch(page, "aloud")
    expect(outlined(page)).to_have_count(1)
    touch(page, "language")
    expect(page.locator(".question[data-reading] h1")).to_have_text("What do you need?")
    assert sounding(page) == "en/homeQuestion"


def test_without_a_voice_the_button_says_so_and_everything_else_works(kiosk: Callable[..., Page], office: PageServer) -> None:
    office.mute = True
    page = kiosk()
    touch(page, "aloud")
    expect(page.locator('[data-touch="aloud"]')).to_have_text("Chưa đọc được")
    expect(outlined(page)).to_have_count(0)
    for what in ("take", "field:ho-tich"):
        touch(page, what)
    expect(page.locator(".code")).to_have_text("A012")


SILENT = re.compile(r"digit:|letter:|erase$|find$")
"""Keys of a keypad say what stands on them; whoever cannot read them is helped by a person or a code reader."""


@pytest.mark.slow
def test_every_question_and_every_choice_has_its_sentence(browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1080, "height": 1920}, has_touch=True)
    own_time(page)
    unsaid: dict[str, list[str]] = {}
    for name in SCREENS:
        with PageServer() as office:
            office.site["services"].append({**office.site["services"][0], "id": "ket-qua", "letter": "T", "result": True})
            walk(page, office, f"{office.url}/kiosk/demo/k1", name, ())
            shown = page.evaluate(
                "[...document.querySelectorAll('[data-read], [data-touch]')].map((e) => e.dataset.read ?? e.dataset.touch)"
            )
            office.away = False
            known = page.evaluate("async () => (await (await fetch('/api/v1/sites/demo/kiosks/k1/voice')).json()).vi")
            unsaid[name] = [one for one in shown if one not in known and one != "number" and not SILENT.match(one)]
    page.close()
    assert not any(unsaid.values()), unsaid
