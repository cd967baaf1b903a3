"""The HTTP commands and queries, each declared once with who may ask, what it takes and what it answers.

Commands change a day only through the ledger; queries answer from what is published. Paths, names and codes are the contract's.
"""

from __future__ import annotations

import csv
import io
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from werkzeug.utils import send_file
from werkzeug.wrappers import Response

from audio.phrases import EMERGENCY_TIMES
from server import persons, wire
from server.access import DEVICE_COOKIE, DEVICE_KINDS, ROLES, SESSION_LASTS, STAFF_COOKIE, Access, Principal, hash_key
from server.core import decide, hall, lease, report
from server.core import events as ev
from server.core.day import Day, Ticket, fold
from server.core.refused import Refused
from server.core.ticket import State, Verb
from server.ledger import Command, Ledger, Render
from server.names import Names
from server.publish import Publisher
from server.routes import Call, Reply, Routes, answered, day_of, invalid, presented, respond
from server.sites import Sites
from server.store import ContactRow, StaffRow, Writing
from server.voice import Voice

NEXT_REFUSES = ("nobody_waiting", "counter_busy", "counter_closed", "counter_taken")
CONTACT_KEPT = timedelta(days=1)


@dataclass
class Context:
    """What the handlers need; made by `server.app`."""

    ledger: Ledger
    sites: Sites
    access: Access
    names: Names
    publisher: Publisher
    voice: Voice
    console: Callable[[Day, str], wire.ConsoleOut]
    floor: Callable[[str], wire.FloorOut]
    kiosk: Callable[[str, str, str | None], wire.KioskNowOut]
    likely: hall.Likely
    cycle: Callable[[str, str], float]
    """Of a site and a service: minutes of a counter for one call, as measured."""
    offload: Callable[..., Any]
    """Runs a function on another thread and waits: for whatever takes longer than a clerk's click may."""
    let_go: Callable[[], None]
    """Ends the connections of those whose right has just ended."""
    secure_cookies: bool = False
    can_mail: bool = False
    """Whether mail finds a way out: without one, none is promised."""

    @property
    def factor(self) -> float:
        return self.ledger.clock.factor

    def ticket(self, day: Day, ticket: str, now: datetime, lang: str | None = None) -> wire.TicketOut:
        """A ticket of this day as it is sent, with its likely wait."""
        found = day.tickets[ticket]
        return wire.ticket(day, found, lang, self.likely(day, found, now))


IDS_DRAWN = 128
"""To ask the system for chance costs the same for one id and for so many: meanwhile other threads go first."""
_DRAWN: list[str] = []


def new_ticket_id() -> str:
    """64 unguessable bits behind the second: whoever holds the id holds the ticket. Ids of one day lie side by side in the store, so that
    tickets that share a flush share its pages; wholly random ones cost a page each, in time and in the life of a flash disk."""
    try:
        chance = _DRAWN.pop()
    except IndexError:
        drawn = secrets.token_hex(IDS_DRAWN * 8)
        chance, *more = (drawn[start : start + 16] for start in range(0, len(drawn), 16))
        _DRAWN.extend(more)
    return f"{int(time.time()):08x}{chance}"


def _by(call: Call) -> decide.By:
    who = call.who
    if who is None:
        return decide.By("holder", staff=False)
    return decide.By(who.name, staff=who.kind == "staff" and who.role != "helper", supervisor=who.supervisor)


def build(ctx: Context) -> Routes:
    """Declare every operation."""
    routes = Routes()
    _sessions(routes, ctx)
    _sites(routes, ctx)
    _tickets(routes, ctx)
    _counters(routes, ctx)
    _days(routes, ctx)
    return routes


# -- helpers ---------------------------------------------------------------------------------------------------------------------


def run(ctx: Context, call: Call, command: Command, render: Render, *, day: date | None = None, also: Any = None) -> Reply:
    actor = call.who.id if call.who else "holder"
    try:
        return answered(ctx.ledger.do(call.path["site"], command, actor=actor, render=render, once=call.once, day=day, also=also))
    except Refused as refused:
        if name := ctx.names.shown(refused.details.get("clerk")):
            raise Refused(refused.code, **refused.details, clerk_name=name) from refused
        raise


