"""The command line `moiso`, and the launcher: the only file that mentions eventlet.

A server is started here because its network library has to replace the blocking parts of Python before anything else is imported.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

EXAMPLE = "moiso demo"
CONNECTIONS = 10_000
"""eventlet's own limit is 1,024, and at 1,024 sockets it stops answering anybody."""
SOCKET_TIMEOUT_S = 5
"""A connection that says nothing for this long is closed: two thousand half-open ones must not stop a clerk."""
KEPT_S = 60
"""One that has been answered may rest for this long: a server that closes it just as the next request arrives would lose that request."""
PROXIES_MOST = 9
"""Reverse proxies one behind the other; more is a mistake in typing."""
HEARD_AT_ONCE = 12
"""So many sockets are heard before the loop looks again who has something to say; each costs it a sixth of a millisecond."""
SPARE_FILES = 64
"""Files a server needs besides its connections: the database, the voice, its log."""
DRAIN_S = 10.0
"""Longest wait for answers when the server is told to stop."""
LAST_WORD_S = 0.2
"""A stopping server listens for so long to connections that say nothing: a request may be on its way."""


LOST = (
    "the hall's time goes on from there until that clock is set. If the clock is right and the record is not, as after a rehearsal, give "
    "--clock-is-right."
)


def parser() -> argparse.ArgumentParser:
    from server import commands, doctor, rescue, whatif

    top = argparse.ArgumentParser(prog="moiso", description="Queue kiosks, hall screens, voice and consoles.", epilog=f"Example: {EXAMPLE}")
    subs = top.add_subparsers(metavar="COMMAND", required=True)

    demo = subs.add_parser(
        "demo",
        help="A whole office with invented citizens",
        description="A whole office, on a hall clock of its own.",
        epilog="Example: moiso demo",
    )
    _listening(demo)
    demo.add_argument("--site", default="demo", metavar="ID_OR_FILE", help="another office to show (default: demo)")
    demo.add_argument("--db", metavar="URL", help="keep the demo's database here (default: a temporary file)")
    demo.add_argument("--json", action="store_true", help="print addresses and accounts as one JSON document")
    demo.add_argument("--factor", type=_factor, default=1.0, help="hall seconds per second (default: 1)")
    demo.add_argument("--no-citizens", action="store_true", help="nobody arrives and no counter is staffed")
    demo.add_argument("--seed", type=int, default=1, help="which invented day")
    demo.set_defaults(run=run_demo, serves=True)

    serve = subs.add_parser(
        "serve", help="Serve offices", description="Serve one or more offices.", epilog="Example: moiso serve --site my-ward.toml"
    )
    _listening(serve)
    serve.add_argument("--site", action="append", metavar="ID_OR_FILE", help="import this document first; may be repeated")
    serve.add_argument("--db", metavar="URL", help=f"{commands.DB} (default: MOISO_DB, else the data directory)")
    serve.add_argument("--json", action="store_true", help="print addresses as one JSON document")
    serve.add_argument("--clock-is-right", action="store_true", help="believe the computer's clock, though something later was recorded")
    serve.add_argument("--secure-cookies", action="store_true", help="behind HTTPS: cookies travel over it only")
    serve.add_argument(
        "--trusted-proxies",
        type=_proxies,
        default=os.environ.get("MOISO_TRUSTED_PROXIES") or "0",
        metavar="N",
        help="so many reverse proxies of the office stand before it, and are believed what they say in X-Forwarded-* of the caller "
        "and of HTTPS (default: MOISO_TRUSTED_PROXIES, else 0: nobody is believed)",
    )
    serve.add_argument(
        "--watch-from", action="append", default=[], metavar="NETWORK", help="may also read health and metrics, as 192.0.2.0/24"
    )
    serve.add_argument("--voice", choices=("espeak", "silent"), default="espeak", help="the voice, or quiet stand-in sounds")
    serve.add_argument("--clips", type=Path, action="append", metavar="FOLDER", help="recorded clips; one folder for each language")
    serve.add_argument(
        "--piper", type=Path, metavar="MODEL", help="a Vietnamese model (.onnx) for the program piper, which then speaks first"
    )
    serve.add_argument(
        "--smtp",
        metavar="URL",
        help="mail to citizens goes through here: smtp://user:password@host:587?from=mot-cua@example.vn, smtps://..., or file:///folder "
        "for rehearsals (default: MOISO_SMTP, which other users of this machine cannot see; without either no mail is promised)",
    )
    serve.add_argument(
        "--replica",
        metavar="FOLDER",
        default=os.environ.get("MOISO_REPLICA"),
        help="keep a copy of the database here, on another disk, at most a second behind (default: MOISO_REPLICA)",
    )
    serve.add_argument(
        "--backups",
        type=Path,
        metavar="FOLDER",
        default=os.environ.get("MOISO_BACKUPS") or None,
        help="where `moiso backup` puts its copies, for the morning check (default: MOISO_BACKUPS, else backups beside the database)",
    )
    serve.add_argument(
        "--sending",
        choices=("straight", "queued"),
        default=os.environ.get("MOISO_SENDING") or "straight",
        help="states go straight onto the wire where nothing is ahead of them, or always through a queue for each client, which costs "
        "several times as much (default: MOISO_SENDING, else straight)",
    )
    serve.add_argument(
        "--queue",
        metavar="URL",
        default=os.environ.get("MOISO_QUEUE") or None,
        help="a Redis server, redis://host:6379, through which processes that serve one PostgreSQL database tell one another of news at "
        "once (default: MOISO_QUEUE, else each looks once a second)",
    )
    serve.add_argument(
        "--workers",
        type=int,
        default=1,
        metavar="N",
        help="so many server processes, at --port and the ports after it, behind a reverse proxy (docs/province.md); needs PostgreSQL",
    )
    # Said by the process that starts the workers: its number, and when their common hall clock began.
    serve.add_argument("--worker-of", type=int, help=argparse.SUPPRESS)
    serve.add_argument("--began", type=float, help=argparse.SUPPRESS)
    serve.add_argument("--hall-clock", metavar="INSTANT", help="for rehearsals: the hall clock starts here, as 2026-11-20T07:25+07:00")
    serve.add_argument("--factor", type=_factor, default=1.0, help="for rehearsals: hall seconds per second")
    serve.add_argument("--log", choices=("debug", "info", "warning", "error"), default="warning")
    serve.set_defaults(run=run_serve, serves=True)

    _agents(subs)
    commands.add_parsers(subs)
    rescue.add_parsers(subs)
    doctor.add_parsers(subs)
    whatif.add_parsers(subs)
    return top


