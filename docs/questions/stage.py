"""An office to be looked at, at any hour of its day, and the pages that look at it."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import socketio
from pictures import Office
from playwright.sync_api import Browser, Page

from kiosk.receipt import Receipt
from questions import measures as m

ROOT = Path(__file__).resolve().parent.parent.parent
DEMO = ROOT / "config" / "sites" / "demo.toml"
PUBLIC = "https://so.an-mau.example"
BEAT_S = 4
SETTLED_MS = 650
"""A touch within half a second of a new screen is taken for a slip."""


class At(Office):
    """The demo's office on a hall clock that starts at `instant`."""

    def __init__(self, folder: Path, instant: str, change: tuple[str, str] = ("", "")) -> None:
        document = DEMO.read_text(encoding="utf-8").replace(f'# public_url = "{PUBLIC}"', f'public_url = "{PUBLIC}"')
        folder.mkdir()
        (folder / "demo.toml").write_text(document.replace(*change, 1) if change[0] else document, encoding="utf-8")
        self.db = f"sqlite:///{folder}/office.db"
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "server", "serve", "--site", str(folder / "demo.toml"), "--db", self.db, "--port", "0", "--json"),
                *("--hall-clock", instant),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.url = json.loads(self._process.stdout.readline())["url"]

    def key(self, name: str, kind: str, place: str | None = None) -> str:
        return str(self.command("device", "add", name, "--kind", kind, *(("--place", place) if place else ()))["key"])

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(timeout=20)


@contextmanager
def at(folder: Path, instant: str, change: tuple[str, str] = ("", "")) -> Iterator[At]:
    office = At(folder, instant, change)
    try:
        yield office
    finally:
        office.stop()


class Agent:
    """Stands where a print agent or a voice agent would: keeps what is to be printed, says how the printer is, and has heard every call."""

    def __init__(self, url: str, key: str) -> None:
        self.moments: queue.Queue[dict[str, Any]] = queue.Queue()
        self._client = socketio.Client(reconnection=False)
        self._state = "ok"
        self._client.on("print", self.moments.put)
        self._client.on("announcement", lambda said: self._client.emit("done", {"id": said["id"], "ok": True, "detail": "heard"}))
        self._client.connect(url, auth={"key": key}, transports=["websocket"])
        self._client.call("hello", {"kind": "device"})
        self.paper("ok")
        self._client.start_background_task(self._beat)

    def paper(self, state: str) -> None:
        self._state = state
        self._client.emit("beat", {"paper": state, "detail": state, "ok": True})

    def _beat(self) -> None:
        while self._client.connected:
            self._client.sleep(BEAT_S)
            if self._client.connected:
                self.paper(self._state)

    def printed(self, code: str, ok: bool = True) -> Receipt:
        while True:
            moment = self.moments.get(timeout=20)
            self._client.emit("done", {"id": moment["id"], "ok": ok, "detail": "printed" if ok else "failed: no paper"})
            if moment["receipt"]["code"] == code:
                return Receipt.from_json(moment["receipt"])

    def close(self) -> None:
        self._client.disconnect()


def opened(browser: Browser, size: tuple[int, int], url: str, ready: str, **options: Any) -> Page:
    """A page of its own browser profile, once `ready` is shown and its letters have come."""
    width, height = size
    context = browser.new_context(viewport={"width": width, "height": height}, locale="vi-VN", reduced_motion="reduce", **options)
    page = context.new_page()
    page.goto(url)
    settled(page, ready)
    return page


def settled(page: Page, ready: str) -> None:
    page.locator(ready).first.wait_for()
    page.evaluate("document.fonts.ready.then(() => null)")
    page.wait_for_timeout(SETTLED_MS)


def touch(page: Page, what: str, screen: str) -> None:
    page.locator(f'[data-touch="{what}"]').first.click()
    settled(page, f'[data-screen="{screen}"]')


class Contrasts:
    """The faintest text of every screen."""

    def __init__(self) -> None:
        self.found: list[tuple[str, float, str, float]] = []

    def look(self, name: str, page: Page, least: float) -> dict[str, Any]:
        letters: dict[str, Any] = page.evaluate(m.LETTERS)
        self.found.append((name, letters["contrast"], letters["contrast_text"], least))
        return letters
