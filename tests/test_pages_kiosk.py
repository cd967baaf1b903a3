"""What a citizen meets at the kiosk: two touches to a number, one touch one number, and a sentence where there is none."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import comes, hold, own_time, passes
from kiosk_page import DEAD_MS, LANDSCAPE, PORTRAIT, kiosks, laid_out, shows, touch
from page_server import KIOSK_KEY, PageServer, example
from playwright.sync_api import Browser, Page, expect
from running import until

pytestmark = pytest.mark.browser

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
LONGEST_S = 1_200
"""Nearly forty screens one after another: half a minute on a machine that has nothing else to do."""
FLOWING = "window.flowing = setTimeout.bind(window)"
RUN_AXE = """async () => {
  // axe takes breath by timers; those of the page stand meanwhile.
  const held = window.setTimeout;
  window.setTimeout = window.flowing;
  const { violations } = await axe.run(document, { resultTypes: ['violations'] });
  window.setTimeout = held;
  return violations;
}"""
LONG_NAMES = {
    "ho-tich": "Hộ tịch, quốc tịch – Nuôi con nuôi và giám hộ",
    "dat-dai": "Lao động – Thương binh –| Xã hội và Người có công",
    "giao-duc": "Ẩm thực, Ổn định đời sống –| Ỗ Ế Ẫ Ự",
}


@pytest.fixture
def office() -> Iterator[PageServer]:
    with PageServer() as server:
        yield server


@pytest.fixture
def kiosk(browser: Browser, office: PageServer) -> Iterator[Callable[..., Page]]:
    with kiosks(browser, office) as open_kiosk:
        yield open_kiosk


def test_a_walk_in_has_a_number_after_two_touches(kiosk: Callable[..., Page], office: PageServer) -> None:
    page = kiosk()
    touch(page, "take")
    touch(page, "field:ho-tich")
    expect(page.locator(".code")).to_have_text("A012")
    for told in ("Hộ\u00a0tịch · quầy 3, 4 hoặc 5", "5 người", "09:25–09:40", "09:14:05", "lúc lấy số", "Mời lấy phiếu ở khe bên dưới"):
        expect(page.locator(".kiosk")).to_contain_text(told)
    assert [(one["service"], one["marked"]) for one in office.asked] == [("ho-tich", "device")]
    touch(page, "done")
    expect(page.locator(".kiosk[data-screen=home]")).to_be_visible()


def test_a_double_tap_on_take_does_not_choose_the_field_below_it(kiosk: Callable[..., Page], office: PageServer) -> None:
    page = kiosk()
    page.clock.run_for(DEAD_MS)
    page.touchscreen.tap(300, 700)
    shows(page, "field")
    assert page.evaluate("document.elementFromPoint(300, 700).closest('[data-touch]').dataset.touch").startswith("field:")
    page.touchscreen.tap(300, 700)
    page.wait_for_timeout(400)
    shows(page, "field")
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
    comes(page, ".card")
    expect(page.locator(".card")).to_have_text("Đang lấy số…")
    comes(page, ".code")
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
    shows(page, "field")
    assert office.asked == []


def test_a_refusal_is_the_servers_sentence_and_a_way_on(kiosk: Callable[..., Page], office: PageServer) -> None:
    told = "Lĩnh vực này đã ngừng cấp số hôm nay."
    office.ticket_answers = [(409, {"error": {"code": "service_stopped", "message": told, "details": {}}})]
    page = kiosk()
    touch(page, "take")
    touch(page, "field:ho-tich")
    expect(page.locator(".message")).to_contain_text(told)
    touch(page, "other")
    shows(page, "field")


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
    spoken = " ".join(page.locator(".message > *").all_inner_texts()).replace("\u00a0", " ")
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
    passes(page, office, 40_500)
    expect(page.locator(".card")).to_contain_text("Ông/bà cần thêm thời gian không?")
    touch(page, "more-time")
    expect(page.locator(".card")).to_have_count(0)
    passes(page, office, 41_000)
    expect(page.locator(".card")).to_contain_text("Tự quay về sau")
    passes(page, office, 20_500)
    shows(page, "home")


def test_the_number_leaves_by_itself(kiosk: Callable[..., Page], office: PageServer) -> None:
    page = kiosk()
    touch(page, "take")
    before = page.evaluate("Date.now()")
    touch(page, "field:ho-tich")
    expect(page.locator(".code")).to_be_visible()
    expect(page.locator(".paper.done")).to_be_visible()
    # Fifteen seconds, of which the machine that runs this may have taken some already.
    passed = page.evaluate("Date.now()") - before
    page.clock.run_for(max(0, 9_000 - passed))
    shows(page, "number")
    page.clock.run_for(7_000 + passed)
    shows(page, "home")


def test_without_server_the_kiosk_says_where_to_go_and_comes_back(kiosk: Callable[..., Page], office: PageServer) -> None:
    page = kiosk()
    office.away = True
    office.drop()
    for _ in range(12):
        page.clock.run_for(1_000)
    expect(page.locator(".message")).to_contain_text("Máy đang mất kết nối.")
    expect(page.locator(".message")).to_contain_text("Mời lấy số tại bàn hướng dẫn.")
    office.away = False
    comes(page, '[data-touch="take"]')


def test_the_key_in_the_address_pairs_the_kiosk_and_is_taken_out(kiosk: Callable[..., Page], office: PageServer) -> None:
    office.paired = False
    page = kiosk(key=KIOSK_KEY)
    expect(page).to_have_url(re.compile("^[^#]*$"))
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


@pytest.mark.parametrize("size", [PORTRAIT, LANDSCAPE], ids=["portrait", "landscape"])
def test_with_the_fields_on_the_first_screen_a_walk_in_has_a_number_after_one_touch(
    kiosk: Callable[..., Page], office: PageServer, size: tuple[int, int, str]
) -> None:
    few_fields(office)
    page = kiosk(size)
    page.evaluate(
        "addEventListener('pointerdown', () => { document.body.dataset.fingers = 1 + Number(document.body.dataset.fingers ?? 0); })"
    )
    assert page.locator('main [data-touch^="field:"]').count() == 4
    assert page.locator('[data-touch="take"]').count() == 0
    touch(page, "field:ho-tich")
    expect(page.locator(".code")).to_have_text("A012")
    assert page.evaluate("document.body.dataset.fingers") == "1"


def test_a_field_on_the_first_screen_that_is_shut_leads_back_to_the_first_screen(kiosk: Callable[..., Page], office: PageServer) -> None:
    few_fields(office)
    office.ticket_answers.append(refusal("service_stopped"))
    page = kiosk()
    touch(page, "field:giao-duc")
    expect(page.locator(".message")).to_contain_text("đã hết giờ nhận số lúc 10:30.")
    touch(page, "other")
    shows(page, "home")
    touch(page, "field:ho-tich")
    expect(page.locator(".message")).to_contain_text(REFUSALS["service_stopped"])
    touch(page, "other")
    shows(page, "home")


@pytest.mark.parametrize(
    ("size", "bottom", "offered"),
    [
        (PORTRAIT, 1012, True),
        (PORTRAIT, 700, False),
        (LANDSCAPE, 1012, False),
        (LANDSCAPE, 1060, True),
    ],
    ids=["upright", "upright and low", "lying", "lying and high"],
)
def test_low_buttons_are_offered_where_the_glass_reaches_above_the_arm(
    kiosk: Callable[..., Page], office: PageServer, size: tuple[int, int, str], bottom: int, offered: bool
) -> None:
    mount(office, bottom)
    page = kiosk(size)
    assert page.locator('[data-touch="low"]').count() == offered
    if not offered:
        assert highest_mm(page) + bottom <= 1220
        touch(page, "take")
        shows(page, "field")
        assert highest_mm(page) + bottom <= 1220


Prepare = Callable[[PageServer], Any]
TO_NUMBER = ("take", "field:ho-tich")
TO_CODE = ("help", "missed")
TO_A012 = (*TO_CODE, "letter:A", "digit:0", "digit:1", "digit:2", "find")
REFUSALS = {
    "service_stopped": "Lĩnh vực này đã ngừng cấp số hôm nay.",
    "not_allowed_now": "Số A012 đã được gọi, không hủy được.",
    "rejoin_limit": "A012 đã quay lại 2 lần. Mời lấy số mới.",
}


def refusal(code: str) -> tuple[int, dict[str, Any]]:
    return 409, {"error": {"code": code, "message": REFUSALS[code], "details": {}}}


def plant(office: PageServer, **changes: Any) -> dict[str, Any]:
    """A012 has been taken here before; by default it was called at 09:02 and nobody came."""
    ticket = office.give("ho-tich") | {"state": "no_show", "called_at": "2026-11-20T09:02:00+07:00", "counter": "3"} | changes
    office.tickets["planted"] = ticket
    return ticket


def shut(office: PageServer) -> None:
    office.show(office.board, waiting=[{**row, "open": row["service"] != "ho-tich"} for row in office.board["waiting"]])


def outcome(word: str) -> Prepare:
    return lambda office: setattr(office, "outcome", word)


def no_paper(office: PageServer) -> None:
    office.printer, office.outcome = {"connected": True, "paper": "out"}, "failed"


def nothing(office: PageServer) -> None:
    pass


def closed(office: PageServer, why: str) -> None:
    office.show(why)
    for field in office.site["services"]:
        field["open"] = False


def mount(office: PageServer, bottom: int) -> None:
    for machine in office.site["kiosks"]:
        machine["screen_bottom_mm"] = bottom


def highest_mm(page: Page) -> float:
    """The upper edge of the highest target, in millimetres above the lower edge of the glass."""
    return float(
        page.evaluate(
            """() => {
              const mm = parseFloat(getComputedStyle(document.documentElement).getPropertyValue('--mm'));
              const tops = [...document.querySelectorAll('[data-touch]')].map((target) => target.getBoundingClientRect().top);
              return (innerHeight - Math.min(...tops)) / mm;
            }"""
        )
    )


def few_fields(office: PageServer) -> None:
    """Four fields, one of them shut, and one where results are collected: they stand on the first screen."""
    office.site["services"] = [
        s for s in office.site["services"] if s["id"] in ("ho-tich", "dat-dai", "giao-duc", "viec-khac") or s["result"]
    ]
    for machine in office.site["kiosks"]:
        machine["home"] = "fields"


def gone(office: PageServer) -> None:
    office.away = True
    office.drop()


def bookable(office: PageServer) -> None:
    """Appointments are taken, and the booking page can be opened from outside."""
    office.site["public_url"] = "https://so.example"
    for service in office.site["services"]:
        service["bookable"] = True


APPOINTMENT = "482137504582713063"
TYPED = ("appointment", *(f"digit:{digit}" for digit in APPOINTMENT[:7]))


def booked(office: PageServer, **changes: Any) -> None:
    """An appointment at 09:15 in the office's hall, known by its long and by its short code; the citizen comes at 09:14."""
    slot, counted = "2026-11-20T09:15:00+07:00", "2026-11-20T08:45:00+07:00"
    reason = {"term": "slot", "words": "hẹn 09:15, tính như đến trước giờ hẹn 30 phút"}
    for code in (APPOINTMENT, APPOINTMENT[:7]):
        office.appointments[code] = {"service": "chung-thuc", "slot": slot, "queue_time": counted, "reason": reason, **changes}


