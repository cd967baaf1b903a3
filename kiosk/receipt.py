"""What a ticket looks like on paper: a receipt in words becomes a picture of black and white dots. Pure.

Printers' own fonts lack Vietnamese letters or hide them behind code pages that differ from model to model, so the whole
ticket is drawn here with a font we ship. The words arrive ready (`server.core.hall` chooses them in the ticket's
language); this file decides only where they stand and how large they are, in dots of 1/8 mm.

    receipt = Receipt.from_json(moment["receipt"])
    picture = draw(receipt, paper=80)          # Pillow image, mode "1", 576 dots wide
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from PIL import Image, ImageDraw

from kiosk import qr
from kiosk.lettering import clean, fit, font_of, width_of, wrap
from kiosk.logo import LogoError, fitted, read_logo

LEADING = 1.3  # of the em: the tallest stack (Ỗ, 1.05) over the deepest tail (0.25) never touch
ASCENT = 1.05
LONGEST_TEXT = 200
MOST_LINES = {"header": 2, "foot": 6}
LONGEST_URL = 512


class ReceiptError(ValueError):
    """The receipt cannot be drawn; the text is one sentence a person can act on."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The words of one ticket, already in the ticket's language. `None` and "" leave the line out.

    Every text is NFC, on one line, without control or direction characters. `qr` is an http(s) address, `logo` a PNG in base64.
    """

    office: str
    code: str
    service: str
    queue_time_label: str
    queue_time: str
    reason: str
    date_line: str
    counters: str | None = None
    mark: str | None = None
    ahead: str | None = None
    expected: str | None = None
    expected_label: str | None = None
    qr: str | None = None
    qr_hint: str | None = None
    foot: tuple[str, ...] = ()
    header: tuple[str, ...] = ()
    logo: str | None = None
    reprint: bool = False
    reprint_mark: str | None = None

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Receipt:
        """The receipt of a print moment, cleaned. Raises ReceiptError with everything that is wrong, in one sentence."""
        if not isinstance(document, Mapping):
            raise ReceiptError("A receipt is a JSON object.")
        values: dict[str, Any] = {}
        wrong: list[str] = []
        for slot in fields(cls):
            value = document.get(slot.name)
            if slot.name in MOST_LINES:
                lines = value if value is not None else []
                if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
                    wrong.append(f"{slot.name} must be a list of texts")
                elif len(lines) > MOST_LINES[slot.name]:
                    wrong.append(f"{slot.name} has more than {MOST_LINES[slot.name]} lines")
                else:
                    values[slot.name] = tuple(filter(None, map(clean, lines)))
            elif slot.name == "logo":
                values["logo"] = value
                if value is not None and not _is_logo(value):
                    wrong.append("logo must be a small PNG in base64")
            elif slot.name == "reprint":
                if value not in (None, True, False):
                    wrong.append("reprint must be true or false")
                values["reprint"] = value is True
            elif value is not None and not isinstance(value, str):
                wrong.append(f"{slot.name} must be a text")
            else:
                values[slot.name] = clean(value or "") or None
                if values[slot.name] is None and slot.name in _REQUIRED:
                    wrong.append(f"{slot.name} is missing")
        texts = [text for value in values.values() for text in (value if isinstance(value, tuple) else [value])]
        if any(isinstance(text, str) and len(text) > LONGEST_TEXT for text in texts if text not in (values.get("qr"), values.get("logo"))):
            wrong.append(f"a text is longer than {LONGEST_TEXT} letters")
        address = values.get("qr")
        if address and (not re.match(r"https?://[!-~]+$", address) or len(address) > LONGEST_URL):
            wrong.append(f"qr must be a web address of at most {LONGEST_URL} letters")
        if wrong:
            raise ReceiptError(f"The receipt cannot be printed: {'; '.join(wrong)}.")
        return cls(**values)


def _is_logo(value: object) -> bool:
    try:
        return isinstance(value, str) and read_logo(value) is not None
    except LogoError:
        return False


_REQUIRED = ("office", "code", "service", "queue_time_label", "queue_time", "reason", "date_line")


@dataclass(frozen=True, slots=True)
class Paper:
    """One paper width: sizes (em) and distances in dots of 1/8 mm."""

    width: int
    margin: int
    number: int
    office: int
    mark: int
    service: int
    counters: int
    label: int
    queue_time: int
    reason: int
    ahead: int
    expected: int
    foot: int
    date: int
    least: int
    module: int
    columns: bool

    @property
    def inner(self) -> int:
        """Dots between the margins."""
        return self.width - 2 * self.margin


PAPERS = {
    80: Paper(576, 16, 220, 30, 36, 48, 36, 30, 56, 28, 30, 44, 28, 26, 26, 6, columns=True),
    58: Paper(384, 4, 155, 26, 32, 38, 32, 30, 52, 28, 32, 44, 26, 26, 26, 5, columns=False),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text: `x`, `baseline` in dots; `part` is the field of the receipt; it must stay in `column` = (left, right)."""

    part: str
    text: str
    weight: int
    em: int
    x: int
    baseline: int
    column: tuple[int, int]
    white: bool = False

    @property
    def ink(self) -> tuple[int, int, int, int]:
        """The box of the letters' ink: left, top, right, bottom."""
        left, top, right, bottom = font_of(self.weight, self.em).getbbox(self.text, anchor="ls")
        return int(self.x + left), int(self.baseline + top), int(self.x + right), int(self.baseline + bottom)


