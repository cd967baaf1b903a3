"""The manager's page in Chromium against the real server: what the head of the hall sees, and what a press there does to the hall."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from outside import Outside, outside

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with outside(tmp_path_factory.mktemp("managed")) as office:
        yield office


@pytest.fixture(autouse=True)
def empty(office: Outside) -> Iterator[None]:
    yield
    office.clear()


def test_the_floor_tells_how_long_each_field_waits_and_where_a_ticket_belongs(office: Outside) -> None:
    office.open("1")
    office.take("A")
    called = office.call("1")
    office.act(called["id"], "transfer", body={"service": "B"})
    assert office.call("1")["id"] == called["id"]
    office.take("A")
    floor = office["binh"].get("/sites/open/floor")
    rows = {row["id"]: (row["count"], row["longest_s"]) for row in floor["services"]}
    assert rows["B"] == (0, None) and rows["A"][0] == 1 and 0 <= rows["A"][1] < 600
    desk = next(c for c in floor["counters"] if c["id"] == "1")
    assert (desk["code"], desk["ticket_service"]) == (called["code"], "B")
    office.act(called["id"], "hold")
    held = office["binh"].get("/sites/open/floor")["held"]
    assert held == [{"ticket": called["id"], "code": called["code"], "service": "B", "counter": "1"}]
