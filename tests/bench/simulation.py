"""Writes `docs/simulation.md` and its pictures: the simulator beside what is known of queues, and the rule beside two others.

    python -m tests.bench.simulation

Some minutes, most of them for ten million people in each cell of the first table. Exit code 1 when what is promised is not kept.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from server.chart import waits_chart
from server.core.crowd import Crowd, duties
from server.core.outcome import CLASSES, Outcome
from server.core.simulate import live
from server.core.site import MINUTE, Rules

from .theory import (
    BEGINS,
    COUNTERS,
    ERLANG,
    HEAD_STARTS,
    HEADS,
    SESSION,
    Estimate,
    HeadStart,
    compared_head_starts,
    erlang_c,
    morning,
    mornings,
    office,
    recursion,
)

DOCS = Path(__file__).parents[2] / "docs"
SEED = 1
Heads = dict[tuple[int, float], tuple[list[HeadStart], Estimate]]
NAMES = {"walk_in": "walk-ins", "priority": "priority groups", "booked": "booked"}
BOOKED = (0.0, 0.2, 0.4, 0.6)
STAFF = (4, 5, 6, 7)

TEXT = """# Days that did not happen

Written by `make simulation`; every number below is from that run. `moiso simulate` and `moiso replay` live through days by the functions
of the live server: [`server/core/decide.py`](../server/core/decide.py) decides, the day folds, and the next one is asked of the same
lines. So what is shown here is the rule as it runs, not a model of it.

```
moiso simulate --site open --counters 5 --load 0.95 --booked 0.3 --days 300     # the mornings of the last section
moiso simulate --site my-ward.toml --counters 4,6,6,0,5 --hours 10 --target 30  # lunch in the middle; how many for 30 minutes?
moiso simulate --recorded busy-day --counters 12 --rule first-come              # a real office's arrivals
moiso replay 2026-11-20 --rule priority_head=0 --counters +1 --plot day.svg     # yesterday otherwise, beside yesterday as it was
```

`--load` is the work of the people who come at weight 1, with those who stay away, over the counters' time; `--arrivals` are weights of
equal parts of the hours. Changing the rule or a share changes nothing else about the people: the same seed, the same
citizens. A replay stands beside the day as it was and beside a replay under the day's own rule: the distance of these two is what clerks
did otherwise than the rule, and says how far the third can be trusted. Clerks' short rests stay with the citizen before, breaks with the
hour.

What it does not know: people who give up because the line is long, clerks who hurry because it is, a kiosk that is broken.

## First come, first served

Mean wait in minutes, 6 min of exponential service: by Erlang's formula, and by a Kiefer-Wolfowitz recursion with {people:,} people a cell
and its standard error. The engine equals that recursion, to the microsecond, for every one of 20,000 people
([`tests/test_simulate_theory.py`](../tests/test_simulate_theory.py)).

{erlang}

## Head starts

Mean wait in minutes of shares 0.6, 0.3 and 0.1 with head starts of 0, 10 and 20 min. When the rule was designed, these were simulated; a
recursion with {fewer:,} people, which again is the engine's for every one of 20,000, is held against that. A head start takes from one what
it gives to another, so the mean over all is known: Erlang's. What a run missed it by is chance, and is taken out of both by regression; the
rest agrees within two standard errors of the difference.

{heads}

## The rule on {days} mornings

5 counters, load 0.95; 4 hours, the first 90 minutes at 1.35 times the rate; lognormal service of 6 min with cv 0.8; 30 % book slots of 5
min, 15 % of them stay away, 5 % come 10 to 40 min late, the others about 6 ± 8 min early; 10 % of the others are in a priority group. The
same people three times.

{policies}

*In time*: checked in by the slot. Somebody is overtaken by whoever joined later and was called first; under the rule nobody may be
overtaken by who came more than {bound} min later.

When [the rule](queue-time.md) was designed, the same setting was measured with other random mornings: 89.9, 100 and 69.3 % near their
slot, a longest walk-in wait of 89 and 118 min, and 16 and 42 people at most who overtook one person. Here the worst case is worse: the
largest of some ten thousand people is a matter of chance, and no bound on how *many* overtake is promised, only on how much later they
came. That bound, and 88 % near their slot, are held by
`test_on_common_mornings_the_rule_serves_bookings_on_time_and_lets_nobody_be_overtaken_beyond_its_bound`
([`tests/test_simulate_theory.py`](../tests/test_simulate_theory.py)) on all 300 mornings.

![Walk-ins under three rules](pictures/simulation-walk-ins.svg)

![Booked people under three rules](pictures/simulation-booked.svg)

## How many to let book, how many counters

The same mornings, {sweep} of them each, under the rule. More bookings leave fewer people who come, since 15 % of them stay away.

