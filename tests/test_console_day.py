"""Clerks at their consoles against a real server: two hundred citizens by keyboard alone, and presses that go wrong on their way."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from browsing import has_noted, note
from clerk import USABLE, Clerk, on_its_way
from histories import Witness
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from running import OPEN, PASSWORD, Client, Server, running

from config.loader import load
from server import wire
from server.core import events as ev

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CITIZENS = 200
FACTOR, START = 100.0, "2026-11-20T00:05:00+07:00"
"""Hall seconds per second: hands rest 0.8 s after each step, so that everybody is served for more than a minute of the hall; and its
day has room for a slow machine."""
CLERKS = {"1": "lan", "2": "minh", "3": "hoa", "4": "tam", "5": "vinh", "6": "nga"}
WAITING = 14
"""About as many wait at any time; more would come when some have been called."""
NO_SHOWS, SLOW_COMERS, SENT_FOR_PAPERS = range(20, 200, 40), range(10, 200, 40), (33, 133)
"""Of the citizens by the order of their numbers: called twice and missed; called twice and came; held, and back six calls later."""
MOST_PRESSES = 1.2
PACE_MS, PATIENCE_S = 40, 600


def office() -> str:
    """The smallest office, with as many counters as clerks."""
    more = "".join(f'\n[[counters]]\nid = "{counter}"\nservices = ["A", "B"]\n' for counter in list(CLERKS)[4:])
    return Path(OPEN).read_text(encoding="utf-8") + more


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("consoles")
    document = folder / "open.toml"
    document.write_text(office(), encoding="utf-8")
    with running(folder, str(document), "--hall-clock", START, "--factor", str(FACTOR)) as server:
        yield server


@pytest.fixture(scope="module")
def kiosk(server: Server) -> Client:
    return server.device("k1")


@pytest.fixture(scope="module")
def inspector(server: Server) -> Client:
    return server.crew("thanhtra", role="inspector")[0]


@pytest.fixture
def seats(browser: Browser, server: Server) -> Iterator[Seats]:
    seats = Seats(browser, server)
    yield seats
    seats.leave()


@dataclass
class Seats:
    """Who has signed in, each in a browser of their own; their counters are closed in the end."""

    browser: Browser
    server: Server
    contexts: list[BrowserContext] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)

    def sign_in(self, name: str) -> Page:
        """At the choice of the counter, by keyboard."""
        context = self.browser.new_context(viewport=USABLE)  # type: ignore[arg-type]
        context.add_init_script("window.presses = 0; addEventListener('keydown', (e) => { if (!e.repeat) window.presses += 1; }, true);")
        self.contexts.append(context)
        page = context.new_page()
        page.goto(f"{self.server.url}/console")
        page.wait_for_selector("#user:focus")
        page.keyboard.type(name)
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_selector(".counters")
        return page

    def choose(self, page: Page, counter: str) -> None:
        """Tab to a counter and take it."""
        for _ in range(20):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.dataset.test") == f"counter-{counter}":
                return page.keyboard.press("Enter")
        raise AssertionError(f"counter {counter} is not reached by Tab")

    def sit(self, name: str, counter: str) -> Clerk:
        """At an open counter. The name is a new clerk's."""
        self.server.crew(name)
        page = self.sign_in(name)
        self.choose(page, counter)
        clerk = Clerk(page)
        clerk.sees("open")
        clerk.press("Space")
        page.wait_for_selector("#big:not([data-kind=open]):not([data-kind=loading])")
        self.taken.add(counter)
        return clerk

    def leave(self) -> None:
        for context in self.contexts:
            context.close()
        if not self.taken:
            return
        chief = self.server.crew(f"chu{'-'.join(sorted(self.taken))}-{id(self)}", role="supervisor")[0]
        for counter in sorted(self.taken):
            chief.post(f"/sites/open/counters/{counter}/open")
            while chief.get(f"/sites/open/counters/{counter}/console")["waiting_count"]:
                chief.post(f"/sites/open/counters/{counter}/next", {"finish": True})
            chief.send("POST", f"/sites/open/counters/{counter}/next", {"finish": True})
            chief.post(f"/sites/open/counters/{counter}/close")