@dataclass(slots=True)
class Sheet:
    """A ticket laid out but not yet drawn: black boxes, then lines, then the logo as (x, y, dots) and the code for phones as (x, y, dots
    a module, rows)."""

    paper: Paper
    height: int = 0
    boxes: list[tuple[int, int, int, int]] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    logo: tuple[int, int, Image.Image] | None = None
    qr: tuple[int, int, int, tuple[bytes, ...]] | None = None

    def put(self, line: Line) -> None:
        """Add a line. Raises ReceiptError if its ink leaves its column: a cut letter on paper is found too late."""
        left, _, right, _ = line.ink
        if left < line.column[0] or right > line.column[1]:
            raise ReceiptError(f"{line.part} {line.text!r} is {right - left} dots wide, more than its column.")
        self.lines.append(line)

    def rule(self, y: int) -> int:
        """A line over the width of the ticket; returns where the next thing may begin."""
        self.boxes.append((self.paper.margin, y + 8, self.paper.width - self.paper.margin - 1, y + 10))
        return y + 18


def draw(receipt: Receipt, paper: int = 80) -> Image.Image:
    """The ticket as a picture of mode "1" (0 is black), 576 (`paper=80`) or 384 (58) dots wide.

    Raises ReceiptError for another paper, and when ink would leave its column or reach the margin.
    """
    sheet = lay_out(receipt, paper)
    width, margin = sheet.paper.width, sheet.paper.margin
    canvas = Image.new("L", (width, sheet.height), 255)
    pen = ImageDraw.Draw(canvas)
    for box in sheet.boxes:
        pen.rectangle(box, fill=0)
    for line in sheet.lines:
        font = font_of(line.weight, line.em)
        pen.text((line.x, line.baseline), line.text, fill=255 if line.white else 0, font=font, anchor="ls")
    if sheet.logo:
        x, y, emblem = sheet.logo
        canvas.paste(emblem, (x, y))
    if sheet.qr:
        x, y, dots, rows = sheet.qr
        for down, row in enumerate(rows):
            for across, dark in enumerate(row):
                if dark:
                    left, top = x + across * dots, y + down * dots
                    pen.rectangle((left, top, left + dots - 1, top + dots - 1), fill=0)
    # Drawn in grey and cut at the middle: outlines keep their shape, which the font library's own two-colour mode loses.
    picture = canvas.point(lambda value: 255 if value >= 128 else 0).convert("1", dither=Image.Dither.NONE)
    inked = Image.eval(picture.convert("L"), lambda value: 255 - value).getbbox()
    if inked is None or inked[0] < margin or inked[2] > width - margin:
        raise ReceiptError("The ticket has ink in its margin or none at all.")
    return picture


