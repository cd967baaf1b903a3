"""The booking pages in values: what each page shows, and where its links lead. Pure; the neighbours serve them.

What has been chosen travels in the address, so that every page can be reloaded, sent to somebody and gone back from; what a person types
about himself travels in forms only.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from kiosk import qr
from server import wire
from server.core import booking, search, words
from server.core.appointment import Appointment
from server.core.day import Day
from server.core.refused import Refused
from server.core.site import BookingRules, Counting, Procedure, Service, Site
from server.pages.booking.texts import texts

COMMON = 6
FOUND_MOST = 12
DAYS_A_PAGE = 15
LONG_DAY = 32
"""More slots than these stand in two columns."""
NOON, EVENING = timedelta(hours=12), timedelta(hours=18)
DONE = ("booked", "moved")
MINUTE = "%Y-%m-%dT%H:%M"


@dataclass(frozen=True)
class Way:
    """Where somebody stands: in which office, language and frame, and for what."""

    site: Site
    lang: str = "vi"
    embed: bool = False
    service: Service | None = None
    procedure: Procedure | None = None

    @property
    def t(self) -> dict[str, str]:
        return texts(self.lang)

    @property
    def kept(self) -> dict[str, str]:
        """What every address keeps."""
        return ({"lang": "en"} if self.lang == "en" else {}) | ({"embed": "1"} if self.embed else {})

    def to(self, path: str, **more: str | None) -> str:
        query = urlencode({k: v for k, v in {**more, **self.kept}.items() if v})
        return f"{path}?{query}" if query else path

    def step(self, step: str = "", **more: str | None) -> str:
        """A step for what has been chosen."""
        chosen = {"procedure": self.procedure.id} if self.procedure else {"service": self.service.id} if self.service else {}
        return self.to(f"/book/{quote(self.site.id)}{'/' if step else ''}{step}", **chosen, **more)

    @property
    def start(self) -> str:
        return self.to(f"/book/{quote(self.site.id)}")

    def service_name(self, service: Service) -> str:
        return service.name_en if self.lang == "en" and service.name_en else wire.plain(service.name)

    @property
    def what(self) -> str:
        """What it is for."""
        return self.procedure.name if self.procedure else self.service_name(self.service) if self.service else ""

    def common(self, other_lang_at: str) -> dict[str, Any]:
        """What every template needs. `other_lang_at`: this page without its language."""
        site = self.site
        other = {"lang": "en"} if self.lang != "en" else {}
        joint = "&" if "?" in other_lang_at else "?"
        return {
            "t": self.t,
            "lang": self.lang,
            "embed": self.embed,
            "office": site.name,
            "address": site.address,
            "hotline": site.hotline,
            "start": self.start,
            "other_lang": None if "en" not in site.languages else f"{other_lang_at}{joint if other else ''}{urlencode(other)}",
        }


def bookable(site: Site) -> list[Service]:
    return [s for s in site.services if s.booking is not None]


# -- what is needed --------------------------------------------------------------------------------------------------------------


def things(site: Site, services: Sequence[Service]) -> list[tuple[Service | Procedure, search.Named]]:
    """What can be looked for: procedures, and after them the fields, by their everyday words as well."""
    known = {s.id for s in services}
    found: list[tuple[Service | Procedure, search.Named]] = [
        (p, search.Named(p.name, (p.id,))) for p in site.procedures if p.service in known
    ]
    return found + [(s, search.Named(s.name, (s.name_en, *s.everyday.replace("|", " ").split(", ")))) for s in services]


def need(way: Way, asked: str) -> dict[str, Any]:
    """The first question. With `way.service`: the procedures of one field."""
    site, t, services = way.site, way.t, bookable(way.site)
    listed = [p for p in site.procedures if way.service and p.service == way.service.id]
    found = search.find(asked, things(site, services))
    missing = t["not_found_call" if site.hotline else "not_found"].format(asked=asked, hotline=site.hotline) if asked and not found else ""
    return {
        "asked": asked,
        "nothing": not services,
        "found": [_link(way, one) for one in found[:FOUND_MOST]],
        "found_title": t["found"].format(n=len(found)) if len(found) <= FOUND_MOST else t["found_most"],
        "missing": missing,
        "field": way.service_name(way.service) if way.service else "",
        "listed": [_link(way, one) for one in listed],
        "something_else": way.step("day") if way.service else "",
        "common": [] if way.service else [_link(way, p) for p in commonest(site, services)],
        "fields": [] if way.service else [_link(way, s) for s in services],
        "search_at": f"/book/{quote(site.id)}",
        "kept": way.kept,
        "catalogue": way.to(f"/procedures/{quote(site.id)}") if site.procedures else "",
        "find": way.to(f"/book/{quote(site.id)}/find"),
    }


def _link(way: Way, one: Service | Procedure) -> dict[str, Any]:
    if isinstance(one, Procedure):
        there = Way(way.site, way.lang, way.embed, way.site.service[one.service], one)
        return {"name": one.name, "hint": "", "lang": "vi", "href": there.step("bring")}
    there = Way(way.site, way.lang, way.embed, one)
    hint = one.everyday.replace("|", " ") if way.lang == "vi" else ""
    # A field without a list of procedures has nothing to choose from: straight to the days.
    listed = any(p.service == one.id for p in way.site.procedures)
    return {"name": way.service_name(one), "hint": hint, "lang": way.lang, "href": there.step("" if listed else "day")}


def commonest(site: Site, services: Sequence[Service]) -> list[Procedure]:
    """Those the office names; else the first of each field in turn: the fields stand busiest first."""
    known = {s.id for s in services}
    if site.common_procedures:
        return [p for code in site.common_procedures if (p := site.procedure[code]).service in known][:COMMON]
    by_field = [[p for p in site.procedures if p.service == s.id] for s in services]
    deepest = max((len(found) for found in by_field), default=0)
    return [found[n] for n in range(deepest) for found in by_field if n < len(found)][:COMMON]


def papers(procedure: Procedure) -> dict[str, Any]:
    """What the public catalogue says of a procedure."""
    return {
        "name": procedure.name,
        "code": procedure.id,
        "documents": [words.capital(d) for d in procedure.documents],
        "fee": words.capital(procedure.fee),
        "time_limit": words.capital(procedure.time_limit),
        "sample": procedure.sample,
    }


def catalogue(way: Way, asked: str) -> dict[str, Any]:
    """The public catalogue: of all, of one field, or what was searched for."""
    site, t = way.site, way.t
    services = [way.service] if way.service else [s for s in site.services if any(p.service == s.id for p in site.procedures)]
    found = search.find(asked, things(site, services)) if asked else []
    # A field is found by what people call its work: it stands for all its procedures where none was found by itself.
    named = [one for one in found if isinstance(one, Procedure)]
    of = found if found and not named else services
    shown = named or [p for s in of for p in site.procedures if p.service == s.id]
    here = f"/procedures/{quote(site.id)}"
    groups = {
        s.id: [
            papers(p) | {"book": Way(site, way.lang, way.embed, s, p).step("bring") if s.booking else ""}
            for p in shown
            if p.service == s.id
        ]
        for s in site.services
    }
    titles = [(way.service_name(site.service[s]), entries) for s, entries in groups.items() if entries]
    if found:
        # Best first, whatever its field.
        every = {entry["code"]: entry for entries in groups.values() for entry in entries}
        titles = [(t["found"].format(n=len(shown)), [every[p.id] for p in shown])]
    return {
        "asked": asked,
        "missing": t["not_found_here"].format(asked=asked) if asked and not found else "",
        "groups": titles,
        "fields": [
            {"name": way.service_name(s), "href": way.to(here, field=s.id)}
            for s in site.services
            if any(p.service == s.id for p in site.procedures)
        ],
        "all": way.to(here) if way.service or asked else "",
        "search_at": here,
        "kept": way.kept,
        "nothing": not site.procedures,
        "can_book": bool(bookable(site)),
        "field": way.service_name(way.service) if way.service else "",
    }


# -- which day, which time -------------------------------------------------------------------------------------------------------

Offers = Sequence[Any]
"""Of one day: `server.appointments.Offer`."""


def days(
    way: Way, now: datetime, offered: Iterable[tuple[date, Offers]], href: Callable[[date], str], wait: Callable[[date], str] | None
) -> list[dict[str, Any]]:
    """One line for each date: how many places, or why there are none. Only days with places are links. `wait`: where somebody asks to be
    told when a full day has a place again."""
    site, t = way.site, way.t
    today = site.business_day(now)
    rules = _rules(way)
    lines = []
    for when, slots in offered:
        name = words.capital(f"{words.weekday(when, way.lang)} {when:%d/%m}")
        if when == today:
            name = t["today"].format(day=f"{words.weekday(when, way.lang)} {when:%d/%m}")
        left = sum(o.left for o in slots)
        note = t["left"].format(n=left) if left else _why_none(way, when, slots, now, rules)
        full = note == t["full"] and wait is not None
        lines.append({"name": name, "note": note, "href": href(when) if left else None, "wait": wait(when) if full and wait else None})
    return lines


def _rules(way: Way) -> BookingRules:
    rules = way.service.booking if way.service else None
    if rules is None:
        raise Refused("not_bookable", service=way.service.id if way.service else "")
    return rules


def _why_none(way: Way, when: date, slots: Offers, now: datetime, rules: BookingRules) -> str:
    t, hours = way.t, way.site.hours
    if not hours.spans(when):
        return t["holiday"].format(reason=hours.holidays[when]) if when in hours.holidays else t["closed"]
    if not slots:
        return t["not_then"]
    if all(o.closed for o in slots):
        return t["shut"].format(reason=slots[0].closed)
    if rules.held_back and now < way.site.at(when, rules.release):
        return t["released"].format(at=words.hhmm(way.site.at(when, rules.release)))
    return t["full"] if any(o.slot.start >= now + rules.lead for o in slots) else t["over"]


def times(way: Way, now: datetime, offered: Offers, href: Callable[[datetime], str]) -> list[dict[str, Any]]:
    """The slots of a day that are still ahead, by part of the day. Full ones stay."""
    t, lead = way.t, _rules(way).lead
    parts: dict[str, list[dict[str, Any]]] = {}
    for offer in offered:
        start = offer.slot.start
        if start < now + lead:
            continue
        of_day = timedelta(hours=start.hour, minutes=start.minute)
        part = "morning" if of_day < NOON else "afternoon" if of_day < EVENING else "evening"
        note = t["left"].format(n=offer.left) if offer.left else t["shut_slot"] if offer.closed else t["full"]
        parts.setdefault(t[part], []).append(
            {"name": span(start, offer.slot.end), "note": note, "href": href(start) if offer.left else None}
        )
    many = sum(len(lines) for lines in parts.values()) > LONG_DAY
    return [{"title": title, "lines": lines, "many": many} for title, lines in parts.items()]


def release(way: Way, when: date, now: datetime) -> str:
    """When held-back places are offered, as long as they are not."""
    rules = _rules(way)
    at = way.site.at(when, rules.release)
    return way.t["release"].format(n=rules.held_back, at=words.hhmm(at)) if rules.held_back and now < at else ""


def span(start: datetime, end: datetime) -> str:
    return f"{words.hhmm(start)}\u00a0–\u00a0{words.hhmm(end)}"


def moment(at: datetime, lang: str) -> str:
    """`08:45 thứ Hai 23/11`, of any day."""
    return f"{words.hhmm(at)} {words.weekday(at.date(), lang)} {at:%d/%m}"


def free_times(way: Way, found: Iterable[datetime], wanted: datetime | None) -> list[dict[str, str]]:
    """Free slots that are offered instead of one: as clock times, with the day where it is another."""
    return [
        {"start": f"{at:{MINUTE}}", "name": words.hhmm(at) if wanted and at.date() == wanted.date() else moment(at, way.lang)}
        for at in found
    ]


def walk_in(way: Way) -> str:
    """That nobody needs to book."""
    registered = way.service is not None and way.service.counting is Counting.REGISTERED
    return way.t["walk_in_live" if registered else "walk_in"]


# -- who -------------------------------------------------------------------------------------------------------------------------


def faults(way: Way, refused: Refused) -> dict[str, str]:
    """Sentences by the field of the form they belong to; `form` for those of none."""
    t = way.t
    if refused.code == "invalid_body":
        named = {"phone": "phone_wrong", "email": "email_wrong", "name": "name_wrong", "consent": "consent_wrong"}
        found = {f["field"]: t[named[f["field"]]] for f in refused.details["fields"] if f["field"] in named}
        if found:
            return found
        refused = Refused("start_missing")
    if refused.code == "idempotency_key_reused":
        return {"form": t["used"]}
    if refused.details.get("without_phone"):
        return {"phone": t["phone_needed"]}
    fields = {"already_booked": "phone", "already_waiting": "email", "consent_missing": "consent", "sum_needed": "sum"}
    field = fields.get(refused.code, "form")
    return {field: words.sentence(refused.code, refused.details, way.lang)}


# -- a booking -------------------------------------------------------------------------------------------------------------------


def _done(fresh: str, *, live: bool) -> str:
    return "yours" if fresh not in DONE else "booked_live" if live else fresh


KEPT = {"name": "kept_name", "phone": "kept_phone", "email": "kept_email"}
USED = {"name": "used_name", "phone": "used_phone", "email": "used_email"}
"""What is kept of a holder, and what it is used for, as texts."""


def of_holder(way: Way, kept: Iterable[str]) -> str:
    """What is kept of a booking's holder."""
    return ", ".join(way.t[KEPT[what]] for what in kept)


