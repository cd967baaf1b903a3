"""What is written into the story is read back as it was: a line that cannot be read is a day that cannot be opened."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import datetime, timedelta
from typing import get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from office import ZONE

from server import wire
from server.core import events as ev

INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(ZONE))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
st.register_type_strategy(datetime, INSTANTS)
st.register_type_strategy(timedelta, st.timedeltas(timedelta(0), timedelta(days=1)))
st.register_type_strategy(str, TEXTS)


@pytest.mark.parametrize("kind", ev.KINDS.values(), ids=ev.KINDS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_every_event_survives_being_written_down(kind: type[ev.Event], data: st.DataObject) -> None:
    event = data.draw(st.builds(kind, **{f.name: st.from_type(get_type_hints(kind)[f.name]) for f in fields(kind)}))
    text = wire.event_text(event)
    text.encode()
    assert wire.event_of(kind.__name__, text) == event


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(VALUES)
def test_what_is_sent_is_read_as_it_was(value: object) -> None:
    assert json.loads(wire.dumps(value)) == value


def test_what_is_sent_is_compact_and_in_its_own_letters() -> None:
    assert wire.dumps({"name": "Lĩnh vực Đất đai", "open": True, "at": None, "factor": 1.0, "path": "/t/1"}) == (
        '{"name":"Lĩnh vực Đất đai","open":true,"at":null,"factor":1.0,"path":"/t/1"}'
    )
    with pytest.raises(TypeError):
        wire.dumps({"what": object()})
    assert wire.dumps({"half": "\ud800"}) == '{"half":"\\ud800"}', "what no UTF-8 can carry is escaped"
