"""Citizens arrive as they do at real offices, and what they were derived from is cleaned as its collectors say."""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from config import bundled
from config.loader import load
from config.profile import Citizen, Mix, arrivals, busy_day, municipal
from config.profiles import derive
from config.profiles.derive import Growth, Sample, growths, instants
from server.core.site import HoursState, Site, hours_now, last_ticket

FRIDAY, SATURDAY, HOLIDAY, SUNDAY = date(2026, 11, 20), date(2026, 11, 21), date(2026, 11, 24), date(2026, 11, 22)
DEMO = load(bundled("demo"))
OPEN = load(bundled("open"))


def citizens(site: Site = DEMO, day: date = FRIDAY, *, seed: int = 1, tickets: int = 260, mix: Mix = Mix()) -> list[Citizen]:  # noqa: B008
    return arrivals(municipal(), site, day, Random(seed), tickets=tickets, mix=mix)


# --- the profiles ---


def test_the_profile_is_a_whole_day_of_shares() -> None:
    profile = municipal()
    assert sum(profile.arrivals) == pytest.approx(1, abs=0.001)
    assert sum(queue.share for queue in profile.queues) == pytest.approx(1, abs=0.001)
    assert len(profile.arrivals) == 32
    assert [queue.share for queue in profile.queues] == sorted((queue.share for queue in profile.queues), reverse=True)
    assert all(timedelta(minutes=2) < queue.service_time < timedelta(minutes=20) for queue in profile.queues)


def test_the_busy_day_is_a_real_one_with_at_least_500_tickets() -> None:
    day = busy_day()
    counts = Counter(letter for _, letter in day.arrivals)
    assert sum(counts.values()) == 593
    assert set(counts) == set(day.queues)
    assert len(day.queues) == 10
    assert all(timedelta() <= at < day.closes - day.opens for at, _ in day.arrivals)
    assert [at for at, _ in day.arrivals] == sorted(at for at, _ in day.arrivals)


# --- the invented citizens ---


def test_the_same_seed_invents_the_same_people() -> None:
    assert citizens(seed=7) == citizens(seed=7)
    assert citizens(seed=7) != citizens(seed=8)


@pytest.mark.parametrize("day", [FRIDAY, SATURDAY])
def test_people_take_numbers_only_when_their_service_gives_them(day: date) -> None:
    people = citizens(day=day)
    assert len(people) == 260
    for citizen in people:
        now = hours_now(DEMO, citizen.at)
        assert now.issuing
        until = last_ticket(DEMO, DEMO.service[citizen.service], citizen.at)
        assert until is not None
        assert citizen.at < until
    assert [citizen.at for citizen in people] == sorted(citizen.at for citizen in people)


@pytest.mark.parametrize("day", [SUNDAY, HOLIDAY])
def test_nobody_comes_when_the_office_is_closed(day: date) -> None:
    assert citizens(day=day) == []


def test_some_stand_at_the_kiosk_before_the_office_opens() -> None:
    before = [citizen for citizen in citizens(tickets=2000) if hours_now(DEMO, citizen.at).state is HoursState.BEFORE]
    assert 20 <= len(before) <= 80


def test_an_office_that_never_closes_gets_people_around_the_clock() -> None:
    assert {citizen.at.hour for citizen in citizens(OPEN, tickets=2000)} == set(range(24))


def test_every_service_has_its_people_and_the_first_has_most() -> None:
    counts = Counter(citizen.service for citizen in citizens(tickets=2000))
    assert set(counts) == set(DEMO.service)
    assert counts.most_common(1)[0][0] == DEMO.services[0].id


def test_few_claim_priority_speak_english_name_a_procedure_or_miss_their_call() -> None:
    people = citizens(tickets=4000)
    share = {
        "priority": sum(citizen.priority is not None for citizen in people) / len(people),
        "foreign": sum(citizen.lang == "en" for citizen in people) / len(people),
        "absent": sum(not citizen.comes for citizen in people) / len(people),
    }
    assert share == pytest.approx({"priority": 0.12, "foreign": 0.02, "absent": 0.05}, abs=0.02)
    assert {citizen.priority for citizen in people} == {None, *DEMO.priority_group}
    named = [citizen for citizen in people if citizen.procedure]
    assert named
    assert all(DEMO.procedure[citizen.procedure].service == citizen.service for citizen in named if citizen.procedure)


