"""Likely waits: counted by queue time, over lunch, by the counters that serve me; a range that learns; and silence without a basis."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from histories import Life, a_history, live
from hypothesis import given, settings
from hypothesis import strategies as st
from office import CLERKS, HOURS, MINUTE, Office, at, small_site, span

from server.core import decide
from server.core import events as ev
from server.core.day import Day, Ticket
from server.core.forecast import ASKED_KEPT, LEAST_CALLS, Accuracy, Coming, Forecast, Pace
from server.core.habit import KNOTS, SMALL, Habit, Range, Terms, Today
from server.core.site import Counter, Hours

EXACT = Range((0.0,) * len(KNOTS), (0.0,) * len(KNOTS))
TEN = Habit(cycle=10.0, calls=1000.0, staff=1.0, blend=(0.0, 1.0, 0.0, 0.0), alone=EXACT, line=EXACT)
"""Every call takes a counter ten minutes, as everybody has always known: a forecast is the work before me, and exactly that."""
SERVICES = ("household", "copies", "land", "health")


class Foretold(Office):
    """An office whose every event is heard by a `Pace`."""

    def __init__(self, *arguments: Any, habit: Habit | None = TEN, coming: Coming | None = None, **more: Any) -> None:
        self.pace = Pace({} if habit is None else dict.fromkeys(SERVICES, habit), coming)
        super().__init__(*arguments, **more)

    def tell(self, *events: ev.Event, actor: str = "clock") -> None:
        for event in events:
            super().tell(event, actor=actor)
            self.pace.hear(self.day, self.story[-1])

    def likely(self, who: Ticket | str = "household") -> Forecast | None:
        return self.pace.likely(self.day, who, self.now)

    def minutes(self, who: Ticket | str = "household") -> float:
        forecast = self.likely(who)
        assert forecast is not None
        return round(forecast.likely / MINUTE, 6)

    def terms(self, who: Ticket | str = "household") -> Terms:
        basis = self.pace.basis(self.day, who, self.now)
        assert basis is not None
        return basis.terms

    def serve_next(self, minutes: float, counter: str = "2") -> None:
        """Call the next one, and be done with them after so many minutes."""
        self.next(counter, finish=True)
        self.wait(minutes=minutes)


def busy(staffed: str = "2", **more: Any) -> Foretold:
    """At 08:00, with somebody at each counter that is staffed."""
    office = Foretold(clock="08:00", staffed=staffed, **more)
    for counter in staffed:
        office.take(office.day.desks[counter].services[0])
        office.next(counter)
    return office


# -- counting people -------------------------------------------------------------------------------------------------------------


def test_the_work_before_me_is_everybody_with_an_earlier_queue_time_and_who_is_at_the_counter() -> None:
    office = busy()
    first, second = office.take(), office.wait(1).take()
    assert [office.minutes(who) for who in (first, second, "household")] == [10, 20, 30]


def test_priority_and_a_booking_count_by_their_queue_time_and_not_by_their_arrival() -> None:
    office = busy()
    walk_in, booked, priority = office.take(), office.take(slot=at("08:20")), office.take(priority="older")
    assert [office.minutes(who) for who in (priority, booked, walk_in)] == [10, 20, 30]


def test_two_counters_call_twice_as_fast() -> None:
    office = busy("12")
    office.take()
    assert office.minutes() == 10


def test_a_free_counter_calls_at_once_and_so_does_the_second_free_one() -> None:
    office = Foretold(clock="08:00", staffed="12")
    assert office.minutes() == 0
    assert office.minutes(office.take()) == 0
    assert office.minutes(office.take()) == 0
    assert office.minutes(office.take()) == 5


def test_my_counters_also_call_those_who_wait_for_their_other_services() -> None:
    office = busy("1")
    office.take("copies")
    assert office.minutes("household") == 20


def test_of_those_who_wait_for_another_service_my_counters_take_their_share() -> None:
    office = busy("13")
    for _ in range(4):
        office.take("copies")
    assert office.minutes("household") == 10 + 4 * 10 / 2


def test_a_ticket_sent_to_one_counter_waits_for_that_one_and_others_wait_for_it_there() -> None:
    office = busy("12")
    sent = office.take()
    office.press(decide.transfer, sent, counter="2")
    assert office.minutes(sent) == 10
    assert office.minutes("household") == (10 + 10) / 2


def test_booked_people_who_are_still_to_come_lengthen_the_wait_of_those_behind_them() -> None:
    def coming(day: object, service: str, queue_time: datetime) -> float:
        return 1.5 if service == "household" and queue_time > at("08:30") else 0.0

    office = busy(coming=coming)
    before = office.minutes()
    assert office.at("08:31").minutes() == before + 15


# -- hours -----------------------------------------------------------------------------------------------------------------------


def test_a_wait_over_lunch_includes_the_break() -> None:
    office = busy().at("11:15")
    assert office.minutes(office.take()) == 10
    second = office.take()
    assert office.minutes(second) == 20 + 120 - 5 + 5
    assert office.at("11:29").minutes(second) == 20 + 120


def test_at_lunch_the_counters_that_called_in_the_morning_are_expected_back() -> None:
    office = busy("12").at("11:29")
    waiting = [office.take() for _ in range(3)]
    for counter in "12":
        office.finish(office.day.at_counter(counter))
        office.close(counter)
    office.at("12:30")
    assert [office.minutes(ticket) for ticket in waiting] == [60, 60, 65]


def test_before_the_opening_as_many_counters_are_expected_as_usual() -> None:
    office = Foretold(clock="07:20", habit=replace(TEN, staff=2.2))
    waiting = [office.take() for _ in range(4)]
    assert [office.minutes(ticket) for ticket in waiting] == [10, 10, 15, 20]


def test_after_the_last_closing_those_who_wait_are_served_and_get_forecasts() -> None:
    office = busy().at("16:29")
    office.take(), office.take()
    assert office.at("17:05").minutes() == 30


def test_an_office_that_works_on_a_day_without_hours_counts_every_minute() -> None:
    office = Foretold(small_site(hours=Hours(week=((),) * 7)), clock="09:00", staffed="2")
    office.tell(ev.TicketIssued("t1", "household", 1, office.now, office.now, decide.queue_time(office.site.rules, office.now).term))
    office.next("2")
    assert office.minutes() == 10


def test_hours_that_staff_or_a_new_document_change_hold_at_once() -> None:
    office = busy().at("11:00")
    for _ in range(3):
        office.take()
    assert office.minutes() == 40 + 120
    office.do(decide.change_hours, last_ticket=None, closes=at("12:00"))
    assert office.minutes() == 40
    office.do(decide.change_hours, last_ticket=None, closes=None)
    office.revise(hours=Hours(week=((span("07:30", "17:00"),),) * 7))
    assert office.minutes() == 40


def test_a_clerk_in_a_pause_is_expected_back_while_nobody_else_calls() -> None:
    office = Foretold(clock="08:00", staffed="12")
    office.pause("1")
    assert office.minutes() == 0
    office.close("2")
    assert office.minutes() == 10


# -- silence ---------------------------------------------------------------------------------------------------------------------


def test_where_nothing_is_known_nothing_is_foretold_before_a_few_calls() -> None:
    office = Foretold(clock="08:00", staffed="2", habit=None)
    for _ in range(LEAST_CALLS + 3):
        office.take()
    for _ in range(LEAST_CALLS):
        assert office.likely() is None
        office.serve_next(5)
    assert office.likely() is not None
    assert office.likely("land") is None, "nobody calls this service"


@pytest.mark.parametrize("state", ["called", "held", "cancelled", "done"])
def test_a_ticket_that_does_not_wait_has_no_forecast(state: str) -> None:
    office = busy()
    ticket = office.day.at_counter("2")
    assert ticket is not None
    if state == "held":
        office.hold(ticket)
    elif state == "cancelled":
        office.cancel(ticket)
    elif state == "done":
        office.finish(ticket)
    assert office.likely(ticket) is None


def test_closed_counters_a_closed_day_and_an_unknown_service_have_no_forecast() -> None:
    office = Foretold(clock="08:00")
    waiting = office.take()
    assert office.likely(waiting) is None
    assert office.likely("weddings") is None
    office.open("2")
    assert office.likely(waiting) is not None
    office.at("17:30").tell(ev.DayClosed())
    assert office.likely() is None


def test_an_office_of_which_no_habit_is_known_says_nothing_before_its_opening() -> None:
    assert Foretold(clock="07:20", habit=None).likely() is None


# -- learning --------------------------------------------------------------------------------------------------------------------


def test_the_last_wait_and_the_head_of_the_line_are_what_is_left_of_them_for_me() -> None:
    office = busy().at("08:05")
    first, second = office.take(), office.wait(minutes=5).take()
    office.at("08:25").next("2", finish=True)
    assert first.called_at == at("08:25")
    assert office.terms("household")[2:] == (20, 15)
    assert office.terms(second)[2:] == (5, 0)
    late = office.take(priority="older")
    assert late.place < second.place
    assert office.terms(late)[2:] == (0, 0)


def test_a_call_that_is_no_example_for_newcomers_leaves_the_last_wait_as_it_was() -> None:
    office = busy().at("08:10")
    office.take(priority="older")
    regular, other = office.take(), office.take()
    office.at("08:20").next("2", finish=True)
    assert office.terms()[2] == 0, "who was called first had not waited; the one in the priority group does not count"
    office.at("08:30").finish(office.day.at_counter("2"))
    office.call(other, "2")
    assert office.terms()[2] == 0, "called out of turn"
    office.next("2", finish=True)
    assert regular.called_at == at("08:30")
    assert office.terms()[2] == 20


def test_whoever_came_before_any_counter_was_open_was_told_nothing_and_still_shows_how_long_the_wait_is() -> None:
    office = Foretold(clock="08:00", habit=None)
    office.take()
    office.at("08:20").open("2")
    office.next("2")
    assert office.terms()[2] == 20
    assert office.pace.accuracy() == Accuracy()
    assert office.pace.handed_on()["household"].blend == Habit().blend


def test_a_counter_shows_its_pace_only_while_people_wait_for_it() -> None:
    office = Foretold(clock="08:00", staffed="2", habit=replace(TEN, calls=1.0))
    for _ in range(3):
        office.take()
    office.serve_next(4)
    office.serve_next(4)
    assert office.terms()[1] == pytest.approx(2 * (10 + 4) / 2), "one cycle of 4 minutes was seen, as much as the habit weighs"
    office.serve_next(40)
    seen = office.terms()[1]
    office.take()
    office.serve_next(0)
    assert office.terms()[1] == pytest.approx(seen, rel=0.5), "for forty minutes nobody waited: that is no pace"


@pytest.mark.parametrize(("breaks", "seen"), [("pause", 0), ("close", 0), ("undo", 1)])
def test_a_counter_that_was_away_between_two_calls_shows_no_pace(breaks: str, seen: int) -> None:
    office = Foretold(clock="08:00", staffed="2", habit=replace(TEN, calls=1.0))
    tickets = [office.take() for _ in range(4)]
    office.serve_next(4)
    office.finish(tickets[0])
    if breaks == "undo":
        office.next("2")
        office.undo(tickets[1])
    else:
        getattr(office, breaks)("2")
        office.wait(minutes=30)
        (office.resume if breaks == "pause" else office.open)("2")
    office.next("2")
    assert office.pace.handed_on()["household"].calls == pytest.approx(0.8 + seen), "yesterday's one call counts for less"
    assert tickets[1].state == "called"


def test_calls_over_lunch_and_before_the_opening_show_no_pace() -> None:
    office = Foretold(clock="07:20", staffed="2", habit=replace(TEN, calls=1.0))
    for _ in range(6):
        office.take()
    office.serve_next(5), office.serve_next(5)
    office.at("11:25").serve_next(10)
    office.serve_next(5)
    office.at("13:31").serve_next(5)
    assert office.pace.handed_on()["household"].calls == pytest.approx(0.8)


def test_a_counter_that_forgot_to_pause_does_not_spoil_the_pace() -> None:
    office = Foretold(clock="08:00", staffed="2", habit=replace(TEN, calls=1.0))
    for _ in range(2):
        office.take()
    office.serve_next(170)
    office.serve_next(0)
    assert office.pace.handed_on()["household"].cycle < 60


def test_a_slow_day_is_noticed_and_handed_on_to_the_next() -> None:
    office = Foretold(clock="08:00", staffed="2", habit=None)
    for _ in range(13):
        office.take()
    for _ in range(3):
        office.serve_next(15)
    early = office.terms()[1] / (office.day.waiting("household") + 1)
    for _ in range(9):
        office.serve_next(15)
    late = office.terms()[1] / (office.day.waiting("household") + 1)
    habit = office.pace.handed_on()["household"]
    assert 5 < early < late < 15
    assert (habit.staff, round(habit.cycle)) == (1.0, 11)
    tomorrow = Foretold(clock="08:00", staffed="2", habit=habit)
    tomorrow.take(), tomorrow.take()
    assert tomorrow.likely() is not None, "before anybody is called"
    assert "land" not in office.pace.handed_on()
    assert tomorrow.pace.handed_on() == dict.fromkeys(SERVICES, habit), "a day without calls teaches nothing"


def test_a_ticket_that_comes_back_is_asked_for_anew() -> None:
    office = busy()
    missed = office.take()
    office.next("2", finish=True)
    for decision in (decide.no_show, decide.rejoin):
        office.press(decision, missed)
    office.take()
    assert office.terms(missed)[1] == 0, "the counter is free"
    office.next("2")
    office.hold(missed)
    office.release(missed)
    office.cancel(missed)
    assert office.pace.accuracy("household").told == 3


def test_what_was_told_is_compared_with_what_came() -> None:
    office = busy()
    assert office.pace.accuracy() == Accuracy(1, 1)
    first, second = office.take(), office.take()
    assert (office.minutes(first), office.minutes(second)) == (10, 20)
    office.wait(minutes=10).serve_next(13)
    office.serve_next(0)
    accuracy = office.pace.accuracy("household")
    assert accuracy == office.pace.accuracy() == Accuracy(3, 2, 3 * MINUTE)
    assert (accuracy.coverage, accuracy.mean_error) == (2 / 3, 1 * MINUTE)
    assert (Accuracy().coverage, Accuracy().mean_error, office.pace.accuracy("land")) == (None, None, Accuracy())


def test_asking_changes_nothing_and_the_same_story_gives_the_same_forecasts() -> None:
    asked, silent = Foretold(clock="07:30", habit=None), Foretold(clock="07:30", habit=None)
    for office in (asked, silent):
        office.open("1")
        for number in range(30):
            office.take(SERVICES[number % 2])
            if office is asked:
                for service in SERVICES:
                    office.likely(service)
            if number % 3:
                office.wait(minutes=4).next("1", finish=True)
    assert asked.pace.handed_on() == silent.pace.handed_on()
    assert asked.likely() == silent.likely() is not None


@pytest.mark.parametrize("behind", [0, 1, 7, 50])
@pytest.mark.parametrize("kept", [3, ASKED_KEPT])
def test_whoever_was_told_before_the_ticket_was_heard_of_teaches_the_same(behind: int, kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.core.forecast.ASKED_KEPT", kept)
    office = live(a_history(5, 200)).office
    asked, silent = (Pace(dict.fromkeys(SERVICES, Habit(staff=1.0))) for _ in range(2))
    ahead, heard, unasked = (Day(office.sites[1], office.day.date) for _ in range(3))
    answered = 0
    for number in range(len(office.story) + behind):
        for entry in office.story[number : number + 1]:
            evolve(office, ahead, entry)
            if isinstance(entry.event, ev.TicketIssued):
                answered += asked.likely(ahead, ahead.tickets[entry.event.ticket], entry.at) is not None
        for entry in office.story[number - behind : number - behind + 1] if number >= behind else ():
            for day, pace in ((heard, asked), (unasked, silent)):
                evolve(office, day, entry)
                pace.hear(day, entry)
    assert answered
    assert asked.accuracy() == silent.accuracy() != Accuracy()
    assert asked.handed_on() == silent.handed_on()


def evolve(office: Office, day: Day, entry: ev.Entry) -> None:
    if isinstance(entry.event, ev.SiteRevised):
        day.revise(office.sites[entry.event.site_version])
    day.apply(entry)


# -- laws ------------------------------------------------------------------------------------------------------------------------


def check_the_lines(day: Day, pace: Pace, now: datetime) -> None:
    """Never negative, the range around what is likely, and nobody further back is told less."""
    for service, line in day.lines.items():
        told = []
        for ticket in line:
            basis, forecast = pace.basis(day, ticket, now), pace.likely(day, ticket, now)
            if forecast is not None and basis is not None:
                assert timedelta() <= forecast.low <= forecast.likely <= forecast.high
                if not basis.alone:
                    told.append(forecast)
        for before, after in pairwise(told):
            assert before.low <= after.low
            assert before.likely <= after.likely
            assert before.high <= after.high
        if told and (newcomer := pace.likely(day, service, now)) is not None:
            assert told[-1].likely <= newcomer.likely


def check_what_is_kept(day: Day, pace: Pace, now: datetime) -> None:
    """What a day remembers of who is at work is what it would find out anew."""
    kept = {service: pace.likely(day, service, now) for service in day.lines}
    desks = {ticket.id: day.counters_for(ticket) for ticket in day.tickets.values()}
    day.staffing.clear()
    # In the order in which the shares are added, the last digit may be another.
    for service, before in kept.items():
        after = pace.likely(day, service, now)
        assert (before is None) == (after is None)
        if before is not None and after is not None:
            assert abs(before.likely - after.likely) < timedelta(milliseconds=1)
    assert desks == {ticket.id: day.counters_for(ticket) for ticket in day.tickets.values()}


@pytest.mark.parametrize("seed", range(4))
def test_on_random_days_whoever_stands_further_back_is_never_told_a_shorter_wait(seed: int) -> None:
    pace, days = Pace(dict.fromkeys(SERVICES, Habit(staff=1.0))), []

    def look(life: Life) -> None:
        # Folded a second time, event by event: one command may cause several.
        office = life.office
        days[:] = days or [Day(office.sites[1], office.day.date)]
        day = days[0]
        for entry in office.story[day.seq :]:
            evolve(office, day, entry)
            pace.hear(day, entry)
        check_the_lines(day, pace, office.now)
        check_what_is_kept(day, pace, office.now)

    live(a_history(seed, 120), look)
    assert pace.accuracy().told


sizes = st.floats(0, 300)
terms = st.tuples(st.just(1.0), sizes, sizes, sizes)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.lists(st.tuples(terms, sizes), max_size=40), terms, st.integers(1, 3), st.floats(0, 200))
def test_whatever_it_has_learnt_more_work_never_means_a_shorter_wait(
    calls: list[tuple[Terms, float]], asked: Terms, term: int, more: float
) -> None:
    today = Today(Habit())
    for known, wait in calls:
        likely = today.guess(known)
        today.learn(known, likely, wait)
        today.line = today.line.learnt(likely, wait)
    longer: Any = tuple(value + more * (i == term) for i, value in enumerate(asked))
    short, long = today.guess(asked), today.guess(longer)
    assert 0 <= short <= long
    (low, high), (later_low, later_high) = today.line.at(short), today.line.at(long)
    assert 0 <= low <= high
    assert low <= later_low + 1e-6
    assert high <= later_high + 1e-6


def test_within_a_week_the_blend_finds_a_service_that_takes_longer_than_its_work_suggests() -> None:
    random, today, errors = Random(1), Today(Habit()), []
    for _ in range(5):
        for _ in range(100):
            work = random.uniform(0, 60)
            known = (1.0, work, random.uniform(0, 60), random.uniform(0, 60))
            today.learn(known, today.guess(known), 1.2 * work * random.uniform(0.8, 1.2))
        errors.append(abs(today.guess((1.0, 40.0, 30.0, 30.0)) - 48))
        today.staff, today.turns = 100, 100
        today = Today(today.handed_on())
    assert errors[-1] < 0.65 * errors[0] < 8


@pytest.mark.parametrize("likely", [0.0, 3.0, 10.0, 40.0, 200.0])
def test_the_range_comes_to_hold_about_eight_of_ten_waits_whatever_their_size(likely: float) -> None:
    random = Random(2)
    learnt, inside = Habit().line, 0
    for number in range(2500):
        wait = max(0.0, (likely + SMALL) * random.lognormvariate(0.3, 0.9) - SMALL)
        low, high = learnt.at(likely)
        inside += number >= 500 and low <= wait <= high
        learnt = learnt.learnt(likely, wait)
    assert 0.78 < inside / 2000 < 0.9


def test_a_counter_that_leaves_the_site_document_is_still_counted_for_those_who_wait() -> None:
    office = busy()
    waiting = office.take()
    office.revise(counters=(Counter("1", "Quầy 1", "main", ("household",)),))
    assert office.minutes(waiting) == 10
    assert CLERKS["2"].name == office.day.counters["2"].clerk
    assert HOURS.week == office.site.hours.week


def test_the_measured_pace_of_a_service_is_known_to_those_who_offer_its_slots() -> None:
    pace = Pace({"household": Habit(cycle=4.0, calls=100.0, staff=2.0)})
    assert (pace.cycle("household"), pace.cycle("copies")) == (4.0, Habit().cycle)


def test_a_ticket_whose_call_was_taken_back_waits_on_and_is_not_learnt_from_twice() -> None:
    office = busy()
    first = office.take()
    office.next("2", finish=True)
    office.undo(first)
    learnt = office.pace.accuracy("household")
    office.wait(minutes=6).take("copies")
    office.wait(minutes=6).take()
    office.next("2")
    assert office.pace.accuracy("household") == learnt
