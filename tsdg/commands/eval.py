"""``tsdg eval``."""

from __future__ import annotations

import os
import shlex

from tsdg.config.compose import recipes_dir
from tsdg.config.evaluation import EvalConfig
from tsdg.config.words import is_value, read_words
from tsdg.errors import UsageError


def main(arguments: list[str]) -> int:
    """Print the lm-eval commands that evaluate a model, or submit a job per capability group."""
    from tsdg.launch.evaluate import eval_script, plan_evaluations, submit

    dry = "--dry-run" in arguments
    words = [word for word in arguments if word != "--dry-run"]
    models = [word for word in words if not is_value(word)]
    if len(models) != 1 or not models[0] or models[0].startswith("-"):
        raise UsageError(
            "tsdg eval takes a model: tsdg eval MODEL [cluster=C] [only=[math,code]] [KEY=VALUE "
            "...]"
        )
    defaults = recipes_dir() / "eval" / "default.yaml"
    config = read_words(
        EvalConfig,
        [word for word in words if is_value(word)],
        defaults=defaults,
        command="tsdg eval",
    )
    evaluations = plan_evaluations(models[0], config)
    if not config.cluster:
        for evaluation in evaluations:
            print(shlex.join(evaluation.words))
        return 0
    from tsdg.slurm.cluster import read_cluster
    from tsdg.slurm.slurm_shell import Shell, ssh_of

    cluster = read_cluster(config.cluster, os.environ)
    if cluster.executor != "slurm":
        raise UsageError(
            f"tsdg eval: cluster={config.cluster} has executor {cluster.executor}; leave cluster= "
            "out"
        )
    scripts = [eval_script(evaluation, config, cluster) for evaluation in evaluations]
    if dry:
        print("\n".join(scripts), end="")
        return 0
    shell = Shell(ssh=ssh_of(cluster))
    shell.run(["mkdir", "-p", config.out])
    for evaluation, job in zip(evaluations, submit(scripts, shell), strict=True):
        print(f"{job}  {evaluation.group}: {config.out}")
    return 0
