"""Why that one goes before mine: one sentence, and what it says has happened."""

from __future__ import annotations

from typing import Any

import pytest
from histories import LAWS, History, histories, live
from hypothesis import given
from office import Office

from server.core.day import Ticket
from server.core.lease import free, lease, merge
from server.core.ticket import State
from server.core.why import compared


def between(office: Office, mine: Ticket, other: Ticket, lang: str = "vi") -> tuple[str, str | None]:
    """What the holder of `mine` is told, and whose number goes first. Both holders are told the same of it."""
    found, seen = compared(office.day, mine, other, lang), compared(office.day, other, mine, lang)
    assert found.first is seen.first
    return found.words, found.first.code if found.first else None


def two(office: Office, service: str = "household") -> tuple[Ticket, Ticket]:
    return office.take(service), office.wait(10).take(service)


@pytest.fixture
def office() -> Office:
    return Office(clock="08:00", staffed="1234")


def test_of_two_who_wait_the_printed_times_decide(office: Office) -> None:
    first, second = two(office)
    assert between(office, second, first) == ("A001 trước A002 vì 08:00:00 sớm hơn 08:00:10.", "A001")
    assert between(office, second, first, "en") == ("A001 goes before A002 because 08:00:00 is earlier than 08:00:10.", "A001")
    older = office.take(priority="older")
    assert between(office, first, older) == ("A003 trước A001 vì 07:30:10 sớm hơn 08:00:00.", "A003")


def test_who_was_called_first_is_compared_as_at_the_call(office: Office) -> None:
    first, second = two(office)
    office.next("1")
    assert between(office, second, first) == ("A001 trước A002 vì 08:00:00 sớm hơn 08:00:10.", "A001")
    office.wait(60).next("2")
    office.wait(60).serve(second, 2)
    assert between(office, first, second)[1] == "A001", "called first, though served later"


def test_between_two_services_nothing_is_compared_whoever_was_called(office: Office) -> None:
    mine, other = office.take("household"), office.wait(1).take("land")
    assert between(office, mine, other) == ("Mỗi lĩnh vực có hàng riêng: C001 ở hàng Đất đai, A001 ở hàng Hộ tịch.", None)
    office.next("3")
    assert between(office, mine, other) == ("Mỗi lĩnh vực có hàng riêng: C001 ở hàng Đất đai, A001 ở hàng Hộ tịch.", None)
    english = "Each service has a queue of its own: C001 is in that of Đất đai, A001 in that of Civil status."
    assert compared(office.day, mine, other, "en").words == english


def test_who_was_sent_to_one_counter_waits_in_a_queue_of_that_counter(office: Office) -> None:
    mine, other = two(office)
    assert office.next("1") is mine
    office.transfer(mine, counter="2")
    assert compared(office.day, mine, other).words == "Hai hàng riêng: A002 ở hàng quầy 1 hoặc 2, A001 ở hàng quầy 2."
    assert compared(office.day, mine, other, "en").words == "Two queues: A002 is in that of counter 1 or 2, A001 in that of counter 2."
    assert between(office, mine, other)[1] is None


def test_who_came_back_after_a_missed_call_stands_behind_and_the_old_call_explains_nothing(office: Office) -> None:
    mine, other = two(office)
    office.next("1")
    office.wait(minutes=5).no_show(mine)
    assert between(office, mine, other)[1] == "A001", "it was called first"
    office.wait(minutes=15).rejoin(mine)
    assert mine.call is None
    assert between(office, mine, other) == ("A002 trước A001 vì 08:00:10 sớm hơn 08:10:10.", "A002")


def test_who_was_set_aside_is_told_that_the_other_was_called_meanwhile(office: Office) -> None:
    mine, other = two(office)
    office.next("1")
    office.hold(mine)
    office.wait(60).next("1")
    office.wait(60).release(mine)
    assert between(office, mine, other) == ("A002 được gọi lúc 08:01:10, khi A001 không chờ ở hàng này.", "A002")
    assert between(office, mine, other, "en")[0] == "A002 was called at 08:01:10, when A001 was not waiting in this queue."


