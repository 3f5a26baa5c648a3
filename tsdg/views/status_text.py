"""Prints a run's status."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from tsdg.amounts import duration
from tsdg.errors import shown
from tsdg.run.phase_progress import PhaseProgress
from tsdg.run.status import Failure, JobStatus, RunStatus, status_json
from tsdg.views.grid import Column, numbers, print_table, print_text

ROWS_EVERY_S = 60.0
"""Seconds between two lines that say only that more rows are done."""
_FAILURES_SHOWN = 5
_TASKS_SHOWN = 40
_STATES = ("pending", "running", "done", "failed", "stopped", "unknown")
_JOBS = (
    Column(name="job", left=True),
    *numbers("number"),
    *numbers(*_STATES[:4]),
    *numbers("stopped", drop=2),
    *numbers("unknown", drop=4),
    *numbers("requeued", drop=3),
    Column(name="why it waits", left=True, drop=1, least=12),
)
_PHASES = (
    Column(name="phase", left=True),
    *numbers("rows"),
    *numbers("units", drop=4),
    *numbers("workers", drop=3),
    *numbers("in flight", drop=2),
    *numbers("tokens/s"),
    *numbers("left"),
    *numbers("GPU-hours idle/all", drop=5),
    Column(name="retries", left=True, drop=1, least=12),
)
_TASKS = (
    Column(name="task", left=True),
    *numbers("seeds"),
    *numbers("questions", "answered", drop=2),
    *numbers("records"),
    *numbers("tokens", drop=3),
    *numbers("questions kept", "answers kept", drop=1),
)


def print_status(status: RunStatus, *, as_json: bool = False) -> None:
    """Print it: state, jobs, phases, tasks, failures; or as one JSON object."""
    if as_json:
        print(json.dumps(status_json(status)))
    else:
        _print_text(status)
    sys.stdout.flush()


class Following:
    """Shows a run again and again: on a terminal in place of the last time.

    Into a pipe goes all of it at first and at the end, and between them a line for each change.
    """

    def __init__(self) -> None:
        self._last: RunStatus | None = None
        self._said = 0.0

    def show(self, status: RunStatus, *, more: bool) -> None:
        """Show a moment; ``more`` says whether others follow."""
        if sys.stdout.isatty():
            print("\x1b[H\x1b[2J", end="")
        if sys.stdout.isatty() or self._last is None or not more:
            print_status(status)
        elif self._news(status):
            print(f"{time.strftime('%H:%M:%S')} {moment(status)}", flush=True)
        else:
            return
        self._last, self._said = status, time.monotonic()

    def _news(self, status: RunStatus) -> bool:
        """Whether stages or jobs changed; or rows, and nothing was said for a while."""
        assert self._last is not None
        if moment(status, rows=False) != moment(self._last, rows=False):
            return True
        quiet = time.monotonic() - self._said >= ROWS_EVERY_S
        return quiet and moment(status) != moment(self._last)


def moment(status: RunStatus, *, rows: bool = True) -> str:
    """What a run does, in one line. Pure.

    Args:
        status: of the run.
        rows: whether to say how many rows of a phase are done.
    """
    done = {
        phase.name: f" {phase.rows_done:,}/{phase.rows:,}" for phase in status.phases if phase.rows
    }
    working = [
        stage["name"] + (done.get(stage["name"], "") if rows else "")
        for stage in status.stages
        if stage["state"] == "running"
    ]
    elements = Counter[str]()
    for job in status.jobs:
        elements.update(job.elements)
    parts = [", ".join(working) or status.state]
    if elements:
        counts = ", ".join(f"{elements[name]:,} {name}" for name in _STATES if elements[name])
        parts.append(f"elements: {counts}")
    if status.failures:
        parts.append(f"failed: {len(status.failures):,}")
    return "; ".join(parts)


def _print_text(status: RunStatus) -> None:
    print(f"{status.run}: {status.state}")
    if status.why:
        print_text(f"  {status.why}", indent="  ")
    stages = ", ".join(f"{stage['name']} {stage['state']}" for stage in status.stages)
    print_text(f"stages: {stages}", indent="  ")
    for note in status.notes:
        print_text(f"note: {note}", indent="  ")
    if status.jobs and status.state != "complete":
        _print_jobs(status.jobs)
    if any(phase.units for phase in status.phases):
        _print_phases(status.phases)
    if status.tasks:
        _print_tasks(status.tasks)
    print_text(_totals(status), indent="  ")
    for line in failure_lines(status.failures):
        print(line)


def failure_lines(failures: Sequence[Failure]) -> list[str]:
    """What failed, each with the end of its log. Pure."""
    out = []
    for failure in failures[:_FAILURES_SHOWN]:
        where = " ".join(word for word in (failure.job, failure.element) if word)
        log = f": {failure.log}" if failure.log else ""
        out.append(f"failed: {where or 'a process'}: {shown(failure.what)}{log}")
        out += [f"    {shown(line)}" for line in failure.tail]
    if len(failures) > _FAILURES_SHOWN:
        out.append(f"failed: {len(failures) - _FAILURES_SHOWN} more, see `tsdg status --json`")
    return out


def _print_jobs(jobs: Iterable[JobStatus]) -> None:
    rows = []
    for job in jobs:
        counts = [str(job.elements.get(state, 0) or "-") for state in _STATES]
        requeued = str(job.requeued or "-")
        rows.append((job.name, job.job_id, *counts, requeued, _counts(job.why_pending)))
    print_table(_JOBS, rows)


def _print_phases(phases: Iterable[PhaseProgress]) -> None:
    rows = []
    for phase in phases:
        working = phase.workers.get("running", 0)
        rows.append(
            (
                phase.name,
                f"{phase.rows_done:,}/{phase.rows:,}" if phase.units else "-",
                f"{phase.units_committed:,}/{phase.units:,}" if phase.units else "-",
                str(working) if working else "-",
                f"{phase.in_flight:,}",
                f"{phase.tokens_per_s:,.0f}",
                duration(phase.seconds_left) if phase.seconds_left is not None else "-",
                f"{phase.idle_gpu_hours:.2f}/{phase.gpu_hours:.2f}",
                _counts(phase.retries),
            )
        )
    print_table(_PHASES, rows)


def _print_tasks(tasks: Mapping[str, Mapping[str, object]]) -> None:
    rows = []
    for name, task in tasks.items():
        counts = [task[key] for key in ("seeds", "questions", "answered", "records", "tokens")]
        shares = [task[key] for key in ("question_acceptance", "answer_acceptance")]
        about = "" if task["exact"] else "~"
        rows.append(
            (
                name,
                *(f"{count:,}" if isinstance(count, int) else "-" for count in counts),
                *(f"{about}{share:.0%}" if isinstance(share, float) else "-" for share in shares),
            )
        )
    print_table(_TASKS, rows, kind="tasks", most=_TASKS_SHOWN)


def _totals(status: RunStatus) -> str:
    totals = status.totals
    parts = [f"{totals['requests']:,} requests", f"{totals['completion_tokens']:,} tokens written"]
    if totals["records"] is not None:
        parts.insert(0, f"{totals['records']:,} records of {totals['record_tokens']:,} tokens")
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
