"""One unit while this process works on it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import pyarrow as pa

from tsdg.engine.journal import Journal
from tsdg.engine.leases import Lease
from tsdg.engine.units import iter_rows, unit_name

_CHUNK = 16
"""Rows that are turned into Arrow together: in a millisecond or two, as replies wait for it."""
_CHUNKS = 4
"""Chunks that a part is written in together; a column of their rows must stay below 2 GiB."""
_UNITS_HELD = 3
"""Units of the largest size that may always be open: one at work, and the last rows of two before
it."""
_ROWS_HELD = 2
"""Rows that may always be held, per request allowed in flight, where units are small."""
_BYTES_HELD = 256 << 20
"""More are open while they hold less than this: the last rows of many units may take long, and
servers must not wait for those."""


class OpenUnit:
    """Rows on their way in, outcomes on their way out.

    Outcomes are turned into Arrow a chunk at a time as soon as the rows of the chunk are done:
    smaller than Python objects, and without one long stop at the end of the unit.

    Attributes:
        tasks: of the rows at work.
        asks_open: requests in flight, also those that a row left behind when it ended.
        asked: positions of rows that have sent a request.
        closed: nothing may be asked or finished any more.
        ending: it is being committed, dropped or handed over.
        bytes_held: of its rows and of the outcomes turned into Arrow.
    """

    def __init__(
        self, *, lease: Lease, journal: Journal, table: pa.Table, schema: pa.Schema, sequence: int
    ) -> None:
        self.lease = lease
        self.journal = journal
        self.index = lease.index
        self.name = unit_name(lease.index)
        self.sequence = sequence
        self.rows_total: int = table.num_rows
        self.rows_done = 0
        self.bytes_held: int = table.nbytes
        self.tasks: set[asyncio.Task[None]] = set()
        self.asks_open = 0
        self.asked: set[int] = set()
        self.closed = False
        self.ending = False
        self._rows: Iterator[tuple[int, dict[str, Any]]] = enumerate(iter_rows(table))
        self._started = 0
        self._schema = schema
        self._names = frozenset(schema.names)
        self._chunks: dict[int, list[Mapping[str, Any] | None]] = {}
        self._missing: dict[int, int] = {}
        self._batches: dict[int, pa.RecordBatch] = {}

    @property
    def all_started(self) -> bool:
        """Whether every row has been handed out."""
        return self._started == self.rows_total

    @property
    def finished(self) -> bool:
        """Whether every row has its outcome and nothing is being asked for."""
        return self.rows_done == self.rows_total and not self.asks_open

    def next_row(self) -> tuple[int, dict[str, Any]]:
        """The next row and its position in the unit."""
        self._started += 1
        return next(self._rows)

    def put(self, position: int, outcome: Mapping[str, Any]) -> None:
        """Take the outcome of a row.

        Raises:
            ValueError: it lacks fields of the schema, or has others.
            pyarrow.ArrowException: a value of its chunk is not of the schema's type.
        """
        if outcome.keys() != self._names:
            raise ValueError(
                f"outcome of row {position} of {self.name} has the fields {sorted(outcome)}, "
                f"its schema has {sorted(self._names)}"
            )
        number, place = divmod(position, _CHUNK)
        if number not in self._chunks:
            size = min(_CHUNK, self.rows_total - number * _CHUNK)
            self._chunks[number] = [None] * size
            self._missing[number] = size
        self._chunks[number][place] = outcome
        self._missing[number] -= 1
        if not self._missing[number]:
            batch = pa.RecordBatch.from_pylist(self._chunks.pop(number), schema=self._schema)
            self._batches[number] = batch
            self.bytes_held += batch.nbytes
        # Only now: a unit with an outcome that Arrow refuses must never count as finished.
        self.rows_done += 1

    def result(self) -> pa.Table:
        """All outcomes in the order of the rows."""
        chunks = [self._batches[number] for number in sorted(self._batches)]
        starts = range(0, len(chunks), _CHUNKS)
        return pa.Table.from_batches(
            [pa.concat_batches(chunks[start : start + _CHUNKS]) for start in starts], self._schema
        )


def may_hold_more(units: Collection[OpenUnit], *, largest: int, in_flight: int) -> bool:
    """Whether a process may open another unit, as far as memory goes.

    Args:
        units: that it has open.
        largest: rows of the largest unit.
        in_flight: requests that may be in flight.
    """
    held = sum(unit.rows_total for unit in units)
    if held < max(_UNITS_HELD * largest, _ROWS_HELD * in_flight):
        return True
    return sum(unit.bytes_held for unit in units) < _BYTES_HELD


async def cancel(tasks: set[asyncio.Task[None]], grace_s: float) -> None:
    """Cancel tasks and wait for their end, but not for tasks that refuse to end."""
    if tasks:
        for task in tasks:
            task.cancel()
        await asyncio.wait(set(tasks), timeout=grace_s)
