"""What a hall's screen is told beside its calls: since when it is quiet, today's slides, its own size, what tries its voice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from listening import Ears
from outside import INSTANT, Outside, outside, refused
from running import OPEN

OWN = """
[[slides]]
title = "Hôm nay"
lines = ["Đất  đai |", "tầng 2"]
from = 2026-11-20
until = 2026-11-20
hall = "main"

[[slides]]
title = "Hôm qua"
lines = ["x"]
until = 2026-11-19

[[slides]]
title = "Luôn luôn"
lines = ["y"]
"""


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    folder = tmp_path_factory.mktemp("office")
    text = Path(OPEN).read_text()
    assert text.count('name = "Khu chờ"') == 1
    own = folder / "own.toml"
    own.write_text(text.replace('name = "Khu chờ"', 'name = "Khu chờ"\nscreen_inches = 43\nfarthest_seat_m = 9.5', 1) + OWN)
    with outside(folder, document=str(own)) as office:
        yield office


def test_the_site_tells_the_slides_of_today_and_the_size_of_its_screens(office: Outside) -> None:
    site = office["nobody"].get("/sites/open")
    assert site["slides"] == [
        {"hall": "main", "title": "Hôm nay", "lines": ["Đất đai |", "tầng 2"]},
        {"hall": None, "title": "Luôn luôn", "lines": ["y"]},
    ]
    assert site["slide_of_rules"] is True
    assert site["halls"] == [{"id": "main", "name": "Khu chờ", "screen_inches": 43.0, "farthest_seat_m": 9.5, "zones": []}]


def test_the_board_says_since_when_the_hall_is_quiet(office: Outside) -> None:
    office.open("1")
    office.open("2", "minh")
    first, second = office.take("A"), office.take("A")
    with Ears(office.url) as wall:
        assert wall.hello("hall", "main")["quiet_since"] is None
        called = office.call("1")["called_at"]
        assert office.board()["quiet_since"] is None
        office.act(first["id"], "start")
        quiet = wall.state("board", lambda board: board["quiet_since"] is not None)["quiet_since"]
        assert quiet == called and INSTANT.fullmatch(quiet)
        office.call("2", "minh")
        wall.state("board", lambda board: board["quiet_since"] is None and len(board["calls"]) == 2)
        office.act(second["id"], "no-show", who="minh")
        assert wall.state("board", lambda board: board["quiet_since"] not in (None, quiet))
    office.clear()


def test_the_sentence_that_tries_the_voice_can_be_heard_by_anyone(office: Outside) -> None:
    trial = office["nobody"].get("/sites/open/sound-check")
    assert trial["say"] == {"vi": "Đây là âm thử, số A không một hai."}
    sound = requests.get(office.url + trial["audio"]["vi"], timeout=60)
    assert sound.status_code == 200 and sound.content[:4] == b"RIFF"
    refused(office["nobody"].send("GET", "/sites/nowhere/sound-check"), 404, "not_found")
