"""After the commit: which states and moments an event causes.

States (boards, consoles, tickets) are only marked here; whoever follows them gets them whole, a few times a second at most. Moments
(announcements, print jobs) are numbered `day-seq-n`, derived from the story and its `done` rows, so that they survive a restart without
being stored: a device that was away gets what is still worth doing, and nothing that is stale.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from heapq import heappop, heappush
from typing import Any

from server import wire
from server.access import Principal
from server.clock import HallClock
from server.core import events as ev
from server.core import hall
from server.core.day import Day
from server.core.site import reaches
from server.store import Broken, DoneRow, SharedStore, Store, Unavailable
from server.voice import Voice, sentences, style, translated

KEPT = timedelta(minutes=2)
"""How long an expired moment is kept, real time: its late answers are still news for the clerk."""
TEST_MARK = "THỬ MÁY"
PRINTS_KEPT = 200
"""Papers of a site that staff can still look at; a kiosk prints one in half a minute at most."""


@dataclass(slots=True)
class Moment:
    """Something to be said or printed once. `place` is the kiosk of a print job or the hall of an announcement, `zone` the part of it whose
    loudspeakers say it; "": all of them.

    `answers` are kept by device. `heard` holds when a loudspeaker, or a hall page with sound, has played it.
    """

    id: str
    event: str
    site: str
    place: str
    seq: int
    payload: dict[str, Any]
    expires_at: datetime
    sent: bool = False
    """It has left for a device of this process's; whether it arrived, only an answer tells."""
    answers: dict[str, DoneRow] = field(default_factory=dict)
    heard: dict[str, datetime] = field(default_factory=dict)
    at: datetime | None = None
    kind: str = ""
    """Of a print: `first`, `again` or `test`, and when it was asked for."""
    spoken_for: bool = False
    """A loudspeaker has said what became of it, if only that it came too late."""
    zone: str = ""
    draw: Callable[[], dict[str, Any]] | None = None
    """Of a print: what the payload still lacks, as it is when the first device wants it. Most papers are of a kiosk that has its agent at
    hand, but drawing one costs more than giving the number, and nobody's call shall wait for it."""

    def whole(self) -> dict[str, Any]:
        """The payload as it is sent, the same each time. Reads the day it is about: the caller holds the ledger's `reading`."""
        if self.draw is not None:
            self.payload, self.draw = self.payload | self.draw(), None
        return self.payload

    @property
    def target(self) -> str:
        """Whom it is for: a kiosk, `hall` or `hall/zone`."""
        return f"{self.place}/{self.zone}" if self.zone else self.place

    @property
    def quiet(self) -> bool:
        """It is only shown: a hall has quiet hours."""
        return self.event == "announcement" and self.payload["volume"] == 0

    def answered(self, row: DoneRow, kind: str) -> bool:
        """Keep a device's answer; whether it says that the hall has heard this. Screens that only show answer as well."""
        self.answers[row.device] = row
        played = self.event == "announcement" and row.ok and (kind == "audio" or row.detail.startswith("played"))
        if played:
            self.heard[row.device] = row.at
        self.spoken_for = self.spoken_for or played or kind == "audio"
        return played

    def paper(self, now: datetime) -> str:
        """What became of a print: `queued`, `sent`, then `printed`, `failed` or `unknown` as its agent answered, or `expired`."""
        if self.answers:
            last = list(self.answers.values())[-1]
            word = last.detail.partition(":")[0].partition(" ")[0]
            return "printed" if last.ok else word if word in ("unknown", "expired") else "failed"
        if self.expires_at <= now:
            return "expired"
        return "sent" if self.sent else "queued"

    def open(self, now: datetime) -> bool:
        """Whether its answer may still come, and none has."""
        return not self.answers and now < self.expires_at + KEPT

    def is_for(self, device: Principal) -> bool:
        if device.site != self.site:
            return False
        if self.event == "print":
            return device.role == "kiosk" and device.place == self.place
        if device.role == "audio":
            # A trial that is said no times asks only the screens.
            return self.payload["times"] > 0 and reaches(device.place, self.target)
        return device.role == "display" and device.place == self.place


