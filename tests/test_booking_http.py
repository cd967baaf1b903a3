"""Appointments over HTTP, as an authority's portal and a kiosk use them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import requests
from outside import INSTANT, Outside, outside, refused
from requests.adapters import HTTPAdapter
from running import OPEN, PASSWORD, Client

from server import wire
from server.commands import add_device
from server.core import events as ev

TODAY, MONDAY = "2026-11-20", "2026-11-23"
FIELDS = [
    *("code", "spoken", "site", "service", "service_name", "procedure", "day", "start", "end", "registered_at"),
    *("state", "moved_to", "closed", "ticket", "lang", "url"),
]
PHONE = {"phone": "0912345678", "consent": True}
CAREFUL = """
[limits]
bookings_per_hour = 6
anonymous_per_day = 2
wrong_codes_per_minute = 3
wrong_codes_in_all = 5
"""


class Elsewhere(HTTPAdapter):
    """Requests from another address of this machine."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options, source_address=(self._address, 0))


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with outside(tmp_path_factory.mktemp("booked")) as office:
        yield office


def limited(text: str) -> str:
    """The open office with one booking a person, and limits."""
    found = re.sub(r"(?s)# Không giới hạn.*?\n\n(?=\[\[halls)", CAREFUL + "\n", text.replace("per_person = 0", "per_person = 1"))
    assert found != text and "wrong_codes_in_all = 5" in found
    return found


@pytest.fixture
def careful(tmp_path: Path) -> Iterator[Outside]:
    """The same office with one booking a person, limits, and a second office on the same server."""
    text = Path(OPEN).read_text(encoding="utf-8")
    document, other = tmp_path / "open.toml", tmp_path / "other.toml"
    document.write_text(limited(text), encoding="utf-8")
    other.write_text(text.replace('id = "open"', 'id = "khac"').replace("Một cửa mở mọi lúc", "UBND phường Mẫu Khác"), encoding="utf-8")
    with outside(tmp_path, "--site", str(other), document=str(document)) as office:
        yield office


def at(clock: str, day: str = MONDAY) -> str:
    return f"{day}T{clock}:00+07:00"


