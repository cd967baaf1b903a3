"""What a citizen is told about an appointment: a mail, and the calendar file that goes with it.

Pure: values in, text out. Wording after the screen brief: "ông/bà" or no pronoun, one idea a sentence, what happened, what stays valid,
what to do now. The long code stands in the link alone; read aloud and typed is the short one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple

import icalendar

from server.core.site import Rules
from server.core.words import capital, hhmm, long_date

NAME_MOST = 40
_NAME = re.compile(r"[^\W\d_]+(?:[ '’-][^\W\d_]+){0,7}")
SEQUENCE_FROM = datetime(2026, 1, 1, tzinfo=UTC)


class Kind(StrEnum):
    BOOKED = "booked"
    MOVED = "moved"
    CANCELLED = "cancelled"
    DISPLACED = "displaced"
    """The office closed that time: choose another."""
    RESTORED = "restored"
    """It opened that time again: whoever was told to choose another may come."""
    REMINDER = "reminder"
    PLACE_FREE = "place_free"
    """Somebody on the waiting list may book now."""


STANDS = frozenset({Kind.BOOKED, Kind.MOVED, Kind.RESTORED, Kind.REMINDER})
"""After these there is an appointment to come to."""


@dataclass(frozen=True, slots=True)
class Letter:
    """Everything a notice says. `start` and `end` in the office's zone, as they are printed."""

    kind: str
    lang: str
    office: str
    office_address: str
    hotline: str
    service: str
    procedure: str | None
    documents: tuple[str, ...]
    start: datetime | None
    end: datetime | None
    code: str
    """All 18 digits."""
    spoken: str
    """`482 1375`."""
    url: str | None
    """Where the holder looks, moves and cancels; None unless the site has a public address."""
    reason: str
    name: str = ""
    """As the holder has written it; it greets and does nothing else."""
    grace: timedelta | None = Rules().grace
    """So late is still on time; None where a booking counts from its registration."""
    at: datetime | None = None
    """When this was written: a calendar keeps the later of two files about one appointment."""
    registered: datetime | None = None
    """Of a number for today taken from home, which has no time: when it was taken."""
    rules: tuple[str, ...] = ()
    """How numbers are called, for whoever has no time to come at."""
    numbers: bool = True
    """Whether somebody without an appointment gets a number at that time."""


class Mail(NamedTuple):
    subject: str
    text: str
    calendar: str | None
    """RFC 5545."""
    sender: str = ""
    """The name before the address it comes from."""


# -- the mail --------------------------------------------------------------------------------------------------------------------

Words = Mapping[str, str]

_SUBJECT: Mapping[str, Words] = {
    "vi": {
        Kind.BOOKED: "Đã đặt lịch hẹn",
        Kind.MOVED: "Đã dời lịch hẹn",
        Kind.CANCELLED: "Đã hủy lịch hẹn",
        Kind.DISPLACED: "Mời chọn giờ hẹn khác",
        Kind.RESTORED: "Lịch hẹn vẫn như cũ",
        Kind.REMINDER: "Nhắc lịch hẹn",
        Kind.PLACE_FREE: "Vừa có chỗ trống",
    },
    "en": {
        Kind.BOOKED: "Your appointment is booked",
        Kind.MOVED: "Your appointment has moved",
        Kind.CANCELLED: "Your appointment is cancelled",
        Kind.DISPLACED: "Please choose another time",
        Kind.RESTORED: "Your time stands again",
        Kind.REMINDER: "Reminder of your appointment",
        Kind.PLACE_FREE: "A place is free",
    },
}
_HAPPENED: Mapping[str, Words] = {
    "vi": {
        Kind.BOOKED: "Đã ghi lịch hẹn của ông/bà.",
        Kind.MOVED: "Lịch hẹn của ông/bà đã dời sang giờ mới.\nGiờ cũ không còn giữ chỗ.",
        Kind.CANCELLED: "Lịch hẹn này đã hủy.\nÔng/bà không cần đến vào giờ đó nữa.",
        Kind.DISPLACED: "Rất tiếc, giờ đã hẹn không tiếp được ông/bà.\nMong ông/bà thông cảm và chọn giờ khác.",
        Kind.RESTORED: "Thư trước báo giờ này không tiếp được ông/bà.\nNay tiếp được: mời ông/bà đến như đã hẹn.",
        Kind.REMINDER: "Nhắc ông/bà về lịch hẹn sắp tới.",
        Kind.PLACE_FREE: "Vừa có chỗ trống mà ông/bà đang chờ.\nChỗ này chưa giữ cho ai: đặt trước được trước.",
    },
    "en": {
        Kind.BOOKED: "Your appointment is booked.",
        Kind.MOVED: "Your appointment has a new time.\nThe old time is no longer yours.",
        Kind.CANCELLED: "This appointment is cancelled.\nYou need not come at that time.",
        Kind.DISPLACED: "We are sorry: we cannot see you at the booked time.\nPlease choose another time.",
        Kind.RESTORED: "We wrote that we cannot see you at this time.\nNow we can: please come as booked.",
        Kind.REMINDER: "This is a reminder of your appointment.",
        Kind.PLACE_FREE: "A place that you wait for is free.\nIt is kept for nobody: who books first gets it.",
    },
}
_LIVE: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "vi": {
        Kind.BOOKED: ("Đã lấy số qua mạng", "Đã ghi số qua mạng của ông/bà cho hôm nay."),
        Kind.CANCELLED: ("Đã hủy số qua mạng", "Số qua mạng này đã hủy."),
    },
    "en": {
        Kind.BOOKED: ("Your number for today is taken", "Your number for today is taken."),
        Kind.CANCELLED: ("Your number for today is cancelled", "Your number for today is cancelled."),
    },
}
"""Subject and first sentence where there is no time."""
_LABELS: Mapping[str, Words] = {
    "vi": {
        "registered": "Đăng ký lúc",
        "rules": "Quy tắc gọi số:",
        "service": "Lĩnh vực",
        "procedure": "Thủ tục",
        "time": "Giờ hẹn",
        "place": "Nơi đến",
        "code": "Mã hẹn",
        "reason": "Lý do",
        "bring": "Mời mang theo:",
    },
    "en": {
        "registered": "Registered at",
        "rules": "How numbers are called:",
        "service": "Service",
        "procedure": "Procedure",
        "time": "Time",
        "place": "Place",
        "code": "Code",
        "reason": "Reason",
        "bring": "Please bring:",
    },
}
_LINK: Mapping[str, Mapping[Kind, str]] = {
    "vi": dict.fromkeys(STANDS, "Xem, dời hoặc hủy lịch hẹn:")
    | {Kind.CANCELLED: "Đặt lịch khác:", Kind.DISPLACED: "Chọn giờ khác:", Kind.PLACE_FREE: "Đặt chỗ này:"},
    "en": dict.fromkeys(STANDS, "See, move or cancel it:")
    | {Kind.CANCELLED: "Book another:", Kind.DISPLACED: "Choose another time:", Kind.PLACE_FREE: "Book it:"},
}


