"""Files of the pages as they are sent: squeezed once for all browsers, and named by what is in them.

A browser keeps each file and asks by that name whether it is still the same; the answer is one line. Nothing is kept unasked: after an
update a page would run half with the old modules and half with the new ones.
"""

from __future__ import annotations

import gzip
import hashlib
from functools import lru_cache
from pathlib import Path

from flask import Response, request, send_from_directory

SQUEEZED = {".js", ".css", ".html", ".svg", ".json"}
"""What shrinks to a third; fonts and pictures are squeezed already."""
KEPT = 512


def page(folder: Path, name: str) -> Response:
    """A file of this folder, in whichever form the browser takes. Aborts with 404."""
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
