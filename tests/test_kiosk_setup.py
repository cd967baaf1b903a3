"""Setting up the office's machines: what the installer puts where, what the browser may do, which USB devices a kiosk accepts."""

from __future__ import annotations

import fnmatch
import json
import mmap
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
SETUP = ROOT / "kiosk" / "setup"
UNITS = sorted((SETUP / "units").glob("*.service"))
CHROMIUM = Path("/usr/lib/chromium/chromium")
SERVER = "http://192.0.2.1:8000"
KIOSK = ("--role", "kiosk", "--server", SERVER, "--site", "demo", "--place", "k1")


def install(*options: str, ok: bool = True) -> str:
    done = subprocess.run([str(SETUP / "install"), *options], capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == ok, (done.stdout, done.stderr)
    return done.stdout if ok else done.stderr


def policy(*pages: str, form: str = "json", ok: bool = True) -> str:
    command = [sys.executable, str(SETUP / "policy.py"), *pages, "--format", form]
    done = subprocess.run(command, capture_output=True, check=False)
    assert (done.returncode == 0) == ok, done.stderr
    return (done.stdout if ok else done.stderr).decode()


def files(root: Path) -> dict[str, str]:
    return {path.relative_to(root).as_posix(): path.read_text() for path in root.rglob("*") if path.is_file()}


# -- the browser's policy --------------------------------------------------------------------------------------------------------------


def test_a_kiosk_may_open_its_own_page_and_nothing_else() -> None:
    rules = json.loads(policy(f"{SERVER}/kiosk/demo/k1"))
    assert rules["URLAllowlist"] == ["http://.192.0.2.1:8000/kiosk/demo/k1"]
    assert {"*", "file://*", "view-source:*", "chrome://*", "data:*", "javascript:*"} <= set(rules["URLBlocklist"])
    assert (rules["DeveloperToolsAvailability"], rules["DownloadRestrictions"], rules["PrintingEnabled"]) == (2, 3, False)
    assert rules["OverrideSecurityRestrictionsOnInsecureOrigin"] == [SERVER]
    assert json.loads(policy("https://so.example/kiosk/demo/k1"))["OverrideSecurityRestrictionsOnInsecureOrigin"] == []


@pytest.mark.parametrize("page", ["192.0.2.1/kiosk", "file:///etc", f"{SERVER}", f"{SERVER}/", "http://u@h/kiosk/a/b", f"{SERVER}/k?x"])
def test_what_is_no_address_of_a_screen_gives_no_policy(page: str) -> None:
    assert "is not the address of a screen" in policy(page, ok=False)


@pytest.mark.skipif(not CHROMIUM.exists(), reason="Debian's Chromium is not on this machine; run .ci/packages browser.")
def test_the_installed_browser_knows_every_policy_by_its_name() -> None:
    with CHROMIUM.open("rb") as program, mmap.mmap(program.fileno(), 0, access=mmap.ACCESS_READ) as image:
        names = json.loads(policy(f"{SERVER}/kiosk/demo/k1"))
        assert [name for name in names if image.find(b"\0" + name.encode() + b"\0") < 0] == []
        assert image.find(b"\0URLAllowlists\0") < 0, "a name that no Chromium has"


def test_windows_gets_the_same_policy_in_its_registry() -> None:
    rules = json.loads(policy(f"{SERVER}/kiosk/demo/k1"))
    text = policy(f"{SERVER}/kiosk/demo/k1", form="reg")
    root = r"HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Google\Chrome"
    sections: dict[str, dict[str, Any]] = {}
    for line in text.split("\r\n")[1:]:
        if line.startswith("["):
            section = sections.setdefault(line.strip("[]"), {})
        elif line:
            name, value = re.fullmatch(r'"([^"]+)"=(.*)', line).groups()  # type: ignore[union-attr]
            section[name] = int(value[6:], 16) if value.startswith("dword:") else json.loads(value)
    single = {name: value for name, value in rules.items() if not isinstance(value, list)}
    assert sections[root] == single
    for name in rules.keys() - single.keys():
        assert list(sections[f"{root}\\{name}"].values()) == rules[name]


# -- the installer ---------------------------------------------------------------------------------------------------------------------


def test_a_kiosk_is_installed_into_a_folder_and_again_without_a_change(tmp_path: Path) -> None:
    key = tmp_path / "k1.key"
    key.write_text("secret-key\n")
    root = tmp_path / "root"
    first = install(*KIOSK, "--key-file", str(key), "--printer", "usb://04b8:0e15", "--rotate", "left", "--root", str(root))
    assert "secret-key" not in first
    there = files(root)
    assert there["etc/moiso/kiosk-agent.env"].splitlines() == [
        "MOISO_KEY=secret-key", "MOISO_OPTIONS=", "MOISO_PAPER=80", "MOISO_PRINTER=usb://04b8:0e15", f"MOISO_SERVER={SERVER}",
    ]  # fmt: skip
    assert f"MOISO_PAGE={SERVER}/kiosk/demo/k1\nMOISO_ROTATE=left" in there["etc/moiso/kiosk-screen.env"]
    assert there["etc/moiso/kiosk-screen.key"] == "secret-key"
    assert json.loads(there["etc/chromium/policies/managed/moiso.json"]) == json.loads(policy(f"{SERVER}/kiosk/demo/k1"))
    for name in ("kiosk-agent.env", "kiosk-screen.env", "kiosk-screen.key"):
        assert stat.S_IMODE((root / "etc" / "moiso" / name).stat().st_mode) == 0o600
    assert (root / "usr/lib/moiso/setup/screen").stat().st_mode & 0o111
    again = install(*KIOSK, "--root", str(root))
    assert not re.search("^put ", again, re.MULTILINE) and files(root) == there


def test_what_the_technician_has_changed_stays_until_the_installer_is_told_otherwise(tmp_path: Path) -> None:
    install(*KIOSK, "--root", str(tmp_path))
    settings = tmp_path / "etc" / "moiso" / "kiosk-agent.env"
    settings.write_text(settings.read_text().replace("MOISO_PRINTER=console:", "MOISO_PRINTER=network://192.0.2.7:9100"))
    install(*KIOSK, "--paper", "58", "--root", str(tmp_path))
    assert "MOISO_PRINTER=network://192.0.2.7:9100" in settings.read_text() and "MOISO_PAPER=58" in settings.read_text()


def test_a_dry_run_says_every_step_and_does_none(tmp_path: Path) -> None:
    said = install(*KIOSK, "--dry-run", "--allow-usb", "05e0:1200")
    for step in (
        "apt-get install",
        "put  /etc/chromium/policies/managed/moiso.json",
        "systemctl restart moiso-kiosk-agent.service",
        "usbguard",
    ):
        assert step in said, step
    assert (
        said.index("mask usbguard")
        < said.index("apt-get install")
        < said.index("put  /etc/usbguard/rules.conf")
        < said.index("unmask usbguard")
    )
    install(*KIOSK, "--dry-run", "--root", str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_small_office_has_its_server_its_hall_and_its_voice_on_one_machine(tmp_path: Path) -> None:
    document = str(ROOT / "config" / "sites" / "demo.toml")
    loud = tmp_path / "loa.key"
    loud.write_text("loud")
    root = tmp_path / "root"
    roles = ("--role", "server", "--role", "hall", "--role", "audio")
    install(*roles, "--site", document, "--place", "main", "--audio-key-file", str(loud), "--root", str(root))
    there = files(root)
    assert "MOISO_OPTIONS=--site /etc/moiso/site.toml" in there["etc/moiso/server.env"]
    assert "MOISO_PAGE=http://127.0.0.1:8000/display/demo/main" in there["etc/moiso/hall-screen.env"]
    assert "MOISO_KEY=loud" in there["etc/moiso/audio.env"] and there["etc/moiso/hall-screen.key"] == ""
    assert not (root / "etc/usbguard").exists()


def test_taking_it_away_leaves_settings_and_data_unless_they_are_to_go_too(tmp_path: Path) -> None:
    install(*KIOSK, "--root", str(tmp_path))
    install("--uninstall", "--root", str(tmp_path))
    left = files(tmp_path)
    assert left.keys() == {
        "etc/moiso/kiosk-agent.env",
        "etc/moiso/kiosk-screen.env",
        "etc/moiso/kiosk-screen.key",
        "etc/usbguard/rules.conf",
    }
    install("--uninstall", "--purge", "--root", str(tmp_path))
    assert files(tmp_path).keys() == {"etc/usbguard/rules.conf"}


def test_the_small_screen_above_a_counter_is_a_hall_screen_too(tmp_path: Path) -> None:
    install("--role", "hall", "--server", SERVER, "--site", "demo", "--place", "counter/3", "--root", str(tmp_path))
    assert f"MOISO_PAGE={SERVER}/display/demo/counter/3\n" in files(tmp_path)["etc/moiso/hall-screen.env"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--dry-run",), "say what this machine is"),
        (("--role", "printer"), "a role is server, kiosk, hall, audio or all, not printer"),
        (("--role", "kiosk", "--role", "hall", "--dry-run"), "one machine has one screen"),
        (("--role", "kiosk", "--server", "192.0.2.1", "--dry-run"), "--server is the server's address"),
        (("--role", "kiosk", "--server", SERVER, "--dry-run"), "--site is missing"),
        ((*KIOSK, "--allow-usb", "scanner", "--dry-run"), "vendor:product as lsusb shows it"),
        ((*KIOSK, "--key-file", "/nowhere", "--dry-run"), "/nowhere cannot be read"),
        ((*KIOSK, "--rotate", "up", "--dry-run"), "normal, left, right or inverted"),
        (("--colour", "red"), "--colour is unknown"),
    ],
)
def test_what_the_installer_cannot_do_is_one_sentence(options: tuple[str, ...], said: str) -> None:
    answer = install(*options, ok=False)
    assert said in answer and answer.count("\n") == 1


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not on this machine; run .ci/packages screens.")
def test_the_scripts_are_free_of_the_shells_usual_traps() -> None:
    subprocess.run(["shellcheck", str(SETUP / "install"), str(SETUP / "screen"), *map(str, (ROOT / ".ci").iterdir())], check=True)


# -- systemd ---------------------------------------------------------------------------------------------------------------------------

needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not on this machine; run .ci/packages screens.")


@needs_systemd
def test_systemd_understands_every_unit(tmp_path: Path) -> None:
    for unit in UNITS:
        # The programs are put where the installer puts them; here is only the text.
        text = re.sub(r"^ExecStart=/\S+", "ExecStart=/bin/true", unit.read_text(), flags=re.MULTILINE)
        (tmp_path / unit.name).write_text(text)
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--recursive-errors=no", *(str(tmp_path / unit.name) for unit in UNITS)],
        capture_output=True,
        text=True,
        check=False,
    )
    complaints = [line for line in checked.stderr.splitlines() if "moiso-" in line]
    assert checked.returncode == 0 and complaints == [], checked.stderr


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_gives_away_no_more_than_it_needs(unit: Path) -> None:
    # Of 100: what systemd calls exposure. A browser fences its pages in by namespaces of its own and needs a seat.
    most = 50 if unit.stem.endswith("screen") else 20
    subprocess.run(["systemd-analyze", "security", "--offline=yes", f"--threshold={most}", str(unit)], check=True, capture_output=True)


