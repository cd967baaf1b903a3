"""How the office speaks: the tables of the voice, row by row."""

from __future__ import annotations

import itertools
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio import phrases, reading
from audio.phrases import Style

NORTH, SOUTH = Style("number", "north"), Style("number", "south")
DIGITS = Style()
ALL_LETTERS = "ABCDĐEGHIKLMNOPQRSTUVXY"  # of the Vietnamese alphabet, those without a mark on the vowel

# n, digit by digit, as a number in the north, in the south
NUMBERS = [
    ("0", "không", "không", "không"),
    ("1", "một", "một", "một"),
    ("2", "hai", "hai", "hai"),
    ("3", "ba", "ba", "ba"),
    ("4", "bốn", "bốn", "bốn"),
    ("5", "năm", "năm", "năm"),
    ("6", "sáu", "sáu", "sáu"),
    ("7", "bảy", "bảy", "bảy"),
    ("8", "tám", "tám", "tám"),
    ("9", "chín", "chín", "chín"),
    ("10", "một, không", "mười", "mười"),
    ("11", "một, một", "mười một", "mười một"),
    ("14", "một, bốn", "mười bốn", "mười bốn"),
    ("15", "một, năm", "mười lăm", "mười lăm"),
    ("20", "hai, không", "hai mươi", "hai mươi"),
    ("21", "hai, một", "hai mươi mốt", "hai mươi mốt"),
    ("24", "hai, bốn", "hai mươi tư", "hai mươi bốn"),
    ("25", "hai, năm", "hai mươi lăm", "hai mươi lăm"),
    ("31", "ba, một", "ba mươi mốt", "ba mươi mốt"),
    ("44", "bốn, bốn", "bốn mươi tư", "bốn mươi bốn"),
    ("55", "năm, năm", "năm mươi lăm", "năm mươi lăm"),
    ("100", "một, không, không", "một trăm", "một trăm"),
    ("101", "một, không, một", "một trăm linh một", "một trăm lẻ một"),
    ("104", "một, không, bốn", "một trăm linh tư", "một trăm lẻ bốn"),
    ("105", "một, không, năm", "một trăm linh năm", "một trăm lẻ năm"),
    ("110", "một, một, không", "một trăm mười", "một trăm mười"),
    ("115", "một, một, năm", "một trăm mười lăm", "một trăm mười lăm"),
    ("121", "một, hai, một", "một trăm hai mươi mốt", "một trăm hai mươi mốt"),
    ("204", "hai, không, bốn", "hai trăm linh tư", "hai trăm lẻ bốn"),
    ("999", "chín, chín, chín", "chín trăm chín mươi chín", "chín trăm chín mươi chín"),
    ("1005", "một, không, không, năm", "một nghìn không trăm linh năm", "một ngàn không trăm lẻ năm"),
    ("2024", "hai, không, hai, bốn", "hai nghìn không trăm hai mươi tư", "hai ngàn không trăm hai mươi bốn"),
    ("1000", "một, không, không, không", "một nghìn", "một ngàn"),
    ("1010", "một, không, một, không", "một nghìn không trăm mười", "một ngàn không trăm mười"),
    ("10005", "một, không, không, không, năm", "mười nghìn không trăm linh năm", "mười ngàn không trăm lẻ năm"),
    ("104004", "một, không, bốn, không, không, bốn", "một trăm linh tư nghìn không trăm linh tư", "một trăm lẻ bốn ngàn không trăm lẻ bốn"),
    ("1000001", "một, không, không, không, không, không, một", "một triệu không trăm linh một", "một triệu không trăm lẻ một"),
]

# code, digits, north, south, English digits, English number
CODES = [
    ("A012", "A, không, một, hai", "A, mười hai", "A, mười hai", "A, zero, one, two", "A, twelve"),
    ("B105", "bê, một, không, năm", "bê, một trăm linh năm", "bê, một trăm lẻ năm", "B, one, zero, five", "B, one hundred and five"),
    ("H001", "hát, không, không, một", "hát, một", "hát, một", "H, zero, zero, one", "H, one"),
    (
        "S999",
        "ét-xì, chín, chín, chín",
        "ét-xì, chín trăm chín mươi chín",
        "ét-xì, chín trăm chín mươi chín",
        "S, nine, nine, nine",
        "S, nine hundred and ninety-nine",
    ),
    ("A1000", "A, một, không, không, không", "A, một nghìn", "A, một ngàn", "A, one, zero, zero, zero", "A, one thousand"),
    (
        "Đ1204",
        "đê, một, hai, không, bốn",
        "đê, một nghìn hai trăm linh tư",
        "đê, một ngàn hai trăm lẻ bốn",
        "Đ, one, two, zero, four",
        "Đ, one thousand two hundred and four",
    ),
]

