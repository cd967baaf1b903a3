"""The store: what it keeps, what it refuses, and that somebody else's lock is nobody's pause but the writer's."""

from __future__ import annotations

import resource
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlite_utils
from databases import Engine, locked, opened
from running import MORNING, OPEN, ROOT, START_S, Server, running

from server.commands import newest
from server.store import (
    ELSEWHERE,
    PAGE,
    AlreadyServed,
    AnswerRow,
    Broken,
    Conflict,
    ContactRow,
    DeviceRow,
    DoneRow,
    EventRow,
    NoticeRow,
    Poison,
    SessionRow,
    SiteRow,
    StaffRow,
    Store,
    Unavailable,
)
from server.store.sqlite import BUSY_MS, HOLDERS_KEPT_S, SqliteStore, migrations

DAY = date(2026, 11, 20)
AT = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new folder" / "office.db"


@pytest.fixture
def file(path: Path) -> Iterator[SqliteStore]:
    """A store on SQLite, for what only a file has."""
    with closing(SqliteStore(path)) as store:
        yield store


@pytest.fixture
def url(engine: Engine, tmp_path: Path) -> str:
    """A new database of either engine."""
    return engine.new(tmp_path / "new folder")


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with opened(url) as store:
        yield store


def event(seq: int, day: date = DAY, site: str = "demo", **changes: Any) -> EventRow:
    return replace(EventRow(site, day, seq, AT, "staff:lan", "TicketIssued", '{"ticket":"é"}'), **changes)


def test_what_was_recorded_last_is_found_behind_three_months_of_booked_days(store: Store) -> None:
    """A start without the computer's time goes on from there."""
    assert newest(store) is None
    days = [DAY + timedelta(days=n) for n in range(-60, 91) if n]
    booked = [event(1, day, at=AT - timedelta(hours=2)) for day in days if day > DAY]
    over = [event(1, day, at=AT - (DAY - day)) for day in days if day < DAY]
    rows = [*over, *booked, event(1), event(2, at=AT + timedelta(hours=1))]
    # Another office, where an old day was closed only just now.
    closed = [event(1, DAY - timedelta(days=31), "other", at=AT + timedelta(hours=3), kind="DayClosed")]
    store.write([lambda tx: [tx.put_site(SiteRow(site, 1, "", "", "")) for site in ("demo", "other")], lambda tx: tx.append(rows)])
    assert newest(store) == AT + timedelta(hours=1)
    store.write([lambda tx: tx.append([event(1, DAY + timedelta(days=80), "other", at=AT), *closed])])
    assert newest(store) == AT + timedelta(hours=3)


# -- opening ---------------------------------------------------------------------------------------------------------------------


def test_both_connections_flush_every_commit(file: SqliteStore) -> None:
    for database in (file._writer, file._reader):
        assert database.conn.execute("pragma journal_mode").fetchone() == ("wal",)
        assert database.conn.execute("pragma synchronous").fetchone() == (2,)


def test_a_database_that_cannot_keep_the_promise_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Broken, match="WAL"):
        SqliteStore(Path(":memory:"))


def test_many_may_open_a_new_database_at_once_and_it_is_made_once(tmp_path: Path) -> None:
    for round in range(10):
        path = tmp_path / str(round) / "office.db"
        start = threading.Barrier(6)

        def opens(path: Path = path, start: threading.Barrier = start) -> SqliteStore:
            start.wait()
            return SqliteStore(path)

        with ThreadPoolExecutor(6) as pool:
            stores = [future.result() for future in [pool.submit(opens) for _ in range(6)]]
        made = [row[0] for row in stores[0]._rows("select name from _sqlite_migrations")]
        assert len(made) == len(set(made)) and not migrations.pending(stores[0]._writer)
        for number, store in enumerate(stores):
            store.write([lambda tx, number=number: tx.put_staff(StaffRow(f"s{number}", "clerk", "x", None))])
        assert len(stores[-1].all_staff()) == 6
        for store in stores:
            store.close()


