"""``manifest.json``: a run's contents, counted; see ``data/manifest.schema.json``.

Written last and as a whole. ``digest`` covers the rest of it, so that a later change of any value
is found.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

from tsdg.errors import VerificationError
from tsdg.layout import DATASET, MANIFEST, data_files, steps_of
from tsdg.package.counts import SEED_FIELDS, RunCount, TaskCount, count_run
from tsdg.package.losses import lost_of
from tsdg.package.manifest_form import (
    SCHEMA_VERSION,
    FileEntry,
    Manifest,
    canonical,
    digest_of,
    refuse_other_form,
)
from tsdg.records import GROUPS, STAGES, VARIANTS, Group
from tsdg.storage import sha256_of, write_whole
from tsdg.tables import count_rows

SCHEMA_FILE = Path(__file__).parent / "data" / "manifest.schema.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFacts:
    """A unit of source that a task's seeds were taken from."""

    dataset_path: str
    config: str
    split: str
    revision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFacts:
    """What the catalogue knows of one task."""

    group: Group
    family: str
    domain: str
    language: str
    licence: str
    commercial_ok: bool
    """Whether models trained on rows made from it may be used commercially."""
    source: tuple[SourceFacts, ...]


STUDIED = {
    "unusable": "unusable",
    "by_field": "studied_by_field",
    "by_difficulty": "studied_by_difficulty",
}
"""What is counted of studies, and where :class:`TaskCount` holds it."""
PLANNED = ("field", "difficulty", "way")
"""By which columns of the plan a manifest counts records."""
TASK_FACTS = ("group", "family", "domain", "language", "licence", "commercial_ok")
"""What a manifest says of each task beside its sources and counts, as in :class:`TaskFacts`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """A model that wrote rows of the run."""

    name: str
    revision: str
    licence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestInputs:
    """What a manifest says that the files of a run do not."""

    run: str
    """Name of the run."""
    created: str
    """When the run was first started, ISO 8601."""
    recipe_fingerprint: str
    phases: tuple[tuple[str, ...], ...]
    questions_per_seed: int
    models: tuple[ModelFacts, ...]
    sampling: Mapping[str, Any]
    """Step → its sampling parameters."""
    package: Mapping[str, Any]
    """How records are packed and worded."""
    commit: str
    """Of tsdg's own code; empty where it does not run from a checkout."""
    versions: Mapping[str, str]
    """Distribution → version."""
    tasks: Mapping[str, TaskFacts]
    """Every task of ``seeds/counts.json``."""
    left_out: Mapping[str, str]
    """Task that a chosen family or group has and that may not be used → why."""
    gpu_hours: float
    """GPUs × hours that servers of this run held; 0 where none did, or the servers were not its
    own."""
    idle_gpu_hours: float
    """The part of ``gpu_hours`` in which a server had no request, its start included."""
    max_lost: float = 0.0
    """Share of the questions and studies asked for that may be lost as no server answered."""


def build_manifest(run: Path, inputs: ManifestInputs) -> Manifest:
    """Count the files of a run and put the manifest together.

    Raises:
        VerificationError: a table that the phases must have left is missing or damaged.
    """
    counts = count_run(run, inputs.phases)
    without_facts = sorted(set(counts.tasks) - set(inputs.tasks))
    if without_facts:
        raise VerificationError(
            f"{run}: seeds were collected for task {without_facts[0]}, which the run does not name"
        )
    counted = counted_part(counts, inputs)
    return sealed(
        {
            "schema_version": SCHEMA_VERSION,
            "run": inputs.run,
            "created": inputs.created,
            "recipe_fingerprint": inputs.recipe_fingerprint,
            "snapshot": {"commit": inputs.commit, "versions": dict(inputs.versions)},
            "models": [asdict(model) for model in inputs.models],
            "sampling": dict(inputs.sampling),
            "package": dict(inputs.package),
            "phases": inputs.phases,
            "questions_per_seed": inputs.questions_per_seed,
            **counted,
            "tasks": {
                task: {
                    **asdict(inputs.tasks[task]),
                    **counted["tasks"][task],
                    "files": [describe(run, name) for name in count.files],
                }
                for task, count in counts.tasks.items()
            },
            "left_out": dict(sorted(inputs.left_out.items())),
            "files": [
                describe(run, name)
                for name in data_files(run)
                if not name.startswith(f"{DATASET}/")
            ],
        }
    )


