"""Decisions: functions of the day so far and the time. They return events, or raise `Refused`; they change nothing.

`now` is the hall clock; the ledger never lets it run back before the last event. `by` says who asks. Rights to a command as a whole
(roles) are the edge's business; what depends on the day (whose counter is it?) is decided here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from server.core import events as ev
from server.core.day import CounterNow, CounterState, Day, Ticket
from server.core.queue import Booking, in_order, queue_time, rejoined_time
from server.core.refused import Refused
from server.core.site import HoursState, Today, hours_now
from server.core.ticket import AT_COUNTER, ENDED, State, Verb, require

Events = list[ev.Event]


@dataclass(frozen=True, slots=True)
class By:
    """Who asks: the name of a clerk, or of a device. A supervisor may act on tickets at other clerks' counters and take counters over."""

    name: str
    staff: bool = True
    supervisor: bool = False


# -- taking a number -------------------------------------------------------------------------------------------------------------


def may_issue(day: Day, now: datetime, service: str) -> None:
    """Refuse when this service gives no numbers at `now`. The kiosk asks before it offers the button, `issue` before it gives one."""
    hours = day.hours(now)
    if service in day.stopped or service not in day.site.service:
        raise Refused("service_stopped", service=service)
    if day.closed:
        raise Refused("closed", state=HoursState.CLOSED.value, next_open=hours.next_open)
    if hours.issuing:
        last = day.last_ticket(service, now, hours)
        if last is not None and now >= last:
            raise Refused("after_last_ticket", service=service, last_ticket=last, next_open=hours.next_open)
        return
    if hours.state is HoursState.LAST_TICKET_PASSED:
        raise Refused("after_last_ticket", last_ticket=hours.last_ticket, next_open=hours.next_open)
    raise Refused("closed", state=hours.state.value, next_open=hours.next_open, first_ticket=hours.first_ticket, holiday=hours.holiday)


def issue(
    day: Day,
    now: datetime,
    *,
    ticket: str,
    service: str,
    priority: str | None = None,
    booking: Booking | None = None,
    lang: str = "vi",
    procedure: str | None = None,
    kiosk: str | None = None,
    contact: str | None = None,
    person: str | None = None,
    intent: str | None = None,
) -> Events:
    """Give a number. `ticket` is a fresh unguessable id, `person` a keyed hash of who asks, for this service; a touch (`intent`) that has
    its number already gets no other. Refuses `unknown_service`, `unknown_priority`, `unknown_procedure`, `service_stopped`, `closed`,
    `after_last_ticket`, and `already_has_number` as long as the wait of this person's last number has not ended."""
    site = day.site
    if intent is not None and intent in day.intents:
        return []
    if service not in day.services:
        raise Refused("unknown_service", service=service, known=list(site.service))
    if priority is not None and priority not in site.priority_group:
        raise Refused("unknown_priority", priority=priority, known=list(site.priority_group))
    if procedure is not None and procedure not in site.procedure:
        raise Refused("unknown_procedure", procedure=procedure)
    may_issue(day, now, service)
    last = day.by_person.get(person) if person is not None else None
    if last is not None and last.state not in ENDED:
        raise Refused("already_has_number", ticket=last.code, id=last.id, at=last.issued_at)
    return [
        given(
            day,
            now,
            ticket=ticket,
            service=service,
            priority=priority is not None,
            booking=booking,
            lang=lang,
            procedure=procedure,
            kiosk=kiosk,
            contact=contact,
            person=person,
            intent=intent,
        )
    ]


