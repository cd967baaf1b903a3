"""The morning check: what of the office is right, what is not, and what to do, as values. Sentences are for staff, in Vietnamese.

Whoever looks hands in what was found; nothing here looks at a disk or a device. What nobody could find out is `UNKNOWN`, never good.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from server.core import words
from server.core.alarms import LOST, NAMES, SET_TIME, Alarm, Device, alarms, lasting, whose_time
from server.core.day import Day
from server.core.site import AS_WRITTEN, Site

DUE = timedelta(hours=7, minutes=25)
"""By this time of a working day the office should have been looked at."""

DISK_LOW, DISK_FULL = 1_000_000_000, 200_000_000
"""Bytes. A busy day's story is about 10 MB; logs, copies and the system's own updates want the rest."""
COPY_OLD, COPY_TOO_OLD = timedelta(hours=36), timedelta(days=8)
REPLICA_LATE_S, REPLICA_LOST_S = 60.0, 600.0
CLOCK_NEAR_S, CLOCK_OFF_S = 5.0, 60.0


class State(StrEnum):
    GOOD = "good"
    ATTENTION = "attention"
    BAD = "bad"
    RUNNING = "running"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """`name` says what was looked at, and is the same each time. `todo` is empty where there is nothing to do."""

    name: str
    state: State
    words: str
    todo: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a device said to a trial."""

    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Trial:
    """Something that was to be printed, said or shown. `answers` by device; `over`: no answer is expected any more."""

    answers: Mapping[str, Answer]
    over: bool


def _good(name: str, words: str) -> Finding:
    return Finding(name, State.GOOD, words)


def _attention(name: str, words: str, todo: str) -> Finding:
    return Finding(name, State.ATTENTION, words, todo)


def _bad(name: str, words: str, todo: str) -> Finding:
    return Finding(name, State.BAD, words, todo)


def overall(findings: Iterable[Finding]) -> State:
    """Of the whole list: running until everything has been looked at, then the worst. What could not be found out wants attention."""
    states = {finding.state for finding in findings}
    if State.RUNNING in states:
        return State.RUNNING
    if State.BAD in states:
        return State.BAD
    return State.ATTENTION if states & {State.ATTENTION, State.UNKNOWN} else State.GOOD


def is_due(day: Day, now: datetime) -> bool:
    """Whether it is time to look and nobody has: on a day on which the office works, until it closes."""
    closes = day.hours(now).closes
    return day.checkup is None and not day.closed and closes is not None and day.site.at(day.date, DUE) <= now < closes


# -- devices ---------------------------------------------------------------------------------------------------------------------


def equipment(site: Site, devices: Sequence[Device], now_s: float, running: str, unanswered: Sequence[Alarm] = ()) -> list[Finding]:
    """A finding for each device, for each place that has none, and for calls that nobody heard. `running`: the server's version."""
    found = [_device(device, now_s, running) for device in devices]
    kiosks = {device.place for device in devices if device.kind == "kiosk"}
    for kiosk in site.kiosks:
        if kiosk.id not in kiosks:
            todo = "Ghép máy ở thẻ Thiết bị. Trong lúc chờ, cấp số ở bàn hướng dẫn."
            found.append(_attention(f"device {kiosk.id}", f"{kiosk.name}: chưa ghép máy nào", todo))
    return found + [_bad(f"call {alarm.name}", alarm.words, alarm.todo) for alarm in unanswered]


def _device(device: Device, now_s: float, running: str) -> Finding:
    name = f"{'page' if device.page else 'device'} {device.name}"
    wrong = alarms([device], now_s)
    if wrong:
        words, todo = "; ".join(alarm.words for alarm in wrong), " ".join(dict.fromkeys(alarm.todo for alarm in wrong))
        return _bad(name, words, todo) if wrong[0].urgent else _attention(name, words, todo)
    who = f"{'Màn hình máy lấy số' if device.page else NAMES[device.kind]} {device.name}"
    version = device.facts.get("version")
    if isinstance(version, str) and version != running:
        return _attention(name, f"{who} chạy bản {version}, máy chủ chạy bản {running}", "Cập nhật chương trình trên máy đó.")
    told = ["đang nối"]
    if device.facts.get("paper") == "ok":
        told.append("còn giấy")
    if device.clock_offset_s is not None:
        told.append("đúng giờ")
    return _good(name, f"{who}: {', '.join(told)}")


