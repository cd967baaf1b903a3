"""`moiso backup` and `moiso restore`: a copy of the office's database while it is served, and the way back."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tqdm import tqdm

from server.commands import Failed, add_leaf, data_folder, database, site_id
from server.store import Unavailable, copies, replica
from server.store.copies import BadCopy

Arguments = argparse.Namespace
NAME = "%Y-%m-%dT%H%M%S"
SILENT_S = 2.0
ONLY = "do nothing unless this office is in it; all offices of a database are copied together"


def backup(arguments: Arguments) -> None:
    """Make one copy; with --keep remove the oldest of those that this command has made."""
    source = database(arguments.db)
    stem, end = (source.stem, ".db") if isinstance(source, Path) else (Path(urlsplit(source).path).name or "moiso", ".dump")
    to = Path(arguments.to) if arguments.to else (source.parent if isinstance(source, Path) else data_folder()) / "backups"
    target = to if to.suffix == end else to / f"{stem}-{datetime.now():{NAME}}{end}"
    with _sentences(), _progress("copied", " pages" if end == ".db" else " rows") as progress:
        target.parent.mkdir(parents=True, exist_ok=True)
        make = copies.make if isinstance(source, Path) else _dumps().make
        made = make(source, target, progress, site=_office(arguments))
    removed = _pruned(target.parent, stem, end, arguments.keep) if arguments.keep and target != to else []
    told = {
        "path": str(made.path),
        "bytes": made.size,
        "days": made.days,
        "events": made.events,
        "removed": [str(path) for path in removed],
    }
    _say(arguments, told, f"{made.path}: {made.size / 1e6:.1f} MB, {made.days} days, {made.events} events.")


def restore(arguments: Arguments) -> None:
    """Put a copy back; the database that was there keeps another name, on PostgreSQL as a copy beside the one that is put back."""
    target, wanted = database(arguments.db), Path(arguments.copy)
    if isinstance(target, Path) and wanted.is_dir():
        found = replica.copies_of(target, wanted)
        if not found:
            raise Failed(f"There is no copy of {target.name} in {wanted}.")
        wanted = found[-1]
    if not wanted.is_file():
        raise Failed(f"There is no file {wanted}.")
    at = f"{datetime.now():{NAME}}"
    with _sentences(), _progress("restored", " pages" if isinstance(target, Path) else "B") as progress:
        if isinstance(target, Path):
            aside = target.with_name(f"{target.name}.before-{at}")
            made, name = copies.restore(wanted, target, aside, progress, site=_office(arguments)), str(target)
        else:
            aside = wanted.absolute().with_name(f"{wanted.stem}.before-{at}.dump")
            made = _dumps().restore(wanted, target, aside, progress, site=_office(arguments))
            name = _dumps().named(target)
    kept = str(aside) if aside.exists() else None
    told = {"path": name, "from": str(wanted), "days": made.days, "events": made.events, "before": kept}
    was = f" What was there is now {kept}." if kept else ""
    _say(arguments, told, f"{name} is {wanted}: {made.days} days, {made.events} events.{was}")


def _office(arguments: Arguments) -> str | None:
    """Which office must be in it; a database may hold several, and all of it is copied."""
    return site_id(arguments.site) if arguments.site else None


def _dumps() -> Any:
    """Copies of PostgreSQL; its driver is loaded by those only who use it."""
    from server.store import dumps

    return dumps


def _pruned(folder: Path, stem: str, end: str, keep: int) -> list[Path]:
    digits = "[0-9]" * 4 + "-[0-9][0-9]" * 2 + "T" + "[0-9]" * 6
    old = sorted(folder.glob(f"{stem}-{digits}{end}"))[:-keep]
    for path in old:
        path.unlink(missing_ok=True)
    return old


@contextmanager
def _sentences() -> Iterator[None]:
    try:
        yield
    except (BadCopy, Unavailable) as problem:
        raise Failed(str(problem)) from problem
    except OSError as problem:
        raise Failed(f"{problem.filename or 'The copy'}: {problem.strerror or problem}.") from problem


@contextmanager
def _progress(verb: str, unit: str = " pages") -> Iterator[Callable[[int, int], None]]:
    with tqdm(desc=verb, unit=unit, unit_scale=True, delay=SILENT_S, file=sys.stderr, leave=False) as bar:

        def show(done: int, of: int) -> None:
            bar.total = of or None
            bar.update(done - bar.n)

        yield show


def _say(arguments: Arguments, told: dict[str, Any], sentence: str) -> None:
    print(json.dumps(told, ensure_ascii=False) if arguments.json else sentence, flush=True)


def add_parsers(commands: Any) -> None:
    """The two commands, each with an example."""
    nightly = "moiso backup --to /media/usb --keep 14"
    copying = add_leaf(commands, "backup", "Copy the database, also while it is served", nightly, backup, site=ONLY)
    copying.add_argument(
        "--to", metavar="FOLDER", help="a folder, or a file that ends in .db or .dump (default: backups beside the database)"
    )
    copying.add_argument("--keep", type=_some, metavar="N", help="keep the newest N copies in the folder, remove the others")
    back = "moiso restore /media/usb/moiso-2026-11-20T030000.db"
    putting = add_leaf(commands, "restore", "Put a copy in the place of the database", back, restore, site=ONLY)
    putting.add_argument("copy", help="a file of `moiso backup`, or the folder of `moiso serve --replica`")


def _some(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError("a number of copies, at least 1")
    return int(text)
