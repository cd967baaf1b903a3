"""Redis: one process tells the others at once in which offices it has written something, so that their screens need not wait for the next
look.

It is told once, and nobody is told again: whoever misses it finds out within a second (`server.app`). So Redis may go away at any moment
and come back; nobody waits for it, and nothing is kept in it. The messages are names of offices, nothing of anybody in them.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection
from contextlib import suppress

import redis
import structlog

log = structlog.get_logger("news")

CHANNEL = "moiso"
AGAIN_S = 1.0
GATHER_S = 0.02
"""What is written within this time is told together: fifty messages a second at most, and no wall is drawn more often."""
ANSWER_S = 2.0
"""Whoever does not answer for so long is away."""
QUIET_S = 5.0
"""So often a quiet line is tried."""


Heard = Callable[[Collection[str] | None, Collection[str] | None], None]


class NoQueue(Exception):
    """What cannot be an address of a Redis server; a sentence."""


class News:
    """`heard(sites, answered)` is called with the offices in which others have written, and those where devices have answered them; with
    None when some may have been missed. `run_telling` and `run_hearing` are background tasks until `stop`."""

    def __init__(self, url: str, name: str, heard: Heard, sleep: Callable[[float], object]) -> None:
        self._name, self._heard, self._sleep = name, heard, sleep
        options = {"socket_connect_timeout": ANSWER_S, "socket_timeout": ANSWER_S, "health_check_interval": QUIET_S}
        try:
            # Tried once: whoever is away is away, and the next message finds out whether he is back.
            self._redis = redis.Redis.from_url(url, **options, retry=redis.retry.Retry(redis.backoff.NoBackoff(), 0))
        except ValueError as error:
            # What the library says may quote the password.
            raise NoQueue(
                "--queue is no address of a Redis server: write it as redis://host:6379 or rediss://user:password@host:6379."
            ) from error
        self._sites: set[str] = set()
        self._answered: set[str] = set()
        self._wake = threading.Event()
        self._stopped = False
        self._away = False

    def tell(self, sites: Collection[str], answered: Collection[str] = ()) -> None:
        """Something was written in these offices, and in those a device has answered. Returns at once."""
        self._sites |= set(sites)
        self._answered |= set(answered)
        self._wake.set()

    def run_telling(self) -> None:
        while not self._stopped:
            self._wake.wait()
            self._wake.clear()
            sites, answered = sorted(self._sites), sorted(self._answered)
            self._sites, self._answered = set(), set()
            if not self._stopped:
                try:
                    self._redis.publish(CHANNEL, json.dumps([self._name, sites, answered]))
                    self._sleep(GATHER_S)
                except (redis.RedisError, OSError) as error:
                    self._missed(error)
                    self._sleep(AGAIN_S)

    def run_hearing(self) -> None:
        while not self._stopped:
            line = self._redis.pubsub()
            try:
                line.subscribe(CHANNEL)
                self._listen(line)
            except (redis.RedisError, OSError) as error:
                self._missed(error)
            except Exception:
                log.exception("news_failed")
            finally:
                with suppress(redis.RedisError, OSError):
                    line.close()
            if not self._stopped:
                self._sleep(AGAIN_S)

    def _listen(self, line: redis.client.PubSub) -> None:
        while not self._stopped:
            message = line.get_message(timeout=ANSWER_S / 2)
            if message is None:
                continue
            if message["type"] == "subscribe":
                if self._away:
                    log.warning("queue_is_back")
                self._away = False
                self._heard(None, None)
            elif message["type"] == "message":
                name, sites, answered = json.loads(message["data"])
                if name != self._name:
                    self._heard(sites, answered)

    def _missed(self, error: Exception) -> None:
        if not self._away and not self._stopped:
            # Once: an outage of an hour is one story. The words of the library may hold the address, not the password.
            log.warning("queue_is_away", error=str(error))
        self._away = True

    def stop(self) -> None:
        self._stopped = True
        self._wake.set()
        with suppress(redis.RedisError, OSError):
            self._redis.close()


def check(url: str) -> None:
    """Raises `NoQueue` for what cannot be an address; whether anybody answers there is of no matter."""
    News(url, "", lambda sites, answered: None, lambda seconds: None).stop()


__all__ = ["News", "NoQueue", "check"]
