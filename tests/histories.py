"""Random days, and a witness who keeps a book of them by hand.

A history is a list of commands that anybody in the office may give at any time, sensible or not; `live` lives through it. The witness
hears every event before the day does and knows nothing of the engine: people on one heap, their queue times by the formula on the wall,
who is next by sorting everybody. The laws compare the two.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from office import CLERKS, HOLDER, KIOSK, MINUTE, SUPERVISOR, Office, small_site, span

from server.core import decide
from server.core import events as ev
from server.core import lease as leases
from server.core.day import Ticket
from server.core.queue import Term
from server.core.refused import Refused
from server.core.site import Counting, Hours, Rules, Service, Site
from server.core.ticket import LIFE, State, Verb

# The same histories on every machine, so that a green build stays green; `MOISO_LAWS=soak` looks for new ones.
SOAK = os.environ.get("MOISO_LAWS") == "soak"
LAWS = settings(
    max_examples=5000 if SOAK else 100,
    derandomize=not SOAK,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)

# -- what may happen ---------------------------------------------------------------------------------------------------------------

COMMANDS = (
    ["wait"]
    + ["take"] * 9
    + ["book"] * 5
    + ["register"] * 2
    + ["next"] * 9
    + ["finish and next"] * 4
    + ["missed and next"]
    + ["out of order"] * 2
    + ["undo"] * 5
    + ["no-show", "rejoin"] * 3
    + ["start", "finish", "hold", "release", "recall", "transfer", "heard", "restart"] * 2
    + ["lease"] * 3
    + ["merge"] * 6
    + ["open"] * 4
    + ["resume"] * 3
    + ["direct", "cancel", "pause", "close", "take over", "stop", "revise", "assign", "change hours", "ask for help", "answer help"]
)
PAUSES_S = (0, 0, 0, 1, 7, 40, 61, 200, 900)


class Command(NamedTuple):
    """`who` and `what` choose among those for whom the verb makes sense, by remainder."""

    verb: str
    who: int
    what: int
    pause_s: float


class History(NamedTuple):
    rules: tuple[Rules, Rules]
    first_number: int
    commands: list[Command]


@st.composite
def some_rules(draw: st.DrawFn) -> Rules:
    """Any minutes the loader would let pass: 0 <= H_L <= H_A + G."""
    minutes = st.integers(0, 60)
    appointment, grace = draw(minutes), draw(minutes)
    return Rules(
        appointment_head=appointment * MINUTE,
        grace=grace * MINUTE,
        priority_head=draw(minutes) * MINUTE,
        late_head=draw(st.integers(0, appointment + grace)) * MINUTE,
        rejoin_head=draw(minutes) * MINUTE,
    )


any_number = st.integers(0, 1000)
commands = st.builds(Command, st.sampled_from(COMMANDS), any_number, any_number, st.sampled_from(PAUSES_S))
histories = st.builds(
    History,
    st.tuples(some_rules() | st.just(Rules()), some_rules()),
    st.sampled_from([1, 990, 998]),
    st.lists(commands, min_size=30, max_size=120),
)


def a_history(seed: int, length: int = 120, *, crowd: int = 1) -> History:
    """The same kind of day from a plain seed, of any length; with a `crowd` more people come than leave. A longer history goes faster."""
    random = Random(seed)
    verbs = (*COMMANDS, *("take", "book") * crowd)
    pace = min(1, 120 / length)

    def command() -> Command:
        return Command(random.choice(verbs), random.randrange(1001), random.randrange(1001), random.choice(PAUSES_S) * pace)

    return History((Rules(), Rules()), 1, [command() for _ in range(length)])


# -- the witness -------------------------------------------------------------------------------------------------------------------


@dataclass
class Person:
    """One line in the book of the witness."""

    issued: ev.TicketIssued
    code: str
    service: str
    key: datetime
    term: Term
    e: datetime
    """Moment of the last joining,"""
    seq: int
    """its number, """
    version: int
    """and the site document that held then."""
    by_slot: bool
    state: State = State.WAITING
    counter: str | None = None
    directed: str | None = None
    was: State | None = None
    transferred: bool = False

    @property
    def place(self) -> tuple[datetime, int]:
        return self.key, self.seq


@dataclass
class Joining:
    person: Person
    before: datetime | None
    """The queue time until then, of one who came back."""


@dataclass
class Called:
    """A call as the witness saw it, with copies of all who could have been called instead."""

    entry: ev.Entry
    event: ev.TicketCalled
    person: Person
    rivals: list[Person]


def formula(rules: Rules, issued: ev.TicketIssued, counting: Counting, opening: datetime) -> tuple[datetime, Term]:
    """The rule on the wall, written down a second time: the earliest of all claims, and of two equal ones the booking."""
    e = issued.issued_at
    claims = [(e, 0, Term.WALK_IN)]
    if issued.priority:
        claims.append((e - rules.priority_head, 1, Term.PRIORITY))
    if counting is Counting.REGISTERED and issued.registered:
        claims.append((max(issued.registered, opening), -1, Term.REGISTERED))
    elif issued.slot and e - issued.slot <= rules.grace:
        claims.append((issued.slot - rules.appointment_head, -1, Term.SLOT))
    elif issued.slot:
        claims.append((e - rules.late_head, -1, Term.LATE))
    # A priority of no minutes is still named before plain walking in.
    key, _, term = min(claims, key=lambda c: (c[0], -1 if c[2] is not Term.WALK_IN else 0, c[1]))
    return key, term


def a_service(sites: dict[int, Site], service: str) -> Service:
    """A service of the day, also one that the present document has dropped."""
    return next(site.service[service] for site in sites.values() if service in site.service)


@dataclass
class Witness:
    sites: dict[int, Site]
    version: int = 1
    people: dict[str, Person] = field(default_factory=dict)
    joinings: list[Joining] = field(default_factory=list)
    calls: list[Called] = field(default_factory=list)
    serves: dict[str, set[str]] = field(default_factory=dict)
    given: dict[str, set[str]] = field(default_factory=dict)

    def adopt(self, version: int) -> None:
        """A counter serves what staff gave it or the document says, and goes on serving whom a dropped service left waiting."""
        self.version, site = version, self.sites[version]
        for counter in site.counters:
            self.let_serve(counter.id, self.given.get(counter.id, set(counter.services)))

    def let_serve(self, counter: str, services: set[str]) -> None:
        offered = {s.id for s in self.sites[self.version].services}
        self.serves[counter] = services & offered | self.serves.get(counter, set()) - offered

    def waiting_for(self, counter: str) -> list[Person]:
        """Everybody this counter may call, sorted by hand."""
        mine = [
            p
            for p in self.people.values()
            if p.state is State.WAITING and (p.directed == counter if p.directed else p.service in self.serves[counter])
        ]
        return sorted(mine, key=lambda p: p.place)

    def hear(self, entry: ev.Entry) -> None:
        event: Any = entry.event
        match event:
            case ev.DayOpened() | ev.SiteRevised():
                self.adopt(event.site_version)
            case ev.CounterAssigned():
                self.given[event.counter] = set(event.services)
                self.let_serve(event.counter, set(event.services))
            case ev.TicketIssued():
                self._issued(entry, event)
            case ev.TicketCalled():
                person = self.people[event.ticket]
                rivals = [replace(p) for p in self.waiting_for(event.counter) if p is not person]
                self.calls.append(Called(entry, event, replace(person), rivals))
                person.was, person.state, person.counter = person.state, State.CALLED, event.counter
            case ev.TicketStarted():
                self.people[event.ticket].state = State.SERVING
            case ev.TicketFinished():
                self._step(event.ticket, State.DONE)
            case ev.TicketMissed():
                self._step(event.ticket, State.NO_SHOW)
            case ev.StepUndone():
                person = self.people[event.ticket]
                assert person.was is not None
                person.state = person.was
            case ev.TicketRejoined():
                person = self.people[event.ticket]
                rules = self.sites[self.version].rules
                before, person.e, person.seq, person.version = person.key, event.joined_at, entry.seq, self.version
                person.key, person.term = max(before, event.joined_at - rules.rejoin_head), Term.REJOINED
                person.state = State.WAITING
                self.joinings.append(Joining(replace(person), before))
            case ev.TicketHeld():
                self.people[event.ticket].state = State.HELD
            case ev.TicketReleased():
                self.people[event.ticket].state = State.WAITING
            case ev.TicketTransferred():
                person = self.people[event.ticket]
                person.state, person.service, person.directed, person.transferred = State.WAITING, event.service, event.counter, True
            case ev.TicketCancelled():
                self.people[event.ticket].state = State.CANCELLED
            case ev.DayClosed():
                for person in self.people.values():
                    if person.state in (State.WAITING, State.HELD):
                        person.state = State.LAPSED
            case _:
                pass

    def _issued(self, entry: ev.Entry, event: ev.TicketIssued) -> None:
        version = self.version if event.provisional is None else event.provisional
        site, service = self.sites[version], a_service(self.sites, event.service)
        opens = site.hours.spans(site.business_day(event.issued_at))[0].start
        key, term = formula(site.rules, event, service.counting, site.at(site.business_day(event.issued_at), opens))
        person = Person(
            issued=event,
            code=f"{service.letter}{event.number:03d}",
            service=event.service,
            key=key,
            term=term,
            e=event.issued_at,
            seq=entry.seq,
            version=version,
            by_slot=service.counting is Counting.SLOT,
        )
        self.people[event.ticket] = person
        self.joinings.append(Joining(replace(person), None))

    def _step(self, ticket: str, state: State) -> None:
        person = self.people[ticket]
        person.was, person.state = person.state, state


# -- living a day ------------------------------------------------------------------------------------------------------------------


@dataclass
class Life:
    office: Office
    witness: Witness
    presses: list[list[ev.Event]] = field(default_factory=list)
    """What each command that was not refused led to."""
    refusals: dict[str, int] = field(default_factory=dict)

    @property
    def rules(self) -> dict[int, Rules]:
        return {version: site.rules for version, site in self.office.sites.items()}


HOURS = Hours(week=((span("08:00", "24:00"),),) * 7, first_ticket_before=30 * MINUTE)


def live(history: History, after_each: Callable[[Life], None] = lambda life: None) -> Life:
    """Live through a history from 07:30 with every counter open. `after_each` looks at the office after each command."""
    site = small_site(hours=HOURS, rules=history.rules[0])
    office = Office(site, clock="07:30")
    witness = Witness(office.sites)
    witness.hear(office.story[0])
    office.heard_by.append(witness.hear)
    life = Life(office, witness)
    for counter in CLERKS:
        office.open(counter)
    if history.first_number > 1:
        office.tell(ev.TicketIssued("t0", "household", history.first_number - 1, office.now, office.now, Term.WALK_IN))
    for command in history.commands:
        office.wait(command.pause_s)
        before = office.day.seq
        try:
            _give(office, history, command)
        except Refused as refusal:
            assert office.day.seq == before, "a refusal changes nothing"
            life.refusals[refusal.code] = life.refusals.get(refusal.code, 0) + 1
        else:
            life.presses.append([entry.event for entry in office.story[before:]])
        after_each(life)
    return life


def _give(office: Office, history: History, command: Command) -> None:
    verb, who, what, _ = command
    counter = str(who % 4 + 1)
    service = ("household", "household", "household", "copies", "copies", "land", "health")[what % 7]
    # Who presses is who has leased the counter, but for one in ten.
    leased = office.day.counters[counter].clerk
    by = CLERKS[counter] if leased != SUPERVISOR.name or who % 10 == 0 else SUPERVISOR
    office_now = office.now.replace(second=0, microsecond=0)
    priority = "older" if who % 5 == 0 else None
    match verb:
        case "wait":
            pass
        case "take":
            intent = leases.intent_of("k1", str(office.day.seq)) if what % 2 else None
            office.take(service, priority=priority, intent=intent)
        case "lease":
            office.do(leases.lease, kiosk=f"k{who % 2 + 1}", holder=f"store {what % 3}")
        case "merge":
            _merge(office, who, what)
        case "book":
            office.take(service, priority=priority, slot=office_now + (who % 49 - 24) * timedelta(minutes=5))
        case "register":
            office.take("land", priority=priority, registered=office_now - (who % 60) * timedelta(minutes=5))
        case "next":
            office.next(counter, by=by)
        case "finish and next":
            office.next(counter, by=by, finish=True)
        case "missed and next":
            office.next(counter, by=by, finish=True, outcome=State.NO_SHOW)
        case "open" | "close" | "pause" | "resume":
            getattr(office, verb)(counter, by=by)
        case "take over":
            office.open(counter, by=SUPERVISOR)
        case "stop":
            office.do(decide.stop_service, service=service)
        case "restart":
            stopped = sorted(office.day.stopped) or [service]
            office.do(decide.start_service, service=stopped[what % len(stopped)])
        case "heard":
            office.do(decide.heard, call=office.day.seq - who % 3)
        case "revise":
            _revise(office, history, who, what)
        case "assign":
            kept = [s for s in office.day.desks[counter].services if s in office.site.service] if who % 3 else []
            office.do(decide.assign_counter, counter=counter, services=(service, *kept))
        case "change hours":
            closes = office_now + timedelta(hours=who % 12)
            office.do(decide.change_hours, last_ticket=None, closes=closes if what % 3 == 0 else None)
        case "ask for help":
            office.do(decide.ask_for_help, kiosk="k1")
        case "answer help":
            office.do(decide.answer_help, asked=next(iter(office.day.help), 0))
        case _:
            _to_a_ticket(office, verb, who, what)


def _merge(office: Office, who: int, what: int) -> None:
    """A number that a kiosk has given on its own: mostly one it was lent; now and then for a touch that has a ticket."""
    blocks = [block for letter in office.day.blocks.by_letter.values() for block in letter]
    if not blocks:
        return
    block = blocks[who % len(blocks)]
    numbers = leases.free(office.day, block) if what % 9 else list(block.numbers)
    intents = list(office.day.intents)
    office.do(
        leases.merge,
        ticket=f"t{len(office.day.tickets) + 1}",
        kiosk=block.kiosk if what % 13 else "k3",
        service=block.service,
        number=(numbers or [1])[0],
        taken_at=office.now - (who % 50 - 5) * MINUTE,
        version=what % 3 + 1,
        intent=intents[who % len(intents)] if intents and what % 5 == 0 else f"alone {office.day.seq}",
        priority=who % 5 == 0,
    )


def _revise(office: Office, history: History, who: int, what: int) -> None:
    """Other rules; every other time a service or a counter goes, or comes back."""
    whole = small_site()
    documents = (
        (whole.services, whole.counters),
        (whole.services, whole.counters),
        (whole.services[1:], tuple(replace(c, services=tuple(s for s in c.services if s != "household")) for c in whole.counters)),
        (whole.services, whole.counters[:3]),
    )
    services, counters = documents[what % 4]
    office.revise(rules=history.rules[who % 2], services=services, counters=counters)


def _to_a_ticket(office: Office, command: str, who: int, what: int) -> None:
    verb = {"out of order": Verb.CALL, "direct": Verb.TRANSFER}.get(command) or Verb(command)
    able = [t for t in office.day.tickets.values() if (t.state, verb) in LIFE]
    # Once in a while somebody presses the key for a ticket that is not in a state for it.
    among = able if who % 10 else list(office.day.tickets.values())
    if not among:
        return
    ticket: Ticket = among[who % len(among)]
    if verb in (Verb.UNDO, Verb.REJOIN) and what % 4:
        # Both have a time limit: mostly it is the last one who is meant.
        ticket = max(among, key=lambda t: t.step.at if t.step else t.issued_at)
    by = SUPERVISOR if what % 7 == 0 else CLERKS[ticket.counter or "1"]
    match command:
        case "out of order":
            # Mostly by a counter that may.
            able_counters = office.day.counters_for(ticket) if what % 5 else []
            counter = able_counters[0] if able_counters else str(what % 4 + 1)
            office.call(ticket, counter, reason="gấp", by=SUPERVISOR if office.day.counters[counter].clerk == "chief" else CLERKS[counter])
        case "direct":
            office.transfer(ticket, by=by, counter=str(what % 4 + 1))
        case "transfer":
            services = list(office.day.services)
            office.transfer(ticket, by=by, service=services[what % len(services)])
        case "rejoin":
            office.rejoin(ticket, by=KIOSK)
        case "cancel":
            office.cancel(ticket, by=HOLDER)
        case _:
            office.press(getattr(decide, command.replace("-", "_")), ticket, by=by)
