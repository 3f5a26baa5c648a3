"""``tsdg merge``: the records of several runs as one dataset, each question once.

Two questions of the runs can meet in three ways, and each has its rule:

* *an equal id*: one request, asked again. Its texts may differ, because two GPUs may write
  different ones. It counts as there already.
* *an equal text* under two ids: the same item, written twice. It counts as there already.
* *an equal seed* and nothing more: two questions, as two draws of one run would be. Both stay.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tsdg.corpus.dedup import item_digest
from tsdg.errors import UsageError, VerificationError, few, shown
from tsdg.hashset import HashSet
from tsdg.layout import CARD, DATASET, MANIFEST, SEEDS, rejected
from tsdg.package.card import write_card
from tsdg.package.counts import columns_of
from tsdg.package.dataset import write_task
from tsdg.package.fsck import verify_run
from tsdg.package.manifest import describe, read_manifest, with_file, write_manifest
from tsdg.package.manifest_form import Manifest
from tsdg.package.merged import SAME_REQUEST, SAME_TEXT, copy_name, merged_manifest
from tsdg.records import RECORD_SCHEMA, REJECTION_SCHEMA, SEED_SCHEMA, Record, Rejection, Seed
from tsdg.rowform import from_row, stable_id, to_row
from tsdg.storage import make_directory, new_folder, refuse_filled, storage
from tsdg.tables import Table, of_another_version

_OF_QUESTION = ("question_id", "group", "family", "task", "question", "context", "options")


def merge(runs: Sequence[Path], out: Path, *, rows_per_file: int, seed: int) -> Manifest:
    """Merge finished runs into a new folder, and check what was written.

    Args:
        runs: two or more; where two have the same question, the earlier run's stays.
        out: a folder that does not exist, or is empty.
        rows_per_file: records of one Parquet file at most.
        seed: of the order of the records within their task.

    Raises:
        UsageError: there is something in ``out``, or a run has no answers or was merged itself.
        VerificationError: a run is not finished or damaged, two runs say different things of one
            task, or what was written does not hold.
        StorageError: ``out`` cannot be written.
    """
    refuse_filled(out, command="tsdg merge")
    manifests = [_mergeable(run) for run in runs]
    with new_folder(out) as building, storage("write", building):
        manifest = _merge_into(
            building, runs, manifests, name=out.absolute().name, seed=seed, rows=rows_per_file
        )
        _check(building, out)
    return manifest


def _merge_into(
    out: Path,
    runs: Sequence[Path],
    manifests: Sequence[Manifest],
    *,
    name: str,
    seed: int,
    rows: int,
) -> Manifest:
    scratch = out / ".scratch"
    for folder in (scratch, out / DATASET, (out / copy_name(0)).parent, (out / SEEDS).parent):
        make_directory(folder)
    dropped = _drop_repeats(runs, manifests, out)
    sources: set[str] = set()
    for task in sorted({task for manifest in manifests for task in manifest["tasks"]}):
        batches = _records(runs, manifests, dropped, task, sources)
        write_task(batches, out / DATASET, rows_per_file=rows, seed=seed, scratch=scratch)
    _write_seeds(runs, out, sources)
    with storage("write", out):
        shutil.rmtree(scratch)
        for place, run in enumerate(runs):
            shutil.copyfile(run / MANIFEST, out / copy_name(place))
    manifest = merged_manifest(
        out, manifests, name=name, created=datetime.now(UTC).isoformat(timespec="seconds")
    )
    write_card(out, manifest)
    manifest = with_file(manifest, describe(out, CARD))
    write_manifest(out, manifest)
    return manifest


def _check(building: Path, out: Path) -> None:
    if findings := verify_run(building):
        raise VerificationError(
            f"tsdg merge: what was written to {out} does not hold, and was removed: "
            f"{few([str(one) for one in findings], 2, separator='; ')}; `tsdg verify` says "
            "whether the runs do"
        )


def _mergeable(run: Path) -> Manifest:
    manifest = read_manifest(run)
    if "merged" in manifest:
        raise UsageError(f"tsdg merge: {run} was merged itself; name the runs that it was made of")
    if not any("answers" in phase for phase in manifest["phases"]):
        raise UsageError(f"tsdg merge: {run} has no records, as its phases end before the answers")
    return manifest


def _drop_repeats(runs: Sequence[Path], manifests: Sequence[Manifest], out: Path) -> list[set[str]]:
    """Reject each run's questions that a run before it has; return their ids per run.

    Only questions with records count: one that was rejected in an earlier run holds back none.
    """
    ids, texts = HashSet(), HashSet()
    dropped: list[set[str]] = []
    with Table(out / rejected("filter"), REJECTION_SCHEMA, group_rows=10_000) as refused:
        for run, manifest in zip(runs, manifests, strict=True):
            dropped.append(set())
            for row in _questions(run, manifest):
                new_id = ids.add(int(stable_id("question", row["question_id"])[:16], 16))
                new_text = texts.add(item_digest(row["question"], row["context"], row["options"]))
                if new_id and new_text:
                    continue
                dropped[-1].add(row["question_id"])
                refused.add(
                    Rejection(
                        row_id=row["question_id"],
                        group=row["group"],
                        family=row["family"],
                        task=row["task"],
                        stage="filter",
                        reason="duplicate",
                        detail=SAME_TEXT if new_id else SAME_REQUEST,
                    )
                )
    return dropped


def _questions(run: Path, manifest: Manifest) -> Iterator[dict[str, Any]]:
    """Each question of a run that has records, once."""
    met = HashSet()
    for task in manifest["tasks"].values():
        for file in task["files"]:
            for batch in columns_of(run / file["path"], _OF_QUESTION, batch_rows=2048):
                for row in batch.to_pylist():
                    if met.add(int(stable_id("question", row["question_id"])[:16], 16)):
                        yield row


def _records(
    runs: Sequence[Path],
    manifests: Sequence[Manifest],
    dropped: Sequence[set[str]],
    task: str,
    sources: set[str],
) -> Iterator[pa.RecordBatch]:
    """The records of a task in all runs, without those of dropped questions.

    The ids of their seeds are added to ``sources``.
    """
    for run, manifest, questions in zip(runs, manifests, dropped, strict=True):
        unwanted = pa.array(sorted(questions), pa.string())
        for file in manifest["tasks"].get(task, {"files": []})["files"]:
            for batch in columns_of(run / file["path"], RECORD_SCHEMA.names, batch_rows=2048):
                _check_task(batch, manifest, task, run / file["path"])
                kept = batch.filter(pc.invert(pc.is_in(batch["question_id"], unwanted)))
                if kept.num_rows:
                    sources.update(pc.list_flatten(kept["seed_ids"]).to_pylist())
                    path = run / file["path"]
                    yield _as_now(kept.select(RECORD_SCHEMA.names), path)


def _as_now(batch: pa.RecordBatch, path: Path) -> pa.RecordBatch:
    """The records in the form of this version; what came later has its default."""
    if batch.schema.equals(RECORD_SCHEMA):
        return batch
    try:
        rows = [to_row(from_row(Record, row)) for row in batch.to_pylist()]
    except KeyError as error:
        raise of_another_version(path, [str(error.args[0])]) from error
    return pa.RecordBatch.from_pylist(rows, schema=RECORD_SCHEMA)


def _check_task(batch: pa.RecordBatch, manifest: Manifest, task: str, path: Path) -> None:
    """Check that records say what their manifest says: the folder they go to follows from it."""
    for column, named in (("task", task), ("group", manifest["tasks"][task]["group"])):
        others = [value for value in pc.unique(batch[column]).to_pylist() if value != named]
        if others:
            raise VerificationError(
                f"tsdg merge: {path}: {column} of a record is {shown(str(others[0]))!r}, its "
                f"manifest says {named!r}; `tsdg verify` names what else differs"
            )


def _write_seeds(runs: Sequence[Path], out: Path, wanted: set[str]) -> None:
    """Write the seeds of the records: through them a record leads to its source row."""
    left, all_of_them = set(wanted), pa.array(sorted(wanted), pa.string())
    with Table(out / SEEDS, SEED_SCHEMA, group_rows=10_000) as table:
        for run in runs:
            for batch in columns_of(run / SEEDS, SEED_SCHEMA.names, batch_rows=2048):
                for row in batch.filter(pc.is_in(batch["seed_id"], all_of_them)).to_pylist():
                    if row["seed_id"] in left:
                        left.remove(row["seed_id"])
                        table.add(from_row(Seed, row))
