"""What a wall tells while nobody is called, and what it tells whoever hangs it up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from browsing import LOUD, chromium, comes, hold, own_time, reaches
from page_server import DISPLAY_KEY, PageServer, example
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser

TV, TV_4K, STANDING = (1920, 1080), (3840, 2160), (1080, 1920)
SIZES = pytest.mark.parametrize("size", [TV, TV_4K, STANDING], ids=["1080p", "4K", "standing"])
LONG = {
    "hall": None,
    "title": "Điều chỉnh giờ tiếp nhận hồ sơ đất đai trong tháng Mười hai",
    "lines": [
        "Từ ngày 01/12, hồ sơ đất đai được tiếp nhận cả ngày thứ Bảy. " * 3,
        "Ế Ổ Ẫ Ự: " + "NGƯỜI ĐƯỢC ỦY QUYỀN MANG VĂN BẢN ỦY QUYỀN CÓ CHỨNG THỰC VÀ BẢN CHÍNH GIẤY TỜ TÙY THÂN. " * 2,
        "https://dichvucong.example.vn/" + "x" * 120,
        *[f"Dòng thứ {n}." for n in range(1, 9)],
    ],
}
CUT = """() => {
  const wrong = [];
  const place = document.querySelector('.slide, .check').getBoundingClientRect();
  const texts = document.createTreeWalker(document.querySelector('.slide, .check'), NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) {
      if (box.left < place.left - 1 || box.right > place.right + 1) wrong.push(`wider than its place: ${node.data}`);
      if (box.top < place.top - 1 || box.bottom > place.bottom + 1) wrong.push(`higher than its place: ${node.data}`);
    }
  }
  const root = document.documentElement;
  if (root.scrollWidth > innerWidth || root.scrollHeight > innerHeight) wrong.push('the page scrolls');
  return wrong;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium(LOUD) as started:
        yield started


@pytest.fixture
def office() -> Iterator[PageServer]:
    with PageServer() as server:
        server.board = example("quiet")
        yield server


Open = Callable[..., Page]


@pytest.fixture
def wall(browser: Browser, office: PageServer) -> Iterator[Open]:
    pages = []

    def open_wall(query: str = "", size: tuple[int, int] = TV, **context: Any) -> Page:
        shape = {"width": size[0], "height": size[1]}
        page = browser.new_page(viewport=shape, screen=shape, **context)  # type: ignore[arg-type]
        pages.append(page)
        own_time(page)
        page.goto(f"{office.url}/display/demo/main{query}")
        expect(page.locator(".head b")).not_to_be_empty()
        page.evaluate("document.fonts.ready.then(() => null)")
        hold(page)
        return page

    yield open_wall
    for page in pages:
        page.close()


def recent(page: Page) -> list[str]:
    return page.locator(".recent .code").all_inner_texts()


def turn(page: Page, office: PageServer) -> None:
    """Let the time of one page pass; the office says meanwhile that it is there."""
    before = page.locator(".slide").text_content() or ""
    for beat in range(4):
        page.clock.run_for(3_750)
        office.show(office.board, notice=f"Nhịp {beat}")
        reaches(page, office)
        expect(page.locator(".notice")).to_have_text(f"Nhịp {beat}")
    expect(page.locator(".slide")).not_to_have_text(before)


def all_pages(page: Page, office: PageServer) -> list[str]:
    """Every page of every slide until the first comes again."""
    seen: list[str] = []
    while (text := page.locator(".slide").inner_text()) not in seen:
        seen.append(text)
        turn(page, office)
    return seen


# -- when a slide may stand there ------------------------------------------------------------------------------------------------


