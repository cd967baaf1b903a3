"""What the ledger needs of a database: one small protocol, so that a second engine is a second file.

The only SQL of the program is in this folder. Rows cross the border as plain values; the JSON of an event is made in `server.wire`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Conflict(Exception):
    """Somebody else has written this number first, of a story or of a site's versions: look at what is there and decide again. `index`
    tells which write of the batch."""

    index = 0


class Poison(Exception):
    """One write of a batch cannot be stored, whatever is tried; the others can. `index` tells which."""

    def __init__(self, index: int, cause: Exception) -> None:
        super().__init__(str(cause))
        self.index = index


class Overtaken(Exception):
    """Two transactions stood in each other's way and this one had to yield: nothing was written, and the same may be tried at once."""


class Unavailable(Exception):
    """Busy, locked or full: nothing was written, later may be better."""


class Full(Unavailable):
    """The disk has no room: nothing was written."""


class Broken(Exception):
    """The disk has failed a read or a flush. What the page cache says can no longer be trusted: stop acknowledging."""


class AlreadyServed(Exception):
    """Another server holds this database."""


@dataclass(frozen=True, slots=True)
class EventRow:
    """One line of the story: primary key (site, day, seq)."""

    site: str
    day: date
    seq: int
    at: datetime
    actor: str
    kind: str
    body: str


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """The first success under an idempotency key, kept 48 h (`kept_until`, seconds since the epoch)."""

    principal: str
    key: str
    request: str
    status: int
    body: str
    kept_until: float


@dataclass(frozen=True, slots=True)
class ContactRow:
    """How to reach somebody, apart from the story, with a purpose and the date on which it is erased."""

    id: str
    site: str
    day: date
    purpose: str
    body: str
    erase_on: date


@dataclass(frozen=True, slots=True)
class SiteRow:
    site: str
    version: int
    document: str
    source: str
    imported_sha: str


@dataclass(frozen=True, slots=True)
class StaffRow:
    """`site` None: every site of the database. `display_name`: as staff are called on screens, "" for none."""

    name: str
    role: str
    password_hash: str
    site: str | None
    must_change: bool = False
    display_name: str = ""


PAGE, ELSEWHERE = "page", "elsewhere"


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A signed-in page or program, by the hash of its token; seconds since the epoch. `ELSEWHERE`: of a page, and over, since its user has
    signed in at another one; it opens nothing, and whoever still holds it is told so."""

    token_hash: str
    user: str
    expires_at: float
    kind: str = "program"


@dataclass(frozen=True, slots=True)
class DeviceRow:
    name: str
    site: str
    kind: str
    place: str
    key_hash: str
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class DoneRow:
    """A device's answer to a moment."""

    moment: str
    site: str
    device: str
    ok: bool
    detail: str
    at: datetime


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """One message on its way out. It is written with the event that causes it, and sent later by `server.outbox`.

    `kind`: `booked`, `moved`, `cancelled`, `displaced` (the office closed that time), `restored` (and opened it again), `reminder`,
    `place_free` (waiting list), `alarm` (for staff). `state`: `waiting`, `sent`, `failed`, `expired`. `contact` is a reference; neither it
    nor `detail` says who somebody is.
    """

    id: str
    site: str
    day: date
    appointment: str
    kind: str
    contact: str
    created_at: datetime
    due_at: datetime
    """When it is tried next; of a notice that has ended, when that was."""
    expires_at: datetime
    """From here on nobody is served by it."""
    tries: int = 0
    state: str = "waiting"
    detail: str = ""

    @property
    def told(self) -> bool:
        """Whether it has reached somebody; after a try whose end nobody knows it may have."""
        return self.state == "sent" or self.detail == UNENDED


UNENDED = "a try that was not ended"
"""The detail of a notice that is being sent, or was when the process ended."""
NOTICES_KEPT = timedelta(days=30)
"""So long after its end a notice can still be looked at: was the citizen told?"""