def test_who_came_later_with_an_earlier_time_did_not_wait_when_the_other_was_called(office: Office) -> None:
    other = office.take()
    office.next("1")
    mine = office.wait(60).take(priority="older")
    assert mine.place < other.place
    assert between(office, mine, other) == ("A001 được gọi lúc 08:00:00, khi A002 không chờ ở hàng này.", "A001")


def test_a_call_out_of_order_is_said_and_its_reason_is_not(office: Office) -> None:
    mine, other = two(office)
    office.call(other, reason="có thai")
    assert between(office, mine, other) == ("A002 được gọi không theo thứ tự, lý do đã ghi lại.", "A002")
    assert between(office, mine, other, "en") == ("A002 was called out of order; the reason is recorded.", "A002")
    office.transfer(other, counter="1")
    office.call(mine, counter="2", reason="nhầm quầy")
    office.transfer(mine, counter="1")
    assert between(office, mine, other) == ("A001 trước A002 vì 08:00:00 sớm hơn 08:00:10.", "A001"), "both wait again, for one counter"


def test_who_stood_behind_anyway_was_not_passed_by_a_call_out_of_order(office: Office) -> None:
    passed, other = two(office)
    mine = office.wait(10).take("household")
    office.call(other, reason="có thai")
    assert between(office, passed, other)[0] == "A002 được gọi không theo thứ tự, lý do đã ghi lại."
    assert between(office, mine, other) == ("A002 trước A003 vì 08:00:10 sớm hơn 08:00:20.", "A002")


def test_a_number_of_a_kiosk_that_was_cut_off_is_not_said_to_have_been_away(office: Office) -> None:
    office.do(lease, kiosk="k1", holder="store 1")
    block = office.day.blocks.by_letter["A"][0]
    taken_at = office.now
    other = office.wait(60).take()
    office.wait(60).next("1")
    number = free(office.day, block)[0]
    office.wait(minutes=5)
    office.do(
        merge, ticket="alone", kiosk="k1", service="household", number=number, taken_at=taken_at, version=1, intent="i", priority=False
    )
    mine = office.day.tickets["alone"]
    told = f"A001 được gọi lúc 08:02:00, khi số tạm {mine.code} chưa về tới máy chủ: máy lấy số mất kết nối."
    assert between(office, mine, other) == (told, "A001")
    english = f"A001 was called at 08:02:00, before {mine.code} had reached the server: its ticket machine was cut off."
    assert between(office, mine, other, "en")[0] == english


@pytest.mark.parametrize("gone", [0, 1])
def test_who_has_given_the_number_back_goes_before_nobody(office: Office, gone: int) -> None:
    pair = two(office)
    office.cancel(pair[gone])
    assert between(office, *pair) == (f"{pair[gone].code} hiện không chờ gọi.", None)
    assert between(office, *pair, "en") == (f"{pair[gone].code} is not waiting now.", None)


@LAWS
@given(histories)
def test_whatever_happened_both_are_told_the_same_and_whoever_goes_first_was_called_first(history: History) -> None:
    life = live(history)
    day = life.office.day
    waiting_then = {called.entry.seq: {p.issued.ticket for p in called.rivals} for called in life.witness.calls}
    tickets: list[Any] = list(day.tickets.values())[-12:]
    for mine in tickets:
        for other in tickets:
            if mine is other:
                continue
            found = compared(day, mine, other)
            assert found.first is compared(day, other, mine).first
            if found.first is None:
                continue
            first, second = found.first, other if found.first is mine else mine
            assert set(day.counters_for(mine)) == set(day.counters_for(other))
            if second.call is not None:
                assert first.call is not None and first.turn_seq < second.turn_seq
            if " sớm hơn " in found.words:
                assert first.queue_time < second.queue_time
            if "hàng này" in found.words or "chưa về tới máy chủ" in found.words:
                assert second.id not in waiting_then[first.turn_seq]
            if "hàng này" in found.words and second.provisional:
                assert second.joined_at > first.called_at or second.place.seq < first.turn_seq, "it held a number, and could not be known"
            if "không theo thứ tự" in found.words:
                assert first.place > second.place
            if first.call is None:
                assert first.state is second.state is State.WAITING and first.place < second.place
