"""Turns an exception in one row's steps into a rejection; many such rows end the run.

A step is a pure function of its row and the replies, and replies are on disk before they are read.
So an exception would come again at every start. It becomes a rejection ``step_failed`` instead.
Where many rows fail, the fault is tsdg's or the server's, not a row's, and the run stops.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pyarrow as pa

from tsdg.errors import MachineError, PermanentError
from tsdg.protocols import Ask, Reply, Request
from tsdg.records import OUTCOME_SCHEMA, Outcome, Question, Rejection, Seed
from tsdg.rowform import fields_of, stable_id
from tsdg.text import storable

_FEWEST = 8
"""Rows that may fail in one process, whatever their share."""
_SHARE = 0.1
"""Share of a process's rows that may fail beyond these."""
_LARGEST = 16 * 2**20
"""Characters in one row at most: an Arrow column of 64 of them must stay below 2 GiB."""
_LEAST = -(2**63)
"""The smallest whole number of a column."""


class Breaker:
    """Counts the rows of one process whose steps failed."""

    def __init__(self) -> None:
        self._rows = self._failed = 0

    def count(self, rejections: Sequence[Rejection]) -> None:
        """Count one row.

        Raises:
            MachineError: too many rows failed.
        """
        self._rows += 1
        details = [item.detail for item in rejections if item.reason == "step_failed"]
        self._failed += bool(details)
        if details and self._failed > _FEWEST + _SHARE * self._rows:
            raise MachineError(
                f"the steps fail on {self._failed} of {self._rows} rows, the last time with "
                f"{details[0]}: that is no fault of single replies; see that the server answers as "
                "it should, or report this; what is committed is kept, and the same command goes on"
            )


class Heard:
    """An ``Ask`` that keeps what came back, for the usage of a step that failed."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self.replies: list[Reply | PermanentError] = []

    async def __call__(self, request: Request) -> Reply:
        """Ask, and keep the reply or the failure."""
        try:
            reply = await self._ask(request)
        except PermanentError as failure:
            self.replies.append(failure)
            raise
        self.replies.append(reply)
        return reply


def failed_draws(seed: Seed, draws: range, detail: str) -> tuple[Rejection, ...]:
    """The rejections of all questions that were to be made from a seed."""
    return tuple(
        Rejection(
            row_id=stable_id("failed draw", seed.seed_id, draw),
            group=seed.group,
            family=seed.family,
            task=seed.task,
            stage="questions",
            reason="step_failed",
            detail=detail,
        )
        for draw in draws
    )


def failed_question(question: Question, detail: str) -> Rejection:
    """The rejection of a question whose answers could not be read."""
    return Rejection.of(question, stage="answers", reason="step_failed", detail=detail)


def stored(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome as Arrow takes it.

    Raises:
        ValueError: it is too large.
        pyarrow.ArrowException: a value is of another type than its column.
    """
    kept = _StoredRow()
    row = kept.row(outcome)
    if kept.size > _LARGEST:
        raise ValueError(f"the row has {kept.size} characters, allowed are {_LARGEST}")
    if kept.odd:
        pa.RecordBatch.from_pylist([row], schema=OUTCOME_SCHEMA)
    return row


class _StoredRow:
    """Makes one row of plain values.

    Attributes:
        size: characters of its texts.
        odd: whether a value is not of its column's own type, so that Arrow has to say whether it
            takes it.
    """

    def __init__(self) -> None:
        self.size, self.odd = 0, False

    def row(self, item: object) -> dict[str, Any]:
        """As :func:`tsdg.rowform.to_row`, with texts that can be stored."""
        out: dict[str, Any] = {}
        cls: Any = type(item)
        for field in fields_of(cls):
            value = getattr(item, field.name)
            one = self.row if field.nested else self._scalar_of(field.kind)
            if field.many:
                out[field.name] = [one(part) for part in value]
            else:
                self.odd = self.odd or (value is None and not field.nullable)
                out[field.name] = None if value is None else one(value)
        return out

    def _scalar_of(self, kind: type) -> Callable[[Any], Any]:
        return self._text if kind is str else partial(self._other, kind)

    def _text(self, value: Any) -> Any:
        if type(value) is not str:
            return self._other(str, value)
        self.size += len(value)
        return storable(value)

    def _other(self, kind: Any, value: Any) -> Any:
        if type(value) is not kind or (kind is int and not _LEAST <= value <= -_LEAST - 1):
            self.odd = True
        return storable(value) if isinstance(value, str) else value