COUNTERS = [
    ("1", "quầy số một", "counter one"),
    ("3", "quầy số ba", "counter three"),
    ("12", "quầy số mười hai", "counter twelve"),
    ("Quầy 12", "quầy số mười hai", "counter twelve"),
    ("quầy số 5", "quầy số năm", "counter five"),
    ("03", "quầy số ba", "counter three"),
    ("24", "quầy số hai mươi tư", "counter twenty-four"),
    ("3A", "quầy số ba A", "counter three A"),
    ("B", "quầy bê", "counter B"),
    ("b2", "quầy bê hai", "counter B two"),
    ("Bàn hướng dẫn", "Bàn hướng dẫn", "the counter on the screen"),
    ("Bàn 2, tầng 3", "Bàn hai tầng ba", "the counter on the screen"),
]

HOURS = [
    (7, 30, "bảy giờ ba mươi", "seven thirty a.m."),
    (8, 5, "tám giờ năm phút", "eight zero five a.m."),
    (16, 0, "mười sáu giờ", "four p.m."),
    (13, 30, "mười ba giờ ba mươi", "one thirty p.m."),
    (11, 45, "mười một giờ bốn mươi lăm", "eleven forty-five a.m."),
    (12, 0, "mười hai giờ", "twelve p.m."),
    (0, 10, "không giờ mười", "twelve ten a.m."),
]

# what happened, Vietnamese, English
SENTENCES = [
    (
        phrases.call("A012", "3"),
        "Mời số A, không, một, hai, đến quầy số ba.",
        "Ticket A, zero, one, two, please go to counter three.",
    ),
    (
        phrases.call("A012", "3", Style(formal=True)),
        "Kính mời công dân có số thứ tự A, không, một, hai, đến quầy số ba.",
        "Ticket A, zero, one, two, please go to counter three.",
    ),
    (
        phrases.call("B105", "12", SOUTH),
        "Mời số bê, một trăm lẻ năm, đến quầy số mười hai.",
        "Ticket B, one hundred and five, please go to counter twelve.",
    ),
    (
        phrases.recall("A012", "3", 2),
        "Mời lần hai. Số A, không, một, hai, đến quầy số ba.",
        "Second call. Ticket A, zero, one, two, counter three.",
    ),
    (
        phrases.recall("A012", "3", 3, last=True),
        "Mời lần cuối. Số A, không, một, hai, đến quầy số ba.",
        "Last call. Ticket A, zero, one, two, counter three.",
    ),
    (
        phrases.recall("A012", "3", 11),
        "Mời lần mười một. Số A, không, một, hai, đến quầy số ba.",
        "Another call. Ticket A, zero, one, two, counter three.",
    ),
    (
        phrases.correction("A012"),
        "Xin lỗi. Số A, không, một, hai, xin chờ gọi lại.",
        "Sorry. Ticket A, zero, one, two, please wait to be called again.",
    ),
    (
        phrases.notice("Máy 2 nghỉ đến 9:15.", "Machine 2 rests until 9:15."),
        "Xin thông báo. Máy hai nghỉ đến chín giờ mười lăm. Xin nhắc lại. Máy hai nghỉ đến chín giờ mười lăm.",
        "Attention please. Machine two rests until nine fifteen a.m.",
    ),
    (phrases.notice("Mời xếp hàng"), "Xin thông báo. Mời xếp hàng. Xin nhắc lại. Mời xếp hàng.", None),
    *((phrases.notice(words), f"Xin thông báo. {words} Xin nhắc lại. {words}", None) for _, words in phrases.READY),
    (phrases.attention(phrases.EMERGENCY), "Xin chú ý. Mời mọi người bình tĩnh ra ngoài theo lối thoát hiểm.", None),
    (phrases.sound_check(), "Đây là âm thử, số A không một hai.", "This is a test, ticket A zero one two."),
]

