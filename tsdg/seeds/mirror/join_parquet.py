"""Several Parquet files of one split become one, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tsdg.errors import MirrorError, few, shown
from tsdg.seeds.mirror.parquet_files import OddParquetError, batches, open_parquet
from tsdg.storage import storage, storage_unfit, sync_file

if TYPE_CHECKING:
    import pyarrow as pa

_GROUP_BYTES = 32 << 20
"""Size in memory from which collected rows become a row group."""


def join(parts: Sequence[Path], target: Path, name: str) -> int:
    """Make one Parquet file of several, or of one, which then keeps its bytes.

    Columns, types and the schema's metadata (the hub keeps its features there) are those of the
    first part.

    Args:
        parts: whole files, in the order of their rows; used up where there is only one.
        target: the new file; appears when it is whole.
        name: of the split, for messages.

    Returns:
        Its rows.

    Raises:
        MirrorError: a part is no Parquet file, or has other columns than the first.
        StorageError: the disk is full, or the folder cannot be written.
    """
    total = 0
    schema: pa.Schema | None = None
    for part in parts:
        with _parquet(part, name), open_parquet(part) as file:
            found, rows = file.schema_arrow, file.metadata.num_rows
        if schema is not None and not found.equals(schema):
            raise MirrorError(
                f"{name}: the hub's files have different columns: {_differ(schema, found)}"
            )
        schema = found if schema is None else schema
        total += rows
    if len(parts) == 1:
        with storage("write", target):
            parts[0].replace(target)
            sync_file(target)
        return total
    growing = target.with_name(f"{target.name}.growing")
    with _parquet(growing, name):
        _write(parts, growing, schema)
        sync_file(growing)
        growing.replace(target)
    return total


def _write(parts: Sequence[Path], target: Path, schema: pa.Schema) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetWriter(target, schema, compression="zstd", write_page_checksum=True) as writer:
        held: list[pa.RecordBatch] = []
        size = 0

        for part in parts:
            with open_parquet(part) as file:
                for _, batch in batches(file, None):
                    held.append(batch)
                    size += batch.nbytes
                    if size >= _GROUP_BYTES:
                        writer.write_table(pa.Table.from_batches(held, schema=schema))
                        held, size = [], 0
        if held:
            writer.write_table(pa.Table.from_batches(held, schema=schema))


@contextmanager
def _parquet(path: Path, name: str) -> Iterator[None]:
    """Tell rubbish in a file from a disk that fails.

    Arrow raises OSError for both, with a number for the disk only.
    """
    import pyarrow as pa

    try:
        yield
    except (OSError, pa.ArrowException, OddParquetError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise storage_unfit("write", path, error) from None
        reason = shown(" ".join(str(error).split()))
        raise MirrorError(
            f"{name}: the hub's file is not readable as Parquet though its checksum is right "
            f"({reason}); report it to "
            "the data set's owner"
        ) from None


def _differ(first: pa.Schema, other: pa.Schema) -> str:
    ours, theirs = (
        {f"{field.name}: {field.type}" for field in schema} for schema in (first, other)
    )
    return shown(few(sorted(ours ^ theirs), 6)) or "in another order"
