"""Numbers lent to a kiosk, so that it can give them while the server cannot be reached.

They come from the top of the series, downwards: from 999, and once the ordinary numbers are near from 9999. The ordinary series goes
around them, so that a block that nobody needed leaves no hole in what the hall sees.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from server.core import events as ev

TOPS = (999, 9999)
MOST_BLOCKS = 10
"""Blocks of one kiosk for one service on one day: a machine may lose its memory now and then, and must not empty the series."""


@dataclass(slots=True)
class Block:
    """`first` to `last` of one letter, from `granted` until `until`. `holder` is the store beside the kiosk that gives them: one that has
    lost its memory is another one, and gets other numbers."""

    kiosk: str
    holder: str
    service: str
    first: int
    last: int
    granted: datetime
    until: datetime
    seq: int
    """Number of the event that lent it."""

    @property
    def numbers(self) -> range:
        return range(self.first, self.last + 1)


@dataclass(slots=True)
class Blocks:
    """All blocks of a day, by letter, the lowest numbers first."""

    by_letter: dict[str, list[Block]] = field(default_factory=dict)

    def lend(self, letter: str, event: ev.BlockLeased, at: datetime, seq: int) -> None:
        """A new block, or a longer life for one."""
        known = self.of(letter, event.first)
        if known is not None:
            known.until = event.until
            return
        blocks = self.by_letter.setdefault(letter, [])
        blocks.append(Block(event.kiosk, event.holder, event.service, event.first, event.last, at, event.until, seq))
        blocks.sort(key=lambda block: block.first)

    def of(self, letter: str, number: int) -> Block | None:
        """The block that holds this number."""
        return next((block for block in self.by_letter.get(letter, ()) if number in block.numbers), None)

    def held(self, kiosk: str, service: str, holder: str | None = None) -> list[Block]:
        """The blocks of a kiosk for a service, oldest first."""
        mine = [b for blocks in self.by_letter.values() for b in blocks if (b.kiosk, b.service) == (kiosk, service)]
        return sorted((b for b in mine if holder in (None, b.holder)), key=lambda block: block.seq)

    def past(self, letter: str, number: int) -> int:
        """`number`, or the first one behind the blocks that it would fall into."""
        for block in self.by_letter.get(letter, ()):
            if number in block.numbers:
                number = block.last + 1
        return number

    def room(self, letter: str, count: int, after: int) -> tuple[int, int] | None:
        """Where `count` numbers of a letter can be lent, all of them greater than `after`; None when nowhere."""
        floor = 1
        for top in TOPS:
            lent = [block.first for block in self.by_letter.get(letter, ()) if floor <= block.first <= top]
            last = min(lent, default=top + 1) - 1
            if last - count >= max(after, floor - 1):
                return last - count + 1, last
            floor = top + 1
        return None
