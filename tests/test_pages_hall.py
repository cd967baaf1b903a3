"""What a waiting hall sees and hears: the call at once, nothing that is not true any more, and no call spoken twice."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from browsing import LOUD, hears, hold, launched, own_time, reaches, settles, stand, stays_silent
from browsing import heard as told
from page_server import DISPLAY_KEY, EXAMPLES, ROOT, PageServer, example
from PIL import Image
from playwright.sync_api import Browser, Page, Playwright, expect

from server import wire

browser_test = pytest.mark.browser
SHARED = ROOT / "server" / "pages" / "static" / "shared"

SETTLED_MS = 1_100
"""More than two ticks of the slowest page after its fonts have come."""
TV, TV_4K, STANDING, ABOVE, ABOVE_SMALL = (1920, 1080), (3840, 2160), (1080, 1920), (1280, 800), (1024, 600)

CUT = """(margins) => {
  const wrong = [];
  const u = parseFloat(getComputedStyle(document.querySelector('.head b, .above header b')).fontSize) / margins.head;
  const texts = document.createTreeWalker(document.getElementById('wall'), NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    if (!node.data.trim()) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const box = range.getBoundingClientRect();
    const holder = node.parentElement.closest('.row, .tile, .card, header, footer, .line') ?? document.body;
    const outer = holder.getBoundingClientRect();
    const text = `"${node.data.trim().slice(0, 40)}"`;
    // A pixel of patience is that of fit.js.
    if (box.left < outer.left - 2 || box.right > outer.right + 2) wrong.push(`wider than its place: ${text}`);
    if (box.left < margins.side * u - 1 || box.right > innerWidth - margins.side * u + 1) wrong.push(`in the side margin: ${text}`);
  }
  for (const row of document.querySelectorAll('.big .row:not(.none), .recent .row:not(.none)')) {
    const [code, counter] = [row.querySelector('.code'), row.querySelector('.counter')].map((e) => e.getBoundingClientRect());
    const em = parseFloat(getComputedStyle(row.querySelector('.code')).fontSize);
    if (counter.top < code.bottom - em / 2 && counter.left - code.right < 0.3 * em) wrong.push(`too near: ${row.textContent}`);
  }
  const root = document.documentElement;
  if (root.scrollWidth > innerWidth || root.scrollHeight > innerHeight) wrong.push('the page scrolls');
  return [...new Set(wrong)];
}"""
DIGITS = "(what) => parseFloat(getComputedStyle(document.querySelector(what)).fontSize) * 0.725"


@pytest.fixture(scope="module")
def loud_browser(playwright: Playwright) -> Iterator[Browser]:
    started = launched(playwright, LOUD)
    yield started
    started.close()


@pytest.fixture
def office() -> Iterator[PageServer]:
    with PageServer() as server:
        yield server


Open = Callable[..., Page]


@pytest.fixture
def screen(browser: Browser, office: PageServer) -> Iterator[Open]:
    pages = []

    def open_screen(path: str = "main", size: tuple[int, int] = TV, *, timed: bool = False) -> Page:
        page = browser.new_page(viewport={"width": size[0], "height": size[1]})
        pages.append(page)
        if timed:
            own_time(page)
        page.goto(f"{office.url}/display/demo/{path}")
        # Where the machine takes long, a screen says first that it is connecting.
        page.locator("#wall > :not(.problem)").first.wait_for()
        if timed:
            hold(page)
        return page

    yield open_screen
    for page in pages:
        page.close()


def letters_are_there(page: Page) -> None:
    """The office's description and the fonts have come."""
    expect(page.locator(".head b, .above header b")).not_to_be_empty()
    page.evaluate("document.fonts.ready.then(() => null)")


def rows(page: Page, what: str) -> list[tuple[str, str, bool]]:
    """Code, counter and whether it stands out, from the top."""
    found: list[list[Any]] = page.locator(f".{what} .row:not(.none)").evaluate_all(
        "(rows) => rows.map((r) => [...['code', 'counter'].map((c) => r.querySelector('.' + c).textContent), r.classList.contains('new')])"
    )
    return [(code, counter, new) for code, counter, new in found]


def call(seq: int, code: str, counter: str, *, new_s: float = 12, state: str = "called", at: str = "09:14:05") -> dict[str, Any]:
    seconds = int(at[6:]) + new_s
    until = f"2026-11-20T09:{int(at[3:5]) + int(seconds // 60):02d}:{seconds % 60:06.3f}+07:00"
    return {"seq": seq, "code": code, "counter": counter, "state": state, "call_no": 1, "at": f"2026-11-20T{at}+07:00", "new_until": until}


