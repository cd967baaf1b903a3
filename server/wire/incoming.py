"""What comes in: the bodies of commands, checked as far as a body alone can be."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError


def _text(value: str) -> str:
    """NFC, in one line: what staff and citizens type ends on screens, paper and in the voice.

    Control characters are refused. Invisible ones (zero width, change of direction) come along when text is pasted; they are dropped,
    since a line that reads backwards could say anything on a wall.
    """
    if value.isascii() and value.isprintable():
        # Names and numbers: nothing in them to refuse, to drop or to compose.
        return value.strip()
    if any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in value):
        raise PydanticCustomError("control_characters", "Control characters are not allowed")
    visible = "".join(c for c in value if unicodedata.category(c) != "Cf")
    return unicodedata.normalize("NFC", visible.strip())


def _something(value: str) -> str:
    if not value:
        raise PydanticCustomError("string_too_short", "Nothing visible is in it")
    return value


_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?")


def _written_out(value: object) -> object:
    """A lenient reader takes a bare number, also in a text, for seconds or milliseconds of 1970: an order number in the wrong field would
    be some day. What is left to it is whether there is such a day."""
    if not isinstance(value, datetime | str):
        raise PydanticCustomError("datetime_type", "An instant is a text")
    if isinstance(value, str) and not _ISO.fullmatch(value):
        raise PydanticCustomError("datetime_parsing", "An instant is ISO 8601 with an offset, as 2026-11-23T08:00:00+07:00")
    return value


def _of_our_time(value: datetime) -> datetime:
    """Years that every zone's arithmetic can bear."""
    if not 2000 <= value.year <= 9000:
        raise PydanticCustomError("datetime_year", "The year should be between 2000 and 9000")
    return value


Instant = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_written_out), AfterValidator(_of_our_time)]
"""ISO 8601 with an offset."""
Place = Annotated[str, StringConstraints(min_length=1, max_length=65), AfterValidator(_text), AfterValidator(_something)]
"""A kiosk, `hall` or `hall/zone`."""
Id = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_text), AfterValidator(_something)]
DisplayName = Annotated[str, StringConstraints(max_length=64), AfterValidator(_text)]
Line = Annotated[str, StringConstraints(min_length=1, max_length=300), AfterValidator(_text), AfterValidator(_something)]
Phone = Annotated[str, StringConstraints(pattern=r"^(?:\+?84|0)[0-9]{9}$")]
OwnPhone = Annotated[Phone, AfterValidator(lambda phone: "0" + phone[-9:])]
"""One number is one person, however it is written."""
Email = Annotated[str, StringConstraints(max_length=254, pattern=r"^[^@\s]{1,64}@[^@\s]+\.[^@\s]+$"), AfterValidator(_text)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Contact(_Body):
    """How to reach the citizen about this ticket; kept apart from the story and erased."""

    phone: Phone | None = None
    email: Email | None = None


CardNumber = Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")]


class IssueIn(_Body):
    service: Id
    lang: Literal["vi", "en"] | None = None
    priority: Id | None = None
    procedure: Id | None = None
    contact: Contact | None = None
    kiosk: Id | None = None
    """Where the paper comes out, of a number that staff take for somebody."""
    # Never part of a dump or of a text of this body: what is stored of the request, or written of it anywhere, must not tell the number.
    card: CardNumber | None = Field(default=None, exclude=True, repr=False)


class LeaseIn(_Body):
    """`holder` names the store beside the kiosk, which remembers what it has given."""

    holder: Annotated[str, StringConstraints(pattern=r"^[0-9a-z]{8,32}$")]


class MergeIn(_Body):
    """A number given while the server was away. `key` is that of the touch, `version` of the lease by which its paper was printed."""

    service: Id
    code: Annotated[str, StringConstraints(pattern=r"^[A-Y][0-9]{3,4}$")]
    taken_at: Instant
    key: Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,200}$")]
    version: Annotated[int, Field(ge=1, le=2**31)]
    lang: Literal["vi", "en"] | None = None
    priority: Id | None = None


class SessionIn(_Body):
    user: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    password: Annotated[str, StringConstraints(min_length=1, max_length=256)]


class ReasonIn(_Body):
    reason: Line | None = None


class NextIn(_Body):
    finish: bool | None = None
    outcome: Literal["done", "no_show"] | None = None


class EmptyIn(_Body):
    pass


class CheckupIn(_Body):
    """`quiet`: nothing is printed and nothing is said."""

    quiet: bool | None = None


class CallIn(_Body):
    counter: Id
    reason: Line


class TransferIn(_Body):
    service: Id | None = None
    counter: Id | None = None


