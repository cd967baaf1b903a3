"""A kiosk that is cut off gives the numbers it was lent, forgets none, gives none twice, and brings them in when it can."""

from __future__ import annotations

import errno
import json
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from io import FileIO
from pathlib import Path
from typing import Any

import pytest
import requests
from cable import Cable
from fake_printer import FakePrinter
from office import Office, at
from outside import Outside, outside
from ports import free_port
from running import until

from kiosk import delivery
from kiosk.agent import OnItsOwn, PrintAgent, serve
from kiosk.alone import Alone, CannotGive
from kiosk.beside import Beside, origin_of
from kiosk.delivery import Printed
from kiosk.journal import Journal
from kiosk.notebook import Given, Notebook, NotebookError
from kiosk.printer import open_printer
from kiosk.receipt import Receipt, draw
from kiosk.touches import KEPT, Touches
from server import wire
from server.core import decide, hall, lease

BOOT = "this switching-on"


class Counter:
    """The machine's counter, as far as a test wants it to be."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def lent(clock: str = "08:00", kiosk: str = "k1", office: Office | None = None) -> dict[str, Any]:
    """A lease as the server words it."""
    office = office or Office(clock=clock)
    office.do(lease.lease, kiosk=kiosk, holder="store0001")
    told: dict[str, Any] = json.loads(wire.dumps(wire.leased(office.day, office.now, kiosk, "store0001")))
    return told


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A printer that answers is heard, however busy the machine is on which it is played."""
    for patience in ("PATIENT_S", "CONFIRM_S", "HELD_S"):
        monkeypatch.setattr(delivery, patience, 60.0)


@pytest.fixture
def tick() -> Counter:
    return Counter()


@contextmanager
def kiosk(folder: Path, tick: Counter, started: str | None = BOOT) -> Iterator[Alone]:
    with Notebook(folder / "alone") as notebook:
        yield Alone(notebook, tick, started)


def why_none(alone: Alone, service: str = "household", key: str = "another") -> str:
    with pytest.raises(CannotGive) as reason:
        alone.take(key, service)
    return reason.value.code


# -- giving ----------------------------------------------------------------------------------------------------------------------


def test_a_number_is_taken_at_the_halls_time_carried_on_by_the_machines_counter(tmp_path: Path, tick: Counter) -> None:
    with kiosk(tmp_path, tick) as alone:
        alone.lend(lent("08:00"))
        tick.seconds += 12 * 60 + 34.5
        given = alone.take("k", "household")
        assert (given.code, datetime.fromisoformat(given.taken_at)) == ("A980", at("08:12:34") + timedelta(milliseconds=500))
        ticket = alone.ticket(given)
        assert (ticket["queue_time"], ticket["reason"]["words"]) == ("2026-11-20T08:12:34+07:00", "lấy số lúc máy mất kết nối")
        first = alone.take("p", "household", priority="older")
        assert (first.code, first.queue_time[11:19]) == ("A981", "07:42:34")


def test_one_touch_gets_one_number_however_often_it_is_asked_for(tmp_path: Path, tick: Counter) -> None:
    with kiosk(tmp_path, tick) as alone:
        alone.lend(lent())
        codes = []
        hands = [threading.Thread(target=lambda: codes.append(alone.take("k", "household").code)) for _ in range(20)]
        for hand in hands:
            hand.start()
        for hand in hands:
            hand.join()
        assert codes == ["A980"] * 20


def test_a_kiosk_that_was_lent_nothing_or_gave_everything_gives_nothing(tmp_path: Path, tick: Counter) -> None:
    with kiosk(tmp_path, tick) as alone:
        assert why_none(alone) == "no_lease"
        alone.lend(lent())
        assert why_none(alone, "weddings") == "no_numbers"
        codes = [alone.take(f"k{n}", "household").code for n in range(20)]
        assert (codes[0], codes[-1], len(set(codes))) == ("A980", "A999", 20)
        assert why_none(alone) == "no_numbers"
        assert alone.take("k", "copies").code == "B980"
        assert alone.state()["services"]["household"] == {"left": 0, "why_not": "no_numbers"}


