"""What staff see of the paper: the state of each sheet, the same number again, a trial sheet, and what the office's tickets look like."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from escpos_decoder import decode, trimmed
from outside import Outside, outside, refused
from PIL import Image, ImageChops, ImageDraw
from running import OPEN, until

from config.edit import pieces, with_table
from config.loader import load
from kiosk.logo import MOST_HEIGHT, MOST_WIDTH, read_logo, written
from kiosk.printer import open_printer
from kiosk.receipt import PAPERS, Receipt, draw
from server import wire
from server.core import hall
from server.core.refused import Refused
from server.core.site import ReceiptDesign
from server.device import Answer, Device
from server.printing import picture

PRINTS = "/sites/open/kiosks/k1/prints"
RECEIPT = "/sites/open/receipt"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with outside(tmp_path_factory.mktemp("printing")) as office:
        yield office


@pytest.fixture(autouse=True)
def empty(office: Outside) -> Iterator[None]:
    yield
    office.clear()


@contextmanager
def agent(office: Outside, on_moment: Callable[[str, dict[str, Any]], Answer | None]) -> Iterator[Device]:
    """The program beside the kiosk, connected; `on_moment` is its printer."""
    stop, there = threading.Event(), threading.Event()
    key = office["k1"].key
    assert key is not None
    device = Device(office.url, key, "kiosk", on_moment, lambda: {"paper": "ok"}, on_hello=lambda _: there.set())
    thread = threading.Thread(target=device.run_forever, args=(stop,), daemon=True)
    thread.start()
    try:
        assert there.wait(60)
        yield device
    finally:
        stop.set()
        thread.join(timeout=60)
        # What is taken next must not be drawn up for a connection that is being closed.
        until(lambda: not next(row for row in office["binh"].get("/sites/open/devices") if row["name"] == "k1")["connected"])


def in_order(seen: list[dict[str, Any]], ticket: dict[str, Any]) -> list[dict[str, Any]]:
    """The papers of a ticket as they were asked for; an agent may get them the other way round, with others' between them."""
    return sorted((paper for paper in seen if paper["ticket"] == ticket["id"]), key=lambda paper: int(paper["id"].split("-")[3]))


def state_of(office: Outside, ticket: dict[str, Any]) -> str:
    return next(str(row["state"]) for row in office["hoa"].get(PRINTS) if row.get("ticket") == ticket["id"])


# -- sheets ----------------------------------------------------------------------------------------------------------------------


def test_a_sheet_is_queued_then_sent_then_what_its_agent_says(office: Outside) -> None:
    first = office.take()
    assert state_of(office, first) == "queued"
    held: list[str] = []
    with agent(office, lambda event, payload: held.append(payload["id"])) as device:
        until(lambda: held)
        assert state_of(office, first) == "sent"
        device.answer(held[0], True, "printed")
        until(lambda: state_of(office, first) == "printed")
        others = [office.take() for _ in range(3)]
        until(lambda: len(held) == 4)
        ways = [("unknown: the cable", "unknown"), ("failed: the printer is out of paper", "failed"), ("expired", "expired")]
        for moment, (detail, _) in zip(sorted(held[1:], key=lambda m: int(m.split("-")[3])), ways, strict=True):
            device.answer(moment, False, detail)
        until(lambda: [state_of(office, one) for one in others] == [state for _, state in ways])
    rows = office["hoa"].get(PRINTS)
    assert [row["code"] for row in rows[:4]] == [one["code"] for one in (*reversed(others), first)]
    assert rows[1]["detail"] == "failed: the printer is out of paper" and rows[1]["kind"] == "first"
    assert rows[1]["answered_at"] >= rows[1]["at"]
    assert refused(office["lan"].send("GET", PRINTS), 403, "forbidden") == {}


