"""What can be measured on a picture of a screen, and on the page behind it. Used by `docs/screens.py`."""

from __future__ import annotations

import io
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page

Box = tuple[float, float, float, float]

TARGETS = """(what) => {
  const seen = [...document.querySelectorAll(what)].filter((e) => e.getClientRects().length);
  const boxes = seen.map((e) => e.getBoundingClientRect());
  const far = (a, b) => Math.max(b.left - a.right, a.left - b.right, b.top - a.bottom, a.top - b.bottom);
  const gaps = boxes.flatMap((a, at) => boxes.slice(at + 1).map((b) => far(a, b)));
  return {
    count: boxes.length,
    wide: Math.min(...boxes.map((b) => b.width)),
    high: Math.min(...boxes.map((b) => b.height)),
    gap: Math.min(...gaps),
    top: Math.min(...boxes.map((b) => b.top)),
  };
}"""

LETTERS = """() => {
  const parts = (text) => { const found = text.match(/[\\d.]+/g).map(Number); return [...found.slice(0, 3), found[3] ?? 1]; };
  const shade = (rgb) => rgb.slice(0, 3).map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = (e) => {
    for (let at = e; at; at = at.parentElement) {
      const colour = parts(getComputedStyle(at).backgroundColor);
      if (colour[3] === 1) return colour;
    }
    return [255, 255, 255, 1];
  };
  const found = { least: Infinity, least_text: '', contrast: Infinity, contrast_text: '', lines: Infinity, lines_text: '', outside: [] };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const e = node.parentElement;
    const text = node.data.trim();
    if (!text || !e.getClientRects().length || e.closest('script, style, noscript, .unseen, :disabled, [aria-disabled=true]')) continue;
    const style = getComputedStyle(e);
    const em = parseFloat(style.fontSize);
    if (em < found.least) Object.assign(found, { least: em, least_text: text });
    const [one, other] = [shade(parts(style.color)), shade(ground(e))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < found.contrast) Object.assign(found, { contrast: ratio, contrast_text: text });
    const range = document.createRange();
    range.selectNodeContents(node);
    const rects = [...range.getClientRects()].filter((r) => r.width);
    const line = parseFloat(style.lineHeight) / em;
    if (/\\p{Ll}{2}/u.test(text) && line < found.lines) Object.assign(found, { lines: line, lines_text: text });
    if (rects.some((r) => r.right > innerWidth + 1 || r.left < -1)) found.outside.push(text);
  }
  return found;
}"""

SCROLLS = """() => {
  const root = document.documentElement;
  const inner = [...document.querySelectorAll('body *')].filter((e) => /auto|scroll/.test(getComputedStyle(e).overflowY)
    && e.scrollHeight > e.clientHeight + 1).map((e) => e.className || e.tagName);
  return { down: root.scrollHeight > innerHeight, across: root.scrollWidth > innerWidth, inner };
}"""

BROKEN = """(what) => [...document.querySelectorAll(what)]
  .filter((e) => new Set([...e.getClientRects()].map((r) => Math.round(r.top))).size > 1)
  .map((e) => e.textContent)"""

EDGES = """(what) => [...document.querySelectorAll(what)].filter((e) => e.textContent).map((e) => {
  const range = document.createRange();
  range.selectNodeContents(e);
  const box = range.getBoundingClientRect();
  return [box.left, box.right];
})"""

DIGIT_WIDTHS = """() => Object.fromEntries(['400', '700', '800'].map((weight) => {
  const pen = document.createElement('canvas').getContext('2d');
  pen.font = `${weight} 200px "Noto Sans"`;
  return [weight, [...'0123456789'].map((digit) => pen.measureText(digit).width / 200)];
}))"""


def picture(page: Page, **options: Any) -> Image.Image:
    """The screen as it is now."""
    return Image.open(io.BytesIO(page.screenshot(**options))).convert("RGB")


def box_of(page: Page, what: str, nth: int = 0) -> Box:
    """Left, top, right and bottom of an element. Raises LookupError when it is not shown."""
    box = page.locator(what).nth(nth).bounding_box()
    if box is None:
        raise LookupError(f"{what} is not shown")
    return box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"]


