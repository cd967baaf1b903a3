"""The HTTP side of the contract, line by line, against a running server."""

from __future__ import annotations

import csv
import io
import json
import re
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from listening import Ears
from outside import INSTANT, WHO, Outside, outside, refused
from running import OPEN

TICKET = {
    *("id", "code", "service", "state", "issued_at", "queue_time", "reason", "counter", "counters", "people_ahead", "wait", "priority"),
    *("appointment", "rejoins_left", "url"),
}
BOARD = {"site", "hall", "day", "revision", "at", "open", "hours", "calls", "waiting", "notice"}
CALL = {"seq", "code", "counter", "state", "call_no", "at", "new_until"}
WAITING = {"service", "count", "next", "wait"}


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    folder = tmp_path_factory.mktemp("office")
    own = folder / "open.toml"
    # Ten seconds between two requests are nothing for a hand, and not much for a busy machine.
    own.write_text(Path(OPEN).read_text(encoding="utf-8") + "\n[timing]\nundo_within_seconds = 60\n", encoding="utf-8")
    with outside(folder, document=str(own)) as office:
        yield office


@pytest.fixture(autouse=True)
def empty(office: Outside) -> Iterator[None]:
    yield
    office.clear()


def instants(value: Any) -> list[str]:
    """Every text of a document that begins like a date with a time."""
    if isinstance(value, dict):
        return [found for each in value.values() for found in instants(each)]
    if isinstance(value, list):
        return [found for each in value for found in instants(each)]
    return [value] if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d[T ]", value) else []


# -- taking a number -------------------------------------------------------------------------------------------------------------


def test_a_ticket_is_what_the_contract_says(office: Outside) -> None:
    first, second = office.take("B"), office.take("B", who="hoa", lang="en")
    for ticket in (first, second):
        assert set(ticket) >= TICKET
        assert re.fullmatch(r"[0-9a-f]{24,}", ticket["id"]), "96 bits nobody guesses"
        assert (ticket["service"], ticket["state"], ticket["counter"]) == ("B", "waiting", None)
        assert ticket["counters"] == ["1", "2", "3", "4"] and ticket["rejoins_left"] == 2
        assert (ticket["priority"], ticket["appointment"], ticket["wait"], ticket["url"]) == (False, False, None, None)
        assert ticket["issued_at"] == ticket["queue_time"] and INSTANT.fullmatch(ticket["issued_at"])
        assert office["nobody"].get(f"/sites/open/tickets/{ticket['id']}") == ticket
    assert first["reason"] == {"term": "walk_in", "words": "lúc lấy số"}
    assert second["reason"] == {"term": "walk_in", "words": "when the number was taken"}
    assert [first["people_ahead"], second["people_ahead"]] == [0, 1]
    assert re.fullmatch(r"B\d{3}", first["code"]) and int(second["code"][1:]) == int(first["code"][1:]) + 1


@pytest.mark.parametrize("group", ("older", "disabled", "pregnant"))
def test_priority_counts_half_an_hour_earlier_and_never_says_why(office: Outside, group: str) -> None:
    walk_in, priority = office.take("A"), office.take("A", priority=group)
    assert priority["priority"] is True and priority["reason"]["term"] == "priority"
    assert priority["queue_time"] < walk_in["queue_time"] and priority["people_ahead"] == 0
    assert group not in json.dumps(priority)
    board = office.board()
    assert board["waiting"][0]["next"] == [priority["code"], walk_in["code"]]


def test_the_holder_reads_the_ticket_in_the_language_of_the_browser(office: Outside) -> None:
    ticket = office.take("A", lang="en")
    for lang, words in (("vi", "lúc lấy số"), ("en", "when the number was taken")):
        answer = office["nobody"].send("GET", f"/sites/open/tickets/{ticket['id']}", **{"Accept-Language": lang})
        assert answer.json()["reason"]["words"] == words and answer.headers["Cache-Control"] == "no-store"


# -- a counter's day -------------------------------------------------------------------------------------------------------------


