"""What processes of one database tell one another: devices, walls, news, and who looks after the house."""

from __future__ import annotations

import queue
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any

import pytest
from databases import Postgres, Redis
from running import until

from server.access import Principal
from server.fellows import Fellows
from server.heartbeat import AGENT, GONE_S, PAGE, Presence
from server.news import ANSWER_S, News, NoQueue, check
from server.store import DeviceRow
from server.store.postgres import PostgresStore

KIOSK = Principal("device", "k1", "kiosk", "open", "k1", key_hash="first")
ROW = DeviceRow("k1", "open", "kiosk", "k1", "first")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Process:
    """One process as the others see it; its clock stands until it is set."""

    def __init__(self, url: str) -> None:
        self.clock, self.walls = Clock(), {("open", "main"): 2}
        self.presence = Presence(self.clock, lambda: 0.0)
        self.presence.registered("open", [ROW])
        self.store = PostgresStore(url)
        self.fellows = Fellows(self.store, self.presence, lambda: self.walls, lambda: None, lambda seconds: None)

    def device(self) -> Any:
        return self.presence.devices("open")[0]


@pytest.fixture
def both(postgres: Postgres) -> Iterator[tuple[Process, Process]]:
    url = postgres.fresh()
    one, other = Process(url), Process(url)
    # Two machines: their counters have begun at different times.
    other.clock.now = 5000.0
    with closing(one.store), closing(other.store):
        yield one, other


def tell(teller: Process, hearer: Process) -> None:
    """Told, and heard at once. How old it is then is measured by the database's clock, which does not stand: what a busy machine has let
    grow old is told once more."""

    def at_once() -> bool:
        began = time.monotonic()
        teller.fellows.tell()
        hearer.fellows.hear()
        return time.monotonic() - began < 0.9

    until(at_once)


# -- devices ---------------------------------------------------------------------------------------------------------------------


def test_a_device_that_is_connected_to_another_process_is_connected(both: tuple[Process, Process]) -> None:
    one, other = both
    one.presence.came(KIOSK, AGENT)
    one.presence.said(KIOSK, AGENT, {"paper": "low", "clock": 0.4})
    one.clock.now += 3
    tell(one, other)
    device = other.device()
    assert device.connected and device.facts == {"paper": "low"} and device.alive(other.clock.now)
    assert other.clock.now - device.seen_s == pytest.approx(3, abs=1) and other.clock.now - device.since_s["paper"] == pytest.approx(
        3, abs=1
    )
    assert [alarm.kind for alarm in other.presence.alarms("open")] == ["paper_low"]
    assert other.presence.walls_elsewhere("open", "main") == 2 and one.presence.walls_elsewhere("open", "main") == 0


def test_a_process_that_tells_nothing_any_more_holds_no_connection(both: tuple[Process, Process]) -> None:
    one, other = both
    one.presence.came(KIOSK, AGENT)
    tell(one, other)
    other.clock.now += GONE_S + 1
    device = other.device()
    assert not device.connected and other.presence.walls_elsewhere("open", "main") == 0
    assert other.clock.now - device.seen_s == pytest.approx(GONE_S + 1, abs=1), "but when it was seen is known"


def test_what_a_device_told_lasts_when_it_moves(both: tuple[Process, Process]) -> None:
    one, other = both
    one.presence.came(KIOSK, AGENT)
    one.presence.said(KIOSK, AGENT, {"paper": "out"})
    one.clock.now += 60
    one.presence.left(KIOSK, AGENT)
    tell(one, other)
    other.presence.came(KIOSK, AGENT)
    other.presence.said(KIOSK, AGENT, {"paper": "out"})
    since = other.device().since_s["paper"]
    assert other.clock.now - since == pytest.approx(60, abs=1), "paper that is out has been out since before"
    # And back again: now this one knows better.
    other.presence.said(KIOSK, AGENT, {"paper": "ok"})
    other.clock.now += 5
    one.clock.now += 5
    other.presence.lives(KIOSK, AGENT)
    tell(other, one)
    assert one.device().facts == {"paper": "ok"}


def test_a_successor_of_the_same_name_begins_anew(both: tuple[Process, Process]) -> None:
    one, other = both
    one.presence.came(KIOSK, AGENT)
    one.presence.said(KIOSK, AGENT, {"paper": "out"})
    tell(one, other)
    other.presence.registered("open", [replace(ROW, key_hash="second")])
    assert not other.device().connected and not other.device().facts


