"""A new device shows a short code, whoever is in charge types it, and the device has a key of its own, once."""

from __future__ import annotations

import argparse
import os
import re
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from databases import store_at
from listening import Ears
from outside import INSTANT, Outside, outside, refused
from running import ROOT

from server import paired
from server.access import CHECK_WITHIN_S, hash_key
from server.core.refused import Refused
from server.pairing import ALPHABET, ASKED_MOST, LASTS_S, OPEN_MOST, Memory, Notes, Pairings
from server.store import DeviceRow


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with outside(tmp_path_factory.mktemp("office")) as office:
        yield office


# -- the codes -------------------------------------------------------------------------------------------------------------------


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=["memory", "database"])
def notes(request: pytest.FixtureRequest) -> Iterator[Notes]:
    """Where codes are kept: by one process, or by several."""
    if request.param == "memory":
        yield Memory()
    else:
        with closing(store_at(request.getfixturevalue("postgres").fresh())) as store:
            yield store


@pytest.fixture
def pairings(notes: Notes) -> Pairings:
    return Pairings(notes)


GIVEN = ("k1", "open", "k1", lambda row: None)


def test_a_code_has_six_signs_that_nobody_confuses_and_is_found_however_it_is_typed(pairings: Pairings) -> None:
    codes = {pairings.ask("kiosk", None, None)[0].code for _ in range(100)}
    assert len(codes) == 100 and set("".join(codes)) <= set(ALPHABET) and not set(ALPHABET) & set("0O1IL")
    asking, _ = pairings.ask("audio", "open", "main")
    typed = f" {asking.code[:3].lower()}-{asking.code[3:]} "
    assert pairings.find(typed) == asking and pairings.find(typed, "open") == asking
    with pytest.raises(Refused, match="unknown_code"):
        pairings.find(typed, "another")
    for nonsense in ("", "\x00", "ABC\ud800"):
        with pytest.raises(Refused, match="unknown_code"):
            pairings.find(nonsense)


def test_a_code_runs_out_after_ten_minutes() -> None:
    clock = Clock()
    pairings = Pairings(Memory(clock))
    asking, secret = pairings.ask("kiosk", None, None)
    clock.now = LASTS_S - 1
    assert pairings.find(asking.code) == asking and pairings.collect(asking.code, secret) is None
    clock.now = LASTS_S
    with pytest.raises(Refused, match="unknown_code"):
        pairings.find(asking.code)
    with pytest.raises(Refused, match="not_found"):
        pairings.collect(asking.code, secret)


def test_the_key_is_given_once_and_only_to_whoever_knows_the_secret(pairings: Pairings) -> None:
    asking, secret = pairings.ask("kiosk", None, None)
    row = pairings.accept(asking, *GIVEN)
    with pytest.raises(Refused, match="unknown_code"):
        pairings.accept(asking, *GIVEN)
    with pytest.raises(Refused, match="unknown_code"):
        pairings.accept(pairings.find(asking.code), *GIVEN)
    with pytest.raises(Refused, match="not_found"):
        pairings.collect(asking.code, "guessed")
    found = pairings.collect(asking.code, secret)
    assert found is not None and len(found[1]) == 64 and found[0] == row and hash_key(found[1]) == row.key_hash
    with pytest.raises(Refused, match="not_found"):
        pairings.collect(asking.code, secret)


def test_what_is_kept_of_a_code_opens_nothing(notes: Notes) -> None:
    pairings = Pairings(notes)
    asking, secret = pairings.ask("kiosk", None, None)
    pairings.accept(asking, *GIVEN)
    kept = notes.note("pairing", asking.code)
    found = pairings.collect(asking.code, secret)
    assert kept is not None and found is not None and secret not in kept and found[1] not in kept


def test_a_disk_that_does_not_take_the_device_leaves_the_code_as_it_was(pairings: Pairings) -> None:
    asking, secret = pairings.ask("kiosk", None, None)

    def full(row: DeviceRow) -> None:
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        pairings.accept(asking, "k1", "open", "k1", full)
    assert pairings.collect(asking.code, secret) is None
    assert pairings.accept(asking, *GIVEN).name == "k1"


