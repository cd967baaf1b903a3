"""The day in numbers: what a manager reads can be counted by hand from what happened."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import date, timedelta

import pytest
from office import CLERKS, FRIDAY, HOURS, KIOSK, MINUTE, SUPERVISOR, Office, at, small_site

from server.core import booking, decide
from server.core import events as ev
from server.core.day import Ticket
from server.core.report import HEADING, CounterNumbers, Report, ServiceNumbers, Spread, report, rows
from server.core.site import BookingRules, Hours, Service
from server.core.ticket import State, Verb
from server.core.turns import told


def counted(office: Office) -> Report:
    return report(office.day, office.story)


def service(of: Report, id: str) -> ServiceNumbers:
    return next(s for s in of.services if s.service == id)


def counter(of: Report, id: str) -> CounterNumbers:
    return next(c for c in of.counters if c.counter == id)


def seconds(*values: float) -> Spread:
    return Spread.of(timedelta(seconds=v) for v in values)


def busy_morning() -> Office:
    """Three citizens at counter 1, one of them missed and back, one booked at counter 3, one who waits until the end."""
    office = Office(clock="08:00", staffed="1")
    first, second, _ = office.take(), office.take(priority="older"), office.take("copies")
    office.at("08:10").next()  # second, by priority
    office.start(second)
    office.at("08:20").next(finish=True)  # first
    office.wait(30).recall(first)
    office.at("08:24").next(finish=True, outcome=State.NO_SHOW)  # third
    office.at("08:30").rejoin(first)
    office.at("08:40").next(finish=True)  # first again; third with an assumed start
    office.at("08:40:20").finish(first)  # too soon for a guess
    office.open("3")
    booked = office.take("copies", slot=at("09:00"))
    office.at("09:05").next("3")
    office.serve(booked, 15)
    office.take("land")
    return office


def test_what_became_of_the_bookings_is_counted() -> None:
    office = Office(replace(small_site(), services=tuple(replace(s, booking=BookingRules()) for s in small_site().services)), clock="08:00")

    def booked(number: int, clock: str) -> str:
        code, start = f"{number}00000000000000000", at(clock)
        office.tell(ev.AppointmentBooked(code, "copies", office.now, start, start + 10 * MINUTE))
        return code

    def come(code: str) -> Ticket:
        office.do(booking.check_in, code=code, ticket=code, kiosk=None)
        return office.day.tickets[code]

    first, second, late, never, gone, moved = (booked(n, clock) for n, clock in enumerate(["08:30"] * 6, 1))
    office.tell(ev.AppointmentCancelled(gone, office.now), ev.AppointmentCancelled(moved, office.now, moved_to=FRIDAY + timedelta(days=3)))
    office.at("08:25")
    tickets = [come(first), come(second)]
    office.at("08:40").open("3")
    office.next("3")
    office.wait(seconds=1).next("3", finish=True)
    office.at("09:10").next("3", finish=True)
    assert tickets == [office.day.by_code["B001"], office.day.by_code["B002"]]
    come(late)
    numbers = counted(office).bookings
    assert (numbers.booked, numbers.checked_in, numbers.missed, numbers.cancelled) == (4, 3, 0, 1), "the day is not over"
    assert (numbers.punctual, numbers.begun_in_time) == (2, 1), "08:40:00 is ten minutes, 08:40:01 is more"
    office.at("17:00").do(decide.close_day)
    assert counted(office).bookings.missed == 1 and office.day.bookings.all[never].live
    assert ["Lịch hẹn", "Cả ngày", "Không đến", 1, "lượt"] in rows(counted(office))


def test_a_morning_is_counted_by_hand() -> None:
    numbers = counted(busy_morning())
    assert (numbers.issued, numbers.calls, numbers.recalls, numbers.served, numbers.missed, numbers.rejoins) == (5, 5, 1, 4, 1, 1)
    assert numbers.states == dict.fromkeys(State, 0) | {State.DONE: 4, State.WAITING: 1}
    # from the number to the first call that was not missed: 10, 24 and 40 minutes, and 24 min 40 s for the booked one
    assert numbers.waits == seconds(600, 1440, 2400, 1480)
    # 10 minutes at a pressed start, 15.5 at an assumed one, 15 at a pressed one; one beginning is not known
    assert numbers.service_times == seconds(600, 930, 900)
    assert (numbers.starts_assumed, numbers.starts_unknown, numbers.served) == (1, 1, 4)
    assert (numbers.missed_early, numbers.cancelled, numbers.holds, numbers.transfers) == (0, 0, 0, 0)
    assert (numbers.date, numbers.until, numbers.closed) == (FRIDAY, at("09:20"), False)


def test_waits_are_told_apart_by_class() -> None:
    by_class = {c.name: (c.issued, c.waits) for c in counted(busy_morning()).classes}
    assert by_class == {
        "walk_in": (3, seconds(2400, 1440)),
        "priority": (1, seconds(600)),
        "booked": (1, seconds(1480)),
    }


def test_whoever_came_with_a_booking_is_booked_also_in_a_priority_group() -> None:
    office = Office(clock="08:00")
    office.take(slot=at("08:10"), priority="older"), office.take("land", registered=at("07:40"))
    assert [(c.name, c.issued) for c in counted(office).classes] == [("walk_in", 0), ("priority", 0), ("booked", 2)]


def test_each_service_and_each_counter_has_its_numbers() -> None:
    numbers = counted(busy_morning())
    household, copies, land = (service(numbers, s) for s in ("household", "copies", "land"))
    assert [(s.letter, s.issued, s.calls, s.missed) for s in (household, copies, land)] == [("A", 2, 3, 1), ("B", 2, 2, 0), ("C", 1, 0, 0)]
    assert (copies.waits, copies.service_times) == (seconds(1440, 1480), seconds(930, 900))
    assert household.states[State.DONE] == 2
    first, third = counter(numbers, "1"), counter(numbers, "3")
    assert (first.name, first.calls, first.served, first.missed, first.open_min) == ("Quầy 1", 4, 3, 1, 80)
    assert (third.calls, third.served, third.service_times, third.open_min) == (1, 1, seconds(900), 39.7)
    assert counter(numbers, "2") == CounterNumbers("2", "Quầy 2", 0, 0, 0, Spread(), 0, 0)


def test_each_hour_has_its_numbers_taken_and_called() -> None:
    hours = counted(busy_morning()).hours
    assert [(h.start, h.issued, h.calls, h.waits.n) for h in hours] == [(at("08:00"), 4, 4, 4), (at("09:00"), 1, 1, 0)]


def test_a_day_on_which_nothing_happened_has_no_averages() -> None:
    numbers = counted(Office())
    assert (numbers.issued, numbers.waits, numbers.hours, numbers.out_of_order) == (0, Spread(), (), ())
    assert numbers.waits.mean_s is None


@pytest.mark.parametrize(
    ("values", "mean", "p50", "p90", "longest"),
    [
        ([7], 7, 7, 7, 7),
        ([4, 1], 2.5, 1, 4, 4),
        ([3, 1, 2], 2, 2, 3, 3),
        ([1, 1, 2], 1.3, 1, 2, 2),
        (range(1, 11), 5.5, 5, 9, 10),
        (range(1, 101), 50.5, 50, 90, 100),
        ([0.4, 0.6], 0.5, 0, 1, 1),
    ],
)
def test_percentiles_are_the_nearest_rank(values: list[float], mean: float, p50: int, p90: int, longest: int) -> None:
    spread = seconds(*values)
    assert (spread.n, spread.mean_s, spread.p50_s, spread.p90_s, spread.max_s) == (len(values), mean, p50, p90, longest)


def test_the_wait_of_one_who_was_sent_on_ends_at_the_first_counter() -> None:
    office = Office(clock="08:00", staffed="13")
    ticket = office.take()
    office.at("08:10").next("1")
    office.start(ticket)
    office.at("08:12").transfer(ticket, service="land")
    office.at("08:30").next("3")
    office.serve(ticket, 5)
    numbers = counted(office)
    assert numbers.waits == seconds(600)
    assert numbers.service_times == seconds(120, 300)
    assert (numbers.transfers, numbers.calls, numbers.served) == (1, 2, 1)
    household, land = service(numbers, "household"), service(numbers, "land")
    assert (household.issued, household.waits, household.transferred_out, household.service_times) == (1, seconds(600), 1, seconds(120))
    assert (land.issued, land.waits, land.transferred_in, land.service_times) == (0, Spread(), 1, seconds(300))


def test_one_sent_to_another_counter_stays_in_its_service() -> None:
    office = Office()
    office.transfer(office.take(), counter="4")
    numbers = counted(office)
    assert (numbers.transfers, service(numbers, "household").transferred_in, service(numbers, "household").transferred_out) == (1, 0, 0)


def test_one_who_was_set_aside_waited_until_the_first_time_at_the_counter() -> None:
    office = Office(clock="08:00", staffed="1")
    ticket = office.take()
    office.at("08:05").next()
    office.start(ticket)
    office.at("08:07").hold(ticket)
    office.at("08:20").call(ticket)
    office.serve(ticket, 4)
    numbers = counted(office)
    assert (numbers.waits, numbers.service_times, numbers.holds) == (seconds(300), seconds(120, 240), 1)


def test_one_who_came_back_and_then_left_was_missed_once_and_cancelled_once() -> None:
    office = Office(clock="08:00", staffed="1")
    ticket = _missed(office)
    office.rejoin(ticket)
    office.cancel(ticket)
    numbers = counted(office)
    assert (numbers.missed, numbers.rejoins, numbers.cancelled) == (1, 1, 1)


def test_a_turn_knows_what_ended_it() -> None:
    office = Office(clock="08:00", staffed="1")
    ticket = office.take()
    office.next()
    office.wait(30).cancel(ticket)
    (turn,) = told(office.story).visits[ticket.id].turns
    assert (turn.ended_by, turn.ended_at, turn.length) == (Verb.CANCEL, office.now, None)


def test_what_happens_after_the_end_of_the_day_opens_no_counter_longer() -> None:
    office = Office(clock="08:00", staffed="1")
    office.at("09:00").do(decide.close_day)
    office.at("10:00").do(decide.set_notice, hall="main", text="Đã đóng cửa")
    assert counter(counted(office), "1").open_min == 60


def test_a_call_out_of_order_stands_in_the_report_with_its_reason_unless_it_was_taken_back() -> None:
    office = Office(clock="08:00", staffed="12")
    first, second, third = office.take(), office.take(), office.take()
    office.call(third, "2", reason="nhầm")
    office.undo(third)
    office.wait(20).call(second, "2", reason="con nhỏ khóc")
    office.call(first, "1", reason="đúng lượt")
    (only,) = counted(office).out_of_order
    assert (only.code, only.counter, only.at, only.reason) == ("A002", "2", at("08:00:20"), "con nhỏ khóc")


def test_what_was_taken_back_is_counted_as_taken_back_and_as_nothing_else() -> None:
    office = Office(clock="08:00", staffed="1")
    ticket = office.take()
    office.next()
    office.undo(ticket)
    office.wait(60).next()
    office.no_show(ticket)
    office.undo(ticket)
    office.wait(120).finish(ticket)
    office.undo(ticket)
    office.start(ticket)
    office.wait(60).finish(ticket)
    numbers = counted(office)
    assert numbers.undone == {Verb.CALL: 1, Verb.FINISH: 1, Verb.NO_SHOW: 1}
    assert (numbers.calls, numbers.served, numbers.missed, numbers.missed_early, numbers.starts_assumed) == (1, 1, 0, 0, 0)
    assert (numbers.waits, numbers.service_times) == (seconds(60), seconds(60))


@pytest.mark.parametrize("started", [True, False])
def test_a_turn_that_has_not_ended_is_neither_served_nor_measured(started: bool) -> None:
    office = Office(clock="08:00", staffed="1")
    ticket = office.take()
    office.wait(60).next()
    office.finish(ticket)
    office.undo(ticket)
    if started:
        office.start(ticket)
    numbers = counted(office)
    assert (numbers.calls, numbers.served, numbers.waits, numbers.service_times) == (1, 0, Spread(), Spread())


def test_one_who_was_started_and_then_marked_missed_was_not_served() -> None:
    office = Office(clock="08:00", staffed="1")
    ticket = office.take()
    office.next()
    office.start(ticket)
    office.wait(200).no_show(ticket)
    numbers = counted(office)
    assert (numbers.served, numbers.missed, numbers.waits, numbers.service_times) == (0, 1, Spread(), Spread())


def test_a_missed_call_marked_early_is_counted_and_so_is_one_who_left() -> None:
    office = Office(clock="08:00", staffed="1")
    missed, called, waiting = office.take(), office.take(), office.take()
    office.next()
    office.no_show(missed)
    office.next()
    office.cancel(called), office.cancel(waiting)
    numbers = counted(office)
    assert (numbers.missed, numbers.missed_early, numbers.cancelled, numbers.served, numbers.waits.n) == (1, 1, 2, 0, 0)
    assert (numbers.states[State.NO_SHOW], numbers.states[State.CANCELLED]) == (1, 2)


def test_a_counter_is_measured_at_work_and_at_rest_to_the_end_of_the_day() -> None:
    office = Office(clock="08:00", staffed="12")
    office.at("09:00").pause("1")
    office.at("09:20").resume("1")
    office.at("10:00").close("1")
    office.at("11:00").open("1")
    office.at("11:30").open("1", by=SUPERVISOR)  # taken over: still at work
    office.at("12:00").pause("2")
    office.at("12:15").do(decide.close_day)
    numbers = counted(office)
    assert [(c.open_min, c.paused_min) for c in numbers.counters] == [(175, 20), (240, 15), (0, 0), (0, 0)]
    assert numbers.closed


def test_a_report_so_far_counts_to_the_last_event() -> None:
    office = Office(clock="08:00", staffed="12")
    office.at("08:30").pause("2")
    office.at("09:00").take()
    numbers = counted(office)
    assert [(c.open_min, c.paused_min) for c in numbers.counters[:2]] == [(60, 0), (30, 30)]


def test_work_after_the_closing_time_is_overtime() -> None:
    office = Office(clock="16:20", staffed="1")
    in_time, late, latest, missed = (office.take() for _ in range(4))
    office.at("16:50").next()
    office.at("17:00").finish(in_time)
    assert (counted(office).overtime_min, counted(office).served_after_closing) == (0, 0)
    office.next()
    office.at("17:12:30").finish(late)
    office.next()
    office.at("17:15").finish(latest)
    office.next()
    office.at("17:20").no_show(missed)
    assert (counted(office).overtime_min, counted(office).served_after_closing) == (20, 2)


def test_a_day_without_opening_hours_has_no_overtime() -> None:
    office = Office(clock="16:29", staffed="1")
    ticket = office.take()
    office.revise(hours=Hours(week=((),) * 7))
    office.at("18:00").next()
    office.serve(ticket, 5)
    assert (counted(office).served, counted(office).overtime_min) == (1, 0)


def test_the_last_number_of_the_night_is_counted_in_the_hour_it_was_called() -> None:
    office = Office(clock="16:20", staffed="1")
    office.take()
    office.now = at("00:10", date(2026, 11, 21))
    office.next()
    assert [h.start for h in counted(office).hours] == [at("16:00"), at("00:00", date(2026, 11, 21))]


def test_a_past_day_gives_the_same_report_from_its_story_alone() -> None:
    office = busy_morning()
    office.revise(services=(*office.site.services, Service("tax", "E", "Thuế")), hours=HOURS)
    office.take("tax")
    assert report(office.replayed(), office.story) == counted(office)
    assert service(counted(office), "tax").issued == 1


def test_every_event_leaves_the_sums_right() -> None:
    office = busy_morning()
    office.transfer(office.take(), by=CLERKS["1"], service="land")
    office.rejoin(_missed(office), by=KIOSK)
    office.do(decide.stop_service, service="land")
    numbers = counted(office)
    assert (
        numbers.issued == sum(numbers.states.values()) == sum(s.issued for s in numbers.services) == sum(c.issued for c in numbers.classes)
    )
    assert (
        numbers.calls
        == sum(c.calls for c in numbers.counters)
        == sum(h.calls for h in numbers.hours)
        == sum(s.calls for s in numbers.services)
    )
    assert numbers.issued == sum(h.issued for h in numbers.hours)
    assert all(s.issued == sum(s.states.values()) for s in numbers.services)


def _missed(office: Office) -> Ticket:
    ticket = office.take()
    office.next()
    office.no_show(ticket)
    return ticket


# -- the sheet -------------------------------------------------------------------------------------------------------------------


def sheet(office: Office) -> dict[tuple[str, str, str], object]:
    return {(part, subject, measure): value for part, subject, measure, value, _ in rows(counted(office))[1:]}


def test_the_sheet_is_flat_and_every_row_has_a_name_and_a_unit_of_its_own() -> None:
    office = busy_morning()
    table = rows(counted(office))
    assert table[0] == HEADING
    assert {len(row) for row in table} == {5}
    assert len(sheet(office)) == len(table) - 1
    assert {row[4] for row in table[1:]} == {"", "phiếu", "lượt", "phút"}


@pytest.mark.parametrize(
    ("row", "value"),
    [
        (("Cả ngày", "UBND phường An Mẫu", "Ngày"), "2026-11-20"),
        (("Cả ngày", "UBND phường An Mẫu", "Số phiếu đã cấp"), 5),
        (("Cả ngày", "UBND phường An Mẫu", "Phiếu: hoàn tất"), 4),
        (("Cả ngày", "UBND phường An Mẫu", "Chờ: số lượt đo"), 4),
        (("Cả ngày", "UBND phường An Mẫu", "Chờ: trung bình"), 24.7),
        (("Cả ngày", "UBND phường An Mẫu", "Chờ: lâu nhất"), 40.0),
        (("Cả ngày", "UBND phường An Mẫu", "Lượt hoàn tất có giờ bắt đầu ước tính"), 1),
        (("Loại phiếu", "Ưu tiên", "Chờ: một nửa không quá"), 10.0),
        (("Lĩnh vực", "B · Chứng thực", "Phục vụ một lượt: 90% không quá"), 15.5),
        (("Lĩnh vực", "D · Y tế", "Chờ: trung bình"), ""),
        (("Quầy", "Quầy 1", "Mở quầy"), 80.0),
        (("Giờ", "08:00", "Lượt gọi"), 4),
    ],
)
def test_the_sheet_says_what_the_report_says(row: tuple[str, str, str], value: object) -> None:
    assert sheet(busy_morning())[row] == value


@pytest.mark.parametrize("reason", ["=HYPERLINK(1)", "+84", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_reason_typed_by_hand_never_becomes_a_formula(reason: str) -> None:
    office = Office(clock="08:00", staffed="1")
    office.take()
    office.call(office.take(), reason=reason)
    assert rows(counted(office))[-1] == ["Gọi không theo thứ tự", "A002 · quầy 1 · 08:00:00", "Lý do", f"'{reason}", ""]


def test_the_sheet_survives_the_way_through_csv() -> None:
    office = Office(clock="08:00", staffed="1")
    office.take()
    office.call(office.take(), reason='mẹ nói "gấp", con khóc')
    paper = io.StringIO()
    csv.writer(paper).writerows(rows(counted(office)))
    assert list(csv.reader(io.StringIO(paper.getvalue())))[-1][3] == 'mẹ nói "gấp", con khóc'
