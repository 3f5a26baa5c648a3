"""Counts what was read about the units of the catalogue, as the tables in ``docs/seeds.md``.

::

    python -m tsdg.seeds.catalogue.count_evidence
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Literal, get_args

from tsdg.seeds.catalogue.evidence import Fact, Read, UnitEvidence
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.catalogue.model import Catalogue, Commercial, Unit

Level = Read | Literal["nothing"]
LEVELS: tuple[Level, ...] = (*get_args(Read), "nothing")


def level_of(evidence: UnitEvidence, fact: Fact) -> Level:
    """What was read about a fact; of a licence with several statements the first."""
    statements = evidence.statements(fact)
    return statements[0].read if statements else "nothing"


def has_labels(evidence: UnitEvidence) -> bool:
    """Whether a unit is known to have columns of class labels."""
    return evidence.labels is not None or (
        evidence.columns is not None and '"class_label"' in evidence.columns.found
    )


def counts(catalogue: Catalogue) -> dict[Fact, Counter[Level]]:
    """Count units by what was read about each fact.

    The units are those of the 39 + 34 families. ``labels`` counts those that are known to have
    columns of class labels.
    """
    found: dict[Fact, Counter[Level]] = {fact: Counter() for fact in get_args(Fact)}
    for unit in catalogue.units:
        if catalogue.family(unit.family).tier not in ("A", "B"):
            continue
        evidence = catalogue.evidence[unit.name]
        for fact, levels in found.items():
            if fact != "labels" or has_labels(evidence):
                levels[level_of(evidence, fact)] += 1
    return found


def levels_table(catalogue: Catalogue) -> Iterator[str]:
    """Yield the lines of a table: what was read, and of how many units each fact has it."""
    found = counts(catalogue)
    yield f"| read | {' | '.join(found)} |"
    yield "|---" * (len(found) + 1) + "|"
    for level in LEVELS:
        if any(levels[level] for levels in found.values()):
            cells = " | ".join(str(levels[level]) for levels in found.values())
            yield f"| {level} | {cells} |"


def uses_table(catalogue: Catalogue) -> Iterator[str]:
    """Yield the lines of a table: the units and rows of tier A by their commercial use."""
    yield "| commercial use | knowledge units | rows | reasoning units | rows |"
    yield "|---" * 5 + "|"
    for use in get_args(Commercial):
        cells = []
        for group in ("knowledge", "reasoning"):
            units = _of_tier_a(catalogue, group, use)
            rows = sum(unit.rows for unit in units if not unit.part_of)
            cells += [str(len(units)), f"{rows:,}"]
        yield f"| `{use}` | {' | '.join(cells)} |"


def _of_tier_a(catalogue: Catalogue, group: str, use: Commercial) -> list[Unit]:
    families = {
        family.family
        for family in catalogue.families
        if family.tier == "A" and family.group == group
    }
    return [unit for unit in catalogue.units if unit.family in families and unit.commercial == use]


if __name__ == "__main__":
    print("\n".join([*levels_table(load()), "", *uses_table(load())]))
