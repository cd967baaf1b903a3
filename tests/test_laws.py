"""The laws of the queue, each held against random days (`histories`).

I1 to I5 are promises among tickets of one service that counts bookings by their slot, since each ticket's last joining, for calls in order,
and as seen from one counter: whom it may call. A ticket sent to another counter by name waits in that counter's line.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from histories import LAWS, SOAK, Called, History, Life, Person, a_history, a_service, histories, live, some_rules
from hypothesis import given
from hypothesis import strategies as st
from office import at, snapshot

from server.core import day as day_module
from server.core import decide, queue
from server.core import events as ev
from server.core.day import CounterState, Day, Ticket, fold
from server.core.queue import Booking, Place, Term, queue_time, rejoined_time
from server.core.refused import Refused
from server.core.report import report
from server.core.site import Counting, Rules
from server.core.ticket import AT_COUNTER, State, Verb

# -- the laws, as questions to a life ----------------------------------------------------------------------------------------------


def overtakings(life: Life) -> Iterator[tuple[Person, Person]]:
    """Who was called in order before whom, both waiting for the same service, counted by slot, in this counter's reach."""
    for call in life.witness.calls:
        if call.event.in_order and call.person.by_slot:
            for rival in call.rivals:
                if rival.service == call.person.service and rival.by_slot and (rival.e, rival.seq) < (call.person.e, call.person.seq):
                    yield call.person, rival


def law_1(life: Life) -> None:
    for joining in life.witness.joinings:
        if joining.person.by_slot:
            person, ticket = joining.person, life.office.day.tickets[joining.person.issued.ticket]
            assert person.e - life.rules[person.version].bound <= person.key <= person.e
            assert ticket.joined_at - life.rules[ticket.site_version].bound <= ticket.queue_time <= ticket.joined_at


def law_2(life: Life) -> None:
    for call in in_order_calls(life):
        assert all(call.person.place < rival.place for rival in call.rivals)


def law_3(life: Life) -> None:
    for overtaker, me in overtakings(life):
        assert overtaker.e - me.e <= life.rules[overtaker.version].bound


def law_4(life: Life) -> None:
    for overtaker, _ in overtakings(life):
        assert overtaker.term is not Term.WALK_IN


def law_5(life: Life) -> None:
    people = life.witness.people
    firsts: dict[str, Called] = {}
    for call in life.witness.calls:
        firsts.setdefault(call.event.ticket, call)
    lines: dict[str, list[Called]] = {}
    for ticket, call in firsts.items():
        if call.event.in_order and call.person.term is Term.WALK_IN and not people[ticket].transferred:
            lines.setdefault(call.person.service, []).append(call)
    for line in lines.values():
        for number, call in enumerate(line):
            # Who took a number where nobody could hear of it may have been passed until it was brought in, and not after.
            alone, joined = call.person.issued.provisional is not None, call.person.seq
            before = [c.person for c in line[:number] if not alone or c.entry.seq > joined]
            assert all((p.e, p.seq) < (call.person.e, joined) for p in before)


def law_8(life: Life) -> None:
    """Asked after each command: what would `call_next` say at every counter that is open and empty?"""
    for id, seat in life.office.day.counters.items():
        if seat.state is not CounterState.OPEN or seat.ticket:
            continue
        somebody = bool(life.witness.waiting_for(id))
        try:
            decide.call_next(life.office.day, life.office.now, counter=id, by=decide.By(seat.clerk or ""))
        except Refused as refusal:
            assert (refusal.code, somebody) == ("nobody_waiting", False)
        else:
            assert somebody


def places(day: Day) -> Iterator[tuple[str, State]]:
    """Where each ticket is found in the day's own books, and which state that place means."""
    for line in (*day.lines.values(), *day.directed.values()):
        yield from ((ticket.id, State.WAITING) for ticket in line)
    yield from ((id, State.HELD) for id in day.held)
    yield from ((id, State.NO_SHOW) for id in day.missed)
    yield from ((seat.ticket, day.tickets[seat.ticket].state) for seat in day.counters.values() if seat.ticket)


