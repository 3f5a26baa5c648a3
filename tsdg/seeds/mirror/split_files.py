"""The mirror.

Benchmark splits on disk, ``<root>/<dataset_path>/<config or default>/<split>.parquet``.

tsdg's own demo questions lie in the same layout, as ``.jsonl``. Rows stream by record batches, so
that memory does not grow with the split.

A split's *revision* is the SHA-256 of its file. A Parquet footer would be cheaper to hash, but it
holds sizes and offsets, not the data: two files can share it. A split that is *pinned* is read at
one revision, however often it is opened (:mod:`tsdg.seeds.mirror.identity`).
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from io import BufferedReader
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from tsdg.errors import MirrorError, shown
from tsdg.seeds.mirror import identity, pins
from tsdg.seeds.mirror.parquet_files import (
    BATCH_ROWS,
    OddParquetError,
    batches,
    group_sizes,
    open_parquet,
    plain_rows,
)

_LARGE = 4
"""A row group this many times as large as asked for is cut."""
_SETTLE_S = (0.1, 0.4, 1.0)
"""Waits for a prefetch that has replaced one of a split's two files, and not yet the other."""

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
    faults: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    """Of rows with a value that cannot be read: place in ``rows`` → its column, and why. The value
    is None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitFile:
    """One split of a mirror."""

    path: Path
    dataset_path: str
    config: str
    """"" for the default config."""
    split: str
    revision: str = ""
    """The one that is read; empty while the split is not pinned."""

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
        with self.opened() as file:
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
        with self.opened() as file:
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
        with self.opened() as file:
            return list(itertools.accumulate(group_sizes(file)))

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
                sound, rows, faults = plain_rows(table)
                yield Batch(numbers=tuple(numbers), table=sound, rows=rows, faults=faults)

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
        with self.opened() as file:
            for start, batch in batches(file, span):
                yield start, pa.Table.from_batches([batch], schema=file.schema_arrow)

    def lines(self) -> Iterator[bytes]:
        """Yield the lines of a JSONL file.

        Raises:
            MirrorError: the file is missing or unreadable.
        """
        with self._readable(), self._handle() as (handle, _):
            yield from handle

    def _lines(self) -> list[bytes]:
        return [line for line in self.lines() if line.strip()]

    @contextmanager
    def opened(self) -> Iterator[Any]:
        """Open its Parquet file, as :func:`~tsdg.seeds.mirror.parquet_files.open_parquet` does.

        Raises:
            MirrorError: the file is missing or unreadable.
        """
        with self._readable(), self._handle() as (_, path), open_parquet(path) as file:
            yield file

    @contextmanager
    def _readable(self) -> Iterator[None]:
        """Say in one line what is wrong with the file."""
        try:
            yield
        except FileNotFoundError:
            raise MirrorError(f"mirror split {self.path}: no such file; {PREFETCH}") from None
        except identity.ChangedError:
            raise MirrorError(
                f"mirror split {self.path}: written to while it was read; wait until that has "
                "ended, then start again"
            ) from None
        except (OSError, pa.ArrowException, OddParquetError) as error:
            reason = shown(" ".join(str(error).split()))
            raise MirrorError(
                f"mirror split {self.path}: not a readable Parquet file ({reason}); {PREFETCH}"
            ) from None

    @contextmanager
    def _handle(self) -> Iterator[tuple[BufferedReader, str]]:
        with identity.held(self._chosen(), self.path) as both:
            yield both

    def _chosen(self) -> BufferedReader:
        """Open the file; at its revision where it is pinned: here, or among those of before."""
        if not self.revision:
            return self.path.open("rb")
        here = "no such file"
        for path in (self.path, *self._kept()):
            try:
                handle = path.open("rb")
            except FileNotFoundError:
                continue
            found = identity.revision(handle, path)
            if found == self.revision:
                return handle
            handle.close()
            here = found if path == self.path else here
        raise MirrorError(
            f"mirror split {self.path}: the run reads {self.revision}, here is {here}; put the "
            "file back as it was, or begin another run with run=NAME"
        )

    def _kept(self) -> tuple[Path, ...]:
        if not self.revision or not self.dataset_path:
            return ()
        root = self.path.parents[self.dataset_path.count("/") + 2]
        return (identity.kept_path(root, self.revision),)

    def pinned(self, revision: str = "") -> SplitFile:
        """Return the same split at one revision: its present one where none is named.

        Raises:
            MirrorError: the file cannot be read, or is not what the mirror says that was fetched.
            StorageError: the cache cannot be written.
        """
        return replace(self, revision=revision or self.fingerprint())

    def has(self, revision: str) -> bool:
        """Whether this revision can be read: the file has it, or it is kept of before.

        Raises:
            MirrorError: the file cannot be read.
        """
        try:
            with replace(self, revision=revision)._handle():
                return True
        except (MirrorError, OSError):
            return False

    def fingerprint(self) -> str:
        """Return its revision: ``sha256:`` and 24 hexadecimal digits of the file's content.

        Raises:
            MirrorError: the file cannot be read, or is not what the mirror says that was fetched.
            StorageError: the cache cannot be written.
        """
        if self.revision:
            return self.revision
        for wait in (*_SETTLE_S, 0.0):
            found, noted = self._looked_at()
            if noted in ("", found):
                return found
            time.sleep(wait)
        raise MirrorError(
            f"mirror split {self.path}: its source.json says {noted}, here is {found}: not what "
            f"was fetched; {PREFETCH}, or remove source.json if the file is your own"
        )

    def _looked_at(self) -> tuple[str, str]:
        """The revision of the file, and that which the mirror notes; empty where it notes none."""
        with self._readable(), self._handle() as (handle, _):
            found = identity.revision(handle, self.path)
        try:
            origin = pins.read_origin(pins.origin_path(self.path))
        except FileNotFoundError:
            origin = None
        return found, "" if origin is None else identity.revision_of(origin.sha256)


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
