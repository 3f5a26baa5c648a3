"""Launches a run, or what is left of it, as jobs of a cluster, with its canary before it."""

from __future__ import annotations

import math
import os
import platform
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tsdg.config.models import ServerConfig
from tsdg.config.recipe import Recipe
from tsdg.engine.control import sole_owner
from tsdg.launch.job_plan import JobPlan
from tsdg.launch.one_launch import one_launch
from tsdg.launch.partitions import ask_partitions, refuse_short_limits
from tsdg.launch.reach import refuse_loopback
from tsdg.launch.ship import write_recipe
from tsdg.launch.submit import Launch, launch, plan_launch, refuse_second, write_scripts
from tsdg.launch.target import Target, find_target
from tsdg.layout import CANARY, CODE, LAUNCHED_RECIPE, PROMPTS
from tsdg.run.measure_diversity import write_full_run
from tsdg.run.prepare import Prepared, kept_prompts, prepare, reopen, take_snapshot
from tsdg.run.roles import served_models
from tsdg.run.run_plan import make_plan
from tsdg.slurm.cluster import ClusterConfig, read_cluster
from tsdg.slurm.jobs import read_jobs
from tsdg.slurm.lookup import user_name
from tsdg.slurm.slurm_shell import Shell, ssh_of
from tsdg.storage import make_directory, storage


def launch_recipe(recipe: Recipe, overrides: Sequence[str], *, dry_run: bool) -> Launch | None:
    """Launch one recipe on the Slurm cluster that it names.

    Args:
        recipe: the recipe.
        overrides: the command line's, as typed.
        dry_run: make the jobs' scripts, and neither write nor submit anything.

    Returns:
        What was submitted; None where the run is complete.

    Raises:
        UsageError: recipe or cluster are wrong, or the run is at work.
        MachineError: the cluster does not answer, or does not take the jobs.
    """
    cluster = read_cluster(recipe.cluster, os.environ)
    prepared = prepare(recipe, mirror_here=cluster.ssh_tunnel is None)
    return launch_prepared(prepared, cluster, overrides, dry_run=dry_run)


def launch_prepared(
    prepared: Prepared, cluster: ClusterConfig, overrides: Sequence[str], *, dry_run: bool
) -> Launch | None:
    """Launch what is left of a run; see :func:`launch_recipe`."""
    target = find_target(prepared.recipe, cluster, prepared.directory, os.environ)
    prepared = replace(prepared, directory=target.here)
    jobs = plan_whole(prepared, target, ask=not dry_run)
    if not jobs:
        return None
    if dry_run:
        return write_scripts(target, jobs)
    # Not the lock of the run itself: its first jobs take that while the last are being submitted.
    with one_launch(target, f"{user_name()} on {platform.node()}"):
        refuse_second(target, jobs)
        with sole_owner(target.here):
            take_snapshot(prepared, overrides)
            if jobs[0].stage == CANARY:
                start_canary(prepared, questions=make_plan(prepared).questions)
        return launch(target, jobs)


def plan_whole(prepared: Prepared, target: Target, *, ask: bool) -> tuple[JobPlan, ...]:
    """The jobs of what is left of a run; none where it is complete.

    Args:
        prepared: the run; its directory is the one on this machine.
        target: where it goes to.
        ask: whether to ask the cluster for what its file does not have.

    Raises:
        UsageError: recipe, model and cluster do not fit one another.
        MachineError: Slurm does not answer.
    """
    recipe, state = prepared.recipe, prepared.state
    left = state.left(recipe.package)
    if not left:
        return ()
    plan = make_plan(prepared)
    asked = {
        stage.name: [(served.model, served.server) for served in served_models(recipe, stage.steps)]
        for stage in state.phase_stages
    }
    jobs = plan_launch(
        target,
        stages=left,
        # Committed work says more than a canary could.
        canary_stages=() if state.begun() else state.stages,
        units=state.units_left({phase.phase: phase.units for phase in plan.phases}),
        endpoints=asked,
        ask=ask,
    )
    if ask:
        _refuse_unfit(jobs, [server for each in asked.values() for _, server in each], target)
    return jobs


