"""From the start of the program to the first ticket, with few and with many past days in the store."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from statistics import median

from server.core import events as ev
from server.store.sqlite import SqliteStore

from .figures import Figure
from .growth import TODAY, busy_day, rows_of
from .machine import on_core

from running import MORNING, OPEN, Client, Server  # isort: skip

TICKETS = 120
"""Of one past day; with its calls and ends about five hundred events."""


def measure(folder: Path, pasts: tuple[int, ...], runs: int) -> list[Figure]:
    """Beside an empty store. Every run starts the program anew on a store that already knows the office."""
    took: dict[int, list[float]] = {}
    servers = {past: Server(_made(folder / f"p{past}"), OPEN, *MORNING) for past in (0, *pasts)}
    first = servers[0]
    with on_core(0):
        first.start()
    kiosk = first.device("k1")
    first.stop()
    for past in pasts:
        shutil.copy(first.database, servers[past].database)
        fill(servers[past].database, past)
    for _ in range(runs):
        for past, server in servers.items():
            with on_core(0):
                began = time.perf_counter()
                server.start()
                Client(server.api, kiosk.key).post("/sites/open/tickets", {"service": "A"}, expect=201)
                took.setdefault(past, []).append(time.perf_counter() - began)
                server.stop()
    empty = median(took[0]) * 1000
    promised = {500: 1.5}
    return [
        Figure(
            f"start to first ticket, {past} past day{'s' if past > 1 else ''}",
            median(took[past]) * 1000,
            "ms",
            "empty store",
            empty,
            promise=promised.get(past),
        )
        for past in pasts
    ]


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def fill(database: Path, past: int) -> None:
    """So many days before today, each whole and closed."""
    entries = busy_day(TICKETS)
    entries.append(ev.Entry(entries[-1].seq + 1, entries[-1].at, "clock", ev.DayClosed()))
    rows = rows_of(entries)
    store = SqliteStore(database)
    for back in range(1, past + 1):
        day = TODAY - timedelta(days=back)
        moved = [replace(row, day=day, at=row.at - timedelta(days=back), body=row.body.replace("ticket-", f"{back:04}-")) for row in rows]
        store.write([lambda tx, moved=moved: tx.append(moved)])
        ids = [f"{back:04}-{n:08}" for n in range(TICKETS)]
        store.write([lambda tx, ids=ids, day=day: tx.index_tickets(ids, "open", day)])
    store.close()
