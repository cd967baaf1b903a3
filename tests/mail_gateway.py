"""A mail gateway on this machine that says what it is told to say: refuses, is slow, hangs up, wants encryption and a password."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from ports import free_port

WAIT_S = 60.0
SENDER = "mot-cua@example.vn"
USER, PASSWORD = "an mau", "mat/khau@1"


@dataclass
class Sent:
    """What the gateway took over."""

    to: str
    message: EmailMessage

    @property
    def id(self) -> str:
        return str(self.message["Message-ID"])

    def part(self, subtype: str) -> EmailMessage:
        (found,) = [p for p in self.message.walk() if p.get_content_subtype() == subtype]
        return found


class Gateway:
    """`answer` is asked for each recipient and mail (`"rcpt"` or `"data"`, the address); None takes it. It runs on a thread of its own, so
    it may wait."""

    def __init__(self, *, encrypts: bool = False, first_byte: bool = False, password: bool = False) -> None:
        self.taken: list[Sent] = []
        self.asked: list[tuple[str, str]] = []
        self.secure: list[bool] = []
        self.port = free_port()
        self.answer: Callable[[str, str], str | None] = lambda step, to: None
        self._news = threading.Condition()
        authority = self.authority = trustme.CA()
        self.trust = ssl.create_default_context()
        authority.configure_trust(self.trust)
        ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost", "127.0.0.1").configure_cert(ours)
        gateway = self

        class Listening(Controller):
            def factory(self) -> SMTP:
                return SMTP(
                    gateway,
                    tls_context=ours if encrypts else None,
                    require_starttls=encrypts,
                    authenticator=gateway._known,
                    auth_required=password,
                    auth_require_tls=encrypts,
                    decode_data=False,
                    enable_SMTPUTF8=False,
                )

        self._controller = Listening(
            self, hostname="127.0.0.1", port=self.port, ready_timeout=WAIT_S, ssl_context=ours if first_byte else None
        )

    def __enter__(self) -> Gateway:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    def _known(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (USER.encode(), PASSWORD.encode()), handled=False)

    async def _says(self, step: str, to: str) -> str | None:
        with self._news:
            self.asked.append((step, to))
            self._news.notify_all()
        return await asyncio.get_running_loop().run_in_executor(None, self.answer, step, to)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        refusal = await self._says("rcpt", address)
        if refusal is None:
            envelope.rcpt_tos.append(address)
        return refusal or "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        to = envelope.rcpt_tos[0]
        refusal = await self._says("data", to)
        if refusal is None:
            with self._news:
                self.secure.append(server.transport.get_extra_info("ssl_object") is not None)
                self.taken.append(Sent(to, message_from_bytes(envelope.content, policy=policy.default)))  # type: ignore[arg-type]
                self._news.notify_all()
        return refusal or "250 Taken"

    def wait(self, question: Callable[[], Any]) -> None:
        """Until something has arrived here."""
        with self._news:
            assert self._news.wait_for(question, WAIT_S), "waited in vain"

    def wait_for(self, *recipients: str) -> list[Sent]:
        """Until these have mail, in any order; all that was taken."""
        self.wait(lambda: sorted(s.to for s in self.taken) == sorted(recipients))
        return self.taken
