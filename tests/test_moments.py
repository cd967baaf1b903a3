"""What is said or printed once: how long the server remembers it."""

from __future__ import annotations

from pathlib import Path

from door import TODAY, Door

from audio.voice import Silent
from server.core import decide
from server.core import events as ev
from server.publish import Moment, Publisher
from server.voice import Voice


def test_a_moment_is_forgotten_two_minutes_after_it_was_worth_doing_whichever_came_first(tmp_path: Path) -> None:
    """A call is worth saying for twenty seconds, a notice for two minutes: the later one may go first. Until then late answers find it."""
    with Door(tmp_path) as door:
        publisher = Publisher(door.store, door.clock, Voice(Silent(tmp_path), lambda *work: None))
        door.tell = publisher.hear
        lan = decide.By("lan")

        def known(kind: type[ev.Event]) -> Moment | None:
            seq = next(entry.seq for entry in door.ledger.story(door.site, TODAY) if isinstance(entry.event, kind))
            return publisher.find(door.site, f"{TODAY.isoformat()}-{seq}-1")

        door.do(lambda day, now: decide.open_counter(day, now, counter="1", by=lan))
        door.issue()
        notice = {"hall": "main", "text": "Mời bà con giữ trật tự.", "priority": "notice", "lang": "vi", "times": 1}
        door.do(lambda day, now: decide.speak(day, now, **notice))
        door.do(lambda day, now: decide.call_next(day, now, counter="1", by=lan, finish=True))

        def after(seconds: float) -> tuple[bool, bool]:
            """What is known when something is called again so much later: it is then that old ones are let go."""
            door.pass_time(seconds=seconds)
            ticket = door.day().by_code["A001"].id
            door.do(lambda day, now: decide.recall(day, now, ticket=ticket, by=lan))
            return known(ev.NoticeSpoken) is not None, known(ev.TicketCalled) is not None

        assert after(139) == (True, True)
        assert after(2) == (True, False), "twenty seconds and two minutes"
        assert after(98) == (True, False)
        assert after(2) == (False, False), "twice two minutes"