def book(office: Outside, start: str, service: str = "A", who: str = "nobody", **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = office[who].post("/sites/open/appointments", {"service": service, "start": start, **more}, expect=201)
    return made


def path(made: dict[str, Any], verb: str = "") -> str:
    return f"/sites/open/appointments/{made['code']}{verb}"


def slot(office: Outside, start: str, service: str = "A") -> dict[str, Any]:
    found = office["nobody"].get(f"/sites/open/slots?service={service}&date={start[:10]}")
    return next(s for s in found if s["start"] == start)


# -- free slots ------------------------------------------------------------------------------------------------------------------


def test_slots_say_how_many_places_are_left(office: Outside) -> None:
    day = office["nobody"].get(f"/sites/open/slots?service=A&date={MONDAY}")
    assert len(day) == 144 and all(set(s) == {"start", "end", "capacity", "left"} for s in day)
    assert day[0] == {"start": at("00:00"), "end": at("00:10"), "capacity": 2, "left": 2}
    book(office, at("00:20"))
    assert slot(office, at("00:20"))["left"] == 1 and slot(office, at("00:20"), "B")["left"] == 2


@pytest.mark.parametrize("date", ["2026-11-19", "2026-11-28", "1999-01-01", "9999-12-31"])
def test_a_day_that_is_over_or_too_far_has_no_slots(office: Outside, date: str) -> None:
    assert office["nobody"].get(f"/sites/open/slots?service=A&date={date}") == []


def test_what_has_begun_today_has_no_place_left(office: Outside) -> None:
    today = office["nobody"].get(f"/sites/open/slots?service=A&date={TODAY}")
    assert all((s["left"] > 0) == (s["start"] >= at("09:10", TODAY)) for s in today if s["start"][11:16] not in ("09:00",))


@pytest.mark.parametrize(("query", "code"), [("service=Z&date=2026-11-23", "unknown_service"), ("service=A&date=mon", "invalid_body")])
def test_a_question_for_slots_that_makes_no_sense_is_told_so(office: Outside, query: str, code: str) -> None:
    refused(office["nobody"].send("GET", f"/sites/open/slots?{query}"), 422, code)


# -- booking ---------------------------------------------------------------------------------------------------------------------


def test_a_booking_has_a_code_to_read_out_and_one_to_keep(office: Outside) -> None:
    made = book(office, at("08:00"), **PHONE, name="Nguyễn Thị Lan", email="lan@example.vn")
    assert list(made) == FIELDS
    assert re.fullmatch(r"[1-9]\d{17}", made["code"]) and made["spoken"].replace(" ", "") == made["code"][:7]
    assert INSTANT.fullmatch(made["start"]) and (made["state"], made["day"], made["end"]) == ("booked", MONDAY, at("08:10"))
    assert office["nobody"].get(path(made)) == made
    assert not re.search("0912345678|Lan|example", str(made))


def test_who_reads_the_story_cannot_move_or_cancel_what_is_in_it(office: Outside) -> None:
    made = book(office, at("07:10"), "B")
    moved = office["nobody"].send("PATCH", path(made), {"start": at("07:20", "2026-11-24")}).json()
    office["nobody"].send("PATCH", path(moved), {"start": at("07:30", "2026-11-24")})
    today = book(office, at("23:00", TODAY), "B")
    ticket = office["k1"].post(path(today, "/check-in"), expect=201)
    codes = {made["code"], moved["code"], today["code"]}
    for day in (TODAY, MONDAY, "2026-11-24"):
        for who in ("thanh", "quan"):
            told = str(office[who].get(f"/sites/open/days/{day}/events"))
            assert any(wire.masked(code) in told for code in codes)
            assert not any(code in told or code[:7] in told for code in codes)
    office["k1"].post(f"/sites/open/tickets/{ticket['id']}/cancel")
    with office.database() as store:
        stored = [wire.event_of(row.kind, row.body) for row in store.story("open", date.fromisoformat("2026-11-24"))]
    assert any(isinstance(e, ev.AppointmentBooked) and e.appointment == moved["code"] for e in stored), "the ledger's own story is whole"


def test_names_and_numbers_stand_apart_from_the_story(office: Outside) -> None:
    made = book(office, at("08:10"), **PHONE, name="Trần Văn Bình", email="binh@example.vn")
    story = str(office["thanh"].get(f"/sites/open/days/{MONDAY}/events"))
    assert wire.masked(made["code"]) in story and not re.search("0912345678|Bình", story)
    with office.database() as store:
        ref = next(e.body for e in store.story("open", date.fromisoformat(MONDAY)) if made["code"] in e.body)
        row = store.contact(re.search(r'"contact":"(\w+)"', ref)[1])  # type: ignore[index]
    assert row is not None and row.purpose == "appointment" and str(row.erase_on) == "2026-11-30" and "Bình" in row.body


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"start": at("08:00")}, 422, "invalid_body"),
        ({"service": "A"}, 422, "start_missing"),
        ({"service": "Z", "start": at("08:00")}, 422, "unknown_service"),
        ({"procedure": "9.9", "start": at("08:00")}, 422, "unknown_procedure"),
        ({"service": "A", "start": at("08:05")}, 422, "unknown_slot"),
        ({"service": "A", "start": at("08:00", "2026-11-19")}, 409, "too_late_to_book"),
        ({"service": "A", "start": at("09:00", TODAY)}, 409, "too_late_to_book"),
        ({"service": "A", "start": at("08:00", "2026-11-28")}, 409, "too_early_to_book"),
        ({"service": "A", "start": at("08:00"), "phone": "0912345678"}, 422, "consent_missing"),
        ({"service": "A", "start": at("08:00"), "email": "a@b.vn", "consent": False}, 422, "consent_missing"),
        ({"service": "A", "start": at("08:00"), "phone": "12", "consent": True}, 422, "invalid_body"),
        ({"service": "A", "start": "2026-11-23T08:00:00"}, 422, "invalid_body"),
    ],
)
def test_a_booking_that_cannot_be_made_says_why(office: Outside, body: dict[str, Any], status: int, code: str) -> None:
    refused(office["nobody"].send("POST", "/sites/open/appointments", body), status, code)


