"""Finding a field or a procedure by what a citizen types on a cheap telephone: without marks, `d` for `đ`, in any order, half a word.

What can be found has a name of its own, and perhaps others that people say (`sổ đỏ`). Whatever has the words together in its own name comes
first; short names come before long ones, because nobody types what is left out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeVar

T = TypeVar("T")
WORDS_MOST = 12
"""Longer questions are read so far: a name has no more words that tell it apart."""
_WORD = re.compile(r"[a-z0-9]+")


def folded(text: str) -> str:
    """Small letters without marks: `Đăng ký` is `dang ky`."""
    marks_apart = unicodedata.normalize("NFD", text.lower().replace("đ", "d"))
    return "".join(c for c in marks_apart if not unicodedata.combining(c))


def words_of(text: str) -> list[str]:
    return _WORD.findall(folded(text))


class Named(NamedTuple):
    """How a thing is called: its own name, and what people say for it or for what belongs to it."""

    name: str
    said: Sequence[str] = ()


class _Fit(NamedTuple):
    """How well one thing answers; the smaller, the better."""

    missing: int
    """Words of the question that are nowhere in its names;"""
    elsewhere: int
    """0: the others stand together in its own name; 1: in what people say; 2: in a name, but apart; 3: in several."""
    too_many: int
    """Words of that name that nobody asked for."""
    begins_at: int


def find(question: str, things: Iterable[tuple[T, Named]]) -> list[T]:
    """Things that have every word of the question or the beginning of one, best first. If none has, those that have the most of them: more
    than half, or two that stand together (`xin làm giấy khai sinh`). A question without words finds nothing."""
    asked = words_of(question)[:WORDS_MOST]
    fits = [(_fit(asked, words_of(named.name), [words_of(said) for said in named.said]), thing) for thing, named in things]
    best = min((fit for fit, _ in fits), default=_Fit(len(asked), 3, 0, 0))
    known = len(asked) - best.missing
    if not (known > best.missing or (known > 1 and best.elsewhere < 2)):
        return []
    return [thing for _, thing in sorted(((f, t) for f, t in fits if f.missing == best.missing), key=lambda pair: pair[0])]


def _fit(asked: list[str], own: list[str], said: list[list[str]]) -> _Fit:
    everything = [*own, *(word for name in said for word in name)]
    known = [word for word in asked if _begun(word, everything)]
    missing = len(asked) - len(known)
    for elsewhere, names in enumerate(([own], said)):
        together = [(len(name) - len(known), at) for name in names if (at := _place(known, name)) is not None]
        if together:
            return _Fit(missing, elsewhere, *min(together))
    whole = [len(name) for name in [own, *said] if all(_begun(word, name) for word in known)]
    return _Fit(missing, 2 if whole else 3, min(whole, default=len(everything)), 0)


def _begun(start: str, name: list[str]) -> bool:
    return any(word.startswith(start) for word in name)


def _place(asked: list[str], name: list[str]) -> int | None:
    """Where in a name the words stand one after the other: all whole but the last, which may be half typed."""
    *whole, last = asked or [""]
    for at in range(len(name) - len(whole)):
        if name[at : at + len(whole)] == whole and name[at + len(whole)].startswith(last):
            return at
    return None
