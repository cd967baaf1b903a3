"""A queue from a thread of the system to the program's own threads, where those are green.

The queues of the standard library know only who waits on the loop then. Here one byte in a pipe wakes the loop, whichever library runs it.
"""

from __future__ import annotations

import os
import queue
from collections import deque
from collections.abc import Callable
from io import FileIO
from typing import Any


class Relay:
    """One thread puts, one takes. `wait` waits on the loop until something can be read from a file, given by its number."""

    def __init__(self, wait: Callable[[int], Any]) -> None:
        self._wait = wait
        self._items: deque[Any] = deque()
        heard, bell = os.pipe()
        # Not by `os`: its functions wait on the loop, and the thread that puts has none.
        self._heard, self._bell = FileIO(heard, "rb"), FileIO(bell, "wb")
        self._rung = False

    def put(self, item: Any) -> None:
        self._items.append(item)
        if not self._rung:
            self._rung = True
            self._bell.write(b"!")

    def get(self) -> Any:
        while not self._items:
            self._wait(self._heard.fileno())
            self._heard.read(1)
            # In this order: whoever puts something in between need not ring, because it is looked for once more.
            self._rung = False
        return self._items.popleft()


Back = Relay | queue.Queue[Any]
"""Where threads are real, the standard library's queue leads back."""
