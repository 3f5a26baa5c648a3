"""The rows of a run: every id once, every reference answered, every seed of an allowed source.

Each table is streamed once; what later tables refer to is kept as digests.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tsdg.errors import few
from tsdg.layout import (
    ALLOWED_UNITS,
    MANIFEST,
    QUESTIONS,
    SAMPLES,
    SEEDS,
    SOLUTIONS,
    STUDIED_SEEDS,
    STUDIES,
    part_files,
    phase_name,
    rejected,
    steps_of,
)
from tsdg.package.counts import columns_of
from tsdg.package.dataset import record_id_of
from tsdg.package.digests import UNKNOWN, Digests, NumberedIds, digests_of
from tsdg.package.findings import Finding
from tsdg.package.manifest_form import Manifest
from tsdg.records import (
    ANSWER_SAMPLE_SCHEMA,
    OUTCOME_SCHEMA,
    QUESTION_SCHEMA,
    RECORD_SCHEMA,
    REJECTION_SCHEMA,
    SEED_SCHEMA,
    SOLUTION_SCHEMA,
    STAGES,
    STUDIED_SEED_SCHEMA,
    STUDY_SCHEMA,
)

FACTS = ("group", "family", "licence")
"""What a row repeats of its task."""


def check_rows(run: Path, manifest: Manifest) -> Iterator[Finding]:
    """Check the rows of a run whose files are whole.

    Args:
        run: the run directory.
        manifest: its manifest, in the form of the schema.

    Raises:
        VerificationError: a table cannot be read or lacks a column.
    """
    steps = steps_of(manifest["phases"])
    yield from _schemas(run, manifest)
    seeds, questions, solutions = NumberedIds(), NumberedIds(), NumberedIds()
    yield from _sources(run, manifest)
    yield from _ids(run, SEEDS, "seed_id", seeds)
    yield from _facts(run, SEEDS, manifest)
    asked_of = seeds
    if "study" in steps:
        asked_of = NumberedIds()
        yield from _study(run, seeds, asked_of)
        if "questions" not in steps:
            yield from _parts(run, manifest, seeds, seeds, questions, questions)
    if "questions" in steps:
        known = NumberedIds()
        yield from _ids(run, QUESTIONS, "question_id", questions)
        yield from _facts(run, QUESTIONS, manifest)
        yield from _seeds_known(run, QUESTIONS, seeds)
        known.add(questions.all())
        yield from _partition(run, rejected("questions"), known)
        yield from _parts(run, manifest, seeds, asked_of, questions, known)
    if "answers" in steps:
        yield from _ids(run, SOLUTIONS, "question_id", solutions)
        yield from _known(run, SOLUTIONS, "question_id", questions)
        yield from _known(run, rejected("answers"), "row_id", questions)
        answered = NumberedIds()
        answered.add(solutions.all())
        yield from _partition(run, rejected("answers"), answered)
        yield from _samples(run, questions)
        yield from _known(run, rejected("filter"), "row_id", solutions)
        yield from _records(run, manifest, seeds, solutions)


def _schemas(run: Path, manifest: Manifest) -> Iterator[Finding]:
    """Every table has the columns of its kind, in order and type."""
    by_name = {
        SEEDS: SEED_SCHEMA,
        STUDIES: STUDY_SCHEMA,
        STUDIED_SEEDS: STUDIED_SEED_SCHEMA,
        QUESTIONS: QUESTION_SCHEMA,
        SAMPLES: ANSWER_SAMPLE_SCHEMA,
        SOLUTIONS: SOLUTION_SCHEMA,
        **{rejected(stage): REJECTION_SCHEMA for stage in STAGES},
    }
    tables = [(name, schema) for name, schema in by_name.items() if (run / name).exists()]
    for _, path in part_files(run, manifest["phases"]):
        tables.append((path.relative_to(run).as_posix(), OUTCOME_SCHEMA))
    for task in manifest["tasks"].values():
        tables += [(file["path"], RECORD_SCHEMA) for file in task["files"]]
    yield from _other_columns(run, tables)


def _other_columns(run: Path, tables: Iterable[tuple[str, pa.Schema]]) -> Iterator[Finding]:
    for name, schema in tables:
        found = pq.read_schema(run / name).remove_metadata()
        if not found.equals(schema):
            wrong = sorted({*(str(field) for field in found)} ^ {*(str(field) for field in schema)})
            yield Finding(
                path=name,
                what="has other columns",
                found=few(wrong) or "another order",
                expected="its schema",
            )


def _ids(run: Path, name: str, column: str, keys: NumberedIds) -> Iterator[Finding]:
    """Every id of a table stands there once."""
    for batch in columns_of(run / name, [column]):
        keys.add(digests_of(batch[column]))
    yield from _repeated(run, [name], column, keys)


def _repeated(run: Path, names: Sequence[str], column: str, keys: NumberedIds) -> Iterator[Finding]:
    repeated = keys.repeated()
    if len(repeated):
        for name in names:
            ids: list[str] = []
            for batch in columns_of(run / name, [column]):
                ids += _where(batch[column], np.isin(digests_of(batch[column]), repeated))
            if ids:
                yield Finding(
                    path=name,
                    what=f"{column} is not unique",
                    found=few(dict.fromkeys(ids)),
                    expected="each id once",
                )


def _partition(run: Path, name: str, kept: NumberedIds) -> Iterator[Finding]:
    """No rejected row is kept as well, or rejected twice. Adds the rejected to ``kept``."""
    for batch in columns_of(run / name, ["row_id"]):
        kept.add(digests_of(batch["row_id"]))
    yield from _repeated(run, [name], "row_id", kept)


def _known(run: Path, name: str, column: str, keys: NumberedIds) -> Iterator[Finding]:
    """Every id of a column is one of the keys."""
    strangers: list[str] = []
    for batch in columns_of(run / name, [column]):
        strangers += _where(batch[column], keys.codes_of(digests_of(batch[column])) == UNKNOWN)
    yield from _strangers(name, column, strangers)


def _seeds_known(run: Path, name: str, seeds: NumberedIds) -> Iterator[Finding]:
    strangers: list[str] = []
    empty = 0
    for batch in columns_of(run / name, ["seed_ids"]):
        empty += pc.sum(pc.equal(pc.list_value_length(batch["seed_ids"]), 0)).as_py() or 0
        ids = batch["seed_ids"].flatten()
        strangers += _where(ids, seeds.codes_of(digests_of(ids)) == UNKNOWN)
    yield from _strangers(name, "seed_ids", strangers)
    if empty:
        yield Finding(path=name, what="rows without a seed", found=str(empty), expected="0")


def _study(run: Path, seeds: NumberedIds, kept: NumberedIds) -> Iterator[Finding]:
    """Studies are of seeds, and each seed is rejected or goes on and is added to ``kept``."""
    yield from _ids(run, STUDIES, "seed_id", NumberedIds())
    yield from _known(run, STUDIES, "seed_id", seeds)
    yield from _ids(run, STUDIED_SEEDS, "seed_id", kept)
    both = NumberedIds()
    both.add(kept.all())
    yield from _partition(run, rejected("study"), both)
    yield from _same(STUDIED_SEEDS, "seeds, kept or rejected", both.all(), seeds.all())


def _strangers(name: str, column: str, ids: Sequence[str]) -> Iterator[Finding]:
    if ids:
        yield Finding(
            path=name,
            what=f"{column} refers to a row that is not there",
            found=few(ids),
            expected="ids of the stage before",
        )


def _sources(run: Path, manifest: Manifest) -> Iterator[Finding]:
    """Every seed comes from a unit of source that the snapshot allows, at the revision it names.

    The manifest names the same revision.
    """
    path = run / ALLOWED_UNITS
    if not path.exists():
        return
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        allowed = [(row.get("task", ""), _unit_in(row)) for row in rows]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        yield Finding(
            path=ALLOWED_UNITS,
            what="cannot be read",
            found=repr(error),
            expected="a list of units, each with dataset_path, config and split",
        )
        return
    yield from _named_sources(manifest, {task: unit for task, unit in allowed if task})
    for unit, count in _seed_sources(run).items():
        if not any(_agree(unit, other) for _, other in allowed):
            yield Finding(
                path=SEEDS,
                what="seeds of a source that was not allowed",
                found=f"{count} of {_source_text(unit)}",
                expected=f"units of {ALLOWED_UNITS}, at their revisions",
            )


def _named_sources(manifest: Manifest, held: Mapping[str, tuple[str, ...]]) -> Iterator[Finding]:
    """The manifest names the source of each task that the snapshot names."""
    for task, entry in manifest["tasks"].items():
        for unit in map(_unit_in, entry["source"] if task in held else ()):
            if not _agree(unit, held[task]):
                yield Finding(
                    path=MANIFEST,
                    what=f"the source of task {task} is not that of the snapshot",
                    found=_source_text(unit),
                    expected=_source_text(held[task]),
                )


_UNIT = ("dataset_path", "config", "split")


def _unit_in(row: Mapping[str, str]) -> tuple[str, ...]:
    return (*(row[key] for key in _UNIT), row.get("revision", ""))


def _agree(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether two sources are one; a revision that one side does not know is not compared."""
    return one[:3] == other[:3] and (one[3] == other[3] or "" in (one[3], other[3]))


