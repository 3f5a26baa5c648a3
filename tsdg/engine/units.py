"""Work units: how a phase's input file is cut, and the names of the files that belong to them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tsdg.errors import StorageError
from tsdg.rowform import stable_id
from tsdg.storage import storage_unfit
from tsdg.tables import UNIT_ROWS

_NAME = re.compile(r"\.?unit-(?P<index>\d{6,})(?:\.g(?P<generation>\d+))?(?:\.[^/]*)?")
_ROWS_AT_ONCE = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitFile:
    """What the name of a unit's file says."""

    index: int
    generation: int
    """Of the lease under which it was written; -1 for a part, which has none."""


def unit_name(index: int) -> str:
    """``unit-000000`` for the first unit."""
    return f"unit-{index:06d}"


def parse_name(name: str) -> UnitFile | None:
    """Read the name of a lease, journal, part or temporary; None for any other file."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    generation = match["generation"]
    return UnitFile(
        index=int(match["index"]), generation=-1 if generation is None else int(generation)
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a unit stands in the file."""

    group: int
    start: int
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InputLayout:
    """How a phase's input is cut into work units."""

    path: Path
    rows: tuple[int, ...]
    """Rows of each unit."""
    sizes: tuple[int, ...]
    """Bytes of each unit's rows before compression; the mean for units that share a row group."""
    places: tuple[_Place, ...]
    footer: pq.FileMetaData
    """Of the file, read once."""

    @property
    def units(self) -> int:
        """Number of units."""
        return len(self.rows)

    @property
    def rows_total(self) -> int:
        """Rows of all units."""
        return sum(self.rows)

    @property
    def digest(self) -> str:
        """Names this way of cutting; parts carry it, so that cuts are never mixed."""
        return stable_id("input-layout", list(self.rows))


def read_layout(path: Path) -> InputLayout:
    """Read from the footer how many units there are and how many rows each has; reads no rows.

    A row group is cut into units of as many rows as the file notes
    (:func:`tsdg.tables.work_table`); without a note it is one unit.

    Raises:
        StorageError: the file is missing or not a whole Parquet file.
    """
    try:
        with pq.ParquetFile(path) as file:
            footer, noted = file.metadata, file.schema_arrow.metadata or {}
        unit_rows = int(noted.get(UNIT_ROWS, 0))
    except (OSError, ValueError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error
    places, sizes = [], []
    for number in range(footer.num_row_groups):
        group = footer.row_group(number)
        step = unit_rows or group.num_rows or 1
        for start in range(0, max(1, group.num_rows), step):
            rows = min(step, group.num_rows - start)
            places.append(_Place(number, start, rows))
            sizes.append(group.total_byte_size * rows // max(1, group.num_rows))
    rows_of_each = tuple(place.rows for place in places)
    return InputLayout(
        path=path, rows=rows_of_each, sizes=tuple(sizes), places=tuple(places), footer=footer
    )


class UnitReader:
    """Reads units, checksums verified where the file has any. For one thread at a time."""

    def __init__(self, layout: InputLayout) -> None:
        self._layout = layout
        # The row group read last: its next units are most often asked for next.
        self._number = -1
        self._group: pa.Table | None = None

    def read(self, index: int) -> pa.Table:
        """Read one unit.

        Raises:
            StorageError: the file is missing or damaged.
        """
        place = self._layout.places[index]
        try:
            if self._group is None or self._number != place.group:
                self._group = None
                with self._open() as file:
                    self._group = file.read_row_group(place.group)
                self._number = place.group
            # A copy: a slice would keep the whole group in memory as long as the unit is open.
            return self._group.take(
                pa.array(range(place.start, place.start + place.rows), pa.int64())
            )
        except (OSError, pa.ArrowException) as error:
            raise _unreadable(self._layout.path, error) from error

    def _open(self) -> pq.ParquetFile:
        return pq.ParquetFile(
            self._layout.path, metadata=self._layout.footer, page_checksum_verification=True
        )


def iter_rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    """Rows of a unit as plain dicts in the file's order, made a few at a time."""
    for start in range(0, table.num_rows, _ROWS_AT_ONCE):
        yield from table.slice(start, _ROWS_AT_ONCE).to_pylist()


def _unreadable(path: Path, error: Exception) -> StorageError:
    if isinstance(error, PermissionError):
        return storage_unfit("read", path, error)
    reason = " ".join(str(error).split())
    return StorageError(
        f"cannot read the phase's input {path}: {reason}: delete it and start again, it is made "
        "anew"
    )