def given(
    day: Day,
    now: datetime,
    *,
    ticket: str,
    service: str,
    priority: bool,
    booking: Booking | None,
    lang: str,
    procedure: str | None,
    kiosk: str | None,
    contact: str | None,
    appointment: str | None = None,
    person: str | None = None,
    intent: str | None = None,
    number: int | None = None,
    entered: datetime | None = None,
    version: int | None = None,
) -> ev.TicketIssued:
    """The number itself, with its queue time, once it is decided that it is given. One that a kiosk has given on its own comes with its
    `number`, the moment it was taken (`entered`) and the `version` of the site document that it was counted by."""
    site, offered = day.site, day.services[service]
    entered = (entered or now).replace(microsecond=0)
    counted = queue_time(
        site.rules if version is None else day.rules[version],
        entered,
        priority=priority,
        booking=booking,
        counting=offered.counting,
        opening=day.hours(now).opens if booking else None,
    )
    return ev.TicketIssued(
        ticket=ticket,
        service=service,
        number=day.next_number(offered.letter) if number is None else number,
        issued_at=entered,
        queue_time=counted.at,
        term=counted.term,
        priority=priority,
        slot=booking.slot if booking else None,
        registered=booking.registered if booking else None,
        lang=lang if lang in site.languages else site.languages[0],
        procedure=procedure,
        kiosk=kiosk,
        contact=contact,
        appointment=appointment,
        person=person,
        intent=intent,
        provisional=version,
    )


def reprint(day: Day, now: datetime, *, ticket: str, kiosk: str) -> Events:
    """The same number on paper again, at this kiosk. Refuses `not_allowed_now` for a ticket whose wait has ended."""
    found = day.tickets[ticket]
    if found.state in ENDED - {State.NO_SHOW}:
        raise Refused("not_allowed_now", ticket=found.code, state=found.state.value, verb="reprint")
    return [ev.TicketReprinted(ticket, kiosk)]


def try_printer(day: Day, now: datetime, *, kiosk: str) -> Events:
    return [ev.PrinterTested(kiosk)]


ONE_CHECKUP = timedelta(seconds=30)
"""A second press while the sheets are still coming out is the same checkup."""


def begin_checkup(day: Day, now: datetime, *, quiet: bool = False) -> Events:
    """Have every printer print, every loudspeaker speak and every screen show something. Refuses `hall_in_use` while somebody is called
    or served, unless it is `quiet`: then only the screens are tried."""
    busy = [c.id for c in day.counters.values() if c.ticket]
    if busy and not quiet:
        raise Refused("hall_in_use", counters=busy)
    before = day.checkup
    if before is not None and before.quiet == quiet and now - before.at < ONE_CHECKUP:
        return []
    halls = tuple(h.id for h in day.site.halls)
    kiosks = () if quiet else tuple(k.id for k in day.site.kiosks)
    sheets, trials = [ev.PrinterTested(k) for k in kiosks], [ev.HallTested(h, quiet) for h in halls]
    return [ev.CheckupBegun(halls, kiosks, quiet), *sheets, *trials]


# -- calling ---------------------------------------------------------------------------------------------------------------------


def _seat(day: Day, counter: str, by: By) -> CounterNow:
    """The counter, open and leased to who asks."""
    seat = day.counters[counter]
    if seat.state is not CounterState.OPEN:
        raise Refused("counter_closed", counter=counter, state=seat.state.value)
    if seat.clerk != by.name:
        raise Refused("counter_taken", counter=counter, clerk=seat.clerk)
    return seat


def _call(day: Day, ticket: Ticket, counter: str, reason: str | None = None) -> ev.TicketCalled:
    # The two smallest hold the first and a runner-up, whoever is called.
    first = list(islice(in_order(day.lines_of(counter)), 2))
    other = next((t for t in first if t is not ticket), None)
    return ev.TicketCalled(
        ticket=ticket.id,
        counter=counter,
        queue_time=ticket.queue_time,
        term=ticket.term,
        joined_at=ticket.joined_at,
        site_version=ticket.site_version,
        in_order=bool(first) and first[0] is ticket,
        reason=reason,
        runner_up=other.code if other else None,
        runner_up_queue_time=other.queue_time if other else None,
    )


def call_next(day: Day, now: datetime, *, counter: str, by: By, finish: bool = False, outcome: State = State.DONE) -> Events:
    """Call whoever is first for this counter. With `finish` the ticket there is ended in the same step (`outcome` DONE or NO_SHOW);
    if then nobody waits, that is all that happens. Refuses `nobody_waiting`, `counter_busy`, `counter_closed`, `counter_taken`."""
    seat = _seat(day, counter, by)
    present = day.at_counter(seat.id)
    if present is not None and not finish:
        raise Refused("counter_busy", counter=counter, ticket=present.code)
    ended: Events = []
    if present is not None:
        ended = [_finish(day, present, now) if outcome is State.DONE else _no_show(day, present, now)]
    first = next(in_order(day.lines_of(counter)), None)
    if first is not None:
        return [*ended, _call(day, first, counter)]
    if not ended:
        raise Refused("nobody_waiting", counter=counter)
    return ended


