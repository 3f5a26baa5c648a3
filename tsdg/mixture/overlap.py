"""No text of a mixture counts twice: runs must not overlap."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tsdg.errors import UsageError, VerificationError
from tsdg.package.counts import columns_of
from tsdg.package.digests import Digests, digests_of

_SEPARATOR = "\x1f"


def check_overlap(runs: Sequence[Path], manifests: Sequence[Mapping[str, Any]]) -> None:
    """Refuse runs of a mixture that share questions, by origin, by id or by text.

    Args:
        runs: their directories.
        manifests: of each.

    Raises:
        UsageError: two of them overlap; says which, and what to do.
        VerificationError: a file of records is missing or damaged.
    """
    if len(runs) > 1:
        _check_origins(runs, manifests)
        _check_questions(runs, manifests)


def _check_origins(runs: Sequence[Path], manifests: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a run that is named twice, or beside a dataset that it was merged into."""
    origins: dict[str, Path] = {}
    for run, manifest in zip(runs, manifests, strict=True):
        for digest in _origins(run, manifest):
            if digest not in origins:
                continue
            first = origins[digest]
            one_run = manifests[runs.index(first)]["digest"] == manifest["digest"]
            raise UsageError(
                f"tsdg mix: {run} is the same run as {first}; name each once"
                if one_run
                else f"tsdg mix: {first} and {run} have a run in common, as one was merged from "
                "it; its text would count twice: name only one of them"
            )
        origins |= dict.fromkeys(_origins(run, manifest), run)


def _origins(run: Path, manifest: Mapping[str, Any]) -> set[str]:
    """The digests of a run and of all runs that it was merged from."""
    found = {str(manifest["digest"])}
    for one in manifest.get("merged", ()):
        path = run / one["manifest"]
        try:
            found.add(str(json.loads(path.read_bytes())["digest"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise VerificationError(f"{path} is damaged; `tsdg verify {run}` says more") from error
    return found


def _check_questions(runs: Sequence[Path], manifests: Sequence[Mapping[str, Any]]) -> None:
    seen: list[tuple[Path, Digests, Digests]] = []
    for run, manifest in zip(runs, manifests, strict=True):
        ids, texts = _questions(run, manifest)
        for earlier, other_ids, other_texts in seen:
            same = len(np.intersect1d(ids, other_ids, assume_unique=True))
            alike = len(np.intersect1d(texts, other_texts, assume_unique=True))
            if same or alike:
                raise UsageError(
                    f"tsdg mix: {earlier} and {run} share questions, {same:,} by id and "
                    f"{alike:,} by text, whose tokens would count twice; `tsdg merge {earlier} "
                    f"{run} out=FOLDER` keeps each once"
                )
        seen.append((run, ids, texts))


def _questions(run: Path, manifest: Mapping[str, Any]) -> tuple[Digests, Digests]:
    """Digests of the ids and of the texts of a run's questions, each once, in ascending order."""
    ids, texts = [np.empty(0, np.uint64)], [np.empty(0, np.uint64)]
    for path in _files(run, manifest):
        for batch in columns_of(path, ["question_id", "question", "context", "options"]):
            options = pc.binary_join(batch["options"], _SEPARATOR)
            whole = pc.binary_join_element_wise(
                batch["question"], batch["context"], options, pa.scalar(_SEPARATOR)
            )
            ids.append(digests_of(batch["question_id"].unique()))
            texts.append(digests_of(whole.unique()))
    return np.unique(np.concatenate(ids)), np.unique(np.concatenate(texts))


def _files(run: Path, manifest: Mapping[str, Any]) -> Iterator[Path]:
    for task in manifest["tasks"].values():
        for file in task.get("files", ()):
            yield run / file["path"]
