"""Renders every code A001-Y999, each counter in its turn, and measures each file: about half an hour. `make soak`; not part of `make test`,
which hears every letter, digit and counter and three hundred whole sentences (`test_voice_all.py`)."""

from __future__ import annotations

from pathlib import Path

from test_voice_all import COUNTERS, amiss, codes

from audio import phrases
from audio.speaker import Speaker


def test_every_code_and_counter_is_not_silent_and_lasts_as_computed(tmp_path: Path) -> None:
    wrong = []
    with Speaker(tmp_path, timeout_s=20) as voice:
        for place, code in enumerate(codes()):
            found = amiss(voice, phrases.repeat(code, COUNTERS[place % len(COUNTERS)]))
            if found:
                wrong.append(found)
            if place % 999 == 998:
                print(f"{code[0]}: {place + 1} heard, {len(wrong)} amiss", flush=True)
    assert wrong == []
