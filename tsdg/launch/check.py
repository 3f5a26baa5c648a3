"""What ``tsdg doctor`` says of one thing, and what a cluster must have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tsdg.errors import MachineError
from tsdg.launch.job_plan import JobPlan

Verdict = Literal["ok", "FAILED", "not checked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of `tsdg doctor`."""

    name: str
    verdict: Verdict
    said: str
    """What was found, and where it failed what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a cluster must have for a launch."""

    folders: tuple[str, ...]
    """That jobs must be able to write to: the experiments', the runs'."""
    readable: tuple[str, ...]
    """Paths that a node must see: mirror, weights."""
    python: str
    """Of the nodes."""
    endpoints: tuple[Mapping[str, str], ...]
    """That nodes must reach: ``url``, ``model``, and where its key is: ``env``, ``file``."""
    scripts: Callable[[], Sequence[tuple[JobPlan, str]]]
    """Makes the jobs that a launch would submit, each with its script."""


def attempt(name: str, look: Callable[[], str]) -> Check:
    """Make one check: what ``look`` returns is well, an ``MachineError`` is not."""
    try:
        return Check(name=name, verdict="ok", said=look())
    except MachineError as error:
        return Check(name=name, verdict="FAILED", said=" ".join(str(error).split()))
