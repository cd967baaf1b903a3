"""Who may do what: by role, by key, by cookie; how guessing is slowed, and how a right ends."""

from __future__ import annotations

import http.client
import json
import re
import statistics
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from argon2 import PasswordHasher
from databases import Engine, opened
from outside import DEVICES, INSTANT, STAFF, WHO, Outside, outside, refused
from running import PASSWORD, START_S, Client, moiso
from werkzeug.test import create_environ
from werkzeug.wrappers import Request

from server.access import FAILURES_OF_ADDRESS, Access, hash_key, new_key
from server.core.refused import Refused
from server.routes import network
from server.store import SessionRow, StaffRow

NO_TICKET = "0" * 24
NO_CODE = "482137504582713063"
WRONG = {"no_such_field": 1}
"""A body that whoever may do this is told to be wrong, so that nothing is changed by asking."""
CLERKS = {"lan", "minh", "binh"}


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with outside(tmp_path_factory.mktemp("office")) as office:
        yield office


# -- by role ---------------------------------------------------------------------------------------------------------------------

MATRIX: list[tuple[str, str, object, set[str]]] = [
    ("POST", "/sites/open/tickets", {"service": "Z"}, {"k1", "hoa", "binh"}),
    ("POST", "/sites/open/counters/99/open", {}, CLERKS),
    ("POST", "/sites/open/counters/99/close", {}, CLERKS),
    ("POST", "/sites/open/counters/99/pause", {}, CLERKS),
    ("POST", "/sites/open/counters/99/resume", {}, CLERKS),
    ("POST", "/sites/open/counters/99/next", {}, CLERKS),
    ("GET", "/sites/open/counters/99/console", None, CLERKS),
    *((("POST", f"/sites/open/tickets/{NO_TICKET}/{verb}", {}, CLERKS)) for verb in ("recall", "start", "finish", "no-show", "hold")),
    *((("POST", f"/sites/open/tickets/{NO_TICKET}/{verb}", {}, CLERKS)) for verb in ("release", "undo")),
    ("POST", f"/sites/open/tickets/{NO_TICKET}/transfer", {"service": "A"}, CLERKS),
    ("POST", f"/sites/open/tickets/{NO_TICKET}/call", {"counter": "1", "reason": "x"}, CLERKS),
    ("POST", f"/sites/open/tickets/{NO_TICKET}/rejoin", {}, CLERKS | {"k1", "hoa"}),
    ("POST", f"/sites/open/tickets/{NO_TICKET}/cancel", {}, set(WHO)),
    ("PUT", "/sites/open/halls/cellar/notice", {"text": "x"}, {"binh"}),
    ("POST", "/sites/open/halls/cellar/announcements", {"text": "x"}, {"binh"}),
    ("GET", "/sites/open/days/1999-01-01/report", None, {"binh", "thanh"}),
    ("GET", "/sites/open/days/1999-01-01/events", None, {"thanh", "quan"}),
    ("GET", "/session", None, set(STAFF)),
    ("GET", "/device-sessions", None, set(DEVICES)),
    ("POST", "/device-sessions", None, set(DEVICES)),
    ("GET", "/sites/open/floor", None, {"binh"}),
    ("POST", "/sites/open/services/Z/stop", {}, {"binh"}),
    ("POST", "/sites/open/services/Z/start", {}, {"binh"}),
    ("POST", "/sites/open/counters/99/services", {"services": ["A"]}, {"binh"}),
    ("POST", "/sites/open/hours", WRONG, {"binh"}),
    ("POST", "/sites/open/help", WRONG, {"k1"}),
    ("POST", "/sites/open/help/0/answer", WRONG, CLERKS | {"hoa"}),
    ("GET", "/sites/open/tickets?code=Z999", None, CLERKS | {"hoa", "k1"}),
    ("GET", "/sites/open/halls/cellar/code", None, {"tv", "k1", "hoa", "binh"}),
    ("GET", "/sites/open/kiosks/k9", None, {"k1", "hoa", "binh"}),
    ("GET", "/sites/open/kiosks/k9/voice", None, {"k1", "hoa", "binh"}),
    ("POST", "/sites/open/kiosks/k9/lease", WRONG, {"k1"}),
    ("POST", "/sites/open/kiosks/k9/tickets", WRONG, {"k1"}),
    ("POST", f"/sites/open/tickets/{NO_TICKET}/reprint", {}, {"k1", "hoa", "binh"}),
    ("GET", "/sites/open/kiosks/k9/prints", None, {"hoa", "binh", "quan"}),
    ("POST", "/sites/open/kiosks/k9/test-print", {}, {"hoa", "binh", "quan"}),
    ("POST", "/sites/open/checkups", WRONG, {"binh", "quan"}),
    ("GET", "/sites/open/checkups/last", None, {"binh", "quan"}),
    ("GET", "/sites/open/receipt", None, {"binh", "quan"}),
    ("PUT", "/sites/open/receipt", WRONG, {"binh", "quan"}),
    ("POST", "/sites/open/receipt/preview", WRONG, {"binh", "quan"}),
    ("POST", "/session/password", WRONG, set(STAFF)),
    ("GET", "/sites/open/staff", None, {"binh", "quan"}),
    ("POST", "/sites/open/staff", WRONG, {"binh", "quan"}),
    ("POST", "/sites/open/staff/nobody-of-this-name/password", WRONG, {"binh", "quan"}),
    ("POST", "/sites/open/staff/nobody-of-this-name/display-name", WRONG, {"binh", "quan"}),
    ("DELETE", "/sites/open/staff/nobody-of-this-name", None, {"binh", "quan"}),
    ("GET", "/sites/open/devices", None, {"binh", "quan"}),
    ("POST", "/sites/open/devices", WRONG, {"binh", "quan"}),
    ("DELETE", "/sites/open/devices/none", None, {"binh", "quan"}),
    ("POST", "/pairings", WRONG, set(WHO)),
    ("POST", "/pairings/AAAAAA/key", WRONG, set(WHO)),
    ("GET", "/sites/open/pairings/AAAAAA", None, {"binh", "quan"}),
    ("POST", "/sites/open/pairings", WRONG, {"binh", "quan"}),
    ("GET", "/sites/open", None, set(WHO)),
    ("GET", "/sites/open/halls/main/board", None, set(WHO)),
    ("GET", f"/sites/open/tickets/{NO_TICKET}", None, set(WHO)),
    ("GET", f"/sites/open/tickets/{NO_TICKET}/why", None, set(WHO)),
    ("GET", "/sites/open/voice/x.wav", None, set(WHO)),
    ("GET", "/sites/open/sound-check", None, set(WHO)),
    ("GET", "/openapi.json", None, set(WHO)),
    ("GET", "/sites/open/slots?service=Z", None, set(WHO)),
    ("POST", "/sites/open/appointments", WRONG, set(WHO)),
    ("GET", f"/sites/open/appointments/{NO_CODE}", None, set(WHO)),
    ("PATCH", f"/sites/open/appointments/{NO_CODE}", {"consent": False}, set(WHO)),
    ("DELETE", f"/sites/open/appointments/{NO_CODE}", None, set(WHO)),
    ("POST", f"/sites/open/appointments/{NO_CODE}/check-in", {}, {"k1", "hoa"}),
    ("POST", "/sites/open/days/2026-11-21/waiting", WRONG, set(WHO)),
    ("DELETE", "/sites/open/days/2026-11-21/waiting/none", None, set(WHO)),
    ("GET", "/sites/open/days/1999-01-01/closures", None, {"binh", "hoa"}),
    ("POST", "/sites/open/days/2026-11-21/closures", WRONG, {"binh"}),
    ("DELETE", "/sites/open/days/2026-11-21/closures/9", None, {"binh"}),
]


