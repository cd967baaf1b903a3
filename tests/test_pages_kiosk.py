"""What a citizen meets at the kiosk: two touches to a number, one touch one number, and a sentence where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from page_server import KIOSK_KEY, PageServer, example
from playwright.sync_api import Browser, Page, expect, sync_playwright

pytestmark = pytest.mark.browser

PORTRAIT, LANDSCAPE = (1080, 1920, "k1"), (1024, 768, "k2")
DEAD_MS = 550
LONG_NAMES = {
    "ho-tich": "Hộ tịch, quốc tịch – Nuôi con nuôi và giám hộ",
    "dat-dai": "Lao động – Thương binh –| Xã hội và Người có công",
    "giao-duc": "Ẩm thực, Ổn định đời sống –| Ỗ Ế Ẫ Ự",
}

LAID_OUT = """() => {
  const mm = parseFloat(getComputedStyle(document.documentElement).getPropertyValue('--mm'));
  const wrong = [];
  const shown = (e) => e.getClientRects().length > 0;
  const name = (e) => (e.dataset?.touch ?? e.className) + ' "' + e.textContent.trim().slice(0, 30) + '"';
  const targets = [...document.querySelectorAll('[data-touch]')].filter(shown);
  for (const target of targets) {
    const box = target.getBoundingClientRect();
    const [wide, high] = [box.width / mm, box.height / mm];
    if (wide < 19.9 || high < 19.9) wrong.push(`too small: ${name(target)} ${wide}x${high} mm`);
    for (const other of targets) {
      if (other === target || other.closest('.over') !== target.closest('.over')) continue;
      const b = other.getBoundingClientRect();
      const gap = Math.max(b.left - box.right, box.left - b.right, b.top - box.bottom, box.top - b.bottom);
      if (gap < 3.4 * mm) wrong.push(`too near: ${name(target)} and ${name(other)}, ${gap / mm} mm`);
    }
  }
  const texts = document.createTreeWalker(document.querySelector('.kiosk'), NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    if (!node.data.trim() || !shown(node.parentElement)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const em = parseFloat(getComputedStyle(node.parentElement).fontSize);
    const text = `"${node.data.trim().slice(0, 40)}"`;
    const least = document.querySelector('.large') ? 8.3 : 6.9;
    if (em < least * mm) wrong.push(`too small a letter: ${em / mm} mm ${text}`);
    const holder = node.parentElement.closest('[data-touch], .facts, .paper, .message, .card, .told') ?? document.body;
    const outer = holder.getBoundingClientRect();
    for (const r of range.getClientRects()) {
      const across = r.left >= outer.left - 1 && r.right <= outer.right + 1 && r.right <= innerWidth;
      const along = r.top >= outer.top - em * 0.25 && r.bottom <= outer.bottom + em * 0.25 && r.bottom <= innerHeight + 1;
      if (!across || !along) wrong.push(`cut: ${text}`);
    }
  }
  const root = document.documentElement;
  if (root.scrollHeight > innerHeight || root.scrollWidth > innerWidth) wrong.push('the page scrolls');
  return [...new Set(wrong)];
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def office() -> Iterator[PageServer]:
    with PageServer() as server:
        yield server


@pytest.fixture
def kiosk(browser: Browser, office: PageServer) -> Iterator[Callable[..., Page]]:
    """Opens a kiosk whose time flows and can be made to jump."""
    pages = []

    def open_kiosk(size: tuple[int, int, str] = PORTRAIT, *, key: str | None = None, ready: bool = True) -> Page:
        page = browser.new_page(viewport={"width": size[0], "height": size[1]}, has_touch=True)
        pages.append(page)
        page.clock.install()
        page.goto(f"{office.url}/kiosk/demo/{size[2]}" + (f"#key={key}" if key else ""))
        if ready:
            page.locator(".kiosk[data-screen=home] .bar").wait_for()
        return page

    yield open_kiosk
    for page in pages:
        page.close()


def touch(page: Page, what: str) -> None:
    """One touch by a person who has looked first: after the dead time of a new screen."""
    target = page.locator(f'[data-touch="{what}"]')
    target.wait_for()
    page.clock.run_for(DEAD_MS)
    target.tap()


def screen(page: Page) -> str | None:
    return page.locator(".kiosk").get_attribute("data-screen")


def test_a_walk_in_has_a_number_after_two_touches(kiosk: Callable[..., Page], office: PageServer) -> None:
    page = kiosk()
    touch(page, "take")
    touch(page, "field:ho-tich")
    expect(page.locator(".code")).to_have_text("A012")
    for told in ("Hộ\u00a0tịch · quầy 3, 4 hoặc 5", "5 người", "09:25–09:40", "09:14:05", "lúc lấy số", "Mời lấy phiếu ở khe bên dưới"):
        expect(page.locator(".kiosk")).to_contain_text(told)
    assert [(one["service"], one["marked"]) for one in office.asked] == [("ho-tich", "1")]
    touch(page, "done")
    expect(page.locator(".kiosk[data-screen=home]")).to_be_visible()


def test_a_double_tap_on_take_does_not_choose_the_field_below_it(kiosk: Callable[..., Page], office: PageServer) -> None:
    page = kiosk()
    page.clock.run_for(DEAD_MS)
    page.touchscreen.tap(300, 700)
    page.wait_for_timeout(150)
    assert page.evaluate("document.elementFromPoint(300, 700).closest('[data-touch]').dataset.touch").startswith("field:")
    page.touchscreen.tap(300, 700)
    page.wait_for_timeout(400)
    assert screen(page) == "field"
    assert office.asked == []


def test_two_taps_on_one_field_are_one_number(kiosk: Callable[..., Page], office: PageServer) -> None:
    office.ticket_delay_s = 0.5
    page = kiosk()
    touch(page, "take")
    page.clock.run_for(DEAD_MS)
    page.touchscreen.tap(300, 400)
    page.wait_for_timeout(120)
    page.touchscreen.tap(300, 400)
    expect(page.locator(".code")).to_have_text("A012")
    assert len(office.asked) == 1


def test_a_lost_answer_is_asked_again_with_the_same_key(kiosk: Callable[..., Page], office: PageServer) -> None:
    refusal = {"error": {"code": "storage_unavailable", "message": "Máy chủ chưa ghi được.", "details": {}}}
    office.ticket_answers = [(503, refusal), (502, {})]
    page = kiosk()
    touch(page, "take")
    touch(page, "field:chung-thuc")
    expect(page.locator(".card")).to_have_text("Đang lấy số…")
    expect(page.locator(".code")).to_have_text("B012")
    assert len(office.asked) == 3
    assert len({one["key"] for one in office.asked}) == 1


def test_priority_is_three_touches_and_the_ticket_says_only_that_it_has_priority(kiosk: Callable[..., Page], office: PageServer) -> None:
    page = kiosk(LANDSCAPE)
    for what in ("priority", "group:pregnant", "field:dat-dai"):
        touch(page, what)
    expect(page.locator(".mark")).to_have_text("ƯU TIÊN")
    expect(page.locator(".kiosk")).not_to_contain_text("thai")
    assert office.asked[0]["priority"] == "pregnant"


def test_one_result_field_is_a_number_at_one_touch(kiosk: Callable[..., Page], office: PageServer) -> None:
    office.site["services"][-1]["result"] = True
    page = kiosk()
    touch(page, "result")
    expect(page.locator(".code")).to_have_text("E012")


def test_english_is_one_touch_more_and_ends_with_the_journey(kiosk: Callable[..., Page], office: PageServer) -> None:
    page = kiosk()
    for what in ("language", "take", "field:ho-tich"):
        touch(page, what)
    expect(page.locator(".kiosk")).to_contain_text("Please take your ticket below")
    assert office.asked[0]["lang"] == "en"
    touch(page, "done")
    expect(page.locator("h1")).to_have_text("Ông/bà cần gì?")


def test_a_field_that_gives_no_numbers_says_why_and_gives_none(kiosk: Callable[..., Page], office: PageServer) -> None:
    page = kiosk()
    touch(page, "take")
    expect(page.locator('[data-touch="field:giao-duc"]')).to_contain_text("Hết giờ nhận số lúc 10:30")
    touch(page, "field:giao-duc")
    expect(page.locator(".message")).to_contain_text("đã hết giờ nhận số lúc 10:30.")
    touch(page, "other")
    assert screen(page) == "field"
    assert office.asked == []


def test_a_refusal_is_the_servers_sentence_and_a_way_on(kiosk: Callable[..., Page], office: PageServer) -> None:
    told = "Lĩnh vực này đã ngừng cấp số hôm nay."
    office.ticket_answers = [(409, {"error": {"code": "service_stopped", "message": told, "details": {}}})]
    page = kiosk()
    touch(page, "take")
    touch(page, "field:ho-tich")
    expect(page.locator(".message")).to_contain_text(told)
    touch(page, "other")
    assert screen(page) == "field"


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("lunch", "Đang nghỉ trưa, làm việc lại lúc 13:30. Số buổi sáng vẫn giữ nguyên."),
        ("last-ticket", "Đã hết giờ cấp số hôm nay (16:30). Ai đã có số vẫn được phục vụ. Mở lại 07:30 thứ Hai 23/11."),
        ("closed", "Hết giờ làm việc. Mở lại 07:30 thứ Hai 23/11."),
        ("holiday", "Hôm nay nghỉ: Ngày Văn hóa Việt Nam. Mở lại 07:30 thứ Tư 25/11."),
    ],
)
def test_when_no_numbers_are_given_the_kiosk_says_until_when(kiosk: Callable[..., Page], office: PageServer, state: str, told: str) -> None:
    office.show(state)
    page = kiosk()
    expect(page.locator(".message")).to_be_visible()
    spoken = " ".join(page.locator(".message p").all_inner_texts()).replace("\u00a0", " ")
    assert told in spoken
    assert page.locator('[data-touch="take"]').count() == 0


