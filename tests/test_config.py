"""A site document either gives an office or names every mistake, with its place and what to do about it."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio.reading import LETTERS as SPOKEN_LETTERS
from audio.reading import SAFE_LETTERS, alike_vi, sounds_alike
from config import NoDocument, bundled, bundled_names, find
from config.loader import SiteInvalid, check, load, read, warnings
from config.office import LETTERS, SOUND_ALIKE, read_office
from config.places import lines_of
from config.procedures import catalogue, catalogue_names
from config.reader import NBSP, Report, Table
from server.core.site import BookingRules, Counting, Limits, Rules, Site, Span, Timing, Voice

SMALL = """
id = "small"
name = "UBND xã Nhỏ"
[hours.week]
mon-fri = ["07:30-11:30"]
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
README = (Path(__file__).parent.parent / "config" / "README.md").read_text(encoding="utf-8")
REFERENCE = re.search(r"```toml\n(.*?)```", README, re.DOTALL)[1]  # type: ignore[index]


def one(text: str) -> Any:
    """The only mistake of a document."""
    mistakes = check(text)
    assert len(mistakes) == 1, "\n".join(map(str, mistakes))
    return mistakes[0]


def changed(old: str, new: str, text: str = SMALL) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)


# --- the offices that ship ---


def test_every_bundled_office_is_without_mistakes_and_without_warnings() -> None:
    assert bundled_names() == ["demo", "open"]
    for name in bundled_names():
        reading = read(bundled(name))
        assert (reading.mistakes, reading.warnings) == ([], [])
        assert reading.site is not None
        assert reading.site.id == name


def test_the_open_office_is_the_one_the_contract_promises() -> None:
    site = load(bundled("open"))
    assert [service.id for service in site.services] == ["A", "B"]
    assert [(counter.id, counter.services) for counter in site.counters] == [(str(n), ("A", "B")) for n in range(1, 5)]
    assert [hall.id for hall in site.halls] == ["main"]
    assert [kiosk.id for kiosk in site.kiosks] == ["k1"]
    assert [group.id for group in site.priority_groups] == ["older", "disabled", "pregnant"]
    assert (site.rules, site.timing, site.voice) == (Rules(), Timing(), Voice())
    assert not site.hours.holidays
    assert not site.hours.special
    assert all([(span.start, span.end) for span in day] == [(timedelta(), timedelta(hours=24))] for day in site.hours.week)
    nothing = timedelta()
    all_places = BookingRules(capacity=2, share=1.0, horizon_days=7, move_before=nothing, return_within=nothing, per_person=0)
    assert site.limits == Limits(0, 0, 0, 0, 0, 0)
    assert all(service.booking == all_places for service in site.services)


def test_the_demo_office_is_a_whole_ward() -> None:
    site = load(bundled("demo"))
    assert {kiosk.id: kiosk.screen_inches for kiosk in site.kiosks} == {"k1": 21.5, "k2": 15.0}
    assert (len(site.services), len(site.counters)) == (8, 8)
    assert {service.letter for service in site.services} == set(SAFE_LETTERS)
    assert [service.id for service in site.services if service.result] == ["results"]
    assert site.services[-1].name == f"Việc{NBSP}khác"
    assert site.service["school"].last_ticket == timedelta(hours=10, minutes=30)
    assert site.languages == ("vi", "en")
    assert site.hotline == f"0236{NBSP}000{NBSP}0000"
    assert site.procedure["1.001193"].service == "civil"
    assert all(procedure.sample and procedure.time_limit and procedure.fee for procedure in site.procedures)
    assert sum(len(counter.services) > 1 for counter in site.counters) >= 4


def test_every_procedure_of_a_bundled_catalogue_is_marked_as_a_sample() -> None:
    for name in catalogue_names():
        assert all(entry.sample and entry.field and entry.documents for entry in catalogue(name).values())
    assert len(catalogue("procedures")) == 29


# --- mistakes ---