def test_a_counter_is_leased_paused_resumed_and_given_back(office: Outside) -> None:
    path, lan = "/sites/open/counters/2", office["lan"]
    opened = lan.post(f"{path}/open")
    assert {"id", "name", "hall", "services", "state", "clerk"} <= set(opened)
    assert (opened["state"], opened["clerk"], opened["services"]) == ("open", "lan", ["A", "B"])
    refused(office["minh"].send("POST", f"{path}/open", {}), 409, "counter_taken")
    paused = lan.post(f"{path}/pause", {"reason": "uống nước"})
    assert (paused["state"], paused["reason"]) == ("paused", "uống nước")
    refused(lan.send("POST", f"{path}/next", {}), 409, "counter_closed")
    assert lan.post(f"{path}/resume")["state"] == "open"
    assert lan.post(f"{path}/close")["state"] == "closed"
    refused(lan.send("POST", f"{path}/resume", {}), 409, "counter_closed")
    assert [c["state"] for c in office["nobody"].get("/sites/open")["counters"]] == ["closed"] * 4
    assert "clerk" not in office["nobody"].get("/sites/open")["counters"][0], "who sits there is for staff"


def test_calling_the_next_one_says_why(office: Outside) -> None:
    first, second = office.take("A"), office.take("B")
    office.open("1")
    called = office.call("1")
    assert set(called) >= TICKET | {"why"} and "finished" not in called
    assert (called["id"], called["state"], called["counter"], called["call_no"]) == (first["id"], "called", "1", 1)
    assert called["why"]["code"] == first["code"] and called["why"]["in_order"] is True
    assert called["why"]["runner_up"]["code"] == second["code"]
    refused(office["lan"].send("POST", "/sites/open/counters/1/next", {}), 409, "counter_busy")


def test_the_one_big_button_ends_and_calls_in_one_step(office: Outside) -> None:
    first, second = office.take("A"), office.take("A")
    office.open("1")
    office.call("1")
    step = office.call("1", finish=True)
    assert (step["id"], step["finished"]["id"], step["finished"]["state"]) == (second["id"], first["id"], "done")
    office.act(second["id"], "start")
    last = office.call("1", finish=True, outcome="no_show")
    assert set(last) == {"finished", "ticket"} and last["ticket"] is None
    assert (last["finished"]["id"], last["finished"]["state"]) == (second["id"], "no_show")
    refused(office["lan"].send("POST", "/sites/open/counters/1/next", {"finish": True}), 409, "nobody_waiting")


def test_the_first_on_the_board_is_whom_the_clerk_calls(office: Outside) -> None:
    for priority in (None, "older", None, "pregnant"):
        office.take("A", **({"priority": priority} if priority else {}))
    office.open("1")
    for _ in range(4):
        expected = office.board()["waiting"][0]["next"][0]
        console = office["lan"].get("/sites/open/counters/1/console")
        assert console["next"]["code"] == console["waiting"][0]["code"] == expected
        assert office.call("1", finish=True)["code"] == expected


# -- the life of a ticket --------------------------------------------------------------------------------------------------------


def test_the_life_of_a_ticket_by_its_verbs(office: Outside) -> None:
    office.open("1")
    id = office.take("A")["id"]
    office.call("1")
    assert office.act(id, "recall")["call_no"] == 2
    assert office.act(id, "start")["state"] == "serving"
    assert office.act(id, "hold", body={"reason": "thiếu giấy"})["state"] == "held"
    assert office.act(id, "release")["state"] == "waiting"
    office.call("1")
    sent = office.act(id, "transfer", body={"service": "B"})
    assert (sent["state"], sent["service"], sent["counter"]) == ("waiting", "B", None)
    sent = office.act(id, "transfer", body={"counter": "3"})
    assert (sent["state"], sent["counters"]) == ("waiting", ["3"])
    assert next(w for w in office.board()["waiting"] if w["service"] == "B")["next"] == [], (
        "whom one counter has, the board does not promise"
    )
    office.open("3", "minh")
    office.call("3", "minh")
    assert office.act(id, "no-show", who="minh")["state"] == "no_show"
    back = office.act(id, "rejoin", who="k1")
    assert (back["state"], back["rejoins_left"], back["reason"]["term"]) == ("waiting", 1, "rejoined")
    office.call("3", "minh")
    assert office.act(id, "finish", who="minh")["state"] == "done"
    assert office.act(id, "undo", who="minh")["state"] == "called"
    assert office.act(id, "undo", who="minh", expect=409)["error"]["code"] in ("not_allowed_now", "undo_too_late")
    assert office.act(id, "finish", who="minh")["state"] == "done"


def test_a_call_is_undone_and_the_queue_time_stays(office: Outside) -> None:
    ticket = office.take("A")
    office.open("1")
    office.call("1")
    undone = office.act(ticket["id"], "undo")
    assert (undone["state"], undone["queue_time"]) == ("waiting", ticket["queue_time"])
    assert ticket["code"] not in {c["code"] for c in office.board()["calls"]}