def test_after_the_lease_and_outside_the_hours_no_number_is_given(tmp_path: Path, tick: Counter) -> None:
    with kiosk(tmp_path, tick) as alone:
        alone.lend(lent("07:20"))
        tick.seconds += 59 * 60
        assert alone.take("k", "household").code == "A980"
        tick.seconds += 2 * 60
        assert why_none(alone) == "lease_over"
    with kiosk(tmp_path / "noon", tick) as alone:
        alone.lend(lent("10:45"))
        assert why_none(alone, "health") == "no_numbers", "it has given its last number at 10:30"
        tick.seconds += 44 * 60
        assert alone.take("k", "household").code == "A980"
        tick.seconds += 60
        assert why_none(alone) == "closed"


# -- forgetting nothing ------------------------------------------------------------------------------------------------------------


def test_an_agent_started_again_goes_on_where_it_was(tmp_path: Path, tick: Counter) -> None:
    with kiosk(tmp_path, tick) as alone:
        alone.lend(lent())
        alone.take("k1", "household")
    tick.seconds += 60
    with kiosk(tmp_path, tick) as alone:
        assert alone.take("k1", "household").code == "A980"
        again = alone.take("k2", "household")
        assert (again.code, again.queue_time[11:19]) == ("A981", "08:01:00")
        assert [given.code for given in alone.pending()] == ["A980", "A981"]


@pytest.mark.parametrize("started", ["another switching-on", None])
def test_a_machine_that_was_switched_off_does_not_know_the_time_and_gives_nothing(
    tmp_path: Path, tick: Counter, started: str | None
) -> None:
    with kiosk(tmp_path, tick) as alone:
        alone.lend(lent())
    with kiosk(tmp_path, tick, started) as alone:
        assert why_none(alone) == "clock_unknown"
        assert alone.state()["at"] is None
        alone.lend(lent())
        assert alone.take("k", "household").code == "A980"


def test_whatever_of_a_line_reached_the_disk_no_number_is_given_twice(tmp_path: Path, tick: Counter) -> None:
    with kiosk(tmp_path, tick) as alone:
        alone.lend(lent())
        alone.take("k1", "household")
        alone.end("k1", "merged", "A980")
        whole = (tmp_path / "alone").read_bytes()
        alone.take("k2", "household")
    line = (tmp_path / "alone").read_bytes()[len(whole) :]
    for cut in range(0, len(line), 7):
        (tmp_path / "alone").write_bytes(whole + line[:cut])
        with kiosk(tmp_path, tick) as alone:
            assert alone.find("k2") is None, "it was neither shown nor printed"
            assert alone.take("k3", "household").code == "A981"
        with kiosk(tmp_path, tick) as alone:
            assert [given.code for given in alone.pending()] == ["A981"]
            assert alone.take("k4", "household").code == "A982"


