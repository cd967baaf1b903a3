"""Commands over HTTP, durable, so many clients at once: beside a bare Flask route and a bare insert behind the same launcher."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from .figures import TAIL, Figure, middle
from .load import Measured, Request, http, load
from .machine import KEY, bare, on_core

from running import MORNING, OPEN, Server, running  # isort: skip

COUNTERS = 32
DAYS = [f"2026-11-{day}" for day in range(21, 28)]
SLOTS = 24 * 6 * len(DAYS)
FLUSH_MS = 5
PATH = "/api/v1/sites/open"
PROMISED = "issue", 32
SETTLED = 3_000
"""Thirty-two who begin at once share one flush, and need some turns until some wait for the disk while others are answered: of a quarter of
a second that beginning is half."""


@dataclass
class Office:
    """A served office with many counters, all open, beside the yardsticks' server."""

    server: Server
    yard: int
    kiosk: str
    clerk: str

    def __post_init__(self) -> None:
        self._n = count()

    def request(self, what: str) -> Request:
        """Requests of one kind; each command with a key of its own."""
        make: dict[str, Callable[[int], bytes]] = {
            "issue": lambda n: self._post(f"{PATH}/tickets", '{"service":"A"}', self.kiosk, n),
            "call-next": lambda n: self._post(f"{PATH}/counters/{n % COUNTERS + 1}/next", '{"finish":true}', self.clerk, n),
            "book": lambda n: self._post(f"{PATH}/appointments", _booking(n), None, n),
            "board": lambda n: http("GET", f"{PATH}/halls/main/board"),
        }
        return lambda _: make[what](next(self._n))

    def _post(self, path: str, body: str, key: str | None, n: int) -> bytes:
        who = {"Authorization": f"Bearer {key}"} if key else {}
        return http("POST", path, body, Idempotency_Key=f"n{n}", **who)


def _booking(n: int) -> str:
    slot = n % SLOTS
    start = f"{DAYS[slot % 7]}T{slot // 7 % 24:02}:{slot // 168 % 6}0:00+07:00"
    return f'{{"service":"A","start":"{start}","phone":"09{n:08}","consent":true}}'


@contextmanager
def office(folder: Path, *, program: Sequence[str] = ("-m", "server")) -> Iterator[Office]:
    text = Path(OPEN).read_text(encoding="utf-8").replace("capacity = 2", "capacity = 200")
    text += "".join(f'\n[[counters]]\nid = "{n}"\nservices = ["A", "B"]\n' for n in range(5, COUNTERS + 1))
    document = folder / "open.toml"
    document.write_text(text, encoding="utf-8")
    with on_core(0), running(folder, str(document), *MORNING, program=program) as server, bare(folder) as yard:
        clerk, kiosk = server.staff("lan"), server.device("k1")
        for n in range(1, COUNTERS + 1):
            clerk.post(f"/sites/open/counters/{n}/open")
        yield Office(server, yard.port, kiosk.key or "", clerk.key or "")


def measure(folder: Path, clients: tuple[int, ...], requests: int, runs: int) -> list[Figure]:
    """Issue, call-next, book and board at so many clients, `requests` for each run; of each figure the run in the middle."""
    found = []
    with office(folder) as place, on_core(1):
        # Whoever presses "call next" calls somebody, however the runs fall.
        asked(place.server.port, place.request("issue"), 32, 500)
        for many in clients:
            total = max(requests // 4, 100) if many == 1 else requests
            for what in ("issue", "call-next", "book", "board"):
                found += _beside(place, what, many, SETTLED if (what, many) == PROMISED else total, runs)
    return found


def _beside(place: Office, what: str, clients: int, requests: int, runs: int) -> list[Figure]:
    kept: dict[str, list[Figure]] = {}
    at = f"{clients} client{'s' if clients > 1 else ''}"
    for _ in range(runs):
        route = asked(place.yard, _bare("/route"), clients, requests)
        ours = asked(place.server.port, place.request(what), clients, requests)
        lines = [
            Figure(f"{what}, {at}", ours.per_second, "a second", "bare route", route.per_second, more_is_better=True),
            Figure(f"{what}, {at}, p50", ours.percentile(50), "ms", "bare route", route.percentile(50)),
            Figure(f"{what}, {at}, p99", ours.percentile(99), "ms", "bare route", route.percentile(99), tolerance=TAIL),
        ]
        if what == "issue":
            insert = asked(place.yard, _bare("/insert"), clients, requests)
            name = f"issue, {at}, beside an insert"
            lines.append(Figure(name, ours.per_second, "a second", "bare insert + commit", insert.per_second, more_is_better=True))
        for line in lines:
            kept.setdefault(line.what, []).append(line)
    found = [middle(each) for each in kept.values()]
    return [_promised(each) for each in found]


def slow_disk(folder: Path, runs: int, requests: int = SETTLED) -> list[Figure]:
    """Numbers taken by 32 clients, durable, on a disk whose flush takes longer, beside the same program on this machine's own disk."""
    found = []
    for name in ("usual", "slow"):
        (folder / name).mkdir()
    with (
        office(folder / "usual") as usual,
        office(folder / "slow", program=("-m", "tests.bench.slow_disk", str(FLUSH_MS), str(folder))) as slow,
        on_core(1),
    ):
        alone = asked(slow.server.port, slow.request("issue"), 1, 100)
        assert alone.percentile(50) > FLUSH_MS, "the delay is no delay"
        for _ in range(runs):
            yard = asked(usual.server.port, usual.request("issue"), 32, requests)
            ours = asked(slow.server.port, slow.request("issue"), 32, requests)
            what = f"issue, 32 clients, flushes of {FLUSH_MS} ms more"
            found.append(Figure(what, ours.per_second, "a second", "own disk", yard.per_second, more_is_better=True, promise=0.8))
    return [middle(found)]


PROMISES = {"issue, 32 clients": 0.65, "issue, 32 clients, p99": 3.0}


def _promised(figure: Figure) -> Figure:
    return replace(figure, promise=PROMISES.get(figure.what))


def _bare(path: str) -> Request:
    request = http("POST", path, '{"service":"A"}', Authorization=f"Bearer {KEY}", Idempotency_Key="n")
    return lambda n: request


def asked(port: int, request: Request, clients: int, requests: int) -> Measured:
    """So many requests by so many clients, all of which are granted."""
    measured = load(port, request, clients=clients, requests=requests)
    assert set(measured.statuses) <= {200, 201}, measured.statuses
    return measured
