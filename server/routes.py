"""From an HTTP request to a call, and from whatever happens back to an answer of the one shape.

`server.api` declares each operation once; the route and its checks (`server.interface`) and its description (`server.openapi`) come from
that declaration.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple, TypeVar

import structlog
from flask import Flask, request
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from server import wire
from server.access import DEVICE_COOKIE, STAFF_COOKIE, Principal, hash_key
from server.core.refused import Refused
from server.ledger import Answer, Idempotency, KeyReused
from server.sites import UnknownSite
from server.store import Broken, Poison, Unavailable

log = structlog.get_logger("http")

PREFIX = "/api/v1"
BODY_MOST = 16 * 1024
KEY_UNGUESSED = 16
"""Characters of an idempotency key that two people do not make alike."""
M = TypeVar("M", bound=BaseModel)

# Refusals by the rules are 409; these are not about the rules.
STATUS = {
    "malformed": 400,
    "idempotency_key_missing": 400,
    "idempotency_key_malformed": 400,
    "unauthenticated": 401,
    "wrong_password": 401,
    "forbidden": 403,
    "csrf": 403,
    "password_change_required": 403,
    "not_found": 404,
    "unknown_code": 404,
    "method_not_allowed": 405,
    "too_large": 413,
    "unsupported_media_type": 415,
    "invalid_body": 422,
    "idempotency_key_reused": 422,
    "unknown_service": 422,
    "unknown_priority": 422,
    "unknown_procedure": 422,
    "unknown_counter": 422,
    "unknown_place": 422,
    "unknown_slot": 422,
    "logo_unreadable": 422,
    "logo_too_large": 422,
    "logo_blank": 422,
    "receipt_too_long": 422,
    "start_missing": 422,
    "consent_missing": 422,
    "wrong_hall_code": 422,
    "sum_needed": 422,
    "too_many_requests": 429,
    "internal": 500,
    "storage_unavailable": 503,
    "voice_unavailable": 503,
}
RETRY_AFTER_S = 2
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_HTTP = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "unsupported_media_type"}


class Asked(Request):
    """Made of an environment that it does not enter: the two would hold each other until the collector comes."""

    max_content_length = BODY_MOST

    def __init__(self, environ: dict[str, Any]) -> None:
        super().__init__(environ, populate_request=False)


class Call(NamedTuple):
    """A request, read and checked: who asks, with which body and key. The rest of it is read when somebody asks for it."""

    path: dict[str, str]
    body: Any
    who: Principal | None
    once: Idempotency | None
    environ: dict[str, Any]

    @property
    def raw(self) -> Request:
        return Asked(self.environ)

    @property
    def principal(self) -> Principal:
        assert self.who is not None
        return self.who

    @property
    def query(self) -> dict[str, str]:
        return dict(self.raw.args.items())

    @property
    def lang(self) -> str:
        return language(self.raw)

    @property
    def address(self) -> str:
        """Whom limits count."""
        return network(self.raw)


Reply = tuple[int, Any] | Response


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One declared operation. `roles` None: anyone; otherwise one of these roles (device kinds count as roles)."""

    method: str
    path: str
    handler: Callable[[Call], Reply]
    summary: str
    roles: tuple[str, ...] | None
    body: type[BaseModel] | None
    answers: dict[int, Any]
    refuses: tuple[str, ...]
    once: bool
    query: dict[str, str]
    holder: bool
    any_password: bool
    extra: dict[str, Any] = field(default_factory=dict)


class Routes:
    """The declared operations of one API."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []

    def add(
        self,
        method: str,
        path: str,
        *,
        summary: str,
        roles: tuple[str, ...] | None = None,
        body: type[BaseModel] | None = None,
        answers: dict[int, Any],
        refuses: tuple[str, ...] = (),
        once: bool = False,
        query: dict[str, str] | None = None,
        holder: bool = False,
        any_password: bool = False,
    ) -> Callable[[Callable[[Call], Reply]], Callable[[Call], Reply]]:
        """Declare an operation. `once`: it takes an idempotency key. `holder`: whoever holds the unguessable id in the path may ask without
        a key. `any_password`: also for an account whose given password has not been changed yet."""

        def declare(handler: Callable[[Call], Reply]) -> Callable[[Call], Reply]:
            self.operations.append(
                Operation(method, path, handler, summary, roles, body, answers, refuses, once, query or {}, holder, any_password)
            )
            return handler

        return declare


def respond(reply: Reply) -> Response:
    if isinstance(reply, Response):
        return reply
    status, body = reply
    text = body if isinstance(body, str) else wire.dumps(body)
    return Response(text, status, mimetype="application/json", headers={"Cache-Control": "no-store"})


def answered(answer: Answer) -> Reply:
    """The ledger's answer as it is sent."""
    if not answer.replayed:
        return answer.status, answer.body
    response = respond((answer.status, answer.body))
    response.headers["Idempotency-Replayed"] = "true"
    return response