LATE: dict[str, Any] = {
    "slot": "2026-11-20T08:52:00+07:00",
    "queue_time": "2026-11-20T09:04:05+07:00",
    "reason": {"term": "late", "words": "hẹn 08:52, đến trễ 22 phút, tính sớm 10 phút"},
}


def declined(code: str, told: str, **details: Any) -> tuple[int, dict[str, Any]]:
    return 409, {"error": {"code": code, "message": told, "details": details}}


def answers(*queue: tuple[int, dict[str, Any]]) -> Prepare:
    return lambda office: office.check_in_answers.extend(queue)


WRONG_DAY = declined("wrong_day", "Lịch hẹn này là thứ Ba 24/11, không phải hôm nay.", start="2026-11-24T08:45:00+07:00")
TAKEN = declined("already_checked_in", "Lịch hẹn này đã nhận số B105 lúc 08:31.", ticket="B105", id="taken", at="2026-11-20T08:31:00+07:00")

SCREENS: dict[str, tuple[Prepare, tuple[str, ...]]] = {
    "home": (nothing, ()),
    "home without paper": (no_paper, ()),
    "fields at home": (few_fields, ()),
    "rules": (nothing, ("rules",)),
    "priority": (nothing, ("priority",)),
    "field": (nothing, ("take",)),
    "next page": (nothing, ("take", "more")),
    "field without paper": (no_paper, ("priority", "group:older")),
    "closed field": (shut, ("take", "field:ho-tich")),
    "closed field, bookable": (lambda office: (shut(office), bookable(office)), ("take", "field:ho-tich")),
    "closed office, bookable": (lambda office: (closed(office, "closed"), bookable(office)), ()),
    "refused": (lambda office: office.ticket_answers.append(refusal("service_stopped")), TO_NUMBER),
    "printing": (outcome("waiting"), TO_NUMBER),
    "printed": (nothing, ("priority", "group:older", "field:ho-tich")),
    "print unknown": (outcome("unknown"), TO_NUMBER),
    "number without paper": (no_paper, TO_NUMBER),
    "given back": (nothing, (*TO_NUMBER, "change")),
    "kept": (lambda office: office.verb_answers.append(refusal("not_allowed_now")), (*TO_NUMBER, "change")),
    "help": (nothing, ("help",)),
    "help not told": (lambda office: office.help_answers.append(409), ("help",)),
    "code": (nothing, TO_CODE),
    "unknown code": (nothing, TO_A012),
    "found, missed": (plant, TO_A012),
    "found, called": (lambda office: plant(office, state="called"), TO_A012),
    "rejoined": (plant, (*TO_A012, "rejoin")),
    "rejoin refused": (lambda office: (plant(office), office.verb_answers.append(refusal("rejoin_limit"))), (*TO_A012, "rejoin")),
    "appointment": (nothing, TYPED[:5]),
    "appointment, a digit wrong": (nothing, (*TYPED[:-1], "digit:4")),
    "appointment unknown": (nothing, TYPED),
    "appointment resting": (
        answers((429, {"error": {"code": "too_many_requests", "message": "", "details": {"retry_after_s": 60}}})),
        TYPED,
    ),
    "checked in": (booked, TYPED),
    "checked in late": (lambda office: booked(office, **LATE), TYPED),
    "checked in before": (answers(TAKEN), TYPED),
    "appointment of another day": (answers(WRONG_DAY), TYPED),
    "idle": (nothing, ("take", "until:.card")),
    "away": (nothing, ("gone", "wait:12000")),
    "lunch": (lambda office: closed(office, "lunch"), ()),
    "holiday": (lambda office: closed(office, "holiday"), ()),
}


