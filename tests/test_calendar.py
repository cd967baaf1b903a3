"""Which days an office works: the country's holidays, what the office changes, and the make-up days that follow."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, datetime, timedelta

import pytest

from config import bundled
from config.calendar import UnknownCountry, public_days
from config.loader import load
from server.core.site import HoursState, Site, Span, hours_now

WARD = """
id = "ward"
name = "UBND phường Thử"
[hours.week]
mon-fri = ["07:30-11:30", "13:30-17:00"]
sat = "07:30-11:30"
[holidays]
country = "VN"
HOLIDAYS
[[halls]]
id = "main"
name = "Khu chờ"
[[services]]
id = "civil"
letter = "A"
name = "Hộ tịch"
[[counters]]
id = "1"
services = ["civil"]
"""
FULL = (Span(timedelta(hours=7, minutes=30), timedelta(hours=11, minutes=30)), Span(timedelta(hours=13, minutes=30), timedelta(hours=17)))
MORNING = FULL[:1]


def ward(holidays: str = "") -> Site:
    return load(WARD.replace("HOLIDAYS", holidays))


@pytest.mark.parametrize(
    ("day", "name"),
    [
        ("2026-01-01", "Tết Dương lịch"),
        ("2026-02-16", "Giao thừa Tết Nguyên Đán"),
        ("2026-02-17", "Tết Nguyên Đán"),
        ("2026-02-20", "Mùng bốn Tết Nguyên Đán"),
        ("2026-04-27", "Ngày Giỗ Tổ Hùng Vương (nghỉ bù)"),
        ("2026-04-30", "Ngày Chiến thắng"),
        ("2026-05-01", "Ngày Quốc tế Lao động"),
        ("2026-09-02", "Quốc khánh"),
        ("2026-11-24", "Ngày Văn hóa Việt Nam"),
        ("2027-02-06", "Tết Nguyên Đán"),
        ("2027-05-03", "Ngày Quốc tế Lao động (nghỉ bù)"),
        ("2027-11-24", "Ngày Văn hóa Việt Nam"),
    ],
)
def test_the_public_holidays_of_2026_and_2027_are_known_by_name(day: str, name: str) -> None:
    assert ward().hours.holidays[date.fromisoformat(day)] == name
    assert ward().hours.spans(date.fromisoformat(day)) == ()


def test_on_the_day_of_vietnamese_culture_the_demo_office_says_so_and_opens_the_day_after() -> None:
    site = load(bundled("demo"))
    now = hours_now(site, datetime(2026, 11, 24, 9, 0, tzinfo=site.tz))
    assert (now.state, now.holiday) == (HoursState.HOLIDAY, "Ngày Văn hóa Việt Nam")
    assert now.next_open == datetime(2026, 11, 25, 7, 30, tzinfo=site.tz)


def test_the_demo_office_keeps_the_hours_of_its_working_day() -> None:
    site = load(bundled("demo"))
    now = hours_now(site, datetime(2026, 11, 20, 7, 25, tzinfo=site.tz))
    assert (now.state, now.issuing) == (HoursState.BEFORE, True)
    assert [f"{moment:%H:%M}" for moment in (now.first_ticket, now.opens, now.last_ticket, now.closes) if moment] == [
        "07:00", "07:30", "16:30", "17:00",
    ]  # fmt: skip


def test_a_day_the_government_swapped_is_worked_on_the_saturday_it_named() -> None:
    assert public_days("VN").make_up[date(2026, 8, 22)] == date(2026, 8, 31)
    assert ward().hours.spans(date(2026, 8, 31)) == ()
    assert ward().hours.spans(date(2026, 8, 22)) == FULL
    assert ward("remove = [2026-08-22]").hours.spans(date(2026, 8, 22)) == MORNING


def test_an_office_may_work_on_a_public_holiday() -> None:
    assert ward("remove = [2026-11-24]").hours.spans(date(2026, 11, 24)) == FULL


def test_an_office_may_be_off_on_days_of_its_own() -> None:
    site = ward('[[holidays.extra]]\ndate = 2026-12-18\nto = 2026-12-19\nname = "Sửa trụ sở"')
    assert [site.hours.holidays.get(date(2026, 12, day)) for day in (17, 18, 19, 20)] == [None, "Sửa trụ sở", "Sửa trụ sở", None]


def test_a_swapped_day_is_off_and_its_hours_are_worked_on_the_other() -> None:
    site = ward("[[holidays.swap]]\noff = 2026-11-23\nwork = 2026-11-28")
    assert (site.hours.spans(date(2026, 11, 23)), site.hours.spans(date(2026, 11, 28))) == ((), FULL)
    assert site.hours.holidays[date(2026, 11, 23)] == "Nghỉ hoán đổi"


def test_a_swap_moves_a_holiday_that_would_have_been_its_working_day() -> None:
    site = ward("[[holidays.swap]]\noff = 2026-11-25\nwork = 2026-11-24")
    assert (site.hours.spans(date(2026, 11, 24)), site.hours.spans(date(2026, 11, 25))) == (FULL, ())


def test_a_short_day_has_hours_of_its_own_even_on_a_holiday() -> None:
    for day in ("2026-12-31", "2026-11-24"):
        site = ward(f'[[holidays.short]]\ndate = {day}\ntimes = ["07:30-11:30"]')
        assert site.hours.spans(date.fromisoformat(day)) == MORNING


def test_an_office_without_a_country_has_no_holidays() -> None:
    assert load(WARD.replace('country = "VN"', "").replace("HOLIDAYS", "")).hours.holidays == {}


def test_any_year_can_be_asked_for() -> None:
    assert public_days("VN", [1999]).holidays[date(1999, 9, 2)] == "Quốc khánh"
    assert {day.year for day in public_days("VN", range(2026, 2028)).holidays} == {2026, 2027}
    assert public_days("VN", [1, 9999]).holidays == {}


@pytest.mark.parametrize(("country", "nearest"), [("vn", "VN"), ("Vietnam", "VN"), ("XX", ""), ("", "")])
def test_an_unknown_country_is_named_with_the_one_that_was_meant(country: str, nearest: str) -> None:
    with pytest.raises(UnknownCountry) as raised:
        public_days(country)
    assert raised.value.nearest == nearest


def test_reading_an_office_without_holidays_does_not_load_the_calendars_of_the_world() -> None:
    program = (
        "import sys\nfrom config import bundled\nfrom config.loader import load\nload(bundled('open'))\nprint('holidays' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"
