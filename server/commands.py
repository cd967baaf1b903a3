"""The commands of `moiso` that read or change a database and end: staff, devices, site documents, reports.

They work while a server runs on the same database: the server looks for what others wrote once a second. Each fails with one sentence
on standard error; with `--json` standard output holds one JSON document and nothing else.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import sys
from collections.abc import Callable
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import platformdirs

from config import NoDocument, find
from config.loader import SiteInvalid, load, read
from server import wire
from server.access import DEVICE_KINDS, ROLES, composed, hash_key, hash_password, new_key, password_problem
from server.core import events as ev
from server.core.day import Day
from server.core.site import Site
from server.sites import Sites, importing, parse
from server.store import Conflict, DeviceRow, Full, StaffRow, Store
from server.store.sqlite import SqliteStore

Arguments = argparse.Namespace


class Failed(Exception):
    """A command could not do what it was asked; the text is its one sentence."""


DB = "sqlite:///relative.db, sqlite:////absolute/path.db or postgresql://user:password@host/database"
POSTGRESQL = ("postgresql", "postgres")


def database(url: str | None) -> Path | str:
    """The file of a database URL, or the URL of a PostgreSQL database; by default `MOISO_DB`, else SQLite in the data directory."""
    chosen = url or os.environ.get("MOISO_DB") or ""
    if not chosen:
        return data_folder() / "moiso.db"
    scheme, _, rest = chosen.partition("://")
    if scheme in POSTGRESQL and rest:
        return chosen
    if scheme == "sqlite" and rest.startswith("/") and rest != "/":
        return Path(rest[1:])
    shown = chosen if "@" not in chosen else f"{scheme}://..."  # a password may be in it
    raise Failed(f"{shown} is not a database this version can open: give {DB}.")


def database_file(url: str | None, instead: str) -> Path:
    """The file of a database URL; Failed with what to do instead where the database is none."""
    found = database(url)
    if isinstance(found, str):
        raise Failed(f"A PostgreSQL database is copied with its own tools: {instead}.")
    return found


def data_folder() -> Path:
    """Where this machine keeps what the program keeps."""
    return Path(platformdirs.user_data_dir("moiso", appauthor=False))


def voice_folder(where: Path | str) -> Path:
    """Where the spoken texts of the offices of a database are kept."""
    if isinstance(where, Path):
        return where.parent / f"{where.stem}-voice"
    return data_folder() / f"{urlsplit(where).path.strip('/') or 'moiso'}-voice"


@contextmanager
def opened(arguments: Arguments, *, create: bool = True):  # type: ignore[no-untyped-def]
    """The store of `--db`, closed at the end."""
    where = database(arguments.db)
    if not create and isinstance(where, Path) and not where.exists():
        raise Failed(f"There is no database at {where}: run `moiso serve` or `moiso site import` first.")
    store = open_store(where)
    try:
        yield store
    finally:
        store.close()


def open_store(where: Path | str) -> Store:
    """The store of a file, or of a PostgreSQL URL."""
    if isinstance(where, str):
        try:
            # Its driver is loaded by those only who use it, and is not made for every machine a kiosk may be.
            from server.store.postgres import PostgresStore
        except ImportError as error:
            raise Failed(f"This machine has no driver for PostgreSQL ({error}): install psycopg[binary].") from error
        return PostgresStore(where)
    full = f"The disk of the database {where} is full: remove what it can do without, and start again."
    try:
        return SqliteStore(where)
    except Full as error:
        # SQLite calls it an I/O error where its index of the journal finds no room, and nobody shall buy a disk for that.
        raise Failed(full) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Failed(full) from error
        raise Failed(f"The database {where} cannot be opened: {error.strerror or error}.") from error
    except Exception as error:
        raise Failed(f"The database {where} cannot be opened: {error}.") from error


def document(site_or_path: str) -> tuple[str, str]:
    """The text and the source of a site document; a bundled one by its id."""
    try:
        found = find(site_or_path)
    except NoDocument as error:
        raise Failed(str(error)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise Failed(f"{site_or_path} cannot be read: {error}.") from error
    return found.text, found.source


def office(wanted: str, db: str | None) -> Site:
    """The office as the database has it, if it does; else of a document. Raises Failed, or SiteInvalid with every mistake."""
    where = database(db)
    if isinstance(where, str) or where.exists():
        with closing(open_store(where)) as store:
            row = store.site(wanted) if wanted in store.sites() else None
        if row is not None:
            return parse(row)
    return load(*document(wanted))


def import_site(store: Store, site_or_path: str) -> tuple[Site, bool]:
    """Store a document as a new version unless it is the last one imported; the site and whether it was stored."""
    text, source = document(site_or_path)
    while True:
        site, step = importing(store, text, source)
        # Somebody else may store a version in between; then it is looked at again whether this one is still new.
        with suppress(Conflict):
            if step is not None:
                store.write([step])
            return site, step is not None


def known_site(store: Store, wanted: str | None) -> str:
    """The id `--site` means: the only site of the database when it is left out."""
    sites = store.sites()
    if wanted is None:
        if len(sites) == 1:
            return sites[0]
        raise Failed(
            "Say which site with --site: " + (", ".join(sites) if sites else "none has been imported yet (moiso site import FILE)") + "."
        )
    if wanted in sites:
        return wanted
    if (found := site_id(wanted)) in sites:
        return found
    raise Failed(f"The site {wanted} is not in this database: run `moiso serve --site FILE` or `moiso site import FILE` first.")


def site_id(wanted: str) -> str:
    """The id that `--site` names, itself or by its document. Raises Failed, or SiteInvalid."""
    return load(*document(wanted)).id if wanted.endswith(".toml") or os.sep in wanted else wanted


def say(arguments: Arguments, value: Any, text: str) -> None:
    """The result of a command: one JSON document with `--json`, else words."""
    print(json.dumps(value, ensure_ascii=False) if arguments.json else text, flush=True)


# -- staff -----------------------------------------------------------------------------------------------------------------------


TAKEN = "There is already a staff member named {0}; `moiso user reset {0}` gives a new password."


def user_add(arguments: Arguments) -> None:
    name = _name(arguments.name, "staff")
    called = _name(arguments.display_name, "display") if arguments.display_name else ""
    password = _password(arguments)
    with opened(arguments, create=False) as store:
        site = _sites_of(store, arguments.site)
        if store.staff(name) is not None:
            raise Failed(TAKEN.format(name))
        row = StaffRow(name, arguments.role, hash_password(password), site, display_name=called)
        if not store.write([lambda tx: tx.add_staff(row)])[0]:
            raise Failed(TAKEN.format(name))
    say(arguments, _member(row), f"{name} ({arguments.role}) may sign in to {site or 'every site'}.")


def _member(row: StaffRow) -> dict[str, str | None]:
    return {"name": row.name, "role": row.role, "site": row.site} | ({"display_name": row.display_name} if row.display_name else {})


def _sites_of(store: Store, wanted: str | None) -> str | None:
    """The site of a staff member: the one named, the only one there is, or None for every site of a database that holds several."""
    if wanted is None and len(store.sites()) > 1:
        return None
    return known_site(store, wanted)


def _name(given: str, whose: str) -> str:
    """A name as it is kept and looked for."""
    name = composed(given.strip())
    if not name or not name.isprintable() or len(name) > 64:
        raise Failed(f"A {whose} name has 1 to 64 visible characters.")
    return name


def _password(arguments: Arguments) -> str:
    try:
        password = sys.stdin.buffer.readline().decode().rstrip("\r\n") if arguments.password_stdin else _ask()
    except UnicodeDecodeError as error:
        raise Failed("The password on standard input is not UTF-8.") from error
    if problem := password_problem(password):
        raise Failed(problem)
    return password


def _ask() -> str:
    import getpass

    if not sys.stdin.isatty():
        raise Failed("Give the password on standard input with --password-stdin.")
    return getpass.getpass("Password: ")


def user_list(arguments: Arguments) -> None:
    with opened(arguments, create=False) as store:
        rows = [r for r in store.all_staff() if arguments.site is None or r.site in (None, known_site(store, arguments.site))]
    lines = [f"{r.name}\t{r.role}\t{r.site or 'every site'}\t{r.display_name}".rstrip() for r in rows]
    say(arguments, [_member(r) for r in rows], "\n".join(lines) or "No staff yet.")


def user_reset(arguments: Arguments) -> None:
    password = _password(arguments)
    with opened(arguments, create=False) as store:
        hashed = hash_password(password)
        changed = False
        while not changed:
            row = _staff(store, arguments)
            fresh = replace(row, password_hash=hashed, must_change=False)

            def step(tx: Any, row: StaffRow = row, fresh: StaffRow = fresh) -> bool:
                tx.remove_sessions_of(row.name)
                return bool(tx.change_staff(row, fresh))

            [changed] = store.write([step])
    say(arguments, {"name": row.name}, f"{row.name} has a new password; open sessions have ended.")


def user_remove(arguments: Arguments) -> None:
    with opened(arguments, create=False) as store:
        row = _staff(store, arguments)
        store.write([lambda tx: tx.remove_staff(row.name)])
    say(arguments, {"name": row.name}, f"{row.name} may no longer sign in.")


def _staff(store: Store, arguments: Arguments) -> StaffRow:
    """The account that is named; one of another site than the one that is named with it is left alone."""
    name = _name(arguments.name, "staff")
    row = store.staff(name)
    if row is None:
        raise Failed(f"There is no staff member named {name}.")
    if arguments.site is not None and row.site != (site := known_site(store, arguments.site)):
        raise Failed(f"{name} may sign in to {row.site}, not to {site}." if row.site else f"{name} is of every site: leave out --site.")
    return row


# -- devices ---------------------------------------------------------------------------------------------------------------------


def device_add(arguments: Arguments) -> None:
    with opened(arguments, create=False) as store:
        site = known_site(store, arguments.site)
        value = add_device(store, site, arguments.name, arguments.kind, arguments.place)
    text = f"{value['name']} ({value['kind']} at {value['place']}). Its key, shown only now: {value['key']}"
    say(arguments, value, text)


def add_device(store: Store, site: str, name: str, kind: str, place: str | None) -> dict[str, str]:
    """Register a device; its key is in the answer and nowhere else."""
    office = _office(store, site)
    name = _name(name, "device")
    if any(row.name == name and not row.revoked for row in store.devices(site)):
        raise Failed(f"There is already a device named {name} at {site}; revoke it first (moiso device revoke {name}).")
    places = office.places(kind)
    chosen = place or (name if kind == "kiosk" else places[0] if len(office.halls) == 1 else "")
    if chosen not in places:
        what = "kiosk" if kind == "kiosk" else "hall"
        raise Failed(f"{site} has no {what} {chosen or '(say which with --place)'}; there is: {', '.join(places) or 'none'}.")
    key = new_key()
    store.write([lambda tx: tx.put_device(DeviceRow(name, site, kind, chosen, hash_key(key)))])
    return {"name": name, "kind": kind, "place": chosen, "key": key}


def _office(store: Store, site: str) -> Site:
    row = store.site(site)
    if row is None:
        raise Failed(f"The site {site} is not in this database.")
    return parse(row)


def device_list(arguments: Arguments) -> None:
    with opened(arguments, create=False) as store:
        rows = store.devices(known_site(store, arguments.site) if arguments.site else None)
    value = [{"site": r.site, "name": r.name, "kind": r.kind, "place": r.place, "revoked": r.revoked} for r in rows]
    lines = [f"{r.site}\t{r.name}\t{r.kind}\t{r.place}{'	revoked' if r.revoked else ''}" for r in rows]
    say(arguments, value, "\n".join(lines) or "No devices yet.")


def device_revoke(arguments: Arguments) -> None:
    with opened(arguments, create=False) as store:
        site = known_site(store, arguments.site)
        name = _name(arguments.name, "device")
        row = next((r for r in store.devices(site) if r.name == name), None)
        if row is None:
            raise Failed(f"{site} has no device named {name}.")
        gone = DeviceRow(row.name, row.site, row.kind, row.place, row.key_hash, revoked=True)
        store.write([lambda tx: tx.put_device(gone)])
    say(arguments, {"name": row.name, "revoked": True}, f"The key of {row.name} no longer opens anything.")


# -- site documents --------------------------------------------------------------------------------------------------------------


def check(arguments: Arguments) -> None:
    text, source = _to_check(arguments)
    reading = read(text)
    mistakes = [{"place": m.place, "line": m.line, "message": m.message, "suggestion": m.suggestion} for m in reading.mistakes]
    warnings = [{"place": m.place, "line": m.line, "message": m.message, "suggestion": m.suggestion} for m in reading.warnings]
    if arguments.json:
        print(
            json.dumps({"source": source, "ok": not mistakes, "mistakes": mistakes, "warnings": warnings}, ensure_ascii=False), flush=True
        )
    else:
        for warning in reading.warnings:
            print(f"warning: {source}: {warning}")
        if not mistakes:
            print(f"{source} is a valid site document.")
    if mistakes:
        raise Failed(str(SiteInvalid(list(reading.mistakes), source)))


def _to_check(arguments: Arguments) -> tuple[str, str]:
    """The text and the source of the document that is named: a file, or the one by which a database's office works."""
    if (arguments.file is None) == (arguments.site is None):
        raise Failed("Say which document: a file, or with --site the one that the database holds.")
    if arguments.file is not None:
        return document(arguments.file)
    with opened(arguments, create=False) as store:
        row = store.site(known_site(store, arguments.site))
    assert row is not None
    return row.document, f"{row.site} version {row.version}"


