"""A kiosk that cannot reach the server: which numbers it may still give, and when they were taken.

It gives only what it was lent, while the lease lasts and its service gives numbers. The queue time comes from the one function of the
core; the moment from the hall's clock as the server last told it, carried on by the counter that runs since the machine was switched on.
A machine that was switched off and on meanwhile does not know the time, whatever its own clock says, and gives nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from kiosk.notebook import Given, Notebook
from kiosk.receipt import Receipt
from server.clock import monotonic
from server.core import words
from server.core.lease import intent_of
from server.core.queue import QueueTime, Term, queue_time
from server.core.site import MINUTE, Rules

KEEP_EVERY_S = 300.0
"""A lease that says nothing new is written down no more often than this: only its clock has gone on."""
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class CannotGive(Exception):
    """No number: `code` says why, in one of `no_lease`, `lease_over`, `clock_unknown`, `closed`, `no_numbers`, `not_stored`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def boot() -> str | None:
    """Which switching-on of this machine its monotonic counter counts from; None where the system does not say."""
    with suppress(OSError):
        return BOOT_ID.read_text(encoding="ascii").strip()
    return None


class Alone:
    """The numbers of one kiosk. All methods may be called from any thread."""

    def __init__(self, notebook: Notebook, tick: Callable[[], float] = monotonic, started: str | None = None) -> None:
        """`tick` is the machine's counter, `started` names the switching-on that it counts from."""
        self._notebook, self._tick, self._started = notebook, tick, started
        self._lock = threading.Lock()
        kept = notebook.lease
        # What another run of this program has heard is true only on the same counter.
        self._lease = kept
        self._clock = kept["clock"] if kept and started is not None and kept["clock"]["boot"] == started else None
        self._kept_at = -KEEP_EVERY_S

    @property
    def holder(self) -> str:
        return self._notebook.holder

    def now(self) -> datetime | None:
        """The hall's time; None when it is not known."""
        clock = self._clock
        if clock is None:
            return None
        passed: float = (self._tick() - clock["tick"]) * clock["factor"]
        return datetime.fromisoformat(clock["at"]) + timedelta(seconds=passed)

    def lend(self, lease: dict[str, Any]) -> None:
        """A lease has just come. Its way here makes our clock late by some milliseconds, never early."""
        clock = {"at": lease["at"], "factor": lease["factor"], "tick": self._tick(), "boot": self._started}
        with self._lock:
            fresh = {**lease, "clock": clock}
            due = self._tick() - self._kept_at >= KEEP_EVERY_S or _gist(fresh) != _gist(self._lease)
            if due:
                # What is not on the disk is not lent: a restart would not know of it.
                with suppress(OSError):
                    self._notebook.lend(fresh)
                    self._kept_at, self._lease = self._tick(), fresh
            self._clock = clock

    # -- questions ----------------------------------------------------------------------------------------------------------------

    def why_not(self, service: str | None = None) -> str | None:
        """Why no number can be given, at all or of one service; None when one can."""
        lease, now = self._lease, self.now()
        if lease is None or not lease["blocks"]:
            return "no_lease"
        if now is None:
            return "clock_unknown"
        blocks = [b for b in lease["blocks"] if service in (None, b["service"])]
        if not blocks:
            return "no_numbers"
        reasons = [_why_not(block, now, self._free(block)) for block in blocks]
        return None if None in reasons else reasons[0]

    def state(self) -> dict[str, Any]:
        """What the kiosk's page has to know."""
        now, lease = self.now(), self._lease
        clock = self._clock
        services = {
            b["service"]: {"left": len(self._free(b)), "why_not": self.why_not(b["service"])} for b in (lease or {}).get("blocks", [])
        }
        return {
            "at": now.isoformat(timespec="milliseconds") if now else None,
            "factor": clock["factor"] if clock else 1,
            "why_not": self.why_not(),
            "services": services,
            "unmerged": len(self.pending()),
            "refused": [{"code": g.code, "why": g.answer} for g in self._notebook.given.values() if g.state == "refused"],
        }

    def facts(self) -> dict[str, Any]:
        """For staff, with each beat: numbers that have not been brought in, and those that were refused today."""
        newest = self._lease["day"] if self._lease else ""
        refused = [g.code for g in list(self._notebook.given.values()) if g.state == "refused" and g.day == newest]
        return {"unmerged": len(self.pending()), "refused": ", ".join(refused)}

    def pending(self) -> list[Given]:
        """What has not been brought in yet, in the order of taking."""
        return [given for given in list(self._notebook.given.values()) if given.state == "waiting"]

    def find(self, key: str) -> Given | None:
        return self._notebook.given.get(key)

    def has_given_for(self, intent: object, kiosk: str) -> bool:
        """Whether the touch that the server names so got a number of ours."""
        return any(intent_of(kiosk, key) == intent for key in list(self._notebook.given))

    def _free(self, block: dict[str, Any]) -> list[int]:
        assert self._lease is not None
        mine = {g.number for g in list(self._notebook.given.values()) if (g.day, g.service) == (self._lease["day"], block["service"])}
        return [number for number in block["free"] if number not in mine]

    # -- giving ------------------------------------------------------------------------------------------------------------------

    def take(self, key: str, service: str, *, lang: str = "vi", priority: str | None = None) -> Given:
        """Give a number, durably; for a touch that has one, the same again. Raises CannotGive."""
        with self._lock:
            known = self._notebook.given.get(key)
            if known is not None:
                return known
            why = self.why_not(service)
            if why is not None:
                raise CannotGive(why)
            lease, now = self._lease, self.now()
            assert lease is not None and now is not None
            block = next(b for b in lease["blocks"] if b["service"] == service)
            number, taken = self._free(block)[0], now.replace(microsecond=0)
            given = Given(
                key=key,
                day=lease["day"],
                service=service,
                number=number,
                code=f"{block['letter']}{number:03d}",
                taken_at=now.isoformat(timespec="milliseconds"),
                queue_time=_counted(lease, taken, priority).at.isoformat(),
                version=lease["version"],
                lang=lang if lang in lease["site"]["languages"] else "vi",
                priority=priority,
            )
            try:
                self._notebook.give(given)
            except OSError as reason:
                raise CannotGive("not_stored") from reason
            return given

    def end(self, key: str, state: str, answer: str) -> None:
        """The server has answered: `merged` with the code of the ticket, or `refused` with why."""
        with self._lock:
            self._notebook.end(key, state, answer)

    # -- in words ----------------------------------------------------------------------------------------------------------------

    def ticket(self, given: Given) -> dict[str, Any]:
        """The number for the kiosk's page, in the shape of a ticket."""
        block = self._block(given)
        site = self._lease["site"] if self._lease else {"services": []}
        service: dict[str, Any] = next((s for s in site["services"] if s["id"] == given.service), {})
        return {
            "id": f"alone-{given.key}",
            "code": given.code,
            "service": given.service,
            "service_name": service.get("name", ""),
            "state": "waiting",
            "issued_at": _taken(given).isoformat(),
            "queue_time": given.queue_time,
            "reason": {"term": (Term.PRIORITY if given.priority else Term.WALK_IN).value, "words": self._reason(given)},
            "counters": service.get("counters", []),
            "priority": given.priority is not None,
            "appointment": False,
            "lang": given.lang,
            "day": given.day,
            "provisional": True,
            "until": block["until"] if block else None,
        }

    def receipt(self, given: Given, *, reprint: bool = False) -> Receipt:
        """Its paper: the pattern that came with the lease, with this number and its times. Raises ReceiptError."""
        block = self._block(given)
        pattern: dict[str, Any] = dict(block["receipts"].get(given.lang) or block["receipts"]["vi"]) if block else {}
        taken, told = _taken(given), datetime.fromisoformat(self._lease["at"] if self._lease else given.taken_at)
        pattern["code"] = given.code
        pattern["queue_time"] = words.queue_time_text(datetime.fromisoformat(given.queue_time), taken, given.lang)
        pattern["reason"] = self._reason(given)
        pattern["date_line"] = str(pattern.get("date_line") or "").replace(words.hhmm(told), words.hhmm(taken))
        pattern["reprint"] = reprint
        if given.priority:
            pattern["mark"] = f"{pattern.get('mark')} · ƯU TIÊN"
        return Receipt.from_json(pattern)

    def _block(self, given: Given) -> dict[str, Any] | None:
        return next((b for b in (self._lease or {}).get("blocks", []) if b["service"] == given.service), None)

    def _reason(self, given: Given) -> str:
        term = Term.PRIORITY if given.priority else Term.WALK_IN
        rules = _rules(self._lease) if self._lease else Rules()
        return words.reason_words(term, rules, joined_at=_taken(given), provisional=True, lang=given.lang)