def _listening(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default=os.environ.get("HOST", "127.0.0.1"))
    parser.add_argument("--port", default=os.environ.get("PORT") or "8000")


def _agents(subs: Any) -> None:
    from audio import agent as voice
    from kiosk import agent as paper
    from server import keypad as keys

    kiosk = subs.add_parser(
        "kiosk",
        help="The print agent beside a kiosk",
        description="Print tickets for one kiosk.",
        epilog="Example: moiso kiosk --server http://127.0.0.1:8000 --key KEY --printer network://192.0.2.7:9100",
    )
    paper.add_arguments(kiosk)
    kiosk.set_defaults(run=paper.main, serves=False)
    audio = subs.add_parser(
        "audio",
        help="The voice agent of a hall",
        description="Play the announcements of one hall.",
        epilog="Example: moiso audio --server http://127.0.0.1:8000 --key KEY",
    )
    voice.add_arguments(audio)
    audio.add_argument(
        "action",
        nargs="?",
        choices=("missing", "record"),
        help="instead of speaking: list what the clips of --clips lack for the office, or record it",
    )
    audio.add_argument("--site", metavar="ID_OR_FILE", help="for missing and record: the office that is to be spoken for (default: demo)")
    audio.add_argument("--db", metavar="URL", help="for missing and record: the database that knows the office")
    audio.add_argument(
        "--recorder", metavar="PROGRAM", help="for record: gets the file as its last argument, ended by SIGINT (default: arecord)"
    )
    audio.add_argument("--json", action="store_true", help="for missing: one JSON document on standard output")
    audio.set_defaults(run=_run_audio, serves=False)
    led = subs.add_parser(
        "led",
        help="The agent of number LEDs above counters",
        description="Show the number of each counter on LEDs of one RS-485 line (Modbus RTU).",
        epilog="Example: moiso led --server http://127.0.0.1:8000 --key KEY --leds leds.toml",
    )
    led.add_argument("--server", metavar="URL", help="the server, for example http://192.168.1.10:8000")
    led.add_argument("--key", help="the key that `moiso device add NAME --kind display` showed (default: MOISO_KEY)")
    led.add_argument("--leds", required=True, metavar="FILE", help="which LED stands above which counter (TOML)")
    led.add_argument("--check", action="store_true", help="light every LED with its own address, then end")
    led.set_defaults(run=_run_led, serves=False)
    keypad = subs.add_parser(
        "keypad",
        help="A numeric keypad as a clerk's console",
        description="Work one counter with the keys of a numeric keypad: Enter, * + - / and the decimal point.",
        epilog="Example: moiso keypad --server http://127.0.0.1:8000 --site demo --counter 3 --user lan --keys /dev/ttyUSB1",
    )
    keys.add_arguments(keypad)
    keypad.set_defaults(run=keys.main, serves=False)


