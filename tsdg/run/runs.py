"""Lists the runs below a folder, with one request to Slurm for all of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tsdg.errors import TsdgError
from tsdg.layout import JOBS, RECIPE, VERSIONS
from tsdg.run.status import read_status
from tsdg.slurm.jobs import JobRecord, read_jobs
from tsdg.slurm.run_over_ssh import is_away
from tsdg.slurm.slurm_shell import Shell
from tsdg.slurm.watch import ask
from tsdg.storage import list_names

_NOTHING: Mapping[str, Any] = {"records": None, "record_tokens": None}


@dataclass(frozen=True, kw_only=True)
class RunLine:
    """One run."""

    run: str
    recipe: str
    created: str
    """As ISO 8601; empty where it is not known."""
    state: str
    """As `tsdg status` has it; ``away`` for what was launched over ssh, ``damaged`` for what cannot
    be read, ``unreadable`` for a folder that this user may not look into."""
    records: int | None
    """None before it is complete."""
    tokens: int | None
    """Of the records."""


def read_runs(root: Path) -> tuple[RunLine, ...]:
    """Find the runs that are folders of ``root``, the newest last.

    Raises:
        StorageError: the folder cannot be read.
    """
    runs, found = [], []
    for run in (root / name for name in sorted(list_names(root))):
        try:
            if (run / RECIPE).is_file():
                runs.append(run)
        except PermissionError:
            found.append(
                RunLine(
                    run=str(run),
                    recipe="",
                    created="",
                    state="unreadable",
                    records=None,
                    tokens=None,
                )
            )
    jobs: list[JobRecord] = []
    for run in runs:
        jobs += _jobs_of(run)
    answer = ask(Shell(ssh=None), jobs)
    for run in runs:
        try:
            if is_away(run):
                state, totals = "away", _NOTHING
            else:
                status = read_status(run, answer=answer, whole=False)
                state, totals = str(status.state), status.totals
        except (TsdgError, PermissionError):
            state, totals = "damaged", _NOTHING
        found.append(
            RunLine(
                run=str(run),
                recipe=_recipe_of(run),
                created=_created(run),
                state=state,
                records=totals["records"],
                tokens=totals["record_tokens"],
            )
        )
    return tuple(sorted(found, key=lambda line: line.created))


def _jobs_of(run: Path) -> tuple[JobRecord, ...]:
    """Jobs of the last launch.

    None of a run without, or whose record is damaged, which its own line says.
    """
    if not (run / JOBS).is_file():
        return ()
    try:
        record = read_jobs(run)
    except TsdgError:
        return ()
    return record.latest.taken


def _recipe_of(run: Path) -> str:
    try:
        with (run / RECIPE).open() as file:
            values = yaml.load(file, Loader=yaml.CSafeLoader)
    except (OSError, ValueError, yaml.YAMLError):
        return ""
    return str(values.get("name", "")) if isinstance(values, dict) else ""


def _created(run: Path) -> str:
    try:
        return str(json.loads((run / VERSIONS).read_bytes())["created"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
