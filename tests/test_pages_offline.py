"""The kiosk's page while the server is away: it says so, gives provisional numbers through the agent beside it, and comes back."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from browsing import comes
from cable import Cable
from fake_printer import FakePrinter
from kiosk_page import LANDSCAPE, PORTRAIT, kiosks, laid_out, shows, touch
from office import Office, small_site
from outside import outside
from page_server import PageServer
from playwright.sync_api import Browser, Page, expect
from ports import free_port
from running import until
from test_alone import BOOT, Counter, Paper, lent

from kiosk.agent import OnItsOwn, serve
from kiosk.alone import Alone
from kiosk.beside import Beside
from kiosk.delivery import Printed
from kiosk.journal import Journal
from kiosk.notebook import Notebook
from kiosk.printer import open_printer
from kiosk.touches import Touches
from server.core import lease
from server.core.site import Counter as Desk
from server.core.site import Service

pytestmark = pytest.mark.browser

SHOTS = os.environ.get("MOISO_SHOTS")


@pytest.fixture
def office() -> Iterator[PageServer]:
    with PageServer() as server:
        yield server


@pytest.fixture
def beside(office: PageServer, tmp_path: Path) -> Iterator[tuple[Beside, Paper]]:
    """An agent that was lent numbers of every field of the example's office, and whose paper always comes."""
    fields = tuple(Service(s["id"], s["letter"], s["name"], s["name_en"]) for s in office.site["services"])
    desks = (Desk("1", "Quầy 1", "main", tuple(s.id for s in fields)),)
    paper = Paper()
    with Notebook(tmp_path / "alone") as notebook:
        alone = Alone(notebook, Counter(), BOOT)
        alone.lend(lent(office=Office(small_site(services=fields, counters=desks, procedures=()), clock="09:00")))
        touches = Touches(lambda: "k1")
        with Beside(alone, office.url, 0, paper, lambda: {"paper": "ok"}, lambda: True, lambda: None, touches) as service:
            office.site["offline"] = {"port": service.port}
            office.beside = service.port
            yield service, paper


@pytest.fixture
def kiosk(browser: Browser, office: PageServer) -> Iterator[Callable[..., Page]]:
    with kiosks(browser, office) as open_kiosk:
        yield open_kiosk


def look(page: Page, name: str) -> None:
    """Nothing is cut, covered or too small; with MOISO_SHOTS set, a picture for human eyes."""
    wrong = laid_out(page)
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png")
    assert wrong == []


def cut_off(page: Page, office: PageServer) -> None:
    """The server is away, and the page has noticed."""
    office.away = True
    office.drop()
    for _ in range(40):
        page.clock.run_for(500)
        page.wait_for_timeout(20)
        if "Máy đang mất kết nối." in page.locator(".kiosk").inner_text():
            return
    raise AssertionError("the page does not say that it is cut off")


@pytest.mark.parametrize("size", [PORTRAIT, LANDSCAPE], ids=["portrait", "landscape"])
def test_a_kiosk_that_is_cut_off_says_so_and_gives_a_provisional_number(
    kiosk: Callable[..., Page], office: PageServer, beside: tuple[Beside, Paper], size: tuple[int, int, str]
) -> None:
    page = kiosk(size)
    cut_off(page, office)
    shape = "portrait" if size is PORTRAIT else "landscape"
    expect(page.locator(".told").first).to_have_text("Máy đang mất kết nối. Vẫn lấy được số\u00a0tạm, được gọi đúng thứ tự.")
    assert page.locator("[data-touch=help], [data-touch=appointment]").count() == 0
    look(page, f"offline-home-{shape}")
    touch(page, "take")
    expect(page.locator(".tile").first).to_be_visible()
    look(page, f"offline-field-{shape}")
    touch(page, "field:ho-tich")
    expect(page.locator(".code")).to_have_text("A980")
    expect(page.locator(".kiosk")).to_contain_text("Số tạm A980. Vẫn được gọi đúng thứ tự.")
    expect(page.locator(".kiosk")).to_contain_text("09:00:00 (lấy số lúc máy mất kết nối)")
    assert page.locator("[data-touch=change], .qr").count() == 0
    comes(page, ".paper.done")
    expect(page.locator(".paper.done")).to_contain_text("Mời lấy phiếu ở khe")
    look(page, f"offline-number-{shape}")
    _, paper = beside
    assert [(r.code, r.mark) for r in paper.printed] == [("A980", "SỐ TẠM")]
    assert office.asked == [], "nothing was asked of a server that is away"
    touch(page, "done")
    touch(page, "priority")
    touch(page, f"group:{office.site['priority_groups'][0]['id']}")
    touch(page, "field:ho-tich")
    expect(page.locator(".mark")).to_have_text("SỐ TẠM · ƯU TIÊN")
    expect(page.locator(".code")).to_have_text("A981")
    look(page, f"offline-priority-{shape}")


