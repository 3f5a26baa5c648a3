"""What ``tsdg seeds list`` shows, as data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tsdg.seeds.catalogue.load import load
from tsdg.seeds.catalogue.model import Catalogue, Unit
from tsdg.seeds.draw.selection import LICENCES
from tsdg.seeds.mirror.pins import split_path
from tsdg.seeds.mirror.refusals import read_refusals


def listing(mirror: Path | None) -> list[dict[str, Any]]:
    """Describe every family of the catalogue, in its order.

    Args:
        mirror: the mirror's folder; None where there is none: then every unit counts as absent.

    Returns:
        One dict per family, fit for JSON: ``group``, ``family``, ``tasks`` (names), ``units``
        (their number), ``rows`` (as published, unknown ones as 0), ``licence``, ``commercial_ok``,
        ``tier``, ``mirror``, ``not_fetched``.

        ``commercial_ok`` is True where all units may be used commercially, share-alike licences
        included; False where one may not, or where it is unclear. ``mirror`` counts units:
        ``{"present": n, "partial": n, "absent": n}``; partial ones have fewer rows than published
        (only units whose rows were counted or documented can be told). ``not_fetched`` says of
        units that are absent why the last prefetch could not have them, by their name.
    """
    catalogue, refused = load(), read_refusals(mirror) if mirror else {}
    out = []
    for family in catalogue.families:
        units = catalogue.units_of_family(family.family)
        mirrored = {"present": 0, "partial": 0, "absent": 0}
        why: dict[str, str] = {}
        for unit in units:
            status = _status(unit, mirror, demo=family.tier == "demo")
            mirrored[status] += 1
            if status == "absent" and unit.name in refused:
                why[unit.name] = refused[unit.name]
        out.append(
            {
                "group": family.group,
                "family": family.family,
                "tasks": [task for unit in units for task in unit.tasks],
                "units": len(units),
                "rows": _distinct_rows(units),
                "licence": _licence(catalogue, units),
                "commercial_ok": all(
                    catalogue.commercial_of(unit) in LICENCES["commercial"] for unit in units
                ),
                "tier": family.tier,
                "mirror": mirrored,
                "not_fetched": why,
            }
        )
    return out


def _distinct_rows(units: tuple[Unit, ...]) -> int:
    """Rows of the units; a smaller size of another unit adds none."""
    return sum(unit.rows for unit in units if not unit.part_of)


def _licence(catalogue: Catalogue, units: tuple[Unit, ...]) -> str:
    return "; ".join(dict.fromkeys(catalogue.licence_of(unit) for unit in units))


def _status(unit: Unit, mirror: Path | None, *, demo: bool) -> str:
    if demo:
        return "present"  # part of the package
    if mirror is None:
        return "absent"
    path = split_path(mirror, unit.dataset_path, unit.config, unit.split)
    if not path.is_file():
        return "absent"
    exact = unit.rows_certainty in ("C", "D")
    return "partial" if exact and _parquet_rows(path) < unit.rows else "present"


def _parquet_rows(path: Path) -> int:
    """Rows of a Parquet file by its footer; 0 for a file that cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows: int = pq.read_metadata(path).num_rows
    except (OSError, pa.ArrowException):
        return 0
    return rows