def test_a_full_slot_offers_the_nearest_free_ones_also_of_other_days(office: Outside) -> None:
    for minute in ("10", "20", "30", "40", "50"):
        for _ in range(2):
            book(office, at(f"23:{minute}", "2026-11-26"))
    details = refused(
        office["nobody"].send("POST", "/sites/open/appointments", {"service": "A", "start": at("23:50", "2026-11-26")}), 409, "slot_full"
    )
    assert details["free"] == [at("00:00", "2026-11-27"), at("00:10", "2026-11-27"), at("00:20", "2026-11-27")]


def test_the_same_request_sent_again_is_the_same_booking(office: Outside) -> None:
    body = {"service": "A", "start": at("12:00")}
    first = office["nobody"].post("/sites/open/appointments", body, once="portal-1", expect=201)
    again = office["nobody"].send("POST", "/sites/open/appointments", body, once="portal-1")
    assert again.status_code == 201 and again.json() == first and again.headers["Idempotency-Replayed"] == "true"
    refused(
        office["nobody"].send("POST", "/sites/open/appointments", body | {"lang": "en"}, once="portal-1"), 422, "idempotency_key_reused"
    )
    without = office["nobody"].http.post(f"{office.api}/sites/open/appointments", json=body, timeout=60)
    refused(without, 400, "idempotency_key_missing")


def at_address(office: Outside, address: str, once: str, start: str) -> requests.Response:
    """Somebody books from an address of his own."""
    with requests.Session() as line:
        line.mount("http://", Elsewhere(address))
        body = {"service": "B", "start": start}
        answer = line.post(f"{office.api}/sites/open/appointments", json=body, headers={"Idempotency-Key": once}, timeout=60)
    assert answer.status_code == 201, answer.text
    return answer


def test_two_people_who_send_the_same_short_key_have_a_booking_each(office: Outside) -> None:
    mine, yours, again = (at_address(office, f"127.0.0.{n}", "1", at("12:10")) for n in (1, 2, 1))
    assert mine.json()["code"] != yours.json()["code"] and "Idempotency-Replayed" not in yours.headers
    assert again.json() == mine.json() and again.headers["Idempotency-Replayed"] == "true"


def test_a_telephone_that_asks_again_from_another_network_has_booked_once(office: Outside) -> None:
    first, again = (at_address(office, f"127.0.0.{n}", "7f3a90c1d2e84b56", at("12:20")) for n in (1, 2))
    assert again.json() == first.json() and again.headers["Idempotency-Replayed"] == "true"


# -- moving and giving back ------------------------------------------------------------------------------------------------------


def test_a_booking_is_moved_within_its_day_and_to_another(office: Outside) -> None:
    made = book(office, at("13:00"))
    moved = office["nobody"].send("PATCH", path(made), {"start": at("13:10")}).json()
    assert (moved["code"], moved["start"], moved["state"]) == (made["code"], at("13:10"), "booked")
    assert slot(office, at("13:00"))["left"] == 2 and slot(office, at("13:10"))["left"] == 1
    further = office["nobody"].send("PATCH", path(made), {"start": at("09:00", "2026-11-24")}).json()
    assert (further["code"], further["day"]) == (made["code"], "2026-11-24")
    back = office["nobody"].send("PATCH", path(made), {"start": at("13:20")}).json()
    assert (back["code"], back["start"]) == (made["code"], at("13:20"))
    assert office["nobody"].get(path(made)) == back
    assert slot(office, at("09:00", "2026-11-24"))["left"] == 2


