"""Read the catalogue from its tables.

Two tables of package data in ``data/``. ``families.csv`` has one row per task family,
``units.csv`` one row per unit of source (dataset path, config, split) with the tasks that read it.
tsdg's own demo tasks stand in ``demo_families.csv`` and ``demo_units.csv``. What is not listed here
may not be used: see :mod:`tsdg.seeds.catalogue.guard`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

from tsdg.seeds.catalogue.model import Catalogue, Commercial, Family, Tier, Unit

if TYPE_CHECKING:  # tsdg.records imports pyarrow, which the guard need not wait for
    from tsdg.records import AnswerKind, Group, OutputType, VerifierName

DATA = Path(__file__).parent / "data"
"""The tables of the package."""


@cache
def load() -> Catalogue:
    """Read the catalogue.

    Raises:
        KeyError: a table lacks a column, or a unit names a family that is not there.
        ValueError: a number is none.
    """
    families = [
        _family(row) for name in ("families.csv", "demo_families.csv") for row in table(name)
    ]
    units = [_unit(row) for name in ("units.csv", "demo_units.csv") for row in table(name)]
    return Catalogue(families=tuple(families), units=tuple(units))


def table(name: str) -> Iterator[dict[str, str]]:
    """Yield the rows of a CSV table of the package."""
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _family(row: Mapping[str, str]) -> Family:
    return Family(
        id=row["id"],
        family=row["family"],
        group=cast("Group", row["group"]),
        tier=cast("Tier", row["tier"]),
        output_type=cast("OutputType", row["output_type"]),
        answer_kind=cast("AnswerKind", row["answer_kind"]),
        domain=row["domain"],
        languages=tuple(row["languages"].split("|")),
        licence=row["licence"],
        licence_certainty=row["licence_certainty"],
        commercial=cast("Commercial", row["commercial"]),
        verifier=cast("VerifierName", row["verifier"]),
        adapter=row["adapter"],
        suggested_cap=int(row["suggested_cap"]),
        contamination=row["contamination"],
        remarks=row["remarks"],
    )


def _unit(row: Mapping[str, str]) -> Unit:
    # The demo's table has no such columns: its families say enough.
    kind, *others = row.get("answer_kind", "").split("|")
    return Unit(
        family=row["family"],
        dataset_path=row["dataset_path"],
        config=row["config"],
        split=row["split"],
        proof=row["proof"],
        rows=int(row["rows"]),
        rows_certainty=row["rows_certainty"],
        language=row["language"],
        tasks=tuple(row["tasks"].split("|")),
        yaml=row["yaml"],
        licence=row["licence"],
        commercial=row["commercial"],
        remarks=row["remarks"],
        answer_kind=kind,
        part_of=row.get("part_of", ""),
        other_kinds=tuple(cast("AnswerKind", other) for other in others),
    )
