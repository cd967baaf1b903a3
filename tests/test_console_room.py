"""The console has room for the longest names in every state, at a clerk's screen and at 200 %; and the keyboard and axe find their way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from clerk import USABLE, seated
from console_server import SITE, SmallOffice
from playwright.sync_api import Browser, BrowserContext, Page, expect

from server.core.site import Procedure

pytestmark = pytest.mark.browser


@pytest.fixture
def office() -> Iterator[SmallOffice]:
    with SmallOffice() as small:
        yield small


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport=USABLE, timezone_id="America/New_York")  # type: ignore[arg-type]
    yield context
    context.close()


# -- room enough -----------------------------------------------------------------------------------------------------------------

LONGEST = replace(
    SITE,
    services=tuple(replace(s, name="Lao động – Người có công – Bảo trợ xã hội") if s.id == "ho-tich" else s for s in SITE.services),
    procedures=(Procedure("khai-sinh", "Đăng ký khai sinh kết hợp đăng ký nhận cha, mẹ, con có yếu tố nước ngoài", "ho-tich"),),
)

IN_PLACE = """() => {
  const wrong = [];
  const shown = (e) => e.getClientRects().length > 0;
  const left = document.querySelector('.left');
  if (left.scrollHeight > left.clientHeight || left.scrollWidth > left.clientWidth) wrong.push('the left column scrolls');
  if (document.documentElement.scrollWidth > innerWidth) wrong.push('the page scrolls sideways');
  const parts = [...left.children, document.querySelector('.bar'), document.querySelector('.status'), document.querySelector('.right')];
  const boxes = parts.map((e) => e.getBoundingClientRect());
  boxes.forEach((a, i) => boxes.slice(i + 1).forEach((b, k) => {
    const over = Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;
    if (over) wrong.push(`overlap: ${parts[i].className} and ${parts[i + 1 + k].className}`);
  }));
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    const places = '.now, .big, .key, .strip, .help, .bar > *, .status > *, td, th, .tabs button, .panel, .choices button';
    const holder = node.parentElement?.closest(places);
    if (!holder || !node.data.trim() || !shown(node.parentElement) || node.parentElement.closest('.who')) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const [text, outer] = [range.getBoundingClientRect(), holder.getBoundingClientRect()];
    if (text.left < outer.left - 1 || text.right > outer.right + 1 || text.top < outer.top - 3 || text.bottom > outer.bottom + 3) {
      wrong.push(`cut: "${node.data.trim().slice(0, 40)}" in ${holder.className || holder.tagName}`);
    }
  }
  return wrong;
}"""


LETTERS = "() => { document.body.getBoundingClientRect(); return document.fonts.ready.then(() => null); }"
"""Until the letters of what is drawn have come: in those that stand in for them, words have another length."""


@pytest.mark.parametrize(
    ("width", "height"), [(1366, 620), (1366, 768), (1093, 496), (683, 310)], ids=["usable", "kiosk mode", "125 percent", "200 percent"]
)
def test_the_longest_names_find_room_in_every_state(browser: Browser, width: int, height: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": height})
    with SmallOffice(site=LONGEST) as office:
        clerk = seated(context, office)
        boxes = []

        def fits(kind: str) -> None:
            clerk.sees(kind)
            clerk.rest()
            clerk.page.evaluate(LETTERS)
            assert clerk.page.evaluate(IN_PLACE) == [], kind
            boxes.append(clerk.page.locator("#big, div.big").first.bounding_box() if kind != "asking" else None)

        fits("open")
        clerk.press("Space")
        fits("empty")
        office.need_help()
        for _ in range(11):
            office.come("ho-tich", procedure="khai-sinh", lang="en")
            office.pass_time(minutes=1)
        fits("free")
        if (width, height) == (1366, 620):
            expect(clerk.page.locator("tr[data-code]")).to_have_count(11)
            rows = [row.bounding_box() for row in clerk.page.locator("tr[data-code]").all()]
            foot = clerk.page.locator(".rows").bounding_box()
            assert foot is not None
            seen = [box for box in rows if box and box["y"] + box["height"] <= foot["y"] + foot["height"] + 1]
            assert len(seen) >= 8, "eight rows with their reasons, also while a kiosk calls for help"
            assert (big := clerk.page.locator("#big").bounding_box()) and big["width"] >= 580 and big["height"] >= 140
        clerk.press("Space")
        fits("young")
        clerk.press("Space")
        fits("ask")
        clerk.press("Escape")
        fits("young")
        clerk.press("KeyG")
        expect(clerk.page.locator(".now")).to_contain_text("gọi\u00a02\u00a0lần")
        office.pass_time(seconds=40)
        clerk.reads("call", "Không phát vì đã trễ 20 giây. Số vẫn hiện trên màn hình.")
        fits("young")
        clerk.press("?")
        clerk.page.wait_for_selector("[data-test=panel-help]")
        fits("young")
        clerk.press("Escape")
        clerk.press("KeyC")
        clerk.page.wait_for_selector("[data-test=panel-transfer]")
        clerk.page.keyboard.press("Escape")
        clerk.press("KeyS")
        fits("busy")
        clerk.press("KeyN")
        clerk.press("1")
        clerk.page.wait_for_selector("[data-test=panel-warn]")
        clerk.page.keyboard.press("Enter")
        fits("leaving")
        clerk.press("Space")
        fits("paused")
        if width == 1366:
            assert len({json.dumps(box) for box in boxes}) == 1, "the big button has moved or changed its size"
        else:
            first = clerk.page.evaluate("document.querySelector('#big').getBoundingClientRect().bottom")
            assert first <= height, "the call and the big button come first"
    context.close()


STOP = """() => {
  const at = document.activeElement, style = getComputedStyle(at);
  return at === document.body ? null : [at.innerText.trim().replace(/\\s+/g, ' '), style.outlineStyle, parseFloat(style.outlineWidth)];
}"""


def test_every_stop_of_the_tab_key_has_an_outline(context: BrowserContext, office: SmallOffice) -> None:
    for _ in range(3):
        office.come("ho-tich")
    office.need_help()
    office.sit("3", "mau")
    clerk = seated(context, office)
    clerk.press("Space")
    clerk.sees("young")
    stops = []
    for _ in range(30):
        clerk.page.keyboard.press("Tab")
        stop = clerk.page.evaluate(STOP)
        if stop is None:
            break
        stops.append(stop)
    assert all(style == "solid" and width >= 3 for _, style, width in stops), stops
    words = " | ".join(text for text, _, _ in stops)
    for name in (
        "Tạm nghỉ (N)",
        "Đóng quầy",
        "Đã đến S",
        "GỌI TIẾP",
        "Gọi lại G",
        "Tạm giữ T",
        "Hoàn tác",
        "Vắng 0",
        "Tôi đến M",
        "Phím tắt",
    ):
        assert name in words


AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
GRAVE = """async () => {
  const found = await axe.run(document);
  const grave = found.violations.filter((one) => ["serious", "critical"].includes(one.impact));
  return grave.map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 120)).join(" ; ")}`);
}"""


def test_axe_finds_nothing_serious(context: BrowserContext, office: SmallOffice) -> None:
    entry = context.new_page()
    entry.goto(f"{office.url}/console")
    entry.wait_for_selector("#user")
    clerk = seated(context, office)

    def clean(page: Page, where: str) -> None:
        page.evaluate(AXE)
        assert page.evaluate(GRAVE) == [], where

    clean(entry, "signing in")
    clean(clerk.page, "closed")
    clerk.press("Space")
    clerk.sees("empty")
    clean(clerk.page, "nobody waits")
    for _ in range(12):
        office.come("ho-tich", priority="older")
    office.need_help()
    clerk.press("Space")
    clerk.sees("young")
    clerk.reads("help", "cần người giúp")
    clean(clerk.page, "called, a list, and a call for help")
    clerk.press("Space")
    clerk.sees("ask")
    clean(clerk.page, "done or missed?")
    for key, panel in (("KeyC", "transfer"), ("KeyN", "pause"), ("?", "help")):
        clerk.press("Escape")
        clerk.press(key)
        clerk.page.wait_for_selector(f"[data-test=panel-{panel}]")
        clean(clerk.page, panel)
