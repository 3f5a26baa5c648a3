"""Counts a run from its files, for the manifest and for ``tsdg verify``.

Streaming: a few columns of one batch are in memory at a time, besides 12 bytes for each seed and
question.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tsdg.errors import VerificationError
from tsdg.layout import (
    DATASET,
    QUESTIONS,
    SAMPLES,
    SEED_COUNTS,
    SEEDS,
    SOLUTIONS,
    STUDIES,
    part_files,
    rejected,
    steps_of,
)
from tsdg.package.digests import UNKNOWN, Codes, NumberedIds, digests_of
from tsdg.tables import of_another_version, unreadable

BATCH_ROWS = 32_768
_ANEW = f"delete {SEED_COUNTS} and start the run again (`tsdg resume RUN`), which makes it again"
SEED_REFUSALS = ("denied", "leaked", "malformed", "doubtful", "duplicate")
"""Reasons for which a row is no seed."""
NAMED_FIELDS = 200
"""Fields that are counted by name."""
OTHER_FIELDS = "(other)"
"""Where all other fields are counted."""
SEED_FIELDS = ("available", *SEED_REFUSALS, "sampled", "unsampled")


@dataclass(slots=True, kw_only=True)
class TaskCount:
    """What the files hold for one task."""

    seeds: dict[str, int]
    """By ``SEED_FIELDS``, as the collector counted them."""
    seed_rows: int = 0
    studied: int = 0
    unusable: Counter[str] = field(default_factory=Counter)
    """Studies that could not be used, by reason; their seeds went on."""
    studied_by_field: Counter[str] = field(default_factory=Counter)
    """Studies that can be used by field, in small letters."""
    studied_by_difficulty: Counter[str] = field(default_factory=Counter)
    rejected: dict[str, Counter[str]] = field(default_factory=dict)
    """Stage → reason → rows."""
    generated: int = 0
    sampled: int = 0
    saved: int = 0
    accepted: int = 0
    unenriched: Counter[str] = field(default_factory=Counter)
    """Accepted questions that lack the knowledge that was asked for, by reason."""
    agreements: list[float] = field(default_factory=list)
    """Of the accepted questions."""
    packaged: int = 0
    """Questions with at least one record."""
    records: int = 0
    by_variant: Counter[str] = field(default_factory=Counter)
    by_field: Counter[str] = field(default_factory=Counter)
    """Records by the field of their subject, in small letters; empty where it is not known."""
    by_difficulty: Counter[str] = field(default_factory=Counter)
    """Records by difficulty, ``1`` to ``5``; ``0`` where it is not known."""
    by_way: Counter[str] = field(default_factory=Counter)
    """Records by the way from the seed to the question; empty where none was drawn."""
    tokens: int = 0
    files: list[str] = field(default_factory=list)
    """Of the dataset, relative to the run directory."""

    def of(self, stage: str) -> Counter[str]:
        """Rows that a stage rejected, by reason."""
        return self.rejected.get(stage, Counter())

    def agreement_mean(self) -> float | None:
        """Mean agreement of the accepted questions; None where there are none."""
        return (
            round(math.fsum(self.agreements) / len(self.agreements), 6) if self.agreements else None
        )


@dataclass(slots=True, kw_only=True)
class RunCount:
    """What the files of a run hold."""

    tasks: dict[str, TaskCount]
    usage: dict[str, Counter[str]]
    """Step → requests, prompt_tokens, completion_tokens."""


def columns_of(
    path: Path, columns: Sequence[str], *, batch_rows: int = BATCH_ROWS
) -> Iterator[pa.RecordBatch]:
    """Yield some columns of a table batch by batch; ``a.b`` names a field of a struct.

    Raises:
        VerificationError: the file is missing or damaged, or has no such column.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            missing = {column.split(".")[0] for column in columns} - set(file.schema_arrow.names)
            if missing:
                raise of_another_version(path, missing)
            yield from file.iter_batches(batch_rows, columns=list(columns))
    except (OSError, ValueError, pa.ArrowException) as error:
        raise unreadable(path, error) from error


def count_run(run: Path, phases: Sequence[Sequence[str]]) -> RunCount:
    """Count all rows of a run by task.

    Args:
        run: the run directory.
        phases: of the recipe: they say which tables there must be.

    Raises:
        VerificationError: a table is missing or damaged, or names a task or a question that the
            run does not have.
    """
    return _Counting(run, phases).count()


