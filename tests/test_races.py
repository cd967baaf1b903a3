"""Two hands at the same instant: two clerks press next, a citizen touches twice, a response is lost. Real threads, real HTTP."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from databases import Engine
from running import MORNING, OPEN, START_S, Client, Server
from several import serving

PAIRS = {"sqlite": 200, "postgresql": 40, "workers": 40}
EVENING = "2026-11-20T23:59:00+07:00"


@pytest.fixture(scope="module", params=list(PAIRS))
def served(request: pytest.FixtureRequest) -> str:
    """By one process on either engine, or by two workers behind nginx, which has each request answered by whichever it likes."""
    return str(request.param)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, served: str, request: pytest.FixtureRequest) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("races")
    with serving(served, folder, request, *MORNING) as server:
        yield server


@pytest.fixture(scope="module")
def kiosk(server: Server) -> Client:
    return server.device("k1")


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Released by one barrier; their results in order."""
    barrier = threading.Barrier(len(works))

    def released(work: Callable[[], Any]) -> Any:
        barrier.wait()
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result(timeout=60) for future in [pool.submit(released, work) for work in works]]


def take(kiosk: Client, service: str = "A") -> dict[str, Any]:
    return kiosk.post("/sites/open/tickets", {"service": service}, expect=201)  # type: ignore[no-any-return]


def waiting(server: Server) -> int:
    board = server.anyone().get("/sites/open/halls/main/board")
    return sum(row["count"] for row in board["waiting"])


# -- two clerks ------------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_two_clerks_press_in_the_same_instant_again_and_again_and_call_the_two_first(server: Server, kiosk: Client, served: str) -> None:
    times = PAIRS[served]
    lan, minh = server.crew("lan", "minh")
    lan.post("/sites/open/counters/1/open")
    minh.post("/sites/open/counters/2/open")
    in_line = [take(kiosk, "AB"[n % 2])["code"] for n in range(2 * times)]
    barrier = threading.Barrier(2)
    answers: dict[str, list[requests.Response]] = {"1": [], "2": []}

    def clerk(client: Client, counter: str) -> None:
        for _ in range(times):
            barrier.wait(60)
            answers[counter].append(client.send("POST", f"/sites/open/counters/{counter}/next", {"finish": True}))

    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(clerk, lan, "1"), pool.submit(clerk, minh, "2")]:
            future.result(timeout=900)
    assert {answer.status_code for both in answers.values() for answer in both} == {200}, "nobody sees an error page"
    pairs = [{one.json()["code"], two.json()["code"]} for one, two in zip(answers["1"], answers["2"], strict=True)]
    # Codes of two services do not sort; the order in which they were given does, for they are all walk-ins.
    assert pairs == [set(in_line[n : n + 2]) for n in range(0, 2 * times, 2)]
    assert waiting(server) == 0
    for client, counter in ((lan, "1"), (minh, "2")):
        assert client.post(f"/sites/open/counters/{counter}/next", {"finish": True})["ticket"] is None
        client.post(f"/sites/open/counters/{counter}/close")


def test_two_clerks_and_one_citizen(server: Server, kiosk: Client) -> None:
    hoa, tam = server.crew("hoa", "tam")
    hoa.post("/sites/open/counters/3/open")
    tam.post("/sites/open/counters/4/open")
    for _ in range(20):
        code = take(kiosk)["code"]
        answers = at_once(
            lambda: hoa.send("POST", "/sites/open/counters/3/next", {}), lambda: tam.send("POST", "/sites/open/counters/4/next", {})
        )
        won, lost = sorted(answers, key=lambda answer: answer.status_code)
        assert won.status_code == 200 and won.json()["code"] == code
        assert lost.status_code == 409 and lost.json()["error"]["code"] == "nobody_waiting" and lost.json()["error"]["message"]
        clerk = hoa if won is answers[0] else tam
        clerk.post(f"/sites/open/tickets/{won.json()['id']}/finish")
    hoa.post("/sites/open/counters/3/close")
    tam.post("/sites/open/counters/4/close")


def test_a_double_click_is_one_call(server: Server, kiosk: Client) -> None:
    (vinh,) = server.crew("vinh")
    vinh.post("/sites/open/counters/1/open")
    codes = [take(kiosk)["code"] for _ in range(3)]
    once = uuid.uuid4().hex
    press = lambda: Client(server.api, vinh.key).send("POST", "/sites/open/counters/1/next", {"finish": True}, once=once)  # noqa: E731
    answers = at_once(press, press)
    assert [answer.json()["code"] for answer in answers] == codes[:1] * 2 and waiting(server) == 2
    assert press().text == answers[0].text
    for _ in range(3):
        vinh.post("/sites/open/counters/1/next", {"finish": True})
    vinh.post("/sites/open/counters/1/close")


