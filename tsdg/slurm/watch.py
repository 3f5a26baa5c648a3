"""Asks Slurm for the jobs of runs: once ``squeue`` and once ``sacct``, at the same time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tsdg.errors import MachineError
from tsdg.slurm.jobs import JobRecord
from tsdg.slurm.queue import (
    SACCT_FORMAT,
    SQUEUE_FORMAT,
    Element,
    Line,
    elements_of,
    merge,
    names_of,
    parse_sacct,
    parse_squeue,
)
from tsdg.slurm.slurm_shell import Shell

_TIMEOUT_S = 10.0
_NO_SUCH_JOB = "Invalid job id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What Slurm said."""

    queue: Mapping[str, Line] | None
    """None where ``squeue`` does not answer."""
    accounting: Mapping[str, Line] | None
    """None where ``sacct`` does not answer."""
    notes: tuple[str, ...]
    """Why one of them did not."""

    def elements(self, job: JobRecord) -> tuple[Element, ...]:
        """The elements of one job that was asked for."""
        return merge(elements_of(job), self.queue, self.accounting)


def ask(shell: Shell, jobs: Sequence[JobRecord]) -> Answer:
    """Ask for jobs; if Slurm does not answer, the result says so.

    Args:
        shell: where the cluster is.
        jobs: of one or many runs.
    """
    if not jobs:
        return Answer(queue={}, accounting={}, notes=())
    names = names_of(jobs)
    numbers = ",".join(names)
    squeue = [
        "squeue",
        "--array",
        "--noheader",
        "--states=all",
        f"--jobs={numbers}",
        f"--format={SQUEUE_FORMAT}",
    ]
    sacct = ["sacct", "-XDnP", f"--jobs={numbers}", f"--format={SACCT_FORMAT}"]
    with ThreadPoolExecutor(max_workers=2) as pool:
        first = pool.submit(_ask_one, shell, squeue, parse_squeue, names)
        second = pool.submit(_ask_one, shell, sacct, parse_sacct, names)
        (queue, queue_note), (accounting, accounting_note) = first.result(), second.result()
    return Answer(
        queue=queue,
        accounting=accounting,
        notes=tuple(note for note in (queue_note, accounting_note) if note),
    )


def _ask_one(
    shell: Shell,
    command: list[str],
    parse: Callable[[str, Mapping[str, str]], dict[str, Line]],
    names: Mapping[str, str],
) -> tuple[dict[str, Line] | None, str]:
    try:
        return parse(shell.run(command, timeout_s=_TIMEOUT_S), names), ""
    except MachineError as error:
        if _NO_SUCH_JOB in str(error):
            return {}, ""  # all are forgotten
        return None, str(error)
