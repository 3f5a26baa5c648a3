"""How many seeds of a task are worth having, and why: ``data/caps.csv``.

A family's ``suggested_cap`` is a bound on the whole of it. This table says it of single units, and
how many rows one passage may give. The first line that fits a unit counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING

from tsdg.seeds.catalogue.tables import table

if TYPE_CHECKING:
    from tsdg.seeds.catalogue.model import Unit

POOR = ("templates", "translations", "noise", "narrow")
"""Why rows are poor seeds: made from templates, translated from others, noisy, all alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCap:
    """A line of the table."""

    family: str
    unit: str
    """Pattern of ``<dataset path>/<config>``."""
    kind: str
    """One of ``POOR``, or ``passages``."""
    cap: int
    """0 for none."""
    per_passage: int
    """Most rows of one passage; 0 for no limit."""
    reason: str


def cap_of(unit: Unit) -> TaskCap | None:
    """Return the line of a unit; None where it has none."""
    name = f"{unit.dataset_path}/{unit.config}"
    fitting = (line for line in caps() if line.family == unit.family)
    return next((line for line in fitting if fnmatchcase(name, line.unit)), None)


def poor(family: str) -> str:
    """Say why all of a family is poor seeds; empty where it is not."""
    kinds = [line.kind for line in caps() if line.family == family and line.unit == "*"]
    return kinds[0] if kinds and kinds[0] in POOR else ""


@cache
def caps() -> tuple[TaskCap, ...]:
    """The table, in its order."""
    return tuple(
        TaskCap(
            family=row["family"],
            unit=row["unit"],
            kind=row["kind"],
            cap=int(row["cap"]),
            per_passage=int(row["per_passage"]),
            reason=row["reason"],
        )
        for row in table("caps.csv")
    )
