"""Reading an office from the tables of its document. What must agree between tables is compared as soon as both are read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from itertools import combinations
from zoneinfo import ZoneInfo, available_timezones

from config.hours import read_hours, read_week
from config.loudspeakers import check_zones, read_quiet, read_volume, read_zones
from config.procedures import Offered, read_catalogue
from config.reader import NBSP, Table, Unique, did_you_mean, shown, unbroken
from server.core.site import (
    RECEIPT_LINES,
    Alarms,
    Also,
    BookingRules,
    Counter,
    Counting,
    Hall,
    Kiosk,
    Limits,
    Offline,
    PriorityGroup,
    ReceiptDesign,
    Rules,
    Service,
    Site,
    Slide,
    Timing,
    Voice,
)

LANGUAGES = ("vi", "en")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXY"
CONFUSING = {"D": "Đ", "I": "1", "O": "0", "Q": "O"}
"""Letters that the eye takes for something else; allowed, with a warning."""
SOUND_ALIKE = ("BCDGPTV", "LMNR", "SX", "AK", "IY")
"""Names of letters that a loudspeaker confuses. The voice has the same table; a test compares them."""
EVERYDAY_WORDS = 4
FIELDS_AT_HOME = 4
"""So many fields fit on a kiosk's first screen beside the other choices."""
SLIDE_LINE = 240
"""Characters: what is longer fills a page of its own on the screen, and nobody reads it standing."""
COMMON_MOST = 6
HEADER_LINES, FOOTER_LINES, RECEIPT_LINE = 2, 3, 120
"""Lines of an office's own on a ticket, and characters of each."""
MAILS_MOST = 10
_MAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?")
_ADDRESS = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?")


def read_office(top: Table) -> Site:
    """The office, as far as it can be read; every mistake and warning is in the report of `top`."""
    name = top.text("name", most=120, example="UBND phường An Mẫu")
    halls = _halls(top)
    offered = Offered(read_catalogue(top))
    services = _services(top, offered)
    languages = _languages(top)
    site = Site(
        id=top.id(example="an-mau"),
        name=name,
        short_name=top.text("short_name", name, most=40) or name,
        address=top.text("address", most=200),
        hotline=top.text("hotline", most=40).replace(" ", NBSP),
        zone=_zone(top),
        languages=languages,
        public_url=_public_url(top),
        notice=top.text("notice", most=300),
        show_clerk_names=top.flag("show_clerk_names"),
        slides=_slides(top, halls),
        receipt=_receipt(top.table("receipt")),
        slide_of_rules=top.flag("slide_of_rules", Site.slide_of_rules),
        services=services,
        procedures=offered.procedures(),
        common_procedures=_common_procedures(top, services),
        embed_from=_embed_from(top),
        halls=halls,
        counters=_counters(top, services, halls),
        kiosks=_kiosks(top, halls, services),
        priority_groups=_priority_groups(top),
        hours=read_hours(top.table("hours"), top.table("holidays")),
        rules=_rules(top.table("rules")),
        timing=_timing(top.table("timing")),
        voice=_voice(top.table("voice")),
        limits=_limits(top.table("limits")),
        offline=_offline(top.table("offline")),
        alarms=_alarms(top.table("alarms")),
    )
    top.done()
    check_zones(top, site.halls, site.counters)
    _warn(top, site)
    return site


# --- one value each ---


def _zone(top: Table) -> str:
    zone = top.text("zone", Site.zone)
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        hint = did_you_mean(zone, ["Asia/Ho_Chi_Minh", *sorted(available_timezones())])
        top.mistake(
            "zone", f'The time zone "{shown(zone)}" is not known.', hint if hint.startswith("Did") else f'Vietnam is "{Site.zone}".'
        )
        return Site.zone
    return zone


def _languages(top: Table) -> tuple[str, ...]:
    found: list[str] = []
    for path, language in top.texts("languages", most=20):
        if language not in LANGUAGES:
            top.report.mistake(path, f'The language "{shown(language)}" is not spoken here.', did_you_mean(language, LANGUAGES))
        elif language not in found:
            found.append(language)
    if found and found[0] != "vi":
        top.mistake("languages", "Vietnamese comes first on every screen.", 'Write languages = ["vi", "en"].')
    return tuple(found) or Site.languages