def network(req: Request) -> str:
    """Whom limits count: an address, or of IPv6 the whole network of a household, which has more addresses than there are grains of
    sand."""
    try:
        found = ipaddress.ip_address(address(req))
    except ValueError:
        return address(req)
    found = getattr(found, "ipv4_mapped", None) or found
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else str(found)


def stranger(holds: str, key: str, req: Request) -> str:
    """Whose idempotency key this is when nobody is signed in. `holds`: what else is known of him.

    A short key, as a portal's "1", is made by others too, and who sends it second would be given the first one's booking with its code: it
    is worth what his address is. A long one nobody guesses, and it is good from everywhere: a telephone that has left the wireless network
    asks again through another.
    """
    return holds if len(key) >= KEY_UNGUESSED else f"{holds}@{hash_key(network(req))}"


def address(req: Request) -> str:
    return req.remote_addr or ""


def language(req: Request) -> str:
    """`en` for those who prefer it to Vietnamese; everybody else is spoken to in Vietnamese."""
    return req.accept_languages.best_match(["vi", "en"], default="vi")


_SPEAKS_AS = {"staff": (STAFF_COOKIE,), "device": (DEVICE_COOKIE,)}
"""A browser may be a kiosk and a member of staff at once; a page that is one of them says which. Whoever does not say so may be either."""


def presented(req: Request) -> tuple[list[str], bool]:
    """The keys that came with a request, and whether they came by cookie."""
    if key := bearer(req.headers.get("Authorization", "")):
        return [key], False
    meant = _SPEAKS_AS.get(req.headers.get("X-Moiso", ""), (STAFF_COOKIE, DEVICE_COOKIE))
    return [c for name in meant if (c := req.cookies.get(name))], True


def bearer(authorization: str) -> str:
    scheme, _, key = authorization.partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def _no_constant(name: str) -> Any:
    raise ValueError("number")


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        # Which of the two was meant? Readers of JSON differ, and so would whoever checks a request on its way here.
        raise ValueError("name_twice")
    return {name: value for name, value in found.items() if value is not None}


_JSON = json.JSONDecoder(parse_constant=_no_constant, object_pairs_hook=_each_once)


def validated(model: type[M], raw: bytes) -> M:
    """The body as its model. A null field is an absent one, whatever its name. Refuses `malformed` what is not JSON, and `invalid_body`
    what does not fit, every problem named."""
    try:
        value = _JSON.decode(raw.decode())
        text = json.dumps(value) if b"null" in raw else raw
    except RecursionError as error:
        raise malformed("too_deep") from error
    except json.JSONDecodeError as error:
        raise malformed("syntax", f"{error.lineno}:{error.colno}") from error
    except UnicodeDecodeError as error:
        raise malformed("not_utf8") from error
    except ValueError as error:
        raise malformed(str(error) if str(error) in _PROBLEMS else "not_json") from error
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        if found[0]["type"] == "json_invalid":
            # Half of a surrogate pair, nesting beyond reason: what Python's own reader let pass.
            raise malformed("not_json") from error
        raise Refused("invalid_body", fields=[invalid(".".join(map(str, e["loc"])), e["type"], e["msg"]) for e in found]) from error


# -- what is wrong with a request, in words --------------------------------------------------------------------------------------

