"""Mail through a gateway that speaks SMTP: the authority's own, or a provider's.

The office's trouble (no connection, a wrong password, a sender that is not allowed) is temporary whatever the gateway says: somebody will
put it right, and until its time comes the notice waits. Only what is refused about this recipient or this mail is final.
"""

from __future__ import annotations

import os
import re
import smtplib
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from email.headerregistry import Address
from ipaddress import ip_address
from urllib.parse import parse_qs, unquote, urlsplit

from server.letters import Mail
from server.notifiers import Never, NotYet, envelope

EXAMPLE = "smtp://user:password@host:587?from=mot-cua@example.vn"
CONNECT_S = 20
"""Longest wait for a connection and its greeting,"""
REPLY_S = 300
"""and for each later answer. A gateway that checks mail for a minute must not be asked again meanwhile: it would send twice."""
KNOCK_S = 5
"""Longest wait of somebody who only asks whether it is there."""
PORTS = {"smtp": 587, "smtps": 465}
REFUSED = 500
_ENHANCED = re.compile(rb"\d\.\d{1,3}\.\d{1,3}")


class NoGateway(ValueError):
    """An address that is no gateway's; the text is one sentence that repeats nothing of it, since it holds a password."""


@dataclass(frozen=True)
class Gateway:
    """`smtp` encrypts when the gateway offers it, and must before a password is told; `smtps` from the first byte."""

    scheme: str
    host: str
    port: int
    sender: str
    user: str = ""
    password: str = ""

    @classmethod
    def of(cls, url: str) -> Gateway:
        """Read `smtp://` or `smtps://`. Raises `NoGateway`."""
        try:
            parts = urlsplit(url)
            port = parts.port
            options = parse_qs(parts.query, strict_parsing=True) if parts.query else {}
        except ValueError as error:
            raise NoGateway(f"The mail gateway is not written as an address: write {EXAMPLE}, a special character as %40.") from error
        if parts.scheme not in PORTS or not parts.hostname or parts.path not in ("", "/") or parts.fragment or port == 0:
            raise NoGateway(f"This is not a mail gateway: write {EXAMPLE}, or smtps:// for one that encrypts from the first byte.")
        unknown = sorted(set(options) - {"from"})
        if unknown:
            raise NoGateway(f"The mail gateway has no option {unknown[0]!r}: after the question mark stands only from=mot-cua@example.vn.")
        sender = options.get("from", [unquote(parts.username or "")])[-1]
        if not _is_address(sender):
            raise NoGateway("The mail gateway needs the address that mail comes from: add ?from=mot-cua@example.vn.")
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        if not f"{user}{password}".isascii():
            raise NoGateway("The user and the password of the mail gateway may hold only ASCII characters: choose another password there.")
        return cls(parts.scheme, parts.hostname, port or PORTS[parts.scheme], sender, user, password)

    @property
    def is_here(self) -> bool:
        """What is said to it stays on this machine."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def _is_address(text: str) -> bool:
    try:
        found = Address(addr_spec=text)
    except Exception:
        # The parser of the standard library raises whatever it stumbles over.
        return False
    return bool(found.username and found.domain) and text.isascii() and not re.search(r"\s", text)


class Smtp:
    """One connection for each mail: an office sends a few an hour, and a gateway hangs up on whoever says nothing."""

    def __init__(self, gateway: Gateway, context: ssl.SSLContext | None = None) -> None:
        self._gateway = gateway
        self._context = context or ssl.create_default_context()
        self._talks: set[smtplib.SMTP] = set()
        self._closed = False

    def send(self, to: str, mail: Mail, id: str) -> None:
        message = envelope(self._gateway.sender, to, mail, id)
        smtp = self._connected()
        self._talks.add(smtp)
        try:
            if self._closed:
                raise NotYet("interrupted")
            smtp.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()))
            raise _refused(code, said) from None
        except smtplib.SMTPSenderRefused as error:
            raise NotYet(f"the gateway refuses our sender: {_code(error.smtp_code, error.smtp_error)}") from None
        except smtplib.SMTPResponseException as error:
            raise _refused(error.smtp_code, error.smtp_error) from None
        except smtplib.SMTPNotSupportedError:
            raise Never("the gateway takes no address of this alphabet") from None
        except (smtplib.SMTPException, OSError) as error:
            raise NotYet(_trouble(error)) from None
        finally:
            self._talks.discard(smtp)
            # It has been accepted, or it has not: how we part changes nothing of it.
            with suppress(smtplib.SMTPException, OSError):
                if smtp.sock is not None:
                    smtp.sock.settimeout(CONNECT_S)
                smtp.quit()
            smtp.close()

    def knock(self) -> None:
        try:
            socket.create_connection((self._gateway.host, self._gateway.port), timeout=KNOCK_S).close()
        except OSError as error:
            raise NotYet(_trouble(error)) from None

    def close(self) -> None:
        self._closed = True
        for smtp in list(self._talks):
            # Past the encryption, which an encrypted socket that is told to shut down would forget under the other thread's hands.
            with suppress(OSError, AttributeError), socket.socket(fileno=os.dup(smtp.sock.fileno())) as same:  # type: ignore[union-attr]
                same.shutdown(socket.SHUT_RDWR)

    def _connected(self) -> smtplib.SMTP:
        """A connection that may be spoken on: encrypted where it has to be, signed in where there is a password. Raises `NotYet`."""
        to = self._gateway
        smtp: smtplib.SMTP | None = None
        try:
            if to.scheme == "smtps":
                smtp = smtplib.SMTP_SSL(to.host, to.port, timeout=CONNECT_S, context=self._context)
            else:
                smtp = smtplib.SMTP(to.host, to.port, timeout=CONNECT_S)
                smtp.ehlo_or_helo_if_needed()
                if smtp.has_extn("starttls"):
                    smtp.starttls(context=self._context)
                elif to.user and not to.is_here:
                    raise NotYet("the gateway offers no encryption, and a password is not told without")
            if to.user:
                smtp.login(to.user, to.password)
            assert smtp.sock is not None
            smtp.sock.settimeout(REPLY_S)
        except Exception as error:
            if smtp is not None:
                smtp.close()
            if isinstance(error, smtplib.SMTPResponseException):
                raise NotYet(f"the gateway lets us not in: {_code(error.smtp_code, error.smtp_error)}") from None
            if isinstance(error, smtplib.SMTPException | OSError):
                raise NotYet(_trouble(error)) from None
            raise
        return smtp


def _refused(code: int, said: bytes | str) -> NotYet | Never:
    return Never(_code(code, said)) if code >= REFUSED else NotYet(_code(code, said))


def _code(code: int, said: bytes | str) -> str:
    """`550 5.1.1`. Only the numbers: in words gateways repeat the address."""
    enhanced = _ENHANCED.match(said.encode(errors="replace") if isinstance(said, str) else said)
    return f"{code} {enhanced[0].decode()}" if enhanced else str(code)


def _trouble(error: Exception) -> str:
    """What kind of trouble, and the system's own word for it."""
    return f"{type(error).__name__}: {error.strerror}" if isinstance(error, OSError) and error.strerror else type(error).__name__
