"""How the office speaks: sentences for citizens and clerks, made from values.

Wording after the screen brief: "ông/bà" or no pronoun, one idea a sentence, what happened and what to do now. Vietnamese is the office's
language; English is added for those who ask. Text is NFC. Clock times are `08:15`, with seconds where two tickets must be comparable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from server.core.queue import Term
from server.core.site import Counting, HoursNow, HoursState, Rules
from server.core.ticket import State, Verb

WEEKDAYS = ("thứ Hai", "thứ Ba", "thứ Tư", "thứ Năm", "thứ Sáu", "thứ Bảy", "Chủ nhật")
WEEKDAYS_EN = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

COUNTED = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
COUNTED_EN = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def hhmm(at: datetime) -> str:
    return f"{at:%H:%M}"


def hhmmss(at: datetime) -> str:
    return f"{at:%H:%M:%S}"


def weekday(day: date, lang: str = "vi") -> str:
    return (WEEKDAYS_EN if lang == "en" else WEEKDAYS)[day.weekday()]


def long_date(day: date, lang: str = "vi") -> str:
    """`thứ Hai 23/11/2026`; never month first."""
    return f"{weekday(day, lang)} {day:%d/%m/%Y}"


def sum_words(first: int, second: int, lang: str = "vi") -> str:
    """Two digits to be added, asked in words."""
    if lang == "en":
        return f"How much is {COUNTED_EN[first]} plus {COUNTED_EN[second]}?"
    return f"{capital(COUNTED[first])} cộng {COUNTED[second]} bằng mấy?"


def next_time(at: datetime, now: datetime, lang: str = "vi") -> str:
    """`13:30` today, else `07:30 thứ Hai 23/11`."""
    return hhmm(at) if at.date() == now.date() else f"{hhmm(at)} {weekday(at.date(), lang)} {at:%d/%m}"


def clock_range(low: datetime, high: datetime) -> str:
    """`08:30–08:45`: a likely time on paper, wide enough by whole five minutes. Paper does not update, so it says when, not how long."""
    step = 5 * 60
    start = low - timedelta(seconds=(low.minute * 60 + low.second) % step, microseconds=low.microsecond)
    end = high + timedelta(seconds=-(high.minute * 60 + high.second) % step, microseconds=-high.microsecond)
    return f"{hhmm(start)}–{hhmm(max(end, start + timedelta(seconds=step)))}"


def minutes(span: timedelta) -> int:
    return round(span.total_seconds() / 60)


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def one_of(names: Sequence[str], lang: str = "vi") -> str:
    """`3, 4 hoặc 5`."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {'or' if lang == 'en' else 'hoặc'} {names[-1]}"


def counter_number(name: str) -> str:
    """`3` of a counter named `Quầy 3`: as it stands after the word."""
    return name.removeprefix("Quầy ").strip()


# -- queue time ------------------------------------------------------------------------------------------------------------------


def queue_time_text(queue_time: datetime, issued: datetime, lang: str = "vi") -> str:
    """With seconds always; a head start taken just after midnight reaches into the day before and says so."""
    text = hhmmss(queue_time)
    if queue_time.date() < issued.date():
        return f"{text} {'the day before' if lang == 'en' else 'hôm trước'}"
    return text


def reason_words(
    term: Term, rules: Rules, *, joined_at: datetime, slot: datetime | None = None, provisional: bool = False, lang: str = "vi"
) -> str:
    """Why a ticket has its queue time, as printed under it. Never the priority group."""
    if provisional and term is Term.WALK_IN:
        return "taken while the kiosk had no connection" if lang == "en" else "lấy số lúc máy mất kết nối"
    if term is Term.WALK_IN and slot is None:
        # What nearly everybody reads, asked for with every number: the other sentences, and their times, are not made for it.
        return "when the number was taken" if lang == "en" else "lúc lấy số"
    late = minutes(joined_at - slot) if slot else 0
    at = hhmm(joined_at)
    hour = hhmm(slot) if slot else ""
    if lang == "en":
        return {
            Term.WALK_IN: f"on arrival, earlier than the appointment at {hour}",
            Term.PRIORITY: f"taken at {at}, priority counts {minutes(rules.priority_head)} min earlier",
            Term.SLOT: f"appointment {hour}, counted as {minutes(rules.appointment_head)} min before",
            Term.LATE: f"appointment {hour}, {late} min late, counts {minutes(rules.late_head)} min earlier",
            Term.REGISTERED: "when registered online",
            Term.REJOINED: f"rejoined at {at}, counts {minutes(rules.rejoin_head)} min earlier",
        }[term]
    return {
        Term.WALK_IN: f"lúc nhận số, sớm hơn cả giờ hẹn {hour}",
        Term.PRIORITY: f"lấy số {at}, ưu tiên tính sớm {minutes(rules.priority_head)} phút",
        Term.SLOT: f"hẹn {hour}, tính như đến trước giờ hẹn {minutes(rules.appointment_head)} phút",
        Term.LATE: f"hẹn {hour}, đến trễ {late} phút, tính sớm {minutes(rules.late_head)} phút",
        Term.REGISTERED: "lúc đăng ký qua mạng",
        Term.REJOINED: f"quay lại lúc {at}, tính sớm {minutes(rules.rejoin_head)} phút",
    }[term]


