"""The phone page behind a ticket's QR, against the real server: whole without a program, live with one, and nobody's secret on it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from browsing import HEAR, PATIENCE_MS, comes, hears, stand
from outside import Outside, outside
from playwright.sync_api import Browser, BrowserContext, Page, expect
from running import OPEN, PASSWORD, Client, Server

from server.commands import add_device

pytestmark = pytest.mark.browser

PUBLIC = "https://so.an-mau.example"
PHONE = {"width": 360, "height": 800}

LAID_OUT = """() => {
  const wrong = [];
  const shown = (e) => e.getClientRects().length > 0;
  for (const e of [...document.querySelectorAll('button, input, a')].filter(shown)) {
    const box = e.getBoundingClientRect();
    if (box.width < 48 || box.height < 48) wrong.push(`too small: ${e.textContent.trim()} ${box.width}x${box.height}`);
  }
  const texts = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    if (!node.data.trim() || !shown(node.parentElement)) continue;
    const size = parseFloat(getComputedStyle(node.parentElement).fontSize);
    if (size < 16) wrong.push(`${size} px: ${node.data}`);
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const r of range.getClientRects()) if (r.left < 0 || r.right > innerWidth) wrong.push(`cut: ${node.data}`);
  }
  if (parseFloat(getComputedStyle(document.body).fontSize) < 18) wrong.push('the body is small');
  if (document.documentElement.scrollWidth > innerWidth) wrong.push('scrolls sideways');
  return wrong;
}"""
PARTS = """() => Object.fromEntries(['title', 'text', 'wait', 'between', 'field', 'counters', 'queue_time', 'reason'].map((name) => {
  const part = document.querySelector(`[data-part="${name}"]`);
  return [name, part.hidden ? '' : part.textContent];
}))"""

SHAKEN = """navigator.vibrate = (times) => {
  const seen = document.documentElement.dataset;
  seen.moved = 'true';
  if (Array.isArray(times)) seen.shaken = Number(seen.shaken ?? 0) + 1;
}"""
"""How often the phone has shaken with a pattern, written where a test can wait for it."""


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    """An office with a public address, and a second one without, on the same server."""
    folder = tmp_path_factory.mktemp("phones")
    text = Path(OPEN).read_text(encoding="utf-8")
    public, plain = folder / "open.toml", folder / "plain.toml"
    public.write_text(text.replace('id = "open"', f'id = "open"\nhotline = "0236 000 0000"\npublic_url = "{PUBLIC}"', 1), encoding="utf-8")
    plain.write_text(text.replace('id = "open"', 'id = "plain"', 1), encoding="utf-8")
    with outside(folder, "--site", str(plain), document=str(public)) as office:
        yield office


@pytest.fixture(autouse=True)
def empty(office: Outside) -> Iterator[None]:
    yield
    office.clear()


@pytest.fixture
def phone(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport=PHONE, has_touch=True, locale="en-US", timezone_id="America/New_York")  # type: ignore[arg-type]
    yield context
    context.close()


@pytest.fixture
def plain_phone(browser: Browser) -> Iterator[Page]:
    """A phone whose browser runs no programs."""
    context = browser.new_context(viewport=PHONE, java_script_enabled=False)  # type: ignore[arg-type]
    yield context.new_page()
    context.close()


def url(office: Outside, ticket: dict[str, Any], rest: str = "") -> str:
    return f"{office.url}/t/{ticket['id']}{rest}"


def live(phone: BrowserContext, office: Outside, ticket: dict[str, Any]) -> Page:
    """The page, with its socket listening."""
    page = phone.new_page()
    page.add_init_script(HEAR)
    page.goto(url(office, ticket))
    page.wait_for_selector("html.js")
    hears(page, "answer")
    return page


def title(page: Page) -> Any:
    return page.locator("[data-part=title]")


# -- in words --------------------------------------------------------------------------------------------------------------------

Do = Callable[[Outside, dict[str, Any]], Any]


def called(office: Outside, ticket: dict[str, Any]) -> None:
    office.open()
    office.call()


def then(verb: str) -> Do:
    def do(office: Outside, ticket: dict[str, Any]) -> None:
        called(office, ticket)
        office.act(ticket["id"], verb)

    return do


STATES: list[tuple[str, Do, str, list[str]]] = [
    ("first", lambda o, t: None, "vi", ["Đang chờ gọi", "Không còn ai trước ông/bà. Xin chờ ở gần quầy."]),
    ("called", called, "vi", ["Mời đến quầy\u00a01", "Gọi lúc 09:"]),
    ("again", then("recall"), "vi", ["Mời đến quầy\u00a01", "Gọi lần 2, lúc 09:"]),
    ("serving", then("start"), "vi", ["Đang được phục vụ", "Tại quầy\u00a01."]),
    ("held", then("hold"), "vi", ["Đang được tạm giữ", "Không cần lấy số mới."]),
    ("done", then("finish"), "vi", ["Đã hoàn tất", "Cảm ơn ông/bà."]),
    ("missed", then("no-show"), "vi", ["Đã gọi mà vắng", "Mời đến máy lấy số hoặc bàn hướng dẫn để quay lại hàng."]),
    ("given back", lambda o, t: o.act(t["id"], "cancel"), "vi", ["Đã trả số", "Khi cần, mời lấy số mới."]),
    ("in English", called, "en", ["Please go to counter\u00a01", "Called at 09:", "Civil\u00a0status", "How numbers are called"]),
    ("English, first", lambda o, t: None, "en", ["Nobody is before you. Please stay near the counter.", "when the number was taken"]),
]


@pytest.mark.parametrize(("does", "lang", "says"), [row[1:] for row in STATES], ids=[row[0] for row in STATES])
def test_each_state_of_a_ticket_is_told_in_words_without_a_program(office: Outside, does: Do, lang: str, says: list[str]) -> None:
    ticket = office.take("A", lang=lang)
    does(office, ticket)
    page = requests.get(url(office, ticket), headers={"Accept-Language": "fr"}, timeout=60)
    assert page.status_code == 200
    assert f'<html lang="{lang}">' in page.text
    for words in [ticket["code"], ticket["queue_time"][11:19], "0236", *says]:
        assert words in page.text, words


def test_a_phone_without_programs_shows_everything_and_reloads(office: Outside, plain_phone: Page) -> None:
    before, ticket = office.take("A"), office.take("A")
    plain_phone.goto(url(office, ticket))
    shown = plain_phone.locator("main").inner_text()
    for words in (ticket["code"], "Còn 1 người trước ông/bà.", "Hộ tịch", "1, 2, 3 hoặc 4", "lúc lấy số", "Trang tự tải lại sau 10 giây."):
        assert words.replace("\u00a0", " ") in shown.replace("\u00a0", " "), words
    assert plain_phone.locator(".rules li").count() == 5
    assert plain_phone.locator("meta[http-equiv=refresh]").get_attribute("content") == "10"
    assert plain_phone.evaluate(LAID_OUT) == []
    for dead in ("tell", "ask-back", "why"):
        expect(plain_phone.locator(f"[data-do={dead}]")).to_be_hidden()
    plain_phone.get_by_role("link", name="Hỏi về một số khác").click()
    # Nobody types a number within ten seconds: this page waits.
    assert plain_phone.locator("meta[http-equiv=refresh]").count() == 0
    plain_phone.get_by_label("Số của người đó").fill(before["code"].lower())
    plain_phone.get_by_role("button", name="Xem vì sao").click()
    expect(plain_phone.locator("[data-part=answer]")).to_contain_text(f"{before['code']} trước {ticket['code']} vì")
    assert plain_phone.evaluate(LAID_OUT) == []
    plain_phone.get_by_role("link", name="Về trang theo dõi số").click()
    expect(plain_phone.locator("meta[http-equiv=refresh]")).to_have_count(1)


@pytest.mark.parametrize("id", ["0" * 24, "khong-co", "%00", "../x", "a" * 300])
def test_an_unknown_ticket_is_a_page_that_says_so(office: Outside, id: str) -> None:
    page = requests.get(f"{office.url}/t/{id}", timeout=60)
    assert page.status_code == 404
    if "/" not in id:
        assert "Không tìm thấy phiếu này." in page.text and "lỗi" not in page.text.lower()


def test_the_page_tells_nobody_who_the_citizen_is(office: Outside) -> None:
    ticket = office.take("A", priority="disabled", contact={"phone": "0912345678", "email": "an@example.vn"})
    page = requests.get(url(office, ticket), timeout=60)
    for secret in ("0912345678", "an@example.vn", "khuyết tật", "disab", "contact"):
        assert secret not in page.text, secret
    assert "ưu tiên tính sớm 30 phút" in page.text
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Cache-Control"] == "no-store"
    assert "noindex" in page.headers["X-Robots-Tag"] and 'content="noindex' in page.text


def test_why_answers_for_an_unknown_number_and_for_ones_own(office: Outside) -> None:
    ticket = office.take("A")
    unknown = requests.get(url(office, ticket), {"why": "<b>X9"}, timeout=60).text
    assert "Hôm nay không có số &lt;B&gt;X9. Xin xem lại số." in unknown
    assert "Lúc lấy số." in requests.get(url(office, ticket), {"why": ticket["code"]}, timeout=60).text


def test_a_ticket_of_a_day_that_has_ended_tells_its_end(tmp_path: Path) -> None:
    server = Server(tmp_path, OPEN, "--hall-clock", "2026-11-19T15:00:00+07:00").start()
    try:
        (chief,) = server.crew("binh", role="supervisor")
        chief.post("/sites/open/counters/1/open")
        done, missed = (chief.post("/sites/open/tickets", {"service": "A"}, expect=201) for _ in range(2))
        for _ in range(2):
            chief.post("/sites/open/counters/1/next", {"finish": True})
        chief.post(f"/sites/open/tickets/{missed['id']}/no-show")
        server.stop()
        server.options = ("--hall-clock", "2026-11-20T09:00:00+07:00")
        server.start()
        page = requests.get(f"{server.url}/t/{done['id']}", timeout=60)
        assert page.status_code == 200
        assert "Đã hoàn tất" in page.text and "Thứ Năm 19/11/2026" in page.text and "refresh" not in page.text
        assert "Số này không quay lại hàng được nữa." in requests.get(f"{server.url}/t/{missed['id']}", timeout=60).text
    finally:
        server.stop()


# -- the code --------------------------------------------------------------------------------------------------------------------


def test_the_code_of_a_ticket_leads_to_its_page(office: Outside, phone: BrowserContext, tmp_path: Path) -> None:
    ticket = office.take("A")
    answer = requests.get(url(office, ticket, "/qr.svg"), timeout=60)
    assert answer.headers["Content-Type"].startswith("image/svg+xml")
    page = phone.new_page()
    page.goto(url(office, ticket))
    # On the page itself: its policy on pictures holds for the kiosk's screen as well.
    page.evaluate(
        """(src) => new Promise((done) => {
          const code = Object.assign(new Image(), { id: 'qr', src, width: 300, onload: done });
          document.body.prepend(code);
        })""",
        f"/t/{ticket['id']}/qr.svg",
    )
    page.locator("#qr").screenshot(path=tmp_path / "qr.png")
    read = subprocess.run(["zbarimg", "--raw", "-q", str(tmp_path / "qr.png")], capture_output=True, text=True, check=True)
    assert read.stdout.strip() == f"{PUBLIC}/t/{ticket['id']}" == ticket["url"]
    modules = int(re.findall(r'viewBox="0 0 (\d+) \1"', answer.text)[0])
    assert (modules - 8 - 17) % 4 == 0, "a quiet zone of four modules on each side"


def test_a_ticket_without_a_public_address_has_no_code_but_a_page(office: Outside) -> None:
    with office.database() as store:
        key = add_device(store, "plain", "k9", "kiosk", "k1")["key"]
    ticket = Client(office.api, key).post("/sites/plain/tickets", {"service": "A"}, expect=201)
    assert requests.get(url(office, ticket, "/qr.svg"), timeout=60).status_code == 404
    assert requests.get(url(office, ticket), timeout=60).status_code == 200


# -- live ------------------------------------------------------------------------------------------------------------------------


def test_a_live_page_says_what_a_reloaded_one_says(office: Outside, phone: BrowserContext, plain_phone: Page) -> None:
    office.take("A")
    ticket = office.take("A", priority="older")
    page = live(phone, office, ticket)
    expect(title(page)).to_have_text("Đang chờ gọi")
    office.open()
    turns: list[tuple[str, Callable[[], Any]]] = [
        ("called", office.call),
        ("called", lambda: office.act(ticket["id"], "recall")),
        ("held", lambda: office.act(ticket["id"], "hold")),
        ("waiting", lambda: office.act(ticket["id"], "release")),
        ("waiting", lambda: office.act(ticket["id"], "transfer", who="binh", body={"service": "B"})),
        ("called", lambda: office.act(ticket["id"], "call", body={"counter": "1", "reason": "theo yêu cầu"})),
        ("serving", lambda: office.act(ticket["id"], "start")),
        ("no_show", lambda: office.act(ticket["id"], "no-show")),
        ("waiting", lambda: office.act(ticket["id"], "rejoin", who="k1")),
        ("cancelled", lambda: office.act(ticket["id"], "cancel")),
    ]
    for state, turn in turns:
        turn()
        for _ in range(PATIENCE_MS // 100):
            # Loaded anew each time: what is told may hang on the minute.
            plain_phone.goto(url(office, ticket))
            if page.evaluate(PARTS) == plain_phone.evaluate(PARTS):
                break
            page.wait_for_timeout(100)
        else:
            assert page.evaluate(PARTS) == plain_phone.evaluate(PARTS)
        assert page.locator("main").get_attribute("data-state") == state
        assert page.evaluate(LAID_OUT) == []
    page.reload()
    expect(title(page)).to_have_text("Đã trả số")


def test_who_has_touched_the_bell_is_told_of_the_call_and_of_the_next(office: Outside, phone: BrowserContext) -> None:
    ticket = office.take("A")
    phone.add_init_script(SHAKEN)
    page = live(phone, office, ticket)
    page.get_by_role("button", name="Báo tôi khi được gọi").tap()
    expect(page.get_by_role("button", name="Sẽ báo khi được gọi")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_text("Xin để trang này mở và bật tiếng điện thoại.")).to_be_visible()
    office.open()
    office.call()
    expect(title(page)).to_have_text("Mời đến quầy 1")
    expect(page.locator("html")).to_have_attribute("data-shaken", "1")
    office.act(ticket["id"], "recall")
    expect(page.locator("html")).to_have_attribute("data-shaken", "2")


def test_nobody_is_shaken_who_has_not_asked_for_it(office: Outside, phone: BrowserContext) -> None:
    ticket = office.take("A")
    phone.add_init_script(SHAKEN)
    page = live(phone, office, ticket)
    office.open()
    office.call()
    expect(title(page)).to_have_text("Mời đến quầy 1")
    assert page.locator("html").get_attribute("data-moved") is None


def test_a_citizen_asks_why_somebody_else_goes_first(office: Outside, phone: BrowserContext) -> None:
    ticket, other = office.take("A"), office.take("A", priority="older")
    page = live(phone, office, ticket)
    page.get_by_label("Số của người đó").fill(f" {other['code'].lower()} ")
    page.keyboard.press("Enter")
    answer = page.locator("[data-part=answer]")
    expect(answer).to_have_text(
        f"{other['code']} trước {ticket['code']} vì {other['queue_time'][11:19]} sớm hơn {ticket['queue_time'][11:19]}."
    )
    page.get_by_label("Số của người đó").fill("Z999")
    page.keyboard.press("Enter")
    expect(answer).to_have_text("Hôm nay không có số Z999. Xin xem lại số.")


def test_giving_the_number_back_asks_once_and_is_done_once(office: Outside, phone: BrowserContext) -> None:
    ticket = office.take("A")
    page = live(phone, office, ticket)
    page.get_by_role("button", name="Trả số, không chờ nữa").tap()
    expect(page.get_by_text(f"Trả số {ticket['code']}? Số này sẽ không được gọi nữa.")).to_be_visible()
    page.get_by_role("button", name="Giữ số").tap()
    assert office["nobody"].get(f"/sites/open/tickets/{ticket['id']}")["state"] == "waiting"
    page.get_by_role("button", name="Trả số, không chờ nữa").tap()
    assert page.evaluate(LAID_OUT) == []
    page.get_by_role("button", name="Trả số", exact=True).dblclick()
    expect(title(page)).to_have_text("Đã trả số")
    expect(page.locator("[data-part=back-box]")).to_be_hidden()
    ended = [e for e in office.story() if e["kind"] == "TicketCancelled" and e["event"]["ticket"] == ticket["id"]]
    assert len(ended) == 1 and ended[0]["actor"] == "holder"


def test_where_no_socket_gets_through_the_page_asks_and_says_when_nobody_answers(office: Outside, phone: BrowserContext) -> None:
    ticket = office.take("A")
    page = phone.new_page()
    page.clock.install()
    page.route_web_socket(re.compile("socket"), lambda socket: socket.close())
    page.goto(url(office, ticket))
    page.wait_for_selector("html.js")
    stand(page)
    office.open()
    office.call()
    # On a busy machine it may have asked already before its time stood, and asks again ten seconds later.
    comes(page, "main[data-state=called]")
    expect(title(page)).to_have_text("Mời đến quầy 1")
    expect(page.locator("[data-part=stale]")).to_be_hidden()
    page.route("**/api/**", lambda route: route.abort())
    page.clock.run_for(11000)
    expect(page.locator("[data-part=stale]")).to_contain_text("Điện thoại đang mất kết nối. Số liệu lúc 09:")
    assert page.evaluate(LAID_OUT) == []


def test_the_password_of_staff_is_no_use_to_the_page(office: Outside, phone: BrowserContext) -> None:
    """Somebody who works here looks at a ticket in the same browser: giving it back needs the page's own mark like any command."""
    ticket = office.take("A")
    page = phone.new_page()
    page.goto(f"{office.url}/console")
    signed = page.request.post(f"{office.api}/sessions", data={"user": "lan", "password": PASSWORD})
    assert signed.status == 201
    page.goto(url(office, ticket))
    page.get_by_role("button", name="Trả số, không chờ nữa").tap()
    page.get_by_role("button", name="Trả số", exact=True).tap()
    expect(title(page)).to_have_text("Đã trả số")