def crop(image: Image.Image, box: Box) -> Image.Image:
    return image.crop((round(box[0]), round(box[1]), round(box[2]), round(box[3])))


def colours(image: Image.Image, box: Box) -> set[Any]:
    """Every colour in a part of a picture."""
    part = crop(image, box)
    return {colour for _, colour in part.getcolors(part.width * part.height) or []}


def ink(image: Image.Image, box: Box) -> Box:
    """Where something is written in a box: left, top, right, bottom, relative to it. The ground is its most frequent grey."""
    part = crop(image, box).convert("L")
    shades = part.getcolors() or []
    ground = max(shades)[1]
    found = part.point([255 if abs(value - ground) > 60 else 0 for value in range(256)]).getbbox()  # type: ignore[operator]
    if found is None:
        raise LookupError("nothing is written there")
    return found


FREED = """(e) => {
  const style = getComputedStyle(e);
  const alone = document.createElement('div');
  alone.id = 'alone';
  alone.textContent = e.textContent;
  alone.style.cssText = `position: fixed; left: 0; top: 0; z-index: 9999; padding: 60px; background: #000; color: #fff; line-height: 2;
    white-space: nowrap; font: ${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  document.body.append(alone);
}"""


def marks_cut(page: Page, what: str) -> tuple[int, int]:
    """The height of a line of text where it stands, and of the same text with all the room it wants."""
    image = picture(page)
    left, top, right, bottom = box_of(page, what)
    room = (bottom - top) / 4
    here = ink_height(image, (left, top - room, right, bottom))
    page.locator(what).first.evaluate(FREED)
    free = ink_height(picture(page), box_of(page, "#alone"))
    page.evaluate("document.getElementById('alone').remove()")
    return here, free


def ink_height(image: Image.Image, box: Box) -> int:
    _, top, _, bottom = ink(image, box)
    return int(bottom - top)


def luminance(colour: tuple[int, ...]) -> float:
    """Relative luminance of an sRGB colour."""
    linear = [value / 255 / 12.92 if value <= 10 else ((value / 255 + 0.055) / 1.055) ** 2.4 for value in colour[:3]]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    """The ratio of two colours, 1 to 21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def grey_at(image: Image.Image, x: float, y: float) -> tuple[int, ...]:
    """The colour of a point once the picture has lost its colours."""
    value = image.convert("L").getpixel((round(x), round(y)))
    return (int(value),) * 3  # type: ignore[arg-type]


def tokens(css: str) -> dict[str, tuple[int, int, int]]:
    """The named colours of `tokens.css`."""
    found = {}
    for name, value in re.findall(r"--([a-z-]+): #([0-9a-f]{3,6});", css):
        full = value if len(value) == 6 else "".join(digit * 2 for digit in value)
        found[name] = (int(full[:2], 16), int(full[2:4], 16), int(full[4:], 16))
    return found


def qr_of(image: Image.Image) -> str:
    """What a scanner reads, or nothing."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "qr.png"
        image.convert("L").save(path)
        done = subprocess.run(["zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", str(path)], capture_output=True, text=True)
    return done.stdout.strip()


def number_height(paper: Image.Image) -> int:
    """The height of the tallest unbroken run of rows with ink in the upper third of a ticket: the number. Its QR stands far below."""
    rows = paper.convert("L").point([255 if value < 128 else 0 for value in range(256)])  # type: ignore[operator]
    rows = rows.crop((0, 0, rows.width, rows.height // 3))
    best = run = 0
    for y in range(rows.height):
        run = run + 1 if rows.crop((0, y, rows.width, y + 1)).getbbox() else 0
        best = max(best, run)
    return best


def ink_in_columns(paper: Image.Image, left: int, right: int) -> bool:
    """Whether anything is printed between two columns of dots."""
    part = paper.convert("L").crop((left, 0, right, paper.height)).point([255 if value < 128 else 0 for value in range(256)])  # type: ignore[operator]
    return part.getbbox() is not None
