"""What may be said to `moiso`: its commands, their options, and which function runs each.

Loaded by the launcher's `main`, once it has replaced what must be replaced before anything else is imported.
"""

from __future__ import annotations

import argparse
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from audio import agent as voice
from kiosk import agent as paper
from server import commands, doctor, rescue, whatif
from server import keypad as keys
from server.store.ballast import MEGABYTE, SIZE

if TYPE_CHECKING:
    from server.serving import Launch

BALLAST_MOST = 10_000
PROXIES_MOST = 9
"""Reverse proxies one behind the other; more is a mistake in typing."""


class Parser(argparse.ArgumentParser):
    """Tells what cannot be understood as every other failure: in one sentence. argparse would put its usage before it."""

    def error(self, message: str) -> NoReturn:
        said = " ".join(message.split())
        self.exit(2, f"{said[:1].upper()}{said[1:]}: see {self.prog} --help.\n")


def parser(launch: Launch) -> argparse.ArgumentParser:
    """The whole command line. What it reads has `run`, a function of what was read; the commands that serve do it with `launch`."""
    top = Parser(prog="moiso", description="Queue kiosks, hall screens, voice and consoles.", epilog="Example: moiso demo")
    subs = top.add_subparsers(metavar="COMMAND", required=True)

    _demo(subs, launch)
    _serve(subs, launch)
    _agents(subs)
    commands.add_parsers(subs)
    rescue.add_parsers(subs)
    doctor.add_parsers(subs)
    whatif.add_parsers(subs)
    return top


def _demo(subs: Any, launch: Launch) -> None:
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
    demo.set_defaults(run=partial(_run_demo, launch))


def _serve(subs: Any, launch: Launch) -> None:
    serve = subs.add_parser(
        "serve", help="Serve offices", description="Serve one or more offices.", epilog="Example: moiso serve --site my-ward.toml"
    )
    _listening(serve)
    serve.add_argument("--site", action="append", metavar="ID_OR_FILE", help="import this document first; may be repeated")
    serve.add_argument("--db", metavar="URL", help=f"{commands.DB} (default: MOISO_DB, else the data directory)")
    serve.add_argument("--json", action="store_true", help="print addresses as one JSON document")
    serve.add_argument(
        "--clock-is-right",
        nargs="?",
        const="",
        metavar="DATE",
        help="believe the computer's clock on this date, as 2026-11-20, though something later was recorded",
    )
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
        "--ballast",
        type=_megabytes,
        default=str(SIZE // MEGABYTE),
        metavar="MB",
        help="keep so much room beside a SQLite database, in a file that is removed when the disk is full; 0: none (default: %(default)s)",
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
    serve.set_defaults(run=partial(_run_serve, launch))


def _listening(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default=os.environ.get("HOST", "127.0.0.1"))
    parser.add_argument("--port", default=os.environ.get("PORT") or "8000")


def _agents(subs: Any) -> None:
    kiosk = subs.add_parser(
        "kiosk",
        help="The print agent beside a kiosk",
        description="Print tickets for one kiosk.",
        epilog="Example: moiso kiosk --server http://127.0.0.1:8000 --key KEY --printer network://192.0.2.7:9100",
    )
    paper.add_arguments(kiosk)
    kiosk.set_defaults(run=paper.main)
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
    audio.set_defaults(run=_run_audio)
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
    led.set_defaults(run=_run_led)
    keypad = subs.add_parser(
        "keypad",
        help="A numeric keypad as a clerk's console",
        description="Work one counter with the keys of a numeric keypad: Enter, * + - / and the decimal point.",
        epilog="Example: moiso keypad --server http://127.0.0.1:8000 --site demo --counter 3 --user lan --keys /dev/ttyUSB1",
    )
    keys.add_arguments(keypad)
    keypad.set_defaults(run=keys.main)


def _factor(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.01 <= value <= 10_000:
        raise argparse.ArgumentTypeError("a number from 0.01 to 10000")
    return value


def _megabytes(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= BALLAST_MOST):
        raise argparse.ArgumentTypeError(f"a number from 0 to {BALLAST_MOST}")
    return int(text)


def _proxies(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= PROXIES_MOST):
        raise argparse.ArgumentTypeError(f"a number from 0 to {PROXIES_MOST}")
    return int(text)


# What only one command needs is loaded when that is asked for: the others begin sooner without, and so does `moiso --help`.


def _run_demo(launch: Launch, arguments: argparse.Namespace) -> int:
    from server import demo

    return demo.show(arguments, launch)


def _run_serve(launch: Launch, arguments: argparse.Namespace) -> int:
    from server import serving

    return serving.serve(arguments, launch)


def _run_led(arguments: argparse.Namespace) -> int:
    from display import led

    return led.main(arguments)


def _run_audio(arguments: argparse.Namespace) -> int:
    from server import clip_pack

    return clip_pack.run(arguments) if arguments.action else voice.main(arguments)
