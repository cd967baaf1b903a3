"""Socket.IO: facts go out to whoever said hello; nothing comes in but `hello`, and from devices `done` and `beat`.

A state is rendered once for each room and revision and sent whole; boards and consoles are repeated every two seconds, so that a page can
tell a quiet hall from a dead cable.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import structlog
from flask import request
from flask_socketio import SocketIO, disconnect, join_room, leave_room

from server import wire
from server.access import Access, Principal
from server.core import decide, hall
from server.core.alarms import Alarm, Device, Unanswered
from server.core.day import Day, Ticket
from server.core.refused import Refused
from server.core.site import hall_of, reaches
from server.followers import Followers
from server.foresight import Foresight
from server.heartbeat import AGENT, PAGE, Life, Presence, plain
from server.ledger import Ledger
from server.names import Names
from server.publish import Moment, Publisher
from server.routes import explained, invalid, language, presented
from server.sites import Sites, UnknownSite
from server.store import Broken, DeviceRow, DoneRow, Poison, Store, Unavailable

log = structlog.get_logger("sockets")

REPEAT_S = 2.0
COALESCE_S = 0.05
"""A burst of events becomes one board: at most twenty a second."""
RESEND_S = 5.0
KINDS = ("hall", "counter", "ticket", "device", "console", "floor")


@dataclass(frozen=True, slots=True)
class Room:
    """What one group of sockets follows."""

    kind: str
    site: str
    id: str

    @property
    def name(self) -> str:
        return f"{self.kind}:{self.site}:{self.id}"


@dataclass(slots=True)
class Client:
    """One socket: who it is, and what it follows.

    `keyed`: it showed a key of its own, and expects to be known by it. `holder` is whose right the room is followed by, if it needs one.
    """

    principals: list[Principal]
    lang: str
    keyed: bool = False
    room: Room | None = None
    holder: Principal | None = None
    device: Principal | None = None
    sent: dict[str, float] = field(default_factory=dict)

    @property
    def part(self) -> str:
        """Which of a device's programs this is: its own, or a page that shows the hall."""
        return AGENT if self.room is not None and self.room.kind == "device" else PAGE

    def wants(self, moment: Moment) -> bool:
        """Whether this moment is for the program at the other end; the page of a kiosk prints nothing."""
        return self.device is not None and moment.is_for(self.device) and (moment.event != "print" or self.part == AGENT)


