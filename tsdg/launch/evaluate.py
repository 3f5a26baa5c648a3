"""lm-eval jobs, one per capability group. Pure, except for :func:`submit`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from tsdg.config.evaluation import EvalConfig
from tsdg.errors import MachineError, UsageError
from tsdg.slurm.cluster import ClusterConfig
from tsdg.slurm.slurm_shell import Shell, ssh_of


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
    partition = cluster.partition_of(gpus=True)
    directives = {
        "job-name": f"{cluster.job_name_prefix}tsdg-eval-{slug(evaluation.group)}",
        "account": cluster.account,
        "partition": partition,
        "qos": cluster.tsdg.qos,
        "time": config.time_limit or cluster.time_limit_of(partition),
        "nodes": "1",
        "gpus-per-node": ""
        if cluster.disable_gpus_per_node or not cluster.tsdg.gpus_per_node
        else str(config.tensor_parallel),
        "output": f"{config.out.rstrip('/')}/{slug(evaluation.group)}-%j.log",
    }
    lines = [f"#SBATCH --{key}={value}" for key, value in directives.items() if value]
    lines += [
        f"#SBATCH --{key}={value}" if value is not True else f"#SBATCH --{key}"
        for key, value in cluster.tsdg.gpu_sbatch.items()
        if value is not False
    ]
    image = cluster.image_of(gpus=True)
    srun = ["srun", *cluster.tsdg.srun]
    if image:
        srun.append(f"--container-image={image}")
    if image and cluster.mounts:
        srun.append(f"--container-mounts={','.join(cluster.mounts)}")
    lines += ["set -eu", *cluster.tsdg.setup]
    if cluster.tsdg.env_file:
        lines.append(f"set -a; . {shlex.quote(cluster.tsdg.env_file)}; set +a")
    return "\n".join(["#!/usr/bin/env bash", *lines, shlex.join([*srun, *evaluation.words]), ""])


def submit(scripts: Sequence[str], shell: Shell) -> tuple[str, ...]:
    """Submit the scripts; return the jobs' numbers.

    Raises:
        MachineError: Slurm refuses one; those before it stay submitted and are named.
    """
    jobs: list[str] = []
    for script in scripts:
        try:
            jobs.append(
                shell.run(["sbatch", "--parsable"], data=script.encode()).strip().split(";")[0]
            )
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
