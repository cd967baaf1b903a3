"""The server's log: one JSON object a line on standard error."""

from __future__ import annotations

import logging
from contextlib import suppress
from io import FileIO

import structlog

STDERR = 2


def log_as_json(level: str = "info") -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=Lines,
        cache_logger_on_first_use=True,
    )


class Lines:
    """A logger without a lock: each line is a write of its own, and the kernel keeps them apart.

    structlog's own hold one, and the loop and threads of the system log beside each other. A lock of eventlet's that a thread lets go wakes
    nobody on the loop: whoever waited for it there waited for ever, and everybody who logged after him, which is the whole office.
    """

    def __init__(self, *_: object, file: FileIO | None = None) -> None:
        self._file = file
        if file is None:
            # Started with its standard error closed, the office works without a log.
            with suppress(OSError):
                self._file = FileIO(STDERR, "w", closefd=False)

    def msg(self, message: str) -> None:
        left = memoryview(f"{message}\n".encode(errors="backslashreplace"))
        # Nothing is taken by a pipe that is full and must not be waited for, nor by a full disk, nor where nobody reads any more: a line
        # less in the log. Who logs is often about to mend something, and must come to it.
        with suppress(OSError):
            while left and self._file and (taken := self._file.write(left)):
                left = left[taken:]

    log = debug = info = warning = warn = error = critical = fatal = exception = msg