def test_a_site_file_with_five_mistakes_reports_all_five_with_place_and_suggestion() -> None:
    text = """id = "an-mau"
nmae = "UBND phường An Mẫu"
name = "UBND phường An Mẫu"
[hours.week]
mon-fri = ["07:30-11:30", "11:00-17:00"]
[rules]
late_head_minutes = 50
[[halls]]
id = "main"
name = "Khu chờ"
[[services]]
id = "civil"
letter = "A"
name = "Hộ tịch"
[[services]]
id = "certify"
letter = "A"
name = "Chứng thực"
[[counters]]
id = "1"
services = ["civil", "certfy", "certify"]
"""
    with pytest.raises(SiteInvalid) as raised:
        load(text, "an-mau.toml")
    assert [(mistake.line, mistake.place) for mistake in raised.value.mistakes] == [
        (2, "nmae"),
        (5, "hours.week.mon-fri[2]"),
        (7, "rules.late_head_minutes"),
        (17, "services[2].letter"),
        (21, "counters[1].services[2]"),
    ]
    assert [mistake.suggestion for mistake in raised.value.mistakes] == [
        'Did you mean "name"?',
        "Let each begin after the one before has ended.",
        "Write at most 45.",
        'Choose another, like "B".',
        'Did you mean "certify"?',
    ]
    assert str(raised.value).startswith("an-mau.toml has 5 mistakes:\n  line 2, nmae: ")


