"""What a code reader at the kiosk makes of a citizen's card and of texts that are nobody's code: a proposal, a number, or one clear
sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from browsing import passes
from kiosk_page import LANDSCAPE, PORTRAIT, kiosks, laid_out, scan, shows, touch
from page_server import PageServer
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser

OLD = "001044000123|012345678|NGUYỄN VĂN GIẢ|19111944|Nam|Số 1 Phố Thử, Phường Mẫu, Hà Nội|15042021"
YOUNG = "079300000456||TRẦN THỊ MẪU|31122000|Nữ|Ấp Thử, Xã Mẫu, TP HCM|01072022"
UNREAD = "Không đọc được mã này. Mời bấm số in trên phiếu."


@pytest.fixture
def office() -> Iterator[PageServer]:
    with PageServer() as server:
        for machine in server.site["kiosks"]:
            machine["cards"] = True
        yield server


@pytest.fixture
def kiosk(browser: Browser, office: PageServer) -> Iterator[Callable[..., Page]]:
    with kiosks(browser, office) as open_kiosk:
        yield open_kiosk


def module(page: Page, file: str, call: str, *arguments: Any) -> Any:
    """What a function of one of the page's own modules answers."""
    return page.evaluate(f"async (given) => (await import('/static/shared/{file}')).{call}(...given)", list(arguments))


# -- a card in words -------------------------------------------------------------------------------------------------------------


CARDS: dict[str, tuple[int, int, int]] = {
    OLD: (1944, 11, 19),
    YOUNG: (2000, 12, 31),
    "079300000456|TRAN THI MAU|31122000|Nu|Ap Thu|01072022": (2000, 12, 31),
    "079300000456||TRẦN THỊ MẪU|31/12/2000|Nữ|Ấp Thử|01/07/2022|thêm|nữa": (2000, 12, 31),
    "  079300000456 | | TRẦN THỊ MẪU | 31122000 | Nữ | Ấp Thử | 01072022 ": (2000, 12, 31),
    "001040000123||VŨ THỊ CŨ|1940|Nữ|Ấp Thử|01072022": (1940, 0, 0),
    "001040000123||VŨ THỊ CŨ|00001940|Nữ|Ấp Thử|01072022": (1940, 0, 0),
    "001040000123||\ufffd\ufffd|29022000|\ufffd|\ufffd|": (2000, 2, 29),
}
NO_CARDS = [
    "",
    "|||||||",
    "00104400012|012345678|A|01011944|Nam|B|15042021",
    "0010440001234||A|01011944|Nam|B|15042021",
    "00104400012x||A|01011944|Nam|B|15042021",
    "٠٠١٠٤٤٠٠٠١٢٣||A|01011944|Nam|B|15042021",
    "001044000123||A|31022000|Nam|B|15042021",
    "001044000123||A|01131944|Nam|B|15042021",
    "001044000123||A||Nam|B|15042021",
    "001044000123|012345678|01011944",
    "001044000123",
]


def test_a_card_is_a_number_and_a_day_of_birth_and_nothing_else(kiosk: Callable[..., Page]) -> None:
    page = kiosk()
    for text, born in CARDS.items():
        found = {"number": text.strip()[:12], "born": dict(zip(("year", "month", "day"), born, strict=True))}
        assert module(page, "card.js", "cardIn", text) == found, text
    for text in NO_CARDS:
        assert module(page, "card.js", "cardIn", text) is None, text


def test_an_age_is_counted_in_whole_years_of_the_hall_clock(kiosk: Callable[..., Page]) -> None:
    page = kiosk()
    for (year, month, day), age in {
        (1966, 11, 20): 60,
        (1966, 11, 21): 59,
        (1966, 12, 1): 59,
        (1966, 0, 0): 60,
        (2027, 1, 1): None,
        (1850, 1, 1): None,
    }.items():
        assert module(page, "card.js", "ageOn", {"year": year, "month": month, "day": day}, "2026-11-20") == age


