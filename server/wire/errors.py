"""The one shape of everything that did not work."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

from server.core import words
from server.wire.values import as_json


class ErrorBodyOut(TypedDict):
    code: str
    message: str
    details: dict[str, Any]


class ErrorOut(TypedDict):
    error: ErrorBodyOut


def error(code: str, details: dict[str, Any] | None = None, lang: str = "vi") -> ErrorOut:
    """The one shape of everything that did not work. Details are made plain for JSON."""
    given = details or {}
    shown = {k: as_json(tuple(v) if isinstance(v, list) else v) for k, v in given.items() if v is not None}
    return {"error": {"code": code, "message": words.sentence(code, given, lang), "details": shown}}
