"""A file to the loudspeaker, and its stand-ins.

One sound at a time; `stop` may be called from another thread and ends what is playing. A player that cannot play says why
in one sentence, and is asked again next time: a cable that was pulled is plugged in again without anybody restarting this.
"""

from __future__ import annotations

import contextlib
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from audio import sound

COMMANDS = (
    ("pw-play",),
    ("paplay",),
    ("aplay", "-q"),
    ("afplay",),
)
PATIENCE_S = 5.0  # how much longer than the sound itself a player may take
TAIL = 200  # letters of a player's complaint that staff are shown


class PlayerFailed(Exception):
    """Nothing was heard; the text is one sentence."""


class Cut(Exception):
    """The sound was stopped before its end."""


class Player(Protocol):
    """What all players have in common."""

    def play(self, path: Path) -> None:
        """Play to the end. Raises PlayerFailed, or Cut when stopped."""

    def pause(self, seconds: float) -> None:
        """Nothing for so long. Raises Cut when stopped."""

    def stop(self) -> None:
        """End what is playing, or what is played next unless `ready` comes before."""

    def ready(self) -> None:
        """Forget a stop that came when nothing was playing any more."""


class _Stoppable:
    """Knows whether it was stopped while it was busy."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def pause(self, seconds: float) -> None:
        """Wait, unless stopped."""
        if self._stopped.wait(seconds):
            self._stopped.clear()
            raise Cut

    def stop(self) -> None:
        """End what is playing, or what is played next."""
        self._stopped.set()

    def ready(self) -> None:
        """Forget an earlier stop."""
        self._stopped.clear()


class Command(_Stoppable):
    """Plays through a program that takes a WAV file as its last argument and ends when it is over."""

    def __init__(self, command: Sequence[str]) -> None:
        super().__init__()
        self._command = list(command)
        self.program = self._command[0]
        self._process: subprocess.Popen[bytes] | None = None

    def play(self, path: Path) -> None:
        """Play to the end. Raises PlayerFailed, or Cut when stopped."""
        name = Path(self.program).name
        lasts = sound.seconds(sound.read(path))
        try:
            process = subprocess.Popen(
                [*self._command, str(path)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            )
        except OSError as problem:
            raise PlayerFailed(f"The player {name} cannot be started: {problem.strerror or problem}.") from problem
        self._process = process
        if self._stopped.is_set():
            process.kill()
        try:
            _, complaint = process.communicate(timeout=lasts + PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise PlayerFailed(f"The player {name} did not end within {lasts + PATIENCE_S:.0f} s.") from None
        finally:
            self._process = None
        if self._stopped.is_set():
            self._stopped.clear()
            raise Cut
        if process.returncode:
            words = " ".join(complaint.decode(errors="replace").split())[-TAIL:]
            raise PlayerFailed(f"The player {name} failed: {words or f'it ended with {process.returncode}'}.")

    def stop(self) -> None:
        """Kill the program if it runs."""
        super().stop()
        process = self._process
        if process is not None:
            with contextlib.suppress(OSError):
                process.kill()


class AnyProgram(_Stoppable):
    """The first of the usual programs that plays; the one that played last is asked first.

    Which of them works depends on how the agent was started (a service has no session of PulseAudio), and none says so before
    it is tried. They are looked for each time: one that is installed later is found.
    """

    def __init__(self, commands: Sequence[Sequence[str]] = COMMANDS) -> None:
        super().__init__()
        self._players = [Command(command) for command in commands]

    def play(self, path: Path) -> None:
        """Play to the end. Raises PlayerFailed with every program's reason, or Cut when stopped."""
        found = [player for player in self._players if shutil.which(player.program)]
        if not found:
            raise PlayerFailed("This machine has no program to play sound; install alsa-utils (aplay), or use --output null.")
        reasons = []
        for player in found:
            try:
                player.play(path)
            except PlayerFailed as failure:
                reasons.append(str(failure))
            else:
                self._players.remove(player)
                self._players.insert(0, player)
                return
        raise PlayerFailed(" ".join(reasons))

    def stop(self) -> None:
        """End what is playing."""
        super().stop()
        for player in self._players:
            player.stop()

    def ready(self) -> None:
        """Forget an earlier stop."""
        super().ready()
        for player in self._players:
            player.ready()


class Windows(_Stoppable):
    """Plays through Windows itself, which needs no program."""

    def __init__(self, winsound: Any) -> None:
        super().__init__()
        self._winsound = winsound

    def play(self, path: Path) -> None:
        """Play to the end. Raises PlayerFailed, or Cut when stopped."""
        lasts = sound.seconds(sound.read(path))
        try:
            self._winsound.PlaySound(str(path), self._winsound.SND_FILENAME | self._winsound.SND_ASYNC)
        except RuntimeError as problem:
            raise PlayerFailed(f"Windows cannot play: {problem}.") from problem
        try:
            self.pause(lasts)
        except Cut:
            self._winsound.PlaySound(None, 0)
            raise


class Null(_Stoppable):
    """Plays nothing, for as long as the sound lasts: a hall without a loudspeaker, at a loudspeaker's pace."""

    def play(self, path: Path) -> None:
        """Wait for the length of the sound."""
        self.pause(sound.seconds(sound.read(path)))


class Folder(_Stoppable):
    """Keeps what would be played, numbered, in a folder; takes no time."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._count = 0

    def play(self, path: Path) -> None:
        """Copy the file. Raises PlayerFailed when the folder cannot be written."""
        self._count += 1
        part = self._folder / f"{self._count:05}.part"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, part)
            part.replace(part.with_suffix(".wav"))
        except OSError as problem:
            raise PlayerFailed(f"The folder {self._folder} cannot be written: {problem.strerror or problem}.") from problem

    def pause(self, seconds: float) -> None:
        """Take no time."""


def open_player(output: str) -> Player:
    """The player for `--output`: `default`, `null`, `dir:/path`, or `command:PROGRAM ARGUMENTS`.

    Raises ValueError for an output that does not exist; that a program is missing is found out when it should play.
    """
    kind, _, rest = output.partition(":")
    if output == "null":
        return Null()
    if kind == "dir" and rest:
        return Folder(Path(rest))
    if kind == "command" and rest.strip():
        return Command(shlex.split(rest))
    if output != "default":
        raise ValueError(f"There is no output {output!r}; write default, null, dir:/path or command:PROGRAM.")
    if sys.platform == "win32":
        import winsound

        return Windows(winsound)
    return AnyProgram()
