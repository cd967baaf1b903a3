"""Offices as documents: what is read from TOML and from the profiles that ship with the program.

This file finds documents; `loader` reads them.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import NamedTuple


class Document(NamedTuple):
    """The text of a site document and the name people know it by."""

    text: str
    source: str


class NoDocument(Exception):
    """There is no such site; the message is one sentence for the person who named it."""


def bundled_names() -> list[str]:
    """Ids of the sites that ship with the program."""
    return sorted(entry.name.removesuffix(".toml") for entry in (files("config") / "sites").iterdir() if entry.name.endswith(".toml"))


def bundled(name: str) -> str:
    """The text of a site that ships with the program (`demo`, `open`). Raises NoDocument."""
    if name not in bundled_names():
        raise NoDocument(f'No site "{name}" ships with the program; these do: {", ".join(bundled_names())}.')
    return (files("config") / "sites" / f"{name}.toml").read_text(encoding="utf-8")


def find(site_or_path: str) -> Document:
    """A document by the id of a bundled site or by its path; a path wins when such a file exists. Raises NoDocument."""
    path = Path(site_or_path)
    try:
        if path.is_file():
            return Document(path.read_text(encoding="utf-8-sig"), str(path))
    except UnicodeDecodeError:
        raise NoDocument(f"The file {path} is not UTF-8 text; save it again as UTF-8.") from None
    except (OSError, ValueError) as error:
        raise NoDocument(f"The file {path} cannot be read: {getattr(error, 'strerror', None) or error}.") from None
    if path.suffix or len(path.parts) > 1:
        raise NoDocument(f"There is no file {path}.")
    return Document(bundled(site_or_path), f"{site_or_path}.toml")