def find_ticket(ctx: Context, call: Call) -> tuple[date, str]:
    """The day and id of the ticket in the path; another office's ticket is an unknown one."""
    found = ctx.ledger.day_of_ticket(call.path["ticket"])
    if found is None or found[0] != call.path["site"]:
        raise Refused("not_found")
    return found[1], call.path["ticket"]


def _look(ctx: Context, call: Call) -> tuple[Day, Ticket]:
    day, ticket = find_ticket(ctx, call)
    published = ctx.ledger.day(call.path["site"], day) if day >= ctx.ledger.today(call.path["site"]) else _past(ctx, call.path["site"], day)
    if ticket not in published.tickets:
        raise Refused("not_found")
    return published, published.tickets[ticket]


def _past(ctx: Context, site: str, day: date) -> Day:
    return ctx.ledger.history(site, day)


def paper_at(ctx: Context, call: Call, chosen: str | None) -> str | None:
    """The kiosk where paper comes out: a kiosk's own, or the one staff have chosen. Refuses `unknown_place`."""
    if call.principal.role == "kiosk":
        return call.principal.place
    if chosen is not None and chosen not in ctx.sites.current(call.path["site"]).kiosk:
        raise Refused("unknown_place")
    return chosen


def known_counter(ctx: Context, call: Call) -> date:
    site, counter = call.path["site"], call.path["counter"]
    day = ctx.ledger.day_of_counter(site, counter)
    if counter not in ctx.ledger.day(site, day).counters:
        raise Refused("not_found")
    return day


def _known_hall(ctx: Context, call: Call) -> str:
    if call.path["hall"] not in ctx.sites.current(call.path["site"]).hall:
        raise Refused("not_found")
    return call.path["hall"]


# -- sessions --------------------------------------------------------------------------------------------------------------------


def _sessions(routes: Routes, ctx: Context) -> None:
    @routes.add(
        "POST",
        "/sessions",
        summary="Sign in; a clerk who does so at a page (X-Moiso) is signed out at the page before",
        body=wire.SessionIn,
        answers={201: wire.SessionOut},
        refuses=("wrong_password", "too_many_requests"),
    )
    def sign_in(call: Call) -> Reply:
        body: wire.SessionIn = call.body
        token, staff, ends = ctx.access.sign_in(body.user, body.password, call.address, page="HTTP_X_MOISO" in call.environ)
        out: wire.SessionOut = {
            "token": token,
            "expires_at": wire.instant(datetime.fromtimestamp(int(ends), ctx.sites.zone(staff.site))),
            **who_is(ctx, staff),
        }
        response = respond((201, out))
        response.set_cookie(STAFF_COOKIE, token, max_age=int(SESSION_LASTS.total_seconds()), **_cookie(ctx, call))
        return response

    @routes.add("GET", "/session", summary="Who am I", roles=ROLES, answers={200: wire.WhoOut}, any_password=True)
    def who(call: Call) -> Reply:
        return 200, who_is(ctx, call.principal)

    @routes.add("DELETE", "/session", summary="Sign out", roles=ROLES, answers={204: None}, any_password=True)
    def sign_out(call: Call) -> Reply:
        ctx.access.sign_out(call.principal)
        response = Response(status=204)
        response.delete_cookie(STAFF_COOKIE)
        return response

    @routes.add(
        "POST",
        "/device-sessions",
        summary="Exchange a device's key for a cookie",
        roles=DEVICE_KINDS,
        answers={201: wire.DeviceOut},
    )
    def pair(call: Call) -> Reply:
        keys, _ = presented(call.raw)
        key = next(k for k in keys if hash_key(k) == call.principal.key_hash)
        response = respond((201, _device(call.principal)))
        # A kiosk stands for years; its cookie must not run out on a Monday morning.
        response.set_cookie(DEVICE_COOKIE, key, max_age=int(timedelta(days=400).total_seconds()), **_cookie(ctx, call))
        return response

    @routes.add("GET", "/device-sessions", summary="Which device this is", roles=DEVICE_KINDS, answers={200: wire.DeviceOut})
    def paired(call: Call) -> Reply:
        return 200, _device(call.principal)


def who_is(ctx: Context, who: Principal | StaffRow) -> wire.WhoOut:
    """A member of staff to themselves."""
    out: wire.WhoOut = {
        "user": who.name,
        "role": who.role,
        "site": who.site,
        "sites": [who.site] if who.site else ctx.sites.ids(),
        "must_change": who.must_change,
    }
    if name := ctx.names.shown(who.name):
        out["display_name"] = name
    return out