@pytest.mark.parametrize(
    ("old", "new", "place", "suggestion"),
    [
        ('id = "small"', 'id = "xã nhỏ"', "id", "Use up to 32"),
        ('name = "UBND xã Nhỏ"', "", "name", "Add a line: name ="),
        ('name = "UBND xã Nhỏ"', "name = 7", "name", 'Put it in quotes: "7"'),
        ('name = "UBND xã Nhỏ"', 'name = "UBND\\u0007"', "name", "Delete it"),
        ('name = "UBND xã Nhỏ"', 'name = "UBND\\u202Egnờư"', "name", "Delete it"),
        ('letter = "A"', 'letter = "a"', "services[1].letter", 'Did you mean "A"?'),
        ('letter = "A"', 'letter = "Đ"', "services[1].letter", "Use one of A to Y"),
        ('letter = "A"', 'letter = "AB"', "services[1].letter", "Use one of A to Y"),
        ('letter = "A"', "", "services[1].letter", 'Add a line: letter = "A"'),
        ('services = ["civil"]', 'services = ["civil"]\nhall = "mian"', "counters[1].hall", 'Did you mean "main"?'),
        ('name = "Hộ tịch"', 'name = "Hộ tịch"\nlast_ticket = "9:5"', "services[1].last_ticket", "Write a time"),
        ('name = "Hộ tịch"', 'name = "Hộ tịch"\nlast_ticket = "9:05"', "services[1].last_ticket", 'Did you mean "09:05"?'),
        ('name = "Hộ tịch"', 'name = "Hộ tịch"\nlast_ticket = 10:30:00', "services[1].last_ticket", 'Write "10:30".'),
        ('name = "Hộ tịch"', 'name = "Hộ tịch"\ncounting = "slots"', "services[1].counting", 'Did you mean "slot"?'),
        ('name = "Hộ tịch"', 'name = "Hộ tịch"\nresult = "yes"', "services[1].result", "Write result = true"),
        ('name = "Hộ tịch"', 'name = "Hộ tịch"\nprocedures = ["1.1"]', "services[1].procedures[1]", "There is none yet."),
        ('name = "Hộ tịch"', 'name = "Hộ tịch"\neveryday = ["a", "b", "c", "d", "e"]', "services[1].everyday", "Keep the 4"),
        ('name = "Hộ tịch"', 'name = "Hộ tịch"\nbooking = { capacity = 1, held_back = 2 }', "services[1].booking.held_back", "at most 1"),
        ("[hours.week]", "[booking]\nshare = 40\n[hours.week]", "booking.share", "from 0.01 to 1"),
        ("[hours.week]", "[rules]\ngrace_minutes = -1\n[hours.week]", "rules.grace_minutes", "from 0 to 240"),
        ("[hours.week]", '[rules]\ngrace_minutes = "15"\n[hours.week]', "rules.grace_minutes", "without quotes: grace_minutes = 15"),
        ("[hours.week]", "[rules]\ngrace = 15\n[hours.week]", "rules.grace", 'Did you mean "grace_minutes"?'),
        ("[hours.week]", "[voice]\nregion = 'South'\n[hours.week]", "voice.region", 'Did you mean "south"?'),
        ("[hours.week]", "[voice.also]\nlanguage = 'French'\ncall = '{code} {counter}'\n[hours.week]", "voice.also.language", '"fr"'),
        ("[hours.week]", "[voice.also]\nlanguage = 'en'\ncall = '{code} {counter}'\n[hours.week]", "voice.also.language", "languages ="),
        ("[hours.week]", "[voice.also]\nlanguage = 'fr'\ncall = 'Numéro {code}'\n[hours.week]", "voice.also.call", "guichet {counter}"),
        ("[hours.week]", "[voice.also]\nlanguage = 'fr'\n[hours.week]", "voice.also.call", "Numéro"),
        ("[hours.week]", "[hours.weak]", "hours.weak", 'Did you mean "week"?'),
        ("mon-fri", "Monday", "hours.week.Monday", 'Did you mean "mon"?'),
        ("mon-fri", "t2", "hours.week.t2", 'Did you mean "mon"?'),
        ("mon-fri", "fri-mon", "hours.week.fri-mon", "The week runs from mon to sun"),
        ('"07:30-11:30"', '"11:30-07:30"', "hours.week.mon-fri[1]", 'Did you mean "07:30-11:30"?'),
        ('"07:30-11:30"', '"07:30"', "hours.week.mon-fri[1]", "two times with a dash"),
        ('"07:30-11:30"', "", "hours.week", "For example"),
        ('mon-fri = ["07:30-11:30"]', 'mon-fri = ["07:30-11:30"]\nfri = "08:00-09:00"', "hours.week.fri", "Write each weekday once."),
        ("[hours.week]", "[hours]\nlast_ticket_before_minutes = 240\n[hours.week]", "hours.last_ticket_before_minutes", "fewer minutes"),
        ("[hours.week]", '[holidays]\ncountry = "vietnam"\n[hours.week]', "holidays.country", 'Did you mean "VN"?'),
        ("[hours.week]", "[holidays]\nremove = ['24/11/2026']\n[hours.week]", "holidays.remove[1]", "year-month-day: 2026-11-24"),
        ("[hours.week]", "[holidays]\nremove = ['2026-02-30']\n[hours.week]", "holidays.remove[1]", "month and the day"),
        ("[hours.week]", "[[holidays.extra]]\ndate = 2026-12-01\n[hours.week]", "holidays.extra[1].name", "Add a line: name ="),
        ("[hours.week]", "[[holidays.swap]]\noff = 2026-11-22\nwork = 2026-11-28\n[hours.week]", "holidays.swap[1].off", "working day"),
        ('id = "small"', 'id = "small"\nzone = "Asia/Ho_Chi_Min"', "zone", 'Did you mean "Asia/Ho_Chi_Minh"?'),
        ('id = "small"', 'id = "small"\nlanguages = ["vi", "fr"]', "languages[2]", "Known: vi, en."),
        ('id = "small"', 'id = "small"\nlanguages = ["en", "vi"]', "languages", '["vi", "en"]'),
        ('id = "small"', 'id = "small"\npublic_url = "so.example.vn"', "public_url", "Write it whole"),
        ('id = "small"', 'id = "small"\nembed_from = ["https://portal.example/page"]', "embed_from[1]", "without a path"),
        ('id = "small"', 'id = "small"\ncommon_procedures = ["9.9"]', "common_procedures[1]", "of a service first"),
        ('id = "small"', 'id = "small"\ncatalogue = "procedure"', "catalogue", 'Did you mean "procedures"?'),
        ("[[halls]]", "[halls]", "halls", "Write double brackets: [[halls]]"),
        ('name = "Khu chờ"', 'name = "Khu chờ"\nscreen_inches = 500', "halls[1].screen_inches", "from 7 to 150"),
        (
            'name = "Khu chờ"',
            'name = "Khu chờ"\nfarthest_seat_m = "10"',
            "halls[1].farthest_seat_m",
            "without quotes: farthest_seat_m = 10",
        ),
        ('name = "Khu chờ"', 'name = "Khu chờ"\nvolume = { "07:00-11:30" = 0 }', "halls[1].volume.07:00-11:30", "from 5 to 100"),
        ('name = "Khu chờ"', 'name = "Khu chờ"\nvolume = { "11:30-07:00" = 80 }', "halls[1].volume.11:30-07:00", '"07:00-11:30"'),
        (
            'name = "Khu chờ"',
            'name = "Khu chờ"\nvolume = { "08:00-10:00" = 80, "07:00-08:01" = 50 }',
            "halls[1].volume.08:00-10:00",
            "after the one before",
        ),
        ('name = "Khu chờ"', 'name = "Khu chờ"\nvolume = 80', "halls[1].volume", "[volume]"),
        ('name = "Khu chờ"', 'name = "Khu chờ"\nquiet = ["11:30"]', "halls[1].quiet[1]", "two times with a dash"),
        (
            'name = "Khu chờ"',
            'name = "Khu chờ"\n[[halls.zones]]\nid = "a"\nname = "A"',
            "halls[1].zones[1].counters",
            'counters = ["1", "2"]',
        ),
        (
            'name = "Khu chờ"',
            'name = "Khu chờ"\n[[halls.zones]]\nid = "a"\nname = "A"\ncounters = ["l"]',
            "halls[1].zones[1].counters[1]",
            "Known: 1.",
        ),
        (
            'name = "Khu chờ"',
            'name = "Khu chờ"\nzones = [{ id = "a", name = "A", counters = ["1"] }, { id = "A", name = "B", counters = ["1"] }]',
            "halls[1].zones[2].counters[1]",
            "in one zone",
        ),
        (
            'name = "Khu chờ"',
            'name = "Khu chờ"\nzones = [{ id = "a", name = "A", counters = ["1"] }, { id = "A", name = "B", counters = ["1"] }]',
            "halls[1].zones[2].id",
            'like "A2"',
        ),
        ("[hours.week]", '[[slides]]\nlines = ["x"]\n[hours.week]', "slides[1].title", "Add a line: title ="),
        ("[hours.week]", '[[slides]]\ntitle = "x"\n[hours.week]', "slides[1].lines", "For example: lines ="),
        ("[hours.week]", '[[slides]]\ntitle = "x"\nlines = []\n[hours.week]', "slides[1].lines", "For example: lines ="),
        ("[hours.week]", f'[[slides]]\ntitle = "x"\nlines = ["{"x" * 241}"]\n[hours.week]', "slides[1].lines[1]", "at most 240"),
        ("[hours.week]", '[[slides]]\ntitle = "x"\nlines = ["x"]\nhall = "mian"\n[hours.week]', "slides[1].hall", 'Did you mean "main"?'),
        (
            "[hours.week]",
            '[[slides]]\ntitle = "x"\nlines = ["x"]\nfrom = 2026-12-02\nuntil = 2026-12-01\n[hours.week]',
            "slides[1].until",
            "from 2026-12-02 on",
        ),
        ('services = ["civil"]', "services = []", "counters[1].services", 'services = ["civil"]'),
        ('services = ["civil"]', 'services = ["civil"]\n[[kiosks]]\nid="k1"\npaper_mm = 76', "kiosks[1].paper_mm", "80 or 58"),
        ('services = ["civil"]', 'services = ["civil"]\n[[counters]]\nid="1"\nservices=["civil"]', "counters[2].id", 'like "2"'),
        ('services = ["civil"]', 'services = ["civil"]\n[[kiosks]]\nid="a"\n[[kiosks]]\nid="A"', "kiosks[2].id", 'like "A2"'),
        ('services = ["civil"]', 'services = ["civil"]\n[[kiosks]]\nid="k1"\nhome = "field"', "kiosks[1].home", 'mean "fields"'),
        (
            'services = ["civil"]',
            'services = ["civil"]\n[[kiosks]]\nid="k1"\nscreen_bottom_mm = 101',
            "kiosks[1].screen_bottom_mm",
            "400 to 1060",
        ),
    ],
)
def test_a_mistake_names_its_place_and_what_to_do(old: str, new: str, place: str, suggestion: str) -> None:
    text = changed(old, new)
    mistakes = {mistake.place: mistake for mistake in check(text)}
    assert place in mistakes, "\n".join(map(str, mistakes.values()))
    assert suggestion in mistakes[place].suggestion
    assert mistakes[place].message