def _source_text(unit: tuple[str, ...]) -> str:
    dataset, config, split, revision = unit
    return f"{dataset} ({config or 'default'}, {split}{f', {revision}' if revision else ''})"


def _seed_sources(run: Path) -> dict[tuple[str, ...], int]:
    """Rows of each source, with its revision, among the seeds."""
    names = [*_UNIT, "revision"]
    counts: dict[tuple[str, ...], int] = {}
    for batch in columns_of(run / SEEDS, [f"source.{name}" for name in names]):
        table = pa.table([batch["source"].field(name) for name in names], names=names)
        for row in table.group_by(names).aggregate([([], "count_all")]).to_pylist():
            unit = tuple(row[name] for name in names)
            counts[unit] = counts.get(unit, 0) + row["count_all"]
    return counts


def _facts(run: Path, name: str, manifest: Manifest) -> Iterator[Finding]:
    """Group, family and licence of each row are those of its task."""
    seen: set[tuple[str, ...]] = set()
    for batch in columns_of(run / name, ["task", *FACTS]):
        groups = pa.Table.from_batches([batch]).group_by(["task", *FACTS]).aggregate([])
        seen |= {tuple(row[key] for key in ("task", *FACTS)) for row in groups.to_pylist()}
    for task, *facts in sorted(seen):
        entry: Mapping[str, object] = manifest["tasks"].get(task, {})
        for key, value in zip(FACTS, facts, strict=True):
            if entry.get(key) != value:
                yield Finding(
                    path=name,
                    what=f"task {task}: {key} of its rows",
                    found=value,
                    expected=f"{entry.get(key)}, as in the manifest",
                )


