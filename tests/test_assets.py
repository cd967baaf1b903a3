"""What browsers load: every file squeezed for whoever takes it so, loaded once, and all files of a page from one edition."""

from __future__ import annotations

import gzip
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, Page
from ports import free_port
from running import MORNING, PASSWORD, ROOT, Server, running, until

SCRIPT = "/display/static/main.js"
TREES = {"/static": "server/pages/static", "/kiosk/static": "kiosk/web", "/display/static": "display/web"}
FOREVER = "public, max-age=31536000, immutable"
DEMO = str(ROOT / "config" / "sites" / "demo.toml")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("files")) as server:
        yield server


def get(server: Server, path: str, **headers: str) -> requests.Response:
    answer = requests.get(server.url + path, headers={"Accept-Encoding": "identity"} | headers, stream=True, timeout=60)
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


# -- addresses that change with what is in them -------------------------------------------------------------------------------------


def edition(server: Server) -> str:
    """How the addresses begin that the server's pages name."""
    found = set(re.findall(r"/v/[0-9a-f]{16}(?=/)", requests.get(f"{server.url}/console", timeout=60).text))
    assert len(found) == 1, "a page names files of one edition"
    return str(found.pop())


def sources() -> Iterator[tuple[str, bytes]]:
    for prefix, folder in TREES.items():
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file():
                yield f"{prefix}/{path.relative_to(ROOT / folder).as_posix()}", path.read_bytes()


def test_every_file_has_an_address_of_its_edition_and_is_kept_without_asking(server: Server) -> None:
    own = edition(server)
    for path, source in sources():
        plain, packed = get(server, own + path), get(server, own + path, **{"Accept-Encoding": "gzip"})
        assert (plain.status_code, packed.status_code) == (200, 200), path
        assert plain.headers["Cache-Control"] == packed.headers["Cache-Control"] == FOREVER
        assert plain.headers["X-Content-Type-Options"] == "nosniff" and "default-src" in plain.headers["Content-Security-Policy"]
        content, body = plain.raw.read(), packed.raw.read()
        assert int(plain.headers["Content-Length"]) == len(content) and int(packed.headers["Content-Length"]) == len(body)
        assert (gzip.decompress(body) if packed.headers.get("Content-Encoding") == "gzip" else body) == content
        assert plain.headers["Content-Type"] == get(server, path).headers["Content-Type"]
        if path.endswith((".js", ".css", ".html")):
            assert packed.headers["ETag"] != plain.headers["ETag"] and "Accept-Encoding" in plain.headers["Vary"]
            assert content.replace(own.encode(), b"") == source, "nothing else of it is changed"
            assert not re.search(r"/static/", re.sub(rf"{own}/((kiosk|display)/)?static/", "", content.decode())), path
        else:
            assert content == source
            assert get(server, path).raw.read() == source


def test_whoever_asks_for_another_version_gets_the_file_of_today_and_keeps_nothing(server: Server) -> None:
    own, other = edition(server), "/v/0123456789abcdef"
    for path, _ in sources():
        today, then = get(server, own + path), get(server, other + path, **{"Accept-Encoding": "gzip"})
        assert (then.status_code, then.headers["Cache-Control"]) == (200, "no-cache"), path
        body = then.raw.read()
        body = gzip.decompress(body) if "Content-Encoding" in then.headers else body
        # Its modules name each other as the page named them: none is loaded under two addresses.
        assert body == today.raw.read().replace(own.encode(), other.encode())
        again = get(server, other + path, **{"Accept-Encoding": "gzip", "If-None-Match": then.headers["ETag"]})
        assert (again.status_code, again.raw.read()) == (304, b"")


def test_what_is_not_a_file_of_the_edition_is_not_found(server: Server) -> None:
    own = edition(server)
    wrong = ["/static/none.js", "/static/", "/static", "/static/shared", "/static/../__init__.py", "/static/%2e%2e/__init__.py", "/console"]
    paths = [own + path for path in (*wrong, "//etc/passwd", "/etc/passwd", "")]
    paths += [f"/v/{version}{SCRIPT}" for version in ("", "1", own[3:].upper(), own[3:] + "0", "g" * 16, "%00")]
    assert [path for path in paths if get(server, path).status_code != 404] == []


