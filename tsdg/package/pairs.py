"""Each accepted question with its solution, streamed from the gathered tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import pyarrow as pa

from tsdg.errors import VerificationError
from tsdg.layout import QUESTIONS, SOLUTIONS
from tsdg.records import QUESTION_SCHEMA, SOLUTION_SCHEMA, Question, Solution
from tsdg.rowform import from_row, to_row
from tsdg.tables import read_batches, unreadable

Pair = tuple[Question, Solution]

QUESTIONS_AT_ONCE = 256
"""Questions rendered and counted together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Some pairs of one task, as another process can take them at little cost."""

    task: str
    size: int
    questions: bytes
    """As an Arrow stream."""
    solutions: bytes
    """Those of the questions, in the same order."""

    def pairs(self) -> list[Pair]:
        """The rows.

        Raises:
            KeyError: a column is missing.
        """
        questions, solutions = map(_rows_of, (self.questions, self.solutions))
        return [
            (from_row(Question, question), from_row(Solution, solution))
            for question, solution in zip(questions, solutions, strict=True)
        ]


def accepted_pairs(run: Path) -> Iterator[Pair]:
    """Yield the pairs in the order of the questions.

    Raises:
        VerificationError: as :func:`accepted_chunks`.
    """
    for chunk in accepted_chunks(run):
        try:
            yield from chunk.pairs()
        except KeyError as error:
            raise unreadable(run / QUESTIONS, error) from error


def accepted_chunks(run: Path) -> Iterator[Chunk]:
    """Yield the pairs in the order of the questions, those of a task in chunks of the same size.

    Solutions stand in the order of their questions, because both are gathered in input order: one
    pass over each table is enough.

    Raises:
        VerificationError: a table is damaged, or a solution has no question or another order.
    """
    return _chunks(_matched(run))


def chunks_of(pairs: Iterable[Pair]) -> Iterator[Chunk]:
    """Yield rows as chunks."""
    for _, of_task in groupby(pairs, key=lambda pair: pair[0].task):
        questions, solutions = zip(*of_task, strict=True)
        yield from _chunks(
            [
                (
                    pa.Table.from_pylist([to_row(one) for one in questions], QUESTION_SCHEMA),
                    pa.Table.from_pylist([to_row(one) for one in solutions], SOLUTION_SCHEMA),
                )
            ]
        )


def _chunks(matched: Iterable[tuple[pa.Table, pa.Table]]) -> Iterator[Chunk]:
    held: list[tuple[pa.Table, pa.Table]] = []
    task, rows = "", 0
    for of_task, questions, solutions in _by_task(matched):
        if of_task != task and held:
            yield _chunk(task, held)
            held, rows = [], 0
        task = of_task
        start = 0
        while rows + len(questions) - start >= QUESTIONS_AT_ONCE:
            room = QUESTIONS_AT_ONCE - rows
            held.append((questions.slice(start, room), solutions.slice(start, room)))
            yield _chunk(task, held)
            held, rows, start = [], 0, start + room
        if start < len(questions):
            held.append((questions.slice(start), solutions.slice(start)))
            rows += len(questions) - start
    if held:
        yield _chunk(task, held)


def _by_task(
    matched: Iterable[tuple[pa.Table, pa.Table]],
) -> Iterator[tuple[str, pa.Table, pa.Table]]:
    for questions, solutions in matched:
        start = 0
        for task, same in groupby(questions["task"].to_pylist()):
            count = sum(1 for _ in same)
            yield task, questions.slice(start, count), solutions.slice(start, count)
            start += count


def _chunk(task: str, held: list[tuple[pa.Table, pa.Table]]) -> Chunk:
    questions = pa.concat_tables([pair[0] for pair in held])
    return Chunk(
        task=task,
        size=len(questions),
        questions=_stream_of(questions),
        solutions=_stream_of(pa.concat_tables([pair[1] for pair in held])),
    )


def _stream_of(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    stream: bytes = sink.getvalue().to_pybytes()
    return stream


def _rows_of(stream: bytes) -> list[dict[str, object]]:
    with pa.ipc.open_stream(stream) as reader:
        rows: list[dict[str, object]] = reader.read_all().to_pylist()
    return rows


def _matched(run: Path) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Solutions, and their questions in the same order, one batch after the other."""
    questions = _Questions(run)
    for solutions in read_batches(run / SOLUTIONS):
        try:
            wanted = solutions["question_id"].to_pylist()
        except KeyError as error:
            raise unreadable(run / SOLUTIONS, error) from error
        if wanted:
            yield questions.take(wanted), pa.Table.from_batches([solutions])


class _Questions:
    """The questions of a run, taken in their order."""

    def __init__(self, run: Path) -> None:
        self._run = run
        self._batches = read_batches(run / QUESTIONS)
        self._batch: pa.RecordBatch | None = None
        self._ids: list[str] = []
        self._at = 0

    def take(self, wanted: list[str]) -> pa.Table:
        """Return those of some ids.

        Raises:
            VerificationError: one of them does not stand after the one before it.
        """
        pieces: list[pa.RecordBatch] = []
        places: list[int] = []
        for question_id in wanted:
            while (place := self._find(question_id)) < 0:
                self._keep(pieces, places)
                places = []
                self._advance(question_id)
            places.append(place)
        self._keep(pieces, places)
        return pa.Table.from_batches(pieces)

    def _find(self, question_id: str) -> int:
        """Where an id stands in what is left of the batch; -1 if nowhere."""
        for place in range(self._at, len(self._ids)):
            if self._ids[place] == question_id:
                self._at = place + 1
                return place
        self._at = len(self._ids)
        return -1

    def _keep(self, pieces: list[pa.RecordBatch], places: list[int]) -> None:
        if self._batch is not None and places:
            pieces.append(self._batch.take(pa.array(places)))

    def _advance(self, question_id: str) -> None:
        self._batch = next(self._batches, None)
        if self._batch is None:
            raise VerificationError(
                f"{self._run / SOLUTIONS} holds a solution of question {question_id}, which does "
                f"not stand in {QUESTIONS} after the question before it: both tables are in the "
                f"order of the questions; `tsdg verify {self._run}` says what is damaged"
            )
        try:
            self._ids = self._batch["question_id"].to_pylist()
        except KeyError as error:
            raise unreadable(self._run / QUESTIONS, error) from error
        self._at = 0
