"""Several workers of one office as a province runs them: one PostgreSQL database, Redis beside it, nginx with the shipped configuration."""

from __future__ import annotations

import copy
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from ports import free_port, free_ports
from running import OPEN, ROOT, START_S, Client, Server, running, until

SHIPPED = ROOT / "config" / "nginx" / "moiso.conf"
AROUND = """
pid {folder}/pid;
error_log {folder}/error.log;
worker_processes 2;
worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    default_type application/octet-stream;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/moiso.conf;
}}
"""


class Nginx:
    """Debian's nginx with the shipped configuration: other ports, a certificate of its own, and these workers."""

    def __init__(self, behind: list[int]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="moiso-nginx-"))
        self.folder.chmod(0o755)
        self.port, self.plain_port = free_port(), free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.certificate = self.folder / "fullchain.pem"
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=so.example.vn"),
                *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", self.folder / "privkey.pem", "-out", self.certificate),
            ],
            check=True,
            capture_output=True,
        )
        text = SHIPPED.read_text(encoding="utf-8")
        servers = "".join(f"    server 127.0.0.1:{port} max_fails=1 fail_timeout=1s;\n" for port in behind)
        text, found = re.subn(r"(    server 127\.0\.0\.1:\d+ [^\n]*\n)+", servers, text)
        assert found == 1
        for shipped, ours in (
            ("listen [::]:443 ssl http2;", ""),
            ("listen [::]:80;", ""),
            ("listen 443", f"listen 127.0.0.1:{self.port}"),
            ("listen 80", f"listen 127.0.0.1:{self.plain_port}"),
            ("/etc/ssl/moiso", str(self.folder)),
            ("/var/lib/nginx/moiso", f"{self.folder}/static"),
        ):
            assert shipped in text, shipped
            text = text.replace(shipped, ours)
        (self.folder / "moiso.conf").write_text(text, encoding="utf-8")
        (self.folder / "nginx.conf").write_text(AROUND.format(folder=self.folder), encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Nginx:
        command = [
            shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") or "nginx",
            "-e",
            str(self.folder / "error.log"),
            "-c",
            str(self.folder / "nginx.conf"),
        ]
        tried = subprocess.run([*command, "-t"], capture_output=True, text=True)
        assert tried.returncode == 0 and "warn" not in tried.stderr, tried.stderr
        self._process = subprocess.Popen([*command, "-g", "daemon off;"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: self._answers())
        return self

    def _answers(self) -> bool:
        assert self._process is not None and self._process.poll() is None, (self.folder / "error.log").read_text()
        try:
            return requests.get(f"{self.url}/healthz", verify=str(self.certificate), timeout=START_S).status_code == 404
        except (requests.ConnectionError, requests.Timeout):
            return False

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(timeout=START_S)

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Several(Server):
    """`moiso serve --workers N`. `worker(n)` is the address of one of them, `url` that of nginx in front of all."""

    def __init__(self, folder: Path, db: str, *options: str, document: str = OPEN, site: str = "open", count: int = 2) -> None:
        own = ("--workers", str(count), "--trusted-proxies", "1", "--secure-cookies")
        super().__init__(folder, document, *own, *options, site=site, db=db, port=free_ports(count))
        self.count = count
        self.nginx = Nginx([self.port + n for n in range(count)])

    def worker(self, number: int) -> str:
        return f"http://127.0.0.1:{self.port + number}"

    def at(self, number: int, client: Client) -> Client:
        """The same caller at one worker, past nginx."""
        return Client(f"{self.worker(number)}/api/v1", client.key)

    def past_nginx(self, number: int) -> Server:
        """One worker by itself, to ask."""
        alone = copy.copy(self)
        alone.url, alone.api = self.worker(number), f"{self.worker(number)}/api/v1"
        return alone

    def start(self) -> Several:
        super().start()
        self.url, self.api = self.nginx.start().url, f"{self.nginx.url}/api/v1"
        return self

    def wait_until_ready(self) -> None:
        super().wait_until_ready()
        until(lambda: all(self.is_ready(n) for n in range(self.count)))

    def is_ready(self, number: int) -> bool:
        assert self.process is not None and self.process.poll() is None, self.log.read_text()[-2000:]
        try:
            return requests.get(f"{self.worker(number)}/readyz", timeout=START_S).status_code == 200
        except (requests.ConnectionError, requests.Timeout):
            return False

    def pids(self) -> dict[int, int]:
        """The process of each worker that runs now, by its number."""
        assert self.process is not None
        found = {}
        for pid in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if "--worker-of" in words:
                # The last one counts.
                last = max(n for n, word in enumerate(words) if word == "--port")
                found[int(words[last + 1]) - self.port] = int(pid)
        return found

    def kill_worker(self, number: int) -> int:
        """A power cut for one of them; the number of the process that it was."""
        pid = self.pids()[number]
        os.kill(pid, signal.SIGKILL)
        return pid

    def until_started_again(self, number: int, after: int) -> None:
        until(lambda: self.pids().get(number, after) != after and self.is_ready(number))


@contextmanager
def several(folder: Path, db: str, *options: str, document: str = OPEN, site: str = "open", count: int = 2) -> Iterator[Several]:
    """Workers and nginx; whoever asks by `requests` in the meantime trusts its certificate."""
    office = Several(folder, db, *options, document=document, site=site, count=count)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("REQUESTS_CA_BUNDLE", str(office.nginx.certificate))
            yield office.start()
    finally:
        office.nginx.remove()
        if office.process is not None and office.process.poll() is None:
            office.stop()


@contextmanager
def serving(
    served: str, folder: Path, request: pytest.FixtureRequest, *options: str, document: str = OPEN, site: str = "open"
) -> Iterator[Server]:
    """An office served by one process on `sqlite` or on `postgresql`, or by two `workers`."""
    if served == "workers":
        queue = ("--queue", request.getfixturevalue("redis").url)
        with several(folder, request.getfixturevalue("postgres").fresh(), *options, *queue, document=document, site=site) as office:
            yield office
    else:
        db = request.getfixturevalue("postgres").fresh() if served == "postgresql" else None
        with running(folder, document, *options, site=site, db=db) as server:
            yield server
