"""``tsdg launch``: a run, or what is left of it, as jobs of a cluster."""

from __future__ import annotations

import math
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tsdg.config.compose import hydra_app
from tsdg.config.recipe import PromptConfig, Recipe
from tsdg.launch.job_plan import CANARY
from tsdg.storage import storage

if TYPE_CHECKING:
    from tsdg.launch.submit import Launch
    from tsdg.pipeline.prepare import Prepared
    from tsdg.slurm.cluster import ClusterConfig

DRY_RUN = "--dry-run"


def main(arguments: list[str]) -> int:
    """Submit a run; ``--dry-run`` prints the jobs' scripts instead."""
    from tsdg.views.launch import print_launches

    launches: list[Launch] = []

    def task(recipe: Recipe, overrides: list[str]) -> int:
        return launch_recipe(recipe, overrides, launches, dry_run=DRY_RUN in arguments)

    words = [word for word in arguments if word != DRY_RUN]
    try:
        return hydra_app(task, command="tsdg launch", arguments=words)
    finally:
        if len(launches) > 1:
            print_launches(launches)


def launch_recipe(
    recipe: Recipe, overrides: list[str], launches: list[Launch], *, dry_run: bool
) -> int:
    """Launch one recipe, and print what was submitted; where the cluster has no queue, run it here.

    Args:
        recipe: the recipe.
        overrides: the command line's, as typed.
        launches: where to add the launch.
        dry_run: print the jobs' scripts, and neither write nor submit anything.

    Raises:
        UsageError: recipe or cluster are wrong, or the run is at work.
        MachineError: the cluster does not answer, or does not take the jobs.
    """
    from tsdg.commands.run import run_recipe
    from tsdg.pipeline.prepare import prepare
    from tsdg.slurm.cluster import read_cluster

    cluster = read_cluster(recipe.cluster, os.environ)
    if cluster.executor == "slurm":
        prepared = prepare(recipe, mirror_here=cluster.ssh_tunnel is None)
        launch_prepared(prepared, overrides, launches, dry_run=dry_run)
        return 0
    if dry_run:
        print(
            f"cluster {recipe.cluster} has no queue: the run would be done here, as by `tsdg run`"
        )
        return 0
    return run_recipe(recipe, overrides)


def launch_prepared(
    prepared: Prepared, overrides: list[str], launches: list[Launch], *, dry_run: bool
) -> None:
    """Launch what is left of a run; see :func:`launch_recipe`."""
    from tsdg.config.stages import stages
    from tsdg.engine.control import sole_owner
    from tsdg.launch.submit import find_target, launch, plan_launch, refuse_second, write_scripts
    from tsdg.pipeline.left import begun, stages_left, units_of_phases
    from tsdg.pipeline.prepare import take_snapshot
    from tsdg.pipeline.roles import endpoints_of
    from tsdg.slurm.cluster import read_cluster
    from tsdg.views.launch import print_launch, print_scripts
    from tsdg.views.plan import make_plan

    recipe = prepared.recipe
    cluster = read_cluster(recipe.cluster, os.environ)
    target = find_target(recipe, cluster, prepared.directory, os.environ)
    prepared = replace(prepared, directory=target.here)
    left = stages_left(recipe, target.here)
    if not left:
        print(f"{target.here} is complete; nothing to submit")
        return
    plan = make_plan(_without_mirror(recipe, cluster))
    units = units_of_phases(
        recipe, target.here, {phase.phase: phase.units for phase in plan.phases}
    )
    # Committed work says more than a canary could.
    canary = () if begun(recipe, target.here) else stages(recipe.phases)
    endpoints = {
        stage.name: [(asked.model, asked.server) for asked in endpoints_of(recipe, stage.steps)]
        for stage in stages(recipe.phases)
        if stage.kind == "phase"
    }
    jobs = plan_launch(
        target, stages=left, canary_stages=canary, units=units, endpoints=endpoints, ask=not dry_run
    )
    if dry_run:
        launches.append(write_scripts(target, jobs))
        print_scripts(launches[-1])
        return
    refuse_second(target)
    with sole_owner(target.here):
        take_snapshot(prepared, overrides)
        if jobs[0].stage == CANARY:
            start_canary(prepared, questions=plan.questions, mirror_here=cluster.ssh_tunnel is None)
    launches.append(launch(target, jobs))
    print_launch(launches[-1])


