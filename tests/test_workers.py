"""Two workers behind nginx, over one PostgreSQL database and Redis: what is done at one of them is known at the other, and each may end."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
import socketio
from databases import Postgres, Redis, opened
from listening import Ears, beating
from playwright.sync_api import Browser, Page, expect
from ports import free_ports
from requests.adapters import HTTPAdapter
from running import MORNING, OPEN, PASSWORD, START_S, Client, moiso, until
from several import Several, several

from server.news import ANSWER_S

SOON_S = 0.4
"""Far below the second after which everybody looks anyway."""


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, redis: Redis) -> Iterator[Several]:
    folder = tmp_path_factory.mktemp("several")
    mail = ("--smtp", f"file://{folder}/mail")
    with several(folder, postgres.fresh(), *MORNING, *mail, "--queue", redis.url) as office:
        yield office
        workers = list(office.pids().values())
        assert len(workers) == 2 and office.stop() == 0, "a clean stop"
        until(lambda: not running_still(workers))


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(ignore_https_errors=True)
    yield page
    page.close()


@pytest.fixture(scope="module")
def kiosk(office: Several) -> Client:
    return office.device("k1")


@pytest.fixture(scope="module")
def head(office: Several) -> Client:
    return office.crew("binh", role="supervisor")[0]


@pytest.fixture
def lan(office: Several) -> Iterator[Client]:
    """A clerk at counter 1, at the first worker."""
    (clerk,) = office.crew(f"lan{uuid.uuid4().hex[:6]}")
    here = office.at(0, clerk)
    here.post("/sites/open/counters/1/open")
    yield here
    until_nobody_waits(here, "1")
    here.post("/sites/open/counters/1/close")


def take(kiosk: Client, **body: Any) -> dict[str, Any]:
    return kiosk.post("/sites/open/tickets", {"service": "A", **body}, expect=201)  # type: ignore[no-any-return]


def until_nobody_waits(clerk: Client, counter: str) -> None:
    while "code" in clerk.send("POST", f"/sites/open/counters/{counter}/next", {"finish": True}).json():
        pass


def waiting(board: Any) -> int:
    return int(board["waiting"][0]["count"])


# -- journeys --------------------------------------------------------------------------------------------------------------------


def test_a_clerk_at_one_worker_calls_into_a_hall_that_is_connected_to_the_other(
    office: Several, kiosk: Client, head: Client, lan: Client
) -> None:
    there = office.at(1, kiosk)
    speaker = office.device("loa", "audio", "main")
    with ExitStack() as sockets:
        paper, wall, voice = (sockets.enter_context(Ears(office.worker(1), key)) for key in (kiosk.key, None, speaker.key))
        with Ears(office.worker(0), lan.key) as console:
            paper.call("hello", {"kind": "device"})
            voice.call("hello", {"kind": "device"})
            wall.hello("hall", "main")
            console.hello("console", "1")
            # However long all of this takes, none of them is missed after twelve seconds.
            sockets.enter_context(beating(paper, voice))
            ticket = take(there)
            sheet = paper.printed(ticket)
            paper.call("done", {"id": sheet["id"], "ok": True, "detail": "printed"})
            called = lan.post("/sites/open/counters/1/next")
            assert called["id"] == ticket["id"]
            said = voice.announced(ticket)
            wall.announced(ticket)
            # The sound is fetched at whichever worker nginx chooses.
            for number in (0, 1):
                assert requests.get(office.worker(number) + said["audio"]["vi"], timeout=START_S).headers["Content-Type"] == "audio/wav"
            voice.call("done", {"id": said["id"], "ok": True, "detail": "played"})
            heard = console.state("console", lambda state: (state["current"] or {}).get("heard", {}).get("speakers") == 1)
            assert heard["current"]["heard"]["at"]
            # What is connected to the other worker is connected.
            console.state(
                "console",
                lambda state: (
                    [state["devices"][kind] for kind in ("kiosks", "displays", "speakers")] == [1, 1, 1]
                    and not [a for a in state["devices"]["alerts"] if a["name"] in ("k1", "loa")]
                ),
            )
    papers = office.at(0, head).get("/sites/open/kiosks/k1/prints")
    assert [row["state"] for row in papers if row.get("ticket") == ticket["id"]] == ["printed"]


def test_whoever_asks_the_other_worker_is_told_what_was_just_answered(office: Several, kiosk: Client, lan: Client) -> None:
    for number in (0, 1, 0, 1):
        ticket = take(office.at(number, kiosk))
        other = office.at(1 - number, Client("", None))
        assert other.get(f"/sites/open/tickets/{ticket['id']}")["state"] == "waiting"
        assert requests.get(f"{office.worker(1 - number)}/t/{ticket['id']}", timeout=START_S).status_code == 200
        called = lan.post("/sites/open/counters/1/next", {"finish": True})
        assert other.get(f"/sites/open/tickets/{called['id']}")["state"] == "called"
        with Ears(office.worker(1 - number)) as phone:
            assert phone.hello("ticket", ticket["id"])["state"] == "called"


def test_a_booking_made_at_one_worker_is_taken_back_at_the_other(office: Several, kiosk: Client) -> None:
    nobody = office.anyone()
    free = nobody.get("/sites/open/slots?service=A&date=2026-11-20")
    slot = free[-1]["start"]
    made = office.at(0, nobody).post("/sites/open/appointments", {"service": "A", "start": slot, "consent": True}, expect=201)
    found = office.at(1, nobody).get(f"/sites/open/appointments/{made['code']}")
    assert found["start"] == slot
    assert office.at(1, nobody).send("DELETE", f"/sites/open/appointments/{made['code']}").status_code == 200
    assert office.at(0, nobody).get(f"/sites/open/appointments/{made['code']}")["state"] == "cancelled"


def test_many_touches_at_both_workers_are_one_ticket(office: Several, kiosk: Client) -> None:
    for touches in (2, 20):
        once, barrier = uuid.uuid4().hex, threading.Barrier(touches)

        def touch(number: int, once: str = once, barrier: threading.Barrier = barrier) -> requests.Response:
            barrier.wait()
            return office.at(number % 2, kiosk).send("POST", "/sites/open/tickets", {"service": "B"}, once=once)

        with ThreadPoolExecutor(touches) as pool:
            answers = list(pool.map(touch, range(touches)))
        assert {answer.status_code for answer in answers} == {201} and len({answer.text for answer in answers}) == 1
        assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1


def test_two_clerks_at_two_workers_press_in_the_same_instant(office: Several, kiosk: Client) -> None:
    clerks = [office.at(n, clerk) for n, clerk in enumerate(office.crew("minh", "hoa"))]
    for counter, clerk in zip("34", clerks, strict=True):
        clerk.post(f"/sites/open/counters/{counter}/open")
    for clerk, counter in zip(clerks, "34", strict=True):
        until_nobody_waits(clerk, counter)
    for _ in range(15):
        in_line = {take(kiosk)["code"], take(kiosk)["code"]}
        barrier = threading.Barrier(2)

        def press(counter: str, clerk: Client, barrier: threading.Barrier = barrier) -> Any:
            barrier.wait()
            return clerk.post(f"/sites/open/counters/{counter}/next", {"finish": True})["code"]

        with ThreadPoolExecutor(2) as pool:
            assert set(pool.map(press, "34", clerks)) == in_line
    for counter, clerk in zip("34", clerks, strict=True):
        assert "code" not in clerk.post(f"/sites/open/counters/{counter}/next", {"finish": True})
        clerk.post(f"/sites/open/counters/{counter}/close")


# -- what one process would keep in its memory -----------------------------------------------------------------------------------


def test_a_code_is_shown_by_one_worker_typed_at_the_other_and_its_key_fetched_at_either(office: Several, head: Client) -> None:
    nobody = office.anyone()
    asked = office.at(0, nobody).post("/pairings", {"kind": "display"}, expect=201)
    path, secret = f"/pairings/{asked['code']}/key", {"secret": asked["secret"]}
    assert office.at(1, nobody).post(path, secret) == {"state": "waiting"}
    office.at(1, head).post("/sites/open/pairings", {"code": asked["code"], "name": "tv-moi", "place": "main"}, expect=201)
    refused = office.at(0, head).send("POST", "/sites/open/pairings", {"code": asked["code"], "name": "tv-khac", "place": "main"})
    assert refused.json()["error"]["code"] == "unknown_code"
    given = office.at(0, nobody).post(path, secret, expect=201)
    office.at(1, nobody).post(path, secret, expect=404)
    with Ears(office.worker(1), given["key"]) as screen:
        assert screen.call("hello", {"kind": "device"})["device"]["name"] == "tv-moi"
        # Its key is taken back at one worker; the other lets it go.
        assert office.at(0, head).send("DELETE", "/sites/open/devices/tv-moi").status_code == 204
        assert screen.is_let_go()


def test_wrong_passwords_are_counted_together(office: Several) -> None:
    office.crew("thu")
    said = [
        office.at(n % 2, office.anyone()).send("POST", "/sessions", {"user": "thu", "password": "sai mat khau"}).status_code
        for n in range(7)
    ]
    assert said == [401] * 5 + [429] * 2


def test_paper_that_is_out_is_out_since_it_was_told_at_the_other_worker(office: Several, head: Client) -> None:
    device = office.device("k2", "kiosk", "k1")

    def alarm(number: int) -> Any:
        floor = office.at(number, head).get("/sites/open/floor")
        return next((a for a in floor["alarms"] if a["name"] == "k2" and a["kind"] == "paper_out"), None)

    for number in (0, 1):
        with Ears(office.worker(number), device.key) as agent:

            def told(agent: Ears = agent) -> Any:
                """By both, and said again meanwhile: who says nothing for twelve seconds is missed, and no more is known of his paper."""
                agent.call("beat", {"paper": "out"})
                return alarm(1) and alarm(0)

            agent.call("hello", {"kind": "device"})
            here = until(told)
            if number == 0:
                began = here["since"]
    agent_gone = until(lambda: (a := alarm(0)) is None or a["since"] == began)
    assert agent_gone
    office.at(0, head).send("DELETE", "/sites/open/devices/k2")


def test_what_a_kiosk_reads_aloud_is_found_at_either_worker(office: Several, kiosk: Client) -> None:
    ticket = take(kiosk)
    sounds = office.at(0, kiosk).get(f"/sites/open/kiosks/k1/voice?ticket={ticket['id']}")["vi"]
    check = office.at(0, kiosk).get("/sites/open/sound-check")["audio"]["vi"]
    for path in [*list(sounds.values())[:2], sounds.get("number", check), check]:
        assert requests.get(office.worker(1) + path, timeout=START_S).status_code == 200, path
    assert requests.get(f"{office.worker(1)}/api/v1/sites/open/voice/{'0' * 32}.wav", timeout=START_S).status_code == 404


def test_a_new_document_is_one_event_of_the_day(office: Several, tmp_path: Path, kiosk: Client) -> None:
    take(kiosk)
    changed = tmp_path / "open.toml"
    changed.write_text(
        Path(OPEN).read_text(encoding="utf-8").replace('name = "Hộ tịch"', 'name = "Hộ tịch và quốc tịch"'), encoding="utf-8"
    )
    assert moiso("site", "import", str(changed), "--db", office.db).returncode == 0
    for number in (0, 1):
        until(lambda number=number: "quốc tịch" in str(office.at(number, office.anyone()).get("/sites/open")["services"]))
    (inspector,) = office.crew("thanh", role="inspector")
    kinds = lambda: [e["kind"] for e in inspector.get("/sites/open/days/2026-11-20/events")["events"]]  # noqa: E731
    until(lambda: kinds().count("SiteRevised"))
    assert kinds().count("SiteRevised") == 1


def test_two_who_save_at_two_workers_make_two_versions(office: Several, head: Client) -> None:
    design = {"header": ["UBND"], "footer": [], "without": []}
    barrier = threading.Barrier(2)

    def save(number: int) -> int:
        barrier.wait()
        return office.at(number, head).send("PUT", "/sites/open/receipt", design | {"footer": [f"Dòng {number}"]}).status_code

    with ThreadPoolExecutor(2) as pool:
        for _ in range(3):
            assert list(pool.map(save, (0, 1))) == [200, 200]


def test_a_mail_is_sent_once_whoever_sends_it(office: Several) -> None:
    folder, slots = office.folder / "mail", office.anyone().get("/sites/open/slots?service=A&date=2026-11-21")
    for number, slot in enumerate(slots[:6]):
        body = {"service": "A", "start": slot["start"], "consent": True, "email": f"dan{number}@example.vn"}
        office.at(number % 2, office.anyone()).post("/sites/open/appointments", body, expect=201)
    with opened(office.db) as store:
        booked = lambda: [row for row in store.notices("open") if row.kind == "booked"]  # noqa: E731
        until(lambda: [row.state for row in booked()] == ["sent"] * 6)
        assert [row.tries for row in booked()] == [1] * 6
    mails = [path.read_text(encoding="utf-8") for path in folder.glob("*") if path.is_file()]
    assert [sum(f"dan{n}@" in mail for mail in mails) for n in range(6)] == [1] * 6


# -- Redis ---------------------------------------------------------------------------------------------------------------------------


def seen_after(office: Several, kiosk: Client, own: Ears, wall: Ears) -> float:
    """How much longer a number of one worker takes to a wall of the other than to its `own`."""
    marks, count = (len(own.frames), len(wall.frames)), waiting(office.at(1, office.anyone()).get("/sites/open/halls/main/board"))
    take(office.at(0, kiosk))
    here, there = (
        each.next("board", lambda board: waiting(board) == count + 1, after=mark)[0].at
        for each, mark in zip((own, wall), marks, strict=True)
    )
    return there - here


def soon(office: Several, kiosk: Client, own: Ears, wall: Ears) -> bool:
    """By the news: the look once a second alone would be as quick once in eighty times. A busy machine may be slow twice in ten."""
    return sorted(seen_after(office, kiosk, own, wall) for _ in range(10))[7] < SOON_S


def test_without_redis_everything_goes_on_a_second_later(office: Several, kiosk: Client, redis: Redis) -> None:
    with Ears(office.worker(0)) as own, Ears(office.worker(1)) as wall:
        for each in (own, wall):
            each.hello("hall", "main")

        def with_the_news() -> bool:
            """Now, or when the machine is less busy."""
            return any(soon(office, kiosk, own, wall) for _ in range(4))

        def without() -> float:
            begun = time.monotonic()
            seen_after(office, kiosk, own, wall)
            return time.monotonic() - begun

        assert with_the_news()
        for end in (redis.stop, lambda: os.kill(redis.process.pid, signal.SIGSTOP)):  # type: ignore[union-attr]
            end()
            # The other worker looks once a second; nobody waits for Redis, or each time would be as long as its patience.
            until(lambda: without() < ANSWER_S)
            # Stopped for good or only standing still: it comes back.
            redis.stop()
            redis.start()
            until(lambda: seen_after(office, kiosk, own, wall) < SOON_S / 2)
            assert with_the_news()


def connected(url: str) -> Ears | None:
    """This client reads on one thread and writes on another, for which Python's TLS is not made: now and then it does not come to a
    greeting. A browser does."""
    try:
        return Ears(url)
    except socketio.exceptions.ConnectionError:
        return None


# -- nginx -----------------------------------------------------------------------------------------------------------------------


def test_the_shipped_nginx_speaks_tls_passes_sockets_and_keeps_its_hands_off_health(office: Several, kiosk: Client) -> None:
    plain = requests.get(f"http://127.0.0.1:{office.nginx.plain_port}/console?a=1", allow_redirects=False, timeout=START_S)
    assert plain.status_code == 301 and plain.headers["Location"] == "https://127.0.0.1/console?a=1"
    page = requests.get(f"{office.url}/console", timeout=START_S)
    assert page.status_code == 200 and "max-age" in page.headers["Strict-Transport-Security"] and "nginx/" not in page.headers["Server"]
    assert page.headers["Content-Security-Policy"], "the program's own rules pass unchanged"
    for path in ("/healthz", "/readyz", "/metrics"):
        assert requests.get(office.url + path, timeout=START_S).status_code == 404
        assert requests.get(office.worker(0) + path, timeout=START_S).status_code == 200
    with until(lambda: connected(office.url)) as wall:
        wall.hello("hall", "main")
        ticket = take(kiosk)
        assert ticket["code"] and wall.next("board")
    # A polling transport would need the same worker each time: there is none.
    assert requests.get(f"{office.url}/socket.io/?EIO=4&transport=polling", timeout=START_S).status_code == 400
    style = requests.get(f"{office.url}/static/shared/tokens.css", timeout=START_S)
    assert style.headers["Content-Encoding"] == "gzip" and style.headers["Cache-Control"] == "no-cache"


def test_nginx_keeps_the_files_of_an_edition_and_asks_again_for_those_of_another(office: Several) -> None:
    def sent() -> float:
        figures = "".join(requests.get(f"{office.worker(n)}/metrics", timeout=START_S).text for n in range(office.count))
        return sum(float(n) for n in re.findall(r'moiso_http_seconds_count\{.*rule="/v/.* (\S+)\n', figures))

    page = requests.get(f"{office.url}/console", timeout=START_S).text
    own = re.findall(r"/v/[0-9a-f]{16}(?=/)", page)[0]
    assert all(own in requests.get(f"{office.worker(n)}/console", timeout=START_S).text for n in range(office.count)), "one edition for all"
    for start, cached, times in ((own, "public, max-age=31536000, immutable", 1), ("/v/0123456789abcdef", "no-cache", 2)):
        before = sent()
        for _ in range(2):
            style = requests.get(f"{office.url}{start}/static/book/book.css", timeout=START_S)
            assert (style.status_code, style.headers["Cache-Control"], style.headers["Content-Encoding"]) == (200, cached, "gzip")
            assert style.headers["X-Content-Type-Options"] == "nosniff" and "max-age" in style.headers["Strict-Transport-Security"]
        # What is counted is counted behind its answer.
        until(lambda before=before, times=times: sent() >= before + times)
        assert sent() == before + times


def test_a_page_of_the_hall_follows_through_nginx(office: Several, kiosk: Client, page: Page, lan: Client) -> None:
    page.goto(f"{office.url}/display/open/main")
    take(kiosk)
    called = lan.post("/sites/open/counters/1/next", {"finish": True})
    expect(page.locator("body")).to_contain_text(called["code"])


def test_a_caller_is_who_nginx_has_heard_and_not_who_he_says(office: Several, head: Client) -> None:
    office.crew("khach")
    said = [
        requests.post(
            f"{office.api}/sessions",
            json={"user": "khach", "password": "sai"},
            headers={"X-Forwarded-For": f"203.0.113.{n}", "X-Forwarded-Proto": "http"},
            timeout=START_S,
        ).status_code
        for n in range(6)
    ]
    assert said == [401] * 5 + [429]
    signed = requests.post(f"{office.api}/sessions", json={"user": "binh", "password": PASSWORD}, timeout=START_S)
    assert head.key
    assert "Secure" in signed.headers["Set-Cookie"]


class Elsewhere(HTTPAdapter):
    """Requests from another address of this machine, on connections that stay: nginx counts each address by itself."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options, source_address=("127.0.0.2", 0))


