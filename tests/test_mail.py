"""Mail under the real launcher: a gateway that takes its time delays no citizen, and neither does it keep the office from closing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from mail_gateway import PASSWORD, SENDER, USER, WAIT_S, Gateway
from running import MORNING, OPEN, Server, moiso, running, until

from server.letters import Kind
from server.store.sqlite import SqliteStore

MONDAY = "2026-11-23"
SUBJECTS = ("Đã đặt lịch hẹn", "Đã dời lịch hẹn", "Đã dời lịch hẹn", "Mời chọn giờ hẹn khác", "Đã hủy lịch hẹn")
LAN = "lan@example.vn"
SLOWLY = (
    "-c",
    "import sys; from server import __main__ as program; program.go_green(); from server import outbox; outbox.LAST_WORD_S = 6.0; "
    "sys.exit(program.main())",
)
"""A server that takes more time to write down what became of a mail that it cut short: a busy machine needs it."""


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    with Gateway(encrypts=True, password=True) as gateway:
        gateway.authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
        monkeypatch.setenv("MOISO_SMTP", f"smtp://{quote(USER)}:{quote(PASSWORD, safe='')}@localhost:{gateway.port}?from={SENDER}")
        yield gateway


def book(server: Server, to: str, clock: str = "10:00", day: str = MONDAY, **more: Any) -> dict[str, Any]:
    body = {"service": "A", "start": f"{day}T{clock}:00+07:00", "email": to, "consent": True, **more}
    made: dict[str, Any] = server.anyone().post("/sites/open/appointments", body, expect=201)
    return made


def notices(server: Server, made: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Kind, state and detail of every notice about a booking."""
    with closing(SqliteStore(server.database)) as store:
        return [(row.kind, row.state, row.detail) for row in store.notices("open", made["code"])]


def news(server: Server, made: dict[str, Any]) -> tuple[str, int, str]:
    """State, tries and detail of what was told first."""
    with closing(SqliteStore(server.database)) as store:
        return next((row.state, row.tries, row.detail) for row in store.notices("open", made["code"]) if row.kind == Kind.BOOKED)


def figures(server: Server) -> str:
    return server.anyone().http.get(f"{server.url}/metrics", timeout=60).text


@pytest.mark.slow
def test_a_slow_gateway_delays_no_ticket_and_a_stopped_office_tells_it_again_with_the_same_message_id(
    tmp_path: Path, gateway: Gateway
) -> None:
    go = threading.Event()
    gateway.answer = lambda step, to: (go.wait(WAIT_S) and None) if step == "data" and to == LAN else None
    server = Server(tmp_path, OPEN, *MORNING, "--factor", "60", "--log", "info", program=SLOWLY)
    server.start()
    try:
        kiosk = server.device("k1")
        slow = book(server, LAN)
        gateway.wait(lambda: ("data", LAN) in gateway.asked)
        # It is being sent, and the loop is everybody's.
        assert kiosk.post("/sites/open/tickets", {"service": "A"}, expect=201)["code"] == "A001"
        quick = book(server, "minh@example.vn")
        until(lambda: news(server, quick)[0] == "sent")
        assert news(server, slow) == ("waiting", 1, "a try that was not ended")
        # It is counted behind its row. One is on its way, and there are two reminders.
        until(lambda: 'moiso_notices_total{state="sent"} 1.0' in (text := figures(server)) and "moiso_notices_waiting 3.0" in text)
        assert server.stop() == 0
        assert news(server, slow) == ("waiting", 1, "SMTPServerDisconnected")
        # Whatever the gateway made of it: it may have taken the mail after all.
        go.set()
        gateway.wait(lambda: len(gateway.taken) == 2 or gateway.asked.count(("data", LAN)) == 1)
        server.start()
        until(lambda: news(server, slow)[0] == "sent")
        assert news(server, slow)[1] == 2
    finally:
        if server.process is not None and server.process.poll() is None:
            server.stop()
    mails = [sent for sent in gateway.taken if sent.to == LAN]
    assert len({sent.id for sent in mails}) == 1 and len(mails) <= 2
    assert all(gateway.secure)
    said = server.log.read_text()
    assert "notice_ended" in said
    assert not any(secret in said for secret in (LAN, "minh@", PASSWORD, quote(PASSWORD, safe=""), slow["spoken"], slow["code"]))


