"""The store on SQLite, through sqlite-utils. The only file that speaks SQL to it.

WAL with `synchronous=FULL`: on power cuts WAL/NORMAL lost a third of the tickets it had acknowledged, FULL none. One writing connection,
used by one thread at a time (the ledger's committer, off the event loop); reads have a connection of their own and never wait for it.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import sqlite_utils
from filelock import FileLock, Timeout
from sqlite_utils import Migrations

from server.store import (
    ELSEWHERE,
    NOTICES_KEPT,
    PAGE,
    AlreadyServed,
    AnswerRow,
    Broken,
    Conflict,
    ContactRow,
    DeviceRow,
    DoneRow,
    EventRow,
    Full,
    NoticeRow,
    Poison,
    SessionRow,
    SiteRow,
    StaffRow,
    Unavailable,
    Write,
)
from server.store.ballast import Ballast
from server.store.mark import Mark

BUSY_MS = 5000
"""Longest wait for another process's transaction; the wait is on the writer's thread, so nobody else feels it."""

OPENING_S = 30
JOURNAL_PAGES = 4000
"""Pages of 4 kB in the journal before they are brought into the file, between two commits: that takes three or four flushes, and on a slow
flash disk everybody waits for each. Reading 16 MB after a power cut takes less than a second."""
HOLDERS_KEPT = 1024
"""Most keys of which it is remembered who holds them, and for how many seconds at most: the mark says at once that it may have changed, but
whoever was killed between his commit and the mark has left none."""
HOLDERS_KEPT_S = 1.0
FULL = 2
"""As `pragma synchronous` tells it."""
NO_ROOM = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE)
"""The second one: the journal's index had to grow."""
TAKEN = (sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE)

migrations = Migrations("moiso")


@migrations()
def first_tables(db: sqlite_utils.Database) -> None:
    for statement in (
        """create table events (site text not null, day text not null, seq integer not null, at text not null, actor text not null,
           kind text not null, body text not null, primary key (site, day, seq)) without rowid, strict""",
        """create table tickets (id text primary key, site text not null, day text not null) without rowid, strict""",
        """create table answers (principal text not null, key text not null, request text not null, status integer not null,
           body text not null, kept_until real not null, primary key (principal, key)) without rowid, strict""",
        """create table contacts (id text primary key, site text not null, day text not null, purpose text not null, body text not null,
           erase_on text not null) without rowid, strict""",
        """create table sites (site text not null, version integer not null, document text not null, source text not null,
           imported_sha text not null, primary key (site, version)) without rowid, strict""",
        """create table staff (name text primary key, role text not null, password_hash text not null, site text,
           must_change integer not null) without rowid, strict""",
        """create table sessions (token_hash text primary key, user text not null, expires_at real not null) without rowid, strict""",
        """create table devices (name text not null, site text not null, kind text not null, place text not null,
           key_hash text not null unique, revoked integer not null, primary key (site, name)) without rowid, strict""",
        """create table done (site text not null, moment text not null, device text not null, ok integer not null, detail text not null,
           at text not null, primary key (site, moment, device)) without rowid, strict""",
        "create index answers_kept on answers (kept_until)",
        "create index sessions_user on sessions (user)",
    ):
        db.execute(statement)


@migrations()
def appointments(db: sqlite_utils.Database) -> None:
    # Where a booking's code leads, and by which key a day knows a person again: both outside the story, the key erased with the day.
    db.execute("create table appointments (code text primary key, site text not null, day text not null) without rowid, strict")
    db.execute(
        """create table day_keys (site text not null, day text not null, key text not null, erase_on text not null,
           primary key (site, day)) without rowid, strict"""
    )


@migrations()
def notices(db: sqlite_utils.Database) -> None:
    for statement in (
        """create table notices (id text primary key, site text not null, day text not null, appointment text not null, kind text not null,
           contact text not null, created_at text not null, due_at text not null, expires_at text not null, tries integer not null,
           state text not null, detail text not null) without rowid, strict""",
        "create index notices_due on notices (due_at) where state = 'waiting'",
        "create index notices_of on notices (site, appointment)",
    ):
        db.execute(statement)


@migrations()
def display_names(db: sqlite_utils.Database) -> None:
    db.execute("alter table staff add column display_name text not null default ''")