@pytest.mark.parametrize(("method", "path", "body", "allowed"), MATRIX, ids=[f"{m[0]} {m[1]}" for m in MATRIX])
def test_every_operation_is_for_those_the_contract_names(office: Outside, method: str, path: str, body: object, allowed: set[str]) -> None:
    before = office.story()
    for who in WHO:
        answer = office[who].send(method, path, body)
        if who in allowed:
            assert answer.status_code not in (401, 403), (who, answer.text)
        elif who == "nobody":
            refused(answer, 401, "unauthenticated")
        else:
            refused(answer, 403, "forbidden")
    assert office.story() == before


def test_the_table_above_leaves_no_operation_out(office: Outside) -> None:
    described = office["nobody"].get("/openapi.json")["paths"]
    operations = {(method.upper(), path.removeprefix("/api/v1")) for path, methods in described.items() for method in methods}
    patterns = {(method, path): re.compile(re.sub(r"\{\w+\}", "[^/]+", path)) for method, path in operations}
    asked = {key for key, pattern in patterns.items() for row in MATRIX if key[0] == row[0] and pattern.fullmatch(row[1].partition("?")[0])}
    assert operations - asked == {("POST", "/sessions"), ("DELETE", "/session")}, "signing in and out have tests of their own"


def test_a_helper_gives_numbers_and_brings_people_back_but_calls_nobody(office: Outside) -> None:
    office.open("1")
    ticket = office.take("A", who="hoa")
    office.call("1")
    office.act(ticket["id"], "no-show")
    assert office.act(ticket["id"], "rejoin", who="hoa")["state"] == "waiting"
    refused(office["hoa"].send("POST", "/sites/open/counters/1/next", {}), 403, "forbidden")
    office.clear()


