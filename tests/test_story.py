"""What is written into the story is read back as it was: a line that cannot be read is a day that cannot be opened."""

from __future__ import annotations

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