@migrations()
def answers_in_a_row(db: sqlite_utils.Database) -> None:
    # Without a rowid the whole row stands in each level of the tree, five to a page; keys come in any order, so each cost pages of its own.
    for statement in (
        """create table answers_new (principal text not null, key text not null, request text not null, status integer not null,
           body text not null, kept_until real not null, primary key (principal, key)) strict""",
        "insert into answers_new select principal, key, request, status, body, kept_until from answers",
        "drop table answers",
        # Those that have run out are looked for once in a while among two days of them: no need of an index that each one pays for.
        "alter table answers_new rename to answers",
    ):
        db.execute(statement)


@migrations()
def kinds_of_sessions(db: sqlite_utils.Database) -> None:
    db.execute("alter table sessions add column kind text not null default 'program'")


_NOTICE = "select id, site, day, appointment, kind, contact, created_at, due_at, expires_at, tries, state, detail from notices"
_SITE = "select site, version, document, source, imported_sha from sites where site = ?"
_HOLDER = """select null, name, site, kind, place, key_hash, revoked from devices where key_hash = ?1 union all
   select expires_at, name, role, password_hash, site, must_change, display_name from sessions join staff on name = user
   where token_hash = ?1 and sessions.kind <> 'elsewhere'"""
_STAFF = "select name, role, password_hash, site, must_change, display_name from staff"


def claim(path: Path) -> FileLock:
    """Hold a database against every server, until released or the process ends, however it ends. Raises `AlreadyServed`."""
    held = FileLock(f"{path}.lock", timeout=0, thread_local=False)
    try:
        held.acquire()
    except Timeout as error:
        raise AlreadyServed(f"{path} is already served by another server. Stop that one first, or give --db another file.") from error
    return held


