"""A hall is as loud as its hour wants, silent in its quiet hours, and calls where the people of a counter sit."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from browsing import chromium
from listening import Ears
from outside import Outside, outside, refused
from playwright.sync_api import expect
from running import OPEN, until

from audio import sound
from audio.agent import VoiceAgent
from audio.player import open_player
from audio.voice import Silent
from server.core.site import reaches

HALL = 'id = "main"\nname = "Khu chờ"\n'
SOUND = 'volume = { "08:00-10:00" = 50, "12:00-13:00" = 40 }\nquiet = ["11:30-13:30"]\n'
ZONES = (
    '[[halls.zones]]\nid = "left"\nname = "Bên trái"\ncounters = ["1", "2"]\n'
    '[[halls.zones]]\nid = "right"\nname = "Bên phải"\ncounters = ["3"]\n'
)
PLACES = {"loa-trái": "main/left", "loa-phải": "main/right"}
NOON = ("--hall-clock", "2026-11-20T12:00:00+07:00")


def document(folder: Path) -> str:
    text = Path(OPEN).read_text(encoding="utf-8")
    assert text.count(HALL) == 1
    # That nobody has answered is known in less than the usual time.
    text = text.replace(HALL, HALL + SOUND + ZONES) + "\n[timing]\nspeak_within_seconds = 15\n"
    (folder / "open.toml").write_text(text, encoding="utf-8")
    return str(folder / "open.toml")


@pytest.fixture(scope="module")
def morning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    folder = tmp_path_factory.mktemp("morning")
    with outside(folder, document=document(folder)) as office:
        for name, place in PLACES.items():
            office.install({name: "audio"}, place)
        yield office


@pytest.fixture(scope="module")
def noon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    folder = tmp_path_factory.mktemp("noon")
    with outside(folder, *NOON, document=document(folder)) as office:
        yield office


@pytest.fixture(autouse=True)
def empty(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    for name in {"morning", "noon"} & set(request.fixturenames):
        request.getfixturevalue(name).clear()


@contextmanager
def speaking(office: Outside, folder: Path, *names: str) -> Iterator[dict[str, Callable[[], list[Path]]]]:
    """Agents at work; by name, the files each has played, without the silence by which it tries its loudspeaker."""
    stop, threads = threading.Event(), []
    for name in names:
        output = open_player(f"dir:{folder / name}")
        agent = VoiceAgent(office.url, office[name].key or "", output, Silent(folder / "own"), beat_every_s=0.5)
        threads.append(threading.Thread(target=agent.run, args=(stop,), daemon=True))
        threads[-1].start()

    def played(name: str) -> list[Path]:
        return [file for file in sorted((folder / name).glob("*.wav")) if sound.peak(sound.read(file)) > 0]

    with Ears(office.url, office["binh"].key) as manager:
        manager.hello("floor")
        here = lambda f: {d["name"] for d in f["devices"] if d["facts"].get("ok")} >= set(names)  # noqa: E731
        manager.state("floor", here)
    try:
        yield {name: lambda name=name: played(name) for name in names}
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)


def answers(office: Outside, moment: str) -> dict[str, tuple[bool, str]]:
    with office.database() as store:
        return {row.device: (row.ok, row.detail) for row in store.done("open", [moment])}


# -- how loud ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("percent", "decibels"), [(100, 0.0), (50, -6.02), (10, -20.0), (5, -26.02)])
def test_half_the_volume_is_six_decibels_less(percent: int, decibels: float) -> None:
    full = sound.tone(440, 0.3, -18)
    assert sound.loudness_db(sound.at_volume(full, percent)) - sound.loudness_db(full) == pytest.approx(decibels, abs=0.05)


def test_an_agent_plays_as_loud_as_the_hour_wants_and_staff_see_it(morning: Outside, tmp_path: Path) -> None:
    ticket = morning.take()
    morning.open("1")
    with speaking(morning, tmp_path, "loa") as played, Ears(morning.url, morning["binh"].key) as manager:
        manager.hello("floor")
        morning.call("1")
        loud = lambda f: [d["facts"].get("volume") for d in f["devices"] if d["name"] == "loa"] == [50]  # noqa: E731
        manager.state("floor", loud)
        first = until(played["loa"])[0]
    # The chime is known: 6 dB under the voice, and 6 more at half the volume.
    chime = sound.read(first)[: round(sound.CHIME_S * sound.RATE)]
    assert sound.loudness_db(chime) == pytest.approx(sound.CHIME_DB + 20 * math.log10(0.5), abs=0.3)
    assert ticket["code"]


def test_in_quiet_hours_a_call_is_shown_and_not_spoken_and_nobody_is_alarmed(noon: Outside, tmp_path: Path) -> None:
    noon.take()
    noon.open("1")
    with speaking(noon, tmp_path, "loa") as played, Ears(noon.url, noon["loa"].key) as other, Ears(noon.url, noon["lan"].key) as desk:
        other.hello("device", "loa")
        desk.hello("console", "1")
        called = noon.call("1")
        moment = other.state("announcement", lambda m: m["code"] == called["code"])
        assert moment["volume"] == 0
        until(lambda: answers(noon, moment["id"]) == {"loa": (False, "quiet")})
        heard = desk.state("console", lambda c: c["current"] and c["current"]["heard"]["quiet"])["current"]["heard"]
        assert heard == {"speakers": 0, "of": 1, "at": None, "quiet": True}
        assert noon.board()["calls"][0]["code"] == called["code"]
        # What staff say themselves is spoken, softer; an emergency as loud as can be.
        for priority, volume in (("notice", 40), ("emergency", 100)):
            body = {"text": "Mời mọi người ra ngoài", "priority": priority}
            told = noon["binh"].post("/sites/open/halls/main/announcements", body, expect=201)
            said = other.state("announcement", lambda m, told=told: m["id"] == told["id"])
            assert said["volume"] == volume
            until(lambda told=told: answers(noon, told["id"]) == {"loa": (True, "heard")})
        loudness = [sound.loudness_db(sound.read(file)[: round(sound.CHIME_S * sound.RATE)]) for file in played["loa"]()]
        assert loudness[0] == pytest.approx(sound.CHIME_DB + 20 * math.log10(0.4), abs=0.3)
        assert loudness[1:] == [pytest.approx(sound.CHIME_DB, abs=0.3)] * 3


def test_a_quiet_call_that_nobody_answers_is_no_alarm(noon: Outside) -> None:
    noon.take()
    noon.open("1")
    with Ears(noon.url, noon["binh"].key) as manager, Ears(noon.url, noon["loa"].key) as speaker:
        manager.hello("floor")
        speaker.hello("device", "loa")
        noon.call("1")
        moment = speaker.state("announcement", lambda m: m["volume"] == 0)
        over = lambda f: f["at"] > moment["expires_at"]  # noqa: E731
        floor = manager.state("floor", over)
        assert not [alarm for alarm in floor["alarms"] if alarm["kind"] == "unanswered"]


# -- where ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.core
@pytest.mark.parametrize(
    ("place", "target", "said"),
    [
        ("main", "main", True),
        ("main", "main/left", True),
        ("main/left", "main", True),
        ("main/left", "main/left", True),
        ("main/left", "main/right", False),
        ("main/left", "up/left", False),
        ("main", "up", False),
        ("main-2", "main", False),
    ],
)
def test_a_loudspeaker_says_what_is_for_its_zone_and_what_is_for_all(place: str, target: str, said: bool) -> None:
    assert reaches(place, target) is said


def test_a_call_is_said_in_the_zone_of_its_counter_and_a_notice_everywhere(morning: Outside, tmp_path: Path) -> None:
    for _ in range(2):
        morning.take()
    morning.open("1")
    morning.open("4", "minh")
    everywhere = {"loa": (True, "heard"), "loa-trái": (True, "heard"), "loa-phải": (True, "heard")}
    in_the_zone = {name: everywhere[name] for name in ("loa", "loa-trái")}
    with (
        speaking(morning, tmp_path, *everywhere),
        Ears(morning.url, morning["lan"].key) as desk,
        Ears(morning.url, morning["tv"].key) as wall,
    ):
        desk.hello("console", "1")
        wall.hello("hall", "main")
        called = morning.call("1")
        moment = wall.state("announcement", lambda m: m["code"] == called["code"])
        until(lambda: answers(morning, moment["id"]) == in_the_zone)
        console = desk.state("console", lambda c: c["current"] and c["current"]["heard"]["speakers"] == 2)
        assert (console["current"]["heard"]["of"], console["devices"]["speakers"]) == (2, 2)
        # A counter of no zone, and staff, are for everybody.
        called = morning.call("4", "minh")
        moment = wall.state("announcement", lambda m: m["code"] == called["code"])
        until(lambda: answers(morning, moment["id"]) == everywhere)
        told = morning["binh"].post("/sites/open/halls/main/announcements", {"text": "Có thẻ rơi ở bàn hướng dẫn"}, expect=201)
        until(lambda: answers(morning, told["id"]) == everywhere)


def test_a_zone_in_which_nobody_answers_is_an_alarm_though_another_zone_does(morning: Outside) -> None:
    for _ in range(2):
        morning.take()
    morning.open("1")
    morning.open("3", "minh")
    with ExitStack() as all_of_them:
        left, right, manager, desk = (
            all_of_them.enter_context(Ears(morning.url, morning[who].key)) for who in ("loa-trái", "loa-phải", "binh", "lan")
        )
        left.hello("device", "loa-trái")
        right.hello("device", "loa-phải")
        manager.hello("floor")
        desk.hello("console", "1")
        silent = morning.call("1")
        answered = morning.call("3", "minh")
        moment = right.state("announcement", lambda m: m["code"] == answered["code"])
        right.call("done", {"id": moment["id"], "ok": True, "detail": "heard"})
        alarms: Callable[[dict[str, Any]], list[Any]] = lambda f: [a for a in f["alarms"] if a["kind"] == "unanswered"]  # noqa: E731
        (alarm,) = alarms(manager.state("floor", alarms))
        assert (alarm["name"], alarm["words"]) == ("main/left", f"Lời gọi {silent['code']} không có loa nào trả lời")
        desk.state("console", lambda c: any(a["name"] == "main/left" for a in c["devices"]["alerts"]))
        assert not [m for m in right.said("announcement") if m["code"] == silent["code"]]


def test_a_loudspeaker_is_added_for_a_zone_and_nothing_else_is(morning: Outside) -> None:
    manager, path = morning["binh"], "/sites/open/devices"
    made = manager.post(path, {"name": "loa-3", "kind": "audio", "place": "main/right"}, expect=201)
    assert made["place"] == "main/right"
    assert manager.post(path, {"name": "loa-4", "kind": "audio"}, expect=201)["place"] == "main"
    details = refused(manager.send("POST", path, {"name": "loa-5", "kind": "audio", "place": "main/middle"}), 422, "unknown_place")
    assert details["known"] == ["main", "main/left", "main/right"]
    refused(manager.send("POST", path, {"name": "tv-2", "kind": "display", "place": "main/left"}), 422, "unknown_place")
    asked = morning["nobody"].post("/pairings", {"kind": "audio", "site": "open", "place": "main/left"}, expect=201)
    paired = manager.post("/sites/open/pairings", {"code": asked["code"], "name": "loa-6"}, expect=201)
    assert paired["place"] == "main/left"


@pytest.mark.browser
def test_the_managers_page_offers_the_zones_for_a_loudspeaker_and_names_them(morning: Outside) -> None:
    with chromium() as browser:
        context = browser.new_context(viewport={"width": 1366, "height": 768})
        context.add_cookies([{"name": "moiso_staff", "value": str(morning["binh"].key), "url": morning.url}])
        page = context.new_page()
        page.goto(f"{morning.url}/manage")
        page.get_by_role("navigation").get_by_role("button", name=re.compile("Thiết bị")).click()
        page.get_by_label("Loại").select_option("audio")
        expect(page.get_by_label("Khu chờ nào").locator("option")).to_have_text(["Khu chờ", "Khu chờ · Bên trái", "Khu chờ · Bên phải"])
        page.get_by_label("Khu chờ nào").select_option("main/left")
        page.get_by_role("button", name="Thêm", exact=True).click()
        expect(page.locator("[data-device=audio-main-left] .place")).to_have_text("Loa · Khu chờ · Bên trái")
