"""Measurements; `README.md` says how they are run and read. They begin from the tests' own offices and servers."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
