"""The paper a citizen takes home: every letter is there, nothing is cut, and what it says can be read back."""

import hashlib
import re
import unicodedata
from pathlib import Path

import pytest
from PIL import ImageFont

ROOT = Path(__file__).resolve().parent.parent
FONTS = ROOT / "kiosk" / "fonts"
PAGE_FONTS = ROOT / "server" / "pages" / "static" / "shared" / "fonts"
WEIGHTS = (400, 700, 800)


def vietnamese_letters() -> list[str]:
    """Đ and every vowel of the alphabet under every tone, both cases: the 134 that ASCII lacks and the 12 it has."""
    tones = ("", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323")
    small = {"đ"} | {unicodedata.normalize("NFC", vowel + tone) for vowel in "aăâeêioôơuưy" for tone in tones}
    return sorted(small | {letter.upper() for letter in small})


@pytest.mark.parametrize("folder", [FONTS, PAGE_FONTS], ids=["paper", "pages"])
def test_the_vendored_fonts_are_the_files_their_note_describes(folder: Path) -> None:
    noted = dict(re.findall(r"\| `([\w.-]+)` \| \d+ \| `([0-9a-f]{64})` \|", (folder / "VENDORED.md").read_text("utf-8")))
    there = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir() if p.suffix in (".ttf", ".woff2", ".txt")}
    assert noted == there
    assert len(there) == len(WEIGHTS) + 1


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("pattern", [f"{FONTS}/noto-sans-%d.ttf", f"{PAGE_FONTS}/noto-sans-%d.woff2"], ids=["paper", "pages"])
def test_every_vietnamese_letter_and_office_sign_has_a_glyph(pattern: str, weight: int) -> None:
    font = ImageFont.truetype(pattern % weight, 40)
    box = bytes(font.getmask("\U0010fffe"))  # never assigned: what the font draws for a letter it lacks
    letters = vietnamese_letters()
    assert len([c for c in letters if ord(c) > 127]) == 134
    lacking = [c for c in [*letters, *map(chr, range(33, 127)), *"–—·…″′“”‘’₫€°×«»™"] if bytes(font.getmask(c)) == box]
    assert lacking == []
    assert bytes(font.getmask("★")) == box  # so the comparison can find something


@pytest.mark.parametrize("weight", WEIGHTS)
def test_digits_share_one_width_so_that_times_align(weight: int) -> None:
    font = ImageFont.truetype(str(FONTS / f"noto-sans-{weight}.ttf"), 100)
    assert len({font.getlength(digit) for digit in "0123456789"}) == 1