def _kept(way: Way, kept: Sequence[str]) -> str:
    """Likewise, and what each is used for."""
    used = [way.t[USED[what]] for what in kept if what in USED]
    return " ".join([way.t["kept"].format(what=of_holder(way, kept)), *used]) if kept else ""


def appointment(way: Way, day: Day, found: Appointment, now: datetime, *, kept: Sequence[str], mails: bool, fresh: str) -> dict[str, Any]:
    """One's own booking. `kept`: what is stored of its holder; `mails`: whether anything is sent about it; `fresh`: what has just been
    done with it."""
    site, t, lang = day.site, way.t, way.lang
    out = wire.appointment(day, found, now)
    live = out["state"] == "booked"
    slot, service = found.slot, way.service
    rules = service.booking if service else None
    registered = service is not None and service.counting is Counting.REGISTERED
    taken = out["ticket"]
    movable = slot is not None and rules is not None and booking.movable(day, found, rules, now)
    comes = not out["closed"] or (slot is not None and booking.finds_somebody(day, slot, now))
    titles = {"cancelled": t["cancelled"], "missed": t["missed"], "moved": t["yours"]}
    title = titles.get(out["state"]) or (t["checked_in"].format(code=taken["code"]) if taken else t[_done(fresh, live=slot is None)])
    if movable and not comes:
        title = t["choose_again"]
    limit = ""
    if movable and booking.owed(day, found, now):
        limit = t["move_until"].format(day=f"{day.date + booking.OWED:%d/%m}")
    elif live and slot and rules and not movable:
        limit = t["move_limit"].format(minutes=words.minutes(rules.move_before))
    picture = qr.svg(out["url"] or found.code) if live and comes else None
    own = f"/h/{found.code}"
    grace = words.minutes(site.rules.grace)
    return {
        "state": out["state"],
        "title": title,
        "done": live and fresh in DONE,
        "forgotten": t["forgotten"] if fresh == "forgotten" and not kept else "",
        "when": words.capital(words.long_date(day.date, lang)) + (f", {words.hhmm(slot.start)}" if slot else ""),
        "live_today": "" if slot else t["live_today"].format(at=words.hhmm(found.registered)),
        "what": way.what or out["service_name"],
        "what_lang": "vi" if way.procedure else lang,
        "field": out["service_name"] if way.procedure and lang == "vi" else "",
        "spoken": out["spoken"] if live else "",
        "qr": f"data:image/svg+xml;base64,{base64.b64encode(picture).decode()}" if picture else "",
        "qr_hint": t["qr_before"].format(at=words.hhmm(slot.start + site.rules.grace)) if slot else t["qr_live"],
        "late": t["late"].format(grace=grace) if slot and not registered and comes else "",
        "closed": (t["office_closed"] if comes else t["office_away"]).format(reason=out["closed"]) if out["closed"] else "",
        "moved_away": t["moved_away"].format(day=words.long_date(found.moved_to, lang)) if found.moved_to else "",
        "follow": {"href": f"/t/{taken['id']}", "name": t["follow"].format(code=taken["code"])} if taken else None,
        "move": way.to(f"{own}/move") if movable else "",
        "move_limit": limit,
        "calendar": way.to(f"{own}/calendar.ics") if live and slot and not out["closed"] else "",
        "cancel": way.to(f"{own}/cancel") if live else "",
        "cancel_name": t["cancel" if slot else "cancel_live"],
        "not_told": t["not_told"] if live and fresh in DONE and not mails else "",
        "forget": way.to(f"{own}/forget") if kept else "",
        "kept": _kept(way, kept),
        "again": "" if live or taken or movable else way.start,
        "rules": words.rule_lines(site.rules, service.counting if service else Counting.SLOT, lang) if live else [],
    }
