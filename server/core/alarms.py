"""What of the office's equipment wants somebody to look after it, from what the devices last said. Not part of any day's story.

Seconds are on one clock that never goes back; only differences matter. Sentences are for staff, in the office's language.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

SILENT_AFTER_S = 12.0
"""Two beats missed. A screen is drawn anew every two seconds, so that whoever looks knows within fifteen seconds of the last beat."""
CLOCK_OFF_S = 60.0

NAMES = {"kiosk": "Máy lấy số", "display": "Màn hình", "audio": "Loa"}
_PAGE = "Màn hình máy lấy số"
_POWER = "Xem điện và dây mạng của máy, rồi bật lại."
_SILENT = {
    "kiosk": f"{_POWER} Trong lúc chờ, cấp số ở bàn hướng dẫn.",
    "display": f"{_POWER} Trong lúc chờ, gọi bằng loa.",
    "audio": f"{_POWER} Trong lúc chờ, số chỉ hiện trên màn hình: xin gọi trực tiếp.",
}
_PAPER = {
    "low": ("paper_low", "sắp hết giấy", "Chuẩn bị cuộn giấy mới."),
    "near_end": ("paper_low", "sắp hết giấy", "Chuẩn bị cuộn giấy mới."),
    "out": ("paper_out", "hết giấy", "Thay cuộn giấy. Số vẫn được cấp trên màn hình."),
    "none": ("paper_out", "hết giấy", "Thay cuộn giấy. Số vẫn được cấp trên màn hình."),
    "offline": ("paper_offline", "không in được", "Xem máy in: điện, dây, nắp. Số vẫn được cấp trên màn hình."),
}
_FAULTS = {
    "cover": ("đang mở nắp máy in", "Đóng nắp máy in. Số vẫn được cấp trên màn hình."),
    "cutter": ("kẹt dao cắt giấy", "Gỡ giấy kẹt ở dao cắt. Số vẫn được cấp trên màn hình."),
    "broken": ("cần tắt mở lại máy in", "Tắt máy in, chờ một lát rồi bật lại. Số vẫn được cấp trên màn hình."),
}
LOST = "Máy chủ đã mất ngày giờ"
SET_TIME = (
    "Đặt lại ngày giờ của máy chủ hoặc nối mạng cho máy. Trong lúc chờ, giờ của khu chờ chạy tiếp từ việc cuối cùng đã ghi. "
    "Nếu ngày giờ của máy chủ vẫn đúng, chạy lại máy chủ với --clock-is-right và ngày hôm nay, như 2026-11-20."
)
"""The last is for a hall that has once been carried away to a date to come, and on which something was then recorded."""
_WHOSE_TIME = "Xem ngày giờ của máy chủ. Nếu sai, đặt lại. Nếu đúng, giờ khu chờ tự theo sau mười phút, khi không còn ai chờ;"


def whose_time(there: date) -> str:
    """What to do when the server's own clock, with that date, says something else than the hall's."""
    return f"{_WHOSE_TIME} cần ngay thì chạy lại máy chủ với --clock-is-right {there}."


class Storage(StrEnum):
    """What may be wrong with the place where the office's days are kept."""

    LOW = "low"
    """It still takes what is written, and little more."""
    FULL = "full"
    AWAY = "away"
    BROKEN = "broken"
    """Nothing is written any more until the server is started anew."""


_STORAGE = {
    Storage.LOW: ("Đĩa của máy chủ sắp hết chỗ", "Xóa bớt bản sao và tệp cũ trên máy chủ ngay: hết đĩa thì không cấp và gọi số được."),
    Storage.FULL: (
        "Đĩa của máy chủ đã đầy, không cấp và gọi số được",
        "Xóa bớt bản sao và tệp cũ trên máy chủ: có chỗ là chạy tiếp, không cần khởi động lại. Số đã cấp vẫn còn.",
    ),
    Storage.AWAY: (
        "Máy chủ không ghi được dữ liệu, không cấp và gọi số được",
        "Xem đĩa và cơ sở dữ liệu của máy chủ: ghi được là chạy tiếp. Số đã cấp vẫn còn.",
    ),
    Storage.BROKEN: (
        "Đĩa của máy chủ bị hỏng, chỉ còn xem được",
        "Khởi động lại máy chủ. Nếu vẫn báo, thay đĩa và chạy moiso restore với bản sao gần nhất. Số đã cấp vẫn còn.",
    ),
}
CAN_WAIT = frozenset({"paper_low", "clock", "sound"})


