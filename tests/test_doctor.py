"""One press in the morning tries everything, and what is not well is said with what to do: over HTTP, and as `moiso doctor`."""

from __future__ import annotations

import json
import re
import shutil
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import socketio
from listening import BEAT_S, Ears
from mail_gateway import Gateway
from outside import Outside, outside, refused
from ports import free_port
from running import OPEN, PASSWORD, moiso, until

from server.notifiers import NotYet
from server.notifiers import smtp as channel
from server.notifiers.console import Console
from server.notifiers.smtp import Smtp

CHECKUPS, LAST = "/sites/open/checkups", "/sites/open/checkups/last"
SAID = "Đây là âm thử, số A không một hai."


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Outside]:
    with outside(tmp_path, "--backups", str(tmp_path / "usb"), "--smtp", f"file://{tmp_path}/mail") as office:
        yield office


@pytest.fixture
def hall(office: Outside) -> Iterator[dict[str, Ears]]:
    """The kiosk's print agent, the loudspeaker and the wall, all awake."""
    with (
        Ears(office.url, office["k1"].key) as kiosk,
        Ears(office.url, office["loa"].key) as speaker,
        Ears(office.url, office["tv"].key) as tv,
    ):
        kiosk.hello("device", "k1")
        kiosk.call("beat", {"paper": "ok"})
        speaker.hello("device", "loa")
        tv.hello("hall", "main")
        with living(kiosk, speaker, tv):
            yield {"k1": kiosk, "loa": speaker, "tv": tv}


