"""The pass that removes near-duplicate questions before their answers are paid for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tsdg.config.recipe import DedupConfig
from tsdg.corpus.near import NearDuplicates
from tsdg.errors import RecipeError, looked_in
from tsdg.layout import QUESTIONS
from tsdg.records import QUESTION_SCHEMA, Question
from tsdg.rowform import to_row
from tsdg.tables import Table, read_batches, unreadable

_SHORT_ANSWERS = frozenset({"choice", "number", "math", "short_text"})
_CALLED = re.compile(r"\b[^\W\d]\w*(?=\()")
_ASKED = Path(QUESTIONS)
_AT_ONCE = 512
"""Questions that go on together where none are compared."""


def check_against(runs: Sequence[str]) -> None:
    """Check that the earlier runs of a recipe have questions.

    Raises:
        RecipeError: one has none.
    """
    for run in runs:
        if not (Path(run) / _ASKED).is_file():
            raise RecipeError(
                f"filter.dedup.against: {run} has no {_ASKED}{looked_in(run)}; name directories of "
                "runs whose questions are gathered"
            )


def core_of(kind: str, question: str, *, labels: bool, checks: Sequence[str], answer: str) -> str:
    """The words that near-duplicates of a seed or question must share exactly.

    Near questions with the same short answer are probably the same, as are near exercises about the
    same function. With the same label they are not: the question itself is then the statement that
    is judged, and another word makes it another statement.

    Args:
        kind: its answer kind.
        question: its question.
        labels: whether its options are labels of a task, as yes and no are.
        checks: what a right answer must pass.
        answer: its answer.
    """
    if kind == "boolean" or labels:
        return f"{question} {answer}"
    if kind == "code":
        return " ".join(_CALLED.findall(checks[0])) if checks else ""
    return answer if kind in _SHORT_ANSWERS else ""


class NearPass:
    """Sifts the questions of one run; :class:`NearDuplicates` says what that holds in memory."""

    def __init__(
        self,
        config: DedupConfig,
        *,
        seeds: Path,
        scratch: Path,
    ) -> None:
        """Keep what is needed.

        Args:
            config: of the recipe.
            seeds: the run's table of seeds.
            scratch: a folder that may be made, and is removed.
        """
        self._config, self._seeds, self._scratch = config, seeds, scratch
        self.removed = 0

    def sift(
        self, questions: Iterable[tuple[Question, float]]
    ) -> Iterator[tuple[pa.Table, list[str]]]:
        """Yield the questions, in order, some at a time, as rows of their table.

        With them comes what each of them is too near to; an empty text if it stays.

        Args:
            questions: with the agreement of their answer, 0 where it is not known.

        Raises:
            VerificationError: a table of seeds or of an earlier run cannot be read.
            StorageError: the disk is full.
        """
        if not self._config.near:
            rows = (to_row(question) for question, _ in questions)
            while some := list(islice(rows, _AT_ONCE)):
                yield pa.Table.from_pylist(some, schema=QUESTION_SCHEMA), [""] * len(some)
            return
        with NearDuplicates(threshold=self._config.threshold, scratch=self._scratch) as near:
            self._add_table(near, self._seeds, "seed_id", "answer", "seed")
            for run in self._config.against:
                source = f"run {Path(run).name}: question"
                self._add_table(near, Path(run) / _ASKED, "question_id", "claimed_answer", source)
            spool = self._scratch / "questions.parquet"
            with Table(spool, QUESTION_SCHEMA, group_rows=10_000) as table:
                for question, agreement in questions:
                    table.add(question)
                    near.add(
                        question.question_id,
                        question=question.question,
                        context=question.context,
                        options=question.options,
                        core=core_of(
                            question.answer_kind,
                            question.question,
                            labels=question.classes,
                            checks=question.checks,
                            answer=question.claimed_answer,
                        ),
                        agreement=agreement if self._config.keep == "agreement" else 0.0,
                    )
            gone = near.find()
            self.removed = len(gone)
            for batch in read_batches(spool):
                found = [gone.get(one, ("", "")) for one in batch["question_id"].to_pylist()]
                yield (
                    pa.Table.from_batches([batch]),
                    [f"{source or 'question'} {name}" if name else "" for source, name in found],
                )

    def _add_table(
        self, near: NearDuplicates, path: Path, name: str, answer: str, source: str
    ) -> None:
        """Add rows of a table of seeds or questions that stay; ``name``, ``answer`` are columns."""
        columns = [name, answer, "answer_kind", "question", "context", "options"]
        columns += ["classes", "checks"]
        try:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(batch_size=10_000, columns=columns):
                    for row in batch.to_pylist():
                        near.add(
                            row[name],
                            question=row["question"],
                            context=row["context"],
                            options=row["options"],
                            core=core_of(
                                row["answer_kind"],
                                row["question"],
                                labels=row["classes"],
                                checks=row["checks"],
                                answer=row[answer],
                            ),
                            source=source,
                        )
        except (OSError, pa.ArrowException, KeyError, ValueError) as error:
            raise unreadable(path, error) from error
