"""The voice is heard, or the office is told why not: files that last and are loud enough, whatever the engine does."""

from __future__ import annotations

import itertools
import json
import math
import os
import re
import subprocess
import sys
import textwrap
import threading
import time
import wave
from array import array
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from audio import clips, coverage, phrases, sound
from audio.phrases import Style
from audio.speaker import Silent, Speaker, VoiceUnavailable
from audio.voice import Cache, expected_s
from server.voice import Voice as ServerVoice

ROOT = Path(__file__).resolve().parent.parent
CALL = "Mời số A, không, một, hai, đến quầy số ba."
LETTERS = "ABCDĐEGHIKLMNOPQRSTUVXY"


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory):
    """The real engine."""
    with Speaker(tmp_path_factory.mktemp("voice"), timeout_s=20) as speaker:
        yield speaker


# An engine that misbehaves in the ways the real one is known to, and writes down when it worked.
ENGINE = textwrap.dedent("""
    import json, math, os, time, wave
    from array import array

    class Voice:
        def __init__(self, id): self.id = id

    class Engine:
        driver_name = "strange"
        def __init__(self): self.proxy, self.rate, self.finished = self, 200, lambda: None
        def setBusy(self, busy): pass
        def connect(self, topic, call): self.finished = call
        def getProperty(self, name): return self.rate if name == "rate" else [Voice("aav/vi"), Voice("gmw/en")]
        def setProperty(self, name, value):
            if name == "rate": self.rate = value
        def save_to_file(self, text, path): self.text, self.path = text, path
        def runAndWait(self):
            how = os.environ["TEST_ENGINE"]
            began = time.time()
            if how == "hangs":
                with open(os.environ["TEST_ENGINE_LOG"], "a") as log:
                    log.write(json.dumps({"text": self.text, "pid": os.getpid()}) + "\\n")
                time.sleep(3600)
            if how == "dies": os._exit(3)
            if how == "aborts": os.abort()
            if how == "raises": raise RuntimeError("run loop already started")
            if how == "never finishes": return
            if how == "writes nothing": return self.finished()
            if how == "writes no sound": open(self.path, "wb").write(b"x" * 100); return self.finished()
            lasts = 0.05 if how == "is cut off" else 0.36 * len(self.text.split())
            height = {"is silent": 0, "is faint": 20}.get(how, 9000)
            with wave.open(self.path, "wb") as file:
                file.setnchannels(1); file.setsampwidth(2); file.setframerate(22050)
                file.writeframes(array("h", [int(height * math.sin(n / 9)) for n in range(int(22050 * lasts))]).tobytes())
            print("Audio saved to", self.path)
            with open(os.environ["TEST_ENGINE_LOG"], "a") as log:
                log.write(json.dumps({"text": self.text, "began": began, "ended": time.time(), "pid": os.getpid()}) + "\\n")
            self.finished()

    def init(): return Engine()
""")