def site_import(arguments: Arguments) -> None:
    with opened(arguments) as store:
        site, stored = import_site(store, arguments.file)
        row = store.site(site.id)
        version = row.version if row else 0
    text = (
        f"{site.id} is now version {version}."
        if stored
        else f"{site.id} stays at version {version}: this document is the last one imported."
    )
    say(arguments, {"site": site.id, "version": version, "stored": stored}, text)


def site_export(arguments: Arguments) -> None:
    with opened(arguments, create=False) as store:
        site = known_site(store, arguments.site)
        row = store.site(site, arguments.version)
    if row is None:
        raise Failed(f"{site} has no version {arguments.version}.")
    if arguments.json:
        print(json.dumps({"site": row.site, "version": row.version, "document": row.document}, ensure_ascii=False), flush=True)
    else:
        sys.stdout.write(row.document)


def site_history(arguments: Arguments) -> None:
    with opened(arguments, create=False) as store:
        site = known_site(store, arguments.site)
        rows = store.site_versions(site)
    value = [{"version": r.version, "source": r.source, "sha256": r.imported_sha} for r in rows]
    say(arguments, value, "\n".join(f"{r.version}\t{r.source}\t{r.imported_sha[:12]}" for r in rows))


# -- reports ---------------------------------------------------------------------------------------------------------------------


