"""A ward whose fields can be booked in every way, on a real server at nine on a Friday; and what a citizen does on its pages by hand."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from outside import NINE
from ports import free_port
from running import ROOT, START_S, Client, Server

DEMO = ROOT / "config" / "sites" / "demo.toml"
PUBLIC = "https://so.an-mau.example"
PORTAL = f"http://localhost:{free_port()}"
"""Another web site, on a port of its own."""
MONDAY = "2026-11-23"
MARRIAGE = "1.000894"
FREE = (
    "bookings_per_hour = 0\nanonymous_per_day = 0\nwrong_codes_per_minute = 0\nwrong_codes_in_all = 0\n"
    "sum_after_bookings = 0\nsum_in_all = 0"
)


def document(folder: Path, limits: str, change: Callable[[str], str]) -> str:
    """The demo's ward: with a public address, a portal that shows it in a frame, and numbers for today from home for `school`."""
    text = DEMO.read_text(encoding="utf-8")
    text = text.replace('id = "demo"\n', f'id = "demo"\npublic_url = "{PUBLIC}"\nembed_from = ["{PORTAL}"]\n', 1)
    text = text.replace('last_ticket = "10:30"', 'counting = "registered"\nbooking = { live = true }', 1)
    path = folder / "demo.toml"
    path.write_text(change(f"{text}\n[limits]\n{limits}\n"), encoding="utf-8")
    return str(path)


class Ward:
    """The office and its booking pages, asked over HTTP as a browser without programs asks them."""

    def __init__(self, server: Server) -> None:
        self.server, self.url = server, server.url
        self.anyone = Client(server.api)

    def later(self, clock: str) -> None:
        """The office is switched off and on again, and it is so late by then."""
        self.server.stop()
        self.server.options = tuple(clock if option == NINE else option for option in self.server.options)
        self.server.start()

    def get(self, path: str, **query: str) -> requests.Response:
        return requests.get(self.url + path, query, timeout=START_S)

    def form(self, start: str = f"{MONDAY}T08:45", procedure: str = MARRIAGE, **more: str) -> tuple[str, dict[str, str]]:
        """Where the form of the fifth step goes, and its hidden fields."""
        page = self.get("/book/demo/you", procedure=procedure, start=start, **more)
        assert page.status_code == 200, page.text
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text))
        return page.url, hidden

    def send(self, url: str, fields: dict[str, str], **headers: str) -> requests.Response:
        return requests.post(url, fields, headers=headers, timeout=START_S, allow_redirects=False)

    def book(self, start: str = f"{MONDAY}T08:45", **typed: str) -> str:
        """The whole code of a booking made on the pages."""
        url, hidden = self.form(start)
        answer = self.send(url, {**hidden, **typed})
        assert answer.status_code == 303, text_of(answer)
        return code_of(answer)

    def left(self, start: str = f"{MONDAY}T08:45", service: str = "civil") -> int:
        slots = self.anyone.get(f"/sites/demo/slots?service={service}&date={start[:10]}")
        return int(next(slot["left"] for slot in slots if slot["start"].startswith(start)))

    def fill(self, start: str = f"{MONDAY}T08:45", service: str = "civil") -> None:
        """Others take every place of a slot."""
        while self.left(start, service):
            self.anyone.post("/sites/demo/appointments", {"service": service, "start": f"{start}:00+07:00"}, expect=201)


def code_of(answer: requests.Response) -> str:
    found = re.match(r"/h/(\d{18})\b", answer.headers["Location"])
    assert found, answer.headers["Location"]
    return found[1]


def text_of(answer: requests.Response) -> str:
    """What a page says, without its markup."""
    body = re.sub(r"<(head|svg)\b.*?</\1>", " ", answer.text, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).replace("\u00a0", " ").split())


def title_of(answer: requests.Response) -> str:
    found = re.search(r"<title>(.*?)</title>", answer.text, re.DOTALL)
    assert found is not None
    return html.unescape(found[1])


@contextmanager
def ward(folder: Path, limits: str = FREE, *, mail: bool = True, change: Callable[[str], str] = str) -> Iterator[Ward]:
    """`change` turns the site document into another."""
    gateway = ("--smtp", f"file://{folder.as_posix()}/mail") if mail else ()
    server = Server(folder, document(folder, limits, change), "--hall-clock", NINE, "--log", "info", *gateway, site="demo").start()
    try:
        yield Ward(server)
    finally:
        server.stop()