def first_words(first: str, first_time: datetime, second: str, second_time: datetime, lang: str = "vi") -> str:
    """Why one ticket goes before another: two printed times compared, and of equal ones who took the number first."""
    a, b = hhmmss(first_time), hhmmss(second_time)
    if a == b:
        if lang == "en":
            return f"{first} goes before {second}: both queue times are {a}, {first} joined first."
        return f"{first} trước {second} vì cùng giờ xếp hàng {a}, {first} vào hàng trước."
    if lang == "en":
        return f"{first} goes before {second} because {a} is earlier than {b}."
    return f"{first} trước {second} vì {a} sớm hơn {b}."


def away_words(first: str, called: datetime, second: str, lang: str = "vi") -> str:
    """Why one was called first who has the later queue time: the other did not wait there at that moment."""
    if lang == "en":
        return f"{first} was called at {hhmmss(called)}, when {second} was not waiting in this queue."
    return f"{first} được gọi lúc {hhmmss(called)}, khi {second} không chờ ở hàng này."


def cut_off_words(first: str, called: datetime, second: str, lang: str = "vi") -> str:
    """Likewise where the other held a provisional number: that of a kiosk without its server."""
    if lang == "en":
        return f"{first} was called at {hhmmss(called)}, before {second} had reached the server: its ticket machine was cut off."
    return f"{first} được gọi lúc {hhmmss(called)}, khi số tạm {second} chưa về tới máy chủ: máy lấy số mất kết nối."


def aside_words(first: str, lang: str = "vi") -> str:
    if lang == "en":
        return f"{first} was called out of order; the reason is recorded."
    return f"{first} được gọi không theo thứ tự, lý do đã ghi lại."


def not_waiting_words(code: str, lang: str = "vi") -> str:
    return f"{code} is not waiting now." if lang == "en" else f"{code} hiện không chờ gọi."


def other_service_words(code: str, service: str, mine: str, my_service: str, lang: str = "vi") -> str:
    """Between two services nothing is promised, and nothing is compared."""
    if lang == "en":
        return f"Each service has a queue of its own: {code} is in that of {service}, {mine} in that of {my_service}."
    return f"Mỗi lĩnh vực có hàng riêng: {code} ở hàng {service}, {mine} ở hàng {my_service}."


def other_counters_words(code: str, counters: Sequence[str], mine: str, my_counters: Sequence[str], lang: str = "vi") -> str:
    """Nor between those who wait for different counters, as after a transfer to one by name."""
    if lang == "en":
        return f"Two queues: {code} is in that of counter {one_of(counters, lang)}, {mine} in that of counter {one_of(my_counters, lang)}."
    return f"Hai hàng riêng: {code} ở hàng quầy {one_of(counters)}, {mine} ở hàng quầy {one_of(my_counters)}."


