"""Ports for the servers of a test, below those that the kernel gives to whoever calls: none is taken between its choice and its use."""

from __future__ import annotations

import random
import socket

_given: set[int] = set()


def free_ports(count: int) -> int:
    """The first of so many free ports in a row; none is given twice."""
    while True:
        first = random.SystemRandom().randrange(12_000, 32_000)
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
