"""The store on PostgreSQL, through psycopg. The only file that speaks SQL to it.

A commit is durable when it returns: `synchronous_commit` is never below `on` here, and a server that runs without `fsync` is refused. One
writing connection; reads have others, one for each thread that reads at the same time, and each read goes through `offload`: a network may
be slow, and the event loop must not be.

Several server processes may serve it. Whoever decides on a day holds that day's advisory lock from before it looks until its commit; the
primary key guards what a lock that was lost would let through.
"""

from __future__ import annotations

import time
import zlib
from collections import deque
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from server.store import (
    ELSEWHERE,
    NOTICES_KEPT,
    PAGE,
    AnswerRow,
    Broken,
    Conflict,
    ContactRow,
    DeviceRow,
    DoneRow,
    EventRow,
    Full,
    NoticeRow,
    Overtaken,
    Poison,
    SessionRow,
    SiteRow,
    StaffRow,
    Unavailable,
    Write,
)
from server.store.shared import HOUSE, Notes
from server.store.tables import KEY, MIGRATIONS

OLDEST = 140_000
"""PostgreSQL 14: the first that can end a connection and wait until it has ended."""
BUSY_MS = 5000
"""Longest wait for another one's lock, of a read for its answer, and for a lost connection to end."""
IDLE_MS = 3000
"""A process that stands still in the middle of a decision gives the day back after so long; whoever waits for it is still waiting."""
OPENING_MS = 30_000
SCRUB_MS = 50
ROOM_ROWS = 10_000
"""Numbers that take 140 kB in a file of the server's: more than one command's tables and indexes grow by."""
SCRUB_TRIES = 20
# What libpq is told unless the URL says otherwise: a server that has gone without a word is noticed within about ten seconds. The server
# is told the same of us (`_connect`): otherwise a day that a machine held when it lost its power would be nobody's for two hours.
CONNECTING = {
    "connect_timeout": "3",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "5000",
    "application_name": "moiso",
}
# Advisory locks, numbers of this program alone within its database.
MIGRATING, NEW_MONTH = 0x4D53_0002, 0x4D53_0003
DAYS = 0x4D54
"""First of the two numbers of a day's lock."""
DAMAGE = {"XX001", "XX002", "58030", "58P01"}
"""Corrupted data or index, a failed read or write of a file, a file that is missing: https://www.postgresql.org/docs/current/errcodes-appendix.html"""
NO_ROOM = "53100"
"""A table, or what a statement keeps beside them, found the disk full. The server goes on, and so does whatever fits in where it is."""
YIELDED = (errors.DeadlockDetected, errors.SerializationFailure)
NEVER = (psycopg.IntegrityError, psycopg.DataError, psycopg.ProgrammingError, psycopg.NotSupportedError, psycopg.InterfaceError)

_EVENT = "select seq, at, actor, kind, body from events where site = %s and day = %s"
# One walk through the primary key for each day or key, whatever the planner thinks of their number.
_NEWS = """select d.site, d.day, e.seq, e.at, e.actor, e.kind, e.body
           from unnest(%s::text[], %s::date[], %s::int[]) as d(site, day, seq) cross join lateral
           (select * from events e where e.site = d.site and e.day = d.day and e.seq > d.seq order by e.seq) e"""
_KEPT = """select a.principal, a.key, a.request, a.status, a.body, a.kept_until
           from unnest(%s::text[], %s::text[]) as k(principal, key) cross join lateral
           (select * from answers a where a.principal = k.principal and a.key = k.key limit 1) a"""
_NOTICE = "select id, site, day, appointment, kind, contact, created_at, due_at, expires_at, tries, state, detail from notices"
_SITE = "select site, version, document, source, imported_sha from sites where site = %s"
_STAFF = "select name, role, password_hash, site, must_change, display_name from staff"
_HOLDER = """select null, name, site, kind, place, key_hash, revoked, '', false, '' from devices where key_hash = %s union all
   select expires_at, name, site, '', '', password_hash, false, role, must_change, display_name from sessions join staff on name = "user"
   where token_hash = %s and sessions.kind <> 'elsewhere'"""
