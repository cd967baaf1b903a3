"""The stand-in for a mail gateway: a line in the log that names nobody, or files in a folder. For the demo, rehearsals and tests."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import structlog

from server.letters import Mail
from server.notifiers import NotYet, envelope

log = structlog.get_logger("console")

SENDER = "mot-cua@localhost"


class Console:
    """Without a folder nothing is kept of a mail but that there was one."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def send(self, to: str, mail: Mail, id: str) -> None:
        message = envelope(SENDER, to, mail, id)
        log.info("would_send", notice=id, characters=len(mail.text), calendar=mail.calendar is not None)
        if self._folder is not None:
            # The same notice is the same file, as it is the same mail to a gateway.
            (self._folder / f"{sha256(id.encode()).hexdigest()[:32]}.eml").write_bytes(message.as_bytes())

    def knock(self) -> None:
        if self._folder is not None and not self._folder.is_dir():
            raise NotYet("the folder is gone")

    def close(self) -> None:
        return
