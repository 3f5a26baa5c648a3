"""lm-eval jobs, one per capability group. Pure, except for :func:`submit`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from tsdg.config.evaluation import EvalConfig
from tsdg.errors import MachineError, UsageError
from tsdg.installation import packaged
from tsdg.launch.nemorun_way import job_number
from tsdg.slurm.cluster import ClusterConfig
from tsdg.slurm.slurm_shell import Shell, ssh_of

_READ_ENV = packaged("slurm") / "job" / "read_env.sh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One group's evaluation."""

    group: str
    words: tuple[str, ...]
    """The command."""


def plan_evaluations(model: str, config: EvalConfig) -> tuple[Evaluation, ...]:
    """The commands that evaluate a model, in the order of the groups.

    Raises:
        UsageError: a group is named that does not exist.
    """
    for name in config.only:
        if name not in config.groups:
            raise UsageError(f"tsdg eval: only names {name!r}; allowed: {', '.join(config.groups)}")
    arguments = {
        "pretrained": model,
        "tensor_parallel_size": config.tensor_parallel,
        **config.model_args,
    }
    if any("," in str(value) for value in arguments.values()):
        raise UsageError(
            "tsdg eval: a comma in the model's path or model_args: lm-eval would cut it there"
        )
    found = []
    for group, tasks in config.groups.items():
        if config.only and group not in config.only:
            continue
        words = [
            *config.command,
            "--model",
            config.backend,
            "--model_args",
            ",".join(f"{key}={value}" for key, value in arguments.items()),
            "--tasks",
            ",".join(tasks),
            "--batch_size",
            str(config.batch_size),
            "--output_path",
            f"{config.out.rstrip('/')}/{slug(group)}",
            "--log_samples",
        ]
        if config.code_runs:
            words.append("--confirm_run_unsafe_code")
        found.append(Evaluation(group=group, words=tuple(words)))
    return tuple(found)


def slug(group: str) -> str:
    """A group's name as a folder's and a job's."""
    return re.sub(r"[^a-z0-9]+", "-", group.lower()).strip("-")


def eval_script(evaluation: Evaluation, config: EvalConfig, cluster: ClusterConfig) -> str:
    """The sbatch script of one evaluation."""
    directives = _asked_for(evaluation, config, cluster)
    directives |= {
        key.replace("_", "-"): "" if value is True else str(value)
        for key, value in cluster.tsdg.gpu_sbatch.items()
        if value is not False
    }
    lines = [
        f"#SBATCH --{key}={shlex.quote(value)}" if value else f"#SBATCH --{key}"
        for key, value in directives.items()
    ]
    lines += ["set -eu", *cluster.tsdg.setup]
    if file := cluster.tsdg.env_file:
        lines += [_READ_ENV.read_text().rstrip(), f"tsdg_read_env {shlex.quote(file)}"]
    srun = shlex.join(["srun", "--export=ALL", *_container(cluster), *evaluation.words])
    return "\n".join(["#!/usr/bin/env bash", *lines, srun, ""])


def _asked_for(
    evaluation: Evaluation, config: EvalConfig, cluster: ClusterConfig
) -> dict[str, str]:
    """The flags of sbatch; what is empty is left to Slurm."""
    partition = cluster.partition_of(gpus=True)
    gpus = cluster.tsdg.gpus_per_node and not cluster.disable_gpus_per_node
    flags = {
        "job-name": f"{cluster.job_name_prefix}tsdg-eval-{slug(evaluation.group)}",
        "account": cluster.account,
        "partition": partition,
        "qos": cluster.tsdg.qos,
        "time": config.time_limit or cluster.time_limit_of(partition),
        "nodes": "1",
        "gpus-per-node": str(config.tensor_parallel) if gpus else "",
        "output": f"{config.out.rstrip('/')}/{slug(evaluation.group)}-%j.log",
    }
    return {key: value for key, value in flags.items() if value}


def _container(cluster: ClusterConfig) -> list[str]:
    """Flags of srun: the cluster's own, its image and mounts."""
    image = cluster.image_of(gpus=True)
    words = [*cluster.tsdg.srun]
    if image:
        words.append(f"--container-image={image}")
    if image and cluster.mounts:
        words.append(f"--container-mounts={','.join(cluster.mounts)}")
    return words


def submit(scripts: Sequence[str], shell: Shell) -> tuple[str, ...]:
    """Submit the scripts; return the jobs' numbers.

    Raises:
        MachineError: Slurm refuses one; those before it stay submitted and are named.
    """
    jobs: list[str] = []
    for script in scripts:
        try:
            jobs.append(job_number(shell.run(["sbatch", "--parsable"], data=script.encode())))
        except MachineError as error:
            already = f"; submitted before it: {', '.join(jobs)}" if jobs else ""
            raise MachineError(f"{error}{already}") from error
    return tuple(jobs)


def scripts_for(
    evaluations: Sequence[Evaluation], config: EvalConfig, cluster: ClusterConfig
) -> list[str]:
    """The job scripts of evaluations.

    Raises:
        UsageError: the cluster has no queue.
    """
    if cluster.executor != "slurm":
        raise UsageError(
            f"tsdg eval: cluster={config.cluster} has executor {cluster.executor}; leave cluster= "
            "out"
        )
    return [eval_script(evaluation, config, cluster) for evaluation in evaluations]


def submit_to(
    cluster: ClusterConfig, scripts: Sequence[str], config: EvalConfig
) -> tuple[str, ...]:
    """Make the folder of the results and submit the scripts; returns the jobs' numbers.

    Raises:
        MachineError: Slurm does not answer, or does not take a job.
    """
    shell = Shell(ssh=ssh_of(cluster))
    shell.run(["mkdir", "-p", config.out])
    return tuple(submit(scripts, shell))