def test_out_of_order_needs_a_reason_and_keeps_it(office: Outside) -> None:
    first, second = office.take("A"), office.take("A")
    office.open("1")
    for body in ({"counter": "1"}, {"counter": "1", "reason": ""}, {"counter": "1", "reason": " \u200b "}):
        refused(office["lan"].send("POST", f"/sites/open/tickets/{second['id']}/call", body), 422, "invalid_body")
    called = office.act(second["id"], "call", body={"counter": "1", "reason": "người đi cấp cứu"})
    assert called["state"] == "called" and called["why"]["in_order"] is False
    mine = office["nobody"].get(f"/sites/open/tickets/{second['id']}/why")
    assert mine["reason"] == "người đi cấp cứu" and "người đi cấp cứu" in mine["words"]
    other = office["nobody"].get(f"/sites/open/tickets/{first['id']}/why?code={second['code']}")
    assert "cấp cứu" not in json.dumps(other, ensure_ascii=False), "the reason is nobody else's business"
    assert second["code"] in other["words"]
    events = [e for e in office.story() if e["kind"] == "TicketCalled"]
    assert events[-1]["event"]["reason"] == "người đi cấp cứu" and events[-1]["event"]["in_order"] is False


def test_a_ticket_is_called_where_it_is_served(office: Outside) -> None:
    ticket = office.take("A")
    office.open("1")
    office.open("2", "minh")
    office.act(ticket["id"], "transfer", body={"counter": "2"})
    path = f"/sites/open/tickets/{ticket['id']}/call"
    refused(office["lan"].send("POST", path, {"counter": "1", "reason": "x"}), 409, "not_served_here")
    refused(office["lan"].send("POST", path, {"counter": "99", "reason": "x"}), 422, "unknown_counter")
    refused(office["lan"].send("POST", f"/sites/open/tickets/{ticket['id']}/transfer", {"counter": "99"}), 422, "unknown_counter")
    refused(office["lan"].send("POST", f"/sites/open/tickets/{ticket['id']}/transfer", {"service": "Z"}), 422, "unknown_service")


NOT_NOW = [
    ("waiting", ("recall", "start", "finish", "no-show", "hold", "release", "rejoin", "undo")),
    ("called", ("release", "rejoin")),
    ("serving", ("recall", "start", "release", "rejoin", "cancel", "undo")),
    ("held", ("recall", "start", "finish", "no-show", "hold", "rejoin", "undo", "transfer")),
    ("cancelled", ("recall", "start", "finish", "no-show", "hold", "release", "rejoin", "cancel", "undo", "transfer", "call")),
]


@pytest.mark.parametrize(("state", "verbs"), NOT_NOW)
def test_a_verb_that_does_not_fit_names_state_and_verb(office: Outside, state: str, verbs: tuple[str, ...]) -> None:
    id = office.take("A")["id"]
    office.open("1")
    steps = {"called": (), "serving": ("start",), "held": ("hold",)}
    if state in steps:
        office.call("1")
        for step in steps[state]:
            office.act(id, step)
    if state == "cancelled":
        office.act(id, "cancel")
    for verb in verbs:
        body = {"transfer": {"service": "A"}, "call": {"counter": "1", "reason": "x"}}.get(verb, {})
        answer = office["lan"].send("POST", f"/sites/open/tickets/{id}/{verb}", body)
        details = refused(answer, 409, "not_allowed_now")
        assert (details["state"], details["verb"]) == (state, verb)
        assert details["ticket"] in answer.json()["error"]["message"]
    assert office["nobody"].get(f"/sites/open/tickets/{id}")["state"] == state


def test_whoever_holds_the_ticket_may_give_it_back_and_nothing_else(office: Outside) -> None:
    ticket = office.take("A")
    refused(office["nobody"].send("POST", f"/sites/open/tickets/{ticket['id']}/transfer", {"service": "B"}), 401, "unauthenticated")
    assert office.act(ticket["id"], "cancel", who="nobody")["state"] == "cancelled"
    assert office.story()[-1]["actor"] == "holder"


def test_missing_twice_and_once_more_needs_a_new_number(office: Outside) -> None:
    ticket = office.take("A")
    office.open("1")
    for left in (1, 0):
        office.call("1")
        office.act(ticket["id"], "no-show")
        assert office.act(ticket["id"], "rejoin", who="hoa")["rejoins_left"] == left
    office.call("1")
    office.act(ticket["id"], "no-show")
    refused(office["k1"].send("POST", f"/sites/open/tickets/{ticket['id']}/rejoin", {}), 409, "rejoin_limit")


