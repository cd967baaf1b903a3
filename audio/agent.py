"""The voice agent, `moiso audio`: the program beside a hall's loudspeaker.

It takes announcements from the server, asks the playlist what to say next, plays it, and answers each announcement once. It
plays the server's own file; when that cannot be had it renders the sentence itself. No voice is not no call: whatever fails
here is answered and shown to staff, and the screens go on.

What it answers, `done {id, ok, detail}`; `detail` begins with one of these words:

* ok: `heard`, `heard_joined`;
* not ok, and nothing is wrong with the device: `quiet` (the hall has quiet hours), `stale`, `gone` (the ticket is served, or the call was
  undone), `superseded` (by a recall or a correction), `cut` (by an emergency);
* not ok, and somebody should look: `player: …`, `voice: …`, `unknown: …` (the agent was stopped while it spoke).

What was begun is noted on disk, so that an agent that is started again does not say a call again; whether half a call was enough is for the
clerk to say, who sees that it was not heard, and recalls.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import re
import signal
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any

from audio import phrases, playlist, sound
from audio.clips import BadPack
from audio.player import Cut, Player, PlayerFailed, open_player
from audio.playlist import Form, Kind, Moment, Playlist, Shown, Unsaid, Utterance
from audio.speaker import Speaker, VoiceUnavailable
from audio.voice import Voice
from kiosk.journal import Entry, Journal, JournalError, usual_path
from server import paired
from server.core.site import hall_of
from server.device import Answer, Device

log = logging.getLogger("moiso.audio")

HEARD, HEARD_JOINED, QUIET = "heard", "heard_joined", "quiet"
FETCH_TIMEOUT_S = 7.0  # the server holds a GET for up to 6 s while the voice is made
BOARD_TIMEOUT_S = 2.0
LOOK_AT_BOARD_AFTER_S = 1.0
BEFORE_REPEAT_S, BETWEEN_S, AFTER_S = 0.7, 0.4, 0.4
PROBE_EVERY_S, PROBE_S = 30.0, 0.2
DEFAULT_LIFE_S = 60.0
BEGUN = Entry(False, "unknown: the voice agent stopped while it spoke")
_ID = re.compile(r"(.+)-(\d+)-(\d+)")


@dataclass
class Announcement:
    """A moment with what is to be said, and the files that are on their way."""

    moment: Moment
    payload: dict[str, Any]
    files: dict[tuple[str, str], Future[Path]] = field(default_factory=dict)

    def languages(self) -> list[str]:
        """In which it is said, one after another, Vietnamese first. The first of them comes after the chime."""
        said = self.payload.get("say") or {}
        further = [lang for lang in said if lang != "vi" and said[lang]]
        return ["vi", *further] if self.text("vi") or not further else further

    @property
    def volume(self) -> int:
        """Percent of full volume; 0: it is not spoken."""
        told = self.payload.get("volume", sound.FULL_VOLUME)
        return max(0, min(int(told), sound.FULL_VOLUME)) if isinstance(told, int | float) else sound.FULL_VOLUME

    @property
    def mark(self) -> str:
        """Its name in the journal. A fresh database begins its moment ids anew; the number called tells its moments from the old ones."""
        return f"{self.moment.id} {self.moment.code}"

    def text(self, lang: str, part: str = "say") -> str:
        """The sentence, or nothing."""
        return str((self.payload.get(part) or {}).get(lang) or "")


class VoiceAgent:
    """The voice of one hall. `run` until stopped; everything else is its own business.

    `voice` renders what the server's file does not give; `player` plays; `key` identifies the device to the server; `journal` remembers
    what was begun beyond the end of this program.
    """

    def __init__(
        self, server_url: str, key: str, player: Player, voice: Voice, *, beat_every_s: float = 5.0, journal: Journal | None = None
    ) -> None:
        self._journal = journal
        self._device = Device(server_url, key, "audio", self._arrived, self._facts, beat_every_s=beat_every_s, may_leave=True)
        self._server_url, self._key = server_url.rstrip("/"), key
        self._player, self._voice = player, voice
        self._changed = threading.Condition()
        self._list = Playlist()
        self._announcements: dict[str, Announcement] = {}
        self._fault: str | None = None
        self._heard = 0
        self._volume: int | None = None
        self._chime = sound.chime()
        self._fetchers = ThreadPoolExecutor(2, thread_name_prefix="fetch")
        self._files = tempfile.TemporaryDirectory(prefix="moiso-audio-")

    def run(self, stop: threading.Event) -> bool:
        """Serve until `stop` is set, or the server knows the key no longer; whether it was that."""
        self._probe()
        over = threading.Event()
        speaking = threading.Thread(target=self._speak, args=(over,), name="voice", daemon=True)
        speaking.start()
        try:
            self._device.run_forever(stop)
        finally:
            over.set()
            self._player.stop()
            with self._changed:
                self._changed.notify_all()
            speaking.join(timeout=3)
            self._fetchers.shutdown(wait=False, cancel_futures=True)
            self._voice.close()
            self._files.cleanup()
        return self._device.left

    # --- what comes in ---------------------------------------------------------------------------------------------------

    def _arrived(self, event: str, payload: dict[str, Any]) -> Answer | None:
        """Take one announcement in; it is answered when it was said, or will not be."""
        announcement = Announcement(self._moment(payload), payload)
        known = self._journal.get(announcement.mark) if self._journal else None
        if known is not None:
            return known.ok, known.detail
        if announcement.volume == 0:
            return False, QUIET
        spoken = announcement.languages()
        for part, lang in (*(("audio", lang) for lang in spoken), ("repeat_audio", "vi")):
            path = (payload.get(part) or {}).get(lang)
            if isinstance(path, str) and path.startswith("/"):
                announcement.files[part, lang] = self._fetchers.submit(self._fetch, path, chimed=part == "audio" and lang == spoken[0])
        with self._changed:
            self._announcements[announcement.moment.id] = announcement
            self._list, dropped = playlist.arrive(self._list, announcement.moment)
            playing = self._list.playing
            if announcement.moment.kind is Kind.EMERGENCY and playing and playing.moments[0].kind is not Kind.EMERGENCY:
                self._player.stop()
            self._changed.notify_all()
        self._answer_dropped(dropped)
        return None

    def _moment(self, payload: dict[str, Any]) -> Moment:
        now = time.monotonic()
        expires_s = now + DEFAULT_LIFE_S
        with contextlib.suppress(KeyError, TypeError, ValueError):
            expires_s = now + self._device.clock.seconds_until(datetime.fromisoformat(payload["expires_at"]))
        match = _ID.fullmatch(payload["id"])
        order = (match[1], int(match[2]), int(match[3])) if match else (payload["id"], 0, 0)
        kind = payload.get("kind") or ("call" if payload.get("code") else "notice")
        return Moment(
            id=payload["id"],
            kind=Kind(kind) if kind in set(Kind) else Kind.NOTICE,
            code=str(payload.get("code") or ""),
            order=order,
            arrived_s=now,
            expires_s=expires_s,
            times=int(payload.get("times") or 1),
        )

    def _facts(self) -> dict[str, Any]:
        """What the next beat tells staff about this device."""
        with self._changed:
            waiting = len(self._list.waiting)
        return {"ok": self._fault is None, "fault": self._fault, "waiting": waiting, "heard": self._heard, "volume": self._volume}

    def _get(self, path: str, timeout_s: float) -> bytes:
        request = urllib.request.Request(self._server_url + path, headers={"Authorization": f"Bearer {self._key}"})
        with urllib.request.urlopen(request, timeout=timeout_s) as response:
            content: bytes = response.read()
        return content

    def _fetch(self, path: str, *, chimed: bool) -> Path:
        """The server's file, which holds the voice alone; what begins an utterance gets the chime. Raises OSError or NotASound."""
        content = self._get(path, FETCH_TIMEOUT_S)
        handle, name = tempfile.mkstemp(dir=self._files.name, suffix=".wav")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        spoken = sound.read(Path(name))
        if chimed:
            sound.write(Path(name), sound.join([self._chime, spoken]))
        return Path(name)

    # --- what goes out ---------------------------------------------------------------------------------------------------

    def _speak(self, stop: threading.Event) -> None:
        """Say one thing after another until stopped."""
        probe_at = 0.0
        while not stop.is_set():
            with self._changed:
                if not self._list.waiting and not self._list.again:
                    self._changed.wait(0.5)
                idle = not self._list.waiting and not self._list.again
            if idle:
                if self._fault and time.monotonic() >= probe_at:
                    probe_at = time.monotonic() + PROBE_EVERY_S
                    self._probe()
                continue
            try:
                self._say_next(stop)
                self._forget()
            except Exception:  # this thread is the voice; if it ended, the beats would still say that all is well
                log.exception("The voice stumbled.")
                stop.wait(1.0)

    def _say_next(self, stop: threading.Event) -> None:
        with self._changed:
            # The pause before a repeat is nobody's but the repeat's: a call that comes meanwhile does not wait for its end.
            self._changed.wait_for(lambda: self._list.waiting or stop.is_set(), BEFORE_REPEAT_S)
            since = min((moment.arrived_s for moment in self._list.waiting), default=0.0)
        with contextlib.suppress(Cut):
            self._player.pause(max(0.0, since + playlist.GATHER_S - time.monotonic()))
        self._look_at_board()
        with self._changed:
            self._list, utterance, dropped = playlist.choose(self._list, time.monotonic())
            self._player.ready()
        self._answer_dropped(dropped)
        if utterance is None or stop.is_set():
            return
        first = utterance.form is not Form.REPEAT
        ok, detail = self._utter(utterance, journal=self._journal if first else None)
        with self._changed:
            self._list = playlist.finished(self._list)
        if first:
            self._heard += len(utterance.moments) if ok else 0
            for moment in utterance.moments:
                self._device.answer(moment.id, ok, detail)

    def _utter(self, utterance: Utterance, journal: Journal | None) -> Answer:
        """Play it, noting in the journal before the first sound and after the last; the answer for its moments."""
        marks = [self._announcements[moment.id].mark for moment in utterance.moments] if journal else []
        answer = self._played(utterance, lambda: [journal.start(mark) for mark in marks] if journal else None)
        for mark in marks:
            if journal and journal.get(mark) is not None:
                journal.end(mark, *answer)
        return answer

    def _played(self, utterance: Utterance, begin: Callable[[], object]) -> Answer:
        softer: list[Path] = []
        try:
            self._volume = self._announcements[utterance.moments[0].id].volume
            files = [self._at_volume(file, softer) for file in self._files_of(utterance)]
            begin()
            for n in range(utterance.times):
                for file in files:
                    self._player.play(file)
                    last = n == utterance.times - 1 and file is files[-1]
                    self._player.pause(AFTER_S if last else BETWEEN_S)
        except Cut:
            return False, Unsaid.CUT.value
        except PlayerFailed as failure:
            self._note(str(failure))
            return False, f"player: {failure}"
        except (VoiceUnavailable, ValueError) as failure:
            log.error("%s", failure)
            return False, f"voice: {failure}"
        except Exception as failure:  # whatever it was, the next call must be heard
            log.exception("An utterance failed.")
            return False, f"voice: {type(failure).__name__}: {failure}"
        finally:
            for made in softer:
                made.unlink(missing_ok=True)
        self._note(None)
        return True, HEARD_JOINED if utterance.form is Form.JOINED else HEARD

    def _at_volume(self, file: Path, softer: list[Path]) -> Path:
        """The file as loud as the hall wants it now; a copy joins `softer`. Raises NotASound, or OSError when there is no room for it."""
        if self._volume in (None, sound.FULL_VOLUME):
            return file
        copy = Path(self._files.name) / f"at-{self._volume}-{len(softer)}.wav"
        softer.append(copy)
        sound.write(copy, sound.at_volume(sound.read(file), self._volume))
        return copy

    def _files_of(self, utterance: Utterance) -> list[Path]:
        """The files to play, one after another. Raises VoiceUnavailable or ValueError."""
        announcements = [self._announcements[moment.id] for moment in utterance.moments]
        first = announcements[0]
        if utterance.form is Form.JOINED:
            return self._joined(announcements)
        if utterance.form is Form.REPEAT:
            return [self._file(first, "vi", "repeat_audio", "repeat" if first.text("vi", "repeat") else "say")]
        return [self._file(first, first.languages()[0], "audio", "say"), *self._translated(first)]

    def _translated(self, announcement: Announcement) -> list[Path]:
        """The further languages. One that cannot be said takes nothing from the Vietnamese that can."""
        files = []
        for lang in announcement.languages()[1:]:
            try:
                files.append(self._file(announcement, lang, "audio", "say"))
            except (VoiceUnavailable, ValueError) as failure:
                log.error("Nothing is said in %s: %s", lang, failure)
        return files

    def _file(self, announcement: Announcement, lang: str, audio: str, say: str) -> Path:
        """The server's file if it came, else our own."""
        coming = announcement.files.get((audio, lang))
        if coming is not None:
            try:
                return coming.result(timeout=FETCH_TIMEOUT_S)
            except Exception as problem:  # refused, late, gone, not a sound: all the same, we can speak ourselves
                log.warning("The server's voice is not to be had (%s); speaking with our own.", problem)
        text = announcement.text(lang, say)
        begins = audio == "audio" and lang == announcement.languages()[0]
        return self._voice.announce(text, lang) if begins else self._voice.say(text, lang)

    def _joined(self, announcements: list[Announcement]) -> list[Path]:
        """Several calls in one breath; without a voice of our own, their short forms or whole sentences in a row."""
        shorts = [each.text("vi", "repeat") for each in announcements]
        if all(shorts):
            with contextlib.suppress(VoiceUnavailable):
                return [self._voice.announce(phrases.join_repeats(shorts))]
        with contextlib.suppress(Exception):  # one that did not come is as good as none
            chime = Path(self._files.name) / "chime.wav"
            sound.write(chime, self._chime)
            return [chime, *(each.files["repeat_audio", "vi"].result(timeout=FETCH_TIMEOUT_S) for each in announcements)]
        return [self._file(each, "vi", "audio", "say") for each in announcements]

    def _look_at_board(self) -> None:
        """Learn from the hall's board which of the waiting tickets are no longer called; silent when it cannot be had."""
        with self._changed:
            again = self._list.again
            late = time.monotonic() - LOOK_AT_BOARD_AFTER_S
            asked = [each for each in (*self._list.waiting, *((again,) if again else ())) if each.code and each.arrived_s <= late]
        site, hall = self._device.state.get("site"), hall_of((self._device.state.get("device") or {}).get("place") or "")
        if not asked or not site or not hall:
            return
        try:
            path = f"/api/v1/sites/{urllib.parse.quote(site)}/halls/{urllib.parse.quote(hall)}/board"
            calls = json.loads(self._get(path, BOARD_TIMEOUT_S))["calls"]
            shown = [Shown(str(call["code"]), str(call["state"]), int(call["seq"])) for call in calls]
        except (OSError, HTTPException, ValueError, KeyError, TypeError) as problem:
            log.info("The board is not to be had: %s.", problem)
            return
        gone = {each.code for each in asked if playlist.no_longer_called(shown, each.code, int(each.order[1]))}
        with self._changed:
            self._list, dropped = playlist.withdraw(self._list, gone)
        self._answer_dropped(dropped)

    def _answer_dropped(self, dropped: tuple[playlist.Dropped, ...]) -> None:
        for each in dropped:
            self._device.answer(each.moment.id, False, each.why.value)

    def _forget(self) -> None:
        """Let go of every announcement that will not be said again, and of its files."""
        with self._changed:
            said = (*(self._list.playing.moments if self._list.playing else ()), *((self._list.again,) if self._list.again else ()))
            alive = {moment.id for moment in (*self._list.waiting, *said)}
            over = [self._announcements.pop(each) for each in list(self._announcements) if each not in alive]
        for announcement in over:
            for coming in announcement.files.values():
                coming.add_done_callback(_delete)

    def _probe(self) -> None:
        """Try the loudspeaker with a moment of silence: an alarm rises before the first call, and ends when the cable is back."""
        path = Path(self._files.name) / "silence.wav"
        with contextlib.suppress(Cut):
            try:
                sound.write(path, sound.silence(PROBE_S))
                self._player.play(path)
            except (PlayerFailed, OSError) as failure:
                self._note(str(failure))
            else:
                self._note(None)

    def _note(self, fault: str | None) -> None:
        """Remember what is wrong with the loudspeaker, for the beats; say it once in the log."""
        if fault != self._fault:
            log.error("%s", fault) if fault else log.info("The loudspeaker plays again.")
        self._fault = fault