class Writing(Protocol):
    """What may be written inside one transaction."""

    def append(self, rows: Sequence[EventRow]) -> None: ...
    def index_tickets(self, ids: Sequence[str], site: str, day: date) -> None: ...
    def index_appointment(self, code: str, site: str, day: date) -> None: ...
    def put_day_key(self, site: str, day: date, key: str, erase_on: date) -> None: ...
    def erase_day_keys(self, site: str, today: date) -> int:
        """The keys of days that are over by the site's own calendar; how many."""

    def put_answer(self, row: AnswerRow) -> None: ...
    def put_contact(self, row: ContactRow) -> None: ...
    def keep_contact(self, ref: str, day: date, erase_on: date) -> None:
        """Keep it until another date, for another day; what has been erased stays so."""

    def erase_contact(self, ref: str) -> None: ...
    def put_site(self, row: SiteRow) -> None: ...
    def put_staff(self, row: StaffRow) -> None: ...
    def add_staff(self, row: StaffRow) -> bool:
        """False: there is somebody of that name already."""

    def change_staff(self, was: StaffRow, now: StaffRow) -> bool:
        """Role, password and display name of a member of staff. False: he is gone, or is not any more what he was."""

    def remove_staff(self, name: str) -> None: ...
    def put_session(self, row: SessionRow) -> None: ...
    def remove_session(self, token_hash: str) -> None: ...
    def remove_sessions_of(self, user: str, *, but: str | None = None) -> None:
        """All sessions of a member of staff, or all but the one with this hash."""

    def end_pages_of(self, user: str, *, but: str) -> None:
        """What pages a member of staff has signed in at, but for the one with this hash, is over (`ELSEWHERE`)."""

    def put_device(self, row: DeviceRow) -> None: ...
    def put_done(self, row: DoneRow) -> None: ...
    def put_notice(self, row: NoticeRow) -> None: ...
    def begin_notice(self, row: NoticeRow) -> bool:
        """Note that the try with the number `tries` begins. False: it is gone or has ended, or somebody has begun that try already."""

    def move_notice(self, row: NoticeRow) -> bool:
        """Note how far a waiting notice has come: `tries`, `due_at`, `state`, `detail`. False: it is gone or has ended, and stays so."""

    def drop_notices(self, appointment: str) -> int:
        """Take back the reminders of an appointment that was moved or cancelled; how many."""

    def forget(self, now: datetime, real_now: datetime) -> int:
        """Erase what has run out; how many. `now` is the hall's, `real_now` is that of sessions and answers, also in a rehearsal."""

    def touch(self) -> None:
        """Write something that changes nothing: whether a disk takes it is known only then."""


Write = Callable[[Writing], Any]