# -- a ticket's verbs ------------------------------------------------------------------------------------------------------------


def _ticket(day: Day, ticket: str, verb: Verb, by: By) -> Ticket:
    """The ticket, allowed to do this now; a clerk may not reach into another clerk's counter."""
    found = day.tickets[ticket]
    require(found.state, verb, found.code, found.counter if found.state in AT_COUNTER else None)
    if found.counter and by.staff and not by.supervisor and (found.state in AT_COUNTER or verb is Verb.UNDO):
        seat = day.counters[found.counter]
        if seat.clerk not in (None, by.name):
            raise Refused("counter_taken", counter=seat.id, clerk=seat.clerk)
    return found


def call(day: Day, now: datetime, *, ticket: str, counter: str, reason: str, by: By) -> Events:
    """Call one ticket out of order. The reason stays in the story, and the call is marked."""
    found = _ticket(day, ticket, Verb.CALL, by)
    seat = _seat(day, counter, by)
    present = day.at_counter(seat.id)
    if present is not None:
        raise Refused("counter_busy", counter=counter, ticket=present.code)
    if not day.calls_from(counter, found):
        raise Refused("not_served_here", counter=counter, ticket=found.code, counters=day.counters_for(found))
    return [_call(day, found, counter, reason)]


def recall(day: Day, now: datetime, *, ticket: str, by: By) -> Events:
    found = _ticket(day, ticket, Verb.RECALL, by)
    return [ev.TicketRecalled(found.id, found.call_no + 1)]


def start(day: Day, now: datetime, *, ticket: str, by: By) -> Events:
    return [ev.TicketStarted(_ticket(day, ticket, Verb.START, by).id)]


def _finish(day: Day, found: Ticket, now: datetime) -> ev.TicketFinished:
    timing = day.site.timing
    assert found.last_called_at is not None
    if found.state is State.CALLED and now - found.last_called_at >= timing.assumed_start_least:
        return ev.TicketFinished(found.id, assumed_start=found.last_called_at + timing.assumed_start_after)
    return ev.TicketFinished(found.id)


def finish(day: Day, now: datetime, *, ticket: str, by: By) -> Events:
    return [_finish(day, _ticket(day, ticket, Verb.FINISH, by), now)]


def _no_show(day: Day, found: Ticket, now: datetime) -> ev.TicketMissed:
    rules = day.site.rules
    assert found.called_at is not None
    enough = found.call_no >= rules.calls_before_no_show and now - found.called_at >= rules.no_show_after
    return ev.TicketMissed(found.id, early=not enough)


def no_show(day: Day, now: datetime, *, ticket: str, by: By) -> Events:
    """Called and did not come. Before the site's number of calls and minutes the mark `early` stays in the story."""
    return [_no_show(day, _ticket(day, ticket, Verb.NO_SHOW, by), now)]


