"""An office as values: its services, counters, halls, kiosks, hours and rules.

`config.loader` reads these from a TOML document and reports every mistake; the core trusts them. Times of day are `timedelta` since
local midnight (so that `24:00` exists), durations are `timedelta`, instants are aware `datetime` in the site's zone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import cached_property
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)


class Counting(StrEnum):
    """How a booking of a service is counted (queue-time rule): by its slot, or by the moment it was registered."""

    SLOT = "slot"
    REGISTERED = "registered"


@dataclass(frozen=True, slots=True)
class Rules:
    """The site's own minutes of the queue-time rule. Defaults and their reasons: `docs/queue-time.md`."""

    appointment_head: timedelta = 30 * MINUTE
    grace: timedelta = 15 * MINUTE
    priority_head: timedelta = 30 * MINUTE
    late_head: timedelta = 10 * MINUTE
    rejoin_head: timedelta = 10 * MINUTE
    rejoin_within: timedelta = 30 * MINUTE
    rejoins: int = 2
    calls_before_no_show: int = 2
    no_show_after: timedelta = 3 * MINUTE

    @property
    def bound(self) -> timedelta:
        """Nobody who joined later than this after me is called before me (law I3; line 5 of the rule on the wall)."""
        return max(self.priority_head, self.appointment_head + self.grace, self.late_head, self.rejoin_head)


@dataclass(frozen=True, slots=True)
class Timing:
    """Durations that belong to hands, ears and machines rather than to the queue."""

    undo_within: timedelta = timedelta(seconds=10)
    new_for: timedelta = timedelta(seconds=12)
    """How long a call stays highlighted."""
    speak_within: timedelta = timedelta(seconds=20)
    """A call older than this is shown and not spoken."""
    notice_within: timedelta = timedelta(minutes=2)
    """Staff's own words wait until no call waits, for so long."""
    print_within: timedelta = timedelta(seconds=90)
    """A citizen waits no longer than this at a kiosk; later paper would be somebody else's."""
    assumed_start_after: timedelta = timedelta(seconds=30)
    """A ticket finished without `start` is taken to have begun this long after its call, and marked so."""
    assumed_start_least: timedelta = timedelta(seconds=60)

    def scaled(self, factor: float) -> Timing:
        """The same real durations on a hall clock that runs `factor` times as fast (demo and tests).

        The walk from the chair to the counter is the citizen's, who lives by the hall clock: the assumed start stays.
        """
        real = ("undo_within", "new_for", "speak_within", "notice_within", "print_within")
        return replace(self, **{name: getattr(self, name) * factor for name in real})


@dataclass(frozen=True, slots=True)
class Span:
    """Opening times within one day, since local midnight: `start` included, `end` excluded."""

    start: timedelta
    end: timedelta


@dataclass(frozen=True, slots=True)
class BookingRules:
    """What may be booked from home, in slots of equal length."""

    slot: timedelta = 10 * MINUTE
    capacity: int = 2
    """Places of a slot,"""
    share: float = 0.4
    """and at most this share of the people whom the counters can call in it: those who just come are served as well. 1: no limit."""
    held_back: int = 0
    """Places of each slot that are offered only on the day itself, from `release` on."""
    release: timedelta = timedelta(hours=7)
    """Time of day, published, so that nobody has to watch for it."""
    horizon_days: int = 7
    lead: timedelta = timedelta()
    """How long before its slot a booking must be made."""
    move_before: timedelta = 60 * MINUTE
    """How long before its slot it can be moved to another time; it can be cancelled until it is checked in."""
    return_within: timedelta = 10 * MINUTE
    """A place given back is offered again after a random time of up to this."""
    per_person: int = 1
    """Bookings of one person for one service and day, where a telephone number or an identity is given; 0: no limit."""
    live: bool = False
    """Numbers for today may be taken from home, without a slot (`Counting.REGISTERED` only)."""
    phone_check_in: bool = False
    """Whoever stands in the hall may turn a booking into a number on the telephone, by digits that are seen only there."""
    week: tuple[tuple[Span, ...], ...] = ()
    """Hours of this service alone, Monday first, within the office's; empty: all of the office's."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one network address may do, against brokers and guessing; 0: no limit."""

    bookings_per_hour: int = 20
    anonymous_per_day: int = 1
    """Bookings without a telephone number or an e-mail address."""
    wrong_codes_per_minute: int = 5
    wrong_codes_in_all: int = 60
    """By everybody in a minute; beyond it, whoever has been wrong in the last hour waits."""
    sum_after_bookings: int = 10
    """Attempts in an hour after which an address is asked a small sum with each,"""
    sum_in_all: int = 120
    """and attempts of everybody in a minute after which everybody is."""