{sweeps}
"""


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, ["---", *["--:"] * (len(head) - 1)], *rows))


def shown(found: Estimate) -> str:
    return f"{found.mean:.2f} ± {found.error:.2f}"


def erlang_table(found: dict[tuple[int, float], Estimate]) -> str:
    loads = sorted({load for _, load in found})
    rows = [
        [str(counters), *(cell for load in loads for cell in (f"{erlang_c(counters, load):.2f}", shown(found[counters, load])))]
        for counters in sorted({counters for counters, _ in found})
    ]
    return table(["counters", *(cell for load in loads for cell in (f"load {load}", "recursion"))], rows)


def head_table(found: Heads) -> str:
    rows = []
    for (counters, load), (classes, everybody) in found.items():
        for head, one in zip(HEADS, classes, strict=True):
            rows.append([f"{counters}, {load}", f"{head} min", f"{one.known:.2f}", f"{one.cleared:.2f}", shown(one.found)])
        rows.append([f"{counters}, {load}", "all, as it came", "", f"{erlang_c(counters, load):.2f}", shown(everybody)])
    return table(["counters, load", "head start", "the design", "without its chance", "here"], rows)


def policy_table(found: dict[str, Outcome]) -> str:
    rows = [["booked and in time: begun within 10 min of the slot", *(f"{o.near_slot_share:.1%}" for o in found.values())]]
    for name in CLASSES:
        for what, field in (("mean wait", "mean"), ("95 of 100 waited at most", "p95"), ("longest wait", "longest")):
            rows.append([f"{NAMES[name]}: {what}, min", *(f"{getattr(o.waits_of(name), field):.1f}" for o in found.values())])
    rows.append(["most people who overtook one person", *(str(o.overtaken) for o in found.values())])
    rows.append(["the last of them came so much later, min", *(f"{o.latest / MINUTE:.1f}" for o in found.values())])
    return table(["", *found], rows)


def sweep_table(days: int) -> str:
    rows = []
    settings = [(f"{booked:.0%} booked", Crowd(booked=booked), COUNTERS) for booked in BOOKED]
    settings += [(f"{counters} counters", Crowd(), counters) for counters in STAFF]
    for name, crowd, counters in settings:
        found = Outcome()
        site = office(counters, Rules())
        for number in range(days):
            found.add(live(site, morning(crowd, SEED, number), duties(site, BEGINS, SESSION, [counters])))
        walk_ins = found.waits_of("walk_in")
        near = "-" if found.near_slot_share is None else f"{found.near_slot_share:.1%}"
        rows.append([name, f"{walk_ins.mean:.1f}", f"{walk_ins.p95:.1f}", near, str(found.overtaken)])
    return table(
        ["", "walk-ins: mean wait, min", "95 of 100 waited at most", "booked and in time: near their slot", "most overtaken"], rows
    )


def broken(erlang: dict[tuple[int, float], Estimate], heads: Heads, policies: dict[str, Outcome]) -> list[str]:
    """What is promised and not kept, a sentence each."""
    rule = policies["the rule"]
    found = [f"Erlang, {cell}: {shown(one)}." for cell, one in erlang.items() if not one.within(3, erlang_c(*cell))]
    for cell, (classes, _) in heads.items():
        found += [f"Head starts, {cell}: {shown(one.found)} for {one.cleared:.2f}." for one in classes if not one.agrees]
    if (rule.near_slot_share or 0) < 0.88:
        found.append(f"Only {rule.near_slot_share:.1%} begin near their slot.")
    if rule.latest > Rules().bound:
        found.append(f"Somebody was overtaken by who came {rule.latest} later.")
    return found


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.simulation", description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=10_000_000, help="in each cell of the first table")
    parser.add_argument("--days", type=int, default=300, help="mornings")
    parser.add_argument("--into", type=Path, default=DOCS, help="the folder to write to")
    asked = parser.parse_args(arguments)
    fewer, sweep = max(asked.people // 10, 10_000), max(asked.days // 3, 1)
    with ProcessPoolExecutor(2) as pool:
        heads = {cell: pool.submit(compared_head_starts, *cell, fewer, SEED) for cell in HEAD_STARTS}
        recursions = {cell: pool.submit(recursion, *cell, asked.people, SEED) for cell in ERLANG}
        compared = pool.submit(mornings, asked.days, SEED)
        swept = pool.submit(sweep_table, sweep)
        erlang = {cell: one.result() for cell, one in recursions.items()}
        head_found = {cell: one.result() for cell, one in heads.items()}
        policies, sweeps = compared.result(), swept.result()
    text = TEXT.format(
        people=asked.people,
        fewer=fewer,
        days=asked.days,
        sweep=sweep,
        bound=Rules().bound // MINUTE,
        erlang=erlang_table(erlang),
        heads=head_table(head_found),
        policies=policy_table(policies),
        sweeps=sweeps,
    )
    (asked.into / "pictures").mkdir(parents=True, exist_ok=True)
    (asked.into / "simulation.md").write_text(text, encoding="utf-8")
    for name, title in (("walk_in", "walk-ins"), ("booked", "booked")):
        chart = waits_chart(f"{title.capitalize()} under three rules", {rule: found.waits[name] for rule, found in policies.items()})
        (asked.into / "pictures" / f"simulation-{title}.svg").write_text(chart, encoding="utf-8")
    complaints = broken(erlang, head_found, policies)
    print("\n".join(complaints) or "Everything that is promised is kept: docs/simulation.md.")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
