"""The order of the queue: one queue time for each ticket, the earliest first. A clerk can read this page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from office import MINUTE, at

from server.core.queue import Booking, Line, Place, Term, in_order, queue_time, rejoined_time
from server.core.site import Counting, Rules

RULES = Rules()
WALK_IN, PRIORITY, SLOT, LATE, REGISTERED = Term.WALK_IN, Term.PRIORITY, Term.SLOT, Term.LATE, Term.REGISTERED


def booked(slot: str) -> Booking:
    return Booking(slot=at(slot))


# -- how a queue time is set -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entered", "priority", "slot", "counted", "term"),
    [
        # who comes, and how they are counted
        ("08:12:34", False, None, "08:12:34", WALK_IN),
        ("08:12:34", True, None, "07:42:34", PRIORITY),
        # booked for 09:00: as if come at 08:30, from any moment until the grace ends
        ("08:29:59", False, "09:00", "08:29:59", WALK_IN),  # so early that walking in is better
        ("08:30:00", False, "09:00", "08:30:00", SLOT),  # equal: the booking is named
        ("08:30:01", False, "09:00", "08:30:00", SLOT),
        ("09:00:00", False, "09:00", "08:30:00", SLOT),
        ("09:14:59", False, "09:00", "08:30:00", SLOT),
        ("09:15:00", False, "09:00", "08:30:00", SLOT),  # the last second of grace
        ("09:15:01", False, "09:00", "09:05:01", LATE),
        ("11:00:00", False, "09:00", "10:50:00", LATE),
        # booked and in a priority group: whichever is earlier
        ("08:59:59", True, "09:00", "08:29:59", PRIORITY),
        ("09:00:00", True, "09:00", "08:30:00", SLOT),
        ("09:00:01", True, "09:00", "08:30:00", SLOT),
        ("09:15:01", True, "09:00", "08:45:01", PRIORITY),
    ],
)
def test_the_queue_time_is_set_by_the_most_favourable_term(
    entered: str, priority: bool, slot: str | None, counted: str, term: Term
) -> None:
    booking = booked(slot) if slot else None
    assert queue_time(RULES, at(entered), priority=priority, booking=booking) == (at(counted), term)


@pytest.mark.parametrize(
    ("entered", "priority", "registered", "counted", "term"),
    [
        ("09:00", False, "08:10", "08:10", REGISTERED),
        ("09:00", False, "06:00", "07:30", REGISTERED),  # nobody is counted from before the opening
        ("09:00", False, "07:29:59", "07:30", REGISTERED),
        ("09:00", False, "07:30:01", "07:30:01", REGISTERED),
        ("07:20", False, "06:00", "07:20", WALK_IN),  # numbers are given before the opening
        ("09:00", True, "08:45", "08:30", PRIORITY),
        ("09:00", True, "08:30", "08:30", REGISTERED),
        ("09:00", False, "09:00", "09:00", REGISTERED),
    ],
)
def test_a_live_number_counts_from_its_registration_and_from_no_earlier_than_the_opening(
    entered: str, priority: bool, registered: str, counted: str, term: Term
) -> None:
    booking = Booking(registered=at(registered))
    asked = queue_time(RULES, at(entered), priority=priority, booking=booking, counting=Counting.REGISTERED, opening=at("07:30"))
    assert asked == (at(counted), term)


def test_a_live_number_of_an_office_without_opening_hours_counts_from_its_registration() -> None:
    booking = Booking(registered=at("06:00"))
    assert queue_time(RULES, at("09:00"), booking=booking, counting=Counting.REGISTERED) == (at("06:00"), REGISTERED)


def test_a_slot_keeps_its_meaning_in_a_service_that_counts_registrations() -> None:
    assert queue_time(RULES, at("09:00"), booking=booked("09:00"), counting=Counting.REGISTERED) == (at("08:30"), SLOT)


def test_a_live_number_where_slots_are_counted_is_a_walk_in_and_nobody_calls_it_late() -> None:
    booking = Booking(registered=at("08:10"))
    assert queue_time(RULES, at("09:00"), booking=booking) == (at("09:00"), WALK_IN)
    assert queue_time(RULES, at("09:00"), priority=True, booking=booking) == (at("08:30"), PRIORITY)


def test_the_minutes_are_the_sites_own() -> None:
    rules = Rules(appointment_head=20 * MINUTE, grace=5 * MINUTE, priority_head=40 * MINUTE, late_head=2 * MINUTE)
    assert queue_time(rules, at("09:05"), booking=booked("09:00")) == (at("08:40"), SLOT)
    assert queue_time(rules, at("09:05:01"), booking=booked("09:00")) == (at("09:03:01"), LATE)
    assert queue_time(rules, at("09:00"), priority=True) == (at("08:20"), PRIORITY)


@pytest.mark.parametrize(
    ("before", "now", "counted"),
    [
        ("08:00:00", "08:30:00", "08:20:00"),
        ("08:00:00", "08:10:01", "08:00:01"),
        ("08:00:00", "08:10:00", "08:00:00"),
        ("08:00:00", "08:09:59", "08:00:00"),  # never better than it was
    ],
)
def test_who_comes_back_is_counted_ten_minutes_earlier_but_never_better_than_before(before: str, now: str, counted: str) -> None:
    assert rejoined_time(RULES, at(before), at(now)) == (at(counted), Term.REJOINED)


@pytest.mark.parametrize(
    ("rules", "minutes"),
    [
        (Rules(), 45),
        (Rules(appointment_head=5 * MINUTE, grace=5 * MINUTE), 30),
        (Rules(priority_head=60 * MINUTE), 60),
        (Rules(late_head=50 * MINUTE), 50),
        (Rules(rejoin_head=55 * MINUTE), 55),
    ],
)
def test_the_bound_on_the_wall_is_the_largest_head_start(rules: Rules, minutes: int) -> None:
    assert rules.bound == minutes * MINUTE


# -- the order -------------------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class Somebody:
    name: str
    place: Place

    def __repr__(self) -> str:
        return self.name


def somebody(name: str, queue_time: str, seq: int) -> Somebody:
    return Somebody(name, Place(at(queue_time), seq))


AN, BINH, CHI, DUNG = somebody("An", "08:00", 7), somebody("Bình", "08:05", 2), somebody("Chi", "08:05", 3), somebody("Dũng", "09:00", 1)


def line(*people: Somebody) -> Line[Somebody]:
    made: Line[Somebody] = Line()
    for person in people:
        made.add(person)
    return made


def test_a_line_is_ordered_by_queue_time_and_then_by_who_joined_first() -> None:
    assert list(line(DUNG, CHI, BINH, AN)) == [AN, BINH, CHI, DUNG]


def test_a_line_says_how_many_stand_before_a_place() -> None:
    waiting = line(AN, BINH, DUNG)
    assert [waiting.ahead_of(p.place) for p in (AN, BINH, CHI, DUNG)] == [0, 1, 2, 2]


def test_who_leaves_a_line_leaves_the_others_in_order() -> None:
    waiting = line(AN, BINH, CHI, DUNG)
    waiting.remove(BINH)
    assert (len(waiting), waiting.first(2)) == (3, [AN, CHI])


def test_a_counter_with_several_lines_calls_the_smallest_over_all_of_them() -> None:
    lines = [line(CHI), line(), line(DUNG, AN), line(BINH)]
    assert list(in_order(lines)) == [AN, BINH, CHI, DUNG]
    assert list(in_order([line(), line()])) == []


def test_the_order_is_the_same_however_the_people_are_spread_over_the_lines() -> None:
    people = [somebody(str(n), f"08:{(n * 37) % 60:02d}", n) for n in range(60)]
    for width in (1, 2, 7):
        lines = [line(*people[start::width]) for start in range(width)]
        assert list(in_order(lines)) == sorted(people, key=lambda p: p.place)


def test_ten_thousand_waiting_people_are_kept_in_order() -> None:
    start: datetime = at("07:30")
    people = [Somebody(str(n), Place(start + timedelta(seconds=(n * 7919) % 10_007), n)) for n in range(10_000)]
    waiting = line(*people)
    for person in people[::2]:
        waiting.remove(person)
    assert list(waiting) == sorted(people[1::2], key=lambda p: p.place)