def _parts(
    run: Path,
    manifest: Manifest,
    seeds: NumberedIds,
    asked_of: NumberedIds,
    questions: NumberedIds,
    known: NumberedIds,
) -> Iterator[Finding]:
    """Check that each phase's parts hold every input row once and all gathered questions.

    Args:
        run: the run directory.
        manifest: names the phases.
        seeds: input of a phase that studies.
        asked_of: input of a phase that asks questions.
        questions: input of a phase that only answers.
        known: all question ids, the rejected among them.
    """
    for phase in manifest["phases"]:
        folder = f"{phase_name(phase)}/parts"
        inputs, made = NumberedIds(), NumberedIds()
        for _, path in part_files(run, [phase]):
            for batch in columns_of(path, ["input_id", "questions", "rejections"], batch_rows=4096):
                inputs.add(digests_of(batch["input_id"]))
                made.add(digests_of(batch["questions"].flatten().field("question_id")))
                refused = batch["rejections"].flatten()
                of_questions = refused.filter(pc.equal(refused.field("stage"), "questions"))
                made.add(digests_of(of_questions.field("row_id")))
        wanted = {"study": seeds, "questions": asked_of}.get(phase[0], questions)
        yield from _same(folder, "input rows", inputs.all(), wanted.all())
        if phase[0] == "questions":
            yield from _same(folder, "questions, kept or rejected", made.all(), known.all())


