"""Builds the application: the only file that knows everybody."""

from __future__ import annotations

import ipaddress
import json
import logging
import queue
import threading
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import structlog
from flask import Flask, g, render_template, request
from flask_socketio import SocketIO
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response

from server import bookings, checkups, leases, manage, notices, outbox, pairing, persons, printing, straight, wire
from server.access import Access
from server.alarm_mail import AlarmMail
from server.api import Context, build
from server.clock import HallClock
from server.copying import Copying
from server.core.checkup import Finding
from server.core.day import Day
from server.core.events import Entry
from server.fellows import Fellows
from server.foresight import Foresight
from server.heartbeat import Presence
from server.interface import Interface
from server.ledger import Ledger
from server.letters import Mail
from server.names import Names
from server.news import News
from server.notifiers import Never, Notifier, NotYet
from server.openapi import openapi
from server.pages import SECURE_HEADERS, Extras, blueprint, booking
from server.publish import Publisher
from server.relay import Back
from server.routes import BODY_MOST, PREFIX, Routes, address, failure, install_errors
from server.sites import Sites
from server.sockets import Sockets
from server.store import Broken, SharedStore, Store, Unavailable
from server.store.replica import Replica
from server.voice import Speaks, Voice
from server.waitlist import WaitingList

log = structlog.get_logger("app")

LOOK_AROUND_S = 1.0
FORGET_S = 3600.0
TRY_AGAIN_S = 5.0
"""How often it is looked whether a disk that took nothing takes something again."""
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
NIGHT = timedelta(hours=3)
"""Yesterday is closed at 03:00 by the hall clock: nobody waits then, and a hall that worked past midnight is done."""

Environ = dict[str, Any]
StartResponse = Callable[..., Any]


@dataclass
class Options:
    """How the application is wanted. The launcher says `async_mode`, `offload(f, *args)` that runs a blocking call on another thread and
    waits, and `relay()`, a queue that leads back from there."""

    async_mode: str
    offload: Callable[..., Any]
    relay: Callable[[], Back] = queue.Queue
    secure_cookies: bool = False
    watchers: tuple[str, ...] = ()
    """Networks besides loopback and private ones that may read health and metrics."""
    trusted_proxies: int = 0
    """So many proxies of the office stand before the server, and each adds whom it has heard. 0: what a caller says of itself is its own
    invention, and counts for nothing."""
    extras: Extras = field(default_factory=Extras)
    notifier: Notifier | None = None
    """The channel to citizens; without one nobody is asked for an address."""
    look: Callable[[], list[Finding]] = list
    """What the morning check finds on this machine; may take seconds."""
    straight: bool = False
    """States go straight onto the wire where nothing is ahead of them, instead of through a queue for each client."""
    replica: Replica | None = None
    """A copy of the database on another disk, to be kept up to date."""
    queue: str | None = None
    """The URL of a Redis server, through which processes of one database tell one another of news at once."""


