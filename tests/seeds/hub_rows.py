"""Made-up data sets in the form that the evidence says, as a hub has them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.seeds.hub_server import CONVERTED, MAIN, HubServer
from tests.seeds.rows import unit_of
from tests.seeds.unit_rows import arrow_type, row_of, table_of
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.catalogue.model import Unit
from tsdg.seeds.mirror.needed_splits import default_config
from tsdg.seeds.mirror.source_files import github_pin, sources_of

SHOWN = 20
"""Rows of a split that hold something: as many as a look reads. The others are null."""

Files = dict[str, bytes]


def split_table(task: str, **changed: Any) -> pa.Table:
    """A split of as many rows as its evidence says, in its columns.

    Args:
        task: names the unit.
        changed: ``rows``, ``columns`` or ``labels``, in place of the evidence's; ``values``: of
            columns, in all rows.
    """
    unit = unit_of(task)
    found = row_of(unit.tasks[0])
    assert found is not None, task
    evidence = load().evidence[unit.name]
    row = {**found.case["row"], **changed.get("values", {})}
    if "columns" in changed:
        columns = changed["columns"]
        schema = pa.schema([pa.field(name, arrow_type(one)) for name, one in columns.items()])
        made = pa.Table.from_pylist([{name: row.get(name) for name in columns}], schema)
    else:
        made = table_of(unit, [row])
    labels = changed.get("labels", evidence.labels.value if evidence.labels else {})
    features = {name: {"names": names, "_type": "ClassLabel"} for name, names in labels.items()}
    made = made.replace_schema_metadata(
        {"huggingface": json.dumps({"info": {"features": features}})}
    )
    count = changed.get("rows", evidence.rows.value if evidence.rows else SHOWN)
    shown = pa.concat_tables([made] * min(count, SHOWN))
    if count <= SHOWN:
        return shown
    empty = [pa.nulls(count - SHOWN, field.type) for field in made.schema]
    return pa.concat_tables([shown, pa.table(empty, schema=made.schema)])


def stored(table: pa.Table) -> bytes:
    """A table as a Parquet file."""
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


@cache
def split_bytes(task: str) -> bytes:
    """The Parquet file of a unit as it is expected."""
    return stored(split_table(task))


def place(task: str) -> str:
    """Where a unit's first file lies in a conversion."""
    unit = unit_of(task)
    config = unit.config or default_config(unit.dataset_path) or "default"
    return f"{config}/{unit.split}/0000.parquet"


def licence_tag(unit: Unit) -> str:
    """A licence tag of the card, as the evidence has it; "" where the card has none."""
    found = [one.found for one in load().evidence[unit.name].licences if one.read == "card"]
    found += [one.found for one in load().evidence[unit.name].licences]
    return "" if not found or found[0] == "unset" else found[0]


def fill(hub: HubServer, tasks: Iterable[str]) -> dict[str, Files]:
    """Put the data sets of tasks on a hub as they are expected; return their files to change."""
    files: dict[str, Files] = {}
    for task in tasks:
        unit = unit_of(task)
        here = files.setdefault(unit.dataset_path, {})
        if not sources_of(unit.dataset_path):
            here[place(task)] = split_bytes(task)
    for dataset, here in files.items():
        if github_pin(dataset) is not None:
            continue
        here |= {one.file.path: _zipped() for one in sources_of(dataset)}
        hub.add(dataset, here, ref=MAIN if sources_of(dataset) else CONVERTED)
        tag = licence_tag(load().datasets[dataset][0])
        hub.repositories[dataset].card = {"cardData": {"license": tag} if tag else {}}
    return files


@cache
def _zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("train.jsonl", "{}\n")
    return out.getvalue()