class StrangeEngine:
    """Puts the engine above in the way of the real one; `how` names what it does."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self._log = folder / "engine.log"
        (folder / "pyttsx3.py").write_text(ENGINE, encoding="utf-8")
        monkeypatch.setenv("PYTHONPATH", str(folder))
        monkeypatch.setenv("TEST_ENGINE_LOG", str(self._log))
        self.does("works")

    def does(self, how: str) -> None:
        self._monkeypatch.setenv("TEST_ENGINE", how)

    def phrases(self) -> list[dict]:
        return [json.loads(line) for line in self._log.read_text().splitlines()] if self._log.exists() else []


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StrangeEngine:
    (tmp_path / "engine").mkdir()
    return StrangeEngine(tmp_path / "engine", monkeypatch)


@pytest.fixture
def hanging_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The programs espeak-ng and piper never end."""
    folder = tmp_path / "commands"
    folder.mkdir()
    for name in ("espeak-ng", "piper"):
        (folder / name).write_text("#!/bin/sh\nexec sleep 3600\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(folder), os.environ["PATH"]]))


def quiet_ends(samples: array) -> tuple[float, float]:
    """Seconds below 1 % of the peak before the first and after the last louder sample."""
    floor = sound.peak(samples) * sound.FULL_SCALE / 100
    loud = [place for place, sample in enumerate(samples) if abs(sample) > floor]
    return loud[0] / sound.RATE, (len(samples) - loud[-1]) / sound.RATE


# --- the real engine ---------------------------------------------------------------------------------------------------------


def test_a_call_is_a_wav_of_the_right_kind_length_and_loudness(voice: Speaker) -> None:
    path = voice.say(CALL)
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (22_050, 1, 2)
    samples = sound.read(path)
    assert sound.seconds(samples) == pytest.approx(expected_s(CALL), rel=0.15)
    assert sound.loudness_db(samples) == pytest.approx(sound.VOICE_DB, abs=0.5)
    assert 0.3 < sound.peak(samples) <= sound.PEAK
    assert max(quiet_ends(samples)) <= 0.05


def sample_of_phrases() -> list[str]:
    """Every letter, every digit, counters 1 to 60, both readings, both regions, every kind of sentence."""
    styles = (Style(), Style("number"), Style("number", "south"), Style(formal=True))
    said = []
    for n in range(60):
        code, counter, style = f"{LETTERS[n % len(LETTERS)]}{(n * 17 + 5) % 999 + 1:03}", str(n + 1), styles[n % 4]
        said.append(phrases.call(code, counter, style).vi if n % 2 else phrases.repeat(code, counter, style))
    said += [
        phrases.recall("A012", "3", 2).vi,
        phrases.join_repeats([phrases.repeat(*each) for each in (("A012", "3"), ("B105", "12"), ("U999", "60"))]),
        phrases.call("A1000", "3").vi,
    ]
    return [*said, phrases.correction("A012").vi, *coverage.standing(Style())]


def test_a_sample_of_all_phrases_is_audible_level_and_lasts_as_computed(voice: Speaker) -> None:
    wrong = []
    for text in sample_of_phrases():
        samples = sound.read(voice.say(text))
        lasts, expected = sound.seconds(samples), expected_s(text)
        if not (0.8 * expected <= lasts <= 1.25 * expected and abs(sound.loudness_db(samples) - sound.VOICE_DB) < 0.5):
            wrong.append((text, round(lasts, 2), round(expected, 2), round(sound.loudness_db(samples), 1)))
    assert wrong == []


def test_different_codes_sound_different(voice: Speaker) -> None:
    files = {voice.say(phrases.repeat(f"A{n:03}", "3")).read_bytes() for n in range(1, 12)}
    assert len(files) == 11


def test_an_announcement_is_the_chime_and_then_the_voice(voice: Speaker) -> None:
    spoken, whole = sound.read(voice.say(CALL)), sound.read(voice.announce(CALL))
    lead = round((sound.CHIME_S + sound.CHIME_GAP_S) * sound.RATE)
    assert whole[lead:] == spoken
    assert sound.loudness_db(whole[:lead]) == pytest.approx(sound.loudness_db(spoken) - 6, abs=0.5)
    assert whole[:lead] == sound.read(voice.chime())


def test_the_english_sentence_has_an_english_voice(voice: Speaker) -> None:
    text = phrases.call("A012", "3").en
    assert text is not None
    samples = sound.read(voice.say(text, "en"))
    assert sound.seconds(samples) == pytest.approx(expected_s(text, "en"), rel=0.35)
    assert voice.name(text, "en") != voice.name(text, "vi")


def test_the_south_has_a_voice_of_its_own(tmp_path: Path, voice: Speaker) -> None:
    with Speaker(tmp_path, voice="vi-vn-x-south", timeout_s=20) as southern:
        assert southern.say("quầy số ba").read_bytes() != voice.say("quầy số ba").read_bytes()
        assert southern.name("quầy số ba") != voice.name("quầy số ba")


def test_the_rate_is_obeyed(tmp_path: Path, voice: Speaker) -> None:
    with Speaker(tmp_path, rate=110, timeout_s=20) as slow:
        assert sound.seconds(sound.read(slow.say(CALL))) > 1.15 * sound.seconds(sound.read(voice.say(CALL)))


def test_a_voice_that_is_not_installed_is_refused_and_does_not_speak_english(tmp_path: Path) -> None:
    with (
        Speaker(tmp_path, voice="xx-nowhere", timeout_s=20) as speaker,
        pytest.raises(VoiceUnavailable, match="no voice 'xx-nowhere'"),
    ):
        speaker.say(CALL)
    assert list(tmp_path.glob("*.wav")) == []


def test_a_phrase_has_its_name_before_it_is_rendered(tmp_path: Path, voice: Speaker) -> None:
    with Speaker(tmp_path, timeout_s=20) as speaker:
        name = speaker.name(CALL, chimed=True)
        assert speaker.find(name) is None
        assert speaker.announce(CALL) == speaker.find(name)
        assert speaker.find("../../etc/passwd") is None
        assert name == voice.name(f"  {CALL}\n", chimed=True), "the name depends on what is said, not on the speaker or the spaces"


@pytest.mark.parametrize(("text", "lang"), [("", "vi"), (" … ", "vi"), ("a" * 2_001, "vi"), ("một", "../fr")])
def test_what_cannot_be_said_is_refused(text: str, lang: str, voice: Speaker) -> None:
    with pytest.raises(ValueError, match=r"nothing to say|At most|no voice for the language"):
        voice.say(text, lang)


# --- an engine that misbehaves -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "how",
    ["hangs", "never finishes", "dies", "aborts", "raises", "writes nothing", "writes no sound", "is silent", "is faint", "is cut off"],
)
def test_when_the_engine_fails_the_command_speaks_instead(how: str, engine: StrangeEngine, tmp_path: Path) -> None:
    engine.does(how)
    with Speaker(tmp_path / "cache", timeout_s=24) as speaker:
        samples = sound.read(speaker.say(CALL))
        assert sound.seconds(samples) == pytest.approx(expected_s(CALL), rel=0.15)
        assert [path.name for path in (tmp_path / "cache").iterdir() if path.suffix != ".wav"] == []


