"""The demo office at work: invented citizens arrive as on a real office's day, and some counters are staffed by the program.

They use the same door as everybody else. Counters that the program does not staff are the visitor's; so are the citizens who choose a
service that only those counters serve.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog

from config.profile import Citizen, arrivals, municipal
from server.api import new_ticket_id
from server.core import decide
from server.core.day import CounterState
from server.core.refused import Refused
from server.core.site import Site, hours_now
from server.core.ticket import State
from server.ledger import Command, Ledger
from server.store import Unavailable

log = structlog.get_logger("demo")

STAFFED_SHARE = 0.5
"""The later half of the counters serve by themselves."""
USUAL = timedelta(minutes=5)
PATIENCE = timedelta(minutes=3)
"""How long a clerk of the demo waits for somebody who does not come."""
LOOK_EVERY_S = 1.0


def first_morning(site: Site, now: datetime) -> datetime:
    """07:25 of the first working day from today on: the demo's office is about to open whenever somebody tries it."""
    today = site.business_day(now)
    days = (today + timedelta(days=ahead) for ahead in range(60))
    day = next((d for d in days if (spans := site.hours.spans(d)) and spans[0].start < timedelta(hours=12)), today)
    return site.at(day, timedelta(hours=7, minutes=25))


class Town:
    """The citizens of one invented day, and the clerks of the staffed counters. `sleep` is the launcher's."""

    def __init__(self, ledger: Ledger, site: str, sleep: Callable[[float], None], seed: int = 1) -> None:
        self._ledger, self._site, self._sleep = ledger, site, sleep
        office = ledger.sites.current(site)
        self._planned = arrivals(municipal(), office, ledger.today(site), random.Random(seed))
        self._staffed = [c.id for c in office.counters][round(len(office.counters) * (1 - STAFFED_SHARE)) :]
        self._citizens: dict[str, Citizen] = {}
        self._stopped = False

    def stop(self) -> None:
        self._stopped = True

    def run(self) -> None:
        """Live until stopped; a background task."""
        due = 0
        pause = max(0.05, LOOK_EVERY_S / max(1.0, self._ledger.clock.factor))
        while not self._stopped:
            now = self._ledger.now(self._site)
            try:
                while due < len(self._planned) and self._planned[due].at <= now:
                    self._arrive(self._planned[due])
                    due += 1
                for counter in self._staffed:
                    self._serve(counter, now)
            except Unavailable:
                log.warning("demo_waits")
            self._sleep(pause)

    def _do(self, actor: str, command: Command) -> None:
        try:
            self._ledger.do(self._site, command, actor=actor, render=lambda day, now: (200, {}))
        except Refused as refused:
            log.info("demo_refused", code=refused.code)

    def _arrive(self, who: Citizen) -> None:
        ticket = new_ticket_id()
        self._citizens[ticket] = who
        asked: dict[str, Any] = {"service": who.service, "priority": who.priority, "lang": who.lang, "procedure": who.procedure}
        self._do("demo:citizen", lambda day, now: decide.issue(day, now, ticket=ticket, **asked))

    def _serve(self, counter: str, now: datetime) -> None:
        """Open in the office's hours, and call the next one when the present one's time is over; who waits at closing is served."""
        day = self._ledger.day(self._site)
        seat = day.counters[counter]
        by = decide.By(f"demo-{counter}")
        if seat.state is CounterState.CLOSED:
            if hours_now(day.site, now).serving:
                self._do(f"staff:{by.name}", lambda day, now: decide.open_counter(day, now, counter=counter, by=by))
            return
        if seat.clerk != by.name:
            return
        present = day.at_counter(counter)
        who = self._citizens.get(present.id) if present else None
        if present is not None and present.called_at is not None:
            takes = USUAL if who is None else who.service_time if who.comes else PATIENCE
            if now < present.called_at + takes:
                return
        if present is None and not any(len(line) for line in day.lines_of(counter)):
            return
        outcome = State.NO_SHOW if who and not who.comes else State.DONE
        self._do(f"staff:{by.name}", lambda day, now: decide.call_next(day, now, counter=counter, by=by, finish=True, outcome=outcome))