def test_a_hall_has_its_volume_by_the_hour_its_quiet_hours_and_its_zones() -> None:
    text = changed(
        'name = "Khu chờ"',
        'name = "Khu chờ"\nvolume = { "13:30-17:00" = 70, "07:00-11:30" = 80 }\nquiet = ["11:30-13:30"]\n'
        '[[halls.zones]]\nid = "left"\nname = "Bên trái"\ncounters = ["1"]',
    )
    hall = load(text).hall["main"]
    at = lambda hours: timedelta(hours=hours)  # noqa: E731
    assert [hall.volume_at(at(hours)) for hours in (6.99, 7, 11.49, 11.5, 13.5, 17)] == [100, 80, 80, 100, 70, 100]
    assert [hall.quiet_at(at(hours)) for hours in (11.49, 11.5, 13.49, 13.5)] == [False, True, True, False]
    assert (hall.zone_of("1"), hall.zone_of("2"), hall.places) == ("left", "", ("main", "main/left"))


def test_a_service_that_no_counter_serves_would_wait_for_ever() -> None:
    text = SMALL + '[[services]]\nid = "land"\nletter = "H"\nname = "Đất đai"\n'
    assert (one(text).place, one(text).message) == ("services[2].id", 'No counter serves "land".')


def test_more_fields_than_the_first_screen_holds_are_a_mistake() -> None:
    def office(fields: int) -> str:
        rows = "".join(
            f'[[services]]\nid = "s{n}"\nletter = "{LETTERS[n]}"\nname = "Việc {n}"\nresult = {str(n == 1).lower()}\n'
            for n in range(1, fields)
        )
        served = ", ".join(f'"{service}"' for service in ("civil", *(f"s{n}" for n in range(1, fields))))
        return changed('["civil"]', f'[{served}]\n{rows}[[kiosks]]\nid = "k1"\nhome = "fields"')

    assert load(office(5)).kiosk["k1"].home == "fields", "four, and one where results are collected"
    mistake = one(office(6))
    assert (mistake.place, mistake.suggestion) == ("kiosks[1].home", 'Write home = "choices"; a number is then two touches.')
    assert "5 fields do not fit" in mistake.message


