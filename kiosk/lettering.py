"""Letters on paper: which the font has, how wide a line is, where it breaks. Pure.

Vietnamese is written in syllables: a space may stand inside a word ("Đất đai", "30 phút"). Texts carry no-break spaces where
a line must not end, and this file keeps them.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from importlib.resources import files
from io import BytesIO

from PIL import ImageFont

NBSP = "\u00a0"
UNASSIGNED = "\U0010fffe"  # never a letter: a font draws its box for it


def clean(text: str) -> str:
    """NFC, one line, single spaces, nothing invisible; a letter the font lacks is replaced by its plain form or "?".

    Printer commands begin with control characters (ESC, GS, DLE): none survives, whatever a name or a code contained.
    """
    text = unicodedata.normalize("NFC", text)
    spaced = re.sub(r"[^\S\u00a0]", " ", text.replace("\u202f", NBSP))
    visible = "".join(character for character in spaced if unicodedata.category(character)[0] != "C")
    return re.sub(" +", " ", "".join(map(drawable, visible))).strip()


@lru_cache(maxsize=4096)
def drawable(character: str) -> str:
    """The character itself when every weight can draw it, else the nearest that it can, else "?"."""
    for candidate in (character, unicodedata.normalize("NFKC", character), unicodedata.normalize("NFKD", character)[0]):
        if all(has_glyph(letter) for letter in candidate):
            return candidate
    return "-" if unicodedata.category(character) == "Pd" else "?"


@lru_cache(maxsize=4096)
def has_glyph(character: str) -> bool:
    """Whether the paper font draws this character itself, and not the box of an unknown one."""
    if character in (" ", NBSP):
        return True
    drawn = font_of(400, 40).getmask(character)
    return bytes(drawn) != bytes(font_of(400, 40).getmask(UNASSIGNED)) and drawn.getbbox() is not None


@lru_cache(maxsize=64)
def font_of(weight: int, em: int) -> ImageFont.FreeTypeFont:
    """The paper font, weight 400, 700 or 800, `em` dots."""
    data = files("kiosk").joinpath("fonts", f"noto-sans-{weight}.ttf").read_bytes()
    # The basic engine is the same on every machine; the other one is there only where a system library is.
    return ImageFont.truetype(BytesIO(data), em, layout_engine=ImageFont.Layout.BASIC)


def fit(text: str, weight: int, em: int, least: int, width: int, most_lines: int) -> tuple[ImageFont.FreeTypeFont, int]:
    """The largest size from `em` down to `least` that keeps to `most_lines` whole words; at `least` lines may be more."""
    for size in range(em, least, -2):
        font = font_of(weight, size)
        lines = wrap(text, font, width, split_words=False)
        if len(lines) <= most_lines and all(width_of(line, font) <= width for line in lines):
            return font, size
    return font_of(weight, least), least


@lru_cache(maxsize=2048)
def width_of(line: str, font: ImageFont.FreeTypeFont) -> int:
    """Dots the line needs: its advance, or its ink where that is wider."""
    left, _, right, _ = font.getbbox(line, anchor="ls")
    return max(round(font.getlength(line)), int(right) - min(0, int(left)))


def wrap(text: str, font: ImageFont.FreeTypeFont, width: int, split_words: bool = True) -> list[str]:
    """Lines no wider than `width`, as few as possible and then as even as possible, so that no word is left alone.

    Breaks at spaces, at the one `|` a field name may carry, and inside a word only if it is wider than the column.
    """
    whole = text.replace("|", " ")
    if "|" in text and width_of(whole, font) > width:
        return [line for piece in text.split("|") for line in wrap(piece.strip(), font, width, split_words)]
    words = _units(whole, font, width)
    if split_words:
        words = [part for word in words for part in _pieces(word, font, width)]
    lines = _greedy(words, font, width)
    narrow, wide = 0, width
    while narrow < wide:
        middle = (narrow + wide) // 2
        tried = _greedy(words, font, middle)
        if len(tried) <= len(lines) and all(width_of(line, font) <= width for line in tried):
            wide = middle
        else:
            narrow = middle + 1
    return _greedy(words, font, wide)


def _units(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """What may not be broken: words with their no-break spaces, and each part of "Lao động – Người có công" that fits a line."""
    pieces = re.split(r" ([–—·-]) ", text)  # parts and signs in turn
    units: list[str] = []
    for part, sign in zip(pieces[::2], [*pieces[1::2], ""], strict=True):
        closed = part + NBSP + sign if sign else part  # a sign stays at the end of its line
        whole = len(pieces) > 1 and width_of(closed, font) <= width
        units += [closed.replace(" ", NBSP)] if whole else closed.split(" ")
    return [unit for unit in units if unit]


def _greedy(words: list[str], font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    lines: list[list[str]] = []
    for word in words:
        if lines and width_of(" ".join([*lines[-1], word]), font) <= width:
            lines[-1].append(word)
        else:
            lines.append([word])
    # A middle dot separates two things on one line; at the end or the beginning of one it separates nothing.
    return [joined for joined in (" ".join(line).strip("· \u00a0") for line in lines) if joined]


def _pieces(word: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """The word in pieces that fit; first at its no-break spaces, then between letters."""
    if width_of(word, font) <= width:
        return [word]
    if NBSP in word:
        return [part for half in word.split(NBSP) if half for part in _pieces(half, font, width)]
    count = len(word)
    while count > 1 and width_of(word[:count], font) > width:
        count -= 1
    return [word[:count], *_pieces(word[count:], font, width)] if count < len(word) else [word]
