"""The log, written by the loop and by threads of the system beside each other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from io import FileIO

from server.logs import Lines

LINES = 10_000
PROGRAM = f"""
from server.__main__ import go_green
go_green()
import eventlet, structlog
from eventlet import tpool
from server.logs import log_as_json

log_as_json()
log = structlog.get_logger("test")

def write_all(who):
    for n in range({LINES}):
        log.info("line", who=who, n=n, words="Đã cấp số A012, mời ông/bà chờ gọi")
        if who != "thread" and n % 50 == 0:
            eventlet.sleep(0)

writing = [eventlet.spawn(write_all, who) for who in ("one", "other")]
tpool.execute(write_all, "thread")
for each in writing:
    each.wait()
"""


def test_who_logs_on_the_loop_never_waits_for_a_thread_that_logs_and_every_line_is_whole() -> None:
    found = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120, check=False)
    assert found.returncode == 0, found.stderr[-2000:]
    lines = [json.loads(line) for line in found.stderr.splitlines() if line.startswith("{")]
    for who in ("one", "other", "thread"):
        assert [line["n"] for line in lines if line["who"] == who] == list(range(LINES))


def test_a_log_that_cannot_be_written_costs_its_lines_and_nothing_else() -> None:
    Lines(file=FileIO("/dev/full", "w")).error("the disk is full")
    reads, writes = os.pipe()
    os.close(reads)
    with FileIO(writes, "w") as nobody_reads:
        Lines(file=nobody_reads).error("whoever read has gone")


def test_a_server_that_was_given_no_standard_error_works_without_a_log() -> None:
    logs = "from server.logs import log_as_json; import structlog; log_as_json(); structlog.get_logger().error('x'); print('goes on')"
    command = ["sh", "-c", 'exec "$0" -c "$1" 2>&-', sys.executable, logs]
    assert subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout == "goes on\n"