def rule_lines(rules: Rules, counting: Counting = Counting.SLOT, lang: str = "vi") -> list[str]:
    """The rule in five lines, from the site's own minutes, so that the wall cannot disagree with the engine."""
    bound, grace, head = minutes(rules.bound), minutes(rules.grace), minutes(rules.appointment_head)
    prio, late = minutes(rules.priority_head), minutes(rules.late_head)
    if lang == "en":
        lines = [
            "Every ticket prints a queue time. Within one service the earlier one is called first.",
            "Taken here: the queue time is when you take the number.",
            f"With an appointment, up to {grace} min late: counted as {head} min before it. Coming early costs nothing.",
            f"Priority: counted {prio} min earlier. More than {grace} min late for an appointment: {late} min earlier.",
            f"Nobody who comes more than {bound} min after you is called before you, unless staff record a reason.",
        ]
        if counting is Counting.REGISTERED:
            lines[2] = "Number taken online: the queue time is when it was registered, not before opening."
            lines[3] = f"Priority: counted {prio} min earlier."
            lines[4] = f"Nobody who takes a number more than {prio} min after you is called before you, unless staff record a reason."
        return lines
    lines = [
        "Mỗi phiếu in một giờ xếp hàng. Trong cùng lĩnh vực, giờ sớm hơn được gọi trước.",
        "Lấy số tại chỗ: giờ xếp hàng là lúc lấy số.",
        f"Có hẹn, đến không trễ quá {grace} phút: tính như đã đến trước giờ hẹn {head} phút. Đến sớm không bị thiệt.",
        f"Diện ưu tiên: tính như đến sớm hơn {prio} phút. Có hẹn mà trễ quá {grace} phút: tính sớm hơn {late} phút.",
        f"Người đến sau ông/bà quá {bound} phút không được gọi trước ông/bà, trừ khi cán bộ ghi lý do.",
    ]
    if counting is Counting.REGISTERED:
        lines[2] = "Lấy số qua mạng: giờ xếp hàng là lúc đăng ký, không sớm hơn giờ mở cửa."
        lines[3] = f"Diện ưu tiên: tính như đến sớm hơn {prio} phút."
        lines[4] = f"Người lấy số sau ông/bà quá {prio} phút không được gọi trước ông/bà, trừ khi cán bộ ghi lý do."
    return lines


# -- hours -----------------------------------------------------------------------------------------------------------------------


def out_of_hours(closes: datetime | None, holiday: str | None, lang: str = "vi") -> str:
    """Why a time lies outside the hours: a holiday that was not one, else that the office closes earlier."""
    if holiday:
        return holiday
    if closes is not None:
        return f"closes at {hhmm(closes)} today" if lang == "en" else f"hôm đó đóng cửa lúc {hhmm(closes)}"
    return "outside the new opening hours" if lang == "en" else "giờ làm việc đã đổi"


def hours_words(hours: HoursNow, now: datetime, lang: str = "vi") -> str | None:
    """What a kiosk and a hall screen say when the office is not simply open; None when it is. Names a next time where there is one."""
    again = next_time(hours.next_open, now, lang) if hours.next_open else None
    reopen = f" Mở lại {again}." if again else ""
    reopen_en = f" Open again {again}." if again else ""
    first = hhmm(hours.first_ticket) if hours.first_ticket else ""
    last = hhmm(hours.last_ticket) if hours.last_ticket else ""
    match hours.state:
        case HoursState.BEFORE if hours.issuing:
            opens = hhmm(hours.opens) if hours.opens else ""
            return f"Work starts at {opens}." if lang == "en" else f"Bắt đầu tiếp dân lúc {opens}."
        case HoursState.BEFORE:
            return f"Numbers from {first}." if lang == "en" else f"Chưa đến giờ lấy số. Bắt đầu cấp số lúc {first}."
        case HoursState.LUNCH:
            if lang == "en":
                return f"Lunch break until {again}. Morning numbers stay valid."
            return f"Đang nghỉ trưa, làm việc lại lúc {again}. Số buổi sáng vẫn giữ nguyên."
        case HoursState.LAST_TICKET_PASSED:
            if lang == "en":
                return f"No more numbers today ({last}). Everybody with a number will be served.{reopen_en}"
            return f"Đã hết giờ cấp số hôm nay ({last}). Ai đã có số vẫn được phục vụ.{reopen}"
        case HoursState.CLOSED:
            return f"Closed.{reopen_en}" if lang == "en" else f"Hết giờ làm việc.{reopen}"
        case HoursState.HOLIDAY:
            return f"Holiday: {hours.holiday}.{reopen_en}" if lang == "en" else f"Hôm nay nghỉ: {hours.holiday}.{reopen}"
        case _:
            return None


# -- refusals --------------------------------------------------------------------------------------------------------------------