# -- at the kiosk ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [PORTRAIT, LANDSCAPE], ids=["21 inches upright", "15 inches lying"])
def test_whose_card_says_sixty_is_asked_and_takes_a_priority_number_at_two_touches(
    kiosk: Callable[..., Page], office: PageServer, size: tuple[int, int, str]
) -> None:
    page = kiosk(size)
    expect(page.locator(".question")).to_contain_text("Đưa mã QR trên thẻ vào ô có đèn.")
    assert laid_out(page) == []
    scan(page, OLD)
    expect(page.locator("h1")).to_have_text("Theo thẻ, ông/bà từ 60\u00a0tuổi. Lấy số ưu\u00a0tiên?")
    foot = "Chỉ dùng năm sinh và kiểm tra lấy số trùng. Không lưu số thẻ, không lưu ảnh. Mã kiểm tra xóa cuối ngày."
    expect(page.locator(".foot")).to_have_text(foot)
    assert laid_out(page) == []
    touch(page, "card:yes")
    expect(page.locator(".told")).to_have_text(foot)
    assert laid_out(page) == []
    touch(page, "field:ho-tich")
    expect(page.locator(".mark")).to_have_text("ƯU TIÊN")
    assert [(one["service"], one.get("priority"), one["card"]) for one in office.asked] == [("ho-tich", "older", OLD[:12])]
    assert set(office.asked[0]) == {"key", "marked", "service", "priority", "card"}, "nothing else of the card leaves the page"


def test_a_proposal_can_be_declined(kiosk: Callable[..., Page], office: PageServer) -> None:
    page = kiosk()
    scan(page, OLD)
    touch(page, "card:no")
    touch(page, "field:ho-tich")
    expect(page.locator(".code")).to_be_visible()
    assert "priority" not in office.asked[0] and office.asked[0]["card"] == OLD[:12]


def test_a_younger_persons_card_leads_to_the_fields(kiosk: Callable[..., Page], office: PageServer) -> None:
    page = kiosk()
    scan(page, YOUNG)
    expect(page.locator(".kiosk[data-screen=field]")).to_be_visible()
    touch(page, "field:ho-tich")
    expect(page.locator(".code")).to_be_visible()
    assert "priority" not in office.asked[0] and office.asked[0]["card"] == YOUNG[:12]


def test_a_card_is_forgotten_with_the_journey_and_never_shown(kiosk: Callable[..., Page], office: PageServer) -> None:
    page = kiosk()
    for away in ("back", "idle"):
        scan(page, YOUNG)
        expect(page.locator(".told")).to_be_visible()
        drawn = page.content()
        assert YOUNG[:12] not in drawn and "MẪU" not in drawn.replace("An Mẫu", "")
        if away == "back":
            touch(page, "back")
        else:
            passes(page, office, 61_000)
        expect(page.locator(".kiosk[data-screen=home]")).to_be_visible()
        touch(page, "take")
        touch(page, "field:ho-tich")
        expect(page.locator(".code")).to_be_visible()
        assert "card" not in office.asked[-1]
        touch(page, "done")
    kept = page.evaluate("[JSON.stringify(localStorage), JSON.stringify(sessionStorage), document.cookie]")
    # The office as it was last described is kept for a time without the server; of anybody nothing.
    assert page.evaluate("Object.keys(localStorage)") == ["moiso.site.demo"] and kept[1:] == ["{}", ""]
    assert YOUNG[:12] not in kept[0] and "TRẦN" not in kept[0].upper()


def test_a_card_that_has_a_number_gets_the_same_one_again_or_a_person(kiosk: Callable[..., Page], office: PageServer) -> None:
    ticket = office.give("ho-tich")
    office.tickets["before"] = ticket
    said = f"Thẻ này đã lấy số {ticket['code']} lúc 08:12."
    refusal = {"code": "already_has_number", "message": said, "details": {"ticket": ticket["code"], "id": ticket["id"], "at": "x"}}
    office.ticket_answers.append((409, {"error": refusal}))
    page = kiosk()
    scan(page, YOUNG)
    touch(page, "field:ho-tich")
    expect(page.locator("h1")).to_have_text(said)
    expect(page.locator('[data-touch="help"]')).to_be_visible()
    assert laid_out(page) == []
    touch(page, "reprint")
    expect(page.locator(".code")).to_have_text(ticket["code"])
    assert [(verb, code) for verb, code, _ in office.verbs] == [("reprint", ticket["code"])]


def test_a_card_can_be_held_to_the_reader_where_one_chooses(kiosk: Callable[..., Page], office: PageServer) -> None:
    page = kiosk()
    touch(page, "take")
    scan(page, OLD)
    touch(page, "card:yes")
    expect(page.locator(".kiosk[data-screen=field]")).to_be_visible()
    touch(page, "back")
    touch(page, "group:pregnant")
    scan(page, OLD)
    page.clock.run_for(300)
    shows(page, "field")