# -- what is seen ----------------------------------------------------------------------------------------------------------------------


@browser_test
def test_a_call_is_on_top_at_once_and_stands_out_for_its_time(screen: Open, office: PageServer) -> None:
    page = screen(timed=True)
    before = rows(page, "big")
    assert [row[0] for row in before] == ["A012", "B105"]
    office.show({**office.board, "calls": [call(110, "A013", "4", new_s=3.0), *office.board["calls"]]})
    expect(page.locator(".big .row").first).to_contain_text("A013")
    assert rows(page, "big")[0] == ("A013", "4", True)
    assert rows(page, "big")[1][0] == "A012"
    page.clock.run_for(2_500)
    assert rows(page, "big")[0] == ("A013", "4", True)
    page.clock.run_for(1_000)
    expect(page.locator(".big .row.new .code", has_text="A013")).to_have_count(0)
    assert rows(page, "big")[0] == ("A013", "4", False)


@browser_test
def test_calls_of_one_moment_are_all_on_the_wall_and_all_new(screen: Open, office: PageServer) -> None:
    office.show("six")
    page = screen(timed=True)
    expect(page.locator(".big .row.new")).to_have_count(2)
    assert rows(page, "big") == [("M088", "12", True), ("A012", "5", True)]
    assert rows(page, "recent") == [("B105", "2", True), ("H021", "6", True), ("S009", "8", True), ("U014", "1", True)]


@browser_test
def test_two_boards_that_differ_only_in_revision_look_alike_to_the_pixel(screen: Open, office: PageServer) -> None:
    office.show("lunch")
    page = screen(timed=True)
    letters_are_there(page)
    page.clock.run_for(SETTLED_MS)
    page.evaluate(
        "window.touched = 0; new MutationObserver((all) => { window.touched += all.length })"
        ".observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true })"
    )
    first = page.screenshot()
    before = told(page, "board")
    office.show(office.board, revision=office.board["revision"] + 5)
    # One of the board before may still be on its way.
    hears(page, "board", before + 2)
    page.clock.run_for(SETTLED_MS)
    assert page.evaluate("window.touched") == 0
    assert page.screenshot() == first


@browser_test
def test_after_five_seconds_of_silence_the_wall_says_so_and_keeps_its_numbers(screen: Open, office: PageServer) -> None:
    page = screen(timed=True)
    shown = rows(page, "big")
    office.silent = True
    stays_silent(page, 6_000)
    expect(page.locator(".stale")).to_have_text("Màn hình đang nối lại. Số hiện lúc 09:14. Xin nghe loa hoặc hỏi cán bộ.")
    assert [row[:2] for row in rows(page, "big")] == [row[:2] for row in shown]
    assert page.locator(".row.new").count() == 0
    office.silent = False
    reaches(page, office)
    expect(page.locator(".stale")).to_have_count(0)


@browser_test
def test_a_wall_that_was_cut_off_is_whole_again(screen: Open, office: PageServer) -> None:
    page = screen()
    office.silent = True
    office.drop()
    office.board = {**example("six"), "revision": office.board["revision"] + 9}
    office.silent = False
    expect(page.locator(".row.new .code", has_text="M088")).to_be_visible()
    assert len(office.hellos) >= 2


@browser_test
def test_a_frame_of_an_older_revision_changes_nothing(screen: Open, office: PageServer) -> None:
    page = screen()
    old = {**example("six"), "revision": office.board["revision"] - 1}
    office.board, kept = old, office.board
    office.push()
    office.board = kept
    office.show(kept, notice="Xin mời.")
    expect(page.locator(".notice")).to_have_text("Xin mời.")
    assert rows(page, "big")[0][0] == "A012"


@browser_test
@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("before", ["Chưa gọi số nào", "Bắt đầu tiếp dân lúc 07:30", "Mời lấy số ở máy bên cửa vào"]),
        ("lunch", ["Nghỉ trưa đến 13:30. Số buổi sáng vẫn giữ nguyên.", "A047"]),
        ("last-ticket", ["Đã hết giờ cấp số. Ai đã có số vẫn được phục vụ.", "hết nhận số", "A112"]),
        ("closed", ["Hết giờ làm việc", "Mở lại 07:30 thứ Hai 23/11"]),
        ("holiday", ["Hôm nay nghỉ", "Ngày Văn hóa Việt Nam", "Mở lại 07:30 thứ Tư 25/11"]),
    ],
)
def test_each_hour_of_the_day_is_told_with_its_time(screen: Open, office: PageServer, state: str, told: list[str]) -> None:
    page = screen(f"main?example={state}")
    page.locator(".stage").wait_for()
    shown = page.locator("#wall").inner_text().replace("\u00a0", " ")
    assert [sentence for sentence in told if sentence not in shown] == []
    assert "lỗi" not in shown


