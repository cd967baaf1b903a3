"""The story as it is stored, and as an inspector reads it."""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from server.core import events as ev
from server.wire.values import instant, masked

BEARER = ("appointment", "wait")
"""Fields whose holder may move, cancel or give back: nobody who reads the story gets them whole."""
_EVENTS: dict[str, TypeAdapter[Any]] = {name: TypeAdapter(kind) for name, kind in ev.KINDS.items()}


def event_text(event: ev.Event) -> str:
    """The body of an event as it is stored: JSON without defaults. A null that is no default is a fact, and a day without it unreadable."""
    return _EVENTS[type(event).__name__].dump_json(event, exclude_defaults=True).decode()


def event_of(kind: str, body: str) -> ev.Event:
    return _EVENTS[kind].validate_json(body)  # type: ignore[no-any-return]


class EntryOut(TypedDict):
    seq: int
    at: str
    actor: str
    kind: str
    event: dict[str, Any]


def entry(line: ev.Entry) -> EntryOut:
    """A line as it is read; what is stored, and told again at every start, holds the whole codes."""
    told = json.loads(event_text(line.event))
    return {
        "seq": line.seq,
        "at": instant(line.at),
        "actor": line.actor,
        "kind": type(line.event).__name__,
        "event": told | {name: masked(told[name]) for name in BEARER if told.get(name)},
    }


class StoryOut(TypedDict):
    site: str
    day: str
    events: list[EntryOut]
