"""A phase: a chain of steps run on every row of a file, by many processes on many hosts.

Each process calls :func:`run_phase` on the same directory. Processes may start late, be killed, or
be added: the others take their work, and what was answered is not asked again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from tsdg.engine.budget import check_budget
from tsdg.engine.commit import committed_units, part_layout, part_path
from tsdg.engine.events import PhaseEvent, PhaseResult
from tsdg.engine.phase_job import PhaseJob
from tsdg.engine.units import InputLayout, read_layout
from tsdg.engine.worker import Worker
from tsdg.errors import RunConflictError
from tsdg.layout import PARTS


async def run_phase(
    job: PhaseJob,
    *,
    stop: asyncio.Event,
    on_event: Callable[[PhaseEvent], None],
    note: Callable[[str], None],
) -> PhaseResult:
    """Work on a phase until all its units are committed, whoever commits them.

    Args:
        job: the phase.
        stop: once set, nothing more is claimed or sent; requests in flight are cancelled.
        on_event: called some times a second while something changes, and at the end.
        note: gets one line for each failure that does not harm the work.

    Returns:
        What this process did.

    Raises:
        StoppedError: ``stop`` was set before the phase was complete.
        BudgetReachedError: a cap of the run was reached before the phase was complete.
        ServerError: the transport gave up.
        StorageError: the input cannot be read, or the directory cannot be written.
        RunConflictError: the directory holds parts of an input that was cut in another way.
        VerificationError: a part is damaged.
    """
    layout = read_layout(job.input_path)
    committed = _committed(layout, job.directory)
    if len(committed) < layout.units:
        check_budget(job.budget, job.directory.parent)
    worker = Worker(
        job=job, layout=layout, committed=committed, stop=stop, on_event=on_event, note=note
    )
    return await worker.run()


def pending_units(input_path: Path, directory: Path) -> tuple[int, ...]:
    """Units without a part, in the order of the input.

    Raises:
        StorageError: the input or the directory cannot be read.
        RunConflictError: the directory holds parts of an input that was cut in another way.
        VerificationError: a part is damaged.
    """
    layout = read_layout(input_path)
    committed = _committed(layout, directory)
    return tuple(index for index in range(layout.units) if index not in committed)


def is_complete(input_path: Path, directory: Path) -> bool:
    """Whether every unit has its part, so that no server needs to be started.

    Raises:
        StorageError: the input or the directory cannot be read.
        RunConflictError: the directory holds parts of an input that was cut in another way.
        VerificationError: a part is damaged.
    """
    return not pending_units(input_path, directory)


def _committed(layout: InputLayout, directory: Path) -> frozenset[int]:
    """The committed units, after checking one part: it must fit this cut of the input."""
    parts = directory / PARTS
    committed = committed_units(parts)
    if committed:
        last = max(committed)
        path = part_path(parts, last)
        if last >= layout.units or part_layout(path) != layout.digest:
            raise RunConflictError(
                f"{path} was made from another input than {layout.path} (or the same rows cut into "
                "other units): "
                f"remove {directory} to make its rows anew, or restore the input"
            )
    return committed
