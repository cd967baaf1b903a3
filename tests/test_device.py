"""A device keeps its place at the server: it comes back, it acts once, it answers each time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from small_hall import SmallHall, hall_now

from server.device import Answer, Device, HallClock, own_version


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for the hall's time is answered, however busy the machine is on which the hall is played."""
    monkeypatch.setattr("server.device.ASK_TIMEOUT_S", 30.0)


@contextmanager
def running(device: Device) -> Iterator[Device]:
    stop = threading.Event()
    thread = threading.Thread(target=device.run_forever, args=(stop,), daemon=True)
    thread.start()
    try:
        yield device
    finally:
        stop.set()
        thread.join(timeout=60)
        assert not thread.is_alive(), "the device did not stop"


class Printer:
    """Does what it is told and remembers it."""

    def __init__(self, answer: Callable[[dict[str, Any]], Answer | None] = lambda _: (True, "printed")) -> None:
        self.answer = answer
        self.acted: list[str] = []

    def __call__(self, event: str, payload: dict[str, Any]) -> Answer | None:
        self.acted.append(payload["id"])
        return self.answer(payload)


def kiosk(hall: SmallHall, printer: Printer, key: str = "secret", **more: Any) -> Device:
    return Device(hall.url, key, "kiosk", printer, lambda: {"paper": "ok"}, beat_every_s=0.2, **more)


def at_home(hall: SmallHall) -> None:
    """Until the device has been welcomed and beats. What it has answered just before that, it may well say twice."""
    hall.until(lambda: hall.sids)
    seen = len(hall.beats)
    hall.until(lambda: len(hall.beats) > seen)


def moment(n: int) -> dict[str, Any]:
    return {"id": f"2026-11-20-{n}-1", "ticket": "t", "receipt": {}, "expires_at": hall_now().isoformat()}


def test_a_device_says_hello_with_nothing_but_its_kind_when_the_key_says_the_rest() -> None:
    with SmallHall(kind="kiosk") as hall, running(kiosk(hall, Printer())) as device:
        hall.until(lambda: hall.beats)
        assert hall.hellos == [{"kind": "device"}]
        assert hall.beats[0] == {"paper": "ok", "version": own_version(), "clock": pytest.approx(time.time(), abs=60)}
        assert device.connected and device.state["site"] == "demo"


def test_a_moment_that_overtakes_the_welcome_is_timed_by_the_hall_and_not_by_this_machine() -> None:
    """A machine whose own clock is five days ahead would think that everything has expired."""
    printer = Printer(lambda payload: (device.clock.seconds_until(datetime.fromisoformat(payload["expires_at"])) > 0, "in time?"))
    with SmallHall(kind="kiosk") as hall:
        hall.behind = timedelta(days=5)
        expires = (hall_now() - hall.behind + timedelta(seconds=60)).isoformat()
        hall.before_welcome = [("print", moment(n) | {"expires_at": expires}) for n in range(1, 6)]
        device = kiosk(hall, printer)
        with running(device):
            # What is answered while the device is being welcomed may be said twice.
            hall.until(lambda: len({done["id"] for done in hall.done}) == 5)
        assert all(done["ok"] for done in hall.done)


def test_a_hall_that_is_set_back_takes_its_devices_with_it() -> None:
    printer = Printer(lambda payload: (device.clock.seconds_until(datetime.fromisoformat(payload["expires_at"])) > 0, "in time?"))
    with SmallHall(kind="kiosk") as hall, running(kiosk(hall, printer)) as device:
        for n, behind in enumerate((timedelta(minutes=6), timedelta(hours=-2), timedelta(days=5)), 1):
            # The moment comes before the next beat could have told of it, and none is on its way that was answered by the old time.
            device._answered.clear()
            hall.until(device._answered.is_set)
            hall.behind = behind
            hall.send("print", moment(n) | {"expires_at": (hall.now() + timedelta(minutes=2)).isoformat()})
            hall.until(lambda n=n: len(hall.done) == n)
            hall.until(lambda: abs(hall.now() - device.clock.now()) < timedelta(seconds=1))
        hall.send("print", moment(9) | {"expires_at": (hall.now() - timedelta(seconds=1)).isoformat()})
        hall.until(lambda: len(hall.done) == 4)
        assert [done["ok"] for done in hall.done] == [True, True, True, False]
        assert len(hall.hellos) == 1


def test_an_answer_that_was_long_on_its_way_does_not_make_the_hall_earlier() -> None:
    clock = HallClock()
    now = hall_now()
    clock.set(now, 1)
    clock.hear(now - timedelta(minutes=8), 1, took_s=9 * 60)
    assert clock.now() >= now, "what it says agrees with what is known"
    clock.hear(now - timedelta(minutes=8), 1, took_s=0.1)
    assert clock.now() < now - timedelta(minutes=7)
    began = time.monotonic()
    clock.hear(now, 60, took_s=9)
    left = clock.seconds_until(now + timedelta(minutes=1))
    assert 0.9 - (time.monotonic() - began) < left < 1.1


