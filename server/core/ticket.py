"""The life of a ticket, as a table. A move that is not in the table does not exist; the README's diagram is drawn from it."""

from __future__ import annotations

from enum import StrEnum

from server.core.refused import Refused


class State(StrEnum):
    WAITING = "waiting"
    CALLED = "called"
    SERVING = "serving"
    HELD = "held"
    DONE = "done"
    NO_SHOW = "no_show"
    CANCELLED = "cancelled"
    LAPSED = "lapsed"


class Verb(StrEnum):
    CALL = "call"
    RECALL = "recall"
    START = "start"
    FINISH = "finish"
    NO_SHOW = "no-show"
    REJOIN = "rejoin"
    HOLD = "hold"
    RELEASE = "release"
    TRANSFER = "transfer"
    CANCEL = "cancel"
    UNDO = "undo"
    LAPSE = "lapse"


W, C, S, H = State.WAITING, State.CALLED, State.SERVING, State.HELD
DONE, NO_SHOW, CANCELLED, LAPSED = State.DONE, State.NO_SHOW, State.CANCELLED, State.LAPSED

# Where a verb leads. Only `undo` has two ends: it leads back to the state before the step it undoes.
LIFE: dict[tuple[State, Verb], tuple[State, ...]] = {
    (W, Verb.CALL): (C,),
    (W, Verb.TRANSFER): (W,),
    (W, Verb.CANCEL): (CANCELLED,),
    (W, Verb.LAPSE): (LAPSED,),
    (C, Verb.RECALL): (C,),
    (C, Verb.START): (S,),
    (C, Verb.FINISH): (DONE,),
    (C, Verb.NO_SHOW): (NO_SHOW,),
    (C, Verb.HOLD): (H,),
    (C, Verb.TRANSFER): (W,),
    (C, Verb.CANCEL): (CANCELLED,),
    (C, Verb.UNDO): (W, H),
    (S, Verb.FINISH): (DONE,),
    (S, Verb.NO_SHOW): (NO_SHOW,),
    (S, Verb.HOLD): (H,),
    (S, Verb.TRANSFER): (W,),
    (H, Verb.RELEASE): (W,),
    (H, Verb.CALL): (C,),
    (H, Verb.CANCEL): (CANCELLED,),
    (H, Verb.LAPSE): (LAPSED,),
    (NO_SHOW, Verb.REJOIN): (W,),
    (NO_SHOW, Verb.UNDO): (C, S),
    (DONE, Verb.UNDO): (C, S),
}

AT_COUNTER = frozenset({C, S})
ENDED = frozenset({DONE, NO_SHOW, CANCELLED, LAPSED})


def require(state: State, verb: Verb, code: str, counter: str | None = None) -> None:
    """Refuse a verb that the table does not hold for this state. `code` is the ticket's and `counter` where it is, for the sentence."""
    if (state, verb) not in LIFE:
        raise Refused("not_allowed_now", ticket=code, state=state.value, verb=verb.value, counter=counter)


def diagram() -> str:
    """The table as a Mermaid state diagram, one arrow for each pair of states."""
    arrows: dict[tuple[State, State], list[str]] = {}
    for (state, verb), ends in LIFE.items():
        for end in ends:
            arrows.setdefault((state, end), []).append(verb.value)
    lines = ["stateDiagram-v2", "    [*] --> waiting: issue"]
    lines += [f"    {start} --> {end}: {', '.join(verbs)}" for (start, end), verbs in arrows.items()]
    lines += [f"    {state} --> [*]" for state in State if state in ENDED]
    return "\n".join(lines)