def test_an_engine_that_hung_is_left_alone_for_the_next_phrases(engine: StrangeEngine, tmp_path: Path) -> None:
    engine.does("hangs")
    with Speaker(tmp_path / "cache", timeout_s=24) as speaker:
        speaker.say("quầy số một")
        speaker.say("quầy số hai")
    assert [each["text"] for each in engine.phrases()] == ["quầy số một"], "the wait is paid once"


@pytest.mark.parametrize("engines", [2, 3])
def test_when_every_engine_hangs_they_share_the_time_of_one_caller(
    engines: int, engine: StrangeEngine, tmp_path: Path, hanging_commands: None
) -> None:
    engine.does("hangs")
    model = tmp_path / "vi.onnx"
    model.touch()
    with (
        Speaker(tmp_path / "cache", timeout_s=3, piper=model if engines == 3 else None) as speaker,
        pytest.raises(VoiceUnavailable) as told,
    ):
        speaker.say(CALL)
    shares = [float(given) for given in re.findall(r"did not answer within ([\d.]+) s", str(told.value))]
    assert len(shares) == engines, told.value
    # What a busy machine needs to begin each of them is taken from those behind, never from the caller.
    assert sum(shares) <= 3.05 and 1 < shares[0] <= 2.05


def test_whoever_waits_behind_engines_that_hang_is_told_in_his_own_time(
    engine: StrangeEngine, tmp_path: Path, hanging_commands: None
) -> None:
    engine.does("hangs")
    waited, together = [], threading.Barrier(4)

    def ask(text: str) -> str:
        together.wait()
        began = time.monotonic()
        with pytest.raises(VoiceUnavailable) as told:
            speaker.say(text)
        waited.append(time.monotonic() - began)
        return str(told.value)

    # A sixth of it is left to whoever has begun a little later than the first, as on a busy machine.
    with Speaker(tmp_path / "cache", timeout_s=20) as speaker, ThreadPoolExecutor(4) as crowd:
        heard = list(crowd.map(ask, ["quầy số một", "quầy số hai", "quầy số ba", "quầy số bốn"]))
    assert sum("had others to speak for" in each for each in heard) == 3, heard
    assert max(waited) < min(waited) + 20, "a second caller alone would have waited as long again"