def _printed(entry: ev.Entry) -> tuple[str, str] | None:
    """The ticket (none for a test) and the kiosk of a paper that an event causes."""
    match entry.event:
        case ev.TicketIssued(provisional=int()):
            # It came on paper already: the kiosk gave it on its own.
            return None
        case ev.TicketIssued(kiosk=str(kiosk), ticket=ticket) | ev.TicketReprinted(kiosk=kiosk, ticket=ticket):
            return ticket, kiosk
        case ev.PrinterTested(kiosk=kiosk):
            return "", kiosk
    return None


class Publisher:
    """Hears every entry after its commit, and keeps what has to be sent."""

    def __init__(self, store: Store, clock: HallClock, voice: Voice, likely: hall.Likely = hall.untold) -> None:
        self._store, self._clock, self._voice, self._likely = store, clock, voice, likely
        self._dirty: set[str] = set()
        self._fresh: list[Moment] = []
        self._moments: dict[str, OrderedDict[str, Moment]] = {}
        self._prints: dict[str, OrderedDict[str, Moment]] = {}
        self._leaving: dict[str, list[tuple[datetime, str]]] = {}
        """By site a heap: when each moment will be forgotten."""
        self._kept_for = KEPT * clock.factor
        self._lock = threading.Lock()

    def hear(self, day: Day, entry: ev.Entry, fresh: bool = False) -> None:
        """An entry is durable and folded. Called for old ones too, when a day is read from the store; a `fresh` one was stored by this
        process just now, so that no device can have answered it yet."""
        self.mark(day.site.id)
        # In the zone of what it is compared with: else each comparison asks both for their offset.
        now = self._clock.now().astimezone(entry.at.tzinfo)
        timing = day.site.timing
        if entry.at + max(timing.print_within, timing.speak_within, timing.notice_within) <= now:
            if (printed := _printed(entry)) is not None:
                # Nobody will print it any more, so nobody draws it up; staff may ask what became of it, and a late answer is kept.
                paper = self._print(day, entry, *printed)
                with self._lock:
                    self._remember(paper)
            return
        for moment in self._moments_of(day, entry):
            due = moment.expires_at > now
            if due and not fresh:
                self._recall_answers(moment)
            with self._lock:
                if moment.event == "print":
                    self._remember(moment)
                if due:
                    self._keep(moment)
                    self._fresh.append(moment)
                    self._let_go(moment.site, now)

    def _keep(self, moment: Moment) -> None:
        self._of(moment.site)[moment.id] = moment
        heappush(self._leaving.setdefault(moment.site, []), (moment.expires_at + self._kept_for, moment.id))

    def _let_go(self, site: str, now: datetime) -> None:
        """Forget what has long expired. Moments live differently long: who goes first stands first."""
        leaving = self._leaving.get(site)
        while leaving and leaving[0][0] <= now:
            self._of(site).pop(heappop(leaving)[1], None)

    def mark(self, site: str) -> None:
        """Something of this site looks different now."""
        # Whoever takes the mark that is there already looks at the site afterwards, and sees this too.
        if site not in self._dirty:
            with self._lock:
                self._dirty.add(site)

    def _recall_answers(self, moment: Moment) -> None:
        """Answers given to the server before this one: an entry may be seconds old and have been heard, printed, and forgotten by us."""
        # Whoever cannot know says it again: a call that is heard twice is better than one that is not.
        with suppress(Unavailable, Broken):
            rows = self._store.done(moment.site, [moment.id])
            kinds = {row.name: row.kind for row in self._store.devices(moment.site)} if rows else {}
            for row in rows:
                moment.answered(row, kinds.get(row.device, ""))

    def look_for_answers(self, sites: Collection[str] | None = None) -> list[str]:
        """Answers that other processes of a shared store have kept, of these sites or of all; the sites where there were any."""
        if not self._store.shared:
            return []
        now = self._clock.now()
        with self._lock:
            moments = [m for site, kept in self._moments.items() if sites is None or site in sites for m in kept.values()]
            # A paper that is printed late is in the last ones only.
            moments += [p for site, kept in self._prints.items() if sites is None or site in sites for p in kept.values() if p.open(now)]
        known = {(m.site, m.id): m for m in moments}
        store: SharedStore = self._store  # type: ignore[assignment]
        found = [(known[row.site, row.moment], row) for row in store.done_at(list(known))] if known else []
        news = [(moment, row) for moment, row in found if row.device not in moment.answers]
        kinds = {(row.site, row.name): row.kind for site in {m.site for m, _ in news} for row in self._store.devices(site)}
        for moment, row in news:
            moment.answered(row, kinds.get((row.site, row.device), ""))
            self.mark(moment.site)
        return [moment.site for moment, _ in news]

    def _of(self, site: str) -> OrderedDict[str, Moment]:
        return self._moments.setdefault(site, OrderedDict())

    def _moments_of(self, day: Day, entry: ev.Entry) -> list[Moment]:
        found = []
        said = hall.announcement(day, entry)
        if said is not None:
            found.append(self._announcement(day, said))
        if (printed := _printed(entry)) is not None:
            found.append(self._print(day, entry, *printed))
        return found

    def _remember(self, moment: Moment) -> None:
        kept = self._prints.setdefault(moment.site, OrderedDict())
        kept[moment.id] = moment
        while len(kept) > PRINTS_KEPT:
            kept.popitem(last=False)

    def _announcement(self, day: Day, a: hall.Announcement) -> Moment:
        site = day.site
        full, again = sentences(a, style(site.voice))
        say = {lang: text for lang, text in (("vi", full.vi), ("en", full.en if a.lang == "en" else None)) if text}
        if site.voice.also is not None and a.kind in ("call", "recall"):
            say[site.voice.also.language] = translated(a, site.voice.also)
        payload: dict[str, Any] = {
            "id": wire.moment_id(day.date, a.seq, a.n),
            "kind": a.kind,
            "code": a.code,
            "counter": a.counter,
            "say": say,
            "audio": {lang: self._voice.path(site.id, text, lang) for lang, text in say.items()},
            "times": a.times,
            "volume": a.volume,
            "expires_at": wire.instant(a.expires_at),
        }
        if again is not None:
            payload["repeat"] = {"vi": again}
            payload["repeat_audio"] = {"vi": self._voice.path(site.id, again, "vi", soon=False)}
        return Moment(payload["id"], "announcement", site.id, a.hall, a.seq, payload, a.expires_at, zone=a.zone)

    def _print(self, day: Day, entry: ev.Entry, ticket: str, kiosk: str) -> Moment:
        expires = entry.at + day.site.timing.print_within
        payload = {"id": wire.moment_id(day.date, entry.seq), "ticket": ticket, "expires_at": wire.instant(expires)}
        kind = "test" if isinstance(entry.event, ev.PrinterTested) else "again" if isinstance(entry.event, ev.TicketReprinted) else "first"
        moment = Moment(payload["id"], "print", day.site.id, kiosk, entry.seq, payload, expires, at=entry.at, kind=kind)
        moment.draw = partial(self._drawn, day, entry, ticket, kiosk)
        return moment

    def _drawn(self, day: Day, entry: ev.Entry, ticket: str, kiosk: str) -> dict[str, Any]:
        if isinstance(entry.event, ev.PrinterTested):
            return {"receipt": wire.receipt(hall.sample_receipt(day.site, entry.at, kiosk, mark=TEST_MARK))}
        again = isinstance(entry.event, ev.TicketReprinted)
        now = self._clock.now().astimezone(day.site.tz)
        receipt = wire.receipt(hall.receipt(day, day.tickets[ticket], now, likely=self._likely, reprint=again))
        if isinstance(entry.event, ev.TicketIssued) and entry.event.intent:
            # The kiosk may have given a number of its own for the same touch, and must not print a second one.
            receipt["intent"] = entry.event.intent
            # If the answer is lost on its way to the page, the agent beside it knows what it said; the likely wait is on the paper.
            receipt["answer"] = wire.ticket(day, day.tickets[ticket])
        return {"receipt": receipt}

    def take(self) -> tuple[set[str], list[Moment]]:
        """Sites that changed and moments that are new since the last call."""
        with self._lock:
            dirty, fresh = self._dirty, self._fresh
            self._dirty, self._fresh = set(), []
        return dirty, fresh

    def pending(self, device: Principal) -> list[Moment]:
        """What this device has not answered and is still worth doing, oldest first."""
        now = self._clock.now()
        with self._lock:
            moments = list(self._of(device.site or "").values())
        return [m for m in moments if m.is_for(device) and device.name not in m.answers and m.expires_at > now]

    def unanswered(self, site: str) -> list[tuple[Moment, datetime]]:
        """For each hall or zone whose last calls no loudspeaker has answered in time: the last of them, and since when that is so."""
        now, late = self._clock.now(), self._kept_for
        with self._lock:
            moments = list(self._of(site).values())
        calls = [m for m in moments if m.event == "announcement" and m.payload["code"] and m.expires_at <= now and not m.quiet]
        found: dict[str, tuple[Moment, datetime]] = {}
        for call in calls:
            if call.spoken_for:
                found.pop(call.target, None)
            elif now < call.expires_at + late:
                found[call.target] = (call, found[call.target][1] if call.target in found else call.expires_at)
        return list(found.values())

    def find(self, site: str, moment: str) -> Moment | None:
        return self._of(site).get(moment) or self._prints.get(site, {}).get(moment)

    def prints(self, site: str, day: Day, most: int, *, kiosk: str | None = None, ticket: str | None = None) -> list[Moment]:
        """The papers of this day, newest first: of one kiosk, or of one ticket."""
        with self._lock:
            kept = list(self._prints.get(site, {}).values())
        today = f"{day.date.isoformat()}-"
        found = [m for m in kept if m.id.startswith(today) and kiosk in (None, m.place) and ticket in (None, m.payload["ticket"])]
        found = sorted(found, key=lambda m: m.seq, reverse=True)[:most]
        silent = {m.id: m for m in found if not m.answers and m.expires_at <= self._clock.now()}
        # Answers given to the server before this one: the rows know them, whoever wrote them.
        for row in self._store.done(site, list(silent)) if silent else []:
            silent[row.moment].answers[row.device] = row
        return found

    def paper(self, site: str, day: Day, ticket: str) -> str:
        """What became of the last paper of a ticket: `waiting`, `printed`, `failed`, `unknown`, `expired`, or `none` when there is none."""
        prints = self.prints(site, day, 1, ticket=ticket)
        if not prints:
            return "none"
        state = prints[0].paper(self._clock.now())
        return "waiting" if state in ("queued", "sent") else state

    def spoken(self, site: str) -> list[Moment]:
        """What staff have said themselves, the last of each hall; for some minutes after it was too late to be said."""
        now, kept = self._clock.now(), self._kept_for
        with self._lock:
            moments = list(self._of(site).values())
        said = [m for m in moments if m.event == "announcement" and not m.payload["code"] and now < m.expires_at + kept]
        return list({m.place: m for m in said}.values())

    def heard(self, site: str, day: Day, seq: int | None, speakers: int) -> wire.HeardOut | None:
        """How many loudspeakers have played the call with this number, of those connected; None when it is long past."""
        moment = self._of(site).get(wire.moment_id(day.date, seq)) if seq is not None else None
        if moment is None:
            return None
        first = min(moment.heard.values(), default=None)
        return {
            "speakers": len(moment.heard),
            "of": max(speakers, len(moment.heard)),
            "at": wire.instant(first.astimezone(day.site.tz)) if first else None,
            "quiet": moment.quiet,
        }
