"""The morning check over HTTP: one press has every printer print, every loudspeaker speak, every screen show something, and everything else
looked at; then the list of what was found, as far as it is known.

What devices have answered is read from the story and its `done` rows, whenever somebody asks. What takes seconds (the database's own check,
the mail gateway) is looked at on another thread once for each checkup, and again when that is some minutes old.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from config.loader import warnings
from server import wire
from server.access import HEADS
from server.api import Context, run
from server.clock import wall
from server.copying import Copying
from server.core import checkup, decide
from server.core.alarms import Alarm
from server.core.checkup import Answer, Finding, State, Trial
from server.core.day import Checkup, Day
from server.heartbeat import AGENT, Presence
from server.notifiers import Notifier, NotYet
from server.routes import Call, Reply, Routes
from server.store import DeviceRow

log = structlog.get_logger("checkups")

ANSWER_WITHIN = timedelta(seconds=30)
"""Of real time. Whoever has not answered by then counts as silent; a later answer is still taken."""
LOOK_AGAIN_S = 600.0


@dataclass
class _Look:
    """What was seen of the machine, for which checkup, and when; `found` None while somebody looks for the first time."""

    of: tuple[str, int]
    at_s: float
    found: list[Finding] | None = None


class Rounds:
    """Goes around the whole office. `look` is what can be told of the machine, blocking; `running` the server's version."""

    def __init__(
        self,
        ctx: Context,
        presence: Presence,
        alarms: Callable[[str], list[Alarm]],
        spawn: Callable[..., object],
        *,
        running: str,
        look: Callable[[], list[Finding]],
        notifier: Notifier | None,
        copying: Copying | None,
    ) -> None:
        self._ctx, self._presence, self._alarms, self._spawn = ctx, presence, alarms, spawn
        self._running, self._look, self._notifier, self._copying = running, look, notifier, copying
        self._looks: dict[str, _Look] = {}

    def findings(self, day: Day, now: datetime) -> list[Finding]:
        """The list, as far as it is known."""
        rows = self._ctx.ledger.store.devices(day.site.id)
        self._presence.registered(day.site.id, rows)
        unheard = [alarm for alarm in self._alarms(day.site.id) if alarm.kind == "unanswered"]
        devices = self._presence.devices(day.site.id)
        found = checkup.equipment(day.site, devices, self._presence.now_s(), self._running, unheard)
        found += self._trials(day, now, rows)
        found += self._machine(day)
        if self._copying is not None:
            found.append(checkup.replica(self._copying.age_s))
        clock = self._ctx.ledger.clock
        there, behind_s = wall().astimezone(day.site.tz).date(), (wall() - clock.now()).total_seconds()
        found.append(checkup.clock(behind_s, there, rehearsal=not clock.follows, lost=clock.lost))
        with self._ctx.ledger.reading:
            found.append(checkup.opening(day, now))
        return [*found, checkup.holidays(day.site.hours.holidays, day.date), checkup.address(day.site.public_url)]

    # -- what devices answered -----------------------------------------------------------------------------------------------------

    def _trials(self, day: Day, now: datetime, rows: list[DeviceRow]) -> list[Finding]:
        last, site = day.checkup, day.site
        quiet = last is not None and last.quiet
        numbers = [*last.sheets.values(), *last.trials.values()] if last else []
        answers: dict[str, dict[str, Answer]] = {}
        for row in self._ctx.ledger.store.done(site.id, [wire.moment_id(day.date, seq) for seq in numbers]):
            answers.setdefault(row.moment, {})[row.device] = Answer(row.ok, row.detail)

        def trial(checkup: Checkup | None, seq: int | None) -> Trial | None:
            if checkup is None or seq is None:
                return None
            over = now >= checkup.at + ANSWER_WITHIN * self._ctx.factor
            return Trial(answers.get(wire.moment_id(day.date, seq), {}), over)

        sheets, trials = (last.sheets, last.trials) if last else ({}, {})
        speakers, displays = self._hall_devices(site.id, rows)
        found = [checkup.prints(k.id, k.name, trial(last, sheets.get(k.id)), quiet=quiet) for k in site.kiosks]
        for hall in site.halls:
            tried = trial(last, trials.get(hall.id))
            found += checkup.sounds(hall.id, hall.name, speakers.get(hall.id, []), tried, quiet=quiet)
            found += checkup.screens(hall.id, hall.name, displays.get(hall.id, []), tried)
        return found

    def _hall_devices(self, site: str, rows: list[DeviceRow]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        """What should speak and what should show in each hall, by name. A wall with its sound on does both; lamps show no words.
        A loudspeaker of a zone is one of its hall."""
        speakers: dict[str, list[str]] = {}
        displays: dict[str, list[str]] = {}
        lamps = {row.name for row in rows if row.kind == "display" and self._presence.part(row) == AGENT}
        for device in self._presence.devices(site):
            if device.kind == "audio" or (device.kind == "display" and device.facts.get("sound") == "on"):
                speakers.setdefault(device.place.partition("/")[0], []).append(device.name)
            if device.kind == "display" and device.name not in lamps:
                displays.setdefault(device.place, []).append(device.name)
        return speakers, displays

    # -- what takes time -----------------------------------------------------------------------------------------------------------

    def _machine(self, day: Day) -> list[Finding]:
        of = (day.date.isoformat(), day.checkup.seq if day.checkup else 0)
        look, now = self._looks.get(day.site.id), time.monotonic()
        if look is None or look.of != of or now - look.at_s > LOOK_AGAIN_S:
            kept = look.found if look is not None and look.of == of else None
            look = self._looks[day.site.id] = _Look(of, now, kept)
            self._spawn(self._look_around, day.site.id, look)
        if look.found is None:
            return [Finding("server", State.RUNNING, "Đang xem máy chủ: đĩa, cơ sở dữ liệu, bản sao")]
        return look.found

    def _look_around(self, site: str, look: _Look) -> None:
        try:
            found = list(self._ctx.offload(self._look))
            if self._notifier is not None:
                found.append(checkup.mail(self._ctx.offload(_knocked, self._notifier)))
            row = self._ctx.ledger.store.site(site)
            found.append(checkup.document([str(each) for each in self._ctx.offload(warnings, row.document)] if row else []))
        except Exception:
            log.exception("look_failed")
            found = [Finding("server", State.BAD, "Không xem được máy chủ", "Xem nhật ký của máy chủ, rồi kiểm tra lại.")]
        look.found = found


def _knocked(notifier: Notifier) -> str | None:
    try:
        notifier.knock()
    except NotYet as problem:
        return str(problem)
    return None


def declare(routes: Routes, ctx: Context, rounds: Rounds) -> None:
    """Declare every operation of this file."""

    def by(day: Day) -> str:
        account = day.checkup.by.partition(":")[2] if day.checkup else ""
        return ctx.names.shown(account) or account

    @routes.add(
        "POST",
        "/sites/{site}/checkups",
        summary="The morning check: try every printer, loudspeaker and screen, and look at everything else; quiet tries only the screens",
        roles=HEADS,
        body=wire.CheckupIn,
        answers={201: wire.CheckupBegunOut},
        refuses=("hall_in_use",),
        once=True,
    )
    def begin(call: Call) -> Reply:
        quiet = bool(call.body.quiet)
        return run(
            ctx,
            call,
            lambda day, now: decide.begin_checkup(day, now, quiet=quiet),
            lambda day, now: (201, wire.checkup_begun(day, by(day))),
        )

    @routes.add(
        "GET",
        "/sites/{site}/checkups/last",
        summary="What the morning check has found so far, and what to do",
        roles=HEADS,
        answers={200: wire.CheckupOut},
    )
    def last(call: Call) -> Reply:
        day, now = ctx.ledger.day(call.path["site"]), ctx.ledger.now(call.path["site"])
        found = rounds.findings(day, now)
        with ctx.ledger.reading:
            return 200, wire.checkup(day, now, found, by(day))
