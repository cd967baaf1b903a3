"""Small invented days, and a second engine for them that knows nothing of the first: everybody on one heap, who is next by sorting all who
wait by the formula on the wall, whenever anything has happened."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from histories import formula
from office import HOUR, MINUTE, at, small_site

from server.core import events as ev
from server.core.simulate import Duty, Person, Stay, live, unlimited
from server.core.site import Counter, Counting, Rules, Service, Site
from server.core.ticket import Verb

OPENS = at("08:00")
ENDS = (Verb.FINISH, Verb.FINISH, Verb.FINISH, Verb.NO_SHOW, Verb.HOLD, Verb.TRANSFER)

Call = tuple[datetime, str, str]
"""When, to which counter, which ticket."""


@dataclass
class InventedDay:
    site: Site
    people: list[Person]
    duties: list[Duty]

    def story(self) -> list[ev.Entry]:
        return list(live(self.site, self.people, self.duties))


def calls(story: list[ev.Entry]) -> list[Call]:
    return [(entry.at, entry.event.counter, entry.event.ticket) for entry in story if isinstance(entry.event, ev.TicketCalled)]


def invented_day(seed: int) -> InventedDay:
    """Bookings early, on time and late, missed calls and returns, holds, transfers, priority, people who give up; counters that come, go
    and change what they serve."""
    random = Random(seed)

    def minutes(least: float, most: float) -> timedelta:
        # To the microsecond, so that no two things happen at once: which of them comes first is not what is asked here.
        return timedelta(microseconds=random.randrange(round(least * 60e6), round(most * 60e6)))

    def some(of: tuple[str, ...]) -> tuple[str, ...]:
        chosen = tuple(x for x in of if random.random() < 0.6)
        return chosen or (random.choice(of),)

    services = tuple(Service(id, id, id, counting=random.choice((Counting.SLOT, Counting.SLOT, Counting.REGISTERED))) for id in "ABC")
    ids = tuple("ABC"[: random.randint(1, 3)])
    services = services[: len(ids)]
    counters = tuple(Counter(str(n), str(n), "main", some(ids)) for n in range(1, random.randint(2, 5)))
    appointment, grace = random.randint(0, 60), random.randint(0, 30)
    rules = Rules(
        appointment_head=appointment * MINUTE,
        grace=grace * MINUTE,
        priority_head=random.randint(0, 60) * MINUTE,
        late_head=random.randint(0, appointment + grace) * MINUTE,
        rejoin_head=random.randint(0, 60) * MINUTE,
        rejoins=random.randint(0, 3),
    )
    site = unlimited(small_site(services=services, counters=counters, rules=random.choice((Rules(), rules))), 8 * HOUR)

    def stays() -> tuple[Stay, ...]:
        found = [Stay(minutes(0.2, 15), rest=minutes(0, 1) if random.random() < 0.3 else timedelta())]
        while random.random() < 0.4:
            ends = random.choice(ENDS)
            away = ends in (Verb.NO_SHOW, Verb.HOLD)
            if ends is Verb.FINISH:
                break
            directed = ends is Verb.TRANSFER and random.random() < 0.4
            stay = Stay(
                minutes(0.2, 8),
                ends,
                back=minutes(0.1, 40) if away else None,
                service=random.choice(ids) if ends is Verb.TRANSFER and not directed else None,
                counter=random.choice(counters).id if directed else None,
            )
            found.insert(0, stay)
        return tuple(found)

    people = []
    for _ in range(random.randint(4, 45)):
        came = OPENS + minutes(0, 120)
        kind = random.random()
        people.append(
            Person(
                came,
                random.choice(ids),
                stays(),
                priority=random.random() < 0.25,
                slot=(came + minutes(-60, 40)).replace(second=0, microsecond=0) if kind < 0.4 else None,
                registered=came - minutes(0, 120) if 0.4 <= kind < 0.55 else None,
                leaves=came + minutes(1, 60) if random.random() < 0.1 else None,
            )
        )
    duties = []
    for counter in counters:
        start = OPENS + minutes(-5, 20)
        while random.random() < 0.4:
            end = start + minutes(5, 60)
            duties.append(Duty(counter.id, start, end, some(ids) if random.random() < 0.3 else None))
            start = end + minutes(1, 30)
        end_of_all = start + minutes(30, 200) if random.random() < 0.3 else None
        duties.append(Duty(counter.id, start, end_of_all, some(ids) if random.random() < 0.3 else None))
    return InventedDay(site, sorted(people, key=lambda p: p.at), duties)


# -- by hand -----------------------------------------------------------------------------------------------------------------------


@dataclass
class Card:
    """What the oracle knows of one person."""

    ticket: str
    person: Person
    service: str
    key: datetime
    joined: int
    state: str = "waiting"
    directed: str | None = None
    calls: int = 0
    rejoins: int = 0
    missed_at: datetime | None = None


@dataclass
class Oracle:
    day: InventedDay
    agenda: list[tuple[datetime, str, Any]] = field(default_factory=list)
    cards: list[Card] = field(default_factory=list)
    free: list[str] = field(default_factory=list)
    open: set[str] = field(default_factory=set)
    ending: set[str] = field(default_factory=set)
    calls: list[Call] = field(default_factory=list)
    joinings: int = 0

    def calls_of_the_day(self) -> list[Call]:
        site = self.day.site
        self.serves = {counter.id: set(counter.services) for counter in site.counters}
        for number, person in enumerate(self.day.people):
            self.agenda.append((person.at, "comes", (f"t{number}", person)))
        for duty in self.day.duties:
            self.agenda.append((duty.start, "opens", duty))
            if duty.end is not None:
                self.agenda.append((duty.end, "ends", duty.counter))
        while self.agenda:
            self.agenda.sort(key=lambda item: item[0])
            now, what, about = self.agenda.pop(0)
            getattr(self, what)(now, about)
            self.look_round(now)
        return self.calls

    def look_round(self, now: datetime) -> None:
        """Every free clerk, the longest free first, calls the first of all who wait for this counter, or closes."""
        for counter in list(self.free):
            if counter in self.ending:
                self.free.remove(counter)
                self.ending.discard(counter)
                self.open.discard(counter)
                continue
            mine = [
                card
                for card in self.cards
                if card.state == "waiting" and (card.directed == counter if card.directed else card.service in self.serves[counter])
            ]
            if mine:
                card = sorted(mine, key=lambda c: (c.key, c.joined))[0]
                self.free.remove(counter)
                self.calls.append((now, counter, card.ticket))
                card.state, stay = "there", card.person.stays[card.calls]
                card.calls += 1
                self.agenda.append((now + stay.takes, "leaves_the_counter", (counter, card, stay)))

    def comes(self, now: datetime, about: tuple[str, Person]) -> None:
        ticket, person = about
        service = self.day.site.service[person.service]
        e = now.replace(microsecond=0)
        issued = ev.TicketIssued(ticket, person.service, 0, e, e, None, person.priority, person.slot, person.registered)  # type: ignore[arg-type]
        key, _ = formula(self.day.site.rules, issued, service.counting, OPENS)
        self.joinings += 1
        card = Card(ticket, person, person.service, key, self.joinings)
        self.cards.append(card)
        if person.leaves:
            self.agenda.append((person.leaves, "gives_up", card))

    def opens(self, now: datetime, duty: Duty) -> None:
        if duty.services is not None:
            self.serves[duty.counter] = set(duty.services)
        self.ending.discard(duty.counter)
        if duty.counter not in self.open:
            self.open.add(duty.counter)
            self.free.append(duty.counter)

    def ends(self, now: datetime, counter: str) -> None:
        self.ending.add(counter)

    def rested(self, now: datetime, counter: str) -> None:
        self.free.append(counter)

    def leaves_the_counter(self, now: datetime, about: tuple[str, Card, Stay]) -> None:
        counter, card, stay = about
        if stay.rest:
            self.agenda.append((now + stay.rest, "rested", counter))
        else:
            self.free.append(counter)
        card.state = {Verb.NO_SHOW: "missed", Verb.HOLD: "held", Verb.TRANSFER: "waiting"}.get(stay.ends, "done")
        if stay.ends is Verb.TRANSFER:
            card.service, card.directed = stay.service or card.service, stay.counter
        if stay.ends is Verb.NO_SHOW:
            card.missed_at = now
        if stay.back is not None:
            self.agenda.append((now + stay.back, "returns", card))

    def returns(self, now: datetime, card: Card) -> None:
        rules = self.day.site.rules
        if card.state == "held":
            card.state = "waiting"
        elif card.rejoins < rules.rejoins and card.missed_at is not None and now - card.missed_at <= rules.rejoin_within:
            self.joinings += 1
            card.rejoins += 1
            card.key, card.joined = max(card.key, now.replace(microsecond=0) - rules.rejoin_head), self.joinings
            card.state = "waiting"

    def gives_up(self, now: datetime, card: Card) -> None:
        if card.state == "waiting":
            card.state = "gone"


def by_hand(day: InventedDay) -> list[Call]:
    return Oracle(day).calls_of_the_day()
