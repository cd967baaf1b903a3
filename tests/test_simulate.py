"""Days that did not happen: invented people, counters at work, what it was like, and stored days lived through again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

import pytest
from invented import OPENS, InventedDay, by_hand, calls, invented_day
from office import HOUR, MINUTE, SUPERVISOR, Office, at, small_site

from server.core import decide
from server.core import events as ev
from server.core.crowd import Crowd, Part, Shape, duties, moments, people, pooled, service_time
from server.core.day import fold
from server.core.outcome import Outcome, Waits
from server.core.replay import UNKNOWN, recast
from server.core.simulate import FIRST_COME, STRICT, Duty, Person, Stay, live, unlimited
from server.core.site import Rules
from server.core.ticket import Verb
from server.core.turns import told

SITE = unlimited(small_site(), 8 * HOUR)
ONE = pooled(SITE, 1)
ALWAYS = [Duty("1", OPENS)]


def person(clock: str, minutes: float = 5, service: str = "household", **more: object) -> Person:
    return Person(at(clock), service, (Stay(minutes * MINUTE),), **more)  # type: ignore[arg-type]


def called(story: list[ev.Entry]) -> list[tuple[str, str]]:
    return [(f"{when:%H:%M}", ticket) for when, _, ticket in calls(story)]


def outcome(*stories: list[ev.Entry]) -> Outcome:
    found = Outcome()
    for story in stories:
        found.add(story)
    return found


# -- living ------------------------------------------------------------------------------------------------------------------------


def test_a_small_morning_goes_as_it_would_at_the_counter() -> None:
    crowd = [person("08:00"), person("08:01"), person("08:02", priority=True), person("08:03", slot=at("08:30"))]
    story = list(live(ONE, crowd, ALWAYS))
    # Counted from 08:00, 08:01, 07:32 and 08:00; the first is called before the others have come.
    assert called(story) == [("08:00", "t0"), ("08:05", "t2"), ("08:10", "t3"), ("08:15", "t1")]
    assert isinstance(story[-1].event, ev.DayClosed) and [entry.seq for entry in story] == list(range(1, len(story) + 1))
    first_come = list(live(replace(ONE, rules=FIRST_COME), crowd, ALWAYS))
    assert [ticket for _, ticket in called(first_come)] == ["t0", "t1", "t2", "t3"]


def test_strict_priority_passes_by_whoever_has_waited_for_hours() -> None:
    crowd = [person("08:00", 200), person("08:01"), person("11:00", priority=True), person("11:10", slot=at("09:00"))]
    assert [t for _, t in called(list(live(replace(ONE, rules=STRICT), crowd, ALWAYS)))] == ["t0", "t2", "t3", "t1"]
    assert [t for _, t in called(list(live(ONE, crowd, ALWAYS)))] == ["t0", "t1", "t2", "t3"]


def test_the_clerk_who_has_been_free_longest_calls_and_a_closing_counter_serves_whoever_is_there() -> None:
    two = pooled(SITE, 2)
    work = [Duty("1", at("08:02"), at("08:11")), Duty("2", at("08:00"), at("08:40"))]
    crowd = [person("08:05"), person("08:06", 10), person("08:12"), person("08:30"), person("09:00")]
    story = list(live(two, crowd, work))
    assert [(f"{w:%H:%M}", c, t) for w, c, t in calls(story)] == [
        ("08:05", "2", "t0"),
        ("08:06", "1", "t1"),
        ("08:12", "2", "t2"),
        ("08:30", "2", "t3"),
    ]
    closed = {e.event.counter: f"{e.at:%H:%M}" for e in story if isinstance(e.event, ev.CounterClosed)}
    assert closed == {"1": "08:16", "2": "08:40"}
    assert outcome(story).unserved == 1, "who comes when everybody has gone home waits for nothing"


def test_a_counter_that_begins_to_serve_something_else_calls_whoever_waits_for_it() -> None:
    crowd = [person("08:01", service="health")]
    work = [Duty("1", OPENS, services=("household",)), Duty("1", at("08:20"), services=("health",))]
    assert called(list(live(ONE, crowd, work))) == [("08:20", "t0")]


@pytest.mark.parametrize("batch", range(4))
def test_random_days_are_what_sorting_everybody_by_hand_makes_of_them(batch: int) -> None:
    """Two thousand of them: `test_simulate_theory`."""
    for seed in range(batch * 25, batch * 25 + 25):
        day = invented_day(seed)
        assert calls(day.story()) == by_hand(day), seed


# -- the people --------------------------------------------------------------------------------------------------------------------


def drawn(crowd: Crowd, seed: int = 1, rate: float = 60) -> list[Person]:
    rng = Random(seed)
    planned = [(when, None) for when in moments([Part(4 * HOUR, rate)], rng)]
    return people(crowd, SITE, OPENS, planned, rng)


def test_people_come_at_the_rate_of_each_part() -> None:
    parts = [Part(HOUR, 100), Part(HOUR, 0), Part(2 * HOUR, 50)]
    counts = [0, 0, 0, 0]
    for seed in range(100):
        for when in moments(parts, Random(seed)):
            counts[when // HOUR] += 1
    assert counts[1] == 0
    for count, expected in zip([counts[0], *counts[2:]], (10_000, 5_000, 5_000), strict=True):
        assert abs(count - expected) < 4 * expected**0.5
    assert list(moments([], Random(1))) == []


@pytest.mark.parametrize(("shape", "cv"), [(Shape.LOGNORMAL, 0.8), (Shape.EXPONENTIAL, 1.0)])
def test_service_times_have_their_mean_and_spread(shape: Shape, cv: float) -> None:
    rng, crowd = Random(1), Crowd(shape=shape)
    minutes = [service_time(crowd, rng) / MINUTE for _ in range(20_000)]
    mean = sum(minutes) / len(minutes)
    spread = (sum((m - mean) ** 2 for m in minutes) / len(minutes)) ** 0.5
    assert mean == pytest.approx(6, rel=0.03) and spread / mean == pytest.approx(cv, rel=0.06)


def test_the_shares_are_those_of_the_people() -> None:
    crowd = [p for seed in range(20) for p in drawn(Crowd(), seed)]
    booked = [p for p in crowd if p.slot]
    planned = 20 * 240
    assert len(booked) == pytest.approx(planned * 0.3 * 0.85, rel=0.1) and len(crowd) - len(booked) == pytest.approx(
        planned * 0.7, rel=0.05
    )
    assert sum(p.priority for p in crowd) == pytest.approx(planned * 0.07, rel=0.15) and not any(p.priority for p in booked)
    late = [p for p in booked if p.slot and p.at - p.slot > 10 * MINUTE]
    assert 0.04 < len(late) / len(booked) < 0.12
    assert all(p.slot is not None and (p.slot - OPENS) % (5 * MINUTE) == timedelta() for p in booked)
    assert all(p.at >= OPENS for p in crowd) and [p.at for p in drawn(Crowd())] == sorted(p.at for p in drawn(Crowd()))
    # Every counter divides its time evenly: 1.5, 1, 1 and 0.5 counters.
    assert sum(p.service == "household" for p in crowd) / len(crowd) == pytest.approx(1.5 / 4, abs=0.03)


def test_changing_one_share_changes_nobody_else() -> None:
    plain, more = drawn(Crowd()), drawn(Crowd(priority=0.5))
    assert drawn(Crowd()) == plain != more
    assert [replace(p, priority=False) for p in plain] == [replace(p, priority=False) for p in more]
    nobody_booked = {p.stays for p in drawn(Crowd(booked=0))}
    assert {p.stays for p in plain} < nobody_booked, "who had stayed away comes, and nobody's business takes another time"


def test_some_miss_their_call_and_half_of_them_come_back() -> None:
    crowd = drawn(Crowd(absent=0.5), rate=200)
    missing = [p for p in crowd if len(p.stays) == 2]
    assert len(missing) / len(crowd) == pytest.approx(0.5, abs=0.06)
    assert all(p.stays[0].ends is Verb.NO_SHOW and p.stays[0].takes == SITE.rules.no_show_after for p in missing)
    assert sum(p.stays[0].back is not None for p in missing) / len(missing) == pytest.approx(0.5, abs=0.08)


def test_a_recorded_arrival_keeps_its_service() -> None:
    assert [p.service for p in people(Crowd(booked=0), SITE, OPENS, [(MINUTE, "health"), (2 * MINUTE, "land")], Random(1))] == [
        "health",
        "land",
    ]


def test_a_plan_puts_counters_to_work_and_to_lunch() -> None:
    def clocks(plan: list[int]) -> list[tuple[str, str, str | None]]:
        found = duties(pooled(SITE, 3), OPENS, 4 * HOUR, plan)
        return [(d.counter, f"{d.start:%H:%M}", f"{d.end:%H:%M}" if d.end else None) for d in found]

    assert clocks([2]) == [("1", "08:00", None), ("2", "08:00", None)]
    assert clocks([2, 3, 0, 1]) == [
        *[("1", "08:00", "10:00"), ("1", "11:00", None)],
        *[("2", "08:00", "10:00"), ("3", "09:00", "10:00")],
    ]


# -- what it was like --------------------------------------------------------------------------------------------------------------


def test_waits_are_counted_by_class() -> None:
    crowd = [person("08:00", 10), person("08:00", 10), person("08:04", priority=True), person("08:06", slot=at("08:10"))]
    found = outcome(list(live(ONE, crowd, ALWAYS)))
    # The priority ticket counts from 07:34, the booking from 07:40.
    assert found.waits == {"walk_in": [0, 20], "priority": [6], "booked": [9]}
    assert found.waits_of("walk_in") == Waits(2, 10, 20, 20) and found.waits_of().n == 4 and found.waits_of("booked").mean == 9
    assert Outcome().waits_of("walk_in") == Waits(0, None, None, None)


def test_near_the_slot_is_within_ten_minutes_of_those_who_were_there_in_time() -> None:
    crowd = [
        person("08:00", 20),
        person("08:05", 5, slot=at("08:10")),
        person("08:06", 5, slot=at("08:10")),
        person("08:12", 5, slot=at("08:10")),
        person("09:50", 5, slot=at("09:55")),
    ]
    found = outcome(list(live(ONE, crowd, [Duty("1", OPENS, at("09:00"))])))
    # Begun at 08:20, 08:25 and never; the one who came at 08:12 was not there by the slot.
    assert (found.near_slot, found.punctual, found.unserved) == (1, 3, 1)
    assert found.near_slot_share == pytest.approx(1 / 3) and Outcome().near_slot_share is None


def test_who_came_later_and_went_first_has_overtaken() -> None:
    crowd = [person("08:00", 30), person("08:01"), person("08:02"), person("08:20", priority=True), person("08:25", slot=at("08:20"))]
    found = outcome(list(live(ONE, crowd, ALWAYS)))
    assert (found.overtaken, found.latest) == (2, 24 * MINUTE)
    assert outcome(list(live(replace(ONE, rules=FIRST_COME), crowd, ALWAYS))).overtaken == 0


def test_who_is_sent_on_is_not_overtaken_before_standing_in_that_line_and_calls_by_name_do_not_count() -> None:
    moved = Person(at("08:00"), "land", (Stay(30 * MINUTE, Verb.TRANSFER, service="household"), Stay(MINUTE)))
    two = [Duty("1", OPENS), Duty("4", OPENS)]
    crowd = [moved, person("08:05"), person("08:10"), person("08:25", 20), person("08:29", 20)]
    found = outcome(list(live(replace(SITE, rules=FIRST_COME), crowd, two)))
    assert found.overtaken == 0

    office = Office(clock="08:00", staffed="12")
    first, second = office.take(), office.wait(minutes=1).take()
    office.wait(minutes=1).call(second)
    office.next("2")
    assert first.counter == "2" and outcome(office.story).overtaken == 0


# -- a stored day again ------------------------------------------------------------------------------------------------------------


def again(office: Office) -> list[ev.Entry]:
    cast = recast(office.day, office.story)
    return list(live(cast.site, cast.people, cast.duties))


@pytest.mark.parametrize("batch", range(3))
def test_a_story_recast_and_lived_again_is_the_same_story(batch: int) -> None:
    for seed in range(batch * 20, batch * 20 + 20):
        day = invented_day(seed)
        brisk = [replace(p, stays=tuple(replace(stay, rest=timedelta()) for stay in p.stays)) for p in day.people]
        last = {duty.counter: duty for duty in day.duties}
        stay_on = [replace(duty, end=None) if duty is last[duty.counter] else duty for duty in day.duties]
        story = InventedDay(day.site, brisk, stay_on).story()
        cast = recast(fold(day.site, OPENS.date(), story), story)
        assert calls(list(live(cast.site, cast.people, cast.duties))) == calls(story), seed


def test_a_day_with_pauses_undone_steps_and_calls_by_name_can_be_recast() -> None:
    office = Office(clock="08:00", staffed="1")
    office.open("1", by=SUPERVISOR)
    by = SUPERVISOR
    a, b, c = (office.take() for _ in range(3))
    gone, waiting = office.take(), office.take()
    office.next("1", by=by)
    office.press(decide.undo, a, by)
    office.next("1", by=by)
    office.start(a, by)
    office.wait(minutes=6).finish(a, by)
    # The clerk rests for two minutes, and then calls somebody by name who goes home from the counter.
    office.wait(minutes=2).call(c, by=by)
    office.wait(minutes=1).cancel(c)
    office.pause("1", by=by)
    office.wait(minutes=30).resume("1", by=by)
    office.next("1", by=by)
    office.wait(minutes=3).hold(b, by)
    office.cancel(gone)
    office.wait(minutes=1).call(b, by=by)
    office.wait(minutes=4).finish(b, by)
    # Lunch, with the counter left open.
    office.wait(minutes=90).next("1", by=by)
    office.wait(minutes=7)
    cast = recast(office.day, office.story)
    assert [d.counter for d in cast.duties] == ["1"] * 3
    assert [(f"{d.start:%H:%M}", f"{d.end:%H:%M}" if d.end else None) for d in cast.duties] == [
        *[("08:00", "08:09"), ("08:39", "08:47"), ("10:17", None)],
    ]
    stays = [[(s.takes / MINUTE, s.ends.value, s.rest / MINUTE) for s in p.stays] for p in cast.people]
    assert stays[0] == [(6, "finish", 2)]
    assert stays[1] == [(3, "hold", 1), (4, "finish", 0)], "called from where it was held"
    assert stays[2] == [(1, "no-show", 0)]
    assert cast.people[3].leaves == at("08:42") and cast.people[2].leaves is None
    # Whoever was never served, or not to the end, needs the middle time.
    assert stays[3] == stays[4] == [(6, "finish", 0)]
    assert office.day.tickets[waiting.id].counter == "1"
    assert "t1" in {t for _, t in called(list(live(cast.site, cast.people, cast.duties)))}


def test_who_was_sent_on_and_never_called_there_is_sent_on_again() -> None:
    office = Office(clock="08:00", staffed="1")
    ticket = office.take()
    office.next("1")
    office.wait(minutes=1).take()
    office.wait(minutes=1).transfer(ticket, counter="4")
    cast = recast(office.day, office.story)
    assert cast.people[0].stays == (Stay(2 * MINUTE, Verb.TRANSFER, service="household", counter="4"), Stay(UNKNOWN))
    assert told(again(office)).visits["t1"].wait == MINUTE, "after the first has been sent on"


def test_a_counter_that_was_given_other_services_serves_them_from_that_moment() -> None:
    office = Office(clock="08:00", staffed="1")
    office.take("land")
    office.wait(minutes=10).do(decide.assign_counter, counter="1", services=("land",))
    office.next("1")
    office.wait(minutes=5).press(decide.finish, office.day.tickets["t1"])
    office.wait(minutes=1).pause("1")
    office.close("1")
    cast = recast(office.day, office.story)
    assert [(f"{d.start:%H:%M}", d.end and f"{d.end:%H:%M}", d.services) for d in cast.duties] == [
        ("08:00", "08:10", ("household", "copies")),
        ("08:10", None, ("land",)),
    ]
    assert calls(again(office)) == [(at("08:10"), "1", "t0")]


def test_a_day_under_another_rule_and_with_more_or_fewer_counters() -> None:
    office = Office(clock="08:00", staffed="12")
    for minute in range(6):
        office.at(f"08:0{minute}").take(priority="older" if minute == 5 else None)
    clock = datetime(2026, 11, 20, 8, 6, tzinfo=office.now.tzinfo)
    for _ in range(3):
        office.at(f"{clock:%H:%M}").next("1")
        office.next("2")
        clock += 10 * MINUTE
        office.at(f"{clock:%H:%M}")
        for counter in "12":
            there = office.day.at_counter(counter)
            assert there is not None
            office.finish(there)
    office.close("2")
    cast = recast(office.day, office.story)

    def waited(cast: object) -> list[int]:
        story = list(live(cast.site, cast.people, cast.duties))  # type: ignore[attr-defined]
        return [int(v.wait / MINUTE) for v in told(story).visits.values() if v.wait is not None]

    office_waits = [int(v.wait / MINUTE) for v in told(office.story).visits.values() if v.wait is not None]
    assert office_waits == [6, 15, 14, 23, 22, 1]
    assert waited(cast) == office_waits
    assert waited(cast.under(Rules(priority_head=timedelta()))) == [6, 5, 14, 13, 22, 21]
    more = cast.with_counters(1)
    assert [c.id for c in more.site.counters][-1] == "+1" and sum(waited(more)) < sum(waited(cast))
    fewer = cast.with_counters(-1)
    assert {d.counter for d in fewer.duties} == {"1"} and sum(waited(fewer)) > sum(waited(cast))
    with pytest.raises(ValueError, match="2"):
        cast.with_counters(-2)


def test_a_day_without_people_or_counters_cannot_be_lived_again() -> None:
    for office in (Office(clock="08:00", staffed="1"), Office(clock="08:00")):
        if not office.story[1:]:
            office.take()
        with pytest.raises(ValueError, match="2026-11-20"):
            recast(office.day, office.story)