# -- one citizen, many touches ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("touches", [2, 3, 10, 50])
def test_touching_many_times_at_once_gives_one_ticket(server: Server, kiosk: Client, touches: int) -> None:
    once, before = uuid.uuid4().hex, waiting(server)
    press = lambda: Client(server.api, kiosk.key).send("POST", "/sites/open/tickets", {"service": "A"}, once=once)  # noqa: E731
    answers = at_once(*[press] * touches)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1, "the same body for every touch"
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    assert waiting(server) == before + 1


def test_fifty_citizens_at_once_are_fifty_numbers(server: Server, kiosk: Client) -> None:
    answers = at_once(*[lambda: take(Client(server.api, kiosk.key), "B")] * 50)
    numbers = sorted(int(ticket["code"][1:]) for ticket in answers)
    assert numbers == list(range(numbers[0], numbers[0] + 50))


# -- keys ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param("POST", "/sites/open/tickets", {"service": "B"}, id="another service"),
        pytest.param("POST", "/sites/open/tickets", {"service": "A", "lang": "en"}, id="another language"),
        pytest.param("POST", "/sites/open/tickets/{ticket}/cancel", {}, id="another path"),
        pytest.param("POST", "/sites/open/tickets/{ticket}/rejoin", {}, id="a path that would refuse"),
    ],
)
def test_a_key_with_another_request_is_refused_and_changes_nothing(
    server: Server, kiosk: Client, method: str, path: str, body: dict[str, Any]
) -> None:
    once = uuid.uuid4().hex
    ticket = kiosk.post("/sites/open/tickets", {"service": "A"}, once=once, expect=201)
    before = waiting(server)
    answer = kiosk.send(method, path.format(ticket=ticket["id"]), body, once=once)
    assert answer.status_code == 422 and answer.json()["error"]["code"] == "idempotency_key_reused"
    assert waiting(server) == before
    # The order of a body's fields and its spaces are not another request.
    again = requests.post(
        f"{server.api}/sites/open/tickets",
        data=' { "service" :  "A" } ',
        headers={"Authorization": f"Bearer {kiosk.key}", "Idempotency-Key": once, "Content-Type": "application/json"},
        timeout=START_S,
    )
    assert again.status_code == 201 and again.json()["id"] == ticket["id"] and again.headers["Idempotency-Replayed"] == "true"


def test_two_callers_may_have_the_same_key(server: Server, kiosk: Client) -> None:
    (helper,) = server.crew("giup", role="helper")
    once = uuid.uuid4().hex
    first = kiosk.post("/sites/open/tickets", {"service": "A"}, once=once, expect=201)
    second = helper.post("/sites/open/tickets", {"service": "A"}, once=once, expect=201)
    assert first["id"] != second["id"]


def test_a_refusal_is_not_remembered(server: Server, kiosk: Client) -> None:
    (nga,) = server.crew("nga")
    once = uuid.uuid4().hex
    refused = nga.send("POST", "/sites/open/counters/2/next", {}, once=once)
    assert refused.status_code == 409 and refused.json()["error"]["code"] == "counter_closed"
    take(kiosk)
    nga.post("/sites/open/counters/2/open")
    called = nga.post("/sites/open/counters/2/next", {}, once=once)
    assert nga.post("/sites/open/counters/2/next", {}, once=once) == called
    nga.post(f"/sites/open/tickets/{called['id']}/finish")
    nga.post("/sites/open/counters/2/close")


# -- over midnight and restarts --------------------------------------------------------------------------------------------------


def test_a_key_is_good_across_midnight_and_its_answer_across_a_restart(tmp_path: Path, engine: Engine) -> None:
    server = Server(tmp_path, OPEN, "--hall-clock", EVENING, "--factor", "60", db=engine.new(tmp_path)).start()
    try:
        kiosk, once = server.device("k1"), uuid.uuid4().hex
        first = kiosk.send("POST", "/sites/open/tickets", {"service": "A"}, once=once)
        assert first.status_code == 201
        end = time.monotonic() + START_S
        while server.anyone().get("/sites/open")["day"] == "2026-11-20":
            assert time.monotonic() < end
        assert kiosk.send("POST", "/sites/open/tickets", {"service": "A"}, once=once).text == first.text
        assert kiosk.post("/sites/open/tickets", {"service": "A"}, expect=201)["issued_at"].startswith("2026-11-21")
        server.kill()
        server.start()
        again = kiosk.send("POST", "/sites/open/tickets", {"service": "A"}, once=once)
        assert (again.status_code, again.text, again.headers["Idempotency-Replayed"]) == (201, first.text, "true")
    finally:
        server.stop()
