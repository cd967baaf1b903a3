"""The tables of the store on PostgreSQL: the same as on SQLite, in the order in which they came to be, and those of `server.store.shared`.

A test holds the columns of both engines side by side.
"""

from __future__ import annotations

# Texts that are compared or ordered have the order of their code points, as on SQLite, whatever language the database speaks.
KEY = 'text collate "C" not null'
TABLES = (
    *("migrations", "events", "tickets", "answers", "contacts", "sites", "staff", "sessions", "devices", "done"),
    *("appointments", "day_keys", "notices", "notes", "hits"),
)
"""All of them; `events` has its months with it. A test holds them beside what a new database has."""
MIGRATIONS: list[tuple[str, tuple[str, ...]]] = [
    (
        "first_tables",
        (
            f"""create table events (site {KEY}, day date not null, seq integer not null, at timestamptz not null, actor text not null,
                kind text not null, body text not null, primary key (site, day, seq)) partition by range (day)""",
            f"create table tickets (id {KEY} primary key, site {KEY}, day date not null)",
            f"""create table answers (principal {KEY}, key {KEY}, request text not null, status integer not null, body text not null,
                kept_until double precision not null, primary key (principal, key))""",
            f"""create table contacts (id {KEY} primary key, site {KEY}, day date not null, purpose text not null, body text not null,
                erase_on date not null)""",
            f"""create table sites (site {KEY}, version integer not null, document text not null, source text not null,
                imported_sha text not null, primary key (site, version))""",
            f"""create table staff (name {KEY} primary key, role text not null, password_hash text not null, site text collate "C",
                must_change boolean not null, display_name text not null default '')""",
            f'create table sessions (token_hash {KEY} primary key, "user" {KEY}, expires_at double precision not null)',
            f"""create table devices (name {KEY}, site {KEY}, kind text not null, place text not null, key_hash {KEY} unique,
                revoked boolean not null, primary key (site, name))""",
            f"""create table done (site {KEY}, moment {KEY}, device {KEY}, ok boolean not null, detail text not null,
                at timestamptz not null, primary key (site, moment, device))""",
            f"create table appointments (code {KEY} primary key, site {KEY}, day date not null)",
            f"create table day_keys (site {KEY}, day date not null, key text not null, erase_on date not null, primary key (site, day))",
            f"""create table notices (id {KEY} primary key, site {KEY}, day date not null, appointment {KEY}, kind text not null,
                contact text not null, created_at timestamptz not null, due_at timestamptz not null, expires_at timestamptz not null,
                tries integer not null, state text not null, detail text not null)""",
            "create index answers_kept on answers (kept_until)",
            'create index sessions_user on sessions ("user")',
            "create index notices_due on notices (due_at) where state = 'waiting'",
            "create index notices_of on notices (site, appointment)",
        ),
    ),
    (
        "among_processes",
        (
            f"""create unlogged table notes (kind {KEY}, name {KEY}, text text not null, at timestamptz not null,
                ends_at timestamptz not null, primary key (kind, name))""",
            f"create unlogged table hits (who {KEY}, at timestamptz not null)",
            "create index hits_of on hits (who, at)",
        ),
    ),
    ("kinds_of_sessions", ("alter table sessions add column kind text not null default 'program'",)),
]
"""Name and statements; a new one goes to the end. All that are missing are one transaction."""
AMONG_PROCESSES = ("notes", "hits")
"""Tables that SQLite, with its one process, does without."""
