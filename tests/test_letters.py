"""What a citizen reads: it says what happened, what stays valid and what to do, and no calendar can misread it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from datetime import timedelta
from typing import Any

import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st
from office import at

from server.letters import STANDS, Kind, Letter, calendar, mail

CODE = "482137504582713063"
LINK = f"https://so.anmau.gov.vn/h/{CODE}"
LANGS = ("vi", "en")
GONE = (Kind.CANCELLED, Kind.DISPLACED)


def letter(kind: str = Kind.BOOKED, lang: str = "vi", **changes: Any) -> Letter:
    return replace(
        Letter(
            kind,
            lang,
            "UBND phường An Mẫu",
            "Số 1 phố Thử, phường An Mẫu",
            "0236 000 0000",
            "Chứng thực",
            "Chứng thực bản sao từ bản chính",
            ("bản chính", "bản cần chứng thực"),
            at("08:45"),
            at("09:00"),
            CODE,
            "482 1375",
            LINK,
            "",
        ),
        **changes,
    )


def entry(text: str) -> Any:
    """The one appointment of a calendar file, read by a program that did not write it for us."""
    (found,) = icalendar.Calendar.from_ical(text).walk("VEVENT")
    return found


# -- the mail --------------------------------------------------------------------------------------------------------------------


def test_whoever_gave_a_name_is_greeted_by_it() -> None:
    assert mail(letter(name="Nguyễn Thị  Lan")).text.startswith("Kính gửi ông/bà Nguyễn Thị Lan,\n\nUBND phường An Mẫu\n")
    assert mail(letter(lang="en", name="Anne-Marie O'Neill")).text.startswith("Dear Anne-Marie O'Neill,\n\n")
    assert mail(letter()).text.startswith("UBND phường An Mẫu\n")


@pytest.mark.parametrize("typed", ["trúng thưởng: bit.ly/x", "gọi 0900123456", "a" * 41, "Vào-http://x", "Lan!", "x y z a b c d e f"])
def test_no_stranger_puts_words_into_the_mouth_of_the_office(typed: str) -> None:
    assert mail(letter(name=typed)).text.startswith("UBND phường An Mẫu\n")


def test_a_booking_says_when_where_with_what_and_how_late_is_still_on_time() -> None:
    sent = mail(letter())
    assert sent.subject == "Đã đặt lịch hẹn: 08:45 thứ Sáu 20/11/2026" and sent.sender == "UBND phường An Mẫu"
    for line in (
        "Đã ghi lịch hẹn của ông/bà.",
        "Lĩnh vực: Chứng thực",
        "Thủ tục: Chứng thực bản sao từ bản chính",
        "Giờ hẹn: 08:45 thứ Sáu 20/11/2026",
        "Nơi đến: UBND phường An Mẫu, Số 1 phố Thử, phường An Mẫu",
        "Mã hẹn: 482 1375",
        "Đến trước 09:00 vẫn là đúng giờ.",
        "Đến trễ hơn vẫn được phục vụ, nhưng phải chờ lâu hơn.",
        "- Bản chính",
        "- Bản cần chứng thực",
        "Xem, dời hoặc hủy lịch hẹn:",
        LINK,
        "Hoặc gọi 0236 000 0000 và đọc mã hẹn.",
    ):
        assert line in sent.text.splitlines(), line


def test_the_same_in_english() -> None:
    sent = mail(letter(lang="en"))
    assert sent.subject == "Your appointment is booked: 08:45 Friday 20/11/2026"
    for line in ("Code: 482 1375", "Until 09:00 you are on time.", "Please bring:", LINK, "Or call 0236 000 0000 and read out the code."):
        assert line in sent.text.splitlines(), line


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("kind", Kind)
def test_every_letter_speaks_as_the_office_does(kind: Kind, lang: str) -> None:
    sent = mail(letter(kind, lang, reason="Nghỉ bão"))
    text = f"{sent.subject}\n{sent.text}"
    assert not re.search(r"\bbạn\b|quý khách|khách hàng|lỗi|hệ thống|vui lòng", text, re.IGNORECASE)
    assert text == unicodedata.normalize("NFC", text)
    sentences = [s for line in sent.text.splitlines() if line.endswith((".", ":")) for s in re.split(r"(?<=[.:])\s", line)]
    assert [s for s in sentences if len(s.split()) > 14] == []
    assert "20/11/2026" in text and "11/20/" not in text
    assert ("ông/bà" in text) == (lang == "vi")
    assert "Nghỉ bão" in text


@pytest.mark.parametrize("kind", Kind)
def test_the_code_is_told_where_there_is_something_to_do_with_it_and_the_long_one_only_in_the_link(kind: Kind) -> None:
    text = mail(letter(kind)).text
    assert ("482 1375" in text) == (kind in STANDS or kind == Kind.DISPLACED)
    assert CODE in text and CODE not in text.replace(LINK, "")
    assert CODE not in mail(letter(kind, url=None)).text


def test_an_office_without_a_public_address_is_called_by_telephone() -> None:
    assert "Xem, dời hoặc hủy lịch hẹn: gọi 0236 000 0000 và đọc mã hẹn." in mail(letter(url=None)).text
    nothing = mail(letter(url=None, hotline="")).text
    assert "Xem, dời" not in nothing and "gọi" not in nothing and "\n\n\n" not in nothing


@pytest.mark.parametrize("lang", LANGS)
def test_who_need_not_come_is_not_told_how_to_come(lang: str) -> None:
    for kind in GONE:
        text = mail(letter(kind, lang)).text
        assert not re.search("Mời mang theo|Please bring|Khi đến|When you arrive", text)
        assert re.search("lấy số tại chỗ|take a number", text)


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("kind", GONE)
def test_nobody_is_sent_to_take_a_number_when_there_are_none(kind: Kind, lang: str) -> None:
    assert not re.search("lấy số|take a number", mail(letter(kind, lang, numbers=False)).text)


def test_a_booking_that_counts_from_its_registration_is_never_late() -> None:
    assert "đúng giờ" not in mail(letter(grace=None)).text
    assert "Đến trước 09:15 vẫn là đúng giờ." in mail(letter(grace=timedelta(minutes=30))).text


def test_what_staff_typed_over_several_lines_is_one_line() -> None:
    sent = mail(letter(Kind.DISPLACED, office="UBND\r\nBcc: x@y.example", reason="Nghỉ\n\nbão"))
    assert "Lý do: Nghỉ bão" in sent.text.splitlines()
    assert sent.sender == "UBND Bcc: x@y.example" and "\n" not in sent.subject


# -- the calendar ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", LANGS)
def test_a_calendar_reads_the_right_instant_and_place(lang: str) -> None:
    text = mail(letter(lang=lang)).calendar
    assert text is not None
    found = entry(text)
    assert found.decoded("dtstart") == at("08:45") and found.decoded("dtend") == at("09:00")
    assert "DTSTART:20261120T014500Z" in text
    assert found["location"] == "UBND phường An Mẫu, Số 1 phố Thử, phường An Mẫu"
    assert "482 1375" in found["description"] and LINK in found["description"] and found["url"] == LINK
    assert str(found["status"]) == "CONFIRMED" and "METHOD:PUBLISH" in text
    assert found["uid"] and CODE not in found["uid"]


def test_what_was_booked_moved_and_cancelled_is_one_entry_and_the_newest_holds() -> None:
    booked = entry(calendar(letter(at=at("08:00"))))
    moved = entry(calendar(letter(Kind.MOVED, start=at("10:00"), end=None, at=at("08:00:01"))))
    gone = entry(calendar(letter(Kind.CANCELLED, at=at("08:05"))))
    assert booked["uid"] == moved["uid"] == gone["uid"] != entry(calendar(letter(code="582137504582713063")))["uid"]
    assert booked["sequence"] < moved["sequence"] < gone["sequence"]
    assert booked.decoded("dtstamp") == at("08:00") and "dtend" not in moved
    assert str(gone["status"]) == "CANCELLED" == str(entry(calendar(letter(Kind.DISPLACED)))["status"])
    assert [entry(calendar(letter(kind)))["sequence"] for kind in (Kind.BOOKED, Kind.MOVED, Kind.CANCELLED)] == [0, 1, 1]


def test_without_a_time_there_is_nothing_for_a_calendar() -> None:
    assert mail(letter(start=None, end=None)).calendar is None
    assert mail(letter(Kind.PLACE_FREE)).calendar is None
    with pytest.raises(ValueError, match="time"):
        calendar(letter(start=None))


words = st.text(st.characters(exclude_categories=["Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"]), max_size=200).map(lambda text: text.strip())


@given(service=words, office=words, document=words)
def test_a_calendar_file_keeps_every_text_and_no_line_is_too_long(service: str, office: str, document: str) -> None:
    text = calendar(letter(service=service, procedure=None, office=office, documents=(document,)))
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n")) and "\n" not in text.replace("\r\n", "")
    expected = unicodedata.normalize("NFC", " ".join(f"Lịch hẹn: {service}".split()))
    assert str(entry(text)["summary"]) == expected
