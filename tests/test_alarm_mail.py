"""Whoever is named in the site document is told by mail of what nobody has solved: once, each hour, and when it is over."""

from __future__ import annotations

import email
import threading
from collections.abc import Iterator
from email import policy
from pathlib import Path

import pytest
from databases import Postgres
from door import OPEN, Door, failing

from config.loader import check
from server import notices
from server.alarm_mail import AGAIN_S, GONE_S, AlarmMail, Watch
from server.core.alarms import Alarm, Storage, Trouble, alarms
from server.notifiers.console import Console
from server.outbox import Outbox
from server.store import Broken, Full

AFTER_S = 300.0
MUTE = Alarm("fault", "audio", "loa", "main", "Loa loa không phát được", "Xem dây loa.", 0.0)
DARK = Alarm("silent", "display", "tv", "main", "Màn hình tv mất kết nối", "Xem điện.", 0.0)
(FULL,) = alarms([], 0.0, trouble=Trouble(Storage.FULL, 0.0))
ASKING = OPEN.read_text(encoding="utf-8") + '\n[alarms]\nemail = ["binh@example.vn", "quan@example.vn"]\n'


def kinds(due: tuple[list[Alarm], list[Alarm]]) -> tuple[list[str], list[str]]:
    return [alarm.kind for alarm in due[0]], [alarm.kind for alarm in due[1]]


NOTHING: tuple[list[str], list[str]] = ([], [])


def test_an_alarm_is_told_when_it_has_lasted_again_each_hour_and_once_when_it_is_over() -> None:
    watch = Watch()
    story = {
        at: found for at in range(0, 9000, 10) if (found := kinds(watch.look([MUTE] if at < 8000 else [], float(at), AFTER_S))) != NOTHING
    }
    assert story == {
        300: (["fault"], []),
        300 + int(AGAIN_S): (["fault"], []),
        300 + 2 * int(AGAIN_S): (["fault"], []),
        7990 + int(GONE_S): ([], ["fault"]),
    }


def test_what_is_solved_in_time_is_no_mail() -> None:
    watch = Watch()
    assert all(kinds(watch.look([MUTE] if at < 290 else [], float(at), AFTER_S)) == NOTHING for at in range(0, 1000, 10))


def test_a_loose_plug_is_one_story() -> None:
    watch = Watch()
    found = [at for at in range(0, 3000, 10) if kinds(watch.look([MUTE] if at % 50 else [], float(at), AFTER_S)) != NOTHING]
    assert len(found) == 1


def test_what_is_new_is_told_together_with_what_still_stands() -> None:
    watch = Watch()
    watch.look([MUTE], 0, AFTER_S)
    watch.look([MUTE], 300, AFTER_S)
    assert kinds(watch.look([MUTE, DARK], 400, AFTER_S)) == NOTHING
    assert kinds(watch.look([MUTE, DARK], 700, AFTER_S)) == (["fault", "silent"], [])
    watch.forget()
    assert kinds(watch.look([], 800, AFTER_S)) == NOTHING


# -- by mail ---------------------------------------------------------------------------------------------------------------------


class Charge:
    """An office whose alarms are set by hand; mails become files."""

    def __init__(self, door: Door, folder: Path) -> None:
        self.door, self.folder, self.now_s = door, folder, 0.0
        self.alarms: list[Alarm] = []
        self.at_once: list[tuple[str, str]] = []
        self.mail = AlarmMail(
            door.ledger,
            lambda site: self.alarms,
            lambda: self.now_s,
            at_once=lambda to, mail, id: self.at_once.append((to, mail.subject)),
        )
        self._tick = threading.Event()
        read = notices.reading(door.store, door.ledger)
        self.outbox = Outbox(door.store, door.ledger, Console(folder), read, lambda work, *a: work(*a), lambda s: self._tick.wait(0.002))

    def look(self, now_s: float) -> None:
        self.now_s = now_s
        self.mail.look(self.door.ledger.day(self.door.site))

    def sent(self, count: int) -> list[email.message.EmailMessage]:
        """So many mails have gone out, the newest last."""
        lane = threading.Thread(target=self.outbox.run, daemon=True)
        lane.start()
        self.door.until(lambda: sum(self.outbox.ended.values()) >= count)
        self.outbox.stop()
        lane.join()
        files = sorted(self.folder.glob("*.eml"), key=lambda file: file.stat().st_mtime_ns)
        return [email.message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]  # type: ignore[arg-type]


