"""An office's own voice: what is to be recorded, how each recording is judged, and what a pack still lacks."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
import requests
from running import MORNING, OPEN, moiso, running, until

from audio import clips, coverage, recording, sound
from audio.clips import BadPack
from audio.coverage import Needs, cover, lacking, script, sentences
from audio.phrases import Style
from audio.recording import RecorderFailed, file_name, judge, record
from audio.speaker import Speaker
from server.device import Device

WARD = Needs(("A", "W"), ("Quầy 1", "Quầy 12", "Hướng dẫn"))


def pack_of(folder: Path, *phrases: str, language: str = "vi") -> Path:
    folder.mkdir()
    for n in range(len(phrases)):
        sound.write(folder / f"{n}.wav", sound.tone(300 + 10 * n, 0.3, -20))
    manifest = {"language": language, "clips": {phrase: f"{n}.wav" for n, phrase in enumerate(phrases)}}
    (folder / clips.MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    return folder


# -- what is needed --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", [Style(), Style(reading="number", region="south", formal=True), Style(reading="number")])
def test_whoever_reads_the_whole_script_needs_no_engine_all_day(style: Style, tmp_path: Path) -> None:
    needs = Needs(WARD.letters, WARD.counters, style)
    covered = cover(clips.load(pack_of(tmp_path / "pack", *script(needs))), needs)
    assert (covered.whole, covered.missing) == (covered.sentences, {}) and covered.sentences > 2 * 999


@pytest.mark.parametrize("left_out", ["vê kép", "không", "mười", "đến quầy số", "xin chờ gọi lại", "đến hướng dẫn"])
def test_every_phrase_of_the_script_is_needed(left_out: str, tmp_path: Path) -> None:
    wanted = script(WARD)
    assert left_out in wanted
    pack = clips.load(pack_of(tmp_path / "pack", *(phrase for phrase in wanted if phrase != left_out)))
    covered = cover(pack, WARD)
    assert covered.whole < covered.sentences and all(words in left_out for words in covered.missing)
    assert lacking(pack, wanted) == [left_out]


def test_the_script_follows_the_office() -> None:
    digits, numbers = script(WARD), script(Needs(("A",), ("Quầy 1",), Style(reading="number", region="south")))
    assert "trăm" not in digits and {"trăm", "lẻ", "mốt", "lăm"} <= set(numbers)
    assert "vê kép" in digits and "vê kép" not in numbers and "đến hướng dẫn" not in numbers
    assert len(digits) == len(set(digits)) < 50, "an evening is enough"
    assert len(list(sentences(WARD))) == 2 * (999 + 3 * 7) + 7


# -- recording -------------------------------------------------------------------------------------------------------------------


def test_a_bad_recording_is_told_and_a_good_one_is_not() -> None:
    loud = sound.level(sound.tone(300, 1.0, -6), 0)
    assert judge(sound.tone(300, 1.0, -20)) is None
    assert "Không nghe thấy" in str(judge(sound.silence(1.0)))
    assert "Dài" in str(judge(sound.tone(300, 0.05, -20))) and "Dài" in str(judge(sound.tone(300, 13, -20)))
    assert "Nhỏ quá" in str(judge(sound.join([sound.tone(300, 0.02, -35), sound.tone(300, 0.5, -48)])))
    loud[100] = 32_767
    assert "To quá" in str(judge(loud))


@pytest.mark.parametrize(("one", "other"), [("ba", "bà"), ("tám", "tam"), ("mười", "mươi"), ("đê", "dê")])
def test_words_that_differ_in_a_mark_have_files_of_their_own(one: str, other: str) -> None:
    assert file_name(one) != file_name(other)
    assert all(name.isascii() and name.endswith(".wav") for name in (file_name(one), file_name(other)))


def recorder(tmp_path: Path, *takes: sound.Samples[int]) -> str:
    """A program that hands out one take after another when it is told to end."""
    for n, samples in enumerate(takes):
        sound.write(tmp_path / f"take-{n}.wav", samples)
    program = tmp_path / "recorder.py"
    program.write_text(
        "import pathlib, shutil, signal, sys\n"
        f"here = pathlib.Path({str(tmp_path)!r})\n"
        "def end(*_):\n"
        "    n = len(list(here.glob('used-*')))\n"
        "    (here / f'used-{n}').touch()\n"
        "    shutil.copy(here / f'take-{n}.wav', sys.argv[1])\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGINT, end)\n"
        "(here / 'ready').touch()\n"
        "signal.pause()\n"
    )
    return f"{sys.executable} {program}"


class Reader:
    """Somebody at the microphone: answers in turn, and ends a recording when the program is ready for it."""

    def __init__(self, tmp_path: Path, *answers: str) -> None:
        self._ready, self._answers = tmp_path / "ready", list(answers)
        self.asked: list[str] = []
        self.told: list[str] = []

    def ask(self, text: str) -> str:
        if text.startswith("Đang ghi"):
            until(self._ready.exists)
            self._ready.unlink()
            return ""
        self.asked.append(text)
        return self._answers.pop(0) if self._answers else ""


def test_what_is_recorded_is_trimmed_measured_and_kept_and_the_rest_waits_for_another_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A busy machine may keep the recorder from its end for longer than people wait for it.
    monkeypatch.setattr(recording, "ENDS_S", 60.0)
    good = sound.join([sound.silence(0.5), sound.tone(300, 0.6, -24), sound.silence(0.5)])
    program = recorder(tmp_path, sound.silence(1), good, good)
    reader, folder = Reader(tmp_path, "", "", "b", "", "t"), tmp_path / "pack"
    made = record(folder, "vi", ["một", "hai", "ba", "bốn"], ask=reader.ask, say=reader.told.append, recorder=program)
    assert made == 2 and len(reader.asked) == 5
    assert "Không nghe thấy" in reader.told[0] and [line[:4] for line in reader.told[1:]] == ["Được"] * 2
    pack = clips.load(folder)
    assert set(pack.clips) == {("một",), ("ba",)} and lacking(pack, ["một", "hai", "ba", "bốn"]) == ["hai", "bốn"]
    assert 0.6 <= sound.seconds(sound.read(pack.clips["một",])) <= 0.7
    with Speaker(tmp_path / "cache", clips_folders=[folder]) as speaker:
        said = sound.read(speaker.say("một, ba"))
    assert abs(sound.loudness_db(said) - sound.VOICE_DB) < 1, "both are as loud as the engine would be"


def test_a_recorder_that_is_not_there_or_another_language_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(RecorderFailed, match="cannot be started"):
        record(tmp_path / "pack", "vi", ["một"], ask=lambda _: "", say=print, recorder="no-such-recorder -q")
    with pytest.raises(RecorderFailed, match="recorded nothing"):
        record(tmp_path / "pack", "vi", ["một"], ask=lambda _: "", say=print, recorder="true")
    with pytest.raises(BadPack, match="another language"):
        record(pack_of(tmp_path / "english", "one", language="en"), "vi", ["một"], ask=lambda _: "t", say=print)


# -- the commands ----------------------------------------------------------------------------------------------------------------


def test_the_command_says_what_a_pack_lacks_for_an_office(tmp_path: Path) -> None:
    folder = pack_of(tmp_path / "pack", *(phrase for phrase in script(Needs(("A", "B"), ("Quầy 1",))) if phrase != "chín"))
    told = moiso("audio", "missing", "--site", "open", "--clips", str(folder), "--json", "--db", f"sqlite:///{tmp_path}/none.db")
    assert told.returncode == 1, told.stderr
    answer = json.loads(told.stdout)
    assert "chín" in answer["missing"] and answer["whole"] < answer["sentences"]
    words = moiso("audio", "missing", "--site", "open", "--clips", str(folder), "--db", f"sqlite:///{tmp_path}/none.db")
    assert "sentences need no engine" in words.stdout and "To record:" in words.stdout
    refused = moiso("audio", "missing", "--site", "open", "--clips", str(tmp_path / "nowhere"), "--db", f"sqlite:///{tmp_path}/none.db")
    assert refused.returncode == 1 and refused.stderr.count("\n") == 1


def test_the_command_records_what_is_lacking(tmp_path: Path) -> None:
    folder = pack_of(tmp_path / "pack", *script(Needs(("A", "B"), tuple(f"Quầy {n}" for n in range(1, 5))))[1:])
    program = recorder(tmp_path, sound.tone(300, 0.6, -24))
    arguments = (
        "audio",
        "record",
        "--site",
        "open",
        "--clips",
        str(folder),
        "--recorder",
        program,
        "--db",
        f"sqlite:///{tmp_path}/none.db",
    )
    stopped = moiso(*arguments, stdin="t\n")
    assert stopped.returncode == 0, stopped.stderr
    assert "Đã ghi 0 đoạn" in stopped.stdout and "«A»" in stopped.stdout
    assert moiso("audio", "record").stderr.startswith("Give the folder")


# -- engines and languages -------------------------------------------------------------------------------------------------------


def test_piper_speaks_vietnamese_first_and_the_engine_stands_behind_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sound.write(tmp_path / "piper.wav", sound.tone(440, 1.2, -10))
    programs, model = tmp_path / "bin", tmp_path / "vi.onnx"
    programs.mkdir()
    model.write_bytes(b"a model")
    program = programs / "piper"
    program.write_text(
        f'#!/bin/sh\necho "$@" > "{tmp_path}/asked"\ncat > "{tmp_path}/text"\n'
        f'while [ "$1" != --output_file ]; do shift; done\ncp "{tmp_path}/piper.wav" "$2"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    # A busy machine may be long about starting an engine.
    with Speaker(tmp_path / "cache", timeout_s=60, piper=model) as speaker, Speaker(tmp_path / "cache") as plain:
        assert speaker.name("một hai ba") != plain.name("một hai ba")
        said = sound.read(speaker.say("một hai ba bốn"))
        assert abs(sound.seconds(said) - 1.2) < 0.1
        assert (tmp_path / "text").read_text().strip() == "một hai ba bốn" and "--length_scale 1.00" in (tmp_path / "asked").read_text()
        program.write_text("#!/bin/sh\nexit 3\n")
        assert sound.seconds(sound.read(speaker.say("một hai ba bốn năm"))) > 0.5
    with pytest.raises(ValueError, match="no piper model"):
        Speaker(tmp_path / "cache", piper=tmp_path / "gone.onnx")


def test_a_pack_of_another_language_speaks_it_and_two_of_one_are_refused(tmp_path: Path) -> None:
    french = pack_of(tmp_path / "fr", "numéro", "A", "0", "1", "2", "guichet", "3", language="fr")
    vietnamese = pack_of(tmp_path / "vi", "mời số")
    with Speaker(tmp_path / "cache", clips_folders=[vietnamese, french]) as speaker:
        assert sound.seconds(sound.read(speaker.say("Numéro A, 0, 1, 2, guichet 3.", "fr"))) > 2
    with pytest.raises(BadPack, match="already"):
        Speaker(tmp_path / "cache", clips_folders=[french, french])
    assert coverage.lacking(None, ["một"]) == ["một"]


def test_every_call_is_said_in_the_sites_further_language_too(tmp_path: Path) -> None:
    document = tmp_path / "ward.toml"
    text = Path(OPEN).read_text(encoding="utf-8")
    document.write_text(f'{text}\n[voice.also]\nlanguage = "fr"\ncall = "Numéro {{code}}, guichet {{counter}}."\n', encoding="utf-8")
    with running(tmp_path, str(document), *MORNING) as server:
        (clerk,) = server.crew("lan")
        clerk.post("/sites/open/counters/2/open")
        server.device("k1").post("/sites/open/tickets", {"service": "A"}, expect=201)
        arrived: Queue[dict[str, Any]] = Queue()
        stop, there = threading.Event(), threading.Event()
        loudspeaker = Device(
            server.url,
            server.device("loa", "audio").key or "",
            "audio",
            lambda _, payload: arrived.put(payload),
            lambda: {"ok": True},
            on_hello=lambda _: there.set(),
        )
        threading.Thread(target=loudspeaker.run_forever, args=(stop,), daemon=True).start()
        # A call is spoken for twenty seconds and no longer.
        assert there.wait(60)
        clerk.post("/sites/open/counters/2/next")
        moment = arrived.get(timeout=60)
        stop.set()
        assert moment["say"]["fr"] == "Numéro A, 0, 0, 1, guichet 2." and set(moment["audio"]) == {"vi", "fr"}
        assert requests.get(server.url + moment["audio"]["fr"], timeout=60).content[:4] == b"RIFF"
