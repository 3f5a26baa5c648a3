"""Writes the manifest of a dataset merged from several runs, and checks such a dataset.

::

    dataset/<group>/<task>/*.parquet     the records of all runs; of equal questions, the first
    filter/rejected.parquet              the equal questions of later runs
    seeds/seeds.parquet                  the seeds of these records
    snapshot/merged/<n>.json             the manifest of the n-th run, as it was

Its funnel is the sum of the runs' funnels; what is dropped is rejected in ``filter`` as
``duplicate``.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow.compute as pc

from tsdg.errors import VerificationError, few
from tsdg.layout import DATASET, MERGED, SEEDS, data_files, rejected
from tsdg.package.counts import SEED_FIELDS, TaskCount, columns_of, count_records, fold_fields
from tsdg.package.digests import UNKNOWN, NumberedIds, digests_of
from tsdg.package.findings import Finding
from tsdg.package.manifest import (
    PLANNED,
    STUDIED,
    TASK_FACTS,
    describe,
    records_by,
    sealed,
)
from tsdg.package.manifest_form import SCHEMA_VERSION, Manifest
from tsdg.records import GROUPS, VARIANTS

SAME_REQUEST = "a question of this id is there already: one request, asked again"
SAME_TEXT = "a question of this text is there already"
"""Details of the questions that are dropped."""


def copy_name(place: int) -> str:
    """Where the manifest of run number ``place`` lies, relative to the merged dataset."""
    return f"{MERGED}/{place}.json"


def dropped_of(out: Path) -> tuple[int, int]:
    """Questions of later runs that a merged dataset left out: by their id, and by their text."""
    details: Counter[str] = Counter()
    for batch in columns_of(out / rejected("filter"), ["detail"]):
        details.update(batch["detail"].to_pylist())
    return details[SAME_REQUEST], details[SAME_TEXT]


def _by_group(tasks: Collection[Mapping[str, Any]]) -> dict[str, Any]:
    return {group: _sum([one for one in tasks if one["group"] == group]) for group in GROUPS}


def _left_out(manifests: Sequence[Manifest], tasks: Container[str]) -> dict[str, str]:
    """Tasks that a run left out and no other has, with the reason."""
    whys = [item for one in manifests for item in one["left_out"].items()]
    return {task: why for task, why in whys if task not in tasks}


def _copied(place: int, manifest: Manifest) -> dict[str, str]:
    """One of the runs, and the copy of its manifest."""
    return {
        "run": manifest["run"],
        "recipe_fingerprint": manifest["recipe_fingerprint"],
        "manifest": copy_name(place),
    }


def _other_files(out: Path) -> list[Any]:
    """All files but those of the dataset, which stand with their tasks."""
    names = (name for name in data_files(out) if not name.startswith(f"{DATASET}/"))
    return [describe(out, name) for name in names]


def merged_manifest(
    out: Path, manifests: Sequence[Manifest], *, name: str, created: str
) -> Manifest:
    """Put the manifest of a merged dataset together, all of whose files are there but the card.

    Raises:
        VerificationError: a file is damaged, or the runs say different things of one task.
    """
    counts, dropped = _counted(out, manifests)
    tasks = {
        task: _task(out, task, manifests, counts[task], dropped.get(task, 0)) for task in counts
    }
    first = manifests[0]
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "run": name,
        "created": created,
        "recipe_fingerprint": first["recipe_fingerprint"],
        "snapshot": first["snapshot"],
        "models": _union(model for one in manifests for model in one["models"]),
        "sampling": {
            f"{place}:{one['run']}": one["sampling"] for place, one in enumerate(manifests)
        },
        "package": {f"{place}:{one['run']}": one["package"] for place, one in enumerate(manifests)},
        "phases": first["phases"],
        "questions_per_seed": 0,
        "merged": list(map(_copied, itertools.count(), manifests)),
        "totals": _sum(list(tasks.values())),
        "groups": _by_group(tasks.values()),
        "tasks": tasks,
        "rejected": _reasons(
            [one["rejected"] for one in manifests], {"duplicate": sum(dropped.values())}
        ),
        "cost": _cost([one["cost"] for one in manifests]),
        "left_out": _left_out(manifests, tasks),
        "files": _other_files(out),
    }
    return sealed(manifest)


def check_merged(run: Path, manifest: Manifest) -> Iterator[Finding]:
    """Check a merged dataset's manifest against its files and the copied runs' manifests."""
    try:
        manifests = [json.loads((run / one["manifest"]).read_bytes()) for one in manifest["merged"]]
        again = merged_manifest(run, manifests, name=manifest["run"], created=manifest["created"])
    except (OSError, ValueError, KeyError, TypeError, VerificationError) as error:
        yield Finding(
            path=MERGED,
            what="does not fit the dataset",
            found=str(error),
            expected="the runs' manifests",
        )
        return
    for key in ("totals", "groups", "tasks", "rejected", "cost"):
        if again[key] != manifest[key]:
            yield Finding(
                path=f"manifest.json: {key}",
                what="is not what files and runs add up to",
                found="other values",
                expected="their sums",
            )
    yield from _funnel_ends(again["tasks"])
    records, seeds, sources = NumberedIds(), NumberedIds(), NumberedIds()
    for name in (file["path"] for task in manifest["tasks"].values() for file in task["files"]):
        for batch in columns_of(run / name, ["record_id", "seed_ids"]):
            records.add(digests_of(batch["record_id"]))
            sources.add(digests_of(pc.list_flatten(batch["seed_ids"]).unique()))
    for batch in columns_of(run / SEEDS, ["seed_id"]):
        seeds.add(digests_of(batch["seed_id"]))
    yield from _repeated_ids(DATASET, records)
    yield from _repeated_ids(SEEDS, seeds)
    lacking = int((seeds.codes_of(np.unique(sources.all())) == UNKNOWN).sum())
    if lacking:
        yield Finding(
            path=SEEDS,
            what="lacks seeds of the records",
            found=f"{lacking} seed ids without a row",
            expected="a row for each",
        )


def _funnel_ends(tasks: Mapping[str, Any]) -> Iterator[Finding]:
    """Each accepted question has records, or was rejected."""
    for task, funnel in tasks.items():
        ends, came = funnel["filter"], funnel["answers"]["accepted"]
        out = ends["packaged"] + sum(ends["rejected"].values())
        if out != came:
            yield Finding(
                path=DATASET,
                what=f"task {task}: packaged questions and rejections",
                found=str(out),
                expected=str(came),
            )


def _repeated_ids(path: str, keys: NumberedIds) -> Iterator[Finding]:
    if len(keys.repeated()):
        repeated = [str(one) for one in keys.repeated()]
        yield Finding(
            path=path, what="ids are not unique", found=few(repeated), expected="each id once"
        )


def _counted(
    out: Path, manifests: Sequence[Manifest]
) -> tuple[dict[str, TaskCount], dict[str, int]]:
    """Each task's records, and its questions that were dropped."""
    tasks = {
        task: TaskCount(seeds={})
        for task in sorted({task for one in manifests for task in one["tasks"]})
    }
    for path in sorted((out / DATASET).rglob("*.parquet")):
        if path.parent.name not in tasks:
            raise VerificationError(f"{path}: {path.parent.name} is not a task of the merged runs")
        tasks[path.parent.name].files.append(path.relative_to(out).as_posix())
    for task in tasks.values():
        count_records(out, task)
    fold_fields(tasks.values())
    dropped: Counter[str] = Counter()
    for batch in columns_of(out / rejected("filter"), ["task"]):
        dropped.update(
            {row["values"]: row["counts"] for row in pc.value_counts(batch["task"]).to_pylist()}
        )
    return tasks, dict(dropped)