def _public_url(top: Table) -> str | None:
    url = top.text("public_url", most=200).rstrip("/")
    if url and not _ADDRESS.fullmatch(url):
        top.mistake("public_url", f'"{shown(url)}" is not a web address.', 'Write it whole: "https://so.example.vn".')
        return None
    return url or None


def _embed_from(top: Table) -> tuple[str, ...]:
    """Origins only: a browser compares no more than these when a page is framed."""
    found: list[str] = []
    for path, origin in top.texts("embed_from", most=200):
        if not _ORIGIN.fullmatch(origin):
            top.report.mistake(
                path,
                f'"{shown(origin)}" is not the beginning of a web address.',
                'Write it without a path: "https://dichvucong.example.vn".',
            )
        elif origin not in found:
            found.append(origin)
    return tuple(found)


def _common_procedures(top: Table, services: Sequence[Service]) -> tuple[str, ...]:
    known = [code for service in services for code in service.procedures]
    found: list[str] = []
    for path, code in top.texts("common_procedures", most=40):
        if code not in known:
            hint = did_you_mean(code, known) if known else "Name it in the procedures of a service first."
            top.report.mistake(path, f'No service receives the procedure "{shown(code)}".', hint)
        elif code not in found:
            found.append(code)
    if len(found) > COMMON_MOST:
        top.mistake("common_procedures", f"{len(found)} are too many for one look.", f"Keep the {COMMON_MOST} that most people come for.")
    return tuple(found)


# --- tables of minutes ---


def _rules(table: Table) -> Rules:
    usual = Rules()
    rules = Rules(
        appointment_head=table.minutes("appointment_head", usual.appointment_head),
        grace=table.minutes("grace", usual.grace),
        priority_head=table.minutes("priority_head", usual.priority_head),
        late_head=table.minutes("late_head", usual.late_head),
        rejoin_head=table.minutes("rejoin_head", usual.rejoin_head),
        rejoin_within=table.minutes("rejoin_within", usual.rejoin_within),
        rejoins=table.whole("rejoins", usual.rejoins, most=10),
        calls_before_no_show=table.whole("calls_before_no_show", usual.calls_before_no_show, least=1, most=5),
        no_show_after=table.minutes("no_show_after", usual.no_show_after, most=60),
    )
    table.done()
    bound = rules.appointment_head + rules.grace
    if rules.late_head > bound:
        table.mistake(
            "late_head_minutes",
            "A late booking would be called before a punctual one: late_head is more than appointment_head + grace.",
            f"Write at most {bound // timedelta(minutes=1)}.",
        )
    return rules


def _timing(table: Table) -> Timing:
    usual = Timing()
    timing = Timing(
        undo_within=table.seconds("undo_within", usual.undo_within, most=60),
        new_for=table.seconds("new_for", usual.new_for, least=3, most=60),
        speak_within=table.seconds("speak_within", usual.speak_within, least=5, most=120),
        print_within=table.seconds("print_within", usual.print_within, least=10),
        assumed_start_after=table.seconds("assumed_start_after", usual.assumed_start_after),
        assumed_start_least=table.seconds("assumed_start_least", usual.assumed_start_least),
    )
    table.done()
    return timing


def _voice(table: Table) -> Voice:
    usual = Voice()
    voice = Voice(
        reading=table.one_of("reading", ("digits", "number"), usual.reading),
        region=table.one_of("region", ("north", "south"), usual.region),
        formal=table.flag("formal", usual.formal),
        times=table.whole("times", usual.times, least=1, most=3),
        also=_also(table.table("also")) if table.has("also") else None,
    )
    table.done()
    return voice


def _also(table: Table) -> Also:
    also = Also(table.text("language", example="fr", most=20), table.text("call", example="Numéro {code}, guichet {counter}.", most=200))
    if also.language and not re.fullmatch("[a-z]{2,3}(-[a-z0-9]+)*", also.language):
        table.mistake("language", f'"{shown(also.language)}" is not the name of a language.', 'Write it as "fr" or "zh-yue".')
    elif also.language in LANGUAGES:
        table.mistake("language", f'"{also.language}" is spoken without this.', 'Write languages = ["vi", "en"] above instead.')
    if also.call and not ("{code}" in also.call and "{counter}" in also.call):
        table.mistake("call", "The sentence must hold {code} and {counter}.", 'For example: call = "Numéro {code}, guichet {counter}."')
    table.done()
    return also