# -- USB -------------------------------------------------------------------------------------------------------------------------------


def rules() -> list[tuple[str, str, list[str]]]:
    """The rules for USB devices: what is done, how the interfaces are compared, with which patterns."""
    found = []
    for line in (SETUP / "machine" / "usbguard.rules").read_text().splitlines():
        if line and not line.startswith("#"):
            target, how, patterns = re.fullmatch(r"(allow|reject) with-interface (one-of|match-all) \{ ([0-9a-f*: ]+) \}", line).groups()  # type: ignore[union-attr]
            found.append((target, how, patterns.split()))
    return found


def accepted(*interfaces: str) -> bool:
    """What usbguard would do: the first rule that fits, else refuse."""
    for target, how, patterns in rules():
        fits = [any(fnmatch.fnmatchcase(interface, pattern) for pattern in patterns) for interface in interfaces]
        if any(fits) if how == "one-of" else all(fits):
            return target == "allow"
    return False


@pytest.mark.parametrize(
    ("device", "interfaces", "works"),
    [
        ("a receipt printer", ["07:01:02"], True),
        ("a hub", ["09:00:01", "09:00:02"], True),
        ("a stick", ["08:06:50"], False),
        ("a keyboard", ["03:01:01"], False),
        ("a mouse", ["03:01:02"], False),
        ("a network card", ["02:06:00", "0a:00:00"], False),
        ("a telephone", ["06:01:01"], False),
        ("a stick that says it is a printer too", ["07:01:02", "08:06:50"], False),
        ("a printer that types", ["07:01:02", "03:01:01"], False),
        ("Bluetooth", ["e0:01:01"], False),
    ],
)
def test_a_stranger_who_plugs_something_in_gets_nothing(device: str, interfaces: list[str], works: bool) -> None:
    assert accepted(*interfaces) is works


def test_a_code_reader_is_named_to_the_installer(tmp_path: Path) -> None:
    install(*KIOSK, "--allow-usb", "05e0:1200", "--root", str(tmp_path))
    lines = (tmp_path / "etc/usbguard/rules.conf").read_text().splitlines()
    assert lines.index("allow id 05e0:1200") < min(lines.index(line) for line in lines if line.startswith("reject"))