def test_only_so_many_devices_wait_at_once_and_those_that_gave_up_make_room() -> None:
    clock = Clock()
    pairings = Pairings(Memory(clock))
    for _ in range(OPEN_MOST):
        pairings.ask("kiosk", None, None)
    with pytest.raises(Refused, match="too_many_requests"):
        pairings.ask("kiosk", None, None)
    clock.now = LASTS_S
    pairings.ask("kiosk", None, None)


# -- over HTTP -------------------------------------------------------------------------------------------------------------------


def asked(office: Outside, kind: str = "kiosk", **more: str) -> dict[str, str]:
    found: dict[str, str] = office["nobody"].post("/pairings", {"kind": kind, **more}, expect=201)
    return found


def test_a_device_gets_a_key_that_is_bound_to_its_kind_and_place(office: Outside) -> None:
    waiting = asked(office, site="open", place="k1")
    secret = {"secret": waiting["secret"]}
    assert office["nobody"].post(f"/pairings/{waiting['code']}/key", secret) == {"state": "waiting"}
    shown = office["binh"].get(f"/sites/open/pairings/{waiting['code'].lower()}")
    assert (shown["kind"], shown["place"]) == ("kiosk", "k1")
    assert INSTANT.fullmatch(waiting["expires_at"]) and waiting["expires_at"] == shown["expires_at"]
    made = office["binh"].post("/sites/open/pairings", {"code": waiting["code"], "name": "sảnh", "kind": "kiosk"}, expect=201)
    assert made == {"name": "sảnh", "kind": "kiosk", "place": "k1", "site": "open"}
    got = office["nobody"].post(f"/pairings/{waiting['code']}/key", secret, expect=201)
    assert {name: got[name] for name in made} == made
    with Ears(office.url, got["key"]) as device:
        assert device.hello("device")["device"] == {"name": "sảnh", "kind": "kiosk", "place": "k1"}
        # Taken back, it is let go at once, not at the next look around.
        with Ears(office.url) as wall:
            wall.hello("hall", "main")
            assert office["binh"].send("DELETE", "/sites/open/devices/sảnh").status_code == 204
            mark = len(wall.said("board"))
            assert device.is_let_go()
            # However busy the machine: the wall gets a board every two seconds from the same loop, and one for the change.
            assert len(wall.said("board")) - mark <= CHECK_WITHIN_S / 2 + 1
    refused(office["nobody"].send("POST", f"/pairings/{waiting['code']}/key", secret), 404, "not_found")


def test_what_does_not_fit_is_refused_and_the_code_stays(office: Outside) -> None:
    waiting = asked(office, "audio")
    manager, body = office["binh"], {"code": waiting["code"], "name": "loa-mới"}
    refused(manager.send("POST", "/sites/open/pairings", {**body, "kind": "kiosk"}), 409, "other_kind")
    refused(manager.send("POST", "/sites/open/pairings", {**body, "place": "cellar"}), 422, "unknown_place")
    refused(manager.send("POST", "/sites/open/pairings", {**body, "name": "loa"}), 409, "name_taken")
    refused(manager.send("POST", "/sites/open/pairings", {**body, "code": "AAAAAA"}), 404, "unknown_code")
    refused(office["lan"].send("POST", "/sites/open/pairings", body), 403, "forbidden")
    refused(office["nobody"].send("POST", "/pairings", {"kind": "audio", "site": "none"}), 404, "not_found")
    assert office["nobody"].post(f"/pairings/{waiting['code']}/key", {"secret": waiting["secret"]}) == {"state": "waiting"}
    assert manager.post("/sites/open/pairings", body, expect=201)["place"] == "main"


# -- an agent that has no key ----------------------------------------------------------------------------------------------------