class _Writing:
    """The statements of one transaction on the writing connection."""

    def __init__(self, db: sqlite_utils.Database) -> None:
        self._run = db.conn.execute
        self._many = db.conn.executemany
        self.keys_changed = False

    def append(self, rows: Sequence[EventRow]) -> None:
        try:
            self._many(
                "insert into events values (?, ?, ?, ?, ?, ?, ?)",
                [(r.site, r.day.isoformat(), r.seq, r.at.isoformat(), r.actor, r.kind, r.body) for r in rows],
            )
        except sqlite3.IntegrityError as error:
            raise _conflict(error) from error

    def index_tickets(self, ids: Sequence[str], site: str, day: date) -> None:
        self._many("insert into tickets values (?, ?, ?)", [(i, site, day.isoformat()) for i in ids])

    def index_appointment(self, code: str, site: str, day: date) -> None:
        self._run("insert or replace into appointments values (?, ?, ?)", (code, site, day.isoformat()))

    def put_day_key(self, site: str, day: date, key: str, erase_on: date) -> None:
        # The first one counts: whoever was recognised by it must stay so.
        self._run("insert or ignore into day_keys values (?, ?, ?, ?)", (site, day.isoformat(), key, erase_on.isoformat()))

    def erase_day_keys(self, site: str, today: date) -> int:
        erased = self._run("delete from day_keys where site = ? and erase_on <= ?", (site, today.isoformat()))
        return int(erased.rowcount)

    def put_answer(self, row: AnswerRow) -> None:
        self._run(
            "insert or replace into answers values (?, ?, ?, ?, ?, ?)",
            (row.principal, row.key, row.request, row.status, row.body, row.kept_until),
        )

    def put_contact(self, row: ContactRow) -> None:
        self._run(
            "insert into contacts values (?, ?, ?, ?, ?, ?)",
            (row.id, row.site, row.day.isoformat(), row.purpose, row.body, row.erase_on.isoformat()),
        )

    def keep_contact(self, ref: str, day: date, erase_on: date) -> None:
        self._run("update contacts set day = ?, erase_on = ? where id = ?", (day.isoformat(), erase_on.isoformat(), ref))

    def erase_contact(self, ref: str) -> None:
        self._run("delete from contacts where id = ?", (ref,))

    def put_site(self, row: SiteRow) -> None:
        try:
            self._run("insert into sites values (?, ?, ?, ?, ?)", (row.site, row.version, row.document, row.source, row.imported_sha))
        except sqlite3.IntegrityError as error:
            raise _conflict(error) from error

    def put_staff(self, row: StaffRow) -> None:
        self.keys_changed = True
        self._run(
            "insert or replace into staff values (?, ?, ?, ?, ?, ?)",
            (row.name, row.role, row.password_hash, row.site, int(row.must_change), row.display_name),
        )

    def add_staff(self, row: StaffRow) -> bool:
        self.keys_changed = True
        added = self._run(
            "insert or ignore into staff values (?, ?, ?, ?, ?, ?)",
            (row.name, row.role, row.password_hash, row.site, int(row.must_change), row.display_name),
        )
        return bool(added.rowcount)

    def change_staff(self, was: StaffRow, now: StaffRow) -> bool:
        self.keys_changed = True
        changed = self._run(
            """update staff set role = ?, password_hash = ?, must_change = ?, display_name = ?
               where name = ? and role = ? and password_hash = ? and must_change = ? and display_name = ?""",
            (*_said(now), was.name, *_said(was)),
        )
        return bool(changed.rowcount)

    def remove_staff(self, name: str) -> None:
        self.keys_changed = True
        self._run("delete from staff where name = ?", (name,))
        self.remove_sessions_of(name)

    def put_session(self, row: SessionRow) -> None:
        self.keys_changed = True
        self._run("insert into sessions values (?, ?, ?, ?)", (row.token_hash, row.user, row.expires_at, row.kind))

    def remove_session(self, token_hash: str) -> None:
        self.keys_changed = True
        self._run("delete from sessions where token_hash = ?", (token_hash,))

    def remove_sessions_of(self, user: str, *, but: str | None = None) -> None:
        self.keys_changed = True
        self._run("delete from sessions where user = ? and token_hash is not ?", (user, but))

    def end_pages_of(self, user: str, *, but: str) -> None:
        self.keys_changed = True
        self._run("update sessions set kind = ? where user = ? and kind = ? and token_hash <> ?", (ELSEWHERE, user, PAGE, but))

    def put_device(self, row: DeviceRow) -> None:
        self.keys_changed = True
        self._run(
            "insert or replace into devices values (?, ?, ?, ?, ?, ?)",
            (row.name, row.site, row.kind, row.place, row.key_hash, int(row.revoked)),
        )

    def put_done(self, row: DoneRow) -> None:
        # The first answer counts; a device that answers again after a reconnect says nothing new.
        self._run(
            "insert or ignore into done values (?, ?, ?, ?, ?, ?)",
            (row.site, row.moment, row.device, int(row.ok), row.detail, row.at.isoformat()),
        )

    def put_notice(self, row: NoticeRow) -> None:
        moments = [_instant(at) for at in (row.created_at, row.due_at, row.expires_at)]
        self._run(
            "insert into notices values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (row.id, row.site, row.day.isoformat(), row.appointment, row.kind, row.contact, *moments, row.tries, row.state, row.detail),
        )

    def begin_notice(self, row: NoticeRow) -> bool:
        begun = self._run(
            "update notices set tries = ?, due_at = ?, detail = ? where id = ? and state = 'waiting' and tries = ?",
            (row.tries, _instant(row.due_at), row.detail, row.id, row.tries - 1),
        )
        return bool(begun.rowcount)

    def move_notice(self, row: NoticeRow) -> bool:
        moved = self._run(
            "update notices set tries = ?, due_at = ?, state = ?, detail = ? where id = ? and state = 'waiting'",
            (row.tries, _instant(row.due_at), row.state, row.detail, row.id),
        )
        return bool(moved.rowcount)

    def drop_notices(self, appointment: str) -> int:
        dropped = self._run("delete from notices where appointment = ? and kind = 'reminder' and state = 'waiting'", (appointment,))
        return int(dropped.rowcount)

    def forget(self, now: datetime, real_now: datetime) -> int:
        gone = self._run("delete from answers where kept_until < ?", (real_now.timestamp(),)).rowcount
        gone += self._run("delete from sessions where expires_at < ?", (real_now.timestamp(),)).rowcount
        gone += self._run("delete from contacts where erase_on <= ?", (now.date().isoformat(),)).rowcount
        gone += self._run("delete from notices where state <> 'waiting' and due_at < ?", (_instant(now - NOTICES_KEPT),)).rowcount
        return gone

    def touch(self) -> None:
        # A number nobody reads: SQLite writes its page all the same.
        self._run("pragma user_version = 0")