@dataclass(frozen=True, slots=True)
class Offline:
    """What a kiosk may do on its own while the server cannot be reached."""

    numbers: int = 20
    """Lent to each kiosk of each service; 0: none, then it sends people to the help desk."""
    life: timedelta = 60 * MINUTE
    """How long after it was last renewed a kiosk may give them."""
    port: int = 8790
    """Where the agent beside the kiosk listens for the kiosk's own page, on that machine alone."""


@dataclass(frozen=True, slots=True)
class Alarms:
    """Who is told by mail of what nobody has solved `after` it began."""

    email: tuple[str, ...] = ()
    after: timedelta = 5 * MINUTE


@dataclass(frozen=True, slots=True)
class Service:
    """A field of work the citizen chooses (lĩnh vực). `letter` begins its numbers; one series each."""

    id: str
    letter: str
    name: str
    name_en: str = ""
    everyday: str = ""
    result: bool = False
    counting: Counting = Counting.SLOT
    last_ticket: timedelta | None = None
    procedures: tuple[str, ...] = ()
    booking: BookingRules | None = None
    """None: not bookable."""


@dataclass(frozen=True, slots=True)
class Procedure:
    """A legal procedure of the public catalogue (thủ tục), by its national code."""

    id: str
    name: str
    service: str
    documents: tuple[str, ...] = ()
    time_limit: str = ""
    fee: str = ""
    sample: bool = False


FULL_VOLUME = 100


@dataclass(frozen=True, slots=True)
class Zone:
    """A part of a hall with loudspeakers of its own, and the counters whose calls are said there."""

    id: str
    name: str
    counters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hall:
    """A waiting room. Its screen's diagonal and the farthest chair are for the page's own check at set-up; None: not known.

    `volume` holds spans of the day with their percent of full volume; in the spans of `quiet` no call is spoken.
    """

    id: str
    name: str
    screen_inches: float | None = None
    farthest_seat_m: float | None = None
    volume: tuple[tuple[Span, int], ...] = ()
    quiet: tuple[Span, ...] = ()
    zones: tuple[Zone, ...] = ()

    def volume_at(self, clock: timedelta) -> int:
        """Percent of full volume at a time of day; full where nothing else is written."""
        return next((percent for span, percent in self.volume if span.start <= clock < span.end), FULL_VOLUME)

    def quiet_at(self, clock: timedelta) -> bool:
        return any(span.start <= clock < span.end for span in self.quiet)

    def zone_of(self, counter: str) -> str:
        """The zone in which a counter's calls are said; "": in the whole hall."""
        return next((zone.id for zone in self.zones if counter in zone.counters), "")

    @property
    def places(self) -> tuple[str, ...]:
        """Where a loudspeaker may stand: `hall` or `hall/zone`."""
        return (self.id, *(f"{self.id}/{zone.id}" for zone in self.zones))


def hall_of(place: str) -> str:
    """The hall of a place, `hall` or `hall/zone`."""
    return place.partition("/")[0]


def reaches(place: str, target: str) -> bool:
    """Whether a loudspeaker at `place` says what is meant for `target`, both `hall` or `hall/zone`: never for another zone."""
    return place == target or hall_of(place) == target or place == hall_of(target)


@dataclass(frozen=True, slots=True)
class Slide:
    """What a hall's screen tells while nobody is called. `hall` None: every hall; `start` and `end` (included) None: always."""

    title: str
    lines: tuple[str, ...]
    hall: str | None = None
    start: date | None = None
    end: date | None = None

    def on(self, day: date) -> bool:
        return (self.start is None or self.start <= day) and (self.end is None or day <= self.end)