WHEN = """async (rows) => {
  const { start, step, wall } = await import('/display/static/model.js');
  const at = (s) => new Date(Date.parse('2026-11-20T09:00:00+07:00') + s * 1000).toISOString();
  const site = { id: 'x', name: 'x', counters: [], rules: { lines: ['Mỗi phiếu in một giờ xếp hàng.'] }, slides: [] };
  const usual = { later: 0, factor: 1, state: 'done', hours: 'open', fresh: false, stale: false, calls: 1, rule: true };
  return rows.map((row) => {
    const { quiet, elapsed, later, factor, state, hours, fresh, stale, calls, rule } = { ...usual, ...row };
    const call = { seq: 1, code: 'A001', counter: '1', state, at: at(0), new_until: at(fresh ? elapsed * factor + 12 : 12) };
    const board = {
      hall: 'main', day: '2026-11-20', revision: 1, at: at(elapsed * factor), factor, hours: { state: hours }, calls: calls ? [call] : [],
      waiting: [], notice: null, quiet_since: quiet ? at(0) : null,
    };
    let wallState = step(start(), { type: 'site', site: { ...site, slide_of_rules: rule } });
    wallState = step(wallState, { type: 'board', board, now: 1000 });
    if (stale) wallState = step(wallState, { type: 'stale', now: 1000 });
    wallState = step(wallState, { type: 'tick', now: 1000 + later * 1000 });
    return Boolean(wall(wallState, 1000 + later * 1000).slide);
  });
}"""


@pytest.mark.parametrize(
    ("case", "shown"),
    [
        ({"quiet": True, "elapsed": 90}, True),
        ({"quiet": True, "elapsed": 89}, False),
        ({"quiet": True, "elapsed": 88, "later": 2}, True),
        ({"quiet": True, "elapsed": 89, "factor": 10}, False),
        ({"quiet": True, "elapsed": 90, "factor": 10}, True),
        ({"quiet": False, "elapsed": 900, "state": "called"}, False),
        ({"quiet": True, "elapsed": 90, "fresh": True}, False),
        ({"quiet": True, "elapsed": 900, "stale": True}, False),
        ({"quiet": True, "elapsed": 900, "hours": "closed"}, False),
        ({"quiet": True, "elapsed": 900, "hours": "lunch"}, True),
        ({"quiet": False, "elapsed": 900, "calls": 0}, False),
        ({"quiet": True, "elapsed": 900, "rule": False}, False),
    ],
    ids=str,
)
def test_a_slide_waits_for_ninety_quiet_seconds(wall: Open, case: dict[str, Any], shown: bool) -> None:
    assert wall().evaluate(WHEN, [case]) == [shown]


TURNS = """async () => {
  const { turnedSlides } = await import('/display/static/slides.js');
  const seen = [];
  let slides = { page: 0, at: null };
  for (const [now, may] of [[0, false], [1, true], [15, true], [16, true], [17, false], [18, false], [40, true], [54, true], [55, true]]) {
    slides = turnedSlides(slides, { may, count: 3, now: now * 1000 });
    seen.push(slides.at === null ? null : slides.page);
  }
  return seen;
}"""


def test_a_page_stands_for_fifteen_seconds_and_after_a_call_the_next_has_its_turn(wall: Open) -> None:
    assert wall().evaluate(TURNS) == [None, 0, 0, 1, None, None, 2, 2, 3]


def test_a_call_takes_a_slide_off_without_waiting_for_anything(wall: Open, office: PageServer) -> None:
    page = wall()
    expect(page.locator(".slide")).to_have_count(1)
    before = recent(page)
    # No timer of the page runs meanwhile: the board itself must be enough.
    one = example("one")
    fresh = {
        **one["calls"][0],
        "seq": 200,
        "code": "S031",
        "counter": "7",
        "at": office.board["at"],
        "new_until": "2026-11-20T09:20:12+07:00",
    }
    office.show(office.board, calls=[fresh, *office.board["calls"]][:8], quiet_since=None)
    expect(page.locator(".big .row.new .code")).to_have_text("S031")
    expect(page.locator(".slide")).to_have_count(0)
    assert recent(page)[1:] == before[:3], "who was called before stands where he would stand without slides"


def test_the_recent_calls_stay_beside_a_slide(wall: Open, office: PageServer) -> None:
    office.board["quiet_since"] = None
    page = wall()
    expect(page.locator(".big .row")).to_have_count(2)
    before = recent(page)
    office.show("quiet")
    comes(page, ".slide")
    assert recent(page) == before
    assert page.locator(".tile").count() == 3 and page.locator(".notice").inner_text()


