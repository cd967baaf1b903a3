"""What the office says: every sentence of the voice, in Vietnamese and, where there is one, in English.

Pure. Numbers are read by `audio.reading`; this file holds only the wording. Citizens are "ông bà" or nobody, a sentence
holds one idea, and bad news says what stays valid and what to do now.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from audio.reading import (
    DEFAULT,
    SAFE_LETTERS,
    Style,
    alike_vi,
    code_en,
    code_vi,
    counter_en,
    counter_vi,
    number_vi,
    sounds_alike,
    spell_out_en,
    spell_out_vi,
)

__all__ = [
    "DEFAULT",
    "EMERGENCY",
    "EMERGENCY_TIMES",
    "READY",
    "SAFE_LETTERS",
    "Sentence",
    "Style",
    "alike_vi",
    "attention",
    "attention_en",
    "call",
    "correction",
    "join_repeats",
    "notice",
    "notice_en",
    "recall",
    "repeat",
    "sound_check",
    "sounds_alike",
]

READY = (
    ("Sắp hết giờ lấy số", "Còn mười lăm phút nữa máy ngừng cấp số. Ông bà chưa có số, mời lấy số ngay."),
    ("Hết giờ lấy số", "Đã hết giờ cấp số. Ông bà đã có số xin tiếp tục chờ, cán bộ sẽ phục vụ đến số cuối cùng."),
    ("Hết giờ làm việc", "Đã hết giờ làm việc. Cảm ơn ông bà."),
    ("Trẻ lạc", "Có một cháu bé đang chờ người nhà ở bàn hướng dẫn. Mời gia đình đến đón cháu."),
    ("Máy trục trặc", "Máy đang gặp trục trặc. Xin ông bà giữ phiếu và chờ. Thứ tự không thay đổi."),
)
"""What the manager's page offers to read to a hall as a notice: the button, the words, which can still be changed."""
EMERGENCY = "Mời mọi người bình tĩnh ra ngoài theo lối thoát hiểm."
"""What it offers for an emergency, to be said EMERGENCY_TIMES."""
EMERGENCY_TIMES = 3

_ORDINALS_EN = ("", "First", "Second", "Third", "Fourth", "Fifth", "Sixth", "Seventh", "Eighth", "Ninth")


@dataclass(frozen=True)
class Sentence:
    """One thing to say: Vietnamese always, English only where the office has a sentence for it."""

    vi: str
    en: str | None = None


# --- the calls -------------------------------------------------------------------------------------------------------------


def call(code: str, counter: str, style: Style = DEFAULT) -> Sentence:
    """The first call of a ticket, in full."""
    to_vi, to_en = counter_vi(counter, style), counter_en(counter)
    opening = "Kính mời công dân có số thứ tự" if style.formal else "Mời số"
    return Sentence(
        f"{opening} {code_vi(code, style)}, đến {to_vi}.",
        f"Ticket {code_en(code, style)}, please go to {to_en}.",
    )


def repeat(code: str, counter: str, style: Style = DEFAULT) -> str:
    """The short form that follows a full call; Vietnamese only."""
    return f"{code_vi(code, style)}, {counter_vi(counter, style)}."


def recall(code: str, counter: str, call_no: int, style: Style = DEFAULT, *, last: bool = False) -> Sentence:
    """A further call; `call_no` is 2 for the first of them. `last` says so, so that nobody waits for another."""
    if call_no < 2:
        raise ValueError(f"Call {call_no} is not a recall.")
    time_vi = "cuối" if last else number_vi(call_no, style.region)
    time_en = "Last" if last else _ORDINALS_EN[call_no] if call_no < len(_ORDINALS_EN) else "Another"
    return Sentence(
        f"Mời lần {time_vi}. Số {code_vi(code, style)}, đến {counter_vi(counter, style)}.",
        f"{time_en} call. Ticket {code_en(code, style)}, {counter_en(counter)}.",
    )


def join_repeats(repeats: Iterable[str]) -> str:
    """The joined form made of short forms, for whoever has the sentences and not the style they were made in.

    `["A, không, một, hai, quầy số ba.", …]` → `Mời số A không một hai, quầy số ba; số …`. Raises ValueError when there is none.
    """
    said = []
    for short in repeats:
        code, _, counter = short.rstrip(".").rpartition(", ")
        said.append(f"số {code.replace(',', '')}, {counter}")
    if not said:
        raise ValueError("There is no call to join.")
    return f"Mời {'; '.join(said)}."


def correction(code: str, style: Style = DEFAULT) -> Sentence:
    """A call was taken back after the hall had heard it."""
    return Sentence(
        f"Xin lỗi. Số {code_vi(code, style)}, xin chờ gọi lại.",
        f"Sorry. Ticket {code_en(code, style)}, please wait to be called again.",
    )


# --- what concerns everybody -------------------------------------------------------------------------------------------------


def notice(text: str, text_en: str | None = None, style: Style = DEFAULT) -> Sentence:
    """The staff's own words, said twice; numbers, hours and codes in them are spelled out."""
    said = _ended(spell_out_vi(text, style))
    return Sentence(f"Xin thông báo. {said} Xin nhắc lại. {said}", notice_en(text_en) if text_en else None)


def notice_en(text: str) -> str:
    """The staff's own words in English."""
    return f"Attention please. {_ended(spell_out_en(text))}"


def attention(text: str, style: Style = DEFAULT) -> Sentence:
    """The staff's own words in an emergency; it interrupts whatever is being said."""
    return Sentence(f"Xin chú ý. {_ended(spell_out_vi(text, style))}")


def attention_en(text: str) -> str:
    """The same in English."""
    return f"Attention. {_ended(spell_out_en(text))}"


def _ended(said: str) -> str:
    """With one full stop at the end, unless it ends as a question or a call."""
    said = said.rstrip(" .;,:")
    return said if said.endswith(("!", "?")) else f"{said}."


def sound_check() -> Sentence:
    """What is played when the loudspeakers are set up: at the farthest seat 10 dB above the hall."""
    return Sentence("Đây là âm thử, số A không một hai.", "This is a test, ticket A zero one two.")