def test_a_paper_says_who_waits_before_it_when_it_comes_out(office: Outside) -> None:
    before, ticket = office.take(), office.take()
    assert ticket["people_ahead"] == 1
    office["k1"].post(f"/sites/open/tickets/{before['id']}/cancel")
    seen: dict[str, dict[str, Any]] = {}
    with agent(office, lambda event, payload: (seen.__setitem__(payload["ticket"], payload["receipt"]), (True, "printed"))[1]):
        behind = office.take()
        until(lambda: seen.keys() >= {ticket["id"], behind["id"]})
    assert (seen[ticket["id"]]["ahead"], seen[behind["id"]]["ahead"]) == ("Không ai chờ trước", "Chờ trước: 1 người")


def test_the_next_server_knows_what_became_of_every_sheet(tmp_path: Path) -> None:
    with outside(tmp_path) as office:
        ticket, forgotten = office.take(), office.take()
        late: list[str] = []

        def on_moment(event: str, payload: dict[str, Any]) -> Answer | None:
            if payload["ticket"] == ticket["id"]:
                return True, "printed"
            late.append(payload["id"])
            return None

        with agent(office, on_moment) as device:
            until(lambda: state_of(office, ticket) == "printed" and late)
            office.server.kill()
            # By the hall clock of the next server both papers are long past being printed.
            office.server.options = ("--hall-clock", "2026-11-20T09:10:00+07:00")
            office.server.start()
            assert state_of(office, ticket) == "printed"
            assert state_of(office, forgotten) == "expired"
            assert office["k1"].get(f"/sites/open/kiosks/k1?ticket={ticket['id']}")["print"]["outcome"] == "printed"
            # What has been printed meanwhile is still told, and not lost because it comes late.
            device.answer(late[0], True, "printed")
            until(lambda: state_of(office, forgotten) == "printed")


def test_the_head_prints_the_same_number_again_where_it_is_wanted(office: Outside) -> None:
    seen: list[dict[str, Any]] = []
    ticket = office.take()
    with agent(office, lambda event, payload: (seen.append(payload), (True, "printed"))[1]):
        again = office["binh"].post(f"/sites/open/tickets/{ticket['id']}/reprint", {"kiosk": "k1"})
        assert again["code"] == ticket["code"]
        until(lambda: len(in_order(seen, ticket)) == 2)
    first, second = in_order(seen, ticket)
    assert second["receipt"]["code"] == ticket["code"] and not first["receipt"]["reprint"]
    assert (second["receipt"]["reprint"], second["receipt"]["reprint_mark"]) == (True, "BẢN IN LẠI")
    assert [row["kind"] for row in office["hoa"].get(PRINTS)[:2]] == ["again", "first"]
    elsewhere = office["binh"].send("POST", f"/sites/open/tickets/{ticket['id']}/reprint", {"kiosk": "k7"})
    assert refused(elsewhere, 422, "unknown_place")["known"] == ["k1"]


def test_a_trial_sheet_says_so_and_takes_no_number(office: Outside) -> None:
    before = office.take()
    seen: list[dict[str, Any]] = []
    with agent(office, lambda event, payload: (seen.append(payload), (True, "printed"))[1]):
        made = office["binh"].post("/sites/open/kiosks/k1/test-print", once="one-press")
        assert office["binh"].post("/sites/open/kiosks/k1/test-print", once="one-press") == made
        row = until(lambda: next((row for row in office["hoa"].get(PRINTS) if row["id"] == made["id"] and row["state"] == "printed"), None))
    (sheet,) = [payload for payload in seen if payload["id"] == made["id"]]
    assert sheet["receipt"]["reprint_mark"] == "THỬ MÁY" and sheet["receipt"]["reprint"] and sheet["ticket"] == ""
    assert sheet["receipt"]["code"] == "A000"
    assert (row["kind"], row.get("code"), row["state"]) == ("test", None, "printed")
    number = int(office.take()["code"][1:])
    assert number == int(before["code"][1:]) + 1


# -- what a ticket looks like ----------------------------------------------------------------------------------------------------


