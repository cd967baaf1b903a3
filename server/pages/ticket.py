"""The phone page behind a ticket's QR, in words: pure, from the published day.

The sentences stand here once. The template shows those of the present state; the same catalogue travels with the page, so that a live
page says exactly what a reloaded one says (`static/ticket/model.js` chooses and fills in as `shown` does).
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any

from server import wire
from server.core import words
from server.core.day import Day, Ticket
from server.core.forecast import Forecast

VI = {
    "waiting": ("Đang chờ gọi", "Còn {ahead} người trước ông/bà."),
    "waiting_first": ("Đang chờ gọi", "Không còn ai trước ông/bà. Xin chờ ở gần quầy."),
    "called": ("Mời đến {counter}", "Gọi lúc {called}."),
    "called_again": ("Mời đến {counter}", "Gọi lần {call_no}, lúc {called}."),
    "serving": ("Đang được phục vụ", "Tại {counter}."),
    "held": ("Đang được tạm giữ", "Cán bộ sẽ gọi lại số này. Không cần lấy số mới."),
    "done": ("Đã hoàn tất", "Cảm ơn ông/bà."),
    "no_show": ("Đã gọi mà vắng", "Mời đến máy lấy số hoặc bàn hướng dẫn để quay lại hàng. Không cần lấy số mới."),
    "no_show_last": ("Đã gọi mà vắng", "Số này không quay lại hàng được nữa. Mời lấy số mới."),
    "cancelled": ("Đã trả số", "Số này không được gọi nữa. Khi cần, mời lấy số mới."),
    "lapsed": ("Phiếu đã hết hiệu lực", "Ngày làm việc đã hết mà chưa gọi đến số này. Mời lấy số mới vào hôm khác."),
}
EN = {
    "waiting": ("Waiting", "{ahead} people before you."),
    "waiting_one": ("Waiting", "1 person before you."),
    "waiting_first": ("Waiting", "Nobody is before you. Please stay near the counter."),
    "called": ("Please go to {counter}", "Called at {called}."),
    "called_again": ("Please go to {counter}", "Call number {call_no}, at {called}."),
    "serving": ("You are being served", "At {counter}."),
    "held": ("Set aside", "Staff will call this number again. You do not need a new one."),
    "done": ("Finished", "Thank you."),
    "no_show": ("Called, but you were not there", "Go to the kiosk or the help desk to rejoin. You do not need a new number."),
    "no_show_last": ("Called, but you were not there", "This number cannot rejoin any more. Please take a new one."),
    "cancelled": ("Given back", "This number will not be called. Take a new one when you need it."),
    "lapsed": ("No longer valid", "The working day ended before this number was called. Please come another day."),
}

LABELS_VI = {
    "title": "Số {code} – {state}",
    "number": "Số của ông/bà",
    "field": "Lĩnh vực",
    "counters": "Quầy",
    "queue_time": "Giờ xếp hàng",
    "wait": "Dự kiến chờ {range}.",
    "between": "Người có hẹn, người ưu tiên có thể được gọi xen vào.",
    "as_of": "Số liệu lúc {at}.",
    "reloads": "Trang tự tải lại sau 10 giây.",
    "stale": "Điện thoại đang mất kết nối. Số liệu lúc {at}. Xin nghe loa hoặc nhìn màn hình ở khu chờ.",
    "tell": "Báo tôi khi được gọi",
    "telling": "Sẽ báo khi được gọi",
    "keep_open": "Xin để trang này mở và bật tiếng điện thoại.",
    "why": "Vì sao người khác được gọi trước?",
    "why_code": "Số của người đó",
    "why_ask": "Xem vì sao",
    "why_note": "Mỗi lĩnh vực có hàng riêng.",
    "why_open": "Hỏi về một số khác",
    "why_back": "Về trang theo dõi số",
    "unknown_code": "Hôm nay không có số {other}. Xin xem lại số.",
    "rules": "Quy tắc gọi số",
    "give_back": "Trả số, không chờ nữa",
    "give_back_sure": "Trả số {code}? Số này sẽ không được gọi nữa.",
    "give_back_yes": "Trả số",
    "give_back_no": "Giữ số",
    "no_answer": "Chưa nối được máy chủ. Chưa có gì thay đổi. Xin bấm lại.",
    "hotline": "Hỏi đáp",
    "taken": "lấy lúc {at}",
    "the_day_before": "hôm trước",
}
LABELS_EN = {
    "title": "Number {code} – {state}",
    "number": "Your number",
    "field": "Service",
    "counters": "Counter",
    "queue_time": "Queue time",
    "wait": "Expected wait: {range}.",
    "between": "People with an appointment or priority may be called in between.",
    "as_of": "As of {at}.",
    "reloads": "The page reloads every 10 seconds.",
    "stale": "Your phone is offline. As of {at}. Please listen to the calls or watch the screen in the hall.",
    "tell": "Tell me when I am called",
    "telling": "You will be told",
    "keep_open": "Please keep this page open and the sound on.",
    "why": "Why was somebody else called first?",
    "why_code": "Their number",
    "why_ask": "See why",
    "why_note": "Each service has a queue of its own.",
    "why_open": "Ask about another number",
    "why_back": "Back to my number",
    "unknown_code": "There is no number {other} today. Please check it.",
    "rules": "How numbers are called",
    "give_back": "Give my number back",
    "give_back_sure": "Give {code} back? It will not be called.",
    "give_back_yes": "Give it back",
    "give_back_no": "Keep it",
    "no_answer": "The server did not answer. Nothing was changed. Please press again.",
    "hotline": "Questions",
    "taken": "taken at {at}",
    "the_day_before": "the day before",
}

CANCELLABLE = ("waiting", "called", "held")
ENDED = ("done", "cancelled", "lapsed")


def page(day: Day, ticket: Ticket, now: datetime, factor: float, today: date, likely: Forecast | None) -> dict[str, Any]:
    """Everything the template needs. `today` is the office's date: a ticket of an earlier day cannot rejoin any more."""
    en = ticket.lang == "en"
    lang = "en" if en else "vi"
    states, labels = (EN, LABELS_EN) if en else (VI, LABELS_VI)
    over = day.closed or day.date < today
    out = wire.ticket(day, ticket, lang, likely)
    office = {
        "at": wire.instant(now),
        "factor": factor,
        "over": over,
        "counters": {c: _counter(desk.name, lang) for c, desk in day.desks.items()},
        "numbers": {c: _label(desk.name) for c, desk in day.desks.items()},
        "services": {s.id: _service(s.name, s.name_en, lang) for s in day.services.values()},
        "states": states,
        "labels": labels,
        "cancellable": CANCELLABLE,
        "ended": ENDED,
    }
    return {
        "lang": lang,
        "site": {"id": day.site.id, "name": day.site.name, "hotline": day.site.hotline},
        "ticket": out,
        "office": office,
        "labels": labels,
        "shown": shown(out, office, lang),
        "at": words.hhmm(now),
        "date_line": f"{words.capital(words.long_date(day.date, lang))} · {labels['taken'].format(at=words.hhmm(ticket.issued_at))}",
        "rules": words.rule_lines(day.site.rules, day.services[ticket.service].counting, lang),
    }


