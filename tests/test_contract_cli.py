"""The command line as a person and a script meet it: help with an example, one JSON document, one sentence when it fails."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
import requests
from listening import Ears
from outside import Outside, outside, refused
from running import OPEN, PASSWORD, ROOT, Client

from server.__main__ import main

Ended = subprocess.CompletedProcess[str]
SITE = Path(OPEN).read_text()


def run(*arguments: str, stdin: str | bytes = "", cwd: Path = ROOT, **env: str) -> Ended:
    """One `moiso` to its end, anywhere."""
    ended = subprocess.run(
        [sys.executable, "-m", "server", *arguments],
        input=stdin.encode() if isinstance(stdin, str) else stdin,
        capture_output=True,
        timeout=120,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
    )
    return Ended(ended.args, ended.returncode, ended.stdout.decode(), ended.stderr.decode())


def here(*arguments: str, stdin: str | bytes = "") -> Ended:
    """The same command in this process: a process of its own costs a second, most of it to begin."""
    given = io.TextIOWrapper(io.BytesIO(stdin.encode() if isinstance(stdin, str) else stdin))
    out, err, code = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["moiso", *arguments])
        patch.setattr(sys, "stdin", given)
        try:
            code = main()
        except SystemExit as ended:
            code = int(ended.code or 0)
    return Ended(arguments, code, out.getvalue(), err.getvalue())


def together(*commands: tuple[str, ...], db: str) -> list[Ended]:
    """Several commands, each in a process of its own, at the same time."""
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda c: run(*c, "--db", db), commands))


def said(ended: Ended) -> object:
    """What a command answers with --json: one document, and nothing else anywhere."""
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == "" and ended.stdout.endswith("\n")
    return json.loads(ended.stdout)


def sentence(ended: Ended) -> str:
    """Why it failed: one sentence on standard error, nothing on standard output, a code that is not 0."""
    assert ended.returncode != 0 and ended.stdout == "", ended.stdout
    lines = ended.stderr.splitlines()
    assert len(lines) == 1 and lines[0].endswith("."), ended.stderr
    return lines[0]


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with the office `open`, a clerk and a kiosk, that no server serves."""
    url = f"sqlite:///{tmp_path_factory.mktemp('db') / 'office.db'}"
    assert said(run("site", "import", OPEN, "--db", url, "--json")) == {"site": "open", "version": 1, "stored": True}
    assert run("user", "add", "lan", "--role", "clerk", "--password-stdin", "--db", url, stdin=f"{PASSWORD}\n").returncode == 0
    assert run("device", "add", "k1", "--kind", "kiosk", "--db", url).returncode == 0
    return url


# -- help ------------------------------------------------------------------------------------------------------------------------

COMMANDS = [
    *(("demo",), ("serve",), ("check",), ("kiosk",), ("audio",), ("report",), ("simulate",), ("replay",)),
    *(("doctor",), ("backup",), ("restore",), ("led",), ("keypad",)),
    *(("user",), ("user", "add"), ("user", "list"), ("user", "reset"), ("user", "remove")),
    *(("device",), ("device", "add"), ("device", "list"), ("device", "revoke")),
    *(("site",), ("site", "import"), ("site", "export"), ("site", "history")),
]


def test_every_command_helps_with_an_example() -> None:
    top = run("--help")
    assert top.returncode == 0 and "Example: moiso demo" in top.stdout
    assert all(name in top.stdout for name in {command[0] for command in COMMANDS})
    for command in COMMANDS:
        # A server makes its process green before anything else, which is not for this one.
        ended = (run if command[0] in ("serve", "demo") else here)(*command, "--help")
        assert ended.returncode == 0 and ended.stderr == "", command
        example = ended.stdout.split("Example: ")[1]
        assert "moiso " + command[0] in " ".join(example.split()), command
        if command[0] not in ("kiosk", "audio", "led", "keypad") and command not in (("user",), ("device",), ("site",)):
            assert "--db" in ended.stdout and "--json" in ended.stdout and "--site" in ended.stdout, command


