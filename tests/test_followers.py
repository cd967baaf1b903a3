"""Phones that follow a ticket: told of their own call at once, of others' in turn, of nothing they know, and right in the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.followers import measure
from listening import Ears
from outside import Outside, outside


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with outside(tmp_path_factory.mktemp("office")) as office:
        yield office


@pytest.fixture(autouse=True)
def empty(office: Outside) -> Iterator[None]:
    yield
    office.clear()


def test_nobody_of_three_hundred_followers_misses_the_end_of_the_wait(tmp_path: Path) -> None:
    found = {figure.what.partition(", ")[2]: figure for figure in measure(tmp_path, 300, 30, 3)}
    assert found["right about the end"].ours == 300, "each phone shows what the office says of its ticket"
    assert {"memory per phone", "press to the phone called, p99", "30 calls in 3 s"} < set(found)


def test_whoever_stands_behind_is_told_how_many_are_left(office: Outside) -> None:
    first, second, third = (office.take("A") for _ in range(3))
    office.open("1")
    with Ears(office.url) as one, Ears(office.url) as two:
        assert one.hello("ticket", second["id"])["people_ahead"] == 1
        assert two.hello("ticket", third["id"])["people_ahead"] == 2
        office.call("1")
        assert one.state("ticket", lambda t: t["people_ahead"] == 0)["state"] == "waiting"
        assert two.state("ticket", lambda t: t["people_ahead"] == 1)["state"] == "waiting"
        office.act(second["id"], "cancel", who="nobody")
        one.state("ticket", lambda t: t["state"] == "cancelled")
        two.state("ticket", lambda t: t["people_ahead"] == 0)
    assert first["people_ahead"] == 0


def test_a_phone_is_not_told_again_what_it_knows(office: Outside) -> None:
    mine = office.take("A")
    office.open("1")
    with Ears(office.url) as phone, Ears(office.url) as wall:
        phone.hello("ticket", mine["id"])
        wall.hello("hall", "main")
        for behind in range(2, 7):
            # Nothing that I could see.
            office.take("A")
            wall.state("board", lambda b, count=behind: b["waiting"][0]["count"] == count)
        office.call("1")
        phone.state("ticket", lambda t: t["state"] == "called")
        told = [t["state"] for t in phone.said("ticket")]
        assert told in (["called"], ["waiting", "called"]), "what a phone was told at its hello may be said once more"
