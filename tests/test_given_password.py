"""A password that somebody else has given serves to choose one's own, and a changed password ends what was signed in with the old one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from listening import Ears
from outside import STAFF, Outside, outside, refused
from running import PASSWORD, Client, moiso
from test_access import MATRIX
from test_contract_sockets import ears, error

from server.access import Access, hash_password
from server.clock import HallClock
from server.core.refused import Refused
from server.store import StaffRow
from server.store.sqlite import SqliteStore

OWN = "mat khau cua rieng toi"
ALLOWED = {("GET", "/session"), ("DELETE", "/session"), ("POST", "/session/password")}


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with outside(tmp_path_factory.mktemp("office")) as office:
        yield office


def newcomer(office: Outside, name: str, role: str = "clerk") -> Client:
    """Somebody for whom the administrator has just made an account, signed in with the password given."""
    office["quan"].post("/sites/open/staff", {"name": name, "role": role, "password": PASSWORD}, expect=201)
    office.callers[name] = Client(office.api, signed_in(office, name, PASSWORD))
    return office[name]


def signed_in(office: Outside, name: str, password: str) -> str:
    answer = requests.post(f"{office.api}/sessions", json={"user": name, "password": password}, timeout=60)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])


@pytest.mark.parametrize("role", ("clerk", "helper", "supervisor", "inspector", "admin"))
def test_a_given_password_opens_nothing_but_its_own_change(office: Outside, role: str) -> None:
    new = newcomer(office, f"moi-{role}", role)
    before = office.story()
    for method, path, body, allowed in MATRIX:
        answer = new.send(method, path, body)
        if (method, path) in ALLOWED or "nobody" in allowed:
            assert answer.status_code not in (401, 403), (method, path, answer.text)
        else:
            refused(answer, 403, "password_change_required")
    assert office.story() == before
    assert new.get("/session")["must_change"] is True
    new.post("/session/password", {"old": PASSWORD, "new": OWN})
    assert new.get("/session")["must_change"] is False
    colleague = next(name for name, theirs in STAFF.items() if theirs == role)
    for method, path, body, allowed in MATRIX:
        assert (new.send(method, path, body).status_code == 403) == (colleague not in allowed), (method, path)


def test_somebody_with_a_given_password_may_sign_out(office: Outside) -> None:
    new = newcomer(office, "ra-ve")
    assert new.send("DELETE", "/session").status_code == 204
    refused(new.send("GET", "/session"), 401, "unauthenticated")


def test_the_refusal_is_said_in_the_callers_language(office: Outside) -> None:
    new = newcomer(office, "hai-tieng")
    for lang, word in (("vi", "mật khẩu mới"), ("en", "password")):
        answer = new.send("GET", "/sites/open/counters/1/console", **{"Accept-Language": lang})
        assert word in answer.json()["error"]["message"]


def test_the_given_password_is_no_password_of_ones_own(office: Outside) -> None:
    new = newcomer(office, "lai-vay")
    details = refused(new.send("POST", "/session/password", {"old": PASSWORD, "new": PASSWORD}), 422, "invalid_body")
    assert [(f["field"], f["problem"]) for f in details["fields"]] == [("new", "unchanged")]
    assert new.get("/session")["must_change"] is True


def test_who_is_added_at_the_command_line_begins_at_once(office: Outside) -> None:
    made = moiso("user", "add", "tay", "--role", "clerk", "--password-stdin", "--db", office.server.db, stdin=PASSWORD + "\n")
    assert made.returncode == 0, made.stderr
    tay = Client(office.api, signed_in(office, "tay", PASSWORD))
    tay.post("/sites/open/counters/4/open")
    tay.post("/sites/open/counters/4/close")


def test_with_a_given_password_the_console_and_the_floor_stay_shut(office: Outside) -> None:
    newcomer(office, "truong-moi", "supervisor")
    with ears(office, "truong-moi") as desk:
        for said in (("console", "1"), ("floor", "")):
            assert error(desk.hello(*said)) == "password_change_required"
        assert desk.hello("hall", "main")["hall"] == "main", "a wall is for anyone"
        office["truong-moi"].post("/session/password", {"old": PASSWORD, "new": OWN})
        assert desk.hello("console", "1")["counter"]["id"] == "1", "the same connection, as soon as the password is one's own"


def test_in_a_browser_that_is_also_a_kiosk_the_kiosk_goes_on(office: Outside) -> None:
    newcomer(office, "o-may")
    cookies = {"moiso_staff": office["o-may"].key or "", "moiso_device": office["k1"].key or ""}
    headers = {"X-Moiso": "1", "Idempotency-Key": "kiosk-and-clerk"}
    answer = requests.post(f"{office.api}/sites/open/tickets", json={"service": "A"}, cookies=cookies, headers=headers, timeout=60)
    assert answer.status_code == 201
    office.act(answer.json()["id"], "cancel", who="binh")


def test_changing_ones_password_ends_every_other_session_and_its_console(office: Outside) -> None:
    office.hire({"mai": "clerk"})
    elsewhere = Client(office.api, signed_in(office, "mai", PASSWORD))
    with Ears(office.url, elsewhere.key) as forgotten, ears(office, "mai") as here, ears(office, "lan") as other:
        for desk in (forgotten, here, other):
            desk.hello("console", "1")
        office["mai"].post("/session/password", {"old": PASSWORD, "new": OWN})
        assert forgotten.is_let_go()
        for desk in (here, other):
            desk.next("console", after=len(desk.frames))
            assert not desk.closed.is_set()
    refused(elsewhere.send("GET", "/session"), 401, "unauthenticated")
    assert office["mai"].get("/session")["user"] == "mai"


def test_a_reset_by_the_administrator_ends_every_session_of_the_account(office: Outside) -> None:
    office.hire({"cuc": "clerk"})
    second = Client(office.api, signed_in(office, "cuc", PASSWORD))
    with ears(office, "cuc") as desk, Ears(office.url, second.key) as other:
        desk.hello("console", "1")
        other.hello("console", "2")
        office["quan"].post("/sites/open/staff/cuc/password", {"password": OWN})
        assert desk.is_let_go() and other.is_let_go()
    for session in (office["cuc"], second):
        refused(session.send("GET", "/session"), 401, "unauthenticated")
    again = Client(office.api, signed_in(office, "cuc", OWN))
    refused(again.send("GET", "/sites/open/counters/1/console"), 403, "password_change_required")


def test_a_sign_in_that_was_being_checked_while_the_password_changed_is_none(office: Outside, tmp_path: Path) -> None:
    """The old password was right when it was looked at, and is not when the session would begin."""
    store = SqliteStore(tmp_path / "office.db")
    store.write([lambda tx: tx.put_staff(StaffRow("lan", "clerk", hash_password(PASSWORD), None))])
    changed = StaffRow("lan", "clerk", hash_password(OWN), None)

    class Door:
        """A ledger's writer, between whose steps another transaction comes first."""

        clock = HallClock()

        @staticmethod
        def write(step: object) -> None:
            store.write([lambda tx: tx.put_staff(changed)])
            store.write([step])  # type: ignore[list-item]

    access = Access(store, Door, lambda work, *given: work(*given))  # type: ignore[arg-type]
    with pytest.raises(Refused) as refusal:
        access.sign_in("lan", PASSWORD, "127.0.0.1")
    assert refusal.value.code == "wrong_password"
    assert store._rows("select count(*) from sessions") == [(0,)]
    store.close()
