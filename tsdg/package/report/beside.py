"""Runs side by side, in a page of its own: no run's report is touched."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tsdg.config.snapshot_diff import ABSENT, compare_snapshots
from tsdg.errors import UsageError
from tsdg.package.manifest import read_manifest
from tsdg.package.report import charts
from tsdg.package.report.facts import facts_of
from tsdg.package.report.page import environment, style
from tsdg.storage import write_whole

_DIFFERENCES = 60
"""Differences of snapshots that are shown: those that rows depend on first."""
_LONGEST = 300
"""Characters of a value that are shown."""
Facts = Mapping[str, Any]


def write_beside(runs: Sequence[Path], path: Path) -> Path:
    """Write a page with runs side by side.

    Args:
        runs: finished runs, two or more; the first is what others are compared with.
        path: of the page; replaced where it is there.

    Raises:
        VerificationError: a run is not finished, or damaged.
        StorageError: the page cannot be written.
    """
    facts = [
        {**facts_of(run, read_manifest(run)), "run": name}
        for run, name in zip(runs, _names(runs), strict=True)
    ]
    differences = [
        (other["run"], _differences(runs[0], run))
        for run, other in zip(runs[1:], facts[1:], strict=True)
    ]
    write_whole(path, beside_page(facts, differences).encode())
    return path


def _names(runs: Sequence[Path]) -> list[str]:
    """Names that tell the runs apart: of their folders, or else their paths."""
    names = [run.resolve().name for run in runs]
    return names if len(set(names)) == len(names) else [str(run) for run in runs]


def beside_page(runs: Sequence[Facts], differences: Sequence[tuple[str, object]]) -> str:
    """Render the page of some runs' facts and of what differs between their snapshots."""
    return (
        environment()
        .get_template("compare.html.j2")
        .render(
            runs=runs,
            style=style(),
            figures=_figures(runs),
            tasks=by_task(runs),
            rejected=_rejected(runs),
            differences=differences,
            charts=[
                (
                    one,
                    charts.bars(
                        one["agreement"],
                        label="Share of votes of the answer",
                        bound="{:.0%}".format,
                    ),
                    charts.bars(one["tokens"], label="Tokens of a record", bound=charts.short),
                )
                for one in runs
            ],
        )
    )


def _figures(runs: Sequence[Facts]) -> list[tuple[str, list[str]]]:
    """Name of a figure → what each run has."""
    totals = [one["totals"] for one in runs]

    def per(part: str, whole: str, form: str = "{:.1%}") -> list[str]:
        return [form.format(one[part] / one[whole]) if one[whole] else "–" for one in totals]

    def count(key: str) -> list[str]:
        return [f"{one[key]:,}" for one in totals]

    narrow = [one["diversity"][0]["near"]["estimate"] if one["diversity"] else None for one in runs]
    return [
        ("records", count("records")),
        ("records per question asked for", per("records", "asked", "{:.2f}")),
        ("tokens", count("tokens")),
        ("questions asked for", count("asked")),
        ("of these written", per("questions", "asked")),
        ("of the written ones accepted", per("accepted", "questions")),
        ("of those asked for that gave records", per("packaged", "asked")),
        ("answers drawn per question written", per("drawn", "questions", "{:.1f}")),
        ("near-duplicates at full size", ["–" if one is None else f"{one:.1%}" for one in narrow]),
        ("GPU-hours", [f"{one['cost']['gpu_hours']:.2f}" for one in runs]),
        ("tokens written", [f"{one['spent']['completion_tokens']:,}" for one in runs]),
    ]


def by_task(runs: Sequence[Facts]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Tasks with what each run has of them, those that differ most first. Pure.

    Returns:
        Task → for each run ``per``, the records per question asked for, and ``records``; None where
        the run asked for nothing of the task.
    """
    tables = [{task["task"]: task for task in one["tasks"] if task["asked"]} for one in runs]
    rows = []
    for name in dict.fromkeys(name for table in tables for name in table):
        found = [table.get(name) for table in tables]
        rows.append(
            (
                name,
                [
                    {
                        "per": one["records"] / one["asked"] if one else None,
                        "records": one["records"] if one else None,
                    }
                    for one in found
                ],
            )
        )
    return sorted(rows, key=lambda row: (-_apart(row[1]), row[0]))


def _apart(row: Iterable[Mapping[str, Any]]) -> float:
    """How far the runs are apart; more than any that all have where one lacks the task."""
    per = [one["per"] for one in row]
    known = [value for value in per if value is not None]
    return float("inf") if len(known) < len(per) else max(known) - min(known)


def _rejected(runs: Sequence[Facts]) -> list[tuple[str, list[int]]]:
    tables = [dict(one["rejected"]) for one in runs]
    names = dict.fromkeys(name for table in tables for name in table)
    rows = [(name, [table.get(name, 0) for table in tables]) for name in names]
    return sorted(rows, key=lambda row: (-max(row[1]), row[0]))


def _differences(left: Path, right: Path) -> list[dict[str, Any]] | None:
    """What differs between two snapshots; None where a run has none, as a merged one."""
    try:
        found = compare_snapshots(left, right)
    except UsageError:
        return None
    ordered = sorted(found, key=lambda one: not one.identity)[:_DIFFERENCES]
    return [
        {
            "part": one.part,
            "key": one.key,
            "identity": one.identity,
            "left": _short(one.left),
            "right": _short(one.right),
        }
        for one in ordered
    ]


def _short(value: object) -> str:
    text = ABSENT if value == ABSENT else json.dumps(value, ensure_ascii=False, default=str)
    return f"{text[:_LONGEST]}…" if len(text) > _LONGEST else text