def _receipt(table: Table) -> ReceiptDesign:
    without: list[str] = []
    for path, line in table.texts("without", most=20):
        if line not in RECEIPT_LINES:
            table.report.mistake(path, f'A ticket cannot do without "{shown(line)}".', did_you_mean(line, RECEIPT_LINES))
        elif line not in without:
            without.append(line)
    design = ReceiptDesign(
        header=_few_lines(table, "header", HEADER_LINES),
        footer=_few_lines(table, "footer", FOOTER_LINES),
        without=tuple(without),
        logo="".join(text for _, text in table.texts("logo", most=1000)),
    )
    table.done()
    if design.logo:
        from kiosk.logo import LogoError, read_logo  # the picture library takes 10 MB, which an office without a logo saves

        try:
            read_logo(design.logo)
        except LogoError as reason:
            table.mistake("logo", str(reason), "Choose it on the manager's page, which writes it here.")
    return design


def _few_lines(table: Table, key: str, most: int) -> tuple[str, ...]:
    lines = tuple(text for _, text in table.texts(key, most=RECEIPT_LINE))
    if len(lines) > most:
        table.mistake(key, f"{len(lines)} lines are too many for a ticket.", f"Keep {most}.")
    return lines[:most]


def _booking(table: Table, usual: BookingRules) -> BookingRules:
    booking = BookingRules(
        slot=table.minutes("slot", usual.slot, least=5, most=240),
        capacity=table.whole("capacity", usual.capacity, least=1, most=200),
        share=table.number("share", usual.share, least=0.01, most=1),
        held_back=table.whole("held_back", usual.held_back, most=200),
        release=usual.release if (release := table.clock("release")) is None else release,
        horizon_days=table.whole("horizon_days", usual.horizon_days, most=90),
        lead=table.minutes("lead", usual.lead, most=10_080),
        move_before=table.minutes("move_before", usual.move_before, most=10_080),
        return_within=table.minutes("return_within", usual.return_within, most=120),
        per_person=table.whole("per_person", usual.per_person, most=20),
        live=table.flag("live", usual.live),
        phone_check_in=table.flag("phone_check_in", usual.phone_check_in),
        week=read_week(table.table("week")) or usual.week,
    )
    table.done()
    if booking.held_back > booking.capacity:
        table.mistake("held_back", "More places are held back than there are.", f"Write at most {booking.capacity}.")
    return booking


def _alarms(table: Table) -> Alarms:
    addresses = table.texts("email", most=254)
    for path, address in addresses:
        if not _MAIL.fullmatch(address):
            table.report.mistake(path, f'"{shown(address)}" is not an e-mail address.', 'Write it like "phu-trach@example.vn".')
    if len(addresses) > MAILS_MOST:
        table.mistake("email", f"There are {len(addresses)} addresses.", f"At most {MAILS_MOST} are told of alarms.")
    alarms = Alarms(email=tuple(address for _, address in addresses), after=table.minutes("after", Alarms().after, least=1, most=240))
    table.done()
    return alarms


def _limits(table: Table) -> Limits:
    usual = Limits()
    limits = Limits(
        bookings_per_hour=table.whole("bookings_per_hour", usual.bookings_per_hour, most=100_000),
        anonymous_per_day=table.whole("anonymous_per_day", usual.anonymous_per_day, most=100_000),
        wrong_codes_per_minute=table.whole("wrong_codes_per_minute", usual.wrong_codes_per_minute, most=100_000),
        sum_after_bookings=table.whole("sum_after_bookings", usual.sum_after_bookings, least=0, most=10_000),
        sum_in_all=table.whole("sum_in_all", usual.sum_in_all, least=0, most=100_000),
        wrong_codes_in_all=table.whole("wrong_codes_in_all", usual.wrong_codes_in_all, most=100_000),
    )
    table.done()
    return limits


def _offline(table: Table) -> Offline:
    usual = Offline()
    offline = Offline(
        numbers=table.whole("lease_numbers", usual.numbers, most=200),
        life=table.minutes("lease", usual.life, least=5, most=720),
        port=table.whole("port", usual.port, least=1024, most=65_535),
    )
    table.done()
    return offline


# --- lists of tables ---


def _required(top: Table, key: str, example: str) -> list[Table]:
    rows = top.tables(key)
    if not top.has(key) or top.is_empty_list(key):
        top.mistake(key, f"There is no [[{key}]].", f"Add at least one: [[{key}]] {example}")
    return rows


