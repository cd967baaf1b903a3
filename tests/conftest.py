"""What all tests share: which of them are about the core alone."""

from __future__ import annotations

import pytest

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.stem in CORE:
            item.add_marker(pytest.mark.core)