def test_head_parts_and_conditions_work_under_an_edition(server: Server) -> None:
    own = edition(server)
    font = f"{own}/static/shared/fonts/noto-sans-700.woff2"
    whole = (ROOT / "server/pages/static/shared/fonts/noto-sans-700.woff2").read_bytes()
    for path in (own + SCRIPT, font):
        for form in ("gzip", "identity"):
            asked = {"Accept-Encoding": form}
            first = get(server, path, **asked)
            head = requests.head(server.url + path, headers=asked, timeout=60)
            same = ("Content-Length", "Cache-Control", "ETag", "Content-Type")
            assert head.status_code == 200 and [head.headers[name] for name in same] == [first.headers[name] for name in same]
            again = get(server, path, **asked, **{"If-None-Match": first.headers["ETag"]})
            assert (again.status_code, again.raw.read(), again.headers["Cache-Control"]) == (304, b"", FOREVER)
    part = get(server, font, Range="bytes=10-19")
    assert (part.status_code, part.headers["Content-Range"]) == (206, f"bytes 10-19/{len(whole)}") and part.raw.read() == whole[10:20]
    packed = get(server, own + SCRIPT, **{"Accept-Encoding": "gzip", "Range": "bytes=10-19"})
    assert packed.status_code == 200 and len(packed.raw.read()) == int(packed.headers["Content-Length"]), "a part of a file is not squeezed"


# -- an update ------------------------------------------------------------------------------------------------------------------------


