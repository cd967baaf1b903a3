"""Facts come over Socket.IO: whole states to whoever said hello, moments to devices until they answer, and nothing comes in but that."""

from __future__ import annotations

import io
import json
import time
import wave
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import requests
import socketio
from listening import PATIENCE_S, Bare, Ears, beating
from outside import INSTANT, Outside, outside
from running import ROOT, moiso


@contextmanager
def unhurried(folder: Path, **timing: int) -> Iterator[Outside]:
    """An office with times of its own, for hands and ears on a busy machine."""
    document = folder / "open.toml"
    lines = "".join(f"{name} = {seconds}\n" for name, seconds in timing.items())
    document.write_text((ROOT / "config/sites/open.toml").read_text() + f"\n[timing]\n{lines}")
    with outside(folder, document=str(document)) as office:
        yield office


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    """A call can be undone for a minute."""
    with unhurried(tmp_path_factory.mktemp("office"), undo_within_seconds=60) as office:
        yield office


@pytest.fixture(autouse=True)
def empty(office: Outside) -> Iterator[None]:
    yield
    office.clear()
    log = office.server.log.read_text()
    assert "Traceback" not in log and "broadcast_failed" not in log and "state_failed" not in log, log[-3000:]


@contextmanager
def ears(office: Outside, who: str = "nobody", **headers: str) -> Iterator[Ears]:
    with Ears(office.url, office[who].key, **headers) as found:
        yield found


def error(answer: Any) -> str:
    """The code of an acknowledgement that is an error of the one shape."""
    assert set(answer) == {"error"} and set(answer["error"]) == {"code", "message", "details"}, answer
    assert answer["error"]["message"].endswith(".")
    return str(answer["error"]["code"])


# -- hello -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "place"), (("hall", "main"), ("counter", "1")))
def test_a_wall_gets_the_whole_board_and_then_every_change(office: Outside, kind: str, place: str) -> None:
    with ears(office) as wall:
        board = wall.hello(kind, place)
        assert board == office.board() | {"at": board["at"]}
        ticket = office.take("B")
        after = wall.state("board", lambda b: b["revision"] > board["revision"])
        waiting = next(w for w in after["waiting"] if w["service"] == "B")
        assert waiting["next"] == [ticket["code"]] and waiting["count"] == 1


