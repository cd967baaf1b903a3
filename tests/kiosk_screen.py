"""A kiosk as it is set up in an office: the shipped launcher, policy and window manager in front of a real X server, and fingers on it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import Any

from flask import jsonify, request, send_from_directory
from page_server import PageServer
from PIL import Image, ImageChops, ImageGrab

ROOT = Path(__file__).resolve().parent.parent
SETUP = ROOT / "kiosk" / "setup"
MANAGED = Path("/etc/chromium/policies/managed")
WIDTH, HEIGHT = 1080, 1920
DIFFERENT = 24
"""Of 255: a colour this far from what was there is another picture, not another smoothing."""


class AttackedOffice(PageServer):
    """An office whose kiosk page carries somebody's script. `seen` is what it last told of itself; `order` makes it do something."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[str, Any] = {}
        self.seen_at = 0.0
        self.served: list[str] = []
        """Addresses outside the kiosk's own that somebody has opened."""
        self.script_delay_s = 0.0
        """What a slow machine or network makes of every script."""
        self.scripts = True
        """Without them the page comes and nothing on it works."""
        self._orders: list[dict[str, Any]] = []
        self._lock = threading.Lock()

        @self._app.before_request
        def attacked() -> Any:
            if request.path.startswith("/kiosk/static/") and request.path.endswith(".js"):
                time.sleep(self.script_delay_s)
                return None if self.scripts else ("Not Found", 404)
            if request.path == "/intruder":
                with self._lock:
                    self.seen, self.seen_at = request.get_json(), time.monotonic()
                    orders, self._orders = self._orders, []
                return jsonify(orders)
            if request.path == "/intruder.js":
                return send_from_directory(ROOT / "tests", "intruder.js")
            if request.path.startswith("/kiosk/demo/"):
                page = (ROOT / "kiosk" / "web" / "kiosk.html").read_text(encoding="utf-8")
                return page.replace("</head>", '<script type="module" src="/intruder.js"></script></head>')
            if request.path.startswith("/elsewhere"):
                self.served.append(request.path)
                return "<!doctype html><title>Elsewhere</title>"
            return None

    def order(self, *deed: Any, touch: bool = False) -> None:
        """The script does this at its next look, or at the next touch after it; see `intruder.js`."""
        with self._lock:
            self._orders.append({"touch": touch, "deed": deed})

    def taken(self) -> bool:
        """Whether the script has heard every order."""
        with self._lock:
            return not self._orders


class Screen:
    """The kiosk's glass and keyboard."""

    def __init__(self, display: str, office: AttackedOffice, folder: Path) -> None:
        self.display, self.office, self.folder = display, office, folder
        self.page = f"{office.url}/kiosk/demo/k1"
        self.home: Image.Image | None = None
        self.started_in_s = 0.0
        """How long this machine took to bring the kiosk up."""
        self.environment = {**os.environ, "DISPLAY": display, "HOME": str(folder)}

    def run(self, *command: str) -> str:
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=30, check=False).stdout

    def do(self, *command: str) -> None:
        """Keys and fingers, by xdotool."""
        self.run("xdotool", *command)

    def picture(self) -> Image.Image:
        return ImageGrab.grab(xdisplay=self.display).convert("RGB")

    def settled(self) -> Image.Image:
        """The picture once it has been the same for a second."""
        last, since = self.picture(), time.monotonic()
        while time.monotonic() - since < 1:
            now = self.picture()
            if ImageChops.difference(last, now).getbbox():
                last, since = now, time.monotonic()
            time.sleep(0.05)
        return last

    def windows(self) -> list[str]:
        """The titles of all windows that somebody could see."""
        return [line.split(None, 3)[3] if len(line.split(None, 3)) > 3 else "" for line in self.run("wmctrl", "-l").splitlines()]

    def away(self) -> str:
        """Why this is not the kiosk's page alone, over the whole glass; empty if it is."""
        seen, age = self.office.seen, time.monotonic() - self.office.seen_at
        if age > 1:
            return f"the page has been silent for {age:.1f} s"
        if seen["href"] != self.page:
            return f"the page is {seen['href']}"
        if (seen["width"], seen["height"], seen["scale"]) != (WIDTH, HEIGHT, 1):
            return f"the page has {seen['width']}x{seen['height']} times {seen['scale']}"
        if seen["visible"] != "visible" or not seen["focus"]:
            return "the page is behind something"
        windows = self.windows()
        if len(windows) != 1 or not windows[0].startswith("Máy lấy số"):
            return f"windows: {windows}"
        share = self.difference()
        return f"{share:.1%} of the glass differs" if share > 0.004 else ""

    def difference(self) -> float:
        """Share of the glass that is not the kiosk's first screen."""
        if self.home is None:
            return 0.0
        grey = ImageChops.difference(self.picture(), self.home).convert("L")
        return sum(grey.histogram()[DIFFERENT:]) / (WIDTH * HEIGHT)

    def back_after(self, within_s: float) -> tuple[float, str]:
        """Seconds until the kiosk's page is there and stays for a third of a second; what was last wrong."""
        begun = last = time.monotonic()
        wrong, why = "", ""
        while time.monotonic() < begun + within_s + 0.6:
            why = self.away()
            if why:
                wrong, last = why, time.monotonic()
            elif time.monotonic() - last >= 0.35:
                return last - begun, wrong
            time.sleep(0.05)
        return inf, wrong

    def left_behind(self) -> list[str]:
        """Files that somebody has got out of the browser, and what it has handed to other programs."""
        kept = [str(path) for name in ("Downloads", "Desktop", "Documents") for path in (self.folder / name).rglob("*")]
        opened = self.folder / "opened"
        return kept + (opened.read_text().splitlines() if opened.exists() else [])

    def log(self) -> str:
        """What the guard has said."""
        return (self.folder / "screen.log").read_text()

    def signal_browser(self, number: int) -> None:
        """To the process that holds the page's window."""
        os.kill(int(self.run("xdotool", "getactivewindow", "getwindowpid")), number)

    def until(self, question: Callable[[], Any], within_s: float = 60) -> None:
        end = time.monotonic() + within_s
        while not question():
            assert time.monotonic() < end, f"waited in vain: {self.away()}"
            time.sleep(0.05)


