"""What is not right is answered clearly, changes nothing, and never breaks the server."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from outside import Outside, outside, refused
from running import Client

TICKETS = "/sites/open/tickets"
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with outside(tmp_path_factory.mktemp("office")) as office:
        office.open("1")
        office.act(office.take()["id"], "cancel")
        yield office


@pytest.fixture
def unchanged(office: Outside) -> Iterator[None]:
    before = office.story()
    yield
    assert office.story() == before
    log = office.server.log.read_text()
    assert "Traceback" not in log and '"unexpected"' not in log


def send(client: Client, path: str, data: bytes, *, method: str = "POST", **headers: str) -> requests.Response:
    sent = {"Authorization": f"Bearer {client.key}", "Idempotency-Key": uuid.uuid4().hex} | JSON | headers
    return client.http.request(method, client.base + path, data=data, headers=sent, timeout=60)


NESTED = {
    f"{depth} arrays in one another": b'{"service":' + b"[" * depth + b"]" * depth + b"}" for depth in (300, 900, 960, 985, 1000, 8000)
}

UNREADABLE: dict[str, bytes] = {
    "half a document": b'{"service":"A"',
    "no document at all": b"service=A",
    "blanks only": b"   ",
    "two documents": b'{"service":"A"}{"service":"B"}',
    "single quotes": b"{'service':'A'}",
    "a comma too many": b'{"service":"A",}',
    "NaN": b'{"service":NaN}',
    "-Infinity": b'{"service":-Infinity}',
    "half of a surrogate pair": b'{"service":"\\ud800"}',
    "half of a surrogate pair as a name": b'{"\\udc00":"A"}',
    "bytes that are not UTF-8": b'{"service":"\xff\xfe"}',
    "a surrogate written as UTF-8": b'{"service":"\xed\xa0\x80"}',
    "UTF-16": '{"service":"A"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"service":"A"}',
    "a real NUL": b'{"service":"A\x00"}',
    "a name twice": b'{"service":"A","service":"B"}',
    "a number of 5,000 digits": b'{"service":' + b"9" * 5000 + b"}",
    "a number of 5,000 digits after a name that is not known": b'{"service":"A","n":' + b"9" * 5000 + b"}",
    **NESTED,
}

INVALID: dict[str, Any] = {
    "nothing": {},
    "a list": [],
    "a text": "A",
    "null": None,
    "a number for a service": {"service": 1},
    "true for a service": {"service": True},
    "a list for a service": {"service": ["A"]},
    "an object for a service": {"service": {"id": "A"}},
    "null for a service": {"service": None},
    "an empty service": {"service": ""},
    "a service of blanks": {"service": "   "},
    "a service of zero width": {"service": "\u200b\u2060"},
    "a service with NUL": {"service": "A\u0000"},
    "a service with a line end": {"service": "A\r\nX: y"},
    "a service of 65 letters": {"service": "A" * 65},
    "an unknown field": {"service": "A", "queue_time": "2020-01-01T00:00:00+07:00"},
    "an unknown language": {"service": "A", "lang": "fr"},
    "a priority of the wrong type": {"service": "A", "priority": True},
    "a phone that is none": {"service": "A", "contact": {"phone": "12"}},
    "a phone in other digits": {"service": "A", "contact": {"phone": "０９１２３４５６７８"}},
    "an e-mail that is none": {"service": "A", "contact": {"email": "a@b"}},
    "an unknown way to be reached": {"service": "A", "contact": {"fax": "0"}},
    "a number too big for the machine": {"service": 10**400},
    "a hundred arrays in one another": {"service": json.loads("[" * 100 + "]" * 100)},
}


@pytest.mark.usefixtures("unchanged")
class TestBody:
    @pytest.mark.parametrize("data", UNREADABLE.values(), ids=UNREADABLE)
    def test_what_cannot_be_read_is_malformed(self, office: Outside, data: bytes) -> None:
        refused(send(office["k1"], TICKETS, data), 400, "malformed")

    @pytest.mark.parametrize("body", INVALID.values(), ids=INVALID)
    def test_what_does_not_fit_is_named_field_by_field(self, office: Outside, body: Any) -> None:
        details = refused(send(office["k1"], TICKETS, json.dumps(body).encode()), 422, "invalid_body")
        assert details["problem"]
        assert all(set(field) == {"field", "problem", "message"} for field in details["fields"])

    @pytest.mark.parametrize("more", ({"no_such_field": None}, {"contact": {"phone": None, "fax": None}}, {"lang": None, "priority": None}))
    def test_a_null_field_is_an_absent_field_whatever_its_name(self, office: Outside, more: dict[str, Any]) -> None:
        body = {"service": "Z", **more}
        refused(send(office["k1"], TICKETS, json.dumps(body).encode()), 422, "unknown_service")

    def test_what_is_null_in_a_list_or_in_a_text_is_no_field(self, office: Outside) -> None:
        refused(office["binh"].send("POST", "/sites/open/counters/1/services", {"services": [None]}), 422, "invalid_body")
        refused(send(office["k1"], TICKETS, b'{"service":"null"}'), 422, "unknown_service")
        refused(send(office["k1"], TICKETS, b'{"service":"A","x":null,"x":null}'), 400, "malformed")
        for nothing in (b'"\\ud800"', b'"\xed\xa0\x80"'):
            refused(send(office["k1"], TICKETS, b'{"lang":null,"service":' + nothing + b"}"), 400, "malformed")

    def test_every_mistake_of_a_body_is_told_at_once(self, office: Outside) -> None:
        body = {"service": 1, "lang": "fr", "contact": {"phone": "x"}, "more": 1}
        details = refused(send(office["k1"], TICKETS, json.dumps(body).encode()), 422, "invalid_body")
        assert {f["field"] for f in details["fields"]} == {"service", "lang", "contact.phone", "more"}

    def test_the_sentence_is_in_the_language_of_the_caller(self, office: Outside) -> None:
        sentences = {
            lang: send(office["k1"], TICKETS, b"{}", **{"Accept-Language": lang}).json()["error"]["message"]
            for lang in ("vi", "en", "fr", "en-GB,en;q=0.8", ";;;", "")
        }
        vietnamese, english = "Nội dung gửi lên chưa đúng: service thiếu.", "The request is not valid: service is missing."
        assert sentences == {
            "vi": vietnamese,
            "en": english,
            "fr": vietnamese,
            "en-GB,en;q=0.8": english,
            ";;;": vietnamese,
            "": vietnamese,
        }

    @pytest.mark.parametrize("size", (16_385, 100_000, 1_000_000))
    def test_a_body_that_is_too_large_is_not_read(self, office: Outside, size: int) -> None:
        refused(send(office["k1"], TICKETS, b'"' + b"x" * (size - 2) + b'"'), 413, "too_large")

    def test_a_body_of_unknown_length_that_turns_out_too_large(self, office: Outside) -> None:
        def pieces() -> Iterator[bytes]:
            for _ in range(100):
                yield b"x" * 1000

        answer = office["k1"].http.post(
            office["k1"].base + TICKETS,
            data=pieces(),
            headers={"Authorization": f"Bearer {office['k1'].key}", "Idempotency-Key": uuid.uuid4().hex} | JSON,
            timeout=60,
        )
        refused(answer, 413, "too_large")

    @pytest.mark.parametrize(
        "kind", ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "application/jsonx", "\u00e9")
    )
    def test_a_body_must_say_that_it_is_json(self, office: Outside, kind: str) -> None:
        answer = send(office["k1"], TICKETS, b'{"service":"A"}', **{"Content-Type": kind.encode().decode("latin-1")})
        refused(answer, 415, "unsupported_media_type")


RULES: dict[str, tuple[str, str, Any, int, str]] = {
    "an unknown service": ("k1", TICKETS, {"service": "Z"}, 422, "unknown_service"),
    "a service in the wrong case": ("k1", TICKETS, {"service": "a"}, 422, "unknown_service"),
    "an unknown priority group": ("k1", TICKETS, {"service": "A", "priority": "vip"}, 422, "unknown_priority"),
    "an unknown procedure": ("k1", TICKETS, {"service": "A", "procedure": "x"}, 422, "unknown_procedure"),
    "a wrong role": ("lan", TICKETS, {"service": "A"}, 403, "forbidden"),
    "an unknown office": ("k1", "/sites/nowhere/tickets", {"service": "A"}, 404, "not_found"),
    "an unknown counter": ("lan", "/sites/open/counters/99/open", {}, 404, "not_found"),
    "a counter that nobody has opened": ("minh", "/sites/open/counters/2/next", {}, 409, "counter_closed"),
    "another clerk's counter": ("minh", "/sites/open/counters/1/next", {}, 409, "counter_taken"),
    "nobody waiting": ("lan", "/sites/open/counters/1/next", {}, 409, "nobody_waiting"),
    "an unknown outcome": ("lan", "/sites/open/counters/1/next", {"finish": True, "outcome": "lost"}, 422, "invalid_body"),
    "yes instead of true": ("lan", "/sites/open/counters/1/next", {"finish": "yes"}, 422, "invalid_body"),
    "one instead of true": ("lan", "/sites/open/counters/1/next", {"finish": 1}, 422, "invalid_body"),
    "an unknown ticket": ("lan", "/sites/open/tickets/0000/recall", {}, 404, "not_found"),
    "an unknown verb": ("lan", "/sites/open/tickets/0000/dance", {}, 404, "not_found"),
}


@pytest.mark.usefixtures("unchanged")
class TestRules:
    @pytest.mark.parametrize(("who", "path", "body", "status", "code"), RULES.values(), ids=RULES)
    def test_a_command_that_the_rules_refuse(self, office: Outside, who: str, path: str, body: Any, status: int, code: str) -> None:
        refused(office[who].send("POST", path, body), status, code)

    @pytest.mark.parametrize(
        ("until", "problem"),
        [
            ("9999-12-31T23:59:59Z", "datetime_year"),
            ("0001-01-01T00:00:00+14:00", "datetime_year"),
            ("2026-11-20T10:00", "timezone_aware"),
            ("2026-02-30T10:00:00+07:00", "datetime"),
            ("tomorrow", "datetime"),
            (1_800_000_000, "datetime"),
            ("1795776000", "datetime"),
            ("1795776000000", "datetime"),
            ("1795776000.5", "datetime"),
            ("-1", "datetime"),
            ("2026-11-20", "datetime"),
            ("2026-11-20 10:00:00+07:00", "datetime"),
            ("2026-11-20T10:00:00+25:00", "datetime"),
            ("٢٠٢٦-11-20T10:00:00+07:00", "datetime"),
            (True, "datetime"),
            ("", "datetime"),
        ],
    )
    def test_a_notice_until_no_instant_of_ours(self, office: Outside, until: Any, problem: str) -> None:
        answer = office["binh"].send("PUT", "/sites/open/halls/main/notice", {"text": "Xin chào", "until": until})
        details = refused(answer, 422, "invalid_body")
        assert details["fields"][0]["field"] == "until" and details["fields"][0]["problem"].startswith(problem)

    @pytest.mark.parametrize(
        ("who", "method", "path", "body"),
        [
            ("nobody", "POST", "/sites/open/appointments", {"service": "A", "start": "1795776000"}),
            ("nobody", "PATCH", "/sites/open/appointments/482137504582713063", {"start": "1795776000"}),
            ("binh", "POST", "/sites/open/days/2026-11-23/closures", {"start": "1795776000", "end": "1795779600", "reason": "x"}),
            ("k1", "POST", "/sites/open/kiosks/k1/tickets", {"taken_at": "1795776000"}),
        ],
    )
    def test_no_instant_is_a_bare_number(self, office: Outside, who: str, method: str, path: str, body: dict[str, Any]) -> None:
        fields = {f["field"]: f["problem"] for f in refused(office[who].send(method, path, body), 422, "invalid_body")["fields"]}
        assert {fields[field] for field in body if body[field].isdigit()} == {"datetime_parsing"}

    @pytest.mark.parametrize("body", ({}, {"service": "A", "counter": "1"}, {"service": None}))
    def test_a_transfer_goes_to_a_service_or_to_a_counter(self, office: Outside, body: dict[str, Any]) -> None:
        ticket = next(e["event"]["ticket"] for e in office.story() if e["kind"] == "TicketIssued")
        refused(office["lan"].send("POST", f"/sites/open/tickets/{ticket}/transfer", body), 422, "invalid_body")


KEYS = {"empty": "", "blank inside": "a b", "not ASCII": "số", "too long": "k" * 201, "a control character": "a\x7fb"}


@pytest.mark.usefixtures("unchanged")
class TestKey:
    def test_a_command_without_a_key_is_refused(self, office: Outside) -> None:
        answer = office["k1"].http.post(
            office.api + TICKETS, json={"service": "A"}, headers={"Authorization": f"Bearer {office['k1'].key}"}, timeout=60
        )
        refused(answer, 400, "idempotency_key_missing")

    @pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
    def test_a_key_is_1_to_200_visible_characters(self, office: Outside, key: str) -> None:
        answer = send(office["k1"], TICKETS, b'{"service":"A"}', **{"Idempotency-Key": key.encode().decode("latin-1")})
        refused(answer, 400, "idempotency_key_malformed")


PATHS = {
    "a NUL": "/sites/%00",
    "NUL after the office": "/sites/open%00",
    "bytes that are not UTF-8": "/sites/%ff%fe",
    "dots": "/sites/..%2f..%2fetc%2fpasswd",
    "markup": "/sites/%3Cscript%3E",
    "an overlong name": "/sites/" + "a" * 5000,
    "a percent sign alone": "/sites/%",
    "a quote": "/sites/open'--",
    "a double slash": "//sites/open",
    "a slash at the end": "/sites/open/",
    "an upper case": "/sites/OPEN",
    "a text turned around": "/sites/%E2%80%AEnepo",
    "a line end": "/sites/open%0d%0aX-Evil:%201",
    "a ticket of another shape": "/sites/open/tickets/%F0%9F%8E%AB",
    "a ticket with quotes": "/sites/open/tickets/'%20or%201=1",
    "a ticket that is a path": "/sites/open/tickets/..%2F..%2Fx",
    "an unknown hall": "/sites/open/halls/cellar/board",
    "an unknown voice": "/sites/open/voice/0123.wav",
    "a voice that is a path": "/sites/open/voice/..%2f..%2foffice.db",
    "the prefix alone": "",
    "nowhere": "/nowhere",
}


@pytest.mark.usefixtures("unchanged")
class TestPath:
    @pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
    def test_an_unknown_path_is_not_found(self, office: Outside, path: str) -> None:
        prefix = "GET /api/v1" if path != "//sites/open" else "GET /api/v1/"
        request = f"{prefix}{path} HTTP/1.1\r\nHost: elsewhere.example\r\nConnection: close\r\n\r\n".encode()
        head, _, body = office.raw(request).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 404"), head
        assert b"elsewhere" not in head and b"X-Evil" not in head
        assert json.loads(body)["error"]["code"] == "not_found"

    @pytest.mark.parametrize(
        "date", ("2026-13-01", "2026-02-30", "today", "20261120", "2026-W47-5", "٢٠٢٦-11-20", "2026-11-20T00:00", "-1")
    )
    @pytest.mark.parametrize("what", ("report", "events"))
    def test_a_malformed_date_is_an_unknown_one(self, office: Outside, date: str, what: str) -> None:
        refused(office["thanh"].send("GET", f"/sites/open/days/{date}/{what}"), 404, "not_found")

    @pytest.mark.parametrize("after", ("-1", "x", "1e3", "", "9" * 30, "١"))
    def test_events_after_no_number(self, office: Outside, after: str) -> None:
        refused(office["thanh"].send("GET", f"/sites/open/days/{office.today}/events?after={after}"), 422, "invalid_body")

    @pytest.mark.parametrize(
        "path",
        ("/static/../../access.py", "/static/%2e%2e/%2e%2e/access.py", "/static/%00", "/static/", "/static//etc/passwd", "/static/shared"),
    )
    def test_the_pages_files_end_at_their_folder(self, office: Outside, path: str) -> None:
        answer = office.raw(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        assert answer.startswith(b"HTTP/1.1 404") and b'"not_found"' in answer


METHODS = [
    ("DELETE", "/api/v1/sites/open", "GET"),
    ("GET", "/api/v1/sites/open/counters/1/next", "POST"),
    ("PATCH", "/api/v1/sites/open/halls/main/notice", "PUT"),
    ("POST", "/console", "GET"),
    ("TRACE", "/api/v1/sites/open", "GET"),
    ("BREW", "/readyz", "GET"),
]


@pytest.mark.usefixtures("unchanged")
class TestHttp:
    @pytest.mark.parametrize(("method", "path", "allowed"), METHODS)
    def test_a_wrong_method_is_told_the_right_ones(self, office: Outside, method: str, path: str, allowed: str) -> None:
        answer = requests.request(method, office.url + path, timeout=60)
        refused(answer, 405, "method_not_allowed")
        assert allowed in answer.headers["Allow"]

    def test_a_command_in_pieces_is_obeyed_as_a_whole_or_not_at_all(self, office: Outside) -> None:
        head = (
            "POST /api/v1/sites/open/tickets HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
            f"Idempotency-Key: {uuid.uuid4().hex}\r\nAuthorization: Bearer {office['k1'].key}\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        for pieces in ("zz\r\n{}", "f\r\n{", "-1\r\n{}\r\n0\r\n\r\n"):
            assert b" 400 " in office.raw((head + pieces).encode()).split(b"\r\n")[0]

    def test_a_body_that_ends_early_is_malformed(self, office: Outside) -> None:
        head = (
            "POST /api/v1/sites/open/tickets HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
            f"Idempotency-Key: {uuid.uuid4().hex}\r\nAuthorization: Bearer {office['k1'].key}\r\nContent-Length: 100\r\n\r\n"
        )
        answer = office.raw((head + '{"service":"A"}').encode())
        assert answer.startswith(b"HTTP/1.1 400") and b'"malformed"' in answer

    @pytest.mark.parametrize(
        "request_line",
        (
            b"hello",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"GET /" + b"a" * 20_000 + b" HTTP/1.1",
            b"POST /api/v1/sessions HTTP/1.1\r\nContent-Length: abc",
            b"POST /api/v1/sessions HTTP/1.1\r\nContent-Length: -1",
            b"POST /api/v1/sessions HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked",
            b"GET / HTTP/1.1\r\nA: " + b"b" * 70_000,
        ),
        ids=("a greeting", "TLS", "a long address", "a length of letters", "a negative length", "two lengths", "a long header"),
    )
    def test_what_is_not_http_is_a_bad_request(self, office: Outside, request_line: bytes) -> None:
        answer = office.raw(request_line + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert b" 500 " not in answer and (b"400" in answer or b"414" in answer), answer

    @pytest.mark.parametrize(
        ("query", "upgrade"),
        (
            ("EIO=4&transport=polling", ""),
            ("EIO=4&transport=websocket", ""),
            ("EIO=3&transport=websocket", ""),
            ("EIO=4&transport=websocket", "Connection: Upgrade\r\nUpgrade: websocket\r\n"),
            ("EIO=4&transport=websocket", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"),
            (
                "EIO=4&transport=websocket",
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 99\r\nSec-WebSocket-Key: x\r\n",
            ),
            ("EIO=4&transport=websocket&sid=nobody", ""),
            ("EIO=4&transport=websocket&j=x", ""),
        ),
    )
    def test_only_a_proper_websocket_is_let_in(self, office: Outside, query: str, upgrade: str) -> None:
        answer = office.raw(f"GET /socket.io/?{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{upgrade}\r\n".encode())
        assert answer.split(b"\r\n")[0] in (b"HTTP/1.1 400 BAD REQUEST", b"HTTP/1.1 400 Bad Request"), answer


def test_a_receipt_with_null_fields_is_one_without_them(office: Outside) -> None:
    nothing = {"header": None, "footer": None, "without": None, "logo": None}
    for method, path in (("PUT", "/sites/open/receipt"), ("POST", "/sites/open/receipt/preview")):
        answers = [office["quan"].send(method, path, body) for body in ({}, nothing, nothing | {"paper": None})]
        assert [answer.status_code for answer in answers] == [200] * 3
        assert len({answer.text for answer in answers}) == 1


def test_a_closed_office_gives_no_numbers_and_says_when_it_will(tmp_path: Path) -> None:
    document = tmp_path / "shut.toml"
    hours = 'mon-sun = ["08:00-08:30"]'
    text = Path("config/sites/open.toml").read_text().replace('mon-sun = ["00:00-24:00"]', hours)
    assert hours in text
    document.write_text(text)
    with outside(tmp_path, document=str(document)) as office:
        for lang, first in (("vi", "B"), ("en", "T")):
            answer = office["k1"].send("POST", TICKETS, {"service": "A"}, **{"Accept-Language": lang})
            details = refused(answer, 409, "closed")
            assert details["next_open"] == "2026-11-21T08:00:00+07:00"
            assert answer.json()["error"]["message"].startswith(first)
        assert office.story() == []
        site = office["nobody"].get("/sites/open")
        assert site["hours"]["state"] == "closed" and not any(s["open"] for s in site["services"])
        assert all(s["closed_reason"] for s in site["services"])
        assert office.board()["open"] is False
