"""The simulator against what is known: a recursion, Erlang's formula, head starts, the rule's own comparison, and an oracle."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from bench import simulation
from bench.theory import (
    ERLANG,
    HEAD_RULES,
    HEAD_STARTS,
    HEADS,
    SHARES,
    by_key,
    compared_head_starts,
    erlang_c,
    exact,
    kiefer_wolfowitz,
    microseconds,
    mornings,
    office,
    recursion,
    waits,
)
from invented import by_hand, calls, invented_day

from server.core import decide
from server.core.queue import Term, in_order
from server.core.site import MINUTE, Rules
from server.core.turns import told


@pytest.mark.slow
@pytest.mark.parametrize("counters", [1, 3, 5])
def test_first_come_first_served_is_the_recursion_for_every_one_of_20000_people(counters: int) -> None:
    crowd, _ = exact(counters, 0.95, 20_000, Random(counters))
    expected = list(kiefer_wolfowitz(microseconds(crowd), counters))
    assert max(expected) > 60 * 60e6, "a load at which people really wait"
    assert waits(office(counters, Rules()), crowd) == expected


@pytest.mark.parametrize(("counters", "load"), ERLANG)
def test_the_table_of_the_rule_is_erlangs_formula(counters: int, load: float) -> None:
    assert ERLANG[counters, load] == pytest.approx(erlang_c(counters, load), abs=0.005)


@pytest.mark.parametrize(("counters", "load"), [cell for cell in ERLANG if cell[1] < 0.95])
def test_the_recursion_is_erlangs_formula_within_its_error(counters: int, load: float) -> None:
    """All cells with ten million people: `make simulation`."""
    found = recursion(counters, load, 200_000, seed=1, batches=20)
    assert found.within(3, erlang_c(counters, load)), found
    assert not found.within(3, 2 * erlang_c(counters, load)), "an error that says something"


@pytest.mark.slow
def test_head_starts_are_the_recursion_for_every_one_of_20000_people() -> None:
    crowd, kinds = exact(3, 0.9, 20_000, Random(1), SHARES)
    people = microseconds(crowd)
    # The engine counts in whole seconds, as the paper prints them.
    keys = [moment // 10**6 - 60 * HEADS[kind] for (moment, _), kind in zip(people, kinds, strict=True)]
    assert waits(office(3, HEAD_RULES), crowd) == by_key(people, keys, 3)


@pytest.mark.slow
@pytest.mark.parametrize(("counters", "load"), HEAD_STARTS)
def test_the_head_start_table_is_met_within_two_standard_errors(counters: int, load: float) -> None:
    rows, everybody = compared_head_starts(counters, load, 1_000_000, seed=1)
    assert all(row.agrees for row in rows), rows
    assert all(row.found.error < 0.1 and abs(row.found.mean - row.known) < 0.6 for row in rows), "an error that says something"
    # What one class gains the others lose, and a head start is worth at most its minutes.
    assert everybody.within(3, erlang_c(counters, load))
    w0, w10, w20 = (row.found.mean for row in rows)
    assert 0 < w0 - w10 < 10 and 0 < w10 - w20 < 10


@pytest.mark.slow
def test_on_common_mornings_the_rule_serves_bookings_on_time_and_lets_nobody_be_overtaken_beyond_its_bound() -> None:
    """The comparison of the rule's document on 300 mornings: 89.9, 100 and 69.3 % near their slot there."""
    found = mornings(300, seed=1)
    rule, strict, first = found["the rule"], found["strict priority"], found["first come"]
    assert rule.punctual == strict.punctual == first.punctual > 10_000
    shares = [outcome.near_slot_share or 0 for outcome in (rule, strict, first)]
    assert shares[0] >= 0.88 and shares[1] > 0.995 and 0.64 < shares[2] < 0.74
    assert timedelta() < rule.latest <= Rules().bound == 45 * MINUTE < strict.latest
    assert first.overtaken == 0 < rule.overtaken < strict.overtaken
    longest = [outcome.waits_of("walk_in").longest or 0 for outcome in (rule, strict, first)]
    assert longest[2] < longest[0] < longest[1]


@pytest.mark.slow
def test_2000_random_days_are_what_sorting_everybody_by_hand_makes_of_them() -> None:
    met: set[object] = set()
    for seed in range(2_000):
        day = invented_day(seed)
        story = day.story()
        assert calls(story) == by_hand(day), seed
        met |= {type(entry.event).__name__ for entry in story} | {v.issued.term for v in told(story).visits.values()}
    # A comparison in which nothing happens shows nothing.
    assert met >= {"TicketRejoined", "TicketTransferred", "TicketReleased", "TicketCancelled", "CounterClosed", "CounterAssigned"}
    assert met >= set(Term) - {Term.REJOINED}


def test_an_engine_that_passes_somebody_over_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    days = [invented_day(seed) for seed in range(20)]
    assert all(calls(day.story()) == by_hand(day) for day in days)
    monkeypatch.setattr(decide, "in_order", lambda lines: iter(list(in_order(lines))[::-1]))
    assert any(calls(day.story()) != by_hand(day) for day in days)


@pytest.mark.slow
def test_the_document_is_written_by_one_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = simulation.main(["--people", "20000", "--days", "3", "--into", str(tmp_path)])
    text = (tmp_path / "simulation.md").read_text(encoding="utf-8")
    # Twenty thousand people are too few for the tables, and it says so.
    assert code == 1 and re.match(r"(Erlang|Head starts), \(", capsys.readouterr().out)
    assert text.startswith("# Days that did not happen") and "{" not in text and len(re.findall(r"^\| ", text, re.MULTILINE)) > 30
    for picture in re.findall(r"\]\((pictures/[^)]+)\)", text):
        assert (tmp_path / picture).read_text(encoding="utf-8").startswith("<svg")
