"""The demo: an office with accounts, devices and print agents, invented citizens who arrive as on a real office's day, and some counters
that are staffed by the program.

Citizens and staff of the program use the same door as everybody else. Counters that the program does not staff are the visitor's; so are
the citizens who choose a service that only those counters serve.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from audio.speaker import Speaker
from config.profile import Citizen, arrivals, municipal
from server import commands, machine
from server.access import hash_password
from server.api import new_ticket_id
from server.clock import HallClock, wall
from server.core import decide
from server.core.day import CounterState
from server.core.refused import Refused
from server.core.site import Site, hours_now
from server.core.ticket import State
from server.ledger import Command, Ledger
from server.logs import log_as_json
from server.notifiers.console import Console
from server.pages import Extras
from server.serving import Launch, prepared, say_addresses
from server.store import StaffRow, Store, Unavailable

log = structlog.get_logger("demo")

STAFFED_SHARE = 0.5
"""The later half of the counters serve by themselves."""
USUAL = timedelta(minutes=5)
PATIENCE = timedelta(minutes=3)
"""How long a clerk of the demo waits for somebody who does not come."""
LOOK_EVERY_S = 1.0
STAFF = (
    ("lan", "clerk", "Nguyễn Thị Lan"),
    ("minh", "clerk", "Trần Văn Minh"),
    ("hoa", "helper", "Lê Thị Hoa"),
    ("binh", "supervisor", "Phạm Quốc Bình"),
    ("thanh", "inspector", "Võ Đức Thanh"),
    ("quan", "admin", "Đặng Minh Quân"),
)


def show(arguments: argparse.Namespace, launch: Launch) -> int:
    """Show an office until told to stop; the exit code. Raises commands.Failed when that cannot begin."""
    log_as_json("warning")
    with tempfile.TemporaryDirectory(prefix="moiso-demo-") as name:
        folder = Path(name)
        where = commands.database(arguments.db) if arguments.db else folder / "demo.db"
        store = commands.open_store(where)
        store.claim()
        site, _ = commands.import_site(store, arguments.site)
        accounts = [{"user": user, "password": f"{user}-{role}-demo", "role": role} for user, role, _ in STAFF]
        for account, (_, _, called) in zip(accounts, STAFF, strict=True):
            row = StaffRow(account["user"], account["role"], hash_password(account["password"]), site.id, display_name=called)
            store.write([lambda tx, row=row: tx.put_staff(row)])
        extras = Extras(demo={"accounts": accounts})
        for kiosk in site.kiosks:
            extras.kiosk_keys[site.id, kiosk.id] = _new_key(store, site.id, kiosk.id, "kiosk", kiosk.id)
        for hall in site.halls:
            extras.display_keys[site.id, hall.id] = _new_key(store, site.id, f"tv-{hall.id}", "display", hall.id)
        server, application = prepared(
            launch,
            arguments,
            store,
            HallClock(first_morning(site, wall()), arguments.factor),
            Speaker(commands.voice_folder(where)),
            extras=extras,
            notifier=Console(folder / "mail"),
            look=lambda: machine.look(where if isinstance(where, Path) else None),
            straight=True,
        )
        if not arguments.no_citizens:
            town = Town(application.ledger, site.id, server.sleep, arguments.seed)
            server.background.append(town.run)
            server.on_stop.append(town.stop)
        agents: list[subprocess.Popen[bytes]] = []
        server.background.append(lambda: agents.extend(_print_agents(server.url, site, extras, folder)))
        server.on_stop.append(lambda: [agent.terminate() for agent in agents])
        return server.run(application, lambda: say_addresses(server.url, application, accounts, as_json=arguments.json))


def _new_key(store: Store, site: str, name: str, kind: str, place: str) -> str:
    """The key of a device of the demo; one that it had in an earlier demo counts no longer."""
    for row in store.devices(site):
        if row.name == name and not row.revoked:
            store.write([lambda tx, row=row: tx.put_device(replace(row, revoked=True))])
    return commands.add_device(store, site, name, kind, place)["key"]


def _print_agents(url: str, site: Site, extras: Extras, folder: Path) -> list[subprocess.Popen[bytes]]:
    """A print agent beside each kiosk, as in a real hall; their printers are files."""
    agents = []
    for kiosk in site.kiosks:
        options = ["--server", url, "--printer", f"file://{folder}/{kiosk.id}.bin", "--journal", f"{folder}/{kiosk.id}.journal"]
        agents.append(
            subprocess.Popen(
                [sys.executable, "-P", "-m", "server", "kiosk", *options],
                env={**os.environ, "MOISO_KEY": extras.kiosk_keys[site.id, kiosk.id]},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )
        )
    return agents


def _end_with_parent() -> None:
    """Asks the kernel to end this process when the one that started it ends, even by kill -9."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


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
