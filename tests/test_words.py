"""Nobody is refused without a sentence: every code that the program knows has words, in both languages, and a status."""

from __future__ import annotations

import ast
import re
import unicodedata
from pathlib import Path

import pytest

from server.core import words
from server.pages.booking import texts
from server.routes import STATUS

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "server").rglob("*.py"))
TELLING = {"Refused", "failure", "error"}
"""Calls whose first argument is a code."""


def codes(source: str) -> set[str]:
    """The codes that a file refuses with, or says that it will."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).removeprefix("wire.")
            first = node.args[0] if node.args else None
            choices = [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]
            if name in TELLING:
                found |= {c.value for c in choices if isinstance(c, ast.Constant) and isinstance(c.value, str)}
        if isinstance(node, ast.keyword) and node.arg == "refuses" and isinstance(node.value, ast.Tuple):
            found |= {e.value for e in node.value.elts if isinstance(e, ast.Constant) and isinstance(e.value, str)}
    return {code for code in found if re.fullmatch(r"[a-z]+(_[a-z]+)*", code)}


def told() -> dict[str, str]:
    """Code -> a file that uses it."""
    found: dict[str, str] = {}
    for path in SOURCES:
        for code in codes(path.read_text(encoding="utf-8")):
            found.setdefault(code, path.relative_to(ROOT).as_posix())
    return found


def test_a_code_is_found_wherever_it_is_used() -> None:
    source = """
raise Refused("a_b", x=1)
raise Refused("c" if found else "d_e")
failure("f")
wire.error("j", lang=lang)
log.error("no_code")
@routes.add("POST", refuses=("g_h", "i"))
def x(): ...
"""
    assert codes(source) == {"a_b", "c", "d_e", "f", "g_h", "i", "j"}
    assert {"nobody_waiting", "csrf", "too_large", "unauthenticated", "storage_unavailable"} <= set(told())


@pytest.mark.parametrize(("code", "where"), sorted(told().items()))
def test_every_refusal_has_its_words(code: str, where: str) -> None:
    assert code in words.CODES, where


def test_every_status_belongs_to_a_code_that_can_be_said() -> None:
    assert set(STATUS) <= words.CODES
    assert set(STATUS.values()) <= {400, 401, 403, 404, 405, 413, 415, 422, 429, 500, 503}


def test_no_code_is_said_in_one_language_only() -> None:
    assert set(words._SENTENCES_EN) == set(words._SENTENCES)


@pytest.mark.parametrize(
    "path", [p.relative_to(ROOT).as_posix() for p in SOURCES if {"core", "pages"} & set(p.parts) or p.name == "routes.py"]
)
def test_vietnamese_is_written_composed_and_politely(path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    assert unicodedata.is_normalized("NFC", text)
    said = [n.value for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    assert not [s for s in said if re.search(r"\b(bạn|quý khách|lỗi)\b", s, re.I) and "không nói" not in s]


def test_the_booking_pages_say_the_same_in_both_languages_and_nothing_that_no_page_shows() -> None:
    assert set(texts.VI) == set(texts.EN)
    for name, vi in texts.VI.items():
        assert set(re.findall(r"\{\w+\}", vi)) == set(re.findall(r"\{\w+\}", texts.EN[name])), name
    folder = ROOT / "server" / "pages"
    files = [*(folder / "booking").glob("*.py"), *(folder / "templates").glob("*.html")]
    shown = "\n".join(path.read_text(encoding="utf-8") for path in files if path.name != "texts.py")
    assert [name for name in texts.VI if not re.search(rf"\bt\.{name}\b|[\"']{name}[\"']", shown)] == []
