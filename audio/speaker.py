"""The speaker: text in, a WAV file out, whatever the speech engine does.

The engine (pyttsx3 over espeak-ng) is convenient and treacherous: in threads it aborts the process, a second engine in one
process writes nothing and says nothing, two queued phrases become one, changes of rate are ignored after the first phrase,
and it may never return. So it lives in a child process of its own, one engine with one voice and one rate, one phrase at a
time; the child is killed when it takes too long, and every file is checked before anybody hears of it. When the child
cannot, the command `espeak-ng` is tried in the same way.

This file runs in both processes: `Speaker` in the parent, and `python -m audio.speaker` as the child that
`audio.child` starts.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from audio import clips, sound
from audio.child import LOOK_EVERY_S, Child, Failed, Lost
from audio.voice import KEEP, RECIPE, Cache, Silent, VoiceUnavailable, expected_s, tidy_text

__all__ = ["Silent", "Speaker", "VoiceUnavailable"]

ENGINES = ("pyttsx3", "espeak-ng")
PIPER = "piper"
LANGUAGE = re.compile("[a-z]{2,3}(-[a-z0-9]+)*")
RENEW_AFTER = 500  # phrases; 2,000 with one engine were fine, but a process that lives for weeks is worth renewing
AVOID_FOR_S = 30.0  # an engine that hung costs every caller its share of the time: leave it alone for a while
FIRST_SHARE = 2 / 3
"""Of the time that is left for the first engine in line; those behind it share the rest, which is enough to start their process."""
LEAST_SHARE = 1 / 6
"""Of a caller's time that must be left when his turn comes; with less nothing is begun, lest a sound engine be killed for it."""


