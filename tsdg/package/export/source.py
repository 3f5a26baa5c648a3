"""What an export reads of a run: its verified questions, and how its records are worded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tsdg.errors import UsageError
from tsdg.layout import rejected
from tsdg.package.counts import columns_of
from tsdg.package.manifest_form import Manifest
from tsdg.package.pairs import accepted_pairs
from tsdg.package.render import Wording
from tsdg.records import Question, Record, Solution
from tsdg.tables import read_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One export: from where, to where, and the keys of the command line."""

    run: Path
    out: Path
    manifest: Manifest
    keys: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What an export wrote."""

    rows: int
    said: tuple[str, ...] = ()
    """Lines for the user: what was left out, and why."""


def records(export: Export) -> Iterator[tuple[str, str, Iterator[Record]]]:
    """Yield group, task and records of each task that has some, in the manifest's order."""
    for name, task in export.manifest["tasks"].items():
        if task["files"]:
            rows = (
                row
                for file in task["files"]
                for row in read_rows(export.run / file["path"], Record)
            )
            yield task["group"], name, rows


def packaged_pairs(export: Export) -> Iterator[tuple[Question, Solution]]:
    """Yield the questions that have records, with their solutions, in the run's order.

    A question that was rejected after its vote has none: its solution may repeat a held-out item.

    Raises:
        UsageError: the run was merged: it has records only.
        VerificationError: a table is damaged.
    """
    if "merged" in export.manifest:
        names = ", ".join(one["run"] for one in export.manifest["merged"])
        raise UsageError(
            f"tsdg export: {export.run} was merged and has records only; this format needs the "
            f"questions and votes: export the runs that it was made of ({names})"
        )
    left_out = rejected_late(export.run)
    for question, solution in accepted_pairs(export.run):
        if question.question_id not in left_out:
            yield question, solution


def rejected_late(run: Path) -> frozenset[str]:
    """The ids of questions that were rejected after their vote, when records were made."""
    found: set[str] = set()
    for batch in columns_of(run / rejected("filter"), ["row_id"]):
        found.update(batch["row_id"].to_pylist())
    return frozenset(found)


def wording_of(manifest: Manifest) -> Wording:
    """How the records of a run are worded.

    Raises:
        UsageError: those of a merged dataset are worded in several ways.
    """
    packages: list[dict[str, Any]] = (
        list(manifest["package"].values()) if "merged" in manifest else [manifest["package"]]
    )
    worded = {
        (one["style"], one.get("knowledge", "after"), one.get("think", False)) for one in packages
    }
    if len(worded) > 1:
        raise UsageError(
            f"tsdg export: the runs that {manifest['run']} was made of word their records in "
            "several ways (package.style, package.knowledge, package.think); export them one by one"
        )
    style, knowledge, think = worded.pop()
    return Wording(style=style, knowledge=knowledge, think=think)
