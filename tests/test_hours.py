"""When the office is open, when it gives numbers, and how long hands and machines may take."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from office import FRIDAY, HOURS, MINUTE, SECOND, ZONE, at, small_site, span

from server.core.day import Day
from server.core.site import Hours, HoursState, Site, Timing, Today, clock_time, hours_now, last_ticket

BEFORE, OPEN, LUNCH = HoursState.BEFORE, HoursState.OPEN, HoursState.LUNCH
LAST, CLOSED, HOLIDAY = HoursState.LAST_TICKET_PASSED, HoursState.CLOSED, HoursState.HOLIDAY
SATURDAY, SUNDAY, MONDAY = date(2026, 11, 21), date(2026, 11, 22), date(2026, 11, 23)


@pytest.fixture
def site() -> Site:
    return small_site()


@pytest.mark.parametrize(
    ("clock", "state", "issuing", "serving", "next_open"),
    [
        ("00:00:00", BEFORE, False, False, "07:30"),
        ("07:14:59", BEFORE, False, False, "07:30"),
        ("07:15:00", BEFORE, True, False, "07:30"),
        ("07:29:59", BEFORE, True, False, "07:30"),
        ("07:30:00", OPEN, True, True, None),
        ("11:29:59", OPEN, True, True, None),
        ("11:30:00", LUNCH, False, False, "13:30"),
        ("13:29:59", LUNCH, False, False, "13:30"),
        ("13:30:00", OPEN, True, True, None),
        ("16:29:59", OPEN, True, True, None),
        ("16:30:00", LAST, False, True, "tomorrow"),
        ("16:59:59", LAST, False, True, "tomorrow"),
        ("17:00:00", CLOSED, False, False, "tomorrow"),
        ("23:59:59", CLOSED, False, False, "tomorrow"),
    ],
)
def test_a_working_day_goes_through_its_states_to_the_second(
    site: Site, clock: str, state: HoursState, issuing: bool, serving: bool, next_open: str | None
) -> None:
    now = hours_now(site, at(clock))
    expected = {None: None, "tomorrow": at("08:00", SATURDAY)}.get(next_open) or (
        at(next_open) if next_open not in (None, "tomorrow") else None
    )
    assert (now.state, now.issuing, now.serving, now.next_open) == (state, issuing, serving, expected)
    assert (now.opens, now.closes) == (at("07:30"), at("17:00"))
    assert (now.first_ticket, now.last_ticket) == (at("07:15"), at("16:30"))


def test_a_lunch_break_may_go_on_giving_numbers(site: Site) -> None:
    through_lunch = replace(site, hours=replace(HOURS, numbers_at_lunch=True))
    now = hours_now(through_lunch, at("12:00"))
    assert (now.state, now.issuing, now.serving) == (LUNCH, True, False)


def test_when_the_last_number_falls_into_the_lunch_break_the_afternoon_gives_none(site: Site) -> None:
    short = replace(
        site, hours=replace(HOURS, week=((span("07:30", "11:30"), span("13:30", "14:00")),) * 7, last_ticket_before=60 * MINUTE)
    )
    assert hours_now(short, at("12:59:59")).state is LUNCH
    passed = hours_now(short, at("13:00"))
    assert (passed.state, passed.serving) == (LAST, False)
    assert passed.next_open == at("08:00", SATURDAY), "who comes back at 13:30 would get no number"
    assert hours_now(short, at("13:45")).serving


def test_a_holiday_has_a_name_and_a_next_opening(site: Site) -> None:
    now = hours_now(site, at("09:00", date(2026, 9, 2)))
    assert (now.state, now.holiday, now.next_open) == (HOLIDAY, "Quốc khánh", at("07:30", date(2026, 9, 3)))
    assert (now.opens, now.closes, now.first_ticket, now.last_ticket, now.issuing) == (None, None, None, None, False)


def test_a_sunday_is_closed_without_being_a_holiday(site: Site) -> None:
    now = hours_now(site, at("09:00", SUNDAY))
    assert (now.state, now.holiday, now.next_open) == (CLOSED, None, at("07:30", MONDAY))


def test_a_make_up_saturday_is_open_by_its_own_hours(site: Site) -> None:
    assert hours_now(site, at("08:30", SATURDAY)).state is OPEN
    assert hours_now(site, at("10:30", SATURDAY)).state is LAST
    assert hours_now(site, at("11:00", SATURDAY)).state is CLOSED


def test_a_special_day_outweighs_the_holiday_it_falls_on(site: Site) -> None:
    swapped = replace(site, hours=replace(HOURS, holidays={SATURDAY: "Nghỉ bù"}))
    assert hours_now(swapped, at("08:30", SATURDAY)).state is OPEN


def test_an_office_that_never_opens_again_names_no_next_opening(site: Site) -> None:
    shut = replace(site, hours=Hours(week=((),) * 7))
    assert hours_now(shut, at("09:00")).next_open is None
    once = replace(shut, hours=replace(shut.hours, special={FRIDAY: (span("07:30", "17:00"),)}, last_ticket_before=60 * MINUTE))
    assert (hours_now(once, at("16:30")).state, hours_now(once, at("16:30")).next_open) == (LAST, None)
    assert last_ticket(shut, shut.service["health"], at("09:00")) is None


@pytest.mark.parametrize(
    ("clock", "next_open"), [("07:20", "07:30"), ("10:29", None), ("10:59", "tomorrow"), ("11:05", "tomorrow"), ("12:00", "tomorrow")]
)
def test_an_office_that_closes_early_for_the_day_does_not_promise_the_afternoon(site: Site, clock: str, next_open: str | None) -> None:
    now = hours_now(site, at(clock), Today(closes=at("11:00")))
    expected = at("08:00", SATURDAY) if next_open == "tomorrow" else next_open and at(next_open)
    assert now.next_open == expected


def test_an_office_open_around_the_clock_is_open_in_the_last_second_and_in_the_first(site: Site) -> None:
    always = replace(site, hours=Hours(week=((span("00:00", "24:00"),),) * 7, first_ticket_before=15 * MINUTE))
    for clock in ("00:00:00", "12:00:00", "23:59:59"):
        now = hours_now(always, at(clock))
        assert (now.state, now.issuing, now.next_open) == (OPEN, True, None)
        assert (now.opens, now.closes) == (at("00:00"), at("00:00", SATURDAY))
        assert now.first_ticket == at("00:00"), "no day begins before its midnight"


@pytest.mark.parametrize(("service", "clock"), [("household", "16:30"), ("health", "10:30")])
def test_a_service_gives_numbers_until_its_own_time_or_the_offices_whichever_is_earlier(site: Site, service: str, clock: str) -> None:
    assert last_ticket(site, site.service[service], at("09:00")) == at(clock)


def test_a_service_cannot_give_numbers_longer_than_the_office(site: Site) -> None:
    eager = replace(site.service["health"], last_ticket=timedelta(hours=20))
    assert last_ticket(site, eager, at("09:00")) == at("16:30")


def test_the_business_day_is_the_date_in_the_offices_zone(site: Site) -> None:
    midnight_utc = datetime.fromisoformat("2026-11-19T17:00:00+00:00")
    assert site.business_day(midnight_utc) == FRIDAY
    assert site.business_day(midnight_utc - timedelta(seconds=1)) == FRIDAY - timedelta(days=1)
    assert site.at(FRIDAY, timedelta(hours=7, minutes=30)).tzinfo == ZONE


@pytest.mark.parametrize(("text", "minutes"), [("00:00", 0), ("07:30", 450), ("23:59", 1439), ("24:00", 1440)])
def test_a_time_of_day_is_written_as_hours_and_minutes(text: str, minutes: int) -> None:
    assert clock_time(text) == timedelta(minutes=minutes)


@pytest.mark.parametrize("text", ["24:01", "25:00", "7:30", "07:60", "T0730", "0730", "07:30:00", "07-30", "sáng", ""])
def test_what_is_not_a_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        clock_time(text)


def test_an_accelerated_hall_keeps_the_real_durations_of_hands_and_machines(site: Site) -> None:
    fast = site.scaled(60).timing
    assert fast.undo_within == timedelta(minutes=10)
    assert fast.speak_within == timedelta(minutes=20)
    assert (fast.new_for, fast.print_within) == (timedelta(minutes=12), timedelta(minutes=90))


def test_the_walk_to_the_counter_is_measured_on_the_hall_clock_at_any_speed(site: Site) -> None:
    plain, fast = Timing(), site.scaled(60).timing
    assert (fast.assumed_start_after, fast.assumed_start_least) == (plain.assumed_start_after, plain.assumed_start_least)


def test_a_hall_at_normal_speed_is_the_same_office(site: Site) -> None:
    assert site.scaled(1) is site


def test_everything_in_an_office_is_found_by_its_id(site: Site) -> None:
    assert site.hall["upstairs"].name == "Tầng 2"
    assert site.kiosk["k1"].hall == "main"
    assert site.procedure["birth"].service == "household"
    assert site.priority_group["older"].name == "Từ 60 tuổi"


AROUND_THE_CLOCK = Hours(week=((span("00:00", "24:00"),),) * 7)
CHANGES = (Today(), Today(closes=at("15:00")), Today(last_ticket=at("10:00")), Today(last_ticket=at("16:50"), closes=at("18:30")))
CLOCKS = tuple(at(f"{hour:02}:{minute:02}") for hour in range(24) for minute in (0, 30, 50))


@given(st.lists(st.tuples(st.sampled_from(CLOCKS), st.sampled_from(CHANGES), st.booleans()), max_size=12))
def test_whoever_asks_again_hears_of_the_hours_as_they_are_now(asked: list[tuple[datetime, Today, bool]]) -> None:
    office, always = small_site(), replace(small_site(), version=2, hours=AROUND_THE_CLOCK)
    day = Day(office, FRIDAY)
    for now, change, revised in asked:
        day.today = change
        day.revise(always if revised else office)
        for moment in (now - SECOND, now, now + SECOND, now + timedelta(days=1)):
            assert day.hours(moment) == hours_now(day.site, moment, change)