@contextmanager
def other_copy(folder: Path, changed: str = "") -> Iterator[tuple[str, str]]:
    """How to run the program from a copy of its files in this folder; a line more stands in `changed`."""
    for package in ("audio", "config", "display", "kiosk", "server"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    if changed:
        alter(folder / changed)
    yield "-c", f"import runpy, sys; sys.path.insert(0, {str(folder)!r}); runpy.run_module('server', run_name='__main__', alter_sys=True)"


def alter(path: Path) -> None:
    path.write_text(path.read_text(encoding="utf-8") + "// of the next version\n", encoding="utf-8")


def test_files_that_an_update_writes_beside_a_running_server_are_not_mixed_with_its_own(tmp_path: Path) -> None:
    with other_copy(tmp_path / "copy") as program, running(tmp_path, program=program) as server:
        before = edition(server)
        path = tmp_path / "copy" / "display" / "web" / "main.js"
        old, page = get(server, before + SCRIPT).raw.read(), get(server, "/display/open/main").raw.read()
        alter(path)
        alter(path.with_name("hall.html"))
        assert edition(server) == before and get(server, "/display/open/main").raw.read() == page
        served = get(server, before + SCRIPT)
        assert served.raw.read() == old and served.headers["Cache-Control"] == FOREVER
        server.stop()
        server.start()
        after = edition(server)
        assert after != before
        fresh, stale = get(server, after + SCRIPT), get(server, before + SCRIPT)
        assert fresh.headers["Cache-Control"] == FOREVER and stale.headers["Cache-Control"] == "no-cache"
        assert fresh.raw.read() == old.replace(before.encode(), after.encode()) + b"// of the next version\n"
        assert stale.raw.read() == old + b"// of the next version\n"


def src(page: Page) -> str:
    return str(page.locator("script[src]").evaluate("(script) => script.src"))


def addresses(page: Page) -> list[str]:
    """The files that this page has loaded."""
    names: list[str] = page.evaluate("performance.getEntriesByType('resource').map((entry) => new URL(entry.name).pathname)")
    return [name for name in names if "/static/" in name]


KEPT = """async () => {
  const urls = async (name) => (await (await caches.open(name)).keys()).map((request) => request.url);
  return Promise.all((await caches.keys()).map(async (name) => [name, await urls(name)]));
}"""


def kept(page: Page) -> dict[str, list[str]]:
    """Paths of what the worker of the kiosk's page keeps, by its store."""
    stores = page.evaluate(KEPT)
    return {name: [re.sub(r"^http://[^/]+", "", url) for url in urls] for name, urls in stores}


@pytest.mark.browser
def test_a_kiosk_that_stands_idle_goes_over_to_the_next_version_whole_and_can_be_loaded_without_a_server(
    browser: Browser, tmp_path: Path
) -> None:
    with running(tmp_path, DEMO, *MORNING, site="demo") as server, other_copy(tmp_path / "copy", "kiosk/web/view.js") as program:
        before, key = edition(server), server.device("k1").key
        page = browser.new_page(viewport={"width": 1080, "height": 1920})
        page.goto(f"{server.url}/kiosk/demo/k1#key={key}")
        page.locator(".kiosk[data-screen=home]").wait_for()
        until(lambda: page.evaluate("navigator.serviceWorker.controller !== null"))
        stores = kept(page)
        assert list(stores) == [f"kiosk-{before.removeprefix('/v/')}"]
        (files,) = stores.values()
        assert set(addresses(page)) <= set(files), "whatever the page asked for is kept under the same address"
        assert {path for path in files if not path.startswith(f"{before}/")} == {"/kiosk/demo/k1"}
        assert before in page.evaluate("caches.match('/kiosk/demo/k1').then((kept) => kept.text())")

        server.stop()
        server.program = program
        server.start()
        after = edition(server)
        assert after != before
        page.evaluate("navigator.serviceWorker.getRegistration().then((registration) => registration.update())")
        page.locator(f'script[src^="{after}/"]').wait_for(state="attached", timeout=60_000)
        page.locator(".kiosk[data-screen=home]").wait_for()
        assert {path.split("/static/")[0].removesuffix("/kiosk") for path in addresses(page)} == {after}
        stores = kept(page)
        assert list(stores) == [f"kiosk-{after.removeprefix('/v/')}"]
        assert after in page.evaluate("caches.match('/kiosk/demo/k1').then((kept) => kept.text())")

        server.stop()
        page.reload()
        page.locator(".kiosk").wait_for()
        assert f"{server.url}{after}/" in src(page)
        assert {path.split("/static/")[0].removesuffix("/kiosk") for path in addresses(page)} == {after}
        page.close()


@contextmanager
def gateway(ways: dict[str, Server], otherwise: Server) -> Iterator[str]:
    """Something before several workers: what begins with one of `ways` goes there, also while it runs."""

    class Gateway(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server = next((server for start, server in ways.items() if self.path.startswith(start)), otherwise)
            answer = requests.get(server.url + self.path, headers={"Accept-Encoding": "identity"}, timeout=60)
            self.send_response(answer.status_code)
            for name in ("Content-Type", "Cache-Control", "Content-Security-Policy"):
                if name in answer.headers:
                    self.send_header(name, answer.headers[name])
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", free_port()), Gateway)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


INSTALLED = """async () => {
  const registration = await navigator.serviceWorker.register("/kiosk/sw.js", { scope: "/kiosk/" });
  const worker = registration.installing ?? registration.waiting ?? registration.active;
  const over = () => ["activated", "redundant"].includes(worker.state);
  if (!over()) await new Promise((resolve) => worker.addEventListener("statechange", () => over() && resolve()));
  return worker.state;
}"""


@pytest.mark.browser
def test_a_kiosk_keeps_nothing_of_a_version_while_some_of_it_comes_from_a_worker_of_the_other(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    with other_copy(tmp_path / "copy", "kiosk/web/view.js") as program, running(tmp_path, program=program) as fresh:
        after = edition(fresh)
        ways = {"/kiosk/sw.js": fresh, f"{after}/kiosk/": fresh}
        with gateway(ways, server) as url:
            page = browser.new_page()
            page.goto(url)
            assert page.evaluate(INSTALLED) == "redundant" and kept(page) == {}
            ways["/"] = fresh
            assert page.evaluate(INSTALLED) == "activated"
            assert all(path.startswith(f"{after}/") for path in kept(page)[f"kiosk-{after.removeprefix('/v/')}"])
            page.close()


@pytest.mark.browser
def test_a_kiosk_that_meets_a_page_of_the_next_version_keeps_the_one_whose_files_it_has(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    with other_copy(tmp_path / "copy", "kiosk/web/view.js") as program, running(tmp_path, program=program) as fresh:
        before, after = edition(server), edition(fresh)
        ways: dict[str, Server] = {}
        with gateway(ways, server) as url:
            page = browser.new_page()
            page.goto(f"{url}/kiosk/open/k1")
            until(lambda: page.evaluate("navigator.serviceWorker.controller !== null"))
            ways |= {"/kiosk/open/k1": fresh, f"{after}/": fresh}

            def met() -> bool:
                # To an answer that takes more than three seconds the machine prefers the page that it keeps.
                page.reload()
                page.locator(".kiosk").wait_for()
                return src(page).startswith(f"{url}{after}/")

            until(met)
            assert list(kept(page)) == [f"kiosk-{before.removeprefix('/v/')}"]
            assert before in page.evaluate("caches.match('/kiosk/open/k1').then((kept) => kept.text())")
            page.close()


# -- every page ------------------------------------------------------------------------------------------------------------------------

PAGES = {
    "directory": ("/", "", "main section"),
    "kiosk": ("/kiosk/demo/k1#key={key}", "", ".kiosk[data-screen=home]"),
    "hall": ("/display/demo/main", "", ".stage main"),
    "counter": ("/display/demo/counter/1", "", ".above main"),
    "plain wall": ("/display/demo/main/plain", "", ".office"),
    "console": ("/console", "lan", "main.entry"),
    "manage": ("/manage", "binh", "nav.tabs"),
    "desk": ("/desk/demo", "hoa", "header.bar select"),
    "ticket": ("/t/{ticket}", "", "main .code"),
    "booking": ("/book/demo", "", "main h1"),
    "procedures": ("/procedures/demo", "", "main h1"),
    "interface": ("/api/docs", "", "h1"),
}


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, dict[str, str]]]:
    """An office with its staff, a kiosk and somebody who waits; what their addresses need."""
    with running(tmp_path_factory.mktemp("ward"), DEMO, *MORNING, site="demo") as server:
        for name, role in (("lan", "clerk"), ("hoa", "helper"), ("binh", "supervisor")):
            server.crew(name, role=role)
        kiosk = server.device("k1")
        ticket = kiosk.post("/sites/demo/tickets", {"service": "civil"}, expect=201)
        yield server, {"key": str(kiosk.key), "ticket": ticket["id"]}


def sent(server: Server) -> float:
    """So many files the server has sent under their edition, whole or as a line that says that nothing has changed."""
    figures = requests.get(f"{server.url}/metrics", timeout=60).text
    return sum(float(n) for n in re.findall(r'moiso_http_seconds_count\{.*rule="/v/.* (\S+)\n', figures))


@pytest.mark.browser
@pytest.mark.parametrize("name", PAGES)
def test_a_page_loads_each_file_once_from_one_edition_and_the_next_time_none(
    browser: Browser, ward: tuple[Server, dict[str, str]], name: str
) -> None:
    server, known = ward
    own = edition(server)
    path, who, drawn = PAGES[name]
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    if who:
        context.request.post(f"{server.api}/sessions", data={"user": who, "password": PASSWORD})
    wrong: list[str] = []
    asked: list[str] = []
    begun = sent(server)

    def said(kind: str, text: str) -> None:
        # A kiosk that becomes a device connects anew, as one.
        if kind in ("error", "warning") and "closed before the connection is established" not in text:
            wrong.append(text)

    def opened() -> Page:
        page = context.new_page()
        page.on("console", lambda message: said(message.type, message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("requestfailed", lambda request: wrong.append(request.url))
        page.on("response", lambda response: wrong.append(response.url) if response.status >= 400 else None)
        page.on("request", lambda request: asked.append(request.url.removeprefix(server.url)))
        page.goto(server.url + path.format(**known))
        page.locator(drawn).first.wait_for()
        page.evaluate("document.fonts.ready")
        if name == "kiosk":
            until(lambda: page.evaluate("navigator.serviceWorker.controller !== null"))
        return page

    def files() -> list[str]:
        return [url for url in asked if "static/" in url]

    page = opened()
    assert files() and [url for url in files() if not url.startswith(f"{own}/")] == []
    assert len(files()) == len(set(files())), "a module that is loaded twice is two modules"
    opened()
    assert wrong == []
    page.reload()
    page.locator(drawn).first.wait_for()
    stored = {path for store in kept(page).values() for path in store if path.startswith(f"{own}/")}
    loaded = stored | {url for url in files() if url.startswith(f"{own}/")}
    assert len(files()) > len(loaded & set(files())), "all of it was loaded again"
    assert 0 < sent(server) - begun <= len(loaded), "and each file came from the server once"
    context.close()
