"""What the head of the hall decides during the day: who serves what, until when, and who goes to help."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from office import FRIDAY, Office, at, refused, small_site

from server.core import decide
from server.core.hall import board
from server.core.site import HoursState, Today, hours_now


def test_a_counter_that_is_given_another_field_calls_from_it_at_once() -> None:
    office = Office(staffed="12")
    copies = office.take("copies")
    with refused("nobody_waiting"):
        office.next("2")
    office.do(decide.assign_counter, counter="2", services=("copies", "household"))
    assert office.day.desks["2"].services == ("household", "copies")
    assert office.day.serving("copies") == ["1", "2", "3"]
    assert office.next("2") is copies
    assert office.do(decide.assign_counter, counter="2", services=("household", "copies")) == []


def test_a_counter_keeps_what_it_was_given_when_the_site_document_changes() -> None:
    office = Office(staffed="2")
    office.do(decide.assign_counter, counter="2", services=("copies",))
    office.revise(name="UBND phường An Mẫu Mới")
    assert office.day.desks["2"].services == ("copies",)


def test_a_hall_shows_a_field_that_a_counter_there_was_given() -> None:
    office = Office()
    office.do(decide.assign_counter, counter="2", services=("health",))
    assert "health" in {row.service for row in board(office.day, "main", office.now).waiting}


@pytest.mark.parametrize("services", [("fishing",), ()])
def test_a_counter_is_not_given_a_field_that_does_not_exist(services: tuple[str, ...]) -> None:
    office = Office()
    with refused("unknown_service"):
        office.do(decide.assign_counter, counter="2", services=services)


@pytest.mark.parametrize(
    ("closes", "clock", "state", "closing"),
    [
        ("16:00", "15:29", HoursState.OPEN, "16:00"),
        ("16:00", "15:30", HoursState.LAST_TICKET_PASSED, "16:00"),
        ("16:00", "16:00", HoursState.CLOSED, "16:00"),
        ("18:30", "17:45", HoursState.OPEN, "18:30"),
        ("10:00", "10:00", HoursState.CLOSED, "10:00"),
    ],
)
def test_the_office_closes_early_or_stays_on_for_today(closes: str, clock: str, state: HoursState, closing: str) -> None:
    office = Office()
    office.do(decide.change_hours, last_ticket=None, closes=at(closes))
    hours = office.day.hours(at(clock))
    assert (hours.state, hours.closes) == (state, at(closing))


def test_numbers_are_given_until_the_time_that_staff_have_set() -> None:
    office = Office(clock="16:40")
    with refused("after_last_ticket"):
        office.take("household")
    office.do(decide.change_hours, last_ticket=at("16:50"), closes=None)
    office.take("household")
    office.at("16:50")
    with refused("after_last_ticket"):
        office.take("household")


def test_what_was_changed_today_can_be_taken_back() -> None:
    office = Office()
    office.do(decide.change_hours, last_ticket=None, closes=at("16:00"))
    assert office.do(decide.change_hours, last_ticket=None, closes=at("16:00")) == []
    office.do(decide.change_hours, last_ticket=None, closes=None)
    assert office.day.today == Today()
    assert office.day.hours(at("16:30")).closes == at("17:00")


@pytest.mark.parametrize(
    ("last_ticket", "closes"),
    [("17:30", None), ("16:30", "16:00"), (None, "07:00")],
    ids=["numbers after closing", "numbers after the new closing", "closing before opening"],
)
def test_hours_that_do_not_fit_are_refused(last_ticket: str | None, closes: str | None) -> None:
    office = Office()
    with refused("wrong_hours"):
        office.do(decide.change_hours, last_ticket=at(last_ticket) if last_ticket else None, closes=at(closes) if closes else None)


def test_hours_of_another_day_or_of_a_closed_day_are_refused() -> None:
    office = Office()
    with refused("wrong_hours"):
        office.do(decide.change_hours, last_ticket=None, closes=at("16:00", FRIDAY + timedelta(days=1)))
    sunday = date(2026, 11, 22)
    assert hours_now(small_site(), at("09:00", sunday), Today(closes=at("16:00", sunday))).state is HoursState.CLOSED


def test_asking_for_help_twice_rings_once_and_an_answer_ends_it() -> None:
    office = Office()
    office.do(decide.ask_for_help, kiosk="k1")
    asked = office.day.seq
    assert office.do(decide.ask_for_help, kiosk="k1") == []
    assert [(h.kiosk, h.at) for h in office.day.help.values()] == [("k1", office.now)]
    office.do(decide.answer_help, asked=asked)
    assert office.day.help == {}
    assert office.do(decide.answer_help, asked=asked) == []


def test_the_same_number_is_printed_again_and_nothing_moves() -> None:
    office = Office()
    first, second = office.take("household"), office.take("household")
    office.do(decide.reprint, ticket=second.id, kiosk="k1")
    assert office.order("1") == [first.code, second.code]


def test_paper_for_a_ticket_that_has_ended_is_refused() -> None:
    office = Office(staffed="1")
    ticket = office.take("household")
    office.next()
    office.finish(ticket)
    with refused("not_allowed_now", state="done", verb="reprint"):
        office.do(decide.reprint, ticket=ticket.id, kiosk="k1")


def test_the_screen_above_a_counter_keeps_its_own_call_however_many_follow() -> None:
    office = Office(staffed="12")
    first = office.take("household")
    office.next("2")
    for _ in range(12):
        office.take("household")
        office.next("1", finish=True)
    assert first.code not in [c.code for c in board(office.day, "main", office.now).calls]
    above = board(office.day, "main", office.now, "2").calls
    assert (len(above), above[-1].code) == (9, first.code)
