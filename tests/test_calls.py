"""Calls, sentence by sentence: who is called and why, who did not come, who came back, what is taken back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from office import CLERKS, HOLDER, MINUTE, SECOND, SUPERVISOR, Office, at, refused

from server.core import decide
from server.core import events as ev
from server.core.queue import Term
from server.core.ticket import State

# -- calling ---------------------------------------------------------------------------------------------------------------------


def test_a_counter_calls_the_earliest_queue_time_of_all_its_services() -> None:
    office = Office(clock="08:59", staffed="1")
    walk_in = office.take("household")
    office.wait(60)
    copies, older, booked = office.take("copies"), office.take("household", priority="older"), office.take("copies", slot=at("09:20"))
    called = []
    for _ in range(4):
        ticket = office.next(finish=bool(called))
        assert ticket is not None
        called.append(ticket)
    assert called == [older, booked, walk_in, copies]


def test_a_call_says_why_it_was_this_one_and_who_would_have_been_next() -> None:
    office = Office(clock="09:00", staffed="1")
    office.take()
    office.wait(60).take(priority="older")
    office.next()
    call = office.last()
    assert (call.ticket, call.counter, call.queue_time, call.term, call.in_order) == ("t2", "1", at("08:31"), Term.PRIORITY, True)
    assert (call.joined_at, call.site_version, call.reason) == (at("09:01"), 1, None)
    assert (call.runner_up, call.runner_up_queue_time) == ("A001", at("09:00"))


def test_the_last_of_the_line_has_no_runner_up() -> None:
    office = Office(staffed="1")
    office.take()
    office.next()
    assert (office.last().runner_up, office.last().runner_up_queue_time) == (None, None)


def test_when_nobody_waits_there_is_nobody_to_call() -> None:
    office = Office(staffed="2")
    office.take("copies")
    with refused("nobody_waiting", counter="2"):
        office.next("2")


def test_a_counter_that_has_somebody_does_not_call_another() -> None:
    office = Office(staffed="1")
    office.take(), office.take()
    office.next()
    with refused("counter_busy", counter="1", ticket="A001"):
        office.next()


@pytest.mark.parametrize("started", [False, True])
@pytest.mark.parametrize("outcome", [State.DONE, State.NO_SHOW])
def test_one_press_finishes_and_calls_the_next(started: bool, outcome: State) -> None:
    office = Office(staffed="1")
    first, second = office.take(), office.take()
    office.next()
    if started:
        office.start(first)
    assert office.next(finish=True, outcome=outcome) is second
    assert (first.state, second.state) == (outcome, State.CALLED)
    assert office.story[-2].at == office.story[-1].at


@pytest.mark.parametrize("outcome", [State.DONE, State.NO_SHOW])
def test_one_press_finishes_the_last_one_when_nobody_waits(outcome: State) -> None:
    office = Office(staffed="1")
    only = office.take()
    office.next()
    assert office.next(finish=True, outcome=outcome) is None
    assert only.state is outcome


def test_finish_and_next_at_an_empty_counter_just_calls() -> None:
    office = Office(staffed="1")
    only = office.take()
    assert office.next(finish=True) is only


def test_a_recall_says_how_often_and_moves_the_call_to_the_top_of_the_board() -> None:
    office = Office(staffed="12")
    first, second = office.take(), office.take()
    office.next("1"), office.next("2")
    assert list(office.day.calls) == [first.id, second.id]
    office.wait(40).recall(first)
    assert list(office.day.calls) == [second.id, first.id]
    row = office.day.calls[first.id]
    assert (row.call_no, row.seq, row.at, row.counter) == (2, office.day.seq, office.now, "1")
    assert (first.called_at, first.last_called_at, first.call_no) == (office.now - 40 * SECOND, office.now, 2)


def test_a_call_out_of_order_keeps_its_reason_and_is_marked() -> None:
    office = Office(staffed="1")
    first, second = office.take(), office.take()
    office.call(second, reason="đi cấp cứu")
    call = office.last()
    assert (call.in_order, call.reason, call.runner_up) == (False, "đi cấp cứu", first.code)
    assert second.state is State.CALLED


def test_calling_the_first_one_by_name_is_in_order() -> None:
    office = Office(staffed="1")
    first, second = office.take(), office.take()
    office.call(first)
    assert (office.last().in_order, office.last().runner_up) == (True, second.code)


def test_a_ticket_set_aside_is_called_out_of_order_by_any_counter_that_serves_it() -> None:
    office = Office(staffed="12")
    first, second = office.take(), office.take()
    office.next("1")
    office.hold(first)
    office.call(first, "2")
    assert (office.last().in_order, office.last().runner_up, first.counter) == (False, second.code, "2")
    assert not office.day.held


def test_a_counter_cannot_call_what_it_does_not_serve() -> None:
    office = Office(staffed="23")
    ticket = office.take("copies")
    with refused("not_served_here", counter="2", ticket="B001", counters=["1", "3"]):
        office.call(ticket, "2")
    office.transfer(ticket, by=CLERKS["3"], counter="4")
    with refused("not_served_here", counter="3", ticket="B001", counters=["4"]):
        office.call(ticket, "3")


def test_a_call_out_of_order_needs_a_free_open_counter_of_ones_own() -> None:
    office = Office(staffed="1")
    first, second = office.take(), office.take()
    with refused("counter_closed", counter="2", state="closed"):
        office.call(second, "2")
    with refused("counter_taken", counter="1", clerk="lan"):
        office.call(second, "1", by=CLERKS["2"])
    office.next()
    with refused("counter_busy", counter="1", ticket=first.code):
        office.call(second, "1")


# -- who is at the counter -----------------------------------------------------------------------------------------------------------


def test_a_service_has_a_beginning_and_an_end() -> None:
    office = Office(staffed="1")
    ticket = office.take()
    office.wait(minutes=3).next()
    office.wait(30).start(ticket)
    office.wait(minutes=5).finish(ticket)
    assert (ticket.called_at, ticket.started_at, ticket.ended_at) == (at("07:33"), at("07:33:30"), at("07:38:30"))
    assert not ticket.start_assumed
    assert office.day.at_counter("1") is None


@pytest.mark.parametrize(("after_s", "assumed"), [(59, False), (60, True), (600, True)])
def test_a_ticket_finished_without_start_a_minute_after_its_call_has_an_assumed_start(after_s: int, assumed: bool) -> None:
    office = Office(staffed="1")
    ticket = office.take()
    office.next()
    office.wait(minutes=2).recall(ticket)
    office.wait(after_s).finish(ticket)
    assert ticket.start_assumed is assumed
    assert ticket.started_at == (at("07:32:30") if assumed else None)
    office.undo(ticket)
    assert (ticket.start_assumed, ticket.started_at, ticket.ended_at) == (False, None, None)


def test_one_press_also_assumes_the_start() -> None:
    office = Office(staffed="1")
    ticket = office.take()
    office.next()
    office.wait(minutes=6).next(finish=True)
    assert (ticket.started_at, ticket.start_assumed) == (at("07:30:30"), True)


def test_a_clerk_does_not_reach_into_another_clerks_counter_but_a_supervisor_does() -> None:
    office = Office(staffed="12")
    ticket = office.take()
    office.next()
    for verb in (decide.recall, decide.start, decide.finish, decide.no_show, decide.hold, decide.undo):
        with refused("counter_taken", counter="1", clerk="lan"):
            office.press(verb, ticket, by=CLERKS["2"])
    office.start(ticket, by=SUPERVISOR)
    office.finish(ticket, by=SUPERVISOR)
    with refused("counter_taken", counter="1", clerk="lan"):
        office.undo(ticket, by=CLERKS["2"])
    assert ticket.state is State.DONE


def test_a_holder_who_cancels_while_called_frees_the_counter() -> None:
    office = Office(staffed="1")
    ticket = office.take()
    office.next()
    office.cancel(ticket, by=HOLDER)
    assert (ticket.state, ticket.ended_at, office.day.at_counter("1")) == (State.CANCELLED, office.now, None)
    follower = office.take()
    assert office.next() is follower


def test_a_holder_who_cancels_while_waiting_leaves_the_line() -> None:
    office = Office()
    first, second = office.take(), office.take()
    office.cancel(first)
    assert (office.order("2"), office.day.people_ahead(second)) == ([second.code], 0)


def test_a_ticket_set_aside_frees_the_counter_and_comes_back_to_its_old_place() -> None:
    office = Office(staffed="1")
    first, second, third = office.take(), office.take(), office.take()
    office.next()
    office.hold(first)
    assert (list(office.day.held), office.last().reason) == ([first.id], "thiếu bản sao")
    assert office.next() is second
    office.wait(minutes=20).release(first)
    assert (office.order("2"), office.day.held) == ([first.code, third.code], {})


# -- missed and back -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("recalls", "after_s", "early"),
    [(1, 180, False), (1, 179, True), (0, 600, True), (2, 181, False)],
)
def test_a_missed_call_is_marked_early_before_two_calls_and_three_minutes(recalls: int, after_s: int, early: bool) -> None:
    office = Office(staffed="1")
    ticket = office.take()
    office.next()
    for _ in range(recalls):
        office.wait(10).recall(ticket)
    office.wait(after_s - 10 * recalls).no_show(ticket)
    assert (ticket.missed_early, office.last().early) == (early, early)
    assert (ticket.state, ticket.missed_at, office.day.at_counter("1")) == (State.NO_SHOW, office.now, None)
    assert list(office.day.missed) == [ticket.id]


def test_the_minutes_of_a_missed_call_count_from_the_first_call_of_this_turn() -> None:
    office = Office(staffed="1")
    ticket = office.take()
    office.next()
    office.recall(ticket)
    office.wait(minutes=3).no_show(ticket)
    office.wait(minutes=1).rejoin(ticket)
    office.next()
    office.wait(minutes=2).recall(ticket)
    office.no_show(ticket)
    assert ticket.missed_early


def test_who_comes_back_joins_anew_close_behind_the_front() -> None:
    office = Office(staffed="12")
    missed = office.take()
    office.wait(minutes=5)
    others = [office.wait(minutes=1).take() for _ in range(20)]
    office.next()
    office.no_show(missed)
    office.at("07:58").rejoin(missed)
    assert (missed.queue_time, missed.term, missed.joined_at, missed.rejoins) == (at("07:48"), Term.REJOINED, at("07:58"), 1)
    assert (missed.step, missed.started_at, missed.ended_at) == (None, None, None)
    assert office.order("2") == [*(t.code for t in others[:13]), "A001", *(t.code for t in others[13:])]
    assert not office.day.missed


def test_who_comes_back_is_behind_whom_has_the_same_second() -> None:
    office = Office(staffed="1")
    missed = office.take()
    office.next()
    office.no_show(missed)
    other = office.wait(minutes=5).take()
    office.at("07:45").rejoin(missed)
    assert missed.queue_time == other.queue_time == at("07:35")
    assert office.order("1") == [other.code, missed.code]


def test_nobody_gains_by_coming_back_at_once() -> None:
    office = Office(staffed="1", clock="09:00")
    ticket = office.take()
    office.next()
    office.no_show(ticket)
    office.wait(1).rejoin(ticket)
    assert ticket.queue_time == at("09:00")


def test_one_may_come_back_twice_and_not_a_third_time() -> None:
    office = Office(staffed="1")
    ticket = office.take()
    for _ in range(2):
        office.next()
        office.no_show(ticket)
        office.wait(minutes=1).rejoin(ticket)
    office.next()
    office.no_show(ticket)
    with refused("rejoin_limit", ticket="A001", rejoins=2):
        office.rejoin(ticket)


@pytest.mark.parametrize(("after", "comes_back"), [(30 * MINUTE, True), (30 * MINUTE + SECOND, False)])
def test_one_may_come_back_within_half_an_hour(after: timedelta, comes_back: bool) -> None:
    office = Office(staffed="1")
    ticket = office.take()
    office.next()
    office.no_show(ticket)
    office.now += after
    if comes_back:
        office.rejoin(ticket)
        assert ticket.state is State.WAITING
    else:
        with refused("rejoin_too_late", ticket="A001", minutes=30):
            office.rejoin(ticket)


# -- taking back -----------------------------------------------------------------------------------------------------------------------


def test_a_call_taken_back_returns_the_ticket_to_its_place_and_takes_it_off_the_board() -> None:
    office = Office(staffed="1")
    first, second = office.take(), office.take()
    office.wait(minutes=1).next()
    office.wait(10).undo(first)
    assert (first.state, office.order("1"), office.day.calls) == (State.WAITING, [first.code, second.code], {})
    assert (first.counter, first.call, first.call_no, first.called_at, first.first_called_at) == (None, None, 0, None, None)
    assert office.next() is first


@pytest.mark.parametrize("step", ["next", "finish", "no_show"])
def test_ten_seconds_later_it_is_too_late_to_take_anything_back(step: str) -> None:
    office = Office(staffed="1")
    ticket = office.take()
    office.next()
    if step != "next":
        getattr(office, step)(ticket)
    office.wait(11)
    with refused("undo_too_late", ticket="A001", state=ticket.state.value, verb="undo"):
        office.undo(ticket)


def test_an_unheard_call_is_taken_back_in_silence_and_a_heard_one_with_a_correction_in_its_hall() -> None:
    office = Office(staffed="4")
    ticket = office.take("health")
    office.next("4")
    office.undo(ticket)
    assert office.last() == ev.StepUndone(ticket.id, heard=False, counter="4")
    office.next("4")
    office.hear()
    office.undo(ticket, by=CLERKS["4"])
    assert office.last() == ev.StepUndone(ticket.id, heard=True, counter="4")


def test_a_call_heard_before_its_recall_needs_a_correction_too() -> None:
    office = Office(staffed="1")
    ticket = office.take()
    office.next()
    office.hear()
    office.wait(5).recall(ticket)
    assert ticket.heard_at is None
    office.undo(ticket)
    assert office.last().heard is True


def test_what_was_heard_in_an_earlier_turn_needs_no_correction_in_this_one() -> None:
    office = Office(staffed="1")
    ticket = office.take()
    office.next()
    office.hear()
    office.start(ticket)
    office.hold(ticket)
    office.call(ticket)
    assert (ticket.heard_at, ticket.started_at) == (None, None)
    office.undo(ticket)
    assert office.last().heard is False


def test_the_news_that_a_call_was_heard_may_come_after_its_recall() -> None:
    office = Office(staffed="1")
    ticket = office.take()
    office.next()
    first_call = office.day.seq
    office.recall(ticket)
    assert office.do(decide.heard, call=first_call) == [ev.CallHeard(first_call)]
    assert ticket.heard_at is None
    assert office.hear() and ticket.heard_at == office.now
    assert office.do(decide.heard, call=first_call) == []


def test_a_finish_taken_back_heard_call_or_not_needs_no_correction() -> None:
    office = Office(staffed="1")
    ticket = office.take()
    office.next()
    office.hear()
    office.finish(ticket)
    office.undo(ticket)
    assert office.last().heard is False


def test_one_loudspeaker_is_enough_and_a_call_that_is_over_is_no_news() -> None:
    office = Office(staffed="1")
    ticket = office.take()
    assert office.do(decide.heard, call=99) == []
    office.next()
    assert office.hear() == [ev.CallHeard(office.day.seq - 1)]
    assert ticket.heard_at == office.now
    assert office.hear() == []
    office.undo(ticket)
    assert office.hear() == []
    office.next()
    old = office.day.seq
    office.no_show(ticket)
    assert office.do(decide.heard, call=old) == []
    office.wait(minutes=1).rejoin(ticket)
    office.next()
    assert office.do(decide.heard, call=old) == []
    assert office.hear() == [ev.CallHeard(office.day.seq - 1)]


def test_a_call_is_not_taken_back_once_the_service_has_begun() -> None:
    office = Office(staffed="1")
    ticket = office.take()
    office.next()
    office.start(ticket)
    with refused("not_allowed_now", state="serving", verb="undo"):
        office.undo(ticket)


@pytest.mark.parametrize("step", ["finish", "no_show"])
def test_a_step_is_not_taken_back_when_the_chair_is_taken(step: str) -> None:
    office = Office(staffed="1")
    first, second = office.take(), office.take()
    office.next()
    getattr(office, step)(first)
    office.next()
    with refused("counter_busy", counter="1", ticket=second.code):
        office.undo(first)


def test_a_step_is_not_taken_back_at_a_counter_that_has_closed() -> None:
    office = Office(staffed="1")
    ticket = office.take()
    office.next()
    office.finish(ticket)
    office.close("1")
    with refused("counter_closed", counter="1", state="closed"):
        office.undo(ticket)


def test_the_one_press_is_taken_back_in_two_steps() -> None:
    office = Office(staffed="1")
    first, second = office.take(), office.take()
    office.next()
    office.next(finish=True)
    office.undo(second)
    assert office.day.counters["1"].last_ticket == first.id, "the console offers the finish next"
    office.undo(first)
    assert (first.state, second.state, office.day.at_counter("1")) == (State.CALLED, State.WAITING, first)
    with refused("undo_too_late", state="called"):
        office.undo(first)


def test_a_missed_call_taken_back_leaves_no_mark_and_no_absence() -> None:
    office = Office(staffed="1")
    ticket = office.take()
    office.next()
    office.no_show(ticket)
    office.undo(ticket)
    assert (ticket.missed_at, ticket.missed_early, ticket.ended_at, office.day.missed) == (None, False, None, {})


def test_the_call_of_one_who_had_come_back_is_taken_back_to_the_place_of_the_return() -> None:
    office = Office(staffed="1")
    ticket, other = office.take(), office.take()
    office.next()
    office.no_show(ticket)
    office.finish(office.next() or other)
    office.wait(minutes=25).rejoin(ticket)
    office.next()
    office.undo(ticket)
    assert (ticket.state, ticket.queue_time, ticket.term, ticket.rejoins) == (State.WAITING, at("07:45"), Term.REJOINED, 1)
    assert ticket.first_called_at == at("07:30"), "the missed call stands"
    assert office.next() is ticket


def test_a_call_of_a_held_ticket_is_taken_back_to_the_held_ones() -> None:
    office = Office(staffed="12")
    ticket = office.take()
    office.next()
    office.hold(ticket)
    office.call(ticket, "2")
    office.undo(ticket)
    assert (ticket.state, list(office.day.held), office.order("1")) == (State.HELD, [ticket.id], [])


@pytest.mark.parametrize("moved", ["hold", "transfer"])
def test_after_setting_aside_or_sending_on_there_is_nothing_to_take_back(moved: str) -> None:
    office = Office(staffed="1")
    ticket = office.take()
    office.next()
    if moved == "hold":
        office.hold(ticket)
    else:
        office.transfer(ticket, service="copies")
    with refused("not_allowed_now", verb="undo"):
        office.undo(ticket)
    assert ticket.step is None


def test_a_call_of_a_ticket_sent_to_this_counter_is_taken_back_to_that_line() -> None:
    office = Office(staffed="12")
    ticket = office.take()
    office.transfer(ticket, counter="2")
    office.next("2")
    office.undo(ticket)
    assert (office.order("2"), office.order("1"), office.day.waiting("household")) == ([ticket.code], [], 1)
