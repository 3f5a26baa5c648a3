"""What a process needs to know to work on a phase."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from tsdg.config.recipe import BudgetConfig, EngineConfig
from tsdg.engine.timing import Timing
from tsdg.protocols import Process, ReplicaFacts, Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseJob:
    """One process's share in a phase."""

    input_path: Path
    """Parquet file of the input rows, cut into work units as :func:`tsdg.engine.units.read_layout`
    says."""
    directory: Path
    """Of the phase, in the run directory; ``leases/``, ``journal/``, ``parts/`` and ``workers/``
    are made in it."""
    process: Process
    """The steps."""
    transport: Transport
    """Carries the requests."""
    schema: pa.Schema
    """Of the outcomes."""
    config: EngineConfig
    """Limits. ``unit_rows`` is for the writer of the input and not read here."""
    budget: BudgetConfig
    """Caps of the whole run, over all phases, processes and starts."""
    accounted: Sequence[ReplicaFacts] = ()
    """What the transport's replicas had done when this process ended its last phase with them. It
    counts for that phase, not for this one. Empty in their first phase, to which their start then
    counts."""
    may_leave: bool = False
    """Whether to end while others still work on all that is left, if enough processes stay to take
    over from them (:mod:`tsdg.engine.standby`)."""
    timing: Timing = field(default_factory=Timing)
    """The times by which the engine works."""
