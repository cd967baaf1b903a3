"""The paper a citizen takes home: every letter is there, nothing is cut, and what it says can be read back."""

import hashlib
import os
import re
import subprocess
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageFont

from kiosk.lettering import font_of, has_glyph
from kiosk.receipt import LONGEST_TEXT, PAPERS, Line, Receipt, ReceiptError, Sheet, draw, lay_out

ROOT = Path(__file__).resolve().parent.parent
FONTS = ROOT / "kiosk" / "fonts"
PAGE_FONTS = ROOT / "server" / "pages" / "static" / "shared" / "fonts"
GOLDEN = ROOT / "tests" / "golden" / "receipts"
WEIGHTS = (400, 700, 800)

WALK_IN: dict[str, Any] = {
    "office": "UBND phường An Mẫu",
    "code": "A012",
    "mark": None,
    "service": "Hộ tịch",
    "counters": "Quầy 3, 4 hoặc 5",
    "queue_time_label": "Giờ xếp hàng",
    "queue_time": "08:12:34",
    "reason": "lúc lấy số",
    "ahead": "Chờ trước: 5 người",
    "expected": "08:30–08:45",
    "expected_label": "giờ dự kiến được gọi",
    "qr": "https://so.anmau.example.vn/t/7f3kq9x2m4v8r5t6w1y0",
    "qr_hint": "Quét mã để theo dõi số",
    "foot": ["Lỡ lượt? Đến máy lấy số hoặc bàn hướng dẫn, không cần lấy số mới.", "Hỏi đáp: 0236 000 0000"],
    "date_line": "Thứ Sáu 20/11/2026 · lấy lúc 08:12 · máy 1",
    "reprint": False,
    "reprint_mark": "BẢN IN LẠI",
}
APPOINTMENT = WALK_IN | {
    "code": "B105",
    "mark": "CÓ HẸN 08:45",
    "service": "Chứng thực",
    "counters": "Quầy 1 hoặc 2",
    "queue_time": "08:15:00",
    "reason": "hẹn 08:45, tính như đến trước giờ hẹn 30 phút",
    "ahead": "Chờ trước: 3 người",
    "expected": "08:40–08:55",
    "date_line": "Thứ Sáu 20/11/2026 · nhận lúc 08:31 · máy 1",
}
PRIORITY = WALK_IN | {
    "code": "K004",
    "mark": "ƯU TIÊN",
    "service": "Cư trú – Căn cước",
    "queue_time": "07:42:34",
    "reason": "lấy số 08:12, ưu tiên tính sớm 30 phút",
    "expected": None,
}
LONGEST = APPOINTMENT | {
    "office": "Trung tâm Phục vụ hành chính công phường Nam Hải Vân – Cơ sở 2",
    "code": "M1000",
    "service": "Lao động – Người có công – Bảo trợ xã hội",
    "counters": "Quầy 3, 4, 5, 6, 7, 8, 9, 10, 11 hoặc 12",
    "ahead": "Chờ trước: 123 người",
    "reason": "lúc nhận số, sớm hơn cả giờ hẹn 10:00",
}
ENGLISH = WALK_IN | {
    "service": "Hộ tịch · Civil status",
    "queue_time_label": "Giờ xếp hàng · Queue time",
    "foot": [*WALK_IN["foot"], "Missed your call? Come to the kiosk or help desk."],
}
TICKETS: dict[str, dict[str, Any]] = {
    "walk_in": WALK_IN,
    "appointment": APPOINTMENT,
    "priority": PRIORITY,
    "reprint": PRIORITY | {"reprint": True},
    "longest": LONGEST,
    "english": ENGLISH,
    "no_public_address": WALK_IN | {"qr": None, "qr_hint": None},
}


def ticket(name: str) -> Receipt:
    return Receipt.from_json(TICKETS[name])


every_ticket = pytest.mark.parametrize("name", TICKETS)
both_papers = pytest.mark.parametrize("paper", PAPERS)


