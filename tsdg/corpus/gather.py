"""Gathers a phase: its parts become one table per kind of row, in order, deduplicated.

Gathering streams: one work unit is in memory at a time, besides some 70 bytes per question. The
result depends only on the parts, not on when or by whom they were made. Of equal questions the
first in input order stays; of near-duplicates the one with the smallest id (``near.py``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Set
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from tsdg.corpus.decontamination import Decontamination, contaminated
from tsdg.corpus.dedup import item_digest
from tsdg.corpus.near_pass import NearPass
from tsdg.hashset import HashSet
from tsdg.records import (
    ANSWER_SAMPLE_SCHEMA,
    OUTCOME_SCHEMA,
    QUESTION_SCHEMA,
    REJECTION_SCHEMA,
    SOLUTION_SCHEMA,
    Outcome,
    Question,
    Reason,
    Rejection,
)
from tsdg.rowform import from_row, to_row
from tsdg.storage import write_whole
from tsdg.tables import Table, work_table

_BOOL = pa.bool_()  # of an empty list too


def gather_questions(
    outcomes: Iterable[Outcome],
    *,
    directory: Path,
    unit_rows: int,
    decontamination: Decontamination,
    near: NearPass,
) -> set[str]:
    """Write the tables of a questions phase; return the ids of dropped questions.

    These are ``questions.parquet``, ``rejected.parquet`` and ``contamination.json``.

    Contaminated questions go first, then duplicates of those that stay, then near-duplicates of
    what is left.

    Args:
        outcomes: of a phase that asks questions, in input order.
        directory: ``<run>/questions``.
        unit_rows: rows of a work unit of an answers phase.
        decontamination: finds the contaminated questions, and counts them.
        near: finds the near-duplicates, and counts them.
    """
    dropped: set[str] = set()
    with (
        Table(directory / "rejected.parquet", REJECTION_SCHEMA, group_rows=10_000) as rejected,
        work_table(
            directory / "questions.parquet", QUESTION_SCHEMA, unit_rows=unit_rows
        ) as questions,
    ):
        for rows, too_near in near.sift(_distinct(outcomes, decontamination, rejected, dropped)):
            goes = pa.array([bool(other) for other in too_near], _BOOL)
            questions.add_rows(rows.filter(pc.invert(goes)))
            others = [other for other in too_near if other]
            for row, other in zip(rows.filter(goes).to_pylist(), others, strict=True):
                question = from_row(Question, row)
                dropped.add(question.question_id)
                rejected.add(_near_duplicate(question, other))
        # Before the tables get their names: with these the gathering counts as done.
        report = json.dumps(decontamination.report(), indent=1) + "\n"
        write_whole(directory / "contamination.json", report.encode())
    return dropped


def _distinct(
    outcomes: Iterable[Outcome],
    decontamination: Decontamination,
    rejected: Table,
    dropped: set[str],
) -> Iterator[tuple[Question, float]]:
    """Yield each new, clean question with the agreement of its answers.

    Contaminated questions and repeats of earlier ones go into ``rejected`` and ``dropped``.
    """
    seen = HashSet()
    for outcome, matches in decontamination.examine(outcomes):
        for rejection in outcome.rejections:
            if rejection.stage == "questions":
                rejected.add(rejection)
        # Of the samples drawn: of all of a vote, as the record says it, hardly any two differ.
        agreements = {
            solution.question_id: solution.verification.votes / solution.verification.samples
            for solution in outcome.solutions
        }
        for question in outcome.questions:
            match = matches.get(question.question_id)
            if match is None and seen.add(
                item_digest(question.question, question.context, question.options)
            ):
                yield question, agreements.get(question.question_id, 0.0)
            else:
                dropped.add(question.question_id)
                rejected.add(contaminated(question, match) if match else _duplicate(question))


def gather_answers(parts: Iterable[pa.Table], *, directory: Path, dropped: Set[str]) -> None:
    """Write ``answers/samples.parquet``, ``solutions.parquet`` and ``rejected.parquet``.

    Args:
        parts: of a phase that answers, in input order.
        directory: ``<run>/answers``.
        dropped: questions that were removed as duplicates after a fused phase; nothing of them is
            kept.

    Raises:
        KeyError: a part lacks a column.
    """
    with (
        Table(directory / "rejected.parquet", REJECTION_SCHEMA, group_rows=10_000) as rejected,
        Table(directory / "samples.parquet", ANSWER_SAMPLE_SCHEMA, group_rows=10_000) as samples,
        Table(directory / "solutions.parquet", SOLUTION_SCHEMA, group_rows=10_000) as solutions,
    ):
        for part in map(_of_now, parts):
            samples.add_rows(_without(_rows_in(part, "samples"), "question_id", dropped))
            solutions.add_rows(_without(_rows_in(part, "solutions"), "question_id", dropped))
            refused = _rows_in(part, "rejections")
            refused = refused.filter(pc.equal(refused["stage"], "answers"))
            rejected.add_rows(_without(refused, "row_id", dropped))


def _of_now(part: pa.Table) -> pa.Table:
    """A part with the columns that this version writes; those that came later have defaults."""
    if part.schema.equals(OUTCOME_SCHEMA):
        return part
    rows = [to_row(from_row(Outcome, row)) for row in part.to_pylist()]
    return pa.Table.from_pylist(rows, schema=OUTCOME_SCHEMA)


def _rows_in(part: pa.Table, column: str) -> pa.Table:
    """The rows that stand in lists in a column."""
    return pa.Table.from_struct_array(pc.list_flatten(part[column]))


def _without(rows: pa.Table, column: str, dropped: Set[str]) -> pa.Table:
    """The rows whose id was not dropped."""
    if not dropped:
        return rows
    # Not Arrow's own ``is_in``, which would index all that was dropped anew for each part.
    return rows.filter(pa.array([one not in dropped for one in rows[column].to_pylist()], _BOOL))


def _duplicate(question: Question) -> Rejection:
    return _rejection(question, "duplicate", "an equal question came earlier in this run")


def _near_duplicate(question: Question, other: str) -> Rejection:
    return _rejection(question, "near_duplicate", f"differs in few words from {other}, which stays")


def _rejection(question: Question, reason: Reason, detail: str) -> Rejection:
    return Rejection.of(question, stage="questions", reason=reason, detail=detail)