def _delete(coming: Future[Path]) -> None:
    with contextlib.suppress(Exception):
        coming.result(timeout=0).unlink(missing_ok=True)


# --- the command -------------------------------------------------------------------------------------------------------------


def run(
    server: str,
    key: str,
    output: str = "default",
    *,
    cache_dir: Path | None = None,
    voice: str = "vi",
    rate: int = 140,
    clips_folders: Sequence[Path] = (),
    piper: Path | None = None,
    journal: Path | None = None,
    stop: threading.Event | None = None,
) -> bool:
    """Be the voice of a hall until `stop` is set, or the server knows the key no longer; whether it was that. Raises BadPack, JournalError
    or ValueError before anything is started."""
    player = open_player(output)
    with Journal(journal or usual_path("voice", server, key), BEGUN) as pages:
        speaker = Speaker(cache_dir or default_cache(), voice, rate, clips_folders=clips_folders, piper=piper)
        return VoiceAgent(server, key, player, speaker, journal=pages).run(stop or threading.Event())


def check(
    output: str = "default",
    *,
    cache_dir: Path | None = None,
    voice: str = "vi",
    rate: int = 140,
    clips_folders: Sequence[Path] = (),
    piper: Path | None = None,
) -> None:
    """Play the sound check once. Raises PlayerFailed, VoiceUnavailable, BadPack or ValueError."""
    player = open_player(output)
    with Speaker(cache_dir or default_cache(), voice, rate, clips_folders=clips_folders, piper=piper) as speaker:
        player.play(speaker.announce(phrases.sound_check().vi))