def _taken(given: Given) -> datetime:
    return datetime.fromisoformat(given.taken_at).replace(microsecond=0)


def _why_not(block: dict[str, Any], now: datetime, free: list[int]) -> str | None:
    if not datetime.fromisoformat(block["granted"]) <= now < datetime.fromisoformat(block["until"]):
        return "lease_over"
    if not any(datetime.fromisoformat(span["start"]) <= now < datetime.fromisoformat(span["end"]) for span in block["open"]):
        return "closed"
    return None if free else "no_numbers"


def _counted(lease: dict[str, Any], taken: datetime, priority: str | None) -> QueueTime:
    return queue_time(_rules(lease), taken, priority=priority is not None)


def _rules(lease: dict[str, Any]) -> Rules:
    """The minutes of the rule that a number given alone can be counted by."""
    return Rules(priority_head=lease["site"]["rules"]["priority_head_minutes"] * MINUTE)


def _gist(lease: dict[str, Any] | None) -> Any:
    """What of a lease matters after a restart, but for its clock."""
    if lease is None:
        return None
    blocks = [(b["service"], b["first"], b["last"], b["until"], b["free"], b["open"]) for b in lease["blocks"]]
    return lease["day"], lease["version"], lease["factor"], lease["clock"]["boot"], blocks
