"""The console's small window in Chromium: all that a clerk needs above the one-stop software, and nothing is lost when it is closed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from clerk import USABLE, Clerk, seated
from console_server import SmallOffice
from playwright.sync_api import Browser, BrowserContext, Page, expect

from server.core import events as ev

pytestmark = pytest.mark.browser

SMALL = {"width": 420, "height": 240}
POP_UP = "Object.defineProperty(window, 'documentPictureInPicture', { value: undefined })"
"""A page without TLS, or another browser: no Document Picture-in-Picture."""
CUT = """() => {
  const wrong = [];
  const root = document.documentElement;
  if (root.scrollWidth > innerWidth || root.scrollHeight > innerHeight) wrong.push(`scrolls: ${root.scrollWidth}x${root.scrollHeight}`);
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    if (!node.data.trim()) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    // A code is set without room for marks: its letters end long before its line.
    const high = node.parentElement.classList.contains('code') ? 20 : 1;
    const outer = (node.parentElement.closest('button, .big, header, .line') ?? document.body).getBoundingClientRect();
    for (const box of range.getClientRects()) {
      if (box.left < outer.left - 1 || box.right > outer.right + 1 || box.top < outer.top - high || box.bottom > outer.bottom + high) {
        wrong.push(`cut: ${node.data.trim()}`);
      }
    }
  }
  for (const button of document.querySelectorAll('button')) {
    const box = button.getBoundingClientRect();
    if (box.height < 26) wrong.push(`low: ${button.textContent.trim()} ${box.height}`);
  }
  return wrong;
}"""


@pytest.fixture
def office() -> Iterator[SmallOffice]:
    with SmallOffice() as small:
        yield small


@pytest.fixture(params=["floating", "pop-up"])
def desk(request: pytest.FixtureRequest, browser: Browser, office: SmallOffice) -> Iterator[tuple[BrowserContext, Clerk]]:
    """A clerk at the open quầy 3, once in a browser that floats windows and once in one that only opens them."""
    context = browser.new_context(viewport=USABLE)  # type: ignore[arg-type]
    if request.param == "pop-up":
        context.add_init_script(POP_UP)
    office.sit("3", "mau")
    yield context, seated(context, office)
    context.close()


def small(context: BrowserContext, clerk: Clerk) -> Clerk:
    with context.expect_page() as opened:
        clerk.page.keyboard.press("K")
    return drawn(opened.value)


def drawn(page: Page) -> Clerk:
    # A floating window takes its size from the system's windows, of which a headless browser has none.
    page.set_viewport_size(SMALL)  # type: ignore[arg-type]
    page.locator("main.small").wait_for()
    page.evaluate(
        "Promise.all([...document.querySelectorAll('link')].map((l) => l.sheet ?? new Promise((go) => (l.onload = go)))).then(() => 1)"
    )
    page.evaluate("document.fonts.ready.then(() => null)")
    return SmallClerk(page)


class SmallClerk(Clerk):
    def rest(self) -> None:
        self.page.wait_for_selector("[data-resting=false]")


def test_a_day_is_worked_by_keyboard_in_the_small_window(office: SmallOffice, desk: tuple[BrowserContext, Clerk]) -> None:
    context, main = desk
    first, second = office.come("ho-tich"), office.come("chung-thuc")
    office.come("ho-tich")
    mini = small(context, main)
    mini.reads("label", "GỌI TIẾP")
    mini.reads("count", "3 người chờ")
    button = mini.page.locator("#big").bounding_box()
    assert mini.page.evaluate(CUT) == []
    mini.press("Space")
    mini.reads("current", first)
    main.reads("current", first)
    mini.reads("call", "Đang phát…")
    mini.reads("count", "2 người chờ")
    assert mini.page.evaluate(CUT) == []
    mini.press("G")
    mini.press("Space")
    mini.reads("label", f"{first}: XONG HAY VẮNG?")
    assert mini.page.evaluate(CUT) == []
    mini.press("V")
    mini.reads("current", second)
    mini.press("Control+z")
    mini.reads("line", f"Đã hoàn tác. {second} về đúng chỗ cũ. Loa chưa đọc.")
    mini.press("Space")
    mini.reads("current", second)
    mini.press("C")
    expect(mini.page.locator("#panel-first")).to_be_focused()
    assert mini.page.evaluate("document.documentElement.scrollWidth") <= SMALL["width"]
    mini.page.keyboard.type("7")
    mini.page.keyboard.press("Enter")
    mini.reads("line", f"Đã chuyển {second} đến quầy 7")
    main.reads("strip", f"Đã chuyển {second} đến quầy 7")
    mini.press("N")
    mini.page.locator("[data-test=panel-pause]").wait_for()
    assert mini.page.evaluate("document.documentElement.scrollHeight") <= SMALL["height"]
    mini.press("1")
    expect(mini.page.locator("[data-test=panel-warn] #panel-first")).to_be_focused()
    mini.press("Enter")
    mini.sees("paused")
    assert mini.page.evaluate(CUT) == []
    mini.press("Space")
    mini.reads("label", "GỌI TIẾP")
    assert mini.page.locator("#big").bounding_box() == button, "it never moves, whatever stood above and below it"
    assert [type(entry.event) for entry in office.story if isinstance(entry.event, ev.CounterPaused | ev.CounterResumed)] == [
        ev.CounterPaused,
        ev.CounterResumed,
    ]


def test_the_mouse_works_it_as_well_and_help_is_seen(office: SmallOffice, desk: tuple[BrowserContext, Clerk]) -> None:
    context, main = desk
    first = office.come("ho-tich")
    office.come("ho-tich")
    with context.expect_page() as opened:
        main.page.get_by_role("button", name="Cửa sổ nhỏ (K)").click()
    mini = drawn(opened.value)
    mini.rest()
    mini.page.locator("#big").click()
    mini.reads("current", first)
    assert mini.page.evaluate("document.activeElement === document.body"), "Space still belongs to the big button"
    mini.rest()
    mini.page.locator("[data-test=undo]").click()
    mini.page.locator("header .none").wait_for()
    office.need_help()
    mini.reads("line", "Máy lấy số 1 cần người giúp (M)")
    assert mini.page.evaluate(CUT) == []
    mini.press("M")
    mini.reads("line", "Đã báo ông/bà đến Máy lấy số 1.")
    assert len(office.happened(ev.HelpAnswered)) == 1


def test_closing_it_brings_everything_back(office: SmallOffice, desk: tuple[BrowserContext, Clerk]) -> None:
    context, main = desk
    code = office.come("ho-tich")
    mini = small(context, main)
    expect(main.page.get_by_role("button", name="Đóng cửa sổ nhỏ (K)")).to_be_visible()
    mini.press("Space")
    mini.reads("current", code)
    mini.page.evaluate("setTimeout(() => window.close())")
    main.page.get_by_role("button", name="Cửa sổ nhỏ (K)", exact=True).wait_for()
    main.reads("current", code)
    main.press("H")
    main.sees("empty")
    again = small(context, main)
    again.page.locator("header .none").wait_for()
    with again.page.expect_event("close"):
        main.page.keyboard.press("K")
    with small(context, main).page.expect_event("close"):
        main.page.reload()


def test_a_session_that_ends_is_said_in_the_small_window(office: SmallOffice, desk: tuple[BrowserContext, Clerk]) -> None:
    context, main = desk
    code = office.come("ho-tich")
    mini = small(context, main)
    mini.press("Space")
    mini.reads("current", code)
    office.forget_sessions()
    mini.press("H")
    expect(mini.page.locator(".away [role=status]")).to_have_text(f"Phiên làm việc đã hết. Đăng nhập lại; {code} vẫn ở quầy này.")
    with mini.page.expect_event("close"):
        # A click would wait for the window that it closes.
        mini.page.evaluate("setTimeout(() => document.querySelector('.away button').click())")
    expect(main.page.locator("#user")).to_be_visible()


def test_a_window_that_the_browser_blocks_is_explained(browser: Browser, office: SmallOffice) -> None:
    context = browser.new_context(viewport=USABLE)  # type: ignore[arg-type]
    context.add_init_script(f"{POP_UP}; window.open = () => null")
    office.sit("3", "mau")
    clerk = seated(context, office)
    clerk.page.keyboard.press("K")
    clerk.reads("second", "Trình duyệt chặn cửa sổ nhỏ. Mời cho phép cửa sổ bật lên ở trang này.")
    context.close()
