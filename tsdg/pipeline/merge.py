"""``tsdg merge``: the records of several runs as one dataset, each question once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from tsdg.corpus.dedup import item_digest
from tsdg.errors import UsageError
from tsdg.hashset import HashSet
from tsdg.layout import CARD, DATASET, MANIFEST, rejected
from tsdg.package.card import write_card
from tsdg.package.counts import columns_of
from tsdg.package.dataset import write_task
from tsdg.package.manifest import describe, read_manifest, with_file, write_manifest
from tsdg.package.manifest_form import Manifest
from tsdg.package.merged import copy_name, merged_manifest
from tsdg.package.pairs import accepted_pairs
from tsdg.records import RECORD_SCHEMA, REJECTION_SCHEMA, Rejection
from tsdg.storage import make_directory, refuse_filled, storage
from tsdg.tables import Table

_WHY = "an earlier run has an equal question"


def merge(runs: Sequence[Path], out: Path, *, rows_per_file: int, seed: int) -> Manifest:
    """Merge finished runs into a new folder; of equal questions the first run's stays.

    Args:
        runs: two or more; of equal questions the one of the earlier run stays.
        out: a folder that does not exist, or is empty.
        rows_per_file: records of one Parquet file at most.
        seed: of the order of the records within their task.

    Raises:
        UsageError: there is something in ``out``, or a run has no answers or was merged itself.
        VerificationError: a run is not finished or damaged, or two runs say different things of
            one task.
        StorageError: ``out`` cannot be written.
    """
    refuse_filled(out, command="tsdg merge")
    manifests = [_mergeable(run) for run in runs]
    scratch = out / ".scratch"
    for folder in (scratch, out / DATASET, (out / copy_name(0)).parent):
        make_directory(folder)
    dropped = _drop_duplicates(runs, out)
    for task in sorted({task for manifest in manifests for task in manifest["tasks"]}):
        batches = _records(runs, manifests, dropped, task)
        write_task(batches, out / DATASET, rows_per_file=rows_per_file, seed=seed, scratch=scratch)
    with storage("write", out):
        shutil.rmtree(scratch)
        for place, run in enumerate(runs):
            shutil.copyfile(run / MANIFEST, out / copy_name(place))
    manifest = merged_manifest(
        out, manifests, created=datetime.now(UTC).isoformat(timespec="seconds")
    )
    write_card(out, manifest)
    manifest = with_file(manifest, describe(out, CARD))
    write_manifest(out, manifest)
    return manifest


def _mergeable(run: Path) -> Manifest:
    manifest = read_manifest(run)
    if "merged" in manifest:
        raise UsageError(f"tsdg merge: {run} was merged itself; name the runs that it was made of")
    if not any("answers" in phase for phase in manifest["phases"]):
        raise UsageError(f"tsdg merge: {run} has no records, as its phases end before the answers")
    return manifest


def _drop_duplicates(runs: Sequence[Path], out: Path) -> list[set[str]]:
    """Reject each run's accepted questions that an earlier run has too."""
    seen = HashSet()
    dropped: list[set[str]] = []
    with Table(out / rejected("filter"), REJECTION_SCHEMA, group_rows=10_000) as refused:
        for run in runs:
            mine: set[str] = set()
            for question, _ in accepted_pairs(run):
                if not seen.add(item_digest(question.question, question.context, question.options)):
                    mine.add(question.question_id)
            packaged = _packaged(run, mine)
            for question, _ in accepted_pairs(run):
                if question.question_id in packaged:
                    refused.add(
                        Rejection.of(question, stage="filter", reason="duplicate", detail=_WHY)
                    )
            dropped.append(packaged)
    return dropped


def _packaged(run: Path, questions: set[str]) -> set[str]:
    """Those of the questions that have records: the others are rejected already."""
    if not questions:
        return set()
    wanted = pa.array(sorted(questions), pa.string())
    found: set[str] = set()
    for path in sorted((run / DATASET).rglob("*.parquet")):
        for batch in columns_of(path, ["question_id"]):
            ids = batch["question_id"]
            found.update(ids.filter(pc.is_in(ids, wanted)).to_pylist())
    return found


def _records(
    runs: Sequence[Path],
    manifests: Sequence[Manifest],
    dropped: Sequence[set[str]],
    task: str,
) -> Iterator[pa.RecordBatch]:
    """The records of a task in all runs, without those of dropped questions."""
    for run, manifest, questions in zip(runs, manifests, dropped, strict=True):
        unwanted = pa.array(sorted(questions), pa.string())
        for file in manifest["tasks"].get(task, {"files": []})["files"]:
            for batch in columns_of(run / file["path"], RECORD_SCHEMA.names, batch_rows=2048):
                kept = batch.filter(pc.invert(pc.is_in(batch["question_id"], unwanted)))
                if kept.num_rows:
                    yield kept.select(RECORD_SCHEMA.names).cast(RECORD_SCHEMA)
