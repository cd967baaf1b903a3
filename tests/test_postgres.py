"""What only PostgreSQL has: a server that can go away and come back, a second door to it, and settings that break a promise."""

from __future__ import annotations

import json
import os
import re
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from databases import Postgres
from running import MORNING, OPEN, START_S, Server, moiso, running, until

from server.store import AnswerRow, Broken, Conflict, EventRow, Overtaken, StaffRow, Unavailable
from server.store.postgres import PostgresStore
from server.store.sqlite import SqliteStore
from server.store.tables import AMONG_PROCESSES, MIGRATIONS

DAY = date(2026, 11, 20)
AT = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


def event(seq: int, day: date = DAY, site: str = "demo") -> EventRow:
    return EventRow(site, day, seq, AT, "staff:lan", "TicketIssued", "{}")


@pytest.fixture
def url(postgres: Postgres) -> str:
    return postgres.fresh()


@pytest.fixture
def store(url: str) -> Iterator[PostgresStore]:
    with closing(PostgresStore(url)) as store:
        yield store


@pytest.fixture
def chief(url: str) -> Iterator[psycopg.Connection[Any]]:
    """Who looks after the database: a connection beside the program's."""
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        yield connection


def end_all(chief: psycopg.Connection[Any]) -> None:
    """The server forgets every other connection, as when it was started anew."""
    chief.execute(
        "select pg_terminate_backend(pid, 60000) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    )


def backends(chief: psycopg.Connection[Any]) -> set[int]:
    """The server's ends of all connections but this one."""
    rows = chief.execute("select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")
    return {pid for (pid,) in rows}


# -- opening ---------------------------------------------------------------------------------------------------------------------


def test_both_engines_have_the_same_tables(store: PostgresStore, chief: psycopg.Connection[Any], tmp_path: Path) -> None:
    rows = chief.execute(
        """select table_name, column_name from information_schema.columns
           where table_schema = 'public' and table_name <> 'migrations' and table_name <> all(%s) order by table_name, ordinal_position""",
        (list(AMONG_PROCESSES),),
    ).fetchall()
    with closing(SqliteStore(tmp_path / "office.db")) as other:
        tables = [name for (name,) in other._rows("select name from sqlite_schema where type = 'table' and name not like '%migrations'")]
        columns = [
            (table, column) for table in sorted(tables) for (column,) in other._rows(f"select name from pragma_table_info('{table}')")
        ]
    assert rows == columns


def test_a_server_that_does_not_flush_is_refused(url: str, chief: psycopg.Connection[Any]) -> None:
    def flushes(setting: str) -> None:
        chief.execute(f"alter system set fsync = {setting}")
        chief.execute("select pg_reload_conf()")
        until(lambda: chief.execute("show fsync").fetchone() == (setting,))

    flushes("off")
    try:
        with pytest.raises(Broken, match="fsync=off"):
            PostgresStore(url)
    finally:
        flushes("on")


def test_every_commit_waits_for_the_disk_whatever_the_database_says(url: str, chief: psycopg.Connection[Any]) -> None:
    chief.execute(f"alter database {chief.info.dbname} set synchronous_commit = off")
    chief.execute(f"alter database {chief.info.dbname} set default_transaction_isolation = 'serializable'")
    with closing(PostgresStore(url)) as store:
        asked: list[Any] = []
        store.write([lambda tx: asked.append(tx._run("show synchronous_commit").fetchone())])
        assert asked == [("on",)]
        assert store._rows("show default_transaction_isolation") == [("read committed",)]


def test_many_may_open_a_new_database_at_once_and_it_is_made_once(url: str, chief: psycopg.Connection[Any]) -> None:
    start = threading.Barrier(6)

    def opens(number: int) -> None:
        start.wait()
        with closing(PostgresStore(url)) as store:
            store.write([lambda tx: tx.put_staff(StaffRow(f"s{number}", "clerk", "x", None))])

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(opens, range(6)))
    assert chief.execute("select name from migrations").fetchall() == [(name,) for name, _ in MIGRATIONS]
    assert chief.execute("select count(*) from staff").fetchone() == (6,)


def test_the_password_is_never_shown(postgres: Postgres) -> None:
    secret = f"postgresql://lan:mat-khau@127.0.0.1:{postgres.port}/nowhere"
    told = moiso("user", "list", "--db", secret)
    assert told.returncode == 1 and told.stderr.count("\n") == 1, told.stderr
    assert f"The database postgresql://127.0.0.1:{postgres.port}/nowhere does not answer" in told.stderr and "mat-khau" not in told.stderr
    told = moiso("user", "list", "--db", secret.replace("postgresql", "mysql"))
    assert told.returncode == 1 and "mat-khau" not in told.stderr


def test_what_belongs_to_a_file_says_what_to_do_instead(url: str) -> None:
    told = moiso("serve", "--site", OPEN, "--replica", "copies", "--db", url)
    assert told.returncode == 1 and "docs/postgresql.md" in told.stderr and told.stderr.count("\n") == 1, told.stderr