def _halls(top: Table) -> tuple[Hall, ...]:
    unique = Unique()
    found = []
    for row in _required(top, "halls", 'id = "main", name = "Khu chờ"'):
        hall = unique.id(row, example="main")
        name = row.text("name", example="Khu chờ")
        inches, metres = row.measure("screen_inches", least=7, most=150), row.measure("farthest_seat_m", least=1, most=60)
        found.append(Hall(hall, name, inches, metres, read_volume(row), read_quiet(row), read_zones(row)))
        row.done()
    return tuple(found)


def _slides(top: Table, halls: Sequence[Hall]) -> tuple[Slide, ...]:
    found = []
    for row in top.tables("slides"):
        title = row.text("title", most=60, example="Giấy tờ cần mang")
        lines = tuple(text for _, text in row.texts("lines", most=SLIDE_LINE))
        if not lines and (not row.has("lines") or row.is_empty_list("lines")):
            row.mistake("lines", "The slide says nothing.", 'For example: lines = ["Mang căn cước và bản chính giấy tờ."]')
        start, end = row.day("from", required=False), row.day("until", required=False)
        if start and end and end < start:
            row.mistake("until", "The slide ends before it has begun.", f"Write a day from {start} on.")
        found.append(Slide(title, lines, _hall_of(row, halls) if row.has("hall") else None, start, end))
        row.done()
    return tuple(found)


def _services(top: Table, offered: Offered) -> tuple[Service, ...]:
    usual = _booking(top.table("booking"), BookingRules())
    unique = Unique()
    letters: set[str] = set()
    found = []
    for row in _required(top, "services", 'id = "civil", letter = "A", name = "Hộ tịch"'):
        service = unique.id(row, example="civil")
        booking = usual if top.has("booking") else None
        own = row.table("booking")
        if row.has("booking"):
            booking = _booking(own, usual)
        found.append(
            Service(
                id=service,
                letter=_letter(row, letters),
                name=unbroken(row.text("name", most=40, example="Hộ tịch")),
                name_en=unbroken(row.text("name_en", most=40)),
                everyday=_everyday(row),
                result=row.flag("result"),
                counting=Counting(row.one_of("counting", [counting.value for counting in Counting], Counting.SLOT)),
                last_ticket=row.clock("last_ticket"),
                procedures=offered.read(row, service),
                booking=booking if row.flag("bookable", True) else None,
            )
        )
        row.done()
    return tuple(found)


def _letter(row: Table, letters: set[str]) -> str:
    """`letters`: those in use; the new one joins them."""
    letter = row.text("letter", most=40, example="A")
    if not letter:
        return ""
    free = next((other for other in "ABHMSUYE" + LETTERS if other not in letters), "A")
    if len(letter) != 1 or letter not in LETTERS:
        hint = (
            f'Did you mean "{letter.upper()}"?' if len(letter) == 1 and letter.upper() in LETTERS else f'Use one of A to Y, like "{free}".'
        )
        row.mistake("letter", f'"{shown(letter)}" cannot begin a ticket number.', hint)
    elif letter in letters:
        row.mistake("letter", f'The letter "{letter}" is used twice.', f'Choose another, like "{free}".')
    else:
        letters.add(letter)
        if letter in CONFUSING:
            message = f"The letter {letter} is easily taken for {CONFUSING[letter]}."
            row.report.warning((*row.path, "letter"), message, f'Better one like "{free}".')
    return letter


def _everyday(row: Table) -> str:
    words = [text for _, text in row.texts("everyday", most=40)]
    if len(words) > EVERYDAY_WORDS:
        row.mistake(
            "everyday", f"{len(words)} everyday words do not fit on the button.", f"Keep the {EVERYDAY_WORDS} that people say most."
        )
    return ", ".join(unbroken(word, whole=24) for word in words)


def _hall_of(row: Table, halls: Sequence[Hall]) -> str:
    """The hall a row names; the only hall when it names none."""
    known = [hall.id for hall in halls if hall.id]
    hall = row.text("hall", known[0] if len(known) == 1 else "")
    if hall in known:
        return hall
    if row.has("hall"):
        row.mistake("hall", f'There is no hall "{shown(hall)}".', did_you_mean(hall, known))
    elif known:
        row.mistake("hall", '"hall" is missing, and there are several.', did_you_mean("", known))
    return ""


