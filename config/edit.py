"""A site document with one table written anew, as a web page edits it; the rest stays as somebody typed it, comments included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import tomlkit

LONGEST_PIECE = 900
"""Characters of a text that has no spaces to break at, such as a picture: a line of a document is no longer than 2,000."""


def with_table(document: str, name: str, values: Mapping[str, Sequence[str]]) -> str:
    """The document with the table `[name]` holding these lists of texts, empty ones left out; without any, the table goes.

    Raises `tomlkit.exceptions.TOMLKitError` when the document is no TOML.
    """
    text = tomlkit.parse(document.removeprefix("\ufeff"))
    table = tomlkit.table()
    for key, lines in values.items():
        if lines:
            row = tomlkit.array()
            row.extend(lines)
            table.add(key, row.multiline(True))
    if not table:
        text.pop(name, None)
    elif name in text:
        text[name] = table
    else:
        text.add(tomlkit.nl())
        text.add(name, table)
    return tomlkit.dumps(text)


def pieces(text: str) -> list[str]:
    """A long text without spaces, as a list that a document can hold."""
    return [text[start : start + LONGEST_PIECE] for start in range(0, len(text), LONGEST_PIECE)]
