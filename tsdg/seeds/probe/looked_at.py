"""The first rows of a split, through its family's reader."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import pyarrow as pa

from tsdg.errors import MachineError, UsageError
from tsdg.seeds.catalogue.model import Catalogue, Unit
from tsdg.seeds.families.renderers import columns_of, renderer_for
from tsdg.seeds.mirror.parquet_files import plain_rows
from tsdg.seeds.probe.differences import SourceDifference
from tsdg.seeds.rows import render
from tsdg.seeds.rows.item import MalformedRowError, OtherTaskRowError

ROWS = 20
"""Rows that are looked at."""


def needed_columns(catalogue: Catalogue, unit: Unit) -> tuple[str, ...]:
    """Return the columns that a unit's reader takes; none where it does not say."""
    with suppress(MachineError, UsageError):
        return columns_of(catalogue.family(unit.family), unit)
    return ()


def first_rows(catalogue: Catalogue, unit: Unit, file: Any) -> Iterator[SourceDifference]:
    """Read the first rows of a split as its family does.

    Args:
        catalogue: knows the unit's family.
        unit: the unit of source.
        file: its first Parquet file, opened.

    Raises:
        OSError, pyarrow.ArrowException: the file is torn.
    """
    batch = next(file.iter_batches(batch_size=ROWS, use_threads=False), None)
    if batch is None:
        return
    table, rows, _ = plain_rows(pa.Table.from_batches([batch]))
    wrong = _malformed(catalogue, unit, table, rows)
    if not wrong:
        return
    few_do = len(wrong) * 2 > len(rows)
    yield SourceDifference(
        where=unit.name,
        what="first rows",
        level="accept" if few_do else "note",
        expected=f"most of the first {len(rows)} give a seed",
        found=f"{len(rows) - len(wrong)} do; the others: {wrong[0][:120]}",
        meaning="the family's reader does not know rows of this form"
        if few_do
        else "single rows that would be rejected as malformed",
    )


def _malformed(
    catalogue: Catalogue, unit: Unit, table: pa.Table, rows: Sequence[dict[str, Any]]
) -> list[str]:
    """Why rows give no seed: one reason for each that gives none."""
    try:
        renderer = renderer_for(catalogue.family(unit.family), unit, frozenset(table.column_names))
        documents = renderer.documents(table, list(rows))
    except Exception as error:  # lm-eval's own code runs here, on rows of an unknown form
        return [f"{type(error).__name__}: {' '.join(str(error).split())}"] * len(rows)
    out = []
    for document in documents:
        try:
            if document is not None:
                item = renderer.item(document)
                render.check(item, renderer.gold(document, item))
        except MalformedRowError as error:
            if error.reason == "malformed" and not isinstance(error, OtherTaskRowError):
                out.append(str(error))
        except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
            out.append(f"{type(error).__name__}: {' '.join(str(error).split())}")
    return out
