"""The clerk's console and the directory in Chromium: what a clerk sees and presses, and that a press is done once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from clerk import USABLE, Clerk, on_its_way, seated
from console_server import PASSWORD, SmallOffice
from playwright.sync_api import Browser, BrowserContext, Route, expect

from server.core import events as ev

pytestmark = pytest.mark.browser


@pytest.fixture
def office() -> Iterator[SmallOffice]:
    with SmallOffice() as small:
        yield small


Sit = Callable[..., Clerk]


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport=USABLE, timezone_id="America/New_York")  # type: ignore[arg-type]
    yield context
    context.close()


@pytest.fixture
def sit(context: BrowserContext, office: SmallOffice) -> Sit:
    """A clerk at quầy 3, opened unless said otherwise."""

    def at_counter(user: str = "mau", opened: bool = True) -> Clerk:
        if opened:
            office.sit("3", user)
        return seated(context, office, user)

    return at_counter


# -- the big button --------------------------------------------------------------------------------------------------------------

HALL = "2026-11-20T09:14:00+07:00"
A012 = {"id": "a", "code": "A012", "service": "ho-tich", "service_name": "Hộ tịch", "queue_time": "2026-11-20T08:56:12+07:00"}
A016 = {**A012, "id": "b", "code": "A016", "state": "waiting"}
CALLED = {**A012, "state": "called", "called_at": "2026-11-20T09:13:30+07:00", "call_no": 1}
LONG_AGO = {**CALLED, "called_at": "2026-11-20T09:12:59+07:00"}
SERVING = {**CALLED, "state": "serving", "started_at": "2026-11-20T09:13:50+07:00"}
WAIT = {"next": A016, "waiting_count": 9}
NOBODY = {"next": None, "waiting_count": 0}
PAUSED = {"counter": {"state": "paused", "since": "2026-11-20T09:02:00+07:00"}}
TAKEN = {"counter": {"clerk": "binh"}}
ASKED = {"asking": {"what": "end", "ticket": "a"}}

LABELS: list[tuple[str, dict[str, Any], dict[str, Any], str, str]] = [
    ("counter closed", {"counter": {"state": "closed"}, **WAIT}, {}, "MỞ QUẦY 3", "Mở để bắt đầu gọi số"),
    ("free, people wait", WAIT, {}, "GỌI TIẾP", "Kế tiếp: A016 · Hộ tịch · 9 người chờ"),
    ("free, nobody", NOBODY, {}, "CHƯA CÓ AI CHỜ", "Sẽ báo bằng một tiếng nhẹ khi có người"),
    ("sent a moment ago", WAIT, {"sent": {"calls": True, "ms": 900}}, "GỌI TIẾP", "Kế tiếp: A016 · Hộ tịch · 9 người chờ"),
    ("sent, > 1 s", WAIT, {"sent": {"calls": True, "ms": 1100}}, "ĐANG GỌI…", "Đang hỏi lại máy chủ. Không gọi hai lần."),
    ("called just now", {"current": CALLED, **WAIT}, {}, "GỌI TIẾP", "A012 chưa đến? Gọi lại (G) hoặc Vắng (V)"),
    ("… and pressed", {"current": CALLED, **WAIT}, ASKED, "A012: XONG HAY VẮNG?", ""),
    ("called a minute ago", {"current": LONG_AGO, **WAIT}, {}, "GỌI TIẾP", "Hoàn tất A012 và gọi người kế tiếp (A016)"),
    ("started", {"current": SERVING, **WAIT}, {}, "GỌI TIẾP", "Hoàn tất A012 và gọi người kế tiếp (A016)"),
    ("serving, nobody waits", {"current": SERVING, **NOBODY}, {}, "HOÀN TẤT A012", "Chưa có ai chờ"),
    ("pause asked", {"current": SERVING, **WAIT}, {"pausing": "Họp"}, "HOÀN TẤT VÀ NGHỈ", "A012 là người cuối trước khi nghỉ"),
    ("paused", {**PAUSED, **WAIT}, {}, "LÀM VIỆC LẠI", "Tạm nghỉ từ 09:02 · 12 phút · 9 người chờ"),
    ("no server", {"current": SERVING, **WAIT}, {"connected": False}, "MẤT KẾT NỐI", "Đang nối lại. Quầy vẫn đang phục vụ A012."),
    ("somebody else's", {**TAKEN, **WAIT}, {}, "ĐÃ CÓ NGƯỜI", "binh đang mở quầy này. Mời chọn quầy khác."),
    ("a supervisor may", {**TAKEN, **WAIT}, {"me": {"user": "p", "role": "supervisor"}}, "NHẬN QUẦY 3", "binh đang mở quầy này"),
]

BIG = """async (rows) => {
  const { big } = await import("/static/console/model.js");
  return rows.map(([page, time]) => { const { label, second } = big(page, time); return [label, second]; });
}"""


def test_the_big_button_says_what_it_will_do(context: BrowserContext, office: SmallOffice) -> None:
    rows = []
    for _, shown, page, _, _ in LABELS:
        counter = {"id": "3", "name": "Quầy 3", "state": "open", "clerk": "mau", "services": ["ho-tich"], **shown.get("counter", {})}
        console = {"day": "2026-11-20", "revision": 7, "current": None, **shown, "counter": counter}
        base = {"me": {"user": "mau", "role": "clerk"}, "connected": True, "sent": None, "asking": None, "pausing": None, "refusal": None}
        # 1,795,140,840 s is HALL; a factor of one, as in production.
        rows.append([{**base, "console": console, **page}, {"hallMs": 1795140840000, "factor": 1}])
    window = context.new_page()
    window.goto(f"{office.url}/console")
    said = window.evaluate(BIG, rows)
    for (name, _, _, label, second), got in zip(LABELS, said, strict=True):
        assert [text.replace("\u00a0", " ") for text in got] == [label, second], name


def test_people_at_the_desks_go_by_their_own_names(context: BrowserContext, office: SmallOffice, sit: Sit) -> None:
    office.names = {"mau": "Nguyễn Thị Lan", "binh": "Phạm Quốc Bình"}
    clerk = sit()
    expect(clerk.page.locator(".bar .who")).to_contain_text("Nguyễn Thị Lan · Hộ tịch")
    office.sit("1", "binh")
    clerk.press("N")
    clerk.press("1")
    other = seated(context, office, "phutrach")
    other.reads("second", "Nguyễn Thị Lan đang mở quầy này")
    clerk.page.evaluate("localStorage.clear()")
    other.page.evaluate("localStorage.clear()")
    context.add_cookies([{"name": "moiso_staff", "value": office.session("mau"), "url": office.url}])
    page = context.new_page()
    page.goto(f"{office.url}/console")
    page.evaluate("localStorage.clear()")
    page.reload()
    expect(page.locator(".entry-head")).to_contain_text("Nguyễn Thị Lan")
    expect(page.locator("[data-test=counter-1]")).to_contain_text("Phạm Quốc Bình đang mở")
    expect(page.locator("[data-test=counter-3]")).to_contain_text("Ông/bà đang mở")
    page.locator("[data-test=counter-1]").click()
    expect(page.get_by_role("alert")).to_contain_text("Quầy 1 đang do Phạm Quốc Bình mở.")


# -- what became of the call -----------------------------------------------------------------------------------------------------

HEARD_AT = "2026-11-20T09:14:05+07:00"
ALL = {"speakers": 2, "of": 2, "at": HEARD_AT}
HALF = {"speakers": 1, "of": 2, "at": HEARD_AT}
NONE = {"speakers": 0, "of": 2, "at": None}
TWO = {"speakers": 2, "displays": 3, "alerts": []}
MUTE = {"speakers": 0, "displays": 3, "alerts": [{"kind": "silent", "device": "audio", "name": "loa", "words": "Loa loa mất kết nối"}]}
ONE_DARK = {**TWO, "alerts": [{"kind": "silent", "device": "display", "name": "tv4", "words": "Màn hình tv4 mất kết nối"}]}
TOO_LATE = "Không phát vì đã trễ 20 giây. Số vẫn hiện trên màn hình."

CALL_WORDS: list[tuple[str, float, dict[str, Any], dict[str, Any], str, str]] = [
    ("just called", 1, NONE, TWO, "wait", "Đang phát…"),
    ("begun late, and still speaking", 29, NONE, TWO, "wait", "Đang phát…"),
    ("heard everywhere", 5, ALL, TWO, "done", "Đã phát 09:14:05 · loa 2/2 · màn hình 3/3"),
    ("heard, and one screen is away", 5, ALL, ONE_DARK, "done", "Đã phát 09:14:05 · loa 2/2 · màn hình 3/4"),
    ("one speaks, the other still may", 10, HALF, TWO, "wait", "Đang phát… loa 1/2"),
    ("one spoke, the other will not", 20, HALF, TWO, "warn", "Chỉ 1/2 loa phát được. Bấm G để gọi lại."),
    ("long ago: nobody counts any more", 121, HALF, TWO, "done", "Đã phát 09:14:05 · màn hình 3/3"),
    ("too late for the voice", 31, NONE, TWO, "warn", TOO_LATE),
    (
        "a loudspeaker that should be there is not",
        2,
        NONE,
        MUTE,
        "warn",
        "Loa không trả lời. Số vẫn hiện trên màn hình. Xin gọi trực tiếp.",
    ),
    ("quiet hours", 40, {**NONE, "quiet": True}, TWO, "wait", "Giờ yên lặng: chỉ hiện trên màn hình."),
    (
        "quiet hours in a hall without a screen",
        1,
        {**NONE, "quiet": True},
        {**TWO, "displays": 0},
        "warn",
        "Giờ yên lặng và không có màn hình. Xin gọi trực tiếp.",
    ),
    ("an office without a voice", 2, NONE, {**MUTE, "alerts": []}, "wait", "Không có loa. Số hiện trên màn hình."),
    (
        "nothing to hear, nothing to see",
        2,
        NONE,
        {**MUTE, "displays": 0},
        "warn",
        "Không có loa và màn hình nào đang nối. Xin gọi trực tiếp.",
    ),
]

SAID = """async (rows) => {
  const { callState } = await import("/static/console/lines.js");
  return rows.map(([ticket, devices, hallMs]) => callState({ connected: true, console: { devices } }, ticket, { hallMs, factor: 1 }));
}"""


def test_the_card_tells_what_became_of_the_call(context: BrowserContext, office: SmallOffice) -> None:
    window = context.new_page()
    window.goto(f"{office.url}/console")
    # 1,795,140,810 s is the call; ages are seconds after it.
    rows = [[{**CALLED, "heard": heard}, devices, 1795140810000 + age * 1000] for _, age, heard, devices, _, _ in CALL_WORDS]
    for (name, *_, tone, text), got in zip(CALL_WORDS, window.evaluate(SAID, rows), strict=True):
        assert (got["tone"], got["text"].replace("\u00a0", " ")) == (tone, text), name


# -- a kiosk where somebody needs a person -----------------------------------------------------------------------------------------


COUNT_TONES = """async () => {
  // A machine that has much to do lets a page sound some time after it was pressed.
  const sounds = window.sounds;
  while (sounds.state !== "running") await new Promise((go) => setTimeout(go, 20));
  window.tones = [];
  const real = AudioContext.prototype.createOscillator;
  AudioContext.prototype.createOscillator = function () { const made = real.call(this); tones.push(made); return made; };
}"""


KEEP_SOUNDS = "window.AudioContext = class extends AudioContext { constructor() { super(); window.sounds = this; } };"


def test_a_call_for_help_is_one_line_that_moves_nothing_and_one_clerk_goes(context: BrowserContext, office: SmallOffice, sit: Sit) -> None:
    context.add_init_script(KEEP_SOUNDS)
    for _ in range(9):
        office.come("ho-tich")
        office.pass_time(minutes=1)
    clerk, other = sit(), sit("mau", opened=False)
    clerk.press("Space")
    clerk.sees("young")
    clerk.rest()
    boxes = [clerk.page.locator(place).bounding_box() for place in ("#big", ".now", ".tabs")]
    clerk.page.evaluate(COUNT_TONES)
    office.need_help("k1")
    clerk.reads("help", "Máy lấy số 1 cần người giúp")
    office.need_help("k2")
    office.tell()
    clerk.reads("help", "Máy lấy số 1 cần người giúp")
    clerk.reads("help", "còn 1 máy khác")
    other.reads("help", "Máy lấy số 1 cần người giúp")
    assert clerk.page.evaluate("tones.length") == 2, "one tone for each request, none for repeats"
    assert [clerk.page.locator(place).bounding_box() for place in ("#big", ".now", ".tabs")] == boxes
    assert clerk.page.locator("tr[data-code]").last.bounding_box()["y"] + 44 < clerk.page.locator(".help").bounding_box()["y"]  # type: ignore[index]

    # Somebody goes by key, even while the hands rest after a call and a question is open; nobody is called by it.
    clerk.page.keyboard.press("KeyC")
    clerk.page.wait_for_selector("[data-test=panel-transfer]")
    clerk.page.keyboard.press("Escape")
    clerk.page.keyboard.press("KeyM")
    clerk.reads("help", "Máy lấy số 2 cần người giúp")
    other.reads("help", "Máy lấy số 2 cần người giúp")
    clerk.page.get_by_role("button", name="Tôi đến").focus()
    clerk.page.keyboard.press("Space")
    clerk.reads("help", "Đã báo ông/bà đến Máy lấy số 2.")
    other.page.wait_for_selector("[data-test=help]", state="detached")
    assert len(office.happened(ev.HelpAnswered)) == 2 and len(office.happened(ev.TicketCalled)) == 1
    clerk.sees("young")


# -- journeys --------------------------------------------------------------------------------------------------------------------


def test_a_clerk_works_a_round_with_the_keyboard_alone(office: SmallOffice, sit: Sit) -> None:
    clerk = sit(opened=False)
    for service in ("ho-tich", "chung-thuc", "ho-tich"):
        office.come(service)
        office.pass_time(minutes=1)
    boxes = []

    def pressed(key: str, then: str) -> None:
        clerk.press(key)
        clerk.sees(then)
        boxes.append(clerk.page.locator(".big").bounding_box())

    pressed("Space", "free")
    pressed("Space", "young")
    clerk.reads("current", "A001")
    clerk.reads("call", "Đang phát")
    office.devices["speakers"] = 1
    office.hear()
    clerk.reads("call", "Đã phát")
    office.pass_time(seconds=60)
    clerk.sees("busy")
    pressed("Space", "young")
    clerk.reads("current", "B001")
    clerk.reads("strip", "Vừa gọi B001")
    pressed("KeyV", "free")
    pressed("Control+KeyZ", "young")
    clerk.reads("strip", "Đã hoàn tác. B001 lại ở quầy này.")
    pressed("KeyS", "busy")
    clerk.press("KeyN")
    clerk.press("3")
    clerk.page.wait_for_selector("[data-test=panel-warn]")
    clerk.reads("panel-warn", "Lĩnh vực Hộ tịch, Chứng thực sẽ không còn quầy nào. 1 người đang chờ.")
    pressed("Enter", "leaving")
    pressed("Space", "paused")
    pressed("Space", "free")
    clerk.page.get_by_role("button", name="Đóng quầy").focus()
    clerk.press("Enter")
    clerk.page.wait_for_selector("[data-test=panel-close]")
    pressed("Enter", "open")

    kinds = [type(entry.event) for entry in office.story if entry.actor == "mau"]
    assert kinds == [
        *(ev.CounterOpened, ev.TicketCalled, ev.TicketFinished, ev.TicketCalled, ev.TicketMissed, ev.StepUndone, ev.TicketStarted),
        *(ev.TicketFinished, ev.CounterPaused, ev.CounterResumed, ev.CounterClosed),
    ]
    assert [event.reason for event in office.happened(ev.CounterPaused)] == ["Họp"]
    assert all(box == boxes[0] for box in boxes), "the big button has moved or changed its size"
    assert clerk.page.evaluate("document.querySelector('.left').scrollHeight <= document.querySelector('.left').clientHeight")


def test_a_double_click_is_one_command_and_so_are_two_tabs(office: SmallOffice, sit: Sit) -> None:
    for _ in range(4):
        office.come("ho-tich")
    clerk = sit()
    clerk.sees("free")
    clerk.rest()
    clerk.page.locator("#big").dblclick()
    clerk.sees("young")
    assert len(office.happened(ev.TicketCalled)) == 1

    second = sit(opened=False)
    office.pass_time(seconds=60)
    for tab in (clerk, second):
        tab.sees("busy")
        tab.rest()
    # Both tabs decide at the same revision: the first is held on its way until the second has been sent too.
    held: list[Route] = []
    clerk.page.route("**/next", lambda route: held.append(route))
    clerk.page.locator("#big").click()
    on_its_way(clerk.page, held)
    second.page.locator("#big").click()
    second.sees("young")
    on_its_way(clerk.page, held).continue_()
    clerk.sees("young")
    clerk.rest()
    assert [event.ticket for event in office.happened(ev.TicketCalled)] == list(office.day.tickets)[:2]


def test_a_lost_answer_calls_nobody_twice(office: SmallOffice, sit: Sit) -> None:
    office.come("ho-tich")
    office.come("ho-tich")
    clerk = sit()
    clerk.sees("free")
    keys: list[str | None] = []

    def lose_the_first(route: Route) -> None:
        keys.append(route.request.headers.get("idempotency-key"))
        if len(keys) == 1:
            route.fetch()
            route.abort("connectionreset")
        else:
            route.continue_()

    clerk.page.route("**/next", lose_the_first)
    clerk.press("Space")
    clerk.sees("young")
    clerk.rest()
    assert len(office.happened(ev.TicketCalled)) == 1
    assert len(keys) == 2 and keys[0] == keys[1] is not None


def test_a_refusal_is_a_sentence_on_the_button(office: SmallOffice, sit: Sit) -> None:
    office.come("ho-tich")
    clerk = sit()
    clerk.press("Space")
    clerk.sees("last")
    clerk.press("KeyV")
    clerk.sees("empty")
    office.pass_time(minutes=31)
    clerk.page.get_by_role("tab", name="Vắng 1").click()
    clerk.rest()
    clerk.page.get_by_role("button", name="Quay lại").click()
    clerk.reads("second", "A001 đã vắng quá 30 phút. Mời lấy số mới.")


def test_out_of_order_needs_a_reason_and_a_transfer_takes_a_letter(office: SmallOffice, sit: Sit) -> None:
    for _ in range(3):
        office.come("ho-tich")
        office.pass_time(minutes=1)
    clerk = sit()
    clerk.sees("free")
    clerk.rest()
    clerk.page.keyboard.press("ArrowDown")
    clerk.page.keyboard.press("ArrowDown")
    expect(clerk.page.locator(".foot")).to_contain_text("A001 trước A002 vì")
    clerk.page.keyboard.press("Enter")
    clerk.page.wait_for_selector("[data-test=panel-reason]")
    clerk.page.keyboard.press("5")
    clerk.page.keyboard.press("Enter")
    clerk.reads("panel-reason", "Gọi không theo thứ tự thì phải chọn lý do.")
    clerk.page.keyboard.type("Bổ sung giấy <b>tờ</b>")
    clerk.page.keyboard.press("Enter")
    clerk.sees("young")
    called = office.happened(ev.TicketCalled)[0]
    assert (office.day.tickets[called.ticket].code, called.reason, called.in_order) == ("A002", "Bổ sung giấy <b>tờ</b>", False)

    clerk.press("KeyC")
    clerk.page.wait_for_selector("[data-test=panel-transfer]")
    clerk.page.keyboard.type("c")
    clerk.page.keyboard.press("Enter")
    clerk.sees("free")
    clerk.reads("strip", "Đã chuyển A002 sang Đất đai – Xây dựng, giữ giờ xếp hàng 08:31:")
    assert [event.service for event in office.happened(ev.TicketTransferred)] == ["dat-dai"]


def test_the_cable_is_pulled_and_the_session_ends(office: SmallOffice, sit: Sit) -> None:
    office.come("ho-tich")
    office.come("ho-tich")
    clerk = sit()
    clerk.press("Space")
    clerk.sees("young")
    office.devices["alerts"] = [{"kind": "paper", "name": "k1", "words": "Máy lấy số 1 <i>sắp</i> hết giấy"}]
    office.tell()
    expect(clerk.page.locator("[data-test=care]")).to_contain_text("<i>sắp</i>")
    office.unplug()
    clerk.sees("lost")
    clerk.reads("second", "Đang nối lại. Quầy vẫn đang phục vụ A001.")
    office.plug()
    clerk.sees("young")
    clerk.reads("current", "A001")

    office.forget_sessions()
    clerk.press("KeyG")
    expect(clerk.page.get_by_role("alert")).to_have_text("Phiên làm việc đã hết. Đăng nhập lại; A001 vẫn ở quầy này.")
    clerk.page.keyboard.type("mau")
    clerk.page.keyboard.press("Tab")
    clerk.page.keyboard.type(PASSWORD)
    clerk.page.keyboard.press("Enter")
    clerk.sees("young")
    assert len(office.happened(ev.TicketCalled)) == 1


def test_a_counter_that_is_taken_says_by_whom_and_a_supervisor_takes_it_over(context: BrowserContext, office: SmallOffice) -> None:
    office.sit("7", "binh")
    page = context.new_page()
    page.goto(f"{office.url}/console")
    for user, password in (("mau", "sai"), ("mau", PASSWORD)):
        page.fill("#user", user)
        page.fill("#password", password)
        page.keyboard.press("Enter")
        page.wait_for_selector(".notice, .counters")
    page.click("[data-test=counter-7]")
    expect(page.get_by_role("alert")).to_contain_text("Quầy 7 đang do binh mở.")
    page.get_by_role("button", name="Đăng xuất").click()
    page.fill("#user", "phutrach")
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.click("[data-test=counter-7]")
    supervisor = Clerk(page)
    supervisor.sees("takeover")
    supervisor.press("Space")
    supervisor.sees("empty")
    assert office.day.counters["7"].clerk == "phutrach"


# -- the directory ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [360, 1366])
def test_the_directory_needs_no_javascript_and_fits(browser: Browser, office: SmallOffice, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, java_script_enabled=False)
    page = context.new_page()
    page.goto(office.url)
    links = {link.inner_text(): link.get_attribute("href") for link in page.get_by_role("link").all()}
    assert links["Máy lấy số 1"] == "/kiosk/thu/k1" and links["Quầy 7"] == "/display/thu/counter/7" and links["Mở bàn gọi số"] == "/console"
    expect(page.get_by_role("row", name="phutrach")).to_contain_text("Phụ trách")
    right = max(box["x"] + box["width"] for one in page.locator("a, table, h2").all() if (box := one.bounding_box()))
    assert right <= width
    context.close()