def test_too_much_at_once_is_refused_in_the_programs_own_shape_and_to_nobody_else(office: Several, kiosk: Client) -> None:
    crowd = requests.Session()
    crowd.mount("https://", Elsewhere(pool_maxsize=32))
    # Beyond three hundred at once there is room for a hundred each second: on a busy machine it takes a while until it is too much.
    end, enough = time.monotonic() + START_S, threading.Event()

    def ask(number: int) -> requests.Response | None:
        if number >= 900 and (enough.is_set() or time.monotonic() > end):
            return None
        answer = crowd.get(f"{office.api}/sites/open", timeout=START_S)
        if answer.status_code != 200:
            enough.set()
        return answer

    with crowd, ThreadPoolExecutor(32) as pool:
        answers = [answer for answer in pool.map(ask, range(20_000)) if answer is not None]
        quiet = kiosk.send("POST", "/sites/open/tickets", {"service": "A" * 20_000})
    refused = [answer for answer in answers if answer.status_code != 200]
    assert {answer.status_code for answer in refused} == {429} and len(answers) - len(refused) > 300
    assert refused[0].json()["error"]["code"] == "too_many_requests" and refused[0].headers["Retry-After"]
    assert quiet.json()["error"]["code"] == "too_large", "heard by the program itself, at the same time from another address"


