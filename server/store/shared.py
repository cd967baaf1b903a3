"""What server processes that share a database tell one another through it: notes that live for minutes, what callers have done lately,
and who looks after the house.

All of it may be lost with the database server, and none of it waits for a disk: the tables are not in its journal. A device then asks for
another code, and whoever guessed begins to count anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from server.store import DoneRow

HOUSE, COUNTING = 0x4D53_0004, 0x4D55
"""Advisory locks: of whoever looks after the house, and of one who counts (the first of two numbers)."""
LONGEST_S = 86_400
"""No limit looks further back."""

_ALIVE = "ends_at > clock_timestamp()"
_ENDS = "clock_timestamp() + make_interval(secs => %s)"


class Notes:
    """`_do(sql, values)` runs one statement on a connection that may write, and commits without waiting for the disk; `_rows` reads."""

    _do: Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]
    _rows: Callable[..., list[tuple[Any, ...]]]

    def put_note(self, kind: str, name: str, text: str, lasts_s: float) -> None:
        self.put_notes(kind, {name: text}, lasts_s)

    def put_notes(self, kind: str, texts: dict[str, str], lasts_s: float) -> None:
        # In one order: two who write the same notes never wait for each other.
        names = sorted(texts)
        self._do(
            f"""insert into notes select %s, n.name, n.text, clock_timestamp(), {_ENDS} from unnest(%s::text[], %s::text[]) as n(name, text)
                on conflict (kind, name) do update set text = excluded.text, at = excluded.at, ends_at = excluded.ends_at""",
            (kind, lasts_s, names, [texts[name] for name in names]),
        )

    def add_note(self, kind: str, name: str, text: str, lasts_s: float) -> bool:
        return bool(
            self._do(
                f"""insert into notes values (%s, %s, %s, clock_timestamp(), {_ENDS})
                    on conflict (kind, name) do update set text = excluded.text, at = excluded.at, ends_at = excluded.ends_at
                    where notes.ends_at <= clock_timestamp() returning 1""",
                (kind, name, text, lasts_s),
            )
        )

    def note(self, kind: str, name: str) -> str | None:
        rows = self._rows(f"select text from notes where kind = %s and name = %s and {_ALIVE}", kind, name)
        return str(rows[0][0]) if rows else None

    def swap_note(self, kind: str, name: str, before: str, after: str) -> bool:
        return bool(
            self._do(
                f"update notes set text = %s where kind = %s and name = %s and text = %s and {_ALIVE} returning 1",
                (after, kind, name, before),
            )
        )

    def take_note(self, kind: str, name: str, text: str) -> bool:
        return bool(self._do("delete from notes where kind = %s and name = %s and text = %s returning 1", (kind, name, text)))

    def count_notes(self, kind: str) -> int:
        return int(self._rows(f"select count(*) from notes where kind = %s and {_ALIVE}", kind)[0][0])

    def notes_since(self, kind: str, at: datetime | None) -> list[tuple[str, str, datetime, float]]:
        return [
            (name, text, put, float(age))
            for name, text, put, age in self._rows(
                f"""select name, text, at, extract(epoch from clock_timestamp() - at) from notes
                    where kind = %s and {_ALIVE} and (%s::timestamptz is null or at > %s) order by at""",
                kind,
                at,
                at,
            )
        ]

    # -- counting ----------------------------------------------------------------------------------------------------------------

    def hit(self, who: str, most: int, seconds: float) -> bool:
        # The lock first, in a statement of its own: the count then sees what was counted before it.
        return bool(
            self._do(
                """insert into hits select %s, clock_timestamp() where
                   (select count(*) from hits where who = %s and at > clock_timestamp() - make_interval(secs => %s)) < %s returning 1""",
                (who, who, seconds, most),
                lock=(COUNTING, who),  # type: ignore[call-arg]
            )
        )

    def hits(self, who: str, seconds: float) -> tuple[float, int]:
        rows = self._rows(
            """select coalesce(extract(epoch from clock_timestamp() - min(at)), 0), count(*) from hits
               where who = %s and at > clock_timestamp() - make_interval(secs => %s)""",
            who,
            seconds,
        )
        return float(rows[0][0]), int(rows[0][1])

    def clear_hits(self, who: str) -> None:
        self._do("delete from hits where who = %s returning 1", (who,))

    def forget_notes(self) -> None:
        self._do(f"delete from notes where not {_ALIVE} returning 1", ())
        self._do("delete from hits where at < clock_timestamp() - make_interval(secs => %s) returning 1", (LONGEST_S,))

    # -- answers -----------------------------------------------------------------------------------------------------------------

    def done_at(self, moments: Sequence[tuple[str, str]]) -> list[DoneRow]:
        rows = self._rows(
            """select d.moment, d.site, d.device, d.ok, d.detail, d.at from unnest(%s::text[], %s::text[]) as m(site, moment)
               cross join lateral (select * from done d where d.site = m.site and d.moment = m.moment order by d.device) d""",
            [site for site, _ in moments],
            [moment for _, moment in moments],
        )
        return [DoneRow(*row) for row in rows]
