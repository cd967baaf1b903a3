"""A stored day as people and duties that `simulate` can live through again: under another rule, or with another counter.

People come when they came, with the claims they had, and stay as long as they stayed; counters are at work when they were. What was
decided by hand comes out as the rule would have it: calls out of order, and where a ticket waited that was sent on before its first call.
Whoever was never served needs the middle time of their service, if their turn now comes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import zip_longest

from server.core import events as ev
from server.core.day import Day
from server.core.simulate import Duty, Person, Stay, unlimited
from server.core.site import MINUTE, Counter, Rules, Site
from server.core.ticket import Verb
from server.core.turns import Turn, Visit, told

REST = 10 * MINUTE
"""A clerk who does not press for longer than this while somebody waits is away, as at lunch: the break belongs to the hour. A shorter rest
belongs to the citizen before."""
UNKNOWN = 5 * MINUTE
"""The service time of a day on which nobody was served."""


@dataclass(slots=True)
class _Notes:
    """What the turns of a day do not tell."""

    came: dict[str, datetime] = field(default_factory=dict)
    """Tickets show whole seconds, the story the instant;"""
    returned: dict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    """so of those who rejoined or were released."""
    sent: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    """The service and the counter to which a ticket was sent last,"""
    called_from: dict[tuple[str, datetime], tuple[str, str | None]] = field(default_factory=dict)
    """and where it stood when it was called."""
    gone: dict[str, datetime] = field(default_factory=dict)
    spans: dict[str, list[tuple[datetime, datetime | None]]] = field(default_factory=lambda: defaultdict(list))
    """When each counter was open; None at the end of one that never closed."""
    assigned: dict[str, list[tuple[datetime, tuple[str, ...]]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, entry: ev.Entry) -> None:
        at, event = entry.at, entry.event
        match event:
            case ev.TicketIssued():
                self.came[event.ticket] = at if event.provisional is None else event.issued_at
                self.sent[event.ticket] = event.service, None
            case ev.TicketTransferred():
                self.sent[event.ticket] = event.service, event.counter
            case ev.TicketCalled():
                self.called_from[event.ticket, at] = self.sent[event.ticket]
            case ev.TicketReleased() | ev.TicketRejoined():
                self.returned[event.ticket].append(at)
            case ev.TicketCancelled():
                self.gone[event.ticket] = at
            case ev.CounterOpened() | ev.CounterResumed():
                if not (spans := self.spans[event.counter]) or spans[-1][1] is not None:
                    spans.append((at, None))
            case ev.CounterPaused() | ev.CounterClosed():
                self._end(event.counter, at)
            case ev.DayClosed():
                for counter in self.spans:
                    self._end(counter, at)
            case ev.CounterAssigned():
                self.assigned[event.counter].append((at, event.services))
            case _:
                pass

    def _end(self, counter: str, at: datetime) -> None:
        spans = self.spans[counter]
        if spans and spans[-1][1] is None:
            spans[-1] = spans[-1][0], at


@dataclass(frozen=True, slots=True)
class Recast:
    """A stored day, ready to be lived through again."""

    site: Site
    people: list[Person]
    duties: list[Duty]

    def under(self, rules: Rules) -> Recast:
        return replace(self, site=replace(self.site, rules=rules))

    def with_counters(self, more: int) -> Recast:
        """So many counters more, each beside the one that worked longest, at its hours, and serving everything; or, below zero, without the
        last that were at work. Raises ValueError when there are not so many."""
        at_work = [c for c in self.site.counters if any(d.counter == c.id for d in self.duties)]
        if more <= -len(at_work):
            raise ValueError(len(at_work))
        if more < 0:
            gone = {counter.id for counter in at_work[more:]}
            return replace(self, duties=[duty for duty in self.duties if duty.counter not in gone])
        last = max(person.at for person in self.people)

        def worked(counter: Counter) -> timedelta:
            mine = [duty for duty in self.duties if duty.counter == counter.id]
            return sum((max((duty.end or last) - duty.start, timedelta()) for duty in mine), timedelta())

        busiest = max(at_work, key=worked)
        every = tuple(service.id for service in self.site.services)
        added = [replace(busiest, id=f"+{n}", name=f"+{n}", services=every) for n in range(1, more + 1)]
        duties = [replace(d, counter=c.id, services=None) for c in added for d in self.duties if d.counter == busiest.id]
        return replace(self, site=replace(self.site, counters=(*self.site.counters, *added)), duties=[*self.duties, *duties])


def recast(day: Day, story: Sequence[ev.Entry]) -> Recast:
    """People and duties of a day from its story, with the rules it ended with. Raises ValueError when nobody came or nobody worked."""
    turns, notes = told(story), _Notes()
    for entry in story:
        notes.add(entry)
    visits = list(turns.visits.values())
    if not visits or not notes.spans:
        raise ValueError(day.date)
    usual = _usual(visits)
    rests = _rests(visits, notes)
    spans = day.site.hours.spans(day.date)
    desks = [desk if not notes.assigned[id] else replace(desk, services=day.site.counter[id].services) for id, desk in day.desks.items()]
    site = unlimited(
        replace(day.site, services=tuple(day.services.values()), counters=tuple(desks)), spans[0].start if spans else timedelta()
    )
    last = max(notes.came.values())
    duties = [duty for desk in desks for duty in _duties(desk, notes, rests, last)]
    return Recast(site, [_person(visit, notes, rests, usual) for visit in visits], sorted(duties, key=lambda d: (d.start, d.counter)))


def _usual(visits: Sequence[Visit]) -> dict[str, timedelta]:
    """The middle time at a counter of those who were served, by service."""
    lengths: dict[str, list[timedelta]] = defaultdict(list)
    for visit in visits:
        for turn in visit.turns:
            if turn.ended_by is Verb.FINISH and turn.ended_at is not None:
                lengths[turn.service].append(turn.ended_at - turn.called_at)
    everybody = [length for some in lengths.values() for length in some] or [UNKNOWN]
    return defaultdict(lambda: _middle(everybody), {service: _middle(some) for service, some in lengths.items()})


def _middle(lengths: list[timedelta]) -> timedelta:
    return sorted(lengths)[len(lengths) // 2]


@dataclass(slots=True)
class _Rests:
    """After each turn, how long its clerk rested although somebody waited; and the breaks of each counter."""

    after: dict[tuple[str, datetime], timedelta] = field(default_factory=dict)
    breaks: dict[str, list[tuple[datetime, datetime]]] = field(default_factory=lambda: defaultdict(list))


def _rests(visits: Sequence[Visit], notes: _Notes) -> _Rests:
    waits_since: dict[tuple[str, datetime], datetime] = {}
    for visit in visits:
        ticket, since = visit.issued.ticket, notes.came[visit.issued.ticket]
        for turn in visit.turns:
            waits_since[ticket, turn.called_at] = max([since, *(at for at in notes.returned[ticket] if at <= turn.called_at)])
            since = turn.ended_at or since
    found, before = _Rests(), dict[str, Turn]()
    for turn in sorted((t for v in visits for t in v.turns), key=lambda turn: turn.called_at):
        earlier = before.get(turn.counter)
        before[turn.counter] = turn
        since = waits_since[turn.ticket, turn.called_at]
        begins = [start for start, _ in notes.spans[turn.counter]] + [at for at, _ in notes.assigned[turn.counter]]
        opened = max(at for at in begins if at <= turn.called_at)
        if earlier is None or earlier.ended_at is None or earlier.ended_at <= opened:
            if turn.called_at > max(opened, since):
                found.breaks[turn.counter].append((opened, turn.called_at))
        elif turn.called_at - max(earlier.ended_at, since) > REST:
            found.breaks[turn.counter].append((earlier.ended_at, turn.called_at))
        elif since < turn.called_at <= earlier.ended_at + REST:
            found.after[earlier.ticket, earlier.called_at] = turn.called_at - earlier.ended_at
    return found


def _person(visit: Visit, notes: _Notes, rests: _Rests, usual: Mapping[str, timedelta]) -> Person:
    issued, ticket = visit.issued, visit.issued.ticket
    first, _ = notes.called_from[ticket, visit.turns[0].called_at] if visit.turns else notes.sent[ticket]
    followed = zip_longest(visit.turns, visit.turns[1:])
    stays = [_stay(turn, following, notes, rests, usual) for turn, following in followed]
    if not stays or stays[-1].ends is Verb.TRANSFER or stays[-1].back is not None:
        stays.append(Stay(usual[visit.service]))
    return Person(
        at=notes.came[ticket],
        service=first,
        stays=tuple(stays),
        priority=issued.priority,
        slot=issued.slot,
        registered=issued.registered,
        leaves=notes.gone.get(ticket) if not visit.turns or visit.turns[-1].ended_by is not Verb.CANCEL else None,
    )


def _stay(turn: Turn, following: Turn | None, notes: _Notes, rests: _Rests, usual: Mapping[str, timedelta]) -> Stay:
    if turn.ended_at is None or turn.ended_by is None:
        return Stay(usual[turn.service])
    takes, ended = turn.ended_at - turn.called_at, turn.ended_at
    rest = rests.after.get((turn.ticket, turn.called_at), timedelta())
    match turn.ended_by:
        case Verb.NO_SHOW | Verb.HOLD:
            # Called from where it was held, without a release: it might as well have waited until then.
            back = [at for at in notes.returned[turn.ticket] if at >= ended] + ([following.called_at] if following else [])
            return Stay(takes, turn.ended_by, rest, back[0] - ended if back else None)
        case Verb.CANCEL:
            # Who went home from the counter has taken its time as well.
            return Stay(takes, Verb.NO_SHOW, rest)
        case Verb.TRANSFER:
            service, counter = notes.called_from[following.ticket, following.called_at] if following else notes.sent[turn.ticket]
            return Stay(takes, Verb.TRANSFER, rest, service=service, counter=counter)
        case _:
            return Stay(takes, Verb.FINISH, rest)


def _duties(desk: Counter, notes: _Notes, rests: _Rests, last: datetime) -> Iterator[Duty]:
    """The spans of a counter without its breaks, cut where it began to serve something else. Whoever was still at work when the last
    number was taken stays until everybody is served."""
    cuts = notes.assigned[desk.id]
    spans = list(notes.spans[desk.id])
    if spans and (until := spans[-1][1]) is not None and until >= last:
        spans[-1] = spans[-1][0], None
    for start, end in spans:
        inside = [(at, services) for at, services in cuts if start < at and (end is None or at < end)]
        serves = next((services for at, services in reversed(cuts) if at <= start), desk.services if cuts else None)
        for begins, ends, services in _pieces(start, end, serves, inside):
            breaks = [b for b in rests.breaks[desk.id] if begins <= b[0] and (ends is None or b[1] <= ends)]
            edges = [begins, *(at for pair in breaks for at in pair), ends]
            for opens, closes in zip(edges[::2], edges[1::2], strict=True):
                if opens != closes:
                    assert opens is not None
                    yield Duty(desk.id, opens, closes, services)


def _pieces(
    start: datetime, end: datetime | None, serves: tuple[str, ...] | None, cuts: Sequence[tuple[datetime, tuple[str, ...]]]
) -> Iterator[tuple[datetime, datetime | None, tuple[str, ...] | None]]:
    for at, services in cuts:
        yield start, at, serves
        start, serves = at, services
    yield start, end, serves
