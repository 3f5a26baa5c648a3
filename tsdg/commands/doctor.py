"""``tsdg doctor``."""

from __future__ import annotations

import os

from tsdg.errors import MachineError, UsageError

USAGE = "tsdg doctor [cluster=C] [recipe=R [KEY=VALUE ...]]"


def main(arguments: list[str]) -> int:
    """Check this machine, and the cluster and recipe if given; exit code 3 if a check fails."""
    from tsdg.config.compose import compose_recipe
    from tsdg.launch.fitness import examine
    from tsdg.slurm.cluster import read_cluster
    from tsdg.views.doctor import print_checks

    recipe, name = None, ""
    if any(word.startswith("recipe=") for word in arguments):
        recipe = compose_recipe(arguments)
        name = recipe.cluster
    elif all(word.startswith("cluster=") for word in arguments):
        name = arguments[-1].removeprefix("cluster=") if arguments else ""
    else:
        raise UsageError(f"tsdg doctor: keys of a recipe need recipe=R: {USAGE}")
    checks = examine(recipe, read_cluster(name, os.environ) if name else None)
    print_checks(checks)
    return MachineError.exit_code if any(check.verdict == "FAILED" for check in checks) else 0
