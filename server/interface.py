"""The declared operations as a WSGI application of their own: from the bytes of a request to the call, and back.

It stands before the framework that serves the pages. A command needs none of what that prepares for a page (contexts, a session, signals,
an answer with headers of its own), and preparing it took longer than giving the number.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from werkzeug.exceptions import ClientDisconnected, HTTPException, NotFound
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Response

from server import wire
from server.access import Access, Principal
from server.core.refused import Refused
from server.ledger import Answer, Idempotency
from server.routes import BODY_MOST, PREFIX, Asked, Call, Operation, Reply, Routes, answered, bearer, presented, stranger, told, validated

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Wsgi = Callable[[Environ, StartResponse], Iterable[bytes]]
Finished = Callable[[str, str, int, float], None]
"""Hears of every answer: method, rule, status, seconds."""

ROUTES_KEPT = 1024
"""Paths whose operation is remembered: the kiosk asks for the same one all day."""
SAYS_OF_NOBODY = frozenset(("service", "procedure", "priority", "lang", "kiosk", "counter", "finish", "outcome"))
"""What a body may say and still be remembered: a kiosk sends the same few words all day, and to read them anew takes as long as to decide
on them. Nobody's number, name or password stays in memory for it."""
BODIES_KEPT = 256
BODY_KEPT_MOST = 200
"""Bytes."""
STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


DECIDED = ("/sites/{site}/tickets", "/sites/{site}/counters")
"""What is done to a ticket or at a counter is decided on the newest state in any case."""