def _same(path: str, what: str, found: Digests, expected: Digests) -> Iterator[Finding]:
    """Both hold the same ids, each as often."""
    if not np.array_equal(found, expected):
        lost, extra = (len(np.setdiff1d(a, b)) for a, b in ((expected, found), (found, expected)))
        twice = len(found) - len(np.unique(found))
        yield Finding(
            path=path,
            what=what,
            found=f"{lost} missing, {extra} unknown, {twice} more than once",
            expected=f"{len(expected)} rows, each once",
        )


def _samples(run: Path, questions: NumberedIds) -> Iterator[Finding]:
    """Samples are of questions of the run, and numbered without repetition."""
    numbered = NumberedIds()
    strangers: list[str] = []
    for batch in columns_of(run / SAMPLES, ["question_id", "sample"]):
        own = digests_of(batch["question_id"])
        strangers += _where(batch["question_id"], questions.codes_of(own) == UNKNOWN)
        names = pc.binary_join_element_wise(
            batch["question_id"], batch["sample"].cast(pa.string()), "#"
        )
        numbered.add(digests_of(names))
    yield from _strangers(SAMPLES, "question_id", strangers)
    repeated = len(numbered.repeated())
    if repeated:
        yield Finding(
            path=SAMPLES, what="samples of the same number", found=str(repeated), expected="0"
        )


def _none(name: str, what: str, found: int) -> Iterator[Finding]:
    """A finding where there should be none."""
    if found:
        yield Finding(path=name, what=what, found=str(found), expected="0")


def _records(
    run: Path, manifest: Manifest, seeds: NumberedIds, solutions: NumberedIds
) -> Iterator[Finding]:
    """Check records: unique, from an accepted question and its seed, and in their folder."""
    records, done = NumberedIds(), NumberedIds()
    names = [file["path"] for task in manifest["tasks"].values() for file in task["files"]]
    for task, entry in manifest["tasks"].items():
        for file in entry["files"]:
            name = file["path"]
            misnamed: list[str] = []
            misplaced = blank = 0
            for batch in columns_of(
                run / name, ["record_id", "question_id", "variant", "task", "text"]
            ):
                ids = batch["record_id"]
                records.add(digests_of(ids))
                done.add(digests_of(batch["question_id"]))
                pairs = zip(
                    batch["question_id"].to_pylist(), batch["variant"].to_pylist(), strict=True
                )
                right = pa.array([record_id_of(*pair) for pair in pairs], pa.string())
                misnamed += ids.filter(pc.not_equal(ids, right)).to_pylist()
                misplaced += pc.sum(pc.not_equal(batch["task"], task)).as_py() or 0
                blank += pc.sum(pc.equal(pc.utf8_length(batch["text"]), 0)).as_py() or 0
            if misnamed:
                yield Finding(
                    path=name,
                    what="record_id is not that of its question and variant",
                    found=few(misnamed),
                    expected="the hash of both",
                )
            yield from _none(name, f"records of another task than {task}", misplaced)
            yield from _none(name, "records without text", blank)
            yield from _facts(run, name, manifest)
            yield from _known(run, name, "question_id", solutions)
            yield from _seeds_known(run, name, seeds)
    yield from _repeated(run, names, "record_id", records)
    packaged = NumberedIds()
    packaged.add(np.unique(done.all()))
    yield from _partition(run, rejected("filter"), packaged)
    yield from _same(
        "dataset", "accepted questions, packaged or rejected", packaged.all(), solutions.all()
    )


def _where(ids: pa.Array, mask: npt.NDArray[np.bool_]) -> list[str]:
    rows: list[str] = ids.filter(pa.array(mask)).to_pylist() if mask.any() else []
    return rows