@browser_test
@pytest.mark.parametrize(("size", "side", "digits"), [(TV, 47, 202), (TV_4K, 47, 404), (STANDING, 39, 202)])
def test_the_longest_names_and_codes_fit_every_wall(
    screen: Open, office: PageServer, size: tuple[int, int], side: int, digits: int
) -> None:
    page = screen("main?example=long", size)
    letters_are_there(page)
    settles(page, SETTLED_MS)
    head = 48 if size is STANDING else 44
    assert page.evaluate(CUT, {"head": head, "side": side}) == []
    page.goto(f"{office.url}/display/demo/main?example=six")
    page.locator(".big .row.new").first.wait_for()
    letters_are_there(page)
    settles(page, SETTLED_MS)
    for what in (".big .code", ".big .counter"):
        assert page.evaluate(DIGITS, what) >= digits
    assert page.evaluate(CUT, {"head": head, "side": side}) == []


@browser_test
@pytest.mark.parametrize("size", [ABOVE, ABOVE_SMALL])
def test_the_small_screen_says_who_is_called_and_who_waits(screen: Open, office: PageServer, size: tuple[int, int]) -> None:
    office.board["calls"][0]["new_until"] = "2026-11-20T09:15:00+07:00"
    states = {"12": "open", "3": "open", "2": "open", "1": "paused", "6": "closed"}
    for counter in office.site["counters"]:
        counter["state"] = states.get(counter["id"], "closed")
    page = screen("counter/12", size)
    told = {
        "12": ["Quầy 12", "A012", "Mời đến quầy"],
        "3": ["B105", "Đang phục vụ"],
        "2": ["Mời chờ gọi số"],
        "1": ["Tạm nghỉ – mời chờ hoặc sang quầy\u00a02"],
        "6": ["Quầy đóng"],
    }
    for counter, sentences in told.items():
        page.goto(f"{office.url}/display/demo/counter/{counter}")
        for sentence in sentences:
            expect(page.locator(".above")).to_contain_text(sentence)
        letters_are_there(page)
        settles(page, SETTLED_MS)
        assert page.evaluate(CUT, {"head": 88, "side": 20}) == []


@browser_test
@pytest.mark.parametrize("size", [ABOVE, ABOVE_SMALL])
def test_the_small_screen_names_the_clerk_where_the_office_tells_it_to(screen: Open, office: PageServer, size: tuple[int, int]) -> None:
    page = screen("counter/12", size)
    letters_are_there(page)
    expect(page.locator(".above .clerk")).to_have_count(0)
    for name in ("Nguyễn Thị Lan", "Công Tằng Tôn Nữ Nguyễn Thị Ngọc Phương Khuê Hoàng Oanh Diễm Ế"):
        office.show("one", clerk_name=name)
        expect(page.locator(".above .clerk")).to_have_text(f"Cán bộ: {name}")
        settles(page, SETTLED_MS)
        assert page.evaluate(CUT, {"head": 88, "side": 20}) == []
    office.silent = True
    expect(page.locator(".small")).to_have_text("Màn hình đang nối lại. Xin hỏi cán bộ.")
    expect(page.locator(".above .clerk")).to_have_count(0)


@browser_test
def test_an_old_tv_shows_the_same_numbers_in_the_same_order(screen: Open, office: PageServer) -> None:
    office.show("three")
    page = screen("main/plain", (1280, 720))
    page.locator("table").wait_for()
    expect(page.locator(".office")).to_contain_text("UBND")
    cells = page.locator("td").all_inner_texts()
    assert cells == ["M088", "12", "A012", "5", "B105", "2", "A011", "4", "H020", "7", "M104", "8"]
    expect(page.locator("tr.new")).to_have_count(3)
    assert page.evaluate(
        "document.documentElement.scrollHeight <= innerHeight && document.getElementById('wall').scrollHeight <= innerHeight"
    )


def test_the_old_tvs_script_is_written_for_old_browsers() -> None:
    script = (ROOT / "display" / "web" / "plain.js").read_text(encoding="utf-8")
    code = re.sub(r'/\*.*?\*/|"[^"]*"', "", script, flags=re.DOTALL)
    assert re.findall(r"=>|`|\b(?:const|let|class|async|await|import|export|fetch|Promise)\b", code) == []


# -- how it looks to somebody far away -----------------------------------------------------------------------------------------------

