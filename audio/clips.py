"""Recorded clips: a person's voice, word by word, instead of the engine's.

A pack is a folder with a `manifest.json` (described in `audio/README.md`) and WAV files. A sentence is cut into the longest
phrases the pack knows; what it does not know is left to the speech engine, piece by piece. When most of a sentence is not
known (a clerk's notice), the whole of it is: a voice that changes at every second word is harder to follow than a robot.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from audio import sound

MANIFEST = "manifest.json"
DEFAULT_PAUSES_S = {",": 0.25, ";": 0.4, ".": 0.5}
_TOKEN = re.compile(r"[^\s,;.!?:]+|[,;.!?:]")


class BadPack(ValueError):
    """The pack cannot be used; the text lists every mistake with its place."""


@dataclass(frozen=True)
class Pause:
    """So many seconds of nothing."""

    seconds: float


@dataclass(frozen=True)
class Clip:
    """A recorded phrase."""

    phrase: str
    path: Path


@dataclass(frozen=True)
class Missing:
    """Words that are not in the pack, as they stand in the sentence."""

    text: str


Piece = Pause | Clip | Missing


@dataclass(frozen=True)
class Pack:
    """A usable pack. `version` changes with every file, so that no cached sentence outlives its clips."""

    language: str
    clips: Mapping[tuple[str, ...], Path]
    version: str
    pauses_s: Mapping[str, float] = field(default_factory=lambda: dict(DEFAULT_PAUSES_S))
    before_s: Mapping[tuple[str, ...], float] = field(default_factory=dict)


def load(folder: Path) -> Pack:
    """Read and check the pack in `folder`. Raises BadPack with all its mistakes at once."""
    mistakes: list[str] = []
    try:
        manifest: Any = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise BadPack(f"{folder.name}/{MANIFEST} cannot be read: {problem}.") from problem
    if not isinstance(manifest, dict):
        raise BadPack(f"{folder.name}/{MANIFEST} must hold an object with language and clips.")
    language = str(manifest.get("language") or "")
    if not language:
        mistakes.append('"language" is missing; write "vi" or "en"')
    pauses = _numbers(manifest, "pauses_s", mistakes)
    before = _numbers(manifest, "before_s", mistakes)
    clips: dict[tuple[str, ...], Path] = {}
    digest = hashlib.sha256((folder / MANIFEST).read_bytes())
    listed = manifest.get("clips")
    if not isinstance(listed, dict) or not listed:
        mistakes.append('"clips" is missing; write {"mời số": "moi-so.wav", …}')
        listed = {}
    for phrase, name in sorted(listed.items()):
        words = _words(phrase)
        path = folder / str(name)
        if not words:
            mistakes.append(f'clips: "{phrase}" holds no word')
        elif not path.resolve().is_relative_to(folder.resolve()):
            mistakes.append(f'clips: "{phrase}" points outside the folder')
        else:
            try:
                samples = sound.read(path)
            except (OSError, sound.NotASound) as problem:
                mistakes.append(f'clips: "{phrase}": {problem}')
                continue
            if sound.peak(samples) < 0.01:
                mistakes.append(f'clips: "{phrase}": {name} is silent')
            clips[words] = path
            digest.update(path.read_bytes())
    if mistakes:
        raise BadPack(f"{folder.name}/{MANIFEST}: {'; '.join(mistakes)}.")
    return Pack(
        language,
        clips,
        digest.hexdigest()[:16],
        DEFAULT_PAUSES_S | pauses,
        {_words(phrase): seconds for phrase, seconds in before.items()},
    )


def plan(text: str, pack: Pack) -> list[Piece] | None:
    """How `text` is put together, or None when more than half of its words are missing."""
    pieces = _pieces(text, pack)
    known = sum(len(piece.phrase.split()) for piece in pieces if isinstance(piece, Clip))
    unknown = sum(len(piece.text.split()) for piece in pieces if isinstance(piece, Missing))
    return pieces if known and unknown <= known else None


def missing(text: str, pack: Pack) -> list[str]:
    """The words of `text` that have no clip, in their order; empty when a person says all of it."""
    return [piece.text.casefold() for piece in _pieces(text, pack) if isinstance(piece, Missing)]


def tokens(text: str) -> list[str]:
    """Words and marks, as the voice takes them."""
    return _TOKEN.findall(unicodedata.normalize("NFC", text))


def _pieces(text: str, pack: Pack) -> list[Piece]:
    said = tokens(text)
    keys = [token.casefold() for token in said]
    longest = max(map(len, pack.clips), default=0)
    pieces: list[Piece] = []
    place = 0
    while place < len(said):
        if not keys[place][0].isalnum():
            pieces.append(Pause(pack.pauses_s.get(said[place], pack.pauses_s["."])))
            place += 1
            continue
        phrase = next((words for words in _phrases_at(keys, place, longest) if words in pack.clips), None)
        if phrase is None:
            word = said[place]
            place += 1
            if pieces and isinstance(pieces[-1], Missing):
                word = f"{pieces.pop().text} {word}"  # type: ignore[union-attr]
            pieces.append(Missing(word))
            continue
        if phrase in pack.before_s and pieces:
            if isinstance(pieces[-1], Pause):
                pieces.pop()
            pieces.append(Pause(pack.before_s[phrase]))
        pieces.append(Clip(" ".join(phrase), pack.clips[phrase]))
        place += len(phrase)
    while pieces and isinstance(pieces[-1], Pause):
        pieces.pop()
    return pieces


def _phrases_at(keys: list[str], place: int, longest: int) -> list[tuple[str, ...]]:
    """The phrases that could begin at `place`, longest first."""
    return [tuple(keys[place : place + length]) for length in range(min(longest, len(keys) - place), 0, -1)]


def _words(phrase: str) -> tuple[str, ...]:
    return tuple(unicodedata.normalize("NFC", phrase).casefold().split())


def _numbers(manifest: dict[str, Any], key: str, mistakes: list[str]) -> dict[str, float]:
    found = manifest.get(key, {})
    if isinstance(found, dict) and all(isinstance(value, int | float) and 0 <= value <= 3 for value in found.values()):
        return {str(name): float(value) for name, value in found.items()}
    mistakes.append(f'"{key}" must give seconds from 0 to 3 for each entry')
    return {}
