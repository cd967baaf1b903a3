"""The hall's clock: one time for everybody, that a wrong computer clock cannot throw into confusion."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest

from server.clock import HallClock

NINE = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
MILLISECOND = timedelta(milliseconds=1)
HOUR = timedelta(hours=1)


class Computer:
    """A machine whose clock can be set wrong; its counter only goes on."""

    def __init__(self) -> None:
        self.wall, self.counter = NINE, 1000.0

    def passes(self, span: timedelta) -> None:
        self.wall += span
        self.counter += span.total_seconds()

    def clock(self, start: datetime | None = None, factor: float = 1.0) -> HallClock:
        return HallClock(start, factor, wall=lambda: self.wall, monotonic=lambda: self.counter)


def live(computer: Computer, clock: HallClock, span: timedelta, *, waits: bool, every: timedelta = SECOND) -> list[datetime]:
    """The instants a hall reads while it keeps house for `span`: before and after each adjustment."""
    seen = []
    for _ in range(round(span / every)):
        computer.passes(every)
        seen.append(clock.now())
        clock.adjust(anybody_waits=waits)
        seen.append(clock.now())
    return seen


def test_the_hall_goes_with_the_computer_as_long_as_they_agree() -> None:
    computer = Computer()
    clock = computer.clock()
    live(computer, clock, HOUR, waits=True)
    assert clock.now() == computer.wall


@pytest.mark.parametrize(
    ("step", "waits", "adopted"),
    [
        (timedelta(hours=2), False, True),
        (-timedelta(minutes=10), False, True),
        (timedelta(hours=2), True, False),
        (-timedelta(minutes=10), True, False),
        (5 * MINUTE + SECOND, False, True),
        (5 * MINUTE + SECOND, True, False),
        (5 * MINUTE, False, False),
        (-5 * MINUTE, False, False),
        (2 * SECOND, False, False),
    ],
)
def test_a_large_step_is_adopted_when_it_has_stood_for_ten_minutes_and_nobody_waits(step: timedelta, waits: bool, adopted: bool) -> None:
    computer = Computer()
    clock = computer.clock()
    live(computer, clock, HOUR, waits=waits)
    computer.wall += step
    live(computer, clock, 10 * MINUTE, waits=waits)
    assert clock.now() != computer.wall
    live(computer, clock, SECOND, waits=waits)
    assert (clock.now() == computer.wall) is adopted


def test_a_large_step_that_had_to_wait_is_adopted_when_the_hall_is_empty() -> None:
    computer = Computer()
    clock = computer.clock()
    computer.wall += 2 * HOUR
    live(computer, clock, HOUR, waits=True)
    assert computer.wall - clock.now() == 2 * HOUR
    clock.adjust(anybody_waits=False)
    assert clock.now() == computer.wall


@pytest.mark.parametrize("wrong", [timedelta(days=1), timedelta(days=400), -timedelta(days=1), -timedelta(days=5000), 10 * MINUTE])
@pytest.mark.parametrize("lasts", [4 * SECOND, 9 * MINUTE])
def test_a_wrong_date_that_passes_moves_nothing(wrong: timedelta, lasts: timedelta) -> None:
    computer = Computer()
    clock = computer.clock()
    clock.not_before(NINE - HOUR)
    live(computer, clock, HOUR, waits=False)
    # Of a computer that is behind what has happened nothing is believed: the hall goes by its own date.
    unsure = wrong > timedelta()
    for _ in range(3):
        computer.wall += wrong
        seen = live(computer, clock, lasts, waits=False)
        assert seen == sorted(seen) and clock.now() == computer.wall - wrong and clock.settled is not unsure
        computer.wall -= wrong
        live(computer, clock, 5 * MINUTE, waits=False)
        assert clock.now() == computer.wall and clock.settled is not unsure
    live(computer, clock, 55 * MINUTE, waits=False)
    assert clock.settled


def test_a_clock_that_says_something_else_at_each_look_is_not_followed() -> None:
    computer = Computer()
    clock = computer.clock()
    live(computer, clock, HOUR, waits=False)
    for n in range(2000):
        computer.wall += HOUR if n % 2 else -HOUR
        live(computer, clock, SECOND, waits=False)
    assert clock.now() == computer.wall and not clock.settled


def test_what_a_machine_believes_when_it_is_switched_on_is_soon_corrected() -> None:
    """Its battery is old, and a minute later the network tells it better: the hall must not open seven hours late."""
    computer = Computer()
    clock = computer.clock()
    live(computer, clock, 20 * SECOND, waits=False)
    computer.wall -= 7 * HOUR
    live(computer, clock, 59 * SECOND, waits=False)
    assert clock.now() == computer.wall + 7 * HOUR
    live(computer, clock, 2 * SECOND, waits=False)
    assert clock.now() == computer.wall and not clock.settled
    live(computer, clock, HOUR, waits=False)
    assert clock.settled


def test_a_step_settles_for_an_hour_before_anything_is_done_by_it_that_cannot_be_taken_back() -> None:
    computer = Computer()
    clock = computer.clock()
    live(computer, clock, HOUR, waits=False)
    assert clock.settled and clock.apart is None
    computer.wall += 2 * HOUR
    live(computer, clock, 10 * MINUTE, waits=False)
    assert not clock.settled and clock.apart == (2 * HOUR, 599.0), "somebody is told"
    live(computer, clock, SECOND, waits=False)
    assert clock.now() == computer.wall and clock.apart is None
    live(computer, clock, HOUR - SECOND, waits=False)
    assert not clock.settled
    live(computer, clock, SECOND, waits=False)
    assert clock.settled


@pytest.mark.parametrize(
    ("off", "settled"), [(-10 * MINUTE, False), (timedelta(), True), (timedelta(days=3), True), (timedelta(days=15), False)]
)
def test_a_start_is_settled_when_it_comes_within_two_weeks_of_what_was_recorded_last(off: timedelta, settled: bool) -> None:
    computer = Computer()
    clock = computer.clock()
    clock.not_before(computer.wall - off)
    assert clock.settled is settled
    live(computer, clock, HOUR, waits=False)
    assert clock.settled, "a hall that is only carried on is late, if anything"


@pytest.mark.parametrize(
    ("starts", "step", "settled"),
    [
        (20 * SECOND, timedelta(hours=14), True),
        (20 * SECOND, timedelta(days=15), False),
        (20 * SECOND, -30 * MINUTE, False),
        (HOUR, timedelta(hours=14), False),
    ],
)
def test_a_machine_that_starts_where_it_was_switched_off_ends_the_day_before_as_soon_as_it_is_told_better(
    starts: timedelta, step: timedelta, settled: bool
) -> None:
    computer = Computer()
    clock = computer.clock()
    clock.not_before(NINE - HOUR)
    live(computer, clock, starts, waits=False)
    computer.wall += step
    live(computer, clock, 11 * MINUTE, waits=False)
    assert clock.now() == computer.wall and clock.settled is settled


def test_sessions_and_answers_are_counted_by_the_hall_but_not_by_a_rehearsals() -> None:
    computer = Computer()
    clock, rehearsal = computer.clock(), computer.clock(NINE + timedelta(days=100), 60.0)
    live(computer, clock, HOUR, waits=False)
    computer.wall += timedelta(days=1)
    assert clock.real_now() == computer.wall - timedelta(days=1)
    assert rehearsal.real_now() == computer.wall and rehearsal.settled and rehearsal.apart is None


@pytest.mark.parametrize("step", [-90 * SECOND, -4 * SECOND, 4 * SECOND, 90 * SECOND])
@pytest.mark.parametrize("every", [SECOND, 7 * SECOND, MINUTE])
def test_a_small_step_is_worked_off_a_second_a_minute_and_never_by_going_back(step: timedelta, every: timedelta) -> None:
    computer = Computer()
    clock = computer.clock()
    computer.wall += step
    before = clock.now()
    clock.adjust(anybody_waits=True)
    first = live(computer, clock, 2 * MINUTE, waits=True, every=every)
    assert abs(step) - abs(computer.wall - clock.now()) <= 2 * SECOND + MILLISECOND
    rest = live(computer, clock, 2 * HOUR, waits=True, every=every)
    assert abs(computer.wall - clock.now()) <= 2 * SECOND
    seen = [before, *first, *rest]
    assert all(earlier <= later for earlier, later in pairwise(seen))


def test_a_difference_of_two_seconds_is_nobodys_business() -> None:
    computer = Computer()
    clock = computer.clock()
    computer.wall += 2 * SECOND
    live(computer, clock, HOUR, waits=False)
    assert computer.wall - clock.now() == 2 * SECOND


@pytest.mark.parametrize(("start", "factor"), [(NINE - 100 * HOUR, 1.0), (NINE, 60.0), (None, 60.0)])
def test_a_rehearsal_owes_the_computer_nothing(start: datetime | None, factor: float) -> None:
    computer = Computer()
    clock = computer.clock(start, factor)
    live(computer, clock, 10 * MINUTE, waits=False)
    assert clock.now() == (start or NINE) + 10 * MINUTE * factor
    assert clock.adjust(anybody_waits=False) == timedelta()


def test_real_seconds_are_hall_time_over_the_factor() -> None:
    assert Computer().clock(factor=60.0).seconds(HOUR) == 60.0


def test_a_computer_that_lost_its_time_does_not_take_the_hall_back_behind_what_has_happened() -> None:
    computer = Computer()
    computer.wall = datetime(2012, 1, 1, tzinfo=UTC)
    clock = computer.clock()
    clock.not_before(NINE)
    assert clock.lost and clock.now() == NINE
    live(computer, clock, HOUR, waits=False)
    assert clock.now() == NINE + HOUR, "also when nobody waits"
    computer.wall = NINE + 3 * HOUR
    assert not clock.lost
    live(computer, clock, SECOND, waits=True)
    assert clock.now() == NINE + HOUR + SECOND and not clock.settled, "a computer that has found it again is followed as any other"
    live(computer, clock, SECOND, waits=False)
    assert clock.now() == computer.wall and clock.settled, "at once, as at a start: what the hall went by was no time at all"


def test_a_computer_that_is_a_little_behind_what_has_happened_is_come_closer_to() -> None:
    computer = Computer()
    clock = computer.clock()
    clock.not_before(NINE + MINUTE)
    assert not clock.lost and clock.now() == NINE + MINUTE
    live(computer, clock, 61 * MINUTE, waits=True)
    assert abs(clock.now() - computer.wall) <= 2 * SECOND


def test_what_happened_before_now_changes_nothing_and_a_rehearsal_owes_it_nothing() -> None:
    computer = Computer()
    clock, rehearsal = computer.clock(), computer.clock(start=NINE - HOUR)
    clock.not_before(NINE - HOUR)
    rehearsal.not_before(NINE + HOUR)
    assert clock.now() == NINE and rehearsal.now() == NINE - HOUR and not clock.lost and not rehearsal.lost


def test_a_running_hall_does_not_go_back_to_a_date_before_what_it_has_recorded() -> None:
    computer = Computer()
    clock = computer.clock()
    live(computer, clock, HOUR, waits=False)
    recorded = clock.now().astimezone(timezone(7 * HOUR))
    clock.adjust(anybody_waits=False, recorded=recorded)
    computer.wall -= 9 * HOUR
    live(computer, clock, 11 * MINUTE, waits=False)
    assert clock.now() == computer.wall and not clock.lost, "within one date it goes back"
    live(computer, clock, HOUR, waits=False)
    computer.wall -= timedelta(days=1)
    assert clock.lost
    live(computer, clock, HOUR, waits=False)
    assert clock.now() == computer.wall + timedelta(days=1)
