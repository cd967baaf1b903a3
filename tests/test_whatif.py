"""`moiso simulate` and `moiso replay` as a supervisor at the command line meets them."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from outside import Outside, outside
from running import OPEN
from test_contract_cli import here, run, said, sentence

from server.chart import waits_chart

SHORT = ("simulate", "--site", OPEN, "--counters", "3", "--days", "4", "--hours", "2")


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process no time passes for the bar that shows how far long work is: whatever is short here stays so on a busy machine."""
    monkeypatch.setattr("tqdm.std.time", lambda: 0.0)


@pytest.fixture(scope="module")
def nowhere(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('none') / 'none.db'}"


def simulated(nowhere: str, *arguments: str) -> Any:
    return said(here(*SHORT, *arguments, "--db", nowhere, "--json"))


def test_the_answer_has_the_shape_that_programs_rely_on(nowhere: str) -> None:
    asked = ("--load", "0.9", "--service-minutes", "5", "--booked", "0.4", "--priority", "0.2", "--no-show", "0.1", "--seed", "7")
    found = simulated(nowhere, *asked)
    assert set(found["classes"]) == {"walk_in", "priority", "booked"}
    for numbers in found["classes"].values():
        assert set(numbers) == {"n", "wait_mean_min", "wait_p95_min", "wait_max_min"}
        assert numbers["n"] > 5 and 0 <= numbers["wait_mean_min"] <= numbers["wait_p95_min"] <= numbers["wait_max_min"]
    assert 0 < found["begun_within_10_min_of_slot"] <= 1 and found["max_overtaken"] >= 1
    assert 0 < found["latest_overtaker_min"] <= 45
    assert simulated(nowhere, *asked) == found, "the same seed, the same days"
    assert simulated(nowhere, *asked[:-1], "8") != found


def test_shares_of_nobody_leave_nobody(nowhere: str) -> None:
    found = simulated(nowhere, "--booked", "0", "--priority", "0")
    assert found["classes"]["booked"] == {"n": 0, "wait_mean_min": None, "wait_p95_min": None, "wait_max_min": None}
    assert found["begun_within_10_min_of_slot"] is None and found["max_overtaken"] == 0
    assert found["classes"]["walk_in"]["n"] > 50


def test_rule_counters_load_and_hours_change_what_people_wait(nowhere: str) -> None:
    def walk_ins(*arguments: str) -> float:
        return simulated(nowhere, *arguments)["classes"]["walk_in"]["wait_mean_min"]

    plain = walk_ins()
    assert walk_ins("--load", "0.5") < plain < walk_ins("--load", "1.3")
    assert walk_ins("--rule", "first-come") < plain < walk_ins("--rule", "strict")
    assert (
        simulated(nowhere, "--rule", "priority_head=0")["classes"]["priority"]["wait_mean_min"]
        > 2 * simulated(nowhere)["classes"]["priority"]["wait_mean_min"]
    )
    # The same people, but one counter for the first hour: they wait until the others come.
    assert simulated(nowhere, "--counters", "1,5")["classes"]["walk_in"]["wait_mean_min"] > 1.5 * plain
    assert walk_ins("--service", "exponential") != plain != walk_ins("--absent", "0.2")
    assert walk_ins("--arrivals", "1,0,0,1") != plain


def test_the_office_keeps_its_own_counters_when_none_are_named(nowhere: str) -> None:
    ended = here("simulate", "--days", "2", "--hours", "1", "--db", nowhere)
    assert ended.returncode == 0 and "with 8 counters at" in ended.stdout, ended.stdout
    assert re.search(r"walk-ins: people +\d+\n +mean wait, min +\d+\.\d", ended.stdout)
    assert "begun within 10 min of the slot" in ended.stdout and "the rule allows 45" in ended.stdout


def test_the_counters_that_are_needed_are_the_fewest(nowhere: str) -> None:
    needed = simulated(nowhere, "--target", "20")["counters_needed"]
    assert needed["target_min"] == 20 and needed["share"] == 0.95
    # The people of three counters at this load, whatever serves them: more counters are less load each.
    assert needed["counters"] > 3
    assert simulated(nowhere, "--target", "1000")["counters_needed"]["counters"] < 3
    assert f"{needed['counters']} counters are enough" in here(*SHORT, "--target", "20", "--db", nowhere).stdout


