"""What all tests share: which of them are about the core alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from databases import SQLITE, Engine, Postgres, Redis

CORE = {
    "test_queue",
    "test_ticket_life",
    "test_day",
    "test_lease",
    "test_calls",
    "test_counters",
    "test_hours",
    "test_laws",
    "test_report",
    "test_sentences",
    "test_supervisor",
    "test_words",
    "test_forecast",
    "test_bookings",
    "test_simulate",
}
"""These run by themselves first: in seconds, and every branch of `server.core` must be reached by them."""


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server for all tests; each has a database of its own."""
    server = Postgres()
    try:
        yield server.start()
    finally:
        server.remove()


@pytest.fixture(scope="session")
def redis() -> Iterator[Redis]:
    server = Redis()
    try:
        yield server.start()
    finally:
        server.remove()


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """What holds for one database holds for the other."""
    if request.param == "sqlite":
        return SQLITE
    server: Postgres = request.getfixturevalue("postgres")
    return Engine("postgresql", lambda folder: server.fresh())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.stem in CORE:
            item.add_marker(pytest.mark.core)
