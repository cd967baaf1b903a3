"""Staff speak to a whole hall: through every loudspeaker, once, in their own words, and an emergency goes before everything."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from listening import Ears
from outside import Outside, outside, refused
from running import OPEN, until

from audio import coverage, phrases, sound
from audio.agent import VoiceAgent
from audio.player import open_player
from audio.voice import Silent

HALL = "/sites/open/halls/main/announcements"
LOST = "Một cháu bé đang chờ gia đình ở bàn hướng dẫn"


TIMING = "\n[timing]\nspeak_within_seconds = 120\n"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    folder = tmp_path_factory.mktemp("office")
    document = folder / "open.toml"
    # A call is worth saying for as long as an agent takes for it on a busy machine.
    document.write_text(Path(OPEN).read_text(encoding="utf-8") + TIMING, encoding="utf-8")
    with outside(folder, document=str(document)) as office:
        yield office


@pytest.fixture(autouse=True)
def empty(office: Outside) -> Iterator[None]:
    yield
    office.clear()
    office["binh"].send("PUT", "/sites/open/halls/main/notice", {"text": None})


def said(office: Outside, **body: Any) -> dict[str, Any]:
    found: dict[str, Any] = office["binh"].post(HALL, body, expect=201)
    return found


def test_a_notice_reaches_every_loudspeaker_and_screen_of_the_hall_and_stands_in_the_story(office: Outside) -> None:
    with Ears(office.url, office["loa"].key) as speaker, Ears(office.url, office["tv"].key) as wall:
        speaker.hello("device", "loa")
        wall.hello("hall", "main")
        told = said(office, text=f"  {LOST}\u200b ")
        for one in (speaker, wall):
            moment = one.state("announcement", lambda m: m["id"] == told["id"])
            assert (moment["kind"], moment["code"], moment["times"]) == ("notice", "", 1)
            assert moment["say"] == {"vi": f"Xin thông báo. {LOST}. Xin nhắc lại. {LOST}."}
            assert set(moment["audio"]) == {"vi"}
        line = office.story()[-1]
        assert (line["kind"], line["actor"], line["event"]) == ("NoticeSpoken", "staff:binh", {"hall": "main", "text": LOST})
        assert office.board()["notice"] is None


def test_what_the_manager_is_offered_is_what_a_pack_of_clips_is_asked_for(office: Outside) -> None:
    page = requests.get(f"{office.url}/manage", timeout=60).text
    told = json.loads(re.search(r'<script id="told" type="application/json">(.*?)</script>', page)[1])  # type: ignore[index]
    assert told == {"ready": [list(each) for each in phrases.READY], "emergency": phrases.EMERGENCY}
    asked_for = coverage.standing(phrases.Style())
    with Ears(office.url, office["loa"].key) as speaker:
        speaker.hello("device", "loa")
        for priority, text in (*(("notice", text) for _, text in told["ready"]), ("emergency", told["emergency"])):
            moment_id = said(office, text=text, priority=priority)["id"]
            moment = speaker.state("announcement", lambda m, id=moment_id: m["id"] == id)
            assert moment["say"]["vi"] in asked_for


def test_an_emergency_is_said_three_times_and_stands_on_the_walls(office: Outside) -> None:
    with Ears(office.url, office["loa"].key) as speaker:
        speaker.hello("device", "loa")
        told = said(office, text="Mời mọi người bình tĩnh ra ngoài theo lối thoát hiểm", priority="emergency")
        moment = speaker.state("announcement", lambda m: m["id"] == told["id"])
        assert (moment["kind"], moment["times"]) == ("emergency", 3)
        assert moment["say"]["vi"] == "Xin chú ý. Mời mọi người bình tĩnh ra ngoài theo lối thoát hiểm."
        assert office.board()["notice"] == "Mời mọi người bình tĩnh ra ngoài theo lối thoát hiểm"


def test_a_notice_in_english_is_said_in_english_alone(office: Outside) -> None:
    with Ears(office.url, office["loa"].key) as speaker:
        speaker.hello("device", "loa")
        told = said(office, text="The office closes at 17:00.", lang="en")
        moment = speaker.state("announcement", lambda m: m["id"] == told["id"])
        assert set(moment["say"]) == set(moment["audio"]) == {"en"}
        assert moment["say"]["en"].startswith("Attention please. The office closes at ")


@pytest.mark.parametrize(
    "body", [{"text": "  "}, {"text": "!!! 123"}, {"text": "a" * 201}, {"text": "a\nb"}, {"text": "a", "times": 4}, {}]
)
def test_what_cannot_be_said_is_refused(office: Outside, body: dict[str, Any]) -> None:
    refused(office["binh"].send("POST", HALL, body), 422, "invalid_body")


def test_only_the_head_of_the_hall_speaks_and_a_repeated_press_is_said_once(office: Outside) -> None:
    refused(office["lan"].send("POST", HALL, {"text": "Xin chào"}), 403, "forbidden")
    refused(office["binh"].send("POST", HALL.replace("main", "cellar"), {"text": "Xin chào"}), 404, "not_found")
    before = len(office.story())
    answers = [office["binh"].send("POST", HALL, {"text": "Xin chào"}, once="press-1") for _ in range(2)]
    assert answers[0].json() == answers[1].json() and len(office.story()) == before + 1


def test_a_real_agent_says_the_notice_and_the_call_and_the_clerk_sees_how_many_played_it(office: Outside, tmp_path: Path) -> None:
    stop = threading.Event()
    agent = VoiceAgent(office.url, office["loa"].key or "", open_player(f"dir:{tmp_path / 'out'}"), Silent(tmp_path / "own"))
    running = threading.Thread(target=agent.run, args=(stop,), daemon=True)
    running.start()
    try:
        with Ears(office.url, office["binh"].key) as manager, Ears(office.url, office["lan"].key) as desk:
            manager.hello("floor")
            alive = lambda f: any(d["name"] == "loa" and d["facts"].get("ok") for d in f["devices"])  # noqa: E731
            manager.state("floor", alive)
            ticket = office.take()
            office.open("1")
            office.call("1")
            desk.hello("console", "1")
            played = lambda c: c["current"] and c["current"]["heard"]["speakers"] == 1  # noqa: E731
            assert desk.state("console", played)["current"]["code"] == ticket["code"]
            told = said(office, text="Có thẻ rơi ở bàn hướng dẫn")
            with office.database() as store:
                until(lambda: [(row.ok, row.detail) for row in store.done("open", [told["id"]])] == [(True, "heard")])
    finally:
        stop.set()
        running.join(60)
    assert all(sound.seconds(sound.read(file)) > 0.1 for file in (tmp_path / "out").glob("*.wav"))