# -- why -------------------------------------------------------------------------------------------------------------------------


def test_why_says_it_in_words_and_fields(office: Outside) -> None:
    ticket = office.take("A", priority="older")
    why = office["nobody"].get(f"/sites/open/tickets/{ticket['id']}/why")
    assert {"code", "words", "term", "queue_time", "joined_at", "issued_at", "in_order", "runner_up"} <= set(why)
    assert why["term"] == "priority" and why["words"].startswith("Lấy số ") and why["in_order"] is None
    english = office["lan"].send("GET", f"/sites/open/tickets/{ticket['id']}/why", **{"Accept-Language": "en"}).json()
    assert english["words"].startswith("Taken at ")


def test_why_that_one_goes_before_mine_compares_two_printed_times(office: Outside) -> None:
    mine, other = office.take("A"), office.take("A", priority="disabled")
    path = f"/sites/open/tickets/{mine['id']}/why"
    why = office["nobody"].get(f"{path}?code={other['code']}")
    assert why["other"] == {"code": other["code"], "term": "priority", "queue_time": other["queue_time"], "goes_first": True}
    times = [t["queue_time"][11:19] for t in (other, mine)]
    assert why["words"] == f"{other['code']} trước {mine['code']} vì {times[0]} sớm hơn {times[1]}."
    assert "disabled" not in json.dumps(why) and "khuyết" not in json.dumps(why, ensure_ascii=False)
    assert office["nobody"].get(f"{path}?code=%20{other['code'].lower()}%20")["other"]["code"] == other["code"]
    assert office["nobody"].get(f"{path}?code={mine['code']}") == office["nobody"].get(path), "one's own number is compared with nobody's"
    for code in ("Z999", "", "%00", "A" * 3000):
        refused(office["nobody"].send("GET", f"{path}?code={code}"), 404, "not_found")


def test_why_after_a_missed_call_speaks_of_where_the_ticket_waits_now(office: Outside) -> None:
    mine, other = office.take("A"), office.take("A")
    office.open()
    assert office.call()["id"] == mine["id"]
    office.act(mine["id"], "no-show")
    back = office.act(mine["id"], "rejoin", who="k1")
    why = office["nobody"].get(f"/sites/open/tickets/{mine['id']}/why?code={other['code']}")
    assert (why["term"], why["queue_time"], why["in_order"], why["runner_up"]) == ("rejoined", back["queue_time"], None, None)
    assert why["other"]["goes_first"] is (other["queue_time"] <= back["queue_time"])
    first, second = (other, back) if why["other"]["goes_first"] else (back, other)
    assert why["words"].startswith(f"{first['code']} trước {second['code']} vì")


# -- idempotency -----------------------------------------------------------------------------------------------------------------


def test_the_same_key_and_request_is_the_same_ticket(office: Outside) -> None:
    once = uuid.uuid4().hex
    first = office["k1"].send("POST", "/sites/open/tickets", {"service": "A"}, once=once)
    office._taken.append(first.json()["id"])
    before = office.story()
    for body in ({"service": "A"}, {"service": "A", "lang": None}, {"service": " A "}):
        again = office["k1"].send("POST", "/sites/open/tickets", body, once=once)
        assert (again.status_code, again.text) == (201, first.text)
        assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers and office.story() == before


def test_fifty_taps_at_once_are_one_ticket(office: Outside) -> None:
    once = uuid.uuid4().hex
    with ThreadPoolExecutor(25) as fingers:
        taps = fingers.map(lambda _: office["k1"].send("POST", "/sites/open/tickets", {"service": "A"}, once=once), range(50))
        answers = {(tap.status_code, tap.text) for tap in taps}
    assert len(answers) == 1
    status, text = answers.pop()
    assert status == 201
    office._taken.append(json.loads(text)["id"])


def test_a_double_click_on_the_big_button_is_one_step(office: Outside) -> None:
    tickets = [office.take("A") for _ in range(3)]
    office.open("1")
    once = uuid.uuid4().hex
    first = office["lan"].send("POST", "/sites/open/counters/1/next", {"finish": True}, once=once).json()
    second = office["lan"].send("POST", "/sites/open/counters/1/next", {"finish": True}, once=once).json()
    assert first == second and first["id"] == tickets[0]["id"]