def test_an_office_without_a_gateway_promises_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MOISO_SMTP", raising=False)
    with running(tmp_path, OPEN, *MORNING) as server:
        made = book(server, LAN)
        until(lambda: news(server, made) == ("expired", 0, "no channel"))
        # The reminder is not due.
        until(lambda: 'moiso_notices_total{state="expired"} 1.0' in (text := figures(server)) and "moiso_notices_waiting 1.0" in text)


def test_a_citizen_is_told_of_what_becomes_of_the_booking(tmp_path: Path, gateway: Gateway) -> None:
    with running(tmp_path, OPEN, *MORNING) as server:
        made = book(server, LAN, name="Nguyễn Thị Lan")
        until(lambda: len(gateway.taken) == 1)
        path = f"/sites/open/appointments/{made['code']}"
        assert server.anyone().send("PATCH", path, {"start": f"{MONDAY}T11:00:00+07:00"}).status_code == 200
        until(lambda: len(gateway.taken) == 2)
        assert server.anyone().send("PATCH", path, {"start": "2026-11-25T09:00:00+07:00"}).status_code == 200
        until(lambda: len(gateway.taken) == 3)
        chief = server.crew("binh", role="supervisor")[0]
        closed = {"start": "2026-11-25T08:00:00+07:00", "end": "2026-11-25T12:00:00+07:00", "reason": "Tập huấn"}
        chief.post("/sites/open/days/2026-11-25/closures", closed, expect=201)
        until(lambda: len(gateway.taken) == 4)
        assert server.anyone().send("DELETE", path).status_code == 200
        until(lambda: len(gateway.taken) == 5)
        assert all(said in mail.message["Subject"] for said, mail in zip(SUBJECTS, gateway.taken, strict=True)), [
            m.message["Subject"] for m in gateway.taken
        ]
        assert (
            made["spoken"] in gateway.taken[0].part("plain").get_content().replace("\u00a0", " ")
            and "10:00" in gateway.taken[0].part("plain").get_content()
        )
        assert (
            "11:00" in gateway.taken[1].part("plain").get_content()
            and "09:00" in gateway.taken[2].part("plain").get_content()
            and "Tập huấn" in gateway.taken[3].part("plain").get_content()
        )
        kinds = [kind for kind, _, _ in notices(server, made)]
        assert Kind.REMINDER not in kinds, "nobody is reminded of what was given back"


