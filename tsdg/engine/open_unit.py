"""One unit while this process works on it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from tsdg.engine.journal import Journal
from tsdg.engine.leases import Lease
from tsdg.engine.units import iter_rows, unit_name

_CHUNK = 64


class OpenUnit:
    """Rows on their way in, outcomes on their way out.

    Outcomes are turned into Arrow a chunk at a time as soon as the rows of the chunk are done:
    smaller than Python objects, and without one long stop at the end of the unit.

    Attributes:
        tasks: of the rows at work.
        asks_open: requests in flight, also those that a row left behind when it ended.
        closed: nothing may be asked or finished any more.
        ending: it is being committed or dropped.
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
        self.tasks: set[asyncio.Task[None]] = set()
        self.asks_open = 0
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
            self._batches[number] = pa.RecordBatch.from_pylist(
                self._chunks.pop(number), schema=self._schema
            )
        # Only now: a unit with an outcome that Arrow refuses must never count as finished.
        self.rows_done += 1

    def result(self) -> pa.Table:
        """All outcomes in the order of the rows."""
        return pa.Table.from_batches(
            [self._batches[number] for number in sorted(self._batches)], self._schema
        )


async def cancel(tasks: set[asyncio.Task[None]], grace_s: float) -> None:
    """Cancel tasks and wait for their end, but not for tasks that refuse to end."""
    if tasks:
        for task in tasks:
            task.cancel()
        await asyncio.wait(set(tasks), timeout=grace_s)