def vietnamese_letters() -> list[str]:
    """Đ and every vowel of the alphabet under every tone, both cases: the 134 that ASCII lacks and the 12 it has."""
    tones = ("", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323")
    small = {"đ"} | {unicodedata.normalize("NFC", vowel + tone) for vowel in "aăâeêioôơuưy" for tone in tones}
    return sorted(small | {letter.upper() for letter in small})


@pytest.mark.parametrize("folder", [FONTS, PAGE_FONTS], ids=["paper", "pages"])
def test_the_vendored_fonts_are_the_files_their_note_describes(folder: Path) -> None:
    noted = dict(re.findall(r"\| `([\w.-]+)` \| \d+ \| `([0-9a-f]{64})` \|", (folder / "VENDORED.md").read_text("utf-8")))
    there = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir() if p.suffix in (".ttf", ".woff2", ".txt")}
    assert noted == there
    assert len(there) == len(WEIGHTS) + 1


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("pattern", [f"{FONTS}/noto-sans-%d.ttf", f"{PAGE_FONTS}/noto-sans-%d.woff2"], ids=["paper", "pages"])
def test_every_vietnamese_letter_and_office_sign_has_a_glyph(pattern: str, weight: int) -> None:
    font = ImageFont.truetype(pattern % weight, 40)
    box = bytes(font.getmask("\U0010fffe"))  # never assigned: what the font draws for a letter it lacks
    letters = vietnamese_letters()
    assert len([c for c in letters if ord(c) > 127]) == 134
    lacking = [c for c in [*letters, *map(chr, range(33, 127)), *"–—·…″′“”‘’₫€°×«»™"] if bytes(font.getmask(c)) == box]
    assert lacking == []
    assert bytes(font.getmask("★")) == box  # so the comparison can find something


@pytest.mark.parametrize("weight", WEIGHTS)
def test_digits_share_one_width_so_that_times_align(weight: int) -> None:
    font = ImageFont.truetype(str(FONTS / f"noto-sans-{weight}.ttf"), 100)
    assert len({font.getlength(digit) for digit in "0123456789"}) == 1


def part(sheet: Sheet, name: str) -> list[Line]:
    return [line for line in sheet.lines if line.part == name]


def said(sheet: Sheet, name: str) -> str:
    return " ".join(line.text for line in part(sheet, name)).replace("\u00a0", " ")


def inked(picture: Image.Image, box: tuple[int, int, int, int]) -> bool:
    return ImageChops.invert(picture.crop(box).convert("L")).getbbox() is not None


