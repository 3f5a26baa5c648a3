"""The seeds of a run and the questions that were written, as their diversity is measured.

Questions are read from the part files, as the filter's rejections stand there too. Columns are read
batch by batch, and only what is chosen becomes Python objects.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tsdg.config.recipe import Recipe
from tsdg.corpus.repeats import ComparedItem
from tsdg.layout import QUESTIONS, SEEDS, part_files
from tsdg.tables import unreadable

Subject = tuple[str, str, str]
"""Field, subfield and concept; empty where they are not known."""
_BATCH = 2_000
_PARENTS = 64
"""Rows of a part that are read at once: each has all questions and samples of a seed."""
_ITEM = ("task", "answer_kind", "question", "context", "options", "classes", "checks")
_QUESTION = (*_ITEM, "seed_ids", "claimed_answer")
_PLAN = ("seed_subject", "field", "subfield", "concept")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A question or seed."""

    task: str
    item: ComparedItem
    seed: str
    """Id of the seed; empty where a question has none."""
    of_class: bool
    """Whether it is answered with one of the classes that all items of the task have."""
    subject: Subject
    seed_subject: Subject
    """What the writer of a question said of its seed."""


def written(run: Path, recipe: Recipe) -> dict[str, int]:
    """Questions of each task that were written, in order of coming.

    Raises:
        VerificationError: a part is damaged.
        StorageError: it may not be read.
    """
    counts: dict[str, int] = {}
    for table in _tables(run, recipe, ("task",)):
        for one in table["task"].value_counts().to_pylist():
            counts[one["values"]] = counts.get(one["values"], 0) + one["counts"]
    return counts


def questions(run: Path, recipe: Recipe, part: float) -> Iterator[Row]:
    """Yield the questions of a part of the seeds.

    Args:
        run: the run directory.
        recipe: its recipe.
        part: share of the seeds.

    Raises:
        VerificationError: a part file is damaged.
        StorageError: it may not be read.
    """
    for table in _tables(run, recipe, (*_QUESTION, *(f"plan.{name}" for name in _PLAN))):
        for row in _sampled(table, pc.list_element(table["seed_ids"], 0), part):
            plan = row["plan"]
            yield _row(
                row,
                seed=row["seed_ids"][0],
                answer=row["claimed_answer"],
                subject=(plan["field"], plan["subfield"], plan["concept"]),
                seed_subject=_split(plan["seed_subject"]),
            )


def seeds(run: Path, part: float) -> Iterator[Row]:
    """Yield a part of the seeds of a run.

    Raises:
        VerificationError: their table is damaged.
        StorageError: it may not be read.
    """
    path = run / SEEDS
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(_BATCH, columns=[*_ITEM, "seed_id", "answer"]):
                table = pa.Table.from_batches([batch])
                for row in _sampled(table, table["seed_id"], part):
                    yield _row(row, seed=row["seed_id"], answer=row["answer"])
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise unreadable(path, error) from error


def _tables(run: Path, recipe: Recipe, names: Sequence[str]) -> Iterator[pa.Table]:
    """Columns of the questions, some at a time."""
    parts = [path for steps, path in part_files(run, recipe.phases) if "questions" in steps]
    gathered = [run / QUESTIONS] if (run / QUESTIONS).is_file() else []
    columns = [f"questions.list.element.{name}" for name in names] if parts else list(names)
    for path in parts or gathered:
        try:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(_PARENTS if parts else _BATCH, columns=columns):
                    whole = pa.Table.from_batches([batch])
                    yield _elements(batch["questions"]) if parts else whole
        except (OSError, pa.ArrowException, KeyError, ValueError) as error:
            raise unreadable(path, error) from error


def _elements(lists: pa.Array) -> pa.Table:
    return pa.Table.from_struct_array(lists.flatten())


def _sampled(table: pa.Table, seed_ids: pa.ChunkedArray, part: float) -> list[dict[str, Any]]:
    """Rows of the seeds that the sample has: those with the smallest hashes."""
    if part < 1:
        kept = [_hash(seed) < part * 2**64 for seed in seed_ids.to_pylist()]
        table = table.filter(pa.array(kept, pa.bool_()))
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def _hash(seed: str) -> int:
    return int.from_bytes(hashlib.blake2b(seed.encode(), digest_size=8).digest(), "little")


def _row(
    row: Mapping[str, Any],
    *,
    seed: str,
    answer: str,
    subject: Subject = ("", "", ""),
    seed_subject: Subject = ("", "", ""),
) -> Row:
    kind, labels = row["answer_kind"], row["classes"]
    item = ComparedItem(
        question=row["question"],
        context=row["context"],
        options=row["options"],
        kind=kind,
        labels=labels,
        checks=row["checks"],
        answer=answer,
    )
    return Row(
        task=row["task"],
        item=item,
        seed=seed,
        of_class=labels or kind == "boolean",
        subject=subject,
        seed_subject=seed_subject,
    )


def _split(subject: str) -> Subject:
    """A subject's parts: ``field > subfield > concept``."""
    first, second, third, *_ = (*(part.strip() for part in subject.split(">", 2)), "", "", "")
    return first, second, third