@pytest.fixture
def document(request: pytest.FixtureRequest) -> str:
    return str(getattr(request, "param", ASKING))


@pytest.fixture
def charge(tmp_path: Path, document: str) -> Iterator[Charge]:
    with Door(tmp_path, document) as door:
        yield Charge(door, tmp_path / "mail")


def test_everybody_named_gets_a_mail_that_says_what_since_when_and_what_to_do(charge: Charge) -> None:
    charge.alarms = [MUTE, DARK]
    charge.look(0)
    charge.look(AFTER_S)
    found = charge.sent(2)
    assert sorted(message["To"] for message in found) == ["binh@example.vn", "quan@example.vn"]
    first = found[0]
    assert first["Subject"].endswith("Loa loa không phát được và 1 việc khác")
    text = first.get_body().get_content().replace("\r\n", "\n")  # type: ignore[union-attr]
    assert "- Loa loa không phát được, từ 11:55.\n  Xem dây loa." in text and "Màn hình tv mất kết nối" in text


@pytest.mark.parametrize(
    "document",
    [OPEN.read_text(encoding="utf-8"), ASKING.replace("00:00-24:00", "13:00-14:00")],
    indirect=True,
    ids=["nobody named", "closed"],
)
def test_nobody_is_written_to_where_nobody_is_named_or_at_work(charge: Charge) -> None:
    charge.alarms = [MUTE]
    charge.look(0)
    charge.look(AFTER_S)
    assert charge.door.store.notices(charge.door.site) == []


def test_an_address_erased_meanwhile_is_not_written_to(charge: Charge) -> None:
    charge.alarms = [MUTE]
    charge.look(0)
    charge.look(AFTER_S)
    for row in charge.door.store.notices(charge.door.site):
        charge.door.ledger.write(lambda tx, contact=row.contact: tx.erase_contact(contact))
    assert charge.sent(2) == []


@pytest.mark.parametrize("trouble", [Full("no room"), Broken("no flush")], ids=["full", "broken"])
def test_that_the_disk_takes_nothing_any_more_is_told_all_the_same(charge: Charge, trouble: Exception) -> None:
    charge.alarms = [FULL]
    charge.look(0)
    charge.door.store.before += [failing(trouble), failing(trouble)]
    charge.look(AFTER_S)
    assert charge.at_once == [
        (who, "Một cửa mở mọi lúc: Đĩa của máy chủ đã đầy, không cấp và gọi số được") for who in ("binh@example.vn", "quan@example.vn")
    ]
    # It is told, and not again at each look.
    charge.look(AFTER_S + 1)
    assert len(charge.at_once) == 2


MISTAKES = [
    ('email = ["nobody"]', "is not an e-mail address"),
    ("email = 3", "must be a list of texts"),
    ('email = ["a@b.vn"]\nafter_minutes = 0', "out of range"),
    ("mail = []", 'The key "mail" is not known here.'),
    ("email = [" + ", ".join(f'"a{n}@b.vn"' for n in range(11)) + "]", "There are 11 addresses."),
]


@pytest.mark.parametrize(("lines", "words"), MISTAKES, ids=[row[0][:24] for row in MISTAKES])
def test_a_mistake_in_the_document_is_said_with_its_place(lines: str, words: str) -> None:
    found = check(OPEN.read_text(encoding="utf-8") + f"\n[alarms]\n{lines}\n")
    assert len(found) == 1 and words in found[0].message


def test_whoever_takes_over_from_another_process_tells_nothing_twice(postgres: Postgres) -> None:
    url, alarms, clocks = postgres.fresh(), [DARK], [1000.0, 50.0]
    with Door(url, ASKING) as one, Door(url, ASKING) as other:
        first, second = (
            AlarmMail(door.ledger, lambda site: list(alarms), lambda n=n: clocks[n], door.store) for n, door in enumerate((one, other))
        )

        def passes(seconds: float) -> None:
            for n, door in enumerate((one, other)):
                clocks[n] += seconds
                door.pass_time(seconds=seconds)

        first.look(one.day())
        passes(AFTER_S)
        first.look(one.day())
        assert one.store.notices_waiting() == 2, "one mail to each of two"
        # The first one has ended, as far as the second one knows.
        for _ in range(5):
            second.look(other.day())
            passes(AFTER_S)
        assert one.store.notices_waiting() == 2
        alarms.clear()
        second.look(other.day())
        passes(GONE_S)
        second.look(other.day())
        assert one.store.notices_waiting() == 4, "and that it is over"
