"""What a booking costs beside a ticket, over HTTP, durable, on the same server in the same run.

    python -m tests.bench.booking

Prints calls per second and times to answer of both, and their ratio; the promise is 0.6.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median

from running import MORNING, OPEN, running

from .load import Measured, http, load

CLIENTS, REQUESTS, RUNS = 32, 1200, 5
DAYS = [f"2026-11-{day}" for day in range(21, 28)]


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        text = Path(OPEN).read_text(encoding="utf-8").replace("capacity = 2", "capacity = 200")
        document = Path(folder) / "open.toml"
        document.write_text(text, encoding="utf-8")
        with running(Path(folder), str(document), *MORNING) as server:
            key = server.device("k1").key
            runs = [(_tickets(server.port, key or "", n), _bookings(server.port, n)) for n in range(RUNS)]
    ratios = [booking.per_second / ticket.per_second for ticket, booking in runs]
    print(f"{CLIENTS} clients, {REQUESTS} calls, {RUNS} runs, medians")
    for name, of in (("issuing a ticket", [t for t, _ in runs]), ("booking a place", [b for _, b in runs])):
        print(
            f"{name:18} {median(m.per_second for m in of):7.0f} a second   p50 {median(m.percentile(50) for m in of):6.1f} ms"
            f"   p99 {median(m.percentile(99) for m in of):6.1f} ms"
        )
    print(f"bookings per ticket: {median(ratios):.2f} (promised: 0.6)")
    return 0


def _tickets(port: int, key: str, run: int) -> Measured:
    def request(n: int) -> bytes:
        return http("POST", "/api/v1/sites/open/tickets", '{"service":"A"}', Authorization=f"Bearer {key}", Idempotency_Key=f"t{run}-{n}")

    return _all_made(load(port, request, clients=CLIENTS, requests=REQUESTS))


def _bookings(port: int, run: int) -> Measured:
    def request(n: int) -> bytes:
        slot = run * REQUESTS + n
        start = f"{DAYS[slot % 7]}T{slot // 7 % 24:02}:{slot // 168 % 6}0:00+07:00"
        body = f'{{"service":"A","start":"{start}","phone":"09{slot:08}","consent":true}}'
        return http("POST", "/api/v1/sites/open/appointments", body, Idempotency_Key=f"b{run}-{n}")

    return _all_made(load(port, request, clients=CLIENTS, requests=REQUESTS))


def _all_made(measured: Measured) -> Measured:
    assert set(measured.statuses) == {201}, measured.statuses
    return measured


if __name__ == "__main__":
    sys.exit(main())