def test_a_move_that_is_refused_leaves_everything_as_it_was(office: Outside) -> None:
    made = book(office, at("14:00"))
    for _ in range(2):
        book(office, at("14:00", "2026-11-24"))
    before = office["thanh"].get(f"/sites/open/days/{MONDAY}/events")
    details = refused(office["nobody"].send("PATCH", path(made), {"start": at("14:00", "2026-11-24")}), 409, "slot_full")
    assert details["free"][0] in (at("13:50", "2026-11-24"), at("14:10", "2026-11-24"))
    assert office["thanh"].get(f"/sites/open/days/{MONDAY}/events") == before
    assert office["nobody"].get(path(made)) == made
    refused(office["nobody"].send("PATCH", path(made), {}), 422, "invalid_body")
    refused(office["nobody"].send("PATCH", path(made), {"start": at("14:00", "2026-12-24")}), 409, "too_early_to_book")
    refused(office["nobody"].send("PATCH", path(made), {"start": at("14:00", "2026-11-19")}), 409, "too_late_to_book")


def test_a_place_given_back_is_free_again_and_the_code_is_used_up(office: Outside) -> None:
    made = book(office, at("15:00"))
    assert office["nobody"].send("DELETE", path(made)).json()["state"] == "cancelled"
    assert slot(office, at("15:00"))["left"] == 2
    refused(office["nobody"].send("DELETE", path(made)), 409, "appointment_over")
    refused(office["nobody"].send("PATCH", path(made), {"start": at("15:10")}), 409, "appointment_over")
    refused(office["k1"].send("POST", path(made, "/check-in"), {}), 409, "cancelled")


def test_consent_taken_back_erases_the_contact_and_keeps_the_place(office: Outside) -> None:
    made = book(office, at("16:00"), **PHONE)
    assert office["nobody"].send("PATCH", path(made), {"consent": False}).json()["state"] == "booked"
    with office.database() as store:
        bodies = [e.body for e in store.story("open", date.fromisoformat(MONDAY)) if made["code"] in e.body]
        assert store.contact(re.search(r'"contact":"(\w+)"', bodies[0])[1]) is None  # type: ignore[index]


@pytest.mark.parametrize("code", ["482137504582713064", "482137504582713063", "4821375", "1", "x" * 18, "%00", "482 1375"])
def test_a_code_that_is_none_is_not_found(office: Outside, code: str) -> None:
    for method, body in (("GET", None), ("PATCH", {"consent": False}), ("DELETE", None)):
        refused(office["nobody"].send(method, f"/sites/open/appointments/{code}", body), 404, "not_found")
    refused(office["k1"].send("POST", f"/sites/open/appointments/{code}/check-in", {}), 404, "not_found")


# -- on the day ------------------------------------------------------------------------------------------------------------------


def test_a_kiosk_checks_in_by_the_spoken_code_and_the_ticket_says_why_it_stands_where_it_stands(office: Outside) -> None:
    made = book(office, at("09:30", TODAY))
    ticket = office["k1"].post(f"/sites/open/appointments/{made['spoken'].replace(' ', '.')}/check-in", expect=201)
    assert (ticket["appointment"], ticket["slot"], ticket["queue_time"]) == (True, at("09:30", TODAY), at("09:00", TODAY))
    assert ticket["reason"] == {"term": "slot", "words": "hẹn 09:30, tính như đến trước giờ hẹn 30 phút"}
    details = refused(office["hoa"].send("POST", path(made, "/check-in"), {}), 409, "already_checked_in")
    assert (details["ticket"], details["id"], details["at"]) == (ticket["code"], ticket["id"], ticket["issued_at"])
    looked = office["nobody"].get(path(made))
    assert (looked["state"], looked["ticket"]) == ("checked_in", {"id": ticket["id"], "code": ticket["code"]})
    office["k1"].post(f"/sites/open/tickets/{ticket['id']}/cancel")