class Interface:
    """`kept` knows the first answer under a key, `headers` stand on every answer. `look` finds out what other processes have written in an
    office, before anybody is told of it."""

    def __init__(
        self,
        routes: Routes,
        access: Access,
        known_site: Callable[[str], bool],
        kept: Callable[[Idempotency | None], Answer | None],
        headers: Mapping[str, str],
        finished: Finished,
        look: Callable[[str], None] = lambda site: None,
    ) -> None:
        self._access, self._known_site, self._kept, self._finished, self._look = access, known_site, kept, finished, look
        self._headers = list(headers.items())
        self._plain = [("Content-Type", "application/json"), ("Cache-Control", "no-store"), *self._headers]
        rules = [Rule(_rule(each), endpoint=each, methods=[each.method]) for each in routes.operations]
        # A path with a double slash is an unknown path.
        self._rules = {each: _rule(each) for each in routes.operations}
        self._map = Map(rules, merge_slashes=False).bind("")
        self._found = lru_cache(ROUTES_KEPT)(self._map.match)
        self._bodies: dict[tuple[type[BaseModel], bytes], tuple[BaseModel, str]] = {}
        """Of bodies that say nothing of anybody: what they mean, and how that is written."""

    def before(self, others: Wsgi) -> Wsgi:
        """Serve what is declared; everything else is for the others."""

        def wsgi(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            if not environ.get("PATH_INFO", "").startswith(f"{PREFIX}/"):
                return others(environ, start_response)
            began = time.perf_counter()
            try:
                operation, arguments = self._found(_path(environ), environ["REQUEST_METHOD"])
            except NotFound:
                return others(environ, start_response)
            except HTTPException as error:
                return self._send(told(error, Asked(environ), "unknown"), environ, "unknown", began, start_response)
            rule = self._rules[operation]
            try:
                reply = self._reply(operation, dict(arguments), environ)
            except Exception as error:
                reply = told(error, Asked(environ), rule)
            return self._send(reply, environ, rule, began, start_response)

        return wsgi

    def _send(self, reply: Reply, environ: Environ, rule: str, began: float, start_response: StartResponse) -> Iterable[bytes]:
        if isinstance(reply, Response):
            for name, value in self._headers:
                reply.headers.setdefault(name, value)
            status, sent = reply.status_code, reply(environ, start_response)
        else:
            status, body = reply
            text = (body if isinstance(body, str) else wire.dumps(body)).encode()
            start_response(STATUS_LINES[status], [*self._plain, ("Content-Length", str(len(text)))])
            sent = [] if environ["REQUEST_METHOD"] == "HEAD" else [text]
        self._finished(environ["REQUEST_METHOD"], rule, status, time.perf_counter() - began)
        return sent

    def _reply(self, operation: Operation, path: dict[str, str], environ: Environ) -> Reply:
        if "site" in path and not self._known_site(path["site"]):
            raise Refused("not_found")
        who = _principal(self._access, operation, path.get("site"), environ)
        if "site" in path and (operation.method == "GET" or not operation.path.startswith(DECIDED)):
            self._look(path["site"])
        body, digest = self._body(operation, environ)
        once = _idempotency(who, f"holder:{path.get('ticket', '')}", digest, environ) if operation.once else None
        try:
            return operation.handler(Call(path, body, who, once, environ))
        except Exception:
            # The door compares with what was answered before; but the handler may have looked at something that has gone meanwhile, or
            # the door may be shut. A first answer holds even then.
            if (answer := self._kept(once)) is not None:
                return answered(answer)
            raise

    def _body(self, operation: Operation, environ: Environ) -> tuple[Any, str]:
        """The validated body and a digest of the whole request: of its meaning, so that an absent field equals a null one."""
        raw = _read(environ)
        canonical = ""
        value: Any = None
        if operation.body is not None:
            if raw and environ.get("CONTENT_TYPE") != "application/json" and not Asked(environ).is_json:
                raise Refused("unsupported_media_type")
            value, canonical = self._bodies.get((operation.body, raw)) or self._meant(operation.body, raw)
        digest = hashlib.sha256(f"{environ['REQUEST_METHOD']} {_path(environ)}\n{canonical}".encode()).hexdigest()
        return value, digest

    def _meant(self, model: type[BaseModel], raw: bytes) -> tuple[BaseModel, str]:
        value = validated(model, raw or b"{}")
        meant = value, value.model_dump_json(exclude_none=True)
        if len(raw) <= BODY_KEPT_MOST and value.model_fields_set <= SAYS_OF_NOBODY:
            if len(self._bodies) >= BODIES_KEPT:
                self._bodies.clear()
            self._bodies[model, raw] = meant
        return meant


def _path(environ: Environ) -> str:
    path: str = environ["PATH_INFO"]
    return path if path.isascii() else path.encode("latin-1").decode(errors="replace")


def _rule(operation: Operation) -> str:
    return PREFIX + operation.path.replace("{", "<").replace("}", ">")


def _principal(access: Access, operation: Operation, site: str | None, environ: Environ) -> Principal | None:
    """Who asks, if he may. 401 for an unknown caller, 403 for a known one with the wrong role, of another office, with a password that
    somebody else knows too, or with a cookie that a foreign page may have sent: what anyone may do, such a one does as anyone."""
    key = bearer(environ.get("HTTP_AUTHORIZATION", ""))
    keys, cookie = ([key], False) if key else presented(Asked(environ))
    found = [p for key in keys if (p := access.find(key)) is not None]
    able = [p for p in found if operation.any_password or not p.must_change]
    at_home = [p for p in able if site is None or p.may_enter(site)]
    foreign_page = cookie and environ["REQUEST_METHOD"] not in ("GET", "HEAD") and "HTTP_X_MOISO" not in environ
    if operation.roles is None:
        return at_home[0] if at_home and not foreign_page else None
    fit = [p for p in at_home if p.can(operation.roles)]
    if not fit:
        if operation.holder:
            return None
        if len(able) < len(found):
            raise Refused("password_change_required")
        raise Refused("forbidden") if found else access.unknown(keys)
    if foreign_page:
        raise Refused("csrf")
    return fit[0]


def _read(environ: Environ) -> bytes:
    length = environ.get("CONTENT_LENGTH") or ""
    if length.isascii() and length.isdigit() and "wsgi.input_terminated" not in environ:
        if int(length) > BODY_MOST:
            raise Refused("too_large")
        try:
            whole: bytes = environ["wsgi.input"].read(int(length))
        except (OSError, ValueError) as error:
            # eventlet's word for a body that has ended early; silence for too long is another.
            raise ClientDisconnected from error
        if len(whole) < int(length):
            raise ClientDisconnected
        return whole
    request = Asked(environ)
    raw = request.get_data(cache=False)
    if request.content_length is None and len(raw) >= BODY_MOST:
        # A body sent in pieces is read up to the limit, and what comes after it would go unseen.
        raise Refused("too_large")
    return raw


def _idempotency(who: Principal | None, holder: str, digest: str, environ: Environ) -> Idempotency:
    key = environ.get("HTTP_IDEMPOTENCY_KEY")
    if key is None:
        raise Refused("idempotency_key_missing")
    if not wire.VISIBLE_ASCII.fullmatch(key):
        raise Refused("idempotency_key_malformed")
    return Idempotency(who.id if who else stranger(holder, key, Asked(environ)), key, digest)