def seed_counts(run: Path) -> dict[str, dict[str, int]]:
    """Read ``seeds/counts.json``: task → ``SEED_FIELDS`` → rows.

    Raises:
        VerificationError: it is missing, or not of that form.
    """
    path = run / SEED_COUNTS
    try:
        counts = json.loads(path.read_text(encoding="utf-8"))
        return {
            task: {name: int(count[name]) for name in SEED_FIELDS}
            for task, count in sorted(counts.items())
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise VerificationError(
            f"{path} is damaged: it lacks, per task, {', '.join(SEED_FIELDS)}; {_ANEW}"
        ) from error


def count_records(run: Path, task: TaskCount) -> None:
    """Count the records of a task: ``records``, ``by_variant``, ``tokens``, ``packaged``.

    Raises:
        VerificationError: a file is missing or damaged.
    """
    questions = NumberedIds()
    columns = ["question_id", "variant", "tokens", "field", "difficulty", "way"]
    for name in task.files:
        for batch in columns_of(run / name, columns):
            task.records += batch.num_rows
            task.tokens += pc.sum(batch["tokens"]).as_py() or 0
            task.by_variant.update(_counts(batch["variant"]))
            task.by_field.update(_counts(batch["field"]))
            task.by_difficulty.update(_counts(batch["difficulty"]))
            task.by_way.update(_counts(batch["way"]))
            questions.add(digests_of(batch["question_id"]))
    task.packaged = len(np.unique(questions.all()))


def fold_fields(tasks: Collection[TaskCount]) -> None:
    """Count all fields but the ``NAMED_FIELDS`` most frequent of the run under one name.

    Models name fields as they like: hundreds of thousands of records would otherwise bring tens of
    thousands of names into a manifest that people read.
    """
    counters = [counts for task in tasks for counts in (task.by_field, task.studied_by_field)]
    total: Counter[str] = Counter()
    for counts in counters:
        total.update(counts)
    total.pop("", None)  # no field at all: kept apart
    if len(total) <= NAMED_FIELDS:
        return
    ranked = sorted(total, key=lambda name: (-total[name], name))
    for name in ranked[NAMED_FIELDS:]:
        for counts in counters:
            if count := counts.pop(name, 0):
                counts[OTHER_FIELDS] += count


def _counts(column: pa.Array) -> Counter[str]:
    """How often each value stands in a column, without regard to case and spaces."""
    out: Counter[str] = Counter()
    for row in pc.value_counts(column).to_pylist():
        out[_plain(row["values"])] += row["counts"]
    return out


def _plain(value: object) -> str:
    return " ".join(str(value).casefold().split())


class _Counting:
    def __init__(self, run: Path, phases: Sequence[Sequence[str]]) -> None:
        self._run, self._phases, self._steps = run, phases, steps_of(phases)
        self._tasks = {task: TaskCount(seeds=seeds) for task, seeds in seed_counts(run).items()}
        self._names = list(self._tasks)
        self._seeds, self._questions = NumberedIds(), NumberedIds()

    def count(self) -> RunCount:
        self._count_seeds()
        if "study" in self._steps:
            self._count_studies()
        if "questions" in self._steps:
            self._count_questions()
        usage = self._count_parts()
        if "answers" in self._steps:
            self._count_answers()
            self._count_dataset()
        fold_fields(self._tasks.values())
        return RunCount(tasks=self._tasks, usage=usage)

    def _count_seeds(self) -> None:
        for batch in columns_of(self._run / SEEDS, ["seed_id", "task"]):
            codes = self._codes(batch["task"], SEEDS)
            self._seeds.add(digests_of(batch["seed_id"]), codes)
            for task, rows in self._by_task(codes):
                task.seed_rows += rows
        self._count_rejected("seeds", None)

    def _count_studies(self) -> None:
        said = ["flaw", "field", "difficulty"]
        for batch in columns_of(self._run / STUDIES, ["task", *said]):
            codes = self._codes(batch["task"], STUDIES)
            rows = pa.table({"code": codes, **{name: batch[name] for name in said}})
            grouped = rows.group_by(["code", *said]).aggregate([([], "count_all")])
            for row in grouped.to_pylist():
                task, count = self._tasks[self._names[row["code"]]], row["count_all"]
                task.studied += count
                if row["flaw"]:
                    task.unusable[row["flaw"]] += count
                else:
                    task.studied_by_field[_plain(row["field"])] += count
                    task.studied_by_difficulty[str(row["difficulty"])] += count
        self._count_rejected("study", None)

    def _count_questions(self) -> None:
        for batch in columns_of(self._run / QUESTIONS, ["question_id", "task"]):
            codes = self._codes(batch["task"], QUESTIONS)
            self._questions.add(digests_of(batch["question_id"]), codes)
            for task, rows in self._by_task(codes):
                task.generated += rows
        # A fused phase answers questions before it is known that they are duplicates: its savings
        # count.
        self._count_rejected("questions", self._questions)

    def _count_rejected(self, stage: str, keys: NumberedIds | None) -> None:
        name = rejected(stage)
        for batch in columns_of(self._run / name, ["row_id", "task", "reason"]):
            codes = self._codes(batch["task"], name)
            if keys is not None:
                keys.add(digests_of(batch["row_id"]), codes)
            rows = pa.table({"code": codes, "reason": batch["reason"]}).group_by(["code", "reason"])
            for row in rows.aggregate([([], "count_all")]).to_pylist():
                reasons = self._tasks[self._names[row["code"]]].rejected.setdefault(
                    stage, Counter()
                )
                reasons[row["reason"]] += row["count_all"]

    def _count_parts(self) -> dict[str, Counter[str]]:
        usage: dict[str, Counter[str]] = {}
        for phase, path in part_files(self._run, self._phases):
            keys = self._questions if phase[0] == "answers" else self._seeds
            for batch in columns_of(path, ["input_id", "saved_samples", "usage"]):
                saved = batch.filter(pc.greater(batch["saved_samples"], 0))
                codes = keys.codes_of(digests_of(saved["input_id"]))
                self._require_known(
                    codes, saved["input_id"], path.relative_to(self._run).as_posix()
                )
                for code, samples in zip(
                    codes.tolist(), saved["saved_samples"].to_pylist(), strict=True
                ):
                    self._tasks[self._names[code]].saved += samples
                for row in batch["usage"].flatten().to_pylist():
                    spent = usage.setdefault(row.pop("stage"), Counter())
                    spent.update(row)
        return usage

    def _count_answers(self) -> None:
        for batch in columns_of(self._run / SAMPLES, ["question_id"]):
            by_question = pc.value_counts(batch["question_id"])
            codes = self._of_questions(by_question.field("values"), SAMPLES)
            for code, samples in zip(
                codes.tolist(), by_question.field("counts").to_pylist(), strict=True
            ):
                self._tasks[self._names[code]].sampled += samples
        columns = ["question_id", "unenriched", "verification.agreement"]
        for batch in columns_of(self._run / SOLUTIONS, columns):
            codes = self._of_questions(batch["question_id"], SOLUTIONS)
            agreements = batch["verification"].field("agreement").to_pylist()
            reasons = batch["unenriched"].to_pylist()
            for code, agreement, reason in zip(codes.tolist(), agreements, reasons, strict=True):
                task = self._tasks[self._names[code]]
                task.accepted += 1
                task.agreements.append(agreement)
                task.unenriched.update([reason] if reason else [])
        self._count_rejected("answers", None)
        self._count_rejected("filter", None)

    def _count_dataset(self) -> None:
        for path in sorted((self._run / DATASET).rglob("*.parquet")):
            name = path.relative_to(self._run).as_posix()
            task = self._tasks.get(path.parent.name)
            if task is None:
                raise VerificationError(
                    f"{path}: {path.parent.name} is not a task of {SEED_COUNTS}"
                )
            task.files.append(name)
        for task in self._tasks.values():
            count_records(self._run, task)

    def _codes(self, tasks: pa.Array, name: str) -> Codes:
        """Number of each row's task."""
        encoded = tasks.dictionary_encode()
        values = encoded.dictionary.to_pylist()
        unknown = [value for value in values if value not in self._tasks]
        if unknown:
            where = self._run / name
            raise VerificationError(
                f"{where} has rows of task {unknown[0]}, which {SEED_COUNTS} lacks; {_ANEW}"
            )
        lookup = np.array([self._names.index(value) for value in values], np.int32)
        codes: Codes = lookup[encoded.indices.to_numpy()] if values else np.empty(0, np.int32)
        return codes

    def _by_task(self, codes: Codes) -> Iterator[tuple[TaskCount, int]]:
        found, rows = np.unique(codes, return_counts=True)
        for code, count in zip(found.tolist(), rows.tolist(), strict=True):
            yield self._tasks[self._names[code]], count

    def _of_questions(self, ids: pa.Array, name: str) -> Codes:
        codes = self._questions.codes_of(digests_of(ids))
        self._require_known(codes, ids, name)
        return codes

    def _require_known(self, codes: Codes, ids: pa.Array, name: str) -> None:
        if (codes == UNKNOWN).any():
            row: Any = ids[int(np.argmax(codes == UNKNOWN))].as_py()
            raise VerificationError(
                f"{self._run / name} names {row}, which stands in no table before it"
            )