def emblem(width: int = 200, height: int = 80) -> Image.Image:
    picture = Image.new("1", (width, height), 1)
    ImageDraw.Draw(picture).ellipse((4, 4, width - 5, height - 5), fill=0)
    return picture


def png(picture: Image.Image) -> str:
    file = BytesIO()
    picture.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


DESIGN: dict[str, Any] = {
    "header": ["Tầng 1, nhà A"],
    "footer": ["Giữ phiếu đến khi xong việc."],
    "without": ["ahead", "expected"],
    "logo": written(emblem()),
}


def same(one: Image.Image, other: Image.Image) -> bool:
    return one.size == other.size and ImageChops.logical_xor(one, other).getbbox() is None


def shown(office: Outside, design: dict[str, Any], paper: int) -> Image.Image:
    answer = office["binh"].post(f"{RECEIPT}/preview", {**design, "paper": paper})
    picture = Image.open(BytesIO(base64.b64decode(answer["png"])))
    assert (answer["width"], answer["height"]) == picture.size and picture.width == PAPERS[paper].width
    return picture.convert("1")


@pytest.mark.parametrize("paper", PAPERS)
def test_the_preview_is_dot_for_dot_what_the_agent_prints(office: Outside, tmp_path: Path, paper: int) -> None:
    design = ReceiptDesign(**{name: value if name == "logo" else tuple(value) for name, value in DESIGN.items()})
    site = replace(load(Path(OPEN).read_text(encoding="utf-8")), receipt=design)

    def printed_now() -> Image.Image:
        slot = tmp_path / "slot.bin"
        slot.unlink(missing_ok=True)
        now = datetime.fromisoformat(office.board()["at"])
        receipt = Receipt.from_json(wire.receipt(hall.sample_receipt(site, now)))
        assert open_printer(f"file://{slot}", paper).print(receipt).ok
        (sheet,) = decode(slot.read_bytes(), PAPERS[paper].width)
        return trimmed(sheet, draw(receipt, paper).height)

    # The paper tells its minute, which may end between the two.
    before, preview, after = printed_now(), shown(office, DESIGN, paper), printed_now()
    assert same(preview, before) or same(preview, after)


def test_a_design_is_a_new_version_of_the_site_document_and_goes_on_the_next_paper(office: Outside) -> None:
    seen: list[dict[str, Any]] = []
    office.take()
    kept = office["binh"].send("PUT", RECEIPT, DESIGN).json()
    assert {name: kept[name] for name in DESIGN} == DESIGN
    assert office["quan"].get(RECEIPT) == kept
    with agent(office, lambda event, payload: (seen.append(payload["receipt"]), (True, "printed"))[1]):

        def designed() -> dict[str, Any] | None:
            # The running day takes the new version as an event of its own, at once but not in the same instant.
            office.take()
            until(lambda: seen)
            return next((paper for paper in seen if paper["header"] == DESIGN["header"]), None)

        paper = until(designed)
    assert paper["ahead"] == "" and paper.get("expected") is None and paper["logo"] == DESIGN["logo"]
    assert paper["foot"][-1] == DESIGN["footer"][0]
    for name in ("code", "service", "queue_time", "reason", "date_line"):
        assert paper[name], f"{name} stands on every ticket"
    assert "SiteRevised" in [entry["kind"] for entry in office.story()]
    office["binh"].send("PUT", RECEIPT, {})
    assert {name: office["binh"].get(RECEIPT).get(name) for name in ("header", "logo")} == {"header": [], "logo": None}


@pytest.mark.parametrize("line", ["code", "service", "queue_time", "reason", "date_line"])
def test_what_a_citizen_can_hold_against_the_office_cannot_be_switched_off(office: Outside, line: str) -> None:
    refused(office["binh"].send("PUT", RECEIPT, {"without": [line]}), 422, "invalid_body")