@pytest.mark.parametrize("size", [PORTRAIT, LANDSCAPE], ids=["21 inches upright", "15 inches lying"])
def test_where_no_cards_are_used_one_sentence_says_so(kiosk: Callable[..., Page], office: PageServer, size: tuple[int, int, str]) -> None:
    for machine in office.site["kiosks"]:
        machine["cards"] = False
    page = kiosk(size)
    assert "trên thẻ" not in page.locator(".kiosk").inner_text()
    scan(page, OLD)
    expect(page.locator("h1")).to_have_text("Máy này không dùng thẻ.")
    assert laid_out(page) == []
    touch(page, "take")
    touch(page, "field:ho-tich")
    expect(page.locator(".code")).to_be_visible()
    assert "card" not in office.asked[0] and "priority" not in office.asked[0]


def test_a_ticket_of_another_office_is_told_apart_from_what_cannot_be_read(kiosk: Callable[..., Page], office: PageServer) -> None:
    page = kiosk()
    scan(page, "https://so.example/t/0123456789abcdef01234567")
    expect(page.locator("h1")).to_have_text("Phiếu này không phải của nơi đây.")
    touch(page, "leave")
    expect(page.locator(".kiosk[data-screen=home]")).to_be_visible()


# -- what a reader types ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("input_method", ["none", "composing", "vietnamese"])
def test_an_input_method_changes_nothing_of_what_was_read(kiosk: Callable[..., Page], office: PageServer, input_method: str) -> None:
    ticket = office.give("ho-tich")
    ticket["id"] = "a1e6aaee0dd9a2f5e10a6e9d"
    office.tickets["before"] = ticket
    page = kiosk()
    scan(page, f"https://so.example/t/{ticket['id']}", input_method=input_method)
    expect(page.locator("h1")).to_contain_text(f"Số {ticket['code']}")
    touch(page, "leave")
    scan(page, OLD, input_method=input_method)
    expect(page.locator("h1")).to_contain_text("Theo thẻ")


def test_readers_that_write_by_number_and_machines_with_capitals_locked_are_read_as_well(
    kiosk: Callable[..., Page], office: PageServer
) -> None:
    page = kiosk()
    page.evaluate(
        """(text) => {
          const press = (type, code, key, altKey) => document.dispatchEvent(new KeyboardEvent(type, { code, key, altKey, bubbles: true }));
          for (const char of text) {
            press('keydown', 'AltLeft', 'Alt', true);
            for (const digit of String(char.codePointAt(0)).padStart(4, '0')) press('keydown', 'Numpad' + digit, digit, true);
            press('keyup', 'AltLeft', 'Alt', false);
          }
          press('keydown', 'NumpadEnter', 'Enter', false);
        }""",
        OLD,
    )
    expect(page.locator("h1")).to_contain_text("Theo thẻ")
    touch(page, "back")
    ticket = office.give("ho-tich")
    ticket["id"] = "a1e6aaee0dd9a2f5e10a6e9d"
    office.tickets["before"] = ticket
    scan(page, f"https://so.example/t/{ticket['id']}".upper())
    expect(page.locator("h1")).to_contain_text(f"Số {ticket['code']}")


HOSTILE = [
    "\x1b@\x1dV\x00\x10\x04\x01xxxxxx",
    "\u202e000123 abcdef",
    "\x00" * 20,
    "'; drop table events; --",
    "<script>document.title='x'</script>",
    "javascript:alert(1)//",
    "x" * 513,
    "1" * 10_240,
    "001044000123|" * 300,
    "áàảãạ ốồổỗộ",
]


def test_what_is_nobodys_code_is_one_quiet_sentence(kiosk: Callable[..., Page], office: PageServer) -> None:
    page = kiosk()
    title = page.title()
    for text in HOSTILE:
        scan(page, text)
        expect(page.locator(".noted")).to_have_text(UNREAD)
        touch(page, "back")
    assert page.title() == title and page.locator("script:not([src])").count() == 0
    assert office.asked == [] and office.verbs == [] and office.check_ins == []
    scan(page, OLD)
    expect(page.locator("h1")).to_contain_text("Theo thẻ"), "nothing of the long texts is left"


def test_a_key_held_by_a_hand_is_no_reading(kiosk: Callable[..., Page]) -> None:
    page = kiosk()
    page.evaluate("""() => {
      for (let n = 0; n < 40; n += 1) document.dispatchEvent(new KeyboardEvent('keydown', { code: 'KeyA', key: 'a', repeat: n > 0 }));
      document.dispatchEvent(new KeyboardEvent('keydown', { code: 'Enter', key: 'Enter' }));
    }""")
    page.clock.run_for(300)
    shows(page, "home")