def test_a_check_of_the_machine_looks_at_what_is_on_it(url: str) -> None:
    told = json.loads(moiso("doctor", "--db", url, "--json").stdout)
    names = [finding["name"] for finding in told["findings"]]
    assert "disk" in names and "database" not in names and "copies" not in names, names


# -- months ----------------------------------------------------------------------------------------------------------------------


def test_each_month_has_a_table_of_its_own_made_when_it_is_first_needed(store: PostgresStore, chief: psycopg.Connection[Any]) -> None:
    def months() -> list[str]:
        return [name for (name,) in chief.execute("select relid::regclass::text from pg_partition_tree('events') where isleaf order by 1")]

    assert months() == []
    with pytest.raises(Exception, match="nothing"):
        store.write([lambda tx: tx.append([event(1)]), lambda tx: {}["nothing"]])
    assert months() == [], "what was rolled back is not there"
    store.write([lambda tx: tx.append([event(1), event(1, date(2026, 12, 31)), event(1, date(2027, 1, 1))])])
    assert months() == ["events_2026_11", "events_2026_12", "events_2027_01"]


def test_two_programs_may_begin_a_month_at_the_same_moment(url: str) -> None:
    start = threading.Barrier(4)

    def writes(number: int) -> None:
        with closing(PostgresStore(url)) as store:
            start.wait()
            store.write([lambda tx: tx.append([event(1, site=f"s{number}")])])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(writes, range(4)))
    with closing(PostgresStore(url)) as store:
        assert [store.last_seq(f"s{n}", DAY) for n in range(4)] == [1, 1, 1, 1]


def test_one_day_is_looked_for_in_its_own_month(store: PostgresStore, chief: psycopg.Connection[Any]) -> None:
    store.write([lambda tx: tx.append([event(1, DAY + timedelta(days=31 * n)) for n in range(6)])])
    plan = " ".join(row for (row,) in chief.execute("explain select seq from events where site = 'demo' and day = '2026-11-20'"))
    assert re.findall(r"on (events\w*)", plan) == ["events_2026_11"], plan


# -- connections that end --------------------------------------------------------------------------------------------------------


def test_a_database_that_was_started_anew_meanwhile_is_used_again(store: PostgresStore, chief: psycopg.Connection[Any]) -> None:
    store.write([lambda tx: tx.append([event(1)])])
    assert store.last_seq("demo", DAY) == 1
    end_all(chief)
    assert store.last_seq("demo", DAY) == 1
    end_all(chief)
    store.write([lambda tx: tx.append([event(2)])])
    assert store.last_seq("demo", DAY) == 2


def test_a_connection_that_ends_within_a_transaction_has_changed_nothing(store: PostgresStore, chief: psycopg.Connection[Any]) -> None:
    with pytest.raises(Unavailable):
        store.write([lambda tx: tx.append([event(1)]), lambda tx: end_all(chief), lambda tx: tx.append([event(2)])])
    assert store.last_seq("demo", DAY) == 0
    store.write([lambda tx: tx.append([event(1)])])


def test_what_a_cut_cable_left_behind_is_ended_before_anybody_looks(store: PostgresStore, chief: psycopg.Connection[Any]) -> None:
    store.write([lambda tx: tx.append([event(1)])])
    before, kept = backends(chief), []

    def cut(tx: Any) -> None:
        tx.append([event(2)])
        # This end is dead from here on, and the server does not hear of it: its own end stays, with all that it has locked.
        here = tx._connection.fileno()
        kept.append(os.dup(here))
        dead, other = socket.socketpair()
        os.dup2(dead.fileno(), here)
        for end in (dead, other):
            end.close()

    with pytest.raises(Unavailable):
        store.write([cut, lambda tx: tx.append([event(3)])])
    until(lambda: len(backends(chief) & before) == 1)
    assert store.last_seq("demo", DAY) == 1
    assert not backends(chief) & before
    store.write([lambda tx: tx.append([event(2)])])
    os.close(kept[0])


# -- several who write -----------------------------------------------------------------------------------------------------------


def test_whoever_has_entered_a_day_has_it_alone_and_is_told_what_others_wrote(url: str) -> None:
    with closing(PostgresStore(url)) as first, closing(PostgresStore(url)) as second, ThreadPoolExecutor() as pool:
        assert first.enter([("demo", DAY, 0)], []) == ([], [])
        assert second.enter([("demo", DAY + timedelta(days=1), 0), ("other", DAY, 0)], []) == ([], []), "other days are free"
        second.leave()
        waits = pool.submit(second.enter, [("demo", DAY, 0), ("other", DAY, 0)], [("k1", "a"), ("k1", "b")])
        answer = AnswerRow("k1", "b", "r", 201, "{}", 0.0)
        first.write([lambda tx: tx.append([event(1), event(2)]), lambda tx: tx.put_answer(answer)])
        assert waits.result(60) == ([event(1), event(2)], [answer])
        second.write([lambda tx: tx.append([event(3)])])
        assert first.enter([("demo", DAY, 2)], [("k1", "a")]) == ([event(3)], [])
        first.leave()