def mail(letter: Letter) -> Mail:
    """The mail of a notice, with the calendar file where a time is kept or given up."""
    lang = _lang(letter)
    subject, happened = _SUBJECT[lang][letter.kind], _HAPPENED[lang][letter.kind]
    if letter.registered is not None:
        subject, happened = _LIVE[lang].get(letter.kind, (subject, happened))
    at = letter.start or letter.registered
    when = f": {_when(at, lang)}" if at else ""
    blocks = [
        _greeting(letter, lang),
        f"{letter.office}\n{happened}",
        _facts(letter, lang),
        _arrival(letter, lang),
        _bring(letter, lang),
        _ways(letter, lang),
        _rules(letter, lang),
        _manners(letter, lang),
    ]
    dated = letter.start is not None and letter.kind != Kind.PLACE_FREE
    return Mail(
        _line(f"{subject}{when}"),
        unicodedata.normalize("NFC", "\n\n".join(block for block in blocks if block) + "\n"),
        calendar(letter) if dated else None,
        _line(letter.office),
    )


def _greeting(letter: Letter, lang: str) -> str:
    """Only what looks like a name: anybody may have the office write to anybody's address, and must not choose the words."""
    name = _line(letter.name)
    if len(name) > NAME_MOST or not _NAME.fullmatch(name):
        return ""
    return f"Dear {name}," if lang == "en" else f"Kính gửi ông/bà {name},"


def _lang(letter: Letter) -> str:
    return "en" if letter.lang == "en" else "vi"


def _line(text: str) -> str:
    """One line: what staff typed over several, or what a header must not hold."""
    return unicodedata.normalize("NFC", " ".join(text.split()))


def _when(start: datetime, lang: str) -> str:
    return f"{hhmm(start)} {long_date(start.date(), lang)}"


def _place(letter: Letter) -> str:
    return ", ".join(part for part in (letter.office, letter.office_address) if part)


def _facts(letter: Letter, lang: str) -> str:
    facts = {
        "service": letter.service,
        "procedure": letter.procedure or "",
        "time": _when(letter.start, lang) if letter.start else "",
        "registered": _when(letter.registered, lang) if letter.registered else "",
        "place": _place(letter),
        "code": letter.spoken if letter.kind in STANDS or letter.kind == Kind.DISPLACED else "",
        "reason": letter.reason,
    }
    return "\n".join(f"{_LABELS[lang][name]}: {_line(fact)}" for name, fact in facts.items() if fact.strip())


