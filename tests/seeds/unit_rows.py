"""A made-up row of every unit, in the columns and types that the evidence says.

The rows are those that the tests of families and adapters are made of. A unit without a row of its
own takes one of a unit of the same data set whose columns, reader's columns and kind of answer are
the same: another language or subject of it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from tests.seeds.rows import unit_of
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.catalogue.model import Unit
from tsdg.seeds.families.renderers import columns_of, renderer_for
from tsdg.seeds.mirror.parquet_files import plain_rows
from tsdg.seeds.rows import render
from tsdg.seeds.rows.item import Gold, Item

_HERE = Path(__file__).parent
Case = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class UnitRow:
    """The row of a unit, with what a person would expect of it."""

    unit: Unit
    case: Case
    written_for: Unit
    """The unit that the row was written for: this one, or one that is read alike."""

    @property
    def own(self) -> bool:
        """Whether the row was written for the unit itself."""
        return self.written_for.tasks == self.unit.tasks


def _read(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)


@cache
def cases() -> tuple[Case, ...]:
    """The written rows that are no duplicates, in the order of their files."""
    files = sorted((_HERE / "family_rows").glob("*.yaml"))
    written = [case for file in files for case in _read(file)]
    return (
        *(case for case in written if "duplicate" not in case),
        *_read(_HERE / "adapter_rows.yaml")["sound"],
    )


@cache
def _cases_of() -> Mapping[str, list[tuple[Unit, Case]]]:
    out: dict[str, list[tuple[Unit, Case]]] = defaultdict(list)
    for case in cases():
        unit = unit_of(case["task"])
        out[unit.dataset_path].append((unit, case))
    return out


@cache
def _alike(task: str) -> tuple[Any, ...]:
    """What the units of two tasks share that are read alike."""
    unit = unit_of(task)
    evidence = load().evidence[unit.name].columns
    columns = json.dumps(evidence.value) if evidence else ""
    family = load().family(unit.family)
    return family.family, columns, columns_of(family, unit), load().answer_kind_of(unit)


@cache
def row_of(task: str) -> UnitRow | None:
    """The row of a unit, by its first task; None where nobody has written one."""
    unit = unit_of(task)
    here = _cases_of()[unit.dataset_path]
    own = [one for one in here if one[0].tasks == unit.tasks]
    sound = [one for one in here if "answer" in one[1]]
    found = (
        *(one for one in sound if one in own),
        *(one for one in sound if one not in own and _alike(one[0].tasks[0]) == _alike(task)),
        *own,
    )
    if not found:
        return None
    # Rows in another form, of a table of text say, are oddities and not the unit's schema.
    written_for, case = next((one for one in found if _fits(unit, one[1]["row"])), found[0])
    return UnitRow(unit=unit, case=case, written_for=written_for)


def arrow_type(type_: Any) -> pa.DataType:
    """The Arrow type that the evidence writes so."""
    if isinstance(type_, dict):
        return pa.struct([pa.field(name, arrow_type(inner)) for name, inner in type_.items()])
    if isinstance(type_, list):
        return pa.list_(arrow_type(type_[0]))
    return pa.int64() if type_ == "class_label" else pa.type_for_alias(type_)


def table_of(unit: Unit, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Rows of a unit in the columns and types that its evidence says.

    Where it says none, in those of the rows. What a row lacks is null.

    Raises:
        ValueError: a row has a column that the evidence does not know.
        pyarrow.ArrowException: a value has not its type.
    """
    rows = list(rows)
    evidence = load().evidence[unit.name].columns
    if evidence is None:
        return pa.Table.from_pylist(rows)
    columns = evidence.value
    unknown = {name for row in rows for name in row} - set(columns)
    if unknown:
        raise ValueError(f"{unit.name}: the evidence knows no column {', '.join(sorted(unknown))}")
    schema = pa.schema([pa.field(name, arrow_type(type_)) for name, type_ in columns.items()])
    return pa.Table.from_pylist([{name: row.get(name) for name in columns} for row in rows], schema)


def _fits(unit: Unit, row: Mapping[str, Any]) -> bool:
    try:
        table_of(unit, [row])
    except (ValueError, pa.ArrowException):
        return False
    return True


def rendered(unit: Unit, row: Mapping[str, Any]) -> tuple[Item, Gold]:
    """What the unit's reader makes of a row in the unit's own columns and types.

    Raises:
        MalformedRowError: it is no seed.
    """
    table = table_of(unit, [row])
    renderer = renderer_for(load().family(unit.family), unit, frozenset(table.column_names))
    _, rows, _ = plain_rows(table)
    document = renderer.documents(table, rows)[0]
    assert document is not None
    item = renderer.item(document)
    gold = renderer.gold(document, item)
    render.check(item, gold)
    return item, gold
