"""The office's emblem for the top of a ticket: a small PNG becomes black and white dots. Pure."""

from __future__ import annotations

import base64
import binascii
from io import BytesIO

from PIL import Image

MOST_WIDTH, MOST_HEIGHT = 544, 240
"""Dots of 1/8 mm: the width between the margins of an 80 mm paper, and 30 mm of its height."""
MOST_BYTES = 10 * 1024
"""Of the file: as text it is a third more, and travels with every ticket."""


class LogoError(ValueError):
    """This is no logo. `code` is `unreadable`, `too_large` or `blank`; the text is one sentence that says what to do."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def read_logo(text: str) -> Image.Image:
    """The logo of a design (a PNG in base64) as a picture of mode "1", 0 is black; colours are cut at the middle, what is transparent is
    paper. Raises LogoError."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise LogoError("unreadable", "The logo must be a PNG picture, in base64.") from None
    if len(data) > MOST_BYTES:
        raise _too_large(f"{-(-len(data) // 1024)} KB")
    try:
        with Image.open(BytesIO(data), formats=["PNG"]) as picture:
            if picture.width > MOST_WIDTH or picture.height > MOST_HEIGHT:
                # Before anything is unpacked: a small file may hold a picture of gigabytes.
                raise _too_large(f"{picture.width} × {picture.height} dots")
            seen = picture.convert("RGBA")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as reason:
        if isinstance(reason, LogoError):
            raise
        raise LogoError("unreadable", "The logo must be a PNG picture; this one cannot be read.") from None
    on_paper = Image.new("RGBA", seen.size, "white")
    on_paper.alpha_composite(seen)
    dots = on_paper.convert("L").point(lambda value: 255 if value >= 128 else 0).convert("1", dither=Image.Dither.NONE)
    if dots.convert("L").getextrema() == (255, 255):
        raise LogoError("blank", "Nothing in the logo is dark enough to print.")
    return dots


def written(dots: Image.Image) -> str:
    """A logo as it is stored: a PNG of one bit a dot, in base64."""
    file = BytesIO()
    dots.save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode("ascii")


def fitted(dots: Image.Image, width: int) -> Image.Image:
    """The logo, made smaller if it is wider than `width` dots: one picture serves both papers."""
    if dots.width <= width:
        return dots
    smaller = dots.convert("L").resize((width, max(1, round(dots.height * width / dots.width))), Image.Resampling.LANCZOS)
    return smaller.point(lambda value: 255 if value >= 128 else 0).convert("1", dither=Image.Dither.NONE)


def _too_large(size: str) -> LogoError:
    return LogoError(
        "too_large", f"The logo has {size}; at most {MOST_WIDTH} × {MOST_HEIGHT} dots and {MOST_BYTES // 1024} KB are allowed."
    )
