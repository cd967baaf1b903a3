"""A printer made of Python: takes ESC/POS bytes as they come, gives back the tickets as pictures.

It keeps its state between calls, as a real printer keeps it between connections: a picture that broke off swallows what
follows until it is complete. Bytes that are no command are what a real printer would print as letters; they are kept apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from PIL import Image

LINE_DOTS = 30


@dataclass
class Decoder:
    """`feed` bytes; `tickets` are the cut pieces of paper (mode "1", 0 is black), `letters` stray text, `questions` DLE EOT numbers."""

    width: int = 576
    tickets: list[Image.Image] = field(default_factory=list)
    letters: bytes = b""
    questions: list[int] = field(default_factory=list)
    rasters: list[tuple[int, int]] = field(default_factory=list)
    resets: int = 0
    _pending: bytes = b""
    _strips: list[Image.Image] = field(default_factory=list)
    _stored: Image.Image | None = None

    def feed(self, data: bytes) -> list[int]:
        """Take bytes; returns the questions (n of DLE EOT n) that were asked in them."""
        asked = len(self.questions)
        self._pending += data
        while self._pending:
            used = self._command(self._pending)
            if used == 0:
                break
            self._pending = self._pending[used:]
        return self.questions[asked:]

    @property
    def uncut(self) -> Image.Image:
        """What has been printed since the last cut."""
        paper = Image.new("1", (self.width, sum(strip.height for strip in self._strips)), 1)
        y = 0
        for strip in self._strips:
            paper.paste(strip, (0, y))
            y += strip.height
        return paper

    def _command(self, data: bytes) -> int:
        """Carry out the command at the start of `data`; returns its length, 0 while it is incomplete."""
        if zeros := len(data) - len(data.lstrip(b"\0")):
            return zeros
        for start, length, act in (
            (b"\n", 1, lambda d: self._advance(LINE_DOTS)),
            (b"\x10\x04", 3, lambda d: self.questions.append(d[2])),
            (b"\x1b@", 2, self._reset),
            (b"\x1bJ", 3, lambda d: self._advance(d[2])),
            (b"\x1bd", 3, lambda d: self._advance(d[2] * LINE_DOTS)),
        ):
            if data.startswith(start):
                if len(data) >= length:
                    act(data[:length])
                    return length
                return 0
        if data.startswith(b"\x1dv0"):
            return self._raster(data)
        if data.startswith(b"\x1d(L"):
            return self._graphics(data)
        if data.startswith(b"\x1dV"):
            return self._cut(data)
        if data in (b"\x1b", b"\x1d", b"\x10", b"\x1d("):
            return 0
        self.letters += data[:1]
        return 1

    def _reset(self, data: bytes) -> None:
        self.resets += 1

    def _advance(self, dots: int) -> None:
        self._strips.append(Image.new("1", (self.width, dots), 1))

    def _raster(self, data: bytes) -> int:
        if len(data) < 8:
            return 0
        stride, rows = int.from_bytes(data[4:6], "little"), int.from_bytes(data[6:8], "little")
        end = 8 + stride * rows
        if len(data) < end:
            return 0
        self.rasters.append((stride, rows))
        self._strips.append(bitmap(stride * 8, rows, data[8:end]))
        return end

    def _graphics(self, data: bytes) -> int:
        """GS ( L: function 112 stores a picture, 50 prints it."""
        if len(data) < 5 or len(data) < 5 + int.from_bytes(data[3:5], "little"):
            return 0
        body = data[5 : 5 + int.from_bytes(data[3:5], "little")]
        if body[1] == 112:
            columns, rows = int.from_bytes(body[6:8], "little"), int.from_bytes(body[8:10], "little")
            self._stored = bitmap(columns, rows, body[10:])
        elif body[1] in (2, 50) and self._stored:
            self._strips.append(self._stored)
            self._stored = None
        return 5 + len(body)

    def _cut(self, data: bytes) -> int:
        if len(data) < 3:
            return 0
        length = 4 if data[2] in (65, 66) else 3
        if len(data) < length:
            return 0
        self.tickets.append(self.uncut)
        self._strips = []
        return length


def bitmap(width: int, rows: int, data: bytes) -> Image.Image:
    """Packed bits, 1 is black, as a picture in which 0 is black."""
    return Image.frombytes("1", (width, rows), data, "raw", "1;I")


def decode(data: bytes, width: int = 576) -> list[Image.Image]:
    """The tickets in `data`. Raises AssertionError when letters, or paper that was never cut, are left over."""
    decoder = Decoder(width)
    decoder.feed(data)
    assert not decoder.letters, f"printed as letters: {decoder.letters[:40]!r}"
    assert not decoder._pending and not decoder._strips, "the paper was not cut"
    return decoder.tickets


def trimmed(picture: Image.Image, height: int) -> Image.Image:
    """The first `height` rows, after checking that nothing is printed below them (the feed before the cut)."""
    below = picture.crop((0, height, picture.width, picture.height))
    assert below.convert("L").getextrema() in ((255, 255), (None, None)), "ink below the ticket"
    return picture.crop((0, 0, picture.width, height))
