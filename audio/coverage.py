"""Which clips an office needs, and what a pack lacks of them.

Pure. `script` is what somebody reads aloud when an office records its own voice; `cover` puts together everything the office may
say on a day, every number included and staff's own words excepted, and counts what would be left to the speech engine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from audio import clips, phrases
from audio.reading import Style, counter_vi, letter_vi, number_vi

NUMBERS = 999
"""A series is wider only on a day that nobody has planned."""


@dataclass(frozen=True)
class Needs:
    """What decides the sentences of an office: the letters of its series, the names of its counters, how numbers are read."""

    letters: tuple[str, ...]
    counters: tuple[str, ...]
    style: Style = phrases.DEFAULT


@dataclass(frozen=True)
class Covered:
    """`whole` of `sentences` need no engine; `missing`: words without a clip, and in how many sentences they stand, most first."""

    sentences: int
    whole: int
    missing: Mapping[str, int] = field(default_factory=dict)


def numbers(needs: Needs) -> list[str]:
    """Every word that stands in a number or a letter's name, in the order of counting."""
    first = [letter_vi(letter) for letter in needs.letters]
    counted = range(NUMBERS + 1) if needs.style.reading == "number" else range(10)
    words = [word for n in counted for word in number_vi(n, needs.style.region).split()]
    words += [word for name in needs.counters for word in counter_vi(name, needs.style).split() if word in _number_words(needs.style)]
    return list(dict.fromkeys([*first, *words]))


def _number_words(style: Style) -> frozenset[str]:
    return frozenset(word for n in range(NUMBERS + 1) for word in number_vi(n, style.region).split())


def standing(style: Style) -> list[str]:
    """Sentences that hold no number of a ticket, as they are said: what the manager's page offers has words before and between."""
    offered = (phrases.notice(text, style=style) for _, text in phrases.READY)
    return [each.vi for each in (*offered, phrases.attention(phrases.EMERGENCY, style), phrases.sound_check())]


def calls(code: str, counter: str, style: Style) -> list[str]:
    """Everything that may be said of one ticket at one counter."""
    short = phrases.repeat(code, counter, style)
    said = [phrases.call(code, counter, style).vi, short, phrases.join_repeats([short, short]), phrases.correction(code, style).vi]
    return said + [phrases.recall(code, counter, call_no, style, last=last).vi for call_no, last in ((2, False), (3, False), (3, True))]


def sentences(needs: Needs) -> Iterator[str]:
    """Everything the office may say on a day: each number once in its short form, each counter with each letter in all forms."""
    counter = needs.counters[0]
    for letter in needs.letters:
        for n in range(1, NUMBERS + 1):
            yield phrases.repeat(f"{letter}{n:03}", counter, needs.style)
        for name in needs.counters:
            yield from calls(f"{letter}012", name, needs.style)
    yield from standing(needs.style)


def script(needs: Needs) -> list[str]:
    """What to record, each as one clip: numbers and letters word by word, all else in the longest parts that stay the same."""
    single = numbers(needs)
    spoken = {word.casefold() for phrase in single for word in phrase.split()}
    found: dict[str, None] = dict.fromkeys(single)
    for letter in needs.letters[:1]:
        for name in needs.counters:
            for sentence in calls(f"{letter}012", name, needs.style):
                found |= dict.fromkeys(_frames(sentence, spoken))
    for sentence in standing(needs.style):
        found |= dict.fromkeys(_parts(sentence))
    return list(found)


def _parts(sentence: str) -> list[str]:
    """A sentence cut at its pauses."""
    parts: list[list[str]] = [[]]
    for token in clips.tokens(sentence):
        if token[0].isalnum():
            parts[-1].append(token.casefold())
        elif parts[-1]:
            parts.append([])
    return [" ".join(part) for part in parts if part]


def _frames(sentence: str, spoken: set[str]) -> Iterable[str]:
    """What is left of each part without the words of its number."""
    for part in _parts(sentence):
        run: list[str] = []
        for word in [*part.split(), ""]:
            if word and word not in spoken:
                run.append(word)
            elif run:
                yield " ".join(run)
                run = []


def cover(pack: clips.Pack, needs: Needs) -> Covered:
    """What the pack covers of everything the office may say."""
    missing: Counter[str] = Counter()
    total = whole = 0
    for sentence in sentences(needs):
        total += 1
        lacks = clips.missing(sentence, pack)
        whole += not lacks
        missing.update(set(lacks))
    return Covered(total, whole, dict(missing.most_common()))


def lacking(pack: clips.Pack | None, wanted: Sequence[str]) -> list[str]:
    """Those phrases of a script that the pack would not say from clips alone."""
    return [phrase for phrase in wanted if pack is None or clips.missing(phrase, pack)]
