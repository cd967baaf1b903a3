"""Notices find their way: through a real gateway that refuses, dawdles and hangs up, and past everything that may happen in between."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import icalendar
import pytest
import structlog
from door import NOON, WAIT_S, Door, failing
from mail_gateway import PASSWORD, SENDER, USER, Gateway
from ports import free_port
from running import ROOT
from test_letters import letter

from server.letters import Kind, Letter, mail
from server.notifiers import Never, Notifier, NotYet
from server.notifiers import smtp as channel
from server.notifiers.console import Console
from server.notifiers.smtp import NoGateway, Smtp
from server.outbox import LANES, LONGEST_PAUSE, Outbox, nobody, pause
from server.store import Broken, NoticeRow, Unavailable

SLOT = NOON + timedelta(hours=3)
LAN = "lan@example.vn"
MAIL = mail(letter())


class Post:
    """An office with its outbox at work. `contacts` says who is behind a contact; the lanes sleep until the next tick."""

    def __init__(self, door: Door, notifier: Notifier | None) -> None:
        self.door = door
        self.contacts = {"lan": LAN}
        self._tick = threading.Event()
        self.outbox = self.opened(notifier)
        self._threads: list[threading.Thread] = []

    def opened(self, notifier: Notifier | None, read: Any = None) -> Outbox:
        return Outbox(self.door.store, self.door.ledger, notifier, read or self.read, lambda work, *a: work(*a), self._sleep)

    def _sleep(self, seconds: float) -> None:
        self._tick.wait(0.002)

    def read(self, row: NoticeRow) -> tuple[str, Letter] | None:
        to = self.contacts.get(row.contact)
        return (to, letter(row.kind, at=self.door.clock.now())) if to else None

    def start(self, lanes: int = LANES) -> Post:
        for _ in range(lanes):
            self._threads.append(threading.Thread(target=self.outbox.run, daemon=True))
            self._threads[-1].start()
        return self

    def stop(self) -> None:
        self.outbox.stop()
        for thread in self._threads:
            thread.join(WAIT_S)
            assert not thread.is_alive()

    def put(self, id: str = "n1", contact: str = "lan", kind: str = Kind.BOOKED, appointment: str = "", **changes: Any) -> NoticeRow:
        row = NoticeRow(id, self.door.site, NOON.date(), appointment or f"a-{id}", kind, contact, NOON, NOON, SLOT)
        row = replace(row, **changes)
        self.door.ledger.write(lambda tx: tx.put_notice(row))
        return row

    def row(self, id: str = "n1") -> NoticeRow:
        return next(row for row in self.door.store.notices(self.door.site) if row.id == id)

    def ends(self, id: str = "n1") -> NoticeRow:
        self.door.until(lambda: self.row(id).state != "waiting")
        return self.row(id)

    def tried(self, tries: int, id: str = "n1") -> NoticeRow:
        """Until so many tries have been made and noted."""
        self.door.until(lambda: self.row(id).tries == tries and not self.outbox._busy)
        return self.row(id)


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with Door(tmp_path) as door:
        yield door


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with Gateway() as gateway:
        yield gateway


def through(gateway: Gateway, **changes: Any) -> Smtp:
    plain = channel.Gateway("smtp", "localhost", gateway.port, SENDER)
    return Smtp(replace(plain, **changes), gateway.trust)


@contextmanager
def post(door: Door, notifier: Notifier | None, lanes: int = LANES, of: type[Post] = Post) -> Iterator[Any]:
    office = of(door, notifier).start(lanes)
    try:
        yield office
    finally:
        office.stop()


# -- on its way ------------------------------------------------------------------------------------------------------------------


def test_a_booking_is_told_by_mail_with_its_calendar_file(door: Door, gateway: Gateway) -> None:
    with post(door, through(gateway)) as office:
        office.put()
        (sent,) = gateway.wait_for(LAN)
        row = office.ends()
    assert (row.state, row.tries, row.detail, row.due_at) == ("sent", 1, "", NOON)
    assert sent.message["Subject"] == "Đã đặt lịch hẹn: 08:45 thứ Sáu 20/11/2026"
    assert str(sent.message["From"]) == f"UBND phường An Mẫu <{SENDER}>" and sent.message["To"] == LAN
    assert sent.message["Auto-Submitted"] == "auto-generated" and sent.message["Date"]
    assert sent.part("plain").get_content().replace("\r\n", "\n") == MAIL.text
    file = sent.part("calendar")
    assert file.get_filename() == "lich-hen.ics" and file["Content-Type"].params["method"] == "PUBLISH"
    (event,) = icalendar.Calendar.from_ical(file.get_payload(decode=True)).walk("VEVENT")
    assert event.decoded("dtstart") == letter().start and event.decoded("dtstamp") == NOON


def test_a_reminder_waits_for_its_hour_by_the_hall_clock(door: Door, gateway: Gateway) -> None:
    with post(door, through(gateway)) as office:
        office.put("later", kind=Kind.REMINDER, due_at=NOON + timedelta(hours=1))
        office.put("now")
        office.ends("now")
        assert office.row("later").state == "waiting" and len(gateway.taken) == 1
        door.pass_time(hours=1)
        assert office.ends("later").state == "sent"


def test_a_gateway_in_trouble_is_asked_again_ever_more_rarely_until_it_takes_the_mail(door: Door, gateway: Gateway) -> None:
    gateway.answer = lambda step, to: "451 4.7.1 Try again, lan@example.vn"
    with post(door, through(gateway)) as office:
        office.put()
        waits = []
        for tries in range(1, 5):
            row = office.tried(tries)
            waits.append(row.due_at - door.clock.now())
            assert (row.state, row.detail) == ("waiting", "451 4.7.1")
            door._passed += (row.due_at - door.clock.now()).total_seconds() if tries < 4 else 0
        gateway.answer = lambda step, to: None
        door._passed += waits[-1].total_seconds()
        assert office.ends().state == "sent" and office.row().tries == 5
    assert timedelta(seconds=30) <= waits[0] < waits[-1] and waits[-1] >= timedelta(seconds=240)
    assert len(gateway.taken) == 1


def test_pauses_double_from_half_a_minute_to_an_hour_and_differ() -> None:
    for tries, least in ((1, 30), (2, 60), (5, 480), (7, 1920)):
        seconds = [pause(tries).total_seconds() for _ in range(50)]
        assert least <= min(seconds) < max(seconds) <= min(least * 1.5, 3600)
    assert pause(9) == pause(10_000) == LONGEST_PAUSE


def test_a_refusal_for_good_is_not_repeated(door: Door, gateway: Gateway) -> None:
    gateway.answer = lambda step, to: "550 5.1.1 No such user lan@example.vn" if step == "rcpt" else None
    with post(door, through(gateway)) as office:
        office.put()
        row = office.ends()
        assert (row.state, row.detail, row.tries) == ("failed", "550 5.1.1", 1)
        door.pass_time(hours=2)
        office.put("n2", contact="minh")
        office.ends("n2")
    assert gateway.asked == [("rcpt", LAN)] and office.outbox.ended == {"failed": 1, "expired": 1}


@pytest.mark.parametrize(
    ("answer", "raised", "said"),
    [
        ("552 5.2.2 Mailbox full", Never, "552 5.2.2"),
        ("450 Greylisted", NotYet, "450"),
        ("421 4.3.2 Going down", NotYet, "421 4.3.2"),
    ],
)
@pytest.mark.parametrize("step", ["rcpt", "data"])
def test_four_hundred_is_not_yet_and_five_hundred_is_never(
    gateway: Gateway, step: str, answer: str, raised: type[Exception], said: str
) -> None:
    gateway.answer = lambda asked, to: answer if asked == step else None
    with pytest.raises(raised) as error:
        through(gateway).send(LAN, MAIL, "n1")
    assert str(error.value) == said and gateway.taken == []


@pytest.mark.parametrize("to", ["", "lan", "lan@", "@example.vn", "lan@example.vn\r\nBcc: x@example.vn", "lan lan@example.vn", "lan@ví.vn"])
def test_a_broken_address_is_refused_for_good(gateway: Gateway, to: str) -> None:
    with pytest.raises(Never):
        through(gateway).send(to, MAIL, "n1")
    assert gateway.taken == []


def test_a_gateway_that_is_not_there_is_not_yet(door: Door) -> None:
    gone = Smtp(channel.Gateway("smtp", "127.0.0.1", free_port(), SENDER))
    with post(door, gone) as office:
        office.put()
        assert office.tried(1).detail == "ConnectionRefusedError: Connection refused"


# -- what does not go out --------------------------------------------------------------------------------------------------------


def test_at_its_slot_a_notice_is_over_and_says_what_stood_in_its_way(door: Door, gateway: Gateway) -> None:
    gateway.answer = lambda step, to: "451 4.7.1 Later"
    with post(door, through(gateway)) as office:
        office.put(expires_at=NOON + timedelta(seconds=40))
        row = office.tried(1)
        assert row.due_at <= row.expires_at
        door.pass_time(seconds=40)
        gateway.answer = lambda step, to: None
        row = office.ends()
        assert (row.state, row.detail, row.due_at) == ("expired", "451 4.7.1", row.expires_at)
        office.put("late", created_at=NOON - timedelta(days=1), expires_at=NOON)
        assert office.ends("late").detail == "its time has passed"
    assert gateway.taken == []


def test_who_has_been_forgotten_is_not_told(door: Door, gateway: Gateway) -> None:
    with post(door, through(gateway)) as office:
        office.put("n1", contact="erased")
        assert (office.ends("n1").state, office.row("n1").detail) == ("expired", "nobody to tell")
    assert nobody(office.row("n1")) is None and gateway.asked == []


def test_without_a_channel_nothing_is_promised_and_nothing_waits(door: Door) -> None:
    with post(door, None) as office:
        office.put()
        row = office.ends()
    assert (row.state, row.detail, row.tries) == ("expired", "no channel", 0)


def test_old_news_is_not_told_after_newer(door: Door, gateway: Gateway) -> None:
    with post(door, through(gateway)) as office:
        gateway.answer = lambda step, to: "451 Later"
        office.put("booked", appointment="a")
        office.tried(1, "booked")
        gateway.answer = lambda step, to: None
        office.put("cancelled", kind=Kind.CANCELLED, appointment="a", created_at=NOON + timedelta(seconds=1))
        assert office.ends("cancelled").state == "sent"
        door.pass_time(minutes=1)
        assert (office.ends("booked").state, office.row("booked").detail) == ("expired", "a later notice says more")
    assert [s.message["Subject"] for s in gateway.taken] == ["Đã hủy lịch hẹn: 08:45 thứ Sáu 20/11/2026"]


def test_newer_news_that_came_to_nothing_does_not_take_the_older_along(door: Door, gateway: Gateway) -> None:
    with post(door, through(gateway)) as office:
        gateway.answer = lambda step, to: "451 Later"
        office.put("booked", appointment="a")
        office.tried(1, "booked")
        gateway.answer = lambda step, to: "550 Never" if to == "gone@example.vn" else None
        office.contacts["gone"] = "gone@example.vn"
        later = NOON + timedelta(seconds=1)
        office.put("expired", kind=Kind.DISPLACED, contact="nobody", appointment="a", created_at=later)
        office.put("failed", kind=Kind.DISPLACED, contact="gone", appointment="a", created_at=later)
        office.put("mute", kind=Kind.RESTORED, contact="nobody", appointment="a", created_at=later, due_at=NOON + timedelta(hours=1))
        office.ends("failed")
        door.pass_time(minutes=1)
        assert office.ends("booked").state == "sent" and office.row("mute").state == "waiting"
        assert [office.row(id).state for id in ("expired", "failed")] == ["expired", "failed"]


def test_of_one_appointment_one_mail_is_on_its_way_at_a_time(door: Door, gateway: Gateway) -> None:
    go = threading.Event()
    gateway.answer = lambda step, to: (go.wait(WAIT_S) and None) if step == "data" else None
    with post(door, through(gateway)) as office:
        office.put("first", appointment="a")
        gateway.wait(lambda: ("data", LAN) in gateway.asked)
        office.put("second", kind=Kind.REMINDER, appointment="a")
        # Another appointment's is seen to meanwhile.
        office.put("other", contact="minh")
        assert office.ends("other").detail == "nobody to tell"
        assert (office.row("second").state, office.row("second").tries) == ("waiting", 0)
        go.set()
        assert office.ends("first").state == office.ends("second").state == "sent"


def test_a_reminder_taken_back_at_the_last_moment_is_not_sent(door: Door, gateway: Gateway) -> None:
    office = Post(door, through(gateway))

    def read(row: NoticeRow) -> tuple[str, Letter]:
        door.ledger.write(lambda tx: tx.drop_notices(row.appointment))
        return LAN, letter(row.kind)

    office.outbox = office.opened(through(gateway), read)
    office.put(kind=Kind.REMINDER, appointment="a")
    office.start(1)
    door.until(lambda: door.store.notices(door.site) == [])
    office.stop()
    assert gateway.asked == []


# -- one does not hold up another ------------------------------------------------------------------------------------------------


def test_one_broken_address_or_letter_does_not_hold_up_the_others(door: Door, gateway: Gateway) -> None:
    gateway.answer = lambda step, to: "550 5.1.1 Unknown" if to.startswith("gone") else None
    office = Post(door, through(gateway))
    office.contacts |= {"broken": "no address", "gone": "gone@example.vn", "minh": "minh@example.vn"}
    office.put("n1", contact="broken")
    office.put("n2", contact="gone")
    office.put("n3", kind="a kind of tomorrow's version")
    office.put("n4", contact="minh")
    office.start(1)
    assert office.ends("n4").state == "sent"
    assert [office.row(n).state for n in ("n1", "n2")] == ["failed", "failed"]
    assert office.tried(1, "n3").detail == "KeyError"
    office.stop()


def test_a_gateway_that_takes_a_minute_for_one_mail_delays_no_ticket_and_no_other_mail(door: Door, gateway: Gateway) -> None:
    go = threading.Event()
    gateway.answer = lambda step, to: (go.wait(WAIT_S) and None) if step == "data" and to == "slow@example.vn" else None
    with post(door, through(gateway)) as office:
        office.contacts["slow"] = "slow@example.vn"
        office.put("slow", contact="slow")
        gateway.wait(lambda: ("data", "slow@example.vn") in gateway.asked)
        assert json.loads(door.issue().body) == "A001"
        office.put("quick")
        assert office.ends("quick").state == "sent"
        assert office.row("slow").state == "waiting" and office.row("slow").detail == "a try that was not ended"
        door.pass_time(minutes=1)
        # Its next try would be due; it is still under way, so nobody begins another.
        office.put("quick2")
        assert office.ends("quick2").state == "sent"
        go.set()
        assert office.ends("slow").tries == 1
    assert sorted(s.to for s in gateway.taken) == [LAN, LAN, "slow@example.vn"]


def test_who_stops_the_office_does_not_wait_for_a_gateway_that_never_answers(door: Door, gateway: Gateway) -> None:
    go = threading.Event()
    gateway.answer = lambda step, to: (go.wait(WAIT_S) and None) if step == "data" else None
    office = Post(door, through(gateway)).start()
    office.put()
    gateway.wait(lambda: ("data", LAN) in gateway.asked)
    office.stop()
    assert (office.row().state, office.row().detail) == ("waiting", "SMTPServerDisconnected")
    go.set()


# -- crashes ---------------------------------------------------------------------------------------------------------------------


def test_a_crash_between_sending_and_noting_sends_one_repeat_that_can_be_recognised(tmp_path: Path, gateway: Gateway) -> None:
    program = """