def test_a_supervisor_does_what_a_clerk_may_and_takes_a_counter_over(office: Outside) -> None:
    office.open("1", "lan")
    ticket = office.take("A")
    office.call("1", "lan")
    refused(office["minh"].send("POST", f"/sites/open/tickets/{ticket['id']}/finish", {}), 409, "counter_taken")
    refused(office["minh"].send("POST", "/sites/open/counters/1/open", {}), 409, "counter_taken")
    assert office.act(ticket["id"], "start", who="binh")["state"] == "serving"
    office.open("1", "binh")
    assert office["binh"].get("/sites/open/counters/1/console")["counter"]["clerk"] == "binh"
    refused(office["lan"].send("POST", "/sites/open/counters/1/next", {"finish": True}), 409, "counter_taken")
    office.clear()


def test_staff_of_another_office_may_look_and_not_touch(office: Outside) -> None:
    office.hire({"la": "supervisor"}, site="elsewhere")
    office.hire({"moi-noi": "supervisor"}, site=None)
    refused(office["la"].send("POST", "/sites/open/tickets", {"service": "A"}), 403, "forbidden")
    refused(office["la"].send("GET", "/sites/open/counters/1/console"), 403, "forbidden")
    assert office["la"].get("/session") == {
        "user": "la",
        "role": "supervisor",
        "site": "elsewhere",
        "sites": ["elsewhere"],
        "must_change": False,
    }
    assert office["moi-noi"].get("/session")["sites"] == ["open"]
    for who in ("la", "moi-noi"):
        signed_in = Browser(office).sign_in(who)
        assert signed_in.status_code == 201 and INSTANT.fullmatch(signed_in.json()["expires_at"])
    office.take("A", who="moi-noi")
    office.clear()


# -- by key ----------------------------------------------------------------------------------------------------------------------


