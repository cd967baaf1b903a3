"""The voice agent beside the loudspeaker, against a real small server: each call is heard once, and staff know it."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from small_hall import SmallHall, hall_now

from audio import agent, phrases, player, playlist, sound
from audio.agent import VoiceAgent
from audio.player import Player, PlayerFailed, open_player
from audio.speaker import Silent, Speaker
from audio.voice import Voice

ROOT = Path(__file__).resolve().parent.parent
BOARD = "/api/v1/sites/demo/halls/main/board"
LONG_S = 3600.0
"""So long a call may be said, where a test is not about that."""


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses of a hall, shortened: nobody listens."""
    for pause in ("BEFORE_REPEAT_S", "BETWEEN_S", "AFTER_S"):
        monkeypatch.setattr(agent, pause, 0.02)
    # Held for as long as a test takes, on a busy machine too.
    monkeypatch.setattr(player, "PATIENCE_S", 120.0)
    monkeypatch.setattr(playlist, "STALE_AFTER_S", LONG_S)
    for pause in ("BOARD_TIMEOUT_S", "FETCH_TIMEOUT_S"):
        monkeypatch.setattr(agent, pause, 60.0)
    monkeypatch.setattr(agent, "Speaker", partial(Speaker, timeout_s=60.0))
    # The hall sends nothing again: who gave its connection up because a beat was answered late would miss a call.
    monkeypatch.setattr("server.device.MISSED_BEATS", 10_000)
    monkeypatch.setattr("server.device.HELLO_TIMEOUT_S", 60.0)
    monkeypatch.setattr("server.device.ASK_TIMEOUT_S", 30.0)


@pytest.fixture
def hall() -> Iterator[SmallHall]:
    with SmallHall() as hall:
        yield hall


@contextmanager
def speaking(hall: SmallHall, output: Player, voice: Voice) -> Iterator[VoiceAgent]:
    """An agent at work; ended at the end."""
    stop = threading.Event()
    at_work = VoiceAgent(hall.url, hall.key, output, voice, beat_every_s=0.2)
    thread = threading.Thread(target=at_work.run, args=(stop,), daemon=True)
    thread.start()
    try:
        hall.until(lambda: hall.sids)
        yield at_work
    finally:
        stop.set()
        thread.join(timeout=60)
        assert not thread.is_alive()


