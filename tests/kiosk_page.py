"""Standing before a kiosk's page: opening it, touching it, and measuring what is drawn. Shared by the tests of its screens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from browsing import hold, own_time
from page_server import PageServer
from playwright.sync_api import Browser, Page, expect

PORTRAIT, LANDSCAPE = (1080, 1920, "k1"), (1024, 768, "k2")
DEAD_MS = 550

LAID_OUT = """() => {
  const mm = parseFloat(getComputedStyle(document.documentElement).getPropertyValue('--mm'));
  const wrong = [];
  const shown = (e) => e.getClientRects().length > 0;
  const name = (e) => (e.dataset?.touch ?? e.className) + ' "' + e.textContent.trim().slice(0, 30) + '"';
  const targets = [...document.querySelectorAll('[data-touch]')].filter(shown);
  for (const target of targets) {
    const box = target.getBoundingClientRect();
    const [wide, high] = [box.width / mm, box.height / mm];
    if (wide < 19.9 || high < 19.9) wrong.push(`too small: ${name(target)} ${wide}x${high} mm`);
    for (const other of targets) {
      if (other === target || other.closest('.over') !== target.closest('.over')) continue;
      const b = other.getBoundingClientRect();
      const gap = Math.max(b.left - box.right, box.left - b.right, b.top - box.bottom, box.top - b.bottom);
      if (gap < 3.95 * mm) wrong.push(`too near: ${name(target)} and ${name(other)}, ${gap / mm} mm`);
    }
  }
  const texts = document.createTreeWalker(document.querySelector('.kiosk'), NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    if (!node.data.trim() || !shown(node.parentElement)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const em = parseFloat(getComputedStyle(node.parentElement).fontSize);
    const text = `"${node.data.trim().slice(0, 40)}"`;
    const least = document.querySelector('.large') ? 8.3 : 6.9;
    if (em < least * mm) wrong.push(`too small a letter: ${em / mm} mm ${text}`);
    const holder = node.parentElement.closest('[data-touch], .facts, .paper, .message, .card, .told, .status, .noted') ?? document.body;
    const outer = holder.getBoundingClientRect();
    for (const r of range.getClientRects()) {
      const across = r.left >= outer.left - 1 && r.right <= outer.right + 1 && r.right <= innerWidth;
      const along = r.top >= outer.top - em * 0.25 && r.bottom <= outer.bottom + em * 0.25 && r.bottom <= innerHeight + 1;
      if (!across || !along) wrong.push(`cut: ${text}`);
      const over = document.querySelector('.over');
      if (over && !over.contains(node.parentElement)) continue;
      const there = document.elementFromPoint((r.left + r.right) / 2, (r.top + r.bottom) / 2);
      if (r.width && !holder.contains(there) && !there?.contains(node.parentElement)) wrong.push(`covered: ${text}`);
    }
  }
  const root = document.documentElement;
  if (root.scrollHeight > innerHeight || root.scrollWidth > innerWidth) wrong.push('the page scrolls');
  return [...new Set(wrong)];
}"""


KEYS = """([keys, input]) => {
  for (const [code, key, shiftKey] of keys) {
    // An input method hides what was written, and says so.
    const written = input === 'composing' && key.length === 1 ? 'Process' : input === 'vietnamese' && /^[aeiou]$/.test(key) ? 'á' : key;
    const pressed = { code, key: written, shiftKey, isComposing: input === 'composing', bubbles: true, cancelable: true };
    (document.activeElement ?? document).dispatchEvent(new KeyboardEvent('keydown', pressed));
    (document.activeElement ?? document).dispatchEvent(new KeyboardEvent('keyup', pressed));
  }
}"""
_MARKS = {"|": ("Backslash", True), "/": ("Slash", False), ":": ("Semicolon", True), ".": ("Period", False), "-": ("Minus", False)}
_MARKS |= {" ": ("Space", False), "<": ("Comma", True), ">": ("Period", True), "'": ("Quote", False), ";": ("Semicolon", False)}


def key_of(char: str) -> tuple[str, str, bool]:
    """Code, key and Shift by which a reader types a character; no code for what has no key."""
    if char.isascii() and char.isalpha():
        return f"Key{char.upper()}", char, char.isupper()
    if char.isascii() and char.isdigit():
        return f"Digit{char}", char, False
    code, shift = _MARKS.get(char, ("", False))
    return code, char, shift


def scan(page: Page, text: str, *, input_method: str = "none") -> None:
    """What a code reader types, all at once, under an input method: `none`, one that is `composing`, or one that writes `vietnamese`."""
    page.evaluate(KEYS, [[*map(key_of, text), ("Enter", "Enter", False)], input_method])


@contextmanager
def kiosks(browser: Browser, office: PageServer) -> Iterator[Callable[..., Page]]:
    """Opens kiosks whose time stands, once their first screen is there, and moves as the test says: a slow machine is no slow citizen."""
    pages = []

    def open_kiosk(size: tuple[int, int, str] = PORTRAIT, *, key: str | None = None, ready: bool = True) -> Page:
        page = browser.new_page(viewport={"width": size[0], "height": size[1]}, has_touch=True)
        pages.append(page)
        own_time(page)
        page.goto(f"{office.url}/kiosk/demo/{size[2]}" + (f"#key={key}" if key else ""))
        if ready:
            page.locator(".kiosk[data-screen=home] .bar").last.wait_for()
            hold(page)
        return page

    yield open_kiosk
    for page in pages:
        page.close()


def laid_out(page: Page) -> list[str]:
    """What is wrong with the screen, once its letters have come and the page has measured them at its next tick."""
    page.evaluate("document.fonts.ready.then(() => null)")
    page.clock.run_for(300)
    wrong: list[str] = page.evaluate(LAID_OUT)
    return wrong


def touch(page: Page, what: str) -> None:
    """One touch by a person who has looked first: after the dead time of a new screen."""
    target = page.locator(f'[data-touch="{what}"]')
    target.wait_for()
    page.clock.run_for(DEAD_MS)
    target.tap()


def screen(page: Page) -> str | None:
    return page.locator(".kiosk").get_attribute("data-screen")


def shows(page: Page, name: str) -> None:
    """This screen is shown, at once or as soon as the machine comes to it."""
    expect(page.locator(".kiosk")).to_have_attribute("data-screen", name)