IN_TEXT = [
    ("Hồ sơ A012 xin đến quầy 5", "Hồ sơ A, không, một, hai xin đến quầy năm"),
    ("Gọi 0236 000 0000", "Gọi không, hai, ba, sáu không, không, không không, không, không, không"),
    ("Gọi 02360000000", "Gọi không, hai, ba, sáu, không, không, không, không, không, không, không"),
    ("Nghỉ 7h đến 8h15", "Nghỉ bảy giờ đến tám giờ mười lăm"),
    ("Nghỉ thứ Hai 23/11/2026", "Nghỉ thứ Hai ngày hai mươi ba tháng mười một năm hai nghìn không trăm hai mươi sáu"),
    ("Nghỉ ngày 2/9", "Nghỉ ngày hai tháng chín"),
    ("Đường 45/78", "Đường bốn mươi lăm trên bảy mươi tám"),
    ("Lệ phí 50.000 đồng, giảm 50%", "Lệ phí năm mươi nghìn đồng, giảm năm mươi phần trăm"),
    ("Còn 21 số, chờ 0 người", "Còn hai mươi mốt số, chờ không người"),
]


@pytest.mark.parametrize(("n", "digits", "north", "south"), NUMBERS)
def test_a_number_is_read_as_the_region_reads_it(n: str, digits: str, north: str, south: str) -> None:
    assert reading.digits_vi(n) == digits
    assert reading.number_vi(int(n), "north") == north
    assert reading.number_vi(int(n), "south") == south


@pytest.mark.parametrize(("code", "digits", "north", "south", "english", "english_number"), CODES)
def test_a_code_is_read_in_each_style(code: str, digits: str, north: str, south: str, english: str, english_number: str) -> None:
    assert reading.code_vi(code, DIGITS) == digits
    assert reading.code_vi(code, NORTH) == north
    assert reading.code_vi(code, SOUTH) == south
    assert reading.code_en(code, DIGITS) == english
    assert reading.code_en(code, NORTH) == english_number


@pytest.mark.parametrize(("counter", "vietnamese", "english"), COUNTERS)
def test_a_counter_is_a_number_also_in_the_digit_style(counter: str, vietnamese: str, english: str) -> None:
    assert reading.counter_vi(counter) == vietnamese
    assert reading.counter_en(counter) == english


@pytest.mark.parametrize(("hour", "minute", "vietnamese", "english"), HOURS)
def test_an_hour_is_read_as_it_is_said(hour: int, minute: int, vietnamese: str, english: str) -> None:
    assert reading.hour_vi(hour, minute) == vietnamese
    assert reading.hour_en(hour, minute) == english


@pytest.mark.parametrize(("sentence", "vietnamese", "english"), SENTENCES)
def test_each_moment_has_its_sentence(sentence: phrases.Sentence, vietnamese: str, english: str | None) -> None:
    assert (sentence.vi, sentence.en) == (vietnamese, english)


@pytest.mark.parametrize(("text", "spoken"), IN_TEXT)
def test_what_a_clerk_types_is_spelled_out(text: str, spoken: str) -> None:
    assert reading.spell_out_vi(text) == spoken


def test_the_repeat_is_the_call_without_its_opening() -> None:
    assert phrases.repeat("A012", "3") == "A, không, một, hai, quầy số ba."
    assert phrases.repeat("A012", "3", SOUTH) == "A, mười hai, quầy số ba."


def test_joined_calls_are_said_in_one_breath() -> None:
    said = "Mời số A không một hai, quầy số ba; số bê một không năm, quầy số mười hai."
    assert phrases.join_repeats([phrases.repeat("A012", "3"), phrases.repeat("B105", "12")]) == said
    assert phrases.join_repeats([phrases.repeat("A012", "Bàn 2, tầng 3", NORTH)]) == "Mời số A mười hai, Bàn hai tầng ba."


@pytest.mark.parametrize(
    ("letter", "name"),
    [
        *(("A", "A"), ("B", "bê"), ("C", "xê"), ("E", "E"), ("G", "giê"), ("H", "hát"), ("K", "ca"), ("L", "e-lờ"), ("M", "em-mờ")),
        *(("N", "en-nờ"), ("P", "pê"), ("R", "e-rờ"), ("S", "ét-xì"), ("T", "tê"), ("U", "U"), ("V", "vê"), ("X", "ích-xì")),
        *(("Y", "i dài"), ("D", "dê"), ("Đ", "đê"), ("I", "i ngắn"), ("O", "O"), ("Q", "quy")),
    ],
)
def test_a_letter_has_its_name(letter: str, name: str) -> None:
    assert reading.letter_vi(letter) == name


def test_every_letter_has_a_name_of_its_own() -> None:
    names = [reading.letter_vi(letter) for letter in reading.LETTERS]
    assert len(set(names)) == len(names)
    assert set(ALL_LETTERS) <= set(reading.LETTERS) and set("ABCDEFGHIJKLMNOPQRSTUVWXYZ") <= set(reading.LETTERS)


