"""Questions 13 to 15: the clerk's desk, the phone, and larger text."""

from __future__ import annotations

import re

from pictures import PASSWORD
from playwright.sync_api import Browser, Page

from questions import measures as m
from questions.album import Book
from questions.stage import SETTLED_MS, Agent, At, Contrasts, opened, settled, touch

DESK, PHONE = (1366, 620), (360, 800)
TICKETS = ("civil", "certify", "civil", "civil", "certify", "civil", "certify", "civil", "certify", "civil", "certify", "civil")
FOCUSED = """() => {
  const at = document.activeElement;
  const style = getComputedStyle(at);
  if (at === document.body) return null;
  return [at.textContent.trim().slice(0, 30), style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2];
}"""
DOUBLED = """() => {
  const sizes = [...document.querySelectorAll('body, body *')].map((e) => [e, parseFloat(getComputedStyle(e).fontSize)]);
  for (const [e, size] of sizes) e.style.fontSize = `${size <= 32 ? 2 * size : Math.max(size, 64 + (size - 32) / 2)}px`;
}"""
OVERLAPS = """() => {
  const seen = [...document.querySelectorAll('button, a, input, h1, h2, p, td, dt, dd')]
    .filter((e) => e.getClientRects().length && e.textContent.trim() && !e.querySelector('button, a, input, p'));
  const over = [];
  seen.forEach((one, at) => seen.slice(at + 1).forEach((other) => {
    if (one.contains(other) || other.contains(one)) return;
    const [a, b] = [one.getBoundingClientRect(), other.getBoundingClientRect()];
    const [wide, high] = [Math.min(a.right, b.right) - Math.max(a.left, b.left), Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)];
    if (wide > 2 && high > 2) over.push(`${one.textContent.trim().slice(0, 20)} / ${other.textContent.trim().slice(0, 20)}`);
  }));
  return over;
}"""


def signed_in(office: At, browser: Browser, size: tuple[int, int], **options: float) -> Page:
    page = opened(browser, size, f"{office.url}/console", "input[type=password]", **options)
    page.locator("input[type=password]").fill(PASSWORD)
    page.locator("input:not([type=password])").first.fill("lan")
    page.keyboard.press("Enter")
    page.get_by_text("Quầy 3", exact=True).first.click()
    page.locator("#big").wait_for()
    page.wait_for_timeout(SETTLED_MS)
    return page


def console(book: Book, office: At, browser: Browser, faint: Contrasts) -> None:
    """Question 13."""
    kiosk = office.key("k1", "kiosk")
    for number, service in enumerate(TICKETS):
        office.post(kiosk, "/tickets", {"service": service, **({"priority": "older"} if number in (7, 10) else {})})
    clerk = office.staff("lan")
    office.post(clerk, "/counters/3/open")
    speaker, wall = Agent(office.url, office.key("loa", "audio")), office.key("tv", "display")
    hall = opened(browser, (1920, 1080), f"{office.url}/display/demo/main#key={wall}", ".stage")
    printers = [Agent(office.url, kiosk), Agent(office.url, office.key("k2", "kiosk"))]
    office.post(clerk, "/counters/3/next")
    page = signed_in(office, browser, DESK)
    page.get_by_text("Đã phát").first.wait_for()
    image = m.picture(page)
    left, top, right, bottom = m.box_of(page, "#big")
    fits = page.locator("#big").evaluate(
        "(e) => [...e.querySelectorAll('span')].every((s) => s.scrollWidth <= Math.max(s.clientWidth, e.clientWidth))"
    )
    book.say(
        13,
        right - left >= 580 and bottom - top >= 140 and fits,
        f"the big button is {right - left:.0f} x {bottom - top:.0f} px; its words fit",
    )
    for name, what, pattern in (
        ("code", "[data-test=current]", r"[A-Z]\d{3}"),
        ("call state", "[data-test=call]", r"\w+"),
        ("waiting count", "[role=tab]", r"\d+"),
    ):
        told = page.locator(what).first.inner_text().strip()
        book.say(13, re.search(pattern, told) is not None, f"{name}: “{told}”")
    area = m.box_of(page, ".rows")
    rows = [row for row in page.locator(".rows tbody tr").all() if (box := row.bounding_box()) and box["y"] + box["height"] <= area[3] + 1]
    reasons = [row.locator("td").last.inner_text().strip() for row in rows]
    book.say(13, len(rows) >= 8 and all(reasons), f"{len(rows)} whole rows, each with its reason: “{'”, “'.join(sorted(set(reasons)))}”")
    scrolls = page.evaluate(m.SCROLLS)
    book.say(13, not (scrolls["down"] or scrolls["across"]), "the page has no scrollbar")
    if scrolls["inner"]:
        book.say(13, True, f"{len(TICKETS) - 1} people wait; the list alone scrolls to the last of them")
    outlined = []
    for _ in range(6):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if focused:
            outlined.append(focused)
    book.say(
        13, len(outlined) >= 5 and all(seen for _, seen in outlined), f"outlined when tabbing: {', '.join(name for name, _ in outlined)}"
    )
    faint.look("console", page, 4.5)
    book.show(13, "console", "A counter at work", image)
    book.show(15, "console-grey", "The console without colours", image.convert("L"))
    page.context.close()
    hall.context.close()
    for agent in (speaker, *printers):
        agent.close()


