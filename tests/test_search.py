"""What citizens type is found in the demo's catalogue as they type it."""

from __future__ import annotations

import unicodedata

import pytest

from config import find as document
from config.loader import load
from server.core.search import Named, find, folded

pytestmark = pytest.mark.core

DEMO = load(document("demo").text, "demo")
THINGS = [(p.name, Named(p.name, [p.id])) for p in DEMO.procedures] + [
    (s.name.replace("|", "").replace("\u00a0", " "), Named(s.name, s.everyday.split(", "))) for s in DEMO.services
]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("dang ky ket hon", "Đăng ký kết hôn"),
        ("Đăng ký kết hôn", "Đăng ký kết hôn"),
        ("ĐĂNG KÝ KẾT HÔN", "Đăng ký kết hôn"),
        ("đang ký ket hôn", "Đăng ký kết hôn"),
        ("hon ket ky dang", "Đăng ký kết hôn"),
        ("dang ky ket h", "Đăng ký kết hôn"),
        ("  ket,hon ", "Đăng ký kết hôn"),
        ("dang ky khai sinh", "Đăng ký khai sinh"),
        ("khai tu", "Đăng ký khai tử"),
        ("so do", "Đất đai – Xây dựng"),
        ("làm sổ đỏ", "Đất đai – Xây dựng"),
        ("dat dai", "Đất đai – Xây dựng"),
        ("khai sinh", "Đăng ký khai sinh"),
        ("xin làm giấy khai sinh", "Đăng ký khai sinh"),
        ("can lam so do", "Đất đai – Xây dựng"),
        ("giay khai sinh", "Đăng ký khai sinh"),
        ("ket hon", "Đăng ký kết hôn"),
        ("sao y", "Chứng thực"),
        ("di chuc", "Chứng thực di chúc"),
        ("chung thuc di chuc", "Chứng thực di chúc"),
        ("tranh chap dat", "Hòa giải tranh chấp đất đai"),
        ("phep xay nha", "Đất đai – Xây dựng"),
        ("ho kinh doanh", "Đăng ký thành lập hộ kinh doanh"),
        ("thanh lap ho kinh doanh", "Đăng ký thành lập hộ kinh doanh"),
        ("doc than", ""),
        ("tinh trang hon nhan", "Cấp giấy xác nhận tình trạng hôn nhân"),
        ("1.000894", "Đăng ký kết hôn"),
        ("huu tri", "Trợ cấp hưu trí xã hội"),
        ("xyz", ""),
        ("", ""),
        ("?!–", ""),
        ("xyz abc khai", ""),
    ],
)
def test_what_is_typed_finds_what_is_meant_first(typed: str, first: str) -> None:
    found = find(typed, THINGS)
    assert (found[0] if found else "") == first, found[:4]


def test_a_search_for_one_certificate_finds_its_procedures_and_then_the_field_that_people_call_so() -> None:
    found = find("khai sinh", THINGS)
    assert found == [
        "Đăng ký khai sinh",
        "Đăng ký lại khai sinh",
        "Liên thông khai sinh, thường trú, bảo hiểm y tế cho trẻ dưới 6 tuổi",
        "Hộ tịch",
    ]


def test_no_mark_and_no_way_of_composing_it_makes_a_difference() -> None:
    assert folded("Đường Ễ") == folded(unicodedata.normalize("NFD", "đường ễ")) == "duong e"


def test_nothing_is_found_where_there_is_nothing() -> None:
    assert find("khai sinh", []) == []