# -- trials ----------------------------------------------------------------------------------------------------------------------

_NOT_TRIED = {
    "print": ("chưa in thử hôm nay", "Bấm Kiểm tra buổi sáng."),
    "sound": ("chưa thử tiếng hôm nay", "Bấm Kiểm tra buổi sáng."),
    "screen": ("chưa thử hình hôm nay", "Bấm Kiểm tra buổi sáng."),
}
_QUIET = "Kiểm tra yên lặng không in và không phát tiếng. Khi vắng người, kiểm tra lại."


def prints(kiosk: str, name: str, trial: Trial | None, *, quiet: bool) -> Finding:
    """Whether a kiosk's printer has printed its trial sheet."""
    key = f"print {kiosk}"
    if trial is None:
        return _untried("print", key, name, quiet)
    said = list(trial.answers.values())[-1] if trial.answers else None
    if said is not None and said.ok:
        return _good(key, f"{name} đã in phiếu thử")
    if said is not None and said.detail.startswith("unknown"):
        return _attention(key, f"{name} không biết phiếu thử đã ra chưa", "Đến xem khe giấy: có phiếu THỬ MÁY là máy in tốt.")
    if said is not None:
        return _bad(key, f"{name} không in được phiếu thử", "Xem máy in: giấy, nắp, điện, dây. Số vẫn được cấp trên màn hình.")
    if not trial.over:
        return Finding(key, State.RUNNING, f"{name} đang in phiếu thử")
    return _bad(key, f"{name} không trả lời lệnh in thử", "Xem máy in và chương trình in bên cạnh máy lấy số.")


def sounds(hall: str, name: str, speakers: Sequence[str], trial: Trial | None, *, quiet: bool) -> list[Finding]:
    """Whether each loudspeaker of a hall has played the trial sentence."""
    if not speakers:
        return [_attention(f"sound {hall}", f"{name} không có loa nào đã ghép", "Lời gọi chỉ hiện trên màn hình. Ghép loa ở thẻ Thiết bị.")]
    if trial is None or quiet:
        return [_untried("sound", f"sound {speaker}", f"Loa {speaker}", quiet) for speaker in speakers]
    return [_sound(speaker, trial.answers.get(speaker), trial.over) for speaker in speakers]


def _sound(speaker: str, said: Answer | None, over: bool) -> Finding:
    key, look = f"sound {speaker}", "Xem dây loa và âm lượng của máy, rồi kiểm tra lại."
    if said is None:
        return _bad(key, f"Loa {speaker} không trả lời", look) if over else Finding(key, State.RUNNING, f"Loa {speaker} đang phát âm thử")
    if said.ok and not said.detail.startswith("shown"):
        return _good(key, f"Loa {speaker} đã phát âm thử")
    return _bad(key, f"Loa {speaker} không phát được", look)


def screens(hall: str, name: str, displays: Sequence[str], trial: Trial | None) -> list[Finding]:
    """Whether each screen of a hall has shown that it is being tried. A screen without a key cannot answer."""
    if not displays:
        return [
            _attention(f"screen {hall}", f"{name} không có màn hình nào đã ghép", "Ghép màn hình ở thẻ Thiết bị, hoặc đến xem tận nơi.")
        ]
    if trial is None:
        return [_untried("screen", f"screen {display}", f"Màn hình {display}", quiet=False) for display in displays]
    found = []
    for display in displays:
        key = f"screen {display}"
        if display in trial.answers:
            # A screen that could not say the sentence has shown it all the same.
            found.append(_good(key, f"Màn hình {display} đã hiện hình thử"))
        elif trial.over:
            found.append(_bad(key, f"Màn hình {display} không trả lời", "Xem điện, dây mạng và dây hình của màn hình, rồi kiểm tra lại."))
        else:
            found.append(Finding(key, State.RUNNING, f"Màn hình {display} đang hiện hình thử"))
    return found


def _untried(what: str, key: str, name: str, quiet: bool) -> Finding:
    words, todo = _NOT_TRIED[what]
    return Finding(key, State.UNKNOWN, f"{name} {words}", _QUIET if quiet else todo)