def law_9(life: Life) -> None:
    """Asked after each command: one state, one place."""
    day = life.office.day
    found = Tally(places(day))
    placed = {State.WAITING, State.HELD, State.NO_SHOW, *AT_COUNTER}
    assert found == Tally({(t.id, t.state): 1 for t in day.tickets.values() if t.state in placed})
    assert {id: p.state for id, p in life.witness.people.items()} == {id: t.state for id, t in day.tickets.items()}


def law_9_at_the_end(life: Life) -> None:
    story = life.office.story
    assert [entry.seq for entry in story] == list(range(1, len(story) + 1))
    assert all(earlier.at <= later.at for earlier, later in pairwise(story))
    for press in life.presses:
        called = [event.ticket for event in press if isinstance(event, ev.TicketCalled)]
        assert len(called) <= 1
    for ticket in life.office.day.tickets.values():
        times = [ticket.issued_at, ticket.called_at, ticket.started_at]
        if ticket.state in (State.DONE, State.NO_SHOW):
            times.append(ticket.ended_at)
        known = [t for t in times if t is not None]
        assert known == sorted(known)
        assert ticket.issued_at <= ticket.joined_at


def law_10(life: Life) -> None:
    numbers = report(life.office.day, life.office.story)
    assert numbers.issued == sum(isinstance(entry.event, ev.TicketIssued) for entry in life.office.story)
    assert numbers.issued == sum(numbers.states.values())
    assert {s: n for s, n in numbers.states.items() if n} == Tally(p.state for p in life.witness.people.values())
    assert all(s.issued == sum(s.states.values()) for s in numbers.services)
    assert numbers.issued == sum(s.issued for s in numbers.services) == sum(c.issued for c in numbers.classes)
    assert numbers.calls == sum(c.calls for c in numbers.counters) == sum(s.calls for s in numbers.services)
    assert numbers.calls == len(life.witness.calls) - numbers.undone[Verb.CALL]
    # Whoever is done was finished once, and every missed call stands but for those who came back.
    assert numbers.served == numbers.waits.n == numbers.states[State.DONE]
    assert numbers.missed == numbers.states[State.NO_SHOW] + numbers.rejoins


def law_11(life: Life) -> None:
    codes = [t.code for t in life.office.day.tickets.values()]
    assert len(set(codes)) == len(codes) == len(life.office.day.by_code)
    assert codes == [p.code for p in life.witness.people.values()]


def law_12(life: Life) -> None:
    assert snapshot(life.office.replayed()) == snapshot(life.office.day)


def recomputed(life: Life, ticket: str, upto: int) -> tuple[Any, Term, int]:
    """Queue time, term and site version of a ticket from what the story stores of it, before event number `upto`."""
    counted: tuple[Any, Term, int] | None = None
    version = 0
    for entry in life.office.story[: upto - 1]:
        event = entry.event
        if isinstance(event, ev.DayOpened | ev.SiteRevised):
            version = event.site_version
        elif isinstance(event, ev.TicketIssued) and event.ticket == ticket:
            by = version if event.provisional is None else event.provisional
            site = life.office.sites[by]
            day = site.business_day(event.issued_at)
            key, term = queue_time(
                site.rules,
                event.issued_at,
                priority=event.priority,
                booking=Booking(event.slot, event.registered) if event.slot or event.registered else None,
                counting=a_service(life.office.sites, event.service).counting,
                opening=site.at(day, site.hours.spans(day)[0].start),
            )
            counted = key, term, by
            assert (event.queue_time, event.term) == (key, term)
        elif isinstance(event, ev.TicketRejoined) and event.ticket == ticket:
            assert counted is not None
            key, term = rejoined_time(life.office.sites[version].rules, counted[0], event.joined_at)
            counted = key, term, version
            assert event.queue_time == key
    assert counted is not None
    return counted


def law_13(life: Life) -> None:
    for call in life.witness.calls:
        event = call.event
        assert (event.queue_time, event.term, event.site_version) == recomputed(life, event.ticket, call.entry.seq)
        # and by the formula written down a second time
        assert (event.queue_time, event.term, event.joined_at) == (call.person.key, call.person.term, call.person.e)
        first = min(call.rivals, key=lambda p: p.place, default=None)
        assert (event.runner_up, event.runner_up_queue_time) == ((first.code, first.key) if first else (None, None))