def forget(page: Page, office: PageServer) -> None:
    """The page is closed, and neither its browser nor the office knows of it; only the static files are kept."""
    page.goto("about:blank")
    tools = page.context.new_cdp_session(page)
    tools.send("Storage.clearDataForOrigin", {"origin": office.url, "storageTypes": "all"})
    tools.detach()
    office.anew()


def walk(page: Page, office: PageServer, url: str, name: str, modes: tuple[str, ...]) -> None:
    """From a fresh kiosk to one of the screens, where the page's time stands."""
    prepare, touches = SCREENS[name]
    prepare(office)
    page.clock.resume()
    page.goto(url)
    page.locator(".kiosk[data-screen=home] .bar").last.wait_for()
    hold(page)
    for what in (*modes, *touches):
        if what == "gone":
            gone(office)
        elif what.startswith("until:"):
            for _ in range(120):
                if page.locator(what.removeprefix("until:")).count():
                    break
                passes(page, office, 1_000)
            else:
                raise AssertionError(f"{name}: {what} never came")
        elif what.startswith("wait:"):
            for _ in range(int(what[5:]) // 1000 * (2 if "large" in modes else 1)):
                page.clock.run_for(1_000)
        else:
            touch(page, what)
    page.clock.run_for(1_500)
    expect(page.locator(".status.is-ringing")).to_have_count(0)
    page.wait_for_timeout(50)


def told(wrong: dict[str, list[str]]) -> str:
    return "\n".join(f"{name}: {what}" for name, found in wrong.items() for what in found)


@pytest.mark.slow
@pytest.mark.timeout(LONGEST_S)
@pytest.mark.parametrize(
    ("size", "modes", "bottom"),
    [
        (PORTRAIT, (), 1012),
        (PORTRAIT, ("large",), 1012),
        (PORTRAIT, ("low",), 1012),
        (PORTRAIT, ("language", "large", "low"), 1012),
        (PORTRAIT, ("low",), 1060),
        (PORTRAIT, ("low",), 850),
        (LANDSCAPE, (), 1012),
        (LANDSCAPE, ("large",), 1012),
        (LANDSCAPE, ("language",), 1012),
        (LANDSCAPE, ("low",), 1060),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else "-".join(str(part) for part in value) or "plain",
)
def test_everything_is_large_enough_and_nothing_is_cut(
    browser: Browser, size: tuple[int, int, str], modes: tuple[str, ...], bottom: int, tmp_path: Path
) -> None:
    wrong: dict[str, list[str]] = {}
    page = browser.new_page(viewport={"width": size[0], "height": size[1]}, has_touch=True)
    own_time(page)
    with PageServer(kept=True) as office:
        for name in SCREENS:
            forget(page, office)
            office.site["public_url"] = "https://so.example"
            mount(office, bottom)
            for service in office.site["services"]:
                service["name"] = LONG_NAMES.get(service["id"], service["name"])
                service["name_en"] = "Civil status, nationality and adoption" if service["id"] in LONG_NAMES else service["name_en"]
            office.site["services"].append(
                {**office.site["services"][0], "id": "ket-qua", "letter": "T", "result": True, "name": "Trả kết quả"}
            )
            rows = example("long")["waiting"]
            office.show("long", waiting=[*rows, {**rows[0], "service": "ket-qua", "count": 188}])
            walk(page, office, f"{office.url}/kiosk/demo/{size[2]}", name, modes)
            found = laid_out(page)
            lang = page.evaluate("document.documentElement.lang")
            if lang != ("en" if "language" in modes else "vi"):
                found.append(f"the page says its language is {lang}")
            if "low" in modes and page.locator("[data-touch]").count() and highest_mm(page) + bottom > 1220:
                found.append(f"a target above the arm: {highest_mm(page) + bottom:.0f} mm")
            if page.locator(".code").count() and size is PORTRAIT:
                digits = page.evaluate("parseFloat(getComputedStyle(document.querySelector('.code')).fontSize) * 0.725")
                found += [f"digits {digits} px"] if digits < 225 else []
            if found:
                page.screenshot(path=tmp_path / f"{name.replace(' ', '_')}.png")
            wrong[name] = found
    page.close()
    assert not any(wrong.values()), told(wrong)


@pytest.mark.slow
@pytest.mark.timeout(LONGEST_S)
@pytest.mark.parametrize(("size", "modes"), [(PORTRAIT, ()), (LANDSCAPE, ("language",))], ids=["portrait", "landscape"])
def test_axe_finds_nothing_serious(browser: Browser, size: tuple[int, int, str], modes: tuple[str, ...]) -> None:
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, has_touch=True, bypass_csp=True)
    page = context.new_page()
    page.add_init_script(FLOWING)
    own_time(page)
    wrong: dict[str, list[str]] = {}
    with PageServer(kept=True) as office:
        for name in SCREENS:
            forget(page, office)
            office.site["services"].append({**office.site["services"][0], "id": "ket-qua", "letter": "T", "result": True})
            walk(page, office, f"{office.url}/kiosk/demo/{size[2]}", name, modes)
            assert page.locator("[data-screen]").count() == 1
            page.add_script_tag(path=AXE)
            found = page.evaluate(RUN_AXE)
            wrong[name] = [f"{v['id']}: {v['nodes'][0]['html'][:120]}" for v in found if v["impact"] in ("serious", "critical")]
    context.close()
    assert not any(wrong.values()), told(wrong)


def test_the_first_touch_on_help_tells_the_staff_and_the_screen_says_when_somebody_comes(
    kiosk: Callable[..., Page], office: PageServer
) -> None:
    page = kiosk()
    touch(page, "help")
    expect(page.locator(".status h1")).to_have_text("Đã báo nhân viên. Xin chờ tại đây.")
    assert office.helping
    office.helping = False
    page.clock.run_for(3_000)
    expect(page.locator(".status h1")).to_have_text("Nhân viên đang đến. Xin chờ tại đây.")


def test_a_call_for_help_that_nobody_heard_sends_to_the_desk(kiosk: Callable[..., Page], office: PageServer) -> None:
    office.help_answers = [409]
    page = kiosk()
    touch(page, "help")
    expect(page.locator(".status h1")).to_have_text("Chưa báo được nhân viên. Mời đến bàn hướng dẫn.")


def test_a_missed_number_is_typed_and_queues_again(kiosk: Callable[..., Page], office: PageServer) -> None:
    plant(office)
    page = kiosk()
    for what in ("help", "missed", "letter:A", "digit:1", "digit:2", "find"):
        touch(page, what)
    expect(page.locator("h1")).to_have_text("Số A012 đã được gọi lúc\u00a009:02.")
    touch(page, "rejoin")
    expect(page.locator(".message")).to_have_text(re.compile(r"Đã quay lại\.\s*Giờ xếp hàng mới: 09:14\.\s*Còn 2\u00a0người trước\."))
    assert [(verb, code) for verb, code, _ in office.verbs] == [("rejoin", "A012")]
    passes(page, office, 21_000)
    expect(page.locator(".kiosk[data-screen=home]")).to_be_visible()


def test_a_ticket_under_the_reader_is_found_without_a_touch(kiosk: Callable[..., Page], office: PageServer) -> None:
    ticket = plant(office)
    page = kiosk()
    page.keyboard.type(f"https://so.example/t/{ticket['id']}\n")
    expect(page.locator("h1")).to_have_text("Số A012 đã được gọi lúc\u00a009:02.")
    touch(page, "leave")
    page.keyboard.type("https://elsewhere.example/menu\n")
    expect(page.locator(".noted")).to_have_text("Không đọc được mã này. Mời bấm số in trên phiếu.")


def test_half_a_reading_is_forgotten(kiosk: Callable[..., Page], office: PageServer) -> None:
    ticket = plant(office)
    page = kiosk()
    page.keyboard.type(f"https://so.example/t/{ticket['id']}")
    page.clock.run_for(3_500)
    page.keyboard.press("Enter")
    page.clock.run_for(500)
    shows(page, "home")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"state": "waiting", "people_ahead": 3}, "Số A012 chưa được gọi. Còn 3 người trước. Xin chờ nghe gọi."),
        ({"state": "called"}, "Số A012 đang được gọi. Mời đến quầy 3 ngay."),
        ({"state": "serving"}, "Số A012 đang được phục vụ ở quầy 3."),
        ({"state": "held"}, "Số A012 đang được giữ chỗ. Cán bộ sẽ gọi lại. Xin chờ."),
        ({"state": "done"}, "Số A012 đã làm xong. Mời lấy số mới."),
        ({"state": "cancelled"}, "Số A012 đã trả lại. Mời lấy số mới."),
        ({"state": "lapsed"}, "Số A012 đã hết hiệu lực. Mời lấy số mới."),
        ({"state": "lapsed", "day": "2026-11-19"}, "Số A012 là của thứ Năm 19/11, không phải hôm nay. Mời lấy số mới."),
    ],
)
def test_a_number_that_was_not_missed_says_kindly_where_it_is(
    kiosk: Callable[..., Page], office: PageServer, changes: dict[str, Any], told: str
) -> None:
    plant(office, **changes)
    page = kiosk()
    page.keyboard.type("a012\n")
    page.locator(".kiosk[data-screen=found]").wait_for()
    assert " ".join(page.locator(".message > *").all_inner_texts()).replace("\u00a0", " ") == told
    assert page.locator('[data-touch="rejoin"]').count() == 0