class Speaker:
    """The voice of one office. Safe to call from any thread; one phrase is rendered at a time, and each phrase once.

    `voice` and `english` are espeak-ng voice names (`vi`, `vi-vn-x-south`, `vi-vn-x-central`, `en`), `rate` is in words per
    minute, `timeout_s` is how long a caller waits at most: for those before him and for every engine that is tried, together.
    `clips_folders` hold recorded clips, one for each language. `piper` is a model of the program piper, which then speaks Vietnamese
    first; the others stand behind it. At most `keep` files stay in `cache_dir` (a call is about 200 KB).
    """

    slow = True

    def __init__(
        self,
        cache_dir: Path,
        voice: str = "vi",
        rate: int = 140,
        timeout_s: float = 6.0,
        *,
        english: str = "en",
        clips_folders: Sequence[Path] = (),
        piper: Path | None = None,
        keep: int = KEEP,
    ) -> None:
        """Raises clips.BadPack when a folder of clips cannot be used, ValueError for a rate nobody could follow or a model that is not
        there."""
        if not 80 <= rate <= 300:
            raise ValueError(f"The rate must be between 80 and 300 words a minute, not {rate}.")
        self.rate, self.timeout_s = rate, timeout_s
        self._voices = {"vi": voice, "en": english}
        self._cache = Cache(Path(cache_dir), keep)
        self._packs = _packs(clips_folders)
        if piper is not None and not piper.is_file():
            raise ValueError(f"There is no piper model at {piper}.")
        self._piper = piper
        self._clip_samples: dict[Path, array[int]] = {}
        self._chime: array[int] | None = None
        self._lock = threading.Lock()
        self._children: dict[tuple[str, str], Child] = {}
        self._avoid_until: dict[str, float] = {}

    def __enter__(self) -> Speaker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def name(self, text: str, lang: str = "vi", *, chimed: bool = False) -> str:
        """The cache name of a phrase. Raises ValueError for a language or a text that cannot be said."""
        pack = self._packs[lang].version if lang in self._packs else ""
        parts = (RECIPE, self._voice(lang), str(self.rate), pack, "chime" if chimed else "", tidy_text(text), *self._model(lang))
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def find(self, name: str) -> Path | None:
        """The WAV of that cache name, if it has been rendered."""
        return self._cache.find(name)

    def say(self, text: str, lang: str = "vi") -> Path:
        """The WAV of `text`: checked, levelled, without silence around it. Raises VoiceUnavailable or ValueError."""
        return self._say(text, lang, time.monotonic() + self.timeout_s)

    def announce(self, text: str, lang: str = "vi") -> Path:
        """The WAV of the chime, a short gap, and `text`. Raises as `say` does."""
        name = self.name(text, lang, chimed=True)
        if found := self._cache.find(name):
            return found
        end = time.monotonic() + self.timeout_s
        spoken = self._say(text, lang, end)
        return self._once(name, lambda: sound.join([self._chime_samples(), sound.read(spoken)]), end)

    def chime(self) -> Path:
        """The WAV of the chime alone, with the gap that follows it."""
        name = hashlib.sha256(f"{RECIPE}\0chime alone".encode()).hexdigest()
        return self._once(name, self._chime_samples, time.monotonic() + self.timeout_s)

    def close(self) -> None:
        """End the children; the next phrase would start new ones."""
        with self._lock:
            for child in self._children.values():
                child.stop()
            self._children.clear()

    def _voice(self, lang: str) -> str:
        """The engine's voice of a language; other languages are voices of that name, which it may refuse."""
        if not LANGUAGE.fullmatch(lang):
            raise ValueError(f"There is no voice for the language {lang!r}.")
        return self._voices.get(lang, lang)

    def _model(self, lang: str) -> tuple[str, ...]:
        """What tells piper's sounds from the others'; nothing where it does not speak."""
        return (PIPER, self._piper.name, str(self._piper.stat().st_size)) if self._piper and lang == "vi" else ()

    def _say(self, text: str, lang: str, end: float) -> Path:
        return self._once(self.name(text, lang), lambda: self._speak(tidy_text(text), lang, end), end)

    def _once(self, name: str, make: Callable[[], array[int]], end: float) -> Path:
        """The cached file, or the one that `make` makes; callers of one speaker wait for each other."""
        if found := self._cache.find(name):
            return found
        with self._turn(end):
            if found := self._cache.find(name):
                return found
            try:
                self._cache.folder.mkdir(parents=True, exist_ok=True)
                path = self._cache.path(name)
                sound.write(path, make())
                self._cache.wrote()
            except OSError as problem:
                raise VoiceUnavailable(
                    f"The voice cannot use its files in {self._cache.folder}: {problem.strerror or problem}."
                ) from problem
            return path

    @contextmanager
    def _turn(self, end: float) -> Iterator[None]:
        """One caller at a time. Raises VoiceUnavailable for whom it comes too late to be served by `end`."""
        # Looked for rather than waited for: of eventlet's locks a timed wait may miss the release when somebody steps in between.
        while not self._lock.acquire(blocking=False):
            if time.monotonic() >= end - self.timeout_s * LEAST_SHARE:
                raise VoiceUnavailable(f"The voice had others to speak for until {self.timeout_s:g} s were nearly over.")
            time.sleep(LOOK_EVERY_S)
        try:
            yield
        finally:
            self._lock.release()

    def _chime_samples(self) -> array[int]:
        if self._chime is None:
            self._chime = sound.chime()
        return self._chime

    def _speak(self, text: str, lang: str, end: float) -> array[int]:
        pieces = clips.plan(text, self._packs[lang]) if lang in self._packs else None
        if pieces is None:
            return self._synthesise(text, lang, end)
        parts = []
        for piece in pieces:
            if isinstance(piece, clips.Clip):
                if piece.path not in self._clip_samples:
                    self._clip_samples[piece.path] = sound.level(sound.trim(sound.read(piece.path)))
                parts.append(self._clip_samples[piece.path])
            else:
                parts.append(sound.silence(piece.seconds) if isinstance(piece, clips.Pause) else self._synthesise(piece.text, lang, end))
        return sound.join(parts)

    def _synthesise(self, text: str, lang: str, end: float) -> array[int]:
        """The checked samples of the first engine that can, by `end`."""
        reasons = []
        engines = (PIPER, *ENGINES) if self._piper and lang == "vi" else ENGINES
        willing = [engine for engine in engines if self._avoid_until.get(engine, 0.0) <= time.monotonic()]
        trying = willing or engines
        for place, engine in enumerate(trying):
            left, behind = end - time.monotonic(), len(trying) - place - 1
            share = left * FIRST_SHARE if behind and not place else left / (behind + 1)
            try:
                return self._rendered(engine, text, lang, max(0.0, share))
            except Lost as lost:
                self._avoid_until[engine] = time.monotonic() + AVOID_FOR_S
                reasons.append(f"{engine}: {lost}")
            except Failed as failed:
                reasons.append(f"{engine}: {failed}")
        raise VoiceUnavailable(f"No voice could be made for {self._voice(lang)!r} ({'; '.join(reasons)}).")

    def _rendered(self, engine: str, text: str, lang: str, within_s: float) -> array[int]:
        voice = str(self._piper) if engine == PIPER else self._voice(lang)
        child = self._children.get((engine, voice))
        if child is None or child.phrases >= RENEW_AFTER:
            if child:
                child.stop()
            child = self._children[engine, voice] = Child(engine, voice, self.rate, self.timeout_s)
        handle, made = tempfile.mkstemp(dir=self._cache.folder, prefix=".", suffix=".made")
        os.close(handle)
        try:
            child.render(text, Path(made), within_s)
            samples = sound.read(Path(made))
        except sound.NotASound as problem:
            raise Failed(f"what it wrote is not a sound ({problem})") from problem
        finally:
            for left in (Path(made), _raw(Path(made))):
                left.unlink(missing_ok=True)
        if sound.peak(samples) < 0.1:
            raise Failed("it wrote silence")
        lasts, expected = sound.seconds(samples), expected_s(text, lang, self.rate)
        # Wide, because a clerk's notice may hold anything; narrow enough for a file that was cut off.
        if lang in self._voices and not 0.4 * expected - 0.2 <= lasts <= 3 * expected + 2:
            raise Failed(f"what it wrote lasts {lasts:.1f} s instead of about {expected:.1f} s")
        return samples


