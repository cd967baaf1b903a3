"""The description of the API is true: proper OpenAPI 3.1, and whatever is sent, the server answers as it says."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import requests
from outside import Outside, outside, refused
from running import ROOT, START_S
from schemathesis.specs.openapi.definitions import OPENAPI_31

FUZZ_S = 14
"""For each caller, all at once; two processors are busy with it."""
NOT_ASKED = ("delete_session", "post_session_password")
"""Signing out in the middle would make everything after it a refusal."""
CHECKED = "all"
NOT_CHECKED = "positive_data_acceptance"
"""A description cannot say that a key is used twice, or that a text has control characters: these are refused, and are described."""


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with outside(tmp_path_factory.mktemp("office")) as office:
        yield office


@pytest.fixture(scope="module")
def described(office: Outside) -> dict[str, Any]:
    answer = requests.get(f"{office.api}/openapi.json", timeout=60)
    assert answer.headers["Content-Type"] == "application/json"
    document: dict[str, Any] = answer.json()
    return document


def operations(described: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def test_the_description_is_openapi_3_1(described: dict[str, Any]) -> None:
    assert described["openapi"].startswith("3.1")
    jsonschema_rs.Draft202012Validator(OPENAPI_31).validate(described)
    for schema in described["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)


def test_every_reference_leads_somewhere(described: dict[str, Any]) -> None:
    found = set(re.findall(r"'#/components/schemas/(\w+)'", str(described)))
    assert found and found <= set(described["components"]["schemas"])


def test_what_the_contract_names_is_described(described: dict[str, Any]) -> None:
    names = {(method, path.removeprefix("/api/v1/sites/{site}")) for method, path, _ in operations(described)}
    contract = [("POST", "/tickets"), ("GET", "/tickets/{ticket}"), ("GET", "/tickets/{ticket}/why"), ("GET", "/halls/{hall}/board")]
    contract += [("PUT", "/halls/{hall}/notice"), ("GET", "/counters/{counter}/console"), ("POST", "/counters/{counter}/next")]
    contract += [("POST", f"/counters/{{counter}}/{verb}") for verb in ("open", "close", "pause", "resume")]
    verbs = ("call", "recall", "start", "finish", "no-show", "rejoin", "hold", "release", "transfer", "cancel", "undo")
    contract += [("POST", f"/tickets/{{ticket}}/{verb}") for verb in verbs]
    contract += [("GET", "/days/{date}/report"), ("GET", "/days/{date}/events"), ("GET", ""), ("POST", "/api/v1/sessions")]
    assert not set(contract) - names


def test_every_operation_says_who_what_and_which_refusals(described: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(described)]
    assert len(set(ids)) == len(ids)
    for method, path, operation in operations(described):
        assert operation["summary"], path
        named = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
        assert named == set(re.findall(r"\{(\w+)\}", path)), path
        errors = {status: answer for status, answer in operation["responses"].items() if int(status) >= 400}
        assert all(a["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/ErrorOut"} for a in errors.values()), path
        if named:
            assert "404" in errors, path
        if "security" in operation and {} not in operation["security"]:
            assert {"401", "403"} <= set(errors) and operation["description"].startswith("For: "), path
        if any(p["name"] == "Idempotency-Key" for p in operation["parameters"]):
            assert method == "POST" and {"400", "422"} <= set(errors), path


STARRED = [
    *("/tickets", "/counters/{counter}/next", "/appointments", "/appointments/{code}/check-in"),
    *(f"/counters/{{counter}}/{move}" for move in ("open", "close", "pause", "resume")),
    *(f"/tickets/{{ticket}}/{verb}" for verb in ("call", "recall", "start", "finish", "no-show", "rejoin", "hold", "release")),
    *(f"/tickets/{{ticket}}/{verb}" for verb in ("transfer", "cancel", "undo")),
]
"""Commands that the contract marks with a star."""


@pytest.mark.parametrize("path", STARRED)
def test_what_creates_or_moves_something_needs_a_key(office: Outside, described: dict[str, Any], path: str) -> None:
    operation = described["paths"][f"/api/v1/sites/{{site}}{path}"]["post"]
    assert [p["required"] for p in operation["parameters"] if p["name"] == "Idempotency-Key"] == [True]
    body = {"/tickets": {"service": "A"}, "/appointments": {"service": "A", "start": "2026-11-23T08:00:00+07:00"}}.get(path, {})
    body = {"counter": "1", "reason": "x"} if path.endswith("/call") else body
    asked = re.sub(r"\{\w+\}", "0", path)
    who = office["k1" if path.startswith("/appointments") or path == "/tickets" else "binh"]
    answer = requests.post(f"{office.api}/sites/open{asked}", json=body, headers={"Authorization": f"Bearer {who.key}"}, timeout=START_S)
    refused(answer, 400, "idempotency_key_missing")


REPEATABLE = ["/api/v1/sites/{site}/kiosks/{kiosk}/lease"]
"""Lends nothing more to a kiosk that has just been lent enough."""


def test_nginx_asks_another_worker_again_only_what_is_done_once_however_often_it_is_asked(described: dict[str, Any]) -> None:
    shipped = (ROOT / "config" / "nginx" / "moiso.conf").read_text(encoding="utf-8")
    (repeated,) = re.findall(r"location ~ (\S+) \{\s+proxy_next_upstream error timeout non_idempotent;", shipped)
    again = {(m, path): o for m, path, o in operations(described) if re.search(repeated, re.sub(r"\{\w+\}", "x", path))}
    commands = {key: o for key, o in again.items() if key[0] != "GET" and key[1] not in REPEATABLE}
    keyed = {key for key, o in commands.items() if any(p["name"] == "Idempotency-Key" for p in o["parameters"])}
    assert set(commands) == keyed
    assert keyed >= {("POST", f"/api/v1/sites/{{site}}{path}") for path in STARRED}


def test_a_question_with_a_body_is_answered_as_described(office: Outside, described: dict[str, Any]) -> None:
    answer = requests.get(f"{office.api}/sites/open", data=b"x" * 20_000, timeout=START_S)
    refused(answer, 413, "too_large")
    short = office.raw(b"GET /api/v1/sites/open HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 9\r\n\r\n{}")
    assert short.startswith(b"HTTP/1.1 400")
    assert all({"400", "413"} <= set(operation["responses"]) for _, _, operation in operations(described))


def test_whoever_comes_back_after_closing_is_refused_as_described(described: dict[str, Any]) -> None:
    assert "closed" in described["paths"]["/api/v1/sites/{site}/tickets/{ticket}/rejoin"]["post"]["description"]


def test_the_readable_page_shows_every_operation(office: Outside, described: dict[str, Any]) -> None:
    page = unescape(requests.get(f"{office.url}/api/docs", timeout=60).text)
    for method, path, operation in operations(described):
        assert f"{method} {path}" in page and operation["summary"] in page
    assert set(re.findall(r'href="#(\w+)"', page)) <= set(re.findall(r'id="(\w+)"', page)), "every shape that is named is shown"
    for name, shape in described["components"]["schemas"].items():
        assert f'id="{name}"' in page and all(f"<code>{field}</code>" in page for field in shape.get("properties", {})), name


@pytest.mark.timeout(900)
def test_no_input_makes_the_server_break_its_description(office: Outside, tmp_path: Path) -> None:
    ticket = [office.take("A") for _ in range(3)][-1]
    office.open("1")
    known = {"site": "open", "hall": "main", "counter": "1", "ticket": ticket["id"], "date": office.today, "service": "A", "kiosk": "k1"}
    # One of the three asks for what exists, the others for whatever a fuzzer finds in a path.
    paths = {"binh": known, "lan": {}, "k1": {}}
    for who, parameters in paths.items():
        (tmp_path / who).mkdir()
        lines = [f'"path.{name}" = "{value}"' for name, value in parameters.items()]
        (tmp_path / who / "schemathesis.toml").write_text("\n".join(["[parameters]", *lines]) if lines else "")
    for limit in (FUZZ_S, 6 * FUZZ_S):
        runs = {who: fuzzing(office, tmp_path / who, who, limit) for who in paths}
        said = {who: run.communicate(timeout=400)[0] for who, run in runs.items()}
        tested = {who: int(found[1]) for who, text in said.items() if (found := re.search(r"Tested: (\d+)", text))}
        # How far it gets depends on what else the machine does.
        if all(tested.get(who) for who in paths):
            break
    assert all(tested.get(who) for who in paths), said
    for who, run in runs.items():
        assert run.returncode == 0, (who, said[who][-6000:])
    log = office.server.log.read_text()
    assert '"unexpected"' not in log and "Traceback" not in log


def fuzzing(office: Outside, folder: Path, who: str, limit_s: int) -> subprocess.Popen[str]:
    command = [str(Path(sys.executable).parent / "schemathesis"), "--config-file", "schemathesis.toml"]
    command += ["run", f"{office.api}/openapi.json"]
    command += ["--header", f"Authorization: Bearer {office[who].key}", "--checks", CHECKED, "--exclude-checks", NOT_CHECKED]
    command += ["--phases", "coverage,fuzzing", "--seed", "20261120", "--max-time", str(limit_s), "--continue-on-failure"]
    # Its own ten seconds for an answer would make a machine that stands still for a while the server's mistake.
    command += ["--request-timeout", str(int(START_S))]
    command += ["--generation-database", "none", "--warnings", "off", "--no-color"]
    command += [part for name in NOT_ASKED for part in ("--exclude-operation-id", name)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder)
