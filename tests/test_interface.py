"""What stands before the declared operations: what it remembers of a request, and what it must not."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import Client

from server import interface, wire
from server.interface import Interface
from server.routes import Call, Reply, Routes


def desk(heard: list[Call]) -> Interface:
    """An interface with one operation, open to anybody, which takes a number's body."""
    routes = Routes()

    @routes.add("POST", "/numbers/{hall}", summary="Take a number", body=wire.IssueIn, answers={200: None}, once=True)
    def take(call: Call) -> Reply:
        heard.append(call)
        return 200, {}

    nobody: Any = None
    return Interface(routes, nobody, lambda site: True, lambda once: None, {}, lambda *told: None)


def ask(served: Interface, body: bytes, hall: str = "main") -> int:
    client = Client(served.before(lambda environ, start: []))
    headers = {"Content-Type": "application/json", "Idempotency-Key": "k"}
    return client.post(f"/api/v1/numbers/{hall}", data=body, headers=headers).status_code


def test_a_body_that_comes_all_day_is_read_once_and_means_the_same() -> None:
    heard: list[Call] = []
    served = desk(heard)
    for body in (b'{"service":"A","lang":"en"}', b'{"service":"A","lang":"en"}', b'{ "lang": "en", "service": "A", "kiosk": null }'):
        assert ask(served, body) == 200
    first, again, spelt = heard
    assert first.body is again.body == wire.IssueIn(service="A", lang="en") and spelt.body.service == "A"
    assert first.once == again.once == spelt.once, "its meaning is compared, not its letters"
    assert ask(served, b'{"service":"A","lang":"en"}', "other") == 200
    assert heard[-1].once != first.once, "elsewhere it is another request"
    with pytest.raises(ValueError, match="frozen"):
        first.body.service = "B"


def test_what_does_not_fit_is_refused_each_time() -> None:
    served = desk([])
    for body in (b'{"service":"A","service":"B"}', b'{"service":', b'{"line":"A"}', b""):
        assert [ask(served, body) for _ in range(2)] in ([400, 400], [422, 422])


def test_nothing_said_of_somebody_stays_in_memory() -> None:
    heard: list[Call] = []
    served = desk(heard)
    said = (b'{"service":"A","contact":{"phone":"0987654321"}}', b'{"service":"A","card":"079090001234"}')
    for body in (*said, *said):
        assert ask(served, body) == 200
    assert len(heard) == 4 and not served._bodies


def test_of_many_bodies_only_some_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interface, "BODIES_KEPT", 3)
    heard: list[Call] = []
    served = desk(heard)
    for number in range(10):
        assert ask(served, b'{"service":"A%d"}' % number) == 200
        assert 1 <= len(served._bodies) <= 3
    before = dict(served._bodies)
    assert ask(served, b'{"service":"A"%s}' % (b" " * 500)) == 200
    assert served._bodies == before and [call.body.service for call in heard] == [*(f"A{n}" for n in range(10)), "A"]
