"""Mail under the real launcher: a gateway that takes its time delays no citizen, and neither does it keep the office from closing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from mail_gateway import PASSWORD, SENDER, USER, WAIT_S, Gateway
from running import MORNING, OPEN, Server, moiso, running, until

from server.letters import Kind
from server.store import NoticeRow
from server.store.sqlite import SqliteStore

START = datetime.fromisoformat(MORNING[1])
LAN = "lan@example.vn"


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    with Gateway(encrypts=True, password=True) as gateway:
        gateway.authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
        monkeypatch.setenv("MOISO_SMTP", f"smtp://{quote(USER)}:{quote(PASSWORD, safe='')}@localhost:{gateway.port}?from={SENDER}")
        yield gateway


def put(server: Server, id: str, to: str, **span: float) -> None:
    """A notice as if an event had written it; due after a span of hall time."""
    row = NoticeRow(id, "open", START.date(), f"a-{id}", Kind.BOOKED, to, START, START + timedelta(**span), START + timedelta(days=9))
    with closing(SqliteStore(server.database)) as store:
        store.write([lambda tx: tx.put_notice(row)])


def state(server: Server, id: str) -> tuple[str, int, str]:
    with closing(SqliteStore(server.database)) as store:
        return next((row.state, row.tries, row.detail) for row in store.notices("open", f"a-{id}"))


def figures(server: Server) -> str:
    return server.anyone().http.get(f"{server.url}/metrics", timeout=10).text


@pytest.mark.slow
def test_a_slow_gateway_delays_no_ticket_and_a_stopped_office_tells_it_again_with_the_same_message_id(
    tmp_path: Path, gateway: Gateway
) -> None:
    go = threading.Event()
    gateway.answer = lambda step, to: (go.wait(WAIT_S) and None) if step == "data" and to == LAN else None
    server = Server(tmp_path, OPEN, *MORNING, "--factor", "60", "--log", "info")
    server.program = ("tests/reading_server.py",)
    server.start()
    try:
        kiosk = server.device("k1")
        put(server, "slow", LAN)
        gateway.wait(lambda: ("data", LAN) in gateway.asked)
        # It is being sent, and the loop is everybody's.
        assert kiosk.post("/sites/open/tickets", {"service": "A"}, expect=201)["code"] == "A001"
        put(server, "quick", "minh@example.vn")
        until(lambda: state(server, "quick")[0] == "sent")
        assert state(server, "slow") == ("waiting", 1, "a try that was not ended")
        text = figures(server)
        assert 'moiso_notices_total{state="sent"} 1.0' in text and "moiso_notices_waiting 1.0" in text
        assert server.stop() == 0
        assert state(server, "slow") == ("waiting", 1, "SMTPServerDisconnected")
        # Whatever the gateway made of it: it may have taken the mail after all.
        go.set()
        gateway.wait(lambda: len(gateway.taken) == 2 or gateway.asked.count(("data", LAN)) == 1)
        server.start()
        until(lambda: state(server, "slow")[0] == "sent")
        assert state(server, "slow")[1] == 2
    finally:
        if server.process is not None and server.process.poll() is None:
            server.stop()
    mails = [sent for sent in gateway.taken if sent.to == LAN]
    assert len({sent.id for sent in mails}) == 1 and len(mails) <= 2
    assert all(gateway.secure)
    said = server.log.read_text()
    assert "notice_ended" in said
    assert not any(secret in said for secret in (LAN, "minh@", PASSWORD, quote(PASSWORD, safe=""), "482 1375"))


def test_an_office_without_a_gateway_promises_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MOISO_SMTP", raising=False)
    with running(tmp_path, OPEN, *MORNING) as server:
        put(server, "n1", LAN)
        until(lambda: state(server, "n1") == ("expired", 0, "no channel"))
        text = figures(server)
        assert 'moiso_notices_total{state="expired"} 1.0' in text and "moiso_notices_waiting 0.0" in text


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("smtp://an:secret@mail.example.vn", "The mail gateway needs the address that mail comes from: add ?from=mot-cua@example.vn.\n"),
        ("imap://an:secret@mail.example.vn", "This is not a mail gateway: write smtp://"),
        ("file:///proc/nothing", "Mail cannot be kept in /proc/nothing: "),
    ],
)
def test_a_wrong_gateway_is_one_sentence_before_anything_is_served(tmp_path: Path, url: str, said: str) -> None:
    for options, env in ((["--smtp", url], {}), ([], {"MOISO_SMTP": url})):
        answer = moiso("serve", "--site", OPEN, "--db", f"sqlite:///{tmp_path / 'office.db'}", *options, env=env)
        assert answer.returncode == 1 and answer.stderr.startswith(said) and answer.stderr.count("\n") == 1, answer.stderr
        assert "secret" not in answer.stderr
    assert not (tmp_path / "office.db").exists()
