"""How notices leave the house: one small file for each channel.

A channel sends one mail at a time, blocking, from any thread. What it says about a failure is for staff and logs, and names nobody.
"""

from __future__ import annotations

from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, localtime
from hashlib import sha256
from typing import Protocol

from server.letters import Mail

CALENDAR_NAME = "lich-hen.ics"


class NotYet(Exception):
    """Not sent, or nobody knows; later may be better."""


class Never(Exception):
    """Refused for good: this address, or this mail, will not be accepted however often it is tried."""


class Notifier(Protocol):
    def send(self, to: str, mail: Mail, id: str) -> None:
        """Returns when somebody else has taken responsibility for the mail. The same `id` is the same mail. Raises `NotYet` or `Never`."""

    def knock(self) -> None:
        """Only whether anybody is there: no mail is sent. Raises `NotYet`."""

    def close(self) -> None:
        """The process ends: cut short whatever is being sent."""


def envelope(sender: str, to: str, mail: Mail, id: str) -> EmailMessage:
    """The mail as it travels. Its Message-ID comes from the notice, so that a repeat is recognised. Raises `Never` for a bad address."""
    message = EmailMessage(policy=SMTP)
    name = " ".join(mail.sender.split())
    try:
        message["From"] = Address(name, addr_spec=sender)
        message["To"] = Address(addr_spec=to)
    except (ValueError, IndexError, MessageError) as error:
        raise Never("the address is malformed") from error
    message["Subject"] = " ".join(mail.subject.split())
    message["Date"] = format_datetime(localtime())
    message["Message-ID"] = f"<{sha256(id.encode()).hexdigest()[:32]}@{sender.rpartition('@')[2]}>"
    # Nobody's holiday reply shall answer a machine (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text, cte="quoted-printable")
    if mail.calendar is not None:
        kept = {"method": "PUBLISH", "charset": "utf-8"}
        message.add_attachment(mail.calendar.encode(), "text", "calendar", filename=CALENDAR_NAME, params=kept)
    return message