class SqliteStore:
    """A database file. Opening it migrates it, and refuses a disk or a library that cannot keep a promise."""

    shared = False

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._alone: FileLock | None = None
        self.ballast: Ballast | None = None
        """Given away when the disk is full; whoever serves the database sets it."""
        # Two processes may open a new database at once: SQLite does not wait for its turn to switch to WAL, and only one may migrate.
        try:
            with FileLock(f"{path}.opening.lock", timeout=OPENING_S):
                self._writer = self._connect()
                if migrations.pending(self._writer):
                    migrations.apply(self._writer)
        except Timeout as error:
            raise Unavailable(f"{path} is being opened by another process that does not finish.") from error
        except sqlite3.OperationalError as error:
            raise self._failure(error) from error
        self._holders: dict[str, tuple[bytes, float, tuple[StaffRow, float] | DeviceRow]] = {}
        """By the hash of a key: the mark and the moment before the look, and who holds it."""
        self._mark: Mark | None = None
        # Somebody else's file beside ours: then each key is looked up each time.
        with suppress(OSError):
            self._mark = Mark(Path(f"{path}-keys"))
        self._reader = self._connect()
        self._reader.conn.execute("pragma query_only = on")

    def _connect(self) -> sqlite_utils.Database:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=BUSY_MS / 1000)
        try:
            mode = connection.execute("pragma journal_mode = wal").fetchone()[0]
            connection.execute("pragma synchronous = full")
            flushes = connection.execute("pragma synchronous").fetchone()[0]
            # What is deleted is overwritten: a key that has been erased must not be found in a free page.
            connection.execute("pragma secure_delete = on")
            connection.execute(f"pragma wal_autocheckpoint = {JOURNAL_PAGES}")
        except sqlite3.OperationalError as error:
            raise self._failure(error) from error
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from error
        if mode != "wal" or flushes != FULL:
            raise Broken(f"{self.path}: SQLite did not accept WAL with synchronous=FULL (journal_mode is {mode}).")
        return sqlite_utils.Database(connection)

    def _damaged(self, problem: object) -> Broken:
        return Broken(f"{self.path} is damaged ({problem}): restore the last copy of it, and keep this file for whoever repairs it.")

    def claim(self) -> None:
        """Claim this database for one server process. Raises `AlreadyServed`; the claim ends with the process, however it ends."""
        self._alone = claim(self.path)

    def read_beside(self, offload: Callable[..., Any]) -> None:
        """The pages are at hand: a read takes microseconds, and the way to another thread and back ten times that."""

    def keep_journal(self) -> None:
        """Leave it to somebody else (`server.store.replica`) to bring the journal into the file."""
        self._writer.conn.execute("pragma wal_autocheckpoint = 0")

    def write(self, steps: Sequence[Write]) -> list[Any]:
        try:
            return self._write(steps)
        except Full:
            if self.ballast is None or not self.ballast.release():
                raise
        return self._write(steps)

    def tend(self) -> None:
        if self.ballast is not None:
            self.ballast.tend()

    @property
    def low_since_s(self) -> float | None:
        return self.ballast.low_since_s if self.ballast is not None else None

    def _write(self, steps: Sequence[Write]) -> list[Any]:
        connection = self._writer.conn
        writing = _Writing(self._writer)
        answers = []
        index = 0
        try:
            connection.execute("begin immediate")
            for index, step in enumerate(steps):  # noqa: B007 - the index is told on failure
                answers.append(step(writing))
            connection.execute("commit")
            if writing.keys_changed and self._mark is not None:
                self._mark.move()
        except Conflict as conflict:
            self._roll_back()
            conflict.index = index
            raise
        except sqlite3.OperationalError as error:
            self._roll_back()
            raise self._failure(error) from error
        except sqlite3.DatabaseError as error:
            self._roll_back()
            if isinstance(error, sqlite3.IntegrityError | sqlite3.DataError | sqlite3.ProgrammingError | sqlite3.InterfaceError):
                raise Poison(index, error) from error
            raise self._damaged(error) from error
        except Exception as error:
            self._roll_back()
            raise Poison(index, error) from error
        return answers

    def _failure(self, error: sqlite3.OperationalError) -> Exception:
        whole = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        if whole in NO_ROOM:
            return Full(f"{self.path}: {error}")
        if whole & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM):
            return Unavailable(f"{self.path}: {error}")
        return Broken(f"{self.path}: {error}")

    def _roll_back(self) -> None:
        if self._writer.conn.in_transaction:
            try:
                self._writer.conn.execute("rollback")
            except sqlite3.Error:
                # SQLite rolls back by itself after an I/O error; the connection is not used again for writing then.
                return

    def _rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        try:
            return self._reader.conn.execute(sql, values).fetchall()
        except sqlite3.OperationalError as error:
            raise self._failure(error) from error
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from error

    def story(self, site: str, day: date, after: int = 0) -> list[EventRow]:
        rows = self._rows(
            "select seq, at, actor, kind, body from events where site = ? and day = ? and seq > ? order by seq",
            site,
            day.isoformat(),
            after,
        )
        return [_event(site, day, row) for row in rows]

    def last(self, site: str, day: date) -> EventRow | None:
        rows = self._rows(
            "select seq, at, actor, kind, body from events where site = ? and day = ? order by seq desc limit 1", site, day.isoformat()
        )
        return _event(site, day, rows[0]) if rows else None

    def last_seq(self, site: str, day: date) -> int:
        return int(self._rows("select coalesce(max(seq), 0) from events where site = ? and day = ?", site, day.isoformat())[0][0])

    def last_seqs(self, days: Sequence[tuple[str, date]]) -> list[int]:
        return [self.last_seq(site, day) for site, day in days]

    def days(self, site: str) -> list[date]:
        # One step per day through the primary key, instead of a walk over every event of five years.
        rows = self._rows(
            """with recursive d(day) as (select min(day) from events where site = ? union all
               select (select min(day) from events where site = ? and day > d.day) from d where d.day is not null)
               select day from d where day is not null""",
            site,
            site,
        )
        return [date.fromisoformat(row[0]) for row in rows]

    def answer(self, principal: str, key: str) -> AnswerRow | None:
        rows = self._rows(
            "select principal, key, request, status, body, kept_until from answers where principal = ? and key = ?", principal, key
        )
        return AnswerRow(*rows[0]) if rows else None

    def answers(self, asked: Sequence[tuple[str, str]]) -> list[AnswerRow]:
        rows = self._rows(
            """select principal, found.key, request, status, body, kept_until from json_each(?) as asked cross join answers as found
               on principal = json_extract(asked.value, '$[0]') and found.key = json_extract(asked.value, '$[1]')""",
            json.dumps(asked),
        )
        return [AnswerRow(*row) for row in rows]

    def find_ticket(self, ticket: str) -> tuple[str, date] | None:
        rows = self._rows("select site, day from tickets where id = ?", ticket)
        return (rows[0][0], date.fromisoformat(rows[0][1])) if rows else None

    def find_appointment(self, code: str) -> tuple[str, date] | None:
        rows = self._rows("select site, day from appointments where code = ?", code)
        return (rows[0][0], date.fromisoformat(rows[0][1])) if rows else None

    def day_key(self, site: str, day: date) -> str | None:
        rows = self._rows("select key from day_keys where site = ? and day = ?", site, day.isoformat())
        return str(rows[0][0]) if rows else None

    def contact(self, ref: str) -> ContactRow | None:
        rows = self._rows("select id, site, day, purpose, body, erase_on from contacts where id = ?", ref)
        if not rows:
            return None
        row = rows[0]
        return ContactRow(row[0], row[1], date.fromisoformat(row[2]), row[3], row[4], date.fromisoformat(row[5]))

    def sites(self) -> list[str]:
        return [row[0] for row in self._rows("select distinct site from sites order by site")]

    def site_version(self) -> dict[str, int]:
        return dict(self._rows("select site, max(version) from sites group by site"))

    def site(self, site: str, version: int | None = None) -> SiteRow | None:
        if version is None:
            rows = self._rows(f"{_SITE} order by version desc limit 1", site)
        else:
            rows = self._rows(f"{_SITE} and version = ?", site, version)
        return SiteRow(*rows[0]) if rows else None

    def site_versions(self, site: str) -> list[SiteRow]:
        rows = self._rows(f"{_SITE} order by version", site)
        return [SiteRow(*row) for row in rows]

    def staff(self, name: str) -> StaffRow | None:
        rows = self._rows(f"{_STAFF} where name = ?", name)
        return _staff(rows[0]) if rows else None

    def all_staff(self) -> list[StaffRow]:
        return [_staff(row) for row in self._rows(f"{_STAFF} order by name")]

    def session(self, token_hash: str) -> SessionRow | None:
        rows = self._rows("select token_hash, user, expires_at, kind from sessions where token_hash = ?", token_hash)
        return SessionRow(*rows[0]) if rows else None

    def sessions(self, token_hashes: Sequence[str]) -> list[SessionRow]:
        return [row for token_hash in token_hashes if (row := self.session(token_hash)) is not None]

    def device(self, key_hash: str) -> DeviceRow | None:
        rows = self._rows("select name, site, kind, place, key_hash, revoked from devices where key_hash = ?", key_hash)
        return _device(rows[0]) if rows else None

    def holder(self, key_hash: str) -> tuple[StaffRow, float] | DeviceRow | None:
        if self._mark is None:
            return self._held(key_hash)
        mark, now = self._mark.value(), time.monotonic()
        known = self._holders.get(key_hash)
        if known is not None and known[0] == mark and now - known[1] < HOLDERS_KEPT_S:
            return known[2]
        found = self._held(key_hash)
        if len(self._holders) >= HOLDERS_KEPT:
            self._holders.clear()
        # Of keys that nobody holds there is no end.
        if found is not None:
            self._holders[key_hash] = mark, now, found
        return found

    def _held(self, key_hash: str) -> tuple[StaffRow, float] | DeviceRow | None:
        rows = self._rows(_HOLDER, key_hash)
        if not rows:
            return None
        ends, *row = rows[0]
        return _device(tuple(row)) if ends is None else (_staff(tuple(row)), ends)

    def devices(self, site: str | None = None) -> list[DeviceRow]:
        rows = self._rows(
            "select name, site, kind, place, key_hash, revoked from devices where ? is null or site = ? order by site, name", site, site
        )
        return [_device(row) for row in rows]

    def done(self, site: str, moments: Sequence[str]) -> list[DoneRow]:
        found = []
        for moment in moments:
            rows = self._rows("select moment, site, device, ok, detail, at from done where site = ? and moment = ?", site, moment)
            found += [DoneRow(m, s, d, bool(ok), detail, datetime.fromisoformat(at)) for m, s, d, ok, detail, at in rows]
        return found

    def due_notices(self, now: datetime, most: int, *, over: bool = True) -> list[NoticeRow]:
        least = "" if over else _instant(now)
        rows = self._rows(
            f"{_NOTICE} where state = 'waiting' and due_at <= ? and expires_at > ? order by due_at limit ?", _instant(now), least, most
        )
        return [_notice(row) for row in rows]

    def notices(self, site: str, appointment: str | None = None) -> list[NoticeRow]:
        one, which = ("", ()) if appointment is None else (" and appointment = ?", (appointment,))
        return [_notice(row) for row in self._rows(f"{_NOTICE} where site = ?{one} order by created_at, id", site, *which)]

    def notices_waiting(self) -> int:
        return int(self._rows("select count(*) from notices where state = 'waiting'")[0][0])

    def scrub(self) -> bool:
        # The log still holds pages as they were. A connection of its own, since the writing one belongs to the committer's thread.
        with closing(self._connect().conn) as connection:
            # Whoever waited here for a reader would hold up every command.
            connection.execute("pragma busy_timeout = 0")
            busy = connection.execute("pragma wal_checkpoint(truncate)").fetchone()[0]
        return not busy

    def check(self) -> None:
        problem = self._rows("pragma quick_check(1)")[0][0]
        if problem != "ok":
            raise self._damaged(" ".join(str(problem).split()))

    def close(self) -> None:
        self._reader.close()
        self._writer.close()
        if self._mark is not None:
            self._mark.close()
        if self._alone is not None:
            self._alone.release()


