"""Answers the fifteen questions of the screens' brief from a running office: `make screens` takes the pictures, measures them and writes
`docs/screens.md`.

The office is the demo's with a public address, on a hall clock at the hour a screen is about; citizens and clerks move over HTTP.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright
from questions import desks, kiosks, walls
from questions.album import Book
from questions.stage import Contrasts, at

HERE = Path(__file__).resolve().parent

QUESTIONS = (
    "Kiosk home, 1080x1920: targets of at least 81 px, gaps of 16, letters of 28, one question, the choices and the bar",
    "Kiosk, 1024x768: targets of at least 68 px, letters of 24, nothing cut, no scrollbar, eight fields visible",
    "An ordinary walk-in: no third screen before the number",
    "Low reach: no target above y = 1,081 of 1,920",
    "Number screen: digits of at least 225 px, and everything that makes the number understood; the same without paper",
    "Closed, away and lunch: each screen names a next time or place and offers help; no “lỗi”, no code, no “bạn”",
    "Tickets of 576 and 384 dots: digits of at least 150 and 100 dots, clean margins, no empty boxes, scannable, nothing personal",
    "Hall, 1920x1080: called code and counter at least 202 px high, six calls with counters, nothing where a TV cuts off",
    "Three simultaneous calls: all visible at once, all marked new by more than colour",
    "Hall, stale, before the first call and after closing: a band with a time, no empty grid, a time is named",
    "Two hall pictures a second apart without an event differ only in the clock",
    "Vietnamese capitals with two marks are whole, no compound is broken, digits stand in columns",
    "Console, 1366x620: big button of at least 580x140, code, call state, count, eight rows with reasons, no scrollbar, focus visible",
    "Phone, 360x800: one heading, targets of at least 48 px, no sideways scrolling, the code on one line",
    "Text at 200 % and without colours: nothing overlaps, no state is lost; contrast of at least 7 (kiosk, hall, phone) and 4.5 (console)",
)


PREFACE = """# Fifteen questions to the screens

Answered by `make screens` from a running office: every number was measured, on the picture or on the page behind it, when the pictures were
taken. A line that begins with **no** is an open fault. The questions are those of the design brief.
"""


def main() -> None:
    book = Book(QUESTIONS, HERE / "pictures" / "screens")
    faint = Contrasts()
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        folder = Path(place)
        browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox"])
        with at(folder / "kiosks", "2026-11-20T08:12:00+07:00") as office:
            kiosks.tickets(book, *kiosks.kiosks(book, office, browser, faint))
        kiosks.hours(book, folder, browser, faint)
        with at(folder / "hall", "2026-11-20T08:40:00+07:00") as office:
            walls.halls(book, office, browser, faint)
        with at(folder / "marks", "2026-11-20T08:40:00+07:00", ('name = "Hộ tịch"', f'name = "{walls.TWO_MARKS}"')) as office:
            walls.letters(book, office, browser)
        with at(folder / "desks", "2026-11-20T08:40:00+07:00") as office:
            desks.console(book, office, browser, faint)
            desks.phone(book, office, browser, faint)
            desks.large(book, office, browser)
        browser.close()
    for name, ratio, text, least in faint.found:
        book.say(15, ratio >= least, f"{name}: faintest text {ratio:.1f} (“{' '.join(text.split())[:40]}”)")
    book.write(HERE / "screens.md", PREFACE)
    print("\n".join(f"{number:2} {answer.word}" for number, answer in enumerate(book.answers, 1)))


if __name__ == "__main__":
    main()
