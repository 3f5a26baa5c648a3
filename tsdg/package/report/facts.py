"""A report's figures, from the manifest, two table columns and the workers' files."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tsdg.accounting import WorkerStatus, read_run, spent
from tsdg.concepts import concept_key
from tsdg.errors import VerificationError
from tsdg.layout import (
    CONTAMINATION,
    DIVERSITY,
    FILTER_CONTAMINATION,
    QUESTIONS,
    SOLUTIONS,
    SYLLABUS,
)
from tsdg.package.counts import OTHER_FIELDS, columns_of
from tsdg.package.losses import told
from tsdg.package.manifest import TASK_FACTS
from tsdg.package.manifest_form import Manifest

_BINS = 24
_POINTS = 120
_FIELDS = 12
"""Fields that the report shows."""


def facts_of(run: Path, manifest: Manifest) -> dict[str, Any]:
    """Return the figures of a run as plain values for the page.

    Raises:
        VerificationError: a table is missing or damaged.
    """
    workers = read_run(run)
    totals = cast("Mapping[str, Any]", manifest["totals"])
    return {
        "run": manifest["run"],
        "created": manifest["created"],
        "fingerprint": manifest["recipe_fingerprint"],
        "models": manifest["models"],
        "totals": funnel(totals),
        "steps": steps(totals),
        "groups": {name: funnel(group) for name, group in manifest["groups"].items()},
        "tasks": [_task(name, task) for name, task in manifest["tasks"].items()],
        "rejected": _ranked(manifest["rejected"]),
        "lost": told(manifest),
        "unenriched": _ranked(manifest["totals"]["answers"]["unenriched"]),
        "contamination": contamination_of(run),
        "diversity": _diversity(run),
        "syllabus": _syllabus(run, totals),
        "fields": _named(totals["records_by_field"]),
        "levels": sorted(_named(totals["records_by_difficulty"])),
        "languages": _shares(manifest, "language"),
        "licences": _shares(manifest, "licence"),
        "families": _families(manifest),
        "tokens": _histogram(_column(run, _dataset_files(manifest), "tokens")),
        "agreement": _agreements(run),
        "cost": manifest["cost"],
        "spent": _spent(workers),
        "history": _history(workers),
    }


def funnel(part: Mapping[str, Any]) -> dict[str, Any]:
    """One row of the funnel table: its steps, and what was rejected on the way.

    ``asked`` and ``records`` may exceed the step before, because one row gives several.
    """
    reasons: Counter[str] = Counter()
    for stage in ("study", "questions", "answers", "filter"):
        reasons.update(part[stage]["rejected"])
    return {
        "rows": part["seeds"]["available"],
        "sampled": part["seeds"]["sampled"],
        "asked": part["questions"]["asked"],
        "questions": part["questions"]["generated"],
        "accepted": part["answers"]["accepted"],
        "packaged": part["filter"]["packaged"],
        "records": part["records"],
        "tokens": part["tokens"],
        "agreement": part["agreement_mean"],
        "saved": part["answers"]["saved_by_early_stop"],
        "drawn": part["answers"]["sampled"],
        "reasons": _ranked(reasons),
    }


_LOST_ROWS = {
    "denied": "denied",
    "leaked": "stand in held-out rows",
    "malformed": "malformed",
    "doubtful": "doubtful",
    "duplicate": "duplicates",
    "unsampled": "not drawn",
}


def steps(part: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The way from rows to records: of each step its count, its share of the bar, what was lost.

    ``lost`` is what did not reach the step, by reason, the most frequent first. Rows and seeds have
    one scale, and what is made of them another.
    """
    seeds, asked = part["seeds"], part["questions"]["asked"]
    most = max(asked, part["records"], 1)
    lost_rows = {words: seeds.get(key, 0) for key, words in _LOST_ROWS.items()}
    made = (
        ("questions asked for", asked, part["study"]["rejected"]),
        ("questions written", part["questions"]["generated"], part["questions"]["rejected"]),
        (
            "questions with an accepted answer",
            part["answers"]["accepted"],
            part["answers"]["rejected"],
        ),
        ("questions packaged", part["filter"]["packaged"], part["filter"]["rejected"]),
    )
    available = seeds["available"] or 1
    return [
        _step("rows of the training splits", seeds["available"], 1.0, {}),
        _step("seeds", seeds["sampled"], seeds["sampled"] / available, lost_rows),
        *(_step(name, count, count / most, lost) for name, count, lost in made),
        {
            **_step("records", part["records"], part["records"] / most, {}),
            "gives": _ranked(part["records_by_variant"]),
        },
    ]