def test_a_key_that_opens_nothing_is_unknown(office: Outside) -> None:
    expired, orphan = new_key(), new_key()
    with office.database() as store:
        store.write([lambda tx: tx.put_session(SessionRow(hash_key(expired), "lan", time.time() - 1))])
        store.write([lambda tx: tx.put_session(SessionRow(hash_key(orphan), "nobody-of-this-name", time.time() + 1000))])
    for key in ("x", expired, orphan, hash_key(office["lan"].key or ""), (office["lan"].key or "") + "x", "é" * 10, "a" * 4000):
        answer = requests.get(office.api + "/session", headers={"Authorization": f"Bearer {key}".encode()}, timeout=60)
        refused(answer, 401, "unauthenticated")


@pytest.mark.parametrize("header", ("", "Bearer", "Bearer ", "Basic {key}", "{key}", "Bearer{key}", "Digest x, Bearer {key}"))
def test_only_a_bearer_is_a_bearer(office: Outside, header: str) -> None:
    answer = requests.get(office.api + "/session", headers={"Authorization": header.format(key=office["lan"].key)}, timeout=60)
    refused(answer, 401, "unauthenticated")


def test_the_word_bearer_may_be_written_small(office: Outside) -> None:
    answer = requests.get(office.api + "/session", headers={"Authorization": f"bearer  {office['lan'].key} "}, timeout=60)
    assert answer.status_code == 200


def test_a_revoked_device_and_a_removed_clerk_are_out_at_once(office: Outside) -> None:
    office.install({"k1b": "audio"})
    office.hire({"tam": "clerk"})
    assert office["k1b"].send("GET", "/device-sessions").status_code == 200
    for arguments in (("device", "revoke", "k1b", "--site", "open"), ("user", "remove", "tam")):
        assert moiso(*arguments, "--db", office.server.db).returncode == 0
    refused(office["k1b"].send("GET", "/device-sessions"), 401, "unauthenticated")
    refused(office["tam"].send("GET", "/session"), 401, "unauthenticated")


def test_two_who_add_the_same_name_at_once_are_told_apart(office: Outside) -> None:
    for n in range(3):
        body = {"name": f"doi{n}", "role": "clerk", "password": "mot mat khau moi"}

        def add(_: int, body: dict[str, str] = body) -> requests.Response:
            # Passwords wait five seconds for their turn; who is told to come again does so.
            while (answer := office["quan"].send("POST", "/sites/open/staff", body)).status_code == 429:
                refused(answer, 429, "too_many_requests")
            return answer

        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(add, range(4)))
        assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


def test_who_is_removed_while_he_changes_his_password_stays_removed(office: Outside) -> None:
    for n in range(4):
        name = f"di{n}"
        office.hire({name: "clerk"})
        change = {"old": PASSWORD, "new": "mat khau cuoi cung"}
        with ThreadPoolExecutor(2) as pool:
            changing = pool.submit(office[name].send, "POST", "/session/password", change)
            removed = pool.submit(office["quan"].send, "DELETE", f"/sites/open/staff/{name}")
        assert removed.result().status_code == 204 and changing.result().status_code in (200, 401)
        listed = office["quan"].get("/sites/open/staff")
        assert name not in [member["name"] for member in listed]


def test_a_new_password_ends_the_sessions_of_the_old_one(office: Outside) -> None:
    office.hire({"ut": "clerk"})
    made = moiso("user", "reset", "ut", "--password-stdin", "--db", office.server.db, stdin="mot mat khau khac\n")
    assert made.returncode == 0, made.stderr
    refused(office["ut"].send("GET", "/session"), 401, "unauthenticated")
    refused(office["nobody"].send("POST", "/sessions", {"user": "ut", "password": PASSWORD}), 401, "wrong_password")
    office["nobody"].post("/sessions", {"user": "ut", "password": "mot mat khau khac"}, expect=201)


def test_a_role_holds_from_the_next_request_on(office: Outside) -> None:
    office.hire({"doi": "clerk"})
    with office.database() as store:
        row = store.staff("doi")
        assert row is not None
        store.write([lambda tx: tx.put_staff(StaffRow(row.name, "inspector", row.password_hash, row.site))])
    refused(office["doi"].send("POST", "/sites/open/counters/1/open", {}), 403, "forbidden")
    assert office["doi"].get("/session")["role"] == "inspector"


