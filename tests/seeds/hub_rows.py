"""Made-up data sets in the form that the evidence says, as a hub has them."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from tests.seeds.rows import arc_rows, unit_of
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.catalogue.model import Unit

_HERE = Path(__file__).parent


def _entries() -> list[dict[str, Any]]:
    files = sorted((_HERE / "family_rows").glob("*.yaml"))
    return [entry for file in files for entry in yaml.safe_load(file.read_text()) or []]


def rows_of(task: str) -> list[dict[str, Any]]:
    """Made-up rows of a task that give seeds."""
    if task.startswith("arc_"):
        return arc_rows(3)
    return [
        entry["row"]
        for entry in _entries()
        if entry.get("task") == task and entry.get("answer") is not None
    ]


def arrow_type(type_: Any) -> pa.DataType:
    """The Arrow type that the evidence writes so."""
    if isinstance(type_, dict):
        return pa.struct([pa.field(name, arrow_type(inner)) for name, inner in type_.items()])
    if isinstance(type_, list):
        return pa.list_(arrow_type(type_[0]))
    return pa.int64() if type_ == "class_label" else pa.type_for_alias(type_)


def split_table(task: str, **changed: Any) -> pa.Table:
    """A split of as many rows as its evidence says, in its columns.

    Args:
        task: names the unit.
        changed: ``rows``, ``columns`` or ``labels``, in place of the evidence's; ``values``: of
            columns, in all rows.
    """
    unit = unit_of(task)
    evidence = load().evidence[unit.name]
    assert evidence.rows is not None
    assert evidence.columns is not None
    columns = changed.get("columns", evidence.columns.value)
    count = changed.get("rows", evidence.rows.value)
    labels = changed.get("labels", evidence.labels.value if evidence.labels else {})
    made = [{**dict.fromkeys(columns), **row, **changed.get("values", {})} for row in rows_of(task)]
    assert made, task
    rows = [
        {name: row[name] for name in columns} for row in (made * (count // len(made) + 1))[:count]
    ]
    features = {name: {"names": names, "_type": "ClassLabel"} for name, names in labels.items()}
    schema = pa.schema(
        [pa.field(name, arrow_type(type_)) for name, type_ in columns.items()],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )
    return pa.Table.from_pylist(rows, schema=schema)


def licence_tag(unit: Unit) -> str:
    """A licence tag of the card, as the evidence has it."""
    found = [one.found for one in load().evidence[unit.name].licences]
    return found[0] if found else ""