@dataclass(frozen=True, slots=True)
class Counter:
    """Where a clerk sits. `services` in the site's order."""

    id: str
    name: str
    hall: str
    services: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kiosk:
    id: str
    name: str
    hall: str
    home: str = "choices"
    """What the first screen offers: `choices`, of which one leads to the fields, or the `fields` themselves."""
    screen_inches: float = 21.5
    screen_bottom_mm: int = 1012
    """How far above the floor the glass begins; low buttons stay within reach of a seated person's arm."""
    printer_position: str = "bottom"
    paper: int = 80
    cards: bool = False
    """Whether a citizen card may be held to its code reader."""


@dataclass(frozen=True, slots=True)
class PriorityGroup:
    """Who may claim the priority head start. The story keeps the claim, never the group."""

    id: str
    name: str
    name_en: str = ""
    from_age: int = 0
    """Whoever a card shows to be so old is asked; 0: a card says nothing of this group."""


@dataclass(frozen=True, slots=True)
class Hours:
    """When the office is open. `week` has seven entries, Monday first; `special` replaces one date (make-up working days, short days)."""

    week: tuple[tuple[Span, ...], ...]
    holidays: Mapping[date, str] = field(default_factory=dict)
    special: Mapping[date, tuple[Span, ...]] = field(default_factory=dict)
    first_ticket_before: timedelta = timedelta()
    """Numbers are given from this long before the first opening of the day."""
    last_ticket_before: timedelta = timedelta()
    """and until this long before the last closing of the day."""
    numbers_at_lunch: bool = False

    def spans(self, day: date) -> tuple[Span, ...]:
        """Opening spans of a date, in order; empty when closed."""
        if day in self.special:
            return self.special[day]
        if day in self.holidays:
            return ()
        return self.week[day.weekday()]


@dataclass(frozen=True, slots=True)
class Also:
    """One more language, said after the Vietnamese of every call: a clip pack's, or a voice of the speech engine (`fr`, `km`).

    `call` holds `{code}`, which is said letter by letter, and `{counter}`.
    """

    language: str
    call: str


@dataclass(frozen=True, slots=True)
class Voice:
    """How numbers are read out: `digits` or `number`; `north` or `south` words; in which further language, if in any."""

    reading: str = "digits"
    region: str = "north"
    formal: bool = False
    times: int = 2
    also: Also | None = None


RECEIPT_LINES = ("mark", "counters", "ahead", "expected", "qr", "missed", "hotline")
"""What an office may leave out of its paper. Number, field, queue time with its reason, and date stand on every ticket: they are what a
citizen can hold against the office."""


@dataclass(frozen=True, slots=True)
class ReceiptDesign:
    """What an office's paper looks like: lines under its name and at the foot, RECEIPT_LINES it does `without`, and a logo (a PNG in
    base64; empty: none)."""

    header: tuple[str, ...] = ()
    footer: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    logo: str = ""