def _device(p: Principal) -> wire.DeviceOut:
    return {"name": p.name, "kind": p.role, "place": p.place, "site": p.site or ""}


def _cookie(ctx: Context, call: Call) -> dict[str, Any]:
    return {"httponly": True, "samesite": "Strict", "secure": ctx.secure_cookies or call.raw.is_secure, "path": "/"}


# -- the office ------------------------------------------------------------------------------------------------------------------


def _sites(routes: Routes, ctx: Context) -> None:
    @routes.add("GET", "/sites/{site}", summary="The office: services, counters, hours, rules", answers={200: wire.SiteOut})
    def site(call: Call) -> Reply:
        name = call.path["site"]
        day, now = ctx.ledger.day(name), ctx.ledger.now(name)
        with ctx.ledger.reading:
            return 200, wire.site(day, now, ctx.factor)

    @routes.add("GET", "/sites/{site}/halls/{hall}/board", summary="Everything a hall shows", answers={200: wire.BoardOut})
    def board(call: Call) -> Reply:
        name, place = call.path["site"], _known_hall(ctx, call)
        day = ctx.ledger.day(name, ctx.ledger.day_of_hall(name))
        with ctx.ledger.reading:
            return 200, wire.board(hall.board(day, place, ctx.ledger.now(name), likely=ctx.likely), ctx.factor)

    @routes.add(
        "PUT",
        "/sites/{site}/halls/{hall}/notice",
        summary="Set the notice line",
        roles=("supervisor",),
        body=wire.NoticeIn,
        answers={200: wire.NoticeOut},
    )
    def notice(call: Call) -> Reply:
        place, body = _known_hall(ctx, call), call.body
        text = body.text or None
        until = body.until.astimezone(ctx.sites.current(call.path["site"]).tz) if body.until else None

        def command(day: Day, now: datetime) -> list[ev.Event]:
            return decide.set_notice(day, now, hall=place, text=text, until=until)

        def render(day: Day, now: datetime) -> tuple[int, Any]:
            return 200, {"hall": place, "text": hall.notice(day, place, now), "until": wire.instant(until) if until else None}

        return run(ctx, call, command, render)

    @routes.add(
        "POST",
        "/sites/{site}/halls/{hall}/announcements",
        summary="Say something to everybody in a hall; an emergency cuts whatever is being said",
        roles=("supervisor",),
        body=wire.SpeakIn,
        answers={201: wire.SpokenOut},
        once=True,
    )
    def speak(call: Call) -> Reply:
        place, body = _known_hall(ctx, call), call.body
        priority = body.priority or "notice"
        times = body.times or (EMERGENCY_TIMES if priority == "emergency" else 1)
        told = {"hall": place, "text": body.text, "priority": priority, "lang": body.lang or "vi", "times": times}

        def render(day: Day, now: datetime) -> tuple[int, Any]:
            # An emergency is followed by its line on the walls.
            seq = day.seq - (priority == "emergency")
            ends = wire.instant(now + day.site.timing.notice_within)
            return 201, {"id": wire.moment_id(day.date, seq), **told, "expires_at": ends}

        return run(ctx, call, lambda day, now: decide.speak(day, now, **told), render)

    @routes.add(
        "GET",
        "/sites/{site}/sound-check",
        summary="The sentence by which a hall's loudspeaker is set up",
        answers={200: wire.SoundCheckOut},
    )
    def sound_check(call: Call) -> Reply:
        said, path = ctx.voice.sound_check(call.path["site"])
        return 200, {"say": {"vi": said}, "audio": {"vi": path}}

    @routes.add(
        "GET",
        "/sites/{site}/voice/{name}",
        summary="The sound of an announcement (WAV)",
        answers={200: "audio/wav"},
        refuses=("voice_unavailable",),
    )
    def voice(call: Call) -> Reply:
        name = call.path["name"].removesuffix(".wav")
        # What is called at this moment may have been called by another process.
        ctx.ledger.day(call.path["site"])
        try:
            sound = ctx.voice.file(name)
        except Exception as error:
            raise Refused("voice_unavailable") from error
        if sound is None:
            raise Refused("not_found")
        response = send_file(sound, call.raw.environ, mimetype="audio/wav", conditional=True)
        response.headers["Cache-Control"] = "private, max-age=86400, immutable"
        return response