def test_a_rejoin_over_the_limit_offers_a_new_number(kiosk: Callable[..., Page], office: PageServer) -> None:
    plant(office)
    office.verb_answers = [refusal("rejoin_limit")]
    page = kiosk()
    page.keyboard.type("A012\n")
    touch(page, "rejoin")
    expect(page.locator("h1")).to_have_text("A012 đã quay lại 2 lần.")
    touch(page, "take")
    shows(page, "field")


def test_a_wrong_field_is_given_back_once_and_only_at_first(kiosk: Callable[..., Page], office: PageServer) -> None:
    page = kiosk()
    for what in (*TO_NUMBER, "change"):
        touch(page, what)
    expect(page.locator(".told")).to_have_text("Đã trả số A012. Mời chọn lại lĩnh vực.")
    touch(page, "field:chung-thuc")
    expect(page.locator(".code")).to_have_text("B013")
    assert page.locator('[data-touch="change"]').count() == 0
    assert [(verb, code) for verb, code, _ in office.verbs] == [("cancel", "A012")]
    touch(page, "done")
    no_paper(office)
    for what in TO_NUMBER:
        touch(page, what)
    expect(page.locator('[data-touch="change"]')).to_be_visible()
    passes(page, office, 21_000)
    shows(page, "number")
    assert page.locator('[data-touch="change"]').count() == 0