@dataclass(frozen=True)
class Site:
    """One office with its rules, bound to a day by its version number."""

    id: str
    name: str
    services: tuple[Service, ...]
    counters: tuple[Counter, ...]
    halls: tuple[Hall, ...]
    kiosks: tuple[Kiosk, ...]
    hours: Hours
    short_name: str = ""
    address: str = ""
    hotline: str = ""
    zone: str = "Asia/Ho_Chi_Minh"
    languages: tuple[str, ...] = ("vi",)
    public_url: str | None = None
    priority_groups: tuple[PriorityGroup, ...] = ()
    procedures: tuple[Procedure, ...] = ()
    common_procedures: tuple[str, ...] = ()
    """Those that most people come for, the first on the booking page; empty: the first of each service."""
    embed_from: tuple[str, ...] = ()
    """Origins whose pages may show the booking pages in a frame."""
    rules: Rules = Rules()
    timing: Timing = Timing()
    voice: Voice = Voice()
    limits: Limits = Limits()
    offline: Offline = Offline()
    alarms: Alarms = Alarms()
    notice: str = ""
    show_clerk_names: bool = False
    """Whether the small screen above a counter names who sits there."""
    slides: tuple[Slide, ...] = ()
    slide_of_rules: bool = True
    """Whether the five lines of the rule are told between the slides."""
    receipt: ReceiptDesign = ReceiptDesign()
    version: int = 1

    @cached_property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    @cached_property
    def service(self) -> Mapping[str, Service]:
        return {s.id: s for s in self.services}

    @cached_property
    def counter(self) -> Mapping[str, Counter]:
        return {c.id: c for c in self.counters}

    @cached_property
    def hall(self) -> Mapping[str, Hall]:
        return {h.id: h for h in self.halls}

    @cached_property
    def kiosk(self) -> Mapping[str, Kiosk]:
        return {k.id: k for k in self.kiosks}

    def room(self, hall: str) -> Hall:
        """A hall; a bare one when it has left the document while somebody is still called there."""
        return self.hall.get(hall, Hall(hall, hall))

    def places(self, kind: str) -> tuple[str, ...]:
        """Where a device of a kind may stand: at a kiosk, in a hall, and a loudspeaker also in a zone of one."""
        if kind == "kiosk":
            return tuple(self.kiosk)
        return tuple(place for hall in self.halls for place in (hall.places if kind == "audio" else (hall.id,)))

    @cached_property
    def procedure(self) -> Mapping[str, Procedure]:
        return {p.id: p for p in self.procedures}

    @cached_property
    def priority_group(self) -> Mapping[str, PriorityGroup]:
        return {g.id: g for g in self.priority_groups}

    @property
    def counting(self) -> Counting:
        """How the rule on the wall tells bookings to be counted: by registration only where every service counts them so."""
        registered = bool(self.services) and all(s.counting is Counting.REGISTERED for s in self.services)
        return Counting.REGISTERED if registered else Counting.SLOT

    def business_day(self, now: datetime) -> date:
        """The date in the site's zone: a ticket keeps it, whatever happens after midnight."""
        return now.astimezone(self.tz).date()

    def at(self, day: date, since_midnight: timedelta) -> datetime:
        """An instant of a day. Wall time, so that a zone with summer time would keep its opening hours."""
        days, rest = divmod(since_midnight, timedelta(days=1))
        return datetime.combine(day + days * timedelta(days=1), (datetime.min + rest).time(), self.tz)

    @cached_property
    def _dates(self) -> dict[date, list[tuple[datetime, datetime]]]:
        return {}

    def spans(self, day: date) -> list[tuple[datetime, datetime]]:
        """The opening spans of a date as instants. They are of the document alone and asked for with every number, so they are kept."""
        if day not in self._dates:
            self._dates[day] = [(self.at(day, s.start), self.at(day, s.end)) for s in self.hours.spans(day)]
        return self._dates[day]

    def scaled(self, factor: float) -> Site:
        """The same office under a hall clock that runs `factor` times as fast."""
        return self if factor == 1 else replace(self, timing=self.timing.scaled(factor))


class HoursState(StrEnum):
    BEFORE = "before"
    OPEN = "open"
    LUNCH = "lunch"
    LAST_TICKET_PASSED = "last_ticket_passed"
    CLOSED = "closed"
    HOLIDAY = "holiday"


@dataclass(frozen=True, slots=True)
class HoursNow:
    """Where an instant stands in the office's day. Instants are None where the day has none."""

    state: HoursState
    opens: datetime | None
    """Start of the first span of this date."""
    closes: datetime | None
    first_ticket: datetime | None
    last_ticket: datetime | None
    next_open: datetime | None
    """The next time somebody may come: the next span that has not begun, on a later day once numbers have ended for today; None while
    open, or when none comes within a month."""
    holiday: str | None = None
    issuing: bool = False
    """Whether kiosks give numbers now (services may stop earlier)."""
    serving: bool = False
    """Whether counters are at work now by the clock (staff may stay longer)."""


@dataclass(frozen=True, slots=True)
class Today:
    """What staff have decided about the hours of one day: close early or stay on, give numbers until another time."""

    last_ticket: datetime | None = None
    closes: datetime | None = None


AS_WRITTEN = Today()


def _spans(site: Site, day: date, today: Today) -> list[tuple[datetime, datetime]]:
    """The day's spans, cut or lengthened to the closing that staff have set."""
    spans = site.spans(day)
    if today.closes is None or not spans:
        return spans
    kept = [span for span in spans if span[0] < today.closes] or spans[:1]
    return [*kept[:-1], (kept[-1][0], max(kept[-1][0], today.closes))]