def test_who_stands_still_in_a_decision_gives_the_day_back(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with ExitStack() as stores:
        # Long enough for a busy machine to go from one question to the next.
        monkeypatch.setattr("server.store.postgres.IDLE_MS", 2_000)
        first = stores.enter_context(closing(PostgresStore(url)))
        # The other one goes on, however slow the machine is.
        monkeypatch.setattr("server.store.postgres.IDLE_MS", 60_000)
        second = stores.enter_context(closing(PostgresStore(url)))
        first.enter([("demo", DAY, 0)], [])
        second.enter([("demo", DAY, 0)], [])
        second.write([lambda tx: tx.append([event(1)])])
        with pytest.raises(Unavailable):
            first.write([lambda tx: tx.append([event(1)])])
        assert first.enter([("demo", DAY, 0)], []) == ([event(1)], [])


def test_a_second_answer_under_one_key_is_a_race_that_was_lost(store: PostgresStore) -> None:
    first = AnswerRow("k1", "a", "r", 201, "first", 0.0)
    store.write([lambda tx: tx.put_answer(first)])
    with pytest.raises(Conflict):
        store.write([lambda tx: tx.put_answer(replace(first, body="second"))])
    assert store.answer("k1", "a") == first


def test_of_two_who_stand_in_each_others_way_one_yields_and_is_told_that_nothing_was_written(url: str) -> None:
    both = threading.Barrier(2)

    def writes(store: PostgresStore, names: list[str]) -> Any:
        def sign(tx: Any, name: str) -> None:
            tx.put_staff(StaffRow(name, "clerk", "x", None))

        try:
            return store.write([lambda tx: sign(tx, names[0]), lambda tx: both.wait(60), lambda tx: sign(tx, names[1])])
        except Overtaken as error:
            return error

    with closing(PostgresStore(url)) as first, closing(PostgresStore(url)) as second, ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(writes, first, ["lan", "minh"]), pool.submit(writes, second, ["minh", "lan"])]
        answers = [one.result(60) for one in asked]
        assert sorted(isinstance(answer, Overtaken) for answer in answers) == [False, True], answers


# -- a whole server --------------------------------------------------------------------------------------------------------------


def board(server: Server) -> Any:
    return server.anyone().get("/sites/open/halls/main/board")["waiting"][0]["next"]


@pytest.mark.slow
def test_an_office_goes_on_when_its_database_comes_back(tmp_path: Path) -> None:
    own = Postgres().start()
    try:
        with running(tmp_path, OPEN, *MORNING, db=own.fresh()) as server:
            kiosk, once = server.device("k1"), uuid.uuid4().hex
            first = kiosk.post("/sites/open/tickets", {"service": "A"}, expect=201)
            assert first["code"] == "A001" and board(server) == ["A001"]
            own.stop("immediate")
            refused = kiosk.send("POST", "/sites/open/tickets", {"service": "A"}, once=once)
            assert refused.status_code == 503 and refused.json()["error"]["code"] == "storage_unavailable"
            assert kiosk.http.get(f"{server.url}/healthz", timeout=START_S).status_code == 200
            # The number of a moment ago speaks for a second.
            until(lambda: kiosk.http.get(f"{server.url}/readyz", timeout=START_S).status_code == 503)
            assert board(server) == ["A001"], "walls are drawn from memory"
            own.start()
            second = until(lambda: (kiosk.send("POST", "/sites/open/tickets", {"service": "A"}, once=once).json()).get("id"))
            assert board(server) == ["A001", "A002"]
            assert server.anyone().get(f"/sites/open/tickets/{second}")["code"] == "A002"
            assert "moiso_read_only 0.0" in kiosk.http.get(f"{server.url}/metrics", timeout=START_S).text
    finally:
        own.remove()


@pytest.mark.slow
def test_a_read_that_waits_keeps_nobody_else_waiting(tmp_path: Path, postgres: Postgres) -> None:
    url = postgres.fresh()
    with running(tmp_path, OPEN, *MORNING, db=url) as server, ThreadPoolExecutor() as pool:
        kiosk = server.device("k1")
        kiosk.post("/sites/open/tickets", {"service": "A"}, expect=201)
        with closing(psycopg.connect(url)) as other:
            other.execute("lock table devices in access exclusive mode")

            def answers_meanwhile() -> tuple[float, list[float]]:
                """How long the read was held, and how long each answer took in that time."""
                begun = time.perf_counter()
                waits = pool.submit(kiosk.send, "POST", "/sites/open/tickets", {"service": "A"})
                took = []
                while not waits.done():
                    begin = time.perf_counter()
                    assert board(server) == ["A001"]
                    took.append(time.perf_counter() - begin)
                held = time.perf_counter() - begun
                assert waits.result().status_code == 503 and held > 4
                return held, took

            # A loop that stood still would show as one answer that takes as long as the lock: each time, not only on a busy machine.
            seen = []
            while not seen or (max(seen[-1][1]) >= seen[-1][0] / 2 and len(seen) < 4):
                seen.append(answers_meanwhile())
            held, took = seen[-1]
            assert max(took) < held / 2, [(held, sorted(took)[-5:]) for held, took in seen]
        assert kiosk.post("/sites/open/tickets", {"service": "A"}, expect=201)["code"] == "A002"
