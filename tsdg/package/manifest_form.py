"""The form of ``manifest.json`` as types; ``data/manifest.schema.json`` says what each field is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from tsdg.errors import VerificationError
from tsdg.layout import MANIFEST

SCHEMA_VERSION = 2
Counts = dict[str, int]


class FileEntry(TypedDict):
    """A file that a manifest lists."""

    path: str
    rows: int | None
    bytes: int
    sha256: str


class Funnel(TypedDict):
    """From source rows to records: of a task, a group, or all."""

    seeds: Counts
    study: NotRequired[dict[str, Any]]
    questions: dict[str, Any]
    answers: dict[str, Any]
    filter: dict[str, Any]
    records: int
    records_by_variant: Counts
    tokens: int
    agreement_mean: float | None


class TaskEntry(Funnel):
    """One task: its facts, its funnel and its files."""

    group: str
    family: str
    domain: str
    language: str
    licence: str
    commercial_ok: bool
    source: list[dict[str, str]]
    files: list[FileEntry]


class Cost(TypedDict):
    """What a run asked of its models."""

    requests: int
    prompt_tokens: int
    completion_tokens: int
    steps: dict[str, Counts]
    gpu_hours: float
    idle_gpu_hours: float


class Lost(TypedDict):
    """What was lost because no server answered."""

    rows: int
    studies: NotRequired[int]
    asked: int
    share: float
    allowed: float


class SnapshotEntry(TypedDict):
    """The code that made a run."""

    commit: str
    versions: dict[str, str]


class Manifest(TypedDict):
    """What a run holds; see :mod:`tsdg.package.manifest`."""

    schema_version: int
    run: str
    created: str
    recipe_fingerprint: str
    snapshot: SnapshotEntry
    models: list[dict[str, str]]
    sampling: dict[str, Any]
    package: dict[str, Any]
    phases: list[list[str]]
    merged: NotRequired[list[dict[str, str]]]
    questions_per_seed: int
    totals: Funnel
    groups: dict[str, Funnel]
    tasks: dict[str, TaskEntry]
    left_out: dict[str, str]
    rejected: Counts
    lost: NotRequired[Lost]
    cost: Cost
    files: list[FileEntry]
    digest: str


def canonical(manifest: Mapping[str, Any]) -> bytes:
    """The one form in which a manifest is written: sorted keys, indented, a final newline."""
    return (json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def digest_of(manifest: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical form of all but ``digest`` itself."""
    return hashlib.sha256(
        canonical({key: v for key, v in manifest.items() if key != "digest"})
    ).hexdigest()


def refuse_other_form(run: Path, manifest: Mapping[str, Any]) -> None:
    """Refuse a manifest that is as it was written, by another version of tsdg.

    Raises:
        VerificationError: it is.
    """
    found = manifest.get("schema_version")
    if found != SCHEMA_VERSION and manifest.get("digest") == digest_of(manifest):
        raise VerificationError(
            f"{run / MANIFEST} is of another version of tsdg (schema_version {found}, this one "
            f"reads {SCHEMA_VERSION}); read it with the version in snapshot/versions.json, or make "
            "it again"
        )
