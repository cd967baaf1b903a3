"""What is still worth saying or printing after a restart is said and printed, once; what is stale is not. And an office whose document
changes while it works goes on working."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from databases import Engine
from running import OPEN, Client, Server, moiso, running, until

from server.device import Device

WAIT_S = 60.0
DAY = "2026-11-20"


class Listener:
    """A real device at the door: it does what it is told, and remembers it."""

    def __init__(self, server: Server, client: Client, kind: str) -> None:
        self.moments: queue.Queue[dict[str, Any]] = queue.Queue()
        self._stop = threading.Event()
        self._device = Device(server.url, client.key or "", kind, self._act, lambda: {"paper": "ok"}, beat_every_s=0.2)
        self._thread = threading.Thread(target=self._device.run_forever, args=(self._stop,), daemon=True)

    def _act(self, event: str, payload: dict[str, Any]) -> tuple[bool, str]:
        self.moments.put(payload)
        return True, "played" if event == "announcement" else "printed"

    def next(self) -> dict[str, Any]:
        """The next moment that arrives."""
        return self.moments.get(timeout=WAIT_S)

    def __enter__(self) -> Listener:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=60)
        assert not self._thread.is_alive()


TIMING = "\n[timing]\nspeak_within_seconds = 120\nprint_within_seconds = 120\n"


@pytest.fixture
def server(tmp_path: Path, engine: Engine) -> Iterator[Server]:
    document = tmp_path / "open.toml"
    # A call is worth something for so long that a busy machine has started and has let its devices in by then.
    document.write_text(Path(OPEN).read_text(encoding="utf-8") + TIMING, encoding="utf-8")
    server = Server(tmp_path, str(document), "--hall-clock", f"{DAY}T08:00:00+07:00", db=engine.new(tmp_path))
    yield server
    if server.process is not None and server.process.poll() is None:
        server.stop()


@contextmanager
def listening(server: Server, kiosk: Client, speaker: Client) -> Iterator[tuple[Listener, Listener]]:
    with Listener(server, kiosk, "kiosk") as paper, Listener(server, speaker, "audio") as voice:
        yield paper, voice


def cut_and_start(server: Server, clock: str) -> None:
    server.kill()
    server.options = ("--hall-clock", f"{DAY}T{clock}+07:00")
    server.start()


def take(kiosk: Client, service: str = "A") -> dict[str, Any]:
    return kiosk.post("/sites/open/tickets", {"service": service}, expect=201)  # type: ignore[no-any-return]


@pytest.mark.slow
def test_moments_survive_a_power_cut_as_long_as_they_are_worth_something(server: Server) -> None:
    server.start()
    kiosk, speaker = server.device("k1"), server.device("loa", "audio", "main")
    (lan,) = server.crew("lan")
    (inspector,) = server.crew("thanh", role="inspector")
    (head,) = server.crew("hoa", role="supervisor")
    lan.post("/sites/open/counters/1/open")
    ticket = take(kiosk)
    called = lan.post("/sites/open/counters/1/next")
    assert called["id"] == ticket["id"]

    # Nobody listened. Five seconds later by the hall's clock both are still worth it.
    cut_and_start(server, "08:00:05")
    with listening(server, kiosk, speaker) as (paper, voice):
        printed, said = paper.next(), voice.next()
        assert printed["ticket"] == ticket["id"] and printed["receipt"]["code"] == "A001" and printed["id"].startswith(f"{DAY}-")
        assert (said["code"], said["counter"]) == ("A001", "1")
        heard = lambda: [e for e in inspector.get(f"/sites/open/days/{DAY}/events")["events"] if e["kind"] == "CallHeard"]  # noqa: E731
        until(heard)
        until(lambda: head.get("/sites/open/kiosks/k1/prints")[0]["state"] == "printed")

    # Both have been answered: after another cut they do not come again; what is new does.
    cut_and_start(server, "08:00:09")
    with listening(server, kiosk, speaker) as (paper, voice):
        second = take(kiosk)
        again = lan.post("/sites/open/counters/1/next", {"finish": True})
        assert again["id"] == second["id"]
        assert paper.next()["ticket"] == second["id"]
        assert voice.next()["code"] == "A002"
        assert paper.moments.empty() and voice.moments.empty()

    # Nobody listens again, and this time the power is away until all of it is stale.
    third = take(kiosk)
    lan.post("/sites/open/counters/1/next", {"finish": True})
    cut_and_start(server, "08:30:00")
    with listening(server, kiosk, speaker) as (paper, voice):
        fourth = take(kiosk)
        assert lan.post("/sites/open/counters/1/next", {"finish": True})["id"] == fourth["id"]
        assert paper.next()["ticket"] == fourth["id"] != third["id"]
        assert voice.next()["code"] == "A004"
        assert paper.moments.empty() and voice.moments.empty()


def test_a_document_imported_while_the_office_works_is_adopted_by_its_day(tmp_path: Path) -> None:
    document = tmp_path / "open.toml"
    text = Path(OPEN).read_text(encoding="utf-8")
    with running(tmp_path, OPEN, "--hall-clock", f"{DAY}T08:00:00+07:00") as server:
        kiosk, anyone = server.device("k1"), server.anyone()
        (lan,) = server.crew("lan")
        (inspector,) = server.crew("thanh", role="inspector")
        tickets = [take(kiosk, service) for service in "ABAB"]
        version = lambda: [e["kind"] for e in inspector.get(f"/sites/open/days/{DAY}/events")["events"]].count("SiteRevised")  # noqa: E731

        def imports(changed: str) -> dict[str, Any]:
            document.write_text(changed, encoding="utf-8")
            done = moiso("site", "import", str(document), "--db", server.db, "--json")
            assert done.returncode == 0 and done.stderr == "", done.stderr
            return json.loads(done.stdout)  # type: ignore[no-any-return]

        assert imports(text) == {"site": "open", "version": 1, "stored": False}

        # A service is dropped and another gets a new name.
        changed = text.replace('name = "Hộ tịch"', 'name = "Hộ tịch và quốc tịch"').replace('services = ["A", "B"]', 'services = ["A"]')
        start = changed.index('[[services]]\nid = "B"')
        changed = changed[:start] + changed[changed.index("[[counters]]") :]
        assert imports(changed) == {"site": "open", "version": 2, "stored": True}
        until(version)
        assert {s["id"]: s["name"] for s in anyone.get("/sites/open")["services"] if s["open"]} == {"A": "Hộ tịch và quốc tịch"}

        # Who has a number keeps it and is called; only new numbers of that service are refused.
        refused = kiosk.send("POST", "/sites/open/tickets", {"service": "B"})
        assert refused.status_code == 409 and refused.json()["error"]["code"] == "service_stopped"
        assert [anyone.get(f"/sites/open/tickets/{t['id']}")["code"] for t in tickets] == ["A001", "B001", "A002", "B002"]
        lan.post("/sites/open/counters/1/open")
        assert [lan.post("/sites/open/counters/1/next", {"finish": True})["code"] for _ in tickets] == ["A001", "B001", "A002", "B002"]
        assert take(kiosk)["code"] == "A003"
        assert version() == 1

        # A mistake is reported, and the office goes on under the document it has.
        document.write_text(changed.replace("slot_minutes = 10", "slot_minutes = -10"), encoding="utf-8")
        wrong = moiso("site", "import", str(document), "--db", server.db)
        assert wrong.returncode != 0 and "slot_minutes" in wrong.stderr
        assert take(kiosk)["code"] == "A004"

        # The same office in a new process reads the same day.
        server.kill()
        server.start()
        assert anyone.get(f"/sites/open/tickets/{tickets[1]['id']}")["state"] == "done"
        assert take(kiosk)["code"] == "A005"


def test_a_computer_that_starts_without_its_time_serves_on_from_what_was_recorded_and_staff_are_told(tmp_path: Path) -> None:
    ahead = datetime.now().astimezone() + timedelta(hours=3)
    with running(tmp_path, OPEN, "--hall-clock", ahead.isoformat()) as server:
        kiosk, staff = server.device("k1"), server.staff("ha", "supervisor")
        first = kiosk.post("/sites/open/tickets", {"service": "A"}, expect=201)
    with running(tmp_path) as server:
        behind = Client(server.api, kiosk.key)
        second = behind.post("/sites/open/tickets", {"service": "A"}, expect=201)
        assert (second["code"], second["day"]) == ("A002", first["day"])
        assert second["issued_at"] >= first["issued_at"]
        floor = Client(server.api, staff.key).get("/sites/open/floor")
        assert [alarm["words"] for alarm in floor["alarms"] if alarm["kind"] == "time"] == ["Máy chủ đã mất ngày giờ"]
        assert "the hall's time goes on from there until that clock is set" in server.log.read_text()
    hanoi = datetime.now(ZoneInfo("Asia/Ho_Chi_Minh"))
    for starts, named in enumerate(([], [f"{hanoi + timedelta(days=9):%Y-%m-%d}"]), 1):
        with running(tmp_path, OPEN, "--clock-is-right", *named) as server:
            floor = Client(server.api, staff.key).get("/sites/open/floor")
            assert [alarm["words"] for alarm in floor["alarms"] if alarm["kind"] == "time"] == ["Máy chủ đã mất ngày giờ"]
            assert server.log.read_text().count("--clock-is-right counts on the date that it names alone") == starts
    with running(tmp_path, OPEN, "--clock-is-right", f"{hanoi:%Y-%m-%d}") as server:
        floor = Client(server.api, server.staff("hoa", "supervisor").key).get("/sites/open/floor")
        assert not [alarm for alarm in floor["alarms"] if alarm["kind"] == "time"]
