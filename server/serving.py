"""What `moiso serve` does: offices, clock, voice and mail made ready, and handed to a server of the launcher's; or several workers begun.

Which library serves is not known here. The launcher hands in its own class: it is the program itself, and imported from here it would be
there twice.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote

from audio.clips import BadPack
from audio.speaker import Speaker
from audio.voice import Silent, Voice
from server import commands, machine, news, workers
from server.clock import HallClock, monotonic
from server.logs import log_as_json
from server.notifiers import Notifier
from server.notifiers.console import Console
from server.notifiers.smtp import Gateway, NoGateway, Smtp
from server.sites import Sites
from server.store import Store
from server.store.ballast import MEGABYTE, Ballast
from server.store.replica import Replica
from server.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from server.app import Application
    from server.relay import Back

LOST = (
    "the hall's time goes on from there until that clock is set. If the clock is right and the record is not, as after a rehearsal, give "
    "--clock-is-right with the date of today, as --clock-is-right 2026-11-20."
)
NOT_TODAY = "--clock-is-right counts on the date that it names alone, and that is not today's: it is ignored."
LATE = "if that is wrong, set it within an hour. Then days that are over are closed, and what has run out is erased."


class Launcher(Protocol):
    """What serves an application: it listens already, and answers nobody yet."""

    async_mode: str
    """Flask-SocketIO's word for what it runs on."""
    url: str
    background: list[Callable[[], Any]]
    """To be begun with the first request."""
    on_stop: list[Callable[[], Any]]
    """Told at once when the server is told to stop."""
    at_end: list[Callable[[], Any]]
    """Told when the last answer has been given."""

    def sleep(self, seconds: float) -> Any:
        """Let others have their turn for so long."""

    def offload(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Run a blocking call on another thread, and wait for it."""

    def relay(self) -> Back:
        """A queue that leads back from such a thread."""

    def run(self, application: Any, ready: Callable[[], None], parent: int | None = None) -> int:
        """Serve until told to stop, or until the process `parent` is gone; the exit code. `ready` is called before the first answer."""


Launch = Callable[[str, int], Launcher]
"""Begins to listen at a host and port; OSError when that cannot be."""


def serve(arguments: argparse.Namespace, launch: Launch) -> int:
    """Serve offices until told to stop; the exit code. Raises commands.Failed when that cannot begin."""
    # Before anything that may be logged: standard output belongs to whoever reads the addresses there.
    log_as_json(arguments.log)
    start = None
    if arguments.hall_clock:
        try:
            start = datetime.fromisoformat(arguments.hall_clock)
        except ValueError as error:
            raise commands.Failed(f"{arguments.hall_clock} is not an instant: write it as 2026-11-20T07:25+07:00.") from error
        if start.tzinfo is None:
            raise commands.Failed("The hall clock needs an offset, as in 2026-11-20T07:25+07:00.")
    notifier = _notifier(arguments.smtp or os.environ.get("MOISO_SMTP"))
    where = commands.database(arguments.db)
    _check_sharing(arguments, where)
    ballast = Ballast(where, arguments.ballast * MEGABYTE) if isinstance(where, Path) else None
    if ballast is not None:
        ballast.make_way()
    store = commands.open_store(where)
    store.claim()
    store.check()
    if isinstance(store, SqliteStore):
        store.ballast = ballast
        store.tend()
    for document in (arguments.site or []) if arguments.worker_of is None else []:
        commands.import_site(store, document)
    if not store.sites():
        raise commands.Failed("There is no office to serve: give its document with --site FILE.")
    clock = HallClock(start, arguments.factor, began=arguments.began)
    happened = None if _is_right(arguments, store, clock) else commands.newest(store)
    if happened is not None:
        clock.not_before(happened)
    if clock.lost and arguments.worker_of is None:
        print(f"The computer's clock is behind what was recorded at {happened:%Y-%m-%d %H:%M %Z}: {LOST}", file=sys.stderr)
    elif not clock.settled and arguments.worker_of is None:
        print(f"It is {clock.now():%Y-%m-%d} by the computer's clock, and {happened:%Y-%m-%d} was recorded last: {LATE}", file=sys.stderr)
    if arguments.workers > 1:
        store.close()
        return _supervise(arguments, clock)
    replica = None
    if arguments.replica:
        replica = Replica(commands.database_file(arguments.db, "leave out --replica, and see docs/postgresql.md"), Path(arguments.replica))
        store.keep_journal()
    file = where if isinstance(where, Path) else None
    server, application = prepared(
        launch,
        arguments,
        store,
        clock,
        _speaker(commands.voice_folder(where), arguments.voice, arguments.clips or (), arguments.piper),
        notifier=notifier,
        replica=replica,
        look=partial(machine.look, file, arguments.backups, replicated=replica is not None, voice=arguments.voice == "espeak"),
        straight=arguments.sending == "straight",
        queue=arguments.queue,
        secure_cookies=arguments.secure_cookies,
        watchers=tuple(arguments.watch_from),
        trusted_proxies=arguments.trusted_proxies,
    )
    as_json = arguments.json or arguments.worker_of is not None
    return server.run(application, lambda: say_addresses(server.url, application, as_json=as_json), arguments.worker_of)


def _is_right(arguments: argparse.Namespace, store: Store, clock: HallClock) -> bool:
    """Whether the computer's clock is believed whatever was recorded: on the date that was named, in some office's zone. An option stays
    where it was once written, and an empty battery of next year would open a day of 2012 by it. Raises Failed for what is no date."""
    if arguments.clock_is_right is None:
        return False
    sites, now = Sites(store), clock.now()
    # Without a date, as it was once written, it must not keep an office from opening.
    wanted = commands.wanted_day(arguments.clock_is_right) if arguments.clock_is_right else None
    right = any(now.astimezone(sites.current(site).tz).date() == wanted for site in store.sites())
    if not right and arguments.worker_of is None:
        print(NOT_TODAY, file=sys.stderr)
    return right


def _check_sharing(arguments: argparse.Namespace, where: Path | str) -> None:
    """Raises Failed where several processes could not serve these offices together."""
    postgresql = "give --db postgresql://user:password@host/database"
    if not 1 <= arguments.workers <= workers.MOST:
        raise commands.Failed(f"--workers is a number from 1 to {workers.MOST}.")
    if arguments.workers > 1 and isinstance(where, Path):
        raise commands.Failed(f"Several workers need a PostgreSQL database: {postgresql}, or leave out --workers.")
    if arguments.queue is not None:
        if isinstance(where, Path):
            raise commands.Failed(f"--queue joins the processes that serve a PostgreSQL database: {postgresql}, or leave it out.")
        try:
            news.check(arguments.queue)
        except news.NoQueue as error:
            raise commands.Failed(str(error)) from error


def _supervise(arguments: argparse.Namespace, clock: HallClock) -> int:
    first, last = _port(arguments.port), _port(arguments.port) + arguments.workers - 1
    if first == 0 or last > workers.LAST_PORT:
        raise commands.Failed(f"{arguments.workers} workers need as many ports from --port on: give another one.")
    ports = range(first, last + 1)
    problem = workers.free(arguments.host, ports)
    if problem is not None:
        raise commands.Failed(problem)
    if arguments.queue is None:
        print("Without --queue the workers look for one another's news once a second.", file=sys.stderr, flush=True)
    own = ["--workers", "1", "--worker-of", str(os.getpid())]
    if not clock.follows:
        # One hall, one clock, also for a worker that is started again.
        own += ["--began", repr(monotonic()), "--hall-clock", clock.now().isoformat()]

    def ready(told: list[dict[str, Any]]) -> None:
        urls = [each["url"] for each in told]
        if arguments.json:
            print(json.dumps({**told[0], "workers": urls}, ensure_ascii=False), flush=True)
            return
        print(f"Mời Số, {len(urls)} workers for a reverse proxy: {', '.join(urls)}")
        print("\n".join(screen_lines(told[0]["screens"])))
        print("Ctrl+C ends them.", flush=True)

    return workers.supervise(
        lambda port: [sys.executable, "-P", "-m", "server", *sys.argv[1:], *own, "--port", str(port)], list(ports), ready
    )


def _speaker(cache: Path, voice: str, clips: Sequence[Path], piper: Path | None) -> Voice:
    """The voice of a server, with a folder for what it has spoken. Raises Failed for clips or a model that cannot be used."""
    if voice == "silent":
        return Silent(cache)
    try:
        return Speaker(cache, clips_folders=clips, piper=piper)
    except (BadPack, ValueError) as problem:
        raise commands.Failed(str(problem)) from problem


def _notifier(url: str | None) -> Notifier | None:
    """The channel for notices to citizens; None when there is none."""
    if not url:
        return None
    scheme, _, folder = url.partition("://")
    try:
        if scheme == "file" and folder:
            return Console(Path(unquote(folder)))
        return Smtp(Gateway.of(url))
    except NoGateway as error:
        raise commands.Failed(str(error)) from error
    except OSError as error:
        raise commands.Failed(f"Mail cannot be kept in {folder}: {error.strerror or error}.") from error


def prepared(
    launch: Launch, arguments: argparse.Namespace, store: Store, clock: HallClock, speaker: Voice, **options: Any
) -> tuple[Launcher, Application]:
    """A server that listens where it was asked to, and the application it is to serve. Raises Failed when the port cannot be had."""
    # Loaded here: whoever only starts workers does without.
    from server.app import Application, Options

    port = _port(arguments.port)
    try:
        server = launch(arguments.host, port)
    except OSError as error:
        reason = error.strerror or str(error)
        sentence = f"Port {arguments.port} at {arguments.host} cannot be used ({reason}): stop the other program, or give another --port."
        raise commands.Failed(sentence) from error
    server.at_end += [speaker.close, store.close]
    options = Options(server.async_mode, server.offload, server.relay, **options)
    return server, Application(store, Sites(store, clock.factor), clock, speaker, options)


def say_addresses(url: str, application: Application, accounts: Sequence[dict[str, str]] | None = None, *, as_json: bool) -> None:
    """What a person needs to begin, flushed before the first request is answered."""
    from server.pages import addresses

    sites = application.sites
    found = [screen for site in sites.ids() for screen in addresses(sites.current(site), application.options.extras)]
    found += [{"kind": "console", "name": "Console", "url": "/console"}, {"kind": "manage", "name": "Manager", "url": "/manage"}]
    screens = [{**screen, "url": url + screen["url"]} for screen in found]
    if as_json:
        print(json.dumps({"url": url, "screens": screens, "accounts": accounts}, ensure_ascii=False), flush=True)
        return
    print("\n".join([f"Mời Số at {url}/", *screen_lines(screens)]))
    for account in accounts or []:
        print(f"  {account['role']:<10} {account['user']:<8} password {account['password']}")
    print("Ctrl+C ends it.", flush=True)


def screen_lines(screens: Sequence[dict[str, str]]) -> Iterator[str]:
    """A line for each screen; those above the counters of an office share one."""
    for kind, group in groupby(screens, lambda screen: screen["kind"]):
        first, *others = group
        if kind == "counter" and others:
            ids = ", ".join(other["url"].rpartition("/")[2] for other in others)
            yield f"  {'Above a counter':<24} {first['url']} (also {ids})"
        else:
            yield from (f"  {screen['name']:<24} {screen['url']}" for screen in (first, *others))


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 65_536):
        raise commands.Failed(f"{text} is not a port: give --port (or PORT) a number from 0 to 65535.")
    return int(text)