_DEVICE = "select name, site, kind, place, key_hash, revoked from devices"


def _said(row: StaffRow) -> tuple[str, str, bool, str]:
    """What may change of a member of staff."""
    return row.role, row.password_hash, row.must_change, row.display_name


class _Writing:
    """The statements of one transaction on the writing connection."""

    def __init__(self, connection: psycopg.Connection[Any], months: set[tuple[int, int]]) -> None:
        self._run = connection.execute
        self._connection = connection
        self._known = months
        self.months: set[tuple[int, int]] = set()
        """Months that have got a partition in this transaction; they are there once it is committed."""

    def append(self, rows: Sequence[EventRow]) -> None:
        for month in {(r.day.year, r.day.month) for r in rows} - self._known - self.months:
            self._make_room(*month)
        try:
            self._many(
                "insert into events values (%s, %s, %s, %s, %s, %s, %s)",
                [(r.site, r.day, r.seq, r.at, r.actor, r.kind, r.body) for r in rows],
            )
        except errors.UniqueViolation as error:
            raise Conflict(_words(error)) from error

    def _make_room(self, year: int, month: int) -> None:
        # Made apart and then attached: that waits for nobody who reads or writes other months.
        self._run("select pg_advisory_xact_lock(%s)", (NEW_MONTH,))
        name, after = f"events_{year:04}_{month:02}", date(year + month // 12, month % 12 + 1, 1)
        made = self._run("select to_regclass(%s)", (name,)).fetchone()
        if made is None or made[0] is None:
            self._run(f"create table {name} (like events including defaults)")
            self._run(f"alter table events attach partition {name} for values from ('{date(year, month, 1)}') to ('{after}')")
        self.months.add((year, month))

    def _many(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(statement, rows)

    def index_tickets(self, ids: Sequence[str], site: str, day: date) -> None:
        self._many("insert into tickets values (%s, %s, %s)", [(i, site, day) for i in ids])

    def index_appointment(self, code: str, site: str, day: date) -> None:
        self._run(
            "insert into appointments values (%s, %s, %s) on conflict (code) do update set site = excluded.site, day = excluded.day",
            (code, site, day),
        )

    def put_day_key(self, site: str, day: date, key: str, erase_on: date) -> None:
        # The first one counts: whoever was recognised by it must stay so.
        self._run("insert into day_keys values (%s, %s, %s, %s) on conflict do nothing", (site, day, key, erase_on))

    def erase_day_keys(self, site: str, today: date) -> int:
        return self._run("delete from day_keys where site = %s and erase_on <= %s", (site, today)).rowcount

    def put_answer(self, row: AnswerRow) -> None:
        try:
            self._run(
                "insert into answers values (%s, %s, %s, %s, %s, %s)",
                (row.principal, row.key, row.request, row.status, row.body, row.kept_until),
            )
        except errors.UniqueViolation as error:
            # Another process has answered the same request meanwhile: its answer is the one to give.
            raise Conflict(_words(error)) from error

    def put_contact(self, row: ContactRow) -> None:
        self._run("insert into contacts values (%s, %s, %s, %s, %s, %s)", (row.id, row.site, row.day, row.purpose, row.body, row.erase_on))

    def keep_contact(self, ref: str, day: date, erase_on: date) -> None:
        self._run("update contacts set day = %s, erase_on = %s where id = %s", (day, erase_on, ref))

    def erase_contact(self, ref: str) -> None:
        self._run("delete from contacts where id = %s", (ref,))

    def put_site(self, row: SiteRow) -> None:
        try:
            self._run("insert into sites values (%s, %s, %s, %s, %s)", (row.site, row.version, row.document, row.source, row.imported_sha))
        except errors.UniqueViolation as error:
            raise Conflict(_words(error)) from error

    def put_staff(self, row: StaffRow) -> None:
        self._run(
            """insert into staff values (%s, %s, %s, %s, %s, %s) on conflict (name) do update
               set role = excluded.role, password_hash = excluded.password_hash, site = excluded.site,
               must_change = excluded.must_change, display_name = excluded.display_name""",
            (row.name, row.role, row.password_hash, row.site, row.must_change, row.display_name),
        )

    def add_staff(self, row: StaffRow) -> bool:
        added = self._run(
            "insert into staff values (%s, %s, %s, %s, %s, %s) on conflict do nothing",
            (row.name, row.role, row.password_hash, row.site, row.must_change, row.display_name),
        )
        return bool(added.rowcount)

    def change_staff(self, was: StaffRow, now: StaffRow) -> bool:
        changed = self._run(
            """update staff set role = %s, password_hash = %s, must_change = %s, display_name = %s
               where name = %s and role = %s and password_hash = %s and must_change = %s and display_name = %s""",
            (*_said(now), was.name, *_said(was)),
        )
        return bool(changed.rowcount)

    def remove_staff(self, name: str) -> None:
        self._run("delete from staff where name = %s", (name,))
        self.remove_sessions_of(name)

    def put_session(self, row: SessionRow) -> None:
        self._run("insert into sessions values (%s, %s, %s, %s)", (row.token_hash, row.user, row.expires_at, row.kind))

    def remove_session(self, token_hash: str) -> None:
        self._run("delete from sessions where token_hash = %s", (token_hash,))

    def remove_sessions_of(self, user: str, *, but: str | None = None) -> None:
        self._run('delete from sessions where "user" = %s and token_hash is distinct from %s::text', (user, but))

    def end_pages_of(self, user: str, *, but: str) -> None:
        self._run('update sessions set kind = %s where "user" = %s and kind = %s and token_hash <> %s', (ELSEWHERE, user, PAGE, but))

    def put_device(self, row: DeviceRow) -> None:
        self._run(
            """insert into devices values (%s, %s, %s, %s, %s, %s) on conflict (site, name) do update
               set kind = excluded.kind, place = excluded.place, key_hash = excluded.key_hash, revoked = excluded.revoked""",
            (row.name, row.site, row.kind, row.place, row.key_hash, row.revoked),
        )

    def put_done(self, row: DoneRow) -> None:
        # The first answer counts; a device that answers again after a reconnect says nothing new.
        self._run(
            "insert into done values (%s, %s, %s, %s, %s, %s) on conflict do nothing",
            (row.site, row.moment, row.device, row.ok, row.detail, row.at),
        )

    def put_notice(self, row: NoticeRow) -> None:
        who = (row.id, row.site, row.day, row.appointment, row.kind, row.contact)
        self._run(
            "insert into notices values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (*who, row.created_at, row.due_at, row.expires_at, row.tries, row.state, row.detail),
        )

    def begin_notice(self, row: NoticeRow) -> bool:
        begun = self._run(
            "update notices set tries = %s, due_at = %s, detail = %s where id = %s and state = 'waiting' and tries = %s",
            (row.tries, row.due_at, row.detail, row.id, row.tries - 1),
        )
        return bool(begun.rowcount)

    def move_notice(self, row: NoticeRow) -> bool:
        moved = self._run(
            "update notices set tries = %s, due_at = %s, state = %s, detail = %s where id = %s and state = 'waiting'",
            (row.tries, row.due_at, row.state, row.detail, row.id),
        )
        return bool(moved.rowcount)

    def drop_notices(self, appointment: str) -> int:
        dropped = self._run("delete from notices where appointment = %s and kind = 'reminder' and state = 'waiting'", (appointment,))
        return dropped.rowcount

    def forget(self, now: datetime, real_now: datetime) -> int:
        gone = self._run("delete from answers where kept_until < %s", (real_now.timestamp(),)).rowcount
        gone += self._run("delete from sessions where expires_at < %s", (real_now.timestamp(),)).rowcount
        gone += self._run("delete from contacts where erase_on <= %s", (now.date(),)).rowcount
        gone += self._run("delete from notices where state <> 'waiting' and due_at < %s", (now - NOTICES_KEPT,)).rowcount
        return gone

    def touch(self) -> None:
        # A server whose journal finds no room stops by itself; one whose tables cannot grow begins and commits as ever. Asked for here is
        # room where the tables lie, in a file that is gone with the statement: a row would find the place of the one before it, and
        # a table that is emptied each time would leave its traces in the catalogue.
        self._run("select set_config('work_mem', '64kB', true), set_config('temp_tablespaces', '', true)")
        self._run("select count(*) from generate_series(1, %s)", (ROOM_ROWS,))


class PostgresStore(Notes):
    """A database of a PostgreSQL server. Opening it migrates it, and refuses a server that cannot keep a promise."""

    shared = True

    def __init__(self, url: str) -> None:
        self.name = named(url)
        self._offload: Callable[..., Any] = lambda work, *arguments: work(*arguments)
        self._idle: deque[psycopg.Connection[Any]] = deque()
        self._hasty: deque[psycopg.Connection[Any]] = deque()
        """Connections for what need not be on a disk."""
        self._house: psycopg.Connection[Any] | None = None
        self._held = False
        """Whether it holds the lock of whoever looks after the house."""
        self._months: set[tuple[int, int]] = set()
        self._entered = False
        self._doubt: tuple[int, datetime] | None = None
        """The server's end of a connection that was lost while it wrote: that end may still be at the commit."""
        try:
            given = conninfo_to_dict(url)
        except psycopg.ProgrammingError as error:
            # What the library says may quote the password.
            raise Unavailable(f"{self.name} is no address of a PostgreSQL database.") from error
        self._address = make_conninfo(**(CONNECTING | {key: value for key, value in given.items() if value is not None}))
        self._writer = self._connect(writes=True)
        self._writes_as = _backend(self._writer)
        try:
            self._migrate()
        except psycopg.Error as error:
            self._writer.close()
            raise self._failure(error) if not isinstance(error, NEVER) else Broken(f"{self.name}: {_words(error)}.") from error

    # -- connections -------------------------------------------------------------------------------------------------------------

    def _connect(self, *, writes: bool) -> psycopg.Connection[Any]:
        try:
            connection = psycopg.connect(self._address, autocommit=True)
        except psycopg.Error as error:
            raise Unavailable(f"The database {self.name} does not answer: {_words(error)}.") from error
        try:
            told = connection.execute(
                """select current_setting('fsync'), current_setting('server_encoding'),
                   set_config('synchronous_commit',
                       case current_setting('synchronous_commit') when 'remote_apply' then 'remote_apply' else 'on' end, false),
                   set_config('default_transaction_isolation', 'read committed', false),
                   set_config('default_transaction_read_only', %s, false), set_config('statement_timeout', %s, false),
                   set_config('lock_timeout', %s, false), set_config('timezone', 'UTC', false),
                   set_config('idle_in_transaction_session_timeout', %s, false),
                   set_config('tcp_keepalives_idle', '5', false), set_config('tcp_keepalives_interval', '2', false),
                   set_config('tcp_keepalives_count', '3', false), set_config('client_connection_check_interval', '1000', false)""",
                ("off" if writes else "on", "0" if writes else str(BUSY_MS), str(BUSY_MS), str(IDLE_MS)),
            ).fetchone()
        except psycopg.Error as error:
            connection.close()
            raise self._failure(error) from error
        flushes, encoding = told[:2] if told else ("", "")
        problem = ""
        if connection.info.server_version < OLDEST:
            problem = f"PostgreSQL {OLDEST // 10_000} or newer is needed"
        elif flushes != "on":
            problem = "the server runs with fsync=off, which loses tickets in a power cut"
        elif encoding != "UTF8":
            problem = f"its encoding is {encoding}, and names here need UTF8"
        if problem:
            connection.close()
            raise Broken(f"{self.name} cannot be used: {problem}.")
        return connection

    def read_beside(self, offload: Callable[..., Any]) -> None:
        """From now on each read waits for its answer through `offload`, off the event loop."""
        self._offload = offload

    def claim(self) -> None:
        """Any number of servers may serve it."""

    def _rewriter(self) -> psycopg.Connection[Any]:
        """A new connection to write with, once the lost one can do nothing any more."""
        self._writer.close()
        fresh = self._connect(writes=True)
        try:
            self._end_doubt(fresh)
        except BaseException:
            fresh.close()
            raise
        self._writer, self._writes_as = fresh, _backend(fresh)
        return fresh

    def _end_doubt(self, connection: psycopg.Connection[Any]) -> None:
        """What is looked up after this is the last word about the transaction whose connection was lost."""
        doubt = self._doubt
        if doubt is None:
            return
        row = connection.execute(
            "select bool_and(pg_terminate_backend(pid, %s)) from pg_stat_activity where pid = %s and backend_start = %s", (BUSY_MS, *doubt)
        ).fetchone()
        if row and row[0] is False:
            raise Unavailable(f"{self.name}: a connection that was lost does not end.")
        self._doubt = None

    # -- writing -----------------------------------------------------------------------------------------------------------------

    def _migrate(self) -> None:
        with self._writer.transaction():
            # Two processes may open a new database at once; only one may migrate.
            self._writer.execute("select set_config('lock_timeout', %s, true)", (str(OPENING_MS),))
            self._writer.execute("select pg_advisory_xact_lock(%s)", (MIGRATING,))
            found = self._writer.execute("select to_regclass('migrations')").fetchone()
            if found is None or found[0] is None:
                self._writer.execute(f"create table migrations (name {KEY} primary key, applied_at timestamptz not null default now())")
            applied = {name for (name,) in self._writer.execute("select name from migrations")}
            for name, statements in MIGRATIONS:
                if name not in applied:
                    for statement in statements:
                        self._writer.execute(statement)
                    self._writer.execute("insert into migrations values (%s)", (name,))

    def _begin(self) -> psycopg.Connection[Any]:
        if not self._writer.closed:
            try:
                self._writer.execute("begin")
                return self._writer
            except psycopg.Error as error:
                if not self._writer.closed:
                    raise self._failure(error) from error
        try:
            # It was lost while nobody wrote, as when the database was started anew: nothing is in doubt.
            fresh = self._rewriter()
            fresh.execute("begin")
        except psycopg.Error as error:
            raise self._failure(error) from error
        return fresh

    def enter(self, days: Sequence[tuple[str, date, int]], asked: Sequence[tuple[str, str]]) -> tuple[list[EventRow], list[AnswerRow]]:
        connection = self._begin()
        # All in one order, so that two who enter the same days never wait for each other. A lock shared by two days only costs a wait.
        locks = sorted({zlib.crc32(f"{site} {day}".encode()) - 2**31 for site, day, _ in days})
        sites, dates, seqs = zip(*days, strict=True)
        try:
            # What is read after the lock sees what was committed before it: each statement looks anew. Not as a pipeline: the server's
            # clock for those who stand still would not run.
            connection.execute("select pg_advisory_xact_lock(%s, day) from unnest(%s::int[]) as day", (DAYS, locks))
            news = [EventRow(*row) for row in connection.execute(_NEWS, (list(sites), list(dates), list(seqs)))]
            keys = [principal for principal, _ in asked], [key for _, key in asked]
            kept = [AnswerRow(*row) for row in connection.execute(_KEPT, keys)] if asked else []
        except psycopg.Error as error:
            self._roll_back()
            raise Overtaken(_words(error)) if isinstance(error, YIELDED) else self._failure(error) from error
        self._entered = True
        return news, kept

    def leave(self) -> None:
        self._entered = False
        self._roll_back()

    def write(self, steps: Sequence[Write]) -> list[Any]:
        connection = self._writer if self._entered else self._begin()
        self._entered = False
        writing = _Writing(connection, self._months)
        answers = []
        index = 0
        try:
            for index, step in enumerate(steps):  # noqa: B007 - the index is told on failure
                answers.append(step(writing))
            if connection.execute("commit").statusmessage != "COMMIT":
                raise psycopg.ProgrammingError("a statement had failed, and its step went on")
        except Conflict as conflict:
            self._roll_back()
            conflict.index = index
            raise
        except psycopg.Error as error:
            if connection.closed:
                self._doubt = self._writes_as
            self._roll_back()
            if isinstance(error, YIELDED):
                raise Overtaken(_words(error)) from error
            if isinstance(error, NEVER):
                raise Poison(index, error) from error
            raise self._failure(error) from error
        except Exception as error:
            self._roll_back()
            raise Poison(index, error) from error
        self._months |= writing.months
        return answers

    def _roll_back(self) -> None:
        try:
            self._writer.execute("rollback")
        except psycopg.Error:
            self._writer.close()

    def _failure(self, error: psycopg.Error) -> Exception:
        kind = Broken if error.sqlstate in DAMAGE else Full if error.sqlstate == NO_ROOM else Unavailable
        return kind(f"{self.name}: {_words(error)}.")

    # -- reading -----------------------------------------------------------------------------------------------------------------

    def _rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self._offload(self._ask, sql, values)
        return found

    def _do(self, sql: str, values: Sequence[Any], lock: tuple[int, str] | None = None) -> list[tuple[Any, ...]]:
        done: list[tuple[Any, ...]] = self._offload(self._do_hastily, sql, values, lock)
        return done

    def _do_hastily(self, sql: str, values: Sequence[Any], lock: tuple[int, str] | None) -> list[tuple[Any, ...]]:
        try:
            connection, fresh = self._hasty.pop(), False
        except IndexError:
            connection, fresh = self._connect(writes=True), True
        try:
            if fresh:
                connection.execute("set synchronous_commit = off")
            with connection.transaction():
                if lock is not None:
                    connection.execute("select pg_advisory_xact_lock(%s, hashtext(%s))", lock)
                cursor = connection.execute(sql, values)
                rows = cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            lost = connection.closed
            connection.close()
            if lost and not fresh:
                return self._do_hastily(sql, values, lock)
            raise self._failure(error) from error
        self._hasty.append(connection)
        return rows

    def on_duty(self) -> bool:
        return bool(self._offload(self._is_on_duty))

    def _is_on_duty(self) -> bool:
        try:
            if self._house is None:
                self._house = self._connect(writes=False)
                self._held = False
            if self._held:
                self._house.execute("select 1")
            else:
                row = self._house.execute("select pg_try_advisory_lock(%s)", (HOUSE,)).fetchone()
                self._held = bool(row and row[0])
        except (psycopg.Error, Unavailable):
            # Whoever cannot reach the database has let go of the lock as well.
            if self._house is not None:
                self._house.close()
            self._house, self._held = None, False
        return self._held

    def _ask(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """On whatever thread: every thread that asks at the same moment has a connection of its own."""
        while True:
            try:
                connection, fresh = self._idle.pop(), False
            except IndexError:
                connection, fresh = self._connect(writes=False), True
            try:
                self._end_doubt(connection)
                rows = connection.execute(sql, values).fetchall()
            except (psycopg.DataError, UnicodeEncodeError):
                # What no column can hold is in none.
                rows = []
            except psycopg.Error as error:
                if connection.closed and not fresh:
                    # It was lost while nobody used it. The others may be, too; whoever takes one finds out.
                    continue
                connection.close()
                raise self._failure(error) from error
            except BaseException:
                connection.close()
                raise
            self._idle.append(connection)
            return rows

    def story(self, site: str, day: date, after: int = 0) -> list[EventRow]:
        return [EventRow(site, day, *row) for row in self._rows(f"{_EVENT} and seq > %s order by seq", site, day, after)]

    def last(self, site: str, day: date) -> EventRow | None:
        rows = self._rows(f"{_EVENT} order by seq desc limit 1", site, day)
        return EventRow(site, day, *rows[0]) if rows else None

    def last_seq(self, site: str, day: date) -> int:
        rows = self._rows("select seq from events where site = %s and day = %s order by seq desc limit 1", site, day)
        return int(rows[0][0]) if rows else 0

    def last_seqs(self, days: Sequence[tuple[str, date]]) -> list[int]:
        rows = self._rows(
            """select coalesce((select e.seq from events e where e.site = d.site and e.day = d.day order by e.seq desc limit 1), 0)
               from unnest(%s::text[], %s::date[]) with ordinality as d(site, day, number) order by d.number""",
            [site for site, _ in days],
            [day for _, day in days],
        )
        return [int(seq) for (seq,) in rows]

    def days(self, site: str) -> list[date]:
        # One step per day through the primary key, instead of a walk over every event of five years.
        rows = self._rows(
            """with recursive d(day) as (
                 (select day from events where site = %s order by day limit 1) union all
                 select (select e.day from events e where e.site = %s and e.day > d.day order by e.day limit 1)
                 from d where d.day is not null
               ) select day from d where day is not null""",
            site,
            site,
        )
        return [row[0] for row in rows]

    def answer(self, principal: str, key: str) -> AnswerRow | None:
        rows = self._rows(
            "select principal, key, request, status, body, kept_until from answers where principal = %s and key = %s", principal, key
        )
        return AnswerRow(*rows[0]) if rows else None

    def answers(self, asked: Sequence[tuple[str, str]]) -> list[AnswerRow]:
        rows = self._rows(
            """select principal, key, request, status, body, kept_until
               from answers join unnest(%s::text[], %s::text[]) as asked (principal, key) using (principal, key)""",
            [principal for principal, _ in asked],
            [key for _, key in asked],
        )
        return [AnswerRow(*row) for row in rows]

    def find_ticket(self, ticket: str) -> tuple[str, date] | None:
        rows = self._rows("select site, day from tickets where id = %s", ticket)
        return (rows[0][0], rows[0][1]) if rows else None

    def find_appointment(self, code: str) -> tuple[str, date] | None:
        rows = self._rows("select site, day from appointments where code = %s", code)
        return (rows[0][0], rows[0][1]) if rows else None

    def day_key(self, site: str, day: date) -> str | None:
        rows = self._rows("select key from day_keys where site = %s and day = %s", site, day)
        return str(rows[0][0]) if rows else None

    def contact(self, ref: str) -> ContactRow | None:
        rows = self._rows("select id, site, day, purpose, body, erase_on from contacts where id = %s", ref)
        return ContactRow(*rows[0]) if rows else None

    def sites(self) -> list[str]:
        return [row[0] for row in self._rows("select distinct site from sites order by site")]

    def site_version(self) -> dict[str, int]:
        return dict(self._rows("select site, max(version) from sites group by site"))  # type: ignore[arg-type]

    def site(self, site: str, version: int | None = None) -> SiteRow | None:
        if version is None:
            rows = self._rows(f"{_SITE} order by version desc limit 1", site)
        else:
            rows = self._rows(f"{_SITE} and version = %s", site, version)
        return SiteRow(*rows[0]) if rows else None

    def site_versions(self, site: str) -> list[SiteRow]:
        return [SiteRow(*row) for row in self._rows(f"{_SITE} order by version", site)]

    def staff(self, name: str) -> StaffRow | None:
        rows = self._rows(f"{_STAFF} where name = %s", name)
        return StaffRow(*rows[0]) if rows else None

    def all_staff(self) -> list[StaffRow]:
        return [StaffRow(*row) for row in self._rows(f"{_STAFF} order by name")]

    def session(self, token_hash: str) -> SessionRow | None:
        rows = self._rows('select token_hash, "user", expires_at, kind from sessions where token_hash = %s', token_hash)
        return SessionRow(*rows[0]) if rows else None

    def sessions(self, token_hashes: Sequence[str]) -> list[SessionRow]:
        hashes = list(token_hashes)
        if not hashes:
            return []
        return [
            SessionRow(*row)
            for row in self._rows('select token_hash, "user", expires_at, kind from sessions where token_hash = any(%s::text[])', hashes)
        ]

    def device(self, key_hash: str) -> DeviceRow | None:
        rows = self._rows(f"{_DEVICE} where key_hash = %s", key_hash)
        return DeviceRow(*rows[0]) if rows else None

    def holder(self, key_hash: str) -> tuple[StaffRow, float] | DeviceRow | None:
        rows = self._rows(_HOLDER, key_hash, key_hash)
        if not rows:
            return None
        ends, name, site, kind, place, hashed, revoked, role, must_change, shown = rows[0]
        if ends is None:
            return DeviceRow(name, site, kind, place, hashed, revoked)
        return StaffRow(name, role, hashed, site, must_change, shown), ends

    def devices(self, site: str | None = None) -> list[DeviceRow]:
        one, which = ("", ()) if site is None else (" where site = %s", (site,))
        return [DeviceRow(*row) for row in self._rows(f"{_DEVICE}{one} order by site, name", *which)]

    def done(self, site: str, moments: Sequence[str]) -> list[DoneRow]:
        asked = list(moments)
        rows = self._rows(
            """select moment, site, device, ok, detail, at from done where site = %s and moment = any(%s)
               order by array_position(%s, moment), device""",
            site,
            asked,
            asked,
        )
        return [DoneRow(*row) for row in rows]

    def due_notices(self, now: datetime, most: int, *, over: bool = True) -> list[NoticeRow]:
        rows = self._rows(
            f"{_NOTICE} where state = 'waiting' and due_at <= %s and (%s or expires_at > %s) order by due_at limit %s", now, over, now, most
        )
        return [NoticeRow(*row) for row in rows]

    def notices(self, site: str, appointment: str | None = None) -> list[NoticeRow]:
        one, which = ("", ()) if appointment is None else (" and appointment = %s", (appointment,))
        return [NoticeRow(*row) for row in self._rows(f"{_NOTICE} where site = %s{one} order by created_at, id", site, *which)]

    def notices_waiting(self) -> int:
        return int(self._rows("select count(*) from notices where state = 'waiting'")[0][0])

    # -- looking after it --------------------------------------------------------------------------------------------------------

    def scrub(self) -> bool:
        # The tables of what is erased are written anew without it. The server's journal (WAL) keeps it until it is used again.
        connection = self._connect(writes=True)
        try:
            # Whoever waited here for a reader would hold up every command.
            connection.execute("select set_config('lock_timeout', %s, false)", (str(SCRUB_MS),))
            for _ in range(SCRUB_TRIES):
                # Whoever looked before the rows were deleted may still need them, and they would be kept.
                row = connection.execute(
                    """select count(*) from pg_stat_activity
                       where datname = current_database() and pid <> pg_backend_pid() and backend_xmin is not null"""
                ).fetchone()
                if row and row[0] == 0:
                    connection.execute("vacuum full day_keys")
                    connection.execute("vacuum full contacts")
                    return True
                time.sleep(SCRUB_MS / 1000 / SCRUB_TRIES)
            return False
        except errors.LockNotAvailable:
            return False
        except psycopg.Error as error:
            raise self._failure(error) from error
        finally:
            connection.close()

    def check(self) -> None:
        standby, may = self._rows("select pg_is_in_recovery(), has_table_privilege('events', 'insert')")[0]
        if standby or not may:
            why = "it is a standby that only follows another server" if standby else "this user may not write into it"
            raise Broken(f"{self.name} cannot be served: {why}.")

    def tend(self) -> None:
        """Its room is looked after where its server stands."""

    low_since_s: float | None = None

    def close(self) -> None:
        self._writer.close()
        if self._house is not None:
            self._house.close()
        for idle in (self._idle, self._hasty):
            while idle:
                idle.pop().close()


def named(url: str) -> str:
    """A database as it may be shown: who opens it, and with which password, are left out."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _backend(connection: psycopg.Connection[Any]) -> tuple[int, datetime] | None:
    """The server's end of a connection; its number is used again one day, the number with its beginning is not."""
    return connection.execute("select pid, backend_start from pg_stat_activity where pid = pg_backend_pid()").fetchone()


def _words(error: psycopg.Error) -> str:
    """What the server said, in one line."""
    return (error.diag.message_primary or (str(error).splitlines() or [type(error).__name__])[0]).rstrip(".")