_STATES = {
    State.WAITING: "đang chờ",
    State.CALLED: "đã được gọi",
    State.SERVING: "đang được phục vụ",
    State.HELD: "đang tạm giữ",
    State.DONE: "đã hoàn tất",
    State.NO_SHOW: "đã ghi vắng",
    State.CANCELLED: "đã hủy",
    State.LAPSED: "đã hết hiệu lực",
}
_VERBS: dict[str, str] = {
    Verb.CALL: "gọi",
    Verb.RECALL: "gọi lại",
    Verb.START: "bắt đầu",
    Verb.FINISH: "hoàn tất",
    Verb.NO_SHOW: "ghi vắng",
    Verb.REJOIN: "quay lại",
    Verb.HOLD: "tạm giữ",
    Verb.RELEASE: "tiếp tục",
    Verb.TRANSFER: "chuyển",
    Verb.CANCEL: "hủy",
    Verb.UNDO: "hoàn tác",
    Verb.LAPSE: "kết thúc",
    "reprint": "in lại",
}

Details = dict[str, Any]


def _counter_closed(d: Details) -> str:
    if d.get("state") == "paused":
        return f"Quầy {d['counter']} đang tạm nghỉ. Bấm Làm việc lại."
    return f"Quầy {d['counter']} đang đóng. Bấm Mở quầy."


def _not_allowed(d: Details) -> str:
    if d["verb"] == Verb.UNDO and d["state"] == State.SERVING:
        return f"{d['ticket']} đã bắt đầu phục vụ, không hoàn tác được. Dùng Chuyển hoặc Tạm giữ."
    if d["verb"] == Verb.CALL and d.get("counter"):
        return f"{d['ticket']} vừa được quầy {d['counter']} gọi."
    return f"Số {d['ticket']} {_STATES[State(d['state'])]}, không {_VERBS[d['verb']]} được."


def _free(d: Details, lang: str = "vi") -> str:
    """The nearest free slots, if there are any."""
    if not d.get("free"):
        return ""
    day = d["start"].date()
    clocks = ", ".join(hhmm(at) if at.date() == day else next_time(at, d["start"], lang) for at in d["free"])
    return f" Free: {clocks}." if lang == "en" else f" Còn {clocks}."


def _patience(seconds: int, lang: str = "vi") -> str:
    """How long to wait, rounded up to what a person counts in."""
    if seconds < 120:
        return f"{seconds} {'seconds' if lang == 'en' else 'giây'}"
    if seconds < 7200:
        return f"{-(-seconds // 60)} {'minutes' if lang == 'en' else 'phút'}"
    return f"{-(-seconds // 3600)} {'hours' if lang == 'en' else 'giờ'}"


_OVER = {"checked_in": "đã nhận số", "missed": "đã qua", "moved": "đã dời sang ngày khác"}

