"""The good rows of a run on disk, while it is decided which of them become seeds.

A row takes 32 bytes there and one in memory. The files lie in ``TMPDIR`` and are gone with the
object. All steps stream: duplicates are found range by range of hashes, and the draw finds its
threshold with a histogram.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Self

import numpy as np

from tsdg.seeds.draw.triage import GOOD, Array
from tsdg.storage import storage

GOOD_ROW, DUPLICATE, DRAWN = 0, 1, 2
_CHUNK = 1 << 16
"""Rows held at once where rows stream."""
_RANGE = 1 << 17
"""Hashes compared at once, about."""
_SHIFT = np.uint64(48)
_BINS = 1 << 16


class Spill:
    """Good rows in the order they were added; a *part* is the rows of one source."""

    def __init__(self) -> None:
        """Open the files.

        Raises:
            StorageError: ``TMPDIR`` cannot be written.
        """
        self._root = Path(tempfile.gettempdir())
        with storage("write scratch files of the seeds in", self._root):
            self._folder = tempfile.TemporaryDirectory(
                prefix="tsdg-seeds-", ignore_cleanup_errors=True
            )
            names = GOOD.names or ()
            self._files: dict[str, IO[bytes]] = {
                name: (Path(self._folder.name) / name).open("w+b") for name in names
            }
        self.count = 0
        self._state: Array = np.zeros(0, np.uint8)

    @property
    def folder(self) -> Path:
        """Where the files are; the caller may put more there."""
        return Path(self._folder.name)

    def add(self, rows: Array) -> None:
        """Append rows of ``GOOD``.

        Raises:
            StorageError: the disk is full.
        """
        with storage("write scratch files of the seeds in", self._root):
            for name, file in self._files.items():
                file.write(rows[name].tobytes())
        self.count += len(rows)

    def mark_duplicates(self) -> None:
        """Find the rows whose item came before; call it once, when all rows are there."""
        with storage("write scratch files of the seeds in", self._root):
            for file in self._files.values():
                file.flush()
        self._state = np.zeros(self.count, np.uint8)
        passes = self.count // _RANGE + 1
        bounds = [
            (2**64 * number // passes, 2**64 * (number + 1) // passes - 1)
            for number in range(passes)
        ]
        for first, last in bounds:
            hashes, places = [], []
            for start, values in self._read("item", 0, self.count):
                here = np.flatnonzero((values >= np.uint64(first)) & (values <= np.uint64(last)))
                hashes.append(values[here])
                places.append(here + start)
            if not hashes:
                return
            items, at = np.concatenate(hashes), np.concatenate(places)
            order = np.argsort(items, kind="stable")
            again = np.flatnonzero(items[order][1:] == items[order][:-1]) + 1
            self._state[at[order[again]]] = DUPLICATE

    def draw(self, start: int, stop: int, quota: int) -> None:
        """Draw from a part.

        The good rows with the smallest keys, a uniform sample whatever their order.

        Args:
            start: first row of the part.
            stop: one past its last.
            quota: how many to draw, at most the good ones.
        """
        state = self._state[start:stop]
        if quota == self.total(start, stop, GOOD_ROW):
            state[state == GOOD_ROW] = DRAWN
            return
        bins = np.zeros(_BINS, np.int64)
        for at, values in self._read("draw", start, stop):
            bins += np.bincount(self._of_good(at, values) >> _SHIFT, minlength=_BINS)
        threshold = int(np.searchsorted(np.cumsum(bins), quota))
        left = quota - int(bins[:threshold].sum())
        keys, places = [], []
        for at, values in self._read("draw", start, stop):
            part = self._state[at : at + len(values)]
            level = (values >> _SHIFT).astype(np.int64)
            edge = np.flatnonzero((part == GOOD_ROW) & (level == threshold))
            keys.append(values[edge])
            places.append(edge + at)
            part[(part == GOOD_ROW) & (level < threshold)] = DRAWN
        order = np.argsort(np.concatenate(keys), kind="stable")[:left]
        self._state[np.concatenate(places)[order]] = DRAWN

    def _of_good(self, at: int, values: Array) -> Array:
        return np.asarray(values[self._state[at : at + len(values)] == GOOD_ROW])

    def total(self, start: int, stop: int, state: int) -> int:
        """Count the rows of a part in a state."""
        pieces = (self._state[at : min(at + _CHUNK, stop)] for at in range(start, stop, _CHUNK))
        return sum(int(np.count_nonzero(piece == state)) for piece in pieces)

    def rows(self, start: int, stop: int, state: int) -> Iterator[Array]:
        """Yield the row numbers of a part's rows in a state, in order, some at a time."""
        for at, values in self._read("row", start, stop):
            yield values[self._state[at : at + len(values)] == state]

    def seed_ids(self, start: int, stop: int, state: int) -> Iterator[str]:
        """Yield the seed ids of a part's rows in a state, in order."""
        for at, values in self._read("seed", start, stop):
            yield from (
                value.hex()
                for value in values[self._state[at : at + len(values)] == state].tolist()
            )

    def _read(self, column: str, start: int, stop: int) -> Iterator[tuple[int, Array]]:
        """Yield pieces of a column, each with the number of its first row."""
        kind: np.dtype[Any] = GOOD[column]
        for at in range(start, stop, _CHUNK):
            size = min(_CHUNK, stop - at)
            with storage("read scratch files of the seeds in", self._root):
                self._files[column].seek(at * kind.itemsize)
                data = self._files[column].read(size * kind.itemsize)
            yield at, np.frombuffer(data, kind)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.close()
        self._folder.cleanup()