def _packs(folders: Sequence[Path]) -> dict[str, clips.Pack]:
    packs: dict[str, clips.Pack] = {}
    for folder in folders:
        pack = clips.load(folder)
        if pack.language in packs:
            raise clips.BadPack(f"{folder.name}: there is a pack for the language {pack.language} already.")
        packs[pack.language] = pack
    return packs


# --- the child -------------------------------------------------------------------------------------------------------------


def _raw(out: Path) -> Path:
    """Where the engine writes, before anything is done to it."""
    return out.with_suffix(".raw")


def _pyttsx3(voice: str, rate: int) -> Callable[[str, Path], None]:
    """One engine for the life of this process: a second one would write nothing and say nothing."""
    import pyttsx3

    engine = pyttsx3.init()
    # An unknown voice is not refused, it speaks English: so look before.
    known = {part.lower() for each in engine.getProperty("voices") for part in (each.id, each.id.rsplit("/")[-1])}
    if voice.lower() not in known:
        raise LookupError(f"there is no voice {voice!r}")
    engine.setProperty("voice", voice)
    engine.setProperty("rate", rate)
    # Until it is called idle the engine only queues what it is told, and `runAndWait` would begin by cancelling it: then the
    # first phrase comes out empty or too fast. Espeak takes settings on a thread of its own, and now and then (1 start in
    # 100 on a busy machine) loses the rate to the voice that is being loaded: so ask until it has it.
    engine.proxy.setBusy(False)
    while True:
        time.sleep(0.02)
        _until_idle(engine)
        if engine.getProperty("rate") == rate:
            break
        engine.setProperty("rate", rate)
    written = threading.Event()
    engine.connect("finished-utterance", lambda **_: written.set())

    def render(text: str, out: Path) -> None:
        written.clear()
        engine.save_to_file(text, str(out))
        engine.runAndWait()
        # It may return before the engine's own thread has written the file. Should any of these waits never end, the parent
        # ends this process.
        written.wait()
        _until_idle(engine)

    return render


