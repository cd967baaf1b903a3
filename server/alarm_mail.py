"""Alarms that nobody has solved, told by mail to those the site document names: once, again each hour, and once when they are over.

What has been told is kept in memory; after a restart of the server an alarm that still stands is told anew. Where several processes serve
one database it is a note there as well, so that whoever takes over tells nothing twice. At night devices are switched off, so only hours in
which somebody works here count.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from server import wire
from server.core.alarms import Alarm
from server.core.day import Day
from server.core.site import HoursState
from server.core.words import hhmm
from server.ledger import Ledger
from server.letters import Mail
from server.store import Broken, ContactRow, NoticeRow, SharedStore, Unavailable

KIND = "alarm"
AGAIN_S = 3600.0
GONE_S = 60.0
"""So long an alarm must be over before it is believed to be: a loose plug is one story, not forty mails."""
TOLD_WITHIN = timedelta(hours=2)
KEPT = timedelta(days=1)
LEFT_S = 2 * AGAIN_S
"""What was told longer ago than this is told again by whoever takes over."""
AT_WORK = (HoursState.OPEN, HoursState.LUNCH, HoursState.LAST_TICKET_PASSED)


@dataclass
class Standing:
    """An alarm that is watched. `told_s` None: not yet."""

    alarm: Alarm
    first_s: float
    last_s: float
    told_s: float | None = None


class Due(NamedTuple):
    """What a mail has to say now."""

    stands: list[Alarm]
    over: list[Alarm]


class Watch:
    """The alarms of one site over time."""

    def __init__(self) -> None:
        self._standing: dict[tuple[str, str], Standing] = {}

    def look(self, alarms: Sequence[Alarm], now_s: float, after_s: float) -> Due:
        """Take in what is wrong now; what is due. Everything that has been told and still stands goes along with what is new."""
        for alarm in alarms:
            known = self._standing.setdefault((alarm.kind, alarm.name), Standing(alarm, now_s, now_s))
            known.alarm, known.last_s = alarm, now_s
        gone = {key: each for key, each in self._standing.items() if now_s - each.last_s >= GONE_S}
        for key in gone:
            del self._standing[key]
        over = [each.alarm for each in gone.values() if each.told_s is not None]
        present = [each for each in self._standing.values() if each.last_s == now_s]
        due = [each for each in present if (now_s - each.first_s >= after_s if each.told_s is None else now_s - each.told_s >= AGAIN_S)]
        if not due and not over:
            return Due([], [])
        for each in due:
            each.told_s = now_s
        return Due([each.alarm for each in present if each.told_s is not None], over)

    def forget(self) -> None:
        """Nobody works here now."""
        self._standing.clear()

    def told(self) -> list[Standing]:
        return [each for each in self._standing.values() if each.told_s is not None]

    def take_over(self, told: Sequence[Standing]) -> None:
        """Another process has told these; whether they still stand is to be seen."""
        self._standing |= {(each.alarm.kind, each.alarm.name): each for each in told}


class AlarmMail:
    """`alarms(site)` tells what is wrong now, `now` gives seconds of a clock that never goes back. `shared` is where several processes of
    one database leave word of what they have told. `at_once(to, mail, id)` sends what the outbox does not take: that the disk is full, and
    whatever else is wrong meanwhile."""

    def __init__(
        self,
        ledger: Ledger,
        alarms: Callable[[str], list[Alarm]],
        now: Callable[[], float],
        shared: SharedStore | None = None,
        at_once: Callable[[str, Mail, str], None] = lambda to, mail, id: None,
    ) -> None:
        self._ledger, self._alarms, self._now, self._shared, self._at_once = ledger, alarms, now, shared, at_once
        self._watches: dict[str, Watch] = {}

    def look(self, day: Day) -> None:
        """Write what is due for this office into the outbox; called about once a second."""
        site, wanted = day.site, day.site.alarms
        watch = self._watches.get(site.id)
        if watch is None:
            watch = self._watches[site.id] = Watch()
            watch.take_over(self._left(site.id))
        at = self._ledger.now(site.id)
        if not wanted.email or day.hours(at).state not in AT_WORK:
            watch.forget()
            return
        due = watch.look(self._alarms(site.id), self._now(), wanted.after.total_seconds())
        if due.stands or due.over:
            self._write(day, written(day, due, at, self._now(), self._ledger.clock.factor), at)
            self._leave(site.id, watch)

    def rest(self) -> None:
        """Another process tells them now."""
        self._watches.clear()

    def _leave(self, site: str, watch: Watch) -> None:
        if self._shared is not None:
            # Each process counts its seconds from another beginning: what all of them have is the time of day.
            ahead = time.time() - self._now()
            told = [[asdict(each.alarm), each.alarm.since_s + ahead, (each.told_s or 0.0) + ahead] for each in watch.told()]
            self._shared.put_note(KIND, site, wire.dumps(told), LEFT_S)

    def _left(self, site: str) -> list[Standing]:
        note = self._shared.note(KIND, site) if self._shared is not None else None
        now, ahead = self._now(), time.time() - self._now()
        return [
            Standing(Alarm(**{**alarm, "since_s": since - ahead}), told - ahead, now, told - ahead)
            for alarm, since, told in wire.loads(note or "[]")
        ]

    def _write(self, day: Day, mail: Mail, at: datetime) -> None:
        for number, address in enumerate(day.site.alarms.email):
            id = f"{day.site.id}-{KIND}-{at:%Y%m%d%H%M%S%f}-{number}"
            body = wire.dumps({"email": address, "subject": mail.subject, "text": mail.text, "sender": mail.sender})
            contact = ContactRow(id, day.site.id, day.date, KIND, body, day.date + KEPT)
            notice = NoticeRow(id, day.site.id, day.date, id, KIND, id, at, at, at + TOLD_WITHIN)
            try:
                self._ledger.write(lambda tx, contact=contact, notice=notice: (tx.put_contact(contact), tx.put_notice(notice)))
            except (Unavailable, Broken):
                self._at_once(address, mail, id)


def written(day: Day, due: Due, at: datetime, now_s: float, factor: float = 1) -> Mail:
    """The mail to those in charge."""
    name = day.site.short_name or day.site.name
    first = due.stands[0].words if due.stands else f"Đã xong: {due.over[0].words}"
    more = len(due.stands) + len(due.over) - 1
    blocks = [day.site.name]
    if due.stands:
        lines = [
            f"- {alarm.words}, từ {hhmm(at - timedelta(seconds=max(0.0, now_s - alarm.since_s) * factor))}.\n  {alarm.todo}"
            for alarm in due.stands
        ]
        blocks.append("\n".join(["Cần xem:", *lines]))
    if due.over:
        blocks.append("\n".join(["Đã xong:", *(f"- {alarm.words}." for alarm in due.over)]))
    if day.site.public_url:
        blocks.append(f"Trang phụ trách: {day.site.public_url}/manage")
    return Mail(f"{name}: {first}" + (f" và {more} việc khác" if more else ""), "\n\n".join(blocks) + "\n", None, day.site.name)


def addressed(row: ContactRow | None) -> tuple[str, Mail] | None:
    """Where an alarm's mail goes and what it says; None when it was erased meanwhile."""
    if row is None:
        return None
    kept = wire.loads(row.body)
    return kept["email"], Mail(kept["subject"], kept["text"], None, kept["sender"])
