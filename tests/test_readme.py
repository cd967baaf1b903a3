"""The documents tell the truth."""

from __future__ import annotations

import re
from pathlib import Path

from server.core.ticket import diagram

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def pages() -> list[Path]:
    """Every document of ours; those of vendored libraries are theirs."""
    rooms = ("audio", "config", "display", "docs", "kiosk", "server", "tests")
    found = [page for room in rooms for page in (ROOT / room).rglob("*.md") if "vendor" not in page.parts]
    return [ROOT / "README.md", *found]


def test_the_life_of_a_ticket_in_the_readme_is_the_table() -> None:
    drawn = re.search(r"```mermaid\n(.*?)\n```", README, re.DOTALL)
    assert drawn is not None and drawn.group(1) == diagram()


def test_every_file_that_a_document_points_to_is_there() -> None:
    missing = []
    for page in pages():
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if "://" not in target and not (page.parent / target).exists():
                missing.append(f"{page.relative_to(ROOT)}: {target}")
    assert missing == []


def test_a_newcomer_finds_what_every_file_is_for() -> None:
    """The README names each by its address, those of a room with a row of its own by their name there or in the room's own page."""

    def row(room: str) -> str:
        [found] = [line for line in README.splitlines() if line.startswith(f"| [`{room}/`]({room}/) |")]
        own = ROOT / room / "README.md"
        return found + (own.read_text(encoding="utf-8") if own.exists() else "")

    named = {room: set(re.findall(r"`([a-z_]+)(?:\.py)?`", row(room))) for room in ("server/core", "audio", "kiosk")}
    files = [path.relative_to(ROOT) for room in ("server", *named) for path in (ROOT / room).glob("*.py") if path.stem != "__init__"]
    unnamed = [str(file) for file in files if file.stem not in named.get(str(file.parent), ()) and f"({file})" not in README]
    assert unnamed == []
