"""What a kiosk can read aloud: its own questions and choices, a number that exists, and nothing that anybody could type."""

from __future__ import annotations

import io
import re
import unicodedata
import wave
from collections.abc import Iterator

import pytest
import requests
from outside import Outside, outside, refused

from audio import aloud
from audio.phrases import Style
from config import bundled
from config.loader import load

ALOUD = "/sites/open/kiosks/k1/voice"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with outside(tmp_path_factory.mktemp("office")) as office:
        yield office


# -- the sentences ---------------------------------------------------------------------------------------------------------------


def test_the_offices_own_names_are_said_in_words() -> None:
    said = aloud.sentences(load(bundled("demo")))
    assert said["homeQuestion"].vi == "Ông bà cần gì?"
    assert said["field:civil"].vi == "Hộ tịch. Khai sinh, kết hôn, khai tử, trích lục."
    assert said["field:land"].vi.startswith("Đất đai, Xây dựng. Sổ đỏ")
    assert said["field:land"].en == "Land, construction."
    assert said["group:older"].vi == "Từ sáu mươi tuổi trở lên."
    assert said["priority"].vi == "Lấy số ưu tiên. Từ sáu mươi tuổi trở lên, Người khuyết tật, Có thai hoặc bế con nhỏ."
    assert said["rule:3"].vi.startswith("Có hẹn, đến không trễ quá mười lăm phút")
    assert said["rule:3"].en == (
        "With an appointment, up to fifteen min late: counted as thirty min before it. Coming early costs nothing."
    )


def test_every_sentence_can_be_said_as_it_is_written() -> None:
    for name in ("demo", "open"):
        for key, sentence in aloud.sentences(load(bundled(name))).items():
            for text in (sentence.vi, sentence.en or "Nothing."):
                assert unicodedata.is_normalized("NFC", text), key
                assert not re.search(r"[0-9/|·–]|\u00a0|\s\s", text), (key, text)
                assert re.search(r"[.?]$", text), (key, text)
            assert not re.search(r"\b(bạn|lỗi|quý khách)\b", sentence.vi, re.IGNORECASE), key


def test_a_field_without_an_english_name_is_left_to_the_screen() -> None:
    said = aloud.sentences(load(bundled("demo").replace('name_en = "Civil status"\n', "")))
    assert said["field:civil"].en is None


def test_a_number_is_read_as_it_will_be_called() -> None:
    said = aloud.number("A105", ("Quầy 3", "Quầy 12"))
    assert said.vi == "Số của ông bà là A, một, không, năm. Xin chờ gọi đến quầy số ba hoặc quầy số mười hai."
    assert said.en == "Your number is A, one, zero, five. Please wait to be called to counter three or counter twelve."
    south = aloud.number("A105", ("Quầy 3",), Style("number", "south"))
    assert south.vi == "Số của ông bà là A, một trăm lẻ năm. Xin chờ gọi đến quầy số ba."


# -- from a kiosk ----------------------------------------------------------------------------------------------------------------


def test_a_kiosk_gets_the_sounds_of_its_own_screens_in_the_offices_languages(office: Outside) -> None:
    paths = office["k1"].get(ALOUD)
    assert set(paths) == {"vi", "en"}
    assert set(paths["vi"]) == set(aloud.sentences(load(bundled("open"))))
    assert "number" not in paths["vi"]
    for path in (paths["vi"]["field:A"], paths["en"]["homeQuestion"]):
        answer = requests.get(office.url + path, timeout=60)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "audio/wav")
        with wave.open(io.BytesIO(answer.content)) as sound:
            assert sound.getnframes() > 0
    assert office["k1"].get(ALOUD) == paths, "a sentence keeps its path"


def test_only_a_ticket_of_today_has_a_number_to_be_read(office: Outside) -> None:
    ticket = office.take("A")
    paths = office["k1"].get(f"{ALOUD}?ticket={ticket['id']}")
    assert requests.get(office.url + paths["vi"]["number"], timeout=60).status_code == 200
    assert "number" not in office["k1"].get(f"{ALOUD}?ticket=A999999999")["vi"]


def test_a_text_from_outside_has_no_sound(office: Outside) -> None:
    before = office["k1"].get(ALOUD)
    assert office["k1"].get(f"{ALOUD}?text=Xin+ch%C3%A0o&name=%C3%94ng") == before
    refused(office["k1"].send("GET", "/sites/open/kiosks/k9/voice"), 404, "not_found")
    refused(office["k1"].send("GET", f"/sites/open/voice/{'0' * 32}.wav"), 404, "not_found")
    refused(office["nobody"].send("GET", ALOUD), 401, "unauthenticated")
