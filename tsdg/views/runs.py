"""Prints a list of runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tsdg.layout import output_root
from tsdg.run.runs import RunLine
from tsdg.views.grid import Column, numbers, print_table

_COLUMNS = (
    Column(name="run", left=True),
    Column(name="recipe", left=True, drop=2),
    Column(name="created", left=True, drop=3),
    Column(name="state", left=True),
    *numbers("records"),
    *numbers("tokens", drop=1),
)


def print_runs(root: Path, runs: Sequence[RunLine]) -> None:
    """Print a table of runs."""
    if not runs:
        print(f"{root} holds no run")
        return
    rows = []
    for line in runs:
        counts = ["-" if count is None else f"{count:,}" for count in (line.records, line.tokens)]
        when = line.created[:16].replace("T", " ")
        rows.append((named(line.run), line.recipe, when, line.state, *counts))
    print_table(_COLUMNS, rows)


def named(run: str) -> str:
    """A run as commands take it: its name where it lies in the usual folder, else its path."""
    path = Path(run)
    return path.name if path.parent == output_root() else run


def runs_json(runs: Sequence[RunLine]) -> dict[str, Any]:
    """The same as plain values."""
    return {"runs": [asdict(line) for line in runs]}
