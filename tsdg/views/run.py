"""The last lines of a run: its directory, the per-task table, and what to know about the model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tsdg.package.losses import told
from tsdg.package.manifest_form import Manifest
from tsdg.views.grid import Column, numbers, print_table, print_text

_COUNTS = ("seeds", "questions", "answered", "records", "tokens")
COLUMNS = (
    Column(name="task", left=True),
    *numbers("seeds", drop=3),
    *numbers("questions", drop=2),
    *numbers("answered", drop=2),
    *numbers("records"),
    *numbers("tokens", drop=4),
    Column(name="rejected, by reason", left=True, drop=1, least=19),
)


def print_run(directory: Path, manifest: Manifest, *, note: str) -> None:
    """Print a finished run's per-task table, the note on its model and its directory."""
    found = rows(manifest)
    print_table(COLUMNS, found, strong={len(found) - 1}, kind="tasks")
    for line in (_unenriched(manifest), told(manifest), note):
        if line:
            print_text(line)
    # Whole, to be copied.
    print(f"run directory: {directory}")


def rows(manifest: Manifest) -> list[tuple[str, ...]]:
    """The table's rows as text, one per task in the manifest's order and the total."""
    out = []
    total: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for name, task in manifest["tasks"].items():
        counts = {
            "seeds": task["seeds"]["sampled"],
            "questions": task["questions"]["generated"],
            "answered": task["answers"]["accepted"],
            "records": task["records"],
            "tokens": task["tokens"],
        }
        reasons = _refused(task)
        total.update(counts)
        refused.update(reasons)
        out.append((name, *(f"{count:,}" for count in counts.values()), _words(reasons)))
    out.append(("all", *(f"{total[key]:,}" for key in _COUNTS), _words(refused)))
    return out


def _refused(task: Mapping[str, Any]) -> Counter[str]:
    """The rejections of all stages after the seeds, by reason."""
    counts: Counter[str] = Counter()
    for stage in ("study", "questions", "answers", "filter"):
        counts.update(task[stage]["rejected"])
    return counts


def _words(reasons: Counter[str]) -> str:
    """The most frequent reasons."""
    return ", ".join(f"{reason} {count:,}" for reason, count in reasons.most_common(4))


def _unenriched(manifest: Manifest) -> str:
    """What the records of variant ``enriched`` lost; empty for nothing."""
    counts: Counter[str] = Counter()
    for task in manifest["tasks"].values():
        counts.update(task["answers"]["unenriched"])
    reasons = ", ".join(f"{reason} {count}" for reason, count in counts.most_common())
    return f"answers without knowledge, so no enriched record: {reasons}" if counts else ""
