"""The product on a disk whose flush takes so many milliseconds longer.

    python -m tests.bench.slow_disk 5 FOLDER serve --db sqlite:///office.db ...

The flush itself takes longer, not what the program does around it: a wait in Python would have to come by the interpreter once more before
the disk is asked, which no disk asks for. It needs a C compiler (Debian: gcc), and builds what it preloads in that folder.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).with_name("slow_flush.c")


def preloaded(folder: Path) -> Path:
    """The library that makes flushes slow, built in this folder."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise SystemExit("A slow disk needs a C compiler: install gcc.")
    library = folder / "slow_flush.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(SOURCE), "-ldl"], check=True)
    return library


def main(flush_ms: float, folder: Path, words: list[str]) -> None:
    """Become the product's own launcher, on the slow disk."""
    library = preloaded(folder)
    os.environ |= {"LD_PRELOAD": str(library), "SLOW_FLUSH_MS": str(flush_ms)}
    os.execv(sys.executable, [sys.executable, "-m", "server", *words])


if __name__ == "__main__":
    main(float(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
