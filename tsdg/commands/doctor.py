"""``tsdg doctor``: whether this machine, a cluster and a recipe are fit."""

from __future__ import annotations

import os

from tsdg.commands.words import Words
from tsdg.errors import MachineError, UsageError, did_you_mean


def main(words: Words) -> int:
    """Check this machine, and the cluster and recipe if given; exit code 3 if a check fails."""
    from tsdg.commands.own_folder import using_own
    from tsdg.config.compose import compose_recipe
    from tsdg.launch.fitness import examine
    from tsdg.slurm.cluster import ENV_FILE, read_cluster
    from tsdg.views.doctor import print_checks

    recipe, name, given = None, "", words.overrides
    with using_own(words, command="tsdg doctor") as folder:
        if any(word.startswith("recipe=") for word in given):
            recipe = compose_recipe(given, config_dir=folder)
            name = recipe.cluster
        elif all(word.startswith("cluster=") for word in given):
            name = given[-1].removeprefix("cluster=") if given else ""
        else:
            key = next(word for word in given if not word.startswith("cluster=")).partition("=")[0]
            raise UsageError(
                f"tsdg doctor: found {key}={did_you_mean(key, ('cluster', 'recipe'))}; "
                "keys of a recipe need recipe=R: tsdg doctor [cluster=C] "
                "[recipe=R [KEY=VALUE ...]]"
            )
        named = name or os.environ.get(ENV_FILE)
        cluster = read_cluster(name, os.environ) if named else None
        checks = examine(recipe, cluster, os.environ)
    print_checks(checks)
    return MachineError.exit_code if any(check.verdict == "FAILED" for check in checks) else 0