def shown(ticket: wire.TicketOut, office: dict[str, Any], lang: str) -> dict[str, str]:
    """The parts of the page that change while it is open; `model.js` says the same from the same catalogue."""
    labels = office["labels"]
    counter = ticket["counter"]
    values = {
        "code": ticket["code"],
        "ahead": str(ticket["people_ahead"]),
        "counter": office["counters"].get(counter or "", counter or ""),
        "called": ticket["called_at"][11:16] if ticket["called_at"] else "",
        "call_no": str(ticket["call_no"]),
    }
    title, text = (part.format(**values) for part in office["states"][_kind(ticket, office)])
    waiting = ticket["state"] == "waiting"
    queue_time = ticket["queue_time"][11:19]
    if ticket["queue_time"][:10] < ticket["issued_at"][:10]:
        queue_time += f" {labels['the_day_before']}"
    return {
        "title": title,
        "text": text,
        "wait": labels["wait"].format(range=wait_range(ticket["wait"], lang)) if waiting and ticket["wait"] else "",
        "between": labels["between"] if waiting else "",
        "field": office["services"].get(ticket["service"], ticket["service"]),
        "counters": words.one_of([office["numbers"].get(c, c).replace("\u00a0", " ") for c in ticket["counters"]], lang),
        "queue_time": queue_time,
        "reason": ticket["reason"]["words"],
    }


def _kind(ticket: wire.TicketOut, office: dict[str, Any]) -> str:
    """Which sentences of the catalogue: the state, or a case of it."""
    kind: str = ticket["state"]
    if kind == "waiting" and ticket["people_ahead"] < 2:
        kind = "waiting_first" if ticket["people_ahead"] == 0 else "waiting_one"
    elif kind == "called" and ticket["call_no"] > 1:
        kind = "called_again"
    elif kind == "no_show" and (ticket["rejoins_left"] == 0 or office["over"]):
        kind = "no_show_last"
    return kind if kind in office["states"] else str(ticket["state"])


def why(day: Day, ticket: Ticket, code: str) -> str:
    """Why `code` goes before this ticket, or does not; for a page that cannot ask over HTTP."""
    lang = "en" if ticket.lang == "en" else "vi"
    wanted = code.strip().upper()
    other = day.by_code.get(wanted)
    if other is None:
        return (LABELS_EN if lang == "en" else LABELS_VI)["unknown_code"].format(other=wanted[:12])
    return (wire.why(day, ticket, lang) if other is ticket else wire.why_other(day, ticket, other, lang))["words"]


def wait_range(wait: wire.WaitOut, lang: str) -> str:
    """A wait on a screen, always a range in minutes: low rounded down to 5, high up to 5."""
    low = wait["low_s"] // 300 * 5
    high = max(-(-wait["high_s"] // 300) * 5, low + 5)
    unit = "min" if lang == "en" else "phút"
    if low >= 90:
        return f"{'over' if lang == 'en' else 'trên'}\u00a090\u00a0{unit}"
    return f"{low}–{high}\u00a0{unit}"


def _label(name: str) -> str:
    return re.sub(r"^quầy\s+", "", name, flags=re.IGNORECASE)


def _counter(name: str, lang: str) -> str:
    """A counter inside a sentence: `quầy 3`, `counter 3`; another name stays as the office wrote it."""
    label = _label(name)
    if label == name:
        return name
    return f"{'counter' if lang == 'en' else 'quầy'}\u00a0{label}"


def _service(name: str, name_en: str, lang: str) -> str:
    return name_en if lang == "en" and name_en else wire.plain(name)