# -- tickets ---------------------------------------------------------------------------------------------------------------------


def _tickets(routes: Routes, ctx: Context) -> None:
    @routes.add(
        "POST",
        "/sites/{site}/tickets",
        summary="Take a number",
        roles=("kiosk", "helper", "supervisor"),
        body=wire.IssueIn,
        answers={201: wire.TicketOut},
        refuses=(
            "closed",
            "after_last_ticket",
            "service_stopped",
            "unknown_service",
            "unknown_priority",
            "unknown_procedure",
            "already_has_number",
            "unknown_place",
        ),
        once=True,
    )
    def issue(call: Call) -> Reply:
        body: wire.IssueIn = call.body
        site = call.path["site"]
        ticket = new_ticket_id()
        reach = body.contact.model_dump(exclude_none=True) if body.contact else {}
        contact = f"c{ticket}" if reach else None
        today = ctx.ledger.today(site)
        kiosk = paper_at(ctx, call, body.kiosk)
        person = persons.card(ctx.ledger, site, today, body.service, body.card) if body.card else None
        # The kiosk may have given its own number for the same touch meanwhile, under another key of the ledger.
        intent = lease.intent_of(kiosk, call.once.key) if kiosk and call.principal.role == "kiosk" and call.once else None

        def command(day: Day, now: datetime) -> list[ev.Event]:
            return decide.issue(
                day,
                now,
                ticket=ticket,
                service=body.service,
                priority=body.priority,
                lang=body.lang or "vi",
                procedure=body.procedure,
                kiosk=kiosk,
                contact=contact,
                person=person,
                intent=intent,
            )

        def keep(tx: Writing, entries: list[ev.Entry]) -> None:
            if contact:
                tx.put_contact(ContactRow(contact, site, today, "ticket", wire.dumps(reach), today + CONTACT_KEPT))

        def render(day: Day, now: datetime) -> tuple[int, Any]:
            return 201, ctx.ticket(day, day.intents[intent] if intent else ticket, now)

        # Of a person no plain digest may be kept.
        asked = call if person is None else call._replace(once=call.once and call.once.also(person))
        return run(ctx, asked, command, render, day=today, also=keep if contact else None)

    @routes.add("GET", "/sites/{site}/tickets/{ticket}", summary="A ticket, for whoever holds its id", answers={200: wire.TicketOut})
    def look(call: Call) -> Reply:
        day, ticket = _look(ctx, call)
        with ctx.ledger.reading:
            lang = call.lang if "Accept-Language" in call.raw.headers else None
            return 200, ctx.ticket(day, ticket.id, ctx.ledger.now(day.site.id), lang)

    @routes.add(
        "GET",
        "/sites/{site}/tickets/{ticket}/why",
        summary="Why a ticket stands where it stands",
        answers={200: wire.WhyOut},
        query={"code": "why that one goes before mine"},
    )
    def why(call: Call) -> Reply:
        day, ticket = _look(ctx, call)
        code = call.query.get("code")
        with ctx.ledger.reading:
            other = ticket if code is None else day.by_code.get(code.strip().upper())
            if other is None:
                raise Refused("not_found")
            if other is ticket:
                return 200, wire.why(day, ticket, call.lang)
            return 200, wire.why_other(day, ticket, other, call.lang)

    clerk = ("clerk",)
    _verb(routes, ctx, Verb.RECALL, "Call again", clerk, wire.EmptyIn, decide.recall)
    _verb(routes, ctx, Verb.START, "The citizen has sat down", clerk, wire.EmptyIn, decide.start)
    _verb(routes, ctx, Verb.FINISH, "Finished", clerk, wire.EmptyIn, decide.finish)
    _verb(routes, ctx, Verb.NO_SHOW, "Called and did not come", clerk, wire.EmptyIn, decide.no_show)
    _verb(
        routes,
        ctx,
        Verb.REJOIN,
        "Came back after a missed call",
        ("clerk", "kiosk", "helper"),
        wire.EmptyIn,
        decide.rejoin,
        ("rejoin_limit", "rejoin_too_late", "closed"),
    )
    _verb(routes, ctx, Verb.HOLD, "Set aside", clerk, wire.ReasonIn, decide.hold)
    _verb(routes, ctx, Verb.RELEASE, "Back from hold, same place", clerk, wire.EmptyIn, decide.release)
    _verb(
        routes,
        ctx,
        Verb.TRANSFER,
        "Send on to another service or counter",
        clerk,
        wire.TransferIn,
        decide.transfer,
        ("unknown_service", "unknown_counter"),
    )
    _verb(routes, ctx, Verb.CANCEL, "Give the number back", ("clerk", "kiosk", "helper"), wire.EmptyIn, decide.cancel, holder=True)
    _verb(
        routes,
        ctx,
        Verb.UNDO,
        "Take back the last call, finish or no-show",
        clerk,
        wire.EmptyIn,
        decide.undo,
        ("undo_too_late", "counter_busy", "counter_closed"),
    )
    _verb(
        routes,
        ctx,
        Verb.CALL,
        "Call out of order, with a reason",
        clerk,
        wire.CallIn,
        decide.call,
        ("counter_busy", "counter_closed", "not_served_here"),
    )


