"""Questions 8 to 12: what hangs on the wall of the hall."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from PIL import Image, ImageChops
from playwright.sync_api import Browser, Page, expect

from questions import measures as m
from questions.album import Book
from questions.stage import SETTLED_MS, At, Contrasts, opened, touch

TWO_MARKS = "Ẩn Ổi Ế Ẫ Ự Ỗ Ặ"
SIDE, TOP = 48, 27
NIGHT = (7, 26, 46)
FIRST, RUSH = ("1", "2", "3"), ("4", "5", "6")
WAITING = ("civil", "civil", "civil", "civil", "civil", "certify", "certify", "certify", "certify", "land", "land", "business", "social")


def halls(book: Book, office: At, browser: Browser, faint: Contrasts) -> None:
    """Questions 8, 9, 11 and the stale wall of 10."""
    kiosk, clerk = office.key("k1", "kiosk"), office.staff("lan")
    for service in WAITING:
        office.post(kiosk, "/tickets", {"service": service})
    for counter in (*FIRST, *RUSH):
        office.post(clerk, f"/counters/{counter}/open")

    def call(counter: str) -> None:
        office.post(clerk, f"/counters/{counter}/next", {"finish": True})

    wall = opened(browser, (1920, 1080), f"{office.url}/display/demo/main", ".stage .card")
    for counter in FIRST:
        call(counter)
    expect(wall.locator(".big .row.new")).to_have_count(2)
    # Until the first three are no longer new.
    expect(wall.locator(".row.new")).to_have_count(0, timeout=30_000)
    with ThreadPoolExecutor(3) as clerks:
        list(clerks.map(call, RUSH))
    expect(wall.locator(".row.new")).to_have_count(3)
    wall.wait_for_timeout(SETTLED_MS)
    three = m.picture(wall)
    at_once(book, wall, three)
    numbers(book, wall, three)
    faint.look("hall", wall, 7)
    book.show(8, "hall", "Six calls, the last three of the same second", three)
    book.show(9, "hall-grey", "The same without colours", three.convert("L"))

    expect(wall.locator(".row.new")).to_have_count(0, timeout=30_000)
    same(book, wall)
    office.kill()
    wall.locator(".stale").wait_for(timeout=10_000)
    wall.wait_for_timeout(SETTLED_MS)
    told = wall.locator(".stale").inner_text().strip()
    book.say(10, re.search(r"\d\d:\d\d", told) is not None, f"stale after 5 s: “{told}”")
    rows, new = wall.locator(".big .row:not(.none), .recent .row:not(.none)").count(), wall.locator(".row.new").count()
    book.say(10, rows == 6 and new == 0, f"the board is still there with {rows} rows, {new} of them highlighted")
    faint.look("hall, stale", wall, 7)
    book.show(10, "hall-stale", "Without its server", m.picture(wall))
    wall.context.close()


def numbers(book: Book, wall: Page, image: Image.Image) -> None:
    for what in ("code", "counter"):
        heights = [m.ink_height(image, m.box_of(wall, f".big .{what}", nth)) for nth in range(2)]
        book.say(
            8, min(heights) >= 202, f"called {what}s {min(heights)} px high: on 43 inches {min(heights) * 0.496:.0f} mm, read from 10 m"
        )
    rows = wall.locator(".big .row:not(.none), .recent .row:not(.none)")
    told = [f"{row.locator('.code').inner_text()} → {row.locator('.counter').inner_text()}" for row in rows.all()]
    book.say(8, len(told) == 6 and all(re.fullmatch(r"[A-Z]\d{3} → \d+", each) for each in told), f"rows: {', '.join(told)}")
    width, height = image.size
    margins = ((0, 0, width, TOP), (0, height - TOP, width, height), (0, 0, SIDE, height), (width - SIDE, 0, width, height))
    book.say(8, all(m.colours(image, each) == {NIGHT} for each in margins), f"nothing in {TOP} px above and below, {SIDE} px at the sides")


def at_once(book: Book, wall: Page, image: Image.Image) -> None:
    rows = [wall.locator(f".{place} .row").nth(nth) for place, count in (("big", 2), ("recent", 4)) for nth in range(count)]
    new = ["new" in (row.get_attribute("class") or "").split() for row in rows]
    book.say(9, new == [True] * 3 + [False] * 3, "the three new ones stand first: both large rows and the top of the list")
    greys = []
    for row in rows:
        box = row.bounding_box()
        assert box is not None
        greys.append(m.grey_at(image, box["x"] + box["width"] / 2, box["y"] + 16))
    least = min(m.contrast(one, other) for one in greys[:3] for other in greys[3:])
    book.say(9, least >= 3, f"without colours their rows differ from the others by {least:.1f} : 1")


def same(book: Book, wall: Page) -> None:
    """Question 11, while nobody is called and the tiles keep their page."""
    clock = wall.locator(".head .clock").bounding_box()
    assert clock is not None
    pictures = []
    for _ in range(2):
        pictures.append(m.picture(wall))
        time.sleep(1)
    differ = ImageChops.difference(*pictures).getbbox()
    inside = differ is None or (differ[0] >= clock["x"] and differ[1] >= clock["y"] - 20 and differ[3] <= clock["y"] + clock["height"] + 20)
    book.say(11, inside, "no pixel differs" if differ is None else f"only {differ} differs: the clock")
    book.show(11, "hall-twice", "A second apart", *pictures)


def letters(book: Book, office: At, browser: Browser) -> None:
    """Question 12, with a field whose name carries every stack of marks."""
    kiosk = office.key("k1", "kiosk")
    for service in ("civil", "civil", "land", "business"):
        office.post(kiosk, "/tickets", {"service": service})
    clerk = office.staff("lan")
    for counter in ("1", "5", "2"):
        office.post(clerk, f"/counters/{counter}/open")
        office.post(clerk, f"/counters/{counter}/next")
    wall = opened(browser, (1920, 1080), f"{office.url}/display/demo/main", ".big .row:not(.none)")
    touched = opened(browser, (1080, 1920), f"{office.url}/kiosk/demo/k1#key={kiosk}", '[data-touch="take"]')
    touch(touched, "take", "field")
    shown = []
    for name, page, what in (("hall", wall, ".tile .name"), ("kiosk", touched, '[data-touch="field:civil"] .name')):
        image = m.picture(page)
        box = m.box_of(page, what)
        here, free = m.marks_cut(page, what)
        book.say(12, abs(here - free) <= 1, f"{name}: “{TWO_MARKS}” is {here} px high, and {free} px with all the room it wants")
        found = page.evaluate(m.LETTERS)
        book.say(12, found["lines"] >= 1.3, f"{name}: narrowest line of words {found['lines']:.2f} em (“{found['lines_text'][:40]}”)")
        shown.append(m.crop(image, (box[0] - 24, box[1] - 24, box[0] + 560, box[3] + 60)))
    broken = touched.evaluate(m.BROKEN, ".tile .name > span")
    book.say(12, not broken, f"kiosk: no part of a field's name is broken over lines{': ' + ', '.join(broken) if broken else ''}")
    weights: dict[str, list[float]] = wall.evaluate(m.DIGIT_WIDTHS)
    told = ", ".join(f"{widths[0]:.3f} em in weight {weight}" for weight, widths in weights.items())
    book.say(12, all(max(widths) - min(widths) < 0.001 for widths in weights.values()), f"the ten digits are equally wide: {told}")
    columns: dict[str, list[Any]] = {what: wall.evaluate(m.EDGES, what) for what in (".big .code", ".big .counter", ".recent .code")}
    lefts = [edge[0] for edge in columns[".big .code"]]
    rights = [edge[1] for edge in columns[".big .counter"]]
    book.say(12, max(lefts) - min(lefts) < 1 and max(rights) - min(rights) < 1, "hall: codes begin, and counters end, on one line")
    book.show(12, "letters", "Every stack of marks, on the wall and at the kiosk", *shown)
    wall.context.close()
    touched.context.close()