def _step(name: str, count: int, share: float, lost: Mapping[str, int]) -> dict[str, Any]:
    found = [[reason, number] for reason, number in _ranked(lost) if number]
    return {"name": name, "count": count, "share": min(1.0, share), "lost": found, "gives": []}


def _named(counts: Mapping[str, int]) -> list[list[Any]]:
    """What has a name, the most frequent first; empty where nothing was planned."""
    unnamed = ("", "0", OTHER_FIELDS)
    return [[name, count] for name, count in _ranked(counts) if name not in unnamed][:_FIELDS]


def _task(name: str, task: Mapping[str, Any]) -> dict[str, Any]:
    return {"task": name, **{key: task[key] for key in TASK_FACTS}, **funnel(task)}


def _ranked(reasons: Mapping[str, int]) -> list[list[Any]]:
    return [[reason, count] for reason, count in Counter(reasons).most_common()]


def contamination_of(run: Path) -> dict[str, Any]:
    """What was compared and found: rows of task, benchmark, same, nearly the same.

    Questions and what was written beside them are compared one after the other, each with an
    account of its own.

    Raises:
        VerificationError: an account is damaged.
    """
    splits = rows = 0
    found: dict[tuple[str, str], Counter[str]] = {}
    for name in (CONTAMINATION, FILTER_CONTAMINATION):
        if not (run / name).exists():
            continue
        try:
            account = json.loads((run / name).read_bytes())
            splits, rows = account["held_out"]["splits"], account["held_out"]["rows"]
            for task, counts in account["tasks"].items():
                for benchmark, kinds in counts["benchmarks"].items():
                    found.setdefault((task, benchmark), Counter()).update(kinds)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise VerificationError(
                f"{run / name} is damaged; restore it, or remove it and {run / QUESTIONS} to make "
                "both anew"
            ) from error
    ordered = sorted(found.items(), key=lambda entry: (-entry[1].total(), entry[0]))
    pairs = [
        [task, benchmark, kinds["same"], kinds["near"]] for (task, benchmark), kinds in ordered
    ]
    return {"splits": splits, "rows": rows, "found": pairs}


