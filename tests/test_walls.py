"""The walls of the house: imports point inward, and each library lives in one file."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("audio", "config", "display", "kiosk", "server")

# From the inside out. A module imports from its own row and the rows above it, never from below.
ROWS: list[tuple[str, ...]] = [
    ("server.core",),
    (
        "server.store",
        "server.clock",
        "server.device",
        "server.paired",
        "server.keypad",
        "server.letters",
        "server.relay",
        "server.logs",
        "config",
        "audio",
        "display",
        "kiosk",
        "kiosk.journal",
        "kiosk.lines",
    ),
    ("server.sites", "server.wire", "server.voice", "server.notifiers", "server.names", "server.news"),
    ("server.books",),
    ("server.jobs",),
    ("server.registrar",),
    ("server.committer",),
    ("server.caretaker",),
    ("server.ledger",),
    ("server.access", "server.copying", "server.machine", "server.outbox", "server.alarm_mail"),
    ("server.notices", "server.waitlist", "server.presence", "server.persons"),
    ("server.publish", "server.routes", "server.foresight", "server.followers", "server.heartbeat", "server.straight", "server.sums"),
    ("server.api", "server.interface", "server.openapi", "server.sockets", "server.pages", "server.fellows"),
    ("server.manage", "server.appointments", "server.leases", "server.printing"),
    ("server.bookings", "server.pages.booking", "server.pairing", "server.checkups"),
    ("server.app", "server.commands", "server.chart", "server.comparison"),
    ("server.clip_pack", "server.doctor", "server.rescue", "server.whatif", "server.workers"),
    ("server.serving",),
    ("server.demo",),
    ("server.command_line",),
    ("server.__main__",),
]

# Between neighbours of one row: who may know whom.
NEIGHBOURS = {
    "server.store": {"server.store"},
    # A logo is checked by the pure file that will draw it.
    "config": {"config", "kiosk"},
    # Both agents remember across a restart what they have begun.
    "audio": {"audio", "server.device", "server.paired", "kiosk.journal"},
    "display": {"display", "server.device"},
    "kiosk": {"kiosk", "server.clock", "server.device", "server.paired", "kiosk.journal", "kiosk.lines"},
    "kiosk.journal": {"kiosk.lines"},
    "server.openapi": {"server.routes"},
}

BEHIND_THE_DOOR = {"server.books", "server.jobs", "server.registrar", "server.committer", "server.caretaker"}

OWNERS = {
    "sqlite_utils": {"server/store/sqlite.py", "server/store/copies.py"},
    "sqlite3": {"server/store/sqlite.py", "server/store/copies.py", "server/store/replica.py"},
    "psycopg": {"server/store/postgres.py"},
    "redis": {"server/news.py"},
    "escpos": {"kiosk/printer.py"},
    "pyttsx3": {"audio/speaker.py"},
    "eventlet": {"server/__main__.py"},
    "flask_socketio": {"server/sockets.py", "server/app.py"},
    "socketio": {"server/device.py"},
    "holidays": {"config/calendar.py"},
    "itsdangerous": {"server/sums.py"},
    "argon2": {"server/access.py"},
    "segno": {"kiosk/qr.py"},
    "icalendar": {"server/letters.py"},
    "smtplib": {"server/notifiers/smtp.py"},
    "tqdm": {"server/whatif.py", "server/rescue.py", "server/doctor.py"},
    "pymodbus": {"display/led.py"},
    "tomlkit": {"config/edit.py"},
}
CORE_MAY = {"sortedcontainers"}


def sources() -> dict[str, str]:
    """Relative path -> text of every Python file of the product."""
    return {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
    }


def imports(text: str) -> list[str]:
    """Every module a file imports, wherever in it; `from server import core` counts as `server.core`."""
    found: list[str] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append("relative import")
    return found


def module_of(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def room(module: str) -> str | None:
    """The longest entry of ROWS that holds this module."""
    rooms = [name for row in ROWS for name in row if module == name or module.startswith(name + ".")]
    return max(rooms, key=len, default=None)


def row_of(name: str) -> int:
    return next(number for number, row in enumerate(ROWS) if name in row)


def broken_walls(files: dict[str, str]) -> list[str]:
    """One sentence for each import that goes through a wall."""
    complaints = []
    for path, text in files.items():
        module = module_of(path)
        own = room(module)
        for imported in imports(text):
            top = imported.split(".")[0]
            if imported == "relative import":
                complaints.append(f"{path} imports relatively; say the whole name.")
            owners = OWNERS.get(top)
            if owners is not None and path not in owners:
                complaints.append(f"{path} imports {top}, which lives only in {', '.join(sorted(owners))}.")
            if own == "server.core" and top not in sys.stdlib_module_names | CORE_MAY | {"__future__"} and room(imported) != "server.core":
                complaints.append(f"{path} imports {imported}: the core knows only the standard library and itself.")
                continue
            other = room(imported)
            if other in BEHIND_THE_DOOR and own not in BEHIND_THE_DOOR | {"server.ledger"}:
                complaints.append(f"{path} imports {imported}: behind the door, which is server.ledger.")
            if other is None or own is None or other == own:
                continue
            if row_of(other) > row_of(own) or (row_of(other) == row_of(own) and other not in NEIGHBOURS.get(own, set())):
                complaints.append(f"{path} imports {imported}: imports point inward, and {other} is not inside {own}.")
    return complaints


def test_imports_point_inward_and_each_library_lives_in_one_file() -> None:
    assert broken_walls(sources()) == []


def test_every_file_of_the_product_stands_in_a_room() -> None:
    empty = {"server"}
    assert [path for path in sources() if room(module_of(path)) is None and module_of(path) not in empty] == []


@pytest.mark.parametrize(
    ("path", "line", "said"),
    [
        ("server/core/queue.py", "import flask", "the core knows only"),
        ("server/core/day.py", "from server.store import Store", "the core knows only"),
        ("config/loader.py", "from server.ledger import Ledger", "imports point inward"),
        ("kiosk/receipt.py", "from server import app", "imports point inward"),
        ("server/api.py", "import sqlite3", "lives only in server/store/"),
        ("server/api.py", "def f():\n    import eventlet", "lives only in server/__main__.py"),
        ("server/serving.py", "from server.__main__ import GreenServer", "imports point inward"),
        ("server/api.py", "from server.books import Books", "behind the door"),
        ("audio/phrases.py", "from pyttsx3 import init", "lives only in audio/speaker.py"),
        ("server/wire/office.py", "from . import core", "imports relatively"),
    ],
)
def test_a_forbidden_import_is_found(path: str, line: str, said: str) -> None:
    files = sources()
    complaints = broken_walls({path: f"{files[path]}\n{line}\n"})
    assert any(path in complaint and said in complaint for complaint in complaints), complaints


def test_the_five_packages_belong_to_this_distribution_alone() -> None:
    from importlib.metadata import packages_distributions

    owners = packages_distributions()
    assert {name: set(owners.get(name, [])) for name in PACKAGES} == {name: {"moiso"} for name in PACKAGES}


PAGES = [
    p for folder in ("kiosk/web", "display/web", "server/pages/static") for p in (ROOT / folder).rglob("*.js") if "vendor" not in p.parts
]


def test_one_browser_file_knows_socket_io() -> None:
    knows = [p.relative_to(ROOT).as_posix() for p in PAGES if re.search(r"socket\.io", p.read_text(encoding="utf-8"))]
    assert knows in ([], ["server/pages/static/shared/connection.js"])


def test_text_reaches_the_page_as_text() -> None:
    unsafe = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|unsafeHTML|\beval\(|new Function")
    assert [p.relative_to(ROOT).as_posix() for p in PAGES if unsafe.search(p.read_text(encoding="utf-8"))] == []