class Loudspeaker:
    """A player program: writes down what it was given, fails while unplugged, and takes as long as it is held."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._log, self._unplugged, self._held = folder / "log", folder / "unplugged", folder / "held"
        program = folder / "loa"
        program.write_text(
            "#!/bin/sh\n"
            f'if [ -e "{self._unplugged}" ]; then echo "cannot open audio device default" >&2; exit 1; fi\n'
            f'sha256sum < "$1" | cut -c1-64 >> "{self._log}"\n'
            f'while [ -e "{self._held}" ]; do sleep 0.02; done\n'
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        self.player = open_player(f"command:{program}")

    def played(self) -> list[str]:
        """What was played, but for the silence with which the agent tries it."""
        sound.write(self._log.with_name("silence.wav"), sound.silence(agent.PROBE_S))
        all_of_it = self._log.read_text().split() if self._log.exists() else []
        return [each for each in all_of_it if each != sha(self._log.with_name("silence.wav"))]

    def unplug(self) -> None:
        self._unplugged.touch()

    def plug_in(self) -> None:
        self._unplugged.unlink()

    def hold(self) -> None:
        self._held.touch()

    def let_go(self) -> None:
        self._held.unlink()


@pytest.fixture
def loudspeaker(tmp_path: Path) -> Loudspeaker:
    return Loudspeaker(tmp_path / "loudspeaker")


def wav(tmp_path: Path, hertz: float) -> bytes:
    sound.write(tmp_path / "tone.wav", sound.tone(hertz, 0.1, -20))
    return (tmp_path / "tone.wav").read_bytes()


def with_chime(tmp_path: Path, content: bytes) -> bytes:
    (tmp_path / "spoken.wav").write_bytes(content)
    sound.write(tmp_path / "whole.wav", sound.join([sound.chime(), sound.read(tmp_path / "spoken.wav")]))
    return (tmp_path / "whole.wav").read_bytes()


def sha(content: bytes | Path) -> str:
    return hashlib.sha256(content.read_bytes() if isinstance(content, Path) else content).hexdigest()


def announcement(seq: int, *, life_s: float = LONG_S, **more: Any) -> dict[str, Any]:
    """A call of A001, A002, ... as the server sends it; without files unless given."""
    code, counter = f"A{seq:03}", str(seq % 12 + 1)
    said = phrases.call(code, counter)
    return {
        "id": f"2026-11-20-{seq}-1",
        "kind": "call",
        "code": code,
        "counter": counter,
        "say": {"vi": said.vi},
        "repeat": {"vi": phrases.repeat(code, counter)},
        "audio": {},
        "times": 1,
        "expires_at": (hall_now() + timedelta(seconds=life_s)).isoformat(),
    } | more


def details(hall: SmallHall) -> dict[str, tuple[bool, str]]:
    return {each["id"]: (each["ok"], each["detail"]) for each in hall.done}


def test_the_servers_files_are_played_and_the_clerk_learns_that_it_was_heard(
    hall: SmallHall, tmp_path: Path, loudspeaker: Loudspeaker
) -> None:
    full, english, short = (wav(tmp_path, hertz) for hertz in (400, 500, 600))
    hall.pages |= {"/v/full.wav": full, "/v/en.wav": english, "/v/short.wav": short}
    call = announcement(
        17,
        times=2,
        say={"vi": "Mời số A.", "en": "Ticket A."},
        audio={"vi": "/v/full.wav", "en": "/v/en.wav"},
        repeat_audio={"vi": "/v/short.wav"},
    )
    with speaking(hall, loudspeaker.player, Silent(tmp_path / "cache")):
        hall.send("announcement", call)
        hall.until(lambda: len(loudspeaker.played()) == 3 and hall.done)
    assert loudspeaker.played() == [sha(with_chime(tmp_path, full)), sha(english), sha(short)], "one chime, before the first word"
    assert hall.done == [{"id": call["id"], "ok": True, "detail": "heard"}]


def test_a_hall_set_back_by_six_minutes_goes_on_calling(hall: SmallHall, tmp_path: Path, loudspeaker: Loudspeaker) -> None:
    with speaking(hall, loudspeaker.player, Silent(tmp_path / "cache")):
        hall.send("announcement", announcement(1))
        hall.until(lambda: len(hall.done) == 1)
        hall.behind = timedelta(minutes=6)
        hall.send("announcement", announcement(2, life_s=5 * 60 - 6 * 60))
        hall.until(lambda: len(hall.done) == 2)
    assert [(done["ok"], done["detail"]) for done in hall.done] == [(True, "heard")] * 2


def test_a_language_that_cannot_be_said_takes_nothing_from_the_vietnamese(
    hall: SmallHall, tmp_path: Path, loudspeaker: Loudspeaker
) -> None:
    call = announcement(17, say={"vi": "Mời số A, một.", "hmn": "…", "en": "Ticket A."})
    with speaking(hall, loudspeaker.player, Silent(tmp_path / "cache")) as agent:
        hall.send("announcement", call)
        hall.until(lambda: hall.done)
        assert loudspeaker.played() == [sha(agent._voice.announce("Mời số A, một.")), sha(agent._voice.say("Ticket A.", "en"))]
    assert hall.done == [{"id": call["id"], "ok": True, "detail": "heard"}]


@pytest.mark.parametrize("answer", [None, b"<html>not a sound</html>"], ids=["not there", "not a sound"])
def test_without_the_servers_file_the_agent_speaks_itself(
    answer: bytes | None, hall: SmallHall, tmp_path: Path, loudspeaker: Loudspeaker
) -> None:
    voice = Silent(tmp_path / "cache")
    if answer:
        hall.pages["/v/full.wav"] = answer
    call = announcement(17, audio={"vi": "/v/full.wav"}, times=2)
    with speaking(hall, loudspeaker.player, voice):
        hall.send("announcement", call)
        hall.until(lambda: len(loudspeaker.played()) == 2 and hall.done)
    assert loudspeaker.played() == [sha(voice.announce(call["say"]["vi"])), sha(voice.say(call["repeat"]["vi"]))]
    assert details(hall) == {call["id"]: (True, "heard")}


def test_a_call_does_not_wait_for_the_pause_before_the_repeat_of_another(
    hall: SmallHall, tmp_path: Path, loudspeaker: Loudspeaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent, "BEFORE_REPEAT_S", 3600.0)
    with speaking(hall, loudspeaker.player, Silent(tmp_path / "cache")):
        for n in (1, 2):
            hall.send("announcement", announcement(n, times=2))
            hall.until(lambda n=n: announcement(n)["id"] in details(hall))
    assert set(details(hall).values()) == {(True, "heard")}
    assert len(loudspeaker.played()) == 2


def test_the_real_voice_is_heard_within_eight_seconds(hall: SmallHall, tmp_path: Path, loudspeaker: Loudspeaker) -> None:
    # How long the machine takes to make a sound at all, beside whatever else it has to do.
    began = time.monotonic()
    with Speaker(tmp_path / "alone", timeout_s=60) as alone:
        alone.announce("Mời số B, một, đến quầy số một.")
    usual = time.monotonic() - began
    for n in range(17, 22):
        # The machine may stand still just then: a voice that is slow is slow each time.
        hall.drop()
        began = time.monotonic()
        with speaking(hall, loudspeaker.player, Speaker(tmp_path / f"cache-{n}")):
            hall.send("announcement", announcement(n))
            hall.until(lambda n=n: announcement(n)["id"] in details(hall))
        took, said = time.monotonic() - began, details(hall)[announcement(n)["id"]]
        if took < max(8, 4 * usual) and said[0]:
            break
    assert took < max(8, 4 * usual)
    assert said == (True, "heard")
    samples = sound.read(next((tmp_path / f"cache-{n}").glob("*.wav")))
    assert sound.loudness_db(samples) > -30


def test_a_call_sent_again_is_answered_again_and_never_played_again(hall: SmallHall, tmp_path: Path, loudspeaker: Loudspeaker) -> None:
    with speaking(hall, loudspeaker.player, Silent(tmp_path / "cache")):
        hall.send("announcement", announcement(17))
        hall.send("announcement", announcement(17))
        hall.until(lambda: hall.done)
        hall.stop()
        hall.start()
        hall.until(lambda: hall.sids)
        hall.send("announcement", announcement(17))
        hall.until(lambda: len(hall.done) >= 2)
        hall.send("announcement", announcement(18))
        hall.until(lambda: announcement(18)["id"] in details(hall))
    assert len(loudspeaker.played()) == 2
    assert set(details(hall).values()) == {(True, "heard")}


def test_calls_that_wait_are_said_in_one_breath_and_each_is_answered(hall: SmallHall, tmp_path: Path, loudspeaker: Loudspeaker) -> None:
    voice = Silent(tmp_path / "cache")
    calls = [announcement(n) for n in range(1, 7)]
    with speaking(hall, loudspeaker.player, voice):
        loudspeaker.hold()
        hall.send("announcement", announcement(0))
        hall.until(lambda: loudspeaker.played())
        for call in calls:
            hall.send("announcement", call)
        hall.until(lambda: hall.beats and hall.beats[-1]["waiting"] == 6)
        loudspeaker.let_go()
        hall.until(lambda: len(hall.done) == 7)
    breath = phrases.join_repeats([phrases.repeat(call["code"], call["counter"]) for call in calls[:4]])
    assert loudspeaker.played()[1:] == [sha(voice.announce(text)) for text in (breath, calls[4]["say"]["vi"], calls[5]["say"]["vi"])]
    assert [details(hall)[call["id"]] for call in calls] == [(True, "heard_joined")] * 4 + [(True, "heard")] * 2


def test_joined_calls_are_heard_without_a_voice_of_our_own(
    hall: SmallHall, tmp_path: Path, loudspeaker: Loudspeaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "pyttsx3.py").write_text("raise ImportError('not installed')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "engine"))
    real_path = os.environ["PATH"]
    monkeypatch.setenv("PATH", str(tmp_path))
    tones = [wav(tmp_path, 300 + 100 * n) for n in range(4)]
    hall.pages = {f"/v/{n}.wav": tone for n, tone in enumerate(tones)}
    program = tmp_path / "loudspeaker" / "loa"
    program.write_text(program.read_text().replace("#!/bin/sh\n", f"#!/bin/sh\nPATH={real_path}\n"))
    with speaking(hall, loudspeaker.player, Speaker(tmp_path / "cache")):
        # While this one is said, the others come together, however busy the machine is.
        loudspeaker.hold()
        hall.send("announcement", announcement(3, audio={"vi": "/v/3.wav"}))
        hall.until(lambda: loudspeaker.played())
        for n in range(3):
            hall.send("announcement", announcement(n, repeat_audio={"vi": f"/v/{n}.wav"}))
        hall.until(lambda: hall.beats and hall.beats[-1]["waiting"] == 3)
        loudspeaker.let_go()
        hall.until(lambda: len(hall.done) == 4)
        hall.send("announcement", announcement(9))
        hall.until(lambda: len(hall.done) == 5)
    assert loudspeaker.played()[2:] == [sha(tone) for tone in tones[:3]], "the chime, then each in its short form"
    ok, detail = details(hall)[announcement(9)["id"]]
    assert not ok and detail.startswith("voice: No voice could be made for 'vi'")


def test_what_is_late_gone_or_called_again_is_left_to_the_screen(hall: SmallHall, tmp_path: Path, loudspeaker: Loudspeaker) -> None:
    hall.pages[BOARD] = json.dumps(
        {
            "calls": [
                {"code": "A001", "state": "called", "seq": 1},
                {"code": "A002", "state": "serving", "seq": 2},
                {"code": "A003", "state": "called", "seq": 3},
                {"code": "A004", "state": "called", "seq": 4},
            ]
        }
    ).encode()
    with speaking(hall, loudspeaker.player, Silent(tmp_path / "cache")):
        loudspeaker.hold()
        hall.send("announcement", announcement(1))
        hall.until(lambda: loudspeaker.played())
        hall.send("announcement", announcement(2))
        hall.send("announcement", announcement(3, life_s=6))
        hall.send("announcement", announcement(4))
        hall.until(lambda: announcement(4)["id"] not in details(hall) and hall.beats and hall.beats[-1]["waiting"] == 3)
        hall.send("announcement", announcement(5, kind="recall", code="A004"))
        hall.until(lambda: details(hall).get(announcement(4)["id"]))
        end = time.monotonic() + agent.LOOK_AT_BOARD_AFTER_S + 6
        hall.until(lambda: time.monotonic() > end)
        loudspeaker.let_go()
        hall.until(lambda: len(hall.done) == 5)
    assert details(hall) == {
        announcement(1)["id"]: (True, "heard"),
        announcement(2)["id"]: (False, "gone"),
        announcement(3)["id"]: (False, "stale"),
        announcement(4)["id"]: (False, "superseded"),
        announcement(5)["id"]: (True, "heard"),
    }
    assert len(loudspeaker.played()) == 2


def test_a_loudspeaker_that_was_unplugged_is_told_to_staff_and_tried_again(
    hall: SmallHall, tmp_path: Path, loudspeaker: Loudspeaker
) -> None:
    loudspeaker.unplug()
    with speaking(hall, loudspeaker.player, Silent(tmp_path / "cache")):
        hall.send("announcement", announcement(1))
        hall.until(lambda: hall.done)
        ok, detail = details(hall)[announcement(1)["id"]]
        assert not ok and detail == "player: The player loa failed: cannot open audio device default."
        hall.until(lambda: hall.beats and hall.beats[-1]["ok"] is False)
        assert "cannot open audio device" in hall.beats[-1]["fault"]
        loudspeaker.plug_in()
        hall.send("announcement", announcement(2))
        hall.until(lambda: len(hall.done) == 2)
        assert details(hall)[announcement(2)["id"]] == (True, "heard")
        hall.until(lambda: hall.beats[-1]["ok"] is True and hall.beats[-1]["heard"] == 1)


def test_a_loudspeaker_that_is_missing_from_the_start_is_told_before_the_first_call(
    hall: SmallHall, tmp_path: Path, loudspeaker: Loudspeaker
) -> None:
    loudspeaker.unplug()
    with speaking(hall, loudspeaker.player, Silent(tmp_path / "cache")):
        hall.until(lambda: hall.beats and hall.beats[-1]["ok"] is False)
    assert not hall.done


def test_the_alarm_ends_by_itself_when_the_cable_is_back(
    hall: SmallHall, tmp_path: Path, loudspeaker: Loudspeaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent, "PROBE_EVERY_S", 0.1)
    loudspeaker.unplug()
    with speaking(hall, loudspeaker.player, Silent(tmp_path / "cache")):
        hall.until(lambda: hall.beats and hall.beats[-1]["ok"] is False)
        loudspeaker.plug_in()
        hall.until(lambda: hall.beats[-1]["ok"] is True)
    assert hall.beats[-1]["heard"] == 0, "nothing was said to find it out"


def test_an_emergency_cuts_the_call_and_is_said_three_times(hall: SmallHall, tmp_path: Path, loudspeaker: Loudspeaker) -> None:
    voice = Silent(tmp_path / "cache")
    alarm = phrases.attention(phrases.EMERGENCY).vi
    with speaking(hall, loudspeaker.player, voice):
        loudspeaker.hold()
        hall.send("announcement", announcement(1))
        hall.until(lambda: loudspeaker.played())
        hall.send("announcement", announcement(2))
        # What is sent together may be heard the other way round.
        hall.until(lambda: hall.beats and hall.beats[-1]["waiting"] == 1)
        hall.send(
            "announcement", announcement(3, kind="emergency", code=None, counter=None, say={"vi": alarm}, times=phrases.EMERGENCY_TIMES)
        )
        hall.until(lambda: len(loudspeaker.played()) == 2)
        loudspeaker.let_go()
        hall.until(lambda: len(hall.done) == 3 and len(loudspeaker.played()) == 4)
    assert loudspeaker.played()[1:] == [sha(voice.announce(alarm))] * 3
    assert details(hall)[announcement(1)["id"]] == (False, "cut")
    assert details(hall)[announcement(2)["id"]] == (False, "cut")
    assert details(hall)[announcement(3)["id"]] == (True, "heard")


@pytest.mark.parametrize(
    ("spoilt", "told"),
    [
        ({"say": {}}, "voice: There is nothing to say."),
        ({"times": "often"}, "ValueError"),
        ({"expires_at": "soon", "id": "without-any-number"}, "heard"),
    ],
)
def test_an_announcement_that_makes_no_sense_silences_nobody(
    spoilt: dict[str, Any], told: str, hall: SmallHall, tmp_path: Path, loudspeaker: Loudspeaker
) -> None:
    with speaking(hall, loudspeaker.player, Silent(tmp_path / "cache")):
        hall.send("announcement", announcement(1) | spoilt)
        hall.until(lambda: hall.done)
        hall.send("announcement", announcement(2))
        hall.until(lambda: len(hall.done) == 2)
    assert hall.done[0]["detail"].startswith(told)
    assert hall.done[1]["ok"]


def test_no_file_is_left_behind(hall: SmallHall, tmp_path: Path, loudspeaker: Loudspeaker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    hall.pages["/v/full.wav"] = wav(tmp_path, 400)
    with speaking(hall, loudspeaker.player, Silent(tmp_path / "cache")):
        for n in range(1, 4):
            hall.send(
                "announcement",
                announcement(n, audio={"vi": "/v/full.wav"}, repeat_audio={"vi": "/v/full.wav"}, life_s=-1 if n == 2 else LONG_S),
            )
        hall.until(lambda: len(hall.done) == 3)
        folder = next(tmp_path.glob("moiso-audio-*"))
        hall.until(lambda: [each for each in folder.iterdir() if each.name != "silence.wav"] == [])
    assert list(tmp_path.glob("moiso-audio-*")) == []


# --- the command, as it is started ---------------------------------------------------------------------------------------------

START = """
import argparse, functools, sys
from audio import agent, playlist
# A busy machine may be long about the voice, and about the call before its repeat.
agent.Speaker, playlist.STALE_AFTER_S = functools.partial(agent.Speaker, timeout_s=60), 3600
parser = argparse.ArgumentParser()
agent.add_arguments(parser)
sys.exit(agent.main(parser.parse_args()))
"""


def test_the_command_connects_speaks_and_ends_when_told(hall: SmallHall, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-c",
        START,
        "--server",
        hall.url,
        "--key",
        hall.key,
        "--output",
        f"dir:{tmp_path / 'out'}",
        "--cache",
        str(tmp_path / "c"),
        # Its usual one is the user's: an earlier hall on the same port may have said the same call.
        "--journal",
        str(tmp_path / "journal"),
    ]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        hall.until(lambda: hall.sids)
        hall.send("announcement", announcement(17, times=2))
        hall.until(lambda: hall.done and (tmp_path / "out" / "00003.wav").exists())
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        process.communicate()
    call, short = (sound.read(tmp_path / "out" / name) for name in ("00002.wav", "00003.wav"))
    assert sound.seconds(call) == pytest.approx(1.15 + 4.1, abs=0.6)
    assert sound.seconds(short) == pytest.approx(3.3, abs=0.5)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--key", "k"], "Give --server http://HOST:PORT, and --key KEY or nothing"),
        (["--server", "localhost:8000", "--key", "k"], "Give --server http://HOST:PORT, and --key KEY or nothing"),
        (["--server", "http://localhost:8000", "--key", "k", "--output", "loud"], "There is no output 'loud'; write default, null,"),
        (["--server", "http://localhost:8000", "--key", "k", "--output", "null", "--rate", "10"], "The rate must be between 80 and 300"),
        (
            ["--server", "http://localhost:8000", "--key", "k", "--output", "null", "--clips", "/nowhere"],
            "nowhere/manifest.json cannot be read",
        ),
        (["--check", "--output", "command:no-such-player"], "The player no-such-player cannot be started"),
    ],
)
def test_a_wrong_option_is_one_sentence(
    options: list[str], sentence: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("MOISO_KEY", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    parser = argparse.ArgumentParser()
    agent.add_arguments(parser)
    assert agent.main(parser.parse_args(options)) == 1
    told = capsys.readouterr()
    assert sentence in told.err and told.err.count("\n") == 1 and told.out == ""


def test_the_sound_check_says_its_sentence(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    agent.add_arguments(parser)
    assert agent.main(parser.parse_args(["--check", "--output", f"dir:{tmp_path / 'out'}", "--cache", str(tmp_path / "cache")])) == 0
    assert sound.seconds(sound.read(tmp_path / "out" / "00001.wav")) == pytest.approx(1.15 + 2.8, abs=0.7)


# --- players -------------------------------------------------------------------------------------------------------------------


def script(folder: Path, name: str, body: str) -> Path:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    return program


def short_sound(folder: Path) -> Path:
    sound.write(folder / "short.wav", sound.silence(0.2))
    return folder / "short.wav"


def test_the_null_player_takes_as_long_as_the_sound(tmp_path: Path) -> None:
    began = time.monotonic()
    open_player("null").play(short_sound(tmp_path))
    assert 15 > time.monotonic() - began >= 0.19


def test_a_player_that_never_ends_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(player, "PATIENCE_S", 0.3)
    with pytest.raises(PlayerFailed, match="did not end"):
        open_player(f"command:{script(tmp_path, 'endless', 'exec sleep 60')}").play(short_sound(tmp_path))


def test_the_default_is_the_first_program_that_plays_and_it_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path, "paplay", f"echo paplay >> {tmp_path}/log; echo no session >&2; exit 1")
    script(tmp_path, "aplay", f"echo aplay $1 >> {tmp_path}/log")
    monkeypatch.setenv("PATH", str(tmp_path))
    default = open_player("default")
    for _ in range(2):
        default.play(short_sound(tmp_path))
    assert (tmp_path / "log").read_text().split() == ["paplay", "aplay", "-q", "aplay", "-q"]
    script(tmp_path, "aplay", "exit 1")
    with pytest.raises(PlayerFailed, match=r"aplay failed: it ended with 1\. The player paplay failed: no session"):
        default.play(short_sound(tmp_path))


def test_a_machine_without_any_player_is_told_what_to_do_and_one_installed_later_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    default = open_player("default")
    with pytest.raises(PlayerFailed, match="install alsa-utils"):
        default.play(short_sound(tmp_path))
    script(tmp_path, "aplay", "exit 0")
    default.play(short_sound(tmp_path))


def test_a_folder_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(PlayerFailed, match="cannot be written"):
        open_player(f"dir:{tmp_path / 'out'}").play(short_sound(tmp_path))