NIGHT, SUN, ICE = (7, 26, 46), (255, 210, 77), (200, 214, 229)
LONG_NAMES = {
    "name": "Trung tâm Phục vụ hành chính công – UBND phường Nguyễn Phúc Khoát Thượng",
    "short_name": "UBND phường Nguyễn Phúc Khoát Thượng",
    "hotline": "0236 000 0000 – 1022",
}
DIGITS_AT_1080P, SIDE, TOP = 202, 48, 27


def picture(page: Page) -> Image.Image:
    """What the wall shows, once its letters and their sizes have settled."""
    letters_are_there(page)
    settles(page, SETTLED_MS)
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def colours(image: Image.Image, box: tuple[float, ...]) -> set[tuple[int, ...]]:
    part = image.crop(tuple(round(edge) for edge in box))
    return {colour for _, colour in part.getcolors(part.width * part.height) or []}


def box_of(page: Page, what: str, nth: int = 0) -> tuple[float, float, float, float]:
    box = page.locator(what).nth(nth).bounding_box()
    assert box is not None
    return box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"]


def ink_height(image: Image.Image, box: tuple[float, ...], ground: tuple[int, int, int]) -> int:
    """From the top to the foot of what is written in a box, in pixels."""
    part = image.crop(tuple(round(edge) for edge in box))
    ink = Image.eval(part.convert("L"), lambda value: 255 if abs(value - grey(ground)) > 60 else 0).getbbox()
    assert ink is not None
    return int(ink[3] - ink[1])


def grey(colour: tuple[int, ...]) -> float:
    return Image.new("RGB", (1, 1), colour[:3]).convert("L").getpixel((0, 0))  # type: ignore[return-value]


def contrast(one: float, other: float) -> float:
    """The ratio of two greys, 0 to 255, as accessibility counts it."""
    light, dark = sorted((((value / 255 + 0.055) / 1.055) ** 2.4 + 0.05 for value in (one, other)), reverse=True)
    return light / dark


@browser_test
@pytest.mark.parametrize(("what", "ground"), [(".big .code", SUN), (".big .counter", SUN)])
def test_the_called_number_and_its_counter_are_read_from_ten_metres(screen: Open, what: str, ground: tuple[int, int, int]) -> None:
    page = screen("main?example=six")
    image = picture(page)
    for nth in range(2):
        assert ink_height(image, box_of(page, what, nth), ground) >= DIGITS_AT_1080P


