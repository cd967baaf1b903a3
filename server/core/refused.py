"""A decision that the rules of the office do not allow."""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """Raised by a decision. Nothing has changed.

    `code` is stable and part of the contract; `details` are the values its sentence needs (`server.core.words.sentence`).
    """

    def __init__(self, code: str, **details: Any) -> None:
        super().__init__(code)
        self.code = code
        self.details = details