_PROBLEMS = {
    "missing": ("thiếu", "is missing"),
    "extra_forbidden": ("không có ở đây", "is not known here"),
    "string_type": ("phải là chữ", "must be text"),
    "string_too_long": ("quá dài", "is too long"),
    "string_too_short": ("để trống", "is empty"),
    "string_pattern_mismatch": ("chưa đúng dạng", "does not have the right form"),
    "nothing_to_say": ("không có chữ nào để đọc", "has no word to say"),
    "greater_than_equal": ("quá nhỏ", "is too small"),
    "less_than_equal": ("quá lớn", "is too large"),
    "int_type": ("phải là số nguyên", "must be a whole number"),
    "control_characters": ("có ký tự điều khiển", "has control characters"),
    "bool_type": ("phải là true hoặc false", "must be true or false"),
    "literal_error": ("không có lựa chọn này", "is not one of the choices"),
    "model_type": ("phải là một đối tượng JSON", "must be a JSON object"),
    "timezone_aware": ("thiếu múi giờ", "needs an offset"),
    "datetime_type": ("không phải một thời điểm", "is not an instant"),
    "datetime_from_date_parsing": ("không phải một thời điểm", "is not an instant"),
    "datetime_parsing": ("không phải một thời điểm", "is not an instant"),
    "datetime_year": ("năm chưa đúng", "is in an impossible year"),
    "not_a_date": ("không phải một ngày", "is not a date"),
    "not_a_number": ("phải là số nguyên", "must be a whole number"),
    "one_of_two": ("chỉ được có một", "must be exactly one"),
    "syntax": ("sai cú pháp JSON", "is not JSON"),
    "not_json": ("không phải JSON", "is not JSON"),
    "not_utf8": ("không phải UTF-8", "is not UTF-8"),
    "too_deep": ("lồng quá sâu", "is nested too deeply"),
    "number": ("NaN và Infinity không phải JSON", "NaN and Infinity are not JSON"),
    "unchanged": ("phải khác cái cũ", "must differ from the old one"),
    "name_twice": ("có tên trường lặp lại", "has a name twice"),
    "http": ("sai giao thức HTTP", "is not proper HTTP"),
}


def invalid(field: str, problem: str, message: str = "") -> dict[str, str]:
    """One field that does not fit. `problem` is stable; `message` is for the developer of the client, in English."""
    return {"field": field, "problem": problem, "message": message or _PROBLEMS[problem][1]}


def malformed(problem: str, at: str | None = None) -> Refused:
    """A request that cannot be read. `at` is line and column."""
    return Refused("malformed", fields=[invalid(at or "", problem)])


def explained(details: dict[str, Any], lang: str) -> dict[str, Any]:
    """Details whose fields are also told as `problem`, in words for the sentence."""
    fields = details.get("fields")
    if not fields:
        return details
    words = [_PROBLEMS.get(f["problem"], ("chưa đúng", "is not right"))[lang == "en"] for f in fields]
    return {**details, "problem": "; ".join(f"{f['field']} {text}".strip() for f, text in zip(fields, words, strict=True))}


def day_of(text: str) -> date:
    """A date in a path; a malformed one is an unknown one."""
    if _DATE.fullmatch(text):
        with suppress(ValueError):
            return date.fromisoformat(text)
    raise Refused("not_found")


# -- when it did not work --------------------------------------------------------------------------------------------------------


def failure(req: Request, code: str, details: dict[str, Any] | None = None) -> Response:
    status = STATUS.get(code, 409)
    lang = language(req)
    response = respond((status, wire.error(code, explained(details or {}, lang), lang)))
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="moiso"'
    if status in (429, 503):
        response.headers["Retry-After"] = str((details or {}).get("retry_after_s", RETRY_AFTER_S))
    return response


def told(error: Exception, req: Request, rule: str) -> Response:
    """Whatever was raised, in the one shape. `rule` is where: never the path, since a ticket's id in a log would be somebody's key."""
    match error:
        case Refused():
            return failure(req, error.code, error.details)
        case KeyReused():
            return failure(req, "idempotency_key_reused")
        case UnknownSite():
            return failure(req, "not_found")
        case Unavailable() | Broken() | Poison():
            return failure(req, "storage_unavailable")
        case HTTPException(code=int(status)) if status in _HTTP:
            response = failure(req, _HTTP[status])
            if status == 405 and (allowed := error.get_response().headers.get("Allow")):
                response.headers["Allow"] = allowed
            return response
        case HTTPException(code=int(status)) if 400 <= status < 500:
            return failure(req, "malformed", {"fields": [invalid("", "http", error.name)]})
        case HTTPException():
            return failure(req, "internal")
    log.error("unexpected", rule=rule, method=req.method, exc_info=error)
    return failure(req, "internal")


def install_errors(app: Flask) -> None:
    """Every error of the pages in the one shape, too."""

    @app.errorhandler(Exception)
    def broken(error: Exception) -> Response:
        return told(error, request, request.url_rule.rule if request.url_rule else "unknown")
