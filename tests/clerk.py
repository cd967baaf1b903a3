"""Somebody at a console in Chromium, for the tests that press its keys."""

from __future__ import annotations

import json

from browsing import PATIENCE_MS
from console_server import SITE, SmallOffice
from playwright.sync_api import BrowserContext, Page, Route, expect

USABLE = {"width": 1366, "height": 620}
"""What a 1366x768 screen leaves a page, below the browser's bars and above the system's."""


class Clerk:
    """Somebody at a console. A press waits until the hands have rested, as a person's do."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def rest(self) -> None:
        self.page.wait_for_selector("main[data-resting=false]")

    def press(self, key: str) -> None:
        """What the hall does just before must be seen first (`sees`, `reads`): it may still be on its way to the page."""
        self.rest()
        self.page.keyboard.press(key)

    def sees(self, kind: str) -> None:
        """Wait until the big button is of this kind."""
        self.page.wait_for_selector(f"[data-kind={kind}]")

    def reads(self, test: str, text: str) -> None:
        expect(self.page.locator(f"[data-test={test}]")).to_contain_text(text)


def on_its_way(page: Page, held: list[Route]) -> Route:
    """The last request that a route of this page holds, once the browser's driver has told of it."""
    for _ in range(PATIENCE_MS // 20):
        if held:
            return held[-1]
        page.wait_for_timeout(20)
    raise AssertionError("nothing was asked")


def seated(context: BrowserContext, office: SmallOffice, user: str = "mau") -> Clerk:
    """Somebody who has signed in at the small office and chosen quầy 3."""
    context.add_cookies([{"name": "moiso_staff", "value": office.session(user), "url": office.url}])
    place = json.dumps({"site": SITE.id, "counter": "3", "user": user})
    context.add_init_script(f"localStorage.setItem('moiso.console.place', {json.dumps(place)})")
    page = context.new_page()
    page.goto(f"{office.url}/console")
    page.wait_for_selector("#big:not([data-kind=loading])")
    return Clerk(page)