def phone(book: Book, office: At, browser: Browser, faint: Contrasts) -> None:
    """Question 14, for the page behind the ticket's code and for a booking from the first question to the code."""
    ticket = office.post(office.key("k9", "kiosk", "k1"), "/tickets", {"service": "land"})
    page = opened(browser, PHONE, f"{office.url}/t/{ticket['id']}", ".code")
    told = page.locator("h1").all_inner_texts()
    book.say(14, len(told) == 1, f"the page of a ticket has one heading: “{' '.join(told[0].split())}”")
    found, scrolls = page.evaluate(m.TARGETS, "button, a, input, summary"), page.evaluate(m.SCROLLS)
    book.say(
        14, min(found["wide"], found["high"]) >= 48, f"{found['count']} targets, the least {found['wide']:.0f} x {found['high']:.0f} px"
    )
    book.say(14, not scrolls["across"], "no sideways scrolling")
    book.say(14, page.evaluate(m.BROKEN, ".code") == [], "the number stands on one line")
    letters = faint.look("phone", page, 7)
    book.say(14, letters["least"] >= 16, f"least letters {letters['least']:.0f} px")
    first = m.picture(page)
    # A phone that is set to large letters doubles those one reads, enlarges headlines less, and keeps its width.
    page.evaluate(DOUBLED)
    page.wait_for_timeout(SETTLED_MS)
    overlaps, across = page.evaluate(OVERLAPS), page.evaluate(m.SCROLLS)["across"]
    told = f": {'; '.join(overlaps[:3])}" if overlaps else ""
    book.say(15, not overlaps and not across, f"phone with letters at 200 %: nothing overlaps, no sideways scrolling{told}")
    book.show(14, "phone", "The page behind a ticket's code, and at 200 %", first, m.picture(page), width=560)
    page.context.close()
    booking(book, office, browser, faint)


def booking(book: Book, office: At, browser: Browser, faint: Contrasts) -> None:
    """Question 14 on the five booking pages and the one with the code, without a program in the browser."""
    page = opened(browser, PHONE, f"{office.url}/book/demo", "h1")
    told, pictures, least, across = [], [], 999.0, False

    def look() -> None:
        nonlocal least, across
        told.append(" ".join(page.locator("h1").inner_text().split()))
        found = page.evaluate(m.TARGETS, "button, main a, input:not([type=hidden], [type=checkbox]), label:has([type=checkbox])")
        least, across = min(least, found["high"]), across or page.evaluate(m.SCROLLS)["across"]
        faint.look("phone, booking", page, 4.5)
        pictures.append(m.picture(page))

    look()
    page.get_by_role("link", name=re.compile("kết hôn")).first.click()
    look()
    page.get_by_role("link", name="Chọn ngày").click()
    look()
    page.get_by_role("link", name=re.compile("còn")).first.click()
    look()
    page.get_by_role("link", name=re.compile(r"\d\d:\d\d – \d\d:\d\d")).first.click()
    look()
    book.say(14, page.get_by_role("checkbox").is_checked() is False, "the consent box is unticked")
    questions = [heading for heading in told if heading.endswith("?")]
    book.say(14, len(questions) == 5, f"five pages, one heading each, all questions: {' · '.join(questions)}")
    page.get_by_role("button", name=re.compile("chỉ lấy mã hẹn")).click()
    settled(page, ".code")
    look()
    code = page.locator(".code").inner_text()
    broken = page.evaluate(m.BROKEN, ".code")
    book.say(14, re.fullmatch(r"\d{3}\s\d{4}", code) is not None and broken == [], "the code stands on one line in two groups")
    book.say(14, least >= 48, f"booking: targets of at least {least:.0f} px")
    book.say(14, not across, "booking: no sideways scrolling")
    book.show(14, "booking", "What, which day, what time, and the code", pictures[0], pictures[2], pictures[3], pictures[5], width=900)
    page.context.close()


def large(book: Book, office: At, browser: Browser) -> None:
    """Question 15: the kiosk's own large text, and the console at 200 %."""
    key = office.key("k8", "kiosk", "k2")
    page = opened(browser, (1080, 1920), f"{office.url}/kiosk/demo/k1#key={key}", '[data-touch="large"]')
    small = page.evaluate(m.LETTERS)["least"]
    page.locator('[data-touch="large"]').click()
    page.locator(".kiosk.large").wait_for()
    page.wait_for_timeout(SETTLED_MS)
    shown = [m.picture(page)]
    found = page.evaluate(m.LETTERS)
    overlaps = page.evaluate(OVERLAPS)
    touch(page, "take", "field")
    overlaps += page.evaluate(OVERLAPS)
    book.say(15, not overlaps, f"kiosk with large text: least letters {found['least']:.0f} px instead of {small:.0f}, nothing overlaps")
    book.show(15, "kiosk-large", "Large text at the kiosk", *shown, m.picture(page), width=720)
    page.context.close()
    desk = signed_in(office, browser, (DESK[0] // 2, DESK[1] // 2), device_scale_factor=2)
    overlaps, scrolls = desk.evaluate(OVERLAPS), desk.evaluate(m.SCROLLS)
    there = desk.locator("#big").is_visible() and desk.locator("[data-test=current]").is_visible()
    book.say(
        15,
        there and not overlaps and not scrolls["across"],
        f"console at 200 %: nothing overlaps{': ' + '; '.join(overlaps[:3]) if overlaps else ''}, no sideways scrolling; it scrolls down",
    )
    book.show(15, "console-large", "The console at 200 %", m.picture(desk))
    desk.context.close()