def report_day(arguments: Arguments) -> None:
    from server.api import report_csv
    from server.core.report import report

    when = wanted_day(arguments.day)
    with opened(arguments, create=False) as store:
        site = known_site(store, arguments.site)
        day, story = folded(store, site, when)
    if not story:
        raise Failed(f"Nothing happened at {site} on {when}.")
    numbers = report(day, story)
    if arguments.json or arguments.format == "json":
        print(json.dumps(wire.report(numbers), ensure_ascii=False), flush=True)
    else:
        sys.stdout.write(report_csv(numbers))


def wanted_day(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError as error:
        raise Failed(f"{text} is not a date: write it as 2026-11-20.") from error


CLOSED_WITHIN = timedelta(days=40)
"""Nothing is written to a day that is over for longer: days that nobody closed are looked for a month back (`server.caretaker`)."""


def newest(store: Store) -> datetime | None:
    """When something was last recorded, in any office. Bookings are written to days to come, up to three months ahead: so each office is
    looked through from its last day back, until what is left is too old to hold anything newer."""
    found: datetime | None = None
    for site in store.sites():
        for day in reversed(store.days(site)):
            if found is not None and day < found.date() - CLOSED_WITHIN:
                break
            row = store.last(site, day)
            if row is not None and (found is None or row.at > found):
                found = row.at
    return found


def folded(store: Store, site: str, when: date) -> tuple[Day, list[ev.Entry]]:
    """A stored day and its story."""
    from server.core.day import fold

    sites = Sites(store)
    zone = sites.current(site).tz
    story = [ev.Entry(r.seq, r.at.astimezone(zone), r.actor, wire.event_of(r.kind, r.body)) for r in store.story(site, when)]
    return fold(sites.current(site), when, story, lambda version: sites.version(site, version)), story


# -- the parser ------------------------------------------------------------------------------------------------------------------


SITE = "a site id, or its document"


def add_common(parser: argparse.ArgumentParser, site: str = SITE) -> None:
    parser.add_argument("--site", metavar="ID_OR_FILE", help=site)
    parser.add_argument("--db", metavar="URL", help=f"{DB} (default: MOISO_DB, else the data directory)")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")


def add_leaf(to: Any, name: str, what: str, example: str, run: Callable[[Arguments], None], *, site: str = SITE) -> argparse.ArgumentParser:
    """One command, with an example in its help; `site` says what that option means to it."""
    parser: argparse.ArgumentParser = to.add_parser(name, help=what, description=what, epilog=f"Example: {example}")
    add_common(parser, site)
    parser.set_defaults(run=run)
    return parser


def add_parsers(commands: Any) -> None:
    """The sub-commands of this file, each with an example."""

    def group(name: str, what: str, example: str) -> Any:
        parser = commands.add_parser(name, help=what, description=what, epilog=f"Example: {example}")
        return parser.add_subparsers(metavar="ACTION", required=True)

    checking = add_leaf(
        commands,
        "check",
        "Check a site document and report every mistake",
        "moiso check my-ward.toml",
        check,
        site="instead of a file: the document by which this office of --db works",
    )
    checking.add_argument("file", nargs="?", help="the document")

    users = group("user", "Staff accounts", "moiso user list")
    add = add_leaf(
        users, "add", "Add a staff account", "echo 'a long password' | moiso user add lan --role clerk --password-stdin", user_add
    )
    add.add_argument("name")
    add.add_argument("--role", choices=ROLES, required=True)
    add.add_argument("--display-name", metavar="NAME", help="as colleagues see this person on the screens, such as 'Nguyễn Thị Lan'")
    add.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    add_leaf(users, "list", "List staff accounts", "moiso user list --json", user_list)
    only = "leave an account of another site alone"
    again = "echo 'another password' | moiso user reset lan --password-stdin"
    reset = add_leaf(users, "reset", "Give a new password", again, user_reset, site=only)
    reset.add_argument("name")
    reset.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    add_leaf(users, "remove", "Remove a staff account", "moiso user remove lan", user_remove, site=only).add_argument("name")

    devices = group("device", "Kiosks, displays and loudspeakers", "moiso device list")
    new = add_leaf(devices, "add", "Register a device and show its key once", "moiso device add k1 --kind kiosk --json", device_add)
    new.add_argument("name")
    new.add_argument("--kind", choices=DEVICE_KINDS, required=True)
    new.add_argument(
        "--place",
        help="the kiosk, the hall, or the hall/zone of a loudspeaker (default: its name for a kiosk, else the only hall)",
    )
    add_leaf(devices, "list", "List devices", "moiso device list", device_list)
    add_leaf(devices, "revoke", "Make a device's key useless", "moiso device revoke k1", device_revoke).add_argument("name")

    documents = group("site", "Site documents and their versions", "moiso site history")
    add_leaf(documents, "import", "Store a site document", "moiso site import my-ward.toml", site_import).add_argument("file")
    export = add_leaf(documents, "export", "Print a site document", "moiso site export --site demo > demo.toml", site_export)
    export.add_argument("--version", type=int)
    add_leaf(documents, "history", "List the versions of a site document", "moiso site history --site demo", site_history)

    numbers = add_leaf(commands, "report", "A day in numbers", "moiso report 2026-11-20 --format csv > day.csv", report_day)
    numbers.add_argument("day", help="the date, as 2026-11-20")
    numbers.add_argument("--format", choices=("csv", "json"), default="csv")
