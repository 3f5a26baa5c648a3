"""A phase: a chain of steps run on every row of a file, by many processes on many hosts.

Each process calls :func:`run_phase` on the same directory. Processes may start late, be killed, or
be added: the others take their work, and what was answered is not asked again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa

from tsdg.config.recipe import BudgetConfig, EngineConfig
from tsdg.engine.budget import check_budget
from tsdg.engine.commit import committed_units, part_layout, part_path
from tsdg.engine.events import PhaseEvent, PhaseResult
from tsdg.engine.timing import Timing
from tsdg.engine.units import InputLayout, read_layout
from tsdg.engine.worker import Worker
from tsdg.errors import RunConflictError
from tsdg.layout import PARTS
from tsdg.protocols import Process, ReplicaFacts, Transport

_TIMING = Timing()


async def run_phase(
    *,
    input_path: Path,
    directory: Path,
    process: Process,
    transport: Transport,
    accounted: Sequence[ReplicaFacts],
    schema: pa.Schema,
    config: EngineConfig,
    budget: BudgetConfig,
    stop: asyncio.Event,
    on_event: Callable[[PhaseEvent], None],
    note: Callable[[str], None],
    may_leave: bool = False,
    timing: Timing = _TIMING,
) -> PhaseResult:
    """Work on a phase until all its units are committed, whoever commits them.

    Args:
        input_path: Parquet file of the input rows, cut into work units as
            :func:`tsdg.engine.units.read_layout` says.
        directory: of the phase, in the run directory; ``leases/``, ``journal/``, ``parts/`` and
            ``workers/`` are made in it.
        process: the steps.
        transport: carries the requests.
        accounted: what its replicas had done when this process ended its last phase with them,
            which counts there and not here; nothing where it is their first: their start then
            counts to this phase.
        schema: of the outcomes.
        config: limits. ``unit_rows`` is for the writer of the input and not read here.
        budget: caps of the whole run, over all phases, processes and starts.
        stop: once set, nothing more is claimed or sent; requests under way are cancelled.
        on_event: called some times a second while something changes, and at the end.
        note: told, in one line, of what went wrong without harm to the work.
        may_leave: whether to end already where others are at work on all that is left, and enough
            processes stay to take over from them (:mod:`tsdg.engine.standby`).
        timing: the times by which the engine works.

    Returns:
        What this process did.

    Raises:
        StoppedError: ``stop`` was set before the phase was complete.
        BudgetReachedError: a cap of the run was reached before the phase was complete.
        ServerError: the transport gave up.
        StorageError: the input cannot be read, or the directory not be written.
        RunConflictError: the directory holds parts of an input that was cut in another way.
        VerificationError: a part is damaged.
    """
    layout = read_layout(input_path)
    committed = _committed(layout, directory)
    if len(committed) < layout.units:
        check_budget(budget, directory.parent)
    worker = Worker(
        layout=layout,
        directory=directory,
        committed=committed,
        process=process,
        transport=transport,
        accounted=accounted,
        schema=schema,
        config=config,
        budget=budget,
        stop=stop,
        on_event=on_event,
        note=note,
        may_leave=may_leave,
        timing=timing,
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
