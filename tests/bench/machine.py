"""The machine of a measurement: the server on one core, who asks on another, and the yardsticks' server beside the product's."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
from ports import free_port
from running import ROOT, START_S, select_pause

KEY = "a key as long as those that devices are given"
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


@contextmanager
def on_core(number: int) -> Iterator[None]:
    """What is started here stays on one core (the first, the second...); a machine with one core has nothing to separate."""
    if len(CORES) < 2:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {CORES[number % len(CORES)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@dataclass(frozen=True)
class Yard:
    """The yardsticks' server."""

    port: int
    pid: int


@contextmanager
def bare(folder: Path, *options: str) -> Iterator[Yard]:
    """The yardsticks' server, on the server's core."""
    port = free_port()
    command = [sys.executable, "-m", "tests.bench.bare", str(port), str(folder / "bare.db"), KEY, *options]
    with on_core(0):
        process = subprocess.Popen(command, cwd=ROOT)
    try:
        end = time.monotonic() + START_S
        while not _answers(port):
            assert process.poll() is None and time.monotonic() < end, "the yardsticks' server does not start"
            select_pause()
        yield Yard(port, process.pid)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/readyz", timeout=START_S).ok
    except requests.ConnectionError:
        return False


def resident_kb(pid: int) -> int:
    """Memory of a process that is in the machine now."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("a process without memory")


def cpu_s(pid: int) -> float:
    """Seconds of a processor that a process has used, in the kernel as well."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def raise_open_files() -> None:
    """As many sockets as this process may have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