# -- the server ------------------------------------------------------------------------------------------------------------------


def disk(free: int | None) -> Finding:
    """`free`: bytes that are left where the database lies; None where the system does not say."""
    if free is None:
        return Finding("disk", State.UNKNOWN, "Không biết đĩa còn trống bao nhiêu", "Xem đĩa của máy chủ.")
    size = f"{free / 1e9:.1f} GB".replace(".", ",") if free >= DISK_LOW else f"{free // 1_000_000} MB"
    if free < DISK_FULL:
        return _bad("disk", f"Đĩa chỉ còn trống {size}", "Xóa bớt bản sao và tệp cũ ngay: hết đĩa thì không cấp số được.")
    if free < DISK_LOW:
        return _attention("disk", f"Đĩa còn trống {size}", "Xóa bớt bản sao và tệp cũ trong hôm nay.")
    return _good("disk", f"Đĩa còn trống {size}")


def ballast(there: bool, wanted: int) -> Finding:
    """The file that is given away when the disk fills up. `there`: it is; else there is no room for its `wanted` bytes."""
    if there:
        return _good("ballast", "Có chỗ dự phòng cho khi đĩa đầy")
    todo = "Xóa bớt bản sao và tệp cũ: có chỗ là chương trình tự để dành lại. Chưa có thì đĩa đầy là không cấp và gọi số được."
    return _attention("ballast", f"Đĩa không còn chỗ để dành {wanted // 2**20} MB dự phòng", todo)


def database(problem: str | None) -> Finding:
    """`problem`: what the database's own check has found."""
    if problem is None:
        return _good("database", "Cơ sở dữ liệu nguyên vẹn")
    return _bad("database", "Cơ sở dữ liệu bị hỏng", f"Dừng máy chủ, chạy moiso restore với bản sao gần nhất. Chi tiết: {problem}")


def copies(newest: timedelta | None) -> Finding:
    """`newest`: how old the newest copy of `moiso backup` is; None when there is none."""
    if newest is None:
        return _attention("copy", "Chưa có bản sao", "Đặt lịch moiso backup sang đĩa khác, hoặc chạy máy chủ với --replica.")
    words = f"Bản sao gần nhất {ago(newest)}"
    if newest > COPY_TOO_OLD:
        return _bad("copy", words, "Chạy moiso backup ngay và xem vì sao lịch sao chép không chạy.")
    if newest > COPY_OLD:
        return _attention("copy", words, "Xem đĩa sao chép có cắm không, rồi chạy moiso backup.")
    return _good("copy", words)


def replica(age_s: float) -> Finding:
    """How far the copy on the second disk is behind; infinite when there is none yet."""
    if age_s > REPLICA_LOST_S:
        return _bad("replica", "Bản sao trên đĩa thứ hai không theo kịp", "Xem đĩa thứ hai: dây, nguồn, chỗ trống.")
    if age_s > REPLICA_LATE_S:
        return _attention("replica", f"Bản sao trên đĩa thứ hai chậm {round(age_s)} giây", "Xem đĩa thứ hai còn chỗ trống không.")
    return _good("replica", "Bản sao trên đĩa thứ hai theo kịp từng giây")


def ago(span: timedelta) -> str:
    """`12 phút trước`, `5 giờ trước`, `3 ngày trước`."""
    return f"{lasting(span)} trước"


def clock(behind_s: float, there: date, *, rehearsal: bool, lost: bool = False) -> Finding:
    """The hall's clock against the computer's, whose date is `there`; in a rehearsal it goes its own way. `lost`: the computer does not
    know the time."""
    if rehearsal:
        return _attention(
            "clock", "Giờ của khu chờ là giờ tập dượt, không phải giờ thật", "Khi phục vụ thật, chạy máy chủ không có --hall-clock."
        )
    if lost:
        return _bad("clock", LOST, SET_TIME)
    if abs(behind_s) > CLOCK_OFF_S:
        return _bad("clock", f"Giờ của khu chờ lệch giờ máy chủ {lasting(timedelta(seconds=abs(behind_s)))}", whose_time(there))
    if abs(behind_s) > CLOCK_NEAR_S:
        return _attention(
            "clock", f"Giờ của khu chờ lệch giờ máy chủ {round(abs(behind_s))} giây", "Đang tự chỉnh dần. Xem lại sau vài phút."
        )
    return _good("clock", "Giờ của khu chờ đúng theo giờ máy chủ")