def test_a_booking_is_called_between_two_walk_ins_and_says_why(office: Outside) -> None:
    made = book(office, at("09:20", TODAY), "B")
    first, second = office.take("B", priority="older"), office.take("B")
    booked = office["hoa"].post(path(made, "/check-in"), {"lang": "vi"}, expect=201)
    third = office.take("B")
    office.open("2")
    called = []
    for _ in range(4):
        ticket = office.call("2", finish=True)
        called.append(ticket["code"])
        if ticket["code"] == booked["code"]:
            assert ticket["why"]["term"] == "slot" and "hẹn 09:20" in ticket["why"]["words"].lower()
    assert called == [first["code"], booked["code"], second["code"], third["code"]]
    why = office["nobody"].get(f"/sites/open/tickets/{second['id']}/why?code={booked['code']}")
    assert why["other"]["goes_first"] and why["words"].startswith(f"{booked['code']} trước {second['code']} vì")
    office.act(ticket["id"], "finish", who="binh")
    office.clear()


def test_a_priority_group_may_be_claimed_at_the_check_in(office: Outside) -> None:
    made = book(office, at("10:30", TODAY), "B")
    refused(office["hoa"].send("POST", path(made, "/check-in"), {"priority": "tall"}), 422, "unknown_priority")
    ticket = office["hoa"].post(path(made, "/check-in"), {"priority": "older"}, expect=201)
    assert ticket["priority"] and ticket["reason"]["term"] == "priority" and ticket["appointment"]
    office["k1"].post(f"/sites/open/tickets/{ticket['id']}/cancel")


def test_a_booking_of_another_day_is_told_its_day(office: Outside) -> None:
    made = book(office, at("17:00"))
    for code in (made["code"], made["spoken"]):
        details = refused(office["k1"].send("POST", f"/sites/open/appointments/{code}/check-in", {}), 409, "wrong_day")
        assert details == {"start": at("17:00")}
    office["nobody"].send("DELETE", path(made))
    refused(office["k1"].send("POST", path(made, "/check-in"), {}), 409, "cancelled")


def test_a_booking_that_was_moved_is_told_its_new_day_by_its_spoken_code(office: Outside) -> None:
    made = book(office, at("23:10", TODAY))
    for day in ("2026-11-24", "2026-11-25"):
        office["nobody"].send("PATCH", path(made), {"start": at("10:30", day)})
        answer = office["k1"].send("POST", f"/sites/open/appointments/{made['spoken']}/check-in", {})
        assert refused(answer, 409, "wrong_day") == {"start": at("10:30", day)}


def test_a_check_in_sent_again_prints_no_second_number(office: Outside) -> None:
    made = book(office, at("11:00", TODAY), "B")
    first = office["k1"].post(path(made, "/check-in"), once="scan-1", expect=201)
    assert office["k1"].post(path(made, "/check-in"), once="scan-1", expect=201) == first
    bare = {"Authorization": f"Bearer {office['k1'].key}"}
    without = office["k1"].http.post(office.api + path(made, "/check-in"), json={}, headers=bare, timeout=60)
    refused(without, 400, "idempotency_key_missing")
    office["k1"].post(f"/sites/open/tickets/{first['id']}/cancel")


# -- times that the office closes ------------------------------------------------------------------------------------------------


def test_a_closed_time_takes_no_bookings_and_tells_those_who_have_one(office: Outside) -> None:
    made = book(office, at("18:00"))
    body = {"start": at("18:00"), "end": at("19:00"), "reason": "Tập huấn"}
    closure = office["binh"].post(f"/sites/open/days/{MONDAY}/closures", body, expect=201)
    assert closure["affected"] == 1 and office["hoa"].get(f"/sites/open/days/{MONDAY}/closures") == [closure]
    assert slot(office, at("18:00")) == {"start": at("18:00"), "end": at("18:10"), "capacity": 0, "left": 0}
    details = refused(office["nobody"].send("POST", "/sites/open/appointments", {"service": "A", "start": at("18:30")}), 409, "slot_full")
    assert at("19:00") in details["free"]
    assert office["nobody"].get(path(made))["closed"] == "Tập huấn"
    assert office["nobody"].send("PATCH", path(made), {"start": at("19:00")}).json()["closed"] is None
    assert office["binh"].send("DELETE", f"/sites/open/days/{MONDAY}/closures/{closure['closure']}").json() == []
    assert slot(office, at("18:00"))["left"] == 2
    refused(office["binh"].send("DELETE", f"/sites/open/days/{MONDAY}/closures/{closure['closure']}"), 404, "not_found")
    refused(office["binh"].send("POST", "/sites/open/days/2027-11-23/closures", body), 404, "not_found")