class Application:
    """The whole server, not yet listening. `wsgi` is what a launcher serves."""

    def __init__(self, store: Store, sites: Sites, clock: HallClock, speaker: Speaks, options: Options) -> None:
        self.store, self.sites, self.clock, self.options = store, sites, clock, options
        store.read_beside(options.offload)
        self.flask = Flask("server", static_folder=None)
        # A path with a double slash is an unknown path, not a redirect to wherever the Host header points.
        self.flask.url_map.merge_slashes = False
        self.flask.config.update(MAX_CONTENT_LENGTH=BODY_MOST, PROPAGATE_EXCEPTIONS=False)
        self.sio = SocketIO(
            self.flask,
            async_mode=options.async_mode,
            transports=["websocket"],
            allow_upgrades=False,
            http_compression=False,
            manage_session=False,
            max_http_buffer_size=BODY_MOST,
            ping_interval=10,
            ping_timeout=10,
            json=_Json,
            logger=_said_of_sockets(),
            engineio_logger=_said_of_sockets(),
        )
        self.straight = straight.install(self.sio) if options.straight else None
        self._shared: SharedStore | None = store if store.shared else None  # type: ignore[assignment]
        self._on_duty = self._shared is None
        self.news: News | None = None
        self.voice = Voice(speaker, self._presently, self._shared)
        self.foresight = Foresight()
        self.publisher = Publisher(store, clock, self.voice, self.foresight.likely)
        self.ledger = Ledger(
            store,
            sites,
            clock,
            (wire.event_text, wire.event_of),
            dumps=wire.dumps,
            offload=options.offload,
            causes=notices.caused,
            tell=self._tell,
            told=self._told,
            spread=self._spread,
            on_duty=self.on_duty,
            relay=options.relay,
        )
        self.can_mail = options.notifier is not None
        read = notices.reading(store, self.ledger)
        self.outbox = outbox.Outbox(store, self.ledger, options.notifier, read, options.offload, self.sio.sleep, self.on_duty)
        self.waiting_list = WaitingList(self.ledger, self.foresight.cycle)
        self.access = Access(store, self.ledger, options.offload)
        names = Names(store)
        self.presence = Presence()
        self.sockets = Sockets(
            self.sio, store, self.ledger, sites, self.access, names, self.publisher, self.foresight, self.presence, self._spread_answers
        )
        if self._shared is not None:
            self.fellows = Fellows(self._shared, self.presence, self.sockets.walls, self.sockets.wake, self.sio.sleep)
            if options.queue is not None:
                self.news = News(options.queue, self.fellows.name, self._heard, self.sio.sleep)
        self.alarm_mail = AlarmMail(self.ledger, self.sockets.alarms, self.presence.now_s, self._shared, self._send_at_once)
        self.context = Context(
            self.ledger,
            sites,
            self.access,
            names,
            self.publisher,
            self.voice,
            self.sockets.console,
            self.sockets.floor,
            self.sockets.kiosk,
            self.foresight.likely,
            self.foresight.cycle,
            options.offload,
            self.sockets.part,
            secure_cookies=options.secure_cookies,
            can_mail=self.can_mail,
        )
        self.copying = Copying(options.replica, options.offload, self.sio.sleep) if options.replica else None
        self.routes = build(self.context)
        manage.declare(self.routes, self.context)
        printing.declare(self.routes, self.context)
        leases.declare(self.routes, self.context)
        bookings.declare(self.routes, self.context)
        pairing.declare(self.routes, self.context, pairing.Pairings(store if store.shared else pairing.Memory()))
        checkups.declare(
            self.routes,
            self.context,
            checkups.Rounds(
                self.context,
                self.presence,
                self.sockets.alarms,
                self.sio.start_background_task,
                running=app_version(),
                look=options.look,
                notifier=options.notifier,
                copying=self.copying,
            ),
        )
        self._stopping = threading.Event()
        self._try_at = self._forget_at = 0.0
        self._days: dict[str, date] = {}
        self._clean = False
        """Whether nothing that was deleted is left in the files; a server that was killed may have left something."""
        self._elsewhere: set[str] = set()
        """Offices in which other processes say that they have written something, and those where devices have answered them."""
        self._heard_of: set[str] = set()
        self._look = threading.Event()
        self._metrics = Metrics(self)
        self._install()

    def _tell(self, day: Day, entry: Entry, fresh: bool) -> None:
        self.publisher.hear(day, entry, fresh)
        self.sockets.followers.hear(day, entry)
        self.foresight.hear(day, entry)

    def _told(self) -> None:
        self.sockets.wake()

    def _presently(self, work: Callable[..., object], *arguments: Any) -> None:
        """Do this behind whatever the same event has woken: a call is on the walls before its sentence is rendered."""

        def task() -> None:
            self.sio.sleep(0)
            work(*arguments)

        self.sio.start_background_task(task)

    def _spread(self, sites: Collection[str]) -> None:
        if self.news is not None:
            self.news.tell(sites)

    def _spread_answers(self, sites: Collection[str]) -> None:
        if self.news is not None:
            self.news.tell([], sites)

    def _heard(self, sites: Collection[str] | None, answered: Collection[str] | None) -> None:
        """In these offices other processes have written something, or devices answered them; None: nobody knows where."""
        self._elsewhere |= set(self.sites.ids() if sites is None else sites)
        self._heard_of |= set(self.sites.ids() if answered is None else answered)
        self._look.set()

    def _follow(self) -> None:
        """Look where other processes say that they have written; run once, as a background task. What was said while this one looked is
        looked at together."""
        while not self._stopping.is_set():
            self._look.wait()
            self._look.clear()
            sites, answered = self._elsewhere, self._heard_of
            self._elsewhere, self._heard_of = set(), set()
            try:
                self.ledger.look(sites)
                if answered:
                    self._look_for_answers(answered)
            except Exception:
                log.exception("look_failed")

    def _look_for_answers(self, sites: Collection[str] | None = None) -> None:
        with suppress(Unavailable, Broken):
            if self.publisher.look_for_answers(sites):
                self.sockets.wake()

    def on_duty(self) -> bool:
        """Whether this process is the one that does what has to be done once: mails, nights, the waiting list, forgetting."""
        return self._on_duty

    def _install(self) -> None:
        app = self.flask
        install_errors(app)
        app.register_blueprint(booking.blueprint(self.context))
        app.register_blueprint(blueprint(self.sites, self.options.extras, self.ledger, self.foresight.likely))
        _describe(app, self.routes)
        self._metrics.install(app)

        headers = SECURE_HEADERS | {"X-Moiso-Version": app_version()}
        interface = Interface(self.routes, self.access, self.sites.known, self.ledger.kept, headers, self._answered, self.ledger.fresh)
        app.wsgi_app = interface.before(app.wsgi_app)  # type: ignore[method-assign]
        if near := self.options.trusted_proxies:
            # Outermost, so that pages, interface and sockets see the same caller.
            app.wsgi_app = ProxyFix(app.wsgi_app, x_for=near, x_proto=near, x_host=near)  # type: ignore[method-assign]

        @app.before_request
        def begin() -> None:
            g.began = time.perf_counter()
            site = (request.view_args or {}).get("site")
            if site is not None:
                self.ledger.fresh(site)

        @app.after_request
        def finish(response: Response) -> Response:
            for name, value in headers.items():
                response.headers.setdefault(name, value)
            rule = request.url_rule.rule if request.url_rule else "unknown"
            self._answered(request.method, rule, response.status_code, time.perf_counter() - g.began)
            return response

    def _answered(self, method: str, rule: str, status: int, took: float) -> None:
        self._metrics.answered(method, rule, status, took)
        # The rule, never the path: a ticket's id in a log would be somebody's key.
        if method not in ("GET", "HEAD") or status >= 500:
            log.info("answered", method=method, rule=rule, status=status, ms=round(took * 1000, 1))

    def start(self) -> None:
        """Start the background tasks: the committer, the broadcaster, the housekeeping."""
        self.sio.start_background_task(self.ledger.run)
        self.sio.start_background_task(self.sockets.run)
        self.sio.start_background_task(self.foresight.run, self.ledger, self.sio.sleep)
        for _ in range(outbox.LANES):
            self.sio.start_background_task(self.outbox.run)
        self.sio.start_background_task(self._keep_house)
        if self._shared is not None:
            self.sio.start_background_task(self.fellows.run)
        if self.news is not None:
            for task in (self.news.run_telling, self.news.run_hearing, self._follow):
                self.sio.start_background_task(task)
        if self.copying is not None:
            self.sio.start_background_task(self.copying.run)

    def _keep_house(self) -> None:
        """Once a second: other processes' writes, the clock, and what one process alone does."""
        while not self._stopping.is_set():
            # What fails, as on a disk that does, keeps nothing else from being done: least of all that staff are told.
            for chore in (self._look_around, self._tend, self._mail_alarms, self._forget_what_is_over, self._look_after_the_house):
                try:
                    chore()
                except (Unavailable, Broken) as error:
                    log.warning("housekeeping_waits", chore=chore.__name__, error=str(error))
                except Exception:
                    log.exception("housekeeping_failed")
            self.sio.sleep(LOOK_AROUND_S)

    def _look_around(self) -> None:
        self.ledger.refresh()
        self._look_for_answers()
        self.foresight.look()
        self.clock.adjust(anybody_waits=self.ledger.anybody_waits(), recorded=self.ledger.recorded())
        self._on_duty = self._shared is None or self._shared.on_duty()

    def _tend(self) -> None:
        """Keep room on the disk. When something could not be stored, find out whether it could be by now: else an alarm would stand until
        somebody presses."""
        self.options.offload(self.store.tend)
        if self.ledger.trouble is not None and time.monotonic() >= self._try_at:
            self._try_at = time.monotonic() + TRY_AGAIN_S
            self.ledger.try_again()

    def _mail_alarms(self) -> None:
        if not self._on_duty:
            self.alarm_mail.rest()
        elif self.can_mail:
            # An office that wants no mail need not be followed for it.
            for site in self.sites.ids():
                if self.sites.current(site).alarms.email or self._shared is None:
                    self.alarm_mail.look(self.ledger.day(site))

    def _forget_what_is_over(self) -> None:
        if not self._on_duty:
            return
        if self.clock.settled:
            before, self._days = self._days, {site: self.ledger.today(site) for site in self.sites.ids()}
            if time.monotonic() >= self._forget_at or self._days != before:
                self._forget_at = time.monotonic() + FORGET_S
                self._clean = not self._forget(self._days) and self._clean
        self._clean = self._clean or self._scrub()

    def _look_after_the_house(self) -> None:
        """Who waits for a place, and at night: the day before is closed."""
        if not self._on_duty:
            return
        if any(self._is_night(site) for site in self.sites.ids()):
            self.ledger.close_old_days()
        self.waiting_list.look()

    def _send_at_once(self, to: str, mail: Mail, id: str) -> None:
        """An alarm that no store takes goes out beside the outbox; nobody waits for the gateway."""

        def task() -> None:
            assert self.options.notifier is not None
            try:
                self.options.offload(self.options.notifier.send, to, mail, id)
            except (NotYet, Never) as reason:
                log.error("alarm_not_sent", reason=str(reason))

        self.sio.start_background_task(task)

    def _forget(self, days: dict[str, date]) -> bool:
        """Erase what has run out, and by which keys days that are over knew people; whether there were any such keys. By the hall's date:
        the computer's may be wrong for a moment, and nothing brings back a telephone number."""
        now, real_now = self.clock.now(), self.clock.real_now()
        self.ledger.write(lambda tx: tx.forget(now, real_now))
        if self._shared is not None:
            self._shared.forget_notes()
        erased = [persons.forget(self.ledger, site, today) for site, today in days.items()]
        return any(erased)

    def _scrub(self) -> bool:
        """Leave nothing of an erased key in the files, nor in the copy on the second disk. False: not now, try again."""
        return bool(self.copying.beside(self.store.scrub) if self.copying else self.options.offload(self.store.scrub))

    def _is_night(self, site: str) -> bool:
        now = self.ledger.now(site)
        return now >= self.sites.current(site).at(now.date(), NIGHT)

    # -- stopping ----------------------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Answer what has been accepted, then end the background tasks. The launcher has stopped accepting."""
        self._stopping.set()
        self.outbox.stop()
        self.ledger.stop()
        self.sockets.stop()
        self.foresight.stop()
        if self._shared is not None:
            self.fellows.stop()
        if self.news is not None:
            self.news.stop()
        self._look.set()
        if self.copying is not None:
            self.copying.stop()

    def wsgi(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        # A browser offers deflate for the websocket; accepting it costs two thirds of the capacity and 220 KB a socket.
        environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
        if environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked":
            # Otherwise a body without a length counts as none, and a command would be obeyed without what it says.
            environ["wsgi.input_terminated"] = True
        if "HTTP_UPGRADE" in environ and environ.get("HTTP_SEC_WEBSOCKET_VERSION") != "13":
            # The drafts of before 2011, which the library would still try to speak.
            del environ["HTTP_UPGRADE"]
        return self.flask(environ, start_response)


def _said_of_sockets() -> logging.Logger:
    """The socket libraries' complaints as lines of our log: a packet that cannot be read is one line, not a page of traceback."""

    class Line(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            error = record.exc_info[1] if record.exc_info else None
            log.warning("socket", said=record.getMessage()[:200], error=repr(error)[:200] if error else None)

    quiet = logging.Logger("sockets", logging.ERROR)
    quiet.addHandler(Line())
    return quiet


class _Json:
    """Compact JSON for the sockets, as on HTTP."""

    dumps = staticmethod(lambda value, **_: wire.dumps(value))

    @staticmethod
    def loads(text: str, **_: Any) -> Any:
        return json.loads(text)


class Metrics:
    """Prometheus figures of one server; names end in their unit."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self.registry = CollectorRegistry()
        self._requests = Histogram(
            "moiso_http_seconds",
            "Time to answer, by route",
            ["method", "rule", "status"],
            registry=self.registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
        )
        self._by_answer: dict[tuple[str, str, str], Histogram] = {}
        commands = Counter("moiso_commands", "Commands stored", registry=self.registry)
        commits = Counter("moiso_commits", "Durable commits; one may hold many commands", registry=self.registry)
        notices = Counter("moiso_notices", "Notices to citizens that have ended, by how", ["state"], registry=self.registry)
        self._told = {state: notices.labels(state) for state in ("sent", "failed", "expired")}
        messages = Counter("moiso_socket_messages", "Messages to sockets in rooms, by how they left", ["way"], registry=self.registry)
        self._sent = application.straight.sent if application.straight else {}
        self._ways = {way: messages.labels(way) for way in self._sent}
        self._counted = dict.fromkeys((commands, commits, *self._told.values(), *self._ways.values()), 0)
        self._commands, self._commits = commands, commits
        self._to_tell = Gauge("moiso_notices_waiting", "Notices to citizens not sent yet", registry=self.registry)
        Gauge("moiso_sockets", "Sockets connected", registry=self.registry).set_function(lambda: len(application.sockets))
        Gauge("moiso_read_only", "1 when the disk has failed and nothing is acknowledged", registry=self.registry).set_function(
            lambda: float(application.ledger.broken is not None)
        )
        if (copying := application.copying) is not None:
            Gauge("moiso_copy_age_seconds", "How far the copy on the second disk is behind", registry=self.registry).set_function(
                lambda: copying.age_s
            )
        self._waiting = Gauge("moiso_waiting", "Citizens waiting", ["site", "service"], registry=self.registry)

    def answered(self, method: str, rule: str, status: int, seconds: float) -> None:
        # Invented methods must not become time series of their own.
        known = (method if method in METHODS else "other", rule, str(status))
        if known not in self._by_answer:
            self._by_answer[known] = self._requests.labels(*known)
        self._by_answer[known].observe(seconds)

    def text(self) -> bytes:
        ledger = self._application.ledger
        told = [(counter, self._application.outbox.ended[state]) for state, counter in self._told.items()]
        told += [(counter, self._sent[way]) for way, counter in self._ways.items()]
        for counter, total in ((self._commands, ledger.commands), (self._commits, ledger.commits), *told):
            counter.inc(total - self._counted[counter])
            self._counted[counter] = total
        with suppress(Unavailable, Broken):
            # A disk that fails must not take away the figure that says so.
            self._to_tell.set(self._application.options.offload(self._application.store.notices_waiting))
        for site in self._application.sites.ids():
            # Each process of a shared store tells of the offices that it serves.
            day = ledger.known(site) if self._application.store.shared else ledger.day(site)
            for service in day.site.services if day is not None else ():
                self._waiting.labels(site, service.id).set(day.waiting(service.id))
        return generate_latest(self.registry)

    def install(self, app: Flask) -> None:
        ours = self._application

        def watched(view: Callable[[], Response]) -> Callable[[], Response]:
            def guarded() -> Response:
                return view() if _near(address(request), ours.options.watchers) else failure(request, "forbidden")

            guarded.__name__ = view.__name__
            return guarded

        @app.get("/healthz")
        @watched
        def healthz() -> Response:
            return Response("ok\n", mimetype="text/plain")

        @app.get("/readyz")
        @watched
        def readyz() -> Response:
            ours.ledger.ready()
            return Response("ok\n", mimetype="text/plain")

        @app.get("/metrics")
        @watched
        def metrics() -> Response:
            return Response(ours._metrics.text(), content_type="text/plain; version=0.0.4; charset=utf-8")


def _near(remote: str, watchers: Iterable[str]) -> bool:
    try:
        found = ipaddress.ip_address(remote)
    except ValueError:
        return False
    # A socket that listens on IPv6 as well shows every IPv4 caller in this disguise, which counts as private by itself.
    found = getattr(found, "ipv4_mapped", None) or found
    return found.is_loopback or found.is_private or any(found in ipaddress.ip_network(w) for w in watchers)


def _describe(app: Flask, routes: Routes) -> None:
    api = openapi(routes, app_version())
    text = wire.dumps(api)

    @app.get(f"{PREFIX}/openapi.json")
    def description() -> Response:
        return Response(text, mimetype="application/json", headers={"Cache-Control": "no-cache"})

    @app.get("/api/docs")
    def docs() -> str:
        return render_template("api.html", api=api)


def app_version() -> str:
    try:
        return version("moiso")
    except PackageNotFoundError:
        return "0"