def _syllabus(run: Path, totals: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the seeds test beside what the records do; None of a run without a study.

    Fields and difficulties as (name, studied seeds, records), the largest fields first; concepts as
    the number in the syllabus, and of those that questions are about.
    """
    if not (run / SYLLABUS).exists():
        return None
    study = totals["study"]
    fields = Counter(study["by_field"]) + Counter(totals["records_by_field"])
    known = {concept_key(str(name)) for name in _values(run / SYLLABUS, "concept")}
    asked: set[str] = set()
    if (run / QUESTIONS).exists():
        asked = {concept_key(str(name)) for name in _values(run / QUESTIONS, "plan.concept")}
    return {
        "asked": study["asked"],
        "unusable": sum(study["unusable"].values()),
        "left": sum(study["rejected"].values()),
        "fields": [
            [name, study["by_field"].get(name, 0), totals["records_by_field"].get(name, 0)]
            for name, _ in fields.most_common(_FIELDS)
            if name not in ("", OTHER_FIELDS)
        ],
        "difficulty": [
            [
                level,
                study["by_difficulty"].get(level, 0),
                totals["records_by_difficulty"].get(level, 0),
            ]
            for level in ("1", "2", "3", "4", "5")
        ],
        "concepts": len(known),
        "reached": len(known & asked),
    }


def _diversity(run: Path) -> list[dict[str, Any]]:
    """What was measured of all questions and of each task, if it was."""
    if not (run / DIVERSITY).exists():
        return []
    try:
        found = json.loads((run / DIVERSITY).read_bytes())
        return [_compared(one) for one in (found["whole"], *found["tasks"])]
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise VerificationError(
            f"{run / DIVERSITY} is damaged; remove it, and `tsdg diversity {run}` makes it again"
        ) from error


def _compared(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "task": one["task"] or "all",
        "questions": one["growth"][-1]["questions"],
        "near": one["growth"][-1]["near"],
        "alike": one["repeated"],
        "agree": [
            [one[side][name]["agree"] for side in ("questions", "beside")]
            for name in ("openings", "names", "numbers", "answers")
        ],
        "narrower": [f"{finding['figure']}: {finding['said']}" for finding in one["narrower"]],
    }


def _shares(manifest: Manifest, key: str) -> list[list[Any]]:
    """Value → records and tokens over all tasks that have it, most records first."""
    records: Counter[str] = Counter()
    tokens: Counter[str] = Counter()
    for task in manifest["tasks"].values():
        value = cast("Mapping[str, Any]", task)[key]
        records[value] += task["records"]
        tokens[value] += task["tokens"]
    return [[value, count, tokens[value]] for value, count in records.most_common() if count]


def _families(manifest: Manifest) -> list[list[Any]]:
    """Per family: its group, natural rows, seeds sampled and records made."""
    rows: dict[tuple[str, str], list[int]] = {}
    for task in manifest["tasks"].values():
        counts = rows.setdefault((task["family"], task["group"]), [0, 0, 0])
        for place, value in enumerate(
            (task["seeds"]["available"], task["seeds"]["sampled"], task["records"])
        ):
            counts[place] += value
    ordered = sorted(rows.items(), key=lambda item: (-item[1][0], item[0]))
    return [[family, group, *counts] for (family, group), counts in ordered]


def _dataset_files(manifest: Manifest) -> list[str]:
    return [file["path"] for task in manifest["tasks"].values() for file in task["files"]]


def _column(run: Path, names: Sequence[str], column: str) -> np.ndarray[Any, Any]:
    pieces = [_values(run / name, column) for name in names]
    return np.concatenate(pieces) if pieces else np.empty(0)


def _values(path: Path, column: str) -> np.ndarray[Any, Any]:
    batches = columns_of(path, [column], batch_rows=65_536)
    pieces = [np.asarray(column_of(batch, column)) for batch in batches]
    return np.concatenate(pieces) if pieces else np.empty(0)


def column_of(batch: pa.RecordBatch, column: str) -> pa.Array:
    """A column of a batch; ``outer.inner`` is a field of a struct."""
    name, dot, inner = column.partition(".")
    values = batch.column(name)
    return pc.struct_field(values, inner) if dot else values


def _histogram(values: np.ndarray[Any, Any]) -> list[list[float]]:
    """Bars of (from, to, count); bounds grow by a constant factor, as lengths do."""
    if not len(values):
        return []
    low, high = max(1, int(values.min())), int(values.max()) + 1
    bounds = np.unique(np.round(np.geomspace(low, max(high, low + 1), _BINS + 1)).astype(np.int64))
    counts, edges = np.histogram(values, bins=bounds)
    return [[float(edges[i]), float(edges[i + 1]), int(count)] for i, count in enumerate(counts)]


def _agreements(run: Path) -> list[list[float]]:
    """Questions by the share of votes of their answer, in tenths."""
    path = run / SOLUTIONS
    if not path.exists():
        return []
    counts, edges = np.histogram(
        _values(path, "verification.agreement"), bins=np.linspace(0, 1, 11)
    )
    return [[float(edges[i]), float(edges[i + 1]), int(count)] for i, count in enumerate(counts)]


def _spent(workers: Sequence[WorkerStatus]) -> dict[str, Any]:
    total = spent(workers)
    return {
        "workers": total.workers,
        "requests": total.requests_done,
        "retries": dict(total.retries),
        "failures": dict(total.failures),
        "completion_tokens": total.completion_tokens,
        "wall_s": total.wall_seconds,
        "gpu_hours": total.gpu_hours,
        "idle_gpu_hours": total.idle_gpu_hours,
    }


def _history(workers: Sequence[WorkerStatus]) -> dict[str, Any]:
    """Tokens per second and requests in flight, summed over workers, while any was at work."""
    if not workers:
        return {"seconds": 0.0, "tokens_per_s": [], "in_flight": []}
    start = min(worker.started for worker in workers)
    end = max(worker.updated for worker in workers)
    width = max(end - start, 1e-3) / _POINTS
    tokens, flying = np.zeros(_POINTS), np.zeros(_POINTS)
    for worker in workers:
        for begin, stop, written, in_flight in _spans(worker):
            first, last = ((moment + worker.started - start) / width for moment in (begin, stop))
            for place in range(max(int(first), 0), min(int(last) + 1, _POINTS)):
                part = max(0.0, min(last, place + 1) - max(first, place))
                tokens[place] += written * part / max(last - first, 1e-9) / width
                flying[place] += in_flight * part
    return {
        "seconds": end - start,
        "tokens_per_s": [round(float(value), 1) for value in tokens],
        "in_flight": [round(float(value), 1) for value in flying],
    }


def _spans(worker: WorkerStatus) -> Iterator[tuple[float, float, int, int]]:
    """Spans between points of a worker's history: from, to, tokens, requests in flight."""
    before, written = 0.0, 0
    for moment, tokens, in_flight, _ in worker.history:
        if moment > before:
            yield before, moment, tokens - written, in_flight
        before, written = moment, tokens