def test_a_procedure_has_one_service_so_that_the_kiosk_need_not_ask() -> None:
    text = changed('id = "small"', 'id = "small"\ncatalogue = "procedures"')
    text = changed('name = "Hộ tịch"', 'name = "Hộ tịch"\nprocedure_fields = ["Hộ tịch"]', text)
    text += (
        '[[services]]\nid = "copy"\nletter = "B"\nname = "Sao"\nprocedures = ["2.000635"]\n[[counters]]\nid = "2"\nservices = ["copy"]\n'
    )
    assert one(text).place == "services[2].procedures"


@pytest.mark.parametrize(
    ("text", "line", "suggestion"),
    [
        ('id = "a"\nname = Hộ tịch', 2, "A text stands in quotes"),
        ("id = “a”", 1, "straight quotes"),
        ('id = "a"\nlast_ticket = 07:30', 2, "A time stands in quotes"),
        ('id = "a"\n\nid = "b"', 3, "quotes and brackets"),
        ('id = "a"\nx = [1, 2', 2, "quotes and brackets"),
        ("x = " + "[" * 1500 + "]" * 400, 1, "three levels"),
        ("a" * 3000, 1, "characters in a line"),
        ("# \n" * 80_000, None, "characters"),
        ('id = "\udfff"', 1, "UTF-8"),
    ],
    ids=range(9),
)
def test_what_is_not_toml_is_one_mistake_with_its_line(text: str, line: int | None, suggestion: str) -> None:
    mistake = one(text)
    assert mistake.line in (line, None)
    assert suggestion in mistake.suggestion


