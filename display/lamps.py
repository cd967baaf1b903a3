"""What the number LEDs above the counters show, as values: four digits have no letters, so a letter has a digit of its own.

Pure. The agent in `display/led.py` asks the server, and writes to the line what `wanted` says.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

DIGITS = {letter: digit for digit, letter in enumerate("ABCDEFGHI", start=1)}
"""A012 stands as 1012 unless the office's document says otherwise."""
DARK_NUMBER = 0xFFFF
_CODE = re.compile(r"(.*?)(\d+)")
_FIELDS = {"port", "baud", "register", "modes", "dark_number", "letters", "counters"}


class LampsInvalid(ValueError):
    """The document of the LEDs is not usable; the text says every mistake, one a line."""


class Mode(IntEnum):
    """What the register beside the number means."""

    DARK = 0
    STEADY = 1
    BLINKING = 2


@dataclass(frozen=True, slots=True)
class Lamp:
    """What one LED shows. `number` has at most four digits; it means nothing while dark."""

    number: int = 0
    mode: Mode = Mode.DARK


DARK = Lamp()


@dataclass(frozen=True, slots=True)
class Lamps:
    """The LEDs of one RS-485 line. `counters`: counter id -> address (1 to 247).

    `register` holds the number; where `modes` is set the next one holds the mode, else a dark LED gets `dark_number`.
    """

    port: str
    counters: Mapping[str, int]
    baud: int = 9600
    register: int = 0
    modes: bool = True
    dark_number: int = DARK_NUMBER
    letters: Mapping[str, int] = field(default_factory=lambda: DIGITS)

    def values(self, lamp: Lamp) -> list[int]:
        """What is written from `register` on."""
        if self.modes:
            return [lamp.number, int(lamp.mode)]
        return [self.dark_number if lamp.mode is Mode.DARK else lamp.number]


def read(text: str) -> Lamps:
    """The LEDs' document (TOML). Raises LampsInvalid with every mistake at once."""
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise LampsInvalid(f"This is not TOML: {problem}.") from problem
    wrong = [f"{name}: there is no such field; fields are {', '.join(sorted(_FIELDS))}." for name in said if name not in _FIELDS]
    port, counters, letters = said.get("port"), said.get("counters"), said.get("letters", {})
    if not isinstance(port, str) or not port:
        wrong.append('port: write the serial line, as "/dev/ttyUSB0".')
    if not isinstance(counters, dict) or not counters:
        wrong.append('counters: write at least one counter with its address, as "1" = 1.')
        counters = {}
    wrong += [f"counters.{name}: an address is a number from 1 to 247." for name, at in counters.items() if not _whole(at, 1, 247)]
    addresses = [at for at in counters.values() if _whole(at, 1, 247)]
    wrong += [f"counters: address {at} is given twice." for at in sorted({at for at in addresses if addresses.count(at) > 1})]
    if not isinstance(letters, dict):
        wrong.append("letters: write a table, as A = 1.")
        letters = {}
    wrong += [f"letters.{name}: a letter stands as one digit from 0 to 9." for name, digit in letters.items() if not _whole(digit, 0, 9)]
    for name, least, most in (("baud", 300, 115200), ("register", 0, 65534), ("dark_number", 0, 65535)):
        if name in said and not _whole(said[name], least, most):
            wrong.append(f"{name}: a number from {least} to {most}.")
    if not isinstance(said.get("modes", True), bool):
        wrong.append("modes: true or false.")
    if wrong:
        raise LampsInvalid("\n".join(wrong))
    rest: dict[str, Any] = {name: said[name] for name in ("baud", "register", "modes", "dark_number") if name in said}
    return Lamps(port=port, counters=counters, letters={**DIGITS, **letters}, **rest)


def _whole(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def number_of(code: str, letters: Mapping[str, int]) -> int | None:
    """`A012` as 1012; None for a letter that has no digit. A code above 999 keeps its last three digits: A1001 stands as 1001,
    like the A001 of hours before."""
    match = _CODE.fullmatch(code)
    if match is None or (match[1] and match[1] not in letters):
        return None
    return (letters[match[1]] * 1000 if match[1] else 0) + int(match[2]) % 1000


def wanted(counters: list[dict[str, Any]], lamps: Lamps, blinking: frozenset[str] = frozenset()) -> dict[str, Lamp]:
    """What each LED should show. `counters` as in the description of the site; `blinking`: codes that have just been called."""
    shown = {}
    for counter in counters:
        name, code = counter["id"], counter.get("code")
        if name not in lamps.counters:
            continue
        number = number_of(code, lamps.letters) if code else None
        if number is None:
            shown[name] = DARK
        else:
            new = code in blinking and counter.get("ticket_state") == "called"
            shown[name] = Lamp(number, Mode.BLINKING if new else Mode.STEADY)
    return shown
