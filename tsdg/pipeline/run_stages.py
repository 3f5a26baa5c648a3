"""All stages in order in one process; or one of them, as a job of a cluster does it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tsdg.amounts import counted
from tsdg.config.recipe import StepName
from tsdg.config.stages import Stage
from tsdg.crew import collect_seldom
from tsdg.engine.budget import check_budget
from tsdg.engine.control import sole_owner, stoppable
from tsdg.errors import ShortfallError, StoppedError, UsageError, did_you_mean
from tsdg.layout import LOGS, phase_name
from tsdg.package.finish import check_undamaged
from tsdg.package.losses import told
from tsdg.package.manifest_form import Manifest
from tsdg.pipeline.gather import gather_phase
from tsdg.pipeline.make_seeds import make_seeds
from tsdg.pipeline.package import package
from tsdg.pipeline.phases import Servers, phase_task, work_on
from tsdg.progress import Reporter
from tsdg.run.measure_diversity import check_canary
from tsdg.run.prepare import Prepared, check_servers, take_snapshot
from tsdg.run.roles import ServedModel, served_models
from tsdg.serving.multinode_worker import is_multinode_worker, work_for_heads


@dataclass(frozen=True, kw_only=True)
class Finished:
    """What a run came to."""

    directory: Path
    manifest: Manifest


def run(prepared: Prepared, *, overrides: Sequence[str], reporter: Reporter) -> Finished:
    """Run all stages that are not done yet, on this machine.

    Raises:
        RunConflictError: the directory holds another run, or another process is at work in it.
        VerificationError: a file of the run is damaged.
        MachineError: this machine lacks something; what was done stays.
        StoppedError: asked to stop; the same command continues.
    """
    with sole_owner(prepared.directory):
        take_snapshot(prepared, overrides)
        return Finished(directory=prepared.directory, manifest=_all_stages(prepared, reporter))


def run_all(prepared: Prepared, reporter: Reporter) -> None:
    """Run all stages, of a run that has its snapshot; raises what :func:`run` does.

    Phases that ask the same model share its servers, which single stages would each start anew.
    """
    check_servers(prepared)
    with sole_owner(prepared.directory):
        if lost := told(_all_stages(prepared, reporter)):
            reporter.note(lost)


def _all_stages(prepared: Prepared, reporter: Reporter) -> Manifest:
    collect_seldom()
    check_undamaged(prepared.directory)
    make_seeds(prepared.recipe, prepared.directory, reporter)
    asyncio.run(_phases(prepared, reporter))
    return package(prepared, reporter)


async def _phases(prepared: Prepared, reporter: Reporter) -> None:
    """Stages 2 to 4: each phase and what follows it; one server serves all phases."""
    async with stoppable() as stop, Servers(prepared, reporter) as servers:
        phases = prepared.recipe.phases
        for steps, following in zip(phases, (*phases[1:], ()), strict=False):
            if not prepared.state.phase_done(steps):
                task = phase_task(prepared, steps, may_leave=False)
                await work_on(task, servers, stop, reporter)
            if stop.is_set():
                raise StoppedError("stopped")
            # While rows are gathered nobody asks servers anything: those that are needed no more go
            # before.
            await servers.end_unless(following)
            await asyncio.to_thread(_gather, prepared, steps, reporter)


def _gather(prepared: Prepared, steps: tuple[StepName, ...], reporter: Reporter) -> None:
    gather_phase(prepared, steps, reporter)
    if "questions" in steps:
        check_canary(prepared.directory, prepared.recipe, reporter)


def find_stage(prepared: Prepared, name: str) -> Stage:
    """Find a stage of the run by its name.

    Raises:
        UsageError: there is none of that name.
    """
    known = prepared.state.stages
    for stage in known:
        if stage.name == name:
            return stage
    names = [stage.name for stage in known]
    raise UsageError(
        f"{prepared.directory} has no stage {name!r}; allowed: "
        f"{', '.join(names)}{did_you_mean(name, names)}"
    )


def run_stage(prepared: Prepared, stage: Stage, reporter: Reporter, *, may_leave: bool) -> None:
    """Do one stage of a run that has its snapshot, unless done; phases may have helpers.

    One that ``may_leave`` ends before the phase does where others are at work on all that is left
    of it.

    Raises:
        ShortfallError: the stage before it is not done, or a canary's questions repeat one another.
        RunConflictError: another process is at work in the run (not for a phase).
        MachineError: this machine lacks something; what was done stays.
        StoppedError: asked to stop; the same command continues.
    """
    collect_seldom()
    state = prepared.state
    if stage.kind == "phase":
        if not state.phase_done(stage.steps):
            _require(_may_begin(prepared, stage), prepared, stage)
            check_servers(prepared)
            asyncio.run(_one_phase(prepared, stage, reporter, may_leave=may_leave))
        return
    with sole_owner(prepared.directory):
        if stage.kind == "seeds":
            make_seeds(prepared.recipe, prepared.directory, reporter)
        elif stage.kind == "gather":
            _require_complete(prepared, stage)
            _gather(prepared, stage.steps, reporter)
        else:
            done = [state.done(earlier) for earlier in state.stages[:-1]]
            _require(all(done), prepared, stage)
            check_undamaged(prepared.directory)
            if lost := told(package(prepared, reporter)):
                reporter.note(lost)


async def _one_phase(
    prepared: Prepared, stage: Stage, reporter: Reporter, *, may_leave: bool
) -> None:
    """Work on a phase, or only lend this node's GPUs to another node's server."""
    endpoints = served_models(prepared.recipe, stage.steps)
    if lent := [
        endpoint for endpoint in endpoints if is_multinode_worker(endpoint.server, endpoint.model)
    ]:
        check_budget(prepared.recipe.budget, prepared.directory)
        async with stoppable() as stop:
            await asyncio.gather(
                *(_follow(prepared, stage, endpoint, stop, reporter) for endpoint in lent)
            )
        return
    async with stoppable() as stop, Servers(prepared, reporter) as servers:
        task = phase_task(prepared, stage.steps, may_leave=may_leave)
        await work_on(task, servers, stop, reporter)


async def _follow(
    prepared: Prepared, stage: Stage, endpoint: ServedModel, stop: asyncio.Event, reporter: Reporter
) -> None:
    await work_for_heads(
        server=endpoint.server,
        model=endpoint.model,
        logs=prepared.directory / LOGS / endpoint.folder,
        on_event=lambda event: reporter.note(str(event)),
        finished=lambda: prepared.state.phase_done(stage.steps),
        stop=stop,
    )


def _require_complete(prepared: Prepared, stage: Stage) -> None:
    state = prepared.state
    if state.phase_done(stage.steps):
        return
    _require(_may_begin(prepared, stage), prepared, stage)
    phase, left = phase_name(stage.steps), len(state.pending_units(stage.steps))
    raise ShortfallError(
        f"{prepared.directory}: phase {phase} has {counted(left, 'work unit')} to do; "
        "`tsdg resume` continues with it"
    )


def _may_begin(prepared: Prepared, stage: Stage) -> bool:
    """Whether the seeds are there, and the rows of all phases before this one in their tables."""
    state = prepared.state
    before = state.phases[: state.phases.index(stage.steps)]
    return state.has_tables("seeds") and all(state.gathered(steps) for steps in before)


def _require(done: bool, prepared: Prepared, stage: Stage) -> None:
    if not done:
        order = ", ".join(known.name for known in prepared.state.stages)
        raise ShortfallError(
            f"{prepared.directory}: stage {stage.name} cannot start, as one before it is not done; "
            f"the order is {order}"
        )
