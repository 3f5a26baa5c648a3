"""Parquet files of rows: written whole or not at all, read one row group at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from tsdg.errors import StorageError, VerificationError
from tsdg.layout import VERSIONS
from tsdg.rowform import from_row, to_row
from tsdg.storage import partial_of, storage, storage_unfit, sync_file

Item = TypeVar("Item")

UNIT_ROWS = b"tsdg.unit_rows"
"""Key of a Parquet file's metadata: its row groups are cut into work units of so many rows."""
_GROUP_ROWS = 8192
_CHUNK_ROWS = 512


class Table:
    """A Parquet file written group by group, which gets its name only once it is whole.

    Raises:
        StorageError: the disk is full, or the folder cannot be written.
    """

    def __init__(self, path: Path, schema: pa.Schema, *, group_rows: int) -> None:
        self._path, self._schema, self._group_rows = path, schema, group_rows
        self._partial = partial_of(path)
        # As Arrow soon: rows of Python objects take several times the memory.
        self._rows: list[dict[str, object]] = []
        self._pieces: list[pa.Table] = []
        self._held = 0
        self._chunks: list[pa.Table] = []
        with storage("write", path):
            path.parent.mkdir(parents=True, exist_ok=True)
            # No statistics: nobody reads them, and they are half of the footer.
            self._writer = pq.ParquetWriter(
                self._partial,
                schema,
                compression="zstd",
                write_page_checksum=True,
                write_statistics=False,
            )
        self.count = 0

    def add(self, item: object) -> None:
        """Append one row dataclass."""
        self._rows.append(to_row(item))
        self._grow(1)

    def add_rows(self, rows: pa.Table) -> None:
        """Append rows that have the columns of this table; the file is as if each were added."""
        self._arrow()
        rows = pa.Table.from_arrays(rows.columns, schema=self._schema)
        start = 0
        while start < len(rows):
            room = min(_CHUNK_ROWS - self._held, self._group_rows - self.count % self._group_rows)
            piece = rows.slice(start, room)
            self._pieces.append(piece)
            self._grow(len(piece))
            start += room

    def _grow(self, rows: int) -> None:
        self._held += rows
        self.count += rows
        if self._held >= _CHUNK_ROWS:
            self._pack()
        if self.count % self._group_rows == 0:
            self._flush()

    def _arrow(self) -> None:
        if self._rows:
            self._pieces.append(pa.Table.from_pylist(self._rows, schema=self._schema))
            self._rows.clear()

    def _pack(self) -> None:
        self._arrow()
        if self._pieces:
            # In chunks of the same size, however the rows came: Parquet's pages end with chunks.
            self._chunks.append(pa.concat_tables(self._pieces).combine_chunks())
            self._pieces.clear()
            self._held = 0

    def _flush(self) -> None:
        self._pack()
        if self._chunks:
            with storage("write", self._path):
                self._writer.write_table(
                    pa.concat_tables(self._chunks), row_group_size=self._group_rows
                )
            self._chunks.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            # What went wrong is on its way up; a full disk must not hide it behind a second error.
            with contextlib.suppress(OSError):
                self._writer.close()
            self._partial.unlink(missing_ok=True)
            return
        self._flush()
        with storage("write", self._path):
            self._writer.close()
            sync_file(self._partial)
            self._partial.replace(self._path)


def work_table(path: Path, schema: pa.Schema, *, unit_rows: int) -> Table:
    """A table whose rows are worked on in units of ``unit_rows``.

    A row group holds many units: with one for each, the footer of millions of rows would fill a
    worker's memory.

    Raises:
        StorageError: the disk is full, or the folder cannot be written.
    """
    noted = schema.with_metadata({UNIT_ROWS: str(unit_rows).encode()})
    return Table(path, noted, group_rows=unit_rows * max(1, _GROUP_ROWS // unit_rows))


def unreadable(path: Path, error: Exception) -> StorageError | VerificationError:
    """What to say of a table that cannot be read, and from what to make it again.

    A KeyError is a column that it does not have: it is sound, and of another version.
    """
    if isinstance(error, KeyError):
        return of_another_version(path, [str(error.args[0])])
    if isinstance(error, PermissionError):
        return storage_unfit("read", path, error)
    reason = " ".join(str(error).split())
    return VerificationError(
        f"{path} cannot be read ({reason}); delete it and start its run again (`tsdg resume RUN`), "
        "which makes it again"
    )


def of_another_version(path: Path, lacking: Iterable[str]) -> VerificationError:
    """What to say of a sound table without columns that are read now."""
    return VerificationError(
        f"{path} was written by another version of tsdg: it has no column "
        f"{', '.join(sorted(lacking))}; keep it, and use that version, which the run's {VERSIONS} "
        "names"
    )


def read_rows(path: Path, cls: type[Item]) -> Iterator[Item]:
    """Yield the rows of a table as row dataclasses, holding one row group at a time.

    Raises:
        VerificationError: the file is missing or damaged, or of another version's form.
        StorageError: this user may not read it.
    """
    try:
        for batch in read_batches(path):
            for row in batch.to_pylist():
                yield from_row(cls, row)
    except (KeyError, ValueError) as error:
        raise unreadable(path, error) from error


def read_batches(path: Path) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a table in small batches, holding one row group at a time.

    Raises:
        VerificationError: the file is missing or damaged.
        StorageError: this user may not read it.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            for group in range(file.num_row_groups):
                yield from file.read_row_group(group).to_batches(max_chunksize=_CHUNK_ROWS)
    except (OSError, pa.ArrowException, ValueError) as error:
        raise unreadable(path, error) from error


def count_rows(path: Path) -> int:
    """Rows of a table, from its footer.

    Raises:
        VerificationError: the file is missing or damaged.
        StorageError: this user may not read it.
    """
    try:
        return int(pq.read_metadata(path).num_rows)
    except (OSError, pa.ArrowException, ValueError) as error:
        raise unreadable(path, error) from error
