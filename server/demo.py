"""The demo office at work: invented citizens arrive as on a real office's day, and some counters are staffed by the program.

They use the same door as everybody else. Counters that the program does not staff are the visitor's.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from config.profile import arrivals, municipal

from server.access import new_key
from server.api import new_ticket_id
from server.core import decide
from server.core.day import Day
from server.core.refused import Refused
from server.core.site import Site
from server.core.ticket import State
from server.ledger import Ledger
from server.store import Unavailable

log = structlog.get_logger("demo")

STAFFED_SHARE = 0.5
"""The later half of the counters serve by themselves; the others wait for the visitor."""
CLERK = "may"
SERVICE_MINUTES = (2.0, 9.0)
LOOK_EVERY_S = 1.0
NO_SHOW_SHARE = 0.05


def first_morning(site: Site, today: datetime) -> datetime:
    """07:25 of the first working day from today on: the demo's office is about to open whenever somebody tries it."""
    day = today.astimezone(site.tz).date()
    for _ in range(60):
        spans = site.hours.spans(day)
        if spans and spans[0].start < timedelta(hours=12):
            return site.at(day, timedelta(hours=7, minutes=25))
        day += timedelta(days=1)
    return site.at(day, timedelta(hours=7, minutes=25))


class Citizens:
    """Arrivals of one invented day, and the clerks of the staffed counters. `sleep` is the launcher's."""

    def __init__(self, ledger: Ledger, site: str, sleep: Callable[[float], None], seed: int = 1) -> None:
        self._ledger, self._site, self._sleep = ledger, site, sleep
        self._random = random.Random(seed)
        self._stopped = False
        self._until: dict[str, datetime] = {}

    def stop(self) -> None:
        self._stopped = True

    def run(self) -> None:
        ledger, site = self._ledger, self._site
        office = ledger.sites.current(site)
        planned = sorted(arrivals(municipal(), office, ledger.today(site), self._random), key=lambda a: a.at)
        staffed = [c.id for c in office.counters][round(len(office.counters) * (1 - STAFFED_SHARE)) :]
        due = 0
        while not self._stopped:
            now = ledger.now(site)
            try:
                while due < len(planned) and planned[due].at <= now:
                    self._arrive(planned[due])
                    due += 1
                for counter in staffed:
                    self._serve(counter, now)
            except Unavailable:
                log.warning("demo_waits")
            self._sleep(LOOK_EVERY_S if ledger.clock.factor <= 1 else max(0.05, LOOK_EVERY_S / ledger.clock.factor))

    def _do(self, command: Callable[[Day, datetime], list], day: object = None) -> bool:  # type: ignore[type-arg]
        try:
            self._ledger.do(self._site, command, actor=f"demo:{new_key()[:4]}", render=lambda day, now: (200, {}))
        except Refused:
            return False
        return True

    def _arrive(self, arrival) -> None:  # type: ignore[no-untyped-def]
        office = self._ledger.sites.current(self._site)
        group = office.priority_groups[0].id if arrival.priority and office.priority_groups else None
        self._do(
            lambda day, now: decide.issue(
                day, now, ticket=new_ticket_id(), service=arrival.service, priority=group, lang=arrival.lang, procedure=arrival.procedure
            )
        )

    def _serve(self, counter: str, now: datetime) -> None:
        """Call the next one when the present one's time is over. Lunch and evening send the clerk away like everybody else."""
        hours = self._ledger.day(self._site)
        seat = hours.counters[counter]
        by = decide.By(f"{CLERK}-{counter}")
        if seat.clerk is None:
            self._do(lambda day, now: decide.open_counter(day, now, counter=counter, by=by))
            return
        if seat.clerk != by.name or now < self._until.get(counter, now):
            return
        present = hours.at_counter(counter)
        outcome = State.NO_SHOW if present and self._random.random() < NO_SHOW_SHARE else State.DONE
        if not present and not any(len(line) for line in hours.lines_of(counter)):
            return
        self._do(lambda day, now: decide.call_next(day, now, counter=counter, by=by, finish=True, outcome=outcome))
        self._until[counter] = now + timedelta(minutes=self._random.uniform(*SERVICE_MINUTES))