def counted_part(counts: RunCount, inputs: ManifestInputs) -> dict[str, Any]:
    """The manifest's part that follows from counts: totals, groups, tasks, rejected, cost."""
    steps = steps_of(inputs.phases)
    per_seed = inputs.questions_per_seed if "questions" in steps else 0
    solved = "answers" in steps
    groups = {
        group: [count for task, count in counts.tasks.items() if inputs.tasks[task].group == group]
        for group in GROUPS
    }
    totals = _funnel(counts.tasks.values(), per_seed=per_seed, solved=solved)
    rejected = _rejected(counts.tasks.values(), STAGES)
    return {
        "totals": totals,
        "groups": {
            group: _funnel(members, per_seed=per_seed, solved=solved)
            for group, members in groups.items()
        },
        "tasks": {
            task: _funnel([count], per_seed=per_seed, solved=solved)
            for task, count in counts.tasks.items()
        },
        "rejected": rejected,
        "lost": lost_of(totals, rejected, allowed=inputs.max_lost),
        "cost": _cost(counts, inputs),
    }


def inputs_of(manifest: Manifest) -> ManifestInputs:
    """The inputs that a manifest was built from; it must have the form of the schema."""
    tasks = {
        task: TaskFacts(
            **{name: facts[name] for name in TASK_FACTS},
            source=tuple(SourceFacts(**source) for source in entry["source"]),
        )
        for task, entry in manifest["tasks"].items()
        for facts in [cast("Mapping[str, Any]", entry)]
    }
    return ManifestInputs(
        run=manifest["run"],
        created=manifest["created"],
        recipe_fingerprint=manifest["recipe_fingerprint"],
        phases=tuple(tuple(phase) for phase in manifest["phases"]),
        questions_per_seed=manifest["questions_per_seed"],
        models=tuple(ModelFacts(**model) for model in manifest["models"]),
        sampling=manifest["sampling"],
        package=manifest["package"],
        commit=manifest["snapshot"]["commit"],
        versions=manifest["snapshot"]["versions"],
        tasks=tasks,
        left_out=manifest["left_out"],
        gpu_hours=manifest["cost"]["gpu_hours"],
        idle_gpu_hours=manifest["cost"]["idle_gpu_hours"],
        max_lost=manifest["lost"]["allowed"] if "lost" in manifest else 0.0,
    )


def file_entries(manifest: Manifest) -> list[FileEntry]:
    """The entries of all files that a manifest lists, the dataset's among them."""
    return [
        *manifest["files"],
        *(file for task in manifest["tasks"].values() for file in task["files"]),
    ]


def with_file(manifest: Manifest, entry: FileEntry) -> Manifest:
    """The same manifest with one more file, or with a newer state of one that it lists."""
    others = [file for file in manifest["files"] if file["path"] != entry["path"]]
    return sealed({**manifest, "files": sorted([*others, entry], key=lambda file: file["path"])})


def write_manifest(run: Path, manifest: Manifest) -> None:
    """Hold the manifest to its schema and write it as a whole.

    Raises:
        VerificationError: it does not have the form of the schema.
        StorageError: it cannot be written.
    """
    wrong = breaches(manifest)
    if wrong:
        where, what = wrong[0]
        raise VerificationError(
            f"the manifest of {run} breaks its schema at {where or 'the top'}: {what}"
        )
    write_whole(run / MANIFEST, canonical(manifest))


