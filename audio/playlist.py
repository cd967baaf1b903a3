"""What the loudspeakers of one hall say next.

Pure: a playlist is a value, time is an argument (seconds of one monotonic clock; only differences matter), and every
function returns the new playlist with what follows from it. The agent does the rest: it plays what `choose` returns,
calls `finished`, and answers the moments.

The ladder, by what else waits to be said (measured: a full call with its repeat takes 10.4 s, so only 5.8 a minute):

* nothing: the full call, then the short form once more;
* one: the full call without the repeat;
* two or more, or one that would be late after a full call: up to four in one breath, about 3.7 s each.

Calls of one instant reach a device one by one: whoever plays waits `GATHER_S` after the first of them before asking.

A repeat is decided when the full call has ended, so that a call that came meanwhile goes first. A call that has waited 20 s,
or whose ticket is no longer called, is not spoken: the screen has long shown it, and a late voice sends people to the wrong
counter. A notice waits until no call waits; an emergency cuts everything, and what it cut is not taken up again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

STALE_AFTER_S = 20.0
JOINED_AT_MOST = 4
JOINED_FROM = 3  # calls waiting, the first included
FULL_CALL_S = 6.0  # chime, gap, sentence and pause of a full call without its repeat
GATHER_S = 0.15  # calls of one instant leave the server at most 0.05 s apart; the press is to be heard within 0.3 s
KNOWN = 500  # ids remembered; a moment lives for less than a minute, so this is hours


class Kind(StrEnum):
    """What an announcement is about."""

    CALL = "call"
    RECALL = "recall"
    CORRECTION = "correction"
    NOTICE = "notice"
    EMERGENCY = "emergency"


class Form(StrEnum):
    """How an utterance is said."""

    FULL = "full"
    REPEAT = "repeat"
    JOINED = "joined"


class Unsaid(StrEnum):
    """Why a moment is not spoken; the first word of the answer that staff see."""

    STALE = "stale"
    GONE = "gone"
    SUPERSEDED = "superseded"
    CUT = "cut"


_TO_COME = frozenset({Kind.CALL, Kind.RECALL})
_NEVER_LATE = frozenset({Kind.CALL, Kind.RECALL, Kind.CORRECTION})


@dataclass(frozen=True)
class Moment:
    """One announcement, as far as order and staleness care.

    `order` sorts moments as the story has them; `arrived_s` and `expires_s` are on the clock of `now_s`; `times` is how
    often it may be said.
    """

    id: str
    kind: Kind
    code: str
    order: tuple[str | int, ...]
    arrived_s: float
    expires_s: float
    times: int = 2


@dataclass(frozen=True)
class Utterance:
    """What to say now. `times`: how often, one after another."""

    form: Form
    moments: tuple[Moment, ...]
    times: int = 1


@dataclass(frozen=True)
class Dropped:
    """A moment that will not be spoken, and why."""

    moment: Moment
    why: Unsaid


@dataclass(frozen=True)
class Shown:
    """A call as the hall's board shows it: the ticket's code, its state, and the number of the event."""

    code: str
    state: str
    seq: int


@dataclass(frozen=True)
class Playlist:
    """What waits, what is being said, and what may be said once more. Start with `Playlist()`."""

    waiting: tuple[Moment, ...] = ()
    playing: Utterance | None = None
    again: Moment | None = None
    known: tuple[str, ...] = ()


def arrive(playlist: Playlist, moment: Moment) -> tuple[Playlist, tuple[Dropped, ...]]:
    """Take a moment in. One whose id is known changes nothing. A recall or a correction replaces what still waits of its code."""
    if moment.id in playlist.known:
        return playlist, ()
    known = (*playlist.known, moment.id)[-KNOWN:]
    replaced: set[str] = set()
    if moment.kind in _NEVER_LATE:
        replaced = {other.id for other in playlist.waiting if other.code == moment.code and other.kind in _TO_COME}
    kept, dropped = _part(playlist.waiting, replaced, Unsaid.SUPERSEDED)
    again = None if playlist.again and playlist.again.code == moment.code else playlist.again
    waiting = tuple(sorted((*kept, moment), key=lambda each: each.order))
    return replace(playlist, waiting=waiting, again=again, known=known), dropped


def withdraw(playlist: Playlist, codes: Collection[str]) -> tuple[Playlist, tuple[Dropped, ...]]:
    """The tickets `codes` are no longer called: their calls are not spoken, nor repeated. Corrections stay."""
    gone = {moment.id for moment in playlist.waiting if moment.code in codes and moment.kind in _TO_COME}
    kept, dropped = _part(playlist.waiting, gone, Unsaid.GONE)
    again = None if playlist.again and playlist.again.code in codes else playlist.again
    return replace(playlist, waiting=kept, again=again), dropped


def choose(playlist: Playlist, now_s: float) -> tuple[Playlist, Utterance | None, tuple[Dropped, ...]]:
    """What to say at `now_s`, if anything. While something is being said, only an emergency is an answer."""
    late = {moment.id for moment in playlist.waiting if is_stale(moment, now_s)}
    kept, dropped = _part(playlist.waiting, late, Unsaid.STALE)
    playlist = replace(playlist, waiting=kept)

    emergency = next((moment for moment in kept if moment.kind is Kind.EMERGENCY), None)
    if emergency and not _is_emergency(playlist.playing):
        alarm = Utterance(Form.FULL, (emergency,), times=emergency.times)
        # Nobody is to be called to a counter while the hall is asked to leave it.
        cut = tuple(Dropped(moment, Unsaid.CUT) for moment in kept if moment is not emergency)
        return replace(playlist, waiting=(), playing=alarm, again=None), alarm, dropped + cut
    if playlist.playing:
        return playlist, None, dropped

    utterance = _next(playlist, now_s)
    if utterance is None:
        return replace(playlist, again=None), None, dropped
    said = {moment.id for moment in utterance.moments}
    waiting = tuple(moment for moment in kept if moment.id not in said)
    first = utterance.moments[0]
    repeatable = utterance.form is Form.FULL and first.kind in _TO_COME and first.times > 1
    return replace(playlist, waiting=waiting, playing=utterance, again=first if repeatable else None), utterance, dropped


def finished(playlist: Playlist) -> Playlist:
    """What was being said has ended, or could not be said."""
    return replace(playlist, playing=None)


def is_stale(moment: Moment, now_s: float) -> bool:
    """Too late to be spoken at `now_s`."""
    return now_s >= moment.expires_s or (moment.kind in _NEVER_LATE and now_s - moment.arrived_s >= STALE_AFTER_S)


def no_longer_called(shown: Iterable[Shown], code: str, seq: int) -> bool:
    """Whether the board's calls say that ticket `code`, called by event `seq`, is not to be called any more.

    A ticket that is on the board says so itself. One that is not was undone, or pushed out by later calls; it was pushed
    out only if everything shown is later than it.
    """
    calls = list(shown)
    states = [call.state for call in calls if call.code == code]
    if states:
        return "called" not in states
    return not calls or any(call.seq < seq for call in calls)


def _next(playlist: Playlist, now_s: float) -> Utterance | None:
    calls = [moment for moment in playlist.waiting if moment.kind in _NEVER_LATE]
    if not calls:
        if playlist.again and not is_stale(playlist.again, now_s):
            return Utterance(Form.REPEAT, (playlist.again,))
        return Utterance(Form.FULL, playlist.waiting[:1]) if playlist.waiting else None
    hurry = len(calls) >= JOINED_FROM or any(is_stale(moment, now_s + FULL_CALL_S) for moment in calls[1:])
    if not hurry or calls[0].kind is Kind.CORRECTION:
        return Utterance(Form.FULL, (calls[0],))
    breath = []
    for moment in calls[:JOINED_AT_MOST]:
        if moment.kind is Kind.CORRECTION:
            break
        breath.append(moment)
    return Utterance(Form.JOINED if len(breath) > 1 else Form.FULL, tuple(breath))


def _is_emergency(utterance: Utterance | None) -> bool:
    return utterance is not None and utterance.moments[0].kind is Kind.EMERGENCY


def _part(waiting: tuple[Moment, ...], out: Collection[str], why: Unsaid) -> tuple[tuple[Moment, ...], tuple[Dropped, ...]]:
    kept = tuple(moment for moment in waiting if moment.id not in out)
    return kept, tuple(Dropped(moment, why) for moment in waiting if moment.id in out)