def test_a_file_saved_by_notepad_is_read_like_any_other() -> None:
    assert load("\ufeff" + SMALL.replace("\n", "\r\n")) == load(SMALL)


def test_words_typed_with_loose_marks_become_whole_letters() -> None:
    decomposed = "Ho\u0323\u0302 ti\u0323ch"
    assert load(changed('name = "Hộ tịch"', f'name = "{decomposed}"')).services[0].name == f"Hộ{NBSP}tịch"


# --- warnings ---


def test_letters_that_a_loudspeaker_confuses_are_a_warning_and_not_a_mistake() -> None:
    text = changed('letter = "A"', 'letter = "B"') + '[[services]]\nid = "x"\nletter = "T"\nname = "Việc khác"\n'
    text = changed('services = ["civil"]', 'services = ["civil", "x"]', text)
    (warning,) = warnings(text)
    assert check(text) == []
    assert (warning.place, warning.message) == ("services[2].letter", "Chữ B và T nghe gần giống nhau trên loa.")
    assert warning.message == alike_vi("B", "T")


def test_two_halls_may_use_letters_that_sound_alike() -> None:
    text = changed('letter = "A"', 'letter = "B"').replace('services = ["civil"]', 'services = ["civil"]\nhall = "main"')
    text += '[[halls]]\nid = "up"\nname = "Tầng 2"\n[[services]]\nid = "x"\nletter = "T"\nname = "Việc khác"\n'
    text += '[[counters]]\nid = "2"\nhall = "up"\nservices = ["x"]\n'
    assert (check(text), warnings(text)) == ([], [])


def test_the_loader_and_the_voice_agree_on_which_letters_sound_alike() -> None:
    for one_letter in LETTERS:
        for other in LETTERS.replace(one_letter, ""):
            alike = any(one_letter in row and other in row for row in SOUND_ALIKE)
            voice = (one_letter, other) in sounds_alike([one_letter, other])
            assert alike == voice or {one_letter, other} == {"O", "Q"}, (one_letter, other)
    assert set(LETTERS) <= set(SPOKEN_LETTERS)


def test_a_letter_that_looks_like_a_digit_is_a_warning() -> None:
    (warning,) = warnings(changed('letter = "A"', 'letter = "O"'))
    assert warning.message == "The letter O is easily taken for 0."


def test_an_office_that_speaks_english_is_told_which_name_is_missing() -> None:
    (warning,) = warnings(changed('id = "small"', 'id = "small"\nlanguages = ["vi", "en"]'))
    assert warning.place == "services[1].name"


# --- values ---


def test_a_name_breaks_only_where_it_may() -> None:
    names = {
        "Hộ tịch": f"Hộ{NBSP}tịch",
        "Đất đai –|Xây dựng": f"Đất{NBSP}đai{NBSP}– Xây{NBSP}dựng",
        "Lao động, người có công và xã hội": "Lao động, người có công và xã hội",
    }
    for written, shown in names.items():
        assert load(changed('name = "Hộ tịch"', f'name = "{written}"')).services[0].name == shown


