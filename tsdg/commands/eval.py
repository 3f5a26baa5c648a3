"""``tsdg eval``: the lm-eval commands that measure a model."""

from __future__ import annotations

import os
import shlex

from tsdg.commands.words import Words


def main(words: Words) -> int:
    """Print the lm-eval commands that evaluate a model, or submit a job per capability group."""
    from tsdg.config.compose import recipes_dir
    from tsdg.config.evaluation import EvalConfig
    from tsdg.config.overrides import read_words
    from tsdg.launch.evaluate import plan_evaluations, scripts_for, submit_to
    from tsdg.slurm.cluster import read_cluster

    config = read_words(
        EvalConfig,
        words.overrides,
        defaults=recipes_dir() / "eval" / "default.yaml",
        command="tsdg eval",
    )
    evaluations = plan_evaluations(words.arguments[0], config)
    if not config.cluster:
        for evaluation in evaluations:
            print(shlex.join(evaluation.words))
        return 0
    cluster = read_cluster(config.cluster, os.environ)
    scripts = scripts_for(evaluations, config, cluster)
    if "--dry-run" in words.flags:
        print("\n".join(scripts), end="")
        return 0
    for evaluation, job in zip(evaluations, submit_to(cluster, scripts, config), strict=True):
        print(f"{job}  {evaluation.group}: {config.out}")
    return 0
