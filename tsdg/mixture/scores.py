"""What an evaluation found: one score per task, with what must be equal to compare it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from tsdg.config.comparison import CompareConfig
from tsdg.errors import UsageError

ItemScores = Callable[[], Mapping[str, float]]
"""Reads the score of each item of a task, by what identifies the item; empty where none is kept."""


def _no_items() -> Mapping[str, float]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One task's result."""

    task: str
    metric: str
    """With its filter, mode or kind, as the evaluation names it: ``exact_match,strict-match``."""
    value: float
    """In points of 100, or as it is for metrics that are no shares."""
    stderr: float | None
    """In the same unit; None where it is not known."""
    higher_is_better: bool
    items: int | None
    """How many were scored; None where the file does not say."""
    settings: Mapping[str, str]
    """What must be the same in a comparison: shots, version, items, chat template ..."""
    item_scores: ItemScores = _no_items
    scale: float = 100.0
    """By which item scores are multiplied to be in the unit of ``value``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationResult:
    """One side of a comparison."""

    model: str
    """Empty where the files name none."""
    scores: Mapping[str, Score]
    parts: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Task → tasks that its score sums up, as the files say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One of the numbers that a file gives for a task."""

    name: str
    """Of the metric alone, as ``metrics`` of the configuration lists it."""
    label: str
    value: float
    stderr: float | None
    higher_is_better: bool | None
    """None where the file does not say."""


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value of a file is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def number_or_none(value: object) -> float | None:
    """A finite number, or None."""
    return float(value) if is_number(value) else None


def chosen(
    task: str, candidates: Sequence[Candidate], config: CompareConfig
) -> tuple[Candidate, float] | None:
    """Choose the metric that counts, by the configuration's order, and the scale of its values.

    Returns:
        The candidate in points of 100 where it is a share, and the scale that made it so; None
        where no metric of the configuration is there.

    Raises:
        UsageError: a value is no share, and the configuration does not list it as such.
    """
    ordered = sorted(candidates, key=lambda one: one.label)
    for metric in config.metrics:
        for one in ordered:
            if one.name != metric:
                continue
            scale = 1.0 if metric in config.points else 100.0
            if scale != 1.0 and abs(one.value) > 1.0:
                raise UsageError(
                    f"tsdg compare: {one.label} of task {task} is {one.value:g}, which is no share "
                    f"of 1; add {metric} to points=[...] if its values are to be taken as they are"
                )
            better = one.higher_is_better
            return (
                Candidate(
                    name=one.name,
                    label=one.label,
                    value=scale * one.value,
                    stderr=None if one.stderr is None else scale * one.stderr,
                    higher_is_better=metric not in config.lower if better is None else better,
                ),
                scale,
            )
    return None


def settings_of(values: Mapping[str, Any]) -> dict[str, str]:
    """The settings that a file states; what it leaves out is not compared."""
    return {name: str(value) for name, value in values.items() if value not in (None, "", {}, [])}