def test_a_service_may_be_booked_at_hours_of_its_own() -> None:
    text = changed("[hours.week]", '[booking]\nrelease = "06:30"\nlive = true\n[hours.week]')
    text = changed('name = "Hộ tịch"', 'name = "Hộ tịch"\nbooking = { week = { wed = "08:00-10:00" } }', text)
    booking = load(text).services[0].booking
    assert booking is not None and booking.live and booking.release == timedelta(hours=6, minutes=30)
    assert booking.week[2] == (Span(timedelta(hours=8), timedelta(hours=10)),) and not any(booking.week[:2] + booking.week[3:])


def test_limits_are_the_offices_own() -> None:
    text = changed("[hours.week]", "[limits]\nanonymous_per_day = 0\n[hours.week]")
    assert load(text).limits == Limits(anonymous_per_day=0)
    assert load(SMALL).limits == Limits()


def test_a_service_changes_only_what_it_names_of_the_booking_rules() -> None:
    text = changed("[hours.week]", "[booking]\ncapacity = 5\nshare = 0.5\n[hours.week]")
    text = changed('name = "Hộ tịch"', 'name = "Hộ tịch"\nbooking = { share = 1 }', text)
    assert load(text).services[0].booking == BookingRules(capacity=5, share=1.0)
    assert load(text.replace("booking = { share = 1 }", "bookable = false")).services[0].booking is None
    assert load(SMALL).services[0].booking is None


def test_the_reference_of_keys_is_a_document_that_loads_and_names_every_key() -> None:
    assert check(REFERENCE) == []
    assert isinstance(load(REFERENCE), Site)
    written: set[str] = set()
    asked: set[str] = set()

    class Asked(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            asked.add(key)
            return super().get(key, default)

    def watched(value: Any) -> Any:
        if isinstance(value, dict):
            written.update(value)
            return Asked({key: watched(item) for key, item in value.items()})
        return [watched(item) for item in value] if isinstance(value, list) else value

    read_office(Table(Report({}), (), watched(tomllib.loads(REFERENCE))))
    assert asked == written


def test_every_default_the_reference_names_is_the_default() -> None:
    site, bare = load(REFERENCE), load(SMALL)
    voice = replace(site.voice, also=None)
    assert (site.rules, site.timing, voice) == (bare.rules, bare.timing, bare.voice) == (Rules(), Timing(), Voice())
    assert site.zone == bare.zone
    assert site.counters[0].name == bare.counters[0].name == "Quầy 1"
    assert bare.services[0].counting is Counting.SLOT
    assert load(changed("[hours.week]", "[booking]\n[hours.week]")).services[0].booking == BookingRules()


# --- places ---


def paths_of(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, item in items for found in [(*path, key), *paths_of(item, (*path, key))]]


TOML_SCALARS = ["1", "0x1F", "1.5e3", "true", "2026-11-24", "2026-11-24 07:30:00", "07:30:00", "nan", '"#]}"', "'a\\'", '""', "''"]
TOML_SCALARS += ['"\\"x\\\\"', '"""\n#["\\""\n"""', "'''\n'a''\n'''", '"""a"""""', "''''b'''''"]
TOML_VALUES = st.recursive(
    st.sampled_from(TOML_SCALARS),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: "[ # first\n" + ",\n ".join(items) + "\n]")
        | st.lists(inner, max_size=3).map(lambda items: "{" + ", ".join(f"k{n} . x = {item}" for n, item in enumerate(items)) + "}")
    ),
    max_leaves=6,
)
TOML_KEYS = st.sampled_from(["a", "b-c", '"d.e"', "'f'", 'g . "h\\u0061"', "i.j.k"])
TOML_LINES = st.one_of(
    st.tuples(TOML_KEYS, TOML_VALUES).map(lambda pair: f"{pair[0]} = {pair[1]} # end"),
    TOML_KEYS.map(lambda key: f"[{key}]"),
    TOML_KEYS.map(lambda key: f"[[ {key} ]]"),
    st.sampled_from(["", "# [x]", "[[n]]", "[n.m]", "[[n.o]]", '[n.o."p"]']),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(TOML_LINES, max_size=8))