# -- ends ------------------------------------------------------------------------------------------------------------------------


def test_a_worker_that_was_killed_is_started_again_and_the_other_serves_meanwhile(office: Several, kiosk: Client) -> None:
    for number in (0, 1):
        with Ears(office.worker(number)) as lost, Ears(office.worker(1 - number)) as kept:
            lost.hello("hall", "main")
            kept.hello("hall", "main")
            before = office.kill_worker(number)
            killed = time.monotonic()
            assert lost.is_let_go()
            # Through nginx nobody notices: what the dead one refuses is asked of the other.
            for _ in range(10):
                take(kiosk)
            until(lambda number=number: number in office.pids())
            assert time.monotonic() - killed < START_S, "started again within a second, on whatever machine"
            office.until_started_again(number, before)
            assert not kept.closed.is_set()
    assert "has ended (-9) and is started again" in office.log.read_text()


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return moiso("serve", "--site", OPEN, "--voice", "silent", *arguments)


def test_what_cannot_work_is_one_sentence(tmp_path: Path, postgres: Postgres) -> None:
    sqlite, url = f"sqlite:///{tmp_path}/office.db", postgres.fresh()
    port = free_ports(1)
    queue = ("--queue", "redis://127.0.0.1")
    with closing(socket.create_server(("127.0.0.1", port))):
        for arguments, sentence in (
            (("--db", sqlite, "--workers", "2"), "Several workers need a PostgreSQL database"),
            (("--db", sqlite, *queue), "--queue joins the processes that serve a PostgreSQL database"),
            (("--db", url, "--workers", "0"), "--workers is a number from 1 to 64"),
            (("--db", url, "--queue", "http://:geheim@127.0.0.1"), "--queue is no address of a Redis server"),
            (
                ("--db", url, "--workers", "2", "--port", str(port), "--queue", "redis://127.0.0.1"),
                f"Port {port} at 127.0.0.1 cannot be used",
            ),
            (("--db", url, "--workers", "2", "--port", str(free_ports(2)), "--replica", "x", *queue), "docs/postgresql.md"),
        ):
            told = command(*arguments)
            assert told.returncode == 1 and sentence in told.stderr, (arguments, told.stderr)
            assert told.stderr.count("\n") == 1 and "Traceback" not in told.stderr and "geheim" not in told.stderr


def running_still(pids: list[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_workers_end_with_whoever_has_started_them(tmp_path: Path, postgres: Postgres) -> None:
    url = postgres.fresh()
    with several(tmp_path, url, *MORNING) as office:
        assert "look for one another's news once a second" in office.log.read_text()
        workers = list(office.pids().values())
        assert len(workers) == 2
        office.kill()
        until(lambda: not running_still(workers))
    with closing(psycopg.connect(url)) as other:
        left = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        until(lambda: other.execute(left).fetchone() == (0,))
