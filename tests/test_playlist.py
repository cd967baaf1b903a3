"""What the hall hears next: the ladder, staleness, and that nothing is said twice."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio.playlist import (
    GATHER_S,
    JOINED_AT_MOST,
    STALE_AFTER_S,
    Dropped,
    Form,
    Kind,
    Moment,
    Playlist,
    Shown,
    Unsaid,
    Utterance,
    arrive,
    choose,
    finished,
    no_longer_called,
    withdraw,
)

# Measured with espeak-ng "vi" at 140 words a minute; chime and gap 1.15 s, pauses after an utterance 0.4 s.
FULL_S, REPEAT_S, JOINED_HEAD_S, JOINED_EACH_S, NOTICE_S = 1.15 + 4.5 + 0.4, 0.7 + 3.7 + 0.4, 1.55, 3.2, 12.0


def moment(seq: int, kind: Kind = Kind.CALL, *, code: str = "", at: float = 0.0, lasts: float = 60.0, times: int = 2) -> Moment:
    return Moment(f"2026-11-20-{seq}-1", kind, code or f"A{seq:03}", ("2026-11-20", seq, 1), at, at + lasts, times)


def given_waiting(*moments: Moment) -> Playlist:
    playlist = Playlist()
    for each in moments:
        playlist, _ = arrive(playlist, each)
    return playlist


def how_long(utterance: Utterance) -> float:
    if utterance.form is Form.REPEAT:
        return REPEAT_S
    if utterance.form is Form.JOINED:
        return JOINED_HEAD_S + JOINED_EACH_S * len(utterance.moments)
    return (NOTICE_S if utterance.moments[0].kind is Kind.NOTICE else FULL_S) * utterance.times


@dataclass
class Hall:
    """What was said and what was not, with times; played from a list of arrivals without any clock of its own."""

    said: list[tuple[float, Utterance]] = field(default_factory=list)
    unsaid: list[Dropped] = field(default_factory=list)

    def lags(self) -> list[float]:
        """Seconds between the screen and the voice, for each call."""
        return [at - each.arrived_s for at, said in self.said if said.form is not Form.REPEAT for each in said.moments]


def listen(arrivals: list[Moment], gone: dict[float, str] | None = None) -> Hall:
    """Run the playlist over `arrivals` (sorted by time) as the agent does; `gone`: when a ticket is no longer called."""
    hall, playlist = Hall(), Playlist()
    ask_at: float | None = None
    events: list[tuple[float, object]] = [(each.arrived_s, each) for each in arrivals]
    events += list((gone or {}).items())
    events.sort(key=lambda event: event[0])
    now = 0.0
    while events or ask_at is not None:
        if ask_at is not None and ask_at <= (events[0][0] if events else float("inf")):
            now, ask_at = ask_at, None
            playlist = finished(playlist)
        else:
            now, what = events.pop(0)
            playlist, dropped = arrive(playlist, what) if isinstance(what, Moment) else withdraw(playlist, {str(what)})
            hall.unsaid += dropped
            if not isinstance(what, Moment) or what.kind is not Kind.EMERGENCY:
                ask_at = now + GATHER_S if ask_at is None else ask_at
                continue
        playlist, utterance, dropped = choose(playlist, now)
        hall.unsaid += dropped
        if utterance:
            hall.said.append((now, utterance))
            ask_at = now + how_long(utterance)
    return hall


@pytest.mark.parametrize(
    ("waiting", "form", "spoken"),
    [
        (1, Form.FULL, 1),
        (2, Form.FULL, 1),
        (3, Form.JOINED, 3),
        (4, Form.JOINED, 4),
        (5, Form.JOINED, 4),
        (9, Form.JOINED, 4),
    ],
)
def test_the_more_wait_the_shorter_each_is_said(waiting: int, form: Form, spoken: int) -> None:
    _, utterance, dropped = choose(given_waiting(*(moment(n) for n in range(waiting))), 1.0)
    assert utterance is not None and not dropped
    assert (utterance.form, [each.code for each in utterance.moments]) == (form, [f"A{n:03}" for n in range(spoken)])


def test_a_lone_call_is_said_in_full_and_once_more() -> None:
    hall = listen([moment(1)])
    assert [said.form for _, said in hall.said] == [Form.FULL, Form.REPEAT]


def test_a_call_that_may_be_said_once_is_not_repeated() -> None:
    assert [said.form for _, said in listen([moment(1, times=1)]).said] == [Form.FULL]


def test_a_call_that_comes_meanwhile_goes_before_the_repeat() -> None:
    hall = listen([moment(1), moment(2, at=3.0)])
    assert [(said.form, said.moments[0].code) for _, said in hall.said] == [
        (Form.FULL, "A001"),
        (Form.FULL, "A002"),
        (Form.REPEAT, "A002"),
    ]


def test_calls_are_said_in_the_order_of_the_story_not_of_the_network() -> None:
    hall = listen([moment(9, at=0.0), moment(12, at=1.0), moment(11, at=1.1), moment(10, at=1.2)])
    assert [each.code for _, said in hall.said if said.form is not Form.REPEAT for each in said.moments] == ["A009", "A010", "A011", "A012"]


def test_the_same_announcement_sent_again_is_not_said_again() -> None:
    hall = listen([moment(1), moment(1, at=0.5), moment(1, at=30.0)])
    assert [said.form for _, said in hall.said] == [Form.FULL, Form.REPEAT]


@pytest.mark.parametrize(
    ("kind", "lasts", "now", "spoken"),
    [
        (Kind.CALL, 60.0, 19.9, True),
        (Kind.CALL, 60.0, 20.0, False),
        (Kind.CALL, 10.0, 9.9, True),
        (Kind.CALL, 10.0, 10.0, False),
        (Kind.RECALL, 60.0, 20.0, False),
        (Kind.CORRECTION, 60.0, 20.0, False),
        (Kind.NOTICE, 60.0, 59.0, True),
        (Kind.NOTICE, 60.0, 60.0, False),
    ],
)
def test_a_late_voice_is_silent(kind: Kind, lasts: float, now: float, spoken: bool) -> None:
    _, utterance, dropped = choose(given_waiting(moment(1, kind, lasts=lasts)), now)
    assert (utterance is not None) is spoken
    assert [each.why for each in dropped] == ([] if spoken else [Unsaid.STALE])


def test_a_ticket_that_is_already_served_is_not_called() -> None:
    hall = listen([moment(1), moment(2, at=1.0)], gone={2.0: "A002"})
    assert [(each.moment.code, each.why) for each in hall.unsaid] == [("A002", Unsaid.GONE)]
    assert [said.form for _, said in hall.said] == [Form.FULL, Form.REPEAT]


def test_a_ticket_that_came_at_once_is_not_repeated() -> None:
    assert [said.form for _, said in listen([moment(1)], gone={2.0: "A001"}).said] == [Form.FULL]


def test_a_recall_takes_the_place_of_a_call_not_yet_said() -> None:
    hall = listen([moment(1), moment(2, at=1.0), moment(3, Kind.RECALL, code="A002", at=2.0)])
    assert [(each.moment.id, each.why) for each in hall.unsaid] == [(moment(2).id, Unsaid.SUPERSEDED)]
    assert [said.moments[0].kind for _, said in hall.said] == [Kind.CALL, Kind.RECALL, Kind.RECALL]


def test_a_correction_stops_the_repeat_and_is_said_once_by_itself() -> None:
    hall = listen([moment(1), moment(2, Kind.CORRECTION, code="A001", at=2.0)])
    assert [(said.form, said.moments[0].kind) for _, said in hall.said] == [(Form.FULL, Kind.CALL), (Form.FULL, Kind.CORRECTION)]


def test_a_correction_is_never_joined_with_calls() -> None:
    waiting = (moment(1), moment(2), moment(3, Kind.CORRECTION, code="X001"), moment(4), moment(5))
    forms = []
    playlist = given_waiting(*waiting)
    while True:
        playlist, utterance, _ = choose(finished(playlist), 1.0)
        if utterance is None:
            break
        forms.append([each.code for each in utterance.moments])
    assert forms == [["A001", "A002"], ["X001"], ["A004"], ["A005"], ["A005"]], "the last is the repeat"


def test_a_notice_cuts_no_call_and_waits_until_no_call_waits() -> None:
    hall = listen([moment(1), moment(2, Kind.NOTICE, code="", at=0.5), moment(3, at=1.0)])
    assert [(said.form, said.moments[0].kind) for _, said in hall.said] == [
        (Form.FULL, Kind.CALL),
        (Form.FULL, Kind.CALL),
        (Form.REPEAT, Kind.CALL),
        (Form.FULL, Kind.NOTICE),
    ]


def test_an_emergency_cuts_everything_and_is_said_three_times() -> None:
    playing, call, _ = choose(given_waiting(moment(1)), 0.0)
    assert call is not None
    playing, _ = arrive(playing, moment(2, at=1.0))
    playing, _ = arrive(playing, moment(3, Kind.EMERGENCY, at=1.0, times=3))
    playing, utterance, dropped = choose(playing, 1.0)
    assert utterance == Utterance(Form.FULL, (moment(3, Kind.EMERGENCY, at=1.0, times=3),), times=3)
    assert [(each.moment.code, each.why) for each in dropped] == [("A002", Unsaid.CUT)]
    playing, utterance, _ = choose(finished(playing), 16.0)
    assert utterance is None, "what was cut is not taken up again"


def test_a_second_emergency_waits_for_the_first() -> None:
    playlist, first, _ = choose(given_waiting(moment(1, Kind.EMERGENCY, times=3)), 0.0)
    playlist, _ = arrive(playlist, moment(2, Kind.EMERGENCY, times=3))
    playlist, second, _ = choose(playlist, 1.0)
    assert first is not None and second is None
    _, second, _ = choose(finished(playlist), 16.0)
    assert second is not None


@pytest.mark.parametrize(
    ("board", "gone"),
    [
        ([Shown("A012", "called", 17)], False),
        ([Shown("A012", "serving", 17)], True),
        ([Shown("A012", "no_show", 17)], True),
        ([Shown("A012", "done", 11), Shown("A012", "called", 17)], False),
        ([Shown("B001", "called", 18), Shown("B002", "called", 12)], True),
        ([Shown("B001", "called", 18), Shown("B002", "called", 19)], False),
        ([], True),
    ],
    ids=["called", "served", "absent", "called again", "undone", "pushed out by later calls", "undone, and nobody else"],
)
def test_the_board_says_whether_a_ticket_is_still_called(board: list[Shown], gone: bool) -> None:
    assert no_longer_called(board, "A012", 17) is gone


@pytest.mark.parametrize("offset", [0.0, 1.3, 2.9])
def test_twelve_calls_a_minute_for_ten_minutes_are_all_said_within_twenty_seconds(offset: float) -> None:
    steady = [moment(n, at=n * 5.0 + offset * (n % 2)) for n in range(120)]
    hall = listen(steady)
    assert hall.unsaid == []
    assert len(hall.lags()) == 120
    assert max(hall.lags()) <= STALE_AFTER_S
    assert max(hall.lags()) < 15


def test_two_calls_are_joined_when_the_second_would_be_late() -> None:
    _, utterance, _ = choose(given_waiting(moment(1), moment(2)), 14.5)
    assert utterance is not None and utterance.form is Form.JOINED
    _, utterance, _ = choose(given_waiting(moment(1), moment(2, at=5.0)), 14.5)
    assert utterance is not None and utterance.form is Form.FULL


def test_six_calls_in_the_same_second_are_each_said() -> None:
    hall = listen([moment(n) for n in range(6)])
    assert hall.unsaid == []
    assert [(said.form, len(said.moments)) for _, said in hall.said] == [(Form.JOINED, 4), (Form.JOINED, 2)]


@st.composite
def days(draw: st.DrawFn) -> tuple[list[Moment], dict[float, str]]:
    """A hall's hour: calls, recalls, corrections, notices, in bursts and lulls, some sent twice, some tickets gone early."""
    arrivals: list[Moment] = []
    gone: dict[float, str] = {}
    at = 0.0
    for seq in range(draw(st.integers(1, 40))):
        at += draw(st.sampled_from([0.0, 0.1, 1.0, 4.0, 9.0, 30.0]))
        kind = draw(st.sampled_from([Kind.CALL] * 6 + [Kind.RECALL, Kind.CORRECTION, Kind.NOTICE, Kind.EMERGENCY]))
        code = f"A{draw(st.integers(0, 9)):03}" if kind in (Kind.RECALL, Kind.CORRECTION) else ""
        arrivals.append(moment(seq, kind, code=code, at=at, lasts=draw(st.sampled_from([5.0, 20.0, 90.0])), times=draw(st.integers(1, 3))))
        if draw(st.booleans()):
            arrivals.append(arrivals[draw(st.integers(0, len(arrivals) - 1))])
        if draw(st.integers(0, 5)) == 0:
            gone[at + draw(st.floats(0.01, 8))] = f"A{seq:03}"
    return arrivals, gone