def test_a_number_whose_paper_came_and_whose_answer_did_not_is_shown_as_it_stands_on_the_paper(
    kiosk: Callable[..., Page], office: PageServer, beside: tuple[Beside, Paper]
) -> None:
    page, (service, paper) = kiosk(), beside
    touch(page, "take")
    office.away = True
    office.drop()
    with page.expect_request(lambda request: "idempotency-key" in request.headers) as asked:
        touch(page, "field:ho-tich")
    answer = {"id": "t12", "code": "A012", "service": "ho-tich", "state": "waiting", "counters": ["1"], "lang": "vi", "day": "2026-11-20"}
    answer |= {
        "issued_at": "2026-11-20T09:00:00+07:00",
        "queue_time": "2026-11-20T09:00:00+07:00",
        "people_ahead": 3,
        "url": "http://x/t/t12",
    }
    noted = service._touches.note(lease.intent_of("k1", asked.value.headers["idempotency-key"]), answer)
    assert noted is not None
    noted.outcome = "printed"
    comes(page, ".code")
    expect(page.locator(".code")).to_have_text("A012")
    expect(page.locator(".kiosk")).not_to_contain_text("tạm")
    comes(page, ".paper.done")
    expect(page.locator(".paper.done")).to_contain_text("Mời lấy phiếu ở khe")
    look(page, "offline-answered")
    assert (paper.printed, service.alone.pending()) == ([], [])


def test_a_touch_that_the_server_did_not_answer_becomes_a_provisional_number_under_the_same_key(
    kiosk: Callable[..., Page], office: PageServer, beside: tuple[Beside, Paper]
) -> None:
    page = kiosk()
    touch(page, "take")
    office.away = True
    office.drop()
    touch(page, "field:ho-tich")
    comes(page, ".code")
    expect(page.locator(".code")).to_have_text("A980")
    given = beside[0].alone.pending()
    assert len(given) == 1
    office.away = False
    page.clock.run_for(3000)
    assert len(given[0].key) == 32
    assert {one["key"] for one in office.asked} <= {given[0].key}


@pytest.mark.parametrize("why", ["no agent", "nothing lent"])
def test_without_an_agent_or_a_lease_people_are_sent_to_the_desk(
    kiosk: Callable[..., Page], office: PageServer, tmp_path: Path, why: str
) -> None:
    with (
        Notebook(tmp_path / "alone") as notebook,
        Beside(Alone(notebook, Counter(), BOOT), office.url, 0, Paper(), lambda: {"paper": "ok"}, lambda: True, lambda: None) as service,
    ):
        office.beside = service.port if why == "nothing lent" else free_port()
        office.site["offline"] = {"port": office.beside}
        page = kiosk()
        cut_off(page, office)
        expect(page.locator(".message")).to_contain_text("Mời lấy số tại bàn hướng dẫn.")
        shows(page, "away")
        office.away = False
        comes(page, ".kiosk[data-screen=home]")


def test_when_the_paper_of_a_provisional_number_is_in_doubt_the_same_number_is_printed_again(
    kiosk: Callable[..., Page], office: PageServer, beside: tuple[Beside, Paper]
) -> None:
    _, paper = beside
    paper.how = Printed("unknown", "unknown: the cable")
    page = kiosk()
    cut_off(page, office)
    touch(page, "take")
    touch(page, "field:ho-tich")
    comes(page, '.paper:has-text("Phiếu đã ra chưa?")')
    paper.how = Printed("printed", "printed")
    touch(page, "reprint")
    until(lambda: len(paper.printed) == 2)
    comes(page, ".paper.done")
    assert [(r.code, r.reprint) for r in paper.printed] == [("A980", False), ("A980", True)]


# -- with a real server, a real agent, and a cable between them ------------------------------------------------------------------------