def _refuse_unfit(jobs: Sequence[JobPlan], servers: Sequence[ServerConfig], target: Target) -> None:
    """Refuse what Slurm would take and no node could do.

    Raises:
        UsageError: an endpoint on the loopback, or a partition whose default time is too short.
        MachineError: Slurm does not answer.
    """
    shell = Shell(ssh=ssh_of(target.cluster))
    refuse_loopback(servers, shell)
    if any(job.partition and not job.time_limit for job in jobs):
        refuse_short_limits(jobs, ask_partitions(shell))


def relaunch(run: Path, overrides: Sequence[str], *, dry_run: bool) -> Launch | None:
    """Launch what is left of a run that was launched before, from its directory alone.

    Args:
        run: the run directory; over ssh the copy of it that the first launch made.
        overrides: ``KEY=VALUE`` of keys that no row depends on.
        dry_run: make the jobs' scripts, and neither write nor submit anything.

    Returns:
        What was submitted; None where the run is complete.

    Raises:
        UsageError: the run was not launched, has jobs, or would become another run.
        MachineError: the cluster does not answer, or does not take the jobs.
    """
    record = read_jobs(run)
    held = reopen(run, overrides, file=LAUNCHED_RECIPE, mirror_here=record.ssh is None)
    place = Path(record.run) if record.ssh else run.absolute()
    where = {"output_root": str(place.parent), "run": place.name, "prompt": kept_prompts(run)}
    prepared = replace(held, recipe=held.recipe.model_copy(update=where), directory=place)
    cluster = read_cluster(prepared.recipe.cluster, os.environ)
    return launch_prepared(prepared, cluster, overrides, dry_run=dry_run)


def launch_again(
    before: Path, again: Prepared, overrides: Sequence[str], *, dry_run: bool
) -> Launch | None:
    """Launch a run once more, in a directory of its own, with the code that its jobs ran.

    Args:
        before: the run directory of the earlier run.
        again: what :func:`tsdg.run.prepare.prepare_again` made of it.
        overrides: the command line's, as typed.
        dry_run: make the jobs' scripts, and neither write nor submit anything.

    Raises:
        UsageError: the cluster is wrong, or the run is at work.
        MachineError: the cluster does not answer, or does not take the jobs.
    """
    if (before / CODE).is_file() and not dry_run:
        make_directory((again.directory / CODE).parent)
        with storage("write", again.directory / CODE):
            shutil.copyfile(before / CODE, again.directory / CODE)
    cluster = read_cluster(again.recipe.cluster, os.environ)
    return launch_prepared(again, cluster, overrides, dry_run=dry_run)


def start_canary(prepared: Prepared, *, questions: int) -> None:
    """Begin the canary's run again, in place of an earlier one.

    Args:
        prepared: the run.
        questions: that the run asks for.

    Raises:
        StorageError: its folder cannot be written.
    """
    small = canary_of(prepared)
    if small.directory.exists():
        with storage("remove", small.directory):
            shutil.rmtree(small.directory)
    take_snapshot(small, [])
    write_recipe(small.directory, small.recipe)
    write_full_run(small.directory, questions)


def canary_of(prepared: Prepared) -> Prepared:
    """A small version of the run, in a folder of its own: a few seeds of the first tasks."""
    recipe, seeds = prepared.recipe, prepared.recipe.launch.canary
    tasks = tuple(dict.fromkeys(source.task for source in prepared.sources))[:seeds]
    values = recipe.model_dump()
    values["seeds"] |= {"cap_per_task": math.ceil(seeds / len(tasks)), "total": seeds}
    values["passages"] |= {"total": seeds, "per_task": {}}
    if not recipe.passages.path:
        shares: dict[str, dict[str, float]] = {"domain": {}, "language": {}}
        values["seeds"] |= {"tasks": tasks, "families": (), "groups": (), "shares": shares}
    prompts = {"dir": str(prepared.directory / PROMPTS), "files": {}}
    values |= {"output_root": str(prepared.directory), "run": CANARY, "prompt": prompts}
    small = prepare(Recipe.model_validate(values), mirror_here=prepared.mirror_here)
    return replace(small, prompts=prepared.prompts)