class Sockets:
    """The live side of the server."""

    def __init__(
        self,
        sio: SocketIO,
        store: Store,
        ledger: Ledger,
        sites: Sites,
        access: Access,
        names: Names,
        publisher: Publisher,
        foresight: Foresight,
        presence: Presence,
        spread: Callable[[Collection[str]], None] = lambda sites: None,
    ) -> None:
        """`spread` says in which offices a device has answered here, for other processes to look."""
        self._spread = spread
        self._sio, self._store, self._ledger, self._sites = sio, store, ledger, sites
        self._access, self._names, self._publisher, self._foresight = access, names, publisher, foresight
        self._presence = presence
        self._clients: dict[str, Client] = {}
        self._rooms: dict[Room, dict[str, Client]] = {}
        """Who follows each room, without the phones: of them there are thousands, and `followers` counts them."""
        self.followers = Followers(self._ticket_now, self._send_ticket, self._in_order)
        self._rows: dict[str, tuple[tuple[date, int], dict[str, wire.QueuedOut]]] = {}
        self._lock = threading.Lock()
        """Held while clients move between rooms; matters where threads are real."""
        self._wake = threading.Event()
        self._stopped = False
        sio.on_event("connect", self._connect)
        sio.on_event("disconnect", self._disconnect)
        sio.on_event("hello", self._hello)
        sio.on_event("done", self._done)
        sio.on_event("beat", self._beat)
        sio.on_event("*", self._anything_else)

    def __len__(self) -> int:
        return len(self._clients)

    # -- incoming ----------------------------------------------------------------------------------------------------------------

    def _sid(self) -> str:
        return request.sid  # type: ignore[attr-defined, no-any-return]

    def _connect(self, auth: Any = None) -> None:
        keys, _ = presented(request)
        keyed = isinstance(auth, dict) and isinstance(auth.get("key"), str) and bool(auth["key"])
        if keyed:
            keys = [auth["key"]]
        principals = [p for key in keys if (p := self._access.find(key)) is not None]
        self._clients[self._sid()] = Client(principals, language(request), keyed)

    def _disconnect(self, *_: Any) -> None:
        with self._lock:
            client = self._clients.pop(self._sid(), None)
            if client is None or client.room is None:
                return
            self._left(client.room, self._sid())
        if client.device is not None:
            self._presence.left(client.device, client.part)
            self._changed(client.room.site)

    def _came(self, room: Room, sid: str, client: Client) -> None:
        if room.kind == "ticket":
            self.followers.came(room.site, room.id)
        else:
            self._rooms.setdefault(room, {})[sid] = client

    def _left(self, room: Room, sid: str) -> None:
        if room.kind == "ticket":
            self.followers.left(room.site, room.id)
            return
        del self._rooms[room][sid]
        if not self._rooms[room]:
            del self._rooms[room]

    def _seated(self) -> list[tuple[str, Client]]:
        """Everybody in a room who is not a citizen with a phone: nothing else is sent to them, and no right of theirs can end."""
        return [each for room in list(self._rooms.values()) for each in list(room.items())]

    def _hello(self, said: Any = None, *rest: Any) -> Any:
        client = self._clients.get(self._sid())
        if client is None:
            return None
        try:
            room, holder, state = self._welcome(client, said if isinstance(said, dict) else {})
        except Exception as error:
            return _failure(error, client.lang)
        with self._lock:
            if self._clients.get(self._sid()) is not client:
                # Gone while its state was being read; a room entered now would never be left.
                return None
            if client.device is not None:
                self._presence.left(client.device, client.part)
            before, client.room, client.holder = client.room, room, holder
            client.device = holder if holder is not None and holder.kind == "device" else None
            if client.device is not None:
                self._presence.came(client.device, client.part)
            if before is not None:
                self._left(before, self._sid())
            self._came(room, self._sid(), client)
        if before is not None and before != room:
            leave_room(before.name)
        join_room(room.name)
        if client.device is not None:
            self._changed(room.site)
            self._sio.start_background_task(self._send_pending, self._sid(), client)
        return state

    def _welcome(self, client: Client, said: dict[str, Any]) -> tuple[Room, Principal | None, Any]:
        kind, site, name = said.get("kind"), said.get("site"), said.get("id")
        if kind not in KINDS:
            raise Refused("invalid_body", fields=[invalid("kind", "literal_error", f"One of {', '.join(KINDS)}")])
        client.principals = [now for p in client.principals if (now := self._access.anew(p)) is not None]
        if client.keyed and not client.principals:
            raise Refused("unauthenticated")
        if kind == "device":
            return self._welcome_device(client, site, name)
        if not isinstance(site, str) or site not in self._sites.ids() or (kind != "floor" and not isinstance(name, str)):
            raise Refused("not_found")
        room = Room(kind, site, str(name or "") if kind != "floor" else "")
        self._ledger.fresh(site)
        holder = None
        if kind in ("console", "floor"):
            holder = self._staff(client, site, ("clerk",) if kind == "console" else ("supervisor",))
        elif kind == "hall":
            displays = [p for p in client.principals if p.role == "display"]
            holder = next((p for p in displays if p.place == name and p.site == site), None)
            if client.keyed and displays and holder is None:
                raise Refused("forbidden")
            if said.get("device") is True and holder is None:
                holder = self._kiosk_of(client, site, str(name))
        return room, holder, self._state(room)

    def _welcome_device(self, client: Client, wanted: Any, name: Any) -> tuple[Room, Principal, Any]:
        device = next((p for p in client.principals if p.kind == "device"), None)
        if device is None or device.site is None or device.site not in self._sites.ids():
            raise Refused("unauthenticated")
        # A device may leave out what its key tells anyway.
        if wanted not in (None, device.site) or name not in (None, "", device.name):
            raise Refused("not_found")
        site = device.site
        self._ledger.day(site)
        self._ledger.fresh(site)
        state = {
            "device": {"name": device.name, "kind": device.role, "place": device.place},
            "site": site,
            "day": self._ledger.today(site).isoformat(),
            "at": wire.instant(self._ledger.now(site)),
            "factor": self._ledger.clock.factor,
        }
        return Room("device", site, device.name), device, state

    def _kiosk_of(self, client: Client, site: str, place: str) -> Principal:
        """The kiosk whose page this is: it follows the board of its hall, and is a device that can go dark like any other."""
        stands = self._sites.current(site).kiosk
        for p in client.principals:
            if p.role == "kiosk" and p.site == site and p.place in stands and stands[p.place].hall == place:
                return p
        raise Refused("unauthenticated")

    def _staff(self, client: Client, site: str, roles: tuple[str, ...]) -> Principal:
        fit = next((p for p in client.principals if p.kind == "staff" and p.can(roles) and p.may_enter(site)), None)
        if fit is None:
            # A browser that is also a hall screen is nobody here until somebody signs in.
            known = client.keyed or any(p.kind == "staff" for p in client.principals)
            raise Refused("forbidden" if known and client.principals else "unauthenticated")
        if fit.must_change:
            raise Refused("password_change_required")
        return fit

    def _device(self) -> tuple[Client, Principal] | None:
        """The device that speaks; None for everybody else, and for a key that was revoked meanwhile."""
        client = self._clients.get(self._sid())
        if client is None or client.device is None or not self._access.still(client.device):
            return None
        self._presence.lives(client.device, client.part)
        return client, client.device

    def _beat(self, facts: Any = None, *rest: Any) -> Any:
        speaking = self._device()
        if speaking is None:
            return self._anything_else("beat")
        client, device = speaking
        if isinstance(facts, dict) and self._presence.said(device, client.part, facts):
            self._changed(device.site or "")
        # The hall's clock may have been corrected since hello: by an old one every sheet and every call would have expired.
        return {"ok": True, "at": wire.instant(self._ledger.now(device.site or "")), "factor": self._ledger.clock.factor}

    def _done(self, said: Any = None, *rest: Any) -> Any:
        speaking = self._device()
        if speaking is None:
            return self._anything_else("done")
        client, device = speaking
        if not isinstance(said, dict) or not isinstance(said.get("id"), str) or not isinstance(said.get("ok"), bool):
            return _failure(Refused("invalid_body", fields=[invalid("id", "missing"), invalid("ok", "bool_type")]), client.lang)
        moment = self._publisher.find(device.site or "", said["id"])
        if moment is None or not client.wants(moment) or device.name in moment.answers:
            return {"ok": True}
        row = DoneRow(moment.id, moment.site, device.name, said["ok"], plain(str(said.get("detail") or "")), self._ledger.now(moment.site))
        try:
            self._ledger.write(lambda tx: tx.put_done(row))
            self._spread({moment.site})
            if moment.answered(row, device.role):
                self._heard(moment, device)
        except Exception as error:
            return _failure(error, client.lang)
        self._changed(moment.site)
        return {"ok": True}

    def _heard(self, moment: Moment, device: Principal) -> None:
        self._ledger.do(
            moment.site,
            lambda day, now: decide.heard(day, now, call=moment.seq),
            actor=device.id,
            render=lambda day, now: (200, {}),
            day=date.fromisoformat(moment.id[:10]),
        )

    def _anything_else(self, event: str = "", *rest: Any) -> None:
        log.warning("unexpected_event", event_name=str(event)[:40])
        disconnect()

    # -- outgoing ----------------------------------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Something was published."""
        self._wake.set()

    def stop(self) -> None:
        self._stopped = True
        self._wake.set()

    def _changed(self, site: str) -> None:
        self._publisher.mark(site)
        self._wake.set()

    def run(self) -> None:
        """The broadcaster; run once, as a background task."""
        due, more = 0.0, None
        while not self._stopped:
            rest = max(0.01, due - time.monotonic())
            self._wake.wait(timeout=rest if more is None else min(rest, more))
            news, everything = self._wake.is_set(), time.monotonic() >= due
            self._wake.clear()
            if everything:
                due = time.monotonic() + REPEAT_S
            try:
                if news or everything:
                    self._broadcast(everything)
                more = self.followers.tell_some()
            except Exception:
                log.exception("broadcast_failed")
            if news:
                # What comes meanwhile is told together. A repeat alone holds up nobody: the call just behind it would wait for it.
                self._sio.sleep(COALESCE_S)

    def _broadcast(self, everything: bool) -> None:
        dirty, fresh = self._publisher.take()
        for moment in fresh:
            self._send_to_devices(moment)
        if everything:
            self._resend()
        due = [room for room in list(self._rooms) if room.kind != "device" and (everything or room.site in dirty)]
        walls = sorted((room for room in due if room.kind in ("hall", "counter")), key=lambda room: KINDS.index(room.kind))
        # Walls first: a citizen looks for the number before the clerk looks up.
        for room in walls:
            self._send_state(room)
        for moment in fresh:
            if moment.event == "announcement":
                # Behind the board, which shows what is announced.
                self._sio.emit("announcement", moment.payload, to=Room("hall", moment.site, moment.place).name)
        self.followers.tell_named()
        for room in due:
            if room not in walls:
                self._send_state(room)
        if everything:
            # Last, since this asks the database: a wall is drawn from memory, also while that does not answer.
            with suppress(Unavailable, Broken):
                rows: dict[str, list[DeviceRow]] = {site: [] for site in self._sites.ids()}
                for row in self._store.devices():
                    rows.setdefault(row.site, []).append(row)
                for site, devices in rows.items():
                    self._presence.registered(site, devices)
                self.part()

    def part(self) -> None:
        """Let go of those whose right has ended: signed out, removed, revoked."""
        held = {sid: client.holder for sid, client in self._seated() if client.holder is not None}
        ended = self._access.ended(set(held.values()))
        for sid in [sid for sid, holder in held.items() if holder in ended]:
            self._sio.server.disconnect(sid)

    def _send_state(self, room: Room) -> None:
        if (state := self._drawn(room)) is not None:
            self._sio.emit({"counter": "board", "hall": "board"}.get(room.kind, room.kind), state, to=room.name)
            # Whoever presses a button meanwhile is served between two rooms.
            self._sio.sleep(0)

    def _drawn(self, room: Room) -> Any:
        """The state of a room; None when there is none, or none to be had."""
        try:
            return self._state(room)
        except Refused:
            return None
        except Exception:
            # One room that cannot be drawn must not leave the others in the dark.
            log.exception("state_failed", kind=room.kind)
            return None

    def _ticket_now(self, site: str, ticket: str, named: bool) -> wire.TicketOut | None:
        try:
            found = self._ledger.day_of_ticket(ticket)
            past = found is not None and found[1] < self._ledger.day_of_hall(site)
        except (Unavailable, Broken):
            return None
        if found is None or (past and not named):
            # Phones lie open for days, and on a past day nobody moves any more.
            return None
        drawn: wire.TicketOut | None = self._drawn(Room("ticket", site, ticket))
        return drawn

    def _send_ticket(self, site: str, ticket: str, state: wire.TicketOut) -> None:
        self._sio.emit("ticket", state, to=Room("ticket", site, ticket).name)

    def _in_order(self, site: str, tickets: list[str]) -> list[str]:
        """Those who are next first; tickets of other days behind."""
        known = self._ledger.day(site, self._ledger.day_of_hall(site)).tickets
        return sorted(tickets, key=lambda ticket: (ticket not in known, known[ticket].place if ticket in known else None))

    def _state(self, room: Room) -> Any:
        """The whole state a room follows. Refuses `not_found`."""
        ledger, site = self._ledger, room.site
        office = self._sites.current(site)
        match room.kind:
            case "hall" | "counter":
                place = room.id
                if room.kind == "counter":
                    place = office.counter[room.id].hall if room.id in office.counter else ""
                if place not in office.hall:
                    raise Refused("not_found")
                day = ledger.day(site, ledger.day_of_hall(site))
                with ledger.reading:
                    own = room.id if room.kind == "counter" else None
                    board = wire.board(hall.board(day, place, ledger.now(site), own, self._foresight.likely), ledger.clock.factor)
                    seat = day.counters.get(own) if own and day.site.show_clerk_names else None
                    clerk = self._names.shown(seat.clerk) if seat else None
                    return board if clerk is None else wire.CounterBoardOut(**board, clerk_name=clerk)
            case "console":
                if room.id not in office.counter:
                    raise Refused("not_found")
                day = ledger.day(site, ledger.day_of_counter(site, room.id))
                with ledger.reading:
                    return self.console(day, room.id)
            case "ticket":
                found = ledger.day_of_ticket(room.id)
                if found is None or found[0] != site:
                    raise Refused("not_found")
                day = ledger.history(site, found[1])
                with ledger.reading:
                    followed = day.tickets[room.id]
                    return wire.ticket(day, followed, likely=self._foresight.likely(day, followed, ledger.now(site)))
            case _:
                return self.floor(site)

    def console(self, day: Day, counter: str) -> wire.ConsoleOut:
        """The console of a counter, with who has heard its last call and which devices are missing. The caller holds `reading`."""
        site = day.site.id
        devices = self.devices(site, day.desks[counter].hall, counter)
        present = day.at_counter(counter)
        heard = self._publisher.heard(site, day, present.call_seq, devices["speakers"]) if present else None
        now, factor = self._ledger.now(site), self._ledger.clock.factor
        called = self._names.shown
        return wire.console(day, counter, now, heard=heard, devices=devices, factor=factor, row=self._row, called=called)

    def _row(self, day: Day, ticket: Ticket) -> wire.QueuedOut:
        """The row of a waiting ticket, made once for each revision: eight consoles show the same fifty people."""
        known = self._rows.get(day.site.id)
        if known is None or known[0] != (day.date, day.seq):
            known = self._rows[day.site.id] = ((day.date, day.seq), {})
        if ticket.id not in known[1]:
            known[1][ticket.id] = wire.queued(day, ticket)
        return known[1][ticket.id]

    def floor(self, site: str) -> wire.FloorOut:
        """Every counter, service and device, live."""
        day = self._ledger.day(site)
        self._presence.registered(site, rows := self._store.devices(site))
        devices = [self._device_row(row) for row in rows]
        alarms = [self._alarm(site, alarm) for alarm in self.alarms(site)]
        said = [self._said(day, moment) for moment in self._publisher.spoken(site)]
        with self._ledger.reading:
            return wire.floor(
                day,
                self._ledger.now(site),
                devices,
                self._ledger.clock.factor,
                alarms=alarms,
                said=said,
                likely=self._foresight.likely,
                accuracy=self._foresight.accuracy,
                called=self._names.shown,
            )

    def _said(self, day: Day, moment: Moment) -> wire.SaidOut:
        now = self._presence.now_s()
        live = _sounding([each for each in self._presence.devices(moment.site) if each.alive(now)])
        of = max(len(moment.heard), sum(1 for each in live if reaches(each.place, moment.place)))
        late = self._ledger.now(moment.site) >= moment.expires_at
        return {
            "id": moment.id,
            "hall": moment.place,
            "priority": moment.payload["kind"],
            "at": wire.instant((moment.expires_at - day.site.timing.notice_within).astimezone(day.site.tz)),
            "speakers": len(moment.heard),
            "of": of,
            "over": late or len(moment.heard) >= of,
        }

    def _device_row(self, row: DeviceRow) -> wire.DeviceRowOut:
        own = self._presence.life(row.site, row.name, self._presence.part(row))
        page = self._presence.life(row.site, row.name, PAGE) if row.kind == "kiosk" else None
        return {
            "name": row.name,
            "kind": row.kind,
            "place": row.place,
            "revoked": row.revoked,
            **self._program(row.site, own),
            "page": self._program(row.site, page) if page is not None else None,
        }

    def _program(self, site: str, life: Life | None) -> wire.ProgramOut:
        ago = self._presence.now_s() - life.seen_s if life is not None else None
        version = life.facts.get("version") if life is not None else None
        return {
            "connected": life is not None and life.sockets > 0,
            "seen_s_ago": round(ago, 1) if ago is not None else None,
            "seen_at": wire.instant(self._ago(site, ago)) if ago is not None else None,
            "version": version if isinstance(version, str) else None,
            "clock_offset_s": life.offset_s if life is not None else None,
            "facts": life.facts if life is not None else {},
        }

    def _ago(self, site: str, seconds: float) -> datetime:
        """The hall's instant so many real seconds ago."""
        return (self._ledger.now(site) - timedelta(seconds=seconds * self._ledger.clock.factor)).replace(microsecond=0)

    def alarms(self, site: str) -> list[Alarm]:
        """What of the equipment wants looking after now."""
        speaking = [each.place for each in _sounding(self._presence.devices(site))]
        now, factor = self._presence.now_s(), self._ledger.clock.factor
        unanswered = [
            Unanswered(moment.target, moment.payload["code"], now - (self._ledger.now(site) - first).total_seconds() / factor)
            for moment, first in self._publisher.unanswered(site)
            if any(reaches(place, moment.target) for place in speaking)
        ]
        clock = self._ledger.clock
        apart = clock.apart
        differs = (*apart, (self._ledger.now(site) + apart[0]).date()) if apart is not None else None
        return self._presence.alarms(site, unanswered, lost=clock.lost, apart=differs, trouble=self._ledger.trouble)

    def _alarm(self, site: str, alarm: Alarm) -> wire.AlarmOut:
        lasts = max(0.0, self._presence.now_s() - alarm.since_s)
        return {
            "kind": alarm.kind,
            "device": alarm.device,
            "name": alarm.name,
            "place": alarm.place,
            "words": alarm.words,
            "todo": alarm.todo,
            "since": wire.instant(self._ago(site, lasts)),
            "for_s": int(lasts),
            "urgent": alarm.urgent,
        }

    def kiosk(self, site: str, kiosk: str, ticket: str | None) -> wire.KioskNowOut:
        """What a kiosk's page has to know of its own machine: its printer, its call for help, what became of one ticket's paper."""
        agents = [each for each in self._presence.devices(site) if (each.kind, each.place, each.page) == ("kiosk", kiosk, False)]
        awake = [each for each in agents if each.alive(self._presence.now_s())]
        paper = next((each.facts.get("paper") for each in awake), None)
        return {
            "id": kiosk,
            "printer": {"connected": bool(awake), "paper": paper if isinstance(paper, str) else None},
            "help": any(asked.kiosk == kiosk for asked in self._ledger.day(site).help.values()),
            "print": {"ticket": ticket, "outcome": self._publisher.paper(site, self._ledger.day(site), ticket)} if ticket else None,
            # Told by whoever answers a device; sockets hold no secrets.
            "hall_code": None,
        }

    def devices(self, site: str, place: str, counter: str) -> wire.DevicesOut:
        """What of a hall's equipment is connected (of its loudspeakers those that call for this counter), and what wants looking after."""
        office, now = self._sites.current(site), self._presence.now_s()
        zone = office.room(place).zone_of(counter)
        kiosks = {k.id for k in office.kiosks if k.hall == place}
        live = [each for each in self._presence.devices(site) if each.alive(now)]
        return {
            "speakers": sum(1 for each in _sounding(live) if reaches(each.place, f"{place}/{zone}" if zone else place)),
            "displays": self.walls().get((site, place), 0) + self._presence.walls_elsewhere(site, place),
            "kiosks": sum(1 for each in live if each.kind == "kiosk" and each.place in kiosks and not each.page),
            "alerts": [
                self._alarm(site, alarm) for alarm in self.alarms(site) if hall_of(alarm.place) in ("", place) or alarm.place in kiosks
            ],
        }

    def walls(self) -> Counter[tuple[str, str]]:
        """How many screens of each hall are connected here. A kiosk's page follows the board of its hall, and is no screen on the wall."""
        halls = [(room, list(here.values())) for room, here in list(self._rooms.items()) if room.kind == "hall"]
        return Counter({(r.site, r.id): sum(1 for c in here if not any(p.role == "kiosk" for p in c.principals)) for r, here in halls})

    # -- moments to devices ------------------------------------------------------------------------------------------------------

    def _send_to_devices(self, moment: Moment) -> None:
        for sid, client in self._seated():
            if client.device is not None and client.wants(moment) and client.device.name not in moment.answers:
                if client.room is not None and client.room.kind == "hall":
                    # A hall page has it already, from its room.
                    client.sent[moment.id] = time.monotonic()
                else:
                    self._send(sid, client, moment)

    def _send(self, sid: str, client: Client, moment: Moment) -> None:
        client.sent[moment.id] = time.monotonic()
        moment.sent = True
        with self._ledger.reading:
            payload = moment.whole()
        self._sio.emit(moment.event, payload, to=sid)

    def _send_pending(self, sid: str, client: Client) -> None:
        """What a device that has just said hello has missed and is still worth doing."""
        if client.device is not None:
            # It may have answered another process, before it came here.
            with suppress(Unavailable, Broken):
                self._publisher.look_for_answers([client.device.site or ""])
            for moment in filter(client.wants, self._publisher.pending(client.device)):
                self._send(sid, client, moment)

    def _resend(self) -> None:
        """An unanswered moment is sent again until it expires."""
        now = time.monotonic()
        for sid, client in self._seated():
            if client.device is None:
                continue
            waiting = list(filter(client.wants, self._publisher.pending(client.device)))
            client.sent = {m.id: at for m in waiting if (at := client.sent.get(m.id)) is not None}
            for moment in waiting:
                if now - client.sent.get(moment.id, 0.0) >= RESEND_S:
                    self._send(sid, client, moment)


def _sounding(devices: list[Device]) -> list[Device]:
    """Those that speak: loudspeakers with a program of their own, and walls with sound."""
    return [each for each in devices if each.kind == "audio" or (each.kind == "display" and each.facts.get("sound") == "on")]


def _failure(error: Exception, lang: str) -> wire.ErrorOut:
    """Whatever went wrong, as an acknowledgement of the one shape."""
    match error:
        case Refused():
            return wire.error(error.code, explained(error.details, lang), lang)
        case UnknownSite():
            return wire.error("not_found", lang=lang)
        case Unavailable() | Broken() | Poison():
            return wire.error("storage_unavailable", lang=lang)
    log.error("unexpected", exc_info=error)
    return wire.error("internal", lang=lang)