def _counters(top: Table, services: Sequence[Service], halls: Sequence[Hall]) -> tuple[Counter, ...]:
    unique = Unique()
    known = [service.id for service in services if service.id]
    served: set[str] = set()
    rows = _required(top, "counters", 'id = "1", services = ["civil"]')
    found = []
    for row in rows:
        counter = unique.id(row, example="1")
        named = row.texts("services")
        for path, text in named:
            if text not in known:
                row.report.mistake(path, f'There is no service "{shown(text)}".', did_you_mean(text, known))
        if not row.has("services") or row.is_empty_list("services"):
            row.mistake("services", "The counter serves nothing.", f'For example: services = ["{known[0] if known else "civil"}"]')
        mine = {text for _, text in named}
        served |= mine
        name = row.text("name", f"Quầy {counter}", most=40)
        found.append(Counter(counter, name, _hall_of(row, halls), tuple(service for service in known if service in mine)))
        row.done()
    for at, service in enumerate(services):
        if rows and service.id and service.id not in served:
            path = (*top.path, "services", at, "id")
            top.report.mistake(path, f'No counter serves "{service.id}".', "Name it in the services of a counter.")
    return tuple(found)


def _kiosks(top: Table, halls: Sequence[Hall], services: Sequence[Service]) -> tuple[Kiosk, ...]:
    unique = Unique()
    usual = Kiosk("", "", "")
    # Results are collected through a button of their own.
    fields = sum(not service.result for service in services)
    found = []
    for row in top.tables("kiosks"):
        kiosk = unique.id(row, example="k1")
        paper = row.whole("paper_mm", usual.paper, most=999)
        if paper not in (58, 80):
            row.mistake("paper_mm", f"Paper of {paper} mm is not known.", "Write 80 or 58.")
        home = row.one_of("home", ("choices", "fields"), usual.home)
        if home == "fields" and fields > FIELDS_AT_HOME:
            message = f"{fields} fields do not fit on the first screen, which has room for {FIELDS_AT_HOME}."
            row.mistake("home", message, 'Write home = "choices"; a number is then two touches.')
        found.append(
            Kiosk(
                id=kiosk,
                name=row.text("name", f"Máy lấy số {kiosk}", most=40),
                hall=_hall_of(row, halls),
                home=home,
                screen_inches=row.number("screen_inches", usual.screen_inches, least=7, most=86),
                screen_bottom_mm=row.whole("screen_bottom_mm", usual.screen_bottom_mm, least=400, most=1060),
                printer_position=row.one_of("printer_position", ("bottom", "top", "left", "right"), usual.printer_position),
                paper=paper,
                cards=row.flag("cards", usual.cards),
            )
        )
        row.done()
    return tuple(found)


def _priority_groups(top: Table) -> tuple[PriorityGroup, ...]:
    unique = Unique()
    found = []
    for row in top.tables("priority_groups"):
        group = unique.id(row, example="older")
        name = row.text("name", example="Từ 60 tuổi trở lên")
        found.append(PriorityGroup(group, name, row.text("name_en"), row.whole("from_age", 0, most=120)))
        row.done()
    return tuple(found)


# --- warnings ---


def _warn(top: Table, site: Site) -> None:
    at = {service.id: place for place, service in enumerate(site.services)}
    warned: set[tuple[str, str]] = set()
    for hall in site.halls:
        called = {service for counter in site.counters if counter.hall == hall.id for service in counter.services}
        for one, other in combinations((service for service in site.services if service.id in called), 2):
            alike = one.letter and other.letter and any(one.letter in row and other.letter in row for row in SOUND_ALIKE)
            if alike and (one.letter, other.letter) not in warned:
                warned.add((one.letter, other.letter))
                path = ("services", at[other.id], "letter")
                top.report.warning(
                    path, f"Chữ {one.letter} và {other.letter} nghe gần giống nhau trên loa.", "Nên chọn trong: A B H M S U Y E."
                )
        if not called:
            top.report.warning(("halls",), f'No counter is in the hall "{hall.id}".', "Name the hall at a counter.")
    if "en" in site.languages:
        for nameless in (service for service in site.services if not service.name_en):
            path = ("services", at[nameless.id], "name")
            top.report.warning(path, f'"{nameless.name}" has no English name.', 'Add name_en = "...".')