def take(kiosk: Client, service: str = "A", **how: Any) -> str:
    """Somebody takes a number; its code."""
    return str(kiosk.post("/sites/open/tickets", {"service": service, **how}, expect=201)["code"])


@dataclass
class Story:
    """What happened on the day so far, and a witness who has kept a book of it by hand."""

    witness: Witness
    kinds: list[tuple[str, ev.Event]]

    def calls(self, since: int = 0) -> list[str]:
        return [called.person.code for called in self.witness.calls if called.entry.seq > since]

    @property
    def end(self) -> int:
        return self.witness.calls[-1].entry.seq if self.witness.calls else 0


def story(inspector: Client) -> Story:
    site = load(office())
    witness = Witness({1: site})
    kinds = []
    for line in inspector.get("/sites/open/days/2026-11-20/events")["events"]:
        event = wire.event_of(line["kind"], wire.dumps(line["event"]))
        witness.hear(ev.Entry(line["seq"], datetime.fromisoformat(line["at"]), line["actor"], event))
        kinds.append((line["actor"], event))
    return Story(witness, kinds)


# -- a day -----------------------------------------------------------------------------------------------------------------------

LOOK = """() => {
  const big = document.querySelector("[data-kind]");
  const count = (tab) => Number(/\\d+/.exec(document.querySelector(`[data-test=tab-${tab}]`)?.textContent ?? "0")[0]);
  return {
    kind: big.dataset.kind,
    resting: document.querySelector("main").dataset.resting === "true",
    code: document.querySelector("[data-test=current]")?.textContent ?? null,
    held: count("held"),
    waiting: count("waiting"),
  };
}"""


@dataclass
class Hands:
    """One clerk's hands: what is pressed next, from what the screen says. `plans` is what is to happen to whom, shared by all clerks."""

    clerk: Clerk
    plans: dict[str, list[str]]
    back_after: int | None = None
    done: bool = False

    def look(self, all_came: bool) -> int:
        """See, and press what is due; how many wait."""
        seen = self.clerk.page.evaluate(LOOK)
        if seen["resting"]:
            pass
        elif seen["held"] and (self.back_after == 0 or seen["kind"] == "empty"):
            self.back_after = None
            self.keys("ArrowLeft", "ArrowDown", "Enter")
            self.clerk.page.wait_for_selector("[data-test=tab-waiting][aria-selected=true]")
        elif seen["kind"] == "empty":
            self.done = all_came
        elif seen["kind"] in ("free", "busy", "last"):
            self.keys(self.key(seen["code"]))
        return int(seen["waiting"])

    def key(self, code: str | None) -> str:
        if code and self.plans.get(code):
            key = self.plans[code].pop(0)
            if key == "KeyT":
                self.back_after = 6
            return key
        if self.back_after:
            self.back_after -= 1
        return "Space"

    def keys(self, *codes: str) -> None:
        for code in codes:
            self.clerk.page.keyboard.press(code)


@pytest.mark.timeout(2 * PATIENCE_S)
def test_two_hundred_citizens_by_keyboard_alone(seats: Seats, server: Server, kiosk: Client, inspector: Client) -> None:
    plans: dict[str, list[str]] = {}
    held: list[str] = []
    before = story(inspector).end

    def come(number: int) -> None:
        code = take(kiosk, "AB"[number % 3 == 0], **({"priority": "older"} if number % 9 == 0 else {}))
        for keys, who in ((["KeyG", "KeyV"], NO_SHOWS), (["KeyG"], SLOW_COMERS), (["KeyT"], SENT_FOR_PAPERS)):
            if number in who:
                plans[code] = list(keys)
        if number in SENT_FOR_PAPERS:
            held.append(code)

    came = 0
    hands = [Hands(seats.sit(name, counter), plans) for counter, name in CLERKS.items()]
    for each in hands:
        each.clerk.page.evaluate("window.presses = 1")  # MỞ QUẦY; what was typed to sign in is not about a citizen
    end = time.monotonic() + PATIENCE_S
    waiting = 0
    while not all(each.done for each in hands):
        assert time.monotonic() < end, "the day does not end"
        for _ in range(min(WAITING - waiting, CITIZENS - came)):
            come(came)
            came += 1
        for each in hands:
            waiting = each.look(came == CITIZENS)
        hands[0].clerk.page.wait_for_timeout(PACE_MS)
    presses = sum(each.clerk.page.evaluate("window.presses") for each in hands)

    kept = story(inspector)
    calls = kept.calls(before)
    assert Counter(calls) == Counter({**dict.fromkeys(calls, 1), **dict.fromkeys(held, 2)}), "nobody was called twice but who was held"
    assert len(set(calls)) == CITIZENS
    for called in kept.witness.calls:
        if called.entry.seq > before:
            assert all(called.person.place < rival.place for rival in called.rivals), called.person.code
    kinds = Counter(type(event) for _, event in kept.kinds)
    assert kinds[ev.TicketMissed] == len(NO_SHOWS) and kinds[ev.TicketRecalled] == len(NO_SHOWS) + len(SLOW_COMERS)
    assert kinds[ev.TicketHeld] == kinds[ev.TicketReleased] == len(SENT_FOR_PAPERS)
    assert kinds[ev.TicketFinished] == CITIZENS - len(NO_SHOWS)
    assert presses <= MOST_PRESSES * CITIZENS