def _arrival(letter: Letter, lang: str) -> str:
    """How to come, and how late is still on time."""
    if letter.kind not in STANDS or (letter.start or letter.registered) is None:
        return ""
    english = lang == "en"
    said = ["When you arrive, type the code at the ticket machine." if english else "Khi đến, mời bấm mã hẹn ở máy lấy số."]
    if letter.start is None:
        said += ["The code is valid today only."] if english else ["Mã chỉ dùng trong hôm nay."]
    elif letter.grace is not None:
        until = hhmm(letter.start + letter.grace)
        said += (
            [f"Until {until} you are on time.", "If you come later, you are still served, but you wait longer."]
            if english
            else [f"Đến trước {until} vẫn là đúng giờ.", "Đến trễ hơn vẫn được phục vụ, nhưng phải chờ lâu hơn."]
        )
    return "\n".join(said)


def _bring(letter: Letter, lang: str) -> str:
    if letter.kind in (Kind.CANCELLED, Kind.DISPLACED) or not letter.documents:
        return ""
    return "\n".join([_LABELS[lang]["bring"], *(f"- {capital(_line(document))}" for document in letter.documents)])


def _ways(letter: Letter, lang: str) -> str:
    """How to move or cancel: the link, else or also the telephone."""
    by_phone = letter.hotline and (
        f"call {letter.hotline} and read out the code." if lang == "en" else f"gọi {letter.hotline} và đọc mã hẹn."
    )
    if letter.kind in (Kind.CANCELLED, Kind.PLACE_FREE):
        by_phone = letter.hotline and (f"call {letter.hotline}." if lang == "en" else f"gọi {letter.hotline}.")
    there = _LINK[lang][Kind(letter.kind)]
    if letter.registered is not None and letter.kind in STANDS:
        there = "See or cancel it:" if lang == "en" else "Xem hoặc hủy số này:"
    link = f"{there}\n{letter.url}" if letter.url else ""
    if link and by_phone:
        return f"{link}\n{'Or' if lang == 'en' else 'Hoặc'} {by_phone}"
    return link or (f"{there} {by_phone}" if by_phone else "")


def _rules(letter: Letter, lang: str) -> str:
    """The five lines, for whoever is told no time: the queue time alone says when it is their turn."""
    if letter.kind not in STANDS or not letter.rules:
        return ""
    return "\n".join([_LABELS[lang]["rules"], *(f"- {line}" for line in letter.rules)])


def _manners(letter: Letter, lang: str) -> str:
    if letter.kind in (Kind.REMINDER, Kind.RESTORED):
        return (
            "If you cannot come, please cancel: somebody else needs the place."
            if lang == "en"
            else "Không đến được, mời ông/bà hủy để nhường chỗ cho người khác."
        )
    if letter.kind in (Kind.CANCELLED, Kind.DISPLACED) and letter.numbers:
        return (
            "You may also come without an appointment and take a number."
            if lang == "en"
            else "Không hẹn cũng được: mời ông/bà đến lấy số tại chỗ."
        )
    return ""


# -- the calendar ----------------------------------------------------------------------------------------------------------------


def calendar(letter: Letter) -> str:
    """The appointment as a calendar file: published, moved or taken back. All files of one code speak of one entry, and the newest holds.

    Raises ValueError without a time. The entry's name is a hash: it passes through servers and logs, and whoever has the code may cancel.
    """
    if letter.start is None:
        raise ValueError("an appointment in a calendar has a time")
    lang = _lang(letter)
    taken_back = letter.kind in (Kind.CANCELLED, Kind.DISPLACED)
    file = icalendar.Calendar()
    file.add("prodid", "-//Moi So//Moi So//VI")
    file.add("version", "2.0")
    file.add("method", "PUBLISH")
    entry = icalendar.Event()
    entry.add("uid", f"{sha256(letter.code.encode()).hexdigest()[:32]}@moiso")
    # The stamp is compulsory; a file without one of its own is as old as its time.
    entry.add("dtstamp", (letter.at or letter.start).astimezone(UTC))
    entry.add("sequence", _sequence(letter))
    entry.add("status", "CANCELLED" if taken_back else "CONFIRMED")
    entry.add("dtstart", letter.start.astimezone(UTC))
    if letter.end is not None:
        entry.add("dtend", letter.end.astimezone(UTC))
    title = {"en": ("Appointment", "Cancelled"), "vi": ("Lịch hẹn", "Đã hủy")}[lang][taken_back]
    entry.add("summary", _line(f"{title}: {letter.procedure or letter.service}"))
    entry.add("location", _line(_place(letter)))
    blocks = (_facts(letter, lang), _arrival(letter, lang), _bring(letter, lang), _ways(letter, lang))
    entry.add("description", unicodedata.normalize("NFC", "\n\n".join(block for block in blocks if block)))
    if letter.url:
        entry.add("url", letter.url)
    file.add_component(entry)
    return bytes(file.to_ical()).decode()


def _sequence(letter: Letter) -> int:
    """Grows with every change. Seconds rather than a count, which somebody would have to keep for each appointment."""
    if letter.at is not None:
        return max(1, int((letter.at - SEQUENCE_FROM).total_seconds()))
    return int(letter.kind not in (Kind.BOOKED, Kind.REMINDER))