class NoticeIn(_Body):
    text: Annotated[str, StringConstraints(max_length=300), AfterValidator(_text)] | None = None
    until: Instant | None = None


def _speakable(value: str) -> str:
    if not any(c.isalpha() for c in value):
        raise PydanticCustomError("nothing_to_say", "There is no word in it")
    return value


class SpeakIn(_Body):
    """What the loudspeakers of a hall shall say to everybody. `times`: how often an emergency is said, 3 unless told otherwise."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_text), AfterValidator(_speakable)]
    lang: Literal["vi", "en"] | None = None
    priority: Literal["notice", "emergency"] | None = None
    times: Annotated[int, Field(ge=1, le=3)] | None = None


class ServicesIn(_Body):
    services: Annotated[list[Id], Field(min_length=1, max_length=100)]


ClockTime = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class HoursIn(_Body):
    """What holds today instead of the site document's hours; nothing means: as written there."""

    last_ticket: ClockTime | None = None
    closes: ClockTime | None = None


class StaffIn(_Body):
    name: Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_text)]
    role: Literal["clerk", "helper", "supervisor", "inspector", "admin"]
    password: Annotated[str, StringConstraints(min_length=8, max_length=256)]
    display_name: DisplayName | None = None


class DisplayNameIn(_Body):
    display_name: DisplayName | None = None


class NewPasswordIn(_Body):
    password: Annotated[str, StringConstraints(min_length=8, max_length=256)]


class OwnPasswordIn(_Body):
    old: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    new: Annotated[str, StringConstraints(min_length=8, max_length=256)]


class DeviceIn(_Body):
    name: Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_text)]
    kind: Literal["kiosk", "display", "audio"]
    place: Place | None = None


class ReprintIn(_Body):
    """Where; a kiosk prints at its own place."""

    kiosk: Id | None = None


ReceiptLine = Annotated[str, StringConstraints(min_length=1, max_length=120), AfterValidator(_text), AfterValidator(_something)]


class ReceiptIn(_Body):
    """What the office's tickets look like; `logo` is a PNG in base64."""

    header: Annotated[list[ReceiptLine], Field(max_length=2)] = []
    footer: Annotated[list[ReceiptLine], Field(max_length=3)] = []
    without: Annotated[list[Literal["mark", "counters", "ahead", "expected", "qr", "missed", "hotline"]], Field(max_length=7)] = []
    logo: Annotated[str, StringConstraints(max_length=16_000)] | None = None


class PreviewIn(ReceiptIn):
    paper: Literal[80, 58] = 80


class SumIn(_Body):
    """The answer to the sum of a `sum_needed`, with its token."""

    token: Annotated[str, StringConstraints(max_length=200)]
    answer: Annotated[str, StringConstraints(max_length=10)]


class PairingIn(_Body):
    """What a device without a key says of itself."""

    kind: Literal["kiosk", "display", "audio"]
    site: Id | None = None
    place: Place | None = None


class PairingSecretIn(_Body):
    secret: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class PairIn(_Body):
    """The code as it was typed, and what the device shall be. `kind` is only compared: the device itself says what it is."""

    code: Annotated[str, StringConstraints(min_length=1, max_length=20), AfterValidator(_text)]
    name: Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_text), AfterValidator(_something)]
    kind: Literal["kiosk", "display", "audio"] | None = None
    place: Place | None = None


class BookIn(_Body):
    """A booking: of a service, or of a procedure and so of its service. Without `start` a live number for today, where there are any."""

    service: Id | None = None
    procedure: Id | None = None
    start: Instant | None = None
    name: Annotated[str, StringConstraints(min_length=1, max_length=80), AfterValidator(_text), AfterValidator(_something)] | None = None
    phone: OwnPhone | None = None
    email: Email | None = None
    consent: bool | None = None
    lang: Literal["vi", "en"] | None = None
    sum: SumIn | None = None


class ChangeIn(_Body):
    """Another time, or `consent: false`: the contact is erased."""

    start: Instant | None = None
    consent: Literal[False] | None = None


class CheckInIn(_Body):
    lang: Literal["vi", "en"] | None = None
    priority: Id | None = None
    kiosk: Id | None = None


class AwaitIn(_Body):
    """Whom to tell when a place comes free on a full day."""

    service: Id
    email: Email
    consent: Literal[True]
    lang: Literal["vi", "en"] | None = None


class ClosureIn(_Body):
    start: Instant
    end: Instant
    reason: Line
    service: Id | None = None


VISIBLE_ASCII = re.compile(r"[\x21-\x7e]{1,200}")
