"""What the office says and shows: sentences, boards, receipts and consoles as values."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from office import FRIDAY, HOURS, MINUTE, SUPERVISOR, Office, at, small_site, span

from server.core import decide, hall, words
from server.core.day import Day, Ticket
from server.core.forecast import Forecast
from server.core.queue import Term
from server.core.refused import Refused
from server.core.site import RECEIPT_LINES, Counting, Hall, ReceiptDesign, Rules, Slide, Zone, hours_now
from server.core.ticket import State, Verb

RULES = Rules()
SLOT = at("08:45")

REASONS = [
    (Term.WALK_IN, None, "08:12", "lúc lấy số", "when the number was taken"),
    (Term.WALK_IN, "10:00", "08:12", "lúc nhận số, sớm hơn cả giờ hẹn 10:00", "on arrival, earlier than the appointment at 10:00"),
    (Term.PRIORITY, None, "08:12", "lấy số 08:12, ưu tiên tính sớm 30 phút", "taken at 08:12, priority counts 30 min earlier"),
    (Term.SLOT, "08:45", "08:31", "hẹn 08:45, tính như đến trước giờ hẹn 30 phút", "appointment 08:45, counted as 30 min before"),
    (Term.LATE, "08:45", "09:07", "hẹn 08:45, đến trễ 22 phút, tính sớm 10 phút", "appointment 08:45, 22 min late, counts 10 min earlier"),
    (Term.REGISTERED, None, "09:00", "lúc đăng ký qua mạng", "when registered online"),
    (Term.REJOINED, None, "09:20", "quay lại lúc 09:20, tính sớm 10 phút", "rejoined at 09:20, counts 10 min earlier"),
]


@pytest.mark.parametrize(("term", "slot", "joined", "vi", "en"), REASONS)
def test_the_reason_of_a_queue_time_is_one_true_line(term: Term, slot: str | None, joined: str, vi: str, en: str) -> None:
    given: dict[str, Any] = {"joined_at": at(joined), "slot": at(slot) if slot else None}
    assert words.reason_words(term, RULES, **given) == vi
    assert words.reason_words(term, RULES, **given, lang="en") == en


def test_a_head_start_that_reaches_into_the_day_before_says_so() -> None:
    issued = at("00:12")
    assert words.queue_time_text(issued - 30 * MINUTE, issued) == "23:42:00 hôm trước"
    assert words.queue_time_text(issued - 30 * MINUTE, issued, "en") == "23:42:00 the day before"
    assert words.queue_time_text(issued, issued) == "00:12:00"


def test_who_goes_first_is_told_by_two_printed_times() -> None:
    early, late = at("08:41") + timedelta(seconds=20), at("08:59") + timedelta(seconds=40)
    assert words.first_words("A016", early, "A013", late) == "A016 trước A013 vì 08:41:20 sớm hơn 08:59:40."
    assert words.first_words("A016", early, "A013", late, "en") == "A016 goes before A013 because 08:41:20 is earlier than 08:59:40."
    assert words.first_words("A1", early, "A2", early) == "A1 trước A2 vì cùng giờ xếp hàng 08:41:20, A1 vào hàng trước."
    assert words.first_words("A1", early, "A2", early, "en") == "A1 goes before A2: both queue times are 08:41:20, A1 joined first."


def test_the_rule_on_the_wall_is_made_from_the_sites_own_minutes() -> None:
    assert words.rule_lines(RULES) == [
        "Mỗi phiếu in một giờ xếp hàng. Trong cùng lĩnh vực, giờ sớm hơn được gọi trước.",
        "Lấy số tại chỗ: giờ xếp hàng là lúc lấy số.",
        "Có hẹn, đến không trễ quá 15 phút: tính như đã đến trước giờ hẹn 30 phút. Đến sớm không bị thiệt.",
        "Diện ưu tiên: tính như đến sớm hơn 30 phút. Có hẹn mà trễ quá 15 phút: tính sớm hơn 10 phút.",
        "Người đến sau ông/bà quá 45 phút không được gọi trước ông/bà, trừ khi cán bộ ghi lý do.",
    ]
    other = Rules(appointment_head=20 * MINUTE, grace=5 * MINUTE, priority_head=60 * MINUTE)
    assert "quá 60 phút" in words.rule_lines(other)[4]
    assert "60 min after you" in words.rule_lines(other, lang="en")[4]
    assert "qua mạng" in words.rule_lines(other, Counting.REGISTERED)[2]
    assert "taken online" in words.rule_lines(other, Counting.REGISTERED, "en")[2]


def test_the_wall_speaks_of_registration_only_where_every_field_counts_so() -> None:
    mixed = small_site()
    registered = tuple(replace(service, counting=Counting.REGISTERED) for service in mixed.services)
    assert [replace(mixed, services=services).counting for services in (mixed.services, registered, ())] == [
        Counting.SLOT,
        Counting.REGISTERED,
        Counting.SLOT,
    ]


HOURS_SAID = [
    ("06:00", "Chưa đến giờ lấy số. Bắt đầu cấp số lúc 07:15.", "Numbers from 07:15."),
    ("07:20", "Bắt đầu tiếp dân lúc 07:30.", "Work starts at 07:30."),
    ("08:00", None, None),
    (
        "12:00",
        "Đang nghỉ trưa, làm việc lại lúc 13:30. Số buổi sáng vẫn giữ nguyên.",
        "Lunch break until 13:30. Morning numbers stay valid.",
    ),
    (
        "16:45",
        "Đã hết giờ cấp số hôm nay (16:30). Ai đã có số vẫn được phục vụ. Mở lại 08:00 thứ Bảy 21/11.",
        "No more numbers today (16:30). Everybody with a number will be served. Open again 08:00 Saturday 21/11.",
    ),
    ("17:30", "Hết giờ làm việc. Mở lại 08:00 thứ Bảy 21/11.", "Closed. Open again 08:00 Saturday 21/11."),
]


@pytest.mark.parametrize(("clock", "vi", "en"), HOURS_SAID)
def test_a_closed_office_names_the_next_time(clock: str, vi: str | None, en: str | None) -> None:
    now = at(clock)
    state = hours_now(small_site(), now)
    assert (words.hours_words(state, now), words.hours_words(state, now, "en")) == (vi, en)


def test_a_holiday_is_called_by_its_name_and_an_office_that_never_opens_promises_nothing() -> None:
    now = at("09:00", date(2026, 9, 2))
    state = hours_now(small_site(), now)
    assert words.hours_words(state, now) == "Hôm nay nghỉ: Quốc khánh. Mở lại 07:30 thứ Năm 03/09."
    assert words.hours_words(state, now, "en") == "Holiday: Quốc khánh. Open again 07:30 Thursday 03/09."
    never = small_site(hours=replace(HOURS, week=((),) * 7, special={}))
    assert words.hours_words(hours_now(never, now), now) == "Hôm nay nghỉ: Quốc khánh."


DETAILS: dict[str, Any] = {
    "counter": "3",
    "counters": ["4", "5"],
    "clerk": "lan",
    "ticket": "A012",
    "state": "waiting",
    "verb": "finish",
    "rejoins": 2,
    "minutes": 30,
    "problem": "service: missing",
    "retry_after_s": 9,
    "name": "lan",
    "start": at("08:45"),
    "at": at("08:31"),
    "days": 7,
    "day": "2026-11-23",
    "free": [at("08:30")],
    "width": 544,
    "height": 240,
    "kilobytes": 10,
    "paper": 58,
}


def test_a_sum_is_asked_in_words() -> None:
    assert words.sum_words(7, 5) == "Bảy cộng năm bằng mấy?" and words.sum_words(2, 9, "en") == "How much is two plus nine?"
    assert words.sentence("sum_needed", {"wrong": True}) == "Kết quả chưa đúng. Xin làm phép tính mới."


@pytest.mark.parametrize("lang", ["vi", "en"])
@pytest.mark.parametrize("code", sorted(words.CODES))
def test_every_refusal_is_one_sentence_for_a_person(code: str, lang: str) -> None:
    text = words.sentence(code, DETAILS, lang)
    assert text == unicodedata.normalize("NFC", text)
    assert re.fullmatch(r"[^{}]+[.]", text)
    assert not re.search(r"\blỗi\b|\bbạn\b|quý khách|khách hàng", text.lower())


@pytest.mark.parametrize(
    ("code", "details", "said"),
    [
        ("counter_closed", {"counter": "3", "state": "closed"}, "Quầy 3 đang đóng. Bấm Mở quầy."),
        ("counter_closed", {"counter": "3", "state": "paused"}, "Quầy 3 đang tạm nghỉ. Bấm Làm việc lại."),
        (
            "not_allowed_now",
            {"ticket": "A012", "state": "serving", "verb": "undo"},
            "A012 đã bắt đầu phục vụ, không hoàn tác được. Dùng Chuyển hoặc Tạm giữ.",
        ),
        ("not_allowed_now", {"ticket": "A016", "state": "called", "verb": "call", "counter": "5"}, "A016 vừa được quầy 5 gọi."),
        ("not_allowed_now", {"ticket": "A016", "state": "done", "verb": "recall"}, "Số A016 đã hoàn tất, không gọi lại được."),
        ("not_served_here", {"ticket": "A1", "counter": "2", "counters": []}, "A1 không thuộc quầy 2. Gọi ở quầy khác."),
        ("after_last_ticket", {"last_ticket": at("10:30")}, "Đã hết giờ nhận số lúc 10:30."),
        ("unauthenticated", {"elsewhere": True}, "Tài khoản này vừa đăng nhập ở máy khác, phiên ở đây đã hết. Mời đăng nhập lại."),
    ],
)
def test_a_refusal_says_what_happened_and_what_to_do(code: str, details: dict[str, Any], said: str) -> None:
    assert words.sentence(code, details) == said


def test_a_field_that_has_ended_shows_its_hour_on_its_button() -> None:
    office = Office(clock="10:45")
    with pytest.raises(Refused) as refusal:
        decide.may_issue(office.day, office.now, "health")
    assert words.closed_reason(refusal.value.code, refusal.value.details) == "Hết giờ nhận số lúc 10:30"
    assert words.closed_reason(refusal.value.code, refusal.value.details, "en") == "Numbers until 10:30"
    assert words.closed_reason("service_stopped", {}) == "Lĩnh vực này đã ngừng cấp số hôm nay."


def test_dates_and_times_are_said_as_in_the_office() -> None:
    assert words.long_date(date(2026, 11, 23)) == "thứ Hai 23/11/2026"
    assert words.long_date(date(2026, 11, 22), "en") == "Sunday 22/11/2026"
    assert words.next_time(at("13:30"), at("12:00")) == "13:30"
    assert words.one_of(["3", "4", "5"], "en") == "3, 4 or 5"
    assert (words.one_of(["3"]), words.one_of([])) == ("3", "")


# -- the board -------------------------------------------------------------------------------------------------------------------


def test_the_board_shows_the_newest_call_first_and_only_this_hall() -> None:
    office = Office(staffed="124")
    first, second = office.take("household"), office.take("household")
    upstairs = office.take("health")
    office.next("1")
    office.next("2")
    office.next("4")
    board = hall.board(office.day, "main", office.now)
    assert [(c.code, c.counter) for c in board.calls] == [(second.code, "2"), (first.code, "1")]
    assert [c.code for c in hall.board(office.day, "upstairs", office.now).calls] == [upstairs.code]
    assert {w.service for w in board.waiting} == {"household", "copies", "land"}
    assert board.open


def test_a_board_holds_eight_calls_and_the_next_three_of_each_field() -> None:
    office = Office(staffed="1")
    for _ in range(16):
        office.take("household")
    for _ in range(10):
        office.next("1", finish=True)
    board = hall.board(office.day, "main", office.now)
    assert len(board.calls) == 8
    row = next(w for w in board.waiting if w.service == "household")
    assert (row.count, row.next, row.open) == (6, ("A011", "A012", "A013"), True)


def test_a_hall_is_quiet_since_its_last_call_and_not_while_somebody_is_expected() -> None:
    office = Office(staffed="14")
    first = office.take("household")
    office.take("health")

    def quiet_since(place: str = "main") -> datetime | None:
        return hall.board(office.day, place, office.now).quiet_since

    assert quiet_since() is None, "nobody was called yet"
    office.next("1")
    called = office.now
    assert quiet_since() is None, "somebody is expected"
    office.wait(40).start(first)
    assert quiet_since() == called
    office.wait(minutes=5).next("4")
    assert quiet_since("upstairs") is None and quiet_since() == called, "each hall has its own quiet"
    office.wait(10).finish(first)
    assert quiet_since() == called, "going away is no call"


def test_a_hall_is_not_quiet_while_one_is_expected_who_has_left_the_board() -> None:
    office = Office(staffed="12")
    for _ in range(12):
        office.take("household")
    office.next("1")
    for _ in range(9):
        office.next("2", finish=True)
    office.press(decide.finish, office.day.at_counter("2"))  # type: ignore[arg-type]
    board = hall.board(office.day, "main", office.now)
    assert State.CALLED not in {c.state for c in board.calls} and board.quiet_since is None


@pytest.mark.parametrize(
    ("start", "end", "on"),
    [(None, None, True), (0, None, True), (1, None, False), (None, 0, True), (None, -1, False), (-3, 3, True), (0, 0, True)],
)
def test_a_slide_is_told_from_its_first_day_to_its_last(start: int | None, end: int | None, on: bool) -> None:
    def day(offset: int | None) -> date | None:
        return None if offset is None else FRIDAY + timedelta(days=offset)

    slide = Slide("Nghỉ Tết", ("Mở lại thứ Hai.",), start=day(start), end=day(end))
    assert slide.on(FRIDAY) is on


def test_a_closed_field_stands_on_the_board_as_closed() -> None:
    office = Office(clock="11:00")
    rows = {w.service: w.open for w in hall.board(office.day, "upstairs", office.now).waiting}
    assert rows == {"land": True, "health": False}
    assert not hall.board(office.day, "main", at("12:00")).open


def test_the_notice_of_the_day_goes_before_the_standing_one_until_its_hour() -> None:
    office = Office(small_site(notice="Chuẩn bị giấy tờ"), clock="09:00")
    assert hall.notice(office.day, "main", office.now) == "Chuẩn bị giấy tờ"
    office.do(decide.set_notice, hall="main", text="Mất điện lúc 10 giờ", until=at("10:00"))
    assert hall.notice(office.day, "main", office.now) == "Mất điện lúc 10 giờ"
    assert hall.notice(office.day, "main", at("10:00")) == "Chuẩn bị giấy tờ"
    office.do(decide.set_notice, hall="main", text=None)
    assert hall.notice(office.day, "main", office.now) is None
    assert hall.notice(Office().day, "main", office.now) is None


# -- what is said ----------------------------------------------------------------------------------------------------------------


def said(office: Office) -> hall.Announcement | None:
    return hall.announcement(office.day, office.story[-1])


def test_a_call_is_as_loud_as_its_hour_wants_silent_in_quiet_hours_and_said_in_its_zone() -> None:
    zones = (Zone("left", "Bên trái", ("1",)), Zone("right", "Bên phải", ("2",)))
    rooms = (Hall("main", "Tầng 1", volume=((span("07:00", "09:00"), 60),), quiet=(span("08:30", "09:30"),), zones=zones),)
    site = small_site(halls=(*rooms, Hall("upstairs", "Tầng 2")))
    assert site.places("audio") == ("main", "main/left", "main/right", "upstairs")
    assert (site.places("display"), site.places("kiosk")) == (("main", "upstairs"), ("k1",))
    office = Office(site, clock="08:00", staffed="123")
    heard = []
    for clock, counter in (("08:29:59", "1"), ("08:30", "2"), ("09:30", "3")):
        office.take("copies" if counter == "3" else "household")
        office.now = at(clock)
        office.next(counter)
        call = said(office)
        assert call is not None
        heard.append((call.volume, call.zone))
    assert heard == [(60, "left"), (0, "right"), (100, "")]
    # What staff say themselves is spoken in quiet hours as well, and an emergency as loud as can be.
    office = Office(site, clock="08:45")
    for priority, volume in (("notice", 60), ("emergency", 100)):
        office.do(decide.speak, hall="main", lang="vi", text="Xin chào", times=1, priority=priority)
        spoken = next(told for entry in reversed(office.story) if (told := hall.announcement(office.day, entry)) is not None)
        assert (spoken.kind, spoken.volume, spoken.zone) == (priority, volume, "")


def test_a_call_and_its_recalls_are_announced_the_third_as_the_last() -> None:
    office = Office(staffed="1")
    ticket = office.take("household", lang="en")
    assert said(office) is None
    office.next("1")
    call = said(office)
    assert call is not None
    assert (call.kind, call.code, call.counter, call.hall, call.lang, call.times) == ("call", "A001", "1", "main", "en", 2)
    assert call.expires_at == office.now + office.site.timing.speak_within
    office.recall(ticket)
    second = said(office)
    office.recall(ticket)
    third = said(office)
    assert second is not None and third is not None
    assert [(a.kind, a.call_no, a.last_call) for a in (second, third)] == [("recall", 2, False), ("recall", 3, True)]


def test_a_call_taken_back_is_corrected_only_where_it_was_heard() -> None:
    office = Office(staffed="14")
    heard, unheard = office.take("health"), office.take("household")
    office.next("4")
    office.hear()
    office.undo(heard, by=SUPERVISOR)
    correction = said(office)
    assert correction is not None
    assert (correction.kind, correction.hall, correction.times) == ("correction", "upstairs", 1)
    office.next("1")
    office.undo(unheard)
    assert said(office) is None


# -- paper -----------------------------------------------------------------------------------------------------------------------


def test_the_paper_of_a_walk_in() -> None:
    office = Office(small_site(hotline="0236 000 0000"), clock="08:12")
    office.take("household")
    paper = hall.receipt(office.day, office.take("household", kiosk="k1"), office.now)
    assert (paper.code, paper.mark, paper.counters, paper.queue_time) == ("A002", None, "Quầy 1 hoặc 2", "08:12:00")
    assert (paper.reason, paper.ahead, paper.qr) == ("lúc lấy số", "Chờ trước: 1 người", None)
    assert paper.date_line == "Thứ Sáu 20/11/2026 · lấy lúc 08:12 · máy 1"
    assert paper.foot[-1] == "Hỏi đáp: 0236 000 0000"
    assert not paper.reprint


def test_the_paper_of_a_booking_of_a_priority_and_in_english() -> None:
    office = Office(small_site(public_url="https://so.anmau.gov.vn/"), clock="08:31")
    booked = hall.receipt(office.day, office.take("copies", slot=SLOT), office.now)
    assert (booked.mark, booked.queue_time, booked.ahead) == ("CÓ HẸN 08:45", "08:15:00", "Không ai chờ trước")
    assert "nhận lúc 08:31" in booked.date_line
    assert booked.qr is not None and booked.qr.startswith("https://so.anmau.gov.vn/t/")
    older = hall.receipt(office.day, office.take("household", priority="older", lang="en"), office.now, reprint=True)
    assert (older.mark, older.reprint) == ("ƯU TIÊN", True)
    assert (older.service, older.queue_time_label) == ("Hộ tịch · Civil status", "Giờ xếp hàng · Queue time")
    assert not any("60" in str(value) for value in (older.mark, older.reason, *older.foot))


def test_the_paper_of_a_field_that_nobody_serves_names_no_counter() -> None:
    site = small_site()
    office = Office(replace(site, counters=tuple(replace(c, services=("household",)) for c in site.counters)))
    assert hall.receipt(office.day, office.take("land", lang="en"), office.now).counters == ""


DESIGN = ReceiptDesign(("Tầng 1",), ("Giữ phiếu đến khi xong việc.",), RECEIPT_LINES, "iVBORw0KGgo=")


def test_the_paper_leaves_out_what_the_office_does_without_and_nothing_else() -> None:
    plain, designed = (
        Office(small_site(hotline="0236 000 0000", public_url="https://so.example.vn", receipt=design), clock="08:31")
        for design in (ReceiptDesign(), DESIGN)
    )
    whole, bare = (
        hall.receipt(office.day, office.take("copies", slot=SLOT, lang="en"), office.now, likely=ten_to_twenty_minutes)
        for office in (plain, designed)
    )
    assert (bare.mark, bare.counters, bare.ahead, bare.expected, bare.qr, bare.qr_hint) == (None, "", "", None, None, None)
    assert (bare.header, bare.foot, bare.logo) == (("Tầng 1",), ("Giữ phiếu đến khi xong việc.",), "iVBORw0KGgo=")
    for part in ("office", "code", "service", "queue_time_label", "queue_time", "reason", "date_line"):
        assert getattr(bare, part) == getattr(whole, part)
    assert all((whole.mark, whole.counters, whole.ahead, whole.expected, whole.qr, whole.qr_hint)) and len(whole.foot) == 3


def test_a_sample_paper_has_every_line_and_no_number_that_anybody_could_hold() -> None:
    site = small_site(hotline="0236 000 0000", public_url="https://so.example.vn")
    sample = hall.sample_receipt(site, at("08:31"))
    assert (sample.code, sample.mark, sample.queue_time, sample.reprint) == ("A000", "CÓ HẸN 09:00", "08:30:00", False)
    assert all((sample.counters, sample.ahead, sample.expected, sample.qr, sample.foot))
    trial = hall.sample_receipt(replace(site, public_url=None, counters=()), at("08:31"), "k1", mark="THỬ MÁY")
    assert (trial.reprint, trial.reprint_mark, trial.qr, trial.counters) == (True, "THỬ MÁY", None, "")
    assert trial.date_line == "Thứ Sáu 20/11/2026 · nhận lúc 08:31 · máy 1"


def ten_to_twenty_minutes(day: Day, who: Ticket | str, now: datetime) -> Forecast | None:
    return Forecast(10 * MINUTE, 14 * MINUTE, 20 * MINUTE)


def test_the_paper_says_a_likely_time_and_the_board_a_likely_wait() -> None:
    office = Office(clock="08:12")
    paper = hall.receipt(office.day, office.take("household"), office.now, likely=ten_to_twenty_minutes)
    assert (paper.expected, paper.expected_label) == ("08:20–08:35", "giờ dự kiến được gọi")
    rows = hall.board(office.day, "main", office.now, likely=ten_to_twenty_minutes).waiting
    assert [row.wait for row in rows] == [Forecast(10 * MINUTE, 14 * MINUTE, 20 * MINUTE)] * 3
    assert hall.receipt(office.day, office.take("household"), office.now).expected is None


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        ("08:30:00", "08:45:00", "08:30–08:45"),
        ("08:34:59", "08:45:01", "08:30–08:50"),
        ("08:31:00", "08:32:00", "08:30–08:35"),
        ("08:30:00", "08:30:00", "08:30–08:35"),
        ("11:58:00", "13:31:00", "11:55–13:35"),
    ],
)
def test_a_likely_time_is_a_range_of_whole_five_minutes(low: str, high: str, told: str) -> None:
    assert words.clock_range(at(low), at(high)) == told


# -- the console -----------------------------------------------------------------------------------------------------------------


def test_the_console_shows_whom_the_next_press_will_call() -> None:
    office = Office(staffed="13")
    tickets = [office.take("household") for _ in range(60)]
    office.take("land")
    view = hall.console(office.day, "1", office.now)
    assert (view.current, view.waiting_count, len(view.waiting)) == (None, 60, 50)
    assert office.next("1") is view.waiting[0] is tickets[0]
    assert hall.console(office.day, "1", office.now).current is tickets[0]


def test_the_console_lists_the_missed_and_the_held_of_its_own_fields() -> None:
    office = Office(staffed="13")
    missed, held, other = office.take("household"), office.take("household"), office.take("land")
    office.next("1")
    office.no_show(missed)
    office.next("1")
    office.hold(held)
    office.next("3")
    office.no_show(other)
    view = hall.console(office.day, "1", office.now)
    assert ([t.code for t in view.missed], [t.code for t in view.held]) == ([missed.code], [held.code])


def test_the_console_offers_to_take_back_for_ten_seconds() -> None:
    office = Office(staffed="1")
    assert hall.console(office.day, "1", office.now).undo is None
    ticket = office.take("household")
    office.next("1")
    offered = hall.console(office.day, "1", office.now).undo
    assert offered is not None
    assert (offered.ticket.code, offered.until) == (ticket.code, office.now + timedelta(seconds=10))
    assert hall.console(office.day, "1", office.now + timedelta(seconds=10)).undo is None
    office.start(ticket)
    assert hall.console(office.day, "1", office.now).undo is None


def test_states_and_verbs_all_have_words() -> None:
    for state in State:
        for verb in Verb:
            assert words.sentence("not_allowed_now", {"ticket": "A001", "state": state.value, "verb": verb.value})


@pytest.mark.parametrize(
    ("seconds", "vi", "en"),
    [
        (5, "5 giây", "5 seconds"),
        (119, "119 giây", "119 seconds"),
        (120, "2 phút", "2 minutes"),
        (3541, "60 phút", "60 minutes"),
        (86_400, "24 giờ", "24 hours"),
    ],
)
def test_how_long_to_wait_is_said_in_what_a_person_counts_in(seconds: int, vi: str, en: str) -> None:
    details = {"retry_after_s": seconds}
    assert words.sentence("too_many_requests", details) == f"Thử quá nhiều lần. Chờ {vi} rồi thử lại."
    assert words.sentence("too_many_requests", details, "en") == f"Too many attempts. Please wait {en}."
