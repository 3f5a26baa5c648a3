"""Parquet files of somebody else: opened with a look at what their footer says, read in bounds."""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

BATCH_ROWS = 1024
"""Rows held at once."""
_BATCH_BYTES = 256 << 20
"""Bytes of a column held at once, as far as its footer tells."""
_BUFFER = 1 << 16
"""Bytes of a column read at once; otherwise a row group's whole column is."""
_MOST_ROWS = (1 << 32) - 1
_COLUMN, _PACKED = 1 << 30, 100
"""A row group's column of more bytes than this may be packed so many times at most."""
_DICTIONARY = frozenset({"RLE_DICTIONARY", "PLAIN_DICTIONARY"})


class OddParquetError(Exception):
    """A footer that contradicts itself or the file, or what no data set has."""


def open_parquet(path: Any) -> Any:
    """Open a Parquet file.

    Args:
        path: or a file object.

    Raises:
        OSError, pyarrow.ArrowException: it is none.
        OddParquetError: its footer contradicts itself, or a name stands twice among its columns.
    """
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path, memory_map=False, pre_buffer=False, buffer_size=_BUFFER)
    meta, names = file.metadata, file.schema_arrow.names
    rows = sum(group_sizes(file))
    if meta.num_rows != rows:
        raise OddParquetError(
            f"its footer says {meta.num_rows:,} rows, its row groups have {rows:,}"
        )
    if not 0 <= rows <= _MOST_ROWS:
        raise OddParquetError(f"its footer says {rows:,} rows, at most {_MOST_ROWS:,} are read")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise OddParquetError(f"column {twice[0]!r} stands twice in it")
    return file


def group_sizes(file: Any) -> list[int]:
    """Rows of each row group."""
    meta = file.metadata
    return [meta.row_group(number).num_rows for number in range(meta.num_row_groups)]


def batches(file: Any, span: range | None) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield the rows of the row groups that a span touches, with the number of each first row.

    Raises:
        OSError, pyarrow.ArrowException: the file is torn.
        OddParquetError: it holds other rows than its footer says, or too much in one column.
    """
    sizes = group_sizes(file)
    ends = list(itertools.accumulate(sizes))
    groups = range(len(sizes))
    if span is not None:
        last = min(bisect_left(ends, span.stop) + 1, len(ends))
        groups = range(bisect_right(ends, span.start), last)
    at = ends[groups.start - 1] if groups.start else 0
    expected = at + sum(sizes[number] for number in groups)
    # One thread: where rows are many, there is a process for each core.
    for batch in file.iter_batches(
        batch_size=_batch_rows(file, groups), row_groups=list(groups), use_threads=False
    ):
        yield at, batch
        at += batch.num_rows
    if at != expected:
        raise OddParquetError(f"it ends after {at:,} rows, its footer says {expected:,}")


def _batch_rows(file: Any, groups: range) -> int:
    """How many rows may be held at once.

    In a column with a dictionary each row may be as long as the whole of it.
    """
    rows = BATCH_ROWS
    for number in groups:
        group = file.metadata.row_group(number)
        for place in range(group.num_columns):
            column = group.column(place)
            _require_sound(column, group.num_rows, file.schema.column(place))
            size = column.total_uncompressed_size
            if size > 0 and not _DICTIONARY.isdisjoint(column.encodings):
                rows = min(rows, max(_BATCH_BYTES // size, 1))
    return rows


def _require_sound(column: Any, rows: int, form: Any) -> None:
    """Refuse a row group's column that holds another number of values, or that is a bomb."""
    if not form.max_repetition_level and column.num_values != rows:
        raise OddParquetError(
            f"column {column.path_in_schema!r} has {column.num_values:,} values in a row group of "
            f"{rows:,} rows"
        )
    size = column.total_uncompressed_size
    if size > _COLUMN and size > _PACKED * column.total_compressed_size:
        raise OddParquetError(
            f"column {column.path_in_schema!r} is {column.total_compressed_size:,} bytes that "
            f"unpack to {size:,}"
        )


def plain_rows(
    table: pa.Table,
) -> tuple[pa.Table, list[dict[str, Any]], Mapping[int, tuple[str, str]]]:
    """Give rows as Python values, whatever they hold.

    Returns:
        The table; its rows; and of rows with a value that is none (text that is no UTF-8, a time
        out of range): the column, and why. Such a value is None, in the table as well.
    """
    try:
        return table, table.to_pylist(), {}
    except _NO_VALUE:
        pass
    faults: dict[int, tuple[str, str]] = {}
    columns: list[Any] = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        wrong = _unreadable(column)
        faults = {row: (name, why) for row, why in wrong.items()} | faults
        keep = [None if row in wrong else row for row in range(len(column))]
        columns.append(column.take(pa.array(keep, pa.int64())) if wrong else column)
    values = [_values(column) for column in columns]
    rows = [dict(zip(table.column_names, row, strict=True)) for row in zip(*values, strict=True)]
    return pa.table(columns, schema=table.schema), rows, faults


_NO_VALUE = (ValueError, OverflowError, LookupError, pa.ArrowException)
"""What making a Python value of an Arrow one may raise."""


def _values(column: pa.ChunkedArray) -> list[Any]:
    """The values of a column; one of nothing but nulls may have a type that Python cannot have."""
    whole: list[Any] = column.to_pylist() if column.null_count < len(column) else []
    return whole or [None] * len(column)


def _unreadable(column: pa.ChunkedArray) -> dict[int, str]:
    """Rows of a column whose value Python cannot have, and why."""
    try:
        column.to_pylist()
    except _NO_VALUE:
        pass
    else:
        return {}
    out = {}
    for row, value in enumerate(column):
        try:
            value.as_py()
        except _NO_VALUE as error:
            out[row] = f"{type(error).__name__}: {' '.join(str(error).split())[:100]}"
    return out
