"""Each accepted question with its solution, streamed from the gathered tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tsdg.errors import VerificationError
from tsdg.layout import QUESTIONS, SOLUTIONS
from tsdg.records import Question, Solution
from tsdg.tables import read_rows


def accepted_pairs(run: Path) -> Iterator[tuple[Question, Solution]]:
    """Yield the pairs in the order of the questions.

    Solutions stand in the order of their questions, because both are gathered in input order: one
    pass over each table is enough.

    Raises:
        VerificationError: a table is damaged, or a solution has no question or another order.
    """
    questions = read_rows(run / QUESTIONS, Question)
    for solution in read_rows(run / SOLUTIONS, Solution):
        for question in questions:
            if question.question_id == solution.question_id:
                yield question, solution
                break
        else:
            raise VerificationError(
                f"{run / SOLUTIONS} holds a solution of question {solution.question_id}, which "
                "does not stand in "
                f"{QUESTIONS} after the question before it: both tables are in the order of the "
                "questions; "
                f"`tsdg verify {run}` says what is damaged"
            )
