"""What can be told of the machine that holds the office: its disk, its database, the copies, the programs it needs.

Blocking: reading a large database takes seconds. The server looks on another thread, `moiso doctor` in its own time.
"""

from __future__ import annotations

import shutil
import socket
import time
import urllib.error
import urllib.request
from datetime import timedelta
from pathlib import Path

from server.core import checkup
from server.core.checkup import Finding, State
from server.store import ballast, copies
from server.store.ballast import free

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
VOICES = ("espeak-ng", "espeak")
UNITS = Path("/etc/systemd/system")
SCREENS = ("moiso-kiosk-screen.service", "moiso-hall-screen.service")
ANSWER_S = 3.0


def look(database: Path | None, backups: Path | None = None, *, replicated: bool = False, voice: bool = True) -> list[Finding]:
    """What the server's own machine is like. `backups`: where `moiso backup` puts its copies; by default beside the database.
    `replicated`: a second disk follows the database, so that copies are more than is needed. `voice`: it is to speak. Without a file, as on
    PostgreSQL, database and copies are looked after by others."""
    if database is None:
        found = [checkup.disk(free(Path.home()))]
    else:
        newest = newest_copy(database, backups or database.parent / "backups")
        found = [checkup.disk(free(database.parent)), *spare(database), checkup.database(copies.damage(database))]
        if newest is not None or not replicated:
            found.append(checkup.copies(newest))
    if voice:
        found.append(speech())
    return found


def spare(database: Path) -> list[Finding]:
    """Whether room is kept for a full disk. Nothing is said where it could be and is not: the next start makes it, unless it shall not."""
    there, left = ballast.beside(database).exists(), free(database.parent)
    return [checkup.ballast(there, ballast.SIZE)] if there or (left is not None and left < 2 * ballast.SIZE) else []


def newest_copy(database: Path, folder: Path) -> timedelta | None:
    """How old the newest copy of this database in a folder is; None when there is none."""
    try:
        made = [path.stat().st_mtime for path in folder.glob(f"{database.stem}*.db") if path.resolve() != database.resolve()]
    except OSError:
        # A disk that is being pulled out.
        made = []
    return timedelta(seconds=max(0.0, time.time() - max(made))) if made else None


def replica_behind_s(database: Path, folder: Path) -> float:
    """How much later the database was written than its copy on the second disk; infinite when there is none."""
    try:
        kept = [path.stat().st_mtime for path in folder.glob(f"{database.stem}-*")]
        written = max(path.stat().st_mtime for path in (database, database.with_name(f"{database.name}-wal")) if path.exists())
    except (OSError, ValueError):
        return float("inf")
    return max(0.0, written - max(kept)) if kept else float("inf")


def speech() -> Finding:
    todo = "Cài espeak-ng, rồi khởi động lại máy chủ. Trong lúc chờ, chỉ có tiếng chuông."
    return checkup.program("voice", _has(VOICES), "Chương trình đọc espeak-ng", todo)


def browser(units: Path = UNITS) -> list[Finding]:
    """Whether there is a browser, on a machine that was set up as a kiosk or as a hall's screen; else nothing."""
    if not any((units / unit).exists() for unit in SCREENS):
        return []
    return [checkup.program("browser", _has(BROWSERS), "Trình duyệt Chromium", "Chạy lại kiosk/setup/install trên máy này.")]


def _has(programs: tuple[str, ...]) -> bool:
    return any(shutil.which(name) for name in programs)


def port(number: int) -> Finding:
    """Who answers at the server's port on this machine."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{number}/healthz", timeout=ANSWER_S) as answer:
            ours = bool(answer.headers.get("X-Moiso-Version"))
    except urllib.error.HTTPError as refusal:
        ours = bool(refusal.headers.get("X-Moiso-Version"))
    except (OSError, ValueError):
        with socket.socket() as knock:
            knock.settimeout(ANSWER_S)
            taken = knock.connect_ex(("127.0.0.1", number)) == 0
        if not taken:
            return Finding("port", State.ATTENTION, f"Máy chủ không chạy ở cổng {number}", "Chạy máy chủ, hoặc cho biết cổng bằng --port.")
        ours = False
    if ours:
        return Finding("port", State.GOOD, f"Máy chủ đang chạy ở cổng {number}")
    return Finding("port", State.BAD, f"Chương trình khác đang giữ cổng {number}", "Dừng chương trình đó, hoặc chạy máy chủ ở cổng khác.")
