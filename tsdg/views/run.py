"""The last lines of a run: its directory, the per-task table, and what to know about the model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tsdg.package.losses import told
from tsdg.package.manifest_form import Manifest

COLUMNS = (
    "task",
    "seeds",
    "questions",
    "answered",
    "records",
    "tokens",
    "rejected, by reason",
)


def print_run(directory: Path, manifest: Manifest, *, note: str) -> None:
    """Print a finished run's per-task table, the note on its model and its directory."""
    console = Console(soft_wrap=False)
    table = Table(box=None, pad_edge=False)
    for column in COLUMNS:
        table.add_column(
            column,
            justify="left" if column in (COLUMNS[0], COLUMNS[-1]) else "right",
            overflow="fold",
        )
    for row in rows(manifest):
        table.add_row(*row)
    console.print(table)
    if unenriched := _unenriched(manifest):
        console.print(unenriched, markup=False, highlight=False)
    if lost := told(manifest):
        console.print(lost, markup=False, highlight=False)
    if note:
        console.print(note, markup=False, highlight=False)
    # Not through rich: a path must stay on one line to be copied.
    print(f"run directory: {directory}")


def rows(manifest: Manifest) -> list[tuple[str, ...]]:
    """The table's rows as text, one per task in the manifest's order and the total."""
    out = []
    total: Counter[str] = Counter()
    for name, task in manifest["tasks"].items():
        counts = {
            "seeds": task["seeds"]["sampled"],
            "questions": task["questions"]["generated"],
            "answered": task["answers"]["accepted"],
            "records": task["records"],
            "tokens": task["tokens"],
        }
        total.update(counts)
        out.append((name, *map(str, counts.values()), _reasons(task)))
    out.append(("all", *(str(total[key]) for key in COLUMNS[1:-1]), ""))
    return out


def _reasons(task: Mapping[str, Any]) -> str:
    """The rejection reasons of all stages after the seeds, the most frequent first."""
    counts: Counter[str] = Counter()
    for stage in ("study", "questions", "answers", "filter"):
        counts.update(task[stage]["rejected"])
    return ", ".join(f"{reason} {count}" for reason, count in counts.most_common(4))


def _unenriched(manifest: Manifest) -> str:
    """What the records of variant ``context`` lost; empty for nothing."""
    counts: Counter[str] = Counter()
    for task in manifest["tasks"].values():
        counts.update(task["answers"]["unenriched"])
    reasons = ", ".join(f"{reason} {count}" for reason, count in counts.most_common())
    return f"answers without knowledge, so no context record: {reasons}" if counts else ""
