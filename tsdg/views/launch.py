"""Prints what a launch submitted, or would submit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tsdg.launch.cancel import Cancelled
from tsdg.launch.job_plan import SLURM_DEFAULT_MAX_ARRAY_SIZE, JobPlan
from tsdg.launch.submit import Launch
from tsdg.views.grid import Column, numbers, print_table

_JOBS = (
    Column(name="job", left=True),
    *numbers("number"),
    *numbers("elements"),
    *numbers("at once", drop=3),
    *numbers("nodes"),
    *numbers("GPUs a node", drop=4),
    Column(name="partition", left=True, drop=5),
    Column(name="time", left=True, drop=1),
    Column(name="waits for", left=True, drop=2, least=12),
)
_LAUNCHES = (
    Column(name="run", left=True),
    *numbers("jobs", drop=2),
    *numbers("elements"),
    *numbers("nodes at once", drop=1),
    Column(name="directory", left=True),
)


def print_outcome(
    done: Launch | None, directory: Path, *, dry_run: bool, scripts: bool = False
) -> None:
    """Print the result of one launch.

    Args:
        done: the launch; None where the run was complete.
        directory: the run directory, as the recipe has it.
        dry_run: whether nothing was written or submitted.
        scripts: whether to print the jobs' scripts too.
    """
    if done is None:
        print(f"{directory} is complete; nothing to submit")
    elif dry_run:
        print_dry_launch(done, scripts=scripts)
    else:
        print_launch(done)


def print_launch(done: Launch) -> None:
    """Print the jobs of one launch, and where to look next."""
    _print_jobs(done)
    _print_cluster(done)
    print(f"run directory: {done.target.run}" + _copy(done))
    print(f"NeMo-Run: experiment {done.experiment} in {done.home}")
    print(f"next: tsdg status {done.target.here}")


def print_dry_launch(done: Launch, *, scripts: bool) -> None:
    """Print the jobs as they would be submitted; on request the sbatch script of each before."""
    for job in done.jobs if scripts else ():
        print(f"==== {job.name}: sbatch --requeue --parsable{_dependency(job)}")
        print(done.scripts[job.name].rstrip("\n"))
        print()
    _print_jobs(done)
    _print_cluster(done)
    print(f"run directory: {done.target.run}" + _copy(done))
    if not done.target.cluster.tsdg.max_array_size:
        print(
            f"arrays: at most {SLURM_DEFAULT_MAX_ARRAY_SIZE} elements here; a launch asks the "
            "cluster for its own limit"
        )
    more = "" if scripts else "; --scripts shows the sbatch scripts too"
    print(f"nothing was written or submitted{more}")


def _print_cluster(done: Launch) -> None:
    """Print what the cluster's file means here that it does not say, and what is not honoured."""
    cluster = done.target.cluster
    name = cluster.container_of(gpus=True)
    if name and cluster.tsdg.container is None:
        print(
            f"container: {name} ({cluster.containers[name]}), as with ns; its python3 needs tsdg's "
            "dependencies, or name another by tsdg.python; tsdg.container: '' runs bare"
        )
    if cluster.not_honoured:
        print(f"cluster {cluster.name}: not honoured here: {', '.join(cluster.not_honoured)}")


def print_launches(launches: Sequence[Launch]) -> None:
    """Print one line per launch of a sweep."""
    rows = []
    for done in launches:
        elements = sum(job.array.size for job in done.jobs if job.array and not job.link)
        nodes = max(job.nodes * (job.array.limit if job.array else 1) for job in done.jobs)
        counts = (str(count) for count in (len(done.jobs), elements, nodes))
        rows.append((done.target.name, *counts, done.target.run))
    print()
    print_table(_LAUNCHES, rows)


def print_cancelled(run: Path, ended: Sequence[Cancelled]) -> None:
    """Print what was cancelled of a run."""
    for job in ended:
        counts = ", ".join(
            f"{n} {what}" for n, what in ((job.running, "running"), (job.pending, "pending")) if n
        )
        print(f"cancelled {job.job.name} ({job.job.job_id}): {counts}")
    if not ended:
        print(f"{run} has no job that is pending or running")
    else:
        print(f"what was done is kept; `tsdg resume {run}` continues it")


def _print_jobs(done: Launch) -> None:
    rows = [
        (
            job.name,
            done.job_ids.get(job.name, "-"),
            str(job.array.size) if job.array else "1",
            str(job.array.limit) if job.array else "1",
            str(job.nodes),
            str(job.gpus_per_node),
            job.partition or "default",
            job.time_limit or "default",
            ", ".join([*job.after_ok, *(f"end of {name}" for name in job.after_any)]) or "-",
        )
        for job in done.jobs
    ]
    print_table(_JOBS, rows)


def _dependency(job: JobPlan) -> str:
    kinds = (("afterok", job.after_ok), ("afterany", job.after_any))
    parts = [":".join([kind, *(f"<{name}>" for name in names)]) for kind, names in kinds if names]
    return f" --dependency={','.join(parts)}" if parts else ""


def _copy(done: Launch) -> str:
    if str(done.target.here) == done.target.run:
        return ""
    return (
        f" on cluster {done.target.cluster.name}; what was launched is kept in {done.target.here}"
    )