# -- by cookie -------------------------------------------------------------------------------------------------------------------


class Browser:
    """A browser: keeps cookies, and sends `X-Moiso` when one of our pages asks."""

    def __init__(self, office: Outside) -> None:
        self.office, self.http = office, requests.Session()

    def sign_in(self, user: str, *, ours: bool = False) -> requests.Response:
        """`ours`: at one of our pages."""
        headers = {"X-Moiso": "1"} if ours else {}
        return self.http.post(self.office.api + "/sessions", json={"user": user, "password": PASSWORD}, headers=headers, timeout=60)

    def pair(self, device: str) -> requests.Response:
        key = {"Authorization": f"Bearer {self.office[device].key}"}
        return self.http.post(self.office.api + "/device-sessions", headers=key, timeout=60)

    def send(self, method: str, path: str, body: object = None, *, ours: bool = True, speaks: str = "1") -> requests.Response:
        """`speaks`: as whom the page does, `staff` or `device`."""
        headers = {"Idempotency-Key": uuid.uuid4().hex} | ({"X-Moiso": speaks} if ours else {})
        return self.http.request(method, self.office.api + path, json=body, headers=headers, timeout=60)


@pytest.fixture
def browser(office: Outside) -> Iterator[Browser]:
    yield Browser(office)
    office.clear()


