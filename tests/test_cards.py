"""A citizen's card prevents a second number in the same field, and nothing of it is left: its number is nowhere, and the key goes with the
day."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from escpos_decoder import Decoder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from office import Office, at
from outside import Outside, outside, refused
from running import OPEN, Client, Server, until
from test_races import at_once

from kiosk.printer import encode
from kiosk.receipt import PAPERS, Receipt, ReceiptError, draw
from server.core import decide
from server.core.refused import Refused
from server.core.ticket import State
from server.store.sqlite import SqliteStore

CARD, OTHER = "001099000123", "079300000456"
TICKETS = "/sites/open/tickets"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with outside(tmp_path_factory.mktemp("office")) as office:
        yield office


@pytest.fixture(autouse=True)
def empty(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "office" in request.fixturenames:
        request.getfixturevalue("office").clear()


# -- what is decided -------------------------------------------------------------------------------------------------------------


def second(office: Office, person: str = "p", service: str = "household") -> Refused | None:
    try:
        office.take(service, person=person)
    except Refused as refusal:
        return refusal
    return None


@pytest.mark.core
def test_one_person_waits_once_in_a_field_as_long_as_the_wait_lasts() -> None:
    office = Office(clock="08:12", staffed="1")
    first = office.take(person="p")
    for live in (State.WAITING, State.CALLED, State.SERVING, State.HELD):
        if live is State.CALLED:
            office.next("1")
        if live is State.SERVING:
            office.start(first)
        if live is State.HELD:
            office.press(decide.hold, first)
        assert first.state is live
        refusal = second(office)
        assert refusal is not None and refusal.code == "already_has_number"
        assert refusal.details == {"ticket": "A001", "id": first.id, "at": at("08:12")}
    assert second(office, "somebody else") is None
    assert office.replayed().by_person["p"].id == first.id


@pytest.mark.core
@pytest.mark.parametrize("end", ["done", "no_show", "cancelled"])
def test_whose_wait_has_ended_may_take_a_number_again(end: str) -> None:
    office = Office(clock="08:12", staffed="1")
    first = office.take(person="p")
    if end == "cancelled":
        office.cancel(first)
    else:
        office.next("1")
        office.press(decide.finish if end == "done" else decide.no_show, first)
    assert first.state.value == end
    assert second(office) is None and second(office) is not None


@pytest.mark.core
def test_a_number_without_a_card_is_nobodys() -> None:
    office = Office(clock="08:12")
    assert office.take().person is None and office.take().person is None and office.day.by_person == {}


# -- over the wire ---------------------------------------------------------------------------------------------------------------


def test_the_second_number_of_a_card_in_a_field_is_refused_with_the_first(office: Outside) -> None:
    first = office.take("A", card=CARD)
    details = refused(office["hoa"].send("POST", TICKETS, {"service": "A", "card": CARD}), 409, "already_has_number")
    assert details == {"ticket": first["code"], "id": first["id"], "at": first["issued_at"]}
    told = office["k1"].send("POST", TICKETS, {"service": "A", "card": CARD}).json()["error"]["message"]
    assert re.fullmatch(rf"Thẻ này đã lấy số {first['code']} lúc \d\d:\d\d\.", told)
    office.take("B", card=CARD)
    office.take("A", card=OTHER)
    office.take("A")
    office.act(first["id"], "cancel", who="k1")
    office.take("A", card=CARD)


def test_a_repeated_question_gets_its_number_and_another_card_is_another_question(office: Outside) -> None:
    key = uuid.uuid4().hex
    body = {"service": "A", "card": CARD}
    first = office["k1"].post(TICKETS, body, once=key, expect=201)
    assert office["k1"].post(TICKETS, body, once=key, expect=201) == first
    refused(office["k1"].send("POST", TICKETS, body | {"card": OTHER}, once=key), 422, "idempotency_key_reused")
    office._taken.append(first["id"])


def test_the_marks_of_one_card_in_two_fields_differ(office: Outside) -> None:
    office.take("A", card=CARD)
    office.take("B", card=CARD)
    marks = [line["event"]["person"] for line in office.story()[-2:]]
    assert len(set(marks)) == 2 and all(re.fullmatch(r"[0-9a-f]{32}", mark) for mark in marks)


@pytest.mark.parametrize(
    "card",
    [
        "",
        "00109900012",
        "0010990001234",
        "00109900012x",
        "001099000123\n",
        "٠٠١٠٩٩٠٠٠١٢٣",
        "0010 9900 0123",
        1099000123,
        [CARD],
        {"a": CARD},
    ],
    ids=repr,
)
def test_what_is_no_number_of_a_card_is_refused_without_repeating_it(office: Outside, card: object) -> None:
    answer = office["k1"].send("POST", TICKETS, {"service": "A", "card": card})
    refused(answer, 422, "invalid_body")
    assert "0990001" not in answer.text


def files(server: Server) -> dict[str, bytes]:
    """Every file of the office: the database, its log, the server's words."""
    found = {}
    for path in server.folder.iterdir():
        # One that goes meanwhile holds nothing any more.
        with suppress(FileNotFoundError):
            if path.is_file():
                found[path.name] = path.read_bytes()
    return found


