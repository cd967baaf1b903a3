"""Staff learn within fifteen seconds what in the hall wants somebody to look after it, since when, and what to do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from listening import Ears
from outside import Outside, outside

from server.access import Principal
from server.core.alarms import CLOCK_OFF_S, SILENT_AFTER_S, Device, Storage, Trouble, Unanswered, alarms
from server.heartbeat import AGENT, PAGE, Presence
from server.store import DeviceRow

core = pytest.mark.core
NOW = 1000.0


def device(kind: str = "kiosk", **more: Any) -> Device:
    told = {"name": "d1", "place": "main", "seen_s": NOW - 1, "connected": True, **more}
    since = dict.fromkeys([*told.get("facts", {}), "clock"], NOW - 300)
    return Device(kind=kind, since_s=since, **told)


# -- the function ----------------------------------------------------------------------------------------------------------------

TABLE: list[tuple[str, Device, list[str]]] = [
    ("a kiosk that lives and has paper", device(facts={"paper": "ok"}), []),
    ("a printer that does not say", device(facts={"paper": None}), []),
    ("a word we do not know", device(facts={"paper": "strange"}), []),
    ("a kiosk that left", device(connected=False), ["silent: Máy lấy số d1 mất kết nối"]),
    ("a beat missed", device(seen_s=NOW - 2 * 5), []),
    ("silence", device("display", seen_s=NOW - SILENT_AFTER_S), ["silent: Màn hình d1 mất kết nối"]),
    ("the screen of a kiosk", device(connected=False, page=True), ["page_silent: Màn hình máy lấy số d1 mất kết nối"]),
    ("silence hides what was said before", device("audio", connected=False, facts={"ok": False}), ["silent: Loa d1 mất kết nối"]),
    ("little paper", device(facts={"paper": "low"}), ["paper_low: Máy lấy số d1 sắp hết giấy"]),
    ("no paper", device(facts={"paper": "out"}), ["paper_out: Máy lấy số d1 hết giấy"]),
    ("no printer", device(facts={"paper": "offline"}), ["paper_offline: Máy lấy số d1 không in được"]),
    ("an open cover", device(facts={"paper": "offline", "fault": "cover"}), ["paper_offline: Máy lấy số d1 đang mở nắp máy in"]),
    (
        "a number that could not be brought in",
        device(facts={"refused": "A990"}),
        ["refused: Máy lấy số d1 có số tạm không nhập được: A990"],
    ),
    ("a broken loudspeaker", device("audio", facts={"ok": False}), ["fault: Loa d1 không phát được"]),
    ("a loudspeaker", device("audio", facts={"ok": True}), []),
    ("a page that may not sound", device("display", facts={"sound": "locked"}), ["sound: Màn hình d1 chưa được phép phát tiếng"]),
    ("a clock a minute ahead", device(clock_offset_s=CLOCK_OFF_S), []),
    ("a clock further ahead", device(clock_offset_s=61.0), ["clock: Máy lấy số d1 lệch giờ 61 giây"]),
    ("a clock an hour behind", device("audio", clock_offset_s=-3600.4), ["clock: Loa d1 lệch giờ 3600 giây"]),
]


@core
@pytest.mark.parametrize(("case", "one", "expected"), TABLE, ids=[row[0] for row in TABLE])
def test_each_trouble_has_a_name_words_and_something_to_do(case: str, one: Device, expected: list[str]) -> None:
    found = alarms([one], NOW)
    assert [f"{alarm.kind}: {alarm.words}" for alarm in found] == expected
    assert all(alarm.todo.endswith(".") and alarm.since_s < NOW for alarm in found)


@core
def test_the_urgent_comes_first_and_of_these_the_oldest() -> None:
    devices = [
        device(name="low", facts={"paper": "low"}),
        device(name="gone", connected=False, seen_s=NOW - 60),
        device("audio", name="mute", facts={"ok": False}),
    ]
    found = alarms(devices, NOW, [Unanswered("main", "A012", NOW - 20)])
    assert [(alarm.kind, alarm.urgent) for alarm in found] == [
        ("fault", True),
        ("silent", True),
        ("unanswered", True),
        ("paper_low", False),
    ]
    assert found[2].words == "Lời gọi A012 không có loa nào trả lời"


@core
def test_a_server_that_does_not_know_the_time_is_urgent_and_says_what_the_hall_does_meanwhile() -> None:
    (lost,) = alarms([], NOW, lost_since_s=NOW - 60)
    assert (lost.kind, lost.words, lost.urgent) == ("time", "Máy chủ đã mất ngày giờ", True)
    assert lost.todo.startswith("Đặt lại ngày giờ của máy chủ")


@core
@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (timedelta(minutes=6), "Giờ máy chủ nhanh hơn giờ khu chờ 6 phút"),
        (-timedelta(hours=7), "Giờ máy chủ chậm hơn giờ khu chờ 7 giờ"),
        (timedelta(days=400), "Giờ máy chủ nhanh hơn giờ khu chờ 400 ngày"),
    ],
)
def test_two_clocks_that_say_something_else_are_told_with_what_to_do(ahead: timedelta, words: str) -> None:
    (apart,) = alarms([], NOW, apart=(ahead, NOW - 60, date(2026, 11, 26)))
    assert (apart.kind, apart.words, apart.urgent, apart.since_s) == ("time", words, True, NOW - 60)
    assert "--clock-is-right 2026-11-26" in apart.todo
    assert [alarm.words for alarm in alarms([], NOW, lost_since_s=NOW, apart=(ahead, NOW, date(2026, 11, 26)))] == [
        "Máy chủ đã mất ngày giờ"
    ]


@core
@pytest.mark.parametrize("what", Storage)
def test_a_disk_that_wants_looking_after_is_urgent_and_has_words_of_its_own(what: Storage) -> None:
    (alarm,) = alarms([], NOW, trouble=Trouble(what, NOW - 60))
    assert (alarm.kind, alarm.device, alarm.place, alarm.urgent, alarm.since_s) == ("storage", "server", "", True, NOW - 60)
    others = {alarms([], NOW, trouble=Trouble(other, NOW))[0].words for other in Storage if other is not what}
    assert alarm.words not in others and alarm.todo.endswith(".")


# -- what is remembered of each device -------------------------------------------------------------------------------------------


class Hands:
    """Two clocks set by hand."""

    def __init__(self) -> None:
        self.now, self.wall = 50.0, 1_000_000.0
        self.presence = Presence(lambda: self.now, lambda: self.wall)
        self.presence.registered("x", [DeviceRow("k1", "x", "kiosk", "k1", "h"), DeviceRow("old", "x", "kiosk", "k1", "h", revoked=True)])

    def kinds(self) -> list[tuple[str, float]]:
        return [(alarm.kind, alarm.since_s) for alarm in self.presence.alarms("x")]


K1 = Principal("device", "k1", "kiosk", "x", "k1")


def test_a_device_that_has_not_been_seen_is_missed_since_the_server_began_and_a_revoked_one_is_not() -> None:
    hands = Hands()
    hands.now += 5
    assert hands.kinds() == [("silent", 50.0)]


def test_paper_that_is_still_out_after_a_broken_connection_has_been_out_all_the_time() -> None:
    hands = Hands()
    hands.presence.came(K1, AGENT)
    assert hands.presence.said(K1, AGENT, {"paper": "out"})
    assert not hands.presence.said(K1, AGENT, {"paper": "out"})
    hands.now += 60
    hands.presence.left(K1, AGENT)
    assert hands.kinds() == [("silent", 50.0)]
    hands.presence.came(K1, AGENT)
    assert hands.kinds() == []
    assert hands.presence.said(K1, AGENT, {"paper": "out"})
    assert hands.kinds() == [("paper_out", 50.0)]


def test_a_clock_is_compared_with_the_servers_own() -> None:
    hands = Hands()
    hands.presence.came(K1, AGENT)
    assert hands.presence.said(K1, AGENT, {"clock": hands.wall - 12.34})
    assert hands.presence.devices("x")[0].clock_offset_s == -12.3
    assert not hands.presence.said(K1, AGENT, {"clock": hands.wall - 12.5})
    hands.now += 10
    hands.presence.said(K1, AGENT, {"clock": hands.wall + 90})
    assert hands.kinds() == [("clock", 60.0)]
    for nonsense in ("noon", float("nan"), True, None):
        hands.presence.said(K1, AGENT, {"clock": nonsense})
        assert hands.kinds() == []


def test_the_screen_of_a_kiosk_is_missed_once_it_has_been_there() -> None:
    hands = Hands()
    hands.presence.came(K1, AGENT)
    hands.presence.came(K1, PAGE)
    assert hands.kinds() == []
    hands.presence.left(K1, PAGE)
    assert hands.kinds() == [("page_silent", 50.0)]


def test_a_display_is_a_page_or_lamps_with_a_program_of_their_own() -> None:
    hands = Hands()
    lamps = Principal("device", "led", "display", "x", "main")
    hands.presence.registered("x", [DeviceRow("led", "x", "display", "main", "h")])
    assert hands.kinds() == [("silent", 50.0)]
    for part in (AGENT, PAGE):
        hands.now += 1
        hands.presence.came(lamps, part)
        assert hands.kinds() == []
    hands.presence.left(lamps, PAGE)
    assert hands.kinds() == [("silent", 52.0)]


def test_where_page_and_printer_have_a_key_each_the_page_is_not_missed_as_a_printer() -> None:
    hands = Hands()
    rows = [DeviceRow(name, "x", "kiosk", "k1", name) for name in ("k1", "k1-2")]
    hands.presence.registered("x", rows)
    page = Principal("device", "k1-2", "kiosk", "x", "k1")
    hands.presence.came(page, PAGE)
    assert [alarm.name for alarm in hands.presence.alarms("x")] == ["k1"]
    hands.presence.came(K1, AGENT)
    assert hands.kinds() == []
    hands.presence.registered("x", rows[1:])
    # Alone at its kiosk, it should print as well.
    assert hands.kinds() == [("silent", 50.0)]


# -- in a running office ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with outside(tmp_path_factory.mktemp("office")) as office:
        yield office


@pytest.fixture(autouse=True)
def empty(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "office" in request.fixturenames:
        request.getfixturevalue("office").clear()


@contextmanager
def ears(office: Outside, who: str, *, cookie: bool = False) -> Iterator[Ears]:
    key = office[who].key
    with Ears(office.url, None, Cookie=f"moiso_device={key}") if cookie else Ears(office.url, key) as found:
        yield found


def has(kind: str, name: str) -> Callable[[dict[str, Any]], bool]:
    return lambda floor: any((alarm["kind"], alarm["name"]) == (kind, name) for alarm in floor["alarms"])


def row(floor: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in floor["devices"] if each["name"] == name and not each["revoked"])


def test_staff_learn_of_a_silent_device_within_fifteen_seconds_of_its_last_word(office: Outside) -> None:
    # The cable is pulled: the connection stands, and nothing comes. Engine.IO would notice after twenty seconds.
    with ears(office, "binh") as manager, ears(office, "lan") as desk, ears(office, "loa") as speaker, Ears(office.url) as wall:
        speaker.hello("device", "loa")
        manager.hello("floor")
        desk.hello("console", "1")
        wall.hello("hall", "main")
        before = len(manager.frames)
        assert speaker.call("beat", {"ok": True})["ok"] is True
        last = time.monotonic()
        _, heard = manager.next("floor", lambda floor: not has("silent", "loa")(floor), after=before)
        frame, _ = manager.next("floor", has("silent", "loa"), after=heard)
        warned, _ = desk.next("console", lambda c: any(a["name"] == "loa" for a in c["devices"]["alerts"]))
        # What a busy machine makes late, it makes late for the wall as well, whose board comes every two seconds.
        boards = [last, *(f.at for f in wall.frames if f.event == "board" and last < f.at), time.monotonic()]
        late = sum(max(0.0, after - before - 2) for before, after in pairwise(boards))
        assert max(frame.at, warned.at) - last <= 15 + late
        assert row(frame.payload, "loa")["connected"] and row(frame.payload, "loa")["seen_s_ago"] >= SILENT_AFTER_S
        assert all(alarm["words"] and alarm["todo"] for alarm in frame.payload["alarms"])
        before = len(manager.frames)
        speaker.call("beat", {"ok": True})
        manager.state("floor", lambda floor: not has("silent", "loa")(floor), after=before)


def test_the_floor_shows_what_each_device_says_of_itself(office: Outside) -> None:
    with ears(office, "binh") as manager, ears(office, "k1") as agent, ears(office, "k1", cookie=True) as page:
        agent.hello("device", "k1")
        page.call("hello", {"site": "open", "kind": "hall", "id": "main", "device": True})
        # Before the beats, so that what they cause is sent at once: twelve seconds later both would be missed.
        manager.hello("floor")
        asked = time.monotonic()
        agent.call("beat", {"paper": "low", "version": "1.2", "clock": time.time() - 90, "volume": 70})
        page.call("beat", {"version": "1.1", "clock": time.time()})
        floor = manager.state("floor", lambda f: row(f, "k1")["page"] and row(f, "k1")["page"]["version"])
        asked_s = time.monotonic() - asked
        found = row(floor, "k1")
        assert found["version"] == "1.2" and found["page"]["version"] == "1.1"
        assert -92 - asked_s < found["clock_offset_s"] < -88 and abs(found["page"]["clock_offset_s"]) < 2 + asked_s
        assert found["facts"] == {"paper": "low", "version": "1.2", "volume": 70}
        assert found["connected"] and found["page"]["connected"] and found["seen_at"] <= floor["at"]
        assert {alarm["kind"] for alarm in floor["alarms"] if alarm["name"] == "k1"} == {"paper_low", "clock"}
    with ears(office, "binh") as manager:
        manager.hello("floor")
        manager.state("floor", lambda f: has("silent", "k1")(f) and has("page_silent", "k1")(f))


def test_a_kiosks_page_is_told_when_its_key_is_no_longer_one(office: Outside) -> None:
    with Ears(office.url, None, Cookie="moiso_device=nothing") as page:
        said = {"site": "open", "kind": "hall", "id": "main", "device": True}
        assert page.call("hello", said)["error"]["code"] == "unauthenticated"


def test_a_kiosks_page_is_sent_nothing_to_print(office: Outside) -> None:
    with ears(office, "k1", cookie=True) as page, ears(office, "k1") as agent:
        page.call("hello", {"site": "open", "kind": "hall", "id": "main", "device": True})
        agent.hello("device", "k1")
        moment = agent.printed(office.take())
        page.call("done", {"id": moment["id"], "ok": True, "detail": "printed"})
        found = office["k1"].get(f"/sites/open/kiosks/k1?ticket={moment['ticket']}")
        assert found["print"]["outcome"] == "waiting" and not page.said("print")


def test_a_call_that_no_loudspeaker_answers_is_an_alarm_until_one_answers(office: Outside) -> None:
    office.open("1")
    first = office.take()
    with ears(office, "binh") as manager, ears(office, "loa") as speaker:
        manager.hello("floor")
        speaker.hello("device", "loa")
        office.call("1")
        _, sent = speaker.next("announcement", lambda m: m["code"] == first["code"] and m["kind"] == "call")
        # Nobody answers: it is sent again, and at last staff are told.
        speaker.announced(first, after=sent)
        speaker.call("beat", {"ok": True})
        floor = manager.state("floor", has("unanswered", "main"))
        words = next(alarm["words"] for alarm in floor["alarms"] if alarm["kind"] == "unanswered")
        assert words == f"Lời gọi {first['code']} không có loa nào trả lời"
        second = office.take()
        office.call("1", finish=True)
        moment = speaker.announced(second)
        speaker.call("done", {"id": moment["id"], "ok": True, "detail": "heard"})
        manager.state("floor", lambda f: not has("unanswered", "main")(f), after=len(manager.frames))
