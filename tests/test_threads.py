"""The application does not know which kind of threads it runs on: the same one, served by ordinary threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from listening import Ears
from running import Client
from werkzeug.serving import make_server

from audio.voice import Silent
from config import bundled
from server.access import hash_key
from server.app import Application, Options
from server.clock import HallClock
from server.sites import Sites, importing
from server.store import DeviceRow, SessionRow, StaffRow
from server.store.sqlite import SqliteStore


def here(work: Callable[..., Any], *arguments: Any) -> Any:
    """Threads are real: a blocking call blocks nobody else."""
    return work(*arguments)


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    store = SqliteStore(tmp_path / "threads.db")
    _, step = importing(store, bundled("open"), "open.toml")
    assert step is not None
    key, staff = hash_key("kiosk"), hash_key("clerk")
    store.write(
        [
            step,
            lambda tx: tx.put_device(DeviceRow("k1", "open", "kiosk", "k1", key)),
            lambda tx: tx.put_staff(StaffRow("lan", "clerk", "", "open")),
            lambda tx: tx.put_session(SessionRow(staff, "lan", 4e9)),
        ]
    )
    # In the morning, whenever the test runs: at midnight numbers begin anew.
    morning = datetime.fromisoformat("2026-11-20T08:00:00+07:00")
    application = Application(store, Sites(store), HallClock(morning), Silent(tmp_path / "voice"), Options("threading", here))
    application.start()
    server = make_server("127.0.0.1", 0, application.wsgi, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    application.stop()


def test_a_hall_runs_on_ordinary_threads_too(url: str) -> None:
    api = f"{url}/api/v1"
    with Ears(url) as screen, ThreadPoolExecutor(8) as citizens:
        assert screen.hello("hall", "main")["calls"] == []
        tickets = list(citizens.map(lambda _: Client(api, "kiosk").post("/sites/open/tickets", {"service": "A"}, expect=201), range(40)))
        assert {t["code"] for t in tickets} == {f"A{n:03d}" for n in range(1, 41)}
        lan = Client(api, "clerk")
        lan.post("/sites/open/counters/1/open")
        assert lan.post("/sites/open/counters/1/next")["code"] == "A001"
        assert screen.state("board", lambda board: board["calls"])["calls"][0]["code"] == "A001"