def test_a_page_of_a_kiosk_shows_itself_wherever_it_is_connected(both: tuple[Process, Process]) -> None:
    one, other = both
    one.presence.came(KIOSK, PAGE)
    tell(one, other)
    assert [(device.page, device.connected) for device in other.presence.devices("open")] == [(False, False), (True, True)]


# -- the house -------------------------------------------------------------------------------------------------------------------


def test_one_process_looks_after_the_house_and_another_when_it_has_ended(both: tuple[Process, Process]) -> None:
    one, other = both
    assert [one.store.on_duty(), other.store.on_duty(), one.store.on_duty()] == [True, False, True]
    one.store.close()
    until(other.store.on_duty)


def test_notes_have_an_end_and_counts_a_window(both: tuple[Process, Process]) -> None:
    one, other = both
    one.store.put_notes("sentence", {"b": "hai", "a": "một"}, 60)
    assert (other.store.note("sentence", "a"), other.store.note("pairing", "a"), other.store.count_notes("sentence")) == ("một", None, 2)
    assert not other.store.add_note("sentence", "a", "ba", 60)
    one.store.put_note("sentence", "a", "cũ", -1)
    assert other.store.note("sentence", "a") is None and other.store.add_note("sentence", "a", "ba", 60)
    assert [store.hit("who", 3, 60) for store in (one.store, other.store, one.store, other.store)] == [True, True, True, False]
    assert other.store.hits("who", 60)[1] == 3 and one.store.hits("nobody", 60) == (0.0, 0)
    one.store.clear_hits("who")
    assert other.store.hit("who", 1, 60)
    one.store.put_note("sentence", "c", "đã hết", -1)
    one.store.forget_notes()
    assert one.store._rows("select count(*) from notes where name = 'c'") == [(0,)] and one.store.note("sentence", "b") == "hai"


# -- news ------------------------------------------------------------------------------------------------------------------------


class Listener:
    """The news of one process, heard on a thread of its own."""

    def __init__(self, url: str, name: str) -> None:
        self.heard: queue.Queue[Any] = queue.Queue()
        self.news = News(url, name, lambda sites, answered: self.heard.put((sites, answered)), time.sleep)
        self.threads = [threading.Thread(target=run, daemon=True) for run in (self.news.run_telling, self.news.run_hearing)]
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        self.news.stop()
        for thread in self.threads:
            thread.join(timeout=60)
            assert not thread.is_alive()


def emptied(line: queue.Queue[Any]) -> list[Any]:
    """What stands in it now."""
    return [line.get() for _ in range(line.qsize())]


def test_news_is_heard_by_the_others_and_a_lost_line_is_known_as_one() -> None:
    redis = Redis().start()
    one, other = Listener(redis.url, "one"), Listener(redis.url, "other")
    try:
        for listener in (one, other):
            assert listener.heard.get(timeout=60) == (None, None), "what was told before it listened"
        sites, answered, all_of_it = set(), set(), ({"ward-1", "ward-2"}, {"ward-1"})
        while (sites, answered) != all_of_it:
            # A line that a busy machine has lost for two seconds is known as one, and what was told meanwhile is told again.
            one.news.tell({"ward-1"})
            one.news.tell({"ward-2"}, {"ward-1"})
            with suppress(queue.Empty):
                while (sites, answered) != all_of_it:
                    more = other.heard.get(timeout=5)
                    sites |= set(more[0] or ())
                    answered |= set(more[1] or ())
        assert all(each == (None, None) for each in emptied(one.heard)), "nobody hears himself"
        # Gone it would refuse at once; standing still it keeps whoever waits for it.
        assert redis.process is not None
        redis.process.send_signal(signal.SIGSTOP)
        took = []
        for _ in range(20):
            began = time.monotonic()
            one.news.tell({"lost"})
            took.append(time.monotonic() - began)
        # But for a busy machine, which may stand still for a while.
        assert sorted(took)[10] < ANSWER_S, "whoever tells never waits, where one answer is waited for so long"
        redis.stop()
        redis.start()
        # Something may have been missed; behind what was told twice.
        until(lambda: other.heard.get(timeout=60) == (None, None))
    finally:
        one.stop()
        other.stop()
        redis.remove()


@pytest.mark.parametrize("url", ["http://:geheim@host", "host:6379", "redis://host:geheim"])
def test_what_is_no_address_of_a_redis_server_is_said_without_its_password(url: str) -> None:
    with pytest.raises(NoQueue) as refused:
        check(url)
    assert "geheim" not in str(refused.value)
