"""Whole copies of a SQLite database: made while it is served, looked at before they are trusted, put back without a moment in which
there is no database.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import sqlite_utils

from server.store import Unavailable
from server.store.sqlite import claim, migrations

STEP = 256
"""Pages copied at a time; between two steps the server writes."""
PAUSE_S = 0.005
BUSY_S = 5.0

Progress = Callable[[int, int], None]
"""`progress(done, of)`, in pages."""


class BadCopy(Exception):
    """This is no copy that can be put back; the text is one sentence."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy that has been looked at: so many bytes, with stories of so many days and events, of these offices."""

    path: Path
    size: int
    days: int
    events: int
    sites: tuple[str, ...]

    def must_hold(self, site: str | None) -> None:
        """Raises BadCopy when that office is not in it: somebody took the database of another one."""
        if site is not None and site not in self.sites:
            raise BadCopy(f"The office {site} is not in it, only {', '.join(self.sites) or 'none'}: nothing was changed.")


def make(source: Path, target: Path, progress: Progress = lambda done, of: None, *, site: str | None = None) -> Copy:
    """Copy the database at `source`, also while a server writes it, to the file `target`: whole, looked at and with the office `site` in
    it, or not at all. Raises BadCopy, Unavailable or OSError."""
    if not source.exists():
        raise BadCopy(f"There is no database at {source}.")
    with fresh_beside(target) as fresh:
        copy_pages(source, fresh, progress)
        found = look_at(fresh)
        found.must_hold(site)
        settle(fresh, target)
    return replace(found, path=target)


def look_at(path: Path) -> Copy:
    """What a copy holds. Raises BadCopy when it is damaged, of another program, or of a newer version of this one."""
    try:
        with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=BUSY_S)) as db:
            problem = db.execute("pragma integrity_check(1)").fetchone()[0]
            if problem != "ok":
                raise BadCopy(f"{path} is damaged ({' '.join(str(problem).split())}).")
            applied = {name for (name,) in db.execute("select name from _sqlite_migrations where migration_set = 'moiso'")}
            known = {each.name for each in migrations.pending(sqlite_utils.Database(memory=True))}  # all that this version has
            if not applied <= known:
                raise BadCopy(f"{path} was made by a newer version of this program: install that one first.")
            events = db.execute("select count(*) from events").fetchone()[0]
            days = db.execute("select count(*) from (select distinct site, day from events)").fetchone()[0]
            sites = tuple(site for (site,) in db.execute("select distinct site from sites order by site"))
    except sqlite3.Error as error:
        raise BadCopy(f"{path} is no database of this program ({error}).") from error
    return Copy(path, path.stat().st_size, days, events, sites)


def damage(path: Path) -> str | None:
    """What SQLite's quick check finds wrong with a database, also while it is served; None when it is whole."""
    try:
        with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=BUSY_S)) as db:
            problem = " ".join(str(db.execute("pragma quick_check(1)").fetchone()[0]).split())
    except sqlite3.Error as error:
        return str(error)
    return None if problem == "ok" else problem


def restore(copy: Path, database: Path, aside: Path, progress: Progress = lambda done, of: None, *, site: str | None = None) -> Copy:
    """Put `copy`, which must hold the office `site`, in the place of `database`, which no server may be using; what was there stays as
    `aside`.

    At every instant one of the two stands at `database`, whole: the old one until the new one has been looked at and is on the disk, then
    the new one. Raises BadCopy, `AlreadyServed`, Unavailable or OSError; then the old one stands.
    """
    if copy.resolve() == database.resolve():
        raise BadCopy("The copy and the database are the same file.")
    database.parent.mkdir(parents=True, exist_ok=True)
    with fresh_beside(database) as fresh:
        # Its own journal, if it has one (a copy that was being kept up to date), is read with it.
        copy_pages(copy, fresh, progress)
        found = look_at(fresh)
        found.must_hold(site)
        with claim(database):
            if database.exists():
                _empty_journal(database)
                _second_name(database, aside)
            settle(fresh, database)
    return replace(found, path=database)


@contextlib.contextmanager
def fresh_beside(target: Path) -> Iterator[Path]:
    """A file beside `target` that is gone when it was not put in its place; what an earlier attempt left when it was killed goes too."""
    prefix = f".{target.name}.copying-"
    for left in target.parent.glob(f"{prefix}*"):
        left.unlink(missing_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=prefix)
    os.close(handle)
    fresh = Path(name)
    try:
        yield fresh
    finally:
        for end in ("", "-wal", "-shm", "-journal"):
            Path(name + end).unlink(missing_ok=True)


def copy_pages(source: Path, target: Path, progress: Progress = lambda done, of: None) -> None:
    try:
        with contextlib.closing(sqlite3.connect(source, timeout=BUSY_S)) as db, contextlib.closing(sqlite3.connect(target)) as into:
            db.execute("select 1 from sqlite_schema").fetchone()
            db.backup(into, pages=STEP, sleep=PAUSE_S, progress=lambda _, left, of: progress(of - left, of))
    except sqlite3.OperationalError as error:
        raise Unavailable(f"{source} cannot be copied now: {error}.") from error
    except sqlite3.DatabaseError as error:
        raise BadCopy(f"{source} cannot be copied ({error}).") from error


def _empty_journal(database: Path) -> None:
    """Bring the old journal into the old file: one that is left would be read with the new file, whose pages it does not belong to."""
    try:
        with contextlib.closing(sqlite3.connect(database, timeout=BUSY_S, isolation_level=None)) as db:
            busy = db.execute("pragma wal_checkpoint(truncate)").fetchone()[0]
    except sqlite3.DatabaseError:
        # What cannot be read any more is kept as it is, journal and all, under its new name; here the journal must go.
        busy = 0
        for end in ("-wal", "-shm"):
            left = Path(f"{database}{end}")
            if left.exists():
                left.replace(f"{database}.damaged{end}")
    if busy:
        raise Unavailable(f"{database} is in use by another program: end that one first.")


def _second_name(database: Path, aside: Path) -> None:
    try:
        os.link(database, aside)
    except OSError:  # a disk without links, as of a memory stick
        shutil.copy2(database, aside)


def settle(fresh: Path, target: Path) -> None:
    """On the disk under its last name: its bytes first, then the name."""
    with fresh.open("rb+") as file:
        os.fsync(file.fileno())
    if target.exists():
        fresh.chmod(target.stat().st_mode & 0o777)
    else:
        fresh.chmod(0o600)  # it holds telephone numbers, as long as they are not erased
    fresh.replace(target)
    if os.name == "posix":
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
