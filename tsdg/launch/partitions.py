"""What ``sinfo`` says of the partitions, and what of it explains that a job cannot run."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tsdg.launch.job_plan import JobPlan, refuse_short, seconds_of
from tsdg.slurm.cluster import ClusterConfig
from tsdg.slurm.slurm_shell import Shell

_FORMAT = "%R|%a|%l|%L|%D|%G"


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """What ``sinfo`` says of a partition, or of several that a job may go to."""

    up: bool
    minutes: float
    """Time limit."""
    default_minutes: float
    """Time limit of jobs that ask for none."""
    nodes: int
    gpus: int
    """Of the node that has most."""


def ask_partitions(shell: Shell) -> dict[str, Partition]:
    """All partitions by name.

    Raises:
        MachineError: Slurm does not answer.
    """
    return parse_partitions(shell.run(["sinfo", "-h", "-o", _FORMAT]))


def parse_partitions(text: str) -> dict[str, Partition]:
    """Read ``sinfo -h -o '%R|%a|%l|%L|%D|%G'``: a line for each kind of node of each partition."""
    out: dict[str, Partition] = {}
    for line in text.splitlines():
        fields = [field.strip() for field in line.split("|")]
        if len(fields) != 6:
            continue
        name, available, limit, default, nodes, gres = fields
        before = out.get(name)
        # Without a default of its own, a partition's limit is its default.
        shorter = limit if not default[:1].isdecimal() else default
        out[name] = Partition(
            up=available == "up",
            minutes=seconds_of(limit) / 60,
            default_minutes=seconds_of(shorter) / 60,
            nodes=(before.nodes if before else 0) + (int(nodes) if nodes.isdecimal() else 0),
            gpus=max(before.gpus if before else 0, gpus_of_gres(gres)),
        )
    return out


def gpus_of_gres(gres: str) -> int:
    """GPUs in Slurm's list of a node: ``gpu:8``, ``gpu:h100:8(S:0-1)``, ``gpu:4090:2,shard:4``."""
    count = 0
    for part in re.sub(r"\([^)]*\)", "", gres).split(","):
        name, *rest = part.strip().split(":")
        if name == "gpu":
            count += int(rest[-1]) if rest and rest[-1].isdecimal() else 1
    return count


def together(name: str, known: Mapping[str, Partition]) -> Partition | None:
    """The partitions of a list such as ``batch,short`` as one; None where none of them is known."""
    found = [known[part.strip()] for part in name.split(",") if part.strip() in known]
    if not found:
        return None
    return Partition(
        up=any(each.up for each in found),
        minutes=max(each.minutes for each in found),
        default_minutes=min(each.default_minutes for each in found),
        nodes=sum(each.nodes for each in found),
        gpus=max(each.gpus for each in found),
    )


def explain_refusal(job: JobPlan, cluster: ClusterConfig, known: Mapping[str, Partition]) -> str:
    """What of a job its partition cannot give, as far as its figures tell; empty for nothing."""
    if not job.partition:
        return ""
    found = together(job.partition, known)
    if found is None:
        return f"there is no partition {job.partition}; allowed: {', '.join(sorted(known))}"
    if not found.up:
        return f"partition {job.partition} is down; wait, or choose another in the cluster file"
    if job.time_limit and seconds_of(job.time_limit) / 60 > found.minutes:
        return (
            f"partition {job.partition} allows {found.minutes:.0f} minutes, {job.time_limit} is "
            "asked for; lower it in timeouts, or launch.time_limit"
        )
    if job.gpus_per_node > found.gpus:
        return (
            f"its nodes have {found.gpus} GPUs as Slurm knows, {job.gpus_per_node} are asked for; "
            "lower tsdg.gpus_per_node, or disable_gpus_per_node=true where Slurm does not know them"
        )
    return ""


def refuse_short_limits(jobs: Sequence[JobPlan], known: Mapping[str, Partition]) -> None:
    """Refuse jobs whose partition's default time is over before they could do anything.

    Raises:
        UsageError: a job would be told to stop before it starts.
    """
    for job in jobs:
        found = together(job.partition, known) if job.partition and not job.time_limit else None
        if found and not math.isinf(found.default_minutes):
            refuse_short(job, f"{found.default_minutes:.0f}")
