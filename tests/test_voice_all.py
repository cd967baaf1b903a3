"""Everything a hall can be told: every code A001-Y999 and every counter 1-60, as words and as sound."""

from __future__ import annotations

import os
import random
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from audio import phrases, reading, sound
from audio.agent import FETCH_TIMEOUT_S
from audio.phrases import Style
from audio.speaker import FIRST_SHARE, Speaker
from audio.voice import expected_s
from config.office import LETTERS

COUNTERS = [str(n) for n in range(1, 61)]
STYLES = (Style(), Style("number"), Style("number", "south"), Style(formal=True))


def codes() -> Iterator[str]:
    """Every number that an office can give in a day of up to 999 a field."""
    return (f"{letter}{n:03}" for letter in LETTERS for n in range(1, 1000))


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Speaker]:
    """The real engine, in one child."""
    with Speaker(tmp_path_factory.mktemp("voice"), timeout_s=20) as speaker:
        yield speaker


def amiss(voice: Speaker, text: str) -> str | None:
    """What is wrong with the sound of a sentence; None when it is not silent and lasts as computed. The file is not kept."""
    path = voice.say(text)
    samples = sound.read(path)
    path.unlink()
    lasts, expected, loud = sound.seconds(samples), expected_s(text), sound.loudness_db(samples)
    if 0.8 * expected <= lasts <= 1.25 * expected and abs(loud - sound.VOICE_DB) < 0.5:
        return None
    return f"{text} lasts {lasts:.2f} s instead of {expected:.2f} s at {loud:.1f} dB"


@pytest.mark.parametrize("style", STYLES, ids=["digits", "number, north", "number, south", "formal"])
def test_every_code_and_every_counter_has_words_of_its_own(style: Style) -> None:
    said = {reading.code_vi(code, style) for code in codes()}
    assert len(said) == len(LETTERS) * 999, "no two codes sound alike"
    assert len({reading.counter_vi(counter, style) for counter in COUNTERS}) == len(COUNTERS)
    assert [words for words in said if re.search(r"[0-9]", words)] == [], "nothing is left to the engine to read"


def test_a_call_is_the_words_of_its_code_and_of_its_counter() -> None:
    """So whoever has heard every code and every counter has heard every call; each counter gets its share of all codes."""
    for place, code in enumerate(codes()):
        counter = COUNTERS[place % len(COUNTERS)]
        for style in STYLES:
            number, desk = reading.code_vi(code, style), reading.counter_vi(counter, style)
            assert phrases.call(code, counter, style).vi.endswith(f" {number}, đến {desk}.")
            assert phrases.repeat(code, counter, style) == f"{number}, {desk}."


def test_every_letter_every_digit_in_its_place_and_every_counter_can_be_heard(voice: Speaker) -> None:
    told = [(f"{LETTERS[n % len(LETTERS)]}{n % 10}{(3 * n + 1) % 10}{(7 * n + 2) % 10}", counter) for n, counter in enumerate(COUNTERS)]
    assert {code[0] for code, _ in told} == set(LETTERS)
    assert all({code[place] for code, _ in told} == set("0123456789") for place in (1, 2, 3))
    assert [wrong for code, counter in told if (wrong := amiss(voice, phrases.repeat(code, counter)))] == []


@pytest.mark.slow
def test_a_sample_of_all_calls_is_not_silent_and_lasts_as_computed(voice: Speaker) -> None:
    # All 24,975 codes take half an hour of rendering (`make soak` does that); the same engine says the same words in the same way, so here
    # three hundred whole sentences, the same every time, stand for those that are put together of the words heard above.
    draw = random.Random(2026)
    every = list(codes())
    said = []
    for n in range(300):
        code, counter, style = draw.choice(every), draw.choice(COUNTERS), STYLES[n % len(STYLES)]
        said.append(phrases.repeat(code, counter, style) if n % 3 else phrases.call(code, counter, style).vi)
    assert [wrong for text in said if (wrong := amiss(voice, text))] == []


def children() -> list[int]:
    """The processes of the voice that this process has started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            command = stat.with_name("cmdline").read_bytes()
        except OSError:
            continue  # it has just ended
        if parent == os.getpid() and b"audio.speaker" in command:
            found.append(int(stat.parent.name))
    return found


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks for its children in /proc")
def test_a_child_that_hangs_is_replaced_and_the_next_call_is_heard_before_the_agent_gives_up(tmp_path: Path) -> None:
    others = children()
    with Speaker(tmp_path) as speaker:
        speaker.say(phrases.call("A012", "3").vi)
        (child,) = set(children()) - set(others)
        os.kill(child, signal.SIGSTOP)
        began = time.monotonic()
        heard = sound.read(speaker.say(phrases.call("B105", "12").vi))
        assert time.monotonic() - began < FETCH_TIMEOUT_S
        assert sound.loudness_db(heard) == pytest.approx(sound.VOICE_DB, abs=0.5)
        assert child not in children()
        began = time.monotonic()
        assert amiss(speaker, phrases.call("H021", "6").vi) is None
        assert time.monotonic() - began < speaker.timeout_s * FIRST_SHARE, "the wait is paid once"
