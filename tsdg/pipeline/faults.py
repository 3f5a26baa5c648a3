"""Turns an exception in one row's steps into a rejection; many such rows end the run.

A step is a pure function of its row and the replies, and replies are on disk before they are read.
So an exception would come again at every start. It becomes a rejection ``step_failed`` instead.
Where many rows fail, the fault is tsdg's or the server's, not a row's, and the run stops.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from tsdg.errors import MachineError, PermanentError
from tsdg.protocols import Ask, Reply, Request
from tsdg.records import OUTCOME_SCHEMA, Outcome, Question, Rejection, Seed
from tsdg.rowform import stable_id, to_row
from tsdg.text import storable

_FEWEST = 8
"""Rows that may fail in one process, whatever their share."""
_SHARE = 0.1
"""Share of a process's rows that may fail beyond these."""
_LARGEST = 16 * 2**20
"""Characters in one row at most: an Arrow column of 64 of them must stay below 2 GiB."""


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
    size = 0

    def clean(value: Any) -> Any:
        nonlocal size
        if isinstance(value, str):
            size += len(value)
            return storable(value)
        if isinstance(value, Mapping):
            return {key: clean(item) for key, item in value.items()}
        return [clean(item) for item in value] if isinstance(value, list) else value

    row: dict[str, Any] = clean(to_row(outcome))
    if size > _LARGEST:
        raise ValueError(f"the row has {size} characters, allowed are {_LARGEST}")
    pa.RecordBatch.from_pylist([row], schema=OUTCOME_SCHEMA)
    return row