# -- fairness --------------------------------------------------------------------------------------------------------------------


def test_one_telephone_number_has_one_booking_for_a_service_and_a_day(careful: Outside) -> None:
    made = book(careful, at("08:00"), **PHONE)
    body = {"service": "A", "start": at("09:00"), "phone": "+84912345678", "consent": True}
    details = refused(careful["nobody"].send("POST", "/sites/open/appointments", body), 409, "already_booked")
    assert details == {"service": "A", "name": "Hộ\u00a0tịch", "day": MONDAY}, "never the code of the other booking"
    other = book(careful, at("09:00", "2026-11-24"), phone="84912345678", consent=True)
    refused(careful["nobody"].send("PATCH", path(other), {"start": at("10:00")}), 409, "already_booked")
    careful["nobody"].send("DELETE", path(made))
    assert careful["nobody"].send("PATCH", path(other), {"start": at("10:00")}).json()["day"] == MONDAY


def test_a_telephone_number_is_one_person_also_without_the_consent(careful: Outside) -> None:
    for clock in ("09:00", "10:00"):
        made = book(careful, at("08:00"), **PHONE)
        careful["nobody"].send("PATCH", path(made), {"consent": False})
        assert careful["nobody"].send("PATCH", path(made), {"start": at(clock, "2026-11-24")}).status_code == 200
    # Both count among the two that an address may book without a number.
    body = {"service": "A", "start": at("12:00")}
    refused(careful["nobody"].send("POST", "/sites/open/appointments", body), 429, "too_many_requests")


def test_one_booking_does_not_wander_through_all_slots(careful: Outside) -> None:
    made = book(careful, at("08:00"), **PHONE)
    for minute in ("10", "20", "30", "40"):
        assert careful["nobody"].send("PATCH", path(made), {"start": at(f"08:{minute}")}).status_code == 200
    refused(careful["nobody"].send("PATCH", path(made), {"start": at("08:50")}), 429, "too_many_requests")
    assert careful["nobody"].get(path(made))["start"] == at("08:40")


def test_an_address_books_so_many_and_without_a_number_fewer(careful: Outside) -> None:
    for minute in ("00", "10"):
        book(careful, at(f"08:{minute}"))
    body = {"service": "A", "start": at("08:20")}
    refused(careful["nobody"].send("POST", "/sites/open/appointments", body), 429, "too_many_requests")
    for number in range(3):
        book(careful, at(f"08:{number + 2}0"), phone=f"091234567{number}", consent=True)
    refused(
        careful["nobody"].send("POST", "/sites/open/appointments", body | {"phone": "0987654321", "consent": True}),
        429,
        "too_many_requests",
    )
    for minute in ("00", "10", "20"):
        book(careful, at(f"11:{minute}"), who="hoa")


def test_staff_and_kiosks_of_another_office_are_anybody_here(careful: Outside) -> None:
    careful.hire({"la": "supervisor"}, site="khac")
    with careful.database() as store:
        careful.callers["k1 khac"] = Client(careful.api, add_device(store, "khac", "k1", "kiosk", None)["key"])
    for minute, who in (("00", "la"), ("10", "k1 khac")):
        book(careful, at(f"08:{minute}"), who=who)
    for who in ("la", "k1 khac", "nobody"):
        body = {"service": "A", "start": at("08:20")}
        refused(careful[who].send("POST", "/sites/open/appointments", body), 429, "too_many_requests")
    story = careful["thanh"].get(f"/sites/open/days/{MONDAY}/events")["events"]
    assert {e["actor"] for e in story if e["kind"] == "AppointmentBooked"} == {"holder"}
    for who in ("la", "k1 khac", "nobody"):
        refused(careful[who].send("GET", "/sites/open/appointments/482137504582713063"), 404, "not_found")
    for who in ("la", "k1 khac", "nobody"):
        refused(careful[who].send("GET", "/sites/open/appointments/482137504582713063"), 429, "too_many_requests")