def test_without_any_engine_staff_are_told_in_one_sentence(engine: StrangeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.does("raises")
    monkeypatch.setenv("PATH", str(tmp_path))
    with Speaker(tmp_path / "cache", timeout_s=30) as speaker, pytest.raises(VoiceUnavailable) as told:
        speaker.say(CALL)
    assert str(told.value) == (
        "No voice could be made for 'vi' (pyttsx3: run loop already started; espeak-ng: the program espeak-ng is not installed)."
    )


def test_a_child_that_is_killed_is_replaced(engine: StrangeEngine, tmp_path: Path) -> None:
    with Speaker(tmp_path / "cache", timeout_s=30) as speaker:
        speaker.say("quầy số một")
        first = engine.phrases()[0]["pid"]
        os.kill(first, 9)
        speaker.say("quầy số hai")
        speaker.say("quầy số ba")
        assert all(heard["pid"] != first for heard in engine.phrases()[1:])


def test_the_child_ends_with_the_speaker(engine: StrangeEngine, tmp_path: Path) -> None:
    with Speaker(tmp_path / "cache", timeout_s=30) as speaker:
        speaker.say("quầy số một")
        pid = engine.phrases()[0]["pid"]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_many_callers_are_served_one_after_another_and_each_phrase_is_rendered_once(engine: StrangeEngine, tmp_path: Path) -> None:
    texts = [f"quầy số {word}" for word in ("một", "hai", "ba", "bốn")]
    with Speaker(tmp_path / "cache", timeout_s=60) as speaker, ThreadPoolExecutor(16) as crowd:
        paths = list(crowd.map(speaker.say, texts * 8))
    assert len(set(paths)) == 4 and all(path.stat().st_size > 44 for path in paths)
    work = engine.phrases()
    assert sorted(each["text"] for each in work) == sorted(texts)
    assert all(later["began"] >= earlier["ended"] for earlier, later in itertools.pairwise(work))


def test_a_phrase_said_before_needs_no_engine(engine: StrangeEngine, tmp_path: Path) -> None:
    with Speaker(tmp_path / "cache", timeout_s=30) as speaker:
        speaker.say(CALL)
    engine.does("dies")
    with Speaker(tmp_path / "cache", timeout_s=30) as speaker:
        speaker.say(CALL)
    assert len(engine.phrases()) == 1


def test_a_cache_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file, not a folder")
    with Speaker(tmp_path / "cache") as speaker, pytest.raises(VoiceUnavailable, match="cannot use its files"):
        speaker.say(CALL)


def test_the_cache_keeps_what_was_used_last_and_what_is_fresh(tmp_path: Path) -> None:
    cache = Cache(tmp_path, keep=2)
    for age, name in enumerate("abcde"):
        path = cache.path(name * 64)
        path.write_bytes(b"x")
        long_ago = time.time() - 3600 * (age + 1)
        os.utime(path, (long_ago, long_ago))
    cache.path("f" * 64).write_bytes(b"x")
    assert cache.find("d" * 64) is not None, "found, hence used now"
    for _ in range(100):
        cache.wrote()
    assert sorted(path.name[0] for path in tmp_path.iterdir()) == ["d", "f"]


# --- beside cooperative sockets ----------------------------------------------------------------------------------------------

BESIDE_SOCKETS = """
import warnings; warnings.simplefilter("ignore")
import eventlet; eventlet.monkey_patch()
import sys, time
from pathlib import Path
from audio.speaker import Speaker

stood = 0.0
def tick():
    global stood
    while True:
        began = time.monotonic(); eventlet.sleep(0.005)
        late = time.monotonic() - began - 0.005
        stood += late if late > 0.1 else 0

eventlet.spawn(tick)
speaker = Speaker(Path(sys.argv[1]), timeout_s=float(sys.argv[2]))
texts = ["quầy số một", "quầy số hai", "quầy số ba", "quầy số bốn"] * 3
begun = time.monotonic()
paths = list(eventlet.GreenPool(12).imap(speaker.say, texts))
assert len(set(paths)) == 4 and all(path.stat().st_size > 10_000 for path in paths)
print(stood / (time.monotonic() - begun))
speaker.close()
"""


@pytest.mark.parametrize("how", ["works", "hangs"])
def test_beside_cooperative_sockets_nobody_waits_for_the_voice(how: str, engine: StrangeEngine, tmp_path: Path) -> None:
    engine.does(how)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([os.environ["PYTHONPATH"], str(ROOT)])}
    command = [sys.executable, "-c", BESIDE_SOCKETS, str(tmp_path / "cache"), "45"]
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    # A busy machine makes them wait now and then; whoever waits for the voice stands still for most of the time that it takes.
    assert float(done.stdout) < 0.5, "the sockets stood still while the voice was made"


# --- without a voice, and with a person's ------------------------------------------------------------------------------------