def test_the_number_of_a_card_is_written_nowhere(office: Outside) -> None:
    office.take("A", card=CARD)
    office["k1"].send("POST", TICKETS, {"service": "A", "card": CARD})
    office["k1"].send("POST", TICKETS, {"service": "nowhere", "card": CARD})
    office["k1"].send("POST", TICKETS, {"service": "A", "card": CARD, "more": 1})
    office["lan"].send("POST", TICKETS, {"service": "A", "card": CARD})
    found = files(office.server)
    assert {"office.db", "office.db-wal", "server.log"} <= set(found)
    assert [name for name, content in found.items() if CARD.encode() in content] == []
    assert CARD not in json.dumps(office.story())


@pytest.mark.slow
def test_two_kiosks_read_one_card_in_the_same_instant_and_give_one_number(office: Outside) -> None:
    office.install({"k1-again": "kiosk"}, place="k1")
    for round_ in range(20):
        body = {"service": "A", "card": f"{round_:012}"}
        answers = at_once(*(partial(office[kiosk].send, "POST", TICKETS, body) for kiosk in ("k1", "k1-again")))
        assert sorted(a.status_code for a in answers) == [201, 409]
        (won,), (lost,) = ([a.json() for a in answers if a.status_code == status] for status in (201, 409))
        assert lost["error"]["code"] == "already_has_number" and lost["error"]["details"]["id"] == won["id"]
        office._taken.append(won["id"])


# -- the end of the day ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_when_the_day_is_over_nothing_tells_whose_number_it_was(tmp_path: Path) -> None:
    server = Server(tmp_path, OPEN, "--hall-clock", "2026-11-20T09:00:00+07:00").start()
    try:
        kiosk = server.device("k1")
        (inspector,) = server.crew("thanh", role="inspector")
        first = kiosk.post(TICKETS, {"service": "A", "card": CARD}, expect=201)
        assert server.stop() == 0
        server.options = ("--hall-clock", "2026-11-20T23:59:57+07:00")
        key = _key(server)
        assert key is not None and any(key.encode() in content for content in files(server).values())
        server.start()
        until(lambda: server.anyone().get("/sites/open")["day"] == "2026-11-21")
        until(lambda: _key(server) is None)
        until(lambda: not any(key.encode() in content for content in files(server).values()))
        second = kiosk.post(TICKETS, {"service": "A", "card": CARD}, expect=201)
        marks = [_mark(inspector, day, one["id"]) for day, one in (("2026-11-20", first), ("2026-11-21", second))]
        assert marks[0] and marks[1] and marks[0] != marks[1]
    finally:
        server.stop()
    assert [name for name, content in files(server).items() if CARD.encode() in content] == []


def _key(server: Server) -> str | None:
    with closing(SqliteStore(server.database)) as store:
        return store.day_key("open", date(2026, 11, 20))


def _mark(inspector: Client, day: str, ticket: str) -> str | None:
    events = inspector.get(f"/sites/open/days/{day}/events")["events"]
    return next((e["event"].get("person") for e in events if e["event"].get("ticket") == ticket), None)


# -- what a reader may read ------------------------------------------------------------------------------------------------------

HOSTILE = st.one_of(
    st.text(max_size=200),
    st.sampled_from(
        [
            "\x1b@\x1dV\x00",
            "\x10\x04\x01",
            "\x00",
            "\u202e321A",
            "'; drop table events; --",
            "<script>alert(1)</script>",
            "../../etc/passwd",
            "%00%0d%0aSet-Cookie: a=b",
            "{{7*7}}",
            "A" * 10_240,
            "|".join(["001099000123"] * 900),
        ]
    ),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=HOSTILE)
def test_whatever_a_reader_reads_the_server_answers_and_changes_nothing(office: Outside, text: str) -> None:
    sent = text.encode("utf-8", "surrogatepass")
    part = quote(sent, safe="") or "x"
    asked: list[tuple[str, str, Any]] = [
        ("GET", f"{TICKETS}?code={part}", None),
        ("GET", f"{TICKETS}/{part}", None),
        ("POST", f"/sites/open/appointments/{part}/check-in", {}),
        ("POST", TICKETS, {"service": "A", "card": text}),
        ("POST", TICKETS, {"service": f"§{text}"}),
    ]
    before = office.story()
    for method, path, body in asked:
        answer = office["k1"].send(method, path, body)
        assert 400 <= answer.status_code < 500, (method, path, answer.status_code)
        assert answer.headers.get("Content-Type", "application/json") == "application/json" and "\x1b" not in answer.text
    assert office.story() == before


PAPER = {"code": "A012", "queue_time_label": "Giờ xếp hàng", "queue_time": "08:12:34", "foot": ["Hỏi đáp"]}


@settings(max_examples=20, deadline=None)
@given(text=HOSTILE)
def test_no_words_on_a_ticket_become_a_command_of_the_printer(text: str) -> None:
    words = dict.fromkeys(("office", "service", "counters", "reason", "ahead", "date_line"), text)
    try:
        picture = draw(Receipt.from_json(PAPER | words), 58)
    except ReceiptError:
        return
    decoder = Decoder(PAPERS[58].width)
    decoder.feed(b"".join(encode(picture)))
    assert (len(decoder.tickets), decoder.letters, decoder.questions) == (1, b"", [])
