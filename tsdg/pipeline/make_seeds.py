"""Stage 1: the seeds."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from tsdg.amounts import counted
from tsdg.config.recipe import Recipe
from tsdg.config.snapshot import read_revisions
from tsdg.errors import MirrorError, few
from tsdg.generate.kin import KinDraw
from tsdg.layout import SEED_COUNTS, SEEDS, rejected
from tsdg.pipeline.held_out import hold_out
from tsdg.pipeline.kin import write_kin
from tsdg.pipeline.own_tests import failed_tests, sandbox_here
from tsdg.progress import Reporter
from tsdg.records import REJECTION_SCHEMA, SEED_SCHEMA, Seed
from tsdg.run.state import RunState
from tsdg.run.votes import check_seeds_votes
from tsdg.seeds.draw.collect import SeedCollector
from tsdg.seeds.passages.collector import PassageCollector
from tsdg.storage import write_whole
from tsdg.tables import Table, work_table

_SHOW_EVERY = 1000
"""Seeds between two updates of what is shown."""


def make_seeds(recipe: Recipe, directory: Path, reporter: Reporter) -> None:
    """Stage 1: write ``seeds.parquet``, ``rejected.parquet``, ``kin.parquet``, ``counts.json``.

    Before, ``held_out.json`` says which held-out splits the run compares with, at which revision.

    Raises:
        MirrorError: no row gives a seed, or the mirror is damaged.
        RecipeError: the vote on a question like one of the seeds cannot be won.
    """
    if not RunState(directory=directory, phases=recipe.phases).has_tables("seeds"):
        _collect(recipe, directory, reporter)
    check_seeds_votes(recipe, directory)


def _collect(recipe: Recipe, directory: Path, reporter: Reporter) -> None:
    reporter.stage("seeds", total=0)
    reporter.doing("finding the splits of the mirror, and which of them are held out")
    collector = _collector(recipe, directory, reporter)
    kin = KinDraw(recipe.questions.kin, seed=recipe.seed)
    with (
        Table(directory / rejected("seeds"), REJECTION_SCHEMA, group_rows=10_000) as refused,
        work_table(directory / SEEDS, SEED_SCHEMA, unit_rows=recipe.engine.unit_rows) as seeds,
    ):
        reporter.doing("reading held-out rows and the rows of the tasks")
        for item in collector:
            if isinstance(item, Seed):
                seeds.add(item)
                kin.add(item)
            else:
                refused.add(item)
            if seeds.count and seeds.count % _SHOW_EVERY == 0:
                reporter.update(
                    done=seeds.count, total=0, detail=f"seeds, {refused.count} rows rejected"
                )
    if not seeds.count:
        why = f"all {refused.count} rows were rejected" if refused.count else "there are no rows"
        raise MirrorError(
            f"seeds: the {len(collector.counts)} tasks of the recipe give no seed: {why}; "
            f"{directory}/seeds/rejected.parquet has the reasons, `tsdg seeds show NAME` shows "
            "what a task gives"
        )
    reporter.doing("writing the seeds")
    write_kin(kin, directory)
    for note in _notes(collector):
        reporter.note(note)
    counts = {task: asdict(count) for task, count in collector.counts.items()}
    write_whole(directory / SEED_COUNTS, (json.dumps(counts, indent=1) + "\n").encode())
    available = sum(count["available"] for count in counts.values())
    there = len(counts) - len(collector.skipped)
    reporter.end(
        f"{seeds.count:,} of {counted(available, 'row')} of {counted(there, 'task')}, "
        f"{refused.count:,} "
        f"rejected, {collector.held_out_rows:,} held-out rows to compare with"
    )


def _collector(
    recipe: Recipe, directory: Path, reporter: Reporter
) -> SeedCollector | PassageCollector:
    compared = hold_out(recipe, directory)
    if recipe.passages.path:
        return PassageCollector(
            recipe.passages, seed=recipe.seed, scratch=directory / "seeds" / ".passages"
        )
    return SeedCollector(
        recipe.seeds,
        seed=recipe.seed,
        on_judged=lambda done, total: reporter.update(done=done, total=total, detail="rows judged"),
        revisions=read_revisions(directory),
        compared=compared,
        prove=failed_tests,
    )


def _notes(collector: SeedCollector | PassageCollector) -> list[str]:
    """Tell a person about tasks that gave nothing, or less than was asked for."""
    notes = list(collector.notes)
    if collector.left_out:
        notes.append(
            f"seeds: left out: {counted(len(collector.left_out), 'task')}; manifest.json and `tsdg "
            "plan` say why"
        )
    if isinstance(collector, SeedCollector) and collector.has_tests and sandbox_here() is None:
        notes.append(
            "seeds: reference solutions were not run on their own tests: there is no sandbox here"
        )
    if collector.skipped:
        notes.append(
            f"seeds: skipped: {counted(len(collector.skipped), 'task')}, not in the mirror: "
            f"{few(collector.skipped.values())}; `tsdg seeds prefetch` fetches them"
        )
    barren = [
        task
        for task, count in collector.counts.items()
        if task not in collector.skipped and not count.sampled
    ]
    if barren:
        notes.append(
            f"seeds: without a seed: {counted(len(barren), 'task')}: {few(barren)}; "
            "seeds/rejected.parquet has the reasons"
        )
    return notes
