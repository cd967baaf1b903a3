"""Takes the pictures of the screens for the README from a running office: `make pictures`.

The office is the demo's, on a hall clock at 08:40, with citizens and clerks moved over HTTP, so that every picture shows the real thing.
"""

from __future__ import annotations

import json
import os
import queue
import re
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from typing import Any

import requests
import socketio
from playwright.sync_api import Browser, Page, sync_playwright

from kiosk.receipt import Receipt, draw

PICTURES = Path(__file__).resolve().parent / "pictures"
PASSWORD = "mot mat khau dai"
TICKETS = ("civil", "certify", "civil", "land", "civil", "certify", "business", "land", "civil", "social", "certify", "civil")


class Office:
    """The demo's office, served for the pictures."""

    def __init__(self, folder: Path) -> None:
        self.db = f"sqlite:///{folder}/office.db"
        self._agents: list[subprocess.Popen[bytes]] = []
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "server", "serve", "--site", "demo", "--db", self.db, "--port", "0", "--json"),
                *("--hall-clock", "2026-11-20T08:40+07:00"),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.url = json.loads(self._process.stdout.readline())["url"]

    def command(self, *arguments: str, stdin: str = "") -> dict[str, Any]:
        run = [sys.executable, "-m", "server", *arguments, "--db", self.db, "--json"]
        return dict(json.loads(subprocess.run(run, input=stdin, capture_output=True, text=True, check=True).stdout))

    def key(self, name: str, kind: str) -> str:
        return str(self.command("device", "add", name, "--kind", kind)["key"])

    def staff(self, name: str) -> str:
        self.command("user", "add", name, "--role", "clerk", "--password-stdin", stdin=PASSWORD + "\n")
        return str(requests.post(f"{self.url}/api/v1/sessions", json={"user": name, "password": PASSWORD}, timeout=10).json()["token"])

    def post(self, key: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": uuid.uuid4().hex}
        answer = requests.post(f"{self.url}/api/v1/sites/demo{path}", json=body or {}, headers=headers, timeout=10)
        answer.raise_for_status()
        return dict(answer.json())

    def agent(self, name: str, key: str, *options: str) -> None:
        """One of our agents beside a machine."""
        command = [sys.executable, "-m", "server", name, "--server", self.url, "--key", key, *options]
        self._agents.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))

    def stop(self) -> None:
        for process in (*self._agents, self._process):
            process.terminate()
            process.wait(timeout=20)


def page(browser: Browser, width: int, height: int) -> Page:
    return browser.new_page(viewport={"width": width, "height": height}, locale="vi-VN", reduced_motion="reduce")


def take(office: Office, browser: Browser, folder: Path) -> None:
    kiosk, screen = office.key("k1", "kiosk"), office.key("tv", "display")
    office.agent("kiosk", kiosk, "--printer", f"file://{folder}/paper.bin", "--journal", f"{folder}/paper.journal", "--local-port", "0")
    office.agent(
        "audio", office.key("loa", "audio"), "--output", "null", "--journal", f"{folder}/voice.journal", "--cache", f"{folder}/voice"
    )
    for number, service in enumerate(TICKETS):
        office.post(kiosk, "/tickets", {"service": service, **({"priority": "older"} if number == 4 else {})})
    lan, minh = office.staff("lan"), office.staff("minh")
    hall = page(browser, 1920, 1080)
    hall.goto(f"{office.url}/display/demo/main#key={screen}")
    for clerk, counter in ((lan, "1"), (minh, "4"), (lan, "3")):
        office.post(clerk, f"/counters/{counter}/open")
        office.post(clerk, f"/counters/{counter}/next")
    hall.get_by_text("A001").first.wait_for()
    hall.screenshot(path=PICTURES / "hall.png")

    above = page(browser, 1280, 800)
    above.goto(f"{office.url}/display/demo/counter/4")
    above.get_by_text("B001").first.wait_for()
    above.screenshot(path=PICTURES / "counter.png")

    console = page(browser, 1366, 620)
    console.goto(f"{office.url}/console")
    console.locator("input[type=password]").fill(PASSWORD)
    console.locator("input:not([type=password])").first.fill("lan")
    console.keyboard.press("Enter")
    console.get_by_text("Quầy 3", exact=True).first.click()
    console.get_by_text("GỌI TIẾP").wait_for()
    console.get_by_text(re.compile("^Đã phát")).first.wait_for()
    console.screenshot(path=PICTURES / "console.png")

    touch = page(browser, 1080, 1920)
    touch.goto(f"{office.url}/kiosk/demo/k1#key={kiosk}")
    touch.get_by_text("Lấy số", exact=True).first.wait_for()
    touch.get_by_text("Máy in đang nghỉ").wait_for(state="hidden")
    touch.screenshot(path=PICTURES / "kiosk-home.png")
    touch.wait_for_timeout(600)  # a touch within half a second of a new screen is taken for a slip
    touch.get_by_text("Lấy số", exact=True).first.click()
    touch.get_by_text("Hộ tịch").first.wait_for()
    touch.screenshot(path=PICTURES / "kiosk-field.png")
    # The paper as the printer gets it: this page asks for the number, and we stand where the print agent would.
    printed: queue.Queue[dict[str, Any]] = queue.Queue()
    agent = socketio.Client(reconnection=False)
    agent.on("print", printed.put)
    agent.connect(office.url, auth={"key": kiosk}, transports=["websocket"])
    agent.call("hello", {"kind": "device"})
    touch.wait_for_timeout(600)
    touch.get_by_text("Hộ\u00a0tịch").first.click()
    touch.get_by_text("Giờ xếp hàng").first.wait_for()
    touch.screenshot(path=PICTURES / "kiosk-number.png")
    code = touch.get_by_text(re.compile(r"^A\d{3}$")).first.inner_text()
    while (moment := printed.get(timeout=10))["receipt"]["code"] != code:
        agent.emit("done", {"id": moment["id"], "ok": True, "detail": "printed"})
    draw(Receipt.from_json(moment["receipt"]), 80).save(PICTURES / "ticket.png", optimize=True)
    agent.disconnect()


def book(office: Office, browser: Browser) -> None:
    """A citizen books on a phone that runs no programs."""
    phone = browser.new_page(viewport={"width": 360, "height": 800}, java_script_enabled=False, device_scale_factor=2)
    phone.goto(f"{office.url}/book/demo/time?procedure=1.000894&day=2026-11-23")
    phone.screenshot(path=PICTURES / "booking-time.png")
    phone.locator("a.choice", has_text=re.compile(r"^\s*08:45")).first.click()
    phone.get_by_role("button", name="Bỏ qua").click()
    phone.locator(".code").wait_for()
    phone.screenshot(path=PICTURES / "booking-code.png")


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        office = Office(Path(folder))
        browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox"])
        try:
            take(office, browser, Path(folder))
            book(office, browser)
        finally:
            browser.close()
            office.stop()


if __name__ == "__main__":
    main()