def test_who_guesses_codes_is_slowed_down_and_nobody_else(careful: Outside) -> None:
    made = book(careful, at("08:00"))
    for _ in range(3):
        refused(careful["nobody"].send("GET", "/sites/open/appointments/482137504582713063"), 404, "not_found")
    for code in ("482137504582713063", made["code"]):
        refused(careful["nobody"].send("GET", f"/sites/open/appointments/{code}"), 429, "too_many_requests")
    for who in ("k1", "hoa"):
        refused(careful[who].send("POST", "/sites/open/appointments/4821375/check-in", {}), 404, "not_found")
    refused(careful["k1"].send("POST", path(made, "/check-in"), {}), 429, "too_many_requests")
    assert careful["lan"].get(path(made))["code"] == made["code"], "whoever has not been wrong is answered"


@pytest.mark.parametrize("proxies", [0, 1, 2])
def test_limits_count_whom_the_offices_own_proxies_name_and_nobody_who_names_himself(tmp_path: Path, proxies: int) -> None:
    document = tmp_path / "open.toml"
    document.write_text(limited(Path(OPEN).read_text(encoding="utf-8")), encoding="utf-8")
    with outside(tmp_path, "--trusted-proxies", str(proxies), document=str(document)) as office:
        # What proxies add stands at the end; before it stands whatever the citizen's own program has invented.
        added = ["198.51.100.7", "10.0.0.2"][:proxies]

        def ask(invented: str, *heard: str) -> requests.Response:
            return office["nobody"].send(
                "GET", "/sites/open/appointments/482137504582713063", **{"X-Forwarded-For": ", ".join([invented, *heard])}
            )

        for number in range(3):
            refused(ask(f"203.0.113.{number}", *added), 404, "not_found")
        refused(ask("203.0.113.99", *added), 429, "too_many_requests")
        if proxies:
            refused(ask("203.0.113.99", "198.51.100.8", *added[1:]), 404, "not_found")
        # What is worth as much as an address goes by the same one.
        booked = [
            office["nobody"].send(
                "POST",
                "/sites/open/appointments",
                {"service": "A", "start": at("08:00")},
                once="1",
                **{"X-Forwarded-For": ", ".join([heard, *added[1:]])},
            )
            for heard in ("198.51.100.7", "198.51.100.8")
        ]
        assert len({answer.json()["code"] for answer in booked}) == (2 if proxies else 1)


def test_behind_a_proxy_that_speaks_https_cookies_travel_over_it_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOISO_TRUSTED_PROXIES", "1")
    with outside(tmp_path) as office:
        for scheme in ("http", "https"):
            answer = requests.post(
                f"{office.api}/sessions",
                json={"user": "lan", "password": PASSWORD},
                headers={"X-Forwarded-Proto": scheme, "X-Forwarded-For": "198.51.100.7"},
                timeout=60,
            )
            assert ("Secure" in answer.headers["Set-Cookie"]) == (scheme == "https")
            # Whoever comes through the proxy is a stranger, though the proxy itself stands on this machine.
            health = requests.get(f"{office.url}/healthz", headers={"X-Forwarded-For": "8.8.8.8"}, timeout=60)
            assert health.status_code == 403


def test_a_booking_of_another_office_is_told_its_office(careful: Outside) -> None:
    there = careful["nobody"].post("/sites/khac/appointments", {"service": "A", "start": at("08:00")}, expect=201)
    details = refused(careful["k1"].send("POST", path(there, "/check-in"), {}), 409, "wrong_site")
    assert details == {"name": "UBND phường Mẫu Khác"}
    refused(careful["nobody"].send("GET", path(there)), 404, "not_found")