def test_paper_that_comes_is_offered_only_when_it_has_come(kiosk: Callable[..., Page], office: PageServer) -> None:
    office.outcome = "waiting"
    page = kiosk()
    for what in TO_NUMBER:
        touch(page, what)
    expect(page.locator(".paper")).to_contain_text("Phiếu đang in, ra ở khe bên dưới")
    office.outcome = "printed"
    page.clock.run_for(2_000)
    expect(page.locator(".paper")).to_contain_text("Mời lấy phiếu ở khe bên dưới")


def test_the_paper_of_a_new_number_is_asked_after_at_once_although_an_older_question_is_on_its_way(
    kiosk: Callable[..., Page], office: PageServer
) -> None:
    page = kiosk()
    touch(page, "take")
    office.machine_may_answer.clear()
    asked = office.machine_asked
    # The kiosk asks every 0.6 s: within the dead time of this touch.
    page.clock.run_for(300)
    touch(page, "field:ho-tich")
    expect(page.locator(".code")).to_have_text("A012")
    # The question and the touch are on their way beside each other.
    until(lambda: office.machine_asked > asked)
    assert office.machine_asked == asked + 1
    office.machine_may_answer.set()
    expect(page.locator(".paper")).to_contain_text("Mời lấy phiếu ở khe bên dưới")