@pytest.mark.parametrize(
    ("design", "code", "words"),
    [
        ({"logo": "no picture"}, "logo_unreadable", "Biểu trưng phải là ảnh PNG."),
        ({"logo": base64.b64encode(b"GIF89a" + bytes(40)).decode()}, "logo_unreadable", "Biểu trưng phải là ảnh PNG."),
        ({"logo": png(emblem())[:120]}, "logo_unreadable", "Biểu trưng phải là ảnh PNG."),
        ({"logo": png(emblem(MOST_WIDTH + 1, 20))}, "logo_too_large", "Biểu trưng quá lớn: nhiều nhất 544 × 240 điểm, 10 KB."),
        ({"logo": png(emblem(20, MOST_HEIGHT + 1))}, "logo_too_large", "Biểu trưng quá lớn: nhiều nhất 544 × 240 điểm, 10 KB."),
        ({"logo": png(Image.new("L", (40, 40), 255))}, "logo_blank", "Biểu trưng không có chỗ nào đậm để in."),
        ({"logo": png(Image.new("RGBA", (40, 40), (0, 0, 0, 0)))}, "logo_blank", "Biểu trưng không có chỗ nào đậm để in."),
    ],
)
def test_a_picture_that_cannot_be_printed_is_refused_with_one_sentence(
    office: Outside, design: dict[str, Any], code: str, words: str
) -> None:
    for method, path in (("PUT", RECEIPT), ("POST", f"{RECEIPT}/preview")):
        answer = office["binh"].send(method, path, design)
        refused(answer, 422, code)
        assert answer.json()["error"]["message"] == words
    assert office["binh"].get(RECEIPT).get("logo") is None


def test_a_coloured_logo_is_cut_at_the_middle_and_one_too_wide_for_the_small_paper_is_made_smaller(office: Outside) -> None:
    coloured = Image.new("RGBA", (MOST_WIDTH, 60), (0, 0, 0, 0))
    ImageDraw.Draw(coloured).rectangle((0, 0, 271, 59), fill=(120, 10, 10, 255))
    ImageDraw.Draw(coloured).rectangle((272, 0, 543, 59), fill=(255, 230, 120, 255))
    dots = read_logo(png(coloured))
    assert dots.mode == "1" and [dots.getpixel((100, 30)), dots.getpixel((400, 30))] == [0, 255]
    narrow, wide = (shown(office, {"logo": png(coloured)}, paper) for paper in (58, 80))
    # The dark half of it, on either paper between the margins.
    assert wide.crop((16, 8, 16 + 272, 68)).convert("L").getextrema() == (0, 0)
    assert narrow.crop((4, 8, 4 + 185, 48)).convert("L").getextrema() == (0, 0)


def test_a_ticket_that_no_paper_can_hold_is_refused_before_a_citizen_finds_it_out() -> None:
    site = replace(load(Path(OPEN).read_text(encoding="utf-8")), name="W" * 300)
    with pytest.raises(Refused) as refusal:
        picture(site, datetime.fromisoformat("2026-11-20T09:00:00+07:00"), 58)
    assert (refusal.value.code, refusal.value.details) == ("receipt_too_long", {"paper": 58})


def test_everything_else_of_a_document_stays_as_it_was_typed() -> None:
    for name in ("demo", "open"):
        text = (Path(__file__).resolve().parent.parent / "config" / "sites" / f"{name}.toml").read_text(encoding="utf-8")
        bare = load(with_table(text, "receipt", {}))
        logo = "".join(pieces(DESIGN["logo"]))
        new = with_table(text, "receipt", {**{k: DESIGN[k] for k in ("header", "footer", "without")}, "logo": pieces(logo)})
        assert [line for line in text.splitlines() if line.strip()] == [
            line for line in new.partition("[receipt]")[0].splitlines() if line.strip()
        ]
        assert load(new).receipt.logo == logo and load(new).receipt.header == ("Tầng 1, nhà A",)
        assert with_table(new, "receipt", {"header": ["Một"]}).count("[receipt]") == 1
        assert load(with_table(new, "receipt", {})) == bare
