"""Cut the vendored Noto Sans files from the npm package `@fontsource/noto-sans`; run by hand when the font is renewed.

Needs `fonttools` and `brotli` in an environment of its own (they are no dependency of Mời Số) and the unpacked npm package:

    npm pack @fontsource/noto-sans@5.3.0 && tar xzf fontsource-noto-sans-5.3.0.tgz
    python build.py package WHERE_TTF_GOES WHERE_WOFF2_GOES

The package ships one file per script subset; a page or a ticket mixes them in one word ("Đất đai"), so they are merged here.
The result is byte-identical for the same package, fonttools and brotli, which the sums in VENDORED.md rely on.
"""

import sys
import tempfile
from pathlib import Path

from fontTools import subset
from fontTools.merge import Merger
from fontTools.ttLib import TTFont

WEIGHTS = (400, 700, 800)
SCRIPTS = ("latin", "vietnamese", "latin-ext")  # the first file that has a letter gives it

# Latin of Europe and Việt Nam with the signs an office prints; the phonetic alphabets of latin-ext would triple the size.
RANGES = (
    (0x20, 0x7E),
    (0xA0, 0x17F),
    (0x1A0, 0x1A1),
    (0x1AF, 0x1B0),
    (0x218, 0x21B),
    (0x300, 0x304),
    (0x306, 0x30C),
    (0x31B, 0x31B),
    (0x323, 0x323),
    (0x1E00, 0x1EFF),
    (0x2000, 0x206F),
    (0x20AB, 0x20AC),
    (0x2122, 0x2122),
    (0x2212, 0x2215),
    (0xFFFD, 0xFFFD),
)
# Marks and kerning stay; ligatures and alternates go: a ticket is compared letter by letter.
FEATURES = ["ccmp", "locl", "kern", "mark", "mkmk"]


def merged(package: Path, weight: int, scratch: Path) -> TTFont:
    """One font of the wanted letters; every part is cut before merging, so that dropped letters leave no glyphs behind."""
    parts, seen = [], set()
    for script in SCRIPTS:
        font = TTFont(package / "files" / f"noto-sans-{script}-{weight}-normal.woff2", recalcTimestamp=False)
        wanted = {c for low, high in RANGES for c in range(low, high + 1)} & set(font.getBestCmap())
        # Combining marks are needed beside their letters in every part; the letters themselves come from one part only.
        wanted = {c for c in wanted if c not in seen or 0x300 <= c <= 0x323}
        seen |= wanted
        options = subset.Options(layout_features=FEATURES, name_IDs=["*"], notdef_outline=True, recalc_timestamp=False)
        options.drop_tables += ["STAT"]
        cutter = subset.Subsetter(options)
        cutter.populate(unicodes=wanted)
        cutter.subset(font)
        font.flavor = None
        part = scratch / f"{script}-{weight}.ttf"
        font.save(part)
        parts.append(str(part))
    font = Merger().merge(parts)
    font.recalcTimestamp = False
    original = TTFont(package / "files" / f"noto-sans-{SCRIPTS[0]}-{weight}-normal.woff2")["head"]
    font["head"].created, font["head"].modified = original.created, original.modified
    return font


def main(package: Path, ttf: Path, woff2: Path) -> None:
    """Write noto-sans-{weight}.ttf and .woff2 for every weight."""
    with tempfile.TemporaryDirectory() as scratch:
        for weight in WEIGHTS:
            font = merged(package, weight, Path(scratch))
            font.save(ttf / f"noto-sans-{weight}.ttf")
            font.flavor = "woff2"
            font.save(woff2 / f"noto-sans-{weight}.woff2")


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:4]))
