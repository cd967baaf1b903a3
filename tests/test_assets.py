"""What browsers load: every file squeezed for whoever takes it so, and loaded once."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from running import ROOT, Server, running

SCRIPT = "/display/static/main.js"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("files")) as server:
        yield server


def get(server: Server, path: str, **headers: str) -> requests.Response:
    answer = requests.get(server.url + path, headers={"Accept-Encoding": "identity"} | headers, stream=True, timeout=20)
    answer.raw.decode_content = False
    return answer


def test_a_script_comes_squeezed_to_whoever_takes_it_so(server: Server) -> None:
    plain, packed = get(server, SCRIPT), get(server, SCRIPT, **{"Accept-Encoding": "br, gzip"})
    text = (ROOT / "display" / "web" / "main.js").read_bytes()
    assert plain.raw.read() == text and "Content-Encoding" not in plain.headers
    body = packed.raw.read()
    assert packed.headers["Content-Encoding"] == "gzip" and gzip.decompress(body) == text and len(body) < len(text) / 2
    assert int(packed.headers["Content-Length"]) == len(body)
    assert packed.headers["Content-Type"] == plain.headers["Content-Type"] and "javascript" in plain.headers["Content-Type"]
    assert "Accept-Encoding" in packed.headers["Vary"] and "Accept-Encoding" in plain.headers["Vary"]
    assert packed.headers["ETag"] != plain.headers["ETag"], "two forms are two files to a cache"


@pytest.mark.parametrize("form", ["gzip", "identity"])
def test_what_a_browser_has_is_not_sent_again(server: Server, form: str) -> None:
    first = get(server, SCRIPT, **{"Accept-Encoding": form})
    again = get(server, SCRIPT, **{"Accept-Encoding": form, "If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.raw.read()) == (304, b"")
    assert first.headers["Cache-Control"] == "no-cache", "an update is seen with the next load"


def test_a_font_is_squeezed_already_and_what_is_not_there_is_not_found(server: Server) -> None:
    fonts = list((ROOT / "server" / "pages" / "static").rglob("*.woff2"))
    path = "/static/" + fonts[0].relative_to(ROOT / "server" / "pages" / "static").as_posix()
    answer = get(server, path, **{"Accept-Encoding": "gzip"})
    assert answer.raw.read() == Path(fonts[0]).read_bytes() and "Content-Encoding" not in answer.headers
    for missing in ("/static/none.js", "/static/../__init__.py", "/static/%2e%2e/__init__.py", "/display/static/"):
        assert get(server, missing, **{"Accept-Encoding": "gzip"}).status_code == 404