@browser_test
@pytest.mark.parametrize("size", [TV, TV_4K, STANDING, (1366, 768), (1280, 1024)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("board", ["long", "six"])
def test_nothing_stands_in_the_margins_that_a_tv_cuts_off(screen: Open, size: tuple[int, int], board: str) -> None:
    image = picture(screen(f"main?example={board}", size))
    u = min(size[0] / 1920, size[1] / 1080) if size[0] > size[1] else min(size[0] / 1080, size[1] / 1920)
    side, top = round((SIDE if size[0] > size[1] else 40) * u) - 1, round(TOP * u) - 1
    width, height = image.size
    for margin in ((0, 0, width, top), (0, height - top, width, height), (0, 0, side, height), (width - side, 0, width, height)):
        assert colours(image, margin) == {NIGHT}


@browser_test
@pytest.mark.parametrize("size", [TV, STANDING], ids=["lying", "standing"])
def test_the_band_of_a_stale_wall_keeps_its_words_out_of_the_margins(screen: Open, office: PageServer, size: tuple[int, int]) -> None:
    page = screen("main", size)
    office.silent = True
    page.locator(".stale").wait_for()
    image = picture(page)
    width, height = image.size
    assert colours(image, (0, height - TOP, width, height)) == {ICE}
    side = 47 if size is TV else 39
    assert colours(image, (0, height - 120, side, height)) == colours(image, (width - side, height - 120, width, height)) == {ICE}
    assert len(rows(page, "big")) > 0, "the board is still there"


@browser_test
@pytest.mark.parametrize("size", [TV, STANDING, (1366, 768)], ids=["lying", "standing", "an old TV"])
def test_an_office_of_long_names_fits_and_keeps_its_numbers_large(screen: Open, office: PageServer, size: tuple[int, int]) -> None:
    office.site.update(LONG_NAMES)
    for counter in office.site["counters"][:2]:
        counter["name"] = f"Quầy Hướng dẫn và trả kết quả {counter['id']}"
    named, second = (counter["id"] for counter in office.site["counters"][:2])
    office.show("long", calls=[call(3200, "A1012", named), call(3199, "B105", second), *example("long")["calls"]][:8])
    page = screen("main", size)
    expect(page.locator(".big .row").first).to_contain_text("A1012")
    expect(page.locator(".big .row").first).to_contain_text("Hướng dẫn")
    picture(page)
    lying = size[0] > size[1]
    assert page.evaluate(CUT, {"head": 44 * 1 if lying else 48, "side": 47 if lying else 39}) == []
    assert page.evaluate(DIGITS, ".big .code") >= 150 * min(size) / 1080, "a long name of a counter costs the called number little"


@browser_test
def test_three_calls_at_once_stand_out_also_without_colours(screen: Open) -> None:
    page = screen("main?example=three")
    grey_wall = picture(page).convert("L")
    assert [new for what in ("big", "recent") for *_, new in rows(page, what)] == [True, True, True, False, False, False], (
        "they stand first"
    )

    def ground(what: str, nth: int) -> float:
        left, top, right, _ = box_of(page, what, nth)
        return float(grey_wall.getpixel((round((left + right) / 2), round(top) + 20)))  # type: ignore[arg-type]

    new = [ground(".big .row", 0), ground(".big .row", 1), ground(".recent .row", 0)]
    old = [ground(".recent .row", nth) for nth in (1, 2, 3)]
    assert min(contrast(one, other) for one in new for other in old) > 7


@browser_test
def test_a_wall_on_which_nothing_happens_changes_only_its_clock(screen: Open, office: PageServer) -> None:
    office.show("lunch")
    page = screen(timed=True)
    letters_are_there(page)
    page.clock.run_for(SETTLED_MS)
    clock = page.locator(".head .clock")
    before = clock.inner_text()
    first = Image.open(io.BytesIO(page.screenshot(mask=[clock]))).convert("RGB")
    office.show(office.board, at=office.board["at"].replace(before, "11:59"), revision=office.board["revision"] + 1)
    expect(clock).to_have_text("11:59")
    page.clock.run_for(SETTLED_MS)
    second = Image.open(io.BytesIO(page.screenshot(mask=[clock]))).convert("RGB")
    assert first.tobytes() == second.tobytes()


@browser_test
@pytest.mark.parametrize(
    ("board", "lines"),
    [
        ("one", ["5 người · 15–25 phút", "12 người · 30–45 phút", "3 người · 20–40 phút"]),
        ("long", ["128 người · trên 90 phút", "112 người · 85–120 phút", "103 người · chưa ước được giờ"]),
        ("lunch", ["4 người chờ", "2 người chờ", "Không ai chờ"]),
        ("last-ticket", ["4 người · hết nhận số", "2 người · hết nhận số", "Hết nhận số"]),
    ],
)
def test_each_field_says_how_many_wait_and_how_long_if_that_is_known(screen: Open, board: str, lines: list[str]) -> None:
    page = screen(f"main?example={board}")
    assert [line.replace("\u00a0", " ") for line in page.locator(".tile .line").all_inner_texts()] == lines


@browser_test
@pytest.mark.parametrize("size", [(1920, 1080), (1366, 768), (1280, 720), (1024, 768)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_longest_names_fit_an_old_tv(screen: Open, office: PageServer, size: tuple[int, int]) -> None:
    office.site.update(LONG_NAMES)
    office.site["counters"][0]["name"] = "Quầy Hướng dẫn và trả kết quả"
    office.show("long", calls=[call(3200, "A1012", office.site["counters"][0]["id"]), *example("long")["calls"]][:8])
    page = screen("main/plain", size)
    expect(page.locator(".office")).to_have_text(LONG_NAMES["short_name"])
    sizes: list[float] = page.evaluate(
        "[document.documentElement.scrollWidth, document.getElementById('wall').getBoundingClientRect().bottom]"
    )
    assert sizes[0] <= size[0] and sizes[1] <= size[1], sizes
    for nth in range(page.locator("td").count()):
        assert page.locator("td").nth(nth).evaluate("(cell) => cell.scrollWidth <= cell.clientWidth + 1")


@browser_test
@pytest.mark.parametrize("path", ["main/plain", "main", "counter/1"])
def test_a_wall_without_javascript_shows_a_sentence_and_nothing_false(browser: Browser, office: PageServer, path: str) -> None:
    page = browser.new_page(java_script_enabled=False)
    page.goto(f"{office.url}/display/demo/{path}")
    told = page.locator("body").inner_text()
    assert told.startswith("Màn hình này cần JavaScript.") and "lỗi" not in told
    assert re.search(r"\d", told) is None, "no number that could be old"
    page.close()


MODEL = """async (script) => {
  const { start, step, wall } = await import('/display/static/model.js');
  const at = (s) => new Date(Date.parse('2026-11-20T09:00:00+07:00') + s * 1000).toISOString();
  let state = start();
  let calls = [];
  let revision = 0;
  const seen = [];
  for (const [s, what, code] of script) {
    const now = s * 1000;
    if (['call', 'recall', 'together'].includes(what)) {
      const call = { seq: (revision += 1), code, counter: '1', state: 'called', at: at(s), new_until: at(s + 12) };
      calls = [call, ...calls.filter((c) => c.code !== code)];
    }
    if (what === 'undo') calls = calls.filter((c) => c.code !== code);
    const board = { day: '2026-11-20', revision, at: at(s), factor: 1, hours: { state: 'open' }, calls, waiting: [], notice: null };
    if (what !== 'look' && what !== 'together') state = step(state, { type: 'board', board, now });
    if (what === 'look') {
      state = step(state, { type: 'tick', now });
      const shown = wall(state, now);
      const mark = (row) => row && row.code + (row.fresh ? '*' : '');
      seen.push([shown.big.map(mark).filter(Boolean).join(' '), shown.recent.map(mark).filter(Boolean).join(' ')].join(' | '));
    }
  }
  return seen;
}"""


@browser_test
@pytest.mark.parametrize(
    ("story", "seen"),
    [
        pytest.param([(0, "call", "A"), (0, "look", ""), (13, "look", "")], ["A* | ", "A | "], id="new for twelve seconds"),
        pytest.param(
            [(0, "call", "A"), (1, "call", "B"), (2, "call", "C"), (2, "look", ""), (6.1, "look", ""), (7.1, "look", "")],
            ["B* A* | C*", "C* B* | A*", "C* B* | A*"],
            id="a big row is held six seconds",
        ),
        pytest.param(
            [(0, "call", "A"), (2, "call", "B"), (4, "call", "C"), (5, "call", "D"), (6, "look", ""), (8, "look", "")],
            ["C* B* | D* A*", "D* C* | B* A*"],
            id="who came earlier has its turn first",
        ),
        pytest.param(
            [(0, "call", "A"), (20, "call", "B"), (40, "call", "C"), (60, "recall", "A"), (60, "look", "")],
            ["A* C | B"],
            id="a recall stands on top, once",
        ),
        pytest.param(
            [*((0, "together", code) for code in "ABCDEF"), (0, "call", "G"), (0, "look", ""), (6, "look", ""), (12.1, "look", "")],
            ["G* F* | E* D* C* B*", "G* A* | F* E* D* C*", "G F | E D C B"],
            id="of seven called at once the seventh has a turn too",
        ),
        pytest.param(
            [(0, "call", "A"), (20, "call", "B"), (40, "call", "C"), (41, "undo", "C"), (41, "look", "")],
            ["B A | "],
            id="an undone call leaves no trace",
        ),
    ],
)
def test_who_has_the_big_rows(screen: Open, story: list[tuple[float, str, str]], seen: list[str]) -> None:
    assert screen("main?example=one").evaluate(MODEL, story) == seen


# -- what is heard ---------------------------------------------------------------------------------------------------------------------


def heard(office: PageServer) -> list[str]:
    return [one["fetched"] for one in office.done if "fetched" in one]


def answered(office: PageServer) -> list[tuple[str, bool, str]]:
    return [(one["id"], one["ok"], one["detail"]) for one in office.done if "id" in one]


def until(page: Page, ready: Callable[[], bool], seconds: float = 60) -> None:
    """Wait, with the page alive, for what the page does to the server."""
    for _ in range(int(seconds * 20)):
        if ready():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it did not happen")


def loud_wall(browser: Browser, office: PageServer, *scripts: str) -> Page:
    """A wall that speaks, whose time can be held."""
    page = browser.new_page()
    own_time(page)
    for script in scripts:
        page.add_init_script(script)
    page.goto(f"{office.url}/display/demo/main?sound=1#key={DISPLAY_KEY}")
    page.locator(".big .row").first.wait_for()
    return page


def in_one_moment(page: Page, office: PageServer, moments: Iterable[dict[str, Any]]) -> None:
    """Announce all of this within one moment of the wall's time, however long the machine takes to send it."""
    all_of_it = list(moments)
    hold(page)
    for moment in all_of_it:
        office.announce(moment)
    hears(page, "announcement", len(all_of_it))
    page.clock.resume()


@browser_test
def test_a_call_is_spoken_once_and_answered_each_time(loud_browser: Browser, office: PageServer) -> None:
    office.show({**office.board, "calls": [call(110, "A013", "4"), call(111, "B106", "3"), *office.board["calls"]]})
    page = loud_wall(loud_browser, office)
    first, second = office.announcement(110, "A013"), office.announcement(111, "B106")
    served, late = office.announcement(105, "H020"), office.announcement(90, "A013", lasts_s=-1)
    in_one_moment(page, office, (first, second, served, late, first))
    until(page, lambda: len(answered(office)) >= 4)
    assert sorted(answered(office)) == sorted(
        [(first["id"], True, "played"), (second["id"], True, "played"), (served["id"], False, "gone"), (late["id"], False, "stale")]
    )
    # One call waited behind the first, so only the last is said a second time.
    assert [name for name in heard(office) if name.startswith(("A013", "B106"))].count("B106-repeat.wav") == 1
    assert "A013-repeat.wav" not in heard(office)
    office.announce(first)
    until(page, lambda: len(answered(office)) == 5)
    assert answered(office)[-1] == (first["id"], True, "played")
    page.close()


@browser_test
def test_calls_of_one_moment_are_said_in_one_breath_after_one_chime(loud_browser: Browser, office: PageServer) -> None:
    calls = [call(110 + n, f"A0{13 + n}", str(n + 1)) for n in range(5)]
    office.show({**office.board, "calls": calls})
    page = loud_wall(
        loud_browser,
        office,
        "window.said = []; for (const [kind, what] of [[OscillatorNode, 'tone'], [AudioBufferSourceNode, 'voice']]) {"
        " const start = kind.prototype.start;"
        " kind.prototype.start = function (...when) { window.said.push(what); return start.apply(this, when); }; }",
    )
    moments = [office.announcement(one["seq"], one["code"]) for one in calls]
    in_one_moment(page, office, moments)
    until(page, lambda: len(answered(office)) == 5)
    # Each answer is taken in on a thread of its own: two that come together may pass each other.
    expected = [(one["id"], True, "played joined") for one in moments[:4]] + [(moments[4]["id"], True, "played")]
    assert sorted(answered(office)) == sorted(expected)
    assert page.evaluate("window.said") == ["tone"] * 2 + ["voice"] * 4 + ["tone"] * 2 + ["voice"] * 2
    page.close()


@browser_test
def test_a_wall_speaks_as_loud_as_the_hour_wants_and_not_at_all_in_quiet_hours(loud_browser: Browser, office: PageServer) -> None:
    office.show({**office.board, "calls": [call(110, "A013", "4"), call(111, "B106", "3"), *office.board["calls"]]})
    page = loud_wall(
        loud_browser,
        office,
        "window.loud = []; const { connect } = AudioNode.prototype; const { start } = AudioBufferSourceNode.prototype;"
        " AudioNode.prototype.connect = function (to) { this.through = to; return connect.apply(this, arguments); };"
        " AudioBufferSourceNode.prototype.start = function () {"
        " window.loud.push(this.through.gain.value); return start.apply(this, arguments); }",
    )
    quiet, soft = office.announcement(110, "A013", volume=0), office.announcement(111, "B106", volume=40, times=1)
    in_one_moment(page, office, (quiet, soft))
    until(page, lambda: len(answered(office)) == 2)
    assert sorted(answered(office)) == sorted([(quiet["id"], False, "quiet"), (soft["id"], True, "played")])
    assert page.evaluate("window.loud") == [pytest.approx(0.4)]
    until(page, lambda: office.facts.get("volume") == 40)
    page.close()


@browser_test
def test_a_recall_is_said_instead_of_the_call_that_still_waits(loud_browser: Browser, office: PageServer) -> None:
    office.show({**office.board, "calls": [call(111, "B106", "3"), call(110, "A013", "4")]})
    page = loud_wall(loud_browser, office)
    waits, other, again = (
        office.announcement(110, "A013"),
        office.announcement(111, "B106"),
        office.announcement(112, "A013", kind="recall"),
    )
    in_one_moment(page, office, (waits, other, again))
    until(page, lambda: len(answered(office)) == 3)
    assert {id: detail for id, _, detail in answered(office)} == {
        waits["id"]: "superseded",
        other["id"]: "played",
        again["id"]: "played",
    }
    page.close()


A_SOUND_CARD = """
// A card whose sounds last as long on the page's clock as they would in the hall; a file's length in bytes is how long it lasts, in ms.
const still = () => ({ setValueAtTime() {}, linearRampToValueAtTime() {}, exponentialRampToValueAtTime() {} });
class Node extends EventTarget {
  gain = still();
  frequency = still();
  connect(to) { return to; }
  stop() {}
  start() { if (this.buffer) setTimeout(() => this.dispatchEvent(new Event("ended")), this.buffer.duration * 1000); }
}
window.AudioContext = class extends EventTarget {
  state = "running";
  get currentTime() { return performance.now() / 1000; }
  createGain() { return new Node(); }
  createOscillator() { return new Node(); }
  createBufferSource() { return new Node(); }
  async decodeAudioData(bytes) { return { duration: bytes.byteLength / 1000 }; }
};
window.fetch = async (path) => new Response(new Uint8Array(path.includes("repeat") ? 3700 : 4500));
"""
SAY_ALL = """async ([calls, everyMs]) => {
  const { voice } = await import("/display/static/sound.js");
  const came = new Map();
  window.lags = [];
  window.answers = [];
  const speaker = voice({
    until: (instant) => Number(instant) - performance.now(),
    stateOf: () => "called",
    answer: (id, ok, detail) => window.answers.push([ok, detail]),
    speaking(code) {
      if (code && came.has(code)) window.lags.push(performance.now() - came.get(code));
      came.delete(code);
    },
    changed() {},
  });
  for (let n = 0; n < calls; n += 1) {
    setTimeout(() => {
      const code = `A${n}`;
      came.set(code, performance.now());
      const audio = { audio: { vi: "full" }, repeat_audio: { vi: "repeat" }, times: 2 };
      speaker.take({ id: code, kind: "call", code, expires_at: performance.now() + 20000, ...audio });
    }, n * everyMs);
  }
}"""


@browser_test
def test_twelve_calls_a_minute_for_ten_minutes_are_all_said_by_a_wall_within_twenty_seconds(
    loud_browser: Browser, office: PageServer
) -> None:
    page = loud_browser.new_page()
    page.clock.install()
    page.add_init_script(A_SOUND_CARD)
    page.goto(f"{office.url}/display/demo/main?example=one")
    stand(page)
    page.evaluate(SAY_ALL, [120, 5000])
    for _ in range(11):
        page.clock.run_for(60_000)
    lags, answers = page.evaluate("[window.lags, window.answers]")
    assert len(lags) == 120 and max(lags) <= 20_000
    assert all(ok for ok, _ in answers) and len(answers) == 120
    page.close()


@browser_test
def test_a_browser_that_keeps_silent_asks_for_a_key(screen: Open, office: PageServer) -> None:
    page = screen("main?sound=1")
    expect(page.locator(".unlock")).to_have_text("Bấm OK trên điều khiển để bật tiếng")
    page.keyboard.press("Enter")
    expect(page.locator(".unlock")).to_have_count(0)


@browser_test
def test_a_wall_with_a_key_answers_that_it_has_shown_a_call(screen: Open, office: PageServer) -> None:
    page = screen(f"main#key={DISPLAY_KEY}")
    page.locator(".big").wait_for()
    moment = office.announcement(97, "A012")
    office.announce(moment)
    until(page, lambda: bool(answered(office)))
    assert answered(office) == [(moment["id"], True, "shown")]


@browser_test
def test_a_wall_without_a_key_only_listens(screen: Open, office: PageServer) -> None:
    page = screen(timed=True)
    page.locator(".big").wait_for()
    office.announce(office.announcement(97, "A012"))
    hears(page, "announcement")
    page.clock.run_for(11_000)
    page.wait_for_timeout(200)
    assert (office.done, office.beats) == ([], 0)


# -- contracts on paper ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_an_example_has_the_shape_of_the_wire(path: Path) -> None:
    body = example(path.stem)
    if path.stem == "site":
        assert set(body) == set(get_type_hints(wire.SiteOut))
        assert {frozenset(one) for one in body["services"]} == {frozenset(get_type_hints(wire.ServiceOut))}
        assert {frozenset(one) for one in body["counters"]} == {frozenset(get_type_hints(wire.CounterOut))}
        return
    assert set(body) == set(get_type_hints(wire.BoardOut))
    assert set(body["hours"]) == set(get_type_hints(wire.HoursOut))
    assert {frozenset(one) for one in body["calls"]} <= {frozenset(get_type_hints(wire.CallOut))}
    assert {frozenset(one) for one in body["waiting"]} == {frozenset(get_type_hints(wire.WaitingOut))}


def test_vendored_libraries_are_what_their_page_says() -> None:
    listed = dict(re.findall(r"^\| `([^`]+)` .*`([0-9a-f]{64})` \|$", (SHARED / "vendor" / "VENDORED.md").read_text(), flags=re.MULTILINE))
    files = {p.relative_to(SHARED / "vendor").as_posix(): p for p in (SHARED / "vendor").rglob("*") if p.is_file() and p.suffix != ".md"}
    assert {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()} == listed


def test_one_file_knows_socket_io() -> None:
    trees = [SHARED, ROOT / "kiosk" / "web", ROOT / "display" / "web", ROOT / "server" / "pages" / "static"]
    scripts = {path for tree in trees for path in tree.rglob("*.js") if "vendor" not in path.parts}
    assert {path.name for path in scripts if "socket.io" in path.read_text(encoding="utf-8")} == {"connection.js"}