def test_a_moment_sent_three_times_is_acted_on_once_and_answered_three_times() -> None:
    printer = Printer()
    with SmallHall(kind="kiosk") as hall, running(kiosk(hall, printer)):
        at_home(hall)
        for _ in range(3):
            seen = len(hall.done)
            hall.send("print", moment(1))
            hall.until(lambda seen=seen: len(hall.done) > seen)
        assert printer.acted == ["2026-11-20-1-1"]
        assert hall.done == [{"id": "2026-11-20-1-1", "ok": True, "detail": "printed"}] * 3


def test_twenty_moments_at_once_are_handed_over_one_at_a_time_and_none_is_lost() -> None:
    at_work = threading.Lock()

    def alone(payload: dict[str, Any]) -> Answer:
        with_nobody_else = at_work.acquire(blocking=False)
        at_work.release()
        return with_nobody_else, "printed"

    printer = Printer(alone)
    with SmallHall(kind="kiosk") as hall, running(kiosk(hall, printer)):
        at_home(hall)
        for n in range(20):
            hall.send("print", moment(n))
        hall.until(lambda: len(hall.done) == 20)
        assert sorted(printer.acted) == sorted(moment(n)["id"] for n in range(20))
        assert all(answer["ok"] for answer in hall.done)


def test_after_a_restart_of_the_server_the_device_is_back_and_acts_on_nothing_twice() -> None:
    printer = Printer()
    with SmallHall(kind="kiosk") as hall, running(kiosk(hall, printer)) as device:
        at_home(hall)
        hall.send("print", moment(1))
        # An answer that the server did not confirm is said again after the restart; this one is confirmed.
        hall.until(lambda: (given := device._given.get(moment(1)["id"])) is not None and given.confirmed)
        hall.stop()
        hall.start()
        at_home(hall)
        hall.send("print", moment(1))
        hall.send("print", moment(2))
        hall.until(lambda: len(hall.done) == 3)
        assert printer.acted == [moment(1)["id"], moment(2)["id"]]


def test_an_answer_given_while_the_server_was_away_is_sent_when_it_is_back() -> None:
    printer = Printer(answer=lambda _: None)
    with SmallHall(kind="kiosk") as hall, running(kiosk(hall, printer)) as device:
        hall.until(lambda: hall.sids)
        hall.send("print", moment(1))
        hall.until(lambda: printer.acted)
        hall.stop()
        device.answer(moment(1)["id"], True, "printed")
        device.answer(moment(1)["id"], False, "a second thought")
        hall.start()
        hall.until(lambda: hall.done)
        assert hall.done[0] == {"id": moment(1)["id"], "ok": True, "detail": "printed"}


def test_a_moment_that_fails_is_answered_with_the_reason_and_the_next_one_is_served() -> None:
    def jam(payload: dict[str, Any]) -> Answer:
        if payload["id"] == moment(1)["id"]:
            raise OSError("the paper is jammed")
        return True, "printed"

    with SmallHall(kind="kiosk") as hall, running(kiosk(hall, Printer(jam))):
        at_home(hall)
        hall.send("print", moment(1))
        hall.send("print", moment(2))
        hall.until(lambda: len(hall.done) == 2)
        # What is sent together may be heard the other way round.
        first, second = sorted(hall.done, key=lambda done: done["id"])
        assert first == {"id": moment(1)["id"], "ok": False, "detail": "OSError: the paper is jammed"}
        assert second["ok"] is True


def test_a_server_that_confirms_no_beats_is_left_and_tried_again() -> None:
    with SmallHall(kind="kiosk", confirm_beats=False) as hall, running(kiosk(hall, Printer())):
        hall.until(lambda: len(hall.hellos) >= 2)


@pytest.mark.parametrize(
    ("key", "kind", "sentence"),
    [
        ("stolen", "kiosk", "This key is not known."),
        ("secret", "audio", "this key belongs to a device of kind 'audio', but 'kiosk' was started with it."),
    ],
)
def test_a_refused_device_says_why(key: str, kind: str, sentence: str, caplog: pytest.LogCaptureFixture) -> None:
    with SmallHall(kind=kind) as hall, running(kiosk(hall, Printer(), key=key)) as device:
        hall.until(lambda: sentence in caplog.text)
        assert device.state == {} and not device.connected


def test_the_hall_clock_follows_the_server_and_its_speed() -> None:
    device = Device("http://127.0.0.1:1", "k", "audio", Printer(), dict)
    device.clock.set(hall_now() - timedelta(days=300), 60)
    began = time.monotonic()
    in_a_minute = device.clock.now() + timedelta(minutes=1)
    left = device.clock.seconds_until(in_a_minute)
    assert 0.99 - (time.monotonic() - began) < left <= 1.0
    assert device.clock.seconds_until(in_a_minute - timedelta(minutes=2)) < 0


def test_only_known_kinds_of_device_exist() -> None:
    with pytest.raises(ValueError, match="toaster"):
        Device("http://127.0.0.1:1", "k", "toaster", Printer(), dict)
