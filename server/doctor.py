"""`moiso doctor`: is everything well? Without a server only what can be told of this machine; with one, the whole morning check."""

from __future__ import annotations

import argparse
import os
import re
import secrets
import sys
import time
import urllib.parse
from collections.abc import Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

from tqdm import tqdm

from config.loader import warnings
from server import machine, wire
from server.commands import Failed, add_leaf, database, known_site, open_store, say
from server.core import checkup
from server.core.checkup import Finding, State
from server.device import own_version
from server.keypad import Away, NotLetIn, Office
from server.sites import parse

Arguments = argparse.Namespace

ASK_EVERY_S = 1.0
PATIENCE_S = 120.0
"""Longer than any printer or loudspeaker is waited for."""
WORDS = {
    "good": ("TỐT", "32"),
    "attention": ("CẦN XEM", "33"),
    "bad": ("HỎNG", "31"),
    "running": ("ĐANG THỬ", "36"),
    "unknown": ("CHƯA THỬ", "33"),
}


def doctor(arguments: Arguments) -> int:
    """0 when everything is well, 1 when something wants looking after."""
    if arguments.server:
        told = _ask(arguments)
    else:
        found = _local(arguments)
        told = {"state": checkup.overall(found).value, "findings": wire.findings(found), "version": own_version()}
    say(arguments, told, "\n".join(_lines(told)))
    return 0 if told["state"] == State.GOOD.value else 1


def _local(arguments: Arguments) -> list[Finding]:
    where = database(arguments.db)
    found = [Finding("version", State.GOOD, f"Bản {own_version()}"), *machine.browser()]
    path = where if isinstance(where, Path) else None
    if path is not None and not path.exists():
        # A kiosk or a screen has no database of its own.
        if arguments.site or not found[1:]:
            raise Failed(f"There is no database at {path}: give --db, or run `moiso serve` or `moiso site import` first.")
        return [*found, checkup.disk(machine.free(Path.home()))]
    replica = Path(arguments.replica) if arguments.replica else None
    found += machine.look(path, arguments.backups, replicated=replica is not None)
    if replica is not None and path is not None:
        found.append(checkup.replica(machine.replica_behind_s(path, replica)))
    found.append(machine.port(arguments.port))
    if not any(finding.name == "database" and finding.state is State.BAD for finding in found):
        found += _offices(where, arguments.site)
    return found


def _offices(where: Path | str, wanted: str | None) -> list[Finding]:
    found = []
    with closing(open_store(where)) as store:
        for site in [known_site(store, wanted)] if wanted else store.sites():
            row = store.site(site)
            assert row is not None
            office = parse(row)
            found += [
                checkup.holidays(office.hours.holidays, date.today()),
                checkup.document([str(each) for each in warnings(row.document)]),
                checkup.address(office.public_url),
            ]
    return found


def _ask(arguments: Arguments) -> dict[str, Any]:
    """Press the button, and wait until every line of the list is known."""
    password = sys.stdin.readline().rstrip("\n") if arguments.password_stdin else os.environ.get("MOISO_PASSWORD", "")
    if not arguments.user or not password or not re.match(r"https?://[^/]", arguments.server):
        raise Failed("Give --server http://HOST:PORT, --user, and the password with --password-stdin or in MOISO_PASSWORD.")
    office = Office(arguments.server, arguments.user, password)
    try:
        site = f"/sites/{urllib.parse.quote(_site(office, arguments.site), safe='')}"
        begun = office.ask("POST", f"{site}/checkups", {"quiet": arguments.quiet}, secrets.token_hex(16))
        if not begun.well:
            raise Failed(begun.sentence)
        return _answers(office, f"{site}/checkups/last")
    except NotLetIn as refusal:
        raise Failed(str(refusal)) from refusal
    except Away as reason:
        raise Failed(f"The server at {arguments.server} does not answer ({reason}).") from reason


def _site(office: Office, wanted: str | None) -> str:
    if wanted:
        return wanted
    known = office.ask("GET", "/session").body.get("sites") or []
    if len(known) != 1:
        raise Failed(f"Say which site with --site: {', '.join(known) or 'none is known'}.")
    return str(known[0])


def _answers(office: Office, path: str) -> dict[str, Any]:
    until = time.monotonic() + PATIENCE_S
    with tqdm(desc="checked", unit=" lines", delay=2, file=sys.stderr, leave=False) as bar:
        while True:
            said = office.ask("GET", path)
            if not said.well:
                raise Failed(said.sentence)
            states = [finding["state"] for finding in said.body["findings"]]
            bar.total = len(states)
            bar.update(len(states) - states.count("running") - bar.n)
            if said.body["state"] != "running" or time.monotonic() >= until:
                return said.body
            time.sleep(ASK_EVERY_S)


def _lines(told: dict[str, Any]) -> list[str]:
    """The list for a person: the worst first, each state in a word, in colour where there is a screen."""
    order = ["bad", "attention", "unknown", "running", "good"]
    lines = []
    for finding in sorted(told["findings"], key=lambda each: order.index(each["state"])):
        lines.append(f"{_mark(finding['state'])}  {finding['words']}.")
        if finding["todo"]:
            lines.append(f"{'':10}{finding['todo']}")
    return [*lines, "", _whole(told["findings"])]


def _mark(state: str) -> str:
    word, colour = WORDS[state]
    text = f"{word:<8}"
    return f"\033[{colour};1m{text}\033[0m" if sys.stdout.isatty() and "NO_COLOR" not in os.environ else text


def _whole(findings: Sequence[dict[str, Any]]) -> str:
    wrong = sum(1 for finding in findings if finding["state"] != "good")
    return f"Có {wrong} việc cần làm." if wrong else "Mọi thứ đều tốt."


def add_parsers(commands: Any) -> None:
    """The command, with an example."""
    leaf = add_leaf(
        commands, "doctor", "The morning check: is everything well?", "moiso doctor --server http://127.0.0.1:8000 --user binh", doctor
    )
    leaf.add_argument("--server", metavar="URL", help="press the button of this server, and wait for its devices' answers")
    leaf.add_argument("--user", metavar="NAME", help="with --server: a supervisor or an administrator")
    leaf.add_argument("--password-stdin", action="store_true", help="read the password from standard input (default: MOISO_PASSWORD)")
    leaf.add_argument("--quiet", action="store_true", help="with --server: no paper and no sound, also while citizens are served")
    leaf.add_argument(
        "--backups",
        type=Path,
        metavar="FOLDER",
        default=os.environ.get("MOISO_BACKUPS") or None,
        help="where the copies of `moiso backup` are (default: MOISO_BACKUPS, else backups beside the database)",
    )
    leaf.add_argument("--replica", metavar="FOLDER", default=os.environ.get("MOISO_REPLICA"), help="the copy of `moiso serve --replica`")
    leaf.add_argument(
        "--port", type=int, default=os.environ.get("PORT") or "8000", help="where the server listens (default: PORT, else 8000)"
    )
