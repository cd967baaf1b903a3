"""The product on a disk whose flush takes long: the same program, whose writer waits so many milliseconds more for each commit.

python -m tests.bench.slow_disk 5 serve --db sqlite:///office.db ...
"""

from __future__ import annotations

import sys

from server import __main__ as launcher


def main(flush_ms: float) -> int:
    """Run the product's own launcher on the slow disk."""
    launcher._go_green()
    from eventlet import patcher

    from server import commands
    from server.store.sqlite import SqliteStore

    # The writer waits on its own thread, as it does for a disk: not in the event loop.
    wait = patcher.original("time").sleep

    class SlowDisk(SqliteStore):
        def _commit(self) -> None:
            wait(flush_ms / 1000)
            super()._commit()

    commands.SqliteStore = SlowDisk  # type: ignore[misc]
    return launcher.main()


if __name__ == "__main__":
    sys.exit(main(float(sys.argv.pop(1))))