def no_room(_: int) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_gives_no_number(tmp_path: Path, tick: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    with kiosk(tmp_path, tick) as alone:
        alone.lend(lent())
        with monkeypatch.context() as full:
            full.setattr("os.fsync", no_room)
            assert why_none(alone) == "not_stored"
        assert alone.take("k", "household").code == "A980"
    with kiosk(tmp_path, tick) as alone:
        assert alone.take("k", "household").code == "A980"


def test_a_number_that_was_refused_is_nobodys_after_a_restart(tmp_path: Path, tick: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    with kiosk(tmp_path, tick) as alone:
        alone.lend(lent())
        whole = (tmp_path / "alone").read_bytes()
        with monkeypatch.context() as full:
            full.setattr("os.fsync", no_room)
            assert why_none(alone, key="refused") == "not_stored"
        assert (tmp_path / "alone").read_bytes() == whole, "whoever starts now finds nothing of it"
        assert alone.take("given", "household").code == "A980"
    with kiosk(tmp_path, tick) as alone:
        assert [(given.key, given.code) for given in alone.pending()] == [("given", "A980")]


def test_a_number_of_which_only_the_end_of_its_line_found_no_room_is_nobodys(tmp_path: Path, tick: Counter) -> None:
    with kiosk(tmp_path / "trial", tick) as alone:
        alone.lend(lent())
        alone.take("refused", "household")
    end = (tmp_path / "trial" / "alone").stat().st_size
    with kiosk(tmp_path, tick) as alone:
        alone.lend(lent())
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (end - 1, before[1]))
        try:
            assert why_none(alone, key="refused") == "not_stored"
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert alone.take("given", "household").code == "A980"
    with kiosk(tmp_path, tick) as alone:
        assert [given.key for given in alone.pending()] == ["given"]


class Stubborn(FileIO):
    """A file on a disk that gives nothing back until it is told to."""

    gives = False

    def truncate(self, size: int | None = None, /) -> int:
        if not self.gives:
            raise OSError(errno.EIO, "Input/output error")
        return super().truncate(size)


def test_while_a_refused_line_cannot_be_taken_back_no_other_number_is_given(
    tmp_path: Path, tick: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    with kiosk(tmp_path, tick) as alone:
        alone.lend(lent())
        lines = alone._notebook._lines
        lines._let_go()
        lines._file = disk = Stubborn(tmp_path / "alone", "a")
        with monkeypatch.context() as full:
            full.setattr("os.fsync", no_room)
            assert why_none(alone, key="refused") == "not_stored"
        assert why_none(alone, key="next") == "not_stored"
        disk.gives = True
        assert alone.take("given", "household").code == "A980"
    with kiosk(tmp_path, tick) as alone:
        assert [given.key for given in alone.pending()] == ["given"]


def test_a_disk_that_filled_up_overnight_keeps_the_agent_from_no_paper_and_gives_numbers_again_once_there_is_room(
    tmp_path: Path, tick: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    with kiosk(tmp_path, tick) as alone:
        alone.lend(lent())
        alone.take("k", "household")
        holder = alone.holder
    with monkeypatch.context() as full:
        full.setattr("os.fsync", no_room)
        notebook = Notebook(tmp_path / "alone")
        alone = Alone(notebook, tick, BOOT)
        assert [given.code for given in alone.pending()] == ["A980"], "nothing is forgotten"
        alone.lend(lent())
        assert why_none(alone) == "not_stored"
    with notebook:
        alone.lend(lent())
        assert alone.take("k2", "household").code == "A981"
    with kiosk(tmp_path, tick) as alone:
        assert ([given.code for given in alone.pending()], alone.holder) == (["A980", "A981"], holder)


def test_who_starts_on_a_full_disk_is_known_by_one_name_once_there_is_room(
    tmp_path: Path, tick: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        full.setattr("os.fsync", no_room)
        notebook = Notebook(tmp_path / "alone")
    with notebook:
        Alone(notebook, tick, BOOT).lend(lent())
    with kiosk(tmp_path, tick) as alone:
        assert alone.holder == notebook.holder and alone.take("k", "household").code == "A980"


def test_a_notebook_that_cannot_be_written_anew_goes_on_as_it_was(tmp_path: Path, tick: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kiosk.notebook.MOST_LINES", 3)
    with kiosk(tmp_path, tick) as alone:
        for n in range(3):
            alone.lend(lent(f"08:0{n}"))
            tick.seconds += 60
            alone.take(f"k{n}", "household")
        with monkeypatch.context() as full:
            full.setattr("os.fsync", no_room)
            alone.lend(lent("08:10"))
        assert [path.name for path in tmp_path.iterdir() if path.suffix == ".new"] == [], "half of a file takes room from the whole one"
        assert alone.take("k", "household").code == "A983"
    with kiosk(tmp_path, tick) as alone:
        assert [given.code for given in alone.pending()] == ["A980", "A981", "A982", "A983"]


def test_a_second_agent_on_one_notebook_is_refused(tmp_path: Path) -> None:
    with Notebook(tmp_path / "alone"), pytest.raises(NotebookError, match="Another print agent uses"):
        Notebook(tmp_path / "alone")
    (tmp_path / "file").touch()
    with pytest.raises(NotebookError, match="cannot be written"):
        Notebook(tmp_path / "file" / "alone")


def test_a_notebook_forgets_what_was_brought_in_days_ago_and_keeps_what_was_not(tmp_path: Path) -> None:
    def number(key: str, day: str) -> Given:
        return Given(key, day, "household", 980, "A980", f"{day}T08:00:00+07:00", f"{day}T08:00:00+07:00", 1)

    with Notebook(tmp_path / "alone") as notebook:
        holder = notebook.holder
        for key, day in (("old", "2026-11-16"), ("lost", "2026-11-16"), ("new", "2026-11-20")):
            notebook.give(number(key, day))
        notebook.end("old", "merged", "A980")
        notebook.end("lost", "refused", "Ngày 16/11 đã kết thúc.")
        notebook.end("new", "merged", "A980")
    with Notebook(tmp_path / "alone") as notebook:
        assert (list(notebook.given), notebook.holder) == (["lost", "new"], holder)


# -- on paper ----------------------------------------------------------------------------------------------------------------------


def test_the_paper_says_that_it_is_provisional_and_promises_nothing_that_the_kiosk_does_not_know(tmp_path: Path, tick: Counter) -> None:
    with kiosk(tmp_path, tick) as alone:
        alone.lend(lent())
        tick.seconds += 754
        paper = alone.receipt(alone.take("k", "household"))
        assert (paper.code, paper.mark, paper.queue_time, paper.reason) == ("A980", "SỐ TẠM", "08:12:34", "lấy số lúc máy mất kết nối")
        assert (paper.qr, paper.ahead, paper.expected) == (None, None, None)
        assert paper.date_line == "Thứ Sáu 20/11/2026 · lấy lúc 08:12 · máy 1"
        assert paper.counters == "Quầy 1 hoặc 2"
        english = alone.receipt(alone.take("e", "household", lang="en", priority="older"), reprint=True)
        assert (english.mark, english.reprint) == ("SỐ TẠM · ƯU TIÊN", True)
        assert english.reason == "taken at 08:12, priority counts 30 min earlier"
        for each in (paper, english):
            for width in (80, 58):
                assert draw(each, width).width in (576, 384)


# -- for the page ------------------------------------------------------------------------------------------------------------------

PAGE = "http://192.0.2.1:8000"


class Paper:
    """Where tickets come out; `how` is how the next one goes."""

    def __init__(self) -> None:
        self.printed: list[Receipt] = []
        self.how = Printed("printed", "printed")

    def __call__(self, receipt: Receipt) -> Printed:
        self.printed.append(receipt)
        return self.how


@pytest.fixture
def beside(tmp_path: Path, tick: Counter) -> Iterator[tuple[Beside, Paper]]:
    paper = Paper()
    with kiosk(tmp_path, tick) as alone:
        alone.lend(lent())
        with Beside(alone, PAGE + "/", 0, paper, lambda: {"paper": "ok"}, lambda: True, lambda: None) as service:
            yield service, paper


def ask(service: Beside, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
    headers = {"Origin": PAGE, **headers}
    return requests.request(method, f"http://127.0.0.1:{service.port}{path}", json=body, headers=headers, timeout=60)


def test_the_page_takes_a_number_and_learns_how_its_paper_went(beside: tuple[Beside, Paper]) -> None:
    service, paper = beside
    body = {"key": "k", "service": "household"}
    first, again = (ask(service, "POST", "/tickets", body) for _ in range(2))
    assert (first.status_code, first.json()["code"], first.json() == again.json()) == (201, "A980", True)
    assert first.headers["Access-Control-Allow-Origin"] == PAGE
    state = until(lambda: (s := ask(service, "GET", "/state?key=k").json())["print"]["outcome"] == "printed" and s)
    assert (state["print"]["ticket"], state["away"], state["unmerged"]) == (first.json()["id"], True, 1)
    assert state["services"]["household"] == {"left": 19, "why_not": None}
    assert [receipt.code for receipt in paper.printed] == ["A980"]
    paper.how = Printed("unknown", "unknown")
    assert ask(service, "POST", "/print", {"key": "k"}).json()["code"] == "A980"
    until(lambda: ask(service, "GET", "/state?key=k").json()["print"]["outcome"] == "unknown")
    assert [receipt.reprint for receipt in paper.printed] == [False, True]


def test_a_touch_whose_paper_came_from_the_server_gets_no_second_number_when_the_answer_was_lost(tmp_path: Path, tick: Counter) -> None:
    office = Office(clock="08:00")
    office.do(decide.issue, ticket="t1", service="household", kiosk="k1", intent=lease.intent_of("k1", "touch"))
    ticket = json.loads(wire.dumps(wire.ticket(office.day, office.day.tickets["t1"])))
    paper = wire.receipt(hall.receipt(office.day, office.day.tickets["t1"], office.now))
    paper |= {"intent": lease.intent_of("k1", "touch"), "answer": ticket}
    moment = {"id": "2026-11-20-2-1", "ticket": "t1", "receipt": paper}
    machine = FakePrinter()
    with kiosk(tmp_path, tick) as alone, Journal(tmp_path / "journal") as journal:
        alone.lend(lent())
        printer = PrintAgent(open_printer(machine.url), journal, lambda instant: False)
        printer.touches.kiosk = lambda: "k1"
        beat = lambda: {"paper": "ok"}  # noqa: E731
        with Beside(alone, PAGE, 0, printer.print_now, beat, lambda: True, lambda: None, printer.touches) as service:
            assert printer.on_moment("print", moment) == (True, "printed")
            told = ask(service, "POST", "/tickets", {"key": "touch", "service": "household"})
            assert (told.status_code, told.json()) == (201, {**ticket, "url": None})
            assert ask(service, "GET", "/state?ticket=t1").json()["print"] == {"ticket": "t1", "outcome": "printed"}
            assert alone.pending() == []
            # Another touch gets a number of its own.
            assert ask(service, "POST", "/tickets", {"key": "next", "service": "household"}).json()["code"] == "A980"
            assert ask(service, "GET", "/state?ticket=t2").json()["print"] is None
            until(lambda: ask(service, "GET", "/state?key=next").json()["print"]["outcome"] == "printed")
    machine.until_idle()
    machine.stop()
    assert machine.sheets == 2


def test_a_kiosk_remembers_the_touches_of_the_last_quarter_of_an_hour_only() -> None:
    touches = Touches(lambda: "k1")
    assert touches.find("0") is None and touches.note(None, {}) is None and touches.note("x", None) is None
    for number in range(KEPT + 1):
        touches.note(lease.intent_of("k1", str(number)), {"id": f"t{number}"})
    assert touches.find("0") is None and touches.of("t0") is None
    found = touches.find("1")
    assert found is not None and found is touches.of("t1")


def test_only_the_page_of_the_offices_server_is_let_in(beside: tuple[Beside, Paper]) -> None:
    service, _ = beside
    body = {"key": "k", "service": "household"}
    for origin in ("http://elsewhere.example", "null", PAGE + "0", "http://192.0.2.1"):
        answer = ask(service, "POST", "/tickets", body, Origin=origin)
        assert (answer.status_code, "Access-Control-Allow-Origin" in answer.headers) == (403, False)
    assert ask(service, "GET", "/state", Host="elsewhere.example").status_code == 403
    assert requests.get(f"http://127.0.0.1:{service.port}/state", timeout=60).status_code == 403
    assert service.alone.pending() == []
    allowed = ask(
        service, "OPTIONS", "/tickets", **{"Access-Control-Request-Method": "POST", "Access-Control-Request-Private-Network": "true"}
    )
    assert (allowed.status_code, allowed.headers["Access-Control-Allow-Origin"]) == (204, PAGE)
    assert allowed.headers["Access-Control-Allow-Private-Network"] == "true"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/tickets", {"service": "household"}, 422),
        ("/tickets", {"key": "k" * 151, "service": "household"}, 422),
        ("/tickets", {"key": "k", "service": 7}, 422),
        ("/tickets", {"key": "k", "service": "household", "lang": "fr"}, 422),
        ("/tickets", {"key": "k", "service": "weddings"}, 409),
        ("/tickets", ["k"], 400),
        ("/tickets", {"key": "k", "service": "x" * 5000}, 400),
        ("/print", {"key": "unknown"}, 404),
        ("/anything", {"key": "k"}, 404),
    ],
)
def test_what_the_page_would_never_send_is_refused_and_gives_nothing(
    beside: tuple[Beside, Paper], path: str, body: Any, status: int
) -> None:
    service, paper = beside
    assert ask(service, "POST", path, body).status_code == status
    form = requests.post(f"http://127.0.0.1:{service.port}/tickets", data="key=k", headers={"Origin": PAGE}, timeout=60)
    assert form.status_code == 400
    assert (service.alone.pending(), paper.printed) == ([], [])
    assert ask(service, "GET", "/state").status_code == 200


def test_an_origin_is_what_a_browser_sends() -> None:
    assert origin_of("http://192.0.2.1:80/kiosk") == "http://192.0.2.1"
    assert origin_of("https://Office.example:8443/") == "https://office.example:8443"
    assert origin_of("http://[::1]:8000") == "http://[::1]:8000"


# -- ten minutes -------------------------------------------------------------------------------------------------------------------


@contextmanager
def agent(cable: Cable, office: Outside, folder: Path, printer: FakePrinter) -> Iterator[str]:
    """The agent of kiosk k1, at the near end of the cable; where its page finds it."""
    stop = threading.Event()
    key = office["k1"].key
    assert key is not None
    port = free_port()
    with Journal(folder / "journal") as journal, Notebook(folder / "alone") as notebook:
        own = OnItsOwn(notebook, cable.url, port)
        thread = threading.Thread(target=serve, args=(cable.url, key, open_printer(printer.url), journal, stop, own), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            cable.mend()
            stop.set()
            thread.join(timeout=60)
            assert not thread.is_alive()


def test_fifteen_numbers_of_ten_minutes_without_a_network_are_merged_in_order_and_none_is_given_twice(tmp_path: Path) -> None:
    """A hall clock sixty times as fast: ten minutes are ten seconds."""
    printer = FakePrinter()
    with outside(tmp_path, "--factor", "60") as office, Cable(office.server.port) as cable, agent(cable, office, tmp_path, printer) as url:
        headers = {"Origin": cable.url}

        def state() -> dict[str, Any]:
            told: dict[str, Any] = requests.get(f"{url}/state", headers=headers, timeout=60).json()
            return told

        def ready() -> bool:
            with suppress(requests.ConnectionError):
                return state()["why_not"] is None
            return False

        def hall_time() -> datetime:
            return datetime.fromisoformat(office.board()["at"])

        until(ready)
        lost = requests.Session()
        cable.cut()
        began = hall_time()
        # The page's own request for the first number is on its way while the cable is cut, and arrives after everything else.
        body, key = {"service": "A"}, {"Authorization": f"Bearer {office['k1'].key}", "Idempotency-Key": "touch-0"}
        late = threading.Thread(target=lambda: lost.post(f"{cable.url}/api/v1/sites/open/tickets", json=body, headers=key, timeout=60))
        late.start()
        alone: list[dict[str, Any]] = []
        online: list[dict[str, Any]] = []
        for number in range(15):
            until(lambda: hall_time() >= began + number * timedelta(seconds=42))  # noqa: B023
            taken = requests.post(f"{url}/tickets", json={"key": f"touch-{number}", "service": "A"}, headers=headers, timeout=60)
            assert taken.status_code == 201, taken.text
            alone.append(taken.json())
            if number % 3 == 0:
                online.append(office.take("A", who="hoa"))
        until(lambda: hall_time() >= began + timedelta(minutes=10))
        assert state()["unmerged"] == 15
        assert office.board()["waiting"][0]["count"] == 5
        cable.mend()
        until(lambda: state()["unmerged"] == 0)
        late.join(timeout=60)
        assert not late.is_alive()
        story = [entry["event"] for entry in office.story() if entry["kind"] == "TicketIssued"]
        assert [event["number"] for event in story if "provisional" in event] == list(range(980, 995))
        waiting = office.board()["waiting"][0]
        assert waiting["count"] == 20, "no citizen has two numbers, also not the one whose request came late"
        office.open("1")
        called = [office.call("1", finish=True) for _ in range(20)]
        assert sorted(t["code"] for t in called) == sorted([t["code"] for t in alone] + [t["code"] for t in online])
        assert [t["queue_time"] for t in called] == sorted(t["queue_time"] for t in called)
        printed_times = {t["code"]: t["queue_time"] for t in alone}
        assert {t["code"]: t["queue_time"] for t in called if t["code"] in printed_times} == printed_times, "the paper keeps its promise"
        until(lambda: printer.sheets >= 15)
        printer.until_idle()
        assert printer.sheets == 15
    printer.stop()


def test_a_number_that_the_server_refuses_is_kept_and_told_to_staff(tmp_path: Path) -> None:
    printer = FakePrinter()
    with outside(tmp_path) as office, Cable(office.server.port) as cable:
        moment = office.board()["at"]
        with Notebook(tmp_path / "alone") as notebook:
            notebook.give(Given("k", office.today, "A", 500, "A500", moment, moment, 1))
        with agent(cable, office, tmp_path, printer):

            def told() -> list[str]:
                devices = office["lan"].get("/sites/open/counters/1/console")["devices"]
                return [alert["words"] for alert in devices["alerts"] if "A500" in alert["words"]]

            assert until(told) == ["Máy lấy số k1 có số tạm không nhập được: A500"]
        with Notebook(tmp_path / "alone") as notebook:
            kept = notebook.given["k"]
            assert (kept.state, kept.answer) == ("refused", "Số A500 không thuộc các số tạm của máy này. Mời lấy số mới.")
    printer.stop()


def test_the_servers_number_for_a_touch_that_has_ours_is_known(tmp_path: Path, tick: Counter) -> None:
    with kiosk(tmp_path, tick) as alone:
        alone.lend(lent())
        alone.take("k", "household")
        assert alone.has_given_for(lease.intent_of("k1", "k"), "k1")
        assert not alone.has_given_for(lease.intent_of("k1", "other"), "k1")
        assert not alone.has_given_for(None, "k1")