def cannot_start() -> str:
    """Why this machine cannot show a kiosk's screen to nobody; empty if it can."""
    missing = [
        name for name in ("Xvfb", "openbox", "xdotool", "wmctrl", "xmessage", "xkbcomp", "xmodmap", "chromium") if not shutil.which(name)
    ]
    if missing:
        return f"Not on this machine: {', '.join(missing)}; run .ci/packages screens browser."
    if own_folder() is None and os.geteuid() != 0:
        return "Chromium reads its policy from /etc, and this user may neither write there nor put a folder of its own in its place."
    return ""


def own_folder() -> list[str] | None:
    """The beginning of a command that gives a process a policy folder of its own; None where that is forbidden."""
    for way in (["unshare", "--mount"], ["unshare", "--map-root-user", "--mount"]):
        tried = subprocess.run([*way, "sh", "-c", "mount --bind /tmp /etc/chromium"], capture_output=True, check=False)
        if tried.returncode == 0:
            return way
    return None


@contextmanager
def under_policy(folder: Path, pages: list[str]) -> Iterator[list[str]]:
    """The shipped policy, where Chromium reads it; yields the beginning of the command that sees it."""
    text = subprocess.run([sys.executable, str(SETUP / "policy.py"), *pages], capture_output=True, text=True, check=True).stdout
    way = own_folder()
    if way is not None:
        own = folder / "etc"
        (own / "policies" / "managed").mkdir(parents=True, exist_ok=True)
        (own / "policies" / "managed" / "moiso.json").write_text(text)
        yield [*way, "sh", "-c", f'mount --bind "{own}" /etc/chromium && exec "$@"', "sh"]
        return
    # Without a mount of its own, the machine's: other browsers on it feel this until the end.
    MANAGED.mkdir(parents=True, exist_ok=True)
    file = MANAGED / "moiso-test.json"
    file.write_text(text)
    try:
        yield []
    finally:
        file.unlink()


@contextmanager
def x_server(size: tuple[int, int] = (WIDTH, HEIGHT)) -> Iterator[str]:
    """A screen nobody sees; its DISPLAY."""
    out, told = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(told), "-screen", "0", f"{size[0]}x{size[1]}x24", "-nolisten", "tcp", "-noreset"],
        pass_fds=[told],
        stderr=subprocess.DEVNULL,
    )
    os.close(told)
    try:
        with os.fdopen(out) as answer:
            yield f":{answer.readline().strip()}"
    finally:
        server.terminate()
        server.wait(timeout=60)


@contextmanager
def kiosk_screen(office: AttackedOffice, folder: Path) -> Iterator[Screen]:
    """The kiosk, started as its unit starts it; what it keeps is in `folder`."""
    bin_ = folder / "bin"
    bin_.mkdir(exist_ok=True)
    # Whatever Chromium hands to another program would be an escape.
    (bin_ / "xdg-open").write_text(f'#!/bin/sh\necho "$@" >>{folder}/opened\n')
    (bin_ / "xdg-open").chmod(0o755)
    with x_server() as display, under_policy(folder, [f"{office.url}/kiosk/demo/k1"]) as seeing:
        screen = Screen(display, office, folder)
        environment = {
            **screen.environment,
            "PATH": f"{bin_}:{os.environ['PATH']}",
            "MOISO_PAGE": screen.page,
            "MOISO_KIND": "kiosk",
            "MOISO_STATE": str(folder / "state"),
            "MOISO_CHROMIUM_FLAGS": "--no-sandbox" if os.geteuid() == 0 or "--map-root-user" in seeing else "",
        }
        with (folder / "screen.log").open("w") as log:
            begun = time.monotonic()
            started = subprocess.Popen([*seeing, str(SETUP / "screen")], env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            screen.until(lambda: not screen.away())
            screen.started_in_s = time.monotonic() - begun
            screen.home = screen.settled()
            yield screen
        finally:
            started.send_signal(signal.SIGTERM)
            try:
                started.wait(timeout=10)
            except subprocess.TimeoutExpired:
                os.killpg(started.pid, signal.SIGKILL)