@settings(max_examples=150, deadline=None)
@given(days())
def test_nothing_is_said_twice_nothing_stale_is_said_and_nothing_is_forgotten(day: tuple[list[Moment], dict[float, str]]) -> None:
    arrivals, gone = day
    hall = listen(arrivals, gone)
    said = [each.id for _, utterance in hall.said if utterance.form is not Form.REPEAT for each in utterance.moments]
    repeated = [utterance.moments[0].id for _, utterance in hall.said if utterance.form is Form.REPEAT]
    unsaid = [each.moment.id for each in hall.unsaid]

    assert len(set(said)) == len(said) and len(set(repeated)) == len(repeated)
    assert set(repeated) <= set(said)
    assert sorted(said + unsaid) == sorted({each.id for each in arrivals}), "every moment is said or dropped, once"
    for at, utterance in hall.said:
        for each in utterance.moments:
            assert at < each.expires_s
            assert at - each.arrived_s < STALE_AFTER_S or each.kind in (Kind.NOTICE, Kind.EMERGENCY)
        assert utterance.form is not Form.JOINED or 2 <= len(utterance.moments) <= JOINED_AT_MOST
        assert utterance.form is not Form.REPEAT or utterance.moments[0].times > 1
    for (at, utterance), (later, following) in itertools.pairwise(hall.said):
        assert following.moments[0].kind is Kind.EMERGENCY or later >= at + how_long(utterance) - 1e-6, "one voice at a time"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 10), min_size=1, max_size=120))
def test_at_up_to_twelve_calls_a_minute_the_voice_is_never_twenty_seconds_behind(pauses: list[float]) -> None:
    """Arrivals as irregular as they like, as long as no minute has more than twelve."""
    at, arrivals = 0.0, []
    for n, pause in enumerate(pauses):
        at = max(at + pause, arrivals[n - 12].arrived_s + 60.0 if n >= 12 else 0.0)
        arrivals.append(moment(n, at=at))
    hall = listen(arrivals)
    assert max(hall.lags(), default=0.0) <= STALE_AFTER_S
    assert {each.why for each in hall.unsaid} <= {Unsaid.STALE}
    assert len(hall.unsaid) <= len(arrivals) // 2, "a burst may lose some to the screen, never most"
