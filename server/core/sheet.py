"""The report as one flat sheet, in words of the office; the edge writes it as CSV."""

from __future__ import annotations

from collections.abc import Iterator

from server.core.report import Report, Spread
from server.core.ticket import State, Verb

Cell = str | int | float

HEADING: list[Cell] = ["Phần", "Đối tượng", "Chỉ số", "Giá trị", "Đơn vị"]

STATE_WORDS = {
    State.WAITING: "Đang chờ",
    State.CALLED: "Đang gọi",
    State.SERVING: "Đang phục vụ",
    State.HELD: "Đang tạm giữ",
    State.DONE: "Hoàn tất",
    State.NO_SHOW: "Vắng",
    State.CANCELLED: "Đã hủy",
    State.LAPSED: "Hết ngày chưa được phục vụ",
}
CLASS_WORDS = {"walk_in": "Lấy số tại chỗ", "priority": "Ưu tiên", "booked": "Có hẹn"}
UNDONE_WORDS = {Verb.CALL: "Hoàn tác lời gọi", Verb.FINISH: "Hoàn tác hoàn tất", Verb.NO_SHOW: "Hoàn tác ghi vắng"}


def rows(report: Report) -> list[list[Cell]]:
    """The report as one flat sheet: a heading, then one number a row (part, subject, measure, value, unit), in words of the office.

    Durations are minutes. A text that a spreadsheet would take for a formula is disarmed: reasons are typed by hand.
    """
    return [list(HEADING), *([_disarmed(cell) for cell in row] for row in _rows(report))]


def _disarmed(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def _measures(what: str, spread: Spread) -> Iterator[tuple[str, Cell, str]]:
    yield f"{what}: số lượt đo", spread.n, "lượt"
    values = {"trung bình": spread.mean_s, "một nửa không quá": spread.p50_s, "90% không quá": spread.p90_s, "lâu nhất": spread.max_s}
    for name, seconds in values.items():
        yield f"{what}: {name}", "" if seconds is None else round(seconds / 60, 1), "phút"


def _rows(r: Report) -> Iterator[list[Cell]]:
    day: list[tuple[str, Cell, str]] = [
        ("Ngày", r.date.isoformat(), ""),
        ("Số phiếu đã cấp", r.issued, "phiếu"),
        *((f"Phiếu: {STATE_WORDS[state].lower()}", number, "phiếu") for state, number in r.states.items()),
        *_measures("Chờ", r.waits),
        *_measures("Phục vụ một lượt", r.service_times),
        ("Lượt gọi", r.calls, "lượt"),
        ("Lượt gọi lại", r.recalls, "lượt"),
        ("Lượt hoàn tất", r.served, "lượt"),
        ("Lượt hoàn tất có giờ bắt đầu ước tính", r.starts_assumed, "lượt"),
        ("Lượt hoàn tất không rõ giờ bắt đầu", r.starts_unknown, "lượt"),
        ("Lượt gọi vắng", r.missed, "lượt"),
        ("Lượt ghi vắng sớm hơn quy định", r.missed_early, "lượt"),
        ("Lượt quay lại sau khi vắng", r.rejoins, "lượt"),
        ("Lượt gọi không theo thứ tự", len(r.out_of_order), "lượt"),
        *((UNDONE_WORDS[verb], number, "lượt") for verb, number in r.undone.items()),
        ("Lượt chuyển", r.transfers, "lượt"),
        ("Lượt tạm giữ", r.holds, "lượt"),
        ("Lượt hủy", r.cancelled, "lượt"),
        ("Lượt hoàn tất sau giờ đóng cửa", r.served_after_closing, "lượt"),
        ("Làm ngoài giờ", r.overtime_min, "phút"),
    ]
    yield from (["Cả ngày", r.name, *row] for row in day)
    for c in r.classes:
        yield from (
            ["Loại phiếu", CLASS_WORDS[c.name], *row] for row in (("Số phiếu đã cấp", c.issued, "phiếu"), *_measures("Chờ", c.waits))
        )
    for s in r.services:
        service: list[tuple[str, Cell, str]] = [
            ("Số phiếu đã cấp", s.issued, "phiếu"),
            *((f"Phiếu: {STATE_WORDS[state].lower()}", number, "phiếu") for state, number in s.states.items()),
            *_measures("Chờ", s.waits),
            ("Lượt gọi", s.calls, "lượt"),
            ("Lượt gọi vắng", s.missed, "lượt"),
            *_measures("Phục vụ một lượt", s.service_times),
            ("Lượt chuyển đến", s.transferred_in, "lượt"),
            ("Lượt chuyển đi", s.transferred_out, "lượt"),
        ]
        yield from (["Lĩnh vực", f"{s.letter} · {s.name}", *row] for row in service)
    for d in r.counters:
        desk: list[tuple[str, Cell, str]] = [
            ("Lượt gọi", d.calls, "lượt"),
            ("Lượt hoàn tất", d.served, "lượt"),
            ("Lượt gọi vắng", d.missed, "lượt"),
            *_measures("Phục vụ một lượt", d.service_times),
            ("Mở quầy", d.open_min, "phút"),
            ("Tạm nghỉ", d.paused_min, "phút"),
        ]
        yield from (["Quầy", d.name, *row] for row in desk)
    for h in r.hours:
        hour = (("Số phiếu đã cấp", h.issued, "phiếu"), ("Lượt gọi", h.calls, "lượt"), *_measures("Chờ", h.waits))
        yield from (["Giờ", f"{h.start:%H:%M}", *row] for row in hour)
    for o in r.out_of_order:
        yield ["Gọi không theo thứ tự", f"{o.code} · quầy {o.counter} · {o.at:%H:%M:%S}", "Lý do", o.reason, ""]