def read_manifest(run: Path) -> Manifest:
    """The manifest of a finished run.

    Raises:
        VerificationError: there is none, it is damaged, or of another form.
    """
    try:
        manifest: Manifest = json.loads((run / MANIFEST).read_bytes())
        refuse_other_form(run, manifest)
        # Of the long list of files one stands for all: `tsdg verify` looks at each.
        if wrong := breaches({**manifest, "files": manifest["files"][:1]}):
            raise ValueError(*wrong[0])
        _check_places(manifest)
    except FileNotFoundError as error:
        raise VerificationError(
            f"{run} is not finished: it has no {MANIFEST} yet; the command that began it goes on"
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise VerificationError(
            f"{run / MANIFEST} is damaged; remove it, and the command that made the run makes it "
            "again"
        ) from error
    return manifest


def _check_places(manifest: Manifest) -> None:
    """Refuse names of a manifest that lead out of its folder: a run may be somebody else's.

    Raises:
        ValueError: a task's name is no file name, or a file lies elsewhere.
    """
    for name in manifest["tasks"]:
        if name != Path(name).name or name.startswith("."):
            raise ValueError(name)
    for file in file_entries(manifest):
        place = Path(file["path"])
        if place.is_absolute() or ".." in place.parts:
            raise ValueError(file["path"])


def breaches(manifest: object) -> list[tuple[str, str]]:
    """Where a manifest breaks the schema: (place such as ``tasks.arc_easy``, what is wrong)."""
    errors = sorted(
        _validator().iter_errors(manifest),
        key=lambda error: [str(part) for part in error.absolute_path],
    )
    return [
        (".".join(str(part) for part in error.absolute_path), error.message[:200])
        for error in errors
    ]


def describe(run: Path, name: str) -> FileEntry:
    """Path, rows, bytes and checksum of a file; rows of a file that is no table are null.

    Raises:
        VerificationError: it is a table that is damaged.
        StorageError: it is a table that this user may not read.
    """
    path = run / name
    rows = count_rows(path) if path.suffix == ".parquet" else None
    return {"path": name, "rows": rows, "bytes": path.stat().st_size, "sha256": sha256_of(path)}


def sealed(manifest: Mapping[str, Any]) -> Manifest:
    """Add the digest to a manifest, in the form it has when read back (lists, not tuples)."""
    plain: dict[str, Any] = json.loads(json.dumps(manifest))
    return cast("Manifest", {**plain, "digest": digest_of(plain)})


def _funnel(counts: Iterable[TaskCount], *, per_seed: int, solved: bool) -> dict[str, Any]:
    """The funnel of one task or of several."""
    counts = list(counts)

    def total(name: str) -> int:
        return sum(getattr(count, name) for count in counts)

    seeds = {name: sum(count.seeds[name] for count in counts) for name in SEED_FIELDS}
    variants: Counter[str] = sum((count.by_variant for count in counts), Counter())
    everything = TaskCount(
        seeds=seeds, agreements=[share for count in counts for share in count.agreements]
    )
    left = sum(count.of("study").total() for count in counts)
    return {
        "seeds": seeds,
        "study": {
            "asked": total("studied"),
            **{
                name: dict(sorted(_summed(getattr(count, held) for count in counts).items()))
                for name, held in STUDIED.items()
            },
            "rejected": _rejected(counts, ("study",)),
        },
        "questions": {
            "asked": (seeds["sampled"] - left) * per_seed,
            "generated": total("generated"),
            "rejected": _rejected(counts, ("questions",)),
        },
        "answers": {
            "questions": total("generated") if solved else 0,
            "sampled": total("sampled"),
            "saved_by_early_stop": total("saved"),
            "accepted": total("accepted"),
            "unenriched": dict(sorted(_summed(count.unenriched for count in counts).items())),
            "rejected": _rejected(counts, ("answers",)),
        },
        "filter": {
            "questions": total("accepted"),
            "packaged": total("packaged"),
            "rejected": _rejected(counts, ("filter",)),
        },
        "records": total("records"),
        "records_by_variant": {variant: variants[variant] for variant in VARIANTS},
        **records_by(counts),
        "tokens": total("tokens"),
        "agreement_mean": everything.agreement_mean(),
    }


def records_by(counts: Iterable[TaskCount]) -> dict[str, dict[str, int]]:
    """The records of tasks by what their questions' plans say."""
    counts = list(counts)
    return {
        f"records_by_{name}": dict(
            sorted(_summed(getattr(count, f"by_{name}") for count in counts).items())
        )
        for name in PLANNED
    }


def _rejected(counts: Iterable[TaskCount], stages: Sequence[str]) -> dict[str, int]:
    summed = _summed(count.of(stage) for count in counts for stage in stages)
    return dict(sorted(summed.items()))


def _summed(counters: Iterable[Counter[str]]) -> Counter[str]:
    return sum(counters, Counter())


def _cost(counts: RunCount, inputs: ManifestInputs) -> dict[str, Any]:
    fields = ("requests", "prompt_tokens", "completion_tokens")
    steps = {
        step: {name: spent[name] for name in fields} for step, spent in sorted(counts.usage.items())
    }
    return {
        **{name: sum(step[name] for step in steps.values()) for name in fields},
        "steps": steps,
        "gpu_hours": inputs.gpu_hours,
        "idle_gpu_hours": inputs.idle_gpu_hours,
    }


@cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))
