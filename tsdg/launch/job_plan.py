"""Plans a run as Slurm jobs: elements, nodes and dependencies. Pure: asks and starts nothing.

::

    canary ─────────────────┐
    seeds ──► questions ────┴─► questions.gather ──► answers ──► answers.gather ──► package
    CPU       an array          CPU                  an array    CPU                CPU

A stage without servers is one job on CPUs. A phase is one array, split where it is larger than
Slurm allows, and followed by ``launch.chain`` further arrays for what preemption cancelled. A job
that follows a CPU job waits for its success and is cancelled with it. A gather job waits for the
*end* of its phase's arrays, because single elements may fail while the others do their work. The
gather stage then finds out from the files whether the phase is complete.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tsdg.config.models import ModelConfig, ServerConfig
from tsdg.config.parallelism import gpus_per_replica, nodes_per_replica
from tsdg.config.recipe import Recipe
from tsdg.config.stages import ALL_STAGES, Stage
from tsdg.errors import UsageError
from tsdg.layout import CANARY
from tsdg.slurm.cluster import ClusterConfig

SLURM_DEFAULT_MAX_ARRAY_SIZE = 1001
ModelAndServer = tuple[ModelConfig, ServerConfig]
"""A model that a phase asks, and how it is served."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArraySpec:
    """The elements of one array, numbered from 0."""

    size: int
    limit: int
    """Elements that may run at once."""
    first: int
    """Number in the phase of element 0: a phase that is split counts on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPlan:
    """One job, or one array of jobs."""

    name: str
    """Unique in its run, of ``[A-Za-z0-9-]``."""
    stage: str
    """Stage of the run, or ``canary``."""
    stages: tuple[str, ...]
    """What it does in order; the stages of the canary's own run for the canary."""
    gpus: bool
    """Whether it needs what serves the model; else it is a job on CPUs."""
    array: ArraySpec | None
    link: int
    """0, or the place in the chain of arrays of a phase."""
    nodes: int
    """Of the job, or of each element."""
    gpus_per_node: int
    """0 where none are asked for."""
    exclusive: bool
    together: bool
    """Whether its nodes end together: one server spans them."""
    partition: str
    qos: str
    time_limit: str
    """As Slurm writes it; empty for the partition's default."""
    flush_s: int
    """Seconds before that at which it is told to stop."""
    retries: int
    """Times it, or each element, is requeued."""
    after_ok: tuple[str, ...]
    """Jobs that must have succeeded; where one fails, this one is cancelled."""
    after_any: tuple[str, ...]
    """Jobs that must have ended."""


def plan_jobs(
    recipe: Recipe,
    cluster: ClusterConfig,
    *,
    stages: Sequence[Stage],
    canary_stages: tuple[str, ...],
    units: Mapping[str, int],
    endpoints: Mapping[str, Sequence[ModelAndServer]],
    max_array_size: int,
) -> tuple[JobPlan, ...]:
    """Work out the jobs of a run, in an order in which they can be submitted.

    Args:
        recipe: the recipe.
        cluster: where it runs.
        stages: what is left of the run, in order.
        canary_stages: all stages of its canary, by name; none for a run that needs none.
        units: by phase, at most how many work units are left.
        endpoints: by phase, the models that it asks; of all phases of the run.
        max_array_size: elements of one array at most.

    Raises:
        UsageError: the model, the recipe's ``launch`` and the cluster do not match.
    """
    jobs: list[JobPlan] = []
    gate: tuple[str, ...] = ()
    if recipe.launch.canary and canary_stages and any(stage.kind == "phase" for stage in stages):
        largest = max(
            (_Serving.of(asked, recipe, cluster) for asked in endpoints.values()), key=_size
        )
        jobs.append(_canary(recipe, cluster, largest, canary_stages))
        gate = (CANARY,)
    barrier: tuple[str, ...] = ()
    arrays: tuple[str, ...] = ()
    for stage in stages:
        if stage.kind == "phase":
            count, serving = (
                max(1, units[stage.name]),
                _Serving.of(endpoints[stage.name], recipe, cluster),
            )
            barrier, gate = (*barrier, *gate), ()
            made = _phase(
                recipe,
                cluster,
                stage,
                serving,
                units=count,
                max_array_size=max_array_size,
                after_ok=barrier,
            )
            jobs += made
            arrays = tuple(job.name for job in made)
        else:
            jobs.append(_cpu_job(recipe, cluster, stage, after_ok=barrier, after_any=arrays))
            barrier, arrays = (jobs[-1].name,), ()
    for job in jobs:
        refuse_short(job, job.time_limit)
    return tuple(jobs)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Serving:
    """What one element needs to serve the models of its phase."""

    nodes: int
    gpus_per_node: int
    exclusive: bool
    together: bool
    gpus: bool

    @classmethod
    def of(
        cls, endpoints: Sequence[ModelAndServer], recipe: Recipe, cluster: ClusterConfig
    ) -> _Serving:
        asked, have = recipe.launch.nodes_per_element, cluster.tsdg.gpus_per_node
        own = [(model, server) for model, server in endpoints if server.type != "openai"]
        if not own:
            return cls(
                nodes=asked or 1, gpus_per_node=0, exclusive=False, together=False, gpus=False
            )
        spans = _nodes_spanned(own, asked, have)
        need = _gpus_needed(own, cluster)
        return cls(
            nodes=asked or spans,
            gpus_per_node=0 if cluster.disable_gpus_per_node else need,
            exclusive=cluster.tsdg.exclusive and need == have,
            together=spans > 1,
            gpus=True,
        )


