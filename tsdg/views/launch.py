"""Prints what a launch submitted, or would submit."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tsdg.launch.cancel import Cancelled
from tsdg.launch.job_plan import SLURM_DEFAULT_MAX_ARRAY_SIZE, JobPlan
from tsdg.launch.submit import Launch

if TYPE_CHECKING:
    from rich.console import Console


def print_outcome(done: Launch | None, directory: Path, *, dry_run: bool) -> None:
    """Print the result of one launch.

    Args:
        done: the launch; None where the run was complete.
        directory: the run directory, as the recipe has it.
        dry_run: whether nothing was written or submitted.
    """
    if done is None:
        print(f"{directory} is complete; nothing to submit")
    elif dry_run:
        print_scripts(done)
    else:
        print_launch(done)


def print_launch(done: Launch) -> None:
    """Print the jobs of one launch, and where to look next."""
    _print_table(done)
    _print_cluster(done)
    print(f"run directory: {done.target.run}" + _copy(done))
    print(f"NeMo-Run: experiment {done.experiment} in {done.home}")
    print(f"next: tsdg status {done.target.here}")


def print_scripts(done: Launch) -> None:
    """Print the sbatch script of each job as it would be submitted, and the plan."""
    for job in done.jobs:
        print(f"==== {job.name}: sbatch --requeue --parsable{_dependency(job)}")
        print(done.scripts[job.name].rstrip("\n"))
        print()
    _print_table(done)
    _print_cluster(done)
    print(f"run directory: {done.target.run}" + _copy(done))
    if not done.target.cluster.tsdg.max_array_size:
        print(
            f"arrays: at most {SLURM_DEFAULT_MAX_ARRAY_SIZE} elements here; a launch asks the "
            "cluster for its own limit"
        )
    print("nothing was written or submitted")


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
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("run", "jobs", "elements", "nodes at once", "directory"):
        table.add_column(
            column, justify="left" if column in ("run", "directory") else "right", overflow="fold"
        )
    for done in launches:
        elements = sum(job.array.size for job in done.jobs if job.array and not job.link)
        nodes = max(job.nodes * (job.array.limit if job.array else 1) for job in done.jobs)
        table.add_row(
            done.target.name, str(len(done.jobs)), str(elements), str(nodes), done.target.run
        )
    print()
    _console().print(table)


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


def _print_table(done: Launch) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in (
        "job",
        "number",
        "elements",
        "at once",
        "nodes",
        "GPUs a node",
        "partition",
        "time",
        "waits for",
    ):
        right = column in ("number", "elements", "at once", "nodes", "GPUs a node")
        table.add_column(column, justify="right" if right else "left")
    for job in done.jobs:
        table.add_row(
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
    _console().print(table)


def _console() -> Console:
    """As wide as the terminal; wide enough for any table where there is none."""
    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=240)


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