@pytest.mark.parametrize(
    ("who", "path", "body", "same"),
    [
        ("k1", "/sites/open/tickets", {"service": "B"}, False),
        ("k1", "/sites/open/tickets", {"service": "A", "lang": "en"}, False),
        ("k1", "/sites/open/tickets/{id}/rejoin", {}, False),
        ("hoa", "/sites/open/tickets", {"service": "A"}, True),
    ],
    ids=["another body", "one field more", "another path", "another caller"],
)
def test_a_key_belongs_to_one_request_of_one_caller(office: Outside, who: str, path: str, body: Any, same: bool) -> None:
    once = uuid.uuid4().hex
    ticket = office["k1"].send("POST", "/sites/open/tickets", {"service": "A"}, once=once).json()
    office._taken.append(ticket["id"])
    before = office.story()
    answer = office[who].send("POST", path.format(id=ticket["id"]), body, once=once)
    if same:
        assert answer.status_code == 201 and answer.json()["id"] != ticket["id"]
        office._taken.append(answer.json()["id"])
    else:
        refused(answer, 422, "idempotency_key_reused")
        assert office.story() == before


def test_a_refusal_is_not_remembered(office: Outside) -> None:
    office.open("1")
    once = uuid.uuid4().hex
    refused(office["lan"].send("POST", "/sites/open/counters/1/next", {}, once=once), 409, "nobody_waiting")
    ticket = office.take("A")
    called = office["lan"].send("POST", "/sites/open/counters/1/next", {}, once=once)
    assert called.status_code == 200 and called.json()["id"] == ticket["id"]


# -- the board, the site, the console --------------------------------------------------------------------------------------------


def test_a_board_is_what_the_contract_says(office: Outside) -> None:
    office.open("1")
    office.open("2", "minh")
    tickets = [office.take("A") for _ in range(6)]
    office.call("1")
    office.call("2", "minh")
    board = office.board()
    assert set(board) >= BOARD and set(board["hours"]) >= {"state", "reason", "next_open", "last_ticket"}
    assert (board["site"], board["hall"], board["open"], board["hours"]["state"], board["notice"]) == ("open", "main", True, "open", None)
    assert [c["code"] for c in board["calls"]][:2] == [tickets[1]["code"], tickets[0]["code"]], "newest first"
    assert [c["seq"] for c in board["calls"]] == sorted((c["seq"] for c in board["calls"]), reverse=True)
    assert all(set(c) >= CALL for c in board["calls"])
    assert [(c["counter"], c["state"], c["call_no"]) for c in board["calls"]][:2] == [("2", "called", 1), ("1", "called", 1)]
    waiting = {w["service"]: w for w in board["waiting"]}
    assert all(set(w) >= WAITING for w in board["waiting"])
    assert waiting["A"]["count"] == 4 and waiting["A"]["next"] == [t["code"] for t in tickets[2:5]]
    assert instants(board) and all(INSTANT.fullmatch(i) for i in instants(board))
    office.act(tickets[1]["id"], "recall", who="minh")
    again = office.board()
    assert again["revision"] == board["revision"] + 1 and again["calls"][0]["call_no"] == 2


def test_the_office_describes_itself(office: Outside) -> None:
    site = office["nobody"].get("/sites/open")
    assert {"name", "services", "halls", "counters", "hours", "languages", "hotline", "rules", "kiosks", "priority_groups"} <= set(site)
    assert site["languages"] == ["vi", "en"] and [h["id"] for h in site["halls"]] == ["main"]
    assert [s["id"] for s in site["services"]] == ["A", "B"] and all(s["open"] and s["last_ticket"] for s in site["services"])
    assert [c["id"] for c in site["counters"]] == ["1", "2", "3", "4"] and [k["id"] for k in site["kiosks"]] == ["k1"]
    assert [g["id"] for g in site["priority_groups"]] == ["older", "disabled", "pregnant"]
    assert len(site["rules"]["lines"]) == len(site["rules"]["lines_en"]) == 5
    assert all(INSTANT.fullmatch(i) for i in instants(site))


