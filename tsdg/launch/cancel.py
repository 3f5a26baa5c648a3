"""Ends all jobs of a run, for good."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tsdg.errors import MachineError
from tsdg.slurm.jobs import JobRecord, RunJobs
from tsdg.slurm.queue import tally
from tsdg.slurm.slurm_shell import Shell
from tsdg.slurm.watch import ask

_ROUNDS = 60
_PAUSE_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """One job or array that was ended."""

    job: JobRecord
    pending: int
    """Elements that had not started."""
    running: int


def _end(jobs: Sequence[Cancelled], shell: Shell) -> None:
    if jobs:
        shell.run(["scancel", *(job.job.job_id for job in jobs)])


def cancel(
    record: RunJobs, shell: Shell, *, sleep: Callable[[float], None] = time.sleep
) -> tuple[Cancelled, ...]:
    """Cancel every pending or running job of a run, of all launches, and wait for the end.

    Waiting jobs go first, so that none starts because another one has ended. A job that requeues
    itself at that very moment is cancelled again.

    Args:
        record: what was submitted.
        shell: where the cluster is.
        sleep: waits, seconds.

    Returns:
        What was cancelled, in the order of submission.

    Raises:
        MachineError: Slurm does not answer, or jobs are still there after a minute.
    """
    first: dict[str, Cancelled] = {}
    for _ in range(_ROUNDS):
        left = _active(record, shell)
        if not left:
            numbers = (job.job_id for job in record.jobs)
            return tuple(first[number] for number in numbers if number in first)
        first = {job.job.job_id: job for job in left} | first
        waiting = [job for job in reversed(left) if not job.running]
        _end(waiting, shell)
        _end([job for job in left if job.running], shell)
        sleep(_PAUSE_S)
    names = ", ".join(job.job.job_id for job in left)
    raise MachineError(
        f"jobs {names} are cancelled but still there; `squeue -j {names}` says why, then try again"
    )


def _active(record: RunJobs, shell: Shell) -> list[Cancelled]:
    answer = ask(shell, record.jobs)
    if answer.queue is None:
        raise MachineError(
            f"nobody knows which jobs are left, nothing was cancelled: {answer.notes[0]}"
        )
    out = []
    for job in record.jobs:
        counts = tally(answer.elements(job))
        # A job whose dependency never comes true counts as stopped, and yet waits where Slurm keeps
        # it.
        stuck = sum(
            element.slurm_state == "PENDING"
            for element in answer.elements(job)
            if element.state == "stopped"
        )
        pending, running = counts.get("pending", 0) + stuck, counts.get("running", 0)
        if pending or running:
            out.append(Cancelled(job=job, pending=pending, running=running))
    return out
