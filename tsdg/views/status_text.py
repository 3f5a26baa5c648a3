"""Prints a run's status."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.table import Table

from tsdg.errors import shown
from tsdg.run.phase_progress import PhaseProgress
from tsdg.run.status import Failure, JobStatus, RunStatus, status_json

_FAILURES_SHOWN = 5
_TASKS_SHOWN = 40


def print_status(status: RunStatus, *, as_json: bool = False, clear: bool = False) -> None:
    """Print it: state, jobs, phases, tasks, failures.

    Args:
        status: of a run.
        as_json: print one JSON object instead.
        clear: clear the terminal first, where there is one.
    """
    if as_json:
        print(json.dumps(status_json(status)), flush=True)
        return
    if clear and sys.stdout.isatty():
        print("\x1b[H\x1b[2J", end="")
    _print_text(status)
    sys.stdout.flush()


def _print_text(status: RunStatus) -> None:
    # Wide enough for any table where there is no terminal.
    console = (
        Console(highlight=False) if sys.stdout.isatty() else Console(width=200, highlight=False)
    )
    print(f"{status.run}: {status.state}")
    if status.why:
        print(f"  {shown(status.why)}")
    print("stages: " + ", ".join(f"{stage['name']} {stage['state']}" for stage in status.stages))
    for note in status.notes:
        print(f"note: {shown(note)}")
    if status.jobs and status.state != "complete":
        console.print(_jobs(status.jobs))
    if any(phase.units for phase in status.phases):
        console.print(_phases(status.phases))
    if status.tasks:
        console.print(_tasks(status.tasks))
    print(_totals(status))
    _print_failures(status.failures)


def _print_failures(failures: Sequence[Failure]) -> None:
    for failure in failures[:_FAILURES_SHOWN]:
        where = " ".join(word for word in (failure.job, failure.element) if word)
        print(
            f"failed: {where or 'a process'}: {shown(failure.what)}"
            + (f": {failure.log}" if failure.log else "")
        )
        for line in failure.tail:
            print(f"    {shown(line)}")
    if len(failures) > _FAILURES_SHOWN:
        print(f"failed: {len(failures) - _FAILURES_SHOWN} more, see --json")


def _table(columns: Iterable[str], left: Iterable[str]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="left" if column in left else "right", overflow="fold")
    return table


def _jobs(jobs: Iterable[JobStatus]) -> Table:
    states = ("pending", "running", "done", "failed", "stopped", "unknown")
    table = _table(("job", "number", *states, "requeued", "why it waits"), ("job", "why it waits"))
    for job in jobs:
        counts = [str(job.elements.get(state, 0) or "-") for state in states]
        table.add_row(
            job.name, job.job_id, *counts, str(job.requeued or "-"), _counts(job.why_pending)
        )
    return table


def _phases(phases: Iterable[PhaseProgress]) -> Table:
    table = _table(
        (
            "phase",
            "rows",
            "units",
            "workers",
            "in flight",
            "tokens/s",
            "left",
            "GPU-hours idle/all",
            "retries",
        ),
        ("phase", "retries"),
    )
    for phase in phases:
        working = phase.workers.get("running", 0)
        table.add_row(
            phase.name,
            f"{phase.rows_done}/{phase.rows}" if phase.units else "-",
            f"{phase.units_committed}/{phase.units}" if phase.units else "-",
            str(working) if working else "-",
            str(phase.in_flight),
            f"{phase.tokens_per_s:.0f}",
            duration(phase.seconds_left) if phase.seconds_left is not None else "-",
            f"{phase.idle_gpu_hours:.2f}/{phase.gpu_hours:.2f}",
            _counts(phase.retries),
        )
    return table


def _tasks(tasks: Mapping[str, Mapping[str, object]]) -> Table:
    columns = (
        "task",
        "seeds",
        "questions",
        "answered",
        "records",
        "tokens",
        "questions kept",
        "answers kept",
    )
    table = _table(columns, ("task",))
    for name, task in list(tasks.items())[:_TASKS_SHOWN]:
        counts = [task[key] for key in ("seeds", "questions", "answered", "records", "tokens")]
        shares = [task[key] for key in ("question_acceptance", "answer_acceptance")]
        about = "" if task["exact"] else "~"
        table.add_row(
            name,
            *("-" if count is None else str(count) for count in counts),
            *(f"{about}{share:.0%}" if isinstance(share, float) else "-" for share in shares),
        )
    if len(tasks) > _TASKS_SHOWN:
        table.add_row(f"({len(tasks) - _TASKS_SHOWN} more, see --json)")
    return table


def _totals(status: RunStatus) -> str:
    totals = status.totals
    parts = [f"{totals['requests']} requests", f"{totals['completion_tokens']} tokens written"]
    if totals["records"] is not None:
        parts.insert(0, f"{totals['records']} records of {totals['record_tokens']} tokens")
    parts.append(
        f"{totals['gpu_hours']:.2f} GPU-hours, {totals['idle_gpu_hours']:.2f} of them idle"
    )
    if totals["retries"]:
        parts.append(f"sent again: {_counts(totals['retries'])}")
    return "; ".join(parts)


def _counts(counts: Mapping[str, int]) -> str:
    return (
        ", ".join(
            f"{name} {count}" for name, count in sorted(counts.items(), key=lambda entry: -entry[1])
        )
        or "-"
    )


def duration(seconds: float) -> str:
    """A time in words as long as a column: ``45 s``, ``12 min``, ``3 h 20 min``, ``2 d 5 h``."""
    minutes, hours = round(seconds / 60), round(seconds / 3600)
    if seconds < 60:
        return f"{seconds:.0f} s"
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{hours // 24} d {hours % 24} h"
