"""What does not go over the wire: cost against the length of the queue, the replay of a day, the paper, the forecast."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

from config import bundled
from config.loader import load
from server import wire
from server.core import decide, hall
from server.core import events as ev
from server.core.day import Day
from server.core.forecast import Pace
from server.core.site import Site
from server.ledger import Idempotency
from server.store import EventRow
from server.store.sqlite import SqliteStore

from .figures import Figure

from door import NOON, TODAY, Door  # isort: skip

SECOND = timedelta(seconds=1)
LAN = decide.By("lan")
SIZES = (100, 1_000, 10_000)


class Story:
    """A day that is decided and folded in this process; `entries` is what it left."""

    def __init__(self, site: Site, *, pace: Pace | None = None) -> None:
        self.day, self.now, self.pace = Day(site, TODAY), NOON, pace
        self.entries: list[ev.Entry] = []
        self._ids = count()
        self._add([ev.DayOpened(site.version)])

    def _add(self, events: Sequence[ev.Event]) -> None:
        for event in events:
            entry = ev.Entry(self.day.seq + 1, self.now, "staff:lan", event)
            self.day.apply(entry)
            self.entries.append(entry)
            if self.pace is not None:
                self.pace.hear(self.day, entry)

    def issue(self, service: str = "A") -> None:
        self._add(decide.issue(self.day, self.now, ticket=f"ticket-{next(self._ids):08}", service=service, kiosk="k1"))

    def open(self, counter: str = "1") -> None:
        self._add(decide.open_counter(self.day, self.now, counter=counter, by=LAN))

    def call(self, counter: str = "1") -> None:
        self._add(decide.call_next(self.day, self.now, counter=counter, by=LAN, finish=True))

    def start(self, counter: str = "1") -> None:
        present = self.day.at_counter(counter)
        assert present is not None
        self._add(decide.start(self.day, self.now, ticket=present.id, by=LAN))


def office() -> Site:
    return load(bundled("open"))


def timed(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def waiting(sizes: Sequence[int] = SIZES, times: int = 300) -> list[Figure]:
    """Call-next and a board in pure functions, with so many waiting; each against the smallest queue of the same run."""
    stories = {size: Story(office()) for size in sizes}
    for size, story in stories.items():
        story.open()
        for _ in range(size):
            story.issue()
    took: dict[tuple[str, int], list[float]] = {(what, size): [] for what in ("call-next", "board") for size in sizes}
    for _ in range(times):
        for size, story in stories.items():
            story.issue()
            took["call-next", size].append(timed(story.call))
            took["board", size].append(timed(lambda story=story: wire.dumps(wire.board(hall.board(story.day, "main", story.now)))))
    promised = {("call-next", 10_000): 1.2, ("board", 10_000): 1.5}
    return [
        Figure(
            f"{what}, {size:,} waiting",
            median(took[what, size]) * 1e6,
            "µs",
            f"{sizes[0]} waiting",
            median(took[what, sizes[0]]) * 1e6,
            promise=promised.get((what, size)),
        )
        for what in ("call-next", "board")
        for size in sizes[1:]
    ]


def through_the_ledger(folder: Path, sizes: Sequence[int] = SIZES, times: int = 150) -> list[Figure]:
    """Call-next through the door, durable, with so many waiting."""
    doors = {}
    for size in sizes:
        (place := folder / f"w{size}").mkdir()
        store_story(place / "office.db", [story_of(size)])
        doors[size] = Door(place)
    took: dict[int, list[float]] = {size: [] for size in sizes}
    entered = [door.__enter__() for door in doors.values()]
    try:
        for n in range(times):
            for size, door in doors.items():
                door.issue()
                once = Idempotency("staff:lan", f"n{n}", "n")
                took[size].append(
                    timed(
                        lambda door=door, once=once: door.ledger.do(
                            door.site,
                            lambda day, now: decide.call_next(day, now, counter="1", by=LAN, finish=True),
                            actor="staff:lan",
                            render=lambda day, now: (200, {}),
                            once=once,
                        )
                    )
                )
    finally:
        for door in entered:
            door.__exit__()
    base = median(took[sizes[0]][1:]) * 1e6
    return [
        Figure(
            f"call-next through the ledger, {size:,} waiting",
            median(took[size][1:]) * 1e6,
            "µs",
            f"{sizes[0]} waiting",
            base,
            promise=1.2 if size == 10_000 else None,
        )
        for size in sizes[1:]
    ]


def story_of(size: int) -> list[ev.Entry]:
    """One counter is open and so many wait."""
    story = Story(office())
    story.open()
    for _ in range(size):
        story.issue()
    return story.entries


def busy_day(tickets: int) -> list[ev.Entry]:
    """Four counters, and everybody is called, sits down and is served."""
    story = Story(office())
    for counter in "1234":
        story.open(counter)
    for n in range(tickets):
        story.now += 8 * SECOND
        story.issue("AB"[n % 2])
        story.call("1234"[n % 4])
        story.now += SECOND
        story.start("1234"[n % 4])
    return story.entries


def rows_of(entries: Sequence[ev.Entry], when: Any = TODAY) -> list[EventRow]:
    return [EventRow("open", when, e.seq, e.at, e.actor, type(e.event).__name__, wire.event_text(e.event)) for e in entries]


def store_story(path: Path, stories: Sequence[Sequence[ev.Entry]]) -> None:
    store = SqliteStore(path)
    for entries in stories:
        store.write([lambda tx, entries=entries: tx.append(rows_of(entries))])
    store.close()


def replay(folder: Path, tickets: int = 3_000, times: int = 5) -> list[Figure]:
    """A day read from the disk, decoded and folded, beside a bare loop that reads the same rows and their JSON."""
    path = folder / "replay.db"
    entries = busy_day(tickets)
    store_story(path, [entries])
    store, site = SqliteStore(path), office()

    def folded() -> None:
        day = Day(site, TODAY)
        for row in store.story("open", TODAY, 0):
            day.apply(ev.Entry(row.seq, row.at, row.actor, wire.event_of(row.kind, row.body)))

    def bare() -> None:
        for row in store._reader.conn.execute("select seq, at, actor, kind, body from events where site = 'open' order by seq"):
            json.loads(row[4])

    def only_folded() -> None:
        day = Day(site, TODAY)
        for entry in entries:
            day.apply(entry)

    each = 1e6 / len(entries)
    runs = [(timed(folded), timed(bare), timed(only_folded)) for _ in range(times)]
    store.close()
    whole, plain, fold = (median(run[n] for run in runs) * each for n in range(3))
    name = f"a day of {tickets:,} tickets, {len(entries):,} events, per event"
    return [
        Figure(f"replay of {name}", whole, "µs", "bare loop over the rows", plain, promise=20.0, own=True),
        Figure(f"fold alone of {name}", fold, "µs", "bare loop over the rows", plain),
    ]


def paper(times: int = 15) -> Figure:
    """The picture of a ticket, beside a blank one of the same size that is only made and encoded."""
    from PIL import Image

    from kiosk.receipt import Receipt, draw

    receipt = Receipt.from_json(wire.receipt(hall.sample_receipt(office(), NOON)))
    size = draw(receipt).size
    ours, blank = [], []
    for _ in range(times):
        ours.append(timed(lambda: draw(receipt).tobytes()))
        blank.append(timed(lambda: Image.new("L", size, 255).convert("1").tobytes()))
    return Figure("picture of a ticket", median(ours) * 1000, "ms", "blank picture", median(blank) * 1000)


def foretold(people: int = 1_000, times: int = 5) -> Figure:
    """The likely waits of everybody who waits, beside counting for each how many stand before."""
    story = Story(office(), pace=Pace())
    for counter in "1234":
        story.open(counter)
    for n in range(people + 40):
        story.issue("AB"[n % 2])
    for n in range(40):
        story.now += 60 * SECOND
        story.call("1234"[n % 4])
    day, pace, now = story.day, story.pace, story.now
    assert pace is not None
    tickets = [ticket for line in day.lines.values() for ticket in line]
    assert len(tickets) == people
    assert pace.likely(day, tickets[-1], now) is not None

    def ours() -> None:
        for ticket in tickets:
            pace.likely(day, ticket, now)

    def plain() -> None:
        for ticket in tickets:
            day.lines[ticket.service].ahead_of(ticket.place)

    runs = [(timed(ours), timed(plain)) for _ in range(times)]
    took, counted = (median(run[n] for run in runs) * 1000 for n in range(2))
    return Figure(f"forecast for {people:,} waiting", took, "ms", "counting who is before", counted)
