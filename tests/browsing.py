"""Debian's Chromium without a screen, for every test that looks at a page. `browser` in conftest.py is the usual one of a module.

It is the engine without the window around it, which costs a quarter less of the processor; with its window, as an office starts it on a
kiosk and a TV, Chromium is in the tests that use `kiosk_screen.py`."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from page_server import PageServer
from playwright.sync_api import Browser, Error, Page, Playwright, expect, sync_playwright

CHROMIUM = shutil.which("chromium-headless-shell") or "/usr/bin/chromium"
LOUD = "--autoplay-policy=no-user-gesture-required"
"""As the office starts it on a TV: sound needs no gesture."""
PATIENCE_MS = 30_000
"""How long a page may take to show what is expected of it: far beyond a busy machine. What must be quick is held by a clock that the
test moves, or by an order; not by this."""
expect.set_options(timeout=PATIENCE_MS)


def launched(playwright: Playwright, *options: str) -> Browser:
    """A browser; `options` are Chromium's own."""
    return playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *options])


@contextmanager
def chromium(*options: str) -> Iterator[Browser]:
    """A browser by itself. Playwright has one at a time: a module that needs two takes `launched` and the fixture `playwright`."""
    with sync_playwright() as playwright:
        started = launched(playwright, *options)
        yield started
        started.close()


HEAR = """window.heard = {};
window.WebSocket = class extends WebSocket {
  constructor(...how) {
    super(...how);
    window.wire = this;
    this.addEventListener("message", ({ data }) => {
      const event = /^42\\["(\\w+)"|^(43)/.exec(data);
      if (event) window.heard[event[1] ?? "answer"] = (window.heard[event[1] ?? "answer"] ?? 0) + 1;
      if (event?.[2]) this.answered = true;
    });
  }
};"""
"""A script for a page before it opens: it counts what the server has told it, by event; `answer` is that to the page's hello. `wire` is
the socket that it opened last."""
THROUGH = "Boolean(window.wire?.answered) && window.wire.readyState === WebSocket.OPEN"
"""Whether the page's hello has been answered on a connection that stands."""


def heard(page: Page, event: str) -> int:
    return int(page.evaluate("(event) => window.heard[event] ?? 0", event))


def hears(page: Page, event: str, least: int = 1) -> None:
    """Until so much has been told to the page, however long the machine takes."""
    for _ in range(PATIENCE_MS // 50):
        if heard(page, event) >= least:
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"{event} is not told {least} times")


NOTE = """(selector) => {
  const noted = ((window.noted ??= {})[selector] = []);
  const look = () => document.querySelectorAll(selector).forEach((part) => {
    const text = part.textContent.replace(/\\s+/g, " ").trim();
    if (!noted.includes(text)) noted.push(text);
  });
  look();
  new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
}"""


def note(page: Page, selector: str) -> None:
    """From here on the page keeps what stands there: some sentences last for a few seconds, in which a busy machine may look away."""
    page.evaluate(NOTE, selector)


def has_noted(page: Page, selector: str, text: str) -> None:
    """Until this stands there, or has stood there."""
    for _ in range(PATIENCE_MS // 50):
        noted: list[str] = page.evaluate("(selector) => window.noted[selector]", selector)
        if any(text in each for each in noted):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"{selector} has said only {noted}")


def own_time(page: Page) -> None:
    """Before the page opens: its time can be moved, and what it hears is counted."""
    page.clock.install()
    page.add_init_script(HEAR)


def stand(page: Page) -> None:
    """The time of a page stands from here on. It moves by `page.clock.run_for` and the like, and flows again by `page.clock.resume`."""
    # A second ahead, for what passes until the page hears of it: the clock of Playwright never goes back.
    try:
        page.clock.pause_at((page.evaluate("Date.now()") + 1_000) / 1_000)
    except Error as late:
        if "to the past" not in late.message:
            raise
        # A busy machine took longer. From when the page has heard of it its time stands all the same, and nothing passes any more.
        page.clock.pause_at((page.evaluate("Date.now()") + 1_000) / 1_000)


def hold(page: Page) -> None:
    """Likewise, for a page with a socket: it is through. A page gives up an answer that is on its way as soon as its time moves."""
    hears(page, "answer")
    for _ in range(3):
        stand(page)
        if page.evaluate(THROUGH):
            return
        # The office stood still for longer than the page waits for it: who is let back in soon is let in first.
        page.clock.resume()
        for _ in range(100):
            if page.evaluate(THROUGH):
                break
            page.wait_for_timeout(50)
    stand(page)


def passes(page: Page, office: PageServer, ms: int) -> None:
    """So much time of the page, in which the office says every two seconds that it is there."""
    for left in range(ms, 0, -2_000):
        page.clock.run_for(min(left, 2_000))
        reaches(page, office)


def stays_silent(page: Page, ms: int) -> None:
    """So much time of the page in which it hears nothing from an office that has fallen silent; what was still on its way is waited out."""
    told, passed = -1, 0
    while passed < ms:
        if (now := heard(page, "board") + heard(page, "answer")) != told:
            told, passed = now, 0
        page.clock.run_for(500)
        passed += 500
        page.wait_for_timeout(20)


def settles(page: Page, ms: int) -> None:
    """So much time of a page whose clock is not held: what it does at its ticks is done by then, however late a busy machine lets it."""
    page.evaluate("(ms) => new Promise((go) => setTimeout(go, ms))", ms)


def reaches(page: Page, office: PageServer) -> None:
    """Until the page has heard the office once more. One that was told nothing for too long connects anew, and needs some time for it;
    what is on its way to the others only needs the machine's."""
    before = heard(page, "board") + heard(page, "answer")
    for look in range(PATIENCE_MS // 50):
        if look % 10 == 0:
            office.push()
        page.wait_for_timeout(50)
        if heard(page, "board") + heard(page, "answer") > before:
            return
        if look % 10 == 9 and (look % 100 == 99 or not page.evaluate("window.wire?.readyState === WebSocket.OPEN")):
            page.clock.run_for(250)
    raise AssertionError("the page hears nothing")


def comes(page: Page, selector: str, *, most_ms: int = 120_000) -> None:
    """Let the time of the page pass until this is on it; a server that takes its own time is not outrun by much."""
    for _ in range(most_ms // 100):
        if page.locator(selector).count():
            return
        page.clock.run_for(100)
        page.wait_for_timeout(50)
    raise AssertionError(f"{selector} does not come within {most_ms / 1000:.0f} s")