@SIZES
def test_a_screen_of_the_office_shows_the_digits_that_only_the_hall_sees_and_a_public_one_does_not(
    wall: Open, office: PageServer, size: tuple[int, int]
) -> None:
    office.hall_code = "4821"
    page = wall(f"#key={DISPLAY_KEY}", size)
    expect(page.locator(".slide")).to_contain_text("Đã đặt hẹn và đã đến nơi?")
    expect(page.locator(".slide .code")).to_have_text("4821")
    assert page.evaluate(CUT) == []
    # Digits that cannot be asked for any more are soon wrong: they go.
    office.hall_code = None
    page.clock.run_for(20_500)
    expect(page.locator(".slide .code")).to_have_count(0)
    office.hall_code = "4821"
    public = wall("", size)
    public.locator(".slide").wait_for()
    assert "4821" not in " ".join(all_pages(public, office))


# -- what it says ----------------------------------------------------------------------------------------------------------------


@SIZES
def test_every_slide_of_the_office_and_its_rule_is_told_page_by_page(wall: Open, office: PageServer, size: tuple[int, int]) -> None:
    office.site["slides"].append({"hall": "upstairs", "title": "Không phải ở đây", "lines": ["x"]})
    page = wall("", size)
    page.locator(".slide").wait_for()
    told = " ".join(" ".join(all_pages(page, office)).split())
    for slide in office.site["slides"][:2]:
        assert slide["title"] in told and all(line in told for line in slide["lines"])
    for line in office.site["rules"]["lines"]:
        assert all(word in told for word in line.split())
    assert "Số nào được gọi trước?" in told and "Không phải ở đây" not in told


@SIZES
def test_a_long_slide_is_split_and_nothing_is_cut(wall: Open, office: PageServer, size: tuple[int, int]) -> None:
    office.site["slides"], office.site["slide_of_rules"] = [LONG], False
    page = wall("", size)
    page.locator(".slide").wait_for()
    place = page.locator(".slide").bounding_box()
    numbers = []
    while not numbers or page.locator(".slide .page").inner_text() != numbers[0]:
        numbers.append(page.locator(".slide .page").inner_text())
        assert page.evaluate(CUT) == [] and page.locator(".slide").bounding_box() == place
        turn(page, office)
    assert numbers == [f"{n}/{len(numbers)}" for n in range(1, len(numbers) + 1)] and len(numbers) > 3


def test_a_slide_is_text_and_nothing_else(wall: Open, office: PageServer) -> None:
    office.site["slides"] = [{"hall": None, "title": "<b>Đậm</b>", "lines": ["<img src=x onerror=alert(1)>"]}]
    page = wall()
    expect(page.locator(".slide h2")).to_have_text("<b>Đậm</b>")
    assert page.locator(".slide b, .slide img").count() == 0


def test_a_slide_comes_in_one_short_fade_and_with_less_motion_in_none(wall: Open, office: PageServer) -> None:
    moving = """() => document.querySelector('.slide').getAnimations().map((one) => {
      const { duration, iterations } = one.effect.getTiming();
      return [duration, iterations];
    })"""
    page = wall()
    page.locator(".slide").wait_for()
    assert all(found == [600, 1] for found in page.evaluate(moving))
    style = "() => { const s = getComputedStyle(document.querySelector('.slide')); return [s.animationName, s.animationDuration]; }"
    assert page.evaluate(style) == ["appear", "0.6s"]
    still = wall(reduced_motion="reduce")
    still.locator(".slide").wait_for()
    assert still.evaluate(style)[0] == "none"


def test_an_office_without_slides_and_without_its_rule_shows_its_numbers(wall: Open, office: PageServer) -> None:
    office.site["slides"], office.site["slide_of_rules"] = [], False
    page = wall()
    page.clock.run_for(5000)
    expect(page.locator(".big .row:not(.none)")).to_have_count(2)
    expect(page.locator(".slide")).to_have_count(0)