def default_cache() -> Path:
    """Where rendered phrases are kept on this machine."""
    base = os.environ.get("LOCALAPPDATA") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "moiso" / "voice"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `moiso audio`."""
    parser.add_argument("--server", metavar="URL", help="the server, for example http://192.168.1.10:8000")
    parser.add_argument(
        "--key", help="the key that `moiso device add NAME --kind audio` showed (default: MOISO_KEY, else the device is paired)"
    )
    paired.add_arguments(parser)
    parser.add_argument(
        "--output", default="default", metavar="OUTPUT", help="default | null (no sound) | dir:/path (keep the files) | command:PROGRAM"
    )
    parser.add_argument("--voice", default="vi", help="voice of the speech engine: vi, vi-vn-x-central or vi-vn-x-south (default: vi)")
    parser.add_argument("--rate", type=int, default=140, help="words per minute (default: 140)")
    parser.add_argument(
        "--clips", type=Path, action="append", metavar="FOLDER", help="recorded clips with a manifest.json; one folder for each language"
    )
    parser.add_argument(
        "--piper", type=Path, metavar="MODEL", help="a Vietnamese model (.onnx) for the program piper, which then speaks first"
    )
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="where rendered phrases are kept")
    parser.add_argument(
        "--journal", type=Path, metavar="FILE", help="where the calls that were said are remembered (default: the user's state folder)"
    )
    parser.add_argument("--check", action="store_true", help="play the sound check once and end")


def main(args: argparse.Namespace) -> int:
    """Run the command with parsed options; the exit status. Ends on SIGTERM and Ctrl-C."""
    options: dict[str, Any] = {"cache_dir": args.cache, "voice": args.voice, "rate": args.rate}
    options |= {"clips_folders": args.clips or (), "piper": args.piper}
    try:
        if args.check:
            check(args.output, **options)
            return 0
        given = args.key or os.environ.get("MOISO_KEY")
        if not re.match(r"https?://[^/]", args.server or ""):
            raise ValueError("Give --server http://HOST:PORT, and --key KEY or nothing: then a code is shown to pair this device.")
        stop = threading.Event()
        _on_signals(stop.set)
        paired.serve_paired(
            args,
            args.server,
            "audio",
            given,
            stop,
            lambda key: run(args.server, key, args.output, journal=args.journal, stop=stop, **options),
        )
    except (PlayerFailed, VoiceUnavailable, BadPack, JournalError, ValueError, OSError) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


def _on_signals(act: Callable[[], None]) -> None:
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: act())
