"""The rows shown in a report: sampled questions with seed, votes and records.

Up to the size of the sample, as many of each task are accepted ones as of the others; and as many
of each task and reason are rejected ones. The questions with the smallest ids are taken. Ids are
hashes, so this is a uniform sample, the same on every machine. Columns of ids are read first, whole
rows only of what was chosen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tsdg.errors import VerificationError
from tsdg.layout import DATASET, QUESTIONS, SAMPLES, SEEDS, rejected

LONGEST = 4000
"""Characters of one text that are shown."""
_STAGES = ("questions", "answers", "filter")
_HELD = 8
"""Times as many rejections as are wanted that are held before the first are chosen."""
Key = TypeVar("Key")


def browse(run: Path, manifest: Mapping[str, Any], *, sample: int) -> list[dict[str, Any]]:
    """Read about ``sample`` questions of a run, accepted and rejected, from every task.

    Raises:
        VerificationError: a table is missing or damaged.
    """
    try:
        return _browse(run, manifest, sample)
    except (OSError, pa.ArrowException, KeyError) as error:
        reason = " ".join(str(error).split())
        raise VerificationError(
            f"{run}: a table cannot be read ({reason}); `tsdg verify {run}` says which"
        ) from error


def _by_question(rows: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Rows by the id of their question; none for an id that has none."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row["question_id"]].append(row)
    return found


def _browse(run: Path, manifest: Mapping[str, Any], sample: int) -> list[dict[str, Any]]:
    tasks = manifest["tasks"]
    refused = {
        (task, stage, reason): count
        for task, entry in tasks.items()
        for stage in _STAGES
        for reason, count in entry[stage]["rejected"].items()
    }
    verdicts = dict(_rejections(run, fair(refused, sample // 2)))
    kept = fair({task: entry["filter"]["packaged"] for task, entry in tasks.items()}, sample // 2)
    accepted = {
        question_id: {"verdict": "accepted", "stage": "", "detail": "", "task": task}
        for task, count in kept.items()
        for question_id in _smallest(
            (run / file["path"] for file in tasks[task]["files"]), "question_id", count
        )
    }
    verdicts |= accepted
    questions = {row["question_id"]: row for row in _rows(run / QUESTIONS, "question_id", verdicts)}
    seed_ids = {seed_id for row in questions.values() for seed_id in row["seed_ids"]}
    seeds = {row["seed_id"]: row for row in _rows(run / SEEDS, "seed_id", seed_ids)}
    samples = _by_question(_rows(run / SAMPLES, "question_id", questions))
    records = _by_question(_rows(run / DATASET, "question_id", accepted) if accepted else ())
    entries = [
        _entry(
            question_id,
            verdict,
            questions.get(question_id),
            seeds,
            samples[question_id],
            records[question_id],
        )
        for question_id, verdict in verdicts.items()
    ]
    return _in_order(entries, tasks)


def _in_order(entries: Iterable[dict[str, Any]], tasks: Sequence[str]) -> list[dict[str, Any]]:
    """By task; within one the accepted questions first, then by the reason of the rejection."""
    place = {task: number for number, task in enumerate(tasks)}

    def order(one: Mapping[str, Any]) -> tuple[int, bool, str, str]:
        return place[one["task"]], one["verdict"] != "accepted", one["verdict"], one["id"]

    return sorted(entries, key=order)


def fair(counts: Mapping[Key, int], total: int) -> dict[Key, int]:
    """Divide a total over what there is: equal numbers of each, of what has less all of it. Pure.

    What there is any of gets at least one, and so do all together more than ``total`` if need be.

    >>> fair({"a": 100, "b": 3, "c": 0, "d": 50}, 23)
    {'a': 10, 'b': 3, 'd': 10}
    """
    out, left = {}, total
    ordered = sorted((key for key, count in counts.items() if count), key=lambda key: counts[key])
    for place, key in enumerate(ordered):
        out[key] = min(counts[key], max(1, left // (len(ordered) - place)))
        left -= out[key]
    return {key: out[key] for key in counts if key in out}


def _rejections(
    run: Path, quotas: Mapping[tuple[str, str, str], int]
) -> Iterator[tuple[str, dict[str, str]]]:
    """The first rejections per task, stage and reason: id → task, stage, reason, detail."""
    for stage in _STAGES:
        path = run / rejected(stage)
        if not path.exists():
            continue
        held: dict[tuple[str, str, str], dict[str, str]] = defaultdict(dict)
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(columns=["row_id", "task", "reason", "detail"]):
                for row in batch.to_pylist():
                    key = (row["task"], stage, row["reason"])
                    if (most := quotas.get(key, 0)) == 0:
                        continue
                    few = held[key]
                    few[row["row_id"]] = row["detail"]
                    if len(few) > _HELD * most:
                        held[key] = _first(few, most)
        for key, few in held.items():
            task, _, reason = key
            for row_id, detail in _first(few, quotas[key]).items():
                yield row_id, {"verdict": reason, "stage": stage, "detail": detail, "task": task}


def _first(few: Mapping[str, str], count: int) -> dict[str, str]:
    return {key: few[key] for key in sorted(few)[:count]}


def _smallest(paths: Iterable[Path], column: str, count: int) -> list[str]:
    """The smallest distinct values of a column of ids over several files."""
    kept = pa.array([], pa.string())
    for path in paths:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(columns=[column], batch_size=65_536):
                values = pc.unique(pa.concat_arrays([kept, batch.column(0).cast(pa.string())]))
                kept = values.take(
                    pc.select_k_unstable(
                        values, k=min(count, len(values)), sort_keys=[("x", "ascending")]
                    )
                )
    return sorted(kept.to_pylist())


def _rows(path: Path, column: str, wanted: Collection[str]) -> Iterator[dict[str, Any]]:
    """Rows of a table whose id is wanted, in file order; none where there is no table."""
    if not wanted or not path.exists():
        return
    values = pa.array(sorted(wanted), pa.string())
    for file_path in sorted(path.rglob("*")) if path.is_dir() else [path]:
        names = file_path.relative_to(path).parts
        if not file_path.is_file() or any(name.startswith((".", "_")) for name in names):
            continue  # what is half-made, and a shared file system's own files, are no tables
        with pq.ParquetFile(file_path) as file:
            for group in range(file.num_row_groups):
                # A sample stands in few groups, and ids are a small part of a group.
                ids = file.read_row_group(group, columns=[column], use_threads=False)[column]
                chosen = pc.is_in(ids, value_set=values)
                if pc.any(chosen).as_py():
                    rows = file.read_row_group(group, use_threads=False)
                    yield from rows.filter(chosen).to_pylist()


def _entry(
    question_id: str,
    verdict: Mapping[str, str],
    question: Mapping[str, Any] | None,
    seeds: Mapping[str, Mapping[str, Any]],
    samples: list[dict[str, Any]],
    records: list[dict[str, Any]],
) -> dict[str, Any]:
    seed = next(
        (seeds[seed_id] for seed_id in (question or {}).get("seed_ids", ()) if seed_id in seeds),
        None,
    )
    return {
        "id": question_id,
        **verdict,
        "detail": _short(verdict["detail"]),
        "seed": _shown(seed, ("question", "context", "options", "answer")),
        "question": _shown(
            question,
            ("question", "context", "options", "claimed_answer", "language", "answer_kind"),
        ),
        "samples": [
            _shown(
                sample,
                ("sample", "answer", "finish_reason", "reasoning", "text", "completion_tokens"),
            )
            for sample in sorted(samples, key=lambda sample: sample["sample"])
        ],
        "records": [
            _shown(record, ("variant", "answer", "text", "tokens", "verification"))
            for record in sorted(records, key=lambda record: record["variant"])
        ],
    }


def _shown(row: Mapping[str, Any] | None, fields: tuple[str, ...]) -> dict[str, Any] | None:
    return None if row is None else {field: _short(row[field]) for field in fields}


def _short(value: Any) -> Any:
    if isinstance(value, str) and len(value) > LONGEST:
        return f"{value[:LONGEST]} … ({len(value) - LONGEST:,} characters more)"
    if isinstance(value, list):
        return [_short(item) for item in value]
    return value