def lay_out(receipt: Receipt, paper: int = 80) -> Sheet:
    """Where everything stands; `draw` paints it. Raises ReceiptError as `draw` does."""
    if paper not in PAPERS:
        raise ReceiptError(f"Paper is {' or '.join(map(str, PAPERS))} mm wide, not {paper}.")
    sheet = Sheet(PAPERS[paper])
    y = _head(sheet, receipt, 8)
    y = sheet.rule(y)
    y = _queue(sheet, receipt, y)
    y = sheet.rule(y)
    y = _foot(sheet, receipt, y)
    sheet.height = y + 8
    return sheet


def _head(sheet: Sheet, receipt: Receipt, y: int) -> int:
    """Logo, office, number, mark, field, counters."""
    p, column = sheet.paper, (sheet.paper.margin, sheet.paper.width - sheet.paper.margin)
    if receipt.reprint and receipt.reprint_mark:
        y = _inverse(sheet, "reprint_mark", receipt.reprint_mark, p.mark, y, column, whole_width=True) + 6
    if receipt.logo:
        emblem = fitted(read_logo(receipt.logo), p.inner)
        sheet.logo = ((p.width - emblem.width) // 2, y, emblem)
        y += emblem.height + 8
    y = _text(sheet, "office", receipt.office, 700, p.office, y, column, most_lines=2)
    for line in receipt.header:
        y = _text(sheet, "header", line, 400, p.foot, y, column, most_lines=2)
    y += 12
    y = _number(sheet, receipt.code, y, column) + 12
    if receipt.mark:
        y = _inverse(sheet, "mark", receipt.mark, p.mark, y, column) + 4
    y = _text(sheet, "service", receipt.service, 700, p.service, y, column, most_lines=3)
    return _text(sheet, "counters", receipt.counters, 400, p.counters, y, column, most_lines=2)


def _queue(sheet: Sheet, receipt: Receipt, y: int) -> int:
    """The queue time with the term that set it; beside it (80 mm) or under it (58 mm) what lies ahead."""
    p, left, right = sheet.paper, sheet.paper.margin, sheet.paper.width - sheet.paper.margin
    forecast = bool(receipt.ahead or receipt.expected)
    beside = p.columns and forecast
    # The right column is the wider one: "Chờ trước: 12 người" is longer than a time.
    split = left + round(p.inner * 0.49)
    own = (left, split - 7) if beside else (left, right)
    end = _text(sheet, "queue_time_label", receipt.queue_time_label, 400, p.label, y, own, most_lines=2)
    end = _text(sheet, "queue_time", receipt.queue_time, 700, p.queue_time, end, own, most_lines=2, least=p.expected)
    end = _text(sheet, "reason", receipt.reason, 400, p.reason, end, own, most_lines=4)
    if not forecast:
        return end
    other = (split + 7, right) if beside else (left, right)
    there = y if beside else sheet.rule(end)
    there = _text(sheet, "ahead", receipt.ahead, 400, p.ahead, there, other, most_lines=1, least=p.reason)
    if receipt.expected:
        # Same baseline as the time beside it, although smaller.
        drop = round((p.queue_time - p.expected) * ASCENT) if beside else 0
        there = _text(sheet, "expected", receipt.expected, 700, p.expected, there + drop, other, most_lines=1)
        there = _text(sheet, "expected_label", receipt.expected_label, 400, p.reason, there, other, most_lines=2)
    if beside:
        end = max(end, there)
        sheet.boxes.append((split - 1, y, split, end - 4))
        return end
    return there


def _foot(sheet: Sheet, receipt: Receipt, y: int) -> int:
    """The code for phones, what to do when the call was missed, the date line."""
    p, left, right = sheet.paper, sheet.paper.margin, sheet.paper.width - sheet.paper.margin
    rows = qr.rows(receipt.qr) if receipt.qr else None  # the ticket is worth more than its code
    texts = [("qr_hint", receipt.qr_hint)] if rows else []
    texts += [("foot", line) for line in receipt.foot]
    if rows and p.columns:
        side = _place_qr(sheet, rows, left, y, limit=252)
        column, align, beside_from = (left + side + 6, right), "left", y
    else:
        column, align, beside_from = (left, right), "centre", y
        if rows:
            y += _place_qr(sheet, rows, None, y, limit=p.inner - 80)
            beside_from = y
        side = 0
    end = beside_from
    for part, text in texts:
        end = _text(sheet, part, text, 400, p.foot, end, column, most_lines=4, align=align)
    y = max(end, beside_from + side)
    return _text(sheet, "date_line", receipt.date_line, 400, p.date, y, (left, right), most_lines=3)


def _place_qr(sheet: Sheet, rows: tuple[bytes, ...], x: int | None, y: int, limit: int) -> int:
    """Place the code at `x` (None: centred), as large as the paper asks and `limit` allows; returns its side in dots."""
    dots = max(3, min(sheet.paper.module, limit // len(rows)))
    side = dots * len(rows)
    if x is None:
        x = (sheet.paper.width - side) // 2
    sheet.qr = (x, y, dots, rows)
    return side


def _number(sheet: Sheet, code: str, y: int, column: tuple[int, int]) -> int:
    """The code in the largest size whose ink fits the column, centred by its ink."""
    for em in range(sheet.paper.number, sheet.paper.service, -1):
        left, top, right, bottom = (int(edge) for edge in font_of(800, em).getbbox(code, anchor="ls"))
        if right - left <= column[1] - column[0]:
            x = (column[0] + column[1] - (right - left)) // 2 - left
            sheet.put(Line("code", code, 800, em, x, y - top, column))
            return y - top + bottom
    return _text(sheet, "code", code, 800, sheet.paper.service, y, column, most_lines=2)


def _inverse(sheet: Sheet, part: str, text: str, em: int, y: int, column: tuple[int, int], whole_width: bool = False) -> int:
    """White on a black bar, which is as wide as the text unless `whole_width`."""
    font, size = fit(text, 700, em, sheet.paper.least, column[1] - column[0] - 40, 2)
    lines = wrap(text, font, column[1] - column[0] - 40)
    widest = max(round(font.getlength(line)) for line in lines)
    leading = round(size * LEADING)
    half = (column[1] - column[0]) // 2 if whole_width else widest // 2 + 20
    middle = (column[0] + column[1]) // 2
    sheet.boxes.append((middle - half, y, middle + half - 1, y + leading * len(lines) + 7))
    for line in lines:
        x = middle - round(font.getlength(line) / 2)
        sheet.put(Line(part, line, 700, size, x, y + round(size * ASCENT) + 2, column, white=True))
        y += leading
    return y + 8


def _text(
    sheet: Sheet,
    part: str,
    text: str | None,
    weight: int,
    em: int,
    y: int,
    column: tuple[int, int],
    most_lines: int,
    least: int | None = None,
    align: str = "centre",
) -> int:
    """Put `text` at `y`, smaller only if it would need more than `most_lines`; returns the y under it."""
    if not text:
        return y
    width = column[1] - column[0]
    font, size = fit(text, weight, em, least or sheet.paper.least, width, most_lines)
    for line in wrap(text, font, width):
        spare = width - width_of(line, font)
        # The first letter's ink may begin left of its origin; a line starts with its ink.
        x = column[0] + (spare // 2 if align == "centre" else 0) - min(0, int(font.getbbox(line, anchor="ls")[0]))
        sheet.put(Line(part, line, weight, size, x, y + round(size * ASCENT), column))
        y += round(size * LEADING)
    return y
