"""Staff are called by their own name on the screens of colleagues, by their account in the story, and by nothing on a wall that may not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from listening import Ears
from outside import Outside, outside, refused
from running import OPEN, PASSWORD, Client, moiso, until

LAN = "Nguyễn Thị Lan"
SHOWN = Path(OPEN).read_text().replace('id = "open"', 'id = "open"\nshow_clerk_names = true', 1)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with outside(tmp_path_factory.mktemp("office")) as office:
        office["quan"].post("/sites/open/staff/lan/display-name", {"display_name": LAN})
        yield office


@pytest.fixture
def open_counter(office: Outside) -> Iterator[None]:
    office.open("3", "lan")
    yield
    office.clear()


def everything_public(office: Outside) -> str:
    """What anyone may ask for, and what anyone hears of the hall and of a counter."""
    nobody = office["nobody"]
    with Ears(office.url) as wall, Ears(office.url) as above, Ears(office.url) as other:
        heard = [wall.hello("hall", "main"), above.hello("counter", "3"), other.hello("counter", "2")]
        heard += [ears.next("board", after=1)[0].payload for ears in (wall, above, other)]
    return json.dumps([nobody.get("/sites/open"), office.board(), *heard], ensure_ascii=False)


def test_a_counter_that_is_taken_says_by_whom_in_words(office: Outside, open_counter: None) -> None:
    answer = office["minh"].send("POST", "/sites/open/counters/3/open", {}, **{"Accept-Language": "vi"})
    details = refused(answer, 409, "counter_taken")
    assert answer.json()["error"]["message"] == f"Quầy 3 đang do {LAN} phụ trách."
    assert (details["clerk"], details["clerk_name"]) == ("lan", LAN)
    english = office["minh"].send("POST", "/sites/open/counters/3/next", {}, **{"Accept-Language": "en"})
    assert english.json()["error"]["message"] == f"Counter 3 is taken by {LAN}."


def test_a_clerk_without_a_display_name_goes_by_the_account(office: Outside) -> None:
    office.open("2", "minh")
    answer = office["lan"].send("POST", "/sites/open/counters/2/open", {}, **{"Accept-Language": "vi"})
    assert answer.json()["error"]["message"] == "Quầy 2 đang do minh phụ trách."
    assert office["lan"].get("/sites/open/counters/2/console")["counter"]["clerk_name"] is None
    office.clear()


def test_colleagues_see_the_name_and_the_story_keeps_the_account(office: Outside, open_counter: None) -> None:
    counter = office["minh"].get("/sites/open/counters/3/console")["counter"]
    assert (counter["clerk"], counter["clerk_name"]) == ("lan", LAN)
    seat = next(c for c in office["binh"].get("/sites/open/floor")["counters"] if c["id"] == "3")
    assert (seat["clerk"], seat["clerk_name"]) == ("lan", LAN)
    assert office["lan"].get("/session")["display_name"] == LAN
    story = office.story()
    assert story[-1]["event"]["clerk"] == "lan" and LAN not in json.dumps(story, ensure_ascii=False)


def test_no_wall_names_anybody_unless_the_office_has_decided_so(office: Outside, open_counter: None) -> None:
    public = everything_public(office)
    assert LAN not in public and "clerk" not in public


def test_where_the_office_shows_names_only_the_screen_above_the_counter_does(tmp_path: Path) -> None:
    document = tmp_path / "open.toml"
    document.write_text(SHOWN)
    with outside(tmp_path, document=str(document)) as office:
        office["quan"].post("/sites/open/staff/lan/display-name", {"display_name": LAN})
        with Ears(office.url) as above:
            assert "clerk_name" not in above.hello("counter", "3")
            office.open("3", "lan")
            office.open("2", "minh")
            assert above.state("board", lambda board: "clerk_name" in board)["clerk_name"] == LAN
            office["lan"].post("/sites/open/counters/3/pause")
            assert above.state("board", lambda board: "clerk_name" in board, after=len(above.frames))["clerk_name"] == LAN
            with Ears(office.url) as other, Ears(office.url) as wall:
                assert "clerk_name" not in other.hello("counter", "2"), "an account is no name for the public"
                assert "clerk_name" not in wall.hello("hall", "main")
            office["lan"].post("/sites/open/counters/3/close")
            above.state("board", lambda board: "clerk_name" not in board, after=len(above.frames))
        assert LAN not in json.dumps([office.board(), office["nobody"].get("/sites/open")], ensure_ascii=False)


def test_a_name_is_given_changed_and_taken_away_on_the_managers_page(office: Outside) -> None:
    new = office["quan"].post(
        "/sites/open/staff", {"name": "cuc", "role": "clerk", "password": PASSWORD, "display_name": "  Hie\u0302\u0300n\u200b "}, expect=201
    )
    assert new["display_name"] == "Hiền"

    def rename(name: str | None) -> Any:
        return office["binh"].post("/sites/open/staff/cuc/display-name", {"display_name": name})

    assert rename("Lê Cúc")["display_name"] == "Lê Cúc"
    listed = {row["name"]: row for row in office["binh"].get("/sites/open/staff")}
    assert listed["cuc"]["display_name"] == "Lê Cúc" and "display_name" not in listed["minh"]
    assert "display_name" not in rename("") and "display_name" not in rename(None)
    for wrong in ("a" * 65, "hai\ndòng", 1):
        refused(office["quan"].send("POST", "/sites/open/staff/cuc/display-name", {"display_name": wrong}), 422, "invalid_body")
    refused(office["binh"].send("POST", "/sites/open/staff/quan/display-name", {"display_name": "x"}), 403, "forbidden")


def test_a_name_given_at_the_command_line_is_shown_and_outlives_a_new_password(office: Outside) -> None:
    db = ("--db", office.server.db)
    add = ("user", "add", "tu", "--role", "clerk", "--display-name", " Vũ Anh Tú ", "--password-stdin", *db, "--json")
    made = moiso(*add, stdin=PASSWORD + "\n")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout) == {"name": "tu", "role": "clerk", "site": "open", "display_name": "Vũ Anh Tú"}
    assert moiso("user", "reset", "tu", "--password-stdin", *db, stdin=PASSWORD + "x\n").returncode == 0
    listed = {row["name"]: row for row in json.loads(moiso("user", "list", *db, "--json").stdout)}
    assert listed["tu"]["display_name"] == "Vũ Anh Tú" and "display_name" not in listed["minh"]
    token = office["nobody"].post("/sessions", {"user": "tu", "password": PASSWORD + "x"}, expect=201)["token"]
    tu = Client(office.api, token)
    assert until(lambda: tu.get("/session").get("display_name")) == "Vũ Anh Tú"
    wrong = moiso("user", "add", "vu", "--role", "clerk", "--display-name", "\x07", "--password-stdin", *db, stdin=PASSWORD + "\n")
    assert wrong.returncode != 0 and "display name" in wrong.stderr