def in_order_calls(life: Life) -> list[Called]:
    return [call for call in life.witness.calls if call.event.in_order]


def law_14(life: Life) -> None:
    """Asked after each command: the engine's whole order is the witness's, at every counter and for every ticket."""
    day, witness = life.office.day, life.witness
    for counter in day.counters:
        expected = witness.waiting_for(counter)
        assert [t.id for t in decide.in_order(day.lines_of(counter))] == [p.issued.ticket for p in expected]
    waiting = [p for p in witness.people.values() if p.state is State.WAITING]
    assert {s: day.waiting(s) for s in day.services} == {s: sum(p.service == s for p in waiting) for s in day.services}
    for person in waiting:
        ahead = sum(p.service == person.service and p.place < person.place for p in waiting)
        assert day.people_ahead(day.tickets[person.issued.ticket]) == ahead


def law_14_at_the_end(life: Life) -> None:
    """Every press called whom the witness had first; only calls by name went past somebody, and they are marked."""
    for call in life.witness.calls:
        first = min([call.person, *call.rivals], key=lambda p: p.place)
        assert call.event.in_order == (call.person.state is State.WAITING and first is call.person)
        assert call.event.in_order or call.event.reason


def law_15(life: Life) -> None:
    """Asked after each command."""
    there = [p.counter for p in life.witness.people.values() if p.state in AT_COUNTER]
    assert len(there) == len(set(there))
    for id in life.office.day.counters:
        ticket = life.office.day.at_counter(id)
        assert (ticket is not None) == (id in there)
        assert ticket is None or (ticket.counter == id and ticket.state in AT_COUNTER)


# -- the laws, as tests ------------------------------------------------------------------------------------------------------------


@LAWS
@given(histories)
def test_I1_the_queue_time_lies_within_the_bound_before_the_joining(history: History) -> None:
    """I1 `e - H* <= key <= e`."""
    law_1(live(history))


@LAWS
@given(histories)
def test_I2_nobody_with_an_earlier_place_is_passed_over(history: History) -> None:
    """I2 at each call no eligible waiting ticket has a smaller `(key, seq)`."""
    law_2(live(history))


@LAWS
@given(histories)
def test_I3_who_overtakes_me_came_at_most_the_bound_after_me(history: History) -> None:
    """I3 who overtakes me checked in at most `H*` after me."""
    law_3(live(history))


@LAWS
@given(histories)
def test_I4_a_regular_walk_in_overtakes_nobody(history: History) -> None:
    """I4 a regular walk-in overtakes nobody."""
    law_4(live(history))


@LAWS
@given(histories)
def test_I5_regular_walk_ins_are_called_first_in_first_out(history: History) -> None:
    """I5 first-in first-out among regular walk-ins of a service."""
    law_5(live(history))


moments = st.integers(0, 8 * 3600).map(lambda s: at("08:00") + timedelta(seconds=s))
bookings = st.builds(Booking, slot=moments) | st.builds(Booking, registered=moments) | st.builds(Booking, slot=moments, registered=moments)


@LAWS
@given(some_rules(), moments, st.booleans(), bookings, st.sampled_from(Counting))
def test_I6_a_booking_is_never_worse_than_walking_in(rules: Rules, e: Any, priority: bool, booking: Booking, counting: Counting) -> None:
    """I6 a booking is never worse than walking in at the same moment."""
    booked = queue_time(rules, e, priority=priority, booking=booking, counting=counting, opening=at("08:00"))
    assert booked.at <= queue_time(rules, e, priority=priority).at <= e


@LAWS
@given(some_rules(), moments, moments, st.booleans(), bookings | st.none(), st.sampled_from(Counting))
def test_I7_who_comes_earlier_is_never_counted_later(
    rules: Rules, one: Any, other: Any, priority: bool, booking: Booking | None, counting: Counting
) -> None:
    """I7 the key does not decrease with the check-in time for the same class and slot."""
    earlier, later = (
        queue_time(rules, e, priority=priority, booking=booking, counting=counting, opening=at("08:00")).at for e in sorted((one, other))
    )
    assert earlier <= later