# -- one document ----------------------------------------------------------------------------------------------------------------


def test_with_json_every_answer_is_one_document(db: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy.toml"
    copy.write_text(SITE)
    commands = {
        ("user", "list", "--json"): [{"name": "lan", "role": "clerk", "site": "open"}],
        ("device", "list", "--json"): [{"site": "open", "name": "k1", "kind": "kiosk", "place": "k1", "revoked": False}],
        ("device", "list", "--site", OPEN, "--json"): [{"site": "open", "name": "k1", "kind": "kiosk", "place": "k1", "revoked": False}],
        ("site", "export", "--json"): {"site": "open", "version": 1, "document": SITE},
        ("check", str(copy), "--json"): {"source": str(copy), "ok": True, "mistakes": [], "warnings": []},
        ("site", "import", str(copy), "--json"): {"site": "open", "version": 1, "stored": False},
    }
    for command, ended in zip(commands, together(*commands, db=db), strict=True):
        assert said(ended) == commands[command], command
    history = said(run("site", "history", "--db", db, "--json"))
    assert isinstance(history, list) and [h["version"] for h in history] == [1] and len(history[0]["sha256"]) == 64


def test_an_account_and_a_device_come_and_go(db: str) -> None:
    add = ("user", "add", "  Hie\u0302\u0300n ", "--role", "helper", "--password-stdin", "--db", db, "--json")
    assert said(run(*add, stdin=f"{PASSWORD}\r\n")) == {"name": "Hiền", "role": "helper", "site": "open"}
    assert "already" in sentence(run("user", "add", "Hiền", "--role", "clerk", "--password-stdin", "--db", db, stdin=f"{PASSWORD}\n"))
    assert said(run("user", "reset", "Hiền", "--password-stdin", "--db", db, "--json", stdin="mot mat khau khac")) == {"name": "Hiền"}
    assert said(run("user", "remove", "Hiền", "--db", db, "--json")) == {"name": "Hiền"}
    made = said(run("device", "add", "loa", "--kind", "audio", "--db", db, "--json"))
    assert isinstance(made, dict) and set(made) == {"name", "kind", "place", "key"}
    assert (made["kind"], made["place"]) == ("audio", "main") and len(made["key"]) >= 40
    assert made["key"] not in run("device", "list", "--db", db, "--json").stdout, "the key is shown once"
    assert "already" in sentence(run("device", "add", "loa", "--kind", "display", "--db", db))
    assert said(run("device", "revoke", "loa", "--db", db, "--json")) == {"name": "loa", "revoked": True}
    again = said(run("device", "add", "loa", "--kind", "audio", "--place", "main", "--db", db, "--json"))
    assert isinstance(again, dict) and again["key"] != made["key"]


# -- one sentence ----------------------------------------------------------------------------------------------------------------

FAILURES: dict[str, tuple[tuple[str, ...], str]] = {
    "an unknown site": (("device", "add", "x", "--kind", "audio", "--site", "nowhere"), "nowhere is not in this database"),
    "an unknown site in a list": (("user", "list", "--site", "nowhere"), "nowhere is not in this database"),
    "a site file that is not there": (("user", "list", "--site", "/nowhere/x.toml"), "There is no file /nowhere/x.toml"),
    "an unknown bundled site": (("site", "import", "nowhere"), "nowhere"),
    "a folder instead of a file": (("check", "/tmp"), "/tmp"),
    "an unknown member of staff": (("user", "remove", "nobody"), "no staff member named nobody"),
    "an unknown device": (("device", "revoke", "nothing"), "no device named nothing"),
    "an unknown kiosk": (("device", "add", "k7", "--kind", "kiosk"), "no kiosk k7; there is: k1"),
    "an unknown hall": (("device", "add", "tv", "--kind", "display", "--place", "cellar"), "no hall cellar; there is: main"),
    "a device without a name": (("device", "add", "  ", "--kind", "audio"), "1 to 64 visible characters"),
    "a device with a name that rings": (("device", "add", "a\x07b", "--kind", "audio"), "1 to 64 visible characters"),
    "a version that never was": (("site", "export", "--version", "99"), "no version 99"),
    "a day that is none": (("report", "2026-02-30"), "2026-02-30 is not a date: write it as 2026-11-20"),
    "a week for a day": (("report", "2026-W47-5"), "is not a date"),
    "a day on which nothing happened": (("report", "2020-01-01"), "Nothing happened at open on 2020-01-01"),
}

PASSWORDS: dict[str, tuple[tuple[str, ...], str | bytes, str]] = {
    "a short password": (("add", "x", "--role", "clerk"), "1234567\n", "at least 8 characters"),
    "no password": (("add", "x", "--role", "clerk"), "", "at least 8 characters"),
    "an endless password": (("reset", "lan"), "x" * 300, "at most 256 characters"),
    "a password in another encoding": (("reset", "lan"), b"m\xe2t kh\xe2u d\xe0i\n", "not UTF-8"),
    "a name of 65 letters": (("add", "x" * 65, "--role", "clerk"), PASSWORD, "1 to 64 visible characters"),
    "a name with a line end": (("add", "a\nb", "--role", "clerk"), PASSWORD, "1 to 64 visible characters"),
    "an account that is not there": (("reset", "nobody"), PASSWORD, "no staff member named nobody"),
}


def test_what_fails_says_why_in_one_sentence(db: str) -> None:
    for name, (arguments, words) in FAILURES.items():
        assert words in sentence(here(*arguments, "--db", db)), name


MISTYPED: dict[str, tuple[tuple[str, ...], str]] = {
    "an unknown command": (("foo",), "'foo'"),
    "no command": ((), "COMMAND"),
    "half a command": (("user",), "ACTION"),
    "an unknown role": (("user", "add", "x", "--role", "boss"), "'boss'"),
    "an unknown format": (("report", "2026-11-20", "--format", "docx"), "'docx'"),
    "an option that is none": (("check", "open", "--quick"), "--quick"),
    "a line end in a word": (("check", "open", "--qu\nick"), "--qu ick"),
    "a word for a number": (("simulate", "--days", "many"), "many"),
    "a pace that is none": (("demo", "--factor", "fast"), "a number from 0.01 to 10000"),
}


def test_what_is_mistyped_is_told_in_one_sentence_that_names_the_help() -> None:
    for name, (arguments, words) in MISTYPED.items():
        # A server makes its process green before anything else, which is not for this one.
        ended = (run if arguments[:1] == ("demo",) else here)(*arguments)
        told = sentence(ended)
        assert ended.returncode == 2 and words in told, (name, told)
        assert re.search(r": see moiso( [a-z]+)* --help\.$", told), (name, told)


def test_an_account_of_another_office_is_left_alone(tmp_path: Path) -> None:
    db = f"sqlite:///{tmp_path / 'two.db'}"
    for office in ("open", "demo"):
        assert here("site", "import", office, "--db", db).returncode == 0
    for who, site in (("lan", ("--site", "demo")), ("everywhere", ())):
        added = here("user", "add", who, "--role", "clerk", *site, "--password-stdin", "--db", db, stdin=f"{PASSWORD}\n")
        assert added.returncode == 0, added.stderr
    before = said(here("user", "list", "--db", db, "--json"))
    for verb in (("remove",), ("reset", "--password-stdin")):
        away = here("user", *verb, "lan", "--site", "open", "--db", db, stdin=f"another {PASSWORD}\n")
        assert sentence(away) == "lan may sign in to demo, not to open."
        both = here("user", *verb, "everywhere", "--site", "open", "--db", db, stdin=f"another {PASSWORD}\n")
        assert sentence(both) == "everywhere is of every site: leave out --site."
    assert said(here("user", "list", "--db", db, "--json")) == before
    assert said(here("user", "remove", "lan", "--site", "demo", "--db", db, "--json")) == {"name": "lan"}
    assert said(here("user", "remove", "everywhere", "--db", db, "--json")) == {"name": "everywhere"}


def test_the_document_by_which_an_office_works_can_be_checked(db: str) -> None:
    assert said(here("check", "--site", "open", "--db", db, "--json")) == {
        "source": "open version 1",
        "ok": True,
        "mistakes": [],
        "warnings": [],
    }
    assert "nowhere is not in this database" in sentence(here("check", "--site", "nowhere", "--db", db))
    for arguments in ((), ("open", "--site", "open")):
        assert sentence(here("check", *arguments, "--db", db)) == (
            "Say which document: a file, or with --site the one that the database holds."
        )


def test_an_account_that_cannot_be_made_is_not_made(db: str) -> None:
    before = run("user", "list", "--db", db, "--json").stdout
    for name, (arguments, stdin, words) in PASSWORDS.items():
        assert words in sentence(here("user", *arguments, "--password-stdin", "--db", db, stdin=stdin)), name
    asked = run("user", "add", "x", "--role", "clerk", "--db", db, stdin=f"{PASSWORD}\n")
    assert "--password-stdin" in sentence(asked), "without a terminal nobody can be asked"
    assert run("user", "list", "--db", db, "--json").stdout == before


URLS: dict[str, str] = {
    "an engine and nothing behind": "postgresql://",
    "no scheme": "office.db",
    "two slashes": "sqlite://office.db",
    "nothing behind": "sqlite:///",
    "an unknown scheme": "mysql:///x",
}


def test_a_database_is_named_by_its_url(db: str, tmp_path: Path) -> None:
    for name, url in URLS.items():
        assert "is not a database this version can open" in sentence(here("user", "list", "--db", url)), name
    file, folder = tmp_path / "text.db", tmp_path / "folder.db"
    file.write_text("this is no database, whatever its name says\n" * 100)
    folder.mkdir()
    missing, text, directory = (here("user", "list", "--db", f"sqlite:///{tmp_path / n}") for n in ("no.db", "text.db", "folder.db"))
    assert f"There is no database at {tmp_path / 'no.db'}" in sentence(missing) and not (tmp_path / "no.db").exists()
    assert str(file) in sentence(text) and str(folder) in sentence(directory)
    assert file.read_text().startswith("this is no database"), "what is not ours is left alone"
    for db_url, env in (("sqlite:///office.db", {}), ("", {"MOISO_DB": "sqlite:///office.db"}), ("", {"XDG_DATA_HOME": str(tmp_path)})):
        cwd = tmp_path / f"cwd{len(db_url)}{len(env)}{'MOISO_DB' in env}"
        cwd.mkdir()
        given = ("--db", db_url) if db_url else ()
        assert said(run("site", "import", "open", *given, "--json", cwd=cwd, **env)) == {"site": "open", "version": 1, "stored": True}
        assert (tmp_path / "moiso" / "moiso.db" if "XDG_DATA_HOME" in env else cwd / "office.db").is_file()


def test_a_site_file_with_five_mistakes_is_told_all_five_with_place_and_advice(db: str, tmp_path: Path) -> None:
    document = tmp_path / "wrong.toml"
    wrong = SITE.replace('name = "Một cửa mở mọi lúc"', "").replace('"00:00-24:00"', '"17:00-08:00"')
    wrong = wrong.replace('id = "B"\nletter = "B"', 'id = "B"\nletter = "A"')
    wrong = wrong.replace('id = "4"\nservices = ["A", "B"]', 'id = "4"\nservices = ["C"]')
    document.write_text(wrong.replace("capacity = 2", "capacity = -2"))
    checked = run("check", str(document), "--json")
    mistakes = json.loads(checked.stdout)["mistakes"]
    assert checked.returncode == 1 and len(mistakes) == 5, mistakes
    assert all(m["place"] and m["message"] and m["suggestion"] for m in mistakes) and sum(bool(m["line"]) for m in mistakes) >= 4
    imported = run("site", "import", str(document), "--db", db)
    assert imported.returncode == 1 and imported.stdout == ""
    for mistake in mistakes:
        assert mistake["message"] in imported.stderr and mistake["suggestion"] in imported.stderr
    assert "Traceback" not in imported.stderr
    assert len(json.loads(run("site", "history", "--db", db, "--json").stdout)) == 1, "nothing was stored"


# -- while a server runs ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    folder = tmp_path_factory.mktemp("office")
    document = folder / "office.toml"
    document.write_text(SITE)
    with outside(folder, document=str(document)) as office:
        yield office


def test_accounts_and_devices_work_at_once_while_the_server_runs(office: Outside) -> None:
    db = office.server.db
    assert run("user", "add", "mai", "--role", "clerk", "--password-stdin", "--db", db, stdin=f"{PASSWORD}\n").returncode == 0
    signed_in = requests.post(f"{office.api}/sessions", json={"user": "mai", "password": PASSWORD}, timeout=60)
    assert signed_in.status_code == 201
    mai = Client(office.api, signed_in.json()["token"])
    mai.post("/sites/open/counters/1/open")
    made = said(run("device", "add", "k1-b", "--kind", "kiosk", "--place", "k1", "--db", db, "--json"))
    assert isinstance(made, dict)
    kiosk = Client(office.api, made["key"])
    kiosk.post("/sites/open/tickets", {"service": "A"}, expect=201)
    mai.post("/sites/open/counters/1/next", {"finish": True})
    removed, revoked = together(("user", "remove", "mai"), ("device", "revoke", "k1-b"), db=db)
    assert removed.returncode == revoked.returncode == 0
    refused(mai.send("GET", "/session"), 401, "unauthenticated")
    refused(kiosk.send("POST", "/sites/open/tickets", {"service": "A"}), 401, "unauthenticated")


def test_a_new_site_document_is_adopted_by_the_running_day(office: Outside) -> None:
    document = office.server.folder / "office.toml"
    changed = SITE.replace('name = "Khu chờ"', 'name = "Khu chờ tầng 1"')
    document.write_text(re.sub(r'(letter = "B"\nname = )".*"', r'\1"Sao y"', changed))
    with Ears(office.url) as wall:
        wall.hello("hall", "main")
        made = said(run("site", "import", str(document), "--db", office.server.db, "--json"))
        assert made == {"site": "open", "version": 2, "stored": True}
        wall.state("board", lambda b: any(w["name"] == "Sao\u00a0y" for w in b["waiting"]))
    assert [h["name"].replace("\u00a0", " ") for h in office["nobody"].get("/sites/open")["halls"]] == ["Khu chờ tầng 1"]
    assert "SiteRevised" in {e["kind"] for e in office.story()}
    assert run("site", "export", "--db", office.server.db).stdout == document.read_text()
    assert run("site", "export", "--version", "1", "--db", office.server.db).stdout == SITE
    assert [h["version"] for h in json.loads(run("site", "history", "--db", office.server.db, "--json").stdout)] == [1, 2]


def test_the_report_on_the_command_line_is_the_one_of_the_server(office: Outside) -> None:
    office.take("A")
    db, day = office.server.db, office.today
    commands = (("report", day), ("report", day, "--json"), ("report", day, "--format", "json", "--site", "open"))
    sheet, document, also = together(*commands, db=db)
    answer = office["thanh"].send("GET", f"/sites/open/days/{day}/report?format=csv")
    assert sheet.returncode == 0 and sheet.stdout.replace("\r\n", "\n") == answer.content.decode().replace("\r\n", "\n")
    assert said(document) == said(also) == office["thanh"].get(f"/sites/open/days/{day}/report")


def test_a_second_server_on_the_same_database_says_so(office: Outside) -> None:
    assert "already served" in sentence(run("serve", "--site", OPEN, "--db", office.server.db, "--port", "0", "--voice", "silent"))


def test_a_port_in_use_says_what_to_do(office: Outside, tmp_path: Path) -> None:
    db = f"sqlite:///{tmp_path / 'other.db'}"
    words = sentence(run("serve", "--site", OPEN, "--db", db, "--port", str(office.server.port), "--voice", "silent"))
    assert str(office.server.port) in words and "--port" in words