# -- presses that go wrong on their way ------------------------------------------------------------------------------------------


def shown(page: Page) -> dict[str, Any]:
    """What the console shows, but for what time changes."""
    return page.evaluate(  # type: ignore[no-any-return]
        """() => ({
          big: document.querySelector("[data-kind]").innerText,
          code: document.querySelector("[data-test=current]")?.innerText ?? null,
          keys: [...document.querySelectorAll(".key")].map((key) => [key.innerText, key.disabled]),
          rows: [...document.querySelectorAll("tr[data-code]")].map((row) => [row.dataset.code, row.querySelector(".why").innerText]),
          tabs: [...document.querySelectorAll("[role=tab]")].map((tab) => tab.innerText),
        })"""
    )


def test_a_lost_answer_and_a_double_press_call_nobody_twice(seats: Seats, kiosk: Client, inspector: Client) -> None:
    codes = [take(kiosk) for _ in range(3)]
    before = story(inspector).end
    clerk = seats.sit("mot", "1")
    clerk.sees("free")
    keys: list[str | None] = []

    def lose_two(route: Route) -> None:
        keys.append(route.request.headers.get("idempotency-key"))
        if len(keys) > 2:
            return route.continue_()
        assert route.fetch().status == 200, "the server has done it, and nobody hears of it"
        return route.abort("connectionreset")

    clerk.page.route("**/next", lose_two)
    clerk.press("Space")
    clerk.page.keyboard.press("Space")
    clerk.page.keyboard.press("Space")
    clerk.sees("busy")
    clerk.rest()
    clerk.reads("current", codes[0])
    assert story(inspector).calls(before) == codes[:1]
    # On a busy machine it may have given up the third question too, after eight seconds.
    assert len(keys) >= 3 and len(set(keys)) == 1 and keys[0]


def test_two_tabs_of_one_clerk_ask_the_same_question(seats: Seats, kiosk: Client, inspector: Client) -> None:
    codes = [take(kiosk) for _ in range(4)]
    before = story(inspector).end
    first = seats.sit("hai", "2")
    first.press("Space")
    second = Clerk(first.page.context.new_page())
    second.page.goto(f"{seats.server.url}/console")
    for tab in (first, second):
        tab.sees("busy")
        tab.rest()
    held: list[Route] = []
    first.page.route("**/next", lambda route: held.append(route))
    first.page.keyboard.press("Space")
    on_its_way(first.page, held)
    second.page.keyboard.press("Space")
    second.reads("current", codes[1])
    held[-1].continue_()
    # A page that has waited for eight seconds asks once more, with the same key.
    first.page.unroute("**/next")
    first.rest()
    for tab in (first, second):
        tab.reads("current", codes[1])
    assert story(inspector).calls(before) == codes[:2]