def test_before_the_first_number_the_kiosk_names_the_time(kiosk: Callable[..., Page], office: PageServer) -> None:
    board = example("before")
    board["hours"].update(issuing=False, reason=None)
    office.show(board, waiting=[{**row, "open": False} for row in board["waiting"]])
    expect(kiosk().locator(".message")).to_contain_text("Bắt đầu cấp số lúc 07:15.")


def test_an_idle_screen_asks_and_then_returns(kiosk: Callable[..., Page], office: PageServer) -> None:
    page = kiosk()
    touch(page, "take")
    page.clock.fast_forward(40_500)
    expect(page.locator(".card")).to_contain_text("Ông/bà cần thêm thời gian không?")
    touch(page, "more-time")
    expect(page.locator(".card")).to_have_count(0)
    page.clock.fast_forward(41_000)
    expect(page.locator(".card")).to_contain_text("Tự quay về sau")
    page.clock.fast_forward(20_500)
    assert screen(page) == "home"


def test_the_number_leaves_by_itself(kiosk: Callable[..., Page], office: PageServer) -> None:
    page = kiosk()
    touch(page, "take")
    touch(page, "field:ho-tich")
    expect(page.locator(".code")).to_be_visible()
    page.clock.run_for(19_000)
    assert screen(page) == "number"
    page.clock.run_for(1_500)
    assert screen(page) == "home"


