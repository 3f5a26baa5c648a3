"""The mirror.

Benchmark splits on disk, ``<root>/<dataset_path>/<config or default>/<split>.parquet``.

tsdg's own demo questions lie in the same layout, as ``.jsonl``. Rows stream by record batches, so
that memory does not grow with the split.

A split's *revision* is the SHA-256 of its file. A Parquet footer would be cheaper to hash, but it
holds sizes and offsets, not the data: two files can share it. The hash is computed once per file
and remembered by size and mtime.
"""

from __future__ import annotations

import hashlib
import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from tsdg import cache
from tsdg.errors import MirrorError

BATCH_ROWS = 1024
"""Rows held at once."""

_BUFFER = 1 << 16
"""Bytes of a column read at once; otherwise a row group's whole column is."""
_LARGE = 4
"""A row group this many times as large as asked for is cut."""

PREFETCH = "fetch it with `tsdg seeds prefetch` on a machine with internet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Some rows of a split."""

    numbers: tuple[int, ...]
    """Row numbers in the file."""
    table: pa.Table
    """The same rows as Arrow, with the columns' types."""
    rows: list[dict[str, Any]]
    """The same rows as Python values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitFile:
    """One split of a mirror."""

    path: Path
    dataset_path: str
    config: str
    """"" for the default config."""
    split: str

    @property
    def name(self) -> str:
        """The split as it is shown: ``allenai/ai2_arc/ARC-Easy/test``."""
        return f"{self.dataset_path}/{self.config or 'default'}/{self.split}"

    def check(self, columns: Sequence[str]) -> int:
        """Return the number of rows, after a look at the footer only.

        Raises:
            MirrorError: the file is missing or unreadable, or lacks one of the columns.
        """
        rows, names = self._outline()
        lacking = [column for column in columns if column not in names]
        if lacking:
            raise MirrorError(
                f"mirror split {self.path}: no column {', '.join(map(repr, lacking))}, found "
                f"{', '.join(names)}; "
                f"the file is not in the hub's columns: {PREFETCH}"
            )
        return rows

    def row_bytes(self) -> float:
        """Return the mean size of a row, uncompressed, after a look at the footer only.

        0 without rows.

        Raises:
            MirrorError: the file is missing or unreadable.
        """
        if self.path.suffix == ".jsonl":
            lines = self._lines()
            return sum(map(len, lines)) / len(lines) if lines else 0.0
        with self._parquet() as file:
            meta = file.metadata
            size = sum(
                meta.row_group(number).total_byte_size for number in range(meta.num_row_groups)
            )
            return float(size / meta.num_rows) if meta.num_rows else 0.0

    def columns(self) -> list[str]:
        """Return the names of its columns.

        Raises:
            MirrorError: the file is missing or unreadable.
        """
        return self._outline()[1]

    def _outline(self) -> tuple[int, list[str]]:
        if self.path.suffix == ".jsonl":
            lines = self._lines()
            return len(lines), list(orjson.loads(lines[0])) if lines else []
        with self._parquet() as file:
            return file.metadata.num_rows, file.schema_arrow.names

    def spans(self, rows: int) -> list[range]:
        """Cut the rows into spans of about ``rows``, by whole row groups unless they are large.

        Raises:
            MirrorError: the file is missing or unreadable.
        """
        total = self.check(())
        edges = [0]
        for stop in [*self._group_ends(), total]:
            start = edges[-1]
            if stop - start >= rows or stop == total:
                pieces = -(-(stop - start) // (_LARGE * rows))
                edges += [start + (stop - start) * (piece + 1) // pieces for piece in range(pieces)]
        return [range(start, stop) for start, stop in itertools.pairwise(edges)]

    def _group_ends(self) -> list[int]:
        if self.path.suffix == ".jsonl":
            return []
        with self._parquet() as file:
            sizes = [
                file.metadata.row_group(number).num_rows
                for number in range(file.metadata.num_row_groups)
            ]
        return list(itertools.accumulate(sizes))

    def batches(
        self, *, span: range | None = None, wanted: Sequence[int] | None = None
    ) -> Iterator[Batch]:
        """Stream the rows in file order.

        Args:
            span: the rows to read; None for all.
            wanted: of these only the given row numbers, ascending.

        Raises:
            MirrorError: the file is missing, or is found torn on the way.
        """
        if wanted is not None and not len(wanted):
            return
        if span is None and wanted is not None:
            span = range(wanted[0], wanted[-1] + 1)
        cursor = 0
        for start, table in self._tables(span):
            stop = start + table.num_rows
            numbers: Sequence[int] = range(start, stop)
            if wanted is not None:
                first = cursor
                while cursor < len(wanted) and wanted[cursor] < stop:
                    cursor += 1
                numbers = wanted[first:cursor]
                table = table.take(pa.array([number - start for number in numbers], pa.int64()))
            if numbers:
                yield Batch(numbers=tuple(numbers), table=table, rows=table.to_pylist())

    def _tables(self, span: range | None) -> Iterator[tuple[int, pa.Table]]:
        """Yield tables with the number of their first row; those of a span only, cut to it."""
        for start, table in self._whole_tables(span):
            if span is not None:
                first, last = max(span.start - start, 0), min(span.stop - start, table.num_rows)
                if first >= table.num_rows or last <= 0:
                    continue
                start, table = start + first, table.slice(first, last - first)
            yield start, table

    def _whole_tables(self, span: range | None) -> Iterator[tuple[int, pa.Table]]:
        if self.path.suffix == ".jsonl":
            lines = self._lines()
            for start in range(0, len(lines), BATCH_ROWS):
                yield (
                    start,
                    pa.Table.from_pylist(
                        [orjson.loads(line) for line in lines[start : start + BATCH_ROWS]]
                    ),
                )
            return
        with self._parquet() as file:
            groups = range(file.metadata.num_row_groups)
            start = 0
            if span is not None:
                ends = list(
                    itertools.accumulate(
                        file.metadata.row_group(number).num_rows for number in groups
                    )
                )
                groups = range(
                    bisect_right(ends, span.start), min(bisect_left(ends, span.stop) + 1, len(ends))
                )
                start = ends[groups.start - 1] if groups.start else 0
            try:
                # One thread: where rows are many, there is a process for each core.
                for batch in file.iter_batches(
                    batch_size=BATCH_ROWS, row_groups=list(groups), use_threads=False
                ):
                    yield start, pa.Table.from_batches([batch], schema=file.schema_arrow)
                    start += batch.num_rows
            except (OSError, pa.ArrowException) as error:
                raise self._unreadable(error) from None

    def _lines(self) -> list[bytes]:
        try:
            return [line for line in self.path.read_bytes().splitlines() if line.strip()]
        except OSError as error:
            raise self._unreadable(error) from None

    def _parquet(self) -> Any:
        import pyarrow.parquet as pq

        try:
            return pq.ParquetFile(
                self.path, memory_map=False, pre_buffer=False, buffer_size=_BUFFER
            )
        except (OSError, pa.ArrowException) as error:
            raise self._unreadable(error) from None

    def _unreadable(self, error: Exception) -> MirrorError:
        if isinstance(error, FileNotFoundError):
            return MirrorError(f"mirror split {self.path}: no such file; {PREFETCH}")
        reason = " ".join(str(error).split())
        return MirrorError(
            f"mirror split {self.path}: not a readable Parquet file ({reason}); {PREFETCH}"
        )

    def fingerprint(self) -> str:
        """Return ``sha256:`` and 24 hexadecimal digits of the file's content.

        Raises:
            MirrorError: the file cannot be read.
            StorageError: the cache cannot be written.
        """
        try:
            stat = self.path.stat()
            key = f"{self.path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}"
            memo = cache.folder("fingerprints") / hashlib.sha256(key.encode()).hexdigest()[:2]
            known = _memo(memo)
            if key not in known:
                with self.path.open("rb") as file:
                    known[key] = hashlib.file_digest(file, "sha256").hexdigest()[:24]
                cache.write(memo, orjson.dumps(known))
        except OSError as error:
            raise self._unreadable(error) from None
        return f"sha256:{known[key]}"


def _memo(path: Path) -> dict[str, str]:
    try:
        known = orjson.loads(path.read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return {}
    return known if isinstance(known, dict) else {}


def split_file(root: Path, dataset_path: str, config: str, split: str) -> SplitFile:
    """Name a split of a mirror; the file need not be there.

    Args:
        root: the mirror's folder.
        dataset_path: hub path.
        config: "" for the default config.
        split: its name.
    """
    stem = root / dataset_path / (config or "default") / split
    parquet, jsonl = stem.parent / f"{split}.parquet", stem.parent / f"{split}.jsonl"
    path = jsonl if jsonl.is_file() and not parquet.is_file() else parquet
    return SplitFile(path=path, dataset_path=dataset_path, config=config, split=split)


def all_splits(root: Path) -> list[SplitFile]:
    """List every split of a mirror, by path."""
    out = []
    for path in sorted(root.rglob("*.parquet")):
        folders = path.relative_to(root).parts[:-1]
        if len(folders) >= 2:
            config = "" if folders[-1] == "default" else folders[-1]
            out.append(
                SplitFile(
                    path=path, dataset_path="/".join(folders[:-1]), config=config, split=path.stem
                )
            )
    return out
