"""A citizen who cannot read hears the kiosk's question and choices, and sees which of them is being read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from browsing import PATIENCE_MS, chromium, comes, own_time, passes
from kiosk_page import DEAD_MS, LANDSCAPE, kiosks, shows, touch
from page_server import PageServer
from playwright.sync_api import Browser, Locator, Page, expect
from test_pages_kiosk import LONGEST_S, SCREENS, walk

pytestmark = pytest.mark.browser

LISTEN = """() => {
  const play = HTMLMediaElement.prototype.play;
  window.said = [];
  HTMLMediaElement.prototype.play = function () {
    window.sound = this;
    const look = (when) => {
      const outlined = [...document.querySelectorAll("[data-reading]")];
      window.said.push({
        when,
        name: decodeURIComponent(this.src).replace(/^.*\\/audio\\/|\\.wav$/g, ""),
        outlined: outlined.map((element) => element.dataset.read ?? element.dataset.touch),
        widths: outlined.map((element) => parseFloat(getComputedStyle(element).outlineWidth)),
      });
    };
    look("begins");
    // Before the page hears of it and goes on.
    this.addEventListener("ended", () => look("ends"), { capture: true });
    return play.call(this);
  };
}"""
"""Keeps the sound that began last, so that a test can hear it, and what was outlined when each began and ended."""


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


def until(page: Page, ready: Callable[[], bool]) -> None:
    """Wait, with the page alive, for what it reads: a screen is up to ten sounds, one after the other."""
    for _ in range(4 * PATIENCE_MS // 50):
        if ready():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it was not read")


def said(page: Page, when: str) -> list[str]:
    """The sounds that have begun, or ended, so far."""
    return [one["name"] for one in page.evaluate("window.said") if one["when"] == when]


def ends(page: Page) -> None:
    """The sound that is playing comes to its end, however long it is."""
    page.evaluate("window.sound.pause(), window.sound.dispatchEvent(new Event('ended')), null")


def test_the_choice_that_is_read_is_outlined_while_its_sound_plays(kiosk: Callable[..., Page], office: PageServer) -> None:
    page = kiosk()
    touch(page, "aloud")
    names = ["homeQuestion", "take", "priority", "appointment"]
    until(page, lambda: len(said(page, "ends")) >= len(names))
    sounds = page.evaluate("window.said")[: 2 * len(names)]
    assert [(one["name"], one["when"]) for one in sounds] == [(name, when) for name in names for when in ("begins", "ends")]
    for one in sounds:
        assert one["outlined"] == [one["name"]] and one["widths"][0] >= 6


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
    until(page, lambda: "rules" in said(page, "ends"))
    expect(page.locator('[data-touch="aloud"]')).to_have_text("Nghe lại")
    assert heard(office) == ["homeQuestion", "take", "priority", "appointment", "help", "language", "large", "low", "aloud", "rules"]
    office.done.clear()
    touch(page, "take")
    until(page, lambda: said(page, "ends")[-1] == "help" and len(said(page, "ends")) > 10)
    expect(outlined(page)).to_have_count(0)
    fields = [f"field:{service['id']}" for service in office.site["services"]]
    shut = fields.index("field:giao-duc") + 1
    assert heard(office) == ["fieldQuestion", *fields[:shut], "fieldClosed", *fields[shut:], "back", "help"]


def test_the_number_is_read_and_where_its_paper_is(kiosk: Callable[..., Page], office: PageServer) -> None:
    # Each sentence lasts until the next thing has happened.
    office.voice_lasts_s, office.outcome = 20, "waiting"
    page = kiosk()
    for what in ("aloud", "take", "field:ho-tich"):
        touch(page, what)
    expect(page.locator(".code[data-reading]")).to_be_visible()
    assert sounding(page) == "number"
    ends(page)
    expect(page.locator('.paper.coming[data-read="paper.printing"][data-reading]')).to_be_visible()
    assert sounding(page) == "paper.printing"
    office.outcome = "printed"
    comes(page, ".paper.done")
    ends(page)
    expect(page.locator('.paper.done[data-read="paper.printed"][data-reading]')).to_be_visible()
    ends(page)
    expect(page.locator('[data-touch="change"][data-reading]')).to_be_visible()
    read = said(page, "begins")
    assert read[read.index("number") :] == ["number", "paper.printing", "paper.printed", "change"]


def test_reading_aloud_takes_its_time_and_ends_with_the_persons_journey(kiosk: Callable[..., Page], office: PageServer) -> None:
    office.voice_lasts_s = 0.1
    page = kiosk()
    touch(page, "aloud")
    touch(page, "take")
    until(page, lambda: "back" in said(page, "ends") and said(page, "ends")[-1] == "help")
    expect(outlined(page)).to_have_count(0)
    passes(page, office, 75_000)
    assert page.locator(".card").count() == 0, "40 s for readers are 80 s for listeners"
    passes(page, office, 6_000)
    expect(page.locator('.card [data-read="moreTimeQuestion"]')).to_be_visible()
    # Nothing of it is still on its way when the next person comes.
    until(page, lambda: said(page, "ends")[-1] == "start-over")
    passes(page, office, 41_500)
    shows(page, "home")
    expect(page.locator('[data-touch="aloud"]')).to_have_text("Nghe đọc")
    office.done.clear()
    touch(page, "take")
    page.wait_for_timeout(300)
    assert heard(office) == [], "the next person did not ask for it"


def test_the_other_language_is_read_in_its_own_words(kiosk: Callable[..., Page], office: PageServer) -> None:
    office.voice_lasts_s = 30
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
@pytest.mark.timeout(LONGEST_S)
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
