"""A day in the office, sentence by sentence: numbers, who is ahead, the end of the day, a site document that changes meanwhile."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date

import pytest
from office import CLERKS, FRIDAY, HOUR, HOURS, KIOSK, MINUTE, Office, at, refused, small_site, snapshot, states

from server.core import decide, hall, lease
from server.core import events as ev
from server.core.day import CounterState, Day, fold
from server.core.queue import Term
from server.core.site import Counter, Rules, Service
from server.core.ticket import State

# -- taking a number -------------------------------------------------------------------------------------------------------------


def test_each_letter_has_its_own_numbers() -> None:
    office = Office()
    assert [office.take(s).code for s in ("household", "household", "copies", "household", "land")] == [
        "A001",
        "A002",
        "B001",
        "A003",
        "C001",
    ]


def test_after_a999_comes_a1000_and_then_a1001() -> None:
    office = Office()
    office.tell(ev.TicketIssued("t0", "household", 998, office.now, office.now, Term.WALK_IN))
    assert [office.take().code for _ in range(3)] == ["A999", "A1000", "A1001"]
    assert office.order("2") == ["A998", "A999", "A1000", "A1001"]


def test_a_ticket_says_what_was_asked_for_and_is_found_by_its_code() -> None:
    office = Office(clock="08:12:34")
    ticket = office.take(priority="older", lang="en", procedure="birth", kiosk="k1", contact="c7", slot=at("08:30"))
    assert office.day.by_code["A001"] is ticket
    assert (ticket.lang, ticket.procedure, ticket.kiosk, ticket.contact, ticket.priority) == ("en", "birth", "k1", "c7", True)
    assert (ticket.slot, ticket.queue_time, ticket.term) == (at("08:30"), at("07:42:34"), Term.PRIORITY)
    assert (ticket.issued_at, ticket.joined_at, ticket.site_version) == (at("08:12:34"), at("08:12:34"), 1)


def test_a_language_the_office_does_not_speak_becomes_its_first() -> None:
    assert Office().take(lang="fr").lang == "vi"


def test_the_story_keeps_the_claim_of_priority_and_never_the_group() -> None:
    office = Office()
    office.take(priority="pregnant")
    assert "pregnant" not in repr(office.story)
    assert office.last().priority is True


def test_a_queue_time_has_whole_seconds_because_the_paper_prints_seconds() -> None:
    office = Office(clock="08:12:34").wait(0.987)
    assert office.take().queue_time == at("08:12:34")


def test_a_live_number_is_counted_from_its_registration_but_from_no_earlier_than_the_opening() -> None:
    office = Office(clock="09:00")
    early, late = office.take("land", registered=at("06:00")), office.take("land", registered=at("08:40"))
    assert (early.queue_time, early.term) == (at("07:30"), Term.REGISTERED)
    assert (late.queue_time, late.registered) == (at("08:40"), at("08:40"))


@pytest.mark.parametrize(
    ("asked", "code", "details"),
    [
        ({"service": "weddings"}, "unknown_service", {"service": "weddings", "known": ["household", "copies", "land", "health"]}),
        ({"priority": "cousin"}, "unknown_priority", {"priority": "cousin", "known": ["older", "pregnant"]}),
        ({"procedure": "divorce"}, "unknown_procedure", {"procedure": "divorce"}),
    ],
)
def test_what_the_office_does_not_know_is_refused_with_what_it_knows(asked: dict[str, str], code: str, details: dict[str, object]) -> None:
    office = Office()
    with refused(code, **details):
        office.take(**asked)
    assert not office.day.tickets


@pytest.mark.parametrize(
    ("clock", "service", "code", "details"),
    [
        ("07:14:59", "household", "closed", {"state": "before", "first_ticket": at("07:15"), "next_open": at("07:30")}),
        ("11:30:00", "household", "closed", {"state": "lunch", "next_open": at("13:30")}),
        ("10:30:00", "health", "after_last_ticket", {"service": "health", "last_ticket": at("10:30")}),
        ("16:30:00", "household", "after_last_ticket", {"last_ticket": at("16:30")}),
        ("17:00:00", "household", "closed", {"state": "closed", "next_open": at("08:00", date(2026, 11, 21))}),
    ],
)
def test_outside_its_hours_a_service_gives_no_numbers_and_says_when_it_will(
    clock: str, service: str, code: str, details: dict[str, object]
) -> None:
    office = Office(clock=clock)
    with refused(code, **details):
        office.take(service)


@pytest.mark.parametrize(
    ("clock", "service"), [("07:15:00", "household"), ("11:29:59", "copies"), ("10:29:59", "health"), ("16:29:59", "land")]
)
def test_one_second_inside_its_hours_a_service_gives_a_number(clock: str, service: str) -> None:
    assert Office(clock=clock).take(service).state is State.WAITING


def test_on_a_holiday_the_refusal_names_it() -> None:
    office = Office(small_site(hours=replace(HOURS, holidays={FRIDAY: "Quốc khánh"})), clock="09:00")
    with refused("closed", state="holiday", holiday="Quốc khánh"):
        office.take()


def test_a_stopped_service_gives_no_numbers_until_it_is_started_and_those_who_wait_are_served() -> None:
    office = Office(staffed="1")
    waiting = office.take()
    office.do(decide.stop_service, service="household")
    assert office.do(decide.stop_service, service="household") == []
    with refused("service_stopped", service="household"):
        office.take()
    assert office.next() is waiting
    office.do(decide.start_service, service="household")
    assert office.do(decide.start_service, service="household") == []
    assert office.take().code == "A002"


def test_morning_numbers_keep_their_place_over_lunch() -> None:
    office = Office(staffed="2", clock="11:20")
    morning = [office.take().code for _ in range(3)]
    office.at("13:30")
    afternoon = office.take().code
    assert office.order("2") == [*morning, afternoon]


def test_after_the_last_number_counters_go_on_calling() -> None:
    office = Office(staffed="1", clock="16:29")
    waiting = office.take()
    assert office.at("17:20").next() is waiting


# -- who is ahead ------------------------------------------------------------------------------------------------------------------


def test_people_ahead_are_those_of_the_same_service_with_an_earlier_queue_time() -> None:
    office = Office(clock="09:00", staffed="1")
    first, second = office.take(), office.take()
    office.take("copies")
    booked = office.take(slot=at("09:10"))
    assert [office.day.people_ahead(t) for t in (first, second, booked)] == [1, 2, 0]
    assert office.day.waiting("household") == 3
    office.next()
    assert [office.day.people_ahead(t) for t in (first, second, booked)] == [0, 1, 0]


def test_people_sent_to_one_counter_are_still_ahead_of_who_waits_for_the_service() -> None:
    office = Office(staffed="12")
    sent, plain, last = office.take(), office.take(), office.take()
    office.wait(60).take("copies")
    office.transfer(sent, counter="3")
    assert office.day.waiting("household") == 3
    assert [office.day.people_ahead(t) for t in (sent, plain, last)] == [0, 1, 2]
    office.transfer(last, counter="4")
    assert [office.day.people_ahead(t) for t in (sent, plain, last)] == [0, 1, 2]
    office.transfer(sent, service="copies")
    assert (office.day.waiting("household"), office.day.waiting("copies")) == (2, 2)
    assert [office.day.people_ahead(t) for t in (sent, plain, last)] == [0, 0, 1]


def test_nobody_is_ahead_of_a_ticket_that_does_not_wait() -> None:
    office = Office(staffed="1")
    office.take()
    called = office.next()
    assert called is not None
    assert office.day.people_ahead(called) == 0


# -- the office ----------------------------------------------------------------------------------------------------------------------


def test_what_staff_say_is_heard_for_a_while_and_an_emergency_is_read_as_well() -> None:
    office = Office()
    said = {"hall": "main", "lang": "vi", "text": "Có thẻ rơi"}
    office.do(decide.speak, priority="notice", times=1, **said)
    heard = hall.announcement(office.day, office.story[-1])
    assert heard is not None and (heard.kind, heard.text, heard.code, heard.times) == ("notice", "Có thẻ rơi", "", 1)
    assert heard.expires_at == office.now + office.day.site.timing.notice_within
    assert not office.day.notices
    office.do(decide.speak, priority="emergency", times=3, **said)
    assert [type(entry.event) for entry in office.story[-2:]] == [ev.NoticeSpoken, ev.NoticeSet]
    assert office.day.notices["main"].until == office.now + decide.SHOWN_FOR


def test_a_checkup_prints_at_every_kiosk_and_tries_every_hall_and_a_second_press_is_the_same_one() -> None:
    office = Office()
    office.do(decide.begin_checkup, actor="staff:chief")
    kinds = [(type(entry.event), entry.seq) for entry in office.story[1:]]
    assert kinds == [(ev.CheckupBegun, 2), (ev.PrinterTested, 3), (ev.HallTested, 4), (ev.HallTested, 5)]
    checkup = office.day.checkup
    assert checkup is not None and (checkup.by, checkup.at) == ("staff:chief", office.now)
    assert (checkup.sheets, checkup.trials) == ({"k1": 3}, {"main": 4, "upstairs": 5})
    said = hall.announcement(office.day, office.story[-1])
    assert said is not None and (said.kind, said.hall, said.times, said.code) == ("test", "upstairs", 1, "")
    assert office.wait(29).do(decide.begin_checkup) == []
    assert len(office.wait(1).do(decide.begin_checkup)) == 4


def test_a_checkup_leaves_a_hall_alone_that_is_at_work_unless_it_is_quiet() -> None:
    office = Office(staffed="2")
    office.take()
    office.next("2")
    with refused("hall_in_use", counters=["2"]):
        office.do(decide.begin_checkup)
    assert [type(event) for event in office.do(decide.begin_checkup, quiet=True)] == [ev.CheckupBegun, ev.HallTested, ev.HallTested]
    assert office.day.checkup is not None and office.day.checkup.sheets == {}
    said = hall.announcement(office.day, office.story[-1])
    assert said is not None and (said.kind, said.times) == ("test", 0)


def test_a_notice_stands_in_its_hall_until_it_is_replaced() -> None:
    office = Office()
    office.do(decide.set_notice, hall="main", text="Mất điện", until=at("09:00"))
    assert (office.day.notices["main"].text, office.day.notices["main"].until) == ("Mất điện", at("09:00"))
    office.do(decide.set_notice, hall="main", text=None)
    assert (office.day.notices["main"].text, list(office.day.notices)) == ("", ["main"])


def test_the_end_of_the_day_lapses_who_waits_or_is_set_aside_and_closes_every_counter() -> None:
    office = Office(staffed="12")
    held, done, waiting, sent = (office.take() for _ in range(4))
    office.next()
    office.hold(held)
    office.serve(office.next() or done, 4)
    office.transfer(sent, counter="4")
    office.pause("2")
    office.at("17:30").do(decide.close_day)
    assert states(office) == {"A001": State.LAPSED, "A002": State.DONE, "A003": State.LAPSED, "A004": State.LAPSED}
    assert held.ended_at == waiting.ended_at == office.now
    assert (office.order("1"), office.order("4"), office.day.held, office.day.waiting("household")) == ([], [], {}, 0)
    assert {c.state for c in office.day.counters.values()} == {CounterState.CLOSED}
    assert (office.day.counters["1"].since, office.day.counters["3"].since) == (at("17:30"), None)
    assert office.do(decide.close_day) == []


def test_the_day_does_not_end_while_somebody_is_called() -> None:
    office = Office(staffed="12")
    office.take()
    office.next("2")
    with refused("day_in_use", counters=["2"]):
        office.do(decide.close_day)


def test_after_the_end_of_the_day_nobody_joins_and_no_counter_opens() -> None:
    office = Office(clock="16:29", staffed="1")
    missed = office.take()
    office.at("17:01").next()
    office.no_show(missed)
    office.close("1")
    office.do(decide.close_day)
    with refused("closed", state="closed", next_open=at("08:00", date(2026, 11, 21))):
        office.take()
    with refused("closed", state="closed"):
        office.rejoin(missed)
    with refused("closed", state="closed"):
        office.open("1")
    with refused("counter_closed"):
        office.undo(missed, by=CLERKS["1"])


def test_a_day_counts_on_after_midnight_under_its_own_date() -> None:
    office = Office(staffed="1", clock="16:29")
    ticket = office.take()
    office.now = at("00:10", date(2026, 11, 21))
    assert office.next() is ticket
    assert office.day.date == FRIDAY


# -- another version of the site document in the middle of the day -----------------------------------------------------------------------


def test_new_rules_hold_for_those_who_come_and_not_for_those_who_wait() -> None:
    office = Office(clock="09:00", staffed="1")
    before = office.take(priority="older")
    office.revise(rules=Rules(priority_head=10 * MINUTE))
    after = office.wait(60).take(priority="older")
    assert [t.queue_time for t in (before, after)] == [at("08:30"), at("08:51")]
    assert [office.day.rules_of(t).priority_head for t in (before, after)] == [30 * MINUTE, 10 * MINUTE]
    office.next()
    assert office.last().site_version == 1, "a call is explained by the rules under which its ticket joined"
    office.next(finish=True)
    assert office.last().site_version == 2


def test_who_comes_back_is_counted_by_the_rules_of_the_return() -> None:
    office = Office(staffed="1")
    ticket = office.take()
    office.next()
    office.no_show(ticket)
    office.revise(rules=Rules(rejoin_head=2 * MINUTE))
    office.wait(minutes=10).rejoin(ticket)
    assert (ticket.queue_time, ticket.site_version) == (at("07:38"), 2)


def without(service: str) -> tuple[tuple[Service, ...], tuple[Counter, ...]]:
    site = small_site()
    left = tuple(s for s in site.services if s.id != service)
    return left, tuple(replace(c, services=tuple(s for s in c.services if s != service)) for c in site.counters)


def test_a_service_dropped_in_the_middle_of_the_day_gives_no_numbers_and_its_counters_serve_who_waits() -> None:
    office = Office(staffed="13")
    waiting, other = office.take("copies"), office.take("copies")
    services, counters = without("copies")
    office.revise(services=services, counters=counters)
    office.revise(name="UBND phường An Mẫu mới")
    with refused("service_stopped", service="copies"):
        office.take("copies")
    assert office.day.counters_for(waiting) == ["1", "3"]
    assert office.next("1") is waiting
    office.call(other, "3")
    assert {waiting.state, other.state} == {State.CALLED}


def test_a_counter_that_is_given_another_service_still_serves_who_waits_for_a_dropped_one() -> None:
    office = Office(staffed="3")
    waiting = office.take("copies")
    services, counters = without("copies")
    office.revise(services=services, counters=counters)
    office.do(decide.assign_counter, counter="3", services=("household",))
    assert office.day.desks["3"].services == ("household", "copies")
    office.revise(name="UBND phường An Mẫu mới")
    assert office.next("3") is waiting


def test_nobody_is_sent_to_a_service_or_a_counter_that_was_dropped() -> None:
    office = Office()
    ticket = office.take()
    services, counters = without("copies")
    office.revise(services=services, counters=counters[:2])
    with refused("unknown_service", service="copies", known=["household", "land", "health"]):
        office.transfer(ticket, service="copies")
    with refused("unknown_counter", counter="3", known=["1", "2"]):
        office.transfer(ticket, counter="3")


def test_a_counter_dropped_while_somebody_is_served_there_goes_on_but_is_promised_to_nobody() -> None:
    office = Office(staffed="12")
    first, second = office.take(), office.take()
    office.next("2")
    office.revise(counters=tuple(c for c in office.site.counters if c.id != "2"))
    office.finish(first)
    assert office.day.counters_for(second) == ["1"]
    assert office.next("2") is second


def test_a_service_dropped_together_with_its_counters_is_still_served_at_them() -> None:
    office = Office(staffed="4")
    waiting = office.take("health")
    services, _ = without("health")
    office.revise(services=services, counters=office.site.counters[:3])
    assert office.day.counters_for(waiting) == ["4"]
    assert office.next("4") is waiting


def test_a_new_service_and_a_new_counter_are_at_work_at_once() -> None:
    office = Office()
    office.revise(
        services=(*office.site.services, Service("tax", "E", "Thuế")),
        counters=(*office.site.counters, Counter("5", "Quầy 5", "main", ("tax",))),
    )
    office.do(decide.open_counter, counter="5", by=CLERKS["1"])
    ticket = office.take("tax")
    assert ticket.code == "E001"
    assert office.next("5", by=CLERKS["1"]) is ticket


def test_a_new_service_with_the_letter_of_a_dropped_one_goes_on_with_its_numbers() -> None:
    office = Office()
    office.take("health")
    services, counters = without("health")
    office.revise(services=(*services, Service("school", "D", "Giáo dục")), counters=counters)
    assert office.take("school").code == "D002"


def test_a_day_is_told_again_under_the_versions_it_was_lived_by() -> None:
    office = Office(staffed="1")
    office.take(priority="older")
    office.revise(services=(*office.site.services, Service("tax", "E", "Thuế")), rules=Rules(priority_head=5 * MINUTE))
    office.wait(minutes=10).take(priority="older")
    office.next()
    assert snapshot(office.replayed()) == snapshot(office.day)
    as_it_began = fold(office.site, FRIDAY, office.story[:2], office.sites.__getitem__)
    assert "tax" not in as_it_began.services, "the day had not heard of it yet"


def test_a_story_can_be_told_again_with_one_version_for_all() -> None:
    office = Office(staffed="1")
    office.take()
    office.next()
    assert snapshot(fold(office.site, FRIDAY, office.story)) == snapshot(office.day)


def test_what_a_clerk_forgot_at_the_counter_is_finished_when_nothing_has_happened_for_hours() -> None:
    office = Office(staffed="12")
    forgotten, waiting = office.take(), office.take("copies")
    office.next("2")
    office.start(forgotten)
    with refused("day_in_use", counters=["2"]):
        office.wait(minutes=179).do(decide.close_day, idle=3 * HOUR)
    office.wait(minutes=1).do(decide.close_day, idle=3 * HOUR)
    assert (forgotten.state, waiting.state, office.day.closed) == (State.DONE, State.LAPSED, True)
    assert office.do(decide.close_day, idle=3 * HOUR) == []


def test_every_event_of_the_language_can_be_folded() -> None:
    office = Office(staffed="12")
    first, second, third, fourth = (office.take() for _ in range(4))
    office.next()
    office.recall(first)
    office.hear()
    office.undo(first)
    office.next(finish=True)
    office.start(first)
    office.hold(first)
    office.release(first)
    office.transfer(second, service="copies")
    office.next()
    office.no_show(first)
    office.rejoin(first, by=KIOSK)
    office.cancel(third)
    office.next("2")
    office.finish(fourth)
    office.pause("2")
    office.resume("2")
    office.do(decide.stop_service, service="land")
    office.do(decide.start_service, service="land")
    office.do(decide.set_notice, hall="main", text="Mất điện")
    office.do(decide.speak, hall="main", text="Có thẻ rơi", priority="notice", lang="vi", times=1)
    office.do(decide.assign_counter, counter="2", services=("land",))
    office.do(decide.change_hours, last_ticket=None, closes=at("16:00"))
    office.do(decide.reprint, ticket=second.id, kiosk="k1")
    office.do(decide.try_printer, kiosk="k1")
    office.do(decide.begin_checkup, quiet=True)
    slot = {"start": at("10:00"), "end": at("10:15")}
    office.tell(ev.AppointmentBooked("482137504582713063", "copies", office.now, **slot))
    office.tell(ev.AppointmentMoved("482137504582713063", at("10:15"), at("10:30"), office.now))
    office.tell(ev.AppointmentCancelled("482137504582713063", office.now))
    office.tell(ev.PlaceAwaited("w1", "copies", "c1"), ev.PlaceOffered("w1", **slot), ev.PlaceForgone("w1"))
    office.tell(ev.SlotsClosed(**slot, reason="họp"), ev.SlotsReopened(office.day.seq + 1))
    office.do(decide.ask_for_help, kiosk="k1")
    office.do(decide.answer_help, asked=office.day.seq)
    office.do(lease.lease, kiosk="k1", holder="store")
    office.revise()
    office.close("2")
    office.do(decide.close_day)
    assert {type(entry.event) for entry in office.story} == set(ev.KINDS.values())
    assert {first.state, second.state} == {State.LAPSED}


def test_the_story_holds_no_field_for_a_name_or_a_number_of_a_person() -> None:
    told = {f.name for kind in ev.KINDS.values() for f in fields(kind)}
    assert not told & {"name", "phone", "email", "group", "identity", "address"}


def test_a_fresh_day_knows_its_office() -> None:
    day = Day(small_site(), FRIDAY)
    assert (day.seq, day.at, day.opened) == (0, None, False)
    assert list(day.lines) == ["household", "copies", "land", "health"]
    assert Office().day.opened