@pytest.mark.parametrize(
    ("printer", "outcome", "before", "band"),
    [
        ({"connected": True, "paper": "out"}, "failed", "Máy hết giấy. Vẫn lấy được số, số hiện trên màn hình.", "Máy hết giấy."),
        ({"connected": False, "paper": None}, "waiting", "Máy in đang nghỉ. Vẫn lấy được số, số hiện trên màn hình.", "Máy in đang nghỉ."),
        (
            {"connected": True, "paper": "offline"},
            "waiting",
            "Máy in đang nghỉ. Vẫn lấy được số, số hiện trên màn hình.",
            "Máy in đang nghỉ.",
        ),
        ({"connected": True, "paper": "ok"}, "failed", None, "Phiếu chưa in được."),
        ({"connected": True, "paper": "low"}, "expired", None, "Phiếu chưa in được."),
    ],
)
def test_without_paper_the_number_is_given_and_stays_to_be_remembered(
    kiosk: Callable[..., Page], office: PageServer, printer: dict[str, Any], outcome: str, before: str | None, band: str
) -> None:
    office.printer, office.outcome = printer, outcome
    page = kiosk()
    if before:
        expect(page.locator(".told")).to_have_text(before)
    else:
        assert page.locator(".told").count() == 0
    for what in TO_NUMBER:
        touch(page, what)
    expect(page.locator(".paper")).to_have_text(f"{band} Xin nhớ số A012 hoặc chụp màn hình.")
    expect(page.locator(".kiosk")).not_to_contain_text("Mời lấy phiếu")
    passes(page, office, 50_000)
    shows(page, "number")
    passes(page, office, 12_000)
    expect(page.locator(".kiosk[data-screen=home]")).to_be_visible()


