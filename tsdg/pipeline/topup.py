"""``tsdg topup``: further runs that ask only for what a run lacks, until its targets are reached.

Each further run lies beside the first, as ``<run>-topup-<n>``. It asks for the next draws of the
seeds, and of further seeds where those are not enough; its questions are held against those of all
runs before it. All runs are merged in the end. An interrupted command goes on where it was.
"""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tsdg.config.recipe import Recipe
from tsdg.config.snapshot import read_recipe
from tsdg.errors import UsageError
from tsdg.layout import JOBS, MANIFEST, SNAPSHOT
from tsdg.package.manifest import read_manifest
from tsdg.package.manifest_form import Manifest
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
from tsdg.storage import refuse_filled, storage

ROWS_PER_FILE = 100_000
Make = Callable[[Prepared], object]
"""Does a prepared run, or what is left of it."""


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


def topup(run: Path, out: Path, wishes: TopupWishes, make: Make) -> ToppedUp:
    """Make further runs until the targets are reached or no longer pay, and merge all.

    Args:
        run: finished, on this machine.
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
    runs = [run, *_finished(run, make)]
    merged: Manifest | None = None
    while True:
        sums = [sums_of(read_manifest(one)) for one in runs]
        have = together(sums)
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
            make(_further(runs, recipe, step))
            runs.append(_name(run, len(runs)))
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
    recipe = read_recipe(run, [])
    if (run / JOBS).is_file() or recipe.passages.path:
        kind = "was launched as jobs" if (run / JOBS).is_file() else "is made from passages"
        raise UsageError(
            f"tsdg topup: {run} {kind}, which cannot be topped up; ask by hand: the same recipe "
            "with questions.first_draw=N and seeds.caps={TASK: SEEDS}, then `tsdg merge`"
        )
    return recipe


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


def _finished(run: Path, make: Make) -> Iterator[Path]:
    """The further runs that an earlier command left; what it did not finish is finished first."""
    for number in itertools.count(1):
        path = _name(run, number)
        if not (path / SNAPSHOT).is_dir():
            return
        if not (path / MANIFEST).is_file():
            make(reopen(path, []))
        yield path


def _further(runs: Sequence[Path], recipe: Recipe, step: Round) -> Prepared:
    """Prepare the next run: draws that no run before it had, of as many seeds as are needed."""
    asked = recipe.questions
    changes: dict[str, Any] = {
        "seeds": recipe.seeds.model_copy(
            update={
                "tasks": tuple(step.seeds),
                "families": (),
                "groups": (),
                "caps": dict(step.seeds),
                "cap_per_task": max(step.seeds.values()),
                "cap_per_family": 0,
                "cap_per_group": 0,
                "total": 0,
            }
        ),
        "questions": asked.model_copy(
            update={"first_draw": asked.first_draw + len(runs) * asked.per_seed}
        ),
    }
    if recipe.filter.dedup.near:
        against = (*recipe.filter.dedup.against, *(str(one.absolute()) for one in runs))
        dedup = recipe.filter.dedup.model_copy(update={"against": against})
        changes["filter"] = recipe.filter.model_copy(update={"dedup": dedup})
    return prepare_further(runs[0], _name(runs[0], len(runs)).name, changes)