class Store(Protocol):
    """Reads answer from what is committed. `write` runs its steps in one durable transaction and returns after the flush."""

    def read_beside(self, offload: Callable[..., Any]) -> None:
        """Where a read may have to wait, it does so through `offload(f, *args)`, which runs f on another thread."""

    shared: bool
    """Whether several server processes may serve it at once: then it is a `SharedStore`."""

    def claim(self) -> None:
        """Claim a database that is not shared for one server process, until closed or the process ends, however it ends. Raises
        `AlreadyServed`."""

    def write(self, steps: Sequence[Write]) -> list[Any]:
        """All or nothing. Raises `Conflict`, `Overtaken`, `Poison`, `Unavailable` or `Broken`; then nothing was written."""

    def story(self, site: str, day: date, after: int = 0) -> list[EventRow]: ...
    def last_seq(self, site: str, day: date) -> int: ...
    def last_seqs(self, days: Sequence[tuple[str, date]]) -> list[int]:
        """The last number of each of these days of these sites, in one look; 0 of a day without a story."""

    def last(self, site: str, day: date) -> EventRow | None: ...
    def days(self, site: str) -> list[date]: ...
    def answer(self, principal: str, key: str) -> AnswerRow | None: ...
    def answers(self, asked: Sequence[tuple[str, str]]) -> list[AnswerRow]:
        """Those of these principals and keys that there are, in one look."""

    def find_ticket(self, ticket: str) -> tuple[str, date] | None: ...
    def find_appointment(self, code: str) -> tuple[str, date] | None: ...
    def day_key(self, site: str, day: date) -> str | None: ...
    def contact(self, ref: str) -> ContactRow | None: ...
    def sites(self) -> list[str]: ...
    def site_version(self) -> dict[str, int]:
        """The newest version of every site's document, in one look."""

    def site(self, site: str, version: int | None = None) -> SiteRow | None: ...
    def site_versions(self, site: str) -> list[SiteRow]: ...
    def staff(self, name: str) -> StaffRow | None: ...
    def all_staff(self) -> list[StaffRow]: ...
    def session(self, token_hash: str) -> SessionRow | None: ...
    def sessions(self, token_hashes: Sequence[str]) -> list[SessionRow]:
        """Those of these that there are, in one look."""

    def device(self, key_hash: str) -> DeviceRow | None: ...
    def holder(self, key_hash: str) -> tuple[StaffRow, float] | DeviceRow | None:
        """Whom a key opens for, in one look: staff with the end of their session (seconds since the epoch), or a device."""

    def devices(self, site: str | None = None) -> list[DeviceRow]: ...
    def done(self, site: str, moments: Sequence[str]) -> list[DoneRow]: ...
    def due_notices(self, now: datetime, most: int, *, over: bool = True) -> list[NoticeRow]:
        """Waiting notices whose time has come, the longest due first; those whose time is over only with `over`."""

    def notices(self, site: str, appointment: str | None = None) -> list[NoticeRow]:
        """In the order in which they were written."""

    def notices_waiting(self) -> int: ...
    def scrub(self) -> bool:
        """Leave nothing of what was deleted in the files. False: somebody is reading; try again."""

    def check(self) -> None:
        """Raises when the database cannot be trusted or written."""

    def tend(self) -> None:
        """See that there is room for what is to come; about once a second, off the event loop."""

    @property
    def low_since_s(self) -> float | None:
        """Since when there is little room, by `time.monotonic`; None: there is enough, or somebody else sees to it."""

    def close(self) -> None: ...


class SharedStore(Store, Protocol):
    """A store that several server processes serve at once: what keeps them apart, and what they tell one another."""

    def enter(self, days: Sequence[tuple[str, date, int]], asked: Sequence[tuple[str, str]]) -> tuple[list[EventRow], list[AnswerRow]]:
        """Begin to decide on these days, each known up to a number: what has been written behind it, and the answers that were
        given under these principals and keys. Nobody else enters one of these days until the next `write` or `leave`.
        Raises `Overtaken`, `Unavailable` or `Broken`; then nothing was entered."""

    def leave(self) -> None:
        """End what `enter` began, without writing anything."""

    def on_duty(self) -> bool:
        """Whether this process is the one that looks after the house; asked again and again, until closed or the process ends."""

    def put_note(self, kind: str, name: str, text: str, lasts_s: float) -> None: ...
    def put_notes(self, kind: str, texts: dict[str, str], lasts_s: float) -> None: ...
    def add_note(self, kind: str, name: str, text: str, lasts_s: float) -> bool:
        """Only where there is none of this name that still lives."""

    def note(self, kind: str, name: str) -> str | None: ...
    def swap_note(self, kind: str, name: str, before: str, after: str) -> bool:
        """Only where it still says what it said before."""

    def take_note(self, kind: str, name: str, text: str) -> bool: ...
    def count_notes(self, kind: str) -> int: ...
    def notes_since(self, kind: str, at: datetime | None) -> list[tuple[str, str, datetime, float]]:
        """Name, text, when it was put by the database's clock, and how many seconds ago; oldest first."""

    def hit(self, who: str, most: int, seconds: float) -> bool:
        """Count one, unless as many have been counted in these last seconds; whether it was."""

    def hits(self, who: str, seconds: float) -> tuple[float, int]:
        """How many seconds ago the first of these last seconds was, and how many there were."""

    def clear_hits(self, who: str) -> None: ...
    def forget_notes(self) -> None: ...
    def done_at(self, moments: Sequence[tuple[str, str]]) -> list[DoneRow]:
        """The answers to moments of any sites, in one look."""
