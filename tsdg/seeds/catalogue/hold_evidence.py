"""Holds the evidence to the units that it speaks of, and takes their licences from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tsdg.errors import CatalogueError
from tsdg.seeds.catalogue.evidence import (
    Evidence,
    Licence,
    UnitEvidence,
    evidence_of,
    licence_of,
    strictest,
)
from tsdg.seeds.catalogue.model import Catalogue, Family, Unit


def with_evidence(
    catalogue: Catalogue,
    statements: Sequence[Evidence],
    licences: Mapping[str, Licence],
    path: Path,
) -> Catalogue:
    """Return the catalogue with its evidence, and with the licences that follow from it.

    Args:
        catalogue: families and units, whose licences nobody has set yet.
        statements: the rows of the table of evidence, in its order.
        licences: name of a licence → what follows from it.
        path: the table of evidence, for messages.

    Raises:
        CatalogueError: a statement speaks of no unit, names an unknown licence, or stands twice;
            a unit's rows, or how certain they are, are not what the evidence says.
    """
    by_path: dict[str, list[Evidence]] = {}
    for number, one in enumerate(statements, 2):
        _check(one, catalogue, licences, f"{path}: row {number} ({one.dataset_path})")
        by_path.setdefault(one.dataset_path, []).append(one)
    _check_twice(statements, path)
    evidence = {
        unit.name: evidence_of(unit, by_path.get(unit.dataset_path, ())) for unit in catalogue.units
    }
    _check_rows(catalogue.units, evidence, path)
    units = []
    for unit in catalogue.units:
        licence, commercial = licence_of(evidence[unit.name], licences)
        units.append(unit.model_copy(update={"licence": licence, "commercial": commercial}))
    families = tuple(
        _of_units(family, [unit for unit in units if unit.family == family.family])
        for family in catalogue.families
    )
    return replace(catalogue, families=families, units=tuple(units), evidence=evidence)


def _of_units(family: Family, units: Sequence[Unit]) -> Family:
    """A family has the licences of its units, and the use that the strictest of them allows."""
    licences = "; ".join(dict.fromkeys(unit.licence for unit in units))
    commercial = strictest(unit.commercial for unit in units if unit.commercial)
    return family.model_copy(update={"licence": licences, "commercial": commercial})


def _check(
    one: Evidence, catalogue: Catalogue, licences: Mapping[str, Licence], where: str
) -> None:
    units = catalogue.datasets.get(one.dataset_path, ())
    if not any(one.covers(unit) for unit in units):
        raise CatalogueError(
            f"{where}: config {one.config!r} and split {one.split!r}: found no such unit, allowed: "
            "those of units.csv; correct the cell, or take the row out"
        )
    if one.fact == "licence" and one.found not in licences:
        raise CatalogueError(
            f"{where}: column found: found {one.found!r}, allowed: a licence of licences.csv; "
            "add it there, with what follows from it"
        )


def _check_twice(statements: Sequence[Evidence], path: Path) -> None:
    """A fact may have several statements on its licence, but one number of rows."""
    keys = Counter(
        (one.dataset_path, one.config, one.split, one.fact)
        for one in statements
        if one.fact != "licence"
    )
    for (dataset_path, config, split, fact), count in keys.items():
        if count > 1:
            raise CatalogueError(
                f"{path}: {fact} of {dataset_path}/{config or 'default'}/{split} stand twice; keep "
                "the row whose source is nearest to the data"
            )


def _check_rows(units: Sequence[Unit], evidence: Mapping[str, UnitEvidence], path: Path) -> None:
    rows: Counter[str] = Counter()
    for unit in units:  # several units may be parts of one split
        rows[unit.name] += unit.rows
    for unit in units:
        known = evidence[unit.name]
        if known.rows is not None and known.rows.value != rows[unit.name]:
            raise CatalogueError(
                f"{path}: rows of {unit.name}: found {known.rows.value:,}, but units.csv says "
                f"{rows[unit.name]:,}; correct the one that is wrong"
            )
        allowed = known.rows_certainty
        if unit.rows_certainty != allowed and (allowed or unit.rows_certainty in ("C", "D")):
            raise CatalogueError(
                f"{path}: unit {unit.name}: column rows_certainty of units.csv: found "
                f"{unit.rows_certainty!r}, allowed: {allowed or 'S, M, ~ or ?'}, because the "
                f"evidence {'says so' if allowed else 'has no row on its rows'}"
            )
