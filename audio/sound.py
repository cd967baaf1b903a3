"""Samples: reading, writing, trimming, levelling and joining WAV files, and the chime.

Everything the hall hears is 22,050 Hz, mono, 16 bit, at one loudness, whoever made it: the speech engine, a recorded clip
or this file. Samples are `array("h")`; levels are decibels below full scale. Plain Python is fast enough (about 30 ms for a
sentence) and is done in the child process of the speaker, not beside the sockets.
"""

from __future__ import annotations

import math
import os
import sys
import tempfile
import wave
from array import array
from collections.abc import Iterable
from pathlib import Path

RATE = 22_050
FULL_SCALE = 32_767
FULL_VOLUME = 100
VOICE_DB = -18.0
"""Loudness of speech: root mean square of the parts where somebody speaks."""
CHIME_DB = VOICE_DB - 6.0
PEAK = 0.95
KNEE = 0.7  # above this share of full scale the curve bends: louder speech without a hard edge
MOST_GAIN_DB = 24.0  # more would lift the noise of a bad recording to the loudness of a voice
CHIME_S, CHIME_GAP_S = 0.9, 0.25
_WINDOW = RATE // 50

Samples = array
"""`array("h")`: signed 16-bit samples."""


class NotASound(ValueError):
    """The file is not a WAV that can be used; the text says why."""


def silence(seconds: float) -> Samples[int]:
    """So many seconds of nothing."""
    return array("h", bytes(2 * round(seconds * RATE)))


def seconds(samples: Samples[int]) -> float:
    """How long it lasts."""
    return len(samples) / RATE


def peak(samples: Samples[int]) -> float:
    """The largest sample as a share of full scale, 0 to 1."""
    return max(max(samples), -min(samples)) / FULL_SCALE if samples else 0.0


def loudness_db(samples: Samples[int]) -> float:
    """Root mean square of the windows in which something is heard, in dB below full scale; -inf for silence.

    A window counts when it is within 30 dB of the loudest one: pauses must not make a slow speaker "quiet".
    """
    powers = [
        sum(sample * sample for sample in samples[start : start + _WINDOW]) / _WINDOW
        for start in range(0, len(samples) - _WINDOW + 1, _WINDOW)
    ]
    loudest = max(powers, default=0.0)
    if loudest <= 0:
        return -math.inf
    heard = [power for power in powers if power >= loudest / 1000]
    return 10 * math.log10(sum(heard) / len(heard)) - 20 * math.log10(FULL_SCALE)


def trim(samples: Samples[int], keep_s: float = 0.03) -> Samples[int]:
    """Without the silence before and after (below 1 % of the peak), but for `keep_s` on each side."""
    floor = max(1, round(peak(samples) * FULL_SCALE / 100))
    first = next((place for place, sample in enumerate(samples) if abs(sample) > floor), None)
    if first is None:
        return array("h")
    last = next(place for place in range(len(samples) - 1, -1, -1) if abs(samples[place]) > floor)
    keep = round(keep_s * RATE)
    return samples[max(0, first - keep) : last + 1 + keep]


def level(samples: Samples[int], target_db: float = VOICE_DB) -> Samples[int]:
    """At the loudness `target_db` and never above the peak; silence stays silence."""
    loudness = loudness_db(samples)
    if loudness == -math.inf:
        return samples
    gain = 10 ** (min(target_db - loudness, MOST_GAIN_DB) / 20)
    curve = [_bend(value * gain / FULL_SCALE) for value in range(32_769)]
    return array("h", [curve[sample] if sample >= 0 else -curve[-sample] for sample in samples])


def at_volume(samples: Samples[int], percent: float) -> Samples[int]:
    """So many percent of the full height: 50 is 6 dB less, 10 is 20 dB less."""
    return array("h", [round(sample * percent / FULL_VOLUME) for sample in samples])


def _bend(share: float) -> int:
    """Straight up to the knee, then ever flatter towards the peak."""
    if share > KNEE:
        share = KNEE + (PEAK - KNEE) * math.tanh((share - KNEE) / (PEAK - KNEE))
    return int(share * FULL_SCALE)