def _verb(
    routes: Routes,
    ctx: Context,
    verb: Verb,
    summary: str,
    roles: tuple[str, ...],
    body: type[Any],
    decision: Callable[..., list[ev.Event]],
    refuses: tuple[str, ...] = (),
    *,
    holder: bool = False,
) -> None:
    @routes.add(
        "POST",
        f"/sites/{{site}}/tickets/{{ticket}}/{verb.value}",
        summary=summary,
        roles=roles,
        body=body,
        answers={200: wire.CalledOut if verb is Verb.CALL else wire.TicketOut},
        refuses=("not_allowed_now", "counter_taken", *refuses),
        once=True,
        holder=holder,
    )
    def act(call: Call) -> Reply:
        day, ticket = find_ticket(ctx, call)
        given = call.body.model_dump(exclude_none=True)
        if verb is Verb.TRANSFER and len(given) != 1:
            raise Refused("invalid_body", fields=[invalid("service, counter", "one_of_two")])
        if verb is Verb.CALL and given["counter"] not in ctx.ledger.day(call.path["site"], day).counters:
            raise Refused("unknown_counter", counter=given["counter"])
        by = _by(call)

        def render(day: Day, now: datetime) -> tuple[int, Any]:
            t = day.tickets[ticket]
            return 200, wire.called(day, t) if verb is Verb.CALL else ctx.ticket(day, ticket, now)

        return run(ctx, call, lambda day, now: decision(day, now, ticket=ticket, by=by, **given), render, day=day)


# -- counters --------------------------------------------------------------------------------------------------------------------


def _counters(routes: Routes, ctx: Context) -> None:
    moves: dict[str, tuple[str, Callable[..., list[ev.Event]], tuple[str, ...]]] = {
        "open": ("Lease a counter", decide.open_counter, ("counter_taken", "closed")),
        "close": ("Give a counter back", decide.close_counter, ("counter_taken", "counter_busy")),
        "pause": ("Pause", decide.pause_counter, ("counter_taken", "counter_busy", "counter_closed")),
        "resume": ("Back from a pause", decide.resume_counter, ("counter_taken", "counter_closed")),
    }
    for name, (summary, decision, refuses) in moves.items():
        _counter(routes, ctx, name, summary, decision, refuses)

    @routes.add(
        "POST",
        "/sites/{site}/counters/{counter}/next",
        summary="Call whoever is first; with finish, end the present ticket in the same step",
        roles=("clerk",),
        body=wire.NextIn,
        answers={200: wire.CalledOut | wire.NextOut},
        refuses=NEXT_REFUSES,
        once=True,
    )
    def call_next(call: Call) -> Reply:
        counter, body, by = call.path["counter"], call.body, _by(call)
        day = known_counter(ctx, call)
        outcome = State.NO_SHOW if body.outcome == "no_show" else State.DONE
        ended: list[str] = []

        def command(day: Day, now: datetime) -> list[ev.Event]:
            present = day.at_counter(counter)
            decided = decide.call_next(day, now, counter=counter, by=by, finish=bool(body.finish), outcome=outcome)
            ended[:] = [present.id] if present else []
            return decided

        def render(day: Day, now: datetime) -> tuple[int, Any]:
            finished = day.tickets[ended[0]] if ended else None
            present = day.at_counter(counter)
            if present is None:
                assert finished is not None
                return 200, {"finished": wire.ticket(day, finished), "ticket": None}
            return 200, wire.called(day, present, finished)

        return run(ctx, call, command, render, day=day)

    @routes.add(
        "GET",
        "/sites/{site}/counters/{counter}/console",
        summary="Whom I serve, and who waits for me in order, with reasons",
        roles=("clerk",),
        answers={200: wire.ConsoleOut},
    )
    def console(call: Call) -> Reply:
        day = ctx.ledger.day(call.path["site"], known_counter(ctx, call))
        with ctx.ledger.reading:
            return 200, ctx.console(day, call.path["counter"])


