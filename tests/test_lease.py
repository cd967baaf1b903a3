"""Numbers that a kiosk gives on its own: what it is lent, and how they join the queue when they are brought in."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from office import FRIDAY, KIOSK, MINUTE, Office, at, refused, small_site, span, states

from server.core import decide, hall, lease, words
from server.core import events as ev
from server.core.day import Day, Ticket
from server.core.queue import Term
from server.core.refused import Refused
from server.core.site import Hours, Offline, Rules, Today, issuing_spans
from server.core.ticket import State


def lend(office: Office, kiosk: str = "k1", holder: str = "store") -> dict[str, tuple[str, str]]:
    """What a kiosk holds after it has asked: first and last code of each service."""
    office.do(lease.lease, kiosk=kiosk, holder=holder)
    return {
        block.service: (f"{(letter := office.day.services[block.service].letter)}{block.first}", f"{letter}{block.last}")
        for block in lease.lent(office.day, office.now, kiosk=kiosk, holder=holder)
    }


def bring(office: Office, code: str, taken_at: datetime, *, service: str = "household", **more: Any) -> Ticket:
    """A number the kiosk gave on its own; the ticket it has become."""
    given = {"kiosk": "k1", "version": 1, "intent": f"touch for {code}", **more}
    number = int(code[1:])
    ticket = f"t{len(office.day.tickets) + 1}"
    office.do(lease.merge, ticket=ticket, service=service, number=number, taken_at=taken_at, actor="device:k1", **given)
    return office.day.tickets[office.day.intents[given["intent"]]]


# -- what is lent ----------------------------------------------------------------------------------------------------------------


def test_a_kiosk_is_lent_the_last_numbers_of_each_series_and_the_next_kiosk_those_before() -> None:
    office = Office(clock="08:00")
    assert lend(office)["household"] == ("A980", "A999")
    assert lend(office)["land"] == ("C980", "C999")
    assert lend(office, "k2")["household"] == ("A960", "A979")


def test_numbers_that_are_lent_are_never_given_by_the_series() -> None:
    office = Office(clock="08:00")
    office.tell(ev.TicketIssued("t0", "household", 957, office.now, office.now, Term.WALK_IN))
    assert lend(office)["household"] == ("A980", "A999")
    assert lend(office, "k2")["household"] == ("A960", "A979")
    assert [office.take().code for _ in range(4)] == ["A958", "A959", "A1000", "A1001"]


def test_a_block_that_nobody_needed_leaves_no_hole_in_the_series() -> None:
    office = Office(clock="08:00")
    lend(office)
    assert [office.take().code for _ in range(2)] == ["A001", "A002"]
    bring(office, "A980", office.now)
    assert office.take().code == "A003"


def test_where_the_series_is_near_its_thousandth_number_the_block_comes_from_the_four_digits() -> None:
    office = Office(clock="08:00")
    office.tell(ev.TicketIssued("t0", "household", 985, office.now, office.now, Term.WALK_IN))
    assert lend(office)["household"] == ("A9980", "A9999")
    office.tell(ev.TicketIssued("t1", "household", 9970, office.now, office.now, Term.WALK_IN))
    assert "household" not in lend(office, "k2")


def test_a_block_is_renewed_at_half_of_its_life_and_eats_no_new_numbers() -> None:
    office = Office(clock="08:00")
    lend(office)
    assert office.wait(minutes=29).do(lease.lease, kiosk="k1", holder="store") == []
    assert lend(office.wait(minutes=2))["household"] == ("A980", "A999")
    block = office.day.blocks.of("A", 980)
    assert block is not None
    assert (block.granted, block.until) == (at("08:00"), at("09:31"))


def test_a_block_with_fewer_than_half_of_its_numbers_left_is_followed_by_another() -> None:
    office = Office(small_site(offline=Offline(numbers=4)), clock="08:00")
    assert lend(office)["household"] == ("A996", "A999")
    for code in ("A996", "A997"):
        bring(office, code, office.now)
    assert lend(office)["household"] == ("A996", "A999")
    bring(office, "A998", office.now)
    assert lend(office)["household"] == ("A992", "A995")
    assert bring(office, "A999", office.now).code == "A999", "what was given before the new block is honoured"


def test_a_store_that_has_lost_its_memory_gets_other_numbers_but_not_without_end() -> None:
    office = Office(clock="08:00")
    held = [lend(office, holder=f"store {n}").get("household") for n in range(11)]
    assert held[:2] == [("A980", "A999"), ("A960", "A979")]
    assert held[9:] == [("A800", "A819"), None]


def test_a_lease_ends_with_the_day() -> None:
    office = Office(small_site(hours=Hours(week=((span("00:00", "24:00"),),) * 7)), clock="23:30")
    lend(office)
    block = office.day.blocks.of("A", 980)
    assert block is not None
    assert block.until == at("00:00", FRIDAY + timedelta(days=1))
    assert office.wait(minutes=29).do(lease.lease, kiosk="k1", holder="store") == [], "there is nothing to make longer"


@pytest.mark.parametrize(
    ("clock", "lent"),
    [
        ("06:14", set()),
        ("06:15", {"household", "copies", "land", "health"}),
        ("10:31", {"household", "copies", "land"}),
        ("12:00", {"household", "copies", "land"}),
        ("16:30", set()),
        ("17:30", set()),
    ],
)
def test_a_kiosk_is_lent_numbers_of_services_that_give_some_now_or_soon(clock: str, lent: set[str]) -> None:
    office = Office(clock="06:00").at(clock)
    assert set(lend(office)) == lent


def test_a_stopped_service_a_closed_day_and_an_office_that_does_not_want_it_lend_nothing() -> None:
    office = Office(clock="08:00")
    office.do(decide.stop_service, service="household")
    assert set(lend(office)) == {"copies", "land", "health"}
    office.do(decide.close_day)
    assert office.do(lease.lease, kiosk="k2", holder="store") == []
    assert lend(Office(small_site(offline=Offline(numbers=0)), clock="08:00")) == {}
    assert lend(Office(small_site(hours=Hours(week=((),) * 7)), clock="08:00")) == {}


# -- what is brought in ------------------------------------------------------------------------------------------------------------


def test_fifteen_numbers_taken_while_the_link_was_down_go_between_those_that_others_took() -> None:
    office = Office(clock="08:00", staffed="2")
    lend(office)
    office.take()
    office.at("08:10")
    for _ in range(5):
        office.wait(minutes=1)
        office.take()
    taken = [(f"A{980 + n}", at("08:10") + n * 40 * timedelta(seconds=1)) for n in range(15)]
    office.at("08:20")
    for code, moment in taken:
        bring(office, code, moment)
    order = office.order("2")
    assert order[:8] == ["A001", "A980", "A981", "A002", "A982", "A003", "A983", "A984"]
    assert [code for code in order if code > "A9"] == [code for code, _ in taken]
    assert len(set(order)) == 21
    tickets = office.day.by_code
    assert [tickets[code].queue_time for code in order] == sorted(tickets[code].queue_time for code in order)


def test_of_two_equal_moments_the_one_that_joined_the_story_first_goes_first() -> None:
    office = Office(clock="08:00")
    lend(office)
    office.at("08:10").take()
    bring(office, "A980", at("08:10"))
    assert office.order("2") == ["A001", "A980"]


def test_the_paper_and_the_explanation_tell_the_true_moment() -> None:
    office = Office(clock="08:00", staffed="2")
    lend(office)
    ticket = bring(office.at("08:20"), "A980", at("08:12") + timedelta(seconds=34, milliseconds=900))
    assert (ticket.issued_at, ticket.joined_at, ticket.queue_time) == ((at("08:12:34"),) * 3)
    assert (ticket.term, ticket.provisional) == (Term.WALK_IN, True)
    paper = hall.receipt(office.day, ticket, office.now, reprint=True)
    assert (paper.queue_time, paper.reason) == ("08:12:34", "lấy số lúc máy mất kết nối")
    assert words.reason_words(Term.WALK_IN, Rules(), joined_at=at("08:12"), provisional=True, lang="en").startswith("taken while")
    first = bring(office, "A981", at("08:13"), priority=True)
    assert (first.queue_time, hall.receipt(office.day, first, office.now).reason) == (at("07:43"), "lấy số 08:13, ưu tiên tính sớm 30 phút")


@pytest.mark.parametrize(
    ("said", "counted"), [("07:30", "08:00"), ("08:00", "08:00"), ("08:25", "08:25"), ("09:30", "09:00"), ("10:30", "09:00")]
)
def test_the_moment_of_taking_is_believed_within_the_life_of_the_lease(said: str, counted: str) -> None:
    office = Office(clock="08:00")
    lend(office)
    assert bring(office.at("10:00"), "A980", at(said)).queue_time == at(counted)


def test_nothing_is_taken_in_the_future() -> None:
    office = Office(clock="08:00")
    lend(office)
    assert bring(office.at("08:10"), "A980", at("08:40")).queue_time == at("08:10")


def test_a_paper_printed_by_the_rules_of_the_morning_keeps_its_time_under_those_of_the_afternoon() -> None:
    office = Office(clock="08:00")
    lend(office)
    office.revise(rules=Rules(priority_head=5 * MINUTE))
    ticket = bring(office.at("08:20"), "A980", at("08:10"), priority=True)
    assert (ticket.queue_time, ticket.site_version) == (at("07:40"), 1)
    assert hall.receipt(office.day, ticket, office.now).reason == "lấy số 08:10, ưu tiên tính sớm 30 phút"
    later = bring(office, "A981", at("08:10"), priority=True, version=7)
    assert (later.queue_time, later.site_version) == (at("08:05"), 2), "a version that never held is not believed"


def test_a_number_taken_before_the_end_counts_after_it() -> None:
    office = Office(clock="16:20", staffed="12")
    lend(office)
    office.do(decide.stop_service, service="copies")
    office.do(decide.change_hours, last_ticket=at("16:22"), closes=None)
    office.at("17:05")
    assert bring(office, "A980", at("16:25")).state is State.WAITING
    assert bring(office, "B980", at("16:26"), service="copies").state is State.WAITING


def test_what_was_brought_in_once_is_not_brought_in_twice() -> None:
    office = Office(clock="08:00")
    lend(office)
    first = bring(office.at("08:20"), "A980", at("08:10"))
    before = office.day.seq
    assert bring(office.wait(minutes=1), "A980", at("08:10")) is first
    assert office.day.seq == before
    office.do(decide.close_day)
    assert bring(office, "A980", at("08:10")) is first


def test_a_number_that_was_not_lent_to_this_kiosk_is_refused() -> None:
    office = Office(clock="08:00")
    lend(office)
    for code, more in (("A500", {}), ("A980", {"kiosk": "k2"}), ("A980", {"service": "weddings"})):
        service = more.pop("service", "household")
        with refused("not_leased"):
            bring(office, code, office.now, service=service, **more)
    bring(office, "A980", office.now)
    with refused("number_given", ticket="A980"):
        bring(office, "A980", office.now, intent="somebody else")


def test_a_number_brought_in_after_the_day_has_ended_is_refused_in_one_clear_sentence() -> None:
    office = Office(clock="08:00")
    lend(office)
    office.do(decide.close_day)
    with pytest.raises(Refused) as refusal:
        bring(office, "A980", at("08:00"))
    said = "Ngày 20/11 đã kết thúc, số tạm A980 hết hiệu lực. Mời lấy số mới."
    assert words.sentence(refusal.value.code, refusal.value.details) == said


def test_the_pattern_of_the_provisional_paper_promises_nothing_that_the_kiosk_cannot_know() -> None:
    office = Office(small_site(public_url="https://so.example"), clock="08:12:34")
    office.take()
    paper = hall.provisional_receipt(office.day, "household", office.now, kiosk="k1", number=980, lang="en")
    assert (paper.code, paper.mark, paper.reason) == ("A980", "SỐ TẠM", "taken while the kiosk had no connection")
    assert (paper.ahead, paper.expected, paper.qr, paper.qr_hint) == ("", None, None, None)
    assert paper.date_line == "Thứ Sáu 20/11/2026 · lấy lúc 08:12 · máy 1"
    assert len(office.day.tickets) == 1


# -- one touch, one number ----------------------------------------------------------------------------------------------------------


def test_a_touch_that_has_its_number_gets_no_other() -> None:
    office = Office(clock="08:00")
    lend(office)
    first = bring(office, "A980", office.now, intent="touch")
    assert office.do(decide.issue, ticket="t9", service="household", intent="touch") == []
    assert list(office.day.tickets.values()) == [first]


def test_a_number_whose_answer_was_lost_is_given_back_for_the_one_on_the_paper() -> None:
    office = Office(clock="08:00", staffed="2")
    lend(office)
    lost = office.at("08:10").take(intent="touch")
    office.wait(minutes=2).take()
    kept = bring(office.at("08:20"), "A980", at("08:10") + timedelta(seconds=12), intent="touch")
    assert (lost.state, kept.queue_time) == (State.CANCELLED, at("08:10"))
    assert office.order("2") == ["A980", "A002"]


def test_a_lost_number_that_was_called_in_vain_does_not_cost_the_citizen_the_turn() -> None:
    office = Office(clock="08:00", staffed="2")
    lend(office)
    lost = office.take(intent="touch")
    office.next("2")
    kept = bring(office.at("08:05"), "A980", at("08:01"), intent="touch")
    assert states(office) == {lost.code: State.CANCELLED, "A980": State.WAITING}
    assert office.next("2") is kept
    missed = office.take(intent="another touch")
    office.next("2", finish=True)
    office.no_show(missed)
    assert bring(office, "A981", office.now, intent="another touch").state is State.WAITING
    assert missed.state is State.NO_SHOW


def test_a_number_that_somebody_has_sat_down_with_stays_the_only_one() -> None:
    office = Office(clock="08:00", staffed="2")
    lend(office)
    served = office.take(intent="touch")
    office.next("2")
    office.start(served)
    assert bring(office, "A980", office.now, intent="touch") is served
    office.finish(served)
    assert bring(office, "A980", office.now, intent="touch") is served
    done = office.take(intent="other")
    office.next("2")
    office.finish(done)
    assert bring(office, "A981", office.now, intent="other") is done
    assert "A980" not in office.day.by_code and "A981" not in office.day.by_code


def test_the_same_key_at_another_kiosk_is_another_touch() -> None:
    assert lease.intent_of("k1", "key") != lease.intent_of("k2", "key")
    assert lease.intent_of("k1", "key") == lease.intent_of("k1", "key")


def test_a_merged_ticket_lives_like_any_other() -> None:
    office = Office(clock="08:00", staffed="2")
    lend(office)
    ticket = bring(office, "A980", office.now)
    assert office.next("2") is ticket
    office.no_show(ticket)
    office.rejoin(ticket, by=KIOSK)
    assert (ticket.term, ticket.state) == (Term.REJOINED, State.WAITING)
    assert hall.receipt(office.day, ticket, office.now).reason.startswith("quay lại lúc 08:00")


# -- the hours of a kiosk on its own -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lunch", [False, True])
@pytest.mark.parametrize("today", [Today(), Today(closes=at("12:00")), Today(last_ticket=at("11:00")), Today(at("16:45"), at("17:30"))])
@pytest.mark.parametrize("service", ["household", "health"])
def test_the_hours_told_beforehand_are_those_by_which_numbers_are_given(lunch: bool, today: Today, service: str) -> None:
    plain = small_site()
    hours = Hours(plain.hours.week, first_ticket_before=15 * MINUTE, last_ticket_before=30 * MINUTE, numbers_at_lunch=lunch)
    day = Day(small_site(hours=hours), FRIDAY)
    day.today = today
    spans = issuing_spans(day.site, day.site.service[service], FRIDAY, today)
    for minute in range(6 * 60, 18 * 60):
        now = at("00:00") + minute * MINUTE
        assert hall.gives_numbers(day, now, service) == any(start <= now < end for start, end in spans), now


def test_a_day_without_hours_gives_no_numbers_at_all() -> None:
    site = small_site()
    assert issuing_spans(site, site.services[0], FRIDAY + timedelta(days=2)) == []
