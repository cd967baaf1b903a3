"""Questions 1 to 7: what a citizen touches, and the paper."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page

from kiosk.lettering import has_glyph
from kiosk.receipt import PAPERS, Receipt, draw
from questions import measures as m
from questions.album import Book
from questions.stage import SETTLED_MS, Agent, At, Contrasts, at, opened, settled, touch

AWAY_MS = 20_000


def sizes(book: Book, number: int, name: str, page: Page, faint: Contrasts, *, target: float, letter: float, gap: float) -> Any:
    found, letters, scrolls = page.evaluate(m.TARGETS, "[data-touch]"), faint.look(f"kiosk, {name}", page, 7), page.evaluate(m.SCROLLS)
    ok = min(found["wide"], found["high"]) >= target - 0.5 and found["gap"] >= gap - 0.5
    size = f"{found['wide']:.0f} px wide and {found['high']:.0f} px high"
    book.say(number, ok, f"{name}: {found['count']} targets, the least {size}, {found['gap']:.0f} px apart")
    book.say(number, letters["least"] >= letter - 0.5, f"{name}: least letters {letters['least']:.0f} px (“{letters['least_text'][:40]}”)")
    book.say(number, not (scrolls["down"] or scrolls["across"] or letters["outside"]), f"{name}: no scrollbar, nothing beyond the glass")
    return found


def kiosks(book: Book, office: At, browser: Browser, faint: Contrasts) -> tuple[Receipt, Receipt]:
    """Questions 1 to 5; the receipts of an ordinary and of a priority ticket."""
    keys = {name: office.key(name, "kiosk") for name in ("k1", "k2")}
    agent, second = Agent(office.url, keys["k1"]), Agent(office.url, keys["k2"])
    early = [office.post(keys["k2"], "/tickets", {"service": "civil"}) for _ in range(4)]
    for number, service in enumerate(("civil", "certify", "civil", "land", "civil", "certify", "business", "social")):
        office.post(keys["k2"], "/tickets", {"service": service, **({"priority": "older"} if number == 4 else {})})
    # Nothing is foretold before three calls.
    lan = office.staff("lan")
    office.post(lan, "/counters/1/open")
    for _ in early:
        office.post(lan, "/counters/1/next", {"finish": True})
    page = opened(browser, (1080, 1920), f"{office.url}/kiosk/demo/k1#key={keys['k1']}", '[data-touch="take"]')
    home = m.picture(page)
    sizes(book, 1, "home", page, faint, target=81, letter=28, gap=16)
    choices = page.locator("main [data-touch]").count()
    book.say(1, page.locator("h1").count() == 1 and page.locator("h1").inner_text().count("?") == 1, "one question: “Ông/bà cần gì?”")
    book.say(1, choices == 5, f"{choices} choices above the bar")
    book.show(1, "kiosk-home", "Home on 21.5 inches", home, width=480)

    touch(page, "take", "field")
    field = m.picture(page)
    sizes(book, 1, "fields", page, faint, target=81, letter=28, gap=16)
    touch(page, "field:civil", "number")
    code = page.locator(".code").first.inner_text()
    receipt = agent.printed(code)
    page.wait_for_timeout(SETTLED_MS)
    number = m.picture(page)
    book.say(3, True, f"touch 1 “Lấy số”, touch 2 “Hộ tịch”, and the third screen is the number {code}")
    book.show(3, "kiosk-walk-in", "Two touches, three screens", home, field, number)

    settled(page, ".code")
    high = m.ink_height(number, m.box_of(page, ".code"))
    book.say(5, high >= 225, f"digits {high} px high")
    told = page.locator(".kiosk").inner_text().replace("\u00a0", " ")
    says(book, told, code)
    faint.look("kiosk, number", page, 7)
    page.locator('[data-touch="done"]').click()
    settled(page, '[data-screen="home"]')

    agent.paper("out")
    touch(page, "take", "field")
    touch(page, "field:civil", "number")
    code = page.locator(".code").first.inner_text()
    agent.printed(code, ok=False)
    page.get_by_text(re.compile("hết giấy")).first.wait_for()
    told = page.locator(".kiosk").inner_text().replace("\u00a0", " ")
    band = next(line for line in told.splitlines() if "hết giấy" in line)
    book.say(5, f"nhớ số {code}" in told, f"without paper: the same number and “{band}”")
    book.show(5, "kiosk-number", "The number with paper, and without", number, m.picture(page))
    agent.paper("ok")
    page.context.close()

    low = opened(browser, (1080, 1920), f"{office.url}/kiosk/demo/k1#key={keys['k1']}", '[data-touch="low"]')
    low.locator('[data-touch="low"]').click()
    settled(low, ".kiosk.low")
    shown = [m.picture(low)]
    tops = [low.evaluate(m.TARGETS, "[data-touch]")["top"]]
    touch(low, "take", "field")
    tops.append(low.evaluate(m.TARGETS, "[data-touch]")["top"])
    book.say(4, min(tops) >= 1081, f"the highest target begins at y = {min(tops):.0f} (home {tops[0]:.0f}, fields {tops[1]:.0f})")
    book.show(4, "kiosk-low", "Everything within reach from a wheelchair", *shown, m.picture(low), width=720)
    low.context.close()

    small = opened(browser, (1024, 768), f"{office.url}/kiosk/demo/k2#key={keys['k2']}", '[data-touch="take"]')
    lying = [m.picture(small)]
    sizes(book, 2, "home", small, faint, target=68, letter=24, gap=14)
    touch(small, "take", "field")
    found = sizes(book, 2, "fields", small, faint, target=68, letter=24, gap=14)
    fields = small.locator('[data-touch^="field:"]').count()
    book.say(2, fields == 8, f"{fields} fields and {found['count'] - fields} more targets on one page")
    book.show(2, "kiosk-lying", "Home and fields on 15 inches", *lying, m.picture(small))
    small.context.close()
    priority = office.post(keys["k2"], "/tickets", {"service": "certify", "priority": "older"})
    paper = second.printed(priority["code"])
    second.close()
    agent.close()
    return receipt, paper


def says(book: Book, told: str, code: str) -> None:
    """What stands on the screen of a number."""
    parts = {
        "number": code,
        "field": "Hộ tịch",
        "counters": "quầy 1, 2 hoặc 3",
        "people ahead": r"Chờ trước: \d+ người|Không ai chờ trước",
        "queue time with seconds": r"Giờ xếp hàng: \d\d:\d\d:\d\d",
        "its reason": "lúc lấy số",
    }
    for what, pattern in parts.items():
        found = re.search(pattern, told)
        book.say(5, found is not None, f"{what}: “{found[0] if found else ''}”")
    expected = re.search(r"Dự kiến gọi: \d\d:\d\d–\d\d:\d\d", told)
    book.say(5, expected is not None, f"clock range: “{expected[0] if expected else ''}”")


def hours(book: Book, folder: Path, browser: Browser, faint: Contrasts) -> None:
    """Questions 6 and, for the hall, 10: the hours in which nobody is given a number."""
    times = {
        "before": ("2026-11-20T06:30:00+07:00", "before numbers"),
        "lunch": ("2026-11-20T12:00:00+07:00", "lunch"),
        "last": ("2026-11-20T16:40:00+07:00", "after the last ticket"),
        "closed": ("2026-11-20T18:00:00+07:00", "closed"),
        "holiday": ("2026-11-24T09:00:00+07:00", "holiday"),
    }
    shown, walls = [], []
    for name, (instant, what) in times.items():
        with at(folder / name, instant) as office:
            key = office.key("k1", "kiosk")
            page = opened(browser, (1080, 1920), f"{office.url}/kiosk/demo/k1#key={key}", '[data-screen="home"]')
            judge(book, what, page, faint)
            shown.append(m.picture(page))
            if name in ("before", "closed"):
                wall = opened(browser, (1920, 1080), f"{office.url}/display/demo/main", ".stage .card")
                told = wall.locator("main").inner_text().replace("\u00a0", " ").replace("\n", " ")
                book.say(10, re.search(r"\d\d:\d\d", told) is not None, f"hall, {what}: “{told}”")
                walls.append(m.picture(wall))
                wall.context.close()
            if name == "closed":
                office.kill()
                page.locator('[data-screen="away"]').wait_for(timeout=AWAY_MS)
                judge(book, "server away", page, faint)
                shown.append(m.picture(page))
            page.context.close()
    captions = ", ".join([*[what for _, what in times.values()][:4], "server away", "holiday"])
    book.show(6, "kiosk-hours", f"From the left: {captions}", *shown, width=1200)
    book.show(10, "hall-quiet", "Before the first call, and after closing", *walls)


def judge(book: Book, what: str, page: Page, faint: Contrasts) -> None:
    told = " ".join(page.locator(".kiosk").inner_text().replace("\u00a0", " ").split())
    bad = re.search(r"\blỗi\b|\bbạn\b|quý khách|\b[45]\d\d\b|_", told, re.IGNORECASE)
    body = page.locator("main").first.inner_text().replace("\u00a0", " ") + " ".join(page.locator(".told").all_inner_texts())
    place = re.search(r"\d\d:\d\d|bàn hướng dẫn", body)
    helps = page.locator('[data-touch="help"]').count() > 0 or "0236 000 0000" in told or "bàn hướng dẫn" in told
    book.say(6, bool(place) and helps and not bad, f"{what}: “{' '.join(body.split())[:150]}”")
    faint.look(f"kiosk, {what}", page, 7)


# -- paper -------------------------------------------------------------------------------------------------------------------------


def tickets(book: Book, walk_in: Receipt, priority: Receipt) -> None:
    """Question 7."""
    booked = replace(
        walk_in,
        code="B105",
        mark="CÓ HẸN 08:45",
        service="Chứng thực",
        queue_time="08:15:00",
        reason="hẹn 08:45, tính như đến trước giờ hẹn 30 phút",
    )
    four = {
        "walk-in": walk_in,
        "appointment": booked,
        "priority": priority,
        "reprint": replace(walk_in, reprint=True, reprint_mark="BẢN IN LẠI"),
    }
    for paper, least in ((80, 150), (58, 100)):
        drawn = {name: draw(receipt, paper).convert("L") for name, receipt in four.items()}
        margin = PAPERS[paper].margin
        heights = {name: m.number_height(image) for name, image in drawn.items()}
        book.say(7, min(heights.values()) >= least, f"{paper} mm: digits {min(heights.values())} dots high")
        clean = not any(m.ink_in_columns(i, 0, margin) or m.ink_in_columns(i, i.width - margin, i.width) for i in drawn.values())
        book.say(7, clean, f"{paper} mm: no ink in the outer {margin} dots of {drawn['walk-in'].width}")
        read = {m.qr_of(image) for name, image in drawn.items()}
        book.say(7, read == {four["walk-in"].qr, four["priority"].qr}, f"{paper} mm: a scanner reads {walk_in.qr}")
        book.show(7, f"tickets-{paper}", f"{paper} mm: walk-in, appointment, priority, reprint", *padded(list(drawn.values())), width=1000)
    words = [text for receipt in four.values() for text in texts_of(receipt)]
    missing = {letter for text in words for letter in text if not letter.isspace() and not has_glyph(letter)}
    book.say(7, not missing, f"{len(set(''.join(words)))} different letters, each of them in the font")
    told = " ".join(words)
    groups = re.search("60 tuổi|khuyết tật|có thai", told, re.IGNORECASE)
    phones = set(re.findall(r"0\d{3} \d{3} \d{4}", told)) - {"0236 000 0000"}
    book.say(7, not groups and not phones, "the priority group is not named, and no telephone number but the office's")


def texts_of(receipt: Receipt) -> list[str]:
    values = [getattr(receipt, name) for name in receipt.__dataclass_fields__]
    return [text for value in values for text in (value if isinstance(value, tuple) else [value]) if isinstance(text, str)]


def padded(papers: list[Image.Image]) -> list[Image.Image]:
    """Of one height, on grey, so that the paper's edge is seen."""
    height = max(paper.height for paper in papers) + 24
    sheets = []
    for paper in papers:
        sheet = Image.new("RGB", (paper.width + 24, height), "#c8d6e5")
        sheet.paste(paper.convert("RGB"), (12, 12))
        sheets.append(sheet)
    return sheets