def test_who_loses_a_time_to_an_early_closing_or_a_holiday_is_offered_another(tmp_path: Path, gateway: Gateway) -> None:
    def told() -> list[str]:
        return [m.part("plain").get_content() for m in gateway.taken if "Mời chọn giờ hẹn khác" in m.message["Subject"]]

    document = tmp_path / "ward.toml"
    text = Path(OPEN).read_text(encoding="utf-8").replace('id = "open"\n', 'id = "open"\npublic_url = "https://so.example.vn"\n', 1)
    document.write_text(text, encoding="utf-8")
    # Far ahead: what a start erases goes by the calendar of the machine.
    server = Server(tmp_path, str(document), "--hall-clock", "2040-11-20T08:00+07:00").start()
    try:
        today, later = book(server, LAN, "15:00", "2040-11-20"), book(server, "minh@example.vn", day="2040-11-25")
        chief = server.crew("binh", role="supervisor")[0]
        until(lambda: len(gateway.taken) == 2)
        for many, closes in enumerate(("14:00", None, "14:00"), 2):
            assert chief.send("POST", "/sites/open/hours", {"closes": closes}).status_code == 200
            until(lambda many=many: len([m for m in gateway.taken if m.to == LAN]) == many)
        subjects = [str(m.message["Subject"]) for m in gateway.taken if m.to == LAN]
        assert [s.partition(":")[0] for s in subjects] == [
            "Đã đặt lịch hẹn",
            "Mời chọn giờ hẹn khác",
            "Lịch hẹn vẫn như cũ",
            "Mời chọn giờ hẹn khác",
        ]
        assert f"https://so.example.vn/h/{today['code']}" in told()[0] and "hôm đó đóng cửa lúc 14:00" in told()[0]
        page = server.anyone().http.get(f"{server.url}/h/{today['code']}", timeout=60).text
        assert "Giờ còn chỗ gần nhất" in page and "13:50" in page
        # The office is switched off, the holiday written down, and nobody looks at that day.
        assert server.stop() == 0
        document.write_text(f'{text}\n[[holidays.extra]]\ndate = 2040-11-25\nname = "Ngày hội phường"\n', encoding="utf-8")
        server.start()
        until(lambda: len(told()) == 3)
        assert "Ngày hội phường" in told()[2]
        assert server.anyone().get(f"/sites/open/appointments/{later['code']}")["closed"] == "Ngày hội phường"
    finally:
        if server.process is not None and server.process.poll() is None:
            server.stop()


def test_who_waits_for_a_place_is_told_when_one_comes_free(tmp_path: Path, gateway: Gateway) -> None:
    text = Path(OPEN).read_text(encoding="utf-8").replace('mon-sun = ["00:00-24:00"]', 'mon-sun = ["08:00-08:20"]')
    document = tmp_path / "short.toml"
    document.write_text(text.replace("capacity = 2", "capacity = 1"), encoding="utf-8")
    with running(tmp_path, str(document), *MORNING) as server:
        path = f"/sites/open/days/{MONDAY}/waiting"
        body = {"service": "A", "email": "minh@example.vn", "consent": True}
        first = book(server, LAN, "08:00")
        assert server.anyone().send("POST", path, body).json()["error"]["code"] == "places_left"
        book(server, LAN, "08:10")
        server.anyone().post(path, body, expect=201)
        assert server.anyone().post(path, body | {"email": "Minh+ghe@Example.vn"}, expect=409)["error"]["code"] == "already_waiting"
        gone = server.anyone().post(path, body | {"email": "hoa@example.vn"}, expect=201)
        assert server.anyone().send("DELETE", f"{path}/{gone['wait']}").status_code == 204
        assert server.anyone().send("DELETE", f"{path}/{gone['wait']}").status_code == 404
        assert server.anyone().send("POST", path, body | {"consent": False}).status_code == 422
        server.anyone().send("DELETE", f"/sites/open/appointments/{first['code']}")
        until(lambda: [mail for mail in gateway.taken if mail.to == "minh@example.vn"])
        (told,) = [mail for mail in gateway.taken if mail.to == "minh@example.vn"]
        assert "Vừa có chỗ trống" in told.message["Subject"] and "08:00" in told.part("plain").get_content()
        assert not [mail for mail in gateway.taken if mail.to == "hoa@example.vn"]