def test_a_line_for_each_ticket_and_a_picture(nowhere: str, tmp_path: Path) -> None:
    sheet, picture = tmp_path / "days.csv", tmp_path / "waits.svg"
    found = simulated(nowhere, "--csv", str(sheet), "--plot", str(picture), "--absent", "0.2")
    with sheet.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    waits = [float(row["wait_min"]) for row in rows if row["class"] == "booked" and row["wait_min"]]
    assert len(waits) == found["classes"]["booked"]["n"] and max(waits) == pytest.approx(
        found["classes"]["booked"]["wait_max_min"], abs=0.01
    )
    assert {row["day"] for row in rows} == set("1234") and {row["outcome"] for row in rows} >= {"finish", "no-show"}
    assert all(bool(row["slot"]) == (row["class"] == "booked") for row in rows)
    drawn = ElementTree.fromstring(picture.read_text())
    texts = {text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")}
    assert {"walk-ins", "priority groups", "booked", "minutes"} <= texts
    assert len(list(drawn.iter("{http://www.w3.org/2000/svg}polyline"))) == 3


def test_a_picture_of_few_people_is_right_point_by_point() -> None:
    drawn = ElementTree.fromstring(waits_chart("A & B", {"half": [0, 10], "nobody": []}))
    assert drawn[0].text == "A & B"
    (line,) = drawn.iter("{http://www.w3.org/2000/svg}polyline")
    heights = [float(point.split(",")[1]) for point in line.attrib["points"].split()]
    # From half at 0 minutes down to none at 10, the last tick.
    assert len(set(heights)) == 2 and heights.count(heights[-1]) == 1 and heights[0] < heights[-1]


def test_a_recorded_day_brings_its_own_people(nowhere: str, tmp_path: Path) -> None:
    found = simulated(nowhere, "--recorded", "busy-day", "--days", "1", "--counters", "12", "--booked", "0")
    assert found["classes"]["walk_in"]["n"] + found["classes"]["priority"]["n"] > 300
    recording = tmp_path / "queues.csv.gz"
    head = "office,queue_id,queue_name,t,current_number,waiting,open_counters,service_estimate_min\n"
    rows = [f"O{o},1,A: one,2020-01-0{o} 08:{m:02}:00,{m // 5 * o},{o},1,6\n" for o in (2, 3) for m in range(0, 60, 5)]
    recording.write_bytes(gzip.compress((head + "".join(rows)).encode()))

    def people(*arguments: str) -> int:
        numbers = simulated(nowhere, "--recorded", str(recording), "--days", "1", "--booked", "0", *arguments)["classes"]
        return sum(numbers[name]["n"] for name in numbers)

    assert (people(), people("--office", "O2"), people("--date", "2020-01-02")) == (36, 24, 24)
    unknown = sentence(here(*SHORT, "--recorded", str(recording), "--office", "O9", "--db", nowhere))
    assert "holds no day of O9" in unknown
    recording.write_text("this is no recording")
    assert "cannot be read" in sentence(here(*SHORT, "--recorded", str(recording), "--db", nowhere))
    recording.write_bytes(gzip.compress(b"a,b\n1,2\n"))
    assert "is not a recording of queues" in sentence(here(*SHORT, "--recorded", str(recording), "--db", nowhere))


WRONG = {
    "a rule that is none": (("--rule", "kindness=3"), "--rule kindness=3 is not understood: give first-come, strict, or NAME=NUMBER"),
    "a rule without a number": (("--rule", "grace=soon"), "is not understood"),
    "a rule that rewards coming late": (("--rule", "late_head=60"), "coming later would help"),
    "nobody at the end": (("--counters", "3,0"), "the last number of --counters is at least 1"),
    "more people than fit": (("--hours", "10000", "--days", "10000"), "give fewer --days or --hours"),
    "a file nobody may write": (("--csv", "/nowhere/x.csv"), "/nowhere/x.csv cannot be written: No such file or directory"),
    "an office that is not there": (("--site", "nowhere"), "nowhere"),
    "a recording that is not there": (("--recorded", "/nowhere/x.gz"), "/nowhere/x.gz cannot be read"),
}


def test_what_fails_says_why_in_one_sentence(nowhere: str) -> None:
    for name, (arguments, words) in WRONG.items():
        assert words in sentence(here(*SHORT, *arguments, "--db", nowhere)), name
    for arguments in (("--load", "-1"), ("--booked", "30"), ("--counters", "0"), ("--days", "0"), ("--service", "slow")):
        ended = here(*SHORT, *arguments, "--db", nowhere)
        assert ended.returncode == 2 and arguments[0] in ended.stderr.splitlines()[-1] and ended.stdout == "", arguments


def test_long_work_says_how_far_it_is_and_short_work_does_not(nowhere: str) -> None:
    ended = run("simulate", "--site", "open", "--counters", "5", "--days", "250", "--json", "--db", nowhere)
    assert ended.returncode == 0 and re.search(r"\d+%.*people", ended.stderr)
    assert json.loads(ended.stdout)["days"] == 250
    assert here(*SHORT, "--db", nowhere).stderr == ""


# -- a stored day ------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with outside(tmp_path_factory.mktemp("office"), "--hall-clock", "2026-11-20T09:00+07:00", "--factor", "20") as office:
        yield office


def test_a_stored_day_is_shown_as_it_was_and_as_it_would_have_been(office: Outside, tmp_path: Path) -> None:
    # All take their numbers within the half hour by which the last of them counts earlier: a minute and a half.
    office.open("1")
    for number in range(6):
        office.take("A", priority="older" if number == 5 else None)
    for _ in range(6):
        office.call("1", finish=True)
    office["lan"].post("/sites/open/counters/1/next", {"finish": True})
    asked = ("replay", office.today, "--rule", "priority_head=0", "--counters", "+1", "--db", office.server.db)
    picture, sheet = tmp_path / "r.svg", tmp_path / "r.csv"
    found = said(here(*asked, "--json", "--plot", str(picture), "--csv", str(sheet)))
    assert isinstance(found, dict) and (found["site"], found["day"]) == ("open", office.today)
    for name in ("was", "replayed", "otherwise"):
        assert found[name]["classes"]["walk_in"]["n"] == 5 and found[name]["classes"]["priority"]["n"] == 1
    assert found["was"]["max_overtaken"] == found["replayed"]["max_overtaken"] > found["otherwise"]["max_overtaken"] == 0
    assert len(sheet.read_text().splitlines()) == 7 and "as it was" in picture.read_text()
    shown = here(*asked).stdout
    assert re.search(r"as it was +replayed +otherwise", shown) and "walk-ins: people" in shown
    assert "Only 1 counters were at work" in sentence(here(*asked[:4], "--counters", "-1", "--db", office.server.db))
    empty = sentence(here("replay", "2020-01-01", "--db", office.server.db))
    assert "there is nothing to replay" in empty and "2020-01-01" in empty
    assert "is not a date" in sentence(here("replay", "yesterday", "--db", office.server.db))
    # What is stored knows its own office, with the rules it was last given.
    assert said(here("simulate", "--site", "open", "--days", "1", "--hours", "1", "--db", office.server.db, "--json"))
