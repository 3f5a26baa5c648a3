"""Prints a list of runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tsdg.layout import output_root
from tsdg.run.runs import RunLine


def print_runs(root: Path, runs: Sequence[RunLine]) -> None:
    """Print a table of runs."""
    if not runs:
        print(f"{root} holds no run")
        return
    table = Table(box=None, pad_edge=False)
    for column in ("run", "recipe", "created", "state", "records", "tokens"):
        table.add_column(
            column, justify="right" if column in ("records", "tokens") else "left", overflow="fold"
        )
    for line in runs:
        counts = ["-" if count is None else str(count) for count in (line.records, line.tokens)]
        table.add_row(named(line.run), line.recipe, line.created, line.state, *counts)
    (Console() if sys.stdout.isatty() else Console(width=200)).print(table)


def named(run: str) -> str:
    """A run as commands take it: its name where it lies in the usual folder, else its path."""
    path = Path(run)
    return path.name if path.parent == output_root() else run


def runs_json(runs: Sequence[RunLine]) -> dict[str, Any]:
    """The same as plain values."""
    return {"runs": [asdict(line) for line in runs]}
