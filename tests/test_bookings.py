"""Appointments in the core: codes, slots, places, and what a booking becomes on its day."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from office import FRIDAY, HOUR, KIOSK, MINUTE, Office, at, refused, small_site, snapshot, span

from server.core import booking, decide
from server.core import events as ev
from server.core.appointment import AppointmentState, Slot, check_digit, code_in, new_codes, places, slots, spoken
from server.core.day import Day, Ticket
from server.core.queue import Term
from server.core.refused import Refused
from server.core.site import BookingRules, Counting, Site
from server.core.words import sentence

CYCLE = 6.0
RULES = BookingRules(slot=15 * MINUTE, capacity=2, share=1.0, horizon_days=5, lead=HOUR)
BEFORE = at("15:00", FRIDAY - timedelta(days=1))
"""When most people book: the afternoon before."""


def bookable(**rules: Any) -> Site:
    """The small ward, where everything but health can be booked. `land` counts from registration."""
    site = small_site()
    mine = replace(RULES, **rules)
    return replace(site, services=tuple(replace(s, booking=None if s.id == "health" else mine) for s in site.services))


class Booked(Office):
    """A day with bookings, made the afternoon before unless told otherwise."""

    def __init__(self, site: Site | None = None, clock: str = "07:00", **rules: Any) -> None:
        super().__init__(site or bookable(**rules), clock)
        self.codes = new_codes(Random(1))

    def book(self, service: str = "household", clock: str | None = "08:45", *, now: datetime | None = None, **more: Any) -> str:
        start = at(clock) if clock else None
        events = booking.book(self.day, now or BEFORE, codes=self.codes, service=service, start=start, cycle=CYCLE, **more)
        self.tell(*events)
        return str(self.last().appointment)

    def check_in(self, code: str, **more: Any) -> Ticket:
        self.do(booking.check_in, code=code, ticket=f"t{len(self.day.tickets) + 1}", kiosk="k1", **more)
        return list(self.day.tickets.values())[-1]

    def give_back(self, code: str, chance: float = 0.5) -> None:
        self.do(booking.cancel, code=code, chance=chance)

    def left(self, clock: str = "08:45", service: str = "household", now: datetime | None = None) -> int:
        return booking.left(self.day, service, self.day.slots(service)[at(clock)], now or BEFORE, CYCLE)


# -- codes -----------------------------------------------------------------------------------------------------------------------


def test_a_code_is_read_however_it_is_typed_or_dictated() -> None:
    assert code_in("482 1375") == code_in("482.1375") == code_in("482-13\u00a075") == "4821375"
    assert code_in("482 1375 045 8271 3063") == "482137504582713063"
    assert spoken("482137504582713063") == "482 1375"


@pytest.mark.parametrize(
    "text", ["", "482 1376", "4821357", "482137", "48213750458271306", "0000000", "４８２１３７５", "A821375", "482137504582713064"]
)
def test_what_cannot_be_a_code_is_told_before_anybody_searches(text: str) -> None:
    assert code_in(text) is None


def test_every_wrong_digit_and_every_swap_of_neighbours_is_caught() -> None:
    for number in range(100_000, 1_000_000, 997):
        right = f"{number}{check_digit(str(number))}"
        wrong = {right[:i] + d + right[i + 1 :] for i, d in product(range(7), "0123456789")} - {right}
        swapped = {right[:i] + right[i + 1] + right[i] + right[i + 2 :] for i in range(6)} - {right}
        assert all(code_in(text) is None for text in wrong | swapped)


def test_new_codes_are_right_and_begin_with_no_zero() -> None:
    codes = new_codes(Random(3))
    assert all(code_in(code) == code and code[0] != "0" for code in (next(codes) for _ in range(200)))


def test_a_spoken_code_is_given_once_a_day() -> None:
    office = Booked(capacity=50)
    taken = office.book()
    office.give_back(taken)
    fresh = next(new_codes(Random(9)))
    office.codes = iter([taken, taken[:7] + fresh[7:], fresh])
    assert office.book() == fresh
    assert office.day.bookings.find(taken[:7]) is not office.day.bookings.find(fresh)
    assert office.day.bookings.find(fresh[:7] + taken[7:]) is None


# -- slots -----------------------------------------------------------------------------------------------------------------------


def test_slots_lie_within_the_offices_hours_and_the_services_own() -> None:
    site = bookable()
    found = slots(site, "household", FRIDAY)
    assert (found[0], found[-1]) == (Slot(at("07:30"), at("07:45")), Slot(at("16:45"), at("17:00")))
    assert Slot(at("11:15"), at("11:30")) in found and not any(at("11:30") <= s.start < at("13:30") for s in found)
    own = ((), (), (span("08:00", "09:00"), span("13:00", "14:10")), (), (), (), ())
    wednesdays = bookable(week=own)
    assert slots(wednesdays, "household", FRIDAY) == []
    clocks = [f"{s.start:%H:%M}" for s in slots(wednesdays, "household", FRIDAY - timedelta(days=2))]
    assert clocks == ["08:00", "08:15", "08:30", "08:45", "13:30", "13:45"]
    assert slots(site, "health", FRIDAY) == slots(site, "nowhere", FRIDAY) == []
    assert slots(site, "household", FRIDAY + timedelta(days=2)) == []


@pytest.mark.parametrize(
    ("share", "counters", "cycle", "capacity", "given"),
    [(1.0, 1, 60, 5, 5), (0.4, 2, 6, 5, 2), (0.4, 2, 6, 1, 1), (0.4, 10, 6, 5, 5), (0.4, 0.5, 15, 5, 1), (0.01, 0, 6, 5, 1)],
)
def test_a_slot_takes_so_many_people_and_a_share_of_what_the_counters_can_do(
    share: float, counters: float, cycle: float, capacity: int, given: int
) -> None:
    assert places(replace(RULES, share=share, capacity=capacity), counters, cycle) == given


def test_a_counter_with_two_services_counts_for_each_in_half() -> None:
    # household: counter 2, and half of counter 1; 15 minutes at 6 minutes each, 40 % of it.
    office = Booked(share=0.4, capacity=9)
    slot = office.day.slots("household")[at("08:45")]
    assert booking.capacity(office.day, "household", slot, CYCLE) == 1
    assert booking.capacity(office.day, "household", slot, CYCLE / 2) == 3
    assert booking.capacity(office.day, "health", slot, CYCLE) == 0


# -- booking ---------------------------------------------------------------------------------------------------------------------


def test_the_last_place_is_given_once_and_the_nearest_free_ones_are_named() -> None:
    office = Booked()
    office.book()
    assert office.left() == 1
    office.book()
    office.book(clock="08:30")
    office.book(clock="08:30")
    with refused("slot_full", free=[at("09:00"), at("08:15"), at("09:15")]):
        office.book()


@pytest.mark.parametrize(
    ("service", "clock", "now", "code"),
    [
        ("health", "08:45", BEFORE, "not_bookable"),
        ("nowhere", "08:45", BEFORE, "unknown_service"),
        ("household", "08:50", BEFORE, "unknown_slot"),
        ("household", "12:00", BEFORE, "unknown_slot"),
        ("household", None, BEFORE, "start_missing"),
        ("household", "08:45", at("07:45") + timedelta(seconds=1), "too_late_to_book"),
        ("household", "08:45", at("15:00", FRIDAY - timedelta(days=6)), "too_early_to_book"),
    ],
)
def test_what_cannot_be_booked_is_refused(service: str, clock: str | None, now: datetime, code: str) -> None:
    office = Booked()
    with refused(code):
        office.book(service, clock, now=now)
    assert office.day.bookings.all == {}


def test_the_edges_of_lead_and_horizon_are_inside() -> None:
    office = Booked()
    assert office.book(now=at("07:45")) and office.book(clock="09:00", now=at("15:00", FRIDAY - timedelta(days=5)))
    assert office.left(now=at("07:45")) == 1 and office.left(now=at("07:45") + timedelta(seconds=1)) == 0
    assert office.left(now=at("15:00", FRIDAY - timedelta(days=6))) == 0


def test_a_stopped_service_and_a_closed_day_take_no_bookings() -> None:
    office = Booked()
    office.tell(ev.ServiceStopped("household"))
    with refused("not_bookable"):
        office.book()
    office.tell(ev.ServiceStarted("household"), ev.DayClosed())
    with refused("not_bookable"):
        office.book()


def test_an_unknown_procedure_is_refused_and_a_known_one_kept() -> None:
    office = Booked()
    with refused("unknown_procedure", procedure="flying"):
        office.book(procedure="flying")
    code = office.book(procedure="birth", lang="fr", contact="c1")
    kept = office.day.bookings.all[code]
    assert (kept.procedure, kept.lang, kept.contact, kept.registered) == ("birth", "vi", "c1", BEFORE)


def test_places_held_back_are_offered_on_the_day_itself_from_their_hour_on() -> None:
    office = Booked(capacity=3, held_back=2, lead=timedelta(), release=7 * HOUR)
    office.book()
    assert office.left() == 0
    assert office.left(now=at("06:59:59")) == 0 and office.left(now=at("07:00")) == 2


def test_one_person_has_one_booking_for_a_service_and_a_day() -> None:
    office = Booked(capacity=9)
    first = office.book(person="p1")
    office.book(person="p2")
    office.book("copies", person="p1")
    with refused("already_booked", service="household", day="2026-11-20"):
        office.book(clock="09:00", person="p1")
    office.give_back(first)
    again = office.book(clock="09:00", person="p1")
    office.at("08:40").check_in(again)
    with refused("already_booked"):
        office.book(clock="10:00", person="p1", now=office.now)
    free = Booked(per_person=0)
    free.book(person="p1")
    free.book(person="p1")


def test_a_place_given_back_is_offered_again_after_a_random_while() -> None:
    office = Booked(capacity=1)
    code = office.book()
    office.give_back(code, chance=0.5)
    back = office.now + 5 * MINUTE
    assert office.last() == ev.AppointmentCancelled(code, back)
    assert office.left(now=back - timedelta(seconds=1)) == 0 and office.left(now=back) == 1
    with refused("appointment_over", state="cancelled"):
        office.give_back(code)


def test_a_booking_of_a_service_that_is_dropped_can_still_be_given_back_and_checked_in() -> None:
    office = Booked()
    code, other = office.book(), office.book()
    office.revise(services=tuple(s for s in office.site.services if s.id != "household"))
    office.give_back(code)
    assert office.at("08:40").check_in(other).slot == at("08:45")


# -- moving ----------------------------------------------------------------------------------------------------------------------


def move(office: Booked, code: str, start: datetime, to: Day | None = None, now: datetime = BEFORE, **more: Any) -> list[Any]:
    return booking.move(office.day, to or office.day, now, code=code, start=start, cycle=CYCLE, chance=0.0, codes=office.codes, **more)


def test_a_booking_moves_within_its_day_and_keeps_its_code() -> None:
    office = Booked(capacity=1)
    code, other = office.book(), office.book(clock="09:00")
    assert move(office, code, at("08:45")) == []
    with refused("slot_full"):
        move(office, code, at("09:00"))
    [(day, event)] = move(office, code, at("09:15"))
    assert (day, event) == (FRIDAY, ev.AppointmentMoved(code, at("09:15"), at("09:30"), BEFORE))
    office.tell(event)
    assert office.left() == 1 and office.left("09:15") == 0
    assert office.at("09:00").check_in(code).slot == at("09:15")
    assert office.day.bookings.all[other].live


def test_a_booking_moves_to_another_day_and_leaves_its_place() -> None:
    office = Booked()
    monday = Day(office.site, FRIDAY + timedelta(days=3))
    start = at("10:00", monday.date)
    code = office.book(person="p1", procedure="birth", contact="c1")
    (first, booked), (second, left) = move(office, code, start, monday, person="p1 on Monday")
    assert (first, second) == (monday.date, FRIDAY)
    assert booked == ev.AppointmentBooked(
        code, "household", BEFORE, start, start + 15 * MINUTE, procedure="birth", person="p1 on Monday", contact="c1", moved_from=FRIDAY
    )
    assert left == ev.AppointmentCancelled(code, BEFORE, moved_to=monday.date)
    monday.apply(ev.Entry(1, BEFORE, "holder", booked))
    office.tell(left)
    gone = office.day.bookings.all[code]
    assert (gone.state, gone.moved_to) == (AppointmentState.MOVED, monday.date)
    with refused("appointment_over", state="moved"):
        move(office, code, start, monday)
    with refused("cancelled"):
        office.at("08:40").check_in(code)
    office.tell(ev.AppointmentBooked(code, "household", BEFORE, at("11:00"), at("11:15"), moved_from=monday.date))
    assert office.day.bookings.all[code].live and office.day.bookings.all[code].slot == Slot(at("11:00"), at("11:15"))
    # Whoever has that spoken code on the other day keeps it; the newcomer gets a new one.
    same = office.book()
    office.day.bookings.by_spoken[code[:7]] = office.day.bookings.all[same]
    clash = ev.AppointmentBooked(code[:7] + next(office.codes)[7:], "household", BEFORE, start, start + 15 * MINUTE)
    tuesday = Day(office.site, FRIDAY + timedelta(days=4))
    tuesday.apply(ev.Entry(1, BEFORE, "holder", clash))
    other = office.book(clock="09:00")
    office.day.bookings.all[other].code = other
    tuesday.bookings.by_spoken[other[:7]] = tuesday.bookings.all[clash.appointment]
    [(_, moved), _] = move(office, other, at("10:00", tuesday.date), tuesday)
    assert moved.appointment[:7] != other[:7]
    with refused("already_booked"):
        monday.bookings._persons["household", "p3"] = 1
        move(office, office.book(clock="09:15", person="p3"), at("10:15", monday.date), monday, person="p3")


def test_a_booking_moves_until_an_hour_before_its_time() -> None:
    office = Booked(lead=timedelta())
    code = office.book()
    with refused("too_late_to_move", minutes=60):
        move(office, code, at("10:00"), now=at("07:45") + timedelta(seconds=1))
    assert move(office, code, at("10:00"), now=at("07:45"))


def test_a_time_that_the_office_itself_does_not_keep_is_left_without_a_limit() -> None:
    office = Booked()
    lost, kept = office.book(clock="14:15", person="p"), office.book(clock="13:30")
    monday = Day(office.site, FRIDAY + timedelta(days=3))
    start = at("10:00", monday.date)
    office.at("13:30").do(decide.change_hours, last_ticket=None, closes=at("14:00"))
    (_, booked), (_, left) = move(office, lost, start, monday, now=office.now)
    assert (booked.start, left.moved_to) == (start, monday.date), "the news came 45 minutes before"
    assert booking.movable(office.day, office.day.bookings.all[lost], RULES, office.now)
    assert not booking.movable(office.day, office.day.bookings.all[kept], RULES, office.now)
    with refused("too_late_to_move"):
        move(office, kept, start, monday, now=office.now)
    office.at("17:00").tell(ev.DayClosed())
    for when in (at("18:00"), at("18:00", FRIDAY + booking.OWED)):
        later = Day(office.site, when.date() + timedelta(days=4))
        assert move(office, lost, at("10:00", later.date), later, now=when)
        with refused("appointment_over", state="missed"):
            move(office, kept, at("10:00", later.date), later, now=when)
        with refused("appointment_over", state="missed"):
            booking.cancel(office.day, when, code=lost, chance=0.0)
    with refused("appointment_over", state="missed"):
        move(office, lost, at("10:00", FRIDAY + timedelta(days=10)), monday, now=at("00:00", FRIDAY + booking.OWED + timedelta(days=1)))
    office.tell(left)
    with refused("appointment_over", state="moved"):
        move(office, lost, start, monday, now=office.now)


def test_who_comes_to_a_closed_time_all_the_same_finds_somebody_while_the_office_is_at_work() -> None:
    office = Booked()
    nine, late = Slot(at("09:00"), at("09:15")), Slot(at("16:45"), at("17:00"))
    found = booking.finds_somebody
    assert found(office.day, nine, at("08:00")) and found(office.day, nine, at("16:59")) and not found(office.day, nine, at("17:00"))
    assert not found(office.day, nine, at("09:00", FRIDAY + timedelta(days=3)))
    assert booking.gives_numbers(office.day, "household", at("16:29")) and not booking.gives_numbers(office.day, "household", late.start)
    office.do(decide.change_hours, last_ticket=None, closes=at("14:00"))
    assert found(office.day, nine, at("08:00")) and not found(office.day, late, at("08:00"))
    assert not booking.gives_numbers(office.day, "household", at("14:00"))
    office.revise(hours=replace(office.site.hours, holidays={FRIDAY: "Quốc tang"}))
    assert not found(office.day, nine, at("08:00"))
    office.tell(ev.DayClosed())
    assert not found(office.day, nine, at("08:00"))


def test_a_stopped_service_is_left_for_another_day() -> None:
    office = Booked()
    code = office.book()
    office.tell(ev.ServiceStopped("household"))
    monday = Day(office.site, FRIDAY + timedelta(days=3))
    (_, booked), _ = move(office, code, at("10:00", monday.date), monday)
    assert booked.start == at("10:00", monday.date)


def test_a_booking_of_a_day_that_is_over_stays_as_it_was() -> None:
    office = Booked()
    code = office.book()
    with refused("appointment_over", state="missed"):
        booking.cancel(office.day, at("08:00", FRIDAY + timedelta(days=1)), code=code, chance=0.0)
    office.tell(ev.DayClosed())
    with refused("appointment_over", state="missed"):
        office.give_back(code)


def test_an_office_that_closes_early_today_offers_no_later_slots() -> None:
    office = Booked()
    office.do(decide.change_hours, last_ticket=None, closes=at("14:00"))
    assert office.left("13:45") == 2 and office.left("14:00") == 0
    with refused("slot_full"):
        office.book(clock="14:00")


# -- checking in -----------------------------------------------------------------------------------------------------------------

ARRIVALS = [
    ("07:20", None, "08:15:00", Term.WALK_IN, "07:20:00"),
    ("08:15", None, "08:15:00", Term.SLOT, "08:15:00"),
    ("08:31", None, "08:15:00", Term.SLOT, "08:15:00"),
    ("09:00", None, "08:15:00", Term.SLOT, "08:15:00"),
    ("09:00:01", None, "08:50:01", Term.LATE, "08:50:01"),
    ("09:30", None, "09:20:00", Term.LATE, "09:20:00"),
    ("08:31", True, "08:01:00", Term.PRIORITY, "08:01:00"),
]


@pytest.mark.parametrize(("clock", "priority", "_", "term", "queue_time"), ARRIVALS)
def test_early_punctual_and_late_are_counted_by_the_rule(clock: str, priority: bool | None, _: str, term: Term, queue_time: str) -> None:
    office = Booked()
    ticket = office.at("07:15").at(clock).check_in(office.book(), priority=bool(priority))
    assert (ticket.term, ticket.queue_time, ticket.appointment is not None) == (term, at(queue_time), True)


def test_a_registered_booking_is_counted_from_its_registration() -> None:
    office = Booked(live=True)
    ticket = office.at("09:00").check_in(office.book("land", "09:30"))
    assert (ticket.term, ticket.queue_time, ticket.registered) == (Term.REGISTERED, at("07:30"), BEFORE)


def test_a_live_number_is_taken_from_home_for_today_only_where_the_site_allows_it() -> None:
    office = Booked(live=True, clock="09:00")
    code = office.book("land", None, now=at("08:50"))
    assert office.day.bookings.all[code].slot is None
    ticket = office.check_in(code)
    assert (ticket.term, ticket.queue_time, ticket.slot) == (Term.REGISTERED, at("08:50"), None)
    with refused("start_missing"):
        office.book("household", None, now=at("08:50"))
    with refused("closed"):
        office.book("land", None, now=at("06:00"))
    with refused("too_late_to_move"):
        move(office, office.book("land", None, now=at("08:50")), at("10:00"))
    office.give_back(office.book("land", None, now=at("08:50")))


def test_a_booking_is_checked_in_once() -> None:
    office = Booked(clock="08:31")
    code = office.book()
    ticket = office.check_in(code, lang="en")
    assert ticket.lang == "en"
    with refused("already_checked_in", ticket=ticket.code, id=ticket.id, at=at("08:31")):
        office.check_in(code)
    with refused("appointment_over", state="checked_in"):
        office.give_back(code)
    office.cancel(ticket, KIOSK)
    with refused("already_checked_in"):
        office.check_in(code)


def test_a_cancelled_booking_is_not_checked_in() -> None:
    office = Booked()
    code = office.book()
    office.give_back(code)
    with refused("cancelled"):
        office.at("08:31").check_in(code)


@pytest.mark.parametrize("clock", ["07:15", "12:00", "16:45"])
def test_a_booking_is_checked_in_all_day_long_from_the_first_number_on(clock: str) -> None:
    office = Booked()
    code = office.book()
    office.tell(ev.ServiceStopped("household"))
    assert office.at(clock).check_in(code).appointment == code


@pytest.mark.parametrize("clock", ["07:14:59", "17:00"])
def test_nobody_is_checked_in_before_the_first_number_or_after_closing(clock: str) -> None:
    office = Booked()
    code = office.book()
    with refused("closed"):
        office.at(clock).check_in(code)
    office.tell(ev.DayClosed())
    with refused("closed"):
        office.check_in(code)


def test_the_last_slot_of_the_day_has_its_grace_too() -> None:
    office = Booked()
    codes = [office.book(clock="16:45"), office.book(clock="16:45"), office.book(clock="08:45")]
    assert office.at("17:00").check_in(codes[0]).term is Term.SLOT
    with refused("closed"):
        office.check_in(codes[2])
    with refused("closed"):
        office.wait(seconds=1).check_in(codes[1])


def test_nobody_is_checked_in_on_a_day_that_became_a_holiday() -> None:
    office = Booked()
    code = office.book()
    office.revise(hours=replace(office.site.hours, holidays={FRIDAY: "Quốc tang"}))
    with refused("closed", state="holiday"):
        office.at("08:40").check_in(code)


def test_between_two_walk_ins_the_printed_times_decide() -> None:
    office = Booked(clock="08:10")
    code = office.book()
    first = office.take()
    second = office.at("08:20").take()
    booked = office.at("08:31").check_in(code)
    assert office.order("2") == [first.code, booked.code, second.code]


# -- waiting for a place ---------------------------------------------------------------------------------------------------------


def full(office: Booked) -> list[str]:
    """Every slot of the service taken."""
    return [office.book(clock=f"{start:%H:%M}") for start in office.day.slots("household") for _ in range(office.left(f"{start:%H:%M}"))]


def awaits(office: Booked, wait: str, service: str = "household", person: str | None = None) -> None:
    told = booking.await_place(office.day, BEFORE, wait=wait, service=service, contact=f"c-{wait}", cycle=CYCLE, person=person)
    office.tell(*told)


def offered(office: Booked, clock: str | None = None) -> list[tuple[str, str]]:
    """Whom the periodic look tells of a place now, and of which."""
    if clock is not None:
        office.at(clock)
    told = office.do(booking.offer_places, cycle=lambda service: CYCLE)
    return [(event.wait, f"{event.start:%H:%M}") for event in told]


def due(office: Booked) -> str | None:
    at = booking.offers_due(office.day, office.now)
    return f"{at:%H:%M:%S}" if at else None


def test_a_place_given_back_is_offered_to_whoever_waited_first_and_not_before_it_is_free() -> None:
    office = Booked(capacity=1, lead=timedelta())
    with refused("places_left", free=[at("07:30"), at("07:45"), at("08:00")]):
        awaits(office, "w1")
    codes = full(office)
    for wait in ("w1", "w2", "w3"):
        awaits(office, wait)
    office.do(booking.forgo_place, wait="w1")
    assert office.do(booking.forgo_place, wait="w1") == []
    office.give_back(codes[4], chance=0.5)
    assert offered(office) == [] and due(office) == "07:05:00"
    # Whoever begins to wait while the place is on its way back stands behind the others, not beside them.
    awaits(office, "w4")
    assert offered(office, "07:05:00") == [("w2", "08:30")]
    assert offered(office) == [], "told once"
    told, slot = office.day.bookings.offered["w2"]
    assert (told.wait, told.contact, slot.start) == ("w2", "c-w2", at("08:30"))
    # Nobody takes it: half an hour later the next one is told, and half an hour after that the next.
    assert due(office) == "07:35:00"
    assert offered(office, "07:34:59") == [] and offered(office, "07:35:00") == [("w3", "08:30")]
    assert offered(office, "08:05:00") == [("w4", "08:30")]
    assert office.day.bookings.awaiting == {} and due(office) is None
    assert snapshot(office.replayed()) == snapshot(office.day)


def test_a_place_that_was_taken_and_given_back_again_is_another_place() -> None:
    office = Booked(capacity=1, lead=timedelta(), return_within=timedelta())
    codes = full(office)
    for wait in ("w1", "w2"):
        awaits(office, wait)
    office.give_back(codes[4])
    assert offered(office, "07:01") == [("w1", "08:30")]
    office.give_back(office.book(clock="08:30", now=office.now))
    assert offered(office, "07:02") == [("w2", "08:30")]


def test_a_move_within_the_day_frees_a_place_too() -> None:
    office = Booked(capacity=1, lead=timedelta(), return_within=timedelta())
    codes = full(office)
    office.give_back(codes[8])
    [(_, moved)] = move(office, codes[5], at("09:30"), now=at("07:01"))
    awaits(office, "w1")
    office.tell(moved)
    assert offered(office, "07:02") == [("w1", "08:45")]


def test_places_held_back_and_times_opened_again_are_offered_to_those_who_wait() -> None:
    office = Booked(capacity=2, held_back=1, release=timedelta(hours=9), lead=timedelta(), clock="07:00")
    full(office)
    for wait in ("w1", "w2", "w3"):
        awaits(office, wait)
    assert offered(office) == [] and due(office) == "09:00:00"
    office.do(booking.close_slots, start=at("09:15"), end=at("17:00"), reason="tập huấn")
    assert offered(office, "09:00:00") == [("w1", "09:00")]
    office.do(booking.reopen_slots, closure=office.day.seq - 1)
    assert offered(office, "09:01") == [("w2", "09:15"), ("w3", "09:30")]


def test_a_place_that_nobody_can_have_any_more_uses_up_nobodys_turn() -> None:
    office = Booked(capacity=1, lead=timedelta(), clock="07:00")
    codes = full(office)
    awaits(office, "w1")
    office.do(booking.close_slots, start=at("09:00"), end=at("09:15"), reason="họp")
    office.give_back(next(c for c in codes if office.day.bookings.all[c].slot == Slot(at("09:00"), at("09:15"))))
    office.at("07:29").give_back(codes[0], chance=0.9)
    assert offered(office, "07:40") == [] and list(office.day.bookings.awaiting) == ["w1"]
    office.do(decide.stop_service, service="household")
    assert offered(office) == [] and due(office) is None
    office.tell(ev.DayClosed())
    assert offered(office) == []


def test_an_address_waits_once_for_a_service_and_a_day() -> None:
    office = Booked(capacity=1, lead=timedelta(), return_within=timedelta())
    codes = full(office)
    awaits(office, "w1", person="p")
    awaits(office, "w2", person="q")
    with refused("already_waiting", day="2026-11-20"):
        awaits(office, "w3", person="p")
    office.give_back(codes[4])
    assert offered(office, "07:01") == [("w1", "08:30")]
    office.book(clock="08:30", now=office.now)
    awaits(office, "w4", person="p")
    assert list(office.day.bookings.awaiting) == ["w2", "w4"], "who was told and came too late may wait again, behind the others"


def test_nobody_waits_for_a_service_that_takes_no_bookings() -> None:
    with refused("not_bookable"):
        awaits(Booked(), "w1", "health")


def test_whoever_was_offered_a_place_can_still_be_forgotten() -> None:
    office = Booked(capacity=1, lead=timedelta())
    codes = full(office)
    awaits(office, "w1")
    office.give_back(codes[-1])
    assert offered(office, "07:10") == [("w1", "16:45")]
    assert office.day.bookings.waits("w1") == office.day.bookings.offered["w1"][0]
    office.do(booking.forgo_place, wait="w1")
    assert office.day.bookings.offered == {} and office.day.bookings.waits("w1") is None


def test_nobody_waits_for_a_place_on_a_day_without_slots() -> None:
    office = Booked(week=((),) * 3 + ((span("08:00", "09:00"),), (), (), ()))
    with refused("not_bookable"):
        awaits(office, "w1")


def test_a_place_of_another_service_is_offered_to_nobody() -> None:
    office = Booked(capacity=1)
    full(office)
    awaits(office, "w1")
    office.give_back(office.book("copies"))
    assert offered(office, "07:10") == [] and list(office.day.bookings.awaiting) == ["w1"]


# -- times that the office closes ------------------------------------------------------------------------------------------------


def test_a_closed_time_takes_no_bookings_and_names_whom_it_concerns() -> None:
    office = Booked()
    early, late, other = office.book(clock="08:30"), office.book(clock="09:00"), office.book("copies", "08:30")
    office.do(booking.close_slots, start=at("08:00"), end=at("08:45"), reason="tập huấn", service="household")
    number, closure = next(iter(office.day.bookings.closures.items()))
    assert [a.code for a in office.day.bookings.affected(closure)] == [early]
    assert office.left("08:30") == 0 and office.left("08:45") == 2 and office.left("08:30", "copies") == 1
    with refused("slot_full"):
        office.book(clock="08:15")
    assert office.at("08:20").check_in(early).slot == at("08:30")
    office.do(booking.close_slots, start=at("08:00"), end=at("12:00"), reason="mất điện")
    assert {a.code for a in office.day.bookings.affected(office.day.bookings.closures[office.day.seq])} == {late, other}
    office.do(booking.reopen_slots, closure=office.day.seq)
    office.do(booking.reopen_slots, closure=number)
    assert office.do(booking.reopen_slots, closure=number) == []
    assert office.left("08:30") == 2 - 1


def test_a_closed_time_is_a_time_of_this_day() -> None:
    office = Booked()
    for start, end, service, code in (
        (at("09:00"), at("09:00"), None, "wrong_hours"),
        (BEFORE, at("09:00"), None, "wrong_hours"),
        (at("08:00"), at("09:00"), "nowhere", "unknown_service"),
    ):
        with refused(code):
            office.do(booking.close_slots, start=start, end=end, reason="", service=service)


def displaced(office: Booked) -> tuple[str, ...]:
    """Whom the last event tells that their time cannot be kept."""
    return office.day.bookings.displaced.get(office.day.seq, ())


def restored(office: Booked) -> tuple[str, ...]:
    """Whom the last event tells that their time stands again."""
    return office.day.bookings.restored.get(office.day.seq, ())


def test_an_office_that_closes_early_tells_those_who_booked_later_once_and_takes_it_back() -> None:
    office = Booked()
    kept, lost, given_back = office.book(clock="13:45"), office.book(clock="14:00"), office.book(clock="15:00")
    office.give_back(given_back)
    office.do(decide.change_hours, last_ticket=None, closes=at("14:00"))
    assert displaced(office) == (lost,)
    assert booking.why_unkept(office.day, "household", Slot(at("14:00"), at("14:15"))) == "hôm đó đóng cửa lúc 14:00"
    assert booking.why_unkept(office.day, "household", Slot(at("14:00"), at("14:15")), "en") == "closes at 14:00 today"
    assert booking.why_unkept(office.day, "household", Slot(at("13:45"), at("14:00"))) is None
    # Back and forth: each time that is lost or stands again is news to whoever has it.
    office.do(decide.change_hours, last_ticket=None, closes=None)
    assert (displaced(office), restored(office)) == ((), (lost,)) and office.left("14:00") == 1
    office.do(decide.change_hours, last_ticket=None, closes=at("13:50"))
    assert (displaced(office), restored(office)) == ((kept, lost), ())
    # A second reason is no news, and neither is it that one of two has gone.
    office.do(booking.close_slots, start=at("13:00"), end=at("17:00"), reason="mất điện")
    assert displaced(office) == ()
    assert booking.why_unkept(office.day, "household", Slot(at("13:30"), at("13:45"))) == "mất điện"
    office.do(booking.reopen_slots, closure=office.day.seq)
    assert (displaced(office), restored(office)) == ((), ())
    # Another time is another promise.
    [(_, moved)] = move(office, lost, at("13:30"), now=office.now)
    office.tell(moved)
    office.do(decide.change_hours, last_ticket=None, closes=at("13:40"))
    assert displaced(office) == (lost,)
    office.do(decide.change_hours, last_ticket=None, closes=at("13:50"))
    assert restored(office) == (lost,)
    assert snapshot(office.replayed()) == snapshot(office.day)


def test_who_was_moved_away_and_back_is_told_when_the_time_is_lost_again() -> None:
    office = Booked()
    code = office.book(clock="14:00")
    body = {"start": at("13:30"), "end": at("17:00"), "reason": "mất điện"}
    office.do(booking.close_slots, **body)
    assert displaced(office) == (code,)
    closure = office.day.seq
    office.tell(*(event for _, event in move(office, code, at("08:00"), now=office.now)))
    office.do(booking.reopen_slots, closure=closure)
    assert restored(office) == (), "it is nobody's time any more"
    office.tell(*(event for _, event in move(office, code, at("14:00"), now=office.now)))
    office.do(booking.close_slots, **body)
    assert displaced(office) == (code,)
    # Likewise over another day.
    office.tell(ev.AppointmentCancelled(code, office.now, moved_to=FRIDAY + timedelta(days=3)))
    office.do(booking.reopen_slots, closure=office.day.seq - 1)
    assert restored(office) == ()
    office.tell(ev.AppointmentBooked(code, "household", BEFORE, at("14:00"), at("14:15"), moved_from=FRIDAY + timedelta(days=3)))
    office.do(booking.close_slots, **body)
    assert displaced(office) == (code,)
    assert snapshot(office.replayed()) == snapshot(office.day)


def test_a_time_that_has_passed_or_was_used_is_given_back_to_nobody() -> None:
    office = Booked(clock="07:30")
    over, come, left = office.book(clock="08:00"), office.book(clock="08:30"), office.book(clock="09:00")
    office.do(booking.close_slots, start=at("07:30"), end=at("12:00"), reason="họp")
    assert displaced(office) == (over, come, left)
    closure = office.day.seq
    office.at("08:15").check_in(come)
    office.do(booking.reopen_slots, closure=closure)
    assert restored(office) == (left,)


def test_who_booked_a_day_that_loses_its_hours_is_told() -> None:
    office = Booked(clock="07:00")
    early, late, over = office.book(clock="08:00"), office.book(clock="16:00"), office.book(clock="07:45")
    hours = office.site.hours
    office.at("07:50").revise(hours=replace(hours, special={FRIDAY: (span("07:30", "11:30"), span("13:30", "15:30"))}))
    assert displaced(office) == (late,)
    assert booking.why_unkept(office.day, "household", Slot(at("16:00"), at("16:15"))) == "giờ làm việc đã đổi"
    assert booking.why_unkept(office.day, "household", Slot(at("16:00"), at("16:15")), "en") == "outside the new opening hours"
    office.revise(hours=replace(hours, holidays={FRIDAY: "Quốc tang"}))
    assert displaced(office) == (early,), "what is over is over, and who has been told need not hear another reason"
    assert over in office.day.bookings.all and booking.why_unkept(office.day, "household", Slot(at("08:00"), at("08:15"))) == "Quốc tang"
    office.revise(hours=hours)
    assert (displaced(office), restored(office)) == ((), (early, late))


def test_a_service_with_hours_of_its_own_tells_whom_they_leave_out_and_one_that_is_dropped_nobody() -> None:
    office = Booked()
    code = office.book(clock="16:00")
    office.revise(services=tuple(s for s in office.site.services if s.id != "household"))
    assert displaced(office) == (), "who has booked is served, though nobody else can book"
    week = ((span("08:00", "11:00"),),) * 5 + ((), ())
    office.revise(services=bookable(week=week).services)
    assert displaced(office) == (code,)


# -- who is still to come --------------------------------------------------------------------------------------------------------


def test_those_still_to_come_before_me_are_known_in_advance() -> None:
    office = Booked(capacity=9, clock="08:00")
    punctual, late = office.book(clock="08:45"), office.book(clock="07:45")
    office.book(clock="10:00")
    expected = office.day.bookings.expected
    rules = office.site.rules
    assert expected("household", at("08:20"), rules, at("08:00")) == 2, "counted from 08:15 and from 07:15"
    assert expected("household", at("08:20"), rules, at("08:00:01")) == 1, "a quarter of an hour late is no longer punctual"
    assert expected("household", at("08:15"), rules, at("08:00:01")) == 0
    assert expected("copies", at("12:00"), rules, at("08:00")) == 0
    office.check_in(punctual)
    office.check_in(late)
    assert expected("household", at("12:00"), rules, at("08:00")) == 1


# -- laws ------------------------------------------------------------------------------------------------------------------------

VERBS = ["book"] * 8 + ["cancel", "move", "check in"] * 2 + ["close", "reopen", "wait", "fewer places"]
steps = st.lists(st.tuples(st.sampled_from(VERBS), st.integers(0, 999), st.integers(0, 999)), min_size=10, max_size=80)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(steps)
def test_no_slot_is_ever_given_to_more_people_than_it_has_places(story: list[tuple[str, int, int]]) -> None:
    """The witness counts by hand: who holds which slot, who has come, and when a place given back may be had again."""
    office = Booked(capacity=2, lead=timedelta(), move_before=timedelta())
    starts = [s.start for s in slots(office.site, "household", FRIDAY)][4:9]
    held: dict[str, datetime] = {}
    come: list[datetime] = []
    back: list[tuple[datetime, datetime]] = []
    places = 2

    def free(start: datetime) -> bool:
        taken = [*held.values(), *come, *(s for s, free_at in back if free_at > office.now)].count(start)
        closed = any(c.start < start + 15 * MINUTE and start < c.end for c in office.day.bookings.closures.values())
        return taken < places and not closed and start >= office.now

    for verb, a, b in story:
        start, code = starts[a % len(starts)], list(held)[b % len(held)] if held else ""
        allowed = free(start)
        try:
            if verb == "book":
                held[office.book(clock=f"{start:%H:%M}", now=office.now)] = start
                assert allowed
            elif verb == "cancel" and code:
                office.give_back(code, chance=b / 1000)
                back.append((held.pop(code), office.last().free_at))
            elif verb == "move" and code:
                events = move(office, code, start, now=office.now)
                assert allowed or start == held[code]
                for _, event in events:
                    office.tell(event)
                    back.append((held[code], event.free_at))
                held[code] = start
            elif verb == "check in" and code:
                office.check_in(code)
                come.append(held.pop(code))
            elif verb == "close":
                office.do(booking.close_slots, start=start, end=start + 20 * MINUTE, reason="họp")
            elif verb == "reopen" and office.day.bookings.closures:
                office.do(booking.reopen_slots, closure=next(iter(office.day.bookings.closures)))
            elif verb == "fewer places" and places == 2:
                places = 1
                fewer = replace(RULES, capacity=1, lead=timedelta(), move_before=timedelta())
                office.revise(services=tuple(replace(s, booking=fewer) for s in office.site.services))
            elif verb == "wait":
                office.wait(minutes=a % 7)
        except Refused as refusal:
            assert verb in ("book", "move", "check in"), refusal.code
            assert not allowed or verb == "check in" or (verb == "move" and office.now > held[code]), refusal.code
    assert {code: a.slot.start for code, a in office.day.bookings.all.items() if a.live and a.slot} == held
    assert snapshot(office.replayed()) == snapshot(office.day)


def test_a_full_slot_names_the_nearest_free_ones() -> None:
    monday = at("09:00", FRIDAY + timedelta(days=3))
    assert sentence("slot_full", {"start": at("08:45"), "free": [at("08:30"), monday]}) == (
        "Khung 08:45 vừa hết chỗ. Còn 08:30, 09:00 thứ Hai 23/11."
    )
    assert sentence("slot_full", {"start": at("08:45"), "free": []}) == "Khung 08:45 vừa hết chỗ."


def test_a_booking_made_for_a_service_of_another_counting_stands_by_its_slot() -> None:
    office = Booked()
    assert office.at("08:31").check_in(office.book("land", "08:45")).registered == BEFORE
    assert office.check_in(office.book("copies", "08:45")).registered is None
    assert office.site.service["land"].counting is Counting.REGISTERED
