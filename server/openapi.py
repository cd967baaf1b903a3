"""The OpenAPI 3.1 description of the commands and queries, generated from their declarations."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Literal

from pydantic import TypeAdapter

from server import wire
from server.access import DEVICE_COOKIE, DEVICE_KINDS, ROLES, STAFF_COOKIE
from server.routes import KEY_UNGUESSED, PREFIX, STATUS, Operation, Routes

KEY_WORDS = (
    "Made by the client at random, one for each intent; the same key with the same request returns the first answer for 48 h. Of a caller"
    f" without a key or session of his own, one of fewer than {KEY_UNGUESSED} characters does so only at the same address."
)
COOKIE_WORDS = "A signed-in browser; commands need the header X-Moiso: `staff` speaks as nobody but the account, `1` as whoever may."
DEVICE_WORDS = "A browser that has exchanged a device's key; commands need the header X-Moiso: `device`, or `1` as whoever may."
LANGUAGES = {"name": "Accept-Language", "in": "header", "required": False, "description": "vi or en", "schema": {"type": "string"}}
RETRY = {"Retry-After": {"description": "Seconds to wait", "required": True, "schema": {"type": "integer"}}}


def _operation_id(op: Operation) -> str:
    words = op.path.replace("{", "").replace("}", "").replace("-", "_").strip("/").replace("/", "_")
    return f"{op.method.lower()}_{words}"


def openapi(routes: Routes, version: str) -> dict[str, Any]:
    """The OpenAPI 3.1 description, generated from the declarations."""
    schemas: dict[str, Any] = {}
    paths: dict[str, Any] = {}
    for op in routes.operations:
        described: dict[str, Any] = {
            "summary": op.summary,
            "operationId": _operation_id(op),
            "responses": {
                str(status): {"description": HTTPStatus(status).phrase, **_contents(schema, schemas)}
                for status, schema in op.answers.items()
            },
        }
        names = [part[1:-1] for part in op.path.split("/") if part.startswith("{")]
        described["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": _DATE if name == "date" else {"type": "string", "minLength": 1}}
            for name in names
        ]
        described["parameters"] += [
            {"name": name, "in": "query", "required": False, "description": text, "schema": {"type": "string"}}
            for name, text in op.query.items()
        ]
        described["parameters"].append(LANGUAGES)
        if op.once:
            described["parameters"].append(
                {
                    "name": "Idempotency-Key",
                    "in": "header",
                    "required": True,
                    "description": KEY_WORDS,
                    "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,200}$"},
                }
            )
        if op.body is not None:
            required = any(f.is_required() for f in op.body.model_fields.values())
            described["requestBody"] = {
                "required": required,
                "content": {"application/json": {"schema": _schema(op.body, schemas, "validation")}},
            }
        for status in sorted(_errors(op, names)):
            error: dict[str, Any] = {"description": HTTPStatus(status).phrase, **_contents(wire.ErrorOut, schemas)}
            described["responses"].setdefault(str(status), error | ({"headers": RETRY} if status in (429, 503) else {}))
        if op.roles is not None:
            allowed = [role for role in (*ROLES, *DEVICE_KINDS) if role in op.roles or (role == "supervisor" and "clerk" in op.roles)]
            cookies: list[dict[str, list[str]]] = [{"cookie": []}] if set(allowed) & set(ROLES) else []
            cookies += [{"device": []}] if set(allowed) & set(DEVICE_KINDS) else []
            described["security"] = [{"key": []}, *cookies, *([{}] if op.holder else [])]
            described["description"] = f"For: {', '.join(allowed)}{', or the holder of the id' if op.holder else ''}."
            if not op.any_password and set(allowed) & set(ROLES):
                described["description"] += " Not before a given password has been changed."
        if op.refuses:
            described["description"] = f"{described.get('description', '')} Refuses: {', '.join(op.refuses)}.".strip()
        paths.setdefault(f"{PREFIX}{op.path}", {})[op.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Mời Số",
            "version": version,
            "description": "Queue kiosks, hall screens and consoles of one-stop offices. Commands go over HTTP, facts come over Socket.IO.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "A staff session's token or a device's key."},
                "cookie": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": STAFF_COOKIE,
                    "description": COOKIE_WORDS,
                },
                "device": {"type": "apiKey", "in": "cookie", "name": DEVICE_COOKIE, "description": DEVICE_WORDS},
            },
        },
    }


_DATE = {"type": "string", "format": "date"}


def _errors(op: Operation, names: list[str]) -> set[int]:
    # A body is read whatever the method: one that ends early, or that is too large, is refused also of a GET.
    statuses = {STATUS.get(code, 409) for code in op.refuses} | {400, 413, 503}
    if names:
        statuses.add(404)
    if op.body is not None:
        statuses |= {415, 422}
    if op.once:
        statuses |= {422}
    if op.roles is not None:
        statuses |= {401, 403} if not op.holder else {403}
    return statuses


def _contents(answer: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    """The media types of an answer: a type is JSON, a text names another media type, a tuple offers several, None has no body."""
    content: dict[str, Any] = {}
    for kind in answer if isinstance(answer, tuple) else (answer,):
        if isinstance(kind, str):
            content[kind] = {"schema": {"type": "string"}}
        elif kind is not None:
            content["application/json"] = {"schema": _schema(kind, schemas, "serialization")}
    return {"content": content} if content else {}


def _schema(kind: Any, schemas: dict[str, Any], mode: Literal["validation", "serialization"]) -> dict[str, Any]:
    described = TypeAdapter(kind).json_schema(ref_template="#/components/schemas/{model}", mode=mode)
    schemas.update(described.pop("$defs", {}))
    name = getattr(kind, "__name__", None)
    if name and "$ref" not in described and isinstance(kind, type):
        schemas[name] = described
        return {"$ref": f"#/components/schemas/{name}"}
    return described
