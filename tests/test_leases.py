"""A kiosk on its own, as the server's interface has it: what it is lent, and what it brings in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from outside import Outside, outside, refused

KIOSK = "/sites/open/kiosks/k1"


@pytest.fixture
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with outside(tmp_path_factory.mktemp("office")) as office:
        yield office


def lent(office: Outside, holder: str = "store0001") -> dict[str, Any]:
    lease: dict[str, Any] = office["k1"].post(f"{KIOSK}/lease", {"holder": holder})
    return lease


def ago(office: Outside, seconds: float) -> str:
    return (datetime.fromisoformat(office.board()["at"]) - timedelta(seconds=seconds)).isoformat()


def given(office: Outside, code: str, **changes: Any) -> dict[str, Any]:
    return {"service": code[0], "code": code, "taken_at": ago(office, 0), "key": f"touch-{code}", "version": 1, **changes}


def test_a_kiosk_is_lent_numbers_and_all_it_has_to_know_and_asking_again_changes_nothing(office: Outside) -> None:
    lease = lent(office)
    before = office.story()
    again = lent(office)
    assert [(b["service"], b["first"], b["last"], len(b["free"])) for b in lease["blocks"]] == [("A", 980, 999, 20), ("B", 980, 999, 20)]
    assert [{**block, "receipts": None} for block in again["blocks"]] == [{**block, "receipts": None} for block in lease["blocks"]]
    assert office.story() == before
    assert {"day", "at", "factor", "version", "site"} < set(lease)
    paper = lease["blocks"][0]["receipts"]["vi"]
    assert (paper["code"], paper["mark"], paper["qr"], paper["ahead"]) == ("A980", "SỐ TẠM", None, "")
    assert paper["reason"] == "lấy số lúc máy mất kết nối"


def test_a_number_that_was_given_alone_joins_the_queue_without_being_printed_again(office: Outside) -> None:
    lent(office)
    body = given(office, "A980")
    ticket = office["k1"].post(f"{KIOSK}/tickets", body, once="p1", expect=201)
    assert (ticket["code"], ticket["state"], ticket["issued_at"][:19]) == ("A980", "waiting", body["taken_at"][:19])
    assert ticket["reason"]["words"] == "lấy số lúc máy mất kết nối"
    assert office["k1"].post(f"{KIOSK}/tickets", body, once="p1", expect=201) == ticket
    assert office["k1"].post(f"{KIOSK}/tickets", body, once="another", expect=201)["id"] == ticket["id"]
    assert office["k1"].get(f"{KIOSK}?ticket={ticket['id']}")["print"]["outcome"] == "none"
    office.open()
    why = office.call()["why"]
    assert (why["words"], why["joined_at"][:19]) == ("Lấy số lúc máy mất kết nối.", body["taken_at"][:19])


def test_one_touch_gets_one_number_whichever_of_the_two_arrives_first(office: Outside) -> None:
    lent(office)
    merged = office["k1"].post(f"{KIOSK}/tickets", given(office, "A980", key="touch"), once="p1", expect=201)
    late = office["k1"].post("/sites/open/tickets", {"service": "A"}, once="touch", expect=201)
    assert (late["id"], late["code"]) == (merged["id"], "A980")
    lost = office["k1"].post("/sites/open/tickets", {"service": "B"}, once="other", expect=201)
    kept = office["k1"].post(f"{KIOSK}/tickets", given(office, "B980", key="other"), once="p2", expect=201)
    assert (kept["code"], kept["queue_time"]) == ("B980", lost["queue_time"])
    assert office["nobody"].get(f"/sites/open/tickets/{lost['id']}")["state"] == "cancelled"
    assert {row["service"]: row["next"] for row in office.board()["waiting"]} == {"A": ["A980"], "B": ["B980"]}


def test_a_helper_may_take_numbers_as_often_as_she_presses_with_keys_of_their_own(office: Outside) -> None:
    assert office.take(who="hoa")["code"] == "A001"
    assert office.take(who="hoa")["code"] == "A002"


def test_what_no_lease_holds_and_what_comes_days_later_is_refused(office: Outside) -> None:
    lent(office)
    refused(office["k1"].send("POST", f"{KIOSK}/tickets", given(office, "A500")), 409, "not_leased")
    old = given(office, "A980", taken_at=ago(office, 3 * 86400))
    assert refused(office["k1"].send("POST", f"{KIOSK}/tickets", old), 409, "day_over")["day"] == "2026-11-17"
    refused(office["k1"].send("POST", "/sites/open/kiosks/k9/lease", {"holder": "store0001"}), 404, "not_found")
    office["k1"].post(f"{KIOSK}/tickets", given(office, "A980"), expect=201)
    refused(office["k1"].send("POST", f"{KIOSK}/tickets", given(office, "A980", key="somebody-else")), 409, "number_given")
    tomorrow = given(office, "A981", taken_at=ago(office, -86400))
    assert office["k1"].post(f"{KIOSK}/tickets", tomorrow, expect=201)["day"] == "2026-11-20", "a clock that runs ahead is not believed"