def test_a_ticket_that_may_not_have_come_out_is_asked_about_and_printed_again(kiosk: Callable[..., Page], office: PageServer) -> None:
    office.outcome = "unknown"
    page = kiosk()
    for what in TO_NUMBER:
        touch(page, what)
    expect(page.locator(".paper")).to_contain_text("Phiếu đã ra chưa?")
    touch(page, "reprint")
    expect(page.locator(".paper")).to_contain_text("Mời lấy phiếu ở khe bên dưới")
    assert [(verb, code) for verb, code, _ in office.verbs] == [("reprint", "A012")]
    assert len(office.asked) == 1


def test_the_qr_stands_beside_the_number_only_where_it_leads_somewhere(kiosk: Callable[..., Page], office: PageServer) -> None:
    page = kiosk()
    for what in (*TO_NUMBER, "done"):
        touch(page, what)
    assert page.locator(".qr").count() == 0
    office.site["public_url"] = "https://so.example"
    for what in TO_NUMBER:
        touch(page, what)
    assert page.locator(".qr img").evaluate("(image) => image.decode().then(() => image.naturalWidth > 0)")


def test_a_closed_field_shows_where_an_appointment_is_booked(kiosk: Callable[..., Page], office: PageServer) -> None:
    shut(office)
    page = kiosk()
    for what in ("take", "field:ho-tich"):
        touch(page, what)
    assert page.locator(".qr").count() == 0, "nobody outside could open the page"
    bookable(office)
    page.reload()
    for what in ("take", "field:ho-tich"):
        touch(page, what)
    expect(page.locator(".qr")).to_contain_text("Hoặc quét mã để đặt lịch hẹn")
    assert page.locator(".qr img").get_attribute("src") == "/book/demo/qr.svg?service=ho-tich"
    assert page.locator(".qr img").evaluate("(image) => image.decode().then(() => image.naturalWidth > 0)")


def test_a_focused_button_has_an_outline(kiosk: Callable[..., Page], office: PageServer) -> None:
    page = kiosk()
    page.keyboard.press("Tab")
    assert page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)") >= 3
    page.clock.run_for(DEAD_MS)
    page.keyboard.press("Enter")
    shows(page, "field")


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
