"""What a second worker costs: processor time of the workers for each command, two of them on PostgreSQL and Redis beside one.

Processor time, not seconds: it can be measured on two cores, where two workers, their database and whoever asks do not have one each. A
program that shares its core with another one needs more of it for the same work; so the yardstick is measured twice at the same time, as
two servers of one worker that know nothing of each other.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from .commands import COUNTERS
from .figures import Figure, middle
from .load import Request, http, load
from .machine import on_core

from databases import Postgres, Redis  # isort: skip
from running import MORNING, OPEN, Server, until  # isort: skip
from several import Several  # isort: skip

SITES = ("first", "second")
CLIENTS = 8
TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
PROMISE = 1.15


@dataclass
class Place:
    """One office at the worker that its callers ask."""

    site: str
    port: int
    pid: int
    kiosk: str
    clerk: str

    def __post_init__(self) -> None:
        self._n = count()

    def request(self, what: str) -> Request:
        return lambda _: self._command(what, next(self._n))

    def _command(self, what: str, n: int) -> bytes:
        path, body, key = (
            (f"/api/v1/sites/{self.site}/tickets", '{"service":"A"}', self.kiosk)
            if what == "issue"
            else (f"/api/v1/sites/{self.site}/counters/{n % COUNTERS + 1}/next", '{"finish":true}', self.clerk)
        )
        return http("POST", path, body, Authorization=f"Bearer {key}", Idempotency_Key=f"{what}{n}")


def cpu_s(pid: int) -> float:
    """Processor time of a process and its threads so far, its own and the kernel's."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / TICKS


def spent(places: list[Place], what: str, requests: int) -> float:
    """Milliseconds of the workers' processor for each command, while each place is asked by its own callers."""
    before = sum(cpu_s(place.pid) for place in places)
    with ThreadPoolExecutor(len(places)) as pool:
        runs = [pool.submit(load, place.port, place.request(what), clients=CLIENTS, requests=requests) for place in places]
        answers = sum(len(run.result().seconds) for run in runs)
    assert all(set(run.result().statuses) <= {200, 201} for run in runs)
    return (sum(cpu_s(place.pid) for place in places) - before) / answers * 1000


def _documents(folder: Path) -> list[str]:
    found = []
    for site in SITES:
        text = Path(OPEN).read_text(encoding="utf-8").replace('id = "open"', f'id = "{site}"', 1)
        text += "".join(f'\n[[counters]]\nid = "{n}"\nservices = ["A", "B"]\n' for n in range(5, COUNTERS + 1))
        (folder / f"{site}.toml").write_text(text, encoding="utf-8")
        found.append(str(folder / f"{site}.toml"))
    return found


def _place(server: Server, site: str, port: int, pid: int) -> Place:
    server.site = site
    (clerk,), kiosk = server.crew(f"lan-{site}"), server.device("k1")
    for n in range(1, COUNTERS + 1):
        clerk.post(f"/sites/{site}/counters/{n}/open")
    return Place(site, port, pid, kiosk.key or "", clerk.key or "")


@contextmanager
def _served(folder: Path) -> Iterator[tuple[list[Place], list[Place]]]:
    """Two offices: at two servers of one process, each on a database of its own; and at two workers of one database."""
    postgres, redis = Postgres().start(), Redis().start()
    documents = _documents(folder)
    apart = []
    for site, document in zip(SITES, documents, strict=True):
        (folder / site).mkdir()
        apart.append(Server(folder / site, document, *MORNING, site=site, db=postgres.fresh()))
    both = Several(folder, postgres.fresh(), "--site", documents[1], *MORNING, "--queue", redis.url, document=documents[0], site=SITES[0])
    try:
        with on_core(0):
            for server in apart:
                server.start()
            Server.start(both)
        pids = until(lambda: pids if len(pids := both.pids()) == both.count else None)
        yield (
            [_place(server, server.site, server.port, server.process.pid) for server in apart if server.process is not None],
            [_place(both.past_nginx(n), site, both.port + n, pids[n]) for n, site in enumerate(SITES)],
        )
    finally:
        for server in (*apart, both):
            if server.process is not None:
                server.stop()
        both.nginx.remove()
        redis.remove()
        postgres.remove()


def measure(folder: Path, requests: int, runs: int) -> list[Figure]:
    """Of each command the run in the middle."""
    found = []
    with _served(folder) as (apart, both), on_core(1):
        for what in ("issue", "call-next"):
            for place in (*apart, *both):
                if what == "call-next":
                    load(place.port, place.request("issue"), clients=CLIENTS, requests=(runs + 1) * requests)
            lines = []
            for run in range(runs + 1):
                one, two = spent(apart, what, requests), spent(both, what, requests)
                if run:
                    # The first round is everybody's first.
                    name = f"{what}, processor of two workers, two offices"
                    lines.append(Figure(name, two, "ms", "one worker each", one, promise=PROMISE))
            found.append(middle(lines))
    return found