def test_signing_in_sets_a_cookie_that_no_script_reads(office: Outside, browser: Browser) -> None:
    answer = browser.sign_in("lan")
    assert answer.status_code == 201
    assert set(answer.json()) == {"token", "user", "role", "site", "sites", "expires_at", "must_change"}
    assert (answer.json()["role"], answer.json()["sites"]) == ("clerk", ["open"])
    assert INSTANT.fullmatch(answer.json()["expires_at"]), "as the office's clock shows it"
    ends = datetime.fromisoformat(answer.json()["expires_at"]).timestamp()
    assert 11.9 * 3600 < ends - time.time() < 12.1 * 3600
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("moiso_staff=") and {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert browser.send("GET", "/session").json()["user"] == "lan"


def test_a_command_by_cookie_from_a_foreign_page_is_refused(office: Outside, browser: Browser) -> None:
    browser.sign_in("lan")
    before = office.story()
    refused(browser.send("POST", "/sites/open/counters/1/open", {}, ours=False), 403, "csrf")
    refused(browser.send("DELETE", "/session", ours=False), 403, "csrf")
    assert office.story() == before
    assert browser.send("GET", "/sites/open/counters/1/console", ours=False).status_code == 200, "a look is no command"
    assert browser.send("POST", "/sites/open/counters/1/open", {}).status_code == 200


def test_what_a_foreign_page_sends_along_with_a_cookie_is_nobodys(office: Outside, browser: Browser) -> None:
    browser.sign_in("hoa")
    for minute, ours in (("00", False), ("10", True)):
        body = {"service": "A", "start": f"2026-11-23T08:{minute}:00+07:00"}
        assert browser.send("POST", "/sites/open/appointments", body, ours=ours).status_code == 201
    story = office["thanh"].get("/sites/open/days/2026-11-23/events")["events"]
    assert [e["actor"] for e in story if e["kind"] == "AppointmentBooked"] == ["holder", "staff:hoa"]


def test_a_kiosk_exchanges_its_key_once_for_a_cookie(office: Outside, browser: Browser) -> None:
    refused(browser.send("GET", "/device-sessions"), 401, "unauthenticated")
    answer = browser.pair("k1")
    assert answer.status_code == 201
    assert answer.json() == {"name": "k1", "kind": "kiosk", "place": "k1", "site": "open"} == browser.send("GET", "/device-sessions").json()
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("moiso_device=") and {"HttpOnly", "SameSite=Strict"} <= set(cookie.split("; "))
    assert int(cookie.split("Max-Age=")[1].split(";")[0]) > 365 * 86400, "a kiosk stands for years"
    refused(browser.send("POST", "/sites/open/tickets", {"service": "A"}, ours=False), 403, "csrf")
    ticket = browser.send("POST", "/sites/open/tickets", {"service": "A"})
    assert ticket.status_code == 201
    assert office.story()[-1]["actor"] == "device:open/k1" and office.story()[-1]["event"]["kiosk"] == "k1"
    office._taken.append(ticket.json()["id"])


def test_in_one_browser_each_command_uses_the_right_that_fits(office: Outside, browser: Browser) -> None:
    browser.sign_in("lan")
    browser.pair("k1")
    ticket = browser.send("POST", "/sites/open/tickets", {"service": "A"}).json()
    office._taken.append(ticket["id"])
    assert browser.send("POST", "/sites/open/counters/1/open", {}).status_code == 200
    assert [e["actor"] for e in office.story()[-2:]] == ["device:open/k1", "staff:lan"]
    assert browser.send("GET", "/session").json()["user"] == "lan"
    assert browser.send("GET", "/device-sessions").json()["name"] == "k1"
    refused(browser.send("PUT", "/sites/open/halls/main/notice", {"text": "x"}), 403, "forbidden")


def test_a_kiosk_in_the_browser_of_a_helper_gives_its_own_numbers(office: Outside, browser: Browser) -> None:
    browser.sign_in("hoa")
    browser.pair("k1")
    ticket = browser.send("POST", "/sites/open/tickets", {"service": "A"}, speaks="device").json()
    office._taken.append(ticket["id"])
    assert office.story()[-1]["actor"] == "device:open/k1"
    ticket = browser.send("POST", "/sites/open/tickets", {"service": "A"}, speaks="staff").json()
    office._taken.append(ticket["id"])
    assert office.story()[-1]["actor"] == "staff:hoa"


def test_a_page_of_the_staff_in_the_browser_of_a_kiosk_asks_who_is_there(office: Outside, browser: Browser) -> None:
    browser.pair("k1")
    refused(browser.send("GET", "/session", speaks="staff"), 401, "unauthenticated")
    refused(browser.send("POST", "/sites/open/tickets", {"service": "A"}, speaks="staff"), 401, "unauthenticated")
    browser.sign_in("lan")
    assert browser.send("GET", "/session", speaks="staff").json()["user"] == "lan"
    refused(browser.send("GET", "/device-sessions", speaks="staff"), 403, "forbidden")


def test_a_key_in_the_header_is_meant_and_not_the_cookie(office: Outside, browser: Browser) -> None:
    browser.sign_in("binh")
    headers = {"Authorization": f"Bearer {office['lan'].key}"}
    assert browser.http.get(office.api + "/session", headers=headers, timeout=60).json()["user"] == "lan"
    headers["Authorization"] = "Bearer x"
    refused(browser.http.get(office.api + "/session", headers=headers, timeout=60), 401, "unauthenticated")


def test_signing_out_ends_the_session_here_and_everywhere(office: Outside, browser: Browser) -> None:
    token = browser.sign_in("lan").json()["token"]
    elsewhere = Client(office.api, token)
    answer = browser.send("DELETE", "/session")
    assert answer.status_code == 204 and answer.content == b"" and "moiso_staff=;" in answer.headers["Set-Cookie"]
    assert "moiso_staff" not in browser.http.cookies
    refused(elsewhere.send("GET", "/session"), 401, "unauthenticated")
    assert office["lan"].send("GET", "/session").status_code == 200, "another sign-in of the same clerk stays"


def test_a_clerk_who_signs_in_at_a_page_ends_the_page_before_and_no_program(office: Outside, browser: Browser) -> None:
    office.hire({"xuan": "clerk"})
    program, other = office["xuan"], Browser(office)
    token = browser.sign_in("xuan", ours=True).json()["token"]
    assert browser.send("GET", "/session").status_code == 200
    other.sign_in("xuan", ours=True)
    answer = browser.send("GET", "/session")
    refused(answer, 401, "unauthenticated")
    assert answer.json()["error"]["details"] == {"elsewhere": True}
    assert answer.json()["error"]["message"] == "Tài khoản này vừa đăng nhập ở máy khác, phiên ở đây đã hết. Mời đăng nhập lại."
    # Whoever has copied the cookie has nothing any more, either.
    refused(Client(office.api, token).send("GET", "/session"), 401, "unauthenticated")
    assert [each.send("GET", "/session").status_code for each in (other, program)] == [200, 200]
    # A program that signs in ends nothing.
    Browser(office).sign_in("xuan")
    assert other.send("GET", "/session").status_code == 200
    refused(Client(office.api, "0" * 64).send("GET", "/session"), 401, "unauthenticated")


@pytest.mark.parametrize("who", ["binh", "hoa", "quan"])
def test_whoever_walks_between_two_pages_is_signed_in_at_both(office: Outside, browser: Browser, who: str) -> None:
    other = Browser(office)
    for each in (browser, other):
        each.sign_in(who, ours=True)
    assert [each.send("GET", "/session").status_code for each in (browser, other)] == [200, 200]


def test_behind_https_cookies_travel_over_it_only(tmp_path_factory: pytest.TempPathFactory) -> None:
    with outside(tmp_path_factory.mktemp("secure"), "--secure-cookies") as office:
        answer = Browser(office).sign_in("lan")
        assert "Secure" in answer.headers["Set-Cookie"].split("; ")


# -- guessing --------------------------------------------------------------------------------------------------------------------


def attempt(office: Outside, user: str, password: str, address: str = "127.0.0.1") -> tuple[int, dict[str, str], dict[str, object]]:
    connection = http.client.HTTPConnection("127.0.0.1", office.server.port, timeout=START_S, source_address=(address, 0))
    body = json.dumps({"user": user, "password": password}).encode()
    connection.request("POST", "/api/v1/sessions", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    return answer.status, {name.lower(): value for name, value in answer.headers.items()}, json.loads(answer.read())


def test_the_sixth_wrong_password_in_a_minute_has_to_wait_and_nobody_else(office: Outside) -> None:
    office.hire({"sau": "clerk", "bay": "clerk"})
    for _ in range(5):
        status, headers, _ = attempt(office, "sau", "wrong")
        assert status == 401 and headers["www-authenticate"]
    status, headers, body = attempt(office, "sau", PASSWORD)
    assert status == 429 and 0 < int(headers["retry-after"]) <= 61
    assert body["error"]["code"] == "too_many_requests"  # type: ignore[index]
    assert attempt(office, "bay", PASSWORD)[0] == 201, "another name at the same address"
    assert attempt(office, "sau", PASSWORD, "127.0.0.2")[0] == 201, "the same name at another address"


def test_a_stolen_session_does_not_guess_the_password_any_faster(office: Outside) -> None:
    office.hire({"muoi": "clerk"})
    change = {"old": "wrong", "new": "mot mat khau khac"}
    answers = [office["muoi"].send("POST", "/session/password", change) for _ in range(6)]
    for answer in answers[:5]:
        refused(answer, 401, "wrong_password")
    refused(answers[5], 429, "too_many_requests")


def test_who_signs_in_has_made_no_wrong_attempt(office: Outside) -> None:
    office.hire({"tam-muoi": "clerk"})
    for _ in range(3):
        assert [attempt(office, "tam-muoi", p)[0] for p in ("wrong", "wrong", PASSWORD)] == [401, 401, 201]


def test_a_hundred_guesses_at_once_are_still_five(office: Outside) -> None:
    office.hire({"chin": "clerk"})
    with ThreadPoolExecutor(20) as crowd:
        answers = list(crowd.map(lambda n: attempt(office, "chin", f"guess {n}")[0], range(100)))
    assert set(answers) <= {401, 429} and 1 <= answers.count(401) <= 5


@pytest.mark.parametrize("user", ("nobody-of-this-name", "lan\x00", "lan\n", "LAN", "' or 1=1 --", "ă" * 64))
def test_an_unknown_name_is_answered_like_a_wrong_password(office: Outside, user: str) -> None:
    answer = office["nobody"].send("POST", "/sessions", {"user": user, "password": PASSWORD})
    refused(answer, 401, "wrong_password")
    assert answer.json()["error"]["details"] == {}


def test_an_unknown_name_takes_as_long_as_a_known_one(office: Outside) -> None:
    names = [f"known-{n}" for n in range(7)]
    office.hire(dict.fromkeys(names, "clerk"))

    def took(user: str) -> float:
        began = time.perf_counter()
        assert attempt(office, user, "wrong")[0] == 401
        return time.perf_counter() - began

    pairs = [(took(name), took(name.replace("known", "unknown"))) for name in names]
    known, unknown = (statistics.median(times) for times in zip(*pairs, strict=True))
    # Where it is forgotten to check a password against nothing, an unknown name takes a fiftieth of the time, however busy the machine.
    assert 0.2 < known / unknown < 5, pairs


def test_a_name_is_one_name_however_the_keyboard_composed_it(office: Outside) -> None:
    office.hire({"Hiền": "clerk"})
    assert attempt(office, "Hie\u0302\u0300n", PASSWORD)[0] == 201


def test_whoever_goes_from_name_to_name_has_to_wait_and_nobody_elsewhere(engine: Engine, tmp_path: Path) -> None:
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    names, checked = [f"can-bo-{n}" for n in range(FAILURES_OF_ADDRESS + 2)], []

    def check(work: Callable[..., Any], *given: Any) -> Any:
        checked.append(work)
        return work(*given)

    with opened(engine.new(tmp_path)) as store:
        store.write([lambda tx: [tx.put_staff(StaffRow(name, "clerk", quick, None)) for name in names]])
        nobody_writes: Any = None
        access = Access(store, nobody_writes, check)
        for name in names[:FAILURES_OF_ADDRESS]:
            assert access.verified(name, PASSWORD, "192.0.2.1").name == name, "an office signs in from one address"
            with pytest.raises(Refused, match="wrong_password"):
                access.verified(name, "guess", "192.0.2.1")
        checked.clear()
        for name in names[-2:]:
            with pytest.raises(Refused, match="too_many_requests") as refusal:
                access.verified(name, PASSWORD, "192.0.2.1")
            assert 0 < refusal.value.details["retry_after_s"] <= 61
        assert not checked, "no processor is spent on it"
        assert access.verified(names[-1], PASSWORD, "192.0.2.2")


def test_while_a_crowd_guesses_the_kiosk_still_gives_numbers(office: Outside) -> None:
    def overtakes(address: str) -> bool:
        """Whether five numbers are given while a crowd that came before them still waits."""
        with ThreadPoolExecutor(60) as crowd:
            guesses = [crowd.submit(attempt, office, f"stranger-{n}", "guess", address) for n in range(60)]
            for _ in range(5):
                office.take("A")
            crowd_waits = not all(guess.done() for guess in guesses)
            assert {guess.result()[0] for guess in guesses} <= {401, 429}
        return crowd_waits

    # Nobody of a crowd waits longer than five seconds for his turn, and a machine may stand still for as long; not each time.
    assert any(overtakes(f"127.0.0.{n}") for n in range(3, 9)), "a number does not wait for passwords"
    office.clear()


@pytest.mark.parametrize(
    ("remote", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", ""),
    ],
)
def test_limits_count_a_household_and_not_each_of_its_addresses(remote: str, counted: str) -> None:
    assert network(Request(create_environ(environ_base={"REMOTE_ADDR": remote}))) == counted