# -- at set-up -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inches", "seat", "told", "verdict"),
    [
        (43, 10, "Chữ số cao 103 mm, đọc tốt đến 10,3 m", "Ghế xa nhất 10 m: đọc tốt."),
        (43, 10.3, "Chữ số cao 103 mm, đọc tốt đến 10,3 m", "Ghế xa nhất 10,3 m: đọc tốt."),
        (43, 12, "Chữ số cao 103 mm, đọc tốt đến 10,3 m", "Ghế xa nhất 12 m: quá xa. Cần màn hình từ 51 inch, hoặc kê ghế gần hơn."),
        (32, 7.5, "Chữ số cao 77 mm, đọc tốt đến 7,7 m", "Ghế xa nhất 7,5 m: đọc tốt."),
        (50, 12, "Chữ số cao 120 mm, đọc tốt đến 12 m", "Ghế xa nhất 12 m: đọc tốt."),
        (55, 13.1, "Chữ số cao 131 mm, đọc tốt đến 13,1 m", "Ghế xa nhất 13,1 m: đọc tốt."),
        (65, 16, "Chữ số cao 155 mm, đọc tốt đến 15,5 m", "Ghế xa nhất 16 m: quá xa. Cần màn hình từ 67 inch, hoặc kê ghế gần hơn."),
        (43, None, "Chữ số cao 103 mm, đọc tốt đến 10,3 m", "Chưa biết ghế xa nhất: ghi farthest_seat_m của khu chờ này."),
        (None, 10, "Chưa biết cỡ màn hình: ghi screen_inches của khu chờ này.", None),
    ],
)
@SIZES
def test_at_set_up_the_wall_says_from_where_it_is_read(
    wall: Open, office: PageServer, size: tuple[int, int], inches: float | None, seat: float | None, told: str, verdict: str | None
) -> None:
    office.site["halls"][0] |= {"screen_inches": inches, "farthest_seat_m": seat}
    page = wall("?check=1", size)
    expect(page.locator(".check .measure")).to_have_text(told)
    if verdict is None:
        expect(page.locator(".check .seat")).to_have_count(0)
    else:
        far = "quá xa" in verdict
        expect(page.locator(".check .seat")).to_have_text(verdict)
        expect(page.locator(".check .seat.far")).to_have_count(1 if far else 0)
        expect(page.locator(".check .seat svg")).to_have_count(0 if seat is None else 1)
        background = page.locator(".check .seat").evaluate("(line) => getComputedStyle(line).backgroundColor")
        assert (background == "rgb(155, 20, 32)") == far
    page.clock.run_for(500)
    assert page.evaluate(CUT) == []
    assert page.locator(".big .code").first.inner_text() == "A012"
    expect(page.locator(".slide, .tile, .unlock")).to_have_count(0)


def test_the_digits_are_as_high_as_the_wall_says(wall: Open, office: PageServer) -> None:
    page = wall("?check=1")
    em = page.locator(".big .code").first.evaluate("(code) => parseFloat(getComputedStyle(code).fontSize)")
    pitch = 43 * 25.4 / (1920**2 + 1080**2) ** 0.5
    expect(page.locator(".check .measure")).to_contain_text(f"cao {round(em * 0.725 * pitch)} mm")


def test_the_voice_is_tried_when_somebody_presses_the_button(wall: Open, office: PageServer) -> None:
    silent = wall("?check=1")
    expect(silent.locator(".check .sound")).to_have_text("Thử tiếng: thêm &sound=1 vào địa chỉ.")
    expect(silent.locator(".check button")).to_have_count(0)
    page = wall("?check=1&sound=1")
    button = page.get_by_role("button", name="Phát âm thử")
    expect(button).to_be_visible()
    assert office.done == [], "nothing sounds before the press"
    # Its time stands until it has been seen that it is being played: the chime waits for it.
    button.click()
    expect(page.locator(".check .sound")).to_contain_text("Đang phát: Đây là âm thử, số A không một hai.")
    page.clock.resume()
    expect(page.locator(".check .sound")).to_contain_text("Đã phát âm thử. Nghe rõ ở ghế xa nhất không?")
    assert office.done == [{"fetched": "thu.wav"}], "and the server is told of no call"


def test_a_wall_that_works_shows_nothing_of_the_set_up(wall: Open) -> None:
    page = wall()
    page.locator(".slide").wait_for()
    expect(page.locator(".check")).to_have_count(0)