@LAWS
@given(histories)
def test_I8_no_idle_counter_is_refused_while_somebody_waits_for_it(history: History) -> None:
    """I8 work-conserving: no idle eligible counter pressing next is refused while an eligible ticket waits."""
    live(history, law_8)


@LAWS
@given(histories)
def test_I9_each_ticket_is_in_one_state_and_place_and_its_times_go_forward(history: History) -> None:
    """I9 each ticket is in exactly one state, called at most once per press, times do not decrease."""
    law_9_at_the_end(live(history, law_9))


@LAWS
@given(histories)
def test_I10_the_numbers_given_are_the_sum_over_the_states(history: History) -> None:
    """I10 issued = sum over states."""
    law_10(live(history))


@LAWS
@given(histories)
def test_I11_no_code_is_given_twice(history: History) -> None:
    """I11 codes are unique per site, day and series, never reused (after A999 comes A1000)."""
    law_11(live(history))


@LAWS
@given(histories)
def test_I12_the_story_told_again_is_the_same_day(history: History) -> None:
    """I12 replaying the story from empty gives the same day."""
    law_12(live(history))


@LAWS
@given(histories)
def test_I13_the_explanation_can_be_recomputed_from_what_is_stored(history: History) -> None:
    """I13 the explanation recomputed from stored fields equals the stored key."""
    law_13(live(history))


@LAWS
@given(histories)
def test_I14_the_engine_equals_sorting_everybody_by_hand(history: History) -> None:
    """I14 the engine equals a brute-force oracle (sort all waiting by key) on random histories."""
    law_14_at_the_end(live(history, law_14))


@LAWS
@given(histories)
def test_I15_there_is_one_citizen_at_a_counter(history: History) -> None:
    """I15 one citizen per counter."""
    live(history, law_15)


# -- long days ---------------------------------------------------------------------------------------------------------------------

AT_THE_END = (law_1, law_2, law_3, law_4, law_5, law_9_at_the_end, law_10, law_11, law_12, law_13, law_14_at_the_end)
AFTER_EACH = (law_8, law_9, law_14, law_15)


@pytest.mark.parametrize("seed", range(200 if SOAK else 3))
def test_all_laws_hold_on_a_long_and_crowded_day(seed: int) -> None:
    asked = 0

    def now_and_then(life: Life) -> None:
        nonlocal asked
        asked += 1
        if asked % 50 == 0:
            for law in AFTER_EACH:
                law(life)

    life = live(a_history(seed, length=900, crowd=12), now_and_then)
    assert len(life.office.day.tickets) > 100
    for law in AT_THE_END:
        law(life)


def test_the_random_days_are_worth_living() -> None:
    """A law that nothing could break holds for nothing: every event and every refusal that a day can bring is met, and overtaking too."""
    lives = [live(a_history(seed)) for seed in range(100)]
    # Who adds an event says here that it moves nobody, or gives the random days a command for it.
    moves_nobody = {ev.NoticeSet, ev.NoticeSpoken, ev.DayClosed, ev.TicketReprinted, ev.PrinterTested}
    moves_nobody |= {ev.CheckupBegun, ev.HallTested}
    # A place in a slot is none in the queue; `test_bookings` holds its check-in to the same formula.
    moves_nobody |= {
        ev.AppointmentBooked,
        ev.AppointmentMoved,
        ev.AppointmentCancelled,
        ev.SlotsClosed,
        ev.SlotsReopened,
        ev.PlaceAwaited,
        ev.PlaceOffered,
        ev.PlaceForgone,
    }
    assert {type(entry.event) for life in lives for entry in life.office.story} >= set(ev.KINDS.values()) - moves_nobody
    met = {code for life in lives for code in life.refusals}
    assert met >= {
        "not_allowed_now",
        "counter_taken",
        "counter_closed",
        "counter_busy",
        "nobody_waiting",
        "not_served_here",
        "undo_too_late",
        "rejoin_too_late",
        "service_stopped",
        "after_last_ticket",
        "unknown_service",
        "unknown_counter",
    }
    assert sum(1 for life in lives for _ in overtakings(life)) > 100
    assert {call.person.term for life in lives for call in life.witness.calls} == set(Term)
    assert sum(call.event.runner_up is not None for life in lives for call in life.witness.calls) > 200