@dataclass(frozen=True, slots=True)
class Device:
    """A device as it was last heard. `since_s`: since when each fact is what it is. `page`: the screen beside a kiosk's own program.

    `seen_s` is the last sign of life, or the start of the server when there was none.
    """

    name: str
    kind: str
    place: str
    seen_s: float
    connected: bool
    page: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)
    since_s: Mapping[str, float] = field(default_factory=dict)
    clock_offset_s: float | None = None

    def alive(self, now_s: float) -> bool:
        return self.connected and now_s - self.seen_s < SILENT_AFTER_S


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A call that no loudspeaker has answered in time, and since when none answers there; `hall` may be a zone, `hall/zone`."""

    hall: str
    code: str
    since_s: float


class Trouble(NamedTuple):
    """What is wrong with the storage, and since when."""

    what: Storage
    since_s: float


@dataclass(frozen=True, slots=True)
class Alarm:
    """`kind` and `name` say which alarm this is, for as long as it lasts. `name` is a device, or the hall of an unanswered call; `place`
    is empty where it concerns every hall."""

    kind: str
    device: str
    name: str
    place: str
    words: str
    todo: str
    since_s: float

    @property
    def urgent(self) -> bool:
        return self.kind not in CAN_WAIT


def lasting(span: timedelta) -> str:
    """`12 phút`, `5 giờ`, `3 ngày`."""
    minutes = max(0, int(span.total_seconds() // 60))
    if minutes < 60:
        return f"{minutes} phút"
    return f"{minutes // 60} giờ" if minutes < 48 * 60 else f"{minutes // 1440} ngày"


def alarms(
    devices: Iterable[Device],
    now_s: float,
    unanswered: Iterable[Unanswered] = (),
    lost_since_s: float | None = None,
    apart: tuple[timedelta, float, date] | None = None,
    trouble: Trouble | None = None,
) -> list[Alarm]:
    """What is wrong now, the urgent first and the oldest of these first. A silent device is silent, whatever it said before.
    `lost_since_s`: since when the server does not know what time it is. `apart`: by how much the server's own clock is ahead of the
    hall's, since when, and which date it says, where that is too much to be worked off."""
    found = [alarm for device in devices for alarm in _of(device, now_s)]
    found += [
        Alarm(
            "unanswered",
            "audio",
            call.hall,
            call.hall,
            f"Lời gọi {call.code} không có loa nào trả lời",
            "Số chỉ hiện trên màn hình: xin gọi trực tiếp. Xem loa và máy phát tiếng.",
            call.since_s,
        )
        for call in unanswered
    ]
    if trouble is not None:
        found.append(Alarm("storage", "server", "server", "", *_STORAGE[trouble.what], trouble.since_s))
    if lost_since_s is not None:
        found.append(Alarm("time", "server", "server", "", LOST, SET_TIME, lost_since_s))
    elif apart is not None:
        ahead, since_s, there = apart
        words = f"Giờ máy chủ {'nhanh' if ahead > timedelta() else 'chậm'} hơn giờ khu chờ {lasting(abs(ahead))}"
        found.append(Alarm("time", "server", "server", "", words, whose_time(there), since_s))
    return sorted(found, key=lambda alarm: (not alarm.urgent, alarm.since_s, alarm.kind, alarm.name))


def _of(device: Device, now_s: float) -> list[Alarm]:
    who = f"{_PAGE if device.page else NAMES[device.kind]} {device.name}"

    def alarm(kind: str, words: str, todo: str, since_s: float) -> Alarm:
        return Alarm(f"page_{kind}" if device.page else kind, device.kind, device.name, device.place, f"{who} {words}", todo, since_s)

    if not device.alive(now_s):
        return [alarm("silent", "mất kết nối", _SILENT[device.kind], device.seen_s)]
    found = []
    paper = _PAPER.get(str(device.facts.get("paper")))
    if paper is not None:
        kind, *usual = paper
        words, todo = _FAULTS.get(str(device.facts.get("fault")), usual)
        found.append(alarm(kind, words, todo, device.since_s["paper"]))
    if device.kind == "audio" and device.facts.get("ok") is False:
        found.append(alarm("fault", "không phát được", "Xem dây loa và âm lượng của máy, rồi thử loa.", device.since_s["ok"]))
    if device.facts.get("sound") == "locked":
        found.append(alarm("sound", "chưa được phép phát tiếng", "Chạm vào màn hình đó một lần.", device.since_s["sound"]))
    if refused := device.facts.get("refused"):
        todo = "Mời người cầm phiếu này lấy số mới ở bàn hướng dẫn."
        found.append(alarm("refused", f"có số tạm không nhập được: {refused}", todo, device.since_s["refused"]))
    if abs(device.clock_offset_s or 0) > CLOCK_OFF_S:
        words = f"lệch giờ {abs(round(device.clock_offset_s or 0))} giây"
        found.append(alarm("clock", words, "Đặt lại đồng hồ của máy, bật tự chỉnh giờ.", device.since_s["clock"]))
    return found