def test_a_clerk_who_sits_down_elsewhere_leaves_no_open_page_behind(seats: Seats, server: Server, kiosk: Client) -> None:
    code, _ = take(kiosk), take(kiosk)
    clerk = seats.sit("vu", "3")
    clerk.press("Space")
    clerk.sees("busy")
    elsewhere = seats.sign_in("vu")
    expect(clerk.page.get_by_role("alert")).to_have_text(
        f"Tài khoản này vừa đăng nhập ở máy khác, phiên ở đây đã hết. Đăng nhập lại; {code} vẫn ở quầy này."
    )
    clerk.page.reload()
    expect(clerk.page.get_by_role("alert")).to_contain_text("vừa đăng nhập ở máy khác")
    # The other computer has the counter with the citizen who is there.
    seats.choose(elsewhere, "3")
    Clerk(elsewhere).sees("busy")


def test_a_counter_is_taken_over_while_its_clerk_presses(seats: Seats, server: Server, kiosk: Client, inspector: Client) -> None:
    codes = [take(kiosk) for _ in range(4)]
    before = story(inspector).end
    clerk = seats.sit("ba", "3")
    clerk.press("Space")
    clerk.sees("busy")

    # Another clerk learns who has the counter; the head of the hall may take it, with the citizen who is there.
    server.crew("tu")
    server.crew("phutrach", role="supervisor")
    other = seats.sign_in("tu")
    expect(other.locator("[data-test=counter-3] .state")).to_have_text("ba đang mở")
    seats.choose(other, "3")
    expect(other.get_by_role("alert")).to_contain_text("Quầy 3 đang do ba mở.")
    head = Clerk(seats.sign_in("phutrach"))
    seats.choose(head.page, "3")
    head.sees("takeover")
    head.reads("second", "ba đang mở quầy này")
    head.rest()

    held: list[Route] = []
    clerk.page.route("**/next", lambda route: held.append(route))
    clerk.press("Space")
    on_its_way(clerk.page, held)
    head.press("Space")
    head.sees("busy")
    head.reads("current", codes[0])

    # The first clerk's press arrives only now: it was about a counter that is another's, and calls nobody.
    held[-1].continue_()
    clerk.page.unroute("**/next")
    clerk.sees("taken")
    clerk.rest()
    clerk.reads("second", "phutrach")
    clerk.press("Space")
    assert story(inspector).calls(before) == codes[:1]
    head.press("Space")
    head.reads("current", codes[1])
    assert story(inspector).calls(before) == codes[:2]


def test_a_reload_shows_the_same_counter(seats: Seats, kiosk: Client, inspector: Client) -> None:
    codes = [take(kiosk, "AB"[n % 2]) for n in range(6)]
    clerk = seats.sit("nam", "4")
    for key, kind in (("Space", "busy"), ("KeyT", "free"), ("Space", "busy"), ("KeyV", "free"), ("Space", "busy"), ("KeyS", "busy")):
        with clerk.page.expect_response(lambda answer: answer.request.method == "POST"):
            clerk.press(key)
        clerk.sees(kind)
        clerk.rest()
    # Whoever is at the counter has come: the last of these presses is seen.
    expect(clerk.page.locator(".now")).to_contain_text("đang phục vụ")
    expect(clerk.page.get_by_role("tab", name="Tạm giữ 1")).to_be_visible()
    before, end = shown(clerk.page), story(inspector).end
    assert (before["code"], before["tabs"][2]) == (codes[2], "Tạm giữ 1") and before["tabs"][1] != "Vắng 0"
    clerk.page.reload()
    clerk.sees("busy")
    expect(clerk.page.get_by_role("tab", name="Tạm giữ 1")).to_be_visible()
    assert shown(clerk.page) == before
    assert story(inspector).calls(end) == []


def test_a_kiosk_calls_for_help_and_one_clerk_goes(seats: Seats, kiosk: Client, inspector: Client) -> None:
    here, there = seats.sit("sau", "1"), seats.sit("bay", "2")
    kiosk.post("/sites/open/help", {})
    for clerk in (here, there):
        clerk.reads("help", "Máy lấy số 1 cần người giúp")
    note(here.page, "[data-test=help]")
    here.page.keyboard.press("KeyM")
    # For six seconds.
    has_noted(here.page, "[data-test=help]", "Đã báo ông/bà đến Máy lấy số 1.")
    there.page.wait_for_selector("[data-test=help]", state="detached")
    answered = [actor for actor, event in story(inspector).kinds if isinstance(event, ev.HelpAnswered)]
    assert answered == ["staff:sau"]