# -- the laws can be broken ----------------------------------------------------------------------------------------------------------


def noticed_by(laws: Iterable[Callable[[Life], None]], watched: Callable[[Life], None] = lambda life: None) -> set[str]:
    """Which laws speak up on forty plain random days."""
    named = {law.__name__: law for law in laws}
    spoke: set[str] = set()
    for seed in range(40):
        life = live(a_history(seed))
        for name, law in named.items():
            try:
                law(life)
            except AssertionError:
                spoke.add(name)
    return spoke


def test_a_sound_engine_breaks_no_law() -> None:
    assert noticed_by((*AT_THE_END, law_14)) == set()


def test_a_line_that_calls_the_last_comer_first_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue.Line, "__iter__", lambda line: reversed(line._in_order))
    assert noticed_by(AT_THE_END) >= {"law_2", "law_4", "law_5", "law_14_at_the_end"}
    with pytest.raises(AssertionError):
        live(a_history(0), law_14)


def test_an_engine_that_skips_the_head_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    true_order = queue.in_order

    def without_the_first(lines: Any) -> Iterator[Ticket]:
        everybody = list(true_order(lines))
        return iter(everybody[1:] or everybody)

    monkeypatch.setattr(decide, "in_order", without_the_first)
    assert noticed_by(AT_THE_END) >= {"law_2", "law_4", "law_5", "law_14_at_the_end"}
    with pytest.raises(AssertionError):
        live(a_history(0), law_14)


def test_a_grace_that_never_ends_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def always_on_time(rules: Rules, entered: Any, *, booking: Booking | None = None, **more: Any) -> queue.QueueTime:
        if booking and booking.slot:
            return queue.QueueTime(min(entered, booking.slot - rules.appointment_head), Term.SLOT)
        return queue_time(rules, entered, booking=booking, **more)

    monkeypatch.setattr(decide, "queue_time", always_on_time)
    assert noticed_by(AT_THE_END) >= {"law_1", "law_3", "law_13"}


def test_one_who_comes_back_to_the_old_place_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decide, "rejoined_time", lambda rules, before, now: queue.QueueTime(before, Term.REJOINED))
    assert noticed_by(AT_THE_END) >= {"law_1", "law_13"}


def test_an_undone_call_that_loses_its_place_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = day_module._EVOLVE[ev.StepUndone]

    def to_the_end(day: Day, entry: ev.Entry, event: ev.StepUndone) -> None:
        day.tickets[event.ticket].place = Place(entry.at, entry.seq)
        sound(day, entry, event)

    monkeypatch.setitem(day_module._EVOLVE, ev.StepUndone, to_the_end)
    assert noticed_by(AT_THE_END) >= {"law_13", "law_14_at_the_end"}


def test_a_series_that_begins_again_after_999_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(day_module, "code_of", lambda letter, number: f"{letter}{number % 1000:03d}")
    with pytest.raises(AssertionError):
        law_11(live(a_history(1)._replace(first_number=998)))


def test_a_secret_that_is_not_in_the_story_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    sound, heard_of = day_module._EVOLVE[ev.TicketCalled], []

    def counting(day: Day, entry: ev.Entry, event: ev.TicketCalled) -> None:
        sound(day, entry, event)
        heard_of.append(entry)
        day.tickets[event.ticket].call_no = len(heard_of)

    monkeypatch.setitem(day_module._EVOLVE, ev.TicketCalled, counting)
    assert noticed_by((law_12,)) == {"law_12"}


def test_replaying_half_a_story_gives_the_day_as_it_was_then() -> None:
    days: list[tuple[int, Any]] = []
    life = live(a_history(7), lambda life: days.append((life.office.day.seq, snapshot(life.office.day))))
    for seq, then in days[:: len(days) // 8]:
        whole = fold(life.office.sites[1], life.office.day.date, life.office.story[:seq], life.office.sites.__getitem__)
        assert snapshot(whole) == then