def test_a_board_is_repeated_every_two_seconds_although_nothing_changes(office: Outside) -> None:
    with ears(office) as wall:
        revision = wall.hello("hall", "main")["revision"]
        # What an earlier visitor has stirred up may still come at once; from then on only the repetition speaks.
        _, after = wall.next("board", after=wall.next("board")[1])
        told = []
        for _ in range(4):
            board, after = wall.next("board", after=after)
            told.append(board.payload)
        assert {board["revision"] for board in told} == {revision}
        # By the hall's clock; a busy machine may draw any of them late, and the quickest is the pace.
        times = [datetime.fromisoformat(board["at"]) for board in told]
        pauses = [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
        assert min(pauses) < 4 and times[-1] - times[0] > timedelta(seconds=3)


def test_a_console_gets_whom_it_serves_and_who_waits(office: Outside) -> None:
    with ears(office, "lan") as desk:
        console = desk.hello("console", "1")
        assert console["counter"]["state"] == "closed" and console["current"] is None
        office.open("1")
        ticket = office.take("A")
        office.call("1")
        seen = desk.state("console", lambda c: c["current"] is not None)
        assert seen["current"]["id"] == ticket["id"] and seen["counter"]["clerk"] == "lan"
        assert seen["undo"]["verb"] == "call"


def test_a_phone_follows_its_ticket(office: Outside) -> None:
    ticket = office.take("A")
    with ears(office) as phone:
        assert phone.hello("ticket", ticket["id"])["state"] == "waiting"
        office.open("1")
        office.call("1")
        assert phone.state("ticket", lambda t: t["state"] == "called")["counter"] == "1"


def test_a_supervisor_sees_the_whole_floor(office: Outside) -> None:
    with ears(office, "binh") as chief, ears(office, "loa") as speaker:
        floor = chief.hello("floor")
        assert {c["id"] for c in floor["counters"]} == {"1", "2", "3", "4"}
        assert {d["name"] for d in floor["devices"]} >= {"k1", "tv", "loa"}
        speaker.hello("device", "loa")
        chief.state("floor", lambda f: next(d for d in f["devices"] if d["name"] == "loa")["connected"])


@pytest.mark.parametrize(("name", "kind", "place"), (("k1", "kiosk", "k1"), ("tv", "display", "main"), ("loa", "audio", "main")))
@pytest.mark.parametrize("told", (True, False))
def test_a_device_is_known_by_its_key(office: Outside, name: str, kind: str, place: str, told: bool) -> None:
    with ears(office, name) as device:
        state = device.call("hello", {"kind": "device"} | ({"site": "open", "id": name} if told else {}))
        assert state["device"] == {"name": name, "kind": kind, "place": place}
        assert state["site"] == "open" and state["factor"] == 1 and INSTANT.fullmatch(state["at"])


REFUSED_HELLOS: list[tuple[str, Any, str]] = [
    ("nobody", {"kind": "hall", "site": "nowhere", "id": "main"}, "not_found"),
    ("nobody", {"kind": "hall", "site": "open", "id": "cellar"}, "not_found"),
    ("nobody", {"kind": "hall", "site": "open"}, "not_found"),
    ("nobody", {"kind": "hall", "site": "open", "id": 7}, "not_found"),
    ("nobody", {"kind": "hall", "site": ["open"], "id": "main"}, "not_found"),
    ("nobody", {"kind": "counter", "site": "open", "id": "99"}, "not_found"),
    ("nobody", {"kind": "ticket", "site": "open", "id": "0" * 24}, "not_found"),
    ("nobody", {"kind": "cellar", "site": "open", "id": "main"}, "invalid_body"),
    ("nobody", {"kind": ["hall"], "site": "open", "id": "main"}, "invalid_body"),
    ("nobody", {}, "invalid_body"),
    ("nobody", None, "invalid_body"),
    ("nobody", "hall", "invalid_body"),
    ("nobody", [1, 2], "invalid_body"),
    ("nobody", {"kind": "device", "site": "open", "id": "k1"}, "unauthenticated"),
    ("nobody", {"kind": "console", "site": "open", "id": "1"}, "unauthenticated"),
    ("nobody", {"kind": "floor", "site": "open"}, "unauthenticated"),
    ("lan", {"kind": "floor", "site": "open"}, "forbidden"),
    ("lan", {"kind": "device", "site": "open", "id": "k1"}, "unauthenticated"),
    ("lan", {"kind": "console", "site": "open", "id": "99"}, "not_found"),
    ("hoa", {"kind": "console", "site": "open", "id": "1"}, "forbidden"),
    ("thanh", {"kind": "console", "site": "open", "id": "1"}, "forbidden"),
    ("k1", {"kind": "console", "site": "open", "id": "1"}, "forbidden"),
    ("k1", {"kind": "device", "site": "open", "id": "loa"}, "not_found"),
    ("k1", {"kind": "device", "site": "nowhere", "id": "k1"}, "not_found"),
]


@pytest.mark.parametrize(("who", "said", "code"), REFUSED_HELLOS)
def test_a_hello_that_is_refused_is_answered_with_an_error(office: Outside, who: str, said: Any, code: str) -> None:
    with ears(office, who) as somebody:
        assert error(somebody.call("hello", said)) == code
        assert somebody.hello("hall", "main")["hall"] == "main", "a refused hello may be followed by a better one"


@pytest.mark.parametrize("kind", ("hall", "counter", "device", "console"))
def test_a_key_that_opens_nothing_is_said_to(office: Outside, kind: str) -> None:
    with Ears(office.url, "not-a-key") as somebody:
        assert error(somebody.hello(kind, "main")) == "unauthenticated"


def test_the_refusal_speaks_the_language_of_the_browser(office: Outside) -> None:
    for lang, words in (("vi", "Không tìm thấy."), ("en", "Not found.")):
        with Ears(office.url, **{"Accept-Language": lang}) as somebody:
            assert somebody.hello("hall", "cellar")["error"]["message"] == words


def test_a_page_that_says_hello_again_follows_the_new_place_only(office: Outside) -> None:
    ticket = office.take("A")
    with ears(office, "lan") as page:
        page.hello("console", "1")
        page.hello("console", "1")
        page.hello("ticket", ticket["id"])
        page.hello("hall", "main")
        mark = len(page.frames)
        office.take("A")
        _, after = page.next("board", lambda b: b["waiting"][0]["count"] == 2, after=mark)
        page.next("board", after=after)
        assert {f.event for f in page.frames[mark:]} == {"board"}
    with ears(office, "lan") as desk:
        desk.hello("console", "1")
        # Whoever left is not counted any more.
        desk.state("console", lambda c: c["devices"]["displays"] == 0)


def test_the_session_cookie_of_the_browser_opens_the_console(office: Outside) -> None:
    with Ears(office.url, Cookie=f"moiso_staff={office['lan'].key}") as desk:
        assert desk.hello("console", "2")["counter"]["id"] == "2"


def test_in_the_browser_of_a_hall_screen_the_console_asks_who_is_there(office: Outside) -> None:
    with Ears(office.url, Cookie=f"moiso_device={office['tv'].key}") as desk:
        assert error(desk.hello("console", "1")) == error(desk.hello("floor", "")) == "unauthenticated"
    with Ears(office.url, Cookie=f"moiso_device={office['tv'].key}; moiso_staff={office['lan'].key}") as desk:
        assert desk.hello("console", "2")["counter"]["id"] == "2"
        assert error(desk.hello("floor", "")) == "forbidden"


def test_a_display_for_another_hall_is_not_taken_for_this_one(tmp_path: Path) -> None:
    document = tmp_path / "two.toml"
    text = (ROOT / "config/sites/open.toml").read_text()
    text = text.replace('[[kiosks]]\nid = "k1"', '[[halls]]\nid = "up"\nname = "Tầng 2"\n\n[[kiosks]]\nid = "k1"\nhall = "main"')
    for counter in "1234":
        text = text.replace(f'id = "{counter}"\nservices', f'id = "{counter}"\nhall = "{"main" if counter in "12" else "up"}"\nservices')
    document.write_text(text)
    made = moiso("check", str(document))
    assert made.returncode == 0, made.stderr
    with pytest.MonkeyPatch.context() as patch, ExitStack() as rooms:
        patch.setattr("outside.DEVICES", {"k1": "kiosk"})
        two = rooms.enter_context(outside(tmp_path, document=str(document)))
        two.install({"tv-main": "display", "loa-main": "audio"}, "main")
        two.install({"loa-up": "audio"}, "up")
        wall = rooms.enter_context(ears(two, "tv-main"))
        assert error(wall.hello("hall", "up")) == "forbidden"
        assert wall.hello("hall", "main")["hall"] == "main"
        below, above = rooms.enter_context(ears(two, "loa-main")), rooms.enter_context(ears(two, "loa-up"))
        below.hello("device", "loa-main")
        above.hello("device", "loa-up")
        two.take("A"), two.take("A")
        two.open("1", "lan")
        two.open("3", "minh")
        two.call("3", "minh")
        first = above.state("announcement", lambda m: m["counter"] == "3")
        two.call("1", "lan")
        assert below.state("announcement", lambda m: True)["counter"] == "1"
        # Again and again if it takes long: nobody has answered.
        assert {m["id"] for m in above.said("announcement")} == {first["id"]}, "a call is heard in the hall of its counter"
        assert two.board("up")["calls"][0]["counter"] == "3"


# -- moments ---------------------------------------------------------------------------------------------------------------------


def test_a_call_is_announced_to_the_hall_and_its_loudspeaker_with_a_sound_to_fetch(office: Outside) -> None:
    ticket = office.take("A")
    office.open("3")
    with ears(office) as wall, ears(office, "loa") as speaker, ears(office, "k1") as kiosk:
        wall.hello("hall", "main")
        speaker.hello("device", "loa")
        kiosk.hello("device", "k1")
        called = office.call("3")
        moment = speaker.announced(ticket)
        assert moment == wall.announced(ticket)
        assert set(moment) == {"id", "kind", "code", "counter", "say", "audio", "times", "volume", "expires_at", "repeat", "repeat_audio"}
        day, seq, n = moment["id"].rsplit("-", 2)
        assert day == called["day"] and seq.isdigit() and n == "1"
        assert (moment["kind"], moment["code"], moment["counter"], moment["times"]) == ("call", called["code"], "3", 2)
        assert list(moment["say"]) == ["vi"] and moment["say"]["vi"].endswith("đến quầy số ba.")
        assert INSTANT.fullmatch(moment["expires_at"]) and moment["expires_at"] > called["called_at"]
        for path in (moment["audio"]["vi"], moment["repeat_audio"]["vi"]):
            sound = requests.get(office.url + path, timeout=PATIENCE_S)
            assert sound.status_code == 200 and sound.headers["Content-Type"] == "audio/wav"
            with wave.open(io.BytesIO(sound.content)) as played:
                assert played.getnframes() > 0
        assert not kiosk.said("announcement"), "a kiosk has no loudspeaker"


def test_an_english_ticket_is_called_in_english_as_well(office: Outside) -> None:
    ticket = office.take("A", lang="en")
    office.open("2")
    with ears(office, "loa") as speaker:
        speaker.hello("device", "loa")
        office.call("2")
        moment = speaker.announced(ticket)
        assert moment["say"]["en"].endswith("please go to counter two.") and set(moment["audio"]) == {"vi", "en"}


def test_a_recall_and_a_correction_are_announced_too(office: Outside) -> None:
    ticket = office.take("A")
    office.open("1")
    with ears(office, "loa") as speaker, ears(office) as wall:
        speaker.hello("device", "loa")
        wall.hello("hall", "main")
        office.call("1")
        first = speaker.announced(ticket)
        office.act(ticket["id"], "recall")
        second = speaker.announced(ticket, "recall")
        assert second["id"] != first["id"]
        assert wall.state("board", lambda b: b["calls"] and b["calls"][0]["call_no"] == 2)
        speaker.call("done", {"id": second["id"], "ok": True, "detail": "heard"})
        office.act(ticket["id"], "undo")
        assert speaker.announced(ticket, "correction")["times"] == 1


def test_paper_goes_to_the_kiosk_where_the_number_was_taken(office: Outside) -> None:
    with ears(office, "k1") as kiosk, ears(office, "loa") as speaker, ears(office) as wall, ears(office, "tv") as screen:
        kiosk.hello("device", "k1")
        speaker.hello("device", "loa")
        screen.hello("hall", "main")
        revision = wall.hello("hall", "main")["revision"]
        ticket = office.take("A", priority="disabled", contact={"phone": "0912345678"})
        moment = kiosk.printed(ticket)
        assert set(moment) == {"id", "ticket", "receipt", "expires_at"}
        assert moment["receipt"]["code"] == ticket["code"] and moment["receipt"]["mark"] == "ƯU TIÊN"
        assert set(moment["receipt"]) == {
            *("office", "code", "mark", "service", "counters", "queue_time_label", "queue_time", "reason", "ahead", "expected"),
            *("expected_label", "qr", "qr_hint", "foot", "date_line", "reprint", "reprint_mark", "logo", "header", "intent", "answer"),
        }
        assert set(moment["receipt"]["answer"]) == set(ticket) and moment["receipt"]["answer"]["id"] == ticket["id"]
        wall.state("board", lambda b: b["revision"] > revision)
        assert not any(other.said("print") for other in (speaker, wall, screen))


def test_a_number_taken_at_the_desk_prints_nowhere(office: Outside) -> None:
    with ears(office, "k1") as kiosk, ears(office) as wall:
        kiosk.hello("device", "k1")
        wall.hello("hall", "main")
        first = office.take("A", who="hoa")
        wall.state("board", lambda b: b["waiting"][0]["count"] == 1)
        second = office.take("A")
        assert kiosk.printed(second)["receipt"]["ahead"] == "Chờ trước: 1 người"
        assert first["id"] not in {m["ticket"] for m in kiosk.said("print")}


def test_the_clerk_sees_that_the_hall_has_heard(office: Outside) -> None:
    ticket = office.take("A")
    office.open("1")
    with ears(office, "lan") as desk, ears(office, "loa") as speaker, ears(office, "tv") as screen, ExitStack() as alive:
        desk.hello("console", "1")
        speaker.hello("device", "loa")
        screen.hello("hall", "main")
        alive.enter_context(beating(speaker))
        desk.state("console", lambda c: c["devices"]["speakers"] == 1 and c["devices"]["displays"] == 1)
        office.call("1")
        moment = speaker.announced(ticket)
        assert desk.hello("console", "1")["current"]["heard"] == {"speakers": 0, "of": 1, "at": None, "quiet": False}
        assert screen.call("done", {"id": moment["id"], "ok": True, "detail": "shown"}) == {"ok": True}
        assert desk.hello("console", "1")["current"]["heard"]["speakers"] == 0, "a screen that only shows was not heard"
        mark = len(desk.frames)
        assert speaker.call("done", {"id": moment["id"], "ok": True, "detail": "heard"}) == {"ok": True}
        heard = desk.state("console", lambda c: c["current"]["heard"]["speakers"] == 1, after=mark)["current"]["heard"]
        assert heard["of"] == 1 and INSTANT.fullmatch(heard["at"])
        assert speaker.call("done", {"id": moment["id"], "ok": True, "detail": "heard"}) == {"ok": True}, "an answer may come again"
        told = [e for e in office.story() if e["kind"] == "CallHeard" and str(e["event"]["call"]) == moment["id"].split("-")[3]]
        assert [e["actor"] for e in told] == ["device:open/loa"]


@pytest.mark.parametrize(("ok", "detail", "heard"), ((True, "played", 1), (True, "shown", 0), (False, "played half", 0)))
def test_a_hall_page_counts_as_a_voice_when_it_played(office: Outside, ok: bool, detail: str, heard: int) -> None:
    ticket = office.take("A")
    office.open("1")
    with ears(office, "lan") as desk, ears(office, "tv") as page:
        desk.hello("console", "1")
        page.hello("hall", "main")
        page.call("beat", {"sound": "on" if detail.startswith("played") else "off"})
        office.call("1")
        moment = page.announced(ticket)
        page.call("done", {"id": moment["id"], "ok": ok, "detail": detail})
        console = desk.hello("console", "1")
        assert console["current"]["heard"]["speakers"] == heard
        assert console["current"]["heard"]["of"] == console["devices"]["speakers"] == (1 if detail.startswith("played") else 0)


def test_paper_that_was_played_is_no_voice(office: Outside) -> None:
    with ears(office, "k1") as kiosk:
        kiosk.hello("device", "k1")
        before = len(office.story())
        moment = kiosk.printed(office.take("A"))
        assert kiosk.call("done", {"id": moment["id"], "ok": True, "detail": "played"}) == {"ok": True}
        assert [e["kind"] for e in office.story()[before:]] == ["TicketIssued"]


def test_a_failed_loudspeaker_was_not_heard(office: Outside) -> None:
    ticket = office.take("A")
    office.open("1")
    with ears(office, "loa") as speaker:
        speaker.hello("device", "loa")
        office.call("1")
        moment = speaker.announced(ticket)
        speaker.call("done", {"id": moment["id"], "ok": False, "detail": "player: no card"})
        assert office["lan"].get("/sites/open/counters/1/console")["current"]["heard"]["speakers"] == 0


@pytest.fixture(scope="module")
def brief(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    """An office whose calls are stale after 25 s: time for a server that stands still in between."""
    with unhurried(tmp_path_factory.mktemp("brief"), speak_within_seconds=25) as office:
        yield office


class TestAgain:
    """Moments are sent again until they are answered, and never when they are stale."""

    def test_a_moment_is_sent_again_until_answered_and_not_after_its_time(self, brief: Outside) -> None:
        brief.take("A"), brief.take("A")
        brief.open("1")
        brief.open("2", "minh")
        with ears(brief, "loa") as speaker, ears(brief, "tv") as screen, ears(brief) as wall:
            speaker.hello("device", "loa")
            screen.hello("hall", "main")
            wall.hello("hall", "main")
            brief.call("1")
            answered, _ = speaker.next("announcement")
            speaker.call("done", {"id": answered.payload["id"], "ok": True, "detail": "heard"})
            until_answered = len(speaker.frames)
            called = time.monotonic()
            brief.call("2", "minh")
            another = lambda m: m["id"] != answered.payload["id"]  # noqa: E731
            first, after = speaker.next("announcement", another)
            again, after = speaker.next("announcement", another, after=after)
            # A busy machine may be late with either of them, but sends none early.
            assert again.payload == first.payload and again.at - called > 3
            screen.next("announcement", lambda m: m["id"] == first.payload["id"], after=screen.next("announcement", another)[1])
            late = wall.state("board", lambda b: b["at"] > first.payload["expires_at"])
            with ears(brief, "loa") as restarted:
                restarted.hello("device", "loa")
                wall.next("board", lambda b: b["at"] > late["at"])
                assert not restarted.said("announcement"), "what is stale is not spoken any more"
            said = [m["id"] for m in speaker.said("announcement")]
            assert 2 <= said.count(first.payload["id"]) <= 6
            assert answered.payload["id"] not in [f.payload["id"] for f in speaker.frames[until_answered:] if f.event == "announcement"]
            assert len(wall.said("announcement")) == 2, "a wall without a key shows, and is told once"

    def test_a_device_that_was_away_gets_what_is_still_worth_doing(self, brief: Outside) -> None:
        ticket = brief.take("B")
        for _ in range(2):
            with ears(brief, "k1") as kiosk:
                kiosk.hello("device", "k1")
                moment = kiosk.state("print", lambda m: m["ticket"] == ticket["id"])
                kiosk.call("hello", {"kind": "device"})
        with ears(brief, "k1") as kiosk:
            kiosk.hello("device", "k1")
            kiosk.call("done", {"id": moment["id"], "ok": True, "detail": "printed"})
        with ears(brief, "k1") as kiosk, ears(brief) as wall:
            kiosk.hello("device", "k1")
            wall.hello("hall", "main")
            wall.next("board", after=wall.next("board")[1])
            assert not [m for m in kiosk.said("print") if m["ticket"] == ticket["id"]], "printed is printed"

    def test_answers_outlive_the_server(self, tmp_path: Path) -> None:
        with unhurried(tmp_path, speak_within_seconds=120) as long:
            ticket = long.take("A")
            long.open("1")
            with ears(long, "loa") as speaker:
                speaker.hello("device", "loa")
                long.call("1")
                moment = speaker.announced(ticket)
                speaker.call("done", {"id": moment["id"], "ok": True, "detail": ""})
            server = long.server
            at = long.board()["at"]
            server.kill()
            server.options = ("--hall-clock", at, *server.options[2:])
            server.start()
            with ears(long, "loa") as speaker, ears(long, "lan") as desk:
                assert desk.hello("console", "1")["current"]["heard"]["speakers"] == 1
                speaker.hello("device", "loa")
                desk.next("console", after=desk.next("console")[1])
                assert not speaker.said("announcement")


# -- what nobody may say ---------------------------------------------------------------------------------------------------------

UNSPEAKABLE: list[tuple[str, str, Any]] = [
    ("nobody", "done", {"id": "2026-11-20-1-1", "ok": True}),
    ("nobody", "beat", {}),
    ("nobody", "next", {"counter": "1"}),
    ("nobody", "announcement", {"code": "A001"}),
    ("nobody", "board", {"calls": []}),
    ("nobody", "message", "hello"),
    ("nobody", "join", {"room": "console:open:1"}),
    ("lan", "call", {"ticket": "x"}),
    ("lan", "done", {"id": "2026-11-20-1-1", "ok": True}),
    ("lan", "beat", {}),
    ("tv", "call", {"ticket": "x"}),
    ("k1", "print", {"receipt": {}}),
]


@pytest.mark.parametrize(("who", "event", "said"), UNSPEAKABLE)
def test_anything_else_disconnects_and_changes_nothing(office: Outside, who: str, event: str, said: Any) -> None:
    before = office.story()
    with ears(office, who) as somebody:
        somebody.hello(*{"lan": ("console", "1"), "k1": ("device", "k1")}.get(who, ("hall", "main")))
        somebody.client.emit(event, said)
        assert somebody.is_let_go()
    assert office.story() == before


def test_a_device_that_has_not_said_hello_is_nobody_yet(office: Outside) -> None:
    with ears(office, "k1") as kiosk:
        kiosk.client.emit("beat", {})
        assert kiosk.is_let_go()


BARE: dict[str, str] = {
    "half a document": '42["hello",{',
    "no event name": "42[]",
    "a number for a name": "42[7]",
    "not a list": '42{"a":1}',
    "an unknown packet type": "49",
    "an unknown engine packet": "9x",
    "a binary event whose parts never come": '451-["hello",{"_placeholder":true,"num":0}]',
    "text where a number belongs": "4x",
}


def test_broken_packets_break_nobody_else(office: Outside) -> None:
    with ears(office) as wall, ExitStack() as rude:
        wall.hello("hall", "main")
        for text in BARE.values():
            bare = rude.enter_context(closing(Bare(office.url)))
            bare.send(text)
        wall.next("board", after=wall.next("board")[1])
        with ears(office) as other:
            assert other.hello("hall", "main")["hall"] == "main"


def test_each_beat_is_answered_with_the_halls_time(office: Outside) -> None:
    with ears(office, "k1") as kiosk, ears(office, "loa") as speaker:
        for one, name in ((kiosk, "k1"), (speaker, "loa")):
            welcome = one.hello("device", name)
            told = one.call("beat", {})
            assert told["factor"] == welcome["factor"]
            assert datetime.fromisoformat(told["at"]) >= datetime.fromisoformat(welcome["at"])


def test_a_frame_of_more_than_16_kb_ends_the_connection(office: Outside) -> None:
    with ears(office, "k1") as kiosk:
        kiosk.hello("device", "k1")
        assert kiosk.call("beat", {"detail": "x" * 10_000})["ok"] is True
        kiosk.client.emit("beat", {"detail": "x" * 20_000})
        assert kiosk.is_let_go()


def test_polling_is_refused(office: Outside) -> None:
    with pytest.raises(socketio.exceptions.ConnectionError):
        socketio.Client(reconnection=False).connect(office.url, transports=["polling"])


def test_another_namespace_does_not_exist(office: Outside) -> None:
    with closing(Bare(office.url)) as bare:
        bare.send("40/other,")
        assert str(bare.socket.recv()).startswith("44/other")


def test_a_page_of_another_office_is_not_let_in(office: Outside) -> None:
    with pytest.raises(Exception, match="400"):
        Bare(office.url, origin="https://elsewhere.example")
    Bare(office.url, origin=office.url).close()


@pytest.mark.parametrize("auth", (None, {}, {"key": None}, {"key": 7}, {"key": ["x"]}, {"key": ""}, [], "key", {"key": "ố" * 2000}))
def test_whatever_is_shown_at_the_door_a_wall_is_let_in_or_told(office: Outside, auth: Any) -> None:
    with closing(Bare(office.url, auth)) as bare:
        bare.send('421["hello",{"site":"open","kind":"hall","id":"main"}]')
        # Who has been let in may be sent a board before the answer.
        said = next(told for told in iter(lambda: str(bare.socket.recv()), "") if told.startswith("431"))
        answer = json.loads(said.removeprefix("431"))[0]
    keyed = isinstance(auth, dict) and isinstance(auth.get("key"), str) and auth["key"]
    assert error(answer) == "unauthenticated" if keyed else answer["hall"] == "main"


FACTS: dict[str, Any] = {
    "no facts": None,
    "a text": "x",
    "nested facts": {"a": {"b": [1]}},
    "a hundred facts": {str(n): n for n in range(100)},
    "half of a surrogate pair": {"detail": "\ud800", "\udfff": 1},
    "no number": {"n": float("nan"), "i": float("inf")},
}


@pytest.mark.parametrize("facts", FACTS.values(), ids=FACTS)
def test_odd_facts_do_not_spoil_the_supervisors_floor(office: Outside, facts: Any) -> None:
    with ears(office, "binh") as chief, ears(office, "loa") as speaker:
        speaker.hello("device", "loa")
        assert speaker.call("beat", facts)["ok"] is True
        floor = chief.hello("floor")
        told = next(d for d in floor["devices"] if d["name"] == "loa")["facts"]
        assert len(told) <= 20 and all(not isinstance(v, dict | list) for v in told.values())
        json.dumps(floor, allow_nan=False).encode()


@pytest.mark.parametrize("said", (None, {}, {"id": 7, "ok": True}, {"id": "x"}, {"id": "x", "ok": "yes"}, "x", []))
def test_an_answer_without_id_and_ok_is_told_so(office: Outside, said: Any) -> None:
    with ears(office, "loa") as speaker:
        speaker.hello("device", "loa")
        assert error(speaker.call("done", said)) == "invalid_body"


@pytest.mark.parametrize("moment", ("2026-11-20-999999-1", "x", "", "2026-11-20-1-1' or 1=1"))
def test_an_answer_to_a_moment_that_never_was_is_taken_and_forgotten(office: Outside, moment: str) -> None:
    before = office.story()
    with ears(office, "loa") as speaker:
        speaker.hello("device", "loa")
        assert speaker.call("done", {"id": moment, "ok": True, "detail": "\ud800"}) == {"ok": True}
    assert office.story() == before


def test_a_kiosk_cannot_answer_for_the_loudspeaker(office: Outside) -> None:
    ticket = office.take("A")
    office.open("1")
    with ears(office, "loa") as speaker, ears(office, "k1") as kiosk:
        speaker.hello("device", "loa")
        kiosk.hello("device", "k1")
        office.call("1")
        moment = speaker.announced(ticket)
        kiosk.call("done", {"id": moment["id"], "ok": True, "detail": "played"})
        assert office["lan"].get("/sites/open/counters/1/console")["current"]["heard"]["speakers"] == 0


# -- rights that end -------------------------------------------------------------------------------------------------------------


def test_a_revoked_device_loses_its_rights_while_it_is_connected(office: Outside) -> None:
    office.install({"loa-2": "audio", "tv-2": "display"})
    with ears(office, "loa-2") as speaker, ears(office, "tv-2") as screen:
        speaker.hello("device", "loa-2")
        screen.hello("hall", "main")
        for name in ("loa-2", "tv-2"):
            made = moiso("device", "revoke", name, "--db", office.server.db, "--site", "open")
            assert made.returncode == 0, made.stderr
        assert speaker.is_let_go() and screen.is_let_go()
    assert office["loa-2"].send("GET", "/device-sessions").status_code == 401
    for name, said in (("loa-2", ("device", "loa-2")), ("tv-2", ("hall", "main"))):
        with ears(office, name) as again:
            assert error(again.hello(*said)) == "unauthenticated"


def test_signing_out_ends_the_console_of_that_session(office: Outside) -> None:
    office.hire({"mai": "clerk"})
    with ears(office, "mai") as desk, ears(office, "lan") as other:
        desk.hello("console", "1")
        other.hello("console", "1")
        office["mai"].send("DELETE", "/session")
        assert desk.is_let_go()
        other.next("console", after=len(other.frames))
        assert not other.closed.is_set()


def test_staff_are_warned_of_devices_that_are_missing(office: Outside) -> None:
    with ears(office, "lan") as desk:
        desk.hello("console", "1")
        missing = desk.state("console", lambda c: len(c["devices"]["alerts"]) == 3)["devices"]
        assert {a["words"] for a in missing["alerts"]} == {
            "Máy lấy số k1 mất kết nối",
            "Màn hình tv mất kết nối",
            "Loa loa mất kết nối",
        }
        alone = len(desk.frames)
        with ears(office, "k1") as kiosk, ears(office, "loa") as speaker, ears(office, "tv") as screen:
            for device, said in ((kiosk, ("device", "k1")), (speaker, ("device", "loa")), (screen, ("hall", "main"))):
                device.hello(*said)
            with beating(speaker, screen, version="1"):
                with beating(kiosk, online=True, paper="ok"):
                    whole = desk.state("console", lambda c: not c["devices"]["alerts"], after=alone)["devices"]
                assert (whole["speakers"], whole["displays"], whole["kiosks"]) == (1, 1, 1)
                with beating(kiosk, online=True, paper="out", detail=""):
                    desk.state("console", lambda c: [a["words"] for a in c["devices"]["alerts"]] == ["Máy lấy số k1 hết giấy"])
            together = len(desk.frames)
        desk.state("console", lambda c: len(c["devices"]["alerts"]) == 3, after=together)


def test_a_kiosks_page_is_not_a_screen_on_the_wall(office: Outside) -> None:
    with ears(office, "lan") as desk, Ears(office.url, Cookie=f"moiso_device={office['k1'].key}") as page, ears(office) as wall:
        assert page.hello("hall", "main")["hall"] == "main"
        wall.hello("hall", "main")
        assert desk.hello("console", "1")["devices"]["displays"] == 1