def test_changing_one_share_changes_nobody_else() -> None:
    usual, none = citizens(), citizens(mix=Mix(priority=0, foreign=0))
    assert [(citizen.at, citizen.service, citizen.service_time, citizen.comes) for citizen in usual] == [
        (citizen.at, citizen.service, citizen.service_time, citizen.comes) for citizen in none
    ]
    assert not any(citizen.priority for citizen in none)


def test_service_takes_as_long_as_the_profile_says() -> None:
    seconds = [citizen.service_time.total_seconds() for citizen in citizens(tickets=4000) if citizen.service == DEMO.services[0].id]
    assert sum(seconds) / len(seconds) == pytest.approx(municipal().queues[0].service_time.total_seconds(), rel=0.1)


# --- the derivation ---


def samples(*rows: tuple[int | None, int]) -> list[Sample]:
    start = datetime(2020, 1, 3, 8, 0)
    return [Sample(start + timedelta(minutes=5 * at), current, waiting, 5) for at, (current, waiting) in enumerate(rows)]


@pytest.mark.parametrize(
    ("rows", "people", "jumps"),
    [
        ([(None, 0), (None, 2), (3, 1)], [4], 0),
        ([(1, 0), (1, 4), (5, 0)], [1, 4], 0),
        ([(1, 0), (10, 0), (8, 0), (11, 0)], [1, 9, 1], 0),
        ([(1, 0), (401, 0), (403, 0)], [1, 2], 1),
        ([(401, 3), (403, 3)], [3, 2], 0),
        ([(5, 0), (None, 0), (9, 0)], [5, 4], 0),
        ([(50, 0), (3, 0), (5, 0)], [2], 1),
        ([(None, 3), (None, 0)], [], 0),
    ],
    ids=["first call", "those who wait", "some gave up", "another range", "begins elsewhere", "gap", "starts again", "never called"],
)
def test_arrivals_are_what_numbers_and_waiting_people_gain(rows: list[tuple[int | None, int]], people: list[int], jumps: int) -> None:
    found, jumped = growths(samples(*rows))
    assert ([growth.people for growth in found], jumped) == (people, jumps)


def test_people_are_spread_evenly_between_two_recordings() -> None:
    start = datetime(2020, 1, 3, 8, 0)
    found = instants([Growth(start, start + timedelta(minutes=4), 2)])
    assert found == [start + timedelta(minutes=1), start + timedelta(minutes=3)]


def test_the_derivation_turns_recordings_into_the_two_profiles(tmp_path: Path) -> None:
    recordings = tmp_path / "queues.csv.gz"
    with gzip.open(recordings, "wt", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["office", "queue_id", "queue_name", "t", "current_number", "waiting", "open_counters", "service_estimate_min"])
        for number in range(97):
            at = datetime(2020, 1, 3, 8, 0) + timedelta(minutes=5 * number)
            rows.writerow(["UD_Z", "1", "K: Kasy", at, f"{3 * number + 1}.0", 0, 2, 4 + number % 3])
            rows.writerow(["UD_Z", "2", "P: Paszporty", at, number // 2 + 1, 1, 1, 8 + number % 3])
    days = derive.read(recordings)
    profile = derive.municipal(days)
    assert profile["office_days"] == 1
    assert profile["queues"][:2] == [  # type: ignore[index]
        {"share": 0.8525, "service_minutes": 5.0},
        {"share": 0.1475, "service_minutes": 9.0},
    ]
    day = derive.busy_day(days, "UD_Z", "2020-01-03")
    assert {letter: len(queue["arrivals"]) for letter, queue in day["queues"].items()} == {"K": 289, "P": 50}  # type: ignore[attr-defined]
    written = tmp_path / "day.json"
    derive.write(written, day)
    assert written.read_text(encoding="utf-8").startswith('{\n  "source": {')