def test_every_key_of_a_toml_document_has_a_line_that_holds_it(lines: list[str]) -> None:
    text = "\n".join(lines)
    try:
        values = tomllib.loads(text)
    except ValueError:
        return
    found = lines_of(text)
    written = text.split("\n")
    for path in paths_of(values):
        assert path in found, path
        last = path[-1]
        if isinstance(last, str):
            spelled = last if last != "ha" else "h\\u0061"
            assert spelled in written[found[path] - 1], path


# --- anything at all ---

VALUES = [
    "0",
    "-1",
    "1e400",
    "nan",
    "0x" + "F" * 400,
    "true",
    "[]",
    "[[]]",
    "{}",
    '""',
    '"\\uD7FF"',
    "2026-11-24",
    "07:30:00",
    '["07:30-11:30"]',
]
VALUES += ["1979-05-27T07:32:00Z", '"A"', '"../../etc/passwd"', '[{id = "1"}]', '"|"', '"--"', "[1, 'a', {}]", "9999-12-31", "0001-01-01"]


@settings(max_examples=300, deadline=None)
@given(st.text())
def test_any_text_gives_an_office_or_mistakes(text: str) -> None:
    reading = read(text)
    assert (reading.site is None) == bool(reading.mistakes)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_an_office_document_damaged_anywhere_gives_an_office_or_mistakes(data: st.DataObject) -> None:
    lines = data.draw(st.sampled_from([bundled("demo"), bundled("open"), REFERENCE])).split("\n")
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(lines) - 1))
        match data.draw(st.sampled_from(["drop", "value", "key", "swap", "copy"])):
            case "drop":
                lines[at] = ""
            case "value":
                lines[at] = lines[at].partition("=")[0] + "= " + data.draw(st.sampled_from(VALUES))
            case "key":
                lines[at] = data.draw(st.text(max_size=8)) + lines[at]
            case "swap":
                other = data.draw(st.integers(0, len(lines) - 1))
                lines[at], lines[other] = lines[other], lines[at]
            case _:
                lines.insert(at, lines[at])
    reading = read("\n".join(lines))
    assert (reading.site is None) == bool(reading.mistakes)
    assert all(mistake.message and mistake.suggestion and str(mistake).isprintable() for mistake in reading.mistakes)


JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.dates() | st.datetimes() | st.times(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_value_in_any_key_is_read_or_reported(data: st.DataObject) -> None:
    values = tomllib.loads(REFERENCE)
    for key in data.draw(st.lists(st.sampled_from(sorted(values)), max_size=3)):
        values[key] = data.draw(JSON_LIKE.filter(lambda value: value is not None))
    for key in ("services", "counters", "hours", "holidays", "booking"):
        table = values[key][0] if isinstance(values[key], list) and values[key] else values[key]
        if isinstance(table, dict) and table and data.draw(st.booleans()):
            table[data.draw(st.sampled_from(sorted(table)))] = data.draw(JSON_LIKE.filter(lambda value: value is not None))
    report = Report({})
    read_office(Table(report, (), values))
    assert all(mistake.place for mistake in report.mistakes)


def test_a_document_of_nothing_but_unknown_keys_is_answered_quickly() -> None:
    mistakes = check("\n".join(f"key_{number} = {number}" for number in range(9000)))
    assert len(mistakes) == 200


# --- finding documents ---


def test_an_office_is_found_by_its_id_or_by_its_file(tmp_path: Path) -> None:
    assert find("demo").text == bundled("demo")
    own = tmp_path / "demo.toml"
    own.write_text("\ufeff" + SMALL, encoding="utf-8")
    assert find(str(own)) == (SMALL, str(own))


@pytest.mark.parametrize("name", ["dmeo", "nowhere/site.toml", "site.toml", "", "x\0y"])
def test_an_office_that_does_not_exist_is_one_sentence(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NoDocument, match=r"^[A-Z][^\n]*\.$"):
        find(name)


def test_a_file_that_is_not_text_is_one_sentence(tmp_path: Path) -> None:
    picture = tmp_path / "site.toml"
    picture.write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(NoDocument, match="UTF-8"):
        find(str(picture))
