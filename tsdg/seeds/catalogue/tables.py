"""The package's own tables, as their cells are written."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

DATA = Path(__file__).parent / "data"
"""The tables of the package."""


def table(name: str) -> Iterator[dict[str, str]]:
    """Yield the rows of a CSV table of the package."""
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
