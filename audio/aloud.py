"""What a kiosk reads aloud of its own screens, for people who cannot read them: every question and choice, known beforehand.

Pure. The names are those of the kiosk's pages: of a text, or of what a touch means. Nothing that a citizen types is ever said; a
ticket's number and the office's own names are.
"""

from __future__ import annotations

from audio.phrases import DEFAULT, Sentence, Style
from audio.reading import code_en, code_vi, counter_en, counter_vi, spell_out_en, spell_out_vi
from server.core.site import Site
from server.core.words import rule_lines

_ALWAYS = {
    "homeQuestion": ("Ông bà cần gì?", "What do you need?"),
    "fieldQuestion": ("Làm thủ tục gì? Chạm một ô để lấy số.", "Which service? Touch one to take a number."),
    "resultQuestion": ("Nhận kết quả nào?", "Which result?"),
    "priorityQuestion": ("Ông bà thuộc diện nào?", "Which applies to you?"),
    "appointmentQuestion": ("Đưa mã QR vào ô đọc, hoặc bấm bảy số mã hẹn.", "Hold the code to the reader, or type the seven digits."),
    "codeQuestion": (
        "Số trên phiếu là số nào? Bấm chữ, rồi bấm các số.",
        "Which number is on your ticket? Touch the letter, then the digits.",
    ),
    "rules": ("Quy định gọi số.", "How numbers are called."),
    "moreTimeQuestion": ("Ông bà cần thêm thời gian không?", "Do you need more time?"),
    "take": ("Lấy số.", "Take a number."),
    "priority": ("Lấy số ưu tiên.", "Priority number."),
    "appointment": ("Tôi có lịch hẹn.", "I have an appointment."),
    "result": ("Nhận kết quả. Khi có giấy hẹn trả kết quả.", "Collect a result, with a result appointment slip."),
    "help": ("Cần người giúp.", "I need help."),
    "language": ("Tiếng Anh.", "Vietnamese."),
    "large": ("Cỡ chữ.", "Size of the letters."),
    "low": ("Nút cao hay thấp.", "High or low buttons."),
    "aloud": ("Dừng đọc, hoặc nghe lại.", "Stop reading, or hear it again."),
    "group:": ("Không thuộc diện nào.", "None of these."),
    "fieldClosed": ("Lĩnh vực này đã hết nhận số.", "This service gives no more numbers."),
    "more": ("Xem thêm.", "More."),
    "back": ("Quay lại.", "Back."),
    "other": ("Chọn việc khác.", "Choose another."),
    "leave": ("Về trang đầu.", "To the first page."),
    "missed": ("Tôi bị lỡ số.", "I missed my call."),
    "unsure": ("Không biết chọn lĩnh vực.", "Which service do I need?"),
    "find": ("Tìm số.", "Find it."),
    "rejoin": ("Quay lại hàng.", "Rejoin the queue."),
    "reprint": ("In lại phiếu.", "Print the ticket again."),
    "change": ("Chọn nhầm? Đổi lĩnh vực.", "Wrong service? Change it."),
    "done": ("Xong.", "Done."),
    "more-time": ("Tôi cần thêm thời gian.", "I need more time."),
    "start-over": ("Bắt đầu lại.", "Start again."),
    "try-again": ("Thử lại.", "Try again."),
    "help.ringing": ("Đang báo nhân viên.", "Calling staff."),
    "help.told": ("Đã báo nhân viên. Xin ông bà chờ tại đây.", "Staff have been told. Please wait here."),
    "help.coming": ("Nhân viên đang đến. Xin ông bà chờ tại đây.", "Somebody is coming. Please wait here."),
    "help.failed": ("Chưa báo được nhân viên. Mời ông bà đến bàn hướng dẫn.", "Staff could not be told. Please go to the help desk."),
    "paper.printing": ("Phiếu đang in.", "Your ticket is being printed."),
    "paper.printed": ("Mời lấy phiếu.", "Please take your ticket."),
    "paper.unknown": ("Phiếu đã ra chưa?", "Has your ticket come out?"),
    "paper.none": ("Không có phiếu. Xin nhớ số.", "There is no paper. Please remember the number."),
}


def sentences(site: Site, style: Style = DEFAULT) -> dict[str, Sentence]:
    """Everything a kiosk of this office can read, by name."""
    found = {name: Sentence(vi, en) for name, (vi, en) in _ALWAYS.items()}
    if site.priority_groups:
        who = ", ".join(group.name for group in site.priority_groups)
        found["priority"] = _said(f"Lấy số ưu tiên. {who}.", "Priority number.", style)
    for service in site.services:
        everyday = f" {service.everyday}." if service.everyday else ""
        found[f"field:{service.id}"] = _said(f"{service.name}.{everyday}", service.name_en and f"{service.name_en}.", style)
    for group in site.priority_groups:
        found[f"group:{group.id}"] = _said(f"{group.name}.", group.name_en and f"{group.name_en}.", style)
    age = max((group.from_age for group in site.priority_groups), default=0)
    if age and any(kiosk.cards for kiosk in site.kiosks):
        ask, ask_en = f"Theo thẻ, ông bà từ {age} tuổi. Lấy số ưu tiên?", f"Your card says you are {age} or over. Take a priority number?"
        found["cardQuestion"] = _said(ask, ask_en, style)
        found |= {"card:yes": Sentence("Có, ưu tiên.", "Yes, priority."), "card:no": Sentence("Không.", "No.")}
    lines, english = (rule_lines(site.rules, site.counting, lang) for lang in ("vi", "en"))
    for at, line in enumerate(lines):
        found[f"rule:{at + 1}"] = _said(line, english[at], style)
    return found


def number(code: str, counters: tuple[str, ...], style: Style = DEFAULT) -> Sentence:
    """The number somebody has just taken. `counters`: the names of those that may call it, at least one."""
    at_vi = " hoặc ".join(counter_vi(counter, style) for counter in counters)
    at_en = " or ".join(counter_en(counter) for counter in counters)
    return Sentence(
        f"Số của ông bà là {code_vi(code, style)}. Xin chờ gọi đến {at_vi}.",
        f"Your number is {code_en(code, style)}. Please wait to be called to {at_en}.",
    )


def _said(vi: str, en: str, style: Style) -> Sentence:
    """Texts of the office: breaks for the eye are not for the ear, and numbers are spelled out."""
    return Sentence(spell_out_vi(_plain(vi), style), spell_out_en(_plain(en), style) if en else None)


def _plain(text: str) -> str:
    return " ".join(text.replace("/", " ").split()).replace(" –", ",")
