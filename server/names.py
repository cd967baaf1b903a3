"""How staff are called on screens. The story, the leases and the idempotency keys know them by the name of their account."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress

from server.store import Broken, Store, Unavailable

REMEMBERED_S = 1.0
"""Eight consoles with sixteen counters each are drawn in a burst, and the command line may change a name beside a running server."""


class Names:
    """Display names by account."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: Mapping[str, str] = {}
        self._until = 0.0

    def shown(self, account: str | None) -> str | None:
        """The display name of an account; None for nobody and for one without. An account's own name is never made public instead."""
        if account is None:
            return None
        if time.monotonic() >= self._until:
            self._until = time.monotonic() + REMEMBERED_S
            # A console is drawn from memory, also while the disk does not answer.
            with suppress(Unavailable, Broken):
                self._known = {row.name: row.display_name for row in self._store.all_staff() if row.display_name}
        return self._known.get(account)

    def changed(self) -> None:
        """Look again at the next question."""
        self._until = 0.0