def _task(
    out: Path, task: str, manifests: Sequence[Manifest], count: TaskCount, dropped: int
) -> dict[str, Any]:
    entries: list[Mapping[str, Any]] = [
        cast("Mapping[str, Any]", one["tasks"][task]) for one in manifests if task in one["tasks"]
    ]
    for key in TASK_FACTS:
        if len({entry[key] for entry in entries}) > 1:
            found = " and ".join(sorted({str(entry[key]) for entry in entries}))
            raise VerificationError(
                f"task {task} has {key} {found} in different runs; they cannot be merged"
            )
    summed = _sum(entries)
    summed["filter"]["packaged"] = count.packaged
    summed["filter"]["rejected"] = _reasons([summed["filter"]["rejected"]], {"duplicate": dropped})
    summed |= {
        "records": count.records,
        "records_by_variant": {variant: count.by_variant[variant] for variant in VARIANTS},
        **records_by([count]),
        "tokens": count.tokens,
    }
    return {
        **{key: entries[0][key] for key in TASK_FACTS},
        "source": _union(source for entry in entries for source in entry["source"]),
        **summed,
        "files": [describe(out, name) for name in count.files],
    }


def _sum(funnels: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Add up funnels; the mean agreement by accepted questions."""

    def total(stage: str, *names: str) -> dict[str, int]:
        return {name: sum(funnel[stage][name] for funnel in funnels) for name in names}

    def reasons(stage: str, kind: str = "rejected") -> dict[str, int]:
        return _reasons([funnel[stage][kind] for funnel in funnels], {})

    accepted = [
        (f["answers"]["accepted"], f["agreement_mean"]) for f in funnels if f["answers"]["accepted"]
    ]
    votes = sum(count for count, _ in accepted)
    return {
        "seeds": total("seeds", *SEED_FIELDS),
        "study": {
            **total("study", "asked"),
            **{name: reasons("study", name) for name in STUDIED},
            "rejected": reasons("study"),
        },
        "questions": {**total("questions", "asked", "generated"), "rejected": reasons("questions")},
        "answers": {
            **total("answers", "questions", "sampled", "saved_by_early_stop", "accepted"),
            "unenriched": reasons("answers", "unenriched"),
            "rejected": reasons("answers"),
        },
        "filter": {**total("filter", "questions", "packaged"), "rejected": reasons("filter")},
        "records": sum(funnel["records"] for funnel in funnels),
        "records_by_variant": {
            variant: sum(funnel["records_by_variant"][variant] for funnel in funnels)
            for variant in VARIANTS
        },
        **{
            f"records_by_{name}": _reasons([one[f"records_by_{name}"] for one in funnels], {})
            for name in PLANNED
        },
        "tokens": sum(funnel["tokens"] for funnel in funnels),
        "agreement_mean": round(sum(n * mean for n, mean in accepted) / votes, 6)
        if votes
        else None,
    }


def _reasons(parts: Sequence[Mapping[str, int]], more: Mapping[str, int]) -> dict[str, int]:
    summed: Counter[str] = Counter()
    for part in (*parts, more):
        summed.update(part)
    return {reason: count for reason, count in sorted(summed.items()) if count}


def _cost(costs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    fields = ("requests", "prompt_tokens", "completion_tokens")
    steps = sorted({step for cost in costs for step in cost["steps"]})
    return {
        **{name: sum(cost[name] for cost in costs) for name in fields},
        "steps": {
            step: {
                name: sum(cost["steps"].get(step, {}).get(name, 0) for cost in costs)
                for name in fields
            }
            for step in steps
        },
        "gpu_hours": sum(cost["gpu_hours"] for cost in costs),
        "idle_gpu_hours": sum(cost["idle_gpu_hours"] for cost in costs),
    }


def _union(items: Iterator[Any]) -> list[Any]:
    """Each item once, in order."""
    return [
        json.loads(text)
        for text in dict.fromkeys(json.dumps(item, sort_keys=True) for item in items)
    ]