def _counter(
    routes: Routes, ctx: Context, name: str, summary: str, decision: Callable[..., list[ev.Event]], refuses: tuple[str, ...]
) -> None:
    @routes.add(
        "POST",
        f"/sites/{{site}}/counters/{{counter}}/{name}",
        summary=summary,
        roles=("clerk",),
        body=wire.ReasonIn,
        answers={200: wire.StaffedCounterOut},
        refuses=refuses,
        once=True,
    )
    def move(call: Call) -> Reply:
        counter, by = call.path["counter"], _by(call)
        day = known_counter(ctx, call)
        given = {"reason": call.body.reason} if name != "open" else {}
        return run(
            ctx,
            call,
            lambda day, now: decision(day, now, counter=counter, by=by, **given),
            lambda day, now: (200, wire.staffed_counter(day, counter, ctx.names.shown)),
            day=day,
        )


# -- days ------------------------------------------------------------------------------------------------------------------------


def _days(routes: Routes, ctx: Context) -> None:
    @routes.add(
        "GET",
        "/sites/{site}/days/{date}/report",
        summary="The day in numbers",
        roles=("supervisor", "inspector"),
        answers={200: (wire.ReportOut, "text/csv")},
        query={"format": "json (default) or csv"},
        refuses=("invalid_body",),
    )
    def day_report(call: Call) -> Reply:
        site, when = call.path["site"], day_of(call.path["date"])
        form = call.query.get("format", "json")
        if form not in ("json", "csv"):
            raise Refused("invalid_body", fields=[invalid("format", "literal_error")])
        numbers = ctx.offload(_numbers, ctx, site, when)
        if form == "csv":
            return Response(
                report_csv(numbers),
                mimetype="text/csv",
                headers={"Content-Disposition": f'attachment; filename="moiso-{site}-{when}.csv"', "Cache-Control": "no-store"},
            )
        return 200, wire.report(numbers)

    @routes.add(
        "GET",
        "/sites/{site}/days/{date}/events",
        summary="The story itself",
        roles=("inspector", "admin"),
        answers={200: wire.StoryOut},
        query={"after": "only events with a greater number"},
        refuses=("invalid_body",),
    )
    def events(call: Call) -> Reply:
        site, when = call.path["site"], day_of(call.path["date"])
        after = call.query.get("after", "0")
        if not (after.isascii() and after.isdigit() and len(after) < 16):
            raise Refused("invalid_body", fields=[invalid("after", "not_a_number")])
        return 200, ctx.offload(_story, ctx, site, when, int(after))


def _numbers(ctx: Context, site: str, when: date) -> report.Report:
    """The day counted anew from its story: the published one may grow while we count."""
    story = ctx.ledger.story(site, when)
    if not story and when != ctx.ledger.today(site):
        raise Refused("not_found")
    return report.report(fold(ctx.sites.current(site), when, story, lambda version: ctx.sites.version(site, version)), story)


def _story(ctx: Context, site: str, when: date, after: int) -> str:
    out: wire.StoryOut = {
        "site": site,
        "day": when.isoformat(),
        "events": [wire.entry(line) for line in ctx.ledger.story(site, when, after)],
    }
    return wire.dumps(out)


def report_csv(numbers: report.Report) -> str:
    """The day in numbers as one sheet; a byte order mark, because spreadsheets here guess the encoding by it."""
    sheet = io.StringIO()
    sheet.write("\ufeff")
    csv.writer(sheet).writerows(report.rows(numbers))
    return sheet.getvalue()