@contextmanager
def living(*ears: Ears) -> Iterator[None]:
    """These go on saying something that tells nothing new of them: however long a test takes, none is missed after twelve seconds."""
    over = threading.Event()

    def live() -> None:
        while not over.wait(BEAT_S):
            for each in ears:
                with suppress(socketio.exceptions.SocketIOError):
                    each.client.emit("done", {"id": "nothing", "ok": True})

    thread = threading.Thread(target=live, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def listed(office: Outside) -> dict[str, dict[str, Any]]:
    return {finding["name"]: finding for finding in office["binh"].get(LAST)["findings"]}


def state(office: Outside, name: str) -> str | None:
    return listed(office).get(name, {}).get("state")


def test_one_press_prints_speaks_and_lights_and_the_list_grows_with_the_answers(office: Outside, hall: dict[str, Ears]) -> None:
    before = office["binh"].get(LAST)
    assert (before["begun"], before["due"]) == (None, True)
    assert {state(office, name) for name in ("print k1", "sound loa", "screen tv")} == {"unknown"}
    begun = office["binh"].post(CHECKUPS, expect=201)
    assert (begun["by"], begun["quiet"]) == ("binh", False)
    asked = office["binh"].get(LAST)
    assert (asked["begun"], asked["due"], asked["state"]) == (begun, False, "running")
    assert {state(office, name) for name in ("print k1", "sound loa", "screen tv")} == {"running"}

    sheet = hall["k1"].state("print", lambda m: m["ticket"] == "")
    sentence = hall["loa"].state("announcement", lambda m: m["kind"] == "test")
    lit = hall["tv"].state("announcement", lambda m: m["kind"] == "test")
    assert sentence["say"] == {"vi": SAID} and set(sentence["audio"]) == {"vi"} and lit["id"] == sentence["id"]
    for name, moment, detail in (("k1", sheet, "printed"), ("loa", sentence, "heard"), ("tv", lit, "shown")):
        assert hall[name].call("done", {"id": moment["id"], "ok": True, "detail": detail}) == {"ok": True}
    until(lambda: office["binh"].get(LAST)["state"] != "running")
    found = listed(office)
    good = {"device k1", "device loa", "device tv", "print k1", "sound loa", "screen tv", "disk", "database", "opening", "document", "mail"}
    assert {name for name in good if found[name]["state"] != "good"} == set()
    assert (found["copy"]["state"], found["copy"]["words"]) == ("attention", "Chưa có bản sao")
    # The open office tells no days off, and its hall clock is a rehearsal's.
    assert {name for name, finding in found.items() if finding["state"] not in ("good", "attention")} == set()
    kinds = [(line["kind"], line["actor"]) for line in office.story()[-3:]]
    assert kinds == [("CheckupBegun", "staff:binh"), ("PrinterTested", "staff:binh"), ("HallTested", "staff:binh")]
    # After a restart the story and the answers still say the same.
    office.server.kill()
    office.server.start()
    assert {state(office, name) for name in ("print k1", "sound loa", "screen tv")} == {"good"}
    assert office["binh"].get(LAST)["begun"] == begun


def test_a_printer_that_fails_and_a_speaker_that_is_mute_are_bad_and_say_what_to_do(office: Outside, hall: dict[str, Ears]) -> None:
    presses = [office["quan"].send("POST", CHECKUPS, {}, once="morning").json() for _ in range(2)]
    # Another press at once is the same checkup: nobody wants two sheets.
    assert presses[0] == presses[1] == office["binh"].post(CHECKUPS, expect=201) and presses[0]["by"] == "quan"
    sheet = hall["k1"].state("print", lambda m: m["ticket"] == "")
    hall["k1"].call("done", {"id": sheet["id"], "ok": False, "detail": "failed: cover"})
    hall["k1"].call("beat", {"paper": "offline", "fault": "cover", "version": "0.0.1"})
    sentence = hall["loa"].state("announcement", lambda m: m["kind"] == "test")
    hall["loa"].call("done", {"id": sentence["id"], "ok": False, "detail": "player: no card"})
    found = listed(office)
    assert {found[name]["state"] for name in ("print k1", "device k1", "sound loa")} == {"bad"}
    assert found["device k1"]["todo"].startswith("Đóng nắp máy in.")
    assert all(finding["todo"] for finding in found.values() if finding["state"] in ("bad", "attention"))


def test_a_hall_that_serves_is_left_alone_unless_the_check_is_quiet(office: Outside, hall: dict[str, Ears]) -> None:
    office.take()
    office.open("1")
    office.call("1")
    details = refused(office["binh"].send("POST", CHECKUPS, {}), 409, "hall_in_use")
    assert details["counters"] == ["1"]
    assert office["binh"].post(CHECKUPS, {"quiet": True}, expect=201)["quiet"] is True
    lit = hall["tv"].state("announcement", lambda m: m["kind"] == "test")
    assert (lit["times"], lit["say"], lit["audio"]) == (0, {}, {})
    hall["tv"].call("done", {"id": lit["id"], "ok": True, "detail": "shown"})
    assert (state(office, "screen tv"), state(office, "sound loa"), state(office, "print k1")) == ("good", "unknown", "unknown")
    assert [m for m in hall["loa"].said("announcement") if m["kind"] == "test"] == []


def test_the_command_presses_the_button_waits_for_the_answers_and_lists_them(office: Outside, hall: dict[str, Ears]) -> None:
    hall["k1"].client.on("print", lambda m: hall["k1"].client.emit("done", {"id": m["id"], "ok": True, "detail": "printed"}))
    for name, detail in (("loa", "heard"), ("tv", "shown")):
        ears = hall[name].client
        ears.on("announcement", lambda m, e=ears, d=detail: e.emit("done", {"id": m["id"], "ok": True, "detail": d}))
    asking = ("doctor", "--server", office.url, "--user", "binh", "--password-stdin")
    told = moiso(*asking, "--json", stdin=PASSWORD)
    assert told.returncode == 1, told.stderr
    states = {finding["name"]: finding["state"] for finding in json.loads(told.stdout)["findings"]}
    assert {states[name] for name in ("print k1", "sound loa", "screen tv", "disk", "database")} == {"good"}
    assert states["copy"] == "attention"
    assert alone(office.server.database, port=office.server.port)[1]["port"] == "good"
    assert moiso("backup", "--db", office.server.db, "--to", str(office.server.folder / "usb")).returncode == 0
    for_people = moiso(*asking, "--site", "open", "--quiet", stdin=PASSWORD)
    assert "TỐT       Màn hình tv đã hiện hình thử." in for_people.stdout
    assert "CHƯA THỬ  Loa loa chưa thử tiếng hôm nay." in for_people.stdout
    assert re.search(r"Bản sao gần nhất \d phút trước", for_people.stdout)
    wrong = moiso(*asking, stdin="not the password")
    assert (wrong.returncode, wrong.stdout) == (1, "") and wrong.stderr.strip() == "Tên hoặc mật khẩu chưa đúng."


def test_the_mail_gateway_is_only_knocked_at(tmp_path: Path) -> None:
    with Gateway() as gateway:
        there = Smtp(channel.Gateway("smtp", "localhost", gateway.port, "mot-cua@example.vn"))
        there.knock()
        assert gateway.taken == []
    with pytest.raises(NotYet, match="ConnectionRefusedError"):
        there.knock()
    folder = Console(tmp_path / "mail")
    folder.knock()
    (tmp_path / "mail").rmdir()
    with pytest.raises(NotYet):
        folder.knock()


# -- the machine alone -----------------------------------------------------------------------------------------------------------


def alone(db: Path, *options: str, port: int | None = None) -> tuple[int, dict[str, str]]:
    done = moiso("doctor", "--db", f"sqlite:///{db}", "--json", "--port", str(port or free_port()), *options)
    found = json.loads(done.stdout)["findings"]
    assert all(finding["todo"] for finding in found if finding["state"] != "good")
    return done.returncode, {finding["name"]: finding["state"] for finding in found}


def test_without_a_server_the_machine_itself_is_looked_at(tmp_path: Path) -> None:
    db = tmp_path / "office.db"
    nothing = moiso("doctor", "--db", f"sqlite:///{db}")
    assert (nothing.returncode, nothing.stdout) == (1, "") and nothing.stderr.startswith("There is no database at ")
    assert not db.exists()
    assert moiso("site", "import", OPEN, "--db", f"sqlite:///{db}").returncode == 0
    code, found = alone(db)
    assert code == 1 and (found["copy"], found["port"], found["database"], found["disk"]) == ("attention", "attention", "good", "good")
    assert moiso("backup", "--db", f"sqlite:///{db}").returncode == 0
    with socket.create_server(("127.0.0.1", 0)) as other:
        found = alone(db, port=other.getsockname()[1])[1]
    assert (found["copy"], found["port"]) == ("good", "bad")
    page = 4096
    with closing(sqlite3.connect(db)) as connection:
        root = connection.execute("select rootpage from sqlite_master where name = 'site_versions' or type = 'table' limit 1").fetchone()[0]
        connection.execute("pragma wal_checkpoint(truncate)")
    with db.open("r+b") as file:
        file.seek((root - 1) * page)
        file.write(b"\xff" * page)
    code, found = alone(db)
    assert (code, found["database"]) == (1, "bad")


def test_the_second_disk_counts_as_a_copy_only_while_it_follows(tmp_path: Path) -> None:
    db, second = tmp_path / "office.db", tmp_path / "second"
    assert moiso("site", "import", OPEN, "--db", f"sqlite:///{db}").returncode == 0
    found = alone(db, "--replica", str(second))[1]
    assert found["replica"] == "bad" and "copy" not in found
    second.mkdir()
    shutil.copy(db, second / "office-1.db")
    found = alone(db, "--replica", str(second))[1]
    assert found["replica"] == "good" and "copy" not in found
