"""The ticket as text, for the console stand-in. Pure."""

from __future__ import annotations

import textwrap

from PIL import Image, ImageDraw

from kiosk.lettering import NBSP, font_of
from kiosk.receipt import Receipt

WIDTH = 46
HALVES = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}


def terminal_lines(receipt: Receipt) -> list[str]:
    """Framed lines of equal width, in the order of the paper; the number drawn two dots a character."""
    texts = [receipt.reprint_mark if receipt.reprint else None, receipt.office, *receipt.header]
    after = [f"[ {receipt.mark} ]" if receipt.mark else None, receipt.service.replace("|", " "), receipt.counters, ""]
    after += [receipt.queue_time_label, receipt.queue_time, receipt.reason, ""]
    after += [receipt.ahead, receipt.expected, receipt.expected_label if receipt.expected else None, ""]
    after += [receipt.qr_hint if receipt.qr else None, receipt.qr, *receipt.foot, receipt.date_line]
    inside = [*_wrapped(texts), "", *large(receipt.code, WIDTH), "", *_wrapped(after)]
    return ["┌" + "─" * (WIDTH + 2) + "┐", *(f"│ {line:^{WIDTH}} │" for line in inside), "└" + "─" * (WIDTH + 2) + "┘"]


def large(code: str, width: int) -> list[str]:
    """The code in half blocks, as large as `width` characters allow and at most eight lines high; else the code itself."""
    for em in range(22, 8, -1):
        left, top, right, bottom = (int(edge) for edge in font_of(800, em).getbbox(code, anchor="ls"))
        if right - left <= width:
            break
    else:
        return [code[:width]]
    rows = bottom - top + (bottom - top) % 2
    picture = Image.new("L", (right - left, rows), 0)
    ImageDraw.Draw(picture).text((-left, -top), code, fill=255, font=font_of(800, em), anchor="ls")

    def dark(x: int, y: int) -> bool:
        value = picture.getpixel((x, y))
        return isinstance(value, int | float) and value >= 128

    return ["".join(HALVES[dark(x, y), dark(x, y + 1)] for x in range(right - left)) for y in range(0, rows, 2)]


def _wrapped(texts: list[str | None]) -> list[str]:
    lines: list[str] = []
    for text in texts:
        if text is not None:
            lines += textwrap.wrap(text.replace(NBSP, " "), WIDTH) or [""]
    return lines