def test_without_server_the_kiosk_says_where_to_go_and_comes_back(kiosk: Callable[..., Page], office: PageServer) -> None:
    page = kiosk()
    office.away = True
    office.drop()
    for _ in range(12):
        page.clock.run_for(1_000)
    expect(page.locator(".message")).to_contain_text("Máy đang mất kết nối.")
    expect(page.locator(".message")).to_contain_text("Mời lấy số tại bàn hướng dẫn.")
    office.away = False
    for _ in range(8):
        page.clock.run_for(500)
    expect(page.locator('[data-touch="take"]')).to_be_visible()


def test_the_key_in_the_address_pairs_the_kiosk_and_is_taken_out(kiosk: Callable[..., Page], office: PageServer) -> None:
    office.paired = False
    page = kiosk(key=KIOSK_KEY)
    page.wait_for_function("location.hash === ''")
    assert office.paired
    touch(page, "take")
    touch(page, "field:ho-tich")
    expect(page.locator(".code")).to_have_text("A012")


@pytest.mark.parametrize("key", [None, "another-key"])
def test_a_kiosk_without_its_key_says_what_is_missing(kiosk: Callable[..., Page], office: PageServer, key: str | None) -> None:
    office.paired = False
    page = kiosk(key=key, ready=False)
    expect(page.locator(".message")).to_contain_text("Máy này chưa được ghép.")
    expect(page.locator(".message")).to_contain_text("Mời gọi quản trị.")
    assert page.evaluate("location.hash") == ""


