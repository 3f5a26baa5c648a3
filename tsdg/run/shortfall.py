"""Pure: what is missing from a run's targets, and what a further run should ask for.

A task's *yield* is the share of the questions asked for that came to records. What is missing is
divided by the yield of the latest run, so each round asks for about what it needs. A task whose
yield no longer pays is given up, with its figures.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tsdg.errors import UsageError

ENOUGH = 20
"""Questions that must have been asked before a yield is believed to be too low."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSum:
    """What runs came to for one task."""

    asked: int
    """Questions asked for."""
    packaged: int
    """Questions with records."""
    records: int
    rows: int
    """Good rows that may be seeds."""

    @property
    def yields(self) -> float:
        """Questions with records, as a share of those asked for; 1 where none was asked for."""
        return self.packaged / self.asked if self.asked else 1.0

    @property
    def records_each(self) -> float:
        """Records of a question that has some."""
        return self.records / self.packaged if self.packaged else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What a further run asks for, and what was given up."""

    seeds: Mapping[str, int]
    """Task → seeds to ask about, each with as many questions as the run asks per seed."""
    given_up: Mapping[str, str]
    """Task short of its target → why no more is asked for."""


def sums_of(manifest: Mapping[str, Any]) -> dict[str, TaskSum]:
    """What a manifest says of each task."""
    return {
        task: TaskSum(
            asked=entry["questions"]["asked"],
            packaged=entry["filter"]["packaged"],
            records=entry["records"],
            rows=entry["seeds"]["sampled"] + entry["seeds"]["unsampled"],
        )
        for task, entry in manifest["tasks"].items()
    }


def targets_of(
    words: Mapping[str, str], recipe: Mapping[str, int], sums: Mapping[str, TaskSum]
) -> dict[str, int]:
    """Read the targets of a command line; without any, those of the recipe.

    Args:
        words: ``records.TASK`` or ``records`` → a number; the latter is divided over the tasks that
            have records, by these.
        recipe: task → records.
        sums: of the run.

    Raises:
        UsageError: no target, no number, or no such task.
    """
    asked: dict[str, int] = {}
    for key, text in words.items():
        number = _number(key, text)
        asked |= (
            _divided(number, sums) if key == "records" else {key.removeprefix("records."): number}
        )
    asked = asked or dict(recipe)
    if not asked:
        raise UsageError(
            "tsdg topup takes targets: records.TASK=N, records=N for all tasks together, or "
            "`targets` in the run's recipe"
        )
    if unknown := sorted(set(asked) - set(sums)):
        raise UsageError(
            f"tsdg topup: {unknown[0]} is no task of the run; allowed: {', '.join(sums)}"
        )
    return asked


def _number(key: str, text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not int(text):
        raise UsageError(f"tsdg topup: {key}: found {text!r}, allowed: a whole number from 1")
    return int(text)


def _divided(number: int, sums: Mapping[str, TaskSum]) -> dict[str, int]:
    """Divide records over the tasks that have some, by these."""
    total = sum(one.records for one in sums.values())
    return {
        task: math.ceil(number * one.records / total) for task, one in sums.items() if one.records
    }


def next_round(
    targets: Mapping[str, int],
    have: Mapping[str, TaskSum],
    recent: Mapping[str, TaskSum],
    *,
    per_seed: int,
    least_yield: float,
) -> Round:
    """Say how many seeds of each task a further run should ask about.

    Args:
        targets: task → records.
        have: all runs together.
        recent: what the latest runs came to that asked about a task.
        per_seed: questions asked for per seed.
        least_yield: below this share a task is given up.
    """
    seeds: dict[str, int] = {}
    given_up: dict[str, str] = {}
    for task, target in targets.items():
        missing = target - have[task].records
        if missing <= 0:
            continue
        last = recent[task]
        if not have[task].rows:
            given_up[task] = "no row of its splits can be a seed"
        elif last.asked >= ENOUGH and last.yields < least_yield:
            given_up[task] = (
                f"its latest {last.asked:,} questions came to {last.packaged:,} with records: "
                f"{last.yields:.1%}, below least_yield={least_yield:g}"
            )
        else:
            rate = max(last.yields, least_yield) * have[task].records_each
            seeds[task] = min(math.ceil(missing / rate / per_seed), have[task].rows)
    return Round(seeds=seeds, given_up=given_up)


def latest(runs: Sequence[Mapping[str, TaskSum]]) -> dict[str, TaskSum]:
    """Add up, per task, as many of the latest runs as it takes to believe its yield."""
    out: dict[str, TaskSum] = {}
    for sums in reversed(runs):
        for task, one in sums.items():
            if task not in out:
                out[task] = one
            elif out[task].asked < ENOUGH:
                out[task] = _added(out[task], one)
    return out


def together(all_sums: Sequence[Mapping[str, TaskSum]]) -> dict[str, TaskSum]:
    """Add up what several runs came to."""
    out: dict[str, TaskSum] = {}
    for sums in all_sums:
        for task, one in sums.items():
            before = out.get(task)
            out[task] = one if before is None else _added(before, one)
    return out


def _added(first: TaskSum, second: TaskSum) -> TaskSum:
    return TaskSum(
        asked=first.asked + second.asked,
        packaged=first.packaged + second.packaged,
        records=first.records + second.records,
        rows=max(first.rows, second.rows),
    )
