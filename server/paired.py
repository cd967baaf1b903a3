"""The key of an agent: given, kept from an earlier pairing, or got now by showing a code; and another when it was taken back.

Kept in a file that only its user may read, one for each kind of device and server.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import os
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

import platformdirs

log = logging.getLogger("moiso.device")

ASK_AGAIN_S = 2.0
WITHOUT_SERVER_S = 5.0
TIMEOUT_S = 10.0
API = "/api/v1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of an agent that may be paired."""
    parser.add_argument("--pair", action="store_true", help="forget the kept key, show a code, and wait until it is typed at /manage")
    parser.add_argument("--key-file", type=Path, metavar="FILE", help="where the key is kept (default: the user's state folder)")


def key_for(
    args: argparse.Namespace, server: str, kind: str, stop: threading.Event, say: Callable[[str], None] | None = None
) -> str | None:
    """The key to work with; None when `stop` is set before there is one. Raises OSError when it cannot be kept."""
    file = args.key_file or kept_at(server, kind)
    if not args.pair:
        kept = _read(file)
        if kept and _opens(server, kept):
            return kept
    key = _pair(server.rstrip("/"), kind, stop, say or _say)
    if key is not None:
        _keep(file, key)
    return key


def serve_paired(
    args: argparse.Namespace, server: str, kind: str, given: str | None, stop: threading.Event, serve: Callable[[str], bool]
) -> None:
    """Work with a key until `stop` is set: the `given` one, else one that was kept or is got now.

    `serve(key)` answers whether it ended because the server knows the key no longer. Then a code is shown again, however this program was
    started: whoever takes a key back is at the office, and nobody is at the machine to start it anew. Raises OSError when a key cannot be
    kept, and whatever `serve` raises.
    """
    key = None if args.pair else given
    while not stop.is_set():
        key = key or key_for(args, server, kind, stop)
        if key is None or not serve(key):
            return
        key, args.pair = None, False
        # A server that refuses a key here and takes it there must not be asked a thousand times a second.
        stop.wait(ASK_AGAIN_S)


def kept_at(server: str, kind: str) -> Path:
    """Where this user keeps the key of a device of this kind at this server."""
    label = hashlib.sha256(server.rstrip("/").encode()).hexdigest()[:12]
    return Path(platformdirs.user_state_dir("moiso", appauthor=False)) / f"{kind}-{label}.key"


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _keep(file: Path, key: str) -> None:
    """Written whole or not at all, and never readable for others, not even for a moment."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=file.parent, prefix=".", suffix=".part")  # made with mode 0600
    try:
        with os.fdopen(handle, "w") as out:
            out.write(key + "\n")
            out.flush()
            os.fsync(out.fileno())
        Path(part).replace(file)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise


def _opens(server: str, key: str) -> bool:
    """Whether the kept key is still one. A server that cannot be asked is no reason to throw a key away."""
    try:
        status, _ = _ask(server.rstrip("/"), "GET", "/device-sessions", None, key)
    except OSError:
        return True
    return status != 401


def _pair(server: str, kind: str, stop: threading.Event, say: Callable[[str], None]) -> str | None:
    while not stop.is_set():
        try:
            status, asked = _ask(server, "POST", "/pairings", {"kind": kind})
            if status == 201:
                code, secret = asked["code"], asked["secret"]
                say(f"Open {server}/manage#pair={code} or type the code {code[:3]} {code[3:]} there to pair this device.")
                key = _wait(server, code, secret, stop)
                if key is not None:
                    say("This device is paired.")
                    return key
                continue
            log.warning("The server gives no code (%s); trying again.", status)
        except (OSError, KeyError, TypeError) as problem:
            log.warning("No connection to %s (%s); trying again.", server, problem)
        stop.wait(WITHOUT_SERVER_S)
    return None


def _wait(server: str, code: str, secret: str, stop: threading.Event) -> str | None:
    """The key once the code was typed; None when the code is none any more."""
    while not stop.wait(ASK_AGAIN_S):
        try:
            status, answer = _ask(server, "POST", f"/pairings/{code}/key", {"secret": secret})
        except OSError as problem:
            log.warning("No connection to %s (%s); trying again.", server, problem)
            continue
        if status == 201:
            return str(answer["key"])
        if status == 404:
            return None
    return None


def _ask(server: str, method: str, path: str, body: Any = None, key: str | None = None) -> tuple[int, Any]:
    """Status and body of one request. Raises OSError when there is no answer."""
    headers = {"Content-Type": "application/json", "X-Moiso": "1"} | ({"Authorization": f"Bearer {key}"} if key else {})
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{server}{API}{path}", data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
            return response.status, json.loads(response.read() or b"null")
    except urllib.error.HTTPError as refusal:
        with suppress(Exception):
            refusal.read()
        return refusal.code, None
    except (HTTPException, ValueError) as problem:
        raise OSError(f"{type(problem).__name__}: {problem}") from problem