def rejoin(day: Day, now: datetime, *, ticket: str, by: By) -> Events:
    """Came back after a missed call. Refuses `rejoin_limit`, `rejoin_too_late`, and `closed` when the day has ended."""
    found = _ticket(day, ticket, Verb.REJOIN, by)
    rules = day.site.rules
    assert found.missed_at is not None
    _not_closed(day, now)
    if found.rejoins >= rules.rejoins:
        raise Refused("rejoin_limit", ticket=found.code, rejoins=found.rejoins)
    if now - found.missed_at > rules.rejoin_within:
        raise Refused("rejoin_too_late", ticket=found.code, minutes=int(rules.rejoin_within.total_seconds() // 60))
    entered = now.replace(microsecond=0)
    return [ev.TicketRejoined(found.id, rejoined_time(rules, found.queue_time, entered).at, entered)]


def hold(day: Day, now: datetime, *, ticket: str, by: By, reason: str | None = None) -> Events:
    return [ev.TicketHeld(_ticket(day, ticket, Verb.HOLD, by).id, reason)]


def release(day: Day, now: datetime, *, ticket: str, by: By) -> Events:
    return [ev.TicketReleased(_ticket(day, ticket, Verb.RELEASE, by).id)]


def transfer(day: Day, now: datetime, *, ticket: str, by: By, service: str | None = None, counter: str | None = None) -> Events:
    """Send on to another service, or to one counter by name. The queue time stays."""
    found = _ticket(day, ticket, Verb.TRANSFER, by)
    if counter is not None:
        if counter not in day.site.counter:
            raise Refused("unknown_counter", counter=counter, known=list(day.site.counter))
        return [ev.TicketTransferred(found.id, found.service, counter)]
    if service is None or service not in day.site.service:
        raise Refused("unknown_service", service=service, known=list(day.site.service))
    return [ev.TicketTransferred(found.id, service)]


def cancel(day: Day, now: datetime, *, ticket: str, by: By) -> Events:
    return [ev.TicketCancelled(_ticket(day, ticket, Verb.CANCEL, by).id)]


def undo(day: Day, now: datetime, *, ticket: str, by: By) -> Events:
    """Take back the last call, finish or no-show of this ticket. Refuses `undo_too_late`, and `counter_busy` or `counter_closed`
    when the chair it would return to is not free."""
    found = _ticket(day, ticket, Verb.UNDO, by)
    step = found.step
    if step is None or now - step.at > day.site.timing.undo_within:
        raise Refused("undo_too_late", ticket=found.code, state=found.state.value, verb=Verb.UNDO.value)
    if step.was in AT_COUNTER:
        seat = day.counters[step.counter]
        if seat.state is CounterState.CLOSED:
            raise Refused("counter_closed", counter=seat.id, state=seat.state.value)
        if (present := day.at_counter(seat.id)) is not None:
            raise Refused("counter_busy", counter=seat.id, ticket=present.code)
    return [ev.StepUndone(found.id, heard=step.verb is Verb.CALL and found.heard_call is not None, counter=step.counter)]


def heard(day: Day, now: datetime, *, call: int) -> Events:
    """A loudspeaker has played a call. Only the first one is worth a line in the story, and only while its turn lasts.

    A recall does not silence the news of the call before it: who undoes now must still correct what the hall has heard.
    """
    ticket = day.tickets.get(day.by_call.get(call, ""))
    if ticket is None or ticket.state not in AT_COUNTER:
        return []
    news = max(ticket.turn_seq or 0, (ticket.heard_call or 0) + 1)
    return [ev.CallHeard(call)] if call >= news else []


# -- counters --------------------------------------------------------------------------------------------------------------------


def _own(day: Day, counter: str, by: By) -> CounterNow:
    seat = day.counters[counter]
    if seat.state is not CounterState.CLOSED and seat.clerk != by.name and not by.supervisor:
        raise Refused("counter_taken", counter=counter, clerk=seat.clerk)
    return seat


def _not_closed(day: Day, now: datetime) -> None:
    if day.closed:
        raise Refused("closed", state=HoursState.CLOSED.value, next_open=day.hours(now).next_open)


def _empty(day: Day, seat: CounterNow) -> None:
    if (present := day.at_counter(seat.id)) is not None:
        raise Refused("counter_busy", counter=seat.id, ticket=present.code)


def open_counter(day: Day, now: datetime, *, counter: str, by: By) -> Events:
    """Lease a counter. Opening one's own open counter changes nothing; a supervisor takes another's over, with the ticket there."""
    _not_closed(day, now)
    seat = _own(day, counter, by)
    if seat.clerk == by.name:
        return []
    return [ev.CounterOpened(counter, by.name)]


def close_counter(day: Day, now: datetime, *, counter: str, by: By, reason: str | None = None) -> Events:
    seat = _own(day, counter, by)
    if seat.state is CounterState.CLOSED:
        return []
    _empty(day, seat)
    return [ev.CounterClosed(counter, reason)]


def pause_counter(day: Day, now: datetime, *, counter: str, by: By, reason: str | None = None) -> Events:
    seat = _own(day, counter, by)
    if seat.state is CounterState.CLOSED:
        raise Refused("counter_closed", counter=counter, state=seat.state.value)
    if seat.state is CounterState.PAUSED:
        return []
    _empty(day, seat)
    return [ev.CounterPaused(counter, reason)]


def resume_counter(day: Day, now: datetime, *, counter: str, by: By, reason: str | None = None) -> Events:
    seat = _own(day, counter, by)
    if seat.state is CounterState.CLOSED:
        raise Refused("counter_closed", counter=counter, state=seat.state.value)
    return [] if seat.state is CounterState.OPEN else [ev.CounterResumed(counter)]


# -- the office ------------------------------------------------------------------------------------------------------------------


def stop_service(day: Day, now: datetime, *, service: str) -> Events:
    return [] if service in day.stopped else [ev.ServiceStopped(service)]


def start_service(day: Day, now: datetime, *, service: str) -> Events:
    return [ev.ServiceStarted(service)] if service in day.stopped else []


def set_notice(day: Day, now: datetime, *, hall: str, text: str | None, until: datetime | None = None) -> Events:
    return [ev.NoticeSet(hall, text, until)]


SHOWN_FOR = timedelta(minutes=30)
"""An emergency stands on the walls as well: who cannot hear reads it."""


def speak(day: Day, now: datetime, *, hall: str, text: str, priority: str, lang: str, times: int) -> Events:
    """Let the loudspeakers of a hall say a text of the staff's own."""
    said = ev.NoticeSpoken(hall, text, priority, lang, times)
    return [said, ev.NoticeSet(hall, text, now + SHOWN_FOR)] if priority == "emergency" else [said]


def assign_counter(day: Day, now: datetime, *, counter: str, services: tuple[str, ...]) -> Events:
    """Let a counter serve other services for the rest of this day, in the site's order. Refuses `unknown_service`."""
    site = day.site
    unknown = [s for s in services if s not in site.service]
    if unknown or not services:
        raise Refused("unknown_service", service=", ".join(unknown), known=list(site.service))
    wanted = tuple(s for s in site.service if s in services)
    return [] if day.desks[counter].services == wanted else [ev.CounterAssigned(counter, wanted)]


def change_hours(day: Day, now: datetime, *, last_ticket: datetime | None, closes: datetime | None) -> Events:
    """Close early or stay on today. Refuses `wrong_hours` when the day has no hours, an instant lies on another day, or numbers would
    be given after closing."""
    plain = hours_now(day.site, now)
    shut = closes or plain.closes
    on_day = all(at is None or day.site.business_day(at) == day.date for at in (last_ticket, closes))
    if plain.opens is None or shut is None or not on_day or shut < plain.opens or (last_ticket is not None and last_ticket > shut):
        raise Refused("wrong_hours", opens=plain.opens, closes=shut)
    event = ev.HoursChanged(last_ticket, closes)
    return [] if day.today == Today(last_ticket, closes) else [event]


def ask_for_help(day: Day, now: datetime, *, kiosk: str) -> Events:
    """Somebody at a kiosk needs a person. One open request for each kiosk: touching again does not ring twice."""
    return [] if any(asked.kiosk == kiosk for asked in day.help.values()) else [ev.HelpAsked(kiosk)]


def answer_help(day: Day, now: datetime, *, asked: int) -> Events:
    return [ev.HelpAnswered(asked)] if asked in day.help else []


def close_day(day: Day, now: datetime, *, idle: timedelta | None = None) -> Events:
    """End the day; who still waits lapses. Never while somebody is called or served (`day_in_use`): unless nothing at all has happened in
    the office for `idle`. Then the clerk went home without pressing, and what stands at the counters is finished."""
    if day.closed:
        return []
    busy = [c for c in day.counters.values() if c.ticket]
    forgotten = idle is not None and day.at is not None and now - day.at >= idle
    if busy and not forgotten:
        raise Refused("day_in_use", counters=[c.id for c in busy])
    return [*(ev.TicketFinished(c.ticket) for c in busy if c.ticket), ev.DayClosed()]
