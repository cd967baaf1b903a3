"""A hall that works past midnight: tickets keep their day, numbers begin anew, and at three the old day ends, but under nobody's hands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from listening import Ears
from running import OPEN, Client, Server, until

FRIDAY, SATURDAY, SUNDAY = "2026-11-20", "2026-11-21", "2026-11-22"


@pytest.fixture
def server(tmp_path: Path) -> Any:
    server = Server(tmp_path, OPEN, "--hall-clock", f"{FRIDAY}T23:50:00+07:00")
    yield server
    if server.process is not None and server.process.poll() is None:
        server.stop()


def begin(server: Server, at: str, factor: int = 1) -> None:
    """Serve with a hall clock that starts at this instant."""
    if server.process is not None and server.process.poll() is None:
        assert server.stop() == 0
    server.options = ("--hall-clock", f"{at}+07:00", "--factor", str(factor))
    server.start()


def take(kiosk: Client) -> dict[str, Any]:
    return kiosk.post("/sites/open/tickets", {"service": "A"}, expect=201)  # type: ignore[no-any-return]


@pytest.mark.slow
def test_the_night_of_a_hall_that_has_not_finished(server: Server) -> None:
    server.start()
    kiosk, anyone = server.device("k1"), server.anyone()
    (lan,) = server.crew("lan")
    (inspector,) = server.crew("thanh", role="inspector")

    def story(day: str) -> list[str]:
        return [event["kind"] for event in inspector.get(f"/sites/open/days/{day}/events")["events"]]

    lan.post("/sites/open/counters/1/open")
    tickets = [take(kiosk) for _ in range(4)]
    assert [t["code"] for t in tickets] == ["A001", "A002", "A003", "A004"]
    assert lan.post("/sites/open/counters/1/next")["code"] == "A001"
    # Ten seconds before midnight; the hall's clock runs ten times as fast.
    begin(server, f"{FRIDAY}T23:59:50", 10)
    until(lambda: anyone.get("/sites/open")["day"] == SATURDAY)

    # Who waits keeps his day and his number, and is called by the counter that is open.
    board = anyone.get("/sites/open/halls/main/board")
    assert board["day"] == FRIDAY and [row["next"] for row in board["waiting"] if row["service"] == "A"] == [["A002", "A003", "A004"]]
    console = lan.get("/sites/open/counters/1/console")
    assert console["day"] == FRIDAY and console["current"]["code"] == "A001" and console["waiting_count"] == 3
    called = lan.post("/sites/open/counters/1/next", {"finish": True})
    assert (called["code"], called["id"]) == ("A002", tickets[1]["id"])
    assert anyone.get(f"/sites/open/tickets/{tickets[0]['id']}")["state"] == "done"

    # Who comes now is the first of a new day.
    fresh = take(kiosk)
    assert fresh["code"] == "A001" and fresh["id"] != tickets[0]["id"] and fresh["issued_at"].startswith(SATURDAY)
    assert story(SATURDAY) == ["DayOpened", "TicketIssued"]
    assert "DayClosed" not in story(FRIDAY)
    assert anyone.get(f"/sites/open/tickets/{tickets[2]['id']}")["people_ahead"] == 0

    # A power cut, and the machine is back just before three. A002 is still being served: the day stays open.
    server.kill()
    begin(server, f"{SATURDAY}T02:59:55", 10)
    until(lambda: anyone.get("/sites/open")["at"] > f"{SATURDAY}T03:00:20")
    assert "DayClosed" not in story(FRIDAY), "never while somebody is served"
    assert anyone.get(f"/sites/open/tickets/{tickets[2]['id']}")["state"] == "waiting"

    # Now the counter is free, and the day ends: who still waited lapses, with nobody's help, and his phone says so.
    with Ears(server.url) as phone:
        assert phone.hello("ticket", tickets[3]["id"])["state"] == "waiting"
        lan.post(f"/sites/open/tickets/{called['id']}/finish")
        phone.state("ticket", lambda ticket: ticket["state"] == "lapsed")
    until(lambda: story(FRIDAY)[-1] == "DayClosed")
    states = [anyone.get(f"/sites/open/tickets/{ticket['id']}")["state"] for ticket in tickets]
    assert states == ["done", "done", "lapsed", "lapsed"]
    assert anyone.get(f"/sites/open/tickets/{fresh['id']}")["state"] == "waiting"
    assert anyone.get("/sites/open/halls/main/board")["day"] == SATURDAY
    times = [event["at"] for event in inspector.get(f"/sites/open/days/{FRIDAY}/events")["events"]]
    assert times == sorted(times) and story(FRIDAY).count("DayClosed") == 1

    # The computer is switched off on Saturday evening and on again on Monday.
    begin(server, "2026-11-23T07:00:00")
    until(lambda: story(SATURDAY)[-1] == "DayClosed")
    assert anyone.get(f"/sites/open/tickets/{fresh['id']}")["state"] == "lapsed"
    assert story(SUNDAY) == []
    assert take(kiosk)["code"] == "A001"


def test_a_booking_and_a_check_in_repeated_after_midnight_are_answered_as_they_were(server: Server) -> None:
    begin(server, f"{FRIDAY}T23:40:00")
    kiosk, anyone = server.device("k1"), server.anyone()
    body = {"service": "A", "start": f"{FRIDAY}T23:50:00+07:00", "phone": "0912345678", "consent": True}
    booked = anyone.post("/sites/open/appointments", body, once="home", expect=201)
    path = f"/sites/open/appointments/{booked['spoken']}/check-in"
    ticket = kiosk.post(path, once="scan", expect=201)
    begin(server, f"{SATURDAY}T00:00:30")
    # Whoever lost the answer asks again: the paper is the same, and the booking is the one that was made.
    assert kiosk.post(path, once="scan", expect=201) == ticket
    assert anyone.post("/sites/open/appointments", body, once="home", expect=201) == booked
    again = anyone.send("POST", "/sites/open/appointments", {**body, "phone": "0987654321"}, once="home")
    assert again.status_code == 422 and again.json()["error"]["code"] == "idempotency_key_reused"
    # A key that nothing was kept under meets the date.
    assert kiosk.post(path, once="another", expect=409)["error"]["code"] == "already_checked_in"
    assert anyone.post("/sites/open/appointments", body, once="another", expect=409)["error"]["code"] == "too_late_to_book"