def test_a_console_shows_whom_i_serve_and_who_waits_with_reasons(office: Outside) -> None:
    office.open("1")
    tickets = [office.take("A"), office.take("B", priority="older"), office.take("A")]
    missed, held = office.take("A"), office.take("A")
    office.act(missed["id"], "call", body={"counter": "1", "reason": "x"})
    office.act(missed["id"], "no-show")
    office.act(held["id"], "call", body={"counter": "1", "reason": "x"})
    office.act(held["id"], "hold")
    called = office.call("1")
    assert called["id"] == tickets[1]["id"]
    console = office["binh"].get("/sites/open/counters/1/console")
    assert {"site", "day", "revision", "at", "counter", "services", "current", "next", "waiting_count", "waiting", "missed", "held"} <= set(
        console
    )
    assert (console["counter"]["clerk"], console["counter"]["state"]) == ("lan", "open")
    assert console["current"]["id"] == tickets[1]["id"] and console["current"]["heard"]["speakers"] == 0
    assert [t["id"] for t in console["waiting"]] == [tickets[0]["id"], tickets[2]["id"]]
    assert console["waiting_count"] == 2 and all(set(t) >= TICKET and t["reason"]["words"] for t in console["waiting"])
    assert console["missed"][-1]["id"] == missed["id"] and [t["id"] for t in console["held"]] == [held["id"]]
    assert console["undo"]["verb"] == "call" and console["undo"]["ticket"] == tickets[1]["id"]
    assert all(INSTANT.fullmatch(i) for i in instants(console))


def test_the_notice_line_is_set_for_a_while_and_taken_back(office: Outside) -> None:
    put = lambda body: office["binh"].send("PUT", "/sites/open/halls/main/notice", body)  # noqa: E731
    answer = put({"text": " Máy in số 2 đang sửa. ", "until": "2026-11-20T23:00:00Z"})
    assert answer.status_code == 200
    assert answer.json() == {"hall": "main", "text": "Máy in số 2 đang sửa.", "until": "2026-11-21T06:00:00+07:00"}
    assert office.board()["notice"] == "Máy in số 2 đang sửa."
    assert put({"text": "Hôm qua", "until": "2026-11-19T09:00:00+07:00"}).json()["text"] is None
    assert office.board()["notice"] is None
    assert put({"text": "Chào\u202e\u200b"}).json() == {"hall": "main", "text": "Chào", "until": None}
    assert put({}).json()["text"] is None and office.board()["notice"] is None


# -- days ------------------------------------------------------------------------------------------------------------------------


def test_the_days_report_counts_what_happened_in_json_and_as_a_sheet(office: Outside) -> None:
    office.open("1")
    served, missed = office.take("A"), office.take("A")
    office.call("1")
    office.call("1", finish=True)
    office.call("1", finish=True, outcome="no_show")
    path = f"/sites/open/days/{office.today}/report"
    report = office["thanh"].get(path)
    taken = sum(1 for e in office.story() if e["kind"] == "TicketIssued")
    assert report["issued"] == taken == sum(report["states"].values())
    assert report["served"] >= 1 and report["missed"] >= 1 and report["date"] == office.today
    assert {"waits", "service_times", "services", "counters", "hours", "classes"} <= set(report)
    assert all(INSTANT.fullmatch(i) for i in instants(report)) and INSTANT.fullmatch(report["until"])
    sheet = office["binh"].send("GET", f"{path}?format=csv")
    assert sheet.status_code == 200 and sheet.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert f"moiso-open-{office.today}.csv" in sheet.headers["Content-Disposition"]
    assert sheet.content.startswith(b"\xef\xbb\xbf"), "spreadsheets guess the encoding by it"
    rows = list(csv.reader(io.StringIO(sheet.content.decode("utf-8-sig"))))
    assert len(rows) > 10 and any(str(taken) in row for row in rows)
    for form in ("xlsx", "pdf", "xml", ""):
        refused(office["binh"].send("GET", f"{path}?format={form}"), 422, "invalid_body")
    assert served["code"] < missed["code"]


def test_a_day_on_which_nothing_happened_has_no_report(office: Outside) -> None:
    refused(office["thanh"].send("GET", "/sites/open/days/2020-01-01/report"), 404, "not_found")
    assert office["thanh"].get("/sites/open/days/2020-01-01/events")["events"] == []


def test_the_story_is_told_in_order_and_from_any_number_on(office: Outside) -> None:
    office.take("A")
    day = office["quan"].get(f"/sites/open/days/{office.today}/events")
    assert set(day) >= {"site", "day", "events"} and day["day"] == office.today
    numbers = [e["seq"] for e in day["events"]]
    assert numbers == list(range(1, len(numbers) + 1)) and day["events"][0]["kind"] == "DayOpened"
    assert all(set(e) == {"seq", "at", "actor", "kind", "event"} and INSTANT.fullmatch(e["at"]) for e in day["events"])
    rest = office["quan"].get(f"/sites/open/days/{office.today}/events?after={numbers[-2]}")
    assert rest["events"] == day["events"][-1:]


