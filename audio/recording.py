"""Help an office to record its own voice: one phrase after another, each measured at once, the manifest written after each.

Whoever stops in the middle goes on from there the next day. The recording itself is the business of a program (`arecord`, `rec`),
which gets the file as its last argument and is ended when the speaker presses Enter.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from audio import clips, sound

RECORDER = "arecord -q -f S16_LE -r 44100 -c 1"
LEAST_DB = -45.0
"""Quieter than this and levelling would lift the room's noise with it."""
SHORTEST_S, LONGEST_S = 0.12, 12.0
CLIPPED = 0.985
ENDS_S = 3.0


class RecorderFailed(Exception):
    """Nothing could be recorded; the text is one sentence."""


def judge(samples: sound.Samples[int]) -> str | None:
    """Why a recording should be made again, in one sentence; None when it is good."""
    if sound.peak(samples) < 0.01:
        return "Không nghe thấy gì. Xin xem lại micro."
    spoken = sound.trim(samples)
    if not SHORTEST_S <= sound.seconds(spoken) <= LONGEST_S:
        return f"Dài {sound.seconds(spoken):.1f} giây: ngắn quá hoặc dài quá. Xin đọc lại."
    if sound.peak(samples) >= CLIPPED:
        return "To quá, tiếng bị vỡ. Xin lùi xa micro một gang tay rồi đọc lại."
    if sound.loudness_db(spoken) < LEAST_DB:
        return "Nhỏ quá. Xin lại gần micro rồi đọc lại."
    return None


def file_name(phrase: str) -> str:
    """A name for the clip of a phrase, in plain letters: `đến quầy số` -> `den-quay-so.wav`."""
    plain = unicodedata.normalize("NFD", phrase.casefold().replace("đ", "dd"))
    word = re.sub(r"[^a-z0-9]+", "-", "".join(c for c in plain if not unicodedata.combining(c))).strip("-")
    # Marks carry the meaning: "ba" and "bà" are two clips.
    marks = "".join(f"{ord(c) & 0xFF:02x}" for c in unicodedata.normalize("NFD", phrase) if unicodedata.combining(c))
    return f"{word[:60]}{'-' + marks[:24] if marks else ''}.wav"


def record(
    folder: Path,
    language: str,
    wanted: Sequence[str],
    *,
    ask: Callable[[str], str],
    say: Callable[[str], None],
    recorder: str = RECORDER,
) -> int:
    """Record what the pack in `folder` lacks of `wanted`; how many clips were made. `ask(text)` shows a line and returns what was typed:
    nothing goes on, `b` leaves a phrase for later, `t` stops. Raises RecorderFailed or clips.BadPack."""
    folder.mkdir(parents=True, exist_ok=True)
    manifest = _manifest(folder, language)
    made = 0
    for number, phrase in enumerate(wanted, start=1):
        while True:
            answer = ask(f"[{number}/{len(wanted)}] Đọc: «{phrase}» – Enter để ghi, b: bỏ qua, t: thôi ")
            if answer == "t":
                return made
            if answer == "b":
                break
            path = folder / file_name(phrase)
            fresh = path.with_suffix(".new.wav")
            try:
                _run(recorder, fresh, lambda phrase=phrase: ask(f"Đang ghi «{phrase}»… Enter để dừng "))
                samples = sound.read(fresh)
            except (OSError, sound.NotASound) as problem:
                raise RecorderFailed(f"{recorder.split()[0]} gave no recording ({problem}).") from problem
            finally:
                fresh.unlink(missing_ok=True)
            reason = judge(samples)
            if reason:
                say(reason)
                continue
            spoken = sound.trim(samples)
            sound.write(path, spoken)
            manifest["clips"][phrase] = path.name
            _store(folder, manifest)
            made += 1
            say(f"Được: {sound.seconds(spoken):.1f} giây, {sound.loudness_db(spoken):.0f} dB.")
            break
    return made


def _manifest(folder: Path, language: str) -> dict[str, Any]:
    path = folder / clips.MANIFEST
    if not path.exists():
        return {"language": language, "clips": {}}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(found["clips"], dict) and found["language"] == language:
            return dict(found)
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise clips.BadPack(f"{folder.name}/{clips.MANIFEST} cannot be read: {problem}.") from problem
    raise clips.BadPack(f"{folder.name} holds a pack of another language, {found['language']}.")


def _store(folder: Path, manifest: dict[str, Any]) -> None:
    """Whole or not at all: an evening of recording hangs on this file."""
    fresh = folder / f".{clips.MANIFEST}.new"
    fresh.write_text(json.dumps(manifest, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    fresh.replace(folder / clips.MANIFEST)


def _run(recorder: str, path: Path, until: Callable[[], object]) -> None:
    """Run the program until the speaker has ended. Raises RecorderFailed when it cannot be started or ends by itself with an error."""
    try:
        process = subprocess.Popen([*shlex.split(recorder), os.fspath(path)], stderr=subprocess.PIPE, text=True)
    except (OSError, ValueError) as problem:
        raise RecorderFailed(f"The program {recorder!r} cannot be started; name another one with --recorder.") from problem
    until()
    if process.poll() is None:
        process.send_signal(signal.SIGINT)  # both arecord and rec write the file's header only then
    try:
        _, told = process.communicate(timeout=ENDS_S)
    except subprocess.TimeoutExpired:
        process.kill()
        _, told = process.communicate()
    if not path.exists():
        raise RecorderFailed(f"{recorder.split()[0]}: {told.strip() or 'it recorded nothing'}")
