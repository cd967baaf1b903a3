"""The process with the speech engine, seen from outside: started when needed, asked, killed when it hangs.

Requests go to its standard input as JSON lines. Its answers are read from a file that is its standard output: reading a
file never blocks, so the same code runs in ordinary threads and beside cooperative sockets, on every platform.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

LOOK_EVERY_S = 0.004


class Failed(Exception):
    """One engine could not render one phrase."""


class Lost(Failed):
    """The child hung or died."""


class Child:
    """The process with the engine: started at the first phrase, killed when it hangs, started again at the next one."""

    def __init__(self, engine: str, voice: str, rate: int, timeout_s: float) -> None:
        """`timeout_s`: the most that any phrase is given; an orphan ends itself soon after."""
        self.phrases = 0
        arguments = ["--engine", engine, "--voice", voice, "--rate", str(rate), "--limit", str(timeout_s)]
        self._command = [sys.executable, "-P", "-m", "audio.speaker", *arguments]
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: Any = None
        self._unread = b""

    def render(self, text: str, out: Path, within_s: float) -> None:
        """Have `text` written to `out`. Raises Failed with the child's reason, or Lost when it died or took longer."""
        if self._process is None or self._process.poll() is not None:
            self.stop()
            self._start()
        assert self._process is not None and self._process.stdin is not None
        self.phrases += 1
        try:
            self._process.stdin.write(json.dumps({"n": self.phrases, "text": text, "out": str(out)}).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as problem:
            self.stop()
            raise Lost("its process died") from problem
        answer = self._answer(self.phrases, within_s)
        if answer["error"]:
            raise Failed(answer["error"])

    def stop(self) -> None:
        """Kill the process and whatever it started."""
        process, self._process = self._process, None
        if process is not None:
            if process.poll() is None:
                _kill_group(process)
            process.wait()
            with contextlib.suppress(OSError):
                process.stdin.close()  # type: ignore[union-attr]
        if self._answers is not None:
            self._answers.close()
            with contextlib.suppress(OSError):
                Path(self._answers.name).unlink(missing_ok=True)
            self._answers = None
            self._unread = b""

    def _start(self) -> None:
        handle, place = tempfile.mkstemp(prefix="moiso-voice-")
        root = str(Path(__file__).resolve().parent.parent)
        search = os.pathsep.join(part for part in (os.environ.get("PYTHONPATH"), root) if part)
        try:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=handle,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": search},
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        finally:
            os.close(handle)
        self._answers = Path(place).open("rb")  # noqa: SIM115 - lives as long as the child
        # Both ends are open, so nothing is left behind when this process is killed; Windows unlinks it in `stop`.
        with contextlib.suppress(OSError):
            Path(place).unlink()

    def _answer(self, n: int, within_s: float) -> dict[str, Any]:
        """Wait for the answer to request `n`, looking often rather than blocking."""
        assert self._process is not None
        end = time.monotonic() + within_s
        while True:
            ended = self._process.poll() is not None
            self._unread += self._answers.read()
            while b"\n" in self._unread:
                line, _, self._unread = self._unread.partition(b"\n")
                answer: dict[str, Any] = json.loads(line)
                if answer["n"] == n:
                    return answer
            if ended:
                code = self._process.returncode
                self.stop()
                raise Lost(f"its process died ({code})")
            if time.monotonic() >= end:
                self.stop()
                raise Lost(f"it did not answer within {within_s:.1f} s")
            time.sleep(LOOK_EVERY_S)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill it and what it started: the fallback engine is a grandchild."""
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