def test_the_silent_voice_lasts_as_long_as_the_real_one(tmp_path: Path, voice: Speaker) -> None:
    silent = Silent(tmp_path)
    assert sound.seconds(sound.read(silent.say(CALL))) == pytest.approx(sound.seconds(sound.read(voice.say(CALL))), rel=0.15)
    chimed = sound.read(silent.announce(CALL))
    assert sound.seconds(chimed) == pytest.approx(sound.seconds(sound.read(silent.say(CALL))) + 1.15, abs=0.01)
    assert -50 < sound.loudness_db(chimed) < -40
    assert silent.find(silent.name(CALL, chimed=True)) == silent.announce(CALL)
    silent.close()


def test_only_a_voice_that_is_slow_renders_a_call_before_somebody_asks_for_it(tmp_path: Path, voice: Speaker) -> None:
    begun: list[object] = []
    for speaks in (voice, Silent(tmp_path / "silent")):
        server = ServerVoice(speaks, lambda prepare, *what, of=speaks: begun.append(of))
        path = server.path("open", CALL, "vi")
        assert server.file(Path(path).stem) == speaks.find(speaks.name(CALL)), "whoever asks gets it from either"
    assert begun == [voice], "the stand-in would draw a tone for every call, in the way of the next press"


def make_pack(folder: Path, words: dict[str, float], **more: object) -> Path:
    """A pack of tones, one height for each phrase."""
    folder.mkdir()
    for n, lasts in enumerate(words.values()):
        sound.write(folder / f"{n}.wav", sound.join([sound.silence(0.2), sound.tone(300 + 50 * n, lasts, -30), sound.silence(0.1)]))
    manifest = {"language": "vi", "clips": {phrase: f"{n}.wav" for n, phrase in enumerate(words)}, **more}
    (folder / "manifest.json").write_text(json.dumps(manifest, ensure_ascii=False), encoding="utf-8")
    return folder


WORDS = {"Mời số": 0.5, "A": 0.3, "không": 0.4, "một": 0.4, "hai": 0.4, "đến quầy số": 0.7, "ba": 0.3}


def test_recorded_clips_are_joined_with_the_pauses_of_the_pack(tmp_path: Path) -> None:
    folder = make_pack(tmp_path / "clips", WORDS, before_s={"đến quầy số": 0.4})
    with Speaker(tmp_path / "cache", clips_folders=[folder]) as speaker:
        samples = sound.read(speaker.say(CALL))
    spoken = 0.5 + 0.3 + 0.4 + 0.4 + 0.4 + 0.7 + 0.3
    pauses = 3 * 0.25 + 0.4
    assert sound.seconds(samples) == pytest.approx(spoken + pauses + 7 * 0.06, abs=0.1)
    assert sound.loudness_db(samples) == pytest.approx(sound.VOICE_DB, abs=1)


def test_a_word_without_a_clip_is_left_to_the_engine(engine: StrangeEngine, tmp_path: Path) -> None:
    folder = make_pack(tmp_path / "clips", {phrase: lasts for phrase, lasts in WORDS.items() if phrase != "hai"})
    with Speaker(tmp_path / "cache", clips_folders=[folder], timeout_s=60) as speaker:
        speaker.say(CALL)
    assert [each["text"] for each in engine.phrases()] == ["hai"]


def test_a_sentence_mostly_without_clips_is_left_to_the_engine_as_a_whole(engine: StrangeEngine, tmp_path: Path) -> None:
    folder = make_pack(tmp_path / "clips", WORDS)
    with Speaker(tmp_path / "cache", clips_folders=[folder], timeout_s=60) as speaker:
        speaker.say("Máy ba nghỉ trưa hôm nay.")
        speaker.say("Please go", "en")
    assert [each["text"] for each in engine.phrases()] == ["Máy ba nghỉ trưa hôm nay.", "Please go"]


def test_the_longest_phrase_of_a_pack_wins(tmp_path: Path) -> None:
    pack = clips.load(make_pack(tmp_path / "clips", {"đến": 0.2, "đến quầy": 0.2, "số": 0.2, "ba": 0.2}))
    plan = clips.plan("ĐẾN quầy số ba", pack)
    assert plan is not None
    assert [piece.phrase for piece in plan if isinstance(piece, clips.Clip)] == ["đến quầy", "số", "ba"]


