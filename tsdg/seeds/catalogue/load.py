"""Reads the catalogue from its tables, and checks every row against the model.

Tables of package data in ``data/``. ``families.csv`` has one row per task family, ``units.csv``
one row per unit of source (dataset path, config, split) with the tasks that read it. tsdg's own
demo tasks stand in ``demo_families.csv`` and ``demo_units.csv``. What is not listed here may not be
used: see :mod:`tsdg.seeds.catalogue.guard`. ``evidence.csv`` says what was read about each unit,
and with ``licences.csv`` it decides their licences: see :mod:`tsdg.seeds.catalogue.evidence`.

A user's own family is a YAML file in a folder that ``--config-dir`` names
(:mod:`tsdg.seeds.catalogue.own`).
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from tsdg.config import extensions
from tsdg.config.mistakes import explain
from tsdg.errors import CatalogueError
from tsdg.seeds.catalogue.evidence import NO_EVIDENCE, Evidence, Licence
from tsdg.seeds.catalogue.hold_evidence import with_evidence
from tsdg.seeds.catalogue.index import load_index
from tsdg.seeds.catalogue.model import Catalogue, CatalogueRow, Family, Unit
from tsdg.seeds.catalogue.own import own_family
from tsdg.seeds.catalogue.tables import DATA, table

R = TypeVar("R", bound=CatalogueRow)


def load() -> Catalogue:
    """Read the catalogue, with the families of folders that were named.

    Raises:
        CatalogueError: a row lacks a column, or holds what is not allowed there; a name stands
            twice; a unit names a family that is not there; the evidence contradicts a unit.
    """
    return _load(tuple(extensions.files("families", ".yaml").values()))


@cache
def _load(own: tuple[Path, ...]) -> Catalogue:
    catalogue = _load(()) if own else read_catalogue(DATA)
    for path in own:
        mine = own_family(path)
        for unit in mine.units:
            _hold_out(unit, path)
        both = _checked((*catalogue.families, mine.family), (*catalogue.units, *mine.units), path)
        catalogue = replace(both, evidence=catalogue.evidence)
    return catalogue


def _hold_out(unit: Unit, path: Path) -> None:
    """Refuse a user's own unit that somebody scores."""
    scored = {(name.casefold(), config, split) for name, config, split in load_index().scored}
    denied = [
        row["reason"]
        for row in table("denied.csv")
        if fnmatchcase(unit.dataset_path.casefold(), row["dataset_path"].casefold())
        and fnmatchcase(unit.config, row["config"])
        and fnmatchcase(unit.split, row["split"])
    ]
    if (unit.dataset_path.casefold(), unit.config, unit.split) in scored:
        denied.append("a task of lm-eval scores it")
    if denied:
        raise CatalogueError(f"{path}: unit {unit.name} is denied: {denied[0]}; name another split")


def read_catalogue(data: Path) -> Catalogue:
    """Read the catalogue's tables.

    Args:
        data: the folder of the tables.

    Raises:
        CatalogueError: see :func:`load`.
    """
    families = [
        family
        for name in ("families.csv", "demo_families.csv")
        for family in _rows(data / name, Family, "family")
    ]
    units = [
        unit
        for name in ("units.csv", "demo_units.csv")
        for unit in _rows(data / name, Unit, "dataset_path")
    ]
    listed = _checked(tuple(families), tuple(units), data / "units.csv")
    licences = {one.licence: one for one in _rows(data / "licences.csv", Licence, "licence")}
    statements = tuple(_rows(data / "evidence.csv", Evidence, "dataset_path"))
    return with_evidence(listed, statements, licences, data / "evidence.csv")


def _rows(path: Path, model: type[R], named: str) -> Iterator[R]:
    """Yield the rows of a table; ``named`` is the column by which a message calls one."""
    with path.open(encoding="utf-8", newline="") as file:
        lines = csv.DictReader(file, restkey="")
        columns = lines.fieldnames or ()
        for number, row in enumerate(lines, 2):
            where = f"{path}: row {number} ({row.get(named)})"
            cells = len(columns) + len(row.get("", ())) - list(row.values()).count(None)
            if cells != len(columns):
                raise CatalogueError(
                    f"{where}: found {cells} cells, allowed: {len(columns)}, as in the first row; "
                    "quote a cell that has a comma in it"
                )
            try:
                yield model.model_validate(_defaults(row, model))
            except ValidationError as error:
                why = explain(error, model, noun="column", settable=False)
                raise CatalogueError(f"{where}: {why}") from error


def _defaults(row: Mapping[str, str], model: type[R]) -> dict[str, str]:
    # What follows from the evidence is no column of the package's tables.
    more = {"licence": NO_EVIDENCE, "commercial": "unclear"} if model in (Unit, Family) else {}
    # The demo's table has no such columns: its families say enough.
    demo = {"answer_kind": "", "part_of": ""} if model is Unit and "part_of" not in row else {}
    return {**row, **demo, **more}


def _checked(families: tuple[Family, ...], units: tuple[Unit, ...], path: Path) -> Catalogue:
    """Hold rows to one another; ``path`` is what a message names."""
    names = [family.family for family in families]
    tasks = [task for unit in units for task in unit.tasks]
    for what, all_of in (("family", names), ("task", tasks)):
        if twice := [name for name, count in Counter(all_of).items() if count > 1]:
            raise CatalogueError(f"{path}: {what} {twice[0]} stands twice; give each its own name")
    for unit in units:
        if unit.family not in names:
            raise CatalogueError(
                f"{path}: unit {unit.name}: column family: found {unit.family!r}, allowed: a "
                "family of families.csv"
            )
    bare = sorted(set(names) - {unit.family for unit in units})
    if bare:
        raise CatalogueError(f"{path}: family {bare[0]} has no unit; add one, or take it out")
    return Catalogue(families=families, units=units)
