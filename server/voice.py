"""From a sentence to a path under which its sound can be fetched: the border between announcements and the loudspeaker's files."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import structlog

from audio import phrases
from server.core.hall import Announcement
from server.core.site import Also
from server.core.site import Voice as VoiceStyle

log = structlog.get_logger("voice")

KIND = "sentence"
KEPT_S = 2 * 86_400.0
NAME = re.compile("[0-9a-f]{32}")
REMEMBERED = 5000
"""Sentences whose path is known; a busy hall says about 1,500 a day."""


class Speaks(Protocol):
    slow: bool
    """A sentence takes it so long that the first listener would wait for it."""

    def say(self, text: str, lang: str = "vi") -> Path: ...


class Sentences(Protocol):
    """Where processes that serve one office together keep what a path stands for."""

    def put_notes(self, kind: str, texts: dict[str, str], lasts_s: float) -> None: ...
    def note(self, kind: str, name: str) -> str | None: ...


class Voice:
    """Remembers which sentence a path stands for, and asks the speaker for it once somebody is about to listen. A path that was given by
    another process is found in `shared`, or is the one of a moment that this process need only hear of."""

    def __init__(self, speaker: Speaks, spawn: Callable[..., object], shared: Sentences | None = None) -> None:
        self._speaker, self._spawn, self._shared = speaker, spawn, shared
        self._kept: dict[str, float] = {}
        """When each path was last kept for the others."""
        self._texts: OrderedDict[str, tuple[str, str]] = OrderedDict()
        self._lock = threading.Lock()

    def path(self, site: str, text: str, lang: str, *, soon: bool = True) -> str:
        """The path of a sentence. What is heard `soon` is rendered at once in the background by a voice that is slow, so that the
        first listener seldom waits."""
        name = _name(text, lang)
        with self._lock:
            new = name not in self._texts
            self._texts[name] = (text, lang)
            self._texts.move_to_end(name)
            while len(self._texts) > REMEMBERED:
                self._texts.popitem(last=False)
        if new and soon and self._speaker.slow:
            self._spawn(self._prepare, text, lang)
        return f"/api/v1/sites/{site}/voice/{name}.wav"

    def paths(self, site: str, said: Mapping[str, phrases.Sentence], languages: Sequence[str]) -> dict[str, dict[str, str]]:
        """The paths of many sentences by language and name; each is rendered when somebody first asks for it."""
        texts = {"vi": {name: one.vi for name, one in said.items()}, "en": {name: one.en for name, one in said.items() if one.en}}
        self._keep([(text, lang) for lang in texts if lang in languages for text in texts[lang].values()])
        return {
            lang: {name: self.path(site, text, lang, soon=False) for name, text in texts[lang].items()} if lang in languages else {}
            for lang in texts
        }

    def sound_check(self, site: str) -> tuple[str, str]:
        """The sentence by which a hall's loudspeaker is set, and its path."""
        said = phrases.sound_check().vi
        self._keep([(said, "vi")])
        return said, self.path(site, said, "vi", soon=False)

    def _prepare(self, text: str, lang: str) -> None:
        try:
            self._speaker.say(text, lang)
        except Exception as error:
            # No voice is not no call: the screen shows it, and whoever fetches the path is told.
            log.error("voice_failed", error=str(error))

    def file(self, name: str) -> Path | None:
        """The sound of a path, rendered now if need be; None for a path that was never announced. May raise the speaker's error."""
        with self._lock:
            found = self._texts.get(name)
        if found is None and self._shared is not None and NAME.fullmatch(name):
            note = self._shared.note(KIND, name)
            if note is not None:
                lang, _, text = note.partition("\n")
                found = text, lang
        return self._speaker.say(*found) if found else None

    def _keep(self, sentences: list[tuple[str, str]]) -> None:
        """Say to the other processes what these paths stand for: the next request may be theirs."""
        if self._shared is None:
            return
        now = time.monotonic()
        fresh = {
            name: f"{lang}\n{text}" for text, lang in sentences if now - self._kept.get(name := _name(text, lang), -KEPT_S) >= KEPT_S / 2
        }
        if fresh:
            self._shared.put_notes(KIND, fresh, KEPT_S)
            if len(self._kept) > REMEMBERED:
                self._kept = {}
            self._kept |= dict.fromkeys(fresh, now)


def _name(text: str, lang: str) -> str:
    return hashlib.sha256(f"{lang}\n{text}".encode()).hexdigest()[:32]


def style(voice: VoiceStyle) -> phrases.Style:
    return phrases.Style(reading=voice.reading, region=voice.region, formal=voice.formal)  # type: ignore[arg-type]


def sentences(a: Announcement, how: phrases.Style) -> tuple[phrases.Sentence, str | None]:
    """What is said for an announcement: the full sentence, and the short form that repeats it (calls only)."""
    if a.text:
        urgent = a.kind == "emergency"
        if a.lang == "en":
            return phrases.Sentence("", phrases.attention_en(a.text) if urgent else phrases.notice_en(a.text)), None
        return phrases.attention(a.text, how) if urgent else phrases.notice(a.text, style=how), None
    if a.kind == "test":
        return phrases.Sentence(phrases.sound_check().vi if a.times else ""), None
    counter = a.counter_name or a.counter
    if a.kind == "correction":
        return phrases.correction(a.code, how), None
    if a.kind == "recall":
        return phrases.recall(a.code, counter, a.call_no, how, last=a.last_call), phrases.repeat(a.code, counter, how)
    return phrases.call(a.code, counter, how), phrases.repeat(a.code, counter, how)


def translated(a: Announcement, also: Also) -> str:
    """A call in the site's further language: letter and digits one by one, so that clips and engines read them alike."""
    return also.call.replace("{code}", ", ".join(a.code)).replace("{counter}", a.counter)