def relaunch(run: Path, overrides: list[str], launches: list[Launch], *, dry_run: bool) -> None:
    """Launch what is left of a launched run, from its directory alone, for `tsdg resume`.

    Args:
        run: the run directory; over ssh the copy of it that the first launch made.
        overrides: ``KEY=VALUE`` of keys that no row depends on.
        launches: where to add the launch.
        dry_run: print the jobs' scripts, and neither write nor submit anything.

    Raises:
        UsageError: the run was not launched, has jobs, or would become another run.
        MachineError: the cluster does not answer, or does not take the jobs.
    """
    from tsdg.pipeline.prepare import reopen
    from tsdg.slurm.jobs import read_jobs

    record = read_jobs(run)
    held = reopen(run, overrides, file="launch/recipe.yaml", mirror_here=record.ssh is None)
    place = Path(record.run) if record.ssh else run.absolute()
    prompts = PromptConfig(dir=str((run / "snapshot" / "prompts").absolute()), files={})
    where = {"output_root": str(place.parent), "run": place.name, "prompt": prompts}
    prepared = replace(held, recipe=held.recipe.model_copy(update=where), directory=place)
    launch_prepared(prepared, overrides, launches, dry_run=dry_run)


def _without_mirror(recipe: Recipe, cluster: ClusterConfig) -> Recipe:
    """Return the recipe to plan with over ssh, from the catalogue's counts.

    The mirror is not on this machine.
    """
    if cluster.ssh_tunnel is None:
        return recipe
    return recipe.model_copy(update={"seeds": recipe.seeds.model_copy(update={"mirror": ""})})


def start_canary(prepared: Prepared, *, questions: int, mirror_here: bool) -> None:
    """Begin the canary's run anew: an earlier one has said what it had to say.

    Args:
        prepared: the run.
        questions: that the run asks for.
        mirror_here: whether this machine has the mirror.

    Raises:
        StorageError: its folder cannot be written.
    """
    from tsdg.launch.ship import write_recipe
    from tsdg.pipeline.diversity import write_full_run
    from tsdg.pipeline.prepare import take_snapshot

    small = canary_of(prepared, mirror_here=mirror_here)
    if small.directory.exists():
        with storage("remove", small.directory):
            shutil.rmtree(small.directory)
    take_snapshot(small, [])
    write_recipe(small.directory, small.recipe)
    write_full_run(small.directory, questions)


def canary_of(prepared: Prepared, *, mirror_here: bool) -> Prepared:
    """The same run in small, in a folder of its own: a few seeds of the first tasks."""
    from tsdg.pipeline.prepare import prepare

    recipe, seeds = prepared.recipe, prepared.recipe.launch.canary
    tasks = tuple(dict.fromkeys(source.task for source in prepared.sources))[:seeds]
    values = recipe.model_dump()
    values["seeds"] |= {"cap_per_task": math.ceil(seeds / len(tasks)), "total": seeds}
    values["passages"] |= {"total": seeds}
    if not recipe.passages.path:
        shares: dict[str, dict[str, float]] = {"domain": {}, "language": {}}
        values["seeds"] |= {"tasks": tasks, "families": (), "groups": (), "shares": shares}
    prompts = {"dir": str(prepared.directory / "snapshot" / "prompts"), "files": {}}
    values |= {"output_root": str(prepared.directory), "run": CANARY, "prompt": prompts}
    small = prepare(Recipe.model_validate(values), mirror_here=mirror_here)
    return replace(small, prompts=prepared.prompts)
