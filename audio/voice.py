"""What a voice is: text in, the WAV file of it out, kept under a name that is known before it exists.

`audio.speaker` holds the real one; `Silent`, for machines that have none, is here and ships in the product.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
import unicodedata
from pathlib import Path
from typing import Protocol

from audio import sound

RECIPE = "1"
"""Part of every name; to be raised when the same text would sound different."""

LONGEST_TEXT = 2_000
KEEP = 2_000  # files; a call is about 200 KB
PRUNE_EVERY, FRESH_S = 100, 600.0


class VoiceUnavailable(Exception):
    """Nothing could be rendered; the text is one sentence for staff. No voice is not no call: the screen shows it."""


class Voice(Protocol):
    """What `Speaker` and `Silent` have in common."""

    slow: bool
    """Whether a sentence had better be rendered before somebody asks for it."""

    def say(self, text: str, lang: str = "vi") -> Path:
        """The WAV of `text`. Raises VoiceUnavailable, or ValueError for a text that cannot be said."""

    def announce(self, text: str, lang: str = "vi") -> Path:
        """The WAV of the chime followed by `text`."""

    def name(self, text: str, lang: str = "vi", *, chimed: bool = False) -> str:
        """The cache name (64 hex digits) the WAV has or will have; known without rendering."""

    def find(self, name: str) -> Path | None:
        """The WAV of that cache name, if it has been rendered."""

    def close(self) -> None:
        """End the children."""


def expected_s(text: str, lang: str = "vi", rate: int = 140) -> float:
    """About how long the engine speaks `text`, in seconds; fitted to 2,000 rendered phrases (Vietnamese within 13 %)."""
    commas, stops = len(re.findall(r"[,;:]\s", text)), len(re.findall(r"[.!?]\s", text))
    if lang == "vi":
        seconds = 0.29 * len(re.findall(r"[^\W\d_]+", text)) + 0.32 * commas + 0.47 * stops - 0.2
    else:
        seconds = 0.21 * len(re.findall(r"[aeiouy]+|\b[B-Z]\b", text)) + 0.32 * commas + 0.69 * stops + 0.5
    return max(0.2, seconds * 140 / rate)


class Cache:
    """Names, places and the pruning of rendered files."""

    def __init__(self, folder: Path, keep: int) -> None:
        self.folder = folder
        self._keep = keep
        self._written = 0

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.wav"

    def find(self, name: str) -> Path | None:
        if not re.fullmatch(r"[0-9a-f]{64}", name):
            return None
        path = self.path(name)
        try:
            # Also marks the file as used, for the pruning.
            os.utime(path)
        except OSError:
            return None
        return path

    def wrote(self) -> None:
        """Called after each new file: every now and then the longest unused ones beyond `keep` are deleted."""
        self._written += 1
        if self._written % PRUNE_EVERY:
            return
        files: list[tuple[float, Path]] = []
        left_over: list[tuple[float, Path]] = []
        for path in self.folder.iterdir():
            with contextlib.suppress(OSError):
                (files if path.suffix == ".wav" else left_over).append((path.stat().st_mtime, path))
        files.sort(reverse=True)
        for used_at, path in files[self._keep :] + left_over:
            if time.time() - used_at > FRESH_S:  # somebody may just be about to read a younger one
                path.unlink(missing_ok=True)


def tidy_text(text: str) -> str:
    """NFC, one line, without what an engine takes for commands. Raises ValueError when nothing is left to say."""
    text = re.sub(r"[\[\]<>{}\\|`\x00-\x1f\x7f]", " ", unicodedata.normalize("NFC", text))
    text = " ".join(text.split())
    if not any(letter.isalnum() for letter in text):
        raise ValueError("There is nothing to say.")
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"At most {LONGEST_TEXT} letters are said at once, not {len(text)}.")
    return text


class Silent:
    """A voice for machines without one: a faint tone that lasts as long as the sentence would. Same interface as Speaker."""

    slow = False

    def __init__(self, cache_dir: Path, rate: int = 140) -> None:
        self.rate = rate
        self._cache = Cache(Path(cache_dir), KEEP)

    def name(self, text: str, lang: str = "vi", *, chimed: bool = False) -> str:
        """The cache name of a phrase. Raises ValueError for a text that cannot be said."""
        parts = (RECIPE, "silent", lang, str(self.rate), "chime" if chimed else "", tidy_text(text))
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def find(self, name: str) -> Path | None:
        """The WAV of that cache name, if it has been written."""
        return self._cache.find(name)

    def say(self, text: str, lang: str = "vi") -> Path:
        """A tone as long as `text`."""
        return self._write(self.name(text, lang), expected_s(tidy_text(text), lang, self.rate))

    def announce(self, text: str, lang: str = "vi") -> Path:
        """A tone as long as the chime and `text`."""
        lasts = sound.CHIME_S + sound.CHIME_GAP_S + expected_s(tidy_text(text), lang, self.rate)
        return self._write(self.name(text, lang, chimed=True), lasts)

    def close(self) -> None:
        """Nothing to end."""

    def _write(self, name: str, lasts: float) -> Path:
        path = self._cache.find(name)
        if path is None:
            path = self._cache.path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            sound.write(path, sound.tone(220.0, lasts, -45.0))
            self._cache.wrote()
        return path
