"""The morning check as values: each finding says what is right or wrong in a sentence, and what to do about it."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from office import FRIDAY, HOURS, Office, at, small_site, span

from server.core import checkup, decide
from server.core.alarms import Alarm, Device
from server.core.checkup import Answer, Finding, State, Trial

pytestmark = pytest.mark.core

DAY = timedelta(days=1)
PRINTED, JAM, PERHAPS = Answer(True, "printed"), Answer(False, "failed: cover"), Answer(False, "unknown")
HEARD, SHOWN, MUTE = Answer(True, "heard"), Answer(True, "shown"), Answer(False, "no voice")


def device(name: str = "k1", kind: str = "kiosk", **more: Any) -> Device:
    return Device(name, kind, more.pop("place", name), 100.0, more.pop("connected", True), **more)


def one(found: list[Finding]) -> Finding:
    assert len(found) == 1
    return found[0]


def equipped(*devices: Device) -> Finding:
    return one(checkup.equipment(replace(small_site(), kiosks=()), devices, 101.0, "1.0"))


def kiosk(answers: dict[str, Answer], over: bool = False) -> Finding:
    return checkup.prints("k1", "Máy 1", Trial(answers, over), quiet=False)


def loud(answers: dict[str, Answer], over: bool = False, *, quiet: bool = False) -> Finding:
    return one(checkup.sounds("main", "Tầng 1", ["loa"], Trial(answers, over), quiet=quiet))


def wall(answers: dict[str, Answer], over: bool = False) -> Finding:
    return one(checkup.screens("main", "Tầng 1", ["tv"], Trial(answers, over)))


def opened(clock: str = "07:20", *does: Callable[[Office], object], **site: Any) -> Finding:
    office = Office(small_site(**site), clock)
    for do in does:
        do(office)
    return checkup.opening(office.day, office.now)


def stop(office: Office) -> None:
    office.do(decide.stop_service, service="copies")


def stay_on(office: Office) -> None:
    office.do(decide.change_hours, last_ticket=None, closes=at("18:00"))


def end(office: Office) -> None:
    office.do(decide.close_day)


THERE = date(2026, 11, 20)
PAST_CHANGE = {"since_s": {"paper": 90.0, "clock": 90.0}}
CASES: list[tuple[Callable[[], Finding], str, State, str]] = [
    # devices
    (lambda: equipped(device(facts={"paper": "ok"}, clock_offset_s=0.2)), "device k1", State.GOOD, "đang nối, còn giấy, đúng giờ"),
    (lambda: equipped(device("tv", "display")), "device tv", State.GOOD, "Màn hình tv: đang nối"),
    (lambda: equipped(device(page=True)), "page k1", State.GOOD, "Màn hình máy lấy số k1: đang nối"),
    (lambda: equipped(device(connected=False)), "device k1", State.BAD, "mất kết nối"),
    (lambda: equipped(device(facts={"paper": "low"}, **PAST_CHANGE)), "device k1", State.ATTENTION, "sắp hết giấy"),
    (lambda: equipped(device(facts={"paper": "out"}, clock_offset_s=90, **PAST_CHANGE)), "device k1", State.BAD, "lệch giờ 90 giây"),
    (lambda: equipped(device(facts={"version": "0.9"})), "device k1", State.ATTENTION, "chạy bản 0.9, máy chủ chạy bản 1.0"),
    (lambda: equipped(device(facts={"version": "1.0"})), "device k1", State.GOOD, "đang nối"),
    (lambda: one(checkup.equipment(small_site(), [], 101.0, "1.0")), "device k1", State.ATTENTION, "Máy 1: chưa ghép máy nào"),
    # paper
    (lambda: checkup.prints("k1", "Máy 1", None, quiet=False), "print k1", State.UNKNOWN, "chưa in thử"),
    (lambda: checkup.prints("k1", "Máy 1", None, quiet=True), "print k1", State.UNKNOWN, "chưa in thử"),
    (lambda: kiosk({}), "print k1", State.RUNNING, "đang in"),
    (lambda: kiosk({}, over=True), "print k1", State.BAD, "không trả lời"),
    (lambda: kiosk({"k1": PRINTED}), "print k1", State.GOOD, "đã in phiếu thử"),
    (lambda: kiosk({"k1": JAM}), "print k1", State.BAD, "không in được"),
    (lambda: kiosk({"k1": PERHAPS}), "print k1", State.ATTENTION, "không biết"),
    # sound
    (lambda: one(checkup.sounds("main", "Tầng 1", [], None, quiet=False)), "sound main", State.ATTENTION, "không có loa"),
    (lambda: one(checkup.sounds("main", "Tầng 1", ["loa"], None, quiet=False)), "sound loa", State.UNKNOWN, "chưa thử tiếng"),
    (lambda: loud({"loa": HEARD}, quiet=True), "sound loa", State.UNKNOWN, "chưa thử tiếng"),
    (lambda: loud({}), "sound loa", State.RUNNING, "đang phát"),
    (lambda: loud({}, over=True), "sound loa", State.BAD, "không trả lời"),
    (lambda: loud({"loa": HEARD}), "sound loa", State.GOOD, "đã phát âm thử"),
    (lambda: loud({"loa": SHOWN}), "sound loa", State.BAD, "không phát được"),
    (lambda: loud({"loa": MUTE}), "sound loa", State.BAD, "không phát được"),
    # screens
    (lambda: one(checkup.screens("main", "Tầng 1", [], None)), "screen main", State.ATTENTION, "không có màn hình"),
    (lambda: one(checkup.screens("main", "Tầng 1", ["tv"], None)), "screen tv", State.UNKNOWN, "chưa thử hình"),
    (lambda: wall({"tv": SHOWN}), "screen tv", State.GOOD, "đã hiện"),
    (lambda: wall({"tv": MUTE}), "screen tv", State.GOOD, "đã hiện"),
    (lambda: wall({}), "screen tv", State.RUNNING, "đang hiện"),
    (lambda: wall({}, over=True), "screen tv", State.BAD, "không trả lời"),
    # the server
    (lambda: checkup.disk(None), "disk", State.UNKNOWN, "Không biết"),
    (lambda: checkup.disk(199_999_999), "disk", State.BAD, "199 MB"),
    (lambda: checkup.disk(999_999_999), "disk", State.ATTENTION, "999 MB"),
    (lambda: checkup.disk(12_340_000_000), "disk", State.GOOD, "12,3 GB"),
    (lambda: checkup.ballast(True, 64 * 2**20), "ballast", State.GOOD, "chỗ dự phòng"),
    (lambda: checkup.ballast(False, 64 * 2**20), "ballast", State.ATTENTION, "không còn chỗ để dành 64 MB"),
    (lambda: checkup.database(None), "database", State.GOOD, "nguyên vẹn"),
    (lambda: checkup.database("row 3 missing"), "database", State.BAD, "bị hỏng"),
    (lambda: checkup.copies(None), "copy", State.ATTENTION, "Chưa có bản sao"),
    (lambda: checkup.copies(timedelta(minutes=12)), "copy", State.GOOD, "12 phút trước"),
    (lambda: checkup.copies(timedelta(hours=36)), "copy", State.GOOD, "36 giờ trước"),
    (lambda: checkup.copies(timedelta(hours=37)), "copy", State.ATTENTION, "37 giờ trước"),
    (lambda: checkup.copies(9 * DAY), "copy", State.BAD, "9 ngày trước"),
    (lambda: checkup.replica(0.4), "replica", State.GOOD, "theo kịp từng giây"),
    (lambda: checkup.replica(61), "replica", State.ATTENTION, "chậm 61 giây"),
    (lambda: checkup.replica(float("inf")), "replica", State.BAD, "không theo kịp"),
    (lambda: checkup.clock(0.4, THERE, rehearsal=False), "clock", State.GOOD, "đúng"),
    (lambda: checkup.clock(-20, THERE, rehearsal=False), "clock", State.ATTENTION, "lệch giờ máy chủ 20 giây"),
    (lambda: checkup.clock(3600, THERE, rehearsal=False), "clock", State.BAD, "lệch giờ máy chủ 1 giờ"),
    (lambda: checkup.clock(172800, THERE, rehearsal=False), "clock", State.BAD, "lệch giờ máy chủ 2 ngày"),
    (lambda: checkup.clock(-9e8, THERE, rehearsal=False, lost=True), "clock", State.BAD, "mất ngày giờ"),
    (lambda: checkup.clock(3600, THERE, rehearsal=True), "clock", State.ATTENTION, "tập dượt"),
    (lambda: checkup.mail(None), "mail", State.GOOD, "trả lời"),
    (lambda: checkup.mail("timed out"), "mail", State.ATTENTION, "timed out"),
    (lambda: checkup.program("voice", True, "Giọng đọc", "Cài."), "voice", State.GOOD, "Giọng đọc: có"),
    (lambda: checkup.program("voice", False, "Giọng đọc", "Cài."), "voice", State.BAD, "chưa cài"),
    # the office
    (lambda: opened(), "opening", State.GOOD, "07:30–17:00"),
    (lambda: opened(hours=replace(HOURS, week=((span("00:00", "24:00"),),) * 7)), "opening", State.GOOD, "00:00–24:00"),
    (lambda: opened("07:20", stop), "opening", State.ATTENTION, "đang dừng cấp số: Chứng thực"),
    (lambda: opened("07:20", stay_on), "opening", State.ATTENTION, "07:30–18:00, đã đổi riêng"),
    (lambda: opened("17:20", end), "opening", State.ATTENTION, "đã đóng"),
    (lambda: opened(hours=replace(HOURS, holidays={FRIDAY: "Quốc khánh"})), "opening", State.GOOD, "Hôm nay nghỉ: Quốc khánh"),
    (lambda: opened(hours=replace(HOURS, week=((),) * 7)), "opening", State.GOOD, "không làm việc"),
    (lambda: checkup.holidays([], FRIDAY), "holidays", State.ATTENTION, "năm 2026 và 2027"),
    (lambda: checkup.holidays([date(2026, 9, 2)], FRIDAY), "holidays", State.ATTENTION, "năm 2027"),
    (lambda: checkup.holidays([date(2027, 2, 6), date(2026, 9, 2)], FRIDAY), "holidays", State.GOOD, "thứ Bảy 06/02/2027"),
    (lambda: checkup.document([]), "document", State.GOOD, "không có điều gì"),
    (lambda: checkup.document(["Letters B and D sound alike."]), "document", State.ATTENTION, "1 điều"),
    (lambda: checkup.address(None), "address", State.GOOD, "không in mã QR"),
    (lambda: checkup.address("https://so.example.vn"), "address", State.GOOD, "so.example.vn"),
    (lambda: checkup.address("http://so.example.vn"), "address", State.ATTENTION, "không mã hóa"),
    (lambda: checkup.address("http://127.0.0.1:8000"), "address", State.BAD, "127.0.0.1"),
    (lambda: checkup.address("https://localhost"), "address", State.BAD, "localhost"),
]


@pytest.mark.parametrize(("look", "name", "state", "said"), CASES)
def test_each_finding_says_what_is_and_what_to_do(look: Callable[[], Finding], name: str, state: State, said: str) -> None:
    found = look()
    assert (found.name, found.state) == (name, state)
    assert said in found.words
    assert (found.todo == "") == (state in (State.GOOD, State.RUNNING)), found.todo
    text = f"{found.words} {found.todo}"
    assert text == unicodedata.normalize("NFC", text)
    assert "lỗi" not in text.lower() and not found.words.endswith(".")


def test_calls_that_nobody_heard_are_found_too() -> None:
    unheard = Alarm("unanswered", "audio", "main", "main", "Lời gọi A012 không có loa nào trả lời", "Xem loa.", 90.0)
    found = checkup.equipment(small_site(), [device()], 101.0, "1.0", [unheard])
    assert [(each.name, each.state) for each in found] == [("device k1", State.GOOD), ("call main", State.BAD)]


@pytest.mark.parametrize(
    ("states", "whole"),
    [
        ([], State.GOOD),
        ([State.GOOD, State.GOOD], State.GOOD),
        ([State.GOOD, State.UNKNOWN], State.ATTENTION),
        ([State.ATTENTION, State.GOOD], State.ATTENTION),
        ([State.ATTENTION, State.BAD], State.BAD),
        ([State.BAD, State.RUNNING], State.RUNNING),
    ],
)
def test_the_list_is_as_good_as_its_worst_line_once_it_is_whole(states: list[State], whole: State) -> None:
    assert checkup.overall(Finding(str(number), state, "") for number, state in enumerate(states)) is whole


def test_staff_are_reminded_from_07_25_of_a_working_day_until_they_have_looked() -> None:
    office = Office(clock="07:24")
    assert not checkup.is_due(office.day, office.now)
    office.at("07:25")
    assert checkup.is_due(office.day, office.now)
    assert not checkup.is_due(office.day, at("17:00"))
    office.do(decide.begin_checkup)
    assert not checkup.is_due(office.day, office.now)


def test_nobody_is_reminded_on_a_day_off_or_when_the_day_has_been_closed() -> None:
    idle = Office(small_site(hours=replace(HOURS, week=((),) * 7)), "08:00")
    assert not checkup.is_due(idle.day, idle.now)
    over = Office(clock="08:00")
    end(over)
    assert not checkup.is_due(over.day, over.now)


def test_a_clock_that_is_far_off_names_the_date_by_which_the_server_is_believed() -> None:
    assert "--clock-is-right 2026-11-20" in checkup.clock(172800, THERE, rehearsal=False).todo