def test_places_of_a_time_that_is_opened_again_are_told_also_after_a_restart(tmp_path: Path, gateway: Gateway) -> None:
    text = Path(OPEN).read_text(encoding="utf-8").replace('mon-sun = ["00:00-24:00"]', 'mon-sun = ["08:00-09:00"]')
    document = tmp_path / "short.toml"
    document.write_text(text, encoding="utf-8")
    # Far ahead: what a start erases goes by the calendar of the machine.
    day = "2040-11-23"
    server = Server(tmp_path, str(document), "--hall-clock", "2040-11-20T08:00+07:00").start()
    try:
        chief = server.crew("binh", role="supervisor")[0]
        closed = {"start": f"{day}T08:00:00+07:00", "end": f"{day}T09:00:00+07:00", "reason": "Tập huấn"}
        closure = chief.post(f"/sites/open/days/{day}/closures", closed, expect=201)
        for to in (LAN, "minh@example.vn"):
            body = {"service": "A", "email": to, "consent": True}
            server.anyone().post(f"/sites/open/days/{day}/waiting", body, expect=201)
        # Nobody asks for that day after the start.
        assert server.stop() == 0
        server.start()
        assert chief.send("DELETE", f"/sites/open/days/{day}/closures/{closure['closure']}").json() == []
        until(lambda: {mail.to for mail in gateway.taken} == {LAN, "minh@example.vn"})
        assert all("Vừa có chỗ trống" in mail.message["Subject"] for mail in gateway.taken)
        with closing(SqliteStore(server.database)) as store:
            kinds = [row.kind for row in store.story("open", date.fromisoformat(day))]
        assert kinds.count("PlaceOffered") == 2 and len(gateway.taken) == 2, "told once each"
    finally:
        if server.process is not None and server.process.poll() is None:
            server.stop()


def test_a_number_for_today_is_told_by_mail_with_its_code_and_the_rule(tmp_path: Path, gateway: Gateway) -> None:
    text = Path(OPEN).read_text(encoding="utf-8").replace('id = "open"\n', 'id = "open"\npublic_url = "https://so.example.vn"\n', 1)
    document = tmp_path / "live.toml"
    document.write_text(text.replace('letter = "A"', 'letter = "A"\ncounting = "registered"\nbooking = { live = true }', 1), "utf-8")
    with running(tmp_path, str(document), *MORNING) as server:
        body = {"service": "A", "email": LAN, "consent": True}
        made = server.anyone().post("/sites/open/appointments", body, expect=201)
        assert made["start"] is None
        until(lambda: len(gateway.taken) == 1)
        told = gateway.taken[0]
        plain = told.part("plain").get_content().replace("\u00a0", " ")
        assert told.message["Subject"].startswith("Đã lấy số qua mạng: 08:00 thứ Sáu 20/11/2026")
        for said in (
            made["spoken"],
            f"https://so.example.vn/h/{made['code']}",
            "Mã chỉ dùng trong hôm nay.",
            "giờ xếp hàng là lúc đăng ký",
        ):
            assert said in plain, plain
        assert (
            "Dời" not in plain
            and "dời" not in plain
            and not [part for part in told.message.walk() if "calendar" in part.get_content_type()]
        )
        with closing(SqliteStore(server.database)) as store:
            (row,) = store.notices("open", made["code"])
        assert row.expires_at.isoformat() == "2026-11-20T17:00:00+00:00", "as the day ends here"
        server.anyone().send("DELETE", f"/sites/open/appointments/{made['code']}")
        until(lambda: len(gateway.taken) == 2)
        assert gateway.taken[1].message["Subject"].startswith("Đã hủy số qua mạng")


def test_who_takes_the_consent_back_or_left_no_address_is_not_written_to(tmp_path: Path, gateway: Gateway) -> None:
    with running(tmp_path, OPEN, *MORNING) as server:
        hold = threading.Event()
        gateway.answer = lambda step, to: (hold.wait(WAIT_S) and None) if step == "data" else None
        silent = server.anyone().post(
            "/sites/open/appointments",
            {"service": "B", "start": f"{MONDAY}T10:00:00+07:00", "phone": "0912345678", "consent": True},
            expect=201,
        )
        until(lambda: news(server, silent) == ("expired", 0, "nobody to tell"))
        made = book(server, LAN)
        server.anyone().send("PATCH", f"/sites/open/appointments/{made['code']}", {"consent": False})
        hold.set()
        with closing(SqliteStore(server.database)) as store:
            assert all(store.contact(row.contact) is None for row in store.notices("open", made["code"]))
        other = server.anyone().post("/sites/open/appointments", {"service": "B", "start": f"{MONDAY}T10:00:00+07:00"}, expect=201)
        assert notices(server, other) == []


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