_SENTENCES: dict[str, Callable[[Details], str] | str] = {
    "nobody_waiting": "Chưa có ai chờ quầy này.",
    "counter_busy": lambda d: f"Quầy {d['counter']} đang phục vụ {d['ticket']}. Bấm Hoàn tất hoặc Gọi tiếp.",
    "counter_closed": _counter_closed,
    "counter_taken": lambda d: f"Quầy {d['counter']} đang do {d.get('clerk_name') or d['clerk']} phụ trách.",
    "not_allowed_now": _not_allowed,
    "not_served_here": lambda d: f"{d['ticket']} không thuộc quầy {d['counter']}. Gọi ở quầy {one_of(d['counters']) or 'khác'}.",
    "undo_too_late": lambda d: f"Đã quá giờ hoàn tác {d['ticket']}. Dùng Chuyển hoặc Tạm giữ.",
    "rejoin_limit": lambda d: f"{d['ticket']} đã quay lại {d['rejoins']} lần. Mời lấy số mới.",
    "rejoin_too_late": lambda d: f"{d['ticket']} đã vắng quá {d['minutes']} phút. Mời lấy số mới.",
    "unknown_service": "Không có lĩnh vực này.",
    "unknown_counter": "Không có quầy này.",
    "unknown_priority": "Không có diện ưu tiên này.",
    "unknown_procedure": "Không có thủ tục này.",
    "service_stopped": "Lĩnh vực này đã ngừng cấp số hôm nay.",
    "not_leased": lambda d: f"Số {d['ticket']} không thuộc các số tạm của máy này. Mời lấy số mới.",
    "number_given": lambda d: f"Số {d['ticket']} đã cấp cho người khác. Mời lấy số mới.",
    "day_over": lambda d: f"Ngày {date.fromisoformat(d['day']):%d/%m} đã kết thúc, số tạm {d['ticket']} hết hiệu lực. Mời lấy số mới.",
    "closed": "Bộ phận chưa mở hoặc đã hết giờ cấp số.",
    "after_last_ticket": lambda d: f"Đã hết giờ nhận số lúc {hhmm(d['last_ticket'])}." if d.get("last_ticket") else "Đã hết giờ nhận số.",
    "not_bookable": "Lĩnh vực này không nhận đặt lịch. Mời lấy số tại chỗ.",
    "start_missing": "Chưa chọn giờ hẹn.",
    "unknown_slot": lambda d: f"Không có khung giờ này.{_free(d)}",
    "slot_full": lambda d: f"Khung {hhmm(d['start'])} vừa hết chỗ.{_free(d)}",
    "too_late_to_book": lambda d: f"Khung {hhmm(d['start'])} đã quá gần, không đặt được nữa.{_free(d)}",
    "too_early_to_book": lambda d: f"Chỉ đặt được trước nhiều nhất {d['days']} ngày.",
    "already_booked": lambda d: f"Số điện thoại này đã có lịch {d['name']} ngày {date.fromisoformat(d['day']):%d/%m}.",
    "wrong_hall_code": "Mã ở khu chờ chưa đúng. Mã đổi 5 phút một lần: xin xem lại trên màn hình.",
    "sum_needed": lambda d: (
        "Kết quả chưa đúng. Xin làm phép tính mới." if d.get("wrong") else "Đang có nhiều lượt đặt. Xin làm phép tính nhỏ rồi gửi lại."
    ),
    "already_waiting": "Địa chỉ này đang chờ chỗ của ngày đó. Có chỗ sẽ báo.",
    "places_left": lambda d: f"Ngày này còn chỗ.{_free(d)}",
    "consent_missing": "Đã ghi số điện thoại hoặc email nhưng chưa đồng ý cho dùng. Đánh dấu ô đồng ý, hoặc xóa đi.",
    "too_late_to_move": lambda d: f"Lịch hẹn chỉ dời được trước giờ hẹn {d['minutes']} phút.",
    "appointment_over": lambda d: f"Lịch hẹn này {_OVER.get(d['state'], 'đã hủy')}.",
    "already_checked_in": lambda d: f"Lịch hẹn này đã nhận số {d['ticket']} lúc {hhmm(d['at'])}.",
    "already_has_number": lambda d: f"Thẻ này đã lấy số {d['ticket']} lúc {hhmm(d['at'])}.",
    "cancelled": "Lịch hẹn này đã hủy.",
    "wrong_day": lambda d: f"Lịch hẹn này là {weekday(d['start'].date())} {d['start']:%d/%m}, không phải hôm nay.",
    "wrong_site": lambda d: f"Lịch hẹn này ở {d['name']}.",
    "name_taken": lambda d: f"Đã có tên {d['name']}. Mời chọn tên khác.",
    "unknown_place": "Không có nơi đặt máy này.",
    "unknown_code": "Không có mã này hoặc mã đã hết hạn. Xem lại mã đang hiện trên máy.",
    "other_kind": "Máy đang hiện mã này thuộc loại khác. Chọn lại loại thiết bị.",
    "wrong_hours": "Giờ này không hợp: phải trong hôm nay, sau giờ mở cửa, và ngừng cấp số trước khi đóng cửa.",
    "logo_unreadable": "Biểu trưng phải là ảnh PNG.",
    "logo_too_large": lambda d: f"Biểu trưng quá lớn: nhiều nhất {d['width']} × {d['height']} điểm, {d['kilobytes']} KB.",
    "logo_blank": "Biểu trưng không có chỗ nào đậm để in.",
    "receipt_too_long": lambda d: f"Phiếu không vừa giấy {d['paper']} mm. Rút ngắn dòng dài nhất.",
    "hall_in_use": lambda d: (
        f"Quầy {one_of(d['counters'])} đang có người. Chờ xong rồi kiểm tra, hoặc chọn kiểm tra yên lặng: không in, không phát tiếng."
    ),
    "day_in_use": lambda d: f"Chưa đóng ngày được: quầy {one_of(d['counters'])} còn người.",
    "invalid_body": lambda d: f"Nội dung gửi lên chưa đúng: {d['problem']}.",
    "malformed": lambda d: f"Nội dung gửi lên không đọc được: {d['problem']}.",
    "idempotency_key_missing": "Thiếu tiêu đề Idempotency-Key.",
    "idempotency_key_malformed": "Idempotency-Key phải dài 1 đến 200 ký tự ASCII nhìn thấy được.",
    "idempotency_key_reused": "Idempotency-Key này đã dùng cho một yêu cầu khác.",
    "unauthenticated": lambda d: (
        "Tài khoản này vừa đăng nhập ở máy khác, phiên ở đây đã hết. Mời đăng nhập lại."
        if d.get("elsewhere")
        else "Chưa đăng nhập, hoặc phiên làm việc đã hết. Mời đăng nhập lại."
    ),
    "wrong_password": "Tên hoặc mật khẩu chưa đúng.",
    "password_change_required": "Mật khẩu được cấp chỉ dùng để đặt mật khẩu mới. Mời đặt mật khẩu mới rồi làm việc tiếp.",
    "forbidden": "Vai trò này không được làm việc đó.",
    "csrf": "Yêu cầu không đến từ trang của bộ phận.",
    "not_found": "Không tìm thấy.",
    "method_not_allowed": "Địa chỉ này không nhận cách gọi đó.",
    "too_large": "Nội dung gửi lên quá lớn.",
    "unsupported_media_type": "Nội dung gửi lên phải là JSON (Content-Type: application/json).",
    "too_many_requests": lambda d: f"Thử quá nhiều lần. Chờ {_patience(d['retry_after_s'])} rồi thử lại.",
    "storage_unavailable": "Máy chủ chưa ghi được. Chưa có gì thay đổi. Xin thử lại.",
    "voice_unavailable": "Chưa tạo được giọng đọc.",
    "internal": "Máy chủ gặp trục trặc. Chưa có gì thay đổi.",
}