def _later_spans(site: Site, now: datetime, today: Today, *, from_day: int = 0) -> Iterator[datetime]:
    date_now = site.business_day(now)
    for ahead in range(from_day, 32):
        day = date_now + timedelta(days=ahead)
        for start, _ in _spans(site, day, AS_WRITTEN if ahead else today):
            if start > now:
                yield start


def hours_now(site: Site, now: datetime, today: Today = AS_WRITTEN) -> HoursNow:
    """The state of the office's day at `now`; the kiosk, the board and the decision to issue all ask here (`Day.hours`)."""
    day = site.business_day(now)
    spans = _spans(site, day, today)
    serving = any(start <= now < end for start, end in spans)
    # While it is open nobody asks when it will be, and looking costs more than all the rest.
    next_open = None if serving else next(_later_spans(site, now, today), None)
    if not spans:
        holiday = site.hours.holidays.get(day)
        state = HoursState.HOLIDAY if holiday else HoursState.CLOSED
        return HoursNow(state, None, None, None, None, next_open, holiday)
    opens, closes = spans[0][0], spans[-1][1]
    first = opens
    if site.hours.first_ticket_before:
        first = max(opens - site.hours.first_ticket_before, site.at(day, timedelta()))
    last = today.last_ticket or closes - site.hours.last_ticket_before

    def within(state: HoursState, issuing: bool = False, again: datetime | None = next_open) -> HoursNow:
        return HoursNow(state, opens, closes, first, last, again, None, issuing, serving)

    if now < opens:
        return within(HoursState.BEFORE, issuing=now >= first)
    if now >= closes:
        return within(HoursState.CLOSED)
    if now >= last:
        # Counters may work on, even after a lunch break, but whoever has no number yet comes on another day.
        return within(HoursState.LAST_TICKET_PASSED, again=next(_later_spans(site, now, today, from_day=1), None))
    if not serving:
        return within(HoursState.LUNCH, issuing=site.hours.numbers_at_lunch)
    return within(HoursState.OPEN, issuing=True)


def open_until(site: Site, now: datetime, today: Today, hours: HoursNow) -> datetime:
    """Of an office that is open: until when `hours_now` says the same as at `now`."""
    day = site.business_day(now)
    ends = [end for _, end in _spans(site, day, today) if end > now]
    return min(ends[0], hours.last_ticket or ends[0], site.at(day, timedelta(days=1)))


def issuing_spans(site: Site, service: Service, day: date, today: Today = AS_WRITTEN) -> list[tuple[datetime, datetime]]:
    """When a service gives numbers on a date, as far as that is known beforehand: for a kiosk that is on its own."""
    spans = _spans(site, day, today)
    if not spans:
        return []
    plain = hours_now(site, spans[0][0], today)
    assert plain.first_ticket is not None
    end = last_ticket(site, service, spans[0][0], plain)
    assert end is not None
    begins = [plain.first_ticket, *(start for start, _ in spans[1:])]
    ends = [closes for _, closes in spans]
    if site.hours.numbers_at_lunch:
        begins, ends = begins[:1], ends[-1:]
    return [(start, min(closes, end)) for start, closes in zip(begins, ends, strict=True) if start < min(closes, end)]


def last_ticket(site: Site, service: Service, now: datetime, hours: HoursNow | None = None) -> datetime | None:
    """Until when a service gives numbers on the date of `now`, whose `hours` these are: the earlier of its own time and the office's."""
    office = (hours or hours_now(site, now)).last_ticket
    if office is None or service.last_ticket is None:
        return office
    return min(office, site.at(site.business_day(now), service.last_ticket))


def clock_time(text: str) -> timedelta:
    """`07:30` as a time of day. Raises ValueError outside 00:00-24:00."""
    if text == "24:00":
        return timedelta(days=1)
    if len(text) != 5 or text[2] != ":":
        raise ValueError(text)
    parsed = time.fromisoformat(text)
    return timedelta(hours=parsed.hour, minutes=parsed.minute)
