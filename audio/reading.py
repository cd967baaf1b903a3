"""How letters, numbers, codes, counters and hours are read aloud, in words.

Pure: text in, text out. Everything is spelled in full, because speech engines read Vietnamese numbers wrongly ("một trăm
linh năm" for A105, "mười năm" for 15). The style is a value: an office chooses the reading (digit by digit, or as a
number), the region's words and whether the call is formal.

A comma is a pause of about 0.3 s; between digits it also keeps a level tone level, so that "ba" is not heard as "bà".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Region = Literal["north", "south"]
Reading = Literal["digits", "number"]


@dataclass(frozen=True)
class Style:
    """How one office is spoken for. `formal` begins the call with "Kính mời công dân có số thứ tự" (1.7 s longer)."""

    reading: Reading = "digits"
    region: Region = "north"
    formal: bool = False


DEFAULT = Style()

_DIGITS_VI = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
_LETTERS_VI = {
    "A": "A", "B": "bê", "C": "xê", "D": "dê", "Đ": "đê", "E": "E", "F": "ép-phờ", "G": "giê", "H": "hát", "I": "i ngắn",
    "J": "di", "K": "ca", "L": "e-lờ", "M": "em-mờ", "N": "en-nờ", "O": "O", "P": "pê", "Q": "quy", "R": "e-rờ", "S": "ét-xì",
    "T": "tê", "U": "U", "V": "vê", "W": "vê kép", "X": "ích-xì", "Y": "i dài", "Z": "dét",
}  # fmt: skip
LETTERS = "".join(_LETTERS_VI)

_ONES_EN = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS_EN = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")

_ALIKE = ("BCDĐGPTV", "LMNR", "SX", "AK", "IY", "OQ0")
SAFE_LETTERS = "ABHMSUYE"
"""Eight letters that no loudspeaker confuses; what the sample sites use first."""

_CODE = re.compile(r"([A-ZĐ]+)([0-9]+)")
_COUNTER = re.compile(r"(?:quầy(?: số)? *|counter *)?([0-9]{1,4}|[A-ZĐ])([A-ZĐ]|[0-9]{1,4})?", re.IGNORECASE)
_LONGEST_QUANTITY = 6  # digits; a longer row is a telephone or file number, which nobody says as a quantity


# --- numbers -------------------------------------------------------------------------------------------------------------


def digits_vi(digits: str) -> str:
    """`"012"` → `"không, một, hai"`. Never mốt, tư or lăm. Raises ValueError for anything but 0-9."""
    return ", ".join(_DIGITS_VI[int(digit)] for digit in _only_digits(digits))


def number_vi(n: int, region: Region = "north") -> str:
    """`n` (0 to 999,999,999) in words of the region: linh/lẻ, nghìn/ngàn, tư/bốn. Raises ValueError outside."""
    if not 0 <= n < 1_000_000_000:
        raise ValueError(f"Only numbers from 0 to 999,999,999 are spoken, not {n}.")
    words: list[str] = []
    for size, name in ((1_000_000, "triệu"), (1_000, "nghìn" if region == "north" else "ngàn"), (1, "")):
        group, n = divmod(n, size)
        if group or (size == 1 and not words):
            words.append(_group_vi(group, region, whole=bool(words)))
            words.append(name)
    return " ".join(word for word in words if word)


def _group_vi(n: int, region: Region, *, whole: bool) -> str:
    """0-999; `whole` when a larger group stands before it and the hundreds must be said ("không trăm")."""
    hundreds, rest = divmod(n, 100)
    tens, ones = divmod(rest, 10)
    words = [_DIGITS_VI[hundreds], "trăm"] if hundreds or whole else []
    if tens == 0:
        if ones and words:
            words.append("linh" if region == "north" else "lẻ")
            words.append("tư" if ones == 4 and region == "north" else _DIGITS_VI[ones])
        elif ones or not words:
            words.append(_DIGITS_VI[ones])
        return " ".join(words)
    words += ["mười"] if tens == 1 else [_DIGITS_VI[tens], "mươi"]
    if ones == 5:
        words.append("lăm")
    elif ones == 1 and tens > 1:
        words.append("mốt")
    elif ones == 4 and tens > 1 and region == "north":
        words.append("tư")
    elif ones:
        words.append(_DIGITS_VI[ones])
    return " ".join(words)


def digits_en(digits: str) -> str:
    """`"012"` → `"zero, one, two"`; "zero", never "oh". Raises ValueError for anything but 0-9."""
    return ", ".join(_ONES_EN[int(digit)] for digit in _only_digits(digits))


def number_en(n: int) -> str:
    """`n` (0 to 999,999) in English words. Raises ValueError outside."""
    if not 0 <= n < 1_000_000:
        raise ValueError(f"Only numbers from 0 to 999,999 are spoken in English, not {n}.")
    if n < 20:
        return _ONES_EN[n]
    if n < 100:
        tens, ones = divmod(n, 10)
        return _TENS_EN[tens] + (f"-{_ONES_EN[ones]}" if ones else "")
    size, name = (1000, "thousand") if n >= 1000 else (100, "hundred")
    head, rest = divmod(n, size)
    words = f"{number_en(head)} {name}"
    if rest:
        words += f" and {number_en(rest)}" if rest < 100 else f" {number_en(rest)}"
    return words


def _only_digits(digits: str) -> str:
    if not re.fullmatch(r"[0-9]+", digits):
        raise ValueError(f"{digits!r} is not a row of digits.")
    return digits


# --- codes, counters, hours ------------------------------------------------------------------------------------------------


def letter_vi(letter: str) -> str:
    """The name of one letter, as said at a counter. Raises ValueError for what is not a letter of a code."""
    try:
        return _LETTERS_VI[letter]
    except KeyError:
        raise ValueError(f"{letter!r} is not a letter of a ticket code.") from None


def code_vi(code: str, style: Style = DEFAULT) -> str:
    """`A012` → `A, không, một, hai` or, as a number, `A, mười hai` (leading zeros dropped). Any number of digits."""
    letters, digits = _split(code)
    as_row = style.reading == "digits" or len(digits) > _LONGEST_QUANTITY
    said = digits_vi(digits) if as_row else number_vi(int(digits), style.region)
    return ", ".join([*map(letter_vi, letters), said])


def code_en(code: str, style: Style = DEFAULT) -> str:
    """`A012` → `A, zero, one, two` or `A, twelve`."""
    letters, digits = _split(code)
    as_row = style.reading == "digits" or len(digits) > _LONGEST_QUANTITY
    return ", ".join([*letters, digits_en(digits) if as_row else number_en(int(digits))])


def _split(code: str) -> tuple[str, str]:
    match = _CODE.fullmatch(unicodedata.normalize("NFC", code))
    if match is None:
        raise ValueError(f"{code!r} is not a ticket code.")
    return match[1], match[2]


def counter_vi(counter: str, style: Style = DEFAULT) -> str:
    """`12`, `Quầy 12` → `quầy số mười hai`; `3A` → `quầy số ba A`; any other name is said as it is written.

    Counters are always numbers, also in the digit style: "quầy số một hai" is heard as counter one or two.
    """
    parts = _counter_parts(counter)
    if parts is None:
        # Without its commas: in the short form the last comma stands before the counter, and `join_repeats` relies on it.
        return spell_out_vi(counter.strip(), style).replace(",", "")
    said = [number_vi(int(part), style.region) if part.isdecimal() else letter_vi(part) for part in parts]
    return "quầy " + ("số " if parts[0].isdecimal() else "") + " ".join(said)


def counter_en(counter: str) -> str:
    """`12` → `counter twelve`; a counter with a Vietnamese name has no English one: `the counter on the screen`."""
    parts = _counter_parts(counter)
    if parts is None:
        return "the counter on the screen"
    return "counter " + " ".join(number_en(int(part)) if part.isdecimal() else part for part in parts)


def _counter_parts(counter: str) -> list[str] | None:
    match = _COUNTER.fullmatch(unicodedata.normalize("NFC", counter).strip())
    return [part.upper() for part in match.groups() if part] if match else None


def hour_vi(hour: int, minute: int, region: Region = "north") -> str:
    """07:30 → `bảy giờ ba mươi`, 08:05 → `tám giờ năm phút`, 16:00 → `mười sáu giờ`."""
    _check_time(hour, minute)
    said = f"{number_vi(hour, region)} giờ"
    if minute:
        said += f" {number_vi(minute, region)}"
    return said + (" phút" if 0 < minute < 10 else "")


def hour_en(hour: int, minute: int) -> str:
    """13:30 → `one thirty p.m.`, 08:05 → `eight zero five a.m.`, 16:00 → `four p.m.`."""
    _check_time(hour, minute)
    said = number_en((hour - 1) % 12 + 1)
    if minute:
        said += f" {number_en(minute)}" if minute >= 10 else f" zero {number_en(minute)}"
    return said + (" a.m." if hour < 12 else " p.m.")


def _check_time(hour: int, minute: int) -> None:
    if not (0 <= hour < 24 and 0 <= minute < 60):
        raise ValueError(f"{hour}:{minute:02} is not a time of day.")


# --- free text -------------------------------------------------------------------------------------------------------------

_IN_TEXT = re.compile(
    r"(?P<date>\b[0-9]{1,2}/[0-9]{1,2}(?:/[0-9]{4})?\b)"
    r"|(?P<time>\b(?:[01]?[0-9]|2[0-3])(?:[:hg][0-5][0-9]|h)\b)"
    r"|(?P<code>\b[A-ZĐ][0-9]{3,}\b)"
    r"|(?P<grouped>\b[0-9]{1,3}(?:\.[0-9]{3}){1,2}\b)"
    r"|(?P<digits>[0-9]+)"
    r"|(?P<percent>%)"
)


def _hour_and_minute(found: str) -> tuple[int, int]:
    hour, _, minute = re.sub("[hg]", ":", found).partition(":")
    return int(hour), int(minute or 0)


def _is_row(digits: str) -> bool:
    return len(digits) > _LONGEST_QUANTITY or (digits[0] == "0" and digits != "0")


def spell_out_vi(text: str, style: Style = DEFAULT) -> str:
    """`text` (NFC) with dates, hours, codes, numbers and telephone numbers in words; the rest untouched."""

    def words(match: re.Match[str]) -> str:
        found = match[0]
        if match["date"]:
            day, month, *year = found.split("/")
            if not (1 <= int(day) <= 31 and 1 <= int(month) <= 12):
                return " trên ".join(number_vi(int(part), style.region) for part in (day, month, *year))
            said = f"{number_vi(int(day), style.region)} tháng {number_vi(int(month), style.region)}"
            # "thứ Hai hai mươi ba" would be heard as one number.
            said = said if re.search(r"\b(ngày|mùng|mồng) $", match.string[: match.start()], re.IGNORECASE) else f"ngày {said}"
            return said + (f" năm {number_vi(int(year[0]), style.region)}" if year else "")
        if match["time"]:
            return hour_vi(*_hour_and_minute(found), style.region)
        if match["code"]:
            return code_vi(found, style)
        if match["percent"]:
            return " phần trăm"
        if match["grouped"]:
            return number_vi(int(found.replace(".", "")), style.region)
        return digits_vi(found) if _is_row(found) else number_vi(int(found), style.region)

    return re.sub(r"  +", " ", _IN_TEXT.sub(words, unicodedata.normalize("NFC", text)))


def spell_out_en(text: str, style: Style = DEFAULT) -> str:
    """`text` with codes, hours and numbers in words."""

    def words(match: re.Match[str]) -> str:
        found = match[0]
        if match["code"]:
            return code_en(found, style)
        if match["time"]:
            return hour_en(*_hour_and_minute(found))
        if match["digits"]:
            return digits_en(found) if _is_row(found) else number_en(int(found))
        return found

    return _IN_TEXT.sub(words, unicodedata.normalize("NFC", text))


# --- letters that are confused ---------------------------------------------------------------------------------------------


def sounds_alike(letters: Iterable[str]) -> list[tuple[str, str]]:
    """The pairs among `letters` that a loudspeaker confuses, in the order given; O and Q also with the digit 0."""
    chosen = list(dict.fromkeys(letters))
    chosen += [] if "0" in chosen else ["0"]
    return [
        (first, second)
        for place, first in enumerate(chosen)
        for second in chosen[place + 1 :]
        if any(first in alike and second in alike for alike in _ALIKE)
    ]


def alike_vi(first: str, second: str) -> str:
    """The warning for whoever sets up a site."""
    other = "số 0" if second == "0" else second
    return f"Chữ {first} và {other} nghe gần giống nhau trên loa."