@pytest.mark.parametrize(
    ("size", "modes"),
    [
        (PORTRAIT, ()),
        (PORTRAIT, ("large",)),
        (PORTRAIT, ("low",)),
        (PORTRAIT, ("language", "large", "low")),
        (LANDSCAPE, ()),
        (LANDSCAPE, ("large",)),
        (LANDSCAPE, ("language",)),
    ],
)
def test_everything_is_large_enough_and_nothing_is_cut(
    kiosk: Callable[..., Page], office: PageServer, size: tuple[int, int, str], modes: tuple[str, ...]
) -> None:
    for service in office.site["services"]:
        service["name"] = LONG_NAMES.get(service["id"], service["name"])
        service["name_en"] = "Civil status, nationality and adoption" if service["id"] in LONG_NAMES else service["name_en"]
    result: dict[str, Any] = {**office.site["services"][0], "id": "ket-qua", "result": True, "name": "Trả kết quả"}
    office.site["services"].append(result)
    office.show(example("long"), waiting=[*office.board["waiting"], {**office.board["waiting"][0], "service": "ket-qua", "count": 188}])
    page = kiosk(size)
    for mode in modes:
        touch(page, mode)
    wrong = {"home": page.evaluate(LAID_OUT)}
    for name, what in [
        ("rules", "rules"),
        ("home again", "back"),
        ("priority", "priority"),
        ("field", "group:older"),
        ("next page", "more"),
    ]:
        touch(page, what)
        wrong[name] = page.evaluate(LAID_OUT)
        low = page.evaluate("Math.min(...[...document.querySelectorAll('[data-touch]')].map((e) => e.getBoundingClientRect().top))")
        assert "low" not in modes or low >= 1081, name
    page.locator(".tile:not(.shut)").first.wait_for()
    page.clock.run_for(DEAD_MS)
    page.locator(".tile:not(.shut)").first.tap()
    page.locator(".code").wait_for()
    wrong["number"] = page.evaluate(LAID_OUT)
    assert {name: found for name, found in wrong.items() if found} == {}
    assert page.evaluate("parseFloat(getComputedStyle(document.querySelector('.code')).fontSize) * 0.725") >= (
        225 if size is PORTRAIT else 135
    )


def test_an_answer_for_somebody_who_has_left_is_not_shown_to_the_next(kiosk: Callable[..., Page], office: PageServer) -> None:
    told = kiosk().evaluate(
        """async () => {
          const { start, step, GIVE_UP_MS } = await import('/kiosk/static/model.js');
          const site = await (await fetch('/api/v1/sites/demo')).json();
          let state = step(start(), { type: 'site', site, now: 0 });
          state = step(state, { type: 'touch', on: 'take', now: 1000, downAt: 1000 });
          state = step(state, { type: 'touch', on: 'field:ho-tich', now: 2000, downAt: 2000, key: 'first' });
          const asked = state.intent.key;
          state = step(state, { type: 'answer', key: 'first', status: 0, now: 9000 });
          const kept = state.intent.key;
          state = step(state, { type: 'tick', now: 2001 + GIVE_UP_MS });
          state = step(state, { type: 'answer', key: 'first', status: 201, body: { code: 'A012' }, now: 2002 + GIVE_UP_MS });
          return [asked, kept, state.screen, state.ticket];
        }"""
    )
    assert told == ["first", "first", "home", None]
