"""``tsdg launch``: a run, or what is left of it, as jobs of a cluster."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tsdg.commands.options import SCRIPTS, is_dry
from tsdg.commands.words import Words

if TYPE_CHECKING:
    from tsdg.config.recipe import Recipe
    from tsdg.launch.submit import Launch


def main(words: Words) -> int:
    """Submit a run; ``--dry-run`` shows its jobs instead, ``--scripts`` their scripts too."""
    from tsdg.commands.run import run_recipe
    from tsdg.config.compose import hydra_app
    from tsdg.launch.launch_run import launch_prepared
    from tsdg.progress import PREPARES, said_if_slow
    from tsdg.run.prepare import prepare
    from tsdg.slurm.cluster import ENV_FILE, read_cluster
    from tsdg.views.launch import print_launches, print_outcome

    dry_run, scripts = is_dry(words.flags), SCRIPTS.name in words.flags
    launches: list[Launch] = []

    def task(recipe: Recipe, overrides: list[str]) -> int:
        if not recipe.cluster and os.environ.get(ENV_FILE):  # as `ns` has it; kept for a resume
            path = Path(os.environ[ENV_FILE]).expanduser().absolute()
            recipe = recipe.model_copy(update={"cluster": str(path)})
            overrides = [*overrides, f"cluster={path}"]
        cluster = read_cluster(recipe.cluster, os.environ)
        if cluster.executor == "slurm":
            with said_if_slow(PREPARES):
                prepared = prepare(recipe, mirror_here=cluster.ssh_tunnel is None)
            done = launch_prepared(prepared, cluster, overrides, dry_run=dry_run)
            print_outcome(done, prepared.directory, dry_run=dry_run, scripts=scripts)
            launches.extend([done] if done else [])
            return 0
        if dry_run:
            print(
                f"cluster {recipe.cluster} has no queue: the run would be done here, as by "
                "`tsdg run`"
            )
            return 0
        return run_recipe(recipe, overrides)

    try:
        return hydra_app(task, command="tsdg launch", arguments=words.overrides)
    finally:
        if len(launches) > 1:
            print_launches(launches)