_SENTENCES_EN: dict[str, Callable[[Details], str] | str] = {
    "nobody_waiting": "Nobody is waiting for this counter.",
    "counter_busy": lambda d: f"Counter {d['counter']} is serving {d['ticket']}.",
    "counter_closed": lambda d: f"Counter {d['counter']} is {d.get('state', 'closed')}.",
    "counter_taken": lambda d: f"Counter {d['counter']} is taken by {d.get('clerk_name') or d['clerk']}.",
    "not_allowed_now": lambda d: f"{d['ticket']} is {d['state']}: {d['verb']} is not possible now.",
    "not_served_here": lambda d: f"{d['ticket']} is not served at counter {d['counter']}.",
    "undo_too_late": lambda d: f"It is too late to undo {d['ticket']}.",
    "rejoin_limit": lambda d: f"{d['ticket']} has rejoined {d['rejoins']} times. Please take a new number.",
    "rejoin_too_late": lambda d: f"{d['ticket']} was missed more than {d['minutes']} minutes ago. Please take a new number.",
    "unknown_service": "There is no such service.",
    "unknown_counter": "There is no such counter.",
    "unknown_priority": "There is no such priority group.",
    "unknown_procedure": "There is no such procedure.",
    "service_stopped": "This service gives no more numbers today.",
    "not_leased": lambda d: f"{d['ticket']} is not one of this kiosk's provisional numbers. Please take a new number.",
    "number_given": lambda d: f"{d['ticket']} has been given to somebody else. Please take a new number.",
    "day_over": lambda d: f"{d['day']} is over; the provisional number {d['ticket']} is no longer valid. Please take a new number.",
    "closed": "The office is not giving numbers now.",
    "after_last_ticket": "The last number of the day has been given.",
    "not_bookable": "This service takes no appointments. Please take a number here.",
    "start_missing": "No time has been chosen.",
    "unknown_slot": lambda d: f"There is no such time.{_free(d, 'en')}",
    "slot_full": lambda d: f"The place at {hhmm(d['start'])} has just been taken.{_free(d, 'en')}",
    "too_late_to_book": lambda d: f"It is too late to book {hhmm(d['start'])}.{_free(d, 'en')}",
    "too_early_to_book": lambda d: f"Appointments open {d['days']} days ahead.",
    "already_booked": lambda d: f"This telephone number already has an appointment for {d['name']} on {d['day']}.",
    "wrong_hall_code": "The digits of the hall are not right. They change every 5 minutes: please look again.",
    "sum_needed": lambda d: (
        "That is not right. Please do the new sum." if d.get("wrong") else "Many are booking now. Please do a small sum and send again."
    ),
    "already_waiting": "This address already waits for a place on that day. You will be told.",
    "places_left": lambda d: f"There are places left on this day.{_free(d, 'en')}",
    "consent_missing": "A telephone number or e-mail address was given without consent to use it. Tick the box, or leave them out.",
    "too_late_to_move": lambda d: f"An appointment can be moved until {d['minutes']} minutes before it.",
    "appointment_over": lambda d: f"This appointment is {d['state'].replace('_', ' ')}.",
    "already_checked_in": lambda d: f"This appointment has its number already: {d['ticket']}, taken at {hhmm(d['at'])}.",
    "already_has_number": lambda d: f"This card has a number already: {d['ticket']}, taken at {hhmm(d['at'])}.",
    "cancelled": "This appointment was cancelled.",
    "wrong_day": lambda d: f"This appointment is on {weekday(d['start'].date(), 'en')} {d['start']:%d/%m}, not today.",
    "wrong_site": lambda d: f"This appointment is at {d['name']}.",
    "name_taken": lambda d: f"The name {d['name']} is taken. Please choose another.",
    "unknown_code": "There is no such code, or it has run out. Look again at the code on the device.",
    "other_kind": "The device that shows this code is of another kind.",
    "unknown_place": "There is no such kiosk or hall.",
    "wrong_hours": "These hours do not fit: today, after opening, and the last number before closing.",
    "logo_unreadable": "The logo must be a PNG picture.",
    "logo_too_large": lambda d: f"The logo is too large: at most {d['width']} × {d['height']} dots and {d['kilobytes']} KB.",
    "logo_blank": "Nothing in the logo is dark enough to print.",
    "receipt_too_long": lambda d: f"The ticket does not fit paper of {d['paper']} mm. Shorten its longest line.",
    "hall_in_use": "Somebody is being served. Check later, or ask for a quiet check, without paper and sound.",
    "day_in_use": "The day cannot be closed while somebody is being served.",
    "invalid_body": lambda d: f"The request is not valid: {d['problem']}.",
    "malformed": lambda d: f"The request could not be read: {d['problem']}.",
    "idempotency_key_missing": "The Idempotency-Key header is missing.",
    "idempotency_key_malformed": "The Idempotency-Key must be 1 to 200 visible ASCII characters.",
    "idempotency_key_reused": "This Idempotency-Key was used for another request.",
    "unauthenticated": lambda d: (
        "This account has signed in at another computer, so the session here is over. Please sign in."
        if d.get("elsewhere")
        else "You are not signed in, or the session has ended. Please sign in."
    ),
    "wrong_password": "The name or the password is not right.",
    "password_change_required": "The password you were given only serves to choose your own. Please change it first.",
    "forbidden": "This role may not do that.",
    "csrf": "The request did not come from a page of this office.",
    "not_found": "Not found.",
    "method_not_allowed": "This address does not take that method.",
    "too_large": "The request is too large.",
    "unsupported_media_type": "The request must be JSON (Content-Type: application/json).",
    "too_many_requests": lambda d: f"Too many attempts. Please wait {_patience(d['retry_after_s'], 'en')}.",
    "storage_unavailable": "The server could not store this. Nothing was changed. Please try again.",
    "voice_unavailable": "The voice is not available yet.",
    "internal": "The server has met a problem. Nothing was changed.",
}


def sentence(code: str, details: Details | None = None, lang: str = "vi") -> str:
    """The one sentence of a refusal or error, for a person. Unknown codes have none: `KeyError`."""
    text = (_SENTENCES_EN if lang == "en" else _SENTENCES)[code]
    return text if isinstance(text, str) else text(details or {})


CODES = frozenset(_SENTENCES)


def closed_reason(code: str, details: Details, lang: str = "vi") -> str:
    """Why a field gives no numbers, for its button at the kiosk."""
    if code == "after_last_ticket" and details.get("service"):
        return f"Numbers until {hhmm(details['last_ticket'])}" if lang == "en" else f"Hết giờ nhận số lúc {hhmm(details['last_ticket'])}"
    return sentence(code, details, lang)