def _conflict(error: sqlite3.IntegrityError) -> Exception:
    """A number that is taken can be decided again; a value that does not fit its column will never fit."""
    return Conflict(str(error)) if error.sqlite_errorcode in TAKEN else error


def _event(site: str, day: date, row: tuple[Any, ...]) -> EventRow:
    return EventRow(site, day, row[0], datetime.fromisoformat(row[1]), row[2], row[3], row[4])


def _instant(at: datetime) -> str:
    """In UTC and always with microseconds, so that the order of the texts is the order of the instants."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _notice(row: tuple[Any, ...]) -> NoticeRow:
    id, site, day, appointment, kind, contact, *instants, tries, state, detail = row
    created, due, expires = map(datetime.fromisoformat, instants)
    return NoticeRow(id, site, date.fromisoformat(day), appointment, kind, contact, created, due, expires, tries, state, detail)


def _said(row: StaffRow) -> tuple[str, str, int, str]:
    """What may change of a member of staff."""
    return row.role, row.password_hash, int(row.must_change), row.display_name


def _staff(row: tuple[Any, ...]) -> StaffRow:
    return StaffRow(row[0], row[1], row[2], row[3], bool(row[4]), row[5])


def _device(row: tuple[Any, ...]) -> DeviceRow:
    return DeviceRow(row[0], row[1], row[2], row[3], row[4], bool(row[5]))
