"""The stages of a run, in order: what one job does, and what `tsdg work RUN STAGE` names.

::

    phases: [[questions], [answers]]  →  seeds, questions, questions.gather,
                                         answers, answers.gather, package
    phases: [[questions, answers]]    →  seeds, questions-answers, questions-answers.gather,
                                         package
    study.share: 1                    →  seeds, study, study.gather, questions, ...
    phases: []                        →  seeds, package

A *phase* needs servers, and any number of processes may work on it at once. All other stages need a
processor only, and one process does them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tsdg.layout import phase_name

if TYPE_CHECKING:
    from tsdg.config.recipe import StepName

ALL_STAGES = "all"
"""In place of a stage: all of them, one after another in one process."""
StageKind = Literal["seeds", "phase", "gather", "package"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage of a run."""

    name: str
    kind: StageKind
    steps: tuple[StepName, ...]
    """Of the phase that a ``phase`` or ``gather`` stage belongs to; else empty."""


def stages(phases: Sequence[tuple[StepName, ...]]) -> tuple[Stage, ...]:
    """List the stages of a run with these phases, in the order in which they are done."""
    found = [Stage(name="seeds", kind="seeds", steps=())]
    for steps in phases:
        found.append(Stage(name=phase_name(steps), kind="phase", steps=steps))
        found.append(Stage(name=f"{phase_name(steps)}.gather", kind="gather", steps=steps))
    return (*found, Stage(name="package", kind="package", steps=()))
