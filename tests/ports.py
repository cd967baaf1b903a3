"""Ports for the servers of a test, below those that the kernel gives to whoever calls: none is taken between its choice and its use.

Test processes that run side by side choose each from a share of its own: a port that was free when one looked, and that belongs to a server
which has yet to start, or is about to start again, must not be found free by another.
"""

from __future__ import annotations

import os
import random
import socket

FIRST, BEHIND = 12_000, 20_000
"""Small halls (small_hall.py) choose theirs above."""
_given: set[int] = set()


def _share() -> range:
    """The ports of this process among those that run side by side."""
    here, count = (os.environ.get(f"PYTEST_XDIST_WORKER{end}", default) for end, default in (("", "gw0"), ("_COUNT", "1")))
    size = (BEHIND - FIRST) // int(count)
    first = FIRST + int(here.removeprefix("gw")) % int(count) * size
    return range(first, first + size)


def free_ports(count: int) -> int:
    """The first of so many free ports in a row; none is given twice."""
    while True:
        share = _share()
        first = random.SystemRandom().randrange(share.start, share.stop - count)
        row = range(first, first + count)
        if _given.isdisjoint(row) and all(map(_is_free, row)):
            _given.update(row)
            return first


def free_port() -> int:
    return free_ports(1)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