# -- privacy ---------------------------------------------------------------------------------------------------------------------


def test_no_public_surface_names_a_person_or_a_priority_group(office: Outside) -> None:
    secrets = {"0987654321", "ba.sau@example.com", "disabled", "older", "pregnant", "khuyết tật", "60 tuổi", "Có thai"}
    office.open("1")
    with Ears(office.url) as wall, Ears(office.url) as small, Ears(office.url) as phone, Ears(office.url, office["k1"].key) as kiosk:
        wall.hello("hall", "main")
        small.hello("counter", "1")
        kiosk.hello("device", "k1")
        contact = {"phone": "0987654321", "email": "ba.sau@example.com"}
        tickets = [office.take("A", priority=group, contact=contact) for group in ("disabled", "older", "pregnant")]
        phone.hello("ticket", tickets[0]["id"])
        said: list[Any] = list(tickets)
        office.call("1")
        office.act(tickets[0]["id"], "recall")
        for ticket in tickets:
            path = f"/sites/open/tickets/{ticket['id']}"
            said += [office["nobody"].get(path), office["nobody"].get(f"{path}/why"), kiosk.printed(ticket)]
            said += [office["nobody"].get(f"{path}/why?code={other['code']}") for other in tickets]
            phone_page = requests.get(f"{office.url}/t/{ticket['id']}", timeout=60)
            assert phone_page.status_code == 200 and "no-store" in phone_page.headers["Cache-Control"]
            said += [phone_page.text, requests.get(f"{office.url}/t/{ticket['id']}?why={tickets[0]['code']}", timeout=60).text]
        phone.state("ticket", lambda t: t["call_no"] == 2)
        wall.state("board", lambda b: b["calls"] and b["calls"][0]["call_no"] == 2)
        small.state("board", lambda b: b["calls"] and b["calls"][0]["call_no"] == 2)
        wall.announced(tickets[0], "recall")
        said += [f.payload for ears in (wall, small, phone, kiosk) for f in ears.frames]
        said += [office.board(), requests.get(office.url + "/metrics", timeout=60).text, requests.get(office.url + "/", timeout=60).text]
        site = office["nobody"].get("/sites/open")
        said.append({k: v for k, v in site.items() if k != "priority_groups"})

    def named(text: str, *more: str) -> set[str]:
        return {word for word in (*secrets, *more) if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text)}

    assert not named(json.dumps(said, ensure_ascii=False))
    assert not named(json.dumps(office.story(), ensure_ascii=False)), "not even the story: it says priority, and no more"
    log = office.server.log.read_text()
    assert not named(log, *(t["id"] for t in tickets)), "a ticket's id in a log would be somebody's key"
    assert "lan" not in re.findall(r"\w+", log), "nor does the log say who works when"


def test_contacts_are_kept_apart_with_a_date_on_which_they_are_erased(office: Outside) -> None:
    ticket = office.take("A", contact={"phone": "0987654321"})
    event = next(e["event"] for e in office.story() if e["event"].get("ticket") == ticket["id"])
    with office.database() as store:
        row = store.contact(event["contact"])
    assert row is not None and json.loads(row.body) == {"phone": "0987654321"}
    assert row.purpose == "ticket" and str(row.erase_on) == "2026-11-21"
    plain = office.take("A", contact={})
    assert "contact" not in next(e["event"] for e in office.story() if e["event"].get("ticket") == plain["id"])


# -- what is not built yet -------------------------------------------------------------------------------------------------------

LATER = [
    ("POST", "/api/v1/sites/open/tickets/0000/rating"),
    ("GET", "/nowhere"),
]


@pytest.mark.parametrize(("method", "path"), LATER)
def test_what_comes_later_is_not_found_and_nothing_points_there(office: Outside, method: str, path: str) -> None:
    refused(requests.request(method, office.url + path, json={}, timeout=60), 404, "not_found")
    pages = [requests.get(office.url + page, timeout=60).text for page in ("/", "/console", "/kiosk/open/k1", "/display/open/main")]
    pages.append(json.dumps(requests.get(office.url + "/api/v1/openapi.json", timeout=60).json()["paths"]))
    beginning = re.split(r"open|0000|K7P", path)[0].removeprefix("/api/v1")
    last = path.split("?")[0].rsplit("/", 1)[1]
    pointer = beginning if beginning not in ("/sites/", "/nowhere") else f"/{last}"
    assert not [page[:80] for page in pages if pointer in page and pointer != "/nowhere" and not pointer.startswith("/sites")]


