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

from tqdm import tqdm

from server.commands import Failed, add_leaf, database_file
from server.store import Unavailable, copies, replica
from server.store.copies import BadCopy

Arguments = argparse.Namespace
NAME = "%Y-%m-%dT%H%M%S"
SILENT_S = 2.0


def backup(arguments: Arguments) -> None:
    """Make one copy; with --keep remove the oldest of those that this command has made."""
    source = database_file(arguments.db, "pg_dump, as in docs/postgresql.md")
    to = Path(arguments.to) if arguments.to else source.parent / "backups"
    target = to if to.suffix == ".db" else to / f"{source.stem}-{datetime.now():{NAME}}.db"
    with _sentences(), _progress("copied") as progress:
        target.parent.mkdir(parents=True, exist_ok=True)
        made = copies.make(source, target, progress)
    removed = _pruned(target.parent, source.stem, arguments.keep) if arguments.keep and target != to else []
    told = {
        "path": str(made.path),
        "bytes": made.size,
        "days": made.days,
        "events": made.events,
        "removed": [str(path) for path in removed],
    }
    _say(arguments, told, f"{made.path}: {made.size / 1e6:.1f} MB, {made.days} days, {made.events} events.")


def restore(arguments: Arguments) -> None:
    """Put a copy back; the database that was there keeps another name."""
    target, wanted = database_file(arguments.db, "pg_restore, as in docs/postgresql.md"), Path(arguments.copy)
    if wanted.is_dir():
        found = replica.copies_of(target, wanted)
        if not found:
            raise Failed(f"There is no copy of {target.name} in {wanted}.")
        wanted = found[-1]
    aside = target.with_name(f"{target.name}.before-{datetime.now():{NAME}}")
    with _sentences(), _progress("restored") as progress:
        if not wanted.exists():
            raise Failed(f"There is no file {wanted}.")
        made = copies.restore(wanted, target, aside, progress)
    kept = str(aside) if aside.exists() else None
    told = {"path": str(made.path), "from": str(wanted), "days": made.days, "events": made.events, "before": kept}
    was = f" What was there is now {kept}." if kept else ""
    _say(arguments, told, f"{target} is {wanted}: {made.days} days, {made.events} events.{was}")


def _pruned(folder: Path, stem: str, keep: int) -> list[Path]:
    digits = "[0-9]" * 4 + "-[0-9][0-9]" * 2 + "T" + "[0-9]" * 6
    old = sorted(folder.glob(f"{stem}-{digits}.db"))[:-keep]
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
def _progress(verb: str) -> Iterator[Callable[[int, int], None]]:
    with tqdm(desc=verb, unit=" pages", delay=SILENT_S, file=sys.stderr, leave=False) as bar:

        def show(done: int, of: int) -> None:
            bar.total = of
            bar.update(done - bar.n)

        yield show


def _say(arguments: Arguments, told: dict[str, Any], sentence: str) -> None:
    print(json.dumps(told, ensure_ascii=False) if arguments.json else sentence, flush=True)


def add_parsers(commands: Any) -> None:
    """The two commands, each with an example."""
    copying = add_leaf(commands, "backup", "Copy the database, also while it is served", "moiso backup --to /media/usb --keep 14", backup)
    copying.add_argument("--to", metavar="FOLDER", help="a folder, or a file that ends in .db (default: backups beside the database)")
    copying.add_argument("--keep", type=_some, metavar="N", help="keep the newest N copies in the folder, remove the others")
    putting = add_leaf(
        commands, "restore", "Put a copy in the place of the database", "moiso restore /media/usb/moiso-2026-11-20T0300.db", restore
    )
    putting.add_argument("copy", help="a file of `moiso backup`, or the folder of `moiso serve --replica`")


def _some(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError("a number of copies, at least 1")
    return int(text)