def _nodes_spanned(own: Sequence[ModelAndServer], asked: int, have: int) -> int:
    """Nodes that one server of each model spans: their least common multiple.

    Raises:
        UsageError: ``launch.nodes_per_element`` is asked for, and is no multiple of it.
    """
    spans = math.lcm(*(nodes_per_replica(model, have) for model, _ in own))
    if asked % spans:
        raise UsageError(
            f"launch.nodes_per_element={asked}: one server of "
            f"{' or '.join(model.name for model, _ in own)} spans "
            f"{spans} nodes of {have} GPUs; allowed: a multiple of {spans}, or 0"
        )
    return spans


def _size(serving: _Serving) -> tuple[bool, int, int]:
    return serving.gpus, serving.nodes, serving.gpus_per_node


def _gpus_of_node(model: ModelConfig, server: ServerConfig, cluster: ClusterConfig) -> int:
    """GPUs that the servers of one model take on each node."""
    world, have = gpus_per_replica(model), cluster.tsdg.gpus_per_node
    spans = nodes_per_replica(model, have)
    fit = have // world if spans == 1 else 1
    return (fit if server.replicas == "auto" else server.replicas) * world // spans


def _gpus_needed(own: Sequence[tuple[ModelConfig, ServerConfig]], cluster: ClusterConfig) -> int:
    """GPUs that all own servers take on each node.

    Raises:
        UsageError: a node has fewer.
    """
    have = cluster.tsdg.gpus_per_node
    need = sum(_gpus_of_node(model, server, cluster) for model, server in own) if have else 0
    # Two kinds of servers that each take what they find share the node by themselves.
    if len(own) > 1 and any(server.replicas == "auto" for _, server in own):
        need = have
    if need > have:
        raise UsageError(
            f"{' and '.join(model.name for model, _ in own)} need {need} GPUs a node for their "
            f"server.replicas, a node of cluster {cluster.name} has {have}; lower server.replicas, "
            "or auto"
        )
    return need


def _canary(
    recipe: Recipe, cluster: ClusterConfig, serving: _Serving, stages: tuple[str, ...]
) -> JobPlan:
    # On one node one process does them all, so that phases with the same model start it once.
    return JobPlan(
        name=CANARY,
        stage=CANARY,
        stages=(ALL_STAGES,) if serving.nodes == 1 else stages,
        link=0,
        retries=0,
        after_ok=(),
        after_any=(),
        **_placed(recipe, cluster, serving, time_limit=recipe.launch.canary_time_limit),
    )


def _phase(
    recipe: Recipe,
    cluster: ClusterConfig,
    stage: Stage,
    serving: _Serving,
    *,
    units: int,
    max_array_size: int,
    after_ok: tuple[str, ...],
) -> list[JobPlan]:
    """The arrays of one phase: its parts, and each part's chain."""
    arrays = split_array(
        elements=min(recipe.launch.elements, units),
        max_running=recipe.launch.max_running,
        max_array_size=max_array_size,
    )
    jobs = []
    for link in range(recipe.launch.chain + 1):
        for part, array in enumerate(arrays):
            placed = _placed(
                recipe, cluster, serving, time_limit=recipe.launch.time_limit, array=array
            )
            chained = f"-chain{link}" if link else ""
            split = f"-part{part}" if len(arrays) > 1 else ""
            before = f"{job_name(stage.name)}{f'-chain{link - 1}' if link > 1 else ''}{split}"
            jobs.append(
                JobPlan(
                    name=f"{job_name(stage.name)}{chained}{split}",
                    stage=stage.name,
                    stages=(stage.name,),
                    link=link,
                    retries=recipe.launch.retries,
                    after_ok=after_ok,
                    after_any=(before,) if link else (),
                    **placed,
                )
            )
    return jobs