@contextmanager
def agent(cable: Cable, key: str, folder: Path, port: int) -> Iterator[FakePrinter]:
    printer, stop = FakePrinter(), threading.Event()
    with Journal(folder / "journal") as journal, Notebook(folder / "alone") as notebook:
        own = OnItsOwn(notebook, cable.url, port)
        thread = threading.Thread(target=serve, args=(cable.url, key, open_printer(printer.url), journal, stop, own), daemon=True)
        thread.start()
        yield printer
        cable.mend()
        stop.set()
        thread.join(timeout=20)
    printer.stop()


def test_from_the_cut_to_the_return_with_a_reload_in_between(browser: Browser, tmp_path: Path) -> None:
    """A touch while the cable is cut, a reload, another touch; after the return both wait in their order and the walls are whole."""
    port = free_port()
    document = tmp_path / "open.toml"
    document.write_text(Path("config/sites/open.toml").read_text(encoding="utf-8") + f"\n[offline]\nport = {port}\n", encoding="utf-8")
    with outside(tmp_path, document=str(document)) as office, Cable(office.server.port) as cable:
        key = office["k1"].key
        assert key is not None
        with agent(cable, key, tmp_path, port):
            wall = browser.new_page(viewport={"width": 1920, "height": 1080})
            page = browser.new_page(viewport={"width": 1080, "height": 1920}, has_touch=True)
            wall.goto(f"{cable.url}/display/open/main")
            page.goto(f"{cable.url}/kiosk/open/k1#key={key}")
            page.locator("[data-touch=take], [data-touch^=field]").first.wait_for()
            until(lambda: page.evaluate("navigator.serviceWorker.controller !== null"))
            until(lambda: [e for e in office.story() if e["kind"] == "BlockLeased"])
            kept = page.evaluate("caches.keys().then(async (names) => (await (await caches.open(names[0])).keys()).map((r) => r.url))")
            main = page.locator("script[src]").evaluate("(script) => script.src")
            assert main.startswith(f"{cable.url}/v/"), "the page asks for files of one version"
            assert {page.url, *(main.replace("main.js", name) for name in ("main.js", "kiosk.css", "view.js"))} <= set(kept)
            policy = page.request.get(page.url).headers["content-security-policy"]
            assert f"connect-src http://127.0.0.1:{port} 'self'" in policy
            assert "127.0.0.1" not in page.request.get(f"{cable.url}/display/open/main").headers["content-security-policy"]
            office.open("1")
            cable.cut()
            began = time.monotonic()
            press(page, "field:A")
            expect(page.locator(".code")).to_have_text("A980", timeout=60_000)
            assert time.monotonic() - began > 9, "a server that answers slowly is not away"
            page.reload(wait_until="commit")
            press(page, "field:A")
            expect(page.locator(".code")).to_have_text("A981", timeout=60_000)
            office.take("A", who="hoa")
            office.call("1")
            assert wall.get_by_text("A001").count() == 0
            cable.mend()
            mended = time.monotonic()
            expect(wall.get_by_text("A001").first).to_be_visible(timeout=30_000)
            print(f"the wall was whole {time.monotonic() - mended:.1f} s after the return")
            # The page's own requests arrive late and may be answered first; what nobody holds is given back then.
            until(lambda: [office.board()["waiting"][0][what] for what in ("next", "count")] == [["A980", "A981"], 2])
            assert sorted(e["event"]["number"] for e in office.story() if e["kind"] == "TicketIssued")[-2:] == [980, 981]
            wall.close()
            page.close()


def test_a_screen_is_whole_within_three_seconds_of_the_return() -> None:
    """The longest it can sleep through it: an attempt that has just asked in vain, and the longest pause before the next one."""
    text = Path("server/pages/static/shared/connection.js").read_text(encoding="utf-8")
    attempt, pause = (int(re.search(rf"{name} = (\d+);", text)[1]) for name in ("CONNECT_TIMEOUT_MS", "RECONNECT_MAX_MS"))  # type: ignore[index]
    assert attempt + 1.5 * pause <= 2700, "the library lengthens a pause by up to half, and the first board takes its time too"


def press(page: Page, what: str, patience_s: float = 60) -> None:
    """Touch until a choice is reached: through "take" where the fields have a screen of their own."""
    first = page.locator(f'[data-touch="take"], [data-touch="{what}"]').first
    first.wait_for(timeout=patience_s * 1000)
    page.wait_for_timeout(600)
    if page.locator('[data-touch="take"]').count():
        page.locator('[data-touch="take"]').tap()
        page.locator(f'[data-touch="{what}"]').wait_for()
        page.wait_for_timeout(600)
    page.locator(f'[data-touch="{what}"]').tap()