def _until_idle(engine: Any) -> None:
    """Wait for the thread of espeak-ng, which pyttsx3 does not wait for; other engines have none."""
    if engine.driver_name == "espeak":
        from pyttsx3.drivers import _espeak

        while _espeak.IsPlaying():
            time.sleep(0.001)


def _espeak_ng(voice: str, rate: int) -> Callable[[str, Path], None]:
    """The command: a process for each phrase, so that nothing is carried over."""

    def render(text: str, out: Path) -> None:
        command = ["espeak-ng", "-v", voice, "-s", str(rate), "-b", "1", "-w", str(out), "--stdin"]
        try:
            done = subprocess.run(command, input=text.encode(), capture_output=True)
        except FileNotFoundError:
            raise LookupError("the program espeak-ng is not installed") from None
        if done.returncode:
            raise LookupError(done.stderr.decode(errors="replace").strip() or f"espeak-ng ended with {done.returncode}")

    return render


def _piper(model: str, rate: int) -> Callable[[str, Path], None]:
    """The command of https://github.com/OHF-Voice/piper1-gpl (and of its forerunner, which takes the same options): a process for each
    phrase. Its own pace is about 140 words a minute."""

    def render(text: str, out: Path) -> None:
        command = [PIPER, "--model", model, "--length_scale", f"{140 / rate:.2f}", "--output_file", str(out)]
        try:
            done = subprocess.run(command, input=text.encode() + b"\n", capture_output=True)
        except FileNotFoundError:
            raise LookupError("the program piper is not installed") from None
        if done.returncode:
            raise LookupError(done.stderr.decode(errors="replace").strip()[-200:] or f"piper ended with {done.returncode}")

    return render


RENDERERS = {"pyttsx3": _pyttsx3, "espeak-ng": _espeak_ng, PIPER: _piper}


def _child(arguments: list[str]) -> int:
    """Read requests, render, level, answer; until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m audio.speaker", description="The child process of the speaker.")
    parser.add_argument("--engine", choices=tuple(RENDERERS), required=True)
    parser.add_argument("--voice", required=True)
    parser.add_argument("--rate", type=int, required=True)
    parser.add_argument("--limit", type=float, required=True)
    options = parser.parse_args(arguments)
    # The engines print what they like: the answers go out through a descriptor they do not know.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    render: Callable[[str, Path], None] | None = None
    for line in sys.stdin.buffer:
        request = json.loads(line)
        error = None
        out = Path(request["out"])
        raw = _raw(out)
        if hasattr(signal, "alarm"):
            # Should the parent be gone when the engine hangs, nobody else would end this process.
            signal.alarm(int(options.limit) + 2)
        try:
            render = render or RENDERERS[options.engine](options.voice, options.rate)
            render(request["text"], raw)
            if not raw.exists() or raw.stat().st_size <= 44:
                raise LookupError("it wrote no file")
            sound.write(out, sound.level(sound.trim(sound.read(raw))))
        except Exception as problem:  # whatever an engine throws becomes an answer
            error = str(problem) or type(problem).__name__
        finally:
            raw.unlink(missing_ok=True)
        if hasattr(signal, "alarm"):
            signal.alarm(0)
        print(json.dumps({"n": request["n"], "error": error}), file=answers, flush=True)
        if error:
            # An engine that has failed once is not to be trusted, and a second one in this process would be worse.
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(_child(sys.argv[1:]))
