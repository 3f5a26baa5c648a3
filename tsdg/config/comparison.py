"""The typed configuration of ``tsdg compare``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from tsdg.config.base import Config


class CompareConfig(Config):
    """How results are grouped, and how far they may fall."""

    groups: dict[str, tuple[str, ...]]
    """Group → patterns of lm-eval task names, as in a shell; a task is of the first group that
    matches."""
    benchmarks: dict[str, tuple[str, ...]]
    """Benchmark → patterns of the tasks that are its parts; they count once, by their items, in
    their group. What the result files say of groups counts too."""
    metrics: Annotated[tuple[str, ...], Field(min_length=1)]
    """Names of metrics: of those that a task has, the first one here is compared."""
    points: tuple[str, ...]
    """Metrics that are given in points of 100, or in a unit of their own, and not as shares of
    1."""
    lower: tuple[str, ...]
    """Metrics of which lower values are better, where the result file does not say."""
    differing: Literal["refuse", "show"]
    """Tasks whose shots, version, items or the like differ between the sides: ``refuse`` them with
    an error, or ``show`` them in a line below the table."""
    z: Annotated[float, Field(ge=0.0)]
    """Changes within this many standard errors are noise; of several compared at once, each needs
    more."""
    rules: dict[str, Annotated[float, Field(ge=0.0)] | Literal["any"]]
    """Group → the largest fall accepted, in points of 100; ``any``: no fall beyond noise."""

    @field_validator("groups", "benchmarks", mode="before")
    @classmethod
    def _pattern_tuples(cls, value: object) -> object:
        return (
            {k: tuple(v) if isinstance(v, list) else v for k, v in value.items()}
            if isinstance(value, dict)
            else value
        )