def _cpu_job(
    recipe: Recipe,
    cluster: ClusterConfig,
    stage: Stage,
    *,
    after_ok: tuple[str, ...],
    after_any: tuple[str, ...],
) -> JobPlan:
    alone = _Serving(nodes=1, gpus_per_node=0, exclusive=False, together=False, gpus=False)
    return JobPlan(
        name=job_name(stage.name),
        stage=stage.name,
        stages=(stage.name,),
        link=0,
        retries=recipe.launch.retries,
        after_ok=after_ok,
        after_any=after_any,
        **_placed(recipe, cluster, alone, time_limit=""),
    )


def _placed(
    recipe: Recipe,
    cluster: ClusterConfig,
    serving: _Serving,
    *,
    time_limit: str,
    array: ArraySpec | None = None,
) -> dict[str, Any]:
    """The fields of a job that say where and for how long it runs."""
    partition = cluster.partition_of(gpus=serving.gpus)
    limit = time_limit or cluster.time_limit_of(partition)
    return {
        "array": array,
        "gpus": serving.gpus,
        "nodes": serving.nodes,
        "gpus_per_node": serving.gpus_per_node,
        "exclusive": serving.exclusive,
        "together": serving.together,
        "partition": partition,
        "qos": cluster.tsdg.qos if serving.gpus else cluster.tsdg.cpu_qos,
        "time_limit": limit,
        "flush_s": recipe.launch.flush_s,
    }


def refuse_short(job: JobPlan, limit: str) -> None:
    """Refuse a job that would be told to stop before it starts.

    Args:
        job: the job.
        limit: its time limit, in Slurm's form; empty where it is not known.

    Raises:
        UsageError: the limit is not above ``launch.flush_s``.
    """
    if limit and job.flush_s >= seconds_of(limit):
        raise UsageError(
            f"launch.flush_s={job.flush_s} is not below the time limit of job {job.name} in "
            f"partition {job.partition or '(default)'}, {limit}: it would be told to stop before "
            "it starts; lower launch.flush_s, or raise the limit by timeouts in the cluster file, "
            "launch.time_limit or launch.canary_time_limit"
        )


def seconds_of(limit: str) -> float:
    """Seconds of a Slurm time limit.

    Forms are ``D-HH[:MM[:SS]]``, ``HH:MM:SS``, ``MM:SS``, ``MM`` and ``infinite``.
    """
    if not limit[:1].isdecimal():
        return math.inf
    days, dash, rest = limit.rpartition("-")
    parts = [int(part) for part in rest.split(":") if part.isdecimal()]
    if dash:
        hours, minutes, seconds = (*parts, 0, 0, 0)[:3]
    elif len(parts) == 3:
        hours, minutes, seconds = parts
    else:
        hours, minutes, seconds = 0, *(*parts, 0)[:2]
    whole_days = int(days) if dash and days.isdecimal() else 0
    return float(((whole_days * 24 + hours) * 60 + minutes) * 60 + seconds)


def job_name(stage: str) -> str:
    """A stage's name as NeMo-Run takes names: of ``[A-Za-z0-9_-]``."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", stage)


def slurm_name(cluster: ClusterConfig, run_name: str, job: JobPlan) -> str:
    """Name of a job in squeue."""
    return f"{cluster.job_name_prefix}{job_name(run_name)}-{job.name}"


def log_folder(job: JobPlan) -> str:
    """Where a job's logs are, in the run directory."""
    return f"logs/{job.name}"


def split_array(*, elements: int, max_running: int, max_array_size: int) -> tuple[ArraySpec, ...]:
    """Split a phase's elements into arrays that Slurm takes, and share the running limit.

    Raises:
        UsageError: there are more arrays than elements that may run, so that the limit cannot be
            kept.
    """
    count = -(-elements // max_array_size)
    running = min(max_running, elements)
    if count > running:
        raise UsageError(
            f"launch.max_running={max_running}: {elements} elements are {count} arrays of at most "
            f"{max_array_size}, "
            f"each running one; allowed: {count} or more, or launch.elements up to "
            f"{max_running * max_array_size}"
        )
    arrays, first = [], 0
    for part in range(count):
        size = elements // count + (part < elements % count)
        limit = running // count + (part < running % count)
        arrays.append(ArraySpec(size=size, limit=limit, first=first))
        first += size
    return tuple(arrays)