def cropped(picture: Image.Image, line: Line, shrink: int = 1, air: int = 24) -> Image.Image:
    """The line alone on white, at the size at which it is printed: the reader errs when it is enlarged or stands too tight."""
    letters = picture.crop(line.ink).convert("L")
    letters = letters.resize((letters.width // shrink, letters.height // shrink), Image.Resampling.BOX)
    sheet = Image.new("L", (letters.width + 2 * air, letters.height + 2 * air), 255)
    sheet.paste(letters, (air, air))
    return sheet


def read_aloud(picture: Image.Image, folder: Path, *, language: str = "vie", letters: str = "") -> str:
    """What tesseract reads in one line."""
    picture.save(folder / "line.png", dpi=(203, 203))
    command = ["tesseract", str(folder / "line.png"), "-", "-l", language, "--psm", "7"]
    if letters:
        command += ["-c", f"tessedit_char_whitelist={letters}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def mistakes(expected: str, read: str) -> int:
    """Letters to add, drop or change to get from one text to the other."""
    row = list(range(len(read) + 1))
    for i, a in enumerate(expected, 1):
        row, above = [i], row
        for j, b in enumerate(read, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (a != b)))
    return row[-1]


@both_papers
@every_ticket
def test_the_ticket_is_the_approved_picture_dot_by_dot(name: str, paper: int) -> None:
    """To approve a new layout: MOISO_GOLDEN=write, then look at every picture under tests/golden/receipts."""
    picture, approved = draw(ticket(name), paper), GOLDEN / f"{name}_{paper}.png"
    if os.environ.get("MOISO_GOLDEN") == "write":
        picture.save(approved)
    with Image.open(approved) as golden:
        assert picture.size == golden.size
        assert ImageChops.logical_xor(picture, golden.convert("1")).getbbox() is None


@both_papers
@every_ticket
def test_nothing_is_printed_in_the_margins_and_no_line_leaves_its_column(name: str, paper: int) -> None:
    sheet, picture, size = lay_out(ticket(name), paper), draw(ticket(name), paper), PAPERS[paper]
    assert picture.mode == "1" and picture.width == size.width
    for margin in ((0, 0, size.margin, picture.height), (size.width - size.margin, 0, size.width, picture.height)):
        assert not inked(picture, margin)
    assert all(line.column[0] <= line.ink[0] and line.ink[2] <= line.column[1] for line in sheet.lines)


@both_papers
@every_ticket
def test_lines_never_touch_each_other_nor_the_code_for_phones(name: str, paper: int) -> None:
    sheet = lay_out(ticket(name), paper)
    boxes = [line.ink for line in sheet.lines]
    if sheet.qr:
        x, y, dots, rows = sheet.qr
        boxes.append((x, y, x + dots * len(rows), y + dots * len(rows)))
    for i, (left, top, right, bottom) in enumerate(boxes):
        for other in boxes[i + 1 :]:
            assert right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top


@both_papers
@every_ticket
def test_every_word_of_the_receipt_is_on_the_paper(name: str, paper: int) -> None:
    receipt = ticket(name)
    sheet = lay_out(receipt, paper)
    for field in (
        "office",
        "code",
        "mark",
        "service",
        "counters",
        "queue_time_label",
        "queue_time",
        "reason",
        "ahead",
        "expected",
        "date_line",
    ):
        words = (getattr(receipt, field) or "").replace(" · ", " ")
        assert said(sheet, field).replace(" · ", " ") == words
    assert said(sheet, "foot") == " ".join(receipt.foot)
    assert all(has_glyph(letter) for line in sheet.lines for letter in line.text)


@both_papers
@pytest.mark.parametrize(("name", "mm"), [("walk_in", 18.8), ("appointment", 18.8), ("priority", 18.8), ("longest", 14.5)])
def test_the_number_is_as_large_as_the_paper_allows(name: str, mm: float, paper: int) -> None:
    (code,) = part(lay_out(ticket(name), paper), "code")
    assert code.ink[3] - code.ink[1] >= mm * 8 * (1 if paper == 80 else 2 / 3)
    wide = font_of(800, code.em + 2).getbbox(code.text)
    assert code.em == PAPERS[paper].number or wide[2] - wide[0] > PAPERS[paper].inner


@both_papers
@every_ticket
def test_no_letter_is_smaller_than_the_least_size(name: str, paper: int) -> None:
    assert min(line.em for line in lay_out(ticket(name), paper).lines) >= PAPERS[paper].least


@both_papers
def test_the_compounds_of_a_field_name_stay_whole(paper: int) -> None:
    lines = [line.text.replace("\u00a0", " ") for line in part(lay_out(ticket("longest"), paper), "service")]
    assert lines == ["Lao động –", "Người có công –", "Bảo trợ xã hội"]


@pytest.mark.parametrize(
    ("service", "lines"),
    [
        ("Hộ tịch", ["Hộ tịch"]),
        ("Đất đai –|Xây dựng", ["Đất đai – Xây dựng"]),
        ("Đất\u00a0đai và tài\u00a0nguyên|môi\u00a0trường nước", ["Đất\u00a0đai và tài\u00a0nguyên", "môi\u00a0trường nước"]),
        ("Chứng thực bản sao từ bản chính", ["Chứng thực bản", "sao từ bản chính"]),
        ("Nghĩa" * 12, None),
    ],
)
def test_a_field_name_breaks_where_it_may(service: str, lines: list[str] | None) -> None:
    drawn = [line.text for line in part(lay_out(replace(ticket("walk_in"), service=service)), "service")]
    if lines is None:
        assert len(drawn) > 1 and "".join(drawn) == service
    else:
        assert [
            line.replace("đai\u00a0–", "đai –").replace("Xây\u00a0dựng", "Xây dựng").replace("Đất\u00a0đai –", "Đất đai –")
            for line in drawn
        ] == lines


@both_papers
def test_a_date_line_breaks_between_its_parts_and_ends_without_a_dot(paper: int) -> None:
    receipt = replace(ticket("walk_in"), date_line="Thứ Sáu 20/11/2026 · lấy lúc 08:12 · máy lấy số 1")
    lines = [line.text.replace("\u00a0", " ") for line in part(lay_out(receipt, paper), "date_line")]
    assert lines == ["Thứ Sáu 20/11/2026", "lấy lúc 08:12 · máy lấy số 1"]


def test_without_a_forecast_only_the_people_ahead_stand_beside_the_queue_time() -> None:
    sheet = lay_out(ticket("priority"))
    assert not part(sheet, "expected") and not part(sheet, "expected_label")
    assert part(sheet, "ahead")[0].column[0] > part(sheet, "queue_time")[0].column[1]


@both_papers
def test_a_reprint_says_so_on_top_and_is_otherwise_the_same(paper: int) -> None:
    first, again = lay_out(ticket("priority"), paper), lay_out(ticket("reprint"), paper)
    assert again.lines[0].part == "reprint_mark" and again.lines[0].white
    assert [(line.part, line.text, line.em) for line in again.lines[1:]] == [(line.part, line.text, line.em) for line in first.lines]


@both_papers
@pytest.mark.parametrize("address", [WALK_IN["qr"], "https://motcua.phuongrathdaitenduong.tinhlongan.example.vn/khuvuc/t/" + "7f3k" * 8])
def test_a_phone_reads_the_code_on_the_ticket(address: str, paper: int, tmp_path: Path) -> None:
    draw(replace(ticket("walk_in"), qr=address), paper).save(tmp_path / "ticket.png")
    read = subprocess.run(["zbarimg", "--quiet", "--raw", str(tmp_path / "ticket.png")], capture_output=True, text=True, check=True)
    assert read.stdout.strip() == address


def test_the_code_is_version_4_with_six_or_five_dots_a_module() -> None:
    for paper, dots in ((80, 6), (58, 5)):
        qr = lay_out(ticket("walk_in"), paper).qr
        assert qr is not None and qr[2] == dots and len(qr[3]) == 33 + 2 * 2


def test_an_address_too_long_for_a_code_costs_the_code_and_not_the_ticket() -> None:
    sheet = lay_out(replace(ticket("walk_in"), qr="https://example.vn/" + "x" * 480))
    assert sheet.qr is None and not part(sheet, "qr_hint") and part(sheet, "code")


@both_papers
@pytest.mark.parametrize("name", ["walk_in", "appointment", "priority", "longest"])
def test_number_and_queue_time_are_read_back_without_a_mistake(name: str, paper: int, tmp_path: Path) -> None:
    sheet, picture = lay_out(ticket(name), paper), draw(ticket(name), paper)
    (time,), (code,) = part(sheet, "queue_time"), part(sheet, "code")
    assert read_aloud(cropped(picture, time), tmp_path, letters="0123456789:") == time.text
    # Digits of 20 mm are larger than the reader was taught.
    assert read_aloud(cropped(picture, code, shrink=4), tmp_path, letters="ABCDEGHKLMNPRSTUVXY0123456789").replace(" ", "") == code.text


@both_papers
def test_the_words_are_read_back_with_at_most_one_wrong_letter_in_twenty(paper: int, tmp_path: Path) -> None:
    wrong = letters = 0
    for name in ("walk_in", "appointment", "priority"):
        picture = draw(ticket(name), paper)
        for line in lay_out(ticket(name), paper).lines:
            if line.part in ("service", "counters", "queue_time_label", "reason"):
                wrong += mistakes(line.text.replace("\u00a0", " "), read_aloud(cropped(picture, line), tmp_path))
                letters += len(line.text)
    assert letters > 100 and wrong / letters <= 0.05


def test_a_receipt_is_cleaned_of_everything_a_printer_could_obey() -> None:
    poison = "\x1b@A\x1dV\x00\x10\x04\x01\u202eB\u200b\r\n\tC"
    receipt = Receipt.from_json(WALK_IN | {"office": poison, "code": "A\x1b012", "foot": [poison, "\x00"]})
    assert (receipt.office, receipt.code, receipt.foot) == ("@A VB C", "A012", ("@A VB C",))


def test_separate_marks_become_one_letter_and_unknown_letters_a_question_mark() -> None:
    receipt = Receipt.from_json(WALK_IN | {"service": unicodedata.normalize("NFD", "Hộ tịch ẾỔẪỰ"), "office": "★ 北 Ａ ﬁ а\u2011b"})
    assert receipt.service == "Hộ tịch ẾỔẪỰ"
    assert receipt.office == "? ? A fi ?-b"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"code": None}, "code is missing"),
        ({"code": "\x1b"}, "code is missing"),
        ({"code": 12}, "code must be a text"),
        ({"foot": "x"}, "foot must be a list of texts"),
        ({"foot": ["x"] * 7}, "foot has more than 6 lines"),
        ({"reprint": "yes"}, "reprint must be true or false"),
        ({"service": "x" * (LONGEST_TEXT + 1)}, f"a text is longer than {LONGEST_TEXT} letters"),
        ({"qr": "javascript:alert(1)"}, "qr must be a web address"),
        ({"qr": "https://example.vn/" + "x" * 500}, "qr must be a web address"),
    ],
)
def test_a_receipt_that_cannot_be_printed_is_refused_with_the_reason(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ReceiptError, match=re.escape(complaint)):
        Receipt.from_json(WALK_IN | change)


