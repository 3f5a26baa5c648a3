"""The parts that a mixture is made of: tasks of finished runs, and corpora of the user's own."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tsdg.errors import UsageError, VerificationError
from tsdg.layout import DATASET
from tsdg.mixture.overlap import check_overlap


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One source of training text."""

    name: str
    group: str
    path: str
    tokens: int
    """At least 1."""
    text_field: str
    task: str = ""
    """Of a run; empty for a corpus."""
    run: str = ""
    records: int = 0


def read_parts(runs: Sequence[Path], corpora: Sequence[Part]) -> tuple[Part, ...]:
    """List the parts of runs as given, tasks in manifest order, and then the corpora.

    A task without tokens is left out.

    Raises:
        UsageError: a run has no manifest, two runs would count some text twice, no part is left, or
            two parts have one name.
        VerificationError: a manifest is damaged.
    """
    check_overlap(runs, [_manifest(run) for run in runs])
    found = [(run, *task) for run in runs for task in _tasks(run)]
    often = Counter(task for _, task, *_ in found)
    parts = [
        Part(
            name=task if often[task] == 1 else f"{run.absolute().name}/{task}",
            group=group,
            path=str((run / DATASET / group / task).absolute()),
            tokens=tokens,
            text_field="text",
            task=task,
            run=str(run),
            records=records,
        )
        for run, task, group, tokens, records in found
    ]
    parts += corpora
    name, count = Counter(part.name for part in parts).most_common(1)[0] if parts else ("", 0)
    if count > 1:
        raise UsageError(
            f"tsdg mix: two parts are named {name}; give runs and corpora different names"
        )
    if not parts:
        raise UsageError("tsdg mix: these runs have no records; name others, or corpora")
    return tuple(parts)


def _tasks(run: Path) -> list[tuple[str, str, int, int]]:
    """Task, group, tokens and records of a run's tasks that have records."""
    try:
        tasks = _manifest(run)["tasks"].items()
        found = [
            (name, str(task["group"]), int(task["tokens"]), int(task.get("records", 0)))
            for name, task in tasks
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(run) from error
    return [task for task in found if task[2]]


def _manifest(run: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((run / "manifest.json").read_bytes())
        if isinstance(manifest["digest"], str):
            return dict(manifest)
    except FileNotFoundError as error:
        raise UsageError(
            f"{run} has no manifest.json: the run is not finished; `tsdg run` finishes one"
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(run) from error
    raise _damaged(run)


def _damaged(run: Path) -> VerificationError:
    return VerificationError(f"{run / 'manifest.json'} is damaged; `tsdg verify {run}` says more")
