"""A fixed random order of any number of rows in bounded memory: an external hash sort.

Rows are held until they exceed the budget. Then they are sorted by hash, cut at the hash's next
digit and added to one file per digit; at the end each file, in order of its digit, is treated in
the same way. The order depends on the seed and the ids alone, not on the order of arrival nor on
the budget.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

BUDGET = 64 << 20
"""Bytes of rows held before they are put on disk; sorting takes as much again."""

_KEY = "_hash"
_DIGIT_BITS = 4
_DIGITS = 1 << _DIGIT_BITS
_LEVELS = 64 // _DIGIT_BITS


def shuffled(
    batches: Iterable[pa.RecordBatch],
    *,
    id_column: str,
    seed: int,
    scratch: Path,
    budget: int = BUDGET,
) -> Iterator[pa.Table]:
    """Yield the rows in the order of ``hash(seed, id)``, in tables of about ``budget`` bytes.

    Args:
        batches: rows of one schema, in any order.
        id_column: a string column that no two rows share.
        seed: another seed gives another order.
        scratch: an existing folder for files that are gone when the last row is out.
        budget: bytes of rows to hold in memory.
    """
    for table in _in_order(
        (with_hash(batch, id_column, seed) for batch in batches), scratch, budget, level=0
    ):
        yield table.sort_by([(_KEY, "ascending"), (id_column, "ascending")]).drop_columns([_KEY])


def with_hash(batch: pa.RecordBatch, id_column: str, seed: int) -> pa.RecordBatch:
    """Append what rows are sorted by; :func:`shuffled` does it where it was not done before."""
    if batch.schema.get_field_index(_KEY) >= 0:
        return batch
    hashes = [
        int.from_bytes(hashlib.blake2b(f"{seed}:{row_id}".encode(), digest_size=8).digest(), "big")
        for row_id in batch.column(id_column).to_pylist()
    ]
    return batch.append_column(_KEY, pa.array(hashes, pa.uint64()))


def _in_order(
    batches: Iterable[pa.RecordBatch], scratch: Path, budget: int, level: int
) -> Iterator[pa.Table]:
    """Yield tables whose hashes ascend from one to the next, unordered within a table."""
    held: list[pa.RecordBatch] = []
    size = 0
    files: _Files | None = None
    for batch in batches:
        held.append(batch)
        size += batch.nbytes
        # A single row needs no sorting, and rows that agree in all digits are not told apart by
        # writing them out again.
        if size >= budget and level < _LEVELS and (len(held) > 1 or batch.num_rows > 1):
            files = files or _Files(scratch, level, batch.schema)
            files.add(pa.Table.from_batches(held))
            held, size = [], 0
    if files is None:
        if held:
            yield pa.Table.from_batches(held)
        return
    if held:
        files.add(pa.Table.from_batches(held))
        held.clear()
    for path in files.close():
        with pa.OSFile(str(path)) as source, pa.ipc.open_stream(source) as reader:
            yield from _in_order(reader, scratch, budget, level + 1)
        path.unlink()


class _Files:
    """One file of rows per value of the hash's digit at one level."""

    def __init__(self, scratch: Path, level: int, schema: pa.Schema) -> None:
        self._shift = 64 - _DIGIT_BITS * (level + 1)
        self._paths = [scratch / f"spill-{level}-{digit}.arrows" for digit in range(_DIGITS)]
        self._writers = [pa.ipc.new_stream(str(path), schema) for path in self._paths]

    def add(self, table: pa.Table) -> None:
        """Append each row to the file of its digit."""
        table = table.sort_by(_KEY).combine_chunks()
        digits = (table.column(_KEY).to_numpy() >> np.uint64(self._shift)) & np.uint64(_DIGITS - 1)
        edges = np.searchsorted(digits, np.arange(_DIGITS + 1, dtype=np.uint64))
        for writer, start, end in zip(self._writers, edges[:-1], edges[1:], strict=True):
            if end > start:
                writer.write_table(table.slice(int(start), int(end - start)))

    def close(self) -> list[Path]:
        """Finish all files and return them in the order of their digits."""
        for writer in self._writers:
            writer.close()
        return self._paths