def test_all_complaints_come_at_once() -> None:
    with pytest.raises(ReceiptError, match=r"office is missing; .*reason must be a text; .*foot must be"):
        Receipt.from_json(WALK_IN | {"office": "", "reason": 1, "foot": 1})
    with pytest.raises(ReceiptError, match="JSON object"):
        Receipt.from_json("A012")  # type: ignore[arg-type]


def test_a_paper_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ReceiptError, match="80 or 58"):
        draw(ticket("walk_in"), 76)


words = st.text(max_size=60)


@settings(max_examples=60, deadline=None)
@given(
    document=st.fixed_dictionaries(
        dict.fromkeys(("office", "code", "service", "counters", "queue_time", "reason", "ahead", "expected", "mark", "date_line"), words)
    ),
    paper=st.sampled_from(sorted(PAPERS)),
    reprint=st.booleans(),
)
def test_whatever_the_words_a_ticket_is_drawn_or_refused_and_never_cut(document: dict[str, str], paper: int, reprint: bool) -> None:
    try:
        receipt = Receipt.from_json(WALK_IN | document | {"reprint": reprint})
    except ReceiptError as refusal:
        assert "missing" in str(refusal)
        return
    picture = draw(receipt, paper)  # raises when a line leaves its column or ink is in the margin
    assert picture.width == PAPERS[paper].width