def test_two_processes_may_open_a_new_database_at_once(path: Path) -> None:
    program = (
        "import sys, pathlib\nfrom server.store.sqlite import SqliteStore\nSqliteStore(pathlib.Path(sys.argv[1])).close()\nprint('ok')"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", program, str(path)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert [process.communicate(timeout=60) for process in processes] == [("ok\n", "")] * 4


def test_a_second_server_of_a_file_is_told_who_is_there_and_the_claim_ends_with_the_first(store: Store, url: str) -> None:
    store.claim()
    with opened(url) as second:
        if store.shared:
            second.claim()
        else:
            with pytest.raises(AlreadyServed, match="already served by another server"):
                second.claim()
        store.close()
        second.claim()


@pytest.mark.parametrize("spoil", ["overwritten", "cut"])
def test_a_damaged_database_is_noticed(path: Path, spoil: str) -> None:
    with closing(SqliteStore(path)) as store:
        store.write([lambda tx: tx.append([event(n, body="x" * 300) for n in range(1, 400)])])
        store.check()
    size = path.stat().st_size
    with path.open("r+b") as file:
        if spoil == "cut":
            file.truncate(size - 3 * 4096)
        else:
            file.seek(size - 5 * 4096)
            file.write(b"\xff" * 3 * 4096)
    with pytest.raises(Broken), closing(SqliteStore(path)) as damaged:
        damaged.check()


# -- the story -------------------------------------------------------------------------------------------------------------------


def test_a_story_is_read_as_it_was_written(store: Store) -> None:
    rows = [event(n, at=AT + timedelta(microseconds=n)) for n in range(1, 6)]
    store.write([lambda tx: tx.append(rows[:3]), lambda tx: tx.append(rows[3:])])
    assert store.story("demo", DAY) == rows
    assert store.story("demo", DAY, after=3) == rows[3:]
    assert store.last("demo", DAY) == rows[-1] and store.last_seq("demo", DAY) == 5
    assert store.last("demo", DAY + timedelta(days=1)) is None and store.last_seq("other", DAY) == 0
    asked = [("demo", DAY + timedelta(days=1)), ("demo", DAY), ("other", DAY), ("demo", DAY)]
    assert store.last_seqs(asked) == [0, 5, 0, 5] and store.last_seqs([]) == []


def test_a_number_of_the_story_is_written_once(store: Store, url: str) -> None:
    store.write([lambda tx: tx.append([event(1)])])
    with opened(url) as other:
        other.write([lambda tx: tx.append([event(2, actor="staff:first")])])
    with pytest.raises(Conflict) as conflict:
        store.write([lambda tx: tx.put_staff(StaffRow("lan", "clerk", "x", None)), lambda tx: tx.append([event(2), event(3)])])
    assert conflict.value.index == 1
    assert [row.actor for row in store.story("demo", DAY)] == ["staff:lan", "staff:first"]
    assert store.staff("lan") is None, "all or nothing"
    # The same number of another day or another office is another number.
    store.write([lambda tx: tx.append([event(2, day=DAY + timedelta(days=1)), event(2, site="other")])])


@pytest.mark.parametrize(
    "spoilt",
    [
        pytest.param(lambda tx: tx.append([event(9, actor=None)]), id="a column without a value"),
        pytest.param(lambda tx: tx.append([event(9, body="\ud800")]), id="text that is no text"),
        pytest.param(lambda tx: tx.append([event(2**70)]), id="a number too large"),
        pytest.param(lambda tx: tx.index_tickets(["t", "t"], "demo", DAY), id="a ticket twice"),
        pytest.param(lambda tx: {}["nothing"], id="a mistake of ours"),
    ],
)
def test_what_can_never_be_stored_is_named(store: Store, spoilt: Callable[[Any], Any]) -> None:
    with pytest.raises(Poison) as poison:
        store.write([lambda tx: tx.append([event(1)]), spoilt, lambda tx: tx.append([event(2)])])
    assert poison.value.index == 1
    assert store.story("demo", DAY) == []
    store.write([lambda tx: tx.append([event(1)])])


def test_the_days_of_years_are_found(store: Store) -> None:
    days = [DAY + timedelta(days=n) for n in range(1200)]
    store.write([lambda tx: tx.append([event(n, day=day) for day in days for n in range(1, 6)])])
    store.write([lambda tx: tx.append([event(1, day=DAY - timedelta(days=9), site="other")])])
    assert store.days("demo") == days
    assert store.days("nobody") == []


def test_the_days_of_years_are_found_without_reading_them(file: SqliteStore) -> None:
    plan = " ".join(
        str(row) for row in file._rows("explain query plan select min(day) from events where site = ? and day > ?", "demo", "2026")
    )
    assert "SEARCH events USING PRIMARY KEY" in plan


def test_a_database_of_before_display_names_keeps_its_accounts(tmp_path: Path) -> None:
    path = tmp_path / "office.db"
    with closing(sqlite_utils.Database(path)) as before:
        migrations.apply(before, stop_before="display_names")
        before.execute("insert into staff values ('lan', 'clerk', 'hash', 'demo', 1)")
        before.conn.commit()
    with closing(SqliteStore(path)) as store:
        assert store.staff("lan") == StaffRow("lan", "clerk", "hash", "demo", must_change=True, display_name="")


def test_a_database_whose_answers_lay_in_a_tree_keeps_them(tmp_path: Path) -> None:
    path = tmp_path / "office.db"
    with closing(sqlite_utils.Database(path)) as before:
        migrations.apply(before, stop_before="answers_in_a_row")
        before.execute(
            "insert into answers values ('device:k1', 'b', 'digest', 201, '{}', 1e9), ('device:k1', 'a', 'other', 200, '[]', 2e9)"
        )
        before.conn.commit()
    with closing(SqliteStore(path)) as store:
        kept = AnswerRow("device:k1", "b", "digest", 201, "{}", 1e9)
        assert store.answers([("device:k1", "a"), ("device:k1", "b")]) == [AnswerRow("device:k1", "a", "other", 200, "[]", 2e9), kept]
        store.write([lambda tx: tx.put_answer(replace(kept, status=409))])
        assert store.answer("device:k1", "b") == replace(kept, status=409)
        store.write([lambda tx: tx.forget(*[datetime.fromtimestamp(1.5e9, UTC)] * 2)])
        assert store.answer("device:k1", "b") is None and store.answer("device:k1", "a") is not None


# -- who holds a key -------------------------------------------------------------------------------------------------------------

LAN = StaffRow("lan", "clerk", "hash", "demo", must_change=False, display_name="")
KIOSK = DeviceRow("k1", "demo", "kiosk", "k1", "key-hash")


def test_what_another_process_says_of_a_key_holds_at_once(store: Store, url: str) -> None:
    store.write([lambda tx: tx.put_device(KIOSK), lambda tx: tx.put_staff(LAN), lambda tx: tx.put_session(SessionRow("token", "lan", 2e9))])
    revoked, moved = replace(KIOSK, revoked=True), replace(LAN, role="supervisor")
    with opened(url) as other:
        for said, key, holder in (
            (lambda tx: tx.put_device(revoked), "key-hash", revoked),
            (lambda tx: tx.put_staff(moved), "token", (moved, 2e9)),
            (lambda tx: tx.remove_sessions_of("lan", but=None), "token", None),
            (lambda tx: tx.put_session(SessionRow("token", "lan", 2e9)), "token", (moved, 2e9)),
            (lambda tx: tx.remove_session("token"), "token", None),
            (lambda tx: tx.put_session(SessionRow("token", "lan", 2e9)), "token", (moved, 2e9)),
            (lambda tx: tx.remove_staff("lan"), "token", None),
            (lambda tx: tx.put_device(KIOSK), "key-hash", KIOSK),
        ):
            before = store.holder(key)
            assert before == store.holder(key) != holder
            other.write([said])
            assert store.holder(key) == holder


def test_a_holder_is_not_looked_up_again_while_nothing_has_changed(file: SqliteStore) -> None:
    file.write([lambda tx: tx.put_device(KIOSK)])
    assert file.holder("key-hash") == KIOSK
    looks: list[str] = []
    file._reader.conn.set_trace_callback(looks.append)
    file.write([lambda tx: tx.append([event(1)])])
    assert file.holder("key-hash") == KIOSK and looks == []
    assert file.holder("nobody") is None and file.holder("nobody") is None and len(looks) == 2


def test_a_change_that_left_no_mark_is_seen_within_a_second(file: SqliteStore, path: Path) -> None:
    """Its process was killed between the commit and the mark."""
    file.write([lambda tx: tx.put_device(KIOSK)])
    assert file.holder("key-hash") == KIOSK
    with closing(sqlite_utils.Database(path)) as other:
        other.execute("update devices set revoked = 1")
        other.conn.commit()
    end = time.monotonic() + HOLDERS_KEPT_S
    while file.holder("key-hash") == KIOSK:
        # A second, and whatever a busy machine adds to it.
        assert time.monotonic() < end + 15
    assert file.holder("key-hash") == replace(KIOSK, revoked=True)


def test_without_a_mark_every_key_is_looked_up_each_time(path: Path) -> None:
    Path(f"{path}-keys").mkdir(parents=True)
    with closing(SqliteStore(path)) as store, closing(SqliteStore(path)) as other:
        store.write([lambda tx: tx.put_device(KIOSK)])
        assert store.holder("key-hash") == KIOSK
        other.write([lambda tx: tx.put_device(replace(KIOSK, revoked=True))])
        assert store.holder("key-hash") == replace(KIOSK, revoked=True)


# -- what else is kept -----------------------------------------------------------------------------------------------------------


def test_rows_come_back_as_they_went_in(store: Store) -> None:
    answer = AnswerRow("device:k1", "key", "digest", 201, '{"code":"A001"}', 1e9)
    contact = ContactRow("c1", "demo", DAY, "ticket", '{"phone":"0900"}', DAY + timedelta(days=1))
    staff = StaffRow("lan", "clerk", "hash", None, must_change=True, display_name="Nguyễn Thị Lan")
    session = SessionRow("token", "lan", 2e9)
    device = DeviceRow("k1", "demo", "kiosk", "k1", "key-hash")
    site = SiteRow("demo", 1, "id = 'demo'", "demo.toml", "sha")
    store.write(
        [
            lambda tx: tx.put_answer(answer),
            lambda tx: tx.put_contact(contact),
            lambda tx: tx.put_staff(staff),
            lambda tx: tx.put_session(session),
            lambda tx: tx.put_device(device),
            lambda tx: tx.put_site(site),
            lambda tx: tx.index_tickets(["t1"], "demo", DAY),
        ]
    )
    assert store.answer("device:k1", "key") == answer and store.answer("device:k2", "key") is None
    assert store.answers([("device:k2", "key"), ("device:k1", "key"), ("device:k1", "other")]) == [answer] and store.answers([]) == []
    assert store.contact("c1") == contact and store.contact("c2") is None
    assert store.staff("lan") == staff and store.all_staff() == [staff]
    assert store.session("token") == session
    assert store.device("key-hash") == device and store.devices() == store.devices("demo") == [device] and store.devices("x") == []
    assert store.holder("key-hash") == device and store.holder("token") == (staff, 2e9) and store.holder("hash") is None
    assert store.site("demo") == store.site("demo", 1) == site and store.site("demo", 2) is None
    assert store.sites() == ["demo"] and store.site_versions("demo") == [site]
    assert store.find_ticket("t1") == ("demo", DAY) and store.find_ticket("t2") is None


def test_the_first_answer_of_a_device_counts(store: Store) -> None:
    first = DoneRow("2026-11-20-5-1", "demo", "loa", True, "played", AT)
    store.write(
        [
            lambda tx: tx.put_done(first),
            lambda tx: tx.put_done(replace(first, ok=False)),
            lambda tx: tx.put_done(replace(first, device="tv")),
        ]
    )
    assert store.done("demo", [first.moment, "other"]) == [first, replace(first, device="tv")]
    assert store.done("other", [first.moment]) == []


def test_a_version_of_a_document_is_written_once(store: Store) -> None:
    store.write([lambda tx: tx.put_site(SiteRow("demo", 1, "a", "a.toml", "a"))])
    with pytest.raises(Conflict):
        store.write([lambda tx: tx.put_site(SiteRow("demo", 1, "b", "b.toml", "b"))])


def test_a_name_is_added_once(store: Store) -> None:
    minh = replace(LAN, name="minh")
    assert store.write([lambda tx: tx.add_staff(LAN), lambda tx: tx.add_staff(minh)]) == [True, True]
    assert store.write([lambda tx: tx.add_staff(replace(LAN, role="admin"))]) == [False]
    assert store.staff("lan") == LAN and store.all_staff() == [LAN, minh]


def test_a_member_of_staff_is_changed_only_as_he_was_read(store: Store) -> None:
    called = replace(LAN, display_name="Nguyễn Thị Lan")
    store.write([lambda tx: tx.add_staff(LAN)])
    assert store.write([lambda tx: tx.change_staff(LAN, called)]) == [True]
    late = replace(LAN, password_hash="other", must_change=True, role="supervisor")
    assert store.write([lambda tx: tx.change_staff(LAN, late)]) == [False] and store.staff("lan") == called
    late = replace(late, display_name=called.display_name)
    assert store.write([lambda tx: tx.change_staff(called, late)]) == [True] and store.staff("lan") == late
    store.write([lambda tx: tx.remove_staff("lan")])
    assert store.write([lambda tx: tx.change_staff(late, LAN)]) == [False] and store.staff("lan") is None


def test_who_leaves_is_signed_out(store: Store) -> None:
    sessions = [SessionRow("t0", "lan", 2e9), SessionRow("t1", "lan", 2e9), SessionRow("t2", "minh", 2e9)]
    store.write([lambda tx: [tx.put_session(row) for row in sessions]])
    store.write([lambda tx: tx.remove_staff("lan")])
    assert [store.session(f"t{n}") is not None for n in range(3)] == [False, False, True]
    assert store.holder("t2") is None, "a session of nobody opens nothing"
    store.write([lambda tx: tx.remove_session("t2")])
    assert store.session("t2") is None


def test_a_page_that_is_over_opens_nothing_and_is_remembered_as_such(store: Store) -> None:
    rows = [SessionRow("p0", "lan", 2e9, PAGE), SessionRow("p1", "lan", 2e9, PAGE), SessionRow("t0", "lan", 2e9)]
    store.write([lambda tx: tx.put_staff(LAN), lambda tx: [tx.put_session(row) for row in rows]])
    assert store.holder("p0") is not None
    store.write([lambda tx: tx.end_pages_of("lan", but="p1")])
    assert [store.holder(row.token_hash) is not None for row in rows] == [False, True, True]
    assert [row.kind for row in store.sessions(["p0", "p1", "t0"])] == [ELSEWHERE, PAGE, "program"]
    over = store.session("p0")
    assert over is not None and over.kind == ELSEWHERE


def test_what_has_run_out_is_forgotten_and_nothing_else(store: Store) -> None:
    now = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
    past, future = now.timestamp() - 1, now.timestamp() + 1
    store.write(
        [
            lambda tx: tx.append([event(1)]),
            lambda tx: tx.put_answer(AnswerRow("k1", "old", "r", 200, "{}", past)),
            lambda tx: tx.put_answer(AnswerRow("k1", "new", "r", 200, "{}", future)),
            lambda tx: tx.put_session(SessionRow("old", "lan", past)),
            lambda tx: tx.put_session(SessionRow("new", "lan", future)),
            lambda tx: tx.put_contact(ContactRow("old", "demo", DAY, "ticket", "{}", now.date())),
            lambda tx: tx.put_contact(ContactRow("new", "demo", DAY, "ticket", "{}", now.date() + timedelta(days=1))),
            lambda tx: tx.put_staff(StaffRow("lan", "clerk", "x", None)),
            lambda tx: tx.index_tickets(["t1"], "demo", DAY),
        ]
    )
    assert store.write([lambda tx: tx.forget(now, now)]) == [3]
    assert store.answer("k1", "old") is None and store.answer("k1", "new") is not None
    assert store.session("old") is None and store.session("new") is not None
    assert store.contact("old") is None and store.contact("new") is not None
    assert store.last_seq("demo", DAY) == 1 and store.staff("lan") is not None and store.find_ticket("t1") is not None
    assert store.write([lambda tx: tx.forget(now, now)]) == [0]


def notice(id: str, kind: str = "booked", appointment: str = "a1", **changes: Any) -> NoticeRow:
    row = NoticeRow(id, "demo", DAY, appointment, kind, f"contact of {appointment}", AT, AT, AT + timedelta(days=3))
    return replace(row, **changes)


def test_notices_are_due_by_their_instants_whatever_zone_they_were_written_in(store: Store) -> None:
    hanoi = timezone(timedelta(hours=7))
    late = notice("late", due_at=(AT + timedelta(seconds=2)).astimezone(hanoi))
    early = notice("early", due_at=AT + timedelta(seconds=1, microseconds=5))
    tomorrow = notice("tomorrow", "reminder", due_at=AT + timedelta(days=1))
    store.write([lambda tx: [tx.put_notice(row) for row in (late, early, tomorrow)]])
    assert store.due_notices(AT, 9) == []
    assert store.due_notices(AT + timedelta(seconds=2), 9) == [early, late]
    assert store.due_notices(AT + timedelta(days=1), 1) == [early]
    assert store.due_notices(early.expires_at, 9) == [early, late, tomorrow]
    assert store.due_notices(early.expires_at, 9, over=False) == []
    assert store.due_notices(early.expires_at - timedelta(seconds=1), 9, over=False) == [early, late, tomorrow]
    assert store.notices_waiting() == 3


def test_due_notices_are_found_by_their_time(file: SqliteStore) -> None:
    plan = " ".join(str(row) for row in file._rows("explain query plan select id from notices where state = 'waiting' and due_at <= '2'"))
    assert "notices_due" in plan


def test_a_notice_that_has_ended_never_moves_again(store: Store) -> None:
    row = notice("n1")
    later, sent = replace(row, tries=1, due_at=AT + timedelta(seconds=30)), replace(row, tries=2, state="sent", detail="250")
    store.write([lambda tx: tx.put_notice(row)])
    assert store.write([lambda tx: tx.move_notice(later)]) == [True] and store.notices("demo") == [later]
    assert store.write([lambda tx: tx.move_notice(sent), lambda tx: tx.move_notice(later)]) == [True, False]
    assert store.notices("demo", "a1") == [sent] and store.due_notices(AT + timedelta(days=9), 9) == []
    assert store.write([lambda tx: tx.move_notice(notice("never written"))]) == [False]
    with pytest.raises(Poison):
        store.write([lambda tx: tx.put_notice(row)])


def test_of_a_cancelled_appointment_only_the_reminders_that_wait_are_taken_back(store: Store) -> None:
    reminder, other = notice("r1", "reminder"), notice("r2", "reminder", "a2")
    told = notice("r0", "reminder", created_at=AT - timedelta(hours=1), state="sent")
    store.write([lambda tx: [tx.put_notice(row) for row in (reminder, other, told, notice("b1"))]])
    assert store.write([lambda tx: tx.drop_notices("a1")]) == [1]
    assert [row.id for row in store.notices("demo", "a1")] == ["r0", "b1"] and store.notices("demo", "a2") == [other]


def test_an_erased_contact_leaves_the_notice_and_nobody_behind_it(store: Store) -> None:
    store.write([lambda tx: [tx.put_contact(ContactRow(ref, "demo", DAY, "booking", "{}", DAY)) for ref in ("c1", "c2")]])
    store.write([lambda tx: tx.erase_contact("c1"), lambda tx: tx.erase_contact("not there")])
    assert store.contact("c1") is None and store.contact("c2") is not None


def test_ended_notices_are_kept_for_a_month_and_waiting_ones_until_they_end(store: Store) -> None:
    store.write([lambda tx: [tx.put_notice(notice(state, state=state)) for state in ("waiting", "sent", "failed", "expired")]])
    assert store.write([lambda tx: tx.forget(AT + timedelta(days=30), AT)]) == [0]
    assert store.write([lambda tx: tx.forget(AT + timedelta(days=30, seconds=1), AT)]) == [3]
    assert [row.state for row in store.notices("demo")] == ["waiting"]


def test_a_reader_cannot_write_and_does_not_see_what_is_not_committed(store: Store) -> None:
    seen = []

    def write(tx: Any) -> None:
        tx.append([event(1)])
        seen.append(store.last_seq("demo", DAY))

    store.write([write])
    assert seen == [0] and store.last_seq("demo", DAY) == 1
    with pytest.raises((Broken, Unavailable), match=r"read-?only"):
        store._rows("delete from events")  # type: ignore[attr-defined]


def test_a_full_database_refuses_and_goes_on_when_there_is_room(file: SqliteStore) -> None:
    store = file
    pages = store._writer.conn.execute("pragma page_count").fetchone()[0]
    store._writer.conn.execute(f"pragma max_page_count = {pages + 2}")
    with pytest.raises(Unavailable, match="full"):
        store.write([lambda tx: tx.append([event(n, body="x" * 500) for n in range(1, 200)])])
    assert store.story("demo", DAY) == []
    store._writer.conn.execute("pragma max_page_count = 100000")
    store.write([lambda tx: tx.append([event(1)])])
    store.check()


# -- somebody else's lock --------------------------------------------------------------------------------------------------------


def pings(server: Server, enough: Callable[[int], bool]) -> list[float]:
    """Seconds of each `/healthz`, one after the other, until there are enough."""
    client, took = server.anyone().http, []
    while not enough(len(took)):
        begin = time.perf_counter()
        assert client.get(f"{server.url}/healthz", timeout=START_S).status_code == 200
        took.append(time.perf_counter() - begin)
    return sorted(took)


@pytest.mark.slow
def test_a_database_locked_by_somebody_else_delays_only_the_writer(tmp_path: Path, engine: Engine) -> None:
    with running(tmp_path, OPEN, *MORNING, db=engine.new(tmp_path)) as server, ThreadPoolExecutor() as pool:
        kiosk = server.device("k1")
        kiosk.post("/sites/open/tickets", {"service": "A"}, expect=201)
        usual = pings(server, lambda n: n == 200)[100]

        def held_briefly() -> tuple[requests.Response, float, list[float]]:
            """What was told to whoever waited meanwhile, how long it was held, and the seconds of everything that was asked beside."""
            since = time.perf_counter()
            with locked(server.db):
                waits = pool.submit(kiosk.send, "POST", "/sites/open/tickets", {"service": "A"})
                asked = time.perf_counter()
                board = server.anyone().get("/sites/open/halls/main/board")
                assert board["waiting"][0]["count"] == 1, "boards answer from what is published"
                took = [time.perf_counter() - asked]
                # Within the writer's patience, on whatever machine.
                took += pings(server, lambda n: n >= 200 or time.perf_counter() - since > BUSY_MS / 2000)
                assert not waits.done() or waits.result().status_code == 503, "nobody is told of a ticket that is not on the disk"
            return waits.result(timeout=START_S), time.perf_counter() - since, took

        for _ in range(3):
            answer, held, briefly = held_briefly()
            # A machine that stood still itself may have held it for longer than the writer waits.
            if answer.status_code != 503 or held < BUSY_MS / 1000:
                break
        assert answer.status_code == 201 and answer.json()["code"] == "A002"

        # Held for longer than the writer waits: a clear refusal, and nothing has changed.
        with locked(server.db):
            begun = time.perf_counter()
            refused = pool.submit(kiosk.send, "POST", "/sites/open/tickets", {"service": "A"})
            long = pings(server, lambda n: refused.done())
            answer = refused.result()
            held = time.perf_counter() - begun
            assert answer.status_code == 503 and answer.json()["error"]["code"] == "storage_unavailable" and answer.headers["Retry-After"]
        assert kiosk.post("/sites/open/tickets", {"service": "A"}, expect=201)["code"] == "A003"

        # A loop that stood still would show each time as one answer that lasts as long as the lock; a busy machine is forgiven half of it,
        # and once the whole, where it stood still itself.
        assert min(max(briefly), max(long)) < held / 2, (held, usual, sorted(briefly)[-5:], sorted(long)[-5:])
        during = sorted(briefly + long)
        # How busy it is may change meanwhile.
        usual = max(usual, pings(server, lambda n: n == 200)[100])
        assert during[len(during) // 2] < 10 * usual


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux can spoil the disk of a running process")
def test_a_disk_that_fails_makes_the_server_read_only_until_a_restart(tmp_path: Path) -> None:
    with running(tmp_path, OPEN, *MORNING) as server:
        assert server.process is not None
        kiosk, manager, anyone = server.device("k1"), server.staff("binh", "supervisor"), server.anyone()
        once = uuid.uuid4().hex
        ticket = kiosk.post("/sites/open/tickets", {"service": "A"}, once=once, expect=201)
        assert "moiso_read_only 0.0" in kiosk.http.get(f"{server.url}/metrics", timeout=START_S).text
        # From here on every write beyond what the journal holds already fails, as on a disk that is dying.
        journal = max(Path(f"{server.database}-wal").stat().st_size, 1 << 16)
        before = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (journal, before[1]))

        # The server may just have emptied its journal, as it does soon after its start: then a few more find room in it.
        given = 1
        while kiosk.send("POST", "/sites/open/tickets", {"service": "A"}).status_code == 201:
            given += 1
            assert given < 100, "the disk takes everything"
        for _ in range(3):
            answer = kiosk.send("POST", "/sites/open/tickets", {"service": "A"})
            assert answer.status_code == 503 and answer.json()["error"]["code"] == "storage_unavailable"
        # The limit is gone, and it is not believed: what the page cache says may never have reached the disk.
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, before)
        assert kiosk.send("POST", "/sites/open/tickets", {"service": "A"}).status_code == 503
        assert kiosk.http.get(f"{server.url}/readyz", timeout=START_S).status_code == 503
        assert kiosk.http.get(f"{server.url}/healthz", timeout=START_S).status_code == 200
        assert "moiso_read_only 1.0" in kiosk.http.get(f"{server.url}/metrics", timeout=START_S).text
        assert anyone.get(f"/sites/open/tickets/{ticket['id']}")["code"] == "A001"
        waiting = anyone.get("/sites/open/halls/main/board")["waiting"][0]
        assert (waiting["next"][0], waiting["count"]) == ("A001", given)
        told = [alarm["words"] for alarm in manager.get("/sites/open/floor")["alarms"] if alarm["kind"] == "storage"]
        assert told == ["Đĩa của máy chủ bị hỏng, chỉ còn xem được"]

        assert server.stop() == 0
        server.start()
        assert kiosk.post("/sites/open/tickets", {"service": "A"}, once=once, expect=201) == ticket
        assert kiosk.post("/sites/open/tickets", {"service": "A"}, expect=201)["code"] == f"A{given + 1:03d}"


def test_a_damaged_database_is_not_served(tmp_path: Path) -> None:
    server = Server(tmp_path)
    with closing(SqliteStore(server.database)) as store:
        store.write([lambda tx: tx.append([event(n, body="x" * 300) for n in range(1, 400)])])
    size = server.database.stat().st_size
    with server.database.open("r+b") as file:
        file.seek(size - 5 * 4096)
        file.write(b"\xff" * 3 * 4096)
    with pytest.raises(AssertionError, match="the server ended with 1"):
        server.start()
    said = server.log.read_text()
    assert "is damaged" in said and said.count("\n") == 1, said
