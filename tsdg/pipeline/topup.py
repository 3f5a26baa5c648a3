"""``tsdg topup``: further runs that ask only for what a run lacks, until its targets are reached.

Each further run lies beside the first, as ``<run>-topup-<n>``. It asks for the next draws of the
seeds, and of further seeds where those are not enough; its questions are held against those of all
runs before it. All runs are merged in the end. An interrupted command goes on where it was.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tsdg.config.recipe import Recipe, SharesConfig
from tsdg.config.snapshot import read_recipe
from tsdg.errors import UsageError
from tsdg.layout import FINGERPRINT, JOBS, MANIFEST
from tsdg.package.manifest import read_manifest
from tsdg.package.manifest_form import Manifest
from tsdg.package.report.page import REPORT, write_report
from tsdg.pipeline.merge import merge
from tsdg.run.prepare import Prepared, prepare_further, reopen
from tsdg.run.shortfall import (
    Round,
    TaskSum,
    latest,
    next_round,
    sums_of,
    targets_of,
    together,
)
from tsdg.slurm.jobs import read_jobs
from tsdg.storage import refuse_filled, storage

ROWS_PER_FILE = 100_000
Make = Callable[[Prepared], bool]
"""Does a prepared run, or what is left of it; False where it goes on elsewhere, as jobs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopupWishes:
    """What a topup is to reach, and when it stops."""

    words: Mapping[str, str]
    """``records.TASK`` or ``records`` → a number."""
    least_yield: float
    """A task is given up below this share of questions that come to records."""
    rounds: int
    """Further runs at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToppedUp:
    """What a topup came to."""

    runs: tuple[Path, ...]
    """The first run and all further ones."""
    merged: Manifest | None
    """None where nothing was missing, or no further run was made."""
    targets: Mapping[str, int]
    records: Mapping[str, int]
    """Task → records in the end."""
    given_up: Mapping[str, str]
    """Task short of its target → why."""
    waits_for: Path | None = None
    """The further run that is done as jobs; the same command goes on when it is complete."""


def topup(run: Path, out: Path, wishes: TopupWishes, make: Make) -> ToppedUp:
    """Make further runs until the targets are reached or no longer pay, and merge all.

    Args:
        run: finished, on this machine or as jobs of the cluster that it is part of.
        out: where to merge.
        wishes: targets and bounds.
        make: does a run.

    Raises:
        UsageError: there is no target, or the run cannot be topped up.
        TsdgError: as the runs and the merge.
    """
    first = read_manifest(run)
    recipe = _recipe(run, first)
    _clear(out, first)
    targets = targets_of(wishes.words, recipe.targets, sums_of(first))
    runs, waits_for = _finished(run, make)
    merged: Manifest | None = None
    while True:
        sums = [sums_of(read_manifest(one)) for one in runs]
        have = together(sums)
        if waits_for:
            records = {task: have[task].records for task in targets}
            return ToppedUp(
                runs=tuple(runs),
                merged=None,
                targets=targets,
                records=records,
                given_up={},
                waits_for=waits_for,
            )
        if merged is not None:  # what stands in two runs counts once
            have |= {
                task: TaskSum(
                    asked=have[task].asked,
                    packaged=one.packaged,
                    records=one.records,
                    rows=have[task].rows,
                )
                for task, one in sums_of(merged).items()
            }
        step = next_round(
            targets,
            have,
            latest(sums),
            per_seed=recipe.questions.per_seed,
            least_yield=wishes.least_yield,
        )
        left = wishes.rounds - (len(runs) - 1)
        if step.seeds and left > 0:
            further = _name(run, len(runs))
            if make(_further(runs, recipe, step)):
                runs.append(further)
            else:
                waits_for = further
            merged = None
            continue
        if merged is None and len(runs) > 1:
            _clear(out, first)
            merged = merge(runs, out, rows_per_file=ROWS_PER_FILE, seed=0)
            continue
        why = dict.fromkeys(step.seeds, f"rounds={wishes.rounds} further runs were made")
        return ToppedUp(
            runs=tuple(runs),
            merged=merged,
            targets=targets,
            records={task: have[task].records for task in targets},
            given_up={**step.given_up, **why},
        )


def _recipe(run: Path, manifest: Manifest) -> Recipe:
    if "merged" in manifest:
        raise UsageError(f"tsdg topup: {run} was merged; name the first of the runs that made it")
    if (run / JOBS).is_file() and read_jobs(run).ssh is not None:
        raise UsageError(
            f"tsdg topup: {run} was launched over ssh, where topup does not go; on the cluster, "
            "launch the same recipe with questions.first_draw=N and seeds.caps={TASK: SEEDS}, "
            "then `tsdg merge` both"
        )
    return read_recipe(run, [])


def _clear(out: Path, first: Manifest) -> None:
    """Remove what an earlier topup of this run merged; refuse anything else that is there."""
    try:
        merged = json.loads((out / MANIFEST).read_bytes())["merged"]
        own = merged[0]["recipe_fingerprint"] == first["recipe_fingerprint"]
        own = own and merged[0]["run"] == first["run"]
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        own = False
    if not own:
        refuse_filled(out, command="tsdg topup")
        return
    with storage("write", out):
        shutil.rmtree(out)


def _name(run: Path, number: int) -> Path:
    return run.absolute().with_name(f"{run.absolute().name}-topup-{number}")


def _finished(run: Path, make: Make) -> tuple[list[Path], Path | None]:
    """The run and the further runs that an earlier command left, and one that is not done yet.

    What was interrupted on this machine is finished first.
    """
    runs = [run]
    # The last file of a snapshot: a further run that lacks it is made anew.
    while (path := _name(run, len(runs))) and (path / FINGERPRINT).is_file():
        if not (path / MANIFEST).is_file() and not make(reopen(path, [])):
            return runs, path
        if not (path / REPORT).is_file():  # a run's last file: whoever made it was interrupted
            write_report(path)
        runs.append(path)
    return runs, None


def _further(runs: Sequence[Path], recipe: Recipe, step: Round) -> Prepared:
    """Prepare the next run: draws that no run before it had, of as many seeds as are needed."""
    asked = recipe.questions
    draws = {"first_draw": asked.first_draw + len(runs) * asked.per_seed}
    changes: dict[str, Any] = {"questions": asked.model_copy(update=draws)}
    if recipe.passages.path:
        of_passages = {"per_task": dict(step.seeds), "total": sum(step.seeds.values())}
        changes["passages"] = recipe.passages.model_copy(update=of_passages)
    else:
        of_tasks = {
            "tasks": tuple(step.seeds),
            "families": (),
            "groups": (),
            "caps": dict(step.seeds),
            "cap_per_task": max(step.seeds.values()),
            "cap_per_family": 0,
            "cap_per_group": 0,
            "total": 0,
            "shares": SharesConfig(domain={}, language={}),
        }
        changes["seeds"] = recipe.seeds.model_copy(update=of_tasks)
    if recipe.filter.dedup.near:
        against = (*recipe.filter.dedup.against, *(str(one.absolute()) for one in runs))
        dedup = recipe.filter.dedup.model_copy(update={"against": against})
        changes["filter"] = recipe.filter.model_copy(update={"dedup": dedup})
    return prepare_further(runs[0], _name(runs[0], len(runs)).name, changes)