import os, sys, pathlib
sys.path.insert(0, "tests")
from door import Door
from test_outbox import Post, SENDER, channel
class Dying(channel.Smtp):
    def send(self, *mail):
        super().send(*mail)
        os._exit(9)
with Door(pathlib.Path(sys.argv[1])) as door:
    post = Post(door, Dying(channel.Gateway("smtp", "localhost", int(sys.argv[2]), SENDER)))
    post.put()
    post.start(1)
    post.ends()
"""
    crashed = subprocess.run([sys.executable, "-c", program, str(tmp_path), str(gateway.port)], cwd=ROOT, timeout=60)
    assert crashed.returncode == 9
    assert len(gateway.taken) == 1
    with Door(tmp_path) as door, post(door, through(gateway)) as office:
        assert (office.row().state, office.row().tries, office.row().detail) == ("waiting", 1, "a try that was not ended")
        office.put("other", contact="nobody")
        office.ends("other")
        assert len(gateway.taken) == 1, "not at once: what crashed may crash again"
        door.pass_time(minutes=1)
        assert office.ends().state == "sent"
        door.pass_time(hours=1)
    first, second = gateway.taken
    assert first.id == second.id and first.to == second.to and first.id.endswith("@example.vn>")


def test_a_disk_that_is_busy_after_the_sending_is_waited_for(door: Door, gateway: Gateway) -> None:
    office = Post(door, through(gateway))
    office.put()
    gateway.answer = lambda step, to: door.store.before.extend([failing(Unavailable("busy"))] * 3) if step == "data" else None  # type: ignore[func-returns-value]
    office.start(1)
    assert office.ends().state == "sent" and office.row().tries == 1
    office.stop()
    assert len(gateway.taken) == 1 and door.store.before == []


def test_nothing_is_sent_that_cannot_be_noted(door: Door, gateway: Gateway) -> None:
    office = Post(door, through(gateway))
    office.put()
    door.store.before.append(failing(Broken("the disk is gone")))
    office.start()
    door.until(lambda: door.ledger.broken)
    office.stop()
    assert gateway.asked == [] and office.row().tries == 0


def test_the_same_notice_is_the_same_message_and_another_is_another(gateway: Gateway) -> None:
    notifier = through(gateway)
    for id in ("n1", "n1", "n2"):
        notifier.send(LAN, MAIL, id)
    first, again, other = gateway.taken
    assert first.id == again.id != other.id and "n1" not in first.id


# -- encryption and passwords ----------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize(("scheme", "encrypts", "first_byte"), [("smtp", True, False), ("smtps", False, True)])
def test_mail_is_encrypted_and_signed_in(scheme: str, encrypts: bool, first_byte: bool) -> None:
    with Gateway(encrypts=encrypts, first_byte=first_byte, password=True) as gateway:
        url = f"{scheme}://{quote(USER)}:{quote(PASSWORD, safe='')}@localhost:{gateway.port}?from={SENDER}"
        Smtp(channel.Gateway.of(url), gateway.trust).send(LAN, MAIL, "n1")
        assert gateway.secure == [True]
        with pytest.raises(NotYet, match=r"lets us not in: 535 5[.]7[.]8"):
            through(gateway, scheme=scheme, user=USER, password="wrong").send(LAN, MAIL, "n2")
        with pytest.raises(NotYet, match=r"refuses our sender: 530 5[.]7[.]0"):
            through(gateway, scheme=scheme).send(LAN, MAIL, "n3")
        # A stranger in the gateway's place has no certificate for its name.
        with pytest.raises(NotYet, match="SSLCertVerificationError"):
            Smtp(channel.Gateway.of(url), ssl.create_default_context()).send(LAN, MAIL, "n4")
        assert len(gateway.taken) == 1


def test_a_password_is_not_told_without_encryption(gateway: Gateway) -> None:
    here = channel.Gateway("smtp", "localhost", gateway.port, SENDER, USER, PASSWORD)
    assert here.is_here and replace(here, host="::1").is_here
    # Another way to write this machine, which could be any other.
    with pytest.raises(NotYet, match="no encryption"):
        Smtp(replace(here, host="127.1")).send(LAN, MAIL, "n1")


# -- addresses -------------------------------------------------------------------------------------------------------------------


def test_the_address_of_a_gateway_is_read() -> None:
    read = channel.Gateway.of
    assert read("smtp://mail.example.vn?from=mot-cua@example.vn") == channel.Gateway("smtp", "mail.example.vn", 587, SENDER)
    assert read("smtps://mot-cua%40example.vn:a%2Fb@mail.example.vn") == channel.Gateway(
        "smtps", "mail.example.vn", 465, SENDER, SENDER, "a/b"
    )
    assert read("smtp://127.0.0.1:2525/?from=mot-cua@example.vn").port == 2525


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "This is not a mail gateway"),
        ("mail.example.vn", "This is not a mail gateway"),
        ("http://u:secret@mail.example.vn?from=a@b.vn", "This is not a mail gateway"),
        ("smtp://u:secret@?from=a@b.vn", "This is not a mail gateway"),
        ("smtp://u:secret@h/path?from=a@b.vn", "This is not a mail gateway"),
        ("smtp://u:se/cret@h?from=a@b.vn", "not written as an address"),
        ("smtp://u:secret@h:0?from=a@b.vn", "This is not a mail gateway"),
        ("smtp://u:secret@h:99999?from=a@b.vn", "not written as an address"),
        ("smtp://u:secret@h:port?from=a@b.vn", "not written as an address"),
        ("smtp://u:secret@[h?from=a@b.vn", "not written as an address"),
        ("smtp://u:secret@h?from", "not written as an address"),
        ("smtp://u:secret@h?sender=a@b.vn", "no option 'sender'"),
        ("smtp://u:secret@h", "needs the address that mail comes from"),
        ("smtp://u:s%E1%BA%A5ecret@h?from=a@b.vn", "only ASCII"),
        ("smtp://u:secret@h?from=nobody", "needs the address that mail comes from"),
        ("smtp://u:secret@h?from=a@b.vn%0d%0aBcc:c@d.vn", "needs the address that mail comes from"),
    ],
)
def test_a_wrong_address_gets_one_sentence_that_keeps_the_password(url: str, said: str) -> None:
    with pytest.raises(NoGateway) as error:
        channel.Gateway.of(url)
    sentence = str(error.value)
    assert said in sentence and "secret" not in sentence and "cret" not in sentence and sentence.endswith(".") and "\n" not in sentence


# -- nobody is named -------------------------------------------------------------------------------------------------------------


def test_no_log_and_no_row_names_anybody(door: Door, gateway: Gateway, tmp_path: Path) -> None:
    gateway.answer = lambda step, to: {
        "ghost@example.vn": "550 5.1.1 <ghost@example.vn> unknown",
        "busy@example.vn": "451 busy@example.vn",
    }.get(to)
    stand_in = Console(tmp_path / "out")
    with structlog.testing.capture_logs() as said, post(door, through(gateway)) as office:
        office.contacts |= {"c1": "ghost@example.vn", "c2": "busy@example.vn", "c3": "broken@address@example.vn"}
        for number, contact in enumerate(("lan", "c1", "c2", "c3", "nobody"), 1):
            office.put(f"n{number}", contact=contact)
        office.put("n6", kind="unknown")
        for id in ("n1", "n2", "n4", "n5"):
            office.ends(id)
        office.tried(1, "n3")
        office.tried(1, "n6")
        stand_in.send(LAN, MAIL, "n1")
        Console().send(LAN, MAIL, "n1")
    rows = door.store.notices(door.site)
    text = json.dumps([said, [str(row) for row in rows]], default=str, ensure_ascii=False)
    assert {entry["event"] for entry in said} == {"notice_ended", "notice_not_yet", "notice_stumbled", "would_send"}
    for secret in ("@example.vn", "482 1375", letter().code, "Chứng thực", "Nghỉ"):
        assert secret not in text, secret


def test_the_stand_in_keeps_mails_as_files_where_it_is_given_a_folder(tmp_path: Path) -> None:
    stand_in = Console(tmp_path / "out")
    for id in ("n1", "n1", "n2"):
        stand_in.send(LAN, MAIL, id)
    files = sorted((tmp_path / "out").glob("*.eml"))
    assert len(files) == 2 and all(f"To: {LAN}".encode() in file.read_bytes() for file in files)
    with pytest.raises(Never):
        stand_in.send("lan", MAIL, "n3")
    stand_in.close()