def test_letters_that_a_loudspeaker_confuses_are_named_in_pairs() -> None:
    assert phrases.sounds_alike("ABT") == [("B", "T")]
    assert phrases.sounds_alike(["S", "A", "X", "K"]) == [("S", "X"), ("A", "K")]
    assert phrases.sounds_alike("BCD") == [("B", "C"), ("B", "D"), ("C", "D")]
    assert phrases.sounds_alike("OQ") == [("O", "Q"), ("O", "0"), ("Q", "0")]
    assert phrases.sounds_alike("AAA") == []
    assert phrases.sounds_alike(phrases.SAFE_LETTERS) == []
    assert phrases.alike_vi("B", "T") == "Chữ B và T nghe gần giống nhau trên loa."
    assert phrases.alike_vi("O", "0") == "Chữ O và số 0 nghe gần giống nhau trên loa."


@pytest.mark.parametrize(
    "nonsense",
    [
        *(lambda: reading.code_vi("12"), lambda: reading.code_vi("A"), lambda: reading.code_vi("a012"), lambda: reading.code_vi("A٠١٢")),
        *(lambda: reading.digits_vi(""), lambda: reading.digits_vi("1a"), lambda: reading.letter_vi("Ω"), lambda: reading.hour_vi(24, 0)),
        *(
            lambda: reading.number_vi(-5),
            lambda: reading.number_vi(10**9),
            lambda: reading.number_en(10**6),
            lambda: reading.hour_en(8, 60),
        ),
        *(lambda: phrases.join_repeats([]), lambda: phrases.recall("A012", "3", 1)),
    ],
)
def test_what_cannot_be_said_is_refused(nonsense) -> None:
    with pytest.raises(ValueError, match=r"."):
        nonsense()


# Readings that no Vietnamese speaker would use.
NEVER = re.compile(r"mười mốt|mười năm|mười tư|(linh|lẻ) (mốt|lăm)|mươi một\b|mươi năm\b|mươi không|trăm không")


@pytest.mark.parametrize("region", ["north", "south"])
def test_no_number_up_to_ten_thousand_is_misread_and_no_two_sound_the_same(region: reading.Region) -> None:
    said = [reading.number_vi(n, region) for n in range(10_001)]
    assert [words for words in said if NEVER.search(words)] == []
    assert len(set(said)) == len(said)


def back_to_digits(said: str) -> str:
    """The inverse of the digit reading, written apart from it."""
    return "".join(str(["không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín"].index(word)) for word in said.split(", "))


def test_every_code_of_every_letter_is_fully_spelled_and_can_be_heard_back() -> None:
    for letter, n in itertools.product(ALL_LETTERS, range(1, 1000)):
        first, _, rest = reading.code_vi(f"{letter}{n:03}").partition(", ")
        assert first == reading.letter_vi(letter)
        assert back_to_digits(rest) == f"{n:03}"


def test_no_sentence_of_any_code_and_counter_holds_a_figure() -> None:
    for n, counter, style in itertools.product((1, 15, 104, 999, 1000), range(1, 61), (DIGITS, NORTH, SOUTH, Style(formal=True))):
        code = f"B{n:03}"
        said = phrases.call(code, str(counter), style)
        short = phrases.repeat(code, str(counter), style)
        for text in (said.vi, said.en or "", short, phrases.join_repeats([short])):
            assert not re.search(r"\d", text), text
            assert text == unicodedata.normalize("NFC", text)
            assert text.endswith(".")


def test_nobody_is_called_you_or_customer() -> None:
    said = " ".join(vietnamese for _, vietnamese, _ in SENTENCES).lower()
    assert not re.search(r"\b(bạn|quý khách|khách hàng|hệ thống)\b", said)


@given(st.text(max_size=80))
def test_whatever_a_clerk_types_no_figure_is_left_to_the_engine(text: str) -> None:
    assert not re.search("[0-9]", reading.spell_out_vi(text))
    assert not re.search("[0-9]{3,}", reading.spell_out_en(text))


@given(st.integers(0, 999_999))
def test_english_numbers_are_words(n: int) -> None:
    assert re.fullmatch(r"[a-z -]+", reading.number_en(n))


@pytest.mark.parametrize(
    ("text", "vi", "en"),
    [
        ("Ra lối số 2!", "Xin chú ý. Ra lối số hai!", "Attention. Ra lối số two!"),
        ("Mời ra ngoài. ", "Xin chú ý. Mời ra ngoài.", "Attention. Mời ra ngoài."),
    ],
)
def test_an_emergency_is_said_as_it_was_written_with_one_end(text: str, vi: str, en: str) -> None:
    assert (phrases.attention(text).vi, phrases.attention_en(text)) == (vi, en)