def test_all_mistakes_of_a_pack_are_told_at_once(tmp_path: Path) -> None:
    folder = make_pack(tmp_path / "clips", {"một": 0.3})
    sound.write(folder / "quiet.wav", sound.silence(0.5))
    (folder / "text.wav").write_text("not a sound")
    listed = {"một": "0.wav", "hai": "quiet.wav", "ba": "text.wav", "bốn": "none.wav", "năm": "../../away.wav", " ": "0.wav"}
    (folder / "manifest.json").write_text(json.dumps({"clips": listed, "pauses_s": {",": "long"}}), encoding="utf-8")
    with pytest.raises(clips.BadPack) as told:
        clips.load(folder)
    for place in ('"language"', '"pauses_s"', '"hai"', '"ba"', '"bốn"', '"năm" points outside', '" " holds no word'):
        assert place in str(told.value)
    with pytest.raises(clips.BadPack, match="cannot be read"):
        clips.load(tmp_path / "nowhere")


# --- samples -----------------------------------------------------------------------------------------------------------------


def strength(samples: array, hertz: float) -> float:
    """How much of one frequency there is."""
    turn = 2 * math.pi * hertz / sound.RATE
    return math.hypot(*(sum(sample * wave_of(n * turn) for n, sample in enumerate(samples)) for wave_of in (math.cos, math.sin)))


def test_the_chime_is_two_soft_tones_falling_from_e_to_c() -> None:
    chime = sound.chime()
    assert sound.seconds(chime) == pytest.approx(0.9 + 0.25, abs=0.001)
    first, second = chime[: round(0.3 * sound.RATE)], chime[round(0.5 * sound.RATE) : round(0.9 * sound.RATE)]
    assert strength(first, 659.26) > 10 * strength(first, 523.25)
    assert strength(second, 523.25) > 2 * strength(second, 659.26)
    assert sound.loudness_db(chime) == pytest.approx(sound.VOICE_DB - 6, abs=0.2)
    assert sound.peak(chime) < 0.3
    assert max(abs(after - before) for before, after in itertools.pairwise(chime)) < 0.05 * sound.FULL_SCALE, "no click"


@pytest.mark.parametrize("db", [-40.0, -25.0, -10.0])
def test_any_voice_ends_at_the_same_loudness(db: float) -> None:
    levelled = sound.level(sound.tone(300, 0.5, db))
    assert sound.loudness_db(levelled) == pytest.approx(sound.VOICE_DB, abs=0.3)


def test_a_loud_peak_is_bent_not_cut_and_noise_is_not_lifted_to_a_voice() -> None:
    clap = sound.tone(300, 1.0, -30)
    clap[5000] = 32_767
    assert sound.peak(sound.level(clap)) <= sound.PEAK
    assert sound.loudness_db(sound.level(sound.tone(300, 0.5, -60))) < -35
    assert sound.level(sound.silence(0.1)) == sound.silence(0.1)
    assert sound.trim(sound.silence(0.1)) == array("h")


def test_wav_files_of_other_kinds_are_converted_or_refused(tmp_path: Path) -> None:
    def save(name: str, rate: int, channels: int, width: int) -> Path:
        with wave.open(str(tmp_path / name), "wb") as file:
            file.setnchannels(channels)
            file.setsampwidth(width)
            file.setframerate(rate)
            tone = [round(9000 * math.sin(2 * math.pi * 400 * n / rate)) for n in range(rate)]
            file.writeframes(array("h", [sample for sample in tone for _ in range(channels)]).tobytes() if width == 2 else bytes(rate))
        return tmp_path / name

    for path in (save("cd.wav", 44_100, 2, 2), save("phone.wav", 8_000, 1, 2)):
        samples = sound.read(path)
        assert sound.seconds(samples) == pytest.approx(1.0, abs=0.001)
        assert strength(samples[:8000], 400) > 20 * strength(samples[:8000], 700)
    with pytest.raises(sound.NotASound, match="16 bit"):
        sound.read(save("old.wav", 8_000, 1, 1))
    (tmp_path / "cut.wav").write_bytes(b"RIFF")
    with pytest.raises(sound.NotASound, match="not a WAV"):
        sound.read(tmp_path / "cut.wav")


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path, seen = tmp_path / "a.wav", []
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            if path.exists():
                seen.append(len(sound.read(path)))

    watcher = threading.Thread(target=look)
    watcher.start()
    for _ in range(20):
        sound.write(path, sound.silence(2.0))
    stop.set()
    watcher.join()
    assert set(seen) <= {2 * sound.RATE}
    assert [each.name for each in tmp_path.iterdir()] == ["a.wav"]