def test_an_agent_without_a_key_shows_a_code_works_once_it_is_typed_and_keeps_its_key(office: Outside, tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if name != "MOISO_KEY"} | {"XDG_STATE_HOME": str(tmp_path)}
    command = [sys.executable, "-P", "-m", "server", "audio", "--server", office.url, "--output", "null", "--cache", str(tmp_path / "c")]

    def started() -> subprocess.Popen[str]:
        return subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True)

    with Ears(office.url, office["binh"].key) as manager:
        manager.hello("floor")
        agent = started()
        try:
            assert agent.stderr is not None
            line = agent.stderr.readline()
            found = re.search(rf"manage#pair=([{ALPHABET}]{{6}}) or type the code (\w{{3}} \w{{3}}) there", line)
            assert found is not None and found[2].replace(" ", "") == found[1], line
            office["binh"].post("/sites/open/pairings", {"code": found[2], "name": "loa-ghép"}, expect=201)
            alive = lambda floor: any(d["name"] == "loa-ghép" and d["connected"] and d["version"] for d in floor["devices"])  # noqa: E731
            manager.state("floor", alive)
            agent.send_signal(signal.SIGTERM)
            assert agent.wait(timeout=60) == 0
            (kept,) = (tmp_path / "moiso").glob("audio-*.key")
            assert stat.S_IMODE(kept.stat().st_mode) == 0o600
            manager.state("floor", lambda floor: not alive(floor), after=len(manager.frames))
            agent.communicate()
            agent = started()
            manager.state("floor", alive, after=len(manager.frames))
        finally:
            agent.kill()
            agent.communicate()


def test_a_kept_key_that_was_taken_back_is_not_tried_for_ever(office: Outside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # One that does not answer in time cannot be asked, either.
    monkeypatch.setattr(paired, "TIMEOUT_S", 60.0)
    options = argparse.Namespace(pair=False, key_file=tmp_path / "kept" / "key")
    stop, said = threading.Event(), []

    def say(words: str) -> None:
        said.append(words)
        stop.set()

    options.key_file.parent.mkdir()
    options.key_file.write_text(f"{office['loa'].key}\n")
    assert paired.key_for(options, office.url, "audio", stop, say) == office["loa"].key
    options.key_file.write_text("0" * 64)
    assert paired.key_for(options, office.url, "audio", stop, say) is None
    assert len(said) == 1 and "/manage#pair=" in said[0]
    # A server that cannot be asked is no reason to throw a key away.
    assert paired.key_for(options, "http://127.0.0.1:9", "audio", stop, say) == "0" * 64


@pytest.mark.parametrize(("kind", "how"), [("audio", "paired"), ("kiosk", "paired"), ("audio", "key")])
def test_an_agent_whose_key_is_taken_back_shows_a_code_again_and_works_on(office: Outside, tmp_path: Path, kind: str, how: str) -> None:
    env = {name: value for name, value in os.environ.items() if name != "MOISO_KEY"} | {"XDG_STATE_HOME": str(tmp_path)}
    command = [sys.executable, "-P", "-m", "server", kind, "--server", office.url]
    command += {
        "audio": ["--output", "null", "--cache", str(tmp_path / "c")],
        "kiosk": ["--printer", f"file://{tmp_path}/paper", "--local-port", "0"],
    }[kind]
    place = {"kiosk": "k1"}.get(kind, "main")
    if how == "key":
        made = office["binh"].post("/sites/open/devices", {"name": f"{kind}-{how}-1", "kind": kind, "place": place}, expect=201)
        command += ["--key", made["key"]]
    agent = subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True)
    try:
        with Ears(office.url, office["binh"].key) as manager:
            manager.hello("floor")
            for turn in (1, 2):
                name = f"{kind}-{how}-{turn}"
                if how == "paired" or turn == 2:
                    assert agent.stderr is not None
                    shown = next(found for line in agent.stderr if (found := re.search(r"type the code (\w{3} \w{3}) there", line)))
                    body = {"code": shown[1], "name": name, "place": place}
                    office["binh"].post("/sites/open/pairings", body, expect=201)
                alive = lambda f, name=name: any(d["name"] == name and d["connected"] and d["version"] for d in f["devices"])  # noqa: E731
                manager.state("floor", alive)
                assert office["binh"].send("DELETE", f"/sites/open/devices/{name}").status_code == 204
            agent.send_signal(signal.SIGTERM)
            assert agent.wait(timeout=60) == 0
    finally:
        agent.kill()
        agent.communicate()


def test_an_address_may_ask_for_so_many_codes(office: Outside) -> None:
    answers = [office["nobody"].send("POST", "/pairings", {"kind": "kiosk"}) for _ in range(ASKED_MOST + 1)]
    refused(answers[-1], 429, "too_many_requests")
