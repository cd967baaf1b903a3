"""`moiso serve`, whose notices say what a test writes into their contacts: the launcher, its loop and its threads are the real ones."""

from __future__ import annotations

import sys

from server import __main__ as launcher


def main() -> int:
    launcher._go_green()
    from test_letters import letter

    class Reading(launcher._Server):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments)  # type: ignore[arg-type]
            self.application.outbox._read = lambda row: (row.contact, letter(row.kind))

    launcher._Server = Reading  # type: ignore[misc]
    return int(launcher.run_serve(launcher.parser().parse_args()))


if __name__ == "__main__":
    sys.exit(main())
