"""The morning check, for whoever looks after the office."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from typing_extensions import TypedDict

from server.core import checkup as core
from server.core.day import Day
from server.wire.values import instant


class FindingOut(TypedDict):
    """One line of the list. `name` says what was looked at; `state` is `good`, `attention`, `bad`, `running` or `unknown`; `todo` is null
    where there is nothing to do."""

    name: str
    state: str
    words: str
    todo: str | None


class CheckupBegunOut(TypedDict):
    """The checkup that has been begun; `id` is that of its event."""

    id: str
    at: str
    by: str
    quiet: bool


class CheckupOut(TypedDict):
    """The whole list as far as it is known. `begun` is null while nobody has begun one today, `due` when it is time to; `state` is
    `running` until every line is known, then that of the worst."""

    site: str
    day: str
    at: str
    begun: CheckupBegunOut | None
    due: bool
    state: str
    findings: list[FindingOut]


def findings(found: Sequence[core.Finding]) -> list[FindingOut]:
    return [{"name": f.name, "state": f.state.value, "words": f.words, "todo": f.todo or None} for f in found]


def checkup_begun(day: Day, by: str) -> CheckupBegunOut | None:
    """The last checkup of a day. `by`: how whoever began it is called."""
    last = day.checkup
    return {"id": f"{day.date.isoformat()}-{last.seq}", "at": instant(last.at), "by": by, "quiet": last.quiet} if last else None


def checkup(day: Day, now: datetime, found: Sequence[core.Finding], by: str) -> CheckupOut:
    return {
        "site": day.site.id,
        "day": day.date.isoformat(),
        "at": instant(now),
        "begun": checkup_begun(day, by),
        "due": core.is_due(day, now),
        "state": core.overall(found).value,
        "findings": findings(found),
    }