def join(parts: Iterable[Samples[int]], gap_s: float = 0.0) -> Samples[int]:
    """One after another, with a gap between them."""
    joined = array("h")
    for part in parts:
        if joined and gap_s:
            joined.extend(silence(gap_s))
        joined.extend(part)
    return joined


def tone(hertz: float, lasts_s: float, db: float) -> Samples[int]:
    """A plain sine with soft ends, at a loudness in dB below full scale."""
    count = round(lasts_s * RATE)
    height = FULL_SCALE * 10 ** (db / 20) * math.sqrt(2)
    edge = max(1, min(count // 2, RATE // 100))
    # A whole number of hertz is the same again after so many samples: a stand-in's sentence must not take its program 50 ms.
    period = RATE // math.gcd(int(hertz), RATE) if float(hertz).is_integer() else count
    once = array("h", [round(height * math.sin(2 * math.pi * hertz * n / RATE)) for n in range(min(period, count))])
    samples = (once * -(-count // len(once)))[:count] if count else once
    for n in range(edge if count else 0):
        samples[n] = round(samples[n] * n / edge)
        samples[-1 - n] = round(samples[-1 - n] * (n + 1) / edge)
    return samples


def chime() -> Samples[int]:
    """Two soft tones, E5 then C5 (low enough for old ears), 0.9 s, 6 dB under the voice, and the gap before the voice."""
    count = round(CHIME_S * RATE)
    mixed = [0.0] * count
    for hertz, starts_s in ((659.26, 0.0), (523.25, 0.36)):
        begin = round(starts_s * RATE)
        for n in range(count - begin):
            at = n / RATE
            # A bell's shape: in within 12 ms, then fading; and to nothing at the very end, so that it never clicks.
            height = min(1.0, at / 0.012) * math.exp(-at / 0.30) * min(1.0, (count - begin - n) / (0.08 * RATE))
            mixed[begin + n] += height * (math.sin(2 * math.pi * hertz * at) + 0.15 * math.sin(4 * math.pi * hertz * at))
    highest = max(map(abs, mixed))
    tones = array("h", [round(value / highest * FULL_SCALE / 2) for value in mixed])
    return join([level(tones, CHIME_DB), silence(CHIME_GAP_S)])


def read(path: Path) -> Samples[int]:
    """The samples of a WAV file; other rates and stereo are converted. Raises NotASound, or OSError when it cannot be read."""
    try:
        with wave.open(str(path), "rb") as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            data = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as problem:
        raise NotASound(f"{path.name} is not a WAV file: {problem}.") from problem
    if width != 2 or channels not in (1, 2) or rate <= 0:
        raise NotASound(f"{path.name} must be 16 bit, mono or stereo; it is {8 * width} bit with {channels} channels.")
    samples = array("h", data[: len(data) // (2 * channels) * 2 * channels])
    if sys.byteorder == "big":
        samples.byteswap()
    if channels == 2:
        samples = array("h", [(left + right) // 2 for left, right in zip(samples[::2], samples[1::2], strict=True)])
    return samples if rate == RATE else _resample(samples, rate)


def _resample(samples: Samples[int], rate: int) -> Samples[int]:
    """Straight lines between the samples: good enough for speech that was recorded at a higher rate."""
    step = rate / RATE
    converted = array("h")
    for n in range(int((len(samples) - 1) / step)):
        place, share = divmod(n * step, 1)
        here, following = samples[int(place)], samples[int(place) + 1]
        converted.append(round(here + (following - here) * share))
    return converted


def write(path: Path, samples: Samples[int]) -> None:
    """Write a WAV file whole or not at all: beside its place, then renamed."""
    data = samples
    if sys.byteorder == "big":
        data = array("h", samples)
        data.byteswap()
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as raw, wave.open(raw, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(data.tobytes())
        Path(part).chmod(0o644)  # a web server of another user may hand it out
        Path(part).replace(path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise
