"""Stage 5: accepted questions become records, per task, in Parquet files that stream.

::

    dataset/<group>/<task>/part-00000.parquet     zstd, small row groups, page checksums
    filter/rejected.parquet                       questions whose record breaks a format rule or is
                                                  contaminated
    filter/contamination.json                     what was compared with held-out items, and found

The new dataset grows in a hidden folder beside the old one and replaces it when it is complete. The
manifest describes the files, so it is removed first and written last. A run directory with a
manifest is finished. One that was left at any other point is packaged again from the gathered
tables, to the same bytes.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tsdg.contamination import Contamination
from tsdg.crew import in_order
from tsdg.layout import DATASET, FILTER_CONTAMINATION, MANIFEST, rejected
from tsdg.package.pairs import Chunk
from tsdg.package.render import Rendered, Wording, render, variants_of
from tsdg.package.rules import flaw_of
from tsdg.package.shuffle import shuffled, with_hash
from tsdg.protocols import HeldOut, Match
from tsdg.records import (
    RECORD_SCHEMA,
    REJECTION_SCHEMA,
    AnswerKind,
    Question,
    Reason,
    Record,
    Rejection,
    Solution,
    Variant,
)
from tsdg.rowform import stable_id, to_row
from tsdg.storage import storage, sync_file, write_whole
from tsdg.tables import Table

TokensOf = Callable[[Sequence[str]], list[int]]

GROUP_ROWS = 2048
"""Rows of one row group: some megabytes, the least that a reader has to fetch and that a stream
shuffles over."""
_LONG_ANSWERS: frozenset[AnswerKind] = frozenset({"text", "code"})
"""Kinds in whose answers a benchmark's item may stand."""

_BUILDING, _ASIDE = ".dataset.building", ".dataset.old"


@dataclass(slots=True, kw_only=True)
class DatasetSummary:
    """What packaging made, per task, for display; the manifest counts the files again."""

    records: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    contaminated: int = 0
    """Of those rejected, the ones whose solution repeats a held-out item."""
    tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """How records are made and packed."""

    variants: Sequence[Variant]
    """Records to make of one question, if its solution holds what they need."""
    rows_per_file: int
    """Records of one Parquet file at most."""
    wording: Wording
    """Of the records."""
    seed: int
    """Of the order of the records within their task."""


def write_dataset(
    *, chunks: Iterable[Chunk], run: Path, packer: Packer, processes: int = 1
) -> DatasetSummary:
    """Replace a run's dataset and ``filter``; its manifest is removed, to be written anew.

    Args:
        chunks: accepted questions with their solutions, all of one task one after the other, in any
            order otherwise.
        run: the run directory.
        packer: makes the records. Its held-out items are those that no record may contain: the
            questions were compared before they were answered; here the rest of each record is.
        processes: how many make records; the files are the same whatever it is.

    Raises:
        StorageError: the run directory cannot be written.
        MachineError: a process died.
        ValueError: the pairs of one task do not stand together.
    """
    building, summary = run / _BUILDING, DatasetSummary()
    found, packing = Contamination(packer.held_out), packer.packing
    crew = in_order(packer, chunks, processes=processes, what="package: a process")
    with storage("write", run), closing(crew) as made:
        (run / MANIFEST).unlink(missing_ok=True)
        _remove_folder(building)
        scratch = building / "scratch"
        scratch.mkdir(parents=True)
        with Table(run / rejected("filter"), REJECTION_SCHEMA, group_rows=10_000) as rejections:
            for task, of_task in groupby(made, key=lambda one: one[0].task):
                if task in summary.records:
                    raise ValueError(f"the pairs of task {task} do not stand together")
                summary.records[task] = summary.rejected[task] = 0
                write_task(
                    _counted(of_task, found, rejections, summary),
                    building / DATASET,
                    rows_per_file=packing.rows_per_file,
                    seed=packing.seed,
                    scratch=scratch,
                )
        write_whole(
            run / FILTER_CONTAMINATION, (json.dumps(found.report(), indent=1) + "\n").encode()
        )
        summary.contaminated = found.found
        (building / DATASET).mkdir(exist_ok=True)
        _replace_folder(building / DATASET, run / DATASET, aside=run / _ASIDE)
        _remove_folder(building)
    return summary


def write_task(
    batches: Iterable[pa.RecordBatch],
    dataset: Path,
    *,
    rows_per_file: int,
    seed: int,
    scratch: Path,
) -> None:
    """Write the records of one task, shuffled, to ``<dataset>/<group>/<task>/part-*.parquet``."""
    parts = _RecordParts(dataset, rows_per_file)
    for table in shuffled(batches, id_column="record_id", seed=seed, scratch=scratch):
        parts.add(table)
    parts.close()


def record_id_of(question_id: str, variant: str) -> str:
    """The id of a record: its question and variant."""
    return stable_id(question_id, variant)


def make_record(
    question: Question, solution: Solution, variant: Variant, rendered: Rendered, tokens: int
) -> Record:
    """Put one record together; fields that its variant does not show are empty."""
    enriched = variant == "enriched"
    return Record(
        record_id=record_id_of(question.question_id, variant),
        question_id=question.question_id,
        group=question.group,
        family=question.family,
        task=question.task,
        domain=question.domain,
        language=question.language,
        licence=question.licence,
        skill=question.plan.skill,
        field=question.plan.field,
        subfield=question.plan.subfield,
        concept=question.plan.concept,
        difficulty=question.plan.difficulty,
        way=question.plan.way,
        invented=question.plan.invented,
        variant=variant,
        answer_kind=question.answer_kind,
        question=question.question,
        context=question.context,
        options=question.options,
        answer=solution.answer,
        knowledge=solution.knowledge if enriched else "",
        reasoning=solution.reasoning if variant != "answer" else "",
        trace=solution.trace if variant != "answer" else "",
        distractors=solution.distractors if enriched else (),
        text=rendered.text,
        messages=rendered.messages,
        verification=solution.verification,
        tokens=tokens,
        seed_ids=question.seed_ids,
        provenance=solution.provenance,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeOfChunk:
    """What became of a chunk of pairs."""

    records: pa.RecordBatch | None
    """Those of all questions that have some; None for none."""
    rejections: Sequence[Rejection]
    matches: Sequence[Match | None]
    """Of each question."""
    tokens: int


@dataclass(frozen=True, kw_only=True)
class Packer:
    """Makes the records of a chunk of pairs; what breaks a rule becomes a rejection."""

    packing: Packing
    tokens_of: TokensOf
    held_out: HeldOut

    def __call__(self, chunk: Chunk) -> MadeOfChunk:
        """Render the pairs of one chunk."""
        packing = self.packing
        ready: list[tuple[Question, Solution, Variant, Rendered]] = []
        rejections: list[Rejection] = []
        pairs = chunk.pairs()
        matches = self.held_out.compare([_Told.of(*pair) for pair in pairs])
        for (question, solution), match in zip(pairs, matches, strict=True):
            chosen = variants_of(solution, packing.variants)
            lacks = "" if chosen else f"its solution has nothing for {', '.join(packing.variants)}"
            if rejection := _rejection(question, solution, match, lacks):
                rejections.append(rejection)
                continue
            ready += [
                (question, solution, variant, render(question, solution, variant, packing.wording))
                for variant in chosen
            ]
        counts = self.tokens_of([rendered.text for *_, rendered in ready]) if ready else []
        return MadeOfChunk(
            records=_records(ready, counts, packing.seed) if ready else None,
            rejections=rejections,
            matches=matches,
            tokens=sum(counts),
        )


def _records(
    ready: Sequence[tuple[Question, Solution, Variant, Rendered]], counts: Sequence[int], seed: int
) -> pa.RecordBatch:
    rows: list[dict[str, Any]] = [
        to_row(make_record(*one, tokens)) for one, tokens in zip(ready, counts, strict=True)
    ]
    batch = pa.RecordBatch.from_pylist(rows, schema=RECORD_SCHEMA)
    return with_hash(batch, id_column="record_id", seed=seed)


def _counted(
    packed: Iterable[tuple[Chunk, MadeOfChunk]],
    found: Contamination,
    rejections: Table,
    summary: DatasetSummary,
) -> Iterator[pa.RecordBatch]:
    """Yield the records of one task, and count what became of its questions."""
    for chunk, made in packed:
        for match in made.matches:
            found.count(chunk.task, match)
        for rejection in made.rejections:
            rejections.add(rejection)
        summary.rejected[chunk.task] += len(made.rejections)
        summary.tokens += made.tokens
        if made.records is not None:
            summary.records[chunk.task] += made.records.num_rows
            yield made.records


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """A question and all texts beside it, as one item to compare with benchmarks."""

    question: str
    context: str
    options: tuple[str, ...] = ()

    @classmethod
    def of(cls, question: Question, solution: Solution) -> _Told:
        reasons = (distractor.why_wrong for distractor in solution.distractors)
        answer = solution.answer if question.answer_kind in _LONG_ANSWERS else ""
        texts = (question.context, solution.knowledge, solution.reasoning, *reasons, answer)
        return cls(question=question.question, context="\n".join(text for text in texts if text))


def _replace_folder(new: Path, place: Path, *, aside: Path) -> None:
    """Put ``new`` in a folder's place; the old one waits under ``aside`` until that is done."""
    _remove_folder(aside)
    if place.exists():
        place.rename(aside)
    new.rename(place)
    _remove_folder(aside)


def _remove_folder(path: Path) -> None:
    """Remove a folder with all it holds, if it is there."""
    if path.exists():
        shutil.rmtree(path)


def _rejection(
    question: Question, solution: Solution, match: Match | None, lacks: str
) -> Rejection | None:
    """Why no record is made of a question; None where it may become one."""
    reason: Reason = "bad_record" if match is None else "contaminated"
    detail = (flaw_of(question, solution) or lacks) if match is None else str(match)
    return Rejection.of(question, stage="filter", reason=reason, detail=detail) if detail else None


class _RecordParts:
    """The files of one task; the next one begins where one is full."""

    def __init__(self, dataset: Path, rows_per_file: int) -> None:
        self._dataset, self._rows_per_file = dataset, rows_per_file
        self._writer: pq.ParquetWriter | None = None
        self._path = dataset
        self._files = self._rows = 0

    def add(self, table: pa.Table) -> None:
        while table.num_rows:
            if self._rows == self._rows_per_file:
                self.close()
            if self._writer is None:
                self._writer = self._open(table)
            room = self._rows_per_file - self._rows
            self._writer.write_table(table.slice(0, room), row_group_size=GROUP_ROWS)
            self._rows += min(room, table.num_rows)
            table = table.slice(room)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            sync_file(self._path)
            self._writer, self._rows = None, 0

    def _open(self, table: pa.Table) -> pq.ParquetWriter:
        folder = self._dataset / table["group"][0].as_py() / table["task"][0].as_py()
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"part-{self._files:05d}.parquet"
        self._files += 1
        return pq.ParquetWriter(
            self._path, RECORD_SCHEMA, compression="zstd", write_page_checksum=True
        )