# -- around it -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "kind"), (("/healthz", "text/plain"), ("/readyz", "text/plain"), ("/metrics", "text/plain; version=0.0.4"))
)
def test_health_readiness_and_figures_are_for_neighbours(office: Outside, path: str, kind: str) -> None:
    answer = requests.get(office.url + path, timeout=60)
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith(kind)


def test_the_figures_count_commands_and_never_people(office: Outside) -> None:
    office.take("B")
    requests.request("BREW", office.url + "/api/v1/sites/open", timeout=60)
    figures = requests.get(office.url + "/metrics", timeout=60).text
    assert 'moiso_waiting{service="B",site="open"} 1.0' in figures
    assert re.search(r'moiso_http_seconds_count\{method="POST",rule="/api/v1/sites/<site>/tickets",status="201"\} [1-9]', figures)
    assert "BREW" not in figures and 'method="other"' in figures


PAGES = ["/", "/console", "/kiosk/open/k1", "/display/open/main", "/display/open/main?layout=landscape&sound=1", "/display/open/main/plain"]


@pytest.mark.parametrize("page", [*PAGES, "/display/open/counter/1", "/book/open", "/procedures/open", "/api/docs"])
def test_every_page_answers_anyone(office: Outside, page: str) -> None:
    answer = requests.get(office.url + page, timeout=60)
    assert answer.status_code == 200 and answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"] and answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "unsafe-eval" not in answer.headers["Content-Security-Policy"] and answer.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("page", ("/kiosk/open/k9", "/kiosk/nowhere/k1", "/display/open/cellar", "/display/open/counter/9"))
def test_a_page_of_nothing_is_not_found(office: Outside, page: str) -> None:
    refused(requests.get(office.url + page, timeout=60), 404, "not_found")


@pytest.mark.parametrize("code", ("<script>alert(1)</script>", '"onload="x', "\x00", "A" * 3000))
def test_what_is_typed_on_the_phone_page_comes_back_as_text(office: Outside, code: str) -> None:
    ticket = office.take("A")
    answer = requests.get(f"{office.url}/t/{ticket['id']}", params={"why": code}, timeout=60)
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/html")
    assert "<script>alert" not in answer.text and '"onload="' not in answer.text


@pytest.mark.parametrize("lang", ("vi", "en"))
def test_every_refusal_speaks_the_callers_language(office: Outside, lang: str) -> None:
    english = re.compile(r"\b(the|is|not|no|has|this|there|request|found)\b", re.I)
    asked = [
        ("GET", "/nowhere", None, "nobody"),
        ("POST", "/sites/open/tickets", {"service": "Z"}, "k1"),
        ("PATCH", "/sites/open", {}, "nobody"),
    ]
    asked += [("POST", "/sites/open/tickets", {"service": "A"}, who) for who in WHO if who not in ("k1", "hoa", "binh")]
    asked += [("POST", "/sites/open/counters/1/next", {}, "lan"), ("POST", "/sites/open/tickets", {}, "k1")]
    for method, path, body, who in asked:
        answer = office[who].send(method, path, body, **{"Accept-Language": lang})
        message = answer.json()["error"]["message"]
        assert bool(english.search(message)) == (lang == "en"), message


def test_a_restart_changes_nothing_that_anybody_sees(office: Outside) -> None:
    office.open("1")
    tickets = [office.take("A"), office.take("B", priority="older"), office.take("A", lang="en")]
    office.call("1")
    office["binh"].send("PUT", "/sites/open/halls/main/notice", {"text": "Máy 2 hỏng"})
    office["binh"].send("PUT", "/sites/open/halls/main/notice", {})

    def without_waits(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Likely waits shrink by the second, and are heard anew from the story a moment after the start."""
        return [row | {"wait": None} for row in rows]

    def seen() -> list[Any]:
        site, board = office["nobody"].get("/sites/open"), office.board()
        board["waiting"] = without_waits(board["waiting"])
        phones = [office["nobody"].get(f"/sites/open/tickets/{t['id']}") for t in tickets]
        return [
            site | {"at": ""},
            board | {"at": ""},
            without_waits(phones),
            office.story(),
            office["thanh"].get(f"/sites/open/days/{office.today}/report"),
        ]

    before, at = seen(), office.board()["at"]
    office.server.kill()
    office.server.options = ("--hall-clock", at, *office.server.options[2:])
    office.server.start()
    assert seen() == before
