"""Files of the pages as they are sent: squeezed once for all browsers, and kept by them for as long as they are the same.

All files together, as they were when the server started, are an edition, and its version is in their addresses:
`/v/0123456789abcdef/static/shared/api.js`. What has such an address never changes, so a browser keeps it and asks no more. A page names the
addresses of its own edition; a module that names others relatively stays in it, and the absolute addresses in modules, styles and pages are
bound to it when they are sent. Sources know nothing of versions.

Whoever asks for another version than this server's (a page that was loaded before an update, or from another worker during one) gets the
file of today, to be kept by nobody, still bound to the version he asked for: a page has every module under one address, hence once.

The plain addresses (`/static/shared/api.js`) are asked for each time: a browser asks by the file's ETag whether it is still the same.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import mimetypes
import re
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from pathlib import Path

from flask import Response, abort, request, send_from_directory

SQUEEZED = {".js", ".css", ".html", ".svg", ".json"}
"""What shrinks to a third; fonts and pictures are squeezed already."""
BOUND = {".js", ".css", ".html"}
"""What names addresses of other files."""
KEPT = 512
OTHERS = 128
"""So many files of other versions than this server's are kept: whoever invents versions fills no memory."""
ADDRESS = re.compile(rb"(?<=[\"'`(])(?=/(?:(?:kiosk|display)/)?static/)")
"""Where an absolute address of a file begins in a source."""
VERSION = re.compile(r"[0-9a-f]{16}")
TOLD = b'<script id="told" type="application/json">'
FOREVER = "public, max-age=31536000, immutable"

Forms = dict[bool, tuple[bytes, str]]
"""A file's content and a name for it: as it is (False) and, where that makes it smaller, squeezed (True)."""


class Edition:
    """The files of the pages as they are now, before an update writes others into their place; and the addresses that hold for them alone.

    `folders`: where the files of a prefix lie.
    """

    def __init__(self, folders: Mapping[str, Path]) -> None:
        self._files = {
            f"{prefix}/{path.relative_to(folder).as_posix()}": path.read_bytes()
            for prefix, folder in folders.items()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        digest = hashlib.sha256()
        for address, source in self._files.items():
            # As it is sent: also a change of what is done to the sources here makes another edition.
            content = bound(source, "") if Path(address).suffix in BOUND else source
            digest.update(f"{address}\n{len(content)}\n".encode() + content)
        self.version = digest.hexdigest()[:16]
        self._own = cache(self._forms)
        self._others = lru_cache(OTHERS)(self._forms)

    def addresses(self, prefix: str) -> list[str]:
        """What this edition's files below a prefix are called."""
        return [f"/v/{self.version}{address}" for address in self._files if address.startswith(f"{prefix}/")]

    def file(self, version: str, name: str) -> Response:
        """A file of this edition under the version that somebody asked for. Aborts with 404."""
        if f"/{name}" not in self._files or not VERSION.fullmatch(version):
            abort(404)
        ours = version == self.version
        forms = self._own if ours else self._others
        return _answer(name, forms(f"/{name}", version), FOREVER if ours else "no-cache")

    def bound(self, source: str) -> str:
        """A page that names files, as a page that names those of this edition."""
        return bound(source.encode(), self.version).decode()

    def page(self, path: Path, **told: object) -> Callable[[], Response]:
        """What answers with a page as it is now, bound to this edition. What it is `told` stands in its element of that id, as JSON."""
        source = path.read_bytes()
        if told:
            words = json.dumps(told, ensure_ascii=False).replace("<", "\\u003c")
            source = source.replace(TOLD + b"{}", TOLD + words.encode())
        forms = _forms(path.name, bound(source, self.version))
        return lambda: _answer(path.name, forms, "no-cache")

    def _forms(self, address: str, version: str) -> Forms:
        source = self._files[address]
        return _forms(address, bound(source, version) if Path(address).suffix in BOUND else source)


def bound(source: bytes, version: str) -> bytes:
    """A source whose absolute addresses of files are those of a version."""
    return ADDRESS.sub(f"/v/{version}".encode(), source)


def _forms(name: str, content: bytes) -> Forms:
    forms = {False: content}
    if Path(name).suffix in SQUEEZED:
        forms[True] = gzip.compress(content, mtime=0)
    return {squeezed: (form, hashlib.sha256(form).hexdigest()[:32]) for squeezed, form in forms.items()}


def _answer(name: str, forms: Forms, kept: str) -> Response:
    squeeze = True in forms and request.accept_encodings.quality("gzip") > 0
    content, called = forms[squeeze]
    response = Response(content, mimetype=mimetypes.guess_type(name)[0] or "application/octet-stream")
    response.headers["Cache-Control"] = kept
    if True in forms:
        response.vary.add("Accept-Encoding")
    if squeeze:
        response.headers["Content-Encoding"] = "gzip"
    response.set_etag(called)
    # Parts are of the file as it is.
    return response.make_conditional(request.environ, accept_ranges=not squeeze, complete_length=len(content))


def plain(folder: Path, name: str) -> Response:
    """A file of this folder as it is on the disk, in whichever form the browser takes. Aborts with 404."""
    shrinks = Path(name).suffix in SQUEEZED
    squeeze = shrinks and request.accept_encodings.quality("gzip") > 0
    response = send_from_directory(folder, name, conditional=not squeeze)
    response.headers["Cache-Control"] = "no-cache"
    if shrinks:
        response.vary.add("Accept-Encoding")
    if not squeeze:
        return response
    path = folder / name
    found = path.stat()
    content, called = squeezed(path, found.st_mtime_ns, found.st_size)
    response.close()
    response.direct_passthrough = False
    response.set_data(content)
    response.headers["Content-Encoding"] = "gzip"
    response.set_etag(called)
    response.make_conditional(request.environ)
    return response


@lru_cache(KEPT)
def squeezed(path: Path, changed_ns: int, size: int) -> tuple[bytes, str]:
    """The content of a file as it was last changed, and a name for it."""
    content = gzip.compress(path.read_bytes(), mtime=0)
    return content, hashlib.sha256(content).hexdigest()[:32]
