"""What all tests share: which of them are about the core alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browsing import launched
from databases import SQLITE, Engine, Postgres, Redis
from playwright.sync_api import Browser, Playwright, sync_playwright

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
    "test_why",
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


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Of a module and no longer: its loop would be in the way of tests that have one of their own."""
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    started = launched(playwright)
    yield started
    started.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.stem in CORE:
            item.add_marker(pytest.mark.core)
