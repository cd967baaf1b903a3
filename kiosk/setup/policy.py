#!/usr/bin/env python3
"""The browser's policy for one machine of the office: `chromium-policy.json` and the addresses that this machine may show.

Chromium reads the result from `/etc/chromium/policies/managed/`, Windows (Chrome, Edge) from the registry: `--format reg`. Needs nothing
but Python, so that a bare television's computer can run it.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

FIXED = Path(__file__).with_name("chromium-policy.json")
KEYS = {"chrome": r"Google\Chrome", "edge": r"Microsoft\Edge", "chromium": "Chromium"}


def policy(pages: list[str]) -> dict[str, Any]:
    """What the browser may do, for the addresses of the screens of this machine. ValueError for an address that is none.

    Only these pages can be opened, not the rest of their server: the console, the manager's page and booking are other people's. What a
    page itself fetches is not asked after, so the agent beside it and the interface of the server need no entry.
    """
    origins, allowed = [], []
    for page in pages:
        parts = urlsplit(page)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or len(parts.path) < 2:
            raise ValueError(f"{page} is not the address of a screen, such as http://192.0.2.1:8000/kiosk/SITE/KIOSK.")
        origins.append(f"{parts.scheme}://{parts.netloc}")
        # The dot: this very host, none below it.
        allowed.append(f"{parts.scheme}://.{parts.netloc}{parts.path}")
    plain = sorted({origin for origin in origins if origin.startswith("http:")})
    every = sorted(set(origins))
    fixed: dict[str, Any] = json.loads(FIXED.read_text(encoding="utf-8"))
    return {
        **fixed,
        "URLAllowlist": sorted(set(allowed)),
        # A hall has nobody to press "allow sound".
        "AutoplayAllowlist": every,
        # Service workers, and with them the page without a server, exist only where the browser trusts the address.
        "OverrideSecurityRestrictionsOnInsecureOrigin": plain,
        # The agent on 127.0.0.1 and the server in the office's network, without a question to the citizen.
        "LocalNetworkAccessAllowedForUrls": every,
        "HomepageIsNewTabPage": False,
        "HomepageLocation": pages[0],
    }


def registry(values: dict[str, Any], browser: str) -> str:
    """The same policy as a `.reg` file for Windows."""
    root = rf"HKEY_LOCAL_MACHINE\SOFTWARE\Policies\{KEYS[browser]}"
    single = {name: value for name, value in values.items() if not isinstance(value, list)}
    lines = ["Windows Registry Editor Version 5.00", "", f"[{root}]", *(f'"{name}"={_data(value)}' for name, value in single.items())]
    for name in sorted(values.keys() - single.keys()):
        lines += ["", f"[-{root}\\{name}]", f"[{root}\\{name}]"]
        lines += [f'"{number}"={_data(value)}' for number, value in enumerate(values[name], 1)]
    return "\r\n".join([*lines, ""])


def _data(value: bool | int | str) -> str:
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return f"dword:{int(value):08x}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("page", nargs="+", help="the address of a screen, without its key: http://192.0.2.1:8000/kiosk/SITE/KIOSK")
    parser.add_argument("--format", choices=("json", "reg"), default="json", help="json for Debian, reg for Windows (default: json)")
    parser.add_argument("--browser", choices=sorted(KEYS), default="chrome", help="whose registry key (default: chrome)")
    arguments = parser.parse_args()
    try:
        values = policy(arguments.page)
    except ValueError as reason:
        print(reason, file=sys.stderr)
        return 2
    if arguments.format == "reg":
        sys.stdout.write(registry(values, arguments.browser))
    else:
        print(json.dumps(values, indent=2, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