def _run_led(arguments: argparse.Namespace) -> int:
    # Loaded here: the other commands do without the Modbus library.
    from display import led

    return led.main(arguments)


def _run_audio(arguments: argparse.Namespace) -> int:
    from audio import agent
    from server import clip_pack

    return clip_pack.run(arguments) if arguments.action else agent.main(arguments)


def _factor(text: str) -> float:
    value = float(text)
    if not 0.01 <= value <= 10_000:
        raise argparse.ArgumentTypeError("between 0.01 and 10000")
    return value


def _proxies(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= PROXIES_MOST):
        raise argparse.ArgumentTypeError(f"a number from 0 to {PROXIES_MOST}")
    return int(text)


def main() -> int:
    """Run one command; the exit code. Failures are one sentence on standard error."""
    if len(sys.argv) > 1 and sys.argv[1] in ("serve", "demo") and _workers(sys.argv) == "1":
        _go_green()
    from config.loader import SiteInvalid
    from server.commands import Failed
    from server.store import AlreadyServed, Broken, Unavailable

    arguments = parser().parse_args()
    try:
        return arguments.run(arguments) or 0
    except (Failed, SiteInvalid, AlreadyServed, Broken, Unavailable) as error:
        print(str(error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _workers(words: Sequence[str]) -> str:
    """What a command line says of workers, before anything is loaded that could read it: whoever only starts them must not be green."""
    said = [after for word, after in zip(words, [*words[1:], ""], strict=True) if word == "--workers"]
    said += [word.partition("=")[2] for word in words if word.startswith("--workers=")]
    return said[-1] if said else "1"


def _go_green() -> None:
    with warnings.catch_warnings():
        # eventlet announces its retirement at every import; why it is still here stands in server/DECISIONS.md.
        warnings.simplefilter("ignore")
        import eventlet

        eventlet.monkey_patch()
    warnings.filterwarnings("ignore", message=".*[Ee]ventlet.*")


# -- serving ---------------------------------------------------------------------------------------------------------------------


def run_serve(arguments: argparse.Namespace) -> int:
    from datetime import datetime
    from functools import partial

    from server import commands, machine
    from server.clock import HallClock
    from server.pages import Extras
    from server.store.replica import Replica

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
    store = commands.open_store(where)
    store.claim()
    store.check()
    for document in (arguments.site or []) if arguments.worker_of is None else []:
        commands.import_site(store, document)
    if not store.sites():
        raise commands.Failed("There is no office to serve: give its document with --site FILE.")
    clock = HallClock(start, arguments.factor, began=arguments.began)
    happened = None if arguments.clock_is_right else commands.newest(store)
    if happened is not None:
        clock.not_before(happened)
    if clock.lost and arguments.worker_of is None:
        print(f"The computer's clock is behind what was recorded at {happened:%Y-%m-%d %H:%M %Z}: {LOST}", file=sys.stderr)
    if arguments.workers > 1:
        store.close()
        return _supervise(arguments, clock)
    replica = None
    if arguments.replica:
        replica = Replica(commands.database_file(arguments.db, "leave out --replica, and see docs/postgresql.md"), Path(arguments.replica))
        store.keep_journal()
    speaker = _speaker(commands.voice_folder(where), arguments.voice, arguments.clips or (), arguments.piper)
    file = where if isinstance(where, Path) else None
    look = partial(machine.look, file, arguments.backups, replicated=replica is not None, voice=arguments.voice == "espeak")
    server = _Server(arguments, store, clock, Extras(), speaker, notifier, replica, look)
    return server.run(lambda: _addresses(server, None))


def _check_sharing(arguments: argparse.Namespace, where: Path | str) -> None:
    """Raises Failed where several processes could not serve these offices together."""
    from server import commands, news, workers

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


def _supervise(arguments: argparse.Namespace, clock: Any) -> int:
    import json

    from server import commands, workers
    from server.clock import monotonic

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
        for screen in told[0]["screens"]:
            print(f"  {screen['name']:<24} {screen['url']}")
        print("Ctrl+C ends them.", flush=True)

    return workers.supervise(
        lambda port: [sys.executable, "-P", "-m", "server", *sys.argv[1:], *own, "--port", str(port)], list(ports), ready
    )


def run_demo(arguments: argparse.Namespace) -> int:
    import tempfile

    from server import commands, machine
    from server.access import hash_password
    from server.clock import HallClock, wall
    from server.demo import Town, first_morning
    from server.pages import Extras
    from server.store import StaffRow

    arguments.secure_cookies, arguments.watch_from, arguments.log, arguments.trusted_proxies = False, [], "warning", 0
    arguments.sending = "straight"
    with tempfile.TemporaryDirectory(prefix="moiso-demo-") as folder:
        where = commands.database(arguments.db) if arguments.db else Path(folder) / "demo.db"
        store = commands.open_store(where)
        store.claim()
        site, _ = commands.import_site(store, arguments.site)
        accounts = [{"user": user, "password": f"{user}-{role}-demo", "role": role} for user, role, _ in DEMO_STAFF]
        for account, (_, _, called) in zip(accounts, DEMO_STAFF, strict=True):
            row = StaffRow(account["user"], account["role"], hash_password(account["password"]), site.id, display_name=called)
            store.write([lambda tx, row=row: tx.put_staff(row)])
        extras = Extras(demo={"accounts": accounts})
        kinds = [("kiosk", k.id, k.id) for k in site.kiosks] + [("display", f"tv-{h.id}", h.id) for h in site.halls]
        for kind, name, place in kinds:
            held = {(row.name, row.revoked) for row in store.devices(site.id)}
            if (name, False) in held:
                store.write([lambda tx, n=name: [tx.put_device(_revoked(r)) for r in store.devices(site.id) if r.name == n]])
            device = commands.add_device(store, site.id, name, kind, place)
            (extras.kiosk_keys if kind == "kiosk" else extras.display_keys)[site.id, place] = device["key"]
        clock = HallClock(first_morning(site, wall()), arguments.factor)
        mail, speaker = _notifier(f"file://{Path(folder).as_posix()}/mail"), _speaker(commands.voice_folder(where))
        file = where if isinstance(where, Path) else None
        server = _Server(arguments, store, clock, extras, speaker, mail, look=lambda: machine.look(file))
        if not arguments.no_citizens:
            town = Town(server.application.ledger, site.id, server.sleep, arguments.seed)
            server.background.append(town.run)
            server.on_stop.append(town.stop)
        agents: list[Any] = []
        server.background.append(lambda: agents.extend(_print_agents(server.url, site, extras, Path(folder))))
        server.on_stop.append(lambda: [agent.terminate() for agent in agents])
        return server.run(lambda: _addresses(server, accounts))


DEMO_STAFF = (
    ("lan", "clerk", "Nguyễn Thị Lan"),
    ("minh", "clerk", "Trần Văn Minh"),
    ("hoa", "helper", "Lê Thị Hoa"),
    ("binh", "supervisor", "Phạm Quốc Bình"),
    ("thanh", "inspector", "Võ Đức Thanh"),
    ("quan", "admin", "Đặng Minh Quân"),
)


def _print_agents(url: str, site: Any, extras: Any, folder: Any) -> list[Any]:
    """A print agent beside each kiosk, as in a real hall; their printers are files."""
    import subprocess

    agents = []
    for kiosk in site.kiosks:
        options = ["--server", url, "--printer", f"file://{folder}/{kiosk.id}.bin", "--journal", f"{folder}/{kiosk.id}.journal"]
        agents.append(
            subprocess.Popen(
                [sys.executable, "-P", "-m", "server", "kiosk", *options],
                env={**os.environ, "MOISO_KEY": extras.kiosk_keys[site.id, kiosk.id]},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )
        )
    return agents


def _end_with_parent() -> None:
    """Asks the kernel to end this process when the one that started it ends, even by kill -9."""
    import ctypes
    import signal

    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def _revoked(row: Any) -> Any:
    from dataclasses import replace

    return replace(row, revoked=True)


def _speaker(cache: Path, voice: str = "espeak", clips: Sequence[Path] = (), piper: Path | None = None) -> Any:
    """The voice of a server, with a folder for what it has spoken. Raises Failed for clips or a model that cannot be used."""
    from audio.clips import BadPack
    from audio.speaker import Speaker
    from audio.voice import Silent
    from server import commands

    if voice == "silent":
        return Silent(cache)
    try:
        return Speaker(cache, clips_folders=clips, piper=piper)
    except (BadPack, ValueError) as problem:
        raise commands.Failed(str(problem)) from problem


def _notifier(url: str | None) -> Any:
    """The channel for notices to citizens; None when there is none."""
    from urllib.parse import unquote

    from server import commands
    from server.notifiers.console import Console
    from server.notifiers.smtp import Gateway, NoGateway, Smtp

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


def _addresses(server: _Server, accounts: list[dict[str, str]] | None) -> None:
    """What a person needs to begin, flushed before the first request is answered."""
    import json

    extras = server.application.options.extras
    sites = server.application.sites
    found = []
    for site in sites.ids():
        office = sites.current(site)
        kiosks = [(k.name, f"/kiosk/{site}/{k.id}", extras.kiosk_keys.get((site, k.id))) for k in office.kiosks]
        halls = [(h.name, f"/display/{site}/{h.id}", extras.display_keys.get((site, h.id))) for h in office.halls]
        for name, path, key in [*kiosks, *halls]:
            found.append({"name": name, "url": f"{server.url}{path}" + (f"#key={key}" if key else "")})
    found.append({"name": "Console", "url": f"{server.url}/console"})
    if server.json:
        print(json.dumps({"url": server.url, "screens": found, "accounts": accounts}, ensure_ascii=False), flush=True)
        return
    print(f"Mời Số at {server.url}/")
    for screen in found:
        print(f"  {screen['name']:<24} {screen['url']}")
    for account in accounts or []:
        print(f"  {account['role']:<10} {account['user']:<8} password {account['password']}")
    print("Ctrl+C ends it.", flush=True)


def _port(text: str) -> int:
    from server import commands

    if not (text.isascii() and text.isdigit() and int(text) < 65_536):
        raise commands.Failed(f"{text} is not a port: give --port (or PORT) a number from 0 to 65535.")
    return int(text)


class _Server:
    """eventlet's WSGI server with what was measured to matter; `server/DECISIONS.md` has the numbers."""

    _parent: int | None = None
    """Of a worker: the process that has started it."""

    def __init__(
        self,
        arguments: argparse.Namespace,
        store: Any,
        clock: Any,
        extras: Any,
        speaker: Any,
        notifier: Any,
        replica: Any = None,
        look: Callable[[], list[Any]] = list,
    ) -> None:
        import eventlet
        from eventlet import tpool

        from server import commands
        from server.app import Application, Options, log_as_json
        from server.sites import Sites

        log_as_json(arguments.log)
        self._eventlet = eventlet
        self._parent = getattr(arguments, "worker_of", None)
        self.json = arguments.json or self._parent is not None
        self.sleep = eventlet.sleep
        self.background: list[Any] = []
        self.on_stop: list[Any] = []
        port = _port(arguments.port)
        try:
            self._door = _Door(self._listen(arguments.host, port))
        except OSError as error:
            reason = error.strerror or str(error)
            sentence = (
                f"Port {arguments.port} at {arguments.host} cannot be used ({reason}): stop the other program, or give another --port."
            )
            raise commands.Failed(sentence) from error
        host, port = self._door.getsockname()[:2]
        shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host
        self.url = f"http://{shown}:{port}"
        self._speaker = speaker
        self._store = store
        options = Options(
            async_mode="eventlet",
            offload=tpool.execute,
            secure_cookies=arguments.secure_cookies,
            watchers=tuple(arguments.watch_from),
            trusted_proxies=arguments.trusted_proxies,
            extras=extras,
            notifier=notifier,
            look=look,
            straight=arguments.sending == "straight",
            replica=replica,
            queue=getattr(arguments, "queue", None),
        )
        self.application = Application(store, Sites(store, clock.factor), clock, speaker, options)
        self._talks: set[Any] = set()
        self._stopping = False

    def _listen(self, host: str, port: int) -> Any:
        import socket

        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = self._eventlet.listen((host, port), family=family, backlog=2048, reuse_port=False)
        # Accepted sockets inherit it: without, the first frame after a quiet minute waits 40 ms for an acknowledgement.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener

    def run(self, ready: Any) -> int:
        """Serve until SIGTERM or SIGINT; then answer what has been accepted, and end."""
        import gc
        import signal

        from server.workers import is_orphan

        # A hall's thousands of long-lived objects make the default collector stop everything for 200 ms.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: setattr(self, "_stopping", True))
        _take_turns(self._eventlet.hubs.get_hub())
        self.application.start()
        ready()
        serving = self._eventlet.spawn(self._serve, _raise_open_files())
        for task in self.background:
            self._eventlet.spawn(task)
        while not self._stopping and not serving.dead:
            self._eventlet.sleep(0.1)
            self._stopping = self._stopping or is_orphan(self._parent)
        self._drain()
        if not self._stopping:
            print("The server can no longer be reached and has ended: look at its log, and start it again.", file=sys.stderr)
        return 0 if self._stopping else 1

    def _serve(self, files: int) -> None:
        from eventlet import wsgi

        wsgi.server(
            self._door,
            self.application.wsgi,
            protocol=_talk(self._talks, lambda: self._stopping),
            max_size=max(1, min(CONNECTIONS, files - SPARE_FILES)),
            socket_timeout=SOCKET_TIMEOUT_S,
            keepalive=True,
            log_output=False,
            debug=False,
            minimum_chunk_size=2**14,
        )

    def _drain(self) -> None:
        """Let nobody else in, answer whoever has said what he wants, hang up on whoever says nothing, and end when all are gone."""
        import time

        begin = time.monotonic()
        self._door.close()
        for stop in self.on_stop:
            stop()
        while (self._talks or not self._door.closed) and time.monotonic() - begin < DRAIN_S:
            if time.monotonic() - begin > LAST_WORD_S:
                for talk in list(self._talks):
                    talk.hang_up()
            self._eventlet.sleep(0.02)
        self.application.stop()
        self.application.ledger.ended.wait(DRAIN_S)
        close = getattr(self._speaker, "close", None)
        if close is not None:
            close()
        self._store.close()


class _Door:
    """The listening socket as eventlet's server sees it: it never fails, and once closed it lets in whoever had already knocked."""

    def __init__(self, listener: Any) -> None:
        self._listener = listener
        self._listener.settimeout(0.1)
        self._closing = False
        self.closed = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._listener, name)

    def close(self) -> None:
        self._closing = True

    def accept(self) -> Any:
        import structlog
        from eventlet import sleep
        from eventlet.greenio import GreenSocket

        while not self._closing:
            try:
                return self._listener.accept()
            except TimeoutError:
                continue
            except OSError as error:
                # No files left, or a caller that was gone before it was let in: neither is a reason to close the office.
                structlog.get_logger("door").warning("accept_failed", error=str(error))
                sleep(0.1)
        try:
            caller, address = self._listener.fd.accept()
            return GreenSocket(caller), address
        except OSError:
            self._listener.close()
            self.closed = True
        while True:
            # eventlet's server would now cut off whoever it is talking to.
            sleep(3600)


def _talk(talks: set[Any], stopping: Callable[[], bool]) -> Any:
    """eventlet's side of a connection; it stands in `talks` from the first byte until the last one is sent. While the server is stopping,
    every answer is the last of its connection and says so."""
    import contextlib
    import socket

    from eventlet import wsgi

    class Talk(wsgi.HttpProtocol):  # type: ignore[misc]
        _answered = False

        def setup(self) -> None:
            talks.add(self)
            # Names of headers are sent as they are written: to write each of eleven anew cost an answer of the interface fifteen
            # microseconds. Said here, because eventlet warns whoever says it to the server.
            self.capitalize_response_headers = False
            super().setup()

        def _read_request_line(self) -> Any:
            self.connection.settimeout(KEPT_S if self._answered else SOCKET_TIMEOUT_S)
            return super()._read_request_line()

        def handle_one_response(self) -> None:
            super().handle_one_response()
            self._answered = True

        def finish(self) -> None:
            try:
                super().finish()
            finally:
                talks.discard(self)

        @property
        def close_connection(self) -> bool:
            return self._last or stopping()

        @close_connection.setter
        def close_connection(self, last: bool) -> None:
            self._last = bool(last)

        def hang_up(self) -> None:
            """End a connection that says nothing. Only its listening side: what has arrived meanwhile is still read and answered."""
            if self.conn_state[2] == wsgi.STATE_IDLE:
                with contextlib.suppress(OSError):
                    self.connection.shutdown(socket.SHUT_RD)

    return Talk


def _take_turns(hub: Any) -> None:
    """Let the loop take a few of those who have said something at a time, not all of them: else whatever else has happened meanwhile, as
    that the disk is done and could begin the next flush, waits until the last of them has been heard."""
    if type(hub).__module__ == "eventlet.hubs.epolls":
        poll = hub.poll
        hub.do_poll = lambda seconds: poll.poll(seconds, HEARD_AT_ONCE)


def _raise_open_files() -> int:
    """Ask for as many open files as this process may have; how many it got."""
    try:
        import resource
    except ImportError:
        return CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = hard if hard != resource.RLIM_INFINITY else 65_536
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return max(soft, wanted)


if __name__ == "__main__":
    sys.exit(main())