def mail(problem: str | None) -> Finding:
    """`problem`: why the mail gateway cannot be reached."""
    if problem is None:
        return _good("mail", "Cổng thư điện tử trả lời")
    return _attention(
        "mail", f"Không nối được cổng thư điện tử ({problem})", "Thư xác nhận lịch hẹn chờ đến khi nối lại. Xem mạng và MOISO_SMTP."
    )


def program(name: str, present: bool, words: str, todo: str) -> Finding:
    """A program that this machine needs: `words` names it."""
    return _good(name, f"{words}: có") if present else _bad(name, f"{words}: chưa cài", todo)


# -- the office ------------------------------------------------------------------------------------------------------------------


def opening(day: Day, now: datetime) -> Finding:
    """Whether and until when the office works today, and what is out of the ordinary."""
    hours = day.hours(now)
    if day.closed:
        return _attention("opening", "Ngày làm việc hôm nay đã đóng", "Không cấp số nữa cho đến ngày làm việc sau.")
    if hours.opens is None or hours.closes is None:
        return _good("opening", f"Hôm nay nghỉ: {hours.holiday}" if hours.holiday else "Hôm nay không làm việc")
    closes = words.hhmm(hours.closes) if hours.closes.date() == day.date else "24:00"
    times = f"Hôm nay làm việc {words.hhmm(hours.opens)}–{closes}"
    stopped = [day.services[s].name.replace("|", "") for s in day.site.service if s in day.stopped]
    if stopped:
        return _attention("opening", f"{times}; đang dừng cấp số: {', '.join(stopped)}", "Bấm Cấp số lại ở thẻ Hôm nay nếu đã xong.")
    if day.today != AS_WRITTEN:
        return _attention("opening", f"{times}, đã đổi riêng hôm nay", "Bấm Về giờ thường lệ nếu không còn cần.")
    return _good("opening", times)


def holidays(known: Iterable[date], today: date) -> Finding:
    """Whether the days off of this year and the next are known: a day that is not known is one on which people come in vain."""
    dates = sorted(known)
    years = {day.year for day in dates}
    missing = [str(year) for year in (today.year, today.year + 1) if year not in years]
    if missing:
        todo = 'Ghi ngày nghỉ vào [holidays] của tài liệu bộ phận, hoặc country = "VN".'
        return _attention("holidays", f"Chưa biết ngày nghỉ lễ năm {' và '.join(missing)}", todo)
    after = next(day for day in dates if day >= today)
    return _good("holidays", f"Đã biết ngày nghỉ lễ đến hết năm {today.year + 1}; kỳ nghỉ tới: {words.long_date(after)}")


def document(warnings: Sequence[str]) -> Finding:
    """What the check of the site document warns of."""
    if not warnings:
        return _good("document", "Tài liệu bộ phận không có điều gì cần xem")
    return _attention(
        "document", f"Tài liệu bộ phận có {len(warnings)} điều nên xem lại: {warnings[0].rstrip('.')}", "Chạy moiso check để xem đủ."
    )


def address(public_url: str | None) -> Finding:
    """Where the tickets' codes and the letters lead: an address of this very machine leads a telephone nowhere."""
    if public_url is None:
        return _good("address", "Phiếu không in mã QR: chưa khai địa chỉ công khai")
    parts = urlsplit(public_url)
    host = parts.hostname or ""
    if host in ("localhost", "::1", "") or host.startswith("127."):
        return _bad("address", f"Mã QR trên phiếu dẫn đến {host}, điện thoại không mở được", "Sửa public_url trong tài liệu bộ phận.")
    if parts.scheme != "https":
        return _attention(
            "address", f"Mã QR trên phiếu dẫn đến {host} không mã hóa", "Dùng địa chỉ https:// nếu điện thoại vào từ Internet."
        )
    return _good("address", f"Mã QR trên phiếu dẫn đến {host}")
