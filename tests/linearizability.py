"""Is there an order in which one clerk at one desk, doing one thing after another, would have given these answers?

A history is what many clients asked and were told at the same time, with the instants of question and answer. It is linearizable when every
operation can be given one instant between the two, so that the answers are those of a queue that does one thing at a time (Herlihy and
Wing 1990). The search is that of Wing and Gong with Lowe's memory of what has been tried; the queue below is written for this test alone
and shares nothing with the program.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

Answer = dict[str, Any]


@dataclass(frozen=True)
class Operation:
    """`what` was asked with `about`, and answered: `said["code"]` and so on, or `said["refused"]`. Instants on one clock."""

    what: str
    about: tuple[str, ...]
    said: Answer
    begun: float
    ended: float

    def __str__(self) -> str:
        return f"{self.what}{self.about} -> {self.said} [{self.begun:.4f}, {self.ended:.4f}]"


@dataclass(frozen=True)
class Waiting:
    """Sorted as it is called: queue time, then who joined first: by the number in the story where the history has it (`joined`), else in
    the order that is being tried. Without it two equal times that were given at once lead the search into a dead end far away."""

    queue_time: str
    joined: int
    code: str
    service: str


@dataclass(frozen=True)
class Hall:
    """The queue as it would be with one hand. `serves`: counter -> services."""

    serves: tuple[tuple[str, frozenset[str]], ...]
    places: tuple[tuple[str, int], ...] = ()
    line: tuple[Waiting, ...] = ()
    at: tuple[tuple[str, Waiting], ...] = ()
    """Counter -> who is called to it, as he waited."""
    given: tuple[tuple[str, int], ...] = ()
    missed: frozenset[tuple[str, str]] = frozenset()
    gone: frozenset[str] = frozenset()
    booked: frozenset[str] = frozenset()
    used: frozenset[str] = frozenset()
    joined: int = 0

    def after(self, op: Operation) -> Hall | None:
        """The hall after this operation was answered as it was; None when it could not have been."""
        return getattr(self, f"_{op.what}")(op.about, op.said)  # type: ignore[no-any-return]

    def _issue(self, about: tuple[str, ...], said: Answer) -> Hall | None:
        (service,) = about
        number = dict(self.given).get(service, 0) + 1
        if said.get("code") != f"{service}{number:03}":
            return None
        joined = said.get("joined", self.joined)
        return self._joins(Waiting(said["queue_time"], joined, said["code"], service), given=_put(self.given, service, number))

    def _next(self, about: tuple[str, ...], said: Answer) -> Hall | None:
        """`about` is the counter. Whoever is there has been served."""
        (counter,) = about
        present = dict(self.at).get(counter)
        there = present.code if present else None
        mine = dict(self.serves)[counter]
        first = next((one for one in self.line if one.service in mine), None)
        gone = self.gone | {there} if there else self.gone
        if first is None:
            if said.get("finished") == there and said.get("code") is None and (there or said.get("refused") == "nobody_waiting"):
                return replace(self, at=_drop(self.at, counter), gone=gone)
            return None
        if said.get("code") != first.code or said.get("finished") != there:
            return None
        line = tuple(one for one in self.line if one is not first)
        return replace(self, line=line, at=_put(self.at, counter, first), gone=gone)

    def _cancel(self, about: tuple[str, ...], said: Answer) -> Hall | None:
        (code,) = about
        if any(one.code == code for one in self.line):
            left = replace(self, line=tuple(one for one in self.line if one.code != code), gone=self.gone | {code})
            return left if said.get("state") == "cancelled" else None
        counter = self._counter_of(code)
        if counter is not None:
            left = replace(self, at=_drop(self.at, counter), gone=self.gone | {code})
            return left if said.get("state") == "cancelled" else None
        return self if said.get("refused") == "not_allowed_now" else None

    def _no_show(self, about: tuple[str, ...], said: Answer) -> Hall | None:
        code, counter, service = about
        if self._counter_of(code) != counter:
            # Gone from this counter; or sent on meanwhile, and called to another one.
            return self if said.get("refused") in ("not_allowed_now", "counter_busy", "counter_taken") else None
        if said.get("state") != "no_show":
            return None
        return replace(self, at=_drop(self.at, counter), missed=self.missed | {(code, service)})

    def _rejoin(self, about: tuple[str, ...], said: Answer) -> Hall | None:
        (code,) = about
        service = dict(self.missed).get(code)
        if service is None:
            return self if said.get("refused") == "not_allowed_now" else None
        if said.get("state") != "waiting":
            return None
        back = Waiting(said["queue_time"], said.get("joined", self.joined), code, service)
        return self._joins(back, missed=self.missed - {(code, service)})

    def _transfer(self, about: tuple[str, ...], said: Answer) -> Hall | None:
        code, service = about
        counter = self._counter_of(code)
        found = dict(self.at)[counter] if counter else next((one for one in self.line if one.code == code), None)
        if found is None:
            return self if said.get("refused") == "not_allowed_now" else None
        if said.get("service") != service or said.get("queue_time") != found.queue_time:
            return None
        others = [one for one in self.line if one is not found]
        line = tuple(sorted((*others, replace(found, service=service)), key=lambda each: (each.queue_time, each.joined)))
        return replace(self, line=line, at=_drop(self.at, counter or ""))

    def _book(self, about: tuple[str, ...], said: Answer) -> Hall | None:
        (slot,) = about
        left = dict(self.places).get(slot, 0)
        if not left:
            return self if said.get("refused") == "slot_full" else None
        if said.get("booking") is None or said["booking"] in self.booked:
            return None
        return replace(self, places=_put(self.places, slot, left - 1), booked=self.booked | {said["booking"]})

    def _check_in(self, about: tuple[str, ...], said: Answer) -> Hall | None:
        booking, service = about
        if booking in self.used:
            return self if said.get("refused") == "already_checked_in" else None
        after = self._issue((service,), said)
        return after and replace(after, used=self.used | {booking})

    def _counter_of(self, code: str) -> str | None:
        return next((counter for counter, there in self.at if there.code == code), None)

    def _joins(self, one: Waiting, **more: Any) -> Hall:
        line = tuple(sorted((*self.line, one), key=lambda each: (each.queue_time, each.joined)))
        return replace(self, line=line, joined=self.joined + 1, **more)


def _put(pairs: tuple[tuple[str, Any], ...], key: str, value: Any) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted({**dict(pairs), key: value}.items()))


def _drop(pairs: tuple[tuple[str, Any], ...], key: str) -> tuple[tuple[str, Any], ...]:
    return tuple((one, value) for one, value in pairs if one != key)


def violation(history: Sequence[Operation], hall: Hall, most: int = 2_000_000) -> str | None:
    """None when the history is linearizable; else the operations that could not be placed after the longest order that was found.
    Gives up after `most` steps: that is a failure as well."""
    ops = sorted(history, key=lambda op: op.begun)
    everything = (1 << len(ops)) - 1
    tried: set[tuple[int, Hall]] = set()
    longest, stuck = -1, ""
    stack = [(0, 0, hall)]
    steps = 0
    while stack:
        done, first, state = stack.pop()
        while done >> first & 1:
            first += 1
        candidates = _may_be_next(ops, done, first)
        if done.bit_count() > longest:
            longest, stuck = done.bit_count(), "\n".join(str(ops[n]) for n in candidates)
        fitting = []
        for n in candidates:
            steps += 1
            after = state.after(ops[n])
            if after is None:
                continue
            if done | 1 << n == everything:
                return None
            fresh = (done | 1 << n, after) not in tried
            tried.add((done | 1 << n, after))
            if after == state and "refused" in ops[n].said:
                # A refusal that is right now and changes nothing may as well come now: no order is lost by that. Of a transfer to where
                # somebody stands already it would be: later, when he has been called, the same answer changes something.
                fitting = [(done | 1 << n, first, after)] if fresh else []
                break
            if fresh:
                fitting.append((done | 1 << n, first, after))
        # Whoever was answered first is tried first.
        stack.extend(reversed(fitting))
        if steps > most:
            return f"No order was found in {most} steps; after {longest} of {len(ops)} one of these had to be next:\n{stuck}"
    return f"After {longest} of {len(ops)} none of these can have been next:\n{stuck}" if ops else None


def _may_be_next(ops: Sequence[Operation], done: int, first: int) -> list[int]:
    """Those that had begun before any of the others had ended."""
    found, ends = [], float("inf")
    for n in range(first, len(ops)):
        if ops[n].begun > ends:
            break
        if not done >> n & 1:
            found.append(n)
            ends = min(ends, ops[n].ended)
    return sorted(found, key=lambda n: ops[n].ended)
